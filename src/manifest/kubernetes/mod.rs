//! Kubernetes manifests: whatever holds the specification of a pod, and the ConfigMaps and Secrets beside it, as the
//! API's types have them (Kubernetes API reference, core/v1 and apps/v1).
//!
//! What the cluster adds is not in a manifest: admission, LimitRanges, the kubelet's configuration, the image. A field
//! that one of these decides is unknown or absent, and says so.

mod cron_job;
mod mounts;
mod object;
mod pod;
mod quantity;
mod security;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::tree::{self, Kind, Node};
use super::{Container, Files, Read};
use crate::value::Reason;
pub use cron_job::CronJob;
pub use object::Object;

/// Lists inside of lists.
const MAX_DEPTH: usize = 8;

/// What the manifests declare.
#[derive(Debug, Default)]
pub struct Manifests {
    pub containers: Vec<Container>,
    pub objects: Vec<Object>,
    pub cron_jobs: Vec<CronJob>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

/// Reads manifests. A file that cannot be read hides what it declares, and no other file's.
///
/// # Errors
/// None of them could be read.
pub fn read(files: &dyn Files, paths: &[PathBuf]) -> Read<Manifests> {
    let mut objects = Objects::default();
    let mut unread = None;
    let mut some = false;
    for path in paths {
        match documents(files, path) {
            Ok(documents) => {
                some = true;
                documents.into_iter().for_each(|document| objects.add(document, 0));
            }
            Err(reason) => {
                unread.get_or_insert(reason);
            }
        }
    }
    if let (false, Some(reason)) = (some, &unread) {
        return Err(reason.clone());
    }
    let (mut containers, mut cron_jobs) = (Vec::new(), Vec::new());
    for object in &objects.workloads {
        let own = pod::containers(object, &objects, unread.as_ref());
        cron_jobs.extend(cron_job::read(object, &own));
        containers.extend(own);
    }
    Ok(Manifests { containers, objects: objects.all, cron_jobs, more: unread.or(objects.more) })
}

fn documents(files: &dyn Files, path: &std::path::Path) -> Read<Vec<Node>> {
    let shown = path.display().to_string();
    let bytes = files.read(path)?.ok_or_else(|| Reason::new(format!("{shown} does not exist")))?;
    tree::documents(&shown, &bytes)
}

/// The objects of all files, by what they are needed for.
#[derive(Default)]
struct Objects {
    all: Vec<Object>,
    workloads: Vec<Workload>,
    /// ConfigMaps and Secrets by namespace and name; the last of several counts.
    config_maps: BTreeMap<(String, String), Node>,
    secrets: BTreeMap<(String, String), Node>,
    service_accounts: BTreeMap<(String, String), Node>,
    more: Option<Reason>,
}

/// Something that makes pods.
struct Workload {
    kind: String,
    name: String,
    namespace: String,
    object: Node,
    /// Where in it the pod's specification and metadata are.
    pod: &'static str,
    metadata: &'static str,
}

impl Objects {
    fn add(&mut self, object: Node, depth: usize) {
        if !matches!(object.kind, Kind::Map(_)) {
            self.more.get_or_insert_with(|| Reason::new(format!("{}: this is no object of Kubernetes", object.place)));
            return;
        }
        let kind = match object.at("kind").json_text() {
            Ok(Some(kind)) => kind.to_owned(),
            // Values of charts, patches of kustomize, settings of tools lie beside manifests.
            Ok(None) => return,
            Err(reason) => {
                self.more.get_or_insert(reason);
                return;
            }
        };
        if kind.ends_with("List") && depth < MAX_DEPTH {
            let mut object = object;
            if let Some(Node { kind: Kind::List(items), .. }) = object.remove("items") {
                items.into_iter().for_each(|item| self.add(item, depth + 1));
            }
            return;
        }
        let seen = Object::of(&kind, &object);
        let (name, namespace) = (seen.name.clone(), seen.namespace.clone().unwrap_or_default());
        self.all.push(seen);
        let key = (namespace.clone(), name.clone());
        match kind.as_str() {
            "ConfigMap" => drop(self.config_maps.insert(key, object)),
            "Secret" => drop(self.secrets.insert(key, object)),
            "ServiceAccount" => drop(self.service_accounts.insert(key, object)),
            _ => {
                if let Some((pod, metadata)) = template(&object) {
                    self.workloads.push(Workload { kind, name, namespace, object, pod, metadata });
                }
            }
        }
    }

    /// An object of a namespace, which manifests may leave to whoever applies them.
    fn find<'o>(of: &'o BTreeMap<(String, String), Node>, namespace: &str, name: &str) -> Option<&'o Node> {
        of.get(&(namespace.to_owned(), name.to_owned()))
    }
}

/// Where an object has a pod: the kinds of Kubernetes itself, and others that have it in the same place.
fn template(object: &Node) -> Option<(&'static str, &'static str)> {
    const PLACES: [(&str, &str); 4] = [
        ("spec.template.spec", "spec.template.metadata"),
        ("spec.jobTemplate.spec.template.spec", "spec.jobTemplate.spec.template.metadata"),
        ("template.spec", "template.metadata"),
        ("spec", "metadata"),
    ];
    let has_containers = |place: &str| {
        let mut node = Some(object);
        for key in place.split('.') {
            node = node.and_then(|node| node.get(key));
        }
        node.is_some_and(|node| node.get("containers").is_some() || matches!(node.kind, Kind::Unknown(_)))
    };
    PLACES.into_iter().find(|(pod, _)| has_containers(pod))
}

#[cfg(test)]
mod tests;

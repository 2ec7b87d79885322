//! The variables of a container: `envFrom`, and over it `env`. What a ConfigMap or a Secret of the same manifests holds
//! is resolved; what only the cluster has is not.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use secrecy::{ExposeSecret as _, SecretString};

use super::Objects;
use super::pod::Context;
use crate::facts::Basis;
use crate::manifest::Read;
use crate::manifest::tree::{Kind, Node, is_string};
use crate::target::{Environment, Unseen, Variable};
use crate::value::Reason;

/// Bytes of a value that has become this long by references.
const MAX_LENGTH: usize = 1 << 20;

pub(super) fn environment(owner: &str, context: &Context<'_>) -> Environment {
    let mut collected = Collected { context, variables: BTreeMap::new(), unseen: Vec::new() };
    collected.all("envFrom", Collected::whole_object);
    collected.all("env", Collected::own);
    Environment {
        owner: format!("container {owner}"),
        origin: context.container.place.to_string(),
        basis: Basis::Declared,
        variables: Ok(collected.variables.into_values().collect()),
        unseen: collected.unseen,
    }
}

/// The two kinds of objects that hold values.
#[derive(Clone, Copy)]
enum Holder {
    ConfigMap,
    Secret,
}

struct Collected<'c, 'a> {
    context: &'c Context<'a>,
    variables: BTreeMap<String, Variable>,
    unseen: Vec<Unseen>,
}

impl Collected<'_, '_> {
    fn all(&mut self, key: &str, each: impl Fn(&mut Self, &Node) -> Read<()>) {
        let context = self.context;
        match context.container.at(key).items() {
            Ok(entries) => {
                for entry in entries {
                    if let Err(reason) = each(self, entry) {
                        self.unseen.push(Unseen { name: None, reason });
                    }
                }
            }
            Err(reason) => self.unseen.push(Unseen { name: None, reason }),
        }
    }

    fn whole_object(&mut self, entry: &Node) -> Read<()> {
        let prefix = entry.at("prefix").text()?.unwrap_or_default();
        let (holder, reference) = match (entry.get("configMapRef"), entry.get("secretRef")) {
            (Some(node), _) => (Holder::ConfigMap, node),
            (None, Some(node)) => (Holder::Secret, node),
            (None, None) => return Ok(()),
        };
        let name = reference.at("name").json_text()?.unwrap_or_default();
        let object = self.find(holder, name).ok_or_else(|| self.missing(holder, name))?;
        for (key, value, place) in values(holder, object)? {
            self.set(format!("{prefix}{key}"), value, place);
        }
        Ok(())
    }

    fn own(&mut self, entry: &Node) -> Read<()> {
        let name = entry.at("name").json_text()?;
        let name = name.ok_or_else(|| Reason::new(format!("{}: a variable without a name", entry.place)))?;
        let place = entry.place.to_string();
        let Some(source) = entry.get("valueFrom") else {
            let value = match entry.get("value").map(|node| &node.kind) {
                None => Ok(SecretString::from("")),
                Some(Kind::Text { text, quoted: true }) => self.expanded(text),
                // Without quotes a number or a truth value is no string, and the API refuses it.
                Some(Kind::Text { text, quoted: false }) if is_string(text) => self.expanded(text),
                Some(Kind::Unknown(reason)) => Err(reason.clone()),
                Some(_) => Err(Reason::new(format!("{place}: the value is no text, which the API refuses"))),
            };
            self.set(name.to_owned(), value, place);
            return Ok(());
        };
        let (holder, reference) = match (source.get("configMapKeyRef"), source.get("secretKeyRef")) {
            (Some(node), _) => (Holder::ConfigMap, node),
            (None, Some(node)) => (Holder::Secret, node),
            (None, None) => {
                let reason = Reason::new(format!("{place}: Kubernetes sets it when the container starts"));
                self.set(name.to_owned(), Err(reason), place);
                return Ok(());
            }
        };
        let (object, key) = (reference.at("name").json_text()?, reference.at("key").json_text()?);
        let (object, key) = (object.unwrap_or_default(), key.unwrap_or_default());
        let optional = reference.at("optional").json_bool()? == Some(true);
        let found = match self.find(holder, object) {
            None => None,
            Some(found) => Some(values(holder, found)?.into_iter().find(|(known, ..)| known == key)),
        };
        match found {
            Some(Some((_, value, place))) => self.set(name.to_owned(), value, place),
            // The object is there and does not have it: nothing is set, or nothing starts.
            Some(None) if optional => drop(self.variables.remove(name)),
            None if optional => {
                let reason = self.missing(holder, object);
                self.variables.remove(name);
                self.unseen.push(Unseen { name: Some(name.to_owned()), reason });
            }
            Some(None) => {
                let reason = Reason::new(format!("{object} has no key `{key}`, so that the container does not start"));
                self.set(name.to_owned(), Err(reason), place);
            }
            None => {
                let reason = self.missing(holder, object);
                self.set(name.to_owned(), Err(reason), place);
            }
        }
        Ok(())
    }

    fn find(&self, holder: Holder, name: &str) -> Option<&'_ Node> {
        let of = match holder {
            Holder::ConfigMap => &self.context.objects.config_maps,
            Holder::Secret => &self.context.objects.secrets,
        };
        Objects::find(of, &self.context.workload.namespace, name)
    }

    fn missing(&self, holder: Holder, name: &str) -> Reason {
        let kind = match holder {
            Holder::ConfigMap => "ConfigMap",
            Holder::Secret => "Secret",
        };
        match self.context.unread {
            Some(reason) => reason.clone(),
            None => Reason::new(format!("the {kind} `{name}` is not in the manifests"))
                .with_grant("give the file that has it with --manifest"),
        }
    }

    fn set(&mut self, name: String, value: Read<SecretString>, place: String) {
        self.unseen.retain(|unseen| unseen.name.as_deref() != Some(&name));
        self.variables.insert(name.clone(), Variable { name, value, origin: Some(place) });
    }

    /// `$(NAME)` stands for a variable that was set before; `$$(NAME)` for itself; what is not set stays as it is.
    fn expanded(&self, text: &str) -> Read<SecretString> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let reference = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = reference {
                match self.variables.get(name) {
                    Some(variable) => match &variable.value {
                        Ok(value) => out.push_str(value.expose_secret()),
                        Err(reason) => return Err(reason.clone()),
                    },
                    None => match self.unseen.iter().find(|one| one.name.as_deref().is_none_or(|one| one == name)) {
                        Some(unseen) => return Err(unseen.reason.clone()),
                        None => out.extend(["$(", name, ")"]),
                    },
                }
                rest = after;
            } else {
                out.push('$');
                rest = after;
            }
            if out.len() > MAX_LENGTH {
                return Err(Reason::new("a value that becomes too long by its references"));
            }
        }
        out.push_str(rest);
        Ok(SecretString::from(out))
    }
}

/// A key with its value and where that stands.
type Entry = (String, Read<SecretString>, String);

fn values(holder: Holder, object: &Node) -> Read<Vec<Entry>> {
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    let lists: &[&str] = match holder {
        Holder::ConfigMap => &["data"],
        Holder::Secret => &["data", "stringData"],
    };
    for list in lists {
        for (key, node) in object.at(list).entries()? {
            let text = node.itself(key).text();
            let encoded = matches!(holder, Holder::Secret) && *list == "data";
            let value = text.and_then(|text| {
                if encoded { decoded(text, node) } else { Ok(text.unwrap_or_default().to_owned().into()) }
            });
            found.insert(key.clone(), (key.clone(), value, node.place.to_string()));
        }
    }
    Ok(found.into_values().collect())
}

fn decoded(text: Option<&str>, node: &Node) -> Read<SecretString> {
    let plain: String = text.unwrap_or_default().split_whitespace().collect();
    let bytes = BASE64.decode(plain.as_bytes());
    let bytes = bytes.map_err(|_| Reason::new(format!("{}: this is not base64", node.place)))?;
    let text = String::from_utf8(bytes).map_err(|_| Reason::new(format!("{}: this is not text", node.place)))?;
    Ok(SecretString::from(text))
}

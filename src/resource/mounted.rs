//! Where a file of a container comes from. Programs in containers name their certificates and keys by paths that mean
//! nothing outside; the mounts tell which file of the host, or of a Compose project, is meant.

use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;

use super::docker_json::{Read, at, maybe};
use crate::manifest::{Container, HostPath, Mount};
use crate::target::Door;
use crate::value::Reason;

/// Where a file of a container lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// On the host, at this path.
    Host(String),
    /// In the directory of a Compose project; the path is one of this machine.
    Project(PathBuf),
    /// In what is mounted, but not in a file of either.
    Elsewhere(Reason),
    /// No mount brings it: it is the image's own, or is not there.
    Unmounted,
    /// It cannot be told.
    Unseen(Reason),
}

/// A mount: where it appears in the container, and what it brings.
struct Brought {
    destination: String,
    source: Place,
}

/// Where `path`, absolute in the container that is called `owner` (`container web`), comes from.
pub(super) async fn place(door: &Door, owner: &str, path: &str) -> Place {
    let brought = match door {
        Door::Docker(docker) => {
            if !docker.is_local() {
                return Place::Unseen(Reason::new("the daemon may be on another machine, whose files are not read"));
            }
            match docker.containers().await {
                Ok(containers) => {
                    let named = containers.iter().find(|one| format!("container {}", one.name) == owner);
                    named.map(|one| match &one.inspected {
                        Ok(inspected) => of_inspection(inspected),
                        Err(failure) => Err(failure.reason()),
                    })
                }
                Err(reason) => Some(Err(reason)),
            }
        }
        Door::Manifest(manifest) => match manifest.declared().await {
            Ok(declared) => {
                let named = declared.containers.iter().find(|one| one.environment.owner == owner);
                named.map(|one| of_declared(one, manifest.project()))
            }
            Err(reason) => Some(Err(reason)),
        },
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => None,
    };
    match brought {
        Some(Ok(brought)) => resolve(brought, path),
        Some(Err(reason)) => Place::Unseen(reason),
        None => Place::Unseen(Reason::new("its mounts are not known")),
    }
}

fn of_inspection(inspected: &Json) -> Read<Vec<Brought>> {
    let mount = |item: &Json| {
        let source = maybe(item, "Source").some_text()?.filter(|source| source.starts_with('/'));
        let elsewhere = || Place::Elsewhere(Reason::new("it lies in a mount that is no directory of the host"));
        let source = source.map_or_else(elsewhere, |source| Place::Host(source.to_owned()));
        Ok(Brought { destination: at(item, "Destination").text()?.to_owned(), source })
    };
    at(inspected, "Mounts").items()?.iter().map(mount).collect()
}

fn of_declared(container: &Container, project: Option<&Path>) -> Read<Vec<Brought>> {
    if let Some(reason) = &container.mounts.more {
        return Err(reason.clone());
    }
    let mount = |mount: &Read<Mount>| {
        let mount = mount.as_ref().map_err(Clone::clone)?;
        let source = match &mount.host {
            HostPath::Path(path) => Place::Host(path.clone()),
            HostPath::Project => in_project(mount.source.as_deref(), project),
            HostPath::Unsure(reason) => Place::Unseen(reason.clone()),
            HostPath::None => Place::Elsewhere(Reason::new(format!("it lies in a {} of the container", mount.kind))),
        };
        Ok(Brought { destination: mount.destination.clone(), source })
    };
    container.mounts.items.iter().map(mount).collect()
}

fn in_project(source: Option<&str>, project: Option<&Path>) -> Place {
    match (source, project) {
        (Some(source), Some(project)) => Place::Project(project.join(source)),
        _ => Place::Unseen(Reason::new("where its project lies is not known")),
    }
}

/// The nearest mount around the path decides.
fn resolve(brought: Vec<Brought>, path: &str) -> Place {
    let Some(path) = plain(Path::new(path)) else {
        return Place::Unseen(Reason::new("its path leads through `..`"));
    };
    let around = brought.into_iter().filter_map(|mount| {
        let destination = plain(Path::new(&mount.destination))?;
        let rest = path.strip_prefix(&destination).ok()?.to_owned();
        // A root filesystem that is a mount covers everything, secrets that merely look like paths too.
        (destination.components().count() > 1).then_some((destination.components().count(), rest, mount.source))
    });
    let nearest = around.max_by_key(|(depth, _, _)| *depth);
    match nearest {
        None => Place::Unmounted,
        Some((_, rest, Place::Host(source))) => Place::Host(below(Path::new(&source), &rest).display().to_string()),
        Some((_, rest, Place::Project(source))) => Place::Project(below(&source, &rest)),
        Some((_, _, other)) => other,
    }
}

fn below(source: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { source.to_owned() } else { source.join(rest) }
}

/// The path without `.` and doubled slashes; `None` when it is not absolute or goes up.
fn plain(path: &Path) -> Option<PathBuf> {
    let goes_up = path.components().any(|part| matches!(part, Component::ParentDir | Component::Prefix(_)));
    (path.is_absolute() && !goes_up).then(|| path.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn inspected() -> Vec<Brought> {
        let mounts = json!({ "Mounts": [
            { "Type": "bind", "Source": "/etc/app", "Destination": "/certs" },
            { "Type": "bind", "Source": "/srv/ca.pem", "Destination": "/certs/ca.pem" },
            { "Type": "bind", "Source": "/", "Destination": "/" },
            { "Type": "tmpfs", "Source": "", "Destination": "/run" },
        ] });
        of_inspection(&mounts).unwrap()
    }

    #[test]
    fn the_nearest_mount_decides() {
        assert_eq!(resolve(inspected(), "/certs/api.crt"), Place::Host("/etc/app/api.crt".to_owned()));
        assert_eq!(resolve(inspected(), "//certs/./ca.pem"), Place::Host("/srv/ca.pem".to_owned()));
        assert!(matches!(resolve(inspected(), "/run/key"), Place::Elsewhere(_)));
        assert_eq!(resolve(inspected(), "/certsx/api.crt"), Place::Unmounted);
        assert!(matches!(resolve(inspected(), "/certs/../etc/shadow"), Place::Unseen(_)));
        assert!(of_inspection(&json!({ "Mounts": [7] })).is_err());
        assert!(of_inspection(&json!({})).is_err());
    }

    #[test]
    fn a_project_knows_its_own_files() {
        let project = Some(Path::new("/work/app"));
        assert_eq!(in_project(Some("./certs"), project), Place::Project("/work/app/./certs".into()));
        assert!(matches!(in_project(Some("./certs"), None), Place::Unseen(_)));
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[/a-z.]{0,30}|\\PC*", destination in "[/a-z.]{0,20}|\\PC*") {
            resolve(vec![Brought { destination, source: Place::Host("/srv".to_owned()) }], &path);
        }
    }
}

//! Where a container's files come from, and what they hold: a directory or a file of the host, or of the Compose project.

use std::path::Path;

use crate::glob::{Glob, is_pattern};
use crate::manifest::Read;
use crate::ofelia::settings::File;
use crate::resource::files::show;
use crate::target::Door;
use crate::target::host::{Host, Trouble};
use crate::value::{List, Observed, Reason, Record, Value};

/// Bytes of a file that is looked into.
const MAX_BYTES: u64 = 1 << 20;

/// Where a file of a container lies; the last name may be a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Host(String),
    /// Relative to the directory of the Compose project.
    Project(String),
    /// In none of its mounts: in the image, if anywhere.
    Image,
    Unsure(Reason),
}

/// A mount, as far as it matters here.
struct Mount {
    destination: String,
    place: Place,
}

/// Where a path or a pattern of a container leads.
pub(super) fn places(container: &Record, path: &str) -> Vec<Place> {
    let mounts = match mounts(container) {
        Ok(mounts) => mounts,
        Err(reason) => return vec![Place::Unsure(reason)],
    };
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    if is_pattern(directory) {
        return vec![Place::Unsure(Reason::new(format!("which files {path} means was not looked for")))];
    }
    if !is_pattern(name) {
        return vec![place(&mounts, path)];
    }
    let glob = Glob::new(name);
    let is_named = |mount: &&Mount| {
        mount.destination.rsplit_once('/').is_some_and(|(parent, file)| parent == directory && glob.matches(file))
    };
    let single: Vec<Place> = mounts.iter().filter(is_named).map(|mount| mount.place.clone()).collect();
    match place(&mounts, path) {
        Place::Image if !single.is_empty() => single,
        whole => std::iter::once(whole).chain(single).collect(),
    }
}

/// By the mount that lies nearest.
fn place(mounts: &[Mount], path: &str) -> Place {
    let below = |mount: &Mount| {
        let rest = path.strip_prefix(mount.destination.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let found = mounts.iter().filter_map(|mount| Some((mount, below(mount)?)));
    let nearest = found.max_by_key(|(mount, _)| mount.destination.len());
    match nearest {
        None => Place::Image,
        Some((mount, rest)) => match &mount.place {
            Place::Host(source) => Place::Host(format!("{}{rest}", source.trim_end_matches('/'))),
            Place::Project(source) => Place::Project(format!("{}{rest}", source.trim_end_matches('/'))),
            other => other.clone(),
        },
    }
}

fn mounts(container: &Record) -> Read<Vec<Mount>> {
    let List { items, more } = match container.get("mounts") {
        Some(Observed::Known(Value::List(list))) => list.clone(),
        Some(Observed::Unknown(reason)) => return Err(reason.clone()),
        _ => List::default(),
    };
    if let Some(reason) = more {
        return Err(reason);
    }
    items.iter().map(mount).collect()
}

fn mount(observed: &Observed) -> Read<Mount> {
    let record = match observed {
        Observed::Known(Value::Record(record)) => record,
        Observed::Unknown(reason) => return Err(reason.clone()),
        _ => return Err(Reason::new("a mount that cannot be told")),
    };
    let text = |name: &str| match record.get(name) {
        Some(Observed::Known(value)) => Ok(Some(value.to_string())),
        Some(Observed::Unknown(reason)) => Err(reason.clone()),
        _ => Ok(None),
    };
    let destination = text("destination")?.unwrap_or_default();
    let place = match text("source")? {
        Some(source) if source.starts_with('/') => Place::Host(source),
        Some(source) if source.starts_with('.') => Place::Project(source),
        _ => Place::Unsure(Reason::new(format!("{destination} is a volume of which only the engine has the files"))),
    };
    Ok(Mount { destination, place })
}

/// The files, in the order of their names, with the paths of the host among them.
pub(super) struct Files {
    pub(super) files: Vec<File>,
    /// Those that lie on the host.
    pub(super) on_host: Vec<String>,
}

/// Reads what lies at the places. `bare` for an image that is known to bring no such file.
pub(super) async fn read(door: &Door, places: Vec<Place>, bare: bool) -> Read<Files> {
    let mut read = Files { files: Vec::new(), on_host: Vec::new() };
    for place in places {
        match place {
            Place::Host(path) => {
                let host = host(door).ok_or_else(|| no_host(&path))?.clone();
                let found = host.run(move |host| of_host(host, &path)).await??;
                read.on_host.extend(found.iter().map(|file| file.path.clone()));
                read.files.extend(found);
            }
            Place::Project(path) => {
                let Door::Manifest(manifest) = door else {
                    return Err(Reason::new(format!("{path} is relative to a project that is not looked at")));
                };
                let found = manifest.project_files(&path).await?;
                read.files.extend(found.into_iter().map(|(path, bytes)| file(show(&path), bytes)));
            }
            Place::Image if bare => {}
            Place::Image => {
                return Err(Reason::new("its configuration is in none of its mounts, and images are not looked into"));
            }
            Place::Unsure(reason) => return Err(reason),
        }
    }
    Ok(read)
}

fn no_host(path: &str) -> Reason {
    Reason::new(format!("{path} lies on a host that is not looked at")).with_grant("name its root too: --root /")
}

/// The host that containers are given files of.
fn host(door: &Door) -> Option<&Host> {
    match door {
        Door::Host(host) => Some(host),
        Door::Docker(docker) => docker.host(),
        Door::Manifest(manifest) => manifest.host(),
        Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => None,
    }
}

/// The files that a path or a pattern means.
pub(super) fn of_host(host: &Host, pattern: &str) -> Read<Vec<File>> {
    let found = host.find(pattern)?;
    if let Some(reason) = found.more {
        return Err(reason);
    }
    let mut files = Vec::new();
    for path in found.paths {
        match host.read(Path::new(&path), MAX_BYTES) {
            Ok(bytes) => files.push(file(show(&path), bytes)),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => files.push(File { path: show(&path), text: Err(reason) }),
        }
    }
    Ok(files)
}

fn file(path: String, bytes: Vec<u8>) -> File {
    let text = String::from_utf8(bytes).map_err(|_| Reason::new(format!("{path}: it is not UTF-8")));
    File { path, text }
}

#[cfg(test)]
mod tests {
    use super::super::super::container::CONTAINER;
    use super::*;
    use crate::facts::{Basis, Subject};

    fn container(mounts: &[(&str, &str)]) -> Record {
        let table = CONTAINER.fields.iter().find_map(|field| match field.ty {
            crate::value::Type::List(crate::value::Type::Record(table)) if field.name == "mounts" => Some(*table),
            _ => None,
        });
        let mount = |(source, destination): &(&str, &str)| {
            let source = Some(*source).filter(|source| !source.is_empty());
            Observed::from(
                Record::new(table.unwrap())
                    .with("source", Observed::from_option(source))
                    .with("destination", *destination),
            )
        };
        let mut subject = Subject::new(&CONTAINER, "ofelia", "x", Basis::Declared);
        subject.fields.set("mounts", mounts.iter().map(mount).collect::<Value>());
        subject.fields
    }

    #[test]
    fn a_path_is_followed_through_the_nearest_mount() {
        let one = container(&[("/srv", "/etc"), ("./conf", "/etc/ofelia/"), ("", "/data")]);
        assert_eq!(places(&one, "/etc/ofelia/config.ini"), [Place::Project("./conf/config.ini".into())]);
        assert_eq!(places(&one, "/etc/passwd"), [Place::Host("/srv/passwd".into())]);
        assert_eq!(places(&one, "/etcetera"), [Place::Image]);
        assert!(matches!(places(&one, "/data/x").as_slice(), [Place::Unsure(_)]));
        assert_eq!(places(&one, "/etc/ofelia/*.ini"), [Place::Project("./conf/*.ini".into())]);
        let files = container(&[("/srv/b.ini", "/etc/ofelia/b.ini"), ("/srv/x", "/etc/ofelia/x")]);
        assert_eq!(places(&files, "/etc/ofelia/*.ini"), [Place::Host("/srv/b.ini".into())]);
        assert_eq!(places(&files, "/etc/ofelia/b.ini"), [Place::Host("/srv/b.ini".into())]);
        assert!(matches!(places(&files, "/etc/*/b.ini").as_slice(), [Place::Unsure(_)]));
    }
}

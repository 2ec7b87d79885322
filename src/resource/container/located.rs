//! Where a path of a container comes from: its own layer, or a mount, and then which path of the host it is. By this a rule
//! follows a file that a program in a container was told to use to the file on the host.

use super::mounts::{is_in, normalise};
use crate::value::{List, Observed, Reason, Record, Value};

const FIELDS: [&str; 3] = ["path_mount", "path_writable", "path_on_host"];

/// Sets the fields about `path`, from the mounts that were set already. No path was asked for when it is empty.
pub(super) fn set(fields: &mut Record, path: &str) {
    let located = match (path, fields.get("mounts")) {
        ("", _) | (_, None) => [Observed::Absent, Observed::Absent, Observed::Absent],
        (path, Some(mounts)) => locate(path, mounts),
    };
    for (name, observed) in FIELDS.into_iter().zip(located) {
        fields.set(name, observed);
    }
}

fn locate(path: &str, mounts: &Observed) -> [Observed; 3] {
    let unknown = |reason: Reason| [(); 3].map(|()| Observed::Unknown(reason.clone()));
    if !path.starts_with('/') {
        return unknown(Reason::new(format!("{path} is relative to a directory that is known in the container only")));
    }
    let list = match mounts {
        Observed::Known(Value::List(list)) => list,
        Observed::Unknown(reason) => return unknown(reason.clone()),
        Observed::Known(_) | Observed::Absent => return [Observed::Absent, Observed::Absent, Observed::Absent],
    };
    let path = normalised(path);
    match nearest(&path, list) {
        Err(reason) => unknown(reason),
        // The container's own layer, which it may write to unless its root is read-only.
        Ok(None) => [Observed::Absent, Observed::Absent, Observed::Absent],
        Ok(Some((mount, destination))) => [
            mount.get("type").cloned().unwrap_or(Observed::Absent),
            mount.get("rw").cloned().unwrap_or(Observed::Absent),
            on_host(mount, &path, &destination),
        ],
    }
}

/// Without `.`, `..` and doubled slashes. In a container `/var/run` need not be `/run`.
fn normalised(path: &str) -> String {
    match path.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/var/run{}", normalise(&format!("/{rest}"))),
        Some(_) | None => normalise(path),
    }
}

/// The mount with the longest destination that the path lies in. One that could not be read may be nearer.
fn nearest<'m>(path: &str, list: &'m List) -> Result<Option<(&'m Record, String)>, Reason> {
    let mut best: Option<(&Record, String)> = None;
    for item in &list.items {
        let mount = match item {
            Observed::Known(Value::Record(mount)) => mount,
            Observed::Unknown(reason) => return Err(reason.clone()),
            Observed::Known(_) | Observed::Absent => continue,
        };
        let destination = match mount.get("destination") {
            Some(Observed::Known(Value::Text(text))) => normalised(text),
            Some(Observed::Unknown(reason)) => return Err(reason.clone()),
            Some(_) | None => continue,
        };
        let longer = best.as_ref().is_none_or(|(_, other)| destination.len() >= other.len());
        if is_in(path, &destination) && longer {
            best = Some((mount, destination));
        }
    }
    list.more.clone().map_or(Ok(best), Err)
}

/// The path on the host that the path is; absent for what is kept in memory.
fn on_host(mount: &Record, path: &str, destination: &str) -> Observed {
    let is_tmpfs = matches!(mount.get("type"), Some(Observed::Known(Value::Word(word))) if word.as_str() == "tmpfs");
    match mount.get("source") {
        _ if is_tmpfs => Observed::Absent,
        Some(Observed::Known(Value::Text(source))) if source.starts_with('/') => {
            let rest = path.strip_prefix(destination.trim_end_matches('/')).unwrap_or_default();
            Observed::from(normalise(&format!("{source}/{rest}")))
        }
        Some(Observed::Known(Value::Text(source))) => {
            let reason = Reason::new(format!("where {source} lies on the host is decided when the project is started"));
            Observed::Unknown(reason.with_grant("mount it by an absolute path, or ask the running container"))
        }
        Some(Observed::Unknown(reason)) => Observed::Unknown(reason.clone()),
        Some(_) | None => {
            let reason = Reason::new("where a volume lies on the host is the engine's business");
            Observed::Unknown(reason.with_grant("ask the running container"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::container::fields::{FIELDS as TABLE, MOUNT, MOUNT_KIND};
    use crate::value::types::word;
    use proptest::prelude::*;

    fn mount(kind: &str, source: Option<&str>, destination: &str) -> Observed {
        Record::new(MOUNT)
            .with("type", word(&MOUNT_KIND, kind))
            .with("source", Observed::from_option(source))
            .with("destination", destination)
            .with("rw", false)
            .into()
    }

    fn located(path: &str, items: Vec<Observed>) -> [String; 3] {
        let mut fields = Record::new(TABLE);
        fields.set("mounts", Value::List(List { items, more: None }));
        set(&mut fields, path);
        FIELDS.map(|name| fields.get(name).unwrap().to_string())
    }

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = || vec![mount("bind", Some("/srv/a"), "/data"), mount("bind", Some("/srv/b/"), "/data/db/")];
        assert_eq!(located("/data/db/x.db", mounts()), ["bind", "false", "/srv/b/x.db"]);
        assert_eq!(located("/data/../data/x", mounts()), ["bind", "false", "/srv/a/x"]);
        assert_eq!(located("/database", mounts()), ["absent", "absent", "absent"]);
        assert_eq!(located("/etc/x", vec![mount("bind", Some("/"), "/")])[2], "/etc/x");
        assert_eq!(located("/run/x", vec![mount("tmpfs", None, "/run")])[2], "absent");
        assert_eq!(located("", mounts()), ["absent", "absent", "absent"]);
    }

    #[test]
    fn what_is_not_known_stays_so() {
        assert!(located("/data/x", vec![mount("bind", Some("./data"), "/data")])[2].starts_with("unknown"));
        assert!(located("/data/x", vec![mount("volume", None, "/data")])[2].starts_with("unknown"));
        assert!(located("data/x", vec![])[0].starts_with("unknown"));
        assert!(located("/x", vec![Observed::unknown("no")])[0].starts_with("unknown"));
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in ".{0,20}", destination in ".{0,20}", source in ".{0,20}") {
            let _ = located(&path, vec![mount("bind", Some(&source), &destination)]);
        }
    }
}

//! Which mounts hand a part of the host to a container.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::Value as Json;

use super::fields::{MOUNT, MOUNT_KIND};
use crate::resource::docker_json::{Read, at, maybe, seen, seen_items, seen_or_absent, seen_texts};
use crate::value::types::word;
use crate::value::{Observed, Reason, Record};

/// Directories of the host's own: a source that is one, contains one or lies in one is sensitive.
const HOST_TREES: [&str; 32] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/root",
    "/run/containerd",
    "/run/crio",
    "/run/dbus",
    "/run/docker",
    "/run/podman",
    "/run/secrets",
    "/run/systemd",
    "/run/udev",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/systemd",
    "/var/spool/cron",
];
/// Directories whose subdirectories are ordinary places for data: a source that is one or contains one is sensitive.
const HOST_ROOTS: [&str; 3] = ["/home", "/run", "/usr"];
/// Within the trees, but world-readable settings or data that are handed out all the time.
const HARMLESS: [&str; 6] =
    ["/etc/hosts", "/etc/localtime", "/etc/resolv.conf", "/etc/ssl/certs", "/etc/timezone", "/var/lib/kubelet/pods"];
/// What a user keeps keys and credentials in, below a home directory.
const IN_HOMES: [&str; 9] = [".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".local", ".pgpass", ".ssh"];
/// Sockets that command a container engine, and with it the host.
const ENGINE_SOCKETS: [&str; 6] = [
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/docker/containerd/containerd.sock",
];

/// The path without `.`, `..`, doubled and trailing slashes, and with `/var/run` as the `/run` that it links to.
pub(super) fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.extend(part.to_str()),
            Component::ParentDir => _ = parts.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if let ["var", "run", rest @ ..] = parts.as_slice() {
        parts = ["run"].iter().chain(rest).copied().collect();
    }
    format!("/{}", parts.join("/"))
}

/// Whether `path` is `directory` or lies in it.
pub(super) fn is_in(path: &str, directory: &str) -> bool {
    directory == "/" || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a bind mount of this normalised path hands out a part of the host.
pub(super) fn is_sensitive(path: &str) -> bool {
    if HARMLESS.iter().any(|harmless| is_in(path, harmless)) {
        return false;
    }
    HOST_TREES.iter().any(|tree| is_in(path, tree) || is_in(tree, path))
        || HOST_ROOTS.iter().any(|root| is_in(root, path))
        || is_private_in_home(path)
        || brings_socket(path, None)
}

/// A home directory itself, or what holds credentials in one.
fn is_private_in_home(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/home/") else { return false };
    match rest.split('/').nth(1) {
        None => true,
        Some(entry) => IN_HOMES.contains(&entry),
    }
}

/// Whether this normalised path is or contains the socket of an engine; `daemon` is the socket of the one that was asked.
pub(super) fn brings_socket(path: &str, daemon: Option<&str>) -> bool {
    let named = Path::new(path).file_name().and_then(|name| name.to_str()).is_some_and(|name| {
        ["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "cri-dockerd.sock"].contains(&name)
    });
    // Rootless engines keep theirs in /run/user/UID.
    let user = path == "/run/user" || (is_in(path, "/run/user") && matches!(path.split('/').count(), 4));
    let user_engine = is_in(path, "/run/user") && path.split('/').count() == 5 && path.ends_with("/podman");
    named
        || user
        || user_engine
        || ENGINE_SOCKETS.iter().any(|socket| is_in(socket, path))
        || daemon.is_some_and(|socket| is_in(&normalise(socket), path))
}

/// What judging mounts needs to know besides the inspection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// Directories of the host behind named volumes, by the volume's name.
    pub(super) volumes: &'a Read<BTreeMap<String, String>>,
    /// The socket by which the daemon was asked.
    pub(super) socket: Option<&'a str>,
    /// Where sources lead through symbolic links on this machine.
    pub(super) links: Option<&'a BTreeMap<String, String>>,
}

/// One entry of `Mounts`, judged.
struct Mount<'a> {
    json: &'a Json,
    kind: Read<&'a str>,
    source: Read<Option<&'a str>>,
}

impl<'a> Mount<'a> {
    fn read(json: &'a Json) -> Self {
        Mount { json, kind: maybe(json, "Type").text(), source: maybe(json, "Source").some_text() }
    }

    /// The path of the host that it hands out, if any. A named volume may be a bind mount in disguise.
    fn host_path(&self, around: Surroundings<'_>) -> Read<Option<String>> {
        let source = self.source.clone()?.filter(|source| source.starts_with('/'));
        match self.kind.clone()? {
            "bind" => {
                source.map(|source| Some(source.to_owned())).ok_or_else(|| Reason::new("a bind mount without a source"))
            }
            "volume" => {
                let name = maybe(self.json, "Name").some_text()?.unwrap_or_default();
                Ok(around.volumes.as_ref().map_err(Clone::clone)?.get(name).cloned())
            }
            _ => Ok(source.map(str::to_owned)),
        }
    }

    /// That path and, where it is a link, what this machine resolves it to.
    fn paths(&self, around: Surroundings<'_>) -> Read<Vec<String>> {
        let Some(path) = self.host_path(around)? else { return Ok(Vec::new()) };
        let linked = around.links.and_then(|links| links.get(&path)).map(|target| normalise(target));
        Ok(std::iter::once(normalise(&path)).chain(linked).collect())
    }

    fn is_sensitive(&self, around: Surroundings<'_>) -> Read<bool> {
        Ok(self.paths(around)?.iter().any(|path| is_sensitive(path)))
    }

    fn brings_socket(&self, around: Surroundings<'_>) -> Read<bool> {
        Ok(self.paths(around)?.iter().any(|path| brings_socket(path, around.socket)))
    }

    fn record(&self, around: Surroundings<'_>) -> Observed {
        let source = self.source.clone().map(|source| {
            source.map(|source| if source.starts_with('/') { normalise(source) } else { source.to_owned() })
        });
        Record::new(MOUNT)
            .with("type", seen(self.kind.clone().map(|kind| word(&MOUNT_KIND, kind))))
            .with("source", seen_or_absent(source))
            .with("destination", seen(at(self.json, "Destination").text()))
            .with("rw", seen(at(self.json, "RW").bool()))
            .with("propagation", seen_or_absent(maybe(self.json, "Propagation").some_text()))
            .with("name", seen_or_absent(maybe(self.json, "Name").some_text()))
            .with("sensitive", seen(self.is_sensitive(around)))
            .with("secret_mode", Observed::Absent)
            .into()
    }
}

/// Volumes of the local driver that are bind mounts, made with `--opt o=bind --opt device=PATH`, from `GET /volumes`.
pub(super) fn bound_volumes(answer: &Json) -> Read<BTreeMap<String, String>> {
    let mut bound = BTreeMap::new();
    for volume in at(answer, "Volumes").items()? {
        let option = |key: &str| maybe(volume, &format!("Options.{key}")).some_text();
        let is_bind = option("o")?.unwrap_or_default().split(',').any(|word| matches!(word, "bind" | "rbind"));
        if let (true, Some(device)) = (is_bind, option("device")?) {
            bound.insert(at(volume, "Name").text()?.to_owned(), device.to_owned());
        }
    }
    Ok(bound)
}

/// Whether a container has a named volume, so that it matters what is behind it.
pub(super) fn has_volume(inspected: &Json) -> bool {
    let mounts = inspected.get("Mounts").and_then(Json::as_array).into_iter().flatten();
    mounts.into_iter().any(|mount| mount.get("Type").and_then(Json::as_str) == Some("volume"))
}

/// Sets the fields about mounts.
pub(super) fn set(fields: &mut Record, inspected: &Json, around: Surroundings<'_>) {
    let items = at(inspected, "Mounts").items();
    fields.set("mounts", seen_items(items.clone(), |item| Mount::read(item).record(around)));
    fields.set("sensitive_mounts", seen_texts(items.clone().and_then(|items| sensitive(items, around))));
    fields.set("docker_socket_mounted", seen(items.and_then(|items| any_socket(items, around))));
}

fn sensitive(items: &[Json], around: Surroundings<'_>) -> Read<Vec<String>> {
    let mut sources = Vec::new();
    for mount in items.iter().map(Mount::read) {
        if mount.is_sensitive(around)? {
            sources.extend(mount.paths(around)?.into_iter().next());
        }
    }
    sources.sort_unstable();
    sources.dedup();
    Ok(sources)
}

/// One that does is enough; one that cannot be read leaves it open otherwise.
fn any_socket(items: &[Json], around: Surroundings<'_>) -> Read<bool> {
    let mut answers = items.iter().map(|item| Mount::read(item).brings_socket(around)).collect::<Vec<_>>();
    answers.sort_by_key(|answer| match answer {
        Ok(true) => 0,
        Err(_) => 1,
        Ok(false) => 2,
    });
    answers.into_iter().next().unwrap_or(Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn paths_are_compared_by_what_they_name() {
        assert_eq!(normalise("/var/run/docker.sock"), "/run/docker.sock");
        assert_eq!(normalise("//etc/./x/../"), "/etc");
        assert_eq!(normalise("/../.."), "/");
        assert_eq!(normalise("/var/../var/run/"), "/run");
        assert_eq!(normalise("/var/running"), "/var/running");
    }

    #[test]
    fn the_host_is_sensitive_above_and_below() {
        for path in [
            "/",
            "/etc",
            "/etc/passwd",
            "/var",
            "/run",
            "/var/lib",
            "/usr",
            "/usr/bin",
            "/home",
            "/home/alice",
            "/home/alice/.ssh",
            "/home/alice/.ssh/id_ed25519",
            "/proc/sys",
            "/sys/fs/cgroup",
            "/dev/sda",
            "/root/.bashrc",
            "/run/docker.sock",
            "/srv/docker.sock",
            "/var/lib/docker/volumes",
            "/lib",
            "/run/user/1000/podman",
        ] {
            assert!(is_sensitive(path), "{path}");
        }
        for path in [
            "/srv",
            "/opt/app",
            "/data",
            "/etcetera",
            "/home/alice/project",
            "/etc/localtime",
            "/usr/share/zoneinfo",
            "/mnt",
            "/var/log",
            "/var/lib/postgresql",
            "/etc/ssl/certs/ca.pem",
            "/run/shared",
            "/tmp",
            "/rootfs",
        ] {
            assert!(!is_sensitive(path), "{path}");
        }
    }

    #[test]
    fn the_socket_may_come_in_a_directory() {
        for path in
            ["/", "/run", "/run/docker.sock", "/run/containerd", "/run/user/1000", "/run/user", "/x/docker.sock"]
        {
            assert!(brings_socket(path, None), "{path}");
        }
        for path in ["/etc", "/run/dockershim", "/run/docker.sock.d", "/run/user/1000/app", "/var/lib/docker"] {
            assert!(!brings_socket(path, None), "{path}");
        }
        assert!(brings_socket("/srv/engine", Some("/srv/engine/e.sock")));
        assert!(!brings_socket("/srv/engineer", Some("/srv/engine/e.sock")));
    }

    #[test]
    fn a_mount_that_cannot_be_read_leaves_the_answer_open() {
        let none = Ok(BTreeMap::new());
        let around = Surroundings { volumes: &none, socket: None, links: None };
        let bind = |source: &str| json!({ "Type": "bind", "Source": source });
        let strange = json!({ "Type": "bind", "Source": 7 });
        assert_eq!(any_socket(&[bind("/srv"), bind("/var/run/docker.sock")], around), Ok(true));
        assert_eq!(any_socket(&[strange.clone(), bind("/run")], around), Ok(true));
        assert!(any_socket(&[strange.clone(), bind("/srv")], around).is_err());
        assert!(sensitive(&[strange, bind("/etc")], around).is_err());
        assert_eq!(any_socket(&[], around), Ok(false));
        let links = BTreeMap::from([("/srv/conf".to_owned(), "/etc".to_owned())]);
        let around = Surroundings { links: Some(&links), ..around };
        assert_eq!(sensitive(&[bind("/srv/conf")], around), Ok(vec!["/srv/conf".to_owned()]));
        let volume = json!({ "Type": "volume", "Name": "x", "Source": "/var/lib/docker/volumes/x/_data" });
        assert_eq!(sensitive(std::slice::from_ref(&volume), around), Ok(vec![]));
        let disguised = bound_volumes(&json!({ "Volumes": [
            { "Name": "x", "Options": { "type": "none", "o": "bind", "device": "/var/run" } },
            { "Name": "y", "Options": null },
            { "Name": "z", "Options": { "type": "nfs", "o": "addr=h", "device": ":/x" } },
        ] }));
        assert_eq!(disguised.as_ref().unwrap().len(), 1);
        let around = Surroundings { volumes: &disguised, ..around };
        assert_eq!(any_socket(std::slice::from_ref(&volume), around), Ok(true));
        let denied = Err(Reason::new("denied"));
        let around = Surroundings { volumes: &denied, ..around };
        assert!(any_socket(&[volume], around).is_err());
        assert_eq!(any_socket(&[bind("/srv")], around), Ok(false));
    }

    proptest! {
        #[test]
        fn any_path_is_normalised_once_and_for_all(path in "[/a-z.]{0,30}|\\PC*") {
            let once = normalise(&path);
            prop_assert!(once.starts_with('/'));
            prop_assert_eq!(normalise(&once), once.clone());
            let _ = is_sensitive(&once);
        }
    }
}

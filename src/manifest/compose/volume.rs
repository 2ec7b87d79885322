//! Mounts of a service: volumes in both forms, `secrets` and `configs` that are files, and the engine's socket.

use super::Kind;
use super::service::Context;
use crate::manifest::tree::Node;
use crate::manifest::{HostPath, Items, Mount, Read};
use crate::value::Reason;

/// Every mount of a service; of several for one path the last counts.
pub(super) fn mounts(service: &Node, context: &Context<'_>) -> Items<Mount> {
    let mut mounts = Items::default();
    match service.at("volumes").items() {
        Ok(entries) => {
            let entries = entries.iter().filter(|entry| !matches!(entry.kind, Kind::Null));
            entries.for_each(|entry| add(&mut mounts, mount(entry, context)));
        }
        Err(reason) => mounts.doubt(reason),
    }
    for (key, folder) in [("secrets", "/run/secrets/"), ("configs", "/")] {
        match service.at(key).items() {
            Ok(entries) => {
                entries.iter().filter_map(|entry| granted(entry, key, folder, context)).for_each(|mount| {
                    add(&mut mounts, mount);
                });
            }
            Err(reason) => mounts.doubt(reason),
        }
    }
    match service.at("use_api_socket").bool() {
        Ok(Some(true)) => mounts.items.push(Ok(Mount {
            rw: Ok(true),
            ..bind(Some("/var/run/docker.sock".to_owned()), "/var/run/docker.sock".to_owned())
        })),
        Ok(_) => {}
        Err(reason) => mounts.doubt(reason),
    }
    mounts
}

fn add(mounts: &mut Items<Mount>, mount: Read<Mount>) {
    let same = |known: &Read<Mount>| match (known, &mount) {
        (Ok(known), Ok(mount)) => known.destination == mount.destination,
        _ => false,
    };
    match mounts.items.iter().position(same) {
        Some(at) => mounts.items.splice(at..=at, [mount]).for_each(drop),
        None => mounts.items.push(mount),
    }
}

fn strange(entry: &Node) -> Reason {
    Reason::new(format!("{}: this is no volume that Compose understands", entry.place))
}

fn bind(source: Option<String>, destination: String) -> Mount {
    let host = match &source {
        Some(source) => host_path(source),
        None => HostPath::Unsure(Reason::new("a bind mount without a source")),
    };
    let propagation = Ok(Some("rprivate".to_owned()));
    Mount { kind: "bind", source, host, propagation, ..made("bind", None, &destination) }
}

/// Where a bind mount's source lies.
fn host_path(source: &str) -> HostPath {
    if source.starts_with('/') {
        return HostPath::Path(source.to_owned());
    }
    if let Some(rest) = source.strip_prefix('~') {
        // In whose home decides little: below `/home/USER` the same directories hold credentials.
        let rest = rest.trim_start_matches('/');
        return match rest.split('/').next() {
            Some("" | ".ssh" | ".aws" | ".azure" | ".config" | ".docker" | ".gnupg" | ".kube" | ".local") => {
                HostPath::Path(format!("/home/user/{rest}"))
            }
            _ => HostPath::Unsure(Reason::new("it lies in the home directory of whoever starts the project")),
        };
    }
    let mut depth = 0_i32;
    for part in source.split('/') {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        if depth < 0 {
            return HostPath::Unsure(Reason::new(format!("where {source} is depends on where the project will lie")));
        }
    }
    HostPath::Project
}

fn mount(entry: &Node, context: &Context<'_>) -> Read<Mount> {
    match &entry.kind {
        Kind::Text { text, .. } => short(text, entry, context),
        Kind::Map(_) => long(entry, context),
        Kind::Unknown(reason) => Err(reason.clone()),
        Kind::Null | Kind::List(_) => Err(strange(entry)),
    }
}

fn short(text: &str, entry: &Node, context: &Context<'_>) -> Read<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(strange(entry)),
    };
    if target.is_empty() || source.is_some_and(str::is_empty) {
        return Err(strange(entry));
    }
    let mut mount = match source {
        Some(source) if source.starts_with(['/', '.', '~']) => bind(Some(source.to_owned()), target.to_owned()),
        Some(source) => volume(Some(source), target, context),
        None => volume(None, target, context),
    };
    for option in options.split(',') {
        match option {
            "ro" => mount.rw = Ok(false),
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                mount.propagation = Ok(Some(option.to_owned()));
            }
            _ => {}
        }
    }
    Ok(mount)
}

fn long(entry: &Node, context: &Context<'_>) -> Read<Mount> {
    let target = entry.at("target").some_text()?.ok_or_else(|| strange(entry))?;
    let source = entry.at("source").some_text()?;
    let mut mount = match entry.at("type").some_text()? {
        Some("bind") => bind(source.map(str::to_owned), target.to_owned()),
        Some("volume") | None => volume(source, target, context),
        Some("tmpfs") => made("tmpfs", source, target),
        Some("npipe") => made("npipe", source, target),
        Some("cluster") => made("cluster", source, target),
        Some("image") => made("image", source, target),
        Some(_) => return Err(strange(entry)),
    };
    mount.rw = entry.at("read_only").bool().map(|read_only| read_only != Some(true));
    match entry.at("bind.propagation").some_text() {
        Ok(None) => {}
        propagation => mount.propagation = propagation.map(|word| word.map(str::to_owned)),
    }
    Ok(mount)
}

/// The path without doubled and trailing slashes and without steps that lead nowhere, as Compose hands it on.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if path.starts_with('/') { "/" } else { "" };
    format!("{slash}{}", parts.join("/"))
}

fn made(kind: &'static str, source: Option<&str>, target: &str) -> Mount {
    Mount {
        kind,
        source: source.map(str::to_owned),
        host: HostPath::None,
        destination: clean(target),
        rw: Ok(true),
        propagation: Ok(None),
        name: None,
        secret_mode: Ok(None),
    }
}

/// A named volume may be a bind mount in disguise: the local driver with `o: bind`.
fn volume(name: Option<&str>, target: &str, context: &Context<'_>) -> Mount {
    let declared = name.and_then(|name| context.model.get("volumes")?.get(name));
    let host = match declared {
        None => HostPath::None,
        Some(declared) => bound(declared).unwrap_or_else(HostPath::Unsure),
    };
    Mount { host, name: name.map(str::to_owned), ..made("volume", None, target) }
}

fn bound(declared: &Node) -> Read<HostPath> {
    // What an external volume is made of only the daemon knows.
    let external = declared
        .get("external")
        .is_some_and(|node| matches!(node.kind, Kind::Map(_)) || node.itself("external").bool() == Ok(Some(true)));
    if external {
        return Ok(HostPath::Unsure(Reason::new("an external volume, of which only the daemon knows what it is")));
    }
    let options = declared.at("driver_opts.o").text()?.unwrap_or_default();
    if !options.split(',').any(|word| matches!(word, "bind" | "rbind")) {
        return Ok(HostPath::None);
    }
    let device = declared.at("driver_opts.device").some_text()?;
    Ok(device.map_or(HostPath::None, host_path))
}

/// A secret or a config that is a file of the host: Compose binds it read-only.
fn granted(entry: &Node, key: &str, folder: &str, context: &Context<'_>) -> Option<Read<Mount>> {
    let (source, target) = match &entry.kind {
        Kind::Text { text, .. } => (text.as_str(), None),
        Kind::Map(_) => match (entry.at("source").some_text(), entry.at("target").some_text()) {
            (Ok(Some(source)), Ok(target)) => (source, target),
            (Err(reason), _) | (_, Err(reason)) => return Some(Err(reason)),
            (Ok(None), _) => return Some(Err(strange(entry))),
        },
        Kind::Unknown(reason) => return Some(Err(reason.clone())),
        Kind::Null => return None,
        Kind::List(_) => return Some(Err(strange(entry))),
    };
    let file = match context.model.get(key)?.get(source)?.at("file").some_text() {
        Ok(file) => file?,
        Err(reason) => return Some(Err(reason)),
    };
    let target = target.unwrap_or(source);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("{folder}{target}") };
    // A bare name is a file here, not a volume.
    let file = if file.starts_with(['/', '.', '~']) { file.to_owned() } else { format!("./{file}") };
    Some(Ok(Mount { rw: Ok(false), ..bind(Some(file), target) }))
}

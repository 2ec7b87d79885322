//! Mounts of a container: what its pod's volumes are made of.

use super::pod::Context;
use crate::manifest::tree::Node;
use crate::manifest::{HostPath, Items, Mount, Read};
use crate::value::Reason;

pub(super) fn mounts(context: &Context<'_>) -> Items<Mount> {
    let entries = match context.container.at("volumeMounts").items() {
        Ok(entries) => entries,
        Err(reason) => return Items::unseen(reason),
    };
    entries.iter().map(|entry| mount(entry, context)).collect()
}

fn mount(entry: &Node, context: &Context<'_>) -> Read<Mount> {
    let missing = |what: &str| Reason::new(format!("{}: a mount without {what}", entry.place));
    let name = entry.at("name").json_text()?.ok_or_else(|| missing("a name"))?;
    let destination = entry.at("mountPath").json_text()?.ok_or_else(|| missing("a mountPath"))?;
    let read_only = entry.at("readOnly").json_bool().map(|read_only| read_only != Some(true));
    let propagation = entry.at("mountPropagation").json_text().map(|mode| {
        let mode = match mode {
            Some("HostToContainer") => "rslave",
            Some("Bidirectional") => "rshared",
            _ => "rprivate",
        };
        Some(mode.to_owned())
    });
    let volumes = context.pod.at("volumes").items()?;
    let named = |volume: &&Node| volume.at("name").json_text() == Ok(Some(name));
    let volume = volumes.iter().find(named);
    let sub = match entry.at("subPath").json_text()? {
        None => entry.at("subPathExpr").json_text()?,
        sub => sub,
    };
    let (kind, source, host) = match volume.and_then(|volume| volume.get("hostPath")) {
        Some(node) => host_path(node, sub)?,
        None => match volume.and_then(|volume| volume.get("emptyDir")) {
            Some(node) if node.at("medium").json_text()? == Some("Memory") => ("tmpfs", None, HostPath::None),
            _ => ("volume", None, HostPath::None),
        },
    };
    let secret_mode = volume.map_or(Ok(None), secret_mode);
    let name = (kind == "volume").then(|| name.to_owned());
    let destination = destination.to_owned();
    Ok(Mount { kind, source, host, destination, rw: read_only, propagation, name, secret_mode })
}

/// What the API takes where a volume of a Secret says nothing.
const DEFAULT_MODE: i64 = 0o644;

/// The most that the files of a Secret may be read by: `defaultMode`, and the mode of each item that has its own.
fn secret_mode(volume: &Node) -> Read<Option<u32>> {
    let Some(secret) = volume.get("secret") else { return Ok(None) };
    let mut mode = secret.at("defaultMode").int()?.unwrap_or(DEFAULT_MODE);
    for item in secret.at("items").items()? {
        mode |= item.at("mode").int()?.unwrap_or_default();
    }
    let strange = || Reason::new(format!("{}: this is no mode", secret.place));
    u32::try_from(mode).ok().filter(|mode| *mode <= 0o777).map(Some).ok_or_else(strange)
}

fn host_path(node: &Node, sub: Option<&str>) -> Read<(&'static str, Option<String>, HostPath)> {
    let path = node.at("path").json_text()?;
    let path = path.ok_or_else(|| Reason::new(format!("{}: a hostPath without a path", node.place)))?;
    let path = match sub {
        // The variables of a subPathExpr are the container's own.
        Some(sub) if sub.contains("$(") => {
            let reason = Reason::new("which part of it is mounted depends on variables");
            return Ok(("bind", Some(path.to_owned()), HostPath::Unsure(reason)));
        }
        Some(sub) => format!("{}/{sub}", path.trim_end_matches('/')),
        None => path.to_owned(),
    };
    Ok(("bind", Some(path.clone()), HostPath::Path(path)))
}

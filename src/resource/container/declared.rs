//! Containers that a Compose file or a manifest declares, by the same fields as those that run.

use super::fields::{DEVICE, MOUNT, MOUNT_KIND, PORT, ULIMIT};
use super::{CONTAINER, located, mounts, ports};
use crate::facts::{Basis, Listing, Subject};
use crate::manifest::{Container, Device, HostPath, Items, Mount, Port, Read, Ulimit};
use crate::resource::{With, text};
use crate::target::docker::Glob;
use crate::target::manifest::{Manifest, is_called};
use crate::value::types::word;
use crate::value::{List, Observed, Reason, Record, Value};

/// What only a container has that was made already: no manifest has any.
const LIVE_ONLY: [&str; 8] = [
    "id",
    "image_id",
    "created",
    "status",
    "effective_uid",
    "effective_capabilities",
    "bounding_capabilities",
    "health",
];

pub(super) async fn list(manifest: &Manifest, with: &With) -> Listing {
    let listed = containers(manifest, with).await.map(|(mut subjects, more)| {
        subjects.iter_mut().for_each(|subject| located::set(&mut subject.fields, text(with, "path")));
        (subjects, more)
    });
    match listed {
        Ok((subjects, None)) => Listing::complete(subjects),
        Ok((subjects, Some(reason))) => Listing::partial(subjects, reason),
        Err(reason) => Listing::failed(reason),
    }
}

async fn containers(manifest: &Manifest, with: &With) -> Read<(Vec<Subject>, Option<Reason>)> {
    let (name, image) = (Glob::new(text(with, "name"))?, Glob::new(text(with, "image"))?);
    let by_image = !text(with, "image").is_empty();
    let declared = manifest.declared().await?;
    let mut more = declared.more.clone();
    let mut subjects = Vec::new();
    for container in declared.containers.iter().filter(|container| is_called(container, &name)) {
        match &container.image {
            Ok(reference) if !by_image || reference.as_deref().is_some_and(|text| image.matches(text)) => {}
            Ok(_) => continue,
            Err(_) if !by_image => {}
            // Whether it is one of those that are asked for cannot be told.
            Err(reason) => {
                more.get_or_insert_with(|| Reason::new(format!("{}: {}", container.title, reason.text)));
                continue;
            }
        }
        subjects.push(subject(container));
    }
    Ok((subjects, more))
}

fn subject(container: &Container) -> Subject {
    let mut subject = Subject::new(&CONTAINER, container.title.as_str(), container.origin.as_str(), Basis::Declared);
    let fields = &mut subject.fields;
    for name in LIVE_ONLY {
        fields.set(name, Observed::Absent);
    }
    for (name, observed) in &container.fields {
        fields.set(name, observed.clone());
    }
    fields.set("name", container.title.as_str());
    fields.set("env_names", env_names(container));
    fields.set("ports", list_of(&container.ports, port));
    fields.set("published_on_all", published_on_all(&container.ports));
    fields.set("ulimits", list_of(&container.ulimits, ulimit));
    fields.set("devices", list_of(&container.devices, device));
    fields.set("mounts", list_of(&container.mounts, mount));
    fields.set("sensitive_mounts", sensitive_mounts(&container.mounts));
    fields.set("docker_socket_mounted", brings_socket(&container.mounts));
    subject
}

fn env_names(container: &Container) -> Observed {
    let environment = &container.environment;
    let variables = match &environment.variables {
        Ok(variables) => variables,
        Err(reason) => return Observed::Unknown(reason.clone()),
    };
    let mut names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = environment.unseen.first().map(|unseen| unseen.reason.clone());
    Observed::Known(Value::List(List { items: names.into_iter().map(Observed::from).collect(), more }))
}

fn list_of<T>(items: &Items<T>, one: impl Fn(&T) -> Observed) -> Observed {
    let one = |item: &Read<T>| item.as_ref().map_or_else(|reason| Observed::Unknown(reason.clone()), &one);
    Observed::Known(Value::List(List { items: items.items.iter().map(one).collect(), more: items.more.clone() }))
}

fn seen<T: Into<Value>>(read: Read<T>) -> Observed {
    read.map_or_else(Observed::Unknown, |value| Observed::Known(value.into()))
}

fn port(port: &Port) -> Observed {
    let host_ip = crate::value::Net::parse(&port.host_ip).map(|net| Observed::Known(Value::Net(net)));
    Record::new(PORT)
        .with("host_ip", host_ip.unwrap_or_else(|| Observed::unknown("this is no address")))
        .with("host_port", Observed::from_option(port.host_port.map(i64::from)))
        .with("container_port", i64::from(port.container_port))
        .with("protocol", port.protocol.as_str())
        .into()
}

fn published_on_all(items: &Items<Port>) -> Observed {
    let open = |port: &Port| {
        ports::is_every_address(&port.host_ip).then(|| {
            let host_port = port.host_port.map_or_else(|| "?".to_owned(), |number| number.to_string());
            format!("{host_port}->{}/{}", port.container_port, port.protocol)
        })
    };
    let shown = items.items.iter().filter_map(|item| match item {
        Ok(port) => open(port).map(Observed::from),
        Err(reason) => Some(Observed::Unknown(reason.clone())),
    });
    Observed::Known(Value::List(List { items: shown.collect(), more: items.more.clone() }))
}

fn ulimit(ulimit: &Ulimit) -> Observed {
    let record = Record::new(ULIMIT).with("name", ulimit.name.as_str());
    record.with("soft", ulimit.soft).with("hard", ulimit.hard).into()
}

fn device(device: &Device) -> Observed {
    Record::new(DEVICE)
        .with("host_path", device.host_path.as_str())
        .with("container_path", device.container_path.as_str())
        .with("permissions", device.permissions.as_str())
        .into()
}

fn mount(mount: &Mount) -> Observed {
    let shown = |source: &String| if source.starts_with('/') { mounts::normalise(source) } else { source.clone() };
    let mode = mount.secret_mode.clone().map(|mode| mode.map(Value::Mode));
    let mode = mode.map_or_else(Observed::Unknown, Observed::from_option);
    Record::new(MOUNT)
        .with("type", word(&MOUNT_KIND, mount.kind))
        .with("source", Observed::from_option(mount.source.as_ref().map(shown)))
        .with("destination", mount.destination.as_str())
        .with("rw", seen(mount.rw.clone()))
        .with("propagation", mount.propagation.clone().map_or_else(Observed::Unknown, Observed::from_option))
        .with("name", Observed::from_option(mount.name.as_deref()))
        .with("sensitive", seen(by_path(mount, mounts::is_sensitive)))
        .with("secret_mode", mode)
        .into()
}

/// What holds of the path that a mount hands out. What lies in the project's own directory is nothing of the host's.
fn by_path(mount: &Mount, holds: impl Fn(&str) -> bool) -> Read<bool> {
    match &mount.host {
        HostPath::None | HostPath::Project => Ok(false),
        HostPath::Path(path) => Ok(holds(&mounts::normalise(path))),
        HostPath::Unsure(reason) => Err(reason.clone()),
    }
}

fn sensitive_mounts(items: &Items<Mount>) -> Observed {
    let shown = items.items.iter().filter_map(|item| {
        let mount = match item {
            Ok(mount) => mount,
            Err(reason) => return Some(Observed::Unknown(reason.clone())),
        };
        match (by_path(mount, mounts::is_sensitive), &mount.host) {
            (Ok(true), HostPath::Path(path)) => Some(Observed::from(mounts::normalise(path))),
            (Ok(_), _) => None,
            (Err(reason), _) => Some(Observed::Unknown(reason)),
        }
    });
    Observed::Known(Value::List(List { items: shown.collect(), more: items.more.clone() }))
}

/// One that does is enough; one that cannot be told leaves it open otherwise.
fn brings_socket(items: &Items<Mount>) -> Observed {
    let mut unseen = items.more.clone();
    for item in &items.items {
        let brings = item.as_ref().map_err(Clone::clone);
        match brings.and_then(|mount| by_path(mount, |path| mounts::brings_socket(path, None))) {
            Ok(true) => return true.into(),
            Ok(false) => {}
            Err(reason) => unseen = Some(reason),
        }
    }
    unseen.map_or_else(|| false.into(), Observed::Unknown)
}

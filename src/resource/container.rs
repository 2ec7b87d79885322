//! `container`: the containers of a Docker daemon, as they are configured and as they run, and those that manifests
//! declare.

mod declared;
mod fields;
mod located;
mod mounts;
mod ports;
mod security;
mod settings;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::docker_engine::Engine;
use super::docker_json::Read;
use super::{Accepts, Param, Resource, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::With;
use crate::target::docker::{Container, Docker, Endpoint, Glob, HostView, all};
use crate::target::{Door, Kind};
use crate::value::{Observed, Reason, Record};

pub(crate) static CONTAINER: Resource = Resource {
    name: "container",
    about: "a container: of the Docker daemon, running or not, as the daemon and the host's own process table show it; or as a Compose file or a Kubernetes manifest declares it",
    privilege: "root, or membership of the group docker (which equals root); read permission for manifests",
    params: &[
        Param {
            name: "name",
            accepts: Accepts::Text,
            required: false,
            about: "a name or a pattern (`web-*`); of a declared one its service, its `container_name`, or a pod's container with or without what it belongs to; all containers without it",
        },
        Param {
            name: "image",
            accepts: Accepts::Text,
            required: false,
            about: "the image's reference as given to the container, or a pattern (`*/nginx:*`)",
        },
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "a path in the container, for the fields that tell where it comes from (`path_…`)",
        },
    ],
    fields: fields::FIELDS,
    can_be_absent: false,
    target: |_| Kind::Containers,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// Whether a path hands out a part of the host: see the field `sensitive_mounts`.
pub(super) fn is_sensitive(path: &str) -> bool {
    mounts::is_sensitive(&mounts::normalise(path))
}

/// Every container.
pub(super) async fn every(door: &Door) -> Listing {
    observe(door, &With::new()).await
}

async fn observe(door: &Door, with: &With) -> Listing {
    let docker = match door {
        Door::Docker(docker) => docker,
        Door::Manifest(manifest) => return declared::list(manifest, with).await,
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            return Listing::failed(Reason::new("containers are read from a daemon or a manifest"));
        }
    };
    match containers(docker, with).await {
        Ok(mut subjects) => {
            subjects.iter_mut().for_each(|subject| located::set(&mut subject.fields, text(with, "path")));
            Listing::complete(subjects)
        }
        Err(reason) => Listing::failed(reason),
    }
}

async fn containers(docker: &Docker, with: &With) -> Result<Vec<Subject>, Reason> {
    let name = Glob::new(text(with, "name"))?;
    let image = Glob::new(text(with, "image"))?;
    let containers = docker.containers().await?;
    let daemon = Daemon {
        engine: Engine::ask(docker).await,
        volumes: bound_volumes(docker, &containers).await,
        endpoint: &docker.address().endpoint,
    };
    let wanted = containers.iter().filter(|container| name.matches(&container.name) && image.matches(given(container)));
    let subjects = all(wanted.map(async |container| {
        let view = docker.host_view(container).await;
        if !view.may_have_ended {
            return Some(subject(container, &daemon, &view));
        }
        let (container, view) = docker.look_again(container).await?;
        Some(subject(&container, &daemon, &view))
    }));
    Ok(subjects.await.into_iter().flatten().collect())
}

/// The reference as given; the list's own is replaced by the image's id once the name has moved on.
fn given(container: &Container) -> &str {
    let inspected = container.inspected.as_ref().ok();
    inspected.and_then(|json| json.get("Config")?.get("Image")?.as_str()).unwrap_or(&container.image)
}

/// What is known of the daemon that its containers' fields depend on.
struct Daemon<'a> {
    engine: Engine,
    volumes: Read<BTreeMap<String, String>>,
    endpoint: &'a Endpoint,
}

async fn bound_volumes(docker: &Docker, containers: &[Container]) -> Read<BTreeMap<String, String>> {
    let mut inspected = containers.iter().filter_map(|container| container.inspected.as_ref().ok());
    if !inspected.any(|json| mounts::has_volume(json)) {
        return Ok(BTreeMap::new());
    }
    let answer = docker.volumes().await.map_err(|failure| failure.reason())?;
    mounts::bound_volumes(&answer)
}

fn subject(container: &Container, daemon: &Daemon<'_>, view: &HostView) -> Subject {
    let origin = format!("container {}", container.name);
    let mut subject = Subject::new(&CONTAINER, container.name.as_str(), origin, Basis::Live);
    match &container.inspected {
        Ok(inspected) => set_all(&mut subject.fields, inspected, daemon, view),
        Err(failure) => set_unknown(&mut subject.fields, &failure.reason()),
    }
    subject.fields.set("name", container.name.as_str());
    subject.fields.set("id", container.id.as_str());
    subject
}

fn set_unknown(fields: &mut Record, reason: &Reason) {
    for field in fields.fields.iter_mut() {
        *field = Observed::Unknown(reason.clone());
    }
}

fn set_all(fields: &mut Record, inspected: &Json, daemon: &Daemon<'_>, view: &HostView) {
    let process: Read<_> = view.process.as_ref().map(Option::as_ref).map_err(Clone::clone);
    security::set(fields, &security::Subject { inspected, daemon: &daemon.engine, process });
    settings::set_identity(fields, inspected);
    settings::set_walls(fields, inspected);
    settings::set_limits(fields, inspected);
    ports::set(fields, inspected);
    let socket = match daemon.endpoint {
        Endpoint::Unix(path) => path.to_str(),
        Endpoint::Tcp { .. } => None,
    };
    mounts::set(fields, inspected, mounts::Surroundings { volumes: &daemon.volumes, socket, links: Some(&view.links) });
}

#[cfg(test)]
mod tests;

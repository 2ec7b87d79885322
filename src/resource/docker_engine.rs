//! What a daemon says of itself that its containers inherit: security options, version, and which program it is.

use serde_json::Value as Json;

use super::docker_json::{Read, at};
use crate::target::docker::{Docker, Failure};
use crate::value::{Reason, Version};

/// A daemon's own account.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    options: Read<Vec<String>>,
    version: Option<Version>,
    podman: Read<bool>,
}

impl Engine {
    /// Asks the daemon, or takes what it answered before.
    pub(super) async fn ask(docker: &Docker) -> Self {
        let (info, version) = (docker.info().await, docker.version().await);
        Engine::read(info.as_deref().map_err(Failure::reason), version.as_deref().map_err(Failure::reason))
    }

    /// From the answers to `/info` and `/version`.
    pub(super) fn read(info: Read<&Json>, version: Read<&Json>) -> Self {
        let options = info.and_then(|info| at(info, "SecurityOptions").texts());
        Engine {
            options: options.map(|options| options.into_iter().map(str::to_owned).collect()),
            podman: version.clone().map(is_podman),
            version: version.ok().and_then(|version| Version::parse(version.get("Version")?.as_str()?)),
        }
    }

    /// The security options as listed.
    pub(super) fn options(&self) -> Read<&[String]> {
        self.options.as_deref().map_err(Clone::clone)
    }

    /// Whether it lists a security option, and the option's profile.
    pub(super) fn option(&self, name: &str) -> Read<Option<&str>> {
        let found = self.options()?.iter().find_map(|option| {
            let (first, rest) = option.split_once(',').unwrap_or((option, ""));
            // Before API 1.25 the names stood alone.
            (first.strip_prefix("name=").unwrap_or(first) == name).then_some(rest)
        });
        Ok(found.map(|rest| rest.strip_prefix("profile=").unwrap_or(rest)))
    }

    /// Whether it is Podman's service for Docker's API.
    pub(super) fn is_podman(&self) -> Read<bool> {
        self.podman.clone()
    }

    /// Whether it makes no-new-privileges the default of its containers; daemons before 24.0 do not tell.
    pub(super) fn no_new_privileges(&self) -> Read<bool> {
        if self.option("no-new-privileges")?.is_some() {
            return Ok(true);
        }
        let tells = self.is_podman()? || self.version.as_ref() >= Version::parse("24.0").as_ref();
        if tells {
            return Ok(false);
        }
        Err(Reason::new("daemons before 24.0 do not say whether no-new-privileges is their default"))
    }
}

fn is_podman(version: &Json) -> bool {
    let components = version.get("Components").and_then(Json::as_array).into_iter().flatten();
    let mut names = components.filter_map(|component| component.get("Name")?.as_str());
    names.any(|name| name.starts_with("Podman"))
}

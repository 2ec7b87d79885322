//! `docker_daemon`: the daemon itself, as it describes itself.

use serde_json::Value as Json;

use super::docker_engine::Engine;
use super::docker_json::{At, Read, at, seen, seen_or_absent, seen_texts};
use super::{Field, Resource, With, field};
use crate::facts::{Basis, Listing, Subject};
use crate::target::docker::{Answer, Failure};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, Type, redact_userinfo};
use crate::value::{Reason, Record, Value, Version};

const BOOL: Type = Type::Bool(Dialect::Plain);
const TEXTS: Type = Type::List(&Type::Text);

const FIELDS: &[Field] = &[
    field("version", Type::Version, "version Version", "of the engine"),
    field("api_version", Type::Version, "version ApiVersion", ""),
    field("engine", Type::Text, "version Components", "docker or podman"),
    field("address", Type::Text, "", "how harden reaches it"),
    field("encrypted", BOOL, "", "whether that way is private: a unix socket or TLS"),
    field("rootless", BOOL, "info SecurityOptions", "whether the daemon itself runs without root"),
    field("userns_remap", BOOL, "info SecurityOptions", "whether root in containers is another user outside"),
    field("seccomp", BOOL, "info SecurityOptions", "whether it filters system calls"),
    field(
        "seccomp_profile",
        Type::Text,
        "info SecurityOptions",
        "builtin, default, unconfined or a path; absent without seccomp",
    ),
    field("apparmor", BOOL, "info SecurityOptions", ""),
    field("selinux", BOOL, "info SecurityOptions", ""),
    field(
        "no_new_privileges",
        BOOL,
        "info SecurityOptions",
        "whether that is the default of containers; unknown for daemons too old to say",
    ),
    field("security_options", TEXTS, "info SecurityOptions", "as listed"),
    field("live_restore", BOOL, "info LiveRestoreEnabled", "whether containers outlive a stop of the daemon"),
    field(
        "icc",
        BOOL,
        "networks/bridge com.docker.network.bridge.enable_icc",
        "whether containers on the default bridge reach each other; absent without that bridge",
    ),
    field("default_log_driver", Type::Text, "info LoggingDriver", "of containers that name none"),
    field("cgroup_version", Type::Text, "info CgroupVersion", "1 or 2"),
    field("cgroup_driver", Type::Text, "info CgroupDriver", "cgroupfs, systemd or none"),
    field("storage_driver", Type::Text, "info Driver", "overlay2 …"),
    field(
        "insecure_registries",
        TEXTS,
        "info RegistryConfig.IndexConfigs",
        "registries that are asked without verified TLS; docker's own 127.0.0.0/8 and ::1 are left out",
    ),
    field("registry_mirrors", TEXTS, "info RegistryConfig.Mirrors", "a password in a URL is taken out"),
    field("experimental", BOOL, "info ExperimentalBuild", ""),
    field("swarm_active", BOOL, "info Swarm.LocalNodeState", "whether it is part of a swarm"),
    field("debug", BOOL, "info Debug", ""),
    field("default_runtime", Type::Text, "info DefaultRuntime", "runc …"),
    field("authorization_plugins", TEXTS, "info Plugins.Authorization", "plugins that decide who may ask what"),
    field("pids_limit_supported", BOOL, "info PidsLimit", "whether the kernel can limit processes"),
    field("memory_limit_supported", BOOL, "info MemoryLimit", "whether the kernel can limit memory"),
    field("warnings", TEXTS, "info Warnings", "what it warns about itself, such as an API without TLS"),
    field(
        "plain_tcp",
        BOOL,
        "info Warnings",
        "whether it serves its API on TCP without TLS, by its own warning or because harden was answered there",
    ),
    field(
        "unverified_clients",
        BOOL,
        "info Warnings",
        "whether it serves its API by TLS to clients without a certificate",
    ),
    field("operating_system", Type::Text, "info OperatingSystem", ""),
    field("kernel_version", Type::Text, "info KernelVersion", ""),
    field("containers", Type::Integer, "info Containers", "stopped ones included"),
];

pub(crate) static DOCKER_DAEMON: Resource = Resource {
    name: "docker_daemon",
    about: "the Docker daemon itself, as it describes itself",
    privilege: "root, or membership of the group docker (which equals root)",
    params: &[],
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Docker,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, _: &With) -> Listing {
    let Door::Docker(docker) = door else { return Listing::failed(Reason::new("a daemon describes itself")) };
    let (info, version) = (docker.info().await, docker.version().await);
    if let (Err(failure), Err(_)) = (&info, &version) {
        return Listing::failed(failure.reason());
    }
    let bridge = docker.default_bridge().await;
    let address = docker.address().to_string();
    let mut subject = Subject::new(&DOCKER_DAEMON, address.as_str(), format!("docker {address}"), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("address", address);
    fields.set("encrypted", docker.is_encrypted());
    let (info, version) = (info.as_deref().map_err(Failure::reason), version.as_deref().map_err(Failure::reason));
    let engine = Engine::read(info.clone(), version.clone());
    set_version(fields, version, &engine);
    set_security(fields, &engine);
    set_info(fields, info.clone());
    set_registries(fields, info.clone());
    set_exposure(fields, info, docker.is_encrypted());
    fields.set("icc", seen_or_absent(icc(&bridge)));
    Listing::complete(vec![subject])
}

fn set_version(fields: &mut Record, version: Read<&Json>, engine: &Engine) {
    for (name, key) in [("version", "Version"), ("api_version", "ApiVersion")] {
        let parsed = version.clone().and_then(|json| {
            let text = at(json, key).text()?;
            Version::parse(text).map(Value::Version).ok_or_else(|| Reason::new(format!("`{text}` is no version")))
        });
        fields.set(name, seen(parsed));
    }
    fields.set("engine", seen(engine.is_podman().map(|podman| if podman { "podman" } else { "docker" })));
}

fn set_security(fields: &mut Record, engine: &Engine) {
    for (name, option) in [
        ("rootless", "rootless"),
        ("userns_remap", "userns"),
        ("seccomp", "seccomp"),
        ("apparmor", "apparmor"),
        ("selinux", "selinux"),
    ] {
        fields.set(name, seen(engine.option(option).map(|profile| profile.is_some())));
    }
    let profile = engine.option("seccomp");
    // Without a profile's name it is the built-in one.
    let profile = profile.map(|profile| profile.map(|name| if name.is_empty() { "default" } else { name }));
    fields.set("seccomp_profile", seen_or_absent(profile));
    fields.set("no_new_privileges", seen(engine.no_new_privileges()));
    fields.set("security_options", seen_texts(engine.options().map(|options| options.iter().map(String::as_str))));
}

fn set_info(fields: &mut Record, info: Read<&Json>) {
    let get = |key: &str| info.clone().map(|info| at(info, key));
    for (name, key) in [
        ("live_restore", "LiveRestoreEnabled"),
        ("experimental", "ExperimentalBuild"),
        ("debug", "Debug"),
        ("pids_limit_supported", "PidsLimit"),
        ("memory_limit_supported", "MemoryLimit"),
    ] {
        fields.set(name, seen(get(key).and_then(At::bool)));
    }
    for (name, key) in [
        ("default_log_driver", "LoggingDriver"),
        ("cgroup_driver", "CgroupDriver"),
        ("storage_driver", "Driver"),
        ("default_runtime", "DefaultRuntime"),
        ("operating_system", "OperatingSystem"),
        ("kernel_version", "KernelVersion"),
        // Written by every daemon since API 1.41.
        ("cgroup_version", "CgroupVersion"),
    ] {
        let unnamed = || Reason::new(format!("the daemon leaves {key} empty"));
        fields.set(name, seen(get(key).and_then(At::some_text).and_then(|text| text.ok_or_else(unnamed))));
    }
    fields.set("containers", seen(get("Containers").and_then(At::int)));
    fields.set("authorization_plugins", seen_texts(get("Plugins.Authorization").and_then(At::texts)));
    let swarm = get("Swarm.LocalNodeState").and_then(At::text);
    fields.set("swarm_active", seen(swarm.map(|state| !matches!(state, "inactive" | ""))));
}

fn set_registries(fields: &mut Record, info: Read<&Json>) {
    let mirrors = info.clone().and_then(|info| at(info, "RegistryConfig.Mirrors").texts());
    fields.set("registry_mirrors", seen_texts(mirrors.map(|mirrors| mirrors.into_iter().map(redact_userinfo))));
    fields.set("insecure_registries", seen_texts(info.and_then(insecure_registries)));
}

/// By name, and by network without those that the daemon itself puts there.
fn insecure_registries(info: &Json) -> Read<Vec<&str>> {
    let mut insecure = Vec::new();
    for (name, index) in at(info, "RegistryConfig.IndexConfigs").entries()? {
        if !at(index, "Secure").bool()? {
            insecure.push(name);
        }
    }
    let networks = at(info, "RegistryConfig.InsecureRegistryCIDRs").texts()?;
    insecure.extend(networks.into_iter().filter(|network| !matches!(*network, "127.0.0.0/8" | "::1/128")));
    insecure.sort_unstable();
    Ok(insecure)
}

fn set_exposure(fields: &mut Record, info: Read<&Json>, is_encrypted: bool) {
    let warnings = info.and_then(|info| at(info, "Warnings").texts());
    let warns = |start: &str, end: &str| {
        let warnings = warnings.clone()?;
        let about = |warning: &&str| warning.contains(start) && warning.contains(end);
        Ok::<_, Reason>(warnings.iter().any(about))
    };
    // Who was answered in plain text needs no warning to know.
    let plain = if is_encrypted { warns("API is accessible on http://", "without encryption") } else { Ok(true) };
    fields.set("plain_tcp", seen(plain));
    let unverified = warns("API is accessible on https://", "without TLS client verification");
    fields.set("unverified_clients", seen(unverified));
    fields.set("warnings", seen_texts(warnings));
}

/// Whether the default bridge lets its containers talk to each other; `None` without that bridge.
fn icc(bridge: &Answer) -> Read<Option<bool>> {
    let bridge = match bridge {
        Ok(bridge) => bridge,
        Err(failure) if failure.is_not_found() => return Ok(None),
        Err(failure) => return Err(failure.reason()),
    };
    let options = at(bridge, "Options").entries()?;
    let option = options.into_iter().find(|(key, _)| *key == "com.docker.network.bridge.enable_icc");
    match option.map(|(_, value)| value.as_str()) {
        Some(Some("true")) => Ok(Some(true)),
        Some(Some("false")) => Ok(Some(false)),
        Some(_) => Err(Reason::new("unexpected shape of com.docker.network.bridge.enable_icc")),
        None => Err(Reason::new("the default bridge does not say com.docker.network.bridge.enable_icc")),
    }
}

#[cfg(test)]
mod tests;

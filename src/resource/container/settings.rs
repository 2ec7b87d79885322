//! Namespaces, limits and the rest of a container's configuration: fields that are read off, not worked out.

use serde_json::Value as Json;

use super::fields::{DEVICE, ULIMIT};
use crate::resource::docker_json::{
    Read, at, has_healthcheck, maybe, names_of_env, seen, seen_items, seen_or_absent, seen_texts, seen_time,
};
use crate::value::types::redact_userinfo;
use crate::value::{Observed, Reason, Record, Value};

/// Sets the fields about what it is and how it is run.
pub(super) fn set_identity(fields: &mut Record, json: &Json) {
    fields.set("image", seen(at(json, "Config.Image").text()));
    fields.set("image_id", seen(at(json, "Image").text()));
    fields.set("created", seen_time(at(json, "Created").some_text()));
    fields.set("running", seen(at(json, "State.Running").bool()));
    fields.set("status", seen(at(json, "State.Status").text()));
    fields.set("labels", seen(at(json, "Config.Labels").text_map()));
    fields.set("env_names", seen_texts(at(json, "Config.Env").texts().map(names_of_env)));
    fields.set("group_add", seen_texts(at(json, "HostConfig.GroupAdd").texts()));
    fields.set("log_driver", seen(at(json, "HostConfig.LogConfig.Type").text()));
    fields.set("log_options", seen(at(json, "HostConfig.LogConfig.Config").text_map().map(redacted)));
    fields.set("healthcheck", seen(is_health_checked(json)));
    let health = maybe(json, "State.Health.Status").some_text();
    fields.set("health", seen_or_absent(health.map(|health| health.filter(|health| *health != "none"))));
    fields.set("init", seen_or_absent(maybe(json, "HostConfig.Init").optional(Json::as_bool)));
    fields.set("service_account_token", Observed::Absent);
    fields.set("auto_remove", seen(at(json, "HostConfig.AutoRemove").bool()));
    fields.set("restart_policy", seen(at(json, "HostConfig.RestartPolicy.Name").text().map(or("no"))));
    fields.set("restart_retries", seen(at(json, "HostConfig.RestartPolicy.MaximumRetryCount").int()));
}

/// The word that an empty text stands for.
fn or(default: &'static str) -> impl Fn(&str) -> String {
    move |text| if text.is_empty() { default.to_owned() } else { text.to_owned() }
}

/// Addresses of log collectors are URLs, and splunk's token is an option of its own.
fn redacted(options: Value) -> Value {
    let Value::Map(options) = options else { return options };
    let hidden = |key: &str| ["token", "password", "secret", "access-key"].iter().any(|word| key.contains(word));
    let clean = options.into_iter().map(|(key, value)| {
        let value = if hidden(&key.to_ascii_lowercase()) {
            "***".into()
        } else if let Observed::Known(Value::Text(text)) = &value {
            redact_userinfo(text).into()
        } else {
            value
        };
        (key, value)
    });
    Value::Map(clean.collect())
}

/// The daemon copies the image's check into the container; Podman shows it only by the state.
fn is_health_checked(json: &Json) -> Read<bool> {
    let running = maybe(json, "State.Health.Status").some_text()?.is_some_and(|status| status != "none");
    at(json, "Config").object()?;
    Ok(has_healthcheck(json, "Config.Healthcheck.Test")? || running)
}

/// Sets the fields about namespaces.
pub(super) fn set_walls(fields: &mut Record, json: &Json) {
    let mode = |path: &str, default: &'static str| at(json, path).text().map(or(default));
    let network = mode("HostConfig.NetworkMode", "bridge");
    let network = network.map(|mode| if mode == "default" { "bridge".to_owned() } else { mode });
    let cgroupns = at(json, "HostConfig.CgroupnsMode").text();
    for (name, host, mode) in [
        ("pid_mode", "host_pid", mode("HostConfig.PidMode", "private")),
        ("ipc_mode", "host_ipc", mode("HostConfig.IpcMode", "default")),
        ("network_mode", "host_network", network),
        ("uts_mode", "host_uts", mode("HostConfig.UTSMode", "private")),
        ("userns_mode", "host_userns", mode("HostConfig.UsernsMode", "default")),
    ] {
        fields.set(host, seen(mode.clone().map(|mode| mode == "host")));
        fields.set(name, seen(mode));
    }
    fields.set("cgroupns_mode", seen(cgroupns.clone().map(or("default"))));
    fields.set("host_cgroupns", seen(cgroupns.and_then(is_host_cgroupns)));
    fields.set("joins", seen_texts(joined(json)));
    fields.set("runtime", seen_or_absent(maybe(json, "HostConfig.Runtime").some_text()));
    fields.set("cgroup_parent", seen_or_absent(at(json, "HostConfig.CgroupParent").some_text()));
    fields.set("sysctls", seen(maybe(json, "HostConfig.Sysctls").text_map()));
    fields.set("devices", seen_items(at(json, "HostConfig.Devices").items(), device));
    fields.set("device_cgroup_rules", seen_texts(at(json, "HostConfig.DeviceCgroupRules").texts()));
    let requests = maybe(json, "HostConfig.DeviceRequests").items();
    fields.set("device_requests", seen(requests.map(|requests| i64::try_from(requests.len()).unwrap_or(i64::MAX))));
}

/// Left empty by daemons that did not know these namespaces yet, and by some that apply their default.
fn is_host_cgroupns(mode: &str) -> Read<bool> {
    match mode {
        "" => Err(Reason::new("the control group namespace was left to the daemon's default")),
        mode => Ok(mode == "host"),
    }
}

fn joined(json: &Json) -> Read<Vec<&str>> {
    let mut others = Vec::new();
    for path in ["HostConfig.PidMode", "HostConfig.IpcMode", "HostConfig.NetworkMode"] {
        others.extend(at(json, path).text()?.strip_prefix("container:"));
    }
    others.sort_unstable();
    others.dedup();
    Ok(others)
}

fn device(json: &Json) -> Observed {
    Record::new(DEVICE)
        .with("host_path", seen(at(json, "PathOnHost").text()))
        .with("container_path", seen(at(json, "PathInContainer").text()))
        .with("permissions", seen(at(json, "CgroupPermissions").text()))
        .into()
}

/// Sets the fields about limits, and those about the file system that need no working out.
pub(super) fn set_limits(fields: &mut Record, json: &Json) {
    for (name, path) in [
        ("memory", "HostConfig.Memory"),
        ("memory_reservation", "HostConfig.MemoryReservation"),
        ("memory_swap", "HostConfig.MemorySwap"),
    ] {
        fields.set(name, seen_or_absent(at(json, path).int().and_then(|bytes| limit(path, bytes))));
    }
    fields.set("cpu_limited", seen(is_cpu_limited(json)));
    let pids = at(json, "HostConfig.PidsLimit").optional(Json::as_i64);
    fields.set("pids_limit", seen_or_absent(pids.map(|pids| pids.filter(|pids| *pids > 0))));
    fields.set("ulimits", seen_items(at(json, "HostConfig.Ulimits").items(), ulimit));
    let oom = at(json, "HostConfig.OomKillDisable").optional(Json::as_bool);
    fields.set("oom_kill_disable", seen(oom.map(Option::unwrap_or_default)));
    fields.set("oom_score_adj", seen(at(json, "HostConfig.OomScoreAdj").int()));
    fields.set("readonly_rootfs", seen(at(json, "HostConfig.ReadonlyRootfs").bool()));
    fields.set("volumes_from", seen_texts(at(json, "HostConfig.VolumesFrom").texts()));
    fields.set("tmpfs", seen(maybe(json, "HostConfig.Tmpfs").text_map()));
    let shm = at(json, "HostConfig.ShmSize").int().and_then(|bytes| limit("HostConfig.ShmSize", bytes));
    fields.set("shm_size", seen_or_absent(shm));
    fields.set("publish_all", seen(at(json, "HostConfig.PublishAllPorts").bool()));
    fields.set("links", seen_texts(at(json, "HostConfig.Links").texts()));
}

/// 0 and -1 are no limit.
fn limit(path: &str, bytes: i64) -> Read<Option<Value>> {
    match bytes {
        -1 | 0 => Ok(None),
        bytes => match u64::try_from(bytes) {
            Ok(bytes) => Ok(Some(Value::Size(bytes))),
            Err(_) => Err(Reason::new(format!("unexpected value of {path}: {bytes}"))),
        },
    }
}

fn is_cpu_limited(json: &Json) -> Read<bool> {
    let nano = at(json, "HostConfig.NanoCpus").int()?;
    let quota = at(json, "HostConfig.CpuQuota").int()?;
    Ok(nano > 0 || quota > 0)
}

/// Podman names them as the kernel does: `RLIMIT_NOFILE`.
fn ulimit(json: &Json) -> Observed {
    let name = at(json, "Name").text().map(|name| match name.strip_prefix("RLIMIT_") {
        Some(name) => name.to_ascii_lowercase(),
        None => name.to_owned(),
    });
    Record::new(ULIMIT)
        .with("name", seen(name))
        .with("soft", seen(at(json, "Soft").int()))
        .with("hard", seen(at(json, "Hard").int()))
        .into()
}

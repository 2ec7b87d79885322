use serde_json::json;

use super::*;
use crate::target::docker::fake::{Fake, Reply, world};
use crate::value::Observed;

fn list(replies: impl IntoIterator<Item = (String, Reply)>) -> Listing {
    let fake = Fake::of(replies);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { observe(&Door::Docker(Box::new(fake.docker())), &With::new()).await })
}

fn shown(listing: &Listing, field: &str) -> String {
    listing.subjects.first().unwrap().fields.get(field).unwrap().to_string()
}

#[test]
fn a_daemon_of_20_10() {
    let listing = list(world("docker-20.10"));
    for field in FIELDS {
        assert_ne!(listing.subjects[0].fields.get(field.name), Some(&Observed::unknown("not read")), "{}", field.name);
    }
    for (field, expected) in [
        ("version", "20.10.24+dfsg1"),
        ("api_version", "1.41"),
        ("engine", "docker"),
        ("encrypted", "true"),
        ("rootless", "false"),
        ("userns_remap", "false"),
        ("seccomp", "true"),
        ("seccomp_profile", "default"),
        ("apparmor", "false"),
        ("no_new_privileges", "unknown (daemons before 24.0 do not say whether no-new-privileges is their default)"),
        ("live_restore", "false"),
        ("icc", "true"),
        ("default_log_driver", "json-file"),
        ("cgroup_version", "1"),
        ("insecure_registries", "none"),
        ("experimental", "false"),
        ("swarm_active", "false"),
        ("plain_tcp", "false"),
    ] {
        assert_eq!(shown(&listing, field), expected, "{field}");
    }
}

#[test]
fn what_it_warns_about_and_trusts() {
    let info = json!({
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=userns", "name=no-new-privileges", "name=of-the-future,x=y"],
        "Warnings": ["WARNING: API is accessible on http://0.0.0.0:2375 without encryption."],
        "CgroupVersion": "3",
        "LiveRestoreEnabled": "yes",
        "RegistryConfig": {
            "InsecureRegistryCIDRs": ["127.0.0.0/8", "10.0.0.0/8"],
            "IndexConfigs": { "docker.io": { "Secure": true }, "reg:5000": { "Secure": false } },
            "Mirrors": ["https://u:pw@mirror/"],
        },
    });
    let listing = list([
        ("/info".to_owned(), Reply::Status(200, info.to_string())),
        ("/version".to_owned(), Reply::Status(200, json!({ "Version": "27.1", "ApiVersion": "1.46" }).to_string())),
    ]);
    for (field, expected) in [
        ("plain_tcp", "true"),
        ("userns_remap", "true"),
        ("no_new_privileges", "true"),
        ("cgroup_version", "3"),
        ("live_restore", "unknown (unexpected shape of LiveRestoreEnabled)"),
        ("insecure_registries", "10.0.0.0/8, reg:5000"),
        ("registry_mirrors", "https://u:***@mirror/"),
        ("icc", "absent"),
        ("debug", "unknown (Debug is not in the daemon's answer)"),
    ] {
        assert_eq!(shown(&listing, field), expected, "{field}");
    }
}

#[test]
fn a_daemon_that_says_nothing_is_no_daemon() {
    assert!(matches!(list([]).extent, crate::facts::Extent::Failed(_)));
}

#[test]
fn podman_and_newer_daemons() {
    let podman = list(world("podman-4.3"));
    for (field, expected) in [
        ("engine", "podman"),
        ("no_new_privileges", "false"),
        ("default_log_driver", "unknown (the daemon leaves LoggingDriver empty)"),
        ("plain_tcp", "false"),
    ] {
        assert_eq!(shown(&podman, field), expected, "{field}");
    }
    let newer = list(world("docker-28"));
    for (field, expected) in [("no_new_privileges", "true"), ("apparmor", "true"), ("seccomp_profile", "builtin")] {
        assert_eq!(shown(&newer, field), expected, "{field}");
    }
}

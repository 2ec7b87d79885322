//! The shipped rules about Docker against real daemons, containers and images: each passes on something and fails on
//! something, and what this machine cannot show is listed with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::docker::{self, Dockerd, IMAGE, Tcp};
use crate::support::harden::harden;
use crate::support::{host, shared, tools};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        rules_about_containers_and_images_are_seen_both_ways,
        rules_about_the_daemon_are_seen_both_ways,
        verdicts_by_name,
        what_is_hardened_fails_no_rule_of_the_default_profile,
        remapped_containers,
    ]
}

/// Rules that no machine of this kind shows one way, which way, and why.
const ONE_WAY: &[(&str, &str, &str)] = &[
    ("docker-container-apparmor", "pass", "the kernel has no AppArmor, so containers have no profile"),
    ("docker-container-apparmor", "fail", "the kernel has no AppArmor, so containers have no profile"),
    ("docker-container-selinux", "pass", "the kernel has no SELinux, so the daemon does not use it"),
    ("docker-container-selinux", "fail", "the kernel has no SELinux, so the daemon does not use it"),
    (
        "docker-container-host-cgroupns",
        "pass",
        "control groups are version 1, where the host's namespace is the default",
    ),
    (
        "docker-container-host-cgroupns",
        "fail",
        "control groups are version 1, where the host's namespace is the default",
    ),
    ("docker-daemon-authorization", "pass", "no authorization plugin is at hand"),
    ("docker-daemon-cgroup-v2", "pass", "control groups are version 1"),
    ("docker-daemon-limits-supported", "fail", "the kernel can limit memory and processes"),
    ("docker-daemon-mandatory-access-control", "pass", "the kernel has neither AppArmor nor SELinux"),
    ("docker-daemon-no-new-privileges", "pass", "this daemon is older than 24.0 and does not tell"),
    ("docker-daemon-no-new-privileges", "fail", "this daemon is older than 24.0 and does not tell"),
    ("docker-daemon-seccomp", "fail", "this daemon is older than 22.06 and knows no unconfined default"),
    ("docker-container-log-shipping", "pass", "the drivers that ship logs want somebody to ship them to"),
];

/// Findings of a run, by rule: subject and status.
struct Findings(BTreeMap<String, BTreeMap<String, String>>);

impl Findings {
    fn read(report: &Value) -> Findings {
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for finding in report["findings"].as_array().expect("findings") {
            let text = |key: &str| finding[key].as_str().expect("text").to_owned();
            all.entry(text("rule")).or_default().insert(text("subject"), text("status"));
        }
        Findings(all)
    }

    /// The status of a rule on a subject, `none` without a finding.
    fn status(&self, rule: &str, subject: &str) -> &str {
        self.0.get(rule).and_then(|subjects| subjects.get(subject)).map_or("none", String::as_str)
    }

    fn has(&self, rule: &str, status: &str) -> bool {
        self.0.get(rule).is_some_and(|subjects| subjects.values().any(|other| other == status))
    }
}

const INPUTS: [&str; 2] = ["--input", "allowed_registries=docker.io,localhost:5000"];

/// Every rule about Docker, judged on one daemon.
fn check(arguments: &[&str]) -> Findings {
    let all = ["check", "--profile", "docker", "--profile", "docker-strict", "--format", "json"];
    let run = harden(all.iter().chain(&INPUTS).chain(arguments)).run();
    assert!(matches!(run.code, Some(0 | 1 | 3)), "{run:?}");
    Findings::read(&run.json())
}

/// Of the shared daemon; nobody changes it.
fn shared_findings() -> &'static Findings {
    static FINDINGS: LazyLock<Findings> = LazyLock::new(|| check(&["--docker", &shared::docker().0.host()]));
    &FINDINGS
}

/// Ids of all shipped rules that start with one of these.
fn shipped(starts: &[&str]) -> BTreeSet<String> {
    let list = harden(["rules", "list", "--format", "json", "--profile", "docker-strict"]).run().expect_code(0).json();
    let rules = list.as_array().or_else(|| list["rules"].as_array()).expect("a list of rules");
    let ids = rules.iter().map(|rule| rule["id"].as_str().expect("an id").to_owned());
    ids.filter(|id| starts.iter().any(|start| id.starts_with(start))).collect()
}

/// Ends the test unless each rule passes somewhere and fails somewhere, but for [`ONE_WAY`] exactly.
fn expect_both_ways(rules: &BTreeSet<String>, runs: &[&Findings]) {
    assert!(!rules.is_empty());
    let mut missing = BTreeSet::new();
    for rule in rules {
        for status in ["pass", "fail"] {
            if !runs.iter().any(|findings| findings.has(rule, status)) {
                missing.insert((rule.as_str(), status));
            }
        }
    }
    let known = ONE_WAY.iter().filter(|(rule, ..)| rules.contains(*rule)).map(|&(rule, status, _)| (rule, status));
    assert_eq!(missing, known.collect::<BTreeSet<_>>(), "rules not seen with this status, and those known not to be");
}

fn daemon(daemon_json: Value, tcp: Tcp) -> Dockerd {
    Dockerd::start(&docker::Options { daemon_json, tcp })
}

/// The one whose rules about user namespaces apply.
fn remapped() -> (Dockerd, Findings) {
    let daemon = daemon(json!({ "userns-remap": "default" }), Tcp::No);
    daemon.run(&["--name", "inside", "--network", "none", IMAGE]);
    daemon.run(&["--name", "outside", "--network", "none", "--userns", "host", IMAGE]);
    let findings = check(&["--docker", &daemon.host()]);
    (daemon, findings)
}

fn rules_about_containers_and_images_are_seen_both_ways() {
    let (_daemon, remapped) = remapped();
    expect_both_ways(&shipped(&["docker-container-", "docker-image-"]), &[shared_findings(), &remapped]);
}

fn rules_about_the_daemon_are_seen_both_ways() {
    let good = json!({
        "live-restore": true, "no-new-privileges": true, "icc": false, "log-driver": "syslog",
        "userns-remap": "default", "registry-mirrors": ["https://mirror.example.net"],
    });
    let bad = json!({
        "debug": true, "experimental": true, "insecure-registries": ["registry.example.net:5000", "10.0.0.0/8"],
        "log-driver": "none", "registry-mirrors": ["http://mirror.example.net"], "storage-driver": "overlay",
    });
    let (good, bad) = (daemon(good, Tcp::Tls), daemon(bad, Tcp::Plain));
    bad.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377"]);
    let over_tls = harden(["check", "--profile", "docker-strict", "--format", "json", "--docker", &good.tcp_host()])
        .env("DOCKER_TLS_VERIFY", "1")
        .env("DOCKER_CERT_PATH", good.cert_path())
        .run();
    let runs = [
        check(&["--docker", &good.host()]),
        Findings::read(&over_tls.json()),
        check(&["--docker", &bad.host(), "--input", "docker_min_version=1000.0"]),
        check(&["--docker", &bad.tcp_host()]),
    ];
    let status = |run: usize, rule: &str| -> String {
        let subjects = runs[run].0.get(rule).unwrap_or_else(|| panic!("no finding of {rule}"));
        assert_eq!(subjects.len(), 1, "{rule}: {subjects:?}");
        subjects.values().next().cloned().unwrap_or_default()
    };
    for (rule, expected) in [
        ("docker-daemon-plain-tcp", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-connection", ["pass", "pass", "pass", "fail"]),
        // Not in a swarm, where the daemon refuses it.
        ("docker-daemon-live-restore", ["pass", "pass", "not_applicable", "not_applicable"]),
        ("docker-daemon-icc", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-debug", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-insecure-registries", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-registry-mirrors", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-user-namespace", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-log-driver", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-log-shipping", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-version", ["pass", "pass", "fail", "pass"]),
        ("docker-daemon-swarm", ["pass", "pass", "fail", "fail"]),
        ("docker-daemon-storage-driver", ["pass", "pass", "fail", "fail"]),
    ] {
        let seen: Vec<String> = (0..runs.len()).map(|run| status(run, rule)).collect();
        assert_eq!(seen, expected, "{rule}");
    }
    let runs: Vec<&Findings> = runs.iter().chain([shared_findings()]).collect();
    expect_both_ways(&shipped(&["docker-daemon-"]), &runs);
}

/// Exact verdicts on the shared set, by the container's name.
fn verdicts_by_name() {
    let findings = shared_findings();
    for (rule, subject, expected) in [
        ("privileged", "privileged", "fail"),
        ("privileged", "plain", "pass"),
        ("privileged", "stopped", "pass"),
        // What a privileged container is told once, not by every rule about what it may do.
        ("seccomp", "privileged", "none"),
        ("masked-paths", "privileged", "none"),
        ("engine-socket", "docker-socket", "fail"),
        ("engine-socket", "bind-root", "fail"),
        ("engine-socket", "bind-run", "fail"),
        ("engine-socket", "own-socket", "fail"),
        ("engine-socket", "bind-etc", "pass"),
        ("sensitive-mounts-readable", "bind-harmless", "pass"),
        ("sensitive-mounts-readable", "docker-socket", "pass"),
        ("sensitive-mounts-readable", "bind-etc", "fail"),
        ("sensitive-mounts-readable", "volumes-from", "fail"),
        ("sensitive-mounts-writable", "bind-etc", "pass"),
        ("sensitive-mounts-writable", "bind-root", "fail"),
        ("root", "drops-root", "pass"),
        ("root", "plain", "fail"),
        ("root", "root-by-image", "fail"),
        ("root", "user-by-image", "pass"),
        ("root", "root-group", "pass"),
        ("ports-public", "published-everywhere", "fail"),
        ("ports-public", "published-web", "pass"),
        ("ports-public", "published-on-loopback", "pass"),
        ("ports-privileged", "published-low", "fail"),
        ("ports-privileged", "published-web", "pass"),
        ("ssh", "published-ssh", "fail"),
        ("capabilities-added", "cap-add-net-admin", "fail"),
        ("capabilities-added", "cap-drop-all-add-one", "pass"),
        ("capabilities-added", "cap-add-sys-admin", "none"),
        ("capabilities-dangerous", "cap-add-sys-admin", "fail"),
        ("capabilities-dangerous", "cap-add-net-admin", "pass"),
        ("capabilities-dropped", "cap-drop-all-add-one", "pass"),
        ("capabilities-dropped", "plain", "fail"),
        ("devices", "device", "fail"),
        ("devices", "device-raw", "pass"),
        ("devices-raw", "device-raw", "fail"),
        ("devices-raw", "device", "pass"),
        ("seccomp", "seccomp-unconfined", "fail"),
        ("masked-paths", "systempaths-unconfined", "fail"),
        ("host-network", "host-network", "fail"),
        ("host-network", "joins-plain", "pass"),
        ("shared-namespaces", "joins-plain", "fail"),
        ("tmpfs", "tmpfs-exec", "fail"),
        ("tmpfs", "tmpfs-default", "pass"),
        ("cpu-limit", "limits-by-quota", "pass"),
        ("memory-limit", "limits-by-quota", "pass"),
        ("env-secrets", "env-secret", "fail"),
        // It inherits what its image sets.
        ("env-secrets", "secret-by-image", "fail"),
        ("mount-propagation", "bind-shared", "fail"),
        ("memory-limit", "stopped", "none"),
        ("healthy", "unhealthy", "fail"),
        ("healthy", "hardened", "pass"),
    ] {
        let rule = format!("docker-container-{rule}");
        assert_eq!(findings.status(&rule, subject), expected, "{rule} on {subject}");
    }
    for (rule, subject, expected) in [
        ("root", "local/root:1", "fail"),
        ("root", "local/app-number:1", "pass"),
        ("root", "local/unused:1", "none"),
        ("unused", "local/unused:1", "fail"),
        ("secrets", "local/secret:1", "fail"),
        ("secrets", "local/app-number:1", "pass"),
        ("remote-shell", "local/shell:1", "fail"),
        ("floating-tag", "localhost:5000/app:latest", "fail"),
        ("floating-tag", "localhost:5000/app:1.2.3", "pass"),
        ("floating-tag", "local/root:1", "none"),
        ("registry", "127.0.0.1:5000/app:1.2.3", "fail"),
        ("registry", "localhost:5000/app:1.2.3", "pass"),
        ("pinned", "localhost:5000/app:1.2.3", "fail"),
        ("age", "localhost:5000/app:0.9", "fail"),
        ("age", "localhost:5000/app:1.2.3", "pass"),
    ] {
        let rule = format!("docker-image-{rule}");
        assert_eq!(findings.status(&rule, subject), expected, "{rule} on {subject}");
    }
}

/// Fails of the default profile on the two containers at the ends of the scale.
fn what_is_hardened_fails_no_rule_of_the_default_profile() {
    let (daemon, _) = shared::docker();
    let root = host::Root::new();
    let root = root.dir().display().to_string();
    let run = harden(["check", "--root", &root, "--docker", &daemon.host(), "--format", "json"]).run().expect_code(1);
    let findings = Findings::read(&run.json());
    let on = |name: &str, status: &str| -> Vec<&String> {
        findings.0.iter().filter(|(_, on)| on.get(name).is_some_and(|s| s == status)).map(|(rule, _)| rule).collect()
    };
    assert_eq!(on("hardened", "fail"), Vec::<&String>::new());
    assert_eq!(on("hardened", "unknown"), Vec::<&String>::new());
    assert!(on("hardened", "pass").len() > 30, "{:?}", on("hardened", "pass"));
    assert!(on("privileged", "fail").iter().any(|rule| *rule == "docker-container-privileged"));
    // Nothing on this machine is out of root's sight.
    let unknown: Vec<_> = findings.0.iter().filter(|(_, on)| on.values().any(|status| status == "unknown")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn remapped_containers() {
    let (_daemon, findings) = remapped();
    for (rule, subject, expected) in [
        ("docker-container-root", "inside", "pass"),
        ("docker-container-root", "outside", "fail"),
        ("docker-container-host-userns", "inside", "pass"),
        ("docker-container-host-userns", "outside", "fail"),
    ] {
        assert_eq!(findings.status(rule, subject), expected, "{rule} on {subject}");
    }
    let not_remapped = shared_findings();
    assert!(!not_remapped.has("docker-container-host-userns", "fail"));
    assert!(tools::is_root());
}

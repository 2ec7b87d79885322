//! One rule, three sources: what is said of a container does not depend on whether a daemon, a Compose file or a
//! Kubernetes manifest tells of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/manifests");

/// The two kinds of manifests: the option, the profile, the end of the fixtures' names.
const KINDS: [(&str, &str, &str); 2] =
    [("--compose", "compose", "compose"), ("--manifest", "kubernetes", "kubernetes")];

/// Rules that a manifest of a kind cannot show one way, which way, and why.
const ONE_WAY: &[(&str, &str, &str, &str)] =
    &[("compose", "docker-container-publish-all", "fail", "Compose has no such setting")];

fn run(arguments: &[&str]) -> (u8, Value) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["harden"].iter().chain(arguments).map(|word| (*word).into());
    let code = harden::run(arguments, &mut out, &mut err);
    let code = (0..=3).find(|number| format!("{code:?}") == format!("{:?}", std::process::ExitCode::from(*number)));
    let text = String::from_utf8(out).unwrap();
    let document = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{arguments:?}", arguments = String::from_utf8_lossy(&err)));
    (code.unwrap(), document)
}

fn fixture(world: &str, kind: &str) -> String {
    format!("{FIXTURES}/{world}.{kind}.yaml")
}

/// Statuses by rule and subject.
fn statuses(report: &Value) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut all: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        all.entry((text("rule"), text("subject"))).or_default().insert(text("status"));
    }
    all
}

#[test]
fn each_rule_is_seen_both_ways_on_manifests_of_both_kinds() {
    for (option, profile, kind) in KINDS {
        let report =
            |world: &str| run(&["check", option, &fixture(world, kind), "--profile", profile, "--format", "json"]);
        let (weak, hardened) = (report("weak"), report("hardened"));
        assert_eq!((weak.0, hardened.0), (1, 0), "{kind}: the exit codes");
        let rules: BTreeSet<&String> = weak.1["rules"].as_object().unwrap().keys().collect();
        let has = |report: &Value, rule: &str, status: &str| {
            statuses(report).iter().any(|((own, _), all)| own == rule && all.contains(status))
        };
        let mut missing = Vec::new();
        for rule in &rules {
            for (report, status) in [(&weak.1, "fail"), (&hardened.1, "pass")] {
                let listed = ONE_WAY.iter().any(|(of, id, way, _)| *of == kind && id == rule && *way == status);
                if has(report, rule, status) == listed {
                    missing.push(format!("{rule} {status}"));
                }
            }
        }
        assert!(missing.is_empty(), "{kind}: {missing:#?}");
        let unknown: Vec<_> = statuses(&hardened.1)
            .into_iter()
            .filter(|(_, all)| all.contains("unknown") || all.contains("fail"))
            .collect();
        assert!(unknown.is_empty(), "{kind}: {unknown:#?}");
    }
}

/// The facts of a manifest, told as if a daemon had.
fn as_a_daemon_tells(facts: &Value) -> Value {
    let mut facts = facts.clone();
    let targets = facts["targets"].as_array_mut().unwrap();
    let manifest = targets.iter().find(|target| target["kind"] == "manifest").unwrap()["name"].clone();
    targets.retain(|target| target["kind"] != "manifest");
    for target in targets.iter_mut().filter(|target| target["kind"] == "docker") {
        *target =
            json!({ "name": "docker", "kind": "docker", "address": "unix:///run/docker.sock", "state": "audited" });
    }
    for query in facts["queries"].as_array_mut().unwrap() {
        if query["target"] == manifest {
            query["target"] = json!("docker");
        }
        for subject in query["subjects"].as_array_mut().unwrap() {
            subject["basis"] = json!("live");
        }
    }
    facts
}

#[test]
fn a_rule_says_the_same_whoever_tells() {
    let folder = tempfile::tempdir().unwrap();
    for (option, profile, kind) in KINDS {
        for world in ["weak", "hardened"] {
            let (_, facts) = run(&["collect", option, &fixture(world, kind), "--profile", profile]);
            let judged = |facts: &Value, name: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, facts.to_string()).unwrap();
                let (_, report) = run(&["check", "--facts", path_of(&path), "--profile", profile, "--format", "json"]);
                let mut all = statuses(&report);
                // Rules that ask the daemon itself are judged only where there is one.
                all.retain(|(rule, _), _| !rule.starts_with("docker-container-host-cgroupns"));
                all
            };
            assert_eq!(judged(&facts, "own.json"), judged(&as_a_daemon_tells(&facts), "daemon.json"), "{kind} {world}");
        }
    }
}

fn path_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What is named is all that is looked at, and what would need a daemon does not apply.
#[test]
fn manifests_alone_leave_nothing_else_unknown() {
    for (option, _, kind) in KINDS {
        let (_, report) = run(&["check", option, &fixture("hardened", kind), "--format", "json"]);
        let daemon = |rule: &str| {
            rule.starts_with("docker-daemon-") || rule.starts_with("host-") || rule.starts_with("postgres-")
        };
        for ((rule, subject), all) in statuses(&report) {
            if daemon(&rule) {
                assert_eq!(all, BTreeSet::from(["not_applicable".to_owned()]), "{rule} {subject}");
            }
        }
    }
}

/// The values that a manifest gives its variables are nowhere in what harden says.
#[test]
fn no_secret_of_a_manifest_is_shown() {
    for (option, profile, kind) in KINDS {
        for world in ["weak", "hardened"] {
            for command in [&["collect"][..], &["check", "--format", "json"]] {
                let file = fixture(world, kind);
                let arguments = [command, &[option, file.as_str(), "--profile", profile]].concat();
                let text = run(&arguments).1.to_string();
                for secret in ["kD8x", "wJalrXUtnFEMI", "nTb9kD8x", "4sLz9nTb"] {
                    assert!(!text.contains(secret), "{kind} {world} {command:?}: {secret}");
                }
            }
        }
    }
}

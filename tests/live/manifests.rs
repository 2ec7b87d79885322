//! Compose files against docker-compose: what a file declares is what its containers are, and a project that is merged,
//! extended and interpolated by docker-compose itself says the same as its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::docker::{self, Dockerd};
use crate::support::harden::harden;
use crate::support::session::{component, session};
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        the_same_services_declared_and_running,
        what_docker_compose_makes_of_a_project_says_the_same,
        one_rule_on_a_file_and_on_its_containers,
        kubectl_reads_manifests_the_same,
    ]
}

/// Services good and bad, in the version of the format that docker-compose 1 starts by itself.
const PROJECT: &str = r#"
version: "2.4"
x-hard: &hard
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
services:
  hardened:
    <<: *hard
    image: local/busybox:1
    user: "1000:1000"
    cap_add: [NET_BIND_SERVICE]
    mem_limit: 64m
    mem_reservation: 32m
    cpus: 0.5
    pids_limit: 64
    tmpfs: ["/tmp:rw,noexec,nosuid,size=8m"]
    restart: "on-failure:5"
    ulimits: {nofile: {soft: 512, hard: 512}}
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    logging: {driver: json-file, options: {max-size: 1m}}
    ports: ["127.0.0.1:18090:80", "18091:81/udp"]
    volumes: ["./data:/data:ro", "state:/state", "/usr/share/zoneinfo:/zone:ro"]
    environment: {MODE: "${MODE}", DEFAULTED: "${NOT_SET:-two}", DOLLAR: "a$$b"}
    env_file: app.env
  privileged:
    image: local/busybox:1
    privileged: true
    user: root
  host:
    image: local/busybox:1
    network_mode: host
    pid: host
    ipc: host
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "/etc:/host/etc:ro"]
    devices: ["/dev/null:/dev/other:rw"]
  joined:
    image: local/busybox:1
    network_mode: "service:hardened"
    cap_add: [SYS_ADMIN]
    security_opt: ["seccomp=unconfined"]
    group_add: ["42"]
    sysctls: {kernel.msgmax: "65536"}
    oom_score_adj: 500
    shm_size: 32m
    init: true
volumes: {state: {}}
"#;

/// Fields that a file and a container cannot agree on, and why.
const APART: &[(&str, &str)] = &[
    ("name", "the container's name is made from the service's"),
    ("labels", "docker-compose adds its own"),
    ("mounts", "compared part by part below"),
    ("joins", "the id of the container that is joined is not known before"),
    ("network_mode", "the same for what is joined"),
    ("security_opt", "the daemon adds label=disable where it implies it"),
];

struct Project {
    folder: std::path::PathBuf,
}

impl Project {
    fn new(name: &str, files: &[(&str, &str)]) -> Project {
        let folder = session().instance(name).join("project");
        fs::create_dir_all(folder.join("data")).expect("make a folder");
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("make a folder");
            fs::write(path, text).expect("write a file");
        }
        Project { folder }
    }

    /// `docker-compose`, with nothing of the user's settings.
    fn compose(&self, host: &str, arguments: &[&str]) -> Command {
        let mut command = component(tools::find("docker-compose"), &self.folder);
        command.env("DOCKER_HOST", host).env("COMPOSE_HTTP_TIMEOUT", "60").current_dir(&self.folder).args(arguments);
        command
    }

    /// The facts of resources about containers, by resource and subject.
    fn facts(&self, arguments: &[&str]) -> BTreeMap<(String, String), Value> {
        let all = ["collect", "--profile", "compose"];
        let run = harden(all.iter().chain(arguments)).folder(&self.folder).run().expect_code(0);
        let mut facts = BTreeMap::new();
        for query in run.json()["queries"].as_array().expect("queries") {
            for subject in query["subjects"].as_array().expect("subjects") {
                let text = |key: &str| subject[key].as_str().expect("text").to_owned();
                let resource = query["resource"].as_str().expect("text").to_owned();
                facts.insert((resource, text("name")), subject["fields"].clone());
            }
        }
        facts
    }
}

/// Whether a value, or a part of it, was not seen.
fn is_unseen(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => {
            map.keys().any(|key| key.starts_with('$')) || map.values().any(|one| is_unseen(one) && !one.is_null())
        }
        Value::Array(items) => items.iter().any(|one| is_unseen(one) && !one.is_null()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A port on every address is published once for each family.
fn addresses(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Array(items) = &mut value {
        items.retain(|item| item["host_ip"] != "::");
        let every = items.iter_mut().filter(|item| item["host_ip"] == "0.0.0.0");
        every.for_each(|item| item["host_ip"] = "*".into());
    }
    value
}

/// Items in no order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.clone();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        value => value.clone(),
    }
}

fn the_same_services_declared_and_running() {
    let daemon = Dockerd::start(&docker::Options::default());
    let project = started(&daemon);
    let declared = project.facts(&["--compose", "compose.yaml"]);
    let live = project.facts(&["--docker", &daemon.host()]);
    let mut compared = 0;
    for service in ["hardened", "privileged", "host", "joined"] {
        let own = &declared[&("container".to_owned(), service.to_owned())];
        let running = &live[&("container".to_owned(), format!("project_{service}_1"))];
        for (field, value) in own.as_object().expect("fields") {
            let other = &running[field];
            if APART.iter().any(|(name, _)| name == field) || is_unseen(value) || is_unseen(other) {
                continue;
            }
            assert_eq!(sorted(&addresses(value)), sorted(&addresses(other)), "{service}.{field}: declared, then live");
            compared += 1;
        }
        let parts = |fields: &Value| {
            let mounts = fields["mounts"].as_array().expect("mounts").iter();
            let part = |mount: &Value| ["type", "destination", "rw", "sensitive"].map(|key| mount[key].to_string());
            let mut parts: Vec<_> = mounts.map(part).collect();
            parts.sort();
            parts
        };
        assert_eq!(parts(own), parts(running), "{service}.mounts");
    }
    assert!(compared > 120, "only {compared} fields were compared");
    for name in ["MODE", "DEFAULTED", "DOLLAR", "FROM_FILE"] {
        let value = |fields: BTreeMap<(String, String), Value>| {
            fields
                .into_iter()
                .find(|((resource, subject), _)| resource == "env" && subject.ends_with(name))
                .expect("seen")
                .1["length"]
                .clone()
        };
        let ask = |target: &[&str], of: &str| {
            let rule = rule(&project.folder, name, of);
            project.facts(&[&["--rules", rule.to_str().expect("text"), "--rule", "env-length"], target].concat())
        };
        let own = value(ask(&["--compose", "compose.yaml"], "container:hardened"));
        assert_eq!(own, value(ask(&["--docker", &daemon.host()], "container:project_hardened_1")), "{name}");
    }
    tools::run(&mut project.compose(&daemon.host(), &["-f", "compose.yaml", "down", "-t", "0"]));
}

fn started(daemon: &Dockerd) -> Project {
    let files = [
        ("compose.yaml", PROJECT),
        (".env", "MODE=fast\n"),
        ("app.env", "FROM_FILE=three\n# a comment\nMODE=overridden\n"),
    ];
    let project = Project::new("running", &files);
    tools::run(&mut project.compose(&daemon.host(), &["-f", "compose.yaml", "up", "-d"]));
    project
}

/// A rule that asks for one variable.
fn rule(folder: &Path, name: &str, of: &str) -> std::path::PathBuf {
    let rules = folder.join(format!("rules-{name}-{}", of.len()));
    fs::create_dir_all(&rules).expect("make a folder");
    let text = format!(
        "id: env-length\ntitle: The variable has a length\nseverity: info\nphase: pre\nwhy: To compare.\nfix: Nothing.\nrefs: {{ test: none }}\n\
         check:\n  resource: env\n  with: {{ of: '{of}', name: {name} }}\n  absent: fail\n  expect: {{ length: {{ at_least: 1 }} }}\n"
    );
    fs::write(rules.join("env-length.yaml"), text).expect("write a rule");
    rules
}

/// Features of the format that docker-compose resolves before it starts anything: `config` prints the outcome, which,
/// read as a file of its own, has to say what the project's files say.
const FEATURES: &[(&str, &[(&str, &str)])] = &[
    (
        "interpolation",
        &[
            (
                "compose.yaml",
                "version: '2.4'\nservices:\n  web:\n    image: \"a:${TAG}\"\n    user: ${U:-1000}\n    environment:\n      - A=${TAG}-$TAG\n      - B=$$x\n      - C=${EMPTY:-d}\n      - D=${EMPTY-d}\n      - E=${TAG:?needed}\n    ports: [\"${PORT:-8080}:80\"]\n    mem_limit: ${MEM:-64m}\n",
            ),
            (".env", "TAG=1.2\nEMPTY=\n"),
        ],
    ),
    (
        "anchors",
        &[(
            "compose.yaml",
            "version: '2.4'\nx-a: &a {cap_drop: [ALL], read_only: true, environment: &e {A: '1', B: '1'}}\nservices:\n  web: {<<: *a, image: a, environment: {<<: *e, B: '2'}}\n  db: {<<: *a, image: b, read_only: false}\n",
        )],
    ),
    (
        "extends",
        &[
            (
                "compose.yaml",
                "version: '2.4'\nservices:\n  base: {image: a, environment: {A: '1', B: '1'}, cap_add: [CHOWN], ports: ['80:80'], volumes: ['/a:/x', '/b:/y']}\n  web: {extends: {service: base}, environment: [B=2], cap_add: [KILL], volumes: ['/c:/x:ro'], privileged: true}\n  far: {extends: {file: common/base.yaml, service: far}, user: '5'}\n",
            ),
            (
                "common/base.yaml",
                "version: '2.4'\nservices:\n  far: {image: far, env_file: far.env, restart: always, volumes: ['./d:/d']}\n",
            ),
            ("common/far.env", "FAR=1\nQUOTED='x y'\n"),
        ],
    ),
    (
        "files",
        &[
            (
                "compose.yaml",
                "version: '2.4'\nservices:\n  web: {image: a, command: [x], environment: {A: '1', B: '1'}, labels: {l: a}, ports: ['80:80'], dns: 1.1.1.1, tmpfs: /a, volumes: ['v:/v', '/h:/h']}\nvolumes: {v: {}}\n",
            ),
            (
                "second.yaml",
                "version: '2.4'\nservices:\n  web: {image: b, command: y, environment: [B=2, C=3], labels: [m=b], ports: ['81:81'], tmpfs: [/b], volumes: ['/g:/h:ro'], security_opt: ['no-new-privileges:true']}\n  new: {image: n, network_mode: host}\nvolumes: {v: {}}\n",
            ),
        ],
    ),
    (
        "forms",
        &[(
            "compose.yaml",
            "version: '3.8'\nservices:\n  web:\n    image: a\n    ports:\n      - 3000\n      - '8000-8001:9000-9001'\n      - '127.0.0.1:5000:5000/udp'\n      - {target: 80, published: 8085, protocol: tcp, mode: host}\n    volumes:\n      - {type: bind, source: /etc, target: /host, read_only: true}\n      - {type: volume, source: v, target: /v}\n      - {type: tmpfs, target: /t}\n      - /anonymous\n    ulimits: {nproc: 65535, nofile: {soft: 20000, hard: 40000}}\n    healthcheck: {test: 'curl x', interval: 5s}\n    logging: {driver: syslog}\n    deploy: {resources: {limits: {memory: 50M}}}\n    secrets: [s]\n    cap_drop: [ALL]\n    stop_grace_period: 1m\n    devices: ['/dev/ttyUSB0:/dev/ttyUSB0']\n    sysctls: [net.core.somaxconn=1024]\nvolumes: {v: {}}\nsecrets: {s: {file: ./s.txt}}\n",
        )],
    ),
];

fn what_docker_compose_makes_of_a_project_says_the_same() {
    for (feature, files) in FEATURES {
        let project = Project::new(feature, files);
        let named: Vec<&str> =
            files.iter().map(|(name, _)| *name).filter(|name| name.ends_with("yaml") && !name.contains('/')).collect();
        let arguments: Vec<&str> = named.iter().flat_map(|name| ["-f", *name]).chain(["config"]).collect();
        let config = tools::run(&mut project.compose("unix:///nonexistent", &arguments));
        fs::write(project.folder.join("outcome.yaml"), &config).expect("write the outcome");
        let own = project.facts(&[&["--compose"], named.as_slice()].concat());
        let outcome = project.facts(&["--compose", "outcome.yaml"]);
        assert_eq!(own.keys().collect::<Vec<_>>(), outcome.keys().collect::<Vec<_>>(), "{feature}:\n{config}");
        for (key, fields) in &own {
            let other = &outcome[key];
            for (field, value) in fields.as_object().expect("fields") {
                // What is relative in the files is absolute in the outcome, and fingerprints are a run's own.
                let plain = |value: &Value| {
                    let mut value = value.clone();
                    for mount in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                        mount.remove("source");
                        mount.remove("sensitive");
                    }
                    value.as_object_mut().map(|map| map.remove("fingerprint"));
                    sorted(&value)
                };
                if *field != "sensitive_mounts" {
                    assert_eq!(plain(value), plain(&other[field]), "{feature}: {key:?} {field}\n{config}");
                }
            }
        }
    }
}

/// What YAML leaves to its readers: bases of numbers, words for truth, anchors, several documents, lists of objects.
const MANIFESTS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: &labels {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      hostNetwork: yes
      automountServiceAccountToken: off
      securityContext: {runAsUser: 0x3e8, runAsGroup: 1_000, fsGroup: 2000, runAsNonRoot: on, supplementalGroups: [010]}
      volumes:
      - {name: a, secret: {secretName: s, defaultMode: 0400}}
      - {name: b, secret: {secretName: s, defaultMode: 256}}
      - {name: c, secret: {secretName: s}}
      - {name: d, hostPath: {path: /etc}}
      containers:
      - name: app
        image: app:1
        command: ["sh",
        "-c",
        "x"]
        ports: [{containerPort: 0o120}]
        resources: {limits: {memory: 1.5Gi, cpu: 1}}
        securityContext: {privileged: no, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: a, mountPath: /a}
        - {name: b, mountPath: /b}
        - {name: c, mountPath: /c}
        - {name: d, mountPath: /d, readOnly: true}
        env: [{name: DEBUG, value: "yes"}, {name: NODE_ENV, value: development}]
---
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: Job
  metadata: {name: once}
  spec: {template: {spec: {restartPolicy: Never, containers: [{name: one, image: x, livenessProbe: {exec: {command: [a]}}}]}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: alone}
  spec: {hostUsers: false, initContainers: [{name: first, image: x}], containers: [{name: then, image: "yes"}]}
"#;

/// kubectl reads a manifest and writes it as JSON, which has one way to write each thing.
fn kubectl_reads_manifests_the_same() {
    let project = Project::new("kubectl", &[("own.yaml", MANIFESTS)]);
    let mut kubectl = component(tools::find("kubectl"), &project.folder);
    kubectl.env("HOME", &project.folder).current_dir(&project.folder);
    kubectl.args(["annotate", "--local", "--dry-run=client", "-o", "json", "-f", "own.yaml", "seen=yes"]);
    // One object after another, without anything between them.
    let json = tools::run(&mut kubectl).replace("}\n{", "}\n---\n{");
    fs::write(project.folder.join("kubectl.json"), json).expect("write what kubectl says");
    let own = project.facts(&["--manifest", "own.yaml"]);
    let kubectl = project.facts(&["--manifest", "kubectl.json"]);
    assert_eq!(own.keys().collect::<Vec<_>>(), kubectl.keys().collect::<Vec<_>>());
    assert!(own.len() > 20, "{own:?}");
    for (key, fields) in &own {
        for (field, value) in fields.as_object().expect("fields") {
            // The reason of an unknown names the file.
            let alike = value == &kubectl[key][field] || is_unseen(value) && is_unseen(&kubectl[key][field]);
            assert!(alike || field == "value", "{key:?} {field}: {value} and {}", kubectl[key][field]);
        }
    }
}

/// The same rules fail on the file and on what was started from it.
fn one_rule_on_a_file_and_on_its_containers() {
    let daemon = Dockerd::start(&docker::Options::default());
    let project = started(&daemon);
    let failed = |target: &[&str]| {
        let arguments = [&["check", "--profile", "compose", "--format", "json"], target].concat();
        let report = harden(arguments).folder(&project.folder).run().json();
        let mut failed: Vec<(String, String)> = Vec::new();
        for finding in report["findings"].as_array().expect("findings") {
            let text = |key: &str| finding[key].as_str().expect("text").to_owned();
            if text("status") == "fail" {
                let subject = text("subject");
                let service = subject.strip_prefix("project_").and_then(|name| name.strip_suffix("_1"));
                failed.push((text("rule"), service.unwrap_or(&subject).to_owned()));
            }
        }
        failed
    };
    let declared = failed(&["--compose", "compose.yaml"]);
    let live = failed(&["--docker", &daemon.host()]);
    assert!(declared.len() > 15, "{declared:?}");
    for finding in &declared {
        assert!(live.contains(finding), "declared only: {finding:?} in {live:?}");
    }
    // What only the running container shows: its image's user, the daemon's defaults.
    const LIVE_ONLY: [&str; 4] = [
        "docker-container-root",
        "docker-container-no-new-privileges",
        "docker-container-log-rotation",
        "docker-container-healthcheck",
    ];
    for (rule, subject) in &live {
        let known = declared.contains(&(rule.clone(), subject.clone())) || LIVE_ONLY.contains(&rule.as_str());
        assert!(known, "live only: {rule} {subject}");
    }
    tools::run(&mut project.compose(&daemon.host(), &["-f", "compose.yaml", "down", "-t", "0"]));
}

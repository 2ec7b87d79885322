//! The features of the Compose specification, each with what it comes out as.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::manifest::HostPath;
use crate::value::{Observed, Value};

/// Files that are only imagined.
struct Imagined(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Imagined {
    fn read(&self, path: &Path) -> Read<Option<Vec<u8>>> {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::ParentDir => drop(plain.pop()),
                std::path::Component::CurDir => {}
                part => plain.push(part),
            }
        }
        Ok(self.0.get(&plain).cloned())
    }
}

fn world(files: &[(&str, &str)]) -> Imagined {
    Imagined(files.iter().map(|(name, text)| (PathBuf::from("app").join(name), text.as_bytes().to_vec())).collect())
}

/// The project of `app/compose.yaml` and what lies around it.
fn project(files: &[(&str, &str)]) -> Project {
    let request = Request { files: vec!["app/compose.yaml".into()], ..Request::default() };
    read(&world(files), &request).unwrap()
}

/// The one service of a file.
fn service(yaml: &str) -> Container {
    let mut project = project(&[("compose.yaml", &format!("services:\n  web: {yaml}\n"))]);
    assert_eq!(project.containers.len(), 1);
    project.containers.remove(0)
}

fn field(container: &Container, name: &str) -> String {
    let (_, observed) = container.fields.iter().find(|(known, _)| *known == name).unwrap();
    show(observed)
}

fn show(observed: &Observed) -> String {
    match observed {
        Observed::Absent => "absent".to_owned(),
        Observed::Unknown(reason) => format!("unknown: {}", reason.text),
        Observed::Known(Value::List(list)) => {
            let items: Vec<String> = list.items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Observed::Known(value) => value.to_string(),
    }
}

fn variable(container: &Container, name: &str) -> Option<String> {
    let found = container.environment.variable(name).unwrap()?;
    Some(found.value.as_ref().unwrap().expose_secret().to_owned())
}

fn named<'p>(project: &'p Project, name: &str) -> &'p Container {
    project.containers.iter().find(|one| one.name == name).unwrap()
}

/// Attribute, field and what it comes out as.
#[test]
fn attributes() {
    for (yaml, name, expected) in [
        ("{image: 'nginx:1.27'}", "image", "nginx:1.27"),
        ("{build: .}", "image", "absent"),
        ("{}", "image", "unknown: the service names no image"),
        ("{image: a}", "privileged", "false"),
        ("{privileged: true}", "privileged", "true"),
        ("{privileged: 'yes'}", "privileged", "true"),
        ("{privileged: maybe}", "privileged", "unknown: app/compose.yaml:2: unexpected shape of privileged"),
        (
            "{privileged: '${X}'}",
            "privileged",
            "unknown: app/compose.yaml:2: `$X` is set by no file: Compose takes it from where it is started, or else the empty text, with a warning",
        ),
        ("{privileged: '${X:-false}'}", "privileged", "false"),
        ("{cap_add: [CAP_net_admin, SYS_TIME], cap_drop: [all]}", "cap_add", "[NET_ADMIN, SYS_TIME]"),
        ("{cap_drop: [all]}", "cap_drop", "[ALL]"),
        (
            "{cap_add: ['${X}', A]}",
            "cap_add",
            "[unknown: app/compose.yaml:2: `$X` is set by no file: Compose takes it from where it is started, or else the empty text, with a warning, A]",
        ),
        ("{user: '1000:1000'}", "user", "1000:1000"),
        ("{user: 1000}", "root_in_container", "false"),
        ("{user: root}", "root_in_container", "true"),
        ("{user: app}", "root_in_container", "unknown: only the image knows the number of the user `app`"),
        ("{image: a}", "user", "unknown: the file leaves the user to the image"),
        ("{image: a}", "root_in_container", "unknown: the file leaves the user to the image"),
        ("{userns_mode: host}", "userns_remapped", "false"),
        ("{userns_mode: host}", "host_userns", "true"),
        ("{security_opt: [no-new-privileges]}", "no_new_privileges", "true"),
        ("{security_opt: ['no-new-privileges:true']}", "no_new_privileges", "true"),
        ("{security_opt: ['no-new-privileges=false']}", "no_new_privileges", "false"),
        ("{image: a}", "no_new_privileges", "unknown: the file leaves it to the daemon, whose default is off"),
        ("{security_opt: ['seccomp:unconfined']}", "seccomp", "unconfined"),
        ("{security_opt: ['seccomp=./p.json']}", "seccomp", "custom"),
        ("{image: a}", "seccomp", "absent"),
        ("{privileged: true}", "seccomp", "unconfined"),
        ("{security_opt: ['apparmor:unconfined']}", "apparmor", "unconfined"),
        ("{security_opt: ['label:disable']}", "selinux_disabled", "true"),
        ("{security_opt: ['systempaths=unconfined']}", "masked_paths", "[]"),
        ("{image: a}", "masked_paths", "[/proc/kcore]"),
        ("{read_only: true}", "readonly_rootfs", "true"),
        ("{pid: host}", "host_pid", "true"),
        ("{pid: 'service:db'}", "pid_mode", "container:db"),
        ("{pid: 'service:db', ipc: 'container:x'}", "joins", "[db, x]"),
        ("{ipc: host}", "host_ipc", "true"),
        ("{uts: host}", "host_uts", "true"),
        ("{cgroup: host}", "host_cgroupns", "true"),
        ("{image: a}", "host_cgroupns", "absent"),
        ("{network_mode: host}", "host_network", "true"),
        ("{network_mode: bridge}", "on_default_bridge", "true"),
        ("{image: a}", "network_mode", "app_default"),
        ("{image: a}", "on_default_bridge", "false"),
        ("{networks: [b, a]}", "networks", "[app_a, app_b]"),
        ("{networks: {a: , b: {priority: 5}}}", "network_mode", "app_b"),
        ("{networks: {back: {aliases: [x]}}}", "networks", "[app_back]"),
        ("{mem_limit: 512m}", "memory", "512MiB"),
        ("{deploy: {resources: {limits: {memory: 1g, cpus: '0.5', pids: 100}}}}", "memory", "1GiB"),
        ("{deploy: {resources: {limits: {cpus: '0.5'}}}}", "cpu_limited", "true"),
        ("{deploy: {resources: {limits: {pids: 100}}}}", "pids_limit", "100"),
        ("{cpus: 1.5}", "cpu_limited", "true"),
        ("{cpu_shares: 512}", "cpu_limited", "false"),
        ("{pids_limit: -1}", "pids_limit", "absent"),
        ("{memswap_limit: -1}", "memory_swap", "absent"),
        ("{image: a}", "memory", "absent"),
        ("{restart: 'on-failure:5'}", "restart_policy", "on-failure"),
        ("{restart: 'on-failure:5'}", "restart_retries", "5"),
        ("{restart: no}", "restart_policy", "no"),
        ("{image: a}", "restart_policy", "no"),
        ("{deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}}", "restart_retries", "3"),
        ("{deploy: {restart_policy: {condition: any}}}", "restart_policy", "always"),
        ("{tmpfs: /tmp}", "tmpfs", "/tmp=\"\""),
        ("{tmpfs: ['/run:noexec,size=1m', /tmp]}", "tmpfs", "/run=noexec,size=1m, /tmp=\"\""),
        ("{logging: {driver: none}}", "log_driver", "none"),
        ("{logging: {options: {max-size: 10m}}}", "log_options", "max-size=10m"),
        ("{image: a}", "log_driver", "absent"),
        ("{healthcheck: {test: [CMD, x]}}", "healthcheck", "true"),
        ("{healthcheck: {disable: true}}", "healthcheck", "false"),
        ("{healthcheck: {test: [NONE]}}", "healthcheck", "false"),
        ("{healthcheck: {interval: 5s}}", "healthcheck", "unknown: the file leaves the health check to the image"),
        ("{init: true}", "init", "true"),
        ("{image: a}", "running", "true"),
        ("{profiles: [debug]}", "running", "false"),
        ("{deploy: {replicas: 0}}", "running", "false"),
        ("{scale: 0}", "running", "false"),
        ("{sysctls: [net.core.somaxconn=1024]}", "sysctls", "net.core.somaxconn=1024"),
        ("{sysctls: {a.b: 010}}", "sysctls", "a.b=8"),
        ("{labels: {a: b}}", "labels", "a=b"),
        ("{labels: [a=b, c]}", "labels", "a=b, c=\"\""),
        ("{gpus: all}", "device_requests", "1"),
        ("{group_add: [docker, 0]}", "group_add", "[docker, 0]"),
        ("{links: [db], external_links: [x:y]}", "links", "[db, x:y]"),
        ("{volumes_from: ['db:ro']}", "volumes_from", "[db:ro]"),
        ("{oom_kill_disable: true}", "oom_kill_disable", "true"),
        ("{oom_score_adj: -500}", "oom_score_adj", "-500"),
        ("{shm_size: 1gb}", "shm_size", "1GiB"),
        ("{runtime: runsc}", "runtime", "runsc"),
    ] {
        assert_eq!(field(&service(yaml), name), expected, "{yaml}");
    }
}

#[test]
fn mounts_in_all_their_forms() {
    let shown = |yaml: &str| {
        let mounts = service(yaml).mounts;
        assert!(mounts.more.is_none(), "{yaml}");
        let one = |mount: &Read<crate::manifest::Mount>| {
            let mount = mount.as_ref().unwrap();
            let host = match &mount.host {
                HostPath::None => "none".to_owned(),
                HostPath::Path(path) => path.clone(),
                HostPath::Project => "project".to_owned(),
                HostPath::Unsure(_) => "unsure".to_owned(),
            };
            let rw = if mount.rw == Ok(true) { "rw" } else { "ro" };
            format!("{} {host} {} {rw}", mount.kind, mount.destination)
        };
        mounts.items.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    for (yaml, expected) in [
        ("{volumes: ['/etc:/host:ro']}", "bind /etc /host ro"),
        ("{volumes: ['./data:/data']}", "bind project /data rw"),
        ("{volumes: ['../data:/data']}", "bind unsure /data rw"),
        ("{volumes: ['./a/../../..:/data']}", "bind unsure /data rw"),
        ("{volumes: ['~/.ssh:/root/.ssh']}", "bind /home/user/.ssh /root/.ssh rw"),
        ("{volumes: ['~/data:/data']}", "bind unsure /data rw"),
        ("{volumes: ['db:/var/lib/x', /anonymous]}", "volume none /var/lib/x rw; volume none /anonymous rw"),
        ("{volumes: [{type: bind, source: /srv, target: /srv, read_only: true}]}", "bind /srv /srv ro"),
        ("{volumes: [{type: tmpfs, target: /tmp}]}", "tmpfs none /tmp rw"),
        ("{volumes: [{type: volume, source: x, target: /x}]}", "volume none /x rw"),
        ("{volumes: ['/a:/x', '/b:/x/']}", "bind /b /x rw"),
        ("{use_api_socket: true}", "bind /var/run/docker.sock /var/run/docker.sock rw"),
    ] {
        assert_eq!(shown(yaml), expected, "{yaml}");
    }
    let disguised = project(&[(
        "compose.yaml",
        "services: {web: {volumes: ['x:/x', 'y:/y', 'z:/z'], secrets: [s, {source: t, target: u}]}}\n\
         volumes: {x: {driver_opts: {type: none, o: bind, device: /etc}}, y: {external: true}, z: }\n\
         secrets: {s: {file: /etc/ssl/private/k}, t: {file: ./t.txt}}\n",
    )]);
    let mounts: Vec<_> =
        named(&disguised, "web").mounts.items.iter().map(|m| m.as_ref().unwrap().host.clone()).collect();
    assert_eq!(mounts[0], HostPath::Path("/etc".into()));
    assert!(matches!(mounts[1], HostPath::Unsure(_)));
    assert_eq!(mounts[2..], [HostPath::None, HostPath::Path("/etc/ssl/private/k".into()), HostPath::Project]);
}

#[test]
fn variables_by_their_layers() {
    let files = [
        (
            "compose.yaml",
            "services:\n  web:\n    env_file: [a.env, {path: none.env, required: false}, {path: raw.env, format: raw}]\n    environment:\n      OWN: ${FROM}\n      B: 2\n      PASSED:\n      SHELL_ONLY:\n      OCTAL: 022\n      FLOAT: 1.10\n      HASH: $$2a$$12$$x\n      YES: yes\n      BOOL: True\n      LOST: ${NOWHERE}\n",
        ),
        (".env", "FROM=dotenv\nPASSED=p\n"),
        ("a.env", "A=1\nB=1\nC=${A}-${FROM}\n"),
        ("raw.env", "R=\"$x\"\n"),
    ];
    let project = project(&files);
    let web = named(&project, "web");
    for (name, expected) in [
        ("OWN", "dotenv"),
        ("A", "1"),
        ("B", "2"),
        ("C", "1-dotenv"),
        ("R", "\"$x\""),
        ("PASSED", "p"),
        ("OCTAL", "18"),
        ("FLOAT", "1.1"),
        ("HASH", "$2a$12$x"),
        ("YES", "yes"),
        ("BOOL", "true"),
    ] {
        assert_eq!(variable(web, name).as_deref(), Some(expected), "{name}");
    }
    assert!(web.environment.variable("SHELL_ONLY").is_err());
    assert!(web.environment.variable("OTHER").unwrap().is_none());
    assert!(web.environment.variable("LOST").unwrap().unwrap().value.is_err());
    let origin = |name: &str| web.environment.variable(name).unwrap().unwrap().origin.clone().unwrap();
    assert_eq!((origin("B"), origin("C")), ("app/compose.yaml:6".into(), "app/a.env:3".into()));
}

#[test]
fn a_missing_env_file_leaves_what_it_sets_unknown() {
    let web = service("{env_file: gone.env, environment: {A: 1}}");
    assert_eq!(variable(&web, "A").as_deref(), Some("1"));
    assert!(web.environment.variable("B").unwrap_err().text.contains("gone.env does not exist"));
}

#[test]
fn lists_of_variables() {
    let web = service("{environment: [A=1, 'B=x=y', C, 'A=2', '${X}']}");
    assert_eq!((variable(&web, "A").as_deref(), variable(&web, "B").as_deref()), (Some("2"), Some("x=y")));
    assert!(web.environment.variable("Z").is_err(), "an entry that cannot be told may be any");
}

#[test]
fn the_operators_variables_go_first() {
    let files = world(&[
        ("compose.yaml", "services: {web: {image: 'a:${TAG}-${COMPOSE_PROJECT_NAME}'}}"),
        (".env", "TAG=env"),
        ("prod.env", "TAG=prod"),
    ]);
    let image = |request: Request| {
        let request = Request { files: vec!["app/compose.yaml".into()], ..request };
        field(&read(&files, &request).unwrap().containers[0], "image")
    };
    assert_eq!(image(Request::default()), "a:env-app");
    assert_eq!(image(Request { env_files: vec!["app/prod.env".into()], ..Request::default() }), "a:prod-app");
    let variables = BTreeMap::from([("TAG".to_owned(), "own".to_owned())]);
    assert_eq!(image(Request { variables, ..Request::default() }), "a:own-app");
}

#[test]
fn extends_and_anchors() {
    let project = project(&[
        (
            "compose.yaml",
            "x-hard: &hard {read_only: true, cap_drop: [ALL]}\nservices:\n  base: {<<: *hard, image: base, environment: {A: 1, B: 1}}\n  web: {extends: base, environment: {B: 2}, cap_add: [CHOWN]}\n  far: {extends: {file: common/base.yaml, service: app}, ports: ['80:80']}\n  round: {extends: round}\n  lost: {extends: {service: none}}\n",
        ),
        (
            "common/base.yaml",
            "services:\n  app: {extends: {service: root}, env_file: app.env, volumes: ['./data:/data']}\n  root: {image: root, user: '1'}\n",
        ),
        ("common/app.env", "FAR=1\n"),
    ]);
    let web = named(&project, "web");
    assert_eq!((field(web, "readonly_rootfs"), field(web, "cap_drop")), ("true".into(), "[ALL]".into()));
    assert_eq!((variable(web, "A").as_deref(), variable(web, "B").as_deref()), (Some("1"), Some("2")));
    let far = named(&project, "far");
    assert_eq!((field(far, "image"), field(far, "user")), ("root".into(), "1".into()));
    assert_eq!(variable(far, "FAR").as_deref(), Some("1"));
    assert_eq!(far.mounts.items[0].as_ref().unwrap().source.as_deref(), Some("./common/data"));
    assert!(field(named(&project, "round"), "privileged").contains("circles"));
    assert!(field(named(&project, "lost"), "privileged").contains("no service `none`"));
}

#[test]
fn several_files_and_includes() {
    let files = world(&[
        (
            "compose.yaml",
            "include: [sub/compose.yaml, {path: [gone.yaml]}]\nservices: {web: {image: a, ports: ['80:80'], cap_add: [A]}}",
        ),
        ("sub/compose.yaml", "services: {db: {image: 'db:${V}', volumes: ['./d:/d'], env_file: x.env}}"),
        ("sub/.env", "V=3"),
        ("sub/x.env", "X=1"),
        (
            "prod.yaml",
            "services: {web: {ports: !override ['127.0.0.1:80:80'], cap_add: !reset null, privileged: true}}\n---\nservices: {web: {user: '5'}}",
        ),
    ]);
    let request = Request { files: vec!["app/compose.yaml".into(), "app/prod.yaml".into()], ..Request::default() };
    let project = read(&files, &request).unwrap();
    assert!(project.more.as_ref().unwrap().text.contains("gone.yaml"));
    let web = named(&project, "web");
    assert_eq!(
        (field(web, "privileged"), field(web, "user"), field(web, "cap_add")),
        ("true".into(), "5".into(), "[]".into())
    );
    assert_eq!(web.ports.items.len(), 1);
    assert_eq!(web.ports.items[0].as_ref().unwrap().host_ip, "127.0.0.1");

    let whole = world(&[
        ("compose.yaml", "include: [sub/compose.yaml]\nservices: {db: {user: '7'}}"),
        ("sub/compose.yaml", "services: {db: {image: 'db:${V}', volumes: ['./d:/d'], env_file: x.env}}"),
        ("sub/.env", "V=3"),
        ("sub/x.env", "X=1"),
    ]);
    let request = Request { files: vec!["app/compose.yaml".into()], ..Request::default() };
    let project = read(&whole, &request).unwrap();
    let db = named(&project, "db");
    assert_eq!((field(db, "image"), field(db, "user")), ("db:3".into(), "7".into()));
    assert_eq!(variable(db, "X").as_deref(), Some("1"));
    assert_eq!(db.mounts.items[0].as_ref().unwrap().source.as_deref(), Some("./sub/d"));
}

#[test]
fn profiles_that_are_asked_for_run() {
    let files = world(&[
        ("compose.yaml", "services: {a: {image: a}, b: {image: b, profiles: [debug]}}"),
        (".env", "COMPOSE_PROFILES=x,y"),
    ]);
    let runs = |profiles: &[&str]| {
        let profiles = profiles.iter().map(|name| (*name).to_owned()).collect();
        let request = Request { files: vec!["app/compose.yaml".into()], profiles, ..Request::default() };
        field(named(&read(&files, &request).unwrap(), "b"), "running")
    };
    assert_eq!((runs(&[]), runs(&["debug"]), runs(&["*"])), ("false".into(), "true".into(), "true".into()));
}

#[test]
fn what_is_no_compose_file_says_so() {
    for text in ["", "just text", "[1, 2]", "a: b: c", "\u{0}\u{1}"] {
        let request = Request { files: vec!["app/compose.yaml".into()], ..Request::default() };
        assert!(read(&world(&[("compose.yaml", text)]), &request).is_err(), "{text}");
    }
    let strange = project(&[("compose.yaml", "services: [a]")]);
    assert!(strange.containers.is_empty() && strange.more.is_some());
    let odd = project(&[("compose.yaml", "services: {a: text, b: , c: {provider: {type: x}}}")]);
    assert_eq!(odd.containers.len(), 1);
    assert!(field(&odd.containers[0], "privileged").starts_with("unknown"));
}

#[test]
fn work_is_bounded() {
    let many: String = (0..20_000).map(|n| format!("  s{n}: {{image: a, extends: s{}}}\n", n / 2 + 30_000)).collect();
    let request = Request { files: vec!["app/compose.yaml".into(), "app/more.yaml".into()], ..Request::default() };
    let text = format!("services:\n{many}");
    let twice = world(&[("compose.yaml", &text), ("more.yaml", &text)]);
    let started = std::time::Instant::now();
    assert_eq!(read(&twice, &request).unwrap().containers.len(), 20_000);
    assert!(started.elapsed().as_secs() < 30);
    let mut text = "services:\n  s0: {environment: {".to_owned();
    (0..2000).for_each(|n| text.push_str(&format!("V{n}: x, ")));
    text.push_str("}}\n");
    (1..1000).for_each(|n| text.push_str(&format!("  s{n}: {{extends: s0}}\n")));
    let project = project(&[("compose.yaml", &text)]);
    assert_eq!(project.containers.len(), 1000);
    let deep = (0..500).map(|n| format!("  s{n}: {{extends: s{}}}\n", n + 1)).collect::<String>();
    let _ = self::project(&[("compose.yaml", &format!("services:\n{deep}  s500: {{image: a}}\n"))]);
    let _ = self::project(&[("compose.yaml", "include: [compose.yaml]\nservices: {a: {image: b}}")]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let files = Imagined(BTreeMap::from([(PathBuf::from("c"), bytes)]));
        let _ = read(&files, &Request { files: vec!["c".into()], ..Request::default() });
    }

    #[test]
    fn any_shape_of_an_attribute_is_read(
        key in prop::sample::select(vec![
            "image", "build", "privileged", "cap_add", "security_opt", "volumes", "ports", "environment", "env_file", "networks",
            "network_mode", "deploy", "ulimits", "devices", "logging", "healthcheck", "extends", "tmpfs", "sysctls", "user",
            "secrets", "configs", "profiles", "labels", "restart", "pid", "gpus", "scale", "mem_limit", "cpus", "links",
        ]),
        value in r#"[a-z0-9:./${}\[\],'" -]{0,30}"#,
    ) {
        let text = format!("services:\n  web:\n    {key}: {value}\n");
        let files = Imagined(BTreeMap::from([(PathBuf::from("c"), text.into_bytes())]));
        let _ = read(&files, &Request { files: vec!["c".into()], ..Request::default() });
    }
}

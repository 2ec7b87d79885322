use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::manifest::compose::Request;
use crate::target::host::Host;
use crate::target::manifest::{Manifest, Source};

const INI: &str = "[global]\nenable-web = true\nweb-auth-enabled = true\nweb-username = ops\n\
    web-password-hash = ${HASH}\nweb-secret-key = ${KEY}\nweb-token-expiry = 8 # hours\nweb-trusted-proxies = 172.20.0.2, x\n\
    [job-run \"report\"]\nimage = r.example/report@sha256:0000000000000000000000000000000000000000000000000000000000000000\n\
    volume = /srv/data:/data:ro\nvolume = /:/host\npull = always\nmemory = 1g\n[webhook \"a\"]\nurl = https://u:hunter2@hooks.example/T0/x\n";
const HASH: &str = "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";

/// A project with these services, and these files beside it and on its host.
fn project(services: &str, beside: &[(&str, &str)], host: &[(&str, &str)]) -> (tempfile::TempDir, Door) {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&folder.path().join("project/compose.yaml"), services);
    fs::create_dir_all(folder.path().join("root")).unwrap();
    beside.iter().for_each(|(name, text)| write(&folder.path().join("project").join(name), text));
    host.iter().for_each(|(name, text)| write(&folder.path().join("root").join(name), text));
    let salt = Arc::new(Salt::random().unwrap());
    let request = Request { files: vec![folder.path().join("project/compose.yaml")], ..Request::default() };
    let mut manifest = Manifest::new(Source::Compose(request), Arc::clone(&salt));
    manifest.set_host(Host::open(&folder.path().join("root"), salt).unwrap());
    (folder, Door::Manifest(Box::new(manifest)))
}

fn ask(resource: &Resource, door: &Door, of: &str) -> Listing {
    let with = With::from([("of".to_owned(), json!(of)), ("config".to_owned(), json!("/etc/ofelia/config.ini"))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on((resource.observe)(door, &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn daemon(door: &Door) -> Subject {
    let listing = ask(&OFELIA, door, "container");
    let [subject] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    subject.clone()
}

fn get(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

#[test]
fn a_service_takes_its_file_from_the_project() {
    let services = "services:\n  cron:\n    image: ghcr.io/netresearch/ofelia:0.29.0\n    ports: ['8080:8081', '127.0.0.1:9:8081']\n\
                    \x20   volumes: ['./ofelia.ini:/etc/ofelia/config.ini:ro']\n\
                    \x20   environment: {HASH: '$$2b$$12$$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234', OFELIA_SMTP_PASSWORD_FILE: /x}\n\
                    \x20 web:\n    image: web:1\n    labels: {ofelia.enabled: 'true', ofelia.job-exec.a.user: root, ofelia.webhook.x.secret: s3}\n";
    let (_folder, door) = project(services, &[("ofelia.ini", INI)], &[]);
    let seen = daemon(&door);
    assert_eq!(&*seen.name, "container cron");
    for (field, value) in [
        ("root", "true"),
        ("version", "0.29.0"),
        ("web_enabled", "true"),
        ("web_auth", "true"),
        ("web_exposed", "*:8080->8081"),
        ("web_username", "ops"),
        ("web_password_cost", "12"),
        ("web_token_expiry", "8h"),
        ("web_login_attempts", "5"),
        ("web_trusted_proxies", "172.20.0.2, x (not valid)"),
        ("web_trusted_prefix", "32"),
        ("webhooks", "a"),
        ("host_jobs_from_labels", "false"),
        ("default_user", "nobody"),
        ("docker_events", "true"),
        ("webhook_allowed_hosts", "*"),
        ("webhook_urls", "https://hooks.example/"),
        ("smtp_tls_policy", "mandatory"),
        ("label_secrets", "ofelia.webhook.x.secret (container web)"),
        ("variables", "OFELIA_SMTP_PASSWORD_FILE"),
        ("config_files", "none"),
    ] {
        assert_eq!(get(&seen, field), value, "{field}");
    }
    assert!(get(&seen, "web_secret_key").contains("placeholder"), "{}", get(&seen, "web_secret_key"));
    assert!(get(&seen, "undefined_variables").contains("web-secret-key = ${KEY}"));
    assert!(get(&seen, "unknown_keys").contains("[job-run \"report\"] memory"));
    assert!(get(&seen, "literal_secrets").contains("[webhook \"a\"] url"));
    assert!(get(&seen, "origins").contains("ofelia.ini:3"));
    let shown = format!("{seen:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("abcdefghij") && !shown.contains("s3\""), "{shown}");
}

#[test]
fn jobs_come_from_files_and_labels() {
    let services = "services:\n  ofelia:\n    image: netresearch/ofelia\n    volumes: ['/srv/o:/etc/ofelia']\n\
                    \x20 web:\n    image: web:1\n    labels: {ofelia.enabled: 'true', ofelia.job-exec.a.privileged: 'true', ofelia.job-run.h.volume: '/:/h', ofelia.job-local.l.command: id}\n";
    let (_folder, door) = project(services, &[], &[("srv/o/config.ini", INI)]);
    let listing = ask(&crate::resource::ofelia_job::OFELIA_JOB, &door, "container");
    let names: Vec<&str> = listing.subjects.iter().map(|subject| &*subject.name).collect();
    assert_eq!(
        names,
        ["container ofelia job-run report", "container web job-exec a", "container web job-run h"],
        "{:?}",
        listing.extent
    );
    let [report, exec, run] = listing.subjects.as_slice() else { panic!() };
    for (field, value) in [
        ("image_pinned", "true"),
        ("pull", "false"),
        ("delete", "true"),
        ("user", "nobody"),
        ("network", "absent"),
        ("refused", "false"),
    ] {
        assert_eq!(get(report, field), value, "{field}");
    }
    assert!(get(report, "volumes").contains("sensitive=true"), "{}", get(report, "volumes"));
    assert_eq!(
        (get(exec, "privileged"), get(exec, "refused"), get(exec, "pull")),
        ("true".into(), "false".into(), "absent".into())
    );
    assert_eq!(get(run, "refused"), "true");
    assert!(get(&daemon(&door), "version").starts_with("unknown"));
}

#[test]
fn what_is_not_seen_is_unknown() {
    let only =
        |volumes: &str| format!("services:\n  o:\n    image: netresearch/ofelia:0.29.0\n    volumes: [{volumes}]\n");
    let (_folder, door) = project(&only("'data:/etc/ofelia'"), &[], &[]);
    let seen = daemon(&door);
    assert!(get(&seen, "web_enabled").starts_with("unknown"));
    let Some(Observed::Known(Value::List(keys))) = seen.fields.get("unknown_keys") else { panic!("{seen:?}") };
    assert!(keys.items.is_empty() && keys.more.is_some(), "what was not read may set any");
    let jobs = ask(&crate::resource::ofelia_job::OFELIA_JOB, &door, "container");
    assert!(matches!(jobs.extent, Extent::Partial(_)), "{jobs:?}");
    let (_folder, door) = project(&only("").replace("netresearch/", "example.org/my/"), &[], &[]);
    assert!(get(&daemon(&door), "web_enabled").contains("images are not looked into"));
    let (_folder, door) = project(&only(""), &[], &[]);
    assert_eq!(get(&daemon(&door), "web_enabled"), "false", "the image brings no configuration");
    let (_folder, door) = project(&only("'./x.ini:/etc/ofelia/config.ini'"), &[("x.ini", "no ini")], &[]);
    assert!(get(&daemon(&door), "web_enabled").contains("line 1"));
    let (_folder, door) = project("services:\n  a:\n    image: nginx\n", &[], &[]);
    assert!(matches!(ask(&OFELIA, &door, "container").extent, Extent::Absent(_)));
}

#[test]
fn flags_say_where_the_file_is() {
    let services = "services:\n  o:\n    image: netresearch/ofelia:0.29.0\n    command: daemon --config /conf/*.ini --web-auth-enabled\n\
                    \x20   volumes: ['./conf:/conf']\n";
    let files = [
        ("conf/a.ini", "[global]\nenable-web = true\n"),
        ("conf/b.ini", "[global]\nenable-web = false\n"),
        ("conf/c", "x"),
    ];
    let (_folder, door) = project(services, &files, &[]);
    let seen = daemon(&door);
    assert_eq!(
        (get(&seen, "config"), get(&seen, "web_enabled"), get(&seen, "web_auth")),
        ("/conf/*.ini".into(), "false".into(), "true".into())
    );
}

#[test]
fn a_host_has_a_unit_or_a_file() {
    let root = tempfile::tempdir().unwrap();
    let host = || Host::open(root.path(), Arc::new(Salt::random().unwrap())).unwrap();
    assert!(matches!(ask(&OFELIA, &Door::Host(host()), "host").extent, Extent::Absent(_)));
    fs::create_dir_all(root.path().join("etc/ofelia")).unwrap();
    fs::write(root.path().join("etc/ofelia/config.ini"), "[global]\nenable-web = true\n").unwrap();
    assert!(matches!(ask(&OFELIA, &Door::Host(host()), "host").extent, Extent::Absent(_)), "a container may have it");
    let alone = host();
    alone.set_alone();
    let listing = ask(&OFELIA, &Door::Host(alone), "host");
    let [file] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    assert_eq!((get(file, "web_enabled"), get(file, "host_jobs_from_labels")), ("true".into(), "false".into()));
    assert!(get(file, "web_auth").starts_with("unknown"), "a variable may turn it on");
    fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
    let unit = "[Service]\nExecStart=/usr/bin/ofelia daemon --config=/etc/ofelia/*.ini\nEnvironment=OFELIA_WEB_AUTH_ENABLED=true\n";
    fs::write(root.path().join("etc/systemd/system/ofelia.service"), unit).unwrap();
    let listing = ask(&OFELIA, &Door::Host(host()), "host");
    let [unit] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    assert_eq!(
        (&*unit.name, get(unit, "web_auth"), get(unit, "web_exposed")),
        ("unit ofelia.service", "true".into(), ":8081".into())
    );
    assert_eq!(get(unit, "config_files"), "/etc/ofelia/config.ini");
}

#[test]
fn only_a_complete_bcrypt_hash_has_a_cost() {
    assert_eq!(bcrypt_cost(HASH), Some(12));
    assert_eq!(bcrypt_cost(&HASH.replace("$12$", "$04$")), Some(4));
    for broken in
        ["", "hunter2", "$2b$12$short", "$1$12$abc", "$2b$1x$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"]
    {
        assert_eq!(bcrypt_cost(broken), None, "{broken}");
    }
}

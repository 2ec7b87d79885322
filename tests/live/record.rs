//! Real observations on their way to a stranger: what was planted in names, labels, variables, files, rules and
//! certificates is not in what `harden record` writes, and every rule says of it what it said before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::docker::{self, Dockerd, IMAGE};
use super::support::harden::harden;
use super::support::host::Root;
use super::support::pki::{Pki, Wanted};
use super::support::postgres::{self, AUDIT, Postgres};
use super::support::session::session;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![nothing_of_the_site_is_recorded_and_all_is_judged_alike]
}

/// In every name that was planted, and in nothing else.
const MARK: &str = "zqh";
/// Planted where addresses stand: in a rule of access, a connection string, a certificate.
const ADDRESSES: [&str; 3] = ["10.93.44.7", "198.18.77.5", "fd9e:77::1234"];

fn containers(daemon: &Dockerd) {
    let image = "registry.zqhorizon.com:5000/zqhledger/api:1.2-zqhtag";
    daemon.docker(&["tag", IMAGE, image]);
    daemon.docker(&["network", "create", "zqhnet"]);
    let url = format!("DATABASE_URL=postgres://zqhrole:s3cret-of-{MARK}@{}:5432/zqhdata?sslmode=require", ADDRESSES[0]);
    let words = [
        ["--name", "zqhorizon-api", "--hostname", "zqhost", "--network", "zqhnet"].as_slice(),
        &["-e", "ZQHORIZON_API_TOKEN=x", "-e", "NODE_ENV=development-zqh", "-e", &url],
        &["--label", "com.zqhorizon.team=zqhledger", "--label", "zqhkey=see zqhwiki.example.org"],
        &["-v", "zqhvolume:/data", "-v", "/home/zqhowner/.ssh:/keys:ro", "--tmpfs", "/zqhtmp:size=8m"],
        &["--tmpfs", "/tmp:exec", image, "sleep", "86400"],
    ];
    daemon.run(&words.concat());
    daemon.docker(&["create", "--name", "zqhorizon-user", "--user", "zqhuser:zqhgroup", "--privileged", IMAGE]);
}

fn server(root: &Root) -> Postgres {
    let lines = format!(
        "host zqhdata zqhrole {}/24 scram-sha-256\nhost zqhdata +zqhgroup db.zqhorizon.internal md5\n\
         hostssl all \"zqh role\" {}/32 trust\nhost all all {}/64 scram-sha-256\n",
        "10.93.44.0", ADDRESSES[1], "fd9e:77::"
    );
    let options = postgres::Options {
        tls: true,
        hba: Some(postgres::default_hba(&postgres::Options::default()) + &lines),
        conf: vec![("log_line_prefix".to_owned(), "zqhcluster %m %u ".to_owned())],
        ..postgres::Options::default()
    };
    let server = Postgres::start(&options);
    for statement in [
        "CREATE ROLE zqhrole LOGIN CREATEDB PASSWORD 'x'",
        "CREATE ROLE zqhgroup ROLE zqhrole",
        "CREATE ROLE \"zqh role\" SUPERUSER LOGIN",
        "CREATE DATABASE zqhdata OWNER zqhrole",
        "ALTER ROLE zqhrole IN DATABASE zqhdata SET log_statement = 'none'",
        "ALTER ROLE zqhrole SET search_path = 'zqhschema'",
    ] {
        server.psql(statement);
    }
    certificates(root);
    server
}

fn certificates(root: &Root) {
    let pki = Pki::create(&session().instance("pki"), "zqhorizon root CA");
    let names = format!("DNS:www.zqhorizon.com,IP:{}", ADDRESSES[2]);
    let wanted = Wanted {
        subject: "www.zqhorizon.com/O=zqhorizon GmbH",
        key: "rsa:2048",
        digest: "sha256",
        days: 20,
        names: Some(&names),
        self_signed: false,
    };
    pki.issue_as("www", &wanted);
    root.file("/etc/ssl/zqhorizon.crt", fs::read(pki.certificate("www")).expect("read the certificate"), 0o644);
    root.file("/etc/ssl/zqhorizon.key", fs::read(pki.key("www")).expect("read the key"), 0o644);
}

fn files(root: &Root) {
    root.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nzqhowner:x:4321:4321::/home/zqhowner:/bin/sh\n", 0o666);
    root.file("/etc/group", "root:x:0:\nzqhstaff:x:4321:\n", 0o644);
    root.file("/etc/cron.d/zqhjob", "* * * * * root true\n", 0o664);
    root.file("/opt/zqhapp/.env", "PASSWORD=changeme\n", 0o644);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPJ8aJbPHjR5D1N2YyYRM7ZJbCqAaxkBpU0r9pAq3bbb zqhowner@zqhost";
    root.file("/home/zqhowner/.ssh/authorized_keys", format!("from=\"{}\" {key}\n", ADDRESSES[0]), 0o666);
    for path in ["/home/zqhowner", "/home/zqhowner/.ssh", "/home/zqhowner/.ssh/authorized_keys"] {
        root.owner(path, 4321, 4321);
    }
}

/// How often each rule said what, of these facts.
fn verdicts(facts: &Path, profiles: &[&str]) -> BTreeMap<(String, String), usize> {
    let path = facts.display().to_string();
    let arguments = ["check", "--facts", &path, "--at", "2031-02-03", "--format", "json"];
    let report = harden(arguments.iter().chain(profiles)).run().json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut counts = BTreeMap::new();
    for finding in report["findings"].as_array().expect("findings") {
        *counts.entry((text(&finding["rule"]), text(&finding["status"]))).or_default() += 1;
    }
    counts
}

#[track_caller]
fn expect_nothing(what: &str, text: &str) {
    for token in [MARK, "s3cret"].into_iter().chain(ADDRESSES) {
        let line = text.lines().find(|line| line.to_lowercase().contains(token));
        assert!(line.is_none(), "{token} is in the {what}: {line:?}");
    }
}

fn nothing_of_the_site_is_recorded_and_all_is_judged_alike() {
    let daemon = Dockerd::start(&docker::Options::default());
    containers(&daemon);
    let root = Root::new();
    files(&root);
    let server = server(&root);
    let (host, folder, dsn) = (daemon.host(), root.dir().display().to_string(), server.socket_dsn(AUDIT));
    let facts = session().instance("record").join("facts.json");
    let scrubbed = session().instance("record").join("scrubbed.json");
    let (plain, clean) = (facts.display().to_string(), scrubbed.display().to_string());
    let profiles = ["--profile", "docker-strict", "--profile", "env", "--profile", "postgres-strict"];
    let profiles = [&profiles[..], &["--profile", "tls", "--profile", "default"]].concat();
    let targets = ["--docker", &host, "--root", &folder, "--postgres", "zqhmain=env:DSN"];
    let run = |command: &[&str]| harden(command.iter().chain(&profiles)).env("DSN", &dsn).run().expect_code(0);

    run(&[&["collect", "-o", &plain], &targets[..]].concat());
    let seen = fs::read_to_string(&facts).expect("read the facts");
    for token in ["zqhorizon-api", "zqhledger", "ZQHORIZON_API_TOKEN", "zqhvolume", "zqhrole", "zqhdata", "zqhcluster"]
        .into_iter()
        .chain(["www.zqhorizon.com", "zqhowner", "zqhstaff", "zqhjob", "zqhapp", "db.zqhorizon.internal", "10.93.44.7"])
    {
        assert!(seen.contains(token), "{token} was planted and not seen");
    }

    let recorded = run(&["record", "--facts", &plain, "-o", &clean]);
    assert_eq!(recorded.stderr, "", "scrubbing changes what no rule says");
    expect_nothing("recorded facts", &fs::read_to_string(&scrubbed).expect("read the scrubbed facts"));
    let (before, after) = (verdicts(&facts, &profiles), verdicts(&scrubbed, &profiles));
    assert!(before.keys().any(|(_, status)| status == "fail") && before.keys().any(|(_, status)| status == "pass"));
    assert_eq!(before, after);

    let looked = run(&[&["collect", "--scrub"], &targets[..]].concat());
    expect_nothing("facts that were scrubbed at once", &looked.stdout);
    assert!(looked.stderr.is_empty(), "{looked:?}");
    let cases = run(&[&["record", "--format", "cases"], &targets[..]].concat());
    expect_nothing("cases", &cases.stdout);
    assert!(cases.stdout.contains("- fail: { name: container-"), "{}", cases.stdout);
    assert!(cases.stdout.contains("not_after: now+19d"), "{}", cases.stdout);
}

//! The rules about Pullbase on real things, both ways: its tables in a PostgreSQL server, containers that carry its variables,
//! and a server of ours that answers as its API does.

use std::collections::{BTreeMap, BTreeSet};

use super::support::harden::{Run, harden};
use super::support::postgres::{AUDIT, Options, Postgres, SUPERUSER};
use super::support::shared;
use super::support::web::{Reply, Request, WebServer, answer};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        rows_are_judged_both_ways,
        what_a_role_may_not_see_is_unknown,
        only_tables_are_read,
        containers_are_judged_both_ways,
        the_api_is_judged_both_ways,
    ]
}

/// What Pullbase's migrations make of the tables that rules look at.
const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, username varchar(255) UNIQUE NOT NULL, password_hash varchar(255) NOT NULL,
        role varchar(50) NOT NULL, is_active boolean NOT NULL DEFAULT true, updated_at timestamptz DEFAULT now());
    CREATE TABLE servers (id varchar(255) PRIMARY KEY, name varchar(255) NOT NULL);
    CREATE TABLE agent_tokens (id serial PRIMARY KEY, token_hash varchar(128) NOT NULL UNIQUE,
        server_id varchar(255) NOT NULL REFERENCES servers(id), created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
        expires_at timestamp, last_used_at timestamp, is_active boolean NOT NULL DEFAULT true);
    CREATE TABLE audit_log (id serial PRIMARY KEY, action varchar(255) NOT NULL, timestamp timestamptz DEFAULT now());
    CREATE TABLE environments (id serial PRIMARY KEY, name text NOT NULL, notification_webhook_url text);
    INSERT INTO servers VALUES ('web-01', 'web-01'), ('web-02', 'web-02');";

/// A token's hash and a webhook, which no output may show.
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const HOOK: &str = "hooks.example.com/T0001/B0002/not-to-be-seen";

const GOOD: &str = "
    INSERT INTO users (username, password_hash, role) VALUES ('root', '$2a$14$x', 'admin'), ('wall', '$2a$14$y', 'viewer');
    INSERT INTO agent_tokens (token_hash, server_id, created_at, expires_at, last_used_at, is_active) VALUES
        ('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'web-01', now() - interval '10 days',
            now() + interval '20 days', now(), true),
        ('0000d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'web-01', now() - interval '400 days',
            NULL, now() - interval '300 days', false);
    INSERT INTO audit_log (action, timestamp) VALUES ('old', now() - interval '900 days'), ('new', now());
    INSERT INTO environments (name, notification_webhook_url) VALUES
        ('prod', 'https://hooks.example.com/T0001/B0002/not-to-be-seen'), ('test', NULL), ('other', '');";

const BAD: &str = "
    INSERT INTO users (username, password_hash, role, updated_at) VALUES ('root', '$2a$14$x', 'admin', now() - interval '500 days');
    INSERT INTO agent_tokens (token_hash, server_id, created_at, expires_at, last_used_at, is_active) VALUES
        ('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'web-01', now() - interval '400 days', NULL,
            now() - interval '300 days', true),
        ('pbt_not-to-be-seen-hooks.example.com/T0001', 'web-01', now() - interval '10 days', NULL, NULL, true),
        ('1111d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'web-02', now() - interval '10 days', NULL, NULL, true);
    INSERT INTO audit_log (action, timestamp) VALUES ('old', now() - interval '31 days');
    INSERT INTO environments (name, notification_webhook_url) VALUES
        ('prod', 'http://hooks.example.com/T0001/B0002/not-to-be-seen');";

const GRANTS: &str = "GRANT SELECT (id, username, role, is_active, updated_at) ON users TO harden_audit;
    GRANT SELECT ON agent_tokens, audit_log, environments TO harden_audit;";

/// The rules that look at rows.
const ROWS: [&str; 9] = [
    "pullbase-admin-accounts-renewed",
    "pullbase-agent-tokens-expire",
    "pullbase-agent-tokens-hashed",
    "pullbase-agent-tokens-rotated",
    "pullbase-agent-tokens-superseded",
    "pullbase-agents-alive",
    "pullbase-audit-log-written",
    "pullbase-viewer-accounts",
    "pullbase-webhooks-https",
];

/// A server with Pullbase's database, its role and these rows.
fn server(rows: &str, role: &str) -> Postgres {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    server.psql(&format!("CREATE ROLE pullbaseuser LOGIN {role} PASSWORD 'pullbaseuser-secret'"));
    server.psql("CREATE DATABASE pullbasedb OWNER pullbaseuser");
    in_database(&server, &format!("{TABLES} {rows}"));
    server
}

fn in_database(server: &Postgres, sql: &str) {
    server.psql_as(&dsn(server, SUPERUSER), sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn dsn(server: &Postgres, role: &str) -> String {
    server.socket_dsn(role).replace("dbname=postgres", "dbname=pullbasedb")
}

/// Statuses by rule and subject.
type Said = BTreeMap<String, BTreeMap<String, String>>;

fn said(run: &Run) -> Said {
    let mut said = Said::new();
    for finding in run.json()["findings"].as_array().expect("findings") {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        said.entry(text("rule")).or_default().insert(text("subject"), text("status"));
    }
    said
}

fn statuses<'s>(said: &'s Said, rule: &str) -> BTreeSet<&'s str> {
    said.get(rule).into_iter().flat_map(BTreeMap::values).map(String::as_str).collect()
}

fn check(arguments: &[&str]) -> Run {
    harden(["check", "--profile", "pullbase", "--format", "json"].iter().chain(arguments)).run()
}

fn check_rows(server: &Postgres) -> Run {
    let run =
        harden(["check", "--profile", "pullbase", "--format", "json", "--verbose", "--postgres", "db=env:AUDITED"])
            .env("AUDITED", dsn(server, AUDIT))
            .run();
    for secret in [HASH, "T0001", HOOK, "$2a$14", "not-to-be-seen"] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret} is shown");
    }
    run
}

fn rows_are_judged_both_ways() {
    let good = server(GOOD, "");
    in_database(&good, GRANTS);
    let seen = said(&check_rows(&good));
    for rule in ROWS {
        assert_eq!(statuses(&seen, rule), BTreeSet::from(["pass"]), "{rule}: {:?}", seen.get(rule));
    }
    assert_eq!(statuses(&seen, "pullbase-database-role"), BTreeSet::from(["pass"]));
    let bad = server(BAD, "SUPERUSER");
    in_database(&bad, GRANTS);
    let seen = said(&check_rows(&bad));
    for rule in ROWS {
        assert!(statuses(&seen, rule).contains("fail"), "{rule}: {:?}", seen.get(rule));
    }
    assert_eq!(statuses(&seen, "pullbase-database-role"), BTreeSet::from(["fail"]));
    let superseded = &seen["pullbase-agent-tokens-superseded"];
    assert_eq!(superseded["agent_tokens web-01/1"], "fail");
    assert_eq!(superseded["agent_tokens web-01/2"], "pass", "the newest of its server");
    assert_eq!(superseded["agent_tokens web-02/3"], "pass", "the only one of its server");
    let hashed = &seen["pullbase-agent-tokens-hashed"];
    assert_eq!((&*hashed["agent_tokens web-01/1"], &*hashed["agent_tokens web-01/2"]), ("pass", "fail"));
}

/// The grant that each reason names is enough.
fn what_a_role_may_not_see_is_unknown() {
    let server = server(GOOD, "");
    let run = check_rows(&server);
    let seen = said(&run);
    for rule in ROWS {
        assert_eq!(statuses(&seen, rule), BTreeSet::from(["unknown"]), "{rule}");
    }
    let report = run.json();
    let reasons = report["findings"].as_array().unwrap().iter().filter(|finding| finding["status"] == "unknown");
    let grants: BTreeSet<String> = reasons
        .filter_map(|finding| finding["reason"].as_str()?.split_once("to see it: "))
        .map(|(_, grant)| grant.to_owned())
        .filter(|grant| grant.starts_with("GRANT"))
        .collect();
    assert!(!grants.is_empty());
    for grant in grants {
        in_database(&server, &grant);
    }
    let seen = said(&check_rows(&server));
    for rule in ROWS {
        assert_eq!(statuses(&seen, rule), BTreeSet::from(["pass"]), "{rule}");
    }
    in_database(
        &server,
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE audit_log RENAME COLUMN timestamp TO at;",
    );
    let seen = said(&check_rows(&server));
    assert_eq!(statuses(&seen, "pullbase-viewer-accounts"), BTreeSet::from(["unknown"]), "rows may be hidden");
    assert_eq!(statuses(&seen, "pullbase-audit-log-written"), BTreeSet::from(["unknown"]), "there is no such column");
}

/// A view in the place of a table is not read: its functions would run with harden's rights.
fn only_tables_are_read() {
    let server = server(GOOD, "");
    in_database(
        &server,
        "CREATE FUNCTION planted() RETURNS timestamptz LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'it ran'; END $f$;
         DROP TABLE audit_log; CREATE VIEW audit_log AS SELECT 1 AS id, planted() AS timestamp;",
    );
    in_database(&server, GRANTS);
    let run = check_rows(&server);
    assert_eq!(statuses(&said(&run), "pullbase-audit-log-written"), BTreeSet::from(["unknown"]));
    assert!(!run.stdout.contains("it ran") && run.stdout.contains("is no table"), "{run:?}");
    let elsewhere =
        harden(["check", "--rule", "pullbase-viewer-accounts", "--format", "json", "--postgres", "db=env:AUDITED"])
            .env("AUDITED", server.socket_dsn(AUDIT))
            .run();
    assert_eq!(
        statuses(&said(&elsewhere), "pullbase-viewer-accounts"),
        BTreeSet::from(["unknown"]),
        "another database"
    );
}

const STRONG: &str = "9c1f4e7ab2d05836e4c7f19a0b3d8256c7e1f48a9d3b60527e8c4f1a2b6d9035";

/// One good and one bad server in containers of one daemon, told apart by their names.
fn containers_are_judged_both_ways() {
    let (daemon, _) = shared::docker();
    daemon.import("pullbaseio/pullbase:v1.4.2", &[]);
    let folder = daemon.dir().join("pullbase");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, mode) in [("good.pem", 0o600), ("bad.pem", 0o644), ("good.db", 0o600), ("bad.db", 0o644)] {
        let mut header = b"SQLite format 3\0\x10\0".to_vec();
        header.extend(if name == "good.db" { [2, 2] } else { [1, 1] });
        header.resize(512, 0);
        let path = folder.join(name);
        std::fs::write(&path, header).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let (closed, open) = (format!("{}:/config:ro", folder.display()), format!("{}:/config", folder.display()));
    let (strong, data) = (format!("PULLBASE_JWT_SECRET={STRONG}"), format!("{}:/data", folder.display()));
    let sleep = ["pullbaseio/pullbase:v1.4.2", "sleep", "3600"];
    let postgres = ["-e", "PULLBASE_DB_TYPE=pg", "-e", "PULLBASE_DB_PASSWORD=vT3kq9Zr1mWx8LdY2sHb"];
    let good = [
        ["run", "-d", "--name", "pb-good", "-e", &strong, "-e", "PULLBASE_DB_SSLMODE=verify-full"].as_slice(),
        &["-e", "PULLBASE_LOG_FORMAT=json", "-e", "PULLBASE_GITHUB_APP_PRIVATE_KEY_PATH=/config/good.pem", "-v"],
        &[&closed, "-p", "127.0.0.1::8080"],
        &postgres,
        &sleep,
    ]
    .concat();
    let bad = [
        ["run", "-d", "--name", "pb-bad", "-e", "PULLBASE_DB_TYPE=postgresql", "-p", "8080"].as_slice(),
        &["-e", "PULLBASE_ENV=development", "-e", "PULLBASE_CORS_ORIGINS=*", "-e", "PULLBASE_TLS_ENABLED=yes"],
        &["-e", "PULLBASE_GITHUB_APP_PRIVATE_KEY_PATH=/config/bad.pem", "-v", &open],
        &sleep,
    ]
    .concat();
    let lite = ["run", "-d", "--name", "pb-lite", "-e", &strong, "-e", "PULLBASE_DB_PATH=/data/bad.db", "-v", &data];
    let layer = ["run", "-d", "--name", "pb-layer", "-e", &strong, "-e", "PULLBASE_DB_TYPE=sqlite"];
    for words in [good, bad, [lite.as_slice(), &sleep].concat(), [layer.as_slice(), &sleep].concat()] {
        daemon.docker(&words);
    }
    let seen = said(&check(&["--docker", &daemon.host(), "--root", "/"]));
    for name in ["pb-good", "pb-bad", "pb-lite", "pb-layer"] {
        daemon.remove(name);
    }
    let expect = |rule: &str, subject: &str, status: &str| {
        let found = seen.get(rule).and_then(|subjects| subjects.get(subject)).map(String::as_str);
        assert_eq!(found, Some(status), "{rule} on {subject}: {:?}", seen.get(rule));
    };
    for (rule, variable) in [
        ("pullbase-jwt-secret-strong", "PULLBASE_JWT_SECRET"),
        ("pullbase-database-sslmode", "PULLBASE_DB_SSLMODE"),
        ("pullbase-database-password-strong", "PULLBASE_DB_PASSWORD"),
        ("pullbase-not-development", "PULLBASE_ENV"),
        ("pullbase-log-format", "PULLBASE_LOG_FORMAT"),
    ] {
        expect(rule, &format!("container pb-good {variable}"), "pass");
        expect(rule, &format!("container pb-bad {variable}"), "fail");
    }
    expect("pullbase-cors-origins", "container pb-bad PULLBASE_CORS_ORIGINS", "fail");
    expect("pullbase-tls-enabled-understood", "container pb-bad PULLBASE_TLS_ENABLED", "fail");
    expect("pullbase-github-key-read-only", "pb-good", "pass");
    expect("pullbase-github-key-read-only", "pb-bad", "fail");
    let file = |name: &str| folder.join(name).display().to_string();
    expect("pullbase-github-key-mode", &file("good.pem"), "pass");
    expect("pullbase-github-key-mode", &file("bad.pem"), "fail");
    expect("pullbase-sqlite-on-volume", "pb-lite", "pass");
    expect("pullbase-sqlite-on-volume", "pb-layer", "fail");
    expect("pullbase-sqlite-mode", &file("bad.db"), "fail");
    expect("pullbase-sqlite-wal", &file("bad.db"), "fail");
    expect("pullbase-sqlite-rows", &file("bad.db"), "unknown");
}

/// As Pullbase's API answers; `weak` in development mode, before there is an administrator, and not well.
fn api(weak: bool) -> WebServer {
    WebServer::start(move |request: &Request| -> Reply {
        let origin = request.header("origin").filter(|origin| weak && origin.starts_with("http://localhost"));
        let cors = origin.map(|origin| {
            format!("Access-Control-Allow-Origin: {origin}\nAccess-Control-Allow-Credentials: true\nVary: Origin")
        });
        let headers = format!("Content-Type: application/json\n{}", cors.unwrap_or_default());
        match request.target.split('?').next().unwrap_or_default() {
            "/api/v1/healthz" => answer(if weak { 503 } else { 200 }, &headers, "{}"),
            "/api/v1/bootstrap/status" => answer(200, &headers, &format!("{{\"bootstrap_enabled\":{weak}}}")),
            "/swagger/index.html" if weak => answer(200, &headers, "{}"),
            "/" | "/ui/login" => answer(200, &headers, "{}"),
            _ => answer(404, &headers, "{}"),
        }
    })
}

fn the_api_is_judged_both_ways() {
    for (weak, status) in [(false, "pass"), (true, "fail")] {
        let server = api(weak);
        let seen = said(&check(&["--endpoint", &server.url("/")]));
        for rule in ["pullbase-healthy", "pullbase-bootstrap-closed", "pullbase-swagger-hidden"] {
            assert_eq!(statuses(&seen, rule), BTreeSet::from([status]), "{rule}: {:?}", seen.get(rule));
        }
    }
}

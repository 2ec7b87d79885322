//! The profile `situation` on a real server with the schema and the roles of situation: as its guide hardens it (with the
//! grants that an agent really needs), and in the guide's bad forms.

use std::collections::BTreeMap;
use std::fs;

use super::support::harden::harden;
use super::support::postgres::{AUDIT, Options, Postgres, SUPERUSER, audit_grants};
use super::support::session::session;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![a_hardened_server_and_its_roles_pass, the_guide_word_for_word_and_worse]
}

/// Two of the tables that the migrations make, with their sequences, and one of the migrations' own.
const TABLES: &str = "SET ROLE migrator; \
    CREATE TABLE situation.machines (id BIGSERIAL PRIMARY KEY, hostname VARCHAR); \
    CREATE TABLE situation.packages (id BIGSERIAL PRIMARY KEY, name VARCHAR, machine_id BIGINT REFERENCES situation.machines); \
    CREATE TABLE situation.bun_migrations (id BIGSERIAL PRIMARY KEY, name VARCHAR)";
/// What the guide leaves out.
const GRANTS: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON situation.machines, situation.packages TO agent; \
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA situation TO agent";

/// What a rule said of its subjects: fail before unknown before pass.
type Said = BTreeMap<String, String>;

fn server(hba: &str, conf: &[(&str, &str)]) -> Postgres {
    let conf = conf.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let hba = Some(format!("local all {SUPERUSER} trust\nlocal all all scram-sha-256\n{hba}"));
    let server = Postgres::start(&Options { tls: true, client_ca: true, hba, conf, ..Options::default() });
    server.psql("CREATE ROLE migrator LOGIN; CREATE ROLE agent LOGIN PASSWORD 'agent-secret'");
    server.psql("CREATE DATABASE situation OWNER migrator");
    in_situation(&server, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA situation AUTHORIZATION migrator");
    in_situation(&server, TABLES);
    in_situation(&server, "GRANT USAGE ON SCHEMA situation TO agent");
    // The views are of each database.
    for grant in audit_grants(server.psql("SHOW server_version_num").parse().unwrap()) {
        in_situation(&server, &grant);
    }
    server
}

fn dsn(server: &Postgres, role: &str) -> String {
    server.socket_dsn(role).replace("dbname=postgres", "dbname=situation")
}

fn in_situation(server: &Postgres, sql: &str) {
    server.psql_as(&dsn(server, SUPERUSER), sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn check(server: &Postgres, role: &str, more: &[&str]) -> Said {
    let arguments = ["check", "--profile", "situation", "--format", "json", "--postgres", "db=env:AUDITED"];
    let run = harden(arguments.iter().chain(more)).env("AUDITED", dsn(server, role)).run();
    assert!(!run.stdout.contains("-secret"), "a password is in the report");
    let report = run.json();
    let weight = |status: &str| ["not_applicable", "pass", "unknown", "fail"].iter().position(|one| *one == status);
    let mut said = Said::new();
    for finding in report["findings"].as_array().expect("findings") {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let status = said.entry(text("rule")).or_default();
        if weight(&text("status")) > weight(status) {
            *status = text("status");
        }
    }
    said
}

fn expect(said: &Said, status: &str, rules: &[&str]) {
    for rule in rules {
        assert_eq!(said.get(*rule).map(String::as_str), Some(status), "{rule}: {said:?}");
    }
}

/// A root directory with an agent's unit that logs in as `role`.
fn agent_of(role: &str) -> String {
    let root = session().instance("situation");
    let units = root.join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    let unit = format!(
        "[Service]\nExecStart=/usr/local/bin/situation run --no-migrate --db=postgres://{role}:x@db.example.org/situation\n"
    );
    fs::write(units.join("situation.service"), unit).unwrap();
    root.display().to_string()
}

const ROLES: [&str; 2] = ["situation-role-no-ddl", "situation-role-can-readwrite"];

fn a_hardened_server_and_its_roles_pass() {
    let hba = "hostnossl all all 0.0.0.0/0 reject\nhostnossl all all ::/0 reject\n\
               hostssl situation agent 10.0.0.0/16 scram-sha-256\nhostssl situation migrator 10.0.2.20/32 cert\n";
    let server = server(hba, &[("listen_addresses", "*"), ("password_encryption", "scram-sha-256")]);
    in_situation(&server, GRANTS);
    for role in [SUPERUSER, AUDIT] {
        let said = check(&server, role, &[]);
        expect(&said, "pass", &ROLES);
        expect(
            &said,
            "pass",
            &[
                "postgres-tls",
                "postgres-access-plaintext",
                "postgres-access-trust-remote",
                "postgres-access-md5",
                "postgres-hba-parses",
                "postgres-hba-both-families",
                "postgres-hba-explicit-reject",
                "postgres-hba-certificate-of-role",
                "postgres-password-encryption",
                "postgres-role-password-hash",
                "postgres-tls-client-ca",
                "postgres-tls-min-version",
                "postgres-tls-files",
                "postgres-tls-key-mode",
                "postgres-tls-key-matches",
                "postgres-tls-certificate-valid",
            ],
        );
    }
    let said = check(&server, AUDIT, &["--root", &agent_of("agent")]);
    expect(&said, "pass", &["situation-role-not-superuser", "situation-no-migrate"]);
    let elsewhere = server.socket_dsn(AUDIT);
    let arguments = ["check", "--profile", "situation", "--format", "json", "--postgres", "db=env:AUDITED"];
    let run = harden(arguments).env("AUDITED", elsewhere).run();
    assert!(run.stdout.contains("dbname=situation"), "another database says nothing of this one");
}

fn the_guide_word_for_word_and_worse() {
    let hba = "host all all 0.0.0.0/0 md5\nhostnossl all all 0.0.0.0/0 reject\nhostssl all all ::/0 trust\n\
               hostssl all agent 10.0.0.0/8 scram-sha-256 clientcert=verify-ca\n";
    let server = server(hba, &[("listen_addresses", "*"), ("ssl_min_protocol_version", "TLSv1")]);
    // The guide's own SQL: an agent that may see the schema, and no more.
    let said = check(&server, AUDIT, &[]);
    expect(&said, "pass", &["situation-role-no-ddl"]);
    expect(
        &said,
        "fail",
        &[
            "situation-role-can-readwrite",
            "postgres-access-plaintext",
            "postgres-access-trust-remote",
            "postgres-access-md5",
            "postgres-hba-both-families",
            "postgres-hba-explicit-reject",
            "postgres-hba-certificate-of-role",
            "postgres-tls-min-version",
        ],
    );
    in_situation(&server, GRANTS);
    expect(&check(&server, AUDIT, &[]), "pass", &ROLES);
    for (worse, better) in [
        ("GRANT CREATE ON SCHEMA situation TO agent", "REVOKE CREATE ON SCHEMA situation FROM agent"),
        ("GRANT CREATE ON DATABASE situation TO PUBLIC", "REVOKE CREATE ON DATABASE situation FROM PUBLIC"),
        ("GRANT TRUNCATE ON situation.machines TO PUBLIC", "REVOKE TRUNCATE ON situation.machines FROM PUBLIC"),
        (
            "GRANT REFERENCES (id) ON situation.machines TO agent",
            "REVOKE REFERENCES (id) ON situation.machines FROM agent",
        ),
        ("ALTER TABLE situation.machines OWNER TO agent", "ALTER TABLE situation.machines OWNER TO migrator"),
        ("GRANT migrator TO agent", "REVOKE migrator FROM agent"),
        // One SET ROLE away is near enough.
        ("ALTER ROLE agent NOINHERIT; GRANT migrator TO agent", "REVOKE migrator FROM agent; ALTER ROLE agent INHERIT"),
    ] {
        in_situation(&server, worse);
        let said = check(&server, AUDIT, &[]);
        assert_eq!(said["situation-role-no-ddl"], "fail", "{worse}");
        in_situation(&server, better);
        in_situation(&server, GRANTS);
        assert_eq!(check(&server, AUDIT, &[])["situation-role-no-ddl"], "pass", "{better}");
    }
    in_situation(&server, "REVOKE TEMPORARY ON DATABASE situation FROM PUBLIC");
    expect(&check(&server, AUDIT, &[]), "fail", &["situation-role-can-readwrite"]);
    let root = agent_of(SUPERUSER);
    expect(&check(&server, AUDIT, &["--root", &root]), "fail", &["situation-role-not-superuser"]);
    server.write_hba("local all all trust\n");
    expect(&check(&server, SUPERUSER, &[]), "fail", &["postgres-hba-loaded"]);
}

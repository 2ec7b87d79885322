//! The commands about PostgreSQL as an operator runs them: how a server is named, what is said when it cannot be
//! reached, `dsn`, `pg-access` against real connections, and that nothing stays behind on a server.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::harden::{Run, harden};
use super::support::pki::Pki;
use super::support::postgres::{AUDIT, MONITOR, Options, PLAIN, Postgres, SUPERUSER, password};
use super::support::session::session;
use super::support::shared;
use super::support::slow::{Answer, BadServer};
use super::support::tools;
use super::support::wire::{Decision, Way, ask};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        no_password_is_ever_shown,
        strings_come_from_variables_and_files,
        every_way_to_name_a_server,
        servers_are_verified_as_asked,
        a_foreign_database_url_stops_nothing,
        dead_servers_stop_nobody,
        answers_about_access_are_the_servers,
        answers_about_access_name_what_is_missing,
        nothing_stays_on_the_server,
    ]
}

/// The rule that the runs here judge by; any will do.
const RULE: [&str; 4] = ["--rule", "postgres-tls-min-version", "--format", "json"];

fn target<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["targets"].as_array().unwrap();
    all.iter().find(|target| target["name"] == name).unwrap_or_else(|| panic!("no {name} in {all:?}"))
}

fn statuses(report: &Value, name: &str) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter().filter(|finding| finding["target"] == name);
    all.map(|finding| finding["status"].as_str().unwrap().to_owned()).collect()
}

fn file(name: &str, content: &str, mode: u32) -> PathBuf {
    let path = session().instance("file").join(name);
    tools::write_file(&path, content, mode);
    path
}

const SECRET: &str = "hunter2Zx9";

fn no_password_is_ever_shown() {
    let strings = [
        "postgres://u:S@h/d",
        "postgres://u:S@h:99999/d",
        "postgres://u:S@h:port/d",
        "postgres://u:S@h/d?sslmode=bogus",
        "postgres://u:S@h/d?foo=bar",
        "postgres://u:S@h/d?password=S",
        "postgres://u:S%zz@h/d",
        "postgres://u:S%00@h/d",
        "postgres://u:p@S@h/d",
        "postgres://u:p@S@h:5432/d?sslmode=require",
        "postgres://u:S@[::1/d",
        "postgres//u:S@h",
        "u:S@h/d",
        "mysql://u:S@h/d",
        "host=h password=S",
        "host=h password=S foo=bar",
        "host=h password='S",
        "host=h password = S = x",
        "host=h pasword=S",
        "host=h password=a\\ S x",
        "jdbc:postgresql://h/d?user=u&password=S",
        "jdbc:postgresql://u:S@h/d",
        "jdbc:postgresql://h:x/d?user=u&password=S&sslmode=q",
        "password=S",
        "sslpassword=S host=h",
        "postgres://h/d?sslpassword=S&oauth_client_secret=S",
    ];
    let mut refused = 0;
    for string in strings {
        let string = string.replace('S', SECRET);
        for client in ["libpq", "lib-pq", "pgx", "bun", "jdbc"] {
            for format in ["table", "json"] {
                let run = harden(["dsn", &string, "--client", client, "--format", format]).run();
                assert!(!format!("{run:?}").contains(SECRET), "{client} {string}\n{run:?}");
                assert!(matches!(run.code, Some(0 | 2)), "{run:?}");
                assert_eq!(run.code == Some(2), run.stdout.is_empty() && run.stderr.starts_with("error: "), "{run:?}");
                refused += usize::from(run.code == Some(2));
                if run.code == Some(0) && format == "json" {
                    run.json();
                }
            }
        }
        let arguments = ["check", "--postgres", &string, "--timeout", "1"];
        let run = harden(arguments.iter().chain(&RULE)).run();
        assert!(!format!("{run:?}").contains(SECRET), "{string}\n{run:?}");
        assert!(matches!(run.code, Some(2 | 3)), "{run:?}");
    }
    assert!(refused > 50, "{refused}");
}

fn strings_come_from_variables_and_files() {
    let dsn = format!("postgres://u:{SECRET}@db.example.org:6432/d?sslmode=verify-full");
    let path = file("dsn", &format!("{dsn}\n"), 0o600);
    let by_file = harden(["dsn", &format!("file:{}", path.display()), "--format", "json"]).run().expect_code(0).json();
    let by_env = harden(["dsn", "env:DB", "--format", "json"]).env("DB", &dsn).run().expect_code(0).json();
    assert_eq!(by_file, by_env);
    assert_eq!(by_env["effective"]["sslmode"], "verify-full");
    assert_eq!(by_env["params"]["password"], "***");
    assert_eq!(by_env["hosts"][0]["port"], 6432);
    let table = harden(["dsn", "env:DB"]).env("DB", &dsn).run().expect_code(0);
    assert!(table.stdout.contains("db.example.org port 6432") && table.stdout.contains("verify-full"), "{table:?}");
    for wrong in ["env:NOWHERE", "file:/nonexistent/dsn", "file:/"] {
        let run = harden(["dsn", wrong]).run().expect_code(2);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{run:?}");
        harden(["check", "--postgres", wrong].iter().chain(&RULE)).run().expect_code(2);
    }
}

fn every_way_to_name_a_server() {
    let server = shared::postgres();
    let (port, secret) = (server.port().to_string(), password(AUDIT));
    let uri = server.dsn(AUDIT);
    let keyword = server.socket_dsn(AUDIT);
    let bare = format!("host=127.0.0.1 port={port} user={AUDIT} dbname=postgres");
    let stored = file("dsn", &format!("{uri}\n"), 0o600).display().to_string();
    let pgpass = file("pgpass", &format!("127.0.0.1:{port}:*:{AUDIT}:{secret}\n"), 0o600).display().to_string();
    let service = format!("[audit]\nhost=127.0.0.1\nport={port}\nuser={AUDIT}\ndbname=postgres\npassword={secret}\n");
    let service = file("services", &service, 0o600).display().to_string();
    // the argument, the variables, and whether a password stands in the argument
    type Way<'w> = (Option<String>, Vec<(&'w str, &'w str)>, bool);
    let server_variables = [("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", AUDIT)];
    let ways: Vec<Way> = vec![
        (Some(uri.clone()), vec![], true),
        (Some(keyword.clone()), vec![], true),
        (Some("env:DB".into()), vec![("DB", &uri)], false),
        (Some(format!("file:{stored}")), vec![], false),
        (Some(bare.clone()), vec![("PGPASSWORD", &secret)], false),
        (Some(bare.clone()), vec![("PGPASSFILE", &pgpass)], false),
        (Some(format!("{bare} passfile={pgpass}")), vec![], false),
        (Some("service=audit".into()), vec![("PGSERVICEFILE", &service)], false),
        (Some("dbname=postgres".into()), [&server_variables[..], &[("PGPASSWORD", &secret)]].concat(), false),
        (None, [&server_variables[..], &[("PGPASSFILE", &pgpass)]].concat(), false),
        (None, vec![("PGSERVICE", "audit"), ("PGSERVICEFILE", &service)], false),
        (None, vec![("DATABASE_URL", &uri)], false),
    ];
    for (argument, variables, noted) in ways {
        let names: &[&str] = if argument.is_some() { &["", "main=", "a-b_1="] } else { &[""] };
        for name in names {
            let given = argument.as_ref().map(|argument| format!("{name}{argument}"));
            let postgres = given.iter().flat_map(|given| ["--postgres", given]);
            let run = ["check"].into_iter().chain(postgres).chain(RULE);
            let run = variables.iter().fold(harden(run), |run, (name, value)| run.env(name, value)).run();
            let report = run.json();
            let shown = target(&report, if name.is_empty() { "postgres" } else { name.trim_end_matches('=') });
            assert_eq!(shown["state"], "audited", "{given:?} {variables:?}: {shown}");
            assert_eq!(run.stderr.starts_with("note: a password stands in an argument"), noted, "{run:?}");
            assert!(!format!("{run:?}").contains(&secret), "{run:?}");
            run.expect_code(0);
        }
    }
    let twice = harden(["check", "--postgres", "a=env:DB", "--postgres", "a=env:DB"]).env("DB", &uri).run();
    assert!(twice.expect_code(2).stderr.contains("two targets are called `a`"));
}

fn servers_are_verified_as_asked() {
    let server = shared::postgres();
    let other = Pki::create(&session().instance("ca"), "another CA");
    let (ca, wrong) = (server.pki().ca().display().to_string(), other.ca().display().to_string());
    let cases = [
        ("verify-full", "localhost", &ca, ""),
        ("verify-full", "127.0.0.1", &ca, ""),
        ("verify-ca", "db.example.org", &ca, ""),
        ("require", "db.example.org", &ca, ""),
        ("verify-full", "db.example.org", &ca, "is not for db.example.org"),
        ("verify-full", "localhost", &wrong, "certificate"),
        ("verify-ca", "localhost", &wrong, "certificate"),
        ("require", "localhost", &wrong, "certificate"),
        ("verify-ca", "localhost", &"/nonexistent/ca".to_owned(), "/nonexistent/ca"),
    ];
    for (mode, host, root, reason) in cases {
        let dsn = format!(
            "host={host} hostaddr=127.0.0.1 port={} user={AUDIT} dbname=postgres sslmode={mode} sslrootcert={root}",
            server.port()
        );
        let run = harden(["check", "--postgres", &dsn].iter().chain(&RULE)).env("PGPASSWORD", password(AUDIT)).run();
        let report = run.json();
        let target = target(&report, "postgres");
        if reason.is_empty() {
            assert_eq!(target["state"], "audited", "{dsn}: {target}");
            run.expect_code(0);
        } else {
            assert_eq!(target["state"], "unreachable", "{dsn}: {target}");
            assert!(target["why"].as_str().unwrap().contains(reason), "{dsn}: {target}");
            run.expect_code(3);
        }
    }
}

/// Other clients take parameters that libpq refuses; nobody named this server.
fn a_foreign_database_url_stops_nothing() {
    for (url, code) in [
        (format!("postgresql://u:{SECRET}@h/d?schema=public"), 3),
        (format!("postgres://u:{SECRET}@h:port/d"), 3),
        ("mysql://u@h/d".to_owned(), 0),
    ] {
        let arguments =
            ["check", "--rule", "postgres-tls-min-version", "--rule", "host-passwd-mode", "--format", "json"];
        let run = harden(arguments).env("DATABASE_URL", &url).env("PGPORT", "1").run();
        let report = run.json();
        assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
        assert_eq!(statuses(&report, "host"), ["pass", "pass"], "{run:?}");
        let state = if code == 3 { "unreachable" } else { "absent" };
        assert_eq!(target(&report, "postgres")["state"], state, "{run:?}");
        run.expect_code(code);
    }
}

fn dead_servers_stop_nobody() {
    let live = shared::postgres();
    let bad = [Answer::Silence, Answer::Garbage, Answer::Drip, Answer::Close, Answer::Endless];
    let servers: Vec<BadServer> = bad.into_iter().map(BadServer::tcp).collect();
    let mut ports: Vec<u16> = servers.iter().map(BadServer::port).collect();
    ports.push(tools::free_port());
    for port in ports {
        for mode in ["disable", "prefer", "require"] {
            let dead = format!("dead=postgres://u@127.0.0.1:{port}/d?sslmode={mode}");
            let started = Instant::now();
            let arguments = ["check", "--postgres", &dead, "--postgres", "live=env:LIVE", "--timeout", "2"];
            let run = harden(arguments.iter().chain(&RULE)).env("LIVE", live.dsn(AUDIT)).run();
            assert!(started.elapsed() < Duration::from_secs(8), "{dead}: {run:?}");
            let report = run.json();
            assert_eq!(statuses(&report, "live"), ["pass"], "{run:?}");
            assert_eq!(statuses(&report, "dead"), ["unknown"], "{run:?}");
            assert!(!target(&report, "dead")["why"].as_str().unwrap().is_empty());
            run.expect_code(3);
            let question = ["pg-access", "--role", "a", "--database", "d", "--local", "--format", "json", "--postgres"];
            let run =
                harden(question.iter().chain(&[dead.trim_start_matches("dead=")])).limit(Duration::from_secs(30)).run();
            assert!(!run.hung, "{dead}");
            assert_eq!(run.json()["decision"], "unknown", "{run:?}");
        }
    }
}

const HBA: &str = "local all postgres trust\n\
    local replication all reject\n\
    local all all scram-sha-256\n\
    hostssl all app 127.1.0.0/16 scram-sha-256\n\
    hostnossl all app 127.1.0.0/16 reject\n\
    host postgres,template1 all 127.2.0.0 255.255.0.0 password\n\
    host sameuser all 127.3.0.0/16 trust\n\
    host all +pg_monitor 127.4.0.0/16 trust\n\
    host replication app 127.5.0.0/16 trust\n\
    host all all 127.6.7.8/30 reject\n\
    host all \"all\" 127.7.0.0/16 trust\n\
    host all @names 127.8.0.0/16 password\n\
    host all all 127.9.0.0/16 \\\n  password\n\
    host \"sameuser\" all 127.10.0.0/16 trust\n";

/// More lines: all that is left, in ways that only the server's machine can know.
const HBA_HERE: &str = "host all all samehost password\nhost all app samenet reject\n";

fn answer(question: &[String]) -> Value {
    let run = harden(["pg-access", "--format", "json"].into_iter().chain(question.iter().map(String::as_str))).run();
    let answer = run.expect_code(0).json();
    let mut keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    keys.retain(|key| *key != "reason");
    keys.sort_unstable();
    assert_eq!(keys, ["decision", "file", "line", "method"], "{answer}");
    assert_eq!(answer["decision"] == "unknown", answer.get("reason").is_some(), "{answer}");
    assert_eq!(answer["file"].is_null(), answer["line"].is_null(), "{answer}");
    answer
}

/// The words of our answer that the server's shows too.
fn seen(answer: &Value) -> (String, Option<String>) {
    let decision = answer["decision"].as_str().unwrap().to_owned();
    let method = answer["method"].as_str().filter(|_| decision == "allow").map(str::to_owned);
    (decision, method)
}

fn told(decision: Decision) -> (String, Option<String>) {
    match decision {
        Decision::Method(method) => ("allow".into(), Some(method.into())),
        Decision::Reject => ("reject".into(), None),
        Decision::NoMatch => ("no-match".into(), None),
        Decision::Error(text) => panic!("{text}"),
    }
}

fn answers_about_access_are_the_servers() {
    let (mut asked, mut unknown) = (0, 0);
    for hba in [HBA.to_owned(), format!("{HBA}{HBA_HERE}")] {
        let server = Postgres::start(&Options { tls: true, ..Options::default() });
        server.write_data_file("names", "app, \"nobody at all\"\n");
        server.write_hba(&hba);
        server.reload();
        // The server may look at its own file only while it is as it was read.
        std::thread::sleep(Duration::from_millis(20));
        let file = server.data_dir().join("pg_hba.conf").display().to_string();
        let dsn = server.socket_dsn(SUPERUSER);
        let addresses: Vec<Ipv4Addr> =
            (0..=11).map(|second| Ipv4Addr::new(127, second, 7, 9)).chain([Ipv4Addr::LOCALHOST]).collect();
        for role in [PLAIN, MONITOR, "all", "nobody at all"] {
            for database in [Some("postgres"), Some("app"), None] {
                let mut ways: Vec<Way> = addresses.iter().map(|address| Way::Plain(*address)).collect();
                ways.extend(addresses.iter().take(2).map(|address| Way::Tls(*address)));
                ways.push(Way::Local);
                for way in ways {
                    let mut question = vec!["--role".to_owned(), role.to_owned()];
                    match database {
                        Some(name) => question.extend(["--database".to_owned(), name.to_owned()]),
                        None => question.push("--replication".to_owned()),
                    }
                    match way {
                        Way::Local => question.push("--local".to_owned()),
                        Way::Plain(from) => question.extend(["--plain".into(), "--address".into(), from.to_string()]),
                        Way::Tls(from) => question.extend(["--tls".into(), "--address".into(), from.to_string()]),
                    }
                    let theirs = told(ask(&server, way, role, database));
                    let by_file =
                        [&question[..], &["--hba".into(), file.clone(), "--server-version".into(), "15".into()]]
                            .concat();
                    let by_file = answer(&by_file);
                    if by_file["decision"] == "unknown" {
                        unknown += 1
                    } else {
                        assert_eq!(seen(&by_file), theirs, "{question:?}")
                    }
                    if asked % 3 == 0 {
                        let live = answer(&[&question[..], &["--postgres".into(), dsn.clone()]].concat());
                        assert_eq!(seen(&live), theirs, "{question:?}: {live}");
                        if by_file["decision"] != "unknown" {
                            assert_eq!((&by_file["line"], &by_file["file"]), (&live["line"], &live["file"]));
                        }
                    }
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 350 && unknown * 3 < asked, "{unknown} of {asked}");
    eprintln!("  {asked} questions, {unknown} unknown by file");
}

fn answers_about_access_name_what_is_missing() {
    let question = ["--role", "a", "--database", "d", "--plain", "--address", "10.0.0.1", "--hba"];
    let by = |content: &str, version: &str| {
        let path = file("pg_hba.conf", content, 0o644).display().to_string();
        let all = question.iter().copied().chain([path.as_str(), "--server-version", version]);
        answer(&all.map(str::to_owned).collect::<Vec<_>>())
    };
    for (content, version, line, reason) in [
        ("host all all 0.0.0.0/0 nonsense\n", "15", json!(1), "invalid authentication method"),
        ("host all all 10.0.0.0/8 trust\nhost all all\n", "18", json!(2), ""),
        ("include nowhere.conf\nhost all all all trust\n", "18", json!(1), "nowhere.conf"),
        ("include_dir nowhere\nhost all all all trust\n", "18", json!(1), "nowhere"),
        ("host all @nowhere all trust\n", "18", json!(1), "nowhere"),
        ("host all all .example.org trust\n", "18", json!(1), "the host name is not resolved"),
        ("host all all db.example.org trust\n", "18", json!(1), "the host name is not resolved"),
        ("host all all samenet trust\n", "18", json!(1), "own addresses"),
        ("host all +admins all trust\n", "18", json!(1), "memberships"),
    ] {
        let said = by(content, version);
        assert_eq!(said["decision"], "unknown", "{content}: {said}");
        assert_eq!(said["line"], line, "{content}: {said}");
        assert!(said["reason"].as_str().unwrap().contains(reason), "{content}: {said}");
    }
    let optional = by("include_if_exists nowhere.conf\nhost all all all trust\n", "18");
    assert_eq!((&optional["decision"], &optional["line"]), (&json!("allow"), &json!(2)));
    let none = by("host all all 10.0.0.2/32 trust\n", "18");
    assert_eq!(none, json!({"decision": "no-match", "method": null, "file": null, "line": null}));
    harden(question.iter().chain(&["/nonexistent/pg_hba.conf"])).run().expect_code(2);
    let live = shared::postgres();
    let by_role = |role: &str| {
        let all = question.iter().copied().take(7).map(str::to_owned).chain(["--postgres".into(), live.dsn(role)]);
        let all: Vec<String> = all.collect();
        let run = harden(["pg-access"].into_iter().chain(all.iter().map(String::as_str))).run();
        assert!(run.stderr.starts_with("note: a password stands in an argument"), "{run:?}");
        assert!(!format!("{run:?}").contains(&password(role)), "{run:?}");
        answer(&all)
    };
    assert_eq!(by_role(AUDIT)["decision"], "no-match");
    let denied = by_role(PLAIN);
    assert_eq!(denied["decision"], "unknown");
    assert!(denied["reason"].as_str().unwrap().contains("GRANT"), "{denied}");
}

/// How many of harden's own sessions the server has, and how many of them wait.
fn own(server: &Postgres, more: &str) -> usize {
    // Within a transaction the first look would be shown again.
    server.psql("SELECT pg_stat_clear_snapshot()");
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'harden%' {more}");
    server.psql(&sql).parse().unwrap()
}

fn gone(server: &Postgres) {
    tools::wait_until(
        "the end of the sessions",
        Duration::from_secs(3),
        || own(server, "") == 0,
        || server.psql("SELECT * FROM pg_stat_activity"),
    );
}

fn nothing_stays_on_the_server() {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    for dsn in [server.socket_dsn(SUPERUSER), server.tls_dsn(AUDIT, "verify-full"), server.dsn(PLAIN)] {
        let run = || {
            harden(["check", "--postgres", "env:DB", "--profile", "postgres", "--timeout", "2", "--format", "json"])
                .env("DB", &dsn)
        };
        let check: Run = run().run();
        assert!(matches!(check.code, Some(1 | 3)), "{check:?}");
        gone(&server);
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            server.psql("BEGIN; LOCK TABLE pg_stat_ssl IN ACCESS EXCLUSIVE MODE");
            let mut child = run().command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let waits = || own(&server, "AND wait_event_type = 'Lock'") > 0;
            tools::wait_until("a question that waits", Duration::from_secs(5), waits, || server.log());
            kill_process(Pid::from_child(&child), signal).unwrap();
            let status = child.wait().unwrap();
            assert_eq!(status.code(), (signal != Signal::KILL).then_some(2), "{signal:?}: {status}");
            gone(&server);
            server.psql("ROLLBACK");
        }
        server.psql("BEGIN; LOCK TABLE pg_stat_ssl IN ACCESS EXCLUSIVE MODE");
        let slow = run().run();
        let unknown: Vec<_> =
            slow.json()["findings"].as_array().unwrap().iter().filter(|f| f["status"] == "unknown").cloned().collect();
        assert!(unknown.iter().any(|finding| finding["rule"] == "postgres-session-encrypted"), "{slow:?}");
        gone(&server);
        server.psql("ROLLBACK");
    }
}

//! The shipped PostgreSQL rules on real servers, both ways: every rule passes on a hardened server and fails on a weak
//! one; a role that sees less never passes more; and what a rule's fix says to run makes the rule pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::support::harden::harden;
use super::support::postgres::{AUDIT, CERTIFICATE, MONITOR, Options, PLAIN, Postgres, SUPERUSER};
use super::support::psql::psql;
use super::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        every_rule_passes_on_a_hardened_server_and_fails_on_a_weak_one,
        fixes_close_their_rules,
        lesser_roles_never_pass_more,
        grants_that_reasons_name_are_enough,
        what_the_server_has_not_read_passes_for_nobody,
        an_access_list_counts,
    ]
}

/// Rules that do not apply to the installed version, and why.
fn not_shown(version: u32) -> BTreeMap<&'static str, &'static str> {
    let mut rules = BTreeMap::new();
    if version < 160_000 {
        rules.insert("postgres-gss-delegation", "gss_accept_delegation is of version 16");
        rules.insert("postgres-scram-iterations", "scram_iterations is of version 16");
    }
    if version >= 170_000 {
        rules.insert("postgres-db-user-namespace", "version 17 removed it");
    }
    rules
}

/// What is said of one rule over all its subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    statuses: BTreeSet<String>,
    subjects: BTreeMap<String, String>,
    reasons: BTreeSet<String>,
    fixes: BTreeSet<String>,
}

impl Said {
    fn failed(&self) -> bool {
        self.statuses.contains("fail")
    }
    fn unknown(&self) -> bool {
        self.statuses.contains("unknown")
    }
    /// At least one subject passed and none did anything else but not apply.
    fn passed(&self) -> bool {
        self.statuses.contains("pass") && !self.failed() && !self.unknown()
    }
}

type Report = BTreeMap<String, Said>;

/// What the rules of both profiles say, judged over the unix socket as `role`.
fn check(server: &Postgres, role: &str, more: &[&str]) -> Report {
    check_dsn(&server.socket_dsn(role), more)
}

fn check_dsn(dsn: &str, more: &[&str]) -> Report {
    let arguments = ["check", "--postgres", "db=env:AUDITED", "--profile", "postgres", "--profile", "postgres-strict"];
    let run = harden(arguments.iter().chain(&["--format", "json"]).chain(more)).env("AUDITED", dsn).run();
    let report = run.json();
    let targets = report["targets"].as_array().unwrap();
    assert!(targets.iter().any(|t| t["name"] == "db" && t["state"] == "audited"), "{targets:?}");
    assert!(!run.stdout.contains("-secret"), "a password is in the report");
    let mut said = Report::new();
    for rule in report["rules"].as_object().unwrap().keys() {
        said.insert(rule.clone(), Said::default());
    }
    for finding in report["findings"].as_array().unwrap() {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let rule = said.get_mut(&text("rule")).unwrap();
        rule.statuses.insert(text("status"));
        rule.subjects.insert(text("subject"), text("status"));
        rule.reasons.extend(Some(text("reason")).filter(|reason| !reason.is_empty()));
        rule.fixes.extend(Some(text("fix")).filter(|fix| !fix.is_empty()));
    }
    said
}

/// An address of this machine that is not a loopback one.
fn outer_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap_or_else(|error| panic!("this machine has no address but loopback: {error}"));
    socket.local_addr().unwrap().ip().to_string()
}

fn conf(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn openssl(dir: &Path, arguments: &str) {
    tools::run(Command::new(tools::find("openssl")).current_dir(dir).args(arguments.split(' ')));
}

/// A client that stays connected until dropped.
struct Client(Child);

impl Client {
    fn connect(server: &Postgres, dsn: &str, openssl: Option<&str>) -> Client {
        let dir = server.socket_dir();
        let before = server.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'");
        let mut command = psql(&dir, dsn);
        if let Some(settings) = openssl {
            let file = dir.join("openssl.cnf");
            fs::write(&file, settings).unwrap();
            command.env("OPENSSL_CONF", file);
        }
        let mut child =
            command.args(["-c", "SELECT pg_sleep(600)"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let connected = || {
            assert!(child.try_wait().unwrap().is_none(), "psql has ended: {dsn}");
            server.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'") != before
        };
        tools::wait_until("a client", Duration::from_secs(10), connected, || server.log());
        Client(child)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const HARDENED_INPUTS: [&str; 8] = [
    "--input",
    "row_security_exempt=dumper",
    "--input",
    "database_creators=dumper",
    "--input",
    "role_managers=dumper",
    "--input",
    "audit_library=auto_explain",
];

/// A server on which every rule passes.
fn hardened() -> Postgres {
    let outer = outer_address();
    let hba = format!(
        "local all postgres peer map=admin\nlocal all all scram-sha-256\n\
         hostnossl all all 0.0.0.0/0 reject\nhostnossl all all ::/0 reject\n\
         hostssl postgres {PLAIN} 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n\
         hostssl postgres {CERTIFICATE} {outer}/32 cert\n\
         hostssl replication replicator {outer}/32 scram-sha-256 clientcert=verify-full\n"
    );
    let lines = [
        ("listen_addresses", format!("127.0.0.1, {outer}").leak() as &str),
        ("unix_socket_permissions", "0770"),
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("log_replication_commands", "on"),
        ("log_statement", "ddl"),
        ("log_line_prefix", "%m [%p] %q%u@%d %h "),
        ("logging_collector", "on"),
        ("log_destination", "stderr,syslog"),
        ("shared_preload_libraries", "auto_explain"),
        ("password_encryption", "scram-sha-256"),
        ("ssl_crl_file", "root.crl"),
    ];
    let mut options = Options { tls: true, client_ca: true, hba: Some(hba), ..Options::default() };
    (options.conf, options.initdb) = (conf(&lines), &["--data-checksums"]);
    // The revocation list is not there yet: a missing file is refused when the server starts with it.
    options.conf.retain(|(name, _)| name != "ssl_crl_file");
    let server = Postgres::start(&options);
    long_certificate(&server);
    revocation_list(&server);
    server.write_data_file("pg_ident.conf", "admin root postgres\nadmin postgres postgres\n");
    server.psql("ALTER SYSTEM SET ssl_crl_file = 'root.crl'");
    for sql in [
        "CREATE ROLE replicator LOGIN REPLICATION CONNECTION LIMIT 5",
        "CREATE ROLE dumper LOGIN BYPASSRLS CREATEDB CREATEROLE CONNECTION LIMIT 5",
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
        "ALTER ROLE postgres VALID UNTIL '2999-01-01'",
    ] {
        server.psql(sql);
    }
    for role in [PLAIN, MONITOR, AUDIT, CERTIFICATE] {
        server.psql(&format!("ALTER ROLE {role} CONNECTION LIMIT 20 VALID UNTIL '2999-01-01'"));
        server.psql(&format!("GRANT CONNECT ON DATABASE postgres TO {role}"));
    }
    chmod(&server.data_dir().join("pg_ident.conf"), 0o600);
    server.reload();
    server
}

/// One that lasts: the harness's own certificates end within the day.
fn long_certificate(server: &Postgres) {
    let (ca, dir) = (server.pki().ca(), server.socket_dir());
    let ca_key = ca.with_extension("key");
    let (ca, ca_key) = (ca.display(), ca_key.display());
    openssl(&dir, "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost -keyout k -out r");
    openssl(&dir, &format!("x509 -req -in r -sha256 -days 365 -CA {ca} -CAkey {ca_key} -CAcreateserial -out c"));
    server.write_data_file("server.crt", &fs::read_to_string(dir.join("c")).unwrap());
    server.write_data_file("server.key", &fs::read_to_string(dir.join("k")).unwrap());
}

fn revocation_list(server: &Postgres) {
    let (ca, dir) = (server.pki().ca(), server.socket_dir());
    fs::write(dir.join("index"), "").unwrap();
    fs::write(dir.join("ca.cnf"), "[ca]\ndefault_ca=x\n[x]\ndatabase=index\ndefault_md=sha256\n").unwrap();
    let key = ca.with_extension("key");
    let (ca, key) = (ca.display(), key.display());
    openssl(&dir, &format!("ca -config ca.cnf -gencrl -cert {ca} -keyfile {key} -crldays 30 -out crl"));
    server.write_data_file("root.crl", &fs::read_to_string(dir.join("crl")).unwrap());
}

const WEAK_HBA: &str = "local all all trust\n\
    hostssl all certificate_user 127.0.0.0/8 cert\n\
    host all all 127.0.0.0/8 trust\n\
    host all all 10.0.0.0/8 ident\n\
    host all all 172.16.0.0/12 md5\n\
    host all all 192.168.0.0/16 password\n\
    host replication all 0.0.0.0/0 trust\n\
    host all all 0.0.0.0/0 trust\n\
    host all all 10.1.0.0/16 reject\n\
    hostssl all all 10.3.0.0/16 scram-sha-256 clientcert=verify-ca\n";

/// A server with everything wrong that can be wrong at once: TLS and the collector are on, so that they can be wrong too.
fn weak() -> Postgres {
    let lines = [
        ("listen_addresses", "*"),
        ("authentication_timeout", "5min"),
        ("backslash_quote", "on"),
        ("zero_damaged_pages", "on"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("log_connections", "off"),
        ("log_error_verbosity", "terse"),
        ("log_min_error_statement", "panic"),
        ("logging_collector", "on"),
        ("log_file_mode", "0644"),
        ("log_hostname", "on"),
        ("log_line_prefix", ""),
        ("debug_print_parse", "on"),
        ("password_encryption", "md5"),
        ("row_security", "off"),
        ("standard_conforming_strings", "off"),
        ("ssl_ciphers", "ALL:@SECLEVEL=0"),
        ("ssl_min_protocol_version", "TLSv1"),
        ("ssl_max_protocol_version", "TLSv1.2"),
        ("ssl_prefer_server_ciphers", "off"),
    ];
    let options = Options { tls: true, hba: Some(WEAK_HBA.to_owned()), conf: conf(&lines), ..Options::default() };
    let server = Postgres::start(&options);
    for sql in [
        "CREATE ROLE boss SUPERUSER LOGIN",
        "CREATE ROLE heir IN ROLE boss",
        "CREATE ROLE \"jack; \"\"of all'\" LOGIN BYPASSRLS CREATEDB CREATEROLE REPLICATION",
        "GRANT pg_execute_server_program, pg_read_server_files, pg_write_server_files TO app",
        "SET password_encryption = 'md5'",
        "CREATE ROLE old LOGIN PASSWORD 'old-secret'",
        "GRANT CREATE ON DATABASE postgres TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "ALTER DATABASE template0 ALLOW_CONNECTIONS true",
        "CREATE DATABASE shop IS_TEMPLATE true",
        "ALTER ROLE old SET local_preload_libraries = 'x'",
        "ALTER SYSTEM SET max_connections = 50",
    ] {
        server.psql(sql);
    }
    let data = server.data_dir();
    chmod(&data.join("pg_hba.conf"), 0o666);
    server.reload();
    chmod(&data, 0o755);
    chmod(&data.join("log"), 0o777);
    chmod(&data.join("server.key"), 0o644);
    server
}

/// What is wrong only without what [`weak`] has.
fn bare() -> Postgres {
    let lines = [("listen_addresses", "*")];
    Postgres::start(&Options {
        hba: Some("local all all trust\n".to_owned()),
        conf: conf(&lines),
        ..Options::default()
    })
}

/// Adds lines to `postgresql.conf`.
fn append(server: &Postgres, lines: &str) {
    let file = server.data_dir().join("postgresql.conf");
    let text = fs::read_to_string(&file).unwrap();
    server.write_data_file("postgresql.conf", &format!("{text}{lines}"));
    reload_as_far_as_may_be(server);
}

/// Also with a mistake in the files, after which the server does not say that it has read them.
fn reload_as_far_as_may_be(server: &Postgres) {
    server.psql("SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(300));
}

const OLD_TLS: &str = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n\
    MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";

fn every_rule_passes_on_a_hardened_server_and_fails_on_a_weak_one() {
    let server = hardened();
    let outer = outer_address();
    let dsn = server.certificate_dsn("require").replace("@localhost", &format!("@{outer}"));
    let client = Client::connect(&server, &dsn, None);
    let version: u32 = server.psql("SHOW server_version_num").parse().unwrap();
    let excused = not_shown(version);
    let good = check(&server, SUPERUSER, &HARDENED_INPUTS);
    drop(client);
    let wrong: Vec<_> = good
        .iter()
        .filter(|(rule, said)| said.passed() == excused.contains_key(rule.as_str()))
        .map(|(rule, said)| format!("{rule}: {:?} {:?}", said.subjects, said.reasons))
        .collect();
    assert!(wrong.is_empty(), "on the hardened server:\n{}", wrong.join("\n"));

    let mut failed = weak_fails();
    failed.extend(bare_fails());
    let all: BTreeSet<String> = good.keys().filter(|rule| !excused.contains_key(rule.as_str())).cloned().collect();
    let missing: Vec<_> = all.difference(&failed).collect();
    assert!(missing.is_empty(), "never failed: {missing:?}");
    assert_eq!(failed, all);
}

fn fails(report: &Report) -> BTreeSet<String> {
    report.iter().filter(|(_, said)| said.failed()).map(|(rule, _)| rule.clone()).collect()
}

fn weak_fails() -> BTreeSet<String> {
    let server = weak();
    let plain = Client::connect(&server, &format!("{} sslmode=disable", tcp(&server, PLAIN)), None);
    let old = format!(
        "{} sslmode=require ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1",
        tcp(&server, PLAIN)
    );
    let old = Client::connect(&server, &old, Some(OLD_TLS));
    let first = check(&server, SUPERUSER, &[]);
    drop((plain, old));
    // The server keeps the certificate that it has: OpenSSL would not load this one at its usual level.
    let dir = server.socket_dir();
    openssl(&dir, "req -x509 -nodes -newkey rsa:1024 -sha1 -subj /CN=old -days 1 -keyout k -out c");
    let mut command = Command::new(tools::find("openssl"));
    command.current_dir(&dir).args(["x509", "-in", "c", "-signkey", "k", "-sha1", "-days", "-1", "-out", "expired"]);
    tools::run(&mut command);
    server.write_data_file("server.crt", &fs::read_to_string(dir.join("expired")).unwrap());
    let second = check(&server, SUPERUSER, &[]);
    fs::remove_file(server.data_dir().join("server.crt")).unwrap();
    let third = check(&server, SUPERUSER, &[]);
    fails(&first).into_iter().chain(fails(&second)).chain(fails(&third)).collect()
}

fn bare_fails() -> BTreeSet<String> {
    let server = bare();
    let mut failed = fails(&check(&server, SUPERUSER, &[]));
    append(&server, "log_destination = 'syslog'\nsyslog_sequence_numbers = off\nlog_statement = nonsense\n");
    failed.extend(fails(&check(&server, SUPERUSER, &[])));
    server.write_hba("local all all trust\nhost all all nonsense\n");
    reload_as_far_as_may_be(&server);
    failed.extend(fails(&check(&server, SUPERUSER, &[])));
    if server.psql("SHOW server_version_num").parse::<u32>().unwrap() < 170_000 {
        server.psql("ALTER SYSTEM SET db_user_namespace = on");
        server.write_hba("local all all trust\n");
        reload_as_far_as_may_be(&server);
        let dsn = server.socket_dsn(SUPERUSER).replace("user=postgres", "user=postgres@");
        failed.extend(fails(&check_dsn(&dsn, &[])));
        server.psql("ALTER SYSTEM RESET db_user_namespace");
        reload_as_far_as_may_be(&server);
    }
    server.write_hba("local all all trust\n# not read yet\n");
    failed.extend(fails(&check(&server, SUPERUSER, &[])));
    append(&server, "this is = no = setting\n");
    failed.extend(fails(&check(&server, SUPERUSER, &[])));
    failed
}

fn tcp(server: &Postgres, role: &str) -> String {
    format!("host={} port={} user={role} dbname=postgres", outer_address(), server.port())
}

/// Rules whose fix is carried out nowhere here, and why.
const NOT_CARRIED_OUT: &[(&str, &str)] = &[
    ("postgres-data-checksums", "pg_checksums rewrites the stopped server"),
    ("postgres-pgaudit", "the package is not installed"),
];

/// The commands of a fix: what stands between backticks and is whole.
fn commands(fix: &str) -> Vec<String> {
    let spans = fix.split('`').skip(1).step_by(2);
    spans.filter(|span| !span.contains('…')).map(|span| span.replace("GROUP", "postgres")).collect()
}

fn is_sql(command: &str) -> bool {
    ["ALTER ", "REVOKE ", "GRANT "].iter().any(|word| command.starts_with(word))
}

/// Does what the fixes say as far as they say it in commands.
fn carry_out(server: &Postgres, report: &Report) {
    for command in
        report.values().filter(|said| said.failed()).flat_map(|said| &said.fixes).flat_map(|fix| commands(fix))
    {
        if is_sql(&command) {
            // An address that every machine has; one that it has not keeps the server from starting.
            let statements = command.trim_end_matches(';').replace("10.0.2.10", "127.0.0.2");
            let done = server.try_psql(&statements);
            assert!(done.is_ok(), "{statements}: {done:?}");
        } else if command.starts_with("chmod ") && !command.contains("FILE") {
            tools::run(Command::new("sh").args(["-c", &command]));
        }
    }
    server.reload();
}

/// Edits `pg_hba.conf` as the fixes say: what is to be written in place of what, and in which line.
fn edit_hba(server: &Postgres, report: &Report) {
    let mut lines: Vec<String> = WEAK_HBA.lines().map(str::to_owned).collect();
    for (rule, said) in report {
        for fix in &said.fixes {
            let Some(number) = number_after(fix, "line ") else { continue };
            let line = &mut lines[number - 1];
            let words: Vec<&str> = fix.split('`').collect();
            let mut swap = |from: &str, to: &str| {
                *line = format!(" {line} ").replacen(&format!(" {from} "), &format!(" {to} "), 1).trim().to_owned()
            };
            match (rule.as_str(), words.as_slice()) {
                ("postgres-access-client-certificate", _) => line.push_str(" clientcert=verify-full"),
                ("postgres-hba-any-address" | "postgres-hba-replication-anywhere", _) => {
                    swap("0.0.0.0/0", "198.51.100.0/24")
                }
                ("postgres-hba-specific", _) => swap("all all", "postgres app"),
                (_, [_, "peer", _, from, ..]) => swap(from, "peer map=admin"),
                (_, [_, to, between, from, ..]) if between.contains("in place of") => swap(from, to),
                (_, [.., to, between, from, _, "SELECT pg_reload_conf();", _]) if between.contains("in place of") => {
                    swap(from, to)
                }
                _ => {}
            }
        }
    }
    let dead = &report["postgres-hba-dead-lines"].fixes;
    let dead: BTreeSet<usize> = dead.iter().filter_map(|fix| number_after(fix, "line ")).collect();
    let mut kept: Vec<String> =
        lines.into_iter().enumerate().filter(|(i, _)| !dead.contains(&(i + 1))).map(|(_, line)| line).collect();
    for superuser in [SUPERUSER, "boss"] {
        kept.insert(3, format!("host all {superuser} 0.0.0.0/0 reject\nhost all {superuser} ::/0 reject"));
    }
    kept.insert(0, "hostnossl all all all reject".to_owned());
    server.write_data_file("pg_ident.conf", "admin root postgres\nadmin postgres postgres\n");
    server.write_hba(&(kept.join("\n") + "\n"));
    chmod(&server.data_dir().join("pg_hba.conf"), 0o640);
    server.reload();
}

fn number_after(text: &str, word: &str) -> Option<usize> {
    let rest = text.split_once(word)?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn fixes_close_their_rules() {
    let mut server = weak();
    append(&server, "log_destination = 'stderr,syslog'\nsyslog_sequence_numbers = off\n");
    let before = check(&server, SUPERUSER, &[]);
    edit_hba(&server, &before);
    carry_out(&server, &before);
    // What was hidden behind the first fails: a superuser no more is a role with the limits of one.
    carry_out(&server, &check(&server, SUPERUSER, &[]));
    long_certificate(&server);
    revocation_list(&server);
    server.psql(&format!("ALTER SYSTEM SET ssl_ca_file = '{}'", server.pki().ca().display()));
    server.psql("ALTER SYSTEM SET ssl_crl_file = 'root.crl'");
    server.psql("ALTER ROLE old RESET local_preload_libraries");
    server.psql("SET password_encryption = 'scram-sha-256'");
    server.psql("ALTER ROLE old PASSWORD 'old-secret'");
    server.psql("REVOKE boss FROM heir");
    server.restart();
    let after = check(&server, SUPERUSER, &[]);
    let left: Vec<_> = fails(&before).intersection(&fails(&after)).cloned().collect();
    let excused: Vec<_> = NOT_CARRIED_OUT.iter().map(|(rule, _)| (*rule).to_owned()).collect();
    let text = |rule: &String| format!("{rule}: {:?} {:?}", after[rule].subjects, after[rule].fixes);
    let texts: Vec<_> = left.iter().map(text).collect();
    assert_eq!(
        left,
        excused,
        "{}\n{}",
        texts.join("\n"),
        fs::read_to_string(server.data_dir().join("pg_hba.conf")).unwrap()
    );
    assert!(!after.values().any(Said::unknown));
    assert!(fails(&before).len() >= 66, "{}", fails(&before).len());
}

fn lesser_roles_never_pass_more() {
    for (server, inputs) in [(hardened(), &HARDENED_INPUTS[..]), (weak(), &[])] {
        let all = check(&server, SUPERUSER, inputs);
        for role in [PLAIN, MONITOR, AUDIT] {
            let lesser = check(&server, role, inputs);
            let mut wrong = Vec::new();
            for (rule, said) in &lesser {
                let full = &all[rule];
                if said.passed() && !full.passed() || full.failed() && !said.failed() && !said.unknown() {
                    wrong.push(format!("{rule}: {:?} but {:?}", said.subjects, full.subjects));
                }
                if said.unknown() && !said.reasons.iter().any(|reason| reason.contains("GRANT ")) {
                    wrong.push(format!("{rule}: no grant in {:?}", said.reasons));
                }
            }
            assert!(wrong.is_empty(), "{role}:\n{}", wrong.join("\n"));
        }
    }
}

fn grants_that_reasons_name_are_enough() {
    for (server, inputs) in [(hardened(), &HARDENED_INPUTS[..]), (weak(), &[])] {
        // A name that must be quoted.
        server.psql("CREATE ROLE \"Odd-role\" LOGIN PASSWORD 'Odd-role-secret'");
        server.psql("GRANT CONNECT ON DATABASE postgres TO \"Odd-role\"");
        for role in [PLAIN, MONITOR, AUDIT, "Odd-role"] {
            let before = check(&server, role, inputs);
            let mut granted = BTreeSet::new();
            for reason in before.values().flat_map(|said| &said.reasons) {
                granted.extend(grants(reason));
            }
            for grant in &granted {
                server.psql(grant);
            }
            let after = check(&server, role, inputs);
            let left: Vec<_> = after
                .iter()
                .filter(|(_, said)| said.unknown())
                .map(|(rule, said)| format!("{rule}: {:?}", said.reasons))
                .collect();
            assert!(left.is_empty(), "{role} after {granted:?}:\n{}", left.join("\n"));
        }
    }
}

/// The statements that a reason names.
fn grants(reason: &str) -> Vec<String> {
    let from = reason.find("GRANT ");
    let text = from.and_then(|from| reason.get(from..)).unwrap_or_default();
    text.split(';').map(|part| part.trim().trim_end_matches(')').to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The server lets everybody in until it is told to read the file again, whatever the file says by then.
fn what_the_server_has_not_read_passes_for_nobody() {
    let server = Postgres::start(&Options { hba: Some(WEAK_HBA.to_owned()), ..Options::default() });
    let strict = "local all all scram-sha-256\nlocal all postgres peer\n";
    let before = server.data_dir().join("strict");
    server.write_data_file("strict", strict);
    std::thread::sleep(Duration::from_millis(20));
    server.reload();
    std::thread::sleep(Duration::from_millis(20));
    for moved in [false, true] {
        if moved {
            // Older than the last reload.
            fs::rename(&before, server.data_dir().join("pg_hba.conf")).unwrap();
        } else {
            server.write_hba(strict);
        }
        for role in [SUPERUSER, AUDIT] {
            let report = check(&server, role, &[]);
            for rule in ["postgres-access-trust-remote", "postgres-access-password", "postgres-hba-any-address"] {
                assert!(!report[rule].passed(), "{role} {rule}: {:?}", report[rule]);
                assert!(report[rule].unknown(), "{role} {rule}: {:?}", report[rule]);
            }
        }
        server.reload();
        let report = check(&server, AUDIT, &[]);
        assert!(!report["postgres-access-trust-remote"].unknown(), "{:?}", report["postgres-access-trust-remote"]);
        server.write_hba(WEAK_HBA);
        server.reload();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn an_access_list_counts() {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    let key = server.data_dir().join("server.key");
    std::os::unix::fs::chown(&key, Some(0), Some(0)).unwrap();
    chmod(&key, 0o640);
    assert!(check(&server, SUPERUSER, &[])["postgres-tls-key-mode"].passed());
    for name in ["server.key", "pg_hba.conf"] {
        let file = server.data_dir().join(name);
        tools::run(Command::new(tools::find("setfacl")).args(["-m", "u:nobody:r"]).arg(file));
    }
    server.reload();
    let report = check(&server, SUPERUSER, &[]);
    assert!(report["postgres-tls-key-mode"].failed() && report["postgres-hba-files-mode"].failed());
}

//! Shows that the components are what the suites take them for.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::containers::{self, HOSTILE};
use crate::support::docker::{self, Dockerd, Tcp};
use crate::support::harden::harden;
use crate::support::host::{self, Root};
use crate::support::postgres::{self, Postgres};
use crate::support::slow::{Answer, BadServer};
use crate::support::wire::{self, Decision, Way};
use crate::support::{shared, tools};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        postgres_serves_tls_and_client_certificates,
        postgres_roles_see_what_they_may,
        postgres_hba_is_exactly_what_the_test_says,
        postgres_keeps_its_rules_when_the_file_is_broken,
        postgres_shows_its_decision_to_any_address,
        docker_has_the_whole_set,
        docker_effective_user_is_in_proc,
        docker_over_tls_wants_a_certificate,
        docker_over_plain_tcp_warns,
        two_daemons_leave_each_other_alone,
        docker_remaps_users_without_touching_the_machine,
        roots_have_owners_lists_and_links,
        harden_runs_as_nobody,
        bad_servers_answer_badly,
        psycopg2_is_there,
    ]
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = run();
    eprintln!("  {what}: {:.2?}", started.elapsed());
    result
}

fn postgres_serves_tls_and_client_certificates() {
    let postgres = timed("PostgreSQL with TLS", shared::postgres);
    let in_use = "SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let role = postgres::PLAIN;
    assert_eq!(postgres.psql_as(&postgres.tls_dsn(role, "verify-full"), in_use), Ok("t|".to_owned()));
    assert_eq!(postgres.psql_as(&postgres.tls_dsn(role, "disable"), in_use), Ok("f|".to_owned()));
    assert_eq!(postgres.psql_as(&postgres.socket_dsn(role), "SELECT current_user"), Ok(role.to_owned()));
    let dn = format!("t|/CN={}", postgres::CERTIFICATE);
    assert_eq!(postgres.psql_as(&postgres.certificate_dsn("verify-full"), in_use), Ok(dn));
    let other = shared_ca_of_nobody();
    let wrong =
        postgres.dsn(role).replace("127.0.0.1", "localhost") + &format!("?sslmode=verify-ca&sslrootcert={other}");
    assert!(postgres.psql_as(&wrong, in_use).is_err_and(|error| error.contains("certificate verify failed")));
}

/// The path of a CA that issued nothing.
fn shared_ca_of_nobody() -> String {
    let dir = crate::support::session::session().instance("ca");
    crate::support::pki::Pki::create(&dir, "another CA").ca().display().to_string()
}

fn postgres_roles_see_what_they_may() {
    let postgres = shared::postgres();
    let ask = |role: &str, sql: &str| postgres.psql_as(&postgres.dsn(role), sql);
    let rules = "SELECT count(*) > 0 FROM pg_hba_file_rules";
    assert_eq!(ask(postgres::AUDIT, rules), Ok("t".to_owned()));
    assert!(ask(postgres::MONITOR, rules).is_err_and(|error| error.contains("permission denied")));
    let passwords = "SELECT count(rolpassword) > 3 FROM pg_authid";
    assert_eq!(ask(postgres::AUDIT, passwords), Ok("t".to_owned()));
    let hba_file = "SELECT count(*) FROM pg_settings WHERE name = 'hba_file'";
    assert_eq!(ask(postgres::PLAIN, hba_file), Ok("0".to_owned()));
    assert_eq!(ask(postgres::MONITOR, hba_file), Ok("1".to_owned()));
}

fn postgres_hba_is_exactly_what_the_test_says() {
    let hba = "local all all reject\nhost all app 127.0.0.1/32 trust\nhost all all 0.0.0.0/0 reject\n".to_owned();
    let conf = vec![("log_connections".to_owned(), "on".to_owned())];
    let postgres = timed("PostgreSQL without TLS", || {
        Postgres::start(&postgres::Options { hba: Some(hba), conf, ..postgres::Options::default() })
    });
    assert_eq!(postgres.psql("SELECT string_agg(line_number::text, ',') FROM pg_hba_file_rules"), "1,2,3");
    assert_eq!(postgres.psql("SHOW log_connections"), "on");
    assert_eq!(postgres.psql_as(&postgres.dsn(postgres::PLAIN), "SELECT 1"), Ok("1".to_owned()));
    let denied = postgres.psql_as(&postgres.dsn(postgres::MONITOR), "SELECT 1");
    assert!(denied.is_err_and(|error| error.contains("pg_hba.conf rejects connection")));
    assert!(postgres.psql_as(&postgres.socket_dsn(postgres::SUPERUSER), "SELECT 1").is_err());
    assert!(postgres.try_psql("SELECT broken").is_err_and(|error| error.contains("does not exist")));
}

fn postgres_keeps_its_rules_when_the_file_is_broken() {
    let postgres = Postgres::start(&postgres::Options::default());
    postgres.write_hba("host all all 0.0.0.0/0 nonsense\n");
    postgres.reload();
    assert_eq!(postgres.psql("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL"), "1");
    assert_eq!(postgres.psql_as(&postgres.dsn(postgres::PLAIN), "SELECT 1"), Ok("1".to_owned()));
    postgres.write_hba("host all all 0.0.0.0/0 reject\n");
    postgres.reload();
    assert!(postgres.psql_as(&postgres.dsn(postgres::PLAIN), "SELECT 1").is_err());
}

fn postgres_shows_its_decision_to_any_address() {
    let hba = "local all postgres trust\nlocal all all md5\n\
        hostssl all app 127.1.0.0/16 scram-sha-256\nhostnossl all app 127.1.0.0/16 reject\n\
        host all all 127.2.0.0/16 password\nhostssl all all 127.3.0.0/16 cert\n\
        host replication app 127.4.0.0/16 trust\n";
    let (tls, client_ca, hba) = (true, true, Some(hba.to_owned()));
    let postgres = Postgres::start(&postgres::Options { tls, client_ca, hba, ..postgres::Options::default() });
    let at = |second| Ipv4Addr::new(127, second, 2, 3);
    let ask = |way, role: &str| wire::ask(&postgres, way, role, Some("postgres"));
    assert_eq!(ask(Way::Local, "postgres"), Decision::Method("trust"));
    // A SCRAM secret cannot answer MD5, so the server asks for SCRAM.
    assert_eq!(ask(Way::Local, "app"), Decision::Method("scram-sha-256"));
    assert_eq!(ask(Way::Tls(at(1)), "app"), Decision::Method("scram-sha-256"));
    assert_eq!(ask(Way::Plain(at(1)), "app"), Decision::Reject);
    assert_eq!(ask(Way::Plain(at(2)), "nobody at all"), Decision::Method("password"));
    assert_eq!(ask(Way::Plain(at(9)), "app"), Decision::NoMatch);
    assert_eq!(ask(Way::Plain(at(4)), "app"), Decision::NoMatch);
    assert_eq!(wire::ask(&postgres, Way::Plain(at(4)), "app", None), Decision::Method("trust"));
    assert!(matches!(ask(Way::Tls(at(3)), "app"), Decision::Error(text) if text.contains("client certificate")));
    timed("200 decisions in plain", || {
        for last in 1..=200 {
            assert_eq!(ask(Way::Plain(Ipv4Addr::new(127, 9, 9, last)), "app"), Decision::NoMatch);
        }
    });
}

fn docker_has_the_whole_set() {
    let (daemon, containers) = timed("dockerd with all containers", shared::docker);
    let running = daemon.docker(&["ps", "-q", "--no-trunc"]);
    assert_eq!(
        running.lines().count(),
        containers.all().len() - 1,
        "all but one run:\n{}",
        daemon.docker(&["ps", "-a"])
    );
    let field = |name: &str, pointer: &str| daemon.inspect(name).pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(field("privileged", "/HostConfig/Privileged"), true);
    assert_eq!(field("privileged", "/HostConfig/Runtime"), "runc");
    assert_eq!(field("privileged", "/State/Running"), true);
    assert_eq!(field("hardened", "/HostConfig/CapDrop"), json!(["ALL"]));
    assert_eq!(field("hardened", "/State/Health/Status"), "healthy");
    assert_eq!(field("docker-socket", "/Mounts/0/Source"), "/var/run/docker.sock");
    assert_eq!(field("docker-socket", "/Mounts/0/RW"), false);
    assert_eq!(field("host-network", "/HostConfig/NetworkMode"), "host");
    assert_eq!(field("published-everywhere", "/NetworkSettings/Ports/80~1tcp/0/HostIp"), "0.0.0.0");
    assert_eq!(field("published-on-loopback", "/NetworkSettings/Ports/80~1tcp/0/HostIp"), "127.0.0.1");
    assert_eq!(field("hostile", "/Config/Labels/note"), HOSTILE);
    assert_eq!(field("stopped", "/State/Status"), "exited");
    assert!(daemon.docker(&["exec", "docker-socket", "ls", "-l", "/var/run/docker.sock"]).starts_with('s'));
}

fn docker_effective_user_is_in_proc() {
    let (daemon, _) = shared::docker();
    let uid = |name: &str| {
        let pid = daemon.inspect(name).pointer("/State/Pid").cloned().expect("a running container has a process");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is on this machine");
        let line = status.lines().find(|line| line.starts_with("Uid:")).expect("a process has a user").to_owned();
        line.split_whitespace().nth(1).expect("four numbers").to_owned()
    };
    assert_eq!((uid("drops-root"), uid("hardened"), uid("root-by-image")), ("1000".into(), "1000".into(), "0".into()));
}

fn docker_over_tls_wants_a_certificate() {
    let daemon = timed("dockerd with TLS", || {
        Dockerd::start(&docker::Options { tcp: Tcp::Tls, daemon_json: json!({"live-restore": true, "icc": false}) })
    });
    let mut command = daemon.command();
    command.env("DOCKER_HOST", daemon.tcp_host()).env("DOCKER_TLS_VERIFY", "1").args([
        "info",
        "--format",
        "{{.LiveRestoreEnabled}}",
    ]);
    let info = tools::run(command.env("DOCKER_CERT_PATH", daemon.cert_path()));
    assert!(info.contains("true"), "{info}");
    let bare = daemon.dir().join("bare");
    tools::make_dir(&bare, 0o700);
    std::fs::copy(daemon.cert_path().join("ca.pem"), bare.join("ca.pem")).expect("copy the CA");
    assert!(tools::try_run(command.env("DOCKER_CERT_PATH", bare)).is_err());
}

fn docker_over_plain_tcp_warns() {
    let daemon = timed("dockerd with plain TCP", || {
        Dockerd::start(&docker::Options { tcp: Tcp::Plain, ..docker::Options::default() })
    });
    let mut command = daemon.command();
    let info = tools::run(command.env("DOCKER_HOST", daemon.tcp_host()).args(["info", "--format", "{{.Warnings}}"]));
    assert!(info.contains("without encryption"), "{info}");
    drop(daemon);
}

fn two_daemons_leave_each_other_alone() {
    let (first, _) = shared::docker();
    let second =
        Dockerd::start(&docker::Options { daemon_json: json!({"bridge": "none"}), ..docker::Options::default() });
    let id = second.run(&["--network", "none", docker::IMAGE]);
    second.remove(&id);
    let started = Instant::now();
    drop(second);
    eprintln!("  stopping a daemon: {:.2?}", started.elapsed());
    let id = first.run(&["-p", "8090:80", docker::IMAGE]);
    first.remove(&id);
}

fn docker_remaps_users_without_touching_the_machine() {
    let before = std::fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let daemon_json = json!({"userns-remap": "default"});
    let daemon = Dockerd::start(&docker::Options { daemon_json, ..docker::Options::default() });
    let id = timed("20 containers", || containers::crowd(&daemon, 20)).remove("crowd-7").expect("one of them");
    let pid = daemon.inspect(&id).pointer("/State/Pid").cloned().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("read the process's status");
    assert!(!status.contains("Uid:\t0\t"), "root inside is somebody else outside: {status}");
    assert_eq!(std::fs::read_to_string("/etc/passwd").expect("read /etc/passwd"), before);
}

fn roots_have_owners_lists_and_links() {
    let root = Root::new();
    root.file("/etc/shadow", "root:*:1::::::\n", 0o640)
        .owner("/etc/shadow", 0, 42)
        .acl("/etc/shadow", "u:1000:r")
        .link("/etc/escape", "../../../../etc/passwd")
        .socket("/run/some.sock")
        .pipe("/run/pipe")
        .folder("/tmp", 0o1777)
        .modified("/etc/shadow", SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    let listing = tools::run(std::process::Command::new(tools::find("getfacl")).arg("-cn").arg(root.at("/etc/shadow")));
    assert!(listing.contains("user:1000:r--"), "{listing}");
}

fn harden_runs_as_nobody() {
    let run =
        harden(["check", "--rule", "host-shadow-mode", "--format", "json"]).user(host::NOBODY).run().expect_code(0);
    assert_eq!(run.json()["findings"][0]["status"], "pass", "the mode of a file needs no permission on it");
}

fn bad_servers_answer_badly() {
    for answer in [Answer::Silence, Answer::Garbage, Answer::Endless, Answer::Drip, Answer::Close] {
        let server = BadServer::unix("d.sock", answer);
        let (heard, open) = listen(server.path());
        let expected = match answer {
            Answer::Silence => heard == 0 && open,
            Answer::Garbage => (1..10_000).contains(&heard) && !open,
            Answer::Endless => heard > 1_000_000 && open,
            Answer::Drip => (1..200).contains(&heard) && open,
            Answer::Close => heard == 0 && !open,
        };
        assert!(expected, "{answer:?}: heard {heard} bytes, still open: {open}");
        assert_eq!(server.clients(), 1);
    }
    let server = BadServer::tcp(Answer::Silence);
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_ok());
}

/// How many bytes come within half a second of a request, and whether more may.
fn listen(socket: &Path) -> (usize, bool) {
    let mut stream = UnixStream::connect(socket).expect("connect");
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
    // The other end may be closed already.
    let _ = stream.write_all(b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n");
    let (started, mut heard, mut buffer) = (Instant::now(), 0, vec![0; 65536]);
    while started.elapsed() < Duration::from_millis(500) {
        match stream.read(&mut buffer) {
            Ok(0) => return (heard, false),
            Ok(count) => heard += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return (heard, false),
        }
    }
    (heard, true)
}

fn psycopg2_is_there() {
    let mut python = std::process::Command::new(tools::python_with_psycopg2());
    let script = "from psycopg2.extensions import parse_dsn; print(parse_dsn('postgres://h/d')['host'])";
    assert_eq!(tools::run(python.args(["-c", script])), "h");
}

//! The PostgreSQL door and its resources against real servers, and against libpq: whatever `psql` does with a connection
//! string, harden must do too.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use harden::dsn::{Client, Conninfo, Stat, Surroundings, resolve};
use harden::facts::{Extent, Listing, Subject};
use harden::resource::{self, With};
use harden::target::Door;
use harden::target::postgres::{Failure, FailureKind, Postgres as Server};
use harden::value::secret::Salt;
use harden::value::{Observed, Value};
use serde_json::json;

use super::support::pki::Pki;
use super::support::postgres::{AUDIT, CERTIFICATE, MONITOR, Options, PLAIN, Postgres, SUPERUSER, password};
use super::support::session::session;
use super::support::slow::{Answer, BadServer};
use super::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        every_sslmode_is_libpqs,
        require_without_a_root_file,
        a_certificate_that_is_its_own_authority,
        a_certificate_of_version_1,
        a_certificate_without_its_key,
        client_certificates,
        passwords,
        lists_of_hosts,
        servers_that_are_none,
        questions_are_read_only_and_limited,
        nothing_stays_on_the_server,
        settings_as_each_role_sees_them,
        a_setting_of_our_own_role_is_not_the_servers,
        roles,
        databases,
        privileges,
        sessions,
        hba_and_files,
        where_the_files_are,
        every_version,
    ]
}

/// No environment and no home but the one given.
struct Around(String);

impl Surroundings for Around {
    fn env(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| self.0.clone())
    }
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(path)
    }
    fn stat(&self, path: &str) -> io::Result<Stat> {
        fs::metadata(path).map(|meta| Stat { regular: meta.is_file(), mode: meta.permissions().mode() & 0o777 })
    }
    fn home(&self) -> Option<String> {
        None
    }
    fn user(&self) -> Option<String> {
        Some("nobody".into())
    }
}

fn door(dsn: &str) -> Server {
    let around = Around("/nonexistent".into());
    let resolved = resolve(&Conninfo::parse(dsn).unwrap(), &around, Client::Libpq);
    Server::new("db", resolved, &around, Arc::new(Salt::random().unwrap()))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Whether the connection is encrypted, or why there is none.
fn reach(dsn: &str) -> Result<bool, Failure> {
    wait(async {
        let server = door(dsn);
        let encrypted = server.session().await.map(|session| session.encrypted);
        server.close().await;
        encrypted
    })
}

fn kind(dsn: &str) -> FailureKind {
    reach(dsn).expect_err(dsn).kind
}

fn tls_server() -> &'static Postgres {
    static SERVER: OnceLock<&'static Postgres> = OnceLock::new();
    // The guard of the run stops it: a static is never dropped.
    SERVER.get_or_init(|| {
        let conf = [("statement_timeout", "90s"), ("work_mem", "8MB"), ("log_min_duration_statement", "2s")];
        let conf = conf.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server = Postgres::start(&Options { tls: true, client_ca: true, conf, ..Options::default() });
        server.psql("CREATE DATABASE shop OWNER app");
        server.psql("ALTER DATABASE shop SET work_mem = '1MB'");
        Box::leak(Box::new(server))
    })
}

fn observe(dsn: &str, name: &str, with: serde_json::Value) -> Listing {
    let with: With = with.as_object().unwrap().clone().into_iter().collect();
    wait(async {
        let door = Door::Postgres(Box::new(door(dsn)));
        let listing = (resource::find(name).unwrap().observe)(&door, &with).await;
        for subject in &listing.subjects {
            for (field, seen) in subject.fields.table.iter().zip(&subject.fields.fields) {
                assert_ne!(*seen, Observed::unknown("not read"), "{}.{}", subject.name, field.name);
            }
        }
        listing
    })
}

fn setting(dsn: &str, name: &str, ty: &str) -> Subject {
    let listing = observe(dsn, "pg_setting", json!({"name": name, "as": ty}));
    assert_eq!(listing.extent, Extent::Complete, "{name}");
    listing.subjects.into_iter().next().unwrap()
}

fn seen<'s>(subject: &'s Subject, field: &str) -> &'s Observed {
    subject.fields.get(field).unwrap_or_else(|| panic!("no field {field}"))
}

fn show(subject: &Subject, field: &str) -> String {
    seen(subject, field).to_string()
}

fn grant(observed: &Observed) -> String {
    match observed {
        Observed::Unknown(reason) => reason.grant.as_deref().unwrap_or_default().to_owned(),
        other => panic!("{other} is known"),
    }
}

fn find<'l>(listing: &'l Listing, name: &str) -> &'l Subject {
    listing.subjects.iter().find(|subject| &*subject.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// 6 modes × what the server offers × what the certificate is verified against × the name asked for.
fn every_sslmode_is_libpqs() {
    let dir = session().instance("other");
    let other = Pki::create(&dir, "another CA");
    let plain = Postgres::start(&Options::default());
    let tls = Postgres::start(&Options { tls: true, ..Options::default() });
    let only = |kind: &str| format!("local all postgres trust\n{kind} all all 127.0.0.0/8 scram-sha-256\n");
    let mut compared = 0;
    for (server, hba) in [(&plain, "host"), (&tls, "host"), (&tls, "hostssl"), (&tls, "hostnossl")] {
        server.write_hba(&only(hba));
        server.reload();
        for root in [server.pki().ca(), other.ca(), "/nonexistent/root.crt".into()] {
            for host in ["localhost", "db.example.org"] {
                for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
                    let dsn = format!(
                        "host={host} hostaddr=127.0.0.1 port={} user={PLAIN} password={} dbname=postgres sslmode={mode} sslrootcert={}",
                        server.port(),
                        password(PLAIN),
                        root.display()
                    );
                    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                    let libpq = server.psql_as(&dsn, sql).map(|ssl| ssl == "t");
                    let ours = reach(&dsn);
                    assert_eq!(
                        ours.as_ref().ok(),
                        libpq.as_ref().ok(),
                        "{hba} {mode} {host} {}: {ours:?} {libpq:?}",
                        root.display()
                    );
                    if let Err(failure) = ours {
                        assert!(!failure.to_string().contains(&password(PLAIN)));
                    }
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 144);
    tls.write_hba(&only("host"));
    tls.reload();
    let dsn = |host: &str, mode: &str, root: &Path| {
        format!(
            "host={host} hostaddr=127.0.0.1 port={} user={PLAIN} password={} dbname=postgres sslmode={mode} sslrootcert={}",
            tls.port(),
            password(PLAIN),
            root.display()
        )
    };
    let (good, bad) = (tls.pki().ca(), other.ca());
    let wrong_host = reach(&dsn("db.example.org", "verify-full", &good)).unwrap_err();
    assert_eq!(wrong_host.kind, FailureKind::Certificate);
    assert!(wrong_host.reason.text.contains("is not for db.example.org"), "{wrong_host}");
    assert_eq!(kind(&dsn("localhost", "verify-ca", &bad)), FailureKind::Certificate);
    assert_eq!(kind(&dsn("localhost", "require", &bad)), FailureKind::Certificate);
    assert_eq!(kind(&dsn("localhost", "verify-ca", Path::new("/nonexistent"))), FailureKind::Configuration);
    assert_eq!(kind(&format!("{}?sslmode=require", plain.dsn(PLAIN))), FailureKind::NoTls);
    tls.write_hba("local all postgres trust\n");
    tls.reload();
    assert_eq!(kind(&dsn("localhost", "prefer", &good)), FailureKind::NoHbaEntry);
}

fn require_without_a_root_file() {
    let server = tls_server();
    assert_eq!(reach(&format!("{}?sslmode=require", server.dsn(PLAIN))), Ok(true));
    assert_eq!(reach(&format!("{}?sslmode=require&channel_binding=require", server.dsn(PLAIN))), Ok(true));
    let plain = reach(&format!("{}?sslmode=disable&channel_binding=require", server.dsn(PLAIN))).unwrap_err();
    assert_eq!(plain.kind, FailureKind::Authentication, "{plain}");
    let system = format!("{}?sslrootcert=system", server.dsn(PLAIN));
    assert_eq!(kind(&system), FailureKind::Certificate);
    // Servers before 17 take no TLS that was not asked for.
    let direct = reach(&format!("{}?sslmode=require&sslnegotiation=direct", server.dsn(PLAIN))).unwrap_err();
    assert!(matches!(direct.kind, FailureKind::Tls | FailureKind::Closed), "{direct:?}");
}

/// What `openssl req -x509` makes: webpki refuses an authority's certificate as a server's, OpenSSL takes it when pinned.
fn a_certificate_that_is_its_own_authority() {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    let dir = session().instance("pinned");
    let (crt, key) = (dir.join("s.crt"), dir.join("s.key"));
    tools::run(
        std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&crt),
    );
    server.write_data_file("server.crt", &fs::read_to_string(&crt).unwrap());
    server.write_data_file("server.key", &fs::read_to_string(&key).unwrap());
    server.reload();
    let dsn = |host: &str, mode: &str| {
        format!(
            "host={host} hostaddr=127.0.0.1 port={} user={PLAIN} password={} dbname=postgres sslmode={mode} sslrootcert={}",
            server.port(),
            password(PLAIN),
            crt.display()
        )
    };
    assert_eq!(reach(&dsn("localhost", "verify-full")), Ok(true));
    assert_eq!(reach(&dsn("elsewhere", "verify-ca")), Ok(true));
    assert_eq!(kind(&dsn("elsewhere", "verify-full")), FailureKind::Certificate);
    let wrong =
        dsn("localhost", "verify-full").replace(&crt.display().to_string(), &server.pki().ca().display().to_string());
    assert_eq!(kind(&wrong), FailureKind::Certificate);
}

/// What the PostgreSQL manual's own example makes with OpenSSL 3.0.
fn a_certificate_of_version_1() {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    let dir = session().instance("v1");
    let openssl = |arguments: &str| {
        tools::run(std::process::Command::new("openssl").current_dir(&dir).args(arguments.split(' ')))
    };
    openssl("req -new -nodes -newkey rsa:2048 -subj /CN=localhost -keyout v1.key -out v1.csr");
    let ca = server.pki().ca().display().to_string();
    let key = ca.replace("ca.crt", "ca.key");
    openssl(&format!("x509 -req -in v1.csr -days 2 -CA {ca} -CAkey {key} -CAcreateserial -out v1.crt"));
    assert!(openssl("x509 -in v1.crt -noout -text").contains("Version: 1"));
    for (from, to) in [("v1.crt", "server.crt"), ("v1.key", "server.key")] {
        server.write_data_file(to, &fs::read_to_string(dir.join(from)).unwrap());
    }
    server.reload();
    assert_eq!(reach(&format!("{}?sslmode=require", server.dsn(PLAIN))), Ok(true));
    let verified = reach(&server.tls_dsn(PLAIN, "verify-ca")).unwrap_err();
    assert_eq!(verified.kind, FailureKind::Certificate);
    assert!(verified.reason.text.contains("version 1"), "{verified}");
}

/// Whoever shows a certificate must hold its key, in every mode: this server signs with another.
fn a_certificate_without_its_key() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let pki = Pki::create(&session().instance("thief"), "CA");
    pki.issue_server("victim");
    pki.issue_server("thief");
    let certificate = CertificateDer::from_pem_file(pki.certificate("victim")).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (key, mode) in ["thief", "victim"]
            .into_iter()
            .flat_map(|key| ["require", "verify-ca", "verify-full"].map(|mode| (key, mode)))
        {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let signer = PrivateKeyDer::from_pem_file(pki.key(key)).unwrap();
            let signer = provider.key_provider.load_private_key(signer).unwrap();
            let certified = CertifiedKey::new(vec![certificate.clone()], signer);
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
            let failure = wait(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let serve = tokio::spawn(async move {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    stream.read_exact(&mut [0; 8]).await.unwrap();
                    stream.write_all(b"S").await.unwrap();
                    drop(tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await);
                });
                let root = if mode == "require" { "/nonexistent".into() } else { pki.ca() };
                let dsn = format!(
                    "host=localhost hostaddr=127.0.0.1 port={port} user=u password=p sslmode={mode} sslrootcert={}",
                    root.display()
                );
                let failure = door(&dsn).reach().await.unwrap_err();
                serve.await.unwrap();
                failure
            });
            // With the right key the handshake is fine and the conversation ends after it.
            let expected = if key == "thief" { FailureKind::Certificate } else { FailureKind::Closed };
            assert_eq!(failure.kind, expected, "{key} {mode} {version:?}: {failure}");
        }
    }
}

fn client_certificates() {
    let server = tls_server();
    let dsn = server.certificate_dsn("verify-full");
    assert_eq!(reach(&dsn), Ok(true));
    let key = server.pki().key(CERTIFICATE);
    let dir = session().instance("keys");
    let copy = dir.join("client.key");
    let with_key = |mode: u32, content: &str| {
        tools::write_file(&copy, content, mode);
        dsn.replace(&key.display().to_string(), &copy.display().to_string())
    };
    let text = fs::read_to_string(&key).unwrap();
    assert_eq!(reach(&with_key(0o600, &text)), Ok(true));
    let open = reach(&with_key(0o644, &text)).unwrap_err();
    assert_eq!(open.kind, FailureKind::Configuration);
    assert!(open.reason.text.contains("0644"), "{open}");
    assert_eq!(reach(&with_key(0o640, &text)).is_ok(), tools::is_root(), "0640 is fine only when root owns it");
    let openssl = |arguments: &[&str]| {
        let out = dir.join("converted.key");
        tools::run(std::process::Command::new("openssl").args(arguments).arg("-in").arg(&key).arg("-out").arg(&out));
        fs::read_to_string(out).unwrap()
    };
    assert_eq!(reach(&with_key(0o600, &openssl(&["ec"]))), Ok(true), "SEC1");
    let encrypted = openssl(&["pkcs8", "-topk8", "-passout", "pass:secret"]);
    assert!(reach(&with_key(0o600, &encrypted)).unwrap_err().reason.text.contains("encrypted"));
    let foreign = Pki::create(&session().instance("foreign"), "foreign CA");
    let mismatch = fs::read_to_string(foreign.ca().with_file_name("ca.key")).unwrap();
    assert!(reach(&with_key(0o600, &mismatch)).unwrap_err().reason.text.contains("together"));
    let without = format!("{}?sslmode=require", server.dsn(CERTIFICATE));
    assert_eq!(kind(&without), FailureKind::Authentication);
    foreign.issue_client(CERTIFICATE);
    let dsn = format!(
        "{}?sslmode=require&sslcert={}&sslkey={}",
        server.dsn(CERTIFICATE),
        foreign.certificate(CERTIFICATE).display(),
        foreign.key(CERTIFICATE).display()
    );
    assert_eq!(kind(&dsn), FailureKind::Tls, "{:?}", reach(&dsn));
}

fn passwords() {
    let server = Postgres::start(&Options { tls: true, ..Options::default() });
    let hba = "local all postgres trust\nlocal all all password\nhost all monitor 127.0.0.0/8 md5\nhost all all 127.0.0.0/8 password\n";
    server.write_hba(hba);
    server.reload();
    let plain = reach(&format!("{}?sslmode=disable", server.dsn(PLAIN))).unwrap_err();
    assert_eq!(plain.kind, FailureKind::Method);
    assert!(plain.reason.text.contains("clear text"));
    assert_eq!(reach(&format!("{}?sslmode=require", server.dsn(PLAIN))), Ok(true));
    assert_eq!(reach(&server.socket_dsn(PLAIN)), Ok(false));
    assert_eq!(reach(&format!("{}?sslmode=allow", server.dsn(PLAIN))), Ok(true), "the password waits for TLS");
    server.psql("SET password_encryption = 'md5'; ALTER ROLE monitor PASSWORD 'm''ürbe'");
    let md5 = |password: &str| {
        format!("postgresql://monitor:{password}@127.0.0.1:{}/postgres?sslmode=disable", server.port())
    };
    assert_eq!(reach(&md5("m'%C3%BCrbe")), Ok(false));
    let wrong = reach(&md5("hunter2hunter2")).unwrap_err();
    assert_eq!(wrong.kind, FailureKind::Authentication);
    assert!(!wrong.to_string().contains("hunter2"));
    let missing = md5("").replace(":@", "@");
    assert_eq!(kind(&missing), FailureKind::PasswordMissing);
    let ruled_out = format!("{}?sslmode=require&require_auth=scram-sha-256", server.dsn(PLAIN));
    assert_eq!(kind(&ruled_out), FailureKind::Method);
    let nobody = server.dsn("nobody_here");
    assert_eq!(kind(&nobody), FailureKind::Authentication);
    let no_database = server.dsn(PLAIN).replace("/postgres", "/nowhere") + "?sslmode=require";
    assert_eq!(kind(&no_database), FailureKind::Server);
}

fn lists_of_hosts() {
    let server = tls_server();
    let hanging = BadServer::tcp(Answer::Silence);
    let list = |ports: &str, user: &str| {
        format!(
            "host=127.0.0.1,127.0.0.1 port={ports} user={user} password={} dbname=postgres connect_timeout=2",
            password(user)
        )
    };
    let started = Instant::now();
    assert_eq!(reach(&list(&format!("{},{}", hanging.port(), server.port()), PLAIN)), Ok(true));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let kind_of = |wanted: &str| {
        reach(&format!(
            "{} target_session_attrs={wanted}",
            list(&server.port().to_string(), PLAIN).replace("127.0.0.1,", "")
        ))
    };
    assert_eq!(kind_of("read-write"), Ok(true));
    assert_eq!(kind_of("primary"), Ok(true));
    assert_eq!(kind_of("standby").unwrap_err().kind, FailureKind::Unavailable);
    let closed = tools::free_port();
    assert_eq!(reach(&list(&format!("{closed},{}", server.port()), PLAIN)), Ok(true));
    // Who was refused does not try the next server.
    let refused = reach(&list(&format!("{},{closed}", server.port()), "nobody_here")).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Authentication);
}

fn servers_that_are_none() {
    let tcp = |port: u16, more: &str| format!("host=127.0.0.1 port={port} user=u password=p dbname=d {more}");
    for mode in ["disable", "prefer", "require"] {
        let garbage = BadServer::tcp(Answer::Garbage);
        assert_eq!(kind(&tcp(garbage.port(), &format!("sslmode={mode}"))), FailureKind::NotPostgres, "{mode}");
        let closing = BadServer::tcp(Answer::Close);
        assert_eq!(kind(&tcp(closing.port(), &format!("sslmode={mode}"))), FailureKind::Closed, "{mode}");
        let endless = BadServer::tcp(Answer::Endless);
        assert_eq!(kind(&tcp(endless.port(), &format!("sslmode={mode}"))), FailureKind::NotPostgres, "{mode}");
        let silent = BadServer::tcp(Answer::Silence);
        let started = Instant::now();
        assert_eq!(
            kind(&tcp(silent.port(), &format!("sslmode={mode} connect_timeout=2"))),
            FailureKind::TimedOut,
            "{mode}"
        );
        assert!(started.elapsed() < Duration::from_secs(3));
    }
    let silent = BadServer::tcp(Answer::Silence);
    let started = Instant::now();
    assert_eq!(kind(&tcp(silent.port(), "")), FailureKind::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(kind(&tcp(tools::free_port(), "")), FailureKind::Refused);
    assert_eq!(kind("host=/nonexistent user=u"), FailureKind::NoSocket);
    assert_eq!(kind("host=no-such-host.invalid user=u"), FailureKind::Unresolved);
    assert_eq!(kind("host=127.0.0.1 user=u sslmode=REQUIRE"), FailureKind::Configuration);
    let silent = BadServer::unix(".s.PGSQL.5432", Answer::Silence);
    let folder = silent.path().parent().unwrap().display().to_string();
    assert_eq!(kind(&format!("host={folder} user=u connect_timeout=2")), FailureKind::TimedOut);
}

fn questions_are_read_only_and_limited() {
    let server = tls_server();
    wait(async {
        let door = door(&server.socket_dsn(SUPERUSER));
        for sql in ["CREATE TABLE written (x int)", "SELECT setval('s', 1)", "COMMIT; CREATE TABLE written (x int)"] {
            let refused = door.rows(sql).await;
            assert!(refused.is_err(), "{sql}");
        }
        assert_eq!(door.rows("CREATE TABLE written (x int)").await.unwrap_err().code.as_deref(), Some("25006"));
        let started = Instant::now();
        let slow = door.rows("SELECT pg_sleep(30)").await.unwrap_err();
        assert_eq!(slow.kind, FailureKind::TimedOut);
        assert!((4..7).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        // Nothing outlives a question.
        let rows = door.rows("SELECT 1 AS one").await.unwrap();
        assert_eq!(rows.first().and_then(|row| row.int("one")), Some(1));
        door.close().await;
    });
    assert_eq!(server.psql("SELECT count(*) FROM pg_class WHERE relname = 'written'"), "0");
}

fn sessions_of(server: &Postgres, user: &str) -> String {
    server.psql(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'harden' AND usename = '{user}'"
    ))
}

fn nothing_stays_on_the_server() {
    let server = Postgres::start(&Options::default());
    let gone = |what: &str| {
        let started = Instant::now();
        tools::wait_until(what, Duration::from_secs(3), || sessions_of(&server, PLAIN) == "0", || server.log());
        started.elapsed()
    };
    wait(async {
        let door = door(&server.dsn(PLAIN));
        door.reach().await.unwrap();
        assert_eq!(sessions_of(&server, PLAIN), "1");
        door.close().await;
    });
    gone("the end after a goodbye");
    wait(async {
        let door = door(&server.dsn(PLAIN));
        door.reach().await.unwrap();
        drop(door);
    });
    gone("the end after a drop");
    wait(async {
        let door = door(&server.dsn(PLAIN));
        door.reach().await.unwrap();
        let asking = tokio::time::timeout(Duration::from_millis(300), door.rows("SELECT pg_sleep(4)"));
        assert!(asking.await.is_err());
        assert_eq!(sessions_of(&server, PLAIN), "1");
        drop(door);
        tokio::time::sleep(Duration::from_millis(10)).await;
    });
    let took = gone("the end while a question was being answered");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // A login that is cut short leaves nothing either.
    wait(async {
        let door = door(&server.dsn(PLAIN));
        let _ = tokio::time::timeout(Duration::from_millis(1), door.reach()).await;
    });
    gone("the end of a login that was cut short");
}

fn settings_as_each_role_sees_them() {
    let server = tls_server();
    let (audit, plain, monitor) = (server.socket_dsn(AUDIT), server.socket_dsn(PLAIN), server.socket_dsn(MONITOR));
    let ssl = setting(&plain, "ssl", "bool");
    assert_eq!(seen(&ssl, "value"), &Observed::from(true));
    assert!(grant(seen(&ssl, "source_file")).contains("GRANT pg_read_all_settings TO app"));
    assert!(grant(seen(&ssl, "file_errors")).contains("pg_show_all_file_settings() TO app"));
    let ssl = setting(&audit, "SSL", "bool");
    assert_eq!(show(&ssl, "source"), "configuration file");
    assert!(show(&ssl, "source_file").ends_with("/data/postgresql.conf"));
    assert!(matches!(seen(&ssl, "source_line"), Observed::Known(Value::Int(line)) if *line > 0));
    assert_eq!((show(&ssl, "is_default"), show(&ssl, "boot_value")), ("false".into(), "off".into()));
    assert_eq!((show(&ssl, "pending_restart"), show(&ssl, "context")), ("false".into(), "sighup".into()));
    assert_eq!((show(&ssl, "file_errors"), show(&ssl, "path")), ("none".into(), "absent".into()));
    // harden's own limits are not the server's.
    assert_eq!(seen(&setting(&audit, "statement_timeout", "duration"), "value"), &Observed::Known(Value::Duration(90)));
    assert_eq!(show(&setting(&audit, "lock_timeout", "duration"), "value"), "0s");
    assert_eq!(show(&setting(&audit, "transaction_read_only", "text"), "value"), "off");
    assert!(show(&setting(&audit, "search_path", "list"), "value").contains("public"));
    assert!(matches!(seen(&setting(&audit, "application_name", "text"), "value"), Observed::Unknown(_)));
    assert_eq!(show(&setting(&audit, "log_min_duration_statement", "duration"), "value"), "2s");
    assert_eq!(seen(&setting(&audit, "work_mem", "size"), "value"), &Observed::Known(Value::Size(8 << 20)));
    assert!(show(&setting(&audit, "work_mem", "size"), "overridden_for").contains("database=shop, value=1MB"));
    assert_eq!(show(&setting(&audit, "ssl_min_protocol_version", "tls_version"), "value"), "TLSv1.2");
    assert!(show(&setting(&audit, "server_version", "version"), "value").starts_with("15."));
    // A row that a role may not see is not a setting that does not exist.
    for name in ["ssl_ciphers", "data_directory", "hba_file", "ssl_min_protocol_version"] {
        let hidden = observe(&plain, "pg_setting", json!({"name": name}));
        match hidden.extent {
            Extent::Failed(reason) => {
                assert_eq!(reason.grant.as_deref(), Some("GRANT pg_read_all_settings TO app"), "{name}")
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(observe(&monitor, "pg_setting", json!({"name": name})).extent, Extent::Complete, "{name}");
    }
    for dsn in [&plain, &audit] {
        assert!(matches!(observe(dsn, "pg_setting", json!({"name": "no_such_setting"})).extent, Extent::Absent(_)));
        assert!(matches!(
            observe(dsn, "pg_setting", json!({"name": "x'; DROP TABLE t; --"})).extent,
            Extent::Absent(_)
        ));
    }
    server.write_data_file("postgresql.auto.conf", "max_connections = 77\nwork_mem = 'lots'\n");
    server.psql("SELECT pg_reload_conf()");
    let pending = || show(&setting(&audit, "max_connections", "integer"), "pending_restart") == "true";
    let errors = show(&setting(&audit, "work_mem", "size"), "file_errors");
    assert!(errors.contains("postgresql.auto.conf:2:"), "{errors}");
    assert_eq!(show(&setting(&audit, "ssl", "bool"), "file_errors"), "none");
    server.write_data_file("postgresql.auto.conf", "no_such = 1\n");
    assert_eq!(show(&setting(&audit, "work_mem", "size"), "file_errors"), "none");
    server.write_data_file("postgresql.auto.conf", "max_connections = 77\n");
    server.reload();
    tools::wait_until("a pending restart", Duration::from_secs(5), pending, || server.log());
    server.write_data_file("postgresql.auto.conf", "");
    server.reload();
}

fn a_setting_of_our_own_role_is_not_the_servers() {
    let server = tls_server();
    server.psql("CREATE ROLE own LOGIN PASSWORD 'own-secret' IN ROLE pg_read_all_settings");
    server.psql("ALTER ROLE own SET work_mem = '64MB'");
    server.psql("ALTER ROLE own SET statement_timeout = '1min'");
    for name in ["work_mem", "statement_timeout"] {
        assert!(
            matches!(seen(&setting(&server.socket_dsn("own"), name, "text"), "value"), Observed::Unknown(_)),
            "{name}"
        );
    }
    assert!(matches!(seen(&setting(&server.socket_dsn("own"), "lock_timeout", "text"), "value"), Observed::Known(_)));
}

fn roles() {
    let server = tls_server();
    server.psql("CREATE ROLE boss SUPERUSER; CREATE ROLE deputy IN ROLE boss; CREATE ROLE clerk LOGIN IN ROLE deputy");
    server.psql("CREATE ROLE brief LOGIN PASSWORD 'x' VALID UNTIL '2030-01-01 00:00:00+00' CONNECTION LIMIT 3");
    server.psql("CREATE ROLE forever LOGIN VALID UNTIL 'infinity'; ALTER ROLE forever SET app.token = 'hunter2'");
    let listing = observe(&server.socket_dsn(AUDIT), "pg_role", json!({}));
    assert_eq!(listing.extent, Extent::Complete);
    let root = find(&listing, SUPERUSER);
    assert_eq!(
        (show(root, "superuser"), show(root, "bootstrap"), show(root, "predefined")),
        ("true".into(), "true".into(), "false".into())
    );
    let clerk = find(&listing, "clerk");
    assert_eq!((show(clerk, "superuser"), show(clerk, "can_become_superuser")), ("false".into(), "true".into()));
    assert_eq!((show(clerk, "member_of"), show(clerk, "all_roles")), ("deputy".into(), "boss, deputy".into()));
    assert_eq!(show(find(&listing, "boss"), "members"), "deputy");
    let brief = find(&listing, "brief");
    assert_eq!(
        (show(brief, "valid_until"), show(brief, "connection_limit")),
        ("2030-01-01T00:00:00Z".into(), "3".into())
    );
    assert_eq!(show(brief, "password_kind"), "scram-sha-256");
    let forever = find(&listing, "forever");
    assert_eq!((show(forever, "valid_until"), show(forever, "password_kind")), ("absent".into(), "none".into()));
    assert_eq!(show(forever, "settings"), "app.token=***");
    assert_eq!(show(find(&listing, PLAIN), "owns_databases"), "shop");
    assert_eq!(show(find(&listing, "pg_monitor"), "predefined"), "true");
    let plain = observe(&server.socket_dsn(PLAIN), "pg_role", json!({"name": "c*rk"}));
    assert_eq!(plain.subjects.len(), 1);
    assert!(
        grant(seen(find(&plain, "clerk"), "password_kind")).contains("rolpassword, rolvaliduntil) ON pg_authid TO app")
    );
}

fn databases() {
    let server = tls_server();
    let listing = observe(&server.socket_dsn(PLAIN), "pg_database", json!({}));
    let postgres = find(&listing, "postgres");
    assert_eq!((show(postgres, "current"), show(postgres, "owner_superuser")), ("true".into(), "true".into()));
    assert_eq!((show(postgres, "public_connect"), show(postgres, "public_temp")), ("true".into(), "true".into()));
    assert_eq!(
        (show(postgres, "public_create"), show(postgres, "public_create_in_public_schema")),
        ("false".into(), "false".into())
    );
    let shop = find(&listing, "shop");
    assert_eq!(
        (show(shop, "owner"), show(shop, "owner_superuser"), show(shop, "encoding")),
        ("app".into(), "false".into(), "UTF8".into())
    );
    assert!(matches!(seen(shop, "public_create_in_public_schema"), Observed::Unknown(_)));
    assert_eq!(show(find(&listing, "template0"), "allow_connections"), "false");
    assert_eq!(observe(&server.socket_dsn(PLAIN), "pg_database", json!({"name": "shop"})).subjects.len(), 1);
}

/// What the listing says of each role and table is what the server answers to the same question.
fn privileges() {
    let server = tls_server();
    for sql in [
        "CREATE SCHEMA ledger",
        "CREATE TABLE ledger.entries (id serial PRIMARY KEY, note text)",
        "CREATE VIEW ledger.notes AS SELECT note FROM ledger.entries",
        "CREATE ROLE keeper; CREATE ROLE reader LOGIN; CREATE ROLE writer LOGIN IN ROLE keeper",
        "CREATE ROLE sleeper LOGIN NOINHERIT IN ROLE keeper",
        "GRANT USAGE ON SCHEMA ledger TO keeper, reader",
        "GRANT SELECT ON ledger.notes TO PUBLIC; GRANT SELECT (note), UPDATE (note) ON ledger.entries TO reader",
        "GRANT SELECT, INSERT, TRIGGER ON ledger.entries TO keeper; GRANT USAGE ON SEQUENCE ledger.entries_id_seq TO keeper",
    ] {
        server.psql(sql);
    }
    for role in ["reader", "writer", "sleeper", "keeper", SUPERUSER] {
        let listing = observe(&server.socket_dsn(PLAIN), "pg_privilege", json!({"role": role, "schema": "ledger"}));
        assert_eq!(listing.extent, Extent::Complete, "{role}");
        for (object, kind, words) in [
            ("ledger.entries", "table", "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER"),
            ("ledger.notes", "view", "SELECT INSERT UPDATE DELETE"),
            ("ledger.entries_id_seq", "sequence", "USAGE SELECT UPDATE"),
        ] {
            let subject = find(&listing, &format!("{role} on {kind} {object}"));
            for word in words.split(' ') {
                let asked = if kind == "sequence" { "sequence" } else { "table" };
                let expected = server.psql(&format!("SELECT has_{asked}_privilege('{role}', '{object}', '{word}')"));
                let has = show(subject, "privileges").split(", ").any(|one| one == word);
                assert_eq!(has, expected == "t", "{role} {word} on {object}");
            }
        }
    }
    let of = |role: &str, field: &str| {
        let listing = observe(&server.socket_dsn(PLAIN), "pg_privilege", json!({"role": role, "schema": "ledger"}));
        show(find(&listing, &format!("{role} on table ledger.entries")), field)
    };
    assert_eq!(
        (of("sleeper", "privileges"), of("sleeper", "reachable")),
        ("none".into(), "SELECT, INSERT, TRIGGER".into())
    );
    assert_eq!(
        (of("reader", "privileges"), of("reader", "column_privileges")),
        ("none".into(), "SELECT, UPDATE".into())
    );
    assert_eq!((of("writer", "owned"), of(SUPERUSER, "owned")), ("false".into(), "true".into()));
    let absent = |with| matches!(observe(&server.socket_dsn(PLAIN), "pg_privilege", with).extent, Extent::Absent(_));
    assert!(absent(json!({"role": "nobody-of-that-name"})));
    assert!(absent(json!({"role": "reader", "schema": "no-such"})));
    let other = observe(&server.socket_dsn(PLAIN), "pg_privilege", json!({"role": "reader", "database": "shop"}));
    assert!(matches!(other.extent, Extent::Failed(_)));
}

fn sessions() {
    let server = tls_server();
    let own = |listing: &Listing| {
        let own = |subject: &&Subject| seen(subject, "own") == &Observed::from(true);
        listing.subjects.iter().find(own).cloned().expect("our own session is among them")
    };
    let encrypted = observe(&format!("{}?sslmode=require", server.dsn(MONITOR)), "pg_session", json!({}));
    assert_eq!(encrypted.extent, Extent::Complete);
    let ours = own(&encrypted);
    assert_eq!(
        (show(&ours, "ssl"), show(&ours, "tls_version"), show(&ours, "client")),
        ("true".into(), "TLSv1.3".into(), "127.0.0.1".into())
    );
    assert!(show(&ours, "cipher").starts_with("TLS_") && show(&ours, "local") == "false");
    assert!(encrypted.subjects.iter().any(|subject| show(subject, "user") == SUPERUSER), "the harness's own");
    let local = observe(&server.socket_dsn(PLAIN), "pg_session", json!({}));
    match &local.extent {
        Extent::Partial(reason) => assert_eq!(reason.grant.as_deref(), Some("GRANT pg_monitor TO app")),
        other => panic!("{other:?}"),
    }
    let ours = own(&local);
    assert_eq!(
        (show(&ours, "local"), show(&ours, "client"), show(&ours, "ssl")),
        ("true".into(), "absent".into(), "false".into())
    );
}

fn hba_and_files() {
    let server = tls_server();
    wait(async {
        let audit = door(&server.socket_dsn(AUDIT));
        let rows = audit.hba_rows().await.unwrap();
        assert!(
            rows.iter().any(|row| row.method.as_deref() == Some("cert") && row.options == ["clientcert=verify-full"]),
            "{rows:?}"
        );
        assert_eq!(
            rows.first().map(|row| (row.line, row.kind.clone(), row.users.clone())),
            Some((1, Some("local".into()), vec![SUPERUSER.into()]))
        );
        assert!(
            audit
                .hba_file_contents()
                .await
                .unwrap_err()
                .grant
                .is_some_and(|grant| grant.contains("pg_read_server_files"))
        );
        assert!(audit.loaded_since().await.unwrap() > 1_700_000_000);
        assert_eq!(audit.major().await, Ok(15));
        let catalog = audit.catalog().await.unwrap();
        assert!(catalog.all_roles(AUDIT).contains("pg_read_all_settings"));
        let plain = door(&server.socket_dsn(PLAIN));
        let denied = plain.hba_rows().await.unwrap_err();
        assert!(denied.grant.is_some_and(|grant| grant.contains("EXECUTE ON FUNCTION pg_hba_file_rules() TO app")));
        let root = door(&server.socket_dsn(SUPERUSER));
        let file = root.hba_file_contents().await.unwrap();
        assert!(file.path.ends_with("/pg_hba.conf"));
        assert_eq!(file.content, fs::read(&file.path).unwrap());
        assert_eq!(root.server_file(&file.path).await.unwrap(), file.content);
        assert!(root.server_file("/nonexistent").await.is_err());
    });
}

fn where_the_files_are() {
    let server = tls_server();
    let over_tcp = setting(&server.dsn(AUDIT), "ssl_key_file", "text");
    assert!(grant(seen(&over_tcp, "path")).contains("unix socket"));
    let key = setting(&server.socket_dsn(AUDIT), "ssl_key_file", "text");
    assert_eq!(show(&key, "value"), "server.key");
    let expected = server.data_dir().join("server.key").display().to_string();
    assert_eq!(show(&key, "path"), expected, "the tests' server runs in our own mount namespace");
    assert!(Path::new(&expected).exists());
    assert_eq!(show(&setting(&server.socket_dsn(AUDIT), "ssl_crl_file", "text"), "path"), "absent");
    let plain = setting(&server.socket_dsn(PLAIN), "ssl_key_file", "text");
    assert!(grant(seen(&plain, "path")).contains("pg_read_all_settings"));
}

/// Every version below `/usr/lib/postgresql`, and those whose `bin` folders `HARDEN_POSTGRES_BINS` lists (`:` between them).
fn every_version() {
    let installed =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let more = std::env::var_os("HARDEN_POSTGRES_BINS").unwrap_or_default();
    let bins: Vec<_> =
        installed.chain(std::env::split_paths(&more)).filter(|bin| bin.join("initdb").exists()).collect();
    assert!(!bins.is_empty(), "no PostgreSQL is installed; run scripts/install-components as root");
    for bin in bins {
        let server = Postgres::start(&Options { bin: Some(bin), tls: true, client_ca: true, ..Options::default() });
        let major: u32 = server.psql("SHOW server_version_num").parse::<u32>().unwrap() / 10_000;
        let dsn = server.tls_dsn(AUDIT, "verify-full");
        assert_eq!(reach(&dsn), Ok(true), "{major}");
        assert_eq!(reach(&server.certificate_dsn("verify-full")), Ok(true), "{major}");
        let direct = reach(&format!("{dsn}&sslnegotiation=direct"));
        assert_eq!(direct.is_ok(), major >= 17, "{major}: {direct:?}");
        assert_eq!(show(&setting(&dsn, "ssl", "bool"), "value"), "true", "{major}");
        assert_eq!(show(&setting(&dsn, "ssl", "bool"), "file_errors"), "none", "{major}");
        let role = observe(&dsn, "pg_role", json!({"name": PLAIN}));
        assert_eq!(show(find(&role, PLAIN), "password_kind"), "scram-sha-256", "{major}");
        let public_create = if major < 15 { "true" } else { "false" };
        let databases = observe(&dsn, "pg_database", json!({}));
        assert_eq!(show(find(&databases, "postgres"), "public_create_in_public_schema"), public_create, "{major}");
        let held = observe(&dsn, "pg_privilege", json!({"role": SUPERUSER, "schema": "public"}));
        assert_eq!(held.extent, Extent::Complete, "{major}");
        assert_eq!(
            show(find(&held, &format!("{SUPERUSER} on schema public")), "privileges"),
            "USAGE, CREATE",
            "{major}"
        );
        let sessions = observe(&server.tls_dsn(MONITOR, "require"), "pg_session", json!({}));
        assert_eq!(sessions.extent, Extent::Complete, "{major}");
        assert!(sessions.subjects.iter().any(|subject| show(subject, "ssl") == "true"), "{major}");
        wait(async {
            let door = door(&dsn);
            assert_eq!(door.major().await, Ok(major));
            let rows = door.hba_rows().await.unwrap();
            assert!(rows.len() >= 4 && rows.iter().all(|row| row.error.is_none()));
            assert_eq!(rows.iter().all(|row| row.file.is_some() && row.rule.is_some()), major >= 16, "{major}");
            door.close().await;
        });
    }
}

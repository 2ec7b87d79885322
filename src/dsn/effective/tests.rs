//! One table a client: string, surroundings, what it means.

use crate::dsn::surroundings::fake::Fake;
use crate::dsn::{CaSource, Client, Conninfo, Effective, Fact, effective, resolve};

const PEM: &str = "-----BEGIN CERTIFICATE-----\n";
const HOME_ROOT: &str = "/home/op/.postgresql/root.crt";

fn look(text: &str, client: Client, around: &Fake) -> Effective {
    let conninfo = Conninfo::parse_for(text, client).unwrap();
    effective(&resolve(&conninfo, around, client), around)
}

fn word<T: serde::Serialize>(fact: &Fact<T>) -> String {
    match fact.known().map(|value| serde_json::to_value(value).unwrap()) {
        Some(serde_json::Value::String(word)) => word,
        Some(other) => other["file"].as_str().unwrap_or("?").to_owned(),
        None => "unknown".to_owned(),
    }
}

/// `sslmode verified ca`, and `!` for each error.
fn short(text: &str, client: Client, around: &Fake) -> String {
    let e = look(text, client, around);
    format!("{} {} {}{}", word(&e.sslmode), word(&e.verified), word(&e.ca_source), "!".repeat(e.errors.len()))
}

fn table(client: Client, around: &Fake, rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(short(text, client, around), *expected, "{client} {text}");
    }
}

fn plain() -> Fake {
    Fake::default().file("/ca.pem", PEM).file("/empty.pem", "nothing").denied("/secret/ca.pem")
}

fn with_root() -> Fake {
    plain().file(HOME_ROOT, PEM)
}

#[test]
fn libpq() {
    table(
        Client::Libpq,
        &plain(),
        &[
            ("host=h", "prefer nothing none"),
            ("host=h sslmode=disable", "disable nothing none"),
            ("host=h sslmode=allow", "allow nothing none"),
            ("host=h sslmode=require", "require nothing none"),
            ("host=h sslmode=require sslrootcert=/ca.pem", "require chain /ca.pem"),
            ("host=h sslmode=require sslrootcert=/nope.pem", "require nothing none"),
            ("host=h sslmode=require sslrootcert=/secret/ca.pem", "require unknown unknown"),
            ("host=h sslmode=require sslrootcert=ca.pem", "require unknown unknown"),
            ("host=h sslmode=prefer sslrootcert=/ca.pem", "prefer nothing none"),
            ("host=h sslmode=verify-ca sslrootcert=/ca.pem", "verify-ca chain /ca.pem"),
            ("host=h sslmode=verify-full sslrootcert=/ca.pem", "verify-full chain-and-host /ca.pem"),
            ("host=h sslmode=verify-full sslrootcert=/secret/ca.pem", "verify-full chain-and-host /secret/ca.pem"),
            ("host=h sslmode=verify-full sslrootcert=/empty.pem", "verify-full chain-and-host /empty.pem!"),
            ("host=h sslmode=verify-full", "verify-full unknown unknown!"),
            ("host=h sslmode=verify-full sslrootcert=~/ca.pem", "verify-full chain-and-host ~/ca.pem"),
            ("host=h sslmode=verify-full sslrootcert='-----BEGIN CERTIFICATE-----'", "verify-full unknown inline!"),
            ("host=h sslrootcert=system", "verify-full chain-and-host system"),
            ("host=h sslrootcert=system sslmode=require", "require unknown unknown!"),
            ("hostaddr=10.0.0.1 sslmode=verify-full sslrootcert=/ca.pem", "verify-full unknown unknown!"),
            ("host=h sslmode=REQUIRE", "unknown unknown unknown!"),
            ("host=h sslmode=verify_full", "unknown unknown unknown!"),
            ("host=h sslmode=", "unknown unknown unknown!"),
            ("postgres://h?ssl=true", "require nothing none"),
            ("host=h sslmode=prefer sslnegotiation=direct", "prefer nothing none!"),
            ("host=h channel_binding=on gssencmode=x", "prefer nothing none!!"),
            ("host=h ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2", "prefer nothing none!"),
            ("host=h ssl_min_protocol_version=tls13", "prefer nothing none!"),
            ("host=/tmp sslmode=verify-full", "verify-full not-applicable none"),
            ("", "prefer not-applicable none"),
            ("host=/tmp,h sslmode=verify-full sslrootcert=/ca.pem", "verify-full chain-and-host /ca.pem"),
            ("host=a,b port=1,2,3", "prefer nothing none!"),
            ("host=h service=nope", "unknown unknown unknown!"),
            ("host=h service=nope sslmode=require", "require unknown unknown!"),
        ],
    );
    table(
        Client::Libpq,
        &with_root(),
        &[
            ("host=h", "prefer nothing none"),
            ("host=h sslmode=require", &format!("require chain {HOME_ROOT}")),
            ("host=h sslmode=verify-full", &format!("verify-full chain-and-host {HOME_ROOT}")),
            ("host=h sslmode=require sslrootcert=''", &format!("require chain {HOME_ROOT}")),
        ],
    );
    table(
        Client::Libpq,
        &plain().env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", "/ca.pem"),
        &[("host=h", "verify-full chain-and-host /ca.pem"), ("host=h sslmode=disable", "disable nothing none")],
    );
    // libpq 15 takes "system" for a file name: nothing is verified unless sslmode is written.
    table(
        Client::Libpq,
        &plain().version(15).cwd("/w"),
        &[
            ("host=h sslrootcert=system", "prefer nothing none"),
            ("host=h sslrootcert=system sslmode=require", "require nothing none"),
            ("host=h sslrootcert=system sslmode=verify-full", "verify-full unknown unknown!"),
        ],
    );
    table(Client::Libpq, &plain().env("PGSSLMODE", ""), &[("host=h", "unknown unknown unknown!")]);
    table(
        Client::Libpq,
        &plain().file("/w/ca.pem", PEM).cwd("/w"),
        &[("host=h sslmode=require sslrootcert=ca.pem", "require chain ca.pem")],
    );
}

#[test]
fn lib_pq() {
    table(
        Client::LibPq,
        &plain(),
        &[
            ("host=h", "require nothing none"),
            ("postgres://h/d?sslmode=disable", "disable nothing none"),
            ("postgres://h/d?sslmode=prefer", "prefer nothing none!"),
            ("postgres://h/d?sslmode=allow", "allow nothing none!"),
            ("postgres://h/d?sslmode=require&sslrootcert=/ca.pem", "require chain /ca.pem"),
            ("postgres://h/d?sslmode=require&sslrootcert=/nope.pem", "require nothing none"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=/nope.pem", "verify-full unknown unknown!"),
            ("postgres://h/d?sslmode=verify-full", "verify-full chain-and-host system"),
            ("postgres://h/d?sslmode=verify-ca", "verify-ca chain system"),
            ("postgres://h/d?sslrootcert=system", "unknown unknown unknown"),
            ("postgres://h/d?sslmode=require&sslrootcert=system", "require unknown unknown!"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=system", "verify-full chain-and-host system"),
            ("postgres://h/d?sslmode=pqgo-mine", "unknown unknown unknown"),
            ("postgres://h/d?sslmode=REQUIRE", "unknown unknown unknown!"),
            ("postgres://h/d?sslMode=verify-full", "require nothing none!"),
            ("postgres://h/d?ssl=true", "require nothing none!"),
            ("host=/tmp", "disable not-applicable none"),
            ("host=h sslinline=true sslmode=require sslrootcert=x", "require unknown unknown"),
            ("host=h sslinline=true sslmode=verify-full sslrootcert=x", "verify-full chain-and-host inline"),
            ("postgres://h/d?sslmode=disable&sslmode=verify-full", "disable nothing none"),
        ],
    );
    table(
        Client::LibPq,
        &with_root(),
        &[("host=h", "require unknown unknown"), ("host=h sslmode=verify-full", "verify-full chain-and-host unknown")],
    );
}

#[test]
fn pgx() {
    table(
        Client::Pgx,
        &plain(),
        &[
            ("host=h", "prefer nothing none"),
            ("postgres://h/d?sslmode=require", "require nothing none"),
            ("postgres://h/d?sslmode=require&sslrootcert=/ca.pem", "require chain /ca.pem"),
            ("postgres://h/d?sslmode=require&sslrootcert=/nope.pem", "require unknown unknown!"),
            ("postgres://h/d?sslmode=verify-full", "verify-full chain-and-host system"),
            ("postgres://h/d?sslmode=disable&sslrootcert=system", "verify-full chain-and-host system"),
            ("postgres://h/d?sslmode=verify_full", "unknown unknown unknown!"),
            ("postgres://h/d?sslcert=/c", "prefer nothing none!"),
            ("postgres://h/d?sslmode=verify-full&sslmode=disable", "unknown unknown unknown"),
            ("postgres://h/d?sslnegotiation=direct", "require nothing none"),
            ("postgres://h/d?sslmode=&ssl_mode=require", "prefer nothing none!"),
            ("postgres://h/d?search_path=a&pool_max_conns=4", "prefer nothing none"),
            ("host=/tmp sslmode=require", "require not-applicable none"),
        ],
    );
    table(
        Client::Pgx,
        &with_root(),
        &[("host=h", "prefer nothing none"), ("host=h sslmode=require", &format!("require chain {HOME_ROOT}"))],
    );
}

#[test]
fn bun() {
    table(
        Client::Bun,
        &plain().env("PGSSLMODE", "verify-full"),
        &[
            ("postgres://h/d", "require nothing none"),
            ("postgres://h/d?sslmode=disable", "disable nothing none"),
            ("postgres://h/d?sslmode=prefer", "require nothing none"),
            ("postgres://h/d?sslmode=require", "require nothing none"),
            ("postgres://h/d?sslrootcert=/ca.pem", "require nothing /ca.pem"),
            ("postgres://h/d?sslmode=require&sslrootcert=/ca.pem", "require chain /ca.pem"),
            ("postgres://h/d?sslmode=verify-ca&sslrootcert=/ca.pem", "verify-ca chain /ca.pem"),
            ("postgres://h/d?sslmode=verify-full", "verify-full chain-and-host system"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=ca.crt", "verify-full chain-and-host ca.crt"),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=/nope", "verify-full chain-and-host /nope!"),
            ("postgres://h/d?sslmode=verify-full&host=other", "verify-full chain-and-host system!"),
            ("postgres://h/d?ssl=disable", "require nothing none!"),
            ("postgres://h/d?port=6432", "require nothing none!"),
            ("postgres://h/d?sslmode=Disable", "unknown unknown unknown!"),
            ("postgres://h/d?host=/tmp", "require not-applicable none!"),
            ("postgres://h/d?host=/tmp&sslmode=disable", "disable not-applicable none"),
            ("unix://u:p@d/tmp/.s.PGSQL.5432?sslmode=disable", "disable not-applicable none"),
        ],
    );
}

#[test]
fn jdbc() {
    table(
        Client::Jdbc,
        &plain().env("PGSSLMODE", "verify-full"),
        &[
            ("jdbc:postgresql://h/d", "prefer nothing none"),
            ("jdbc:postgresql://h/d?sslmode=REQUIRE", "require nothing none"),
            ("jdbc:postgresql://h/d?sslmode=require&sslrootcert=/ca.pem", "require nothing none"),
            ("jdbc:postgresql://h/d?ssl=true", "verify-full unknown unknown!"),
            ("jdbc:postgresql://h/d?ssl&sslrootcert=/ca.pem", "verify-full chain-and-host /ca.pem"),
            ("jdbc:postgresql://h/d?ssl=false", "prefer nothing none"),
            ("jdbc:postgresql://h/d?sslmode=verify-ca&sslrootcert=/ca.pem", "verify-ca chain /ca.pem"),
            ("jdbc:postgresql://h/d?sslMode=verify-full", "prefer nothing none!"),
            ("jdbc:postgresql://h/d?sslmode=verify_full", "unknown unknown unknown!"),
            (
                "jdbc:postgresql://h/d?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
                "verify-full nothing none",
            ),
            (
                "jdbc:postgresql://h/d?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
                "verify-full chain-and-host system",
            ),
            ("jdbc:postgresql://h/d?sslmode=verify-full&sslfactory=my.Factory", "verify-full unknown unknown"),
            (
                "jdbc:postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem&sslhostnameverifier=my.V",
                "verify-full unknown /ca.pem",
            ),
            ("jdbc:postgresql://h/d?connectTimeout=3&currentSchema=a&ApplicationName=b", "prefer nothing none"),
        ],
    );
}

#[test]
fn hints_and_notes() {
    let hint = |text: &str, client| {
        look(text, client, &plain()).errors.first().and_then(|e| e.hint.clone()).unwrap_or_default()
    };
    assert!(hint("host=h sslmode=verify_full", Client::Libpq).contains("verify-full"));
    assert!(hint("postgres://h/d?sslMode=require", Client::Bun).contains("sslmode"));
    assert!(hint("jdbc:postgresql://h/d?SSLMODE=require", Client::Jdbc).contains("sslmode"));
    let reason = look("host=h sslmode=require sslrootcert=ca.crt", Client::Libpq, &plain());
    assert!(reason.ca_source.reason().is_some_and(|reason| reason.contains("working directory")));
    let inline = look("host=h sslmode=require sslrootcert=-----BEGIN", Client::Libpq, &plain());
    assert_eq!(inline.ca_source, Fact::Known(CaSource::Inline));
    // A misspelt parameter whose name or value may be a secret is counted, not shown.
    let shown = format!("{:?}", look("postgres://h/d?hunter2=hunter3", Client::Pgx, &plain()));
    assert!(!shown.contains("hunter"), "{shown}");
}

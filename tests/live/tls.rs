//! The `tls` resource, certificates as served and the rules about endpoints, on real servers; every suite and version is
//! asked of `openssl s_client` too, which shares no code with harden.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::support::harden::harden;
use crate::support::pki::Pki;
use crate::support::session::session;
use crate::support::slow::{Answer, BadServer};
use crate::support::tls::{TlsServer, pki};
use crate::support::{shared, tools};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        a_good_server_passes,
        a_weak_server_accepts_what_openssl_is_accepted_with,
        a_server_of_ssl_3_and_export,
        tls_1_3_alone_with_client_certificates,
        postgres_with_tls_and_without,
        mariadb_asks_for_tls_first,
        certificates_that_should_not_be_served,
        servers_that_answer_badly_are_unknown,
    ]
}

const STRONG: &str = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1:secp384r1; \
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305;";
const WEAK: &str = "ssl_protocols SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; \
    ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;";

fn certificates() -> &'static Pki {
    static PKI: LazyLock<Pki> = LazyLock::new(pki);
    &PKI
}

/// A configuration with this one endpoint and nothing of this machine.
fn config(url: &str) -> String {
    let dir = session().instance("endpoint");
    let empty = dir.join("root");
    tools::make_dir(&empty, 0o755);
    let text = format!(
        "[targets]\nroot = \"{}\"\n[[targets.endpoints]]\nname = \"it\"\nurl = \"{url}\"\nconnect = \"127.0.0.1\"\nca = \"{}\"\n",
        empty.display(),
        certificates().ca().display()
    );
    tools::write_file(&dir.join("harden.toml"), text, 0o644);
    dir.join("harden.toml").display().to_string()
}

/// What the `tls` resource sees of an endpoint.
fn seen(url: &str) -> Value {
    let facts =
        harden(["collect", "--config", &config(url), "--rule", "tls-endpoint-versions"]).run().expect_code(0).json();
    let query = facts["queries"].as_array().unwrap().iter().find(|query| query["resource"] == "tls").cloned();
    query.unwrap_or_else(|| panic!("nothing was asked of {url}: {facts}"))
}

fn fields(url: &str) -> Value {
    let query = seen(url);
    let fields = query["subjects"][0]["fields"].clone();
    assert!(fields.is_object(), "{query}");
    fields
}

/// The rules of the strict profile by what they say of an endpoint.
fn judged(url: &str) -> BTreeMap<String, BTreeSet<String>> {
    let run = harden(["check", "--config", &config(url), "--profile", "endpoint-strict", "--format", "json"]).run();
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in run.json()["findings"].as_array().unwrap() {
        let (status, rule) = (finding["status"].as_str().unwrap(), finding["rule"].as_str().unwrap());
        said.entry(status.to_owned()).or_default().insert(rule.to_owned());
    }
    said
}

fn expect_failed(url: &str, rules: &[&str]) {
    let said = judged(url);
    let failed = said.get("fail").cloned().unwrap_or_default();
    for rule in rules {
        assert!(failed.contains(&format!("tls-endpoint-{rule}")), "{rule} in {said:#?}");
    }
}

fn suites_at(fields: &Value, version: &str) -> BTreeSet<String> {
    let suites = fields["suites"].as_array().unwrap().iter();
    suites.filter(|suite| suite["version"] == version).map(|s| s["name"].as_str().unwrap().to_owned()).collect()
}

/// Every suite that `openssl s_client` gets a handshake with, by IANA's names.
fn openssl_accepts(port: u16, option: &str, extra: &[&str]) -> BTreeSet<String> {
    let all = ["ciphers", "-s", option, "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"];
    let listed = tools::run(Command::new(tools::find("openssl")).args(all));
    let names = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.nth(1)?.to_owned()))
    });
    let accepted = names.filter(|(_, cipher)| {
        let mut command = Command::new(tools::find("openssl"));
        command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), option]).args(extra);
        command.args(["-cipher", &format!("{cipher}:@SECLEVEL=0")]);
        tools::run_within(&mut command, Duration::from_secs(10)).0.status.success()
    });
    accepted.map(|(name, _)| name).collect()
}

fn a_good_server_passes() {
    let server = TlsServer::nginx(certificates(), &["rsa", "ec"], STRONG);
    let url = format!("https://localhost:{}/", server.port);
    let said = judged(&url);
    let expected = ["tls-endpoint-certificate-expiry-window", "tls-endpoint-post-quantum"].map(str::to_owned);
    // The CA's certificates for `ec` last a day, and OpenSSL 3.0 has no ML-KEM.
    assert!(said.get("fail").is_none_or(|failed| failed.iter().all(|rule| expected.contains(rule))), "{said:#?}");
    assert_eq!(said.get("unknown"), None, "{said:#?}");
    assert!(said["pass"].len() > 20, "{said:#?}");
}

fn a_weak_server_accepts_what_openssl_is_accepted_with() {
    let server = TlsServer::nginx(certificates(), &["rsa", "ec"], WEAK);
    let url = format!("https://localhost:{}/", server.port);
    let fields = fields(&url);
    for (version, option) in [("TLSv1", "-tls1"), ("TLSv1.1", "-tls1_1"), ("TLSv1.2", "-tls1_2")] {
        let theirs = openssl_accepts(server.port, option, &[]);
        assert!(theirs.len() > 10, "{version}: {theirs:?}");
        assert_eq!(suites_at(&fields, version), theirs, "{version}");
    }
    assert_eq!(fields["versions"], serde_json::json!(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]));
    assert_eq!(fields["server_preference"], true);
    let weak =
        ["versions", "no-null", "no-anonymous", "forward-secrecy", "no-cbc", "suites-allowed", "versions-allowed"];
    expect_failed(&url, &weak);
}

fn a_server_of_ssl_3_and_export() {
    let all = TlsServer::java(certificates(), "rsa", "SSLv3,TLSv1,TLSv1.1,TLSv1.2,TLSv1.3");
    let url = format!("tls://localhost:{}", all.port);
    let seen = fields(&url);
    assert_eq!(seen["min_version"], "SSLv3");
    for suite in ["TLS_RSA_WITH_RC4_128_MD5", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"] {
        // The JDK's own names of the oldest suites begin with SSL_.
        let has = |suite: &str| suites_at(&seen, "SSLv3").contains(suite);
        assert!(has(suite) || has(&suite.replace("TLS_", "SSL_")), "{suite} in {seen}");
    }
    expect_failed(&url, &["versions", "no-rc4", "no-export", "no-small-blocks", "no-null", "no-anonymous", "dh-size"]);
    let old = TlsServer::java(certificates(), "rsa", "SSLv3");
    let seen = fields(&format!("tls://localhost:{}", old.port));
    assert_eq!(seen["versions"], serde_json::json!(["SSLv3"]));
    assert_eq!(seen["alpn"], serde_json::json!([]));
}

fn tls_1_3_alone_with_client_certificates() {
    let server = TlsServer::openssl(certificates(), "rsa", &["-tls1_3", "-Verify", "1", "-alpn", "h2"]);
    let seen = fields(&format!("tls://localhost:{}", server.port));
    assert_eq!(seen["versions"], serde_json::json!(["TLSv1.3"]));
    assert_eq!(seen["client_certificate_requested"], true);
    assert_eq!(seen["alpn"], serde_json::json!(["h2"]));
    assert_eq!(seen["compression"], Value::Null);
}

fn postgres_with_tls_and_without() {
    let url = |port: u16| format!("postgres://localhost:{port}");
    let seen = fields(&url(shared::postgres().port()));
    assert_eq!(seen["offered"], true);
    assert_eq!(seen["starttls"], true);
    assert_eq!(seen["max_version"], "TLSv1.3");
    assert_eq!(seen["client_certificate_requested"], true);
    let plain = crate::support::postgres::Postgres::start(&crate::support::postgres::Options::default());
    let said = judged(&url(plain.port()));
    assert_eq!(said["fail"], BTreeSet::from(["tls-endpoint-offered".to_owned()]), "{said:#?}");
    assert_eq!(said.get("pass"), None, "{said:#?}");
}

fn mariadb_asks_for_tls_first() {
    let server = TlsServer::mariadb(certificates(), "rsa");
    let seen = fields(&format!("mysql://localhost:{}", server.port));
    let theirs = openssl_accepts(server.port, "-tls1_2", &["-starttls", "mysql"]);
    assert!(!theirs.is_empty());
    assert_eq!(suites_at(&seen, "TLSv1.2"), theirs);
    assert_eq!(seen["min_version"], "TLSv1.2");
}

fn certificates_that_should_not_be_served() {
    for (certificate, rules) in [
        ("old", &["certificate-valid"][..]),
        ("other", &["certificate-host", "certificate-key-strength", "certificate-signature"]),
        ("own", &["certificate-self-signed", "certificate-trusted"]),
    ] {
        let protocols = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT:@SECLEVEL=0;";
        let server = TlsServer::nginx(certificates(), &[certificate], protocols);
        expect_failed(&format!("https://localhost:{}/", server.port), rules);
    }
}

fn servers_that_answer_badly_are_unknown() {
    for answer in [Answer::Silence, Answer::Garbage, Answer::Endless, Answer::Drip, Answer::Close] {
        let server = BadServer::tcp(answer);
        for scheme in ["https", "postgres", "smtp"] {
            let query = seen(&format!("{scheme}://localhost:{}", server.port()));
            assert!(query["failed"]["reason"].is_string(), "{answer:?} {scheme}: {query}");
            assert_eq!(query["subjects"], serde_json::json!([]), "{answer:?} {scheme}");
        }
        assert!(server.sent() < 64 << 20, "{answer:?}: {} bytes were read", server.sent());
    }
    let refused = harden(["check", "--config", &config("https://localhost:1/"), "--profile", "endpoint"]).run();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stdout.contains("connection refused"), "{refused:?}");
}

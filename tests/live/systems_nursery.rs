//! The rules about OpenBao and the nursery stack on what answers, both ways: a server of ours that tells of itself as
//! OpenBao does, servers behind a list of allowed addresses and before it, and ports that take connections or do not.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use super::support::harden::harden;
use super::support::web::{Reply, Request, WebServer, answer};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        a_running_server_is_judged_both_ways,
        the_view_from_outside_is_judged_both_ways,
        the_senders_address_is_compared
    ]
}

/// The statuses that a rule has.
fn statuses(report: &Value, rule: &str) -> BTreeSet<String> {
    let findings = report["findings"].as_array().expect("findings");
    let of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
    of_rule.map(|finding| finding["status"].as_str().expect("a status").to_owned()).collect()
}

fn is(report: &Value, rule: &str, status: &str) {
    assert_eq!(statuses(report, rule), BTreeSet::from([status.to_owned()]), "{rule}: {report:#}");
}

/// Answers `/v1/sys/seal-status` as OpenBao 2.6 does.
fn openbao(initialized: bool, sealed: bool, storage: &str) -> WebServer {
    let body = format!(
        r#"{{"type":"shamir","initialized":{initialized},"sealed":{sealed},"t":3,"n":5,"progress":0,"nonce":"","version":"2.6.2","migration":false,"cluster_name":"vault-cluster-1","recovery_seal":false,"storage_type":"{storage}"}}"#
    );
    WebServer::start(move |request: &Request| match request.target.as_str() {
        "/v1/sys/seal-status" => answer(200, "Content-Type: application/json\nCache-Control: no-store", &body),
        _ => answer(404, "Content-Type: application/json", r#"{"errors":[]}"#),
    })
}

fn check(arguments: &[&str]) -> Value {
    harden(["check", "--profile", "nursery", "--format", "json"].iter().chain(arguments)).run().json()
}

fn a_running_server_is_judged_both_ways() {
    let good = check(&["--endpoint", &openbao(true, false, "raft").url("/")]);
    is(&good, "openbao-unsealed", "pass");
    is(&good, "openbao-storage-live", "pass");
    for (initialized, sealed) in [(true, true), (false, true), (false, false)] {
        let bad = check(&["--endpoint", &openbao(initialized, sealed, "inmem").url("/")]);
        is(&bad, "openbao-unsealed", "fail");
        is(&bad, "openbao-storage-live", "fail");
    }
    // Another program, which knows nothing of seals, and one that answers everything with a page.
    let other = WebServer::start(|_: &Request| answer(404, "Content-Type: text/html", "<p>no</p>"));
    is(&check(&["--endpoint", &other.url("/")]), "openbao-unsealed", "not_applicable");
    let page = WebServer::start(|_: &Request| answer(200, "Content-Type: text/html", "<p>app</p>"));
    is(&check(&["--endpoint", &page.url("/")]), "openbao-unsealed", "not_applicable");
}

/// What is found of endpoints that a configuration describes.
fn outside(endpoint: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("harden.toml");
    fs::write(&path, format!("[[targets.endpoints]]\n{endpoint}\n")).expect("a file");
    check(&["--config", path.to_str().expect("a path"), "--timeout", "3"])
}

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn the_view_from_outside_is_judged_both_ways() {
    let rule = "nursery-outside-view";
    let serve =
        |status| WebServer::start(move |_: &Request| -> Reply { answer(status, "Content-Type: text/plain", "") });
    let (refused, shown) = (serve(403), serve(200));
    is(&outside(&format!("url = \"{}\"\nadmitted = false", refused.url("/"))), rule, "pass");
    is(&outside(&format!("url = \"{}\"\nadmitted = false", shown.url("/"))), rule, "fail");
    is(&outside(&format!("url = \"{}\"", shown.url("/"))), rule, "unknown");
    is(&outside(&format!("url = \"{}\"\nadmitted = true", shown.url("/"))), rule, "not_applicable");
    is(&outside(&format!("url = \"tls://{}\"\nadmitted = false", closed_port())), rule, "pass");
    let listening = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listening.local_addr().expect("an address");
    is(&outside(&format!("url = \"tls://{address}\"\nadmitted = false")), rule, "fail");
}

fn the_senders_address_is_compared() {
    let echo = WebServer::start(|_: &Request| answer(200, "Content-Type: application/json", r#"{"ip":"203.0.113.7"}"#));
    let with =
        |networks: &str| check(&["--endpoint", &echo.url("/"), "--input", &format!("admin_networks={networks}")]);
    is(&with("203.0.113.0/29"), "nursery-source-ip-current", "pass");
    is(&with("198.51.100.1/32"), "nursery-source-ip-current", "fail");
    is(&check(&["--endpoint", &echo.url("/")]), "nursery-source-ip-current", "unknown");
}

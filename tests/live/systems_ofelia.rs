//! The rules about Ofelia on real things, both ways: containers of a real daemon that carry its variables, labels and mounts,
//! and a server of ours that answers as its web interface does, behind a real nginx and alone.

use std::collections::BTreeMap;

use super::http::{Nginx, with_endpoint};
use super::support::docker::{Dockerd, Options};
use super::support::harden::{Run, harden};
use super::support::pki::Pki;
use super::support::session::session;
use super::support::tools;
use super::support::web::{Reply, Request, WebServer, answer};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![containers_are_judged_both_ways, the_web_interface_is_judged_both_ways]
}

/// Statuses by rule and subject.
type Said = BTreeMap<(String, String), String>;

fn said(run: &Run) -> Said {
    let report = run.json();
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {run:?}"));
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings.iter().map(|one| ((text(one, "rule"), text(one, "subject")), text(one, "status"))).collect()
}

fn status<'s>(said: &'s Said, rule: &str, subject: &str) -> &'s str {
    said.get(&(rule.to_owned(), subject.to_owned())).map_or("none", String::as_str)
}

const GOOD_IMAGE: &str = "ghcr.io/netresearch/ofelia:0.29.0";
const BAD_IMAGE: &str = "randomuser/ofelia:0.11.0";
const HASH: &str = "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
const KEY: &str = "q9vX2mTzLr7pWc4sKd8fGh1jNb6yUe3aQo5iRt0wZxYvBnMl";

const GOOD_INI: &str = "[global]\nenable-web = true\nweb-auth-enabled = true\nweb-username = ops\n\
    web-password-hash = ${HASH}\nweb-token-expiry = 8\nweb-trusted-proxies = 172.30.0.2\nenable-strict-validation = true\n\
    [job-exec \"cache\"]\nschedule = @daily\ncontainer = app\ncommand = true\nno-overlap = true\n";
const BAD_INI: &str = "[global]\nenable-web = true\nallow-host-jobs-from-labels = true\nsmtp-password = not-to-be-seen-1\n\
    [job-run \"report\"]\nschedule = @daily\nimage = alpine\nmemory = 1g\npull = always\nvolume = /:/host\n";

/// Rules that judge the daemon, and on which the two differ.
const DAEMON: [&str; 7] = [
    "ofelia-web-auth",
    "ofelia-web-private",
    "ofelia-host-jobs-from-labels",
    "ofelia-strict-validation",
    "ofelia-known-keys",
    "ofelia-secrets-in-files",
    "ofelia-version",
];

/// Rules that judge its container.
const CONTAINER: [&str; 9] = [
    "ofelia-container-capabilities-dropped",
    "ofelia-container-readonly",
    "ofelia-container-memory",
    "ofelia-container-cpu",
    "ofelia-container-pids",
    "ofelia-container-no-new-privileges",
    "ofelia-container-network",
    "ofelia-container-config-mount",
    "ofelia-image-source",
];

fn containers_are_judged_both_ways() {
    let daemon = Dockerd::start(&Options::default());
    let entrypoint = "ENTRYPOINT [\"sh\", \"-c\", \"sleep 1000\", \"--\", \"/usr/bin/ofelia\"]";
    let command = "CMD [\"daemon\", \"--config\", \"/etc/ofelia/config.ini\"]";
    for image in [GOOD_IMAGE, BAD_IMAGE] {
        daemon.import(image, &[entrypoint, command, "LABEL ofelia.service=true ofelia.enabled=true"]);
    }
    let dir = session().instance("ofelia");
    let mount = |name: &str, ini: &str, mode: &str| {
        let folder = dir.join(name);
        tools::make_dir(&folder, 0o755);
        tools::write_file(&folder.join("config.ini"), ini, 0o640);
        format!("{}:/etc/ofelia{mode}", folder.display())
    };
    let (good, bad) = (mount("good", GOOD_INI, ":ro"), mount("bad", BAD_INI, ""));
    daemon.docker(&["network", "create", "control"]);
    daemon.run(&[
        "--name",
        "good",
        "--user",
        "1000:1000",
        "--cap-drop",
        "ALL",
        "--read-only",
        "--memory",
        "64m",
        "--cpus",
        "0.5",
        "--pids-limit",
        "50",
        "--security-opt",
        "no-new-privileges:true",
        "--network",
        "control",
        "-v",
        &good,
        "-e",
        &format!("HASH={HASH}"),
        "-e",
        &format!("OFELIA_WEB_SECRET_KEY={KEY}"),
        GOOD_IMAGE,
    ]);
    daemon.run(&[
        "--name",
        "bad",
        "-p",
        "18081:8081",
        "-v",
        &bad,
        "-e",
        "OFELIA_WEB_SECRET_KEY_FILE=/run/x",
        BAD_IMAGE,
    ]);
    daemon.run(&[
        "--name",
        "app",
        "-l",
        "ofelia.enabled=true",
        "-l",
        "ofelia.job-exec.fix.privileged=true",
        "-l",
        "ofelia.job-exec.fix.user=root",
        super::support::docker::IMAGE,
        "sleep",
        "1000",
    ]);
    let run =
        harden(["check", "--profile", "ofelia", "--format", "json", "--verbose", "--docker", &daemon.host()]).run();
    for secret in [HASH, KEY, "not-to-be-seen"] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret} is shown");
    }
    let said = said(&run);
    for rule in DAEMON {
        assert_eq!(status(&said, rule, "container good"), "pass", "{rule}: {said:#?}");
        assert_eq!(status(&said, rule, "container bad"), "fail", "{rule}: {said:#?}");
    }
    for rule in CONTAINER {
        assert_eq!((status(&said, rule, "good"), status(&said, rule, "bad")), ("pass", "fail"), "{rule}");
    }
    for (rule, subject) in [
        ("ofelia-file-variables", "container bad"),
        ("ofelia-container-root", "container bad"),
        ("ofelia-job-mounts-host", "container bad job-run report"),
        ("ofelia-job-image-pinned", "container bad job-run report"),
        ("ofelia-job-pull", "container bad job-run report"),
        ("ofelia-job-privileged", "container app job-exec fix"),
        ("ofelia-job-user", "container app job-exec fix"),
    ] {
        assert_eq!(status(&said, rule, subject), "fail", "{rule} on {subject}");
    }
    for rule in [
        "ofelia-web-password-hash",
        "ofelia-web-secret-key",
        "ofelia-web-token-expiry",
        "ofelia-web-proxy-trusted",
        "ofelia-container-root",
    ] {
        assert_eq!(
            status(&said, rule, "container good"),
            "pass",
            "{rule}: the file refers to the container's variables"
        );
    }
    assert_eq!(status(&said, "ofelia-job-overlap", "container good job-exec cache"), "pass");
}

/// The headers of every answer.
const HEADERS: &str = "X-Content-Type-Options: nosniff\nX-Frame-Options: DENY\nX-XSS-Protection: 1; mode=block\n\
    Referrer-Policy: strict-origin-when-cross-origin\n\
    Content-Security-Policy: default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:\n";

/// Answers as the daemon's web interface does, with its login on.
fn locked(request: &Request) -> Reply {
    let json = format!("{HEADERS}Content-Type: application/json\n");
    match request.target.as_str() {
        "/" => answer(200, &format!("{HEADERS}Content-Type: text/html; charset=utf-8\n"), "<!doctype html><p>Ofelia"),
        "/api/csrf-token" => answer(200, &json, "{\"csrf_token\":\"9QmC7xZpT2sVb5nKd8wYh3LgR6jFa1Ue\"}"),
        path if path.starts_with("/api/") => {
            answer(401, &format!("{HEADERS}Content-Type: text/plain; charset=utf-8\n"), "Unauthorized\n")
        }
        _ => answer(404, &format!("{HEADERS}Content-Type: text/plain; charset=utf-8\n"), "404 page not found\n"),
    }
}

/// The same with its login off, as an old version without headers answers.
fn open(request: &Request) -> Reply {
    match request.target.as_str() {
        "/" => answer(200, "Content-Type: text/html\n", "<!doctype html><p>Ofelia"),
        "/api/jobs" => answer(200, "Content-Type: application/json\n", "[{\"name\":\"report\"}]"),
        _ => answer(404, "Content-Type: text/plain\n", "404 page not found\n"),
    }
}

fn the_web_interface_is_judged_both_ways() {
    let dir = session().instance("pki");
    let pki = Pki::create(&dir, "jobs CA");
    pki.issue_server("jobs");
    let (locked, open) = (WebServer::start(locked), WebServer::start(open));
    let port = tools::free_port();
    let http = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {};
         add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always;
         location / {{ proxy_pass {}; proxy_set_header X-Forwarded-Proto $scheme; }} }}",
        pki.certificate("jobs").display(),
        pki.key("jobs").display(),
        locked.url("")
    );
    let _nginx = Nginx::start(&http, port);
    let check = |endpoint: &str| said(&with_endpoint(endpoint, &["check", "--profile", "ofelia", "--format", "json"]));
    let ca = pki.ca().display().to_string();
    let well = check(&format!("url = \"https://localhost:{port}/\"\nca = \"{ca}\"\nconnect = \"127.0.0.1:{port}\"\n"));
    let badly = check(&format!("url = \"{}\"\n", open.url("/")));
    let worst = |said: &Said, rule: &str| {
        let of = |status: &str| said.iter().any(|((one, _), seen)| one == rule && seen == status);
        ["fail", "unknown", "pass"].into_iter().find(|status| of(status)).unwrap_or("none")
    };
    for rule in ["ofelia-api-refused", "ofelia-login-token", "http-nosniff", "http-framing", "http-csp"] {
        assert_eq!((worst(&well, rule), worst(&badly, rule)), ("pass", "fail"), "{rule}: {well:#?} {badly:#?}");
    }
    for rule in ["http-hsts", "http-referrer-policy", "http-xss-filter", "tls-endpoint-certificate-trusted"] {
        assert_eq!(worst(&well, rule), "pass", "{rule}: {well:#?}");
    }
    assert_eq!(worst(&well, "http-csp-inline-scripts"), "fail", "only a proxy with its own policy passes");
    for server in [&locked, &open] {
        assert!(server.asked().iter().all(|request| request.method == "GET" && request.body.is_empty()), "only GET");
    }
}

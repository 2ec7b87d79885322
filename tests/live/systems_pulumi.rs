//! The rules about a self-hosted Pulumi Cloud on real things, both ways: containers that carry its variables and mounts,
//! nginx as its API, and MariaDB as the hop behind it, with TLS and without.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::support::harden::harden;
use super::support::pki::Pki;
use super::support::session::session;
use super::support::tls::{TlsServer, pki};
use super::support::{shared, tools};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![containers_are_judged_both_ways, endpoints_are_judged_both_ways]
}

/// Statuses by rule and subject.
type Said = BTreeMap<String, BTreeMap<String, String>>;

fn check(arguments: &[&str]) -> (Said, String) {
    let run = harden(["check", "--profile", "pulumi-cloud", "--format", "json"].iter().chain(arguments)).run();
    let mut said = Said::new();
    for finding in run.json()["findings"].as_array().expect("findings") {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        said.entry(text("rule")).or_default().insert(text("subject"), text("status"));
    }
    (said, run.stdout)
}

fn expect(said: &Said, rule: &str, subject: &str, status: &str) {
    let found = said.get(rule).and_then(|subjects| subjects.get(subject)).map(String::as_str);
    assert_eq!(found, Some(status), "{rule} on {subject}: {:?}", said.get(rule));
}

/// Starts a container of this image with these variables and mounts.
fn start(name: &str, image: &str, variables: &[(&str, &str)], others: &[&str]) {
    let (daemon, _) = shared::docker();
    let set: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut words = vec!["run", "-d", "--name", name];
    set.iter().for_each(|one| words.extend(["-e", one.as_str()]));
    words.extend(others);
    words.extend([image, "sleep", "3600"]);
    daemon.docker(&words);
}

fn containers_are_judged_both_ways() {
    let (daemon, _) = shared::docker();
    let pki: Pki = pki();
    let folder = daemon.dir().join("pulumi");
    fs::create_dir_all(&folder).unwrap();
    for (from, to, mode) in [
        (pki.certificate("rsa"), "api.crt", 0o644),
        (pki.key("rsa"), "good.key", 0o600),
        (pki.key("rsa"), "bad.key", 0o644),
        (pki.key("ec"), "other.key", 0o600),
        (pki.ca(), "ca.pem", 0o644),
    ] {
        fs::copy(from, folder.join(to)).unwrap();
        fs::set_permissions(folder.join(to), fs::Permissions::from_mode(mode)).unwrap();
    }
    let (api, console, migrations) = ("pulumi/service:1.2.3", "pulumi/console:1.2.3", "pulumi/migrations:1.2.3");
    for image in [api, console, migrations] {
        daemon.import(image, &[]);
    }
    let ca = fs::read_to_string(pki.ca()).unwrap();
    let (certificate, key) =
        (fs::read_to_string(pki.certificate("rsa")).unwrap(), fs::read_to_string(pki.key("rsa")).unwrap());
    let mount = format!("{}:/certs:ro", folder.display());
    let secret = ("RECAPTCHA_SECRET_KEY", "0x4AAAAAAAkT7mQz2vXw9LbRc5NhYs3PdGfJ");
    let tls =
        |key| [("API_TLS_CERTIFICATE", "/certs/api.crt"), ("API_TLS_PRIVATE_KEY", key), ("API_MIN_TLS_VERSION", "1.2")];
    let own = tls("/certs/good.key");
    let good = [own.as_slice(), &[("DATABASE_CA_CERTIFICATE", &ca), ("DATABASE_MIN_TLS_VERSION", "1.2"), secret]];
    start("pc-api-good", api, &good.concat(), &["-v", &mount]);
    let bad = [("API_TLS_CERTIFICATE", "/certs/api.crt"), ("API_TLS_PRIVATE_KEY", "/certs/bad.key")];
    let database =
        [("DATABASE_CA_CERTIFICATE", "/certs/ca.pem"), ("RECAPTCHA_SECRET_KEY", "1x0000000000000000000000000000000AA")];
    start("pc-api-bad", api, &[bad, database].concat(), &["-v", &mount, "-p", "8080"]);
    start("pc-api-other", api, &tls("/certs/other.key"), &["-v", &mount]);
    let urls = |url| [("PULUMI_API", url), ("PULUMI_API_INTERNAL_ENDPOINT", url)];
    let pem = [
        ("CONSOLE_TLS_CERTIFICATE", certificate.as_str()),
        ("CONSOLE_TLS_PRIVATE_KEY", &key),
        ("CONSOLE_MIN_TLS_VERSION", "1.3"),
    ];
    let trust = [("NODE_EXTRA_CA_CERTS", "/certs/ca.pem"), ("ALLOW_INVALID_CERTS", "false")];
    start(
        "pc-console-good",
        console,
        &[urls("https://pulumi-api:8443").as_slice(), &pem, &trust].concat(),
        &["-v", &mount],
    );
    let distrust = [("NODE_EXTRA_CA_CERTS", "/certs/ca.pem"), ("ALLOW_INVALID_CERTS", "true")];
    start("pc-console-bad", console, &[urls("http://pulumi-api:8080"), distrust].concat(), &[]);
    start("pc-migrations-good", migrations, &[("DATABASE_CA_CERTIFICATE", &ca)], &[]);
    start("pc-migrations-bad", migrations, &[("DATABASE_CA_CERTIFICATE", "/certs/ca.pem")], &[]);
    let (said, shown) = check(&["--docker", &daemon.host(), "--root", "/"]);
    for name in ["api-good", "api-bad", "api-other", "console-good", "console-bad", "migrations-good", "migrations-bad"]
    {
        daemon.remove(&format!("pc-{name}"));
    }
    for (rule, of, variable) in [
        ("pulumi-api-tls-triplet", "api", "API_MIN_TLS_VERSION"),
        ("pulumi-db-tls-pair", "api", "DATABASE_CA_CERTIFICATE"),
        ("pulumi-console-tls-pair", "console", "CONSOLE_TLS_CERTIFICATE"),
        ("pulumi-console-tls-pair", "console", "CONSOLE_TLS_PRIVATE_KEY"),
        ("pulumi-console-min-tls", "console", "CONSOLE_MIN_TLS_VERSION"),
        ("pulumi-console-api-urls-https", "console", "PULUMI_API"),
        ("pulumi-console-certificates-verified", "console", "ALLOW_INVALID_CERTS"),
        ("pulumi-console-extra-ca-mounted", "console", "NODE_EXTRA_CA_CERTS"),
        ("pulumi-db-migrations-ca", "migrations", "DATABASE_CA_CERTIFICATE"),
    ] {
        expect(&said, rule, &format!("container pc-{of}-good {variable}"), "pass");
        expect(&said, rule, &format!("container pc-{of}-bad {variable}"), "fail");
    }
    expect(&said, "pulumi-api-port", "pc-api-good", "pass");
    expect(&said, "pulumi-api-port", "pc-api-bad", "fail");
    let file = |name: &str| folder.join(name).display().to_string();
    expect(&said, "pulumi-tls-key-mode", &file("good.key"), "pass");
    expect(&said, "pulumi-tls-key-mode", &file("bad.key"), "fail");
    // The key of `ec` is not that of the certificate; the other containers' is.
    assert!(
        said["pulumi-api-key-matches"].values().any(|status| status == "fail"),
        "{:?}",
        said["pulumi-api-key-matches"]
    );
    assert!(said["pulumi-console-key-matches"].values().all(|status| status == "pass"), "{said:#?}");
    for value in [key.as_str(), "0x4AAAAAAAkT7mQz2vXw9LbRc5NhYs3PdGfJ"] {
        assert!(!shown.contains(value.trim()), "a secret is shown");
    }
}

/// What the profile says of these endpoints, each with its name and URL.
fn endpoints(pki: &Pki, named: &[(&str, String)]) -> Said {
    let dir = session().instance("pulumi");
    tools::make_dir(&dir.join("root"), 0o755);
    let mut text = format!("[targets]\nroot = \"{}\"\n", dir.join("root").display());
    for (name, url) in named {
        text += &format!(
            "[[targets.endpoints]]\nname = \"{name}\"\nurl = \"{url}\"\nconnect = \"127.0.0.1\"\nca = \"{}\"\n",
            pki.ca().display()
        );
    }
    let config = dir.join("harden.toml");
    tools::write_file(&config, text, 0o644);
    check(&["--config", &config.display().to_string()]).0
}

fn statuses<'s>(said: &'s Said, rule: &str, part: &str) -> Vec<&'s str> {
    let subjects = said.get(rule).into_iter().flatten();
    subjects.filter(|(subject, _)| subject.contains(part)).map(|(_, status)| status.as_str()).collect()
}

fn endpoints_are_judged_both_ways() {
    let pki = pki();
    let status = "location = /api/status { default_type application/json; return 200 '{}'; }";
    let api = TlsServer::nginx(&pki, &["rsa"], &format!("ssl_protocols TLSv1.2 TLSv1.3; {status}"));
    let old = TlsServer::nginx(&pki, &["rsa"], "ssl_protocols TLSv1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;");
    let database = TlsServer::mariadb(&pki, "rsa");
    let plain = TlsServer::mariadb_without_tls();
    let said = endpoints(
        &pki,
        &[
            ("api", format!("https://localhost:{}/", api.port)),
            ("old", format!("https://localhost:{}/", old.port)),
            ("database", format!("mysql://localhost:{}", database.port)),
            ("plain", format!("mysql://localhost:{}", plain.port)),
            ("misnamed", format!("mysql://db.example.com:{}", database.port)),
        ],
    );
    assert_eq!(statuses(&said, "pulumi-api-public-https", "api"), ["pass"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-versions", "api"), ["pass"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-versions", "old"), ["fail"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-offered", "database"), ["pass"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-offered", "plain"), ["fail"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-certificate-host", "database"), ["pass"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-certificate-host", "misnamed"), ["fail"], "{said:#?}");
    assert_eq!(statuses(&said, "tls-endpoint-certificate-trusted", "database"), ["pass"], "{said:#?}");
}

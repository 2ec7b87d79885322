use std::fs;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn ask(files: &[(&str, &[u8])], with: &serde_json::Value) -> Listing {
    let (root, host) = host();
    for (path, content) in files {
        let path = root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let with: With = serde_json::from_value(with.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on(observe(&Door::Host(host), &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn show(listing: &Listing, fields: &[&str]) -> Vec<String> {
    let one = |subject: &Subject| {
        let fields = fields.iter().map(|name| subject.fields.get(name).unwrap().to_string());
        fields.collect::<Vec<_>>().join(" | ")
    };
    listing.subjects.iter().map(one).collect()
}

const OFELIA: &[u8] = b"; jobs\n[global]\nenable-web = true\nweb-password-hash = ${HASH}\nmailFrom = x\n\
    [job-run \"a\"]\nimage = alpine:3\nvolume = /a:/a:ro\nvolume = /b:/b\nmemory = 1g\n";

#[test]
fn every_value_has_its_line() {
    let with = json!({ "path": "/c.ini", "format": "ini", "repeated": "list", "names": "loose", "known_keys": "global.*, job-run*.image, job-run*.volume" });
    let seen = ask(&[("/c.ini", OFELIA)], &with);
    assert_eq!(
        show(&seen, &["key", "values", "origin", "known", "section"]),
        [
            "global.enable-web | true | /c.ini:3 | true | global",
            "global.web-password-hash | unknown (its name says that it is a secret: judge it `as: secret`) | /c.ini:4 | true | global",
            "global.mailFrom | x | /c.ini:5 | true | global",
            "job-run \"a\".image | alpine:3 | /c.ini:7 | true | job-run \"a\"",
            "job-run \"a\".volume | /a:/a:ro, /b:/b | /c.ini:8 | true | job-run \"a\"",
            "job-run \"a\".memory | 1g | /c.ini:10 | false | job-run \"a\"",
        ]
    );
    assert_eq!(seen.extent, Extent::Complete);
}

#[test]
fn a_reference_is_unknown_and_named() {
    let with = json!({ "path": "/c.ini", "format": "ini", "key": "global.web-password-hash", "as": "secret" });
    let seen = ask(&[("/c.ini", OFELIA)], &with);
    assert_eq!(
        show(&seen, &["value", "unresolved"]),
        ["unknown (it refers to `HASH`, which only the program's surroundings tell) | HASH"]
    );
    let with = json!({ "path": "/c.ini", "format": "ini", "key": "a", "variables": "literal" });
    assert_eq!(show(&ask(&[("/c.ini", b"a = ${X}\n")], &with), &["value"]), ["${X}"]);
}

#[test]
fn absent_is_what_was_looked_for_and_is_not_there() {
    let key = |key: &str| json!({ "path": "/c.ini", "format": "ini", "key": key });
    assert_eq!(show(&ask(&[("/c.ini", OFELIA)], &key("global.nothing")), &["value", "origin"]), ["absent | absent"]);
    assert!(show(&ask(&[("/c.ini", OFELIA)], &key("global.mailfrom")), &["value"])[0].starts_with("unknown"));
    assert!(matches!(ask(&[], &key("a")).extent, Extent::Absent(_)));
    assert!(ask(&[("/c.ini", OFELIA)], &key("job-exec*.image")).subjects.is_empty());
    let broken = json!({ "path": "/c.json", "format": "json", "key": "a" });
    assert!(matches!(ask(&[("/c.json", b"{\"a\": ")], &broken).extent, Extent::Failed(_)));
    assert_eq!(
        show(
            &ask(&[("/c.yml", b"# nothing\n")], &json!({ "path": "/c.yml", "format": "yaml", "key": "a" })),
            &["value"]
        ),
        ["absent"]
    );
    let binary: Vec<u8> = (0..=255).collect();
    assert!(matches!(ask(&[("/c.ini", &binary)], &key("a")).extent, Extent::Failed(_)));
}

#[test]
fn names_are_compared_as_the_program_does() {
    let with = json!({ "path": "/c.ini", "format": "ini", "key": "global.MAIL_FROM", "names": "loose" });
    assert_eq!(show(&ask(&[("/c.ini", OFELIA)], &with), &["value"]), ["x"]);
}

#[test]
fn documents_are_told_apart() {
    let yaml = b"kind: Service\nmetadata: {name: web}\nport: 80\n---\nkind: Deployment\nmetadata: {name: web}\nport: 8080\nmode: 420\n";
    let with = |document: &str| json!({ "path": "/k.yaml", "format": "yaml", "key": "port", "document": document });
    let files: &[(&str, &[u8])] = &[("/k.yaml", yaml)];
    assert_eq!(show(&ask(files, &with("*")), &["document", "value"]), ["Service/web | 80", "Deployment/web | 8080"]);
    assert_eq!(show(&ask(files, &with("Deployment/*")), &["value", "origin"]), ["8080 | /k.yaml:7"]);
    let mode =
        json!({ "path": "/k.yaml", "format": "yaml", "key": "mode", "document": "Deployment/web", "as": "mode" });
    assert_eq!(show(&ask(files, &mode), &["value"]), ["0644"]);
}

#[test]
fn included_files_are_followed_in_their_place() {
    let files: &[(&str, &[u8])] = &[
        ("/etc/mysql/my.cnf", b"[mysqld]\nlocal-infile=1\n!includedir /etc/mysql/conf.d/\n"),
        ("/etc/mysql/conf.d/a.cnf", b"[mysqld]\nlocal_infile=0\n"),
        ("/etc/mysql/conf.d/b.txt", b"[mysqld]\nlocal_infile=1\n"),
        ("/etc/p.conf", b"ssl = off\ninclude_dir 'p.d'\n"),
        ("/etc/p.d/1.conf", b"SSL = on\n"),
        ("/etc/loop.conf", b"ssl = on\ninclude 'loop.conf'\n"),
        ("/etc/gone.conf", b"ssl = on\ninclude 'none'\nport = 1\n"),
    ];
    let mysql = json!({ "path": "/etc/mysql/my.cnf", "format": "mysql", "key": "mysqld.local_infile" });
    assert_eq!(show(&ask(files, &mysql), &["value", "origin", "values"]), ["0 | /etc/mysql/conf.d/a.cnf:2 | 1, 0"]);
    let key = |path: &str, key: &str| json!({ "path": path, "format": "postgresql", "key": key });
    assert_eq!(show(&ask(files, &key("/etc/p.conf", "ssl")), &["value", "origin"]), ["on | /etc/p.d/1.conf:1"]);
    for (path, name) in [("/etc/loop.conf", "ssl"), ("/etc/gone.conf", "ssl"), ("/etc/gone.conf", "fsync")] {
        assert!(show(&ask(files, &key(path, name)), &["value"])[0].starts_with("unknown"), "{path}");
    }
    assert_eq!(show(&ask(files, &key("/etc/gone.conf", "port")), &["value"]), ["1"]);
    let all = json!({ "path": "/etc/gone.conf", "format": "postgresql" });
    assert!(matches!(ask(files, &all).extent, Extent::Partial(_)));
}

#[test]
fn encrypted_values_say_so() {
    let stack = b"config:\n  app:token:\n    secure: v1:abc\n  app:key: plain-text-key\n";
    let with = json!({ "path": "/Pulumi.prod.yaml", "format": "pulumi", "key": "config.*" });
    let seen = ask(&[("/Pulumi.prod.yaml", stack)], &with);
    assert_eq!(show(&seen, &["key", "encrypted"]), ["config.app:token | true", "config.app:key | false"]);
    assert!(!format!("{seen:?}").contains("plain-text"));
}

#[test]
fn blocks_are_lists() {
    let hcl = b"listener \"tcp\" {\n  tls_disable = true\n}\nlistener \"unix\" {\n  address = \"/x\"\n}\n";
    let with = json!({ "path": "/v.hcl", "format": "hcl", "key": "listener.tcp.tls_disable", "as": "hcl-bool" });
    assert_eq!(show(&ask(&[("/v.hcl", hcl)], &with), &["value", "origin"]), ["true | /v.hcl:2"]);
    let with = json!({ "path": "/v.hcl", "format": "hcl", "key": "listener" });
    assert_eq!(show(&ask(&[("/v.hcl", hcl)], &with), &["keys"]), ["tls_disable, address"]);
}

#[test]
fn marks_and_line_ends_of_other_systems_are_no_text() {
    for (format, content) in [
        ("ini", "\u{feff}a = 1\r\n"),
        ("json", "\u{feff}{\"a\": 1}\r\n"),
        ("yaml", "\u{feff}a: 1\r\n"),
        ("toml", "\u{feff}a = 1\r\n"),
        ("dotenv", "\u{feff}a=1\r\n"),
        ("keyvalue", "\u{feff}a 1\r\n"),
        ("postgresql", "\u{feff}a = 1\r\n"),
        ("hcl", "\u{feff}a = 1\r\n"),
    ] {
        let with = json!({ "path": "/c", "format": format, "key": "a", "as": "integer" });
        assert_eq!(show(&ask(&[("/c", content.as_bytes())], &with), &["value", "origin"]), ["1 | /c:1"], "{format}");
    }
}

#[test]
fn a_configuration_inside_of_another_is_read() {
    let values = b"server:\n  ha:\n    raft:\n      config: |\n        ui = true\n        listener \"tcp\" {\n          tls_disable = 1\n        }\n";
    let with = |inside: &str| json!({ "path": "/v.yaml", "format": "hcl", "inside": inside, "key": "listener.tcp.tls_disable" });
    let seen = ask(&[("/v.yaml", values)], &with("server.*.raft.config"));
    assert_eq!(show(&seen, &["value", "origin", "document"]), ["1 | /v.yaml:7 | server.ha.raft.config"]);
    assert_eq!(show(&ask(&[("/v.yaml", values)], &with("server.none")), &["value"]), ["absent"]);
    let broken = ask(&[("/v.yaml", b"a: 'x { hunter2'\n")], &with("a"));
    assert!(matches!(&broken.extent, Extent::Failed(why) if !why.to_string().contains("hunter2")), "{broken:?}");
}

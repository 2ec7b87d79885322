use std::fs;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;
use crate::value::Observed;

fn ask(config: &[(&str, &str)], with: &serde_json::Value) -> Listing {
    let (root, host) = host();
    for (path, content) in config {
        let path = root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let mut with: With = serde_json::from_value(with.clone()).unwrap();
    with.entry("version".to_owned()).or_insert(json!("9.2"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on(observe(&Door::Host(host), &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn show(config: &str, name: &str, fields: &[&str]) -> Vec<String> {
    shown(&ask(&[("/etc/ssh/sshd_config", config)], &json!({ "name": name })), fields)
}

fn shown(listing: &Listing, fields: &[&str]) -> Vec<String> {
    let one = |subject: &Subject| {
        let fields = fields.iter().map(|name| subject.fields.get(name).unwrap().to_string());
        fields.collect::<Vec<_>>().join(" | ")
    };
    listing.subjects.iter().map(one).collect()
}

const FIELDS: [&str; 4] = ["value", "match", "witness", "origin"];

#[test]
fn the_first_line_counts_and_a_block_stands_above_it() {
    let config = "PasswordAuthentication no\nPasswordAuthentication yes\nMatch User bob,!eve Address 10.0.0.0/8\n PasswordAuthentication yes\nMatch Address 10.1.0.0/16\n passwordauthentication no\n";
    assert_eq!(
        show(config, "PasswordAuthentication", &FIELDS),
        [
            "no | absent | user=somebody,addr=2001:db8::7 | /etc/ssh/sshd_config:1",
            "yes | Match User bob,!eve Address 10.0.0.0/8 | user=bob,addr=10.255.255.255 | /etc/ssh/sshd_config:4",
            "no | Match Address 10.1.0.0/16 | user=somebody,addr=10.1.255.255 | /etc/ssh/sshd_config:6",
        ]
    );
    assert_eq!(show(config, "PasswordAuthentication", &["ignored"])[0], "origin=/etc/ssh/sshd_config:2, value=yes");
    assert_eq!(show("", "PasswordAuthentication", &FIELDS), ["yes | absent | \"\" | absent"]);
}

#[test]
fn a_block_that_nobody_reaches_is_no_subject() {
    let config = "Match User bob\n X11Forwarding no\nMatch User bob\n X11Forwarding yes\n";
    assert_eq!(show(config, "x11forwarding", &["value", "is_default"]), ["no | true", "no | false"]);
    let root = "PermitRootLogin no\nMatch User git\n PermitRootLogin yes\n";
    assert_eq!(show(root, "permitrootlogin", &["value"]), ["no"], "git is not root");
    let everybody = "PermitRootLogin no\nMatch all\n PermitRootLogin yes\n";
    assert_eq!(show(everybody, "permitrootlogin", &["value"]), ["yes"]);
}

#[test]
fn included_files_keep_their_block() {
    let config = &[
        ("/etc/ssh/sshd_config", "Include sshd_config.d/*.conf\nPermitRootLogin no\n"),
        ("/etc/ssh/sshd_config.d/10.conf", "Match User root\nPermitRootLogin yes\n"),
        ("/etc/ssh/sshd_config.d/.hidden.conf", "Port 1\n"),
    ];
    let seen = ask(config, &json!({ "name": "permitrootlogin" }));
    assert_eq!(shown(&seen, &["value", "origin"]), ["yes | /etc/ssh/sshd_config.d/10.conf:2"]);
    assert_eq!(shown(&ask(config, &json!({ "name": "port" })), &["value"]), ["22"]);
}

#[test]
fn what_could_not_be_read_is_unknown_where_it_matters() {
    let (root, host) = host();
    let etc = root.path().join("etc/ssh/sshd_config.d");
    fs::create_dir_all(&etc).unwrap();
    fs::write(
        root.path().join("etc/ssh/sshd_config"),
        "Port 2222\nUsePAM yes\nInclude sshd_config.d/*\nX11Forwarding no\n",
    )
    .unwrap();
    fs::create_dir(etc.join("a.conf")).unwrap();
    let door = Door::Host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ask = |name: &str| {
        let with = With::from([("name".to_owned(), json!(name)), ("version".to_owned(), json!("9.2"))]);
        shown(&runtime.block_on(observe(&door, &with)), &["value"]).remove(0)
    };
    assert_eq!(ask("usepam"), "yes", "set before, and no block may set it");
    for name in ["x11forwarding", "maxauthtries", "passwordauthentication"] {
        assert!(ask(name).starts_with("unknown"), "{name}");
    }
}

#[test]
fn lists_and_lines() {
    let config = "AllowUsers a b\nAllowUsers c\nCiphers -aes*-ctr\nLoginGraceTime 1m\nPort 22\nPort 2222\nMatch User x\n AllowUsers d\n";
    assert_eq!(show(config, "allowusers", &["value"]), ["a b c", "d"]);
    assert_eq!(
        show(config, "ciphers", &["value"]),
        ["chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com"]
    );
    assert_eq!(show(config, "logingracetime", &["value"]), ["60"]);
    assert_eq!(show(config, "port", &["values"]), ["22, 2222"]);
    assert_eq!(show(config, "denyusers", &["value"]), ["absent"]);
    assert_eq!(show("LoginGraceTime soon", "logingracetime", &["value"]), ["soon (not valid)"]);
}

#[test]
fn one_connection_is_one_subject() {
    let config = "Match Host *.example.org\n X11Forwarding yes\nMatch User bob\n X11Forwarding no\n";
    let ask = |with: serde_json::Value| shown(&ask(&[("/etc/ssh/sshd_config", config)], &with), &["value"]).remove(0);
    assert_eq!(ask(json!({ "name": "x11forwarding", "user": "bob", "host": "a.example.org" })), "yes");
    assert_eq!(ask(json!({ "name": "x11forwarding", "user": "bob", "host": "a.org" })), "no");
    assert!(ask(json!({ "name": "x11forwarding", "user": "eve" })).starts_with("unknown"));
    assert_eq!(ask(json!({ "name": "x11forwarding", "user": "bob", "host": "b" })), "no");
}

#[test]
fn without_a_file_there_is_no_server() {
    assert!(matches!(ask(&[], &json!({ "name": "port" })).extent, Extent::Absent(_)));
    let config = &[("/etc/ssh/sshd_config", "")];
    assert!(matches!(ask(config, &json!({ "name": "prot" })).extent, Extent::Failed(_)));
    let seen = ask(config, &json!({ "name": "kexalgorithms", "version": "6.0" }));
    assert!(shown(&seen, &["value"])[0].starts_with("unknown"));
}

use std::fs;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn ask(files: &[(&str, &str)], with: &serde_json::Value) -> Listing {
    let (root, host) = host();
    for (path, content) in files {
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

fn show(listing: &Listing, fields: &[&str]) -> Vec<String> {
    let one = |subject: &Subject| {
        let fields = fields.iter().map(|name| subject.fields.get(name).unwrap().to_string());
        fields.collect::<Vec<_>>().join(" | ")
    };
    listing.subjects.iter().map(one).collect()
}

fn system(config: &str, name: &str, fields: &[&str]) -> Vec<String> {
    show(&ask(&[("/etc/ssh/ssh_config", config)], &json!({ "name": name })), fields)
}

#[test]
fn the_first_value_counts_and_blocks_are_for_some() {
    let config =
        "Host *.example.org !dev.example.org\n ForwardAgent yes\nHost *\n ForwardAgent no\n ForwardAgent yes\n";
    assert_eq!(
        system(config, "ForwardAgent", &["value", "match", "witness", "origin"]),
        [
            "yes | Host *.example.org !dev.example.org | host=x.example.org | /etc/ssh/ssh_config:2",
            "no | Host * | host=host.invalid | /etc/ssh/ssh_config:4",
        ]
    );
    assert_eq!(system("", "stricthostkeychecking", &["value", "is_default"]), ["ask | true"]);
    assert_eq!(system("Host a,b\nPort 1\n", "port", &["value", "witness"]), ["22 | host=host.invalid", "1 | host=a,b"]);
}

#[test]
fn blocks_see_what_was_set_before_them() {
    let config = "Host web\n HostName %h.example.org\n User git\nMatch host *.example.org user git\n ForwardX11 yes\n";
    let host = |host: &str, user: &str| {
        let with = json!({ "name": "forwardx11", "host": host, "user": user });
        show(&ask(&[("/etc/ssh/ssh_config", config)], &with), &["value"]).remove(0)
    };
    assert_eq!(host("web", ""), "yes");
    assert_eq!(host("web", "root"), "no");
    assert_eq!(host("x.example.org", "git"), "yes");
    assert!(host("x.example.org", "").starts_with("unknown"), "who runs it is not known");
    assert_eq!(system(config, "forwardx11", &["value", "witness"]).len(), 2);
}

#[test]
fn a_final_block_is_looked_at_in_the_second_reading() {
    let policy = "Match final all\n Ciphers aes256-ctr\n ForwardAgent yes\nForwardAgent no\n";
    let with = json!({ "name": "ciphers", "host": "a" });
    assert_eq!(show(&ask(&[("/etc/ssh/ssh_config", policy)], &with), &["value"]), ["aes256-ctr"]);
    assert_eq!(system(policy, "ciphers", &["value", "match"]), ["aes256-ctr | Match final all"]);
    assert_eq!(system("ForwardAgent no\nMatch final all\n ForwardAgent yes\n", "forwardagent", &["value"]), ["no"]);
    let canonical = "CanonicalizeHostname yes\nMatch canonical all\n ForwardAgent yes\n";
    assert_eq!(system(canonical, "forwardagent", &["value"]), ["yes"], "what is done with names is no question here");
    assert_eq!(system("Match canonical all\n ForwardAgent yes\n", "forwardagent", &["value"]), ["no"]);
}

#[test]
fn what_a_program_decides_is_unknown() {
    let config = "Match exec \"test -f /x\"\n PasswordAuthentication no\n";
    let seen = system(config, "passwordauthentication", &["value"]);
    assert!(seen.len() == 1 && seen[0].starts_with("unknown (whether the block around"), "{seen:?}");
    assert_eq!(system(config, "port", &["value"]), ["22"]);
}

#[test]
fn a_users_file_counts_before_the_systems() {
    let files = &[
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1:1::/home/bob:/bin/sh\neve:x:2:2::/home/eve:/bin/sh\n"),
        ("/etc/ssh/ssh_config", "StrictHostKeyChecking yes\nInclude ssh_config.d/*.conf\n"),
        ("/etc/ssh/ssh_config.d/a.conf", "HashKnownHosts yes\n"),
        ("/home/bob/.ssh/config", "Include more ~/.ssh/other\nHost lab\n StrictHostKeyChecking no\n"),
        ("/home/bob/.ssh/more", "HashKnownHosts no\n"),
        ("/home/bob/.ssh/other", "Port 2222\n"),
    ];
    let ask = |name: &str, account: &str| {
        show(&ask(files, &json!({ "name": name, "account": account })), &["account", "value", "origin"])
    };
    assert_eq!(
        ask("stricthostkeychecking", "*"),
        ["bob | yes | /etc/ssh/ssh_config:1", "bob | no | /home/bob/.ssh/config:3"]
    );
    assert_eq!(ask("stricthostkeychecking", "eve"), ["eve | yes | /etc/ssh/ssh_config:1"]);
    assert_eq!(ask("hashknownhosts", "bob"), ["bob | no | /home/bob/.ssh/more:1"]);
    assert_eq!(ask("port", "bob"), ["bob | 2222 | /home/bob/.ssh/other:1"]);
    assert_eq!(ask("port", "nobody"), Vec::<String>::new());
}

#[test]
fn values_are_spelt_one_way() {
    assert_eq!(system("StrictHostKeyChecking off\n", "stricthostkeychecking", &["value"]), ["no"]);
    assert_eq!(system("ForwardAgent $SOCK\n", "forwardagent", &["value"]), ["$SOCK"]);
    assert_eq!(system("SendEnv A B\nSendEnv -A* C\n", "sendenv", &["values"]), ["B, C"]);
    assert_eq!(system("ProxyJump a\nProxyCommand b\n", "proxycommand", &["value"]), ["none"]);
    assert_eq!(system("Tunnel maybe\n", "tunnel", &["value"]), ["maybe (not valid)"]);
    assert_eq!(system("UserKnownHostsFile /x\n", "updatehostkeys", &["value"])[0].get(..7), Some("unknown"));
}

#[test]
fn without_program_and_file_there_is_no_client() {
    let with = json!({ "name": "port" });
    assert!(matches!(ask(&[("/etc/hosts", "")], &with).extent, Extent::Complete), "a version was given");
    let (_root, host) = host();
    let with = With::from([("name".to_owned(), json!("port"))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(matches!(runtime.block_on(observe(&Door::Host(host), &with)).extent, Extent::Absent(_)));
    assert!(matches!(ask(&[], &json!({ "name": "prot" })).extent, Extent::Failed(_)));
}

use std::fs;
use std::path::Path;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn get(subject: &Subject, field: &str) -> String {
    assert!(!subject.fields.fields.contains(&Observed::unknown("not read")), "{subject:?}");
    subject.fields.get(field).unwrap().to_string()
}

#[test]
fn includes_are_read_and_places_kept() {
    let (root, host) = host();
    let root = root.path();
    assert!(matches!(look(&host, "", "").extent, Extent::Absent(_)));
    write(
        root,
        "etc/nftables.conf",
        "flush ruleset\ntable inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n  include \"/etc/nftables.d/*.nft\"\n }\n}\n",
    );
    write(root, "etc/nftables.d/ssh.nft", "ip saddr 10.0.0.0/8 tcp dport 22 accept\n");
    fs::create_dir_all(root.join("etc/systemd/system/sysinit.target.wants")).unwrap();
    let listing = look(&host, "", "");
    assert_eq!(listing.extent, Extent::Complete);
    let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    for (field, expected) in [
        ("backend", "nftables"),
        ("enabled", "false"),
        ("input_policy", "drop"),
        ("forward_policy", "accept"),
        ("ipv6", "true"),
        ("open", "protocol=tcp, first_port=22, last_port=22, ports=1, source=10.0.0.0/8"),
        ("unread", "none"),
        ("translations", "none"),
    ] {
        assert_eq!(get(seen, field), expected, "{field}");
    }
    write(root, "etc/systemd/system/sysinit.target.wants/nftables.service", "");
    assert_eq!(get(&look(&host, "", "").subjects[0], "enabled"), "true");
    write(root, "etc/nftables.d/ssh.nft", "include \"/etc/missing.nft\"\n");
    let seen = look(&host, "", "");
    assert!(get(&seen.subjects[0], "open").contains("rule that harden does not understand"), "{seen:?}");
}

#[test]
fn ufw_is_put_together_as_it_loads_itself() {
    let (root, host) = host();
    let root = root.path();
    write(root, "etc/ufw/ufw.conf", "ENABLED=yes\nLOGLEVEL=low\n");
    write(
        root,
        "etc/default/ufw",
        "IPV6=no\nDEFAULT_INPUT_POLICY=\"DROP\"\nDEFAULT_OUTPUT_POLICY=\"ACCEPT\"\nDEFAULT_FORWARD_POLICY=\"DROP\"\n",
    );
    write(
        root,
        "etc/ufw/before.rules",
        "*filter\n:ufw-before-input - [0:0]\n:ufw-not-local - [0:0]\n-A ufw-before-input -i lo -j ACCEPT\n\
         -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT\n\
         -A ufw-before-input -j ufw-not-local\n-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN\n-A ufw-not-local -j DROP\nCOMMIT\n",
    );
    write(
        root,
        "etc/ufw/after.rules",
        "*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input -p udp --dport 137 -j ufw-skip-to-policy-input\nCOMMIT\n",
    );
    assert!(
        matches!(look(&host, "", "").extent, Extent::Failed(reason) if reason.text.contains("user.rules is missing"))
    );
    write(
        root,
        "etc/ufw/user.rules",
        "*filter\n:ufw-user-input - [0:0]\n:ufw-user-limit-accept - [0:0]\n### tuple ### allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 in\n\
         -A ufw-user-input -p tcp --dport 443 -j ACCEPT\n-A ufw-user-input -p tcp -m multiport --dports 22,2222 -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n",
    );
    let listing = look(&host, "", "");
    let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    assert_eq!(
        (get(seen, "backend"), get(seen, "enabled"), get(seen, "input_policy")),
        ("ufw".into(), "true".into(), "drop".into())
    );
    let open = get(seen, "open");
    assert_eq!(open.matches("protocol=").count(), 4, "{open}");
    for expected in [
        "first_port=443, last_port=443, ports=1, source=0.0.0.0/0",
        "first_port=22, last_port=22, ports=1, source=10.0.0.0/8",
        "protocol=udp, first_port=68",
    ] {
        assert!(open.contains(expected), "{open}");
    }
}

#[test]
fn a_saved_file_by_its_path() {
    let (root, host) = host();
    write(root.path(), "rules", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 25 -j DROP\nCOMMIT\n");
    let listing = look(&host, "/rules", "iptables");
    assert_eq!(get(&listing.subjects[0], "input_policy"), "accept");
    assert_eq!(get(&listing.subjects[0], "ipv6"), "false");
    assert!(matches!(look(&host, "/none", "iptables").extent, Extent::Absent(_)));
}

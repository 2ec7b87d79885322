use super::*;
use crate::packets::region::{Interfaces, Packets, networks};
use crate::packets::{Open, decide};
use proptest::prelude::*;

fn rules(text: &str) -> RuleSet {
    let rules = parse(text, &Services::default());
    assert!(rules.troubles.is_empty(), "{:?}", rules.troubles);
    rules
}

fn open(text: &str, v4: bool) -> Open {
    decide(&rules(text), v4).unwrap()
}

fn shown(boxes: &[Packets], v4: bool) -> Vec<String> {
    let show = |one: &Packets| {
        let by = match &one.interfaces {
            Interfaces::In(names) => format!(" by {}", names.iter().cloned().collect::<Vec<_>>().join(",")),
            Interfaces::NotIn(names) if names.is_empty() => String::new(),
            Interfaces::NotIn(names) => format!(" not by {}", names.iter().cloned().collect::<Vec<_>>().join(",")),
        };
        let (first, last) = one.ports;
        format!("{:?} {first}-{last} {}{by}", one.protocol, networks(one.source, v4).join(" "))
    };
    boxes.iter().map(show).collect()
}

const WORKSTATION: &str = r#"#!/usr/sbin/nft -f
flush ruleset
define admins = { 10.0.0.0/8, 192.168.1.7 }
table inet filter {
    set web { type inet_service; flags interval; elements = { http, 443, 8000-8010 }
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iif lo accept comment "everything of this host"
        meta l4proto { icmp, ipv6-icmp } accept
        ip saddr $admins tcp dport 22 ct state new counter packets 0 bytes 0 accept
        tcp dport @web accept
        iifname "wg0" udp dport { 53, 5353 } accept
        ip6 saddr fe80::/10 udp dport 546 accept
        tcp dport vmap { 25 : drop, 587 : jump mail }
        udp dport 123 limit rate 10/second \
            accept
        log prefix "dropped: " level info
        reject with icmpx type port-unreachable
    }
    chain mail { ip saddr != 10.0.0.0/8 return; accept; }
    chain forward { type filter hook forward priority 0; policy drop; }
    chain output { type filter hook output priority 0; }
}
"#;

#[test]
fn a_usual_rule_set_is_decided() {
    let seen = open(WORKSTATION, true);
    assert_eq!(
        shown(&seen.certain, true),
        [
            "Tcp 22-22 10.0.0.0/8",
            "Tcp 22-22 192.168.1.7/32",
            "Tcp 80-80 0.0.0.0/0",
            "Tcp 443-443 0.0.0.0/0",
            "Tcp 587-587 10.0.0.0/8",
            "Tcp 8000-8010 0.0.0.0/0",
            "Udp 53-53 0.0.0.0/0 by wg0",
            "Udp 123-123 0.0.0.0/0",
            "Udp 5353-5353 0.0.0.0/0 by wg0",
        ]
    );
    assert!(seen.doubtful.is_empty(), "{seen:?}");
    let six = open(WORKSTATION, false);
    assert!(shown(&six.certain, false).contains(&"Udp 546-546 fe80::/10".to_owned()), "{six:?}");
    assert!(!shown(&six.certain, false).iter().any(|one| one.starts_with("Tcp 22")), "{six:?}");
    let rules = rules(WORKSTATION);
    assert_eq!(rules.policy(Hook::Input, Family::V6), Some(Policy::Drop));
    assert_eq!(rules.policy(Hook::Forward, Family::V4), Some(Policy::Drop));
    assert_eq!(rules.policy(Hook::Output, Family::V4), Some(Policy::Accept));
}

#[test]
fn commands_and_several_tables() {
    let text = "add table ip t\nadd chain ip t in { type filter hook input priority 0 ; policy drop ; }\n\
        add rule ip t in tcp dport 22 accept\ninsert rule ip t in ip saddr 10.0.0.1 drop\n\
        table ip6 t { chain in { type filter hook input priority 0; tcp dport 23 drop; }; }\n\
        table inet off { flags dormant; chain in { type filter hook input priority 0; policy drop; }; }\n";
    assert_eq!(shown(&open(text, true).certain, true).len(), 2, "the two sides of one address");
    let six = shown(&open(text, false).certain, false);
    assert!(six.contains(&"Tcp 0-22 ::/0".to_owned()) && six.contains(&"Udp 0-65535 ::/0".to_owned()), "{six:?}");
    let flushed = format!("{text}flush ruleset\n");
    assert_eq!(rules(&flushed).chains.len(), 0);
}

#[test]
fn what_is_not_understood_is_doubtful_or_told() {
    let of = |rule: &str| {
        let text = format!(
            "table inet f {{\n set bad {{ type ipv4_addr; flags dynamic; }}\n chain input {{ type filter hook input priority 0; policy drop;\n {rule}\n tcp dport 80 accept\n }}\n}}\n"
        );
        let seen = open(&text, true);
        (shown(&seen.certain, true), shown(&seen.doubtful, true))
    };
    let all = "Tcp 80-80 0.0.0.0/0".to_owned();
    assert_eq!(of("socket cgroupv2 level 1 \"x\" tcp dport 80 drop"), (vec![], vec![all.clone()]));
    assert_eq!(of("ip saddr @bad drop"), (vec![], vec![all.clone()]));
    assert_eq!(of("ip saddr . tcp dport { 10.0.0.1 . 80 } drop"), (vec![], vec![all.clone()]));
    assert_eq!(of("iifname \"eth*\" drop"), (vec![], vec![all.clone()]));
    // A rate stops some of it, not all.
    assert_eq!(of("tcp dport 80 limit rate over 5/second drop"), (vec![all.clone()], vec![]));
    assert_eq!(of("tcp flags & (fin|syn|rst|ack) != syn drop"), (vec![all], vec![]));
    let text = "include \"/etc/nftables.d/*.nft\"\nfrobnicate\ntable ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.0.0.2:8080\n } }\n";
    let seen = parse(text, &Services::default());
    assert_eq!((seen.troubles.len(), seen.translations), (2, vec![3]));
    assert_eq!(parse("table inet f { comment \"open", &Services::default()).troubles.len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "((table|chain|set|add|rule|ip|tcp|dport|vmap|accept|drop|jump|define|x|=|\\{|\\}|;|,|\"|@x|\\$x|!=|:|22|10.0.0.1|\n| ){0,6}){0,10}") {
        let rules = parse(&text, &Services::default());
        let _ = (decide(&rules, true), decide(&rules, false));
    }
}

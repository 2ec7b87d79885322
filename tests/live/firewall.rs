//! What harden reads in rule sets against what the kernel does with them: each is loaded in a network namespace by `nft` or
//! `iptables-restore`, and packets are sent to it from another one. Needs root, iproute2, nftables, iptables and python3.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use harden::packets::region::{Interfaces, Packets, Protocol};
use harden::packets::{Family, RuleSet, Services, decide, iptables, nftables};

use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![nftables_lets_in_what_harden_says, iptables_lets_in_what_harden_says]
}

const SOURCES: [&str; 3] = ["10.99.0.1", "10.99.0.7", "10.99.0.200"];
const SERVER: &str = "10.99.0.2";
const PORTS: [u16; 9] = [22, 25, 53, 80, 443, 8000, 8005, 8010, 9999];
/// The server's end of the line.
const DEVICE: &str = "hardens";

/// Tries every source, protocol and port at once. A packet that arrives at a port where nobody listens is answered by a
/// reset or an ICMP error; one that is dropped is not.
const PROBE: &str = r#"
import selectors, socket, sys, time
server, sources, ports = sys.argv[1], sys.argv[2].split(','), [int(p) for p in sys.argv[3].split(',')]
waiting, chosen = {}, selectors.DefaultSelector()
def reached(key): print(*key, flush=True)
for source in sources:
    for port in ports:
        for name, kind in (('tcp', socket.SOCK_STREAM), ('udp', socket.SOCK_DGRAM)):
            s = socket.socket(socket.AF_INET, kind); s.setblocking(False); s.bind((source, 0))
            try: s.connect((server, port))
            except BlockingIOError: pass
            except ConnectionRefusedError: reached((name, source, port)); continue
            if name == 'udp': s.send(b'x')
            chosen.register(s, selectors.EVENT_READ | (selectors.EVENT_WRITE if name == 'tcp' else 0), (name, source, port))
end = time.time() + 0.8
while time.time() < end and chosen.get_map():
    for item, _ in chosen.select(0.1):
        error = item.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        chosen.unregister(item.fileobj)
        if error in (0, 111): reached(item.data)
"#;

/// Two namespaces with a line between them, removed at the end.
struct Line {
    client: String,
    server: String,
}

impl Line {
    fn new(name: &str) -> Line {
        let line = Line {
            client: format!("harden-{name}-c-{}", std::process::id()),
            server: format!("harden-{name}-s-{}", std::process::id()),
        };
        let (client, server) = (line.client.as_str(), line.server.as_str());
        ip(&["netns", "add", client]);
        ip(&["netns", "add", server]);
        ip(&["-n", client, "link", "add", "hardenc", "type", "veth", "peer", "name", DEVICE, "netns", server]);
        for source in SOURCES {
            ip(&["-n", client, "addr", "add", &format!("{source}/24"), "dev", "hardenc"]);
        }
        ip(&["-n", server, "addr", "add", &format!("{SERVER}/24"), "dev", DEVICE]);
        ip(&["-n", client, "link", "set", "hardenc", "up"]);
        for device in [DEVICE, "lo"] {
            ip(&["-n", server, "link", "set", device, "up"]);
        }
        // Answers about unreachable ports are limited in number otherwise.
        inside(server, "sysctl", &["-qw", "net.ipv4.icmp_ratelimit=0"]);
        line
    }

    fn probe(&self) -> BTreeSet<String> {
        let ports = PORTS.map(|port| port.to_string()).join(",");
        let arguments = ["-c", PROBE, SERVER, &SOURCES.join(","), &ports];
        inside(&self.client, "python3", &arguments).lines().map(str::to_owned).collect()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for name in [&self.client, &self.server] {
            let _ = Command::new(tools::find("ip")).args(["netns", "del", name]).status();
        }
    }
}

fn ip(arguments: &[&str]) -> String {
    tools::run(Command::new(tools::find("ip")).args(arguments))
}

fn inside(namespace: &str, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(tools::find("ip"));
    tools::run(command.args(["netns", "exec", namespace]).arg(tools::find(program)).args(arguments))
}

fn write(name: &str, text: &str) -> PathBuf {
    let path = session().instance("rules").join(name);
    fs::write(&path, text).unwrap();
    path
}

/// What a rule set lets in of the probes, and what of them it does not decide.
fn expected(rules: &RuleSet) -> (BTreeSet<String>, BTreeSet<String>) {
    assert!(rules.troubles.is_empty(), "{:?}", rules.troubles);
    let open = decide(rules, true).unwrap();
    let has = |boxes: &[Packets], protocol: Protocol, source: u128, port: u16| {
        boxes.iter().any(|one| {
            let by = match &one.interfaces {
                Interfaces::In(names) => names.contains(DEVICE),
                Interfaces::NotIn(names) => !names.contains(DEVICE),
            };
            let port = u128::from(port);
            one.protocol == protocol
                && one.ports.0 <= port
                && port <= one.ports.1
                && one.source.0 <= source
                && source <= one.source.1
                && by
        })
    };
    let (mut certain, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
    for (name, protocol) in [("tcp", Protocol::Tcp), ("udp", Protocol::Udp)] {
        for source in SOURCES {
            let number = u128::from(source.parse::<std::net::Ipv4Addr>().unwrap().to_bits());
            for port in PORTS {
                let probe = format!("{name} {source} {port}");
                if has(&open.certain, protocol, number, port) {
                    certain.insert(probe.clone());
                }
                if has(&open.doubtful, protocol, number, port) {
                    doubtful.insert(probe);
                }
            }
        }
    }
    (certain, doubtful)
}

fn compare(line: &Line, text: &str, rules: &RuleSet, at_least: usize) {
    let (certain, doubtful) = expected(rules);
    let seen = line.probe();
    let sure: BTreeSet<String> = seen.difference(&doubtful).cloned().collect();
    assert_eq!(certain, sure, "{text}");
    assert!(certain.len() + doubtful.len() >= at_least, "the rule set is no test:\n{text}");
}

fn nftables_lets_in_what_harden_says() {
    let line = Line::new("n");
    let rule_sets = [
        ("", 54),
        ("table ip t {\n chain in {\n type filter hook input priority 0; policy drop;\n }\n}", 0),
        (
            "define admins = { 10.99.0.0/29 }\ntable inet filter {\n set web {\n type inet_service; flags interval\n elements = { 80, 443, 8000-8009 }\n }\n \
             chain input {\n type filter hook input priority filter; policy drop;\n ct state vmap { established : accept, related : accept, invalid : drop }\n \
             iif lo accept\n meta l4proto { icmp, ipv6-icmp } accept\n ip saddr $admins tcp dport ssh accept\n tcp dport @web jump web\n \
             udp dport vmap { 53 : accept, 8000-8005 : jump web }\n log prefix \"x \" drop\n }\n chain web {\n ip saddr 10.99.0.7 return\n tcp dport != 8005 counter accept\n \
             meta l4proto udp accept\n }\n}",
            10,
        ),
        (
            "table ip a {\n chain last {\n udp dport 53 drop\n }\n chain pre {\n type filter hook prerouting priority -300\n tcp dport { 22, 25 } ip saddr != 10.99.0.1 drop\n }\n \
             chain in {\n type filter hook input priority 0\n tcp dport >= 8000 drop\n udp dport < 100 ip saddr 10.99.0.128/25 goto last\n }\n}\n\
             table inet b {\n chain in {\n type filter hook input priority 10; policy accept;\n tcp dport 443 drop\n iifname \"other0\" drop\n iifname != \"hardens\" accept\n udp dport 9999 drop\n }\n}",
            20,
        ),
        (
            "add table ip t\nadd chain ip t in { type filter hook input priority 0 ; policy drop ; }\nadd rule ip t in tcp dport 22 accept\n\
             insert rule ip t in ip saddr 10.99.0.1 drop\nadd rule ip t in udp dport 53 limit rate 1000/second accept\nadd rule ip t in tcp flags & (syn | ack) == syn tcp dport 80 accept",
            4,
        ),
    ];
    for (text, at_least) in rule_sets {
        let file = write("rules.nft", &format!("flush ruleset\n{text}\n"));
        inside(&line.server, "nft", &["-f", &file.display().to_string()]);
        compare(&line, text, &nftables::parse(text, &Services::default()), at_least);
        // What the kernel gives back is read alike.
        let listed = inside(&line.server, "nft", &["list", "ruleset"]);
        assert_eq!(
            expected(&nftables::parse(&listed, &Services::default())),
            expected(&nftables::parse(text, &Services::default())),
            "{listed}"
        );
    }
}

fn iptables_lets_in_what_harden_says() {
    let line = Line::new("i");
    let head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n";
    let rule_sets = [
        (format!("{head}COMMIT\n"), 0),
        (
            format!(
                "{head}:web - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
                 -A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -p icmp -j ACCEPT\n-A INPUT -p tcp ! --syn -m state --state NEW -j DROP\n\
                 -A INPUT -s 10.99.0.0/29 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m multiport --dports 80,443,8000:8010 -m comment --comment \"the web\" -j web\n\
                 -A INPUT -p udp -m multiport --dports 53 ! -s 10.99.0.7/32 -j ACCEPT\n-A INPUT ! -i hardens -p tcp --dport 25 -j ACCEPT\n-A INPUT -p udp -m limit --limit 1000/sec --limit-burst 100 --dport 9999 -j ACCEPT\n\
                 -A web -s 10.99.0.200 -j RETURN\n-A web -p tcp --dport 8005 -j DROP\n-A web -j ACCEPT\nCOMMIT\n"
            ),
            14,
        ),
        (
            "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -s 10.99.0.7 -p udp -j DROP\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 1:79 -j DROP\n-A INPUT -m addrtype --dst-type LOCAL -p udp --dport 53 -j DROP\n-A INPUT -m iprange --src-range 10.99.0.1-10.99.0.9 -p tcp --dport 9999 -j DROP\nCOMMIT\n"
                .to_owned(),
            20,
        ),
    ];
    for (text, at_least) in rule_sets {
        let file = write("rules.v4", &text);
        inside(&line.server, "iptables-restore", &[&file.display().to_string()]);
        compare(&line, &text, &iptables::parse(&text, Family::V4, &Services::default()), at_least);
        let saved = inside(&line.server, "iptables-save", &[]);
        let read = |text: &str| expected(&iptables::parse(text, Family::V4, &Services::default()));
        assert_eq!(read(&saved), read(&text), "{saved}");
    }
}

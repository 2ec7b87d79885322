//! Rule sets as iptables-save(8) writes them and iptables-restore(8) reads them.

use super::region::{Protocol, Shape, addresses};
use super::{Action, Chain, Family, Hook, Policy, Rule, RuleSet, Services, Sure};

/// Modules and options that name a condition of some packets: rates, flags, other ends.
const PARTIAL: [&str; 34] = [
    "--limit",
    "--limit-burst",
    "--hitcount",
    "--seconds",
    "--name",
    "--rcheck",
    "--update",
    "--set",
    "--remove",
    "--rsource",
    "--rdest",
    "--mask",
    "--connlimit-above",
    "--connlimit-upto",
    "--connlimit-mask",
    "--connlimit-saddr",
    "--hashlimit-above",
    "--hashlimit-upto",
    "--hashlimit-burst",
    "--hashlimit-mode",
    "--hashlimit-name",
    "--hashlimit-srcmask",
    "--hashlimit-htable-expire",
    "--tcp-flags",
    "--sport",
    "--source-port",
    "--sports",
    "--source-ports",
    "--pkt-type",
    "--mac-source",
    "--length",
    "--ttl-eq",
    "--mss",
    "--timestart",
];
/// Options that change nothing for a new connection.
const WITHOUT_EFFECT: [&str; 4] = ["--comment", "-c", "--set-counters", "--fragment-ids"];
/// Modules whose options stand in the lists here.
const MODULES: [&str; 19] = [
    "tcp",
    "udp",
    "state",
    "conntrack",
    "multiport",
    "comment",
    "limit",
    "recent",
    "connlimit",
    "hashlimit",
    "addrtype",
    "icmp",
    "icmp6",
    "icmpv6",
    "iprange",
    "pkttype",
    "mac",
    "length",
    "tcpmss",
];

/// Reads rules of one family. Chains that hang nowhere yet (those of ufw's files) are kept as they are.
pub fn parse(text: &str, family: Family, services: &Services) -> RuleSet {
    let mut rules = RuleSet::default();
    let mut table = "filter".to_owned();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        let rest = line.get(1..).unwrap_or_default();
        match line.chars().next() {
            None | Some('#') => {}
            Some('*') => rest.clone_into(&mut table),
            Some(':') => declare(&mut rules, &table, rest, family),
            Some('-') => match words(line) {
                Some(words) => add(&mut rules, &table, &words, number, family, services),
                None => rules.troubles.push((number, "its quotes do not close".to_owned())),
            },
            Some(_) if line == "COMMIT" => {}
            Some(_) => rules.troubles.push((number, "it is no rule".to_owned())),
        }
    }
    rules
}

/// `:INPUT DROP [0:0]`.
fn declare(rules: &mut RuleSet, table: &str, text: &str, family: Family) {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let policy = if words.next() == Some("DROP") { Policy::Drop } else { Policy::Accept };
    let hook = match (table, name) {
        ("nat", _) => None,
        (_, "INPUT") => Some(Hook::Input),
        (_, "FORWARD") => Some(Hook::Forward),
        (_, "OUTPUT") => Some(Hook::Output),
        (_, "PREROUTING") => Some(Hook::Before),
        _ => None,
    };
    change(rules, table, name, family, |chain| (chain.policy, chain.hook) = (policy, hook));
}

/// Changes the chain of that name, which is made when it was not yet.
fn change(rules: &mut RuleSet, table: &str, name: &str, family: Family, with: impl FnOnce(&mut Chain)) {
    let known = rules.chains.iter_mut().find(|chain| chain.table == table && chain.name == name);
    if let Some(chain) = known {
        return with(chain);
    }
    let mut chain = new_chain(table, name, family);
    with(&mut chain);
    rules.chains.push(chain);
}

fn new_chain(table: &str, name: &str, family: Family) -> Chain {
    let (name, table) = (name.to_owned(), table.to_owned());
    Chain { name, family, table, hook: None, policy: Policy::Accept, rules: Vec::new() }
}

fn add(rules: &mut RuleSet, table: &str, words: &[String], line: usize, family: Family, services: &Services) {
    let [command, name, rest @ ..] = words else {
        rules.troubles.push((line, "it is no rule".to_owned()));
        return;
    };
    let first = match command.as_str() {
        "-A" | "--append" => false,
        "-I" | "--insert" if rest.first().is_none_or(|word| word.parse::<u32>().is_err()) => true,
        "-F" | "-X" | "-Z" | "-N" => return,
        "-P" => {
            let drops = rest.first().is_some_and(|policy| policy == "DROP");
            let policy = if drops { Policy::Drop } else { Policy::Accept };
            return change(rules, table, name, family, |chain| chain.policy = policy);
        }
        _ => {
            rules.troubles.push((line, "harden does not follow this command".to_owned()));
            return;
        }
    };
    let mut reader =
        Reader { shape: Shape::all(), sure: Sure::Whole, action: Action::Next, services, translates: false };
    reader.read(rest);
    if reader.translates || (table == "nat" && reader.action == Action::Unknown) {
        rules.translations.push(line);
    }
    let rule = Rule { shape: reader.shape, sure: reader.sure, action: reader.action, line };
    change(rules, table, name, family, |chain| match first {
        true => chain.rules.insert(0, rule),
        false => chain.rules.push(rule),
    });
}

struct Reader<'a> {
    shape: Shape,
    sure: Sure,
    action: Action,
    services: &'a Services,
    translates: bool,
}

impl Reader<'_> {
    fn read(&mut self, mut words: &[String]) {
        while let [first, rest @ ..] = words {
            let negated = first == "!";
            let (option, rest) = match rest {
                [option, rest @ ..] if negated => (option.as_str(), rest),
                _ => (first.as_str(), rest),
            };
            let end = rest.iter().position(|word| word == "!" || word.starts_with('-')).unwrap_or(rest.len());
            let (values, after) = rest.split_at(end);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            self.option(option, &values, negated);
            words = after;
        }
    }

    fn doubt(&mut self) {
        self.sure = Sure::Doubtful;
    }

    fn partly(&mut self) {
        if self.sure == Sure::Whole {
            self.sure = Sure::Some;
        }
    }

    fn option(&mut self, option: &str, values: &[&str], negated: bool) {
        let value = values.first().copied().unwrap_or_default();
        match option {
            "-p" | "--protocol" => self.protocol(value, negated),
            "-s" | "--source" | "--src" => self.sources(value, negated),
            "--src-range" => self.sources(value, negated),
            "-d" | "--destination" | "--dst" | "--dst-range" => self.partly(),
            "-i" | "--in-interface" => self.interface(value, negated),
            "--dport" | "--destination-port" | "--dports" | "--destination-ports" => self.ports(value, negated),
            "--state" | "--ctstate" => {
                if value.split(',').any(|state| state == "NEW") == negated {
                    self.shape = Shape::none();
                }
            }
            // The first packet of a connection has this flag and no other.
            "--syn" if negated => self.shape.with_protocols(&[Protocol::Tcp], true),
            "--syn" => {}
            "--dst-type" if value == "LOCAL" && !negated => {}
            "--dst-type" | "--src-type" | "--limit-iface-in" => self.partly(),
            "--icmp-type" | "--icmpv6-type" => self.shape = Shape::none(),
            "-m" | "--match" if MODULES.contains(&value) => {}
            "-m" | "--match" => self.doubt(),
            "-j" | "--jump" => self.target(value),
            "-g" | "--goto" => self.action = Action::Goto(value.to_owned()),
            _ if WITHOUT_EFFECT.contains(&option) => {}
            _ if PARTIAL.contains(&option) => self.partly(),
            // The options of a target come after it.
            _ if !matches!(self.action, Action::Next) => {}
            _ => self.doubt(),
        }
    }

    fn target(&mut self, name: &str) {
        self.action = match name {
            "ACCEPT" => Action::Accept,
            "DROP" | "REJECT" => Action::Drop,
            "RETURN" => Action::Return,
            "DNAT" | "REDIRECT" | "TPROXY" => {
                self.translates = true;
                Action::Unknown
            }
            "QUEUE" | "NFQUEUE" => Action::Unknown,
            _ if name.bytes().all(|byte| byte.is_ascii_uppercase()) && EXTENSIONS.contains(&name) => Action::Next,
            _ => Action::Jump(name.to_owned()),
        };
    }

    fn protocol(&mut self, name: &str, negated: bool) {
        match name {
            "tcp" | "6" => self.shape.with_protocols(&[Protocol::Tcp], negated),
            "udp" | "17" => self.shape.with_protocols(&[Protocol::Udp], negated),
            "all" | "0" if !negated => {}
            _ if negated => {}
            _ => self.shape = Shape::none(),
        }
    }

    fn sources(&mut self, text: &str, negated: bool) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for part in text.split(',') {
            match addresses(part) {
                Some((range, true)) => v4.push(range),
                Some((range, false)) => v6.push(range),
                None => return self.doubt(),
            }
        }
        // A file is of one family, and the other one's sources do not meet its rules.
        self.shape.with_sources(&v4, &v6, negated);
    }

    fn interface(&mut self, name: &str, negated: bool) {
        match (name, negated) {
            // Packets of others never come in by this one.
            ("lo", false) => self.shape = Shape::none(),
            ("lo", true) => {}
            _ if name.ends_with('+') => self.doubt(),
            _ => self.shape.with_interfaces([name.to_owned()], negated),
        }
    }

    fn ports(&mut self, text: &str, negated: bool) {
        let one = |part: &str| {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            let first = if first.is_empty() { Some(0) } else { self.services.port(first) };
            let last = if last.is_empty() { Some(65_535) } else { self.services.port(last) };
            first.zip(last)
        };
        match text.split(',').map(one).collect::<Option<Vec<_>>>() {
            Some(ports) => self.shape.with_ports(&ports, negated),
            None => self.doubt(),
        }
    }
}

/// Targets that let a packet go on (iptables-extensions(8)).
const EXTENSIONS: [&str; 15] = [
    "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "CT", "NOTRACK", "AUDIT", "SET", "TTL", "DSCP", "CLASSIFY",
    "TRACE", "CHECKSUM",
];

/// Words with their quotes taken off; `None` when a quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut inside, mut quoted) = (Vec::new(), String::new(), false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => (inside, quoted) = (!inside, true),
            '\\' if inside => word.extend(chars.next()),
            c if c.is_whitespace() && !inside => {
                if quoted || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                quoted = false;
            }
            c => word.push(c),
        }
    }
    if quoted || !word.is_empty() {
        words.push(word);
    }
    // A quoted text that begins with a dash would be taken for an option; comments do not.
    (!inside).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::super::{Open, decide, region::Packets};
    use super::*;
    use proptest::prelude::*;

    fn open(text: &str) -> Open {
        let rules = parse(text, Family::V4, &Services::default());
        assert!(rules.troubles.is_empty(), "{:?}", rules.troubles);
        decide(&rules, true).unwrap()
    }

    fn ports(boxes: &[Packets]) -> Vec<String> {
        boxes.iter().map(|one| format!("{:?} {}-{}", one.protocol, one.ports.0, one.ports.1)).collect()
    }

    #[test]
    fn a_saved_rule_set_is_decided() {
        let text = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:web - [0:0]\n\
            -A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
            -A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -p icmp -j ACCEPT\n\
            -A INPUT -p tcp ! --syn -m state --state NEW -j DROP\n\
            -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m comment --comment \"the -j DROP of it\" -j ACCEPT\n\
            -A INPUT -p tcp -m multiport --dports http,8000:8010 -j web\n\
            -A INPUT -p udp --dport 53 -m limit --limit 5/min -j ACCEPT\n-A INPUT -j LOG --log-prefix \"x \" --log-level 4\n\
            -A web -p tcp --dport 8005 -j REJECT --reject-with tcp-reset\n-A web -j ACCEPT\nCOMMIT\n";
        let seen = open(text);
        assert_eq!(ports(&seen.certain), ["Tcp 22-22", "Tcp 80-80", "Tcp 8000-8004", "Tcp 8006-8010", "Udp 53-53"]);
        assert!(seen.doubtful.is_empty(), "{seen:?}");
        let rules = parse(text, Family::V4, &Services::default());
        assert_eq!(rules.policy(Hook::Forward, Family::V4), Some(Policy::Drop));
        assert_eq!(rules.policy(Hook::Output, Family::V4), Some(Policy::Accept));
        assert_eq!(rules.policy(Hook::Input, Family::V6), None);
    }

    #[test]
    fn what_is_not_understood_is_doubtful() {
        let seen = open(
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set good src -p tcp --dport 22 -j ACCEPT\nCOMMIT\n",
        );
        assert_eq!((ports(&seen.certain), ports(&seen.doubtful)), (vec![], vec!["Tcp 22-22".to_owned()]));
        let rules = parse(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n",
            Family::V4,
            &Services::default(),
        );
        assert_eq!(rules.translations, [3]);
        let rules = parse(
            "*filter\n-A INPUT -m comment --comment \"open\n-R INPUT 1\nwhat\n",
            Family::V4,
            &Services::default(),
        );
        assert_eq!(rules.troubles.len(), 3);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([*:-]?[A-Z]{0,6}( (-[a-zA-Z]|--[a-z]{1,8}|!|[0-9a-z.:/,]{1,9}|\"))*\n|\\PC*\n)*") {
            let rules = parse(&text, Family::V4, &Services::default());
            let _ = decide(&rules, true);
        }
    }
}

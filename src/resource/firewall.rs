//! `firewall`: what the rule set of a packet filter lets in, by the files that load it.

mod sources;

use crate::facts::{Basis, Listing, Subject};
use crate::packets::region::{Interfaces, Packets, Protocol, networks};
use crate::packets::{Family, Hook, Open, Policy, RuleSet, decide};
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::Host;
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::{IP_PROTOCOL, Vocabulary};
use crate::value::{List, Net, Observed, Reason, Record, Type, Value};
use sources::{Source, sources};

/// Records of one listing; a rule set that lets in more is cut short.
const MAX_OPEN: usize = 1_000;
const BOOL: Type = Type::Bool(Dialect::Plain);

static TEXT: Type = Type::Text;
static OPEN: Type = Type::Record(OPENING);
static BACKEND: Vocabulary =
    Vocabulary { name: "packet_filter", words: &["nftables", "iptables", "ip6tables", "ufw"], ordered: false };
static POLICY: Vocabulary = Vocabulary { name: "filter_policy", words: &["accept", "drop"], ordered: true };

const OPENING: &[Field] = &[
    field("protocol", Type::Word(&IP_PROTOCOL), "", "`tcp` or `udp`"),
    field("first_port", Type::Integer, "", "the first port of a range"),
    field("last_port", Type::Integer, "", "the last port of it, the same for a single one"),
    field("ports", Type::Integer, "", "how many ports that are"),
    field("source", Type::Net, "", "from where; `0.0.0.0/0` and `::/0` are everybody"),
    field("interface", Type::Text, "", "the interface that it has to come in by; absent for any"),
];

const FIELDS: &[Field] = &[
    field("backend", Type::Word(&BACKEND), "", "the program that loads the rule set"),
    field("path", Type::Text, "", "its file"),
    field(
        "enabled",
        BOOL,
        "",
        "whether it is loaded when the system starts: `ENABLED=yes` of ufw, an enabled systemd unit of the others; unknown without systemd",
    ),
    field(
        "input_policy",
        Type::Word(&POLICY),
        "",
        "what becomes of packets to this host that no rule decides, the weakest of the families that it has; a last rule without conditions counts as the policy",
    ),
    field("forward_policy", Type::Word(&POLICY), "", "the same for packets that are sent on"),
    field("output_policy", Type::Word(&POLICY), "", "the same for packets of this host's own"),
    field("ipv4", BOOL, "", "whether it has a chain for IPv4 packets to this host"),
    field("ipv6", BOOL, "", "whether it has a chain for IPv6 packets to this host"),
    field(
        "open",
        Type::List(&OPEN),
        "",
        "what new connections of others it lets in, by first match over all chains; what a rule that harden does not understand decides is unknown, and loopback left out",
    ),
    field(
        "translations",
        Type::List(&TEXT),
        "",
        "rules that lead packets to another port or host: what they open is not among `open`",
    ),
    field("unread", Type::List(&TEXT), "", "lines that could not be read, each with why"),
];

pub(super) static FIREWALL: Resource = Resource {
    name: "firewall",
    about: "A rule set that a file declares: nftables with its includes, saved iptables rules, or ufw. Which rules the kernel has now is not asked: programs such as Docker add their own.",
    privilege: "root, since such files are often closed",
    params: &[
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "a file; every one in the usual places when not given",
        },
        Param {
            name: "format",
            accepts: Accepts::Words(&["nftables", "iptables", "ip6tables"]),
            required: false,
            about: "how that file is written; nftables when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("packet filters are those of a host")) };
    let (path, format) = (text(with, "path").to_owned(), text(with, "format").to_owned());
    host.run(move |host| look(host, &path, &format)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, path: &str, format: &str) -> Listing {
    let (mut subjects, mut more) = (Vec::new(), None);
    for found in sources(host, path, format) {
        match found {
            Ok(source) => subjects.push(subject(&source)),
            Err(reason) => drop(more.get_or_insert(reason)),
        }
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() && path.is_empty() => {
            Listing::absent("none of the usual files of nftables, iptables and ufw exists")
        }
        None if subjects.is_empty() => Listing::absent(format!("{path} does not exist")),
        None => Listing::complete(subjects),
    }
}

fn subject(source: &Source) -> Subject {
    let name = format!("{} {}", source.backend, source.path);
    let mut subject = Subject::new(&FIREWALL, name, source.path.as_str(), Basis::Declared);
    let fields = &mut subject.fields;
    fields.set("backend", word(&BACKEND, source.backend));
    fields.set("path", source.path.as_str());
    fields.set("enabled", source.enabled.clone());
    let rules = &source.rules;
    for (name, hook) in
        [("input_policy", Hook::Input), ("forward_policy", Hook::Forward), ("output_policy", Hook::Output)]
    {
        fields.set(name, policy(rules, hook));
    }
    let has = |family| rules.policy(Hook::Input, family).is_some();
    fields.set("ipv4", has(Family::V4));
    fields.set("ipv6", has(Family::V6));
    fields.set("open", open(source));
    fields.set("translations", rules.translations.iter().map(|line| source.place(*line)).collect::<Value>());
    let told = rules.troubles.iter().map(|(line, what)| format!("{}: {what}", source.place(*line)));
    fields.set("unread", told.collect::<Value>());
    subject
}

/// The weakest of the families that have a chain there; `accept` where none has.
fn policy(rules: &RuleSet, hook: Hook) -> Observed {
    if !rules.troubles.is_empty() {
        return Observed::unknown("some of its lines could not be read");
    }
    let own: Vec<Policy> = [Family::V4, Family::V6].iter().filter_map(|family| rules.policy(hook, *family)).collect();
    let drops = !own.is_empty() && own.iter().all(|policy| *policy == Policy::Drop);
    word(&POLICY, if drops { "drop" } else { "accept" }).into()
}

fn open(source: &Source) -> Observed {
    let (mut items, mut more) = (Vec::new(), None);
    for (v4, family) in [(true, Family::V4), (false, Family::V6)] {
        // A rule set of one family says nothing about the other.
        if !source.families.has(family) {
            continue;
        }
        match decide(&source.rules, v4) {
            Ok(Open { certain, doubtful }) => {
                items.extend(certain.iter().flat_map(|one| records(one, v4)));
                items.extend(doubtful.iter().map(|one| doubt(one, v4)));
            }
            Err(why) => return Observed::unknown(why),
        }
    }
    if items.len() > MAX_OPEN {
        items.truncate(MAX_OPEN);
        more = Some(Reason::new(format!("it lets in more than {MAX_OPEN} different things")));
    }
    if let Some((line, what)) = source.rules.troubles.first() {
        more.get_or_insert_with(|| Reason::new(format!("{}: {what}", source.place(*line))));
    }
    Value::List(List { items, more }).into()
}

fn protocol(packets: &Packets) -> &'static str {
    match packets.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// One for each network, and for each interface where there are some.
fn records(packets: &Packets, v4: bool) -> Vec<Observed> {
    let number = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    let (first, last) = packets.ports;
    let interfaces: Vec<Observed> = match &packets.interfaces {
        Interfaces::In(names) => names.iter().map(|name| name.as_str().into()).collect(),
        Interfaces::NotIn(_) => vec![Observed::Absent],
    };
    let record = |source: &String, interface: &Observed| {
        let net = Net::parse(source).map(Value::Net);
        Record::new(OPENING)
            .with("protocol", word(&IP_PROTOCOL, protocol(packets)))
            .with("first_port", number(first))
            .with("last_port", number(last))
            .with("ports", number(last - first + 1))
            .with("source", net.map_or_else(|| Observed::unknown("not read"), Observed::Known))
            .with("interface", interface.clone())
            .into()
    };
    let sources = networks(packets.source, v4);
    sources.iter().flat_map(|source| interfaces.iter().map(move |interface| record(source, interface))).collect()
}

fn doubt(packets: &Packets, v4: bool) -> Observed {
    let (first, last) = packets.ports;
    let from = networks(packets.source, v4).first().cloned().unwrap_or_default();
    Observed::unknown(format!(
        "{} {first}-{last} from {from} is decided by a rule that harden does not understand",
        protocol(packets)
    ))
}

#[cfg(test)]
mod tests;

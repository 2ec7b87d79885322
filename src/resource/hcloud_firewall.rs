//! `hcloud_firewall`: the rules of Hetzner Cloud firewalls that a Pulumi stack made.

use serde_json::Value as Json;

use super::pulumi_state::{self, Made, PATH, text_of, why};
use super::{Field, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::types::Dialect;
use crate::value::{List, Net, Observed, Reason, Type, Value};

static NET: Type = Type::Net;

const FIELDS: &[Field] = &[
    field("firewall", Type::Text, "name", "the firewall's name"),
    field("direction", Type::Text, "direction", "`in` or `out`"),
    field("protocol", Type::Text, "protocol", "`tcp`, `udp`, `icmp`, `gre` or `esp`"),
    field(
        "port",
        Type::Text,
        "port",
        "the port or the range as written: `22`, `8000-8080`, `any`; absent of protocols without",
    ),
    field("first_port", Type::Integer, "port", "the first port that it lets through; absent of protocols without"),
    field("last_port", Type::Integer, "port", "the last one"),
    field("sources", Type::List(&NET), "sourceIps", "networks that it lets in"),
    field(
        "open",
        Type::Bool(Dialect::Plain),
        "sourceIps",
        "whether it lets in public networks as large as a continent's: wider than /8, of IPv6 wider than /16, alone or several that make up one",
    ),
];

pub(super) static HCLOUD_FIREWALL: Resource = Resource {
    name: "hcloud_firewall",
    about: "Each rule of the Hetzner Cloud firewalls that a Pulumi stack made, by its state or an export. Rules let in; what none of a server's firewalls lets in is dropped.",
    privilege: "read permission for the file",
    params: PATH,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(pulumi_state::list(door, with, subjects)),
};

/// The type of a firewall.
pub(super) const FIREWALL: &str = "hcloud:index/firewall:Firewall";

fn subjects(path: &str, made: &[Made<'_>]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for firewall in made.iter().filter(|made| made.kind() == FIREWALL) {
        // What the provider answered counts before what was asked for.
        match firewall.output("rules").or_else(|| firewall.input("rules")) {
            None | Some(Json::Null) => {}
            Some(Json::Array(rules)) => {
                subjects.extend(rules.iter().enumerate().map(|(number, rule)| subject(path, firewall, number, rule)));
            }
            Some(other) => subjects.push(unseen(path, firewall, &why(other))),
        }
    }
    subjects
}

fn blank(path: &str, firewall: &Made<'_>, what: &str) -> Subject {
    let name = format!("{path} {} {what}", firewall.name());
    let mut subject = Subject::new(&HCLOUD_FIREWALL, name, path, Basis::Declared);
    subject.fields.set("firewall", firewall.name());
    subject
}

/// A firewall whose rules are not to be had.
fn unseen(path: &str, firewall: &Made<'_>, reason: &Reason) -> Subject {
    let mut subject = blank(path, firewall, "rules");
    for field in FIELDS.iter().filter(|field| field.name != "firewall") {
        subject.fields.set(field.name, Observed::Unknown(reason.clone()));
    }
    subject
}

fn subject(path: &str, firewall: &Made<'_>, number: usize, rule: &Json) -> Subject {
    if !rule.is_object() || rule.get("direction").is_none() {
        return unseen(path, firewall, &why(rule));
    }
    let mut subject = blank(path, firewall, &format!("rule {}", number + 1));
    let fields = &mut subject.fields;
    fields.set("direction", text_of(rule.get("direction")));
    fields.set("protocol", text_of(rule.get("protocol")));
    let port = text_of(rule.get("port"));
    let (first, last) = ports(&port);
    fields.set("port", port);
    fields.set("first_port", first);
    fields.set("last_port", last);
    let sources = sources(rule.get("sourceIps"));
    fields.set("open", open(&sources));
    fields.set("sources", sources);
    subject
}

fn ports(port: &Observed) -> (Observed, Observed) {
    let Observed::Known(Value::Text(text)) = port else { return (port.clone(), port.clone()) };
    let (first, last) = match &**text {
        "any" => ("1", "65535"),
        text => text.split_once('-').unwrap_or((text, text)),
    };
    match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
        (Ok(first), Ok(last)) => (Observed::Known(Value::Int(first.into())), Observed::Known(Value::Int(last.into()))),
        _ => {
            let unknown = Observed::unknown("it is no port and no range");
            (unknown.clone(), unknown)
        }
    }
}

fn sources(value: Option<&Json>) -> Observed {
    let items = match value {
        None | Some(Json::Null) => return Observed::Known(Value::List(List::default())),
        Some(Json::Array(items)) => items,
        Some(other) => return Observed::Unknown(why(other)),
    };
    let source = |item: &Json| match text_of(Some(item)) {
        Observed::Known(Value::Text(text)) => match Net::parse(&text) {
            Some(net) => Observed::Known(Value::Net(net)),
            None => Observed::Known(Value::Invalid(text)),
        },
        other => other,
    };
    Observed::Known(items.iter().map(source).collect())
}

/// Whether the union of the sources covers a whole public block.
fn open(sources: &Observed) -> Observed {
    let Observed::Known(Value::List(list)) = sources else { return sources.clone() };
    let nets: Vec<Net> = list
        .items
        .iter()
        .filter_map(|item| match item {
            Observed::Known(Value::Net(net)) => Some(net.clone()),
            _ => None,
        })
        .collect();
    let v4 = (1..=223_u8).filter(|first| ![10, 127].contains(first)).map(|first| format!("{first}.0.0.0/8"));
    let v6 = ["2000::/16", "2600::/16", "2a00::/16", "2400::/16", "2a02::/16"].map(str::to_owned);
    let blocks = v4.chain(v6).filter_map(|text| Net::parse(&text));
    if blocks.into_iter().any(|block| block.is_within(&nets)) {
        return true.into();
    }
    let unseen = list.items.iter().find(|item| !matches!(item, Observed::Known(Value::Net(_))));
    match unseen {
        Some(Observed::Unknown(reason)) => Observed::Unknown(reason.clone()),
        Some(_) => Observed::unknown("one of its sources is no network"),
        None => false.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::files::Content;

    fn rules(rules: &str) -> Vec<String> {
        let state = format!(
            r#"{{"deployment": {{"resources": [{{"urn": "u::ssh", "type": "{FIREWALL}", "inputs": {{"rules": {rules}}}}}, {{"type": "other"}}]}}}}"#
        );
        let Content::Subjects(seen, None) = pulumi_state::content("/s", state.as_bytes(), subjects) else { panic!() };
        let show = |subject: &Subject| {
            let names = ["direction", "first_port", "last_port", "sources", "open"];
            let fields = names.iter().map(|name| subject.fields.get(name).unwrap().to_string());
            std::iter::once(subject.name.to_string()).chain(fields).collect::<Vec<_>>().join(" | ")
        };
        seen.iter().map(show).collect()
    }

    #[test]
    fn ports_and_sources_are_told() {
        assert_eq!(
            rules(
                r#"[{"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["203.0.113.7/32"]},
                {"direction": "in", "protocol": "tcp", "port": "6000-7000", "sourceIps": ["0.0.0.0/0", "::/0"]},
                {"direction": "in", "protocol": "udp", "port": "any", "sourceIps": ["0.0.0.0/1", "128.0.0.0/1"]},
                {"direction": "out", "protocol": "icmp"}]"#
            ),
            [
                "/s ssh rule 1 | in | 22 | 22 | 203.0.113.7/32 | false",
                "/s ssh rule 2 | in | 6000 | 7000 | 0.0.0.0/0, ::/0 | true",
                "/s ssh rule 3 | in | 1 | 65535 | 0.0.0.0/1, 128.0.0.0/1 | true",
                "/s ssh rule 4 | out | absent | absent | none | false",
            ]
        );
    }

    #[test]
    fn what_is_encrypted_is_unknown() {
        let secret =
            r#"{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a"}"#;
        let seen = rules(&format!(r#"[{{"direction": "in", "port": "22", "sourceIps": [{secret}]}}]"#));
        assert!(seen[0].ends_with("unknown (it is a secret of the stack)"), "{seen:?}");
        let seen = rules(&format!(r#"[{{"direction": "in", "port": "22", "sourceIps": [{secret}, "::/0"]}}]"#));
        assert!(seen[0].ends_with("true"), "{seen:?}");
        assert!(rules(secret)[0].contains("ssh rules | unknown"));
    }
}

//! `hcloud_server`: servers of Hetzner Cloud that a Pulumi stack made, and the firewalls before them.

use serde_json::Value as Json;

use super::hcloud_firewall::FIREWALL;
use super::pulumi_state::{self, Made, PATH};
use super::{Field, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Type, Value};

static TEXT: Type = Type::Text;
const SERVER: &str = "hcloud:index/server:Server";
const ATTACHMENT: &str = "hcloud:index/firewallAttachment:FirewallAttachment";

const FIELDS: &[Field] = &[
    field("name", Type::Text, "urn", "what the program calls it"),
    field(
        "public",
        Type::Bool(Dialect::Plain),
        "publicNets",
        "whether it has a public address; servers have one unless told otherwise",
    ),
    field(
        "firewalls",
        Type::List(&TEXT),
        "",
        "the firewalls before it; one without any drops nothing. Those by labels are not followed, so that the list is open where there are some",
    ),
];

pub(super) static HCLOUD_SERVER: Resource = Resource {
    name: "hcloud_server",
    about: "Each server of Hetzner Cloud that a Pulumi stack made, by its state or an export.",
    privilege: "read permission for the file",
    params: PATH,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(pulumi_state::list(door, with, subjects)),
};

fn subjects(path: &str, made: &[Made<'_>]) -> Vec<Subject> {
    made.iter().filter(|made| made.kind() == SERVER).map(|server| subject(path, server, made)).collect()
}

fn subject(path: &str, server: &Made<'_>, made: &[Made<'_>]) -> Subject {
    let name = format!("{path} {}", server.name());
    let mut subject = Subject::new(&HCLOUD_SERVER, name, path, Basis::Declared);
    subject.fields.set("name", server.name());
    subject.fields.set("public", public(server));
    subject.fields.set("firewalls", Value::List(firewalls(server, made)));
    subject
}

fn public(server: &Made<'_>) -> Observed {
    match server.input("publicNets") {
        None | Some(Json::Null) => true.into(),
        Some(Json::Array(nets)) => {
            let on = |net: &Json, name: &str| net.get(name).is_none_or(|value| value != &Json::Bool(false));
            nets.iter().any(|net| on(net, "ipv4Enabled") || on(net, "ipv6Enabled")).into()
        }
        Some(other) => Observed::Unknown(pulumi_state::why(other)),
    }
}

/// Numbers and texts are both about as ids.
fn id(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn ids(value: Option<&Json>) -> Vec<Option<String>> {
    value.and_then(Json::as_array).into_iter().flatten().map(id).collect()
}

fn firewalls(server: &Made<'_>, made: &[Made<'_>]) -> List {
    let own = server.text("id").to_owned();
    let mut list = List::default();
    let selects = || Reason::new("a firewall is applied by labels, which harden does not follow");
    let unseen = || Reason::new("one that is applied to it has an id that the state does not show");
    let mut named = ids(server.output("firewallIds").or_else(|| server.input("firewallIds")));
    for attachment in made.iter().filter(|made| made.kind() == ATTACHMENT) {
        let servers = ids(attachment.input("serverIds"));
        if servers.iter().flatten().any(|id| *id == own) {
            named.push(attachment.input("firewallId").and_then(id));
        }
        if attachment.input("labelSelectors").and_then(Json::as_array).is_some_and(|all| !all.is_empty()) {
            list.more = Some(selects());
        }
        if servers.iter().any(Option::is_none) {
            list.more = Some(unseen());
        }
    }
    for firewall in made.iter().filter(|made| made.kind() == FIREWALL) {
        let applied = firewall.output("applyTos").or_else(|| firewall.input("applyTos"));
        let applied = applied.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_applied = applied.iter().any(|to| to.get("server").and_then(id).is_some_and(|id| id == own));
        let firewall_id = firewall.text("id");
        if is_applied || named.iter().flatten().any(|id| id == firewall_id && !id.is_empty()) {
            list.items.push(firewall.name().into());
        }
        if applied.iter().any(|to| to.get("labelSelector").and_then(Json::as_str).is_some_and(|text| !text.is_empty()))
        {
            list.more = Some(selects());
        }
    }
    // A firewall that another stack made has no name here, and counts all the same.
    let known: Vec<&str> = made.iter().filter(|made| made.kind() == FIREWALL).map(|made| made.text("id")).collect();
    for foreign in named.iter().flatten().filter(|id| !known.contains(&id.as_str())) {
        list.items.push(format!("firewall {foreign}").as_str().into());
    }
    if named.iter().any(Option::is_none) {
        list.more = Some(unseen());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::files::Content;

    fn servers(resources: &str) -> Vec<String> {
        let state = format!(r#"{{"deployment": {{"resources": [{resources}]}}}}"#);
        let Content::Subjects(seen, None) = pulumi_state::content("/s", state.as_bytes(), subjects) else { panic!() };
        let show = |subject: &Subject| {
            let fields = ["public", "firewalls"].iter().map(|name| subject.fields.get(name).unwrap().to_string());
            std::iter::once(subject.name.to_string()).chain(fields).collect::<Vec<_>>().join(" | ")
        };
        seen.iter().map(show).collect()
    }

    #[test]
    fn firewalls_are_found_however_they_are_applied() {
        let server = |name: &str, id: &str, inputs: &str| {
            format!(r#"{{"urn": "u::{name}", "id": "{id}", "type": "{SERVER}", "inputs": {inputs}}}"#)
        };
        let state = [
            server("a", "1", "{}"),
            server("b", "2", r#"{"firewallIds": [11], "publicNets": [{"ipv4Enabled": true}]}"#),
            server("c", "3", r#"{"publicNets": [{"ipv4Enabled": false, "ipv6Enabled": false}]}"#),
            server("d", "4", "{}"),
            server("e", "5", r#"{"firewallIds": [99]}"#),
            format!(
                r#"{{"urn": "u::ssh", "id": "10", "type": "{FIREWALL}", "outputs": {{"applyTos": [{{"server": 1}}, {{"server": "2"}}]}}}}"#
            ),
            format!(r#"{{"urn": "u::k8s", "id": "11", "type": "{FIREWALL}", "inputs": {{}}}}"#),
            format!(r#"{{"urn": "u::x", "type": "{ATTACHMENT}", "inputs": {{"firewallId": 11, "serverIds": [4]}}}}"#),
        ];
        assert_eq!(
            servers(&state.join(",")),
            [
                "/s a | true | ssh",
                "/s b | true | ssh, k8s",
                "/s c | false | none",
                "/s d | true | k8s",
                "/s e | true | firewall 99"
            ]
        );
        let labels = format!(
            r#"{}, {{"type": "{FIREWALL}", "inputs": {{"applyTos": [{{"labelSelector": "a"}}]}}}}"#,
            server("a", "1", "{}")
        );
        assert!(servers(&labels)[0].contains("labels"), "{:?}", servers(&labels));
    }
}

//! `pulumi_resource`: what a Pulumi stack made, and what of it the state keeps in the clear.

use serde_json::Value as Json;

use super::pulumi_state::{self, Made, PATH, Stands, stands};
use super::sensitive;
use super::{Field, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::{List, Observed, Reason, Type, Value};

static TEXT: Type = Type::Text;
/// Levels that are looked into.
const MAX_DEPTH: usize = 32;

const FIELDS: &[Field] = &[
    field("type", Type::Text, "type", "its type: `hcloud:index/server:Server`"),
    field("name", Type::Text, "urn", "what the program calls it"),
    field(
        "plain_secrets",
        Type::List(&TEXT),
        "",
        "inputs and outputs that hold a secret, by their name or their look, and are written out: `outputs.k3sToken`. Never their values",
    ),
];

pub(super) static PULUMI_RESOURCE: Resource = Resource {
    name: "pulumi_resource",
    about: "What a Pulumi stack made, by the state of its local backend or an export.",
    privilege: "read permission for the file",
    params: PATH,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(pulumi_state::list(door, with, subjects)),
};

fn subjects(path: &str, made: &[Made<'_>]) -> Vec<Subject> {
    made.iter().map(|made| subject(path, made)).collect()
}

fn subject(path: &str, made: &Made<'_>) -> Subject {
    let name = format!("{path} {} {}", made.kind(), made.name());
    let mut subject = Subject::new(&PULUMI_RESOURCE, name, path, Basis::Declared);
    let mut plain = List::default();
    for part in ["inputs", "outputs"] {
        if let Some(value) = made.json.get(part) {
            look(value, part, false, 0, &mut plain);
        }
    }
    subject.fields.set("type", made.kind());
    subject.fields.set("name", made.name());
    subject.fields.set("plain_secrets", Value::List(plain));
    subject
}

/// Notes what is written out. `named` says whether a name on the way is a secret's.
fn look(value: &Json, way: &str, named: bool, depth: usize, plain: &mut List) {
    if depth > MAX_DEPTH {
        plain.more = Some(Reason::new(format!("it is nested deeper than {MAX_DEPTH} levels")));
        return;
    }
    match stands(value) {
        Stands::Encrypted | Stands::Other => return,
        Stands::Plain => {
            plain.items.push(Observed::from(way));
            return;
        }
        Stands::Itself => {}
    }
    match value {
        Json::String(text) => {
            if !text.is_empty() && ((named && !is_reference(text)) || sensitive::is_secret_text(text)) {
                plain.items.push(Observed::from(way));
            }
        }
        Json::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                look(item, &format!("{way}.{number}"), named, depth + 1, plain);
            }
        }
        // Names below decide for themselves: `password: { length: 16 }` describes one.
        Json::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !name.starts_with("__")) {
                look(member, &format!("{way}.{name}"), is_secret_name(name), depth + 1, plain);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Names of properties that hold a secret. Public keys are none, and what ends in `Id` names one.
fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let names_one = ["id", "ids", "arn", "version", "keys"].iter().any(|end| lower.ends_with(end));
    sensitive::is_secret_name(name) && !lower.contains("public") && !names_one
}

/// A path or an address in place of the secret itself, and the mark of a value that is not known yet.
fn is_reference(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("./") || text.contains("://") || text == UNKNOWN
}

/// Pulumi's mark for what the provider tells later.
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::files::Content;
    use proptest::prelude::*;

    fn plain(resource: &str) -> String {
        let state = format!(r#"{{"version":3,"checkpoint":{{"latest":{{"resources":[{resource}]}}}}}}"#);
        let Content::Subjects(subjects, None) = pulumi_state::content("/s.json", state.as_bytes(), subjects) else {
            panic!("unread")
        };
        assert!(!format!("{subjects:?}").contains("hunter2"));
        format!("{}: {}", subjects[0].name, subjects[0].fields.get("plain_secrets").unwrap())
    }

    #[test]
    fn secrets_that_are_written_out_are_named() {
        let outputs = r#"{"k3sToken": "hunter2", "nested": {"password": ["hunter2"]}, "ip": "10.0.0.1",
            "kept": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a:b"},
            "shown": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "\"hunter2\""},
            "publicKey": "ssh-ed25519 AAAA", "kmsKeyId": "k", "tokenFile": "/x", "emptySecret": "", "key": "-----BEGIN PRIVATE KEY-----\nhunter2"}"#;
        let resource = format!(
            r#"{{"urn": "urn:pulumi:dev::hetzner::pulumi:pulumi:Stack::hetzner-dev", "type": "pulumi:pulumi:Stack", "outputs": {outputs}}}"#
        );
        assert_eq!(
            plain(&resource),
            "/s.json pulumi:pulumi:Stack hetzner-dev: outputs.k3sToken, outputs.nested.password.0, outputs.shown, outputs.key"
        );
        assert_eq!(plain(r#"{"urn": "a::b", "type": "t"}"#), "/s.json t b: none");
    }

    #[test]
    fn what_is_no_state_is_not_taken_for_one() {
        let read = |bytes: &[u8]| pulumi_state::content("/s", bytes, subjects);
        assert!(matches!(read(b"{\"a\": 1}"), Content::Other(_)));
        assert!(matches!(read(b"\x1f\x8b\x08"), Content::Subjects(seen, Some(_)) if seen.is_empty()));
        assert!(matches!(read(b"{\"deployment\": {\"resources\": 3}}"), Content::Other(_)));
        assert!(matches!(read(b"{\"deployment\": {}}"), Content::Subjects(seen, None) if seen.is_empty()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in r#"(\{|\}|\[|\]|"deployment"|"resources"|"inputs"|"a"|:|,|1){0,40}"#) {
            let _ = pulumi_state::content("/s", text.as_bytes(), subjects);
        }
    }
}

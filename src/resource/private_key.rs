//! `private_key`: what a private key file tells about itself.

use super::files::{self, Content, seen};
use super::{Accepts, Field, Param, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type, Value};
use crate::x509::{KeyProblem, key_facts};

const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file"),
    field("holds_key", BOOL, "", "whether a private key is in it; the other fields are absent when not"),
    field("encrypted", BOOL, "", "whether a passphrase protects it"),
    field("key_type", Type::Text, "", "`rsa`, `ec`, `ed25519`, `dsa` …"),
    field("key_bits", Type::Integer, "", "bits of the modulus or of the curve"),
    field("curve", Type::Text, "", "the named curve; absent for keys without one"),
];

pub(super) static PRIVATE_KEY: Resource = Resource {
    name: "private_key",
    about: "The private key in a PEM, DER or OpenSSH file (a path or a glob): its kind, its size, whether it is encrypted. Never its value.",
    privilege: "read permission for the file, which is usually root's",
    params: &[Param {
        name: "path",
        accepts: Accepts::Text,
        required: true,
        about: "the file; `*` and other globs allowed",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(files::each(door, with, content)),
};

fn content(place: &str, bytes: &[u8]) -> Content {
    let mut subject = Subject::new(&PRIVATE_KEY, place, place, Basis::Declared);
    let fields = &mut subject.fields;
    fields.set("path", Value::from(place));
    match key_facts(bytes) {
        Ok(facts) => {
            fields.set("holds_key", Value::Bool(true));
            fields.set("encrypted", Value::Bool(facts.encrypted));
            fields.set("key_type", seen(facts.shape.key_type));
            fields.set("key_bits", seen(facts.shape.key_bits.map(i64::from)));
            fields.set("curve", seen(facts.shape.curve));
        }
        Err(KeyProblem::NoKey) => {
            fields.set("holds_key", Value::Bool(false));
            for name in ["encrypted", "key_type", "key_bits", "curve"] {
                fields.set(name, Observed::Absent);
            }
        }
        Err(problem) => {
            let reason = Reason::new(match problem {
                KeyProblem::Malformed { what, .. } => format!("the key is malformed: {what}"),
                KeyProblem::NoKey | KeyProblem::OpenSsh | KeyProblem::Encrypted { .. } => {
                    "the key cannot be read".to_owned()
                }
            });
            for name in ["holds_key", "encrypted", "key_type", "key_bits", "curve"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
        }
    }
    Content::Subjects(vec![subject], None)
}

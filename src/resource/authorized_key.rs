//! `authorized_key`: the keys that may log in over SSH.

use super::files::{self, Content, seen};
use super::{Accepts, Field, Param, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::{Observed, Reason, Type, Value};
use crate::x509::{AuthorizedKey, read_authorized_key};

static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file"),
    field("line", Type::Integer, "", "the line in it, from 1"),
    field("algorithm", Type::Text, "", "as written: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, `ssh-dss` …"),
    field("key_type", Type::Text, "", "`rsa`, `ec`, `ed25519`, `dsa`"),
    field("key_bits", Type::Integer, "", "bits of the modulus or of the curve"),
    field("options", TEXTS, "", "such as `no-pty`, `from=\"10.0.0.0/8\"`"),
    field("comment", Type::Text, "", "what follows the key"),
    field("fingerprint", Type::Text, "", "`SHA256:…` as ssh-keygen -l prints it"),
];

pub(super) static AUTHORIZED_KEY: Resource = Resource {
    name: "authorized_key",
    about: "Each key of an authorized_keys file (a path or a glob), by line (sshd(8)). A line that is no key is a subject whose fields are unknown.",
    privilege: "root, since home directories are closed to others",
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
    let lines = String::from_utf8_lossy(bytes);
    let subjects = lines.lines().enumerate().filter_map(|(i, line)| {
        let key = read_authorized_key(line)?;
        let number = i + 1;
        let name = format!("{place}:{number}");
        let mut subject = Subject::new(&AUTHORIZED_KEY, name.clone(), name, Basis::Declared);
        subject.fields.set("path", Value::from(place));
        subject.fields.set("line", Value::Int(i64::try_from(number).unwrap_or(i64::MAX)));
        match key {
            Ok(key) => facts(&mut subject, &key),
            Err(what) => {
                let reason = Reason::new(format!("not understood: {what}"));
                for field in FIELDS.iter().skip(2) {
                    subject.fields.set(field.name, Observed::Unknown(reason.clone()));
                }
            }
        }
        Some(subject)
    });
    Content::Subjects(subjects.collect(), None)
}

fn facts(subject: &mut Subject, key: &AuthorizedKey) {
    let fields = &mut subject.fields;
    fields.set("algorithm", Value::from(key.key.algorithm.as_str()));
    fields.set("key_type", seen(key.key.shape.key_type.clone()));
    fields.set("key_bits", seen(key.key.shape.key_bits.clone().map(i64::from)));
    fields.set("options", key.options.iter().map(|option| Value::from(option.as_str())).collect::<Value>());
    fields.set("comment", Value::from(key.comment.as_str()));
    fields.set("fingerprint", Value::from(key.key.fingerprint.as_str()));
}

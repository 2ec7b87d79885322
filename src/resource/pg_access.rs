//! `pg_access`: who can connect, decided as PostgreSQL decides it: the first line that matches, over the whole file.

use super::hba_rules::Rules;
use super::pg_hba::CLIENT_CERT;
use super::{Field, Resource, With, field};
use crate::facts::{Listing, Subject};
use crate::hba::{Class, Decision, Family, Scope, Transport, access};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

static TRANSPORT: Vocabulary =
    Vocabulary { name: "hba_transport", words: &["local", "tls", "plain", "gss"], ordered: false };
static DECISION: Vocabulary = Vocabulary { name: "decision", words: &["allow", "reject", "no-match"], ordered: false };
static FAMILY: Vocabulary = Vocabulary { name: "address_family", words: &["ipv4", "ipv6"], ordered: false };

const FIELDS: &[Field] = &[
    field(
        "transport",
        Type::Word(&TRANSPORT),
        "",
        "unix socket, TCP with TLS, TCP in the clear, TCP with GSSAPI encryption",
    ),
    field(
        "encrypted",
        BOOL,
        "",
        "whether the connection is encrypted (TLS or GSSAPI); true for unix sockets, which no network sees",
    ),
    field("remote", BOOL, "", "whether it comes from another machine: neither unix socket nor loopback address"),
    field("family", Type::Word(&FAMILY), "", "of the address; absent for unix sockets"),
    field("replication", BOOL, "", "whether it is a physical replication connection"),
    field(
        "decision",
        Type::Word(&DECISION),
        "",
        "what the server does: `allow` after authenticating by `method`, `reject` by a line, `no-match`: reject because no line matches",
    ),
    field(
        "method",
        Type::Text,
        "",
        "the authentication method of the deciding line; `reject` when it is refused, with or without a line",
    ),
    field("client_cert", Type::Word(&CLIENT_CERT), "", "what the deciding line asks of the client's certificate"),
    field("file", Type::Text, "", "the file of the deciding line; absent without one"),
    field("line", Type::Integer, "", "the deciding line; absent without one"),
    field("address", Type::Text, "", "an address in this class, as a witness; absent for unix sockets"),
    field("database", Type::Text, "", "a database in this class, as a witness"),
    field("role", Type::Text, "", "a role in this class, as a witness"),
    field("role_superuser", BOOL, "", "whether that role is a superuser"),
    field("text", Type::Text, "", "the deciding line, with secrets taken out; absent without one"),
];

pub(super) static PG_ACCESS: Resource = Resource {
    name: "pg_access",
    about: "Every class of connection that pg_hba.conf distinguishes (transport × loopback or remote × address family × replication × deciding line), what the server does with it, and one witness. Computed exactly from the boundaries that the file draws.",
    privilege: "SELECT on pg_hba_file_rules and EXECUTE on pg_hba_file_rules(); pg_monitor is not enough",
    params: &[],
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Cluster,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, _with: &With) -> Listing {
    let rules = match Rules::of(door).await {
        Ok(rules) => rules,
        Err(reason) => return Listing::failed(reason),
    };
    let map = access(&rules.hba, &rules.context());
    let subjects = map.classes.iter().map(|class| subject(class, &rules)).collect();
    match &rules.stale {
        Some(reason) => Listing::partial(subjects, reason.clone()),
        None => Listing::complete(subjects),
    }
}

pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Local => "local",
        Transport::Tls => "tls",
        Transport::Plain => "plain",
        Transport::Gss => "gss",
    }
}

/// The class in words: `plain remote ipv4, line 12`.
fn name(class: &Class) -> String {
    let mut words = vec![transport(class.transport)];
    match class.scope {
        Scope::Local => {}
        Scope::Loopback => words.push("loopback"),
        Scope::Remote => words.push("remote"),
    }
    words.extend(class.family.map(family));
    if class.replication {
        words.push("replication");
    }
    if class.role_superuser == Some(true) {
        words.push("superuser");
    }
    let line = class.line.map_or_else(|| "no line".to_owned(), |line| format!("line {line}"));
    format!("{}, {line}", words.join(" "))
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

fn subject(class: &Class, rules: &Rules) -> Subject {
    let origin = match (&class.file, class.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => "pg_hba.conf, no line".to_owned(),
    };
    let mut subject = Subject::new(&PG_ACCESS, name(class), origin, rules.basis);
    let fields = &mut subject.fields;
    fields.set("transport", word(&TRANSPORT, transport(class.transport)));
    fields.set("encrypted", class.encrypted() || class.transport == Transport::Local);
    fields.set("remote", class.remote());
    fields.set("family", Observed::from_option(class.family.map(|seen| word(&FAMILY, family(seen)))));
    fields.set("replication", class.replication);
    let (decision, method) = match &class.decision {
        Decision::Allow { method, .. } => (word(&DECISION, "allow").into(), Value::from(method.as_str()).into()),
        Decision::Reject { .. } => (word(&DECISION, "reject").into(), Value::from("reject").into()),
        Decision::NoMatch => (word(&DECISION, "no-match").into(), Value::from("reject").into()),
        Decision::Unknown { reason, .. } => (Observed::unknown(reason), Observed::unknown(reason)),
    };
    fields.set("decision", decision);
    fields.set("method", method);
    fields.set("client_cert", word(&CLIENT_CERT, class.client_cert.as_str()));
    fields.set("file", Observed::from_option(class.file.as_deref()));
    fields.set("line", Observed::from_option(class.line.map(i64::from)));
    fields.set("address", Observed::from_option(class.address.map(|address| address.to_string())));
    fields.set("database", Observed::from_option(class.database.as_deref()));
    fields.set("role", &*class.role);
    fields.set(
        "role_superuser",
        match class.role_superuser {
            Some(superuser) => Value::Bool(superuser).into(),
            None => Observed::unknown("the roles of the server are not known"),
        },
    );
    fields.set("text", Observed::from_option(class.text.as_deref()));
    subject
}

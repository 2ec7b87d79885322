//! `pg_hba`: the lines of pg_hba.conf, one by one, and their mistakes.

use super::hba_rules::Rules;
use super::{Field, Resource, With, field};
use crate::facts::{Listing, Subject};
use crate::hba::{Address, DbToken, Entry, Hba, HbaError, RoleToken, access};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);

pub(super) static CONNECTION: Vocabulary = Vocabulary {
    name: "connection_type",
    words: &["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"],
    ordered: false,
};
pub(super) static CLIENT_CERT: Vocabulary =
    Vocabulary { name: "client_cert", words: &["none", "verify-ca", "verify-full"], ordered: true };

const FIELDS: &[Field] = &[
    field("file", Type::Text, "file_name", "the file that the line is in"),
    field("line", Type::Integer, "line_number", "its first line, from 1"),
    field("error", Type::Text, "error", "why the server refuses the line; absent for a line that it takes"),
    field("type", Type::Word(&CONNECTION), "type", "the kind of connection; absent for a line with an error"),
    field("databases", TEXTS, "database", "as written; keywords and names alike"),
    field("users", TEXTS, "user_name", "as written; keywords, names and +groups"),
    field("address", Type::Text, "address", "network, host name or keyword; absent for local lines"),
    field("method", Type::Text, "auth_method", "the authentication method; absent for a line with an error"),
    field("client_cert", Type::Word(&CLIENT_CERT), "options", "what is asked of the client's certificate"),
    field(
        "dead",
        BOOL,
        "",
        "whether no connection can ever reach it, because earlier lines decide all that it matches",
    ),
    field(
        "other_family",
        BOOL,
        "",
        "of a line for every IPv4 or every IPv6 address: whether a line with the same type, databases, users and method covers the other family; absent for other lines",
    ),
    field(
        "loaded",
        BOOL,
        "",
        "whether the server has read the file since it was last changed; absent for files without a server",
    ),
    field("text", Type::Text, "", "the line, with secrets taken out"),
];

pub(super) static PG_HBA: Resource = Resource {
    name: "pg_hba",
    about: "Each line of pg_hba.conf as the server parses it, those with errors too. To ask who can connect, use pg_access: the first line that matches decides.",
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
    let dead = |index: usize| match map.dead.iter().find(|dead| dead.entry == index) {
        _ if !rules.hba.errors.is_empty() => Observed::unknown("the file has lines with errors"),
        Some(dead) => dead.unknown.as_ref().map_or(Value::Bool(true).into(), Observed::unknown),
        None => Value::Bool(false).into(),
    };
    let entries = rules.hba.entries.iter().enumerate().map(|(i, entry)| valid(entry, dead(i), &rules));
    let subjects = entries.chain(rules.hba.errors.iter().map(|error| refused(error, &rules))).collect();
    let cut = rules.hba.cut.as_ref().map(|cut| Reason::new(&cut.reason));
    match cut.or_else(|| rules.stale.clone()) {
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

fn valid(entry: &Entry, dead: Observed, rules: &Rules) -> Subject {
    let name = format!("{}:{}", entry.file, entry.line);
    let mut subject = Subject::new(&PG_HBA, name.clone(), name, rules.basis);
    let fields = &mut subject.fields;
    fields.set("file", &*entry.file);
    fields.set("line", i64::from(entry.line));
    fields.set("error", Observed::Absent);
    fields.set("type", word(&CONNECTION, entry.conn.as_str()));
    fields.set("databases", entry.databases.iter().map(database).collect::<Value>());
    fields.set("users", entry.roles.iter().map(role).collect::<Value>());
    fields.set("address", address(&entry.address));
    fields.set("method", entry.method.as_str());
    fields.set("client_cert", word(&CLIENT_CERT, entry.client_cert.as_str()));
    fields.set("dead", dead);
    fields.set("other_family", other_family(entry, &rules.hba));
    fields.set("loaded", rules.loaded.clone());
    fields.set("text", &*entry.text);
    subject
}

fn refused(error: &HbaError, rules: &Rules) -> Subject {
    let name = format!("{}:{}", error.file, error.line);
    let mut subject = Subject::new(&PG_HBA, name.clone(), name, rules.basis);
    let fields = &mut subject.fields;
    fields.set("file", &*error.file);
    fields.set("line", i64::from(error.line));
    fields.set("error", error.message.as_str());
    for name in ["type", "databases", "users", "address", "method", "client_cert", "dead", "other_family", "text"] {
        fields.set(name, Observed::Absent);
    }
    fields.set("loaded", rules.loaded.clone());
    subject
}

/// Whether a line for all addresses of one family has its like for the other: a copy of it, or one for `all`.
fn other_family(entry: &Entry, hba: &Hba) -> Observed {
    let every = |entry: &Entry| match &entry.address {
        Address::Net(net) if net.is_everything() => Some(net.family),
        _ => None,
    };
    let Some(family) = every(entry) else { return Observed::Absent };
    let covers = |other: &Entry| {
        other.address == Address::All || every(other).is_some_and(|other_family| other_family != family)
    };
    let alike = |other: &&Entry| {
        (other.conn, other.method, other.client_cert) == (entry.conn, entry.method, entry.client_cert)
            && other.databases == entry.databases
            && other.roles == entry.roles
    };
    if hba.entries.iter().filter(alike).any(covers) {
        return true.into();
    }
    hba.cut.as_ref().map_or_else(|| false.into(), |cut| Observed::unknown(&cut.reason))
}

fn database(token: &DbToken) -> Observed {
    match token {
        DbToken::All => Value::from("all").into(),
        DbToken::SameUser => Value::from("sameuser").into(),
        DbToken::SameRole => Value::from("samerole").into(),
        DbToken::Replication => Value::from("replication").into(),
        DbToken::Name(name) => Value::from(&**name).into(),
        DbToken::Regex(pattern) => Value::from(format!("/{}", pattern.text())).into(),
        DbToken::NotUtf8 => Observed::unknown("the name is not UTF-8"),
    }
}

fn role(token: &RoleToken) -> Observed {
    match token {
        RoleToken::All => Value::from("all").into(),
        RoleToken::Name(name) => Value::from(&**name).into(),
        RoleToken::Group(name) => Value::from(format!("+{name}")).into(),
        RoleToken::Regex(pattern) => Value::from(format!("/{}", pattern.text())).into(),
        RoleToken::NotUtf8 => Observed::unknown("the name is not UTF-8"),
    }
}

fn address(address: &Address) -> Observed {
    let text = match address {
        Address::None => return Observed::Absent,
        Address::All => "all".to_owned(),
        Address::SameHost => "samehost".to_owned(),
        Address::SameNet => "samenet".to_owned(),
        Address::Net(net) => net.to_string(),
        Address::Host(name) => name.to_string(),
        Address::Undetermined => return Observed::unknown("it depends on the interfaces of the server's machine"),
    };
    Value::from(text).into()
}

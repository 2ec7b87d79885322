//! `dsn`: a PostgreSQL connection string and what it means for the client that uses it.

use std::path::Path;

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::dsn::{
    CaSource, Client, Conninfo, DsnError, DsnErrorKind, Effective, Fact, Resolved, Surroundings, Transport, Verified,
    effective, redacted, resolve,
};
use crate::facts::{Basis, Listing, Subject};
use crate::target::Door;
use crate::target::host::{Host, Trouble};
use crate::value::secret::Salt;
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::{SSLMODE, Vocabulary};
use crate::value::{Observed, Reason, Secret, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);

static CLIENTS: &[&str] = &["libpq", "lib-pq", "pgx", "bun", "jdbc"];
pub(super) static VERIFIED: Vocabulary =
    Vocabulary { name: "verified", words: &["nothing", "chain", "chain-and-host"], ordered: true };
static TRANSPORT: Vocabulary = Vocabulary { name: "transport", words: &["unix", "tcp", "mixed"], ordered: false };

const FIELDS: &[Field] = &[
    field("valid", BOOL, "", "whether the client accepts the string"),
    field("error", Type::Text, "", "why it does not; absent when it does"),
    field("redacted", Type::Text, "", "the string with every secret taken out"),
    field("transport", Type::Word(&TRANSPORT), "host", "unix sockets, TCP, or some hosts of each"),
    field("hosts", TEXTS, "host", "host:port or socket directory, in the order they are tried"),
    field("user", Type::Text, "user", "the role; absent when the string does not say"),
    field("database", Type::Text, "dbname", "the database; absent when the string does not say"),
    field("sslmode_given", Type::Text, "sslmode", "as the string says; absent when it does not"),
    field(
        "sslmode",
        Type::Word(&SSLMODE),
        "sslmode",
        "what the client makes of it, its defaults included; absent over unix sockets, where TLS does not apply",
    ),
    field(
        "verified",
        Type::Word(&VERIFIED),
        "sslmode",
        "what the client verifies of the server; absent over unix sockets",
    ),
    field("ca_source", Type::Text, "sslrootcert", "`file PATH`, `system` or `none`"),
    field("root_certificate", Type::Text, "sslrootcert", "the CA file that counts; absent without one"),
    field("client_certificate", Type::Text, "sslcert", "the client certificate's file; absent without one"),
    field("client_key", Type::Text, "sslkey", "its key's file; absent without one"),
    field("has_password", BOOL, "password", "whether a password stands in the string itself"),
    field("password", Type::Secret, "password", "that password; absent when there is none"),
    field("password_is_user", BOOL, "password", "whether the password is the role's name; absent when there is none"),
    field(
        "suspicious",
        TEXTS,
        "",
        "parameters that look like misspelt TLS settings; of a string that its client refuses, the one for which it does, absent when it does so for something else",
    ),
    field("notes", TEXTS, "", "what a person should know of its meaning"),
];

pub(super) static DSN: Resource = Resource {
    name: "dsn",
    about: "A PostgreSQL connection string from a variable, a file or the rule itself, and what it means for a client.",
    privilege: "that of the env resource for a variable; read permission for a file",
    params: &[
        Param { name: "env", accepts: Accepts::Text, required: false, about: "the variable that holds it" },
        Param {
            name: "of",
            accepts: Accepts::Text,
            required: false,
            about: "with `env`: whose variable it is, as for the env resource",
        },
        Param {
            name: "file",
            accepts: Accepts::Text,
            required: false,
            about: "a file whose whole content is the string",
        },
        Param {
            name: "value",
            accepts: Accepts::Text,
            required: false,
            about: "the string itself, without a password",
        },
        Param {
            name: "client",
            accepts: Accepts::Words(CLIENTS),
            required: false,
            about: "the client library; `libpq` when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |with| super::env::owner_kind(super::text(with, "of")),
    observe: |door, with| Box::pin(observe(door, with)),
};

/// A connection string and where it was found.
struct Found {
    origin: String,
    basis: Basis,
    text: Result<String, Reason>,
}

async fn observe(door: &Door, with: &With) -> Listing {
    let given = |name: &str| Some(text(with, name)).filter(|value| !value.is_empty());
    let found = match (given("env"), given("file"), given("value")) {
        (Some(name), None, None) => match super::env::values(door, text(with, "of"), name).await {
            Ok(owners) => owners
                .into_iter()
                .map(|owned| Found { origin: owned.origin, basis: owned.basis, text: owned.value })
                .collect(),
            Err(listing) => return listing,
        },
        (None, Some(path), None) => match from_file(door, path).await {
            Ok(found) => vec![found],
            Err(listing) => return listing,
        },
        (None, None, Some(value)) => {
            vec![Found { origin: "the rule".to_owned(), basis: Basis::Declared, text: Ok(value.to_owned()) }]
        }
        _ => return Listing::failed(Reason::new("the rule gives more or less than one of `env`, `file` and `value`")),
    };
    let client =
        Client::ALL.into_iter().find(|client| client.as_str() == text(with, "client")).unwrap_or(Client::Libpq);
    let around = Elsewhere(if let Door::Host(host) = door { Some(host) } else { None });
    let salt = door.salt();
    let mut subjects = Vec::new();
    let mut more = None;
    for found in found {
        match &found.text {
            Ok(text) => subjects.push(judge(&found, text.trim(), client, &around, salt)),
            Err(reason) => more = more.or(Some(reason.clone())),
        }
    }
    match more {
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

async fn from_file(door: &Door, path: &str) -> Result<Found, Listing> {
    let Door::Host(host) = door else { return Err(Listing::failed(Reason::new("files are read on a host"))) };
    let path = path.to_owned();
    let shown = path.clone();
    let bytes = host.run(move |host| host.read(Path::new(&path), 1 << 16)).await.map_err(Listing::failed)?;
    let text = match bytes {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Reason::new("not UTF-8")),
        Err(Trouble::Absent) => return Err(Listing::absent(format!("{shown} does not exist"))),
        Err(Trouble::Unseen(reason)) => Err(reason),
    };
    Ok(Found { origin: shown, basis: Basis::Declared, text })
}

/// The surroundings of another program: its files can be looked at where they are this host's, its environment was not
/// asked for. What depends on either is unknown, except where the client's defaults say it.
struct Elsewhere<'h>(Option<&'h Host>);

impl Surroundings for Elsewhere<'_> {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let host = self.0.ok_or_else(|| std::io::Error::other("its files are not this host's"))?;
        host.read(Path::new(path), 1 << 20).map_err(|trouble| match trouble {
            Trouble::Absent => std::io::ErrorKind::NotFound.into(),
            Trouble::Unseen(reason) => std::io::Error::other(reason.to_string()),
        })
    }

    fn stat(&self, path: &str) -> std::io::Result<crate::dsn::Stat> {
        let host = self.0.ok_or_else(|| std::io::Error::other("its files are not this host's"))?;
        match host.resolve(Path::new(path)) {
            Ok(found) => Ok(crate::dsn::Stat {
                regular: rustix::fs::FileType::from_raw_mode(found.stat.st_mode) == rustix::fs::FileType::RegularFile,
                mode: found.stat.st_mode & 0o777,
            }),
            Err(Trouble::Absent) => Err(std::io::ErrorKind::NotFound.into()),
            Err(Trouble::Unseen(reason)) => Err(std::io::Error::other(reason.to_string())),
        }
    }

    fn home(&self) -> Option<String> {
        None
    }

    fn user(&self) -> Option<String> {
        None
    }
}

fn judge(found: &Found, text: &str, client: Client, around: &dyn Surroundings, salt: &Salt) -> Subject {
    let mut subject = Subject::new(&DSN, redacted(text), found.origin.as_str(), found.basis);
    subject.fields.set("redacted", redacted(text));
    match Conninfo::parse_for(text, client) {
        Ok(conninfo) => {
            let resolved = resolve(&conninfo, around, client);
            let meaning = effective(&resolved, around);
            meant(&mut subject, &conninfo, &resolved, &meaning, salt);
        }
        Err(error) => {
            subject.fields.set("valid", false);
            subject.fields.set("error", error.to_string());
            let reason = Reason::new(format!("the client refuses the string: {error}"));
            for field in FIELDS.iter().filter(|field| !["valid", "error", "redacted"].contains(&field.name)) {
                subject.fields.set(field.name, Observed::Unknown(reason.clone()));
            }
            subject.fields.set("suspicious", suspicious(&error));
        }
    }
    subject
}

/// The keyword for which a client refuses a string; absent when it does so for something else.
fn suspicious(error: &DsnError) -> Observed {
    match &error.kind {
        DsnErrorKind::UnknownKeyword { name } => {
            let name = Value::from(name.as_deref().unwrap_or("(hidden)"));
            Observed::Known(std::iter::once(name).collect())
        }
        _ => Observed::Absent,
    }
}

fn fact<T>(fact: &Fact<T>, value: impl Fn(&T) -> Option<Value>) -> Observed {
    match fact {
        Fact::Known(known) => Observed::from_option(value(known)),
        Fact::Unknown { unknown } => Observed::unknown(unknown),
    }
}

fn meant(subject: &mut Subject, conninfo: &Conninfo, resolved: &Resolved, meaning: &Effective, salt: &Salt) {
    let fields = &mut subject.fields;
    fields.set("valid", meaning.errors.is_empty());
    let error = meaning.errors.first().map(|problem| problem.message.clone());
    fields.set("error", Observed::from_option(error));
    fields.set(
        "transport",
        word(
            &TRANSPORT,
            match meaning.transport {
                Transport::Unix => "unix",
                Transport::Tcp => "tcp",
                Transport::Mixed => "mixed",
            },
        ),
    );
    let hosts = resolved.hosts.iter().map(|host| {
        let name = host.host.as_deref().or(host.hostaddr.as_deref()).unwrap_or_default();
        match host.port {
            Some(port) if host.transport == Transport::Tcp => Value::from(format!("{name}:{port}")),
            _ => Value::from(name),
        }
    });
    let hidden = || Observed::unknown("the string may hold an unencoded password");
    let shown = |observed: Observed| if conninfo.suspect() { hidden() } else { observed };
    fields.set("hosts", shown(hosts.collect::<Value>().into()));
    fields.set("user", shown(Observed::from_option(conninfo.get("user"))));
    fields.set("database", shown(Observed::from_option(conninfo.get("dbname"))));
    fields.set("sslmode_given", Observed::from_option(conninfo.get("sslmode")));
    let unix = meaning.transport == Transport::Unix;
    let refused =
        meaning.errors.first().map(|problem| Observed::unknown(format!("the client refuses it: {}", problem.message)));
    let over_tcp = |observed: Observed| match &refused {
        _ if unix => Observed::Absent,
        Some(refused) => refused.clone(),
        None => observed,
    };
    fields.set("sslmode", over_tcp(fact(&meaning.sslmode, |mode| Some(word(&SSLMODE, mode.as_str())))));
    fields.set(
        "verified",
        over_tcp(fact(&meaning.verified, |verified| match verified {
            Verified::Nothing => Some(word(&VERIFIED, "nothing")),
            Verified::Chain => Some(word(&VERIFIED, "chain")),
            Verified::ChainAndHost => Some(word(&VERIFIED, "chain-and-host")),
            Verified::NotApplicable => None,
        })),
    );
    fields.set("ca_source", over_tcp(fact(&meaning.ca_source, |source| Some(Value::from(ca_source(source))))));
    fields.set(
        "root_certificate",
        over_tcp(fact(&meaning.ca_source, |source| match source {
            CaSource::File(path) => Some(Value::from(path.as_str())),
            _ => None,
        })),
    );
    fields.set("client_certificate", Observed::from_option(resolved.get("sslcert")));
    fields.set("client_key", Observed::from_option(resolved.get("sslkey")));
    let password = conninfo.password();
    fields.set("has_password", password.is_some());
    let measured = password.map(|password| {
        use secrecy::ExposeSecret as _;
        Value::Secret(Secret::measure(password.expose_secret().as_bytes(), salt))
    });
    fields.set("password", Observed::from_option(measured));
    let is_user = resolved.password_facts().map(|facts| facts.is_user_name);
    fields.set("password_is_user", Observed::from_option(is_user));
    let suspicious = conninfo.others().into_iter().map(|name| Value::from(name.unwrap_or("(hidden)")));
    fields.set("suspicious", suspicious.collect::<Value>());
    fields.set("notes", meaning.notes.iter().map(|note| Value::from(note.as_str())).collect::<Value>());
}

fn ca_source(source: &CaSource) -> String {
    match source {
        CaSource::None => "none".to_owned(),
        CaSource::File(path) => format!("file {path}"),
        CaSource::System => "system".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

//! What a connection string means for its client, as fields.

use std::path::Path;

use super::identity;
use super::{DSN, FIELDS, Found, TRANSPORT, VERIFIED};
use crate::dsn::{
    CaSource, Client, Conninfo, DsnError, DsnErrorKind, Effective, Fact, Resolved, Surroundings, Transport, Verified,
    effective, redacted, resolve,
};
use crate::facts::Subject;
use crate::target::host::{Host, Trouble};
use crate::value::secret::Salt;
use crate::value::types::word;
use crate::value::vocabulary::SSLMODE;
use crate::value::{Observed, Reason, Secret, Value};

/// Fields that do not hang on what the string means.
const OF_THE_PLACE: [&str; 9] =
    ["valid", "error", "redacted", "scheme", "path", "in_arguments", "arguments", "others", "shared_with"];

/// The surroundings of another program: its files can be looked at where they are this host's, its environment was not
/// asked for. What depends on either is unknown, except where the client's defaults say it.
pub(super) struct Elsewhere<'h>(pub(super) Option<&'h Host>);

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

pub(super) fn judge(found: &Found, text: &str, client: Client, around: &Elsewhere<'_>, salt: &Salt) -> Subject {
    let mut subject = Subject::new(&DSN, redacted(text), found.origin.as_str(), found.basis);
    subject.fields.set("redacted", redacted(text));
    subject.fields.set("scheme", Observed::from_option(scheme(text)));
    place(&mut subject, found);
    match Conninfo::parse_for(text, client) {
        Ok(conninfo) => {
            let resolved = resolve(&conninfo, around, client);
            let meaning = effective(&resolved, around);
            meant(&mut subject, &conninfo, &resolved, &meaning, salt);
            identity::set(&mut subject.fields, around.0, resolved.get("sslcert"), resolved.get("sslkey"));
        }
        Err(error) => {
            subject.fields.set("valid", false);
            subject.fields.set("error", error.to_string());
            let reason = Reason::new(format!("the client refuses the string: {error}"));
            for field in FIELDS.iter().filter(|field| !OF_THE_PLACE.contains(&field.name)) {
                subject.fields.set(field.name, Observed::Unknown(reason.clone()));
            }
            subject.fields.set("suspicious", suspicious(&error));
            if is_a_path(text) {
                subject.fields.set("has_password", false);
                for name in ["password", "password_is_user", "client_certificate", "client_key"] {
                    subject.fields.set(name, Observed::Absent);
                }
                for name in ["client_key_matches", "client_certificate_is_user"] {
                    subject.fields.set(name, Observed::Absent);
                }
            }
        }
    }
    subject
}

/// Where the string was found. What it shares with others is set when all are known.
fn place(subject: &mut Subject, found: &Found) {
    let fields = &mut subject.fields;
    fields.set("path", Observed::from_option(found.path.as_deref()));
    fields.set("in_arguments", found.in_arguments);
    let arguments = found.arguments.as_ref();
    let arguments = arguments.map(|all| all.iter().map(|one| Value::from(one.as_str())).collect::<Value>());
    fields.set("arguments", Observed::from_option(arguments));
    fields.set("others", Observed::Absent);
    fields.set("shared_with", Observed::Absent);
}

/// `postgres` of `postgres://…`; `keyword` for a string of `name=value`.
fn scheme(text: &str) -> Option<String> {
    let is_scheme = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':'))
    };
    let before = text.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
    let is_keyword = || ["host=", "hostaddr=", "dbname=", "user="].iter().any(|word| text.contains(word));
    before.map(str::to_ascii_lowercase).or_else(|| is_keyword().then(|| "keyword".to_owned()))
}

/// The name of a file (`/var/lib/app.db`, `:memory:`) in place of a connection string: there is nothing secret in it.
fn is_a_path(text: &str) -> bool {
    !text.contains("://") && !text.contains(['=', '@', '?', ' '])
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

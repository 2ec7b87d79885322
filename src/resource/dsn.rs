//! `dsn`: a PostgreSQL connection string and what it means for the client that uses it.

mod crontab;
mod identity;
mod invocations;
mod meaning;

use std::path::Path;

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::dsn::Client;
use crate::facts::{Basis, Listing, Subject};
use crate::target::Door;
use crate::target::host::Trouble;
use crate::value::types::Dialect;
use crate::value::vocabulary::{SSLMODE, Vocabulary};
use crate::value::{Observed, Reason, Type, Value};
use invocations::{Invocation, Wanted};
use meaning::{Elsewhere, judge};

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
    field(
        "scheme",
        Type::Text,
        "",
        "`postgres`, `postgresql`, `sqlite` …; `keyword` for `name=value …`; absent for neither",
    ),
    field(
        "path",
        Type::Text,
        "",
        "the file that it stands in, by its name as it was read; absent for a process and a container",
    ),
    field(
        "arguments",
        TEXTS,
        "",
        "of a program's call: what the program is called with, without its name; secrets are `***`; absent otherwise",
    ),
    field(
        "in_arguments",
        BOOL,
        "",
        "whether it stands in a command line, which every user of the machine can read while the program runs",
    ),
    field(
        "others",
        Type::Integer,
        "",
        "of a program's call: how many of the other calls that were seen have another first argument; absent otherwise",
    ),
    field(
        "shared_with",
        TEXTS,
        "user",
        "of a program's call: the first arguments of those among them that log in as the same role; absent otherwise",
    ),
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
    field(
        "client_key_matches",
        BOOL,
        "sslkey",
        "whether that key belongs to that certificate; absent when either is not named or not there",
    ),
    field(
        "client_certificate_is_user",
        BOOL,
        "sslcert",
        "whether its common name is the role, as the server asks unless pg_ident.conf maps it; absent when there is none",
    ),
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
            about: "with `env`: whose variable it is, as for the env resource; or `program:NAME`: every call of that program by a \
                    running process, a service of systemd, a line of cron, or a command that one gives to a shell",
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
            name: "option",
            accepts: Accepts::Text,
            required: false,
            about: "with `of: program:NAME`: the option that holds it, `--db`; the variable counts where it is not given",
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
    path: Option<String>,
    /// Of a call of a program.
    arguments: Option<Vec<String>>,
    in_arguments: bool,
    text: Result<String, Reason>,
}

impl Found {
    fn new(origin: String, basis: Basis, text: Result<String, Reason>) -> Self {
        Found { origin, basis, path: None, arguments: None, in_arguments: false, text }
    }
}

impl From<Invocation> for Found {
    fn from(call: Invocation) -> Self {
        Found {
            origin: call.origin,
            basis: call.basis,
            path: call.path,
            arguments: Some(call.arguments),
            in_arguments: call.in_arguments,
            text: call.value,
        }
    }
}

async fn observe(door: &Door, with: &With) -> Listing {
    let (found, mut more) = match find(door, with).await {
        Ok(found) => found,
        Err(listing) => return listing,
    };
    let client =
        Client::ALL.into_iter().find(|client| client.as_str() == text(with, "client")).unwrap_or(Client::Libpq);
    let around = Elsewhere(if let Door::Host(host) = door { Some(host) } else { None });
    let mut subjects = Vec::new();
    for found in found {
        match &found.text {
            Ok(text) => subjects.push(judge(&found, text.trim(), client, &around, door.salt())),
            Err(reason) => more = more.or(Some(reason.clone())),
        }
    }
    if program(with).is_some() {
        compare(&mut subjects, more.as_ref());
    }
    match more {
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

/// The program whose calls are asked for.
fn program(with: &With) -> Option<&str> {
    text(with, "of").strip_prefix("program:")
}

/// The strings that are asked for, and why there may be more of them.
async fn find(door: &Door, with: &With) -> Result<(Vec<Found>, Option<Reason>), Listing> {
    let given = |name: &str| Some(text(with, name)).filter(|value| !value.is_empty());
    if let (Some(program), None, None) = (program(with), given("file"), given("value")) {
        return of_program(door, program, text(with, "option"), text(with, "env")).await;
    }
    let found = match (given("env"), given("file"), given("value")) {
        (Some(name), None, None) => {
            let owners = super::env::values(door, text(with, "of"), name).await?;
            let found = |owned: super::env::Owned| {
                let place = owned.origin.split_once(' ').map_or(owned.origin.as_str(), |(place, _)| place);
                let path = invocations::file_of(place);
                Found { path, ..Found::new(owned.origin, owned.basis, owned.value) }
            };
            owners.into_iter().map(found).collect()
        }
        (None, Some(path), None) => vec![from_file(door, path).await?],
        (None, None, Some(value)) => {
            vec![Found::new("the rule".to_owned(), Basis::Declared, Ok(value.to_owned()))]
        }
        _ => {
            let reason = "the rule gives more or less than one of `env`, `file` and `value`";
            return Err(Listing::failed(Reason::new(reason)));
        }
    };
    Ok((found, None))
}

async fn of_program(
    door: &Door,
    program: &str,
    option: &str,
    variable: &str,
) -> Result<(Vec<Found>, Option<Reason>), Listing> {
    let Door::Host(host) = door else { return Err(Listing::failed(Reason::new("programs are called on a host"))) };
    let (name, option, variable) = (program.to_owned(), option.to_owned(), variable.to_owned());
    let read = move |host: &crate::target::host::Host| {
        invocations::read(host, Wanted { program: &name, option: &option, variable: &variable })
    };
    let all = host.run(read).await.map_err(Listing::failed)?;
    match all.more {
        None if all.seen.is_empty() => {
            Err(Listing::absent(format!("nothing calls {program} with a connection string")))
        }
        Some(reason) if all.seen.is_empty() => Err(Listing::failed(reason)),
        more => Ok((all.seen.into_iter().map(Found::from).collect(), more)),
    }
}

/// Notes which calls of a program share their role with a call that does something else (`run` and `migrate`).
fn compare(subjects: &mut [Subject], more: Option<&Reason>) {
    let first = |subject: &Subject| match subject.fields.get("arguments") {
        Some(Observed::Known(Value::List(list))) => list.items.first().map(ToString::to_string).unwrap_or_default(),
        _ => String::new(),
    };
    let user = |subject: &Subject| subject.fields.get("user").cloned().unwrap_or(Observed::Absent);
    // What is no connection string of PostgreSQL names no role.
    let counts = |subject: &&Subject| {
        let scheme = subject.fields.get("scheme").map(ToString::to_string).unwrap_or_default();
        ["postgres", "postgresql", "keyword"].contains(&scheme.as_str())
    };
    let all = subjects.iter().filter(counts).map(|subject| (first(subject), user(subject)));
    let all: Vec<(String, Observed)> = all.collect();
    for (subject, (own, role)) in subjects.iter_mut().filter(|subject| counts(&&**subject)).zip(&all) {
        let others: Vec<&(String, Observed)> = all.iter().filter(|(first, _)| first != own).collect();
        let count = i64::try_from(others.len()).unwrap_or(i64::MAX);
        subject
            .fields
            .set("others", more.map_or_else(|| Observed::from(count), |more| Observed::Unknown(more.clone())));
        let unknown = std::iter::once(role).chain(others.iter().map(|(_, role)| role));
        let unknown = unknown.filter_map(|role| if let Observed::Unknown(reason) = role { Some(reason) } else { None });
        let shared = match unknown.chain(more).next() {
            Some(reason) => Observed::Unknown(reason.clone()),
            None => {
                let same =
                    others.iter().filter(|(_, other)| other == role).map(|(first, _)| Value::from(first.as_str()));
                Observed::Known(same.collect())
            }
        };
        subject.fields.set("shared_with", shared);
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
    Ok(Found { path: Some(shown.clone()), ..Found::new(shown, Basis::Declared, text) })
}

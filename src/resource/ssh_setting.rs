//! `ssh_setting`: what a setting of the SSH client is, for every host and user that its files tell apart.

use std::path::Path;

use crate::facts::{Listing, Subject};
use crate::format::accounts::User;
use crate::glob::{self, Glob};
use crate::openssh::client;
use crate::openssh::criteria::Connection;
use crate::openssh::outcomes::Outcome;
use crate::openssh::source::Side;
use crate::resource::openssh::setting::{IGNORED_RECORD, Question};
use crate::resource::openssh::{self, Client};
use crate::resource::{Accepts, Field, Param, Resource, With, accounts, field, text};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind as Target};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type};

/// Bytes of a user's file.
const MAX_CONFIG: u64 = 4 << 20;
static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the keyword in lower case; of names that mean the same, the one of today"),
    field(
        "value",
        Type::As,
        "",
        "what counts, as `ssh -G` tells it, but `yes` and `no` for all words that mean them: times in seconds, lists after `+`, `-` and `^` were applied; the default where nothing sets it; absent where there is none",
    ),
    field("values", Type::List(&TEXT), "", "the items of a list: algorithms, files, variables, forwardings"),
    field(
        "match",
        Type::Text,
        "",
        "the block that sets it for some: `Host *.example.org`; absent for what holds for all others",
    ),
    field(
        "witness",
        Type::Text,
        "",
        "what gets it: `host=git.example.org,user=git`; empty when every host and user does",
    ),
    field("origin", Type::Text, "", "where it is set: `/etc/ssh/ssh_config:12`; absent for a default"),
    field("is_default", Type::Bool(Dialect::Plain), "", "whether nothing sets it"),
    field(
        "ignored",
        Type::List(&IGNORED_RECORD),
        "",
        "lines that set it for the same hosts and users, and do not count, because an earlier one does",
    ),
    field("account", Type::Text, "", "whose file was read before the system's; absent for the system's alone"),
    field(
        "version",
        Type::Version,
        "",
        "the release of OpenSSH whose defaults were taken; absent when it could not be told",
    ),
];

pub(super) static SSH_SETTING: Resource = Resource {
    name: "ssh_setting",
    about: "A setting of the SSH client as it counts: one subject for everything, and one for each Host or Match block that changes it for some. What a block asks a program (`Match exec`) is unknown, since no program is started.",
    privilege: "read permission on ssh_config and what it includes; for `account` on that user's file",
    params: &[
        Param {
            name: "name",
            accepts: Accepts::Text,
            required: true,
            about: "the keyword of ssh_config(5), in any case",
        },
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "the system's file; `/etc/ssh/ssh_config` when not given",
        },
        Param {
            name: "account",
            accepts: Accepts::Text,
            required: false,
            about: "whose `~/.ssh/config` counts before the system's file; with `*`, that of each account that has one; nobody's when not given",
        },
        Param {
            name: "as",
            accepts: Accepts::As,
            required: false,
            about: "the type that the value is read as; text when not given",
        },
        Param {
            name: "version",
            accepts: Accepts::Text,
            required: false,
            about: "the release whose defaults count: `9.2`; that of the host's ssh when not given",
        },
        Param {
            name: "host",
            accepts: Accepts::Text,
            required: false,
            about: "a host as it is typed: then what it gets is the only subject",
        },
        Param {
            name: "user",
            accepts: Accepts::Text,
            required: false,
            about: "the user that is typed in front of the host",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Target::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("ssh's configuration is read on a host")) };
    let with = with.clone();
    host.run(move |host| list(host, &with)).await.unwrap_or_else(Listing::failed)
}

fn list(host: &Host, with: &With) -> Listing {
    let name = text(with, "name");
    if Side::Client.keyword(name).is_none() {
        return Listing::failed(Reason::new(format!("`{name}` is no keyword of ssh_config(5) that harden knows")));
    }
    let client = match openssh::client(host, with) {
        Ok(client) => client,
        Err(reason) => return Listing::failed(reason),
    };
    match (client, text(with, "account")) {
        (None, _) => Listing::absent("there is no SSH client: neither its program nor /etc/ssh/ssh_config"),
        (Some(client), "") => Listing::complete(subjects(host, with, &client, None, None)),
        (Some(client), pattern) => of_accounts(host, with, &client, pattern),
    }
}

/// What counts for accounts with files of their own.
fn of_accounts(host: &Host, with: &With, client: &Client, pattern: &str) -> Listing {
    let accounts = match accounts::users(host) {
        Ok(Some(accounts)) => accounts,
        Ok(None) => return Listing::absent(format!("{} does not exist", accounts::PASSWD)),
        Err(reason) => return Listing::failed(reason),
    };
    let (named, wanted) = (!glob::is_pattern(pattern), Glob::new(pattern));
    let mut more = accounts.more;
    let mut found = Vec::new();
    for account in accounts.entries.iter().filter(|account| wanted.matches(&account.name)) {
        let path = own_path(account);
        match host.read(Path::new(&path), MAX_CONFIG) {
            Ok(bytes) => found.extend(subjects(host, with, client, Some(account), Some((&path, &bytes)))),
            Err(Trouble::Absent) if named => found.extend(subjects(host, with, client, Some(account), None)),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => more = more.or(Some(reason)),
        }
    }
    match more {
        Some(reason) => Listing::partial(found, reason),
        None if found.is_empty() && named => Listing::absent(format!("there is no account {pattern}")),
        None if found.is_empty() => Listing::absent("no account has an SSH configuration of its own"),
        None => Listing::complete(found),
    }
}

fn own_path(account: &User) -> String {
    format!("{}/.ssh/config", account.home.trim_end_matches('/'))
}

fn subjects(
    host: &Host,
    with: &With,
    client: &Client,
    account: Option<&User>,
    own: Option<(&str, &[u8])>,
) -> Vec<Subject> {
    let Some(keyword) = Side::Client.keyword(text(with, "name")) else { return Vec::new() };
    let home = account.map_or("", |account| account.home.trim_end_matches('/'));
    let installation = client.installation(host, own.map(|(path, bytes)| (path, bytes, home)));
    let (resource, ty) = (&SSH_SETTING, SSH_SETTING.as_type(with));
    let question = Question { resource, side: Side::Client, installation: &installation, keyword, ty, host };
    let mut subjects = match connection(with, account) {
        Some(connection) => vec![of_connection(&question, &connection)],
        None => of_all(&question, account),
    };
    for subject in &mut subjects {
        subject.fields.set("account", Observed::from_option(account.map(|account| account.name.as_str())));
    }
    subjects
}

/// The connection that the parameters give; `None` when they give none.
fn connection(with: &With, account: Option<&User>) -> Option<Connection> {
    let given = |name: &str| Some(text(with, name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let (original, user) = (given("host"), given("user"));
    let local_user = account.map(|account| account.name.clone());
    (original.is_some() || user.is_some()).then(|| Connection {
        original,
        user,
        local_user,
        tag: Some(String::new()),
        ..Connection::default()
    })
}

fn of_connection(question: &Question, connection: &Connection) -> Subject {
    let (config, keyword, build) = (question.config(), question.keyword, question.installation.build());
    let chain = client::chain(config, keyword, build);
    let setting = client::setting(config, &chain, keyword, build, connection);
    let shown = Connection { local_user: None, ..connection.clone() };
    question.subject(&setting, &shown)
}

fn of_all(question: &Question, account: Option<&User>) -> Vec<Subject> {
    let (config, keyword, build) = (question.config(), question.keyword, question.installation.build());
    let chain = client::chain(config, keyword, build);
    let outcomes = client::outcomes(config, &chain, build, account.map(|account| account.name.as_str()));
    let of = |outcome: &Outcome| {
        let setting = client::of_possible(config, keyword, build, &outcome.possible);
        question.subject(&setting, &outcome.witness)
    };
    let mut subjects: Vec<Subject> = outcomes.found.iter().map(of).collect();
    subjects.extend(outcomes.unclear.iter().map(|block| question.unclear(*block)));
    subjects
}

#[cfg(test)]
mod tests;

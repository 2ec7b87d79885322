//! `sshd_setting`: what a setting of the SSH server is, for everybody and for those whom a `Match` block means.

use crate::facts::{Listing, Subject};
use crate::openssh::criteria::Connection;
use crate::openssh::outcomes::Outcome;
use crate::openssh::server;
use crate::openssh::setting::judge;
use crate::openssh::source::Side;
use crate::resource::openssh;
use crate::resource::openssh::setting::{IGNORED_RECORD, Question};
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::Host;
use crate::target::{Door, Kind as Target};
use crate::value::types::Dialect;
use crate::value::{Reason, Type};

static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the keyword in lower case; of names that mean the same, the one of today"),
    field(
        "value",
        Type::As,
        "",
        "what counts, spelt as `sshd -T` spells it: times in seconds, `prohibit-password` for `without-password`, lists after `+`, `-` and `^` were applied; the default where nothing sets it; absent where there is none",
    ),
    field("values", Type::List(&TEXT), "", "the items of a list: algorithms, users, variables, addresses"),
    field(
        "match",
        Type::Text,
        "",
        "the block that sets it for some connections: `Match User bob`; absent for what holds for all others",
    ),
    field(
        "witness",
        Type::Text,
        "",
        "a connection that gets it, as `sshd -T -C` takes it: `user=bob,addr=10.0.0.1`; empty when any does",
    ),
    field("origin", Type::Text, "", "where it is set: `/etc/ssh/sshd_config:12`; absent for a default"),
    field("is_default", Type::Bool(Dialect::Plain), "", "whether nothing sets it"),
    field(
        "ignored",
        Type::List(&IGNORED_RECORD),
        "",
        "lines that set it for the same connections, and do not count, because an earlier one does",
    ),
    field(
        "version",
        Type::Version,
        "",
        "the release of OpenSSH whose defaults were taken; absent when it could not be told",
    ),
];

pub(super) static SSHD_SETTING: Resource = Resource {
    name: "sshd_setting",
    about: "A setting of the SSH server as it counts: one subject for everybody, and one for each Match block that changes it for some.",
    privilege: "read permission on sshd_config and what it includes",
    params: &[
        Param {
            name: "name",
            accepts: Accepts::Text,
            required: true,
            about: "the keyword of sshd_config(5), in any case",
        },
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "the file; `/etc/ssh/sshd_config` when not given",
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
            about: "the release whose defaults count: `9.2`; that of the host's sshd when not given",
        },
        Param {
            name: "user",
            accepts: Accepts::Text,
            required: false,
            about: "a connection's user: with one of the five, what that connection gets is the only subject",
        },
        Param {
            name: "host",
            accepts: Accepts::Text,
            required: false,
            about: "the client's host name as sshd finds it out",
        },
        Param { name: "address", accepts: Accepts::Text, required: false, about: "the client's address" },
        Param { name: "laddress", accepts: Accepts::Text, required: false, about: "the address at which it comes in" },
        Param { name: "lport", accepts: Accepts::Text, required: false, about: "the port at which it comes in" },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Target::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("sshd's configuration is read on a host")) };
    let with = with.clone();
    host.run(move |host| list(host, &with)).await.unwrap_or_else(Listing::failed)
}

fn list(host: &Host, with: &With) -> Listing {
    let name = text(with, "name");
    let Some(keyword) = Side::Server.keyword(name) else {
        return Listing::failed(Reason::new(format!("`{name}` is no keyword of sshd_config(5) that harden knows")));
    };
    let installation = match openssh::server(host, with) {
        Ok(installation) => installation,
        Err(listing) => return listing,
    };
    let ty = SSHD_SETTING.as_type(with);
    let question =
        Question { resource: &SSHD_SETTING, side: Side::Server, installation: &installation, keyword, ty, host };
    Listing::complete(match openssh::connection(with) {
        Some(connection) => vec![of_connection(&question, &connection)],
        None => of_all(&question),
    })
}

fn of_connection(question: &Question, connection: &Connection) -> Subject {
    let (config, keyword, build) = (question.config(), question.keyword, question.installation.build());
    let chain = server::chain(config, keyword, build);
    let setting = server::setting(config, &chain, keyword, build, connection);
    question.subject(&setting, connection)
}

fn of_all(question: &Question) -> Vec<Subject> {
    let (config, keyword, build) = (question.config(), question.keyword, question.installation.build());
    let chain = server::chain(config, keyword, build);
    let outcomes = server::outcomes(config, &chain, keyword, &openssh::root_users(question.host));
    let of = |outcome: &Outcome| {
        let setting = judge(config, Side::Server, keyword, build, &outcome.possible);
        question.subject(&setting, &outcome.witness)
    };
    let mut subjects: Vec<Subject> = outcomes.found.iter().map(of).collect();
    subjects.extend(outcomes.unclear.iter().map(|block| question.unclear(*block)));
    subjects
}

#[cfg(test)]
mod tests;

//! `sshd_setting`: what a setting of the SSH server is, for everybody and for those whom a `Match` block means.

use crate::facts::{Basis, Listing, Subject};
use crate::openssh::criteria::Connection;
use crate::openssh::keyword::{Keyword, Kind};
use crate::openssh::outcomes::Outcome;
use crate::openssh::server::{self, Setting};
use crate::openssh::source::Config;
use crate::openssh::value::Bad;
use crate::resource::openssh::{self, Installation};
use crate::resource::{Accepts, Field, Param, Resource, With, field, sensitive, text};
use crate::target::host::Host;
use crate::target::{Door, Kind as Target};
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Record, Type, Value};

static TEXT: Type = Type::Text;

const IGNORED: &[Field] =
    &[field("origin", Type::Text, "", "where it stands"), field("value", Type::Text, "", "what it says there")];
static IGNORED_RECORD: Type = Type::Record(IGNORED);

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
    let Some(keyword) = server::keyword(name) else {
        return Listing::failed(Reason::new(format!("`{name}` is no keyword of sshd_config(5) that harden knows")));
    };
    let installation = match openssh::server(host, with) {
        Ok(installation) => installation,
        Err(listing) => return listing,
    };
    let question = Question { installation: &installation, keyword, ty: SSHD_SETTING.as_type(with), host };
    let subjects = match openssh::connection(with) {
        Some(connection) => vec![question.of_connection(&connection)],
        None => question.of_all(),
    };
    Listing::complete(subjects)
}

struct Question<'q> {
    installation: &'q Installation,
    keyword: &'static Keyword,
    ty: Type,
    host: &'q Host,
}

impl Question<'_> {
    fn config(&self) -> &Config {
        &self.installation.config
    }

    fn of_connection(&self, connection: &Connection) -> Subject {
        let build = self.installation.build();
        let chain = server::chain(self.config(), self.keyword, build);
        let setting = server::setting(self.config(), &chain, self.keyword, build, connection);
        self.subject(&setting, connection)
    }

    fn of_all(&self) -> Vec<Subject> {
        let build = self.installation.build();
        let chain = server::chain(self.config(), self.keyword, build);
        let outcomes = server::outcomes(self.config(), &chain, self.keyword, &openssh::root_users(self.host));
        let of = |outcome: &Outcome| {
            let setting = server::judge(self.config(), self.keyword, build, &outcome.possible);
            self.subject(&setting, &outcome.witness)
        };
        let mut subjects: Vec<Subject> = outcomes.found.iter().map(of).collect();
        subjects.extend(outcomes.unclear.iter().map(|block| self.unclear(*block)));
        subjects
    }

    /// A block of which it is not known whether any connection gets what it sets.
    fn unclear(&self, block: usize) -> Subject {
        let reason = Reason::new("whether any connection gets what this block sets could not be told");
        let (place, name) = self
            .config()
            .blocks
            .get(block)
            .map_or_else(Default::default, |block| (block.place.to_string(), block.text.clone()));
        let mut subject = self.blank(&name, &place);
        for field in ["value", "values", "witness", "is_default", "ignored"] {
            subject.fields.set(field, Observed::Unknown(reason.clone()));
        }
        subject.fields.set("match", name);
        subject.fields.set("origin", place);
        subject
    }

    fn blank(&self, of: &str, origin: &str) -> Subject {
        let path = &self.installation.path;
        let name = if of.is_empty() {
            format!("{path} {}", self.keyword.name)
        } else {
            format!("{path} {} ({of})", self.keyword.name)
        };
        let mut subject = Subject::new(&SSHD_SETTING, name, origin, Basis::Declared);
        subject.fields.set("name", self.keyword.name);
        subject.fields.set("version", self.installation.version_value());
        subject
    }

    fn subject(&self, setting: &Setting, witness: &Connection) -> Subject {
        let config = self.config();
        let first = setting.lines.first().and_then(|i| config.lines.get(*i));
        let blocks: Vec<&str> =
            config.around(first.and_then(|line| line.block)).map(|block| block.text.as_str()).collect();
        let within = blocks.into_iter().rev().collect::<Vec<_>>().join(", ");
        let origin = first.map_or_else(|| self.installation.default_origin(), |line| line.place.to_string());
        let mut subject = self.blank(&within, &origin);
        let fields = &mut subject.fields;
        fields.set("match", Observed::from_option(Some(within.as_str()).filter(|text| !text.is_empty())));
        fields.set("witness", witness.show());
        fields.set("origin", Observed::from_option(first.map(|_| origin.as_str())));
        fields.set("is_default", first.is_none());
        fields.set("ignored", self.ignored(setting));
        let (value, values) = match (&setting.unclear, &setting.value) {
            (Some(why), _) => (Observed::unknown(why), Observed::unknown(why)),
            (None, Err(Bad::Unknown(why))) => (Observed::unknown(why), Observed::unknown(why)),
            (None, Err(Bad::Refused(text))) => {
                let invalid = Observed::Known(Value::Invalid(text.as_str().into()));
                (invalid.clone(), invalid)
            }
            (None, Ok(items)) => {
                let items: Vec<String> = items.iter().map(|item| self.without_secret(item)).collect();
                (self.value(&items), items.into_iter().collect::<Value>().into())
            }
        };
        if setting.unclear.is_some() {
            for name in ["origin", "is_default"] {
                fields.set(name, value.clone());
            }
        }
        fields.set("value", value);
        fields.set("values", values);
        subject
    }

    /// Lines of the same block, or outside of all, that are not the ones that count.
    fn ignored(&self, setting: &Setting) -> Value {
        let config = self.config();
        let counted = setting.lines.first().and_then(|i| config.lines.get(*i));
        let same = config.lines.iter().enumerate().filter(|(i, line)| {
            counted.is_some_and(|counted| counted.block == line.block)
                && !setting.lines.contains(i)
                && server::keyword(&line.keyword).is_some_and(|keyword| keyword.name == self.keyword.name)
        });
        let record = |line: &crate::openssh::source::Line| {
            Observed::Known(
                Record::new(IGNORED)
                    .with("origin", line.place.to_string())
                    .with("value", self.without_secret(&line.rest))
                    .into(),
            )
        };
        Value::List(List { items: same.map(|(_, line)| record(line)).collect(), more: None })
    }

    /// `SetEnv NAME=value` can hold a secret.
    fn without_secret(&self, item: &str) -> String {
        match item.split_once('=') {
            Some((name, value)) if self.keyword.name == "setenv" => format!("{name}={}", sensitive::show(name, value)),
            Some(_) | None => item.to_owned(),
        }
    }

    fn value(&self, items: &[String]) -> Observed {
        if items.is_empty() && matches!(self.keyword.kind, Kind::Append | Kind::Each) {
            return Observed::Absent;
        }
        let separator = if matches!(self.keyword.kind, Kind::Algorithms(_)) { "," } else { " " };
        let text = items.join(separator);
        if let (Type::List(_), false) = (self.ty, items.is_empty()) {
            return Observed::Known(items.iter().map(String::as_str).collect());
        }
        match (self.ty, self.keyword.kind) {
            (Type::Duration, Kind::Seconds) => {
                text.parse().map_or_else(|_| Value::Invalid(text.as_str().into()), Value::Duration).into()
            }
            (ty, _) => sensitive::read("", &text, ty, self.host.salt()),
        }
    }
}

#[cfg(test)]
mod tests;

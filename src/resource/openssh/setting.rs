//! A setting of OpenSSH as subjects: what `sshd_setting` and `ssh_setting` share.

use crate::facts::{Basis, Subject};
use crate::openssh::criteria::Connection;
use crate::openssh::keyword::{Keyword, Kind};
use crate::openssh::setting::Setting;
use crate::openssh::source::{Config, Line, Side};
use crate::openssh::value::Bad;
use crate::resource::{Field, Resource, field, sensitive};
use crate::target::host::Host;
use crate::value::{List, Observed, Reason, Record, Type, Value};

use super::Installation;

const IGNORED: &[Field] =
    &[field("origin", Type::Text, "", "where it stands"), field("value", Type::Text, "", "what it says there")];
/// A line that does not count.
pub(in crate::resource) static IGNORED_RECORD: Type = Type::Record(IGNORED);

/// What is asked about one keyword of one configuration.
pub(in crate::resource) struct Question<'q> {
    pub(in crate::resource) resource: &'static Resource,
    pub(in crate::resource) side: Side,
    pub(in crate::resource) installation: &'q Installation,
    pub(in crate::resource) keyword: &'static Keyword,
    pub(in crate::resource) ty: Type,
    pub(in crate::resource) host: &'q Host,
}

impl Question<'_> {
    pub(in crate::resource) fn config(&self) -> &Config {
        &self.installation.config
    }

    /// A block of which it is not known whether any connection gets what it sets.
    pub(in crate::resource) fn unclear(&self, block: usize) -> Subject {
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
        let mut subject = Subject::new(self.resource, name, origin, Basis::Declared);
        subject.fields.set("name", self.keyword.name);
        subject.fields.set("version", self.installation.version_value());
        subject
    }

    pub(in crate::resource) fn subject(&self, setting: &Setting, witness: &Connection) -> Subject {
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
                && self.side.keyword(&line.keyword).is_some_and(|keyword| keyword.name == self.keyword.name)
        });
        let record = |line: &Line| {
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

//! What a field can hold, and the three states in which it can be seen.
//!
//! Everything harden judges is an [`Observed`]: a value that was read, the knowledge that there is none, or the
//! reason why it could not be read. The last two are never merged: a missing file is `Absent`, a forbidden one `Unknown`.

pub mod duration;
pub mod json;
pub mod mode;
pub mod net;
pub mod secret;
pub mod size;
pub mod text;
pub mod time;
pub mod types;
pub mod version;
pub mod vocabulary;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::resource::Field;
pub use net::Net;
pub use secret::Secret;
pub use types::Type;
pub use version::Version;
pub use vocabulary::Word;

/// Why something could not be seen, and the smallest grant that would let harden see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    pub text: Arc<str>,
    pub grant: Option<Arc<str>>,
}

impl Reason {
    pub fn new(text: impl AsRef<str>) -> Self {
        Reason { text: text.as_ref().into(), grant: None }
    }

    /// The same reason with what would remove it, as an instruction (`run as root`, `GRANT …`).
    #[must_use]
    pub fn with_grant(self, grant: impl AsRef<str>) -> Self {
        Reason { grant: Some(grant.as_ref().into()), ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.grant {
            Some(grant) => write!(f, "; to see it: {grant}"),
            None => Ok(()),
        }
    }
}

/// One field of one subject as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Read, and this is the value.
    Known(Value),
    /// Looked, and there is none.
    Absent,
    /// Could not look.
    Unknown(Reason),
}

impl Observed {
    pub fn unknown(text: impl AsRef<str>) -> Self {
        Observed::Unknown(Reason::new(text))
    }

    /// `Absent` for `None`.
    pub fn from_option<V: Into<Value>>(value: Option<V>) -> Self {
        value.map_or(Observed::Absent, |v| Observed::Known(v.into()))
    }
}

impl<V: Into<Value>> From<V> for Observed {
    fn from(value: V) -> Self {
        Observed::Known(value.into())
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observed::Known(value) => value.fmt(f),
            Observed::Absent => f.write_str("absent"),
            Observed::Unknown(reason) => write!(f, "unknown ({})", reason.text),
        }
    }
}

/// A value that was read. Each variant describes itself, so that evidence and facts need no table to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    /// Bytes.
    Size(u64),
    /// Seconds.
    Duration(i64),
    /// Seconds since 1970-01-01T00:00:00Z.
    Time(i64),
    Version(Version),
    Text(Box<str>),
    Secret(Secret),
    /// Permission bits including setuid, setgid and sticky (`0o7777`).
    Mode(u32),
    Net(Net),
    Word(Word),
    List(List),
    Map(BTreeMap<Box<str>, Observed>),
    Record(Record),
    /// The program's own text does not parse as the type that the rule reads it as (`yes` where Go wants `true`).
    /// Every expectation on it is false, negated or not: what the program makes of it was not asked.
    Invalid(Box<str>),
}

/// Items seen, and the reason why there may be more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct List {
    pub items: Vec<Observed>,
    /// Set when the listing was cut short: what was seen can fail, it cannot pass.
    pub more: Option<Reason>,
}

/// The fields of a subject or of a list's item, in the order of their table.
#[derive(Debug, Clone)]
pub struct Record {
    pub table: &'static [Field],
    pub fields: Box<[Observed]>,
}

/// Two records are equal when their fields are: names come with the table.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.table, other.table) && self.fields == other.fields
    }
}

impl Record {
    /// A record none of whose fields has been read yet.
    pub fn new(table: &'static [Field]) -> Self {
        let unread = Observed::unknown("not read");
        Record { table, fields: vec![unread; table.len()].into() }
    }

    /// Sets a field. A name outside the table is a mistake in harden, shown in debug builds and ignored in others.
    pub fn set(&mut self, name: &str, observed: impl Into<Observed>) {
        match self.table.iter().position(|field| field.name == name).and_then(|i| self.fields.get_mut(i)) {
            Some(slot) => *slot = observed.into(),
            None => debug_assert!(false, "no field `{name}` in this table"),
        }
    }

    /// The same, as an expression.
    #[must_use]
    pub fn with(mut self, name: &str, observed: impl Into<Observed>) -> Self {
        self.set(name, observed);
        self
    }

    pub fn get(&self, name: &str) -> Option<&Observed> {
        let index = self.table.iter().position(|field| field.name == name)?;
        self.fields.get(index)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value.into())
    }
}

impl From<Word> for Value {
    fn from(value: Word) -> Self {
        Value::Word(value)
    }
}

impl From<Record> for Value {
    fn from(value: Record) -> Self {
        Value::Record(value)
    }
}

impl<V: Into<Observed>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        Value::List(List { items: items.into_iter().map(Into::into).collect(), more: None })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Size(bytes) => f.write_str(&size::show(*bytes)),
            Value::Duration(seconds) => f.write_str(&duration::show(*seconds)),
            Value::Time(seconds) => f.write_str(&time::show(*seconds)),
            Value::Version(value) => value.fmt(f),
            Value::Text(value) if value.is_empty() => f.write_str("\"\""),
            Value::Text(value) => f.write_str(value),
            Value::Secret(value) => value.fmt(f),
            Value::Mode(value) => write!(f, "0{value:03o}"),
            Value::Net(value) => value.fmt(f),
            Value::Word(value) => f.write_str(value.as_str()),
            Value::List(list) => list.fmt(f),
            Value::Map(map) if map.is_empty() => f.write_str("none"),
            Value::Map(map) => write_joined(f, map.iter().map(|(key, value)| format!("{key}={value}"))),
            Value::Record(record) => record.fmt(f),
            Value::Invalid(text) => write!(f, "{text} (not valid)"),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() && self.more.is_none() {
            return f.write_str("none");
        }
        let more = self.more.iter().map(|reason| format!("… ({})", reason.text));
        write_joined(f, self.items.iter().map(ToString::to_string).chain(more))
    }
}

impl fmt::Display for Record {
    /// Only what says something: absent and unread fields would bury the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.table.iter().zip(&self.fields).filter_map(|(field, observed)| match observed {
            Observed::Known(value) => Some(format!("{}={value}", field.name)),
            Observed::Absent | Observed::Unknown(_) => None,
        });
        write_joined(f, known)
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, parts: impl Iterator<Item = String>) -> fmt::Result {
    for (i, part) in parts.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        f.write_str(&part)?;
    }
    Ok(())
}

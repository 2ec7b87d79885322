//! The types that fields are declared with, and how each is read from text.

use super::secret::Salt;
use super::vocabulary::{SSLMODE, TLS_VERSION, Vocabulary};
use super::{List, Net, Observed, Secret, Value, Version, Word, duration, mode, size, time};
use crate::resource::Field;

/// The type of a field, of a list's items or of a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    Bool(Dialect),
    Integer,
    /// Bytes.
    Size,
    /// Seconds.
    Duration,
    /// A point in time; rules compare it with `now+30d` or an RFC 3339 timestamp.
    Time,
    Version,
    Text,
    /// Text that is a URL; a password in it is taken out before it is kept.
    Url,
    /// Known only by its [`Secret`] facts.
    Secret,
    /// Octal permission bits.
    Mode,
    /// An address or a network.
    Net,
    Word(&'static Vocabulary),
    List(&'static Type),
    Map(&'static Type),
    Record(&'static [Field]),
    /// What the `as` parameter of the query says; text when it says nothing.
    As,
}

/// Which words a program takes for true and false. Programs disagree, so a rule names the one it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `true` and `false`, nothing else.
    Plain,
    /// Go's strconv.ParseBool: `1 t T TRUE true True` and their opposites.
    Go,
    /// PostgreSQL: `on off true false yes no 1 0` and unique prefixes, in any case (manual, section 19.1.1).
    Postgres,
    /// systemd.syntax(7): `1 yes y true t on` and their opposites, in any case.
    Systemd,
    /// Terraform-style HCL: `true false`, quoted or as `1` and `0`.
    Hcl,
    /// Only the word `true` is true; every other value is false.
    ExactTrue,
    /// Any value but the empty one is true (DOCKER_TLS_VERIFY).
    Nonempty,
}

impl Dialect {
    /// What the program takes the text for; `None` when it would not understand it.
    pub(crate) fn read(self, text: &str) -> Option<bool> {
        let folded = text.to_ascii_lowercase();
        let pair = |yes: &[&str], no: &[&str], word: &str| {
            if yes.contains(&word) { Some(true) } else { no.contains(&word).then_some(false) }
        };
        match self {
            Dialect::Plain => pair(&["true"], &["false"], text),
            Dialect::Go => {
                pair(&["1", "t", "T", "TRUE", "true", "True"], &["0", "f", "F", "FALSE", "false", "False"], text)
            }
            Dialect::Postgres => postgres_bool(&folded),
            Dialect::Systemd => {
                pair(&["1", "yes", "y", "true", "t", "on"], &["0", "no", "n", "false", "f", "off"], &folded)
            }
            Dialect::Hcl => pair(&["true", "1", "\"true\"", "\"1\""], &["false", "0", "\"false\"", "\"0\""], text),
            Dialect::ExactTrue => Some(text == "true"),
            Dialect::Nonempty => Some(!text.is_empty()),
        }
    }
}

/// `o` alone is ambiguous between `on` and `off`, as it is for the server.
fn postgres_bool(text: &str) -> Option<bool> {
    let prefix_of = |word: &str| !text.is_empty() && word.starts_with(text);
    if text == "1" || prefix_of("true") || prefix_of("yes") || text == "on" {
        Some(true)
    } else if text == "0" || prefix_of("false") || prefix_of("no") || text == "of" || text == "off" {
        Some(false)
    } else {
        None
    }
}

static TEXT: Type = Type::Text;

/// What may stand behind `as:`, and the type it gives.
pub const AS: &[(&str, Type)] = &[
    ("text", Type::Text),
    ("bool", Type::Bool(Dialect::Plain)),
    ("go-bool", Type::Bool(Dialect::Go)),
    ("postgres-bool", Type::Bool(Dialect::Postgres)),
    ("systemd-bool", Type::Bool(Dialect::Systemd)),
    ("hcl-bool", Type::Bool(Dialect::Hcl)),
    ("exact-true", Type::Bool(Dialect::ExactTrue)),
    ("nonempty", Type::Bool(Dialect::Nonempty)),
    ("integer", Type::Integer),
    ("size", Type::Size),
    ("duration", Type::Duration),
    ("version", Type::Version),
    ("mode", Type::Mode),
    ("address", Type::Net),
    ("url", Type::Url),
    ("secret", Type::Secret),
    ("sslmode", Type::Word(&SSLMODE)),
    ("tls_version", Type::Word(&TLS_VERSION)),
    ("list", Type::List(&TEXT)),
];

/// The type that a word behind `as:` stands for.
pub fn from_as(word: &str) -> Option<Type> {
    AS.iter().find(|(name, _)| *name == word).map(|(_, ty)| *ty)
}

impl Type {
    /// The name used in error messages and in the reference.
    pub fn name(&self) -> String {
        match self {
            Type::Bool(_) => "bool".into(),
            Type::Integer => "integer".into(),
            Type::Size => "size".into(),
            Type::Duration => "duration".into(),
            Type::Time => "timestamp".into(),
            Type::Version => "version".into(),
            Type::Text => "text".into(),
            Type::Url => "url".into(),
            Type::Secret => "secret".into(),
            Type::Mode => "mode".into(),
            Type::Net => "address".into(),
            Type::Word(vocabulary) => format!("{} ({})", vocabulary.name, vocabulary.words.join(", ")),
            Type::List(item) => format!("list of {}", item.name()),
            Type::Map(item) => format!("map of {}", item.name()),
            Type::Record(fields) => {
                format!("record ({})", fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", "))
            }
            Type::As => "what `as` says".into(),
        }
    }

    /// Whether `at_least` and `at_most` mean something.
    pub fn is_ordered(&self) -> bool {
        match self {
            Type::Integer | Type::Size | Type::Duration | Type::Time | Type::Version | Type::Mode => true,
            Type::Word(vocabulary) => vocabulary.ordered,
            Type::Bool(_)
            | Type::Text
            | Type::Url
            | Type::Secret
            | Type::Net
            | Type::List(_)
            | Type::Map(_)
            | Type::Record(_)
            | Type::As => false,
        }
    }

    /// Reads a rule's operand or a fact: strict, in the spelling the rule language documents.
    /// The error says what is expected, fit to stand after "expected".
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let wanted = |what: &str| Err(what.to_owned());
        match self {
            Type::Bool(_) => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => wanted("`true` or `false`"),
            },
            Type::Integer => text.parse().map(Value::Int).or_else(|_| wanted("a whole number")),
            Type::Size => size::parse(text).map_or_else(|| wanted("a size such as 512MiB"), |v| Ok(Value::Size(v))),
            Type::Duration => duration::parse(text)
                .map_or_else(|| wanted("a duration such as 30d or 26h"), |v| Ok(Value::Duration(v))),
            Type::Time => time::parse(text)
                .map_or_else(|| wanted("a timestamp such as 2026-01-31T00:00:00Z"), |v| Ok(Value::Time(v))),
            Type::Version => {
                Version::parse(text).map_or_else(|| wanted("a version such as \"1.10\""), |v| Ok(Value::Version(v)))
            }
            Type::Text | Type::Url | Type::As => Ok(Value::Text(text.into())),
            Type::Secret => wanted("the facts of a secret: length, entropy_bits, placeholder, fingerprint"),
            Type::Mode => mode::parse(text).map_or_else(
                || wanted("an octal mode with its leading zero, such as \"0640\""),
                |v| Ok(Value::Mode(v)),
            ),
            Type::Net => Net::parse(text)
                .map_or_else(|| wanted("an address or a network such as 10.0.0.0/8"), |v| Ok(Value::Net(v))),
            Type::Word(vocabulary) => vocabulary
                .word(text)
                .map_or_else(|| wanted(&format!("one of {}", vocabulary.words.join(", "))), |w| Ok(w.into())),
            Type::List(_) | Type::Map(_) | Type::Record(_) => Err(format!("a {}", self.name())),
        }
    }

    /// Reads what a program was given, as that program would read it. What it would not understand is
    /// [`Value::Invalid`]; a secret is measured and forgotten.
    pub fn read_foreign(&self, text: &str, salt: &Salt) -> Value {
        match self {
            Type::Bool(dialect) => dialect.read(text).map_or_else(|| Value::Invalid(text.into()), Value::Bool),
            Type::Secret => Value::Secret(Secret::measure(text.as_bytes(), salt)),
            Type::Url => Value::Text(redact_userinfo(text).into()),
            Type::List(item) => {
                let items = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let items = items.map(|part| Observed::Known(item.read_foreign(part, salt))).collect();
                Value::List(List { items, more: None })
            }
            Type::Integer
            | Type::Size
            | Type::Duration
            | Type::Time
            | Type::Version
            | Type::Text
            | Type::Mode
            | Type::Net
            | Type::Word(_)
            | Type::Map(_)
            | Type::Record(_)
            | Type::As => self.parse(text).unwrap_or_else(|_| Value::Invalid(text.into())),
        }
    }
}

/// The URL with the password of its authority replaced by `***`.
pub fn redact_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A raw `/` or `?` in a password moves the apparent end of the authority: the last `@` before any query decides.
    let user_end = rest.rfind('@').unwrap_or(0);
    let (user, host) = rest.split_at(user_end);
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:***{host}"),
        None if user_end > 0 && user_end > authority_end => format!("{scheme}://***{host}"),
        None => url.to_owned(),
    }
}

/// The word of a vocabulary that a loader knows to be in it; an unknown one is shown as such, never dropped.
pub fn word(vocabulary: &'static Vocabulary, text: &str) -> Value {
    vocabulary.word(text).map_or_else(|| Value::Invalid(text.into()), |word: Word| Value::Word(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_reads_its_own_words() {
        assert_eq!(Dialect::Go.read("True"), Some(true));
        assert_eq!(Dialect::Go.read("yes"), None, "Go's ParseBool refuses it, and the program keeps what it had");
        assert_eq!(Dialect::Postgres.read("OF"), Some(false));
        assert_eq!(Dialect::Postgres.read("o"), None);
        assert_eq!(Dialect::Postgres.read("tr"), Some(true));
        assert_eq!(Dialect::Systemd.read("YES"), Some(true));
        assert_eq!(Dialect::ExactTrue.read("True"), Some(false));
        assert_eq!(Dialect::Nonempty.read("0"), Some(true));
        assert_eq!(Dialect::Nonempty.read(""), Some(false));
        assert_eq!(Dialect::Plain.read("on"), None);
        assert_eq!(Dialect::Hcl.read("\"1\""), Some(true));
    }

    #[test]
    fn a_url_keeps_no_password() {
        assert_eq!(redact_userinfo("https://u:pw@h/x"), "https://u:***@h/x");
        assert_eq!(redact_userinfo("https://u:p/w@h/x"), "https://u:***@h/x");
        assert_eq!(redact_userinfo("https://h/x"), "https://h/x");
        assert_eq!(redact_userinfo("https://h/x@y"), "https://***@y");
    }
}

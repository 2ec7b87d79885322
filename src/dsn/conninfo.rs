//! A parsed connection string: keywords and values as written, secrets wrapped, and the redacted form in which it may
//! be shown.

use super::builder::Builder;
use super::client::{Client, Form, detect};
use super::error::{DsnError, DsnErrorKind};
use super::keyword::{self, LATEST};
use super::{go_url, jdbc, keyword_value, uri};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The value of one keyword; shows itself as `***` when it is a secret.
#[derive(Clone)]
pub enum Value {
    /// May be shown.
    Plain(String),
    /// Must not be shown.
    Secret(SecretString),
}

impl Value {
    pub(super) fn new(text: String, secret: bool) -> Self {
        if secret { Self::Secret(text.into()) } else { Self::Plain(text) }
    }

    /// The text itself, secret or not: for dialling and for measuring, never for showing.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(text) => text.expose_secret(),
        }
    }

    /// Whether the value shows as `***`.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Secret(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, f),
            Self::Secret(_) => f.write_str("***"),
        }
    }
}

/// One keyword as it stands in the string.
#[derive(Clone)]
pub(super) struct Entry {
    pub name: String,
    pub value: Value,
    /// Whether it is one of libpq's keywords and the client acts on it.
    pub taken: bool,
}

/// A connection string that parsed.
///
/// Parameters keep libpq's names, whatever the client calls them. `Debug` and `Display` are redacted.
#[derive(Clone)]
pub struct Conninfo {
    pub(super) form: Form,
    pub(super) client: Client,
    pub(super) entries: Vec<Entry>,
    /// Keywords that stand in the string more than once.
    pub(super) repeated: Vec<String>,
    /// Set when the string looks as if an unencoded `@`, `/` or `:` of a password had spilled into other parts.
    pub(super) suspect: bool,
}

impl Conninfo {
    /// Parses exactly as `PQconninfoParse` of libpq 18 does.
    ///
    /// Two departures, both refusals: a NUL byte (no C string holds one), and a percent-encoded value that is not
    /// UTF-8.
    ///
    /// # Errors
    /// Whatever libpq refuses; see [`DsnErrorKind`].
    pub fn parse(text: &str) -> Result<Self, DsnError> {
        Self::parse_as(text, LATEST)
    }

    /// Parses as libpq of that major version (9 to 18) does: without the keywords that came later, and with its
    /// treatment of blanks in URIs, which changed in 18.
    ///
    /// # Errors
    /// Whatever that libpq refuses.
    pub fn parse_as(text: &str, version: u8) -> Result<Self, DsnError> {
        refuse_nul(text)?;
        let mut builder = Builder::new(Client::Libpq, version);
        match detect(text) {
            Form::Uri => uri::parse(text, &mut builder)?,
            form => keyword_value::parse(text, &mut builder).map_err(|error| explain_form(form, text, error))?,
        }
        let form = if detect(text) == Form::Uri { Form::Uri } else { Form::KeywordValue };
        Ok(builder.finish(form))
    }

    /// Parses as `client` does: Go's clients read URIs by Go's `net/url` and take parameters that libpq refuses; JDBC
    /// has a form of its own.
    ///
    /// # Errors
    /// Whatever that client refuses while it parses.
    pub fn parse_for(text: &str, client: Client) -> Result<Self, DsnError> {
        refuse_nul(text)?;
        let mut builder = Builder::new(client, LATEST);
        let form = detect(text);
        match (client, form) {
            (Client::Libpq, _) => return Self::parse(text),
            (Client::Jdbc, Form::Jdbc) => jdbc::parse(text, &mut builder)?,
            (Client::Jdbc, _) => {
                return Err(wrong_form("jdbc:postgresql://host:port/database?key=value"));
            }
            (_, Form::Uri) | (Client::Bun, Form::BunUnix) => go_url::parse(text, client, &mut builder)?,
            (Client::Bun, _) => {
                return Err(wrong_form("postgres://, postgresql:// and unix:// URLs"));
            }
            (Client::LibPq | Client::Pgx, _) => {
                keyword_value::parse(text, &mut builder).map_err(|error| explain_form(form, text, error))?;
            }
        }
        Ok(builder.finish(form))
    }

    /// The form in which it was written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The client that it was parsed for.
    pub fn client(&self) -> Client {
        self.client
    }

    /// Whether parts of a badly encoded password may have ended up in host, port or database. If so, these are
    /// redacted too.
    pub fn suspect(&self) -> bool {
        self.suspect
    }

    /// The value that counts for a keyword: the last one.
    pub fn value(&self, keyword: &str) -> Option<&Value> {
        self.occurrences(keyword).last()
    }

    /// The text that counts for a keyword which is not a secret.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        match self.value(keyword)? {
            Value::Plain(text) => Some(text),
            Value::Secret(_) => None,
        }
    }

    /// The password written in the string.
    pub fn password(&self) -> Option<SecretString> {
        self.value("password").map(|value| value.expose().into())
    }

    /// Every keyword that the client acts on, once, with the value that counts, in libpq's order.
    pub fn params(&self) -> Vec<(&str, &Value)> {
        let mut params: Vec<(&str, &Value)> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.taken) {
            match params.iter_mut().find(|(name, _)| *name == entry.name) {
                Some(param) => param.1 = &entry.value,
                None => params.push((&entry.name, &entry.value)),
            }
        }
        params.sort_by_key(|(name, _)| keyword::rank(name));
        params
    }

    /// As [`Self::params`], as text that may be shown: secrets as `***`, and where the string is [suspect](Self::suspect)
    /// every part of its authority too.
    pub fn params_redacted(&self) -> Vec<(String, String)> {
        self.params().into_iter().map(|(name, value)| (name.to_owned(), self.shown(name, value))).collect()
    }

    /// Parameters that the client does not act on itself, by name; a name that is not safe to show is `None`.
    pub fn others(&self) -> Vec<Option<&str>> {
        self.entries.iter().filter(|entry| !entry.taken).map(|entry| keyword::showable(&entry.name)).collect()
    }

    pub(super) fn other(&self, name: &str) -> Option<&str> {
        self.entries.iter().rfind(|entry| !entry.taken && entry.name == name).map(|entry| entry.value.expose())
    }

    /// libpq's keywords that stand in the string more than once.
    pub fn repeated(&self) -> impl Iterator<Item = &str> {
        self.repeated.iter().map(String::as_str).filter(|name| keyword::find(name).is_some())
    }

    /// Whether a parameter that the client does not act on itself stands in the string.
    pub(super) fn unknown_names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| !entry.taken).map(|entry| entry.name.as_str())
    }

    /// Every value given for a keyword, in order.
    pub(super) fn occurrences(&self, keyword: &str) -> impl Iterator<Item = &Value> {
        self.entries.iter().filter(move |entry| entry.taken && entry.name == keyword).map(|entry| &entry.value)
    }

    fn shown(&self, name: &str, value: &Value) -> String {
        let harmless = name == "sslmode" && super::SslMode::parse(value.expose()).is_some();
        let hidden = self.suspect && !harmless || super::redact::holds_secret_setting(name, value.expose());
        if hidden { "***".to_owned() } else { value.to_string() }
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conninfo({self})")
    }
}

fn refuse_nul(text: &str) -> Result<(), DsnError> {
    match text.find('\0') {
        Some(offset) => Err(DsnError::new(DsnErrorKind::NulByte, offset)),
        None => Ok(()),
    }
}

fn wrong_form(reads: &'static str) -> DsnError {
    DsnError::new(DsnErrorKind::WrongForm(reads), 0)
}

/// A URL of another kind that was read as keyword/value pairs gets a hint instead of a riddle.
fn explain_form(form: Form, text: &str, error: DsnError) -> DsnError {
    let hint = match form {
        Form::Jdbc => {
            "this is a JDBC URL: ask for client jdbc, or drop \"jdbc:\" and move user and password before the host"
        }
        Form::BunUnix => "unix:// is read by bun only: write postgres:///database?host=/directory",
        Form::Uri | Form::KeywordValue
            if text.trim_start().get(..8).is_some_and(|head| head.eq_ignore_ascii_case("postgres")) =>
        {
            "a URI begins with postgres:// or postgresql://, in lower case and without blanks before it"
        }
        Form::Uri | Form::KeywordValue => return error,
    };
    DsnError { hint: Some(hint.to_owned()), ..error }
}

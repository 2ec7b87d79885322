//! The step between a parser and a [`Conninfo`]: takes keywords and decoded values one by one, and refuses or sets
//! aside what the client does not know. Apart from the parsers, because they share it, and from [`Conninfo`], because
//! that never changes once it is built.

use super::client::{Client, Form};
use super::conninfo::{Conninfo, Entry, Value};
use super::error::{DsnError, DsnErrorKind};
use super::keyword;

/// Collects entries while a parser runs, and refuses keywords as the client does.
pub(super) struct Builder {
    pub client: Client,
    pub version: u8,
    entries: Vec<Entry>,
    repeated: Vec<String>,
    suspect: bool,
}

impl Builder {
    pub(super) fn new(client: Client, version: u8) -> Self {
        Self { client, version, entries: Vec::new(), repeated: Vec::new(), suspect: false }
    }

    /// Notes that a keyword stands in the string more than once.
    pub(super) fn repeated(&mut self, name: &str) {
        if !self.repeated.iter().any(|known| known == name) {
            self.repeated.push(name.to_owned());
        }
    }

    /// Marks the string as one whose authority may hold parts of a password.
    pub(super) fn suspect(&mut self) {
        self.suspect = true;
    }

    /// Takes one keyword and its decoded value (`conninfo_storeval`).
    pub(super) fn push(&mut self, name: &str, value: String, offset: usize) -> Result<(), DsnError> {
        match self.client {
            Client::Libpq => self.push_strict(name, value, offset),
            Client::LibPq | Client::Pgx | Client::Bun | Client::Jdbc => {
                self.push_lenient(name, value);
                Ok(())
            }
        }
    }

    fn push_strict(&mut self, name: &str, value: String, offset: usize) -> Result<(), DsnError> {
        if name == "requiressl" {
            let mode = if value.starts_with('1') { "require" } else { "prefer" };
            return self.push_strict("sslmode", mode.to_owned(), offset);
        }
        let Some(keyword) = keyword::find(name) else {
            return Err(unknown_keyword(name, offset));
        };
        if keyword.since > self.version {
            let kind = DsnErrorKind::KeywordTooNew { name: keyword.name, since: keyword.since };
            return Err(DsnError::new(kind, offset));
        }
        self.push_taken(name, value, keyword.secret);
        Ok(())
    }

    fn push_lenient(&mut self, name: &str, value: String) {
        let name = match (self.client, name) {
            (Client::LibPq | Client::Pgx, "database") => "dbname",
            _ => name,
        };
        match keyword::find(name).filter(|_| self.client.takes(name)) {
            Some(keyword) => self.push_taken(name, value, keyword.secret),
            // Nobody knows what the value of a parameter that nobody knows may be.
            None => {
                let value = Value::new(value, true);
                self.entries.push(Entry { name: name.to_owned(), value, taken: false });
            }
        }
    }

    /// Takes a part whose place in the string says what it is (the authority of a URL).
    pub(super) fn push_taken(&mut self, name: &str, value: String, secret: bool) {
        if self.entries.iter().any(|entry| entry.taken && entry.name == name) {
            self.repeated(name);
        }
        self.entries.push(Entry { name: name.to_owned(), value: Value::new(value, secret), taken: true });
    }

    /// Closes the list.
    pub(super) fn finish(mut self, form: Form) -> Conninfo {
        let ports_are_numbers = self
            .entries
            .iter()
            .filter(|entry| entry.name == "port")
            .all(|entry| entry.value.expose().bytes().all(|byte| byte.is_ascii_digit() || b", ".contains(&byte)));
        let spilled_host = self.entries.iter().any(|entry| {
            entry.name == "host"
                && entry.value.expose().split(',').any(|host| host.trim_start_matches('@').contains('@'))
        });
        if form != Form::KeywordValue && (!ports_are_numbers || spilled_host) {
            self.suspect = true;
        }
        Conninfo { form, client: self.client, entries: self.entries, repeated: self.repeated, suspect: self.suspect }
    }
}

fn unknown_keyword(name: &str, offset: usize) -> DsnError {
    let kind = DsnErrorKind::UnknownKeyword { name: keyword::showable(name).map(str::to_owned) };
    match keyword::suggest(name) {
        Some("sslmode") => DsnError::hinted(kind, offset, "did you mean sslmode=require or sslmode=verify-full?"),
        Some(keyword) => DsnError::hinted(kind, offset, format!("did you mean {keyword}?")),
        None => DsnError::new(kind, offset),
    }
}

//! A connection string together with all that its client adds to it, each value with its origin.

use super::PasswordFacts;
use super::client::Client;
use super::conninfo::{Conninfo, Value};
use super::effective::Transport;
use super::error::Problem;
use super::hosts::Host;
use super::keyword;
use secrecy::SecretString;
use serde::Serialize;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The connection string itself.
    String,
    /// A section of this service file.
    Service(String),
    /// This environment variable.
    Environment(String),
    /// The user that the client runs as.
    User,
    /// The client's compiled default.
    Default,
}

/// One keyword with the value that counts, and where that comes from.
#[derive(Debug, Clone)]
pub struct Param {
    /// libpq's keyword.
    pub name: &'static str,
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// A connection string together with all that the client adds to it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The client that was asked about.
    pub client: Client,
    /// The string.
    pub conninfo: Conninfo,
    /// Every keyword that has a value, in libpq's order.
    pub params: Vec<Param>,
    /// The servers, in the order in which they are tried.
    pub hosts: Vec<Host>,
    /// Why some of `params` may be missing or different, when a file could not be read.
    pub incomplete: Option<String>,
    /// Why the client would refuse.
    pub errors: Vec<Problem>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

impl Resolved {
    /// The parameter of a keyword.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The text of a keyword that is not a secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        match &self.param(name)?.value {
            Value::Plain(text) => Some(text),
            Value::Secret(_) => None,
        }
    }

    /// As [`Self::get`], with empty meaning absent.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// The password for the server at that place in `hosts`: the string's or the environment's, else the password
    /// file's.
    pub fn password(&self, host: usize) -> Option<SecretString> {
        let given = self.param("password").map(|param| param.value.expose()).filter(|text| !text.is_empty());
        match given {
            Some(text) => Some(text.into()),
            None => self.hosts.get(host)?.passfile_password.clone(),
        }
    }

    /// Facts about the password for the first server.
    pub fn password_facts(&self) -> Option<PasswordFacts> {
        self.password(0).map(|password| PasswordFacts::of(&password, self.get("user"), self.get("dbname")))
    }

    /// TCP, unix socket, or both.
    pub fn transport(&self) -> Transport {
        let unix = self.hosts.iter().any(|host| host.transport == Transport::Unix);
        let tcp = self.hosts.iter().any(|host| host.transport == Transport::Tcp);
        match (unix, tcp) {
            (true, true) => Transport::Mixed,
            (true, false) => Transport::Unix,
            (false, _) => Transport::Tcp,
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.params.iter().any(|param| param.name == name)
    }

    /// Sets a keyword that has no value yet.
    pub(super) fn default(&mut self, name: &str, text: &str, origin: Origin) {
        if !self.has(name) {
            self.set(name, text, origin);
        }
    }

    pub(super) fn set(&mut self, name: &str, text: &str, origin: Origin) {
        let Some(keyword) = keyword::find(name) else {
            return;
        };
        self.params.retain(|param| param.name != name);
        let value = Value::new(text.to_owned(), keyword.secret);
        self.params.push(Param { name: keyword.name, value, origin });
    }
}

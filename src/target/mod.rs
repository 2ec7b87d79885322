//! The doors to the outside: a host or a root directory, a Docker daemon, a PostgreSQL server, an endpoint. Nothing else
//! in harden reads what it does not own.

pub mod docker;
pub mod endpoint;
pub mod host;
mod http1;
pub mod postgres;
pub mod process;
mod verifier;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::facts::Basis;
use crate::value::Reason;

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Host,
    Docker,
    Postgres,
    Endpoint,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Host, Kind::Docker, Kind::Postgres, Kind::Endpoint];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Docker => "docker",
            Kind::Postgres => "postgres",
            Kind::Endpoint => "endpoint",
        }
    }
}

/// An open target.
#[derive(Debug)]
pub enum Door {
    Host(host::Host),
    Docker(Box<docker::Docker>),
    Postgres(Box<postgres::Postgres>),
    Endpoint(Box<endpoint::Endpoint>),
}

/// The variables that something runs with, or will.
#[derive(Debug)]
pub struct Environment {
    /// What a person calls it: `container web`, `unit app.service`, `/etc/app.env`.
    pub owner: String,
    /// Where it was read.
    pub origin: String,
    pub basis: Basis,
    /// Names and values in effect, the last of a repeated name; or why they could not be read.
    pub variables: Result<Vec<Variable>, Reason>,
}

/// One variable. Its value is a secret until a rule says what it is.
#[derive(Debug)]
pub struct Variable {
    pub name: String,
    /// `None` when it is a reference that cannot be resolved (`${…}` that survived, a file that could not be read).
    pub value: Option<SecretString>,
    /// Where this one was set, when it is not the whole environment's origin: `path:line`, `image`.
    pub origin: Option<String>,
}

impl Door {
    /// What keys the fingerprints of secrets in this run.
    pub fn salt(&self) -> &crate::value::secret::Salt {
        match self {
            Door::Host(host) => host.salt(),
            Door::Docker(docker) => docker.salt(),
            Door::Postgres(postgres) => postgres.salt(),
            Door::Endpoint(endpoint) => endpoint.salt(),
        }
    }
}

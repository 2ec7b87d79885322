//! The doors to the outside: a host or a root directory, a Docker daemon, a PostgreSQL server, an endpoint, a project of
//! manifests. Nothing else in harden reads what it does not own.

pub mod docker;
pub mod endpoint;
pub mod host;
mod http1;
pub mod manifest;
pub mod postgres;
pub mod postgres_files;
pub mod process;
mod verifier;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::facts::Basis;
use crate::glob::Glob;
use crate::value::Reason;

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Host,
    Docker,
    Postgres,
    Endpoint,
    /// A Compose project, or Kubernetes manifests.
    Manifest,
    /// Whatever tells about containers: a Docker daemon or a manifest. Queries are of this kind, targets are not; where
    /// a rule also asks the daemon itself, the two are answered by the same one.
    Containers,
    /// The configuration files of a PostgreSQL server that is not asked.
    #[serde(rename = "postgres-files")]
    PostgresFiles,
    /// Whatever tells how a PostgreSQL server is configured: the server, or its files. Queries are of this kind, targets
    /// are not; where a rule also asks for what only a server knows, the server answers both.
    Cluster,
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
            Kind::Manifest => "manifest",
            Kind::Containers => "containers",
            Kind::PostgresFiles => "postgres-files",
            Kind::Cluster => "cluster",
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
    Manifest(Box<manifest::Manifest>),
    PostgresFiles(Box<postgres_files::PostgresFiles>),
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
    /// Variables of which it cannot be told whether they are set.
    pub unseen: Vec<Unseen>,
}

/// A doubt whether something sets a variable.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// The variable; `None` for any that is not among those that are known to be set.
    pub name: Option<String>,
    pub reason: Reason,
}

impl Environment {
    /// The variable, or that it is not set.
    ///
    /// # Errors
    /// Why neither can be told.
    pub fn variable(&self, name: &str) -> Result<Option<&Variable>, &Reason> {
        let variables = self.variables.as_ref()?;
        if let Some(variable) = variables.iter().find(|variable| variable.name == name) {
            return Ok(Some(variable));
        }
        let unseen = self.unseen.iter().find(|unseen| unseen.name.as_deref().is_none_or(|one| one == name));
        unseen.map_or(Ok(None), |unseen| Err(&unseen.reason))
    }

    /// The variables whose names match, and why there may be more of them.
    ///
    /// # Errors
    /// Why none of them can be told.
    pub fn matching(&self, glob: &Glob) -> Result<(Vec<&Variable>, Option<&Reason>), &Reason> {
        let variables = self.variables.as_ref()?.iter().filter(|variable| glob.matches(&variable.name)).collect();
        let unseen = self.unseen.iter().find(|unseen| unseen.name.as_deref().is_none_or(|name| glob.matches(name)));
        Ok((variables, unseen.map(|unseen| &unseen.reason)))
    }
}

/// One variable. Its value is a secret until a rule says what it is.
#[derive(Debug)]
pub struct Variable {
    pub name: String,
    /// What it is set to, or why that cannot be told: a reference that is not resolved (`${…}` that survived, a file that
    /// could not be read).
    pub value: Result<SecretString, Reason>,
    /// Where this one was set, when it is not the whole environment's origin: `path:line`, `image`.
    pub origin: Option<String>,
}

/// The reason of a value that holds a reference.
pub fn unresolved() -> Reason {
    Reason::new("it is set to something that harden does not resolve")
}

impl Door {
    /// What keys the fingerprints of secrets in this run.
    pub fn salt(&self) -> &crate::value::secret::Salt {
        match self {
            Door::Host(host) => host.salt(),
            Door::Docker(docker) => docker.salt(),
            Door::Postgres(postgres) => postgres.salt(),
            Door::Endpoint(endpoint) => endpoint.salt(),
            Door::Manifest(manifest) => manifest.salt(),
            Door::PostgresFiles(files) => files.host.salt(),
        }
    }
}

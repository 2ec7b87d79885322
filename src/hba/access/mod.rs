//! Every class of connection with the line that decides it, and the lines that decide nothing.
//!
//! Computed from the boundaries that the file draws, without sampling: an entry decides something
//! in a plane (transport, family, replication or not) if and only if some database, role and
//! address of it is taken by no earlier entry. Per pair of names that is a question about intervals
//! of addresses; and few pairs need asking (see `names`). Work is bounded; what would go beyond is
//! reported as unknown.

mod alike;
mod compile;
mod names;
mod pairs;
mod plane;
mod scan;
mod spans;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use super::cidr::Family;
use super::decide::{Context, Database, Decision, Question, STALE, Transport};
use super::types::{ClientCert, Hba, Method};

/// Where a client is, seen from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On a Unix-domain socket.
    Local,
    /// `127.0.0.0/8` or `::1`.
    Loopback,
    /// Any other address.
    Remote,
}

/// Connections of one kind that one line (or no line) decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// How the client connects.
    pub transport: Transport,
    /// From where.
    pub scope: Scope,
    /// With which addresses; `None` on a socket.
    pub family: Option<Family>,
    /// Physical replication.
    pub replication: bool,
    /// Whether the class is about superusers; `None` when roles are not known, and then about all.
    pub role_superuser: Option<bool>,
    /// A database of the class; `None` for physical replication.
    pub database: Option<Arc<str>>,
    /// A role of the class.
    pub role: Arc<str>,
    /// A client address of the class.
    pub address: Option<IpAddr>,
    /// What [`decide`](super::decide()) says of that witness; unknown, too, where the search for
    /// one was not finished, and then the witness need not be one.
    pub decision: Decision,
    /// The deciding entry, index into [`Hba::entries`]; `None` when none matches.
    pub entry: Option<usize>,
    /// Its method.
    pub method: Option<Method>,
    /// What certificate it asks for first.
    pub client_cert: ClientCert,
    /// Its file.
    pub file: Option<Arc<str>>,
    /// Its line.
    pub line: Option<u32>,
    /// Its text, secrets masked.
    pub text: Option<Arc<str>>,
}

impl Class {
    /// Nobody on the way can read along: TLS or GSSAPI encryption.
    pub fn encrypted(&self) -> bool {
        matches!(self.transport, Transport::Tls | Transport::Gss)
    }

    /// The client is on another machine.
    pub fn remote(&self) -> bool {
        self.scope == Scope::Remote
    }

    /// The witness as a question.
    pub fn question(&self) -> Question {
        let database = self.database.clone().map_or(Database::Replication, Database::Named);
        Question { transport: self.transport, database, role: self.role.clone(), address: self.address }
    }
}

/// An entry without a class that it decides for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Index into [`Hba::entries`].
    pub entry: usize,
    /// `None`: it never decides anything for anyone. Otherwise why that is not certain.
    pub unknown: Option<String>,
}

/// The whole map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// One for each distinct transport, scope, family, replication, superuser and deciding line.
    pub classes: Vec<Class>,
    /// Entries that decide nothing, or for which that is not known; ascending.
    pub dead: Vec<Dead>,
    /// Witness roles are existing roles; otherwise any name was held possible.
    pub roles_known: bool,
    /// Witness databases are existing databases; otherwise any name was held possible.
    pub databases_known: bool,
}

/// Computes the map.
pub fn access(hba: &Hba, context: &Context) -> Access {
    let mut result = scan::Scan::new(hba, context).run();
    if context.live && !hba.errors.is_empty() {
        result.classes.iter_mut().for_each(forget);
        result.classes.dedup_by_key(|c| (c.transport, c.scope, c.family, c.replication, c.role_superuser));
        result.dead.clear();
    }
    result
}

/// Leaves of a class that it exists.
fn forget(class: &mut Class) {
    class.decision = Decision::Unknown { reason: STALE.to_owned(), entry: None };
    (class.entry, class.method, class.client_cert) = (None, None, ClientCert::None);
    (class.file, class.line, class.text) = (None, None, None);
}

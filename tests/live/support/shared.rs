//! The instances that most tests use, each started by the first test that asks. A test that changes an instance starts
//! its own.

use std::sync::LazyLock;

use super::containers::Containers;
use super::docker::{self, Dockerd};
use super::postgres::{self, Postgres};

/// PostgreSQL with TLS, client certificates and the roles of [`postgres`].
pub(crate) fn postgres() -> &'static Postgres {
    static SERVER: LazyLock<Postgres> = LazyLock::new(|| {
        Postgres::start(&postgres::Options { tls: true, client_ca: true, ..postgres::Options::default() })
    });
    &SERVER
}

/// A Docker daemon with default settings and the set of [`Containers`].
pub(crate) fn docker() -> &'static (Dockerd, Containers) {
    static DAEMON: LazyLock<(Dockerd, Containers)> = LazyLock::new(|| {
        let daemon = Dockerd::start(&docker::Options::default());
        let containers = Containers::start(&daemon);
        (daemon, containers)
    });
    &DAEMON
}

//! The configuration files of a PostgreSQL server that is not asked: before it runs, or in the image of a machine.

use crate::target::host::Host;

/// Where packages and images keep `postgresql.conf`: Debian, the RPMs of the project and of Red Hat, the container image.
pub const USUAL: [&str; 5] = [
    "/etc/postgresql/*/*/postgresql.conf",
    "/var/lib/pgsql/data/postgresql.conf",
    "/var/lib/pgsql/*/data/postgresql.conf",
    "/var/lib/postgresql/data/postgresql.conf",
    "/var/lib/postgresql/*/docker/postgresql.conf",
];

/// The files that begin with one `postgresql.conf`.
#[derive(Debug)]
pub struct PostgresFiles {
    /// The target's name.
    pub name: String,
    /// The host or root directory that they are on.
    pub host: Host,
    /// The main file, by its path there.
    pub config: String,
}

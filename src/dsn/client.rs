//! The programs that read connection strings, and the forms such strings have.
//!
//! Facts of each client, from its public source: lib/pq `connector.go`, `ssl.go`, `CHANGELOG.md`; jackc/pgx
//! `pgconn/config.go`, `pgconn/defaults.go`; uptrace/bun `driver/pgdriver/config.go`, `proto.go`; pgjdbc
//! `org/postgresql/Driver.java`, `PGProperty.java`.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A client library, each with its own reading of the same string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// The C library: psql, pg_dump, psycopg, and most drivers of scripting languages.
    Libpq,
    /// Go `github.com/lib/pq`, up to 1.12.
    #[serde(rename = "lib/pq")]
    LibPq,
    /// Go `github.com/jackc/pgx/v5`, up to 5.10.
    Pgx,
    /// Go `github.com/uptrace/bun/driver/pgdriver`, 1.2.
    Bun,
    /// Java pgjdbc, 42.
    Jdbc,
}

impl Client {
    /// All clients.
    pub const ALL: [Self; 5] = [Self::Libpq, Self::LibPq, Self::Pgx, Self::Bun, Self::Jdbc];

    /// The client's name, as [`FromStr`] reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Libpq => "libpq",
            Self::LibPq => "lib/pq",
            Self::Pgx => "pgx",
            Self::Bun => "bun",
            Self::Jdbc => "jdbc",
        }
    }

    /// Whether the client itself acts on libpq's keyword of that name when it stands in the string.
    pub(super) fn takes(self, keyword: &str) -> bool {
        match self {
            Self::Libpq => true,
            Self::LibPq => !matches!(
                keyword,
                "channel_binding"
                    | "sslcrl"
                    | "sslcrldir"
                    | "sslcertmode"
                    | "sslpassword"
                    | "sslcompression"
                    | "requirepeer"
                    | "gssencmode"
                    | "gsslib"
                    | "gssdelegation"
                    | "scram_client_key"
                    | "scram_server_key"
                    | "sslkeylogfile"
                    | "oauth_issuer"
                    | "oauth_client_id"
                    | "oauth_client_secret"
                    | "oauth_scope"
            ),
            Self::Pgx => matches!(
                keyword,
                "host"
                    | "port"
                    | "dbname"
                    | "user"
                    | "password"
                    | "passfile"
                    | "connect_timeout"
                    | "sslmode"
                    | "sslkey"
                    | "sslcert"
                    | "sslrootcert"
                    | "sslnegotiation"
                    | "sslpassword"
                    | "sslsni"
                    | "krbsrvname"
                    | "target_session_attrs"
                    | "service"
                    | "min_protocol_version"
                    | "max_protocol_version"
                    | "channel_binding"
                    | "require_auth"
                    | "application_name"
                    | "client_encoding"
                    | "options"
                    | "replication"
            ),
            Self::Bun => matches!(
                keyword,
                "host"
                    | "application_name"
                    | "sslmode"
                    | "sslrootcert"
                    | "sslcert"
                    | "sslkey"
                    | "connect_timeout"
                    | "client_encoding"
            ),
            Self::Jdbc => matches!(
                keyword,
                "host"
                    | "port"
                    | "dbname"
                    | "user"
                    | "password"
                    | "sslmode"
                    | "sslrootcert"
                    | "sslcert"
                    | "sslkey"
                    | "sslpassword"
                    | "service"
                    | "gsslib"
                    | "options"
                    | "replication"
            ),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "libpq" | "psql" | "psycopg" => Ok(Self::Libpq),
            "lib/pq" | "libpq-go" | "lib-pq" | "pq" => Ok(Self::LibPq),
            "pgx" => Ok(Self::Pgx),
            "bun" | "pgdriver" => Ok(Self::Bun),
            "jdbc" | "pgjdbc" => Ok(Self::Jdbc),
            _ => Err("no such client: libpq, lib/pq, pgx, bun or jdbc".to_owned()),
        }
    }
}

/// The form of a connection string, by its first characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `postgres://…` or `postgresql://…`.
    Uri,
    /// `keyword=value …`, and all that is nothing else, the empty string included.
    KeywordValue,
    /// `jdbc:postgresql:…`.
    Jdbc,
    /// `unix://user:password@database/path`, which only bun reads.
    BunUnix,
}

/// The form of `text`. libpq compares the scheme case-sensitively (`uri_prefix_length` in `fe-connect.c`).
pub fn detect(text: &str) -> Form {
    if uri_prefix(text).is_some() {
        Form::Uri
    } else if text.starts_with("jdbc:") {
        Form::Jdbc
    } else if text.starts_with("unix://") {
        Form::BunUnix
    } else {
        Form::KeywordValue
    }
}

/// The scheme with its `://`, if `text` is a URI for libpq.
pub(super) fn uri_prefix(text: &str) -> Option<&'static str> {
    ["postgresql://", "postgres://"].into_iter().find(|prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{Client, Form, detect};

    #[test]
    fn names_round_trip() {
        for client in Client::ALL {
            assert_eq!(client.as_str().parse(), Ok(client));
        }
        assert!("odbc".parse::<Client>().is_err());
    }

    #[test]
    fn forms() {
        assert_eq!(detect("postgres://"), Form::Uri);
        assert_eq!(detect("postgresql://h"), Form::Uri);
        assert_eq!(detect("Postgres://h"), Form::KeywordValue);
        assert_eq!(detect("host=h"), Form::KeywordValue);
        assert_eq!(detect("jdbc:postgresql://h/d"), Form::Jdbc);
        assert_eq!(detect("unix:///tmp/s"), Form::BunUnix);
    }
}

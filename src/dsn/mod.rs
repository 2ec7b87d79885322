//! PostgreSQL connection strings: what they say, exactly as libpq reads them, and what they *mean* for the client that
//! will use them.
//!
//! Kept apart because a connection string is judged, never dialled, here: nothing in this module opens a socket or a
//! file. What lies around the string (environment, service file, password file, root certificates) is asked through
//! [`Surroundings`], so that every answer is a pure function of its arguments.
//!
//! The way through the module:
//!
//! ```text
//! text ─ Conninfo::parse ─▶ Conninfo ─ resolve ─▶ Resolved ─ effective ─▶ Effective ─ explain ─▶ Explained (JSON)
//!        (libpq, JDBC, Go)            (service, env,        (sslmode, what is verified,
//!                                      defaults, pgpass)     against which CA, on which transport)
//! ```
//!
//! Secrets (`password`, `sslpassword`, `scram_*_key`, `oauth_client_secret`) and the values of parameters that nobody
//! knows are held in [`secrecy::SecretString`]; `Debug`, `Display`, `Serialize` and every error text leave them out.
//!
//! Followed: PostgreSQL manual, "Connection Strings" and "SSL Support" of the libpq chapter;
//! `src/interfaces/libpq/fe-connect.c` and `fe-secure-openssl.c` of PostgreSQL 15 to 18.

mod builder;
mod client;
mod conninfo;
mod effective;
mod error;
mod explain;
mod fact;
mod go_url;
mod hosts;
mod jdbc;
mod keyword;
mod keyword_value;
mod passfile;
mod password;
mod percent;
mod redact;
mod resolve;
mod resolved;
mod service;
mod sslmode;
mod surroundings;
mod uri;

pub use client::{Client, Form, detect};
pub use conninfo::{Conninfo, Value};
pub use effective::{CaSource, Effective, Transport, Verified, effective};
pub use error::{DsnError, DsnErrorKind, Problem};
pub use explain::{Explained, ExplainedEffective, ExplainedHost, explain};
pub use fact::Fact;
pub use hosts::Host;
pub use keyword::{KEYWORDS, Keyword, LATEST};
pub use password::PasswordFacts;
pub use redact::redacted;
pub use resolve::resolve;
pub use resolved::{Origin, Param, Resolved};
pub use sslmode::SslMode;
pub use surroundings::{Stat, Surroundings};

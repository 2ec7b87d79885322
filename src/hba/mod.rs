//! `pg_hba.conf`: parsed and decided as PostgreSQL 13 to 18 parses and decides it.
//!
//! [`parse`] reads files (or [`from_view`] the rows of `pg_hba_file_rules`) into an [`Hba`];
//! [`decide()`] answers who is let in how for one connection; [`access()`] lists every class of
//! connection that some line, or no line, decides, and the lines that never decide anything.
//! The source of truth is PostgreSQL's `src/backend/libpq/hba.c`.

mod access;
mod catalog;
mod cidr;
mod decide;
mod entry;
mod example;
mod options;
mod parser;
mod pattern;
mod redact;
mod source;
#[cfg(test)]
mod tests;
mod tokens;
mod types;
mod view;

pub use access::{Access, Class, Dead, Scope, access};
pub use catalog::{Catalog, Role};
pub use cidr::{Family, Net};
pub use decide::{Context, Database, Decision, Question, Resolver, Transport, decide};
pub use parser::{parse, parse_for};
pub use pattern::Pattern;
pub use types::{
    Address, ClientCert, ConnType, Cut, DbToken, Entry, Files, Hba, HbaError, Interface, Method, RoleToken, Server,
};
pub use view::{ViewRow, from_view};

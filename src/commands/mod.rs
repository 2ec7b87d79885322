//! One file for each subcommand, and what they share.

pub mod check;
pub mod collect;
pub mod dsn;
pub mod output;
pub mod pg_access;
pub mod record;
pub mod rules;
pub mod rules_new;
pub mod schema;
pub mod setup;
pub mod targets;

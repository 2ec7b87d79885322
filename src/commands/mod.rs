//! One file for each subcommand, and what they share.

pub mod attest;
pub mod check;
pub mod checklist;
pub mod collect;
pub mod dsn;
pub mod output;
pub mod pg_access;
pub mod profiles;
pub mod record;
pub mod resources;
pub mod rules;
pub mod schema;
pub mod setup;
pub mod targets;

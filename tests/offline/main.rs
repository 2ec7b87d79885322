//! What can be tested anywhere: no network, no component, no privilege.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "tests end with a message where the program must not"
)]

mod attestation;
mod cli;
mod corpus;
mod coverage;
mod dsn;
mod facts;
mod guide;
mod hostile;
mod judging;
mod law;
mod mistakes;
mod packs;
mod profiles;
mod proofs;
mod random_rules;
mod readme;
mod record;
mod reference;
mod rules_new;
mod schemas;
mod scrub;
mod shown;
mod sources;
mod stories;
mod systems;

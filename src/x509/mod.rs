//! Certificates and private keys, read from bytes into facts that rules can ask.
//!
//! Pure: no file, no network, no clock (the time is a parameter) and no process-wide state. Every field tells known, absent
//! and unknown apart ([`Seen`]), because a parser's "unsupported" must never look like a judgement.
//!
//! - [`read_certificates`]: every certificate of a PEM or DER document, and what in it could not be read
//! - [`read_private_key`], [`key_matches`], [`key_facts()`]: keys, which never print themselves
//! - [`matches_host`]: subjectAltName against a host name or address
//! - [`chain()`]: a path from a certificate to trusted anchors
//! - [`read_openssh_key`], [`read_authorized_key`]: SSH's own formats

mod algorithms;
mod bundle;
mod certificate;
mod chain;
mod der;
mod extensions;
mod host;
mod key_facts;
mod key_match;
mod name;
mod pem;
mod private_key;
mod public_key;
mod seen;
mod signature;
mod ssh;
mod structure;

#[cfg(test)]
mod tests;

pub use bundle::{Bundle, Entry, Problem, read_certificates};
pub use certificate::{Certificate, NO_EXPIRY};
pub use chain::{Anchors, ChainFault, ChainVerdict, Usage, bundle_chain, chain};
pub use host::{matches_common_name_only, matches_host};
pub use key_facts::{KeyFacts, key_facts};
pub use key_match::key_matches;
pub use private_key::{KeyFormat, KeyProblem, PrivateKey, read_private_key};
pub use public_key::KeyShape;
pub use seen::Seen;
pub use ssh::{AuthorizedKey, SshPrivateKey, SshPublicKey, read_authorized_key, read_openssh_key};

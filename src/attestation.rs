//! Attestations: a person's dated statements for what no machine can see, in a file beside the configuration.
//!
//! The file is one entry a line (JSON), appended to, so that a diff shows what was stated and a union merge of two
//! branches stays valid. Each entry carries a hash over its other members: it shows a line that was changed by accident or
//! in passing, and is no signature. Who stated what is shown by the history of the repository that the file is kept in.
//!
//! An attestation is an overlay on a finding, never a status ([`Overlay`]). `harden attest` is the only thing that writes
//! the file, and apart from `--output` the only thing that harden writes at all.

mod file;
mod overlay;

pub use file::{Attestations, Entry, append, load, parse};
pub use overlay::{Overlay, State, Statements, judge};

/// The file's name, beside the configuration, unless it is given another one.
pub const FILE: &str = "attestations.jsonl";

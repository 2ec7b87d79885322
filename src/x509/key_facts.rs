//! What a private key file tells about itself, whichever format it is in.

use super::private_key::{KeyProblem, read_private_key};
use super::public_key::KeyShape;
use super::seen::Seen;
use super::ssh::read_openssh_key;

/// The facts of a private key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Kind, bits and curve; unknown where encryption hides them.
    pub shape: KeyShape,
    /// Whether a passphrase protects the key.
    pub encrypted: bool,
}

/// Reads the facts of the first key in PEM, DER or OpenSSH format.
///
/// # Errors
/// [`KeyProblem::NoKey`] or [`KeyProblem::Malformed`]; an encrypted key is no error here.
pub fn key_facts(bytes: &[u8]) -> Result<KeyFacts, KeyProblem> {
    match read_private_key(bytes) {
        Ok(key) => Ok(KeyFacts { shape: key.shape, encrypted: false }),
        Err(KeyProblem::Encrypted { key_type }) => Ok(KeyFacts { shape: hidden(key_type), encrypted: true }),
        Err(KeyProblem::OpenSsh) => match read_openssh_key(bytes) {
            Some(Ok(key)) => Ok(KeyFacts { shape: key.public.shape, encrypted: key.encrypted }),
            Some(Err(what)) => Err(KeyProblem::Malformed { line: None, what }),
            None => Err(KeyProblem::NoKey),
        },
        Err(problem @ (KeyProblem::NoKey | KeyProblem::Malformed { .. })) => Err(problem),
    }
}

fn hidden(key_type: Option<&'static str>) -> KeyShape {
    let reason = "the private key is encrypted";
    let curve = match key_type {
        Some("rsa" | "dsa") => Seen::Absent,
        _ => Seen::unknown(reason),
    };
    KeyShape {
        key_type: key_type.map_or_else(|| Seen::unknown(reason), |kind| Seen::Known(kind.to_owned())),
        key_bits: Seen::unknown(reason),
        curve,
    }
}

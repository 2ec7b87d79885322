//! Private keys: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017), SEC 1 (RFC 5915) and traditional DSA, in PEM or DER.
//!
//! Only what tells the public half is kept. The secret scalar of an EC key is kept too, because the public point beside it is
//! optional; it is wiped on drop and cannot be printed.

use zeroize::Zeroizing;

use super::der::{self, DerError, Reader};
use super::pem::{self, Block};
use super::public_key::{self, AlgorithmIdentifier, KeyShape, PublicKey};
use super::seen::Seen;

/// How the key was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    Pkcs8,
    /// `RSA PRIVATE KEY`
    Pkcs1,
    /// `EC PRIVATE KEY`
    Sec1,
    /// `DSA PRIVATE KEY`
    TraditionalDsa,
}

/// Why no private key was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyProblem {
    /// The key is there and protected by a passphrase; its kind when the label tells it.
    Encrypted { key_type: Option<&'static str> },
    /// The only key is in OpenSSH's own format: see [`super::read_openssh_key`].
    OpenSsh,
    /// There is no private key in these bytes.
    NoKey,
    /// The first key of the file cannot be read; `line` is that of its BEGIN.
    Malformed { line: Option<usize>, what: String },
}

impl std::fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encrypted { .. } => f.write_str("the private key is encrypted"),
            Self::OpenSsh => f.write_str("the private key is in OpenSSH format"),
            Self::NoKey => f.write_str("no private key was found"),
            Self::Malformed { line: Some(line), what } => {
                write!(f, "line {line}: the private key is malformed: {what}")
            }
            Self::Malformed { line: None, what } => {
                write!(f, "the private key is malformed: {what}")
            }
        }
    }
}

impl std::error::Error for KeyProblem {}

/// A private key, as far as is needed to tell whose certificate it belongs to.
pub struct PrivateKey {
    /// How it was written down.
    pub format: KeyFormat,
    /// Kind, bits and curve.
    pub shape: KeyShape,
    pub(super) half: Half,
}

/// What is known of the public half.
pub(super) enum Half {
    Public(PublicKey),
    /// An EC key on a known curve: its scalar, and the point when the file gives it.
    Ec {
        curve: String,
        scalar: Zeroizing<Vec<u8>>,
        point: Option<Vec<u8>>,
    },
    /// The kind is known, the public half is not computed.
    None,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey").field("format", &self.format).field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// Reads the private key that a server would use: of several in a PEM file the first one, as OpenSSL does, other blocks skipped.
///
/// # Errors
/// [`KeyProblem`]; its text never holds key material.
pub fn read_private_key(bytes: &[u8]) -> Result<PrivateKey, KeyProblem> {
    if pem::looks_like_pem(bytes) {
        return from_pem(bytes);
    }
    if bytes.first() != Some(&der::SEQUENCE) {
        return Err(KeyProblem::NoKey);
    }
    from_any_der(bytes)
}

fn from_pem(bytes: &[u8]) -> Result<PrivateKey, KeyProblem> {
    let blocks = pem::blocks(bytes);
    let is_openssh = |block: &&Block| block.label == "OPENSSH PRIVATE KEY";
    let mut keys = blocks.iter().filter(|block| block.is_private_key());
    match keys.clone().find(|block| !is_openssh(block)) {
        Some(block) => from_block(block),
        None if keys.any(|block| is_openssh(&block)) => Err(KeyProblem::OpenSsh),
        None => match blocks.iter().find(|block| block.label.is_empty()) {
            Some(block) => Err(malformed(Some(block.line), "the BEGIN line is malformed")),
            None => Err(KeyProblem::NoKey),
        },
    }
}

fn from_block(block: &Block) -> Result<PrivateKey, KeyProblem> {
    let line = Some(block.line);
    let key_type = match block.label.as_str() {
        "RSA PRIVATE KEY" => Some("rsa"),
        "EC PRIVATE KEY" => Some("ec"),
        "DSA PRIVATE KEY" => Some("dsa"),
        _ => None,
    };
    if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(KeyProblem::Encrypted { key_type });
    }
    if let Some(what) = block.overlooked {
        return Err(malformed(line, what));
    }
    let body = block.body.as_ref().map_err(|what| malformed(line, *what))?;
    let read = match block.label.as_str() {
        "PRIVATE KEY" => pkcs8(body),
        "RSA PRIVATE KEY" => pkcs1(body, false),
        "EC PRIVATE KEY" => sec1(body, Seen::Absent),
        "DSA PRIVATE KEY" => traditional_dsa(body),
        _ => return Err(malformed(line, "this kind of private key is not known")),
    };
    read.map_err(|error| malformed(line, error.to_string()))
}

fn malformed(line: Option<usize>, what: impl Into<String>) -> KeyProblem {
    KeyProblem::Malformed { line, what: what.into() }
}

/// Tells the formats apart by their first fields.
fn from_any_der(bytes: &[u8]) -> Result<PrivateKey, KeyProblem> {
    if let Some(encrypted) = encrypted_pkcs8(bytes) {
        return if encrypted { Err(KeyProblem::Encrypted { key_type: None }) } else { Err(KeyProblem::NoKey) };
    }
    let mut fields = match der::sequence(bytes) {
        Ok(fields) => fields,
        Err(error) => return Err(malformed(None, error.to_string())),
    };
    if fields.expect(der::INTEGER).is_err() {
        return Err(KeyProblem::NoKey);
    }
    let read = match fields.element().map(|second| second.tag) {
        Ok(der::SEQUENCE) => pkcs8(bytes),
        Ok(der::OCTET_STRING) => sec1(bytes, Seen::Absent),
        Ok(der::INTEGER) => pkcs1(bytes, false).or_else(|_| traditional_dsa(bytes)),
        _ => return Err(KeyProblem::NoKey),
    };
    read.map_err(|error| malformed(None, error.to_string()))
}

/// EncryptedPrivateKeyInfo is an algorithm and an OCTET STRING, and nothing more (RFC 5958 3). `None`: it starts otherwise.
fn encrypted_pkcs8(bytes: &[u8]) -> Option<bool> {
    let mut fields = der::sequence(bytes).ok()?;
    let mut algorithm = Reader::new(fields.optional(der::SEQUENCE).ok()??);
    let is_algorithm = algorithm.expect(der::OID).is_ok();
    Some(is_algorithm && fields.expect(der::OCTET_STRING).is_ok() && fields.is_empty())
}

/// OneAsymmetricKey (RFC 5958 2).
fn pkcs8(bytes: &[u8]) -> Result<PrivateKey, DerError> {
    let mut fields = der::sequence(bytes)?;
    fields.expect(der::INTEGER)?;
    let algorithm = AlgorithmIdentifier::read(&mut fields)?;
    let inner = fields.expect(der::OCTET_STRING)?;
    let key = match algorithm.oid.as_str() {
        public_key::RSA => pkcs1(inner, false)?,
        public_key::RSA_PSS => pkcs1(inner, true)?,
        public_key::EC => sec1(inner, algorithm.curve())?,
        public_key::ED25519 => ed25519(inner)?,
        _ => PrivateKey { format: KeyFormat::Pkcs8, shape: algorithm.shape(), half: Half::None },
    };
    Ok(PrivateKey { format: KeyFormat::Pkcs8, ..key })
}

/// RSAPrivateKey (RFC 8017 A.1.2).
fn pkcs1(bytes: &[u8], pss: bool) -> Result<PrivateKey, DerError> {
    let mut fields = der::sequence(bytes)?;
    fields.expect(der::INTEGER)?;
    let modulus = der::unsigned(fields.expect(der::INTEGER)?).ok_or(DerError::Tag)?.to_vec();
    let exponent = der::unsigned(fields.expect(der::INTEGER)?).ok_or(DerError::Tag)?.to_vec();
    for _ in ["d", "p", "q", "d mod (p-1)", "d mod (q-1)", "1/q mod p"] {
        fields.expect(der::INTEGER)?;
    }
    // Keys of more than two primes carry the others here.
    fields.optional(der::SEQUENCE)?;
    fields.finish()?;
    let public = PublicKey::Rsa { pss, modulus, exponent };
    Ok(PrivateKey { format: KeyFormat::Pkcs1, shape: public.shape(), half: Half::Public(public) })
}

/// ECPrivateKey (RFC 5915 3); within PKCS #8 the curve stands outside.
fn sec1(bytes: &[u8], outer: Seen<String>) -> Result<PrivateKey, DerError> {
    let mut fields = der::sequence(bytes)?;
    fields.expect(der::INTEGER)?;
    let scalar = Zeroizing::new(fields.expect(der::OCTET_STRING)?.to_vec());
    let inner = match fields.optional(der::context(0))? {
        Some(body) => Reader::new(body).element().map(|curve| public_key::curve_of(curve.tag, curve.body))?,
        None => Seen::Absent,
    };
    let point = match fields.optional(der::context(1))? {
        Some(body) => Some(der::whole_bits(Reader::new(body).expect(der::BIT_STRING)?).ok_or(DerError::Tag)?.to_vec()),
        None => None,
    };
    fields.finish()?;
    let curve = if matches!(outer, Seen::Absent) { inner } else { outer };
    let half = match curve.known() {
        Some(curve) => Half::Ec { curve: curve.clone(), scalar, point },
        None => Half::None,
    };
    Ok(PrivateKey { format: KeyFormat::Sec1, shape: public_key::ec_shape(curve), half })
}

/// CurvePrivateKey (RFC 8410 7).
fn ed25519(inner: &[u8]) -> Result<PrivateKey, DerError> {
    let mut reader = Reader::new(inner);
    let seed = reader.expect(der::OCTET_STRING)?;
    reader.finish()?;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| DerError::Length)?;
    let public = PublicKey::Ed25519(ring::signature::KeyPair::public_key(&pair).as_ref().to_vec());
    Ok(PrivateKey { format: KeyFormat::Pkcs8, shape: public.shape(), half: Half::Public(public) })
}

/// OpenSSL's DSAPrivateKey: version, p, q, g, y, x.
fn traditional_dsa(bytes: &[u8]) -> Result<PrivateKey, DerError> {
    let mut fields = der::sequence(bytes)?;
    fields.expect(der::INTEGER)?;
    let prime = fields.expect(der::INTEGER)?;
    for _ in ["q", "g", "y", "x"] {
        fields.expect(der::INTEGER)?;
    }
    fields.finish()?;
    Ok(PrivateKey { format: KeyFormat::TraditionalDsa, shape: public_key::dsa_shape(Some(prime)), half: Half::None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key() {
        for bytes in [&b""[..], b"text", b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"] {
            assert_eq!(read_private_key(bytes).err(), Some(KeyProblem::NoKey));
        }
        let broken = b"-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n";
        assert!(matches!(read_private_key(broken), Err(KeyProblem::Malformed { line: Some(1), .. })));
    }

    #[test]
    fn encryption_is_told_before_the_body_is_read() {
        let pkcs8 = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAEC\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(read_private_key(pkcs8).err(), Some(KeyProblem::Encrypted { key_type: None }));
        let legacy = b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAEC\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(read_private_key(legacy).err(), Some(KeyProblem::Encrypted { key_type: Some("ec") }));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = read_private_key(&bytes);
            let _ = (pkcs8(&bytes), pkcs1(&bytes, false), sec1(&bytes, Seen::Absent), traditional_dsa(&bytes));
        }
    }
}

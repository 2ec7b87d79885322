//! Every certificate of a file or value, in order, and what in it could not be read.

use super::certificate::Certificate;
use super::pem::{self, Block};

/// A certificate and where it stands.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The line of its BEGIN, from 1; `None` for DER.
    pub line: Option<usize>,
    pub certificate: Certificate,
}

/// A part that could not be read, or that other programs read differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the block, from 1; `None` when it is about the whole.
    pub line: Option<usize>,
    /// A lowercase fragment.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// What a certificate file holds.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    /// The certificates that were read, in the file's order.
    pub certificates: Vec<Entry>,
    /// Whether a private key stands in the same file.
    pub keys_present: bool,
    /// With any of these, `certificates` is not known to be all there is.
    pub problems: Vec<Problem>,
}

impl Bundle {
    /// Whether `certificates` is known to be everything that the bytes hold.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }

    /// Why the listing is incomplete, in one line.
    pub fn incompleteness(&self) -> Option<String> {
        let problems: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    /// A chain as a server shows it: one certificate after another, in DER.
    pub fn of_chain(chain: &[Vec<u8>]) -> Self {
        let mut bundle = Bundle::default();
        for der in chain {
            read_der(&mut bundle, der);
        }
        bundle
    }

    fn problem(&mut self, line: Option<usize>, what: impl Into<String>) {
        self.problems.push(Problem { line, what: what.into() });
    }
}

/// Reads PEM (any number of blocks, with text, keys and other objects between them) or one DER certificate.
///
/// Linear in the size of `bytes`, which the caller bounds. A block that cannot be read becomes a problem and hides no other.
pub fn read_certificates(bytes: &[u8]) -> Bundle {
    let mut bundle = Bundle::default();
    if bytes.trim_ascii().is_empty() {
        bundle.problem(None, "the file is empty");
    } else if looks_like_der(bytes) {
        read_der(&mut bundle, bytes);
    } else {
        for block in pem::blocks(bytes) {
            read_block(&mut bundle, &block);
        }
        if bundle.certificates.is_empty() && bundle.problems.is_empty() {
            bundle.problem(None, "no certificate was found");
        }
    }
    bundle
}

/// DER starts with a long SEQUENCE; text that happens to start with `0` does not continue with an octet above 0x7f.
fn looks_like_der(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, second, ..] if *second >= 0x80)
}

fn read_der(bundle: &mut Bundle, bytes: &[u8]) {
    match Certificate::from_der(bytes) {
        Ok((certificate, rest)) => {
            bundle.certificates.push(Entry { line: None, certificate });
            if rest > 0 {
                bundle.problem(None, format!("{rest} bytes follow the certificate"));
            }
        }
        Err(_) if is_pkcs12(bytes) => bundle.problem(None, "a PKCS #12 container is not read"),
        Err(what) => {
            bundle.keys_present = super::private_key::read_private_key(bytes).is_ok();
            bundle
                .problem(None, if bundle.keys_present { "a private key and no certificate".to_owned() } else { what });
        }
    }
}

/// PFX starts with the version 3 and a ContentInfo (RFC 7292 4).
fn is_pkcs12(bytes: &[u8]) -> bool {
    let version = super::der::Reader::new(bytes).expect(super::der::SEQUENCE).map(super::der::Reader::new);
    version.and_then(|mut fields| fields.expect(super::der::INTEGER)).is_ok_and(|version| version == [3])
}

fn read_block(bundle: &mut Bundle, block: &Block) {
    if block.is_private_key() {
        bundle.keys_present = true;
        return;
    }
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" => read_certificate(bundle, block),
        "TRUSTED CERTIFICATE" => bundle.problem(Some(block.line), "an OpenSSL TRUSTED CERTIFICATE is not plain X.509"),
        "PKCS7" | "CMS" | "PKCS #7 SIGNED DATA" => bundle.problem(Some(block.line), "a PKCS #7 container is not read"),
        "" => bundle.problem(Some(block.line), "the BEGIN line is malformed"),
        _ => {}
    }
}

fn read_certificate(bundle: &mut Bundle, block: &Block) {
    if let Some(what) = block.overlooked {
        bundle.problem(Some(block.line), what);
    }
    let read = match &block.body {
        Ok(_) if block.encrypted => Err("the certificate is encrypted".to_owned()),
        Ok(der) => Certificate::from_der(der),
        Err(what) => Err((*what).to_owned()),
    };
    match read {
        Ok((certificate, rest)) => {
            bundle.certificates.push(Entry { line: Some(block.line), certificate });
            if rest > 0 {
                bundle.problem(Some(block.line), format!("{rest} bytes follow the certificate in its block"));
            }
        }
        Err(what) => bundle.problem(Some(block.line), what),
    }
}

//! ClientHellos (RFC 5246, 7.4.1.2; RFC 8446, 4.1.2).
//!
//! At TLS 1.3 no key share is sent, which asks the server to say which group it wants (RFC 8446, 4.2.8): it answers with
//! its version, suite and group, and computes nothing.

use super::groups::GROUPS;
use super::schemes::SCHEMES;
use super::version::Version;

/// The suite that says that a lower version is offered than the client could speak (RFC 7507).
pub const FALLBACK: u16 = 0x5600;
/// The suite that stands for the extension of RFC 5746 where there are no extensions.
const RENEGOTIATION: u16 = 0x00ff;
/// A hello of a length in this range hangs some old servers (RFC 7685).
const HANGS: std::ops::Range<usize> = 256..512;

/// What is offered to a server.
#[derive(Debug, Clone)]
pub struct Hello<'h> {
    /// The highest version.
    pub version: Version,
    /// Whether versions down to TLS 1.0 are offered beside TLS 1.3.
    pub or_older: bool,
    pub suites: &'h [u16],
    pub server_name: Option<&'h str>,
    /// Groups, the favourite first.
    pub groups: &'h [u16],
    pub schemes: &'h [u16],
    pub alpn: Option<&'h str>,
    /// Offers DEFLATE.
    pub compression: bool,
    /// Says that a higher version could be spoken.
    pub fallback: bool,
    /// Random bytes as a share for x25519, where every 32 bytes are a public key, for servers that want one.
    pub key_share: bool,
}

impl<'h> Hello<'h> {
    /// A hello at a version with these suites, and with everything else that harden knows.
    pub fn new(version: Version, suites: &'h [u16], server_name: Option<&'h str>) -> Self {
        Hello {
            version,
            or_older: false,
            suites,
            server_name,
            groups: &ALL_GROUPS,
            schemes: &ALL_SCHEMES,
            alpn: None,
            compression: false,
            fallback: false,
            key_share: false,
        }
    }

    /// The record. `random` fills the random, the session id and the key share.
    pub fn bytes(&self, random: &[u8; 96]) -> Vec<u8> {
        let mut rest = random.chunks(32);
        let mut next = || rest.next().unwrap_or_default();
        let (random, session, share) = (next(), next(), next());
        let mut body = Vec::new();
        body.extend(self.version.min(Version::Tls12).wire().to_be_bytes());
        body.extend(random);
        // A session to go on with, which TLS 1.3 wants for the sake of things in between.
        part(&mut body, 1, if self.version == Version::Tls13 { session } else { &[] });
        let mut suites: Vec<u16> = self.suites.to_vec();
        if self.version == Version::Ssl3 {
            suites.push(RENEGOTIATION);
        }
        if self.fallback {
            suites.push(FALLBACK);
        }
        part(&mut body, 2, &numbers(&suites));
        part(&mut body, 1, if self.compression { &[1, 0] } else { &[0] });
        if self.version > Version::Ssl3 {
            let mut extensions = self.extensions(share);
            let length = 4 + body.len() + 2 + extensions.len();
            if HANGS.contains(&length) {
                let padding = HANGS.end.saturating_sub(length).saturating_sub(4);
                extension(&mut extensions, 21, &vec![0; padding]);
            }
            part(&mut body, 2, &extensions);
        }
        let mut message = vec![1];
        part(&mut message, 3, &body);
        let record_version = if self.version == Version::Ssl3 { Version::Ssl3 } else { Version::Tls10 };
        let mut record = vec![22];
        record.extend(record_version.wire().to_be_bytes());
        part(&mut record, 2, &message);
        record
    }

    fn extensions(&self, share: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(name) = self.server_name {
            let mut entry = vec![0];
            part(&mut entry, 2, name.as_bytes());
            extension(&mut all, 0, &list(2, &entry));
        }
        extension(&mut all, 10, &list(2, &numbers(self.groups)));
        // Uncompressed points, and the two that nobody should need.
        extension(&mut all, 11, &list(1, &[0, 1, 2]));
        if self.version >= Version::Tls12 {
            extension(&mut all, 13, &list(2, &numbers(self.schemes)));
        }
        // Asks for a stapled OCSP response.
        extension(&mut all, 5, &[1, 0, 0, 0, 0]);
        if let Some(protocol) = self.alpn {
            extension(&mut all, 16, &list(2, &list(1, protocol.as_bytes())));
        }
        // Encrypt-then-MAC, the extended master secret, secure renegotiation.
        extension(&mut all, 22, &[]);
        extension(&mut all, 23, &[]);
        extension(&mut all, 0xff01, &[0]);
        if self.version == Version::Tls13 {
            let older = [Version::Tls12, Version::Tls11, Version::Tls10].map(Version::wire);
            let older = if self.or_older { &older[..] } else { &[] };
            let versions: Vec<u16> = std::iter::once(self.version.wire()).chain(older.iter().copied()).collect();
            extension(&mut all, 43, &list(1, &numbers(&versions)));
            extension(&mut all, 45, &list(1, &[1]));
            let mut shares = Vec::new();
            if self.key_share {
                shares.extend(0x001d_u16.to_be_bytes());
                part(&mut shares, 2, share);
            }
            extension(&mut all, 51, &list(2, &shares));
        }
        all
    }
}

/// Every group that harden knows.
static ALL_GROUPS: [u16; GROUPS.len()] = firsts(GROUPS);
/// Every signature scheme that harden knows.
static ALL_SCHEMES: [u16; SCHEMES.len()] = firsts(SCHEMES);

#[expect(clippy::indexing_slicing, reason = "evaluated when harden is built, where a mistake is an error")]
const fn firsts<const N: usize>(rows: &[(u16, &str)]) -> [u16; N] {
    let mut numbers = [0; N];
    let mut i = 0;
    while i < N {
        numbers[i] = rows[i].0;
        i += 1;
    }
    numbers
}

fn numbers(items: &[u16]) -> Vec<u8> {
    items.iter().flat_map(|item| item.to_be_bytes()).collect()
}

/// Appends a part behind its length of so many bytes. What does not fit is cut off, which no caller lets happen.
fn part(to: &mut Vec<u8>, length_bytes: usize, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    to.extend(length.iter().skip(4_usize.saturating_sub(length_bytes)));
    to.extend(bytes);
}

fn list(length_bytes: usize, bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    part(&mut all, length_bytes, bytes);
    all
}

fn extension(to: &mut Vec<u8>, number: u16, body: &[u8]) {
    to.extend(number.to_be_bytes());
    part(to, 2, body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::offered;

    #[test]
    fn a_hello_is_framed() {
        let suites = offered(Version::Tls12);
        for version in Version::RECORDS {
            let bytes = Hello::new(version, &suites, Some("app.example")).bytes(&[7; 96]);
            assert_eq!(bytes[0], 22);
            assert_eq!(usize::from(u16::from_be_bytes([bytes[3], bytes[4]])), bytes.len() - 5);
            assert_eq!(usize::from(u16::from_be_bytes([bytes[7], bytes[8]])), bytes.len() - 9);
            assert_eq!(u16::from_be_bytes([bytes[9], bytes[10]]), version.min(Version::Tls12).wire());
        }
        let short = Hello::new(Version::Tls10, &[0x002f], None).bytes(&[7; 96]);
        let ssl3 = Hello::new(Version::Ssl3, &[0x002f], None).bytes(&[7; 96]);
        assert_eq!(ssl3.len(), 5 + 4 + 2 + 32 + 1 + 2 + 4 + 2, "no extensions");
        assert!(!HANGS.contains(&(short.len() - 5)), "{}", short.len());
    }

    #[test]
    fn rustls_reads_what_is_offered() {
        let suites = offered(Version::Tls13);
        let mut hello = Hello::new(Version::Tls13, &suites, Some("app.example"));
        hello.or_older = true;
        hello.alpn = Some("h2");
        let mut acceptor = rustls::server::Acceptor::default();
        acceptor.read_tls(&mut &hello.bytes(&[7; 96])[..]).unwrap();
        let accepted = acceptor.accept().map_err(|(error, _)| error).unwrap().unwrap();
        let seen = accepted.client_hello();
        assert_eq!(seen.server_name(), Some("app.example"));
        assert_eq!(seen.alpn().unwrap().collect::<Vec<_>>(), [b"h2"]);
        assert_eq!(seen.cipher_suites().len(), suites.len());
    }
}

//! The extensions of RFC 5280 that rules ask about, each read by itself so that a malformed one leaves the others known.

use std::net::IpAddr;

use x509_parser::prelude::{FromDer, X509Name};

use super::algorithms;
use super::der::{self, DerError, Reader};
use super::name::{hex, is_unsafe};
use super::seen::Seen;

/// One name of a subjectAltName, in its raw octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AltName {
    Dns(Vec<u8>),
    Ip(IpAddr),
    Uri(Vec<u8>),
    Email(Vec<u8>),
    /// A name of a kind that no host is compared with, as `kind:hex`.
    Other(String),
    /// An iPAddress that is neither 4 nor 16 octets.
    BadIp(Vec<u8>),
}

impl AltName {
    /// `dns:…`, `ip:…`, `uri:…`, `email:…`; octets that are not visible ASCII appear as `\XX`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Dns(name) => format!("dns:{}", visible(name)),
            Self::Ip(address) => format!("ip:{address}"),
            Self::Uri(name) => format!("uri:{}", visible(name)),
            Self::Email(name) => format!("email:{}", visible(name)),
            Self::Other(text) => text.clone(),
            Self::BadIp(octets) => format!("ip:#{}", hex(octets)),
        }
    }
}

fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().all(|c| c.is_ascii_graphic() && c != '\\' && !is_unsafe(c)) {
        return text.into_owned();
    }
    bytes
        .iter()
        .map(|&b| if b.is_ascii_graphic() && b != b'\\' { char::from(b).to_string() } else { format!("\\{b:02X}") })
        .collect()
}

/// basicConstraints (RFC 5280 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BasicConstraints {
    pub(super) ca: bool,
    pub(super) path_len: Option<u32>,
}

/// Which kinds of names a nameConstraints extension is about (RFC 5280 4.2.1.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConstraintKinds {
    /// dNSName and iPAddress only.
    HostsOnly,
    /// Other kinds too, or the extension is malformed.
    Others,
}

/// authorityKeyIdentifier (RFC 5280 4.2.1.1): which of an issuer's certificates is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AuthorityKey {
    pub(super) key_id: Option<Vec<u8>>,
    /// The canonical name of the issuer's issuer.
    pub(super) issuer_key: Option<Vec<u8>>,
    /// The contents of the issuer's serial number.
    pub(super) serial: Option<Vec<u8>>,
}

/// What the extensions say; each field by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Seen<BasicConstraints>,
    pub(super) key_usage: Seen<Vec<String>>,
    pub(super) eku: Seen<Vec<String>>,
    pub(super) san: Seen<Vec<AltName>>,
    pub(super) name_constraints: Option<ConstraintKinds>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key: Option<AuthorityKey>,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            basic_constraints: Seen::Absent,
            key_usage: Seen::Absent,
            eku: Seen::Absent,
            san: Seen::Absent,
            name_constraints: None,
            subject_key_id: None,
            authority_key: None,
        }
    }
}

impl Extensions {
    /// Takes one extension: the octets of its identifier and the contents of its extnValue.
    pub(super) fn take(&mut self, oid: &[u8], value: &[u8]) {
        match oid {
            [0x55, 0x1d, 14] => {
                self.subject_key_id = Reader::new(value).expect(der::OCTET_STRING).ok().map(<[u8]>::to_vec)
            }
            [0x55, 0x1d, 15] => set(&mut self.key_usage, "keyUsage", value, key_usage),
            [0x55, 0x1d, 17] => set(&mut self.san, "subjectAltName", value, alt_names),
            [0x55, 0x1d, 19] => set(&mut self.basic_constraints, "basicConstraints", value, basic_constraints),
            [0x55, 0x1d, 30] => self.name_constraints = Some(constraint_kinds(value)),
            [0x55, 0x1d, 35] => self.authority_key = authority_key(value).ok(),
            [0x55, 0x1d, 37] => set(&mut self.eku, "extKeyUsage", value, purposes),
            _ => {}
        }
    }
}

/// A repeated extension is unknown: RFC 5280 4.2 forbids it, and programs disagree on which one counts.
fn set<T>(field: &mut Seen<T>, name: &str, value: &[u8], read: impl Fn(&[u8]) -> Result<T, DerError>) {
    *field = match (&*field, read(value)) {
        (Seen::Known(_) | Seen::Unknown(_), _) => Seen::unknown(format!("the extension {name} is repeated")),
        (Seen::Absent, Ok(read)) => Seen::Known(read),
        (Seen::Absent, Err(error)) => Seen::unknown(format!("the extension {name} is malformed: {error}")),
    };
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, DerError> {
    let mut reader = der::sequence(value)?;
    let ca = match reader.optional(der::BOOLEAN)? {
        None => false,
        Some([octet]) => *octet != 0,
        Some(_) => return Err(DerError::Length),
    };
    let path_len = match reader.optional(der::INTEGER)? {
        None => None,
        Some(body) => Some(algorithms::small(body).ok_or(DerError::Length)?),
    };
    reader.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

/// The names of RFC 5280 4.2.1.3, by bit number.
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

fn key_usage(value: &[u8]) -> Result<Vec<String>, DerError> {
    let mut reader = Reader::new(value);
    let body = reader.expect(der::BIT_STRING)?;
    reader.finish()?;
    let (&unused, octets) = body.split_first().ok_or(DerError::Truncated)?;
    if unused > 7 {
        return Err(DerError::Length);
    }
    let is_set = |bit: usize| octets.get(bit / 8).is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0);
    Ok(KEY_USAGES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| (*name).to_owned()).collect())
}

fn purposes(value: &[u8]) -> Result<Vec<String>, DerError> {
    let mut reader = der::sequence(value)?;
    let mut purposes = Vec::new();
    while !reader.is_empty() {
        let oid = der::oid_text(reader.expect(der::OID)?).ok_or(DerError::Tag)?;
        purposes.push(algorithms::purpose(&oid).to_owned());
    }
    Ok(purposes)
}

fn authority_key(value: &[u8]) -> Result<AuthorityKey, DerError> {
    let mut fields = der::sequence(value)?;
    let key_id = fields.optional(0x80)?.map(<[u8]>::to_vec);
    let issuer_key = fields.optional(der::context(1))?.and_then(first_directory_name);
    let serial = fields.optional(0x82)?.map(<[u8]>::to_vec);
    Ok(AuthorityKey { key_id, issuer_key, serial })
}

fn first_directory_name(names: &[u8]) -> Option<Vec<u8>> {
    let mut names = Reader::new(names);
    while let Ok(name) = names.element() {
        if name.tag == 0xa4 {
            return X509Name::from_der(name.body).ok().map(|(_, name)| super::name::canonical(&name));
        }
    }
    None
}

/// GeneralNames (RFC 5280 4.2.1.6).
fn alt_names(value: &[u8]) -> Result<Vec<AltName>, DerError> {
    let mut reader = der::sequence(value)?;
    let mut names = Vec::new();
    while !reader.is_empty() {
        let element = reader.element()?;
        names.push(alt_name(element.tag, element.body)?);
    }
    Ok(names)
}

fn alt_name(tag: u8, body: &[u8]) -> Result<AltName, DerError> {
    Ok(match tag {
        0x81 => AltName::Email(body.to_vec()),
        0x82 => AltName::Dns(body.to_vec()),
        0x86 => AltName::Uri(body.to_vec()),
        0x87 => address(body).map_or_else(|| AltName::BadIp(body.to_vec()), AltName::Ip),
        0x88 => AltName::Other(format!("rid:{}", der::oid_text(body).ok_or(DerError::Tag)?)),
        0xa0 => AltName::Other(format!("other:{}", hex(body))),
        0xa3 => AltName::Other(format!("x400:{}", hex(body))),
        0xa4 => AltName::Other(format!("dirname:{}", directory_name(body))),
        0xa5 => AltName::Other(format!("ediparty:{}", hex(body))),
        _ => return Err(DerError::Tag),
    })
}

fn constraint_kinds(value: &[u8]) -> ConstraintKinds {
    match subtree_tags(value) {
        Ok(tags) if tags.iter().all(|tag| matches!(tag, 0x82 | 0x87)) => ConstraintKinds::HostsOnly,
        _ => ConstraintKinds::Others,
    }
}

/// The tags of the base names of all subtrees, permitted and excluded.
fn subtree_tags(value: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut lists = der::sequence(value)?;
    let mut tags = Vec::new();
    while !lists.is_empty() {
        let mut subtrees = Reader::new(lists.element()?.body);
        while !subtrees.is_empty() {
            tags.push(Reader::new(subtrees.expect(der::SEQUENCE)?).element()?.tag);
        }
    }
    Ok(tags)
}

fn directory_name(body: &[u8]) -> String {
    match X509Name::from_der(body) {
        Ok((_, name)) => super::name::text(&name),
        Err(_) => format!("#{}", hex(body)),
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_extension_is_unknown() {
        let mut extensions = Extensions::default();
        extensions.take(&[0x55, 0x1d, 19], &[0x30, 3, 1, 1, 0xff]);
        assert_eq!(extensions.basic_constraints, Seen::Known(BasicConstraints { ca: true, path_len: None }));
        extensions.take(&[0x55, 0x1d, 19], &[0x30, 0]);
        assert!(extensions.basic_constraints.reason().is_some());
    }

    #[test]
    fn foreign_octets_in_names_are_shown_escaped() {
        assert_eq!(AltName::Dns(b"a\0b\x1b\xc3\\".to_vec()).text(), "dns:a\\00b\\1B\\C3\\5C");
        assert_eq!(alt_name(0x87, &[127, 0, 0]), Ok(AltName::BadIp(vec![127, 0, 0])));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(value: Vec<u8>) {
            let mut extensions = Extensions::default();
            for id in [14, 15, 17, 19, 30, 35, 37] {
                extensions.take(&[0x55, 0x1d, id], &value);
            }
        }
    }
}

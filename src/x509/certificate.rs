//! One X.509 certificate (RFC 5280) and the facts that rules ask of it.

use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::nom::Parser;

use super::algorithms::{self, SignatureAlgorithm};
use super::extensions::{AltName, Extensions};
use super::name;
use super::public_key::{KeyShape, PublicKey, sha256};
use super::seen::Seen;
use super::signature;
use super::structure::{self, Outline};

/// 9999-12-31T23:59:59Z, which RFC 5280 4.1.2.5 uses for "no well-defined expiration date".
pub const NO_EXPIRY: i64 = 253_402_300_799;

/// A certificate that was read. Text from the certificate is escaped and safe to show.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// RFC 4514 text of the subject, most specific part first; empty for an empty name.
    pub subject: String,
    /// RFC 4514 text of the issuer.
    pub issuer: String,
    /// The first commonName of the subject, raw: it may hold any character.
    pub subject_cn: Seen<String>,
    /// The serial number in upper-case hexadecimal, whole octets, `-` before a negative one, as `openssl x509 -serial` prints it.
    pub serial: String,
    /// Seconds since 1970-01-01 UTC; valid from here on, inclusive.
    pub not_before: i64,
    /// Seconds since 1970-01-01 UTC; valid until here, inclusive. [`NO_EXPIRY`] means none.
    pub not_after: i64,
    /// `dns:`, `ip:`, `uri:`, `email:` names, and others by their kind.
    pub san: Seen<Vec<String>>,
    /// basicConstraints cA; false when a v3 certificate has none, absent for v1 and v2, which cannot say.
    pub is_ca: Seen<bool>,
    /// basicConstraints pathLenConstraint.
    pub path_len: Seen<u32>,
    /// Names of RFC 5280 4.2.1.3.
    pub key_usage: Seen<Vec<String>>,
    /// Names of RFC 5280 4.2.1.12, or dotted identifiers.
    pub eku: Seen<Vec<String>>,
    /// Kind, bits and curve of the subject's key.
    pub key: KeyShape,
    /// `sha256WithRSAEncryption`, `ecdsa-with-SHA256`, `ed25519`, `rsassaPss`, … or the dotted identifier.
    pub signature_algorithm: Seen<String>,
    /// `md5`, `sha1`, `sha256`, …
    pub signature_hash: Seen<String>,
    /// Whether subject and issuer are the same name. Says nothing about who signed.
    pub self_issued: bool,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub sha256: String,
    /// 1, 2 or 3.
    pub version: u32,
    pub(super) der: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) public_key: Result<PublicKey, String>,
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) extensions: Extensions,
    pub(super) subject_key: Vec<u8>,
    pub(super) issuer_key: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads one DER certificate from the start of `bytes`; also the number of octets after it.
    ///
    /// # Errors
    /// A lowercase fragment that says what is malformed.
    pub fn from_der(bytes: &[u8]) -> Result<(Self, usize), String> {
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (rest, parsed) = parser.parse(bytes).map_err(|error| explain(&error))?;
        let der = bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default();
        check_completeness(der, &parsed)?;
        Ok((Self::read(der, &parsed), rest.len()))
    }

    fn read(der: &[u8], parsed: &X509Certificate<'_>) -> Self {
        let tbs = &parsed.tbs_certificate;
        let mut extensions = Extensions::default();
        for extension in tbs.extensions() {
            extensions.take(extension.oid.as_bytes(), extension.value);
        }
        let version = tbs.version.0.saturating_add(1);
        let public_key =
            PublicKey::from_spki(tbs.subject_pki.raw).map_err(|e| format!("the public key is malformed: {e}"));
        let algorithm = signature_algorithm(parsed);
        let agrees = parsed.signature_algorithm == tbs.signature;
        let (subject_key, issuer_key) = (name::canonical(&tbs.subject), name::canonical(&tbs.issuer));
        let signature =
            if parsed.signature_value.unused_bits == 0 { parsed.signature_value.data.to_vec() } else { Vec::new() };
        Self {
            subject: name::text(&tbs.subject),
            issuer: name::text(&tbs.issuer),
            subject_cn: name::common_name(&tbs.subject).map_or(Seen::Absent, Seen::Known),
            serial: serial(tbs.raw_serial()),
            not_before: tbs.validity.not_before.timestamp(),
            not_after: tbs.validity.not_after.timestamp(),
            san: extensions.san.clone().map(|names| names.iter().map(AltName::text).collect()),
            is_ca: is_ca(version, &extensions),
            path_len: path_len(&extensions),
            key_usage: extensions.key_usage.clone(),
            eku: extensions.eku.clone(),
            key: key_shape(&public_key),
            signature_algorithm: same(agrees, Seen::Known(algorithm.name.clone())),
            signature_hash: same(agrees, algorithm.hash.clone()),
            self_issued: subject_key == issuer_key,
            sha256: sha256(der),
            version,
            der: der.to_vec(),
            spki: tbs.subject_pki.raw.to_vec(),
            public_key,
            algorithm,
            extensions,
            subject_key,
            issuer_key,
            signed: tbs.as_ref().to_vec(),
            signature,
        }
    }

    /// The certificate's DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Whether `not_after` is the date that stands for none.
    pub fn never_expires(&self) -> bool {
        self.not_after == NO_EXPIRY
    }

    /// Whether the certificate names itself as issuer **and** its signature verifies with its own key. Equal names with an
    /// algorithm that is not verified here are unknown.
    pub fn self_signed(&self) -> Seen<bool> {
        if !self.self_issued {
            return Seen::Known(false);
        }
        match &self.public_key {
            Ok(key) => signature::verify(key, &self.algorithm, &self.signed, &self.signature),
            Err(reason) => Seen::Unknown(reason.clone()),
        }
    }

    /// Whether the authorityKeyIdentifier, as far as it goes, means this issuer's certificate.
    pub(super) fn points_to(&self, issuer: &Self) -> bool {
        let Some(meant) = &self.extensions.authority_key else {
            return true;
        };
        let key_id = match (&meant.key_id, &issuer.extensions.subject_key_id) {
            (Some(meant), Some(actual)) => meant == actual,
            _ => true,
        };
        key_id
            && meant.serial.as_ref().is_none_or(|meant| serial(meant) == issuer.serial)
            && meant.issuer_key.as_ref().is_none_or(|meant| *meant == issuer.issuer_key)
    }

    pub(super) fn is_valid_at(&self, now: i64) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// Whether x509-parser read all that is there.
fn check_completeness(der: &[u8], parsed: &X509Certificate<'_>) -> Result<(), String> {
    let tbs = &parsed.tbs_certificate;
    let there = structure::outline(der).map_err(|error| format!("not an X.509 certificate: {error}"))?;
    let read = Outline {
        issuer_attributes: tbs.issuer.iter_attributes().count(),
        subject_attributes: tbs.subject.iter_attributes().count(),
        extensions: tbs.extensions().len(),
    };
    if there == read {
        Ok(())
    } else {
        Err("a part of the certificate's names or extensions is not readable".to_owned())
    }
}

fn explain(error: &x509_parser::nom::Err<x509_parser::error::X509Error>) -> String {
    use x509_parser::nom::Err;
    match error {
        Err::Incomplete(_) => "not an X.509 certificate: it ends early".to_owned(),
        Err::Error(error) | Err::Failure(error) => {
            format!("not an X.509 certificate: {}", error.to_string().to_lowercase())
        }
    }
}

fn signature_algorithm(parsed: &X509Certificate<'_>) -> SignatureAlgorithm {
    let identifier = &parsed.signature_algorithm;
    let oid = super::der::oid_text(identifier.algorithm.as_bytes()).unwrap_or_default();
    let sequence = identifier.parameters.as_ref().filter(|p| p.tag().0 == 16);
    let parameters = sequence.map(pss_sequence);
    algorithms::signature(&oid, parameters.as_deref())
}

/// The parameters' DER, which x509-parser hands out without its header.
fn pss_sequence(parameters: &x509_parser::der_parser::asn1_rs::Any<'_>) -> Vec<u8> {
    let mut raw = vec![super::der::SEQUENCE];
    let length = u32::try_from(parameters.data.len()).unwrap_or(u32::MAX);
    raw.push(0x84);
    raw.extend(length.to_be_bytes());
    raw.extend(parameters.data);
    raw
}

fn same<T>(agrees: bool, value: Seen<T>) -> Seen<T> {
    if agrees { value } else { Seen::unknown("the certificate names two different signature algorithms") }
}

fn serial(raw: &[u8]) -> String {
    let negative = raw.first().is_some_and(|first| first & 0x80 != 0);
    let magnitude = if negative { negate(raw) } else { raw.to_vec() };
    let digits = name::hex(super::der::strip_zeros(&magnitude)).to_uppercase();
    match (negative, digits.is_empty()) {
        (_, true) => "00".to_owned(),
        (true, false) => format!("-{digits}"),
        (false, false) => digits,
    }
}

/// The magnitude of a negative two's complement number.
fn negate(raw: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = raw.iter().map(|octet| !octet).collect();
    for octet in out.iter_mut().rev() {
        let (sum, carry) = octet.overflowing_add(1);
        *octet = sum;
        if !carry {
            break;
        }
    }
    out
}

fn is_ca(version: u32, extensions: &Extensions) -> Seen<bool> {
    match &extensions.basic_constraints {
        Seen::Known(constraints) => Seen::Known(constraints.ca),
        Seen::Absent if version < 3 => Seen::Absent,
        Seen::Absent => Seen::Known(false),
        Seen::Unknown(reason) => Seen::Unknown(reason.clone()),
    }
}

fn path_len(extensions: &Extensions) -> Seen<u32> {
    match &extensions.basic_constraints {
        Seen::Known(constraints) => constraints.path_len.map_or(Seen::Absent, Seen::Known),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(reason) => Seen::Unknown(reason.clone()),
    }
}

fn key_shape(key: &Result<PublicKey, String>) -> KeyShape {
    match key {
        Ok(key) => key.shape(),
        Err(reason) => KeyShape {
            key_type: Seen::Unknown(reason.clone()),
            key_bits: Seen::Unknown(reason.clone()),
            curve: Seen::Unknown(reason.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_as_openssl_prints_them() {
        assert_eq!(serial(&[0x00, 0x8f, 0x01]), "8F01");
        assert_eq!(serial(&[0x0a]), "0A");
        assert_eq!(serial(&[0x00]), "00");
        assert_eq!(serial(&[0xff]), "-01");
        assert_eq!(serial(&[0x80, 0x00]), "-8000");
    }
}

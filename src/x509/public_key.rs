//! Public keys: what kind, how strong, and the parts by which a private key is recognised.

use super::algorithms;
use super::der::{self, DerError, Reader};
use super::name::hex;
use super::seen::Seen;

/// The kind and strength of a key, private or public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyShape {
    /// `rsa`, `rsa-pss`, `ec`, `ed25519`, `ed448`, `x25519`, `x448`, `dsa`, or the dotted algorithm identifier.
    pub key_type: Seen<String>,
    /// Bits: of the RSA modulus or DSA prime, of the curve's field (P-521 has 521; Ed25519 256, Ed448 456).
    pub key_bits: Seen<u32>,
    /// `P-256`, `secp256k1`, … or the dotted identifier of a curve that is not known; absent for keys that are not EC.
    pub curve: Seen<String>,
}

/// A public key, as far as it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// `pss` when the key is bound to RSASSA-PSS (RFC 4055). Numbers without leading zeros.
    Rsa {
        pss: bool,
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// `point` is SEC 1 encoded.
    Ec {
        curve: String,
        point: Vec<u8>,
    },
    Ed25519(Vec<u8>),
    /// A kind that is recognised but not compared.
    Other(KeyShape),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
    pub(super) fn from_spki(spki: &[u8]) -> Result<Self, DerError> {
        let mut reader = der::sequence(spki)?;
        let algorithm = AlgorithmIdentifier::read(&mut reader)?;
        let bits = der::whole_bits(reader.expect(der::BIT_STRING)?).ok_or(DerError::Tag)?;
        reader.finish()?;
        match algorithm.oid.as_str() {
            RSA => Self::rsa(bits, false),
            RSA_PSS => Self::rsa(bits, true),
            EC => Ok(match algorithm.curve() {
                Seen::Known(curve) => Self::Ec { curve, point: bits.to_vec() },
                curve @ (Seen::Absent | Seen::Unknown(_)) => Self::Other(ec_shape(curve)),
            }),
            ED25519 => Ok(Self::Ed25519(bits.to_vec())),
            _ => Ok(Self::Other(algorithm.shape())),
        }
    }

    /// Reads an RSAPublicKey (RFC 8017 A.1.1).
    fn rsa(bits: &[u8], pss: bool) -> Result<Self, DerError> {
        let mut reader = der::sequence(bits)?;
        let modulus = der::unsigned(reader.expect(der::INTEGER)?).ok_or(DerError::Tag)?.to_vec();
        let exponent = der::unsigned(reader.expect(der::INTEGER)?).ok_or(DerError::Tag)?.to_vec();
        Ok(Self::Rsa { pss, modulus, exponent })
    }

    pub(super) fn shape(&self) -> KeyShape {
        match self {
            Self::Rsa { pss, modulus, .. } => KeyShape {
                key_type: known(if *pss { "rsa-pss" } else { "rsa" }),
                key_bits: Seen::Known(der::bit_length(modulus)),
                curve: Seen::Absent,
            },
            Self::Ec { curve, .. } => ec_shape(Seen::Known(curve.clone())),
            Self::Ed25519(_) => fixed("ed25519", 256),
            Self::Other(shape) => shape.clone(),
        }
    }
}

pub(super) const RSA: &str = "1.2.840.113549.1.1.1";
pub(super) const RSA_PSS: &str = "1.2.840.113549.1.1.10";
pub(super) const EC: &str = "1.2.840.10045.2.1";
pub(super) const ED25519: &str = "1.3.101.112";
const DSA: &str = "1.2.840.10040.4.1";

/// An AlgorithmIdentifier of a key: its dotted identifier and the raw parameters.
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: String,
    parameters: Option<der::Element<'a>>,
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let mut fields = Reader::new(reader.expect(der::SEQUENCE)?);
        let oid = der::oid_text(fields.expect(der::OID)?).ok_or(DerError::Tag)?;
        let parameters = if fields.is_empty() { None } else { Some(fields.element()?) };
        Ok(Self { oid, parameters })
    }

    /// The named curve of an EC key.
    pub(super) fn curve(&self) -> Seen<String> {
        match self.parameters {
            Some(parameters) => curve_of(parameters.tag, parameters.body),
            None => Seen::unknown("the curve is not given"),
        }
    }

    /// The shape of a key of which only the algorithm tells anything.
    pub(super) fn shape(&self) -> KeyShape {
        match self.oid.as_str() {
            EC => ec_shape(self.curve()),
            ED25519 => fixed("ed25519", 256),
            "1.3.101.113" => fixed("ed448", 456),
            "1.3.101.110" => fixed("x25519", 256),
            "1.3.101.111" => fixed("x448", 448),
            DSA => dsa_shape(self.parameters.and_then(|p| Reader::new(p.body).expect(der::INTEGER).ok())),
            RSA | RSA_PSS => KeyShape {
                key_type: known(if self.oid == RSA { "rsa" } else { "rsa-pss" }),
                key_bits: Seen::unknown("the modulus is not readable"),
                curve: Seen::Absent,
            },
            other => KeyShape {
                key_type: known(other),
                key_bits: Seen::unknown(format!("key algorithm {other} is not known")),
                curve: Seen::unknown(format!("key algorithm {other} is not known")),
            },
        }
    }
}

/// ECParameters (RFC 5480 2.1.1): a named curve, or explicit numbers that may be any curve or a trap (CVE-2020-0601).
pub(super) fn curve_of(tag: u8, body: &[u8]) -> Seen<String> {
    match tag {
        der::OID => match der::oid_text(body) {
            Some(oid) => Seen::Known(algorithms::curve(&oid).map_or(oid, |(name, _)| name.to_owned())),
            None => Seen::unknown("the curve's identifier is malformed"),
        },
        der::SEQUENCE => Seen::unknown("the curve is given by explicit parameters"),
        _ => Seen::unknown("the curve is not given"),
    }
}

pub(super) fn ec_shape(curve: Seen<String>) -> KeyShape {
    let key_bits = match &curve {
        Seen::Known(name) => match algorithms::curve_bits(name) {
            Some(bits) => Seen::Known(bits),
            None => Seen::unknown(format!("curve {name} is not known")),
        },
        Seen::Absent => Seen::unknown("the curve is not given"),
        Seen::Unknown(reason) => Seen::Unknown(reason.clone()),
    };
    KeyShape { key_type: known("ec"), key_bits, curve }
}

/// The shape of a DSA key with the prime `p`, the contents of an INTEGER.
pub(super) fn dsa_shape(prime: Option<&[u8]>) -> KeyShape {
    let key_bits = match prime.and_then(der::unsigned) {
        Some(prime) => Seen::Known(der::bit_length(prime)),
        None => Seen::unknown("the DSA parameters are not given"),
    };
    KeyShape { key_type: known("dsa"), key_bits, curve: Seen::Absent }
}

fn fixed(key_type: &str, bits: u32) -> KeyShape {
    KeyShape { key_type: known(key_type), key_bits: Seen::Known(bits), curve: Seen::Absent }
}

fn known(text: &str) -> Seen<String> {
    Seen::Known(text.to_owned())
}

/// The x coordinate and whether y is odd: enough to tell points of one curve apart in any encoding of SEC 1 2.3.3.
pub(super) fn point_identity(point: &[u8]) -> Option<(&[u8], bool)> {
    let (&form, rest) = point.split_first()?;
    match form {
        2 | 3 if !rest.is_empty() => Some((rest, form == 3)),
        4 | 6 | 7 if !rest.is_empty() && rest.len() % 2 == 0 => {
            let (x, y) = rest.split_at_checked(rest.len() / 2)?;
            Some((x, y.last()? & 1 == 1))
        }
        _ => None,
    }
}

/// The SHA-256 digest in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_compare_across_encodings() {
        assert_eq!(point_identity(&[4, 9, 8, 7, 5]), Some((&[9, 8][..], true)));
        assert_eq!(point_identity(&[3, 9, 8]), Some((&[9, 8][..], true)));
        assert_eq!(point_identity(&[2, 9, 8]), Some((&[9, 8][..], false)));
        assert_eq!(point_identity(&[4]), None);
        assert_eq!(point_identity(&[]), None);
        assert_eq!(point_identity(&[0]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = PublicKey::from_spki(&bytes).map(|key| key.shape());
            let _ = point_identity(&bytes);
        }
    }
}

//! The object identifiers of signature algorithms, hashes, curves and key purposes, and the names the field calls them by.

use super::der::{self, Reader};
use super::seen::Seen;

/// The name and hash of a signature algorithm, and what is needed to verify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignatureAlgorithm {
    /// OpenSSL's long name in the certificate's spelling, or the dotted identifier.
    pub(super) name: String,
    /// The hash that is signed, in lower case.
    pub(super) hash: Seen<String>,
    pub(super) scheme: Scheme,
}

/// The mathematics of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1,
    /// RSASSA-PSS with MGF1 over the same hash and a salt as long as the hash.
    RsaPss,
    Ecdsa,
    Ed25519,
    /// Anything that is not verified here.
    Other,
}

/// Reads an AlgorithmIdentifier of a signature (RFC 3279, 4055, 5758, 8410).
pub(super) fn signature(oid: &str, parameters: Option<&[u8]>) -> SignatureAlgorithm {
    if oid == "1.2.840.113549.1.1.10" {
        return pss(parameters);
    }
    let known = SIGNATURES.iter().find(|(known, ..)| *known == oid);
    let (name, hash, scheme) = match known {
        Some(&(_, name, hash, scheme)) => (name.to_owned(), Seen::Known(hash.to_owned()), scheme),
        None => (oid.to_owned(), Seen::unknown(format!("signature algorithm {oid} is not known")), Scheme::Other),
    };
    SignatureAlgorithm { name, hash, scheme }
}

#[rustfmt::skip]
const SIGNATURES: &[(&str, &str, &str, Scheme)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption", "md2", Scheme::Other),
    ("1.2.840.113549.1.1.3", "md4WithRSAEncryption", "md4", Scheme::Other),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption", "md5", Scheme::Other),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption", "sha1", Scheme::RsaPkcs1),
    ("1.3.14.3.2.29", "sha1WithRSA", "sha1", Scheme::RsaPkcs1),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", "sha256", Scheme::RsaPkcs1),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", "sha384", Scheme::RsaPkcs1),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", "sha512", Scheme::RsaPkcs1),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption", "sha224", Scheme::Other),
    ("1.2.840.113549.1.1.15", "sha512-224WithRSAEncryption", "sha512-224", Scheme::Other),
    ("1.2.840.113549.1.1.16", "sha512-256WithRSAEncryption", "sha512-256", Scheme::Other),
    ("1.3.36.3.3.1.2", "ripemd160WithRSA", "ripemd160", Scheme::Other),
    ("2.16.840.1.101.3.4.3.13", "RSA-SHA3-224", "sha3-224", Scheme::Other),
    ("2.16.840.1.101.3.4.3.14", "RSA-SHA3-256", "sha3-256", Scheme::Other),
    ("2.16.840.1.101.3.4.3.15", "RSA-SHA3-384", "sha3-384", Scheme::Other),
    ("2.16.840.1.101.3.4.3.16", "RSA-SHA3-512", "sha3-512", Scheme::Other),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1", "sha1", Scheme::Ecdsa),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224", "sha224", Scheme::Ecdsa),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", "sha256", Scheme::Ecdsa),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", "sha384", Scheme::Ecdsa),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", "sha512", Scheme::Ecdsa),
    ("2.16.840.1.101.3.4.3.9", "ecdsa_with_SHA3-224", "sha3-224", Scheme::Other),
    ("2.16.840.1.101.3.4.3.10", "ecdsa_with_SHA3-256", "sha3-256", Scheme::Other),
    ("2.16.840.1.101.3.4.3.11", "ecdsa_with_SHA3-384", "sha3-384", Scheme::Other),
    ("2.16.840.1.101.3.4.3.12", "ecdsa_with_SHA3-512", "sha3-512", Scheme::Other),
    ("1.3.101.112", "ed25519", "sha512", Scheme::Ed25519),
    ("1.3.101.113", "ed448", "shake256", Scheme::Other),
    ("1.2.840.10040.4.3", "dsaWithSHA1", "sha1", Scheme::Other),
    ("2.16.840.1.101.3.4.3.1", "dsa_with_SHA224", "sha224", Scheme::Other),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256", "sha256", Scheme::Other),
    ("2.16.840.1.101.3.4.3.3", "dsa_with_SHA384", "sha384", Scheme::Other),
    ("2.16.840.1.101.3.4.3.4", "dsa_with_SHA512", "sha512", Scheme::Other),
    ("2.16.840.1.101.3.4.3.5", "dsa_with_SHA3-224", "sha3-224", Scheme::Other),
    ("2.16.840.1.101.3.4.3.6", "dsa_with_SHA3-256", "sha3-256", Scheme::Other),
    ("2.16.840.1.101.3.4.3.7", "dsa_with_SHA3-384", "sha3-384", Scheme::Other),
    ("2.16.840.1.101.3.4.3.8", "dsa_with_SHA3-512", "sha3-512", Scheme::Other),
    ("1.2.156.10197.1.501", "SM2-with-SM3", "sm3", Scheme::Other),
];

/// The name of a hash function's identifier.
fn hash_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.113549.2.5" => "md5",
        "1.3.14.3.2.26" => "sha1",
        "2.16.840.1.101.3.4.2.1" => "sha256",
        "2.16.840.1.101.3.4.2.2" => "sha384",
        "2.16.840.1.101.3.4.2.3" => "sha512",
        "2.16.840.1.101.3.4.2.4" => "sha224",
        "2.16.840.1.101.3.4.2.5" => "sha512-224",
        "2.16.840.1.101.3.4.2.6" => "sha512-256",
        "2.16.840.1.101.3.4.2.7" => "sha3-224",
        "2.16.840.1.101.3.4.2.8" => "sha3-256",
        "2.16.840.1.101.3.4.2.9" => "sha3-384",
        "2.16.840.1.101.3.4.2.10" => "sha3-512",
        _ => return None,
    })
}

/// The octets that a hash puts out, for those that are verified here.
fn hash_length(name: &str) -> Option<u32> {
    match name {
        "sha256" => Some(32),
        "sha384" => Some(48),
        "sha512" => Some(64),
        _ => None,
    }
}

fn pss(parameters: Option<&[u8]>) -> SignatureAlgorithm {
    let read = parameters.ok_or_else(|| "the RSASSA-PSS parameters are missing".to_owned()).and_then(pss_parameters);
    let (hash, scheme) = match read {
        Ok((hash, true)) => (Seen::Known(hash), Scheme::RsaPss),
        Ok((hash, false)) => (Seen::Known(hash), Scheme::Other),
        Err(reason) => (Seen::Unknown(reason), Scheme::Other),
    };
    SignatureAlgorithm { name: "rsassaPss".to_owned(), hash, scheme }
}

/// The hash of RSASSA-PSS-params (RFC 4055 3.1), and whether the rest of them is what everyone uses.
fn pss_parameters(raw: &[u8]) -> Result<(String, bool), String> {
    let unreadable = |error| format!("the RSASSA-PSS parameters are malformed: {error}");
    let mut reader = der::sequence(raw).map_err(unreadable)?;
    let hash_field = reader.optional(der::context(0)).map_err(unreadable)?;
    let mask_field = reader.optional(der::context(1)).map_err(unreadable)?;
    let salt_field = reader.optional(der::context(2)).map_err(unreadable)?;
    let trailer_field = reader.optional(der::context(3)).map_err(unreadable)?;
    reader.finish().map_err(unreadable)?;
    let hash = match hash_field {
        None => "sha1",
        Some(body) => hash_of(body)?,
    };
    let mask = mask_field.map(mask_hash).transpose()?.unwrap_or("sha1");
    let salt = match salt_field {
        None => Some(20),
        Some(body) => Reader::new(body).expect(der::INTEGER).ok().and_then(small),
    };
    let plain = mask == hash && salt.is_some() && salt == hash_length(hash) && trailer_field.is_none();
    Ok((hash.to_owned(), plain))
}

fn hash_of(algorithm: &[u8]) -> Result<&'static str, String> {
    let oid = algorithm_oid(algorithm).ok_or("the RSASSA-PSS hash is malformed")?;
    hash_name(&oid).ok_or_else(|| format!("hash algorithm {oid} is not known"))
}

fn mask_hash(algorithm: &[u8]) -> Result<&'static str, String> {
    let malformed = "the RSASSA-PSS mask function is malformed";
    let mut reader = der::sequence(algorithm).map_err(|_| malformed)?;
    reader.expect(der::OID).map_err(|_| malformed)?;
    hash_of(reader.element().map_err(|_| malformed)?.raw)
}

fn algorithm_oid(raw: &[u8]) -> Option<String> {
    der::oid_text(der::sequence(raw).ok()?.expect(der::OID).ok()?)
}

/// A small non-negative INTEGER.
pub(super) fn small(body: &[u8]) -> Option<u32> {
    let digits = der::unsigned(body)?;
    (digits.len() <= 4).then(|| digits.iter().fold(0, |sum, &octet| (sum << 8) | u32::from(octet)))
}

/// The name and the field size in bits of a named curve (SEC 2, RFC 5639).
pub(super) fn curve(oid: &str) -> Option<(&'static str, u32)> {
    CURVES.iter().find(|(known, ..)| *known == oid).map(|&(_, name, bits)| (name, bits))
}

/// The field size in bits of a curve by the name that [`curve`] gives it.
pub(super) fn curve_bits(name: &str) -> Option<u32> {
    CURVES.iter().find(|(_, known, _)| *known == name).map(|&(.., bits)| bits)
}

#[rustfmt::skip]
const CURVES: &[(&str, &str, u32)] = &[
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.3.132.0.33", "P-224", 224),
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.132.0.8", "secp160r1", 160),
    ("1.3.132.0.9", "secp160k1", 160),
    ("1.3.132.0.30", "secp160r2", 160),
    ("1.3.132.0.31", "secp192k1", 192),
    ("1.3.132.0.32", "secp224k1", 224),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
    ("1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1", 512),
    ("1.2.156.10197.1.301", "SM2", 256),
];

/// The ASN.1 name of an extended key purpose (RFC 5280 4.2.1.12), or the dotted identifier.
pub(super) fn purpose(oid: &str) -> &str {
    match oid {
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        other => other,
    }
}

//! Whether a signature verifies under a key, told apart from "not verified here".
//!
//! Used with ring directly rather than through x509-parser's `verify` feature, which answers "invalid" for keys and
//! parameters that it merely does not support (RSA below 2048 bits, any RSASSA-PSS detail).

use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

use super::algorithms::{Scheme, SignatureAlgorithm};
use super::der;
use super::public_key::PublicKey;
use super::seen::Seen;

/// Whether `signature` over `message` verifies under `key`.
pub(super) fn verify(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Seen<bool> {
    let hash = algorithm.hash.known().map(String::as_str);
    match (key, algorithm.scheme) {
        (PublicKey::Rsa { modulus, exponent, pss }, scheme @ (Scheme::RsaPkcs1 | Scheme::RsaPss)) => {
            if *pss && scheme == Scheme::RsaPkcs1 {
                return Seen::Known(false);
            }
            match rsa_parameters(scheme, hash, modulus, exponent) {
                Ok(parameters) => {
                    let components = RsaPublicKeyComponents { n: modulus, e: exponent };
                    Seen::Known(components.verify(parameters, message, signature).is_ok())
                }
                Err(reason) => Seen::unknown(format!("{} {reason}", algorithm.name)),
            }
        }
        (PublicKey::Ec { curve, point }, Scheme::Ecdsa) => match ecdsa(curve, hash, point) {
            Some(verifier) => Seen::Known(UnparsedPublicKey::new(verifier, point).verify(message, signature).is_ok()),
            None => Seen::unknown(format!("{} on {curve} is not verified here", algorithm.name)),
        },
        (PublicKey::Ed25519(key), Scheme::Ed25519) => {
            Seen::Known(UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok())
        }
        _ => Seen::unknown(format!("{} is not verified here with this key", algorithm.name)),
    }
}

/// ring's limits: 1024 (2048 for SHA-384 and PSS) to 8192 bits, and an odd exponent from 3 to 33 bits.
fn rsa_parameters(
    scheme: Scheme,
    hash: Option<&str>,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<&'static RsaParameters, String> {
    let (parameters, least) = match (scheme, hash) {
        (Scheme::RsaPkcs1, Some("sha1")) => (&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, 1024),
        (Scheme::RsaPkcs1, Some("sha256")) => (&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, 1024),
        (Scheme::RsaPkcs1, Some("sha384")) => (&signature::RSA_PKCS1_2048_8192_SHA384, 2048),
        (Scheme::RsaPkcs1, Some("sha512")) => (&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, 1024),
        (Scheme::RsaPss, Some("sha256")) => (&signature::RSA_PSS_2048_8192_SHA256, 2048),
        (Scheme::RsaPss, Some("sha384")) => (&signature::RSA_PSS_2048_8192_SHA384, 2048),
        (Scheme::RsaPss, Some("sha512")) => (&signature::RSA_PSS_2048_8192_SHA512, 2048),
        _ => return Err("is not verified here".to_owned()),
    };
    let bits = der::bit_length(modulus);
    if !(least..=8192).contains(&bits) {
        return Err(format!("with a {bits}-bit key is not verified here"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if der::bit_length(exponent) > 33 || !odd(exponent) || exponent == [1] || !odd(modulus) {
        return Err("with an unusual RSA key is not verified here".to_owned());
    }
    Ok(parameters)
}

fn ecdsa(curve: &str, hash: Option<&str>, point: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    // ring reads uncompressed points only.
    if point.first() != Some(&4) {
        return None;
    }
    Some(match (curve, hash) {
        ("P-256", Some("sha256")) => &signature::ECDSA_P256_SHA256_ASN1,
        ("P-256", Some("sha384")) => &signature::ECDSA_P256_SHA384_ASN1,
        ("P-384", Some("sha256")) => &signature::ECDSA_P384_SHA256_ASN1,
        ("P-384", Some("sha384")) => &signature::ECDSA_P384_SHA384_ASN1,
        _ => return None,
    })
}

/// Why a chain checker built on ring cannot verify this algorithm, when it cannot.
pub(super) fn unsupported_in_chain(algorithm: &SignatureAlgorithm) -> Option<String> {
    let hash = algorithm.hash.known().map(String::as_str);
    let supported = match algorithm.scheme {
        Scheme::RsaPkcs1 | Scheme::RsaPss => matches!(hash, Some("sha256" | "sha384" | "sha512")),
        Scheme::Ecdsa => matches!(hash, Some("sha256" | "sha384")),
        Scheme::Ed25519 => true,
        Scheme::Other => false,
    };
    (!supported).then(|| format!("signature algorithm {} is not supported", algorithm.name))
}

/// Why a chain checker built on ring cannot use this key to verify, when it cannot.
pub(super) fn unusable_in_chain(key: &PublicKey) -> Option<String> {
    match key {
        PublicKey::Rsa { pss: true, .. } => Some("rsa-pss issuer keys are not supported".to_owned()),
        PublicKey::Rsa { modulus, exponent, .. } => rsa_parameters(Scheme::RsaPss, Some("sha256"), modulus, exponent)
            .is_err()
            .then(|| format!("a {}-bit RSA issuer key is not supported", der::bit_length(modulus))),
        PublicKey::Ec { curve, point } => {
            ecdsa(curve, Some("sha256"), point).is_none().then(|| format!("issuer keys on {curve} are not supported"))
        }
        PublicKey::Ed25519(_) => None,
        PublicKey::Other(shape) => Some(format!(
            "issuer keys of type {} are not supported",
            shape.key_type.known().map_or("unknown", String::as_str)
        )),
    }
}

//! Whether a private key belongs to a certificate.
//!
//! As OpenSSL's `X509_check_private_key` compares the public halves; but where ring can compute an EC key's point from its
//! scalar, that decides, because a file's own public point may be missing or another key's.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::der;
use super::private_key::{Half, PrivateKey};
use super::public_key::{self, PublicKey};
use super::seen::Seen;

/// Whether `key` is the private half of the certificate's public key. Unknown for DSA, Ed448, explicit EC parameters and EC
/// keys on curves other than P-256 and P-384 that come without their public point.
pub fn key_matches(certificate: &Certificate, key: &PrivateKey) -> Seen<bool> {
    let public = match &certificate.public_key {
        Ok(public) => public,
        Err(reason) => return Seen::Unknown(reason.clone()),
    };
    let (theirs, ours) = (public.shape(), &key.shape);
    if let (Seen::Known(theirs), Seen::Known(ours)) = (&theirs.key_type, &ours.key_type)
        && theirs != ours
    {
        return Seen::Known(false);
    }
    match (public, &key.half) {
        (public, Half::Public(ours)) => Seen::Known(public == ours),
        (PublicKey::Ec { curve, point }, Half::Ec { curve: ours, .. }) if curve != ours => curves_differ(curve, ours),
        (PublicKey::Ec { curve, point: theirs }, Half::Ec { scalar, point, .. }) => {
            by_scalar(curve, scalar, theirs).unwrap_or_else(|| by_point(theirs, point.as_deref()))
        }
        _ => match theirs.curve.reason().or(ours.curve.reason()) {
            Some(reason) => Seen::unknown(reason),
            None => Seen::unknown(format!(
                "keys of type {} are not compared",
                theirs.key_type.known().map_or("unknown", String::as_str)
            )),
        },
    }
}

fn curves_differ(theirs: &str, ours: &str) -> Seen<bool> {
    match (super::algorithms::curve_bits(theirs), super::algorithms::curve_bits(ours)) {
        (Some(_), Some(_)) => Seen::Known(false),
        _ => Seen::unknown("the curve is not known"),
    }
}

/// Decides by computing the point; `None` when ring does not know the curve or the encoding.
fn by_scalar(curve: &str, scalar: &[u8], point: &[u8]) -> Option<Seen<bool>> {
    let (algorithm, length): (&'static EcdsaSigningAlgorithm, usize) = match curve {
        "P-256" => (&ECDSA_P256_SHA256_ASN1_SIGNING, 32),
        "P-384" => (&ECDSA_P384_SHA384_ASN1_SIGNING, 48),
        _ => return None,
    };
    if point.first() != Some(&4) {
        return None;
    }
    // Some programs drop leading zero octets, or add one.
    let digits = der::strip_zeros(scalar);
    let mut padded = Zeroizing::new(vec![0; length.checked_sub(digits.len())?]);
    padded.extend(digits);
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &padded, point, &SystemRandom::new());
    match pair {
        Ok(_) => Some(Seen::Known(true)),
        Err(error) if error.to_string() == "InconsistentComponents" => Some(Seen::Known(false)),
        Err(_) => Some(Seen::unknown("the EC key or the certificate's point is invalid")),
    }
}

fn by_point(theirs: &[u8], ours: Option<&[u8]>) -> Seen<bool> {
    let Some(ours) = ours else {
        return Seen::unknown("the EC key comes without its public point");
    };
    match (public_key::point_identity(theirs), public_key::point_identity(ours)) {
        (Some(a), Some(b)) => Seen::Known(a == b && (theirs.len() != ours.len() || theirs.get(1..) == ours.get(1..))),
        _ => Seen::unknown("an EC point is malformed"),
    }
}

//! Trust anchors: read once, used for many searches.

use std::collections::HashMap;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::super::bundle::{Bundle, read_certificates};
use super::super::certificate::Certificate;
use super::super::seen::Seen;

/// Trusted certificates, by subject.
#[derive(Debug, Clone)]
pub struct Anchors {
    bundle: Bundle,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Anchors {
    /// Reads anchors from a PEM or DER file such as `/etc/ssl/certs/ca-certificates.crt`.
    ///
    /// # Errors
    /// A lowercase fragment when not a single anchor can be read. With some unreadable, a missing issuer is unknown.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::of(read_certificates(bytes))
    }

    /// Takes these certificates as anchors.
    ///
    /// # Errors
    /// As [`Anchors::read`].
    pub fn of(bundle: Bundle) -> Result<Self, String> {
        if bundle.certificates.is_empty() {
            return Err(bundle.incompleteness().unwrap_or_else(|| "no certificate was found".to_owned()));
        }
        let mut by_subject: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, entry) in bundle.certificates.iter().enumerate() {
            by_subject.entry(entry.certificate.subject_key.clone()).or_default().push(index);
        }
        Ok(Self { bundle, by_subject })
    }

    /// How many anchors were read.
    pub fn len(&self) -> usize {
        self.bundle.certificates.len()
    }

    /// Whether there is no anchor; never so after [`Anchors::read`].
    pub fn is_empty(&self) -> bool {
        self.bundle.certificates.is_empty()
    }

    /// Why not all anchors are known, when that is so.
    pub fn incompleteness(&self) -> Option<String> {
        self.bundle.incompleteness()
    }

    /// Whether the very same certificate is an anchor.
    pub(super) fn contains(&self, certificate: &Certificate) -> bool {
        self.named(&certificate.subject_key).any(|anchor| anchor.der() == certificate.der())
    }

    /// The anchors with this canonical subject.
    pub(super) fn named<'a>(&'a self, subject_key: &[u8]) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        let indices = self.by_subject.get(subject_key).map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|&index| self.bundle.certificates.get(index)).map(|entry| &entry.certificate)
    }
}

/// What one search may use: anchors as webpki takes them, and intermediates.
pub(super) struct Roots<'a> {
    pub(super) anchors: Vec<TrustAnchor<'a>>,
    pub(super) intermediates: Vec<&'a Certificate>,
    certificates: Vec<&'a Certificate>,
}

impl<'a> Roots<'a> {
    pub(super) fn new(roots: impl Iterator<Item = &'a Certificate>, intermediates: Vec<&'a Certificate>) -> Self {
        let certificates: Vec<&Certificate> = roots.collect();
        let read = |c: &&'a Certificate| {
            webpki::anchor_from_trusted_cert(&CertificateDer::from(c.der())).ok().map(|a| a.to_owned())
        };
        let anchors = certificates.iter().filter_map(read).collect();
        Self { anchors, intermediates, certificates }
    }

    /// The certificate behind an anchor of a path. Of several with the same name and key the most lenient one counts, as any
    /// of them would do as an anchor.
    pub(super) fn certificate(&self, anchor: &TrustAnchor<'_>) -> Option<&'a Certificate> {
        let same = self.certificates.iter().copied().filter(|c| {
            let read = webpki::anchor_from_trusted_cert(&CertificateDer::from(c.der())).ok().map(|a| a.to_owned());
            read.is_some_and(|read| read == *anchor)
        });
        same.max_by_key(|c| (may_sign(c), c.path_len.known().map_or(u32::MAX, |limit| *limit)))
    }
}

/// Whether a certificate may sign others, by OpenSSL's `X509_check_ca`: the CA flag, or for certificates without
/// basicConstraints a self-issued v1 or a key usage with keyCertSign; and no key usage without keyCertSign.
pub(super) fn may_sign(certificate: &Certificate) -> bool {
    let signs = match &certificate.key_usage {
        Seen::Known(usages) => usages.iter().any(|usage| usage == "keyCertSign"),
        Seen::Absent => true,
        Seen::Unknown(_) => false,
    };
    let is_ca = match &certificate.extensions.basic_constraints {
        Seen::Known(constraints) => constraints.ca,
        Seen::Absent if certificate.version == 1 => certificate.self_issued,
        Seen::Absent => certificate.key_usage.known().is_some(),
        Seen::Unknown(_) => false,
    };
    signs && is_ca
}

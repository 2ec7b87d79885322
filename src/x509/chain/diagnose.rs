//! Which certificates could be on a path, by their names alone, and from that why there is none.
//!
//! Following names first keeps a search small in a large bundle, tells a missing issuer whatever its algorithms, and shows
//! whether anything that is not supported had a part in a failure.

use std::collections::{HashMap, HashSet};

use webpki::Error;

use super::super::certificate::Certificate;
use super::super::extensions::ConstraintKinds;
use super::super::seen::Seen;
use super::super::signature;
use super::anchors::{Anchors, Roots, may_sign};
use super::{ChainFault, ChainVerdict, Usage, allows_usage, untrusted};

/// The certificates that the names lead to from a leaf.
pub(super) struct Reach<'a> {
    leaf: &'a Certificate,
    intermediates: Vec<&'a Certificate>,
    anchors: Vec<&'a Certificate>,
    by_der: HashMap<&'a [u8], &'a Certificate>,
    /// Where the names stop: at an issuer that nobody has, else at a certificate that names itself.
    dead_end: Option<ChainFault>,
}

impl<'a> Reach<'a> {
    pub(super) fn explore(leaf: &'a Certificate, intermediates: &[&'a Certificate], anchors: &'a Anchors) -> Self {
        let mut named: HashMap<&[u8], Vec<&'a Certificate>> = HashMap::new();
        for certificate in intermediates {
            named.entry(&certificate.subject_key).or_default().push(certificate);
        }
        let mut reach =
            Self { leaf, intermediates: Vec::new(), anchors: Vec::new(), by_der: HashMap::new(), dead_end: None };
        let mut asked: HashSet<&[u8]> = HashSet::new();
        let mut waiting = vec![leaf];
        while let Some(certificate) = waiting.pop() {
            if certificate.self_issued && anchors.named(&certificate.subject_key).next().is_none() {
                let subject = certificate.subject.clone();
                reach.dead_end.get_or_insert(ChainFault::UntrustedRoot { subject });
            }
            if !asked.insert(&certificate.issuer_key) {
                continue;
            }
            let trusted: Vec<&Certificate> = anchors.named(&certificate.issuer_key).collect();
            let given = named.get(certificate.issuer_key.as_slice()).cloned().unwrap_or_default();
            if trusted.is_empty() && given.is_empty() && !certificate.self_issued {
                reach.dead_end = Some(ChainFault::MissingIssuer { issuer: certificate.issuer.clone() });
            }
            for (issuer, is_anchor) in
                trusted.into_iter().map(|c| (c, true)).chain(given.into_iter().map(|c| (c, false)))
            {
                if reach.by_der.insert(issuer.der(), issuer).is_none() {
                    if is_anchor {
                        reach.anchors.push(issuer)
                    } else {
                        reach.intermediates.push(issuer)
                    }
                    waiting.push(issuer);
                }
            }
        }
        reach
    }

    /// Why no path is possible by the names alone; `None` when the names lead to an anchor.
    pub(super) fn dead_end(&self) -> Option<ChainFault> {
        let issuer = || ChainFault::MissingIssuer { issuer: self.leaf.issuer.clone() };
        self.anchors.is_empty().then(|| self.dead_end.clone().unwrap_or_else(issuer))
    }

    pub(super) fn by_der(&self, der: &[u8]) -> Option<&'a Certificate> {
        self.by_der.get(der).copied()
    }

    /// Self-issued anchors valid at `now`; the others help as intermediates, as in OpenSSL.
    pub(super) fn roots(&self, now: i64) -> Roots<'a> {
        self.select(|c| c.self_issued && c.is_valid_at(now))
    }

    /// All anchors valid at `now`, roots or not.
    pub(super) fn partial_roots(&self, now: i64) -> Roots<'a> {
        self.select(|c| c.is_valid_at(now))
    }

    /// All anchors, expired ones too.
    pub(super) fn roots_of_any_age(&self) -> Roots<'a> {
        self.select(|_| true)
    }

    fn select(&self, is_root: impl Fn(&Certificate) -> bool) -> Roots<'a> {
        let (roots, others): (Vec<&Certificate>, Vec<&Certificate>) = self.anchors.iter().partition(|c| is_root(c));
        Roots::new(roots.into_iter(), others.into_iter().chain(self.intermediates.iter().copied()).collect())
    }

    fn all(&self) -> impl Iterator<Item = &'a Certificate> {
        [self.leaf].into_iter().chain(self.issuers())
    }

    fn issuers(&self) -> impl Iterator<Item = &'a Certificate> {
        self.intermediates.iter().chain(&self.anchors).copied()
    }

    /// The first thing on any path that is not supported, so that a failure says nothing.
    pub(super) fn unsupported(&self) -> Option<String> {
        let about = |certificate: &Certificate, reason: String| format!("{}: {reason}", certificate.subject);
        let signed = [self.leaf].into_iter().chain(self.intermediates.iter().copied());
        // A root's signature on itself is never needed.
        let needed = |c: &&Certificate| c.self_signed() != Seen::Known(true);
        let by_signature = signed
            .clone()
            .filter(needed)
            .find_map(|c| signature::unsupported_in_chain(&c.algorithm).map(|why| about(c, why)));
        let by_version =
            signed.clone().find(|c| c.version != 3).map(|c| about(c, format!("X.509 v{} is not supported", c.version)));
        let by_key = self.issuers().find_map(|c| match &c.public_key {
            Ok(key) => signature::unusable_in_chain(key).map(|why| about(c, why)),
            Err(reason) => Some(about(c, reason.clone())),
        });
        by_version.or(by_signature).or(by_key)
    }

    /// What a failed search means, nothing unsupported being involved.
    pub(super) fn verdict(&self, error: Error, now: i64, usage: Usage) -> Seen<ChainVerdict> {
        match error {
            Error::InvalidSignatureForPublicKey => untrusted(ChainFault::BadSignature),
            Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
                let bad = self.issuers().find(|c| !c.is_valid_at(now));
                untrusted(ChainFault::IssuerNotValid {
                    subject: bad.map_or_else(|| self.leaf.issuer.clone(), |c| c.subject.clone()),
                })
            }
            Error::EndEntityUsedAsCa => {
                let bad = self.issuers().find(|c| !may_sign(c));
                untrusted(ChainFault::NotCa {
                    subject: bad.map_or_else(|| self.leaf.issuer.clone(), |c| c.subject.clone()),
                })
            }
            Error::RequiredEkuNotFoundContext(_) => {
                let bad = self.all().find(|c| allows_usage(c, usage, false) == Seen::Known(false));
                untrusted(ChainFault::WrongUsage { subject: bad.unwrap_or(self.leaf).subject.clone() })
            }
            Error::PathLenConstraintViolated => untrusted(ChainFault::PathLength),
            // webpki refuses directory, URI and e-mail constraints outright, so only names of its own kinds can be judged.
            Error::NameConstraintViolation if self.has_only_hosts() => untrusted(ChainFault::NameConstraint),
            Error::CaUsedAsEndEntity => {
                Seen::unknown("the certificate is a CA itself: rustls refuses that for a peer, OpenSSL does not")
            }
            other => Seen::unknown(format!("the path could not be verified: {other:?}")),
        }
    }

    /// Whether no constraint but those on host names and addresses can have been violated.
    fn has_only_hosts(&self) -> bool {
        self.issuers().all(|c| c.extensions.name_constraints != Some(ConstraintKinds::Others))
    }
}

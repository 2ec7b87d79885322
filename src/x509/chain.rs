//! Whether a path of signatures leads from a certificate to trusted anchors (RFC 5280 6).
//!
//! rustls-webpki builds and checks the paths. Around it stand the checks where OpenSSL, which most servers and clients use, is
//! stricter (an anchor's own validity, CA flag, path length and purpose; keyCertSign; the leaf's key usage), and the
//! distinction between "no" and "not supported here": what webpki cannot verify is unknown, never untrusted.

mod anchors;
mod diagnose;

use std::cell::Cell;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use self::anchors::Roots;
use self::diagnose::Reach;
use super::bundle::Bundle;
use super::certificate::Certificate;
use super::extensions::AltName;
use super::seen::Seen;

pub use self::anchors::Anchors;

/// What the certificate is to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// TLS server authentication.
    Server,
    /// TLS client authentication.
    Client,
}

/// What became of the search for a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainVerdict {
    /// A path leads to the anchor with this subject.
    Trusted { anchor: String },
    /// No path does, for this reason.
    Untrusted(ChainFault),
}

/// Why a certificate is not trusted. Names are RFC 4514 text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// The certificate itself is past its not_after. Told apart so that a rule on validity alone reports it.
    Expired,
    /// The certificate itself is before its not_before.
    NotYetValid,
    /// The issuer with this name is neither among the given certificates nor among the anchors.
    MissingIssuer { issuer: String },
    /// The path ends in this self-issued certificate, which is not among the anchors.
    UntrustedRoot { subject: String },
    /// An issuer on the only paths is outside its validity.
    IssuerNotValid { subject: String },
    /// A certificate on the only paths is no CA or may not sign certificates.
    NotCa { subject: String },
    /// More CAs follow than an issuer's path length allows.
    PathLength,
    /// A name constraint of an issuer forbids a name of the certificate.
    NameConstraint,
    /// The certificate or an issuer is not for this usage (extended key usage or key usage).
    WrongUsage { subject: String },
    /// A signature does not verify under the key of the issuer that the name points to.
    BadSignature,
}

impl std::fmt::Display for ChainFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expired => f.write_str("the certificate has expired"),
            Self::NotYetValid => f.write_str("the certificate is not yet valid"),
            Self::MissingIssuer { issuer } => {
                write!(f, "the issuer {issuer} is neither among the given certificates nor among the anchors")
            }
            Self::UntrustedRoot { subject } => {
                write!(f, "{subject} is self-issued and not among the anchors")
            }
            Self::IssuerNotValid { subject } => {
                write!(f, "the issuer {subject} is expired or not yet valid")
            }
            Self::NotCa { subject } => write!(f, "the issuer {subject} may not sign certificates"),
            Self::PathLength => f.write_str("an issuer's path length is exceeded"),
            Self::NameConstraint => f.write_str("an issuer's name constraints forbid a name of the certificate"),
            Self::WrongUsage { subject } => {
                write!(f, "the extended key usage or key usage of {subject} does not allow this use")
            }
            Self::BadSignature => f.write_str("a signature does not verify under the issuer's key"),
        }
    }
}

/// Searches a path for the first certificate of `bundle`, the others being intermediates, as a TLS server presents them.
///
/// An incomplete bundle cannot be untrusted for want of an issuer: the issuer may be what was not read.
pub fn bundle_chain(bundle: &Bundle, anchors: &Anchors, now: i64, usage: Usage) -> Seen<ChainVerdict> {
    let Some((first, others)) = bundle.certificates.split_first() else {
        return bundle.incompleteness().map_or(Seen::Absent, Seen::Unknown);
    };
    let first_is_doubtful = bundle.problems.iter().any(|problem| problem.line <= first.line);
    if let (true, Some(reason)) = (first_is_doubtful, bundle.incompleteness()) {
        return Seen::Unknown(reason);
    }
    let intermediates: Vec<&Certificate> = others.iter().map(|entry| &entry.certificate).collect();
    let verdict = chain(&first.certificate, &intermediates, anchors, now, usage);
    match (&verdict, bundle.incompleteness()) {
        (Seen::Known(ChainVerdict::Untrusted(fault)), Some(reason)) if !is_own_fault(fault, &first.certificate) => {
            Seen::Unknown(reason)
        }
        _ => verdict,
    }
}

/// Whether no further certificate could heal the fault.
fn is_own_fault(fault: &ChainFault, leaf: &Certificate) -> bool {
    match fault {
        ChainFault::Expired | ChainFault::NotYetValid => true,
        ChainFault::WrongUsage { subject } => *subject == leaf.subject,
        ChainFault::MissingIssuer { .. }
        | ChainFault::UntrustedRoot { .. }
        | ChainFault::IssuerNotValid { .. }
        | ChainFault::NotCa { .. }
        | ChainFault::PathLength
        | ChainFault::NameConstraint
        | ChainFault::BadSignature => false,
    }
}

/// Searches a path from `leaf` over `intermediates` to one of `anchors` that is valid at `now` (seconds since 1970-01-01 UTC).
///
/// Unknown when a certificate that could be on the path needs something that is not supported (X.509 v1, SHA-1, P-521, RSA
/// below 2048 bits …), when the anchors were not all readable and an issuer is missing, or when programs disagree.
pub fn chain(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    anchors: &Anchors,
    now: i64,
    usage: Usage,
) -> Seen<ChainVerdict> {
    if let Some(fault) = validity_fault(leaf, now) {
        return untrusted(fault);
    }
    match allows_usage(leaf, usage, true) {
        Seen::Known(true) => {}
        Seen::Unknown(reason) => return Seen::Unknown(reason),
        Seen::Known(false) | Seen::Absent => {
            return untrusted(ChainFault::WrongUsage { subject: leaf.subject.clone() });
        }
    }
    if let Some(reason) = leaf.key.curve.reason() {
        return Seen::Unknown(format!("the certificate's key is not understood: {reason}"));
    }
    if leaf.self_issued && anchors.contains(leaf) {
        return trusted(leaf);
    }
    let reach = Reach::explore(leaf, intermediates, anchors);
    if let Some(fault) = reach.dead_end() {
        return match anchors.incompleteness() {
            Some(reason) => Seen::Unknown(format!("{fault}; but the anchors were not all read: {reason}")),
            None => untrusted(fault),
        };
    }
    let search = Search { leaf, reach: &reach, now, usage };
    match search.run(&reach.roots(now)) {
        Ok(anchor) => search.accept(anchor),
        Err(failure) => search.explain(failure, anchors),
    }
}

fn trusted(anchor: &Certificate) -> Seen<ChainVerdict> {
    Seen::Known(ChainVerdict::Trusted { anchor: anchor.subject.clone() })
}

fn untrusted(fault: ChainFault) -> Seen<ChainVerdict> {
    Seen::Known(ChainVerdict::Untrusted(fault))
}

fn validity_fault(leaf: &Certificate, now: i64) -> Option<ChainFault> {
    if now > leaf.not_after {
        Some(ChainFault::Expired)
    } else if now < leaf.not_before {
        Some(ChainFault::NotYetValid)
    } else {
        None
    }
}

/// Whether extended key usage and, for the leaf, key usage allow it. As OpenSSL, `anyExtendedKeyUsage` alone is not enough.
fn allows_usage(certificate: &Certificate, usage: Usage, is_leaf: bool) -> Seen<bool> {
    let (purpose, usages): (&str, &[&str]) = match usage {
        Usage::Server => ("serverAuth", &["digitalSignature", "keyEncipherment", "keyAgreement"]),
        Usage::Client => ("clientAuth", &["digitalSignature", "keyAgreement"]),
    };
    let purpose_fits = match &certificate.eku {
        Seen::Known(purposes) => purposes.iter().any(|p| p == purpose),
        Seen::Absent => true,
        Seen::Unknown(reason) => return Seen::Unknown(reason.clone()),
    };
    let usage_fits = match &certificate.key_usage {
        Seen::Known(set) if is_leaf => set.iter().any(|u| usages.contains(&u.as_str())),
        Seen::Unknown(reason) => return Seen::Unknown(reason.clone()),
        Seen::Known(_) | Seen::Absent => true,
    };
    Seen::Known(purpose_fits && usage_fits)
}

/// One search for a path.
struct Search<'a> {
    leaf: &'a Certificate,
    reach: &'a Reach<'a>,
    now: i64,
    usage: Usage,
}

/// The anchor of a path that was found, and what of the path matters afterwards.
struct Found<'a> {
    anchor: &'a Certificate,
    constrained: bool,
}

/// Why a search failed: what webpki said, and what was held against a path that webpki had accepted.
struct Failure {
    error: Error,
    objection: Option<Objection>,
}

impl Failure {
    fn of(error: Error) -> Self {
        Self { error, objection: None }
    }

    /// Whether the search did not even come to a path that it could check.
    fn found_nothing(&self) -> bool {
        self.objection.is_none() && matches!(self.error, Error::UnknownIssuer)
    }
}

/// What OpenSSL has against a path that webpki accepts.
enum Objection {
    /// RFC 5280 forbids it.
    Fault(ChainFault),
    /// Programs disagree.
    Disputed(String),
}

impl<'a> Search<'a> {
    fn run(&self, roots: &Roots<'a>) -> Result<Found<'a>, Failure> {
        let leaf_der = CertificateDer::from(self.leaf.der());
        let leaf = EndEntityCert::try_from(&leaf_der).map_err(Failure::of)?;
        let intermediates: Vec<CertificateDer<'_>> =
            roots.intermediates.iter().map(|c| CertificateDer::from(c.der())).collect();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(self.now).unwrap_or(0)));
        let usage = match self.usage {
            Usage::Server => KeyUsage::server_auth(),
            Usage::Client => KeyUsage::client_auth(),
        };
        let objection = Cell::new(None);
        let judge = |path: &VerifiedPath<'_>| match self.object(path, roots) {
            None => Ok(()),
            Some(found) => {
                objection.set(Some(found));
                Err(Error::UnknownIssuer)
            }
        };
        let path = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &roots.anchors,
            &intermediates,
            time,
            usage,
            None,
            Some(&judge),
        );
        match path {
            Ok(path) => {
                let anchor = roots.certificate(path.anchor()).ok_or(Failure::of(Error::UnknownIssuer))?;
                let constrained = anchor.extensions.name_constraints.is_some()
                    || self.on(&path).any(|c| c.extensions.name_constraints.is_some());
                Ok(Found { anchor, constrained })
            }
            Err(error) => Err(Failure { error, objection: objection.take() }),
        }
    }

    /// The intermediates of a path, as read by us.
    fn on(&self, path: &VerifiedPath<'_>) -> impl Iterator<Item = &'a Certificate> {
        path.intermediate_certificates().filter_map(|c| self.reach.by_der(&c.der())).collect::<Vec<_>>().into_iter()
    }

    /// What OpenSSL would hold against a path that webpki accepts.
    fn object(&self, path: &VerifiedPath<'_>, roots: &Roots<'a>) -> Option<Objection> {
        let anchor = roots.certificate(path.anchor())?;
        let intermediates: Vec<&Certificate> = self.on(path).collect();
        let issuers = || intermediates.iter().copied().chain([anchor]);
        if let Some(bad) = issuers().find(|issuer| !anchors::may_sign(issuer)) {
            return Some(Objection::Fault(ChainFault::NotCa { subject: bad.subject.clone() }));
        }
        if let Some(bad) = issuers().find(|issuer| allows_usage(issuer, self.usage, false) != Seen::Known(true)) {
            return Some(Objection::Fault(ChainFault::WrongUsage { subject: bad.subject.clone() }));
        }
        // RFC 5280 4.2.1.9: self-issued intermediates do not count.
        let below = intermediates.iter().filter(|c| !c.self_issued).count();
        let limit = anchor.path_len.known().copied();
        if limit.is_some_and(|limit| below > usize::try_from(limit).unwrap_or(usize::MAX)) {
            return Some(Objection::Fault(ChainFault::PathLength));
        }
        let subjects = [self.leaf].into_iter().chain(intermediates.iter().copied());
        let stray = subjects.zip(issuers()).find(|(subject, issuer)| !subject.points_to(issuer))?.0;
        Some(Objection::Disputed(format!(
            "the authority key identifier of {} means another certificate of its issuer: OpenSSL refuses the path, rustls and Go do not",
            stray.subject
        )))
    }

    /// webpki applies dNSName constraints to subjectAltNames only, OpenSSL also to a common name that stands in for them.
    fn accept(&self, found: Found<'_>) -> Seen<ChainVerdict> {
        let named =
            self.leaf.extensions.san.known().is_some_and(|names| names.iter().any(|n| matches!(n, AltName::Dns(_))));
        if found.constrained && !named && self.leaf.subject_cn.known().is_some() {
            return Seen::unknown("name constraints on a common name are not verified here");
        }
        trusted(found.anchor)
    }

    /// Turns a failed search into a verdict, or into the reason why there is none.
    fn explain(&self, failure: Failure, anchors: &Anchors) -> Seen<ChainVerdict> {
        if let Some(reason) = self.reach.unsupported() {
            return Seen::Unknown(reason);
        }
        let partial = match self.run(&self.reach.partial_roots(self.now)) {
            Ok(found) => {
                return Seen::Unknown(format!(
                    "the path ends at {}, an anchor that is not self-issued: rustls and Go trust it, OpenSSL does not without -partial_chain",
                    found.anchor.subject
                ));
            }
            Err(partial) => partial,
        };
        let failure = if failure.found_nothing() { partial } else { failure };
        let verdict = match (failure.objection, self.run(&self.reach.roots_of_any_age())) {
            (Some(Objection::Fault(fault)), _) => untrusted(fault),
            (Some(Objection::Disputed(reason)), _) => Seen::Unknown(reason),
            (None, Ok(found)) => untrusted(ChainFault::IssuerNotValid { subject: found.anchor.subject.clone() }),
            (None, Err(_)) => self.reach.verdict(failure.error, self.now, self.usage),
        };
        match (&verdict, anchors.incompleteness()) {
            (Seen::Known(_), Some(reason)) => Seen::Unknown(format!("the anchors were not all read: {reason}")),
            _ => verdict,
        }
    }
}

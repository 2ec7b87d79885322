//! `certificate`: every certificate of a file, of a variable or of a server, with its key, its host name and its chain.

mod variables;

use std::path::Path;

use super::files::{self, Content, seen};
use super::tls::{Served, served};
use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::target::endpoint::Endpoint;
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type, Value, time};
use crate::x509::{
    Anchors, Bundle, Certificate, ChainVerdict, KeyProblem, PrivateKey, Seen, Usage, bundle_chain, key_matches,
    matches_common_name_only, matches_host, read_certificates, read_private_key,
};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file, the variable or the URL that it comes from"),
    field("position", Type::Integer, "", "its place there, from 1; servers serve the first as their own"),
    field("leaf", BOOL, "", "whether it is the first there and no CA: a server's or client's own certificate"),
    field("subject", Type::Text, "subject", "RFC 4514 text, most specific part first"),
    field("subject_cn", Type::Text, "subject", "the common name; absent when there is none"),
    field("issuer", Type::Text, "issuer", "RFC 4514 text"),
    field("serial", Type::Text, "serialNumber", "upper-case hexadecimal"),
    field("not_before", Type::Time, "validity", "the first instant at which it is valid"),
    field(
        "not_after",
        Type::Time,
        "validity",
        "the last instant at which it is valid; absent when it never expires (RFC 5280 4.1.2.5)",
    ),
    field("san", TEXTS, "subjectAltName", "`dns:`, `ip:`, `uri:` and `email:` names"),
    field("is_ca", BOOL, "basicConstraints", "whether it may sign others; absent for X.509 v1, which cannot say"),
    field("key_usage", TEXTS, "keyUsage", "names of RFC 5280 4.2.1.3; absent without the extension"),
    field(
        "eku",
        TEXTS,
        "extKeyUsage",
        "`serverAuth`, `clientAuth` … or dotted identifiers; absent without the extension",
    ),
    field("key_type", Type::Text, "subjectPublicKeyInfo", "`rsa`, `rsa-pss`, `ec`, `ed25519`, `ed448`, `dsa`"),
    field("key_bits", Type::Integer, "subjectPublicKeyInfo", "bits of the modulus or of the curve"),
    field("curve", Type::Text, "subjectPublicKeyInfo", "the named curve; absent for keys without one"),
    field("signature_algorithm", Type::Text, "signatureAlgorithm", "such as `sha256WithRSAEncryption`"),
    field(
        "signature_hash",
        Type::Text,
        "signatureAlgorithm",
        "`md5`, `sha1`, `sha256` …; absent for algorithms with a hash of their own",
    ),
    field("self_signed", BOOL, "signature", "whether its own key verifies its signature; equal names prove nothing"),
    field("sha256", Type::Text, "", "fingerprint, lower-case hexadecimal"),
    field(
        "key_matches",
        BOOL,
        "",
        "whether the private key given as `key` or `key_env` belongs to it; absent when none was given, when there is no such file, or for CA certificates behind the first",
    ),
    field(
        "matches_host",
        BOOL,
        "subjectAltName",
        "whether it is valid for the name given as `host`, or for the endpoint's (RFC 9525: names in subjectAltName only); absent when none was given",
    ),
    field(
        "chain_trusted",
        BOOL,
        "",
        "whether it leads to an anchor (`anchors`, else the endpoint's `ca`, else the system's) through the certificates beside it; its own expiry is left to not_after",
    ),
    field(
        "chain_note",
        Type::Text,
        "",
        "why the chain is not trusted, or what a person should know of it; absent when there is nothing to say",
    ),
];

pub(super) static CERTIFICATE: Resource = Resource {
    name: "certificate",
    about: "Every X.509 certificate of a PEM or DER file (a path or a glob), of an environment variable, or of a server.",
    privilege: "read permission for the file; for `key_matches` also for the private key; for a server a connection",
    params: &[
        Param { name: "path", accepts: Accepts::Text, required: false, about: "the file; `*` and other globs allowed" },
        Param {
            name: "env",
            accepts: Accepts::Text,
            required: false,
            about: "instead of `path`: the variable that holds PEM text or a path; of a container's paths those are followed that lead into its Compose project, for others see `host_file` of the resource env",
        },
        Param {
            name: "of",
            accepts: Accepts::Text,
            required: false,
            about: "with `env`: whose variable it is, as for the env resource",
        },
        Param {
            name: "from",
            accepts: Accepts::Words(&["host", "endpoint"]),
            required: false,
            about: "`endpoint`: the chains that an endpoint serves, without `path` and `env`; `host` when not given",
        },
        Param { name: "key", accepts: Accepts::Text, required: false, about: "the private key's file" },
        Param {
            name: "key_env",
            accepts: Accepts::Text,
            required: false,
            about: "with `env`, instead of `key`: the same owner's variable that holds the private key, or its path",
        },
        Param { name: "host", accepts: Accepts::Text, required: false, about: "the name or address that clients use" },
        Param {
            name: "anchors",
            accepts: Accepts::Text,
            required: false,
            about: "a file of trusted CA certificates; `system` when not given",
        },
        Param {
            name: "usage",
            accepts: Accepts::Words(&["server", "client"]),
            required: false,
            about: "what the chain is checked for; `server` when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// Where systems keep the certificates that they trust: Debian, Fedora, SUSE, Alpine.
const SYSTEM_ANCHORS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn target(with: &With) -> Kind {
    match (text(with, "from"), text(with, "path")) {
        ("endpoint", _) => Kind::Endpoint,
        // A list of owners asks one query for each of them, all of the same kind.
        (_, "") => super::env::owner_kind(super::env::first_owner(with)),
        _ => Kind::Host,
    }
}

async fn observe(door: &Door, with: &With) -> Listing {
    if let Door::Endpoint(endpoint) = door {
        return of_endpoint(endpoint, with).await;
    }
    if text(with, "path").is_empty() {
        return variables::list(door, with).await;
    }
    let Door::Host(host) = door else { return Listing::failed(Reason::new("certificates are read on a host")) };
    let with = with.clone();
    host.run(move |host| list(host, &with)).await.unwrap_or_else(Listing::failed)
}

/// Every chain that a server shows: it may have one for each kind of key.
async fn of_endpoint(endpoint: &Endpoint, with: &With) -> Listing {
    let (chains, more) = match served(endpoint).await {
        Served::Chains(chains, more) => (chains, more),
        Served::None(why) => return Listing::absent(why),
        Served::Failed(reason) => return Listing::failed(reason),
    };
    let relations = Relations {
        key: None,
        host: Some(endpoint.expected_name().to_owned()),
        anchors: endpoint_anchors(endpoint).await,
        usage: if text(with, "usage") == "client" { Usage::Client } else { Usage::Server },
        now: time::now(),
    };
    let (place, origin) = (endpoint.address().to_string(), endpoint.origin());
    let mut unread = more;
    let mut subjects = Vec::new();
    for chain in chains {
        let bundle = Bundle::of_chain(&chain);
        let key = bundle.certificates.first().and_then(|entry| entry.certificate.key.key_type.known().cloned());
        let what = format!("{} {}", endpoint.name(), key.as_deref().unwrap_or("chain"));
        unread = unread.or_else(|| bundle.incompleteness().map(|what| Reason::new(format!("{place}: {what}"))));
        for (i, entry) in bundle.certificates.iter().enumerate() {
            let name = if i == 0 { what.clone() } else { format!("{what}#{}", i + 1) };
            let mut subject = Subject::new(&CERTIFICATE, name, origin.as_str(), Basis::Live);
            facts(&mut subject, &entry.certificate, &place, i + 1);
            related(&mut subject, &bundle, &entry.certificate, i == 0, &relations);
            subjects.push(subject);
        }
    }
    match unread {
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

async fn endpoint_anchors(endpoint: &Endpoint) -> Result<Anchors, Reason> {
    let roots: Vec<Vec<u8>> = endpoint.roots().await?.iter().map(|root| root.to_vec()).collect();
    Anchors::of(Bundle::of_chain(&roots)).map_err(|error| Reason::new(format!("the trusted certificates: {error}")))
}

fn list(host: &Host, with: &With) -> Listing {
    let relations = Relations::new(host, with, time::now());
    files::list(host, text(with, "path"), |_, path, bytes| {
        content(&read_certificates(bytes), &files::show(path), None, &relations)
    })
}

/// What certificates are compared with, read once for all of a query.
struct Relations {
    key: Option<Result<PrivateKey, Observed>>,
    host: Option<String>,
    anchors: Result<Anchors, Reason>,
    usage: Usage,
    /// When the chain is looked at, in seconds since the epoch.
    now: i64,
}

impl Relations {
    fn new(host: &Host, with: &With, now: i64) -> Self {
        Relations {
            key: given(with, "key").map(|path| read_key(host, path)),
            anchors: anchors(host, given(with, "anchors").filter(|path| *path != "system")),
            ..Relations::without_host(with, now, &Reason::new("not read"))
        }
    }

    /// Where no host is at hand whose files could be compared with.
    fn without_host(with: &With, now: i64, reason: &Reason) -> Self {
        Relations {
            key: given(with, "key").map(|_| Err(Observed::Unknown(reason.clone()))),
            host: given(with, "host").map(str::to_owned),
            anchors: Err(reason.clone()),
            usage: if text(with, "usage") == "client" { Usage::Client } else { Usage::Server },
            now,
        }
    }
}

fn given<'w>(with: &'w With, name: &str) -> Option<&'w str> {
    Some(text(with, name)).filter(|value| !value.is_empty())
}

pub(super) fn read_key(host: &Host, path: &str) -> Result<PrivateKey, Observed> {
    let bytes = match host.read(Path::new(path), 1 << 20) {
        Ok(bytes) => bytes,
        Err(Trouble::Absent) => return Err(Observed::Absent),
        Err(Trouble::Unseen(reason)) => return Err(Observed::Unknown(reason)),
    };
    key_of(&bytes, path)
}

/// The private key in what `place` holds.
fn key_of(bytes: &[u8], place: &str) -> Result<PrivateKey, Observed> {
    read_private_key(bytes).map_err(|problem| {
        Observed::unknown(match problem {
            KeyProblem::Encrypted { .. } => format!("the key {place} is encrypted"),
            KeyProblem::OpenSsh => format!("{place} holds an OpenSSH key"),
            KeyProblem::NoKey => format!("{place} holds no private key"),
            KeyProblem::Malformed { what, .. } => format!("{place}: {what}"),
        })
    })
}

fn anchors(host: &Host, path: Option<&str>) -> Result<Anchors, Reason> {
    let bytes = match path {
        Some(path) => host.read(Path::new(path), 64 << 20).map_err(|trouble| match trouble {
            Trouble::Absent => Reason::new(format!("the anchors {path} do not exist")),
            Trouble::Unseen(reason) => reason,
        })?,
        None => {
            let found = files::first_of(host, &SYSTEM_ANCHORS)?;
            found.ok_or_else(|| Reason::new("this system has no file of trusted certificates"))?.1
        }
    };
    Anchors::read(&bytes).map_err(|error| Reason::new(format!("the trusted certificates: {error}")))
}

/// The certificates of what a person calls `place`; `origin` says where it was read, when that is another thing.
fn content(bundle: &Bundle, place: &str, origin: Option<&str>, relations: &Relations) -> Content {
    let more = bundle.incompleteness().map(|what| Reason::new(format!("{place}: {what}")));
    if bundle.certificates.is_empty() {
        return match more {
            Some(_) if looks_like_one(bundle) => Content::Subjects(Vec::new(), more),
            _ => Content::Other("no certificate in it".to_owned()),
        };
    }
    let many = bundle.certificates.len() > 1;
    let subjects = bundle.certificates.iter().enumerate().map(|(i, entry)| {
        let name = if many { format!("{place}#{}", i + 1) } else { place.to_owned() };
        let in_file = || entry.line.map_or_else(|| place.to_owned(), |line| format!("{place}:{line}"));
        let origin = origin.map_or_else(in_file, str::to_owned);
        let mut subject = Subject::new(&CERTIFICATE, name, origin, Basis::Declared);
        facts(&mut subject, &entry.certificate, place, i + 1);
        related(&mut subject, bundle, &entry.certificate, i == 0, relations);
        subject
    });
    Content::Subjects(subjects.collect(), more)
}

/// Whether what could not be read was meant as a certificate; a key or a text file beside certificates was not.
fn looks_like_one(bundle: &Bundle) -> bool {
    !bundle.keys_present && !bundle.problems.is_empty()
}

fn texts(items: Vec<String>) -> Value {
    items.into_iter().map(Value::from).collect()
}

fn facts(subject: &mut Subject, certificate: &Certificate, place: &str, position: usize) {
    let is_ca = matches!(certificate.is_ca, Seen::Known(true));
    let fields = &mut subject.fields;
    fields.set("path", Value::from(place));
    fields.set("position", Value::Int(i64::try_from(position).unwrap_or(i64::MAX)));
    fields.set("leaf", Value::Bool(position == 1 && !is_ca));
    fields.set("subject", Value::from(certificate.subject.as_str()));
    fields.set("subject_cn", seen(certificate.subject_cn.clone()));
    fields.set("issuer", Value::from(certificate.issuer.as_str()));
    fields.set("serial", Value::from(certificate.serial.as_str()));
    fields.set("not_before", Value::Time(certificate.not_before));
    let expiry = (!certificate.never_expires()).then_some(Value::Time(certificate.not_after));
    fields.set("not_after", Observed::from_option(expiry));
    fields.set("san", seen(certificate.san.clone().map(texts)));
    fields.set("is_ca", seen(certificate.is_ca.clone()));
    fields.set("key_usage", seen(certificate.key_usage.clone().map(texts)));
    fields.set("eku", seen(certificate.eku.clone().map(texts)));
    fields.set("key_type", seen(certificate.key.key_type.clone()));
    fields.set("key_bits", seen(certificate.key.key_bits.clone().map(i64::from)));
    fields.set("curve", seen(certificate.key.curve.clone()));
    fields.set("signature_algorithm", seen(certificate.signature_algorithm.clone()));
    fields.set("signature_hash", seen(certificate.signature_hash.clone()));
    fields.set("self_signed", seen(certificate.self_signed()));
    fields.set("sha256", Value::from(certificate.sha256.as_str()));
}

/// What holds between the file's first certificate and other things. Those behind it are its chain.
fn related(subject: &mut Subject, bundle: &Bundle, certificate: &Certificate, first: bool, relations: &Relations) {
    let fields = &mut subject.fields;
    if !first {
        for name in ["key_matches", "matches_host", "chain_trusted", "chain_note"] {
            fields.set(name, Observed::Absent);
        }
        return;
    }
    fields.set(
        "key_matches",
        match &relations.key {
            None => Observed::Absent,
            Some(Err(observed)) => observed.clone(),
            Some(Ok(key)) => seen(key_matches(certificate, key)),
        },
    );
    fields.set(
        "matches_host",
        match &relations.host {
            None => Observed::Absent,
            Some(host) => seen(matches_host(certificate, host)),
        },
    );
    let note = relations.host.as_deref().filter(|host| matches_common_name_only(certificate, host));
    let note = note.map(|_| "the name stands in the common name only, which clients no longer look at".to_owned());
    let (trusted, why) = chain(bundle, certificate, relations);
    fields.set("chain_trusted", trusted);
    fields.set("chain_note", Observed::from_option(why.or(note)));
}

fn chain(bundle: &Bundle, leaf: &Certificate, relations: &Relations) -> (Observed, Option<String>) {
    let anchors = match &relations.anchors {
        Ok(anchors) => anchors,
        Err(reason) => return (Observed::Unknown(reason.clone()), None),
    };
    // Its own validity is another rule's: one fault is one fail.
    let at = relations.now.max(leaf.not_before).min(leaf.not_after);
    match bundle_chain(bundle, anchors, at, relations.usage) {
        Seen::Known(ChainVerdict::Trusted { anchor }) => {
            (Value::Bool(true).into(), Some(format!("trusted by {anchor}")))
        }
        Seen::Known(ChainVerdict::Untrusted(fault)) => (Value::Bool(false).into(), Some(fault.to_string())),
        Seen::Absent => (Observed::Absent, None),
        Seen::Unknown(reason) => (Observed::unknown(reason), None),
    }
}

//! `tls`: what a server says to ClientHellos: the versions and suites that it accepts, how it agrees on keys and what it
//! shows along with its certificate.

mod chains;
mod details;
mod probe;
mod served;
mod session;
mod versions;

use super::{Field, Resource, field};
use crate::facts::{Basis, Listing, Subject};
use crate::target::endpoint::{Endpoint, FailureKind, Scheme, Start};
use crate::target::{Door, Kind};
use crate::tls::{Hello, Suite, Version, Wanted, group_name, offered, scheme_name, suite};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::{TLS_VERSION, Vocabulary};
use crate::value::{List, Observed, Reason, Record, Type, Value};
use chains::Chains;
use details::{Details, Found, Told};
use probe::{Answer, Prober};
pub(super) use served::{Served, served};
use versions::Spoken;

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);
static VERSION: Type = Type::Word(&TLS_VERSION);
static SUITE: Type = Type::Record(SUITE_FIELDS);

/// What a server shows to those who ask for no name.
static WITHOUT_SNI: Vocabulary =
    Vocabulary { name: "certificate_without_sni", words: &["same", "other", "refused"], ordered: false };

const SUITE_FIELDS: &[Field] = &[
    field("name", Type::Text, "", "IANA's name"),
    field("code", Type::Text, "", "its number, `0xC02F`"),
    field("version", VERSION, "", "the version at which it was accepted"),
    field("kex", Type::Text, "", "`RSA`, `DHE`, `ECDHE`, `DH`, `ECDH`, `PSK` …; `any` at TLS 1.3"),
    field("auth", Type::Text, "", "`RSA`, `ECDSA`, `DSS`, `PSK`, `anon` …; `any` at TLS 1.3"),
    field("cipher", Type::Text, "", "`AES_128`, `CHACHA20`, `3DES`, `RC4_128`, `NULL` …"),
    field("mode", Type::Text, "", "`GCM`, `CCM`, `CCM_8`, `CBC`, `stream` …; `none` without encryption"),
    field("bits", Type::Integer, "", "strength of the encryption in bits; 112 for 3DES, 0 for none"),
    field("mac", Type::Text, "", "`AEAD`, or the hash of the HMAC: `SHA1`, `SHA256`, `MD5` …"),
    field("forward_secrecy", BOOL, "", "whether keys that are found out later do not open what was recorded"),
    field("aead", BOOL, "", "whether encryption and authentication are one"),
    field("export", BOOL, "", "whether it was weakened to 40 or 56 bits for export"),
    field("null", BOOL, "", "whether nothing is encrypted"),
    field("anonymous", BOOL, "", "whether the server proves nothing of who it is"),
    field("small_blocks", BOOL, "", "whether blocks have 64 bits, which repeat within hours (SWEET32)"),
];

const FIELDS: &[Field] = &[
    field("url", Type::Url, "", "the endpoint"),
    field("scheme", Type::Text, "", "the protocol: `https`, `postgres`, `smtp` …"),
    field(
        "offered",
        BOOL,
        "",
        "whether the server does TLS; false when it refuses STARTTLS, and all else is absent then",
    ),
    field("starttls", BOOL, "", "whether TLS is asked for in the protocol, rather than from the first byte"),
    field("versions", Type::List(&VERSION), "ServerHello", "the versions that it accepts, SSLv2 to TLSv1.3"),
    field("min_version", VERSION, "ServerHello", "the lowest of them"),
    field("max_version", VERSION, "ServerHello", "the highest of them"),
    field("suites", Type::List(&SUITE), "ServerHello", "the cipher suites that it accepts, at each version"),
    field(
        "server_preference",
        BOOL,
        "ServerHello",
        "whether its own order decides among suites before TLS 1.3; absent when there is no choice",
    ),
    field("groups", TEXTS, "ServerHello", "the groups that it agrees on keys with: `x25519`, `secp256r1` …"),
    field(
        "signature_algorithms",
        TEXTS,
        "ServerKeyExchange",
        "how it signs at TLS 1.2, as TLS 1.3 names it: `rsa_pss_rsae_sha256` …; absent where it signs nothing there",
    ),
    field("dh_bits", Type::Integer, "ServerKeyExchange", "bits of the smallest prime of DHE; absent without DHE"),
    field(
        "alpn",
        TEXTS,
        "ALPN",
        "the protocols that it agrees on, of `h2`, `http/1.1` and `postgresql`; absent for other protocols",
    ),
    field(
        "ocsp_stapled",
        BOOL,
        "CertificateStatus",
        "whether it staples an OCSP response; absent without a certificate",
    ),
    field(
        "client_certificate_requested",
        BOOL,
        "CertificateRequest",
        "whether it asks clients for a certificate; absent without one of its own",
    ),
    field(
        "certificate_without_sni",
        Type::Word(&WITHOUT_SNI),
        "Certificate",
        "what those see who ask for no name; absent for an address, and without a certificate",
    ),
    field("compression", BOOL, "ServerHello", "whether it compresses (CRIME); absent at TLS 1.3 alone, which has none"),
    field(
        "secure_renegotiation",
        BOOL,
        "ServerHello",
        "whether renegotiation is bound to its session (RFC 5746); absent at TLS 1.3 alone",
    ),
    field(
        "extended_master_secret",
        BOOL,
        "ServerHello",
        "whether the master secret is bound to the handshake (RFC 7627); absent at TLS 1.3 alone and at SSL 3",
    ),
    field(
        "fallback_scsv",
        BOOL,
        "Alert",
        "whether it notices that a client was made to fall back (RFC 7507); absent with one version",
    ),
];

pub(super) static TLS: Resource = Resource {
    name: "tls",
    about: "What a server accepts in a TLS handshake: versions, cipher suites, groups and the rest that is said in the clear.",
    privilege: "a connection to the endpoint; harden logs in nowhere",
    params: &[],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Endpoint,
    observe: |door, _| Box::pin(observe(door)),
};

async fn observe(door: &Door) -> Listing {
    let Door::Endpoint(endpoint) = door else { return Listing::failed(Reason::new("TLS is asked of an endpoint")) };
    if endpoint.address().scheme.start() == Start::Plain {
        return Listing::absent(format!("{} is plain HTTP, without TLS", endpoint.address()));
    }
    let prober = Prober::new(endpoint);
    match greet(&prober).await {
        Ok(()) => {}
        Err(Stop::NotOffered(how)) => return Listing::complete(vec![not_offered(endpoint, &how)]),
        Err(Stop::Failed(reason)) => return Listing::failed(reason),
    }
    let (spoken, ssl2) = tokio::join!(versions::versions(&prober), prober.ssl2());
    if spoken.iter().all(|spoken| !spoken.is_accepted()) && !matches!(ssl2, Ok(Some(_))) {
        let unknown = spoken.into_iter().find_map(|spoken| spoken.more);
        return Listing::failed(unknown.unwrap_or_else(|| Reason::new("the server refused every ClientHello")));
    }
    let mut subject = subject(endpoint);
    accepted(&mut subject, &spoken, &ssl2);
    detailed(&mut subject, &Details { prober: &prober, spoken: &spoken }).await;
    if !prober.is_steady().await {
        return Listing::failed(Reason::new("the server stopped answering while it was asked"));
    }
    Listing::complete(vec![subject])
}

/// Why a server is asked no further.
enum Stop {
    NotOffered(String),
    Failed(Reason),
}

/// A first hello, as today's clients send it. What does not answer it with TLS is not asked hundreds of times more.
async fn greet(prober: &Prober<'_>) -> Result<(), Stop> {
    let suites: Vec<u16> = offered(Version::Tls13).into_iter().chain(offered(Version::Tls12)).take(48).collect();
    let hello = Hello { or_older: true, ..Hello::new(Version::Tls13, &suites, prober.endpoint.sni()) };
    match prober.ask(&hello, Wanted::Hello).await {
        Answer::Said(_) => {
            prober.remember(&hello);
            Ok(())
        }
        Answer::Alert(_) | Answer::HungUp => Ok(()),
        Answer::NotOffered(how) => Err(Stop::NotOffered(how)),
        Answer::None(failure)
            if failure.kind == FailureKind::TimedOut && prober.endpoint.address().scheme == Scheme::Tls =>
        {
            let grant = "name the protocol that is spoken before TLS: smtp://, postgres:// …";
            Err(Stop::Failed(failure.reason.with_grant(grant)))
        }
        Answer::None(failure) => Err(Stop::Failed(failure.reason)),
    }
}

fn subject(endpoint: &Endpoint) -> Subject {
    let mut subject = Subject::new(&TLS, endpoint.name(), endpoint.origin(), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("url", Value::from(endpoint.address().to_string()));
    fields.set("scheme", Value::from(endpoint.address().scheme.as_str()));
    fields.set("starttls", endpoint.address().scheme.start() == Start::Negotiated);
    fields.set("offered", true);
    subject
}

fn not_offered(endpoint: &Endpoint, how: &str) -> Subject {
    let mut subject = subject(endpoint);
    subject.origin = format!("{}: {how}", subject.origin).into();
    for field in FIELDS.iter().filter(|field| !["url", "scheme", "starttls"].contains(&field.name)) {
        subject.fields.set(field.name, Observed::Absent);
    }
    subject.fields.set("offered", false);
    subject
}

/// Versions and suites.
fn accepted(subject: &mut Subject, spoken: &[Spoken], ssl2: &Result<Option<Vec<&'static str>>, Reason>) {
    let accepted: Vec<Version> = spoken.iter().filter(|s| s.is_accepted()).map(|s| s.version).collect();
    let old = matches!(ssl2, Ok(Some(_))).then_some(Version::Ssl2);
    let all: Vec<Version> = old.into_iter().chain(accepted).collect();
    let unseen = |spoken: &Spoken| {
        let reason = spoken.more.as_ref().filter(|_| !spoken.is_accepted())?;
        Some((spoken.version, about(reason, spoken.version)))
    };
    let mut unseen: Vec<(Version, Reason)> = spoken.iter().filter_map(unseen).collect();
    if let Err(reason) = ssl2 {
        unseen.push((Version::Ssl2, about(reason, Version::Ssl2)));
    }
    // What was not seen matters to the lowest and the highest only where it lies beyond them.
    let bound = |of: Option<&Version>, beyond: &dyn Fn(Version, Version) -> bool| match of {
        None => Observed::Absent,
        Some(version) => match unseen.iter().find(|(other, _)| beyond(*other, *version)) {
            Some((_, reason)) => Observed::Unknown(reason.clone()),
            None => Value::from(*version).into(),
        },
    };
    let lowest = bound(all.iter().min(), &|other, version| other < version);
    let highest = bound(all.iter().max(), &|other, version| other > version);
    let fields = &mut subject.fields;
    fields.set("min_version", lowest);
    fields.set("max_version", highest);
    let more = unseen.first().map(|(_, reason)| reason.clone());
    fields.set("versions", list(all.into_iter().map(Value::from), more));
    let old = ssl2.as_ref().ok().into_iter().flatten().flatten().map(|name| ssl2_record(name));
    let newer = spoken.iter().flat_map(|spoken| spoken.suites.iter().map(|code| (suite(*code), spoken.version)));
    // The weakest first: a report shows the beginning of a long list.
    let mut newer: Vec<(Suite, Version)> = newer.collect();
    newer.sort_by_key(|(suite, version)| {
        (!suite.is_anonymous(), suite.bits.min(128), suite.forward_secrecy, suite.aead, *version)
    });
    let newer = newer.into_iter().map(|(suite, version)| suite_record(suite, version));
    let more = spoken.iter().find_map(|s| Some(about(s.more.as_ref()?, s.version)));
    let more = more.or_else(|| ssl2.as_ref().err().map(|reason| about(reason, Version::Ssl2)));
    fields.set("suites", list(old.chain(newer).map(Value::Record), more));
}

fn about(reason: &Reason, version: Version) -> Reason {
    let text = format!("{}: {}", version.as_str(), reason.text);
    match &reason.grant {
        Some(grant) => Reason::new(text).with_grant(grant),
        None => Reason::new(text),
    }
}

fn list(items: impl Iterator<Item = Value>, more: Option<Reason>) -> Value {
    Value::List(List { items: items.map(Observed::Known).collect(), more })
}

fn suite_record(suite: Suite, version: Version) -> Record {
    let code = suite.code;
    let (null, anonymous, small_blocks) = (suite.is_null(), suite.is_anonymous(), suite.has_small_blocks());
    Record::new(SUITE_FIELDS)
        .with("name", Value::from(suite.name))
        .with("code", Value::from(format!("0x{code:04X}")))
        .with("version", Value::from(version))
        .with("kex", Value::from(suite.kex))
        .with("auth", Value::from(suite.auth))
        .with("cipher", Value::from(suite.cipher))
        .with("mode", Value::from(suite.mode))
        .with("bits", i64::from(suite.bits))
        .with("mac", Value::from(suite.mac))
        .with("forward_secrecy", suite.forward_secrecy)
        .with("aead", suite.aead)
        .with("export", suite.export)
        .with("null", null)
        .with("anonymous", anonymous)
        .with("small_blocks", small_blocks)
}

/// The cipher kinds of SSL 2, all of them with RSA and MD5.
fn ssl2_record(name: &str) -> Record {
    let (cipher, mode, bits) = match name {
        _ if name.contains("RC4_128_EXPORT40") => ("RC4_40", "stream", 40),
        _ if name.contains("RC4") => ("RC4_128", "stream", 128),
        _ if name.contains("EXPORT40") => ("RC2_40", "CBC", 40),
        _ if name.contains("RC2") => ("RC2_128", "CBC", 128),
        _ if name.contains("IDEA") => ("IDEA", "CBC", 128),
        _ if name.contains("DES_192") => ("3DES", "CBC", 112),
        _ => ("DES", "CBC", 56),
    };
    Record::new(SUITE_FIELDS)
        .with("name", Value::from(name))
        .with("code", Observed::Absent)
        .with("version", Value::from(Version::Ssl2))
        .with("kex", Value::from("RSA"))
        .with("auth", Value::from("RSA"))
        .with("cipher", Value::from(cipher))
        .with("mode", Value::from(mode))
        .with("bits", bits)
        .with("mac", Value::from("MD5"))
        .with("forward_secrecy", false)
        .with("aead", false)
        .with("export", bits == 40)
        .with("null", false)
        .with("anonymous", false)
        .with("small_blocks", mode == "CBC")
}

/// Everything that takes further questions.
async fn detailed(subject: &mut Subject, details: &Details<'_>) {
    let endpoint = details.prober.endpoint;
    let protocols: Option<&[&'static str]> = match endpoint.address().scheme {
        Scheme::Https | Scheme::Tls => Some(&["h2", "http/1.1"]),
        Scheme::Postgres => Some(&["postgresql"]),
        _ => None,
    };
    let alpn = async {
        match protocols {
            Some(protocols) => Some(details.alpn(protocols).await),
            None => None,
        }
    };
    let (groups, schemes, bits, preference, extensions, fallback, alpn, (shown, without)) = tokio::join!(
        details.groups(),
        details.schemes(),
        details.prime_bits(),
        details.preference(),
        details.extensions(),
        details.fallback(),
        alpn,
        shown(details.prober),
    );
    let names = |found: Found<u16>, name: fn(u16) -> String| {
        list(found.items.into_iter().map(|number| Value::from(name(number))), found.more)
    };
    let fields = &mut subject.fields;
    fields.set("groups", names(groups, group_name));
    fields.set("signature_algorithms", Observed::from_option(schemes.map(|found| names(found, scheme_name))));
    fields.set("dh_bits", told(bits, |bits| i64::from(bits).into()));
    fields.set("server_preference", told(preference, Value::from));
    fields.set("fallback_scsv", told(fallback, Value::from));
    fields.set(
        "alpn",
        Observed::from_option(alpn.map(|found| list(found.items.into_iter().map(Value::from), found.more))),
    );
    let hello = extensions.map(|flight| flight.and_then(|flight| flight.hello));
    let has = |number: u16| told(hello.clone(), |hello| hello.extensions.contains(&number).into());
    fields.set("compression", told(hello.clone(), |hello| (hello.compression != 0).into()));
    fields.set("secure_renegotiation", has(0xff01));
    let extended = match &hello {
        Ok(Some(hello)) if hello.version == Version::Ssl3 => Observed::Absent,
        _ => has(23),
    };
    fields.set("extended_master_secret", extended);
    let first = shown.shown.first();
    let said = |value: Option<bool>| match (value, &shown.more) {
        (Some(value), _) => Value::Bool(value).into(),
        (None, Some(reason)) => Observed::Unknown(reason.clone()),
        (None, None) => Observed::Absent,
    };
    fields.set("ocsp_stapled", said(first.map(|session| session.stapled)));
    fields.set("client_certificate_requested", said(first.map(|session| session.certificate_requested)));
    fields.set("certificate_without_sni", without);
}

fn told<T>(told: Told<T>, value: impl Fn(T) -> Value) -> Observed {
    match told {
        Ok(Some(told)) => value(told).into(),
        Ok(None) => Observed::Absent,
        Err(reason) => Observed::Unknown(reason),
    }
}

/// The chains for the name, and how those without a name compare.
async fn shown(prober: &Prober<'_>) -> (Chains, Observed) {
    let Some(name) = prober.endpoint.sni() else { return (chains::chains(prober, None).await, Observed::Absent) };
    let (named, nameless) = tokio::join!(chains::chains(prober, Some(name)), chains::chains(prober, None));
    let without = compare(&named, &nameless);
    (named, without)
}

fn compare(named: &Chains, nameless: &Chains) -> Observed {
    let knows = |leaf: Option<&Vec<u8>>| named.shown.iter().any(|session| session.chain.first() == leaf);
    let what = match (&named.more, &nameless.more) {
        (_, Some(reason)) | (Some(reason), _) => return Observed::Unknown(reason.clone()),
        _ if named.shown.is_empty() => return Observed::Absent,
        _ if nameless.shown.is_empty() => "refused",
        _ if nameless.shown.iter().all(|session| knows(session.chain.first())) => "same",
        _ => "other",
    };
    word(&WITHOUT_SNI, what).into()
}

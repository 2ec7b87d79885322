//! The module as its users see it, on certificates made now.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm,
};
use time::{Duration, OffsetDateTime};

use super::*;

struct Made {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
    der: Vec<u8>,
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A certificate for `names`, valid from 1 day ago for 61 days, changed by `change` and signed by `issuer` or itself.
fn make(
    cn: &str,
    names: &[&str],
    alg: &'static SignatureAlgorithm,
    issuer: Option<&Made>,
    change: impl FnOnce(&mut CertificateParams),
) -> Made {
    let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, cn);
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(61);
    change(&mut params);
    let key = KeyPair::generate_for(alg).unwrap();
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Made { pem: certificate.pem(), der: certificate.der().to_vec(), params, key }
}

fn ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
}

fn plain(_: &mut CertificateParams) {}

fn root() -> Made {
    make("Test Root", &[], &PKCS_ECDSA_P256_SHA256, None, ca)
}

fn only(pem: &str) -> Certificate {
    let bundle = read_certificates(pem.as_bytes());
    assert!(bundle.is_complete(), "{:?}", bundle.problems);
    assert_eq!(bundle.certificates.len(), 1);
    bundle.certificates[0].certificate.clone()
}

fn judge(parts: &[&Made], anchors: &[&Made]) -> Seen<ChainVerdict> {
    judge_for(parts, anchors, Usage::Server)
}

fn judge_for(parts: &[&Made], anchors: &[&Made], usage: Usage) -> Seen<ChainVerdict> {
    let join = |parts: &[&Made]| parts.iter().map(|made| made.pem.as_str()).collect::<String>();
    let anchors = Anchors::read(join(anchors).as_bytes()).unwrap();
    bundle_chain(&read_certificates(join(parts).as_bytes()), &anchors, now(), usage)
}

fn trusted(cn: &str) -> Seen<ChainVerdict> {
    Seen::Known(ChainVerdict::Trusted { anchor: format!("CN={cn}") })
}

fn fault(fault: ChainFault) -> Seen<ChainVerdict> {
    Seen::Known(ChainVerdict::Untrusted(fault))
}

#[test]
fn facts_of_a_leaf() {
    let root = root();
    let made = make(
        "a.example",
        &["a.example", "*.b.example", "192.0.2.7", "2001:db8::1"],
        &PKCS_ECDSA_P384_SHA384,
        Some(&root),
        |p| {
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        },
    );
    let leaf = only(&made.pem);
    assert_eq!((leaf.subject.as_str(), leaf.issuer.as_str(), leaf.version), ("CN=a.example", "CN=Test Root", 3));
    assert_eq!(leaf.subject_cn, Seen::Known("a.example".into()));
    assert_eq!(
        leaf.san,
        Seen::Known(["dns:a.example", "dns:*.b.example", "ip:192.0.2.7", "ip:2001:db8::1"].map(String::from).into())
    );
    assert_eq!(leaf.eku, Seen::Known(["serverAuth", "clientAuth"].map(String::from).into()));
    assert_eq!(leaf.key_usage, Seen::Known(vec!["digitalSignature".into()]));
    assert_eq!((leaf.is_ca.clone(), leaf.path_len.clone()), (Seen::Known(false), Seen::Absent));
    assert_eq!((leaf.key.key_type.clone(), leaf.key.key_bits.clone()), (Seen::Known("ec".into()), Seen::Known(384)));
    assert_eq!(leaf.key.curve, Seen::Known("P-384".into()));
    assert_eq!(leaf.signature_algorithm, Seen::Known("ecdsa-with-SHA256".into()));
    assert_eq!(leaf.signature_hash, Seen::Known("sha256".into()));
    assert_eq!((leaf.self_issued, leaf.self_signed()), (false, Seen::Known(false)));
    assert_eq!(leaf.not_after - leaf.not_before, 62 * 86400);
    assert_eq!(leaf.der(), made.der);
}

#[test]
fn self_signed_is_proved_not_assumed() {
    for alg in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        assert_eq!(only(&make("x", &[], alg, None, plain).pem).self_signed(), Seen::Known(true));
    }
    // The issuer has the same name and another key.
    let other = make("x", &[], &PKCS_ECDSA_P256_SHA256, None, ca);
    let named_alike = only(&make("x", &[], &PKCS_ECDSA_P256_SHA256, Some(&other), plain).pem);
    assert_eq!((named_alike.self_issued, named_alike.self_signed()), (true, Seen::Known(false)));
}

#[test]
fn no_expiry() {
    let made = make("x", &[], &PKCS_ED25519, None, |p| p.not_after = time::macros::datetime!(9999-12-31 23:59:59 UTC));
    let certificate = only(&made.pem);
    assert!(certificate.never_expires());
    assert_eq!(certificate.not_after, NO_EXPIRY);
}

#[test]
fn documents_of_all_shapes() {
    let (a, b) = (make("a", &[], &PKCS_ED25519, None, plain), make("b", &[], &PKCS_ED25519, None, plain));
    let read = |bytes: &[u8]| {
        let bundle = read_certificates(bytes);
        (
            bundle.certificates.iter().map(|e| e.certificate.subject.clone()).collect::<Vec<_>>(),
            bundle.keys_present,
            bundle.problems,
        )
    };
    let names = |n: &[&str]| n.iter().map(|n| format!("CN={n}")).collect::<Vec<_>>();
    let pair = format!("{}{}", a.pem, b.pem);
    assert_eq!(read(pair.as_bytes()), (names(&["a", "b"]), false, vec![]));
    assert_eq!(read(pair.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes()), (names(&["a", "b"]), false, vec![]));
    assert_eq!(read(format!("subject=/x\n: y\n{pair}trailer").as_bytes()).0, names(&["a", "b"]));
    assert_eq!(read(format!("{}{}", a.key.serialize_pem(), a.pem).as_bytes()), (names(&["a"]), true, vec![]));
    assert_eq!(read(a.pem.replace("CERTIFICATE", "X509 CERTIFICATE").as_bytes()), (names(&["a"]), false, vec![]));
    assert_eq!(read(&a.der), (names(&["a"]), false, vec![]));

    let incomplete = |bytes: &[u8], expected: &[&str]| {
        let (found, _, problems) = read(bytes);
        assert_eq!(found, names(expected));
        assert_eq!(problems.len(), 1, "{problems:?}");
    };
    incomplete(a.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").as_bytes(), &[]);
    incomplete(b"", &[]);
    incomplete(b" \n", &[]);
    incomplete(b"garbage", &[]);
    incomplete(&[0x30, 0x82, 1, 2, 3], &[]);
    incomplete(a.key.serialize_pem().replace("PRIVATE KEY", "PUBLIC KEY").as_bytes(), &[]);
    incomplete(format!("\u{feff}{pair}").as_bytes(), &["a", "b"]);
    incomplete(&[a.der.as_slice(), b"x"].concat(), &["a"]);
    incomplete(b"-----BEGIN CERTIFICATE-----\nAAECAwQF\n-----END CERTIFICATE-----\n", &[]);
    incomplete(format!("{}{}", a.pem, b.pem.split_at(b.pem.len() / 2).0).as_bytes(), &["a"]);
    let broken = format!("{}{}{}", a.pem, b.pem.replacen("\nMI", "\nM*", 1).replacen("\r\nMI", "\r\nM*", 1), a.pem);
    incomplete(broken.as_bytes(), &["a", "a"]);
    let line = read(broken.as_bytes()).2[0].line;
    assert_eq!(line, Some(a.pem.lines().count() + 1));
}

#[test]
fn keys_match_their_certificates_only() {
    let algorithms = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
    let made: Vec<Made> = algorithms
        .iter()
        .flat_map(|alg| [make("x", &[], alg, None, plain), make("x", &[], alg, None, plain)])
        .collect();
    for (i, certificate) in made.iter().enumerate() {
        for (j, key) in made.iter().enumerate() {
            let certificate = only(&certificate.pem);
            for bytes in [key.key.serialize_pem().into_bytes(), key.key.serialize_der()] {
                let key = read_private_key(&bytes).unwrap();
                assert_eq!(key_matches(&certificate, &key), Seen::Known(i == j), "{i} {j}");
                assert!(!format!("{key:?}").contains("scalar"));
            }
        }
    }
}

#[test]
fn hosts() {
    let names = ["a.example", "*.b.example", "192.0.2.7", "2001:db8::1"];
    let certificate = only(&make("cn.example", &names, &PKCS_ED25519, None, plain).pem);
    for host in ["a.example", "A.EXAMPLE.", "x.b.example", "192.0.2.7", "[2001:DB8:0::1]"] {
        assert_eq!(matches_host(&certificate, host), Seen::Known(true), "{host}");
    }
    for host in ["b.example", "x.y.b.example", "192.0.2.8", "::1", "cn.example", "xa.example"] {
        assert_eq!(matches_host(&certificate, host), Seen::Known(false), "{host}");
        assert!(!matches_common_name_only(&certificate, host));
    }
    assert!(matches_host(&certificate, "bücher.example").reason().is_some());
    let bare = only(&make("cn.example", &[], &PKCS_ED25519, None, plain).pem);
    assert_eq!(matches_host(&bare, "cn.example"), Seen::Known(false));
    assert!(matches_common_name_only(&bare, "cn.example"));
}

#[test]
fn chains_that_hold() {
    let root = root();
    let middle = make("Middle", &[], &PKCS_ECDSA_P384_SHA384, Some(&root), ca);
    let low = make("Low", &[], &PKCS_ED25519, Some(&middle), ca);
    let leaf = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&low), plain);
    assert_eq!(judge(&[&leaf, &low, &middle], &[&root]), trusted("Test Root"));
    assert_eq!(judge(&[&leaf, &middle, &low, &root], &[&root]), trusted("Test Root"));
    assert_eq!(judge(&[&leaf], &[&low, &root, &middle]), trusted("Test Root"));
    // A pinned self-signed server certificate, CA or not.
    let pinned = make("pin", &["a.example"], &PKCS_ECDSA_P256_SHA256, None, plain);
    assert_eq!(judge(&[&pinned], &[&pinned]), trusted("pin"));
    assert_eq!(judge(&[&root], &[&root]), fault(ChainFault::WrongUsage { subject: "CN=Test Root".into() }));
    let pinned_ca = make("pin", &["a.example"], &PKCS_ECDSA_P256_SHA256, None, |p| {
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)
    });
    assert_eq!(judge(&[&pinned_ca], &[&pinned_ca]), trusted("pin"));
    // The anchor is no root: programs disagree.
    assert!(judge(&[&leaf], &[&low]).reason().is_some());
}

#[test]
fn chains_that_do_not_hold() {
    let (root, other) = (root(), make("Other Root", &[], &PKCS_ECDSA_P256_SHA256, None, ca));
    let middle = make("Middle", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), ca);
    let leaf = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&middle), plain);
    let missing = |name: &str| fault(ChainFault::MissingIssuer { issuer: format!("CN={name}") });
    assert_eq!(judge(&[&leaf], &[&root]), missing("Middle"));
    assert_eq!(judge(&[&leaf, &middle], &[&other]), missing("Test Root"));
    assert_eq!(
        judge(&[&leaf, &middle, &root], &[&other]),
        fault(ChainFault::UntrustedRoot { subject: "CN=Test Root".into() })
    );
    let lone = make("lone", &["a.example"], &PKCS_ED25519, None, plain);
    assert_eq!(judge(&[&lone], &[&root]), fault(ChainFault::UntrustedRoot { subject: "CN=lone".into() }));
    // An issuer of the right name and another key.
    let impostor = make("Middle", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), ca);
    assert_eq!(judge(&[&leaf, &impostor], &[&root]), fault(ChainFault::BadSignature));
    let other_root = make("Test Root", &[], &PKCS_ECDSA_P256_SHA256, None, ca);
    assert_eq!(judge(&[&leaf, &middle], &[&other_root]), fault(ChainFault::BadSignature));

    let days = |n: i64| OffsetDateTime::now_utc() + Duration::days(n);
    let expired = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
        p.not_before = days(-9);
        p.not_after = days(-3);
    });
    assert_eq!(judge(&[&expired], &[&root]), fault(ChainFault::Expired));
    let future = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| p.not_before = days(2));
    assert_eq!(judge(&[&future], &[&root]), fault(ChainFault::NotYetValid));
    let old_middle = make("Middle", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
        ca(p);
        p.not_before = days(-9);
        p.not_after = days(-3);
    });
    let under_old = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&old_middle), plain);
    assert_eq!(
        judge(&[&under_old, &old_middle], &[&root]),
        fault(ChainFault::IssuerNotValid { subject: "CN=Middle".into() })
    );
    let old_root = make("Old Root", &[], &PKCS_ECDSA_P256_SHA256, None, |p| {
        ca(p);
        p.not_before = days(-9);
        p.not_after = days(-3);
    });
    let under_old_root = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&old_root), plain);
    assert_eq!(
        judge(&[&under_old_root], &[&old_root]),
        fault(ChainFault::IssuerNotValid { subject: "CN=Old Root".into() })
    );
}

#[test]
fn issuers_without_the_right() {
    let root = root();
    let not_ca = make("Not CA", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), plain);
    let leaf = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&not_ca), plain);
    assert_eq!(judge(&[&leaf, &not_ca], &[&root]), fault(ChainFault::NotCa { subject: "CN=Not CA".into() }));
    // webpki asks an anchor for nothing.
    let plain_anchor = make("Anchor", &[], &PKCS_ECDSA_P256_SHA256, None, plain);
    let under = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&plain_anchor), plain);
    assert_eq!(judge(&[&under], &[&plain_anchor]), fault(ChainFault::NotCa { subject: "CN=Anchor".into() }));
    let no_sign = make("No Sign", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
        ca(p);
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });
    let under = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&no_sign), plain);
    assert_eq!(judge(&[&under, &no_sign], &[&root]), fault(ChainFault::NotCa { subject: "CN=No Sign".into() }));

    let short = make("Short", &[], &PKCS_ECDSA_P256_SHA256, None, |p| {
        ca(p);
        p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let middle = make("Middle", &[], &PKCS_ECDSA_P256_SHA256, Some(&short), ca);
    let under = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&middle), plain);
    assert_eq!(judge(&[&under, &middle], &[&short]), fault(ChainFault::PathLength));

    let client = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(judge(&[&client], &[&root]), fault(ChainFault::WrongUsage { subject: "CN=leaf".into() }));
    assert_eq!(judge_for(&[&client], &[&root], Usage::Client), trusted("Test Root"));
    let mail_ca = make("Mail CA", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
        ca(p);
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    });
    let under = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&mail_ca), plain);
    assert_eq!(judge(&[&under, &mail_ca], &[&root]), fault(ChainFault::WrongUsage { subject: "CN=Mail CA".into() }));
}

#[test]
fn name_constraints() {
    let constrained = make("Constrained", &[], &PKCS_ECDSA_P256_SHA256, None, |p| {
        ca(p);
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".into())];
        p.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    let inside = make("leaf", &["a.example.com"], &PKCS_ECDSA_P256_SHA256, Some(&constrained), plain);
    let outside = make("leaf", &["a.example.org"], &PKCS_ECDSA_P256_SHA256, Some(&constrained), plain);
    let unnamed = make("a.example.org", &[], &PKCS_ECDSA_P256_SHA256, Some(&constrained), plain);
    assert_eq!(judge(&[&inside], &[&constrained]), trusted("Constrained"));
    assert_eq!(judge(&[&outside], &[&constrained]), fault(ChainFault::NameConstraint));
    assert!(judge(&[&unnamed], &[&constrained]).reason().is_some());
}

#[test]
fn what_was_not_read_is_not_held_against_anyone() {
    let root = root();
    let middle = make("Middle", &[], &PKCS_ECDSA_P256_SHA256, Some(&root), ca);
    let leaf = make("leaf", &["a.example"], &PKCS_ECDSA_P256_SHA256, Some(&middle), plain);
    let anchors = Anchors::read(root.pem.as_bytes()).unwrap();
    let broken = middle.pem.replace("END", "DNE");
    let bundle = read_certificates(format!("{}{broken}", leaf.pem).as_bytes());
    assert!(bundle_chain(&bundle, &anchors, now(), Usage::Server).reason().is_some());
    let partial = Anchors::read(format!("{}{broken}", make("z", &[], &PKCS_ED25519, None, ca).pem).as_bytes()).unwrap();
    let bundle = read_certificates(format!("{}{}", leaf.pem, middle.pem).as_bytes());
    assert!(bundle_chain(&bundle, &partial, now(), Usage::Server).reason().is_some());
    assert!(Anchors::read(b"junk").is_err());
    assert_eq!(bundle_chain(&bundle, &anchors, now(), Usage::Server), trusted("Test Root"));
}

#[test]
fn names_that_differ_in_spelling_only_are_the_same() {
    let upper = make("Same  Name", &[], &PKCS_ED25519, None, plain);
    let lower = make("same name ", &[], &PKCS_ED25519, None, plain);
    assert_eq!(only(&upper.pem).subject_key, only(&lower.pem).subject_key);
    assert_eq!(only(&lower.pem).subject, "CN=same name\\ ");
}

#[test]
fn large_documents_take_linear_time() {
    let made = make("x", &["a.example"], &PKCS_ED25519, None, plain);
    let bundle = read_certificates(made.pem.repeat(4 * 1024 * 1024 / made.pem.len()).as_bytes());
    assert!(bundle.certificates.len() > 5000);
    let anchors = Anchors::read(root().pem.as_bytes()).unwrap();
    bundle_chain(&bundle, &anchors, now(), Usage::Server);
    read_certificates(&b"-----BEGIN CERTIFICATE-----\n".repeat(150_000));
    read_certificates(&b"-----BEGIN ".repeat(380_000));
    read_private_key(&b"-----BEGIN PRIVATE KEY-----\n".repeat(150_000)).unwrap_err();
}

/// Everything that can be asked of a document, for the sake of not panicking.
fn ask_everything(bytes: &[u8], key: &PrivateKey, anchors: &Anchors) {
    let bundle = read_certificates(bytes);
    for entry in &bundle.certificates {
        entry.certificate.self_signed();
        key_matches(&entry.certificate, key);
        matches_host(&entry.certificate, "a.example");
        matches_common_name_only(&entry.certificate, "a.example");
    }
    bundle_chain(&bundle, anchors, now(), Usage::Server);
    if let Ok(anchors) = Anchors::read(bytes) {
        bundle_chain(&bundle, &anchors, now(), Usage::Client);
    }
    let _ = read_private_key(bytes);
    let _ = key_facts(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), which in 0..3usize, cut in any::<prop::sample::Index>(), shorten: bool) {
        thread_local!(static MADE: (Made, Made, Anchors, PrivateKey) = {
            let root = root();
            let leaf = make("leaf", &["a.example", "192.0.2.1"], &PKCS_ECDSA_P256_SHA256, Some(&root), |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            });
            let anchors = Anchors::read(root.pem.as_bytes()).unwrap();
            let key = read_private_key(leaf.key.serialize_pem().as_bytes()).unwrap();
            (root, leaf, anchors, key)
        });
        MADE.with(|(root, leaf, anchors, key)| {
            let mut bytes = match which {
                0 => leaf.der.clone(),
                1 => leaf.key.serialize_der(),
                _ => format!("{}{}{}", leaf.key.serialize_pem(), leaf.pem, root.pem).into_bytes(),
            };
            for (index, value) in &changes {
                let index = index.index(bytes.len());
                bytes[index] = *value;
            }
            if shorten {
                bytes.truncate(cut.index(bytes.len()));
            }
            ask_everything(&bytes, key, anchors);
            if which == 1 && let Ok(key) = read_private_key(&bytes) {
                key_matches(&only(&leaf.pem), &key);
            }
        });
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        read_certificates(&bytes);
        let _ = Certificate::from_der(&bytes);
        let _ = key_facts(&bytes);
    }
}

//! Whether a certificate is for a host name or address (RFC 9525, RFC 6125): the subjectAltName decides, the common name never does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::certificate::Certificate;
use super::extensions::AltName;
use super::seen::Seen;

/// A host as a client asks for it.
enum Host {
    /// Lower case, no trailing dot.
    Name(String),
    Address(IpAddr),
}

/// Whether `host` (a name, an IPv4 address, or an IPv6 address with or without brackets) is among the certificate's
/// subjectAltNames.
///
/// A wildcard stands for exactly one whole left-most label and needs two labels after it; it never matches an address.
/// Addresses are compared in binary. A name outside ASCII is unknown: give its A-label form.
pub fn matches_host(certificate: &Certificate, host: &str) -> Seen<bool> {
    let host = match parse(host) {
        Ok(host) => host,
        Err(reason) => return Seen::Unknown(reason),
    };
    let names = match &certificate.extensions.san {
        Seen::Known(names) => names,
        Seen::Absent => return Seen::Known(false),
        Seen::Unknown(reason) => return Seen::Unknown(reason.clone()),
    };
    if names.iter().any(|name| covers(name, &host)) {
        return Seen::Known(true);
    }
    match (&host, names.iter().find(|name| matches!(name, AltName::BadIp(_)))) {
        (Host::Address(_), Some(bad)) => {
            Seen::unknown(format!("the certificate has a malformed address {}", bad.text()))
        }
        _ => Seen::Known(false),
    }
}

/// Whether `host` would match by the common name only: libpq and OpenSSL fall back to it when the certificate has no
/// dNSName; rustls, Go and browsers do not. For a note beside a host that does not match.
pub fn matches_common_name_only(certificate: &Certificate, host: &str) -> bool {
    let has_dns = match &certificate.extensions.san {
        Seen::Known(names) => names.iter().any(|name| matches!(name, AltName::Dns(_))),
        Seen::Absent => false,
        Seen::Unknown(_) => true,
    };
    match (parse(host), certificate.subject_cn.known()) {
        (Ok(Host::Name(host)), Some(common_name)) if !has_dns => name_covers(common_name.as_bytes(), &host),
        _ => false,
    }
}

fn parse(host: &str) -> Result<Host, String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bare {
        return address.parse::<Ipv6Addr>().map(|a| Host::Address(a.into())).map_err(|_| not_a_host());
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(Host::Address(address));
    }
    if !host.is_ascii() {
        return Err("the host name is not ASCII: its A-label form is needed".to_owned());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    // `127.1` and `0x7f000001` are addresses to some programs and names to others.
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if name.parse::<Ipv4Addr>().is_ok() || numeric || !is_name(&name) {
        return Err(not_a_host());
    }
    Ok(Host::Name(name))
}

fn not_a_host() -> String {
    "the host is neither a name nor an address".to_owned()
}

/// Labels of letters, digits, hyphens and, because they occur, underscores (RFC 1035 sizes).
fn is_name(name: &str) -> bool {
    let label =
        |l: &str| (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    name.len() <= 253 && name.split('.').all(label)
}

fn covers(name: &AltName, host: &Host) -> bool {
    match (name, host) {
        (AltName::Dns(pattern), Host::Name(host)) => name_covers(pattern, host),
        (AltName::Ip(address), Host::Address(host)) => address == host,
        _ => false,
    }
}

fn name_covers(pattern: &[u8], host: &str) -> bool {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return false;
    };
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            let under = host.split_once('.').is_some_and(|(_, rest)| rest == parent);
            under && parent.contains('.') && is_name(parent)
        }
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(name_covers(b"*.Example.com", "a.example.com"));
        assert!(name_covers(b"*.example.com", "xn--bcher-kva.example.com"));
        for host in ["example.com", "a.b.example.com", "aexample.com"] {
            assert!(!name_covers(b"*.example.com", host), "{host}");
        }
        for pattern in
            ["*.com", "*", "*.", "f*.example.com", "*a.example.com", "a.*.example.com", "*.*.example.com", "*.a..com"]
        {
            assert!(!name_covers(pattern.as_bytes(), "foo.a.example.com"), "{pattern}");
            assert!(!name_covers(pattern.as_bytes(), "foo.com"), "{pattern}");
            assert!(!name_covers(pattern.as_bytes(), "foo.example.com"), "{pattern}");
        }
        assert!(!name_covers(b"good.example\0.evil.com", "good.example"));
    }

    #[test]
    fn hosts() {
        assert!(matches!(parse("Example.COM."), Ok(Host::Name(name)) if name == "example.com"));
        assert!(matches!(parse("[::1]"), Ok(Host::Address(_))));
        assert!(matches!(parse("10.0.0.1"), Ok(Host::Address(_))));
        for bad in [
            "",
            ".",
            "a..b",
            "*.example.com",
            "bücher.example",
            "127.1",
            "0x7f000001",
            "a b",
            "[10.0.0.1]",
            ".example.com",
            "fe80::1%eth0",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_host_and_pattern_end(host: String, pattern: Vec<u8>) {
            let _ = parse(&host);
            name_covers(&pattern, &host);
        }
    }
}

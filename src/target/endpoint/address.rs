//! The URL of an endpoint: which protocol is spoken there, and where.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The protocol that an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
    /// TLS from the first byte, whatever is spoken in it.
    Tls,
    Postgres,
    Mysql,
    Smtp,
    Smtps,
    Submission,
    Imap,
    Imaps,
    Pop3,
    Pop3s,
    Ldap,
    Ldaps,
}

/// How a connection gets to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is TLS from the first byte.
    Direct,
    /// The protocol itself is spoken first, and asked to change to TLS.
    Negotiated,
    /// Never.
    Plain,
}

/// Scheme, how it is written, its port (IANA), how it gets to TLS.
const SCHEMES: [(Scheme, &str, Option<u16>, Start); 14] = [
    (Scheme::Https, "https", Some(443), Start::Direct),
    (Scheme::Http, "http", Some(80), Start::Plain),
    (Scheme::Tls, "tls", None, Start::Direct),
    (Scheme::Postgres, "postgres", Some(5432), Start::Negotiated),
    (Scheme::Mysql, "mysql", Some(3306), Start::Negotiated),
    (Scheme::Smtp, "smtp", Some(25), Start::Negotiated),
    (Scheme::Smtps, "smtps", Some(465), Start::Direct),
    (Scheme::Submission, "submission", Some(587), Start::Negotiated),
    (Scheme::Imap, "imap", Some(143), Start::Negotiated),
    (Scheme::Imaps, "imaps", Some(993), Start::Direct),
    (Scheme::Pop3, "pop3", Some(110), Start::Negotiated),
    (Scheme::Pop3s, "pop3s", Some(995), Start::Direct),
    (Scheme::Ldap, "ldap", Some(389), Start::Negotiated),
    (Scheme::Ldaps, "ldaps", Some(636), Start::Direct),
];

impl Scheme {
    /// The scheme of this name; `postgresql` is `postgres` too.
    pub fn parse(text: &str) -> Option<Self> {
        let folded = text.to_ascii_lowercase();
        let name = if folded == "postgresql" { "postgres" } else { &folded };
        SCHEMES.iter().find(|(_, word, ..)| *word == name).map(|(scheme, ..)| *scheme)
    }

    /// Every name, for what is said of one that is none.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        SCHEMES.iter().map(|(_, word, ..)| *word)
    }

    fn row(self) -> Option<&'static (Scheme, &'static str, Option<u16>, Start)> {
        SCHEMES.iter().find(|(scheme, ..)| *scheme == self)
    }

    pub fn as_str(self) -> &'static str {
        self.row().map_or("", |(_, word, ..)| word)
    }

    /// The port that IANA gave to it; `tls` has none.
    pub fn port(self) -> Option<u16> {
        self.row().and_then(|(_, _, port, _)| *port)
    }

    pub fn start(self) -> Start {
        self.row().map_or(Start::Plain, |(.., start)| *start)
    }

    pub fn is_http(self) -> bool {
        matches!(self, Scheme::Http | Scheme::Https)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an endpoint is, as its URL says. It displays itself without what a query may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub scheme: Scheme,
    /// A name in lower case, or an address without brackets.
    pub host: String,
    pub port: u16,
    /// The path, `/` at least.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Option<String>,
}

impl Address {
    /// Reads a URL. The error is a lowercase fragment and never quotes what may be a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("no URL: it has no `scheme://`")?;
        let scheme = Scheme::parse(scheme).ok_or_else(|| {
            format!(
                "a URL of a scheme that harden does not know; there are: {}",
                Scheme::names().collect::<Vec<_>>().join(", ")
            )
        })?;
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(
                "a URL with characters that must be written as %xx, or a host to be written as xn--…".to_owned()
            );
        }
        if rest.contains('#') {
            return Err("a URL with a fragment (`#…`), which is not sent".to_owned());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a URL with a user or a password, which harden does not send".to_owned());
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => port,
            None => scheme.port().ok_or_else(|| format!("a {scheme} URL without a port"))?,
        };
        let path = if path.is_empty() { "/" } else { path };
        if !scheme.is_http() && (path != "/" || query.is_some()) {
            return Err(format!("a {scheme} URL with a path, which harden would not look at"));
        }
        Ok(Address { scheme, host: check_host(host)?, port, path: path.to_owned(), query })
    }

    /// Path and query as a request line has them.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Host, and port where it is not the scheme's own, as a `Host` header and an origin have them.
    pub fn authority(&self) -> String {
        let host = show_host(&self.host);
        if self.scheme.port() == Some(self.port) { host } else { format!("{host}:{}", self.port) }
    }

    /// The address itself, where the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())?;
        if self.scheme.is_http() {
            f.write_str(&self.path)?;
        }
        if self.query.is_some() { f.write_str("?***") } else { Ok(()) }
    }
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let number = |port: &str| {
        let port = port.parse().ok().filter(|port| *port != 0);
        port.map(Some).ok_or("a port that is no number from 1 to 65535".to_owned())
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("an address whose `[` is never closed")?;
        host.parse::<Ipv6Addr>().map_err(|_| "brackets around what is no IPv6 address")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, number(port)?)),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("text behind the `]` of an address".to_owned()),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err("an IPv6 address without `[` and `]`".to_owned()),
        Some((host, port)) => Ok((host, number(port)?)),
        None => Ok((text, None)),
    }
}

/// A host's name in lower case, or an address.
pub(super) fn check_host(host: &str) -> Result<String, String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_ascii_lowercase());
    }
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    let relative = host.strip_suffix('.').unwrap_or(host);
    if relative.len() > 253 || !relative.split('.').all(label) {
        return Err("a host that is neither a name nor an address".to_owned());
    }
    Ok(host.to_ascii_lowercase())
}

pub(super) fn show_host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<String, String> {
        Address::parse(text).map(|address| address.to_string())
    }

    #[test]
    fn urls_as_they_are_meant() {
        assert_eq!(shown("https://App.Example.org"), Ok("https://app.example.org/".into()));
        assert_eq!(shown("https://h:8443/a?token=secret"), Ok("https://h:8443/a?***".into()));
        assert_eq!(shown("HTTPS://h?x"), Ok("https://h/?***".into()));
        assert_eq!(shown("postgresql://db"), Ok("postgres://db".into()));
        assert_eq!(shown("postgres://db:5433"), Ok("postgres://db:5433".into()));
        assert_eq!(shown("tls://[::1]:853"), Ok("tls://[::1]:853".into()));
        let address = Address::parse("http://h/a?b=c").unwrap();
        assert_eq!((address.target(), address.authority(), address.port), ("/a?b=c".into(), "h".into(), 80));
        assert_eq!(Address::parse("imap://[::1]:1143").unwrap().ip(), Some("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_endpoint_says_why_and_quotes_nothing() {
        for (text, part) in [
            ("h:443", "scheme"),
            ("gopher://h", "does not know"),
            ("tls://h", "without a port"),
            ("https://u:hunter2@h", "password"),
            ("https://h:0/", "port"),
            ("https://h:99999/", "port"),
            ("https://::1/", "IPv6"),
            ("https://[::1/", "closed"),
            ("https://h/#x", "fragment"),
            ("https://ä.example/", "xn--"),
            ("https:///", "host"),
            ("https://a..b/", "host"),
            ("postgres://db/app", "path"),
        ] {
            let error = shown(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", rest in "[a-z:/?#@\\[\\]0-9.]*") {
            let _ = Address::parse(&text);
            if let Ok(address) = Address::parse(&format!("https://{rest}")) {
                let again = Address::parse(&address.to_string().replace("?***", "")).unwrap();
                prop_assert_eq!(again.host, address.host);
            }
        }
    }
}

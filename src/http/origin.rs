//! Origins as browsers write them (HTML standard, section 7.1.1): scheme, host and port of a page, and the look-alikes
//! that careless comparisons take for one's own.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::value::vocabulary::Vocabulary;

/// Nobody can have this host (RFC 6761, section 6.4).
pub const STRANGER: &str = "harden-probe.invalid";

/// Bytes of an origin; names have at most 253.
const MAX_BYTES: usize = 300;

/// What an origin that is tried stands for.
pub static KIND: Vocabulary = Vocabulary {
    name: "origin_kind",
    words: &["configured", "stranger", "null", "local", "prefix", "suffix", "dot", "subdomain", "plain-http"],
    ordered: false,
};

/// An origin with a host, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: &'static str,
    /// In lower case; an IPv6 address stands in brackets.
    pub host: String,
    /// `None` for the scheme's own port.
    pub port: Option<u16>,
}

impl Origin {
    /// The origin of an address that is asked.
    pub fn new(https: bool, host: &str, port: u16) -> Origin {
        let scheme = if https { "https" } else { "http" };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        Origin { scheme, host, port: Some(port).filter(|port| *port != default_port(scheme)) }
    }

    /// Reads an origin spelt exactly as a browser sends it.
    ///
    /// # Errors
    /// What is wrong with it, fit to stand after "it ".
    pub fn parse(text: &str) -> Result<Origin, &'static str> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            _ => return Err("does not begin with https:// or http:// in lower case"),
        };
        if text.len() > MAX_BYTES {
            return Err("is longer than any origin");
        }
        if rest.contains(['/', '?', '#', '@']) {
            return Err("has more than scheme, host and port: browsers send no path and no slash at the end");
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => None,
            Some(digits) => {
                let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
                let port = digits.parse::<u16>().ok().filter(|_| plain).ok_or("has a port that is no number")?;
                if port == default_port(scheme) {
                    return Err("names the scheme's own port, which browsers leave out");
                }
                Some(port)
            }
        };
        if !is_host(host) {
            return Err("has a host that browsers would not write so: names are in lower case and ASCII (xn--…)");
        }
        Ok(Origin { scheme, host: host.to_owned(), port })
    }

    /// A name, and neither an address nor a single label such as `localhost`.
    fn is_domain(&self) -> bool {
        self.host.contains('.') && self.host.parse::<Ipv4Addr>().is_err()
    }

    fn with_host(&self, host: String) -> String {
        Origin { host, ..self.clone() }.to_string()
    }

    /// Origins of somebody else that a comparison by a part of the text takes for this one, each with its word of
    /// [`KIND`].
    pub fn look_alikes(&self) -> Vec<(&'static str, String)> {
        let mut alike = Vec::new();
        if !self.host.starts_with('[') {
            alike.push(("prefix", self.with_host(format!("{}.{STRANGER}", self.host))));
        }
        if self.is_domain() {
            alike.push(("suffix", self.with_host(format!("evil{}", self.host))));
            if let Some(host) = without_last_dot(&self.host) {
                alike.push(("dot", self.with_host(host)));
            }
            alike.push(("subdomain", self.with_host(format!("harden-probe.{}", self.host))));
        }
        if self.scheme == "https" {
            alike.push(("plain-http", Origin { scheme: "http", ..self.clone() }.to_string()));
        }
        alike
    }
}

/// As the Origin field has it.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Pages that have nothing to do with the server, each with its word of [`KIND`].
pub fn strangers() -> Vec<(&'static str, String)> {
    vec![
        ("stranger", format!("https://{STRANGER}")),
        ("null", "null".to_owned()),
        ("local", "http://localhost:3000".to_owned()),
        ("local", "http://127.0.0.1:1".to_owned()),
    ]
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// `app.example.com` as a regular expression with bare dots matches `appxexample.com`. The last dot stays: the domain
/// of the top has to exist.
fn without_last_dot(host: &str) -> Option<String> {
    let (front, top) = host.rsplit_once('.')?;
    let (first, rest) = front.split_once('.')?;
    Some(format!("{first}x{rest}.{top}"))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address);
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    // What ends in a number is an IPv4 address or nothing.
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_are_spelt_as_browsers_send_them() {
        for text in
            ["https://app.example.com", "http://localhost:3000", "https://[2001:db8::1]:8443", "http://127.0.0.1:1"]
        {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "https://app.example.com/",
            "https://App.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com:080",
            "http://h:80",
            "app.example.com",
            "*",
            "null",
            "https://",
            "https://u@h",
            "https://ä.example",
            "https://1.2.3.4.5",
            "https://h:99999",
            "https://[::0001]",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
        assert_eq!(Origin::new(true, "App.Example.com", 443).to_string(), "https://app.example.com");
        assert_eq!(Origin::new(false, "::1", 8080).to_string(), "http://[::1]:8080");
    }

    #[test]
    fn look_alikes_are_origins_of_others() {
        let origin = Origin::parse("https://app.example.com:8443").unwrap();
        let alike = origin.look_alikes();
        let expected = [
            ("prefix", "https://app.example.com.harden-probe.invalid:8443"),
            ("suffix", "https://evilapp.example.com:8443"),
            ("dot", "https://appxexample.com:8443"),
            ("subdomain", "https://harden-probe.app.example.com:8443"),
            ("plain-http", "http://app.example.com:8443"),
        ];
        assert_eq!(alike, expected.map(|(kind, text)| (kind, text.to_owned())));
        let kinds =
            |text: &str| Origin::parse(text).unwrap().look_alikes().iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        assert_eq!(kinds("http://127.0.0.1:8080"), ["prefix"]);
        assert_eq!(kinds("https://[::1]"), ["plain-http"]);
        assert_eq!(kinds("https://example.com"), ["prefix", "suffix", "subdomain", "plain-http"]);
        for (_, text) in alike.iter().chain(&strangers()).filter(|(kind, _)| *kind != "null") {
            assert!(Origin::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", near in "https?://[a-z0-9.:\\[\\]/-]{0,30}") {
            for text in [text, near] {
                if let Ok(origin) = Origin::parse(&text) {
                    prop_assert_eq!(origin.to_string(), text);
                    origin.look_alikes();
                }
            }
        }
    }
}

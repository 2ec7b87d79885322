//! Where a redirect leads: Location against the URL that answered, as browsers resolve it (WHATWG URL, for the schemes of
//! HTTP).

use std::net::Ipv6Addr;

use super::origin::Origin;

/// Characters of a location; browsers take 2 MiB, and nobody needs so much.
const MAX_LENGTH: usize = 16 << 10;

/// A URL of HTTP, in the parts that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub https: bool,
    /// In lower case, an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    /// Path and query as a request line has them, beginning with `/`.
    pub target: String,
}

/// Where a Location leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    To(Url),
    /// To another scheme, or nowhere; why, as a fragment.
    Nowhere(&'static str),
}

impl Url {
    pub fn origin(&self) -> Origin {
        Origin::new(self.https, &self.host, self.port)
    }

    /// Host, and port where it is not the scheme's own.
    pub fn authority(&self) -> String {
        self.origin().to_string().split_once("://").map(|(_, authority)| authority.to_owned()).unwrap_or_default()
    }

    /// For a person: what stands in a query may be a secret.
    pub fn show(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let query = if self.target.contains('?') { "?***" } else { "" };
        format!("{}{path}{query}", self.origin())
    }

    /// Where a location leads that this URL answered with.
    pub fn lead(&self, location: &str) -> Lead {
        // Tabs and line breaks inside are dropped, and backslashes are slashes.
        let text: String =
            location.trim_matches(|c: char| c <= ' ').chars().filter(|c| !"\t\r\n".contains(*c)).collect();
        if text.chars().count() > MAX_LENGTH {
            return Lead::Nowhere("the location is longer than 16 KiB");
        }
        let text = text.split('#').next().unwrap_or_default();
        let (before_query, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let mut path = before_query.replace('\\', "/");
        let mut https = self.https;
        if let Some((scheme, rest)) = scheme_of(&path) {
            https = match scheme.to_ascii_lowercase().as_str() {
                "http" => false,
                "https" => true,
                _ => return Lead::Nowhere("it leads to another scheme than HTTP's"),
            };
            // `https:path` is relative to a page of that scheme, and anything else is a host.
            let relative = https == self.https && !rest.starts_with('/');
            path = if relative { rest.to_owned() } else { format!("//{}", rest.trim_start_matches('/')) };
        }
        let (host, port, path) = match path.strip_prefix("//") {
            None => (self.host.clone(), self.port, path),
            Some(rest) => {
                let rest = rest.trim_start_matches('/');
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                if authority.contains('@') {
                    return Lead::Nowhere("its location has a user or a password");
                }
                let Some((host, port)) = host_and_port(authority, https) else {
                    return Lead::Nowhere("its location names no host that harden can read");
                };
                (host, port, if path.is_empty() { "/".to_owned() } else { path.to_owned() })
            }
        };
        let path = self.absolute(&path, query.is_some());
        let query = match query {
            Some(query) => Some(query),
            // Only the fragment differs, or nothing.
            None if before_query.is_empty() => self.target.split_once('?').map(|(_, query)| query),
            None => None,
        };
        let target = query.map_or(path.clone(), |query| format!("{path}?{query}"));
        Lead::To(Url { https, host, port, target: encode(&target) })
    }

    /// A path of the location on top of this URL's.
    fn absolute(&self, path: &str, has_query: bool) -> String {
        let base = self.target.split('?').next().unwrap_or("/");
        if path.is_empty() && (has_query || !base.is_empty()) {
            return base.to_owned();
        }
        let joined = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", base.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        without_dots(&joined)
    }
}

/// The scheme in front of the first colon, where it is one.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let inner = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(inner)).then_some((scheme, rest))
}

fn host_and_port(authority: &str, https: bool) -> Option<(String, u16)> {
    let own = if https { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let port = if port.is_empty() { own } else { port.parse().ok().filter(|port| *port != 0)? };
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Some((address.parse::<Ipv6Addr>().ok()?.to_string(), port));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_ascii_lowercase(), port))
}

/// The path with `.` and `..` carried out.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." if is_last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What a request line cannot hold, as bytes in percent form. Each character stands for one byte of the field.
fn encode(target: &str) -> String {
    let mut encoded = String::with_capacity(target.len());
    for c in target.chars() {
        if c.is_ascii_graphic() && !"\"<>`{}".contains(c) {
            encoded.push(c);
        } else {
            let byte = u32::from(c).min(0xff);
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base() -> Url {
        Url { https: true, host: "h.example".into(), port: 8443, target: "/a/b?q=1".into() }
    }

    fn of(location: &str) -> String {
        match base().lead(location) {
            Lead::To(url) => format!("{}{}", url.origin(), url.target),
            Lead::Nowhere(why) => format!("nowhere: {why}"),
        }
    }

    #[test]
    fn locations_as_browsers_resolve_them() {
        for (location, expected) in [
            ("/x", "https://h.example:8443/x"),
            ("x?y#z", "https://h.example:8443/a/x?y"),
            ("../x/./y/..", "https://h.example:8443/x/"),
            ("?z", "https://h.example:8443/a/b?z"),
            ("", "https://h.example:8443/a/b?q=1"),
            ("#f", "https://h.example:8443/a/b?q=1"),
            ("http://Other.example", "http://other.example/"),
            ("HTTPS://o.example:443/%2e%2e/x", "https://o.example/x"),
            ("//o.example/x", "https://o.example/x"),
            ("\\\\o.example\\x", "https://o.example/x"),
            ("https:/o.example/x", "https://o.example/x"),
            ("https:x", "https://h.example:8443/a/x"),
            ("http:x", "http://x/"),
            ("///o.example", "https://o.example/"),
            (" \t/x y\t", "https://h.example:8443/x%20y"),
            ("https://[::1]:9/", "https://[::1]:9/"),
            ("/\u{e4}", "https://h.example:8443/%E4"),
        ] {
            assert_eq!(of(location), expected, "{location}");
        }
        for nowhere in ["javascript:alert(1)", "https://u:p@h/", "https:///", "https://h:0/", "https://a b/"] {
            assert!(of(nowhere).starts_with("nowhere"), "{nowhere}: {}", of(nowhere));
        }
        assert_eq!(base().show(), "https://h.example:8443/a/b?***");
        assert_eq!(base().authority(), "h.example:8443");
    }

    proptest! {
        #[test]
        fn no_location_makes_it_panic(text in ".{0,60}", near in "(https?:)?[/\\\\]{0,3}[a-z.:@\\[\\]0-9]{0,12}[/.?#%2e]{0,12}") {
            for text in [text, near] {
                if let Lead::To(url) = base().lead(&text) {
                    prop_assert!(url.target.starts_with('/') && url.target.bytes().all(|b| b.is_ascii_graphic()), "{}", url.target);
                }
            }
        }
    }
}

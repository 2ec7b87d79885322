//! Set-Cookie as a browser stores it (RFC 6265bis, sections 5.6 and 5.7): what it refuses, what it ignores, and what is
//! left of the attributes.

use std::net::IpAddr;

use super::{Headers, date};
use crate::value::vocabulary::Vocabulary;

/// Bytes of a name and its value together; a longer cookie is refused.
const MAX_PAIR: usize = 4096;
/// Bytes of an attribute's value; a longer one is ignored.
const MAX_ATTRIBUTE: usize = 1024;
/// Seconds that a browser keeps a cookie at most (400 days).
const MAX_LIFETIME: i64 = 400 * 86_400;
/// Cookies of one answer that are looked at.
pub const MAX_COOKIES: usize = 200;

/// The values of SameSite. A cookie that says nothing, or something else, has `default`, which browsers treat as Lax or
/// as a laxer form of it.
pub static SAME_SITE: Vocabulary =
    Vocabulary { name: "same_site", words: &["none", "default", "lax", "strict"], ordered: true };

/// The prefixes of names that browsers hold to what they promise (section 4.1.3).
pub static PREFIX: Vocabulary = Vocabulary { name: "cookie_prefix", words: &["__Secure-", "__Host-"], ordered: false };

/// One cookie as the server set it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    /// Known to nobody but the browser and the server: it is measured and forgotten by whoever reads this.
    pub value: String,
    pub secure: bool,
    pub http_only: bool,
    pub partitioned: bool,
    /// A word of [`SAME_SITE`].
    pub same_site: &'static str,
    /// Without the leading dot; `None` when only the host itself gets the cookie.
    pub domain: Option<String>,
    /// As given; `None` when the default path counts.
    pub path: Option<String>,
    /// Seconds until it expires, 0 for one that deletes; `None` for a cookie of the session.
    pub lifetime: Option<i64>,
    /// A word of [`PREFIX`].
    pub prefix: Option<&'static str>,
    /// Why a browser does not store it.
    pub refused: Option<&'static str>,
}

/// Values are secrets.
impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// From where a cookie comes.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub host: &'a str,
    pub https: bool,
    /// Seconds since the epoch.
    pub now: i64,
}

/// The cookies of a response in their order, and whether there are more than are looked at.
pub fn read(headers: &Headers, sender: Sender<'_>) -> (Vec<Cookie>, bool) {
    let cookies = headers.all("set-cookie").take(MAX_COOKIES).filter_map(|text| parse(text, sender)).collect();
    (cookies, headers.all("set-cookie").count() > MAX_COOKIES)
}

/// One Set-Cookie field; `None` when it has neither a name nor a value.
fn parse(text: &str, sender: Sender<'_>) -> Option<Cookie> {
    let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
    let (name, value) = pair.split_once('=').map_or(("", pair), |(name, value)| (name, value));
    let (name, value) = (trim(name), trim(value));
    if name.is_empty() && value.is_empty() {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        secure: false,
        http_only: false,
        partitioned: false,
        same_site: "default",
        domain: None,
        path: None,
        lifetime: None,
        prefix: prefix_of(name),
        refused: None,
    };
    let mut expiry = Expiry::default();
    for attribute in attributes.split(';') {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (name, value) = (trim(name).to_ascii_lowercase(), trim(value));
        if value.chars().count() <= MAX_ATTRIBUTE {
            cookie.take(&name, value, &mut expiry, sender.now);
        }
    }
    cookie.lifetime = expiry.max_age.or(expiry.expires).map(|seconds| seconds.clamp(0, MAX_LIFETIME));
    cookie.refused = cookie.refusal(text, sender);
    Some(cookie)
}

/// Seconds from now, by each of the two attributes; Max-Age counts where both are there.
#[derive(Default)]
struct Expiry {
    max_age: Option<i64>,
    expires: Option<i64>,
}

impl Cookie {
    /// Whether its name says that it keeps a visitor logged in. Tokens against forged requests do not, and scripts have to
    /// read them; nor does one that deletes.
    pub fn is_login(&self) -> bool {
        if self.lifetime == Some(0) {
            return false;
        }
        let name = self.name.to_ascii_lowercase();
        let name = name.trim_start_matches("__host-").trim_start_matches("__secure-");
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let sid = name.starts_with("sid") || name.ends_with("sid") || name.starts_with("connect.");
        (sid || says(&["sess", "auth", "token", "jwt", "login", "remember", "identity"]))
            && !says(&["csrf", "xsrf", "antiforgery"])
    }

    /// Takes an attribute: of a repeated one the last counts, and one that does not parse is as if it was not there.
    fn take(&mut self, name: &str, value: &str, expiry: &mut Expiry, now: i64) {
        match name {
            "secure" => self.secure = true,
            "httponly" => self.http_only = true,
            "partitioned" => self.partitioned = true,
            "samesite" => {
                self.same_site = match value.to_ascii_lowercase().as_str() {
                    "strict" => "strict",
                    "lax" => "lax",
                    "none" => "none",
                    _ => "default",
                }
            }
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                self.domain = Some(domain).filter(|domain| !domain.is_empty());
            }
            "path" => self.path = Some(value.to_owned()).filter(|path| path.starts_with('/')),
            "max-age" => {
                if let Some(seconds) = max_age(value) {
                    expiry.max_age = Some(seconds);
                }
            }
            "expires" => {
                if let Some(time) = date::parse(value) {
                    expiry.expires = Some(time.saturating_sub(now));
                }
            }
            _ => {}
        }
    }

    /// Why a browser drops the cookie, in the order of section 5.7. Whether a domain is one under which anybody can
    /// register (a public suffix) is not known here, a single label aside.
    fn refusal(&mut self, text: &str, sender: Sender<'_>) -> Option<&'static str> {
        if text.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Some("it holds a control character");
        }
        if self.name.chars().count() + self.value.chars().count() > MAX_PAIR {
            return Some("its name and value are longer than 4096 bytes");
        }
        if let Some(domain) = &self.domain {
            if !domain_matches(sender.host, domain) {
                return Some("its domain is not that of the server");
            }
            if domain.eq_ignore_ascii_case(sender.host) && (!domain.contains('.') || is_address(domain)) {
                self.domain = None;
            } else if !domain.contains('.') {
                return Some("its domain is a public suffix");
            }
        }
        if self.secure && !sender.https {
            return Some("it is Secure and was sent in the clear");
        }
        if self.same_site == "none" && !self.secure {
            return Some("it has SameSite=None and is not Secure");
        }
        if self.partitioned && !self.secure {
            return Some("it is Partitioned and not Secure");
        }
        match self.prefix {
            Some(_) if !self.secure => return Some("its name's prefix promises Secure"),
            Some("__Host-") if self.domain.is_some() => return Some("its name's prefix promises no domain"),
            Some("__Host-") if self.path.as_deref() != Some("/") => {
                return Some("its name's prefix promises the path /");
            }
            Some(_) | None => {}
        }
        if self.name.is_empty() && prefix_of(&self.value).is_some() {
            return Some("it has no name, and its value looks like a prefix");
        }
        None
    }
}

/// Blanks and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn prefix_of(name: &str) -> Option<&'static str> {
    let starts = |prefix: &&&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    PREFIX.words.iter().find(starts).copied()
}

/// Digits with a sign; anything else is ignored (section 5.6.2).
fn max_age(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// *Domain matching* (section 5.1.3).
fn domain_matches(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == domain || (!is_address(&host) && host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')))
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENDER: Sender<'_> = Sender { host: "www.example.com", https: true, now: 1_767_225_600 };

    fn of(text: &str) -> Cookie {
        parse(text, SENDER).unwrap()
    }

    #[test]
    fn a_whole_cookie() {
        let cookie = of(
            "__Host-id = a=b ; Secure; HttpOnly; SAMESITE=strict; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Partitioned",
        );
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("__Host-id", "a=b"));
        assert!(cookie.secure && cookie.http_only && cookie.partitioned);
        assert_eq!((cookie.same_site, cookie.path.as_deref(), cookie.lifetime), ("strict", Some("/"), Some(60)));
        assert_eq!((cookie.prefix, cookie.refused), (Some("__Host-"), None));
        assert!(!format!("{cookie:?}").contains("a=b"));
    }

    #[test]
    fn attributes_that_do_not_parse_are_ignored() {
        let cookie = of("a=b; Max-Age=1x; Expires=soon; Path=relative; SameSite=Sometimes; Secure=false; Domain=");
        assert_eq!((cookie.lifetime, cookie.path, cookie.same_site), (None, None, "default"));
        assert!(cookie.secure, "an attribute's value does not matter to flags");
        assert_eq!(cookie.domain, None);
        assert_eq!(of("a=b; Max-Age=-1").lifetime, Some(0));
        assert_eq!(of("a=b; Max-Age=99999999999999999999").lifetime, Some(MAX_LIFETIME));
        assert_eq!(of("a=b; Expires=Thu, 01 Jan 2026 00:01:00 GMT").lifetime, Some(60));
        assert_eq!(of(&format!("a=b; Path=/{}", "x".repeat(2000))).path, None);
    }

    #[test]
    fn names_may_be_missing() {
        assert_eq!((of("x").name.as_str(), of("x").value.as_str()), ("", "x"));
        assert_eq!(of("a=").value, "");
        assert!(parse("", SENDER).is_none());
        assert!(parse(" = ; Secure", SENDER).is_none());
    }

    #[test]
    fn names_of_sessions() {
        for name in ["PHPSESSID", "connect.sid", "JSESSIONID", "auth_token", "__Host-sid", "ASP.NET_SessionId", "jwt"] {
            assert!(of(&format!("{name}=1")).is_login(), "{name}");
        }
        assert!(!of("sessionid=; Max-Age=0").is_login());
        for name in ["theme", "csrf_token", "XSRF-TOKEN", ".AspNetCore.Antiforgery.x", "_ga", "lang", "inside"] {
            assert!(!of(&format!("{name}=1")).is_login(), "{name}");
        }
    }

    #[test]
    fn what_a_browser_refuses() {
        for (text, taken) in [
            ("a=b; Domain=example.com", true),
            ("a=b; Domain=.EXAMPLE.com", true),
            ("a=b; Domain=com", false),
            ("a=b; Domain=other.com", false),
            ("a=b; Domain=ample.com", false),
            ("a=b; SameSite=None", false),
            ("a=b; SameSite=None; Secure", true),
            ("a=b; Partitioned", false),
            ("__secure-a=b", false),
            ("__Secure-a=b; Secure", true),
            ("__Host-a=b; Secure", false),
            ("__Host-a=b; Secure; Path=/; Domain=www.example.com", false),
            ("=__Host-a=b; Secure; Path=/", false),
            ("__Host-a", false),
            ("a=\u{1}", false),
            ("a=\tb", true),
        ] {
            assert_eq!(of(text).refused.is_none(), taken, "{text}");
        }
        let plain = Sender { https: false, ..SENDER };
        assert!(parse("a=b; Secure", plain).unwrap().refused.is_some());
        let local = parse("a=b; Domain=localhost", Sender { host: "localhost", ..SENDER }).unwrap();
        assert_eq!((local.refused, local.domain), (None, None));
        let address = Sender { host: "127.0.0.1", ..SENDER };
        assert!(parse("a=b; Domain=0.0.1", address).unwrap().refused.is_some());
        assert!(of(&format!("a={}", "x".repeat(4096))).refused.is_some());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", near in "(a=b|=|;| |Expires=|Domain=\\.?[a-z.]{0,8}|Path=/|[0-9: A-Za-z,-]{0,20}){0,8}") {
            let _ = (parse(&text, SENDER), parse(&near, SENDER));
        }
    }
}

//! Content-Security-Policy (CSP Level 3): policies as they are parsed, and what they leave to injected scripts.

use super::Headers;

/// Policies of one response; more are not kept, as with real ones there are two or three.
const MAX_POLICIES: usize = 50;
/// What a browser falls back to when a directive is not there (section 6.8.3), for scripts in elements.
const SCRIPT_ELEMENTS: [&str; 3] = ["script-src-elem", "script-src", "default-src"];
/// The same for scripts in attributes (`onclick`).
const SCRIPT_ATTRIBUTES: [&str; 3] = ["script-src-attr", "script-src", "default-src"];
/// The same for strings that become code.
const EVAL: [&str; 2] = ["script-src", "default-src"];

/// One policy: its directives in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub directives: Vec<(String, Vec<String>)>,
}

/// The policies of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    pub enforced: Vec<Policy>,
    pub report_only: Vec<Policy>,
}

/// Every policy of the header fields. Commas part policies, as repeated fields do.
pub fn read(headers: &Headers) -> Policies {
    Policies {
        enforced: list(headers, "content-security-policy"),
        report_only: list(headers, "content-security-policy-report-only"),
    }
}

fn list(headers: &Headers, name: &str) -> Vec<Policy> {
    let policies = headers.all(name).flat_map(|value| value.split(',')).map(Policy::parse);
    policies.filter(|policy| !policy.directives.is_empty()).take(MAX_POLICIES).collect()
}

impl Policy {
    /// *Parse a serialized CSP* (section 2.2.1): names are folded, of a repeated directive the first counts, and one
    /// that is not ASCII is skipped.
    fn parse(text: &str) -> Policy {
        let mut policy = Policy::default();
        for token in text.split(';') {
            let mut words = token.split(is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(name) = words.next().filter(|_| token.is_ascii()) else { continue };
            let name = name.to_ascii_lowercase();
            if policy.directive(&name).is_none() {
                policy.directives.push((name, words.map(str::to_owned).collect()));
            }
        }
        policy
    }

    /// The sources or words of a directive.
    pub fn directive(&self, name: &str) -> Option<&[String]> {
        self.directives.iter().find(|(known, _)| known == name).map(|(_, sources)| sources.as_slice())
    }

    fn effective(&self, fallbacks: &[&str]) -> Option<&[String]> {
        fallbacks.iter().find_map(|name| self.directive(name))
    }

    /// A sandbox that does not say `allow-scripts` runs none.
    fn runs_scripts(&self) -> bool {
        self.directive("sandbox").is_none_or(|flags| has(flags, "allow-scripts"))
    }

    fn allows_inline(&self, fallbacks: &[&str]) -> bool {
        self.runs_scripts() && self.effective(fallbacks).is_none_or(allows_all_inline)
    }

    fn allows_eval(&self) -> bool {
        self.runs_scripts() && self.effective(&EVAL).is_none_or(|sources| has(sources, "'unsafe-eval'"))
    }

    fn allows_any_address(&self) -> bool {
        let open = |sources: &[String]| !has(sources, "'strict-dynamic'") && sources.iter().any(|s| is_everywhere(s));
        self.runs_scripts() && self.effective(&SCRIPT_ELEMENTS).is_none_or(open)
    }
}

/// A word is allowed only where every policy allows it: each is enforced on its own.
impl Policies {
    /// Whether a script that was injected into the page's text runs.
    pub fn inline_scripts(&self) -> bool {
        let by = |fallbacks: &[&str]| self.enforced.iter().all(|policy| policy.allows_inline(fallbacks));
        by(&SCRIPT_ELEMENTS) || by(&SCRIPT_ATTRIBUTES)
    }

    /// Whether text can become code (`eval`).
    pub fn eval(&self) -> bool {
        self.enforced.iter().all(Policy::allows_eval)
    }

    /// Whether scripts load from any host, or from `data:`.
    pub fn scripts_from_anywhere(&self) -> bool {
        self.enforced.iter().all(Policy::allows_any_address)
    }

    /// Whether some policy has the directive, or the one that it falls back to.
    pub fn limits(&self, directive: &str, fallback: Option<&str>) -> bool {
        let names: Vec<&str> = std::iter::once(directive).chain(fallback).collect();
        self.enforced.iter().any(|policy| policy.effective(&names).is_some_and(|s| !s.iter().any(|s| is_everywhere(s))))
    }
}

/// *Does a source list allow all inline behavior* (section 6.7.3.2): a nonce, a hash or `'strict-dynamic'` takes
/// `'unsafe-inline'` back.
fn allows_all_inline(sources: &[String]) -> bool {
    let taken_back = |source: &String| source.eq_ignore_ascii_case("'strict-dynamic'") || is_nonce_or_hash(source);
    has(sources, "'unsafe-inline'") && !sources.iter().any(taken_back)
}

/// A `nonce-source` or `hash-source` of the grammar (section 2.3.1).
fn is_nonce_or_hash(source: &str) -> bool {
    let Some(inner) = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) else { return false };
    let Some((kind, value)) = inner.split_once('-') else { return false };
    let known = ["nonce", "sha256", "sha384", "sha512"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    let digits = value.trim_end_matches('=');
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    known && !digits.is_empty() && value.len() - digits.len() <= 2 && digits.chars().all(is_base64)
}

/// Sources that an attacker's own script meets: every host, every host of a scheme, or the address itself as data.
fn is_everywhere(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    if ["*", "http:", "https:", "data:"].contains(&source.as_str()) {
        return true;
    }
    let host = match source.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return false,
        None => source.as_str(),
    };
    let host = host.split('/').next().unwrap_or_default();
    host.split(':').next() == Some("*")
}

fn has(sources: &[String], keyword: &str) -> bool {
    sources.iter().any(|source| source.eq_ignore_ascii_case(keyword))
}

fn is_ascii_whitespace(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

/// A source as it is kept: a nonce is made for one answer and says nothing once it is over, and the query of an address
/// that reports go to may hold a key.
pub fn show_source(source: &str) -> String {
    if let Some((address, _)) = source.split_once('?') {
        return format!("{address}?***");
    }
    if is_nonce_or_hash(source) && source.to_ascii_lowercase().starts_with("'nonce-") {
        return "'nonce-***'".to_owned();
    }
    source.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;
    use proptest::prelude::*;

    fn of(policy: &str) -> Policies {
        read(&headers(&format!("Content-Security-Policy: {policy}")))
    }

    #[test]
    fn directives_are_parsed_as_the_standard_does() {
        let policies = of(" Default-SRC 'self'  a.example;; img-src ; default-src *, upgrade-insecure-requests;ä x");
        assert_eq!(policies.enforced.len(), 2);
        let first = &policies.enforced[0];
        assert_eq!(first.directive("default-src").unwrap(), ["'self'", "a.example"]);
        assert_eq!(first.directive("img-src").unwrap().len(), 0);
        assert_eq!(policies.enforced[1].directives, [("upgrade-insecure-requests".into(), vec![])]);
        assert_eq!(of(" ;, ;").enforced, []);
        let two = read(&headers(
            "content-security-policy: a\ncontent-security-policy: b\nContent-Security-Policy-Report-Only: c",
        ));
        assert_eq!((two.enforced.len(), two.report_only.len()), (2, 1));
    }

    #[test]
    fn inline_scripts() {
        for (policy, runs) in [
            ("default-src 'self'", false),
            ("default-src 'self' 'unsafe-inline'", true),
            ("script-src 'unsafe-inline' 'nonce-abc='; script-src-attr 'none'", false),
            ("script-src 'unsafe-inline' 'nonce-a b'", true),
            ("script-src 'UNSAFE-inline' 'sha256-abc'", false),
            ("script-src 'unsafe-inline' 'strict-dynamic'", false),
            ("img-src 'none'", true),
            ("script-src 'none'; script-src-elem 'unsafe-inline'", true),
            ("script-src 'none'; script-src-attr 'unsafe-inline'", true),
            ("script-src 'unsafe-inline', default-src 'self'", false),
            ("script-src-elem 'none'", true),
            ("sandbox", false),
            ("sandbox allow-scripts", true),
            ("", true),
        ] {
            assert_eq!(of(policy).inline_scripts(), runs, "{policy}");
        }
    }

    #[test]
    fn eval_and_addresses() {
        for (policy, eval, anywhere) in [
            ("default-src 'self'", false, false),
            ("default-src *", false, true),
            ("script-src https: 'unsafe-eval'", true, true),
            ("script-src 'strict-dynamic' https:", false, false),
            ("script-src-elem *; script-src 'none'", false, true),
            ("script-src https://*:443/x", false, true),
            ("script-src https://*.example.com", false, false),
            ("script-src *.example.com:443", false, false),
            ("script-src data:", false, true),
            ("img-src 'self'", true, true),
            ("default-src *, script-src 'self'", false, false),
        ] {
            assert_eq!((of(policy).eval(), of(policy).scripts_from_anywhere()), (eval, anywhere), "{policy}");
        }
        assert!(of("base-uri 'none'").limits("base-uri", None));
        assert!(!of("default-src 'none'").limits("base-uri", None), "base-uri falls back to nothing");
        assert!(of("default-src 'none'").limits("object-src", Some("default-src")));
        assert!(!of("object-src *; default-src 'none'").limits("object-src", Some("default-src")));
    }

    #[test]
    fn nonces_are_not_kept() {
        assert_eq!(show_source("'nonce-R4nd0m=='"), "'nonce-***'");
        assert_eq!(show_source("'sha256-abc='"), "'sha256-abc='");
        assert_eq!(show_source("https://r.example/?key=1"), "https://r.example/?***");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[^\n]{0,80}", near in "['\\-;, a-z*:/=]{0,50}") {
            for text in [text, near] {
                let mut headers = Headers::default();
                headers.push("content-security-policy", text.as_bytes());
                let policies = read(&headers);
                let _ = (policies.inline_scripts(), policies.eval(), policies.scripts_from_anywhere());
                policies.enforced.iter().flat_map(|p| &p.directives).flat_map(|(_, s)| s).for_each(|s| drop(show_source(s)));
            }
        }
    }
}

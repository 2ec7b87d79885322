//! Strict-Transport-Security (RFC 6797).

use super::Headers;
use super::headers::{is_token, split_outside_quotes, unquote};

/// What a browser remembers for a host that sent the field over verified TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportSecurity {
    /// Seconds; 0 makes the browser forget the host.
    pub max_age: i64,
    pub include_subdomains: bool,
    /// The directive that asks for a place in the browsers' built-in list; RFC 6797 does not know it.
    pub preload: bool,
}

/// The field as a browser takes it: of several only the first counts (section 8.1).
///
/// # Errors
/// Why a browser ignores the field, fit to stand after "ignored: ".
pub fn read(headers: &Headers) -> Option<Result<TransportSecurity, &'static str>> {
    headers.first("strict-transport-security").map(parse)
}

fn parse(value: &str) -> Result<TransportSecurity, &'static str> {
    let mut seen: Vec<String> = Vec::new();
    let (mut max_age, mut include_subdomains, mut preload) = (None, false, false);
    for directive in split_outside_quotes(value, ';').iter().filter(|directive| !directive.is_empty()) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (directive.as_str(), None),
        };
        if !is_token(name) {
            return Err("it is not made of directives");
        }
        let value = match value {
            None => None,
            Some(value) if is_token(value) => Some(value.to_owned()),
            Some(value) => Some(unquote(value).ok_or("a value is neither a token nor a quoted string")?),
        };
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            return Err("a directive is repeated");
        }
        match (name.as_str(), &value) {
            ("max-age", Some(seconds)) => max_age = Some(digits(seconds).ok_or("`max-age` is no number")?),
            ("max-age", None) => return Err("`max-age` has no value"),
            ("includesubdomains", None) => include_subdomains = true,
            ("includesubdomains", Some(_)) => return Err("`includeSubDomains` takes no value"),
            ("preload", _) => preload = true,
            _ => {}
        }
        seen.push(name);
    }
    let max_age = max_age.ok_or("it has no `max-age`")?;
    Ok(TransportSecurity { max_age, include_subdomains, preload })
}

/// Digits as seconds; more than a number holds is as long as one can say.
fn digits(text: &str) -> Option<i64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str) -> Result<(i64, bool, bool), &'static str> {
        parse(value).map(|hsts| (hsts.max_age, hsts.include_subdomains, hsts.preload))
    }

    #[test]
    fn directives_as_the_rfc_reads_them() {
        assert_eq!(of("max-age=31536000"), Ok((31_536_000, false, false)));
        assert_eq!(of("MAX-AGE=\"1\" ; includeSUBDomains;preload; foo=bar;;"), Ok((1, true, true)));
        assert_eq!(of("max-age = 0"), Ok((0, false, false)));
        assert_eq!(of("max-age=99999999999999999999"), Ok((i64::MAX, false, false)));
    }

    #[test]
    fn what_breaks_the_grammar_is_ignored_as_a_whole() {
        for value in [
            "",
            "includeSubDomains",
            "max-age",
            "max-age=",
            "max-age=1y",
            "max-age=-1",
            "max-age=1; max-age=2",
            "max-age=1; includeSubDomains=true",
            "max-age=1, includeSubDomains",
            "max-age=1 includeSubDomains",
            "max-age=\"1",
            "\"max-age\"=1",
        ] {
            assert!(of(value).is_err(), "{value}");
        }
    }

    #[test]
    fn only_the_first_field_counts() {
        let hsts = read(&headers("Strict-Transport-Security: max-age=1\nStrict-Transport-Security: max-age=2"));
        assert_eq!(hsts.unwrap().unwrap().max_age, 1);
        assert_eq!(read(&headers("x: y")), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}", near in "[max\\-age=;\" 0-9]{0,30}") {
            let _ = (parse(&text), parse(&near));
        }
    }
}

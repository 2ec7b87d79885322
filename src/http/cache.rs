//! Cache-Control (RFC 9111, section 5.2).

use super::Headers;
use super::headers::{is_token, split_outside_quotes, unquote};

/// Directives in lower case with their arguments, empty where there is none; of a repeated one the first counts
/// (section 4.2.1). `None` when the field is not there.
pub fn read(headers: &Headers) -> Option<Vec<(String, String)>> {
    let value = headers.get("cache-control")?;
    let mut directives: Vec<(String, String)> = Vec::new();
    for directive in split_outside_quotes(&value, ',') {
        let (name, argument) = directive.split_once('=').unwrap_or((&directive, ""));
        let name = name.trim().to_ascii_lowercase();
        let argument = argument.trim();
        if is_token(&name) && !directives.iter().any(|(known, _)| *known == name) {
            directives.push((name, unquote(argument).unwrap_or_else(|| argument.to_owned())));
        }
    }
    Some(directives)
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;

    #[test]
    fn directives() {
        let of = |text: &str| read(&headers(text)).unwrap();
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(of("Cache-Control: No-Store, max-age=\"60\""), pairs(&[("no-store", ""), ("max-age", "60")]));
        assert_eq!(of("Cache-Control: private=\"a, b\"\nCache-Control: private"), pairs(&[("private", "a, b")]));
        assert_eq!(of("Cache-Control: , no store"), []);
        assert_eq!(read(&headers("x: y")), None);
    }
}

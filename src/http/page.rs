//! Whether an answer is a page, which is what most of the protecting fields are about.

use super::Headers;
use super::headers::{is_http_whitespace, is_token};

/// How the type of an answer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A browser shows it as a document that can run scripts.
    Page,
    Other,
    /// No type is given and the browser guesses by the content.
    Guessed,
}

/// The essence of the last valid type (*extract a MIME type*, Fetch, section 2.2.2): `text/html`.
pub fn mime_type(headers: &Headers) -> Option<String> {
    headers.split("content-type")?.iter().filter_map(|value| essence(value)).next_back()
}

fn essence(value: &str) -> Option<String> {
    let essence = value.split(';').next()?.trim_matches(is_http_whitespace);
    let (kind, subtype) = essence.split_once('/')?;
    (is_token(kind) && is_token(subtype) && essence != "*/*").then(|| essence.to_ascii_lowercase())
}

/// Whether `nosniff` stands first (*determine nosniff*, Fetch, section 3.6).
pub fn nosniff(headers: &Headers) -> bool {
    let values = headers.split("x-content-type-options").unwrap_or_default();
    values.first().is_some_and(|first| first.eq_ignore_ascii_case("nosniff"))
}

/// Whether a browser that goes there shows a document: HTML, or XML, which can hold scripts too.
pub fn kind(headers: &Headers) -> Kind {
    match mime_type(headers) {
        None if nosniff(headers) => Kind::Other,
        None => Kind::Guessed,
        Some(essence) if ["text/html", "text/xml", "application/xml"].contains(&essence.as_str()) => Kind::Page,
        Some(essence) if essence.ends_with("+xml") => Kind::Page,
        Some(_) => Kind::Other,
    }
}

/// Whether the text may carry a policy of its own in a `meta` element.
pub fn mentions_policy(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("http-equiv") && text.contains("content-security-policy")
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;

    #[test]
    fn the_last_valid_type_counts() {
        let of = |text: &str| mime_type(&headers(text));
        assert_eq!(of("Content-Type: text/HTML; charset=x").as_deref(), Some("text/html"));
        assert_eq!(of("Content-Type: text/plain\nContent-Type: text/html").as_deref(), Some("text/html"));
        assert_eq!(of("Content-Type: text/html, nonsense").as_deref(), Some("text/html"));
        assert_eq!(of("Content-Type: html"), None);
        assert_eq!(kind(&headers("Content-Type: image/svg+xml")), Kind::Page);
        assert_eq!(kind(&headers("Content-Type: application/json")), Kind::Other);
        assert_eq!(kind(&headers("x: y")), Kind::Guessed);
        assert_eq!(kind(&headers("X-Content-Type-Options: nosniff")), Kind::Other);
    }

    #[test]
    fn nosniff_stands_first() {
        assert!(nosniff(&headers("X-Content-Type-Options: NoSniff , x")));
        assert!(!nosniff(&headers("X-Content-Type-Options: x, nosniff")));
        assert!(!nosniff(&headers("X-Content-Type-Options: \"nosniff\"")));
    }

    #[test]
    fn policies_in_the_page() {
        assert!(mentions_policy(b"<META HTTP-EQUIV='Content-Security-Policy' content=x>"));
        assert!(!mentions_policy(b"<p>Content-Security-Policy</p>"));
    }
}

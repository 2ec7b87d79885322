//! Who may show the page in a frame: X-Frame-Options (HTML standard, section 7.7.1) and CSP's `frame-ancestors`, which
//! replaces it.

use super::Headers;
use super::content_security::Policy;
use crate::value::vocabulary::Vocabulary;

/// Who may, from the fewest to everybody.
pub static FRAMED_BY: Vocabulary =
    Vocabulary { name: "framed_by", words: &["nobody", "same-origin", "listed", "anybody"], ordered: true };

/// A word of [`FRAMED_BY`].
pub fn framed_by(headers: &Headers, policies: &[Policy]) -> &'static str {
    let lists: Vec<&[String]> = policies.iter().filter_map(|policy| policy.directive("frame-ancestors")).collect();
    // Every policy has to let a frame pass, so the strictest decides.
    let strictest = lists.iter().map(|sources| ancestors(sources)).min_by_key(|word| rank(word));
    strictest.unwrap_or_else(|| frame_options(headers))
}

fn rank(word: &str) -> usize {
    FRAMED_BY.words.iter().position(|known| *known == word).unwrap_or(usize::MAX)
}

fn ancestors(sources: &[String]) -> &'static str {
    let everywhere = |source: &String| {
        let source = source.to_ascii_lowercase();
        ["*", "http:", "https:", "http://*", "https://*"].contains(&source.as_str())
    };
    if sources.iter().any(everywhere) {
        return "anybody";
    }
    let meant: Vec<&String> = sources.iter().filter(|source| !source.eq_ignore_ascii_case("'none'")).collect();
    match meant.as_slice() {
        [] => "nobody",
        meant if meant.iter().all(|source| source.eq_ignore_ascii_case("'self'")) => "same-origin",
        _ => "listed",
    }
}

/// Repeated or contradicting values that contain a valid one deny; what is not known, `ALLOW-FROM` too, allows.
fn frame_options(headers: &Headers) -> &'static str {
    let mut options: Vec<String> = headers.split("x-frame-options").unwrap_or_default();
    options.iter_mut().for_each(|option| option.make_ascii_lowercase());
    options.sort();
    options.dedup();
    let valid = |option: &String| ["deny", "allowall", "sameorigin"].contains(&option.as_str());
    match options.as_slice() {
        [one] if one == "deny" => "nobody",
        [one] if one == "sameorigin" => "same-origin",
        several if several.len() > 1 && several.iter().any(valid) => "nobody",
        _ => "anybody",
    }
}

#[cfg(test)]
mod tests {
    use super::super::content_security;
    use super::super::headers::read as headers;
    use super::*;

    fn of(text: &str) -> &'static str {
        let headers = headers(text);
        framed_by(&headers, &content_security::read(&headers).enforced)
    }

    #[test]
    fn options_as_html_reads_them() {
        assert_eq!(of("X-Frame-Options: DENY"), "nobody");
        assert_eq!(of("x-frame-options: SameOrigin, sameorigin"), "same-origin");
        assert_eq!(of("x-frame-options: DENY\nx-frame-options: SAMEORIGIN"), "nobody");
        assert_eq!(of("x-frame-options: ALLOW-FROM https://a.example"), "anybody");
        assert_eq!(of("x-frame-options: nonsense, more"), "anybody");
        assert_eq!(of("x-frame-options: \"DENY\""), "anybody");
        assert_eq!(of("x-frame-options: DENY;"), "anybody");
        assert_eq!(of("x: y"), "anybody");
    }

    #[test]
    fn frame_ancestors_replaces_them() {
        assert_eq!(of("X-Frame-Options: DENY\nContent-Security-Policy: frame-ancestors *"), "anybody");
        assert_eq!(of("X-Frame-Options: ALLOWALL\nContent-Security-Policy: frame-ancestors 'self'"), "same-origin");
        assert_eq!(of("Content-Security-Policy: frame-ancestors 'none'"), "nobody");
        assert_eq!(of("Content-Security-Policy: frame-ancestors"), "nobody");
        assert_eq!(of("Content-Security-Policy: frame-ancestors 'none' https://a.example"), "listed");
        assert_eq!(of("Content-Security-Policy: frame-ancestors *, frame-ancestors 'self'"), "same-origin");
        let report = "X-Frame-Options: DENY\nContent-Security-Policy-Report-Only: frame-ancestors *";
        assert_eq!(of(report), "nobody", "a policy that only reports replaces nothing");
    }
}

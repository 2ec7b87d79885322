//! Referrer-Policy (W3C, section 8.1).

use super::headers::{Headers, tokens};
use crate::value::vocabulary::Vocabulary;

/// The policies of the standard.
pub static REFERRER_POLICY: Vocabulary = Vocabulary {
    name: "referrer_policy",
    words: &[
        "no-referrer",
        "no-referrer-when-downgrade",
        "same-origin",
        "origin",
        "strict-origin",
        "origin-when-cross-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
    ],
    ordered: false,
};

/// The last policy that a browser knows; `None` when there is none and its own default counts.
pub fn read(headers: &Headers) -> Option<&'static str> {
    let tokens = tokens(headers, "referrer-policy").ok().flatten()?;
    let known = |token: &String| REFERRER_POLICY.words.iter().find(|word| word.eq_ignore_ascii_case(token)).copied();
    tokens.iter().filter_map(known).next_back()
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;

    #[test]
    fn the_last_known_word_counts() {
        let of = |text: &str| read(&headers(text));
        assert_eq!(
            of("Referrer-Policy: no-referrer, strict-origin-when-cross-origin"),
            Some("strict-origin-when-cross-origin")
        );
        assert_eq!(of("Referrer-Policy: No-Referrer, better-than-none"), Some("no-referrer"));
        assert_eq!(of("Referrer-Policy: no-referrer\nReferrer-Policy: unsafe-url"), Some("unsafe-url"));
        for none in ["Referrer-Policy: never", "Referrer-Policy:", "Referrer-Policy: no referrer", "x: y"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}

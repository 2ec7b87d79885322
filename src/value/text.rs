//! Text from outside on its way to a person: nothing in it may draw on their terminal.

use std::borrow::Cow;

use serde::Serialize;

/// Replaces control, bidirectional and invisible characters by their escapes, so that a container's name can neither
/// move the cursor nor reorder a line. Tabs and line breaks are escaped too; other text passes unchanged.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(draws) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\\n"),
            '\t' => clean.push_str("\\t"),
            '\r' => clean.push_str("\\r"),
            c if draws(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// An indented JSON document that ends in a line break. What [`sanitize`] would replace is escaped as JSON escapes it
/// (RFC 8259, section 7): a program reads the same text, and a terminal draws nothing.
pub fn json_document(value: &impl Serialize) -> String {
    let mut clean = escaped(&serde_json::to_string_pretty(value).unwrap_or_default());
    clean.push('\n');
    clean
}

/// The same in one line, without a line break.
pub fn json_line(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string(value).unwrap_or_default())
}

fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len() + 1);
    let mut units = [0; 2];
    for c in text.chars() {
        // Outside of strings, where an escape has no meaning, such a document has only line breaks.
        if c != '\n' && draws(c) {
            for unit in c.encode_utf16(&mut units) {
                clean.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            clean.push(c);
        }
    }
    clean
}

fn draws(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_draws_survives() {
        assert_eq!(sanitize("web\u{1b}[2Jx"), "web\\u{1b}[2Jx");
        assert_eq!(sanitize("a\u{202e}b\nc"), "a\\u{202e}b\\nc");
        assert_eq!(sanitize("\u{9b}31m"), "\\u{9b}31m");
        assert!(matches!(sanitize("größe 漢字"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_the_same_document_without_what_draws() {
        let value = serde_json::json!({ "a\u{9b}": ["\u{202e}\n\u{7f}", "größe 漢字", "\u{e0041}"], "b": {} });
        let text = json_document(&value);
        assert!(text.chars().all(|c| c == '\n' || !draws(c)), "{text:?}");
        assert!(text.contains("größe 漢字") && text.contains("\\udb40\\udc41"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}

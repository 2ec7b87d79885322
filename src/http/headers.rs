//! Header fields as a response brought them, repeated ones kept apart, and the ways in which standards combine them.

/// The fields of one response, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a field. Names are folded to lower case; each byte of a value becomes the character of that number, as the
    /// Fetch standard's isomorphic decoding does, and the white space around it goes.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let value: String = value.iter().map(|byte| char::from(*byte)).collect();
        self.0.push((name.to_ascii_lowercase(), value.trim_matches(is_http_whitespace).to_owned()));
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of a field, one for each time that it came. `name` is in lower case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.iter().filter(move |(of, _)| *of == name).map(|(_, value)| value)
    }

    /// What the Fetch standard calls to *get* a field: repeated ones are joined by a comma and a blank.
    pub fn get(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The first value of a field, for standards that look at no other.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    /// *Get, decode, and split* (Fetch, section 2.2.2): the parts between commas that stand outside of quotes.
    pub fn split(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).map(|value| split_outside_quotes(&value, ','))
    }

    /// The names of fields that came more than once; `set-cookie` is meant to.
    pub fn repeated(&self) -> Vec<&str> {
        let mut repeated: Vec<&str> = Vec::new();
        for (name, _) in self.iter() {
            if name != "set-cookie" && !repeated.contains(&name) && self.all(name).count() > 1 {
                repeated.push(name);
            }
        }
        repeated
    }
}

/// HTTP white space: blank, tab, line breaks.
pub fn is_http_whitespace(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The characters of a token (RFC 9110, section 5.6.2).
pub fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Whether the text is a token.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

/// The parts between separators, those in quoted strings aside, without blanks and tabs around them.
pub fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim_matches([' ', '\t']).to_owned()).collect()
}

/// The text of a quoted string without its quotes and escapes; `None` when it is none.
pub fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"').filter(|_| text.len() > 1)?;
    let (mut plain, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        match c {
            c if escaped => {
                plain.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return None,
            c => plain.push(c),
        }
    }
    (!escaped).then_some(plain)
}

/// A list of tokens with something else in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTokens;

/// *Extract header list values* for a list of tokens (Fetch, section 2.2.2): `None` when the field is not there,
/// an error when something in it is no token. Empty elements are allowed (RFC 9110, section 5.6.1.2).
pub fn tokens(headers: &Headers, name: &str) -> Result<Option<Vec<String>>, NotTokens> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let items = value.split(',').map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty());
    let items: Vec<String> = items.map(str::to_owned).collect();
    if items.iter().all(|item| is_token(item)) { Ok(Some(items)) } else { Err(NotTokens) }
}

/// The fields of a text such as tests write, one to a line.
#[cfg(test)]
pub(crate) fn read(text: &str) -> Headers {
    let mut headers = Headers::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap();
        headers.push(name.trim(), value.as_bytes());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_fields_are_joined_and_known() {
        let headers = read("Vary: a\nvary: b\nSet-Cookie: a=1\nSet-Cookie: b=2\nX: \t y ");
        assert_eq!(headers.get("vary").as_deref(), Some("a, b"));
        assert_eq!(headers.first("vary"), Some("a"));
        assert_eq!(headers.repeated(), ["vary"]);
        assert_eq!(headers.get("x").as_deref(), Some("y"));
        assert_eq!(headers.get("y"), None);
    }

    #[test]
    fn commas_in_quotes_do_not_split() {
        assert_eq!(read("x: \"a,b\" , c,").split("x").unwrap(), ["\"a,b\"", "c", ""]);
        assert_eq!(read("x: \"a\\\",b\", c").split("x").unwrap(), ["\"a\\\",b\"", "c"]);
        assert_eq!(unquote("\"a\\\"b\"").as_deref(), Some("a\"b"));
        for broken in ["\"", "\"a", "a\"", "\"a\\\"", "\"a\"b\""] {
            assert_eq!(unquote(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_list_of_tokens_may_have_gaps_and_nothing_else() {
        assert_eq!(tokens(&read("x: a,, b\t,"), "x"), Ok(Some(vec!["a".into(), "b".into()])));
        assert_eq!(tokens(&read("y: a"), "x"), Ok(None));
        assert_eq!(tokens(&read("x: a b"), "x"), Err(NotTokens));
        assert_eq!(tokens(&read("x:"), "x"), Ok(Some(Vec::new())));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = Headers::default();
            headers.push("X", &value);
            let _ = (headers.split("x"), tokens(&headers, "x"), unquote(&headers.get("x").unwrap()));
        }
    }
}

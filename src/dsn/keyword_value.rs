//! The keyword/value form, character by character as `conninfo_parse` in `fe-connect.c` reads it.

use super::builder::Builder;
use super::error::{DsnError, DsnErrorKind};

/// What C's `isspace` answers in the "C" locale.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// A cursor over the text that knows its byte offset.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.next();
        }
    }
}

/// Reads pairs into `builder`.
pub(super) fn parse(text: &str, builder: &mut Builder) -> Result<(), DsnError> {
    let mut cursor = Cursor { text, at: 0 };
    loop {
        cursor.skip_blanks();
        if cursor.peek().is_none() {
            return Ok(());
        }
        let offset = cursor.at;
        let name = name(&mut cursor)?;
        cursor.skip_blanks();
        let value = match cursor.peek() {
            Some('\'') => quoted(&mut cursor)?,
            _ => unquoted(&mut cursor),
        };
        builder.push(&name, value, offset)?;
    }
}

/// A name, and the `=` behind it.
fn name(cursor: &mut Cursor<'_>) -> Result<String, DsnError> {
    let offset = cursor.at;
    let mut name = String::new();
    while let Some(c) = cursor.peek().filter(|c| *c != '=' && !is_blank(*c)) {
        name.push(c);
        cursor.next();
    }
    cursor.skip_blanks();
    match cursor.next() {
        Some('=') => Ok(name),
        _ => Err(DsnError::new(DsnErrorKind::MissingEquals, offset)),
    }
}

/// A bare value: up to a blank; a backslash takes the next character as it is, and vanishes at the end.
fn unquoted(cursor: &mut Cursor<'_>) -> String {
    let mut value = String::new();
    while let Some(c) = cursor.next() {
        match c {
            c if is_blank(c) => break,
            '\\' => value.extend(cursor.next()),
            c => value.push(c),
        }
    }
    value
}

/// A value in single quotes; another pair may follow the closing quote at once.
fn quoted(cursor: &mut Cursor<'_>) -> Result<String, DsnError> {
    let offset = cursor.at;
    cursor.next();
    let mut value = String::new();
    while let Some(c) = cursor.next() {
        match c {
            '\'' => return Ok(value),
            '\\' => value.extend(cursor.next()),
            c => value.push(c),
        }
    }
    Err(DsnError::new(DsnErrorKind::UnterminatedQuote, offset))
}

#[cfg(test)]
mod tests {
    use crate::dsn::{Conninfo, DsnErrorKind};

    fn get(text: &str, keyword: &str) -> Option<String> {
        Conninfo::parse(text).ok()?.value(keyword).map(|v| v.expose().to_owned())
    }

    fn kind(text: &str) -> Option<DsnErrorKind> {
        Conninfo::parse(text).err().map(|e| e.kind)
    }

    #[test]
    fn blanks_quotes_and_backslashes() {
        for (text, host) in [
            ("host=a", "a"),
            ("  host \t=\n a  ", "a"),
            ("host='a b'", "a b"),
            (r"host='a\'b'", "a'b"),
            (r"host=a\ b", "a b"),
            (r"host=a\", "a"),
            (r"host=\\", r"\"),
            ("host=''", ""),
            ("host=", ""),
            ("host=a'b'", "a'b'"),
            ("host=a host=b", "b"),
            ("host='a'port=1", "a"),
            ("host=a=b", "a=b"),
            ("host=é", "é"),
        ] {
            assert_eq!(get(text, "host").as_deref(), Some(host), "{text}");
        }
        // "host = port=1" gives host the value "port=1", as libpq does.
        assert_eq!(get("host = port=1", "host").as_deref(), Some("port=1"));
        assert_eq!(get("", "host"), None);
        assert!(Conninfo::parse("  ").is_ok());
    }

    #[test]
    fn refusals() {
        assert_eq!(kind("mydb"), Some(DsnErrorKind::MissingEquals));
        assert_eq!(kind("host a"), Some(DsnErrorKind::MissingEquals));
        assert_eq!(kind("host='a"), Some(DsnErrorKind::UnterminatedQuote));
        assert_eq!(kind(r"host='a\'"), Some(DsnErrorKind::UnterminatedQuote));
        assert_eq!(kind("=a"), Some(DsnErrorKind::UnknownKeyword { name: None }));
        assert!(matches!(kind("HOST=a"), Some(DsnErrorKind::UnknownKeyword { name: Some(_) })));
        assert_eq!(kind("host=a\0"), Some(DsnErrorKind::NulByte));
    }

    #[test]
    fn requiressl_is_translated() {
        assert_eq!(get("requiressl=1", "sslmode").as_deref(), Some("require"));
        assert_eq!(get("requiressl=yes", "sslmode").as_deref(), Some("prefer"));
        assert_eq!(get("sslmode=verify-full requiressl=0", "sslmode").as_deref(), Some("prefer"));
    }

    #[test]
    fn an_unquoted_password_is_not_repeated() {
        let error = Conninfo::parse("password=correct horse=battery host=db").err();
        let text = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(!text.contains("horse") && !text.contains("battery"), "{text}");
        let error = Conninfo::parse("host=db password=correct horse").err();
        let text = error.map(|e| format!("{e} {e:?}")).unwrap_or_default();
        assert!(!text.contains("horse"), "{text}");
    }

    #[test]
    fn versions() {
        assert!(Conninfo::parse_as("sslnegotiation=direct", 17).is_ok());
        assert_eq!(
            Conninfo::parse_as("sslnegotiation=direct", 16).err().map(|e| e.kind),
            Some(DsnErrorKind::KeywordTooNew { name: "sslnegotiation", since: 17 })
        );
    }
}

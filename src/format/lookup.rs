//! One key of a configuration file, whatever its format: what it is set to and on which line.

use super::{dotenv, keyed, tree};

/// The formats that a setting can be looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
    Toml,
    Ini,
    Dotenv,
    KeyValue,
    Postgresql,
}

/// The words for them.
pub const FORMATS: &[(&str, Format)] = &[
    ("json", Format::Json),
    ("yaml", Format::Yaml),
    ("toml", Format::Toml),
    ("ini", Format::Ini),
    ("dotenv", Format::Dotenv),
    ("env", Format::Dotenv),
    ("keyvalue", Format::KeyValue),
    ("postgresql", Format::Postgresql),
];

/// What a key is set to.
#[derive(Clone, PartialEq, Eq)]
pub enum Raw {
    /// The text of a scalar, unquoted.
    Text(String),
    /// A list of scalars.
    List(Vec<String>),
}

/// A key that is set.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// `Err` says why the value is not to be had, though the key is set.
    pub value: Result<Raw, String>,
    /// From 1.
    pub line: usize,
}

/// Values of settings can be secrets.
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("line", &self.line).finish_non_exhaustive()
    }
}

/// Looks a key up. In json, yaml and toml its parts are joined by dots (`database.sslmode`, `hosts.0`), in ini the
/// section comes first. `Ok(None)` is certain: nothing sets it. The error is a fragment without any part of the text.
pub fn lookup(format: Format, bytes: &[u8], key: &str) -> Result<Option<Found>, String> {
    if format == Format::Dotenv {
        return dotenv_key(bytes, key);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Json => tree::json(text, key),
        Format::Yaml => tree::yaml(text, key),
        Format::Toml => tree::toml(text, key),
        Format::Ini => keyed::ini(text, key),
        Format::KeyValue => keyed::key_value(text, key),
        Format::Postgresql => keyed::postgresql(text, key),
        Format::Dotenv => Ok(None),
    }
}

fn dotenv_key(bytes: &[u8], key: &str) -> Result<Option<Found>, String> {
    use secrecy::ExposeSecret;
    let all = dotenv::parse(bytes, dotenv::Dialect::Dotenv).map_err(|fault| fault.to_string())?;
    Ok(all.into_iter().rfind(|assignment| assignment.name == key).map(|assignment| Found {
        value: match assignment.value {
            Some(value) => Ok(Raw::Text(value.expose_secret().to_owned())),
            None => Err("it refers to something that harden does not expand".into()),
        },
        line: assignment.line,
    }))
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(format: Format, text: &str, key: &str) -> Option<(String, usize)> {
        let found = lookup(format, text.as_bytes(), key).unwrap()?;
        match found.value.unwrap() {
            Raw::Text(value) => Some((value, found.line)),
            Raw::List(items) => Some((items.join("|"), found.line)),
        }
    }

    fn at(value: &str, line: usize) -> Option<(String, usize)> {
        Some((value.to_owned(), line))
    }

    #[test]
    fn trees_are_walked_by_dots() {
        let json = "{\n\t\"a\": {\"b\": 1,\n \"x.y\": \"\\u00e4\"},\n \"l\": [true,\n \"s\"], \"n\": null}";
        assert_eq!(text(Format::Json, json, "a.b"), at("1", 2));
        assert_eq!(text(Format::Json, json, "a.x.y"), at("ä", 3));
        assert_eq!(text(Format::Json, json, "l"), at("true|s", 4));
        assert_eq!(text(Format::Json, json, "l.1"), at("s", 5));
        assert_eq!(text(Format::Json, json, "n"), None);
        assert_eq!(text(Format::Json, json, "a.c"), None);
        assert!(lookup(Format::Json, json.as_bytes(), "a").unwrap().unwrap().value.is_err());
        let yaml = "a:\n  b: no\nl:\n  - x\n  - y\nn: ~\n";
        assert_eq!(text(Format::Yaml, yaml, "a.b"), at("no", 2));
        assert_eq!(text(Format::Yaml, yaml, "l"), at("x|y", 4));
        assert_eq!(text(Format::Yaml, yaml, "n"), None);
        let toml = "x = 1\n[a.\"b.c\"]\nd = true\nt = 1979-05-27\nl = ['p', 'q']\n";
        assert_eq!(text(Format::Toml, toml, "x"), at("1", 1));
        assert_eq!(text(Format::Toml, toml, "a.b.c.d"), at("true", 3));
        assert_eq!(text(Format::Toml, toml, "a.b.c.t"), at("1979-05-27", 4));
        assert_eq!(text(Format::Toml, toml, "a.b.c.l"), at("p|q", 5));
    }

    #[test]
    fn lines_are_read_by_their_own_rules() {
        let ini = "top = 0\n; c\n[s.t]\nk = \"v\"\nother: x\n";
        assert_eq!(text(Format::Ini, ini, "top"), at("0", 1));
        assert_eq!(text(Format::Ini, ini, "s.t.k"), at("v", 4));
        assert_eq!(text(Format::Ini, ini, "s.t.other"), at("x", 5));
        assert_eq!(text(Format::Ini, ini, "s.k"), None);
        assert!(lookup(Format::Ini, b"a = b ; c", "a").unwrap().unwrap().value.is_err());
        assert!(lookup(Format::Ini, b"a = 1\na = 2", "a").unwrap().unwrap().value.is_err());
        assert!(lookup(Format::Ini, b"!include x\n", "a").is_err());
        let pairs = "# c\nPort 22\nA=b\nlog_dir: /x\n";
        assert_eq!(text(Format::KeyValue, pairs, "Port"), at("22", 2));
        assert_eq!(text(Format::KeyValue, pairs, "A"), at("b", 3));
        assert!(lookup(Format::KeyValue, pairs.as_bytes(), "port").unwrap().unwrap().value.is_err());
        assert!(lookup(Format::KeyValue, b"Include x/*\n", "a").is_err());
        assert!(lookup(Format::KeyValue, b"Match User x\n a 1\n", "a").unwrap().unwrap().value.is_err());
        let conf = "SSL = on # c\nlog_line_prefix = 'it''s \\x %m'\nssl off\ninclude_dir_x = 1\n";
        assert_eq!(text(Format::Postgresql, conf, "ssl"), at("off", 3));
        assert_eq!(text(Format::Postgresql, conf, "log_line_prefix"), at("it's x %m", 2));
        assert!(lookup(Format::Postgresql, b"ssl = on\ninclude 'x'\n", "ssl").is_err());
        assert_eq!(text(Format::Dotenv, "A=1\nA=2\n", "A"), at("2", 2));
        assert!(lookup(Format::Dotenv, b"A=${B}", "A").unwrap().unwrap().value.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120), key in "[a-c.0]{0,6}") {
            for (_, format) in FORMATS {
                let _ = lookup(*format, &bytes, &key);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ab.=:\\[\\]{}'\"#; \n\\\\,0-9]{0,60}", key in "[ab.0]{0,6}") {
            for (_, format) in FORMATS {
                let _ = lookup(*format, text.as_bytes(), &key);
            }
        }

        #[test]
        fn an_error_quotes_nothing(secret in "[A-Z]{12}") {
            for (_, format) in FORMATS {
                for text in [format!("a: {{{secret}"), format!("\"a\" = {secret}\"'"), format!("a = '{secret}"), format!("[{secret}")] {
                    let result = lookup(*format, text.as_bytes(), "a");
                    let said = match &result {
                        Err(error) => error.clone(),
                        Ok(found) => format!("{found:?}{:?}", found.as_ref().and_then(|f| f.value.as_ref().err())),
                    };
                    prop_assert!(!said.contains(&secret), "{said}");
                }
            }
        }
    }
}

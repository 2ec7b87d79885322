//! Files of `NAME=value` lines: dotenv as its many readers agree on it, and systemd's `EnvironmentFile=` as
//! `parse_env_file_internal` (src/basic/env-file.c) reads it. What dotenv readers do not agree on (expansion, text after
//! a closing quote) leaves the value unresolved.

use secrecy::SecretString;

/// Which reader is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Dotenv,
    /// `$` and `#` within a value mean themselves, a backslash quotes the next character.
    Systemd,
}

/// One line that sets a variable.
#[derive(Debug)]
pub struct Assignment {
    pub name: String,
    /// `None` when it refers to something that harden does not expand.
    pub value: Option<SecretString>,
    /// From 1.
    pub line: usize,
}

/// The line from which on the text cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub what: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Every assignment in the file's order; of a repeated name the last one counts.
pub fn parse(bytes: &[u8], dialect: Dialect) -> Result<Vec<Assignment>, Fault> {
    let line_at = |at: usize| 1 + bytes.get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault { line: line_at(error.valid_up_to()), what: "bytes that are not UTF-8" })?;
    if let Some(at) = text.find('\0') {
        return Err(Fault { line: line_at(at), what: "a NUL byte" });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { chars: text.chars().peekable(), line: 1 };
    let mut assignments = Vec::new();
    while cursor.chars.peek().is_some() {
        assignments.extend(cursor.statement(dialect)?);
    }
    Ok(assignments)
}

/// Whether a name can be a variable's (POSIX, "Environment Variables"; dots and dashes as some frameworks use them).
fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(starts) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

struct Cursor<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
}

/// A value being read.
#[derive(Default)]
struct Reading {
    text: String,
    unresolved: bool,
}

impl Reading {
    fn finish(self) -> Option<SecretString> {
        let Reading { text, unresolved } = self;
        let value = SecretString::from(text);
        (!unresolved).then_some(value)
    }
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn skip(&mut self, also: impl Fn(char) -> bool) {
        while self.chars.peek().is_some_and(|c| also(*c)) {
            self.next();
        }
    }

    fn skip_line(&mut self) {
        self.skip(|c| c != '\n');
    }

    /// One line, or several when a value goes on.
    fn statement(&mut self, dialect: Dialect) -> Result<Option<Assignment>, Fault> {
        self.skip(char::is_whitespace);
        let comment = match dialect {
            Dialect::Dotenv => &['#'][..],
            Dialect::Systemd => &['#', ';'][..],
        };
        if self.chars.peek().is_some_and(|c| comment.contains(c)) {
            self.skip_line();
            return Ok(None);
        }
        let line = self.line;
        let mut name = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| !matches!(c, '=' | '\n' | '\r')) {
            name.push(c);
            self.next();
        }
        if self.chars.peek() != Some(&'=') {
            return Ok(None);
        }
        self.next();
        let value = match dialect {
            Dialect::Dotenv => self.dotenv_value()?,
            Dialect::Systemd => self.systemd_value(),
        };
        let name = name.trim();
        let name = match (dialect, name.strip_prefix("export")) {
            (Dialect::Dotenv, Some(rest)) if rest.starts_with([' ', '\t']) => rest.trim(),
            _ => name,
        };
        Ok(is_name(name).then(|| Assignment { name: name.to_owned(), value: value.finish(), line }))
    }

    fn dotenv_value(&mut self) -> Result<Reading, Fault> {
        self.skip(|c| c == ' ' || c == '\t');
        let Some(quote) = self.chars.peek().copied().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(self.unquoted());
        };
        let line = self.line;
        self.next();
        let mut value = Reading::default();
        loop {
            match self.next() {
                None => return Err(Fault { line, what: "a quote that is never closed" }),
                Some(c) if c == quote => break,
                Some('\\') if quote == '"' => self.escape(&mut value),
                Some('$') if quote == '"' => {
                    value.unresolved |= self.chars.peek().is_some_and(|next| expands(*next));
                    value.text.push('$');
                }
                Some(c) => value.text.push(c),
            }
        }
        let rest = self.rest_of_line();
        let rest = rest.trim();
        value.unresolved |= !rest.is_empty() && !rest.starts_with('#');
        Ok(value)
    }

    fn escape(&mut self, value: &mut Reading) {
        match self.next() {
            Some('n') => value.text.push('\n'),
            Some('r') => value.text.push('\r'),
            Some('t') => value.text.push('\t'),
            Some(c @ ('"' | '\\' | '$' | '`')) => value.text.push(c),
            Some('\n') => {}
            Some(c) => value.text.extend(['\\', c]),
            None => value.text.push('\\'),
        }
    }

    /// Up to the end of the line or to a `#` after a blank.
    fn unquoted(&mut self) -> Reading {
        let rest = self.rest_of_line();
        let comment = rest
            .char_indices()
            .zip(rest.chars().skip(1))
            .find(|((_, blank), c)| matches!(blank, ' ' | '\t') && *c == '#');
        let text = match comment {
            _ if rest.starts_with('#') => "",
            Some(((at, _), _)) => rest.get(..at).unwrap_or_default(),
            None => rest.as_str(),
        };
        let text = text.trim();
        let expanded = text
            .match_indices('$')
            .any(|(at, _)| text.get(at + 1..).and_then(|rest| rest.chars().next()).is_some_and(expands));
        Reading { text: text.to_owned(), unresolved: expanded || text.contains('`') }
    }

    fn rest_of_line(&mut self) -> String {
        let mut rest = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| *c != '\n') {
            rest.push(c);
            self.next();
        }
        rest
    }

    /// systemd goes on after a closing quote, so that quoted and plain parts join.
    fn systemd_value(&mut self) -> Reading {
        let mut text = String::new();
        // Blanks at the end of the plain part are not kept; those in quotes are.
        let mut keep = 0;
        let mut plain = false;
        while let Some(c) = self.next() {
            match c {
                '\n' | '\r' => break,
                '\'' if !plain => {
                    while let Some(c) = self.next().filter(|c| *c != '\'') {
                        text.push(c);
                    }
                    keep = text.len();
                }
                '"' if !plain => {
                    self.systemd_double_quoted(&mut text);
                    keep = text.len();
                }
                '\\' => {
                    plain = true;
                    if let Some(c) = self.next().filter(|c| !matches!(c, '\n' | '\r')) {
                        text.push(c);
                        keep = text.len();
                    }
                }
                ' ' | '\t' if !plain => {}
                c => {
                    plain = true;
                    text.push(c);
                    if !matches!(c, ' ' | '\t') {
                        keep = text.len();
                    }
                }
            }
        }
        text.truncate(keep);
        Reading { text, unresolved: false }
    }

    fn systemd_double_quoted(&mut self, text: &mut String) {
        while let Some(c) = self.next().filter(|c| *c != '"') {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match self.next() {
                Some(c @ ('"' | '\\' | '`' | '$')) => text.push(c),
                Some('\n') | None => {}
                Some(c) => text.extend(['\\', c]),
            }
        }
    }
}

/// Whether a `$` before this character is expanded by some reader.
fn expands(next: char) -> bool {
    next == '{' || next == '(' || next == '_' || next.is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn read(text: &str, dialect: Dialect) -> Vec<(String, Option<String>, usize)> {
        let show = |a: Assignment| (a.name, a.value.map(|v| v.expose_secret().to_owned()), a.line);
        parse(text.as_bytes(), dialect).unwrap().into_iter().map(show).collect()
    }

    fn one(text: &str, dialect: Dialect) -> Option<String> {
        read(text, dialect).pop().unwrap().1
    }

    #[test]
    fn dotenv_as_its_readers_agree() {
        let text = "\u{feff}# comment\r\nexport A=1\r\nB='a # b'\nC=\"x\\ny\" # c\nD = plain # c\nE=a#b\nF=\nnonsense\nG='multi\nline'\nH=last\n1X=no\n";
        let seen = read(text, Dialect::Dotenv);
        let expected = [
            ("A", "1", 2),
            ("B", "a # b", 3),
            ("C", "x\ny", 4),
            ("D", "plain", 5),
            ("E", "a#b", 6),
            ("F", "", 7),
            ("G", "multi\nline", 9),
            ("H", "last", 11),
        ];
        let expected: Vec<_> = expected.iter().map(|(n, v, l)| ((*n).into(), Some((*v).into()), *l)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_readers_expand_is_unresolved() {
        for text in ["A=${B}", "A=\"x$B\"", "A=$(id)", "A=`id`", "A=\"x\"y"] {
            assert_eq!(one(text, Dialect::Dotenv), None, "{text}");
        }
        for (text, value) in [("A='${B}'", "${B}"), ("A=\"\\$B\"", "$B"), ("A=a$", "a$"), ("A=$2a$12$.x", "$2a$12$.x")]
        {
            assert_eq!(one(text, Dialect::Dotenv).as_deref(), Some(value), "{text}");
        }
    }

    #[test]
    fn systemd_joins_quotes_and_drops_backslashes() {
        for (text, value) in [
            ("A=${B} # x", "${B} # x"),
            ("A=\"a b\" 'c'  d ", "a bcd"),
            ("A=a\\ b\\\n c", "a b c"),
            ("A=\"a\\n\\\"\"", "a\\n\""),
            ("A=b\"c", "b\"c"),
            ("A=", ""),
        ] {
            assert_eq!(one(text, Dialect::Systemd).as_deref(), Some(value), "{text}");
        }
        assert!(read("; c\n# c\nexport A=1\n", Dialect::Systemd).is_empty(), "systemd knows no `export`");
    }

    #[test]
    fn faults_have_their_line() {
        assert_eq!(parse(b"A=1\nB='x\ny", Dialect::Dotenv).unwrap_err().line, 2);
        assert_eq!(parse(b"A=1\nB=\xff", Dialect::Dotenv).unwrap_err().line, 2);
        assert_eq!(parse(b"A=\0", Dialect::Dotenv).unwrap_err().line, 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse(&bytes, Dialect::Dotenv), parse(&bytes, Dialect::Systemd));
        }

        #[test]
        fn any_lines_are_read_or_refused(text in "[A='\"\\\\$# \n\r{}]{0,60}") {
            let _ = (parse(text.as_bytes(), Dialect::Dotenv), parse(text.as_bytes(), Dialect::Systemd));
        }

        #[test]
        fn a_single_quoted_value_comes_back(value in "[^'\0]{0,40}") {
            prop_assert_eq!(one(&format!("A='{value}'"), Dialect::Dotenv), Some(value.clone()));
            prop_assert_eq!(one(&format!("A='{value}'"), Dialect::Systemd), Some(value));
        }
    }
}

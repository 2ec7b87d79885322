//! Files of variables as Compose reads them: `.env` and `env_file`. Unlike other readers of dotenv files it expands
//! variables outside of single quotes, takes `NAME: value` too, and ends a plain value at ` #`.

use std::collections::BTreeMap;

use super::template::interpolate;
use crate::manifest::Read;
use crate::value::Reason;

/// One variable of a file.
pub(super) struct Entry {
    pub(super) name: String,
    /// `Ok(None)` for a name alone, which Compose takes from where it is started.
    pub(super) value: Read<Option<String>>,
    /// From 1.
    pub(super) line: usize,
}

/// The file's variables in its order. `outer` is what counts before the file's own.
///
/// # Errors
/// Compose refuses the file. The reason does not quote it.
pub(super) fn parse(file: &str, bytes: &[u8], outer: &dyn Fn(&str) -> Read<Option<String>>) -> Read<Vec<Entry>> {
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::new(format!("{file} is not UTF-8 text")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser { file, rest: text, line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    let mut known: BTreeMap<String, Read<Option<String>>> = BTreeMap::new();
    while parser.at_statement() {
        let line = parser.line;
        let (name, inherited) = parser.name()?;
        let value = if inherited {
            outer(&name)
        } else {
            let lookup = |name: &str| match outer(name)? {
                Some(value) => Ok(Some(value)),
                None => known.get(name).cloned().unwrap_or(Ok(None)),
            };
            parser.value(&lookup)?.map(Some)
        };
        known.insert(name.clone(), value.clone());
        entries.push(Entry { name, value, line });
    }
    Ok(entries)
}

/// A file of `format: raw`: what stands behind the first `=` is the value, quotes and dollar signs included.
pub(super) fn parse_raw(file: &str, bytes: &[u8]) -> Read<Vec<Entry>> {
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::new(format!("{file} is not UTF-8 text")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_start()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let entry = |(line, text): (usize, &str)| match text.split_once('=') {
        Some((name, value)) => Entry { name: name.to_owned(), value: Ok(Some(value.to_owned())), line },
        None => Entry { name: text.trim_end().to_owned(), value: Ok(None), line },
    };
    Ok(lines.map(entry).collect())
}

struct Parser<'t> {
    file: &'t str,
    rest: &'t str,
    line: usize,
}

/// A blank that does not end the line.
fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

impl<'t> Parser<'t> {
    fn refuse(&self, what: &str) -> Reason {
        Reason::new(format!("{}:{}: {what}", self.file, self.line))
    }

    /// Goes on by so many bytes, counting lines.
    fn skip(&mut self, bytes: usize) -> &'t str {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
        skipped
    }

    /// To the next statement, past blanks, empty lines and comments.
    fn at_statement(&mut self) -> bool {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.skip(blanks);
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.skip(end);
        }
    }

    /// The name, and whether it stands alone.
    fn name(&mut self) -> Read<(String, bool)> {
        if let Some(rest) = self.rest.strip_prefix("export").filter(|rest| rest.starts_with(is_blank)) {
            self.rest = rest.trim_start_matches(is_blank);
        }
        let end = self.rest.find(['=', ':', '\n']).unwrap_or(self.rest.len());
        let name = self.rest.get(..end).unwrap_or_default().trim_end();
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(self.refuse("a name that Compose refuses"));
        }
        let inherited = self.rest.get(end..).is_none_or(|rest| rest.is_empty() || rest.starts_with('\n'));
        self.skip(end + usize::from(!inherited));
        Ok((name.to_owned(), inherited))
    }

    fn value(&mut self, lookup: &dyn Fn(&str) -> Read<Option<String>>) -> Read<Read<String>> {
        self.rest = self.rest.trim_start_matches(is_blank);
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let Some(quote) = quote else {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let line = self.skip(end);
            let value = line.split(" #").next().unwrap_or_default().trim_end();
            return Ok(interpolate(value, lookup));
        };
        let body = self.rest.get(1..).unwrap_or_default();
        let mut text = String::new();
        let mut chars = body.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.skip(at + 2);
                return Ok(if quote == '"' { interpolate(&unescape(&text), lookup) } else { Ok(text) });
            }
            match (c, body.get(at + 1..).and_then(|rest| rest.chars().next())) {
                ('\\', Some(next)) if next == quote => {
                    chars.next();
                    text.push(next);
                }
                ('\\', Some(next)) => {
                    chars.next();
                    text.extend(['\\', next]);
                }
                _ => text.push(c),
            }
        }
        Err(self.refuse("a quote that is never closed"))
    }
}

/// The escapes of double quotes; `\$` becomes the `$$` by which interpolation knows a dollar sign.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { chars.peek().copied() } else { None };
        let replaced = match escape {
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('v') => "\u{b}",
            Some('$') => "$$",
            Some('"') => "\"",
            Some('\\') => "\\",
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push_str(replaced);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, Option<String>, usize)> {
        let outer = |name: &str| Ok((name == "OUT").then(|| "o".to_owned()));
        let entries = parse("f", text.as_bytes(), &outer).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry.value.ok().flatten(), entry.line)).collect()
    }

    #[test]
    fn as_compose_reads_it() {
        let text = "\u{feff}# c\r\nA=1\r\nexport B = two # c\nC='$A # x'\nD=\"$A ${OUT}\\n\\$A\"\nE: y\nF=a#b\nG=${A}${U:-d}\n\
                    H=\nOUT\nNONE\nI=\"multi\nline\"\nJ='it\\'s'\nK=$U\nL=p$$q\n";
        let expected = [
            ("A", Some("1"), 2),
            ("B", Some("two"), 3),
            ("C", Some("$A # x"), 4),
            ("D", Some("1 o\n$A"), 5),
            ("E", Some("y"), 6),
            ("F", Some("a#b"), 7),
            ("G", Some("1d"), 8),
            ("H", Some(""), 9),
            ("OUT", Some("o"), 10),
            ("NONE", None, 11),
            ("I", Some("multi\nline"), 12),
            ("J", Some("it's"), 14),
            ("K", None, 15),
            ("L", Some("p$q"), 16),
        ];
        let expected: Vec<_> = expected.iter().map(|(n, v, l)| ((*n).into(), v.map(str::to_owned), *l)).collect();
        assert_eq!(read(text), expected);
    }

    #[test]
    fn raw_files_are_taken_as_they_stand() {
        let entries = parse_raw("f", b"A=\"$x\" # c\n# c\n\nB\n").unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.value.clone().unwrap(), e.line)).collect();
        assert_eq!(seen, [("A", Some("\"$x\" # c".to_owned()), 1), ("B", None, 4)]);
    }

    #[test]
    fn what_compose_refuses_is_not_quoted() {
        for text in ["A='hunter2", "hunter2 x=1", "=hunter2"] {
            let reason = parse("f", text.as_bytes(), &|_| Ok(None)).err().unwrap().to_string();
            assert!(reason.starts_with("f:1") && !reason.contains("hunter2"), "{reason}");
        }
        assert!(parse("f", b"\xff", &|_| Ok(None)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse("f", &bytes, &|_| Ok(None)), parse_raw("f", &bytes));
        }

        #[test]
        fn any_lines_are_read_or_refused(text in "[AB='\"\\\\$# :\n\r{}]{0,60}") {
            let _ = parse("f", text.as_bytes(), &|_| Ok(None));
        }
    }
}

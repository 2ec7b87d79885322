//! Bytes to logical lines to tokens, as `tokenize_auth_file` and `next_token` of PostgreSQL's
//! `hba.c` do it: blanks are space, tab and CR; `#` outside quotes starts a comment; commas join
//! tokens into a field; a backslash at the end of a line continues it (14 and later), before
//! quotes and comments are looked at.

use std::ops::Range;

/// Longest token up to 15.
const TOKEN_LIMIT_15: usize = 10239;

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its bytes without quotes.
    pub(crate) bytes: Vec<u8>,
    /// Quoted from its first character: loses keyword meaning.
    pub(crate) quoted: bool,
    /// Where it stands in the logical line, quotes included.
    pub(crate) span: Range<usize>,
    /// More tokens of the same field follow.
    pub(crate) comma: bool,
}

impl Token {
    /// The unquoted keyword test.
    pub(crate) fn is_keyword(&self, word: &str) -> bool {
        !self.quoted && self.is(word)
    }

    /// Equal to a word, quoted or not.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.bytes == word.as_bytes()
    }
}

/// One logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number of its first physical line, from 1.
    pub(crate) number: u32,
    /// Continuations joined, line ends stripped.
    pub(crate) raw: Vec<u8>,
    /// Holds a NUL byte: what the server reads then depends on its buffer sizes.
    pub(crate) has_nul: bool,
}

/// The logical lines of a file.
pub(crate) fn lines(data: &[u8], version: u32) -> Vec<Line> {
    match version < 14 {
        true => physical_lines(data),
        false => joined_lines(data),
    }
}

fn physical_lines(data: &[u8]) -> Vec<Line> {
    let physical = data.split_inclusive(|b| *b == b'\n').zip(1u32..);
    let line = |(part, number): (&[u8], u32)| {
        let mut raw = part.to_vec();
        strip_line_end(&mut raw);
        Line { number, has_nul: raw.contains(&0), raw }
    };
    physical.map(line).collect()
}

fn joined_lines(data: &[u8]) -> Vec<Line> {
    let mut all = Vec::new();
    let mut physical = data.split_inclusive(|b| *b == b'\n');
    let mut number = 1u32;
    while let Some(first) = physical.next() {
        let mut raw = Vec::new();
        let mut next = Some(first);
        let mut joined_at = 0;
        let mut count = 0u32;
        while let Some(part) = next {
            count = count.saturating_add(1);
            raw.extend_from_slice(part);
            strip_line_end(&mut raw);
            // a backslash left from an earlier join does not count again
            if raw.len() <= joined_at || raw.last() != Some(&b'\\') {
                break;
            }
            raw.pop();
            joined_at = raw.len();
            next = physical.next();
        }
        all.push(Line { number, has_nul: raw.contains(&0), raw });
        number = number.saturating_add(count);
    }
    all
}

fn strip_line_end(raw: &mut Vec<u8>) {
    while matches!(raw.last(), Some(b'\n' | b'\r')) {
        raw.pop();
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Tokens of one line, one at a time.
pub(crate) struct Scanner<'a> {
    raw: &'a [u8],
    at: usize,
    limit: usize,
}

/// A token longer than the server's buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TokenTooLong;

impl<'a> Scanner<'a> {
    /// At the start of a line.
    pub(crate) fn new(raw: &'a [u8], version: u32) -> Self {
        let limit = if version <= 15 { TOKEN_LIMIT_15 } else { usize::MAX };
        Self { raw, at: 0, limit }
    }

    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    /// Whether nothing of the line is left.
    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.raw.len()
    }

    /// The next token, or `None` at the end of the line or at a comment.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, TokenTooLong> {
        while self.peek().is_some_and(|b| is_blank(b) || b == b',') {
            self.at += 1;
        }
        let start = self.at;
        let mut token = Token { bytes: Vec::new(), quoted: false, span: start..start, comma: false };
        let (mut in_quote, mut was_quote, mut saw_quote) = (false, false, false);
        while let Some(byte) = self.peek().filter(|b| in_quote || !is_blank(*b)) {
            if byte == b'#' && !in_quote {
                break;
            }
            if token.bytes.len() >= self.limit {
                return Err(TokenTooLong);
            }
            if byte == b',' && !in_quote {
                token.comma = true;
                break;
            }
            if byte != b'"' || was_quote {
                token.bytes.push(byte);
            }
            was_quote = in_quote && byte == b'"' && !was_quote;
            if byte == b'"' {
                in_quote = !in_quote;
                saw_quote = true;
                token.quoted |= token.bytes.is_empty();
            }
            self.at += 1;
        }
        token.span.end = self.at;
        if self.peek() == Some(b'#') && !in_quote {
            self.at = self.raw.len();
        }
        Ok((saw_quote || !token.bytes.is_empty()).then_some(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<(String, bool, bool)> {
        let mut scanner = Scanner::new(line.as_bytes(), 15);
        let mut all = Vec::new();
        while let Some(t) = scanner.next().unwrap() {
            all.push((String::from_utf8(t.bytes).unwrap(), t.quoted, t.comma));
        }
        all
    }

    fn w(word: &str, quoted: bool, comma: bool) -> (String, bool, bool) {
        (word.to_owned(), quoted, comma)
    }

    #[test]
    fn quotes_commas_and_comments() {
        assert_eq!(words("a,b c"), [w("a", false, true), w("b", false, false), w("c", false, false)]);
        assert_eq!(words(r#""all" x"y z"w"#), [w("all", true, false), w("xy zw", false, false)]);
        assert_eq!(words(r#""a""b" """" """#), [w("a\"b", true, false), w("\"", true, false), w("", true, false)]);
        assert_eq!(words("a#b"), [w("a", false, false)]);
        assert_eq!(words(r#""a#b" # c"#), [w("a#b", true, false)]);
        assert_eq!(words("\t a \r b"), [w("a", false, false), w("b", false, false)]);
        assert_eq!(words(r#"a , b"#), [w("a", false, false), w("b", false, false)]);
        assert_eq!(words(r#""open b"#), [w("open b", true, false)]);
    }

    #[test]
    fn continuation_is_from_14_on() {
        let data = b"a \\\r\nb\n\\\\\n\nc\\";
        let got: Vec<_> = lines(data, 15).into_iter().map(|l| (l.number, l.raw)).collect();
        assert_eq!(got, [(1, b"a b".to_vec()), (3, b"\\".to_vec()), (5, b"c".to_vec())]);
        let got: Vec<_> = lines(data, 13).into_iter().map(|l| (l.number, l.raw)).collect();
        assert_eq!(got.len(), 5);
        assert_eq!(got[0], (1, b"a \\".to_vec()));
    }
}

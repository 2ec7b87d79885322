//! The words of a directive, up to its `;`, `{` or the `}` that ends a block: `ngx_conf_read_token`.

/// A word of this many bytes does not fit nginx's buffer (`NGX_CONF_BUFFER`), nor does a comment's line.
const MAX_WORD: usize = 4096;
/// Words of one directive; the longest real ones are lists of ciphers and of addresses.
const MAX_WORDS: usize = 10_000;

/// How a row of words ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `;`
    Directive,
    /// `{`
    Open,
    /// `}`, without words before it.
    Close,
    /// The end of the file, without words before it.
    File,
}

/// A row of words and how it ends.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) words: Vec<String>,
    /// The line of its first word.
    pub(super) line: usize,
    pub(super) end: End,
}

/// Reads a file's bytes from one row to the next.
pub(super) struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    /// From 1.
    pub(super) line: usize,
}

/// What the reader is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Plain,
    Quotes(u8),
}

impl<'t> Reader<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Reader { bytes, at: 0, line: 1 }
    }

    /// What is left, for a block that is no configuration.
    pub(super) fn rest(&self) -> &'t [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes on behind so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        let skipped = self.rest().get(..bytes).unwrap_or_default();
        self.line += skipped.iter().filter(|byte| **byte == b'\n').count();
        self.at += bytes;
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// The next row of words.
    pub(super) fn row(&mut self) -> Result<Row, &'static str> {
        let mut words: Vec<String> = Vec::new();
        let mut line = self.line;
        let mut word: Vec<u8> = Vec::new();
        let mut inside = Inside::Nothing;
        let (mut escaped, mut variable, mut closed) = (false, false, false);
        loop {
            let Some(byte) = self.next() else {
                let whole = words.is_empty() && inside == Inside::Nothing;
                return if whole { Ok(Row { words, line, end: End::File }) } else { Err(UNFINISHED) };
            };
            if word.len() >= MAX_WORD || words.len() > MAX_WORDS {
                return Err("a word is too long, probably for want of a closing quote");
            }
            if escaped {
                escaped = false;
                word.push(byte);
                continue;
            }
            if closed {
                match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => {
                        closed = false;
                        continue;
                    }
                    b';' => return Ok(Row { words, line, end: End::Directive }),
                    b'{' => return Ok(Row { words, line, end: End::Open }),
                    b')' => closed = false,
                    _ => return Err("something follows a closing quote without a blank"),
                }
            }
            match inside {
                Inside::Nothing => {
                    if words.is_empty() && !is_blank(byte) {
                        line = self.line;
                    }
                    match byte {
                        b' ' | b'\t' | b'\r' | b'\n' => {}
                        b';' | b'{' if words.is_empty() => return Err("a `;` or `{` without a directive before it"),
                        b';' => return Ok(Row { words, line, end: End::Directive }),
                        b'{' => return Ok(Row { words, line, end: End::Open }),
                        b'}' if words.is_empty() => return Ok(Row { words, line, end: End::Close }),
                        b'}' => return Err("a `}` before the `;` of its last directive"),
                        b'#' => self.comment()?,
                        b'"' | b'\'' => inside = Inside::Quotes(byte),
                        byte => {
                            escaped = byte == b'\\';
                            variable = byte == b'$';
                            word.push(byte);
                            inside = Inside::Plain;
                        }
                    }
                }
                Inside::Plain | Inside::Quotes(_) => {
                    if byte == b'{' && variable {
                        word.push(byte);
                        continue;
                    }
                    variable = byte == b'$';
                    if byte == b'\\' {
                        escaped = true;
                        word.push(byte);
                        continue;
                    }
                    let ends = match inside {
                        Inside::Quotes(quote) => byte == quote,
                        _ => is_blank(byte) || matches!(byte, b';' | b'{'),
                    };
                    if !ends {
                        word.push(byte);
                        continue;
                    }
                    words.push(unescaped(&std::mem::take(&mut word)));
                    closed = inside != Inside::Plain;
                    inside = Inside::Nothing;
                    match byte {
                        b';' if !closed => return Ok(Row { words, line, end: End::Directive }),
                        b'{' if !closed => return Ok(Row { words, line, end: End::Open }),
                        _ => {}
                    }
                }
            }
        }
    }

    /// To the end of the line.
    fn comment(&mut self) -> Result<(), &'static str> {
        let length = self.rest().iter().take_while(|byte| **byte != b'\n').count();
        // Its `#` counts.
        if length + 1 >= MAX_WORD {
            return Err("a comment's line is too long for nginx");
        }
        self.skip(length);
        Ok(())
    }
}

const UNFINISHED: &str = "the file ends inside of a directive";

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A backslash goes away before a quote and another backslash, and makes `\t`, `\r` and `\n`; before anything else it
/// stays.
fn unescaped(raw: &[u8]) -> String {
    let mut plain = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied().filter(|_| byte == b'\\');
        let escape = match next {
            Some(quoted @ (b'"' | b'\'' | b'\\')) => Some(quoted),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'n') => Some(b'\n'),
            _ => None,
        };
        if escape.is_some() {
            bytes.next();
        }
        plain.push(escape.unwrap_or(byte));
    }
    String::from_utf8_lossy(&plain).into_owned()
}

//! The words of an nftables file, its statements and blocks.

use super::MAX_DEPTH;

/// A word, a quoted text, a brace, a comma, `=`, or the end of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    quoted: bool,
}

impl Token {
    pub(super) fn is_end(&self) -> bool {
        !self.quoted && matches!(self.text.as_str(), "\n" | ";")
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        !self.quoted && self.text == symbol
    }
}

/// The words of a text; the line of a quote that is not closed.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, usize> {
    let (mut tokens, mut line, mut word) = (Vec::new(), 1, String::new());
    let mut chars = text.chars().peekable();
    let flush = |word: &mut String, tokens: &mut Vec<Token>, line| {
        if !word.is_empty() {
            tokens.push(Token { text: std::mem::take(word), line, quoted: false });
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_empty() => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                flush(&mut word, &mut tokens, line);
                let start = line;
                let mut inside = String::new();
                loop {
                    match chars.next() {
                        None => return Err(start),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            inside.push(c);
                        }
                    }
                }
                tokens.push(Token { text: inside, line: start, quoted: true });
            }
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
                line += 1;
                flush(&mut word, &mut tokens, line);
            }
            '{' | '}' | ';' | ',' | '\n' | '(' | ')' => {
                flush(&mut word, &mut tokens, line);
                tokens.push(Token { text: c.to_string(), line, quoted: false });
                line += usize::from(c == '\n');
            }
            '=' if word.is_empty() && chars.peek() != Some(&'=') => {
                tokens.push(Token { text: "=".to_owned(), line, quoted: false });
            }
            c if c.is_whitespace() => flush(&mut word, &mut tokens, line),
            c => word.push(c),
        }
    }
    flush(&mut word, &mut tokens, line);
    Ok(tokens)
}

/// The first statement, up to a line's end or semicolon outside of braces, and what follows it.
pub(super) fn statement(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_end() {
            return tokens.split_at(at);
        }
    }
    (tokens, &[])
}

/// What stands between the braces that a statement begins with.
pub(super) fn block(tokens: &[Token]) -> Option<&[Token]> {
    let [first, rest @ ..] = tokens else { return None };
    if !first.is("{") {
        return None;
    }
    let mut depth = 1_usize;
    for (at, token) in rest.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth -= 1;
        }
        if depth == 0 {
            return rest.get(..at);
        }
        if depth > MAX_DEPTH {
            return None;
        }
    }
    Some(rest)
}

/// The elements of a set, each as its words with a blank between them; without timeouts and comments of elements.
pub(super) fn elements(tokens: &[Token]) -> Vec<String> {
    let inside = block(tokens).unwrap_or(tokens);
    let parts = inside.split(|token| token.is(","));
    let text = |part: &[Token]| {
        let words = part.iter().filter(|token| !token.is_end() && !token.is("{") && !token.is("}"));
        let words = words.map(|token| token.text.as_str());
        words
            .take_while(|word| !matches!(*word, "timeout" | "expires" | "comment" | "counter"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    parts.map(text).filter(|text| !text.is_empty()).collect()
}

//! `/regex` names (16 and later). PostgreSQL compiles an advanced regular expression and runs it on
//! single bytes, before any database and so any encoding is chosen. Only the part of that language
//! that means the same to the `regex` crate is evaluated; the rest is "cannot be told".

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// A compiled pattern, or one that stays unevaluated.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    engine: Option<Regex>,
    universal: bool,
    examples: Vec<Arc<str>>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The server refuses the expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidPattern;

impl Pattern {
    /// From the text after the slash.
    pub(crate) fn new(text: &[u8]) -> Result<Self, InvalidPattern> {
        let lossy = String::from_utf8_lossy(text).into_owned();
        let opaque = Self { text: lossy.clone(), engine: None, universal: false, examples: Vec::new() };
        match classify(text) {
            Class::Invalid => Err(InvalidPattern),
            Class::Other => Ok(opaque),
            Class::Common => Ok(match compile(&lossy) {
                Some(engine) => Self::known(lossy, engine),
                None => opaque,
            }),
        }
    }

    fn known(text: String, engine: Regex) -> Self {
        let mut examples = super::example::of(&text);
        examples.retain(|e| engine.is_match(e.as_bytes()));
        Self { universal: is_universal(&text), engine: Some(engine), text, examples }
    }

    /// Some names that match.
    pub(crate) fn examples(&self) -> &[Arc<str>] {
        &self.examples
    }

    /// The expression without its slash.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a name matches; `None` when PostgreSQL and this program could differ.
    pub fn matches(&self, name: &str) -> Option<bool> {
        if self.universal {
            return Some(true);
        }
        let engine = self.engine.as_ref().filter(|_| name.is_ascii())?;
        Some(engine.is_match(name.as_bytes()))
    }

    /// Whether any name can be evaluated.
    pub(crate) fn is_known(&self) -> bool {
        self.engine.is_some()
    }

    /// Matches every name.
    pub(crate) fn is_universal(&self) -> bool {
        self.universal
    }
}

fn compile(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).unicode(false).dot_matches_new_line(true).size_limit(1 << 20).build().ok()
}

fn is_universal(text: &str) -> bool {
    let body = text.strip_prefix('^').unwrap_or(text);
    let body = body.strip_suffix('$').unwrap_or(body);
    let anchored_end = text.len() > 1 && text.ends_with('$') && text.starts_with('^');
    match body {
        ".*" | "(.*)" => true,
        "" => !anchored_end,
        _ => false,
    }
}

enum Class {
    Common,
    Invalid,
    Other,
}

/// Walks the expression once; anything unusual is `Other`.
fn classify(text: &[u8]) -> Class {
    if !text.is_ascii() || text.starts_with(b"***") || text.starts_with(b"(?") {
        return Class::Other;
    }
    let mut walk = Walk { text, at: 0, depth: 0, atom: false };
    loop {
        match walk.step() {
            None if walk.depth > 0 => return Class::Invalid,
            None => return Class::Common,
            Some(Class::Common) => {}
            Some(class) => return class,
        }
    }
}

struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    /// The last thing read can be repeated.
    atom: bool,
}

impl Walk<'_> {
    fn bump(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn step(&mut self) -> Option<Class> {
        let byte = self.bump()?;
        let atom = std::mem::replace(&mut self.atom, true);
        Some(match byte {
            b'(' if self.text.get(self.at) == Some(&b'?') => Class::Other,
            b'(' => {
                self.depth += 1;
                self.atom = false;
                Class::Common
            }
            b')' if self.depth == 0 => Class::Invalid,
            b')' => {
                self.depth -= 1;
                Class::Common
            }
            b'|' | b'^' | b'$' => {
                self.atom = false;
                Class::Common
            }
            b'*' | b'+' | b'?' if atom => self.quantified(),
            b'{' if atom && self.digit() => match self.bound() {
                Class::Common => self.quantified(),
                class => class,
            },
            b'*' | b'+' | b'?' => Class::Invalid,
            b'{' if self.digit() => Class::Invalid,
            b'{' | b'}' => Class::Other,
            b'[' if !self.closed() => Class::Invalid,
            b'[' => self.bracket(),
            b'\\' => match self.bump() {
                None => Class::Invalid,
                Some(b) if b.is_ascii_punctuation() && !b"<>".contains(&b) => Class::Common,
                Some(b'd' | b'w' | b's' | b'D' | b'W' | b'S') => Class::Common,
                Some(_) => Class::Other,
            },
            b']' => Class::Other,
            b if b.is_ascii_graphic() || b == b' ' => Class::Common,
            _ => Class::Other,
        })
    }

    fn digit(&self) -> bool {
        self.text.get(self.at).is_some_and(u8::is_ascii_digit)
    }

    /// After a quantifier: it may be made non-greedy once, and cannot be repeated.
    fn quantified(&mut self) -> Class {
        self.atom = false;
        self.at += usize::from(self.text.get(self.at) == Some(&b'?'));
        Class::Common
    }

    /// `m}`, `m,}` or `m,n}` with numbers up to 255.
    fn bound(&mut self) -> Class {
        let low = self.number();
        let high = match self.bump() {
            Some(b'}') => low,
            Some(b',') if self.text.get(self.at) == Some(&b'}') => {
                self.at += 1;
                Some(255)
            }
            Some(b',') => self.number().filter(|_| self.bump() == Some(b'}')),
            _ => None,
        };
        match (low, high) {
            (Some(low), Some(high)) if low <= high => Class::Common,
            _ => Class::Invalid,
        }
    }

    fn number(&mut self) -> Option<u32> {
        let mut value = None;
        while self.digit() {
            let digit = u32::from(self.bump()? - b'0');
            value = Some(value.unwrap_or(0u32).saturating_mul(10).saturating_add(digit));
        }
        value.filter(|v| *v <= 255)
    }

    /// Whether some bracket can end the list; one in the first place is a member.
    fn closed(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = rest.strip_prefix(b"^").unwrap_or(rest);
        rest.get(1..).is_some_and(|r| r.contains(&b']'))
    }

    /// Plain members and ranges of letters or digits; classes, escapes and oddities are `Other`.
    fn bracket(&mut self) -> Class {
        if self.text.get(self.at) == Some(&b'^') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b']') {
            return Class::Other;
        }
        loop {
            match self.bump() {
                None => return Class::Invalid,
                Some(b']') => return Class::Common,
                Some(b'[') if self.text.get(self.at) == Some(&b':') => match self.named_class() {
                    Class::Common => {}
                    class => return class,
                },
                Some(b'-') if self.text.get(self.at) != Some(&b']') => return Class::Other,
                Some(b) if b.is_ascii_alphanumeric() && self.text.get(self.at) == Some(&b'-') => {
                    if let Some(class) = self.range(b) {
                        return class;
                    }
                }
                Some(b) if b.is_ascii_alphanumeric() || b"_-. @$".contains(&b) => {}
                Some(_) => return Class::Other,
            }
        }
    }

    /// `[:alpha:]`, in C collation the ASCII ones.
    fn named_class(&mut self) -> Class {
        const NAMES: [&[u8]; 12] = [
            b"alnum", b"alpha", b"blank", b"cntrl", b"digit", b"graph", b"lower", b"print", b"punct", b"space",
            b"upper", b"xdigit",
        ];
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let Some(end) = rest.windows(2).position(|w| w == b":]") else { return Class::Invalid };
        let name = rest.get(..end).unwrap_or_default();
        self.at += end + 3;
        match name {
            _ if self.text.get(self.at) == Some(&b'-') => Class::Other,
            name if NAMES.contains(&name) => Class::Common,
            b"word" | b"ascii" => Class::Other,
            _ => Class::Invalid,
        }
    }

    fn range(&mut self, low: u8) -> Option<Class> {
        match self.text.get(self.at + 1) {
            Some(b']') => None,
            Some(high) if high.is_ascii_alphanumeric() && *high >= low => {
                self.at += 2;
                None
            }
            Some(high) if high.is_ascii_alphanumeric() => Some(Class::Invalid),
            _ => Some(Class::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m(pattern: &str, name: &str) -> Option<bool> {
        Pattern::new(pattern.as_bytes()).unwrap().matches(name)
    }

    #[test]
    fn the_common_part() {
        assert_eq!(m("^db_[0-9]+$", "db_17"), Some(true));
        assert_eq!(m("^db_[0-9]+$", "db_17x"), Some(false));
        assert_eq!(m("b", "abc"), Some(true));
        assert_eq!(m("^(a|b)\\.c", "a.cd"), Some(true));
        assert_eq!(m("^.*$", "é"), Some(true));
        assert_eq!(m("^$", "x"), Some(false));
        assert_eq!(m("^", "x"), Some(true));
        assert_eq!(m("", "x"), Some(true));
        assert_eq!(m("^a{2,3}?b$", "aab"), Some(true));
        assert_eq!(m("^\\w[[:digit:]_-]$", "a7"), Some(true));
        assert_eq!(m("^a{2,}$", "a"), Some(false));
    }

    #[test]
    fn the_rest_is_not_guessed() {
        for p in ["(?i)a", "***=a", "\\mfoo", "[^]a]", "é", "(a)\\1"] {
            assert_eq!(m(p, "a"), None, "{p}");
        }
        assert_eq!(m("a", "é"), None);
    }

    #[test]
    fn refused_by_both() {
        for p in ["(", ")", "*a", "[a", "a\\", "[z-a]", "a**", "a*??", "a{2,1}", "a{300}", "a{2", "(*a)", "a|*b", "^*"]
        {
            assert_eq!(Pattern::new(p.as_bytes()), Err(InvalidPattern), "{p}");
        }
    }
}

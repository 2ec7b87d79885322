//! Patterns of ignored files (gitignore(5)). A pattern is matched by stepping through all places in it at once, so that no
//! pattern takes more than its length times that of the path.

/// Bytes of a pattern that is matched; no path that it could match is longer.
const MAX_PATTERN: usize = 4096;
/// Patterns of one file.
const MAX_PATTERNS: usize = 100_000;

/// The patterns of one file.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone)]
struct Pattern {
    steps: Vec<Step>,
    negated: bool,
    directory: bool,
    /// It is about the path from the file's directory on, not about the last name alone.
    anchored: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Byte(u8),
    /// Any but a slash.
    One,
    /// Any number but of slashes.
    Many,
    /// Any number.
    All,
    /// Nothing, or whole directories with the slash behind them.
    Directories,
    Class(Class),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Class {
    negated: bool,
    ranges: Vec<(u8, u8)>,
    named: Vec<fn(&u8) -> bool>,
}

impl Patterns {
    /// Reads the patterns of a file. Those that can match nothing are left out.
    pub fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Patterns(text.split(|byte| *byte == b'\n').filter_map(Pattern::parse).take(MAX_PATTERNS).collect())
    }

    /// Whether the last pattern that matches says that the path is ignored; `None` when none matches. The path is that from
    /// the directory of the file.
    pub fn decide(&self, path: &[u8], is_directory: bool) -> Option<bool> {
        let found = self.0.iter().rev().find(|pattern| pattern.matches(path, is_directory))?;
        Some(!found.negated)
    }
}

impl Pattern {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut text = without_trailing_blanks(line);
        if text.is_empty() || text.starts_with(b"#") || text.len() > MAX_PATTERN {
            return None;
        }
        let negated = text.starts_with(b"!");
        text = text.strip_prefix(b"!").unwrap_or(text);
        let directory = text.ends_with(b"/");
        text = text.strip_suffix(b"/").unwrap_or(text);
        let anchored = text.contains(&b'/');
        text = text.strip_prefix(b"/").unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        Some(Pattern { steps: steps(text, anchored)?, negated, directory, anchored })
    }

    fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        if self.directory && !is_directory {
            return false;
        }
        let name = if self.anchored { path } else { path.rsplit(|byte| *byte == b'/').next().unwrap_or_default() };
        run(&self.steps, name)
    }
}

/// Blanks at the end do not count, unless a backslash stands before them.
fn without_trailing_blanks(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b'\\' => {
                at += 2;
                end = at.min(line.len());
            }
            b' ' => at += 1,
            _ => {
                at += 1;
                end = at;
            }
        }
    }
    line.get(..end).unwrap_or(line)
}

/// `None` for a pattern that matches nothing: a bracket that is never closed, a backslash at the end.
fn steps(text: &[u8], anchored: bool) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'\\' => {
                let (byte, after) = rest.split_first()?;
                steps.push(Step::Byte(*byte));
                rest = after;
            }
            b'?' => steps.push(Step::One),
            b'[' => {
                let (class, after) = class(rest)?;
                steps.push(Step::Class(class));
                rest = after;
            }
            b'*' => {
                let stars = 1 + rest.iter().take_while(|byte| **byte == b'*').count();
                rest = rest.get(stars - 1..).unwrap_or_default();
                let begins = steps.is_empty() || steps.last() == Some(&Step::Byte(b'/'));
                steps.push(match (stars, rest.first()) {
                    (1, _) => Step::Many,
                    _ if !anchored || !begins => Step::Many,
                    (_, None) => Step::All,
                    (_, Some(b'/')) => {
                        rest = rest.get(1..).unwrap_or_default();
                        Step::Directories
                    }
                    _ => Step::Many,
                });
            }
            byte => steps.push(Step::Byte(*byte)),
        }
    }
    Some(steps)
}

/// What stands behind `[`, and the text after `]`.
fn class(text: &[u8]) -> Option<(Class, &[u8])> {
    let mut class = Class::default();
    let mut rest = text;
    if let Some((b'!' | b'^', after)) = rest.split_first() {
        class.negated = true;
        rest = after;
    }
    let mut first = true;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b']' if !first => return Some((class, rest)),
            b'[' if rest.first() == Some(&b':') => {
                let end = rest.windows(2).position(|two| two == b":]")?;
                class.named.push(named(rest.get(1..end)?)?);
                rest = rest.get(end + 2..)?;
            }
            _ => {
                let (from, after) = literal(*byte, rest)?;
                rest = after;
                match rest {
                    [b'-', end, after @ ..] if *end != b']' => {
                        let (to, after) = literal(*end, after)?;
                        rest = after;
                        class.ranges.push((from, to));
                    }
                    _ => class.ranges.push((from, from)),
                }
            }
        }
        first = false;
    }
}

fn literal(byte: u8, rest: &[u8]) -> Option<(u8, &[u8])> {
    if byte == b'\\' { rest.split_first().map(|(byte, rest)| (*byte, rest)) } else { Some((byte, rest)) }
}

fn named(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

impl Class {
    fn has(&self, byte: u8) -> bool {
        let listed = self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte))
            || self.named.iter().any(|named| named(&byte));
        byte != b'/' && listed != self.negated
    }
}

fn run(steps: &[Step], text: &[u8]) -> bool {
    let mut places = vec![false; steps.len() + 1];
    enter(steps, &mut places, 0, true);
    for byte in text {
        let mut next = vec![false; steps.len() + 1];
        for (at, step) in steps.iter().enumerate().filter(|(at, _)| places.get(*at) == Some(&true)) {
            let (stay, go) = match step {
                Step::Byte(wanted) => (false, wanted == byte),
                Step::One => (false, *byte != b'/'),
                Step::Class(class) => (false, class.has(*byte)),
                Step::Many => (*byte != b'/', false),
                Step::All | Step::Directories => (true, false),
            };
            if go {
                enter(steps, &mut next, at + 1, *byte == b'/');
            }
            if stay {
                // Back at the step itself: only what may be empty here goes on.
                if let Some(place) = next.get_mut(at) {
                    *place = true;
                }
                if *step != Step::Directories || *byte == b'/' {
                    enter(steps, &mut next, at + 1, *byte == b'/');
                }
            }
        }
        places = next;
    }
    places.last() == Some(&true)
}

/// Marks a place, and those behind steps that may match nothing. `fresh`: a name begins here.
fn enter(steps: &[Step], places: &mut [bool], at: usize, fresh: bool) {
    let mut at = at;
    loop {
        match places.get_mut(at) {
            None | Some(true) => return,
            Some(place) => *place = true,
        }
        match steps.get(at) {
            Some(Step::Many | Step::All) => {}
            Some(Step::Directories) if fresh => {}
            _ => return,
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_of_the_manual() {
        for (pattern, path, ignored) in [
            (".env", "a/.env", true),
            ("/.env", "a/.env", false),
            ("/.env", ".env", true),
            ("*.pem", "a/b.pem", true),
            ("doc/*.txt", "doc/a.txt", true),
            ("doc/*.txt", "doc/b/a.txt", false),
            ("**/foo", "foo", true),
            ("**/foo", "a/b/foo", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("abc/**", "abc/x/y", true),
            ("abc/**", "abc", false),
            ("a**b", "axxb", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:digit:]]", "5", true),
            ("[]]", "]", true),
            ("[abc", "a", false),
            ("a\\", "a", false),
            ("\\#x", "#x", true),
            ("#x", "#x", false),
            ("x  ", "x", true),
            ("x\\ ", "x ", true),
            ("foo/", "foo", false),
            ("?", "/", false),
        ] {
            let patterns = Patterns::parse(pattern.as_bytes());
            assert_eq!(patterns.decide(path.as_bytes(), false).unwrap_or(false), ignored, "{pattern} {path}");
        }
        assert_eq!(Patterns::parse(b"foo/").decide(b"foo", true), Some(true));
        assert_eq!(Patterns::parse(b"*.pem\n!ca.pem\n").decide(b"ca.pem", false), Some(false));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..60), path in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = Patterns::parse(&text).decide(&path, true);
        }

        #[test]
        fn stars_take_no_time(count in 1..200_usize) {
            let pattern = "a*".repeat(count);
            let _ = Patterns::parse(format!("x/{pattern}b").as_bytes()).decide(format!("x/{}", "a".repeat(300)).as_bytes(), false);
        }
    }
}

//! Shell patterns over names: `*`, `?`, `[a-z]`, `[!a]`, `{a,b}` and, between slashes, `**` (glob(7), bash's brace
//! expansion). Unlike a shell's, `*` matches hidden names too: an audit that skips them would pass what it never saw.

/// Patterns that one pattern's braces may stand for.
const MAX_ALTERNATIVES: usize = 1024;
/// Bytes of a pattern; no path that can be opened is longer (PATH_MAX of limits.h).
const MAX_BYTES: usize = 4096;

/// A pattern for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Char(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// The patterns for one name that a text with braces stands for. `*` matches slashes too, where a name has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternatives(Vec<Glob>);

impl Alternatives {
    /// # Errors
    /// The text is too long, its braces stand for too many patterns, or a bracket is never closed: such a pattern
    /// would match nothing that anybody meant.
    pub fn new(text: &str) -> Result<Self, String> {
        if let Some(bracket) = unclosed(text) {
            return Err(format!("`{bracket}` is never closed"));
        }
        Ok(Alternatives(expand_braces(text)?.iter().map(|one| Glob::new(one)).collect()))
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(name))
    }

    /// How many patterns the braces stand for.
    #[expect(clippy::len_without_is_empty, reason = "a text stands for at least one pattern")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn unclosed(text: &str) -> Option<char> {
    let mut braces = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => rest = rest.chars().next().and_then(|c| rest.get(c.len_utf8()..)).unwrap_or_default(),
            '[' => match class(rest) {
                Some((_, after)) => rest = after,
                None => return Some('['),
            },
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    (braces > 0).then_some('{')
}

/// One part of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    Literal(String),
    Pattern(Glob),
    /// `**`: this directory and all below it.
    AnyDepth,
}

/// Whether the text is more than a literal name.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Glob {
    /// A pattern without braces. A `[` that is never closed stands for itself, as it does for glob(7).
    pub fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            let piece = match c {
                '*' if pieces.last() == Some(&Piece::Many) => continue,
                '*' => Piece::Many,
                '?' => Piece::One,
                '\\' => match rest.chars().next() {
                    Some(escaped) => {
                        rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                        Piece::Char(escaped)
                    }
                    None => Piece::Char('\\'),
                },
                '[' => match class(rest) {
                    Some((piece, after)) => {
                        rest = after;
                        piece
                    }
                    None => Piece::Char('['),
                },
                c => Piece::Char(c),
            };
            pieces.push(piece);
        }
        Glob(pieces)
    }

    /// Whether the whole name matches. Linear in practice, at worst the product of the two lengths.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut piece) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(piece), name.get(at)) {
                (None, None) => return true,
                (Some(Piece::Many), _) => {
                    retry = Some((piece, at));
                    piece += 1;
                    continue;
                }
                (Some(one), Some(c)) if one.accepts(*c) => {
                    at += 1;
                    piece += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((star, from)) if from < name.len() => {
                    retry = Some((star, from + 1));
                    at = from + 1;
                    piece = star + 1;
                }
                _ => return false,
            }
        }
    }

    fn literal(&self) -> Option<String> {
        let chars = self.0.iter().map(|piece| match piece {
            Piece::Char(c) => Some(*c),
            Piece::One | Piece::Many | Piece::Class { .. } => None,
        });
        chars.collect()
    }
}

impl Piece {
    fn accepts(&self, c: char) -> bool {
        match self {
            Piece::Char(own) => *own == c,
            Piece::One | Piece::Many => true,
            Piece::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// A bracket expression after its `[`, and what follows it. A `]` that comes first is a member.
fn class(text: &str) -> Option<(Piece, &str)> {
    let body = text.strip_prefix(['!', '^']);
    let negated = body.is_some();
    let body = body.unwrap_or(text);
    let first = body.chars().next()?.len_utf8();
    let end = first + body.get(first..)?.find(']')?;
    let members: Vec<char> = body.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        rest = match rest {
            [low, '-', high, after @ ..] => {
                ranges.push((*low, *high));
                after
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                after
            }
            [] => break,
        };
    }
    Some((Piece::Class { negated, ranges }, body.get(end + 1..)?))
}

/// The patterns that the braces of a text stand for. Braces without a comma, or unclosed ones, stand for themselves.
pub fn expand_braces(text: &str) -> Result<Vec<String>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the pattern is longer than {MAX_BYTES} bytes"));
    }
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        match first_braces(&text) {
            Some((before, alternatives, after)) => {
                open.extend(alternatives.iter().rev().map(|one| format!("{before}{one}{after}")));
            }
            None => done.push(text),
        }
        if open.len() + done.len() > MAX_ALTERNATIVES {
            return Err(format!("the braces stand for more than {MAX_ALTERNATIVES} patterns"));
        }
    }
    Ok(done)
}

/// The leftmost braces with alternatives: what precedes them, the alternatives, what follows.
fn first_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    // Where each open brace starts, with the commas directly inside it.
    let mut open: Vec<Vec<usize>> = Vec::new();
    let mut first: Option<Vec<usize>> = None;
    for (i, c) in text.char_indices() {
        match c {
            '{' => open.push(vec![i]),
            ',' => open.last_mut().into_iter().for_each(|cuts| cuts.push(i)),
            '}' => {
                let Some(mut cuts) = open.pop() else { continue };
                cuts.push(i);
                if cuts.len() > 2 && first.as_ref().is_none_or(|known| cuts.first() < known.first()) {
                    first = Some(cuts);
                }
                if open.is_empty() && first.is_some() {
                    break;
                }
            }
            _ => {}
        }
    }
    let cuts = first?;
    let parts = cuts.iter().zip(cuts.iter().skip(1));
    let parts = parts.map(|(from, to)| text.get(from + 1..*to).unwrap_or_default()).collect();
    Some((text.get(..*cuts.first()?)?, parts, text.get(cuts.last()? + 1..)?))
}

/// The components of an absolute path pattern, once for each of its alternatives.
pub fn components(text: &str) -> Vec<Component> {
    let mut components = Vec::new();
    for part in text.split('/').filter(|part| !part.is_empty()) {
        let component = match part {
            "**" if components.last() == Some(&Component::AnyDepth) => continue,
            "**" => Component::AnyDepth,
            part => {
                let glob = Glob::new(part);
                glob.literal().map_or(Component::Pattern(glob), Component::Literal)
            }
        };
        components.push(component);
    }
    if components.last() == Some(&Component::AnyDepth) {
        components.push(Component::Pattern(Glob::new("*")));
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_match_as_for_a_shell_and_hidden_ones_too() {
        for (pattern, name, expected) in [
            ("*", ".hidden", true),
            ("*.pem", "a.pem", true),
            ("*.pem", "a.pem.bak", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("größe?", "größen", true),
            ("", "", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_are_alternatives() {
        assert_eq!(expand_braces("/a/{b,c/{d,e}}/f").unwrap(), ["/a/b/f", "/a/c/d/f", "/a/c/e/f"]);
        assert_eq!(expand_braces("{x}{,y}").unwrap(), ["{x}", "{x}y"]);
        assert_eq!(expand_braces("{a").unwrap(), ["{a"]);
        assert_eq!(expand_braces("{a,{b,c}").unwrap(), ["{a,b", "{a,c"]);
        assert_eq!(expand_braces("a}{b,c}}").unwrap(), ["a}b}", "a}c}"]);
        assert!(expand_braces(&"{a,b}".repeat(20)).is_err());
        assert!(expand_braces(&"{".repeat(1 << 20)).is_err());
        assert_eq!(expand_braces(&format!("{}{}", "{a,b}".repeat(10), "{".repeat(4000))).unwrap().len(), 1024);
        assert_eq!(components("/etc/**").len(), 3);
    }

    #[test]
    fn alternatives_for_a_name() {
        let matches = |pattern, name| Alternatives::new(pattern).unwrap().matches(name);
        assert!(matches("{web,db}-*", "db-1") && !matches("{web,db}-*", "app-1"));
        assert!(matches("registry/*", "registry/a/b") && matches("\\[", "["));
        for bad in ["[", "a[b", "{a", "{a,{b}", &"{a,b}".repeat(20)] {
            assert!(Alternatives::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_full_of_stars_takes_no_time() {
        assert!(!Glob::new(&"*a".repeat(200)).matches(&"a".repeat(199)));
    }

    proptest! {
        #[test]
        fn any_pattern_is_read(pattern in "[*?\\[\\]{},!a\\\\/-]{0,40}", name in "[a*\\[-]{0,20}") {
            if let Ok(all) = expand_braces(&pattern) {
                for one in all {
                    let _ = Glob::new(&one).matches(&name);
                }
            }
            let _ = components(&pattern);
        }

        #[test]
        fn an_escaped_name_matches_itself(name in "\\PC{0,20}") {
            let escaped: String = name.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(Glob::new(&escaped).matches(&name));
        }
    }
}

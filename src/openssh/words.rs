//! A line's keyword and arguments, as `strdelim` and `argv_split` of OpenSSH's misc.c split them (8.7 and later).

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// In lower case.
    pub(super) keyword: String,
    pub(super) args: Vec<String>,
    /// The arguments as they were written.
    pub(super) rest: String,
}

/// The words of a line; `None` for a blank line or a comment.
pub(super) fn split(line: &str) -> Result<Option<Words>, &'static str> {
    let line = line.trim_end_matches([' ', '\t', '\r', '\n', '\u{c}']).trim_start_matches([' ', '\t', '\r']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (keyword, rest) = keyword(line).ok_or("a quote that is never closed")?;
    if rest.is_empty() {
        return Err("a keyword without an argument");
    }
    let args = arguments(rest).ok_or("a quote that is never closed")?;
    Ok(Some(Words { keyword: keyword.to_ascii_lowercase(), args, rest: rest.to_owned() }))
}

/// The first word, and what follows the blanks and the one `=` after it.
fn keyword(line: &str) -> Option<(&str, &str)> {
    let blank = [' ', '\t', '\r', '\n'];
    if let Some(quoted) = line.strip_prefix('"') {
        let (keyword, rest) = quoted.split_once('"')?;
        return Some((keyword, rest.trim_start_matches(blank)));
    }
    let end = line.find([' ', '\t', '\r', '\n', '"', '=']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(blank);
    Some((keyword, rest.strip_prefix('=').map_or(rest, |rest| rest.trim_start_matches(blank))))
}

/// Words with quotes and escapes read, up to a comment. `None` when a quote is never closed.
pub(super) fn arguments(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.peek().is_some_and(|c| matches!(c, ' ' | '\t')) {
            chars.next();
        }
        if chars.peek().is_none_or(|c| *c == '#') {
            return Some(words);
        }
        let mut word = String::new();
        let mut quote = None;
        loop {
            match (chars.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return None,
                (Some('\\'), _) => match chars.peek().copied() {
                    Some(c @ ('\'' | '"' | '\\')) => {
                        word.push(c);
                        chars.next();
                    }
                    Some(' ') if quote.is_none() => {
                        word.push(' ');
                        chars.next();
                    }
                    Some(_) | None => word.push('\\'),
                },
                (Some(' ' | '\t'), None) => break,
                (Some(c @ ('"' | '\'')), None) => quote = Some(c),
                (Some(c), Some(open)) if c == open => quote = None,
                (Some(c), _) => word.push(c),
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Option<(String, Vec<String>)> {
        split(line).unwrap().map(|words| (words.keyword, words.args))
    }

    fn is(keyword: &str, args: &[&str]) -> Option<(String, Vec<String>)> {
        Some((keyword.to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect()))
    }

    #[test]
    fn lines_are_split_as_openssh_splits_them() {
        assert_eq!(read("Port 22"), is("port", &["22"]));
        assert_eq!(read("  PORT=22 # c"), is("port", &["22"]));
        assert_eq!(read("Port = 22\r"), is("port", &["22"]));
        assert_eq!(read("Port\t=22\u{c}"), is("port", &["22"]));
        assert_eq!(read("Banner \"/etc/a b\" x"), is("banner", &["/etc/a b", "x"]));
        assert_eq!(read("Match User a\\ b Group 'c'"), is("match", &["User", "a b", "Group", "c"]));
        assert_eq!(read("A b#c"), is("a", &["b#c"]));
        assert_eq!(read("\"Port\" 22"), is("port", &["22"]));
        assert_eq!(read("  # c"), None);
        assert_eq!(read(""), None);
        assert!(split("Port").is_err());
        assert!(split("Banner \"x").is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_split_or_refused(line in "[a\"'\\\\ =#\tä]{0,30}") {
            let _ = split(&line);
        }
    }
}

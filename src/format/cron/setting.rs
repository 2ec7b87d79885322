//! `NAME = value` lines of a table (crontab(5)): blanks around the sign, quotes around either side.

/// The setting, unless the line is none.
pub(super) fn read(line: &str) -> Option<(String, String)> {
    let (name, rest) = name(line)?;
    let rest = rest.trim_start_matches(is_space).strip_prefix('=')?.trim_start_matches(is_space);
    Some((name, value(rest)?))
}

fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

fn name(line: &str) -> Option<(String, &str)> {
    if let Some(open) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (name, rest) = line.get(1..)?.split_once(open)?;
        return (!name.contains('=')).then(|| (name.to_owned(), rest));
    }
    let end = line.find(|c| is_space(c) || c == '=')?;
    let (name, rest) = line.split_at_checked(end)?;
    Some((name.to_owned(), rest))
}

/// A value without quotes may not be empty.
fn value(text: &str) -> Option<String> {
    if let Some(open) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (value, rest) = text.get(1..)?.split_once(open)?;
        return rest.chars().all(is_space).then(|| value.to_owned());
    }
    let value = text.trim_end_matches(is_space);
    (!value.is_empty()).then(|| value.to_owned())
}

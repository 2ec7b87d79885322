//! Keys of line-based formats. Programs differ in what they make of repeated keys, trailing comments and included
//! files: where the answer would depend on the program, there is none.

use super::lookup::{Found, Raw};

type Answer = Result<Option<Found>, String>;

/// One line that sets a key.
struct Line<'t> {
    name: &'t str,
    value: Result<String, String>,
    number: usize,
}

/// `[section]` headers and `name = value` or `name: value` lines; `;` and `#` start comments.
pub(super) fn ini(text: &str, key: &str) -> Answer {
    let (wanted_section, wanted) = key.rsplit_once('.').unwrap_or(("", key));
    let mut section = "";
    let mut lines = Vec::new();
    for (number, line) in numbered(text, &['#', ';']) {
        refuse_include(line, number)?;
        if let Some(header) = line.strip_prefix('[') {
            section = header.split(']').next().unwrap_or_default().trim();
        } else if section == wanted_section {
            let (name, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
            lines.push(Line { name: name.trim(), value: plain(value), number });
        }
    }
    choose(lines, wanted)
}

/// `name = value`, `name: value` or `name value` lines; `#` starts a comment.
pub(super) fn key_value(text: &str, key: &str) -> Answer {
    let mut lines = Vec::new();
    let mut condition = None;
    for (number, line) in numbered(text, &['#']) {
        refuse_include(line, number)?;
        let end = line.find(|c: char| c.is_whitespace() || matches!(c, '=' | ':')).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if name.eq_ignore_ascii_case("match") && condition.is_none() {
            // sshd_config(5): what follows holds for some connections only.
            condition = Some(number);
            continue;
        }
        let rest = rest.trim_start();
        let value = match condition {
            Some(start) => Err(format!("it is set under a condition only (`Match`, line {start})")),
            None => plain(rest.strip_prefix(['=', ':']).unwrap_or(rest)),
        };
        lines.push(Line { name, value, number });
    }
    if lines.iter().any(|line| line.name == key && line.value.is_ok()) {
        lines.retain(|line| condition.is_none_or(|start| line.number < start));
    }
    choose(lines, key)
}

fn numbered<'t>(text: &'t str, comments: &'static [char]) -> impl Iterator<Item = (usize, &'t str)> {
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    lines.filter(move |(_, line)| !line.is_empty() && !line.starts_with(comments))
}

fn refuse_include(line: &str, number: usize) -> Result<(), String> {
    let word = line.split(|c: char| c.is_whitespace() || c == '=').next().unwrap_or_default();
    let word = word.trim_start_matches(['!', '@', '%', '.']).to_ascii_lowercase();
    if matches!(word.as_str(), "include" | "includedir" | "include_dir" | "include_if_exists") {
        return Err(format!("line {number} includes other files, which are not followed"));
    }
    Ok(())
}

/// A value without the quotes around it. Whether ` #` and ` ;` end an unquoted value depends on the program.
fn plain(value: &str) -> Result<String, String> {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return match rest.split_once(quote) {
                Some((inner, "")) if !inner.contains('\\') => Ok(inner.to_owned()),
                Some(_) | None => Err("how its quotes are read depends on the program".into()),
            };
        }
    }
    if [" #", " ;", "\t#", "\t;"].iter().any(|mark| value.contains(mark)) {
        return Err("whether a comment ends its value depends on the program".into());
    }
    Ok(value.to_owned())
}

/// The line that counts. Equal repetitions agree whatever the program does.
fn choose(lines: Vec<Line<'_>>, key: &str) -> Answer {
    let (exact, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.name == key);
    let mut exact = exact.into_iter();
    let Some(first) = exact.next() else {
        let near = others.into_iter().find(|line| line.name.eq_ignore_ascii_case(key));
        return Ok(near.map(|line| Found {
            value: Err("it is spelt there in other letters, and whether they count depends on the program".into()),
            line: line.number,
        }));
    };
    let rest: Vec<_> = exact.collect();
    let value = if rest.iter().any(|line| line.value != first.value) {
        Err(format!("it is set {} times, and which one counts depends on the program", rest.len() + 1))
    } else {
        first.value.map(Raw::Text)
    };
    Ok(Some(Found { value, line: first.number }))
}

/// postgresql.conf: names in any case, `=` optional, quoted values, `#` comments, the last one wins (PostgreSQL manual,
/// "Parameter Interaction via the Configuration File").
pub(super) fn postgresql(text: &str, key: &str) -> Answer {
    let mut found = None;
    for (number, line) in numbered(text, &['#']) {
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if !name.eq_ignore_ascii_case(key) {
            refuse_include(line, number)?;
            continue;
        }
        let rest = rest.trim_start();
        let value = postgresql_value(rest.strip_prefix('=').unwrap_or(rest).trim_start());
        let value = value.map(Raw::Text).ok_or_else(|| "it does not parse".to_owned());
        found = Some(Found { value, line: number });
    }
    Ok(found)
}

fn postgresql_value(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(text.len());
        return text.get(..end).map(str::to_owned);
    };
    let mut value = String::new();
    let mut chars = quoted.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                value.push('\'');
            }
            '\'' => return Some(value),
            '\\' => match chars.next()? {
                'b' => value.push('\u{8}'),
                'f' => value.push('\u{c}'),
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                first @ '0'..='7' => {
                    let mut code = first.to_digit(8)?;
                    for _ in 0..2 {
                        match chars.peek().and_then(|c| c.to_digit(8)) {
                            Some(digit) => code = code * 8 + digit,
                            None => break,
                        }
                        chars.next();
                    }
                    value.push(char::from_u32(code)?);
                }
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

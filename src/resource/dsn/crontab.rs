//! The lines of cron that run commands (crontab(5)): `/etc/crontab`, the files beside it, and those of users.

use std::path::Path;

use crate::target::host::{Host, Trouble};
use crate::value::Reason;

/// Bytes of one file.
const MAX_BYTES: u64 = 1 << 20;
/// Where they are, and whether their lines name the account that runs them.
const PLACES: [(&str, bool); 4] = [
    ("/etc/crontab", true),
    ("/etc/cron.d/*", true),
    ("/var/spool/cron/crontabs/*", false),
    ("/var/spool/cron/[!c]*", false),
];

/// A command with the variables that its file sets before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) path: String,
    /// From 1.
    pub(super) number: usize,
    pub(super) command: String,
    /// Names and values with the line that sets them.
    pub(super) variables: Vec<(String, String, usize)>,
}

/// The lines of all files, and why there may be more.
pub(super) fn read(host: &Host) -> (Vec<Line>, Option<Reason>) {
    let (mut lines, mut more) = (Vec::new(), None);
    for (pattern, names_account) in PLACES {
        let found = match host.find(pattern) {
            Ok(found) => found,
            Err(reason) => {
                more.get_or_insert(reason);
                continue;
            }
        };
        more = more.or(found.more);
        for path in found.paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // cron passes over hidden files and what editors and packages leave behind.
            if name.starts_with('.') || name.ends_with('~') || name.contains(".dpkg-") {
                continue;
            }
            match host.read(Path::new(&path), MAX_BYTES) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    lines.extend(parse(&path.display().to_string(), &text, names_account));
                }
                Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => drop(more.get_or_insert(reason)),
            }
        }
    }
    (lines, more)
}

fn parse(path: &str, text: &str, names_account: bool) -> Vec<Line> {
    let mut variables: Vec<(String, String, usize)> = Vec::new();
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = assignment(line) {
            variables.retain(|(other, _, _)| *other != name);
            variables.push((name, value, i + 1));
        } else if let Some(command) = command(line, names_account) {
            let (path, variables) = (path.to_owned(), variables.clone());
            lines.push(Line { path, number: i + 1, command, variables });
        }
    }
    lines
}

/// `NAME = value`, with quotes around either.
fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_matches(['"', '\'']);
    let value = value.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), quoted.unwrap_or(value).to_owned()))
}

/// What is run: behind the times and the account, up to a `%`, which begins its input. A path in place of the account
/// is the program of a line whose account was left out: cron would not run it, and it is told like the others.
fn command(line: &str, names_account: bool) -> Option<String> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(|c: char| c.is_whitespace())?;
        rest = after.trim_start();
        Some(word)
    };
    for _ in 0..if line.starts_with('@') { 1 } else { 5 } {
        word()?;
    }
    let program = if names_account { word().filter(|account| account.contains('/')) } else { None };
    let mut command = program.map(|program| format!("{program} ")).unwrap_or_default();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '%' => break,
            '\\' if chars.peek() == Some(&'%') => command.extend(chars.next()),
            c => command.push(c),
        }
    }
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_cron() {
        let text = "# x\nSHELL=/bin/sh\nAPP_DB = \"a b\"\n*/30 * * * * app /bin/app run\n@daily root app\\%x%input\n\
                    15 * * * * /usr/local/bin/app run --db=x\n1 2 3\n";
        let seen: Vec<_> =
            parse("/etc/cron.d/app", text, true).into_iter().map(|one| (one.number, one.command)).collect();
        let expected = [(4, "/bin/app run"), (5, "app%x"), (6, "/usr/local/bin/app run --db=x")];
        assert_eq!(seen, expected.map(|(number, command)| (number, command.to_owned())));
        let user = parse("/var/spool/cron/crontabs/app", "APP_DB='x y'\n* * * * * app run\n", false);
        assert_eq!((user[0].command.as_str(), user[0].variables[0].1.as_str()), ("app run", "x y"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[*@0-9a-z =%\\\\\"'/\n]{0,60}", account in any::<bool>()) {
            parse("x", &text, account);
        }
    }
}

//! The password file: `host:port:database:user:password` lines, `*` for any, `\` before `:` and `\`.
//!
//! `passwordFromFile` and `pwdfMatchesString` in `fe-connect.c`; PostgreSQL manual, "The Password File".

use super::surroundings::{Surroundings, is_absent};
use secrecy::SecretString;

/// What a line must match.
pub(super) struct Key<'a> {
    pub host: &'a str,
    pub port: &'a str,
    pub dbname: &'a str,
    pub user: &'a str,
}

/// What became of looking for a password.
pub(super) enum Lookup {
    /// A line matched.
    Found(SecretString),
    /// There is no file, or no line matched.
    NotThere,
    /// libpq ignores the file, or harden could not read it; a sentence for the reader.
    Note(String),
}

/// Looks a password up. `check_mode` is libpq's refusal of files that group or others may touch.
pub(super) fn look_up(path: &str, key: &Key<'_>, check_mode: bool, around: &dyn Surroundings) -> Lookup {
    if key.dbname.is_empty() || key.user.is_empty() {
        return Lookup::NotThere;
    }
    match around.stat(path) {
        Err(error) if is_absent(&error) => return Lookup::NotThere,
        Err(error) => {
            return Lookup::Note(format!("the password file {path} could not be looked at: {error}"));
        }
        Ok(stat) if !stat.regular => {
            return Lookup::Note(format!("the password file {path} is ignored: it is not a plain file"));
        }
        Ok(stat) if check_mode && stat.mode & 0o077 != 0 => {
            let mode = stat.mode & 0o777;
            return Lookup::Note(format!(
                "the password file {path} is ignored: its mode {mode:04o} gives access to group or others; it must be 0600 or less"
            ));
        }
        Ok(_) => {}
    }
    match around.read(path) {
        Ok(bytes) => bytes
            .split(|byte| *byte == b'\n')
            .find_map(|line| password(line, key))
            .map_or(Lookup::NotThere, Lookup::Found),
        Err(error) => Lookup::Note(format!("the password file {path} could not be read: {error}")),
    }
}

/// The password of a line that matches.
fn password(line: &[u8], key: &Key<'_>) -> Option<SecretString> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.starts_with(b"#") {
        return None;
    }
    let mut rest = line;
    for wanted in [key.host, key.port, key.dbname, key.user] {
        rest = matches(rest, wanted.as_bytes())?;
    }
    let mut password = Vec::new();
    let mut bytes = rest.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => break,
            b'\\' => password.push(bytes.next().unwrap_or(b'\\')),
            other => password.push(other),
        }
    }
    // A password that is not UTF-8 could not be sent by harden; no line is better than a wrong one.
    String::from_utf8(password).ok().map(SecretString::from)
}

/// If the field at the start of `line` is `*` or `wanted`, what follows its colon.
fn matches<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let (mut line, mut wanted) = (line, wanted);
    loop {
        let (byte, escaped, rest) = match line {
            [b'\\', byte, rest @ ..] => (*byte, true, rest),
            [byte, rest @ ..] => (*byte, false, rest),
            [] => return None,
        };
        match wanted {
            [] => return (byte == b':' && !escaped).then_some(rest),
            [expected, more @ ..] if *expected == byte => (line, wanted) = (rest, more),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Lookup, look_up};
    use crate::dsn::surroundings::fake::Fake;
    use secrecy::ExposeSecret;

    fn find(text: &str, key: &Key<'_>) -> Option<String> {
        match look_up("/p", key, true, &Fake::default().file("/p", text)) {
            Lookup::Found(password) => Some(password.expose_secret().to_owned()),
            Lookup::NotThere | Lookup::Note(_) => None,
        }
    }

    const KEY: Key<'static> = Key { host: "h", port: "5432", dbname: "d:b", user: "u" };

    #[test]
    fn lines() {
        for (text, password) in [
            ("h:5432:d\\:b:u:p", Some("p")),
            ("*:*:*:*:p\r\n", Some("p")),
            ("#h:5432:*:u:no\nh:5432:*:u:yes\n", Some("yes")),
            ("h:5432:*:u:a\\:b\\\\c:ignored", Some("a:b\\c")),
            ("h:5432:*:u:", Some("")),
            ("h:5432:d:u:p", None),
            ("hh:5432:*:u:p", None),
            ("h:5432:*:u", None),
            ("*h:5432:*:u:p", None),
            ("", None),
            ("h:5432:*:u:p\\", Some("p\\")),
        ] {
            assert_eq!(find(text, &KEY).as_deref(), password, "{text}");
        }
    }

    #[test]
    fn open_modes_are_ignored_with_a_note() {
        for mode in [0o640, 0o604, 0o610] {
            let around = Fake::default().mode("/p", mode, "*:*:*:*:p");
            assert!(matches!(look_up("/p", &KEY, true, &around), Lookup::Note(note) if note.contains("0600")));
            assert!(matches!(look_up("/p", &KEY, false, &around), Lookup::Found(_)));
        }
        assert!(matches!(look_up("/p", &KEY, true, &Fake::default().denied("/p")), Lookup::Note(_)));
        assert!(matches!(look_up("/p", &KEY, true, &Fake::default()), Lookup::NotThere));
    }
}

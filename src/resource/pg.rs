//! What the resources of a PostgreSQL server share: their door, globs over names, and texts that may hold a secret.

pub(super) mod files;
pub(super) mod value;

use crate::dsn;
use crate::facts::Listing;
use crate::target::Door;
use crate::target::postgres::Postgres;
use crate::value::{Observed, Reason, Value};

/// The latest time that harden writes (9999-12-30), which stands for all later ones too.
const LAST: i64 = 253_402_207_200;

pub(super) fn door(door: &Door) -> Option<&Postgres> {
    match door {
        Door::Postgres(postgres) => Some(postgres),
        Door::Host(_) | Door::Docker(_) | Door::Endpoint(_) | Door::Manifest(_) | Door::PostgresFiles(_) => None,
    }
}

pub(super) fn wrong_door() -> Listing {
    Listing::failed(Reason::new("this target is no PostgreSQL server"))
}

/// A limit that -1 switches off.
pub(super) fn limit(value: i64) -> Observed {
    if value < 0 { Observed::Absent } else { Observed::from(value) }
}

pub(super) fn time(seconds: Option<i64>) -> Observed {
    seconds.map_or(Observed::Absent, |seconds| Observed::Known(Value::Time(seconds.min(LAST))))
}

/// Whether a name matches a glob of `*` and `?`; an empty glob matches every name.
pub(super) fn matches(glob: &str, name: &str) -> bool {
    if glob.is_empty() {
        return true;
    }
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut g, mut n) = (0, 0);
    // Where to go on when what follows the last `*` does not match: the star takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match glob.get(g) {
            Some('*') => {
                retry = Some((g, n));
                g += 1;
            }
            Some(pattern) if *pattern == '?' || pattern == c => (g, n) = (g + 1, n + 1),
            Some(_) | None => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (g, n) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(g).all(|c| *c == '*')
}

/// Words in the names of settings whose text nobody needs to see.
const SECRET_WORDS: [&str; 9] =
    ["password", "passphrase", "passwd", "secret", "token", "credential", "api_key", "apikey", "jwt"];

/// Whether the text of a setting may be a secret: `app.jwt_secret`, as applications keep them, and the command that prints
/// the passphrase of the server's key.
pub(super) fn may_be_secret(setting: &str) -> bool {
    let name = setting.to_ascii_lowercase();
    name == "ssl_passphrase_command" || (name.contains('.') && SECRET_WORDS.iter().any(|word| name.contains(word)))
}

/// The text of a setting without the passwords of connection strings.
pub(super) fn shown(setting: &str, text: &str) -> String {
    let is_conninfo =
        setting.eq_ignore_ascii_case("primary_conninfo") || setting.to_ascii_lowercase().ends_with("conninfo");
    if is_conninfo && !text.is_empty() { dsn::redacted(text) } else { text.to_owned() }
}

/// The value of an override: secrets are taken out whole.
pub(super) fn redacted_value(setting: &str, text: &str) -> String {
    if may_be_secret(setting) { "***".to_owned() } else { shown(setting, text) }
}

/// The same for a line `name=value`.
pub(super) fn redacted_line(line: &str) -> String {
    match line.split_once('=') {
        Some((name, value)) => format!("{name}={}", redacted_value(name, value)),
        None => "***".to_owned(),
    }
}

#[cfg(test)]
pub(super) fn assert_all_set(subject: &crate::facts::Subject) {
    for (field, observed) in subject.fields.table.iter().zip(&subject.fields.fields) {
        assert_ne!(*observed, Observed::unknown("not read"), "{} was not set", field.name);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs() {
        for (glob, name) in
            [("", "x"), ("*", ""), ("a*", "abc"), ("*c", "abc"), ("a?c", "abc"), ("*b*", "abc"), ("pg_*", "pg_monitor")]
        {
            assert!(matches(glob, name), "{glob} {name}");
        }
        for (glob, name) in [("a", "ab"), ("?", ""), ("a*d", "abc"), ("PG_*", "pg_monitor"), ("*x", "abc")] {
            assert!(!matches(glob, name), "{glob} {name}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(redacted_line("app.jwt_secret=hunter2"), "app.jwt_secret=***");
        assert_eq!(redacted_line("work_mem=4MB"), "work_mem=4MB");
        assert!(!redacted_line("primary_conninfo=host=a password=hunter2").contains("hunter2"));
        assert!(!shown("primary_conninfo", "host=a password = 'hunter2").contains("hunter2"));
        assert!(!may_be_secret("password_encryption"));
    }

    proptest! {
        #[test]
        fn any_glob_ends(glob in "[*?ab]{0,12}", name in "[ab]{0,24}") {
            let _ = matches(&glob, &name);
            prop_assert!(matches(&name, &name));
        }
    }
}

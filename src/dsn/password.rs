//! What may be said about a password without saying it. Entropy and placeholders are judged elsewhere.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// Facts about a password that do not give it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PasswordFacts {
    /// Length in bytes of UTF-8.
    pub bytes: usize,
    /// Length in characters.
    pub chars: usize,
    /// Whether it is the name of the user, letter case aside.
    pub is_user_name: bool,
    /// Whether it is the name of the database, letter case aside.
    pub is_database_name: bool,
}

impl PasswordFacts {
    /// Measures a password.
    pub fn of(password: &SecretString, user: Option<&str>, dbname: Option<&str>) -> Self {
        let text = password.expose_secret();
        let same = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase() == text.to_lowercase());
        Self {
            bytes: text.len(),
            chars: text.chars().count(),
            is_user_name: same(user),
            is_database_name: same(dbname),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordFacts;

    #[test]
    fn measures() {
        let facts = PasswordFacts::of(&"Agént".into(), Some("agÉnt"), Some("app"));
        assert_eq!(facts, PasswordFacts { bytes: 6, chars: 5, is_user_name: true, is_database_name: false });
    }
}

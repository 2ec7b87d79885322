//! libpq's six `sslmode` words, in their order of strength, and what a person may have meant by another word.

use serde::Serialize;
use std::fmt;

/// How much TLS a client asks for, weakest first, so that `>=` means "at least". PostgreSQL manual, "SSL Support",
/// table "SSL Mode Descriptions".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// Plain first, TLS if the server insists.
    Allow,
    /// TLS first, plain if the server has none.
    Prefer,
    /// TLS or nothing; the certificate is not looked at.
    Require,
    /// TLS, and the certificate chains to a trusted authority.
    VerifyCa,
    /// As `VerifyCa`, and the certificate names the host.
    VerifyFull,
}

impl SslMode {
    /// All modes, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The word as libpq spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode of that exact word: lower case, as libpq compares it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// The mode that a misspelt word probably stood for: `REQUIRE`, `verify_full`, `verifyfull`, `true`, `requier`.
    pub fn suggest(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace('_', "-");
        match word.as_str() {
            "true" | "on" | "1" | "yes" | "required" => return Some(Self::Require),
            "false" | "off" | "0" | "no" | "none" | "disabled" => return Some(Self::Disable),
            "verify" | "verify-identity" | "full" => return Some(Self::VerifyFull),
            _ => {}
        }
        let bare = word.replace('-', "");
        Self::ALL
            .into_iter()
            .map(|mode| (strsim::damerau_levenshtein(&bare, &mode.as_str().replace('-', "")), mode))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, mode)| mode)
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::SslMode;

    #[test]
    fn modes_are_ordered_by_strength() {
        assert!(SslMode::ALL.is_sorted());
        assert!(SslMode::VerifyFull > SslMode::VerifyCa && SslMode::Require > SslMode::Prefer);
    }

    #[test]
    fn words_are_case_sensitive_and_misspelt_ones_are_understood() {
        for wrong in ["REQUIRE", "Require", "verify_full", "verify-Full", "", "true", " require"] {
            assert_eq!(SslMode::parse(wrong), None, "{wrong}");
        }
        assert_eq!(SslMode::suggest("REQUIRE"), Some(SslMode::Require));
        assert_eq!(SslMode::suggest("verify_full"), Some(SslMode::VerifyFull));
        assert_eq!(SslMode::suggest("verifyca"), Some(SslMode::VerifyCa));
        assert_eq!(SslMode::suggest("true"), Some(SslMode::Require));
        assert_eq!(SslMode::suggest("disabel"), Some(SslMode::Disable));
        assert_eq!(SslMode::suggest("correct horse"), None);
    }
}

//! What may be known of a secret without knowing it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Facts about a secret value. The value itself never enters this type, so nothing that holds one can print it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Bytes.
    pub length: usize,
    /// An upper estimate of its unpredictability: bits per character by its own distribution, times its length.
    pub entropy_bits: u32,
    /// Whether it is a known placeholder (`changeme`), an unresolved reference (`${…}`) or a single repeated character.
    pub placeholder: bool,
    /// Equal values have equal fingerprints within one run; keyed, so that it cannot be guessed from a word list.
    pub fingerprint: String,
}

const PLACEHOLDERS: &[&str] = &[
    "admin",
    "administrator",
    "changeit",
    "changeme",
    "default",
    "demo",
    "dummy",
    "example",
    "foobar",
    "generate",
    "generateasecurerandomstring",
    "letmein",
    "mysecretpassword",
    "passw0rd",
    "password",
    "placeholder",
    "postgres",
    "qwerty",
    "replaceme",
    "root",
    "secret",
    "securepassword",
    "supersecret",
    "test",
    "todo",
    "user",
    "welcome",
];

/// Keys the fingerprints of one run.
pub struct Salt(ring::hmac::Key);

impl Salt {
    /// A fresh random key; without randomness fingerprints would be guessable, so its failure is the caller's to report.
    pub fn random() -> Option<Self> {
        let rng = ring::rand::SystemRandom::new();
        ring::hmac::Key::generate(ring::hmac::HMAC_SHA256, &rng).ok().map(Salt)
    }
}

impl Secret {
    /// Measures a secret and forgets it.
    pub fn measure(value: &[u8], salt: &Salt) -> Self {
        let tag = ring::hmac::sign(&salt.0, value);
        let fingerprint = tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Secret {
            length: value.len(),
            entropy_bits: entropy_bits(value),
            placeholder: is_placeholder(value),
            fingerprint,
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.placeholder { "placeholder, " } else { "" };
        write!(f, "*** ({kind}{} bytes, about {} bits)", self.length, self.entropy_bits)
    }
}

/// Shannon entropy of the value's own bytes, times their number, rounded down.
fn entropy_bits(value: &[u8]) -> u32 {
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for byte in value {
        *counts.entry(*byte).or_default() += 1;
    }
    let total = value.len() as f64;
    let bits: f64 = counts.values().map(|count| f64::from(*count) * (total / f64::from(*count)).log2()).sum();
    bits as u32
}

fn is_placeholder(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let text = text.trim();
    let unresolved = text.contains("${") || text.contains("{{") || (text.starts_with('<') && text.ends_with('>'));
    let lower: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    let repeated = lower.chars().next().is_some_and(|first| lower.chars().all(|c| c == first));
    let sequence = !lower.is_empty() && "01234567890123456789".contains(&lower);
    unresolved
        || repeated
        || sequence
        || PLACEHOLDERS.contains(&lower.as_str())
        || PLACEHOLDERS.contains(&stem)
        || ["changeme", "changein", "your", "insert", "replace"].iter().any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_by_their_letters() {
        for word in [
            "changeme",
            "change-me-in-production",
            "CHANGE_ME",
            "Password123",
            "postgres",
            "your-secret-here",
            "xxxxxx",
            "<secret>",
            "${SECRET}",
            "generate-a-secure-random-string",
            "123456",
            "{{ secret }}",
            "secure-password",
        ] {
            assert!(is_placeholder(word.as_bytes()), "{word}");
        }
        for word in ["", "tr0ub4dor&3x", "9f86d081884c7d659a2feaa0c55ad015", "correct horse battery"] {
            assert!(!is_placeholder(word.as_bytes()), "{word}");
        }
        assert!(!is_placeholder(&[0xff, 0xfe]));
    }

    #[test]
    fn a_secret_shows_no_byte_of_itself() {
        let salt = Salt::random().unwrap();
        let secret = Secret::measure(b"hunter2hunter2", &salt);
        assert!(!format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap()).contains("hunter"));
        assert_eq!(secret, Secret::measure(b"hunter2hunter2", &salt));
        assert_ne!(secret.fingerprint, Secret::measure(b"hunter2hunter2", &Salt::random().unwrap()).fingerprint);
    }

    #[test]
    fn entropy_grows_with_length_and_variety() {
        assert_eq!(entropy_bits(b""), 0);
        assert_eq!(entropy_bits(b"aaaaaaaa"), 0);
        assert_eq!(entropy_bits(b"ab"), 2);
        assert!(entropy_bits(b"9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015") > 128);
    }
}

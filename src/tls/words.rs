//! The words that TLS has for itself, and which name nobody's servers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::groups::GROUPS;
use super::schemes::SCHEMES;
use super::ssl2::KINDS;
use super::suites::every;

static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let suites = every().flat_map(|suite| {
        let mode = suite.mode.to_owned();
        [suite.name, suite.kex, suite.auth, suite.cipher, mode, suite.mac]
    });
    let listed = GROUPS.iter().chain(SCHEMES).map(|(_, name)| *name).chain(KINDS.iter().map(|(_, name)| *name));
    suites.chain(listed.chain(["h2", "http/1.1", "postgresql"]).map(str::to_owned)).collect()
});

/// Whether a text is the name of a suite or of a part of one, of a group, a signature scheme or a protocol of ALPN, or the
/// number of one without a name.
pub fn is_word(text: &str) -> bool {
    let number = text
        .strip_prefix("0x")
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    number || WORDS.contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_names() {
        for word in
            ["TLS_RSA_WITH_RC4_128_SHA", "ECDHE", "AES_128", "x25519", "rsa_pss_rsae_sha256", "0xC02F", "h2", "anon"]
        {
            assert!(is_word(word), "{word}");
        }
        for name in ["db1", "0xacme", "0x+12F", "app.example.org", ""] {
            assert!(!is_word(name), "{name}");
        }
    }
}

//! Closed sets of words, some of them ordered: `sslmode`, TLS versions, kinds of files.

use std::fmt;

/// A named set of words. An ordered one can be compared with `at_least` and `at_most`, weakest first.
#[derive(Debug)]
pub struct Vocabulary {
    pub name: &'static str,
    pub words: &'static [&'static str],
    pub ordered: bool,
}

impl Vocabulary {
    /// The word spelt exactly so; programs differ in what they fold, so nothing is folded here.
    pub fn word(&'static self, text: &str) -> Option<Word> {
        let rank = self.words.iter().position(|word| *word == text)?;
        Some(Word { of: self, rank })
    }
}

/// One word of a vocabulary.
#[derive(Clone, Copy)]
pub struct Word {
    of: &'static Vocabulary,
    rank: usize,
}

impl Word {
    pub fn as_str(&self) -> &'static str {
        self.of.words.get(self.rank).copied().unwrap_or_default()
    }

    /// The set that it belongs to.
    pub fn vocabulary(&self) -> &'static Vocabulary {
        self.of
    }

    pub fn rank(&self) -> usize {
        self.rank
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// libpq's `sslmode`, in the order of what each guarantees (PostgreSQL manual, "SSL Support", table of sslmodes).
pub static SSLMODE: Vocabulary = Vocabulary {
    name: "sslmode",
    words: &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    ordered: true,
};

/// Protocol versions as PostgreSQL, nginx and OpenSSL spell them.
pub static TLS_VERSION: Vocabulary = Vocabulary {
    name: "tls_version",
    words: &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
    ordered: true,
};

/// The protocols that have ports.
pub static IP_PROTOCOL: Vocabulary = Vocabulary { name: "ip_protocol", words: &["tcp", "udp"], ordered: false };

/// What a directory entry is.
pub static FILE_KIND: Vocabulary = Vocabulary {
    name: "file_kind",
    words: &["file", "directory", "symlink", "socket", "fifo", "block-device", "char-device"],
    ordered: false,
};

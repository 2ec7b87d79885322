//! Protocol versions.

use crate::value::Value;
use crate::value::types::word;
use crate::value::vocabulary::TLS_VERSION;

/// A version of SSL or TLS, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Ssl2,
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl Version {
    /// All that have a TLS record layer: every one but SSL 2.
    pub const RECORDS: [Version; 5] = [Version::Ssl3, Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];

    /// As it is written in hellos.
    pub fn wire(self) -> u16 {
        match self {
            Version::Ssl2 => 0x0002,
            Version::Ssl3 => 0x0300,
            Version::Tls10 => 0x0301,
            Version::Tls11 => 0x0302,
            Version::Tls12 => 0x0303,
            Version::Tls13 => 0x0304,
        }
    }

    pub fn from_wire(number: u16) -> Option<Self> {
        Version::RECORDS.into_iter().find(|version| version.wire() == number)
    }

    /// The word of the vocabulary that rules use.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Ssl2 => "SSLv2",
            Version::Ssl3 => "SSLv3",
            Version::Tls10 => "TLSv1",
            Version::Tls11 => "TLSv1.1",
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }
}

impl From<Version> for Value {
    fn from(version: Version) -> Self {
        word(&TLS_VERSION, version.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_a_word() {
        for version in Version::RECORDS.into_iter().chain([Version::Ssl2]) {
            assert!(matches!(Value::from(version), Value::Word(_)), "{version:?}");
        }
        assert_eq!(Version::from_wire(0x0304), Some(Version::Tls13));
        assert_eq!(Version::from_wire(0x0002), None, "no record carries it");
    }
}

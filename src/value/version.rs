//! Versions, compared component by component: 1.10 is later than 1.9.

use std::cmp::Ordering;
use std::fmt;

/// A dotted version. What follows the numbers (`+dfsg1`, ` (Debian …)`) is kept for people and not compared,
/// except that a pre-release (`-rc1`, `beta2`) comes before its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: Vec<u64>,
    prerelease: bool,
    text: Box<str>,
}

impl Version {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = Vec::new();
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            numbers.push(number.parse().ok()?);
            match tail.strip_prefix('.') {
                Some(more) if more.starts_with(|c: char| c.is_ascii_digit()) => rest = more,
                Some(_) | None => {
                    rest = tail;
                    break;
                }
            }
        }
        let prerelease = rest.starts_with(|c: char| c == '-' || c == '~' || c.is_ascii_alphabetic());
        Some(Version { numbers, prerelease, text: text.into() })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.compare(other))
    }
}

impl Version {
    fn compare(&self, other: &Self) -> Ordering {
        let length = self.numbers.len().max(other.numbers.len());
        let part = |version: &Self, i: usize| version.numbers.get(i).copied().unwrap_or(0);
        (0..length)
            .map(|i| part(self, i).cmp(&part(other, i)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| other.prerelease.cmp(&self.prerelease))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_by_component() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.10") > version("1.9"));
        assert!(version("20.10.24+dfsg1") >= version("20.10.24"));
        assert!(version("18beta1") < version("18"));
        assert!(version("1.2.0-rc1") < version("v1.2"));
        assert_eq!(version("15.18 (Debian 15.18-0)").partial_cmp(&version("15.18")), Some(Ordering::Equal));
        assert!(Version::parse("latest").is_none());
        assert!(Version::parse("1,2").is_some_and(|v| v.numbers == [1]));
        assert!(Version::parse("99999999999999999999999").is_none());
    }
}

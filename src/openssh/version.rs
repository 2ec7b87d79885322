//! Which OpenSSH a program is: its defaults depend on it.

use super::algorithms::Algorithms;

/// A portable release, and whose build it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    /// As the program says it: `9.2p1 Debian-2+deb12u7`.
    pub text: String,
}

/// The releases whose defaults are known, first and last.
pub const KNOWN: (Release, Release) = ((7, 4), (10, 5));

/// Major and minor number.
pub type Release = (u16, u16);

impl Version {
    /// Reads `9.2p1`, `9.2` or `OpenSSH_9.2p1 Debian-2`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("OpenSSH_").unwrap_or(text);
        let (major, rest) = text.split_once('.')?;
        let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(Version { major: major.parse().ok()?, minor: minor.parse().ok()?, text: text.to_owned() })
    }

    /// The release that a program names in its own bytes. `OpenSSH_6.6*` in them is the name of another program's.
    pub fn of_program(bytes: &[u8]) -> Option<Self> {
        const MARK: &[u8] = b"OpenSSH_";
        let mut rest = bytes;
        while let Some(at) = find(rest, MARK) {
            rest = rest.get(at..)?;
            let end = rest.iter().position(|byte| !(0x20..0x7f).contains(byte)).unwrap_or(rest.len()).min(100);
            let text = std::str::from_utf8(rest.get(..end)?).unwrap_or_default();
            let number = text.split(' ').next().unwrap_or_default();
            let is_release = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            let version = Version::parse(text).filter(|_| number.contains('p') && number.chars().all(is_release));
            if version.is_some() {
                return version;
            }
            rest = rest.get(MARK.len()..)?;
        }
        None
    }

    pub fn release(&self) -> Release {
        (self.major, self.minor)
    }
}

/// A program, as far as its defaults depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    pub version: Option<Version>,
    /// The lists of algorithms that stand in the program itself: distributions change them. `None` when no program was
    /// looked into.
    lists: Option<Vec<String>>,
}

impl Build {
    /// What a release is as its authors give it out.
    pub fn of_release(version: Version) -> Self {
        Build { version: Some(version), lists: None }
    }

    /// What a program's own bytes tell.
    pub fn of_program(bytes: &[u8]) -> Self {
        let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"@.,-_".contains(byte);
        let runs = bytes.split(|byte| !is_name(byte)).filter(|run| run.len() > 30 && run.contains(&b','));
        let lists = runs.filter_map(|run| std::str::from_utf8(run).ok().map(str::to_owned)).collect();
        Build { version: Version::of_program(bytes), lists: Some(lists) }
    }

    pub fn release(&self) -> Option<Release> {
        self.version.as_ref().map(Version::release)
    }

    /// Whether it is Debian's, or Ubuntu's, which takes over its changes.
    pub fn is_debians(&self) -> bool {
        self.version.as_ref().is_some_and(|version| ["Debian", "Ubuntu"].iter().any(|name| version.text.contains(name)))
    }

    /// The default list; `None` when it could not be told.
    pub fn algorithms(&self, of: Algorithms) -> Option<String> {
        let table = self.release().filter(|release| (KNOWN.0..=KNOWN.1).contains(release));
        let table = table.and_then(|release| of.default_of(release)).map(str::to_owned);
        let Some(lists) = &self.lists else { return table };
        // The linker keeps this one as the end of the list of keys.
        if of == Algorithms::CaSignatures {
            let keys = self.release().and_then(|release| Algorithms::Keys.default_of(release));
            return table.filter(|_| self.algorithms(Algorithms::Keys).as_deref() == keys);
        }
        let own: Vec<&String> = lists.iter().filter(|list| of.is_like(list)).collect();
        match own.as_slice() {
            [list] => Some((*list).clone()),
            // A server that has the client's list too.
            several => table.filter(|table| several.contains(&table)),
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_program_names_its_release() {
        let bytes = b"\x7fELF\0OpenSSH_6.6.1*\0OpenSSH_2.*,OpenSSH_3.0*\0OpenSSH_9.2p1 Debian-2+deb12u7\0x";
        let version = Version::of_program(bytes).unwrap();
        assert_eq!((version.release(), version.text.as_str()), ((9, 2), "9.2p1 Debian-2+deb12u7"));
        assert_eq!(Version::of_program(b"OpenSSH_7.0*\0"), None);
        assert_eq!(Version::parse("10.0p2").unwrap().release(), (10, 0));
        assert_eq!(Version::parse("latest"), None);
    }

    #[test]
    fn the_lists_of_a_build_are_its_own() {
        let upstream = Algorithms::ServerKex.default_of((9, 2)).unwrap();
        let mut bytes = b"\0OpenSSH_9.2p1 Debian-2\0".to_vec();
        let changed = format!("sntrup761x25519-sha512,{upstream}");
        bytes.extend(changed.as_bytes());
        bytes.extend(b"\0rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com\0");
        let build = Build::of_program(&bytes);
        assert_eq!(build.algorithms(Algorithms::ServerKex).as_deref(), Some(changed.as_str()));
        assert_eq!(build.algorithms(Algorithms::Ciphers), None);
        let release = Build::of_release(Version::parse("9.2").unwrap());
        assert_eq!(release.algorithms(Algorithms::ServerKex).as_deref(), Some(upstream));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in "(OpenSSH_|[0-9.p \0*])*") {
            Build::of_program(bytes.as_bytes());
            Version::of_program(bytes.as_bytes());
            Version::parse(&bytes);
        }
    }
}

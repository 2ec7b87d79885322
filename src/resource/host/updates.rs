//! Security updates that wait, by what dpkg(1) has installed and what apt(8) fetched last. Nothing is asked of the archive.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::format::debian::{compare, paragraphs};
use crate::target::host::{Host, Trouble};
use crate::value::Reason;

const STATUS: &str = "/var/lib/dpkg/status";
/// Bytes of the database of packages, and of one list of an archive.
const LIMIT: u64 = 256 << 20;
const RELEASE: u64 = 4 << 20;

/// The lists of an archive's security suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lists {
    /// When the archive made them, the oldest of several.
    pub(super) made: i64,
    files: Vec<PathBuf>,
}

/// Why there are none: `None` is a host without dpkg.
pub(super) type Missing = Option<Reason>;

/// The lists of the security suites of the release with this codename.
pub(super) fn lists(host: &Host, codename: Option<&str>) -> Result<Lists, Missing> {
    if let Err(Trouble::Absent) = host.resolve(Path::new(STATUS)) {
        return Err(None);
    }
    let releases = host.find("/var/lib/apt/lists/*_{InRelease,Release}").map_err(Some)?;
    if let Some(reason) = releases.more {
        return Err(Some(reason));
    }
    let (mut made, mut files) = (None::<i64>, Vec::new());
    for path in releases.paths {
        let text = read(host, &path, RELEASE).map_err(Some)?;
        let Some(release) = Release::read(&text).filter(|release| release.is_security_of(codename)) else { continue };
        let date = release.date.ok_or_else(|| Some(Reason::new(format!("{} has no date", path.display()))))?;
        made = Some(made.map_or(date, |other| other.min(date)));
        let own = packages(host, &path).map_err(Some)?;
        if own.is_empty() {
            return Err(Some(Reason::new(format!("{} is there without its list of packages", path.display()))));
        }
        files.extend(own);
    }
    match made {
        Some(made) => Ok(Lists { made, files }),
        None => {
            let reason = Reason::new("apt has no list of a security suite of this release");
            Err(Some(reason.with_grant("name the security archive in /etc/apt/sources.list and run apt-get update")))
        }
    }
}

fn read(host: &Host, path: &Path, limit: u64) -> Result<String, Reason> {
    match host.read(path, limit) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(Trouble::Absent) => Err(Reason::new(format!("{} went away", path.display()))),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

/// The lists of packages beside a release file: `…_dists_bookworm-security_main_binary-amd64_Packages`.
fn packages(host: &Host, release: &Path) -> Result<Vec<PathBuf>, Reason> {
    let path = release.display().to_string();
    let stem = path.strip_suffix("InRelease").or_else(|| path.strip_suffix("Release")).unwrap_or(&path);
    let found = host.find(&format!("{stem}*_Packages*"))?;
    if let Some(reason) = found.more {
        return Err(reason);
    }
    let compressed = found.paths.iter().find(|path| !path.to_string_lossy().ends_with("_Packages"));
    match compressed {
        Some(path) => Err(Reason::new(format!("{} is compressed, which harden does not read", path.display()))
            .with_grant("set `Acquire::GzipIndexes \"false\";` in /etc/apt/apt.conf.d and run apt-get update")),
        None => Ok(found.paths),
    }
}

/// What a release file says of its suite.
struct Release {
    suite: String,
    codename: String,
    label: String,
    date: Option<i64>,
}

impl Release {
    fn read(text: &str) -> Option<Self> {
        // The signature's own header stands before the first field.
        let wanted = ["Suite", "Codename", "Label", "Date"];
        let [suite, codename, label, date] =
            paragraphs(text, wanted).find(|fields| fields.iter().any(Option::is_some))?;
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        Some(Release {
            suite: text(suite),
            codename: text(codename),
            label: text(label),
            date: date.and_then(parse_date),
        })
    }

    /// Debian's has a label of its own; Ubuntu's is the suite `jammy-security`.
    fn is_security_of(&self, codename: Option<&str>) -> bool {
        let is_security = self.label == "Debian-Security" || self.suite.ends_with("-security");
        let own = |name: &str| self.codename.starts_with(name) || self.suite.starts_with(name);
        is_security && codename.is_none_or(own)
    }
}

/// `Sat, 21 Nov 2026 10:11:12 UTC`, as RFC 2822 but for the zone's name.
fn parse_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "UTC" | "GMT" | "+0000"] = words.as_slice() else { return None };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| name == month)? + 1;
    let day: u8 = day.parse().ok()?;
    let time = if time.len() == 7 { format!("0{time}") } else { (*time).to_owned() };
    crate::value::time::parse(&format!("{year}-{month:02}-{day:02}T{time}Z"))
}

/// The installed packages that the lists have in a later version, as `openssl 3.0.11-1 -> 3.0.13-1`.
pub(super) fn pending(host: &Host, lists: &Lists) -> Result<Vec<String>, Reason> {
    let installed = installed(&read(host, Path::new(STATUS), LIMIT)?);
    let mut newest: BTreeMap<(String, String), String> = BTreeMap::new();
    for file in &lists.files {
        let text = read(host, file, LIMIT)?;
        for fields in paragraphs(&text, ["Package", "Architecture", "Version"]) {
            let [Some(package), Some(architecture), Some(version)] = fields else { continue };
            let Some((name, own)) = installed.get_key_value(&(package.to_owned(), architecture.to_owned())) else {
                continue;
            };
            let known = newest.get(name).unwrap_or(own);
            if compare(known, version) == Ordering::Less {
                newest.insert(name.clone(), version.to_owned());
            }
        }
    }
    let told = newest.iter().map(|(name, version)| {
        let own = installed.get(name).map(String::as_str).unwrap_or_default();
        format!("{} {own} -> {version}", name.0)
    });
    Ok(told.collect())
}

/// Package and architecture to version, of what is installed whole.
fn installed(status: &str) -> BTreeMap<(String, String), String> {
    let read = |fields: [Option<&str>; 4]| {
        let [package, architecture, version, status] = fields;
        let is_installed = status?.ends_with(" installed");
        is_installed.then_some(((package?.to_owned(), architecture?.to_owned()), version?.to_owned()))
    };
    paragraphs(status, ["Package", "Architecture", "Version", "Status"]).filter_map(read).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use super::*;
    use crate::target::host::tests::host;
    use proptest::prelude::*;

    pub(in crate::resource::host) const STATUS_TEXT: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\n\n\
        Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n";
    pub(in crate::resource::host) const RELEASE_TEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\n\
        Codename: bookworm-security\nDate: Sat, 21 Nov 2026 10:11:12 UTC\n";
    const PACKAGES: &str = "Package: openssl\nArchitecture: amd64\nVersion: 3.0.13-1\n\n\
        Package: openssl\nArchitecture: amd64\nVersion: 3.0.12-1\n\nPackage: openssl\nArchitecture: i386\nVersion: 9\n\n\
        Package: bash\nArchitecture: amd64\nVersion: 5.2-1\n\nPackage: gone\nArchitecture: amd64\nVersion: 2\n";

    pub(in crate::resource::host) fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_the_security_suite_has_later_waits() {
        let (root, host) = host();
        let root = root.path();
        assert_eq!(lists(&host, Some("bookworm")), Err(None), "no dpkg");
        write(root, "var/lib/dpkg/status", STATUS_TEXT);
        assert!(lists(&host, Some("bookworm")).unwrap_err().unwrap().grant.is_some());
        let stem = "var/lib/apt/lists/deb.debian.org_debian-security_dists_bookworm-security";
        write(root, &format!("{stem}_InRelease"), RELEASE_TEXT);
        assert!(lists(&host, Some("bookworm")).unwrap_err().unwrap().text.contains("without its list"));
        write(root, &format!("{stem}_main_binary-amd64_Packages"), PACKAGES);
        let seen = lists(&host, Some("bookworm")).unwrap();
        assert_eq!(crate::value::time::show(seen.made), "2026-11-21T10:11:12Z");
        assert_eq!(pending(&host, &seen).unwrap(), ["openssl 3.0.11-1 -> 3.0.13-1"]);
        assert!(lists(&host, Some("trixie")).is_err(), "the list of another release says nothing");
        write(root, &format!("{stem}_contrib_binary-amd64_Packages.lz4"), "");
        assert!(lists(&host, None).unwrap_err().unwrap().text.contains("compressed"));
    }

    #[test]
    fn dates_of_releases() {
        assert!(parse_date("Sat, 01 Nov 2025  9:11:12 UTC").is_some());
        for bad in ["", "Sat, 21 Nov 2026 10:11:12 CET", "Sat, 41 Nov 2026 10:11:12 UTC", "a b c d e UTC"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "((Date|Suite|Package|Status): ?\\PC*\n|\n|\\PC*\n)*") {
            let _ = (Release::read(&text).map(|release| release.is_security_of(Some("a"))), installed(&text), parse_date(&text));
        }
    }
}

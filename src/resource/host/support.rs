//! Until when distributions give everybody security updates, by their vendors' own tables. As of 2026-11-01.
//!
//! Debian: the end of LTS (wiki.debian.org/LTS); Ubuntu LTS: the end of standard support, without Pro
//! (ubuntu.com/about/release-cycle), both as the package distro-info-data has them; Alpine: alpinelinux.org/releases;
//! Red Hat, Alma, Rocky and Oracle: the end of maintenance or premier support; SUSE: the end of general support, without
//! LTSS; Fedora, openSUSE Leap, CentOS Stream and Amazon Linux as their projects announce them. Compared with
//! endoflife.date's tables of August 2026.

/// Id and version as os-release(5) has them, and the last day.
const ENDS: &[(&str, &str, &str)] = &[
    ("debian", "8", "2020-06-30"),
    ("debian", "9", "2022-06-30"),
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("debian", "13", "2030-06-30"),
    ("ubuntu", "14.04", "2019-04-25"),
    ("ubuntu", "16.04", "2021-04-30"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "20.04", "2025-05-29"),
    ("ubuntu", "22.04", "2027-06-01"),
    ("ubuntu", "24.04", "2029-05-31"),
    ("ubuntu", "24.10", "2025-07-10"),
    ("ubuntu", "25.04", "2026-01-17"),
    ("ubuntu", "25.10", "2026-07-01"),
    ("ubuntu", "26.04", "2031-05-29"),
    ("alpine", "3.17", "2024-11-22"),
    ("alpine", "3.18", "2025-05-09"),
    ("alpine", "3.19", "2025-11-01"),
    ("alpine", "3.20", "2026-04-01"),
    ("alpine", "3.21", "2026-11-01"),
    ("alpine", "3.22", "2027-05-01"),
    ("alpine", "3.23", "2027-11-01"),
    ("alpine", "3.24", "2028-06-01"),
    ("rhel", "7", "2024-06-30"),
    ("rhel", "8", "2029-05-31"),
    ("rhel", "9", "2032-05-31"),
    ("rhel", "10", "2035-05-31"),
    ("centos", "7", "2024-06-30"),
    // CentOS Linux 8; Stream 8, which calls itself the same, had updates until 2024-05-31.
    ("centos", "8", "2021-12-31"),
    ("centos", "9", "2027-05-31"),
    ("centos", "10", "2030-05-31"),
    ("almalinux", "8", "2029-05-31"),
    ("almalinux", "9", "2032-05-31"),
    ("almalinux", "10", "2035-05-31"),
    ("rocky", "8", "2029-05-31"),
    ("rocky", "9", "2032-05-31"),
    ("rocky", "10", "2035-05-31"),
    ("amzn", "2018.03", "2023-12-31"),
    ("amzn", "2", "2026-06-30"),
    ("amzn", "2023", "2029-06-30"),
    ("fedora", "41", "2025-12-15"),
    ("fedora", "42", "2026-05-27"),
    ("fedora", "43", "2026-12-09"),
    ("fedora", "44", "2027-06-02"),
    ("ol", "7", "2024-12-31"),
    ("ol", "8", "2029-07-31"),
    ("ol", "9", "2032-06-30"),
    ("opensuse-leap", "15.5", "2024-12-31"),
    ("opensuse-leap", "15.6", "2026-04-30"),
    ("opensuse-leap", "16.0", "2027-10-31"),
    ("sles", "12.5", "2024-10-31"),
    ("sles", "15.5", "2024-12-31"),
    ("sles", "15.6", "2025-12-31"),
    ("sles", "15.7", "2031-07-31"),
    ("sles", "16.0", "2027-11-30"),
];
/// Distributions whose version has more parts than the table: `3.20.3`, `9.4`.
const SHORTENED: [(&str, usize); 6] =
    [("alpine", 2), ("rhel", 1), ("almalinux", 1), ("rocky", 1), ("debian", 1), ("ol", 1)];

/// The first second after support, since the epoch; `None` for what the table does not have.
pub(super) fn end(id: &str, version: &str) -> Option<i64> {
    let parts = SHORTENED.iter().find(|(known, _)| *known == id).map_or(usize::MAX, |(_, parts)| *parts);
    let version = version.split('.').take(parts).collect::<Vec<_>>().join(".");
    let (_, _, day) = ENDS.iter().find(|(known, of, _)| *known == id && *of == version)?;
    crate::value::time::parse(day).map(|start| start + 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_one() {
        for (id, version, day) in ENDS {
            assert_eq!(end(id, version), crate::value::time::parse(day).map(|start| start + 86_400), "{id} {version}");
            assert!(end(id, version).is_some());
        }
        assert_eq!(end("alpine", "3.20.3"), end("alpine", "3.20"));
        assert_eq!(end("rocky", "9.4"), end("rocky", "9"));
        assert_eq!((end("debian", "99"), end("plan9", "4")), (None, None));
    }
}

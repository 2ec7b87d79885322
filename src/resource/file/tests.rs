use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn get(subject: &Subject, field: &str) -> Observed {
    subject.fields.get(field).unwrap().clone()
}

/// Every field says something of its own, whatever was found.
fn assert_all_set(listing: &Listing) {
    for subject in &listing.subjects {
        for (field, observed) in FIELDS.iter().zip(&subject.fields.fields) {
            assert_ne!(*observed, Observed::unknown("not read"), "{} of {}", field.name, subject.name);
        }
    }
}

#[test]
fn a_file_is_described_as_it_is() {
    let (root, host) = host();
    let path = root.path().join("key");
    fs::write(&path, "12345").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4640)).unwrap();
    symlink("key", root.path().join("link")).unwrap();
    let listing = look(&host, "/link");
    assert_all_set(&listing);
    let [seen] = listing.subjects.as_slice() else { panic!() };
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(get(seen, "mode"), Value::Mode(0o4640).into());
    assert_eq!(get(seen, "kind").to_string(), "file");
    assert_eq!(get(seen, "size"), Value::Size(5).into());
    assert_eq!(get(seen, "uid"), i64::from(metadata.uid()).into());
    assert_eq!(get(seen, "modified"), Value::Time(metadata.mtime()).into());
    assert_eq!(get(seen, "is_symlink"), true.into());
    assert_eq!(get(seen, "link_target").to_string(), "key");
    assert_eq!(get(seen, "resolved_path").to_string(), "/key");
    assert_eq!(get(seen, "acl_extended"), false.into());
    assert_eq!(get(seen, "is_newest"), true.into());
    assert!(matches!(get(seen, "file_system"), Observed::Known(_)));
}

#[test]
fn what_is_missing_is_absent_and_what_leads_nowhere_is_a_link() {
    let (root, host) = host();
    symlink("none", root.path().join("dangling")).unwrap();
    assert!(matches!(look(&host, "/none").extent, Extent::Absent(_)));
    assert!(matches!(look(&host, "/none/*").extent, Extent::Absent(_)));
    assert!(matches!(look(&host, "relative").extent, Extent::Failed(_)));
    for pattern in ["/dangling", "/dang*"] {
        let listing = look(&host, pattern);
        assert_all_set(&listing);
        let [seen] = listing.subjects.as_slice() else { panic!("{pattern}") };
        assert_eq!(get(seen, "kind").to_string(), "symlink");
        assert_eq!(get(seen, "link_target").to_string(), "none");
        assert_eq!(get(seen, "mode"), Observed::Absent);
    }
    symlink("loop", root.path().join("loop")).unwrap();
    assert!(matches!(look(&host, "/loop").extent, Extent::Failed(_)));
    let listing = look(&host, "/loo*");
    assert_all_set(&listing);
    assert!(matches!(get(&listing.subjects[0], "mode"), Observed::Unknown(_)));
}

#[test]
fn the_newest_of_its_kind_is_marked() {
    let (root, host) = host();
    for (name, age) in [("a", 300), ("b", 100), ("c", 200)] {
        let file = fs::File::create(root.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    fs::create_dir(root.path().join("dir")).unwrap();
    let listing = look(&host, "/*");
    let newest: Vec<_> =
        listing.subjects.iter().filter(|one| get(one, "is_newest") == true.into()).map(|one| &*one.name).collect();
    assert_eq!(newest, ["/b", "/dir"]);
}

#[test]
fn an_unseen_match_leaves_the_newest_open() {
    let (root, host) = host();
    for (name, age) in [("a", 300), ("b", 100)] {
        let file = fs::File::create(root.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    symlink("loop", root.path().join("loop")).unwrap();
    let listing = look(&host, "/*");
    assert_all_set(&listing);
    assert_eq!(get(&listing.subjects[0], "is_newest"), false.into());
    assert!(matches!(get(&listing.subjects[1], "is_newest"), Observed::Unknown(_)));
}

#[test]
fn strange_names_are_kept_apart() {
    let (root, host) = host();
    fs::write(root.path().join("\u{1b}[2Jx"), "").unwrap();
    fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"bad\xff")), "").unwrap();
    fs::write(root.path().join("a[1]"), "").unwrap();
    let listing = look(&host, "/*");
    assert_all_set(&listing);
    assert_eq!(get(&listing.subjects[0], "path").to_string(), "\u{1b}[2Jx".replace('\u{1b}', "/\u{1b}"));
    assert!(matches!(get(&listing.subjects[2], "path"), Observed::Unknown(_)), "another file would be meant");
    assert_eq!(look(&host, "/a[1]").subjects.len(), 1, "a name that exists as written is meant");
}

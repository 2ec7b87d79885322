use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn ask(host: &Host, name: &str, ty: Type, live: bool) -> Listing {
    let listing = look(host, &sysctl::path(name), ty, live);
    for subject in &listing.subjects {
        assert!(!subject.fields.fields.contains(&Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn get(listing: &Listing, field: &str) -> String {
    let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    seen.fields.get(field).unwrap().to_string()
}

#[test]
fn the_kernel_and_the_files_are_both_told() {
    let (root, host) = host();
    let root = root.path();
    write(root, "usr/lib/systemd/systemd-sysctl", "");
    write(root, "proc/sys/kernel/sysrq", "1\n");
    write(root, "proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
    write(root, "proc/sys/net/ipv4/conf/eth0.1/rp_filter", "1\n");
    write(root, "usr/lib/sysctl.d/50-default.conf", "kernel.sysrq = 16\nnet.ipv4.conf.*.rp_filter=2\n");
    write(root, "etc/sysctl.d/99-own.conf", "kernel.sysrq = 0\n");
    write(root, "etc/sysctl.conf", "kernel.sysrq = 7\n");

    let seen = ask(&host, "kernel.sysrq", Type::Integer, true);
    for (field, expected) in
        [("value", "1"), ("declared", "0"), ("declared_at", "/etc/sysctl.d/99-own.conf:1"), ("agrees", "false")]
    {
        assert_eq!(get(&seen, field), expected, "{field}");
    }
    assert_eq!(get(&ask(&host, "net.ipv4.tcp_rmem", Type::Text, true), "value"), "4096 131072 6291456");
    let each = ask(&host, "net.ipv4.conf.*.rp_filter", Type::Integer, true);
    assert_eq!(get(&each, "name"), "net.ipv4.conf.eth0/1.rp_filter");
    assert_eq!(get(&each, "declared"), "2");
    assert!(matches!(ask(&host, "kernel.nothing", Type::Integer, true).extent, Extent::Absent(_)));
    assert!(matches!(ask(&host, "kernel/../../etc/passwd", Type::Text, true).extent, Extent::Failed(_)));

    // At rest, the files are all there is.
    let seen = ask(&host, "kernel.sysrq", Type::Integer, false);
    assert_eq!((get(&seen, "value"), get(&seen, "agrees")), ("0".to_owned(), "absent".to_owned()));
    assert_eq!(seen.subjects[0].basis, Basis::Declared);
    assert!(matches!(ask(&host, "net.ipv4.tcp_rmem", Type::Text, false).extent, Extent::Absent(_)));
    // Without systemd the old file is read, and last.
    fs::remove_file(root.join("usr/lib/systemd/systemd-sysctl")).unwrap();
    assert_eq!(get(&ask(&host, "kernel.sysrq", Type::Integer, false), "value"), "7");
}

#[test]
fn masked_and_unreadable_files() {
    let (root, host) = host();
    let root = root.path();
    write(root, "usr/lib/systemd/systemd-sysctl", "");
    write(root, "usr/lib/sysctl.d/50-a.conf", "kernel.sysrq = 16\n");
    write(root, "dev/null", "");
    fs::create_dir_all(root.join("etc/sysctl.d")).unwrap();
    symlink("/dev/null", root.join("etc/sysctl.d/50-a.conf")).unwrap();
    assert!(matches!(ask(&host, "kernel.sysrq", Type::Integer, false).extent, Extent::Absent(_)));
    fs::create_dir_all(root.join("etc/sysctl.d/60-b.conf")).unwrap();
    assert!(matches!(ask(&host, "kernel.sysrq", Type::Integer, false).extent, Extent::Failed(_)));
    write(root, "proc/sys/kernel/sysrq", "1\n");
    let seen = ask(&host, "kernel.sysrq", Type::Integer, true);
    assert_eq!(get(&seen, "value"), "1");
    assert!(get(&seen, "declared").starts_with("unknown") && get(&seen, "agrees").starts_with("unknown"));
    let (_root, empty) = self::host();
    assert!(matches!(ask(&empty, "kernel.sysrq", Type::Integer, true).extent, Extent::Failed(_)));
}

#[test]
fn what_is_a_secret_stays_one() {
    let (root, host) = host();
    write(root.path(), "proc/sys/kernel/sysrq", "1\n");
    write(root.path(), "proc/sys/net/ipv4/tcp_fastopen_key", "0123-4567-89ab-cdef\n");
    let seen = ask(&host, "net.ipv4.tcp_fastopen_key", Type::Text, true);
    assert!(get(&seen, "value").starts_with("unknown"), "{seen:?}");
}

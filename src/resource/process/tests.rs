use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;
use proptest::prelude::*;

fn status(name: &str, more: &str) -> String {
    format!(
        "Name:\t{name}\nUmask:\t0027\nUid:\t0\t33\t33\t33\nGid:\t33\t33\t33\t33\nGroups:\t4\n{more}\
         CapEff:\t0000000000000400\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
    )
}

fn get(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

#[test]
fn a_process_is_told_with_its_rights() {
    let (root, host) = host();
    let at = |path: &str| root.path().join("proc").join(path);
    fs::create_dir_all(at("12/ns")).unwrap();
    fs::create_dir_all(at("1/ns")).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/passwd"), "www-data:x:33:33::/:\n").unwrap();
    fs::write(root.path().join("etc/group"), "adm:x:4:\nwww-data:x:33:\n").unwrap();
    fs::write(at("1/status"), status("kthreadd", "")).unwrap();
    fs::write(at("12/status"), status("nginx", "VmSize:\t1 kB\n")).unwrap();
    fs::write(at("12/cmdline"), b"nginx\0--token=hunter2\0").unwrap();
    fs::write(at("12/cgroup"), "0::/system.slice/nginx.service\n").unwrap();
    fs::write(
        at("12/maps"),
        "7f0-7f1 r-xp 0 08:01 1   /usr/lib/libssl.so.3 (deleted)\n7f0-7f1 rw-s 0 0 2   /dev/shm/x.so (deleted)\n\
         7f0-7f1 r-xp 0 08:01 1   /usr/lib/libc.so.6\n7f0 rw-p 0 0 0\n",
    )
    .unwrap();
    symlink("/usr/sbin/nginx (deleted)", at("12/exe")).unwrap();
    symlink("user:[1]", at("12/ns/user")).unwrap();
    symlink("user:[1]", at("1/ns/user")).unwrap();
    symlink("1", at("self")).unwrap();

    let listing = look(&host, "");
    assert_eq!(listing.extent, Extent::Complete);
    let [nginx] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    for (field, expected) in [
        ("name", "nginx"),
        ("user", "www-data"),
        ("group", "www-data"),
        ("groups", "adm"),
        ("effective_capabilities", "NET_BIND_SERVICE"),
        ("bounding_capabilities", "none"),
        ("own_user_namespace", "true"),
        ("no_new_privileges", "true"),
        ("seccomp", "filter"),
        ("umask", "0027"),
        ("executable", "/usr/sbin/nginx"),
        ("executable_deleted", "true"),
        ("replaced_libraries", "/usr/lib/libssl.so.3"),
        ("arguments", "nginx, --token=***"),
        ("secret_in_arguments", "true"),
        ("unit", "nginx.service"),
        ("container", "absent"),
        ("own", "false"),
    ] {
        assert_eq!(get(nginx, field), expected, "{field}");
    }
    assert!(!nginx.fields.fields.contains(&Observed::unknown("not read")));
    assert!(matches!(look(&host, "redis*").extent, Extent::Absent(_)));
    assert_eq!(look(&host, "ngin?").subjects.len(), 1);
}

#[test]
fn hidden_processes_leave_the_list_open() {
    let (root, host) = host();
    assert!(matches!(look(&host, "").extent, Extent::Failed(_)), "no /proc is not no process");
    fs::create_dir_all(root.path().join("proc/40")).unwrap();
    fs::write(root.path().join("proc/40/status"), status("app", "VmSize:\t1 kB\n")).unwrap();
    let listing = look(&host, "app");
    assert!(matches!(&listing.extent, Extent::Partial(reason) if reason.text.contains("hides")), "{listing:?}");
    assert_eq!(get(&listing.subjects[0], "executable"), "unknown (the process has ended)");
    assert!(matches!(look(&host, "other").extent, Extent::Failed(_)), "it may be among the hidden ones");
    let door = Door::Host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(matches!(runtime.block_on(observe(&door, &With::new())).extent, Extent::Absent(_)));
}

#[test]
fn long_names_are_matched_by_the_programs_own_word() {
    let arguments = ["/usr/lib/systemd/systemd-networkd".to_owned()];
    assert!(is_called("systemd-network", &arguments, &Glob::new("systemd-networkd")));
    assert!(!is_called("systemd-network", &arguments, &Glob::new("systemd-resolved")));
    assert!(!is_called("nginx", &["/evil/redis-server".to_owned()], &Glob::new("redis-server")));
}

proptest! {
    #[test]
    fn any_maps_are_read(text in "([0-9a-f -]*/?[a-z./]*( \\(deleted\\))?\n|\\PC*\n)*") {
        let _ = replaced(&text);
    }
}

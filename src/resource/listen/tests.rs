use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

fn line(address: &str, port: u16, uid: u32, inode: u64) -> String {
    format!("   0: {address}:{port:04X} 00000000:0000 0A 0:0 0:0 0 {uid} 0 {inode} 1 0\n")
}

fn process(root: &Path, pid: u32, name: &str, namespace: &str, sockets: &[u64]) {
    let folder = root.join(format!("proc/{pid}"));
    fs::create_dir_all(folder.join("fd")).unwrap();
    fs::create_dir_all(folder.join("ns")).unwrap();
    let status = format!("Name:\t{name}\nVmSize:\t1 kB\nUid:\t0\t7\t7\t7\nGid:\t0\t0\t0\t0\nCapEff:\t0\nCapBnd:\t0\n");
    fs::write(folder.join("status"), status).unwrap();
    fs::write(folder.join("cgroup"), format!("0::/system.slice/{name}.service\n")).unwrap();
    symlink(namespace, folder.join("ns/net")).unwrap();
    for (i, inode) in sockets.iter().enumerate() {
        symlink(format!("socket:[{inode}]"), folder.join(format!("fd/{i}"))).unwrap();
    }
}

fn table(root: &Path, folder: &str, name: &str, lines: &[String]) {
    fs::create_dir_all(root.join(folder)).unwrap();
    fs::write(root.join(folder).join(name), format!("{HEAD}{}", lines.concat())).unwrap();
}

fn get(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

#[cfg(target_endian = "little")]
#[test]
fn sockets_are_told_with_who_holds_them() {
    let (root, host) = host();
    let root = root.path();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:\nwww:x:7:7::/:\n").unwrap();
    fs::create_dir_all(root.join("proc/sys/net/ipv4")).unwrap();
    fs::write(root.join("proc/sys/net/ipv4/ip_local_port_range"), "32768\t60999\n").unwrap();
    // What /proc/self leads to is harden itself.
    process(root, 1, "init", "net:[1]", &[]);
    process(root, 12, "nginx", "net:[1]", &[100, 101]);
    process(root, 20, "redis", "net:[2]", &[200]);
    symlink("1", root.join("proc/self")).unwrap();
    let lines = [line("00000000", 80, 0, 100), line("00000000", 80, 0, 101), line("0100007F", 40_000, 7, 900)];
    table(root, "proc/1/net", "tcp", &lines);
    table(root, "proc/1/net", "tcp6", &[line("00000000000000000000000000000000", 80, 0, 101)]);
    table(root, "proc/20/net", "tcp", &[line("00000000", 6379, 0, 200)]);

    let own = look(&host, false);
    assert_eq!(own.extent, Extent::Complete);
    let names: Vec<&str> = own.subjects.iter().map(|subject| &*subject.name).collect();
    assert_eq!(names, ["tcp 0.0.0.0:80", "tcp [::]:80", "tcp 127.0.0.1:40000"]);
    let [web, six, orphan] = own.subjects.as_slice() else { panic!("{own:?}") };
    for (field, expected) in [
        ("reach", "every-address"),
        ("processes", "nginx"),
        ("pids", "12"),
        ("users", "www"),
        ("user", "root"),
        ("units", "nginx.service"),
        ("containers", "none"),
        ("forwards_to", "absent"),
        ("ephemeral", "false"),
        ("ipv4", "true"),
        ("namespace", "own"),
    ] {
        assert_eq!(get(web, field), expected, "{field}");
    }
    assert!(get(six, "ipv4").contains("IPV6_V6ONLY"));
    assert_eq!((get(orphan, "ephemeral"), get(orphan, "user")), ("true".to_owned(), "www".to_owned()));
    assert!(get(orphan, "processes").contains("no process in sight"), "{}", get(orphan, "processes"));

    let all = look(&host, true);
    assert_eq!(all.extent, Extent::Complete);
    let last = all.subjects.last().unwrap();
    assert_eq!(&*last.name, "tcp 0.0.0.0:6379 of pid 20 (redis)");
    assert_eq!((get(last, "own_namespace"), get(last, "processes")), ("false".to_owned(), "redis".to_owned()));
    let unread = Observed::unknown("not read");
    assert!(all.subjects.iter().all(|subject| !subject.fields.fields.contains(&unread)));
}

#[test]
fn what_is_not_there_is_not_nothing() {
    let (root, host) = host();
    assert!(matches!(look(&host, false).extent, Extent::Failed(reason) if reason.text.contains("not mounted")));
    table(root.path(), "proc/self/net", "tcp", &["nonsense\n".to_owned()]);
    assert!(matches!(look(&host, false).extent, Extent::Failed(reason) if reason.text.contains("cannot parse")));
    table(root.path(), "proc/self/net", "tcp", &[line("00000000", 80, 0, 100)]);
    let listing = look(&host, false);
    assert_eq!(listing.extent, Extent::Complete);
    assert!(get(&listing.subjects[0], "processes").starts_with("unknown"), "no process can be seen");
    let door = Door::Host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(matches!(runtime.block_on(observe(&door, &With::new())).extent, Extent::Absent(_)));
}

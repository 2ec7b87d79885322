//! Kernel parameters, accounts and updates of a host, against the system's own programs: `systemd-sysctl` and `sysctl` in a
//! network namespace of their own, `getent`, `dpkg`. Needs root, systemd, procps and util-linux.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use harden::facts::{Extent, Listing, Subject};
use harden::format::debian::compare;
use harden::resource::{self, With};
use harden::target::Door;
use harden::target::host::Host;
use harden::value::secret::Salt;
use serde_json::json;

use crate::support::harden::harden;
use crate::support::host::{NOBODY, Root};
use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        files_set_what_systemd_sets,
        parameters_are_those_of_sysctl,
        accounts_are_those_of_getent,
        passwords_are_closed_to_an_ordinary_user,
        versions_are_in_the_order_of_dpkg,
        this_host_is_told,
    ]
}

fn ask(root: &Path, resource: &str, with: &[(&str, &str)]) -> Listing {
    let door = Door::Host(Host::open(root, Arc::new(Salt::random().unwrap())).unwrap());
    let with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on((resource::find(resource).unwrap().observe)(&door, &with))
}

fn get(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

/// What systemd-sysctl makes of files, in a network namespace where it can do no harm, is what harden reads in them.
fn files_set_what_systemd_sets() {
    let root = Root::new();
    root.file("/usr/lib/systemd/systemd-sysctl", "", 0o755);
    root.file(
        "/usr/lib/sysctl.d/50-vendor.conf",
        "net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.lo.send_redirects=0\nnet/ipv4/tcp_sack = 0\n",
        0o644,
    );
    root.file("/usr/lib/sysctl.d/60-masked.conf", "net.ipv4.tcp_syncookies = 2\n", 0o644);
    root.link("/etc/sysctl.d/60-masked.conf", "/dev/null");
    root.file(
        "/etc/sysctl.d/10-own.conf",
        "; a comment\nnet.ipv4.conf.default.rp_filter=1\nnet.ipv4.tcp_rmem = 4096   87380\t4194304\nnonsense\nnet.ipv4.tcp_sack=1\n",
        0o644,
    );
    root.file(
        "/etc/sysctl.d/70-late.conf",
        "-net.ipv4.conf.l*.rp_filter=1\nnet.ipv4.conf.lo.send_redirects=1\n",
        0o644,
    );
    root.file("/etc/sysctl.d/ignored.txt", "net.ipv4.tcp_sack=1\n", 0o644);
    root.folder("/empty", 0o755);
    let at = |path: &str| root.at(path).display().to_string();
    let names = [
        "net.ipv4.conf.lo.rp_filter",
        "net.ipv4.conf.default.rp_filter",
        "net.ipv4.conf.lo.send_redirects",
        "net.ipv4.tcp_sack",
        "net.ipv4.tcp_rmem",
    ];
    let program = ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"];
    let program = program.into_iter().find(|path| Path::new(path).exists()).expect("systemd is installed");
    let mut script = String::from("set -e\nip link set lo up\n");
    for folder in ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"] {
        let own = if ["/etc/sysctl.d", "/usr/lib/sysctl.d"].contains(&folder) { at(folder) } else { at("/empty") };
        let own = if folder == "/lib/sysctl.d" { at("/usr/lib/sysctl.d") } else { own };
        script += &format!("if [ -d {folder} ]; then mount --bind {own} {folder}; fi\n");
    }
    script += &format!("{program} || true\nfor name in {}; do sysctl -n $name | tr '\\t' ' '; done\n", names.join(" "));
    let mut command = Command::new(tools::find("unshare"));
    let set = tools::run(command.args(["--mount", "--net", "--"]).arg(tools::find("sh")).args(["-c", &script]));
    let seen = |name: &&str| {
        let listing = ask(root.dir(), "sysctl", &[("name", name), ("as", "text")]);
        let [subject] = listing.subjects.as_slice() else { panic!("{name}: {listing:?}") };
        get(subject, "value")
    };
    let seen: Vec<String> = names.iter().map(seen).collect();
    assert_eq!(seen, set.lines().map(str::to_owned).collect::<Vec<_>>());
    let masked = ask(root.dir(), "sysctl", &[("name", "net.ipv4.tcp_syncookies")]);
    assert!(matches!(masked.extent, Extent::Absent(_)), "{masked:?}");
}

fn parameters_are_those_of_sysctl() {
    for name in ["kernel.randomize_va_space", "net.ipv4.ip_forward", "fs.protected_symlinks", "net.ipv4.tcp_rmem"] {
        let listing = ask(Path::new("/"), "sysctl", &[("name", name), ("as", "text")]);
        let [subject] = listing.subjects.as_slice() else { panic!("{listing:?}") };
        let sysctl = tools::run(Command::new(tools::find("sysctl")).args(["-n", name]));
        assert_eq!(get(subject, "value"), sysctl.replace('\t', " "), "{name}");
    }
    let each = ask(Path::new("/"), "sysctl", &[("name", "net.ipv4.conf.*.rp_filter")]);
    let sysctl =
        tools::run(Command::new(tools::find("sysctl")).args(["-a", "-N", "-r", r"net\.ipv4\.conf\..*\.rp_filter$"]));
    let names: BTreeSet<String> = each.subjects.iter().map(|one| get(one, "name")).collect();
    assert_eq!(names, sysctl.lines().map(str::to_owned).collect());
    let absent = ask(Path::new("/"), "sysctl", &[("name", "kernel.no_such_parameter")]);
    assert!(matches!(absent.extent, Extent::Absent(_)), "{absent:?}");
    // Only root may read this one.
    let folder = session().instance("sysctl");
    let rule = "id: own-pid\ntitle: x\nseverity: low\nphase: pre\nwhy: x\nfix: x\nrefs: { cwe: \"1\" }\ncheck:\n  \
                resource: sysctl\n  with: { name: kernel.cad_pid, as: integer }\n  absent: not-applicable\n  expect: { value: 1 }\n";
    tools::write_file(&folder.join("own-pid.yaml"), rule, 0o644);
    let arguments = ["collect", "--rule", "own-pid", "--rules"].map(std::ffi::OsString::from);
    let facts = harden(arguments.into_iter().chain([folder.into()])).user(NOBODY).run().expect_code(0).json();
    assert!(facts.to_string().contains("permission denied"), "{facts}");
}

fn accounts_are_those_of_getent() {
    let users = ask(Path::new("/"), "user", &[]);
    let line = |one: &Subject| {
        let shell = get(one, "shell");
        let shell = if shell == "absent" { String::new() } else { shell };
        format!("{}:{}:{}:{}:{shell}", one.name, get(one, "uid"), get(one, "gid"), get(one, "home"))
    };
    let seen: BTreeSet<String> = users.subjects.iter().map(line).collect();
    let getent = tools::run(Command::new(tools::find("getent")).arg("passwd"));
    let of_getent = |line: &str| {
        let f: Vec<&str> = line.split(':').collect();
        format!("{}:{}:{}:{}:{}", f[0], f[2], f[3], f[5], f[6])
    };
    assert_eq!(seen, getent.lines().map(of_getent).collect());
    let groups = ask(Path::new("/"), "group", &[]);
    let seen: BTreeSet<String> =
        groups.subjects.iter().map(|one| format!("{}:{}", one.name, get(one, "gid"))).collect();
    let getent = tools::run(Command::new(tools::find("getent")).arg("group"));
    let of_getent = |line: &str| {
        let f: Vec<&str> = line.split(':').collect();
        format!("{}:{}", f[0], f[2])
    };
    assert_eq!(seen, getent.lines().map(of_getent).collect());
}

fn passwords_are_closed_to_an_ordinary_user() {
    let arguments = ["collect", "--rule", "account-password-required"];
    let facts = harden(arguments).user(NOBODY).run().expect_code(0).json();
    let subjects = facts["queries"][0]["subjects"].as_array().unwrap();
    let root = subjects.iter().find(|one| one["name"] == "root").unwrap();
    assert!(root["fields"]["password"].to_string().contains("permission denied"), "{root}");
    assert_eq!(root["fields"]["uid"], 0);
}

/// Versions as they are, and as they could be, both ways round.
fn versions_are_in_the_order_of_dpkg() {
    let parts = [
        "1.0",
        "1.0~rc1",
        "1:0.9",
        "1.0-1",
        "1.0-1+deb12u1",
        "1.0-1~bpo",
        "1.0a",
        "1.0+b",
        "1.00",
        "2",
        "1.0-1.1",
        "1.10",
    ];
    let dpkg = |a: &str, relation: &str, b: &str| {
        let mut command = Command::new(tools::find("dpkg"));
        tools::try_run(command.args(["--compare-versions", a, relation, b])).is_ok()
    };
    for a in parts {
        for b in parts {
            let order = compare(a, b);
            assert_eq!(order.is_lt(), dpkg(a, "lt", b), "{a} {b}");
            assert_eq!(order.is_eq(), dpkg(a, "eq", b), "{a} {b}");
        }
    }
}

fn this_host_is_told() {
    let listing = ask(Path::new("/"), "host", &[]);
    let [host] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    let uname = tools::run(Command::new(tools::find("uname")).arg("-r"));
    assert_eq!(get(host, "kernel"), uname);
    let lines = std::fs::read_to_string("/etc/os-release").unwrap();
    let id = lines.lines().find_map(|line| line.strip_prefix("ID=")).unwrap();
    assert_eq!(get(host, "os_id"), id.trim_matches('"'));
    let boot = tools::run(Command::new(tools::find("uptime")).arg("-s"));
    // To the minute: `uptime` computes it from two clocks.
    assert_eq!(get(host, "boot_time").get(..16), Some(boot.replace(' ', "T").as_str()).and_then(|text| text.get(..16)));
}

//! What a running host exposes, against the system's own tools: sockets as `ss` lists them and processes as `ps` does, with
//! rights that `setpriv` took and files that are gone. Needs root, iproute2, procps and util-linux.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use harden::facts::{Extent, Listing, Subject};
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
        sockets_are_those_of_ss,
        sockets_of_other_namespaces_are_seen_when_asked_for,
        processes_have_the_rights_that_they_were_left,
        files_that_are_gone_are_told,
        an_ordinary_user_sees_sockets_and_not_who_holds_them,
        nothing_runs_in_a_root_directory,
    ]
}

fn ask(root: &Path, resource: &str, with: &[(&str, &str)]) -> Listing {
    let door = Door::Host(Host::open(root, Arc::new(Salt::random().unwrap())).unwrap());
    let with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on((resource::find(resource).unwrap().observe)(&door, &with))
}

fn live(resource: &str, with: &[(&str, &str)]) -> Listing {
    ask(Path::new("/"), resource, with)
}

fn get(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

/// Longer than any program takes to start.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether the process is among those that hold the socket. The list is open where some process hides from root too.
fn holds(pid: u32, socket: &Subject) -> bool {
    get(socket, "pids").split(", ").any(|one| one == pid.to_string())
}

/// A program that is ended with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The one process with this number, once it runs its program.
fn process(pid: u32, name: &str) -> Subject {
    let found = || {
        let listing = live("process", &[("name", name)]);
        listing.subjects.into_iter().find(|one| get(one, "pid") == pid.to_string())
    };
    tools::wait_until(&format!("a process {name}"), LIMIT, || found().is_some(), String::new);
    found().unwrap()
}

/// `tcp 127.0.0.1:80` of each line of `ss -Htuln`.
fn of_ss(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = words[4].rsplit_once(':').unwrap();
        let address = address.split('%').next().unwrap();
        let address = if address == "*" { "[::]" } else { address };
        format!("{} {address}:{port}", words[0])
    };
    text.lines().map(line).collect()
}

fn sockets_are_those_of_ss() {
    let tcp = ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"].map(|at| TcpListener::bind(at).unwrap());
    let udp = ["127.0.0.1:0", "[::]:0"].map(|at| UdpSocket::bind(at).unwrap());
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect("127.0.0.1:9").unwrap();
    let mine: BTreeSet<String> = tcp.iter().map(|one| format!("tcp {}", one.local_addr().unwrap())).collect();
    let mine = &mine | &udp.iter().map(|one| format!("udp {}", one.local_addr().unwrap())).collect();

    let listing = live("listen", &[]);
    assert_eq!(listing.extent, Extent::Complete);
    let seen: BTreeSet<String> = listing.subjects.iter().map(|one| one.name.to_string()).collect();
    assert!(mine.is_subset(&seen), "{mine:?} {seen:?}");
    assert!(!seen.contains(&format!("udp {}", connected.local_addr().unwrap())), "it takes from its peer only");
    let ss = of_ss(&tools::run(Command::new(tools::find("ss")).arg("-Htuln")));
    let of_ss: BTreeSet<String> = ss.iter().filter(|name| mine.contains(*name)).cloned().collect();
    assert_eq!(of_ss, mine, "{ss:?}");

    let own = std::process::id();
    for subject in listing.subjects.iter().filter(|one| mine.contains(&*one.name)) {
        assert!(holds(own, subject), "{subject:?}");
        let expected = match subject.name.rsplit_once(':').unwrap().0.split_once(' ').unwrap().1 {
            "127.0.0.1" | "127.0.0.2" | "[::1]" => "loopback",
            "0.0.0.0" | "[::]" => "every-address",
            other => panic!("{other}"),
        };
        assert_eq!(get(subject, "reach"), expected);
        assert_eq!(get(subject, "ephemeral"), "true", "the kernel chose the port");
        assert_eq!(get(subject, "user"), "root");
    }
}

fn sockets_of_other_namespaces_are_seen_when_asked_for() {
    let (unshare, busybox) = (tools::find("unshare"), tools::find("busybox"));
    let mut command = Command::new(unshare);
    command.args(["--net", "--"]).arg(busybox).args(["nc", "-l", "-p", "7777"]);
    let server = Running::start(&mut command);
    let name = format!("tcp [::]:7777 of pid {} (nc)", server.pid());
    let seen = || {
        let listing = live("listen", &[("namespaces", "all")]);
        // Busybox may have only IPv4, and calls itself by its own name.
        listing.subjects.into_iter().find(|one| holds(server.pid(), one))
    };
    tools::wait_until(&name, LIMIT, || seen().is_some(), String::new);
    let subject = seen().unwrap();
    assert_eq!((get(&subject, "port"), get(&subject, "own_namespace")), ("7777".to_owned(), "false".to_owned()));
    assert!(get(&subject, "namespace").starts_with(&format!("pid {} (", server.pid())), "{subject:?}");
    let own = live("listen", &[]);
    assert!(!own.subjects.iter().any(|one| holds(server.pid(), one)), "{own:?}");
}

fn processes_have_the_rights_that_they_were_left() {
    let mut command = Command::new(tools::find("setpriv"));
    let nobody = NOBODY.to_string();
    command.args([&format!("--reuid={nobody}"), &format!("--regid={nobody}"), "--clear-groups", "--no-new-privs"]);
    command.args(["--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--bounding-set=-all,+net_raw,+setpcap"]);
    let limited = Running::start(command.arg("--").arg(tools::find("sleep")).arg("60"));
    let seen = process(limited.pid(), "sleep");
    for (field, expected) in [
        ("uid", nobody.as_str()),
        ("groups", "none"),
        ("effective_capabilities", "NET_RAW"),
        ("ambient_capabilities", "NET_RAW"),
        ("bounding_capabilities", "SETPCAP, NET_RAW"),
        ("no_new_privileges", "true"),
        ("own_user_namespace", "true"),
        ("executable_deleted", "false"),
        ("replaced_libraries", "none"),
        ("secret_in_arguments", "false"),
    ] {
        assert_eq!(get(&seen, field), expected, "{field}");
    }
    let ps = tools::run(Command::new(tools::find("ps")).args([
        "-o",
        "euser=,egroup=,args=",
        "-p",
        &limited.pid().to_string(),
    ]));
    let words: Vec<&str> = ps.split_whitespace().collect();
    assert_eq!(get(&seen, "user"), words[0]);
    assert_eq!(get(&seen, "group"), words[1]);
    assert_eq!(get(&seen, "arguments").replace(", ", " "), words[2..].join(" "));
    let full = Running::start(Command::new(tools::find("sleep")).arg("61"));
    let seen = process(full.pid(), "sleep");
    assert_eq!((get(&seen, "no_new_privileges"), get(&seen, "own")), ("false".to_owned(), "false".to_owned()));
    assert!(get(&seen, "effective_capabilities").contains("SYS_ADMIN"), "{seen:?}");
}

fn files_that_are_gone_are_told() {
    let folder = session().instance("gone");
    let copy = folder.join("gone-server");
    fs::copy(tools::find("sleep"), &copy).unwrap();
    let mut command = Command::new(&copy);
    let gone = Running::start(command.arg("62").env("APP_TOKEN", "harden-environment"));
    assert_eq!(get(&process(gone.pid(), "gone-server"), "executable_deleted"), "false");
    fs::remove_file(&copy).unwrap();
    let seen = process(gone.pid(), "gone-server");
    assert_eq!(
        (get(&seen, "executable_deleted"), get(&seen, "executable")),
        ("true".to_owned(), copy.display().to_string())
    );
    assert!(!format!("{seen:?}").contains("harden-environment"), "{seen:?}");

    let shell = tools::find("sh");
    let mut command = Command::new(shell);
    let told = Running::start(command.args(["-c", "sleep 63; true", "app", "--db-password", "hunter2"]));
    let seen = process(told.pid(), "sh");
    assert_eq!(get(&seen, "secret_in_arguments"), "true");
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
    let run = harden(["check", "--rule", "process-*", "--format", "json"]).run();
    assert!(!run.stdout.contains("hunter2"), "{run:?}");
    let failed = |rule: &str, pid: u32| {
        let report = run.json();
        let findings = report["findings"].as_array().unwrap().clone();
        let subject = format!("(pid {pid})");
        findings
            .iter()
            .any(|f| f["rule"] == rule && f["status"] == "fail" && f["subject"].as_str().unwrap().ends_with(&subject))
    };
    assert!(failed("process-executable-current", gone.pid()), "{run:?}");
    assert!(failed("process-arguments-secrets", told.pid()), "{run:?}");
    assert!(!failed("process-executable-current", told.pid()), "{run:?}");
}

fn an_ordinary_user_sees_sockets_and_not_who_holds_them() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let place = format!("tcp {}", listener.local_addr().unwrap());
    let arguments = ["collect", "--rule", "listen-public-ports"];
    let facts = harden(arguments).user(NOBODY).run().expect_code(0).json();
    let query = &facts["queries"][0];
    assert!(query.get("partial").is_none() && query.get("failed").is_none(), "{query}");
    let subjects = query["subjects"].as_array().unwrap();
    let subject = subjects.iter().find(|one| one["name"] == place.as_str()).unwrap_or_else(|| panic!("{query}"));
    assert_eq!(subject["fields"]["reach"], "every-address");
    assert!(subject["fields"]["processes"].to_string().contains("permission denied"), "{subject}");
    let run = harden(["check", "--rule", "listen-public-ports", "--format", "json"]).user(NOBODY).run();
    let report = run.expect_code(1).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["subject"] == place.as_str() && f["status"] == "fail"), "{findings:?}");
}

fn nothing_runs_in_a_root_directory() {
    let root = Root::new();
    for resource in ["listen", "process"] {
        assert!(matches!(ask(root.dir(), resource, &[]).extent, Extent::Absent(_)), "{resource}");
    }
}

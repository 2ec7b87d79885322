//! What this machine itself shows of a container: the first process in /proc, and where its mounts' sources lead.
//!
//! The daemon knows how a container was configured; only the process tells whether its entrypoint gave up root, and what
//! it can still do. A process number means something only in the daemon's PID namespace, so it is believed only when the
//! process's control group carries the container's id.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value as Json;

use crate::value::Reason;

/// Runtimes that start the container's program as an ordinary process of this kernel. Others put a sandbox or a virtual
/// machine there, whose user is not the program's.
const PLAIN_RUNTIMES: [&str; 8] =
    ["", "runc", "crun", "youki", "oci", "nvidia", "io.containerd.runc.v2", "io.containerd.runc.v1"];

/// What /proc says of a container's first process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Effective user id as the host numbers users.
    pub uid: u32,
    /// The same user as the container numbers it; `None` when its user namespace has no number for it.
    pub uid_inside: Option<u32>,
    /// Whether it lives in a user namespace other than harden's own.
    pub remapped: bool,
    /// Bits of capabilities(7).
    pub effective: u64,
    pub bounding: u64,
    pub no_new_privileges: Option<bool>,
    /// `Seccomp` of proc_pid_status(5): 0 none, 1 strict, 2 filter.
    pub seccomp: Option<u8>,
}

/// What this machine shows of a container.
#[derive(Debug, Clone)]
pub struct HostView {
    /// `None` when it does not run.
    pub process: Result<Option<Process>, Reason>,
    /// The daemon says that it runs, but the process that it names is not there: it may just have ended.
    pub may_have_ended: bool,
    /// Sources of mounts that lead elsewhere through symbolic links, and where.
    pub links: BTreeMap<String, String>,
}

impl Default for HostView {
    fn default() -> Self {
        HostView::unseen(Reason::new("its process was not looked at"))
    }
}

/// Why a process was not seen.
#[derive(Debug)]
struct Unseen {
    reason: Reason,
    may_have_ended: bool,
}

impl From<Reason> for Unseen {
    fn from(reason: Reason) -> Self {
        Unseen { reason, may_have_ended: false }
    }
}

impl HostView {
    fn unseen(reason: Reason) -> Self {
        HostView { process: Err(reason), may_have_ended: false, links: BTreeMap::new() }
    }

    pub(super) fn remote() -> Self {
        let reason = Reason::new("the daemon is reached over the network, so its processes cannot be seen")
            .with_grant("run harden on the daemon's machine, through its unix socket");
        HostView::unseen(reason)
    }

    /// Reads /proc and the links; blocks.
    pub(super) fn read(id: &str, inspected: &Json) -> Self {
        let process = process(Path::new("/proc"), id, inspected);
        HostView {
            may_have_ended: process.as_ref().is_err_and(|unseen| unseen.may_have_ended),
            process: process.map_err(|unseen| unseen.reason),
            links: links(inspected),
        }
    }
}

fn links(inspected: &Json) -> BTreeMap<String, String> {
    let mounts = inspected.get("Mounts").and_then(Json::as_array).into_iter().flatten();
    let sources = mounts.filter_map(|mount| mount.get("Source")?.as_str()).filter(|source| source.starts_with('/'));
    let resolved = sources.filter_map(|source| {
        let target = fs::canonicalize(source).ok()?.to_str()?.to_owned();
        (target != source).then(|| (source.to_owned(), target))
    });
    resolved.collect()
}

fn process(proc: &Path, id: &str, inspected: &Json) -> Result<Option<Process>, Unseen> {
    let state = |key: &str| inspected.get("State").and_then(|state| state.get(key));
    match state("Running").and_then(Json::as_bool) {
        Some(true) => {}
        Some(false) => return Ok(None),
        None => return Err(Reason::new("the daemon does not say whether it runs").into()),
    }
    let runtime = inspected.get("HostConfig").and_then(|config| config.get("Runtime")).and_then(Json::as_str);
    let runtime = runtime.unwrap_or_default();
    if !PLAIN_RUNTIMES.contains(&runtime) {
        return Err(Reason::new(format!("the runtime {runtime} may hide its processes from the host")).into());
    }
    let pid = state("Pid").and_then(Json::as_u64).filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| Reason::new("the daemon names no process for it"))?;
    let folder = proc.join(pid.to_string());
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| unreadable(pid, name, &error));
    let status = read("status")?;
    let uid_map = read("uid_map")?;
    // Read last: had the number been given to another process meanwhile, this would be that one's.
    let groups = read("cgroup")?;
    if id.is_empty() || !groups.contains(id) {
        let reason = Reason::new(format!("process {pid} here is not the container's: its control group is another's"));
        return Err(Unseen { reason, may_have_ended: true });
    }
    let own_map = fs::read_to_string(proc.join("self/uid_map")).map_err(|error| unreadable(pid, "uid_map", &error))?;
    let process = parse(&status, &uid_map, &own_map);
    Ok(Some(process.ok_or_else(|| Reason::new(format!("cannot parse /proc/{pid}/status")))?))
}

fn unreadable(pid: u64, name: &str, error: &io::Error) -> Unseen {
    // ESRCH: it ended between the opening and the reading.
    if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ESRCH) {
        let reason = Reason::new(format!("process {pid} cannot be seen from here"));
        let reason = reason.with_grant("run as root in the daemon's PID namespace");
        return Unseen { reason, may_have_ended: true };
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Reason::new(format!("permission denied on /proc/{pid}/{name}")).with_grant("run as root").into();
    }
    Reason::new(format!("cannot read /proc/{pid}/{name}: {error}")).into()
}

/// Reads `status` and `uid_map` of proc(5); `own_map` is the reader's own.
fn parse(status: &str, uid_map: &str, own_map: &str) -> Option<Process> {
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let bits = |key: &str| u64::from_str_radix(line(key)?, 16).ok();
    let uid: u32 = line("Uid")?.split_whitespace().nth(1)?.parse().ok()?;
    let map = read_map(uid_map)?;
    let inside = |&(inside, outside, count): &(u64, u64, u64)| {
        let offset = u64::from(uid).checked_sub(outside).filter(|offset| *offset < count)?;
        u32::try_from(inside.checked_add(offset)?).ok()
    };
    Some(Process {
        uid,
        uid_inside: map.iter().find_map(inside),
        remapped: map != read_map(own_map)?,
        effective: bits("CapEff")?,
        bounding: bits("CapBnd")?,
        no_new_privileges: line("NoNewPrivs").and_then(|value| match value {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }),
        seccomp: line("Seccomp").and_then(|value| value.parse().ok()),
    })
}

/// Lines of first id inside, first id outside, length (user_namespaces(7)).
fn read_map(text: &str) -> Option<Vec<(u64, u64, u64)>> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const STATUS: &str = "Name:\tpostgres\nUid:\t999\t999\t999\t999\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n";
    const ALL: &str = "         0          0 4294967295\n";

    #[test]
    fn the_process_tells_what_the_configuration_cannot() {
        let seen = parse(STATUS, ALL, ALL).unwrap();
        assert_eq!((seen.uid, seen.uid_inside, seen.remapped), (999, Some(999), false));
        assert_eq!((seen.effective, seen.bounding), (0, 0xa804_25fb));
        assert_eq!((seen.no_new_privileges, seen.seccomp), (Some(true), Some(2)));
        let remapped = parse(&STATUS.replace("999", "165536"), "0 165536 65536\n", ALL).unwrap();
        assert_eq!((remapped.uid, remapped.uid_inside, remapped.remapped), (165_536, Some(0), true));
        let foreign = parse(STATUS, "0 165536 65536\n", ALL).unwrap();
        assert_eq!(foreign.uid_inside, None);
    }

    #[test]
    fn a_process_is_believed_only_with_the_containers_control_group() {
        let proc = tempfile::tempdir().unwrap();
        for (folder, name, text) in [
            ("7", "status", STATUS),
            ("7", "uid_map", ALL),
            ("7", "cgroup", "0::/docker/abc\n"),
            ("self", "uid_map", ALL),
        ] {
            fs::create_dir_all(proc.path().join(folder)).unwrap();
            fs::write(proc.path().join(folder).join(name), text).unwrap();
        }
        let look = |id: &str, json: Json| process(proc.path(), id, &json);
        let running = |pid: i64| json!({ "State": { "Running": true, "Pid": pid } });
        assert_eq!(look("abc", running(7)).unwrap().unwrap().uid, 999);
        assert!(look("def", running(7)).unwrap_err().reason.text.contains("not the container's"));
        assert!(look("", running(7)).is_err());
        assert!(look("abc", running(8)).unwrap_err().may_have_ended);
        assert!(look("abc", running(0)).is_err());
        assert!(look("abc", running(-1)).is_err());
        assert_eq!(look("abc", json!({ "State": { "Running": false, "Pid": 7 } })).unwrap(), None);
        assert!(look("abc", json!({ "State": { "Running": "yes" } })).is_err());
        let mut sandboxed = running(7);
        sandboxed["HostConfig"] = json!({ "Runtime": "runsc" });
        assert!(look("abc", sandboxed).unwrap_err().reason.text.contains("runsc"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(status in "(Uid:[ \t0-9]*\n|CapEff:[ 0-9a-g]*\n|CapBnd:[ 0-9a-g]*\n|\\PC*\n)*", map in "([0-9 ]{0,40}\n)*") {
            let _ = parse(&status, &map, &map);
        }
    }
}

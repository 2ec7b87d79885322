//! What proc(5) shows of the processes of a host: who runs, as whom, with which rights, and what each holds open.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::readlinkat;

use super::{Host, Trouble};
use crate::value::Reason;

/// Bytes of one of the small files of a process.
const LIMIT: u64 = 1 << 20;
/// Bytes of a command line; the kernel itself allows a quarter of the stack.
const ARGUMENTS: u64 = 8 << 20;

/// The numbers of the processes that can be seen.
#[derive(Debug, Clone)]
pub struct Pids {
    /// In ascending order.
    pub seen: Vec<u32>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

/// What `/proc/PID/status` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The command's name, at most 15 bytes of it.
    pub name: String,
    /// Whether it is a thread of the kernel's own, or has ended and waits to be noticed: there is no program in it.
    pub without_program: bool,
    /// Real, effective, saved and file system user.
    pub uids: [u32; 4],
    pub gids: [u32; 4],
    pub groups: Vec<u32>,
    /// Bits of capabilities(7).
    pub effective: u64,
    pub bounding: u64,
    pub ambient: u64,
    pub no_new_privileges: Option<bool>,
    /// 0 none, 1 strict, 2 filter; `None` on kernels without seccomp.
    pub seccomp: Option<u8>,
    pub umask: Option<u32>,
}

impl Host {
    /// The processes in the PID namespace of this `/proc`.
    pub fn pids(&self) -> Result<Pids, Reason> {
        let listed = self.find("/proc/[0-9]*")?;
        let mut seen: Vec<u32> =
            listed.paths.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect();
        if seen.is_empty() {
            return Err(listed.more.unwrap_or_else(|| Reason::new("/proc shows no process: it is not mounted")));
        }
        seen.sort_unstable();
        // Init is always there: when it is not to be seen, others are hidden too (the mount option `hidepid`).
        let hidden = || Reason::new("/proc hides other users' processes").with_grant("run as root");
        let more = listed.more.or_else(|| (!seen.contains(&1)).then(hidden));
        Ok(Pids { seen, more })
    }

    /// A small file of a process; [`Trouble::Absent`] when the process has ended.
    pub fn of_process(&self, pid: u32, name: &str) -> Result<Vec<u8>, Trouble> {
        self.read(Path::new(&format!("/proc/{pid}/{name}")), LIMIT).map_err(as_its_user)
    }

    /// The program's name as it called itself and its arguments; empty when it has none.
    pub fn arguments(&self, pid: u32) -> Result<Vec<String>, Trouble> {
        let bytes = self.read(Path::new(&format!("/proc/{pid}/cmdline")), ARGUMENTS).map_err(as_its_user)?;
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect())
    }

    /// Its user, rights and restrictions.
    pub fn status(&self, pid: u32) -> Result<Status, Trouble> {
        let text = self.of_process(pid, "status")?;
        Status::parse(&String::from_utf8_lossy(&text))
            .ok_or_else(|| Trouble::new(format!("cannot parse /proc/{pid}/status")))
    }

    /// The text of a symbolic link, which is not followed: `/proc/1/exe`, `/proc/1/ns/net`.
    pub fn link_text(&self, path: &Path) -> Result<OsString, Trouble> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Trouble::Absent) };
        let found = self.resolve(parent)?;
        let text = readlinkat(found.fd(), name, Vec::new()).map_err(|errno| Trouble::of(errno, path));
        text.map(|text| OsString::from_vec(text.into_bytes())).map_err(as_its_user)
    }

    /// The texts of all links in a directory, such as `/proc/1/fd`. One that went away meanwhile is left out.
    pub fn link_texts(&self, folder: &Path) -> Result<Vec<OsString>, Trouble> {
        let found = self.resolve(folder)?;
        let names = super::find::names(&found, folder).map_err(as_its_user)?;
        let mut texts = Vec::with_capacity(names.len());
        for name in names {
            match readlinkat(found.fd(), &name, Vec::new()) {
                Ok(text) => texts.push(OsString::from_vec(text.into_bytes())),
                Err(errno) => match as_its_user(Trouble::of(errno, &folder.join(&name))) {
                    Trouble::Absent => {}
                    trouble @ Trouble::Unseen(_) => return Err(trouble),
                },
            }
        }
        Ok(texts)
    }
}

/// What is denied of a process is granted to its user as well.
fn as_its_user(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Unseen(reason) if reason.grant.is_some() => {
            Trouble::Unseen(Reason { grant: None, ..reason }.with_grant("run as root or as the process's user"))
        }
        other => other,
    }
}

impl Status {
    /// Reads `/proc/PID/status`; `None` for what no kernel writes.
    pub fn parse(text: &str) -> Option<Self> {
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
        let bits = |key: &str| u64::from_str_radix(line(key)?, 16).ok();
        let four = |key: &str| -> Option<[u32; 4]> {
            let numbers: Vec<u32> = line(key)?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
            numbers.try_into().ok()
        };
        let groups = line("Groups").unwrap_or_default().split_whitespace().map(str::parse);
        Some(Status {
            name: line("Name")?.to_owned(),
            // What has no memory runs no program: proc(5) leaves these lines out.
            without_program: line("VmSize").is_none(),
            uids: four("Uid")?,
            gids: four("Gid")?,
            groups: groups.collect::<Result<_, _>>().ok()?,
            effective: bits("CapEff")?,
            bounding: bits("CapBnd")?,
            ambient: bits("CapAmb").unwrap_or_default(),
            no_new_privileges: line("NoNewPrivs").and_then(|value| match value {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            }),
            seccomp: line("Seccomp").and_then(|value| value.parse().ok()),
            umask: line("Umask").and_then(|value| u32::from_str_radix(value, 8).ok()),
        })
    }

    pub fn effective_user(&self) -> u32 {
        let [_, effective, _, _] = self.uids;
        effective
    }

    pub fn effective_group(&self) -> u32 {
        let [_, effective, _, _] = self.gids;
        effective
    }
}

/// Where a process belongs by `/proc/PID/cgroup` (cgroups(7)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Belongs {
    /// The id of the container that it is in.
    pub container: Option<String>,
    /// The systemd unit that it is of: `nginx.service`.
    pub unit: Option<String>,
}

impl Belongs {
    pub fn parse(text: &str) -> Self {
        let mut belongs = Belongs::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if belongs.container.is_none() {
                belongs.container = path.split('/').rev().find_map(container_id);
            }
            if controllers.is_empty() || controllers == "name=systemd" {
                let unit = path.split('/').rev().find(|part| part.ends_with(".service") || part.ends_with(".scope"));
                belongs.unit = unit.map(str::to_owned).or(belongs.unit);
            }
        }
        belongs
    }
}

/// Engines name the group of a container by its id of 64 digits: `docker-ID.scope`, `/docker/ID`, `libpod-ID.scope`,
/// `cri-containerd-ID.scope`.
fn container_id(part: &str) -> Option<String> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let id = part.rsplit(['-', ':']).next().unwrap_or_default();
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &str = "Name:\tnginx\nUmask:\t0022\nUid:\t33\t33\t33\t33\nGid:\t33\t33\t33\t33\nGroups:\t4 33 \n\
        VmSize:\t  1 kB\nCapEff:\t0000000000000400\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    #[test]
    fn the_status_says_who_runs_with_which_rights() {
        let seen = Status::parse(STATUS).unwrap();
        assert_eq!((seen.name.as_str(), seen.effective_user(), seen.effective_group()), ("nginx", 33, 33));
        assert_eq!((seen.groups.as_slice(), seen.effective, seen.ambient), ([4, 33].as_slice(), 0x400, 0));
        assert_eq!((seen.no_new_privileges, seen.seccomp, seen.umask), (Some(true), Some(2), Some(0o22)));
        assert!(!seen.without_program);
        assert!(Status::parse(&STATUS.replace("VmSize", "X")).unwrap().without_program);
        for bad in [STATUS.replace("Uid:\t33", "Uid:"), STATUS.replace("CapEff", "X"), String::new()] {
            assert_eq!(Status::parse(&bad), None);
        }
        let old = Status::parse(&STATUS.replace("NoNewPrivs", "X").replace("Seccomp", "X")).unwrap();
        assert_eq!((old.no_new_privileges, old.seccomp), (None, None));
    }

    #[test]
    fn the_control_group_tells_unit_and_container() {
        let id = "a".repeat(64);
        let of = |text: &str| Belongs::parse(text);
        let nginx = of("0::/system.slice/nginx.service\n");
        assert_eq!((nginx.unit.as_deref(), nginx.container), (Some("nginx.service"), None));
        for path in [format!("/docker/{id}"), format!("/system.slice/docker-{id}.scope"), format!("/x/libpod-{id}")] {
            assert_eq!(of(&format!("0::{path}\n")).container.as_ref(), Some(&id), "{path}");
            assert_eq!(of(&format!("5:devices:{path}\n0::/\n")).container.as_ref(), Some(&id), "{path}");
        }
        assert_eq!(of("0::/user.slice/user-1000.slice/session-1.scope\n").unit.as_deref(), Some("session-1.scope"));
        assert_eq!(of("5:devices:/x.service\n"), Belongs::default());
        assert_eq!(of(&format!("0::/docker/{}\n", "a".repeat(63))).container, None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(
            status in "(Name:\\PC*\n|Uid:[ \t0-9]*\n|CapEff:[ 0-9a-g]*\n|Groups:[ 0-9]*\n|\\PC*\n)*",
            groups in "([0-9]:[a-z=]*:[/a-f0-9.-]*\n)*",
        ) {
            let _ = (Status::parse(&status), Belongs::parse(&groups));
        }
    }
}

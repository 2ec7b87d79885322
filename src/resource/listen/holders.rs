//! Which processes hold which sockets: the links of `/proc/PID/fd` (proc_pid_fd(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::target::host::processes::Belongs;
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason};

/// Processes by which engines publish the ports of containers.
const PROXIES: [&str; 4] = ["docker-proxy", "rootlesskit", "rootlessport", "podman-proxy"];

/// A process that holds a socket.
#[derive(Debug, Clone)]
struct Holder {
    pid: u32,
    name: String,
    uid: u32,
    belongs: Result<Belongs, Reason>,
    /// Where it forwards to, for a proxy of an engine.
    forwards_to: Option<String>,
}

/// Every socket that some process is seen to hold.
#[derive(Debug)]
pub(super) struct Holders {
    by_inode: BTreeMap<u64, BTreeSet<u32>>,
    processes: BTreeMap<u32, Holder>,
    unseen: Option<Reason>,
}

impl Holders {
    pub(super) fn read(host: &Host) -> Self {
        let mut holders = Holders { by_inode: BTreeMap::new(), processes: BTreeMap::new(), unseen: None };
        let pids = match host.pids() {
            Ok(pids) => pids,
            Err(reason) => return Holders { unseen: Some(reason), ..holders },
        };
        holders.unseen = pids.more;
        for pid in pids.seen {
            match holders.add(host, pid) {
                Ok(()) | Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => drop(holders.unseen.get_or_insert(reason)),
            }
        }
        holders
    }

    fn add(&mut self, host: &Host, pid: u32) -> Result<(), Trouble> {
        let links = host.link_texts(Path::new(&format!("/proc/{pid}/fd")))?;
        let inodes: BTreeSet<u64> = links.iter().filter_map(|link| inode(link.to_str()?)).collect();
        if inodes.is_empty() {
            return Ok(());
        }
        let status = host.status(pid)?;
        let forwards_to = match PROXIES.contains(&status.name.as_str()) {
            true => forwarded(&host.arguments(pid)?),
            false => None,
        };
        let belongs = match host.of_process(pid, "cgroup") {
            Ok(bytes) => Ok(Belongs::parse(&String::from_utf8_lossy(&bytes))),
            Err(Trouble::Absent) => Ok(Belongs::default()),
            Err(Trouble::Unseen(reason)) => Err(reason),
        };
        let uid = status.effective_user();
        self.processes.insert(pid, Holder { pid, name: status.name, uid, belongs, forwards_to });
        for inode in inodes {
            self.by_inode.entry(inode).or_default().insert(pid);
        }
        Ok(())
    }

    /// Why a socket may have holders that are not among those of [`Holders::of`].
    pub(super) fn unseen(&self) -> Option<&Reason> {
        self.unseen.as_ref()
    }

    /// Those of one socket, or of several that share a port.
    pub(super) fn of(&self, inodes: &[u64]) -> Held<'_> {
        let pids: BTreeSet<u32> =
            inodes.iter().filter_map(|inode| self.by_inode.get(inode)).flatten().copied().collect();
        let processes = pids.iter().filter_map(|pid| self.processes.get(pid)).collect();
        Held { processes, unseen: self.unseen.as_ref() }
    }
}

/// The processes that hold a socket.
pub(super) struct Held<'a> {
    processes: Vec<&'a Holder>,
    unseen: Option<&'a Reason>,
}

impl Held<'_> {
    /// Each different value of the processes; why none can be told, where no process is seen.
    fn each<T: Ord + Into<Observed>>(
        &self,
        of: impl Fn(&Holder) -> Result<Option<T>, Reason>,
    ) -> Result<Vec<Observed>, Reason> {
        if self.processes.is_empty() {
            return Err(self.unseen.cloned().unwrap_or_else(|| {
                Reason::new("no process in sight holds it: it is the kernel's own, or of another PID namespace")
            }));
        }
        let mut values = BTreeSet::new();
        for holder in &self.processes {
            values.extend(of(holder)?);
        }
        Ok(values.into_iter().map(Into::into).collect())
    }

    pub(super) fn names(&self) -> Result<Vec<Observed>, Reason> {
        self.each(|holder| Ok(Some(holder.name.clone())))
    }

    pub(super) fn pids(&self) -> Result<Vec<Observed>, Reason> {
        self.each(|holder| Ok(Some(i64::from(holder.pid))))
    }

    pub(super) fn users(&self, host: &Host) -> Result<Vec<Observed>, Reason> {
        self.each(|holder| host.user_name(holder.uid).map(Some))
    }

    pub(super) fn units(&self) -> Result<Vec<Observed>, Reason> {
        self.each(|holder| holder.belongs.as_ref().map(|of| of.unit.clone()).map_err(Clone::clone))
    }

    pub(super) fn containers(&self) -> Result<Vec<Observed>, Reason> {
        self.each(|holder| holder.belongs.as_ref().map(|of| of.container.clone()).map_err(Clone::clone))
    }

    pub(super) fn forwards_to(&self) -> Observed {
        match self.processes.iter().find_map(|holder| holder.forwards_to.as_ref()) {
            Some(to) => to.as_str().into(),
            None if self.processes.is_empty() => match self.each(|holder| Ok(Some(holder.name.clone()))) {
                Err(reason) => Observed::Unknown(reason),
                Ok(_) => Observed::Absent,
            },
            None => match self.unseen {
                Some(reason) => Observed::Unknown(reason.clone()),
                None => Observed::Absent,
            },
        }
    }
}

/// `socket:[1055]`.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// What docker-proxy is told: `-container-ip 172.17.0.2 -container-port 80`.
fn forwarded(arguments: &[String]) -> Option<String> {
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument.trim_start_matches('-') == name)?;
        arguments.get(at + 1)
    };
    Some(format!("{}:{}", after("container-ip")?, after("container-port")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_name_their_sockets() {
        assert_eq!(inode("socket:[1055]"), Some(1055));
        for other in ["pipe:[1]", "socket:[x]", "socket:[1", "/dev/null", ""] {
            assert_eq!(inode(other), None);
        }
    }

    #[test]
    fn a_proxy_says_where_it_forwards_to() {
        let told =
            "docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        let arguments: Vec<String> = told.split(' ').map(str::to_owned).collect();
        assert_eq!(forwarded(&arguments).as_deref(), Some("172.17.0.2:80"));
        assert_eq!(forwarded(&arguments[..9]), None);
    }

    proptest! {
        #[test]
        fn any_link_is_read(text in "(socket:)?\\[?\\PC{0,20}\\]?") {
            let _ = inode(&text);
        }
    }
}

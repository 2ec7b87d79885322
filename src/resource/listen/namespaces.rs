//! The network namespaces that can be seen: harden's own, and those of other processes (network_namespaces(7)).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::target::host::{Host, Trouble};
use crate::value::Reason;

/// A network namespace, by a process that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Namespace {
    folder: String,
    /// `None` for harden's own.
    process: Option<String>,
}

/// The namespaces of other processes.
#[derive(Debug)]
pub(super) struct Others {
    pub(super) seen: Vec<Namespace>,
    /// Why there may be more.
    pub(super) more: Option<Reason>,
}

impl Namespace {
    pub(super) fn own() -> Self {
        Namespace { folder: "/proc/self/net".to_owned(), process: None }
    }

    pub(super) fn is_own(&self) -> bool {
        self.process.is_none()
    }

    pub(super) fn name(&self) -> &str {
        self.process.as_deref().unwrap_or("own")
    }

    /// Where its tables are.
    pub(super) fn folder(&self) -> &str {
        &self.folder
    }
}

/// One for each namespace, by the process of the lowest number in it. One that no process is in (`ip netns add`) has no
/// tables to read; only a process elsewhere that entered and left it could hold a socket there.
pub(super) fn others(host: &Host) -> Others {
    let pids = match host.pids() {
        Ok(pids) => pids,
        Err(reason) => return Others { seen: Vec::new(), more: Some(reason) },
    };
    let mut more = pids.more;
    let mut seen: BTreeMap<OsString, u32> = BTreeMap::new();
    let own = match host.link_text(Path::new("/proc/self/ns/net")) {
        Ok(own) => own,
        Err(_) => {
            let reason = Reason::new("cannot tell harden's own network namespace from others");
            return Others { seen: Vec::new(), more: Some(reason) };
        }
    };
    for pid in pids.seen {
        match host.link_text(Path::new(&format!("/proc/{pid}/ns/net"))) {
            Ok(namespace) if namespace == own => {}
            Ok(namespace) => drop(seen.entry(namespace).or_insert(pid)),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => drop(more.get_or_insert(reason)),
        }
    }
    let name = |pid: u32| host.status(pid).map_or_else(|_| "?".to_owned(), |status| status.name);
    let namespaces = seen.into_values().map(|pid| Namespace {
        folder: format!("/proc/{pid}/net"),
        process: Some(format!("pid {pid} ({})", name(pid))),
    });
    let mut seen: Vec<Namespace> = namespaces.collect();
    seen.sort_by(|a, b| a.folder.cmp(&b.folder));
    Others { seen, more }
}

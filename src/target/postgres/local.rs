//! Whether the files that a server speaks of are the files of this host: only then may a path from its settings be looked
//! at here.

use std::fs;
use std::io;

use super::dial::Wire;
use crate::value::Reason;

/// The process behind the socket, when it was seen to have our root directory and our mounts; else why that is not known.
pub(super) fn peer(wire: &Wire) -> Result<i32, Reason> {
    let Wire::Unix(stream) = wire else {
        return Err(Reason::new("the server is reached over TCP: its files may be on another machine")
            .with_grant("connect over its unix socket"));
    };
    let peer = stream.peer_cred().ok().and_then(|peer| peer.pid()).filter(|pid| *pid > 0);
    let pid =
        peer.ok_or_else(|| Reason::new("the server's process is in another container: its files may be others"))?;
    same_files(pid).map(|()| pid)
}

/// Whether the process behind the socket is the server itself: the server's process for this connection is its child. A
/// pooler's socket is here, too, wherever the server may be.
pub(super) fn is_server(peer: i32, backend: i64) -> Result<(), Reason> {
    let status = fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).and_then(|pid| pid.trim().parse().ok());
    if parent == Some(peer) {
        return Ok(());
    }
    Err(Reason::new(
        "the process behind the socket is not the server, but maybe a pooler: the server may be on another machine",
    )
    .with_grant("connect to the server's own socket"))
}

fn same_files(pid: i32) -> Result<(), Reason> {
    let theirs = fs::read_link(format!("/proc/{pid}/ns/mnt")).map_err(|error| hidden(pid, &error))?;
    let ours = fs::read_link("/proc/self/ns/mnt").map_err(|error| hidden(pid, &error))?;
    if theirs != ours {
        return Err(Reason::new(
            "the server runs in a mount namespace of its own: its files may be others than this host's",
        ));
    }
    let root = fs::read_link(format!("/proc/{pid}/root")).map_err(|error| hidden(pid, &error))?;
    if root.as_os_str() != "/" {
        return Err(Reason::new("the server runs below another root directory: its paths are others than this host's"));
    }
    Ok(())
}

fn hidden(pid: i32, error: &io::Error) -> Reason {
    let reason = Reason::new(format!(
        "whether the server (process {pid}) shares this host's files could not be seen: {}",
        error.kind()
    ));
    match error.kind() {
        io::ErrorKind::PermissionDenied => reason.with_grant("run as root, or as the user that the server runs as"),
        _ => reason,
    }
}

/// libpq's `requirepeer`: the operating system's user that the server must run as. The error fits after "failed to connect: ".
pub(super) fn require_peer(wire: &Wire, wanted: &str) -> Result<(), String> {
    let Wire::Unix(stream) = wire else { return Ok(()) };
    let uid = stream.peer_cred().map_err(|_| "the server's user could not be seen, and requirepeer asks for it")?.uid();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid)).then_some(name)
    });
    match name {
        Some(name) if name == wanted => Ok(()),
        Some(name) => Err(format!("requirepeer asks for the user {wanted}, and the server runs as {name}")),
        None => Err(format!(
            "requirepeer asks for the user {wanted}, and the server runs as uid {uid}, which has no name here"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a test needs a process with a parent")]
    fn a_server_is_the_parent_of_its_processes() {
        let mut child = std::process::Command::new("sleep").arg("10").spawn().unwrap();
        let (own, child_pid) = (std::process::id() as i32, i64::from(child.id()));
        assert_eq!(is_server(own, child_pid), Ok(()));
        assert!(is_server(child.id() as i32, child_pid).is_err());
        assert!(is_server(own, -1).is_err());
        assert_eq!(same_files(child.id() as i32), Ok(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(same_files(child.id() as i32).is_err(), "it is gone");
    }
}

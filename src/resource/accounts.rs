//! What `user` and `group` share: the account files of a root, read once for a query.

use std::path::Path;

use crate::format::accounts::{self, Group, Lines, User};
use crate::target::host::{Host, Trouble};
use crate::value::Reason;

pub(super) const PASSWD: &str = "/etc/passwd";
pub(super) const SHADOW: &str = "/etc/shadow";
pub(super) const GROUP: &str = "/etc/group";
/// Bytes of an account file.
const LIMIT: u64 = 16 << 20;

/// The entries of one file, and why there may be more accounts than these.
pub(super) struct Accounts<T> {
    pub(super) entries: Vec<T>,
    pub(super) more: Option<Reason>,
}

/// `None` when the file does not exist.
pub(super) fn text(host: &Host, path: &str) -> Result<Option<String>, Reason> {
    match host.read(Path::new(path), LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Trouble::Absent) => Ok(None),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

pub(super) fn users(host: &Host) -> Result<Option<Accounts<User>>, Reason> {
    read(host, PASSWD, "passwd", accounts::users)
}

pub(super) fn groups(host: &Host) -> Result<Option<Accounts<Group>>, Reason> {
    read(host, GROUP, "group", accounts::groups)
}

fn read<T>(
    host: &Host,
    path: &str,
    database: &str,
    parse: impl Fn(&str) -> Lines<T>,
) -> Result<Option<Accounts<T>>, Reason> {
    let Some(text) = text(host, path)? else { return Ok(None) };
    let Lines { entries, strange } = parse(&text);
    let more = match strange {
        Some(line) => Some(Reason::new(format!("cannot parse {path}:{line}"))),
        None => elsewhere(host, database)?,
    };
    Ok(Some(Accounts { entries, more }))
}

/// Why the name services may know accounts that the file does not have.
fn elsewhere(host: &Host, database: &str) -> Result<Option<Reason>, Reason> {
    let nsswitch = text(host, "/etc/nsswitch.conf")?.unwrap_or_default();
    let others = accounts::other_sources(&nsswitch, database);
    let reason = || {
        format!("/etc/nsswitch.conf names other sources of {database}, which harden does not ask: {}", others.join(" "))
    };
    Ok((!others.is_empty()).then(|| Reason::new(reason())))
}

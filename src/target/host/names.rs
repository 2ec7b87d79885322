//! Names of users and groups: from the root's own `/etc/passwd` and `/etc/group` (passwd(5), group(5)), and for the
//! live root from its name services where those files say nothing. A mounted image never asks this machine's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use nix::unistd::{Gid, Group, Uid, User};

use super::{Host, Trouble};
use crate::value::Reason;

const LIMIT: u64 = 16 << 20;

pub(super) struct Names {
    pub(super) live: bool,
    tables: OnceLock<Tables>,
}

struct Tables {
    users: Result<Accounts, Reason>,
    groups: Result<Accounts, Reason>,
}

#[derive(Default)]
struct Accounts {
    by_id: BTreeMap<u32, String>,
    /// Group number to the names of its members; for users, to those who have it as their own group.
    members: BTreeMap<u32, BTreeSet<String>>,
}

impl Names {
    pub(super) fn new(live: bool) -> Self {
        Names { live, tables: OnceLock::new() }
    }

    fn tables(&self, host: &Host) -> &Tables {
        let load = |path: &str, parse: fn(&str) -> Accounts| match host.read(Path::new(path), LIMIT) {
            Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
            Err(Trouble::Absent) => Ok(Accounts::default()),
            Err(Trouble::Unseen(reason)) => Err(reason),
        };
        self.tables.get_or_init(|| Tables {
            users: load("/etc/passwd", Accounts::users),
            groups: load("/etc/group", Accounts::groups),
        })
    }

    pub(super) fn user(&self, host: &Host, uid: u32) -> Result<String, Reason> {
        let service = || User::from_uid(Uid::from_raw(uid)).map(|user| user.map(|user| user.name));
        self.name(&self.tables(host).users, uid, service)
    }

    pub(super) fn group(&self, host: &Host, gid: u32) -> Result<String, Reason> {
        let service = || Group::from_gid(Gid::from_raw(gid)).map(|group| group.map(|group| group.name));
        self.name(&self.tables(host).groups, gid, service)
    }

    /// Number 0 is root's even where no file says so: the kernel knows it, not the name.
    fn name(
        &self,
        table: &Result<Accounts, Reason>,
        id: u32,
        service: impl Fn() -> nix::Result<Option<String>>,
    ) -> Result<String, Reason> {
        if let Some(name) = table.as_ref().ok().and_then(|accounts| accounts.by_id.get(&id)) {
            return Ok(name.clone());
        }
        let named = if self.live {
            service()
                .map_err(|error| Reason::new(format!("the name of number {id} could not be had: {}", error.desc())))?
        } else {
            table.as_ref().map_err(Clone::clone)?;
            None
        };
        Ok(named.unwrap_or_else(|| if id == 0 { "root".to_owned() } else { id.to_string() }))
    }

    pub(super) fn is_private(&self, host: &Host, gid: u32, owner: u32) -> bool {
        let Tables { users: Ok(users), groups: Ok(groups) } = self.tables(host) else { return false };
        if !groups.by_id.contains_key(&gid) {
            return false;
        }
        let allowed = [users.by_id.get(&0), users.by_id.get(&owner)];
        let mut members = [users, groups].into_iter().filter_map(|table| table.members.get(&gid)).flatten();
        members.all(|member| allowed.contains(&Some(member)))
    }
}

impl Accounts {
    fn users(text: &str) -> Self {
        let mut accounts = Accounts::default();
        for line in text.lines() {
            let mut parts = line.split(':');
            let (Some(name), Some(_), Some(uid)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Some(uid) = id(name, uid) else { continue };
            accounts.by_id.entry(uid).or_insert_with(|| name.to_owned());
            if let Some(gid) = parts.next().and_then(|gid| gid.parse().ok()) {
                accounts.members.entry(gid).or_default().insert(name.to_owned());
            }
        }
        accounts
    }

    fn groups(text: &str) -> Self {
        let mut accounts = Accounts::default();
        for line in text.lines() {
            let mut parts = line.split(':');
            let (Some(name), Some(_), Some(gid)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Some(gid) = id(name, gid) else { continue };
            accounts.by_id.entry(gid).or_insert_with(|| name.to_owned());
            let members = parts.next().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
            accounts.members.entry(gid).or_default().extend(members.map(str::to_owned));
        }
        accounts
    }
}

/// The number of an entry; comments and NIS entries (`+::::::`) are none.
fn id(name: &str, number: &str) -> Option<u32> {
    let entry = !name.is_empty() && !name.starts_with(['#', '+', '-']);
    entry.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_entry_of_a_number_names_it() {
        let users =
            Accounts::users("root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n# x:x:9:9\n+::::::\nbad\nu:x:7:70:::");
        assert_eq!(users.by_id.into_iter().collect::<Vec<_>>(), [(0, "root".into()), (7, "u".into())]);
        assert_eq!(users.members[&70].len(), 1);
        assert_eq!(Accounts::groups("staff:x:50:a, b,").members[&50].len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[a:0-9+#,\n-]{0,80}") {
            let _ = (Accounts::users(&text), Accounts::groups(&text));
        }
    }
}

//! `group`: a group of the account files, with everybody in it.

use std::collections::BTreeSet;

use crate::facts::{Basis, Listing, Subject};
use crate::format::accounts::{Group, User};
use crate::glob::Glob;
use crate::resource::accounts::{Accounts, GROUP as FILE, groups, users};
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::Host;
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the group's name"),
    field("gid", Type::Integer, "", "its number"),
    field("members", Type::List(&TEXT), "", "the accounts that it names, and those that have it as their own group"),
    field("gid_shared", BOOL, "", "whether another group has the same number"),
    field("name_repeated", BOOL, "", "whether the file names it twice"),
];

pub(super) static GROUP: Resource = Resource {
    name: "group",
    about: "A group of /etc/group. Groups of a directory service are not asked for; where there is one, the lists are open.",
    privilege: "any user",
    params: &[Param {
        name: "name",
        accepts: Accepts::Text,
        required: false,
        about: "the group's name (`*` allowed); every group when not given",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("groups are those of a host")) };
    let name = text(with, "name").to_owned();
    host.run(move |host| look(host, &name)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, name: &str) -> Listing {
    let Accounts { entries, more } = match groups(host) {
        Ok(Some(accounts)) => accounts,
        Ok(None) => return Listing::absent(format!("{FILE} does not exist")),
        Err(reason) => return Listing::failed(reason),
    };
    let users = match users(host) {
        Ok(users) => users.unwrap_or(Accounts { entries: Vec::new(), more: None }),
        Err(reason) => Accounts { entries: Vec::new(), more: Some(reason) },
    };
    let unseen = more.clone().or(users.more);
    let glob = Glob::new(if name.is_empty() { "*" } else { name });
    let matching = entries.iter().filter(|group| glob.matches(&group.name));
    let subjects: Vec<Subject> =
        matching.map(|group| subject(group, &entries, &users.entries, unseen.as_ref())).collect();
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("{FILE} has no group {name}")),
        None => Listing::complete(subjects),
    }
}

fn subject(group: &Group, all: &[Group], users: &[User], unseen: Option<&Reason>) -> Subject {
    let mut subject = Subject::new(&GROUP, group.name.as_str(), format!("{FILE}:{}", group.line), Basis::Live);
    let others = |same: &dyn Fn(&Group) -> bool| all.iter().filter(|other| same(other)).count() > 1;
    let named = group.members.iter().map(String::as_str);
    let own = users.iter().filter(|user| user.gid == group.gid).map(|user| user.name.as_str());
    let members: BTreeSet<&str> = named.chain(own).collect();
    let items = members.into_iter().map(Observed::from).collect();
    let fields = &mut subject.fields;
    fields.set("name", group.name.as_str());
    fields.set("gid", i64::from(group.gid));
    fields.set("members", Value::List(List { items, more: unseen.cloned() }));
    fields.set("gid_shared", others(&|other| other.gid == group.gid));
    fields.set("name_repeated", others(&|other| other.name == group.name));
    subject
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::facts::Extent;
    use crate::target::host::tests::host;

    #[test]
    fn members_are_named_or_have_it_as_their_own() {
        let (root, host) = host();
        fs::create_dir_all(root.path().join("etc")).unwrap();
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
        assert!(matches!(look(&host, "").extent, Extent::Absent(_)));
        write("etc/group", "root:x:0:\ndocker:x:998:bob,ann\nsame:x:998:\n");
        write("etc/passwd", "root:x:0:0::/:\nann:x:1:998::/:\neve:x:2:998::/:\n");
        let get = |name: &str, field: &str| {
            let listing = look(&host, name);
            let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
            seen.fields.get(field).unwrap().to_string()
        };
        assert_eq!(get("docker", "members"), "ann, bob, eve");
        assert_eq!((get("docker", "gid_shared"), get("root", "gid_shared")), ("true".to_owned(), "false".to_owned()));
        assert!(matches!(look(&host, "wheel").extent, Extent::Absent(_)));
        write("etc/nsswitch.conf", "passwd: files ldap\ngroup: files\n");
        assert!(get("docker", "members").contains("ldap"), "its members may be among the others");
        write("etc/nsswitch.conf", "group: files ldap\n");
        assert!(matches!(look(&host, "wheel").extent, Extent::Failed(_)));
    }
}

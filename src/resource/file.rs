//! `file`: what a path is, who owns it, who can read or change it, and who could put another in its place.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use rustix::fs::FileType;

use crate::facts::{Basis, Listing, Subject};
use crate::glob::is_pattern;
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::{Found, Host, Matches, Passed, Trouble, acl, file_system, kind_name};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::{FILE_KIND, Vocabulary};
use crate::value::{Observed, Reason, Record, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

/// Whom an entry of an access control list names (acl(5)).
static ACL_TAG: Vocabulary = Vocabulary { name: "acl_tag", words: &["user", "group", "mask"], ordered: false };

const GRANT: &[Field] = &[
    field("tag", Type::Word(&ACL_TAG), "", "`user` or `group` for a named one, `mask` for the most that these get"),
    field("name", Type::Text, "", "the user or group, as a number when it has no name; absent for the mask"),
    field("permissions", Type::Text, "", "as `rwx` with `-` for what is not granted, after the mask was applied"),
];

static TEXT: Type = Type::Text;
static GRANTS: Type = Type::Record(GRANT);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the path as it was asked for or found"),
    field("resolved_path", Type::Text, "", "where it leads when every symbolic link on it is followed"),
    field(
        "kind",
        Type::Word(&FILE_KIND),
        "",
        "what it is after links were followed; `symlink` only for one that leads nowhere",
    ),
    field(
        "mode",
        Type::Mode,
        "",
        "permission bits with setuid, setgid and sticky; with an extended ACL the group bits are its mask",
    ),
    field("owner", Type::Text, "", "the owner's name, or the number when no account has it"),
    field("group", Type::Text, "", "the group's name, or the number when no group has it"),
    field("uid", Type::Integer, "", "the owner's number"),
    field("gid", Type::Integer, "", "the group's number"),
    field("size", Type::Size, "", "length of its content; for a directory what the file system says"),
    field("modified", Type::Time, "", "when its content last changed; `at_least: now-26h` asks for a recent one"),
    field("is_newest", BOOL, "", "whether no other match of the same kind was modified later"),
    field(
        "is_symlink",
        BOOL,
        "",
        "whether the path itself is a symbolic link; the other fields are those of what it leads to",
    ),
    field("link_target", Type::Text, "", "what that link says; absent when it is none"),
    field("acl_extended", BOOL, "", "whether an ACL grants more than owner, group and others (ls shows `+`)"),
    field("acl_grants", Type::List(&GRANTS), "", "the entries of that ACL beyond owner, group and others"),
    field(
        "ancestors_writable_by",
        Type::List(&TEXT),
        "",
        "directories on the way, those of followed links included, in which somebody other than root and the owner could replace it, each as `/path (owner:group mode)`",
    ),
    field(
        "file_system",
        Type::Text,
        "",
        "the kind of file system that holds it: `ext4`, `xfs`, `overlay`, `tmpfs`, `nfs` …",
    ),
];

pub(super) static FILE: Resource = Resource {
    name: "file",
    about: "A file, directory, socket or device by its path, or every one that a pattern matches.",
    privilege: "search permission on every directory of the path; root sees all",
    params: &[Param {
        name: "path",
        accepts: Accepts::Text,
        required: true,
        about: "an absolute path, or a pattern: `*` `?` `[…]` `{a,b}` within a name (hidden ones too), `**` for any depth",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("files are read from a host")) };
    let pattern = text(with, "path").to_owned();
    host.run(move |host| look(host, &pattern)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, pattern: &str) -> Listing {
    // A name may hold `[` or `{`: one that exists as it is written is meant.
    let literal = host.resolve(Path::new(pattern));
    match literal {
        Ok(found) if !pattern.contains(['*', '?']) => {
            let seen = vec![subject(host, Path::new(pattern), &found)];
            Listing::complete(mark_newest(seen, &[found.modified()], None))
        }
        Err(Trouble::Absent) if !is_pattern(pattern) => Listing::absent(format!("{pattern} does not exist")),
        Err(Trouble::Unseen(reason)) if !is_pattern(pattern) => Listing::failed(reason),
        Ok(_) | Err(_) => look_for_all(host, pattern),
    }
}

fn look_for_all(host: &Host, pattern: &str) -> Listing {
    let Matches { paths, more } = match host.find(pattern) {
        Ok(matches) => matches,
        Err(reason) => return Listing::failed(reason),
    };
    let (mut seen, mut times) = (Vec::new(), Vec::new());
    let mut unseen = more.clone();
    for (path, found) in host.resolve_each(&paths) {
        match found {
            Ok(found) => {
                seen.push(subject(host, path, &found));
                times.push(found.modified());
            }
            // It went away since it was listed.
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => {
                seen.push(unreadable(path, &reason));
                times.push((i64::MIN, 0));
                unseen.get_or_insert(reason);
            }
        }
    }
    let seen = mark_newest(seen, &times, unseen.as_ref());
    match more {
        Some(reason) if seen.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(seen, reason),
        None if seen.is_empty() => Listing::absent(format!("nothing matches {pattern}")),
        None => Listing::complete(seen),
    }
}

fn new_subject(path: &Path) -> Subject {
    let shown = path.to_string_lossy();
    let mut subject = Subject::new(&FILE, &*shown, &*shown, Basis::Live);
    subject.fields.set("path", text_of(path.as_os_str()));
    subject
}

/// Text that is not UTF-8 cannot be handed on: shown with replacements it would name another file.
fn text_of(text: &OsStr) -> Observed {
    text.to_str().map_or_else(|| Observed::unknown("it is not UTF-8"), Observed::from)
}

fn unreadable(path: &Path, reason: &Reason) -> Subject {
    let mut subject = new_subject(path);
    for field in FIELDS.iter().filter(|field| field.name != "path") {
        subject.fields.set(field.name, Observed::Unknown(reason.clone()));
    }
    subject
}

fn subject(host: &Host, path: &Path, found: &Found) -> Subject {
    let mut subject = new_subject(path);
    let fields = &mut subject.fields;
    let kind = FileType::from_raw_mode(found.stat.st_mode);
    fields.set("kind", word(&FILE_KIND, kind_name(kind)));
    fields.set("is_symlink", found.link_target.is_some());
    fields.set("link_target", found.link_target.as_deref().map_or(Observed::Absent, text_of));
    if found.dangling {
        let said = ["path", "kind", "is_symlink", "link_target"];
        for field in FIELDS.iter().filter(|field| !said.contains(&field.name)) {
            fields.set(field.name, Observed::Absent);
        }
        return subject;
    }
    let stat = &found.stat;
    fields.set("resolved_path", text_of(found.path.as_os_str()));
    fields.set("mode", Value::Mode(stat.st_mode & 0o7777));
    fields.set("owner", named(host.user_name(stat.st_uid)));
    fields.set("group", named(host.group_name(stat.st_gid)));
    fields.set("uid", i64::from(stat.st_uid));
    fields.set("gid", i64::from(stat.st_gid));
    fields.set(
        "size",
        u64::try_from(stat.st_size).map_or(Observed::unknown("its size is negative"), |size| Value::Size(size).into()),
    );
    fields.set("modified", Value::Time(found.modified().0));
    let acl = acl::read(found.fd());
    fields.set("acl_extended", known(acl.as_ref().map(|entries| !entries.is_empty())));
    fields.set("acl_grants", known(acl.as_ref().map(|entries| grants(host, entries))));
    fields.set("ancestors_writable_by", known(host.replaceable_in(found).as_ref().map(|all| ancestors(host, all))));
    let file_system = file_system::magic(found.fd());
    fields.set(
        "file_system",
        file_system.map_or(Observed::unknown("statfs failed"), |magic| file_system::name(magic).into()),
    );
    subject
}

fn known<V: Into<Value>>(seen: Result<V, &Reason>) -> Observed {
    seen.map_or_else(|reason| Observed::Unknown(reason.clone()), Observed::from)
}

fn named(name: Result<String, Reason>) -> Observed {
    name.map_or_else(Observed::Unknown, Observed::from)
}

fn grants(host: &Host, entries: &[acl::Entry]) -> Value {
    let grant = |entry: &acl::Entry| {
        let (tag, name) = match entry.tag {
            acl::Tag::User(uid) => ("user", named(host.user_name(uid))),
            acl::Tag::Group(gid) => ("group", named(host.group_name(gid))),
            acl::Tag::Mask => ("mask", Observed::Absent),
        };
        let granted = entry.effective(entries);
        let permissions: String =
            [(4, 'r'), (2, 'w'), (1, 'x')].iter().map(|(bit, c)| if granted & bit == 0 { '-' } else { *c }).collect();
        Record::new(GRANT).with("tag", word(&ACL_TAG, tag)).with("name", name).with("permissions", permissions)
    };
    entries.iter().map(grant).collect()
}

fn ancestors(host: &Host, all: &[&Passed]) -> Value {
    let name = |name: Result<String, Reason>, id: u32| name.unwrap_or_else(|_| id.to_string());
    let describe = |passed: &&Passed| {
        let stat = &passed.stat;
        let (owner, group) =
            (name(host.user_name(stat.st_uid), stat.st_uid), name(host.group_name(stat.st_gid), stat.st_gid));
        format!("{} ({owner}:{group} {:04o})", passed.path.display(), stat.st_mode & 0o7777)
    };
    all.iter().map(describe).collect()
}

/// Says of each which is the newest of its kind. When some were not seen, one that is older than another surely is not.
fn mark_newest(mut seen: Vec<Subject>, times: &[(i64, i64)], unseen: Option<&Reason>) -> Vec<Subject> {
    let kind = |subject: &Subject| subject.fields.get("kind").map(ToString::to_string).unwrap_or_default();
    let mut newest: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (subject, time) in seen.iter().zip(times) {
        let best = newest.entry(kind(subject)).or_insert(*time);
        *best = (*best).max(*time);
    }
    for (subject, time) in seen.iter_mut().zip(times) {
        let is_newest = newest.get(&kind(subject)) == Some(time);
        if matches!(subject.fields.get("modified"), Some(Observed::Known(_))) {
            subject.fields.set(
                "is_newest",
                match unseen {
                    Some(reason) if is_newest => Observed::Unknown(reason.clone()),
                    Some(_) | None => is_newest.into(),
                },
            );
        }
    }
    seen
}

#[cfg(test)]
mod tests;

//! `process`: a program that runs, as whom, and what it may do.

pub(super) mod arguments;

use std::collections::BTreeSet;
use std::path::Path;

use crate::facts::{Basis, Listing, Subject};
use crate::glob::Glob;
use crate::resource::{Accepts, Field, Param, Resource, With, capabilities, field, text};
use crate::target::host::processes::{Belongs, Status};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Record, Type, Value};

/// Bytes of `/proc/PID/maps`.
const MAPS: u64 = 16 << 20;
/// Bytes of a command's name that the kernel keeps.
const NAME: usize = 15;
/// What the kernel adds to the name of a file that is gone.
const DELETED: &str = " (deleted)";
const BOOL: Type = Type::Bool(Dialect::Plain);

static TEXT: Type = Type::Text;

/// The system calls that a process may make (seccomp(2)), the most first.
static SECCOMP: Vocabulary = Vocabulary { name: "seccomp_mode", words: &["none", "filter", "strict"], ordered: false };

const FIELDS: &[Field] = &[
    field("name", Type::Text, "comm", "the command's name, its first 15 bytes"),
    field("pid", Type::Integer, "", "its number"),
    field("own", BOOL, "", "whether it is harden itself"),
    field("user", Type::Text, "status Uid", "its effective user's name, or the number when no account has it"),
    field("uid", Type::Integer, "status Uid", "its effective user's number, as harden's user namespace counts"),
    field("group", Type::Text, "status Gid", "its effective group's name, or the number when no group has it"),
    field("groups", Type::List(&TEXT), "status Groups", "its supplementary groups"),
    field(
        "effective_capabilities",
        Type::List(&TEXT),
        "status CapEff",
        "what it may do now (capabilities(7)), without `CAP_`; a process of another user namespace holds them there only",
    ),
    field(
        "bounding_capabilities",
        Type::List(&TEXT),
        "status CapBnd",
        "what it and its children could get by running a program",
    ),
    field("ambient_capabilities", Type::List(&TEXT), "status CapAmb", "what its children keep without further ado"),
    field(
        "own_user_namespace",
        BOOL,
        "ns/user",
        "whether it is in harden's own user namespace, so that its capabilities are those of the host",
    ),
    field(
        "no_new_privileges",
        BOOL,
        "status NoNewPrivs",
        "whether no program that it runs can gain rights (setuid, file capabilities)",
    ),
    field("seccomp", Type::Word(&SECCOMP), "status Seccomp", "`none`, `filter` (a list of system calls) or `strict`"),
    field("umask", Type::Mode, "status Umask", "the permission bits that its new files do not get"),
    field("executable", Type::Text, "exe", "the file that it runs"),
    field(
        "executable_deleted",
        BOOL,
        "exe",
        "whether that file is gone or was replaced, by an update or by somebody who hides",
    ),
    field(
        "replaced_libraries",
        Type::List(&TEXT),
        "maps",
        "shared libraries that it still uses in a version that is no longer installed",
    ),
    field(
        "arguments",
        Type::List(&TEXT),
        "cmdline",
        "what it was called with, itself first; what may be a secret is `***`",
    ),
    field(
        "secret_in_arguments",
        BOOL,
        "cmdline",
        "whether an argument gives a password, token or key by its name: every user of the machine can read it",
    ),
    field("unit", Type::Text, "cgroup", "the systemd unit that it belongs to; absent when none"),
    field("container", Type::Text, "cgroup", "the id of the container that it is in; absent when none"),
];

pub(super) static PROCESS: Resource = Resource {
    name: "process",
    about: "A program that runs on the host. Threads of the kernel's own and processes that have ended are left out.",
    privilege: "any user for most; root, or its user, for the file that it runs and its libraries; without the mount option hidepid",
    params: &[Param {
        name: "name",
        accepts: Accepts::Text,
        required: false,
        about: "the command's name (`*` allowed); every process when not given",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("processes are those of a host")) };
    if !host.is_live() {
        return Listing::absent("nothing runs in a root directory: its files are at rest");
    }
    let name = text(with, "name").to_owned();
    host.run(move |host| look(host, &name)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, name: &str) -> Listing {
    let glob = Glob::new(if name.is_empty() { "*" } else { name });
    let pids = match host.pids() {
        Ok(pids) => pids,
        Err(reason) => return Listing::failed(reason),
    };
    let (mut subjects, mut more) = (Vec::new(), pids.more);
    for pid in pids.seen {
        match read(host, pid, &glob) {
            Ok(seen) => subjects.extend(seen),
            // It has ended.
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => drop(more.get_or_insert(reason)),
        }
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("no process is called {name}")),
        None => Listing::complete(subjects),
    }
}

/// `None` for one that runs no program or is called otherwise.
fn read(host: &Host, pid: u32, glob: &Glob) -> Result<Option<Subject>, Trouble> {
    let status = host.status(pid)?;
    if status.without_program {
        return Ok(None);
    }
    let arguments = host.arguments(pid);
    if !is_called(&status.name, arguments.as_deref().unwrap_or_default(), glob) {
        return Ok(None);
    }
    let name = format!("{} (pid {pid})", status.name);
    let mut subject = Subject::new(&PROCESS, name, format!("/proc/{pid}"), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("pid", i64::from(pid));
    fields.set("own", pid == std::process::id());
    set_status(fields, host, &status);
    set_arguments(fields, arguments);
    set_files(fields, host, pid);
    Ok(Some(subject))
}

/// A name that fills what the kernel keeps may be longer: then the program's own word for itself counts too.
fn is_called(name: &str, arguments: &[String], glob: &Glob) -> bool {
    let own = arguments.first().and_then(|first| first.rsplit('/').next()).unwrap_or_default();
    glob.matches(name) || (name.len() >= NAME && own.starts_with(name) && glob.matches(own))
}

fn known<V: Into<Observed>>(read: Result<V, Reason>) -> Observed {
    read.map_or_else(Observed::Unknown, Into::into)
}

fn set_status(fields: &mut Record, host: &Host, status: &Status) {
    let silent = || Observed::unknown("the kernel does not say");
    fields.set("name", status.name.as_str());
    fields.set("user", known(host.user_name(status.effective_user())));
    fields.set("uid", i64::from(status.effective_user()));
    fields.set("group", known(host.group_name(status.effective_group())));
    fields.set("groups", status.groups.iter().map(|gid| known(host.group_name(*gid))).collect::<Value>());
    fields.set("effective_capabilities", capabilities::names(status.effective));
    fields.set("bounding_capabilities", capabilities::names(status.bounding));
    fields.set("ambient_capabilities", capabilities::names(status.ambient));
    fields.set("no_new_privileges", status.no_new_privileges.map_or_else(silent, Observed::from));
    let mode = status.seccomp.map(|mode| match mode {
        0 => word(&SECCOMP, "none"),
        1 => word(&SECCOMP, "strict"),
        2 => word(&SECCOMP, "filter"),
        other => word(&SECCOMP, &other.to_string()),
    });
    fields.set("seccomp", mode.map_or_else(silent, Observed::Known));
    fields.set("umask", status.umask.map_or_else(silent, |umask| Value::Mode(umask).into()));
}

fn set_arguments(fields: &mut Record, arguments: Result<Vec<String>, Trouble>) {
    match arguments {
        Ok(arguments) => {
            let shown = arguments::redact(&arguments);
            fields.set("secret_in_arguments", shown.gives_secret);
            fields.set("arguments", shown.arguments.into_iter().collect::<Value>());
        }
        Err(trouble) => {
            let reason = gone(trouble);
            fields.set("secret_in_arguments", Observed::Unknown(reason.clone()));
            fields.set("arguments", Observed::Unknown(reason));
        }
    }
}

/// What is missing of a process that was there a moment ago.
fn gone(trouble: Trouble) -> Reason {
    match trouble {
        Trouble::Absent => Reason::new("the process has ended"),
        Trouble::Unseen(reason) => reason,
    }
}

fn set_files(fields: &mut Record, host: &Host, pid: u32) {
    let link = |name: &str| host.link_text(Path::new(&format!("/proc/{pid}/{name}"))).map_err(gone);
    let executable = link("exe").map(|text| text.to_string_lossy().into_owned());
    fields.set(
        "executable_deleted",
        known(executable.as_ref().map(|text| text.ends_with(DELETED)).map_err(Clone::clone)),
    );
    fields.set("executable", known(executable.map(|text| text.strip_suffix(DELETED).unwrap_or(&text).to_owned())));
    let own = host.link_text(Path::new("/proc/self/ns/user")).map_err(gone);
    fields.set("own_user_namespace", known(link("ns/user").and_then(|of| Ok(own? == of))));
    let maps = host.read(Path::new(&format!("/proc/{pid}/maps")), MAPS).map_err(gone);
    fields.set("replaced_libraries", known(maps.map(|maps| replaced(&String::from_utf8_lossy(&maps)))));
    let belongs = host.of_process(pid, "cgroup").map(|text| Belongs::parse(&String::from_utf8_lossy(&text)));
    match belongs {
        Ok(belongs) => {
            fields.set("unit", Observed::from_option(belongs.unit));
            fields.set("container", Observed::from_option(belongs.container));
        }
        Err(trouble) => {
            let reason = gone(trouble);
            fields.set("unit", Observed::Unknown(reason.clone()));
            fields.set("container", Observed::Unknown(reason));
        }
    }
}

/// Libraries in use whose files are gone (proc_pid_maps(5)). Files that programs delete on purpose, such as shared
/// memory, are none.
fn replaced(maps: &str) -> Value {
    let path = |line: &str| Some(line.get(line.find('/')?..)?.strip_suffix(DELETED)?.to_owned());
    let is_library = |path: &String| {
        let folders = ["/usr/", "/lib", "/opt/", "/snap/"];
        folders.iter().any(|folder| path.starts_with(folder)) && (path.ends_with(".so") || path.contains(".so."))
    };
    maps.lines().filter_map(path).filter(is_library).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;

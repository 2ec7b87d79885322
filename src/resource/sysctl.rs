//! `sysctl`: a parameter of the kernel, as it is and as the files set it when the system starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::facts::{Basis, Listing, Subject};
use crate::format::sysctl::{self, Assignment};
use crate::glob::is_pattern;
use crate::resource::{Accepts, Field, Param, Resource, With, field, sensitive, text};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type};

/// Bytes of a parameter, and of a file that sets some.
const VALUE: u64 = 64 << 10;
const FILE: u64 = 1 << 20;
/// Where files of parameters are: of several with one name the first counts (sysctl.d(5)).
const FOLDERS: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// Read last by everything but systemd, which reads it only where a link in a folder leads to it.
const OLD_FILE: &str = "/etc/sysctl.conf";
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"];

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "its name with dots, as sysctl(8) prints it"),
    field(
        "value",
        Type::As,
        "",
        "what the running kernel has; with --root what the files set. Read as `as` says, an integer when that is not given; several numbers are text with a blank between them",
    ),
    field("declared", Type::As, "", "what the files of sysctl.d(5) set when the system starts; absent when none does"),
    field("declared_at", Type::Text, "", "the file and line that sets it; absent when none does"),
    field(
        "agrees",
        Type::Bool(Dialect::Plain),
        "",
        "whether the running kernel has what the files set; absent when none does, and with --root",
    ),
];

pub(super) static SYSCTL: Resource = Resource {
    name: "sysctl",
    about: "A parameter of the kernel: the running one's, and with --root that which files set at its start.",
    privilege: "any user for most; root for some (`fs.protected_*`)",
    params: &[
        Param {
            name: "name",
            accepts: Accepts::Text,
            required: true,
            about: "its name, `kernel.randomize_va_space`; `*` for any one part, `net.ipv4.conf.*.rp_filter`",
        },
        Param {
            name: "as",
            accepts: Accepts::AsElse(Type::Integer),
            required: false,
            about: "the type that the value is read as; an integer when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("kernel parameters are those of a host")) };
    let (path, ty) = (sysctl::path(text(with, "name")), SYSCTL.as_type(with));
    host.run(move |host| look(host, &path, ty, host.is_live())).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, path: &str, ty: Type, live: bool) -> Listing {
    if path.split('/').any(|part| part == "..") {
        return Listing::failed(Reason::new(format!("`{path}` is no parameter")));
    }
    let declared = Declared::read(host);
    if live { running(host, path, ty, &declared) } else { at_rest(host, path, ty, &declared) }
}

fn running(host: &Host, path: &str, ty: Type, declared: &Declared) -> Listing {
    let name = sysctl::name(path);
    if let Err(Trouble::Absent) = host.resolve(Path::new("/proc/sys/kernel")) {
        return Listing::failed(Reason::new("there is no /proc/sys: /proc is not mounted"));
    }
    let matches = match host.find(&format!("/proc/sys/{path}")) {
        Ok(matches) => matches,
        Err(reason) => return Listing::failed(reason),
    };
    let found = matches.paths.iter().filter_map(|found| {
        let below = found.strip_prefix("/proc/sys").ok()?.to_str()?;
        let value = match host.read(found, VALUE) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")),
            Err(Trouble::Absent) => return None,
            Err(Trouble::Unseen(reason)) => Err(reason),
        };
        Some(subject(host, below, ty, Some(value), declared))
    });
    let subjects: Vec<Subject> = found.collect();
    match matches.more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("this kernel has no {name}")),
        None => Listing::complete(subjects),
    }
}

/// What the files set. A pattern asks for what they name themselves: which interfaces there will be, nobody knows.
fn at_rest(host: &Host, path: &str, ty: Type, declared: &Declared) -> Listing {
    let assignments = match &declared.assignments {
        Ok(assignments) => assignments,
        Err(reason) => return Listing::failed(reason.clone()),
    };
    let mut paths = vec![path.to_owned()];
    if is_pattern(path) {
        let matching = assignments.iter().filter(|(_, one)| sysctl::matches(path, &one.key));
        paths = matching.map(|(_, one)| one.key.clone()).collect();
        paths.sort();
        paths.dedup();
    }
    let set = paths.iter().filter(|path| sysctl::effective(assignments, path).is_some());
    let subjects: Vec<Subject> = set.map(|path| subject(host, path, ty, None, declared)).collect();
    if subjects.is_empty() {
        return Listing::absent(format!("no file in this root sets {}", sysctl::name(path)));
    }
    Listing::complete(subjects)
}

/// `running` is what the kernel has, `None` where none runs.
fn subject(host: &Host, path: &str, ty: Type, running: Option<Result<String, Reason>>, declared: &Declared) -> Subject {
    let name = sysctl::name(path);
    let basis = if running.is_some() { Basis::Live } else { Basis::Declared };
    let read = |text: &str| sensitive::read(&name, text, ty, host.salt());
    let set = declared.of(path);
    let origin = match (&running, &set) {
        (None, Ok(Some((_, place)))) => place.clone(),
        _ => format!("/proc/sys/{path}"),
    };
    let mut subject = Subject::new(&SYSCTL, name.as_str(), origin, basis);
    let fields = &mut subject.fields;
    fields.set("name", name.as_str());
    let unseen = |reason: &Reason| Observed::Unknown(reason.clone());
    let (value, place) = match &set {
        Ok(Some((value, place))) => (read(value), Observed::from(place.as_str())),
        Ok(None) => (Observed::Absent, Observed::Absent),
        Err(reason) => (unseen(reason), unseen(reason)),
    };
    fields.set(
        "value",
        match &running {
            Some(Ok(text)) => read(text),
            Some(Err(reason)) => unseen(reason),
            None => value.clone(),
        },
    );
    fields.set("declared", value);
    fields.set("declared_at", place);
    fields.set(
        "agrees",
        match (&running, &set) {
            (None, _) | (_, Ok(None)) => Observed::Absent,
            (Some(Err(reason)), _) | (_, Err(reason)) => unseen(reason),
            (Some(Ok(running)), Ok(Some((value, _)))) => (running == value).into(),
        },
    );
    subject
}

/// What the files set, in the order in which they are read.
struct Declared {
    assignments: Result<Vec<(String, Assignment)>, Reason>,
}

impl Declared {
    fn read(host: &Host) -> Self {
        Declared { assignments: files(host).and_then(|files| assignments(host, &files)) }
    }

    /// The value with blanks as the kernel shows them, and its place.
    fn of(&self, path: &str) -> Result<Option<(String, String)>, Reason> {
        let assignments = self.assignments.as_ref().map_err(Clone::clone)?;
        let set = sysctl::effective(assignments, path);
        Ok(set.and_then(|(file, one)| {
            let value = one.value.as_deref()?.split_whitespace().collect::<Vec<_>>().join(" ");
            Some((value, format!("{file}:{}", one.line)))
        }))
    }
}

/// The files that count, sorted by their name whatever their folder.
fn files(host: &Host) -> Result<Vec<PathBuf>, Reason> {
    let mut by_name: BTreeMap<Vec<u8>, PathBuf> = BTreeMap::new();
    for folder in FOLDERS {
        let found = host.find(&format!("{folder}/*.conf"))?;
        if let Some(reason) = found.more {
            return Err(reason);
        }
        for path in found.paths {
            let name = path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
            by_name.entry(name).or_insert(path);
        }
    }
    // systemd's patterns leave hidden files out, ours do not.
    by_name.retain(|name, _| !name.starts_with(b"."));
    let mut files: Vec<PathBuf> = by_name.into_values().collect();
    if !SYSTEMD.iter().any(|program| host.resolve(Path::new(program)).is_ok()) {
        files.push(OLD_FILE.into());
    }
    Ok(files)
}

fn assignments(host: &Host, files: &[PathBuf]) -> Result<Vec<(String, Assignment)>, Reason> {
    let mut all = Vec::new();
    for file in files {
        let is_masked = host.resolve(file).is_ok_and(|found| found.path == Path::new("/dev/null"));
        if is_masked {
            continue;
        }
        let bytes = match host.read(file, FILE) {
            Ok(bytes) => bytes,
            Err(Trouble::Absent) => continue,
            Err(Trouble::Unseen(reason)) => return Err(reason),
        };
        let shown = file.display().to_string();
        let parsed = sysctl::parse(&String::from_utf8_lossy(&bytes));
        all.extend(parsed.into_iter().map(|one| (shown.clone(), one)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;

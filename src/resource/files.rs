//! Reading the files that a pattern matches, for the resources that look into them.

use std::path::{Path, PathBuf};

use super::{With, text};
use crate::facts::{Listing, Subject};
use crate::format::source::{Files, Miss};
use crate::target::Door;
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason, Value};
use crate::x509::Seen;

/// Bytes of a file that is looked into.
const MAX_BYTES: u64 = 4 << 20;

/// What a file adds to a listing.
pub(super) enum Content {
    /// Subjects, and why there may be more in it.
    Subjects(Vec<Subject>, Option<Reason>),
    /// It is no such file. Said of a file that was named it is a reason; of one that a glob found it is nothing.
    Other(String),
}

/// What each file that the parameter `path` names holds, for resources that depend on nothing else.
pub(super) async fn each(door: &Door, with: &With, content: fn(&str, &[u8]) -> Content) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("files are read on a host")) };
    let pattern = text(with, "path").to_owned();
    let reading = host.run(move |host| list(host, &pattern, |_, path, bytes| content(&show(path), bytes)));
    reading.await.unwrap_or_else(Listing::failed)
}

/// The same with the first bytes of each file alone, however large it is.
pub(super) async fn each_start(door: &Door, with: &With, bytes: usize, content: fn(&str, &[u8]) -> Content) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("files are read on a host")) };
    let pattern = text(with, "path").to_owned();
    let start = move |host: &Host, path: &Path| host.read_start(path, bytes);
    let reading = host.run(move |host| list_by(host, &pattern, start, |_, path, bytes| content(&show(path), bytes)));
    reading.await.unwrap_or_else(Listing::failed)
}

/// Reads each file that `pattern` matches. One that cannot be read makes the listing partial and stops no other.
pub(super) fn list(host: &Host, pattern: &str, read: impl Fn(&Host, &Path, &[u8]) -> Content) -> Listing {
    list_by(host, pattern, |host, path| host.read(path, MAX_BYTES), read)
}

fn list_by(
    host: &Host,
    pattern: &str,
    fetch: impl Fn(&Host, &Path) -> Result<Vec<u8>, Trouble>,
    read: impl Fn(&Host, &Path, &[u8]) -> Content,
) -> Listing {
    let named = !crate::glob::is_pattern(pattern);
    let matches = match host.find(pattern) {
        Ok(matches) => matches,
        Err(reason) => return Listing::failed(reason),
    };
    let mut subjects = Vec::new();
    let mut more = matches.more;
    let mut found = false;
    for path in matches.paths {
        let trouble = match fetch(host, &path) {
            Ok(bytes) => match read(host, &path, &bytes) {
                Content::Subjects(seen, unseen) => {
                    found = true;
                    subjects.extend(seen);
                    unseen
                }
                Content::Other(_) if !named => None,
                Content::Other(what) => Some(Reason::new(format!("{}: {what}", path.display()))),
            },
            Err(Trouble::Absent) => None,
            Err(Trouble::Unseen(_)) if !named && is_no_file(host, &path) => None,
            Err(Trouble::Unseen(reason)) => Some(reason),
        };
        more = more.or(trouble);
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if found => Listing::complete(subjects),
        None => Listing::absent(match named {
            true => format!("{pattern} does not exist"),
            false => format!("nothing matches {pattern}"),
        }),
    }
}

/// A glob also matches directories and sockets, which hold nothing to read.
fn is_no_file(host: &Host, path: &Path) -> bool {
    host.resolve(path).is_ok_and(|found| {
        crate::target::host::kind_name(rustix::fs::FileType::from_raw_mode(found.stat.st_mode)) != "file"
    })
}

/// The host's files for the readers of configurations that include others.
pub(super) struct Included<'h>(pub(super) &'h Host);

impl Files for Included<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Miss> {
        self.0.read(Path::new(path), MAX_BYTES).map_err(|trouble| match trouble {
            Trouble::Absent => Miss::Absent,
            Trouble::Unseen(reason) => Miss::Unseen(reason.to_string()),
        })
    }

    fn find(&self, pattern: &str) -> (Vec<String>, Option<String>) {
        match self.0.find(pattern) {
            Ok(found) => {
                (found.paths.iter().map(|path| show(path)).collect(), found.more.map(|reason| reason.to_string()))
            }
            Err(reason) => (Vec::new(), Some(reason.to_string())),
        }
    }
}

/// A path as text; bytes that are no UTF-8 are shown by their replacement.
pub(super) fn show(path: &Path) -> String {
    path.display().to_string()
}

/// The first of these files that exists.
pub(super) fn first_of(host: &Host, paths: &[&str]) -> Result<Option<(PathBuf, Vec<u8>)>, Reason> {
    for path in paths {
        match host.read(Path::new(path), MAX_BYTES) {
            Ok(bytes) => return Ok(Some((PathBuf::from(path), bytes))),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => return Err(reason),
        }
    }
    Ok(None)
}

/// What the certificate and key readers saw, as a field.
pub(super) fn seen<V: Into<Value>>(seen: Seen<V>) -> Observed {
    match seen {
        Seen::Known(known) => Observed::Known(known.into()),
        Seen::Absent => Observed::Absent,
        Seen::Unknown(reason) => Observed::unknown(reason),
    }
}

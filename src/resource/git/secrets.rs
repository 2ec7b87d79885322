//! Files of a work tree that are or hold secrets: the tracked ones, and those that the next `git add` would take.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::ignores::Ignores;
use super::repository::Repository;
use super::secret;
use crate::git::index::{Entry, Index, Kind};
use crate::git::secrets::{by_path, find};
use crate::target::host::{Host, Trouble};
use crate::value::{List, Observed, Reason, Value};

/// Bytes of a file that is looked into, and of all together; larger ones are hardly written by hand.
const FILE: u64 = 4 << 20;
const ALL: u64 = 2 << 30;
/// Directories that are looked through for files that are not tracked.
const FOLDERS: usize = 50_000;
/// Files that hold no text, by the ends of their names.
const NO_TEXT: [&str; 32] = [
    "png", "jpg", "jpeg", "gif", "webp", "ico", "bmp", "pdf", "zip", "gz", "xz", "bz2", "zst", "7z", "tar", "jar",
    "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "mov", "webm", "wav", "so", "dll", "exe", "wasm", "pack",
    "parquet",
];

fn is_text(path: &str) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    !NO_TEXT.contains(&end.as_str())
}

#[derive(Default)]
struct Found {
    items: Vec<Observed>,
    more: Option<Reason>,
}

impl Found {
    fn doubt(&mut self, reason: Reason) {
        self.more.get_or_insert(reason);
    }

    fn look(&mut self, shown: &str, content: &[u8]) {
        self.items.extend(find(shown, content).iter().map(|one| Observed::from(secret(shown, one))));
    }

    fn by_name(&mut self, shown: &str) {
        let kind = by_path(shown).map(|kind| crate::git::secrets::Secret { kind, line: None });
        self.items.extend(kind.map(|one| Observed::from(secret(shown, &one))));
    }
}

impl From<Found> for Observed {
    fn from(found: Found) -> Self {
        Value::List(List { items: found.items, more: found.more }).into()
    }
}

pub(super) fn tracked(host: &Host, repository: &Repository, index: &Index) -> Observed {
    let mut found = Found { items: Vec::new(), more: index.more.map(Reason::new) };
    let (mut left, mut missing) = (ALL, 0_usize);
    for entry in index.entries.iter().filter(|entry| entry.kind == Kind::File) {
        if host.stopped() {
            found.doubt(Reason::new("it took too long"));
            break;
        }
        let shown = String::from_utf8_lossy(&entry.path).into_owned();
        if !is_text(&shown) {
            found.by_name(&shown);
            continue;
        }
        match host.read(&at(repository, entry), FILE.min(left)) {
            Ok(bytes) => {
                left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                found.look(&shown, &bytes);
            }
            Err(Trouble::Absent) => {
                found.by_name(&shown);
                missing += 1;
            }
            Err(Trouble::Unseen(reason)) => {
                found.by_name(&shown);
                found.doubt(reason);
            }
        }
    }
    if missing > 0 {
        let text =
            format!("{missing} tracked files are not in the work tree, so that their content was not looked into");
        found.doubt(Reason::new(text).with_grant("`git checkout` or `git sparse-checkout disable`"));
    }
    found.into()
}

fn at(repository: &Repository, entry: &Entry) -> PathBuf {
    repository.top.join(OsStr::from_bytes(&entry.path))
}

/// Files by the name of a secret, and keys, that are neither tracked nor ignored.
pub(super) fn exposed(host: &Host, repository: &Repository, index: &Index, mut ignores: Ignores<'_>) -> Observed {
    let tracked: BTreeSet<&[u8]> = index.entries.iter().map(|entry| entry.path.as_slice()).collect();
    let mut found = Found { items: Vec::new(), more: index.more.map(Reason::new) };
    let mut open = vec![repository.top.clone()];
    let mut folders = 0_usize;
    while let Some(folder) = open.pop() {
        folders += 1;
        if folders > FOLDERS || host.stopped() {
            found.doubt(Reason::new(format!("the work tree has more than {FOLDERS} directories, or it took too long")));
            break;
        }
        let listed = match host.find(&format!("{}/*", escaped(&folder))) {
            Ok(listed) => listed,
            Err(reason) => {
                found.doubt(reason);
                continue;
            }
        };
        listed.more.into_iter().for_each(|reason| found.doubt(reason));
        for (path, seen) in host.resolve_each(&listed.paths) {
            let Some(seen) = seen.ok().filter(|seen| seen.link_target.is_none()) else { continue };
            let Ok(relative) = path.strip_prefix(&repository.top) else { continue };
            let name = relative.as_os_str().as_bytes();
            let kind = FileType::from_raw_mode(seen.stat.st_mode);
            if path.file_name() == Some(OsStr::new(".git")) || tracked.contains(name) {
                continue;
            }
            let shown = relative.display().to_string();
            let is_directory = kind == FileType::Directory;
            if !is_directory && (kind != FileType::RegularFile || !is_candidate(&shown)) {
                continue;
            }
            match ignores.decide(name, is_directory) {
                Ok(true) => {}
                Ok(false) if is_directory && is_repository(host, path) => {}
                Ok(false) if is_directory => open.push(path.to_owned()),
                Ok(false) => match host.read(path, FILE) {
                    Ok(bytes) => found.look(&shown, &bytes),
                    Err(Trouble::Absent) => {}
                    Err(Trouble::Unseen(reason)) => {
                        found.by_name(&shown);
                        found.doubt(reason);
                    }
                },
                Err(reason) => found.doubt(reason),
            }
        }
    }
    found.into()
}

/// Whether a file that is not tracked is looked into: by its name it is a secret, or may be a key.
fn is_candidate(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    by_path(path).is_some() || [".pem", ".key", ".asc", ".crt", ".cer"].iter().any(|end| lower.ends_with(end))
}

/// git does not look into another repository.
fn is_repository(host: &Host, path: &Path) -> bool {
    host.resolve(&path.join(".git")).is_ok()
}

/// A path as a pattern that stands for itself alone.
fn escaped(path: &Path) -> String {
    let mut pattern = String::new();
    for c in path.display().to_string().chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | ',') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

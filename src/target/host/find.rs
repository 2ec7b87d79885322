//! The paths that a pattern matches, with the place where looking ended when it could not go on.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::{Found, Host, Trouble, file_system};
use crate::glob::{Component, components, expand_braces};
use crate::value::Reason;

/// Directory entries that one pattern may look at, matches that it may give, directories below each other.
const MAX_ENTRIES: usize = 300_000;
const MAX_MATCHES: usize = 50_000;
const MAX_DEPTH: usize = 64;

/// File systems without files of their own, which `**` does not enter: proc, sysfs, cgroup, cgroup2, debugfs, tracefs,
/// securityfs, bpf, configfs, selinuxfs, fusectl, binfmt_misc (`include/uapi/linux/magic.h`).
const PSEUDO: [i64; 12] = [
    0x9fa0,
    0x6265_6572,
    0x27_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x6265_6570,
    0xf97c_ff8c,
    0x6573_5543,
    0x4249_4e4d,
];

/// What a pattern matches.
#[derive(Debug)]
pub struct Matches {
    pub paths: Vec<PathBuf>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

struct Finder<'h> {
    host: &'h Host,
    paths: BTreeSet<PathBuf>,
    entries: usize,
    /// The last listing: `**` asks for each directory twice in a row.
    listed: Option<(PathBuf, Entries)>,
    more: Option<Reason>,
    stopped: bool,
}

/// The names in a directory with what they are.
type Entries = Rc<[(OsString, FileType)]>;

pub(super) fn find(host: &Host, pattern: &str) -> Result<Matches, Reason> {
    let alternatives = expand_braces(pattern).map_err(Reason::new)?;
    if let Some(path) = alternatives.iter().find(|path| !path.starts_with('/')) {
        return Err(super::relative(path));
    }
    let alternatives: Vec<_> = alternatives.iter().map(|path| components(path)).collect();
    let mut finder = Finder { host, paths: BTreeSet::new(), entries: 0, listed: None, more: None, stopped: false };
    for components in &alternatives {
        finder.step(PathBuf::from("/"), components, 0);
    }
    Ok(Matches { paths: finder.paths.into_iter().collect(), more: finder.more })
}

impl Finder<'_> {
    fn step(&mut self, mut base: PathBuf, mut rest: &[Component], depth: usize) {
        let mut literal = false;
        while let [Component::Literal(name), after @ ..] = rest {
            base.push(name);
            rest = after;
            literal = true;
        }
        if self.stopped {
            return;
        }
        match rest {
            // What was listed exists; a name that the pattern spells out may not.
            [] if literal => match self.host.resolve(&base) {
                Ok(_) => self.matched(base),
                Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => self.note(reason),
            },
            [] => self.matched(base),
            [Component::AnyDepth, after @ ..] => {
                self.step(base.clone(), after, depth);
                self.descend(&base, rest, depth);
            }
            [component, after @ ..] => {
                for (name, kind) in self.list(&base).iter() {
                    let leads_on = after.is_empty() || !is_leaf(*kind);
                    let matches = match component {
                        Component::Pattern(glob) => glob.matches(&name.to_string_lossy()),
                        Component::Literal(_) | Component::AnyDepth => false,
                    };
                    if leads_on && matches {
                        self.step(base.join(name), after, depth);
                    }
                }
            }
        }
    }

    /// Every directory below, links not followed.
    fn descend(&mut self, base: &Path, rest: &[Component], depth: usize) {
        if depth >= MAX_DEPTH {
            return self.note(Reason::new(format!("not looked deeper than {}", base.display())));
        }
        for (name, kind) in self.list(base).iter() {
            let path = base.join(name);
            if *kind == FileType::Directory && !self.is_pseudo(&path) {
                self.step(path, rest, depth + 1);
            }
        }
    }

    fn is_pseudo(&self, path: &Path) -> bool {
        let Ok(found) = self.host.resolve(path) else { return false };
        let parent = found.passed.last().map(|passed| passed.stat.st_dev);
        parent != Some(found.stat.st_dev) && file_system::magic(found.fd()).is_some_and(|magic| PSEUDO.contains(&magic))
    }

    fn matched(&mut self, path: PathBuf) {
        if self.paths.len() >= MAX_MATCHES {
            self.stop(Reason::new(format!("stopped at {} after {MAX_MATCHES} matches", path.display())));
        } else {
            self.paths.insert(path);
        }
    }

    /// The first reason is kept: one is enough to know that there may be more.
    fn note(&mut self, reason: Reason) {
        self.more.get_or_insert(reason);
    }

    fn stop(&mut self, reason: Reason) {
        self.stopped = true;
        self.note(reason);
    }

    /// The entries of a directory, sorted; none for what does not exist, is no directory or cannot be seen.
    fn list(&mut self, path: &Path) -> Entries {
        if let Some((_, names)) = self.listed.as_ref().filter(|(known, _)| known == path) {
            return Rc::clone(names);
        }
        self.stopped |= self.host.stopped();
        if self.stopped {
            return Rc::default();
        }
        let names: Entries = match self.host.resolve(path).and_then(|found| entries(&found, path)) {
            Ok(names) => names.into(),
            Err(Trouble::Absent) => Rc::default(),
            Err(Trouble::Unseen(reason)) => {
                self.note(reason);
                Rc::default()
            }
        };
        self.entries += names.len();
        if self.entries > MAX_ENTRIES {
            self.stop(Reason::new(format!("stopped at {} after {MAX_ENTRIES} entries", path.display())));
            return Rc::default();
        }
        self.listed = Some((path.to_owned(), Rc::clone(&names)));
        names
    }
}

/// Whether an entry surely has nothing below it.
fn is_leaf(kind: FileType) -> bool {
    !matches!(kind, FileType::Directory | FileType::Symlink | FileType::Unknown)
}

fn entries(found: &Found, path: &Path) -> Result<Vec<(OsString, FileType)>, Trouble> {
    if found.dangling || FileType::from_raw_mode(found.stat.st_mode) != FileType::Directory {
        return Err(Trouble::Absent);
    }
    let fd = open_directory(found).map_err(|errno| Trouble::of(errno, path))?;
    let mut names = Vec::new();
    for entry in Dir::new(fd).map_err(|errno| Trouble::of(errno, path))? {
        let entry = entry.map_err(|errno| Trouble::of(errno, path))?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if names.len() > MAX_ENTRIES {
            return Err(Trouble::new(format!("{} has more than {MAX_ENTRIES} entries", path.display())));
        }
        names.push((OsString::from_vec(name.to_vec()), kind_of(found, entry.file_name(), entry.file_type())));
    }
    names.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    Ok(names)
}

/// The names in a directory, sorted.
pub(super) fn names(found: &Found, path: &Path) -> Result<Vec<OsString>, Trouble> {
    entries(found, path).map(|entries| entries.into_iter().map(|(name, _)| name).collect())
}

/// Opens a directory to list it. Its own `.` cannot be looked up in one that may be listed and not searched; then its name
/// is opened again, if that still is the same directory.
fn open_directory(found: &Found) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let denied = match openat(found.fd(), ".", flags, Mode::empty()) {
        Err(Errno::ACCESS) => Errno::ACCESS,
        other => return other,
    };
    let fd = openat(found.parent(), found.name(), flags, Mode::empty()).map_err(|_| denied)?;
    let stat = fstat(&fd)?;
    let same = (stat.st_dev, stat.st_ino) == (found.stat.st_dev, found.stat.st_ino);
    if same { Ok(fd) } else { Err(denied) }
}

/// Some file systems do not say in the listing what an entry is.
fn kind_of(dir: &Found, name: &std::ffi::CStr, listed: FileType) -> FileType {
    if listed != FileType::Unknown {
        return listed;
    }
    let stat = rustix::fs::statat(dir.fd(), name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
}

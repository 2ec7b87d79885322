//! Following a path inside a root, one component at a time.
//!
//! Each component is opened with `O_PATH | O_NOFOLLOW` relative to the directory before it, and links are followed
//! here, by their text: an absolute one starts again at the root, `..` goes back on our own stack of open directories
//! and stops at the root. The kernel is never asked to follow anything, so no link leads out, whoever changes it
//! meanwhile. `openat2` with `RESOLVE_IN_ROOT` gives the same answer (the tests compare them) in one call, but not what
//! rules ask about the way: the directories passed, and who could replace each step.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::{Trouble, file_system};

/// As many as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;
pub(super) const PROC_SUPER_MAGIC: i64 = 0x9fa0;

/// What a path leads to, and the way there.
#[derive(Debug)]
pub struct Found {
    /// Opened with `O_PATH`: it can be looked at, not read.
    fd: Rc<OwnedFd>,
    pub stat: Stat,
    /// Where it is when every link is followed.
    pub path: PathBuf,
    /// What the path's own last component says, when it is a link.
    pub link_target: Option<OsString>,
    /// That link leads to nothing: `stat` is the link's own.
    pub dangling: bool,
    /// The directories in which the way was looked up, in order.
    pub passed: Vec<Rc<Passed>>,
}

/// A directory on the way, with the entry that was taken in it.
#[derive(Debug)]
pub struct Passed {
    fd: Rc<OwnedFd>,
    pub path: PathBuf,
    pub stat: Stat,
    /// The owner of the entry: in a sticky directory only they, the directory's owner and root can replace it.
    pub entry_uid: u32,
}

impl Found {
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// When its content last changed: seconds since the epoch, and nanoseconds.
    pub fn modified(&self) -> (i64, i64) {
        (self.stat.st_mtime, i64::try_from(self.stat.st_mtime_nsec).unwrap_or_default())
    }

    /// The directory that holds it; for the root, itself.
    pub(super) fn parent(&self) -> BorrowedFd<'_> {
        self.passed.last().map_or(self.fd(), |passed| passed.fd())
    }

    pub(super) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(OsStr::new("."))
    }
}

impl Passed {
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Found {
    /// An entry of this directory, by a name that its listing gave: one step instead of the whole way. `None` where the
    /// way has to be walked: for a link, and when this is no directory any more.
    pub(super) fn entry(&self, name: &OsStr) -> Option<Found> {
        if self.dangling || FileType::from_raw_mode(self.stat.st_mode) != FileType::Directory {
            return None;
        }
        let fd = openat(&self.fd, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let stat = fstat(&fd).ok()?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return None;
        }
        let here = Passed { fd: self.fd.clone(), path: self.path.clone(), stat: self.stat, entry_uid: stat.st_uid };
        let mut passed = self.passed.clone();
        passed.push(Rc::new(here));
        Some(Found { fd: Rc::new(fd), stat, path: self.path.join(name), link_target: None, dangling: false, passed })
    }
}

/// A component still to be looked up.
struct Pending {
    name: OsString,
    /// Whether the caller named it, not a link.
    own: bool,
}

#[derive(Clone)]
struct Place {
    fd: Rc<OwnedFd>,
    stat: Stat,
    name: OsString,
}

struct Walk {
    /// Open directories from the root to where we are.
    stack: Vec<Place>,
    pending: Vec<Pending>,
    links: usize,
    passed: Vec<Rc<Passed>>,
    last_link: Option<(Place, PathBuf, OsString)>,
}

/// Resolves `path` below `root`; a relative path starts at the root too.
pub(super) fn resolve(root: &OwnedFd, path: &Path) -> Result<Found, Trouble> {
    let start = || -> Result<Place, Errno> {
        let fd = openat(root, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&fd)?;
        Ok(Place { fd: Rc::new(fd), stat, name: OsString::new() })
    };
    let first = start().map_err(|errno| Trouble::of(errno, Path::new("/")))?;
    let mut walk = Walk { stack: vec![first], pending: Vec::new(), links: 0, passed: Vec::new(), last_link: None };
    walk.push(path.as_os_str(), true);
    let end = walk.run();
    walk.found(end)
}

impl Walk {
    /// Puts the components of `path` before what is still to be looked up.
    fn push(&mut self, path: &OsStr, own: bool) {
        let bytes = path.as_bytes();
        let mut names: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        if bytes.ends_with(b"/") && !names.is_empty() {
            // A trailing slash demands a directory, as `.` does.
            names.push(b".");
        }
        let pending = names.into_iter().rev().map(|name| Pending { name: OsString::from_vec(name.to_vec()), own });
        self.pending.extend(pending);
    }

    /// Where we are, links followed.
    fn here(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(self.stack.iter().skip(1).map(|place| &place.name));
        path
    }

    /// Looks up everything; gives the last component when it is no directory.
    fn run(&mut self) -> Result<Option<Place>, Trouble> {
        while let Some(Pending { name, own }) = self.pending.pop() {
            match name.as_bytes() {
                b"." => continue,
                b".." => {
                    if self.stack.len() > 1 {
                        self.stack.pop();
                    }
                    continue;
                }
                _ => {}
            }
            let place = self.look_up(name)?;
            match FileType::from_raw_mode(place.stat.st_mode) {
                FileType::Symlink => self.follow(place, own)?,
                FileType::Directory => self.stack.push(place),
                _ if self.pending.is_empty() => return Ok(Some(place)),
                _ => return Err(Trouble::Absent),
            }
        }
        Ok(None)
    }

    fn look_up(&mut self, name: OsString) -> Result<Place, Trouble> {
        let path = self.here();
        let Some(dir) = self.stack.last().cloned() else { return Err(Trouble::Absent) };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&dir.fd, &name, flags, Mode::empty()).and_then(|fd| Ok((fstat(&fd)?, fd)));
        let (stat, fd) = opened.map_err(|errno| match errno {
            // The name is fine, its directory cannot be searched.
            Errno::ACCESS => Trouble::of(errno, &path),
            errno => Trouble::of(errno, &path.join(&name)),
        })?;
        self.passed.push(Rc::new(Passed { fd: dir.fd, path, stat: dir.stat, entry_uid: stat.st_uid }));
        Ok(Place { fd: Rc::new(fd), stat, name })
    }

    fn follow(&mut self, link: Place, own: bool) -> Result<(), Trouble> {
        let path = self.here().join(&link.name);
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Trouble::of(Errno::LOOP, &path));
        }
        if self.is_magic(&link) {
            return Err(Trouble::new(format!("{} is a link that only the kernel can follow", path.display())));
        }
        let target = readlinkat(&link.fd, "", Vec::new()).map_err(|errno| Trouble::of(errno, &path))?;
        let target = OsString::from_vec(target.into_bytes());
        if target.is_empty() {
            return Err(Trouble::Absent);
        }
        if own && self.pending.is_empty() {
            self.last_link = Some((link, path, target.clone()));
        }
        if target.as_bytes().starts_with(b"/") {
            self.stack.truncate(1);
        }
        self.push(&target, false);
        Ok(())
    }

    /// Links such as `/proc/1/root` and `/proc/1/fd/3`, whose text is not where they lead.
    fn is_magic(&self, link: &Place) -> bool {
        let on_proc = file_system::magic(&link.fd) == Some(PROC_SUPER_MAGIC);
        let parent = self.stack.last().map(|place| place.name.as_bytes()).unwrap_or_default();
        let by_name = matches!(link.name.as_bytes(), b"root" | b"cwd" | b"exe");
        on_proc && (by_name || matches!(parent, b"fd" | b"ns" | b"map_files"))
    }

    fn found(mut self, end: Result<Option<Place>, Trouble>) -> Result<Found, Trouble> {
        let link_target = self.last_link.as_ref().map(|(_, _, target)| target.clone());
        let (place, path, dangling) = match (end, self.last_link.take()) {
            (Ok(Some(file)), _) => {
                let path = self.here().join(&file.name);
                (file, path, false)
            }
            (Ok(None), _) => {
                let path = self.here();
                let place = self.stack.pop().ok_or(Trouble::Absent)?;
                (place, path, false)
            }
            (Err(Trouble::Absent), Some((link, path, _))) => (link, path, true),
            (Err(trouble), _) => return Err(trouble),
        };
        Ok(Found { fd: place.fd, stat: place.stat, path, link_target, dangling, passed: self.passed })
    }
}

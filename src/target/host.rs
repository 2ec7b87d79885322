//! The host, or a directory that stands for its root.
//!
//! Every path that a rule names is resolved here, component by component, and nowhere else: see [`walk`] for why no
//! link can lead out of the root. Files are opened read-only, only when they are regular ones, and read up to a limit.

pub mod acl;
pub mod environments;
pub mod file_system;
mod find;
mod names;
pub mod processes;
mod replaceable;
#[cfg(test)]
pub(crate) mod tests;
pub mod units;
mod walk;

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;

use crate::value::Reason;
use crate::value::secret::Salt;
pub use find::Matches;
use names::Names;
pub use walk::{Found, Passed};

/// Tries when a file is replaced between looking at it and opening it.
const TRIES: usize = 3;

/// Why something on the host could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is known not to exist.
    Absent,
    /// It could not be seen.
    Unseen(Reason),
}

impl Trouble {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Trouble::Unseen(Reason::new(text))
    }

    /// What a failed system call on `path` means.
    fn of(errno: Errno, path: &Path) -> Self {
        match errno {
            // ESRCH: a process that has ended, or a thread of the kernel's own, which has no memory to show.
            Errno::NOENT | Errno::NOTDIR | Errno::SRCH => Trouble::Absent,
            Errno::ACCESS | Errno::PERM => Trouble::Unseen(
                Reason::new(format!("permission denied at {}", path.display())).with_grant("run as root"),
            ),
            Errno::LOOP => Trouble::new(format!("too many symbolic links at {}", path.display())),
            other => Trouble::new(format!("{} at {}", io::Error::from(other), path.display())),
        }
    }
}

/// The host. Clones share what was opened; each is cheap.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
    /// Set when nobody waits for the result any more.
    stop: Arc<AtomicBool>,
}

struct Inner {
    root: OwnedFd,
    path: PathBuf,
    salt: Arc<Salt>,
    names: Names,
    /// Whether nothing else in this run tells about containers.
    alone: AtomicBool,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("root", &self.inner.path).finish_non_exhaustive()
    }
}

/// Stops the work of a loader that was given up.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Host {
    /// Opens `/`, or a directory that stands for it. `salt` keys the fingerprints of secrets of this run.
    pub fn open(root: &Path, salt: Arc<Salt>) -> io::Result<Self> {
        let fd = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let slash = open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let (own, live) = (fstat(&fd)?, fstat(&slash)?);
        let live = (own.st_dev, own.st_ino) == (live.st_dev, live.st_ino);
        let inner =
            Inner { root: fd, path: root.to_owned(), salt, names: Names::new(live), alone: AtomicBool::new(false) };
        Ok(Host { inner: Arc::new(inner), stop: Arc::default() })
    }

    /// Whether this is the running system's own root, so that `/proc` and its name services speak about it.
    pub fn is_live(&self) -> bool {
        self.inner.names.live
    }

    /// Notes that no Docker daemon and no manifest is looked at beside this host.
    pub fn set_alone(&self) {
        self.inner.alone.store(true, Ordering::Relaxed);
    }

    /// Whether only this host is looked at, so that nobody tells which containers use its files.
    pub fn is_alone(&self) -> bool {
        self.inner.alone.load(Ordering::Relaxed)
    }

    pub fn salt(&self) -> &Salt {
        &self.inner.salt
    }

    /// Runs blocking reads off the runtime's thread. When the caller is dropped, long walks end at their next step.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Reason>
    where
        T: Send + 'static,
        F: FnOnce(&Host) -> T + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let host = Host { inner: Arc::clone(&self.inner), stop: Arc::clone(&stop) };
        let _guard = StopOnDrop(stop);
        let task = tokio::task::spawn_blocking(move || work(&host));
        task.await.map_err(|_| Reason::new("reading was broken off by a fault in harden"))
    }

    /// Whether nobody waits for the result any more.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Follows a path inside the root to what it leads to.
    pub fn resolve(&self, path: &Path) -> Result<Found, Trouble> {
        if !path.has_root() {
            return Err(Trouble::Unseen(relative(&path.display().to_string())));
        }
        walk::resolve(&self.inner.root, path)
    }

    /// The same for many paths of which neighbours are often in one directory, as [`Host::find`] gives them: that
    /// directory's way is walked once. Their last components are names that a listing gave.
    pub fn resolve_each<'p>(&self, paths: &'p [PathBuf]) -> impl Iterator<Item = (&'p Path, Result<Found, Trouble>)> {
        let mut last: Option<(&Path, Option<Found>)> = None;
        paths.iter().map(move |path| {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return (path.as_path(), self.resolve(path));
            };
            if last.as_ref().is_none_or(|(known, _)| *known != parent) {
                last = Some((parent, self.resolve(parent).ok()));
            }
            let entry = last.as_ref().and_then(|(_, found)| found.as_ref()?.entry(name));
            (path.as_path(), entry.map_or_else(|| self.resolve(path), Ok))
        })
    }

    /// The paths that a pattern matches, sorted.
    pub fn find(&self, pattern: &str) -> Result<Matches, Reason> {
        find::find(self, pattern)
    }

    /// The content of a regular file of at most `limit` bytes. Anything else is not opened: a fifo would block, and
    /// opening a device can act on it.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Trouble> {
        let file = self.open_regular(path)?;
        let mut content = Vec::new();
        match file.take(limit.saturating_add(1)).read_to_end(&mut content) {
            Err(error) => Err(match error.raw_os_error().map(Errno::from_raw_os_error) {
                // A process that ended while its files in /proc were read.
                Some(Errno::SRCH) => Trouble::Absent,
                Some(errno) => Trouble::of(errno, path),
                None => Trouble::new(format!("{error} at {}", path.display())),
            }),
            Ok(_) if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit => {
                Err(Trouble::new(format!("{} is larger than {limit} bytes", path.display())))
            }
            Ok(_) => Ok(content),
        }
    }

    /// The first bytes of a regular file, at most `bytes` of them.
    pub fn read_start(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, Trouble> {
        let file = self.open_regular(path)?;
        let mut start = Vec::new();
        let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
        match file.take(limit).read_to_end(&mut start) {
            Ok(_) => Ok(start),
            Err(error) => Err(match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(errno) => Trouble::of(errno, path),
                None => Trouble::new(format!("{error} at {}", path.display())),
            }),
        }
    }

    fn open_regular(&self, path: &Path) -> Result<File, Trouble> {
        for _ in 0..TRIES {
            let found = self.resolve(path)?;
            if found.dangling {
                return Err(Trouble::Absent);
            }
            let kind = FileType::from_raw_mode(found.stat.st_mode);
            if kind != FileType::RegularFile {
                return Err(Trouble::new(format!("{} is a {}, not a regular file", path.display(), kind_name(kind))));
            }
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let opened = match openat(found.parent(), found.name(), flags, Mode::empty()) {
                Ok(fd) => fd,
                Err(Errno::NOENT | Errno::LOOP) => continue,
                Err(errno) => return Err(Trouble::of(errno, path)),
            };
            let stat = fstat(&opened).map_err(|errno| Trouble::of(errno, path))?;
            if (stat.st_dev, stat.st_ino) == (found.stat.st_dev, found.stat.st_ino) {
                if stat.st_size == 0 && takes(&opened, found.name()) {
                    return Err(Trouble::new(format!(
                        "{} is not read: that would take it from others",
                        path.display()
                    )));
                }
                return Ok(File::from(opened));
            }
        }
        Err(Trouble::new(format!("{} was replaced each time it was opened", path.display())))
    }

    /// The user's name, or the number when no account has it.
    pub fn user_name(&self, uid: u32) -> Result<String, Reason> {
        self.inner.names.user(self, uid)
    }

    /// The group's name, or the number when no group has it.
    pub fn group_name(&self, gid: u32) -> Result<String, Reason> {
        self.inner.names.group(self, gid)
    }

    /// Whether root and `owner` are known to be the only members of a group: then what it may do, no other may.
    pub fn is_private_group(&self, gid: u32, owner: u32) -> bool {
        self.inner.names.is_private(self, gid, owner)
    }
}

/// Whether reading a file of the kernel's takes something from whoever else reads it: its log (proc(5)), and what tracing
/// and debugging file systems hold.
fn takes(file: &OwnedFd, name: &OsStr) -> bool {
    const DEBUGFS: i64 = 0x6462_6720;
    const TRACEFS: i64 = 0x7472_6163;
    match rustix::fs::fstatfs(file).map(|stat| stat.f_type) {
        Ok(walk::PROC_SUPER_MAGIC) => name == "kmsg",
        Ok(kind) => [DEBUGFS, TRACEFS].contains(&kind),
        Err(_) => false,
    }
}

/// Where a path leads that does not begin at the root depends on who asks.
fn relative(path: &str) -> Reason {
    Reason::new(format!("`{path}` is no absolute path"))
}

/// The word of [`crate::value::vocabulary::FILE_KIND`].
pub fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Socket => "socket",
        FileType::Fifo => "fifo",
        FileType::BlockDevice => "block-device",
        FileType::CharacterDevice => "char-device",
        FileType::Unknown => "unknown",
    }
}

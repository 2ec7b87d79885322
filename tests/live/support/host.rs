//! Folders that stand for a machine's root, with any owner, mode, list or link; and running as somebody else.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::session::session;
use super::tools;

/// The user that owns nothing, by number because not every system has the name.
pub(crate) const NOBODY: u32 = 65534;

/// A folder for `--root`. Paths are those inside it, absolute or not; missing parents are made with mode 0755.
pub(crate) struct Root {
    dir: PathBuf,
}

impl Root {
    /// An empty root with mode 0755.
    pub(crate) fn new() -> Root {
        Root { dir: session().instance("root") }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path out here of a path inside.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.dir.join(path.trim_start_matches('/'))
    }

    pub(crate) fn folder(&self, path: &str, mode: u32) -> &Root {
        let path = self.prepare(path);
        tools::make_dir(&path, mode);
        self
    }

    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> &Root {
        tools::write_file(&self.prepare(path), content, mode);
        self
    }

    /// A symbolic link at `path` with exactly the text `target`.
    pub(crate) fn link(&self, path: &str, target: &str) -> &Root {
        symlink(target, self.prepare(path)).unwrap_or_else(|error| panic!("link {path}: {error}"));
        self
    }

    /// A unix socket that nobody serves.
    pub(crate) fn socket(&self, path: &str) -> &Root {
        drop(UnixListener::bind(self.prepare(path)).unwrap_or_else(|error| panic!("bind {path}: {error}")));
        self
    }

    /// A named pipe: opening it waits for a writer that never comes.
    pub(crate) fn pipe(&self, path: &str) -> &Root {
        tools::run(Command::new(tools::find("mkfifo")).arg(self.prepare(path)));
        self
    }

    /// A block device with a number that the kernel leaves to local use. Needs root.
    pub(crate) fn device(&self, path: &str, mode: u32) -> &Root {
        tools::run(Command::new(tools::find("mknod")).arg(self.prepare(path)).args(["b", "240", "77"]));
        self.mode(path, mode)
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) -> &Root {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode))
            .unwrap_or_else(|error| panic!("chmod {path}: {error}"));
        self
    }

    /// Needs root.
    pub(crate) fn owner(&self, path: &str, user: u32, group: u32) -> &Root {
        std::os::unix::fs::lchown(self.at(path), Some(user), Some(group))
            .unwrap_or_else(|error| panic!("chown {path}: {error}"));
        self
    }

    /// Adds entries of a POSIX access control list, as `setfacl -m` takes them: `u:1000:rw`, `d:g:adm:r`.
    pub(crate) fn acl(&self, path: &str, entries: &str) -> &Root {
        tools::run(Command::new(tools::find("setfacl")).args(["-m", entries]).arg(self.at(path)));
        self
    }

    pub(crate) fn modified(&self, path: &str, time: SystemTime) -> &Root {
        let file = File::open(self.at(path)).unwrap_or_else(|error| panic!("open {path}: {error}"));
        file.set_modified(time).unwrap_or_else(|error| panic!("set the time of {path}: {error}"));
        self
    }

    fn prepare(&self, path: &str) -> PathBuf {
        let path = self.at(path);
        let missing: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| fs::symlink_metadata(folder).is_err())
            .map(Path::to_path_buf)
            .collect();
        for folder in missing.iter().rev() {
            tools::make_dir(folder, 0o755);
        }
        path
    }
}

/// `program` as the user and group `id`, without other groups or capabilities. Needs root.
pub(crate) fn command_as(id: u32, program: &Path) -> Command {
    assert!(tools::is_root(), "running as another user needs root: run the live tests as root");
    let mut command = Command::new(tools::find("setpriv"));
    command.arg(format!("--reuid={id}")).arg(format!("--regid={id}")).args([
        "--clear-groups",
        "--bounding-set=-all",
        "--",
    ]);
    command.arg(program);
    command
}

/// Gives a file or folder and all below to the user and group `id`. Needs root.
pub(crate) fn give_all(path: &Path, id: u32) {
    chown(path, Some(id), Some(id)).unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("list a folder").filter_map(Result::ok) {
            if !entry.path().is_symlink() {
                give_all(&entry.path(), id);
            }
        }
    }
}

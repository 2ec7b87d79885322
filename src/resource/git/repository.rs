//! Where a repository keeps its things (gitrepository-layout(5)).

use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::git::config::Config;
use crate::git::index::{self, Hash, Index};
use crate::target::host::{Host, Trouble};
use crate::value::Reason;

/// Bytes of the index, and of the small files.
const INDEX: u64 = 256 << 20;
const SMALL: u64 = 4 << 20;
/// The hooks that git runs (githooks(5)).
const HOOKS: [&str; 28] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "post-index-change",
];

pub(super) struct Repository {
    pub(super) top: PathBuf,
    /// Its own directory: of a further work tree, the one in `worktrees/`.
    pub(super) git: PathBuf,
    /// What all its work trees share.
    common: PathBuf,
    pub(super) bare: bool,
    pub(super) uid: u32,
}

fn is_directory(host: &Host, path: &Path) -> Result<bool, Reason> {
    match host.resolve(path) {
        Ok(found) => Ok(!found.dangling && FileType::from_raw_mode(found.stat.st_mode) == FileType::Directory),
        Err(Trouble::Absent) => Ok(false),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

impl Repository {
    /// The repository whose work tree's top this is, or that is bare.
    ///
    /// # Errors
    /// There is none, or it could not be looked at.
    pub(super) fn open(host: &Host, top: &Path) -> Result<Self, Trouble> {
        let dot = top.join(".git");
        let found = host.resolve(&dot);
        let (git, bare) = match found {
            Ok(found) if found.dangling => return Err(Trouble::Absent),
            Ok(found) if FileType::from_raw_mode(found.stat.st_mode) == FileType::Directory => (dot, false),
            Ok(_) => (led_to(host, &dot)?, false),
            Err(Trouble::Absent) => (top.to_owned(), true),
            Err(trouble) => return Err(trouble),
        };
        let common = match host.read(&git.join("commondir"), SMALL) {
            Ok(text) => git.join(String::from_utf8_lossy(&text).trim_end()),
            Err(Trouble::Absent) => git.clone(),
            Err(trouble) => return Err(trouble),
        };
        // Without these git does not take a directory for a repository.
        host.resolve(&git.join("HEAD"))?;
        for part in ["objects", "refs"] {
            if !is_directory(host, &common.join(part)).map_err(Trouble::Unseen)? {
                return Err(Trouble::Absent);
            }
        }
        let uid = host.resolve(&git)?.stat.st_uid;
        Ok(Repository { top: top.to_owned(), git, common, bare, uid })
    }

    /// Whether a file is there that all work trees share.
    pub(super) fn exists(&self, host: &Host, name: &str) -> Result<bool, Reason> {
        match host.resolve(&self.common.join(name)) {
            Ok(_) => Ok(true),
            Err(Trouble::Absent) => Ok(false),
            Err(Trouble::Unseen(reason)) => Err(reason),
        }
    }

    pub(super) fn config(&self, host: &Host) -> Result<Config, Reason> {
        let path = self.common.join("config");
        let config = match host.read(&path, SMALL) {
            Ok(bytes) => Config::parse(&String::from_utf8_lossy(&bytes)),
            Err(Trouble::Absent) => Config::default(),
            Err(Trouble::Unseen(reason)) => return Err(reason),
        };
        match config.broken {
            Some(line) => Err(Reason::new(format!("cannot parse {}:{line}", path.display()))),
            None => Ok(config),
        }
    }

    /// The index; a repository without one tracks nothing yet.
    pub(super) fn index(&self, host: &Host, config: &Config) -> Result<Index, Reason> {
        if self.bare {
            return Err(Reason::new("a bare repository has no work tree; give one that is checked out"));
        }
        // Submodules say so of their own work tree.
        if let Some(path) = config.get("core", "worktree") {
            let real = |path: &Path| host.resolve(path).map(|found| found.path).ok();
            if real(&self.git.join(path)).is_none_or(|path| real(&self.top) != Some(path)) {
                return Err(Reason::new("core.worktree puts the work tree elsewhere"));
            }
        }
        let hash = match config.get("extensions", "objectformat") {
            None | Some("sha1") => Hash::Sha1,
            Some("sha256") => Hash::Sha256,
            Some(_) => return Err(Reason::new("extensions.objectFormat names a hash that harden does not know")),
        };
        let path = self.git.join("index");
        match host.read(&path, INDEX) {
            Ok(bytes) => index::parse(&bytes, hash).map_err(|why| Reason::new(format!("{} {why}", path.display()))),
            Err(Trouble::Absent) => Ok(Index::default()),
            Err(Trouble::Unseen(reason)) => Err(reason),
        }
    }

    /// What git reads for all work trees: `info/exclude`.
    pub(super) fn shared(&self, name: &str) -> PathBuf {
        self.common.join(name)
    }

    /// The hooks that would run.
    pub(super) fn hooks(&self, host: &Host, config: &Config) -> Result<Vec<PathBuf>, Reason> {
        let folder = match config.get("core", "hookspath") {
            Some(path) if path.starts_with('/') => PathBuf::from(path),
            Some(path) if path.starts_with('~') => {
                return Err(Reason::new("core.hooksPath is in the home directory of whoever commits"));
            }
            Some(path) => self.top.join(path),
            None => self.common.join("hooks"),
        };
        let mut hooks = Vec::new();
        for name in HOOKS {
            let path = folder.join(name);
            match host.resolve(&path) {
                Ok(found) if !found.dangling && found.stat.st_mode & 0o111 != 0 => hooks.push(path),
                Ok(_) | Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => return Err(reason),
            }
        }
        Ok(hooks)
    }
}

/// Where a file `.git` leads: `gitdir: ../.git/worktrees/x`.
fn led_to(host: &Host, file: &Path) -> Result<PathBuf, Trouble> {
    let text = host.read(file, SMALL)?;
    let text = String::from_utf8_lossy(&text);
    let Some(path) = text.strip_prefix("gitdir: ") else {
        return Err(Trouble::Unseen(Reason::new(format!("{} does not say where the repository is", file.display()))));
    };
    Ok(file.parent().unwrap_or(Path::new("/")).join(path.trim_end_matches(['\r', '\n'])))
}

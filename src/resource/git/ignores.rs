//! Which paths of a work tree are ignored: by the files `.gitignore` from the path's own directory up, then by
//! `info/exclude`, then by the file that the repository's `core.excludesFile` names (gitignore(5)).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::repository::Repository;
use crate::git::config::Config;
use crate::git::ignore::Patterns;
use crate::target::host::{Host, Trouble};
use crate::value::Reason;

const LIMIT: u64 = 4 << 20;

#[derive(Clone)]
pub(super) struct Ignores<'h> {
    host: &'h Host,
    top: PathBuf,
    /// Of directories, by their paths from the top.
    own: BTreeMap<Vec<u8>, Result<Patterns, Reason>>,
    /// Those for the whole work tree, the first of which decides.
    others: Vec<Patterns>,
}

impl<'h> Ignores<'h> {
    pub(super) fn of(host: &'h Host, repository: &Repository, config: &Config) -> Result<Self, Reason> {
        let mut others = vec![read(host, &repository.shared("info/exclude"))?];
        match config.get("core", "excludesfile") {
            Some(path) if path.starts_with('/') => others.push(read(host, Path::new(path))?),
            Some(path) if path.starts_with('~') => {
                return Err(Reason::new("core.excludesFile is in the home directory of whoever commits"));
            }
            Some(path) => others.push(read(host, &repository.top.join(path))?),
            None => {}
        }
        if config.includes {
            return Err(Reason::new("its configuration includes another file, which may name more patterns"));
        }
        Ok(Ignores { host, top: repository.top.clone(), own: BTreeMap::new(), others })
    }

    /// Whether a path, or a directory that it is in, is ignored. The path is that from the top.
    pub(super) fn decide(&mut self, path: &[u8], is_directory: bool) -> Result<bool, Reason> {
        let ends: Vec<usize> = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).collect();
        for end in &ends {
            if self.decide_one(path.get(..*end).unwrap_or_default(), true)? {
                return Ok(true);
            }
        }
        self.decide_one(path, is_directory)
    }

    fn decide_one(&mut self, path: &[u8], is_directory: bool) -> Result<bool, Reason> {
        let mut folder = path;
        loop {
            folder = folder.iter().rposition(|byte| *byte == b'/').and_then(|at| folder.get(..at)).unwrap_or_default();
            let within = match folder.len() {
                0 => path,
                length => path.get(length + 1..).unwrap_or_default(),
            };
            if let Some(ignored) = self.patterns(folder)?.decide(within, is_directory) {
                return Ok(ignored);
            }
            if folder.is_empty() {
                break;
            }
        }
        Ok(self.others.iter().find_map(|patterns| patterns.decide(path, is_directory)).unwrap_or(false))
    }

    fn patterns(&mut self, folder: &[u8]) -> Result<&Patterns, Reason> {
        let (host, top) = (self.host, &self.top);
        let read = || read(host, &top.join(OsStr::from_bytes(folder)).join(".gitignore"));
        self.own.entry(folder.to_vec()).or_insert_with(read).as_ref().map_err(|reason| reason.clone())
    }
}

/// The patterns of a file. git does not follow a link of this name.
fn read(host: &Host, path: &Path) -> Result<Patterns, Reason> {
    match host.resolve(path) {
        Ok(found) if found.link_target.is_some() && path.ends_with(".gitignore") => return Ok(Patterns::default()),
        Ok(_) => {}
        Err(Trouble::Absent) => return Ok(Patterns::default()),
        Err(Trouble::Unseen(reason)) => return Err(reason),
    }
    match host.read(path, LIMIT) {
        Ok(bytes) => Ok(Patterns::parse(&bytes)),
        Err(Trouble::Absent) => Ok(Patterns::default()),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

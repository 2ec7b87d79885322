//! The files that a command runs.

use std::path::Path;

use rustix::fs::FileType;

use crate::format::shell::{self, Program};
use crate::target::host::{Host, Trouble};
use crate::value::{List, Observed, Reason};

/// Where crons look for programs unless a table says otherwise.
pub(super) const CRON_PATH: &str = "/usr/bin:/bin";
/// Where systemd looks (systemd.exec(5)), on systems with and without a merged /usr.
pub(super) const SYSTEMD_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Programs {
    paths: Vec<String>,
    /// Why there may be more.
    more: Option<Reason>,
    /// Programs that were named, and are nowhere.
    missing: bool,
}

impl Programs {
    pub(super) fn one(path: &str) -> Self {
        Programs { paths: vec![path.to_owned()], ..Programs::default() }
    }

    pub(super) fn unseen(reason: Reason) -> Self {
        Programs { more: Some(reason), ..Programs::default() }
    }

    /// Those of a shell's command. `path` is its variable PATH.
    pub(super) fn of(host: &Host, command: &str, path: &str) -> Self {
        let mut found = Programs::default();
        for program in shell::programs(command) {
            match program {
                Program::Path(path) => found.push(path),
                Program::Name(name) => found.look_up(host, &name, path),
                Program::Unclear => {
                    found.doubt(Reason::new(
                        "a variable, or the directory that it runs in, decides which program it is",
                    ));
                }
            }
        }
        found
    }

    /// The first word of a line that no shell reads.
    pub(super) fn add_argument(&mut self, host: &Host, word: &str, path: &str) {
        if word.contains(['%', '$']) {
            self.doubt(Reason::new("a specifier or a variable decides which program it is"));
        } else if word.starts_with('/') {
            self.push(word.to_owned());
        } else {
            self.look_up(host, word, path);
        }
    }

    /// What an interpreter among the words is given: its script, and what that runs where it is on the line.
    pub(super) fn add_scripts(&mut self, words: &[String]) {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        for program in shell::programs(&quoted.join(" ")).into_iter().skip(1) {
            match program {
                Program::Path(path) => self.push(path),
                Program::Name(_) => {}
                Program::Unclear => self.doubt(Reason::new("a variable decides which program a script runs")),
            }
        }
    }

    fn push(&mut self, path: String) {
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    fn doubt(&mut self, reason: Reason) {
        self.more.get_or_insert(reason);
    }

    /// The first directory that has an executable file of this name.
    pub(super) fn look_up(&mut self, host: &Host, name: &str, path: &str) {
        for directory in path.split(':') {
            if !directory.starts_with('/') {
                return self.doubt(Reason::new("its PATH holds a directory that depends on where it runs"));
            }
            let file = Path::new(directory).join(name);
            match host.resolve(&file) {
                Ok(found) => {
                    let mode = found.stat.st_mode;
                    let is_file = !found.dangling && FileType::from_raw_mode(mode) == FileType::RegularFile;
                    if is_file && mode & 0o111 != 0 {
                        return self.push(file.display().to_string());
                    }
                }
                Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => return self.doubt(reason),
            }
        }
        self.missing = true;
    }

    pub(super) fn first(&self) -> Observed {
        match (self.paths.first(), &self.more) {
            (Some(path), _) => path.as_str().into(),
            (None, Some(reason)) => Observed::Unknown(reason.clone()),
            (None, None) => Observed::Absent,
        }
    }

    pub(super) fn list(&self) -> List {
        let items = self.paths.iter().map(|path| path.as_str().into()).collect();
        List { items, more: self.more.clone() }
    }

    /// Whether all programs that were named are nowhere.
    pub(super) fn is_none_there(&self) -> bool {
        self.missing && self.paths.is_empty() && self.more.is_none()
    }
}

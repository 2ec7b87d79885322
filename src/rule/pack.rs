//! Packs: directories of rules that somebody else may have written. What is read of one is bounded, nothing outside of it
//! is opened, and what is passed over is passed over by its name alone; everything else is a problem, never silence.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::yaml::MAX_BYTES;

/// Files with rules and profiles, of all packs.
const MAX_FILES: usize = 5_000;
/// Entries of directories that are looked at, of all packs.
const MAX_ENTRIES: usize = 50_000;
/// Directories below the pack's own.
const MAX_DEPTH: usize = 8;
/// Bytes of all files of all packs.
const MAX_TEXT: usize = 32 << 20;
/// The file, at the top, that declares inputs for all rules.
const INPUTS: &str = "inputs.yaml";

/// What the rules of all packs of a run may take together. The built-in rules take a tenth of each, or less.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    entries: Cell<usize>,
    files: Cell<usize>,
    text: Cell<usize>,
    /// Values of the files, copies by aliases and by inputs included.
    nodes: Cell<usize>,
    /// Bytes that the regular expressions may take when they are built.
    regexes: Cell<usize>,
    /// Queries that the rules spell out, each alternative of a pattern counted.
    queries: Cell<usize>,
    /// Profiles, and patterns in them.
    profiles: Cell<usize>,
    patterns: Cell<usize>,
    exceeded: Cell<bool>,
}

/// A bound that was passed: what there is too much of.
pub(crate) type Exceeded = String;

impl Budget {
    fn spend(&self, spent: &Cell<usize>, amount: usize, limit: usize, what: &str) -> Result<(), Exceeded> {
        spent.set(spent.get().saturating_add(amount));
        if spent.get() <= limit {
            return Ok(());
        }
        self.exceeded.set(true);
        Err(format!("more than {limit} {what} in all directories of rules"))
    }

    /// Whether a bound was passed: what else there is is not looked at.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    pub(crate) fn nodes(&self, amount: usize) -> Result<(), Exceeded> {
        self.spend(&self.nodes, amount, 1_000_000, "values, copies by aliases and inputs included,")
    }

    pub(crate) fn regexes(&self, bytes: usize) -> Result<(), Exceeded> {
        self.spend(&self.regexes, bytes, 32 << 20, "bytes of compiled regular expressions")
    }

    pub(crate) fn queries(&self, amount: usize) -> Result<(), Exceeded> {
        self.spend(&self.queries, amount, 100_000, "queries, alternatives of patterns included,")
    }

    pub(crate) fn profile(&self, patterns: usize) -> Result<(), Exceeded> {
        self.spend(&self.profiles, 1, 200, "profiles")?;
        self.spend(&self.patterns, patterns, 2_000, "patterns of profiles")
    }
}

/// The directory itself; for a single file the one above it that declares inputs for all of its rules, if one does.
pub(crate) fn top(path: &Path) -> &Path {
    if !path.is_file() {
        return path;
    }
    let above = path.ancestors().skip(1).take(MAX_DEPTH + 1);
    let declares = above.into_iter().find(|folder| folder.join(INPUTS).is_file());
    declares.or_else(|| path.parent()).unwrap_or(path)
}

/// The files of a directory of rules, in the order of their paths. Whatever of it cannot be taken is a problem.
pub(crate) fn read(directory: &Path, budget: &Budget, diagnostics: &mut Diagnostics) -> Vec<Source> {
    let shown = |path: &Path| Source::new(path.display().to_string(), "");
    let mut refuse = |path: &Path, problem: Problem| diagnostics.add(&shown(path), [problem]);
    let single = directory.is_file();
    let top = top(directory);
    let root = match fs::canonicalize(if top.as_os_str().is_empty() { Path::new(".") } else { top }) {
        Ok(root) => root,
        Err(error) => {
            refuse(directory, Problem::new(0..0, format!("failed to read the directory: {error}")));
            return Vec::new();
        }
    };
    let mut walk = Walk { root, budget, files: BTreeSet::new(), problems: Vec::new() };
    let walked = if single {
        let inputs = Some(top.join(INPUTS)).filter(|path| path.is_file() && path != directory);
        inputs.into_iter().chain([directory.to_owned()]).try_for_each(|path| walk.entry(path, 0))
    } else {
        walk.directory(directory, 0)
    };
    let (root, files) = (walk.root, walk.files);
    walk.problems.into_iter().for_each(|(path, problem)| refuse(&path, problem));
    if let Err(exceeded) = walked {
        refuse(directory, Problem::new(0..0, exceeded).help("is this the directory that was meant?"));
        return Vec::new();
    }
    let mut sources = Vec::new();
    for path in files {
        match text(&root, &path, budget) {
            Ok(Ok(text)) => sources.push(Source::new(path.display().to_string(), text)),
            Ok(Err(error)) => {
                let at = error.utf8_error().valid_up_to();
                let source = Source::new(path.display().to_string(), String::from_utf8_lossy(error.as_bytes()));
                diagnostics.add(&source, [Problem::new(at..at + '\u{fffd}'.len_utf8(), "not UTF-8")]);
            }
            Err(error) => diagnostics.add(&shown(&path), [Problem::new(0..0, error)]),
        }
        if budget.is_exceeded() {
            break;
        }
    }
    sources
}

struct Walk<'b> {
    /// The directory with every link followed.
    root: PathBuf,
    budget: &'b Budget,
    files: BTreeSet<PathBuf>,
    problems: Vec<(PathBuf, Problem)>,
}

impl Walk<'_> {
    /// Notes the files of a directory and of those below it. Names that begin with a dot are passed over (`.git`, and
    /// what Kubernetes puts beside the files of a volume), and so are files that are not YAML by their name.
    fn directory(&mut self, directory: &Path, depth: usize) -> Result<(), Exceeded> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(directory, format!("failed to read the directory: {error}"));
                return Ok(());
            }
        };
        for entry in entries {
            self.budget.spend(&self.budget.entries, 1, MAX_ENTRIES, "files and directories")?;
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    self.refuse(directory, format!("failed to read the directory: {error}"));
                    return Ok(());
                }
            };
            if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                self.entry(path, depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, depth: usize) -> Result<(), Exceeded> {
        let own = fs::symlink_metadata(&path).map(|metadata| metadata.file_type());
        let is_link = own.as_ref().is_ok_and(fs::FileType::is_symlink);
        match own {
            Ok(kind) if kind.is_dir() && depth >= MAX_DEPTH => {
                self.refuse(&path, format!("directories of rules are read to a depth of {MAX_DEPTH}"));
            }
            Ok(kind) if kind.is_dir() => self.directory(&path, depth + 1)?,
            Ok(_) if is_link && path.is_dir() => {
                let problem = Problem::new(0..0, "this is a link to a directory, which is not followed");
                let help = "give the other directory too: --rules DIR, or `rules` in harden.toml";
                self.problems.push((path, problem.help(help)));
            }
            Ok(_) if !is_yaml(&path) => {}
            Ok(_) if path.to_str().is_none() => self.refuse(&path, "the name of this file is not UTF-8".to_owned()),
            Ok(_) => {
                self.budget.spend(&self.budget.files, 1, MAX_FILES, "files")?;
                self.files.insert(path);
            }
            Err(error) => self.refuse(&path, format!("failed to read: {error}")),
        }
        Ok(())
    }

    fn refuse(&mut self, path: &Path, message: String) {
        self.problems.push((path.to_owned(), Problem::new(0..0, message)));
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml"))
}

/// A file's text, read no further than a rule may be long. A link is followed only inside of the directory: a message
/// shows the lines that it is about, and a pack must not have those of `/etc/shadow` shown.
fn text(root: &Path, path: &Path, budget: &Budget) -> Result<Result<String, std::string::FromUtf8Error>, String> {
    let real = fs::canonicalize(path).map_err(|error| format!("failed to open: {error}"))?;
    if !real.starts_with(root) {
        return Err("this is a link that leads out of the directory, which is not followed".to_owned());
    }
    let bytes = read_regular(&real, MAX_BYTES + 1).map_err(|error| format!("failed to read: {error}"))?;
    budget.spend(&budget.text, bytes.len(), MAX_TEXT, "bytes")?;
    Ok(String::from_utf8(bytes))
}

/// At most so many bytes of a regular file. Nothing else is read, and opening it waits for nobody (fifo(7)).
pub(crate) fn read_regular(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file: File = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no file"));
    }
    let mut bytes = Vec::new();
    file.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    /// The names of the files that were taken, and what was said of the others.
    fn taken(folder: &tempfile::TempDir, budget: &Budget) -> (Vec<String>, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let sources = read(folder.path(), budget, &mut diagnostics);
        let names = sources.iter().map(|source| Path::new(&*source.path).strip_prefix(folder.path()).unwrap());
        let names = names.map(|name| name.display().to_string()).collect();
        (names, diagnostics.iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn links_lead_nowhere_outside_and_never_in_circles() {
        let folder = folder(&[("a.yaml", "a"), ("deep/b.yaml", "b"), (".hidden/c.yaml", "c"), ("d.txt", "d")]);
        let at = |name: &str| folder.path().join(name);
        symlink("/etc/passwd", at("passwd.yaml")).unwrap();
        symlink("deep/b.yaml", at("b.yaml")).unwrap();
        symlink("..", at("deep/round")).unwrap();
        symlink("/etc", at("etc")).unwrap();
        symlink("self.yaml", at("self.yaml")).unwrap();
        symlink("nowhere", at("nothing.txt")).unwrap();
        let (names, problems) = taken(&folder, &Budget::default());
        assert_eq!(names, ["a.yaml", "b.yaml", "deep/b.yaml"]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert_eq!(problems.iter().filter(|problem| problem.contains("a link to a directory")).count(), 2);
        assert_eq!(problems.iter().filter(|problem| problem.contains("leads out")).count(), 1);
        assert_eq!(problems.iter().filter(|problem| problem.contains("failed to open")).count(), 1);
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_waited_for() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let folder = folder(&[("a.yaml/b.yaml", "b")]);
        let fifo = folder.path().join("fifo.yaml");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket.yaml")).unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff.yaml")), "x").unwrap();
        let (names, problems) = taken(&folder, &Budget::default());
        assert_eq!(names, ["a.yaml/b.yaml"]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("not UTF-8")));
        assert!(problems.iter().any(|problem| problem.contains("this is no file")));
    }

    #[test]
    fn every_bound_is_an_error_and_nothing_is_dropped_in_silence() {
        let folder = folder(&[("a.yaml", "aaaa"), ("b.yaml", "bbbb"), ("1/2/3/4/5/6/7/8/deep.yaml", "d")]);
        assert_eq!(taken(&folder, &Budget::default()).0.len(), 3);
        fs::create_dir_all(folder.path().join("1/2/3/4/5/6/7/8/9")).unwrap();
        let problems = taken(&folder, &Budget::default()).1;
        assert!(problems[0].contains("to a depth of 8"), "{problems:?}");
        let spent = |spend: fn(&Budget)| {
            let budget = Budget::default();
            spend(&budget);
            let (names, problems) = taken(&folder, &budget);
            assert!(budget.is_exceeded());
            (names.len(), problems.join(", "))
        };
        let (names, problems) = spent(|budget| budget.files.set(MAX_FILES - 2));
        assert!(names == 0 && problems.contains("more than 5000 files"), "{problems}");
        let (names, problems) = spent(|budget| budget.entries.set(MAX_ENTRIES - 3));
        assert!(names == 0 && problems.contains("more than 50000 files and directories"), "{problems}");
        let (names, problems) = spent(|budget| budget.text.set(MAX_TEXT - 6));
        assert!(names < 3 && problems.contains("bytes in all directories"), "{problems}");
    }
}

//! Where nginx's files come from: a host, or the text that `nginx -T` wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::format::nginx::{Files, Unread};
use crate::glob::Glob;
use crate::target::host::{Host, Trouble};
use crate::value::Reason;

/// Bytes of one file; lists of addresses and of redirects are the largest real ones.
pub(super) const MAX_FILE: u64 = 16 << 20;

/// The files of a host.
pub(super) struct HostFiles<'h>(pub(super) &'h Host);

impl Files for HostFiles<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Unread> {
        self.0.read(path, MAX_FILE).map_err(|trouble| match trouble {
            Trouble::Absent => Unread::Absent,
            Trouble::Unseen(reason) => Unread::Unseen(reason),
        })
    }

    fn glob(&self, pattern: &str) -> (Vec<PathBuf>, Option<Reason>) {
        match self.0.find(&ours(pattern)) {
            Ok(matches) => {
                let shown = matches.paths.into_iter().filter(|path| !hides(pattern, path));
                (shown.collect(), matches.more)
            }
            Err(reason) => (Vec::new(), Some(reason)),
        }
    }
}

/// The pattern as ours: glob(3) knows no braces, and its `**` is a `*`.
fn ours(pattern: &str) -> String {
    let mut ours = String::new();
    for c in pattern.chars() {
        match c {
            '*' if ours.ends_with('*') => {}
            '{' | '}' => ours.extend(['\\', c]),
            c => ours.push(c),
        }
    }
    ours
}

/// Whether a wildcard would have to match the dot of a hidden name, which those of glob(3) do not.
fn hides(pattern: &str, path: &Path) -> bool {
    let path = path.to_string_lossy();
    let parts = |text: &str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    parts(&path).iter().zip(parts(pattern)).any(|(name, part)| name.starts_with('.') && !part.starts_with('.'))
}

/// The files that `nginx -T` wrote one after the other, each behind a line with its path.
pub(super) struct Dump {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// The first of them.
    pub(super) main: PathBuf,
}

impl Dump {
    /// `None` for a text that does not start with such a line, once nginx's own messages are left out.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let (mut main, mut current) = (None, None);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some(path) = header(line) {
                main.get_or_insert_with(|| path.clone());
                current = Some(path);
            } else if let Some(path) = &current {
                files.entry(path.clone()).or_default().extend(line);
            } else if !line.starts_with(b"nginx: ") && !line.trim_ascii().is_empty() {
                return None;
            }
        }
        Some(Dump { files, main: main? })
    }
}

fn header(line: &[u8]) -> Option<PathBuf> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let path = line.strip_prefix("# configuration file ")?.strip_suffix(':')?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

impl Files for Dump {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Unread> {
        self.files.get(path).cloned().ok_or_else(|| {
            Unread::Unseen(Reason::new(format!("{} is not in the output of `nginx -T`", path.display())))
        })
    }

    fn glob(&self, pattern: &str) -> (Vec<PathBuf>, Option<Reason>) {
        let parts: Vec<Glob> = pattern.split('/').filter(|part| !part.is_empty()).map(Glob::new).collect();
        let matches = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            let names: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            names.len() == parts.len() && parts.iter().zip(names).all(|(part, name)| part.matches(name))
        };
        (self.files.keys().filter(matches).filter(|path| !hides(pattern, path)).cloned().collect(), None)
    }
}

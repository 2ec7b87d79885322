//! From the main file to tokenised lines: `@file` lists and, from 16 on, `include`,
//! `include_if_exists` and `include_dir`, in the order and with the limits of PostgreSQL's
//! `hba.c` and `conffiles.c`. Apart from the grammar because this is where files are touched,
//! and where "does not exist" and "could not be read" part ways.

use std::io::ErrorKind;
use std::sync::Arc;

use super::tokens::{Scanner, Token, lines};
use super::types::Files;

/// Nesting that the server allows from 16 on.
const MAX_DEPTH: usize = 10;
/// Nesting that is followed before 16, where the server's only limit is its open files.
const MAX_DEPTH_OLD: usize = 100;
/// Files opened in all: a few files that include each other make the server open 10^10 of them.
const MAX_OPENED: usize = 5_000;
/// Bytes read in all.
const MAX_BYTES: usize = 64 << 20;

/// A line with what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct SourceLine {
    pub(crate) file: Arc<str>,
    pub(crate) number: u32,
    pub(crate) raw: Arc<[u8]>,
    pub(crate) fields: Vec<Vec<Token>>,
    pub(crate) trouble: Option<Trouble>,
}

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server refuses it.
    Error(String),
    /// What the server makes of it is not known.
    Unknown(String),
}

/// Reads a configuration; keeps the limits.
pub(crate) struct Source<'a> {
    files: &'a dyn Files,
    version: u32,
    opened: usize,
    bytes: usize,
    open: Vec<String>,
}

/// Why a file yields no lines.
enum NotRead {
    Missing,
    Trouble(Trouble),
}

impl<'a> Source<'a> {
    pub(crate) fn new(files: &'a dyn Files, version: u32) -> Self {
        Self { files, version, opened: 0, bytes: 0, open: Vec::new() }
    }

    /// All lines of the main file with what it includes.
    pub(crate) fn main(mut self, path: &str) -> Vec<SourceLine> {
        let mut out = Vec::new();
        if let Err(why) = self.file(path, &mut out, false) {
            let trouble = why.into_trouble(path);
            out.push(SourceLine {
                file: path.into(),
                number: 0,
                raw: Arc::new([]),
                fields: Vec::new(),
                trouble: Some(trouble),
            });
        }
        out
    }

    /// The lines of one file; `list` when only tokens are wanted and the first trouble ends it.
    fn file(&mut self, path: &str, out: &mut Vec<SourceLine>, list: bool) -> Result<(), NotRead> {
        let data = self.read(path)?;
        self.open.push(path.to_owned());
        let file: Arc<str> = path.into();
        for line in lines(&data, self.version) {
            let before = out.len();
            self.line(&file, line, out);
            let fresh = out.get(before..).unwrap_or_default();
            let stop = fresh.iter().any(|l| list && l.trouble.is_some()) || self.spent();
            if stop || fresh.last().is_some_and(is_nul) {
                break;
            }
        }
        self.open.pop();
        Ok(())
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, NotRead> {
        self.check_depth(path)?;
        self.opened += 1;
        if self.spent() {
            return Err(NotRead::Trouble(Trouble::Unknown("too many files are included to follow".into())));
        }
        let data = self.files.read(path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => NotRead::Missing,
            kind => NotRead::Trouble(Trouble::Unknown(format!("could not read {path}: {kind}"))),
        })?;
        self.bytes = self.bytes.saturating_add(data.len());
        Ok(data)
    }

    fn check_depth(&self, path: &str) -> Result<(), NotRead> {
        if self.version >= 16 {
            return match self.open.len() > MAX_DEPTH {
                true => Err(NotRead::error(format!("could not open {path}: more than {MAX_DEPTH} files nested"))),
                false => Ok(()),
            };
        }
        if self.open.iter().any(|p| p == path) {
            return Err(NotRead::error(format!("{path} includes itself")));
        }
        match self.open.len() > MAX_DEPTH_OLD {
            true => Err(NotRead::Trouble(Trouble::Unknown("files are nested too deep to follow".into()))),
            false => Ok(()),
        }
    }

    fn spent(&self) -> bool {
        self.opened > MAX_OPENED || self.bytes > MAX_BYTES
    }

    fn line(&mut self, file: &Arc<str>, line: super::tokens::Line, out: &mut Vec<SourceLine>) {
        let (fields, trouble) = match line.has_nul {
            true => (Vec::new(), Some(Trouble::Unknown(NUL.into()))),
            false => self.fields(file, &line.raw),
        };
        if fields.is_empty() && trouble.is_none() {
            return;
        }
        let trouble = match trouble {
            None => match self.directive(file, &fields, out) {
                Directive::No => None,
                Directive::Done => return,
                Directive::Failed(trouble) => Some(trouble),
            },
            some => some,
        };
        out.push(SourceLine { file: file.clone(), number: line.number, raw: line.raw.into(), fields, trouble });
    }

    fn fields(&mut self, file: &str, raw: &[u8]) -> (Vec<Vec<Token>>, Option<Trouble>) {
        let mut scanner = Scanner::new(raw, self.version);
        let mut fields = Vec::new();
        let mut trouble = None;
        while !scanner.at_end() && trouble.is_none() {
            let mut field = Vec::new();
            trouble = self.field(file, &mut scanner, &mut field).err();
            if !field.is_empty() {
                fields.push(field);
            }
        }
        (fields, trouble)
    }

    fn field(&mut self, file: &str, scanner: &mut Scanner, field: &mut Vec<Token>) -> Result<(), Trouble> {
        loop {
            let token = scanner.next().map_err(|_| Trouble::Error("token too long".into()))?;
            let Some(token) = token else { return Ok(()) };
            let more = token.comma;
            match token.bytes.split_first() {
                Some((b'@', name)) if !token.quoted && !name.is_empty() => self.expand(file, name, &token, field)?,
                _ => field.push(token),
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// The tokens of an `@file`, in place of it.
    fn expand(&mut self, outer: &str, name: &[u8], at: &Token, field: &mut Vec<Token>) -> Result<(), Trouble> {
        let path = resolve(outer, name)?;
        let mut inner = Vec::new();
        self.file(&path, &mut inner, true).map_err(|why| why.into_trouble(&path))?;
        for line in inner {
            if let Some(trouble) = line.trouble {
                return Err(trouble);
            }
            let tokens = line.fields.into_iter().flatten();
            field.extend(tokens.map(|t| Token { span: at.span.clone(), comma: at.comma, ..t }));
        }
        Ok(())
    }

    fn directive(&mut self, file: &str, fields: &[Vec<Token>], out: &mut Vec<SourceLine>) -> Directive {
        let ([first, second], true) = (fields, self.version >= 16) else { return Directive::No };
        let (Some(word), Some(name)) = (first.first(), second.first()) else { return Directive::No };
        let result = match word.bytes.as_slice() {
            b"include" => self.include(file, &name.bytes, false, out),
            b"include_if_exists" => self.include(file, &name.bytes, true, out),
            b"include_dir" => self.include_dir(file, &name.bytes, out),
            _ => return Directive::No,
        };
        result.map_or_else(Directive::Failed, |()| Directive::Done)
    }

    fn include(
        &mut self,
        outer: &str,
        name: &[u8],
        missing_ok: bool,
        out: &mut Vec<SourceLine>,
    ) -> Result<(), Trouble> {
        let path = resolve(outer, name)?;
        match self.file(&path, out, false) {
            Ok(()) => Ok(()),
            Err(NotRead::Missing) if missing_ok => Ok(()),
            Err(why) => Err(why.into_trouble(&path)),
        }
    }

    fn include_dir(&mut self, outer: &str, name: &[u8], out: &mut Vec<SourceLine>) -> Result<(), Trouble> {
        if name.iter().all(|b| b" \t\r\n".contains(b)) {
            return Err(Trouble::Error("empty directory name".into()));
        }
        let dir = resolve(outer, name)?;
        let mut names = self.files.list_dir(&dir).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Trouble::Error(format!("could not open directory {dir}: it does not exist")),
            kind => Trouble::Unknown(format!("could not list {dir}: {kind}")),
        })?;
        names.retain(|n| n.len() >= 6 && !n.starts_with('.') && n.ends_with(".conf"));
        names.sort_unstable();
        let mut first = Ok(());
        for name in names {
            let one = self.include(outer, join(&dir, &name).as_bytes(), false, out);
            first = first.and(one);
        }
        first
    }
}

enum Directive {
    No,
    Done,
    Failed(Trouble),
}

impl NotRead {
    fn error(message: String) -> Self {
        Self::Trouble(Trouble::Error(message))
    }

    fn into_trouble(self, path: &str) -> Trouble {
        match self {
            Self::Missing => Trouble::Error(format!("could not open {path}: it does not exist")),
            Self::Trouble(trouble) => trouble,
        }
    }
}

const NUL: &str = "the line holds a NUL byte, which servers read differently";

fn is_nul(line: &SourceLine) -> bool {
    matches!(&line.trouble, Some(Trouble::Unknown(why)) if why == NUL)
}

/// A name as written in `outer`, made a path as `AbsoluteConfigLocation` does.
fn resolve(outer: &str, name: &[u8]) -> Result<String, Trouble> {
    let name = std::str::from_utf8(name).map_err(|_| Trouble::Unknown("a file name is not UTF-8".into()))?;
    if name.starts_with('/') {
        return Ok(name.to_owned());
    }
    let dir = outer.rsplit_once('/').map_or("", |(dir, _)| dir);
    Ok(match (dir, outer.starts_with('/')) {
        ("", true) => canonical(&format!("/{name}")),
        ("", false) => canonical(name),
        (dir, _) => canonical(&join(dir, name)),
    })
}

fn join(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// Without `.`, doubled slashes, and `name/..`.
fn canonical(path: &str) -> String {
    let root = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match (part, parts.last()) {
            ("..", Some(&last)) if last != ".." => drop(parts.pop()),
            ("..", None) if root => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (root, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

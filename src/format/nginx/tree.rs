//! Directives and blocks with their places, the files that they include in their stead.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::words::{End, Reader, Row};
use super::{Fault, script};
use crate::value::Reason;

/// Blocks inside of each other. Real ones have six.
const MAX_DEPTH: usize = 64;
/// Files that include each other; nginx itself ends when it has no more file descriptors.
const MAX_INCLUDES: usize = 32;
/// Files and bytes of one configuration.
const MAX_FILES: usize = 5_000;
const MAX_BYTES: usize = 64 << 20;

/// A line of a file, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<Path>,
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A directive with its arguments, quotes and escapes resolved. Arguments can be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    pub args: Vec<String>,
    pub place: Place,
    pub body: Body,
}

impl fmt::Debug for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directive").field("name", &self.name).field("place", &self.place).finish_non_exhaustive()
    }
}

/// What stands behind a directive's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `;`
    None,
    Block(Block),
    /// A block that holds a program.
    Script,
}

/// What a block holds, with everything that it includes in the place where it is included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    pub directives: Vec<Directive>,
    /// What it includes too, and could not be read.
    pub holes: Vec<Hole>,
}

/// Something that could not be read: it may hold any directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub place: Place,
    pub reason: Reason,
}

impl Block {
    /// The directives of this name.
    pub fn named<'b>(&'b self, name: &str) -> impl Iterator<Item = &'b Directive> {
        self.directives.iter().filter(move |directive| directive.name == name)
    }

    /// Why it may hold more than was read.
    pub fn unseen(&self) -> Option<Reason> {
        self.holes.first().map(|hole| hole.reason.clone())
    }
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    Absent,
    Unseen(Reason),
}

/// Where the files are.
pub trait Files {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Unread>;

    /// What glob(3) finds, sorted, and why there may be more.
    fn glob(&self, pattern: &str) -> (Vec<PathBuf>, Option<Reason>);
}

/// Why a configuration could not be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Unread(Unread),
    /// nginx does not start with it.
    Refused(Fault),
}

/// Reads a configuration from its main file. Relative includes are looked for beside it.
///
/// # Errors
/// The main file cannot be read, or nginx would refuse one of the files.
pub fn read(files: &dyn Files, main: &Path) -> Result<Block, Trouble> {
    let folder = main.parent().unwrap_or(Path::new("/")).to_owned();
    let bytes = files.read(main).map_err(Trouble::Unread)?;
    let mut loader = Loader { files, folder, open: vec![main.to_owned()], read: 1, bytes: bytes.len() };
    let file: Arc<Path> = main.into();
    let directives = parse(&file, &bytes).map_err(Trouble::Refused)?;
    loader.resolve(directives).map_err(Trouble::Refused)
}

/// The directives of one file, includes not followed.
pub(super) fn parse(file: &Arc<Path>, bytes: &[u8]) -> Result<Vec<Directive>, Fault> {
    let fault = |line, what| Fault { place: Place { file: Arc::clone(file), line }, what };
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(fault(1, "it starts with a byte order mark, which nginx takes for a part of the first directive"));
    }
    let mut reader = Reader::new(bytes);
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut current = Vec::new();
    loop {
        let Row { words, line, end } = reader.row().map_err(|what| fault(reader.line, what))?;
        let mut words = words.into_iter();
        let directive = words.next().map(|name| Directive {
            name,
            args: words.collect(),
            place: Place { file: Arc::clone(file), line },
            body: Body::None,
        });
        match (end, directive) {
            (End::Directive, Some(directive)) => current.push(directive),
            (End::Open, Some(directive)) if script::is_lua_block(&directive.name) => {
                let length = script::length(reader.rest());
                reader.skip(length.ok_or_else(|| fault(line, "its block of Lua is never closed"))?);
                current.push(Directive { body: Body::Script, ..directive });
            }
            (End::Open, Some(_)) if open.len() >= MAX_DEPTH => {
                return Err(fault(line, "its blocks are too deep inside of each other"));
            }
            (End::Open, Some(directive)) => open.push((directive, std::mem::take(&mut current))),
            (End::Close, _) => {
                let Some((directive, around)) = open.pop() else {
                    return Err(fault(reader.line, "a `}` that closes nothing"));
                };
                let block = Block { directives: std::mem::replace(&mut current, around), holes: Vec::new() };
                current.push(Directive { body: Body::Block(block), ..directive });
            }
            (End::File, _) if open.is_empty() => return Ok(current),
            (End::File, _) => return Err(fault(reader.line, "the file ends before a block is closed")),
            (End::Directive | End::Open, None) => return Err(fault(reader.line, "a directive without a name")),
        }
    }
}

struct Loader<'f> {
    files: &'f dyn Files,
    /// The folder of the main file.
    folder: PathBuf,
    /// The files that are being read, the one that includes the next last.
    open: Vec<PathBuf>,
    read: usize,
    bytes: usize,
}

impl Loader<'_> {
    /// Puts the files that are included in the place of the directives that include them.
    fn resolve(&mut self, directives: Vec<Directive>) -> Result<Block, Fault> {
        let mut block = Block::default();
        for directive in directives {
            match directive.body {
                Body::None if directive.name == "include" => self.include(&directive, &mut block)?,
                Body::Block(inner) => {
                    let body = Body::Block(self.resolve(inner.directives)?);
                    block.directives.push(Directive { body, ..directive });
                }
                Body::None | Body::Script => block.directives.push(directive),
            }
        }
        Ok(block)
    }

    fn include(&mut self, directive: &Directive, block: &mut Block) -> Result<(), Fault> {
        let fault = |what| Fault { place: directive.place.clone(), what };
        let [pattern] = directive.args.as_slice() else { return Err(fault("`include` takes one file")) };
        let path = self.folder.join(pattern);
        let (paths, more) = match (pattern.contains(['*', '?', '[']), path.to_str()) {
            (true, Some(pattern)) => self.files.glob(pattern),
            (false, _) | (true, None) => (vec![path], None),
        };
        let hole = |reason| Hole { place: directive.place.clone(), reason };
        block.holes.extend(more.map(hole));
        for path in paths {
            if self.open.contains(&path) || self.open.len() > MAX_INCLUDES {
                return Err(fault("the included files include each other without end"));
            }
            let bytes = match self.files.read(&path) {
                Ok(bytes) => bytes,
                Err(Unread::Absent) => return Err(fault("the included file does not exist")),
                Err(Unread::Unseen(reason)) => {
                    block.holes.push(hole(reason));
                    continue;
                }
            };
            self.read += 1;
            self.bytes = self.bytes.saturating_add(bytes.len());
            if self.read > MAX_FILES || self.bytes > MAX_BYTES {
                block.holes.push(hole(Reason::new(format!(
                    "not read further than {}: more than {MAX_FILES} files or {MAX_BYTES} bytes",
                    path.display()
                ))));
                return Ok(());
            }
            let file: Arc<Path> = path.as_path().into();
            let directives = parse(&file, &bytes)?;
            self.open.push(path);
            let included = self.resolve(directives);
            self.open.pop();
            let included = included?;
            block.directives.extend(included.directives);
            block.holes.extend(included.holes);
        }
        Ok(())
    }
}

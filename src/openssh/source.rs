//! From the main file to its lines: included files in their place, `Match` and `Host` blocks around lines. What could
//! not be read leaves a gap, of which nobody knows what it sets.

use std::sync::Arc;

use super::criteria::{Criteria, Fault as Bad};
use super::words::{self, Words};
use crate::format::node::Place;
use crate::format::source::{Files, Miss};

/// Nesting of included files (`SERVCONF_MAX_DEPTH`, `READCONF_MAX_DEPTH`).
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 2000;
const MAX_LINES: usize = 200_000;

/// Whose configuration it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

/// A line that sets something.
#[derive(Debug, Clone)]
pub struct Line {
    pub place: Place,
    /// In lower case.
    pub keyword: String,
    pub args: Vec<String>,
    /// The arguments as they were written.
    pub rest: String,
    /// The innermost block that it stands in.
    pub block: Option<usize>,
}

/// A `Match` or `Host` block.
#[derive(Debug, Clone)]
pub struct Block {
    pub place: Place,
    /// `Match User bob`, as it was written.
    pub text: String,
    pub criteria: Criteria,
    /// The block around the file that it stands in.
    pub parent: Option<usize>,
    /// How many lines stand before it.
    pub before: usize,
}

/// A place of which it is not known what it sets.
#[derive(Debug, Clone)]
pub struct Gap {
    pub place: Place,
    pub why: String,
    pub block: Option<usize>,
    /// How many lines stand before it.
    pub before: usize,
}

/// What the program refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    pub what: String,
}

/// A configuration, read and not yet judged.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub lines: Vec<Line>,
    pub blocks: Vec<Block>,
    pub gaps: Vec<Gap>,
    pub faults: Vec<Fault>,
}

/// A file that the program reads by itself.
#[derive(Debug, Clone, Copy)]
pub struct Main<'m> {
    pub path: &'m str,
    pub bytes: &'m [u8],
    /// Where names without a slash in front are looked up.
    pub directory: &'m str,
    /// What `~` stands for in a user's own file.
    pub home: Option<&'m str>,
}

/// Reads the main file's bytes and what they include. `directory` is where names without a slash in front are looked up.
pub fn read(side: Side, path: &str, bytes: &[u8], directory: &str, files: &dyn Files) -> Config {
    read_all(side, &[Main { path, bytes, directory, home: None }], files)
}

/// Reads several files in the order in which the program does.
pub fn read_all(side: Side, mains: &[Main], files: &dyn Files) -> Config {
    let mut config = Config::default();
    let (mut opened, mut lines) = (0, 0);
    for main in mains {
        let mut reader = Reader { side, files, main, config, opened, lines };
        reader.text(main.path, main.bytes, None, 0);
        Reader { config, opened, lines, .. } = reader;
    }
    config
}

struct Reader<'f> {
    side: Side,
    files: &'f dyn Files,
    main: &'f Main<'f>,
    config: Config,
    opened: usize,
    lines: usize,
}

impl Reader<'_> {
    fn text(&mut self, path: &str, bytes: &[u8], around: Option<usize>, depth: usize) {
        let file: Arc<str> = path.into();
        let mut block = around;
        // OpenSSH reads bytes; what is not UTF-8 can stand in a comment, and matters to no keyword that has words.
        let text = String::from_utf8_lossy(bytes);
        for (i, line) in text.split('\n').enumerate() {
            let place = Place { file: Arc::clone(&file), line: i + 1 };
            self.lines += 1;
            if self.lines > MAX_LINES {
                return self.gap(place, format!("more than {MAX_LINES} lines are not read"), block);
            }
            match words::split(line) {
                Ok(None) => {}
                Ok(Some(words)) => self.words(words, place, around, &mut block, depth),
                Err(what) => self.fault(place, what),
            }
        }
    }

    fn words(&mut self, words: Words, place: Place, around: Option<usize>, block: &mut Option<usize>, depth: usize) {
        let criteria = match (words.keyword.as_str(), self.side) {
            ("include", _) => return self.include(&words, &place, *block, depth),
            ("match", _) => Criteria::of_match(&words.args, self.side),
            ("host", Side::Client) => Criteria::of_host(&words.args),
            _ => {
                let Words { keyword, args, rest } = words;
                return self.config.lines.push(Line { place, keyword, args, rest, block: *block });
            }
        };
        let criteria = criteria.unwrap_or_else(|Bad(what)| {
            self.fault(place.clone(), what);
            Criteria::unknown(what)
        });
        let name = if words.keyword == "host" { "Host" } else { "Match" };
        *block = Some(self.config.blocks.len());
        let text = format!("{name} {}", words.args.join(" "));
        let before = self.config.lines.len();
        self.config.blocks.push(Block { place, text, criteria, parent: around, before });
    }

    fn fault(&mut self, place: Place, what: impl Into<String>) {
        self.config.faults.push(Fault { place, what: what.into() });
    }

    fn gap(&mut self, place: Place, why: String, block: Option<usize>) {
        let before = self.config.lines.len();
        self.config.gaps.push(Gap { place, why, block, before });
    }

    fn include(&mut self, words: &Words, place: &Place, block: Option<usize>, depth: usize) {
        if words.args.is_empty() {
            return self.fault(place.clone(), "Include without a file");
        }
        if depth >= MAX_DEPTH {
            return self.fault(place.clone(), "files are included too deep");
        }
        for name in &words.args {
            let pattern = match (name.strip_prefix("~/"), self.main.home) {
                _ if name.contains('%') || name.contains("${") => None,
                (Some(rest), Some(home)) => Some(format!("{home}/{rest}")),
                _ if name.starts_with('~') => None,
                _ if name.starts_with('/') => Some(name.clone()),
                _ => Some(format!("{}/{name}", self.main.directory)),
            };
            let Some(pattern) = pattern else {
                self.gap(place.clone(), format!("{name} is another file for each user, which is not read"), block);
                continue;
            };
            let (paths, more) = self.files.find(&pattern);
            for path in paths.iter().filter(|path| !is_hidden_match(&pattern, path)) {
                self.file(path, place, block, depth);
            }
            if let Some(why) = more {
                self.gap(place.clone(), why, block);
            }
        }
    }

    fn file(&mut self, path: &str, place: &Place, block: Option<usize>, depth: usize) {
        self.opened += 1;
        if self.opened > MAX_FILES {
            return self.gap(place.clone(), format!("more than {MAX_FILES} files are included"), block);
        }
        match self.files.read(path) {
            Ok(bytes) => self.text(path, &bytes, block, depth + 1),
            // It was there when its name was listed.
            Err(Miss::Absent) => self.gap(place.clone(), format!("{path} is a link to nothing, or went away"), block),
            Err(Miss::Unseen(why)) => self.gap(place.clone(), why, block),
        }
    }
}

/// glob(7): a leading dot is matched by a dot only. Our own patterns match it by a star too.
fn is_hidden_match(pattern: &str, path: &str) -> bool {
    let parts = pattern.split('/').zip(path.split('/'));
    let mut hidden = parts.filter(|(pattern, name)| name.starts_with('.') && !pattern.starts_with('.'));
    hidden.next().is_some()
}

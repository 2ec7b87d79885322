//! postgresql.conf: names in any case, `=` optional, quoted values, `#` comments, the last one wins, included files in
//! their place (PostgreSQL manual, "Setting Parameters").

use super::Text;
use super::node::{Document, Kind, Node};
use super::source::{Files, Miss, beside};

/// Nesting that the server allows (`CONF_FILE_MAX_DEPTH` of conffiles.h).
const MAX_DEPTH: usize = 10;
/// Files read in all.
const MAX_FILES: usize = 500;

struct Reader<'f> {
    files: &'f dyn Files,
    entries: Vec<(String, Node)>,
    hole: Option<String>,
    opened: usize,
}

pub(super) fn read(text: &Text<'_>, files: &dyn Files) -> Document {
    let mut reader = Reader { files, entries: Vec::new(), hole: None, opened: 0 };
    reader.text(text, 0);
    Document { name: None, root: Node { kind: Kind::Map(reader.entries), place: text.line(1) }, hole: reader.hole }
}

impl Reader<'_> {
    fn text(&mut self, text: &Text<'_>, depth: usize) {
        for (i, line) in text.body.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
            let (name, rest) = line.split_at(end);
            let rest = rest.trim_start();
            let value = value(rest.strip_prefix('=').unwrap_or(rest).trim_start());
            let place = text.line(i + 1);
            let included = ["include", "include_if_exists", "include_dir"];
            if let Some(word) = included.into_iter().find(|word| name.eq_ignore_ascii_case(word)) {
                let found = value.ok_or_else(|| "names a file in a way that does not parse".to_owned());
                let done = found.and_then(|value| self.include(word, &beside(&text.file, &value), depth));
                if let Err(why) = done {
                    self.lose(format!("{place} {why}"));
                }
                continue;
            }
            let node = match value {
                Some(value) => Node::text(value, true, place),
                None => Node::unclear("it does not parse", place),
            };
            self.entries.push((name.to_owned(), node));
        }
    }

    /// What was set before may be set anew in what could not be read.
    fn lose(&mut self, why: String) {
        self.entries.iter_mut().for_each(|(_, node)| node.obscure(&why));
        self.hole = Some(why);
    }

    fn include(&mut self, word: &str, path: &str, depth: usize) -> Result<(), String> {
        if depth >= MAX_DEPTH {
            return Err(format!("includes files nested deeper than {MAX_DEPTH}"));
        }
        if word != "include_dir" {
            return self.file(path, word == "include_if_exists", depth);
        }
        let (paths, more) = self.files.find(&format!("{}/*.conf", path.trim_end_matches('/')));
        for path in paths.iter().filter(|path| !path.rsplit('/').next().unwrap_or_default().starts_with('.')) {
            self.file(path, false, depth)?;
        }
        more.map_or(Ok(()), |why| Err(format!("includes a directory that could not be listed: {why}")))
    }

    fn file(&mut self, path: &str, optional: bool, depth: usize) -> Result<(), String> {
        self.opened += 1;
        if self.opened > MAX_FILES {
            return Err(format!("leads to more than {MAX_FILES} files"));
        }
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(Miss::Absent) if optional => return Ok(()),
            Err(Miss::Absent) => return Err(format!("includes {path}, which does not exist")),
            Err(Miss::Unseen(why)) => return Err(format!("includes a file that could not be read: {why}")),
        };
        let body = String::from_utf8(bytes).map_err(|_| format!("includes {path}, which is not UTF-8"))?;
        self.text(&Text::new(path, &body), depth + 1);
        Ok(())
    }
}

fn value(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(text.len());
        return text.get(..end).map(str::to_owned);
    };
    let mut value = String::new();
    let mut chars = quoted.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                value.push('\'');
            }
            '\'' => return Some(value),
            '\\' => match chars.next()? {
                'b' => value.push('\u{8}'),
                'f' => value.push('\u{c}'),
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                first @ '0'..='7' => {
                    let mut code = first.to_digit(8)?;
                    for _ in 0..2 {
                        match chars.peek().and_then(|c| c.to_digit(8)) {
                            Some(digit) => code = code * 8 + digit,
                            None => break,
                        }
                        chars.next();
                    }
                    value.push(char::from_u32(code)?);
                }
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

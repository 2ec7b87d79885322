//! Option files of MySQL and MariaDB (`my.cnf`), as `my_default.c` reads them: groups, `!include` and `!includedir` in
//! their place, values with quotes and escapes, and the switches `skip-`, `disable-` and `enable-`.

use super::Text;
use super::node::{Document, Kind, Node, Place};
use super::source::{Files, Miss, beside};

/// Nesting that the servers allow.
const MAX_DEPTH: usize = 10;
const MAX_FILES: usize = 500;

struct Reader<'f> {
    files: &'f dyn Files,
    groups: Vec<(String, Node)>,
    hole: Option<String>,
    opened: usize,
}

pub(super) fn read(text: &Text<'_>, files: &dyn Files) -> Document {
    let mut reader = Reader { files, groups: Vec::new(), hole: None, opened: 0 };
    reader.text(text, 0);
    Document { name: None, root: Node { kind: Kind::Map(reader.groups), place: text.line(1) }, hole: reader.hole }
}

impl Reader<'_> {
    fn text(&mut self, text: &Text<'_>, depth: usize) {
        let mut group: Option<String> = None;
        for (i, line) in text.body.lines().map(str::trim).enumerate() {
            let place = text.line(i + 1);
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(directive) = line.strip_prefix('!') {
                if let Err(why) = self.include(directive, &text.file, depth) {
                    self.lose(format!("{place} {why}"));
                }
            } else if let Some(header) = line.strip_prefix('[') {
                group = Some(header.split(']').next().unwrap_or_default().trim().to_owned());
            } else if let Some(group) = &group {
                let (name, value) = option(line, &place);
                self.set(group, name, value);
            } else {
                self.lose(format!("{place} sets an option outside of any group, at which programs end"));
            }
        }
    }

    fn set(&mut self, group: &str, name: String, value: Node) {
        let place = value.place.clone();
        let known = self.groups.iter_mut().find(|(known, _)| known == group);
        match known.map(|(_, node)| &mut node.kind) {
            Some(Kind::Map(options)) => options.push((name, value)),
            _ => self.groups.push((group.to_owned(), Node { kind: Kind::Map(vec![(name, value)]), place })),
        }
    }

    fn lose(&mut self, why: String) {
        self.groups.iter_mut().for_each(|(_, node)| node.obscure(&why));
        self.hole = Some(why);
    }

    fn include(&mut self, directive: &str, from: &str, depth: usize) -> Result<(), String> {
        if depth >= MAX_DEPTH {
            return Err(format!("includes files nested deeper than {MAX_DEPTH}"));
        }
        let (word, path) = directive.split_once([' ', '\t']).unwrap_or((directive, ""));
        let path = beside(from, path.trim());
        match word {
            "include" => self.file(&path, depth),
            "includedir" => {
                let (paths, more) = self.files.find(&format!("{}/*.cnf", path.trim_end_matches('/')));
                for path in &paths {
                    self.file(path, depth)?;
                }
                more.map_or(Ok(()), |why| Err(format!("includes a directory that could not be listed: {why}")))
            }
            _ => Err("is a directive that is not known".to_owned()),
        }
    }

    fn file(&mut self, path: &str, depth: usize) -> Result<(), String> {
        self.opened += 1;
        if self.opened > MAX_FILES {
            return Err(format!("leads to more than {MAX_FILES} files"));
        }
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            // The programs go on without a file that is not there.
            Err(Miss::Absent) => return Ok(()),
            Err(Miss::Unseen(why)) => return Err(format!("includes a file that could not be read: {why}")),
        };
        let body = String::from_utf8(bytes).map_err(|_| format!("includes {path}, which is not UTF-8"))?;
        self.text(&Text::new(path, &body), depth + 1);
        Ok(())
    }
}

/// One option. `skip-x` and `disable-x` turn `x` off, `enable-x` on; an option without a value is on.
fn option(line: &str, place: &Place) -> (String, Node) {
    let line = without_comment(line);
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim(), Some(unescape(value.trim()))),
        None => (line.trim(), None),
    };
    let folded = name.to_ascii_lowercase().replace('-', "_");
    let folded = folded.strip_prefix("loose_").unwrap_or(&folded);
    let switch = [("skip_", "0"), ("disable_", "0"), ("enable_", "1")];
    let switched = switch.iter().find_map(|(prefix, value)| Some((folded.strip_prefix(prefix)?, *value)));
    match (switched, value) {
        // These are variables of their own.
        (Some(("networking" | "name_resolve" | "show_database" | "grant_tables" | "external_locking", _)), value) => {
            (folded.to_owned(), Node::text(value.unwrap_or_else(|| "1".to_owned()), true, place.clone()))
        }
        (Some((name, state)), None) => (name.to_owned(), Node::text(state, true, place.clone())),
        (_, Some(value)) => (folded.to_owned(), Node::text(value, true, place.clone())),
        (None, None) => (folded.to_owned(), Node::text("1", true, place.clone())),
    }
}

/// Up to a `#` outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            '\'' | '"' if !escaped => match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            },
            '#' if quote.is_none() => return line.get(..at).unwrap_or_default().trim_end(),
            _ => {}
        }
        escaped = c == '\\' && quote.is_some() && !escaped;
    }
    line
}

fn unescape(value: &str) -> String {
    let inner = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let mut text = String::new();
    let mut chars = inner.unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('s') => text.push(' '),
            Some(c @ ('"' | '\'' | '\\')) => text.push(c),
            Some(c) => text.extend(['\\', c]),
            None => text.push('\\'),
        }
    }
    text
}

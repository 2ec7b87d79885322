//! Line-based formats that many programs share and no standard describes: INI and `name value`. Programs differ in what
//! they make of trailing comments, continued lines and included files: where the answer would depend on the program,
//! the value is unclear.

use std::collections::HashSet;

use super::Text;
use super::node::{Document, Kind, Node, Place};

/// `[section]` headers and `name = value` or `name: value` lines; `;` and `#` start comments.
pub(super) fn ini(text: &Text<'_>) -> Document {
    let top = Section { name: String::new(), header: text.line(1), settings: Vec::new() };
    let mut reading = Reading { sections: vec![top], hole: None };
    // The indent of the line that set something last, while nothing came between.
    let mut open: Option<usize> = None;
    let mut continued = false;
    for (i, raw) in text.body.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let place = text.line(i + 1);
        if let Some(why) = include(line, i + 1) {
            reading.hole = Some(why);
            continue;
        }
        let indent = raw.len() - raw.trim_start().len();
        if let Some(header) = line.strip_prefix('[') {
            let name = header.rfind(']').and_then(|end| header.get(..end)).unwrap_or(header);
            reading.sections.push(Section { name: name.trim().to_owned(), header: place, settings: Vec::new() });
            (open, continued) = (None, false);
            continue;
        }
        let (name, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        let mut node = plain(value, place);
        if continued || open.is_some_and(|last| indent > last) {
            // Python's configparser takes an indented line, others the one after a backslash, for more of the value.
            node.obscure(CONTINUED);
            reading.obscure_last(CONTINUED);
        }
        continued = line.ends_with('\\');
        if continued {
            node.obscure(CONTINUED);
        }
        open = open.filter(|last| indent > *last).or(Some(indent));
        if let Some(section) = reading.sections.last_mut() {
            section.settings.push((name.trim().trim_matches('"').to_owned(), node));
        }
    }
    reading.finish()
}

const CONTINUED: &str = "whether one of its lines goes on in the next depends on the program";

struct Section {
    name: String,
    header: Place,
    settings: Vec<(String, Node)>,
}

struct Reading {
    /// The first one is what stands before any header.
    sections: Vec<Section>,
    hole: Option<String>,
}

impl Reading {
    fn obscure_last(&mut self, why: &str) {
        if let Some((_, last)) = self.sections.last_mut().and_then(|section| section.settings.last_mut()) {
            last.obscure(why);
        }
    }

    fn finish(self) -> Document {
        let place = self.sections.first().map_or_else(|| Place { file: "".into(), line: 1 }, |top| top.header.clone());
        let mut entries = Vec::new();
        for (i, section) in self.sections.into_iter().enumerate() {
            match i {
                0 => entries = section.settings,
                _ => entries.push((section.name, Node { kind: Kind::Map(section.settings), place: section.header })),
            }
        }
        let mut root = Node { kind: Kind::Map(entries), place };
        if let Some(why) = &self.hole {
            root.obscure(why);
        }
        Document { name: None, root, hole: self.hole }
    }
}

/// `name = value`, `name: value` or `name value` lines; `#` starts a comment.
pub(super) fn key_value(text: &Text<'_>) -> Document {
    let mut entries: Vec<(String, Node)> = Vec::new();
    let mut before: HashSet<String> = HashSet::new();
    let mut condition = None;
    let mut hole = None;
    for (i, line) in text.body.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(why) = include(line, i + 1) {
            hole = Some(why);
            continue;
        }
        let end = line.find(|c: char| c.is_whitespace() || matches!(c, '=' | ':')).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if name.eq_ignore_ascii_case("match") && condition.is_none() {
            // sshd_config(5): what follows holds for some connections only.
            condition = Some(i + 1);
            before = entries.iter().map(|(name, _)| name.clone()).collect();
            continue;
        }
        let rest = rest.trim_start();
        let node = match condition {
            Some(_) if before.contains(name) => continue,
            Some(start) => {
                Node::unclear(format!("it is set under a condition only (`Match`, line {start})"), text.line(i + 1))
            }
            None => plain(rest.strip_prefix(['=', ':']).unwrap_or(rest), text.line(i + 1)),
        };
        entries.push((name.to_owned(), node));
    }
    let mut root = Node { kind: Kind::Map(entries), place: text.line(1) };
    if let Some(why) = &hole {
        root.obscure(why);
    }
    Document { name: None, root, hole }
}

/// What an included file may set is set for any name.
fn include(line: &str, number: usize) -> Option<String> {
    let word = line.split(|c: char| c.is_whitespace() || c == '=' || c == ']').next().unwrap_or_default();
    let word = word.trim_start_matches(['!', '@', '%', '.', '[']).to_ascii_lowercase();
    let includes = ["include", "includeif", "includedir", "include_dir", "include_if_exists"];
    includes.contains(&word.as_str()).then(|| format!("line {number} includes other files, which are not followed"))
}

/// A value without the quotes around it. Whether ` #` and ` ;` end an unquoted value depends on the program.
fn plain(value: &str, place: Place) -> Node {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return match rest.split_once(quote) {
                Some((inner, "")) if !inner.contains('\\') => Node::text(inner, false, place),
                Some(_) | None => Node::unclear("how its quotes are read depends on the program", place),
            };
        }
    }
    if [" #", " ;", "\t#", "\t;"].iter().any(|mark| value.contains(mark)) {
        return Node::unclear("whether a comment ends its value depends on the program", place);
    }
    Node::text(value, true, place)
}

//! YAML as a tree in which every node knows its place.
//!
//! The only module that names the parser. Scalars stay the text that was written: `no`, `0640` and `1.10` mean what the
//! field they stand for makes of them, never what a YAML version would. Size, depth, nodes and alias copies are bounded,
//! so that a hostile file ends in an error.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::diagnostic::Problem;

/// Bytes of a file that is read at all.
pub const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 48;
/// Nodes of the tree, copies made by aliases included.
const MAX_NODES: usize = 50_000;

/// Bytes of a file of another program that is read at all.
pub const MAX_FOREIGN_BYTES: usize = 8 << 20;
const MAX_FOREIGN_DEPTH: usize = 100;
const MAX_FOREIGN_NODES: usize = 500_000;

/// A node with its place, in bytes.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Range<usize>,
    /// A local tag without its `!`, such as `unknown`.
    pub tag: Option<String>,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Scalar { text: String, quoted: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// A mapping's key; only scalars are keys here.
#[derive(Debug, Clone)]
pub struct Key {
    pub span: Range<usize>,
    pub name: String,
}

impl Node {
    pub fn scalar(text: impl Into<String>, span: Range<usize>) -> Self {
        Node { span, tag: None, kind: Kind::Scalar { text: text.into(), quoted: true } }
    }

    /// The text of an untagged scalar.
    pub fn text(&self) -> Option<&str> {
        match (&self.kind, &self.tag) {
            (Kind::Scalar { text, .. }, None) => Some(text),
            _ => None,
        }
    }

    pub fn mapping(&self) -> Option<&[(Key, Node)]> {
        match (&self.kind, &self.tag) {
            (Kind::Mapping(entries), None) => Some(entries),
            _ => None,
        }
    }

    pub fn sequence(&self) -> Option<&[Node]> {
        match (&self.kind, &self.tag) {
            (Kind::Sequence(items), None) => Some(items),
            _ => None,
        }
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.mapping()?.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// What the node is, for "expected …, found …".
    pub fn describe(&self) -> String {
        /// Characters of a value that a message repeats.
        const SHORT: usize = 40;
        match &self.kind {
            Kind::Scalar { .. } if self.tag.is_some() => "a tagged value".to_owned(),
            Kind::Scalar { text, quoted: false } if text.is_empty() => "nothing".to_owned(),
            Kind::Scalar { text, .. } if text.trim().is_empty() => "empty text".to_owned(),
            Kind::Scalar { text, .. } if text.chars().count() <= SHORT => format!("`{text}`"),
            Kind::Scalar { .. } => "a long text".to_owned(),
            Kind::Sequence(items) if items.is_empty() => "an empty list".to_owned(),
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(entries) if entries.is_empty() => "an empty map".to_owned(),
            Kind::Mapping(_) => "a map of keys".to_owned(),
        }
    }

    /// Values in it, long texts counted as several.
    pub(crate) fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar { text, .. } => 1 + text.len() / 64,
            Kind::Sequence(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Kind::Mapping(entries) => 1 + entries.iter().map(|(_, value)| 1 + value.size()).sum::<usize>(),
        }
    }
}

/// Parses one document. The problems are those of the text as YAML; what the tree means is for the caller.
pub fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let mut roots = Builder::new(text, false).finish()?;
    match roots.pop() {
        Some(root) => Ok(root),
        None => Err(vec![Problem::new(0..0, "the file is empty")]),
    }
}

/// Parses the documents of a file that is another program's: larger, several to a file, with any tags. A tag of the
/// core schema leaves its mark on a scalar only: `!!str` is as good as quotes.
pub fn documents(text: &str) -> Result<Vec<Node>, Vec<Problem>> {
    Builder::new(text, true).finish()
}

/// A collection being filled.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The keys of a mapping so far.
    names: HashSet<String>,
}

struct Builder<'t> {
    text: &'t str,
    /// Bytes that precede the parsed text: a byte order mark.
    skipped: usize,
    /// Byte offset of each character, kept only when they differ.
    offsets: Option<Vec<usize>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    roots: Vec<Node>,
    problems: Vec<Problem>,
    /// Whether the file is another program's.
    foreign: bool,
}

impl<'t> Builder<'t> {
    fn new(whole: &'t str, foreign: bool) -> Self {
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Builder {
            text,
            skipped: whole.len() - text.len(),
            offsets,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            roots: Vec::new(),
            problems: Vec::new(),
            foreign,
        }
    }

    fn finish(mut self) -> Result<Vec<Node>, Vec<Problem>> {
        let most = if self.foreign { MAX_FOREIGN_BYTES } else { MAX_BYTES };
        if self.skipped + self.text.len() > most {
            return Err(vec![Problem::new(0..0, format!("the file is larger than {most} bytes"))]);
        }
        let problem = self.run().err();
        self.problems.extend(problem);
        if self.problems.is_empty() { Ok(self.roots) } else { Err(self.problems) }
    }

    fn byte(&self, char_index: usize) -> usize {
        let within = match &self.offsets {
            Some(offsets) => offsets.get(char_index).copied().unwrap_or(self.text.len()),
            None => char_index.min(self.text.len()),
        };
        within + self.skipped
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    fn run(&mut self) -> Result<(), Problem> {
        let mut parser = Parser::new_from_str(self.text);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| self.scan_problem(&error))?;
            let range = self.range(span);
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let quoted = style != ScalarStyle::Plain;
                    let kind = Kind::Scalar { text: text.into_owned(), quoted };
                    let tag = self.local_tag(tag.as_deref(), &range);
                    self.close(Node { span: range, tag, kind }, anchor)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.begin(Kind::Sequence(Vec::new()), anchor, tag.as_deref(), range)?
                }
                Event::MappingStart(anchor, tag) => {
                    self.begin(Kind::Mapping(Vec::new()), anchor, tag.as_deref(), range)?
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(range.end)?,
                Event::Alias(anchor) => {
                    let copy = self.anchors.get(&anchor).cloned();
                    let copy =
                        copy.ok_or_else(|| Problem::new(range.clone(), "this alias refers to itself or to nothing"))?;
                    self.count(copy.size(), &range)?;
                    self.close(Node { span: range, ..copy }, 0)?;
                }
                Event::DocumentStart(_) if !self.roots.is_empty() && !self.foreign => {
                    return Err(
                        Problem::new(range, "a second document starts here").help("put each document in its own file")
                    );
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
        range: Range<usize>,
    ) -> Result<(), Problem> {
        let most = if self.foreign { MAX_FOREIGN_DEPTH } else { MAX_DEPTH };
        if self.open.len() >= most {
            return Err(Problem::new(range, format!("nested deeper than {most} levels")));
        }
        let tag = self.local_tag(tag, &range);
        self.open.push(Open { node: Node { span: range, tag, kind }, anchor, key: None, names: HashSet::new() });
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<(), Problem> {
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        open.node.span.end = self.trimmed_end(open.node.span.start, end);
        self.close(open.node, open.anchor)
    }

    /// A block collection ends where the next token starts; blank lines and comments are not part of it.
    fn trimmed_end(&self, start: usize, end: usize) -> usize {
        let range = start.saturating_sub(self.skipped)..end.saturating_sub(self.skipped);
        let body = self.text.get(range).unwrap_or_default();
        start + body.trim_end().len()
    }

    /// Hands a finished node to the collection around it.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.count(1, &node.span)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.roots.push(node);
            return Ok(());
        };
        match &mut parent.node.kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping(entries) => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Node { span, kind: Kind::Scalar { text: name, .. }, tag: None } = node else {
                        return Err(Problem::new(node.span, "a key is a single word here"));
                    };
                    if !parent.names.insert(name.clone()) {
                        self.problems.push(Problem::new(span.clone(), format!("the key `{name}` is here twice")));
                    }
                    parent.key = Some(Key { span, name });
                }
            },
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }

    fn count(&mut self, more: usize, range: &Range<usize>) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(more);
        let most = if self.foreign { MAX_FOREIGN_NODES } else { MAX_NODES };
        if self.nodes > most {
            return Err(Problem::new(range.clone(), format!("more than {most} values, copies by aliases included")));
        }
        Ok(())
    }

    fn local_tag(&mut self, tag: Option<&saphyr_parser::Tag>, range: &Range<usize>) -> Option<String> {
        let tag = tag?;
        if self.foreign {
            let core = tag.handle == "tag:yaml.org,2002:" || tag.handle == "!!";
            return match tag.suffix.as_str() {
                "map" | "seq" | "int" | "float" | "bool" | "null" if core => None,
                suffix => Some(suffix.to_owned()),
            };
        }
        if tag.handle == "!" && matches!(tag.suffix.as_str(), "unknown" | "absent" | "invalid") {
            return Some(tag.suffix.clone());
        }
        let help = "the tags here are `!unknown REASON`, `!absent` and `!invalid TEXT`, in a rule's tests";
        self.problems
            .push(Problem::new(range.clone(), format!("unknown tag `{}{}`", tag.handle, tag.suffix)).help(help));
        None
    }

    fn scan_problem(&self, error: &ScanError) -> Problem {
        let mut at = self.byte(error.marker().index());
        // The scanner stops before the line that a tab indents.
        let tab = error.info().contains("tab");
        if tab {
            let ahead = self.text.get(at.saturating_sub(self.skipped)..).unwrap_or_default();
            at += ahead.find('\t').unwrap_or(0);
        }
        let rest = self.text.get(at.saturating_sub(self.skipped)..).unwrap_or_default();
        let line_start =
            self.text.get(..at.saturating_sub(self.skipped)).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let line = self.text.get(line_start..).and_then(|t| t.lines().next()).unwrap_or_default();
        let problem =
            Problem::new(at..at + rest.chars().next().map_or(0, char::len_utf8), format!("not YAML: {}", error.info()));
        let before = self.text.get(line_start..at.saturating_sub(self.skipped)).unwrap_or_default();
        if tab || line.trim_start_matches(' ').starts_with('\t') {
            problem.help("indent with blanks: a tab is not indentation in YAML")
        } else if let Some(help) = lacks_quotes(before, rest, error.info().contains("flow")) {
            problem.help(help)
        } else if line.contains(": *") || line.contains("- *") {
            problem.help("put quotes around a value that starts with `*`")
        } else if before.contains(": ") && line.matches(": ").count() > 1 {
            problem.help("put quotes around a value that has `: ` in it")
        } else if let Some(open) = unclosed(error, self.text.get(..at.saturating_sub(self.skipped))) {
            let open = open + self.skipped;
            Problem::new(open..open + 1, format!("not YAML: {}", error.info())).help("what begins here is not closed")
        } else if error.info().starts_with("mapping values") {
            problem
                .help("see whether this line is indented like its neighbours, and whether the value above it is closed")
        } else if error.info().contains("did not find expected key") && line.trim_start().starts_with("- ") {
            problem.help("items of a list, `- …`, and keys cannot stand beside each other")
        } else if line.matches('"').count() % 2 == 1 {
            problem.help("see whether every quote is closed")
        } else {
            problem
        }
    }
}

/// What to say of a value that would be text if it stood in quotes, and ends as YAML between `before` and `rest` of its line.
fn lacks_quotes(before: &str, rest: &str, flow: bool) -> Option<String> {
    const WHOLE: &str = "put quotes around a value that";
    if before.ends_with('$') && rest.starts_with('{') {
        return Some(format!("{WHOLE} has `${{` in it"));
    }
    let (before, first) = (before.trim_end(), rest.chars().next()?);
    if before.ends_with([':', '-', ',', '[', '{']) && "`@%>|-".contains(first) {
        let shown = if first == '`' { "a backtick".to_owned() } else { format!("`{first}`") };
        return Some(format!("{WHOLE} starts with {shown}"));
    }
    let ended = before.chars().next_back().filter(|last| "}]\"'".contains(*last) && first.is_alphanumeric())?;
    let what = match ended {
        '"' | '\'' => "put quotes around the whole value".to_owned(),
        '}' => format!("{WHOLE} starts with `{{`"),
        _ => format!("{WHOLE} starts with `[`"),
    };
    Some(if flow { format!("{what}, or a `,` between two") } else { what })
}

/// The last bracket before a place in a list or map in brackets that cannot go on there.
fn unclosed(error: &ScanError, before: Option<&str>) -> Option<usize> {
    if !error.info().contains("parsing a flow") {
        return None;
    }
    let mut closed = 0_usize;
    for (at, c) in before?.char_indices().rev() {
        match c {
            '}' | ']' => closed += 1,
            '{' | '[' if closed == 0 => return Some(at),
            '{' | '[' => closed -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scalars_stay_what_was_written() {
        let root = parse("mode: 0640\nversion: 1.10\nssl: no\n").unwrap();
        let texts: Vec<_> =
            ["mode", "version", "ssl"].iter().map(|key| root.get(key).unwrap().text().unwrap()).collect();
        assert_eq!(texts, ["0640", "1.10", "no"]);
    }

    #[test]
    fn places_are_bytes_also_after_a_mark_and_other_alphabets() {
        let text = "\u{feff}größe: ä\r\nnext: [a, b]\r\n";
        let root = parse(text).unwrap();
        let next = root.get("next").unwrap();
        assert_eq!(text.get(next.span.clone()), Some("[a, b]"));
        assert_eq!(text.get(root.get("größe").unwrap().span.clone()), Some("ä"));
    }

    #[test]
    fn hostile_files_end_in_an_error() {
        let bomb = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(300_000), "*a,".repeat(20_000));
        assert!(parse(&bomb).unwrap_err()[0].message.contains("values"));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"- ".repeat(100_000)).is_err());
        let billion: String = (1..40).map(|i| format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1)).collect();
        assert!(parse(&format!("a0: &a0 x\n{billion}")).is_err());
        assert!(parse("a: &a [*a]").is_err());
        assert!(parse("a: 1\na: 2").unwrap_err()[0].message.contains("twice"));
        assert!(parse("a: 1\n---\nb: 2").unwrap_err()[0].message.contains("second document"));
        assert!(parse("").is_err());
        assert!(parse("? [a]\n: b").is_err());
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,400}") {
            let _ = (parse(&text), documents(&text));
        }

        #[test]
        fn any_structure_parses_or_is_refused(text in r#"[\[\]{}:,\-?&*!|>'"% #a0\n\t\r]{0,200}"#) {
            if let Err(problems) = parse(&text) {
                prop_assert!(problems.iter().all(|p| p.span.end <= text.len()));
            }
        }
    }
}

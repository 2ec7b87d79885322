//! The tree that a manifest's YAML or JSON is read into: merge keys are resolved, each node knows its file and line, and
//! a part that cannot be told is a node that says why.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::container::Read;
use crate::diagnostic::Problem;
use crate::value::Reason;
use crate::yaml;

/// Where a node was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    /// From 1.
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a node's tag asks of a merge of Compose files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// `!reset`: take away what was there.
    Reset,
    /// `!override`: replace what was there.
    Override,
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) mark: Mark,
    pub(super) kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    Null,
    /// A scalar as it was written; a value may be a secret, so that nothing here prints it.
    Text {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Unknown(Reason),
}

const NULL: &Kind = &Kind::Null;

/// The documents of a file. Empty ones are left out.
///
/// # Errors
/// It is no YAML, is too large, or holds what neither program would take. The reason quotes nothing of it.
pub(super) fn documents(file: &str, bytes: &[u8]) -> Read<Vec<Node>> {
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::new(format!("{file} is not UTF-8 text")))?;
    let (roots, text) = parsed(text).map_err(|problems| refused(file, text, &problems))?;
    let reading = Reading { file: file.into(), lines: line_starts(&text) };
    let nodes = roots.iter().map(|root| reading.node(root)).collect::<Read<Vec<_>>>()?;
    Ok(nodes.into_iter().filter(|node| !matches!(node.kind, Kind::Null)).collect())
}

/// Lines of a text that are moved to the right.
const MAX_MENDS: usize = 50;
/// Columns; deeper than anybody indents.
const FAR_RIGHT: usize = 100;

/// Lists and maps in brackets may go on further left than YAML allows, as the parsers of Compose and Kubernetes let them:
/// such lines are moved to the right, which changes no line's number. The text that the places belong to is returned too.
fn parsed(text: &str) -> Result<(Vec<yaml::Node>, Cow<'_, str>), Vec<Problem>> {
    let mut text = Cow::Borrowed(text);
    let mut mends = if text.len() > yaml::MAX_BYTES { 0 } else { MAX_MENDS };
    loop {
        let problems = match yaml::documents(&text) {
            Ok(roots) => return Ok((roots, text)),
            Err(problems) => problems,
        };
        text = match problems.first().and_then(|problem| mended(&text, problem)) {
            Some(mended) if mends > 0 => Cow::Owned(mended),
            Some(_) | None => return Err(problems),
        };
        mends -= 1;
    }
}

/// The text with the line moved that stands too far left inside of brackets.
fn mended(text: &str, problem: &Problem) -> Option<String> {
    const LEFT: [&str; 2] = ["not YAML: invalid indentation", "not YAML: invalid indentation in flow construct"];
    if !LEFT.contains(&problem.message.as_str()) {
        return None;
    }
    let (before, after) = text.split_at_checked(problem.span.start)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let blanks = before.get(start..)?;
    if !blanks.bytes().all(|byte| byte == b' ') || blanks.len() >= FAR_RIGHT {
        return None;
    }
    Some(format!("{before}{}{after}", " ".repeat(FAR_RIGHT)))
}

fn refused(file: &str, text: &str, problems: &[Problem]) -> Reason {
    let Some(problem) = problems.first() else { return Reason::new(format!("{file} is not YAML")) };
    let line = line_of(&line_starts(text), problem.span.start);
    if text.contains("{{") {
        let reason = Reason::new(format!("{file}:{line} is no YAML but a template"));
        return reason.with_grant("give what comes out of it: `helm template …`");
    }
    // A key that stands twice is named in the message; keys are no secrets.
    Reason::new(format!("{file}:{line}: {}", problem.message))
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn line_of(starts: &[usize], byte: usize) -> usize {
    starts.partition_point(|start| *start <= byte).max(1)
}

struct Reading {
    file: Arc<str>,
    lines: Vec<usize>,
}

impl Reading {
    fn node(&self, node: &yaml::Node) -> Read<Node> {
        let place = Place { file: Arc::clone(&self.file), line: line_of(&self.lines, node.span.start) };
        let (mark, stringly) = match node.tag.as_deref() {
            None => (Mark::None, false),
            Some("reset") => (Mark::Reset, false),
            Some("override") => (Mark::Override, false),
            Some("str") => (Mark::None, true),
            Some(_) => {
                let reason = Reason::new(format!("{place} has a tag that harden does not know"));
                return Ok(Node { place, mark: Mark::None, kind: Kind::Unknown(reason) });
            }
        };
        let kind = match &node.kind {
            yaml::Kind::Scalar { text, quoted: false } if !stringly && is_null(text) => Kind::Null,
            yaml::Kind::Scalar { text, quoted } => Kind::Text { text: text.clone(), quoted: *quoted || stringly },
            yaml::Kind::Sequence(items) => Kind::List(items.iter().map(|item| self.node(item)).collect::<Read<_>>()?),
            yaml::Kind::Mapping(entries) => Kind::Map(self.entries(entries, &place)?),
        };
        Ok(Node { place, mark, kind })
    }

    /// The entries, those of merge keys (YAML's `<<`) behind the mapping's own.
    fn entries(&self, entries: &[(yaml::Key, yaml::Node)], place: &Place) -> Read<Vec<(String, Node)>> {
        let mut own: Vec<(String, Node)> = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for (key, value) in entries {
            let node = self.node(value)?;
            if key.name == "<<" { merged.push(node) } else { own.push((key.name.clone(), node)) }
        }
        if merged.is_empty() {
            return Ok(own);
        }
        let mut names: HashSet<String> = own.iter().map(|(name, _)| name.clone()).collect();
        for node in merged {
            let sources = match node.kind {
                Kind::List(items) => items,
                kind => vec![Node { kind, ..node }],
            };
            for source in sources {
                match source.kind {
                    Kind::Map(entries) => {
                        for (name, value) in entries {
                            if names.insert(name.clone()) {
                                own.push((name, value));
                            }
                        }
                    }
                    Kind::Null => {}
                    Kind::Text { .. } | Kind::List(_) | Kind::Unknown(_) => {
                        return Err(Reason::new(format!("{place}: `<<` merges something that is no map")));
                    }
                }
            }
        }
        Ok(own)
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

impl Node {
    pub(super) fn new(place: &Place, kind: Kind) -> Self {
        Node { place: place.clone(), mark: Mark::None, kind }
    }

    pub(super) fn text(place: &Place, text: impl Into<String>) -> Self {
        Node::new(place, Kind::Text { text: text.into(), quoted: true })
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else { return None };
        let found = entries.iter().find(|(name, _)| name == key).map(|(_, node)| node);
        found.filter(|node| !matches!(node.kind, Kind::Null))
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Kind::Map(entries) = &mut self.kind else { return None };
        entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        let Kind::Map(entries) = &mut self.kind else { return None };
        let at = entries.iter().position(|(name, _)| name == key)?;
        Some(entries.remove(at).1)
    }

    /// The place of a dotted path, for reading it as a type.
    pub(super) fn at(&self, path: &str) -> At<'_> {
        let mut found = Some(self);
        for key in path.split('.') {
            let Some(node) = found else { break };
            match &node.kind {
                Kind::Map(_) => found = node.get(key),
                Kind::Null => found = None,
                Kind::Unknown(reason) => {
                    return At { kind: Err(reason.clone()), of: Some(node), path: path.to_owned() };
                }
                Kind::Text { .. } | Kind::List(_) => {
                    let reason = Reason::new(format!("{}: unexpected shape of {path}", node.place));
                    return At { kind: Err(reason), of: Some(node), path: path.to_owned() };
                }
            }
        }
        At::of(found, path)
    }

    /// The node itself, for reading it as a type.
    pub(super) fn itself<'a>(&'a self, path: &str) -> At<'a> {
        At::of(Some(self), path)
    }

    /// Values in it.
    pub(super) fn size(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.iter().map(|(_, node)| node.size()).sum::<usize>(),
            Kind::Null | Kind::Text { .. } | Kind::Unknown(_) => 1,
        }
    }
}

/// A place in the tree, read without guessing: what has another shape than documented is a reason.
pub(super) struct At<'a> {
    kind: Read<&'a Kind>,
    of: Option<&'a Node>,
    path: String,
}

impl<'a> At<'a> {
    fn of(node: Option<&'a Node>, path: &str) -> Self {
        let kind = match node.map(|node| &node.kind) {
            Some(Kind::Unknown(reason)) => Err(reason.clone()),
            Some(kind) => Ok(kind),
            None => Ok(NULL),
        };
        At { kind, of: node, path: path.to_owned() }
    }

    fn strange(&self) -> Reason {
        match self.of {
            Some(node) => Reason::new(format!("{}: unexpected shape of {}", node.place, self.path)),
            None => Reason::new(format!("unexpected shape of {}", self.path)),
        }
    }

    /// `None` where nothing is written, or null.
    pub(super) fn scalar(&self) -> Read<Option<(&'a str, bool)>> {
        match self.kind.clone()? {
            Kind::Null => Ok(None),
            Kind::Text { text, quoted } => Ok(Some((text, *quoted))),
            Kind::List(_) | Kind::Map(_) | Kind::Unknown(_) => Err(self.strange()),
        }
    }

    pub(super) fn text(&self) -> Read<Option<&'a str>> {
        Ok(self.scalar()?.map(|(text, _)| text))
    }

    /// The same without the empty text.
    pub(super) fn some_text(&self) -> Read<Option<&'a str>> {
        Ok(self.text()?.filter(|text| !text.is_empty()))
    }

    /// A truth value as YAML 1.1 and Compose write it, quoted or not.
    pub(super) fn bool(&self) -> Read<Option<bool>> {
        let Some(text) = self.text()? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Ok(Some(true)),
            "false" | "n" | "no" | "off" => Ok(Some(false)),
            _ => Err(self.strange()),
        }
    }

    /// A truth value of JSON, which in YAML stands without quotes.
    pub(super) fn json_bool(&self) -> Read<Option<bool>> {
        match self.scalar()? {
            Some((_, true)) => Err(self.strange()),
            _ => self.bool(),
        }
    }

    /// A text of JSON that is not empty. In YAML a number or a truth value without quotes is none.
    pub(super) fn json_text(&self) -> Read<Option<&'a str>> {
        match self.scalar()? {
            Some((text, false)) if !is_string(text) => Err(self.strange()),
            _ => self.some_text(),
        }
    }

    /// A whole number, in any of the bases that YAML 1.1 and 1.2 know.
    pub(super) fn int(&self) -> Read<Option<i64>> {
        let Some((text, quoted)) = self.scalar()? else { return Ok(None) };
        let number = if quoted { text.trim().parse().ok() } else { integer(text) };
        number.map(Some).ok_or_else(|| self.strange())
    }

    pub(super) fn items(&self) -> Read<&'a [Node]> {
        match self.kind.clone()? {
            Kind::Null => Ok(&[]),
            Kind::List(items) => Ok(items),
            Kind::Text { .. } | Kind::Map(_) | Kind::Unknown(_) => Err(self.strange()),
        }
    }

    pub(super) fn entries(&self) -> Read<&'a [(String, Node)]> {
        match self.kind.clone()? {
            Kind::Null => Ok(&[]),
            Kind::Map(entries) => Ok(entries),
            Kind::Text { .. } | Kind::List(_) | Kind::Unknown(_) => Err(self.strange()),
        }
    }
}

/// Whether a scalar without quotes is a string to YAML 1.1, as the API of Kubernetes reads it.
pub(super) fn is_string(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let truth = matches!(word.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n");
    let is_number = || text.replace('_', "").parse::<f64>().is_ok();
    let number = text.starts_with(|c: char| !c.is_ascii_alphabetic()) && (integer(text).is_some() || is_number());
    !truth && !number
}

/// A number of YAML 1.2 (`10`, `0o17`, `0x1f`) or 1.1 (`017`, `0b11`, `1_000`).
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with('_') || digits.is_empty() {
        return None;
    }
    let digits = digits.replace('_', "");
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Node {
        documents("f.yaml", text.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn merge_keys_are_behind_the_mappings_own() {
        let root = one("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\n");
        let text = |path: &str| root.at(path).text().unwrap().unwrap();
        assert_eq!((text("c.x"), text("c.y"), text("c.z")), ("9", "2", "4"));
        assert!(documents("f", b"a: {<<: 1}").is_err());
        assert_eq!(root.get("c").unwrap().get("z").unwrap().place.line, 2);
    }

    #[test]
    fn several_documents_and_empty_ones() {
        let all = documents("f", b"---\n# nothing\n---\na: 1\n---\nb: 2\n...\n").unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].place.line, 6);
        assert!(documents("f", b"").unwrap().is_empty());
        assert!(documents("f", b"{\"a\": [1, {\"b\": true}]}").is_ok(), "JSON is YAML");
    }

    #[test]
    fn what_is_refused_says_where() {
        let why = |text: &[u8]| match documents("f.yaml", text) {
            Err(reason) => reason.to_string(),
            Ok(_) => panic!("read"),
        };
        assert!(why(b"a: 1\na: 2\n").contains("f.yaml:2"), "{}", why(b"a: 1\na: 2\n"));
        assert!(why(b"a: {{ .Values.x }}\nb: [\n").contains("helm template"));
        assert!(why(b"\xff\xfe").contains("UTF-8"));
        assert!(why(b"password: 'hunter2\n").contains("f.yaml:1"));
        assert!(!why(b"password: 'hunter2\n").contains("hunter2"));
    }

    #[test]
    fn brackets_may_go_on_further_left() {
        let root = one("a:\n  b: [\n  1,\n  2,\n  ]\n  c: {\n x: 1\n}\nd: 3\n");
        assert_eq!((root.at("a.b").items().unwrap().len(), root.at("a.c.x").text()), (2, Ok(Some("1"))));
        assert_eq!(root.get("d").unwrap().place.line, 9);
        assert!(documents("f", b"a:\n  b: 1\n c: 2\n").is_err());
    }

    #[test]
    fn numbers_have_both_bases() {
        for (text, number) in [("420", 420), ("0644", 420), ("0o644", 420), ("0x1F", 31), ("-1", -1), ("1_000", 1000)] {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for text in ["", "0o", "08", "1.5", "x", "_1", "0x", "--1", "+-1"] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(one("a: '0644'").at("a").int(), Ok(Some(644)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = documents("f", &bytes);
        }

        #[test]
        fn any_structure_is_read_or_refused(text in r#"[\[\]{}:,\-?&*!|>'"<% #a0\n\t]{0,120}"#) {
            let _ = documents("f", text.as_bytes());
        }
    }
}

//! What a configuration file says, as a tree that is the same for every format: names, lists and texts, each with the
//! place where it stands.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Nesting that is followed; deeper text is refused by the readers.
pub(super) const MAX_DEPTH: usize = 64;
/// Values that one question may select.
pub const MAX_SELECTED: usize = 20_000;
/// Nodes that one question may pass.
const MAX_STEPS: usize = 400_000;

/// Where something is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value with its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    pub place: Place,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// JSON's and YAML's null: the name stands there, and nothing is set.
    Null,
    /// A text, unquoted. A bare one was written without quotes, so that a format with types may take it for a number.
    Text {
        text: String,
        bare: bool,
    },
    /// It is set, and to what cannot be told; the reason is a fragment without any of the text.
    Unclear(String),
    /// It is kept encrypted in the file (Pulumi's `secure:`, Ansible's `!vault`).
    Encrypted,
    List(Vec<Node>),
    /// In the order of the file. A name may be there more than once where the format's readers disagree about that.
    Map(Vec<(String, Node)>),
}

/// Values of settings can be secrets.
impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("place", &self.place).finish_non_exhaustive()
    }
}

/// One document of a file; most formats have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `Deployment/web`, or the number from 1; absent where a file is one document.
    pub name: Option<String>,
    pub root: Node,
    /// Why more may be set than was read: a file that is included and could not be.
    pub hole: Option<String>,
}

/// The name under which the labels of an HCL block are kept.
pub const LABELS: &str = "_labels";

/// A value that a key led to.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The names on the way, joined by dots.
    pub key: String,
    /// Every value that the key has, in the order of the file; several where it is repeated.
    pub nodes: Vec<Node>,
}

impl Node {
    pub(super) fn text(text: impl Into<String>, bare: bool, place: Place) -> Self {
        Node { kind: Kind::Text { text: text.into(), bare }, place }
    }

    pub(super) fn unclear(why: impl Into<String>, place: Place) -> Self {
        Node { kind: Kind::Unclear(why.into()), place }
    }

    /// The names below it; those of a list's items, together.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.kind {
            Kind::Map(entries) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            Kind::List(items) => items.iter().flat_map(Node::names).collect(),
            Kind::Null | Kind::Text { .. } | Kind::Unclear(_) | Kind::Encrypted => Vec::new(),
        };
        let mut seen = HashSet::new();
        names.retain(|name| *name != LABELS && seen.insert(*name));
        names
    }

    /// Marks every text in it as unclear.
    pub(super) fn obscure(&mut self, why: &str) {
        match &mut self.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| item.obscure(why)),
            Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.obscure(why)),
            Kind::Null | Kind::Text { .. } | Kind::Encrypted => self.kind = Kind::Unclear(why.to_owned()),
            Kind::Unclear(_) => {}
        }
    }

    fn is_block(&self) -> bool {
        matches!(&self.kind, Kind::Map(entries) if entries.iter().any(|(name, _)| name == LABELS))
    }

    fn has_label(&self, label: &impl Fn(&str) -> bool) -> bool {
        let Kind::Map(entries) = &self.kind else { return false };
        let labels = entries.iter().find(|(name, _)| name == LABELS).map(|(_, value)| &value.kind);
        let Some(Kind::List(items)) = labels else { return false };
        items.iter().any(|item| matches!(&item.kind, Kind::Text { text, .. } if label(text)))
    }
}

/// How names are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    #[default]
    Exact,
    /// Letters of either case are the same.
    AnyCase,
    /// And `-`, `_` and blanks do not count (Ofelia, and others that decode into structs).
    Loose,
    /// `-` and `_` are the same, and `loose_` in front does not count (MySQL's and MariaDB's option files).
    Options,
}

impl Names {
    /// The name as it is compared.
    pub fn fold(self, name: &str) -> String {
        match self {
            Names::Exact => name.to_owned(),
            Names::AnyCase => name.to_lowercase(),
            Names::Loose => name.to_lowercase().replace(['-', '_', ' '], ""),
            Names::Options => {
                let name = name.to_lowercase().replace('-', "_");
                name.strip_prefix("loose_").map(str::to_owned).unwrap_or(name)
            }
        }
    }
}

/// The values that a key leads to. Its parts are joined by dots, `*` stands for any part of a name, a number for an item
/// of a list. A name that itself has dots is found too: the longest name that exists is tried first.
pub fn select(root: &Node, key: &str, names: Names) -> Vec<Selected> {
    let mut found = Found::new(names);
    step(root, key, "", 0, &mut found);
    found.selected
}

/// Every value that has none below it.
pub fn leaves(root: &Node, names: Names) -> Vec<Selected> {
    let mut found = Found::new(names);
    descend(root, "", 0, &mut found);
    found.selected
}

/// What was selected so far. A key that is found again adds to the values that it has.
struct Found {
    names: Names,
    selected: Vec<Selected>,
    index: HashMap<String, usize>,
    steps: usize,
}

impl Found {
    fn new(names: Names) -> Self {
        Found { names, selected: Vec::new(), index: HashMap::new(), steps: 0 }
    }

    fn add(&mut self, key: String, node: &Node) {
        let folded = self.names.fold(&key);
        match self.index.get(&folded).and_then(|at| self.selected.get_mut(*at)) {
            Some(known) => known.nodes.push(node.clone()),
            None => {
                self.index.insert(folded, self.selected.len());
                self.selected.push(Selected { key, nodes: vec![node.clone()] });
            }
        }
    }

    /// Whether there is room and time for more.
    fn goes_on(&mut self, depth: usize) -> bool {
        self.steps += 1;
        depth <= MAX_DEPTH && self.steps <= MAX_STEPS && self.selected.len() <= MAX_SELECTED
    }
}

fn step(node: &Node, key: &str, way: &str, depth: usize, found: &mut Found) {
    if !found.goes_on(depth) {
        return;
    }
    let before = found.selected.len();
    let whole = members(node, key, found.names);
    let any = !whole.is_empty();
    for (name, member) in whole {
        found.add(joined(way, &name), member);
    }
    if any && !key.contains('*') {
        return;
    }
    for (at, _) in key.match_indices('.').collect::<Vec<_>>().into_iter().rev() {
        let (Some(first), Some(rest)) = (key.get(..at), key.get(at + 1..)) else { continue };
        for (name, member) in members(node, first, found.names) {
            step(member, rest, &joined(way, &name), depth + 1, found);
        }
        if found.selected.len() > before && !key.contains('*') {
            return;
        }
    }
}

/// The members by a name or a pattern.
fn members<'n>(node: &'n Node, wanted: &str, names: Names) -> Vec<(String, &'n Node)> {
    let wanted = names.fold(wanted);
    let matches = |name: &str| star(&wanted, &names.fold(name));
    match &node.kind {
        Kind::Map(entries) => {
            let entries = entries.iter().filter(|(name, _)| name != LABELS && matches(name));
            entries.map(|(name, value)| (name.clone(), value)).collect()
        }
        Kind::List(items) => {
            let numbered = items.iter().enumerate().map(|(number, item)| (number.to_string(), item));
            let mut found: Vec<_> =
                numbered.clone().filter(|(number, item)| matches(number) || item.has_label(&matches)).collect();
            // Blocks are asked for their settings without their number, since most are there once.
            if found.is_empty() && items.iter().all(Node::is_block) {
                for (number, item) in numbered {
                    let inner = members(item, &wanted, names).into_iter();
                    found.extend(inner.map(|(name, value)| (format!("{number}.{name}"), value)));
                }
            }
            found
        }
        Kind::Null | Kind::Text { .. } | Kind::Unclear(_) | Kind::Encrypted => Vec::new(),
    }
}

fn descend(node: &Node, way: &str, depth: usize, found: &mut Found) {
    if !found.goes_on(depth) {
        return;
    }
    match &node.kind {
        Kind::Map(entries) => {
            for (name, value) in entries.iter().filter(|(name, _)| name != LABELS) {
                descend(value, &joined(way, name), depth + 1, found);
            }
        }
        Kind::List(items) if items.iter().any(|item| matches!(item.kind, Kind::Map(_) | Kind::List(_))) => {
            for (number, item) in items.iter().enumerate() {
                descend(item, &joined(way, &number.to_string()), depth + 1, found);
            }
        }
        Kind::List(_) | Kind::Null | Kind::Text { .. } | Kind::Unclear(_) | Kind::Encrypted => {
            found.add(way.to_owned(), node);
        }
    }
}

fn joined(way: &str, name: &str) -> String {
    if way.is_empty() { name.to_owned() } else { format!("{way}.{name}") }
}

/// Whether a name matches a text in which `*` stands for anything. Nothing else is special: names have brackets.
pub fn star(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = name.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    name.ends_with(last)
}

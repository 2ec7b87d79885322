//! Mutants of a rule: the mistakes that somebody could make in it, each made once. A matcher negated, a field or a filter
//! left out, a bound moved, a quantifier or a resource confused. What no case of the rule notices is not tested.

use std::ops::Range;

use crate::resource::{self, Accepts, Field, Param, Resource};
use crate::rule::input::Input;
use crate::value::types::from_as;
use crate::value::{Type, duration};
use crate::yaml::{Key, Kind, Node};

/// Seconds.
const DAY: i64 = 86_400;

/// A rule's tree with one mistake in it.
#[derive(Debug)]
pub(super) struct Mutant {
    /// What was changed: `expect.mode: negated`.
    pub what: String,
    /// Where in the rule's file.
    pub span: Range<usize>,
    pub mistake: Mistake,
    pub root: Node,
}

/// What kind of mistake it is, which decides by which case it can be noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mistake {
    /// A part was left out.
    Omission,
    /// A part was confused with another, negated, or is off by one.
    Confusion,
    /// In what is looked at: another resource, or another thing of the same one, by this parameter, which asks for `value`
    /// where it is written out.
    Query { resource: &'static str, param: Option<String>, value: Option<String> },
}

/// Every mutant of a rule with these inputs, one after the other: together they would be as many copies of it.
pub(super) fn mutants(root: &Node, inputs: &[Input], found: &mut dyn FnMut(Mutant)) {
    let mut maker = Maker { found, inputs };
    for (at, (key, value)) in root.mapping().into_iter().flatten().enumerate() {
        let put = |new: Option<Node>| with_entry(root, at, new);
        match key.name.as_str() {
            "when" => {
                maker.omit("when", &key.span, put(None));
                maker.check(value, "when", &put);
            }
            "check" => maker.check(value, "check", &put),
            "manual" => maker.manual(value, &put),
            "inputs" => maker.defaults(value, &put),
            _ => {}
        }
    }
}

/// Puts a changed node, or none, back into the rule around it.
type Put<'p> = &'p dyn Fn(Option<Node>) -> Node;

struct Maker<'r> {
    found: &'r mut dyn FnMut(Mutant),
    inputs: &'r [Input],
}

impl Maker<'_> {
    fn found(&mut self, what: String, span: &Range<usize>, mistake: Mistake, root: Node) {
        // An input that only the part left out used is no mistake of its own.
        (self.found)(Mutant { what, span: span.clone(), mistake, root: without_unused_inputs(root) });
    }

    fn add(&mut self, what: impl Into<String>, span: &Range<usize>, root: Node) {
        self.found(what.into(), span, Mistake::Confusion, root);
    }

    fn omit(&mut self, path: &str, span: &Range<usize>, root: Node) {
        let what = format!("{path}: left out");
        self.found(what, span, Mistake::Omission, root);
    }

    fn add_query(&mut self, what: String, span: &Range<usize>, of: &'static str, param: Option<&str>, root: Node) {
        let mistake = Mistake::Query { resource: of, param: param.map(str::to_owned), value: None };
        self.found(what, span, mistake, root);
    }

    /// What a person is asked: the term off by a day, a contradiction left out, something else that it is bound to.
    fn manual(&mut self, node: &Node, put: Put<'_>) {
        for (at, (key, value)) in node.mapping().into_iter().flatten().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            match key.name.as_str() {
                "valid_for" => {
                    let seconds = value.text().and_then(duration::parse);
                    for (seconds, off) in seconds.into_iter().flat_map(|s| [(s - DAY, "shorter"), (s + DAY, "longer")])
                    {
                        let new = here(Some(Node::scalar(format!("{seconds}s"), value.span.clone())));
                        self.add(format!("manual.valid_for: a day {off}"), &value.span, new);
                    }
                }
                "contradicted_by" => {
                    let items = value.sequence().unwrap_or(std::slice::from_ref(value));
                    for (at, item) in items.iter().enumerate() {
                        let mut rest = items.to_vec();
                        rest.remove(at);
                        let list = Node { kind: Kind::Sequence(rest), ..value.clone() };
                        let what = format!("manual.contradicted_by {}: left out", item.text().unwrap_or_default());
                        self.add(what, &item.span, here(Some(list)));
                    }
                }
                "scope" => drop(self.selection(value, "manual.scope", &here)),
                _ => {}
            }
        }
    }

    fn check(&mut self, node: &Node, path: &str, put: Put<'_>) {
        for (at, (key, value)) in node.mapping().into_iter().flatten().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            match key.name.as_str() {
                word @ ("all_of" | "any_of") => {
                    let other = if word == "all_of" { "any_of" } else { "all_of" };
                    self.parts(value, &format!("{path}.{word}"), &here, &mut |maker, part, path, put| {
                        maker.check(part, path, put);
                    });
                    if value.sequence().is_some_and(|parts| parts.len() > 1) {
                        let renamed = put(Some(renamed(node, at, other)));
                        self.add(format!("{path}: {other} in place of {word}"), &key.span, renamed);
                    }
                }
                "not" => {
                    self.omit(&format!("{path}.not"), &key.span, put(Some(value.clone())));
                    self.check(value, &format!("{path}.not"), &here);
                }
                _ => {}
            }
        }
        if let Some(table) = self.selection(node, path, put) {
            self.quantified(node, path, table, put);
        }
    }

    /// What a check or an `each` looks at. Returns the resource and the type of what `as` decides.
    fn selection(&mut self, node: &Node, path: &str, put: Put<'_>) -> Option<(&'static Resource, Type)> {
        let resource = resource::find(node.get("resource")?.text()?)?;
        let given = node.get("with").and_then(|with| with.get("as")).and_then(Node::text).and_then(from_as);
        let as_type = given.unwrap_or_else(|| resource.as_type(&resource::With::new()));
        for (at, (key, value)) in node.mapping().into_iter().flatten().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            match key.name.as_str() {
                "resource" => {
                    for other in resource::ALL.iter().filter(|other| other.name != resource.name) {
                        let new = here(Some(Node::scalar(other.name, value.span.clone())));
                        let what = format!("{path}.resource: {} in place of {}", other.name, resource.name);
                        self.add_query(what, &value.span, resource.name, None, new);
                    }
                }
                "with" => self.params(value, path, resource, &here),
                "where" => {
                    self.omit(&format!("{path}.where"), &key.span, here(None));
                    self.fields(value, &format!("{path}.where"), resource.fields, as_type, &here);
                }
                "each" => {
                    let path = format!("{path}.each");
                    self.selection(value, &path, &here);
                }
                _ => {}
            }
        }
        Some((resource, as_type))
    }

    /// The items of inputs that are lists, each left out. A single value is moved where it is used.
    fn defaults(&mut self, node: &Node, put: Put<'_>) {
        for (at, (key, input)) in node.mapping().into_iter().flatten().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            for (at, (part, value)) in input.mapping().into_iter().flatten().enumerate() {
                if part.name == "default" {
                    let here = |new: Option<Node>| here(Some(with_entry(input, at, new)));
                    self.parts(value, &format!("inputs.{}.default", key.name), &here, &mut |_, _, _, _| {});
                }
            }
        }
    }

    /// Parameters that name what is looked at, each of their values naming something else.
    fn params(&mut self, node: &Node, path: &str, resource: &'static Resource, put: Put<'_>) {
        for (at, (key, value)) in node.mapping().into_iter().flatten().enumerate() {
            let names = |param: &&Param| param.name == key.name && matches!(param.accepts, Accepts::Text);
            if !resource.params.iter().any(|param| names(&param)) {
                continue;
            }
            let path = format!("{path}.with.{}", key.name);
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            match value.sequence() {
                Some(items) => {
                    for (at, item) in items.iter().enumerate() {
                        let here = |new: Option<Node>| here(Some(with_item(value, at, new)));
                        self.another(item, &path, resource.name, &key.name, &here);
                    }
                }
                None => self.another(value, &path, resource.name, &key.name, &here),
            }
        }
    }

    fn another(&mut self, node: &Node, path: &str, resource: &'static str, param: &str, put: Put<'_>) {
        let Some(text) = node.text() else { return };
        let other = match text {
            text if text.contains("${") => format!("{text}-another"),
            text if text.starts_with('/') => "/another".to_owned(),
            _ => "another".to_owned(),
        };
        let what = format!("{path}: {other} in place of {text}");
        let value = Some(text).filter(|text| !text.contains("${")).map(str::to_owned);
        let root = put(Some(Node::scalar(other, node.span.clone())));
        let mistake = Mistake::Query { resource, param: Some(param.to_owned()), value };
        self.found(what, &node.span, mistake, root);
    }

    /// What is expected of what was selected.
    fn quantified(&mut self, node: &Node, path: &str, (resource, as_type): (&'static Resource, Type), put: Put<'_>) {
        for (at, (key, value)) in node.mapping().into_iter().flatten().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            match key.name.as_str() {
                word @ ("expect" | "require" | "forbid") => {
                    for other in ["expect", "require", "forbid"].into_iter().filter(|other| *other != word) {
                        let what = format!("{path}: {other} in place of {word}");
                        self.add(what, &key.span, put(Some(renamed(node, at, other))));
                    }
                    self.fields(value, &format!("{path}.{word}"), resource.fields, as_type, &here);
                }
                "absent" => {
                    let others = ["pass", "fail", "not-applicable"].into_iter();
                    // To a condition, failing and not applying are the same.
                    let alike = |other: &str| path == "when" && other != "pass" && value.text() != Some("pass");
                    for other in others.filter(|other| Some(*other) != value.text() && !alike(other)) {
                        let new = here(Some(Node::scalar(other, value.span.clone())));
                        self.add(format!("{path}.absent: {other}"), &value.span, new);
                    }
                }
                "at_least" => {
                    self.omit(&format!("{path}.at_least"), &key.span, here(None));
                    self.nudged(value, &format!("{path}.at_least"), Type::Integer, &here);
                }
                _ => {}
            }
        }
    }

    /// Alternatives, each left out once and changed inside.
    fn parts(
        &mut self,
        node: &Node,
        path: &str,
        put: Put<'_>,
        inside: &mut dyn FnMut(&mut Self, &Node, &str, Put<'_>),
    ) {
        let items = node.sequence().unwrap_or_default();
        for (at, item) in items.iter().enumerate() {
            let here = |new: Option<Node>| put(Some(with_item(node, at, new)));
            let path = format!("{path}[{}]", at + 1);
            if items.len() > 1 {
                self.omit(&path, &item.span, here(None));
            }
            inside(self, item, &path, &here);
        }
    }

    /// A map of fields to matchers.
    fn fields(&mut self, node: &Node, path: &str, table: &'static [Field], as_type: Type, put: Put<'_>) {
        let entries = node.mapping().unwrap_or_default();
        for (at, (key, value)) in entries.iter().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            let path = format!("{path}.{}", key.name);
            if entries.len() > 1 {
                self.omit(&path, &key.span, here(None));
            }
            match key.name.as_str() {
                "all_of" | "any_of" => {
                    self.parts(value, &path, &here, &mut |maker, part, path, put| {
                        maker.fields(part, path, table, as_type, put);
                    });
                    self.swapped(node, at, &key.name, &path, put);
                }
                "not" => {
                    self.omit(&path, &key.span, put(Some(without_not(node, at, value))));
                    self.fields(value, &path, table, as_type, &here);
                }
                name => {
                    let Some(field) = table.iter().find(|field| field.name == name) else { continue };
                    let ty = if matches!(field.ty, Type::As) { as_type } else { field.ty };
                    self.add(format!("{path}: negated"), &value.span, here(Some(negated(value))));
                    for other in table.iter().filter(|other| other.name != field.name && is_alike(other.ty, field.ty)) {
                        if node.get(other.name).is_none() {
                            let what = format!("{path}: {} in place of {}", other.name, field.name);
                            self.add(what, &key.span, put(Some(renamed(node, at, other.name))));
                        }
                    }
                    if value.get("exists").is_none() {
                        let exists = Key { span: value.span.clone(), name: "exists".to_owned() };
                        let entry = (exists, Node::scalar("true", value.span.clone()));
                        let weak = Node { span: value.span.clone(), tag: None, kind: Kind::Mapping(vec![entry]) };
                        self.add(format!("{path}: only that it exists"), &value.span, here(Some(weak)));
                    }
                    self.matcher(value, &path, ty, &here);
                }
            }
        }
    }

    fn swapped(&mut self, node: &Node, at: usize, word: &str, path: &str, put: Put<'_>) {
        let other = if word == "all_of" { "any_of" } else { "all_of" };
        let Some((key, value)) = node.mapping().and_then(|entries| entries.get(at)) else { return };
        if value.sequence().is_some_and(|parts| parts.len() > 1) {
            self.add(format!("{path}: {other} in place of {word}"), &key.span, put(Some(renamed(node, at, other))));
        }
    }

    /// A value, or a map of matchers.
    fn matcher(&mut self, node: &Node, path: &str, ty: Type, put: Put<'_>) {
        let Some(entries) = node.mapping() else {
            return self.nudged(node, path, ty, put);
        };
        for (at, (key, value)) in entries.iter().enumerate() {
            let here = |new: Option<Node>| put(Some(with_entry(node, at, new)));
            let inner = format!("{path}.{}", key.name);
            if entries.len() > 1 {
                self.omit(&inner, &key.span, here(None));
            }
            match key.name.as_str() {
                "all_of" | "any_of" => {
                    self.parts(value, &inner, &here, &mut |maker, part, path, put| maker.matcher(part, path, ty, put));
                    self.swapped(node, at, &key.name, &inner, put);
                }
                "not" => {
                    if entries.len() == 1 {
                        self.omit(&inner, &key.span, put(Some(value.clone())));
                    }
                    self.matcher(value, &inner, ty, &here);
                }
                word @ ("every" | "some" | "none") => {
                    for other in ["every", "some", "none"].into_iter().filter(|other| *other != word) {
                        let new = put(Some(renamed(node, at, other)));
                        self.add(format!("{path}: {other} in place of {word}"), &key.span, new);
                    }
                    if let Type::List(item) | Type::Map(item) = ty {
                        self.items(value, &inner, *item, &here);
                    }
                }
                "key" => {
                    if let Type::Map(item) = ty {
                        for (at, (key, part)) in value.mapping().into_iter().flatten().enumerate() {
                            let here = |new: Option<Node>| here(Some(with_entry(value, at, new)));
                            self.items(part, &format!("{inner}.{}", key.name), *item, &here);
                        }
                    }
                }
                word @ ("at_least" | "at_most") => {
                    let other = if word == "at_least" { "at_most" } else { "at_least" };
                    if node.get(other).is_none() {
                        for other in [other, "equals"] {
                            let new = put(Some(renamed(node, at, other)));
                            self.add(format!("{path}: {other} in place of {word}"), &key.span, new);
                        }
                    }
                    self.nudged(value, &inner, ty, &here);
                }
                "equals" => self.nudged(value, &inner, ty, &here),
                "in" | "within" => self.parts(value, &inner, &here, &mut |_, _, _, _| {}),
                "count" => match value.mapping() {
                    Some(limits) => {
                        for (at, (_, limit)) in limits.iter().enumerate() {
                            let here = |new: Option<Node>| here(Some(with_entry(value, at, new)));
                            self.nudged(limit, &inner, Type::Integer, &here);
                        }
                    }
                    None => self.nudged(value, &inner, Type::Integer, &here),
                },
                _ => {}
            }
        }
    }

    fn items(&mut self, node: &Node, path: &str, item: Type, put: Put<'_>) {
        match item {
            Type::Record(table) => self.fields(node, path, table, Type::Text, put),
            item => self.matcher(node, path, item, put),
        }
    }

    /// The operand moved over its boundary.
    fn nudged(&mut self, node: &Node, path: &str, ty: Type, put: Put<'_>) {
        let Some(text) = node.text() else { return };
        let input = self.inputs.iter().find(|input| text == format!("${{{}}}", input.name));
        let value = input.and_then(|input| input.default.as_ref().or(input.example.as_ref()));
        let value = value.and_then(|value| value.items().into_iter().next());
        for new in nudges(value.as_deref().unwrap_or(text), ty) {
            let what = format!("{path}: {new} in place of {text}");
            let root = put(Some(Node::scalar(new, node.span.clone())));
            self.found(what, &node.span, Mistake::Confusion, root);
        }
    }
}

/// Whether what is asked of one type can be asked of the other.
fn is_alike(a: Type, b: Type) -> bool {
    match (a, b) {
        (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => is_alike(*a, *b),
        (Type::Word(a), Type::Word(b)) => std::ptr::eq(a, b),
        (Type::Record(a), Type::Record(b)) => std::ptr::eq(a, b),
        (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
    }
}

/// The operands next to this one, as text.
fn nudges(text: &str, ty: Type) -> Vec<String> {
    match ty {
        Type::Integer => {
            let Ok(number) = text.parse::<i64>() else { return Vec::new() };
            vec![number.saturating_sub(1).to_string(), number.saturating_add(1).to_string()]
        }
        Type::Word(vocabulary) if vocabulary.ordered => {
            let at = vocabulary.words.iter().position(|word| *word == text);
            let near = |at: usize| [at.checked_sub(1), at.checked_add(1)];
            let words = at.map(near).into_iter().flatten().flatten().filter_map(|at| vocabulary.words.get(at));
            words.map(|word| (*word).to_owned()).collect()
        }
        Type::Mode => {
            let Some(bits) = crate::value::mode::parse(text) else { return Vec::new() };
            // Reading and writing by others and by the group are what modes are about.
            let near = [0o002, 0o004, 0o020, 0o040].map(|bit| bits ^ bit);
            near.map(|bits| format!("0{bits:03o}")).to_vec()
        }
        Type::Time if text == "now" => vec!["now-1d".to_owned(), "now+1d".to_owned()],
        Type::Duration | Type::Time | Type::Size => {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (Some(number), Some(unit)) = (text.get(..digits), text.get(digits..)) else { return Vec::new() };
            let Ok(number) = number.parse::<u64>() else { return Vec::new() };
            if unit.starts_with('-') {
                return Vec::new();
            }
            [number.checked_sub(1), number.checked_add(1)].into_iter().flatten().map(|n| format!("{n}{unit}")).collect()
        }
        Type::Version => {
            let (before, last) = text.rsplit_once('.').map_or(("", text), |(before, last)| (before, last));
            let Ok(number) = last.parse::<u64>() else { return Vec::new() };
            let dot = if before.is_empty() { "" } else { "." };
            let near = [number.checked_sub(1), number.checked_add(1)].into_iter().flatten();
            near.map(|number| format!("{before}{dot}{number}")).collect()
        }
        _ => Vec::new(),
    }
}

fn negated(node: &Node) -> Node {
    match node.mapping() {
        Some([(key, inner)]) if key.name == "not" => inner.clone(),
        _ => {
            let key = Key { span: node.span.clone(), name: "not".to_owned() };
            Node { span: node.span.clone(), tag: None, kind: Kind::Mapping(vec![(key, node.clone())]) }
        }
    }
}

/// The map with an entry replaced, or removed.
fn with_entry(node: &Node, at: usize, new: Option<Node>) -> Node {
    let mut changed = node.clone();
    if let Kind::Mapping(entries) = &mut changed.kind {
        match new {
            Some(new) => {
                if let Some((_, value)) = entries.get_mut(at) {
                    *value = new;
                }
            }
            None if at < entries.len() => drop(entries.remove(at)),
            None => {}
        }
    }
    changed
}

/// The list with an item replaced, or removed.
fn with_item(node: &Node, at: usize, new: Option<Node>) -> Node {
    let mut changed = node.clone();
    if let Kind::Sequence(items) = &mut changed.kind {
        match new {
            Some(new) => {
                if let Some(item) = items.get_mut(at) {
                    *item = new;
                }
            }
            None if at < items.len() => drop(items.remove(at)),
            None => {}
        }
    }
    changed
}

fn renamed(node: &Node, at: usize, name: &str) -> Node {
    let mut changed = node.clone();
    if let Kind::Mapping(entries) = &mut changed.kind
        && let Some((key, _)) = entries.get_mut(at)
    {
        key.name = name.to_owned();
    }
    changed
}

/// The rule without the inputs that nothing in it refers to.
fn without_unused_inputs(mut root: Node) -> Node {
    let is_used = |name: &str| {
        let reference = format!("${{{name}}}");
        let parts = root.mapping().into_iter().flatten().filter(|(key, _)| key.name != "inputs");
        parts.into_iter().any(|(_, part)| refers_to(part, &reference))
    };
    let declared = root.get("inputs").and_then(Node::mapping).unwrap_or_default();
    let used: Vec<bool> = declared.iter().map(|(key, _)| is_used(&key.name)).collect();
    if let Kind::Mapping(parts) = &mut root.kind
        && let Some((_, inputs)) = parts.iter_mut().find(|(key, _)| key.name == "inputs")
        && let Kind::Mapping(inputs) = &mut inputs.kind
    {
        let mut used = used.into_iter();
        inputs.retain(|_| used.next().unwrap_or(true));
    }
    root
}

fn refers_to(node: &Node, reference: &str) -> bool {
    match &node.kind {
        Kind::Scalar { text, .. } => text.contains(reference),
        Kind::Sequence(items) => items.iter().any(|item| refers_to(item, reference)),
        Kind::Mapping(entries) => entries.iter().any(|(_, value)| refers_to(value, reference)),
    }
}

/// The map of fields with those under its `not` standing beside the others.
fn without_not(node: &Node, at: usize, inner: &Node) -> Node {
    let mut changed = with_entry(node, at, None);
    if let (Kind::Mapping(entries), Some(more)) = (&mut changed.kind, inner.mapping()) {
        entries.extend(more.iter().cloned());
    }
    changed
}

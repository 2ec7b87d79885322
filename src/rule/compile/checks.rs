//! Checks: which resource with which parameters, which subjects count, and what is expected of them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::places::{self, Part};
use super::reader::Reader;
use crate::diagnostic::Problem;
use crate::glob::expand_braces;
use crate::resource::{self, Accepts, Param, Resource, With};
use crate::rule::{Check, Each, OnAbsent, Quantifier, QueryCheck, Selection};
use crate::value::Type;
use crate::value::types::AS;
use crate::yaml::{Kind, Node};

pub(super) const CHECK_KEYS: [&str; 12] = [
    "resource", "with", "each", "where", "expect", "require", "forbid", "absent", "at_least", "all_of", "any_of", "not",
];
/// References that follow one another; as many as a run looks up in turn.
const MAX_EACH: usize = 7;
/// Queries that the lists of one check's parameters stand for.
const MAX_QUERIES: usize = 10_000;
pub(super) const EACH_KEYS: [&str; 6] = ["resource", "with", "each", "where", "pick", "as"];

impl Reader<'_> {
    pub(super) fn check(&self, node: &Node) -> Option<Check> {
        let entries = self.keys_in(node, &CHECK_KEYS, "a check", places::elsewhere(Part::Check));
        let combinator = entries.iter().find(|(key, _)| ["all_of", "any_of", "not"].contains(&key.name.as_str()));
        let Some((key, value)) = combinator else { return self.query_check(node).map(Box::new).map(Check::Query) };
        if let Some((other, _)) = entries.iter().find(|(other, _)| other.name != key.name) {
            let message = format!("`{}` and `{}` cannot stand in the same check", key.name, other.name);
            self.report(
                Problem::new(other.span.clone(), message).help("put the check with its `resource:` inside the list"),
            );
        }
        if key.name == "not" {
            return self.check(value).map(Box::new).map(Check::Not);
        }
        let Some(items) = value.sequence().filter(|items| !items.is_empty()) else {
            self.expected(value, "a list of checks");
            return None;
        };
        let parts = items.iter().filter_map(|item| self.check(item)).collect();
        Some(if key.name == "all_of" { Check::All(parts) } else { Check::Any(parts) })
    }

    fn query_check(&self, node: &Node) -> Option<QueryCheck> {
        let bound = self.bound.borrow().len();
        let selection = self.selection(node, "a check");
        self.bound.borrow_mut().truncate(bound);
        let selection = selection?;
        self.unused_references(node, &selection);
        let resource = selection.resource;
        let expectation = self.quantified(node, &selection);
        let absent = node.get("absent").and_then(|value| {
            let words =
                [("pass", OnAbsent::Pass), ("fail", OnAbsent::Fail), ("not-applicable", OnAbsent::NotApplicable)];
            self.word(value, &words, "meaning of absence")
        });
        if resource.can_be_absent && node.get("absent").is_none() {
            let message = format!("this check does not say what a missing {} means", resource.name);
            self.report(
                Problem::new(node.span.clone(), message)
                    .help("add `absent: fail`, `absent: pass` or `absent: not-applicable`"),
            );
        }
        if let (false, Some(value)) = (resource.can_be_absent, node.get("absent")) {
            let message = format!("`absent:` has no meaning for {}: nothing is asked for by name", resource.name);
            self.report(
                Problem::new(value.span.clone(), message)
                    .help("to require that something is selected, write `at_least: 1`"),
            );
        }
        let at_least = node.get("at_least").and_then(|value| self.number(value)).unwrap_or(0);
        let (quantifier, expectation) = expectation?;
        Some(QueryCheck { selection, quantifier, expectation, absent, at_least })
    }

    fn quantified(&self, node: &Node, selection: &Selection) -> Option<(Quantifier, crate::matcher::Expectation)> {
        let given: Vec<_> =
            ["expect", "require", "forbid"].iter().filter_map(|name| Some((*name, node.get(name)?))).collect();
        let &[(name, value)] = given.as_slice() else {
            let message = match given.as_slice() {
                [] => "a check says what it expects",
                _ => "a check has only one of `expect`, `require` and `forbid`",
            };
            let help = "`expect:` every selected subject holds, `require:` at least one does, `forbid:` none does";
            self.report(Problem::new(node.span.clone(), message).help(help));
            return None;
        };
        let resource = selection.resource;
        let expectation = self.expectation(value, resource.fields, selection.as_type, resource.name)?;
        Some(match name {
            "expect" => (Quantifier::Every, expectation),
            "require" => (Quantifier::Some, expectation),
            _ => (Quantifier::Every, expectation.negate()),
        })
    }

    /// The part of a check, or of an `each`, that says what is looked at. Names bound by `each` stay bound.
    pub(super) fn selection(&self, node: &Node, of: &str) -> Option<Selection> {
        let each = node.get("each").map(|value| self.each(value));
        let Some(name) = node.get("resource") else {
            let problem = Problem::new(node.span.clone(), format!("{of} names the resource that it looks at"));
            let names: Vec<_> = resource::ALL.iter().map(|resource| resource.name).collect();
            self.report(problem.help(format!("add `resource: file`; there are: {}", names.join(", "))));
            return None;
        };
        let text = self.text(name)?;
        let Some(resource) = resource::find(text) else {
            self.unknown_word(&name.span, text, resource::ALL.iter().map(|resource| resource.name), "resource");
            return None;
        };
        let mut inputs = BTreeMap::new();
        let with = self.with(node.get("with"), resource, node, &mut inputs);
        let as_type = resource.as_type(&with);
        let filter = match node.get("where") {
            Some(filter) => Some(self.expectation(filter, resource.fields, as_type, resource.name)?),
            None => None,
        };
        let each = match each {
            Some(each) => Some(Box::new(each?)),
            None => None,
        };
        Some(Selection { resource, with, inputs, as_type, each, filter })
    }

    fn each(&self, node: &Node) -> Option<Each> {
        self.keys_in(node, &EACH_KEYS, "`each`", places::elsewhere(Part::Each));
        let from = self.selection(node, "`each`");
        let word = node.get("as");
        let name = word.and_then(|value| self.text(value)).map(str::to_owned);
        if let (Some(word), Some(name)) = (word, &name) {
            self.bind(word, name);
        }
        if word.is_none() {
            self.report(
                Problem::new(node.span.clone(), "`each` says under which name it binds what it picks")
                    .help("add `as: NAME`"),
            );
        }
        let from = from?;
        let pick = self.pick(node, &from, "`each`")?;
        Some(Each { from, pick, name: name? })
    }

    /// Names that an `each` binds and no parameter refers to: what is looked at would not be what was meant.
    pub(super) fn unused_references(&self, node: &Node, selection: &Selection) {
        // One that is misspelt is told where it stands.
        if self.has_refused() {
            return;
        }
        let (mut part, mut place) = (selection, Some(node));
        while let Some(each) = &part.each {
            place = place.and_then(|node| node.get("each"));
            let reference = format!("${{{}}}", each.name);
            if !selection.refers_to(&reference)
                && let Some(word) = place.and_then(|node| node.get("as"))
            {
                let problem = Problem::new(word.span.clone(), format!("no parameter refers to `{}`", each.name));
                self.report(problem.help(format!("write `{reference}` where what was picked belongs, under `with:`")));
            }
            part = &each.from;
        }
    }

    /// Binds a name for the parameters around; it must be no other's.
    fn bind(&self, node: &Node, name: &str) {
        self.name(name, &node.span);
        let mut bound = self.bound.borrow_mut();
        if bound.iter().any(|other| other == name) || self.declared(name).is_some() {
            self.report(Problem::new(node.span.clone(), format!("the name `{name}` is taken already")));
        }
        bound.push(name.to_owned());
        if bound.len() > MAX_EACH {
            let message = format!("more than {MAX_EACH} `each` inside one another");
            self.report(Problem::new(node.span.clone(), message));
        }
    }

    fn with(
        &self,
        node: Option<&Node>,
        resource: &'static Resource,
        check: &Node,
        inputs: &mut BTreeMap<String, Vec<String>>,
    ) -> With {
        let mut with = With::new();
        let names: Vec<&str> = resource.params.iter().map(|param| param.name).collect();
        if let Some(node) = node {
            for (key, value) in node.mapping().unwrap_or_else(|| self.keys(node, &[], "`with`")) {
                match resource.params.iter().find(|param| param.name == key.name) {
                    Some(param) => {
                        if param.name == "path" {
                            self.refuse_relative(value);
                        }
                        let (value, from) = self.noting_inputs(|| self.param(value, param));
                        with.extend(value.map(|value| (key.name.clone(), value)));
                        if !from.is_empty() {
                            inputs.insert(key.name.clone(), from);
                        }
                    }
                    None if resource.fields.iter().any(|field| field.name == key.name) => {
                        let message = format!("`{}` is a field of {}, not a parameter", key.name, resource.name);
                        let help = "fields are selected under `where:` and judged under `expect:`";
                        self.report(Problem::new(key.span.clone(), message).help(help));
                    }
                    None => match places::elsewhere(Part::Parameters)(&key.name) {
                        Some(help) => self.misplaced(&key.span, "parameter", &key.name, resource.name, help),
                        None => {
                            self.unknown_name(&key.span, "parameter", &key.name, names.iter().copied(), resource.name);
                        }
                    },
                }
            }
        }
        let lists = with.values().filter_map(Json::as_array).map(Vec::len);
        let span = &node.unwrap_or(check).span;
        if lists.fold(1_usize, usize::saturating_mul) > MAX_QUERIES {
            let message = format!("these lists stand for more than {MAX_QUERIES} queries");
            self.report(Problem::new(span.clone(), message));
        }
        let patterns = with.values().map(|value| self.patterns(value, span));
        let patterns = patterns.fold(1_usize, usize::saturating_mul);
        self.charge(span, |budget| budget.queries(patterns));
        let given = |name: &str| node.and_then(|node| node.get(name)).is_some();
        for param in resource.params.iter().filter(|param| param.required && !given(param.name)) {
            let message = format!("{} needs the parameter `{}`: {}", resource.name, param.name, param.about);
            self.report(Problem::new(check.span.clone(), message).help(format!("add `with: {{ {}: … }}`", param.name)));
        }
        with
    }

    /// Paths that do not begin at the root, whatever an input or a reference in them will be.
    fn refuse_relative(&self, node: &Node) {
        for item in node.sequence().unwrap_or(std::slice::from_ref(node)) {
            let begins = |text: &str| {
                text.is_empty() || text.starts_with('/') || text.starts_with("${") || text.starts_with('{')
            };
            if let Some(text) = item.text().filter(|text| !begins(text)) {
                let problem = Problem::new(item.span.clone(), format!("`{text}` is no absolute path"));
                self.report(problem.help("write it from `/` on"));
            }
        }
    }

    /// How many patterns a parameter stands for. One whose braces stand for too many would match nothing.
    fn patterns(&self, value: &Json, span: &std::ops::Range<usize>) -> usize {
        match value {
            Json::Array(items) => items.iter().map(|item| self.patterns(item, span)).sum(),
            Json::String(text) if text.contains('{') => match expand_braces(text) {
                Ok(all) => all.len(),
                Err(error) => {
                    self.report(Problem::new(span.clone(), error));
                    1
                }
            },
            _ => 1,
        }
    }

    fn param(&self, node: &Node, param: &Param) -> Option<Json> {
        let node = &*self.resolve(node);
        match param.accepts {
            Accepts::Text => match node.sequence() {
                Some([]) => {
                    self.expected(node, "at least one text");
                    None
                }
                Some(items) => {
                    let items = items.iter().filter(|item| self.text(item).is_some());
                    let texts = items.flat_map(|item| self.texts(&self.resolve(item)));
                    Some(texts.map(Json::String).collect())
                }
                None => self.text(node).map(|text| Json::String(text.to_owned())),
            },
            Accepts::As | Accepts::AsElse(_) => {
                let text = self.text(node)?;
                if AS.iter().all(|(name, _)| *name != text) {
                    self.unknown_type(&node.span, text, |_| true, "type");
                }
                Some(Json::String(text.to_owned()))
            }
            Accepts::Words(words) => {
                let text = self.text(node)?;
                if !words.contains(&text) {
                    self.unknown_word(&node.span, text, words.iter().copied(), &format!("`{}`", param.name));
                }
                Some(Json::String(text.to_owned()))
            }
            Accepts::Layers => self.layers(node),
            Accepts::Texts => {
                let texts = match node.sequence() {
                    Some(items) => items.iter().flat_map(|item| self.texts(&self.resolve(item))).collect(),
                    None => self.texts(node),
                };
                Some(Json::String(texts.join(resource::SEPARATOR)))
            }
        }
    }

    /// The sources of a setting, most specific first: `env` (of something), `file` (with format and key), `default`.
    fn layers(&self, node: &Node) -> Option<Json> {
        let Some(items) = node.sequence().filter(|items| !items.is_empty()) else {
            self.expected(node, "a list of layers: `env`, `file` or `default`");
            return None;
        };
        let layers = items.iter().map(|item| {
            let keys: &[&str] = if item.get("env").is_some() {
                &["env", "of"]
            } else if item.get("file").is_some() && item.get("of").is_some() {
                &["file", "format", "key", "of"]
            } else if item.get("file").is_some() {
                &["file", "format", "key"]
            } else {
                &["default"]
            };
            let entries = self.keys(item, keys, "a layer").iter();
            let entries = entries.filter_map(|(key, value)| {
                let value = &*self.resolve(value);
                match &value.kind {
                    Kind::Scalar { text, .. } => Some((key.name.clone(), Json::String(text.clone()))),
                    Kind::Sequence(_) | Kind::Mapping(_) => {
                        self.expected(value, "text");
                        None
                    }
                }
            });
            let layer: serde_json::Map<_, _> = entries.collect();
            for key in keys.iter().filter(|key| !layer.contains_key(**key)) {
                self.report(Problem::new(item.span.clone(), format!("this layer lacks `{key}`")));
            }
            Json::Object(layer)
        });
        Some(layers.collect())
    }
}

/// Whether a value of this type says in full what it is when it is written as text.
pub(super) fn can_be_picked(ty: Type) -> bool {
    match ty {
        Type::List(item) => !matches!(item, Type::List(_)) && can_be_picked(*item),
        Type::Text | Type::Url | Type::Integer | Type::Net | Type::Word(_) | Type::Version | Type::As => true,
        Type::Bool(_)
        | Type::Size
        | Type::Duration
        | Type::Time
        | Type::Secret
        | Type::Mode
        | Type::Map(_)
        | Type::Record(_) => false,
    }
}

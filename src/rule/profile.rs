//! Profiles: named selections of rules, with the inputs they set.

use std::collections::BTreeMap;

use super::compile::Reader;
use super::input::{InputValue, Inputs};
use crate::diagnostic::{Problem, Source};
use crate::glob::Alternatives;
use crate::yaml::{self, Node};

const KEYS: [&str; 6] = ["name", "title", "about", "rules", "exclude", "inputs"];

/// A named selection of rules.
#[derive(Debug)]
pub struct Profile {
    pub name: String,
    pub title: String,
    pub about: String,
    pub rules: Vec<Pattern>,
    pub exclude: Vec<Pattern>,
    pub inputs: Inputs,
    pub source: Source,
}

/// A rule's id, or a glob over ids.
#[derive(Debug)]
pub struct Pattern {
    pub text: String,
    matcher: Alternatives,
    span: std::ops::Range<usize>,
}

impl Pattern {
    /// A pattern from the command line; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        Ok(Pattern { text: text.to_owned(), matcher: Alternatives::new(text)?, span: 0..0 })
    }

    pub fn matches(&self, id: &str) -> bool {
        self.matcher.matches(id)
    }
}

impl Profile {
    pub fn selects(&self, id: &str) -> bool {
        self.rules.iter().any(|pattern| pattern.matches(id)) && !self.exclude.iter().any(|pattern| pattern.matches(id))
    }

    /// Patterns that select nothing, which are mistakes more often than plans.
    pub fn unused(&self, ids: &[&str]) -> Vec<Problem> {
        let patterns = self.rules.iter().chain(&self.exclude);
        let unused = patterns.filter(|pattern| !ids.iter().any(|id| pattern.matches(id)));
        unused
            .map(|pattern| {
                let problem = Problem::new(pattern.span.clone(), format!("no rule matches `{}`", pattern.text));
                problem.suggest(&pattern.text, ids.iter().copied())
            })
            .collect()
    }
}

/// Compiles one profile file, whose name must be its stem.
pub fn compile(source: &Source, stem: &str) -> Result<Profile, Vec<Problem>> {
    let root = yaml::parse(&source.text)?;
    let inputs = Inputs::new();
    let reader = Reader::new(&inputs);
    let profile = profile(&reader, &root, source, stem);
    let problems = reader.into_problems();
    match profile {
        Some(profile) if problems.is_empty() => Ok(profile),
        None if problems.is_empty() => Err(vec![Problem::new(root.span, "this is no profile")]),
        _ => Err(problems),
    }
}

fn profile(reader: &Reader<'_>, root: &Node, source: &Source, stem: &str) -> Option<Profile> {
    reader.keys(root, &KEYS, "a profile");
    let name = reader.required(root, "name").and_then(|node| Some((node, reader.text(node)?)));
    let title = reader.required(root, "title").and_then(|node| reader.text(node));
    let about = reader.required(root, "about").and_then(|node| reader.text(node));
    let rules = reader.required(root, "rules").map(|node| patterns(reader, node)).unwrap_or_default();
    let exclude = root.get("exclude").map(|node| patterns(reader, node)).unwrap_or_default();
    let inputs = root.get("inputs").map(|node| inputs(reader, node)).unwrap_or_default();
    let (node, name) = name?;
    if name != stem {
        reader.report(Problem::new(node.span.clone(), format!("the name `{name}` is not the file's name, `{stem}`")));
    }
    Some(Profile {
        name: name.to_owned(),
        title: title?.to_owned(),
        about: about?.trim().to_owned(),
        rules,
        exclude,
        inputs,
        source: source.clone(),
    })
}

fn patterns(reader: &Reader<'_>, node: &Node) -> Vec<Pattern> {
    let items = node.sequence().unwrap_or(std::slice::from_ref(node));
    let pattern = |item: &Node| match Pattern::new(reader.text(item)?) {
        Ok(pattern) => Some(Pattern { span: item.span.clone(), ..pattern }),
        Err(error) => {
            reader.report(Problem::new(item.span.clone(), format!("not a glob over rule ids: {error}")));
            None
        }
    };
    items.iter().filter_map(pattern).collect()
}

/// Values of inputs by name: texts or lists of texts.
pub(crate) fn inputs(reader: &Reader<'_>, node: &Node) -> Inputs {
    let Some(entries) = node.mapping() else {
        reader.expected(node, "inputs by name");
        return BTreeMap::new();
    };
    let value = |node: &Node| match node.sequence() {
        Some(_) => Some(InputValue::Many(reader.texts(node))),
        None => reader.text(node).map(|text| InputValue::One(text.to_owned())),
    };
    entries.iter().filter_map(|(key, node)| Some((key.name.clone(), value(node)?))).collect()
}

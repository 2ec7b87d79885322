//! The story of a rule: everything there is to say about it, once, for the terminal, for programs and for the pages.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use super::about::type_words;
use super::cases::{CaseStory, cases};
use crate::matcher::Expectation;
use crate::plan;
use crate::resource::{Field, Param, Resource, With};
use crate::rule::input::{Given, Input, InputValue, variable};
use crate::rule::profile::Profile;
use crate::rule::words::{self, Words};
use crate::rule::{Check, Phase, QueryCheck, Rule, Selection, Severity};
use crate::target::Kind;
use crate::value::Type;

/// Everything about a rule.
#[derive(Debug, Serialize)]
pub struct Story<'r> {
    pub id: &'r str,
    pub title: &'r str,
    pub severity: Severity,
    pub phase: Phase,
    /// Why it stands in place of the built-in rule of its id, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces_built_in: Option<&'r str>,
    /// What profiles change about it, with their reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    pub tags: &'r [String],
    pub why: &'r str,
    /// How it is judged, in words.
    pub judged: Vec<Words>,
    pub reads: Vec<Read>,
    pub inputs: Vec<InputStory<'r>>,
    pub cases: Vec<CaseStory>,
    pub fix: &'r str,
    pub refs: &'r BTreeMap<String, Vec<String>>,
    /// Names of the profiles that select it.
    pub profiles: Vec<&'r str>,
    pub file: &'r str,
}

/// What a rule looks at.
#[derive(Debug, Serialize)]
pub struct Read {
    pub targets: BTreeSet<Kind>,
    pub resource: &'static str,
    /// The parameters, in the order of the resource; a list asks one query for each item.
    pub with: serde_json::Map<String, Json>,
    /// Where names in the parameters come from, the outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub for_each: Vec<Reference>,
    /// The least privilege that sees all of it.
    pub privilege: &'static str,
    /// The fields that the rule picks, selects or judges by.
    pub fields: Vec<FieldRead>,
}

/// A name that stands for each value of a field of something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reference {
    pub name: String,
    pub field: &'static str,
    pub resource: &'static str,
    pub with: With,
    /// What has the field, in words.
    #[serde(skip)]
    pub of: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FieldRead {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub ty: String,
    pub about: &'static str,
}

/// An input, what it is set to, and by what else it could be.
#[derive(Debug, Serialize)]
pub struct InputStory<'r> {
    pub name: &'r str,
    #[serde(rename = "type")]
    pub ty: String,
    pub about: &'r str,
    /// `None` for one that must be set.
    pub default: Option<Vec<String>>,
    pub example: Option<Vec<String>>,
    /// What counts now; `None` while a required one is not set.
    pub value: Option<Vec<String>>,
    /// Who gave the value that counts in place of the default: `--input`, `harden.toml:4`, `the profile lab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_by: Option<String>,
    /// The environment variable that sets it.
    pub variable: String,
}

impl<'r> Story<'r> {
    pub fn new(rule: &'r Rule, profiles: &'r [Arc<Profile>]) -> Self {
        let selecting = profiles.iter().filter(|profile| profile.selects(rule));
        Story {
            id: &rule.id,
            title: &rule.title,
            severity: rule.severity,
            phase: rule.phase,
            replaces_built_in: rule.overrides.as_ref().map(|replaced| replaced.reason.as_str()),
            overrides: rule.changes.iter().map(|change| change.show()).collect(),
            tags: &rule.tags,
            why: &rule.why,
            judged: words::judged(rule),
            reads: reads(rule),
            inputs: rule.inputs.iter().map(InputStory::new).collect(),
            cases: cases(rule),
            fix: &rule.fix,
            refs: &rule.refs,
            profiles: selecting.map(|profile| profile.name.as_str()).collect(),
            file: &rule.source.path,
        }
    }
}

impl<'r> InputStory<'r> {
    fn new(input: &'r Input) -> Self {
        let items = |value: &Option<InputValue>| value.as_ref().map(|value| value_items(value, input.ty));
        InputStory {
            name: &input.name,
            ty: type_words(input.ty),
            about: &input.about,
            default: items(&input.default),
            example: items(&input.example),
            value: items(&input.value().cloned()),
            given_by: input.given.as_ref().map(Given::place),
            variable: variable(&input.name),
        }
    }
}

/// The items of a list, or the one value; only a list is written with commas.
fn value_items(value: &InputValue, ty: Type) -> Vec<String> {
    match (value, ty) {
        (InputValue::One(text), ty) if !matches!(ty, Type::List(_)) => vec![text.clone()],
        (value, _) => value.items(),
    }
}

/// What a rule looks at, each selection once, those that others refer to first.
pub fn reads(rule: &Rule) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    let judged = |query: &QueryCheck| {
        let mut judged = BTreeSet::new();
        fields(&query.expectation, &mut judged);
        judged
    };
    rule.checks().for_each(|check: &Check| {
        check.visit(&mut |query| reads_of(&query.selection, judged(query), &mut reads));
    });
    if let Some(scope) = rule.manual().and_then(|manual| manual.scope.as_ref()) {
        reads_of(&scope.from, BTreeSet::from([scope.pick]), &mut reads);
    }
    reads
}

fn reads_of(selection: &Selection, judged: BTreeSet<usize>, reads: &mut Vec<Read>) {
    let mut read = Some((selection, judged));
    let mut chain = Vec::new();
    while let Some((selection, mut wanted)) = read {
        selection.filter.iter().for_each(|filter| fields(filter, &mut wanted));
        chain.push((selection, wanted));
        read = selection.each.as_ref().map(|each| (&each.from, BTreeSet::from([each.pick])));
    }
    for (selection, wanted) in chain.into_iter().rev() {
        let new = Read::new(selection, &wanted);
        let same =
            |read: &&mut Read| (read.resource, &read.with, &read.for_each) == (new.resource, &new.with, &new.for_each);
        match reads.iter_mut().find(same) {
            Some(known) => {
                known.fields.extend(new.fields);
                known.fields.sort();
                known.fields.dedup();
            }
            None => reads.push(new),
        }
    }
}

/// The indices of the fields that an expectation is about.
fn fields(expectation: &Expectation, found: &mut BTreeSet<usize>) {
    match expectation {
        Expectation::Field { index, .. } => drop(found.insert(*index)),
        Expectation::All(parts) | Expectation::Any(parts) => parts.iter().for_each(|part| fields(part, found)),
    }
}

impl Read {
    fn new(selection: &Selection, wanted: &BTreeSet<usize>) -> Self {
        let read = |field: &Field| {
            let ty = if matches!(field.ty, Type::As) { selection.as_type } else { field.ty };
            FieldRead { name: field.name, ty: type_words(ty), about: field.about }
        };
        let table = selection.resource.fields;
        Read {
            targets: plan::kinds(selection),
            resource: selection.resource.name,
            with: in_order(selection.resource, &selection.with),
            for_each: references(selection),
            privilege: selection.resource.privilege,
            fields: wanted.iter().filter_map(|index| table.get(*index)).map(read).collect(),
        }
    }
}

/// Parameters in the order of the resource.
pub fn in_order(resource: &Resource, with: &With) -> serde_json::Map<String, Json> {
    let given = |param: &Param| Some((param.name.to_owned(), with.get(param.name)?.clone()));
    resource.params.iter().filter_map(given).collect()
}

/// Where the names in a selection's parameters come from, the outermost first.
pub fn references(selection: &Selection) -> Vec<Reference> {
    let Some(each) = &selection.each else { return Vec::new() };
    let mut found = references(&each.from);
    let field = each.from.resource.fields.get(each.pick).map_or("", |field| field.name);
    found.push(Reference {
        name: each.name.clone(),
        field,
        resource: each.from.resource.name,
        with: each.from.with.clone(),
        of: words::looked_at(&each.from),
    });
    found
}

/// The parameters of a query in words, and where names in them come from.
pub fn asks(with: &serde_json::Map<String, Json>, for_each: &[Reference]) -> String {
    let params = with.iter().map(|(name, value)| format!("{name} {}", words::items(value).join(", ")));
    let params = if with.is_empty() { "all there are".to_owned() } else { params.collect::<Vec<_>>().join("; ") };
    let references = for_each.iter().map(|reference| {
        let name = words::code(&format!("${{{}}}", reference.name));
        format!("; {name} is each {} of {}", words::code(reference.field), reference.of)
    });
    format!("{params}{}", references.collect::<String>())
}

/// A query as it is written in evidence and in cases: `file path=/etc/shadow`.
pub fn asked(resource: &str, with: &With) -> String {
    let params = with.iter().map(|(name, value)| format!(" {name}={}", plan::show(value)));
    format!("{resource}{}", params.collect::<String>())
}

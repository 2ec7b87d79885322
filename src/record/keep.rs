//! Which observations a case needs: of many subjects that are alike, one.

use std::collections::{BTreeMap, BTreeSet};

use super::used::{self, Fields};
use crate::facts::{Extent, Facts, Listing, Query, Subject};
use crate::matcher::Context;
use crate::plan::{self, Binding, Targets};
use crate::rule::{Each, QueryCheck, Rule, Selection};
use crate::truth::Truth;
use crate::value::{List, Observed, Record, Value};

/// The answers that the cases of a rule are made of, each with what the rule uses of its subjects.
pub(super) type Kept = BTreeMap<Query, (Listing, Fields)>;

/// Everything that the rule asked of these targets.
pub(super) fn all(rule: &Rule, facts: &Facts, targets: &Targets<'_>) -> Kept {
    let mut kept = Kept::new();
    for (selection, used) in used::selections(rule) {
        for (query, _) in plan::expand(selection, targets, facts, facts.started).queries {
            if let Some(listing) = facts.listings.get(&query) {
                let (_, known) = kept.entry(query).or_insert_with(|| (listing.clone(), Fields::new()));
                used::merge(known, &used);
            }
        }
    }
    kept
}

/// The same with one subject of each shape: of those of which the same is said, seen in the same way.
pub(super) fn some(rule: &Rule, facts: &Facts, targets: &Targets<'_>) -> Kept {
    let all = all(rule, facts, targets);
    let mut keep = Keep { facts, targets, all, kept: Kept::new() };
    for check in rule.checks() {
        check.visit(&mut |query| keep.judged(query));
    }
    keep.kept
}

struct Keep<'f> {
    facts: &'f Facts,
    targets: &'f Targets<'f>,
    all: Kept,
    kept: Kept,
}

impl Keep<'_> {
    /// The queries of a check, each with one subject of each shape. Of those that a reference leads to, each that is like
    /// none before it.
    fn judged(&mut self, check: &QueryCheck) {
        let context = Context { now: self.facts.started, invalid: Truth::False };
        let mut seen = BTreeSet::new();
        let mut bindings = Vec::new();
        for (query, binding) in self.queries(&check.selection) {
            let Some((listing, used)) = self.all.get(&query) else { continue };
            let mut shapes = BTreeSet::new();
            let shape = |subject: &Subject| {
                let selected = plan::selected(&check.selection, subject, self.facts.started);
                let judged = check.expectation.judge(&subject.fields, context);
                format!("{selected:?} {judged:?} {}", shape(&subject.fields, used))
            };
            let subjects: Vec<Subject> =
                listing.subjects.iter().filter(|subject| shapes.insert(shape(subject))).cloned().collect();
            let alike = (asked_of(&query, &binding), extent(&listing.extent), shapes);
            if check.selection.each.is_some() && !seen.insert(alike) {
                continue;
            }
            bindings.push(binding);
            self.add(query, subjects);
        }
        if let Some(each) = &check.selection.each {
            self.references(each, &bindings);
        }
    }

    /// The subjects that the kept queries were found by, and one of each shape that leads nowhere.
    fn references(&mut self, each: &Each, bindings: &[Binding]) {
        let values = bindings.iter().filter_map(|binding| Some(binding.get(&each.name)?.as_str()));
        let values: BTreeSet<&str> = values.collect();
        let mut outer = Vec::new();
        for (query, binding) in self.queries(&each.from) {
            let Some((listing, used)) = self.all.get(&query) else { continue };
            let mut shapes = BTreeSet::new();
            let kept = listing.subjects.iter().filter_map(|subject| {
                let selected = plan::selected(&each.from, subject, self.facts.started);
                let picks = subject.fields.fields.get(each.pick).is_some_and(|picked| !texts(picked).is_empty());
                if selected == Truth::True && picks {
                    return reduce(subject, each.pick, &values);
                }
                let shape = format!("{selected:?} {}", shape(&subject.fields, used));
                shapes.insert(shape).then(|| subject.clone())
            });
            let subjects: Vec<Subject> = kept.collect();
            // What a reference leads to is not asked any more when nothing leads there; what the rule names is.
            if subjects.is_empty() && !listing.subjects.is_empty() && each.from.each.is_some() {
                continue;
            }
            outer.push(binding);
            self.add(query, subjects);
        }
        if let Some(each) = &each.from.each {
            self.references(each, &outer);
        }
    }

    fn queries(&self, selection: &Selection) -> Vec<(Query, Binding)> {
        plan::expand(selection, self.targets, self.facts, self.facts.started).queries
    }

    /// Adds subjects of a query's answer, to those that another part of the rule kept of it.
    fn add(&mut self, query: Query, subjects: Vec<Subject>) {
        let Some((listing, used)) = self.all.get(&query) else { return };
        let empty = || (Listing { subjects: Vec::new(), extent: listing.extent.clone() }, BTreeMap::new());
        let (kept, known) = self.kept.entry(query).or_insert_with(empty);
        used::merge(known, used);
        for subject in subjects {
            if !kept.subjects.contains(&subject) {
                kept.subjects.push(subject);
            }
        }
    }
}

/// What the query asks, whatever the reference is that led to it: two names that are asked of one thing are two questions.
fn asked_of(query: &Query, binding: &Binding) -> String {
    let with = serde_json::to_string(&query.with()).unwrap_or_default();
    binding.iter().filter(|(_, value)| !value.is_empty()).fold(with, |with, (name, value)| {
        let written = serde_json::Value::from(value.as_str()).to_string();
        with.replace(written.trim_matches('"'), &format!("${{{name}}}"))
    })
}

/// The subject with only those values picked that are wanted; `None` when it has none of them.
fn reduce(subject: &Subject, pick: usize, values: &BTreeSet<&str>) -> Option<Subject> {
    let wanted = |text: &String| values.contains(text.as_str());
    let picked = subject.fields.fields.get(pick)?;
    if !texts(picked).iter().any(wanted) {
        return None;
    }
    let mut reduced = subject.clone();
    if let Some(Observed::Known(Value::List(List { items, .. }))) = reduced.fields.fields.get_mut(pick) {
        items.retain(|item| !matches!(item, Observed::Known(_)) || texts(item).iter().any(wanted));
    }
    Some(reduced)
}

/// What a reference makes of a value.
fn texts(observed: &Observed) -> Vec<String> {
    match observed {
        Observed::Known(Value::List(List { items, .. })) => items.iter().flat_map(texts).collect(),
        Observed::Known(Value::Text(text)) => vec![text.to_string()],
        Observed::Known(Value::Invalid(_)) | Observed::Absent | Observed::Unknown(_) => Vec::new(),
        Observed::Known(value) => vec![value.to_string()],
    }
}

/// How the fields were seen that the rule uses.
pub(super) fn shape(record: &Record, used: &Fields) -> String {
    let states = used.keys().filter_map(|index| record.fields.get(*index)).map(|observed| match observed {
        Observed::Known(Value::Invalid(_)) => 'i',
        Observed::Known(Value::List(List { more: Some(_), .. })) => 'm',
        Observed::Known(_) => 'k',
        Observed::Absent => 'a',
        Observed::Unknown(_) => 'u',
    });
    states.collect()
}

fn extent(extent: &Extent) -> u8 {
    match extent {
        Extent::Complete => 0,
        Extent::Absent(_) => 1,
        Extent::Partial(_) => 2,
        Extent::Failed(_) => 3,
    }
}

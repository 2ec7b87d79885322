//! Which fields of a subject a rule uses: what a case of it has to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::matcher::{Expectation, Matcher};
use crate::rule::{Rule, Selection};

/// What is used of the fields of one table, by their index.
pub(super) type Fields = BTreeMap<usize, Used>;

/// What is used of a value.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Something asks for the value as a whole: its text, the number of its items.
    pub(super) whole: bool,
    /// Keys of a map that are asked for by name.
    pub(super) keys: BTreeSet<Box<str>>,
    /// Fields of a record, or of the records of a list.
    pub(super) fields: Fields,
}

/// Each selection of the rule with what is used of its subjects.
pub(super) fn selections(rule: &Rule) -> Vec<(&Selection, Fields)> {
    let mut found = Vec::new();
    for check in rule.checks() {
        check.visit(&mut |query| {
            let mut used = Fields::new();
            query.selection.filter.iter().for_each(|filter| expectation(filter, &mut used));
            expectation(&query.expectation, &mut used);
            found.push((&query.selection, used));
            references(&query.selection, &mut found);
        });
    }
    if let Some(scope) = rule.manual().and_then(|manual| manual.scope.as_ref()) {
        found.push((&scope.from, picked(&scope.from, scope.pick)));
        references(&scope.from, &mut found);
    }
    found
}

/// What a selection refers to, with what is used of it there.
fn references<'r>(selection: &'r Selection, found: &mut Vec<(&'r Selection, Fields)>) {
    let mut each = selection.each.as_deref();
    while let Some(reference) = each {
        found.push((&reference.from, picked(&reference.from, reference.pick)));
        each = reference.from.each.as_deref();
    }
}

/// What is used where a field is picked.
fn picked(from: &Selection, pick: usize) -> Fields {
    let mut used = Fields::new();
    from.filter.iter().for_each(|filter| expectation(filter, &mut used));
    used.entry(pick).or_default().whole = true;
    used
}

/// Adds what another part of the rule uses of the same subjects.
pub(super) fn merge(into: &mut Fields, other: &Fields) {
    for (index, used) in other {
        let known = into.entry(*index).or_default();
        known.whole |= used.whole;
        known.keys.extend(used.keys.iter().cloned());
        merge(&mut known.fields, &used.fields);
    }
}

fn expectation(expectation_: &Expectation, used: &mut Fields) {
    match expectation_ {
        Expectation::Field { index, matcher: test, .. } => matcher(test, used.entry(*index).or_default()),
        Expectation::All(parts) | Expectation::Any(parts) => parts.iter().for_each(|part| expectation(part, used)),
    }
}

fn matcher(matcher_: &Matcher, used: &mut Used) {
    match matcher_ {
        Matcher::Leaf { .. } => used.whole = true,
        Matcher::All(parts) | Matcher::Any(parts) => parts.iter().for_each(|part| matcher(part, used)),
        Matcher::Every(item) | Matcher::Some(item) => {
            used.whole = true;
            matcher(item, used);
        }
        Matcher::Key(key, value) => {
            used.keys.insert(key.clone());
            // What is asked of the key's value is not asked of the map.
            matcher(value, &mut Used::default());
        }
        Matcher::Record(inner) => expectation(inner, &mut used.fields),
    }
}

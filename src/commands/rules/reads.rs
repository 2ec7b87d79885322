//! `harden rules show --reads`: everything that rules will look at, merged, before anything is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;

use crate::plan;
use crate::reference::story::{Reference, asks, in_order, references};
use crate::render::page::Page;
use crate::resource::With;
use crate::rule::{Rule, Selection};
use crate::target::Kind;

/// Queries of one selection that are listed one by one; the lists of one that asks more stay lists.
const LISTED: usize = 500;
/// Rules that are named beside a query.
const SHOWN: usize = 3;

/// What rules look at.
#[derive(Debug, Serialize)]
pub(super) struct Reads {
    rules: BTreeSet<String>,
    /// Rules that stand in place of built-in ones, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    replaces_built_in: BTreeMap<String, String>,
    /// Rules that look at nothing until these inputs are set; what is listed for them is by the inputs' examples.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unset: BTreeMap<String, Vec<String>>,
    queries: Vec<Query>,
}

/// One query, asked by one rule or more.
#[derive(Debug, Serialize)]
struct Query {
    target: Kind,
    resource: &'static str,
    /// How the answer is read (`as`) is left out: it changes nothing about what is looked at.
    with: serde_json::Map<String, Json>,
    /// Where names in the parameters come from: what is looked at is known only when that was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    for_each: Vec<Reference>,
    /// What else is read, that only what is asked for names.
    #[serde(skip_serializing_if = "Option::is_none")]
    leads_to: Option<&'static str>,
    privilege: &'static str,
    rules: BTreeSet<String>,
}

/// The queries of all rules, by target and resource, each once; and those that rules ask only as profiles set them.
pub(super) fn merge(rules: &[Rule], by_profile: &[(String, Vec<Rule>)]) -> Reads {
    let mut queries: BTreeMap<_, Query> = BTreeMap::new();
    let plain = rules.iter().map(|rule| (rule, None));
    let set = by_profile.iter().flat_map(|(name, rules)| rules.iter().map(move |rule| (rule, Some(name))));
    for (rule, profile) in plain.chain(set) {
        for query in rule.selections().into_iter().flat_map(queries_of) {
            // A name comes before those that it begins.
            let asked = asks(&query.with, &query.for_each).replace('`', "\0");
            let key = (query.target, query.resource, asked);
            let known = queries.entry(key).or_insert(query);
            match profile {
                Some(_) if known.rules.contains(&*rule.id) => {}
                Some(name) => drop(known.rules.insert(format!("{} by the profile {name}", rule.id))),
                None => drop(known.rules.insert(rule.id.to_string())),
            }
        }
    }
    let ids = rules.iter().chain(by_profile.iter().flat_map(|(_, rules)| rules)).map(|rule| rule.id.to_string());
    let unset = rules.iter().filter(|rule| !rule.unset.is_empty());
    let replaced = rules.iter().filter_map(|rule| Some((rule.id.to_string(), rule.overrides.as_ref()?.reason.clone())));
    Reads {
        rules: ids.collect(),
        replaces_built_in: replaced.collect(),
        unset: unset.map(|rule| (rule.id.to_string(), rule.unset.clone())).collect(),
        queries: queries.into_values().collect(),
    }
}

/// What else is read, that only what is asked for names.
fn leads_to(resource: &str, with: &With) -> Option<&'static str> {
    let of_unit = with.get("of").and_then(|of| of.as_str()).is_some_and(|of| of.starts_with("unit:"));
    match resource {
        "certificate" | "private_key" if with.contains_key("env") => Some("the file that the variable names"),
        "env" | "dsn" | "setting" if of_unit => Some("the files that the unit takes its environment from"),
        _ => None,
    }
}

fn queries_of(selection: &Selection) -> impl Iterator<Item = Query> {
    let query = |mut with: With| {
        let target = (selection.resource.target)(&with);
        with.remove("as");
        Query {
            target,
            resource: selection.resource.name,
            with: in_order(selection.resource, &with),
            for_each: references(selection),
            leads_to: leads_to(selection.resource.name, &with),
            privilege: selection.resource.privilege,
            rules: BTreeSet::new(),
        }
    };
    let asked = match plan::questions(selection) {
        0..=LISTED => plan::parameters(selection),
        _ => vec![selection.with.clone()],
    };
    asked.into_iter().map(query)
}

pub(super) fn text(reads: &Reads, mut page: Page) -> String {
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let verb = if reads.rules.len() == 1 { "looks" } else { "look" };
    let rules = count(reads.rules.len(), "rule", "rules");
    let things = count(reads.queries.len(), "thing", "things");
    page.paragraph(0, &format!("{rules} {verb} at {things}."));
    let mut last = None;
    for query in &reads.queries {
        if last.map(|(target, _)| target) != Some(query.target) {
            page.heading(query.target.as_str());
        }
        if last != Some((query.target, query.resource)) {
            page.paragraph(1, query.resource);
            page.paragraph(2, &format!("privilege: {}", query.privilege));
        }
        last = Some((query.target, query.resource));
        let further = query.leads_to.map(|further| format!(", and {further}")).unwrap_or_default();
        page.item(2, &format!("{}{further} ({})", asks(&query.with, &query.for_each), named(&query.rules)));
    }
    if !reads.replaces_built_in.is_empty() {
        page.heading("Built-in rules that are replaced");
    }
    for (rule, reason) in &reads.replaces_built_in {
        page.paragraph(1, &format!("{rule}: {reason}"));
    }
    if !reads.unset.is_empty() {
        page.heading("Inputs that are not set");
    }
    for (rule, inputs) in &reads.unset {
        let text = format!(
            "{rule} looks at nothing until {} is set; above stands what its example makes it look at",
            inputs.join(", ")
        );
        page.paragraph(1, &text);
    }
    page.finish()
}

fn named(rules: &BTreeSet<String>) -> String {
    let names: Vec<_> = rules.iter().take(SHOWN).map(String::as_str).collect();
    match rules.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

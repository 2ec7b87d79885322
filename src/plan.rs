//! Which queries a rule asks. The same expansion tells `observe` what to read next and `evaluate` what to look up, so
//! that the two can never disagree about what a rule is about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::facts::{Access, Extent, Facts, Listing, Query, Subject, Target};
use crate::matcher::Context;
use crate::resource::With;
use crate::rule::compile::fill_in;
use crate::rule::{Each, Rule, Selection};
use crate::target::Kind;
use crate::truth::Truth;
use crate::value::{List, Observed, Reason, Value};

/// Queries that one selection may ask; a reference that points to more is unknown.
const MAX_QUERIES: usize = 10_000;
/// Queries of a whole run; what rules ask beyond them is unknown.
pub const MAX_ASKED: usize = 200_000;

/// The target of each kind that a rule is judged on together.
pub type Targets<'f> = BTreeMap<Kind, &'f Target>;

/// Why a part of a selection cannot be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt<'f> {
    /// The target on which it would be asked, where it is known.
    pub target: Option<&'f str>,
    pub reason: Reason,
}

/// What a selection asks.
#[derive(Debug, Default)]
pub struct Expansion<'f> {
    /// What is asked, each with the names that its references are bound to.
    pub queries: Vec<(Query, Binding)>,
    /// Queries whose answers decide what else is asked, and which are not answered yet.
    pub pending: Vec<Query>,
    /// Parts that cannot be asked because what they refer to was not seen.
    pub unknown: Vec<Doubt<'f>>,
    /// Why nothing is asked, where that is known.
    pub nothing: Option<String>,
}

impl<'f> Expansion<'f> {
    /// Notes why a part cannot be asked, each reason once.
    fn doubt(&mut self, target: Option<&'f str>, reason: Reason) {
        let doubt = Doubt { target, reason };
        if !self.unknown.contains(&doubt) {
            self.unknown.push(doubt);
        }
    }
}

/// Every combination of targets of the kinds that the rule looks at.
pub fn combinations<'f>(rule: &Rule, targets: &'f [Target]) -> Vec<Targets<'f>> {
    let kinds: BTreeSet<Kind> = rule.selections().iter().flat_map(|selection| kinds(selection)).collect();
    let mut combinations = vec![Targets::new()];
    let (asks_daemon, asks_server) = (kinds.contains(&Kind::Docker), kinds.contains(&Kind::Postgres));
    for kind in kinds {
        let of_kind = match kind {
            Kind::Containers if !asks_daemon => tellers(targets, [Kind::Docker, Kind::Manifest]),
            Kind::Cluster if !asks_server => tellers(targets, [Kind::Postgres, Kind::PostgresFiles]),
            // The daemon that is asked for itself tells of its containers too: see `of_kind`.
            Kind::Containers | Kind::Cluster => continue,
            kind => targets.iter().filter(|target| target.kind == kind).collect(),
        };
        if of_kind.is_empty() {
            continue;
        }
        let widen = |base: &Targets<'f>| {
            let base = base.clone();
            let add = |target: &&'f Target| base.clone().into_iter().chain([(kind, *target)]).collect();
            of_kind.iter().map(add).collect::<Vec<Targets<'f>>>()
        };
        combinations = combinations.iter().flat_map(widen).collect();
    }
    combinations
}

/// The targets of two kinds that tell of the same: daemons and manifests, servers and their files. A daemon or server that
/// is not there has nothing to add to files.
fn tellers(targets: &[Target], kinds: [Kind; 2]) -> Vec<&Target> {
    let tells = |target: &&Target| kinds.contains(&target.kind);
    let all: Vec<&Target> = targets.iter().filter(tells).collect();
    let present: Vec<&Target> =
        all.iter().copied().filter(|target| !matches!(target.access, Access::Absent(_))).collect();
    if present.is_empty() { all } else { present }
}

/// The target that answers queries of a kind.
pub fn of_kind<'f>(targets: &Targets<'f>, kind: Kind) -> Option<&'f Target> {
    match (targets.get(&kind), kind) {
        (None, Kind::Containers) => targets.get(&Kind::Docker).copied(),
        (None, Kind::Cluster) => targets.get(&Kind::Postgres).copied(),
        (target, _) => target.copied(),
    }
}

/// The kinds of targets that a selection looks at: a list of parameters may name more than one.
pub fn kinds(selection: &Selection) -> BTreeSet<Kind> {
    parameters(selection).iter().map(|with| (selection.resource.target)(with)).collect()
}

/// How many queries the lists among a selection's parameters stand for.
pub fn questions(selection: &Selection) -> usize {
    let lists = selection.with.values().filter_map(Json::as_array).filter(|items| !items.iter().any(Json::is_object));
    lists.map(Vec::len).fold(1, usize::saturating_mul)
}

/// The parameters of each query that a selection asks, names bound by `each` left as they stand.
pub fn parameters(selection: &Selection) -> Vec<With> {
    fill(&selection.with, &Binding::new())
}

/// The queries of all rules that the facts do not answer yet, or somewhat more of them than [`MAX_ASKED`].
pub fn open_queries<'r>(rules: impl IntoIterator<Item = &'r Rule>, facts: &Facts, now: i64) -> BTreeSet<Query> {
    let mut open = BTreeSet::new();
    for rule in rules.into_iter().filter(|rule| rule.unset.is_empty()) {
        for targets in combinations(rule, &facts.targets) {
            for selection in rule.selections() {
                let expansion = expand(selection, &targets, facts, now);
                open.extend(expansion.pending);
                let queries = expansion.queries.into_iter().map(|(query, _)| query);
                open.extend(queries.filter(|query| !facts.listings.contains_key(query)));
                if open.len() > MAX_ASKED {
                    return open;
                }
            }
        }
    }
    open
}

/// What a selection asks of these targets, as far as the facts tell.
pub fn expand<'f>(selection: &Selection, targets: &Targets<'f>, facts: &Facts, now: i64) -> Expansion<'f> {
    let mut expansion = Expansion::default();
    let bindings = match &selection.each {
        Some(each) => references(each, targets, facts, now, &mut expansion),
        None => vec![Binding::new()],
    };
    for binding in bindings {
        for with in fill(&selection.with, &binding) {
            let kind = (selection.resource.target)(&with);
            let Some(target) = of_kind(targets, kind) else {
                // A run says of every kind of target whether there is one; facts that do not were not collected so.
                let reason = Reason::new(format!("the facts do not say whether there is a {} target", kind.as_str()));
                expansion.doubt(None, reason);
                continue;
            };
            match &target.access {
                Access::Audited => {
                    expansion.queries.push((Query::new(&target.name, selection.resource.name, &with), binding.clone()))
                }
                Access::Absent(why) => expansion.nothing = Some(why.clone()),
                Access::Unreachable(why) => expansion.doubt(Some(&target.name), Reason::new(why)),
            }
            if expansion.queries.len() > MAX_QUERIES {
                expansion.doubt(None, Reason::new(format!("this refers to more than {MAX_QUERIES} things")));
                return expansion;
            }
        }
    }
    expansion
}

/// The values that names bound by `each` stand for.
pub type Binding = BTreeMap<String, String>;

/// The values that an `each` picks, every one once, with the bindings of the `each` around it.
fn references<'f>(
    each: &Each,
    targets: &Targets<'f>,
    facts: &Facts,
    now: i64,
    expansion: &mut Expansion<'f>,
) -> Vec<Binding> {
    let outer = expand(&each.from, targets, facts, now);
    expansion.pending.extend(outer.pending);
    expansion.unknown.extend(outer.unknown);
    expansion.nothing = outer.nothing;
    let mut bindings = BTreeSet::new();
    for (query, binding) in outer.queries {
        let Some(listing) = facts.listings.get(&query) else {
            expansion.pending.push(query);
            continue;
        };
        let mut picked = BTreeSet::new();
        let mut unseen = Vec::new();
        pick(each, listing, now, &mut picked, &mut unseen);
        if let Extent::Absent(what) = &listing.extent {
            expansion.nothing = Some(what.to_string());
        }
        let target = targets.values().find(|target| target.name == query.target).map(|target| target.name.as_str());
        unseen.into_iter().for_each(|reason| expansion.doubt(target, reason));
        bindings.extend(picked.into_iter().map(|text| {
            let mut inner = binding.clone();
            inner.insert(each.name.clone(), text);
            inner
        }));
    }
    bindings.into_iter().collect()
}

fn pick(each: &Each, listing: &Listing, now: i64, picked: &mut BTreeSet<String>, unseen: &mut Vec<Reason>) {
    match &listing.extent {
        Extent::Complete | Extent::Absent(_) => {}
        Extent::Partial(reason) | Extent::Failed(reason) => unseen.push(reason.clone()),
    }
    for subject in &listing.subjects {
        match selected(&each.from, subject, now) {
            Truth::True => {}
            Truth::False => continue,
            Truth::Unknown => {
                unseen.push(Reason::new(format!("whether {} counts could not be seen", subject.name)));
                continue;
            }
        }
        match subject.fields.fields.get(each.pick) {
            Some(Observed::Known(Value::List(List { items, more }))) => {
                unseen.extend(more.clone());
                for item in items {
                    pick_one(item, subject, picked, unseen);
                }
            }
            Some(observed) => pick_one(observed, subject, picked, unseen),
            None => {}
        }
    }
}

fn pick_one(observed: &Observed, subject: &Subject, picked: &mut BTreeSet<String>, unseen: &mut Vec<Reason>) {
    match observed {
        Observed::Known(Value::Invalid(_)) => {
            unseen.push(Reason::new(format!("what {} refers to is not valid", subject.name)));
        }
        Observed::Known(Value::Text(text)) => drop(picked.insert(text.to_string())),
        Observed::Known(value) => drop(picked.insert(value.to_string())),
        Observed::Absent => {}
        Observed::Unknown(reason) => unseen.push(reason.clone()),
    }
}

/// Whether a selection's filter lets the subject in.
pub fn selected(selection: &Selection, subject: &Subject, now: i64) -> Truth {
    let context = Context { now, invalid: Truth::Unknown };
    selection.filter.as_ref().map_or(Truth::True, |filter| filter.judge(&subject.fields, context))
}

/// The parameters with bound names filled in; a list asks one query for each of its items.
fn fill(with: &With, binding: &Binding) -> Vec<With> {
    let mut filled = vec![With::new()];
    for (name, value) in with {
        let layers = value.as_array().is_some_and(|items| items.iter().any(Json::is_object));
        let values = match value {
            Json::Array(items) if !layers => items.iter().map(|item| bind(item, binding)).collect(),
            value => vec![bind(value, binding)],
        };
        let extend = |base: &With| {
            let base = base.clone();
            let add = |value: &Json| base.clone().into_iter().chain([(name.clone(), value.clone())]).collect();
            values.iter().map(add).collect::<Vec<With>>()
        };
        filled = filled.iter().flat_map(extend).collect();
    }
    filled
}

fn bind(value: &Json, binding: &Binding) -> Json {
    match value {
        Json::String(text) => Json::String(fill_in(text, |name| binding.get(name).map(String::as_str))),
        Json::Array(items) => items.iter().map(|item| bind(item, binding)).collect(),
        Json::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), bind(value, binding))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

/// A parameter as a person reads it.
pub fn show(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

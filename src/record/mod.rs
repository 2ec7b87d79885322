//! What a rule saw, as cases for its `tests:`.
//!
//! Each case is run as `tests:` would run it before it is written, so that what it expects is what it says: where that
//! differs from what was said of the real thing, a comment tells so.

mod keep;
mod reduce;
mod used;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::diagnostic::Source;
use crate::evaluate::evaluate;
use crate::facts::{Extent, Facts, Listing, Query};
use crate::finding::{Seen, Status};
use crate::plan::{self, Targets};
use crate::resource;
use crate::rule::case::Outcome;
use crate::rule::case::{has_layer, words_of};
use crate::rule::compile::recompile;
use crate::rule::{Check, Quantifier, Rule, case_text, trial};
use crate::value::Observed;
use keep::Kept;
use reduce::Reducer;
use used::Fields;

/// Spaces before a case, as rules have them.
const INDENT: usize = 2;

/// A case in the making.
struct Draft {
    /// What was said of the real thing.
    seen: Outcome,
    /// What stands behind the outcome.
    body: String,
}

/// The facts of those queries that the rules ask, and no others.
pub fn asked(rules: &[Rule], facts: &Facts) -> Facts {
    let mut asked = Facts { started: facts.started, targets: facts.targets.clone(), ..Facts::default() };
    for rule in rules {
        for targets in plan::combinations(rule, &facts.targets) {
            let kept = keep::all(rule, facts, &targets);
            asked.listings.extend(kept.into_iter().map(|(query, (listing, _))| (query, listing)));
        }
    }
    asked
}

/// The cases of one rule, in lines that stand below its `tests:`. Of many subjects that are alike there is one, unless all
/// are asked for; what cannot be written as a case is told in a comment.
pub fn cases(rule: &Rule, facts: &Facts, all_subjects: bool) -> String {
    let comment = |text: &str| format!("{:INDENT$}# {}\n", "", crate::value::text::sanitize(text));
    if rule.manual().is_some() {
        return comment("a person attests this: its cases are attestations, which are not recorded");
    }
    if let Some(input) = rule.unset.first() {
        return comment(&format!("nothing was asked: the input `{input}` is not set"));
    }
    let mut drafts: Vec<Draft> = Vec::new();
    let mut notes = BTreeSet::new();
    for targets in plan::combinations(rule, &facts.targets) {
        let recording = Recording { rule, facts, targets: &targets, all_subjects };
        let found = if recording.is_simple() { recording.one_by_one() } else { recording.together() };
        if found.is_empty() {
            notes.extend(recording.why_nothing());
        }
        for draft in found {
            if !drafts.iter().any(|known| known.body == draft.body) {
                drafts.push(draft);
            }
        }
    }
    let mut text: String = notes.iter().map(|note| comment(note)).collect();
    for (draft, tried) in drafts.iter().zip(try_all(rule, &drafts)) {
        match tried {
            Ok(outcome) => {
                if outcome != draft.seen {
                    let (seen, said) = (draft.seen.as_str(), outcome.as_str());
                    text.push_str(&comment(&format!("seen as {seen}; the rule's file says {said} of a case of it")));
                }
                text.push_str(&line(draft, outcome));
            }
            Err(why) => text.push_str(&comment(&format!("seen as {}, and no case: {why}", draft.seen.as_str()))),
        }
    }
    text
}

fn line(draft: &Draft, outcome: Outcome) -> String {
    format!("{:INDENT$}- {}:{}\n", "", outcome.as_str(), draft.body)
}

/// The text of a rule's file with these cases in place of its own.
pub fn paste(rule: &str, cases: &str) -> String {
    let root = crate::yaml::parse(rule).ok();
    let entries = root.as_ref().and_then(|root| root.mapping()).unwrap_or_default();
    let starts = entries.iter().map(|(key, _)| key.span.start).chain([rule.len()]);
    let mut ends = starts.skip(1);
    let own = entries.iter().find_map(|(key, _)| {
        let end = ends.next()?;
        (key.name == "tests").then_some(key.span.start..end)
    });
    let own = own.unwrap_or(rule.len()..rule.len());
    let (before, after) = (rule.get(..own.start).unwrap_or(rule), rule.get(own.end..).unwrap_or_default());
    format!("{}\n{after}\ntests:\n{cases}", before.trim_end())
}

/// What the rule's file says of each draft.
fn try_all(rule: &Rule, drafts: &[Draft]) -> Vec<Result<Outcome, String>> {
    let together = |drafts: &[Draft]| -> Result<Vec<Outcome>, String> {
        let cases: String = drafts.iter().map(|draft| line(draft, draft.seen)).collect();
        let source = Source::new(&rule.source.path, paste(&rule.source.text, &cases));
        let compiled = recompile(rule, &source);
        let mut rule =
            compiled.map_err(|problems| problems.first().map(|problem| problem.message.clone()).unwrap_or_default())?;
        rule.unset.clear();
        Ok(rule.cases.iter().map(|case| trial::outcome(&rule, &trial::case_facts(&rule, case))).collect())
    };
    match together(drafts) {
        Ok(outcomes) if outcomes.len() == drafts.len() => outcomes.into_iter().map(Ok).collect(),
        _ => {
            let alone = |draft| {
                let outcomes = together(std::slice::from_ref(draft))?;
                outcomes.first().copied().ok_or_else(|| "it cannot be written".to_owned())
            };
            drafts.iter().map(alone).collect()
        }
    }
}

/// One rule on one target of each kind.
struct Recording<'f> {
    rule: &'f Rule,
    facts: &'f Facts,
    targets: &'f Targets<'f>,
    all_subjects: bool,
}

impl Recording<'_> {
    /// Whether the rule looks at one thing only, and judges each subject for itself.
    fn is_simple(&self) -> bool {
        match (&self.rule.when, self.rule.check()) {
            (None, Some(Check::Query(query))) => {
                query.selection.each.is_none() && query.quantifier == Quantifier::Every && query.at_least < 2
            }
            _ => false,
        }
    }

    fn reduced(&self, listing: &Listing, used: &Fields) -> Listing {
        Reducer { started: self.facts.started }.listing(listing, used)
    }

    /// These answers alone, on these targets.
    fn world(&self, listings: BTreeMap<Query, Listing>) -> Facts {
        let targets = self.targets.values().map(|target| (*target).clone()).collect();
        Facts { started: self.facts.started, targets, listings }
    }

    /// A case for each way in which the rule judges a subject or a listing.
    fn one_by_one(&self) -> Vec<Draft> {
        let asked = keep::all(self.rule, self.facts, self.targets);
        let nothing = |query: &Query| (query.clone(), Listing::complete(Vec::new()));
        let mut world = self.world(asked.keys().map(nothing).collect());
        // What is said and seen of a group, and its listing.
        let mut groups: Vec<(String, Outcome, &Query, Listing, &Fields)> = Vec::new();
        for (query, (listing, used)) in &asked {
            for piece in pieces(listing) {
                world.listings.insert(query.clone(), piece.clone());
                let (outcome, said) = said(self.rule, &world);
                let states = piece.subjects.iter().map(|subject| keep::shape(&subject.fields, used));
                let shape = format!("{said} {}", states.collect::<String>());
                match groups.iter_mut().find(|(known, ..)| *known == shape) {
                    Some((.., group, _)) if self.all_subjects => group.subjects.extend(piece.subjects),
                    Some(_) => {}
                    None => groups.push((shape, outcome, query, piece, used)),
                }
            }
            world.listings.extend([nothing(query)]);
        }
        let draft = |(_, seen, query, listing, used): (String, Outcome, &Query, Listing, &Fields)| Draft {
            seen,
            body: case_text::listing(&self.reduced(&listing, used), query.resource, 3 * INDENT),
        };
        groups.into_iter().map(draft).collect()
    }

    /// One case of everything that the rule looked at.
    fn together(&self) -> Vec<Draft> {
        let all = keep::all(self.rule, self.facts, self.targets);
        if all.is_empty() {
            return Vec::new();
        }
        let listings = all.iter().map(|(query, (listing, _))| (query.clone(), listing.clone()));
        let (seen, _) = said(self.rule, &self.world(listings.collect()));
        let kept = if self.all_subjects { all } else { keep::some(self.rule, self.facts, self.targets) };
        let body = if self.rule.selections().len() == 1 { self.merged(kept) } else { self.keyed(&kept) };
        vec![Draft { seen, body }]
    }

    /// The answers to all queries as one, since a case of a rule that looks at one thing has one answer.
    fn merged(&self, kept: Kept) -> String {
        let mut merged = Listing::complete(Vec::new());
        let mut fields = Fields::new();
        let resource = kept.keys().next().map_or("", |query| query.resource);
        let absent = kept.values().all(|(listing, _)| matches!(listing.extent, Extent::Absent(_)));
        for (listing, used) in kept.into_values() {
            used::merge(&mut fields, &used);
            merged.subjects.extend(listing.subjects);
            match listing.extent {
                Extent::Complete => {}
                Extent::Absent(_) if !absent => {}
                Extent::Failed(reason) => merged.extent = Extent::Partial(reason),
                extent @ (Extent::Absent(_) | Extent::Partial(_)) => merged.extent = extent,
            }
        }
        case_text::listing(&self.reduced(&merged, &fields), resource, 3 * INDENT)
    }

    fn keyed(&self, kept: &Kept) -> String {
        let mut written = BTreeSet::new();
        let mut body = String::new();
        for ((query, (listing, used)), key) in kept.iter().zip(keys(kept.keys())) {
            if written.insert(key.clone()) {
                body.push_str(&case_text::keyed(&key, &self.reduced(listing, used), query.resource));
            }
        }
        body
    }

    /// What the rule says where it asked nothing.
    fn why_nothing(&self) -> Vec<String> {
        let mut why = Vec::new();
        evaluate([self.rule], &self.world(BTreeMap::new()), self.facts.started, &mut |finding| {
            why.push(match finding.status {
                Status::Pass | Status::Fail => "nothing was asked".to_owned(),
                Status::Unknown(reason) => format!("nothing was seen: {reason}"),
                Status::NotApplicable(text) => format!("nothing was asked: {text}"),
            });
        });
        why
    }
}

/// Each subject of a listing for itself, and what its extent says when it is not complete.
fn pieces(listing: &Listing) -> Vec<Listing> {
    let subjects = listing.subjects.iter().map(|subject| Listing::complete(vec![subject.clone()]));
    let rest = match &listing.extent {
        Extent::Complete if listing.subjects.is_empty() => Some(Extent::Complete),
        Extent::Complete => None,
        extent @ (Extent::Absent(_) | Extent::Partial(_) | Extent::Failed(_)) => Some(extent.clone()),
    };
    subjects.chain(rest.map(|extent| Listing { subjects: Vec::new(), extent })).collect()
}

/// What the rule says of these facts, over all findings and in the words of its evidence.
fn said(rule: &Rule, facts: &Facts) -> (Outcome, String) {
    let mut outcome = Outcome::NotApplicable;
    let mut words = String::new();
    evaluate([rule], facts, facts.started, &mut |finding| {
        let own = match finding.status {
            Status::Pass => Outcome::Pass,
            Status::Fail => Outcome::Fail,
            Status::Unknown(_) => Outcome::Unknown,
            Status::NotApplicable(_) => Outcome::NotApplicable,
        };
        outcome = outcome.max(own);
        words.push_str(own.as_str());
        for proof in &finding.evidence {
            let state = match proof.observed {
                Seen::Field(Observed::Known(_)) => "known",
                Seen::Field(Observed::Absent) => "absent",
                Seen::Field(Observed::Unknown(_)) => "unknown",
                Seen::Text(text) => text,
            };
            words.push_str(&format!(" {} {state} {}", proof.field, proof.expected));
        }
    });
    (outcome, words)
}

/// `resource param=value`, with those parameters in which the queries of a resource differ.
fn keys<'q>(queries: impl Iterator<Item = &'q Query> + Clone) -> Vec<String> {
    let key = |query: &Query| {
        let alike = || queries.clone().filter(|other| other.resource == query.resource);
        let names = resource::find(query.resource).map_or(&[][..], |resource| resource.params);
        let with = query.with();
        let mut key = query.resource.to_owned();
        for name in names.iter().map(|param| param.name) {
            let differs = alike().any(|other| other.with().get(name) != with.get(name));
            let is_of_others = |word: &Json| {
                alike().map(|other| other.with()).any(|other| {
                    let layers = other.get(name);
                    layers != with.get(name) && layers.is_some_and(|layers| has_layer(layers, word))
                })
            };
            let value = with.get(name).filter(|_| differs).and_then(|value| match value {
                Json::String(text) => Some(text.as_str()),
                // One of the layers, by which no other is meant.
                layers => words_of(layers).find(|word| !is_of_others(&Json::from(*word))),
            });
            if let Some(value) = value.filter(|value| !value.contains(char::is_whitespace)) {
                key.push_str(&format!(" {name}={value}"));
            }
        }
        key
    };
    queries.clone().map(key).collect()
}

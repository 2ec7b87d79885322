//! A rule's own tests: what was observed, and what the rule must say to it.

use std::ops::Range;

use serde_json::Value as Json;

use crate::facts::{Listing, Query};
use crate::resource::With;

/// The instant at which cases are judged, so that `now+61d` in a case means the same every day: 2026-01-01T00:00:00Z.
pub const CASE_NOW: i64 = 1_767_225_600;

/// Why a field is unknown that a case does not mention.
pub const NOT_GIVEN: &str = "not given in this case";

/// What a rule says, taken over all its findings: a fail outweighs an unknown, which outweighs a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    NotApplicable,
    Pass,
    Unknown,
    Fail,
}

impl Outcome {
    pub const ALL: [(&'static str, Outcome); 4] = [
        ("pass", Outcome::Pass),
        ("fail", Outcome::Fail),
        ("unknown", Outcome::Unknown),
        ("not-applicable", Outcome::NotApplicable),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::NotApplicable => "not-applicable",
            Outcome::Pass => "pass",
            Outcome::Unknown => "unknown",
            Outcome::Fail => "fail",
        }
    }
}

/// One case of a rule.
#[derive(Debug, Clone)]
pub struct Case {
    pub expected: Outcome,
    pub answers: Vec<Answer>,
    pub span: Range<usize>,
}

/// What a case says to the queries of a resource that have these parameters.
#[derive(Debug, Clone)]
pub struct Answer {
    pub resource: &'static str,
    pub with: With,
    /// Whether the case names the resource, as it must where a rule looks at more than one.
    pub keyed: bool,
    pub listing: Listing,
}

impl Answer {
    /// As a case names what it is about: `pg_setting name=ssl`.
    pub fn key(&self) -> String {
        key(self.resource, &self.with)
    }
}

/// As a case names what is asked of a resource.
pub fn key(resource: &str, with: &With) -> String {
    let with = with.iter().map(|(name, value)| format!(" {name}={}", crate::plan::show(value)));
    format!("{resource}{}", with.collect::<String>())
}

/// Whether a setting's layers are those that a case means by the variable, the key or the owner of one:
/// `from=DB_SSLMODE`, `from=container:web`. An owner that is taken from elsewhere may be the one that is meant.
pub fn has_layer(from: &Json, named: &Json) -> bool {
    let Some(named) = named.as_str() else { return false };
    let is_meant = |text: &str| match text.split_once("${") {
        Some((start, _)) => named.starts_with(start),
        None => text == named,
    };
    words_of(from).any(is_meant)
}

/// The variables, keys and owners of a setting's layers, by which a case can mean it.
pub fn words_of(layers: &Json) -> impl Iterator<Item = &str> {
    let words = |layer| ["env", "key", "of"].into_iter().filter_map(move |word| Json::get(layer, word)?.as_str());
    layers.as_array().into_iter().flatten().flat_map(words)
}

impl Case {
    pub fn answer(&self, query: &Query) -> Option<&Listing> {
        answer(&self.answers, query)
    }
}

/// The answer to a query: the one that names most of its parameters.
pub fn answer<'a>(answers: &'a [Answer], query: &Query) -> Option<&'a Listing> {
    let asked = query.with();
    let fits = |answer: &&Answer| {
        let named =
            |name: &String, value| asked.get(name).is_some_and(|asked| asked == value || has_layer(asked, value));
        answer.resource == query.resource && answer.with.iter().all(|(name, value)| named(name, value))
    };
    answers.iter().filter(fits).max_by_key(|answer| answer.with.len()).map(|answer| &answer.listing)
}

//! Rules as they are once nothing about them can be wrong any more: every name resolved, every operand typed.

pub mod case;
pub mod case_text;
pub mod compile;
pub mod input;
pub mod library;
pub mod lint;
pub mod manual;
pub mod matchers;
pub(crate) mod pack;
mod packed;
pub mod profile;
pub mod proof;
mod review;
pub mod selector;
pub mod settings;
pub mod trial;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::diagnostic::Source;
use crate::matcher::Expectation;
use crate::resource::{Resource, With};
use crate::value::Type;
use case::{Answer, Case};
use input::Input;
use manual::Manual;

/// How much a fail matters. The gate is one of these.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; decides a run only when the gate is `info` itself.
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// When a rule can be judged.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Files, manifests and keys are enough.
    Pre,
    /// Needs the running service.
    Post,
    /// Bound to an age or a period.
    Ongoing,
}

impl Severity {
    pub const ALL: [(&'static str, Severity); 5] = [
        ("info", Severity::Info),
        ("low", Severity::Low),
        ("medium", Severity::Medium),
        ("high", Severity::High),
        ("critical", Severity::Critical),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl Phase {
    pub const ALL: [(&'static str, Phase); 3] =
        [("pre", Phase::Pre), ("post", Phase::Post), ("ongoing", Phase::Ongoing)];

    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pre => "pre",
            Phase::Post => "post",
            Phase::Ongoing => "ongoing",
        }
    }
}

/// One hardening requirement.
#[derive(Debug)]
pub struct Rule {
    pub id: Box<str>,
    /// A statement that holds when the rule passes.
    pub title: String,
    /// How much a fail matters in this run: what a profile says, else what the rule says.
    pub severity: Severity,
    /// What the rule itself says.
    pub own_severity: Severity,
    pub phase: Phase,
    pub why: String,
    /// What to do; `{subject}` and `{field}` stand for what was seen.
    pub fix: String,
    /// Standards and manuals, by name.
    pub refs: BTreeMap<String, Vec<String>>,
    pub tags: Vec<String>,
    pub inputs: Vec<Input>,
    /// Required inputs that nobody has set: the rule cannot be judged, and says so.
    pub unset: Vec<String>,
    /// The rule stands in place of a built-in one with the same id.
    pub overrides: Option<Overridden>,
    /// What profiles change about it in this run.
    pub changes: Vec<Change>,
    pub when: Option<Check>,
    pub body: Body,
    /// The cases of a check; those of a statement are in [`manual::Manual`].
    pub cases: Vec<Case>,
    pub source: Source,
}

/// How a rule is judged.
#[derive(Debug)]
pub enum Body {
    /// By looking.
    Check(Check),
    /// By asking a person.
    Manual(Box<Manual>),
}

/// A rule of the user's that stands in place of a built-in one.
#[derive(Debug, Clone)]
pub struct Overridden {
    pub reason: String,
    /// Where its file says so.
    pub(crate) span: std::ops::Range<usize>,
}

/// What a profile changes about a rule, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// `severity`, or `inputs.` and the input's name.
    pub field: String,
    /// What it is without any profile; none for an input that has no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub to: String,
    pub profile: String,
    pub reason: String,
}

impl Change {
    /// In a line: `severity low instead of high, by the profile lab: these machines are reset daily`.
    pub fn show(&self) -> String {
        let what = self.field.strip_prefix("inputs.").map_or(self.field.clone(), |name| format!("input {name}"));
        let from = self.from.as_ref().map(|from| format!(" instead of {from}")).unwrap_or_default();
        format!("{what} {}{from}, by the profile {}: {}", self.to, self.profile, self.reason)
    }
}

/// The declarative part of a rule, or a combination of such parts.
#[derive(Debug)]
pub enum Check {
    Query(Box<QueryCheck>),
    All(Vec<Check>),
    Any(Vec<Check>),
    Not(Box<Check>),
}

/// What is looked at: a resource, its parameters, what they refer to, and which subjects count.
#[derive(Debug)]
pub struct Selection {
    pub resource: &'static Resource,
    /// Parameters; text may hold `${name}` bound by `each`, and a list asks one query for each item.
    pub with: With,
    /// Inputs that a parameter was taken from, by parameter.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// The type of the fields that the `as` parameter decides.
    pub as_type: Type,
    pub each: Option<Box<Each>>,
    pub filter: Option<Expectation>,
}

/// A parameter taken from what another query saw.
#[derive(Debug)]
pub struct Each {
    pub from: Selection,
    /// Index of the field whose value is taken.
    pub pick: usize,
    /// The name under which it is bound.
    pub name: String,
}

/// A selection and what is expected of it.
#[derive(Debug)]
pub struct QueryCheck {
    pub selection: Selection,
    pub quantifier: Quantifier,
    pub expectation: Expectation,
    pub absent: Option<OnAbsent>,
    /// How many subjects must be selected; fewer is a fail instead of not applicable.
    pub at_least: usize,
}

/// How many of the selected subjects must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// `expect` and, with the expectation negated, `forbid`.
    Every,
    /// `require`.
    Some,
}

/// What a missing thing means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAbsent {
    Pass,
    Fail,
    NotApplicable,
}

impl Check {
    /// Every selection of the check, those that others refer to first.
    pub fn selections(&self) -> Vec<&Selection> {
        let mut found = Vec::new();
        self.visit(&mut |query| query.selection.collect(&mut found));
        found
    }

    /// Every query check in it.
    pub fn visit<'c>(&'c self, visit: &mut impl FnMut(&'c QueryCheck)) {
        match self {
            Check::Query(query) => visit(query),
            Check::All(parts) | Check::Any(parts) => parts.iter().for_each(|part| part.visit(visit)),
            Check::Not(part) => part.visit(visit),
        }
    }
}

impl Selection {
    /// Whether a parameter, its own or one of what it takes from elsewhere, holds this text.
    pub(crate) fn refers_to(&self, text: &str) -> bool {
        let here = self.with.values().any(|value| holds(value, text));
        here || self.each.as_ref().is_some_and(|each| each.from.refers_to(text))
    }

    /// Whether a case's answer is about what this selection looks at.
    pub fn may_ask(&self, answer: &Answer) -> bool {
        answer.resource == self.resource.name && self.has_params(&answer.with)
    }

    /// Whether its queries may have these parameters.
    pub fn has_params(&self, with: &With) -> bool {
        let may_be = |own: &Json, value| own == value || own.as_str().is_some_and(|text| text.contains("${"));
        with.iter().all(|(name, value)| match self.with.get(name) {
            Some(own @ Json::Array(items)) => {
                items.iter().any(|item| may_be(item, value)) || case::has_layer(own, value)
            }
            Some(own) => may_be(own, value),
            None => false,
        })
    }

    fn collect<'s>(&'s self, found: &mut Vec<&'s Selection>) {
        if let Some(each) = &self.each {
            each.from.collect(found);
        }
        found.push(self);
    }
}

impl Rule {
    /// The check, of a rule that is judged by one.
    pub fn check(&self) -> Option<&Check> {
        match &self.body {
            Body::Check(check) => Some(check),
            Body::Manual(_) => None,
        }
    }

    /// What a person is asked, of a rule that only a person can judge.
    pub fn manual(&self) -> Option<&Manual> {
        match &self.body {
            Body::Check(_) => None,
            Body::Manual(manual) => Some(manual),
        }
    }

    /// The checks of the rule, its `when` first.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.when.iter().chain(self.check())
    }

    /// Every selection of the rule, its `when` first.
    pub fn selections(&self) -> Vec<&Selection> {
        let mut found: Vec<_> = self.checks().flat_map(Check::selections).collect();
        if let Some(scope) = self.manual().and_then(|manual| manual.scope.as_ref()) {
            scope.from.collect(&mut found);
        }
        found
    }
}

fn holds(value: &Json, text: &str) -> bool {
    match value {
        Json::String(value) => value.contains(text),
        Json::Array(items) => items.iter().any(|item| holds(item, text)),
        Json::Object(entries) => entries.values().any(|value| holds(value, text)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

//! What the profiles of a run, and the values given outside of them, make of each rule: its severity and its inputs.
//!
//! What a profile says of a rule is a statement. Of several, those of the most derived profiles count; where two that do
//! not extend one another disagree, that is an error, since nothing tells which one is meant. Naming several profiles is
//! the same as naming one that extends them all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::input::{Given, Input, InputValue, Outside};
use super::profile::{Facet, Override, Profile};
use super::{Change, Severity};
use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::value::Type;

/// The profiles of a run, and what was given outside of them.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'s> {
    pub profiles: &'s [Arc<Profile>],
    pub outside: &'s Outside,
}

/// What a rule is compiled with.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) severity: Option<Severity>,
    pub(crate) inputs: BTreeMap<String, Given>,
    pub(crate) changes: Vec<Change>,
}

/// What a profile says about a severity or an input of one rule.
#[derive(Debug, Clone, Copy)]
struct Statement<'p> {
    profile: &'p Profile,
    /// The override that it is part of; none for the inputs of the whole profile.
    of: Option<&'p Override>,
    says: Says<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Says<'p> {
    Severity(Severity),
    Input(&'p Given),
}

/// What is decided: a severity or an input of a rule, and what it is without any profile.
struct Question<'q> {
    rule: &'q str,
    /// `severity`, or `inputs.` and a name.
    field: String,
    ty: Type,
    own: Option<InputValue>,
}

impl Statement<'_> {
    fn value(&self) -> InputValue {
        match self.says {
            Says::Severity(severity) => InputValue::One(severity.as_str().to_owned()),
            Says::Input(given) => given.value.clone(),
        }
    }

    fn agrees(&self, other: &Statement<'_>, ty: Type) -> bool {
        self.value().same(&other.value(), ty)
    }

    fn span(&self) -> Range<usize> {
        match (self.says, self.of) {
            (Says::Input(given), _) => given.span.clone(),
            (Says::Severity(_), Some(stated)) => stated.span.clone(),
            (Says::Severity(_), None) => 0..0,
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.profile.source.path, self.profile.source.line(self.span().start))
    }
}

impl<'s> Settings<'s> {
    pub(crate) fn settler(self) -> Settler<'s> {
        Settler { settings: self, effects: BTreeMap::new(), conflicts: BTreeMap::new() }
    }

    /// Whether nobody says anything about any rule.
    pub(crate) fn is_silent(&self) -> bool {
        self.outside.is_empty() && !self.profiles.iter().any(|profile| profile.lineage().any(|one| one.states()))
    }

    /// Whether one of the profiles selects the rule.
    pub(crate) fn select(&self, rule: Facet<'_>) -> bool {
        let mut known = BTreeMap::new();
        self.profiles.iter().any(|profile| profile.selects_knowing(rule, &mut known))
    }

    /// The profiles whose statements count for a rule: those that select it and all that they stand on; for a rule that
    /// none selects (one that is judged whatever the profile) every one of them.
    fn speakers(&self, rule: Facet<'_>) -> Vec<&'s Profile> {
        let mut known = BTreeMap::new();
        let mut named: Vec<_> =
            self.profiles.iter().filter(|profile| profile.selects_knowing(rule, &mut known)).collect();
        if named.is_empty() {
            named = self.profiles.iter().collect();
        }
        let mut speakers: Vec<&Profile> = Vec::new();
        for profile in named.into_iter().flat_map(Profile::lineage).filter(|profile| profile.states()) {
            if !speakers.iter().any(|known| known.name == profile.name) {
                speakers.push(profile);
            }
        }
        speakers
    }
}

/// An override by the place of its profile's file and its own place in it, with what it overrides.
type Item = (Arc<str>, usize, String);

/// Profiles that disagree, at the place of the first, and about how many rules more.
struct Conflict {
    source: Source,
    problem: Problem,
    more: usize,
}

/// Settles rule after rule, and gathers what is to be said of all of them.
pub(crate) struct Settler<'s> {
    settings: Settings<'s>,
    /// The overrides that are about a rule that is judged, with no field as a whole; and whether they made a difference,
    /// or would have but for a nearer statement.
    effects: BTreeMap<Item, bool>,
    conflicts: BTreeMap<(Item, Item), Conflict>,
}

impl<'s> Settler<'s> {
    /// What counts for a rule with these inputs. Of a rule that is not judged no profile says anything.
    pub(crate) fn settle(&mut self, rule: Facet<'_>, inputs: &[Input], judged: bool) -> Settled {
        let mut settled = Settled::default();
        let speakers = if judged { self.settings.speakers(rule) } else { Vec::new() };
        for (profile, stated) in speakers.iter().flat_map(|profile| profile.overrides.iter().map(|one| (*profile, one)))
        {
            if stated.rule.matches(rule.id) {
                self.effects.insert(item(profile, stated, ""), true);
            }
        }
        let own = rule.severity.as_str();
        let question = Question {
            rule: rule.id,
            field: "severity".to_owned(),
            ty: Type::Text,
            own: Some(InputValue::One(own.to_owned())),
        };
        let statements = speakers.iter().flat_map(|profile| severities(profile, rule.id)).collect();
        if let Some(winner) = self.decide(&question, statements, false)
            && let Says::Severity(severity) = winner.says
        {
            settled.severity = Some(severity);
            settled.changes.extend(change(&question, &winner));
        }
        for input in inputs {
            let question = Question {
                rule: rule.id,
                field: format!("inputs.{}", input.name),
                ty: input.ty,
                own: input.default.clone(),
            };
            let outside = self.settings.outside.get(&input.name);
            let statements = speakers.iter().flat_map(|profile| values(profile, rule.id, &input.name)).collect();
            let winner = self.decide(&question, statements, outside.is_some());
            let given = match (outside, winner) {
                (Some(given), _) => given,
                (None, Some(winner @ Statement { says: Says::Input(given), .. })) => {
                    settled.changes.extend(change(&question, &winner));
                    given
                }
                (None, _) => continue,
            };
            // A value that does not fit is a problem where it was given, and here as if it were not.
            if given.problem(input).is_none() {
                settled.inputs.insert(input.name.clone(), given.clone());
            }
        }
        settled
    }

    /// The statement that counts, if there is one. Notes disagreement, and which overrides made a difference;
    /// `outdone` by a value from outside, all would have.
    fn decide<'p>(
        &mut self,
        question: &Question<'_>,
        statements: Vec<Statement<'p>>,
        outdone: bool,
    ) -> Option<Statement<'p>> {
        let (nearest, farther) = nearest(statements);
        let first = *nearest.first()?;
        for other in nearest.iter().filter(|other| !other.agrees(&first, question.ty)) {
            self.disagree(question, &first, other);
        }
        // Without the nearest statements the next ones would count.
        let next = self::nearest(farther.clone()).0.first().map(Statement::value);
        let without = next.as_ref().or(question.own.as_ref());
        let idle = without.is_some_and(|value| value.same(&first.value(), question.ty)) && !outdone;
        nearest.iter().for_each(|statement| self.note(question, statement, !idle));
        farther.iter().for_each(|statement| self.note(question, statement, true));
        Some(first)
    }

    fn note(&mut self, question: &Question<'_>, statement: &Statement<'_>, made: bool) {
        if let Some(stated) = statement.of {
            *self.effects.entry(item(statement.profile, stated, &question.field)).or_default() |= made;
        }
    }

    fn disagree(&mut self, question: &Question<'_>, first: &Statement<'_>, other: &Statement<'_>) {
        let place = |statement: &Statement<'_>| {
            (Arc::clone(&statement.profile.source.path), statement.span().start, question.field.clone())
        };
        let key = (place(first), place(other));
        if let Some(known) = self.conflicts.get_mut(&key) {
            known.more += 1;
            return;
        }
        let what = match question.field.strip_prefix("inputs.") {
            Some(name) => format!("the input `{name}` of {}", question.rule),
            None => format!("the severity of {}", question.rule),
        };
        let (a, b) = (&first.profile.name, &other.profile.name);
        let values = format!("`{}` here, `{}` at {}", first.value().show(), other.value().show(), other.place());
        let (message, help) = match a == b {
            true => (
                format!("two overrides of `{a}` disagree about {what}: {values}"),
                "narrow one of their patterns, or move the exception to a profile that extends this one".to_owned(),
            ),
            false => (
                format!("the profiles `{a}` and `{b}` disagree about {what}: {values}"),
                "choose one of them, or state it in a profile that extends both".to_owned(),
            ),
        };
        let problem = Problem::new(first.span(), message).help(help);
        self.conflicts.insert(key, Conflict { source: first.profile.source.clone(), problem, more: 0 });
    }

    /// Where profiles disagree.
    pub(crate) fn conflicts(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for Conflict { source, problem, more } in self.conflicts.values() {
            let mut problem = problem.clone();
            if *more > 0 {
                problem.message.push_str(&format!("; and so for {more} more"));
            }
            diagnostics.add(source, [problem]);
        }
        diagnostics
    }

    /// A line for each override that changed nothing about the rules that are judged.
    pub(crate) fn idle(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut told: Vec<&str> = Vec::new();
        for profile in self.settings.profiles.iter().flat_map(Profile::lineage) {
            if told.contains(&profile.name.as_str()) {
                continue;
            }
            told.push(&profile.name);
            for stated in &profile.overrides {
                let place = format!("{}:{}", profile.source.path, line(profile, &stated.span));
                lines.extend(self.idle_in(profile, stated).into_iter().map(|said| format!("{place}: {said}")));
            }
        }
        lines
    }

    /// The problem of each override of a profile's own that changed nothing.
    pub(crate) fn idle_of(&self, profile: &Profile) -> Vec<Problem> {
        let said = |stated: &Override| {
            let said = self.idle_in(profile, stated).into_iter();
            said.map(|said| Problem::new(stated.span.clone(), said).help("take it away")).collect::<Vec<_>>()
        };
        profile.overrides.iter().flat_map(said).collect()
    }

    fn idle_in(&self, profile: &Profile, stated: &Override) -> Vec<String> {
        let start = format!("the override of `{}`", stated.rule.text);
        let fields = stated.severity.iter().map(|severity| ("severity".to_owned(), severity.as_str().to_owned()));
        let inputs = stated.inputs.iter().map(|(name, given)| (format!("inputs.{name}"), given.value.show()));
        let fields: Vec<_> = fields.chain(inputs).collect();
        let effect = |field: &str| self.effects.get(&item(profile, stated, field));
        if effect("").is_none() {
            return vec![format!("{start} has no effect: it is about no rule that is judged")];
        }
        let idle = fields.iter().filter_map(|(field, value)| match (effect(field), field.strip_prefix("inputs.")) {
            (Some(true), _) => None,
            (Some(_), None) => Some(format!("{start} changes nothing: the severity is `{value}` without it")),
            (Some(_), Some(name)) => Some(format!("{start} changes nothing: `{name}` is `{value}` without it")),
            (None, Some(name)) => Some(format!("{start} has no effect: no rule that is judged has the input `{name}`")),
            (None, None) => None,
        });
        idle.collect()
    }
}

fn line(profile: &Profile, span: &Range<usize>) -> usize {
    profile.source.line(span.start)
}

fn item(profile: &Profile, stated: &Override, field: &str) -> Item {
    (Arc::clone(&profile.source.path), stated.span.start, field.to_owned())
}

/// What a profile says about the severity of a rule.
fn severities<'p>(profile: &'p Profile, rule: &str) -> Vec<Statement<'p>> {
    let about = profile.overrides.iter().filter(|stated| stated.rule.matches(rule));
    about
        .filter_map(|stated| Some(Statement { profile, of: Some(stated), says: Says::Severity(stated.severity?) }))
        .collect()
}

/// What a profile says about an input of a rule: its overrides, or else its own `inputs`.
fn values<'p>(profile: &'p Profile, rule: &str, name: &str) -> Vec<Statement<'p>> {
    let about = profile.overrides.iter().filter(|stated| stated.rule.matches(rule));
    let stated: Vec<_> = about
        .filter_map(|stated| Some(Statement { profile, of: Some(stated), says: Says::Input(stated.inputs.get(name)?) }))
        .collect();
    let whole = || profile.inputs.get(name).map(|given| Statement { profile, of: None, says: Says::Input(given) });
    if stated.is_empty() { whole().into_iter().collect() } else { stated }
}

/// The statements that no profile more derived outdoes, and the others.
fn nearest(statements: Vec<Statement<'_>>) -> (Vec<Statement<'_>>, Vec<Statement<'_>>) {
    let outdone = |one: &Statement<'_>| statements.iter().any(|other| other.profile.descends_from(one.profile));
    statements.iter().copied().partition(|statement| !outdone(statement))
}

/// What a report says of a statement that counts: nothing when it is part of no override, or changes nothing.
fn change(question: &Question<'_>, winner: &Statement<'_>) -> Option<Change> {
    let stated = winner.of?;
    let to = winner.value();
    if question.own.as_ref().is_some_and(|own| own.same(&to, question.ty)) {
        return None;
    }
    Some(Change {
        field: question.field.clone(),
        from: question.own.as_ref().map(InputValue::show),
        to: to.show(),
        profile: winner.profile.name.clone(),
        reason: stated.reason.clone(),
    })
}

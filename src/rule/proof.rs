//! Whether a rule can tell good from bad, and whether its own cases would notice if it could not.
//!
//! Two things are varied. **What a case saw:** every field that the rule judges takes other values, those on both sides
//! of its boundaries, none, and an unknown one; listings lose subjects and end early. A field whose changes never change
//! a verdict is not judged, whatever the rule says; a verdict that is never reached cannot be reached; and less sight may
//! only ever lead to unknown (the law of no false pass). **The rule itself:** each mistake that its author could have made
//! is made once (a mutant), and one of its cases has to come out differently. A mutant that none notices is shown with a
//! case that would.

mod effort;
mod mutant;
mod statement;
mod variation;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Rule;
use super::case::{Case, Outcome};
use super::compile::recompile_tree;
use super::trial;
use crate::facts::Subject;
use crate::glob::expand_braces;
use crate::value::{Observed, Value};
use crate::yaml;
use effort::Effort;
use mutant::{Mistake, Mutant, mutants};
use variation::{Claim, Demands, Nature, Variation};

/// What proving a rule found.
#[derive(Debug)]
pub struct Proof {
    /// Facts that the rule was judged on: its cases and their variations.
    pub facts: usize,
    /// Mistakes that were made in it.
    pub mutants: usize,
    pub flaws: Vec<Flaw>,
}

/// Why a rule is not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// There are no cases to start from.
    NoCases,
    /// Its cases are too large to be varied to the end.
    TooLarge,
    /// A case does not come out as it says, so that nothing can be measured by it.
    CaseFails { expected: &'static str, said: &'static str, at: Range<usize> },
    /// The rule names the field, and no other value of it changes a verdict.
    Idle { field: String },
    /// No facts that were tried make the rule say this.
    Never { outcome: Outcome },
    /// Seeing less changed a verdict to something else than unknown.
    FalseVerdict { what: String, before: Outcome, after: Outcome },
    /// The rule with this mistake passes all its cases; `case` would not come out as it says.
    Unnoticed { mutant: String, at: Range<usize>, case: String },
    /// No case of a statement shows this; `case` would.
    Unshown { said: &'static str, case: String },
    /// With or without this part of the rule, nothing that was tried comes out differently.
    Redundant { mutant: String, at: Range<usize> },
}

impl Flaw {
    /// A word for each kind of flaw, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Flaw::NoCases => "no-cases",
            Flaw::TooLarge => "too-large",
            Flaw::CaseFails { .. } => "case-fails",
            Flaw::Idle { .. } => "idle-field",
            Flaw::Never { .. } => "never-said",
            Flaw::FalseVerdict { .. } => "false-verdict",
            Flaw::Unnoticed { .. } => "unnoticed-mistake",
            Flaw::Unshown { .. } => "unshown-state",
            Flaw::Redundant { .. } => "redundant-part",
        }
    }

    /// What is wrong, in a sentence.
    pub fn message(&self) -> String {
        match self {
            Flaw::NoCases => "it has no cases, so that nothing can be proven".to_owned(),
            Flaw::TooLarge => "its cases are too large to be varied to the end, so that it is not proven".to_owned(),
            Flaw::CaseFails { expected, said, .. } => {
                format!("a case expects {expected}, and the rule says {said}")
            }
            Flaw::Idle { field } => format!("`{field}` is judged, but no other value of it changes a verdict"),
            Flaw::Never { outcome } => format!("nothing that was tried makes it say {}", outcome.as_str()),
            Flaw::FalseVerdict { what, before, after } => {
                format!("{} became {} when less was seen ({what})", before.as_str(), after.as_str())
            }
            Flaw::Unnoticed { mutant, .. } => format!("no case notices this mistake: {mutant}"),
            Flaw::Unshown { said, .. } => format!("no case shows when it is {said}"),
            Flaw::Redundant { mutant, .. } => format!("this mistake makes no difference: {mutant}"),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Flaw::NoCases => "add `tests:` with a pass, a fail, an unknown and a not-applicable case".to_owned(),
            Flaw::TooLarge => "give its cases fewer subjects and fields, or split the rule".to_owned(),
            Flaw::CaseFails { .. } => "see `harden rules test`, and mend the case or the rule".to_owned(),
            Flaw::Idle { .. } => "add a case in which it decides, or leave it out of the check".to_owned(),
            Flaw::Never { outcome } => format!("add a {} case, and mend the check until it holds", outcome.as_str()),
            Flaw::FalseVerdict { .. } => "this is a mistake in harden itself: please report it".to_owned(),
            Flaw::Unnoticed { case, .. } | Flaw::Unshown { case, .. } => {
                format!("add this case, if it is right:\n{case}")
            }
            Flaw::Redundant { .. } => "leave that part out, or add a case in which it decides".to_owned(),
        }
    }

    /// Where in the rule's file, where that can be said.
    pub fn at(&self) -> Option<&Range<usize>> {
        match self {
            Flaw::CaseFails { at, .. } | Flaw::Unnoticed { at, .. } | Flaw::Redundant { at, .. } => Some(at),
            Flaw::Unshown { .. }
            | Flaw::NoCases
            | Flaw::TooLarge
            | Flaw::Idle { .. }
            | Flaw::Never { .. }
            | Flaw::FalseVerdict { .. } => None,
        }
    }
}

/// Proves each of the rules, on as many threads as there are processors.
pub fn prove_all(rules: &[Rule]) -> Vec<Proof> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(rules.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut proofs = Vec::new();
        while let Some((at, rule)) = rules.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            proofs.push((at, prove(rule)));
        }
        proofs
    };
    let mut proofs = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<(usize, Proof)>>| match worker.join() {
            Ok(proofs) => proofs,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    proofs.sort_by_key(|(at, _)| *at);
    proofs.into_iter().map(|(_, proof)| proof).collect()
}

/// Proves a rule that was compiled with its cases and is judged with the examples of its inputs.
pub fn prove(rule: &Rule) -> Proof {
    if let Some(manual) = rule.manual() {
        return statement::prove(rule, manual);
    }
    let mut proof = Proof { facts: rule.cases.len(), mutants: 0, flaws: Vec::new() };
    if rule.cases.is_empty() {
        proof.flaws.push(Flaw::NoCases);
        return proof;
    }
    let effort = Effort::default();
    let said: Vec<Outcome> = rule.cases.iter().map(|case| judge(rule, case, &effort)).collect();
    for (case, said) in rule.cases.iter().zip(&said).filter(|(case, said)| case.expected != **said) {
        proof.flaws.push(Flaw::CaseFails {
            expected: case.expected.as_str(),
            said: said.as_str(),
            at: case.span.clone(),
        });
    }
    if !proof.flaws.is_empty() {
        return proof;
    }
    let demands = Demands::new(rule);
    let tried = vary(rule, &demands, &said, &effort);
    proof.facts += tried.len();
    proof.flaws.extend(idle(&demands, &tried));
    proof.flaws.extend(never(&said, &tried));
    proof.flaws.extend(tried.iter().filter_map(Tried::false_verdict));
    proof.flaws.extend(unseen_after(rule, &demands, &tried, &effort));
    let Ok(root) = yaml::parse(&rule.source.text) else { return proof };
    mutants(&root, &rule.inputs, &mut |mutant| {
        proof.mutants += 1;
        proof.flaws.extend(survivor(rule, &mutant, &tried, &effort));
    });
    if effort.is_exceeded() {
        proof.flaws.push(Flaw::TooLarge);
    }
    proof
}

/// What the rule says to a case; unknown once the effort is spent, when nothing is proven any more.
fn judge(rule: &Rule, case: &Case, effort: &Effort) -> Outcome {
    if !effort.judge(case) {
        return Outcome::Unknown;
    }
    trial::outcome(rule, &trial::case_facts(rule, case))
}

/// A variation and what the rule says to it.
struct Tried {
    variation: Variation,
    before: Outcome,
    after: Outcome,
}

impl Tried {
    fn false_verdict(&self) -> Option<Flaw> {
        let wrong =
            self.variation.nature == Nature::Blinding && self.after != self.before && self.after != Outcome::Unknown;
        let what = || self.variation.what.clone();
        wrong.then(|| Flaw::FalseVerdict { what: what(), before: self.before, after: self.after })
    }

    /// How hard it would be to read as a case, or how unlikely to be seen.
    fn unclear(&self) -> (bool, bool, usize, bool) {
        let answers = &self.variation.case.answers;
        let subjects = answers.iter().map(|answer| answer.listing.subjects.len()).sum();
        let nature = self.variation.nature;
        (nature == Nature::Blinding, nature == Nature::Absence, subjects, self.after == Outcome::Unknown)
    }

    /// Whether the change took the rule from one verdict to another.
    fn decides(&self) -> bool {
        self.before != self.after && self.before != Outcome::Unknown && self.after != Outcome::Unknown
    }
}

fn vary(rule: &Rule, demands: &Demands<'_>, said: &[Outcome], effort: &Effort) -> Vec<Tried> {
    let of_case = |(case, before): (&Case, &Outcome)| {
        let before = *before;
        let tried = demands.variations(case, &rule.cases, effort).into_iter().map(move |variation| Tried {
            after: judge(rule, &variation.case, effort),
            variation,
            before,
        });
        tried.collect::<Vec<_>>()
    };
    rule.cases.iter().zip(said).flat_map(of_case).collect()
}

/// The law again, from the facts that no case has: what one change made known is taken away by the next.
fn unseen_after(rule: &Rule, demands: &Demands<'_>, tried: &[Tried], effort: &Effort) -> Option<Flaw> {
    /// Variations that are blinded in turn.
    const BLINDED: usize = 16;
    let step = (tried.len() / BLINDED).max(1);
    tried.iter().step_by(step).filter(|tried| tried.variation.nature != Nature::Blinding).find_map(|first| {
        let blinded = demands.variations(&first.variation.case, &[], effort).into_iter();
        blinded.filter(|second| second.nature == Nature::Blinding).find_map(|second| {
            let after = judge(rule, &second.case, effort);
            let what = format!("{}, then {}", first.variation.what, second.what);
            Tried { variation: Variation { what, ..second }, before: first.after, after }.false_verdict()
        })
    })
}

fn idle(demands: &Demands<'_>, tried: &[Tried]) -> Vec<Flaw> {
    let mut deciding: BTreeMap<&Claim, BTreeSet<bool>> = BTreeMap::new();
    for tried in tried.iter().filter(|tried| tried.decides()) {
        if let Some(claim) = &tried.variation.claim {
            deciding.entry(claim).or_default().insert(tried.variation.nature == Nature::Absence);
        }
    }
    let decides = |claim: &Claim, by_presence: bool| {
        deciding.get(claim).is_some_and(|natures| natures.contains(&false) || by_presence)
    };
    let claims = demands.claims();
    let idle = claims.iter().filter(|(claim, by_presence)| !decides(claim, **by_presence));
    idle.map(|(claim, _)| Flaw::Idle { field: format!("{}.{}", claim.resource, claim.field) }).collect()
}

fn never(said: &[Outcome], tried: &[Tried]) -> Vec<Flaw> {
    let reached: BTreeSet<Outcome> = said.iter().copied().chain(tried.iter().map(|tried| tried.after)).collect();
    let wanted = [Outcome::Fail, Outcome::Pass, Outcome::Unknown];
    wanted.into_iter().filter(|outcome| !reached.contains(outcome)).map(|outcome| Flaw::Never { outcome }).collect()
}

/// A mutant that all cases let through.
fn survivor(rule: &Rule, mutant: &Mutant, tried: &[Tried], effort: &Effort) -> Option<Flaw> {
    if !effort.compile(&mutant.root) {
        return None;
    }
    let changed = recompile_tree(rule, &mutant.root, &rule.source).ok()?;
    if changed.cases.iter().any(|case| judge(&changed, case, effort) != case.expected) {
        return None;
    }
    let unnoticed = |case: &Case| Flaw::Unnoticed {
        mutant: mutant.what.clone(),
        at: mutant.span.clone(),
        case: super::case_text::write(case),
    };
    if let Mistake::Query { resource, param, value } = &mutant.mistake {
        return naming(rule, resource, param.as_deref(), value.as_deref(), effort).as_ref().map(unnoticed);
    }
    // A case that a person would write: of something that was seen, in few words.
    let mut by_clarity: Vec<&Tried> = tried.iter().collect();
    by_clarity.sort_by_key(|tried| tried.unclear());
    let telling = by_clarity.into_iter().find(|tried| judge(&changed, &tried.variation.case, effort) != tried.after);
    match telling {
        Some(tried) => Some(unnoticed(&Case { expected: tried.after, ..tried.variation.case.clone() })),
        None if mutant.mistake == Mistake::Omission => {
            Some(Flaw::Redundant { mutant: mutant.what.clone(), at: mutant.span.clone() })
        }
        // Two ways to say the same: between two limits may lie what another part of the rule excludes.
        None => None,
    }
}

/// A fail case that says what was looked at, so that a rule which looks elsewhere has no answer. `value` is what the
/// parameter asks for, where the rule spells it out; else it is what the case makes of it.
fn naming(rule: &Rule, resource: &str, param: Option<&str>, value: Option<&str>, effort: &Effort) -> Option<Case> {
    let named = |case: &Case| {
        let asked = || asked(rule, case, resource, param?);
        let mut named = case.clone();
        let answer = named.answers.iter_mut().find(|answer| answer.resource == resource)?;
        answer.keyed = true;
        if let Some(param) = param {
            let value = value.map(str::to_owned).or_else(asked)?;
            if value.contains(char::is_whitespace) {
                return None;
            }
            answer.listing.subjects.iter_mut().for_each(|subject| name_after(subject, param, &value));
            answer.with.insert(param.to_owned(), value.into());
        }
        Some(named)
    };
    let fails = rule.cases.iter().filter(|case| case.expected == Outcome::Fail);
    fails.filter_map(named).find(|case| judge(rule, case, effort) == Outcome::Fail)
}

/// Calls a subject by what was asked for, where a field says it and so does the case.
fn name_after(subject: &mut Subject, param: &str, value: &str) {
    let Ok(Some(name)) = expand_braces(value).map(|all| all.into_iter().next()) else { return };
    let name = name.replace("**", "x").replace(['*', '?'], "x");
    if matches!(subject.fields.get(param), Some(Observed::Known(Value::Text(_)))) && !name.contains('[') {
        subject.fields.set(param, name.as_str());
        subject.name = name.into();
    }
}

/// What the rule asks for by a parameter, once it has seen what a case says.
fn asked(rule: &Rule, case: &Case, resource: &str, param: &str) -> Option<String> {
    let facts = trial::case_facts(rule, case);
    let asked = facts.listings.keys().filter(|query| query.resource == resource);
    asked.into_iter().find_map(|query| query.with().get(param)?.as_str().map(str::to_owned))
}

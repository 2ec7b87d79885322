//! Proving a rule that a person attests: its cases show each state, and notice each mistake in the term, in what
//! contradicts it and in what it is bound to.

use super::mutant::{Mistake, Mutant, mutants};
use super::{Flaw, Proof};
use crate::rule::case::CASE_NOW;
use crate::rule::compile::recompile_tree;
use crate::rule::manual::{Manual, Said, StatementCase, Term};
use crate::rule::{Rule, trial};
use crate::value::duration;
use crate::yaml;

const DAY: i64 = 86_400;

pub(super) fn prove(rule: &Rule, manual: &Manual) -> Proof {
    let mut proof = Proof { facts: manual.cases.len(), mutants: 0, flaws: Vec::new() };
    if manual.cases.is_empty() {
        proof.flaws.push(Flaw::NoCases);
        return proof;
    }
    for case in &manual.cases {
        let (expected, said) = (case.expected, trial::said(rule, case));
        if expected != said {
            let at = case.span.clone();
            proof.flaws.push(Flaw::CaseFails { expected: expected.as_str(), said: said.as_str(), at });
        }
    }
    if !proof.flaws.is_empty() {
        return proof;
    }
    proof.flaws.extend(unshown(rule, manual));
    let Ok(root) = yaml::parse(&rule.source.text) else { return proof };
    mutants(&root, &rule.inputs, &mut |mutant| {
        proof.mutants += 1;
        proof.flaws.extend(survivor(rule, manual, &mutant));
    });
    proof
}

/// The states that no case shows.
fn unshown(rule: &Rule, manual: &Manual) -> Vec<Flaw> {
    let looks = !rule.selections().is_empty();
    let mut wanted = vec![Said::Attested, Said::Expired, Said::Missing];
    if !manual.contradicted_by.is_empty() {
        wanted.push(Said::Contradicted);
    }
    if looks {
        wanted.push(Said::NotApplicable);
    }
    // Whether a rule that is bound to nothing applies may be unseen: it can be attested all the same.
    if manual.scope.is_some() {
        wanted.push(Said::Unknown);
    }
    let shown = |said: &Said| manual.cases.iter().any(|case| case.expected == *said);
    let wanted: Vec<Said> = wanted.into_iter().filter(|said| !shown(said)).collect();
    let mut flaws: Vec<Flaw> = wanted
        .into_iter()
        .map(|said| {
            let given = match said {
                Said::Attested => attested(manual),
                Said::Expired => over(manual),
                Said::Contradicted => "on: now-1d, fails: RULE".to_owned(),
                Said::Missing | Said::Unknown | Said::NotApplicable => String::new(),
            };
            Flaw::Unshown { said: said.as_str(), case: text(said, &given, looks) }
        })
        .collect();
    if manual.scope.is_some() && !manual.cases.iter().any(|case| of_another(manual, case)) {
        let case = text(Said::Expired, "on: now-1d, scope: ANOTHER", true);
        flaws.push(Flaw::Unshown { said: "attested for another value", case });
    }
    flaws
}

/// Whether a case has an attestation that would hold but for what it was given for.
fn of_another(manual: &Manual, case: &StatementCase) -> bool {
    let in_term = |on: i64| on <= CASE_NOW && CASE_NOW < on.saturating_add(manual.term.most());
    let given = case.given.as_ref().filter(|given| in_term(given.on) && given.scope.is_some() && given.until.is_none());
    given.is_some() && matches!(case.expected, Said::Missing | Said::Expired)
}

/// A mutant that all cases let through.
fn survivor(rule: &Rule, manual: &Manual, mutant: &Mutant) -> Option<Flaw> {
    // What else could be looked at is noticed by the names of the facts.
    if matches!(mutant.mistake, Mistake::Query { .. }) {
        return None;
    }
    let changed = recompile_tree(rule, &mutant.root, &rule.source).ok()?;
    let cases = changed.manual()?.cases.as_slice();
    if cases.is_empty() || cases.iter().any(|case| trial::said(&changed, case) != case.expected) {
        return None;
    }
    let looks = !rule.selections().is_empty();
    let left_out = mutant.what.strip_prefix("manual.contradicted_by ").and_then(|rest| rest.split(':').next());
    let case = match left_out {
        Some(id) => text(Said::Contradicted, &format!("on: now-1d, fails: {id}"), looks),
        None if mutant.what.ends_with("shorter") => text(Said::Attested, &attested(manual), looks),
        None if mutant.what.ends_with("longer") => text(Said::Expired, &over(manual), looks),
        None => text(Said::Missing, "", true),
    };
    Some(Flaw::Unnoticed { mutant: mutant.what.clone(), at: mutant.span.clone(), case })
}

/// An attestation in the last day of its term.
fn attested(manual: &Manual) -> String {
    format!("on: now-{}", plain(manual.term.most() - DAY))
}

/// One whose term has just ended.
fn over(manual: &Manual) -> String {
    match &manual.term {
        Term::For(seconds) => format!("on: now-{}", plain(*seconds)),
        Term::UntilEvent(_) => format!("on: now-{}", plain(manual.term.most())),
    }
}

fn plain(seconds: i64) -> String {
    if seconds == 0 { "0".to_owned() } else { duration::show(seconds).replace(' ', "") }
}

fn text(said: Said, given: &str, looks: bool) -> String {
    let facts = if looks { "facts: { … }" } else { "" };
    let parts: Vec<&str> = [given, facts].into_iter().filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => format!("  - {}: {{}}", said.as_str()),
        false => format!("  - {}: {{ {} }}", said.as_str(), parts.join(", ")),
    }
}

//! Running a rule against facts that were written by hand: its own cases, and the worlds of the tests. The same plan
//! and the same evaluation as on real targets.

use std::collections::BTreeSet;

use super::Rule;
use super::case::{CASE_NOW, Case, Outcome};
use crate::evaluate::evaluate;
use crate::facts::{Access, Facts, Listing, Query, Target};
use crate::finding::{Finding, Status};
use crate::plan;
use crate::target::Kind;
use crate::value::Reason;

/// Waves of references; as many as on real targets.
const MAX_WAVES: usize = 8;

/// Judges the rule with the examples of inputs that somebody must set, as its cases are.
pub fn take_examples(rule: &mut Rule) {
    rule.unset.clear();
}

/// Facts in which each query that the rule asks is answered by `answer`, on one target of each kind.
pub fn facts(rule: &Rule, answer: impl Fn(&Query) -> Listing) -> Facts {
    let kinds: BTreeSet<Kind> = [Kind::Host, Kind::Docker, Kind::Postgres].into();
    let target = |kind: Kind| Target {
        name: kind.as_str().to_owned(),
        kind,
        address: "case".to_owned(),
        access: Access::Audited,
    };
    let mut facts = Facts { started: CASE_NOW, targets: kinds.into_iter().map(target).collect(), ..Facts::default() };
    for _ in 0..MAX_WAVES {
        let open = plan::open_queries([rule], &facts, CASE_NOW);
        if open.is_empty() {
            break;
        }
        facts.listings.extend(open.into_iter().map(|query| {
            let listing = answer(&query);
            (query, listing)
        }));
    }
    facts
}

/// The facts of a case. What a case does not answer is unknown.
pub fn case_facts(rule: &Rule, case: &Case) -> Facts {
    let silent = || Listing::failed(Reason::new("this case does not say"));
    facts(rule, |query| case.answer(query).cloned().unwrap_or_else(silent))
}

/// What the rule says over all its findings.
pub fn outcome(rule: &Rule, facts: &Facts) -> Outcome {
    let mut outcome = Outcome::NotApplicable;
    evaluate([rule], facts, CASE_NOW, &mut |finding| outcome = outcome.max(of(&finding)));
    outcome
}

fn of(finding: &Finding<'_>) -> Outcome {
    match finding.status {
        Status::Pass => Outcome::Pass,
        Status::Fail => Outcome::Fail,
        Status::Unknown(_) => Outcome::Unknown,
        Status::NotApplicable(_) => Outcome::NotApplicable,
    }
}

/// Every finding in a line, for a failed case.
pub fn explain(rule: &Rule, facts: &Facts) -> String {
    let mut lines = String::new();
    evaluate([rule], facts, CASE_NOW, &mut |finding| {
        let evidence: Vec<_> = finding
            .evidence
            .iter()
            .map(|proof| format!("{}: {}, expected {}", proof.field, proof.observed, proof.expected))
            .collect();
        lines.push_str(&format!("    {}: {:?} {}\n", finding.subject, finding.status, evidence.join("; ")));
    });
    lines
}

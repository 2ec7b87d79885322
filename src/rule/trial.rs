//! Running a rule against facts that were written by hand: its own cases, and the worlds of the tests. The same plan
//! and the same evaluation as on real targets.

use std::collections::BTreeSet;

use super::Rule;
use super::case::{self, CASE_NOW, Case, Outcome};
use super::manual::{Manual, Said, StatementCase};
use crate::attestation::{self, Attestations, Entry, State};
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
    let target = |kind: Kind| Target {
        name: kind.as_str().to_owned(),
        kind,
        address: "case".to_owned(),
        access: Access::Audited,
    };
    let mut facts = Facts { started: CASE_NOW, targets: Kind::ALL.map(target).to_vec(), ..Facts::default() };
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

/// How a case came out, beside what it expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Result {
    AsExpected,
    /// It should have failed, and did not.
    Missed,
    /// It failed where it should not have.
    Noisy,
    /// Unknown where a verdict was due, or a verdict where it should have been unknown.
    Unsettled,
    /// It applied where it should not have, or the other way round.
    Misapplied,
}

impl Result {
    /// Judges what a rule said by what a case expects.
    pub fn of(expected: Outcome, said: Outcome) -> Self {
        match (expected, said) {
            (expected, said) if expected == said => Result::AsExpected,
            (Outcome::Unknown, _) | (_, Outcome::Unknown) => Result::Unsettled,
            (Outcome::Fail, _) => Result::Missed,
            (_, Outcome::Fail) => Result::Noisy,
            _ => Result::Misapplied,
        }
    }

    /// The same, of a statement: it counts as a fail where it is contradicted, and as a pass where it is attested.
    pub fn of_statement(expected: Said, said: Said) -> Self {
        let plain = |said: Said| match said {
            Said::NotApplicable => Outcome::NotApplicable,
            Said::Attested => Outcome::Pass,
            Said::Unknown | Said::Missing | Said::Expired => Outcome::Unknown,
            Said::Contradicted => Outcome::Fail,
        };
        match (plain(expected), plain(said)) {
            _ if expected == said => Result::AsExpected,
            (a, b) if a == b => Result::Unsettled,
            (expected, said) => Result::of(expected, said),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Result::AsExpected => "as expected",
            Result::Missed => "missed",
            Result::Noisy => "noisy",
            Result::Unsettled => "unsettled",
            Result::Misapplied => "misapplied",
        }
    }
}

/// A case of a rule, tried.
#[derive(Debug)]
pub struct Tried {
    /// What the case says that the rule says, and what it said.
    pub expected: &'static str,
    pub said: &'static str,
    pub result: Result,
    /// Line of the case in the rule's file, from 1.
    pub line: usize,
    /// Each finding in a line, with its evidence.
    pub findings: Vec<String>,
}

/// Tries every case of a rule that was compiled with them and is judged with the examples of its inputs.
pub fn try_cases(rule: &Rule) -> Vec<Tried> {
    if let Some(manual) = rule.manual() {
        return manual.cases.iter().map(|case| try_statement(rule, manual, case)).collect();
    }
    let attempt = |case: &Case| {
        let facts = case_facts(rule, case);
        let said = outcome(rule, &facts);
        let result = Result::of(case.expected, said);
        let line = line_of(rule, case.span.start);
        let (expected, said) = (case.expected.as_str(), said.as_str());
        Tried { expected, said, result, line, findings: explain(rule, &facts) }
    };
    rule.cases.iter().map(attempt).collect()
}

fn try_statement(rule: &Rule, manual: &Manual, case: &StatementCase) -> Tried {
    let mut findings = Vec::new();
    let said = statements(rule, manual, case, &mut |line| findings.push(line));
    let result = Result::of_statement(case.expected, said);
    let line = line_of(rule, case.span.start);
    Tried { expected: case.expected.as_str(), said: said.as_str(), result, line, findings }
}

/// What is said of the statements of a case.
pub fn said(rule: &Rule, case: &StatementCase) -> Said {
    rule.manual().map_or(Said::NotApplicable, |manual| statements(rule, manual, case, &mut |_| {}))
}

fn statements(rule: &Rule, manual: &Manual, case: &StatementCase, tell: &mut dyn FnMut(String)) -> Said {
    let silent = || Listing::failed(Reason::new("this case does not say"));
    let facts = facts(rule, |query| case::answer(&case.answers, query).cloned().unwrap_or_else(silent));
    let entry = case.given.as_ref().map(|given| Entry {
        rule: rule.id.to_string(),
        by: "somebody".to_owned(),
        on: given.on,
        until: given.until.unwrap_or_else(|| given.on.saturating_add(manual.term.most())),
        evidence: "this case".to_owned(),
        scope: given.scope.clone(),
        line: 0,
    });
    let attestations = Attestations { entries: entry.into_iter().collect(), warnings: Vec::new() };
    let failed: BTreeSet<&str> = case.fails.iter().map(String::as_str).collect();
    let mut worst = Said::NotApplicable;
    evaluate([rule], &facts, CASE_NOW, &mut |finding| {
        let (said, why) = match (&finding.statement, &finding.status) {
            (Some(statement), _) => {
                let scope = statement.scope.as_deref();
                let overlay = attestation::judge(&rule.id, manual, scope, &attestations, &failed, CASE_NOW);
                let said = match overlay.state {
                    State::Attested => Said::Attested,
                    State::Missing => Said::Missing,
                    State::Expired => Said::Expired,
                    State::Contradicted => Said::Contradicted,
                };
                (said, overlay.say(&rule.id))
            }
            (None, Status::Unknown(reason)) => (Said::Unknown, reason.to_string()),
            (None, Status::NotApplicable(why)) => (Said::NotApplicable, why.to_string()),
            // A statement has no other status.
            (None, Status::Pass | Status::Fail) => (Said::Unknown, String::new()),
        };
        tell(format!("{}: {} ({why})", finding.subject, said.as_str()));
        worst = worst.max(said);
    });
    worst
}

/// The line of a byte of the rule's file, from 1.
pub fn line_of(rule: &Rule, at: usize) -> usize {
    rule.source.text.get(..at).map_or(0, |before| before.matches('\n').count() + 1)
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

/// Every finding in a line, with its evidence.
pub fn explain(rule: &Rule, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    evaluate([rule], facts, CASE_NOW, &mut |finding| {
        let proofs = finding.evidence.iter();
        let proofs: Vec<_> =
            proofs.map(|proof| format!("{}: {}, expected {}", proof.field, proof.observed, proof.expected)).collect();
        let why = match &finding.status {
            Status::Unknown(reason) => format!(" ({reason})"),
            Status::NotApplicable(why) => format!(" ({why})"),
            Status::Pass | Status::Fail => String::new(),
        };
        let status = of(&finding).as_str();
        lines.push(format!("{}: {status}{why} {}", finding.subject, proofs.join("; ")).trim_end().to_owned());
    });
    lines
}

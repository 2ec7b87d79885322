//! What a run says: findings with their evidence, counts, and the verdict that the exit code follows. Assembled once;
//! renderers only show it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attestation::{Attestations, Overlay, State, Statements, judge};
use crate::evaluate::evaluate;
use crate::facts::{Basis, Facts, Target};
use crate::finding::{Finding, Status};
use crate::remedy;
use crate::rule::manual::Manual;
use crate::rule::{Change, Phase, Rule, Severity};
use crate::value::text::json_document;
use crate::value::time;
use crate::value::{Observed, Reason};

/// The version of the document's format.
pub const SCHEMA: &str = "harden.report/v1";

/// Findings of a run that are kept one by one, so that rules of strangers cannot take all memory; beyond them each rule
/// says only that there are more, and its first fail.
const MAX_FINDINGS: usize = 500_000;

/// What is said of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing at or above the gate failed or was unknown.
    Passed,
    /// Something at or above the gate failed.
    Failed,
    /// Nothing failed, but something at or above the gate could not be seen.
    Inconclusive,
}

/// Which findings decide a run.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    pub fail_on: Severity,
    /// Whether unknowns leave the verdict alone.
    pub allow_unknown: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Gate { fail_on: Severity::Low, allow_unknown: false }
    }
}

/// The report of a run, which is also its JSON document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub schema: String,
    /// The version of harden that judged.
    pub harden: String,
    /// When the facts were collected, RFC 3339 in UTC.
    pub started: String,
    /// The instant at which the facts were judged, RFC 3339 in UTC.
    pub at: String,
    pub targets: Vec<Target>,
    /// Every rule that was judged, by id.
    pub rules: BTreeMap<String, RuleEntry>,
    /// Sorted by rule, target and subject.
    pub findings: Vec<Entry>,
    /// What is to be known of the attestations beside the findings: entries that count for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub summary: Summary,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleEntry {
    pub title: String,
    /// The severity that counted in this run.
    pub severity: Severity,
    pub phase: Phase,
    pub why: String,
    pub refs: BTreeMap<String, Vec<String>>,
    /// Who attests it, of a rule that only a person can judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_by: Option<String>,
    /// What profiles changed about the rule in this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Change>,
    /// The rule stands in place of the built-in one of its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_built_in: Option<Replacement>,
}

/// Why a rule of the user's stands in place of a built-in one, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replacement {
    pub reason: String,
    pub file: String,
}

/// A status as the document names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
}

/// A finding as the document holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    pub rule: String,
    pub severity: Severity,
    pub target: String,
    pub subject: String,
    pub status: Outcome,
    pub basis: Basis,
    /// Why it is unknown or not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub evidence: Vec<Proof>,
    /// What to do about a fail, or about a statement that nobody makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What a person states of what could not be seen. It changes what the finding counts as, and not its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Overlay>,
}

/// What a finding counts as in a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    NotApplicable,
    Pass,
    /// A person answers for it: it decides nothing.
    Attested,
    Unknown,
    Fail,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    pub field: String,
    pub expected: String,
    pub observed: String,
    /// Where it was seen: `path:line`, `container web HostConfig.Privileged`.
    pub origin: String,
}

/// Counts of findings, by what they count as.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub pass: usize,
    /// Contradicted statements included.
    pub fail: usize,
    /// Expired and missing statements included; attested ones are not.
    pub unknown: usize,
    pub not_applicable: usize,
    /// Statements of people by their state.
    #[serde(default, skip_serializing_if = "Statements::is_empty")]
    pub statements: Statements,
    /// Fails by severity.
    pub fail_by_severity: BTreeMap<String, usize>,
    /// Unknowns by severity.
    pub unknown_by_severity: BTreeMap<String, usize>,
}

impl Report {
    /// Judges the facts by the rules at an instant, in seconds since the epoch.
    pub fn assemble(rules: &[Rule], facts: &Facts, attestations: &Attestations, now: i64, gate: Gate) -> Self {
        Self::within(MAX_FINDINGS, rules, facts, attestations, now, gate)
    }

    fn within(most: usize, rules: &[Rule], facts: &Facts, attestations: &Attestations, now: i64, gate: Gate) -> Self {
        let mut findings = Vec::new();
        let mut rest = BTreeMap::new();
        evaluate(rules, facts, now, &mut |finding| match &finding.status {
            _ if findings.len() < most => findings.push(Entry::new(&finding)),
            // One fail is enough to decide, and must not be lost.
            Status::Fail => drop(rest.entry((&finding.rule.id, true)).or_insert_with(|| Entry::new(&finding))),
            _ => drop(rest.entry((&finding.rule.id, false)).or_insert_with(|| Entry::rest(&finding, most))),
        });
        findings.extend(rest.into_values());
        lay_over(&mut findings, rules, attestations, now);
        findings.sort_by(|a, b| a.key().cmp(&b.key()));
        findings.dedup();
        Report {
            schema: SCHEMA.to_owned(),
            harden: env!("CARGO_PKG_VERSION").to_owned(),
            started: time::show(facts.started),
            at: time::show(now),
            targets: facts.targets.clone(),
            rules: rules.iter().map(|rule| (rule.id.to_string(), RuleEntry::new(rule))).collect(),
            summary: Summary::of(&findings),
            verdict: Verdict::of(&findings, gate),
            findings,
            warnings: attestations.warnings.clone(),
        }
    }

    /// The JSON document, ending in a line break.
    pub fn to_json(&self) -> String {
        json_document(self)
    }

    /// Names of audited targets that hold at least one finding.
    pub fn judged_targets(&self) -> BTreeSet<&str> {
        self.findings.iter().map(|entry| entry.target.as_str()).collect()
    }
}

impl RuleEntry {
    fn new(rule: &Rule) -> Self {
        RuleEntry {
            title: rule.title.clone(),
            severity: rule.severity,
            phase: rule.phase,
            why: rule.why.clone(),
            refs: rule.refs.clone(),
            attested_by: rule.manual().map(|manual| manual.who.clone()),
            overrides: rule.changes.clone(),
            replaces_built_in: rule.overrides.as_ref().map(|overridden| Replacement {
                reason: overridden.reason.clone(),
                file: rule.source.path.to_string(),
            }),
        }
    }
}

impl Entry {
    /// What stands for the findings of a rule for which there is no room.
    fn rest(finding: &Finding<'_>, most: usize) -> Self {
        let reason = Reason::new(format!("this run has more than {most} findings"));
        let status = Status::Unknown(reason.with_grant("judge by fewer rules at a time: --rule, --profile"));
        Entry::new(&Finding {
            status,
            evidence: Vec::new(),
            observed: None,
            statement: None,
            subject: "the rest".into(),
            ..finding.clone()
        })
    }

    /// What findings are sorted by: all that tells two apart, so that the order of facts does not show.
    fn key(&self) -> impl Ord {
        (&self.rule, &self.target, &self.subject, self.status, &self.reason, &self.evidence, &self.fix)
    }

    fn new(finding: &Finding<'_>) -> Self {
        let (status, reason) = match &finding.status {
            Status::Pass => (Outcome::Pass, None),
            Status::Fail => (Outcome::Fail, None),
            Status::Unknown(reason) => (Outcome::Unknown, Some(reason.to_string())),
            Status::NotApplicable(why) => (Outcome::NotApplicable, Some(why.to_string())),
        };
        let evidence = finding.evidence.iter().map(|evidence| Proof {
            field: evidence.field.to_owned(),
            expected: evidence.expected.to_owned(),
            observed: evidence.observed.to_string(),
            origin: evidence.origin(),
        });
        Entry {
            rule: finding.rule.id.to_string(),
            severity: finding.rule.severity,
            target: finding.target.to_string(),
            subject: finding.subject.to_string(),
            status,
            basis: finding.basis.unwrap_or(Basis::Live),
            reason,
            evidence: evidence.collect(),
            fix: (status == Outcome::Fail || finding.statement.is_some()).then(|| fix(finding)),
            attestation: match (finding.rule.manual(), &finding.statement) {
                (Some(manual), Some(statement)) => Some(Overlay::missing(manual, statement.scope.as_deref())),
                _ => None,
            },
        }
    }

    /// What it counts as, with what a person states of it.
    pub fn counts_as(&self) -> Counted {
        match (self.status, self.attestation.as_ref().map(|overlay| overlay.state)) {
            (Outcome::Pass, _) => Counted::Pass,
            (Outcome::Fail, _) => Counted::Fail,
            (Outcome::NotApplicable, _) => Counted::NotApplicable,
            (Outcome::Unknown, None | Some(State::Missing | State::Expired)) => Counted::Unknown,
            (Outcome::Unknown, Some(State::Attested)) => Counted::Attested,
            (Outcome::Unknown, Some(State::Contradicted)) => Counted::Fail,
        }
    }
}

/// Says of each statement what became of it, by the attestations and by what else was found.
fn lay_over(findings: &mut [Entry], rules: &[Rule], attestations: &Attestations, now: i64) {
    let manual = rules.iter().filter_map(|rule| Some((&*rule.id, rule.manual()?)));
    let manual: BTreeMap<&str, &Manual> = manual.collect();
    if manual.is_empty() {
        return;
    }
    let failed = findings.iter().filter(|entry| entry.status == Outcome::Fail).map(|entry| entry.rule.clone());
    let failed: BTreeSet<String> = failed.collect();
    let failed = failed.iter().map(String::as_str).collect();
    for entry in findings {
        let Some(overlay) = &mut entry.attestation else { continue };
        let Some(manual) = manual.get(entry.rule.as_str()) else { continue };
        *overlay = judge(&entry.rule, manual, overlay.scope.as_deref(), attestations, &failed, now);
        entry.reason = Some(overlay.say(&entry.rule));
        if overlay.state == State::Attested {
            entry.fix = None;
        }
    }
}

/// The rule's fix with `{subject}` and `{field}` filled in from what was seen; what was seen is not read again.
fn fix(finding: &Finding<'_>) -> String {
    remedy::fill(&finding.rule.fix, |name| {
        let field = finding.observed.and_then(|subject| subject.fields.get(name));
        match field {
            _ if name == "subject" => Some(finding.subject.to_string()),
            Some(Observed::Known(value)) => Some(value.to_string()),
            Some(Observed::Absent | Observed::Unknown(_)) => None,
            None => asked(finding, name),
        }
    })
}

/// What was asked for by this parameter where the thing itself is missing: such a finding's subject is the query.
fn asked(finding: &Finding<'_>, name: &str) -> Option<String> {
    let (_, rest) = finding.subject.split_once(&format!(" {name}="))?;
    finding.rule.selections().iter().find_map(|selection| {
        let given = selection.with.get(name)?;
        if selection.with.len() == 1 {
            return Some(rest.to_owned());
        }
        let items = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
        let asked = items.iter().filter_map(|item| item.as_str()).filter(|item| rest.starts_with(item));
        asked.max_by_key(|item| item.len()).map(str::to_owned)
    })
}

impl Summary {
    pub(crate) fn of(findings: &[Entry]) -> Self {
        let mut summary = Summary::default();
        for entry in findings {
            let severity = entry.severity.as_str().to_owned();
            match entry.counts_as() {
                Counted::Pass => summary.pass += 1,
                Counted::NotApplicable => summary.not_applicable += 1,
                Counted::Attested => {}
                Counted::Fail => {
                    summary.fail += 1;
                    *summary.fail_by_severity.entry(severity).or_default() += 1;
                }
                Counted::Unknown => {
                    summary.unknown += 1;
                    *summary.unknown_by_severity.entry(severity).or_default() += 1;
                }
            }
            entry.attestation.iter().for_each(|overlay| summary.statements.add(overlay.state));
        }
        summary
    }
}

impl Verdict {
    pub(crate) fn of(findings: &[Entry], gate: Gate) -> Self {
        let decides =
            |counted| findings.iter().any(|entry| entry.counts_as() == counted && entry.severity >= gate.fail_on);
        if decides(Counted::Fail) {
            Verdict::Failed
        } else if decides(Counted::Unknown) && !gate.allow_unknown {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::facts::Listing;
    use crate::rule::compile::{Options, compile};
    use crate::rule::input::Inputs;
    use crate::rule::trial;
    use crate::value::Value;

    #[test]
    fn beyond_the_bound_nothing_passes_and_no_fail_is_lost() {
        let text = "id: x\ntitle: t\nseverity: high\nphase: pre\nwhy: w\nfix: f\nrefs: { cwe: \"1\" }\n\
                    check: { resource: container, expect: { privileged: false } }\n";
        let options = Options { inputs: &Inputs::new(), cases: false };
        let rules = [compile(&Source::new("x.yaml", text), "x", options).unwrap()];
        let facts = trial::facts(&rules[0], |query| {
            let resource = crate::resource::find(query.resource).unwrap();
            let subject = |i: usize| {
                let name = format!("c{i:02}");
                let mut subject = crate::facts::Subject::new(resource, name.as_str(), name.as_str(), Basis::Live);
                subject.fields.set("privileged", Value::Bool(i >= 8));
                subject
            };
            Listing::complete((0..10).map(subject).collect())
        });
        let said = |most: usize, gate: Gate| {
            let report = Report::within(most, &rules, &facts, &Attestations::default(), 0, gate);
            let Summary { pass, fail, unknown, .. } = report.summary;
            (pass, fail, unknown, report.verdict)
        };
        assert_eq!(said(10, Gate::default()), (8, 2, 0, Verdict::Failed));
        assert_eq!(said(9, Gate::default()), (8, 2, 0, Verdict::Failed));
        assert_eq!(said(3, Gate::default()), (3, 1, 1, Verdict::Failed));
        assert_eq!(said(3, Gate { allow_unknown: true, ..Gate::default() }), (3, 1, 1, Verdict::Failed));
    }
}

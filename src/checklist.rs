//! The checklist of a run: every rule with its state, who must act and what to do. Made of the report alone, so that it
//! can say nothing that the report does not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attestation::State;
use crate::evaluate::PEOPLE;
use crate::facts::Target;
use crate::report::{Entry, Gate, Outcome, Report, RuleEntry, Summary, Verdict};
use crate::rule::{Phase, Severity};
use crate::value::text::json_document;

/// The version of the document's format.
pub const SCHEMA: &str = "harden.checklist/v1";

/// Who acts where no profile says so.
const OPERATOR: &str = "operator";
/// Subjects of an item that are shown, and things to do.
const MOST_SUBJECTS: usize = 10;
const MOST_TO_DO: usize = 3;

/// A checklist, which is also its JSON document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checklist {
    pub schema: String,
    /// The version of harden that judged.
    pub harden: String,
    /// When the facts were collected, RFC 3339 in UTC.
    pub started: String,
    /// The instant at which they were judged, RFC 3339 in UTC.
    pub at: String,
    pub profiles: Vec<String>,
    /// The only phase whose items are here; all are where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Inputs that were set, each with its value and who gave it.
    pub inputs: BTreeMap<String, String>,
    pub targets: Vec<Target>,
    /// The lowest severity that decides.
    pub gate: Severity,
    /// Whether unknowns decide nothing.
    pub unknown_allowed: bool,
    /// On the items that are here.
    pub verdict: Verdict,
    /// Counts of items by state.
    pub counts: BTreeMap<ItemState, usize>,
    /// Counts of findings.
    pub findings: Summary,
    /// What is to be known of the attestations beside the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// By phase, severity (the highest first), state (the worst first) and rule.
    pub items: Vec<Item>,
}

/// What became of an item: the first of these that any of its findings is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    Failed,
    Contradicted,
    Unknown,
    Expired,
    Missing,
    Attested,
    Passed,
    NotApplicable,
}

/// A rule of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub rule: String,
    pub title: String,
    pub phase: Phase,
    pub severity: Severity,
    pub state: ItemState,
    /// Until when it is attested, RFC 3339 in UTC: the first end of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who must act.
    pub owner: String,
    /// What is not as it should be; what is attested; for an item that does not apply, why not.
    pub subjects: Vec<ItemSubject>,
    /// How many more there are.
    pub more: usize,
    /// How many subjects passed.
    pub passed: usize,
    /// What to do, for the subjects that are here.
    pub to_do: Vec<String>,
}

/// A subject that matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemSubject {
    pub subject: String,
    pub target: String,
    pub state: ItemState,
    /// What was seen, or why nothing was.
    pub said: String,
}

/// What a checklist says of its run beside the report.
#[derive(Debug, Clone)]
pub struct Heading {
    pub profiles: Vec<String>,
    pub inputs: BTreeMap<String, String>,
    pub phase: Option<Phase>,
    pub gate: Gate,
}

impl ItemState {
    pub fn as_str(self) -> &'static str {
        match self {
            ItemState::Failed => "failed",
            ItemState::Contradicted => "contradicted",
            ItemState::Unknown => "unknown",
            ItemState::Expired => "expired",
            ItemState::Missing => "missing",
            ItemState::Attested => "attested",
            ItemState::Passed => "passed",
            ItemState::NotApplicable => "not applicable",
        }
    }

    fn of(entry: &Entry) -> Self {
        match (&entry.attestation, entry.status) {
            (Some(overlay), _) => match overlay.state {
                State::Attested => ItemState::Attested,
                State::Missing => ItemState::Missing,
                State::Expired => ItemState::Expired,
                State::Contradicted => ItemState::Contradicted,
            },
            (None, Outcome::Pass) => ItemState::Passed,
            (None, Outcome::Fail) => ItemState::Failed,
            (None, Outcome::Unknown) => ItemState::Unknown,
            (None, Outcome::NotApplicable) => ItemState::NotApplicable,
        }
    }

    /// Whether nothing has to be done.
    pub fn is_settled(self) -> bool {
        match self {
            ItemState::Attested | ItemState::Passed | ItemState::NotApplicable => true,
            ItemState::Failed
            | ItemState::Contradicted
            | ItemState::Unknown
            | ItemState::Expired
            | ItemState::Missing => false,
        }
    }
}

impl Checklist {
    /// The checklist of a report; `owners` say who acts on rules that are judged by looking, by id.
    pub fn new(report: &Report, owners: &BTreeMap<String, String>, heading: Heading) -> Self {
        let is_here = |rule: &RuleEntry| heading.phase.is_none_or(|phase| rule.phase == phase);
        let of_rule = |id: &str| report.rules.get(id).filter(|rule| is_here(rule));
        let findings: Vec<Entry> =
            report.findings.iter().filter(|entry| of_rule(&entry.rule).is_some()).cloned().collect();
        let mut by_rule: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &findings {
            by_rule.entry(&entry.rule).or_default().push(entry);
        }
        let rules = report.rules.iter().filter(|(_, rule)| is_here(rule));
        let mut items: Vec<Item> = rules
            .map(|(id, rule)| {
                let owner = rule.attested_by.as_ref().or_else(|| owners.get(id));
                let owner = owner.map_or(OPERATOR, String::as_str);
                Item::new(id, rule, owner, by_rule.get(id.as_str()).map(Vec::as_slice).unwrap_or_default())
            })
            .collect();
        items.sort_by(|a, b| (a.phase, b.severity, a.state, &a.rule).cmp(&(b.phase, a.severity, b.state, &b.rule)));
        let mut counts = BTreeMap::new();
        for item in &items {
            *counts.entry(item.state).or_default() += 1;
        }
        Checklist {
            schema: SCHEMA.to_owned(),
            harden: report.harden.clone(),
            started: report.started.clone(),
            at: report.at.clone(),
            profiles: heading.profiles,
            phase: heading.phase,
            inputs: heading.inputs,
            targets: report.targets.clone(),
            gate: heading.gate.fail_on,
            unknown_allowed: heading.gate.allow_unknown,
            verdict: Verdict::of(&findings, heading.gate),
            counts,
            findings: Summary::of(&findings),
            warnings: report.warnings.clone(),
            items,
        }
    }

    /// The JSON document, ending in a line break.
    pub fn to_json(&self) -> String {
        json_document(self)
    }
}

impl Item {
    fn new(id: &str, rule: &RuleEntry, owner: &str, findings: &[&Entry]) -> Self {
        let states = || findings.iter().map(|entry| ItemState::of(entry));
        let state = states().min().unwrap_or(ItemState::NotApplicable);
        // Beside what has to be done nobody reads what does not apply; a pass is a number.
        let matters = |entry: &&&Entry| match ItemState::of(entry) {
            ItemState::Passed => false,
            ItemState::NotApplicable => state == ItemState::NotApplicable,
            _ => true,
        };
        let mut shown: Vec<&Entry> = findings.iter().filter(matters).copied().collect();
        shown.sort_by_key(|entry| ItemState::of(entry));
        let more = shown.len().saturating_sub(MOST_SUBJECTS);
        shown.truncate(MOST_SUBJECTS);
        let mut to_do: Vec<String> = Vec::new();
        for fix in shown.iter().filter_map(|entry| entry.fix.as_ref()) {
            if to_do.len() < MOST_TO_DO && !to_do.contains(fix) {
                to_do.push(fix.clone());
            }
        }
        let ends = findings.iter().filter_map(|entry| entry.attestation.as_ref()?.until.clone());
        Item {
            rule: id.to_owned(),
            title: rule.title.clone(),
            phase: rule.phase,
            severity: rule.severity,
            state,
            until: ends.min().filter(|_| state == ItemState::Attested),
            owner: owner.to_owned(),
            subjects: shown.into_iter().map(ItemSubject::new).collect(),
            more,
            passed: states().filter(|state| *state == ItemState::Passed).count(),
            to_do,
        }
    }
}

impl ItemSubject {
    fn new(entry: &Entry) -> Self {
        let proofs = entry.evidence.iter().map(|proof| {
            let at = if proof.origin == entry.subject { String::new() } else { format!(" ({})", proof.origin) };
            format!("{}: {}, expected {}{at}", proof.field, proof.observed, proof.expected)
        });
        let said = match &entry.reason {
            Some(reason) => reason.clone(),
            None => proofs.collect::<Vec<_>>().join("; "),
        };
        let evidence = entry.attestation.as_ref().and_then(|overlay| overlay.evidence.as_ref());
        let said = evidence.map_or(said.clone(), |evidence| format!("{said}; evidence: {evidence}"));
        ItemSubject { subject: entry.subject.clone(), target: entry.target.clone(), state: ItemState::of(entry), said }
    }

    /// The subject, and where it is unless that is plain.
    pub fn name(&self) -> String {
        match self.target.as_str() {
            "host" | PEOPLE | "" => self.subject.clone(),
            target => format!("{} @ {target}", self.subject),
        }
    }
}

//! What is said of a statement at an instant: the overlay on its finding.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attestations, Entry};
use crate::remedy;
use crate::rule::manual::{Manual, Term};
use crate::value::time;

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Somebody stated it, and it holds: counts neither as a pass nor as an unknown.
    Attested,
    /// Nobody stated it: counts as unknown.
    Missing,
    /// Somebody stated it, and it does not hold any more: its term is over, or what it was bound to has changed. Counts as
    /// unknown.
    Expired,
    /// Somebody stated it, and a rule of this run shows otherwise: counts as a fail.
    Contradicted,
}

/// An attestation on a finding. The finding's own status stays what was seen: unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlay {
    pub state: State,
    /// Who has to attest it.
    pub who: String,
    /// How long a statement holds, in words.
    pub valid_for: String,
    /// What is to be recorded with it.
    pub record: String,
    /// The value that the statement has to be made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Who stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was stated, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// From when on it does not hold any more, RFC 3339 in UTC: what was stated, and no longer than the rule allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The value that it was made for, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_for: Option<String>,
    /// What else is to be known: a term that was cut, a date in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Rules of this run that fail and contradict it, attested or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradicted_by: Vec<String>,
}

/// How many statements are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Statements {
    pub attested: usize,
    pub expired: usize,
    pub missing: usize,
    pub contradicted: usize,
}

impl Statements {
    pub fn add(&mut self, state: State) {
        match state {
            State::Attested => self.attested += 1,
            State::Expired => self.expired += 1,
            State::Missing => self.missing += 1,
            State::Contradicted => self.contradicted += 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Statements::default()
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Attested => "attested",
            State::Missing => "missing",
            State::Expired => "expired",
            State::Contradicted => "contradicted",
        }
    }
}

impl Overlay {
    /// What is said of a statement that nobody has made.
    pub fn missing(manual: &Manual, scope: Option<&str>) -> Self {
        Overlay {
            state: State::Missing,
            who: manual.who.clone(),
            valid_for: manual.term.show(),
            record: manual.evidence.clone(),
            scope: scope.map(str::to_owned),
            by: None,
            on: None,
            until: None,
            evidence: None,
            given_for: None,
            note: None,
            contradicted_by: Vec::new(),
        }
    }

    /// In a sentence: why the finding counts as it does. `rule` is its id.
    pub fn say(&self, rule: &str) -> String {
        let by = match (&self.by, &self.on) {
            (Some(by), Some(on)) => format!("by {by} on {on}"),
            _ => String::new(),
        };
        let until = self.until.as_deref().unwrap_or_default();
        let rules = self.contradicted_by.join(", ");
        let said = match (self.state, &self.given_for) {
            (State::Attested, _) => format!("attested {by}, until {until}"),
            (State::Missing, _) => {
                format!("nobody has attested this ({} has to): {}", self.who, command(rule, &self.scope))
            }
            (State::Expired, Some(other)) => {
                format!("attested {by} for {other}, which this is not: {}", command(rule, &self.scope))
            }
            (State::Expired, None) => {
                format!("attested {by}, until {until}, which is over: {}", command(rule, &self.scope))
            }
            (State::Contradicted, _) => format!("attested {by}, and contradicted by what was seen: {rules} failed"),
        };
        let also = match (self.state, rules.is_empty()) {
            (State::Contradicted | State::Attested, _) | (_, true) => String::new(),
            (State::Missing | State::Expired, false) => format!("; {rules} failed, which contradicts it"),
        };
        let note = self.note.iter().map(|note| format!("; {note}"));
        format!("{said}{also}{}", note.collect::<String>())
    }
}

/// The command that attests.
fn command(rule: &str, scope: &Option<String>) -> String {
    let text = format!("`harden attest {rule} --by WHO --evidence TEXT`");
    match scope {
        None => text,
        // The value comes from what is audited: it is one word of the command, whatever is in it.
        Some(scope) => remedy::fill(&text.replace(" --by", " --scope {scope} --by"), |_| Some(scope.clone())),
    }
}

/// What is said of the statement of a rule that is bound to `scope`, when these rules fail in the same run.
///
/// Of several entries the one that was stated last counts. One from the future does not: whoever judges cannot know yet
/// what will be stated. An entry that claims more than the rule allows holds as long as the rule allows.
pub fn judge(
    rule: &str,
    manual: &Manual,
    scope: Option<&str>,
    attestations: &Attestations,
    failed: &BTreeSet<&str>,
    now: i64,
) -> Overlay {
    let mut overlay = Overlay::missing(manual, scope);
    let contradicting = manual.contradicted_by.iter().map(|one| one.rule.as_str());
    overlay.contradicted_by = contradicting.filter(|id| failed.contains(id)).map(str::to_owned).collect();
    let of_rule: Vec<&Entry> = attestations.entries.iter().filter(|entry| entry.rule == rule).collect();
    let (known, future): (Vec<&Entry>, Vec<&Entry>) = of_rule.into_iter().partition(|entry| entry.on <= now);
    let mut notes = Vec::new();
    if let Some(entry) = future.into_iter().filter(|entry| entry.scope.as_deref() == scope).min_by_key(|entry| entry.on)
    {
        notes.push(format!(
            "an attestation by {} on {} is dated in the future and does not count",
            entry.by,
            time::show(entry.on)
        ));
    }
    let latest = |fits: &dyn Fn(&Entry) -> bool| {
        let fitting = known.iter().copied().filter(|entry| fits(entry));
        // Two of the same instant are told apart by what they say, so that the order of lines does not matter.
        fitting.max_by_key(|entry| (entry.on, entry.until, &entry.by, &entry.evidence))
    };
    let same = |entry: &Entry| entry.scope.as_deref() == scope;
    let earlier = |entry: &Entry| match (entry.scope.as_deref(), scope) {
        (Some(given), Some(scope)) => of_the_same(given, scope),
        // The rule was bound to something, or was not, when this was stated.
        (Some(_), None) | (None, Some(_)) => true,
        (None, None) => false,
    };
    if let Some(entry) = latest(&same) {
        let most = entry.on.saturating_add(manual.term.most());
        let until = entry.until.min(most);
        if until < entry.until {
            let claimed = time::show(entry.until);
            notes.push(format!("it claims to hold until {claimed}, and the rule allows {}", manual.term.show()));
        }
        overlay.state = match (now < until, overlay.contradicted_by.is_empty()) {
            (false, _) => State::Expired,
            (true, true) => State::Attested,
            (true, false) => State::Contradicted,
        };
        overlay.take(entry, until);
        if let (State::Attested, Term::UntilEvent(event)) = (overlay.state, &manual.term) {
            notes.push(format!("it ends with the next {event}, which harden cannot see: attest again then"));
        }
    } else if let Some(entry) = latest(&earlier) {
        overlay.state = State::Expired;
        overlay.take(entry, entry.until.min(entry.on.saturating_add(manual.term.most())));
        overlay.given_for = Some(entry.scope.clone().unwrap_or_else(|| "everything".to_owned()));
    }
    overlay.note = (!notes.is_empty()).then(|| notes.join("; "));
    overlay
}

impl Overlay {
    fn take(&mut self, entry: &Entry, until: i64) {
        self.by = Some(entry.by.clone());
        self.on = Some(time::show(entry.on));
        self.until = Some(time::show(until));
        self.evidence = Some(entry.evidence.clone());
    }
}

/// Whether two values are the same thing at different times: image references that differ in nothing but their tag or
/// digest.
fn of_the_same(a: &str, b: &str) -> bool {
    repository(a) == repository(b)
}

/// An image reference without its tag and its digest.
fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    match name.rsplit_once(':') {
        // A colon before a slash begins the port of a registry.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_without_its_tag() {
        for (reference, name) in [
            ("pullbase/pullbase:1.2", "pullbase/pullbase"),
            ("registry:5000/a", "registry:5000/a"),
            ("registry:5000/a:1@sha256:0", "registry:5000/a"),
            ("a@sha256:0", "a"),
        ] {
            assert_eq!(repository(reference), name);
        }
    }
}

//! A rule's cases, each in a line.

use serde::Serialize;

use crate::facts::{Extent, Listing, Subject};
use crate::rule::Rule;
use crate::rule::case::{Answer, CASE_NOW, Case, NOT_GIVEN, Outcome};
use crate::rule::manual::{Said, StatementCase};
use crate::rule::trial;
use crate::value::{List, Observed, Record, Value, duration, time};

/// A case of a rule.
#[derive(Debug, Serialize)]
pub struct CaseStory {
    /// What the case says that the rule says.
    pub outcome: &'static str,
    /// What the rule says with the inputs as they are set, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<&'static str>,
    /// What was seen, in a line for each thing that the rule looks at.
    pub facts: Vec<String>,
}

/// The cases of a rule, passes first.
pub(super) fn cases(rule: &Rule) -> Vec<CaseStory> {
    if let Some(manual) = rule.manual() {
        return manual.cases.iter().map(|case| statement(rule, case)).collect();
    }
    let of = |wanted: Outcome| rule.cases.iter().filter(move |case| case.expected == wanted);
    let ordered = Outcome::ALL.iter().flat_map(|(_, outcome)| of(*outcome));
    ordered.map(|case| story(rule, case)).collect()
}

fn story(rule: &Rule, case: &Case) -> CaseStory {
    // What a rule says while an input is not set, it says of every case.
    let said = rule.unset.is_empty().then(|| trial::outcome(rule, &trial::case_facts(rule, case)));
    CaseStory {
        outcome: case.expected.as_str(),
        said: said.filter(|said| *said != case.expected).map(Outcome::as_str),
        facts: case.answers.iter().map(|answer| line(answer, answer.keyed)).collect(),
    }
}

/// A case of a statement: the attestation that there is, what else fails, and what was seen.
fn statement(rule: &Rule, case: &StatementCase) -> CaseStory {
    let said = rule.unset.is_empty().then(|| trial::said(rule, case));
    let mut facts = vec![match &case.given {
        None => "no attestation".to_owned(),
        Some(given) => {
            let ago = match CASE_NOW.saturating_sub(given.on) {
                0 => "now".to_owned(),
                seconds if seconds < 0 => format!("{} from now", duration::show(seconds.saturating_neg())),
                seconds => format!("{} ago", duration::show(seconds)),
            };
            let scope = given.scope.iter().map(|scope| format!(" for {scope}")).collect::<String>();
            let until = given.until.iter().map(|until| format!(", until {}", time::show(*until))).collect::<String>();
            format!("an attestation made {ago}{scope}{until}")
        }
    }];
    if !case.fails.is_empty() {
        facts.push(format!("failing: {}", case.fails.join(", ")));
    }
    facts.extend(case.answers.iter().map(|answer| line(answer, answer.keyed)));
    let said = said.filter(|said| *said != case.expected).map(Said::as_str);
    CaseStory { outcome: case.expected.as_str(), said, facts }
}

fn line(answer: &Answer, named: bool) -> String {
    let seen = listing(&answer.listing);
    if named { format!("{}: {seen}", super::story::asked(answer.resource, &answer.with)) } else { seen }
}

fn listing(listing: &Listing) -> String {
    let one = |subject: &Subject| fields(&subject.fields);
    let more = match &listing.extent {
        Extent::Complete => None,
        Extent::Absent(what) => return format!("absent ({what})"),
        Extent::Failed(reason) => return format!("unknown ({})", reason.text),
        Extent::Partial(reason) => Some(format!("and perhaps more ({})", reason.text)),
    };
    match listing.subjects.as_slice() {
        [] if more.is_none() => "none".to_owned(),
        [only] if more.is_none() => one(only),
        several => {
            let shown = several.iter().map(|subject| format!("[{}]", one(subject)));
            shown.chain(more).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The fields that a case gives: `owner=root mode=0640`.
fn fields(record: &Record) -> String {
    let given = record.table.iter().zip(&record.fields).filter_map(|(field, observed)| match observed {
        Observed::Unknown(reason) if &*reason.text == NOT_GIVEN => None,
        observed => Some(format!("{}={}", field.name, shown(observed))),
    });
    given.collect::<Vec<_>>().join(" ")
}

fn shown(observed: &Observed) -> String {
    match observed {
        Observed::Known(value) => value_text(value),
        Observed::Absent => "absent".to_owned(),
        Observed::Unknown(reason) => format!("unknown({})", reason.text),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        // A word that could be taken for something else stands in quotes.
        Value::Text(text) if !is_plain(text) => format!("{text:?}"),
        Value::List(List { items, more }) => {
            let more = more.iter().map(|reason| format!("… ({})", reason.text));
            format!("[{}]", items.iter().map(shown).chain(more).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Record(record) => format!("{{{}}}", fields(record)),
        Value::Invalid(text) => format!("invalid({text})"),
        other => other.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'[]{}(),=".contains(c);
    !text.is_empty() && text != "absent" && text.chars().all(plain)
}

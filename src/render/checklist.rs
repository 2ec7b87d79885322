//! A checklist as a person reads it: at a terminal, in Markdown, as a page by itself. Each is a pure function of the
//! checklist, and all of them say the same in the same order.

mod html;
mod markdown;
mod table;

pub use html::html;
pub use markdown::markdown;
pub use table::table;

use crate::checklist::{Checklist, Item, ItemState};
use crate::facts::Access;
use crate::report::Verdict;
use crate::rule::Phase;

/// What each phase is about, as a heading.
fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pre => "Before deploy: files, manifests and keys are enough",
        Phase::Post => "After deploy: the running service",
        Phase::Ongoing => "Ongoing: what is bound to an age or a period",
    }
}

/// The state of an item in words: `attested until 2027-01-01T00:00:00Z`.
fn state(item: &Item) -> String {
    match &item.until {
        Some(until) => format!("{} until {until}", item.state.as_str()),
        None => item.state.as_str().to_owned(),
    }
}

/// The verdict with the counts of items, in a sentence.
pub fn verdict(list: &Checklist) -> String {
    let word = match list.verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Inconclusive => "INCONCLUSIVE",
    };
    let count = |state: ItemState| list.counts.get(&state).copied().unwrap_or(0);
    let all = [
        ItemState::Failed,
        ItemState::Contradicted,
        ItemState::Unknown,
        ItemState::Expired,
        ItemState::Missing,
        ItemState::Attested,
        ItemState::Passed,
        ItemState::NotApplicable,
    ];
    let counts = all.map(|state| format!("{} {}", count(state), state.as_str())).join(", ");
    let s = if list.items.len() == 1 { "" } else { "s" };
    format!("{word}: {} item{s} ({counts})", list.items.len())
}

/// What the list is of: a name and a text for each line of its head.
fn head(list: &Checklist) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push((name.to_owned(), text));
    line("judged at", list.at.clone());
    line("facts of", list.started.clone());
    line("harden", list.harden.clone());
    let profiles = if list.profiles.is_empty() { "none: rules by name".to_owned() } else { list.profiles.join(", ") };
    line("profiles", profiles);
    line("phase", list.phase.map_or("all", Phase::as_str).to_owned());
    let unknown = if list.unknown_allowed { "; unknowns decide nothing" } else { "" };
    line("gate", format!("{} and above{unknown}", list.gate.as_str()));
    for (name, value) in &list.inputs {
        line(&format!("input {name}"), value.clone());
    }
    for target in &list.targets {
        let kind = target.kind.as_str();
        let name = if target.name == kind { kind.to_owned() } else { format!("{kind} {}", target.name) };
        line(
            &name,
            match &target.access {
                Access::Audited => format!("audited: {}", target.address),
                Access::Absent(why) => format!("not audited: {why}"),
                Access::Unreachable(why) => format!("not reached: {} ({why})", target.address),
            },
        );
    }
    for warning in &list.warnings {
        line("warning", warning.clone());
    }
    lines
}

/// How many subjects are not shown, and how many passed.
fn rest(item: &Item) -> Option<String> {
    let more = (item.more > 0).then(|| format!("and {} more", item.more));
    let s = if item.passed == 1 { "" } else { "s" };
    let passed = (item.passed > 0).then(|| format!("{} subject{s} passed", item.passed));
    let parts: Vec<_> = more.into_iter().chain(passed).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// A text and whether it is code, piece by piece: what stands between two backticks is.
fn pieces(text: &str) -> Vec<(bool, &str)> {
    if text.matches('`').count() % 2 == 1 {
        return vec![(false, text)];
    }
    text.split('`').enumerate().map(|(at, piece)| (at % 2 == 1, piece)).filter(|(_, piece)| !piece.is_empty()).collect()
}

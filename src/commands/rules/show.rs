//! `harden rules show`: the whole story of a rule.

use std::fmt::Write as _;

use crate::cli::Selection;
use crate::commands::setup;
use crate::error::Error;
use crate::plan;
use crate::rule::{Rule, Selection as Looked};
use crate::target::Kind;
use crate::value::text::sanitize;

pub(super) fn show(id: &str, selection: &Selection) -> Result<String, Error> {
    let all = Selection { profile: Vec::new(), rule: vec![id.to_owned()], ..selection.clone() };
    let config = setup::config(&all)?;
    let rules = setup::rules(&crate::config::Config { profiles: Vec::new(), ..config }, &all, true)?.rules;
    Ok(rules.iter().map(story).collect::<Vec<_>>().join("\n"))
}

fn story(rule: &Rule) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}\n  {}\n", rule.id, sanitize(&rule.title));
    let _ = writeln!(text, "severity  {}\nphase     {}", rule.severity.as_str(), rule.phase.as_str());
    if !rule.tags.is_empty() {
        let _ = writeln!(text, "tags      {}", sanitize(&rule.tags.join(", ")));
    }
    let _ = writeln!(text, "\nWhy\n  {}\n\nFix\n  {}", sanitize(&rule.why), sanitize(&rule.fix));
    let _ = writeln!(text, "\nReads");
    for looked in rule.selections() {
        let _ = writeln!(text, "  {}\n    privilege: {}", sanitize(&reads(looked)), looked.resource.privilege);
    }
    if !rule.inputs.is_empty() {
        let _ = writeln!(text, "\nInputs");
    }
    for input in &rule.inputs {
        let default = match &input.default {
            Some(value) => value.items().join(","),
            None => "must be set".to_owned(),
        };
        let _ = writeln!(text, "  {} ({}): {}", sanitize(&input.name), sanitize(&default), sanitize(&input.about));
    }
    let _ = writeln!(text, "\nReferences");
    for (name, items) in &rule.refs {
        let _ = writeln!(text, "  {}: {}", sanitize(name), sanitize(&items.join(", ")));
    }
    let _ = writeln!(text, "\nFile      {}\nTests     {} cases", sanitize(&rule.source.path), rule.cases.len());
    text
}

/// What a selection looks at, as the rule states it.
fn reads(looked: &Looked) -> String {
    let kinds: Vec<_> = plan::kinds(looked).into_iter().map(Kind::as_str).collect();
    let kind = kinds.join(" and the ");
    let with: Vec<_> = looked.with.iter().map(|(name, value)| format!("{name}={}", plan::show(value))).collect();
    format!("{} on the {kind} {}", looked.resource.name, with.join(" ")).trim_end().to_owned()
}

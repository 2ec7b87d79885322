//! `harden rules`: the rules as they are loaded.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::{output, setup};
use crate::cli::{Format, Rules, Selection};
use crate::error::Error;
use crate::plan;
use crate::rule::{Rule, Selection as Looked};
use crate::target::Kind;
use crate::value::text::{json_document, sanitize};

pub fn run(args: &Rules, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = match args {
        Rules::List { selection, format } => list(selection, *format)?,
        Rules::New { id, resource, output } => super::rules_new::run(id, resource, output.as_deref())?,
        Rules::Show { id, selection } => show(id, selection)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

fn list(selection: &Selection, format: Format) -> Result<String, Error> {
    let rules = setup::rules(&setup::config(selection)?, selection, false)?.rules;
    match format {
        Format::Json => {
            let entry = |rule: &Rule| json!({ "id": rule.id, "title": rule.title, "severity": rule.severity, "phase": rule.phase, "tags": rule.tags });
            let entries: Vec<_> = rules.iter().map(entry).collect();
            Ok(json_document(&entries))
        }
        Format::Table => {
            let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
            let mut text = String::new();
            for rule in &rules {
                let (id, severity) = (&rule.id, rule.severity.as_str());
                let _ = writeln!(text, "{id:width$}  {severity:8}  {}", sanitize(&rule.title));
            }
            let _ = writeln!(text, "{} rules", rules.len());
            Ok(text)
        }
    }
}

fn show(id: &str, selection: &Selection) -> Result<String, Error> {
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

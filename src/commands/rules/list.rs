//! `harden rules list`: the rules that are selected, one in a line.

use std::fmt::Write as _;

use serde_json::json;

use crate::cli::{Format, Selection};
use crate::commands::setup;
use crate::error::Error;
use crate::rule::Rule;
use crate::value::text::{json_document, sanitize};

pub(super) fn list(selection: &Selection, format: Format) -> Result<String, Error> {
    let rules = setup::rules(&setup::config(selection)?, selection, false)?.rules;
    match format {
        Format::Json => {
            let entry = |rule: &Rule| {
                let own =
                    rule.overrides.as_ref().map(|one| json!({ "reason": one.reason, "file": &*rule.source.path }));
                let mut entry = json!({ "id": rule.id, "title": rule.title, "severity": rule.severity, "phase": rule.phase, "tags": rule.tags });
                if let (Some(entry), Some(manual)) = (entry.as_object_mut(), rule.manual()) {
                    entry.insert("attested_by".to_owned(), json!(manual.who));
                    entry.insert("valid_for".to_owned(), json!(manual.term.show()));
                }
                if let (Some(entry), Some(own)) = (entry.as_object_mut(), own) {
                    entry.insert("replaces_built_in".to_owned(), own);
                }
                entry
            };
            let entries: Vec<_> = rules.iter().map(entry).collect();
            Ok(json_document(&entries))
        }
        Format::Table => {
            let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
            let mut text = String::new();
            for rule in &rules {
                let (id, severity) = (&rule.id, rule.severity.as_str());
                let who = rule.manual().map(|manual| format!(" (attested by {})", manual.who)).unwrap_or_default();
                let note = if rule.overrides.is_some() {
                    format!(" (instead of the built-in one: {})", rule.source.path)
                } else {
                    String::new()
                };
                let _ = writeln!(
                    text,
                    "{id:width$}  {severity:8}  {}{}{}",
                    sanitize(&rule.title),
                    sanitize(&who),
                    sanitize(&note)
                );
            }
            let _ = writeln!(text, "{} rules", rules.len());
            Ok(text)
        }
    }
}

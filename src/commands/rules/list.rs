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

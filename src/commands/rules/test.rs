//! `harden rules test`: the cases of rules, tried.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::trials;
use crate::cli::{Format, TryOut};
use crate::commands::output;
use crate::error::{Error, FAILED};
use crate::rule::Rule;
use crate::rule::trial::{Result as Judged, Tried, try_cases};
use crate::value::text::{json_document, sanitize};

pub(super) fn test(args: &TryOut, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let rules = trials::selected(args)?;
    let tried: Vec<(&Rule, Vec<Tried>)> = rules.iter().map(|rule| (rule, try_cases(rule))).collect();
    let cases = tried.iter().map(|(_, cases)| cases.len()).sum::<usize>();
    let wrong = tried.iter().flat_map(|(_, cases)| cases).filter(|case| case.result != Judged::AsExpected).count();
    let text = match args.format {
        Format::Json => {
            let entry = |(rule, cases): &(&Rule, Vec<Tried>)| {
                json!({
                    "rule": rule.id, "file": &*rule.source.path, "cases": cases.iter().map(case_json).collect::<Vec<_>>(),
                })
            };
            json_document(&json!({
                "schema": "harden.test/v1",
                "rules": tried.iter().map(entry).collect::<Vec<_>>(),
                "cases": cases,
                "not_as_expected": wrong,
            }))
        }
        Format::Table => {
            let mut text = String::new();
            for (rule, cases) in &tried {
                for case in cases.iter().filter(|case| args.verbose || case.result != Judged::AsExpected) {
                    describe(&mut text, rule, case);
                }
                if cases.is_empty() {
                    let _ = writeln!(text, "{}: no cases", sanitize(&rule.source.path));
                }
            }
            let plural = |n: usize| if n == 1 { "" } else { "s" };
            let (of, s) = (rules.len(), plural(rules.len()));
            let _ = writeln!(text, "{cases} case{} of {of} rule{s}: {wrong} not as expected", plural(cases));
            text
        }
    };
    output::deliver(&text, None, out)?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn describe(text: &mut String, rule: &Rule, tried: &Tried) {
    let place = format!("{}:{}", sanitize(&rule.source.path), tried.line);
    let (expected, said) = (tried.expected, tried.said);
    let _ = writeln!(text, "{place}: {}: the case expects {expected}, the rule says {said}", tried.result.as_str());
    for finding in &tried.findings {
        let _ = writeln!(text, "    {}", sanitize(finding));
    }
}

fn case_json(tried: &Tried) -> serde_json::Value {
    json!({
        "line": tried.line,
        "expected": tried.expected,
        "said": tried.said,
        "result": tried.result.as_str(),
        "findings": tried.findings,
    })
}

//! Judging alone: rule×subject pairs a second on one core, and whether ten times as many take ten times as long.

use std::time::Instant;

use harden::diagnostic::Source;
use harden::evaluate::evaluate;
use harden::facts::{Basis, Facts, Listing, Subject};
use harden::resource;
use harden::rule::Rule;
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::rule::trial;
use harden::value::Value;

use super::Figure;

const RULES: usize = 10;

/// Rules that all judge the same files, with evidence on four fields.
fn rules() -> Vec<Rule> {
    let rule = |i: usize| {
        let id = format!("bench-{i}");
        let text = format!(
            "id: {id}\ntitle: x\nseverity: high\nphase: pre\nwhy: x\nfix: x\nrefs: {{ cwe: '732' }}\ncheck:\n  resource: file\n  \
             with: {{ path: /bench }}\n  absent: fail\n  where: {{ kind: file }}\n  expect:\n    owner: root\n    group: {{ in: [root, \
             shadow, g{i}] }}\n    mode: {{ at_most: \"0644\" }}\n    acl_extended: false\n"
        );
        let source = Source::new("bench", text);
        let options = Options { inputs: &Inputs::new(), cases: false };
        compile(&source, &id, options).unwrap()
    };
    (0..RULES).map(rule).collect()
}

fn facts(rule: &Rule, subjects: usize) -> Facts {
    let file = resource::find("file").unwrap();
    let kind = harden::value::types::word(&harden::value::vocabulary::FILE_KIND, "file");
    let subject = |i: usize| {
        let path = format!("/bench/{i}");
        let mut subject = Subject::new(file, path.as_str(), path.as_str(), Basis::Live);
        subject.fields.set("path", path);
        subject.fields.set("kind", kind.clone());
        subject.fields.set("owner", "root");
        subject.fields.set("group", "root");
        // One in a hundred fails.
        subject.fields.set("mode", Value::Mode(if i.is_multiple_of(100) { 0o666 } else { 0o644 }));
        subject.fields.set("acl_extended", false);
        subject
    };
    trial::facts(rule, |_| Listing::complete((0..subjects).map(subject).collect()))
}

/// Seconds for every rule on every subject, and the findings that it gave.
fn judge(rules: &[Rule], subjects: usize) -> f64 {
    let facts = facts(&rules[0], subjects);
    let mut evidence = 0;
    let start = Instant::now();
    evaluate(rules, &facts, 0, &mut |finding| evidence += finding.evidence.len());
    let took = start.elapsed().as_secs_f64();
    assert!(evidence >= rules.len() * subjects);
    took
}

pub(crate) fn figures() -> Vec<Figure> {
    let rules = rules();
    let million = judge(&rules, 1_000_000 / RULES);
    let ten_millions = judge(&rules, 10_000_000 / RULES);
    vec![
        Figure { name: "1,000,000 rule×subject pairs", unit: "s", measured: million, reference: 1.0, against: "1 s" },
        Figure {
            name: "10,000,000 rule×subject pairs",
            unit: "s",
            measured: ten_millions,
            reference: million * 10.0,
            against: "10 times 1,000,000 pairs",
        },
    ]
}

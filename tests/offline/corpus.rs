//! The shipped rules as a corpus: every one compiles, says what its own cases expect, and belongs to a profile.

use std::sync::LazyLock;

use harden::rule::Rule;
use harden::rule::case::Outcome;
use harden::rule::compile::Options;
use harden::rule::input::Inputs;
use harden::rule::library::Library;
use harden::rule::trial;

fn library() -> Library {
    Library::load(&[]).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false, 120)))
}

/// Every shipped rule with its cases. They are judged with the examples of inputs that somebody must set.
pub(crate) fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let inputs = Inputs::new();
        let compiled = library().compile(Options { inputs: &inputs, cases: true });
        let mut rules = compiled.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false, 120))).rules;
        rules.iter_mut().for_each(|rule| rule.unset.clear());
        rules
    });
    &RULES
}

#[test]
fn every_rule_says_what_its_cases_expect() {
    let mut wrong = Vec::new();
    for rule in rules() {
        for case in &rule.cases {
            let facts = trial::case_facts(rule, case);
            let said = trial::outcome(rule, &facts);
            if said != case.expected {
                let line = rule.source.text.get(..case.span.start).map_or(0, |before| before.lines().count() + 1);
                let explained = trial::explain(rule, &facts);
                wrong.push(format!(
                    "{}:{line}: expected {}, said {}\n{explained}",
                    rule.source.path,
                    case.expected.as_str(),
                    said.as_str()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_of_each_outcome() {
    let mut missing = Vec::new();
    for rule in rules() {
        for outcome in [Outcome::Pass, Outcome::Fail, Outcome::Unknown, Outcome::NotApplicable] {
            if !rule.cases.iter().any(|case| case.expected == outcome) {
                missing.push(format!("{} has no {} case", rule.id, outcome.as_str()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_rule_is_in_a_profile() {
    let orphans = library().orphans();
    assert!(orphans.is_empty(), "{}", orphans.render(false, 120));
}

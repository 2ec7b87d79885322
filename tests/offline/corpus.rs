//! The shipped rules as a corpus: every one compiles, says what its own cases expect, and belongs to a profile.

use std::sync::LazyLock;

use harden::diagnostic::Diagnostics;
use harden::rule::Rule;
use harden::rule::case::Outcome;
use harden::rule::compile::Options;
use harden::rule::input::Inputs;
use harden::rule::library::Library;
use harden::rule::lint::lint;
use harden::rule::trial;
use harden::yaml;

fn library() -> Library {
    Library::load(&[]).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false, 120)))
}

/// Every shipped rule with its cases. They are judged with the examples of inputs that somebody must set.
pub(crate) fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let inputs = Inputs::new();
        let compiled = library().compile(Options { inputs: &inputs, cases: true });
        let mut rules = compiled.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false, 120))).rules;
        rules.iter_mut().for_each(trial::take_examples);
        rules
    });
    &RULES
}

#[test]
fn every_rule_says_what_its_cases_expect() {
    let mut wrong = Vec::new();
    for rule in rules() {
        for tried in trial::try_cases(rule).iter().filter(|tried| tried.result != trial::Result::AsExpected) {
            let (expected, said) = (tried.expected, tried.said);
            let findings = tried.findings.join("\n");
            wrong.push(format!("{}:{}: expected {expected}, said {said}\n{findings}", rule.source.path, tried.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_has_anything_that_a_lint_finds() {
    let mut diagnostics = Diagnostics::default();
    for rule in rules() {
        let root = yaml::parse(&rule.source.text).expect("it was parsed before");
        diagnostics.add(&rule.source, lint(rule, &root));
    }
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(false, 120));
}

#[test]
fn every_rule_has_a_case_of_each_outcome() {
    let mut missing = Vec::new();
    for rule in rules().iter().filter(|rule| rule.check().is_some()) {
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

//! Every shipped rule is proven: it can fail, and its cases would notice if it could not.

use harden::rule::proof::prove;

use super::corpus::rules;

#[test]
fn every_shipped_rule_is_proven() {
    let mut flaws = Vec::new();
    let (mut facts, mut mutants) = (0, 0);
    for rule in rules() {
        let proof = prove(rule);
        facts += proof.facts;
        mutants += proof.mutants;
        flaws.extend(proof.flaws.iter().map(|flaw| format!("{}: {} -- {}", rule.id, flaw.message(), flaw.help())));
    }
    std::fs::write("/tmp/flaws.txt", flaws.join("\n")).unwrap();
    assert!(flaws.is_empty(), "{} flaws, {facts} facts, {mutants} mutants", flaws.len());
}

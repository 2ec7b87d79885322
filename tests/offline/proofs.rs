//! Every shipped rule is proven: it can fail, and its cases would notice if it could not.

use harden::rule::proof::prove_all;

use super::corpus::rules;

#[test]
fn every_shipped_rule_is_proven() {
    let proofs = prove_all(rules());
    let flaws = rules().iter().zip(&proofs).flat_map(|(rule, proof)| {
        proof.flaws.iter().map(|flaw| format!("{}: {}\n    {}", rule.id, flaw.message(), flaw.help()))
    });
    let flaws: Vec<_> = flaws.collect();
    assert!(flaws.is_empty(), "{} flaws\n{}", flaws.len(), flaws.join("\n"));
    let mut looked = rules().iter().zip(&proofs).filter(|(rule, _)| rule.check().is_some());
    assert!(looked.all(|(_, proof)| proof.mutants > 15 && proof.facts > 10), "each was varied");
}

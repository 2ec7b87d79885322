//! `harden rules prove`: whether rules have teeth, and whether their cases would notice if they had none.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::trials;
use crate::cli::{Format, TryOut};
use crate::commands::output;
use crate::error::{Error, FAILED};
use crate::rule::Rule;
use crate::rule::proof::{Flaw, Proof, prove_all};
use crate::rule::trial::line_of;
use crate::value::text::{json_document, sanitize};

pub(super) fn prove(args: &TryOut, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let rules = trials::selected(args)?;
    let proofs = prove_all(&rules);
    let flaws = proofs.iter().map(|proof| proof.flaws.len()).sum::<usize>();
    let proven: Vec<(&Rule, &Proof)> = rules.iter().zip(&proofs).collect();
    let text = match args.format {
        Format::Json => {
            let entry = |(rule, proof): &(&Rule, &Proof)| {
                json!({
                    "rule": rule.id, "file": &*rule.source.path, "facts": proof.facts, "mutants": proof.mutants,
                    "flaws": proof.flaws.iter().map(|flaw| flaw_json(rule, flaw)).collect::<Vec<_>>(),
                })
            };
            json_document(&json!({
                "schema": "harden.proof/v1", "rules": proven.iter().map(entry).collect::<Vec<_>>(), "flaws": flaws,
            }))
        }
        Format::Table => table(&proven, flaws, args.verbose),
    };
    output::deliver(&text, None, out)?;
    Ok(if flaws == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn table(proven: &[(&Rule, &Proof)], flaws: usize, verbose: bool) -> String {
    let mut text = String::new();
    for (rule, proof) in proven {
        for flaw in &proof.flaws {
            let place = flaw.at().map_or(String::new(), |at| format!(":{}", line_of(rule, at.start)));
            let _ = writeln!(text, "{}{place}: {}", sanitize(&rule.source.path), sanitize(&flaw.message()));
            for (at, line) in flaw.help().lines().enumerate() {
                let _ = writeln!(text, "    {}{}", if at == 0 { "help: " } else { "" }, sanitize(line));
            }
        }
        if verbose && proof.flaws.is_empty() {
            let (facts, mutants) = (proof.facts, proof.mutants);
            let _ = writeln!(text, "{}: proven by {facts} facts and {mutants} mistakes", rule.id);
        }
    }
    let sum = |of: fn(&Proof) -> usize| proven.iter().map(|(_, proof)| of(proof)).sum::<usize>();
    let (facts, mutants) = (sum(|proof| proof.facts), sum(|proof| proof.mutants));
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let (of, s) = (proven.len(), plural(proven.len()));
    let _ = writeln!(
        text,
        "{of} rule{s}, {facts} variations of what they saw, {mutants} mistakes made in them: {flaws} flaw{}",
        plural(flaws)
    );
    text
}

fn flaw_json(rule: &Rule, flaw: &Flaw) -> serde_json::Value {
    let case = match flaw {
        Flaw::Unnoticed { case, .. } | Flaw::Unshown { case, .. } => Some(case),
        _ => None,
    };
    json!({
        "flaw": flaw.kind(), "message": flaw.message(), "help": flaw.help(),
        "line": flaw.at().map(|at| line_of(rule, at.start)), "case": case,
    })
}

//! `harden check`: look, judge, report.

use std::io::{IsTerminal as _, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use super::{output, setup, targets};
use crate::cli::{Check, Format, Judging};
use crate::config::Config;
use crate::error::{Error, exit_code};
use crate::facts::Facts;
use crate::render::{Color, Style, table, width};
use crate::report::{Gate, Report};
use crate::rule::Severity;
use crate::rule::library::RuleSet;
use crate::value::time;

/// Bytes of a facts document.
const MAX_FACTS: u64 = 1 << 30;

/// A run, judged.
pub(super) struct Judged {
    pub(super) config: Config,
    pub(super) rules: RuleSet,
    pub(super) gate: Gate,
    pub(super) report: Report,
}

pub fn run(args: &Check, color: Color, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    let report = judge(&args.judging, err)?.report;
    let style = Style {
        color: color.decide(args.output.is_none() && std::io::stdout().is_terminal()),
        width: width(),
        verbose: args.verbose,
        quiet: args.quiet,
    };
    let text = match args.format {
        Format::Json => report.to_json(),
        Format::Table => table::render(&report, style),
    };
    output::deliver(&text, args.output.as_deref(), out)?;
    if args.output.is_some() {
        let brief = Style { quiet: true, color: color.decide(std::io::stderr().is_terminal()), ..style };
        err.write_all(table::render(&report, brief).as_bytes()).map_err(Error::io("write the verdict"))?;
    }
    Ok(ExitCode::from(exit_code(report.verdict)))
}

/// Looks, unless facts are given, and judges.
pub(super) fn judge(args: &Judging, err: &mut dyn Write) -> Result<Judged, Error> {
    let config = setup::config(&args.selection)?;
    let rules = setup::rules(&config, &args.selection, false)?;
    setup::warn(&rules, err)?;
    let now = match &args.at {
        Some(text) => setup::instant("at", text)?,
        None => time::now(),
    };
    let attestations = setup::attestations(&config, args.attestations.as_deref(), &rules)?;
    let facts = match &args.facts {
        Some(path) => read_facts(path)?,
        None => targets::collect(&rules.rules, &args.targets, &config, now, err)?,
    };
    let gate = Gate {
        fail_on: args.fail_on.or(config.fail_on).unwrap_or(Severity::Low),
        allow_unknown: args.allow_unknown || config.allow_unknown.unwrap_or(false),
    };
    let report = Report::assemble(&rules.rules, &facts, &attestations, now, gate);
    Ok(Judged { config, rules, gate, report })
}

/// Facts from a file, or from standard input where that is `-`.
pub(super) fn read_facts(path: &Path) -> Result<Facts, Error> {
    let mut text = String::new();
    let doing = || format!("read {}", path.display());
    if path == Path::new("-") {
        std::io::stdin().take(MAX_FACTS).read_to_string(&mut text).map_err(Error::io("read standard input"))?;
    } else {
        let file = std::fs::File::open(path).map_err(Error::io(doing()))?;
        file.take(MAX_FACTS).read_to_string(&mut text).map_err(Error::io(doing()))?;
    }
    Facts::from_json(&text).map_err(|error| {
        Error::usage(format!("{} holds no facts: {error}", path.display())).help("`harden collect` writes them")
    })
}

//! `harden collect`: look, and write down what was seen.

use std::io::Write;
use std::process::ExitCode;

use super::record::Recording;
use super::{output, setup, targets};
use crate::cli::Collect;
use crate::error::Error;
use crate::value::time;

pub fn run(args: &Collect, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    if args.scrub {
        let output = args.output.as_deref();
        let recording = Recording { targets: &args.targets, selection: &args.selection, facts: None, output };
        return recording.facts(out, err);
    }
    let config = setup::config(&args.selection)?;
    let rules = setup::rules(&config, &args.selection, false)?;
    setup::warn(&rules, err)?;
    let facts = targets::collect(&rules.rules, &args.targets, &config, time::now(), err)?;
    output::deliver(&facts.to_json(), args.output.as_deref(), out)?;
    Ok(ExitCode::SUCCESS)
}

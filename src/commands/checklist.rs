//! `harden checklist`: the same run as `check`, as a list to release by.

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use super::{check, output, setup};
use crate::checklist::{Checklist, Heading};
use crate::cli;
use crate::cli::ChecklistFormat;
use crate::error::{Error, exit_code};
use crate::render::{Color, checklist, width};

pub fn run(args: &cli::Checklist, color: Color, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    let check::Judged { config, rules, gate, report } = check::judge(&args.judging, err)?;
    let profiles = setup::profile_names(&config, &args.judging.selection);
    let given = rules.rules.iter().flat_map(|rule| &rule.inputs);
    let given = given.filter_map(|input| Some((input.name.clone(), input.given.as_ref()?)));
    let inputs = given.map(|(name, given)| (name, format!("{} ({})", given.value.show(), given.place()))).collect();
    let heading = Heading { profiles, inputs, phase: args.phase, gate };
    let list = Checklist::new(&report, &rules.owners, heading);
    let color = color.decide(args.output.is_none() && std::io::stdout().is_terminal());
    let text = match args.format {
        ChecklistFormat::Table => checklist::table(&list, width(), color),
        ChecklistFormat::Markdown => checklist::markdown(&list),
        ChecklistFormat::Html => checklist::html(&list),
        ChecklistFormat::Json => list.to_json(),
    };
    output::deliver(&text, args.output.as_deref(), out)?;
    if args.output.is_some() {
        let verdict = format!("{}\n", checklist::verdict(&list));
        err.write_all(verdict.as_bytes()).map_err(Error::io("write the verdict"))?;
    }
    Ok(ExitCode::from(exit_code(list.verdict)))
}

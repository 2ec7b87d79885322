//! `harden rules`: the rules as they are loaded.

mod list;
mod show;

use std::io::Write;
use std::process::ExitCode;

use super::output;
use crate::cli::Rules;
use crate::error::Error;

pub fn run(args: &Rules, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = match args {
        Rules::List { selection, format } => list::list(selection, *format)?,
        Rules::Show { id, selection } => show::show(id, selection)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

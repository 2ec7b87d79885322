//! `harden rules`: the rules as they are loaded.

mod list;
mod reads;
mod show;

use std::io::Write;
use std::process::ExitCode;

use super::output;
use crate::cli::Rules;
use crate::error::Error;
use crate::render::Color;

pub fn run(args: &Rules, color: Color, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = match args {
        Rules::List { selection, format } => list::list(selection, *format)?,
        Rules::Show(args) => show::show(args, color)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

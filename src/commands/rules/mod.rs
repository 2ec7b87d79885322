//! `harden rules`: the rules as they are loaded.

mod check;
mod list;
mod new;
mod prove;
mod reads;
mod show;
mod test;
mod trials;

use std::io::Write;
use std::process::ExitCode;

use super::output;
use crate::cli::Rules;
use crate::error::Error;
use crate::render::Color;

pub fn run(args: &Rules, color: Color, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = match args {
        Rules::Check(paths) => check::check(paths)?,
        Rules::Test(args) => return test::test(args, out),
        Rules::Prove(args) => return prove::prove(args, out),
        Rules::New { id, resource, manual: _, output } => new::run(id, resource.as_deref(), output.as_deref())?,
        Rules::List { selection, format } => list::list(selection, *format)?,
        Rules::Show(args) => show::show(args, color)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

//! `harden schema`: the JSON Schema of a document.

use std::io::Write;
use std::process::ExitCode;

use super::output;
use crate::cli::Schema;
use crate::error::Error;
use crate::schema;
use crate::value::text::json_document;

pub fn run(args: &Schema, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = json_document(&schema::of(args.document));
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

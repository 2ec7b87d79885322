//! harden: a security-hardening audit that says what it saw, and says so when it could not see.
//!
//! The modules in the order in which a run passes through them:
//!
//! 1. [`cli`], [`config`] and [`commands`]: what was asked for.
//! 2. [`yaml`], [`diagnostic`] and [`rule`]: rule files to checked rules, every mistake shown with its place.
//! 3. [`value`], [`truth`] and [`matcher`]: what fields hold, and the predicates on them.
//! 4. [`resource`]: the kinds of things that rules look at, each with its field table and its loader.
//! 5. [`plan`], [`observe`] and [`target`]: which queries the rules ask, and the doors through which they are answered.
//!    [`dsn`], [`hba`], [`http`], [`x509`], [`openssh`], [`git`], [`format`](mod@format) and [`glob`] read what comes through them.
//! 6. [`facts`]: the document between looking and judging.
//! 7. [`evaluate`] and [`finding`]: the only place that decides a status. Pure.
//! 8. [`report`](mod@report) and [`render`]: findings, verdict, and how they are shown. [`error`] has the exit codes,
//!    [`schema`] the JSON Schemas of the documents, [`reference`](mod@reference) what is told of rules and resources, at the
//!    terminal and in `docs/reference`.

pub mod attestation;
pub mod checklist;
pub mod cli;
pub mod commands;
pub mod config;
pub mod diagnostic;
pub mod dsn;
pub mod error;
pub mod evaluate;
pub mod facts;
pub mod finding;
pub mod format;
pub mod git;
pub mod glob;
pub mod hba;
pub mod http;
pub mod manifest;
pub mod matcher;
pub mod observe;
pub mod ofelia;
pub mod openssh;
pub mod packets;
pub mod plan;
pub mod record;
pub mod reference;
pub mod remedy;
pub mod render;
pub mod report;
pub mod resource;
pub mod rule;
pub mod schema;
pub mod scrub;
pub mod target;
pub mod tls;
pub mod truth;
pub mod value;
pub mod x509;
pub mod yaml;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use error::Error;

/// Runs harden with these arguments. Results go to `out`, words about the run to `err`.
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, out, err),
    };
    let result = match &cli.command {
        Command::Check(args) => commands::check::run(args, cli.color, out, err),
        Command::Checklist(args) => commands::checklist::run(args, cli.color, out, err),
        Command::Collect(args) => commands::collect::run(args, out, err),
        Command::Attest(args) => commands::attest::run(args, out, err),
        Command::Record(args) => commands::record::run(args, out, err),
        Command::Rules(args) => commands::rules::run(args, cli.color, out),
        Command::Resources(args) => commands::resources::run(args, cli.color, out),
        Command::Profiles(args) => commands::profiles::run(args, out, err),
        Command::Dsn(args) => commands::dsn::run(args, out),
        Command::PgAccess(args) => commands::pg_access::run(args, out, err),
        Command::Schema(args) => commands::schema::run(args, out),
    };
    result.unwrap_or_else(|error| report(&error, &cli, err))
}

/// What clap says: help and version are answers, everything else is an error of usage.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let text = error.render().to_string();
    let stream: &mut dyn Write = if error.use_stderr() { err } else { out };
    let written = stream.write_all(text.as_bytes());
    match (error.use_stderr(), written) {
        (false, Ok(())) => ExitCode::SUCCESS,
        (false, Err(cause)) => Error::io("write the help")(cause).exit_code(),
        (true, _) => ExitCode::from(error::NOT_RUN),
    }
}

fn report(error: &Error, cli: &Cli, err: &mut dyn Write) -> ExitCode {
    let color = cli.color.decide(std::io::stderr().is_terminal());
    // Nobody is left to tell when standard error is closed too.
    let _ = err.write_all(error.render(color, render::width()).as_bytes());
    error.exit_code()
}

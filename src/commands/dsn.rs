//! `harden dsn`: what a connection string says and means.

use std::io::Write;
use std::process::ExitCode;

use super::output;
use crate::cli::{Client as Named, Dsn, Format};
use crate::dsn::{CaSource, Client, Explained, Fact, Verified, explain};
use crate::error::Error;
use crate::target::process::Process;
use crate::value::text::{json_document, sanitize};

pub fn run(args: &Dsn, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let string = read(&args.string)?;
    let client = match args.client {
        Named::Libpq => Client::Libpq,
        Named::LibPq => Client::LibPq,
        Named::Pgx => Client::Pgx,
        Named::Bun => Client::Bun,
        Named::Jdbc => Client::Jdbc,
    };
    let explained = explain(&string, client, &Process)
        .map_err(|error| Error::usage(format!("{} refuses this string: {error}", client.as_str())))?;
    let text = match args.format {
        Format::Json => json_document(&explained),
        Format::Table => table(&explained),
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

/// The string itself, or what the variable or the file that it names holds.
pub fn read(text: &str) -> Result<String, Error> {
    if let Some(name) = text.strip_prefix("env:") {
        return std::env::var(name).map_err(|_| Error::usage(format!("the variable {name} is not set")));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let text = std::fs::read_to_string(path).map_err(Error::io(format!("read {path}")))?;
        return Ok(text.trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(text.to_owned())
}

fn table(explained: &Explained) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<10} {}\n", sanitize(value)));
    line("string", &explained.dsn);
    line("client", explained.client.as_str());
    for host in &explained.hosts {
        let name = host.host.as_deref().or(host.hostaddr.as_deref()).unwrap_or("(default)");
        let port = host.port.map(|port| format!(" port {port}")).unwrap_or_default();
        line("server", &format!("{name}{port}"));
    }
    let effective = &explained.effective;
    line("sslmode", &words(&effective.sslmode, |mode| mode.as_str().to_owned()));
    line(
        "verified",
        &words(&effective.verified, |verified| match verified {
            Verified::Nothing => "nothing: anybody can pose as the server".to_owned(),
            Verified::Chain => "the chain; not the name, so any certificate of that CA will do".to_owned(),
            Verified::ChainAndHost => "the chain and the name".to_owned(),
            Verified::NotApplicable => "not applicable: no network is crossed".to_owned(),
        }),
    );
    line(
        "CA",
        &words(&effective.ca_source, |source| match source {
            CaSource::None => "none".to_owned(),
            CaSource::System => "the system's".to_owned(),
            CaSource::File(path) => path.clone(),
            other => format!("{other:?}").to_lowercase(),
        }),
    );
    for note in &effective.notes {
        line("note", note);
    }
    for error in &effective.errors {
        line("refused", &error.message);
        if let Some(hint) = &error.hint {
            line("", hint);
        }
    }
    text
}

fn words<T>(fact: &Fact<T>, known: impl Fn(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => known(value),
        Fact::Unknown { unknown } => format!("unknown: {unknown}"),
    }
}

//! `harden pg-access`: who can connect, by a file or by a running server.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use super::output;
use crate::cli::{Format, PgAccess};
use crate::dsn::{Client, Conninfo, resolve};
use crate::error::Error;
use crate::hba::{Catalog, Context, Database, Decision, Files, Hba, Question, Transport, decide, parse};
use crate::resource::hba_rules::Rules;
use crate::target::postgres::Postgres;
use crate::target::process::Process;
use crate::value::secret::Salt;
use crate::value::text::{json_document, sanitize};

/// Bytes of a pg_hba.conf or of a file that it includes.
const MAX_BYTES: u64 = 16 << 20;

/// The answer, as JSON has it.
#[derive(Debug, Serialize)]
struct Answer {
    decision: &'static str,
    method: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub fn run(args: &PgAccess, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    let question = question(args);
    let answer = match (&args.hba, &args.postgres) {
        (Some(path), _) => by_file(path, args.server_version, &question)?,
        (None, Some(dsn)) => {
            super::targets::note_password(dsn, err);
            by_server(dsn, &question)?
        }
        (None, None) => return Err(Error::usage("either --hba or --postgres is needed")),
    };
    let text = match args.format {
        Format::Json => json_document(&answer),
        Format::Table => sentence(&answer),
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

fn question(args: &PgAccess) -> Question {
    let transport = match (args.tls, args.gss, args.local) {
        (true, _, _) => Transport::Tls,
        (_, true, _) => Transport::Gss,
        (_, _, true) => Transport::Local,
        _ => Transport::Plain,
    };
    let database = match &args.database {
        Some(name) => Database::Named(name.as_str().into()),
        None => Database::Replication,
    };
    Question { transport, database, role: args.role.as_str().into(), address: args.address }
}

/// Files of this machine, wherever they are.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("no regular file"));
        }
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list_dir(&self, path: &str) -> std::io::Result<Vec<String>> {
        let names = std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }
}

fn by_file(path: &Path, version: u32, question: &Question) -> Result<Answer, Error> {
    std::fs::File::open(path).map_err(Error::io(format!("read {}", path.display())))?;
    let hba = parse(&path.display().to_string(), &Disk, version);
    if let Some(error) = hba.errors.first() {
        // A server would refuse to start with this file, so that nobody connects by it.
        return Ok(Answer {
            decision: "unknown",
            method: None,
            file: Some(error.file.to_string()),
            line: Some(error.line),
            reason: Some(format!("the server refuses the file: {}", error.message)),
        });
    }
    let catalog = Catalog::unknown();
    Ok(answer(&hba, &decide(&hba, &Context::declared(&catalog), question)))
}

fn by_server(dsn: &str, question: &Question) -> Result<Answer, Error> {
    let text = super::dsn::read(dsn)?;
    let conninfo = Conninfo::parse(&text).map_err(|error| Error::usage(format!("`--postgres`: {error}")))?;
    let resolved = resolve(&conninfo, &Process, Client::Libpq);
    let salt = Arc::new(Salt::random().ok_or_else(|| Error::usage("the system has no randomness"))?);
    let server = Postgres::new("postgres", resolved, &Process, salt);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::io("start"))?;
    let answer = runtime.block_on(async {
        let answer = match Rules::read(&server).await {
            Ok(rules) if rules.stale.is_some() => unknown(rules.stale.map(|reason| reason.to_string())),
            Ok(rules) => answer(&rules.hba, &decide(&rules.hba, &rules.context(), question)),
            Err(reason) => unknown(Some(reason.to_string())),
        };
        server.close().await;
        answer
    });
    Ok(answer)
}

fn unknown(reason: Option<String>) -> Answer {
    Answer { decision: "unknown", method: None, file: None, line: None, reason }
}

fn answer(hba: &Hba, decision: &Decision) -> Answer {
    let (word, entry, reason) = match decision {
        Decision::Allow { entry, .. } => ("allow", Some(*entry), None),
        Decision::Reject { entry } => ("reject", Some(*entry), None),
        Decision::NoMatch => ("no-match", None, None),
        Decision::Unknown { reason, entry } => ("unknown", *entry, Some(reason.clone())),
    };
    let entry = entry.and_then(|index| hba.entries.get(index));
    Answer {
        decision: word,
        method: entry.map(|entry| entry.method.as_str().to_owned()),
        file: entry.map(|entry| entry.file.to_string()),
        line: entry.map(|entry| entry.line),
        reason,
    }
}

fn sentence(answer: &Answer) -> String {
    let place = match (&answer.file, answer.line) {
        (Some(file), Some(line)) => format!(" ({}:{line})", sanitize(file)),
        _ => String::new(),
    };
    let method = answer.method.as_deref().unwrap_or_default();
    match answer.decision {
        "allow" => format!("allow by {method}{place}\n"),
        "reject" => format!("reject{place}\n"),
        "no-match" => "no-match: no line is about it, which refuses it\n".to_owned(),
        _ => format!("unknown: {}{place}\n", sanitize(answer.reason.as_deref().unwrap_or_default())),
    }
}

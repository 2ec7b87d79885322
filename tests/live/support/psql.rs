//! `psql`, in two ways: once with a connection string, as a user would, and as one session that stays open.
//!
//! The open session belongs to the superuser and is begun before a test's own `pg_hba.conf` is in force, so that file can
//! be exactly what the test says, without a line for the harness, even if it lets nobody in.

use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::session::component;
use super::tools;

/// Printed after each question, so that the end of its answer is known.
const END: &str = "--end of answer--";

/// `psql` without a start-up file, aligned output, headers, or anything from this process's environment or home.
pub(crate) fn psql(dir: &Path, dsn: &str) -> Command {
    let mut command = component(tools::find("psql"), dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("HOME", dir).env("PGCONNECT_TIMEOUT", "10").args(["-X", "-q", "-A", "-t", "-w", "-d", dsn]);
    command
}

/// One connection that stays open.
pub(crate) struct Session {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<PipeReader>,
}

impl Session {
    /// # Panics
    /// If `psql` cannot be started or does not answer.
    pub(crate) fn open(dir: &Path, dsn: &str) -> Session {
        let (reader, writer) = std::io::pipe().expect("make a pipe");
        let errors = writer.try_clone().expect("duplicate a pipe");
        let mut child = psql(dir, dsn).stdin(Stdio::piped()).stdout(writer).stderr(errors).spawn().expect("start psql");
        let questions = child.stdin.take().expect("piped");
        let mut session = Session { child, questions, answers: BufReader::new(reader) };
        session.ask("SET client_min_messages = error").expect("the superuser's session answers");
        session
    }

    /// The rows, one a line, columns divided by `|`.
    ///
    /// # Errors
    /// What the server said, or that the session has ended.
    pub(crate) fn ask(&mut self, sql: &str) -> Result<String, String> {
        writeln!(self.questions, "{sql}\n;\n\\echo {END}").map_err(|error| format!("write to psql: {error}"))?;
        let mut answer = Vec::new();
        loop {
            let mut line = String::new();
            match self.answers.read_line(&mut line) {
                Ok(0) => return Err(format!("psql ended: {}", answer.join("\n"))),
                Ok(_) if line.trim_end() == END => break,
                Ok(_) => answer.push(line.trim_end_matches('\n').to_owned()),
                Err(error) => return Err(format!("read from psql: {error}")),
            }
        }
        let failed = answer.iter().any(|line| line.starts_with("ERROR:") || line.starts_with("FATAL:"));
        if failed { Err(answer.join("\n")) } else { Ok(answer.join("\n")) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

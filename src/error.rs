//! Everything that keeps harden itself from running, and the exit codes. No other module chooses an exit code.

use std::fmt;
use std::process::ExitCode;

use crate::diagnostic::Diagnostics;
use crate::report::Verdict;

/// Nothing at or above the gate failed or was unknown.
pub const PASSED: u8 = 0;
/// Something at or above the gate failed.
pub const FAILED: u8 = 1;
/// harden itself could not run: arguments, configuration, a rule that does not compile, an interrupt.
pub const NOT_RUN: u8 = 2;
/// Nothing failed, but something at or above the gate could not be seen.
pub const INCONCLUSIVE: u8 = 3;

/// The exit code that a verdict stands for.
pub fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed => PASSED,
        Verdict::Failed => FAILED,
        Verdict::Inconclusive => INCONCLUSIVE,
    }
}

/// Why harden could not run.
#[derive(Debug)]
pub enum Error {
    /// Arguments that do not go together or name what is not there; with what to do about it.
    Usage { message: String, help: Option<String> },
    /// Files that do not mean what they should.
    Files(Diagnostics),
    /// A file could not be read or written.
    Io { doing: String, cause: std::io::Error },
    /// A signal asked harden to stop.
    Interrupted,
    /// The reader of the output went away, which is no error of ours.
    ClosedPipe,
}

impl Error {
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage { message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(self, text: impl Into<String>) -> Self {
        match self {
            Error::Usage { message, .. } => Error::Usage { message, help: Some(text.into()) },
            other => other,
        }
    }

    /// An error of `doing` something with a file; a closed pipe is told apart.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |cause| match cause.kind() {
            std::io::ErrorKind::BrokenPipe => Error::ClosedPipe,
            _ => Error::Io { doing, cause },
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::ClosedPipe => ExitCode::SUCCESS,
            Error::Usage { .. } | Error::Files(_) | Error::Io { .. } | Error::Interrupted => ExitCode::from(NOT_RUN),
        }
    }

    /// The error as a person reads it, with its help; empty for what needs no words.
    pub fn render(&self, color: bool, width: usize) -> String {
        match self {
            Error::Files(diagnostics) => diagnostics.render(color, width),
            Error::ClosedPipe => String::new(),
            Error::Usage { help: Some(help), .. } => {
                let help: Vec<_> = help.lines().map(crate::value::text::sanitize).collect();
                format!("error: {self}\n  help: {}\n", help.join("\n        "))
            }
            Error::Usage { .. } | Error::Io { .. } | Error::Interrupted => format!("error: {self}\n"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::value::text::sanitize;
        match self {
            Error::Usage { message, .. } => f.write_str(&sanitize(message)),
            Error::Files(_) => f.write_str("files with mistakes"),
            Error::Io { doing, cause } => write!(f, "failed to {}: {cause}", sanitize(doing)),
            Error::Interrupted => f.write_str("interrupted; nothing was written"),
            Error::ClosedPipe => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for Error {}

//! The program under test, run as an operator runs it, with nothing of this process's environment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::host::command_as;
use super::session::session;
use super::tools;

/// Longer than any run may take; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// One invocation in the making.
pub(crate) struct Harden {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    user: Option<u32>,
    folder: Option<PathBuf>,
    limit: Duration,
}

/// How an invocation ended.
pub(crate) struct Run {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// Whether it had to be killed.
    pub(crate) hung: bool,
}

/// `harden <arguments>`.
pub(crate) fn harden<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Harden {
    let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    Harden { arguments, variables: Vec::new(), user: None, folder: None, limit: LIMIT }
}

impl Harden {
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Harden {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// As the user and group with this number. Needs root.
    pub(crate) fn user(mut self, user: u32) -> Harden {
        self.user = Some(user);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Harden {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// After this time the run is killed, and [`Run::hung`].
    pub(crate) fn limit(mut self, limit: Duration) -> Harden {
        self.limit = limit;
        self
    }

    /// The command, for a test that wants to run it otherwise: with a signal in between, or a closed pipe.
    pub(crate) fn command(&self) -> Command {
        let program = program();
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => command_as(user, program),
        };
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(&self.arguments).current_dir(self.folder.as_deref().unwrap_or(Path::new("/")));
        command
    }

    pub(crate) fn run(&self) -> Run {
        let started = Instant::now();
        let (output, hung) = tools::run_within(&mut self.command(), self.limit);
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("harden writes UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("harden writes UTF-8"),
            took: started.elapsed(),
            hung,
        }
    }
}

impl Run {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Ends the test, with everything that was printed, unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, took, hung) = (self.code, self.took, self.hung);
        write!(to, "exit code {code:?} after {took:?}, hung: {hung}\n{}\n{}", self.stdout, self.stderr)
    }
}

/// A copy that every user can reach: the build's folder may lie below a home that is closed to others.
fn program() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let copy = session().instance("bin").join("harden");
        fs::copy(env!("CARGO_BIN_EXE_harden"), &copy).expect("copy the program under test");
        copy
    })
}

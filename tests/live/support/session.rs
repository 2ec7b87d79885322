//! One run of the test binary: its temporary folder, and the promise that nothing outlives it.
//!
//! The first test that needs a component starts a *guard*: this same binary again, in a process group of its own, which
//! only waits for the end of its standard input. The writing end of that pipe is held by the test binary alone, so the
//! kernel closes it when the tests end, panic, are interrupted or are killed; then the guard sweeps (see [`super::sweep`]).
//! At an ordinary end the test binary closes the pipe itself and waits for the guard, so that nothing is left when it returns.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use super::sweep::sweep;
use super::tools;

/// Tells this binary that it is the guard, and of which folder.
const GUARD: &str = "HARDEN_LIVE_GUARD";
/// Set for every process of a component, so that the sweep finds those that show no path of ours otherwise.
const MARK: &str = "HARDEN_LIVE_INSTANCE";

static SESSION: OnceLock<Session> = OnceLock::new();

pub(crate) struct Session {
    dir: PathBuf,
    guard: Mutex<Option<Child>>,
    instances: AtomicU32,
}

/// The run's session, begun when first asked for.
pub(crate) fn session() -> &'static Session {
    SESSION.get_or_init(Session::begin)
}

/// Stops everything that the run started and removes its folder.
///
/// # Errors
/// What could not be stopped or removed.
pub(crate) fn end() -> Result<(), String> {
    let Some(session) = SESSION.get() else { return Ok(()) };
    let Some(mut guard) = session.guard.lock().expect("no panic while holding the guard").take() else {
        return Ok(());
    };
    drop(guard.stdin.take());
    let status = guard.wait().map_err(|error| format!("wait for the guard: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the guard of {} ended with {status}", session.dir.display())) }
}

/// Runs as the guard and gives its exit code, if this process was started as one.
pub(crate) fn guard_main() -> Option<ExitCode> {
    let dir = PathBuf::from(std::env::var_os(GUARD)?);
    let mut rest = Vec::new();
    // Nobody writes: this returns when the last holder of the other end is gone.
    let _ = std::io::stdin().read_to_end(&mut rest);
    Some(match sweep(&dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(left) => {
            eprintln!("left behind by the live tests: {left}");
            ExitCode::FAILURE
        }
    })
}

impl Session {
    fn begin() -> Session {
        let dir = make_folder();
        let guard = Command::new("/proc/self/exe")
            .env(GUARD, &dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Out of the reach of Ctrl-C, which goes to the whole foreground group.
            .process_group(0)
            .spawn()
            .expect("start the guard");
        Session { dir, guard: Mutex::new(Some(guard)), instances: AtomicU32::new(0) }
    }

    /// The run's folder: `/tmp/hl-<pid>-<time>`, readable by everybody (other users' processes must reach what is in it)
    /// and short, because a socket's path holds at most 107 bytes.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new folder for one instance, `<session>/<kind><number>`.
    pub(crate) fn instance(&self, kind: &str) -> PathBuf {
        let number = self.instances.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.join(format!("{kind}{number}"));
        tools::make_dir(&dir, 0o755);
        dir
    }
}

/// A command that belongs to the instance in `dir`: marked for the sweep, deaf to Ctrl-C, with nothing on its standard input.
pub(crate) fn component(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(MARK, format!("{}/", dir.display())).stdin(Stdio::null()).process_group(0);
    command
}

fn make_folder() -> PathBuf {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let dir = std::env::temp_dir().join(format!("hl-{}-{nanos:x}", std::process::id()));
    fs::create_dir(&dir).unwrap_or_else(|error| panic!("create {}: {error}", dir.display()));
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("open the session's folder");
    dir
}

//! Small things that every component needs: finding commands, running them, waiting, ports and folders.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where servers' commands are even when PATH leaves them out.
const MORE_PATHS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The path of the command `name`.
pub(crate) fn find(name: &str) -> PathBuf {
    try_find(name).unwrap_or_else(|| panic!("`{name}` is missing; run scripts/install-components as root"))
}

fn try_find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PATHS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The first Python that has psycopg2, libpq's own parser of connection strings.
pub(crate) fn python_with_psycopg2() -> PathBuf {
    let system = Path::new("/usr/bin/python3").to_path_buf();
    try_find("python3")
        .into_iter()
        .chain([system])
        .find(|python| {
            Command::new(python)
                .args(["-c", "import psycopg2.extensions"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .expect("no python3 has psycopg2; run scripts/install-components as root")
}

/// Runs `command` to its end and gives its standard output; a failure ends the test with the command's own words.
pub(crate) fn run(command: &mut Command) -> String {
    try_run(command).unwrap_or_else(|error| panic!("{error}"))
}

/// Like [`run`], for commands that may fail.
///
/// # Errors
/// The command, its exit status and what it wrote to standard error.
pub(crate) fn try_run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {}", output.status, words.trim_end()))
}

/// Runs `command`, killed after `limit`; the second value says whether it was.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> (Output, bool) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("run {command:?}: {error}"));
    let stdout = drain(child.stdout.take().expect("piped"));
    let stderr = drain(child.stderr.take().expect("piped"));
    let started = Instant::now();
    let (status, killed) = loop {
        if let Some(status) = child.try_wait().expect("wait for a child") {
            break (status, false);
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            break (child.wait().expect("wait for a killed child"), true);
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: thread::JoinHandle<Vec<u8>>| reader.join().expect("a reader does not panic");
    (Output { status, stdout: text(stdout), stderr: text(stderr) }, killed)
}

/// Read beside the waiting, because a child that fills its pipe never ends.
fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.read_to_end(&mut text);
        text
    })
}

/// Asks every few milliseconds until `ready` says yes; `words` are asked for when it never does.
pub(crate) fn wait_until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool, words: impl FnOnce() -> String) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < limit, "{what} is not ready after {limit:?}:\n{}", words());
        thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Creates a folder with exactly `mode`, whatever the umask.
pub(crate) fn make_dir(dir: &Path, mode: u32) {
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("create {}: {error}", dir.display()));
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).expect("chmod a folder just created");
}

/// Writes a file with exactly `mode`, whatever the umask.
pub(crate) fn write_file(file: &Path, content: impl AsRef<[u8]>, mode: u32) {
    fs::write(file, content).unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("chmod a file just written");
}

/// The last lines of a log, for the message of a server that does not come up.
pub(crate) fn tail(file: &Path) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user and group number of the first of `names` that this machine knows.
pub(crate) fn user(names: &[&str]) -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let number = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    names.iter().find_map(|name| number(name)).unwrap_or_else(|| panic!("none of the users {names:?} exists"))
}

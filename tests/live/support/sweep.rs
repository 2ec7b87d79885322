//! Ends an instance for good: its processes, its control groups, its folder.
//!
//! A process belongs to the instance if the instance's path stands in its command line, its environment, its working
//! directory or its control group. The path holds a number that no other run has, so nothing else can match. One sign
//! alone would not do: PostgreSQL overwrites its environment, a container's process carries only its control group, and
//! containerd's shims leave the process tree. Mounts and network namespaces need no care: they belong to private
//! namespaces (see [`super::docker`]) that end with their last process.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Long, for machines that are busy with something else: an end that is late is better than one that is not.
const LIMIT: Duration = Duration::from_secs(60);
/// How long containers' parents are spared.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Kills what runs in `dir`, then removes its control groups and `dir` itself.
///
/// # Errors
/// What is still there after a minute.
pub(crate) fn sweep(dir: &Path) -> Result<(), String> {
    let mark = mark(dir);
    kill_all(&mark)?;
    until_gone(|| remove_control_groups(&mark))?;
    until_gone(|| match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", dir.display())),
        _ => Ok(()),
    })
}

/// Containers' parents go last. They wait for their dead at once; process 1, which would inherit these, may take seconds,
/// and the first process of a container does not end before all others in it have been waited for.
fn kill_all(mark: &str) -> Result<(), String> {
    let started = Instant::now();
    until_gone(|| {
        thaw(&Path::new("/sys/fs/cgroup/freezer").join(mark));
        let running = processes(mark);
        let (parents, others): (Vec<Pid>, Vec<Pid>) = running.iter().partition(|&&process| is_shim(process));
        let first = if others.is_empty() { &parents } else { &others };
        for &process in if started.elapsed() < PATIENCE { first } else { &running } {
            // It may have ended by itself meanwhile.
            let _ = kill_process(process, Signal::KILL);
        }
        if running.is_empty() { Ok(()) } else { Err(format!("processes {running:?}")) }
    })
}

/// With version 1 of control groups, a paused container's processes do not even end by SIGKILL.
fn thaw(group: &Path) {
    let _ = fs::write(group.join("freezer.state"), "THAWED");
    for entry in fs::read_dir(group).into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() {
            thaw(&entry.path());
        }
    }
}

/// What all of the instance's signs contain: its path below the temporary folder, closed so that `docker1` is not in `docker12`.
pub(crate) fn mark(dir: &Path) -> String {
    format!("{}/", dir.strip_prefix(std::env::temp_dir()).unwrap_or(dir).display())
}

/// The processes that carry `mark`, this one apart. The dead whom nobody has waited for yet are gone for our purpose:
/// orphans' are waited for by process 1, which may take seconds.
pub(crate) fn processes(mark: &str) -> Vec<Pid> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|&number| number != own && carries(number, mark) && !is_dead(number))
        .filter_map(|number| Pid::from_raw(i32::try_from(number).ok()?))
        .collect()
}

fn carries(process: u32, mark: &str) -> bool {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let in_file = |name: &str| fs::read(folder.join(name)).is_ok_and(|text| contains(&text, mark));
    let in_cwd = || {
        fs::read_link(folder.join("cwd")).is_ok_and(|cwd| contains(&[cwd.as_os_str().as_bytes(), b"/"].concat(), mark))
    };
    in_file("cmdline") || in_file("environ") || in_file("cgroup") || in_cwd()
}

/// containerd's process above a container; the kernel keeps fifteen letters of a name.
fn is_shim(process: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", process.as_raw_nonzero()))
        .is_ok_and(|name| name.starts_with("containerd-shim"))
}

/// proc(5): the state follows the command's name, which may hold parentheses itself.
fn is_dead(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
}

fn contains(text: &[u8], mark: &str) -> bool {
    text.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// Version 2 has one tree; version 1 has one a controller, each a folder below the same mount point.
fn remove_control_groups(mark: &str) -> Result<(), String> {
    let top = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(top).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    for tree in controllers.chain([top.to_path_buf()]) {
        let group = tree.join(mark);
        if group.is_dir() {
            remove_control_group(&group).map_err(|error| format!("{}: {error}", group.display()))?;
        }
    }
    Ok(())
}

/// A group's files cannot be removed, and its folder only when it has no groups below.
fn remove_control_group(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_control_group(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

fn until_gone(mut attempt: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(_) if started.elapsed() < LIMIT => sleep(PAUSE),
            done => return done,
        }
    }
}

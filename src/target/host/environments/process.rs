//! The environment that a process was started with, from `/proc/PID/environ` (proc(5)). What the process set later is
//! not in it.

use std::path::Path;

use secrecy::SecretString;

use super::{Environments, LIMIT, last_of_each};
use crate::facts::Basis;
use crate::glob::Glob;
use crate::target::host::{Host, Trouble};
use crate::target::{Environment, Variable};
use crate::value::Reason;

/// Bytes of a command's name that the kernel keeps.
const COMM: usize = 15;

pub(super) fn read(host: &Host, command: &str) -> Result<Environments, Reason> {
    // A directory that stands for a root is audited as files at rest: nothing runs in it.
    if !host.is_live() {
        return Ok(Environments { seen: Vec::new(), more: None });
    }
    let glob = Glob::new(command);
    let pids = host.pids()?;
    let mut more = pids.more;
    let mut seen = Vec::new();
    for pid in pids.seen {
        match name(host, pid, &glob) {
            Ok(Some(name)) => seen.extend(environment(host, pid, &name)),
            Ok(None) | Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => drop(more.get_or_insert(reason)),
        }
    }
    Ok(Environments { seen, more })
}

/// The command's name when it matches. A name that fills what the kernel keeps may be longer: then the program's own
/// first argument is matched too.
fn name(host: &Host, pid: u32, glob: &Glob) -> Result<Option<String>, Trouble> {
    let comm = host.read(Path::new(&format!("/proc/{pid}/comm")), LIMIT)?;
    let comm = String::from_utf8_lossy(&comm).trim_end_matches('\n').to_owned();
    if glob.matches(&comm) {
        return Ok(Some(comm));
    }
    if comm.len() < COMM {
        return Ok(None);
    }
    let arguments = host.read(Path::new(&format!("/proc/{pid}/cmdline")), LIMIT)?;
    let first = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let base = first.rsplit('/').next().unwrap_or_default();
    Ok((base.starts_with(&comm) && glob.matches(base)).then(|| base.to_owned()))
}

/// None for a process that has ended, and for the kernel's own threads, which have no environment.
fn environment(host: &Host, pid: u32, name: &str) -> Option<Environment> {
    let path = format!("/proc/{pid}/environ");
    let variables = match host.read(Path::new(&path), LIMIT) {
        Ok(bytes) if bytes.is_empty() && has_no_arguments(host, pid) => return None,
        Ok(bytes) => parse(&bytes, &path),
        Err(Trouble::Absent) => return None,
        Err(Trouble::Unseen(reason)) => {
            let denied = reason.grant.is_some();
            let reason = Reason { grant: None, ..reason };
            Err(if denied { reason.with_grant("run as root or as the process's user") } else { reason })
        }
    };
    let owner = format!("process {name} (pid {pid})");
    Some(Environment { owner, origin: path, basis: Basis::Live, variables, unseen: Vec::new() })
}

fn has_no_arguments(host: &Host, pid: u32) -> bool {
    host.read(Path::new(&format!("/proc/{pid}/cmdline")), LIMIT).is_ok_and(|bytes| bytes.is_empty())
}

/// Programs that show a title (`postgres: writer`) write it over this memory; then it says nothing any more.
fn parse(bytes: &[u8], path: &str) -> Result<Vec<Variable>, Reason> {
    let entries: Vec<&[u8]> = bytes.strip_suffix(b"\0").unwrap_or(bytes).split(|byte| *byte == 0).collect();
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let overwritten = || Reason::new("the process has written over its start-up environment");
    let mut variables = Vec::new();
    for entry in entries {
        let at = entry.iter().position(|byte| *byte == b'=').ok_or_else(overwritten)?;
        let (name, value) = (entry.get(..at).unwrap_or_default(), entry.get(at + 1..).unwrap_or_default());
        let value = std::str::from_utf8(value).map(SecretString::from).map_err(|_| Reason::new("it is not UTF-8 text"));
        variables.push(Variable {
            name: String::from_utf8_lossy(name).into_owned(),
            value,
            origin: Some(path.to_owned()),
        });
    }
    Ok(last_of_each(variables))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_overwritten_environment_says_nothing() {
        assert_eq!(parse(b"A=1\0B=\0", "p").unwrap().len(), 2);
        assert!(parse(b"", "p").unwrap().is_empty());
        for bytes in [&b"postgres: writer\0\0\0A=1\0"[..], b"\0\0\0", b"A=1\0\0\0"] {
            assert!(parse(bytes, "p").is_err());
        }
        assert!(parse(b"A=\xff\0", "p").unwrap()[0].value.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes, "p");
        }
    }
}

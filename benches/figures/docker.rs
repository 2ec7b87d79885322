//! Whole audits of a Docker daemon with a hundred containers, against the `docker` command reading the same.

use std::process::Stdio;

use super::support::containers::crowd;
use super::support::docker::{Dockerd, Options};
use super::{Figure, harden, median};

const CONTAINERS: usize = 100;
const RUNS: usize = 15;

pub(crate) fn figures() -> Vec<Figure> {
    let daemon = Dockerd::start(&Options::default());
    crowd(&daemon, CONTAINERS);
    let audit = median(RUNS, || {
        let arguments = ["check", "--docker", &daemon.host(), "--rule", "docker-*", "--format", "json"];
        assert!(harden().args(arguments).status().unwrap().code().is_some());
    });
    let inspect = median(RUNS, || {
        let ids = daemon.command().args(["ps", "-q"]).output().unwrap();
        let ids = String::from_utf8(ids.stdout).unwrap();
        let mut inspect = daemon.command();
        inspect.arg("inspect").args(ids.split_whitespace()).stdout(Stdio::null());
        assert!(inspect.status().unwrap().success());
    });
    vec![
        Figure {
            name: "audit of 100 containers",
            unit: "s",
            measured: audit,
            reference: inspect * 1.3,
            against: "1.3 times `docker inspect $(docker ps -q)`",
        },
        Figure {
            name: "resident memory of that audit",
            unit: "MiB",
            measured: peak_memory(&daemon.host()),
            reference: 40.0,
            against: "40 MiB",
        },
    ]
}

/// The largest resident size seen while the audit runs, in MiB.
fn peak_memory(host: &str) -> f64 {
    let mut child =
        harden().args(["check", "--docker", host, "--rule", "docker-*", "--format", "json"]).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        peak = peak.max(kib.unwrap_or(0.0) / 1024.0);
    }
    peak
}

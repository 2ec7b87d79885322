//! The speed figures, each as a ratio against its reference: at most 1 is what was promised. Written to
//! `target/figures.json` and shown as a table. The Docker figures start a private daemon with a hundred containers and
//! need root and the components of the live tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_types,
    reason = "a bench ends with a message where the program must not"
)]

mod docker;
mod evaluate;
mod hba;
#[path = "../../tests/live/support/mod.rs"]
mod support;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

/// One measured value and what it is compared with, in the same unit.
struct Figure {
    name: &'static str,
    unit: &'static str,
    measured: f64,
    reference: f64,
    against: &'static str,
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.measured / self.reference
    }
}

/// The median of several runs, in seconds.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

fn harden() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).env_remove("DOCKER_HOST");
    command
}

/// A whole process that loads and compiles every built-in rule.
fn start_up() -> Figure {
    let measured = median(31, || {
        assert!(harden().args(["rules", "list"]).status().unwrap().success());
    });
    Figure { name: "start-up with all rules", unit: "s", measured, reference: 0.010, against: "10 ms" }
}

fn main() -> ExitCode {
    if let Some(code) = support::session::guard_main() {
        return code;
    }
    let mut figures = vec![start_up()];
    figures.extend(evaluate::figures());
    figures.push(hba::figure());
    figures.extend(docker::figures());
    let cleaned = support::session::end();
    for figure in &figures {
        let Figure { name, unit, measured, against, .. } = figure;
        println!("{name:40} {measured:12.4} {unit:5} {:6.2} × {against}", figure.ratio());
    }
    let entry = |figure: &Figure| {
        json!({
            "name": figure.name, "unit": figure.unit, "measured": figure.measured,
            "reference": figure.reference, "against": figure.against, "ratio": figure.ratio(),
        })
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/figures.json");
    let document = json!({ "figures": figures.iter().map(entry).collect::<Vec<_>>() });
    std::fs::write(path, format!("{document:#}\n")).unwrap();
    println!("written to target/figures.json");
    match cleaned {
        Ok(()) => ExitCode::SUCCESS,
        Err(left) => {
            eprintln!("the bench could not clean up: {left}");
            ExitCode::FAILURE
        }
    }
}

//! The folders whose files run-parts(8) runs: `/etc/cron.daily` and its like.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::fs::FileType;

use super::job::{Command, Job, Jobs, Outcome};
use super::programs::Programs;
use super::tables::{Surroundings, each, is_left_behind};
use crate::format::cron::Cron;
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason};

/// Where they are; Alpine has its own.
const PARENTS: [&str; 2] = ["/etc/cron.", "/etc/periodic/"];
const PERIODS: [&str; 6] = ["15min", "hourly", "daily", "weekly", "monthly", "yearly"];

pub(super) fn read(host: &Host, jobs: &mut Jobs) {
    let surroundings = Surroundings::of(host);
    for period in PERIODS {
        for parent in PARENTS {
            let folder = format!("{parent}{period}");
            let runner = runner(jobs, &folder);
            let mut seen = BTreeSet::new();
            each(host, &format!("{folder}/*"), &mut seen, jobs, |host, path, jobs| {
                file(host, path, period, (&surroundings, &runner), jobs);
            });
        }
    }
}

/// Who runs the files of a folder: whoever has a job that names it.
struct Runner {
    user: Observed,
    enabled: Observed,
}

fn runner(jobs: &Jobs, folder: &str) -> Runner {
    let names = |job: &&Job| match &job.command {
        Command::Shell(text) => text.contains(folder),
        Command::Arguments(words) => words.iter().any(|word| word.contains(folder)),
        Command::File(_) | Command::None | Command::Unseen(_) => false,
    };
    let is = |job: &&Job, wanted: bool| job.outcome.enabled == Observed::from(wanted);
    let mut all: Vec<&Job> = jobs.found.iter().filter(names).collect();
    all.sort_by_key(|job| if is(job, true) { 0 } else { 1 + usize::from(is(job, false)) });
    match all.first() {
        Some(job) => Runner { user: job.user.clone(), enabled: job.outcome.enabled.clone() },
        None => {
            let reason = Reason::new(format!("no job that was seen runs the files of {folder}"));
            Runner { user: Observed::Unknown(reason.clone()), enabled: Observed::Unknown(reason) }
        }
    }
}

fn file(host: &Host, path: &Path, period: &str, (surroundings, runner): (&Surroundings, &Runner), jobs: &mut Jobs) {
    let shown = path.display().to_string();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let executable = match host.resolve(path) {
        Ok(found) if found.dangling => return,
        Ok(found) if FileType::from_raw_mode(found.stat.st_mode) != FileType::RegularFile => return,
        Ok(found) => found.stat.st_mode & 0o111 != 0,
        Err(Trouble::Absent) => return,
        Err(Trouble::Unseen(reason)) => return jobs.doubt(reason),
    };
    if name.starts_with('.') {
        // Packages keep empty folders with a file of that kind.
        return;
    }
    jobs.places += 1;
    let judged = surroundings.candidates().into_iter().map(|cron| outcome(cron, &name, executable, runner));
    let differ = surroundings.cron().err();
    let differ = differ.unwrap_or_else(|| Reason::new("the run-parts of distributions differ here"));
    jobs.found.push(Job {
        kind: "run-parts",
        subject: shown.clone(),
        origin: shown.clone(),
        path: Some(shown.clone()),
        line: None,
        name: Some(name.clone()),
        when: period.into(),
        outcome: Outcome::common(judged.collect(), &differ),
        user: runner.user.clone(),
        command: Command::File(shown.clone()),
        input: false,
        programs: Programs::one(&shown),
        environment: None,
        cron: Some(surroundings.cron()),
    });
}

fn outcome(cron: Cron, name: &str, executable: bool, runner: &Runner) -> Outcome {
    let mut problems = BTreeSet::new();
    if !cron.runs_name(name) {
        problems.insert(if is_left_behind(name) { "left-behind" } else { "bad-name" });
    }
    if !executable {
        problems.insert("not-executable");
    }
    let enabled = if problems.is_empty() { runner.enabled.clone() } else { false.into() };
    Outcome { understood: true.into(), enabled, problems, doubt: None }
}

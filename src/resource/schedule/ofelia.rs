//! Jobs of Ofelia: sections of its INI file, and labels on containers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::job::{Command, Job, Jobs, Outcome};
use super::programs::{CRON_PATH, Programs};
use super::tables::each;
use crate::format::cron::go;
use crate::format::lookup::{self, Format};
use crate::format::node::{Kind, Node};
use crate::format::reference::references;
use crate::resource::files::Included;
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason};

/// Where its file is unless it is told otherwise.
pub(super) const PATHS: [&str; 2] = ["/etc/ofelia/*.ini", "/etc/ofelia.conf"];
const LIMIT: u64 = 4 << 20;
/// The kinds of jobs.
const KINDS: [&str; 5] = ["job-exec", "job-run", "job-local", "job-service-run", "job-compose"];

/// The settings of a job: what was read, or why not.
pub(super) type Settings = BTreeMap<String, Result<String, Reason>>;

/// Where a job is written.
pub(super) struct Place {
    pub(super) subject: String,
    pub(super) origin: String,
    pub(super) path: Option<String>,
    pub(super) line: Option<usize>,
}

pub(super) fn files(host: &Host, pattern: &str, jobs: &mut Jobs) {
    each(host, pattern, &mut BTreeSet::new(), jobs, file);
}

fn file(host: &Host, path: &Path, jobs: &mut Jobs) {
    let shown = path.display().to_string();
    let bytes = match host.read(path, LIMIT) {
        Ok(bytes) => bytes,
        Err(Trouble::Absent) => return,
        Err(Trouble::Unseen(reason)) => return jobs.doubt(reason),
    };
    jobs.places += 1;
    let documents = match lookup::read(Format::Ini, &shown, &bytes, &Included(host)) {
        Ok(documents) => documents,
        Err(why) => return jobs.doubt(Reason::new(format!("{shown}: {why}"))),
    };
    for document in documents {
        if let Some(why) = document.hole {
            jobs.doubt(Reason::new(format!("{shown}: {why}")));
        }
        let Kind::Map(sections) = &document.root.kind else { continue };
        for (header, section) in sections {
            let Some((kind, name)) = split(header) else { continue };
            let place = Place {
                subject: format!("{shown} {kind} {name}"),
                origin: section.place.to_string(),
                path: Some(shown.clone()),
                line: Some(section.place.line),
            };
            jobs.found.push(job(kind, &name, place, &settings(section), Some(host)));
        }
    }
}

/// `job-run "name"`
fn split(header: &str) -> Option<(&'static str, String)> {
    let (kind, name) = header.trim().split_once(char::is_whitespace)?;
    let kind = KINDS.iter().find(|known| **known == kind)?;
    Some((kind, name.trim().trim_matches(['"', '\'']).to_owned()))
}

fn settings(section: &Node) -> Settings {
    let Kind::Map(entries) = &section.kind else { return Settings::new() };
    let mut settings = Settings::new();
    for (name, node) in entries {
        let value = match &node.kind {
            Kind::Text { text, .. } if references(text).is_empty() => Ok(text.trim_matches('"').to_owned()),
            Kind::Text { .. } => Err(Reason::new(format!("{} holds a reference, which is not resolved", node.place))),
            Kind::Unclear(why) => Err(Reason::new(format!("{}: {why}", node.place))),
            Kind::Null | Kind::Encrypted | Kind::List(_) | Kind::Map(_) => continue,
        };
        settings.insert(fold(name), value);
    }
    settings
}

/// Ofelia compares names without case, `-` and `_`.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_ascii_lowercase()
}

/// The job that the settings describe. `host` is given for jobs that run where Ofelia does, if that is there.
pub(super) fn job(kind: &'static str, name: &str, place: Place, settings: &Settings, host: Option<&Host>) -> Job {
    let get = |key: &str| settings.get(key).cloned().transpose();
    let seen = |value: Result<Option<String>, Reason>| value.map_or_else(Observed::Unknown, Observed::from_option);
    let schedule = get("schedule");
    let mut problems = BTreeSet::new();
    let understood = match &schedule {
        Ok(None) => {
            problems.insert("bad-schedule");
            false.into()
        }
        Ok(Some(text)) if go::understands(text, true) => true.into(),
        Ok(Some(_)) => Observed::unknown("which times are understood beside those of cron depends on the Ofelia"),
        Err(reason) => Observed::Unknown(reason.clone()),
    };
    let command = match get("command") {
        Ok(Some(text)) if !text.is_empty() => Command::Shell(text),
        Ok(_) if matches!(kind, "job-exec" | "job-local") => {
            problems.insert("no-command");
            Command::None
        }
        // An image brings its own.
        Ok(_) => Command::None,
        Err(reason) => Command::Unseen(reason),
    };
    let user = match get("user") {
        Ok(None) if kind == "job-local" => Observed::unknown("it runs as whoever runs Ofelia"),
        Ok(None) => Observed::unknown("Ofelia's default user, or the image, decides"),
        user => seen(user),
    };
    let programs = match (&command, host, kind) {
        (Command::Shell(text), Some(host), "job-local") => Programs::of(host, text, CRON_PATH),
        (Command::Unseen(reason), _, _) => Programs::unseen(reason.clone()),
        _ => Programs::default(),
    };
    let enabled = match (&understood, problems.is_empty()) {
        (_, false) => false.into(),
        (understood, true) => understood.clone(),
    };
    let doubt = match &understood {
        Observed::Unknown(reason) => Some(reason.clone()),
        Observed::Known(_) | Observed::Absent => None,
    };
    Job {
        kind: "ofelia",
        subject: place.subject,
        origin: place.origin,
        path: place.path,
        line: place.line,
        name: Some(name.to_owned()),
        when: seen(schedule),
        outcome: Outcome { understood, enabled, problems, doubt },
        user,
        command,
        input: false,
        programs,
        environment: None,
        cron: None,
    }
}

/// The jobs that the labels of a container describe: `ofelia.job-exec.NAME.schedule`.
pub(super) fn labelled(
    container: &str,
    origin: &str,
    labels: &BTreeMap<String, Result<String, Reason>>,
    jobs: &mut Jobs,
) {
    let mut found: BTreeMap<(&'static str, &str), Settings> = BTreeMap::new();
    for (label, value) in labels {
        let Some((kind, rest)) = label.strip_prefix("ofelia.").and_then(|rest| rest.split_once('.')) else { continue };
        let Some((name, key)) = rest.rsplit_once('.') else { continue };
        let Some(kind) = KINDS.iter().find(|known| **known == kind) else { continue };
        found.entry((kind, name)).or_default().insert(fold(key), value.clone());
    }
    // Without it Ofelia passes over the container.
    let is_on = labels.get("ofelia.enabled").cloned();
    for ((kind, name), settings) in found {
        let place =
            Place { subject: format!("{container} {kind} {name}"), origin: origin.to_owned(), path: None, line: None };
        let mut job = job(kind, name, place, &settings, None);
        match &is_on {
            Some(Ok(text)) if text == "true" => {}
            Some(Err(reason)) => job.outcome.enabled = Observed::Unknown(reason.clone()),
            Some(Ok(_)) | None => job.outcome.enabled = false.into(),
        }
        jobs.found.push(job);
    }
}

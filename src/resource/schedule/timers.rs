//! Timers of systemd (systemd.timer(5)) and what they start.

use std::collections::BTreeSet;
use std::path::Path;

use super::job::{Command, Job, Jobs, Outcome};
use super::programs::{Programs, SYSTEMD_PATH};
use crate::format::calendar::{self, NotUnderstood, Zone};
use crate::format::unit::{resolve_specifiers, words};
use crate::target::host::units::{self, Links, Sourced, Unit};
use crate::target::host::{Host, Trouble};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason};

/// What says when.
const TIMES: [&str; 8] = [
    "OnCalendar",
    "OnBootSec",
    "OnStartupSec",
    "OnActiveSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "OnClockChange",
    "OnTimezoneChange",
];
/// Where the descriptions of zones are; a minimal system has none, and systemd then knows only UTC.
const ZONES: &str = "/usr/share/zoneinfo";

pub(super) fn read(host: &Host, jobs: &mut Jobs) {
    let links = Links::read(host);
    links.more.clone().into_iter().for_each(|reason| jobs.doubt(reason));
    for name in links.matching("*.timer") {
        // A template runs nothing by itself.
        if name.contains("@.") {
            continue;
        }
        match units::read(host, name, Some(&links)) {
            Ok(None) => {}
            Ok(Some(unit)) => {
                jobs.places += 1;
                let found = Timer { host, links: &links, name, unit: &unit }.job();
                jobs.found.push(found);
            }
            Err(reason) => jobs.doubt(reason),
        }
    }
}

/// The values of a directive; an empty one takes back those before it.
fn values<'d>(directives: &'d [Sourced], section: &str, keys: &[&str]) -> Vec<(&'d str, &'d str)> {
    let mut values = Vec::new();
    for one in directives.iter().map(|one| &one.directive) {
        if one.section != section || !keys.contains(&one.key.as_str()) {
            continue;
        }
        if one.value.is_empty() {
            // Of a timer, any of its times takes back all of them.
            values.clear();
        } else {
            values.push((one.key.as_str(), one.value.as_str()));
        }
    }
    values
}

fn last<'d>(directives: &'d [Sourced], section: &str, key: &str) -> Option<&'d str> {
    values(directives, section, &[key]).last().map(|(_, value)| *value)
}

/// The times of a timer.
struct Times {
    when: Observed,
    understood: Observed,
    /// Whether one of them may be understood.
    some: bool,
}

struct Timer<'a> {
    host: &'a Host,
    links: &'a Links,
    name: &'a str,
    unit: &'a Unit,
}

impl Timer<'_> {
    fn job(&self) -> Job {
        let Times { when, understood, some } = match &self.unit.directives {
            Ok(directives) => self.times(directives),
            Err(reason) => Times {
                when: Observed::Unknown(reason.clone()),
                understood: Observed::Unknown(reason.clone()),
                some: true,
            },
        };
        let mut problems = BTreeSet::new();
        let wanted = self.wanted(&mut problems);
        let started = self.started(&mut problems);
        let doubt = match (&understood, &started) {
            (Observed::Unknown(reason), _) | (_, Err(reason)) => Some(reason.clone()),
            _ => None,
        };
        let enabled = if problems.is_empty() && some { wanted } else { false.into() };
        if understood == Observed::from(false) {
            problems.insert("bad-schedule");
        }
        let (user, command, programs) = match started {
            Ok(service) => {
                service.map_or_else(|| (Observed::Absent, Command::None, Programs::default()), |one| self.service(&one))
            }
            Err(reason) => {
                (Observed::Unknown(reason.clone()), Command::Unseen(reason.clone()), Programs::unseen(reason))
            }
        };
        let path = self.unit.path.display().to_string();
        Job {
            kind: "timer",
            subject: self.name.to_owned(),
            origin: path.clone(),
            path: Some(path),
            line: None,
            name: Some(self.name.to_owned()),
            when,
            outcome: Outcome { understood, enabled, problems, doubt },
            user,
            command,
            input: false,
            programs,
            environment: None,
            cron: None,
        }
    }

    fn wanted(&self, problems: &mut BTreeSet<&'static str>) -> Observed {
        if self.unit.masked {
            problems.insert("masked");
            return false.into();
        }
        match (self.links.wanted_by(self.name).is_empty(), &self.links.more) {
            (false, _) => true.into(),
            (true, Some(reason)) => Observed::Unknown(reason.clone()),
            (true, None) => {
                problems.insert("not-wanted");
                false.into()
            }
        }
    }

    /// Every time as it is written, and whether the manager understands all of them. It passes over those that it does
    /// not, and starts no timer that has none left.
    fn times(&self, directives: &[Sourced]) -> Times {
        if self.unit.masked {
            return Times { when: Observed::Absent, understood: true.into(), some: false };
        }
        let times = values(directives, "Timer", &TIMES);
        let when = times.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ");
        let answers: Vec<_> = times.iter().map(|(key, value)| self.understands(key, value)).collect();
        let unseen = answers.iter().find_map(|answer| answer.as_ref().err());
        let understood = match unseen {
            _ if answers.is_empty() || answers.contains(&Ok(false)) => false.into(),
            Some(reason) => Observed::Unknown(reason.clone()),
            None => true.into(),
        };
        let some = answers.iter().any(|answer| *answer != Ok(false));
        Times { when: if when.is_empty() { Observed::Absent } else { when.into() }, understood, some }
    }

    fn understands(&self, key: &str, value: &str) -> Result<bool, Reason> {
        let Some(value) = resolve_specifiers(value) else {
            return Err(Reason::new(format!("{key}= holds a specifier, which is not resolved")));
        };
        match key {
            "OnCalendar" => match calendar::event(&value) {
                Ok(Zone::Own) => Ok(true),
                Ok(Zone::Named(zone)) => self.knows_zone(&zone),
                Err(NotUnderstood) => Ok(false),
            },
            "OnClockChange" | "OnTimezoneChange" => Ok(Dialect::Systemd.read(&value).is_some()),
            _ => Ok(calendar::span(&value).is_ok()),
        }
    }

    fn knows_zone(&self, zone: &str) -> Result<bool, Reason> {
        let exists = |path: &Path| match self.host.resolve(path) {
            Ok(found) => Ok(!found.dangling),
            Err(Trouble::Absent) => Ok(false),
            Err(Trouble::Unseen(reason)) => Err(reason),
        };
        if !exists(Path::new(ZONES))? {
            return Err(Reason::new(format!("{ZONES} does not exist, so that no zone can be looked up")));
        }
        exists(&Path::new(ZONES).join(zone))
    }

    /// The service that it starts; `None` when it starts a unit of another kind, or nothing.
    fn started(&self, problems: &mut BTreeSet<&'static str>) -> Result<Option<(String, Unit)>, Reason> {
        if self.unit.masked {
            return Ok(None);
        }
        let directives = self.unit.directives.as_ref().map_err(Clone::clone)?;
        let own = self.name.strip_suffix(".timer").unwrap_or(self.name);
        let name = match last(directives, "Timer", "Unit") {
            Some(unit) => {
                resolve_specifiers(unit).ok_or_else(|| Reason::new("Unit= holds a specifier, which is not resolved"))?
            }
            None => format!("{own}.service"),
        };
        let unit = units::read(self.host, &name, Some(self.links))?.filter(|unit| !unit.masked);
        if unit.is_none() {
            problems.insert("nothing-to-start");
        }
        Ok(unit.filter(|_| name.ends_with(".service")).map(|unit| (name, unit)))
    }

    fn service(&self, (name, unit): &(String, Unit)) -> (Observed, Command, Programs) {
        let directives = match &unit.directives {
            Ok(directives) => directives,
            Err(reason) => {
                let unseen = || Observed::Unknown(reason.clone());
                return (unseen(), Command::Unseen(reason.clone()), Programs::unseen(reason.clone()));
            }
        };
        let dynamic =
            last(directives, "Service", "DynamicUser").is_some_and(|text| Dialect::Systemd.read(text) != Some(false));
        let user = match last(directives, "Service", "User").map(resolve_specifiers) {
            Some(Some(user)) => user.into(),
            Some(None) => Observed::unknown("User= holds a specifier, which is not resolved"),
            // A user made for the service, named after it.
            None if dynamic => name.trim_end_matches(".service").into(),
            None => "root".into(),
        };
        let commands = values(directives, "Service", &["ExecStartPre", "ExecStart", "ExecStartPost"]);
        let (mut all, mut programs) = (Vec::new(), Programs::default());
        for (_, command) in commands {
            let words = words(command.trim_start_matches(['-', '@', ':', '+', '!', '|']));
            if let Some(program) = words.first() {
                programs.add_argument(self.host, program, SYSTEMD_PATH);
            }
            programs.add_scripts(&words);
            if !all.is_empty() {
                all.push(";".to_owned());
            }
            all.extend(words);
        }
        let command = if all.is_empty() { Command::None } else { Command::Arguments(all) };
        (user, command, programs)
    }
}

//! Tables of cron and anacron: which cron reads them, what it makes of their files and of each line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::job::{Command, Job, Jobs, Outcome};
use super::programs::{CRON_PATH, Programs};
use crate::format::accounts::User;
use crate::format::cron::{self, Cron, Fault, Layout, Line, Table, Taken};
use crate::resource::accounts::{Accounts, users};
use crate::target::host::{Found, Host, Trouble};
use crate::value::{Observed, Reason};

/// Bytes of a table.
const LIMIT: u64 = 4 << 20;
/// Files that packages leave when they bring their cron.
const DEBIAN: [&str; 1] = ["/var/lib/dpkg/info/cron.list"];
const CRONIE: [&str; 3] = ["/var/lib/dpkg/info/cronie.list", "/etc/sysconfig/crond", "/etc/sysconfig/cron"];

/// What all tables of a host have in common.
pub(super) struct Surroundings {
    cron: Result<Cron, Reason>,
    accounts: Result<Accounts<User>, Reason>,
}

impl Surroundings {
    pub(super) fn of(host: &Host) -> Self {
        Surroundings {
            cron: installed(host),
            accounts: users(host).and_then(|users| users.ok_or_else(|| Reason::new("/etc/passwd does not exist"))),
        }
    }

    pub(super) fn cron(&self) -> Result<Cron, Reason> {
        self.cron.clone()
    }

    /// The crons that may read the files.
    pub(super) fn candidates(&self) -> Vec<Cron> {
        self.cron.clone().map_or_else(|_| Cron::ALL.to_vec(), |cron| vec![cron])
    }

    /// The number of a user; `Ok(None)` when there is no such account.
    fn uid(&self, name: &str) -> Result<Option<u32>, Reason> {
        let accounts = self.accounts.as_ref().map_err(Clone::clone)?;
        match (accounts.entries.iter().find(|user| user.name == name), &accounts.more) {
            (Some(user), _) => Ok(Some(user.uid)),
            (None, Some(reason)) => Err(reason.clone()),
            (None, None) => Ok(None),
        }
    }
}

/// Which cron is installed, as far as its package tells.
fn installed(host: &Host) -> Result<Cron, Reason> {
    for (cron, signs) in [(Cron::Debian, DEBIAN.as_slice()), (Cron::Cronie, CRONIE.as_slice())] {
        for sign in signs {
            match host.resolve(Path::new(sign)) {
                Ok(_) => return Ok(cron),
                Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => return Err(reason),
            }
        }
    }
    Err(Reason::new("which cron reads it cannot be told by its package, and Debian's and cronie differ here"))
}

/// All tables at their usual places.
pub(super) fn system(host: &Host, jobs: &mut Jobs) {
    let surroundings = Surroundings::of(host);
    let mut seen = BTreeSet::new();
    for (pattern, layout) in [
        ("/etc/crontab", Layout::System),
        ("/etc/cron.d/*", Layout::System),
        ("/etc/anacrontab", Layout::Anacron),
        ("/var/spool/cron/crontabs/*", Layout::User),
        ("/var/spool/cron/tabs/*", Layout::User),
        ("/var/spool/cron/*", Layout::User),
        ("/etc/crontabs/*", Layout::User),
    ] {
        each(host, pattern, &mut seen, jobs, |host, path, jobs| {
            Reading { host, surroundings: &surroundings, layout, usual: true }.file(path, jobs);
        });
    }
}

/// One file that a rule names, or those that a pattern matches.
pub(super) fn read(host: &Host, pattern: &str, layout: Layout, jobs: &mut Jobs) {
    let surroundings = Surroundings::of(host);
    each(host, pattern, &mut BTreeSet::new(), jobs, |host, path, jobs| {
        Reading { host, surroundings: &surroundings, layout, usual: false }.file(path, jobs);
    });
}

/// Hands out each file that the pattern matches, once by whatever names.
pub(super) fn each(
    host: &Host,
    pattern: &str,
    seen: &mut BTreeSet<PathBuf>,
    jobs: &mut Jobs,
    mut read: impl FnMut(&Host, &Path, &mut Jobs),
) {
    let found = match host.find(pattern) {
        Ok(found) => found,
        Err(reason) => return jobs.doubt(reason),
    };
    found.more.into_iter().for_each(|reason| jobs.doubt(reason));
    for path in found.paths {
        let real = host.resolve(&path).map(|found| found.path.clone());
        if real.map_or(true, |real| seen.insert(real)) {
            read(host, &path, jobs);
        }
    }
}

struct Reading<'a> {
    host: &'a Host,
    surroundings: &'a Surroundings,
    layout: Layout,
    /// It is where cron looks for it, so that its name, owner and mode count.
    usual: bool,
}

/// One table with its file.
struct File<'a> {
    path: String,
    name: String,
    found: &'a Found,
    /// Of a user's own table.
    owner: Result<Option<u32>, Reason>,
}

impl Reading<'_> {
    fn file(&self, path: &Path, jobs: &mut Jobs) {
        let found = match self.host.resolve(path) {
            Ok(found) if found.dangling => return,
            Ok(found) => found,
            Err(Trouble::Absent) => return,
            Err(Trouble::Unseen(reason)) => return jobs.doubt(reason),
        };
        if FileType::from_raw_mode(found.stat.st_mode) != FileType::RegularFile {
            return;
        }
        jobs.places += 1;
        let shown = path.display().to_string();
        let bytes = match self.host.read(path, LIMIT) {
            Ok(bytes) => bytes,
            Err(Trouble::Absent) => return,
            Err(Trouble::Unseen(reason)) => return jobs.doubt(reason),
        };
        if bytes.contains(&0) {
            return jobs.doubt(Reason::new(format!("{shown} holds a NUL byte, which no table of cron has")));
        }
        let text = String::from_utf8_lossy(&bytes);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let owner = self.surroundings.uid(&name);
        self.table(&text, &File { path: shown, name, found: &found, owner }, jobs);
    }

    fn table(&self, text: &str, file: &File<'_>, jobs: &mut Jobs) {
        let crons = self.surroundings.candidates();
        let tables: Vec<(Cron, Table)> =
            crons.iter().map(|cron| (*cron, cron::parse(text, self.layout, *cron))).collect();
        let Some((_, first)) = tables.first() else { return };
        let differ = self.surroundings.cron().err();
        let differ = differ.unwrap_or_else(|| Reason::new("cron's versions differ here"));
        for (index, line) in first.lines.iter().enumerate() {
            let judged = tables.iter().filter_map(|(cron, table)| {
                let line = table.lines.get(index)?;
                Some(Judge { reading: self, file, table, cron: *cron }.line(line))
            });
            let outcome = Outcome::common(judged.collect(), &differ);
            jobs.found.push(self.job(file, line, outcome));
        }
    }

    fn job(&self, file: &File<'_>, line: &Line, outcome: Outcome) -> Job {
        let place = format!("{}:{}", file.path, line.number);
        let hidden = line.faults.contains(&Fault::Schedule) && !is_presentable(&line.when);
        let unshown = || Reason::new(format!("{place} is no line of a table, and not shown"));
        let path = line.environment.get("PATH").map_or(CRON_PATH, String::as_str);
        let programs = match hidden {
            true => Programs::unseen(unshown()),
            false => Programs::of(self.host, &line.command, path),
        };
        let user = match self.layout {
            Layout::System => Observed::from_option(line.user.as_deref()),
            Layout::User if self.usual => file.name.as_str().into(),
            Layout::User => Observed::unknown("it is the table of whoever installs it"),
            Layout::Anacron => "root".into(),
        };
        Job {
            kind: match self.layout {
                Layout::System => "cron",
                Layout::User => "crontab",
                Layout::Anacron => "anacron",
            },
            subject: place.clone(),
            origin: place.clone(),
            path: Some(file.path.clone()),
            line: Some(line.number),
            name: None,
            when: if hidden { Observed::Unknown(unshown()) } else { line.when.as_str().into() },
            outcome,
            user: if hidden { Observed::Unknown(unshown()) } else { user },
            command: match (hidden, line.command.is_empty()) {
                (true, _) => Command::Unseen(unshown()),
                (false, true) => Command::None,
                (false, false) => Command::Shell(line.command.clone()),
            },
            input: line.input,
            programs,
            environment: Some((*line.environment).clone()),
            cron: (self.layout != Layout::Anacron).then(|| self.surroundings.cron()),
        }
    }
}

/// Whether text that was refused as times looks like times all the same. A line that is none may hold anything, secrets
/// too.
fn is_presentable(when: &str) -> bool {
    let is_time = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '*' | '?' | '~' | '@' | '-')) && word.len() <= 20
    };
    let words: Vec<&str> = when.split(' ').collect();
    if words.first().is_some_and(|word| word.starts_with('@')) {
        return words.first().is_some_and(|word| word.len() <= 12);
    }
    words.len() >= 3 && words.iter().take(3).all(|word| is_time(word)) && words.iter().all(|word| word.len() <= 20)
}

/// A table as one of the crons sees it.
struct Judge<'a> {
    reading: &'a Reading<'a>,
    file: &'a File<'a>,
    table: &'a Table,
    cron: Cron,
}

/// Whether something is so, or why that cannot be told.
type Answer = Result<bool, Reason>;

fn unsure() -> Reason {
    Reason::new("whether cron takes this depends on its version")
}

/// Three-valued "and": what is surely not so decides.
fn both(one: Answer, other: Answer) -> Answer {
    match (one, other) {
        (Ok(false), _) | (_, Ok(false)) => Ok(false),
        (Err(reason), _) | (_, Err(reason)) => Err(reason),
        (Ok(true), Ok(true)) => Ok(true),
    }
}

impl Judge<'_> {
    fn line(&self, line: &Line) -> Outcome {
        let mut problems: BTreeSet<&'static str> = line.faults.iter().map(|fault| word_of(*fault)).collect();
        let times = ["bad-schedule", "odd-schedule"].iter().any(|word| problems.contains(word));
        let mut doubt = None;
        let read = self.file_is_read(&mut problems, &mut doubt);
        let taken = self.is_taken(line);
        if let (Some(user), Layout::System) = (&line.user, self.reading.layout) {
            match self.reading.surroundings.uid(user) {
                Ok(None) => drop(problems.insert("unknown-user")),
                Ok(Some(_)) => {}
                Err(reason) => drop(doubt.get_or_insert(reason)),
            }
        }
        let ended = self.is_ended(line, &mut problems);
        let others = self.others_are_taken(line);
        match &others {
            Ok(true) => {}
            Ok(false) => drop(problems.insert("file-ignored")),
            Err(reason) => drop(doubt.get_or_insert(reason.clone())),
        }
        let enabled = both(both(read, taken), both(Ok(ended), others));
        let understood = match line.taken {
            Taken::Unsure => Observed::Unknown(unsure()),
            Taken::Yes | Taken::No => (!times).into(),
        };
        if line.taken == Taken::Unsure {
            doubt.get_or_insert_with(unsure);
        }
        Outcome { understood, enabled: enabled.map_or_else(Observed::Unknown, Observed::from), problems, doubt }
    }

    fn is_taken(&self, line: &Line) -> Answer {
        let by_form = match line.taken {
            Taken::Yes => Ok(true),
            Taken::No => Ok(false),
            Taken::Unsure => Err(unsure()),
        };
        let user = match (&line.user, self.reading.layout) {
            (Some(user), Layout::System) => self.reading.surroundings.uid(user).map(|uid| uid.is_some()),
            _ => Ok(true),
        };
        both(by_form, user)
    }

    /// A last line without an end: cronie passes over the line, Debian's cron over the file.
    fn is_ended(&self, line: &Line, problems: &mut BTreeSet<&'static str>) -> bool {
        let is_last = self.table.lines.last().is_some_and(|last| last.number == line.number);
        let unended = self.table.unended && self.reading.layout != Layout::Anacron;
        let ended = !unended || !(is_last || self.cron.drops_whole_tables());
        if !ended {
            problems.insert("no-newline");
        }
        ended
    }

    /// Whether no other line makes cron pass over the file.
    fn others_are_taken(&self, line: &Line) -> Answer {
        if !self.cron.drops_whole_tables() || self.reading.layout == Layout::Anacron {
            return Ok(true);
        }
        let mut all = Ok(true);
        for other in self.table.lines.iter().filter(|other| other.number != line.number) {
            all = both(all, self.is_taken(other));
        }
        all
    }

    /// Whether cron opens the file at all.
    fn file_is_read(&self, problems: &mut BTreeSet<&'static str>, doubt: &mut Option<Reason>) -> Answer {
        if !self.reading.usual || self.reading.layout == Layout::Anacron {
            return Ok(true);
        }
        let before = problems.len();
        let in_folder = self.file.path.starts_with("/etc/cron.d/");
        if in_folder && !self.cron.reads_name(&self.file.name) {
            problems.insert(if is_left_behind(&self.file.name) { "left-behind" } else { "bad-name" });
        }
        let stat = &self.file.found.stat;
        let owner = match self.reading.layout {
            Layout::User => {
                if !self.cron.takes_user_mode(stat.st_mode & 0o7777) {
                    problems.insert("bad-mode");
                }
                if stat.st_nlink != 1 {
                    problems.insert("hard-links");
                }
                self.user_owns(problems)
            }
            Layout::System | Layout::Anacron => {
                if !self.cron.takes_system_mode(stat.st_mode & 0o7777) {
                    problems.insert("bad-mode");
                }
                if self.cron == Cron::Debian && stat.st_nlink != 1 {
                    problems.insert("hard-links");
                }
                if stat.st_uid != 0 || (self.cron == Cron::Debian && self.link_uid() != 0) {
                    problems.insert("bad-owner");
                }
                Ok(true)
            }
        };
        if let Err(reason) = &owner {
            doubt.get_or_insert(reason.clone());
        }
        both(Ok(problems.len() == before), owner)
    }

    /// A user's table is the user's or root's; a user that does not exist has none.
    fn user_owns(&self, problems: &mut BTreeSet<&'static str>) -> Answer {
        let uid = self.file.found.stat.st_uid;
        match &self.file.owner {
            Ok(None) => {
                problems.insert("unknown-user");
                Ok(false)
            }
            Ok(Some(own)) if uid != 0 && uid != *own => {
                problems.insert("bad-owner");
                Ok(false)
            }
            Ok(Some(_)) => Ok(true),
            Err(reason) => Err(reason.clone()),
        }
    }

    /// The owner of the entry by which the file is found: of a link itself.
    fn link_uid(&self) -> u32 {
        let folder = Path::new(&self.file.path).parent();
        let passed = self.file.found.passed.iter().find(|passed| Some(passed.path.as_path()) == folder);
        passed.map_or(0, |passed| passed.entry_uid)
    }
}

fn word_of(fault: Fault) -> &'static str {
    match fault {
        Fault::Schedule => "bad-schedule",
        Fault::OddSchedule => "odd-schedule",
        Fault::MissingUser => "missing-user",
        Fault::NoCommand => "no-command",
        Fault::CarriageReturn => "carriage-return",
    }
}

/// What editors and package managers leave, and nobody means to run.
pub(super) fn is_left_behind(name: &str) -> bool {
    const ENDS: [&str; 9] = ["~", ".bak", ".old", ".orig", ".swp", ".rpmsave", ".rpmorig", ".rpmnew", ",v"];
    name.starts_with(['.', '#']) || name.contains(".dpkg-") || ENDS.iter().any(|end| name.ends_with(end))
}

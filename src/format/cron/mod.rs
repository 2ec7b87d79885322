//! Tables of cron (crontab(5)) and anacron (anacrontab(5)), as Debian's cron and cronie read them. The two disagree about
//! what they refuse and about what one bad line does to the others, so that a table is read for one of them.

pub mod go;
mod setting;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;

use times::Reading;

/// Which cron reads the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cron {
    /// Debian's and Ubuntu's package cron, Vixie's cron 3.0 with their patches.
    Debian,
    /// cronie, of Fedora, Red Hat, SUSE and Arch.
    Cronie,
}

impl Cron {
    pub const ALL: [Cron; 2] = [Cron::Debian, Cron::Cronie];

    /// Whether it reads a file of this name in `/etc/cron.d`.
    pub fn reads_name(self, name: &str) -> bool {
        match self {
            Cron::Debian => is_plain_name(name),
            Cron::Cronie => {
                let left_behind = ["~", ".rpmsave", ".rpmorig", ".rpmnew"];
                !name.starts_with(['.', '#']) && !left_behind.iter().any(|end| name.ends_with(end))
            }
        }
    }

    /// Whether the program that it runs the folders with (run-parts(8), which each brings its own of) takes a name.
    pub fn runs_name(self, name: &str) -> bool {
        match self {
            Cron::Debian => is_plain_name(name),
            Cron::Cronie => {
                let left_behind = ["~", ",", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", ".cfsaved", ",v"];
                !name.starts_with('.') && !left_behind.iter().any(|end| name.ends_with(end))
            }
        }
    }

    /// Whether the bits of a file's mode let it be read as a table of the system.
    pub fn takes_system_mode(self, mode: u32) -> bool {
        match self {
            Cron::Debian => mode & 0o022 == 0,
            Cron::Cronie => mode & 0o7533 == 0o400,
        }
    }

    /// The same for a user's own table.
    pub fn takes_user_mode(self, mode: u32) -> bool {
        match self {
            Cron::Debian => mode & 0o7777 == 0o600,
            Cron::Cronie => mode & 0o7533 == 0o400,
        }
    }

    /// Whether one line that it refuses, or a last line that is not ended, makes it pass over the whole file.
    pub fn drops_whole_tables(self) -> bool {
        self == Cron::Debian
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What a table's lines consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `/etc/crontab` and `/etc/cron.d`: the sixth field is the user.
    System,
    /// A user's own.
    User,
    /// Period, delay, name, command.
    Anacron,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The times are none.
    Schedule,
    /// It is taken, and runs at other times than it says, or never: a part of a field is passed over.
    OddSchedule,
    /// Where the user should stand is something else.
    MissingUser,
    NoCommand,
    /// The line ends in CR LF: the CR is part of the command.
    CarriageReturn,
}

/// Whether cron takes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes,
    No,
    /// It depends on the version.
    Unsure,
}

/// A line that is to run something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Five fields, or a word such as `@daily`; for anacron the days between two runs.
    pub when: String,
    /// In tables of the system, where there is one.
    pub user: Option<String>,
    /// What the shell gets.
    pub command: String,
    /// Whether an unescaped `%` ends the command: what stands behind it is its input.
    pub input: bool,
    pub taken: Taken,
    pub faults: Vec<Fault>,
    /// The settings above the line.
    pub environment: Arc<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub lines: Vec<Line>,
    /// The last line has no end, and is no comment.
    pub unended: bool,
}

/// Reads a table as `cron` does.
pub fn parse(text: &str, layout: Layout, cron: Cron) -> Table {
    let mut table = Table::default();
    let mut environment = Arc::new(BTreeMap::new());
    let mut lines = text.split('\n').enumerate().peekable();
    while let Some((index, raw)) = lines.next() {
        let line = raw.trim_start_matches(BLANKS);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        table.unended = lines.peek().is_none();
        match setting::read(line) {
            Some((name, value)) => drop(Arc::make_mut(&mut environment).insert(name, value)),
            None => table.lines.push(Reader { rest: line, layout, cron }.line(index + 1, &environment)),
        }
    }
    table
}

/// What cron skips between fields.
const BLANKS: [char; 2] = [' ', '\t'];

struct Reader<'t> {
    rest: &'t str,
    layout: Layout,
    cron: Cron,
}

impl<'t> Reader<'t> {
    fn line(mut self, number: usize, environment: &Arc<BTreeMap<String, String>>) -> Line {
        let mut line = Line {
            number,
            when: String::new(),
            user: None,
            command: String::new(),
            input: false,
            taken: Taken::Yes,
            faults: Vec::new(),
            environment: Arc::clone(environment),
        };
        let refused = match self.layout {
            Layout::Anacron => self.anacron(&mut line),
            Layout::System | Layout::User => self.cron(&mut line),
        };
        if let Err(fault) = refused {
            line.faults.push(fault);
            line.taken = Taken::No;
        }
        if line.command.ends_with('\r') {
            line.command.pop();
            line.faults.push(Fault::CarriageReturn);
        }
        line
    }

    fn cron(&mut self, line: &mut Line) -> Result<(), Fault> {
        // What stands there is shown even when the times are refused.
        let whole = self.rest;
        let fields = if whole.trim_start_matches('-').starts_with('@') { 1 } else { 5 };
        let mut shown = Vec::new();
        for _ in 0..fields {
            shown.push(self.word());
        }
        line.when = shown.join(" ").trim_end().to_owned();
        let behind = self.rest;
        let times = times::read(whole, self.layout, self.cron);
        if let Ok(Reading { rest, .. }) = &times {
            self.rest = rest;
        }
        let commanded = self.command(line);
        let Ok(Reading { odd, unsure, .. }) = times else {
            self.rest = behind;
            return Err(Fault::Schedule);
        };
        if odd {
            line.faults.push(Fault::OddSchedule);
        }
        commanded?;
        if unsure {
            line.taken = Taken::Unsure;
        }
        Ok(())
    }

    fn command(&mut self, line: &mut Line) -> Result<(), Fault> {
        let rest = self.rest;
        let mut missing = Ok(());
        if self.layout == Layout::System {
            let user = self.word();
            if user.is_empty() {
                return Err(Fault::MissingUser);
            }
            if is_no_user(user) {
                self.rest = rest;
                missing = Err(Fault::MissingUser);
            } else {
                line.user = Some(user.to_owned());
            }
        }
        if self.layout == Layout::User && self.rest.starts_with('*') {
            missing = Err(Fault::NoCommand);
        }
        (line.command, line.input) = command(self.rest);
        if line.command.is_empty() {
            // Debian's cron starts a shell with nothing to do.
            if self.cron == Cron::Cronie || self.layout == Layout::System {
                return missing.and(Err(Fault::NoCommand));
            }
            line.faults.push(Fault::NoCommand);
        }
        missing
    }

    fn anacron(&mut self, line: &mut Line) -> Result<(), Fault> {
        const NAMED: [&str; 5] = ["@daily", "@weekly", "@monthly", "@yearly", "@annually"];
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let period = self.word();
        line.when = period.to_owned();
        let (delay, name) = (self.word(), self.word());
        line.command = self.rest.trim_end().to_owned();
        if !(is_number(period) || period.starts_with('@')) || !is_number(delay) || name.contains('/') {
            return Err(Fault::Schedule);
        }
        if line.command.is_empty() {
            return Err(Fault::NoCommand);
        }
        match period {
            "@monthly" => {}
            _ if is_number(period) => {}
            _ if NAMED.contains(&period) => line.taken = Taken::Unsure,
            _ => return Err(Fault::Schedule),
        }
        Ok(())
    }

    /// The next word, with the blanks behind it skipped.
    fn word(&mut self) -> &'t str {
        let end = self.rest.find(BLANKS).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest.trim_start_matches(BLANKS);
        word
    }
}

/// Whether a word cannot be the name of an account: the column of the user was left out.
fn is_no_user(word: &str) -> bool {
    word.contains(['/', '=', '$', '"', '\'', '(', ';', '&', '|', '*']) || word.starts_with(['[', '~', '.', '-'])
}

/// The part of the line that the shell gets, with `\%` as `%`, and whether more follows for its input.
fn command(text: &str) -> (String, bool) {
    let mut command = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'%') => command.extend(chars.next()),
            '%' => return (command.trim_end().to_owned(), true),
            _ => command.push(c),
        }
    }
    (command.trim_end_matches(BLANKS).to_owned(), false)
}

#[cfg(test)]
mod tests;

//! Where a host calls a program: its running processes, the services of systemd, and the lines of cron. What each call
//! hands over in an option, or in a variable where the option is not given.
//!
//! Command lines hold secrets. They are taken apart here and forgotten; what leaves this module to be shown has passed
//! [`arguments::redact`].

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::ExposeSecret;

use super::crontab;
use crate::facts::Basis;
use crate::format::commands::{self, Word};
use crate::format::dotenv::{self, Dialect};
use crate::format::unit;
use crate::glob::Glob;
use crate::resource::process::arguments;
use crate::target::host::environments::{self, Environments};
use crate::target::host::units::{self, Links};
use crate::target::host::{Host, Trouble};
use crate::target::{Environment, unresolved};
use crate::value::Reason;

/// Bytes of a file that a command line reads variables from.
const MAX_FILE: u64 = 1 << 20;
/// Shells inside of shells.
const MAX_DEPTH: usize = 4;
/// The lines of a service that start programs (systemd.service(5)).
const EXEC: [&str; 4] = ["ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload"];

/// What is looked for in a command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The program's name, without its directory.
    pub(super) program: &'a str,
    /// The option that holds the value, with its dashes; none when empty.
    pub(super) option: &'a str,
    /// The variable that holds it where the option is not given; none when empty.
    pub(super) variable: &'a str,
}

/// One call of the program that hands the value over, or may do so.
pub(super) struct Invocation {
    /// Where the value stands.
    pub(super) origin: String,
    /// The file that it stands in; none for a process.
    pub(super) path: Option<String>,
    pub(super) basis: Basis,
    /// Without the program itself; secrets taken out.
    pub(super) arguments: Vec<String>,
    /// Whether the value stands in the command line itself.
    pub(super) in_arguments: bool,
    pub(super) value: Result<String, Reason>,
}

/// Every call that was seen, and why there may be more.
pub(super) struct Invocations {
    pub(super) seen: Vec<Invocation>,
    pub(super) more: Option<Reason>,
}

pub(super) fn read(host: &Host, wanted: Wanted<'_>) -> Invocations {
    let mut all = Invocations { seen: Vec::new(), more: None };
    for part in [processes(host, wanted), services(host, wanted), Ok(scheduled(host, wanted))] {
        match part {
            Ok(part) => {
                all.seen.extend(part.seen);
                all.more = all.more.take().or(part.more);
            }
            Err(reason) => drop(all.more.get_or_insert(reason)),
        }
    }
    all
}

/// A value with where it was set.
#[derive(Debug, Clone)]
struct Set {
    value: Result<String, Reason>,
    origin: String,
    path: Option<String>,
}

/// Where a command line is written, and the variables that it is run with.
struct Place<'p> {
    /// None where files that it names are not to be looked at: what a process has read is in its environment already.
    host: Option<&'p Host>,
    origin: String,
    path: Option<String>,
    basis: Basis,
    environment: BTreeMap<String, Set>,
    /// Why a variable that is not among those may be set.
    doubt: Option<Reason>,
}

impl Place<'_> {
    fn look_up(&self, name: &str) -> Option<Set> {
        let unseen =
            |reason: &Reason| Set { value: Err(reason.clone()), origin: self.origin.clone(), path: self.path.clone() };
        self.environment.get(name).cloned().or_else(|| self.doubt.as_ref().map(unseen))
    }

    fn assign(&mut self, name: &str, value: &Word) {
        let value = match value {
            Word::Text(text) => Ok(text.clone()),
            Word::Variable(other) => self.look_up(other).map_or_else(|| Ok(String::new()), |set| set.value),
            Word::Unclear => Err(unresolved()),
        };
        let set = Set { value, origin: format!("{} {name}", self.origin), path: self.path.clone() };
        self.environment.insert(name.to_owned(), set);
    }

    /// Follows commands in their order; a call of the program takes what was set before it.
    fn follow(&mut self, line: &[Vec<Word>], wanted: Wanted<'_>, depth: usize, found: &mut Vec<Invocation>) {
        for command in line {
            let assignments = command.iter().map_while(assignment).collect::<Vec<_>>();
            let rest = command.get(assignments.len()..).unwrap_or_default();
            for (name, value) in &assignments {
                self.assign(name, value);
            }
            let texts: Vec<&str> = rest.iter().map(|word| word.text().unwrap_or_default()).collect();
            match texts.as_slice() {
                ["." | "source", path, ..] => self.source(path),
                ["export" | "env", ..] => {
                    for (name, value) in rest.iter().filter_map(assignment) {
                        self.assign(&name, &value);
                    }
                }
                _ => {}
            }
            if let Some(at) = texts.iter().position(|word| is_program(word, wanted.program)) {
                found.extend(self.call(rest.get(at..).unwrap_or_default(), wanted));
            } else if depth < MAX_DEPTH {
                let scripts = texts.iter().filter(|text| text.contains(char::is_whitespace));
                for script in scripts.filter(|text| text.contains(wanted.program)) {
                    self.follow(&commands::commands(script), wanted, depth + 1, found);
                }
            }
        }
    }

    /// A file of assignments that the shell reads before it goes on.
    fn source(&mut self, path: &str) {
        let Some(host) = self.host else { return };
        let lost = |why: Reason| Reason::new(format!("the command line reads variables from {path}: {}", why.text));
        if !path.starts_with('/') {
            self.doubt = Some(lost(Reason::new("it depends on the directory that it is run in")));
            return;
        }
        let read = host.read(Path::new(path), MAX_FILE).map_err(|trouble| match trouble {
            Trouble::Absent => Reason::new("it does not exist"),
            Trouble::Unseen(reason) => reason,
        });
        let parsed = read.and_then(|bytes| {
            dotenv::parse(&bytes, Dialect::Dotenv).map_err(|fault| Reason::new(format!("it {fault}")))
        });
        match parsed {
            Ok(assignments) => {
                for one in assignments {
                    let value = one.value.map(|value| value.expose_secret().to_owned()).ok_or_else(unresolved);
                    let origin = format!("{path}:{} {}", one.line, one.name);
                    self.environment.insert(one.name, Set { value, origin, path: Some(path.to_owned()) });
                }
            }
            Err(reason) => self.doubt = Some(lost(reason)),
        }
    }

    /// The program and its words. None when neither option nor variable is given.
    fn call(&self, words: &[Word], wanted: Wanted<'_>) -> Option<Invocation> {
        let option = option(words, wanted.option);
        let in_arguments = matches!(option, Some(Word::Text(_) | Word::Unclear));
        let set = match option {
            Some(Word::Variable(name)) => self.look_up(&name),
            Some(Word::Text(text)) => Some(self.here(Ok(text))),
            Some(Word::Unclear) => {
                let reason = Reason::new(format!("{} is made by the shell when it runs", wanted.option));
                Some(self.here(Err(reason)))
            }
            // The option may be inside of what the shell makes.
            None if words.contains(&Word::Unclear) => {
                let reason = format!("the shell makes a word of the command line, which may be {}", wanted.option);
                Some(self.here(Err(Reason::new(reason))))
            }
            None => self.look_up(wanted.variable),
        }?;
        let plain: Vec<String> = words.iter().map(|word| word.text().unwrap_or("$…").to_owned()).collect();
        let arguments = arguments::redact(&plain).arguments.into_iter().skip(1).collect();
        let Set { value, origin, path } = set;
        Some(Invocation { origin, path, basis: self.basis, arguments, in_arguments, value })
    }

    fn here(&self, value: Result<String, Reason>) -> Set {
        Set { value, origin: self.origin.clone(), path: self.path.clone() }
    }
}

fn is_program(word: &str, program: &str) -> bool {
    word.rsplit('/').next() == Some(program)
}

/// `NAME=value`, as a shell takes it.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (name, value) = word.text()?.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), Word::Text(value.to_owned())))
}

/// The last value of an option, given as `--db=x`, `--db x` or, as Go's programs take it, `-db x`.
fn option(words: &[Word], option: &str) -> Option<Word> {
    let name = option.trim_start_matches('-');
    if name.is_empty() {
        return None;
    }
    let mut value = None;
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        let Some(text) = word.text().and_then(|text| text.strip_prefix('-')) else { continue };
        let text = text.strip_prefix('-').unwrap_or(text);
        match text.strip_prefix(name) {
            Some("") => value = words.next().cloned(),
            Some(rest) => value = rest.strip_prefix('=').map(|rest| Word::Text(rest.to_owned())).or(value),
            None => {}
        }
    }
    value
}

/// The variables of an environment that was read, each with where it is set.
fn variables(environment: &Environment) -> (BTreeMap<String, Set>, Option<Reason>) {
    let Ok(variables) = &environment.variables else { return (BTreeMap::new(), environment.variables.clone_reason()) };
    let set = |variable: &crate::target::Variable| {
        let place = variable.origin.as_deref().unwrap_or(&environment.origin);
        let value = variable.value.as_ref().map(|value| value.expose_secret().to_owned()).map_err(Clone::clone);
        let set = Set { value, origin: format!("{place} {}", variable.name), path: file_of(place) };
        (variable.name.clone(), set)
    };
    (variables.iter().map(set).collect(), environment.unseen.first().map(|unseen| unseen.reason.clone()))
}

/// The reason of a reading that failed.
trait FailedReading {
    fn clone_reason(&self) -> Option<Reason>;
}

impl<T> FailedReading for Result<T, Reason> {
    fn clone_reason(&self) -> Option<Reason> {
        self.as_ref().err().cloned()
    }
}

/// The file of `/etc/app.env:3`; none for what is no file at rest.
pub(super) fn file_of(place: &str) -> Option<String> {
    let path = match place.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => path,
        _ => place,
    };
    (path.starts_with('/') && !path.starts_with("/proc/")).then(|| path.to_owned())
}

fn processes(host: &Host, wanted: Wanted<'_>) -> Result<Invocations, Reason> {
    let Environments { seen, more } = environments::read(host, &format!("process:{}", wanted.program))?;
    let mut all = Invocations { seen: Vec::new(), more };
    for environment in &seen {
        let pid = environment.origin.split('/').find_map(|part| part.parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        let arguments = match host.arguments(pid) {
            Ok(arguments) => arguments,
            Err(Trouble::Absent) => continue,
            Err(Trouble::Unseen(reason)) => {
                all.more.get_or_insert(reason);
                continue;
            }
        };
        let (variables, doubt) = variables(environment);
        let origin = format!("/proc/{pid}/cmdline");
        let place = Place { host: None, origin, path: None, basis: Basis::Live, environment: variables, doubt };
        let words: Vec<Word> = arguments.into_iter().map(Word::Text).collect();
        all.seen.extend(place.call(&words, wanted));
    }
    Ok(all)
}

fn scheduled(host: &Host, wanted: Wanted<'_>) -> Invocations {
    let (lines, more) = crontab::read(host);
    let mut all = Invocations { seen: Vec::new(), more };
    for line in lines.iter().filter(|line| line.command.contains(wanted.program)) {
        let path = Some(line.path.clone());
        let set = |(name, value, number): &(String, String, usize)| {
            let origin = format!("{}:{number} {name}", line.path);
            (name.clone(), Set { value: Ok(value.clone()), origin, path: path.clone() })
        };
        let mut place = Place {
            host: Some(host),
            origin: format!("{}:{}", line.path, line.number),
            path: path.clone(),
            basis: Basis::Declared,
            environment: line.variables.iter().map(set).collect(),
            doubt: None,
        };
        place.follow(&commands::commands(&line.command), wanted, 0, &mut all.seen);
    }
    all
}

fn services(host: &Host, wanted: Wanted<'_>) -> Result<Invocations, Reason> {
    let links = Links::read(host);
    let mut all = Invocations { seen: Vec::new(), more: links.more.clone() };
    for name in links.matching("*.service") {
        match service(host, name, &links, wanted) {
            Ok(seen) => all.seen.extend(seen),
            Err(reason) => drop(all.more.get_or_insert(reason)),
        }
    }
    Ok(all)
}

fn service(host: &Host, name: &str, links: &Links, wanted: Wanted<'_>) -> Result<Vec<Invocation>, Reason> {
    let mut found = Vec::new();
    // A name that is only pulled in, or another name of a unit, which is told once.
    let Some(read) = units::read(host, name, Some(links))?.filter(|unit| !unit.masked) else { return Ok(found) };
    let is_own = read.path.file_name().is_some_and(|file| Glob::new(name).matches(&file.to_string_lossy()));
    let is_instance = name.contains('@');
    let directives = read.directives?;
    let lines = directives.iter().filter(|one| one.directive.section == "Service");
    let mut commands: Vec<(&'static str, &units::Sourced)> = Vec::new();
    for one in lines {
        let Some(key) = EXEC.into_iter().find(|key| *key == one.directive.key) else { continue };
        if one.directive.value.is_empty() {
            commands.retain(|(other, _)| *other != key);
        } else if one.directive.value.contains(wanted.program) {
            commands.push((key, one));
        }
    }
    if commands.is_empty() || !(is_own || is_instance) {
        return Ok(found);
    }
    let Environments { seen, .. } = environments::read(host, &format!("unit:{name}"))?;
    let (variables, doubt) = seen.first().map(variables).unwrap_or_default();
    for (_, one) in commands {
        let path = one.path.display().to_string();
        let mut place = Place {
            host: Some(host),
            origin: format!("{path}:{}", one.directive.line),
            path: Some(path),
            basis: Basis::Declared,
            environment: variables.clone(),
            doubt: doubt.clone(),
        };
        place.follow(&[exec(&one.directive.value)], wanted, 0, &mut found);
    }
    Ok(found)
}

/// A command of a service: systemd replaces `$NAME` and `${NAME}` and knows no other expansion.
fn exec(line: &str) -> Vec<Word> {
    let word = |text: String| {
        let name = text.strip_prefix('$').map(|name| name.strip_prefix('{').unwrap_or(name));
        let name = name.map(|name| name.strip_suffix('}').unwrap_or(name));
        match name.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
            Some(name) => Word::Variable(name.to_owned()),
            // A script for a shell is read as one.
            None if text.contains(char::is_whitespace) => Word::Text(text),
            None if text.replace("$$", "").contains('$') => Word::Unclear,
            None => unit::resolve_specifiers(&text.replace("$$", "$")).map_or(Word::Unclear, Word::Text),
        }
    };
    let mut words: Vec<Word> = unit::words(line).into_iter().map(word).collect();
    if let Some(Word::Text(first)) = words.first_mut() {
        *first = first.trim_start_matches(['@', '-', ':', '+', '!', '|']).to_owned();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANTED: Wanted<'static> = Wanted { program: "app", option: "--db", variable: "APP_DB" };

    fn calls(line: &str) -> Vec<Invocation> {
        let mut found = Vec::new();
        let mut place = Place {
            host: None,
            origin: "/etc/cron.d/app:1".into(),
            path: Some("/etc/cron.d/app".into()),
            basis: Basis::Declared,
            environment: BTreeMap::new(),
            doubt: None,
        };
        place.follow(&commands::commands(line), WANTED, 0, &mut found);
        found
    }

    #[test]
    fn what_a_line_hands_over() {
        for (line, value, inside) in [
            ("/opt/app run --db=x", Some("x"), true),
            ("app run -db x --db y", Some("y"), true),
            ("APP_DB=x app run", Some("x"), false),
            ("APP_DB=x; export APP_DB; nice -n 5 app run --db \"$APP_DB\"", Some("x"), false),
            ("env APP_DB=x app run", Some("x"), false),
            ("sh -c 'APP_DB=x app run'", Some("x"), false),
            ("app run --dbase x", None, false),
            ("app run", None, false),
            ("other --db x", None, false),
        ] {
            let seen = calls(line);
            let value_seen = seen.first().and_then(|one| one.value.as_ref().ok()).map(String::as_str);
            assert_eq!((value_seen, seen.first().is_some_and(|one| one.in_arguments)), (value, inside), "{line}");
        }
        for line in ["app run --db=$(cat f)", "app run $OPTIONS.x", "app run `cat f`"] {
            assert!(calls(line)[0].value.is_err(), "{line}");
        }
    }

    #[test]
    fn arguments_are_shown_without_their_secrets() {
        let seen = calls("app run --no-migrate --db=postgres://agent:hunter2@db/x");
        assert_eq!(seen[0].arguments, ["run", "--no-migrate", "--db=postgres://agent:***@db/x"]);
    }

    #[test]
    fn services_expand_variables_alone() {
        assert_eq!(
            exec("-/bin/app run --db ${APP_DB} %% a$b"),
            [
                Word::Text("/bin/app".into()),
                Word::Text("run".into()),
                Word::Text("--db".into()),
                Word::Variable("APP_DB".into()),
                Word::Text("%".into()),
                Word::Unclear
            ]
        );
    }

    proptest! {
        #[test]
        fn any_line_is_followed(line in "\\PC*") {
            calls(&line);
            exec(&line);
        }
    }
}

//! What the INI files say together, with their references replaced.

use std::collections::BTreeMap;

use super::expand::{Expanded, expand};
use super::jobs::{Job, Source};
use super::keys::{self, Section};
use super::{fold, ini};
use crate::manifest::Read;
use crate::target::Environment;
use crate::value::Reason;

/// A file that the daemon loads, and its text, or why it was not had.
pub struct File {
    pub path: String,
    pub text: Read<String>,
}

/// A key of one section, with every value that it is given.
#[derive(Clone)]
pub struct Setting {
    /// As it is written, in lower case.
    pub key: String,
    pub values: Vec<Expanded>,
    /// `path:line`.
    pub place: String,
}

/// Settings by the folded names of their keys.
pub type Settings = BTreeMap<String, Setting>;

/// A `[webhook "name"]`.
#[derive(Clone)]
pub struct Webhook {
    pub name: String,
    pub settings: Settings,
}

/// The files together: of a key that several set, the last counts.
#[derive(Default)]
pub struct Configuration {
    pub global: Settings,
    pub docker: Settings,
    pub webhooks: Vec<Webhook>,
    pub jobs: Vec<Job>,
    /// Keys and sections that the daemon drops, each with its place.
    pub unknown: Vec<String>,
    /// Why something may be missing here: a file that was not read, or that the daemon itself would drop.
    pub unread: Option<Reason>,
}

impl Setting {
    /// The one value of a key.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn text(&self) -> Read<&str> {
        match self.values.as_slice() {
            [value] => value.text.as_deref().map_err(Clone::clone),
            _ => Err(Reason::new(format!("{}: it is set more than once, which the daemon refuses", self.place))),
        }
    }

    /// All values of a key.
    pub fn texts(&self) -> impl Iterator<Item = Read<&str>> {
        self.values.iter().map(|value| value.text.as_deref().map_err(Clone::clone))
    }
}

impl Configuration {
    /// Reads the files in the order in which the daemon does.
    pub fn read(files: &[File], environment: &Environment) -> Self {
        let mut configuration = Configuration::default();
        for file in files {
            let sections = file.text.clone().and_then(|text| {
                ini::parse(&text).map_err(|why| Reason::new(format!("{}: {why}: the daemon drops the file", file.path)))
            });
            match sections {
                Ok(sections) => sections.iter().for_each(|section| configuration.add(section, &file.path, environment)),
                Err(reason) => _ = configuration.unread.get_or_insert(reason),
            }
        }
        configuration
    }

    /// A key of `[global]`.
    ///
    /// # Errors
    /// A file that may set it was not read.
    pub fn global(&self, key: &str) -> Read<Option<&Setting>> {
        self.unread.as_ref().map_or_else(|| Ok(self.global.get(&fold(key))), |reason| Err(reason.clone()))
    }

    fn add(&mut self, section: &ini::Section, path: &str, environment: &Environment) {
        let Some((kind, name)) = keys::section(&section.name) else {
            if !section.keys.is_empty() {
                self.unknown.push(format!("[{}] ({path}:{})", section.name.trim(), section.line));
            }
            return;
        };
        let mut settings = Settings::new();
        for key in &section.keys {
            let setting = setting(key, path, environment);
            if !keys::is_known(kind, &key.name) {
                self.unknown.push(format!("[{}] {} ({})", section.name.trim(), key.name, setting.place));
            }
            settings.insert(fold(&key.name), setting);
        }
        match kind {
            Section::Global => self.global.extend(settings),
            Section::Docker => self.docker.extend(settings),
            Section::Webhook => {
                self.webhooks.retain(|known| known.name != name);
                self.webhooks.push(Webhook { name, settings });
            }
            Section::Job(kind) => {
                let name = expand(&name, environment).text.unwrap_or(name);
                let place = format!("{path}:{}", section.line);
                self.jobs.retain(|known| (known.kind, &known.name) != (kind, &name));
                self.jobs.push(Job { kind, name, source: Source::File, place, settings });
            }
        }
    }
}

fn setting(key: &ini::Key, path: &str, environment: &Environment) -> Setting {
    let line = key.values.first().map_or(1, |value| value.line);
    Setting {
        key: key.name.clone(),
        values: key.values.iter().map(|value| expand(&value.text, environment)).collect(),
        place: format!("{path}:{line}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::expand::tests::environment;
    use super::*;

    pub(crate) fn file(text: &str) -> File {
        File { path: "/etc/ofelia/config.ini".into(), text: Ok(text.into()) }
    }

    #[test]
    fn keys_that_are_dropped_are_told_with_their_place() {
        let text = "[global]\nEnable_Web = true\n[job-run \"a\"]\nmemory = 512m\nimage = x\n[jobs]\na = b\n";
        let read = Configuration::read(&[file(text)], &environment(&[], false));
        assert_eq!(
            read.unknown,
            ["[job-run \"a\"] memory (/etc/ofelia/config.ini:4)", "[jobs] (/etc/ofelia/config.ini:6)"]
        );
        assert_eq!(read.global("enable-web").unwrap().unwrap().text(), Ok("true"));
        assert_eq!(read.jobs.len(), 1);
    }

    #[test]
    fn later_files_win_and_one_that_is_broken_leaves_all_open() {
        let first = file("[global]\nenable-web = true\n[job-run \"a\"]\nimage = x\n");
        let second = File { path: "b.ini".into(), text: Ok("[global]\nenable-web = false\n[job-run \"a\"]\n".into()) };
        let environment = environment(&[], false);
        let read = Configuration::read(&[first, second], &environment);
        assert_eq!(read.global("enable-web").unwrap().unwrap().text(), Ok("false"));
        assert!(read.jobs.len() == 1 && read.jobs[0].place == "b.ini:3");
        let read = Configuration::read(&[file("[global\n")], &environment);
        assert!(read.global("enable-web").is_err());
        let read = Configuration::read(&[file("[global]\na = 1\na = 2\n")], &environment);
        assert!(read.global("a").unwrap().unwrap().text().is_err());
    }
}

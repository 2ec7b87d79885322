//! What the configuration files of a server say, as far as they can without it: `postgresql.conf` with what it includes,
//! `postgresql.auto.conf` laid over it, and what is built in where neither sets a value.
//!
//! PostgreSQL manual, "Setting Parameters"; `guc-file.l` and `SelectConfigFiles` in `guc.c`. What a server is given on
//! its command line, and what `ALTER ROLE` and `ALTER DATABASE … SET` say, is in no file.

use std::io;
use std::path::Path;

use crate::format::lookup::{self, Format};
use crate::format::node::{Kind, Node, Place};
use crate::hba;
use crate::resource::files::Included;
use crate::target::host::{Host, Trouble};
use crate::target::postgres::SettingRow;
use crate::value::Reason;
use crate::value::types::Dialect;

/// Bytes of one file.
const MAX_BYTES: u64 = 4 << 20;
/// `name, first version, last version, type, unit, context, built-in value` of each setting of versions 13 to 18, from the
/// servers themselves; `?` where the value depends on how the server was built.
const BUILT_IN: &str = include_str!("built_in.tsv");
/// The versions of that table.
const VERSIONS: std::ops::RangeInclusive<u32> = 13..=18;

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
struct BuiltIn {
    first: u32,
    last: u32,
    vartype: &'static str,
    unit: &'static str,
    context: &'static str,
    value: Option<&'static str>,
}

/// What the files say of one setting.
#[derive(Debug)]
pub(in crate::resource) enum Said {
    Row(Box<SettingRow>),
    /// There is no such setting.
    None(String),
    Unclear(Reason),
}

/// The files of one server, read.
#[derive(Debug)]
pub(in crate::resource) struct Files {
    config: String,
    /// Names and values in the order in which they take effect.
    entries: Vec<(String, Node)>,
    /// Why there may be more of them.
    hole: Option<String>,
    data: Option<String>,
    /// The major version, where the data directory or the place of the files tells.
    pub(in crate::resource) version: Option<u32>,
}

impl Files {
    /// Reads the main file and what belongs to it.
    pub(in crate::resource) fn read(host: &Host, config: &str) -> Result<Self, Trouble> {
        let mut files = Files { config: config.to_owned(), entries: Vec::new(), hole: None, data: None, version: None };
        files.add(host, config)?;
        let directory = config.rsplit_once('/').map_or("", |(directory, _)| directory);
        files.data = match files.last("data_directory").map(|node| node.kind.clone()) {
            Some(Kind::Text { text, .. }) => Some(text.trim_end_matches('/').to_owned()),
            Some(_) => None,
            None => Some(directory.to_owned()),
        };
        let Some(data) = files.data.clone() else {
            files.hole = Some("where the data directory is, and with it postgresql.auto.conf, is not clear".to_owned());
            return Ok(files);
        };
        let auto = format!("{data}/postgresql.auto.conf");
        match files.add(host, &auto) {
            Ok(()) | Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => files.lose(&format!("{auto}, which goes before it: {reason}")),
        }
        let number = host.read(Path::new(&format!("{data}/PG_VERSION")), MAX_BYTES).ok();
        let number = number.and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
        let by_place = || config.split('/').find_map(|part| part.parse::<u32>().ok());
        files.version = number.or_else(by_place);
        Ok(files)
    }

    fn add(&mut self, host: &Host, path: &str) -> Result<(), Trouble> {
        let bytes = host.read(Path::new(path), MAX_BYTES)?;
        let documents = lookup::read(Format::Postgresql, path, &bytes, &Included(host))
            .map_err(|why| Trouble::new(format!("{path}: {why}")))?;
        for document in documents {
            if let Some(why) = document.hole {
                self.lose(&why);
            }
            if let Kind::Map(entries) = document.root.kind {
                self.entries.extend(entries);
            }
        }
        Ok(())
    }

    /// Everything that was set before may be set anew in what could not be read.
    fn lose(&mut self, why: &str) {
        for (_, node) in &mut self.entries {
            node.kind = Kind::Unclear(why.to_owned());
        }
        self.hole = Some(why.to_owned());
    }

    fn last(&self, name: &str) -> Option<&Node> {
        self.entries.iter().rev().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }

    /// What the server would take for a setting.
    pub(in crate::resource) fn setting(&self, name: &str) -> Said {
        let known = built_in(name, self.version);
        match (self.last(name), known) {
            (Some(node), known) => self.set(name, node, known.ok().flatten()),
            (None, _) if self.hole.is_some() => Said::Unclear(Reason::new(self.hole.as_deref().unwrap_or_default())),
            (None, Err(reason)) => self.own(name).unwrap_or(Said::Unclear(reason)),
            (None, Ok(None)) if name.contains('.') => Said::None(format!("no file sets {name}")),
            (None, Ok(None)) => match self.own(name) {
                Some(said) => said,
                None if built_in_ever(name) => Said::None(format!("PostgreSQL of this version has no setting {name}")),
                None => Said::Unclear(Reason::new(format!("no file tells {name}; the running server does"))),
            },
            (None, Ok(Some(known))) => self.own(name).unwrap_or_else(|| match known.value {
                Some(value) => Said::Row(Box::new(row(name, Some(known), value.to_owned(), None))),
                None => Said::Unclear(Reason::new(format!(
                    "no file sets {name}, and what is built in depends on how the server was built"
                ))),
            }),
        }
    }

    /// Settings whose built-in value is a place beside others.
    fn own(&self, name: &str) -> Option<Said> {
        let data = self.data.as_deref()?;
        let value = match name {
            "config_file" => self.config.clone(),
            "data_directory" => data.to_owned(),
            "hba_file" => format!("{data}/pg_hba.conf"),
            "ident_file" => format!("{data}/pg_ident.conf"),
            _ => return None,
        };
        Some(Said::Row(Box::new(row(name, None, value, None))))
    }

    fn set(&self, name: &str, node: &Node, known: Option<BuiltIn>) -> Said {
        let text = match &node.kind {
            Kind::Text { text, .. } => text,
            Kind::Unclear(why) => return Said::Unclear(Reason::new(format!("{}: {why}", node.place))),
            _ => return Said::Unclear(Reason::new(format!("{}: it does not parse", node.place))),
        };
        match known.map_or_else(|| Some(text.clone()), |known| normal(name, text, known)) {
            Some(value) => Said::Row(Box::new(row(name, known, value, Some(&node.place)))),
            None => Said::Unclear(Reason::new(format!("{}: the server would not take this value", node.place))),
        }
    }

    /// The absolute path that a setting names.
    pub(in crate::resource) fn path(&self, value: &str) -> Result<String, Reason> {
        match &self.data {
            _ if value.starts_with('/') => Ok(value.to_owned()),
            Some(data) => Ok(format!("{data}/{value}")),
            None => Err(Reason::new("the path is relative to data_directory, which is not clear")),
        }
    }

    /// `pg_hba.conf`, parsed as the server's version does.
    pub(in crate::resource) fn hba(&self, host: &Host) -> Result<hba::Hba, Reason> {
        let path = match self.setting("hba_file") {
            Said::Row(row) => self.path(row.value.as_deref().unwrap_or_default())?,
            Said::None(why) => return Err(Reason::new(why)),
            Said::Unclear(reason) => return Err(reason),
        };
        match host.read(Path::new(&path), MAX_BYTES) {
            Ok(_) => {}
            Err(Trouble::Absent) => return Err(Reason::new(format!("{path} does not exist"))),
            Err(Trouble::Unseen(reason)) => return Err(reason),
        }
        if let Some(version) = self.version {
            return Ok(hba::parse(&path, &OnHost(host), version));
        }
        let oldest = hba::parse(&path, &OnHost(host), *VERSIONS.start());
        let newest = hba::parse(&path, &OnHost(host), *VERSIONS.end());
        if oldest == newest {
            return Ok(newest);
        }
        Err(Reason::new("versions of PostgreSQL read this file differently, and which one it is for was not seen")
            .with_grant("give PG_VERSION in the data directory"))
    }
}

fn table(name: &str) -> impl Iterator<Item = BuiltIn> {
    let of_it = move |line: &'static str| {
        let mut columns = line.split('\t');
        let mut next = || columns.next();
        if !next()?.eq_ignore_ascii_case(name) {
            return None;
        }
        Some(BuiltIn {
            first: next()?.parse().ok()?,
            last: next()?.parse().ok()?,
            vartype: next()?,
            unit: next()?,
            context: next()?,
            value: next().filter(|value| *value != "?"),
        })
    };
    BUILT_IN.lines().filter_map(of_it)
}

fn built_in_ever(name: &str) -> bool {
    table(name).next().is_some()
}

/// The setting as that version has it; without a version as all of them do.
fn built_in(name: &str, version: Option<u32>) -> Result<Option<BuiltIn>, Reason> {
    match version {
        Some(version) if VERSIONS.contains(&version) => {
            Ok(table(name).find(|one| (one.first..=one.last).contains(&version)))
        }
        Some(version) if built_in_ever(name) => {
            Err(Reason::new(format!("what is built into PostgreSQL {version} is not known to harden")))
        }
        None => {
            let all: Vec<BuiltIn> = table(name).collect();
            match all.as_slice() {
                [] => Ok(None),
                [one] if one.first == *VERSIONS.start() && one.last == *VERSIONS.end() => Ok(Some(*one)),
                _ => {
                    Err(Reason::new(format!("what is built in for {name} depends on the version, which was not seen")))
                }
            }
        }
        Some(_) => Ok(None),
    }
}

fn row(name: &str, known: Option<BuiltIn>, value: String, place: Option<&Place>) -> SettingRow {
    SettingRow {
        name: name.to_ascii_lowercase(),
        value: Some(value),
        unit: known.map(|known| known.unit).filter(|unit| !unit.is_empty()).map(str::to_owned),
        vartype: known.map_or("string", |known| known.vartype).to_owned(),
        context: known.map_or("", |known| known.context).to_owned(),
        source: Some(if place.is_some() { "configuration file" } else { "default" }.to_owned()),
        source_file: place.map(|place| place.file.to_string()),
        source_line: place.and_then(|place| i64::try_from(place.line).ok()),
        boot_value: known.and_then(|known| known.value).map(str::to_owned),
        pending_restart: Some(false),
    }
}

/// The value in the form in which `pg_settings` shows it; `None` for one that the server refuses.
fn normal(name: &str, text: &str, known: BuiltIn) -> Option<String> {
    match known.vartype {
        "bool" => Dialect::Postgres.read(text).map(|on| if on { "on" } else { "off" }.to_owned()),
        "enum" => Some(text.to_ascii_lowercase()),
        "integer" if ["unix_socket_permissions", "log_file_mode"].contains(&name) => {
            whole(text).map(|mode| format!("{mode:04o}"))
        }
        "integer" => in_unit(text, known.unit).map(|number| number.to_string()),
        _ => Some(text.to_owned()),
    }
}

/// An integer as C writes it.
fn whole(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => i64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// `64MB` in units of `8kB`: 8192.
fn in_unit(text: &str, unit: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(number) = whole(text) {
        return Some(number);
    }
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.trim().parse().ok()?;
    let base = if unit.is_empty() { 1.0 } else { factor(unit)? };
    let given = if suffix.trim().is_empty() { base } else { factor(suffix.trim())? };
    let value = (number * given / base).round();
    #[expect(clippy::cast_possible_truncation, reason = "a setting is far smaller, and a greater one saturates")]
    value.is_finite().then_some(value as i64)
}

/// Bytes or microseconds of a unit, `8kB` included.
fn factor(unit: &str) -> Option<f64> {
    let digits = unit.bytes().take_while(u8::is_ascii_digit).count();
    let (times, name) = unit.split_at(digits);
    let times: f64 = if times.is_empty() { 1.0 } else { times.parse().ok()? };
    let of_name = match name {
        "B" | "us" => 1.0,
        "kB" => 1024.0,
        "MB" => 1024.0 * 1024.0,
        "GB" => 1024.0 * 1024.0 * 1024.0,
        "TB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "ms" => 1_000.0,
        "s" => 1_000_000.0,
        "min" => 60_000_000.0,
        "h" => 3_600_000_000.0,
        "d" => 86_400_000_000.0,
        _ => return None,
    };
    Some(times * of_name)
}

/// The host's files for the reader of `pg_hba.conf`.
struct OnHost<'h>(&'h Host);

impl hba::Files for OnHost<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.read(Path::new(path), MAX_BYTES).map_err(|trouble| match trouble {
            Trouble::Absent => io::ErrorKind::NotFound.into(),
            Trouble::Unseen(reason) => io::Error::other(reason.to_string()),
        })
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let found = self.0.find(&format!("{}/*", path.trim_end_matches('/')));
        let found = found.map_err(|reason| io::Error::other(reason.to_string()))?;
        if let Some(reason) = found.more {
            return Err(io::Error::other(reason.to_string()));
        }
        let name = |path: &std::path::PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(found.paths.iter().filter_map(name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_well_formed() {
        for line in BUILT_IN.lines() {
            assert_eq!(line.split('\t').count(), 7, "{line}");
        }
        assert_eq!(built_in("password_encryption", Some(13)).unwrap().unwrap().value, Some("md5"));
        assert_eq!(built_in("Password_Encryption", Some(15)).unwrap().unwrap().value, Some("scram-sha-256"));
        assert!(built_in("password_encryption", None).is_err());
        assert_eq!(built_in("ssl", None).unwrap().unwrap().value, Some("off"));
        assert_eq!(built_in("scram_iterations", Some(15)), Ok(None));
        assert!(built_in("ssl", Some(12)).is_err());
    }

    #[test]
    fn values_are_those_of_pg_settings() {
        let known = |name| built_in(name, Some(15)).unwrap().unwrap();
        for (name, text, value) in [
            ("ssl", "yes", "on"),
            ("ssl", "0", "off"),
            ("shared_buffers", "128MB", "16384"),
            ("authentication_timeout", "1min", "60"),
            ("authentication_timeout", "1.5min", "90"),
            ("unix_socket_permissions", "0700", "0700"),
            ("unix_socket_permissions", "511", "0777"),
            ("wal_level", "Replica", "replica"),
            ("listen_addresses", "*", "*"),
        ] {
            assert_eq!(normal(name, text, known(name)).as_deref(), Some(value), "{name} {text}");
        }
        assert_eq!(normal("ssl", "maybe", known("ssl")), None);
        assert_eq!(normal("port", "five", known("port")), None);
    }

    proptest! {
        #[test]
        fn any_value_is_read(text in "\\PC{0,20}") {
            in_unit(&text, "8kB");
            normal("log_file_mode", &text, built_in("log_file_mode", Some(15)).unwrap().unwrap());
        }
    }
}

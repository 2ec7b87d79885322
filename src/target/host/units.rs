//! systemd's units on a host: where their files are, which drop-ins belong to them, and the directives in the order in
//! which they take effect (systemd.unit(5)). What the manager was told at run time only is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::{Host, Trouble};
use crate::format::unit::{self, Directive};
use crate::glob::Glob;
use crate::value::Reason;

/// Bytes of a file of a unit.
const LIMIT: u64 = 4 << 20;

/// Where system units are, the directory that wins first (systemd.unit(5), table "Load path when running in system mode").
const DIRECTORIES: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// A directive with the file that it stands in.
#[derive(Debug, Clone)]
pub struct Sourced {
    pub path: PathBuf,
    pub directive: Directive,
}

/// A unit that is there.
#[derive(Debug)]
pub struct Unit {
    /// Its file.
    pub path: PathBuf,
    /// A link to `/dev/null` or an empty file stands in place of its file, so that it cannot be started.
    pub masked: bool,
    /// The files beside it, in the order in which they take effect.
    pub drop_ins: Vec<PathBuf>,
    /// Those of its file first. The error says which file could not be read.
    pub directives: Result<Vec<Sourced>, Reason>,
}

/// Names of units that links make of others, and what pulls which unit in.
#[derive(Debug, Default)]
pub struct Links {
    /// Other names of each unit.
    aliases: BTreeMap<String, BTreeSet<String>>,
    /// The units that want or require each unit, by `.wants/` and `.requires/`.
    wanted_by: BTreeMap<String, BTreeSet<String>>,
    /// All names that were met, those of instances that are pulled in too.
    names: BTreeSet<String>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

impl Links {
    /// Looks through all directories.
    pub fn read(host: &Host) -> Self {
        let mut links = Links::default();
        for directory in DIRECTORIES {
            links.directory(host, directory);
        }
        links
    }

    fn directory(&mut self, host: &Host, directory: &str) {
        for (pattern, wants) in [("*.*", false), ("*.wants/*", true), ("*.requires/*", true)] {
            let matches = match host.find(&format!("{directory}/{pattern}")) {
                Ok(matches) => matches,
                Err(reason) => {
                    self.more.get_or_insert(reason);
                    continue;
                }
            };
            self.more = self.more.take().or(matches.more);
            for (path, found) in host.resolve_each(&matches.paths) {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                if !is_unit(name) {
                    continue;
                }
                if wants {
                    self.wanted(path, name);
                } else {
                    self.names.insert(name.to_owned());
                    let target = found.ok().and_then(|found| found.link_target);
                    self.alias(name, target.as_deref().map(Path::new));
                }
            }
        }
    }

    fn wanted(&mut self, path: &Path, name: &str) {
        let parent = path.parent().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        self.names.insert(name.to_owned());
        self.wanted_by.entry(name.to_owned()).or_default().extend(parent);
    }

    fn alias(&mut self, name: &str, target: Option<&Path>) {
        let real = target.and_then(Path::file_name).and_then(|name| name.to_str());
        if let Some(real) = real.filter(|real| *real != name && is_unit(real)) {
            self.aliases.entry(real.to_owned()).or_default().insert(name.to_owned());
            // The other name is pulled in, and so is the unit.
            self.aliases.entry(name.to_owned()).or_default().insert(real.to_owned());
        }
    }

    /// The units that a pattern of names matches.
    pub fn matching(&self, pattern: &str) -> Vec<&str> {
        let glob = Glob::new(pattern);
        self.names.iter().filter(|name| glob.matches(name)).map(String::as_str).collect()
    }

    /// What pulls a unit in, by any of its names.
    pub fn wanted_by(&self, name: &str) -> BTreeSet<&str> {
        let aliases = self.aliases.get(name).into_iter().flatten().map(String::as_str);
        let names = aliases.chain([name]);
        names.filter_map(|name| self.wanted_by.get(name)).flatten().map(String::as_str).collect()
    }
}

/// Whether a file's name is that of a unit.
fn is_unit(name: &str) -> bool {
    const KINDS: [&str; 11] =
        ["service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"];
    name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && KINDS.contains(&kind))
}

/// Reads a unit; `None` when there is none of this name. `links` brings the drop-ins of its other names.
///
/// # Errors
/// The name is none of a unit, or its file could not be looked for.
pub fn read(host: &Host, name: &str, links: Option<&Links>) -> Result<Option<Unit>, Reason> {
    if name.contains('/') || !name.contains('.') {
        return Err(Reason::new(format!("`{name}` is no unit's name; one ends in .service or another kind")));
    }
    let (path, masked) = match main_file(host, name) {
        Ok(found) => found,
        Err(Trouble::Absent) => return Ok(None),
        Err(Trouble::Unseen(reason)) => return Err(reason),
    };
    if masked {
        return Ok(Some(Unit { path, masked, drop_ins: Vec::new(), directives: Ok(Vec::new()) }));
    }
    let drop_ins = drop_ins(host, &names(host, name, &path, links))?;
    let directives = load(host, std::iter::once(&path).chain(&drop_ins));
    Ok(Some(Unit { path, masked, drop_ins, directives }))
}

/// The file of the unit, or of the template that it is an instance of, and whether it is a mask.
fn main_file(host: &Host, name: &str) -> Result<(PathBuf, bool), Trouble> {
    for name in std::iter::once(name.to_owned()).chain(template(name)) {
        for directory in DIRECTORIES {
            let path = Path::new(directory).join(&name);
            match host.resolve(&path) {
                Ok(found) => {
                    let masked = is_mask(&found) || found.dangling && leads_to_null(&found);
                    if found.dangling && !masked {
                        return Err(Trouble::Absent);
                    }
                    return Ok((path, masked));
                }
                Err(Trouble::Absent) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
    Err(Trouble::Absent)
}

/// A link to `/dev/null`, or an empty file.
fn is_mask(found: &super::Found) -> bool {
    !found.dangling
        && (FileType::from_raw_mode(found.stat.st_mode) == FileType::CharacterDevice
            || found.path == Path::new("/dev/null")
            || found.stat.st_size == 0)
}

/// In a root directory without devices the link leads nowhere, and means the same.
fn leads_to_null(found: &super::Found) -> bool {
    found.link_target.as_deref() == Some(std::ffi::OsStr::new("/dev/null"))
}

/// `app@one.service` is an instance of `app@.service`.
fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, suffix) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{suffix}"))
}

/// The unit's own name and its others, those of the file that it leads to included.
fn names(host: &Host, name: &str, main: &Path, links: Option<&Links>) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let real = host.resolve(main).ok().and_then(|found| found.path.file_name()?.to_str().map(str::to_owned));
    names.extend(real.filter(|real| template(name).as_ref() != Some(real)));
    let others = links.and_then(|links| links.aliases.get(name));
    names.extend(others.into_iter().flatten().cloned());
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The folders of drop-ins for a name, the most specific first: its own, its template's, those of its dashed prefixes.
fn folders(name: &str) -> Vec<String> {
    let mut folders = vec![name.to_owned()];
    folders.extend(template(name));
    if let Some((stem, suffix)) = name.rsplit_once('.') {
        let stem = stem.split('@').next().unwrap_or_default();
        let dashes: Vec<usize> = stem.match_indices('-').map(|(at, _)| at).filter(|at| at + 1 < stem.len()).collect();
        let prefixes = dashes.iter().rev().filter_map(|at| stem.get(..=*at));
        folders.extend(prefixes.map(|prefix| format!("{prefix}.{suffix}")));
    }
    folders
}

/// The drop-ins by file name. Of those with the same name only the first counts: the directory decides before the folder
/// in it, so that `/etc/…/app-.service.d/x.conf` stands in place of `/usr/lib/…/app-web.service.d/x.conf`. Those for all units of
/// a kind come last.
fn drop_ins(host: &Host, names: &[String]) -> Result<Vec<PathBuf>, Reason> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let kind = names.first().and_then(|name| name.rsplit('.').next()).map(str::to_owned);
    let own = names.iter().map(|name| folders(name));
    for folders in own.chain(std::iter::once(kind.into_iter().collect())) {
        for directory in DIRECTORIES {
            for folder in &folders {
                let matches = host.find(&format!("{directory}/{}.d/*.conf", escape(folder)))?;
                if let Some(reason) = matches.more {
                    return Err(reason);
                }
                for path in matches.paths {
                    let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
                    if !file.starts_with('.') {
                        found.entry(file).or_insert(path);
                    }
                }
            }
        }
    }
    let is_there = |path: &PathBuf| match host.resolve(path) {
        Ok(found) => !found.dangling && !is_mask(&found),
        Err(Trouble::Absent) => false,
        // Reading it will say why it cannot be seen.
        Err(Trouble::Unseen(_)) => true,
    };
    Ok(found.into_values().filter(is_there).collect())
}

fn load<'p>(host: &Host, paths: impl Iterator<Item = &'p PathBuf>) -> Result<Vec<Sourced>, Reason> {
    let mut directives = Vec::new();
    for path in paths {
        let content = match host.read(path, LIMIT) {
            Ok(content) => content,
            Err(Trouble::Absent) => continue,
            Err(Trouble::Unseen(reason)) => return Err(reason),
        };
        let parsed = unit::parse(&String::from_utf8_lossy(&content));
        directives.extend(parsed.into_iter().map(|directive| Sourced { path: path.clone(), directive }));
    }
    Ok(directives)
}

fn escape(name: &str) -> String {
    name.chars().flat_map(|c| (!c.is_ascii_alphanumeric()).then_some('\\').into_iter().chain([c])).collect()
}

/// The section that holds the execution settings of this kind of unit.
pub fn section(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("socket") => "Socket",
        Some("mount") => "Mount",
        Some("swap") => "Swap",
        _ => "Service",
    }
}

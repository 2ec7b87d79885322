//! `harden.toml`: targets, profiles, inputs, the gate. Read into the same spanned tree as rules, so that its mistakes are
//! shown in the same way and all at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::rule::Severity;
use crate::rule::compile::Reader;
use crate::rule::input::{Given, Giver, Inputs};
use crate::rule::{pack, profile};
use crate::yaml::{Key, Kind, MAX_BYTES, Node};

const KEYS: [&str; 7] = ["profiles", "rules", "fail_on", "allow_unknown", "timeout", "inputs", "targets"];
const TARGET_KEYS: [&str; 5] = ["root", "docker", "postgres", "compose", "manifests"];
const MANIFESTS_KEYS: [&str; 2] = ["name", "files"];
const COMPOSE_KEYS: [&str; 5] = ["name", "files", "env_files", "profiles", "own_env"];
const POSTGRES_KEYS: [&str; 2] = ["name", "dsn"];

/// What the file says; everything is optional.
#[derive(Debug, Default)]
pub struct Config {
    pub profiles: Vec<String>,
    /// Where the file names profiles and directories of rules, for what is said of one that is not there.
    pub places: Vec<(String, Source, Range<usize>)>,
    /// Directories of rules, relative to the file.
    pub rules: Vec<PathBuf>,
    pub fail_on: Option<Severity>,
    pub allow_unknown: Option<bool>,
    /// Seconds that one query may take.
    pub timeout: Option<u64>,
    pub inputs: BTreeMap<String, Given>,
    pub root: Option<PathBuf>,
    pub docker: Option<String>,
    /// Names, where given, and connection strings or where to find them.
    pub postgres: Vec<(Option<String>, String)>,
    pub compose: Vec<Compose>,
    /// Sets of Kubernetes manifests: a name, where given, and files or directories.
    pub manifests: Vec<(Option<String>, Vec<PathBuf>)>,
}

/// A Compose project, as the file names it.
#[derive(Debug, Default, PartialEq)]
pub struct Compose {
    /// The target's name.
    pub name: Option<String>,
    /// Its files, or its directory.
    pub files: Vec<PathBuf>,
    pub env_files: Vec<PathBuf>,
    pub profiles: Vec<String>,
    /// Whether the variables that harden was started with count.
    pub own_env: bool,
}

impl Config {
    fn note(&mut self, source: &Source, value: &Node) {
        let items = value.sequence().unwrap_or(std::slice::from_ref(value));
        let texts = items.iter().filter_map(|item| Some((item.text()?.to_owned(), item.span.clone())));
        self.places.extend(texts.map(|(text, span)| (text, source.clone(), span)));
    }

    /// Where the file names what is not there.
    pub fn place(&self, is_it: impl Fn(&str) -> bool) -> Option<(&Source, Range<usize>)> {
        let place = self.places.iter().find(|(text, ..)| is_it(text));
        place.map(|(_, source, span)| (source, span.clone()))
    }
}

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<Config, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let shown = path.display().to_string();
    match read(path) {
        Ok(text) => {
            let source = Source::new(&shown, text);
            match parse(&source, path.parent().unwrap_or(Path::new("."))) {
                Ok(config) => return Ok(config),
                Err(problems) => diagnostics.add(&source, problems),
            }
        }
        Err(error) => {
            diagnostics.add(&Source::new(&shown, ""), [Problem::new(0..0, format!("failed to read: {error}"))])
        }
    }
    Err(diagnostics)
}

/// The file's text, read no further than a configuration may be long.
fn read(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind};
    let bytes = pack::read_regular(path, MAX_BYTES + 1)?;
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

/// Reads the text of a configuration file; `base` is what its relative paths start from.
pub fn parse(source: &Source, base: &Path) -> Result<Config, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        let problem = |error: &toml::de::Error| {
            Problem::new(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()))
        };
        return Err(errors.iter().map(problem).collect());
    }
    let root = Node { span: 0..source.text.len(), tag: None, kind: mapping(table.get_ref()) };
    let inputs = Inputs::new();
    let reader = Reader::new(&inputs);
    let config = lower(&reader, &root, source, base);
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn mapping(table: &DeTable<'_>) -> Kind {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (Key { span: key.span(), name: name.to_string() }, node(value))
    };
    Kind::Mapping(table.iter().map(entry).collect())
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let plain = |text: String| Kind::Scalar { text, quoted: false };
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Scalar { text: text.to_string(), quoted: true },
        DeValue::Integer(number) => plain(number.to_string()),
        DeValue::Float(number) => plain(number.to_string()),
        DeValue::Boolean(truth) => plain(truth.to_string()),
        DeValue::Datetime(time) => plain(time.to_string()),
        DeValue::Array(items) => Kind::Sequence(items.iter().map(node).collect()),
        DeValue::Table(table) => mapping(table),
    };
    Node { span: value.span(), tag: None, kind }
}

fn lower(reader: &Reader<'_>, root: &Node, source: &Source, base: &Path) -> Config {
    let mut config = Config::default();
    for (key, value) in reader.keys(root, &KEYS, "harden.toml") {
        match key.name.as_str() {
            "profiles" => {
                config.profiles = reader.texts(value);
                config.note(source, value);
            }
            "rules" => {
                config.rules = reader.texts(value).iter().map(|path| base.join(path)).collect();
                config.note(source, value);
            }
            "fail_on" => config.fail_on = reader.word(value, &Severity::ALL, "severity"),
            "allow_unknown" => {
                config.allow_unknown = reader.word(value, &[("true", true), ("false", false)], "truth value")
            }
            "timeout" => config.timeout = timeout(reader, value),
            "inputs" => config.inputs = profile::inputs(reader, value, source, &Giver::Configuration),
            "targets" => targets(reader, value, base, &mut config),
            _ => {}
        }
    }
    config
}

/// Seconds, in the range that `--timeout` has.
fn timeout(reader: &Reader<'_>, node: &Node) -> Option<u64> {
    let seconds = node.text().and_then(|text| text.parse().ok()).filter(|seconds| (1..=3600).contains(seconds));
    if seconds.is_none() {
        reader.expected(node, "seconds from 1 to 3600");
    }
    seconds
}

fn targets(reader: &Reader<'_>, node: &Node, base: &Path, config: &mut Config) {
    for (key, value) in reader.keys(node, &TARGET_KEYS, "`targets`") {
        match key.name.as_str() {
            "root" => config.root = reader.text(value).map(|path| base.join(path)),
            "docker" => config.docker = reader.text(value).map(str::to_owned),
            "postgres" => match value.sequence() {
                Some(items) => config.postgres.extend(items.iter().filter_map(|item| postgres(reader, item))),
                None => config.postgres.extend(postgres(reader, value)),
            },
            "compose" => {
                let items = value.sequence().unwrap_or(std::slice::from_ref(value));
                config.compose.extend(items.iter().map(|item| compose(reader, item, base)));
            }
            "manifests" => {
                let items = value.sequence().unwrap_or(std::slice::from_ref(value));
                config.manifests.extend(items.iter().map(|item| manifests(reader, item, base)));
            }
            _ => {}
        }
    }
}

/// A path, or a map with several.
fn manifests(reader: &Reader<'_>, node: &Node, base: &Path) -> (Option<String>, Vec<PathBuf>) {
    if node.text().is_some() {
        return (None, reader.text(node).map(|path| base.join(path)).into_iter().collect());
    }
    reader.keys(node, &MANIFESTS_KEYS, "a set of manifests");
    let files = reader.required(node, "files").map(|value| reader.texts(value)).unwrap_or_default();
    let name = node.get("name").and_then(|value| reader.text(value)).map(str::to_owned);
    (name, files.iter().map(|path| base.join(path)).collect())
}

fn postgres(reader: &Reader<'_>, node: &Node) -> Option<(Option<String>, String)> {
    if node.text().is_some() {
        return Some((None, reader.text(node)?.to_owned()));
    }
    reader.keys(node, &POSTGRES_KEYS, "a PostgreSQL target");
    let dsn = reader.required(node, "dsn").and_then(|value| reader.text(value))?;
    let name = node.get("name").and_then(|value| reader.text(value));
    Some((name.map(str::to_owned), dsn.to_owned()))
}

/// A path, or a map of what makes up the project.
fn compose(reader: &Reader<'_>, node: &Node, base: &Path) -> Compose {
    if node.text().is_some() {
        return Compose {
            files: reader.text(node).map(|path| base.join(path)).into_iter().collect(),
            ..Compose::default()
        };
    }
    let mut project = Compose::default();
    let paths = |value| reader.texts(value).iter().map(|path| base.join(path)).collect();
    reader.required(node, "files");
    for (key, value) in reader.keys(node, &COMPOSE_KEYS, "a Compose project") {
        match key.name.as_str() {
            "name" => project.name = reader.text(value).map(str::to_owned),
            "files" => project.files = paths(value),
            "env_files" => project.env_files = paths(value),
            "profiles" => project.profiles = reader.texts(value),
            "own_env" => {
                let words = [("true", true), ("false", false)];
                project.own_env = reader.word(value, &words, "truth value").unwrap_or_default();
            }
            _ => {}
        }
    }
    project
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let source = Source::new("harden.toml", text);
        parse(&source, Path::new("/etc/harden")).map_err(|problems| {
            let mut diagnostics = Diagnostics::default();
            diagnostics.add(&source, problems);
            diagnostics.render(false, 100)
        })
    }

    #[test]
    fn a_whole_file() {
        let config = read(
            "profiles = [\"default\"]\nrules = [\"rules\"]\nfail_on = \"high\"\nallow_unknown = true\ntimeout = 5\n\
             [inputs]\ndays = \"14d\"\nports = [\"80\", \"443\"]\n\
             [targets]\nroot = \"image\"\ndocker = \"unix:///run/docker.sock\"\n\
             postgres = [\"env:DATABASE_URL\", { name = \"main\", dsn = \"file:dsn\" }]\n",
        )
        .unwrap();
        assert_eq!(config.fail_on, Some(Severity::High));
        assert_eq!(config.rules, [PathBuf::from("/etc/harden/rules")]);
        assert_eq!(config.postgres, [(None, "env:DATABASE_URL".into()), (Some("main".into()), "file:dsn".into())]);
        assert_eq!(config.inputs.len(), 2);
        let config = read(
            "[[targets.compose]]\nname = \"shop\"\nfiles = [\"a.yaml\", \"b.yaml\"]\nenv_files = \"prod.env\"\nown_env = true\n\
             [[targets.manifests]]\nfiles = \"deploy\"\n",
        )
        .unwrap();
        let compose = &config.compose[0];
        assert_eq!(compose.files, [PathBuf::from("/etc/harden/a.yaml"), PathBuf::from("/etc/harden/b.yaml")]);
        assert_eq!((compose.env_files.len(), compose.own_env, compose.name.as_deref()), (1, true, Some("shop")));
        assert_eq!(config.manifests, [(None, vec![PathBuf::from("/etc/harden/deploy")])]);
    }

    #[test]
    fn every_mistake_is_shown_with_its_line() {
        let shown = read("profile = [\"default\"]\nfail_on = \"hihg\"\n[targets]\ndoker = \"x\"\n").unwrap_err();
        for part in [
            "did you mean `profiles`?",
            "did you mean `high`?",
            "did you mean `docker`?",
            "harden.toml:2:11",
            "3 problems",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(read("a = \n b = ]").unwrap_err().contains("not TOML"));
    }
}

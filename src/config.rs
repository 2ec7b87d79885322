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

const KEYS: [&str; 8] =
    ["profiles", "rules", "fail_on", "allow_unknown", "timeout", "total_timeout", "inputs", "targets"];
const TARGET_KEYS: [&str; 3] = ["root", "docker", "postgres"];
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
    /// Seconds for all queries together.
    pub total_timeout: Option<u64>,
    pub inputs: BTreeMap<String, Given>,
    pub root: Option<PathBuf>,
    pub docker: Option<String>,
    /// Names, where given, and connection strings or where to find them.
    pub postgres: Vec<(Option<String>, String)>,
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
            "timeout" => config.timeout = seconds(reader, value, 3600),
            "total_timeout" => config.total_timeout = seconds(reader, value, 86_400),
            "inputs" => config.inputs = profile::inputs(reader, value, source, &Giver::Configuration),
            "targets" => targets(reader, value, base, &mut config),
            _ => {}
        }
    }
    config
}

/// Seconds, in the range that the option of the same name has.
fn seconds(reader: &Reader<'_>, node: &Node, most: u64) -> Option<u64> {
    let seconds = node.text().and_then(|text| text.parse().ok()).filter(|seconds| (1..=most).contains(seconds));
    if seconds.is_none() {
        reader.expected(node, &format!("seconds from 1 to {most}"));
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
            _ => {}
        }
    }
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

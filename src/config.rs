//! `harden.toml`: targets, profiles, inputs, the gate. Read into the same spanned tree as rules, so that its mistakes are
//! shown in the same way and all at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::http::origin::Origin;
use crate::rule::Severity;
use crate::rule::compile::Reader;
use crate::rule::input::{Given, Giver, Inputs};
use crate::rule::{pack, profile};
use crate::target::endpoint::{Address, Via, check_server_name};
use crate::yaml::{Key, Kind, MAX_BYTES, Node};

const KEYS: [&str; 9] =
    ["profiles", "rules", "attestations", "fail_on", "allow_unknown", "timeout", "total_timeout", "inputs", "targets"];
const TARGET_KEYS: [&str; 7] = ["root", "docker", "postgres", "postgres_files", "endpoints", "compose", "manifests"];
const MANIFESTS_KEYS: [&str; 2] = ["name", "files"];
const COMPOSE_KEYS: [&str; 5] = ["name", "files", "env_files", "profiles", "own_env"];
const POSTGRES_KEYS: [&str; 2] = ["name", "dsn"];
const ENDPOINT_KEYS: [&str; 10] =
    ["name", "url", "connect", "ca", "server_name", "origins", "headers", "insecure", "admitted", "control"];
/// What the requests themselves decide.
const OWN_HEADERS: [&str; 7] =
    ["host", "origin", "connection", "content-length", "transfer-encoding", "access-control-request-method", "te"];

const TRUTH: [(&str, bool); 2] = [("true", true), ("false", false)];

/// What the file says; everything is optional.
#[derive(Debug, Default)]
pub struct Config {
    pub profiles: Vec<String>,
    /// Where the file names profiles and directories of rules, for what is said of one that is not there.
    pub places: Vec<(String, Source, Range<usize>)>,
    /// Directories of rules, relative to the file.
    pub rules: Vec<PathBuf>,
    /// The folder of the file; none where there is no file.
    pub folder: Option<PathBuf>,
    /// The file of attestations, relative to the file.
    pub attestations: Option<PathBuf>,
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
    /// Main configuration files of servers, by their paths below the root.
    pub postgres_files: Vec<String>,
    pub endpoints: Vec<Endpoint>,
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

/// An endpoint and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    pub name: Option<String>,
    pub url: Address,
    pub connect: Option<Via>,
    pub ca: Option<PathBuf>,
    pub server_name: Option<String>,
    pub origins: Vec<String>,
    /// Names of HTTP headers, and where their values stand: `env:NAME` or `file:PATH`.
    pub headers: Vec<(String, String)>,
    /// Whether HTTP is spoken with whoever answers.
    pub insecure: bool,
    /// Whether it is meant to take connections from where harden runs.
    pub admitted: Option<bool>,
    /// A server that takes connections from everywhere.
    pub control: Option<Via>,
}

impl Endpoint {
    /// An endpoint of which nothing is said but where it is.
    pub fn new(name: Option<String>, url: Address) -> Self {
        let (origins, headers) = (Vec::new(), Vec::new());
        Endpoint {
            name,
            url,
            connect: None,
            ca: None,
            server_name: None,
            origins,
            headers,
            insecure: false,
            admitted: None,
            control: None,
        }
    }
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
    let mut config = Config { folder: Some(base.to_path_buf()), ..Config::default() };
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
            "attestations" => config.attestations = reader.text(value).map(|path| base.join(path)),
            "fail_on" => config.fail_on = reader.word(value, &Severity::ALL, "severity"),
            "allow_unknown" => config.allow_unknown = reader.word(value, &TRUTH, "truth value"),
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
            "postgres_files" => match value.sequence() {
                Some(_) => config.postgres_files.extend(reader.texts(value)),
                None => config.postgres_files.extend(reader.text(value).map(str::to_owned)),
            },
            "endpoints" => match value.sequence() {
                Some(items) => config.endpoints.extend(items.iter().filter_map(|item| endpoint(reader, item, base))),
                None => config.endpoints.extend(endpoint(reader, value, base)),
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

fn endpoint(reader: &Reader<'_>, node: &Node, base: &Path) -> Option<Endpoint> {
    if node.text().is_some() {
        return Some(Endpoint::new(None, checked(reader, node, Address::parse)?));
    }
    reader.keys(node, &ENDPOINT_KEYS, "an endpoint");
    let url = checked(reader, reader.required(node, "url")?, Address::parse)?;
    let text = |name: &str| node.get(name).and_then(|value| reader.text(value)).map(str::to_owned);
    Some(Endpoint {
        name: text("name"),
        url,
        connect: node.get("connect").and_then(|value| checked(reader, value, Via::parse)),
        ca: text("ca").map(|path| base.join(path)),
        server_name: node.get("server_name").and_then(|value| checked(reader, value, check_server_name)),
        origins: node.get("origins").map(|value| origins(reader, value)).unwrap_or_default(),
        headers: node.get("headers").map(|value| headers(reader, value, base)).unwrap_or_default(),
        insecure: node.get("insecure").is_some_and(|value| insecure(reader, value, node)),
        admitted: node.get("admitted").and_then(|value| reader.word(value, &TRUTH, "truth value")),
        control: node.get("control").and_then(|value| checked(reader, value, control)),
    })
}

/// A server with its port.
fn control(text: &str) -> Result<Via, String> {
    let via = Via::parse(text)?;
    if via.port.is_some() { Ok(via) } else { Err("no server: it has no port (`host:443`)".to_owned()) }
}

/// Origins exactly as browsers send them, since they are compared so.
fn origins(reader: &Reader<'_>, node: &Node) -> Vec<String> {
    let origin = |text: &str| match Origin::parse(text) {
        Ok(origin) => Ok(origin.to_string()),
        Err(why) => Err(format!("no origin: it {why}")),
    };
    let items = node.sequence().unwrap_or(std::slice::from_ref(node));
    items.iter().filter_map(|item| checked(reader, item, origin)).collect()
}

/// Headers may be secrets, and a server that is not verified may be anybody.
fn insecure(reader: &Reader<'_>, value: &Node, endpoint: &Node) -> bool {
    let insecure = reader.word(value, &TRUTH, "truth value").unwrap_or(false);
    if insecure && endpoint.get("headers").is_some() {
        let problem = Problem::new(value.span.clone(), "headers are not sent to a server that is not verified");
        reader.report(problem.help("name the certificates to trust as `ca` instead"));
    }
    insecure
}

/// What the text of a node stands for; the error of `parse` says what it is instead.
fn checked<T>(reader: &Reader<'_>, node: &Node, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    match parse(reader.text(node)?) {
        Ok(value) => Some(value),
        Err(what) => {
            reader.report(Problem::new(node.span.clone(), format!("this is {what}")));
            None
        }
    }
}

/// Headers by name. Their values may be secrets, so they stand elsewhere.
fn headers(reader: &Reader<'_>, node: &Node, base: &Path) -> Vec<(String, String)> {
    let Some(entries) = node.mapping() else {
        reader.expected(node, "a table of headers");
        return Vec::new();
    };
    let header = |(name, value): &(Key, Node)| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.name.is_empty() || !name.name.bytes().all(token) {
            reader.report(Problem::new(name.span.clone(), "this is no name of a header"));
            return None;
        }
        if OWN_HEADERS.contains(&name.name.to_ascii_lowercase().as_str()) {
            reader.report(Problem::new(name.span.clone(), "this header is not free: each request has its own"));
            return None;
        }
        let text = reader.text(value)?;
        if let Some(path) = text.strip_prefix("file:") {
            return Some((name.name.clone(), format!("file:{}", base.join(path).display())));
        }
        if !text.starts_with("env:") {
            let problem = Problem::new(value.span.clone(), "the value of a header does not stand in the configuration");
            reader.report(problem.help("write `env:NAME` or `file:PATH`, where it is kept"));
            return None;
        }
        Some((name.name.clone(), text.to_owned()))
    };
    entries.iter().filter_map(header).collect()
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
    fn endpoints_with_all_that_is_said_of_them() {
        let config =
            read("[targets]\nendpoints = [\"https://a.example/\", { name = \"b\", url = \"tls://b.example:853\" }]\n")
                .unwrap();
        assert_eq!(config.endpoints.len(), 2);
        assert_eq!(config.endpoints[0], Endpoint::new(None, Address::parse("https://a.example/").unwrap()));
        let config = read(
            "[[targets.endpoints]]\nurl = \"https://a.example/\"\nconnect = \"127.0.0.1:8443\"\nca = \"ca.pem\"\n\
             server_name = \"b.example\"\norigins = [\"https://c.example\"]\nadmitted = false\ncontrol = \"d.example:443\"\n\
             headers = { Authorization = \"env:TOKEN\", Cookie = \"file:cookie\" }\n",
        )
        .unwrap();
        let endpoint = &config.endpoints[0];
        assert_eq!(endpoint.connect, Some(Via { host: "127.0.0.1".into(), port: Some(8443) }));
        assert_eq!(endpoint.ca.as_deref(), Some(Path::new("/etc/harden/ca.pem")));
        assert_eq!(endpoint.admitted, Some(false));
        assert_eq!(endpoint.control, Some(Via { host: "d.example".into(), port: Some(443) }));
        let headers = [("Authorization", "env:TOKEN"), ("Cookie", "file:/etc/harden/cookie")];
        assert_eq!(endpoint.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn mistakes_in_endpoints_quote_no_secret() {
        for (text, part) in [
            ("url = \"https://u:hunter2@h/\"", "password"),
            ("url = \"https://h/\"\nheaders = { Authorization = \"Bearer hunter2\" }", "env:NAME"),
            ("url = \"https://h/\"\nserver_name = \"127.0.0.1\"", "address"),
            ("url = \"https://h/\"\nconnect = \"h:0\"", "port"),
            ("url = \"https://h/\"\norigins = [\"https://a.example/\"]", "no path and no slash"),
            ("url = \"https://h/\"\nheaders = { Host = \"env:X\" }", "not free"),
            ("url = \"https://h/\"\ninsecure = true\nheaders = { A = \"env:X\" }", "`ca` instead"),
            ("name = \"x\"", "`url:` is missing"),
            ("urll = \"x\"\nurl = \"https://h\"", "did you mean `url`?"),
        ] {
            let shown = read(&format!("[[targets.endpoints]]\n{text}\n")).unwrap_err();
            assert!(shown.contains(part), "{part} in {shown}");
        }
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

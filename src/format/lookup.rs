//! A configuration file whatever its format: what it says, and what one of its keys is set to.

use secrecy::ExposeSecret;

use super::node::{Document, Kind, Names, Node, Place, select};
use super::reference::references;
use super::source::Files;
use super::{Text, dotenv, hcl, keyed, mysql, postgresql, tree, typed};
use crate::value::Type;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
    Toml,
    Ini,
    Hcl,
    Dotenv,
    KeyValue,
    Postgresql,
    Mysql,
    /// A stack's settings (`Pulumi.<stack>.yaml`): YAML with encrypted values.
    Pulumi,
}

/// The words for them.
pub const FORMATS: &[(&str, Format)] = &[
    ("json", Format::Json),
    ("yaml", Format::Yaml),
    ("toml", Format::Toml),
    ("ini", Format::Ini),
    ("hcl", Format::Hcl),
    ("dotenv", Format::Dotenv),
    ("env", Format::Dotenv),
    ("keyvalue", Format::KeyValue),
    ("postgresql", Format::Postgresql),
    ("mysql", Format::Mysql),
    ("pulumi", Format::Pulumi),
];

/// The same words without their table.
pub const FORMAT_WORDS: &[&str] =
    &["json", "yaml", "toml", "ini", "hcl", "dotenv", "env", "keyvalue", "postgresql", "mysql", "pulumi"];

/// Which value of a repeated key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    First,
    Last,
    /// All of them, as a list.
    List,
    /// It depends on the program.
    Unclear,
}

impl Format {
    pub fn of(word: &str) -> Option<Format> {
        FORMATS.iter().find(|(known, _)| *known == word).map(|(_, format)| *format)
    }

    /// How its names are compared.
    pub fn names(self) -> Names {
        match self {
            Format::Postgresql => Names::AnyCase,
            Format::Mysql => Names::Options,
            Format::Json
            | Format::Yaml
            | Format::Toml
            | Format::Ini
            | Format::Hcl
            | Format::Dotenv
            | Format::KeyValue
            | Format::Pulumi => Names::Exact,
        }
    }

    /// Which of several values counts.
    pub fn repeats(self) -> Repeats {
        match self {
            Format::Postgresql | Format::Mysql | Format::Dotenv => Repeats::Last,
            Format::Json
            | Format::Yaml
            | Format::Toml
            | Format::Ini
            | Format::Hcl
            | Format::KeyValue
            | Format::Pulumi => Repeats::Unclear,
        }
    }

    /// Whether no standard says how letters of another case are taken.
    fn is_loose(self) -> bool {
        matches!(self, Format::Ini | Format::KeyValue)
    }
}

/// What a key is set to.
#[derive(Clone, PartialEq, Eq)]
pub enum Raw {
    /// The text of a scalar, unquoted.
    Text(String),
    /// A list of scalars.
    List(Vec<String>),
}

/// A key that is set.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// `Err` says why the value is not to be had, though the key is set.
    pub value: Result<Raw, String>,
    pub place: Place,
}

/// Values of settings can be secrets.
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Reads a file. The error is a fragment without any part of the text.
pub fn read(format: Format, path: &str, bytes: &[u8], files: &dyn Files) -> Result<Vec<Document>, String> {
    if format == Format::Dotenv {
        return Ok(vec![dotenv_document(path, bytes)?]);
    }
    let body = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    if body.contains('\0') {
        return Err("it holds a NUL byte, which no configuration has".to_owned());
    }
    let text = Text::new(path, body);
    let whole = |root: Node| vec![Document { name: None, root, hole: None }];
    Ok(match format {
        Format::Json => whole(tree::json(&text)?),
        Format::Yaml => tree::yaml(&text)?,
        Format::Toml => whole(tree::toml(&text)?),
        Format::Ini => vec![keyed::ini(&text)],
        Format::Hcl => vec![hcl::read(&text)?],
        Format::KeyValue => vec![keyed::key_value(&text)],
        Format::Postgresql => vec![postgresql::read(&text, files)],
        Format::Mysql => vec![mysql::read(&text, files)],
        Format::Pulumi => {
            let mut documents = tree::yaml(&text)?;
            documents.iter_mut().for_each(|document| seal(&mut document.root));
            documents
        }
        Format::Dotenv => Vec::new(),
    })
}

/// `secure: v1:…` stands for a value that is encrypted.
fn seal(node: &mut Node) {
    match &mut node.kind {
        Kind::Map(entries) if matches!(entries.as_slice(), [(name, _)] if name == "secure") => {
            node.kind = Kind::Encrypted;
        }
        Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| seal(value)),
        Kind::List(items) => items.iter_mut().for_each(seal),
        Kind::Null | Kind::Text { .. } | Kind::Unclear(_) | Kind::Encrypted => {}
    }
}

fn dotenv_document(path: &str, bytes: &[u8]) -> Result<Document, String> {
    let all = dotenv::parse(bytes, dotenv::Dialect::Dotenv).map_err(|fault| fault.to_string())?;
    let text = Text::new(path, "");
    let entries = all.into_iter().map(|assignment| {
        let place = text.line(assignment.line);
        let node = match assignment.value {
            Some(value) => Node::text(value.expose_secret(), false, place),
            None => Node::unclear("it refers to something that harden does not expand", place),
        };
        (assignment.name, node)
    });
    let root = Node { kind: Kind::Map(entries.collect()), place: text.line(1) };
    Ok(Document { name: None, root, hole: None })
}

/// The value that counts of those that a key has. Equal ones agree whatever the program does.
pub fn counting(nodes: &[Node], repeats: Repeats) -> Option<Node> {
    let first = nodes.first()?;
    let several = |node: &Node| Kind::List(vec![node.clone()]);
    let differ = nodes.iter().any(|node| node.kind != first.kind);
    let is_container = |node: &Node| matches!(node.kind, Kind::Map(_));
    Some(match repeats {
        _ if nodes.len() == 1 && repeats != Repeats::List => first.clone(),
        // The parts of a section that is there more than once are asked together.
        _ if nodes.iter().all(is_container) => {
            let parts = nodes.iter().filter_map(|node| match &node.kind {
                Kind::Map(entries) => Some(entries.clone()),
                _ => None,
            });
            Node { kind: Kind::Map(parts.flatten().collect()), place: first.place.clone() }
        }
        Repeats::List if nodes.len() == 1 && matches!(first.kind, Kind::List(_)) => first.clone(),
        Repeats::List if nodes.len() == 1 => Node { kind: several(first), place: first.place.clone() },
        Repeats::List => Node { kind: Kind::List(nodes.to_vec()), place: first.place.clone() },
        Repeats::Last => nodes.last()?.clone(),
        Repeats::First => first.clone(),
        Repeats::Unclear if differ => Node {
            kind: Kind::Unclear(format!(
                "it is set {} times, and which one counts depends on the program",
                nodes.len()
            )),
            place: first.place.clone(),
        },
        Repeats::Unclear => first.clone(),
    })
}

/// The value as the text or the texts that a rule's type reads; `None` where nothing is set. With `literal`, `${NAME}`
/// stands for itself.
pub fn raw(node: &Node, (format, ty): (Format, Type), literal: bool) -> Option<Result<Raw, String>> {
    Some(match &node.kind {
        Kind::Null => return None,
        Kind::List(items) => {
            let texts = items.iter().map(|item| scalar(item, (format, Type::Text), literal));
            texts.collect::<Result<Vec<_>, _>>().map(Raw::List)
        }
        _ => scalar(node, (format, ty), literal).map(Raw::Text),
    })
}

fn scalar(node: &Node, (format, ty): (Format, Type), literal: bool) -> Result<String, String> {
    match &node.kind {
        Kind::Text { text, bare } => match references(text).first().filter(|_| !literal) {
            Some(name) => Err(format!("it refers to `{name}`, which only the program's surroundings tell")),
            None => typed::read(format, text, *bare, ty),
        },
        Kind::Unclear(why) => Err(why.clone()),
        Kind::Encrypted => Err("it is encrypted in the file".to_owned()),
        Kind::Null | Kind::List(_) | Kind::Map(_) => Err("it has keys or lists of its own".to_owned()),
    }
}

/// Whether the name stands there in other letters, which some programs take for the same.
pub fn in_other_letters(format: Format, root: &Node, key: &str) -> Option<Place> {
    let near = if format.is_loose() { select(root, key, Names::AnyCase) } else { Vec::new() };
    near.first().and_then(|found| found.nodes.first()).map(|node| node.place.clone())
}

/// Why it is unclear whether such a name counts.
pub const OTHER_LETTERS: &str = "it is spelt there in other letters, and whether they count depends on the program";

/// Looks one key up. In nested formats its parts are joined by dots (`database.sslmode`, `hosts.0`), in ini the
/// section comes first. `Ok(None)` is certain: nothing sets it. The error is a fragment without any part of the text.
pub fn lookup(
    (format, ty): (Format, Type),
    path: &str,
    bytes: &[u8],
    key: &str,
    files: &dyn Files,
) -> Result<Option<Found>, String> {
    let documents = read(format, path, bytes, files)?;
    let [document] = documents.as_slice() else {
        return match documents.len() {
            0 => Ok(None),
            many => Err(format!("it holds {many} documents")),
        };
    };
    let found = select(&document.root, key, format.names());
    let [selected] = found.as_slice() else {
        if found.len() > 1 {
            return Err(format!("the key stands for {} values", found.len()));
        }
        if let Some(why) = &document.hole {
            return Err(why.clone());
        }
        let near = in_other_letters(format, &document.root, key);
        return Ok(near.map(|place| Found { value: Err(OTHER_LETTERS.to_owned()), place }));
    };
    let Some(node) = counting(&selected.nodes, format.repeats()) else { return Ok(None) };
    Ok(raw(&node, (format, ty), false).map(|value| Found { value, place: node.place }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::source::NoFiles;
    use proptest::prelude::*;

    fn look(format: Format, text: &str, key: &str) -> Result<Option<Found>, String> {
        lookup((format, Type::Text), "f", text.as_bytes(), key, &NoFiles)
    }

    fn text(format: Format, text: &str, key: &str) -> Option<(String, usize)> {
        let found = look(format, text, key).unwrap()?;
        match found.value.unwrap() {
            Raw::Text(value) => Some((value, found.place.line)),
            Raw::List(items) => Some((items.join("|"), found.place.line)),
        }
    }

    fn unclear(format: Format, text: &str, key: &str) -> bool {
        look(format, text, key).map_or(true, |found| found.unwrap().value.is_err())
    }

    fn at(value: &str, line: usize) -> Option<(String, usize)> {
        Some((value.to_owned(), line))
    }

    #[test]
    fn trees_are_walked_by_dots() {
        let json = "{\n\t\"a\": {\"b\": 1,\n \"x.y\": \"\\u00e4\"},\n \"l\": [true,\n \"s\"], \"n\": null}";
        assert_eq!(text(Format::Json, json, "a.b"), at("1", 2));
        assert_eq!(text(Format::Json, json, "a.x.y"), at("ä", 3));
        assert_eq!(text(Format::Json, json, "l"), at("true|s", 4));
        assert_eq!(text(Format::Json, json, "l.1"), at("s", 5));
        assert_eq!(text(Format::Json, json, "n"), None);
        assert_eq!(text(Format::Json, json, "a.c"), None);
        assert!(unclear(Format::Json, json, "a"));
        let yaml = "a:\n  b: no\nl:\n  - x\n  - y\nn: ~\n";
        assert_eq!(text(Format::Yaml, yaml, "a.b"), at("no", 2));
        assert_eq!(text(Format::Yaml, yaml, "l"), at("x|y", 4));
        assert_eq!(text(Format::Yaml, yaml, "n"), None);
        let toml = "x = 1\n[a.\"b.c\"]\nd = true\nt = 1979-05-27\nl = ['p', 'q']\n";
        assert_eq!(text(Format::Toml, toml, "x"), at("1", 1));
        assert_eq!(text(Format::Toml, toml, "a.b.c.d"), at("true", 3));
        assert_eq!(text(Format::Toml, toml, "a.b.c.t"), at("1979-05-27", 4));
        assert_eq!(text(Format::Toml, toml, "a.b.c.l"), at("p|q", 5));
    }

    #[test]
    fn what_readers_disagree_about_is_unclear() {
        assert!(unclear(Format::Json, "{\"a\": 1, \"a\": 2}", "a"));
        assert_eq!(text(Format::Json, "{\"a\": 1, \"a\": 1}", "a"), at("1", 1));
        assert!(unclear(Format::Ini, "a = 1\n  b = 2\n", "a"), "Python's configparser goes on");
        assert!(unclear(Format::Ini, "a = 1 \\\nb = 2\n", "b"));
        assert_eq!(text(Format::Ini, "[s]\n  a = 1\n  b = 2\n", "s.b"), at("2", 3));
        assert!(unclear(Format::Ini, "[include]\npath = x\n[user]\nname = y\n", "user.name"));
        assert!(unclear(Format::Yaml, "a: !Ref x\n", "a"));
        assert!(look(Format::Yaml, "a: 1\n---\na: 2\n", "a").is_err());
    }

    #[test]
    fn lines_are_read_by_their_own_rules() {
        let ini = "top = 0\n; c\n[s.t]\nk = \"v\"\nother: x\n";
        assert_eq!(text(Format::Ini, ini, "top"), at("0", 1));
        assert_eq!(text(Format::Ini, ini, "s.t.k"), at("v", 4));
        assert_eq!(text(Format::Ini, ini, "s.t.other"), at("x", 5));
        assert_eq!(text(Format::Ini, ini, "s.k"), None);
        assert_eq!(text(Format::Ini, "[job-run \"a.b\"]\nimage = x\n", "job-run \"a.b\".image"), at("x", 2));
        assert!(unclear(Format::Ini, "a = b ; c", "a"));
        assert!(unclear(Format::Ini, "a = 1\na = 2", "a"));
        assert!(look(Format::Ini, "!include x\n", "a").is_err());
        let pairs = "# c\nPort 22\nA=b\nlog_dir: /x\n";
        assert_eq!(text(Format::KeyValue, pairs, "Port"), at("22", 2));
        assert_eq!(text(Format::KeyValue, pairs, "A"), at("b", 3));
        assert!(unclear(Format::KeyValue, pairs, "port"));
        assert!(look(Format::KeyValue, "Include x/*\n", "a").is_err());
        assert!(unclear(Format::KeyValue, "Match User x\n a 1\n", "a"));
        let conf = "SSL = on # c\nlog_line_prefix = 'it''s \\x %m'\nssl off\ninclude_dir_x = 1\n";
        assert_eq!(text(Format::Postgresql, conf, "ssl"), at("off", 3));
        assert_eq!(text(Format::Postgresql, conf, "log_line_prefix"), at("it's x %m", 2));
        assert!(unclear(Format::Postgresql, "ssl = on\ninclude 'x'\n", "ssl"));
        assert_eq!(text(Format::Postgresql, "include 'x'\nssl = on\n", "ssl"), at("on", 2), "the last one counts");
        assert_eq!(text(Format::Dotenv, "A=1\nA=2\n", "A"), at("2", 2));
        assert!(unclear(Format::Dotenv, "A=${B}", "A"));
        let options =
            "[mysqld]\nbind-address=::1 # c\nskip-networking\nskip-ssl\nloose-x = \"a\\tb\"\n[client]\nport=1\n";
        assert_eq!(text(Format::Mysql, options, "mysqld.bind_address"), at("::1", 2));
        assert_eq!(text(Format::Mysql, options, "mysqld.skip-networking"), at("1", 3));
        assert_eq!(text(Format::Mysql, options, "mysqld.ssl"), at("0", 4));
        assert_eq!(text(Format::Mysql, options, "mysqld.x"), at("a\tb", 5));
        assert_eq!(text(Format::Mysql, options, "mysqld.port"), None);
        let stack = "config:\n  app:token:\n    secure: v1:abc\n  app:region: eu\n";
        assert_eq!(text(Format::Pulumi, stack, "config.app:region"), at("eu", 4));
        assert!(unclear(Format::Pulumi, stack, "config.app:token"));
    }

    #[test]
    fn the_words_are_those_of_the_table() {
        assert!(FORMATS.iter().map(|(word, _)| word).eq(FORMAT_WORDS));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120), key in "[a-c.0*]{0,6}") {
            for (_, format) in FORMATS {
                let _ = lookup((*format, Type::Text), "f", &bytes, &key, &NoFiles);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ab.=:\\[\\]{}'\"#;!<& \n\\\\,0-9-]{0,60}", key in "[ab.0*]{0,6}") {
            for (_, format) in FORMATS {
                let _ = look(*format, &text, &key);
            }
        }

        #[test]
        fn an_error_quotes_nothing(secret in "[A-Z]{12}") {
            for (_, format) in FORMATS {
                for text in [format!("a: {{{secret}"), format!("\"a\" = {secret}\"'"), format!("a = '{secret}"), format!("[{secret}"), format!("!{secret}")] {
                    let result = look(*format, &text, "a");
                    let said = match &result {
                        Err(error) => error.clone(),
                        Ok(found) => format!("{found:?}{:?}", found.as_ref().and_then(|f| f.value.as_ref().err())),
                    };
                    prop_assert!(!said.contains(&secret), "{said}");
                }
            }
        }
    }
}

//! What a resource is: everything there is to say about it, once, for the terminal, for programs and for the pages.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use crate::resource::{Accepts, Field, Param, Resource, With};
use crate::rule::Rule;
use crate::rule::matchers::{Name, fitting};
use crate::target::Kind;
use crate::value::Type;
use crate::value::types::AS;

/// Everything about a resource.
#[derive(Debug, Serialize)]
pub struct About<'r> {
    pub name: &'static str,
    pub about: &'static str,
    /// Where it is read from, in words.
    pub read_from: String,
    pub targets: BTreeSet<Kind>,
    /// The least privilege that sees all of it.
    pub privilege: &'static str,
    /// Whether a rule must say what it means that it is missing.
    pub can_be_absent: bool,
    pub parameters: Vec<Parameter>,
    pub fields: Vec<FieldAbout>,
    /// The matchers of each type that its fields have.
    pub matchers: Vec<Matchers>,
    /// Ids of the rules that look at it.
    pub rules: Vec<&'r str>,
}

#[derive(Debug, Serialize)]
pub struct Parameter {
    pub name: &'static str,
    pub required: bool,
    pub accepts: String,
    /// The words that it accepts, where these are all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<&'static str>,
    pub about: &'static str,
}

#[derive(Debug, Serialize)]
pub struct FieldAbout {
    pub name: &'static str,
    /// The type, with its unit.
    #[serde(rename = "type")]
    pub ty: String,
    pub about: &'static str,
    /// Where the observed program keeps it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source: &'static str,
    /// The fields of its items, where these are records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldAbout>,
}

/// The matchers that fit a type.
#[derive(Debug, Serialize)]
pub struct Matchers {
    #[serde(rename = "type")]
    pub ty: String,
    pub matchers: Vec<MatcherAbout>,
}

#[derive(Debug, Serialize)]
pub struct MatcherAbout {
    pub name: &'static str,
    /// What can stand behind it, as YAML.
    pub example: String,
    /// When it holds.
    pub about: &'static str,
}

impl<'r> About<'r> {
    pub fn new(resource: &Resource, rules: &'r [Rule]) -> Self {
        let looks = |rule: &&Rule| rule.selections().iter().any(|looked| looked.resource.name == resource.name);
        let kinds = kinds(resource);
        About {
            name: resource.name,
            about: resource.about,
            read_from: read_from(&kinds),
            targets: kinds.iter().map(|(kind, _)| *kind).collect(),
            privilege: resource.privilege,
            can_be_absent: resource.can_be_absent,
            parameters: resource.params.iter().map(Parameter::new).collect(),
            fields: resource.fields.iter().map(FieldAbout::new).collect(),
            matchers: matchers(resource),
            rules: rules.iter().filter(looks).map(|rule| &*rule.id).collect(),
        }
    }

    /// What it means for a rule that the thing may be missing.
    pub fn absence(&self) -> &'static str {
        match self.can_be_absent {
            true => "can be missing: a check on it says what that means (`absent:`)",
            false => "cannot be missing: to require that something is selected, write `at_least: 1`",
        }
    }
}

impl Matchers {
    /// Those of a type.
    pub fn of(ty: Type) -> Self {
        let about = |matcher: Name| MatcherAbout {
            name: matcher.as_str(),
            example: matcher.example(ty),
            about: matcher.about(ty),
        };
        Matchers { ty: type_words(ty), matchers: fitting(ty).map(about).collect() }
    }

    /// Without those that every type has.
    pub fn own(&self) -> impl Iterator<Item = &MatcherAbout> {
        self.matchers.iter().filter(|matcher| !matcher.is_common())
    }

    /// Those that every type has.
    pub fn common(&self) -> impl Iterator<Item = &MatcherAbout> {
        self.matchers.iter().filter(|matcher| matcher.is_common())
    }
}

impl MatcherAbout {
    fn is_common(&self) -> bool {
        [Name::Exists, Name::Not, Name::AllOf, Name::AnyOf].map(Name::as_str).contains(&self.name)
    }
}

/// The kinds of targets and when each is asked, found by asking: whose variables are meant decides for some resources.
fn kinds(resource: &Resource) -> Vec<(Kind, &'static str)> {
    let container = With::from_iter([
        ("of".to_owned(), Json::from("container")),
        ("from".to_owned(), serde_json::json!([{ "env": "NAME", "of": "container" }])),
    ]);
    let endpoint = With::from_iter([("from".to_owned(), Json::from("endpoint"))]);
    let questions = [
        (With::new(), ""),
        (container, " where a container's variables are asked for"),
        (endpoint, " with `from: endpoint`"),
    ];
    let mut kinds: Vec<(Kind, &str)> = Vec::new();
    for (with, when) in questions {
        let kind = (resource.target)(&with);
        if kinds.iter().all(|(other, _)| *other != kind) {
            kinds.push((kind, when));
        }
    }
    kinds
}

fn read_from(kinds: &[(Kind, &str)]) -> String {
    kinds.iter().map(|(kind, when)| format!("{}{when}", target(*kind))).collect::<Vec<_>>().join("; ")
}

fn target(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "a host or a root directory",
        Kind::Docker => "a Docker daemon",
        Kind::Postgres => "a PostgreSQL server",
        Kind::Endpoint => "an endpoint",
        Kind::Manifest => "a Compose project or Kubernetes manifests",
        Kind::PostgresFiles => "the configuration files of a PostgreSQL server",
        Kind::Cluster => "a PostgreSQL server, or its configuration files",
        Kind::Containers => "a Docker daemon, a Compose project or Kubernetes manifests",
    }
}

impl Parameter {
    fn new(param: &Param) -> Self {
        let (accepts, words) = match param.accepts {
            Accepts::Text => ("text; a list asks one query for each item".to_owned(), Vec::new()),
            Accepts::Texts => ("text, or a list of texts".to_owned(), Vec::new()),
            Accepts::As => ("a type; `text` when not given".to_owned(), as_words()),
            Accepts::AsElse(ty) => (format!("a type; `{}` when not given", ty.name()), as_words()),
            Accepts::Words(words) => ("one of its words".to_owned(), words.to_vec()),
            Accepts::Layers => {
                ("a list of `{ env, of }`, `{ file, format, key }` and `{ default }`".to_owned(), Vec::new())
            }
        };
        Parameter { name: param.name, required: param.required, accepts, words, about: param.about }
    }
}

fn as_words() -> Vec<&'static str> {
    AS.iter().map(|(word, _)| *word).collect()
}

impl FieldAbout {
    fn new(field: &Field) -> Self {
        FieldAbout {
            name: field.name,
            ty: type_words(field.ty),
            about: field.about,
            source: field.source,
            fields: record(field.ty).unwrap_or_default().iter().map(FieldAbout::new).collect(),
        }
    }
}

/// The fields of a record, or of the records in a list or a map.
fn record(ty: Type) -> Option<&'static [Field]> {
    match ty {
        Type::Record(table) => Some(table),
        Type::List(item) | Type::Map(item) => record(*item),
        _ => None,
    }
}

/// The matchers of each type of the fields, those of records' fields too. What a field is read `as` has those of its
/// default type.
fn matchers(resource: &Resource) -> Vec<Matchers> {
    let mut found: Vec<Matchers> = Vec::new();
    let mut tables = vec![resource.fields];
    while let Some(table) = tables.pop() {
        for field in table {
            tables.extend(record(field.ty));
            let ty = if matches!(field.ty, Type::As) { resource.as_type(&With::new()) } else { field.ty };
            let of_type = Matchers::of(ty);
            if found.iter().all(|known| known.ty != of_type.ty) {
                found.push(of_type);
            }
        }
    }
    found.sort_by(|a, b| a.ty.cmp(&b.ty));
    found
}

/// The type's name with its unit; the fields of a record are told by themselves.
pub(crate) fn type_words(ty: Type) -> String {
    match ty {
        Type::Size => "size (bytes; written `512MiB`)".to_owned(),
        Type::Duration => "duration (seconds; written `30d`)".to_owned(),
        Type::Mode => "mode (octal, quoted: `\"0640\"`)".to_owned(),
        Type::Record(_) => "record".to_owned(),
        Type::List(item) => format!("list of {}", type_words(*item)),
        Type::Map(item) => format!("map of {}", type_words(*item)),
        ty => ty.name(),
    }
}

//! The nested formats: JSON (RFC 8259), YAML and TOML 1.0.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use super::node::{Document, Kind, MAX_DEPTH, Node};
use super::{Text, line_of};
use crate::yaml;

/// The members of an object in the order of the text, repeated ones too.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

pub(super) fn json(text: &Text<'_>) -> Result<Node, String> {
    let whole: &RawValue = serde_json::from_str(text.body)
        .map_err(|error| format!("it is not JSON (line {}, column {})", error.line(), error.column()))?;
    let node = json_node(text, whole.get(), 0);
    node.ok_or_else(|| format!("it is nested deeper than {MAX_DEPTH} levels"))
}

fn json_node(text: &Text<'_>, raw: &str, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH {
        return None;
    }
    let place = text.at((raw.as_ptr() as usize).saturating_sub(text.body.as_ptr() as usize));
    let kind = match raw.as_bytes().first()? {
        b'{' => {
            let Members(members) = serde_json::from_str(raw).ok()?;
            let members =
                members.into_iter().map(|(name, value)| Some((name, json_node(text, value.get(), depth + 1)?)));
            Kind::Map(members.collect::<Option<_>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            Kind::List(items.into_iter().map(|item| json_node(text, item.get(), depth + 1)).collect::<Option<_>>()?)
        }
        b'"' => Kind::Text { text: serde_json::from_str(raw).ok()?, bare: false },
        b'n' => Kind::Null,
        _ => Kind::Text { text: raw.to_owned(), bare: true },
    };
    Some(Node { kind, place })
}

/// Every document of a YAML stream. Merge keys (`<<`) are followed, as YAML 1.1's type repository says.
pub(super) fn yaml(text: &Text<'_>) -> Result<Vec<Document>, String> {
    let roots = yaml::documents(text.body).map_err(|problems| {
        let at = problems.first().map_or(0, |problem| problem.span.start);
        format!("it is not YAML that harden reads (line {})", line_of(text.body, at))
    })?;
    let many = roots.len() > 1;
    let documents = roots.iter().enumerate().map(|(i, root)| {
        let root = yaml_node(text, root);
        Document { name: many.then(|| object_name(&root).unwrap_or_else(|| (i + 1).to_string())), root, hole: None }
    });
    Ok(documents.collect())
}

/// What Kubernetes calls an object: `Deployment/web`.
fn object_name(root: &Node) -> Option<String> {
    let member = |node: &Node, name: &str| match &node.kind {
        Kind::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
        _ => None,
    };
    let text = |node: Node| match node.kind {
        Kind::Text { text, .. } => Some(text),
        _ => None,
    };
    let kind = text(member(root, "kind")?)?;
    let name = text(member(&member(root, "metadata")?, "name")?)?;
    Some(format!("{kind}/{name}"))
}

fn yaml_node(text: &Text<'_>, node: &yaml::Node) -> Node {
    let place = text.at(node.span.start);
    let kind = match (&node.kind, node.tag.as_deref()) {
        (_, Some("vault")) => Kind::Encrypted,
        (yaml::Kind::Scalar { text, .. }, Some("str")) => Kind::Text { text: text.clone(), bare: false },
        // A program's own tag (`!Ref`, `!secret`, `!reference`) stands for something that it looks up.
        (_, Some(_)) => Kind::Unclear("it has a tag of the program's own".to_owned()),
        (yaml::Kind::Scalar { text, quoted: false }, None) if is_null(text) => Kind::Null,
        (yaml::Kind::Scalar { text, quoted }, None) => Kind::Text { text: text.clone(), bare: !quoted },
        (yaml::Kind::Sequence(items), None) => Kind::List(items.iter().map(|item| yaml_node(text, item)).collect()),
        (yaml::Kind::Mapping(entries), None) => match merged(text, entries) {
            Some(members) => Kind::Map(members),
            None => Kind::Unclear("it merges something that is no mapping".to_owned()),
        },
    };
    Node { kind, place }
}

/// The null of YAML 1.2's core schema, which 1.1 has too.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The members of a mapping with those that its merge keys bring; `None` when such a key refers to no mapping.
fn merged(text: &Text<'_>, entries: &[(yaml::Key, yaml::Node)]) -> Option<Vec<(String, Node)>> {
    let (merges, own): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, _)| key.name == "<<");
    let mut known: HashSet<String> = own.iter().map(|(key, _)| key.name.clone()).collect();
    let mut members: Vec<(String, Node)> =
        own.iter().map(|(key, value)| (key.name.clone(), yaml_node(text, value))).collect();
    for (_, value) in merges {
        let maps = match value.sequence() {
            Some(items) => items.iter().collect(),
            None => vec![value],
        };
        for map in maps {
            let Kind::Map(inherited) = yaml_node(text, map).kind else { return None };
            members.extend(inherited.into_iter().filter(|(name, _)| known.insert(name.clone())));
        }
    }
    Some(members)
}

pub(super) fn toml(text: &Text<'_>) -> Result<Node, String> {
    let table = DeTable::parse(text.body).map_err(|error| {
        format!("it is not TOML (line {})", line_of(text.body, error.span().map_or(0, |span| span.start)))
    })?;
    let root = DeValue::Table(table.into_inner());
    toml_node(text, &root, 0, 0).ok_or_else(|| format!("it is nested deeper than {MAX_DEPTH} levels"))
}

fn toml_node(text: &Text<'_>, value: &DeValue<'_>, at: usize, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH {
        return None;
    }
    let bare = |text: String| Kind::Text { text, bare: true };
    let kind = match value {
        DeValue::String(text) => Kind::Text { text: text.to_string(), bare: false },
        // The digits as written; TOML allows `_` between them, and other bases.
        DeValue::Integer(integer) if integer.radix() == 10 => bare(integer.as_str().replace('_', "")),
        DeValue::Integer(integer) => match i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()) {
            Ok(number) => bare(number.to_string()),
            Err(_) => Kind::Unclear("it is a number that does not fit".to_owned()),
        },
        DeValue::Float(float) => bare(float.as_str().replace('_', "")),
        DeValue::Boolean(value) => bare(value.to_string()),
        DeValue::Datetime(value) => bare(value.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| toml_node(text, item.get_ref(), item.span().start, depth + 1));
            Kind::List(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(_, value)| value.span().start);
            let entries = entries.into_iter().map(|(name, value)| {
                let node = toml_node(text, value.get_ref(), value.span().start, depth + 1)?;
                Some((name.get_ref().to_string(), node))
            });
            Kind::Map(entries.collect::<Option<_>>()?)
        }
    };
    Some(Node { kind, place: text.at(at) })
}

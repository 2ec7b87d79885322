//! Keys of nested formats. A key's parts are joined by dots; a key that itself has dots (`a."b.c"`) is found too: the
//! longest name that exists is tried first.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use super::lookup::{Found, Raw, line_of};
use crate::yaml::{self, Kind, Node};

type Answer = Result<Option<Found>, String>;

/// What a node is to a walk.
trait Tree: Sized {
    /// The value of a member by its name, or by its number from 0 in a list.
    fn member(&self, name: &str) -> Option<Self>;
}

/// Follows a dotted key. The longest name goes first, so that of `a.b.c` a member `a.b` wins over `a`.
fn walk<T: Tree>(node: &T, key: &str) -> Option<T> {
    if let Some(found) = node.member(key) {
        return Some(found);
    }
    let mut cuts: Vec<usize> = key.match_indices('.').map(|(at, _)| at).collect();
    cuts.reverse();
    cuts.into_iter().find_map(|at| {
        let (name, rest) = (key.get(..at)?, key.get(at + 1..)?);
        walk(&node.member(name)?, rest)
    })
}

const NESTED: &str = "it has keys or lists of its own";

/// JSON, with each value still as its own piece of the text.
struct Json<'t>(&'t str);

impl<'t> Tree for Json<'t> {
    fn member(&self, name: &str) -> Option<Self> {
        let raw = match self.0.as_bytes().first()? {
            b'{' => *serde_json::from_str::<BTreeMap<String, &'t RawValue>>(self.0).ok()?.get(name)?,
            b'[' => *serde_json::from_str::<Vec<&'t RawValue>>(self.0).ok()?.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
        Some(Json(raw.get()))
    }
}

pub(super) fn json(text: &str, key: &str) -> Answer {
    let whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| format!("it is not JSON (line {}, column {})", error.line(), error.column()))?;
    let Some(Json(found)) = walk(&Json(whole.get()), key) else { return Ok(None) };
    let line = line_of(text, (found.as_ptr() as usize).saturating_sub(text.as_ptr() as usize));
    let scalar = |raw: &RawValue| match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(raw.get()).ok(),
        Some(b'{' | b'[') | None => None,
        Some(_) => Some(raw.get().to_owned()),
    };
    let value = match found.as_bytes().first() {
        _ if found == "null" => return Ok(None),
        Some(b'[') => {
            let items = serde_json::from_str::<Vec<&RawValue>>(found).unwrap_or_default();
            items.into_iter().map(scalar).collect::<Option<Vec<_>>>().map(Raw::List)
        }
        Some(b'{') | None => None,
        Some(_) => serde_json::from_str::<&RawValue>(found).ok().and_then(scalar).map(Raw::Text),
    };
    Ok(Some(Found { value: value.ok_or_else(|| NESTED.to_owned()), line }))
}

impl Tree for &Node {
    fn member(&self, name: &str) -> Option<Self> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value),
            Kind::Sequence(items) => items.get(name.parse::<usize>().ok()?),
            Kind::Scalar { .. } => None,
        }
    }
}

pub(super) fn yaml(text: &str, key: &str) -> Answer {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(None);
    }
    let root = yaml::parse(text).map_err(|problems| {
        let at = problems.first().map_or(0, |problem| problem.span.start);
        format!("it is not YAML that harden reads (line {})", line_of(text, at))
    })?;
    let Some(found) = walk(&&root, key) else { return Ok(None) };
    let scalar = |node: &Node| match &node.kind {
        Kind::Scalar { text, .. } => Some(text.clone()),
        Kind::Sequence(_) | Kind::Mapping(_) => None,
    };
    let value = match &found.kind {
        // The null of YAML 1.2's core schema sets nothing.
        Kind::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") => {
            return Ok(None);
        }
        Kind::Scalar { text, .. } => Some(Raw::Text(text.clone())),
        Kind::Sequence(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>().map(Raw::List),
        Kind::Mapping(_) => None,
    };
    Ok(Some(Found { value: value.ok_or_else(|| NESTED.to_owned()), line: line_of(text, found.span.start) }))
}

/// A value with its place.
struct Toml<'n, 't> {
    value: &'n DeValue<'t>,
    at: usize,
}

impl Tree for Toml<'_, '_> {
    fn member(&self, name: &str) -> Option<Self> {
        let found = match self.value {
            DeValue::Table(table) => table.get(name)?,
            DeValue::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => return None,
        };
        Some(Toml { value: found.get_ref(), at: found.span().start })
    }
}

pub(super) fn toml(text: &str, key: &str) -> Answer {
    let table = DeTable::parse(text).map_err(|error| {
        format!("it is not TOML (line {})", line_of(text, error.span().map_or(0, |span| span.start)))
    })?;
    let root = DeValue::Table(table.into_inner());
    let Some(found) = walk(&Toml { value: &root, at: 0 }, key) else { return Ok(None) };
    let value = match found.value {
        DeValue::Array(items) => {
            items.iter().map(|item| toml_scalar(item.get_ref())).collect::<Option<Vec<_>>>().map(Raw::List)
        }
        scalar => toml_scalar(scalar).map(Raw::Text),
    };
    Ok(Some(Found { value: value.ok_or_else(|| NESTED.to_owned()), line: line_of(text, found.at) }))
}

fn toml_scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // The digits as written; TOML allows `_` between them, and other bases.
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().replace('_', "")),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n.to_string()),
        DeValue::Float(float) => Some(float.as_str().replace('_', "")),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(value) => Some(value.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

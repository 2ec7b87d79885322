//! Observed values as JSON, and back by the type that the field table gives. A known value is plain JSON, an absent
//! one `null`; `{"$unknown": reason}`, `{"$invalid": text}`, `{"$secret": {…}}` and a list's last item
//! `{"$more": reason}` say the rest. A map's own key that starts with `$` is written with another one before it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json, json};

use super::types::Type;
use super::{List, Observed, Reason, Record, Secret, Value};
use crate::resource::Field;

/// Reads JSON in which no object has a key twice: which of its values would count is not told.
pub fn without_repeats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    deserializer.deserialize_any(Strict)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        without_repeats(deserializer)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict)?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is here twice")));
            }
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

fn reason_to_json(key: &str, reason: &Reason) -> Json {
    let mut object = Map::new();
    object.insert(key.into(), json!(*reason.text));
    if let Some(grant) = &reason.grant {
        object.insert("$grant".into(), json!(**grant));
    }
    Json::Object(object)
}

fn reason_from_json(key: &str, json: &Json) -> Option<Reason> {
    let object = json.as_object()?;
    let reason = Reason::new(object.get(key)?.as_str()?);
    Some(match object.get("$grant").and_then(Json::as_str) {
        Some(grant) => reason.with_grant(grant),
        None => reason,
    })
}

pub fn observed_to_json(observed: &Observed) -> Json {
    match observed {
        Observed::Known(value) => value_to_json(value),
        Observed::Absent => Json::Null,
        Observed::Unknown(reason) => reason_to_json("$unknown", reason),
    }
}

fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) | Value::Duration(value) => json!(value),
        Value::Size(bytes) => json!(bytes),
        Value::Text(text) => json!(text),
        Value::Secret(secret) => json!({ "$secret": secret }),
        Value::Invalid(text) => json!({ "$invalid": text }),
        Value::List(list) => {
            let more = list.more.iter().map(|reason| reason_to_json("$more", reason));
            list.items.iter().map(observed_to_json).chain(more).collect()
        }
        Value::Map(map) => map.iter().map(|(key, value)| (escape(key), observed_to_json(value))).collect(),
        Value::Record(record) => record_to_json(record),
        Value::Time(_) | Value::Version(_) | Value::Mode(_) | Value::Net(_) | Value::Word(_) => {
            json!(value.to_string())
        }
    }
}

/// A map's keys come from outside: a label must not be able to say that its map was not seen.
fn escape(key: &str) -> String {
    if key.starts_with('$') { format!("${key}") } else { key.to_owned() }
}

fn unescape(key: &str) -> Result<&str, String> {
    match key.strip_prefix('$') {
        Some(rest) if rest.starts_with('$') => Ok(rest),
        Some(_) => Err(format!("unknown marker `{key}`")),
        None => Ok(key),
    }
}

/// The fields of a record by name, in the order of its table.
pub fn record_to_json(record: &Record) -> Json {
    let fields = record.table.iter().zip(&record.fields);
    fields.map(|(field, observed)| (field.name.to_owned(), observed_to_json(observed))).collect()
}

/// Reads a field back. The error says what is wrong, with the path to it.
pub fn observed_from_json(ty: Type, json: &Json) -> Result<Observed, String> {
    if json.is_null() {
        return Ok(Observed::Absent);
    }
    if let Some(reason) = reason_from_json("$unknown", json) {
        return Ok(Observed::Unknown(reason));
    }
    value_from_json(ty, json).map(Observed::Known)
}

fn value_from_json(ty: Type, json: &Json) -> Result<Value, String> {
    if let Some(text) = json.get("$invalid").and_then(Json::as_str) {
        return Ok(Value::Invalid(text.into()));
    }
    let mismatch = || format!("expected a {}", ty.name());
    match ty {
        Type::Bool(_) => json.as_bool().map(Value::Bool).ok_or_else(mismatch),
        Type::Integer => json.as_i64().map(Value::Int).ok_or_else(mismatch),
        Type::Duration => json.as_i64().map(Value::Duration).ok_or_else(mismatch),
        Type::Size => json.as_u64().map(Value::Size).ok_or_else(mismatch),
        Type::Secret => {
            let facts = json.get("$secret").ok_or_else(mismatch)?;
            serde_json::from_value::<Secret>(facts.clone()).map(Value::Secret).map_err(|error| error.to_string())
        }
        Type::List(item) => list_from_json(*item, json.as_array().ok_or_else(mismatch)?),
        Type::Map(item) => {
            let entries = json.as_object().ok_or_else(mismatch)?.iter();
            let entries = entries.map(|(key, value)| Ok((unescape(key)?.into(), observed_from_json(*item, value)?)));
            entries.collect::<Result<BTreeMap<_, _>, String>>().map(Value::Map)
        }
        Type::Record(table) => record_from_json(table, Type::Text, json).map(Value::Record),
        Type::Time | Type::Version | Type::Text | Type::Url | Type::Mode | Type::Net | Type::Word(_) | Type::As => {
            let text = json.as_str().ok_or_else(mismatch)?;
            ty.parse(text).map_err(|expected| format!("expected {expected}"))
        }
    }
}

fn list_from_json(item: Type, array: &[Json]) -> Result<Value, String> {
    let (items, more) = match array.split_last() {
        Some((last, rest)) => match reason_from_json("$more", last) {
            Some(reason) => (rest, Some(reason)),
            None => (array, None),
        },
        None => (array, None),
    };
    let items = items.iter().map(|json| observed_from_json(item, json)).collect::<Result<_, _>>()?;
    Ok(Value::List(List { items, more }))
}

/// Reads a record of `table`; `as_type` is what its fields of type [`Type::As`] hold. A field that the JSON does not
/// have was not collected, which is unknown; one that the table does not have is an error.
pub fn record_from_json(table: &'static [Field], as_type: Type, json: &Json) -> Result<Record, String> {
    let object = json.as_object().ok_or("expected an object of fields")?;
    if let Some(stranger) = object.keys().find(|key| table.iter().all(|field| field.name != key.as_str())) {
        return Err(format!("unknown field `{stranger}`"));
    }
    let mut record = Record::new(table);
    for field in table {
        let ty = if matches!(field.ty, Type::As) { as_type } else { field.ty };
        let observed = match object.get(field.name) {
            Some(json) => observed_from_json(ty, json).map_err(|error| format!("{}: {error}", field.name))?,
            None => Observed::unknown("not in these facts"),
        };
        record.set(field.name, observed);
    }
    Ok(record)
}

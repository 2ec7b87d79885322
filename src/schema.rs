//! JSON Schemas of the documents: of the report and the facts from the types that write them (2020-12), of rules from the
//! field tables, so that an editor completes exactly what the compiler accepts. The schemas that editors read keep to
//! draft-07, which is what they know best.

mod cases;
mod fields;
mod rule;

use serde_json::{Map, Value as Json, json};

use crate::cli::Document;
use crate::facts::Document as FactsDocument;
use crate::report::Report;
use crate::rule::Severity;

const EDITORS: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a document.
pub fn of(document: Document) -> Json {
    match document {
        Document::Report => schemars::schema_for!(Report).to_value(),
        Document::Facts => schemars::schema_for!(FactsDocument).to_value(),
        Document::Rule => rule::schema(),
        Document::Config => config(),
    }
}

/// One of a set of words. What YAML takes for a boolean may stand as one.
fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Json {
    let written = words.into_iter().flat_map(|word| {
        let bool = word.parse::<bool>().ok().map(Json::from);
        bool.into_iter().chain([Json::from(word)])
    });
    json!({ "enum": written.collect::<Vec<_>>() })
}

/// A map with these keys and no others.
fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        set(&mut schema, "required", json!(required));
    }
    schema
}

fn set(schema: &mut Json, key: &str, value: Json) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(key.to_owned(), value);
    }
}

/// The schema with what an editor shows of it. Beside a reference nothing else counts in draft-07.
fn described(schema: Json, about: &str) -> Json {
    let mut schema = if schema.get("$ref").is_some() { json!({ "allOf": [schema] }) } else { schema };
    set(&mut schema, "description", json!(about));
    schema
}

fn reference(definition: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

fn text() -> Json {
    json!({ "type": "string", "minLength": 1 })
}

fn scalar() -> Json {
    json!({ "type": ["string", "number", "boolean"] })
}

fn texts() -> Json {
    json!({ "anyOf": [scalar(), { "type": "array", "items": scalar() }] })
}

fn config() -> Json {
    let list = |about: &str| json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }], "description": about });
    let postgres = json!({ "anyOf": [
        { "type": "string" },
        {
            "type": "object",
            "properties": { "name": { "type": "string" }, "dsn": { "type": "string" } },
            "required": ["dsn"],
            "additionalProperties": false,
        },
    ] });
    let targets = Map::from_iter([
        ("root".to_owned(), json!({ "type": "string", "description": "a directory to audit as the root of a host" })),
        ("docker".to_owned(), json!({ "type": "string", "description": "unix:///path or tcp://host:port" })),
        ("postgres".to_owned(), json!({ "anyOf": [postgres.clone(), { "type": "array", "items": postgres }] })),
    ]);
    let mut schema = object(
        Map::from_iter([
            ("profiles".to_owned(), list("names of profiles")),
            ("rules".to_owned(), list("directories, relative to this file")),
            ("fail_on".to_owned(), words(Severity::ALL.iter().map(|(name, _)| *name))),
            ("allow_unknown".to_owned(), json!({ "type": "boolean" })),
            (
                "timeout".to_owned(),
                json!({ "type": "integer", "minimum": 1, "maximum": 3600, "description": "seconds that one query may take" }),
            ),
            (
                "inputs".to_owned(),
                json!({ "type": "object", "additionalProperties": { "anyOf": [scalar(), { "type": "array", "items": scalar() }] } }),
            ),
            ("targets".to_owned(), object(targets, &[])),
        ]),
        &[],
    );
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".into(), json!(EDITORS));
        schema.insert("title".into(), json!("harden.toml"));
    }
    schema
}

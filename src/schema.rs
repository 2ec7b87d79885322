//! JSON Schemas of the documents: of the report and the facts from the types that write them (2020-12), of rules from the
//! field tables, so that an editor completes exactly what the compiler accepts. The schemas that editors read keep to
//! draft-07, which is what they know best.

mod cases;
mod fields;
mod rule;

use serde_json::{Map, Value as Json, json};

use crate::checklist::Checklist;
use crate::cli::Document;
use crate::facts::Document as FactsDocument;
use crate::report::Report;
use crate::rule::{Phase, Severity};

const EDITORS: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a document.
pub fn of(document: Document) -> Json {
    match document {
        Document::Report => schemars::schema_for!(Report).to_value(),
        Document::Checklist => schemars::schema_for!(Checklist).to_value(),
        Document::Facts => schemars::schema_for!(FactsDocument).to_value(),
        Document::Rule => rule::schema(),
        Document::Profile => profile(),
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

/// Values of inputs by name, in a profile and in the configuration.
fn given_inputs() -> Json {
    json!({
        "type": "object",
        "additionalProperties": { "anyOf": [scalar(), { "type": "array", "minItems": 1, "items": scalar() }] },
        "description": "values of inputs, by name",
    })
}

fn profile() -> Json {
    let one_or_more =
        |item: Json| json!({ "anyOf": [item.clone(), { "type": "array", "minItems": 1, "items": item }] });
    let severity = words(Severity::ALL.iter().map(|(name, _)| *name));
    let bounds = json!({
        "type": "object",
        "properties": { "at_least": severity, "at_most": severity },
        "minProperties": 1,
        "additionalProperties": false,
    });
    let glob = json!({ "type": "string", "minLength": 1, "description": "an id, or a glob over ids" });
    let conditions = json!({
        "type": "object",
        "properties": {
            "id": one_or_more(glob.clone()),
            "tag": one_or_more(text()),
            "severity": { "anyOf": [one_or_more(severity.clone()), bounds] },
            "phase": one_or_more(words(Phase::ALL.iter().map(|(name, _)| *name))),
        },
        "minProperties": 1,
        "additionalProperties": false,
        "description": "conditions that all hold",
    });
    let selectors = |about: &str| {
        let mut schema = one_or_more(json!({ "anyOf": [glob, conditions] }));
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), json!(about));
        }
        schema
    };
    let stated = json!({
        "type": "object",
        "properties": {
            "rule": glob,
            "severity": severity,
            "inputs": given_inputs(),
            "reason": { "type": "string", "minLength": 1, "description": "why; the report shows it" },
        },
        "required": ["rule", "reason"],
        "anyOf": [
            { "required": ["severity"] },
            { "required": ["inputs"], "properties": { "inputs": { "minProperties": 1 } } },
        ],
        "additionalProperties": false,
    });
    json!({
        "$schema": EDITORS,
        "title": "A profile of harden",
        "type": "object",
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z0-9_-]+$", "description": "the file's name without .yaml" },
            "title": text(),
            "about": text(),
            "extends": one_or_more(json!({ "type": "string", "minLength": 1, "description": "a profile's name" })),
            "rules": selectors("what is selected besides what the extended profiles select"),
            "exclude": selectors("what is not selected, whatever selects it"),
            "inputs": given_inputs(),
            "overrides": { "type": "array", "items": stated },
            "owners": { "type": "array", "items": {
                "type": "object",
                "description": "who acts on these rules, in a checklist; the last that matches counts",
                "properties": { "rules": selectors("which rules"), "owner": text() },
                "required": ["rules", "owner"],
                "additionalProperties": false,
            } },
        },
        "required": ["name", "title", "about"],
        "anyOf": [{ "required": ["rules"] }, { "required": ["extends"] }],
        "additionalProperties": false,
    })
}

fn one_or_several(item: &Json) -> Json {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

/// A path, or a map of what makes up a Compose project.
fn compose_project(list: &impl Fn(&str) -> Json) -> Json {
    json!({ "anyOf": [
        { "type": "string" },
        {
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "the target's name" },
                "files": list("its files, each laid over those before it, or its directory; relative to this file"),
                "env_files": list("files of variables in place of the project's .env"),
                "profiles": list("profiles that are started"),
                "own_env": { "type": "boolean", "description": "whether the variables that harden was started with count" },
            },
            "required": ["files"],
            "additionalProperties": false,
        },
    ] })
}

/// A path, or a map of what makes up a set of Kubernetes manifests.
fn manifests(list: &impl Fn(&str) -> Json) -> Json {
    json!({ "anyOf": [
        { "type": "string" },
        {
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "the target's name" },
                "files": list("files, or directories of them, relative to this file"),
            },
            "required": ["files"],
            "additionalProperties": false,
        },
    ] })
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
    let endpoint = json!({ "anyOf": [
        { "type": "string" },
        {
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "url": { "type": "string", "description": "https://host, tls://host:port, postgres://host, smtp://host …" },
                "connect": { "type": "string", "description": "host or host:port to connect to instead" },
                "ca": { "type": "string", "description": "a PEM file of trusted certificates instead of the system's" },
                "server_name": { "type": "string", "description": "the name to ask for and to expect" },
                "origins": list("origins that its CORS policy is meant to admit"),
                "headers": {
                    "type": "object",
                    "additionalProperties": { "type": "string", "pattern": "^(env|file):" },
                    "description": "HTTP headers to send; where their values stand: env:NAME or file:PATH",
                },
                "insecure": { "type": "boolean", "description": "speak HTTP with whoever answers, whatever its certificate" },
                "admitted": { "type": "boolean", "description": "whether it is meant to take connections from where harden runs" },
                "control": { "type": "string", "description": "host:port of a server that takes connections from everywhere: where that answers and this one is silent, it is not the network" },
            },
            "required": ["url"],
            "additionalProperties": false,
        },
    ] });
    let targets = Map::from_iter([
        ("compose".to_owned(), one_or_several(&compose_project(&list))),
        ("manifests".to_owned(), one_or_several(&manifests(&list))),
        ("root".to_owned(), json!({ "type": "string", "description": "a directory to audit as the root of a host" })),
        ("docker".to_owned(), json!({ "type": "string", "description": "unix:///path or tcp://host:port" })),
        ("postgres".to_owned(), one_or_several(&postgres)),
        ("endpoints".to_owned(), one_or_several(&endpoint)),
    ]);
    let mut schema = object(
        Map::from_iter([
            ("profiles".to_owned(), list("names of profiles")),
            ("rules".to_owned(), list("directories, relative to this file")),
            (
                "attestations".to_owned(),
                json!({ "type": "string", "description": "the file of attestations, relative to this file; attestations.jsonl beside it when not given" }),
            ),
            ("fail_on".to_owned(), words(Severity::ALL.iter().map(|(name, _)| *name))),
            ("allow_unknown".to_owned(), json!({ "type": "boolean" })),
            (
                "timeout".to_owned(),
                json!({ "type": "integer", "minimum": 1, "maximum": 3600, "description": "seconds that one query may take" }),
            ),
            (
                "total_timeout".to_owned(),
                json!({ "type": "integer", "minimum": 1, "maximum": 86_400, "description": "seconds that all queries together may take" }),
            ),
            ("inputs".to_owned(), given_inputs()),
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

//! JSON Schemas (2020-12) of the documents: of the report and the facts from the types that write them, of rules from
//! the field tables, so that an editor completes exactly what the compiler accepts.

use serde_json::{Map, Value as Json, json};

use crate::cli::Document;
use crate::facts::Document as FactsDocument;
use crate::report::Report;
use crate::resource::{ALL, Accepts, Field, Resource};
use crate::rule::case::Outcome;
use crate::rule::{Phase, Severity};
use crate::value::Type;
use crate::value::types::AS;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a document.
pub fn of(document: Document) -> Json {
    match document {
        Document::Report => schemars::schema_for!(Report).to_value(),
        Document::Facts => schemars::schema_for!(FactsDocument).to_value(),
        Document::Rule => rule(),
        Document::Profile => profile(),
        Document::Config => config(),
    }
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Json {
    json!({ "enum": words.into_iter().collect::<Vec<_>>() })
}

fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn text() -> Json {
    json!({ "type": "string", "minLength": 1 })
}

fn texts() -> Json {
    json!({ "anyOf": [scalar(), { "type": "array", "items": scalar() }] })
}

fn scalar() -> Json {
    json!({ "type": ["string", "number", "boolean"] })
}

fn rule() -> Json {
    let refs = json!({ "type": "object", "minProperties": 1, "additionalProperties": texts() });
    let overrides = json!({
        "type": "object",
        "properties": { "rule": text(), "reason": text() },
        "required": ["rule", "reason"],
        "additionalProperties": false,
        "description": "the built-in rule, of the same id, that this one stands in place of, and why",
    });
    let input = json!({
        "type": "object",
        "properties": {
            "type": words(AS.iter().map(|(name, _)| *name).filter(|name| *name != "secret")),
            "about": text(),
            "default": texts(),
            "example": texts(),
        },
        "required": ["type", "about"],
        "additionalProperties": false,
    });
    let case = |(name, _): &(&str, Outcome)| json!({ "type": "object", "required": [name], "properties": { *name: true }, "additionalProperties": false });
    let mut schema = json!({
        "$schema": DIALECT,
        "title": "A rule of harden",
        "type": "object",
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "description": "the file's name without .yaml" },
            "overrides": overrides,
            "title": { "type": "string", "minLength": 1, "description": "a statement that holds when the rule passes" },
            "severity": words(Severity::ALL.iter().map(|(name, _)| *name)),
            "phase": words(Phase::ALL.iter().map(|(name, _)| *name)),
            "why": text(),
            "fix": { "type": "string", "minLength": 1, "description": "what to do; {subject} and {field} stand for what was seen" },
            "refs": refs,
            "tags": texts(),
            "inputs": { "type": "object", "additionalProperties": input },
            "when": { "$ref": "#/$defs/check" },
            "check": { "$ref": "#/$defs/check" },
            "tests": { "type": "array", "items": { "anyOf": Outcome::ALL.iter().map(case).collect::<Vec<_>>() } },
        },
        "required": ["id", "title", "severity", "phase", "why", "fix", "refs", "check"],
        "additionalProperties": false,
    });
    let mut definitions = Map::new();
    definitions.insert("check".into(), check());
    for resource in ALL {
        definitions.insert(
            format!("expect-{}", resource.name),
            expectation(resource.fields, &format!("expect-{}", resource.name)),
        );
        definitions.insert(format!("check-{}", resource.name), check_of(resource));
        definitions.insert(format!("each-{}", resource.name), each_of(resource));
        for field in resource.fields {
            define(field.ty, &mut definitions);
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$defs".into(), Json::Object(definitions));
    }
    schema
}

/// A check of one resource, chosen by its name, or a combination of checks.
fn check() -> Json {
    let checks = json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/check" } });
    let combined = |name: &str, operand: Json| object(Map::from_iter([(name.to_owned(), operand)]), &[name]);
    let mut branches = vec![
        json!({ "if": { "required": ["all_of"] }, "then": combined("all_of", checks.clone()) }),
        json!({ "if": { "required": ["any_of"] }, "then": combined("any_of", checks) }),
        json!({ "if": { "required": ["not"] }, "then": combined("not", json!({ "$ref": "#/$defs/check" })) }),
    ];
    branches.extend(ALL.iter().map(|resource| branch(resource, "check")));
    json!({
        "type": "object",
        "anyOf": [{ "required": ["resource"] }, { "required": ["all_of"] }, { "required": ["any_of"] }, { "required": ["not"] }],
        "properties": { "resource": words(ALL.iter().map(|resource| resource.name)) },
        "allOf": branches,
    })
}

fn branch(resource: &Resource, definition: &str) -> Json {
    json!({
        "if": { "properties": { "resource": { "const": resource.name } }, "required": ["resource"] },
        "then": { "$ref": format!("#/$defs/{definition}-{}", resource.name) },
    })
}

fn each() -> Json {
    json!({
        "type": "object",
        "required": ["resource", "pick", "as"],
        "properties": { "resource": words(ALL.iter().map(|resource| resource.name)) },
        "allOf": ALL.iter().map(|resource| branch(resource, "each")).collect::<Vec<_>>(),
    })
}

fn looked_at(resource: &Resource) -> Map<String, Json> {
    let params: Map<String, Json> = resource
        .params
        .iter()
        .map(|param| {
            let mut schema = match param.accepts {
                Accepts::Text => texts(),
                Accepts::As | Accepts::AsElse(_) => words(AS.iter().map(|(name, _)| *name)),
                Accepts::Words(known) => words(known.iter().copied()),
                Accepts::Layers => json!({ "type": "array", "minItems": 1, "items": { "type": "object" } }),
            };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".into(), json!(param.about));
            }
            (param.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = resource.params.iter().filter(|param| param.required).map(|param| param.name).collect();
    Map::from_iter([
        ("resource".to_owned(), json!({ "const": resource.name, "description": resource.about })),
        ("with".to_owned(), object(params, &required)),
        ("each".to_owned(), each()),
        ("where".to_owned(), json!({ "$ref": format!("#/$defs/expect-{}", resource.name) })),
    ])
}

fn check_of(resource: &Resource) -> Json {
    let mut properties = looked_at(resource);
    let expectation = json!({ "$ref": format!("#/$defs/expect-{}", resource.name) });
    for quantifier in ["expect", "require", "forbid"] {
        properties.insert(quantifier.into(), expectation.clone());
    }
    properties.insert("at_least".into(), json!({ "type": ["integer", "string"] }));
    let mut required = vec!["resource"];
    if resource.can_be_absent {
        properties.insert("absent".into(), words(["pass", "fail", "not-applicable"]));
        required.push("absent");
    }
    if resource.params.iter().any(|param| param.required) {
        required.push("with");
    }
    let mut schema = object(properties, &required);
    if let Some(schema) = schema.as_object_mut() {
        let one = ["expect", "require", "forbid"].map(|name| json!({ "required": [name] }));
        schema.insert("oneOf".into(), json!(one));
    }
    schema
}

fn each_of(resource: &Resource) -> Json {
    let mut properties = looked_at(resource);
    properties.insert("pick".into(), words(resource.fields.iter().map(|field| field.name)));
    properties.insert("as".into(), text());
    object(properties, &["resource", "pick", "as"])
}

/// The fields of a table, each with the matchers that fit its type.
fn expectation(table: &[Field], name: &str) -> Json {
    let this = json!({ "$ref": format!("#/$defs/{name}") });
    let mut properties: Map<String, Json> = table
        .iter()
        .map(|field| {
            let mut schema = reference(field.ty);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".into(), json!(format!("{} ({})", field.about, field.ty.name())));
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    for combinator in ["all_of", "any_of"] {
        properties.insert(combinator.into(), json!({ "type": "array", "minItems": 1, "items": this }));
    }
    properties.insert("not".into(), this);
    let mut schema = object(properties, &[]);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minProperties".into(), json!(1));
    }
    schema
}

/// A value as it is written in a rule; a reference to an input may stand anywhere.
fn operand(ty: Type) -> Json {
    let reference = json!({ "type": "string", "pattern": "\\$\\{[^}]+\\}" });
    let plain = match ty {
        Type::Bool(_) => json!({ "type": "boolean" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::Mode => json!({ "type": "string", "pattern": "^0[0-7]{3,4}$" }),
        Type::Word(vocabulary) => words(vocabulary.words.iter().copied()),
        Type::Size => json!({ "type": ["string", "integer"] }),
        Type::Duration | Type::Time | Type::Net => json!({ "type": "string" }),
        Type::Version
        | Type::Text
        | Type::Url
        | Type::Secret
        | Type::As
        | Type::List(_)
        | Type::Map(_)
        | Type::Record(_) => scalar(),
    };
    json!({ "anyOf": [plain, reference] })
}

/// Where the matchers of a type are defined.
fn definition(ty: Type) -> String {
    let name: String = ty.name().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    format!("match-{name}")
}

fn reference(ty: Type) -> Json {
    json!({ "$ref": format!("#/$defs/{}", definition(ty)) })
}

/// Adds the matchers of a type and of what it holds.
fn define(ty: Type, definitions: &mut Map<String, Json>) {
    if definitions.contains_key(&definition(ty)) {
        return;
    }
    definitions.insert(definition(ty), matcher(ty));
    match ty {
        Type::Record(table) => table.iter().for_each(|field| define(field.ty, definitions)),
        Type::List(item) | Type::Map(item) => define(*item, definitions),
        _ => {}
    }
}

/// A value, or a map of the matchers that fit the type.
fn matcher(ty: Type) -> Json {
    let nested = match ty {
        Type::List(Type::Record(table)) => Some(expectation_inline(table)),
        Type::List(item) | Type::Map(item) => Some(reference(*item)),
        _ => None,
    };
    let mut matchers: Map<String, Json> = Map::from_iter([("exists".to_owned(), json!({ "type": "boolean" }))]);
    let mut add = |name: &str, schema: Json| drop(matchers.insert(name.to_owned(), schema));
    let list = |item: Json| json!({ "anyOf": [{ "type": "array", "minItems": 1, "items": item }, { "type": "string", "pattern": "\\$\\{[^}]+\\}" }] });
    let value = operand(ty);
    match ty {
        Type::List(item) => {
            let nested = nested.clone().unwrap_or(json!(true));
            for quantifier in ["every", "some", "none"] {
                add(quantifier, nested.clone());
            }
            add("count", json!({ "type": ["integer", "object", "string"] }));
            if !matches!(item, Type::Record(_)) {
                add("has", operand(*item));
                add("equals", list(operand(*item)));
            }
        }
        Type::Map(_) => {
            for quantifier in ["every", "some", "none"] {
                add(quantifier, nested.clone().unwrap_or(json!(true)));
            }
            add("key", json!({ "type": "object", "additionalProperties": nested.clone().unwrap_or(json!(true)) }));
            add("has", scalar());
            add("count", json!({ "type": ["integer", "object", "string"] }));
        }
        Type::Secret => add(
            "secret",
            json!({
                "type": "object",
                "properties": { "length": texts(), "entropy_bits": texts(), "placeholder": { "type": "boolean" } },
                "additionalProperties": false,
            }),
        ),
        Type::Record(_) => {}
        _ => {
            add("equals", value.clone());
            add("in", list(value.clone()));
        }
    }
    if ty.is_ordered() || matches!(ty, Type::As) {
        let bound = if matches!(ty, Type::As) { scalar() } else { value.clone() };
        add("at_least", bound.clone());
        add("at_most", bound);
    }
    if matches!(ty, Type::Text | Type::Url | Type::As) {
        add("matches", text());
        add("url", json!({ "type": "object" }));
    }
    if matches!(ty, Type::Net | Type::As) {
        add("within", list(operand(Type::Net)));
    }
    if matches!(ty, Type::As) {
        // What `as` says is settled by the compiler: an editor offers every matcher.
        for name in ["every", "some", "none", "has", "count", "secret", "key"] {
            add(name, json!(true));
        }
    }
    let mut add = |name: &str, schema: Json| drop(matchers.insert(name.to_owned(), schema));
    for combinator in ["all_of", "any_of"] {
        add(combinator, json!({ "type": "array", "minItems": 1, "items": reference(ty) }));
    }
    add("not", reference(ty));
    let full = object(matchers, &[]);
    match ty {
        Type::List(Type::Record(_)) | Type::Map(_) | Type::Record(_) | Type::Secret => json!({ "anyOf": [full] }),
        Type::List(item) => json!({ "anyOf": [full, list(operand(*item))] }),
        _ => json!({ "anyOf": [full, value] }),
    }
}

fn expectation_inline(table: &[Field]) -> Json {
    let mut properties: Map<String, Json> =
        table.iter().map(|field| (field.name.to_owned(), reference(field.ty))).collect();
    for combinator in ["all_of", "any_of", "not"] {
        properties.insert(combinator.into(), json!(true));
    }
    object(properties, &[])
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
        "$schema": DIALECT,
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
        },
        "required": ["name", "title", "about"],
        "anyOf": [{ "required": ["rules"] }, { "required": ["extends"] }],
        "additionalProperties": false,
    })
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
            ("inputs".to_owned(), given_inputs()),
            ("targets".to_owned(), object(targets, &[])),
        ]),
        &[],
    );
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".into(), json!(DIALECT));
        schema.insert("title".into(), json!("harden.toml"));
    }
    schema
}

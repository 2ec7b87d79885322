//! The schema of a rule file.

use serde_json::{Map, Value as Json, json};

use super::fields::Definitions;
use super::{EDITORS, cases, described, object, reference, scalar, set, text, texts, words};
use crate::format::lookup::FORMAT_WORDS;
use crate::resource::{ALL, Accepts, Param, Resource};
use crate::rule::{Phase, Severity};
use crate::value::Type;
use crate::value::types::AS;

pub(super) fn schema() -> Json {
    let mut definitions = Definitions::default();
    for resource in ALL {
        let check = check_of(resource, &mut definitions);
        definitions.made.insert(format!("check-{}", resource.name), check);
        let each = each_of(resource);
        definitions.made.insert(format!("each-{}", resource.name), each);
        let scope = scope_of(resource);
        definitions.made.insert(format!("scope-{}", resource.name), scope);
    }
    let mut definitions = definitions.made;
    definitions.insert("check".to_owned(), check());
    definitions.insert("each".to_owned(), each());
    definitions.insert("scope".to_owned(), scope());
    cases::define(&mut definitions);
    let mut schema = object(properties(), &["id", "title", "severity", "phase", "why", "fix", "refs"]);
    set(&mut schema, "oneOf", json!([{ "required": ["check"] }, { "required": ["manual"] }]));
    set(&mut schema, "allOf", Json::Array(cases::conditions()));
    set(&mut schema, "definitions", Json::Object(definitions));
    let mut whole = json!({ "$schema": EDITORS, "description": "A rule of harden." });
    if let (Some(whole), Json::Object(schema)) = (whole.as_object_mut(), schema) {
        whole.extend(schema);
    }
    whole
}

fn properties() -> Map<String, Json> {
    let id = json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" });
    let refs = json!({ "type": "object", "minProperties": 1, "additionalProperties": texts() });
    let severities = words(Severity::ALL.iter().map(|(name, _)| *name));
    let phases = words(Phase::ALL.iter().map(|(name, _)| *name));
    let inputs = json!({ "type": "object", "additionalProperties": input() });
    let overrides = json!({
        "type": "object",
        "properties": { "rule": text(), "reason": text() },
        "required": ["rule", "reason"],
        "additionalProperties": false,
    });
    let tests = json!({ "type": "array" });
    let properties = [
        ("id", id, "The name of the rule and of its file: lower-case words joined by `-`."),
        ("overrides", overrides, "The built-in rule, of the same id, that this one stands in place of, and why."),
        ("title", text(), "A statement that holds when the rule passes."),
        ("severity", severities, "How much a fail matters; the gate is one of these."),
        (
            "phase",
            phases,
            "When it can be judged: `pre`, files are enough; `post`, needs the running service; `ongoing`, bound to an age.",
        ),
        ("why", text(), "What goes wrong where the rule fails."),
        ("fix", text(), "What to do; `{subject}` and `{field}` stand for what was seen."),
        ("refs", refs, "Standards and manuals, at least one: `{ cwe: \"732\" }`."),
        ("tags", texts(), "Words to select rules by."),
        ("inputs", inputs, "What a user can set; used as `${name}`."),
        ("when", reference("check"), "A check that decides whether the rule applies."),
        (
            "check",
            reference("check"),
            "What is looked at, and what is expected of it; or checks combined by `all_of`, `any_of` and `not`.",
        ),
        ("manual", manual(), "In place of a check: what only a person can tell, and attests."),
        ("tests", tests, "Cases: what was seen, and what the rule must say to it."),
    ];
    properties.into_iter().map(|(name, schema, about)| (name.to_owned(), described(schema, about))).collect()
}

fn input() -> Json {
    let types = words(AS.iter().map(|(name, _)| *name).filter(|name| *name != "secret"));
    let properties = [
        ("type", types, "The type of its value."),
        ("about", text(), "What it is, for whoever sets it."),
        ("default", texts(), "Its value where nobody sets it."),
        ("example", texts(), "In place of a default, for one that must be set: what the rule is tested with."),
    ];
    let properties = properties.into_iter().map(|(name, schema, about)| (name.to_owned(), described(schema, about)));
    let mut schema = object(properties.collect(), &["type", "about"]);
    set(&mut schema, "anyOf", json!([{ "required": ["default"] }, { "required": ["example"] }]));
    schema
}

/// A check of one resource, chosen by its name, or a combination of checks.
fn check() -> Json {
    let checks = json!({ "type": "array", "minItems": 1, "items": reference("check") });
    let combinators = [
        ("all_of", checks.clone(), "Each of these checks holds."),
        ("any_of", checks, "At least one of these checks holds."),
        ("not", reference("check"), "This check does not hold."),
    ];
    let combinators = combinators.map(|(name, schema, about)| (name.to_owned(), described(schema, about)));
    let mut combined = object(combinators.into_iter().collect(), &[]);
    set(&mut combined, "minProperties", json!(1));
    set(&mut combined, "maxProperties", json!(1));
    let mut branches = vec![json!({ "if": { "not": { "required": ["resource"] } }, "then": combined })];
    branches.extend(ALL.iter().map(|resource| branch(resource, "check")));
    json!({ "type": "object", "properties": { "resource": resources() }, "allOf": branches })
}

/// The names of all resources, each with what it is.
fn resources() -> Json {
    let names = ALL.iter().map(|resource| json!({ "const": resource.name, "description": resource.about }));
    json!({ "description": "What is looked at.", "anyOf": names.collect::<Vec<_>>() })
}

fn branch(resource: &Resource, definition: &str) -> Json {
    json!({
        "if": { "properties": { "resource": { "const": resource.name } }, "required": ["resource"] },
        "then": reference(&format!("{definition}-{}", resource.name)),
    })
}

fn each() -> Json {
    json!({
        "type": "object",
        "required": ["resource", "pick", "as"],
        "properties": { "resource": resources() },
        "allOf": ALL.iter().map(|resource| branch(resource, "each")).collect::<Vec<_>>(),
    })
}

/// What a statement is bound to.
fn scope() -> Json {
    json!({
        "type": "object",
        "required": ["resource", "pick"],
        "properties": { "resource": resources() },
        "allOf": ALL.iter().map(|resource| branch(resource, "scope")).collect::<Vec<_>>(),
    })
}

/// What a person is asked.
fn manual() -> Json {
    let term = json!({ "type": "string", "pattern": "^(event|([0-9]+[ywdhms])+)$" });
    let properties = [
        ("who", text(), "Who attests it: a role, not a name."),
        ("valid_for", term, "How long a statement holds: a duration such as 90d, or `event`."),
        ("event", text(), "With `valid_for: event`: what it is that ends the statement, such as incident."),
        ("evidence", text(), "What is recorded with it."),
        ("contradicted_by", texts(), "Rules that are judged by looking: a fail of one contradicts the statement."),
        ("scope", reference("scope"), "What each statement is bound to: it holds for one value of a field."),
    ];
    let properties = properties.into_iter().map(|(name, schema, about)| (name.to_owned(), described(schema, about)));
    let mut schema = object(properties.collect(), &["who", "valid_for", "evidence"]);
    let event = json!({ "properties": { "valid_for": { "const": "event" } } });
    set(&mut schema, "if", event);
    set(&mut schema, "then", json!({ "required": ["event"] }));
    set(&mut schema, "else", json!({ "not": { "required": ["event"] } }));
    schema
}

fn expectation(resource: &Resource) -> String {
    format!("expect-{}", resource.name)
}

fn looked_at(resource: &Resource) -> Map<String, Json> {
    let params = resource.params.iter().map(|param| (param.name.to_owned(), described(parameter(param), param.about)));
    let required: Vec<&str> = resource.params.iter().filter(|param| param.required).map(|param| param.name).collect();
    let with = object(params.collect(), &required);
    let each = "Asks the query once for each value that a field has elsewhere, as `${NAME}` in `with`.";
    Map::from_iter([
        ("resource".to_owned(), json!({})),
        ("with".to_owned(), described(with, "Which are looked at.")),
        ("each".to_owned(), described(reference("each"), each)),
        ("where".to_owned(), described(reference(&expectation(resource)), "Which subjects count.")),
    ])
}

fn parameter(param: &Param) -> Json {
    match param.accepts {
        Accepts::Text | Accepts::Texts => texts(),
        Accepts::As | Accepts::AsElse(_) => words(AS.iter().map(|(name, _)| *name)),
        Accepts::Words(known) => words(known.iter().copied()),
        Accepts::Layers => json!({ "type": "array", "minItems": 1, "items": layer() }),
    }
}

/// One source of a setting. Which keys it has, its first one decides.
fn layer() -> Json {
    let of = |keys: &[(&str, Json, &str)]| {
        let properties =
            keys.iter().map(|(name, schema, about)| ((*name).to_owned(), described(schema.clone(), about)));
        let names: Vec<_> = keys.iter().map(|(name, ..)| *name).collect();
        object(properties.collect(), &names)
    };
    let whose = "Whose it is: `container`, `container:NAME`, `process:COMMAND`, `unit:NAME.service` or `file:/path`.";
    json!({ "anyOf": [
        of(&[("env", scalar(), "The name of a variable."), ("of", scalar(), whose)]),
        of(&[
            ("file", scalar(), "The path of a file."),
            ("format", words(FORMAT_WORDS.iter().copied()), "How it is written."),
            ("key", scalar(), "The key in it: `a.b`."),
        ]),
        of(&[
            ("file", scalar(), "The path of a file in a container."),
            ("format", words(FORMAT_WORDS.iter().copied()), "How it is written."),
            ("key", scalar(), "The key in it: `a.b`."),
            ("of", scalar(), "Whose it is: `container:NAME`."),
        ]),
        of(&[("default", scalar(), "What the program does where nothing is set.")]),
    ] })
}

const QUANTIFIERS: [(&str, &str); 3] = [
    ("expect", "What every subject that counts must hold."),
    ("require", "What at least one subject that counts must hold."),
    ("forbid", "What no subject that counts may hold."),
];

fn check_of(resource: &Resource, definitions: &mut Definitions) -> Json {
    let expected = definitions.expectation(resource.fields, &expectation(resource));
    let mut properties = looked_at(resource);
    for (quantifier, about) in QUANTIFIERS {
        properties.insert(quantifier.to_owned(), described(expected.clone(), about));
    }
    let number = json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$|\\$\\{[^}]+\\}" });
    let about = "How many subjects must count; fewer is a fail instead of not applicable.";
    properties.insert("at_least".to_owned(), described(number, about));
    let mut required = vec!["resource"];
    if resource.can_be_absent {
        let words = words(["pass", "fail", "not-applicable"]);
        properties.insert("absent".to_owned(), described(words, "What it means that it does not exist."));
        required.push("absent");
    }
    if resource.params.iter().any(|param| param.required) {
        required.push("with");
    }
    let mut schema = object(properties, &required);
    set(&mut schema, "oneOf", QUANTIFIERS.iter().map(|(name, _)| json!({ "required": [name] })).collect());
    let typed = typed_by_as(resource, definitions);
    if !typed.is_empty() {
        set(&mut schema, "allOf", Json::Array(typed));
    }
    schema
}

/// What is expected of the fields whose type the parameter `as` decides: a branch for each of its words.
fn typed_by_as(resource: &Resource, definitions: &mut Definitions) -> Vec<Json> {
    let fields: Vec<_> = resource.fields.iter().filter(|field| matches!(field.ty, Type::As)).collect();
    if fields.is_empty() {
        return Vec::new();
    }
    let mut values = |word: &str, ty: Type| {
        let name = format!("as-{word}-of-{}", resource.name);
        let mut properties: Map<String, Json> =
            fields.iter().map(|field| (field.name.to_owned(), definitions.matchers(ty, word))).collect();
        let many = json!({ "items": reference(&name) });
        properties.extend([("all_of".to_owned(), many.clone()), ("any_of".to_owned(), many)]);
        properties.insert("not".to_owned(), reference(&name));
        definitions.made.insert(name.clone(), json!({ "properties": properties }));
        let judged = ["where", "expect", "require", "forbid"].map(|key| (key.to_owned(), reference(&name)));
        json!({ "properties": Map::from_iter(judged) })
    };
    let given = |test: Json| json!({ "required": ["with"], "properties": { "with": { "required": ["as"], "properties": { "as": test } } } });
    let by_word =
        AS.iter().map(|(word, ty)| json!({ "if": given(json!({ "const": word })), "then": values(word, *ty) }));
    let mut branches: Vec<_> = by_word.collect();
    let default = resource.as_type(&crate::resource::With::new());
    branches.push(json!({ "if": given(json!({})), "else": values("default", default) }));
    branches
}

fn each_of(resource: &Resource) -> Json {
    let mut properties = looked_at(resource);
    let fields = words(resource.fields.iter().map(|field| field.name));
    properties.insert("pick".to_owned(), described(fields, "The field whose values are taken."));
    properties.insert("as".to_owned(), described(text(), "The name that stands for them, as `${NAME}`."));
    object(properties, &["resource", "pick", "as"])
}

fn scope_of(resource: &Resource) -> Json {
    let mut properties = looked_at(resource);
    let fields = words(resource.fields.iter().map(|field| field.name));
    properties.insert("pick".to_owned(), described(fields, "The field whose values are the subjects."));
    object(properties, &["resource", "pick"])
}

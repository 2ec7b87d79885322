//! The cases of a rule: facts about what it looks at. A tag (`!unknown why`) is invisible to a schema: editors take what
//! it stands before for text, validators for null, so that both may stand for any value.

use serde_json::{Map, Value as Json, json};

use super::fields::about;
use super::{described, object, reference, words};
use crate::resource::{ALL, Field, Resource};
use crate::rule::case::Outcome;
use crate::rule::manual::Said;
use crate::value::Type;

/// Adds the facts of every resource to the definitions.
pub(super) fn define(definitions: &mut Map<String, Json>) {
    for resource in ALL {
        definitions.insert(format!("subject-{}", resource.name), subject(resource));
        definitions.insert(name(resource), facts(resource));
    }
    definitions.insert("case".to_owned(), case(&json!({})));
    let by_resource = ALL.iter().map(|resource| {
        let one = resource.name;
        (
            format!("^{one}( .*)?$"),
            described(reference(&name(resource)), &format!("what was seen of {one}, or of `{one} PARAMETER=VALUE`")),
        )
    });
    let keyed = json!({
        "type": "object",
        "patternProperties": by_resource.collect::<Map<_, _>>(),
        "additionalProperties": false,
        "minProperties": 1,
    });
    definitions.insert("case-of-several".to_owned(), case(&reference("facts-by-resource")));
    definitions.insert("case-of-statement".to_owned(), statement());
    definitions.insert("facts-by-resource".to_owned(), keyed);
}

fn name(resource: &Resource) -> String {
    format!("facts-{}", resource.name)
}

/// One outcome with its facts.
fn case(facts: &Json) -> Json {
    let about = |outcome: Outcome| match outcome {
        Outcome::Pass => "facts on which the rule passes",
        Outcome::Fail => "facts on which it fails",
        Outcome::Unknown => "facts that leave it unknown: a field is `!unknown why`",
        Outcome::NotApplicable => "facts on which it says nothing: `[]`, or `!absent what`",
    };
    let outcomes =
        Outcome::ALL.iter().map(|(name, outcome)| ((*name).to_owned(), described(facts.clone(), about(*outcome))));
    let mut schema = object(outcomes.collect(), &[]);
    super::set(&mut schema, "minProperties", json!(1));
    super::set(&mut schema, "maxProperties", json!(1));
    schema
}

/// A case of a rule that a person attests.
fn statement() -> Json {
    let given = object(
        Map::from_iter([
            ("on".to_owned(), described(super::text(), "when it was attested: `now-3d`")),
            ("until".to_owned(), described(super::text(), "until when, where that is sooner than the term")),
            ("scope".to_owned(), described(super::text(), "the value that it was attested for")),
            ("fails".to_owned(), described(super::texts(), "rules that fail in the same run")),
            ("facts".to_owned(), described(json!({}), "what was seen, as in cases of a check")),
        ]),
        &[],
    );
    let about = |said: Said| match said {
        Said::NotApplicable => "the rule says nothing",
        Said::Attested => "somebody attested it, and it holds",
        Said::Unknown => "what it is bound to could not be seen",
        Said::Missing => "nobody attested it",
        Said::Expired => "the term is over, or what it was bound to has changed",
        Said::Contradicted => "it is attested, and a rule that fails shows otherwise",
    };
    let outcomes = Said::ALL.iter().map(|(name, said)| ((*name).to_owned(), described(given.clone(), about(*said))));
    let mut schema = object(outcomes.collect(), &[]);
    super::set(&mut schema, "minProperties", json!(1));
    super::set(&mut schema, "maxProperties", json!(1));
    schema
}

/// What decides the shape of a rule's cases: the one resource that it looks at, or several.
pub(super) fn conditions() -> Vec<Json> {
    let of_one = |resource: &&Resource| {
        json!({
            "if": {
                "required": ["check"],
                "not": { "required": ["when"] },
                "properties": { "check": {
                    "required": ["resource"],
                    "not": { "required": ["each"] },
                    "properties": { "resource": { "const": resource.name } },
                } },
            },
            "then": { "properties": { "tests": { "items": case(&json!({ "anyOf": [
                reference(&name(resource)),
                reference("facts-by-resource"),
            ] })) } } },
        })
    };
    let combined =
        ["all_of", "any_of"].map(|name| json!({ "required": [name], "properties": { name: { "minItems": 2 } } }));
    let several = json!({
        "if": { "anyOf": [
            { "required": ["when", "check"] },
            { "required": ["check"], "properties": { "check": { "required": ["each"] } } },
            { "required": ["check"], "properties": { "check": { "anyOf": combined } } },
        ] },
        "then": { "properties": { "tests": { "items": reference("case-of-several") } } },
    });
    let stated = json!({
        "if": { "required": ["manual"] },
        "then": { "properties": { "tests": { "items": reference("case-of-statement") } } },
        "else": { "properties": { "tests": { "items": reference("case") } } },
    });
    ALL.iter().map(of_one).chain([several, stated]).collect()
}

/// A subject, a list of them, or a tag in place of all.
fn facts(resource: &Resource) -> Json {
    let subject = reference(&format!("subject-{}", resource.name));
    let tag = json!({ "type": ["string", "null"] });
    let item = json!({ "anyOf": [subject, tag] });
    json!({ "anyOf": [subject, { "type": "array", "items": item }, tag] })
}

/// The fields of one, and what a person calls it.
fn subject(resource: &Resource) -> Json {
    let mut properties = values(resource.fields);
    for also in ["name", "path"] {
        properties.entry(also).or_insert_with(|| json!({ "description": "what a person calls it" }));
    }
    object(properties, &[])
}

fn values(table: &[Field]) -> Map<String, Json> {
    table.iter().map(|field| (field.name.to_owned(), described(value(field.ty), &about(field)))).collect()
}

fn value(ty: Type) -> Json {
    match ty {
        Type::Bool(_) => json!({ "type": ["boolean", "string", "null"] }),
        Type::Integer => json!({ "type": ["integer", "string", "null"] }),
        Type::Word(vocabulary) => {
            json!({ "anyOf": [words(vocabulary.words.iter().copied()), { "type": ["string", "null"] }] })
        }
        Type::List(item) => {
            json!({ "anyOf": [{ "type": "array", "items": value(*item) }, { "type": ["string", "null"] }] })
        }
        Type::Record(table) => json!({ "anyOf": [object(values(table), &[]), { "type": ["string", "null"] }] }),
        Type::Map(_) | Type::Secret => json!({ "type": ["object", "string", "null"] }),
        Type::Size | Type::Duration | Type::Time | Type::Version | Type::Text | Type::Url | Type::Mode | Type::Net => {
            json!({ "type": ["string", "number", "boolean", "null"] })
        }
        Type::As => json!({}),
    }
}

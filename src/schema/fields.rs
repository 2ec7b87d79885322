//! What can be expected of fields: for each type the matchers that fit it, each with its operands.

use serde_json::{Map, Value as Json, json};

use super::{described, object, reference, scalar, set, text, texts, words};
use crate::resource::Field;
use crate::rule::matchers::{Name, fitting};
use crate::value::Type;
use crate::value::types::Dialect;

const REFERENCE: &str = "\\$\\{[^}]+\\}";
const DURATION: &str =
    "^(now|now[+-](0|([0-9]+[ywdhms])+)|-?(0|([0-9]+[ywdhms])+)|-?[0-9]{4,6}-[0-9].*|.*s since the epoch)$";

/// The definitions that the fields of resources need, each once.
#[derive(Default)]
pub(super) struct Definitions {
    pub(super) made: Map<String, Json>,
    /// Tables of records, by what they are the items of.
    records: Vec<(&'static [Field], String)>,
}

impl Definitions {
    /// The schema of what is expected of the fields of a table, as the definition `name`.
    pub(super) fn expectation(&mut self, table: &'static [Field], name: &str) -> Json {
        if self.made.contains_key(name) {
            return reference(name);
        }
        self.made.insert(name.to_owned(), Json::Null);
        let mut properties = Map::new();
        for field in table {
            let matchers = self.matchers(field.ty, &format!("{name}-{}", field.name));
            properties.insert(field.name.to_owned(), described(matchers, &about(field)));
        }
        let many = json!({ "type": "array", "minItems": 1, "items": reference(name) });
        properties.insert("all_of".to_owned(), described(many.clone(), "each of these holds"));
        properties.insert("any_of".to_owned(), described(many, "at least one of these holds"));
        properties.insert("not".to_owned(), described(reference(name), "this does not hold"));
        let mut schema = object(properties, &[]);
        set(&mut schema, "minProperties", json!(1));
        self.made.insert(name.to_owned(), schema);
        reference(name)
    }

    /// The matchers of a type. `place` names those of records, which have a table of their own.
    pub(super) fn matchers(&mut self, ty: Type, place: &str) -> Json {
        let name = match ty {
            // What `as` says decides, where it stands.
            Type::As => return json!({}),
            Type::Record(table) => return self.record(table, place),
            ty => definition(ty, place),
        };
        if !self.made.contains_key(&name) {
            self.made.insert(name.clone(), Json::Null);
            let schema = self.matchers_of(ty, &name, place);
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    fn record(&mut self, table: &'static [Field], place: &str) -> Json {
        let known = self.records.iter().find(|(other, _)| std::ptr::eq(*other, table)).map(|(_, name)| name.clone());
        match known {
            Some(name) => reference(&name),
            None => {
                let name = format!("items-{place}");
                self.records.push((table, name.clone()));
                self.expectation(table, &name)
            }
        }
    }

    /// A value, or a map of the matchers that fit.
    fn matchers_of(&mut self, ty: Type, name: &str, place: &str) -> Json {
        let item = match ty {
            Type::List(item) | Type::Map(item) => self.matchers(*item, place),
            _ => json!({}),
        };
        let properties = fitting(ty).map(|matcher| {
            let operands = operands(matcher, ty, &item, name);
            let about = format!("{}. Such as {}: {}", matcher.about(ty), matcher.as_str(), matcher.example(ty));
            (matcher.as_str().to_owned(), described(operands, &about))
        });
        let mut matchers = object(properties.collect(), &[]);
        set(&mut matchers, "minProperties", json!(1));
        let mut values = match ty {
            Type::List(item) if Name::Equals.fits(ty) => vec![list(operand(*item))],
            Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Secret => return matchers,
            ty => plain(ty),
        };
        if !matches!(ty, Type::Text | Type::Url) {
            values.push(filled());
        }
        let by_name = name.replacen("match-", "matchers-of-", 1);
        self.made.insert(by_name.clone(), matchers);
        values.push(reference(&by_name));
        // An editor complains by the branch that was meant, and completes by both while nothing stands there yet.
        let mut schema =
            json!({ "if": { "type": "object" }, "then": reference(&by_name), "else": { "anyOf": values } });
        if matches!(ty, Type::Bool(_) | Type::Word(_)) {
            // Refuses nothing: the words that an editor completes are taken from here.
            set(&mut schema, "anyOf", plain(ty).into_iter().chain([json!({})]).collect());
        }
        schema
    }
}

/// What an editor shows of a field.
pub(super) fn about(field: &Field) -> String {
    format!("{} ({})", field.about, field.ty.name())
}

/// The name under which the matchers of a type are defined.
fn definition(ty: Type, place: &str) -> String {
    match ty {
        Type::Word(vocabulary) => format!("match-{}", vocabulary.name),
        Type::List(Type::Record(_)) | Type::Map(Type::Record(_)) => format!("match-{place}"),
        Type::List(item) => format!("{}s", definition(*item, place)),
        Type::Map(item) => format!("{}-map", definition(*item, place)),
        ty => format!("match-{}", ty.name()),
    }
}

/// A reference to an input, alone or within a text.
fn filled() -> Json {
    json!({ "type": "string", "pattern": REFERENCE })
}

fn number() -> Json {
    json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+$" }, filled()] })
}

/// Values of a type as rules write them, each kind by itself.
fn plain(ty: Type) -> Vec<Json> {
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match ty {
        Type::Bool(_) => vec![json!({ "type": "boolean" }), matching("^(true|false)$")],
        Type::Integer => vec![json!({ "type": "integer" }), matching("^[+-]?[0-9]+$")],
        Type::Mode => vec![json!({ "type": "string", "pattern": "^0[0-7]{3,4}$" })],
        Type::Word(vocabulary) => vec![words(vocabulary.words.iter().copied())],
        Type::Size => vec![matching("^[0-9]+ *([KMGT]iB|B)?$"), json!({ "type": "integer", "minimum": 0 })],
        Type::Duration => vec![matching("^-?(0|([0-9]+[ywdhms])+)$"), json!({ "const": 0 })],
        Type::Time => vec![matching("^(-?[0-9]{4,6}-[0-9].*|.*s since the epoch)$")],
        Type::Net => vec![matching("^(\\*|localhost|\\[?[0-9A-Fa-f:.]*\\]?(/[0-9]+)?)$")],
        Type::Version => vec![matching("^ *v?[0-9]"), json!({ "type": "number" })],
        Type::Text | Type::Url | Type::Secret | Type::As | Type::List(_) | Type::Map(_) | Type::Record(_) => {
            vec![scalar()]
        }
    }
}

/// A single value, or a reference to an input.
fn operand(ty: Type) -> Json {
    match ty {
        Type::Text | Type::Url => scalar(),
        ty => json!({ "anyOf": plain(ty).into_iter().chain([filled()]).collect::<Vec<_>>() }),
    }
}

/// A list of values; an input may be one.
fn list(item: Json) -> Json {
    json!({ "anyOf": [{ "type": "array", "minItems": 1, "items": item }, filled()] })
}

/// What can stand behind a matcher; `item` is what can be expected of an item, `name` where the type's matchers are.
fn operands(matcher: Name, ty: Type, item: &Json, name: &str) -> Json {
    match (matcher, ty) {
        (Name::Equals, Type::List(item)) => {
            json!({ "anyOf": [{ "type": "array", "items": operand(*item) }, filled()] })
        }
        (Name::Equals, ty) => operand(ty),
        (Name::In, ty) => list(operand(ty)),
        (Name::AtLeast | Name::AtMost, Type::Time) => {
            json!({ "anyOf": [{ "type": "string", "pattern": DURATION }, { "const": 0 }, filled()] })
        }
        (Name::AtLeast | Name::AtMost, ty) => operand(ty),
        (Name::Matches, _) => text(),
        (Name::Within, _) => json!({ "anyOf": [operand(Type::Net), list(operand(Type::Net))] }),
        (Name::Has, Type::List(item)) => operand(*item),
        (Name::Has, _) => scalar(),
        (Name::Count, _) => {
            let bounds = ["at_least", "at_most"].map(|bound| (bound.to_owned(), number()));
            json!({ "anyOf": [number(), object(Map::from_iter(bounds), &[])] })
        }
        (Name::Every | Name::Some | Name::None, _) => item.clone(),
        (Name::Key, _) => json!({ "type": "object", "minProperties": 1, "additionalProperties": item }),
        (Name::Secret, _) => {
            let length = described(number(), "the least number of bytes");
            let entropy = described(number(), "the least estimate of its entropy, in bits");
            let placeholder = described(operand(Type::Bool(Dialect::Plain)), "whether a known placeholder is allowed");
            let properties = [("length", length), ("entropy_bits", entropy), ("placeholder", placeholder)];
            object(properties.map(|(key, schema)| (key.to_owned(), schema)).into_iter().collect(), &[])
        }
        (Name::Url, _) => {
            let properties = [
                ("scheme", described(texts(), "the schemes that it may have")),
                ("host", described(texts(), "the hosts that it may name")),
                ("port", described(texts(), "the ports that it may name, the scheme's own where it names none")),
                ("userinfo", described(operand(Type::Bool(Dialect::Plain)), "whether a user stands in it")),
            ];
            object(properties.map(|(key, schema)| (key.to_owned(), schema)).into_iter().collect(), &[])
        }
        (Name::Exists, _) => operand(Type::Bool(Dialect::Plain)),
        (Name::Not, _) => reference(name),
        (Name::AllOf | Name::AnyOf, _) => json!({ "type": "array", "minItems": 1, "items": reference(name) }),
    }
}

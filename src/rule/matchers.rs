//! Which matchers a rule can use on a field, by its type, with an example of each: what the editor schema offers and the
//! reference tells. A test compiles every example, and sees every other matcher refused.

use crate::resource::Field;
use crate::value::Type;

/// A matcher by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Equals,
    In,
    AtLeast,
    AtMost,
    Matches,
    Within,
    Has,
    Count,
    Every,
    Some,
    None,
    Key,
    Secret,
    Url,
    Exists,
    Not,
    AllOf,
    AnyOf,
}

impl Name {
    pub const ALL: [Name; 18] = [
        Name::Equals,
        Name::In,
        Name::AtLeast,
        Name::AtMost,
        Name::Matches,
        Name::Within,
        Name::Has,
        Name::Count,
        Name::Every,
        Name::Some,
        Name::None,
        Name::Key,
        Name::Secret,
        Name::Url,
        Name::Exists,
        Name::Not,
        Name::AllOf,
        Name::AnyOf,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Name::Equals => "equals",
            Name::In => "in",
            Name::AtLeast => "at_least",
            Name::AtMost => "at_most",
            Name::Matches => "matches",
            Name::Within => "within",
            Name::Has => "has",
            Name::Count => "count",
            Name::Every => "every",
            Name::Some => "some",
            Name::None => "none",
            Name::Key => "key",
            Name::Secret => "secret",
            Name::Url => "url",
            Name::Exists => "exists",
            Name::Not => "not",
            Name::AllOf => "all_of",
            Name::AnyOf => "any_of",
        }
    }

    /// When it holds, for a field of type `ty`.
    pub fn about(self, ty: Type) -> &'static str {
        match (self, ty) {
            (Name::Equals, Type::List(_)) => "has exactly these members; order and repetition say nothing",
            (Name::Equals, Type::Version) => "is this version; 1.10 and 1.10.0 are one",
            (Name::Equals, Type::Net) => "holds exactly these addresses",
            (Name::Equals, _) => "is this value; a bare value means the same",
            (Name::In, _) => "is one of these values",
            (Name::AtLeast, Type::Mode) => "has every one of these permission bits",
            (Name::AtMost, Type::Mode) => "has no permission bit beyond these: 0642 is not within 0644",
            (Name::AtLeast, Type::Time) => "is no earlier than this: RFC 3339, or an offset from now (30d, now-5m)",
            (Name::AtMost, Type::Time) => "is no later than this: RFC 3339, or an offset from now (30d, now-5m)",
            (Name::AtLeast, Type::Word(_)) => "is this word or one after it, in the order of the words",
            (Name::AtMost, Type::Word(_)) => "is this word or one before it, in the order of the words",
            (Name::AtLeast, Type::Version) => "is this version or a later one",
            (Name::AtMost, Type::Version) => "is this version or an earlier one",
            (Name::AtLeast, _) => "is this or more",
            (Name::AtMost, _) => "is this or less",
            (Name::Matches, _) => "the regular expression finds a place in it; `^` and `$` tie it to the ends",
            (Name::Within, _) => "lies inside of the union of these networks",
            (Name::Has, Type::Map(_)) => "has this key",
            (Name::Has, _) => "has this item",
            (Name::Count, _) => "has so many items: a number, or `{ at_least, at_most }`",
            (Name::Every, Type::Map(_)) => "every value is so; true when there is none",
            (Name::Some, Type::Map(_)) => "at least one value is so",
            (Name::None, Type::Map(_)) => "no value is so; true when there is none",
            (Name::Every, _) => "every item is so; true when there is none",
            (Name::Some, _) => "at least one item is so",
            (Name::None, _) => "no item is so; true when there is none",
            (Name::Key, _) => "the value of each of these keys is so; a key that is not there is absent",
            (Name::Secret, _) => "is no known placeholder, so many bytes long, of so many bits of estimated entropy",
            (Name::Url, _) => "is a URL with one of these schemes, hosts and ports, and a user in it or not",
            (Name::Exists, _) => "is there (`true`), or is not (`false`)",
            (Name::Not, _) => "the opposite of a value or of matchers; unknown stays unknown",
            (Name::AllOf, _) => "each of these values or matchers holds",
            (Name::AnyOf, _) => "at least one of these values or matchers holds",
        }
    }

    /// Whether it can be asked of a field of this type.
    pub fn fits(self, ty: Type) -> bool {
        let is_plain = !matches!(ty, Type::Secret | Type::List(_) | Type::Map(_) | Type::Record(_));
        match self {
            Name::Exists | Name::Not | Name::AllOf | Name::AnyOf => true,
            Name::In => is_plain,
            Name::Equals => is_plain || matches!(ty, Type::List(item) if Name::In.fits(*item)),
            Name::AtLeast | Name::AtMost => ty.is_ordered(),
            Name::Matches => matches!(ty, Type::Text | Type::Url | Type::As),
            Name::Url => matches!(ty, Type::Text | Type::Url),
            Name::Within => matches!(ty, Type::Net),
            Name::Has => matches!(ty, Type::Map(_)) || matches!(ty, Type::List(item) if Name::In.fits(*item)),
            Name::Count | Name::Every | Name::Some | Name::None => matches!(ty, Type::List(_) | Type::Map(_)),
            Name::Key => matches!(ty, Type::Map(_)),
            Name::Secret => matches!(ty, Type::Secret),
        }
    }

    /// What can stand behind it, as YAML.
    pub fn example(self, ty: Type) -> String {
        match (self, ty) {
            (Name::Equals, Type::List(item)) => format!("[{}]", value(*item)),
            (Name::Equals, _) => value(ty),
            (Name::In, Type::Word(vocabulary)) => {
                let words: Vec<_> = vocabulary.words.iter().rev().take(2).rev().copied().collect();
                format!("[{}]", words.join(", "))
            }
            (Name::In, _) => format!("[{}, {}]", value(ty), other(ty)),
            (Name::AtLeast | Name::AtMost, Type::Word(vocabulary)) => {
                vocabulary.words.get(vocabulary.words.len() / 2).copied().unwrap_or_default().to_owned()
            }
            (Name::AtLeast, Type::Time) => "now-26h".to_owned(),
            (Name::AtMost, Type::Time) => "now+398d".to_owned(),
            (Name::AtLeast, Type::Mode) => "\"01000\"".to_owned(),
            (Name::AtLeast | Name::AtMost, _) => value(ty),
            (Name::Matches, Type::Url) => "\"^https://\"".to_owned(),
            (Name::Matches, _) => "\"^[a-z]+$\"".to_owned(),
            (Name::Within, _) => "[10.0.0.0/8, \"fd00::/8\"]".to_owned(),
            (Name::Has, Type::List(item)) => value(*item),
            (Name::Has, _) => "name".to_owned(),
            (Name::Count, _) => "{ at_least: 1 }".to_owned(),
            (Name::Every | Name::Some | Name::None, Type::List(item) | Type::Map(item)) => value(*item),
            (Name::Every | Name::Some | Name::None, _) => value(ty),
            (Name::Key, Type::Map(item)) => format!("{{ name: {} }}", value(*item)),
            (Name::Key, _) => format!("{{ name: {} }}", value(ty)),
            (Name::Secret, _) => "{ length: 32, entropy_bits: 80 }".to_owned(),
            (Name::Url, _) => "{ scheme: https, host: example.org, userinfo: false }".to_owned(),
            (Name::Exists, _) => "true".to_owned(),
            (Name::Not, _) => matcher(ty),
            (Name::AllOf | Name::AnyOf, _) => format!("[{}, {{ exists: true }}]", matcher(ty)),
        }
    }
}

/// The matchers that fit a type.
pub fn fitting(ty: Type) -> impl Iterator<Item = Name> {
    Name::ALL.into_iter().filter(move |name| name.fits(ty))
}

/// What can be expected of a field of this type, as short as it gets.
fn matcher(ty: Type) -> String {
    match ty {
        Type::List(_) | Type::Map(_) => "{ count: 0 }".to_owned(),
        Type::Secret => "{ secret: { length: 8 } }".to_owned(),
        ty => value(ty),
    }
}

/// A value of the type as a rule writes it; of what has no value in rules, matchers that fit it.
pub fn value(ty: Type) -> String {
    match ty {
        Type::Bool(_) => "true".to_owned(),
        Type::Integer => "3".to_owned(),
        Type::Size => "512MiB".to_owned(),
        Type::Duration => "30d".to_owned(),
        Type::Time => "2026-01-31T00:00:00Z".to_owned(),
        Type::Version => "\"1.10\"".to_owned(),
        Type::Text | Type::As => "text".to_owned(),
        Type::Url => "https://example.org/".to_owned(),
        Type::Mode => "\"0640\"".to_owned(),
        Type::Net => "10.0.0.0/8".to_owned(),
        Type::Word(vocabulary) => vocabulary.words.last().copied().unwrap_or_default().to_owned(),
        Type::Record(table) => table.first().map_or_else(String::new, in_record),
        Type::Secret | Type::List(_) | Type::Map(_) => matcher(ty),
    }
}

/// Another one.
fn other(ty: Type) -> String {
    match ty {
        Type::Bool(_) => "false".to_owned(),
        Type::Integer => "4".to_owned(),
        Type::Size => "1GiB".to_owned(),
        Type::Duration => "26h".to_owned(),
        Type::Time => "2026-12-31T00:00:00Z".to_owned(),
        Type::Version => "\"1.11\"".to_owned(),
        Type::Text | Type::As => "\"other text\"".to_owned(),
        Type::Url => "http://127.0.0.1:8080/".to_owned(),
        Type::Mode => "\"0600\"".to_owned(),
        Type::Net => "\"::1\"".to_owned(),
        Type::Word(_) | Type::Record(_) | Type::Secret | Type::List(_) | Type::Map(_) => value(ty),
    }
}

fn in_record(field: &Field) -> String {
    format!("{{ {}: {} }}", field.name, value(field.ty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::resource::{ALL, Accepts, Resource};
    use crate::rule::compile::{Options, compile};
    use crate::rule::input::Inputs;
    use crate::value::types::AS;

    /// Whether the compiler takes `operand` behind a matcher on a field.
    fn is_accepted(
        resource: &Resource,
        field: &str,
        word: Option<&str>,
        name: Name,
        operand: &str,
    ) -> Result<(), String> {
        let params = resource.params.iter().filter_map(|param| match param.accepts {
            Accepts::Text | Accepts::Texts if param.required => Some(format!("{}: /x", param.name)),
            Accepts::Words(words) if param.required => Some(format!("{}: {}", param.name, words[0])),
            Accepts::Layers if param.required => Some(format!("{}: [{{ default: x }}]", param.name)),
            Accepts::As | Accepts::AsElse(_) => word.map(|word| format!("as: {word}")),
            _ => None,
        });
        let params: Vec<_> = params.collect();
        let with = if params.is_empty() { String::new() } else { format!("  with: {{ {} }}\n", params.join(", ")) };
        let absent = if resource.can_be_absent { "  absent: fail\n" } else { "" };
        let text = format!(
            "id: x\ntitle: t\nseverity: low\nphase: pre\nwhy: w\nfix: f\nrefs: {{ cwe: \"1\" }}\ncheck:\n  resource: {}\n{with}{absent}  \
             expect: {{ {field}: {{ {}: {operand} }} }}\n",
            resource.name,
            name.as_str()
        );
        let options = Options { inputs: &Inputs::new(), cases: false };
        let compiled = compile(&Source::new("x.yaml", &text), "x", options);
        compiled.map(drop).map_err(|problems| format!("{text}{problems:?}"))
    }

    /// Every field with its type; one whose type `as` decides with each type.
    fn fields() -> Vec<(&'static Resource, &'static Field, Option<&'static str>, Type)> {
        let of = |resource: &'static Resource| {
            resource.fields.iter().flat_map(move |field| match field.ty {
                Type::As => AS.iter().map(|(word, ty)| (resource, field, Some(*word), *ty)).collect(),
                ty => vec![(resource, field, None, ty)],
            })
        };
        ALL.iter().copied().flat_map(of).collect()
    }

    #[test]
    fn every_example_compiles() {
        for (resource, field, word, ty) in fields() {
            for name in fitting(ty) {
                is_accepted(resource, field.name, word, name, &name.example(ty)).unwrap_or_else(|why| panic!("{why}"));
                assert!(!name.about(ty).is_empty());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let operands = ["1", "true", "text", "\"0640\"", "[text]", "[1]", "{ name: text }", "{ at_least: 1 }", "{}"];
        for (resource, field, word, ty) in fields() {
            for name in Name::ALL.into_iter().filter(|name| !name.fits(ty)) {
                for operand in operands {
                    let accepted = is_accepted(resource, field.name, word, name, operand).is_ok();
                    assert!(!accepted, "{} {word:?}: {} {operand}", field.name, name.as_str());
                }
            }
        }
    }
}

//! A rule's tests: facts written by hand, typed by the same field tables.

use serde_json::Value as Json;

use super::reader::Reader;
use crate::diagnostic::Problem;
use crate::facts::{Basis, Extent, Listing, Subject};
use crate::resource::{Field, Resource, With};
use crate::rule::Selection;
use crate::rule::case::{Answer, CASE_NOW, Case, NOT_GIVEN, Outcome};
use crate::value::{List, Observed, Reason, Record, Secret, Type, Value, time};
use crate::yaml::{Kind, Node};

impl Reader<'_> {
    /// The cases of `tests:`, answered for the selections of the rule.
    pub(super) fn cases(&self, node: &Node, selections: &[&Selection]) -> Vec<Case> {
        let Some(items) = node.sequence() else {
            self.expected(node, "a list of cases, such as `- pass: { … }`");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.case(item, selections)).collect()
    }

    fn case(&self, node: &Node, selections: &[&Selection]) -> Option<Case> {
        let Some([(key, facts)]) = node.mapping() else {
            self.expected(node, "one outcome with its facts, such as `pass: { … }`");
            return None;
        };
        let Some((_, expected)) = Outcome::ALL.iter().find(|(name, _)| *name == key.name) else {
            self.unknown_word(&key.span, &key.name, Outcome::ALL.iter().map(|(name, _)| *name), "outcome");
            return None;
        };
        Some(Case { expected: *expected, answers: self.facts(facts, selections), span: node.span.clone() })
    }

    /// What a case says that was seen.
    pub(super) fn facts(&self, facts: &Node, selections: &[&Selection]) -> Vec<Answer> {
        match selections {
            [only] if !names(facts, only.resource) => vec![Answer {
                resource: only.resource.name,
                with: With::new(),
                keyed: false,
                listing: self.listing(facts, only.resource, only.as_type),
            }],
            _ => self.answers(facts, selections),
        }
    }

    /// Facts keyed by `resource` or `resource param=value`, for a rule that looks at more than one thing.
    fn answers(&self, node: &Node, selections: &[&Selection]) -> Vec<Answer> {
        let Some(entries) = node.mapping() else {
            let example = keyed_example(node, selections);
            self.expected(node, &format!("facts by what is looked at, which is more than one thing: `{example}`"));
            return Vec::new();
        };
        let answers = entries.iter().filter_map(|(key, value)| {
            let (name, params) = key.name.split_once(' ').unwrap_or((&key.name, ""));
            let Some(selection) = selections.iter().find(|selection| selection.resource.name == name) else {
                let mut known: Vec<_> = selections.iter().map(|selection| selection.resource.name).collect();
                known.dedup();
                if selections.iter().any(|selection| selection.resource.fields.iter().any(|field| field.name == name)) {
                    let problem = Problem::new(
                        key.span.clone(),
                        format!("`{name}` is a field, and this rule looks at more than one thing"),
                    );
                    self.report(problem.help(format!("say of which: `{}`", keyed_example(node, selections))));
                } else {
                    self.unknown_word(&key.span, name, known, "resource of this rule");
                }
                return None;
            };
            let resource = selection.resource;
            let with = self.params(params, resource, key)?;
            let fits = |candidate: &&&Selection| candidate.resource.name == name && candidate.has_params(&with);
            let as_type = selections.iter().find(fits).map_or(selection.as_type, |found| found.as_type);
            let listing = self.listing(value, resource, as_type);
            Some(Answer { resource: resource.name, with, keyed: true, listing })
        });
        answers.collect()
    }

    fn params(&self, text: &str, resource: &Resource, key: &crate::yaml::Key) -> Option<With> {
        let mut with = With::new();
        for part in text.split_whitespace() {
            let Some((name, value)) =
                part.split_once('=').filter(|(name, _)| resource.params.iter().any(|p| p.name == *name))
            else {
                let known = resource.params.iter().map(|param| param.name);
                self.unknown_name(
                    &key.span,
                    "parameter",
                    part.split('=').next().unwrap_or_default(),
                    known.collect::<Vec<_>>(),
                    resource.name,
                );
                return None;
            };
            with.insert(name.to_owned(), Json::String(value.to_owned()));
        }
        Some(with)
    }

    /// One subject, a list of them, or why there are none. An `!unknown` last item cuts the list short.
    fn listing(&self, node: &Node, resource: &'static Resource, as_type: Type) -> Listing {
        if let (Some(tag), Kind::Scalar { text, .. }) = (&node.tag, &node.kind) {
            return match tag.as_str() {
                "absent" => Listing::absent(if text.is_empty() { "it is not there" } else { text.as_str() }),
                _ => Listing::failed(reason(text)),
            };
        }
        let Some(items) = node.sequence() else {
            return Listing::complete(self.subject(node, resource, as_type, 1).into_iter().collect());
        };
        let (items, extent) = match items.split_last() {
            Some((Node { tag: Some(tag), kind: Kind::Scalar { text, .. }, .. }, rest)) if tag == "unknown" => {
                (rest, Extent::Partial(reason(text)))
            }
            Some(_) | None => (items, Extent::Complete),
        };
        let subjects = items.iter().enumerate().filter_map(|(i, item)| self.subject(item, resource, as_type, i + 1));
        Listing { subjects: subjects.collect(), extent }
    }

    fn subject(&self, node: &Node, resource: &'static Resource, as_type: Type, number: usize) -> Option<Subject> {
        let named = |name: &str| node.get(name).and_then(Node::text);
        let name = named("name")
            .or_else(|| named("path"))
            .map_or_else(|| format!("{} {number}", resource.name), str::to_owned);
        let fields = self.record(node, resource.fields, as_type, resource.name, &["name", "path"])?;
        Some(Subject { origin: name.clone().into(), name: name.into(), basis: Basis::Live, fields })
    }

    fn record(&self, node: &Node, table: &'static [Field], as_type: Type, of: &str, also: &[&str]) -> Option<Record> {
        let Some(entries) = node.mapping() else {
            let problem =
                Problem::new(node.span.clone(), format!("expected fields of {of}, found {}", node.describe()));
            self.report(match untagged(node) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => {
                    problem.help(format!("such as `{{ {}: … }}`", table.first().map_or("field", |field| field.name)))
                }
            });
            return None;
        };
        let mut fields: Vec<Observed> = vec![Observed::unknown(NOT_GIVEN); table.len()];
        for (key, value) in entries {
            let index = table.iter().position(|field| field.name == key.name);
            match index.and_then(|i| Some((table.get(i)?, fields.get_mut(i)?))) {
                Some((field, slot)) => {
                    let ty = if matches!(field.ty, Type::As) { as_type } else { field.ty };
                    *slot = self.observed(value, ty)?;
                }
                None if also.contains(&key.name.as_str()) => {}
                None => self.unknown_name(&key.span, "field", &key.name, table.iter().map(|field| field.name), of),
            }
        }
        Some(Record { table, fields: fields.into() })
    }

    fn observed(&self, node: &Node, ty: Type) -> Option<Observed> {
        let Some(tag) = &node.tag else { return self.value(&self.resolve(node), ty).map(Observed::Known) };
        let Kind::Scalar { text, .. } = &node.kind else {
            self.expected(node, &format!("a word behind `!{tag}`"));
            return None;
        };
        Some(match tag.as_str() {
            "absent" => Observed::Absent,
            "invalid" => Observed::Known(Value::Invalid(text.as_str().into())),
            _ => Observed::Unknown(reason(text)),
        })
    }

    fn value(&self, node: &Node, ty: Type) -> Option<Value> {
        match (ty, &node.kind) {
            (Type::List(item), Kind::Sequence(items)) => {
                let (items, more) = match items.split_last() {
                    Some((Node { tag: Some(tag), kind: Kind::Scalar { text, .. }, .. }, rest)) if tag == "unknown" => {
                        (rest, Some(reason(text)))
                    }
                    Some(_) | None => (items.as_slice(), None),
                };
                let items = items.iter().filter_map(|node| self.observed(node, *item)).collect();
                Some(Value::List(List { items, more }))
            }
            (Type::Map(item), Kind::Mapping(entries)) => {
                let entries = entries
                    .iter()
                    .filter_map(|(key, node)| Some((key.name.as_str().into(), self.observed(node, *item)?)));
                Some(Value::Map(entries.collect()))
            }
            (Type::Record(table), Kind::Mapping(_)) => {
                self.record(node, table, Type::Text, "this record", &[]).map(Value::Record)
            }
            (Type::Secret, Kind::Mapping(_)) => self.secret_facts(node).map(Value::Secret),
            (Type::Time, Kind::Scalar { text, .. }) if text.starts_with("now") => match time::parse_relative(text) {
                Some(offset) => Some(Value::Time(CASE_NOW.saturating_add(offset))),
                None => {
                    self.expected(node, "a time such as now-3d");
                    None
                }
            },
            (Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Secret, _)
            | (_, Kind::Sequence(_) | Kind::Mapping(_)) => {
                self.expected(node, &format!("a {}", ty.name()));
                None
            }
            (_, Kind::Scalar { text, .. }) => match ty.parse(text) {
                Ok(value) => Some(value),
                Err(expected) => {
                    let problem = Problem::new(node.span.clone(), format!("expected {expected}, found `{text}`"));
                    self.report(match untagged(node) {
                        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                        None => problem.help("for a value that its program does not understand, write `!invalid TEXT`"),
                    });
                    None
                }
            },
        }
    }

    fn secret_facts(&self, node: &Node) -> Option<Secret> {
        let mut secret = Secret { length: 0, entropy_bits: 0, placeholder: false, fingerprint: "case".to_owned() };
        for (key, value) in self.keys(node, &["length", "entropy_bits", "placeholder", "fingerprint"], "a secret") {
            match key.name.as_str() {
                "length" => secret.length = self.number(value)?,
                "entropy_bits" => secret.entropy_bits = u32::try_from(self.number(value)?).unwrap_or(u32::MAX),
                "placeholder" => {
                    secret.placeholder = self.word(value, &[("true", true), ("false", false)], "truth value")?
                }
                "fingerprint" => secret.fingerprint = self.text(value)?.to_owned(),
                _ => {}
            }
        }
        Some(secret)
    }
}

/// Whether facts are keyed by the resource that they are about: `file path=/etc/shadow: { … }`.
fn names(facts: &Node, resource: &Resource) -> bool {
    let is_field = |key: &str| resource.fields.iter().any(|field| field.name == key);
    let names = |key: &str| !is_field(key) && (key.split(' ').next() == Some(resource.name) || key.contains('='));
    facts.mapping().is_some_and(|entries| entries.iter().any(|(key, _)| names(&key.name)))
}

/// What was probably meant by one of the tags' words without its `!`.
fn untagged(node: &Node) -> Option<String> {
    let text = node.text()?;
    let (word, why) = text.split_once([' ', ':']).unwrap_or((text, ""));
    let why = why.trim();
    match word {
        "absent" => Some(format!("!absent {why}").trim_end().to_owned()),
        "unknown" => Some(format!("!unknown {}", if why.is_empty() { "why" } else { why })),
        _ => None,
    }
}

/// Facts of one of several selections, as a case gives them: `file path=/etc/x: { … }`.
fn keyed_example(facts: &Node, selections: &[&Selection]) -> String {
    let Some(selection) = selections.last() else { return String::new() };
    let plain = |text: &&str| !text.contains([' ', '$', '{', '*']);
    let params = selection.with.iter().filter_map(|(name, value)| Some((name, value.as_str().filter(plain)?)));
    let params: String = params.map(|(name, value)| format!(" {name}={value}")).collect();
    let facts = if facts.tag.is_some() { "!absent" } else { "{ … }" };
    format!("{}{params}: {facts}", selection.resource.name)
}

fn reason(text: &str) -> Reason {
    Reason::new(if text.is_empty() { "not seen in this case" } else { text })
}

//! How a rule is judged, in plain words. They are made from what the compiler made of the rule, not from its text: what
//! is said here is what is judged. Pure; nothing is cleaned for a terminal yet.

mod predicates;
mod statements;

use serde::Serialize;
use serde_json::Value as Json;

use super::manual::{Manual, Term};
use super::{Body, Check, Each, OnAbsent, Quantifier, QueryCheck, Rule, Selection};
use crate::matcher::Expectation;
use crate::plan;
use crate::resource::{Accepts, Param};
use crate::value::Type;
use statements::statement;

/// Values of a parameter that are listed in a sentence; what the rule reads is listed in full elsewhere.
const SHOWN: usize = 6;

/// A sentence, and what it consists of. Names, words and values stand in backticks, as in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Words>,
}

impl Words {
    fn new(text: impl Into<String>) -> Self {
        Words { text: text.into(), parts: Vec::new() }
    }

    fn with(text: impl Into<String>, parts: Vec<Words>) -> Self {
        Words { text: text.into(), parts }
    }
}

/// What a check decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The rule.
    Whole,
    /// Whether the rule applies.
    Condition,
    /// A side of a combination of checks.
    Part,
}

impl Role {
    fn holds(self) -> &'static str {
        match self {
            Role::Whole => "passes",
            Role::Condition | Role::Part => "holds",
        }
    }

    fn on_absent(self, absent: OnAbsent) -> &'static str {
        match (self, absent) {
            (Role::Whole, OnAbsent::Pass) => "the rule passes",
            (Role::Whole, OnAbsent::Fail) => "the rule fails",
            (Role::Whole | Role::Condition, OnAbsent::NotApplicable) => "the rule does not apply",
            (Role::Condition | Role::Part, OnAbsent::Pass) => "this holds",
            (Role::Condition | Role::Part, OnAbsent::Fail) => "this does not hold",
            (Role::Part, OnAbsent::NotApplicable) => "this takes no side",
        }
    }
}

/// How a rule is judged: its condition, if it has one, and its check.
pub fn judged(rule: &Rule) -> Vec<Words> {
    let condition = rule.when.as_ref().map(|when| {
        let parts = vec![check(when, Role::Condition)];
        Words::with("the rule applies only if this holds, and is unknown while that cannot be seen:", parts)
    });
    let body = match &rule.body {
        Body::Check(whole) => check(whole, Role::Whole),
        Body::Manual(manual) => attested(manual),
    };
    let mut words: Vec<_> = condition.into_iter().chain([body]).collect();
    words.iter_mut().for_each(|words| words.text = capital(&words.text));
    words
}

/// What a person is asked.
fn attested(manual: &Manual) -> Words {
    let mut parts = vec![Words::new(format!("what is recorded with it: {}", manual.evidence))];
    parts.push(Words::new(match &manual.term {
        Term::For(_) => format!("it holds for {}", manual.term.show()),
        Term::UntilEvent(_) => format!("it holds {}", manual.term.show()),
    }));
    if let (Some(scope), Some(field)) = (&manual.scope, manual.bound_to()) {
        let text = format!("one for each {} of {}, which holds for no other", code(field), looked_at(&scope.from));
        let words = Words { text, parts: filter(&scope.from).into_iter().collect() };
        parts.push(with_references(scope.from.each.as_deref(), words));
    }
    if !manual.contradicted_by.is_empty() {
        let rules = manual.contradicted_by.iter().map(|one| code(&one.rule)).collect::<Vec<_>>();
        parts.push(Words::new(format!("it counts as a fail while one of these fails: {}", rules.join(", "))));
    }
    Words::with(format!("{} has to attest it:", manual.who), parts)
}

/// What a selection looks at, in a sentence: `file` with path `/etc/shadow`.
pub fn looked_at(selection: &Selection) -> String {
    let mut text = code(selection.resource.name);
    let mut joint = " with";
    for (param, value) in given(selection) {
        let from = inputs(selection.inputs.get(param.name).map_or(&[], Vec::as_slice));
        let said = match (param.accepts, param.name) {
            (Accepts::Layers, _) => format!(" taken from {}", values(value, ", else ")),
            (Accepts::As | Accepts::AsElse(_), _) => format!(", read as {}", values(value, " or ")),
            (_, "of") => format!(" of {}", values(value, " or ")),
            (_, name) => format!("{} {name} {}", std::mem::replace(&mut joint, ","), values(value, " or ")),
        };
        text.push_str(&format!("{said}{from}"));
    }
    text
}

/// The parameters that a selection gives, in the order of the resource, which is not that of their names.
pub fn given(selection: &Selection) -> impl Iterator<Item = (&'static Param, &Json)> {
    selection.resource.params.iter().filter_map(|param| Some((param, selection.with.get(param.name)?)))
}

/// Text as code, with longer fences around one that holds a backtick itself.
pub fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn check(check: &Check, role: Role) -> Words {
    let combined = |text: &str, checks: &[Check]| {
        Words::with(text, checks.iter().map(|part| self::check(part, Role::Part)).collect())
    };
    match check {
        Check::Query(query) => with_references(query.selection.each.as_deref(), query_words(query, role)),
        Check::All(checks) => combined("all of these hold:", checks),
        Check::Any(checks) => combined("at least one of these holds:", checks),
        Check::Not(part) => combined("this does not hold:", std::slice::from_ref(part)),
    }
}

fn query_words(query: &QueryCheck, role: Role) -> Words {
    let noun = looked_at(&query.selection);
    let text = match query.quantifier {
        Quantifier::Every => format!("each {noun}:"),
        Quantifier::Some => format!("a single {noun} is enough:"),
    };
    let mut parts: Vec<_> = filter(&query.selection).into_iter().collect();
    parts.push(expected(&format!("{} if", role.holds()), &query.expectation, &query.selection));
    parts.extend(nothing(query, role));
    Words::with(text, parts)
}

/// What it means that there is nothing to judge, or too little.
fn nothing(query: &QueryCheck, role: Role) -> Vec<Words> {
    let absent = match query.absent {
        None | Some(OnAbsent::NotApplicable) => None,
        Some(absent) => {
            let what = if asks_for_several(&query.selection) { "for each that" } else { "if it" };
            Some(format!("{what} does not exist, {}", role.on_absent(absent)))
        }
    };
    let few = match (query.at_least, &query.selection.filter) {
        (0, Some(_)) => Some(format!("if there is none that counts, {}", role.on_absent(OnAbsent::NotApplicable))),
        (0, None) if absent.is_some() => None,
        (0, None) => Some(format!("if there is none, {}", role.on_absent(OnAbsent::NotApplicable))),
        (least, filter) => {
            let count = if filter.is_some() { "count" } else { "are there" };
            Some(format!("if fewer than {least} {count}, {}", role.on_absent(OnAbsent::Fail)))
        }
    };
    absent.into_iter().chain(few).map(Words::new).collect()
}

/// Whether a selection can ask more than one query.
fn asks_for_several(selection: &Selection) -> bool {
    selection.each.is_some() || plan::questions(selection) > 1
}

fn filter(selection: &Selection) -> Option<Words> {
    selection.filter.as_ref().map(|filter| expected("counts only if", filter, selection))
}

fn expected(lead: &str, expectation: &Expectation, selection: &Selection) -> Words {
    statement(expectation, selection.resource.fields, selection.as_type).words(lead)
}

/// The words of a check for each thing that it refers to, the outermost reference first.
fn with_references(each: Option<&Each>, inner: Words) -> Words {
    let Some(each) = each else { return inner };
    let picked = each.from.resource.fields.get(each.pick).map_or("", |field| field.name);
    let reference = format!("${{{}}}", each.name);
    let text = format!("for each {} of {}, called {}:", code(picked), looked_at(&each.from), code(&reference));
    let parts = filter(&each.from).into_iter().chain([inner]).collect();
    with_references(each.from.each.as_deref(), Words::with(text, parts))
}

/// The values of a parameter, shortened to what a sentence can hold.
fn values(value: &Json, join: &str) -> String {
    let mut shown = items(value);
    let more = shown.len().saturating_sub(SHOWN);
    if more > 0 {
        shown.truncate(SHOWN);
        shown.push(format!("one of {more} more"));
    }
    match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{}{join}{last}", rest.join(", ")),
        _ => shown.concat(),
    }
}

/// The items of a parameter; layers of a setting in words.
pub fn items(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().map(item).collect(),
        other => vec![item(other)],
    }
}

fn item(value: &Json) -> String {
    let text = |name: &str| code(value.get(name).and_then(Json::as_str).unwrap_or_default());
    if value.get("env").is_some() {
        return format!("variable {} of {}", text("env"), text("of"));
    }
    if value.get("file").is_some() {
        return format!("key {} of {} ({})", text("key"), text("file"), text("format").trim_matches('`'));
    }
    match value.get("default") {
        Some(_) => format!("the default {}", text("default")),
        None => code(&plan::show(value)),
    }
}

/// ` (input `a`)`, or nothing.
fn inputs(names: &[impl AsRef<str>]) -> String {
    let list: Vec<_> = names.iter().map(|name| code(name.as_ref())).collect();
    match list.len() {
        0 => String::new(),
        1 => format!(" (input {})", list.concat()),
        _ => format!(" (inputs {})", list.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The type of a field as this query reads it.
fn declared(ty: Type, as_type: Type) -> Type {
    if matches!(ty, Type::As) { as_type } else { ty }
}

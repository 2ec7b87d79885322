//! What is expected of the fields of a subject, as statements.
//!
//! Negation was pushed to the leaves when the rule was compiled. Where every leaf below a point is negated, what the
//! author wrote was most likely one `not`, `none` or `forbid`, and the words turn it back: "not all of these hold
//! together" instead of "at least one of these does not hold", which says the same.

use super::predicates::predicate;
use super::{Words, code, declared, inputs};
use crate::matcher::{Expectation, Matcher};
use crate::resource::Field;
use crate::value::Type;

/// Characters of statements that still stand in one sentence.
const LINE: usize = 90;

/// Something that holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    One(String),
    /// Several, with what they are said of (`some item of x is such that`).
    Many {
        of: String,
        join: Join,
        parts: Vec<Statement>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    All,
    Any,
    /// All of them together must not hold.
    NotAll,
}

impl Join {
    fn header(self) -> &'static str {
        match self {
            Join::All => "all of these hold",
            Join::Any => "at least one of these holds",
            Join::NotAll => "not all of these hold together",
        }
    }
}

impl Statement {
    /// Many as one where a short sentence holds them.
    fn many(join: Join, parts: Vec<Statement>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Statement::Many { of, join: inner, parts }
                    if of.is_empty() && inner == join && join != Join::NotAll =>
                {
                    flat.extend(parts);
                }
                part => flat.push(part),
            }
        }
        let mut parts = flat;
        if parts.len() == 1 && join != Join::NotAll {
            return parts.remove(0);
        }
        Statement::Many { of: String::new(), join, parts }
    }

    /// The same, said of something.
    fn of(self, of: &str) -> Self {
        match self {
            Statement::One(text) => Statement::One(format!("{of} {text}")),
            Statement::Many { of: inner, join, parts } => {
                Statement::Many { of: format!("{of} {inner}").trim_end().to_owned(), join, parts }
            }
        }
    }

    /// With the inputs that it depends on.
    fn noting(self, names: &[Box<str>]) -> Self {
        match self {
            Statement::One(text) => Statement::One(format!("{text}{}", inputs(names))),
            Statement::Many { of, join, parts } if names.is_empty() => Statement::Many { of, join, parts },
            Statement::Many { of, join, parts } => {
                let note = format!("{}:", inputs(names).trim_start().trim_matches(['(', ')']));
                Statement::Many { of: format!("with {note} {of}").trim_end().to_owned(), join, parts }
            }
        }
    }

    /// As one sentence, if it is short and its own words leave no doubt about what belongs together.
    fn sentence(&self) -> Option<String> {
        match self {
            Statement::One(text) => Some(text.clone()),
            Statement::Many { of, join, parts } => {
                let joint = match join {
                    Join::All => " and ",
                    Join::Any => " or ",
                    Join::NotAll => return None,
                };
                let plain = |part: &Statement| match part {
                    Statement::One(text) if !text.contains(" or ") && !text.contains(" and ") => Some(text.clone()),
                    Statement::One(_) | Statement::Many { .. } => None,
                };
                let texts: Option<Vec<_>> = parts.iter().map(plain).collect();
                let text = format!("{of} {}", texts?.join(joint));
                (text.chars().count() <= LINE).then(|| text.trim_start().to_owned())
            }
        }
    }

    /// The statement after `lead`, with its parts below.
    pub(super) fn words(&self, lead: &str) -> Words {
        if let Some(text) = self.sentence() {
            return Words::new(format!("{lead} {text}").trim_start());
        }
        match self {
            Statement::One(text) => Words::new(format!("{lead} {text}").trim_start()),
            Statement::Many { of, join, parts } => {
                let said: Vec<_> = [lead, of, join.header()].into_iter().filter(|part| !part.is_empty()).collect();
                Words::with(format!("{}:", said.join(" ")), parts.iter().map(|part| part.words("")).collect())
            }
        }
    }
}

/// What is expected of the fields of `table`.
pub(super) fn statement(expectation: &Expectation, table: &'static [Field], as_type: Type) -> Statement {
    Scope { table, as_type, turned: false }.expectation(expectation)
}

/// The fields that are meant, and whether the opposite is said.
#[derive(Clone, Copy)]
struct Scope {
    table: &'static [Field],
    as_type: Type,
    turned: bool,
}

impl Scope {
    fn turn(self) -> Self {
        Scope { turned: !self.turned, ..self }
    }

    fn expectation(self, expectation: &Expectation) -> Statement {
        match expectation {
            Expectation::Field { index, matcher, inputs, .. } => {
                let Some(field) = self.table.get(*index) else { return Statement::One(String::new()) };
                self.matcher(matcher, &code(field.name), declared(field.ty, self.as_type)).noting(inputs)
            }
            Expectation::All(parts) => self.expectations(parts, !self.turned),
            Expectation::Any(parts) => self.expectations(parts, self.turned),
        }
    }

    fn expectations(self, parts: &[Expectation], all: bool) -> Statement {
        let each = |scope: Scope| parts.iter().map(|part| scope.expectation(part)).collect();
        if !all && parts.len() > 1 && parts.iter().all(|part| self.is_negative(part)) {
            return Statement::many(Join::NotAll, each(self.turn()));
        }
        Statement::many(if all { Join::All } else { Join::Any }, each(self))
    }

    fn is_negative(self, expectation: &Expectation) -> bool {
        match expectation {
            Expectation::Field { matcher, .. } => self.denies(matcher),
            Expectation::All(parts) | Expectation::Any(parts) => parts.iter().all(|part| self.is_negative(part)),
        }
    }

    /// Whether every leaf of a matcher is negated.
    fn denies(self, matcher: &Matcher) -> bool {
        match matcher {
            Matcher::Leaf { negated, .. } => *negated != self.turned,
            Matcher::All(parts) | Matcher::Any(parts) => parts.iter().all(|part| self.denies(part)),
            Matcher::Every(inner) | Matcher::Some(inner) | Matcher::Key(_, inner) => self.denies(inner),
            Matcher::Record(expectation) => self.is_negative(expectation),
        }
    }

    fn matcher(self, matcher: &Matcher, subject: &str, ty: Type) -> Statement {
        match matcher {
            Matcher::Leaf { test, negated } => {
                Statement::One(format!("{subject} {}", predicate(test, *negated != self.turned, ty)))
            }
            Matcher::All(parts) => self.matchers(parts, !self.turned, subject, ty),
            Matcher::Any(parts) => self.matchers(parts, self.turned, subject, ty),
            Matcher::Every(inner) => self.items(inner, !self.turned, subject, ty),
            Matcher::Some(inner) => self.items(inner, self.turned, subject, ty),
            Matcher::Key(key, inner) => self.matcher(inner, &format!("key {} of {subject}", code(key)), held(ty)),
            Matcher::Record(expectation) => {
                let Type::Record(table) = ty else { return Statement::One(String::new()) };
                Scope { table, ..self }.expectation(expectation)
            }
        }
    }

    fn matchers(self, parts: &[Matcher], all: bool, subject: &str, ty: Type) -> Statement {
        let each = |scope: Scope| parts.iter().map(|part| scope.matcher(part, subject, ty)).collect();
        if !all && parts.len() > 1 && parts.iter().all(|part| self.denies(part)) {
            return Statement::many(Join::NotAll, each(self.turn()));
        }
        Statement::many(if all { Join::All } else { Join::Any }, each(self))
    }

    /// What is said of every item, or of some.
    fn items(self, inner: &Matcher, every: bool, subject: &str, ty: Type) -> Statement {
        let thing = if matches!(ty, Type::Map(_)) { "value" } else { "item" };
        let none = every && self.denies(inner);
        let quantifier = match (none, every) {
            (true, _) => "no",
            (false, true) => "every",
            (false, false) => "at least one",
        };
        let scope = if none { self.turn() } else { self };
        let of = format!("{quantifier} {thing} of {subject}");
        match inner {
            Matcher::Leaf { .. } => scope.matcher(inner, &of, held(ty)),
            Matcher::Record(_) if !none => scope.matcher(inner, "", held(ty)).of(&format!("in {of},")),
            _ => scope.matcher(inner, "it", held(ty)).of(&format!("{of} is such that")),
        }
    }
}

/// What a list or a map holds.
fn held(ty: Type) -> Type {
    match ty {
        Type::List(item) | Type::Map(item) => *item,
        other => other,
    }
}

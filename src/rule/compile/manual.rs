//! `manual:`, what a rule asks of a person, and the cases of such a rule.

use super::checks::can_be_picked;
use super::places::{self, Part};
use super::reader::Reader;
use crate::diagnostic::Problem;
use crate::rule::Selection;
use crate::rule::case::CASE_NOW;
use crate::rule::manual::{Contradiction, Given, Manual, Said, Scope, StatementCase, Term};
use crate::value::{duration, time};
use crate::yaml::{Key, Node};

pub(super) const MANUAL_KEYS: [&str; 6] = ["who", "valid_for", "event", "evidence", "contradicted_by", "scope"];
const SCOPE_KEYS: [&str; 5] = ["resource", "with", "each", "where", "pick"];
const CASE_KEYS: [&str; 5] = ["on", "until", "scope", "fails", "facts"];
/// The word for a term that ends with an event.
const EVENT: &str = "event";
/// The longest term: a statement that nobody renews in this time is a habit, not a statement.
const LONGEST: i64 = 2 * 365 * 86_400;
const DAY: i64 = 86_400;

impl Reader<'_> {
    pub(super) fn manual(&self, node: &Node, id: &str) -> Option<Manual> {
        self.keys_in(node, &MANUAL_KEYS, "`manual`", places::elsewhere(Part::Manual));
        node.mapping()?;
        let who = self.required(node, "who").and_then(|value| self.text(value));
        let evidence = self.required(node, "evidence").and_then(|value| self.text(value));
        let term = self.term(node);
        let contradicted_by = node.get("contradicted_by").map(|value| self.contradictions(value, id));
        let scope = node.get("scope").map(|value| self.scope(value));
        Some(Manual {
            who: who?.trim().to_owned(),
            term: term?,
            evidence: evidence?.trim().to_owned(),
            contradicted_by: contradicted_by.unwrap_or_default(),
            scope: match scope {
                Some(scope) => Some(scope?),
                None => None,
            },
            cases: Vec::new(),
        })
    }

    fn term(&self, node: &Node) -> Option<Term> {
        let value = self.required(node, "valid_for")?;
        let text = self.text(value)?;
        let event = node.get("event");
        if text == EVENT {
            let Some(event) = event else {
                let problem = Problem::new(value.span.clone(), "this term ends with an event that is not named");
                self.report(problem.help("add `event: incident`, or what else it is that ends the statement"));
                return None;
            };
            return self.text(event).map(|event| Term::UntilEvent(event.trim().to_owned()));
        }
        if let Some(event) = event {
            let problem = Problem::new(event.span.clone(), "the term is a time already, which no event ends");
            self.report(problem.help("write `valid_for: event`, or take `event:` away"));
        }
        match duration::parse(text) {
            Some(seconds) if (DAY..=LONGEST).contains(&seconds) => Some(Term::For(seconds)),
            Some(_) => {
                let message =
                    format!("a statement holds for a day at least and for {} at most", duration::show(LONGEST));
                self.report(Problem::new(value.span.clone(), message).help("such as 90d, or `event`"));
                None
            }
            None => {
                let problem = Problem::new(value.span.clone(), format!("`{text}` is no term"));
                let suggested = problem.clone().suggest(text, [EVENT]);
                let help = "write a duration such as 90d, or `event` with what ends it under `event:`";
                self.report(if suggested.help.is_some() { suggested } else { problem.help(help) });
                None
            }
        }
    }

    /// Rules by id. Whether they exist shows when all rules are seen together.
    fn contradictions(&self, node: &Node, id: &str) -> Vec<Contradiction> {
        let items = node.sequence().unwrap_or(std::slice::from_ref(node));
        let mut found: Vec<Contradiction> = Vec::new();
        for item in items {
            let Some(rule) = self.text(item) else { continue };
            if rule == id {
                self.report(Problem::new(item.span.clone(), "a statement does not contradict itself"));
            }
            if found.iter().any(|known| known.rule == rule) {
                self.report(Problem::new(item.span.clone(), format!("`{rule}` is named twice")));
            }
            found.push(Contradiction { rule: rule.to_owned(), span: item.span.clone() });
        }
        found
    }

    fn scope(&self, node: &Node) -> Option<Scope> {
        self.keys_in(node, &SCOPE_KEYS, "`scope`", places::elsewhere(Part::Scope));
        node.mapping()?;
        let bound = self.bound.borrow().len();
        let from = self.selection(node, "`scope`");
        self.bound.borrow_mut().truncate(bound);
        let from = from?;
        self.unused_references(node, &from);
        let pick = self.pick(node, &from, "`scope`")?;
        Some(Scope { from, pick })
    }

    /// The field that an `each` or a scope picks, by its index.
    pub(super) fn pick(&self, node: &Node, from: &Selection, of: &str) -> Option<usize> {
        let Some(pick) = node.get("pick") else {
            let problem = Problem::new(node.span.clone(), format!("{of} says which field it picks"));
            self.report(problem.help("add `pick: FIELD`"));
            return None;
        };
        let name = self.text(pick)?;
        let (table, resource) = (from.resource.fields, from.resource.name);
        let Some(index) = table.iter().position(|field| field.name == name) else {
            self.unknown_name(&pick.span, "field", name, table.iter().map(|field| field.name), resource);
            return None;
        };
        if let Some(field) = table.get(index).filter(|field| !can_be_picked(field.ty)) {
            let message = format!("`{}` is a {}, which cannot be picked", field.name, field.ty.name());
            self.report(Problem::new(pick.span.clone(), message).help("pick a text, or a list of texts"));
        }
        Some(index)
    }

    /// The cases of a rule that a person attests.
    pub(super) fn statement_cases(&self, node: &Node, selections: &[&Selection]) -> Vec<StatementCase> {
        let Some(items) = node.sequence() else {
            self.expected(node, "a list of cases, such as `- attested: { on: now-1d }`");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.statement_case(item, selections)).collect()
    }

    fn statement_case(&self, node: &Node, selections: &[&Selection]) -> Option<StatementCase> {
        let Some([(key, given)]) = node.mapping() else {
            self.expected(node, "one outcome with what there is, such as `attested: { on: now-1d }`");
            return None;
        };
        let Some((_, expected)) = Said::ALL.iter().find(|(name, _)| *name == key.name) else {
            self.unknown_word(&key.span, &key.name, Said::ALL.iter().map(|(name, _)| *name), "outcome of a statement");
            return None;
        };
        if given.mapping().is_none() {
            self.expected(given, "what there is, such as `{ on: now-1d }`, or `{}` for nothing");
            return None;
        }
        self.keys(given, &CASE_KEYS, "a case of a statement");
        let on = given.get("on").map(|value| self.instant(value));
        let until = given.get("until").map(|value| self.instant(value));
        let scope = given.get("scope").and_then(|value| self.text(value)).map(str::to_owned);
        let fails = given.get("fails").map(|value| self.texts(value)).unwrap_or_default();
        if on.is_none()
            && let Some(value) = given.get("until").or_else(|| given.get("scope"))
        {
            let problem = Problem::new(value.span.clone(), "this is said of an attestation, and there is none");
            self.report(problem.help("add when it was made: `on: now-1d`"));
        }
        let answers = match (given.get("facts"), selections) {
            (Some(facts), []) => {
                let problem = Problem::new(facts.span.clone(), "this rule looks at nothing");
                self.report(problem.help("only a rule with a `scope:` or a `when:` does"));
                Vec::new()
            }
            (Some(facts), selections) => self.facts(facts, selections),
            (None, _) => Vec::new(),
        };
        let given = match on {
            Some(on) => Some(Given {
                on: on?,
                until: match until {
                    Some(until) => Some(until?),
                    None => None,
                },
                scope,
            }),
            None => None,
        };
        Some(StatementCase { expected: *expected, given, fails, answers, span: node.span.clone() })
    }

    /// A time, as cases write it: relative to the instant at which they are judged.
    fn instant(&self, node: &Node) -> Option<i64> {
        let text = self.text(node)?;
        let offset = text.starts_with("now").then(|| time::parse_relative(text)).flatten();
        let instant = offset.map(|offset| CASE_NOW.saturating_add(offset)).or_else(|| time::parse(text));
        if instant.is_none() {
            self.expected(node, "a time such as now-3d");
        }
        instant
    }

    /// Notes that a rule is judged in two ways, or in none.
    pub(super) fn one_body(&self, root: &Node) {
        let key = |name: &str| {
            let mut entries = root.mapping().into_iter().flatten();
            entries.find(|(key, _): &&(Key, Node)| key.name == name).map(|(key, _)| key.span.clone())
        };
        match (key("check"), key("manual")) {
            (Some(_), Some(manual)) => {
                let problem = Problem::new(manual, "a rule is judged by looking or by asking, not by both");
                self.report(
                    problem.help("keep `check:` or `manual:`; one rule for each, which `contradicted_by:` joins"),
                );
            }
            (None, None) if root.mapping().is_some() => {
                let problem = Problem::new(root.span.start..root.span.start, "`check:` is missing");
                self.report(problem.help("or `manual:`, for what only a person can tell"));
            }
            _ => {}
        }
    }
}

//! Which rules are meant: the items of `rules:` and `exclude:` in a profile. An item is a glob over ids, or a map of
//! conditions that all hold.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::compile::Reader;
use super::{Phase, Rule, Severity};
use crate::diagnostic::Problem;
use crate::glob::Alternatives;
use crate::yaml::Node;

const KEYS: [&str; 4] = ["id", "tag", "severity", "phase"];
const BOUNDS: [&str; 2] = ["at_least", "at_most"];
/// Bytes of a pattern, and ids that one stands for by its braces. No id is as long, and a stranger's pack has many.
const MAX_PATTERN: usize = 200;
const MAX_ALTERNATIVES: usize = 64;

/// What selectors look at in a rule.
#[derive(Debug, Clone, Copy)]
pub struct Facet<'r> {
    pub id: &'r str,
    pub tags: &'r [String],
    /// The severity that the rule itself states, whatever a profile makes of it.
    pub severity: Severity,
    pub phase: Phase,
}

impl<'r> From<&'r Rule> for Facet<'r> {
    fn from(rule: &'r Rule) -> Self {
        Facet { id: &rule.id, tags: &rule.tags, severity: rule.own_severity, phase: rule.phase }
    }
}

/// A rule's id, or a glob over ids.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub text: String,
    matcher: Alternatives,
    pub(crate) span: Range<usize>,
}

impl Pattern {
    /// A pattern from the command line; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        Ok(Pattern { text: text.to_owned(), matcher: Alternatives::new(text)?, span: 0..0 })
    }

    pub fn matches(&self, id: &str) -> bool {
        self.matcher.matches(id)
    }

    /// A pattern from a file.
    pub(crate) fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = reader.text(node)?;
        let pattern = match Pattern::new(text) {
            Ok(_) if text.len() > MAX_PATTERN => Err(format!("it is longer than {MAX_PATTERN} bytes")),
            Ok(pattern) if pattern.matcher.len() > MAX_ALTERNATIVES => {
                Err(format!("its braces stand for more than {MAX_ALTERNATIVES} patterns"))
            }
            read => read,
        };
        match pattern {
            Ok(pattern) => Some(Pattern { span: node.span.clone(), ..pattern }),
            Err(error) => {
                reader.report(Problem::new(node.span.clone(), format!("not a glob over rule ids: {error}")));
                None
            }
        }
    }

    /// The problem of a pattern that matches none of these ids.
    pub(crate) fn unmatched<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Problem {
        let problem = Problem::new(self.span.clone(), format!("no rule matches `{}`", self.text));
        let suggested = problem.clone().suggest(&self.text, ids);
        let help = "`harden rules list --rule '*'` lists the ids of all rules";
        if suggested.help.is_some() { suggested } else { problem.help(help) }
    }
}

/// Conditions on a rule, all of which must hold; one that is empty holds.
#[derive(Debug, Clone)]
pub struct Selector {
    /// One of these patterns matches the id.
    pub ids: Vec<Pattern>,
    /// The rule has one of these tags.
    pub tags: Vec<Tag>,
    pub severities: Vec<Severity>,
    pub phases: Vec<Phase>,
    pub(crate) span: Range<usize>,
}

/// A tag with its place.
#[derive(Debug, Clone)]
pub struct Tag {
    pub text: String,
    pub(crate) span: Range<usize>,
}

impl Selector {
    pub fn matches(&self, rule: Facet<'_>) -> bool {
        (self.ids.is_empty() || self.ids.iter().any(|pattern| pattern.matches(rule.id)))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| rule.tags.contains(&tag.text)))
            && (self.severities.is_empty() || self.severities.contains(&rule.severity))
            && (self.phases.is_empty() || self.phases.contains(&rule.phase))
    }

    /// What keeps the selector from matching any of these rules, when it matches none: a pattern or a tag that no rule
    /// has, else all of it together.
    pub(crate) fn unmatched(&self, rules: &[Facet<'_>]) -> Vec<Problem> {
        let ids = || rules.iter().map(|rule| rule.id);
        let pattern = |pattern: &&Pattern| !rules.iter().any(|rule| pattern.matches(rule.id));
        let mut problems: Vec<Problem> =
            self.ids.iter().filter(pattern).map(|pattern| pattern.unmatched(ids())).collect();
        for tag in self.tags.iter().filter(|tag| !rules.iter().any(|rule| rule.tags.contains(&tag.text))) {
            let problem = Problem::new(tag.span.clone(), format!("no rule has the tag `{}`", tag.text));
            let known: BTreeSet<&str> = rules.iter().flat_map(|rule| rule.tags).map(String::as_str).collect();
            let suggested = problem.clone().suggest(&tag.text, known.iter().copied());
            let help = match known.is_empty() {
                true => "no rule has any: the built-in ones have no tags, your own get them by `tags:`".to_owned(),
                false => format!("there are: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
            };
            problems.push(if suggested.help.is_some() { suggested } else { problem.help(help) });
        }
        if problems.is_empty() && !rules.iter().any(|rule| self.matches(*rule)) {
            let message = format!("no rule is all of this: {self}");
            let help = "all conditions of an item must hold; for one or the other write two items";
            problems.push(Problem::new(self.span.clone(), message).help(help));
        }
        problems
    }

    /// The selectors of `rules:` or `exclude:`.
    pub(crate) fn read_all(reader: &Reader<'_>, node: &Node) -> Vec<Self> {
        let items = node.sequence().unwrap_or(std::slice::from_ref(node));
        if items.is_empty() {
            reader.expected(node, "at least one rule");
        }
        items.iter().filter_map(|item| Self::read(reader, item)).collect()
    }

    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut selector = Selector {
            ids: Vec::new(),
            tags: Vec::new(),
            severities: Vec::new(),
            phases: Vec::new(),
            span: node.span.clone(),
        };
        if node.mapping().is_none() {
            if node.text().is_none() {
                let what = "a glob over rule ids or conditions, such as `docker-*` or `{ tag: pci, phase: pre }`";
                reader.expected(node, what);
                return None;
            }
            selector.ids = vec![Pattern::read(reader, node)?];
            return Some(selector);
        }
        let entries = reader.keys(node, &KEYS, "a selection of rules");
        if entries.is_empty() {
            let help = "write `\"*\"` for all rules, or conditions: id, tag, severity, phase";
            reader.report(Problem::new(node.span.clone(), "this selects by nothing").help(help));
        }
        for (key, value) in entries {
            match key.name.as_str() {
                "id" => selector.ids = each(reader, value, Pattern::read),
                "tag" => {
                    selector.tags = each(reader, value, |reader, node| {
                        Some(Tag { text: reader.text(node)?.to_owned(), span: node.span.clone() })
                    });
                }
                "severity" => selector.severities = severities(reader, value),
                "phase" => {
                    selector.phases = each(reader, value, |reader, node| reader.word(node, &Phase::ALL, "phase"));
                }
                _ => {}
            }
        }
        Some(selector)
    }

    /// Patterns that it takes to match it, which is what it costs.
    pub(crate) fn cost(&self) -> usize {
        1 + self.tags.len() + self.ids.iter().map(|pattern| pattern.matcher.len()).sum::<usize>()
    }
}

/// One value or a list of values, of which at least one.
fn each<T>(reader: &Reader<'_>, node: &Node, read: impl Fn(&Reader<'_>, &Node) -> Option<T>) -> Vec<T> {
    let items = node.sequence().unwrap_or(std::slice::from_ref(node));
    if items.is_empty() {
        reader.expected(node, "at least one value");
    }
    items.iter().filter_map(|item| read(reader, item)).collect()
}

/// A severity, a list of them, or `{ at_least, at_most }`.
fn severities(reader: &Reader<'_>, node: &Node) -> Vec<Severity> {
    let word = |reader: &Reader<'_>, node: &Node| match node.text() {
        Some(text) if text.contains(['<', '>', '+']) => {
            let problem = Problem::new(node.span.clone(), format!("`{text}` is no severity"));
            reader.report(problem.help("write bounds as `{ at_least: high }` or `{ at_most: medium }`"));
            None
        }
        _ => reader.word(node, &Severity::ALL, "severity"),
    };
    if node.mapping().is_none() {
        return each(reader, node, word);
    }
    let (mut least, mut most) = (Severity::Info, Severity::Critical);
    let entries = reader.keys(node, &BOUNDS, "`severity`");
    if entries.is_empty() {
        reader.expected(node, "a severity, or `{ at_least: high }`");
    }
    for (key, value) in entries {
        match (key.name.as_str(), word(reader, value)) {
            ("at_least", Some(severity)) => least = severity,
            ("at_most", Some(severity)) => most = severity,
            _ => {}
        }
    }
    if least > most {
        let message = format!("no severity is at least {} and at most {}", least.as_str(), most.as_str());
        reader.report(Problem::new(node.span.clone(), message));
    }
    let all = Severity::ALL.iter().map(|(_, severity)| *severity);
    all.filter(|severity| (least..=most).contains(severity)).collect()
}

impl fmt::Display for Selector {
    /// `docker-*`, or `tag pci, severity high or critical`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.ids.iter().map(|pattern| pattern.text.as_str()).collect();
        let tags: Vec<_> = self.tags.iter().map(|tag| tag.text.as_str()).collect();
        let severities: Vec<_> = self.severities.iter().map(|severity| severity.as_str()).collect();
        let phases: Vec<_> = self.phases.iter().map(|phase| phase.as_str()).collect();
        let parts = [("", ids), ("tag ", tags), ("severity ", severities), ("phase ", phases)];
        let parts = parts.iter().filter(|(_, words)| !words.is_empty());
        let parts: Vec<_> = parts.map(|(name, words)| format!("{name}{}", words.join(" or "))).collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::input::Inputs;
    use crate::yaml;

    fn read(text: &str) -> Result<Vec<Selector>, Vec<String>> {
        let inputs = Inputs::new();
        let reader = Reader::new(&inputs);
        let selectors = Selector::read_all(&reader, &yaml::parse(text).unwrap());
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(selectors) } else { Err(problems.into_iter().map(|p| p.message).collect()) }
    }

    fn matches(text: &str, id: &str, tags: &[&str], severity: Severity, phase: Phase) -> bool {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let facet = Facet { id, tags: &tags, severity, phase };
        read(text).unwrap().iter().any(|selector| selector.matches(facet))
    }

    #[test]
    fn all_conditions_of_an_item_hold_and_one_item_is_enough() {
        use Phase::{Ongoing, Post, Pre};
        use Severity::{Critical, High, Low, Medium};
        for (text, id, tags, severity, phase, expected) in [
            ("a-*", "a-b", &[][..], Low, Pre, true),
            ("[a-*, b]", "b", &[], Low, Pre, true),
            ("[a-*, b]", "c", &[], Low, Pre, false),
            ("{ tag: x }", "a", &["x"], Low, Pre, true),
            ("{ tag: x }", "a", &[], Low, Pre, false),
            ("{ tag: [x, y] }", "a", &["y"], Low, Pre, true),
            ("{ tag: x, phase: post }", "a", &["x"], Low, Pre, false),
            ("{ id: [a, b], phase: [pre, ongoing] }", "b", &[], Low, Ongoing, true),
            ("{ id: [a, b], phase: [pre, ongoing] }", "b", &[], Low, Post, false),
            ("{ severity: high }", "a", &[], Critical, Pre, false),
            ("{ severity: [high, critical] }", "a", &[], Critical, Pre, true),
            ("{ severity: { at_least: high } }", "a", &[], High, Pre, true),
            ("{ severity: { at_least: high } }", "a", &[], Medium, Pre, false),
            ("{ severity: { at_least: low, at_most: medium } }", "a", &[], Medium, Pre, true),
            ("{ severity: { at_most: medium } }", "a", &[], High, Pre, false),
            ("[{ tag: x }, { phase: post }]", "a", &[], Low, Post, true),
        ] {
            assert_eq!(matches(text, id, tags, severity, phase), expected, "{text} {id}");
        }
    }

    #[test]
    fn what_selects_nothing_or_is_no_condition_is_refused() {
        for (text, part) in [
            ("{}", "by nothing"),
            ("[[a]]", "expected a glob"),
            ("{ id: [] }", "at least one value"),
            ("{ severity: {} }", "expected a severity"),
            ("{ severity: { at_least: high, at_most: low } }", "at least high and at most low"),
            ("{ severity: hihg }", "`hihg` is no severity"),
            ("{ phase: before }", "`before` is no phase"),
            ("{ tags: x }", "no key `tags`"),
            ("\"a[\"", "never closed"),
        ] {
            let problems = read(text).unwrap_err();
            assert!(problems[0].contains(part), "{text}: {problems:?}");
        }
    }

    #[test]
    fn shown_as_it_reads() {
        let shown = |text| read(text).unwrap()[0].to_string();
        assert_eq!(shown("docker-*"), "docker-*");
        assert_eq!(
            shown("{ tag: [a, b], severity: { at_least: high }, phase: pre }"),
            "tag a or b, severity high or critical, phase pre"
        );
    }
}

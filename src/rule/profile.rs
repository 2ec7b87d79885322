//! Profiles: named selections of rules, with the inputs that they set and the severities that they override. A profile
//! extends others: it selects what they select and its own `rules`, without its own `exclude`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::Severity;
use super::compile::Reader;
use super::input::{Given, Giver, InputValue, Inputs};
pub use super::selector::{Facet, Pattern, Selector};
use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::yaml::{self, Node};

const KEYS: [&str; 9] = ["name", "title", "about", "extends", "rules", "exclude", "inputs", "overrides", "owners"];
const OWNER_KEYS: [&str; 2] = ["rules", "owner"];
const OVERRIDE_KEYS: [&str; 4] = ["rule", "severity", "inputs", "reason"];
/// Profiles that one stands on, itself included.
const MAX_LINEAGE: usize = 32;

/// A named selection of rules.
#[derive(Debug)]
pub struct Profile {
    pub name: String,
    pub title: String,
    pub about: String,
    /// Names of the profiles that it extends.
    pub extends: Vec<String>,
    extends_at: Vec<Range<usize>>,
    pub rules: Vec<Selector>,
    pub exclude: Vec<Selector>,
    pub inputs: BTreeMap<String, Given>,
    pub overrides: Vec<Override>,
    pub owners: Vec<Owner>,
    pub source: Source,
    /// The profiles that it stands on, each once, those that others extend first.
    pub ancestors: Vec<Arc<Profile>>,
    /// The pack that it came with, as the library counts them.
    pub(crate) pack: usize,
}

/// Who acts on the rules that one of the selectors matches.
#[derive(Debug)]
pub struct Owner {
    pub rules: Vec<Selector>,
    pub owner: String,
}

/// What a profile changes about the rules that a pattern matches, and why.
#[derive(Debug)]
pub struct Override {
    pub rule: Pattern,
    pub severity: Option<Severity>,
    pub inputs: BTreeMap<String, Given>,
    pub reason: String,
    /// Where it is in the profile's file.
    pub span: Range<usize>,
}

impl Profile {
    /// Whether it selects the rule, by itself or by what it extends.
    pub fn selects<'r>(&self, rule: impl Into<Facet<'r>>) -> bool {
        self.selects_knowing(rule.into(), &mut BTreeMap::new())
    }

    /// The same, with the answers of other profiles for this very rule kept in `known`.
    pub(crate) fn selects_knowing<'p>(&'p self, rule: Facet<'_>, known: &mut BTreeMap<&'p str, bool>) -> bool {
        for profile in self.ancestors.iter().map(Arc::as_ref).chain([self]) {
            if !known.contains_key(profile.name.as_str()) {
                let inherited = profile.extends.iter().any(|base| known.get(base.as_str()) == Some(&true));
                let selected = (inherited || profile.rules.iter().any(|selector| selector.matches(rule)))
                    && !profile.exclude.iter().any(|selector| selector.matches(rule));
                known.insert(&profile.name, selected);
            }
        }
        known.get(self.name.as_str()) == Some(&true)
    }

    /// Whether its own `exclude` is about the rule.
    pub(crate) fn excludes(&self, rule: Facet<'_>) -> bool {
        self.exclude.iter().any(|selector| selector.matches(rule))
    }

    /// The profile with all that it stands on, itself last.
    pub fn lineage(self: &Arc<Self>) -> impl DoubleEndedIterator<Item = &Arc<Profile>> {
        self.ancestors.iter().chain([self])
    }

    /// Whether it extends the other one, directly or not.
    pub fn descends_from(&self, other: &Profile) -> bool {
        self.ancestors.iter().any(|ancestor| ancestor.name == other.name)
    }

    /// Whether it says more than which rules are selected.
    pub fn states(&self) -> bool {
        !self.inputs.is_empty() || !self.overrides.is_empty()
    }

    /// Selectors and overrides that match no rule, which are mistakes more often than plans.
    pub(crate) fn unmatched(&self, rules: &[Facet<'_>]) -> Vec<Problem> {
        let owned = self.owners.iter().flat_map(|owner| &owner.rules);
        let selectors = self.rules.iter().chain(&self.exclude).chain(owned);
        let mut problems: Vec<Problem> = selectors.flat_map(|selector| selector.unmatched(rules)).collect();
        let patterns = self.overrides.iter().map(|stated| &stated.rule);
        let idle = patterns.filter(|pattern| !rules.iter().any(|rule| pattern.matches(rule.id)));
        problems.extend(idle.map(|pattern| pattern.unmatched(rules.iter().map(|rule| rule.id))));
        problems
    }

    /// Patterns that it takes to ask it about a rule, which is what it costs.
    pub(crate) fn cost(&self) -> usize {
        let owned = self.owners.iter().flat_map(|owner| &owner.rules);
        self.rules.iter().chain(&self.exclude).chain(owned).map(Selector::cost).sum::<usize>() + self.overrides.len()
    }
}

/// Compiles one profile file, whose name must be its stem. What it extends is found by [`link`].
pub fn compile(source: &Source, stem: &str) -> Result<Profile, Vec<Problem>> {
    let root = yaml::parse(&source.text)?;
    compile_tree(&root, source, stem)
}

/// The same, of a file that was parsed.
pub(crate) fn compile_tree(root: &Node, source: &Source, stem: &str) -> Result<Profile, Vec<Problem>> {
    let inputs = Inputs::new();
    let reader = Reader::new(&inputs);
    let profile = profile(&reader, root, source, stem);
    let problems = reader.into_problems();
    match profile {
        Some(profile) if problems.is_empty() => Ok(profile),
        None if problems.is_empty() => Err(vec![Problem::new(root.span.clone(), "this is no profile")]),
        _ => Err(problems),
    }
}

fn profile(reader: &Reader<'_>, root: &Node, source: &Source, stem: &str) -> Option<Profile> {
    reader.keys(root, &KEYS, "a profile");
    let name = reader.required(root, "name").and_then(|node| Some((node, reader.text(node)?)));
    let title = reader.required(root, "title").and_then(|node| reader.text(node));
    let about = reader.required(root, "about").and_then(|node| reader.text(node));
    let extends = root.get("extends").map(|node| extends(reader, node)).unwrap_or_default();
    let rules = root.get("rules").map(|node| Selector::read_all(reader, node)).unwrap_or_default();
    let exclude = root.get("exclude").map(|node| Selector::read_all(reader, node)).unwrap_or_default();
    let (node, name) = name?;
    let giver = Giver::Profile(name.to_owned());
    let inputs = root.get("inputs").map(|node| inputs(reader, node, source, &giver)).unwrap_or_default();
    let overrides = root.get("overrides").map(|node| overrides(reader, node, source, &giver)).unwrap_or_default();
    let owners = root.get("owners").map(|node| owners(reader, node)).unwrap_or_default();
    if root.get("rules").is_none() && root.get("extends").is_none() {
        let problem = Problem::new(root.span.start..root.span.start, "this profile selects no rule");
        reader.report(problem.help("add `rules:` with ids, globs or conditions, or `extends:` with other profiles"));
    }
    reader.name(name, &node.span);
    if name != stem {
        let problem = Problem::new(node.span.clone(), format!("the name `{name}` is not the file's name, `{stem}`"));
        reader.report(problem.help(format!("name the file `{name}.yaml`, or the profile `{stem}`")));
    }
    let (extends, extends_at) = extends.into_iter().unzip();
    Some(Profile {
        name: name.to_owned(),
        title: title?.to_owned(),
        about: about?.trim().to_owned(),
        extends,
        extends_at,
        rules,
        exclude,
        inputs,
        overrides,
        owners,
        source: source.clone(),
        ancestors: Vec::new(),
        pack: 0,
    })
}

fn extends(reader: &Reader<'_>, node: &Node) -> Vec<(String, Range<usize>)> {
    let items = node.sequence().unwrap_or(std::slice::from_ref(node));
    if items.is_empty() {
        reader.expected(node, "at least one profile's name");
    }
    let mut names: Vec<(String, Range<usize>)> = Vec::new();
    for item in items {
        let Some(name) = reader.text(item) else { continue };
        if names.iter().any(|(other, _)| other == name) {
            reader.report(Problem::new(item.span.clone(), format!("`{name}` is extended twice")));
        }
        names.push((name.to_owned(), item.span.clone()));
    }
    names
}

/// Values of inputs by name: texts or lists of texts.
pub(crate) fn inputs(reader: &Reader<'_>, node: &Node, source: &Source, giver: &Giver) -> BTreeMap<String, Given> {
    let Some(entries) = node.mapping() else {
        reader.expected(node, "inputs by name, such as `expiry_window: 14d`");
        return BTreeMap::new();
    };
    let value = |node: &Node| match node.sequence() {
        Some([]) => {
            reader.expected(node, "at least one value");
            None
        }
        Some(_) => Some(InputValue::Many(reader.texts(node))),
        None if node.mapping().is_some() => {
            let problem = Problem::new(node.span.clone(), "expected a value, or a list of values, found a map of keys");
            reader
                .report(problem.help("types and descriptions are declared in rules; here an input only gets a value"));
            None
        }
        None => reader.text(node).map(|text| InputValue::One(text.to_owned())),
    };
    let given = |node: &Node, name: &Range<usize>| {
        let value = value(node)?;
        Some(Given { value, giver: giver.clone(), source: source.clone(), name: name.clone(), span: node.span.clone() })
    };
    entries.iter().filter_map(|(key, node)| Some((key.name.clone(), given(node, &key.span)?))).collect()
}

fn overrides(reader: &Reader<'_>, node: &Node, source: &Source, giver: &Giver) -> Vec<Override> {
    let Some(items) = node.sequence() else {
        reader.expected(node, "a list, such as `- { rule: ID, severity: low, reason: … }`");
        return Vec::new();
    };
    items.iter().filter_map(|item| stated(reader, item, source, giver)).collect()
}

/// Who acts on which rules.
fn owners(reader: &Reader<'_>, node: &Node) -> Vec<Owner> {
    let Some(items) = node.sequence() else {
        reader.expected(node, "a list, such as `- { rules: [\"postgres-*\"], owner: DBA }`");
        return Vec::new();
    };
    let owner = |item: &Node| {
        reader.keys(item, &OWNER_KEYS, "an owner");
        item.mapping()?;
        let rules = reader.required(item, "rules").map(|node| Selector::read_all(reader, node));
        let owner = reader.required(item, "owner").and_then(|node| reader.text(node));
        Some(Owner { rules: rules?, owner: owner?.trim().to_owned() })
    };
    items.iter().filter_map(owner).collect()
}

fn stated(reader: &Reader<'_>, node: &Node, source: &Source, giver: &Giver) -> Option<Override> {
    reader.keys(node, &OVERRIDE_KEYS, "an override");
    node.mapping()?;
    let rule = reader.required(node, "rule").and_then(|node| Pattern::read(reader, node));
    let severity = node.get("severity").and_then(|node| reader.word(node, &Severity::ALL, "severity"));
    let values = node.get("inputs").map(|node| inputs(reader, node, source, giver)).unwrap_or_default();
    let reason = reader.reason(node);
    let sets = |node: &Node| node.mapping().is_none_or(|entries| !entries.is_empty());
    if node.get("severity").is_none() && !node.get("inputs").is_some_and(sets) {
        let problem = Problem::new(node.span.clone(), "this override changes nothing");
        reader.report(problem.help("add `severity: low`, or `inputs: { NAME: VALUE }`"));
    }
    Some(Override { rule: rule?, severity, inputs: values, reason: reason?.trim().to_owned(), span: node.span.clone() })
}

/// Gives each profile what it extends. Names that no profile has, and profiles that extend themselves, are problems.
pub(crate) fn link(profiles: Vec<Profile>) -> (Vec<Arc<Profile>>, Diagnostics) {
    let names: BTreeSet<String> = profiles.iter().map(|profile| profile.name.clone()).collect();
    let mut diagnostics = Diagnostics::default();
    for profile in &profiles {
        for (name, at) in profile.extends.iter().zip(&profile.extends_at).filter(|(name, _)| !names.contains(*name)) {
            let known = names.iter().map(String::as_str).filter(|known| *known != profile.name);
            let problem = Problem::new(at.clone(), format!("there is no profile `{name}` to extend"));
            let suggested = problem.clone().suggest(name, known.clone());
            let help = format!("there are: {}", known.collect::<Vec<_>>().join(", "));
            let problem = if suggested.help.is_some() { suggested } else { problem.help(help) };
            diagnostics.add(&profile.source, [problem]);
        }
    }
    let mut linked: BTreeMap<String, Arc<Profile>> = BTreeMap::new();
    let mut waiting: Vec<Profile> = profiles;
    loop {
        let before = waiting.len();
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|profile| profile.extends.iter().all(|n| linked.contains_key(n) || !names.contains(n)));
        waiting = rest;
        for mut profile in ready {
            profile.ancestors = ancestors(&profile, &linked);
            if profile.ancestors.len() >= MAX_LINEAGE {
                let at = profile.extends_at.first().cloned().unwrap_or_default();
                let message = format!("this profile stands on more than {MAX_LINEAGE} others");
                diagnostics.add(&profile.source, [Problem::new(at, message)]);
                profile.ancestors.clear();
            }
            linked.insert(profile.name.clone(), Arc::new(profile));
        }
        if waiting.len() == before {
            break;
        }
    }
    let mut told: BTreeSet<String> = BTreeSet::new();
    for profile in &waiting {
        if let Some((at, way)) = circle(profile, &waiting).filter(|_| !told.contains(&profile.name)) {
            told.extend(way.iter().cloned());
            let problem = Problem::new(at, format!("`{}` extends itself: {}", profile.name, way.join(" → ")));
            diagnostics.add(&profile.source, [problem.help("take one of these `extends:` away")]);
        }
    }
    (linked.into_values().collect(), diagnostics)
}

/// What a profile stands on, once what it extends is linked.
fn ancestors(profile: &Profile, linked: &BTreeMap<String, Arc<Profile>>) -> Vec<Arc<Profile>> {
    let mut ancestors: Vec<Arc<Profile>> = Vec::new();
    for base in profile.extends.iter().filter_map(|name| linked.get(name)) {
        for ancestor in base.lineage() {
            if !ancestors.iter().any(|known| known.name == ancestor.name) {
                ancestors.push(Arc::clone(ancestor));
            }
        }
    }
    ancestors
}

/// The way on which a profile comes back to itself, with the place of its first step; `None` for one that only leads
/// into a circle.
fn circle(profile: &Profile, waiting: &[Profile]) -> Option<(Range<usize>, Vec<String>)> {
    let find = |name: &str| waiting.iter().find(|other| other.name == name);
    for (first, at) in profile.extends.iter().zip(&profile.extends_at) {
        // Each profile once, with the one from which it was reached.
        let mut reached: BTreeMap<&str, &str> = BTreeMap::from([(first.as_str(), profile.name.as_str())]);
        let mut open = vec![first.as_str()];
        while let Some(name) = open.pop() {
            if name == profile.name {
                break;
            }
            for next in find(name).into_iter().flat_map(|found| &found.extends) {
                if !reached.contains_key(next.as_str()) {
                    reached.insert(next, name);
                    open.push(next);
                }
            }
        }
        if let Some(mut from) = reached.get(profile.name.as_str()).copied() {
            let mut way = vec![profile.name.clone()];
            while from != profile.name {
                way.push(from.to_owned());
                from = reached.get(from).copied().unwrap_or(&profile.name);
            }
            way.push(profile.name.clone());
            way.reverse();
            return Some((at.clone(), way));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Phase;

    fn profile(name: &str, rest: &str) -> Profile {
        let source =
            Source::new(format!("profiles/{name}.yaml"), format!("name: {name}\ntitle: t\nabout: a\n{rest}\n"));
        compile(&source, name).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
    }

    fn linked(profiles: Vec<Profile>) -> Vec<Arc<Profile>> {
        let (linked, diagnostics) = link(profiles);
        assert!(diagnostics.is_empty(), "{}", diagnostics.render(false, 100));
        linked
    }

    fn selected(profiles: &[Arc<Profile>], name: &str) -> String {
        let profile = profiles.iter().find(|profile| profile.name == name).unwrap();
        let facet = |id| Facet { id, tags: &[], severity: Severity::Low, phase: Phase::Pre };
        ["a", "b", "c", "d"].into_iter().filter(|id| profile.selects(facet(id))).collect()
    }

    #[test]
    fn a_profile_selects_what_it_extends_and_its_own_without_what_it_excludes() {
        let profiles = linked(vec![
            profile("strict", "extends: both\nrules: [a]"),
            profile("base", "rules: [a, b, c]\nexclude: a"),
            profile("left", "extends: base\nexclude: [b]"),
            profile("right", "extends: [base]\nrules: d"),
            profile("both", "extends: [left, right]"),
            profile("less", "extends: [both]\nexclude: [{ id: [b, c] }]"),
        ]);
        for (name, expected) in
            [("base", "bc"), ("left", "c"), ("right", "bcd"), ("both", "bcd"), ("less", "d"), ("strict", "abcd")]
        {
            assert_eq!(selected(&profiles, name), expected, "{name}");
        }
        let strict = profiles.iter().find(|profile| profile.name == "strict").unwrap();
        let names: Vec<_> = strict.lineage().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["base", "left", "right", "both", "strict"], "a base that two extend is there once");
    }

    #[test]
    fn circles_and_unknown_names_are_told() {
        let (rest, diagnostics) = link(vec![
            profile("a", "extends: b"),
            profile("b", "extends: [base, c]"),
            profile("c", "extends: a"),
            profile("into", "extends: a"),
            profile("self", "extends: self"),
            profile("base", "rules: x"),
            profile("typo", "extends: bsae"),
        ]);
        let messages: Vec<_> = diagnostics.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "there is no profile `bsae` to extend",
                "`a` extends itself: a → b → c → a",
                "`self` extends itself: self → self"
            ]
        );
        assert!(rest.iter().any(|profile| profile.name == "base"));
    }

    #[test]
    fn a_tower_of_diamonds_is_asked_soon() {
        let mut profiles = vec![profile("p0", "rules: a")];
        for i in 1..=10 {
            profiles.push(profile(&format!("l{i}"), &format!("extends: p{}", i - 1)));
            profiles.push(profile(&format!("r{i}"), &format!("extends: p{}", i - 1)));
            profiles.push(profile(&format!("p{i}"), &format!("extends: [l{i}, r{i}]")));
        }
        assert_eq!(selected(&linked(profiles), "p10"), "a");
        let chain = (0..40).map(|i| match i {
            0 => profile("q0", "rules: a"),
            i => profile(&format!("q{i}"), &format!("extends: q{}", i - 1)),
        });
        let (_, diagnostics) = link(chain.collect());
        assert!(diagnostics.iter().any(|problem| problem.message.contains("more than 32")));
    }
}

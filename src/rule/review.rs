//! What shows only when all rules and profiles are seen together: names that nothing has, one name for two things, rules
//! that no profile selects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::Rule;
use super::compile::{self, Options};
use super::input::{Given, Input, Inputs, Outside, unknown, variable};
use super::library::{Library, RuleSet, Text, built_in_ids, facet};
use super::manual::Contradiction;
use super::profile::{Facet, Override, Profile};
use super::settings::{Settings, Settler};
use crate::diagnostic::{Diagnostics, Problem};

/// Everything that is wrong with rules, profiles and given values taken together. `complete` says whether every rule
/// compiled: else what nothing seems to have may be in one that did not.
pub(super) fn review(library: &Library, set: &RuleSet, outside: &Outside, complete: bool) -> Diagnostics {
    let mut diagnostics = inputs(library, set);
    let rules: BTreeMap<&str, &Rule> = set.rules.iter().map(|rule| (&*rule.id, rule)).collect();
    for text in library.rules.iter().filter(|text| text.is_own()) {
        if let Some(rule) = rules.get(text.stem.as_str()) {
            diagnostics.add(&text.source, overrides_nothing(rule));
            diagnostics.add(&text.source, declared_twice(library, text, rule));
        }
    }
    if complete {
        for rule in &set.rules {
            diagnostics.add(&rule.source, contradictions(rule, &rules));
        }
    }
    if !complete || !diagnostics.is_empty() {
        return diagnostics;
    }
    let known: BTreeMap<&str, &Input> =
        set.rules.iter().flat_map(|rule| &rule.inputs).map(|input| (input.name.as_str(), input)).collect();
    diagnostics.extend(outside.problems(&known));
    diagnostics.extend(unused_inputs(library, set));
    let facets: Vec<Facet<'_>> = set.rules.iter().map(Facet::from).collect();
    for profile in &library.profiles {
        diagnostics.add(&profile.source, profile.unmatched(&facets));
        diagnostics.add(&profile.source, values(profile, set, &known));
        diagnostics.extend(disagreements(library, profile, set));
    }
    // A test holds the built-in rules to it.
    for text in library.rules.iter().filter(|text| text.is_own()) {
        let rule = rules.get(text.stem.as_str());
        let orphan = rule.and_then(|rule| orphan(library, text, Facet::from(*rule), rule.overrides.is_some()));
        diagnostics.add(&text.source, orphan);
    }
    diagnostics
}

impl Library {
    /// Rules that no profile selects. A rule of a directory that has profiles must be in one of these; directories
    /// without profiles have no orphans, since their rules are always judged. Files that are not YAML, or of whose rule
    /// nothing can be told, are left to [`Library::compile`].
    pub fn orphans(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for text in &self.rules {
            let Ok(tree) = text.tree(false) else { continue };
            if let Some(card) = compile::card(&tree, &text.source, self.shared(text)) {
                let replaces = text.is_own() && compile::states_override(&tree);
                diagnostics.add(&text.source, orphan(self, text, facet(&text.stem, &card), replaces));
            }
        }
        diagnostics
    }

    /// The overrides of the user's profiles that change nothing when their profile is chosen.
    pub fn idle_overrides(&self) -> Result<Diagnostics, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let own = self.profiles.iter().filter(|profile| self.directory(profile).is_some());
        let own: Vec<_> = own.filter(|profile| !profile.overrides.is_empty()).collect();
        if own.is_empty() {
            return Ok(diagnostics);
        }
        let set = self.compile(Options { inputs: &Inputs::new(), cases: false })?;
        for profile in own {
            diagnostics.add(&profile.source, chosen(profile, &set, |settler| settler.idle_of(profile)));
        }
        Ok(diagnostics)
    }

    /// Inputs that files of their own declare.
    fn shared_inputs(&self) -> impl Iterator<Item = &Input> {
        self.packs.iter().flat_map(|pack| pack.own_inputs())
    }
}

/// The problem of a rule that no profile selects. One that stands in place of a built-in rule is at home where that is.
fn orphan(library: &Library, text: &Text, rule: Facet<'_>, replaces: bool) -> Option<Problem> {
    let of_pack = || library.profiles.iter().filter(|profile| profile.pack == text.pack);
    if text.is_own() && of_pack().next().is_none() {
        return None;
    }
    if library.selecting(rule).iter().any(|profile| replaces || profile.pack == text.pack) {
        return None;
    }
    let whose = if text.is_own() { "no profile of its directory" } else { "no profile" };
    let names: Vec<_> = of_pack().map(|profile| profile.name.as_str()).collect();
    let problem = Problem::new(text.head(), format!("{whose} selects the rule `{}`", text.stem));
    let excluding: Vec<_> = of_pack().filter(|profile| profile.excludes(rule)).map(|profile| &*profile.name).collect();
    Some(problem.help(match excluding.is_empty() {
        true => format!("add it to `rules:` in one of: {}", names.join(", ")),
        false => format!(
            "`exclude:` of {} leaves it out: take it out there, or add it to `rules:` of another profile",
            excluding.join(", ")
        ),
    }))
}

/// The problem of a rule that says that it overrides a built-in one, and there is none.
fn overrides_nothing(rule: &Rule) -> Option<Problem> {
    let overridden = rule.overrides.as_ref()?;
    let problem = Problem::new(overridden.span.clone(), format!("there is no built-in rule `{}`", rule.id));
    (!built_in_ids().any(|id| id == &*rule.id)).then(|| {
        let suggested = problem.clone().suggest(&rule.id, built_in_ids());
        let help = "a rule that replaces none needs no `overrides:`";
        if suggested.help.is_some() { suggested } else { problem.help(help) }
    })
}

/// Rules that are said to contradict a statement, and are none that could.
fn contradictions(rule: &Rule, rules: &BTreeMap<&str, &Rule>) -> Vec<Problem> {
    let named = rule.manual().map(|manual| manual.contradicted_by.as_slice()).unwrap_or_default();
    let problem = |named: &Contradiction| match rules.get(named.rule.as_str()) {
        None => {
            let problem = Problem::new(named.span.clone(), format!("there is no rule `{}`", named.rule));
            Some(problem.suggest(&named.rule, rules.keys().copied()))
        }
        Some(other) if other.manual().is_some() => {
            let message = format!("`{}` is a statement too, which never fails", named.rule);
            Some(Problem::new(named.span.clone(), message).help("name rules that are judged by looking"))
        }
        Some(_) => None,
    };
    named.iter().filter_map(problem).collect()
}

/// Inputs that a rule declares though they are declared for its whole directory.
fn declared_twice(library: &Library, text: &Text, rule: &Rule) -> Vec<Problem> {
    let own = rule.inputs.iter().filter(|input| input.source.path == rule.source.path);
    let shared = library.packs.get(text.pack).map(|pack| pack.own_inputs()).unwrap_or_default();
    let twice = own.filter_map(|input| Some((input, shared.iter().find(|other| other.name == input.name)?)));
    let problem = |(input, other): (&Input, &Input)| {
        let message = format!("the input `{}` is declared in {} already", input.name, other.place());
        Problem::new(input.span.clone(), message).help("remove it here, or rename it")
    };
    twice.map(problem).collect()
}

/// Inputs that are declared for all rules of a directory, and that none of them uses.
fn unused_inputs(library: &Library, set: &RuleSet) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let key = |input: &'_ Input| (input.source.path.to_string(), input.name.clone());
    let used: BTreeSet<_> = set.rules.iter().flat_map(|rule| &rule.inputs).map(key).collect();
    let has_rules = |pack: usize| library.rules.iter().any(|text| text.pack == pack);
    // All of the built-in rules may be edited ones, which stand in another pack.
    let packs = library.packs.iter().enumerate().filter(|(at, pack)| pack.is_whole() && (*at > 0 || has_rules(*at)));
    let declared = packs.flat_map(|(_, pack)| pack.own_inputs());
    for input in declared.filter(|input| !used.contains(&key(input))) {
        let problem = Problem::new(input.span.clone(), format!("no rule uses the input `{}`", input.name));
        let help = format!("refer to it as `${{{}}}`, or remove it", input.name);
        diagnostics.add(&input.source, [problem.help(help)]);
    }
    diagnostics
}
/// One name is one input: of one type, and with a variable of its own. Those of the built-in rules come first, so that a
/// pack is told that it differs, not they.
fn inputs(library: &Library, set: &RuleSet) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let (own, built_in): (Vec<&Rule>, Vec<&Rule>) = set.rules.iter().partition(|rule| set.own.contains(&*rule.id));
    let mut names: BTreeMap<&str, &Input> = BTreeMap::new();
    let mut variables: BTreeMap<String, &Input> = BTreeMap::new();
    let used = built_in.into_iter().chain(own).flat_map(|rule| &rule.inputs);
    let all = used.chain(library.shared_inputs());
    for input in all {
        let first = *names.entry(&input.name).or_insert(input);
        if first.word != input.word {
            let message = format!(
                "the input `{}` has the type {} here and {} at {}",
                input.name,
                input.word,
                first.word,
                first.place()
            );
            let help = "one name is one input, with one type: rename this one";
            diagnostics.add(&input.source, [Problem::new(input.span.clone(), message).help(help)]);
        }
        let first = *variables.entry(variable(&input.name)).or_insert(input);
        if first.name != input.name {
            let message = format!(
                "the inputs `{}` and `{}` ({}) would be set by the same variable, {}",
                input.name,
                first.name,
                first.place(),
                variable(&input.name)
            );
            diagnostics.add(&input.source, [Problem::new(input.span.clone(), message).help("rename this one")]);
        }
    }
    diagnostics
}

/// Values of a profile for inputs that no rule has, or that do not fit.
fn values(profile: &Profile, set: &RuleSet, known: &BTreeMap<&str, &Input>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, given) in &profile.inputs {
        problems.extend(match known.get(name.as_str()) {
            Some(input) => given.problem(input),
            None => Some(unknown(name, given, known.keys().copied())),
        });
    }
    for stated in &profile.overrides {
        problems.extend(stated.inputs.iter().filter_map(|(name, given)| overridden(stated, name, given, set)));
    }
    problems
}

/// The problem of an override's value for an input that none of its rules has, or that does not fit it.
fn overridden(stated: &Override, name: &str, given: &Given, set: &RuleSet) -> Option<Problem> {
    let rules = || set.rules.iter().filter(|rule| stated.rule.matches(&rule.id));
    let inputs = || rules().flat_map(|rule| &rule.inputs);
    if let Some(input) = inputs().find(|input| input.name == name) {
        return given.problem(input);
    }
    rules().next()?;
    let message = format!("no rule that `{}` matches has an input `{name}`", stated.rule.text);
    let problem = Problem::new(given.name.clone(), message);
    let suggested = problem.clone().suggest(name, inputs().map(|input| input.name.as_str()));
    let mut names: Vec<_> = inputs().map(|input| input.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let help = match names.is_empty() {
        true => "these rules have no inputs: `harden rules show ID` lists those of a rule".to_owned(),
        false => format!("there are: {}", names.join(", ")),
    };
    Some(if suggested.help.is_some() { suggested } else { problem.help(help) })
}

/// Where what a profile stands on disagrees, as would show when it is chosen.
fn disagreements(library: &Library, profile: &Arc<Profile>, set: &RuleSet) -> Diagnostics {
    let statements = profile.lineage().map(|one| one.inputs.len() + one.overrides.len()).sum::<usize>();
    if library.directory(profile).is_none() || statements < 2 {
        return Diagnostics::default();
    }
    chosen(profile, set, |settler| settler.conflicts())
}

/// What shows of a profile once it is chosen by itself.
fn chosen<T>(profile: &Arc<Profile>, set: &RuleSet, tell: impl FnOnce(&Settler<'_>) -> T) -> T {
    let outside = Outside::default();
    let settings = Settings { profiles: std::slice::from_ref(profile), outside: &outside };
    let mut settler = settings.settler();
    for rule in &set.rules {
        let facet = Facet::from(rule);
        settler.settle(facet, &rule.inputs, settings.select(facet));
    }
    tell(&settler)
}

/// A line for each of the user's directories that has no rule, or of whose profiles none was chosen so that rules of it
/// are not judged.
pub(super) fn unused_packs(library: &Library, set: &RuleSet, settings: Settings<'_>) -> Vec<String> {
    let rules: BTreeMap<&str, &Rule> = set.rules.iter().map(|rule| (&*rule.id, rule)).collect();
    let chosen = |pack: usize| settings.profiles.iter().any(|profile| profile.lineage().any(|one| one.pack == pack));
    let mut lines = Vec::new();
    for (i, pack) in library.packs.iter().enumerate() {
        let Some(directory) = pack.directory.as_deref().map(Path::display) else { continue };
        let profiles = library.profiles.iter().filter(|profile| profile.pack == i);
        let names: Vec<_> = profiles.map(|profile| profile.name.as_str()).collect();
        let own: Vec<_> = library.rules.iter().filter(|text| text.pack == i).collect();
        if own.is_empty() && names.is_empty() {
            lines.push(format!("{directory}: there is no rule in this directory"));
        }
        if settings.profiles.is_empty() || names.is_empty() || chosen(i) {
            continue;
        }
        let rules = own.iter().filter_map(|text| rules.get(text.stem.as_str()));
        let left: Vec<_> = rules.filter(|rule| !settings.select(Facet::from(**rule))).collect();
        if let Some((first, more)) = left.split_first() {
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            let (id, names) = (&first.id, names.join(", "));
            lines.push(format!(
                "{directory}: not judged: {id}{more}; to judge them choose one of its profiles: {names}"
            ));
        }
    }
    lines
}

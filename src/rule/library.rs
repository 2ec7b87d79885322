//! Where rules come from: those built into the binary and packs, directories of the user's. What is wrong in any of them
//! is reported together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::{self, Around, Card, Options, compile_tree};
use super::input::{Given, Giver, Input, Inputs, Outside};
use super::pack::{self, Budget};
use super::packed::unpack;
use super::profile::{self, Facet, Pattern, Profile};
use super::settings::Settings;
use super::{Rule, review};
use crate::diagnostic::{Diagnostics, Problem, Source, closest};
use crate::yaml::{self, Node};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The name, at the top of a pack, of the file that declares inputs for all of its rules.
const SHARED_INPUTS: &str = "inputs";
/// The directory whose files are profiles.
const PROFILES: &str = "profiles";

/// The texts of rules, not compiled yet, and the profiles.
#[derive(Debug, Default)]
pub struct Library {
    pub(super) rules: Vec<Text>,
    pub(super) profiles: Vec<Arc<Profile>>,
    pub(super) packs: Vec<Pack>,
    budget: Budget,
}

/// The built-in rules, or a directory of the user's.
#[derive(Debug, Default)]
pub(super) struct Pack {
    /// The directory; none for the built-in rules.
    pub(super) directory: Option<PathBuf>,
    /// Inputs that its rules may use without declaring them: its own, then those of the built-in rules.
    shared: Vec<Input>,
    /// How many of them are its own.
    own: usize,
    /// Its own could not be read: what its rules refer to cannot be told.
    unread: bool,
}

impl Pack {
    /// Whether it is all there is of its rules, and not one file of them.
    pub(super) fn is_whole(&self) -> bool {
        self.directory.as_ref().is_none_or(|directory| directory.is_dir())
    }

    /// The inputs that its own `inputs.yaml` declares.
    pub(super) fn own_inputs(&self) -> &[Input] {
        self.shared.get(..self.own).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Text {
    pub(super) source: Source,
    pub(super) stem: String,
    /// The tree without its tests, of a built-in rule.
    packed: Option<&'static [u8]>,
    /// The pack that it came with, by its position.
    pub(super) pack: usize,
}

impl Text {
    /// From a directory that the user named.
    pub(super) fn is_own(&self) -> bool {
        self.packed.is_none()
    }

    pub(super) fn tree(&self, cases: bool) -> Result<Node, Vec<Problem>> {
        let packed = self.packed.filter(|_| !cases).and_then(unpack);
        packed.map_or_else(|| yaml::parse(&self.source.text), Ok)
    }

    /// The first line, for what is wrong with the file as a whole.
    pub(super) fn head(&self) -> std::ops::Range<usize> {
        0..self.source.text.lines().next().unwrap_or_default().len()
    }
}

/// Compiled rules, by id.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub rules: Vec<Rule>,
    /// Ids of rules from the user's directories.
    pub own: BTreeSet<String>,
    /// Those of them that are judged whatever the profile: their directory has no profile that could select them.
    pub always: BTreeSet<String>,
    /// What is worth a word and stops nothing: overrides without effect, directories of which nothing is judged.
    pub notes: Vec<String>,
    /// The ids of all rules that were loaded, selected or not.
    pub known: BTreeSet<String>,
    /// Those of them that a person attests.
    pub statements: BTreeSet<String>,
    /// Who acts on rules, by id, where a profile says so.
    pub owners: BTreeMap<String, String>,
}

impl Library {
    /// The built-in rules and those of `directories`.
    pub fn load(directories: &[PathBuf]) -> Result<Self, Diagnostics> {
        Self::gather(directories, |_| FILES.to_vec())
    }

    /// The rules of `directories` alone, without the built-in ones.
    pub fn of(directories: &[PathBuf]) -> Result<Self, Diagnostics> {
        Self::gather(directories, |_| Vec::new())
    }

    /// Rules that are being written, files or directories, among the built-in ones. Those that are called like built-in
    /// ones, folders included, stand in their place: they are these, edited.
    pub fn of_drafts(paths: &[PathBuf]) -> Result<Self, Diagnostics> {
        // Those of the built-in rules that are not edited need their inputs.
        let edited = |drafts: &[Source], name: &str| {
            let is_it = |draft: &Source| std::fs::canonicalize(&*draft.path).is_ok_and(|path| path.ends_with(name));
            !is_shared(Path::new(name)) && drafts.iter().any(is_it)
        };
        Self::gather(paths, |drafts| FILES.iter().filter(|(name, ..)| !edited(drafts, name)).copied().collect())
    }

    fn gather(
        directories: &[PathBuf],
        built_in: impl FnOnce(&[Source]) -> Vec<(&'static str, &'static str, &'static [u8])>,
    ) -> Result<Self, Diagnostics> {
        let mut library = Library { packs: vec![Pack::default()], ..Library::default() };
        let mut diagnostics = Diagnostics::default();
        let mut profiles = Vec::new();
        let mut known = BTreeSet::new();
        // One that is named twice is there once.
        let mut is_new =
            |path: &&PathBuf| known.insert(std::fs::canonicalize(path).unwrap_or_else(|_| (*path).clone()));
        let mut sources = Vec::new();
        let mut counts = Vec::new();
        for directory in directories.iter().filter(&mut is_new) {
            let before = sources.len();
            sources.extend(pack::read(directory, &library.budget, &mut diagnostics));
            counts.push((directory, sources.len() - before));
        }
        for (path, text, tree) in built_in(&sources) {
            library.add(Source::new(path, text), Path::new("rules"), Some(tree), &mut profiles, &mut diagnostics);
        }
        let mut sources = sources.into_iter();
        for (directory, count) in counts {
            library.packs.push(Pack { directory: Some(directory.clone()), ..Pack::default() });
            for source in sources.by_ref().take(count) {
                library.add(source, pack::top(directory), None, &mut profiles, &mut diagnostics);
            }
        }
        refuse_duplicate_profiles(&mut profiles, &mut diagnostics);
        let (linked, mistakes) = profile::link(profiles);
        library.profiles = linked;
        diagnostics.extend(mistakes);
        library.share_built_in_inputs();
        library.refuse_duplicates(&mut diagnostics);
        if diagnostics.is_empty() {
            return Ok(library);
        }
        // Nobody mends one file to be told of the next.
        let (options, budget) = (Options { inputs: &Inputs::new(), cases: false }, Budget::default());
        for text in library.rules.iter().filter(|text| text.is_own()) {
            let unread = library.packs.get(text.pack).is_some_and(|pack| pack.unread);
            if unread || budget.is_exceeded() {
                continue;
            }
            let compiled = text.tree(false).and_then(|tree| library.compile_one(text, &tree, options, &budget));
            diagnostics.add(&text.source, compiled.err().unwrap_or_default());
        }
        Err(diagnostics)
    }

    /// A file under `profiles/` is a profile, `inputs.yaml` at the top declares inputs, every other one is a rule.
    fn add(
        &mut self,
        source: Source,
        root: &Path,
        packed: Option<&'static [u8]>,
        profiles: &mut Vec<Profile>,
        diagnostics: &mut Diagnostics,
    ) {
        let path = Path::new(&*source.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let pack = self.packs.len().saturating_sub(1);
        let text = Text { source: source.clone(), stem, packed, pack };
        if is_profile(path) {
            if text.is_own() && self.budget.is_exceeded() {
                return;
            }
            let compiled = text.tree(false).and_then(|tree| profile::compile_tree(&tree, &source, &text.stem));
            let charged =
                compiled.and_then(|profile| match self.charge(&text, |budget| budget.profile(profile.cost())) {
                    Ok(()) => Ok(profile),
                    Err(problem) => Err(vec![problem]),
                });
            match charged {
                Ok(mut profile) => {
                    profile.pack = pack;
                    profiles.push(profile);
                }
                Err(problems) => diagnostics.add(&source, problems),
            }
        } else if !is_shared(path) {
            self.rules.push(text);
        } else if path.parent() != Some(root) {
            let message = "inputs for all rules of a directory are declared at its top";
            let problem =
                Problem::new(text.head(), message).help(format!("move this to {}/inputs.yaml", root.display()));
            diagnostics.add(&source, [problem]);
        } else {
            let declared = text.tree(false).and_then(|tree| compile::shared_inputs(&tree, &source));
            match (declared, self.packs.last_mut()) {
                (Ok(inputs), Some(pack)) => {
                    let taken = inputs.iter().filter_map(|input| {
                        let first = pack.shared.iter().find(|first| first.name == input.name)?;
                        let message = format!("the input `{}` is declared in {} already", input.name, first.place());
                        Some(Problem::new(input.span.clone(), message).help("remove one of them"))
                    });
                    diagnostics.add(&source, taken);
                    pack.shared.extend(inputs);
                    pack.own = pack.shared.len();
                }
                (Ok(_), None) => {}
                (Err(problems), pack) => {
                    diagnostics.add(&source, problems);
                    pack.into_iter().for_each(|pack| pack.unread = true);
                }
            }
        }
    }

    /// Charges what a stranger's file takes.
    fn charge(&self, text: &Text, spend: impl FnOnce(&Budget) -> Result<(), String>) -> Result<(), Problem> {
        let charged = if text.is_own() { spend(&self.budget) } else { Ok(()) };
        charged.map_err(|exceeded| Problem::new(text.head(), exceeded))
    }

    /// A pack may use the inputs that the built-in rules share: a copy of one of them is a rule there too.
    fn share_built_in_inputs(&mut self) {
        let Some((built_in, packs)) = self.packs.split_first_mut() else { return };
        for pack in packs {
            let own: BTreeSet<String> = pack.shared.iter().map(|input| input.name.clone()).collect();
            pack.shared.extend(built_in.shared.iter().filter(|input| !own.contains(&input.name)).cloned());
        }
    }

    /// Refuses ids that are taken. A rule that says that it overrides a built-in one takes its place.
    fn refuse_duplicates(&mut self, diagnostics: &mut Diagnostics) {
        let mut seen: BTreeMap<&str, &Text> = BTreeMap::new();
        let mut replaced: BTreeSet<String> = BTreeSet::new();
        for text in &self.rules {
            let Some(first) = seen.insert(&text.stem, text) else { continue };
            if !first.is_own() && text.tree(false).is_ok_and(|tree| compile::states_override(&tree)) {
                replaced.insert(text.stem.clone());
                continue;
            }
            let message = format!("the id `{}` is taken by {}", text.stem, first.source.path);
            let help = match first.is_own() {
                true => "rename the rule and its file".to_owned(),
                false => format!(
                    "rename the rule and its file, or say that it replaces the built-in one: \
                     `overrides: {{ rule: {}, reason: … }}`",
                    text.stem
                ),
            };
            diagnostics.add(&text.source, [Problem::new(text.head(), message).help(help)]);
        }
        self.rules.retain(|text| text.is_own() || !replaced.contains(&text.stem));
    }

    pub fn profiles(&self) -> &[Arc<Profile>] {
        &self.profiles
    }

    pub fn profile(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The profiles that select a rule.
    pub fn selecting<'l, 'r>(&'l self, rule: impl Into<Facet<'r>>) -> Vec<&'l Arc<Profile>> {
        let (rule, mut known) = (rule.into(), BTreeMap::new());
        self.profiles.iter().filter(|profile| profile.selects_knowing(rule, &mut known)).collect()
    }

    /// The directory that a profile came from; none for a built-in one.
    pub fn directory(&self, profile: &Profile) -> Option<&Path> {
        self.packs.get(profile.pack)?.directory.as_deref()
    }

    /// Compiles every rule with the same inputs and without any profile. The problems of all of them are reported
    /// together, with those of the profiles.
    pub fn compile(&self, options: Options<'_>) -> Result<RuleSet, Diagnostics> {
        let arguments = options.inputs.iter().map(|(name, value)| {
            let (source, span) = (Source::new("inputs", value.show()), 0..value.show().len());
            let given = Given { value: value.clone(), giver: Giver::Argument, source, name: 0..0, span };
            (name.clone(), given)
        });
        let outside = Outside { arguments: arguments.collect(), ..Outside::default() };
        self.compile_with(Settings { profiles: &[], outside: &outside }, options.cases)
    }

    /// Compiles every rule with what profiles, and values given outside of them, make of it. The problems of all rules,
    /// profiles and values are reported together.
    pub fn compile_with(&self, settings: Settings<'_>, cases: bool) -> Result<RuleSet, Diagnostics> {
        let mut set = RuleSet::default();
        let mut diagnostics = Diagnostics::default();
        let mut settler = settings.settler();
        let (silent, budget) = (settings.is_silent(), Budget::default());
        for text in &self.rules {
            if text.is_own() && budget.is_exceeded() {
                continue;
            }
            let tree = match self.tree(text, cases, &budget) {
                Ok(tree) => tree,
                Err(problems) => {
                    diagnostics.add(&text.source, problems);
                    continue;
                }
            };
            let always = self.is_always_judged(text, &tree);
            let card = if silent { None } else { compile::card(&tree, &text.source, self.shared(text)) };
            let settled = card.map(|card| {
                let rule = facet(&text.stem, &card);
                settler.settle(rule, &card.inputs, always || settings.select(rule))
            });
            let settled = settled.unwrap_or_default();
            let values = settled.inputs.iter().map(|(name, given)| (name.clone(), given.value.clone()));
            let inputs: Inputs = values.collect();
            match self.compile_one(text, &tree, Options { inputs: &inputs, cases }, &budget) {
                Ok(mut rule) => {
                    rule.severity = settled.severity.unwrap_or(rule.severity);
                    rule.changes = settled.changes;
                    rule.inputs.iter_mut().for_each(|input| input.given = settled.inputs.get(&input.name).cloned());
                    set.add(rule, text.is_own(), always);
                }
                Err(problems) => diagnostics.add(&text.source, problems),
            }
        }
        set.rules.sort_by(|a, b| a.id.cmp(&b.id));
        let complete = diagnostics.is_empty();
        diagnostics.extend(settler.conflicts());
        diagnostics.extend(review::review(self, &set, settings.outside, complete));
        if !diagnostics.is_empty() {
            return Err(diagnostics.without_repeats());
        }
        set.owners = owners(settings, &set.rules);
        set.notes = settler.idle();
        set.notes.extend(review::unused_packs(self, &set, settings));
        Ok(set)
    }

    fn compile_one(
        &self,
        text: &Text,
        tree: &Node,
        options: Options<'_>,
        budget: &Budget,
    ) -> Result<Rule, Vec<Problem>> {
        let around = Around { shared: self.shared(text), budget: text.is_own().then_some(budget) };
        compile_tree(tree, &text.source, &text.stem, options, around)
    }

    fn tree(&self, text: &Text, cases: bool, budget: &Budget) -> Result<Node, Vec<Problem>> {
        let tree = text.tree(cases)?;
        if text.is_own() {
            budget.nodes(tree.size()).map_err(|exceeded| vec![Problem::new(text.head(), exceeded)])?;
        }
        Ok(tree)
    }

    pub(super) fn shared(&self, text: &Text) -> &[Input] {
        self.packs.get(text.pack).map(|pack| pack.shared.as_slice()).unwrap_or_default()
    }

    /// Whether a rule is judged beside any profile: one of the user's whose directory has no profile to select it. One
    /// that stands in place of a built-in rule is judged when that would be.
    fn is_always_judged(&self, text: &Text, tree: &Node) -> bool {
        let has_profiles = || self.profiles.iter().any(|profile| profile.pack == text.pack);
        text.is_own() && !has_profiles() && !compile::states_override(tree)
    }
}

/// Who acts on each rule: what the last of the profiles and of their items says that is about it.
fn owners(settings: Settings<'_>, rules: &[Rule]) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for owner in settings.profiles.iter().flat_map(Profile::lineage).flat_map(|profile| &profile.owners) {
        let owned = rules.iter().filter(|rule| owner.rules.iter().any(|selector| selector.matches((*rule).into())));
        owners.extend(owned.map(|rule| (rule.id.to_string(), owner.owner.clone())));
    }
    owners
}

/// The ids of the built-in rules.
pub(super) fn built_in_ids() -> impl Iterator<Item = &'static str> {
    let rules = FILES.iter().map(|(path, ..)| Path::new(path)).filter(|path| !is_profile(path) && !is_shared(path));
    rules.filter_map(|path| path.file_stem()?.to_str())
}

fn is_profile(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|name| name == PROFILES)
}

fn is_shared(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == SHARED_INPUTS)
}

pub(super) fn facet<'c>(id: &'c str, card: &'c Card) -> Facet<'c> {
    Facet { id, tags: &card.tags, severity: card.severity, phase: card.phase }
}

fn refuse_duplicate_profiles(profiles: &mut Vec<Profile>, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<String, Source> = BTreeMap::new();
    profiles.retain(|profile| {
        let Some(first) = seen.get(&profile.name) else {
            seen.insert(profile.name.clone(), profile.source.clone());
            return true;
        };
        let head = 0..profile.source.text.lines().next().unwrap_or_default().len();
        let problem = Problem::new(head, format!("the profile `{}` is taken by {}", profile.name, first.path));
        let help = format!("rename it and its file; to add to that one, `extends: {}`", profile.name);
        diagnostics.add(&profile.source, [problem.help(help)]);
        false
    });
}

impl RuleSet {
    fn add(&mut self, rule: Rule, own: bool, always: bool) {
        if own {
            self.own.insert(rule.id.to_string());
        }
        if always {
            self.always.insert(rule.id.to_string());
        }
        if rule.manual().is_some() {
            self.statements.insert(rule.id.to_string());
        }
        self.known.insert(rule.id.to_string());
        self.rules.push(rule);
    }

    /// Keeps the rules that a profile selects, with those that are always judged, and of these the ones that a pattern
    /// matches. Without profiles every rule is a candidate. A pattern that matches none is an error, returned as its
    /// text.
    pub fn select(&mut self, profiles: &[Arc<Profile>], patterns: &[Pattern]) -> Result<(), String> {
        let all: Vec<String> = self.rules.iter().map(|rule| rule.id.to_string()).collect();
        self.rules.retain(|rule| {
            let mut known = BTreeMap::new();
            let facet = Facet::from(rule);
            profiles.is_empty()
                || self.always.contains(&*rule.id)
                || profiles.iter().any(|profile| profile.selects_knowing(facet, &mut known))
        });
        let matched = |pattern: &&Pattern| !self.rules.iter().any(|rule| pattern.matches(&rule.id));
        if let Some(unmatched) = patterns.iter().find(matched) {
            if let Some(left) = all.iter().find(|id| unmatched.matches(id)) {
                return Err(format!(
                    "`{}` matches only rules that no chosen profile selects, such as {left}",
                    unmatched.text
                ));
            }
            let hint = closest(&unmatched.text, all.iter().map(String::as_str));
            let hint = hint.map(|id| format!("; did you mean `{id}`?"));
            return Err(format!("no selected rule matches `{}`{}", unmatched.text, hint.unwrap_or_default()));
        }
        if !patterns.is_empty() {
            self.rules.retain(|rule| patterns.iter().any(|pattern| pattern.matches(&rule.id)));
        }
        Ok(())
    }
}

//! Where rules come from: those built into the binary and directories of the user's. What is wrong in any of them is
//! reported together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Rule;
use super::compile::{Options, compile_tree};
use super::input::Inputs;
use super::packed::unpack;
use super::profile::{self, Pattern, Profile};
use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::yaml::{self, MAX_BYTES};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Files that a directory of rules may hold.
const MAX_FILES: usize = 20_000;
/// Directories below a directory of rules.
const MAX_DEPTH: usize = 8;

/// The texts of rules and profiles, not compiled yet.
#[derive(Debug, Default)]
pub struct Library {
    rules: Vec<Text>,
    profiles: Vec<Profile>,
}

#[derive(Debug)]
struct Text {
    source: Source,
    stem: String,
    /// The tree without its tests, of a built-in rule.
    packed: Option<&'static [u8]>,
}

impl Text {
    /// From a directory that the user named.
    fn is_own(&self) -> bool {
        self.packed.is_none()
    }

    fn compile(&self, options: Options<'_>) -> Result<Rule, Vec<Problem>> {
        let packed = self.packed.filter(|_| !options.cases).and_then(unpack);
        let root = packed.map_or_else(|| yaml::parse(&self.source.text), Ok)?;
        compile_tree(&root, &self.source, &self.stem, options, self.is_own())
    }
}

/// Compiled rules, by id.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub rules: Vec<Rule>,
    /// Ids of rules from the user's directories.
    pub own: BTreeSet<String>,
}

impl Library {
    /// The built-in rules and those of `directories`.
    pub fn load(directories: &[PathBuf]) -> Result<Self, Diagnostics> {
        let mut library = Library::default();
        let mut diagnostics = Diagnostics::default();
        for (path, text, tree) in FILES {
            library.add(Source::new(path, text), Some(tree), &mut diagnostics);
        }
        for directory in directories {
            let mut files = Vec::new();
            if let Err(error) = collect(directory, 0, &mut files) {
                let source = Source::new(directory.display().to_string(), "");
                diagnostics.add(&source, [Problem::new(0..0, format!("failed to read the directory: {error}"))]);
            }
            files.sort();
            for path in files {
                let shown = path.display().to_string();
                match read(&path) {
                    Ok(bytes) => match String::from_utf8(bytes) {
                        Ok(text) => library.add(Source::new(shown, text), None, &mut diagnostics),
                        Err(error) => {
                            let at = error.utf8_error().valid_up_to();
                            let source = Source::new(shown, String::from_utf8_lossy(error.as_bytes()));
                            diagnostics.add(&source, [Problem::new(at..at + '\u{fffd}'.len_utf8(), "not UTF-8")]);
                        }
                    },
                    Err(error) => diagnostics.add(&Source::new(shown, ""), [Problem::new(0..0, error)]),
                }
            }
        }
        library.refuse_duplicates(&mut diagnostics);
        if diagnostics.is_empty() {
            return Ok(library);
        }
        // Nobody mends one file to be told of the next.
        let options = Options { inputs: &Inputs::new(), cases: false };
        for text in library.rules.iter().filter(|text| text.is_own()) {
            diagnostics.add(&text.source, text.compile(options).err().unwrap_or_default());
        }
        Err(diagnostics)
    }

    /// A file under `profiles/` is a profile, every other one a rule.
    fn add(&mut self, source: Source, packed: Option<&'static [u8]>, diagnostics: &mut Diagnostics) {
        let path = Path::new(&*source.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let in_profiles = path.parent().and_then(Path::file_name).is_some_and(|name| name == "profiles");
        if !in_profiles {
            return self.rules.push(Text { source, stem, packed });
        }
        match profile::compile(&source, &stem) {
            Ok(profile) => self.profiles.push(profile),
            Err(problems) => diagnostics.add(&source, problems),
        }
    }

    fn refuse_duplicates(&self, diagnostics: &mut Diagnostics) {
        let mut seen: BTreeMap<&str, &Source> = BTreeMap::new();
        for text in &self.rules {
            if let Some(first) = seen.insert(&text.stem, &text.source) {
                let message = format!("the id `{}` is taken by {}", text.stem, first.path);
                diagnostics.add(&text.source, [Problem::new(0..0, message).help("rename the rule and its file")]);
            }
        }
        let mut seen: BTreeMap<&str, &Source> = BTreeMap::new();
        for profile in &self.profiles {
            if let Some(first) = seen.insert(&profile.name, &profile.source) {
                let message = format!("the profile `{}` is taken by {}", profile.name, first.path);
                diagnostics.add(&profile.source, [Problem::new(0..0, message)]);
            }
        }
    }

    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// Compiles every rule. The problems of all of them are reported together, with those of the profiles.
    pub fn compile(&self, options: Options<'_>) -> Result<RuleSet, Diagnostics> {
        let mut set = RuleSet::default();
        let mut diagnostics = Diagnostics::default();
        for text in &self.rules {
            match text.compile(options) {
                Ok(rule) => {
                    if text.is_own() {
                        set.own.insert(rule.id.to_string());
                    }
                    set.rules.push(rule);
                }
                Err(problems) => diagnostics.add(&text.source, problems),
            }
        }
        set.rules.sort_by(|a, b| a.id.cmp(&b.id));
        let ids: Vec<&str> = self.rules.iter().map(|text| text.stem.as_str()).collect();
        for profile in &self.profiles {
            diagnostics.add(&profile.source, profile.unused(&ids));
        }
        if diagnostics.is_empty() { Ok(set) } else { Err(diagnostics) }
    }
}

impl RuleSet {
    /// Keeps the rules that a profile selects, with the user's own, and of these the ones that a pattern matches.
    /// Without profiles every rule is a candidate. A pattern that matches none is an error, returned as its text.
    pub fn select(&mut self, profiles: &[&Profile], patterns: &[Pattern]) -> Result<(), String> {
        self.rules.retain(|rule| {
            profiles.is_empty()
                || self.own.contains(&*rule.id)
                || profiles.iter().any(|profile| profile.selects(&rule.id))
        });
        if let Some(unmatched) =
            patterns.iter().find(|pattern| !self.rules.iter().any(|rule| pattern.matches(&rule.id)))
        {
            let ids = self.rules.iter().map(|rule| &*rule.id);
            let hint = crate::diagnostic::closest(&unmatched.text, ids).map(|id| format!("; did you mean `{id}`?"));
            return Err(format!("no selected rule matches `{}`{}", unmatched.text, hint.unwrap_or_default()));
        }
        if !patterns.is_empty() {
            self.rules.retain(|rule| patterns.iter().any(|pattern| pattern.matches(&rule.id)));
        }
        Ok(())
    }

    /// Inputs that were given and that no rule has, with what was perhaps meant.
    pub fn unknown_inputs<'i>(&self, inputs: &'i Inputs) -> Vec<(&'i str, Option<&str>)> {
        let known: BTreeSet<&str> =
            self.rules.iter().flat_map(|rule| &rule.inputs).map(|input| input.name.as_str()).collect();
        let unknown = inputs.keys().filter(|name| !known.contains(name.as_str()));
        unknown.map(|name| (name.as_str(), crate::diagnostic::closest(name, known.iter().copied()))).collect()
    }
}

fn collect(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if directory.is_file() {
        files.push(directory.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") && files.len() < MAX_FILES
        {
            files.push(path);
        }
    }
    Ok(())
}

/// A rule file's bytes, read no further than a rule may be long.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if !path.is_file() {
        return Err("this is no file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| format!("failed to open: {error}"))?;
    let limit = MAX_BYTES as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| format!("failed to read: {error}"))?;
    Ok(bytes)
}

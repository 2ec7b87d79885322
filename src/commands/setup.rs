//! What a run is made of before it looks at anything: the configuration file, the rules and the inputs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::attestation::{self, Attestations};
use crate::cli;
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostics, Problem};
use crate::error::Error;
use crate::rule::input::{Given, Outside, VARIABLE_PREFIX};
use crate::rule::library::{Library, RuleSet};
use crate::rule::profile::{Pattern, Profile};
use crate::rule::settings::Settings;
use crate::value::text::sanitize;
use crate::value::time;

/// The profile that counts when none is named.
const DEFAULT_PROFILE: &str = "default";
/// The configuration file that is read when it is there.
const DEFAULT_CONFIG: &str = "harden.toml";

/// The configuration, with what the command line adds to it.
pub fn config(selection: &cli::Selection) -> Result<Config, Error> {
    let default = Path::new(DEFAULT_CONFIG);
    let path = match &selection.sources.config {
        Some(path) => Some(path.as_path()),
        None => default.is_file().then_some(default),
    };
    let mut config = path.map(config::load).transpose().map_err(Error::Files)?.unwrap_or_default();
    config.rules.extend(selection.sources.rules.iter().cloned());
    if !selection.profile.is_empty() {
        config.profiles.clone_from(&selection.profile);
        // What is not there is then the command line's.
        config.places.retain(|(name, ..)| !selection.profile.contains(name));
    }
    Ok(config)
}

/// The built-in rules and those of the directories that the configuration and the command line name.
pub fn library(config: &Config) -> Result<Library, Error> {
    if let Some(missing) = config.rules.iter().find(|directory| !directory.is_dir()) {
        let problem = Problem::new(0..0, format!("{} is no directory of rules", missing.display()));
        return Err(not_there(config, |text| missing.ends_with(text), problem));
    }
    Library::load(&config.rules).map_err(Error::Files)
}

/// The values of inputs that were given outside of profiles.
pub fn outside(config: &Config, selection: &cli::Selection) -> Result<Outside, Error> {
    let mut arguments = BTreeMap::new();
    for text in &selection.sources.input {
        let (name, given) = Given::argument(text).ok_or_else(|| {
            Error::usage(format!("`--input {text}` has no value")).help("write it as --input KEY=VALUE")
        })?;
        arguments.insert(name, given);
    }
    Ok(Outside { arguments, variables: variables()?, configuration: config.inputs.clone() })
}

/// Inputs from the environment.
fn variables() -> Result<BTreeMap<String, Given>, Error> {
    let mut variables = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else { continue };
        let value = value.to_str().ok_or_else(|| Error::usage(format!("the value of {name} is not UTF-8")))?;
        variables.insert(name.to_owned(), Given::variable(name, value));
    }
    Ok(variables)
}

/// The directories of rules that `./harden.toml` names, where there is one.
pub fn configured_directories() -> Result<Vec<PathBuf>, Error> {
    let default = Path::new(DEFAULT_CONFIG);
    if !default.is_file() {
        return Ok(Vec::new());
    }
    config::load(default).map(|config| config.rules).map_err(Error::Files)
}

/// The names of the profiles of a run. Rules that are named need no profile to select them.
pub fn profile_names(config: &Config, selection: &cli::Selection) -> Vec<String> {
    match config.profiles.as_slice() {
        [] if selection.rule.is_empty() => vec![DEFAULT_PROFILE.to_owned()],
        names => names.to_vec(),
    }
}

/// The rules that the configuration and the command line select, compiled with their inputs.
pub fn rules(config: &Config, selection: &cli::Selection, cases: bool) -> Result<RuleSet, Error> {
    let library = library(config)?;
    let names = profile_names(config, selection);
    let profiles = names.iter().map(|name| profile(&library, config, name)).collect::<Result<Vec<_>, _>>()?;
    let outside = outside(config, selection)?;
    let settings = Settings { profiles: &profiles, outside: &outside };
    let mut rules = library.compile_with(settings, cases).map_err(Error::Files)?;
    let patterns = selection.rule.iter().map(|text| {
        Pattern::new(text).map_err(|error| Error::usage(format!("`--rule {text}` is no glob over rule ids: {error}")))
    });
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    rules.select(&profiles, &patterns).map_err(unmatched)?;
    Ok(rules)
}

/// The error of a name that none of the loaded rules has.
pub fn unmatched(message: String) -> Error {
    Error::usage(message)
        .help("`harden rules list --rule '*'` shows all that are loaded; those of a directory are, with `--rules DIR`")
}

/// The file of attestations: as named, as the configuration names it, or beside it.
pub fn attestations_path(config: &Config, named: Option<&Path>) -> PathBuf {
    let beside = || config.folder.clone().unwrap_or_default().join(attestation::FILE);
    named.map(Path::to_path_buf).or_else(|| config.attestations.clone()).unwrap_or_else(beside)
}

/// The attestations for these rules. A file that is named on the command line must be there.
pub fn attestations(config: &Config, named: Option<&Path>, rules: &RuleSet) -> Result<Attestations, Error> {
    let path = attestations_path(config, named);
    if named.is_some() && !path.exists() {
        let error = Error::usage(format!("there is no file {}", path.display()));
        return Err(error.help("`harden attest` writes it"));
    }
    let entries = attestation::load(&path).map_err(Error::Files)?;
    Ok(Attestations::new(entries, &rules.statements, &rules.known))
}

/// An instant as `--NAME` gives it, in seconds since the epoch.
pub fn instant(name: &str, text: &str) -> Result<i64, Error> {
    time::parse(text).ok_or_else(|| {
        Error::usage(format!("`--{name} {text}` is no time")).help("write 2027-01-01 or 2027-01-01T12:00:00Z")
    })
}

/// Says what is worth a word about the rules and stops nothing.
pub fn warn(rules: &RuleSet, err: &mut dyn Write) -> Result<(), Error> {
    for note in &rules.notes {
        writeln!(err, "warning: {}", sanitize(note)).map_err(Error::io("write a warning"))?;
    }
    Ok(())
}

/// The profile of this name.
pub fn profile(library: &Library, config: &Config, name: &str) -> Result<Arc<Profile>, Error> {
    library.profile(name).cloned().ok_or_else(|| {
        let known = library.profiles().iter().map(|profile| profile.name.as_str());
        let list = known.clone().collect::<Vec<_>>().join(", ");
        let problem = Problem::new(0..0, format!("there is no profile `{name}`"));
        let suggested = problem.clone().suggest(name, known);
        let problem = if suggested.help.is_some() { suggested } else { problem.help(format!("there are: {list}")) };
        not_there(config, |text| text == name, problem)
    })
}

/// The error of what the configuration file names, with its place in it, or else the command line.
fn not_there(config: &Config, is_it: impl Fn(&str) -> bool, problem: Problem) -> Error {
    let Some((source, span)) = config.place(is_it) else {
        let error = Error::usage(problem.message);
        return problem.help.into_iter().fold(error, Error::help);
    };
    let mut diagnostics = Diagnostics::default();
    diagnostics.add(source, [Problem { span, ..problem }]);
    Error::Files(diagnostics)
}

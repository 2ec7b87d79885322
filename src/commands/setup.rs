//! What a run is made of before it looks at anything: the configuration file, the rules and the inputs.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::config::{self, Config};
use crate::error::Error;
use crate::rule::compile::Options;
use crate::rule::input::{InputValue, Inputs};
use crate::rule::library::{Library, RuleSet};
use crate::rule::profile::{Pattern, Profile};

/// The profile that counts when none is named.
const DEFAULT_PROFILE: &str = "default";
/// The configuration file that is read when it is there.
const DEFAULT_CONFIG: &str = "harden.toml";

/// The configuration, with what the command line adds to it.
pub fn config(selection: &cli::Selection) -> Result<Config, Error> {
    let default = Path::new(DEFAULT_CONFIG);
    let path = match &selection.config {
        Some(path) => Some(path.as_path()),
        None => default.is_file().then_some(default),
    };
    let mut config = path.map(config::load).transpose().map_err(Error::Files)?.unwrap_or_default();
    config.rules.extend(selection.rules.iter().cloned());
    if !selection.profile.is_empty() {
        config.profiles = selection.profile.clone();
    }
    for text in &selection.input {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`--input {text}` has no value")).help("write it as --input KEY=VALUE")
        })?;
        config.inputs.insert(name.to_owned(), InputValue::One(value.to_owned()));
    }
    Ok(config)
}

/// The directories of rules that `./harden.toml` names, where there is one.
pub fn configured_directories() -> Result<Vec<PathBuf>, Error> {
    let default = Path::new(DEFAULT_CONFIG);
    if !default.is_file() {
        return Ok(Vec::new());
    }
    config::load(default).map(|config| config.rules).map_err(Error::Files)
}

/// The built-in rules and profiles with those of the directories that are named.
pub fn library(config: &Config) -> Result<Library, Error> {
    Library::load(&existing(&config.rules)?).map_err(Error::Files)
}

/// The rules that the configuration and the command line select, compiled with their inputs.
pub fn rules(config: &Config, selection: &cli::Selection, cases: bool) -> Result<RuleSet, Error> {
    let library = library(config)?;
    let profiles = profiles(&library, config, selection)?;
    let mut inputs = Inputs::new();
    for profile in &profiles {
        inputs.extend(profile.inputs.clone());
    }
    inputs.extend(config.inputs.clone());
    let mut rules = library.compile(Options { inputs: &inputs, cases }).map_err(Error::Files)?;
    if let Some((name, hint)) = rules.unknown_inputs(&inputs).first() {
        let error = Error::usage(format!("no rule has an input `{name}`"));
        return Err(match hint {
            Some(hint) => error.help(format!("did you mean `{hint}`?")),
            None => error.help("`harden rules show ID` lists the inputs of a rule"),
        });
    }
    let patterns = selection.rule.iter().map(|text| {
        Pattern::new(text).map_err(|error| Error::usage(format!("`--rule {text}` is no glob over rule ids: {error}")))
    });
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    rules
        .select(&profiles, &patterns)
        .map_err(|message| Error::usage(message).help("`harden rules list` shows them"))?;
    Ok(rules)
}

fn existing(directories: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    if let Some(missing) = directories.iter().find(|directory| !directory.is_dir()) {
        return Err(Error::usage(format!("{} is no directory of rules", missing.display())));
    }
    Ok(directories.to_vec())
}

/// The named profiles; without any, the default one, or every rule where rules are named themselves.
fn profiles<'l>(library: &'l Library, config: &Config, selection: &cli::Selection) -> Result<Vec<&'l Profile>, Error> {
    let default = [DEFAULT_PROFILE.to_owned()];
    let names = match config.profiles.as_slice() {
        [] if selection.rule.is_empty() => &default,
        names => names,
    };
    let find = |name: &String| {
        library.profile(name).ok_or_else(|| {
            let known = library.profiles().iter().map(|profile| profile.name.as_str());
            let list = known.clone().collect::<Vec<_>>().join(", ");
            let help = match crate::diagnostic::closest(name, known) {
                Some(hint) => format!("did you mean `{hint}`?"),
                None => format!("there are: {list}"),
            };
            Error::usage(format!("there is no profile `{name}`")).help(help)
        })
    };
    names.iter().map(find).collect()
}

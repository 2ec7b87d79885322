//! The rules that `check`, `test` and `prove` are about: those of the paths that were given, with their cases.

use std::path::PathBuf;

use crate::cli::{Paths, TryOut};
use crate::commands::setup;
use crate::error::Error;
use crate::rule::compile::Options;
use crate::rule::input::Inputs;
use crate::rule::library::Library;
use crate::rule::profile::Pattern;
use crate::rule::{Rule, trial};

/// The rules and profiles that are meant, and the rest of the library that they are checked against.
pub(super) fn library(paths: &Paths) -> Result<Library, Error> {
    let given = if paths.paths.is_empty() { setup::configured_directories()? } else { paths.paths.clone() };
    if let Some(missing) = given.iter().find(|path| !path.exists()) {
        let error = Error::usage(format!("{} does not exist", missing.display()));
        return Err(error.help("files and directories of rules stand here; a rule of one is chosen by `--rule ID`"));
    }
    Library::of_drafts(&given).map_err(Error::Files)
}

/// The rules of the paths, or all of them; judged with the examples of inputs that somebody must set.
pub(super) fn rules(library: &Library, paths: &[PathBuf]) -> Result<Vec<Rule>, Error> {
    let mut set = library.compile(Options { inputs: &Inputs::new(), cases: true }).map_err(Error::Files)?;
    if !paths.is_empty() {
        set.rules.retain(|rule| set.own.contains(&*rule.id));
    }
    set.rules.iter_mut().for_each(trial::take_examples);
    Ok(set.rules)
}

/// Those that `--rule` names, when it does.
pub(super) fn selected(args: &TryOut) -> Result<Vec<Rule>, Error> {
    let mut rules = rules(&library(&args.paths)?, &args.paths.paths)?;
    let pattern = |text: &String| {
        Pattern::new(text).map_err(|error| Error::usage(format!("`--rule {text}` is no glob over rule ids: {error}")))
    };
    let patterns = args.rule.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
    if let Some(unused) = patterns.iter().find(|pattern| !rules.iter().any(|rule| pattern.matches(&rule.id))) {
        return Err(Error::usage(format!("no rule matches `{}`", unused.text))
            .help("the rules are those of the paths that are given; without any, the built-in ones"));
    }
    if !patterns.is_empty() {
        rules.retain(|rule| patterns.iter().any(|pattern| pattern.matches(&rule.id)));
    }
    if rules.is_empty() {
        return Err(Error::usage("there is no rule in these files").help("rules are files that end in .yaml"));
    }
    Ok(rules)
}

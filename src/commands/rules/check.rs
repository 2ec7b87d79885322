//! `harden rules check`: what is wrong with rules and profiles, all of it at once.

use super::trials;
use crate::cli::Paths;
use crate::error::Error;
use crate::rule::lint::lint;
use crate::yaml;

pub(super) fn check(paths: &Paths) -> Result<String, Error> {
    let library = trials::library(paths)?;
    let rules = trials::rules(&library, &paths.paths)?;
    let mut diagnostics = library.idle_overrides().map_err(Error::Files)?;
    for rule in &rules {
        // It has been parsed before: what cannot be parsed has no rule.
        let Ok(root) = yaml::parse(&rule.source.text) else { continue };
        diagnostics.add(&rule.source, lint(rule, &root));
    }
    if !diagnostics.is_empty() {
        return Err(Error::Files(diagnostics));
    }
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    Ok(format!("{} rule{}: nothing is wrong\n", rules.len(), plural(rules.len())))
}

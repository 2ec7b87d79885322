//! What README.md shows as files is taken by the program as it stands there.

use std::path::Path;

use harden::config;
use harden::diagnostic::Source;
use harden::rule::compile::Options;
use harden::rule::input::Inputs;
use harden::rule::library::Library;
use harden::rule::proof::prove;

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let text = include_str!("../../README.md");
    text.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

#[test]
fn the_configuration_parses() {
    let [text] = blocks("toml")[..] else { panic!("one harden.toml is shown") };
    let config = config::parse(&Source::new("harden.toml", text), Path::new(".")).unwrap();
    assert_eq!((config.postgres.len(), config.inputs.len()), (2, 1));
}

#[test]
fn the_rule_compiles_and_is_proven() {
    let [text] = blocks("yaml")[..] else { panic!("one rule is shown") };
    let directory = tempfile::tempdir().unwrap();
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    std::fs::write(directory.path().join(format!("{id}.yaml")), text).unwrap();
    let library = Library::load(&[directory.path().to_owned()]).unwrap();
    let compiled = library.compile(Options { inputs: &Inputs::new(), cases: true });
    let set = compiled.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false, 120)));
    let rule = set.rules.iter().find(|rule| &*rule.id == id).unwrap();
    assert_eq!(rule.cases.len(), 12);
    // Which says first of all that each case comes out as it expects.
    assert_eq!(prove(rule).flaws, []);
}

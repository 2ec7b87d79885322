//! What harden tells about rules and resources: complete, in the words of the fixtures, and with nothing in it that draws.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use harden::diagnostic::Source;
use harden::matcher::{Expectation, Matcher};
use harden::reference::story::Story;
use harden::resource::{self, Field};
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::rule::words::{Words, judged};
use harden::rule::{Check, Rule, Selection};
use harden::value::Type;
use harden::value::text::sanitize;
use serde_json::Value as Json;

use super::cli::harden;
use super::corpus::rules;
use super::law::Dice;
use super::random_rules;

fn flat(words: &[Words], text: &mut String) {
    for part in words {
        text.push_str(&part.text);
        text.push('\n');
        flat(&part.parts, text);
    }
}

/// The names of all fields that a rule picks, selects or judges by, those of records' fields too.
fn fields(rule: &Rule) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for selection in rule.selections() {
        selection.filter.iter().for_each(|filter| of_expectation(filter, selection.resource.fields, &mut found));
        picked(selection, &mut found);
    }
    for check in rule.checks() {
        let check: &Check = check;
        check.visit(&mut |query| of_expectation(&query.expectation, query.selection.resource.fields, &mut found));
    }
    found
}

fn picked(selection: &Selection, found: &mut BTreeSet<&'static str>) {
    if let Some(each) = &selection.each {
        found.insert(each.from.resource.fields[each.pick].name);
        picked(&each.from, found);
    }
}

fn of_expectation(expectation: &Expectation, table: &'static [Field], found: &mut BTreeSet<&'static str>) {
    match expectation {
        Expectation::Field { index, matcher, .. } => {
            found.insert(table[*index].name);
            of_matcher(matcher, table[*index].ty, found);
        }
        Expectation::All(parts) | Expectation::Any(parts) => {
            parts.iter().for_each(|part| of_expectation(part, table, found));
        }
    }
}

fn of_matcher(matcher: &Matcher, ty: Type, found: &mut BTreeSet<&'static str>) {
    let held = |ty| match ty {
        Type::List(item) | Type::Map(item) => *item,
        other => other,
    };
    match (matcher, ty) {
        (Matcher::Leaf { .. }, _) => {}
        (Matcher::All(parts) | Matcher::Any(parts), _) => parts.iter().for_each(|part| of_matcher(part, ty, found)),
        (Matcher::Every(inner) | Matcher::Some(inner) | Matcher::Key(_, inner), _) => {
            of_matcher(inner, held(ty), found)
        }
        (Matcher::Record(expectation), Type::Record(table)) => of_expectation(expectation, table, found),
        (Matcher::Record(_), ty) => panic!("a record's fields are judged of a {}", ty.name()),
    }
}

/// Words that say something of every field that decides, and of every resource.
fn assert_complete(rule: &Rule) {
    let mut text = String::new();
    flat(&judged(rule), &mut text);
    for name in fields(rule).into_iter().chain(rule.selections().iter().map(|selection| selection.resource.name)) {
        assert!(text.contains(&format!("`{name}`")), "{}: nothing is said of {name}\n{text}", rule.id);
    }
    let holds = text.matches(" if ").count() + text.matches("has to attest it").count();
    assert!(holds > 0 && !text.contains("  ") && !text.lines().any(|line| line.trim().is_empty()), "{text}");
}

#[test]
fn the_story_of_every_rule_is_complete() {
    for rule in rules() {
        assert_complete(rule);
        let story = Story::new(rule, &[]);
        assert!(
            rule.selections().is_empty() == story.reads.is_empty()
                && story.reads.iter().all(|read| !read.fields.is_empty()),
            "{}",
            rule.id
        );
        let cases = rule.manual().map_or(rule.cases.len(), |manual| manual.cases.len());
        assert_eq!(story.cases.len(), cases);
        assert!(story.cases.iter().all(|case| case.said.is_none() && !case.facts.is_empty()), "{}", rule.id);
    }
}

#[test]
fn random_rules_have_stories_too() {
    let inputs = Inputs::new();
    for seed in 1..=400 {
        let text = random_rules::rule(&mut Dice(seed));
        let compiled = compile(&Source::new("x.yaml", &text), "x", Options { inputs: &inputs, cases: true });
        assert_complete(&compiled.unwrap_or_else(|problems| panic!("{problems:?}\n{text}")));
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories")
}

/// Compares with what is kept; `HARDEN_BLESS=1` writes it anew.
fn assert_kept(name: &str, said: &str) {
    let path = fixtures().join(name);
    if std::env::var_os("HARDEN_BLESS").is_some() {
        std::fs::write(&path, said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

fn show(more: &[&str], pack: &Path) -> String {
    let fixed = ["rules", "show", "--color", "never", "--rules"].map(std::ffi::OsString::from);
    let ran = harden(fixed.into_iter().chain([pack.into()]).chain(more.iter().map(Into::into)));
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}", ran.err);
    ran.out
}

/// The pack's own path, which is another on each machine.
fn without_path(text: &str, pack: &Path) -> String {
    text.replace(&format!("{}/", pack.display()), "pack/")
}

#[test]
fn stories_are_as_they_were() {
    let pack = fixtures().join("pack");
    let mut names: Vec<_> = std::fs::read_dir(&pack).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 12);
    for path in names {
        let id = path.file_stem().unwrap().to_str().unwrap();
        assert_kept(&format!("{id}.txt"), &without_path(&show(&[id], &pack), &pack));
    }
    assert_kept("reads.txt", &show(&["--reads"], &pack));
    let given = ["--reads", "--input", "secret_file=/run/app/env", "own-secret-strength"];
    assert_kept("reads-given.txt", &show(&given, &pack));
}

#[test]
fn programs_read_the_same() {
    let pack = fixtures().join("pack");
    let stories: Json = serde_json::from_str(&show(&["--format", "json"], &pack)).unwrap();
    let stories = stories.as_array().unwrap();
    assert_eq!(stories.len(), 12, "without an id, the rules of the pack are shown");
    let secret = stories.iter().find(|story| story["id"] == "own-secret-strength").unwrap();
    assert_eq!(secret["inputs"][0]["value"], Json::Null);
    assert_eq!(secret["inputs"][1]["value"][0], "32");
    assert_eq!(secret["cases"][0]["outcome"], "pass");
    let reads: Json = serde_json::from_str(&show(&["--reads", "--format", "json"], &pack)).unwrap();
    assert_eq!(reads["unset"]["own-secret-strength"][0], "secret_file");
    let queries = reads["queries"].as_array().unwrap();
    let of = |query: &Json| format!("{} {}", query["target"].as_str().unwrap(), query["resource"].as_str().unwrap());
    assert!(queries.iter().all(|query| !query["privilege"].as_str().unwrap().is_empty()));
    let paths: Vec<_> = queries.iter().filter(|query| of(query) == "host file").collect();
    assert_eq!(paths.len(), 4, "two rules look at /etc/app.conf, and it is listed once");
    assert_eq!(
        paths.iter().find(|query| query["with"]["path"] == "/etc/app.conf").unwrap()["rules"].as_array().unwrap().len(),
        2
    );
    let referred = queries.iter().find(|query| query["resource"] == "certificate").unwrap();
    assert_eq!(referred["for_each"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_stranger_writes_cannot_draw() {
    let folder = tempfile::tempdir().unwrap();
    let text = "id: own-x\ntitle: \"t\\e[2J\"\nseverity: low\nphase: pre\nwhy: \"w\\u202e\\e]0;x\\a\"\nfix: \"f\\r\\n\\e[31m\"\n\
                refs: { \"r\\e[1m\": \"\\e[2m\" }\ntags: [\"\\e[3m\"]\n\
                inputs: { a: { type: text, about: \"\\e[4m\", default: \"\\e[5m\" } }\n\
                check:\n  resource: file\n  with: { path: [\"/\\e[6m\", \"/${a}\"] }\n  absent: fail\n  \
                expect: { owner: { matches: \"\\e7m\" }, group: { in: [\"\\e[8m\", \"\\u200b\"] } }\n\
                tests:\n  - fail: { path: \"\\e[9m\", owner: !invalid \"\\e[1m\", group: !unknown \"\\e[0m\" }\n";
    std::fs::write(folder.path().join("own-x.yaml"), text).unwrap();
    for more in [&["own-x"][..], &["--format", "json"], &["--reads"], &["--reads", "--format", "json"]] {
        let out = show(more, folder.path());
        assert!(out.contains("[6m"), "{out}");
        assert!(out.lines().all(|line| sanitize(line) == line), "{out:?}");
    }
}

#[test]
fn a_story_says_when_a_case_is_wrong() {
    let pack = fixtures().join("pack");
    let out = show(&["own-secret-strength", "--input", "secret_file=/x", "--input", "length=64"], &pack);
    assert!(out.contains("with the inputs as they are set, the rule says fail"), "{out}");
    assert!(out.contains("set to     64") && out.contains("`file:/x` (input `secret_file`)"), "{out}");
}

#[test]
fn who_asks_wrongly_is_told_what_there_is() {
    let ran = harden(["rules", "show"]);
    assert_eq!(ran.code, ExitCode::from(2));
    assert!(ran.err.contains("no rule is named") && ran.err.contains("rules list"), "{}", ran.err);
    let ran = harden(["rules", "show", "host-shadow-mod"]);
    assert!(ran.err.contains("did you mean `host-shadow-mode`?"), "{}", ran.err);
    let empty = tempfile::tempdir().unwrap();
    let ran = harden(["rules", "show", "--rules", empty.path().to_str().unwrap()]);
    assert!(ran.err.contains("no rules in the directories"), "{}", ran.err);
    let ran = harden(["resources", "fiel"]);
    assert_eq!(ran.code, ExitCode::from(2));
    assert!(ran.err.contains("did you mean `file`?"), "{}", ran.err);
}

#[test]
fn globs_and_profiles_choose_what_is_shown() {
    let ids = |args: &[&str]| {
        let ran = harden(["rules", "show", "--format", "json"].into_iter().chain(args.iter().copied()));
        let stories: Json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        stories.as_array().unwrap().iter().map(|story| story["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let tls = ids(&["tls-declared-*", "host-shadow-mode"]);
    assert!(tls.len() > 3 && tls.iter().filter(|id| !id.starts_with("tls-declared-")).eq(["host-shadow-mode"]));
    assert!(ids(&["--profile", "host"]).contains(&"host-shadow-mode".to_owned()));
}

#[test]
fn resources_are_told_completely() {
    let ran = harden(["resources", "--color", "never"]);
    for resource in resource::ALL {
        assert!(ran.out.contains(&format!("{}  ", resource.name)), "{}", ran.out);
        let told = harden(["resources", resource.name, "--color", "never"]).out;
        for name in resource.params.iter().map(|p| p.name).chain(resource.fields.iter().map(|f| f.name)) {
            assert!(told.contains(&format!("\n  {name} ")), "{name} is not in\n{told}");
        }
        let json: Json = serde_json::from_str(&harden(["resources", resource.name, "--format", "json"]).out).unwrap();
        assert_eq!(json["fields"].as_array().unwrap().len(), resource.fields.len());
        let looking = |rule: &&Rule| rule.selections().iter().any(|looked| looked.resource.name == resource.name);
        assert_eq!(json["rules"].as_array().unwrap().len(), rules().iter().filter(looking).count());
        let types: Vec<_> = json["matchers"].as_array().unwrap().iter().map(|known| known["type"].clone()).collect();
        let untyped = |field: &&Json| !types.contains(&field["type"]) && field["type"] != "what `as` says";
        assert!(!json["fields"].as_array().unwrap().iter().any(|field| untyped(&field)), "{json}");
    }
    let list: Json = serde_json::from_str(&harden(["resources", "--format", "json"]).out).unwrap();
    assert_eq!(list.as_array().unwrap().len(), resource::ALL.len());
    assert_eq!(list[0]["targets"][0], "host");
}

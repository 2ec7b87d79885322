//! `harden record`: what it writes as cases compiles below the rule's `tests:`, and says what it expects.

use harden::diagnostic::{Diagnostics, Source};
use harden::facts::{Access, Facts, Listing};
use harden::record::{cases, paste};
use harden::rule::Rule;
use harden::rule::compile::{Options, compile, recompile};
use harden::rule::input::{InputValue, Inputs};
use harden::rule::trial;
use harden::scrub::{Key, changed, scrub};
use harden::target::Kind;
use harden::value::{Observed, Value};
use proptest::prelude::*;
use serde_json::json;

use super::corpus::rules;
use super::judging::{query, subject, target, world};
use super::law;
use super::scrub::{asks_for_examples, known};

/// Compiles the rule with these cases in place of its own, and runs them. How many there are.
#[track_caller]
fn run_cases(rule: &Rule, text: &str) -> usize {
    let source = Source::new(&rule.source.path, paste(&rule.source.text, text));
    let compiled = recompile(rule, &source).unwrap_or_else(|problems| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, problems);
        panic!("{text}\n{}", diagnostics.render(false, 120))
    });
    for case in &compiled.cases {
        let facts = trial::case_facts(&compiled, case);
        let said = trial::outcome(&compiled, &facts);
        assert_eq!(said, case.expected, "{}\n{text}\n{}", rule.id, trial::explain(&compiled, &facts).join("\n"));
    }
    compiled.cases.len()
}

/// Comments in which a case says something else than was seen.
fn differing(text: &str) -> usize {
    text.matches("# seen as").count()
}

fn judged() -> impl Iterator<Item = &'static Rule> {
    rules().iter().filter(|rule| rule.check().is_some() && !asks_for_examples(rule))
}

#[test]
fn the_cases_of_every_rule_come_back() {
    let (mut written, mut differ) = (0, Vec::new());
    for rule in judged() {
        for case in &rule.cases {
            let facts = scrub(&trial::case_facts(rule, case), known(), &Key::new(b"k"));
            for all in [false, true] {
                let text = cases(rule, &facts, all);
                let count = run_cases(rule, &text);
                assert!(count > 0, "{}: {text}", rule.id);
                written += count;
                if differing(&text) > 0 {
                    differ.push(format!("{}\n{text}\n{}", rule.id, trial::explain(rule, &facts).join("\n")));
                }
            }
        }
    }
    assert!(written > 2000, "{written}");
    assert!(differ.is_empty(), "{} of {written}\n{}", differ.len(), differ.join("\n"));
}

/// Beginnings of the rules of systems: they follow several things to what is asked next. Where several were seen in
/// different ways, what comes back may say so in a comment.
const FOLLOWING: [&str; 6] = ["nursery-", "ofelia-", "openbao-", "pullbase-", "pulumi-", "situation-"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_seen_is_written_as_cases_that_hold(seed: u64) {
        let pool = law::pool(rules());
        for rule in judged() {
            let facts = law::world(rule, &pool, seed);
            for all in [false, true] {
                let text = cases(rule, &facts, all);
                run_cases(rule, &text);
                if FOLLOWING.iter().any(|start| rule.id.starts_with(start)) {
                    continue;
                }
                prop_assert_eq!(differing(&text), 0, "{}\n{}{}", rule.id, text, trial::explain(rule, &facts).join("\n"));
            }
        }
    }
}

/// Facts with as many containers as are wanted, of which a few are privileged and one was not seen.
fn containers(count: usize) -> Facts {
    let subjects = (0..count).map(|i| {
        let privileged = match i {
            7 => Observed::unknown("permission denied"),
            i => Observed::from(i % 100 == 3),
        };
        let name = format!("zq{i}");
        let fields = [("name", name.as_str().into()), ("running", true.into()), ("privileged", privileged)];
        subject("container", &name, &fields)
    });
    let listing = Listing::complete(subjects.collect());
    world(vec![(query("docker", "container", json!({})), listing)])
}

#[test]
fn of_subjects_that_are_alike_one_is_kept() {
    let rule = rules().iter().find(|rule| &*rule.id == "docker-container-privileged").unwrap();
    let facts = scrub(&containers(500), known(), &Key::new(b"k"));
    let text = cases(rule, &facts, false);
    let wanted = "  - pass: { name: container-1, privileged: false }\n  \
                  - fail: { name: container-4, privileged: true }\n  \
                  - unknown: { name: container-8, privileged: !unknown permission denied }\n";
    assert_eq!(text, wanted);
    let all = cases(rule, &facts, true);
    assert_eq!(all.matches("name: container-").count(), 500);
    assert_eq!(run_cases(rule, &all), 3, "one case for each outcome");
}

#[test]
fn times_keep_their_distance_to_the_observation() {
    let rule = rules().iter().find(|rule| &*rule.id == "tls-certificate-expiry-window").unwrap();
    let mut facts = trial::facts(rule, |_| {
        let end = Observed::Known(Value::Time(1_900_000_000 + 30 * 86_400 - 1));
        let fields = [("path", "/etc/ssl/a.crt".into()), ("position", 1.into()), ("subject", "CN=a".into())];
        Listing::complete(vec![subject(
            "certificate",
            "a",
            &fields.into_iter().chain([("not_after", end)]).collect::<Vec<_>>(),
        )])
    });
    facts.started = 1_900_000_000;
    let text = cases(rule, &facts, false);
    assert!(text.contains("- fail:") && text.contains("not_after: now+29d23h59m59s"), "{text}");
    run_cases(rule, &text);
}

#[test]
fn a_case_that_says_something_else_tells_so() {
    // What the rule's file does not know: another input.
    let text = "id: own\ntitle: t\nseverity: low\nphase: pre\nwhy: w\nfix: f\nrefs: { own: \"1\" }\n\
                inputs: { owner: { type: text, about: the owner, default: root } }\n\
                check: { resource: file, with: { path: /a }, absent: fail, expect: { owner: \"${owner}\" } }\n";
    let inputs = Inputs::from([("owner".to_owned(), InputValue::One("app".to_owned()))]);
    let source = Source::new("own.yaml", text);
    let rule = compile(&source, "own", Options { inputs: &inputs, cases: false }).unwrap();
    let facts = world(vec![(
        query("host", "file", json!({ "path": "/a" })),
        Listing::complete(vec![subject("file", "/a", &[("path", "/a".into()), ("owner", "app".into())])]),
    )]);
    assert_eq!(
        cases(&rule, &facts, false),
        "  # seen as pass; the rule's file says fail of a case of it\n  - fail: { path: /a, owner: app }\n"
    );
}

#[test]
fn a_rule_that_saw_nothing_says_why() {
    let rule = rules().iter().find(|rule| &*rule.id == "docker-container-privileged").unwrap();
    let absent = Access::Absent("there is no such socket".to_owned());
    let facts = Facts { targets: vec![target("docker", Kind::Docker, absent)], ..Facts::default() };
    assert_eq!(cases(rule, &facts, false), "  # nothing was asked: there is no such socket\n");
    let far = Access::Unreachable("connection refused".to_owned());
    let facts = Facts { targets: vec![target("docker", Kind::Docker, far)], ..Facts::default() };
    assert_eq!(cases(rule, &facts, false), "  # nothing was seen: connection refused\n");
}

/// What `harden record` and its arguments print, and say besides.
fn record(facts: &Facts, more: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.json");
    std::fs::write(&path, facts.to_json()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let path = path.display().to_string();
    let args = ["harden", "record", "--facts", &path].into_iter().chain(more.iter().copied());
    let code = harden::run(args.map(Into::into), &mut out, &mut err);
    let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
    assert_eq!(code, std::process::ExitCode::SUCCESS, "{err}");
    (out, err)
}

#[test]
fn the_command_scrubs_and_keeps_what_is_asked_for() {
    let mut facts = containers(20);
    let file = Listing::complete(vec![subject("file", "/etc/shadow", &[("owner", "zqowner".into())])]);
    facts.listings.insert(query("host", "file", json!({ "path": "/etc/shadow" })), file);
    let (out, err) = record(&facts, &[]);
    assert!(!out.contains("zq") && err.is_empty(), "{out}{err}");
    let scrubbed = Facts::from_json(&out).unwrap();
    assert_eq!(scrubbed.listings.len(), 2, "without a selection everything is kept");
    assert!(changed(rules(), &facts, &scrubbed).is_empty());
    let (out, _) = record(&facts, &["--rule", "docker-container-privileged"]);
    assert_eq!(Facts::from_json(&out).unwrap().listings.len(), 1);
    let (out, _) = record(&facts, &["--rule", "docker-container-privileged", "--format", "cases"]);
    assert!(out.contains("# docker-container-privileged\n  - pass: { name: container-1"), "{out}");
}

#[test]
fn rules_that_scrubbing_changes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "id: own-owner\ntitle: t\nseverity: low\nphase: pre\nwhy: w\nfix: f\nrefs: { own: \"1\" }\n\
                check: { resource: file, with: { path: /etc/shadow }, absent: fail, expect: { owner: zqowner } }\n";
    std::fs::write(folder.path().join("own-owner.yaml"), text).unwrap();
    let file = Listing::complete(vec![subject("file", "/etc/shadow", &[("owner", "zqowner".into())])]);
    let facts = world(vec![(query("host", "file", json!({ "path": "/etc/shadow" })), file)]);
    let own = folder.path().display().to_string();
    let (out, err) = record(&facts, &["--rules", &own, "--rule", "own-*"]);
    assert!(!out.contains("zqowner"), "never a name for the sake of a verdict: {out}");
    assert!(err.contains("note: these rules say something else") && err.contains("own-owner"), "{err}");
}

#[test]
fn cases_stand_where_the_own_ones_stood() {
    let rule = "id: a\ntests:\n  - pass: {}\ncheck: { a: b }\n";
    assert_eq!(paste(rule, "  - fail: {}\n"), "id: a\ncheck: { a: b }\n\ntests:\n  - fail: {}\n");
    assert_eq!(paste("id: a\n", "  - fail: {}\n"), "id: a\n\ntests:\n  - fail: {}\n");
}

//! The documents against the schemas that harden prints for them.

use std::path::Path;

use harden::attestation::Attestations;
use harden::cli::Document;
use harden::config;
use harden::diagnostic::Source;
use harden::facts::{Facts, Listing};
use harden::report::{Gate, Report};
use harden::rule::library::FILES;
use harden::rule::trial;
use harden::value::Reason;
use harden::yaml::{self, Kind, Node};
use harden::{rule, schema};
use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

use super::corpus::rules;
use super::law::Dice;
use super::mistakes::{GOOD, MISTAKES};
use super::packs::{Folder, profile, rule as pack_rule};
use super::random_rules;

fn validator(document: Document) -> Validator {
    jsonschema::validator_for(&schema::of(document)).unwrap_or_else(|error| panic!("{error}"))
}

/// What an editor makes of a rule: scalars typed as YAML 1.2 has them.
fn json_of(node: &Node) -> Json {
    match &node.kind {
        _ if node.tag.is_some() => Json::Null,
        Kind::Scalar { text, quoted: true } => json!(text),
        Kind::Scalar { text, .. } => match text.as_str() {
            "true" | "false" => json!(text == "true"),
            "" | "~" | "null" => Json::Null,
            _ if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => json!(text),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => json!(number),
                (_, Ok(number)) => json!(number),
                _ => json!(text),
            },
        },
        Kind::Sequence(items) => items.iter().map(json_of).collect(),
        Kind::Mapping(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.name.clone(), json_of(value))).collect::<Map<_, _>>())
        }
    }
}

fn errors(validator: &Validator, json: &Json) -> Vec<String> {
    validator.iter_errors(json).map(|error| format!("{}: {error:.200}", error.instance_path())).collect()
}

fn is_rule(path: &str) -> bool {
    !path.contains("profiles/") && !path.ends_with("inputs.yaml")
}

#[test]
fn shipped_rules_fit_the_schema_of_rules() {
    let schema = validator(Document::Rule);
    let mut wrong = Vec::new();
    for (path, text, _) in FILES.iter().filter(|(path, ..)| is_rule(path)) {
        let found = errors(&schema, &json_of(&yaml::parse(text).unwrap()));
        wrong.extend(found.into_iter().map(|error| format!("{path}: {error}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_rules_do_not() {
    let schema = validator(Document::Rule);
    let good = "id: x\ntitle: t\nseverity: low\nphase: pre\nwhy: w\nfix: f\nrefs: { cwe: \"1\" }\n\
                check: { resource: file, with: { path: /x }, absent: fail, expect: { mode: { at_most: \"0640\" } } }\n";
    assert_eq!(errors(&schema, &json_of(&yaml::parse(good).unwrap())), Vec::<String>::new());
    for (from, to) in [
        ("id: x", "id: X y"),
        ("title: t", "titel: t"),
        ("title: t\n", ""),
        ("severity: low", "severity: lwo"),
        ("phase: pre", "phase: before"),
        ("refs: { cwe: \"1\" }", "refs: {}"),
        ("refs: { cwe: \"1\" }", "refs: [cwe]"),
        ("resource: file", "resource: flie"),
        ("resource: file, ", ""),
        ("with: { path: /x }, ", ""),
        ("path: /x", "pth: /x"),
        ("absent: fail, ", ""),
        ("absent: fail", "absent: maybe"),
        ("mode: {", "mood: {"),
        ("at_most", "atmost"),
        ("\"0640\"", "640"),
        ("\"0640\"", "\"640\""),
        ("expect", "expekt"),
        ("expect:", "forbid: { owner: root }, expect:"),
        ("{ mode: { at_most: \"0640\" } }", "{}"),
        ("{ mode: { at_most: \"0640\" } }", "{ owner: { at_most: root } }"),
        ("{ mode: { at_most: \"0640\" } }", "{ kind: flie }"),
        ("{ mode: { at_most: \"0640\" } }", "{ owner: [root, bin] }"),
        ("check: {", "check: { not: { resource: file }, "),
        ("fix: f", "fix: f\noverrides: x"),
        ("fix: f", "fix: f\noverrides: { rule: x }"),
        ("fix: f", "fix: f\noverrides: { rule: x, reason: r, severity: low }"),
        ("fix: f", "fix: f\ntests: [ { passes: {} } ]"),
        ("fix: f", "fix: f\ninputs: { a: { type: strnig, about: a, default: b } }"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let tree = yaml::parse(&text).unwrap();
        assert!(!schema.is_valid(&json_of(&tree)), "the schema accepts {to}");
        let inputs = rule::input::Inputs::new();
        let options = rule::compile::Options { inputs: &inputs, cases: true };
        assert!(
            rule::compile::compile(&Source::new("x.yaml", &text), "x", options).is_err(),
            "the compiler accepts {to}"
        );
    }
}

/// Mistakes that are good YAML and that no schema can see, with the reason.
const BEYOND_A_SCHEMA: &[(&str, &str)] = &[
    (
        "owner: { matches: \"(\" }\ntests",
        "editors read regular expressions of another dialect, if they read them at all",
    ),
    ("{ path: \"${etc}/x\" }\n", "which inputs a rule declares is another part of it"),
    ("{ path: [\"${etc}/x\"] }\n", "which inputs a rule declares is another part of it"),
    ("id: y", "a schema is not told the name of the file"),
    ("{pth}`.", "which fields stand for something in a fix, the resource of the check decides, in prose"),
    ("mode: unknown", "a tag, which is missing, is not part of what an editor's schema sees"),
    ("mode: absent", "a tag, which is missing, is not part of what an editor's schema sees"),
    ("fail: absent", "a tag, which is missing, is not part of what an editor's schema sees"),
    ("unknown: unknown", "a tag, which is missing, is not part of what an editor's schema sees"),
    ("rw, owner", "`!unknown rw`, which is right, is the same text to an editor"),
];

/// What an author gets wrong, the editor says: its YAML parser, or the schema.
#[test]
fn mistakes_are_seen_in_the_editor() {
    let schema = validator(Document::Rule);
    let (mut flagged, mut wrong) = (0, Vec::new());
    for (from, to, _) in MISTAKES {
        let beyond = BEYOND_A_SCHEMA.iter().any(|(mistake, _)| mistake == to);
        let seen = match yaml::parse(&GOOD.replacen(from, to, 1)) {
            Ok(tree) => !schema.is_valid(&json_of(&tree)),
            Err(_) => true,
        };
        flagged += usize::from(seen);
        if seen == beyond {
            wrong.push(format!("{to:?}: {}", if seen { "is seen after all" } else { "is not seen" }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(flagged >= 40, "{flagged} mistakes are seen");
}

/// What the compiler takes, an editor does not complain about, whatever the resource.
#[test]
fn random_rules_fit_the_schema_of_rules() {
    let schema = validator(Document::Rule);
    for seed in 1..=400 {
        let text = random_rules::rule(&mut Dice(seed));
        let found = errors(&schema, &json_of(&yaml::parse(&text).unwrap()));
        assert_eq!(found, Vec::<String>::new(), "{text}");
    }
}

/// What an editor shows where the mouse rests.
#[test]
fn every_key_of_a_rule_is_described() {
    let schema = schema::of(Document::Rule);
    let definitions = schema["definitions"].as_object().unwrap();
    // The branches by `as` and the name of the resource are described where they are chosen.
    let with_keys = definitions.iter().filter(|(name, _)| !name.starts_with("as-")).map(|(_, schema)| schema);
    let mut described = 0;
    for keys in with_keys.chain([&schema]).filter_map(|schema| schema["properties"].as_object()) {
        for (key, schema) in keys.iter().filter(|(key, schema)| *key != "resource" || schema["anyOf"].is_array()) {
            assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}: {schema}");
            described += 1;
        }
    }
    assert!(described > 500);
}

const PROFILE: &str = "\
name: x
title: t
about: a
extends: [docker, host]
rules:
  - \"own-*\"
  - { tag: [pci, lab], severity: { at_least: high }, phase: pre }
  - { id: [own-a, own-b], severity: [low, info], phase: [post, ongoing] }
exclude: own-z
inputs: { public_ports: [\"80\", 443], expiry_window: 14d, strict: true }
overrides:
  - { rule: own-a, severity: low, reason: because }
  - { rule: \"own-*\", inputs: { expiry_window: 7d }, reason: because }
";

#[test]
fn shipped_profiles_fit_the_schema_of_profiles() {
    let schema = validator(Document::Profile);
    for (path, text, _) in FILES.iter().filter(|(path, ..)| path.contains("profiles/")) {
        assert_eq!(errors(&schema, &json_of(&yaml::parse(text).unwrap())), Vec::<String>::new(), "{path}");
    }
    for text in [PROFILE, "name: x\ntitle: t\nabout: a\nextends: docker\n", "name: x\ntitle: t\nabout: a\nrules: x\n"] {
        assert_eq!(errors(&schema, &json_of(&yaml::parse(text).unwrap())), Vec::<String>::new(), "{text}");
        let compiled = rule::profile::compile(&Source::new("x.yaml", text), "x");
        assert!(compiled.is_ok(), "{compiled:?}");
    }
}

#[test]
fn broken_profiles_do_not() {
    let schema = validator(Document::Profile);
    for (from, to) in [
        ("name: x", "name: X y"),
        ("name: x\n", ""),
        ("title: t", "titel: t"),
        ("about: a\n", ""),
        ("extends: [docker, host]", "extend: docker"),
        ("extends: [docker, host]", "extends: []"),
        ("extends: [docker, host]", "extends: { name: docker }"),
        ("\"own-*\"\n", "[own-a]\n"),
        ("\"own-*\"\n", "{}\n"),
        ("tag: [", "tags: ["),
        ("at_least: high", "at_least: hihg"),
        ("at_least: high", "atleast: high"),
        ("{ at_least: high }", "{}"),
        ("phase: pre", "phase: before"),
        ("[post, ongoing]", "[]"),
        ("exclude: own-z", "exclude: []"),
        ("inputs: {", "inputs: [ 1 ]\ninput: {"),
        ("expiry_window: 14d", "expiry_window: { type: duration }"),
        ("public_ports: [\"80\", 443]", "public_ports: []"),
        ("rule: own-a", "rules: own-a"),
        ("severity: low, reason: because", "severity: low"),
        ("severity: low, reason: because", "reason: because"),
        ("severity: low, reason: because", "severity: low, reason: \"\""),
        ("inputs: { expiry_window: 7d }, reason", "inputs: {}, reason"),
        ("  - { rule: own-a, severity: low, reason: because }", "  own-a: low"),
    ] {
        let text = PROFILE.replacen(from, to, 1);
        assert_ne!(text, PROFILE, "{from}");
        if let Ok(tree) = yaml::parse(&text) {
            assert!(!schema.is_valid(&json_of(&tree)), "the schema accepts {to}");
        }
        let compiled = rule::profile::compile(&Source::new("x.yaml", &text), "x");
        assert!(compiled.is_err(), "the compiler accepts {to}");
    }
    let nothing = "name: x\ntitle: t\nabout: a\ninputs: { a: b }\n";
    assert!(!schema.is_valid(&json_of(&yaml::parse(nothing).unwrap())));
    assert!(rule::profile::compile(&Source::new("x.yaml", nothing), "x").is_err());
}

#[test]
fn reports_and_facts_fit_theirs() {
    let (report_schema, facts_schema) = (validator(Document::Report), validator(Document::Facts));
    let mut worlds: Vec<(usize, Facts)> = Vec::new();
    for (i, rule) in rules().iter().enumerate() {
        worlds.extend(rule.cases.iter().map(|case| (i, trial::case_facts(rule, case))));
    }
    worlds.push((0, Facts::default()));
    worlds.push((0, trial::facts(&rules()[0], |_| Listing::failed(Reason::new("a").with_grant("b")))));
    for (i, facts) in &worlds {
        let rule = &rules()[*i];
        let json: Json = serde_json::from_str(&facts.to_json()).unwrap();
        assert_eq!(errors(&facts_schema, &json), Vec::<String>::new(), "{}", rule.id);
        let report =
            Report::assemble(std::slice::from_ref(rule), facts, &Attestations::default(), 0, Gate::default()).to_json();
        let json: Json = serde_json::from_str(&report).unwrap();
        assert_eq!(errors(&report_schema, &json), Vec::<String>::new(), "{}", rule.id);
    }
}

#[test]
fn a_report_with_overrides_fits_its_schema() {
    let said = "overrides: { rule: host-shadow-mode, reason: ours }\n";
    let stated = "rules: own-a\noverrides: [{ rule: own-a, severity: low, inputs: { owner: x }, reason: r }]";
    let with_input = "inputs: { owner: { type: text, about: a, example: b } }\n";
    let folder = Folder::new(&[
        ("pack/own-a.yaml", &pack_rule("own-a", with_input).replace("owner: root", "owner: \"${owner}\"")),
        ("pack/host-shadow-mode.yaml", &pack_rule("host-shadow-mode", said)),
        ("pack/profiles/lab.yaml", &profile("lab", stated)),
    ]);
    let report = folder.report("--rules pack --profile host --profile lab");
    assert_eq!(report.rules["own-a"].overrides.len(), 2);
    let json: Json = serde_json::from_str(&report.to_json()).unwrap();
    assert!(json["rules"]["host-shadow-mode"]["replaces_built_in"].is_object());
    assert_eq!(errors(&validator(Document::Report), &json), Vec::<String>::new());
}

#[test]
fn configurations_fit_the_schema_of_configurations() {
    let schema = validator(Document::Config);
    let accepts = |text: &str| config::parse(&Source::new("harden.toml", text), Path::new(".")).is_ok();
    let as_json = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    for text in [
        "",
        "profiles = [\"default\"]\nrules = [\"rules\"]\nfail_on = \"high\"\nallow_unknown = true\ntimeout = 5",
        "[inputs]\ndays = \"14d\"\nports = [\"80\", \"443\"]\nnumber = 3",
        "[targets]\nroot = \"image\"\ndocker = \"unix:///run/docker.sock\"\npostgres = \"env:DATABASE_URL\"",
        "[targets]\npostgres = [\"env:A\", { name = \"main\", dsn = \"file:dsn\" }]",
        "[targets]\npostgres = { name = \"main\", dsn = \"file:dsn\" }",
        "[targets]\nendpoints = [\"https://a.example\", { name = \"b\", url = \"tls://b.example:853\" }]",
        "[[targets.endpoints]]\nurl = \"https://a.example\"\nconnect = \"127.0.0.1\"\nca = \"ca.pem\"\n\
         server_name = \"b.example\"\norigins = [\"https://c.example\"]\nheaders = { Cookie = \"env:COOKIE\" }",
        "profiles = \"default\"",
    ] {
        assert!(accepts(text), "{text}");
        assert_eq!(errors(&schema, &as_json(text)), Vec::<String>::new(), "{text}");
    }
    for text in [
        "profile = [\"default\"]",
        "fail_on = \"hihg\"",
        "allow_unknown = \"perhaps\"",
        "timeout = 0",
        "timeout = 3601",
        "timeout = -1",
        "profiles = 1.5",
        "[targets]\ndoker = \"x\"",
        "[targets]\npostgres = { name = \"main\" }",
        "[targets]\npostgres = [{ dns = \"x\", dsn = \"y\" }]",
        "[targets]\nendpoints = [{ name = \"main\" }]",
        "[[targets.endpoints]]\nurl = \"https://a.example\"\nheaders = { Cookie = \"session=1\" }",
        "[inputs]\na = { b = 1 }",
        "[inputs]\na = []",
    ] {
        assert!(!schema.is_valid(&as_json(text)), "the schema accepts {text}");
        assert!(text == "profiles = 1.5" || !accepts(text), "the reader accepts {text}");
    }
}

//! What profiles select, set and override, and what a run says of it.

use harden::report::Report;
use harden::rule::{Change, Severity};
use serde_json::Value as Json;

use super::packs::{Folder, flat, profile, rule};

/// A folder with four own rules that differ in what selections look at, and these profiles.
fn folder(profiles: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&[
        ("pack/own-a.yaml", &rule("own-a", "tags: [pci]\n")),
        ("pack/own-b.yaml", &rule("own-b", "tags: [pci, lab]\n").replace("severity: high", "severity: low")),
        ("pack/own-c.yaml", &rule("own-c", "").replace("phase: pre", "phase: post")),
        ("pack/own-d.yaml", &rule("own-d", "").replace("severity: high", "severity: critical")),
        ("pack/profiles/all.yaml", &profile("all", "rules: own-*")),
        ("harden.toml", "rules = [\"pack\"]"),
    ]);
    for (name, more) in profiles {
        folder.write(&format!("pack/profiles/{name}.yaml"), profile(name, more));
    }
    folder
}

/// A rule whose owner is an input.
fn with_input(id: &str, ty: &str, default: &str) -> String {
    let declared = format!("inputs: {{ owner: {{ type: {ty}, about: who owns it, {default} }} }}\n");
    rule(id, &declared).replace("owner: root", "owner: { in: [\"${owner}\", nobody] }")
}

fn severity(report: &Report, id: &str) -> Severity {
    report.rules[id].severity
}

#[test]
fn rules_are_selected_by_id_tag_severity_and_phase() {
    for (selection, expected) in [
        ("rules: own-a", "a"),
        ("rules: [own-a, \"own-{c,d}\"]", "acd"),
        ("rules: { tag: pci }", "ab"),
        ("rules: { tag: [lab, pci], severity: { at_least: medium } }", "a"),
        ("rules: [{ id: \"own-*\", severity: [low, critical] }]", "bd"),
        ("rules: { id: \"own-*\", phase: post }", "c"),
        ("rules: own-*\nexclude: { tag: pci }", "cd"),
        ("rules: own-*\nexclude: [own-d, { id: \"own-*\", severity: high, phase: pre }]", "bc"),
        ("extends: all\nexclude: { tag: lab }", "acd"),
        ("extends: [all]\nexclude: own-*\nrules: { tag: lab }", ""),
    ] {
        let folder = folder(&[("one", selection)]);
        let listed = folder.listed("--profile one");
        let said: String = listed.iter().map(|id| id.trim_start_matches("own-")).collect();
        assert_eq!(said, expected, "{selection}");
    }
}

/// What each built-in profile selects, as its rules and counts were before profiles could extend each other.
#[test]
fn the_built_in_profiles_select_what_they_are_for() {
    let folder = Folder::new(&[]);
    let of = |profile: &str| folder.listed(&format!("--profile {profile}"));
    let with = |prefixes: &[&str]| {
        let all = folder.listed("--rule *").into_iter();
        all.filter(|id| prefixes.iter().any(|prefix| id.starts_with(prefix))).collect::<Vec<_>>()
    };
    let parts = ["docker", "endpoint", "env", "exposure", "host", "http", "nginx", "postgres", "schedule", "tls"];
    let mut union: Vec<_> = parts.into_iter().flat_map(of).collect();
    union.sort();
    assert_eq!(of("default"), union);
    assert_eq!(of("docker-strict"), with(&["docker-"]));
    assert_eq!(of("postgres-strict"), with(&["postgres-"]));
    assert_eq!(of("nginx-strict"), with(&["nginx-"]));
    assert_eq!(of("exposure-strict"), with(&["account-", "firewall-", "kernel-", "listen-", "process-", "system-"]));
    assert_eq!(of("http-strict"), with(&["http-"]));
    assert_eq!(of("ssh-strict"), with(&["ssh-"]));
    assert_eq!(of("schedule"), with(&["schedule-"]));
    assert_eq!(of("git"), with(&["git-ignores", "git-remote-password", "git-secret"]));
    assert_eq!(of("dotenv-file"), with(&["dsn-dotenv-"]));
    assert_eq!(of("tls-endpoint-files"), with(&["tls-declared-"]));
    let without = |prefixes: &[&str], needing: &str| {
        with(prefixes).into_iter().filter(|id| !id.starts_with(needing)).collect::<Vec<_>>()
    };
    assert_eq!(of("host"), [without(&["host-"], "host-secret-files-mode"), of("ssh")].concat());
    assert_eq!(of("env"), without(&["env-", "dsn-"], "dsn-dotenv-"));
    let of_files = without(&["tls-"], "tls-declared-").into_iter().filter(|id| !id.starts_with("tls-endpoint-"));
    assert_eq!(of("tls"), of_files.collect::<Vec<_>>());
    assert_eq!(of("endpoint-strict"), with(&["tls-endpoint-"]));
    let strict =
        ["docker-image-pinned", "docker-daemon-icc", "postgres-pgaudit", "postgres-hba-specific", "http-cors-public"];
    assert!(strict.iter().all(|id| !union.iter().any(|other| other == id)));
}

#[test]
fn an_override_counts_and_is_told() {
    let folder = folder(&[(
        "lab",
        "extends: all\noverrides:\n  - { rule: own-a, severity: info, reason: \"reset every night\" }",
    )]);
    assert_eq!(severity(&folder.report("--profile all"), "own-a"), Severity::High);
    assert_eq!(folder.report("--profile all").rules["own-a"].overrides, []);
    let report = folder.report("--profile lab");
    let changed = Change {
        field: "severity".to_owned(),
        from: Some("high".to_owned()),
        to: "info".to_owned(),
        profile: "lab".to_owned(),
        reason: "reset every night".to_owned(),
    };
    assert_eq!(report.rules["own-a"].overrides, [changed]);
    let findings: Vec<_> = report.findings.iter().filter(|entry| entry.rule == "own-a").collect();
    assert!(findings.iter().all(|entry| entry.severity == Severity::Info) && !findings.is_empty());
    // The gate goes by the severity that counts.
    for (profile, code) in [("all", 1), ("lab", 0)] {
        assert_eq!(folder.harden(&format!("check --root root --rule own-a --profile {profile}")).code, code);
    }
    let shown = folder.harden("check --root root --profile lab --rule own-a").out;
    assert!(shown.contains("(severity info instead of high, by the profile lab: reset every night)"), "{shown}");
    let shown = folder.harden("rules show own-a").out;
    assert!(shown.contains("own-a  high, pre"), "without a profile nobody overrides: {shown}");
}

#[test]
fn the_most_derived_profile_wins() {
    let low = "overrides: [{ rule: own-*, severity: low, reason: r }]";
    let folder = folder(&[
        ("base", &format!("rules: own-*\n{low}")),
        ("left", "extends: base"),
        ("right", "extends: base\noverrides: [{ rule: own-a, severity: medium, reason: r }]"),
        ("both", "extends: [left, right]"),
        ("top", "extends: both\noverrides: [{ rule: own-c, severity: info, reason: r }]"),
    ]);
    for (profiles, expected) in [
        ("--profile base", [Severity::Low, Severity::Low, Severity::Low]),
        ("--profile both", [Severity::Medium, Severity::Low, Severity::Low]),
        ("--profile top", [Severity::Medium, Severity::Low, Severity::Info]),
        ("--profile base --profile right", [Severity::Medium, Severity::Low, Severity::Low]),
        ("--profile top --profile base", [Severity::Medium, Severity::Low, Severity::Info]),
        ("--profile all --profile base", [Severity::Low, Severity::Low, Severity::Low]),
    ] {
        let report = folder.report(profiles);
        assert_eq!(["own-a", "own-b", "own-c"].map(|id| severity(&report, id)), expected, "{profiles}");
    }
}

#[test]
fn profiles_that_disagree_are_an_error_that_names_both() {
    let folder = folder(&[
        ("one", "rules: own-*\noverrides:\n  - { rule: own-a, severity: low, reason: r }"),
        ("two", "rules: own-*\noverrides:\n  - { rule: \"own-*\", severity: medium, reason: r }"),
        ("three", "rules: own-b\noverrides:\n  - { rule: \"own-*\", severity: info, reason: r }"),
    ]);
    let ran = folder.harden("rules list --profile one --profile two");
    assert_eq!(ran.code, 2);
    for part in [
        "the profiles `one` and `two` disagree about the severity of own-a: `low` here, `medium` at",
        "two.yaml:6",
        "pack/profiles/one.yaml:6",
        "a profile that extends both",
    ] {
        assert!(flat(&ran.err).contains(part), "{part} is not in\n{}", ran.err);
    }
    // A profile speaks of the rules that it selects.
    assert_eq!(folder.harden("rules list --profile one --profile three").code, 0);
    // Whoever extends both may settle it, and is told when they don't.
    folder.write("pack/profiles/four.yaml", profile("four", "extends: [one, two]"));
    assert!(folder.harden("rules list --profile all").err.contains("`one` and `two` disagree"));
    let settled = "extends: [one, two]\noverrides: [{ rule: own-a, severity: high, reason: r }]";
    folder.write("pack/profiles/four.yaml", profile("four", settled));
    let report = folder.report("--profile four");
    assert_eq!((severity(&report, "own-a"), severity(&report, "own-b")), (Severity::High, Severity::Medium));
    assert_eq!(report.rules["own-a"].overrides, [], "it is what the rule says");
}

#[test]
fn overrides_without_effect_are_told_and_fail_nothing() {
    let folder = folder(&[
        ("base", "rules: own-*\noverrides: [{ rule: own-c, severity: low, reason: r }]"),
        (
            "lab",
            "extends: base\nexclude: own-d\noverrides:\n  - { rule: own-a, severity: high, reason: r }\n  \
             - { rule: own-d, severity: low, reason: r }\n  - { rule: own-c, severity: low, reason: r }\n  \
             - { rule: own-b, severity: high, reason: r }\n  - { rule: host-*, severity: low, reason: r }",
        ),
    ]);
    std::fs::create_dir(folder.path("root")).unwrap();
    let ran = folder.harden("check --root root --profile lab");
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(
        lines,
        [
            "warning: pack/profiles/lab.yaml:7: the override of `own-a` changes nothing: the severity is `high` without it",
            "warning: pack/profiles/lab.yaml:8: the override of `own-d` has no effect: it is about no rule that is judged",
            "warning: pack/profiles/lab.yaml:9: the override of `own-c` changes nothing: the severity is `low` without it",
            "warning: pack/profiles/lab.yaml:11: the override of `host-*` has no effect: it is about no rule that is judged",
        ]
    );
    assert_eq!(ran.code, 1, "the missing files fail, the warnings nothing");
    // Which rules are asked for on the command line makes no override idle.
    assert_eq!(folder.harden("check --root root --profile base --rule own-a").err, "");
    assert_eq!(folder.harden("check --root root --profile base --profile all").err, "");
}

#[test]
fn inputs_come_from_the_nearest_giver() {
    let files = [
        ("pack/own-e.yaml", with_input("own-e", "text", "default: nobody")),
        ("pack/own-f.yaml", with_input("own-f", "text", "default: nobody")),
        ("pack/profiles/base.yaml", profile("base", "rules: own-*\ninputs: { owner: base }")),
        ("pack/profiles/top.yaml", profile("top", "extends: base\ninputs: { owner: top }")),
        (
            "pack/profiles/one.yaml",
            profile("one", "extends: base\noverrides: [{ rule: own-e, inputs: { owner: one }, reason: r }]"),
        ),
        ("plain/own-e.yaml", with_input("own-e", "text", "default: nobody")),
    ];
    let folder = Folder::new(&[]);
    for (name, text) in &files {
        folder.write(name, text);
    }
    // The owner of own-e and of own-f, as their expectation words it.
    let owners = |line: &str, variables: &[(&str, &str)]| {
        let ran = folder.harden_with(&format!("profiles show {line} --rules pack --format json"), variables);
        let shown: Json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        let inputs = shown["inputs"].as_array().unwrap();
        let values = inputs.iter().flat_map(|input| {
            let text = format!("{} {}", input["value"].as_str().unwrap(), input["from"].as_str().unwrap());
            input["rules"].as_array().unwrap().iter().map(move |rule| (rule.as_str().unwrap().to_owned(), text.clone()))
        });
        let mut values: Vec<_> = values.collect();
        values.sort();
        values.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
    };
    let variable = [("HARDEN_INPUT_OWNER", "environment")];
    assert_eq!(owners("base", &[]), "base the profile base, base the profile base");
    assert_eq!(owners("top", &[]), "top the profile top, top the profile top");
    assert_eq!(owners("one", &[]), "one the profile one, base the profile base");
    folder.write("harden.toml", "[inputs]\nowner = \"file\"\n");
    assert_eq!(owners("one", &[]), "file harden.toml:2, file harden.toml:2");
    let from = "environment HARDEN_INPUT_OWNER";
    assert_eq!(owners("one", &variable), format!("{from}, {from}"));
    assert_eq!(owners("top --input owner=argument", &variable), "argument --input, argument --input");
    folder.write("harden.toml", "");
    let shown = folder.harden("rules list --rules plain --profile default");
    assert_eq!(shown.code, 0, "{}", shown.err);
    // What counts is what is judged, and an override is told where it counts.
    let entry = |report: &Report, id: &str| report.rules[id].overrides.iter().map(Change::show).collect::<String>();
    let report = folder.report("--rules pack --profile one");
    assert_eq!(entry(&report, "own-e"), "input owner one instead of nobody, by the profile one: r");
    assert_eq!(entry(&report, "own-f"), "", "a profile's own inputs are no overrides");
    assert_eq!(entry(&folder.report("--rules pack --profile one --input owner=x"), "own-e"), "");
}

#[test]
fn a_value_that_does_not_fit_says_who_gave_it() {
    let folder = Folder::new(&[
        ("pack/own-e.yaml", &with_input("own-e", "text", "default: nobody").replace("type: text", "type: integer")),
        ("pack/profiles/base.yaml", &profile("base", "rules: own-*")),
    ]);
    folder.write("pack/own-e.yaml", with_input("own-e", "integer", "default: 3"));
    let line = "rules list --rules pack --profile base";
    let refused = |line: &str, variables: &[(&str, &str)], parts: &[&str]| {
        let ran = folder.harden_with(line, variables);
        assert_eq!(ran.code, 2, "{line}: {}", ran.out);
        for part in parts.iter().chain(&["the input `owner` takes a whole number, found `many`", "who owns it"]) {
            assert!(ran.err.contains(part), "{line}: {part} is not in\n{}", ran.err);
        }
        assert!(ran.err.contains("1 problem in"), "{}", ran.err);
    };
    refused(&format!("{line} --input owner=many"), &[], &["[--input:1:7]"]);
    refused(line, &[("HARDEN_INPUT_OWNER", "many")], &["HARDEN_INPUT_OWNER=many", "[the environment:1:20]"]);
    folder.write("harden.toml", "[inputs]\nowner = \"many\"\n");
    refused(line, &[], &["[harden.toml:2:9]"]);
    folder.write("harden.toml", "");
    folder.write("pack/profiles/base.yaml", profile("base", "rules: own-*\ninputs: { owner: many }"));
    refused(line, &[], &["[pack/profiles/base.yaml:5:18]"]);
    // Whether the profile is chosen or not.
    refused("rules list --rules pack --profile host", &[], &["[pack/profiles/base.yaml:5:18]"]);
    let stated = "rules: own-*\noverrides: [{ rule: own-e, inputs: { owner: many }, reason: r }]";
    folder.write("pack/profiles/base.yaml", profile("base", stated));
    refused("rules list --rules pack --profile host", &[], &["[pack/profiles/base.yaml:5:"]);
}

#[test]
fn variables_that_no_input_has_are_refused() {
    let folder = Folder::new(&[("pack/own-e.yaml", &with_input("own-e", "text", "default: nobody"))]);
    for (name, part) in [
        ("HARDEN_INPUT_OWNR", "did you mean `HARDEN_INPUT_OWNER`?"),
        ("HARDEN_INPUT_owner", "did you mean `HARDEN_INPUT_OWNER`?"),
        ("HARDEN_INPUT_QUITE_ANOTHER_THING", "unset this one"),
        ("HARDEN_INPUT_", "no rule has an input for `HARDEN_INPUT_`"),
    ] {
        let ran = folder.harden_with("rules list --rules pack", &[(name, "x")]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.out);
        assert!(ran.err.contains(part), "{name}: {part} is not in\n{}", ran.err);
    }
    // Others that begin with the program's name are none of its business.
    assert_eq!(folder.harden_with("rules list --rules pack", &[("HARDEN_COLOUR", "x")]).code, 0);
    let dashed = with_input("own-g", "text", "default: x")
        .replace("owner: {", "file-owner: {")
        .replace("${owner}", "${file-owner}");
    folder.write("pack/own-g.yaml", dashed.replace("expect: { file-owner:", "expect: { owner:"));
    let set = [("HARDEN_INPUT_FILE_OWNER", "alice")];
    let shown = folder.harden_with("check --root / --rule own-g --rules pack --verbose", &set);
    assert!(shown.err.is_empty() && shown.code == 1, "{}", shown.err);
}

#[test]
fn a_rule_without_its_input_is_unknown_and_says_how_to_set_it() {
    let folder = Folder::new(&[("pack/own-e.yaml", &with_input("own-e", "text", "example: root"))]);
    let report = folder.report("--rules pack --rule own-e");
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!(
        finding.reason.as_deref(),
        Some(
            "the input `owner` (who owns it) is not set; set it by --input owner=VALUE, HARDEN_INPUT_OWNER=VALUE, or owner \
             under [inputs] in harden.toml"
        )
    );
    let line = "check --root root --rules pack --rule own-e";
    assert_eq!(folder.harden(line).code, 3);
    assert_eq!(folder.harden(&format!("{line} --input owner=root")).code, 1, "it is judged, and the file is missing");
    assert_eq!(folder.harden_with(line, &[("HARDEN_INPUT_OWNER", "root")]).code, 1);
    folder.write("harden.toml", "[inputs]\nowner = \"root\"\n");
    assert_eq!(folder.harden(line).code, 1);
    folder.write("harden.toml", "");
    let report = folder.report("--profile tls-endpoint-files");
    let both: Vec<_> = report.findings.iter().filter(|one| one.rule == "tls-declared-key-matches").collect();
    assert_eq!(both.len(), 2, "each input that is missing is named: {both:?}");
}

#[test]
fn profiles_are_listed_and_shown() {
    let folder = folder(&[(
        "lab",
        "extends: [all, tls-endpoint-files]\nrules: { tag: pci }\nexclude: own-d\ninputs: { tls_host: db }\noverrides:\n  \
         - { rule: own-a, severity: info, reason: reset every night }\n  \
         - { rule: tls-declared-key-mode, inputs: { key_groups: [root] }, reason: one group }",
    )]);
    let listed = folder.harden("profiles list").out;
    assert!(listed.contains("lab") && listed.contains("(pack/profiles/lab.yaml)"), "{listed}");
    assert!(flat(&listed).contains("docker-strict 78 rules A Docker daemon"), "{listed}");
    let listed: Vec<Json> = serde_json::from_str(&folder.harden("profiles list --format json").out).unwrap();
    let lab = listed.iter().find(|one| one["name"] == "lab").unwrap();
    assert_eq!((&lab["rules"], &lab["built_in"]), (&Json::from(11), &Json::from(false)));
    let shown = folder.harden("profiles show lab --input tls_cert=server.pem");
    assert_eq!((shown.code, shown.err.as_str()), (0, ""));
    for part in [
        "extends   all, tls-endpoint-files",
        "selects   tag pci",
        "without   own-d",
        "file      pack/profiles/lab.yaml",
        "Rules: 11 (3 critical, 6 high, 1 low, 1 info; 8 pre, 1 post, 2 ongoing)",
        "tls_host: db (the profile lab)",
        "tls_cert: server.pem (--input)",
        "tls_key: must be set",
        "HARDEN_INPUT_TLS_KEY",
        "key_groups: root (the profile lab)",
        "own-a: severity info (lab)",
        "reset every night",
        "own-a                        info      pre      own-a is root's",
    ] {
        assert!(shown.out.contains(part), "{part} is not in\n{}", shown.out);
    }
    let shown: Json = serde_json::from_str(&folder.harden("profiles show lab --format json").out).unwrap();
    assert_eq!(shown["rules"].as_array().unwrap().len(), 11);
    assert_eq!(shown["rules"][0]["overrides"][0]["from"], "high");
    assert_eq!(shown["overrides"][1]["inputs"]["key_groups"][0], "root");
    assert_eq!(shown["severities"]["critical"], 3);
    let must = shown["inputs"].as_array().unwrap().iter().find(|input| input["name"] == "tls_key").unwrap();
    assert_eq!((&must["value"], &must["from"]), (&Json::Null, &Json::from("must be set")));
    let ran = folder.harden("profiles show lba");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean `lab`?"), "{}", ran.err);
}

//! Mistakes that authors of rules, profiles and configurations make, and what they are told: the place, what is wrong,
//! and what to write instead.

use harden::diagnostic::{Diagnostics, Source};
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;

use super::packs::{Folder, flat, rule};

pub(crate) const GOOD: &str = "\
id: x
title: The file is private
severity: high
phase: pre
why: Because.
fix: Run `chmod 0600 {path}`.
refs: { cwe: \"732\" }
check:
  resource: file
  with: { path: /etc/x }
  absent: fail
  where: { kind: file }
  expect:
    mode: { at_most: \"0640\" }
    owner: root
tests:
  - pass: { path: /etc/x, kind: file, mode: \"0600\", owner: root }
";

/// What is replaced in [`GOOD`], by what, and parts of what is said to it.
pub(crate) const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("  with:", "   with:", &["x.yaml:10", "indent"]),
    ("  with:", "\twith:", &["x.yaml:10", "a tab is not indentation"]),
    ("\"0640\" }", "640 }", &["x.yaml:14", "did you mean \"0640\"?"]),
    ("\"0640\" }", "0640 }", &["did you mean \"0640\"?"]),
    ("\"0640\" }", "01777 }", &["did you mean \"01777\"?"]),
    ("\"0640\" }", "rw-r----- }", &["for example \"0640\""]),
    ("\"0640\" }", "\"640\" }", &["expected an octal mode with its leading zero", "found `640`"]),
    ("{ at_most: \"0640\" }", "600", &["did you mean \"0600\"?"]),
    ("owner: root\ntests", "onwer: root\ntests", &["did you mean `owner`?"]),
    ("owner: root\ntests", "colour: red\ntests", &["file has no field `colour`", "there are: "]),
    (
        "owner: root\ntests",
        "owner: { at_most: root }\ntests",
        &["does not fit a text", "use `equals`, `in` or `matches`"],
    ),
    ("owner: root\ntests", "owner: [root, bin]\ntests", &["not a list", "{ in: [ … ] }"]),
    ("owner: root\ntests", "owner: { euqals: root }\ntests", &["did you mean `equals`?"]),
    ("owner: root\ntests", "owner: { in: root }\ntests", &["expected a list of values, found `root`"]),
    ("owner: root\ntests", "owner: { matches: \"(\" }\ntests", &["not a regular expression: unclosed group"]),
    ("owner: root\ntests", "owner: *\ntests", &["put quotes around a value that starts with `*`"]),
    ("owner: root\ntests", "owner:\ntests", &["expected", "found nothing"]),
    ("owner: root\ntests", "owner: !absent\ntests", &["{ exists: false }"]),
    ("owner: root\ntests", "owner: { exists: yes }\ntests", &["`yes` is no truth value; there are: true, false"]),
    ("owner: root\ntests", "ancestors_writable_by: root\ntests", &["{ has: root }"]),
    ("owner: root\ntests", "ancestors_writable_by: { count: none }\ntests", &["expected a whole number, found `none`"]),
    ("owner: root\ntests", "size: { at_most: 1MB }\ntests", &["a size such as 512MiB", "found `1MB`"]),
    ("kind: file }\n  expect", "kind: flie }\n  expect", &["expected one of file, directory", "did you mean `file`?"]),
    ("kind: file }\n  expect", "kind: { at_least: file } }\n  expect", &["its words have no order"]),
    (
        "{ path: /etc/x }\n",
        "{ path: /etc/x, mode: \"0640\" }\n",
        &["`mode` is a field of file, not a parameter", "under `expect:`"],
    ),
    ("{ path: /etc/x }\n", "{ pth: /etc/x }\n", &["did you mean `path`?", "needs the parameter `path`"]),
    ("{ path: /etc/x }\n", "/etc/x\n", &["expected the keys of `with`", "found `/etc/x`", "path"]),
    ("{ path: /etc/x }\n", "{ path: [\"${etc}/x\"] }\n", &["`${etc}` refers to no input", "declare it"]),
    ("{ path: /etc/x }\n", "{ path: \"${etc}/x\" }\n", &["`${etc}` refers to no input", "declare it"]),
    ("  absent: fail\n", "", &["does not say what a missing file means", "add `absent: fail`"]),
    ("absent: fail", "absent: failed", &["did you mean `fail`?"]),
    ("resource: file", "resource: files", &["did you mean `file`?"]),
    ("  resource: file\n", "", &["names the resource", "add `resource: file`"]),
    ("  expect:\n", "  expects:\n", &["did you mean `expect`?"]),
    ("severity: high", "severity: hihg", &["did you mean `high`?"]),
    ("severity: high\n", "", &["`severity:` is missing"]),
    ("phase: pre", "phase: before", &["there are: pre, post, ongoing"]),
    ("id: x", "id: y", &["name the file `y.yaml`, or the rule `x`"]),
    ("title: The file is private", "title: The file: private", &["put quotes around a value that has `: ` in it"]),
    ("{path}`.", "{pth}`.", &["`{pth}` is no field", "did you mean `path`?"]),
    ("{ cwe: \"732\" }", "CWE-732", &["at least one standard", "found `CWE-732`"]),
    ("owner: root }\n", "owner: root, mdoe: 1 }\n", &["x.yaml:17", "did you mean `mode`?"]),
    ("- pass:", "- passes:", &["`passes` is no outcome", "did you mean `pass`?"]),
    ("\"0600\", owner", "rw, owner", &["found `rw`", "`!invalid TEXT`"]),
    (
        "{ kind: file }\n  expect",
        "{ kind: file\n  expect",
        &["x.yaml:12:10", "not YAML", "what begins here is not closed"],
    ),
    ("title: The", "title: \"The", &["not YAML"]),
    ("  absent: fail\n", "  absent: fail\n  absent: pass\n", &["x.yaml:12", "the key `absent` is here twice"]),
    ("  absent: fail\n", "  absent: fail\n  at_least: -1\n", &["expected a whole number, found `-1`"]),
    ("why: Because.", "why:", &["x.yaml:5", "expected text, found nothing"]),
    // Quotes.
    ("\"0640\" }\n", "${max} }\n", &["not YAML", "put quotes around a value that has `${` in it"]),
    ("Run `chmod 0600 {path}`.", "`chmod 0600 {path}`", &["put quotes around a value that starts with a backtick"]),
    ("Run `chmod 0600 {path}`.", "{path} should be closed", &["put quotes around a value that starts with `{`"]),
    ("Run `chmod 0600 {path}`.", "{path}", &["expected text", "put quotes around a value that starts with `{`"]),
    ("Run `chmod 0600 {path}`.", "\"Run\" it", &["put quotes around the whole value"]),
    // What belongs elsewhere.
    ("check:", "where: { kind: file }\ncheck:", &["a rule has no key `where`", "`where:` belongs under `check:`"]),
    ("  absent", "  severity: low\n  absent", &["`severity:` belongs at the top of the rule"]),
    ("  absent", "  pick: path\n  absent", &["`pick:` belongs under `each:`"]),
    ("    owner: root\ntests", "    at_least: 2\ntests", &["`at_least:` belongs in the check, beside `expect:`"]),
    ("{ path: /etc/x }\n", "{ path: /etc/x, absent: fail }\n", &["`absent:` belongs in the check, beside `with:`"]),
    // Matchers.
    (
        "{ at_most: \"0640\" }",
        "{ less_than: \"0640\" }",
        &["those that fit a mode are: equals, in, at_least, at_most, exists"],
    ),
    ("owner: root\ntests", "owner: { not_matches: a }\ntests", &["write `not: { matches: … }`"]),
    ("owner: root\ntests", "owner: { not_in: [a] }\ntests", &["write `not: { in: … }`"]),
    (
        "owner: root\ntests",
        "modified: { at_least: 21 }\ntests",
        &["found `21`", "`21d` lies ahead, `now-21d` has passed"],
    ),
    ("owner: root\ntests", "modified: { at_least: 3 weeks }\ntests", &["found `3 weeks`", "`3w` lies ahead"]),
    ("owner: root\ntests", "modified: { at_least: +21d }\ntests", &["found `+21d`", "`21d` lies ahead"]),
    (
        "  expect:\n    mode: { at_most: \"0640\" }\n    owner: root\n",
        "  any_of: []\n",
        &["expected a list of checks, found an empty list"],
    ),
    // Cases.
    ("mode: \"0600\"", "mode: unknown", &["found `unknown`", "did you mean `!unknown why`?"]),
    ("mode: \"0600\"", "mode: absent", &["found `absent`", "did you mean `!absent`?"]),
    ("pass: { path: /etc/x, kind: file, mode: \"0600\", owner: root }", "fail: absent", &["did you mean `!absent`?"]),
    (
        "pass: { path: /etc/x, kind: file, mode: \"0600\", owner: root }",
        "unknown: unknown",
        &["did you mean `!unknown why`?"],
    ),
    ("- pass:", "- pass:\n      files path=/etc/x:", &["`files` is no resource of this rule", "did you mean `file`?"]),
    // Inputs; one mistake is told once.
    (
        "check:",
        "inputs: { owners: { type: list, about: a } }\ncheck:",
        &["neither a default nor an example", "never used"],
    ),
];

const CHECK: &str = "\
check:
  resource: file
  with: { path: /etc/x }
  absent: fail
  where: { kind: file }
  expect:
    mode: { at_most: \"0640\" }
    owner: root
tests:
  - pass: { path: /etc/x, kind: file, mode: \"0600\", owner: root }
";

/// Other checks in place of the one of [`GOOD`], and all that is said to each: how many problems, and parts of them.
const CHECKS: &[(&str, &str, usize, &[&str])] = &[
    (
        "",
        "  resource: env\n  with: { of: container, name: STAGE }\n  absent: fail\n  expect: { value: production }\n",
        1,
        &["does not fit a secret", "to read it as another type, write `as: text` or such under `with:`"],
    ),
    (
        "",
        "  resource: container\n  expect: { labels: { env: production } }\n",
        1,
        &["`env` is no matcher", "write `key: { env: … }`"],
    ),
    (
        "",
        "  all_of:\n    - { resource: file, with: { path: /a }, absent: fail, expect: { owner: root } }\n    - { resource: file, with: { path: /b }, absent: fail, expect: { owner: root } }\ntests:\n  - fail: !absent x\n  - pass: { owner: root }\n",
        2,
        &[
            "which is more than one thing: `file path=/b: !absent`",
            "`owner` is a field",
            "say of which: `file path=/b: { … }`",
        ],
    ),
    (
        "",
        "  each: { resource: file, with: { path: /a }, pick: link_target, as: key }\n  resource: file\n  with: { path: \"${keys}\" }\n  absent: fail\n  expect: { owner: root }\n",
        1,
        &["`${keys}` refers to no input", "did you mean `key`?"],
    ),
    (
        "inputs: { max: { type: mode, about: a } }\n",
        "  resource: file\n  with: { path: /a }\n  absent: fail\n  expect: { mode: { at_most: \"${max}\" } }\n",
        1,
        &["neither a default nor an example"],
    ),
    (
        "inputs: { who: { type: string, about: a, default: root } }\n",
        "  resource: file\n  with: { path: /a }\n  absent: fail\n  expect: { owner: \"${who}\" }\n",
        1,
        &["`string` is no type of an input", "did you mean `text`?"],
    ),
    (
        "inputs: { age: { type: duration, about: a, default: 30 days } }\n",
        "  resource: file\n  with: { path: /a }\n  absent: fail\n  expect: { modified: { at_least: \"now-${age}\" } }\n",
        1,
        &["found `30 days`", "did you mean `30d`?"],
    ),
];

#[test]
fn what_is_wrong_with_a_check_is_told_once() {
    for (inputs, check, count, parts) in CHECKS {
        let text = GOOD.replace("{path}", "{subject}").replace(CHECK, &format!("{inputs}check:\n{check}"));
        let source = Source::new("x.yaml", &text);
        let problems = compile(&source, "x", Options { inputs: &Inputs::new(), cases: true }).unwrap_err();
        let shown = flat(&said(&text));
        assert_eq!(problems.len(), *count, "{text}\n{shown}");
        for part in *parts {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
    }
}

#[test]
fn names_and_paths_on_the_command_line_say_what_is_meant() {
    let folder = site();
    for (line, part) in [
        ("rules show own-fiel", "did you mean `own-file`?"),
        ("rules test own-file", "a rule of one is chosen by `--rule ID`"),
        ("rules show acme-x", "those of a directory are, with `--rules DIR`"),
    ] {
        let ran = folder.harden(line);
        assert!(ran.code == 2 && flat(&ran.err).contains(part), "{line}: {part} is not in\n{}", ran.err);
    }
    let dead = LAB.replace("severity: low", "severity: medium");
    folder.write("pack/profiles/lab.yaml", dead);
    let ran = folder.harden("rules check pack");
    let part = "changes nothing: the severity is `medium` without it";
    assert!(ran.code == 2 && flat(&ran.err).contains(part), "{part} is not in\n{}", ran.err);
}

fn said(text: &str) -> String {
    let source = Source::new("x.yaml", text);
    let found = compile(&source, "x", Options { inputs: &Inputs::new(), cases: true }).err();
    let mut diagnostics = Diagnostics::default();
    diagnostics.add(&source, found.unwrap_or_default());
    if diagnostics.is_empty() { String::new() } else { diagnostics.render(false, 100) }
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    assert_eq!(said(GOOD), "");
    let (mut all, mut missing) = (String::new(), String::new());
    for (from, to, parts) in MISTAKES {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let shown = said(&text);
        for part in *parts {
            if !shown.contains(part) {
                missing.push_str(&format!("{to:?}: {part} is not in\n{shown}"));
            }
        }
        all.push_str(&format!("=== {to:?}\n{shown}"));
    }
    if let Some(path) = std::env::var_os("HARDEN_SHOW_MISTAKES") {
        std::fs::write(path, all).unwrap();
    }
    assert!(missing.is_empty(), "{missing}");
}

const LAB: &str = "\
name: lab
title: The lab
about: What holds in the lab.
extends: [docker, host]
rules:
  - \"own-*\"
  - { tag: pci, severity: { at_least: high }, phase: pre }
exclude: docker-image-age
inputs:
  public_ports: [80, 443]
overrides:
  - { rule: docker-container-root, severity: low, reason: Reset every night. }
  - { rule: own-days, inputs: { days: 14d }, reason: Renewed weekly. }
";

const CONFIG: &str = "\
profiles = [\"lab\"]
rules = [\"pack\"]
fail_on = \"medium\"

[inputs]
days = \"14d\"
";

const DAYS: &str = "inputs: { days: { type: duration, about: how old it may be, default: 30d } }\ntags: [pci]\n";

/// A directory with a profile, rules, shared inputs and a configuration in which nothing is wrong.
fn site() -> Folder {
    let folder = Folder::new(&[("pack/profiles/lab.yaml", LAB), ("harden.toml", CONFIG)]);
    let days = rule("own-days", DAYS).replace("owner: root", "modified: { at_least: \"now-${days}\" }");
    folder.write("pack/own-days.yaml", days);
    folder.write("pack/own-file.yaml", rule("own-file", "").replace("owner: root", "group: { in: \"${groups}\" }"));
    folder.write("pack/inputs.yaml", "inputs:\n  groups: { type: list, about: who may read it, default: [root] }\n");
    folder
}

#[test]
fn mistakes_in_profiles_packs_and_configurations_are_told_too() {
    let good = site();
    let ran = good.harden("rules list");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let profile = "pack/profiles/lab.yaml";
    let (days, file, inputs, config) = ("pack/own-days.yaml", "pack/own-file.yaml", "pack/inputs.yaml", "harden.toml");
    let (mut all, mut missing) = (String::new(), String::new());
    for (path, from, to, parts) in [
        // Profiles.
        (profile, "title: The", "titel: The", &["lab.yaml:2:1", "did you mean `title`?", "`title:` is missing"][..]),
        (profile, "name: lab", "name: labor", &["is not the file's name, `lab`", "name the file `labor.yaml`"]),
        (profile, "  - { tag", "\t- { tag", &["lab.yaml:7", "a tab is not indentation"]),
        (
            profile,
            "extends: [docker, host]",
            "extends: [dokcer, host]",
            &["lab.yaml:4:11", "no profile `dokcer` to extend", "did you mean `docker`?"],
        ),
        (
            profile,
            "extends: [docker, host]",
            "extends: [docker, lab]",
            &["lab.yaml:4:19", "`lab` extends itself: lab → lab"],
        ),
        (profile, "extends: [docker, host]", "extends: [docker, docker]", &["`docker` is extended twice"]),
        (
            profile,
            "extends: [docker, host]\nrules:\n  - \"own-*\"\n  - { tag: pci, severity: { at_least: high }, phase: pre }\n",
            "",
            &["this profile selects no rule", "add `rules:`"],
        ),
        (profile, "\"own-*\"", "*", &["put quotes around a value that starts with `*`"]),
        (profile, "\"own-*\"", "own-[", &["not a glob over rule ids: `[` is never closed"]),
        (profile, "\"own-*\"", "onw-*", &["lab.yaml:6:5", "no rule matches `onw-*`"]),
        (profile, "tag: pci", "tags: pci", &["a selection of rules has no key `tags`", "did you mean `tag`?"]),
        (days, "tags: [pci]", "tags: []", &["no rule has the tag `pci`", "there are: "]),
        (
            profile,
            "exclude: docker-image-age",
            "exclude: [docker-image-age, own-file]",
            &["selects the rule `own-file`", "`exclude:` of lab leaves it out"],
        ),
        (profile, "tag: pci", "tag: pic", &["no rule has the tag `pic`", "did you mean `pci`?"]),
        (profile, "at_least: high", "at_least: hihg", &["`hihg` is no severity", "did you mean `high`?"]),
        (
            profile,
            "severity: { at_least: high }",
            "severity: \">= high\"",
            &["`>= high` is no severity", "write bounds as `{ at_least: high }`"],
        ),
        (profile, "phase: pre", "phase: before", &["`before` is no phase; there are: pre, post, ongoing"]),
        (
            profile,
            "phase: pre",
            "phase: post",
            &["no rule is all of this: tag pci, severity high or critical, phase post"],
        ),
        (
            profile,
            "exclude: docker-image-age",
            "exclude: docker-image-gae",
            &["lab.yaml:8:10", "did you mean `docker-image-age`?"],
        ),
        (
            profile,
            "public_ports",
            "public_port",
            &["no rule has an input `public_port`", "did you mean `public_ports`?"],
        ),
        (profile, "[80, 443]", "{ type: list }", &["found a map of keys", "declared in rules"]),
        (
            profile,
            ", reason: Reset every night.",
            "",
            &["lab.yaml:12:5", "this override does not say why", "write `reason: …`"],
        ),
        (
            profile,
            "Reset every night.",
            "\"\"",
            &["lab.yaml:12:59", "this override does not say why", "write `reason: …`"],
        ),
        (profile, "severity: low", "severity: lwo", &["did you mean `low`?"]),
        (profile, "severity: low, ", "", &["this override changes nothing", "add `severity: low`"]),
        (
            profile,
            "rule: docker-container-root",
            "rules: docker-container-root",
            &["an override has no key `rules`", "did you mean `rule`?"],
        ),
        (
            profile,
            "docker-container-root",
            "docker-container-toor",
            &["no rule matches `docker-container-toor`", "did you mean `docker-container-root`?"],
        ),
        (
            profile,
            "  - { rule: docker-container-root, severity: low, reason: Reset every night. }",
            "  docker-container-root: low",
            &["not YAML", "items of a list, `- …`, and keys cannot stand beside each other"],
        ),
        (
            profile,
            "days: 14d",
            "day: 14d",
            &["lab.yaml:13:33", "no rule that `own-days` matches has an input `day`", "did you mean `days`?"],
        ),
        (
            profile,
            "days: 14d",
            "days: 14 days",
            &["the input `days` takes a duration such as 30d or 26h, found `14 days`", "how old it may be"],
        ),
        (profile, "days: 14d", "days: [14d, 7d]", &["takes a single duration, found the list 14d, 7d"]),
        (
            profile,
            "  - { rule: own-days, inputs",
            "  - { rule: docker-container-*, severity: info, reason: x }\n  - { rule: own-days, inputs",
            &[
                "two overrides of `lab` disagree about the severity of docker-container-root",
                "`low` here, `info` at",
                "narrow one",
            ],
        ),
        // Rules, beside others.
        (days, "id: own-days", "id: own-day", &["is not the file's name, `own-days`"]),
        (
            days,
            "why: w",
            "why: w\noverrides: { rule: own-days, reason: x }",
            &["there is no built-in rule `own-days`", "needs no `overrides:`"],
        ),
        (
            days,
            "why: w",
            "why: w\noverrides: { rule: host-shadow-mode, reason: x }",
            &["a rule that overrides `host-shadow-mode` has its id", "name the rule and its file `host-shadow-mode`"],
        ),
        (days, "why: w", "why: w\noverrides: { rule: own-days }", &["this override does not say why"]),
        (
            days,
            "why: w",
            "why: w\noverrides: host-shadow-mode",
            &["expected `{ rule: own-days, reason: … }`, found `host-shadow-mode`"],
        ),
        (
            file,
            "why: w",
            "why: w\ninputs: { groups: { type: list, about: b, default: [a] } }",
            &["the input `groups` is declared in pack/inputs.yaml:2 already", "remove it here"],
        ),
        (
            days,
            "inputs: { days: {",
            "inputs: { expiry-window: { type: duration, about: a, default: 1d }, days: {",
            &["never used"],
        ),
        (days, "${days}", "${dasy}", &["refers to no input of this rule", "did you mean `days`?"]),
        // Inputs of a directory.
        (inputs, "type: list", "type: lsit", &["inputs.yaml:2:19", "did you mean `list`?"]),
        (inputs, "  groups: {", "  groups2: {", &["`${groups}` refers to no input", "did you mean `groups2`?"]),
        (
            inputs,
            "inputs:\n",
            "inputs:\n  spare: { type: text, about: a, default: b }\n",
            &["inputs.yaml:2:3", "no rule uses the input `spare`", "or remove it"],
        ),
        (
            inputs,
            "inputs:\n  groups: { type: list, about: who may read it, default: [root] }",
            "groups: [root]",
            &["inputs.yaml has no key `groups`", "`inputs:` is missing"],
        ),
        // The configuration.
        (config, "profiles =", "profile =", &["harden.toml:1:1", "did you mean `profiles`?"]),
        (config, "\"medium\"", "\"meduim\"", &["harden.toml:3:11", "did you mean `medium`?"]),
        (config, "days = ", "dyas = ", &["harden.toml:6:1", "no rule has an input `dyas`", "did you mean `days`?"]),
        (config, "\"14d\"", "14", &["harden.toml:6:8", "takes a duration such as 30d or 26h, found `14`"]),
        (config, "\"14d\"", "\"${x}\"", &["cannot refer to another one"]),
        (config, "[\"lab\"]", "[\"lba\"]", &["harden.toml:1:13", "there is no profile `lba`", "did you mean `lab`?"]),
        (config, "[\"pack\"]", "[\"pakc\"]", &["harden.toml:2:10", "pakc is no directory of rules"]),
        (config, "[inputs]", "[input]", &["did you mean `inputs`?"]),
    ] {
        let folder = site();
        let text = std::fs::read_to_string(folder.path(path)).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{from}");
        folder.write(path, &changed);
        let ran = folder.harden("rules list");
        for part in parts.iter().filter(|part| ran.code != 2 || !flat(&ran.err).contains(**part)) {
            missing.push_str(&format!("{path} {to:?}: {part} is not in\n{}", ran.err));
        }
        all.push_str(&format!("=== {path} {to:?}\n{}", ran.err));
    }
    if let Some(shown) = std::env::var_os("HARDEN_SHOW_MISTAKES") {
        std::fs::write(std::path::Path::new(&shown).with_extension("packs"), all).unwrap();
    }
    assert!(missing.is_empty(), "{missing}");
}

/// A rule with an input of this name and type.
fn with_input(id: &str, name: &str, ty: &str, default: &str) -> String {
    let inputs = format!("inputs: {{ {name}: {{ type: {ty}, about: a, default: {default} }} }}\n");
    rule(id, &inputs).replace("owner: root", &format!("path: \"${{{name}}}\""))
}

#[test]
fn mistakes_that_take_two_files_are_told_too() {
    let lab = |extends: &str| LAB.replace("extends: [docker, host]", &format!("extends: [docker, {extends}]"));
    let base = |name: &str, more: &str| format!("name: {name}\ntitle: t\nabout: a\n{more}\n");
    for (files, parts) in [
        (
            vec![("pack/profiles/lab.yaml", lab("base")), ("pack/profiles/base.yaml", base("base", "extends: lab"))],
            &["base.yaml:4:10", "`base` extends itself: base → lab → base", "1 problem in 1 file"][..],
        ),
        (
            vec![
                ("pack/profiles/base.yml", base("base", "rules: own-*\nexclude: own-days")),
                ("pack/own-new.yaml", rule("own-nwe", "")),
            ],
            &["the id `own-nwe` is not the file's name, `own-new`"],
        ),
        (
            vec![("pack/more/own-file.yaml", rule("own-file", ""))],
            &["the id `own-file` is taken by pack/more/own-file.yaml", "rename the rule and its file"],
        ),
        (vec![("pack/own-file.yml", rule("own-file", ""))], &["the id `own-file` is taken by pack/own-file.yaml"]),
        (
            vec![("pack/docker-image-age.yaml", rule("docker-image-age", ""))],
            &["taken by rules/docker/docker-image-age.yaml", "`overrides: { rule: docker-image-age, reason: … }`"],
        ),
        (
            vec![("pack/profiles/docker.yaml", base("docker", "rules: own-*"))],
            &["the profile `docker` is taken by rules/profiles/docker.yaml", "`extends: docker`"],
        ),
        (
            vec![("pack/own-other.yaml", with_input("own-other", "expiry_window", "integer", "3"))],
            &[
                "the input `expiry_window` has the type integer here and duration at rules/inputs.yaml",
                "own-other.yaml:9:11",
                "rename this one",
            ],
        ),
        (
            vec![("pack/own-other.yaml", with_input("own-other", "expiry-window", "duration", "3d"))],
            &[
                "`expiry-window` and `expiry_window` (rules/inputs.yaml",
                "the same variable, HARDEN_INPUT_EXPIRY_WINDOW",
            ],
        ),
        (
            vec![("pack/deep/inputs.yaml", "inputs: {}\n".to_owned())],
            &["declared at its top", "move this to pack/inputs.yaml"],
        ),
        (
            vec![("pack/inputs.yml", "inputs:\n  groups: { type: list, about: a, default: [b] }\n".to_owned())],
            &["the input `groups` is declared in pack/inputs.yaml:2 already"],
        ),
        (
            vec![("pack/acme-x.yaml", rule("acme-x", ""))],
            &[
                "no profile of its directory selects the rule `acme-x`",
                "acme-x.yaml:1:1",
                "add it to `rules:` in one of: lab",
            ],
        ),
        (
            vec![
                (
                    "pack/profiles/base.yaml",
                    base(
                        "base",
                        "rules: own-file\noverrides: [{ rule: docker-container-root, severity: info, reason: x }]",
                    ),
                ),
                ("pack/profiles/both.yaml", base("both", "extends: [lab, base]\nrules: docker-*")),
                (
                    "pack/profiles/base2.yaml",
                    base(
                        "base2",
                        "extends: docker\noverrides: [{ rule: docker-container-root, severity: info, reason: x }]",
                    ),
                ),
                ("harden.toml", CONFIG.replace("[\"lab\"]", "[\"lab\", \"base2\"]")),
            ],
            &[
                "the profiles `lab` and `base2` disagree about the severity of docker-container-root",
                "the profiles `lab` and `base` disagree",
                "a profile that extends both",
            ],
        ),
    ] {
        let folder = site();
        for (name, text) in &files {
            folder.write(name, text);
        }
        let ran = folder.harden("rules list");
        for part in parts {
            assert!(ran.code == 2 && flat(&ran.err).contains(part), "{files:?}: {part} is not in\n{}", ran.err);
        }
    }
}

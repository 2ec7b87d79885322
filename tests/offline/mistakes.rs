//! Mistakes that authors of rules make, and what they are told: the place, what is wrong, and what to write instead.

use harden::diagnostic::{Diagnostics, Source};
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;

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
        &["does not fit a string", "use `equals`, `in` or `matches`"],
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
    ("{ kind: file }\n  expect", "{ kind: file\n  expect", &["x.yaml:1", "not YAML"]),
    ("title: The", "title: \"The", &["not YAML"]),
    ("  absent: fail\n", "  absent: fail\n  absent: pass\n", &["x.yaml:12", "the key `absent` is here twice"]),
    ("  absent: fail\n", "  absent: fail\n  at_least: -1\n", &["expected a whole number, found `-1`"]),
    ("why: Because.", "why:", &["x.yaml:5", "expected text, found nothing"]),
];

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

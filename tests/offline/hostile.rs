//! Rule files, profiles and configurations that mean harm: each ends in an error, soon, with little memory, and the
//! error is fit to be shown.

use std::path::Path;
use std::time::{Duration, Instant};

use harden::config;
use harden::diagnostic::{Diagnostics, Problem, Source};
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::rule::library::{FILES, Library};
use harden::rule::profile;
use proptest::prelude::*;

use super::packs::{Folder, flat};

/// What a debug build on a busy machine may take; a release build takes a tenth.
const SOON: Duration = Duration::from_secs(60);

const RULE: &str = "id: x\ntitle: t\nseverity: low\nphase: pre\nwhy: w\nfix: f\nrefs: { cwe: \"1\" }\n";

fn problems(text: &str) -> Vec<Problem> {
    let source = Source::new("rules/x.yaml", text);
    compile(&source, "x", Options { inputs: &Inputs::new(), cases: true }).err().unwrap_or_default()
}

fn render(text: &str, problems: Vec<Problem>) -> String {
    let mut diagnostics = Diagnostics::default();
    diagnostics.add(&Source::new("rules/x.yaml", text), problems);
    diagnostics.render(false, 100)
}

/// The problems of a rule, which must be found and shown soon.
fn refused(name: &str, text: &str) -> String {
    let started = Instant::now();
    let found = problems(text);
    assert!(!found.is_empty(), "{name} was accepted");
    assert!(found.iter().all(|p| p.span.start <= p.span.end && p.span.end <= text.len()), "{name}: a place outside");
    let shown = render(text, found);
    let took = started.elapsed();
    assert!(took < SOON, "{name} took {took:?}");
    assert!(shown.len() < 1 << 20, "{name} fills {} bytes of a screen", shown.len());
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{name} draws");
    shown
}

fn check(body: &str) -> String {
    format!("{RULE}check: {body}\n")
}

#[test]
fn structure_without_end() {
    for unit in [
        "{", "[", "- ", "? ", "a: ", "&a ", "!x ", "\"", "'", "|\n", "- [", "{a: ", "*a ", "%Y ", "---\n", "\n ", "#",
        ",", "]",
    ] {
        for size in [1_000, (1 << 20) - 10] {
            refused(unit, &unit.repeat(size / unit.len()));
        }
        refused(unit, &format!("{RULE}check: {}", unit.repeat(200_000 / unit.len())));
    }
}

#[test]
fn bytes_that_text_does_not_hold() {
    for (name, text) in [
        ("NUL", "id: x\0\ntitle: \0"),
        ("only a mark", "\u{feff}"),
        ("two marks", "\u{feff}\u{feff}id: x"),
        ("carriage returns", "id: x\rtitle: t\rfoo"),
        ("bidi", "id: x\n\u{202e}title: t\n"),
        ("escape", "id: \"\\e[2J\"\ntitle: \"\\x1b[31m\"\n"),
        ("line separators", "id: x\u{2028}title: y\u{85}z"),
        ("next line in a key", "\"a\\nb\\u202e\": 1\n"),
    ] {
        refused(name, text);
    }
}

#[test]
fn many_keys() {
    let distinct: String = (0..24_000).map(|i| format!("k{i}: 1\n")).collect();
    let shown = refused("distinct keys", &distinct);
    assert!(shown.contains("and 800 more") && shown.contains("1000 problems in 1 file"));
    let shown = refused("one key", &"id: x\n".repeat(24_000));
    assert!(shown.contains("here twice"), "{shown}");
    assert!(refused("100k keys", &(0..100_000).map(|i| format!("k{i}:\n")).collect::<String>()).contains("values"));
    let fields: String = (0..20_000).map(|i| format!("f{i}: 1, ")).collect();
    refused(
        "fields",
        &check(&format!("{{ resource: file, with: {{ path: /x }}, absent: fail, expect: {{ {fields} }} }}")),
    );
}

#[test]
fn aliases_that_multiply() {
    let billion: String = (1..40).map(|i| format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1)).collect();
    refused("laughs", &format!("a0: &a0 x\n{billion}"));
    refused("long text", &format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), "*a,".repeat(100_000)));
    refused("of itself", "a: &a { b: *a }");
}

#[test]
fn nesting_of_checks() {
    let file = "{ resource: file, with: { path: /x }, absent: fail, expect: { owner: root } }";
    for (open, close) in [("{ not: ", " }"), ("{ all_of: [ ", " ] }")] {
        refused(open, &check(&format!("{}{file}{}", open.repeat(1000), close.repeat(1000))));
        assert_eq!(problems(&check(&format!("{}{file}{}", open.repeat(10), close.repeat(10)))), []);
    }
    let mut each = "{ resource: file, with: { path: /x }, pick: path, as: n0 }".to_owned();
    for i in 1..100 {
        let with = format!("with: {{ path: \"${{n{}}}\" }}", i - 1);
        each = format!("{{ resource: file, {with}, each: {each}, pick: path, as: n{i} }}");
        let text = check(&format!(
            "{{ resource: file, with: {{ path: \"${{n{i}}}\" }}, each: {each}, absent: fail, expect: {{ owner: root }} }}"
        ));
        match i {
            ..7 => assert_eq!(problems(&text), [], "{i}"),
            _ => drop(refused("each", &text)),
        }
    }
    let owner = format!("{}root{}", "{ not: ".repeat(1000), " }".repeat(1000));
    refused(
        "not",
        &check(&format!("{{ resource: file, with: {{ path: /x }}, absent: fail, expect: {{ owner: {owner} }} }}")),
    );
}

#[test]
fn patterns_that_explode() {
    let matching = |regex: &str| {
        check(&format!(
            "{{ resource: file, with: {{ path: /x }}, absent: fail, expect: {{ owner: {{ matches: '{regex}' }} }} }}"
        ))
    };
    for regex in
        ["(a{1000}){1000}", "((((a{100}){100}){100}){100}){100}", "\\w{5000}", "(", "[z-a]", "a{2,1}", "(?<n>a)\\1"]
    {
        refused(regex, &matching(regex));
    }
    refused("groups", &matching(&"(".repeat(300_000)));
    refused("classes", &matching(&"[a-z]{9}".repeat(60_000)));
    refused("alternatives", &matching(&"\\w|".repeat(100_000)));
    let many = "{ matches: '\\w{15}' }, ".repeat(8_000);
    refused(
        "many",
        &check(&format!(
            "{{ resource: file, with: {{ path: /x }}, absent: fail, expect: {{ owner: {{ any_of: [ {many} ] }} }} }}"
        )),
    );
}

#[test]
fn numbers_that_no_type_holds() {
    for (field, matcher) in [
        ("size", "{ at_most: 99999999999999999999999 }"),
        ("size", "{ at_most: 20000000TiB }"),
        ("size", "{ at_most: -1 }"),
        ("modified", "{ at_least: now-999999999999999999y }"),
        ("mode", "{ at_most: \"077777\" }"),
        ("mode", "{ at_most: \"99999999999999999999\" }"),
        ("ancestors_writable_by", "{ count: -1 }"),
        ("ancestors_writable_by", "{ count: 99999999999999999999 }"),
        ("ancestors_writable_by", "{ count: { at_least: 1e3 } }"),
    ] {
        let text = check(&format!(
            "{{ resource: file, with: {{ path: /x }}, absent: fail, expect: {{ {field}: {matcher} }} }}"
        ));
        refused(matcher, &text);
    }
    let at_least = "{ resource: container, at_least: 99999999999999999999, expect: { privileged: false } }";
    assert!(refused("at_least", &check(at_least)).contains("found `99999999999999999999`"));
    let version =
        format!("{{ resource: docker_daemon, expect: {{ version: {{ at_least: \"{}\" }} }} }}", "9.".repeat(50_000));
    drop(problems(&check(&version)));
}

#[test]
fn references_that_lead_nowhere() {
    let with = |path: &str, inputs: &str| {
        format!(
            "{RULE}inputs: {{ {inputs} }}\ncheck: {{ resource: file, with: {{ path: {path} }}, absent: fail, expect: {{ owner: root }} }}\n"
        )
    };
    let declared = "{ type: text, about: a, default: ";
    for (path, inputs, part) in [
        ("\"${\"", "", "never closed"),
        ("\"${}\"", "", "`${}`"),
        ("\"$${x}\"", "", "`${x}`"),
        ("\"${a${b}}\"", "", "no input"),
        ("\"${a}\"", &format!("a: {declared} \"${{b}}\" }}, b: {declared} \"${{a}}\" }}"), "cannot refer"),
        ("\"${a}\"", "a: { type: list, about: a, default: [] }", "at least one"),
        ("\"/${a}\"", "a: { type: list, about: a, default: [x] }", "must stand alone"),
        ("\"${A b}\"", &format!("\"A b\": {declared} x }}"), "lower-case"),
    ] {
        let shown = refused(path, &with(path, inputs));
        assert!(shown.contains(part), "{path}: {part} is not in\n{shown}");
    }
    let lists = format!("[{}]", "a,".repeat(200));
    let product =
        check(&format!("{{ resource: dsn, with: {{ of: {lists}, env: {lists} }}, expect: {{ valid: true }} }}"));
    assert!(refused("product", &product).contains("queries"));
}

fn refused_profile(text: &str) {
    let source = Source::new("profiles/x.yaml", text);
    let started = Instant::now();
    let found = profile::compile(&source, "x");
    if let Err(problems) = found {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, problems);
        diagnostics.render(false, 100);
    }
    assert!(started.elapsed() < SOON, "{:?} for {:.60}", started.elapsed(), text);
}

#[test]
fn profiles_and_their_patterns() {
    for pattern in [
        "{".repeat(500_000),
        "{a,b}".repeat(100_000),
        "{a,".repeat(300),
        "{{{{{{{{{{a,b},c},d},e},f},g},h},i},j},k}".to_owned(),
        "[a-z]".repeat(200_000),
        "?".repeat(900_000),
        "*".repeat(900_000),
        "*a".repeat(2_000),
        "[".repeat(4_000),
        "\\\\".repeat(2_000),
    ] {
        refused_profile(&format!("name: x\ntitle: t\nabout: a\nrules: [ \"{pattern}\" ]\n"));
        if let Ok(pattern) = profile::Pattern::new(&pattern) {
            let started = Instant::now();
            pattern.matches(&"a".repeat(200));
            assert!(started.elapsed() < SOON);
        }
    }
    for unit in ["{", "[", "- ", "a: "] {
        refused_profile(&unit.repeat(500_000 / unit.len()));
    }
}

#[test]
fn configurations() {
    let many: String = (0..50_000).map(|i| format!("k{i} = 1\n")).collect();
    for text in [
        "[".repeat(1 << 20),
        format!("a = {}", "[".repeat(1 << 19)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{} = 1", "a.".repeat(200_000)),
        format!("[{}]", "a.".repeat(100_000)),
        format!("a = \"{}", "\\".repeat(100_000)),
        many,
        "timeout = 0".to_owned(),
        "timeout = 99999999999999999999".to_owned(),
        "timeout = -1".to_owned(),
        "profiles = [\"\\u0000\\u202E\"]\nx = 1".to_owned(),
        "a = 1\na = 2".to_owned(),
        "\u{feff}\u{0}".to_owned(),
        "targets = 1\ninputs = []\nprofiles = {}".to_owned(),
        "targets.postgres = [{ name = \"x\" }]".to_owned(),
    ] {
        let source = Source::new("harden.toml", &text);
        let started = Instant::now();
        let problems = config::parse(&source, Path::new(".")).err().unwrap_or_else(|| panic!("accepted: {text:.60}"));
        let shown = render(&text, problems);
        assert!(started.elapsed() < SOON, "{:?} for {text:.60}", started.elapsed());
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown}");
    }
}

/// What is said of a directory with these files; empty when it is taken.
fn pack(files: impl IntoIterator<Item = (String, String)>) -> String {
    let folder = Folder::new(&[]);
    for (name, text) in files {
        folder.write(&name, text);
    }
    let compiled = Library::load(&[folder.path("")])
        .and_then(|library| library.compile(Options { inputs: &Inputs::new(), cases: true }));
    compiled.err().map(|diagnostics| flat(&diagnostics.render(false, 100))).unwrap_or_default()
}

/// A rule on the owner of a file, whose id is its number.
fn numbered(number: usize, more: &str, path: &str, owner: &str) -> (String, String) {
    let rule = RULE.replacen("id: x", &format!("id: x{number}"), 1);
    let check = format!("{{ resource: file, with: {{ path: {path} }}, absent: fail, expect: {{ owner: {owner} }} }}");
    (format!("x{number}.yaml"), format!("{rule}{more}check: {check}\n"))
}

/// Each file is within the bounds of a file; together they pass those of a run. One fewer is taken.
#[test]
fn packs_that_are_too_much_together() {
    let aliases = format!("{{ any_of: [ {{ in: &l [{}] }}, {} ] }}", "a,".repeat(900), "{ in: *l }, ".repeat(40));
    let regexes: String = (0..64).map(|i| format!("{{ matches: '\\w{{3}}{i}' }}, ")).collect();
    let regexes = format!("{{ any_of: [ {regexes} ] }}");
    let list = |i: usize| format!("[{}]", (0..9_999).map(|j| format!("/{i}/{j},")).collect::<String>());
    let braces = format!("\"/{}/**\"", "{a,b}".repeat(10));
    let inputs = format!("inputs: {{ l: {{ type: list, about: a, default: [{}] }} }}\n", "a,".repeat(900));
    let filled = format!("{{ any_of: [ {} ] }}", "{ in: \"${l}\" }, ".repeat(50));
    type Rule<'r> = Box<dyn Fn(usize) -> (String, String) + 'r>;
    let attacks: [(usize, &str, Rule<'_>); 5] = [
        (27, "more than 1000000 values", Box::new(|i| numbered(i, "", "/x", &aliases))),
        (3, "bytes of compiled regular expressions", Box::new(|i| numbered(i, "", "/x", &regexes))),
        (11, "more than 100000 queries", Box::new(|i| numbered(i, "", &list(i), "root"))),
        (98, "more than 100000 queries", Box::new(|i| numbered(i, "", &braces, "root"))),
        (22, "more than 1000000 values", Box::new(|i| numbered(i, &inputs, "/x", &filled))),
    ];
    for (files, part, rule) in attacks {
        let said = pack((0..files).map(&rule));
        assert!(said.contains(part) && said.contains("1 problem in 1 file"), "{files}: {part} is not in\n{said}");
        assert_eq!(pack((0..files - 1).map(&rule)), "", "{files}");
    }
}

#[test]
fn inputs_that_multiply_within_a_rule() {
    let long = format!("inputs: {{ l: {{ type: list, about: a, default: [{}] }} }}\n", "a,".repeat(2_000));
    let wide = format!("inputs: {{ l: {{ type: text, about: a, default: \"{}\" }} }}\n", "a".repeat(900_000));
    for (inputs, reference) in [(long, "{ in: \"${l}\" }, "), (wide, "\"${l}\", ")] {
        let owner = format!("{{ any_of: [ {} ] }}", reference.repeat(3_000));
        let said = pack([numbered(0, &inputs, "/x", &owner)]);
        assert!(said.contains("stand for more than 50000 values") && said.contains("1 problem in 1 file"), "{said}");
    }
}

#[test]
fn profiles_that_are_too_much() {
    let profile = |name: &str, more: String| {
        (format!("profiles/{name}.yaml"), format!("name: {name}\ntitle: t\nabout: a\n{more}\n"))
    };
    let rules = || [numbered(0, "", "/x", "root")];
    let many = (0..201).map(|i| profile(&format!("p{i}"), "rules: x0".to_owned()));
    assert!(pack(rules().into_iter().chain(many)).contains("more than 200 profiles"));
    let globs = |n: usize| format!("rules: [{}]", "\"x{0,1}\", ".repeat(n));
    assert!(pack(rules().into_iter().chain([profile("p", globs(1_000))])).contains("more than 2000 patterns"));
    assert_eq!(pack(rules().into_iter().chain([profile("p", globs(600))])), "");
    for (pattern, part) in
        [(format!("x{}", "{0,1}".repeat(7)), "more than 64 patterns"), (format!("x{}", "*".repeat(200)), "200 bytes")]
    {
        let said = pack(rules().into_iter().chain([profile("p", format!("rules: [\"{pattern}\"]"))]));
        assert!(said.contains(part), "{said}");
    }
    let id = "a".repeat(101);
    let (_, text) = numbered(0, "", "/x", "root");
    assert!(pack([(format!("{id}.yaml"), text.replacen("x0", &id, 1))]).contains("at most 100 characters"));
}

/// A message shows the lines that it is about: those of other files must not come in.
#[test]
fn a_pack_shows_nothing_of_other_files() {
    let folder = Folder::new(&[("secret", "password: s3cret\n"), ("pack/a.yaml", "id: [\n")]);
    std::os::unix::fs::symlink(folder.path("secret"), folder.path("pack/b.yaml")).unwrap();
    std::os::unix::fs::symlink("../secret", folder.path("pack/c.yaml")).unwrap();
    let ran = folder.harden("rules list --rules pack");
    assert_eq!(ran.code, 2);
    assert!(ran.err.matches("leads out of the directory").count() == 2 && !ran.err.contains("s3cret"), "{}", ran.err);
}

/// A change to a text, described by numbers.
fn mutate(text: &str, changes: &[(u8, usize, usize)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (kind, a, b) in changes {
        let (a, b) = (a % lines.len().max(1), b % lines.len().max(1));
        match kind % 6 {
            0 if lines.len() > 1 => drop(lines.remove(a)),
            1 => lines.insert(b, lines.get(a).cloned().unwrap_or_default()),
            2 => lines.swap(a, b),
            3 => lines.iter_mut().skip(a).take(1).for_each(|line| line.insert_str(0, "  ")),
            4 => lines.iter_mut().skip(a).take(1).for_each(|line| *line = line.replacen([':', '{', '"', '-'], "", 1)),
            _ => lines.iter_mut().skip(a).take(1).for_each(|line| {
                let at = line.char_indices().map(|(i, _)| i).nth(b).unwrap_or(0);
                let noise = ["\"", "*", "&a ", "${", "\u{0}", "\t", "[", "}", "!unknown ", "#", "\u{202e}", "|", ": "];
                line.insert_str(at, noise[b % noise.len()]);
            }),
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shipped_rule_with_mistakes_compiles_or_is_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<u8>(), 0..200_usize, 0..200_usize), 1..6),
    ) {
        let (path, text, _) = which.get(FILES);
        let changed = mutate(text, &changes);
        let source = Source::new(path, &changed);
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap();
        let inputs = Inputs::new();
        let found = if path.contains("profiles/") {
            profile::compile(&source, stem).err()
        } else {
            compile(&source, stem, Options { inputs: &inputs, cases: true }).err()
        };
        for problem in found.iter().flatten() {
            prop_assert!(problem.span.start <= problem.span.end && problem.span.end <= changed.len());
        }
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, found.unwrap_or_default());
        let shown = diagnostics.render(false, 80);
        prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn any_configuration_is_read_or_refused(text in "[a-z=\\[\\]{}\"'.,#0-9\\n \\\\é\u{0}]{0,200}") {
        let source = Source::new("harden.toml", &text);
        if let Err(problems) = config::parse(&source, Path::new(".")) {
            render(&text, problems);
        }
    }
}

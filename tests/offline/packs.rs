//! Directories of rules, profiles and inputs beside the built-in ones.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harden::report::Report;
use serde_json::Value as Json;

/// What a run of harden said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A directory that is thrown away, with files in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs harden in the directory: its `harden.toml` counts, and paths in what it says are short.
    pub(crate) fn harden(&self, line: &str) -> Ran {
        self.harden_with(line, &[])
    }

    /// The same with environment variables.
    pub(crate) fn harden_with(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        harden(self.0.path(), line, variables)
    }

    /// The report of a check of the empty root `root/`.
    pub(crate) fn report(&self, line: &str) -> Report {
        std::fs::create_dir_all(self.path("root")).unwrap();
        let ran = self.harden(&format!("check --root root --format json {line}"));
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{line}: {}", ran.err))
    }

    /// The ids that `rules list` lists.
    pub(crate) fn listed(&self, line: &str) -> Vec<String> {
        let ran = self.harden(&format!("rules list --format json {line}"));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        let list: Vec<Json> = serde_json::from_str(&ran.out).unwrap();
        list.iter().map(|rule| rule["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn harden(directory: &Path, line: &str, variables: &[(&str, &str)]) -> Ran {
    let run = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(line.split_whitespace())
        .current_dir(directory)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: run.status.code().unwrap(),
        out: String::from_utf8(run.stdout).unwrap(),
        err: String::from_utf8(run.stderr).unwrap(),
    }
}

/// Text as if no line of it had been wrapped.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// A rule that passes compilation, with whatever else is written in it.
pub(crate) fn rule(id: &str, more: &str) -> String {
    format!(
        "id: {id}\ntitle: \"{id} is root's\"\nseverity: high\nphase: pre\nwhy: w\nfix: f\nrefs: {{ own: \"1\" }}\n\
         check: {{ resource: file, with: {{ path: /{id} }}, absent: fail, expect: {{ owner: root }} }}\n{more}"
    )
}

/// A profile, with whatever else is written in it.
pub(crate) fn profile(name: &str, more: &str) -> String {
    format!("name: {name}\ntitle: t\nabout: a\n{more}\n")
}

#[test]
fn rules_of_a_directory_without_profiles_are_judged_beside_any_profile() {
    let folder = Folder::new(&[("pack/own-a.yaml", &rule("own-a", "")), ("pack/deep/own-b.yml", &rule("own-b", ""))]);
    for profile in ["", "--profile host", "--profile docker"] {
        let listed = folder.listed(&format!("--rules pack {profile}"));
        assert!(listed.contains(&"own-a".to_owned()) && listed.contains(&"own-b".to_owned()), "{profile}");
    }
    // A directory that is named twice is there once.
    assert_eq!(folder.listed("--rules pack --rules ./pack/ --rule own-*"), ["own-a", "own-b"]);
}

#[test]
fn rules_of_a_directory_with_profiles_are_judged_by_these() {
    let folder = Folder::new(&[
        ("pack/own-a.yaml", &rule("own-a", "")),
        ("pack/own-b.yaml", &rule("own-b", "")),
        ("pack/profiles/small.yaml", &profile("small", "rules: own-a")),
        ("pack/profiles/large.yaml", &profile("large", "extends: [small, host]\nrules: own-*")),
        ("harden.toml", "rules = [\"pack\"]"),
    ]);
    assert_eq!(folder.listed("--profile small"), ["own-a"]);
    assert!(folder.listed("--profile large").len() > 60);
    assert!(!folder.listed("--profile host").contains(&"own-a".to_owned()));
    // What is left out is told, once nothing of it was chosen.
    let warning = "pack: not judged: own-a and 1 more; to judge them choose one of its profiles: large, small";
    std::fs::create_dir(folder.path("root")).unwrap();
    assert!(folder.harden("check --root root --profile tls").err.contains(warning));
    assert_eq!(folder.harden("check --root root --profile small").err, "");

    folder.write("pack/own-c.yaml", rule("own-c", ""));
    folder.write("pack/profiles/large.yaml", profile("large", "extends: small\nrules: own-b"));
    let ran = folder.harden("rules list");
    assert_eq!(ran.code, 2);
    for part in ["no profile of its directory selects the rule `own-c`", "pack/own-c.yaml:1:1", "one of: large, small"]
    {
        assert!(ran.err.contains(part), "{part} is not in\n{}", ran.err);
    }
}

#[test]
fn a_rule_stands_in_place_of_a_built_in_one_only_if_it_says_so() {
    let folder = Folder::new(&[("pack/host-shadow-mode.yaml", &rule("host-shadow-mode", ""))]);
    let ran = folder.harden("rules list --rules pack");
    assert_eq!(ran.code, 2);
    for part in
        ["the id `host-shadow-mode` is taken by rules/host/", "overrides: { rule: host-shadow-mode, reason: … }"]
    {
        assert!(flat(&ran.err).contains(part), "{part} is not in\n{}", ran.err);
    }
    let said = "overrides: { rule: host-shadow-mode, reason: \"ours is kept elsewhere\" }\n";
    folder.write("pack/host-shadow-mode.yaml", rule("host-shadow-mode", said));
    assert!(!folder.listed("--rules pack --profile docker").contains(&"host-shadow-mode".to_owned()));
    let report = folder.report("--rules pack --profile host");
    let entry = &report.rules["host-shadow-mode"];
    assert_eq!(entry.title, "host-shadow-mode is root's");
    let replaced = entry.replaces_built_in.as_ref().unwrap();
    assert_eq!((&*replaced.reason, &*replaced.file), ("ours is kept elsewhere", "pack/host-shadow-mode.yaml"));
    assert_eq!(report.rules.values().filter(|rule| rule.replaces_built_in.is_some()).count(), 1);
    for (line, part) in [
        ("rules list --rules pack", "(instead of the built-in one: pack/host-shadow-mode.yaml)"),
        ("rules show host-shadow-mode --rules pack", "ours is kept elsewhere"),
        ("rules list --rules pack --format json", "\"reason\": \"ours is kept elsewhere\""),
        (
            "check --root root --rules pack --rule host-shadow-mode",
            "replaces the built-in rule: ours is kept elsewhere",
        ),
        ("check --root root --rules pack --rule host-shadow-mode", "changed host-shadow-mode"),
        ("check --root root --rules pack --rule host-shadow-mode --quiet", "1 rule is not the built-in one"),
        ("rules show --reads --rules pack", "Built-in rules that are replaced"),
    ] {
        let ran = folder.harden(line);
        assert!(flat(&ran.out).contains(part), "{line}: {part} is not in\n{}{}", ran.out, ran.err);
    }
    // Two cannot both take its place.
    folder.write("other/host-shadow-mode.yaml", rule("host-shadow-mode", said));
    let ran = folder.harden("rules list --rules pack --rules other");
    assert!(ran.err.contains("taken by pack/host-shadow-mode.yaml"), "{}", ran.err);
}

#[test]
fn a_copy_of_a_built_in_rule_compiles_in_its_place() {
    use harden::rule::library::FILES;
    let folder = Folder::new(&[]);
    for (path, text, _) in
        FILES.iter().filter(|(path, ..)| !path.contains("profiles/") && !path.ends_with("inputs.yaml"))
    {
        let id = Path::new(path).file_stem().unwrap().to_str().unwrap();
        let said = format!("overrides: {{ rule: {id}, reason: a copy }}\n");
        folder.write(&format!("pack/{id}.yaml"), format!("{said}{text}"));
    }
    let plain = Folder::new(&[]);
    for profile in ["default", "docker-strict", "tls-endpoint-files"] {
        let line = format!("--profile {profile}");
        assert_eq!(folder.listed(&format!("{line} --rules pack")), plain.listed(&line));
    }
}

#[test]
fn inputs_of_a_directory_serve_all_of_its_rules() {
    let uses = |id: &str| rule(id, "").replace("owner: root", "owner: { in: \"${owners}\" }");
    let folder = Folder::new(&[
        ("pack/inputs.yaml", "inputs:\n  owners: { type: list, about: who may own it, default: [root, bin] }\n"),
        ("pack/own-a.yaml", &uses("own-a")),
        ("pack/deep/own-b.yaml", &uses("own-b")),
    ]);
    let shown = folder.harden("rules show own-b --rules pack").out;
    assert!(shown.contains("`owners`: who may own it [list of text]") && shown.contains("root, bin"), "{shown}");
    assert_eq!(folder.harden("rules list --rules pack --input owners=root").code, 0);
    // What the built-in rules share is there too.
    folder.write("pack/own-c.yaml", uses("own-c").replace("owners", "allowed_superusers"));
    assert_eq!(folder.harden("rules list --rules pack").code, 0);
    let ran = folder.harden("rules list --rules pack/deep");
    assert!(ran.err.contains("`${owners}` refers to no input"), "{}", ran.err);
}

#[test]
fn what_a_directory_holds_besides_yaml_is_passed_over() {
    let folder = Folder::new(&[
        ("pack/own-a.yaml", &rule("own-a", "")),
        ("pack/README.md", "# Rules"),
        ("pack/.git/config.yaml", "not a rule"),
        ("pack/.own-z.yaml", "not a rule"),
        ("pack/own-b.YAML", &rule("own-b", "")),
        ("empty/README.md", "nothing"),
    ]);
    assert_eq!(folder.listed("--rules pack --rule own-*"), ["own-a", "own-b"]);
    std::fs::create_dir(folder.path("root")).unwrap();
    let ran = folder.harden("check --root root --rule host-shadow-mode --rules empty");
    assert!(ran.err.contains("warning: empty: there is no rule in this directory"), "{}", ran.err);
}

/// Kubernetes puts the files of a volume into a hidden directory, and links to them beside it.
#[test]
fn a_volume_of_kubernetes_is_a_directory_of_rules() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new(&[("pack/..2026_01_01/own-a.yaml", &rule("own-a", ""))]);
    symlink("..2026_01_01", folder.path("pack/..data")).unwrap();
    symlink("..data/own-a.yaml", folder.path("pack/own-a.yaml")).unwrap();
    assert_eq!(folder.listed("--rules pack --rule own-*"), ["own-a"]);
}

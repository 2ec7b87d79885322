//! Statements of people, from the command line to the report and the checklist.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use harden::attestation::State;
use harden::facts::{Facts, Listing};
use harden::report::{Outcome, Report, Verdict};
use harden::target::Kind;
use serde_json::json;

use super::cli::{Ran, harden};
use super::judging::{query, subject, world};

const HOSTILE: &str = "x</td><script>alert(1)</script>|`a` [b](http://c) **d** \u{1b}[2J\u{202e}'\"&";

/// A folder with a configuration, a pack of rules of each kind, and facts.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("harden.toml", "rules = [\"rules\"]\n");
        let head = |id: &str, severity: &str, phase: &str| {
            format!(
                "id: {id}\ntitle: It is so\nseverity: {severity}\nphase: {phase}\nwhy: w\nfix: See to {{subject}}.\nrefs: {{ cwe: \"1\" }}\n"
            )
        };
        let manual = "manual:\n  who: DBA\n  valid_for: 90d\n  evidence: the log\n  contradicted_by: own-root\n";
        folder.write("rules/own-tried.yaml", &(head("own-tried", "high", "ongoing") + manual));
        let scope = "manual:\n  who: release manager\n  valid_for: 365d\n  evidence: the run\n  scope: { resource: container, where: { running: true }, pick: image }\n";
        folder.write("rules/own-staged.yaml", &(head("own-staged", "medium", "pre") + scope));
        let event = "manual: { who: CISO, valid_for: event, event: incident, evidence: the review }\n";
        folder.write("rules/own-learned.yaml", &(head("own-learned", "low", "ongoing") + event));
        let check = "check: { resource: container, expect: { privileged: false } }\n";
        folder.write("rules/own-root.yaml", &(head("own-root", "critical", "pre") + check));
        folder.facts("app:1.0", false);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self) -> String {
        std::fs::read_to_string(self.path("attestations.jsonl")).unwrap()
    }

    /// One container of this image.
    fn facts(&self, image: &str, privileged: bool) {
        let fields = [
            ("name", "web".into()),
            ("running", true.into()),
            ("image", image.into()),
            ("privileged", privileged.into()),
        ];
        let listing = Listing::complete(vec![subject("container", "web", &fields)]);
        let mut facts: Facts = world(vec![(query("docker", "container", json!({})), listing)]);
        facts.targets.retain(|target| target.kind == Kind::Docker);
        std::fs::write(self.path("facts.json"), facts.to_json()).unwrap();
    }

    fn run(&self, words: &str, more: &[&str]) -> Ran {
        let config = self.path("harden.toml");
        let words = words.split_whitespace().chain(more.iter().copied()).map(std::ffi::OsString::from);
        harden(words.chain(["--config".into(), config.into()]))
    }

    fn attest(&self, words: &str, more: &[&str]) -> Ran {
        let given = ["--by", "Ann Lee", "--evidence", "log OPS-1"];
        self.run(&format!("attest {words}"), &given.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    }

    fn judge(&self, words: &str) -> (ExitCode, Report) {
        let facts = self.path("facts.json");
        let ran = self.run(&format!("check --format json --rule own-* {words}"), &["--facts", facts.to_str().unwrap()]);
        let report = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.err));
        (ran.code, report)
    }

    fn state(&self, rule: &str, words: &str) -> State {
        let (_, report) = self.judge(words);
        let entry = report.findings.iter().find(|entry| entry.rule == rule).unwrap();
        assert_eq!(entry.status, Outcome::Unknown, "an attestation is no status");
        entry.attestation.as_ref().unwrap().state
    }
}

fn ok(ran: &Ran) {
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);
}

fn refused(ran: &Ran, said: &str) {
    assert_eq!(ran.code, ExitCode::from(2), "{}", ran.out);
    assert!(ran.err.contains(said), "{said} in {}", ran.err);
}

#[test]
fn a_statement_is_missing_then_attested_then_expired() {
    let folder = Folder::new();
    assert_eq!(folder.state("own-tried", ""), State::Missing);
    ok(&folder.attest("own-tried", &[]));
    assert_eq!(folder.state("own-tried", ""), State::Attested);
    assert_eq!(folder.state("own-tried", "--at 2099-01-01"), State::Expired);
    // Who judges as of an earlier day does not know it yet.
    assert_eq!(folder.state("own-tried", "--at 2020-01-01"), State::Missing);
    let (_, report) = folder.judge("");
    let overlay = report.findings.iter().find(|entry| entry.rule == "own-tried").unwrap().attestation.clone().unwrap();
    assert_eq!((overlay.by.as_deref(), overlay.evidence.as_deref()), (Some("Ann Lee"), Some("log OPS-1")));
}

#[test]
fn what_counts_decides_the_exit_code() {
    let folder = Folder::new();
    let only = |rule: &str| {
        let facts = folder.path("facts.json");
        let ran = folder.run(&format!("check --rule {rule}"), &["--facts", facts.to_str().unwrap()]);
        (ran.code, ran.out)
    };
    assert_eq!(only("own-tried").0, ExitCode::from(3));
    ok(&folder.attest("own-tried", &[]));
    let (code, out) = only("own-tried");
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        out.contains("attested by Ann Lee") && out.contains("evidence: log OPS-1") && out.contains("1 attested"),
        "{out}"
    );
    folder.facts("app:1.0", true);
    let (_, report) = folder.judge("");
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!((report.summary.fail, report.summary.statements.contradicted), (2, 1));
    let entry = report.findings.iter().find(|entry| entry.rule == "own-tried").unwrap();
    assert!(entry.reason.as_ref().unwrap().ends_with("own-root failed"), "{entry:?}");
    // What is not looked at in this run contradicts nothing.
    assert_eq!(only("own-tried").0, ExitCode::SUCCESS);
    let facts = folder.path("facts.json");
    let out = folder.run("check --rule own-*", &["--facts", facts.to_str().unwrap()]).out;
    assert!(out.contains("CONTRADICTED high") && out.contains("[1 contradicted]"), "{out}");
}

#[test]
fn a_statement_about_an_image_ends_with_its_tag() {
    let folder = Folder::new();
    refused(&folder.attest("own-staged", &[]), "bound to one image");
    refused(&folder.attest("own-tried", &["--scope", "app:1.0"]), "bound to nothing");
    assert_eq!(folder.state("own-staged", ""), State::Missing);
    ok(&folder.attest("own-staged", &["--scope", "app:1.0"]));
    assert_eq!(folder.state("own-staged", ""), State::Attested);
    folder.facts("app:1.1", false);
    assert_eq!(folder.state("own-staged", ""), State::Expired);
    let (_, report) = folder.judge("");
    let entry = report.findings.iter().find(|entry| entry.rule == "own-staged").unwrap();
    assert_eq!(entry.attestation.as_ref().unwrap().given_for.as_deref(), Some("app:1.0"));
    assert!(entry.reason.as_ref().unwrap().contains("--scope app:1.1 "), "{entry:?}");
    folder.facts("other:1.0", false);
    assert_eq!(folder.state("own-staged", ""), State::Missing);
}

#[test]
fn what_cannot_be_attested_is_refused_with_what_to_do() {
    let folder = Folder::new();
    refused(&folder.attest("own-tryed", &[]), "did you mean `own-tried`?");
    refused(&folder.attest("own-root", &[]), "judged by looking");
    refused(&folder.attest("own-tried", &["--on", "2999-01-01"]), "not so yet");
    refused(&folder.attest("own-tried", &["--until", "2999-01-01"]), "holds for 90d");
    refused(&folder.attest("own-learned", &[]), "ends with the next incident");
    for (by, evidence, said) in [
        (" ", "e", "--by is empty"),
        ("Ann", "", "--evidence is empty"),
        ("Ann\nBob", "e", "line break"),
        ("Ann", "e\u{1b}[2J", "not shown"),
        ("Ann", "see postgres://app:hunter2@db/app", "secret"),
    ] {
        let ran = folder.run("attest own-tried", &["--by", by, "--evidence", evidence]);
        refused(&ran, said);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    assert!(!folder.path("attestations.jsonl").exists());
}

#[test]
fn a_line_that_was_changed_stops_the_run_and_is_shown() {
    let folder = Folder::new();
    ok(&folder.attest("own-tried", &[]));
    let good = folder.read();
    folder.write("attestations.jsonl", &good.replace("OPS-1", "OPS-2"));
    let facts = folder.path("facts.json");
    let check = || folder.run("check --rule own-*", &["--facts", facts.to_str().unwrap()]);
    refused(&check(), "attestations.jsonl:1:");
    refused(&folder.run("attest --list", &[]), "hash does not fit");
    refused(&folder.attest("own-tried", &[]), "hash does not fit");
    // A union merge of two branches: both lines, in any order, the same one twice.
    folder.write("attestations.jsonl", &format!("{good}{good}"));
    assert_eq!(folder.state("own-tried", ""), State::Attested);
    folder.write("attestations.jsonl", &format!("<<<<<<< HEAD\n{good}"));
    refused(&check(), "merge");
}

#[test]
fn an_entry_of_no_rule_is_a_warning_of_the_report() {
    let folder = Folder::new();
    ok(&folder.attest("own-tried", &[]));
    std::fs::remove_file(folder.path("rules/own-tried.yaml")).unwrap();
    let (_, report) = folder.judge("");
    assert_eq!(report.warnings, ["line 1 of the attestations counts for nothing: there is no rule `own-tried`"]);
    let facts = folder.path("facts.json");
    let out = folder.run("check --rule own-*", &["--facts", facts.to_str().unwrap()]).out;
    assert!(out.contains("no rule `own-tried`"), "{out}");
}

#[test]
fn people_who_attest_at_once_lose_nothing() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for i in 0..12 {
            let folder = &folder;
            scope.spawn(move || ok(&folder.run("attest own-tried --by Ann", &["--evidence", &format!("log {i}")])));
        }
    });
    assert_eq!(folder.read().lines().count(), 12);
    let ran = folder.run("attest --list --format json", &[]);
    let list: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let states: Vec<_> = list["attestations"].as_array().unwrap().iter().map(|entry| entry["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == "attested").count(), 1);
    assert_eq!(states.iter().filter(|state| **state == "replaced").count(), 11);
}

#[test]
fn mistakes_in_a_manual_rule_are_shown_at_their_place() {
    for (manual, said) in [
        ("{ who: DBA, evidence: e }", "`valid_for:` is missing"),
        ("{ who: DBA, valid_for: 90, evidence: e }", "`90` is no term"),
        ("{ who: DBA, valid_for: evnt, evidence: e }", "did you mean `event`?"),
        ("{ who: DBA, valid_for: event, evidence: e }", "event that is not named"),
        ("{ who: DBA, valid_for: 90d, event: x, evidence: e }", "which no event ends"),
        ("{ who: DBA, valid_for: 9y, evidence: e }", "at most"),
        ("{ woh: DBA, valid_for: 90d, evidence: e }", "did you mean `who`?"),
        ("{ who: DBA, valid_for: 90d, evidence: e, contradicted_by: own-rot }", "did you mean `own-root`?"),
        ("{ who: DBA, valid_for: 90d, evidence: e, contradicted_by: own-staged }", "a statement too"),
        (
            "{ who: DBA, valid_for: 90d, evidence: e, scope: { resource: container, pick: imag } }",
            "did you mean `image`?",
        ),
        ("{ who: DBA, valid_for: 90d, evidence: e, expect: { x: 1 } }", "judged by looking"),
        (
            "{ who: DBA, valid_for: 90d, evidence: e }\ncheck: { resource: container, expect: { running: true } }",
            "not by both",
        ),
    ] {
        let folder = Folder::new();
        let file = folder.path("rules/own-tried.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, _) = text.split_once("manual:").unwrap();
        std::fs::write(&file, format!("{head}manual: {manual}\n")).unwrap();
        let ran = folder.run("rules list", &[]);
        refused(&ran, said);
        assert!(ran.err.contains("own-tried.yaml:"), "{}", ran.err);
    }
}

#[test]
fn a_new_manual_rule_is_a_file_to_fill_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    ok(&harden(["rules", "new", "own-restore", "--manual", "--output", at]));
    let ran = harden(["rules", "check", at]);
    refused(&ran, "still to be written");
    assert!(!ran.err.contains("is missing"), "{}", ran.err);
}

/// Compares with what is kept; `HARDEN_BLESS=1` writes it anew.
fn assert_kept(name: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checklist").join(name);
    if std::env::var_os("HARDEN_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

/// A checklist of each state, as of a fixed day.
fn listed(folder: &Folder, format: &str, more: &str) -> Ran {
    let facts = folder.path("facts.json");
    let words = format!("checklist --color never --format {format} --rule own-* --at 2024-06-01 {more}");
    folder.run(&words, &["--facts", facts.to_str().unwrap()])
}

#[test]
fn checklists_are_as_they_were() {
    let folder = Folder::new();
    ok(&folder.attest("own-tried", &["--on", "2024-05-01"]));
    ok(&folder.attest("own-staged", &["--on", "2024-05-01", "--scope", "app:0.9"]));
    ok(&folder.attest("own-learned", &["--on", "2024-05-01", "--until", "2024-12-01"]));
    for (format, name) in [("table", "txt"), ("markdown", "md"), ("html", "html"), ("json", "json")] {
        let ran = listed(&folder, format, "");
        assert_eq!(ran.code, ExitCode::from(3), "{}", ran.err);
        let said = ran.out.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        assert_kept(&format!("checklist.{name}"), &said);
        assert_eq!(listed(&folder, format, "").out, ran.out, "the same bytes");
    }
    let ran = listed(&folder, "json", "--phase ongoing");
    assert_eq!(ran.code, ExitCode::SUCCESS);
    let list: harden::checklist::Checklist = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((list.items.len(), list.verdict), (2, Verdict::Passed));
    // What contradicts counts whatever its phase.
    folder.facts("app:1.0", true);
    let ran = listed(&folder, "json", "--phase ongoing");
    assert_eq!(ran.code, ExitCode::from(1), "{}", ran.out);
}

#[test]
fn owners_are_who_the_last_profile_says() {
    let folder = Folder::new();
    let profile = |name: &str, rest: &str| {
        folder.write(&format!("rules/profiles/{name}.yaml"), &format!("name: {name}\ntitle: t\nabout: a\n{rest}"));
    };
    profile("base", "rules: [\"own-*\"]\nowners: [{ rules: [\"own-*\"], owner: team A }]\n");
    profile("site", "extends: base\nowners: [{ rules: [own-root], owner: team B }]\n");
    let facts = folder.path("facts.json");
    let owner = |profile: &str| {
        let more = ["--profile", profile, "--facts", facts.to_str().unwrap()];
        let ran = folder.run("checklist --format json", &more);
        let list: harden::checklist::Checklist =
            serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        list.items.into_iter().map(|item| (item.rule, item.owner)).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(owner("base")["own-root"], "team A");
    assert_eq!((owner("site")["own-root"].as_str(), owner("site")["own-tried"].as_str()), ("team B", "DBA"));
    profile("site", "extends: base\nowners: [{ rules: [own-rot], owner: team B }]\n");
    refused(&folder.run("rules list", &[]), "no rule matches `own-rot`");
}

#[test]
fn names_from_outside_stay_text_on_every_page() {
    let folder = Folder::new();
    folder.facts(HOSTILE, true);
    for format in ["table", "markdown", "html", "json"] {
        let out = listed(&folder, format, "").out;
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{format}: {out}");
        match format {
            "html" => assert!(!out.contains("<script") && out.contains("&lt;script&gt;"), "{out}"),
            // What is no code has neither tags nor links that are not escaped.
            "markdown" => {
                for line in out.replace("\\`", "").lines() {
                    for plain in line.split('`').step_by(2) {
                        let plain = plain.replace("\\<", "").replace("\\[", "");
                        assert!(!plain.contains('<') && !plain.contains("[b"), "{line}");
                    }
                }
            }
            _ => {}
        }
    }
}

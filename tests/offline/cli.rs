//! The command line as a user meets it: help, exit codes, the gate, mistakes with what to do about them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use harden::facts::{Facts, Listing};
use harden::report::{Outcome, Report, Verdict};
use harden::value::Observed;
use serde_json::json;

use super::judging::{query, subject, world};

/// What a run of harden in this process said.
pub(super) struct Ran {
    pub(super) code: ExitCode,
    pub(super) out: String,
    pub(super) err: String,
}

pub(super) fn harden<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["harden".into()].into_iter().chain(args.into_iter().map(Into::into));
    let code = harden::run(args, &mut out, &mut err);
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// A folder with facts about one file each, and rules about them, one of each severity that is needed.
struct Folder(tempfile::TempDir);

const SEVERITIES: [&str; 3] = ["low", "high", "critical"];

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        for severity in SEVERITIES {
            folder.write(&format!("rules/own-{severity}.yaml"), &rule(severity));
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Facts in which the file of each severity has this owner.
    fn facts(&self, owners: &[(&str, Observed)]) -> PathBuf {
        let listings = SEVERITIES.iter().map(|severity| {
            let path = format!("/{severity}");
            let owner = owners.iter().find(|(name, _)| name == severity).map(|(_, owner)| owner.clone());
            let seen = subject("file", &path, &[("owner", owner.unwrap_or_else(|| "root".into()))]);
            (query("host", "file", json!({ "path": path })), Listing::complete(vec![seen]))
        });
        self.write("facts.json", &world(listings.collect()).to_json())
    }

    /// Checks those facts by the folder's own rules.
    fn check(&self, more: &str) -> Ran {
        let (rules, facts) = (self.path("rules"), self.path("facts.json"));
        let fixed = ["check", "--rule", "own-*", "--rules"].map(OsString::from).into_iter();
        harden(fixed.chain([rules.into(), "--facts".into(), facts.into()]).chain(words(more)))
    }
}

fn rule(severity: &str) -> String {
    format!(
        "id: own-{severity}\ntitle: \"The file {severity} is root's\"\nseverity: {severity}\nphase: pre\nwhy: w\nfix: f\n\
         refs: {{ own: \"1\" }}\ncheck: {{ resource: file, with: {{ path: /{severity} }}, absent: fail, expect: {{ owner: root }} }}\n"
    )
}

#[test]
fn help_is_as_it_was() {
    let bless = std::env::var_os("HARDEN_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/help");
    for command in [
        "",
        "check",
        "collect",
        "record",
        "rules",
        "rules list",
        "rules new",
        "rules check",
        "rules test",
        "rules prove",
        "rules show",
        "resources",
        "profiles",
        "profiles list",
        "profiles show",
        "dsn",
        "pg-access",
        "schema",
    ] {
        // In a process of its own, since clap asks the terminal of this one for its width.
        let run = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(command.split_whitespace())
            .arg("--help")
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(run.status.success(), "{command}");
        let said = String::from_utf8(run.stdout).unwrap();
        let body = said.lines().filter(|line| !line.starts_with("Usage:"));
        assert!(body.into_iter().all(|line| line.chars().count() <= 100), "{said}");
        let name = if command.is_empty() { "harden".to_owned() } else { command.replace(' ', "-") };
        let path = folder.join(format!("{name}.txt"));
        if bless {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &said).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(said, kept, "{}: HARDEN_BLESS=1 writes it anew", path.display());
    }
}

#[test]
fn every_gate_gives_its_exit_code() {
    let folder = Folder::new();
    let denied = || Observed::unknown("denied");
    let passed = ExitCode::SUCCESS;
    let [failed, inconclusive] = [1, 3].map(ExitCode::from);
    for (owners, options, code) in [
        (vec![], "", passed),
        (vec![("low", "bob".into())], "", failed),
        (vec![("low", "bob".into())], "--fail-on low", failed),
        (vec![("low", "bob".into())], "--fail-on medium", passed),
        (vec![("high", "bob".into())], "--fail-on high", failed),
        (vec![("high", "bob".into())], "--fail-on critical", passed),
        (vec![("critical", "bob".into())], "--fail-on critical", failed),
        (vec![("critical", denied())], "", inconclusive),
        (vec![("critical", denied())], "--allow-unknown", passed),
        (vec![("low", denied())], "--fail-on high", passed),
        (vec![("high", denied())], "--fail-on high", inconclusive),
        (vec![("high", denied()), ("low", "bob".into())], "--fail-on high", inconclusive),
        (vec![("high", denied()), ("low", "bob".into())], "", failed),
        (vec![("high", "bob".into()), ("low", denied())], "--allow-unknown", failed),
        (vec![("high", denied()), ("low", "bob".into())], "--fail-on high --allow-unknown", passed),
    ] {
        folder.facts(&owners);
        let ran = folder.check(&format!("{options} --format json"));
        assert_eq!(ran.code, code, "{owners:?} {options}: {}{}", ran.out, ran.err);
    }
    folder.facts(&[("high", denied())]);
    for how in ["", "--quiet", "--verbose"] {
        assert_eq!(folder.check(how).code, inconclusive, "{how}: what is shown decides nothing");
    }
}

#[test]
fn the_configuration_sets_the_gate_and_the_command_line_outdoes_it() {
    let folder = Folder::new();
    folder.facts(&[("high", "bob".into())]);
    let config = folder.write("harden.toml", "fail_on = \"critical\"\n");
    let named = format!("--config {}", config.display());
    assert_eq!(folder.check(&named).code, ExitCode::SUCCESS);
    assert_eq!(folder.check(&format!("{named} --fail-on high")).code, ExitCode::from(1));
    let broken = folder.write("broken.toml", "fail_no = \"high\"\n[targets]\ndoker = \"x\"\n");
    let ran = folder.check(&format!("--config {}", broken.display()));
    assert_eq!(ran.code, ExitCode::from(2));
    assert!(
        ran.err.contains("`fail_on`?") && ran.err.contains("`docker`?") && ran.err.contains("2 problems"),
        "{}",
        ran.err
    );
    assert_eq!(folder.check("--config /nowhere/harden.toml").code, ExitCode::from(2));
}

#[test]
fn at_a_later_time() {
    let folder = Folder::new();
    let certificate =
        subject("certificate", "/c", &[("not_after", Observed::Known(harden::value::Value::Time(1_800_000_000)))]);
    let facts =
        world(vec![(query("host", "certificate", json!({ "path": "/c" })), Listing::complete(vec![certificate]))]);
    folder.write("facts.json", &facts.to_json());
    let text = rule("low").replace("own-low", "own-expiry").replace("resource: file", "resource: certificate");
    let text = text.replace("/low", "/c").replace("{ owner: root }", "{ not_after: { at_least: now+30d } }");
    folder.write("rules/own-expiry.yaml", &text);
    for (at, code) in [("2026-11-01", 0), ("2027-01-01", 1), ("2026-12-16T08:00:00Z", 0), ("2026-12-16T08:00:01Z", 1)] {
        let (rules, facts) = (folder.path("rules"), folder.path("facts.json"));
        let args = ["check", "--rule", "own-expiry", "--at", at, "--rules"].map(OsString::from).into_iter();
        let ran = harden(args.chain([rules.into(), "--facts".into(), facts.into()]));
        assert_eq!(ran.code, ExitCode::from(code), "{at}: {}{}", ran.out, ran.err);
    }
    let ran = folder.check("--at tomorrow");
    assert_eq!(ran.code, ExitCode::from(2));
    assert!(ran.err.contains("2027-01-01T12:00:00Z"), "{}", ran.err);
}

#[test]
fn mistakes_on_the_command_line_say_what_was_meant() {
    let folder = Folder::new();
    folder.facts(&[]);
    for (line, part) in [
        ("--input expiry_windw=3d", "did you mean `expiry_window`?"),
        ("--input expiry_window", "KEY=VALUE"),
        ("--input expiry_window=soon", "expiry_window"),
        ("--rule own-hihg", "did you mean `own-high`?"),
        ("--profile defualt", "did you mean `default`?"),
        ("--profile nothing-like-it", "there are: "),
        ("--fail-on hgh", "'high'"),
        ("--rules /nowhere", "no directory of rules"),
        ("--timeout 0", "1..=3600"),
        ("--verbose --quiet", "cannot be used with"),
        ("--root /", "cannot be used with"),
        ("--output /nowhere/report.json", "failed to write"),
        ("--formt json", "--format"),
    ] {
        let ran = folder.check(line);
        assert_eq!(ran.code, ExitCode::from(2), "{line}: {}", ran.out);
        assert!(ran.err.contains(part), "{line}: {part} is not in\n{}", ran.err);
        assert!(ran.out.is_empty(), "{line}: {}", ran.out);
    }
    for (line, part) in [
        ("", "Usage"),
        ("chek", "'check'"),
        ("rules show no-such-rule", "no selected rule"),
        ("schema facs", "'facts'"),
        ("record --all-subjects", "--format cases"),
        ("record --facts x --root /", "cannot be used with"),
    ] {
        let ran = harden(words(line));
        assert_eq!(ran.code, ExitCode::from(2), "{line}");
        assert!(ran.err.contains(part), "{line}: {}", ran.err);
    }
}

#[test]
fn facts_that_are_none_are_refused() {
    let folder = Folder::new();
    for text in ["", "{}", "[1", "{\"schema\":\"harden.facts/v9\"}", "\u{0}"] {
        folder.write("facts.json", text);
        let ran = folder.check("");
        assert_eq!(ran.code, ExitCode::from(2), "{text:?}");
        assert!(ran.err.contains("holds no facts") && ran.err.contains("harden collect"), "{}", ran.err);
    }
    std::fs::write(folder.path("facts.json"), [0xff, 0xfe]).unwrap();
    assert_eq!(folder.check("").code, ExitCode::from(2));
    std::fs::remove_file(folder.path("facts.json")).unwrap();
    assert_eq!(folder.check("").code, ExitCode::from(2));
    folder.write("facts.json", &Facts::default().to_json());
    let ran = folder.check("");
    assert_eq!(ran.code, ExitCode::from(3), "facts about nothing pass nothing: {}", ran.out);
}

#[test]
fn own_rules_are_judged_by_default_and_broken_ones_all_named() {
    let folder = Folder::new();
    folder.facts(&[("high", "bob".into())]);
    let (rules, facts) = (folder.path("rules"), folder.path("facts.json"));
    let args =
        || [OsString::from("check"), "--rules".into(), rules.clone().into(), "--facts".into(), facts.clone().into()];
    let ran = harden(args());
    assert!(ran.out.contains("FAIL high  own-high"), "{}", ran.out);
    let ran = harden(args().into_iter().chain(words("--profile docker --format json")));
    let report: Report = serde_json::from_str(&ran.out).unwrap();
    assert!(report.rules.contains_key("own-high"), "own rules are judged whatever the profile");

    folder.write("rules/own-a.yaml", "id: own-a\ntitel: x\n");
    folder.write("rules/deep/own-b.yaml", "a: [\n");
    folder.write("rules/own-low.yml", &rule("low"));
    std::fs::write(folder.path("rules/own-c.yaml"), b"id: own-c\n\xff\n").unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path("rules/own-d.yaml")).unwrap();
    let ran = harden(args());
    assert_eq!(ran.code, ExitCode::from(2));
    for part in ["own-a.yaml", "did you mean `title`?", "taken by", "not UTF-8", "own-d.yaml", "deep/own-b.yaml"] {
        assert!(ran.err.contains(part), "{part} is not in\n{}", ran.err);
    }
}

#[test]
fn a_report_replaces_its_file_as_a_whole() {
    let folder = Folder::new();
    folder.facts(&[("high", "bob".into())]);
    let path = folder.write("report.json", "old");
    let ran = folder.check(&format!("--format json --output {}", path.display()));
    assert_eq!(ran.code, ExitCode::from(1), "{}", ran.err);
    assert!(ran.out.is_empty() && ran.err.starts_with("FAILED"), "{}{}", ran.out, ran.err);
    let report: Report = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(report.findings.iter().filter(|entry| entry.status == Outcome::Fail).count(), 1);
    folder.write("facts.json", "{}");
    let before = std::fs::read_to_string(&path).unwrap();
    assert_eq!(folder.check(&format!("--output {}", path.display())).code, ExitCode::from(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before, "a run that failed leaves it alone");
    let mut names: Vec<_> = std::fs::read_dir(folder.0.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["facts.json", "report.json", "rules"], "nothing is left behind");
}

#[test]
fn colour_only_where_it_is_wanted() {
    let folder = Folder::new();
    folder.facts(&[("high", "bob".into())]);
    let run = |color: &str, no_color: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
        command.args(["check", "--rule", "own-*", "--color", color, "--rules"]).arg(folder.path("rules"));
        command.arg("--facts").arg(folder.path("facts.json")).env_remove("NO_COLOR").stdin(Stdio::null());
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let ran = command.output().unwrap();
        assert_eq!(ran.status.code(), Some(1));
        ran.stdout.contains(&0x1b)
    };
    assert!(!run("auto", None), "a pipe is no terminal");
    assert!(!run("auto", Some("1")));
    assert!(!run("never", None));
    assert!(run("always", None) && run("always", Some("1")), "what was asked for outdoes NO_COLOR");
}

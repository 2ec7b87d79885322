//! Deployments of the systems that have a profile, as their files and manifests lie on a host: a hardened one of which no
//! rule fails, and faulty ones of which every planted fault is found and no other.
//!
//! A layout is a folder `fixtures/systems/<profile>/<name>`: `root/` (the host), `compose.yaml`, `manifests/`,
//! `harden.toml`, each where there is one, and `layout.yaml`, which says what is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use harden::yaml::Node;
use rustix::process::{getgid, getuid};
use serde_json::Value;

/// When the layouts are judged, where `layout.yaml` does not say otherwise (`at`).
const AT: &str = "2026-11-25T12:00:00Z";

/// What `layout.yaml` says.
struct Layout {
    at: String,
    /// Modes of files below `root/`; the others have 0644, directories 0755.
    modes: BTreeMap<String, u32>,
    /// Hours before `at` at which files below `root/` were written; the others an hour before.
    ages: BTreeMap<String, u64>,
    /// Rule and subject of every fail.
    faults: BTreeSet<(String, String)>,
    /// Rules that are unknown, and a part of the reason.
    unknown: BTreeMap<String, String>,
}

impl Layout {
    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("layout.yaml")).expect("each layout has a layout.yaml");
        let tree = harden::yaml::parse(&text).unwrap_or_else(|problems| panic!("{}: {problems:?}", folder.display()));
        for (key, _) in tree.mapping().expect("a mapping") {
            let known = ["at", "modes", "ages", "faults", "unknown"];
            assert!(known.contains(&key.name.as_str()), "{}: `{}` is not a key", folder.display(), key.name);
        }
        let faults = tree.get("faults").and_then(Node::sequence).unwrap_or_default();
        Self {
            at: tree.get("at").map_or_else(|| AT.to_owned(), text_of),
            modes: map(&tree, "modes", |mode| u32::from_str_radix(&mode, 8).expect("an octal mode")),
            ages: map(&tree, "ages", |hours| hours.parse().expect("hours")),
            faults: faults.iter().map(|fault| (member(fault, "rule"), member(fault, "subject"))).collect(),
            unknown: map(&tree, "unknown", |reason| reason),
        }
    }
}

fn text_of(node: &Node) -> String {
    node.text().unwrap_or_else(|| panic!("{} in place of a text", node.describe())).to_owned()
}

fn member(node: &Node, name: &str) -> String {
    node.get(name).map_or_else(|| panic!("a fault without `{name}`"), text_of)
}

fn map<T>(tree: &Node, name: &str, read: impl Fn(String) -> T) -> BTreeMap<String, T> {
    let members = tree.get(name).and_then(Node::mapping).unwrap_or_default();
    members.iter().map(|(key, value)| (key.name.clone(), read(text_of(value)))).collect()
}

/// Copies a folder, with modes that do not depend on how it was checked out.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), to).unwrap();
        } else if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::write(&to, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&to, Permissions::from_mode(0o644)).unwrap();
        }
    }
}

/// Sets when each file was written.
fn date(root: &Path, dir: &Path, at: SystemTime, ages: &BTreeMap<String, u64>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            date(root, &path, at, ages);
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let age = Duration::from_secs(ages.get(name).unwrap_or(&1) * 3600);
        File::open(&path).unwrap().set_times(FileTimes::new().set_modified(at - age)).unwrap();
    }
}

/// Whoever runs the tests owns the files; in the layout that is root.
fn make_root_of_us(root: &Path) {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    for (file, from, to) in
        [("passwd", "root:x:0:0:", format!("root:x:{uid}:{gid}:")), ("group", "root:x:0:", format!("root:x:{gid}:"))]
    {
        let path = root.join("etc").join(file);
        if let Ok(text) = fs::read_to_string(&path) {
            fs::write(&path, text.replacen(from, &to, 1)).unwrap();
        }
    }
}

/// Lays the files out in a folder of their own.
fn lay_out(folder: &Path, layout: &Layout) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    copy(folder, place.path());
    let root = place.path().join("root");
    if root.exists() {
        make_root_of_us(&root);
        let at: jiff::Timestamp = layout.at.parse().expect("an instant");
        date(&root, &root, SystemTime::from(at), &layout.ages);
        for (name, mode) in &layout.modes {
            fs::set_permissions(root.join(name), Permissions::from_mode(*mode))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    place
}

fn check(system: &str, place: &Path, layout: &Layout) -> Value {
    let mut arguments: Vec<PathBuf> =
        ["harden", "check", "--format", "json", "--profile", system].map(Into::into).into();
    arguments.extend(["--at".into(), layout.at.clone().into()]);
    for (option, name) in
        [("--config", "harden.toml"), ("--root", "root"), ("--compose", "compose.yaml"), ("--manifest", "manifests")]
    {
        let path = place.join(name);
        if path.exists() {
            arguments.extend([option.into(), path]);
        }
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    harden::run(arguments.into_iter().map(Into::into), &mut out, &mut err);
    serde_json::from_slice(&out).unwrap_or_else(|_| panic!("{system}: {}", String::from_utf8_lossy(&err)))
}

/// What differs from what was expected, one line for each.
fn differences(report: &Value, layout: &Layout) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().expect("findings") {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        match finding["status"].as_str() {
            Some("fail") => drop(found.insert((text("rule"), text("subject")))),
            // What a person attests is in no layout.
            Some("unknown") if text("rule").starts_with("manual-") => {}
            Some("unknown") => unknown.entry(text("rule")).or_default().push(finding.to_string()),
            _ => {}
        }
    }
    let name = |(rule, subject): &(String, String)| format!("{rule} on {subject}");
    let mut lines: Vec<_> =
        layout.faults.difference(&found).map(|fault| format!("not found: {}", name(fault))).collect();
    lines.extend(found.difference(&layout.faults).map(|fault| format!("not planted: {}", name(fault))));
    for (rule, findings) in &unknown {
        let expected = layout.unknown.get(rule);
        let said = |finding: &&String| !expected.is_some_and(|reason| finding.contains(reason.as_str()));
        lines.extend(findings.iter().find(said).map(|finding| format!("not expected: {rule} is unknown: {finding}")));
    }
    let known = layout.unknown.keys().filter(|rule| !unknown.contains_key(*rule));
    lines.extend(known.map(|rule| format!("not unknown: {rule}")));
    lines
}

fn layouts(system: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/systems").join(system);
    let mut found: Vec<_> = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Every planted fault is found, and no other.
fn judge(system: &str) {
    let (mut good, mut bad) = (0, 0);
    let mut wrong = Vec::new();
    for folder in layouts(system) {
        let layout = Layout::read(&folder);
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
        let hardened = name == "good" || name.starts_with("good-");
        assert_eq!(hardened, layout.faults.is_empty(), "{}: faults are for bad layouts", folder.display());
        *(if hardened { &mut good } else { &mut bad }) += 1;
        let place = lay_out(&folder, &layout);
        let report = check(system, place.path(), &layout);
        wrong.extend(differences(&report, &layout).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(good > 0 && bad > 0, "{system} needs a good layout and a bad one");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nursery() {
    judge("nursery");
}

#[test]
fn ofelia() {
    judge("ofelia");
}

#[test]
fn pulumi_cloud() {
    judge("pulumi-cloud");
}

#[test]
fn pullbase() {
    judge("pullbase");
}

#[test]
fn situation() {
    judge("situation");
}

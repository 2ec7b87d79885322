//! Work trees, against git itself: what is tracked, what is ignored; and a server that speaks HTTP as git's does.
//! Needs git.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harden::facts::{Extent, Listing};
use harden::git::index::{Hash, parse};
use harden::resource::{self, With};
use harden::target::Door;
use harden::target::host::Host;
use harden::value::secret::Salt;
use serde_json::json;

use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        what_git_tracks_is_tracked,
        what_git_ignores_is_ignored,
        secrets_are_found_where_git_would_take_them,
        other_work_trees_are_read,
    ]
}

/// git without the configuration of whoever runs the tests.
fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(tools::find("git"));
    command.current_dir(folder).env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1");
    for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
        command.env(name, "a@example.org");
    }
    command
        .env_remove("XDG_CONFIG_HOME")
        .args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"])
        .args(arguments);
    command
}

fn repository(more: &[&str]) -> PathBuf {
    let folder = session().instance("git");
    tools::run(git(&folder, &["init", "-q"]).args(more).arg("."));
    folder
}

fn write(folder: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn ask(folder: &Path, with: &[(&str, &str)]) -> Listing {
    let door = Door::Host(Host::open(Path::new("/"), Arc::new(Salt::random().unwrap())).unwrap());
    let mut with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    with.insert("path".to_owned(), json!(folder.display().to_string()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on((resource::find("git").unwrap().observe)(&door, &with))
}

fn get(listing: &Listing, field: &str) -> String {
    let [subject] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    subject.fields.get(field).unwrap().to_string()
}

fn listed(folder: &Path) -> Vec<Vec<u8>> {
    let output = git(folder, &["ls-files", "-z"]).output().expect("git");
    assert!(output.status.success(), "{output:?}");
    let mut paths: Vec<Vec<u8>> =
        output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect();
    paths.dedup();
    paths
}

/// The index in each version and with each hash, with conflicts, links, modules and names that are no text.
fn what_git_tracks_is_tracked() {
    for (hash, kind) in [("sha1", Hash::Sha1), ("sha256", Hash::Sha256)] {
        let folder = repository(&[&format!("--object-format={hash}")]);
        let mut random = Random(7);
        for _ in 0..150 {
            let depth = 1 + random.below(4);
            let part = |random: &mut Random| {
                ["a", "bb", "\u{e4}", "x y", "zz", "long-name"][random.below(6)].to_owned()
                    + &random.below(30).to_string()
            };
            let mut path: Vec<String> = (0..depth).map(|_| part(&mut random) + "_").collect();
            path.push(part(&mut random));
            write(&folder, &path.join("/"), b"x");
        }
        write(&folder, &"n".repeat(200), b"x");
        std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
        tools::run(&mut git(&folder, &["add", "-A"]));
        tools::run(&mut git(&folder, &["commit", "-qm", "one"]));
        tools::run(&mut git(&folder, &["rm", "-q", "--cached", "link"]));
        write(&folder, "new", b"");
        tools::run(&mut git(&folder, &["add", "-N", "new"]));
        for version in ["2", "3", "4"] {
            tools::run(&mut git(&folder, &["update-index", "--index-version", version]));
            let index = parse(&fs::read(folder.join(".git/index")).unwrap(), kind).unwrap();
            let paths: Vec<Vec<u8>> = index.entries.iter().map(|entry| entry.path.clone()).collect();
            assert_eq!(paths, listed(&folder), "{hash} {version}");
            assert_eq!(index.more, None);
        }
        assert_eq!(get(&ask(&folder, &[]), "tracked"), listed(&folder).len().to_string());
        tools::run(&mut git(&folder, &["update-index", "--split-index"]));
        assert!(get(&ask(&folder, &[]), "tracked").contains("split index"));
    }
}

/// Patterns made at random, in several files, against `git check-ignore`.
fn what_git_ignores_is_ignored() {
    let pieces = [
        "*",
        "**",
        "/",
        "a",
        "b",
        "?",
        "[ab]",
        "[!a]",
        "\\",
        "!",
        "a*",
        "*.b",
        "/**/",
        "**/",
        "/a",
        "b/",
        "#",
        " ",
        "[",
        "]",
        "[a-",
        "[[:alpha:]]",
        "\\*",
        "a/b",
    ];
    let names = ["a", "b", "ab", "a.b", "aa", "c"];
    let mut random = Random(0x161);
    let mut compared = [0_usize; 2];
    for _ in 0..25 {
        let folder = repository(&[]);
        for file in [".gitignore", "a/.gitignore", "a/b/.gitignore", ".git/info/exclude"] {
            if random.below(2) == 0 && file != ".gitignore" {
                continue;
            }
            let lines = 1 + random.below(4);
            let line = |random: &mut Random| {
                (0..=random.below(4)).map(|_| pieces[random.below(pieces.len())]).collect::<String>()
            };
            let text: Vec<String> = (0..lines).map(|_| line(&mut random)).collect();
            write(&folder, file, text.join("\n") + "\n");
        }
        let mut paths = BTreeSet::new();
        for _ in 0..40 {
            let depth = 1 + random.below(4);
            let path: Vec<&str> = (0..depth).map(|_| names[random.below(names.len())]).collect();
            paths.insert(path.join("/"));
        }
        let asked: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut command = git(&folder, &["check-ignore", "--no-index", "--"]);
        let output = command.args(&asked).output().expect("git");
        let theirs: BTreeSet<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let open = get(&ask(&folder, &[("ignored", &asked.join(", "))]), "unignored");
        let ours: BTreeSet<String> =
            if open == "none" { BTreeSet::new() } else { open.split(", ").map(str::to_owned).collect() };
        for path in &paths {
            // Of paths that are directories in the work tree, git knows that they are.
            if folder.join(path).is_dir() {
                continue;
            }
            assert_eq!(!ours.contains(path), theirs.contains(path), "{path} in {}", folder.display());
            compared[usize::from(theirs.contains(path))] += 1;
        }
    }
    assert!(compared.iter().all(|count| *count > 100), "{compared:?}");
}

fn secrets_are_found_where_git_would_take_them() {
    let folder = repository(&[]);
    let token = format!("ghp_{}", "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW2xY4");
    write(&folder, "src/main.rs", format!("fn main() {{}}\n// {token}\n"));
    write(&folder, ".env", "A=1\n");
    write(&folder, "image.png", token.as_bytes());
    write(&folder, ".gitignore", "secret/\n");
    write(&folder, "secret/id_rsa", "x");
    write(&folder, "open/id_rsa", "x");
    write(&folder, "clean.txt", "nothing");
    tools::run(&mut git(&folder, &["add", "src", ".env", "clean.txt", ".gitignore", "image.png"]));
    let seen = ask(&folder, &[]);
    let shown = get(&seen, "tracked_secrets");
    assert!(
        shown.contains("path=src/main.rs, kind=github-token, line=2") && shown.contains("path=.env, kind=env-file"),
        "{shown}"
    );
    assert!(!shown.contains("image.png") && !format!("{seen:?}").contains(&token), "{seen:?}");
    assert_eq!(get(&seen, "exposed_secrets"), "path=open/id_rsa, kind=private-key");
    fs::remove_file(folder.join("clean.txt")).unwrap();
    assert!(get(&ask(&folder, &[]), "tracked_secrets").contains("1 tracked files are not in the work tree"));
}

fn other_work_trees_are_read() {
    let folder = repository(&[]);
    write(&folder, "a", "x");
    tools::run(&mut git(&folder, &["add", "a"]));
    tools::run(&mut git(&folder, &["commit", "-qm", "one"]));
    let other = session().instance("git-other").join("tree");
    tools::run(git(&folder, &["worktree", "add", "-q"]).arg(&other));
    let seen = ask(&other, &[]);
    assert_eq!((get(&seen, "tracked"), get(&seen, "bare")), ("1".to_owned(), "false".to_owned()));
    assert!(get(&seen, "git_directory").contains("/worktrees/tree"));
    let parent = repository(&[]);
    tools::run(git(&parent, &["submodule", "--quiet", "add"]).arg(&folder).arg("module"));
    assert_eq!(get(&ask(&parent.join("module"), &[]), "tracked"), "1");
    // The module's entry, and .gitmodules.
    assert_eq!(get(&ask(&parent, &[]), "tracked"), "2");
    let copy = session().instance("git-shallow").join("copy");
    let url = format!("file://{}", folder.display());
    tools::run(git(&folder, &["clone", "-q", "--depth=1", &url]).arg(&copy));
    assert_eq!(get(&ask(&copy, &[]), "shallow"), "true");
    let bare = session().instance("git-bare").join("bare.git");
    tools::run(git(&folder, &["clone", "-q", "--bare", &url]).arg(&bare));
    assert_eq!(get(&ask(&bare, &[]), "bare"), "true");
    assert!(matches!(ask(&session().instance("no-git"), &[]).extent, Extent::Absent(_)));
    let cone = session().instance("git-sparse").join("copy");
    for folder_name in ["in", "out"] {
        write(&folder, &format!("{folder_name}/file"), "x");
    }
    tools::run(&mut git(&folder, &["add", "-A"]));
    tools::run(&mut git(&folder, &["commit", "-qm", "two"]));
    tools::run(git(&folder, &["clone", "-q", "--no-local"]).arg(&folder).arg(&cone));
    tools::run(&mut git(&cone, &["sparse-checkout", "set", "--sparse-index", "in"]));
    assert!(get(&ask(&cone, &[]), "tracked").contains("sparse index"), "{}", get(&ask(&cone, &[]), "tracked"));
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

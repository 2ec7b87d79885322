//! The host door against the system's own tools: `find -perm` over a generated tree, `setfacl`, and a process that is
//! not root. Needs root, `setpriv` (util-linux), `setfacl` (acl) and `find`; fails where it lacks one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harden::facts::{Extent, Listing, Subject};
use harden::resource::{self, With};
use harden::target::Door;
use harden::target::host::Host;
use harden::value::secret::Salt;
use harden::value::{Observed, Value};
use serde_json::json;

use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        modes_owners_and_sizes_are_those_of_find,
        modes_exceed_a_limit_where_find_says_so,
        acls_are_those_that_setfacl_made,
        sticky_directories_protect_only_the_owners_entries,
        without_rights_what_is_hidden_is_unknown,
        a_real_tree_is_walked_in_seconds,
    ]
}

const NOBODY: u32 = 65_534;

fn host(root: &Path) -> Door {
    Door::Host(Host::open(root, Arc::new(Salt::random().unwrap())).unwrap())
}

fn ask(door: &Door, resource: &str, with: &[(&str, &str)]) -> Listing {
    let with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on((resource::find(resource).unwrap().observe)(door, &with))
}

fn files(door: &Door, path: &str) -> Listing {
    ask(door, "file", &[("path", path)])
}

fn field<'s>(subject: &'s Subject, name: &str) -> &'s Observed {
    subject.fields.get(name).unwrap()
}

fn run(command: &str, arguments: &[&str]) -> String {
    tools::run(Command::new(tools::find(command)).args(arguments))
}

fn need_root() {
    assert_eq!(run("id", &["-u"]).trim(), "0", "these tests need root");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A tree of 12 directories with 25 files each, every mode derived from its place.
fn tree(root: &Path) {
    for d in 0..12_u32 {
        let dir = root.join(format!("d{d}"));
        fs::create_dir(&dir).unwrap();
        for f in 0..25_u32 {
            let path = dir.join(format!("f{f}"));
            fs::write(&path, "x".repeat(f as usize)).unwrap();
            chown(&path, Some([0, 1, NOBODY, 4242][(f % 4) as usize]), Some([0, 1, 4242][(d % 3) as usize])).unwrap();
            set_mode(&path, (d * 25 + f).wrapping_mul(2_654_435_761) >> 9 & 0o7777);
        }
        set_mode(&dir, 0o0755 | (d % 8) << 9 | (d & 2));
    }
}

fn modes_owners_and_sizes_are_those_of_find() {
    need_root();
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let door = host(root.path());
    let listing = files(&door, "/**");
    assert_eq!(listing.extent, Extent::Complete);
    let own: BTreeMap<String, String> = listing
        .subjects
        .iter()
        .map(|one| {
            let Observed::Known(Value::Mode(mode)) = field(one, "mode") else { panic!("{one:?}") };
            let Observed::Known(Value::Size(size)) = field(one, "size") else { panic!("{one:?}") };
            let Observed::Known(Value::Time(time)) = field(one, "modified") else { panic!("{one:?}") };
            let text =
                format!("{mode:o} {} {} {size} {time} {}", field(one, "uid"), field(one, "gid"), field(one, "kind"));
            (one.name.to_string(), text)
        })
        .collect();
    let root_text = root.path().to_str().unwrap();
    let printed = run("find", &[root_text, "-mindepth", "1", "-printf", "/%P\\t%m %U %G %s %Ts %y\\n"]);
    let kinds = |text: &str| match text.rsplit_once(' ') {
        Some((rest, "f")) => format!("{rest} file"),
        Some((rest, "d")) => format!("{rest} directory"),
        _ => panic!("{text}"),
    };
    let found: BTreeMap<String, String> = printed
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(path, text)| (path.to_owned(), kinds(text)))
        .collect();
    assert_eq!(own.len(), 312);
    assert_eq!(own, found);
}

/// `at_most` is a set of bits: what `find -perm /BITS` finds is what exceeds it.
fn modes_exceed_a_limit_where_find_says_so() {
    need_root();
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let listing = files(&host(root.path()), "/*/*");
    for limit in [0o600, 0o640, 0o644, 0o755, 0o400, 0o7777] {
        let own: BTreeSet<String> = listing
            .subjects
            .iter()
            .filter(|one| match field(one, "mode") {
                Observed::Known(Value::Mode(mode)) => !harden::value::mode::is_within(*mode, limit),
                other => panic!("{other}"),
            })
            .map(|one| one.name.to_string())
            .collect();
        let bits = format!("/{:o}", !limit & 0o7777);
        let root = root.path().to_str().unwrap();
        // `-perm /0` is true for every file in GNU find, the empty set here.
        let found = if bits == "/0" {
            String::new()
        } else {
            run("find", &[root, "-mindepth", "2", "-perm", &bits, "-printf", "/%P\\n"])
        };
        assert_eq!(own, found.lines().map(str::to_owned).collect(), "{limit:o}");
    }
}

fn acls_are_those_that_setfacl_made() {
    need_root();
    let root = tempfile::tempdir().unwrap();
    let key = root.path().join("key");
    fs::write(&key, "").unwrap();
    set_mode(&key, 0o600);
    let door = host(root.path());
    let one = |listing: Listing| listing.subjects.into_iter().next().unwrap();
    assert_eq!(*field(&one(files(&door, "/key")), "acl_extended"), false.into());
    run("setfacl", &["-m", "u:4242:rw,g:4243:r,m::r", key.to_str().unwrap()]);
    let seen = one(files(&door, "/key"));
    assert_eq!(*field(&seen, "acl_extended"), true.into());
    let grants = field(&seen, "acl_grants").to_string();
    assert_eq!(
        grants,
        "tag=user, name=4242, permissions=r--, tag=group, name=4243, permissions=r--, tag=mask, permissions=r--"
    );
    assert_eq!(field(&seen, "mode").to_string(), "0640", "the group bits are the mask");
    let dir = root.path().join("dir");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("key"), "").unwrap();
    assert_eq!(field(&one(files(&door, "/dir/key")), "ancestors_writable_by").to_string(), "none");
    run("setfacl", &["-m", "u:4242:rwx", dir.to_str().unwrap()]);
    let text = field(&one(files(&door, "/dir/key")), "ancestors_writable_by").to_string();
    assert_eq!(text, "/dir (root:root 0775)");
    run("setfacl", &["-m", "m::rx", dir.to_str().unwrap()]);
    assert_eq!(field(&one(files(&door, "/dir/key")), "ancestors_writable_by").to_string(), "none", "the mask takes it");
}

fn sticky_directories_protect_only_the_owners_entries() {
    need_root();
    let root = tempfile::tempdir().unwrap();
    set_mode(root.path(), 0o755);
    let tmp = root.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    set_mode(&tmp, 0o1777);
    fs::write(tmp.join("own"), "").unwrap();
    chown(tmp.join("own"), Some(1000), None).unwrap();
    symlink("/own", tmp.join("link")).unwrap();
    std::os::unix::fs::lchown(tmp.join("link"), Some(2000), None).unwrap();
    fs::write(root.path().join("own"), "").unwrap();
    fs::create_dir(root.path().join("home")).unwrap();
    fs::write(root.path().join("home/file"), "").unwrap();
    chown(root.path().join("home"), Some(3000), None).unwrap();
    let door = host(root.path());
    let writable = |path: &str| field(&files(&door, path).subjects[0], "ancestors_writable_by").to_string();
    assert_eq!(writable("/tmp/own"), "none");
    assert_eq!(writable("/tmp/link"), "/tmp (root:root 1777)", "another user owns the link");
    assert_eq!(writable("/home/file"), "/home (3000:root 0755)", "its directory's owner can replace root's file");
}

const ROLE: &str = "HARDEN_TEST_UNPRIVILEGED";

/// Runs this very test file again as a user without rights.
fn without_rights_what_is_hidden_is_unknown() {
    if let Some(root) = std::env::var_os(ROLE) {
        return unprivileged(Path::new(&root));
    }
    need_root();
    let root = tempfile::tempdir().unwrap();
    set_mode(root.path(), 0o755);
    for dir in ["open", "closed", "listed"] {
        fs::create_dir(root.path().join(dir)).unwrap();
        fs::write(root.path().join(dir).join("key"), "A=1").unwrap();
        set_mode(&root.path().join(dir).join("key"), 0o600);
    }
    set_mode(&root.path().join("closed"), 0o700);
    set_mode(&root.path().join("listed"), 0o744);
    symlink("/closed/key", root.path().join("link")).unwrap();
    let exe: PathBuf = root.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    set_mode(&exe, 0o755);
    let output = Command::new(tools::find("setpriv"))
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&exe)
        .args(["--exact", concat!(module_path!(), "::without_rights_what_is_hidden_is_unknown"), "--nocapture"])
        .env(ROLE, root.path())
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn unprivileged(root: &Path) {
    let door = host(root);
    let failed = |path: &str| matches!(files(&door, path).extent, Extent::Failed(reason) if reason.grant.is_some());
    let seen = files(&door, "/open/key");
    assert_eq!(field(&seen.subjects[0], "mode").to_string(), "0600", "looking needs no right to read");
    assert_eq!(*field(&seen.subjects[0], "acl_extended"), false.into());
    assert!(failed("/closed/key"));
    assert!(failed("/closed/none"), "whether it exists is not known");
    assert!(failed("/link"), "where it leads is not known");
    assert!(failed("/closed/*"));
    assert!(matches!(files(&door, "/open/none").extent, Extent::Absent(_)));
    assert!(matches!(files(&door, "/*/key").extent, Extent::Partial(_)));
    let listed = files(&door, "/listed/*");
    assert!(matches!(field(&listed.subjects[0], "mode"), Observed::Unknown(_)), "listed, and not to be looked at");
    let env = |of: &str| ask(&door, "env", &[("of", of), ("name", "A"), ("as", "text")]);
    assert!(matches!(field(&env("file:/open/key").subjects[0], "present"), Observed::Unknown(_)));
    assert!(matches!(
        env("file:/closed/none").subjects.first().map(|one| field(one, "present")),
        Some(Observed::Unknown(_))
    ));
    assert!(matches!(env("file:/open/none").extent, Extent::Absent(_)));
    let live = host(Path::new("/"));
    let init = fs::read_to_string("/proc/1/comm").unwrap();
    let seen = ask(&live, "env", &[("of", &format!("process:{}", init.trim())), ("name", "PATH")]);
    let first = seen.subjects.iter().find(|one| one.name.contains("(pid 1)")).unwrap();
    assert!(matches!(field(first, "present"), Observed::Unknown(reason) if reason.grant.is_some()));
}

/// Not a measurement, a bound: a walk over a real tree ends well within a query's time.
fn a_real_tree_is_walked_in_seconds() {
    let started = std::time::Instant::now();
    let listing = files(&host(Path::new("/")), "/usr/share/**");
    eprintln!("  {} subjects in {:.2?}", listing.subjects.len(), started.elapsed());
    assert!(listing.subjects.len() > 100);
    let count = run("find", &["/usr/share", "-mindepth", "1", "-printf", "x"]).len();
    if listing.extent == Extent::Complete {
        assert_eq!(listing.subjects.len(), count);
    }
}

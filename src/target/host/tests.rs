//! Roots are temporary directories; nothing here needs root or depends on not being it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, ResolveFlags, mknodat, openat2};

use super::*;

pub(crate) fn host() -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().unwrap();
    let host = Host::open(root.path(), Arc::new(Salt::random().unwrap())).unwrap();
    (root, host)
}

fn live() -> Host {
    Host::open(Path::new("/"), Arc::new(Salt::random().unwrap())).unwrap()
}

#[test]
fn links_stay_inside_the_root() {
    let (root, host) = host();
    let at = |path: &str| root.path().join(path);
    fs::create_dir_all(at("etc/deep")).unwrap();
    fs::write(at("etc/passwd"), "inside").unwrap();
    symlink("/etc/passwd", at("absolute")).unwrap();
    symlink("../../../../../../etc/passwd", at("etc/deep/up")).unwrap();
    symlink("/", at("etc/root")).unwrap();
    symlink(root.path(), at("outside")).unwrap();
    for path in ["/absolute", "/etc/deep/up", "/../../etc/passwd", "/etc/root/etc/passwd", "/etc/./deep/../passwd"] {
        assert_eq!(host.read(Path::new(path), 100).unwrap(), b"inside", "{path}");
    }
    assert_eq!(
        host.read(Path::new("/outside/etc/passwd"), 100),
        Err(Trouble::Absent),
        "the host's path is not the root's"
    );
    assert_eq!(host.resolve(Path::new("/etc/deep/up")).unwrap().path, Path::new("/etc/passwd"));
    assert_eq!(host.resolve(Path::new("/../..")).unwrap().path, Path::new("/"));
    let relative = host.read(Path::new("etc/passwd"), 100).unwrap_err();
    assert!(matches!(relative, Trouble::Unseen(reason) if reason.text.contains("no absolute path")));
    assert!(!host.is_live());
}

#[test]
fn loops_end_and_dangling_links_are_known() {
    let (root, host) = host();
    symlink("b", root.path().join("a")).unwrap();
    symlink("a", root.path().join("b")).unwrap();
    symlink("nowhere/x", root.path().join("dangling")).unwrap();
    symlink("dangling", root.path().join("twice")).unwrap();
    assert!(matches!(host.resolve(Path::new("/a")), Err(Trouble::Unseen(reason)) if reason.text.contains("too many")));
    let found = host.resolve(Path::new("/twice")).unwrap();
    assert!(found.dangling);
    assert_eq!(found.link_target.unwrap(), "dangling");
    assert_eq!(host.resolve(Path::new("/dangling/more")).unwrap_err(), Trouble::Absent);
    assert_eq!(host.read(Path::new("/dangling"), 10), Err(Trouble::Absent));
}

#[test]
fn only_regular_files_are_opened() {
    let (root, host) = host();
    mknodat(CWD, root.path().join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _listener = UnixListener::bind(root.path().join("socket")).unwrap();
    fs::create_dir(root.path().join("dir")).unwrap();
    fs::write(root.path().join("file"), "x").unwrap();
    for (path, what) in [("/fifo", "fifo"), ("/socket", "socket"), ("/dir", "directory")] {
        let Err(Trouble::Unseen(reason)) = host.read(Path::new(path), 10) else { panic!("{path}") };
        assert!(reason.text.contains(what), "{reason}");
    }
    assert_eq!(host.read(Path::new("/file/x"), 10), Err(Trouble::Absent));
    assert_eq!(host.read(Path::new("/file/"), 10), Err(Trouble::Absent));
    assert!(
        matches!(live().read(Path::new("/dev/null"), 10), Err(Trouble::Unseen(reason)) if reason.text.contains("char-device"))
    );
}

#[test]
fn reads_are_bounded() {
    let (root, host) = host();
    let file = fs::File::create(root.path().join("huge")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(
        matches!(host.read(Path::new("/huge"), 1000), Err(Trouble::Unseen(reason)) if reason.text.contains("larger than 1000"))
    );
    fs::write(root.path().join("ten"), "0123456789").unwrap();
    assert_eq!(host.read(Path::new("/ten"), 10).unwrap().len(), 10);
    assert!(host.read(Path::new("/ten"), 9).is_err());
}

#[test]
fn the_kernels_own_links_are_not_guessed() {
    let host = live();
    assert!(host.resolve(Path::new("/proc/self/status")).is_ok());
    for path in ["/proc/self/root/etc", "/proc/self/fd/0", "/proc/self/cwd", "/proc/self/ns/mnt"] {
        let Err(Trouble::Unseen(reason)) = host.resolve(Path::new(path)) else { panic!("{path}") };
        assert!(reason.text.contains("only the kernel"), "{reason}");
    }
}

/// A small generator of numbers, so that the trees are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn path(&mut self) -> String {
        const PARTS: [&str; 9] = ["a", "b", "c", "d", "..", ".", "", "l", "m"];
        let start = if self.below(2) == 0 { "/" } else { "" };
        let parts: Vec<_> = (0..=self.below(4)).map(|_| PARTS[self.below(PARTS.len())]).collect();
        format!("{start}{}", parts.join("/"))
    }
}

/// The walk against the kernel's `RESOLVE_IN_ROOT`: same file, or none for both.
#[test]
fn the_walk_agrees_with_openat2() {
    let mut numbers = Numbers(7);
    let mut compared = 0;
    for _ in 0..40 {
        let (root, host) = host();
        for _ in 0..25 {
            let path = root.path().join(numbers.path().trim_start_matches('/'));
            if !path.components().all(|part| part.as_os_str() != "..") {
                continue;
            }
            let _ = match numbers.below(3) {
                0 => fs::create_dir_all(path),
                1 => fs::write(path, "x"),
                _ => symlink(numbers.path(), path),
            };
        }
        for _ in 0..100 {
            let path = numbers.path();
            if path.is_empty() {
                continue;
            }
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let kernel = openat2(&host.inner.root, &path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
            let kernel = match kernel {
                Err(Errno::NOSYS | Errno::PERM) => return,
                Err(Errno::LOOP) => None,
                Err(Errno::NOENT | Errno::NOTDIR) => None,
                Err(other) => panic!("{path}: {other}"),
                Ok(fd) => Some(fstat(fd).unwrap().st_ino),
            };
            let own = host
                .resolve(&Path::new("/").join(&path))
                .ok()
                .filter(|found| !found.dangling)
                .map(|found| found.stat.st_ino);
            assert_eq!(own, kernel, "{path}");
            compared += usize::from(kernel.is_some());
        }
    }
    assert!(compared > 500, "only {compared} paths led anywhere");
}

#[test]
fn patterns_find_hidden_and_nested_names() {
    let (root, host) = host();
    for dir in ["home/a/.ssh", "home/b/.ssh", "etc/x.d"] {
        fs::create_dir_all(root.path().join(dir)).unwrap();
    }
    for file in ["home/a/.ssh/key", "home/b/.ssh/.hidden", "etc/x.d/1.conf", "etc/x.d/2.conf", "etc/a[1]"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    symlink("a", root.path().join("home/link")).unwrap();
    symlink("/home", root.path().join("home/a/loop")).unwrap();
    let find = |pattern: &str| {
        let matches = host.find(pattern).unwrap();
        assert_eq!(matches.more, None, "{pattern}");
        matches.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(find("/home/*/.ssh/*"), ["/home/a/.ssh/key", "/home/b/.ssh/.hidden", "/home/link/.ssh/key"]);
    assert_eq!(find("/home/*/.ssh/key"), ["/home/a/.ssh/key", "/home/link/.ssh/key"]);
    assert_eq!(find("/etc/{x.d/*.conf,none/*}"), ["/etc/x.d/1.conf", "/etc/x.d/2.conf"]);
    assert_eq!(find("/**/key"), ["/home/a/.ssh/key"]);
    assert_eq!(find("/etc/**"), ["/etc/a[1]", "/etc/x.d", "/etc/x.d/1.conf", "/etc/x.d/2.conf"]);
    assert_eq!(find("/etc/a\\[1\\]"), ["/etc/a[1]"]);
    assert!(find("/none/*").is_empty());
    assert!(find("/etc/x.d/1.conf/*").is_empty());
}

#[test]
fn a_walk_says_where_it_stopped() {
    let (root, host) = host();
    let mut deep = root.path().to_owned();
    for _ in 0..70 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let matches = host.find("/**/none").unwrap();
    assert!(matches.more.unwrap().text.contains("deeper than /d/d"));
}

/// A loader that was given up ends.
#[test]
fn a_dropped_walk_stops() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let host = live();
    let started = Instant::now();
    runtime.block_on(async {
        let walk = host.run(|host| {
            while !host.stopped() {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), walk).await.is_err());
    });
    drop(runtime);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn names_are_the_roots_own() {
    let (root, host) = host();
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/passwd"), "admin:x:0:0::/:\napp:x:1:7::/:\n").unwrap();
    fs::write(root.path().join("etc/group"), "app:x:7:\nstaff:x:8:app,other\n").unwrap();
    assert_eq!(host.user_name(0).unwrap(), "admin");
    assert_eq!(host.user_name(4242).unwrap(), "4242");
    assert_eq!(host.group_name(0).unwrap(), "root", "number 0 without an entry is still root's");
    assert!(host.is_private_group(7, 1));
    assert!(!host.is_private_group(8, 1));
    assert!(!host.is_private_group(9, 1), "nothing is known of it");
    assert_eq!(live().user_name(0).unwrap(), "root");
}

#[test]
fn a_world_writable_directory_on_the_way_is_found() {
    let (root, host) = host();
    let at = |path: &str| root.path().join(path);
    let mode = |path: &str, mode: u32| fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir_all(at("open/sub")).unwrap();
    fs::create_dir(at("tmp")).unwrap();
    fs::write(at("open/sub/key"), "").unwrap();
    fs::write(at("tmp/key"), "").unwrap();
    symlink("/open/sub/key", at("key")).unwrap();
    mode("open", 0o777);
    mode("tmp", 0o1777);
    let writable = |path: &str| {
        let found = host.resolve(Path::new(path)).unwrap();
        host.replaceable_in(&found).unwrap().iter().map(|passed| passed.path.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(writable("/open/sub/key"), ["/open"]);
    assert_eq!(writable("/key"), ["/open"], "the way that a link leads counts");
    assert!(writable("/tmp/key").is_empty(), "sticky, and the entry is its owner's");
    mode("tmp", 0o777);
    assert_eq!(writable("/tmp/key"), ["/tmp"]);
}

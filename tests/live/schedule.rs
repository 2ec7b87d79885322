//! What runs by itself, against the programs that run it: Debian's `cron` in a mount namespace of its own, its `crontab -n`,
//! `run-parts --test`, `systemd-analyze calendar`. Needs root, cron, systemd, python3 and util-linux.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

use harden::format::calendar::{self, Zone};
use harden::format::cron::{self, Cron, Fault, Layout, Taken};
use serde_json::Value;

use crate::support::harden::harden;
use crate::support::host::{NOBODY, Root};
use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        what_cron_runs_is_enabled,
        times_are_those_of_crontab,
        names_are_those_of_run_parts,
        events_are_those_of_systemd,
        tables_of_users_are_closed_to_an_ordinary_user,
        what_others_can_change_fails,
    ]
}

/// Every job of the files, by its name.
fn jobs(root: &Path) -> BTreeMap<String, Value> {
    let rule = "id: every-job\ntitle: x\nseverity: low\nphase: pre\nwhy: x\nfix: x\nrefs: { cwe: \"1\" }\ncheck:\n  \
                resource: schedule\n  absent: not-applicable\n  expect: { enabled: true }\n";
    let folder = session().instance("schedule-rule");
    tools::write_file(&folder.join("every-job.yaml"), rule, 0o644);
    let arguments = ["collect", "--rule", "every-job", "--rules"].map(std::ffi::OsString::from);
    let arguments = arguments.into_iter().chain([folder.into(), "--root".into(), root.into()]);
    let facts = harden(arguments).run().expect_code(0).json();
    let subjects = facts["queries"][0]["subjects"].as_array().expect("subjects").clone();
    subjects.into_iter().map(|one| (one["name"].as_str().expect("a name").to_owned(), one["fields"].clone())).collect()
}

/// A machine with tables of every kind, each of whose jobs leaves a file named after it.
fn tables(root: &Root, out: &Path) {
    let job = |name: &str| format!("@reboot root echo > {}/{name}\n", out.display());
    let own = |name: &str| format!("@reboot echo > {}/{name}\n", out.display());
    root.file("/var/lib/dpkg/info/cron.list", "", 0o644);
    root.file("/etc/passwd", fs::read("/etc/passwd").expect("accounts"), 0o644);
    root.file("/etc/crontab", format!("# system\n{}", job("crontab")), 0o644);
    for (name, mode) in [
        ("plain", 0o644),
        ("under_score-1", 0o600),
        ("dot.sh", 0o644),
        ("x.dpkg-old", 0o644),
        ("tilde~", 0o644),
        ("group", 0o664),
        ("others", 0o646),
        ("executable", 0o755),
        ("closed", 0o000),
        ("setuid", 0o4644),
        ("foreign", 0o644),
        ("hard", 0o644),
    ] {
        root.file(&format!("/etc/cron.d/{name}"), job(name), mode);
    }
    root.owner("/etc/cron.d/foreign", NOBODY, 0);
    fs::hard_link(root.at("/etc/cron.d/hard"), root.at("/etc/hard")).expect("a link");
    for (name, text) in [
        ("cut", job("cut").trim_end().to_owned()),
        ("comment", format!("{}# no end", job("comment"))),
        ("times", format!("{}61 * * * * root x\n", job("times"))),
        ("column", format!("{}@reboot /bin/true\n", job("column"))),
        ("account", format!("{}@reboot no-such-user x\n", job("account"))),
        ("setting", format!("WHAT IS THIS\n{}", job("setting"))),
        ("command", format!("{}@reboot root\n", job("command"))),
        ("blank", format!("{}\r\n", job("blank"))),
        ("percent", format!("@reboot root cat > {}/percent%x\n", out.display())),
        ("odd", format!("{}5-2 5#3 * * * root x\n", job("odd"))),
        ("random", format!("{}~ * * * * root x\n", job("random"))),
    ] {
        root.file(&format!("/etc/cron.d/{name}"), text, 0o644);
    }
    for (name, uid) in [("link", 0), ("link-foreign", NOBODY)] {
        root.file(&format!("/srv/{name}"), job(name), 0o644).owner(&format!("/srv/{name}"), uid, 0);
        symlink(root.at(&format!("/srv/{name}")), root.at(&format!("/etc/cron.d/{name}"))).expect("a link");
    }
    for (name, mode, uid) in [
        ("root", 0o600, 0),
        ("nobody", 0o600, NOBODY),
        ("mail", 0o600, 0),
        ("daemon", 0o600, NOBODY),
        ("bin", 0o644, 2),
        ("news", 0o400, 9),
        ("nosuchuser", 0o600, 0),
    ] {
        let path = format!("/var/spool/cron/crontabs/{name}");
        root.file(&path, own(&format!("own-{name}")), mode);
        chown(root.at(&path), Some(uid), None).expect("chown");
    }
}

/// Files say what cron does: in the same tables the jobs that ran are those that are enabled.
fn what_cron_runs_is_enabled() {
    let root = Root::new();
    let out = session().instance("cron-out");
    tools::make_dir(&out, 0o777);
    tables(&root, &out);
    // Links in a root directory lead inside of it; cron sees the real ones.
    let seen = jobs(root.dir());
    let at = |path: &str| root.at(path).display().to_string();
    root.folder("/dev", 0o755).folder("/run", 0o755);
    let script = format!(
        "set -e\nmount --bind {} /etc/cron.d\nmount --bind {} /etc/crontab\nmount --bind {} /var/spool/cron/crontabs\n\
         mount -t tmpfs x /run\n{} -f & cron=$!\nsleep 4\nkill $cron\n",
        at("/etc/cron.d"),
        at("/etc/crontab"),
        at("/var/spool/cron/crontabs"),
        tools::find("cron").display(),
    );
    let mut command = Command::new(tools::find("unshare"));
    let command = command.args(["--mount", "--propagation", "private", "--"]).arg(tools::find("sh"));
    let _ = tools::try_run(command.args(["-c", &script]));
    let ran: BTreeSet<String> = fs::read_dir(&out)
        .expect("a folder")
        .map(|one| one.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(ran.contains("plain") && ran.contains("own-nobody"), "{ran:?}");
    let mut compared = 0;
    for (name, fields) in &seen {
        let Some(file) = fields["command"].as_str().and_then(|text| text.rsplit(['/', '%']).next()) else { continue };
        if !fields["command"].as_str().is_some_and(|text| text.contains("cron-out")) || file.starts_with("link") {
            continue;
        }
        match fields["enabled"].as_bool() {
            Some(enabled) => assert_eq!(enabled, ran.contains(file), "{name} {fields}"),
            // What Debian's cron makes of `~` depends on its version.
            None => assert_eq!(file, "random", "{name} {fields}"),
        }
        compared += 1;
    }
    assert!(compared >= 29, "{compared}");
}

/// Whether `crontab -n` takes tables, and harden's reading of them for Debian.
fn times_are_those_of_crontab() {
    let folder = session().instance("crontab");
    let file = folder.join("table");
    let crontab = |text: &str| {
        tools::write_file(&file, text, 0o644);
        Command::new(tools::find("crontab")).arg("-n").arg(&file).output().expect("crontab").status.success()
    };
    let pieces = [
        "*", "5", "0", "60", "7", "8", "1-5", "5-1", "*/2", "*/0", "1-9/3", "1,2", "1,", "jan", "Sun", "mon-fri", "5x",
        "5#", "1.5", "x", "", "00", "13", "24", "31", "32", "*5", "2/3", "-", "@daily", "@x", "A=b", "\"", "#",
    ];
    let mut random = Random(0x5eed);
    let mut compared = [0_usize; 2];
    for _ in 0..400 {
        let fields = if random.below(8) == 0 { 1 + random.below(7) } else { 5 };
        // Mostly a valid field, so that some tables are taken.
        let field = |random: &mut Random| {
            if random.below(4) == 0 {
                pieces[random.below(pieces.len())]
            } else {
                pieces[[0, 1, 6, 8, 10, 11][random.below(6)]]
            }
        };
        let mut words: Vec<&str> = (0..fields).map(|_| field(&mut random)).collect();
        words.push("x");
        let text = format!("{}\n", words.join(" "));
        let table = cron::parse(&text, Layout::User, Cron::Debian);
        if table.lines.iter().any(|line| line.taken == Taken::Unsure) {
            continue;
        }
        let ours = table.lines.iter().all(|line| line.taken == Taken::Yes) && !table.unended;
        assert_eq!(ours, crontab(&text), "{text:?} {table:?}");
        compared[usize::from(ours)] += 1;
    }
    assert!(compared.iter().all(|count| *count > 80), "{compared:?}");
    for text in [
        "* * * * * x",
        "A=b",
        "# c",
        "\r\n",
        "A=\n",
        "A=\"\"\n",
        "A='x' y\n",
        "* * * * *\n",
        "@daily\n",
        "* * * * * * x\n",
        "'A=B'=1\n",
    ] {
        let table = cron::parse(text, Layout::User, Cron::Debian);
        let ours = table.lines.iter().all(|line| line.taken == Taken::Yes) && !table.unended;
        assert_eq!(ours, crontab(text), "{text:?}");
    }
    let table = cron::parse("0 5 * * 5-2 x\n", Layout::User, Cron::Debian);
    assert_eq!(table.lines[0].faults, [Fault::OddSchedule]);
}

fn names_are_those_of_run_parts() {
    let root = Root::new();
    root.file("/var/lib/dpkg/info/cron.list", "", 0o644);
    root.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644);
    root.file("/etc/crontab", "0 5 * * * root run-parts /etc/cron.daily\n", 0o644);
    for name in ["plain", "a_B-9", "dot.sh", "x~", ".hidden", "x.dpkg-new", "\u{e4}"] {
        root.file(&format!("/etc/cron.daily/{name}"), "#!/bin/sh\n", 0o755);
    }
    root.file("/etc/cron.daily/off", "#!/bin/sh\n", 0o644).folder("/etc/cron.daily/folder", 0o755);
    let listed = tools::run(Command::new(tools::find("run-parts")).arg("--test").arg(root.at("/etc/cron.daily")));
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.rsplit('/').next()).collect();
    let seen = jobs(root.dir());
    let enabled = |(name, fields): (&String, &Value)| {
        let name = name.strip_prefix("/etc/cron.daily/")?.to_owned();
        (fields["enabled"] == true).then_some(name)
    };
    let enabled: BTreeSet<String> = seen.iter().filter_map(enabled).collect();
    assert_eq!(enabled.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
}

fn events_are_those_of_systemd() {
    let analyze = |verb: &str, text: &str| {
        let mut command = Command::new(tools::find("systemd-analyze"));
        tools::try_run(command.args([verb, "--", text]).env("TZ", "UTC")).is_ok()
    };
    let pieces = [
        "Mon", "fri", "Monday", "..", ",", "-", " ", "*", "*-*-*", "2", "12", "31", "/", "/2", "1..5", "7", ":", "*:0",
        "00", "30.5", "~", "~1", "2026", "daily", "weekly", "UTC", "@", "99", "1/1",
    ];
    let mut random = Random(0xca1e);
    let mut compared = [0_usize; 2];
    let shapes =
        ["{} {}-{}-{} {}:{}:{}", "{}-{}-{}", "{}-{}", "{}:{}", "{} {}:{}", "*-{}~{}", "{}", "{}{}{}", "{},{} {}:00"];
    let numbers = [
        "*", "1", "5", "12", "1..3", "2,4", "*/2", "1/5", "31", "0", "24", "60", "3..1", "2..2", "1..9/4", "1..2/5",
        "5/60", "07", "30/1", "10..12/2",
    ];
    for round in 0..500 {
        let mut text = String::new();
        if round % 5 == 0 {
            (0..=random.below(5)).for_each(|_| text.push_str(pieces[random.below(pieces.len())]));
        } else {
            let mut parts = shapes[random.below(shapes.len())].split("{}").peekable();
            while let Some(part) = parts.next() {
                text.push_str(part);
                if parts.peek().is_some() {
                    let day = text.is_empty() && random.below(3) == 0;
                    text.push_str(if day {
                        ["Mon", "Tue..Fri", "sat,sun", "Fri..Mon"][random.below(4)]
                    } else {
                        numbers[random.below(numbers.len())]
                    });
                }
            }
        }
        let ours = match calendar::event(&text) {
            Ok(Zone::Named(_)) => continue,
            answer => answer.is_ok(),
        };
        // It fails as well for events that are understood and never come again.
        let theirs = analyze("calendar", &text);
        assert_eq!(ours, theirs, "{text:?}");
        compared[usize::from(ours)] += 1;
    }
    assert!(compared.iter().all(|count| *count > 60), "{compared:?}");
    let pieces = [
        "5", "1.5", ".5", "min", "s", "h", "d", "w", " ", "M", "months", "ms", "us", "y", "x", "-", "+", "infinity",
        "0", ".",
    ];
    for _ in 0..300 {
        let text: String = (0..=random.below(5)).map(|_| pieces[random.below(pieces.len())]).collect();
        assert_eq!(calendar::span(&text).is_ok(), analyze("timespan", &text), "{text:?}");
    }
}

/// Tables that cannot be listed are not known to be none.
fn tables_of_users_are_closed_to_an_ordinary_user() {
    let root = Root::new();
    root.file("/var/spool/cron/crontabs/root", "@daily /x\n", 0o600).mode("/var/spool/cron/crontabs", 0o1730);
    let arguments = ["check", "--profile", "schedule", "--format", "json", "--root"].map(std::ffi::OsString::from);
    let report = harden(arguments.into_iter().chain([root.dir().into()])).user(NOBODY).run().json();
    let of = |finding: &&Value| finding["rule"] == "schedule-understood";
    let finding = report["findings"].as_array().expect("findings").iter().find(of).expect("a finding");
    assert_eq!(finding["status"], "unknown", "{finding}");
    assert!(finding.to_string().contains("permission denied"), "{finding}");
}

fn what_others_can_change_fails() {
    let root = Root::new();
    root.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644);
    root.file("/etc/cron.d/good", "0 3 * * * root /usr/local/sbin/good\n", 0o644);
    root.file("/usr/local/sbin/good", "", 0o755);
    root.file("/etc/cron.d/open", "0 3 * * * root nice -n 5 /srv/open/run --password=hunter2\n", 0o644);
    root.file("/srv/open/run", "", 0o755).mode("/srv/open", 0o777);
    root.file("/etc/cron.d/tmp", "PATH=/usr/bin:/tmp\n0 3 * * * root /tmp/x\n", 0o644);
    root.file("/tmp/x", "", 0o777).mode("/tmp", 0o1777);
    root.file("/etc/cron.d/situation", "7 3 * * * /usr/bin/situation run\n", 0o600);
    let arguments = ["check", "--profile", "schedule", "--format", "json", "--root"].map(std::ffi::OsString::from);
    let report = harden(arguments.into_iter().chain([root.dir().into()])).run().json();
    let failed: BTreeSet<String> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["status"] == "fail")
        .map(|finding| format!("{} {}", finding["rule"].as_str().unwrap(), finding["subject"].as_str().unwrap_or("?")))
        .collect();
    let expected = [
        "schedule-command-secrets /etc/cron.d/open:1",
        "schedule-path-safe /etc/cron.d/tmp:2",
        "schedule-program-place /etc/cron.d/tmp:2",
        "schedule-program-writable /srv/open/run",
        "schedule-program-writable /tmp/x",
        "schedule-user-column /etc/cron.d/situation:1",
    ];
    assert_eq!(failed, expected.map(str::to_owned).into());
    assert!(!report.to_string().contains("hunter2"));
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

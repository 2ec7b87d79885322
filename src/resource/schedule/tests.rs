use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;
use crate::value::Observed;

fn write(root: &Path, path: &str, text: &str, mode: u32) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn get(listing: &Listing, name: &str, field: &str) -> String {
    let seen = listing.subjects.iter().find(|one| &*one.name == name).unwrap_or_else(|| panic!("{name}: {listing:?}"));
    assert!(!seen.fields.fields.contains(&Observed::unknown("not read")), "{seen:?}");
    seen.fields.get(field).unwrap().to_string()
}

#[track_caller]
fn expect(listing: &Listing, expected: &[(&str, &str, &str)]) {
    for (name, field, value) in expected {
        let seen = get(listing, name, field);
        match value.strip_suffix('…') {
            Some(start) => assert!(seen.starts_with(start), "{name} {field}: {seen}"),
            None => assert_eq!(seen, *value, "{name} {field}"),
        }
    }
}

/// A machine of Debian, its accounts, and programs.
fn debian(root: &Path) {
    write(root, "var/lib/dpkg/info/cron.list", "", 0o644);
    write(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n", 0o644);
    for program in ["usr/bin/pg_dump", "usr/bin/run-parts", "usr/bin/true"] {
        write(root, program, "", 0o755);
    }
}

fn all(host: &Host) -> Listing {
    look(host, "", "")
}

#[test]
fn jobs_are_found_wherever_they_are() {
    let (root, host) = host();
    let root = root.path();
    assert!(matches!(all(&host).extent, Extent::Absent(_)));
    debian(root);
    write(root, "etc/crontab", "MAILTO=ops\n25 6 * * * root cd / && run-parts --report /etc/cron.daily\n", 0o644);
    write(
        root,
        "etc/cron.d/backup",
        "PGPASSWORD=hunter2\n0 3 * * * ann pg_dump --password=hunter2 db | /opt/send --token 'hunter 2'\n",
        0o600,
    );
    write(root, "etc/cron.daily/logrotate", "#!/bin/sh\n", 0o755);
    write(root, "etc/cron.daily/off", "#!/bin/sh\n", 0o644);
    write(root, "etc/cron.daily/job.sh", "#!/bin/sh\n", 0o755);
    write(root, "etc/cron.weekly/lonely", "#!/bin/sh\n", 0o755);
    write(
        root,
        "etc/ofelia/config.ini",
        "[global]\nx = 1\n[job-local \"dump\"]\nschedule = @every 1h\ncommand = /usr/bin/true ${X}\n[job-exec \"e\"]\nschedule = 0 0 3 * * *\ncommand = echo --password hunter2\nuser = app\n",
        0o644,
    );
    let seen = all(&host);
    assert_eq!(seen.extent, Extent::Complete);
    assert!(!format!("{seen:?}").contains("hunter"), "{seen:?}");
    expect(
        &seen,
        &[
            ("/etc/crontab:2", "kind", "cron"),
            ("/etc/crontab:2", "when", "25 6 * * *"),
            ("/etc/crontab:2", "environment", "MAILTO=ops"),
            ("/etc/crontab:2", "programs", "/usr/bin/run-parts, /etc/cron.daily"),
            ("/etc/cron.d/backup:2", "command", "pg_dump --password=*** db | /opt/send --token ***"),
            ("/etc/cron.d/backup:2", "secret_in_command", "true"),
            ("/etc/cron.d/backup:2", "programs", "/usr/bin/pg_dump, /opt/send"),
            ("/etc/cron.d/backup:2", "environment", "PGPASSWORD=***"),
            ("/etc/cron.daily/logrotate", "enabled", "true"),
            ("/etc/cron.daily/logrotate", "user", "root"),
            ("/etc/cron.daily/off", "problems", "not-executable"),
            ("/etc/cron.daily/job.sh", "problems", "bad-name"),
            ("/etc/cron.daily/job.sh", "enabled", "false"),
            ("/etc/cron.weekly/lonely", "enabled", "unknown (no job that was seen runs the files of /etc/cron.weekly)"),
            ("/etc/ofelia/config.ini job-local dump", "command", "unknown…"),
            ("/etc/ofelia/config.ini job-local dump", "enabled", "true"),
            ("/etc/ofelia/config.ini job-exec e", "command", "echo --password ***"),
            ("/etc/ofelia/config.ini job-exec e", "user", "app"),
        ],
    );
}

/// What Debian's cron did with files like these, which the live tests ask again.
#[test]
fn one_bad_line_costs_debian_the_file() {
    let (root, host) = host();
    let root = root.path();
    debian(root);
    write(root, "etc/cron.d/bad", "* * * * * root /usr/bin/true\n61 * * * * root x\n", 0o644);
    write(root, "etc/cron.d/nouser", "7 3 * * * /usr/bin/situation run --db x\n", 0o600);
    write(root, "etc/cron.d/nobody", "* * * * * www /usr/bin/true\n", 0o644);
    write(root, "etc/cron.d/open", "* * * * * root /usr/bin/true\n# c", 0o644);
    write(root, "etc/cron.d/cut", "* * * * * root /usr/bin/true", 0o644);
    write(root, "etc/cron.d/dot.sh", "* * * * * root /usr/bin/true\n", 0o644);
    write(root, "etc/cron.d/x.dpkg-old", "* * * * * root /usr/bin/true\n", 0o644);
    write(root, "etc/cron.d/mode", "* * * * * root /usr/bin/true\n", 0o664);
    write(root, "etc/cron.d/secret", "PASSWORD hunter2 is wrong here ok\n", 0o644);
    write(root, "etc/cron.d/gone", "* * * * * root no-such-program\n", 0o644);
    write(root, "var/spool/cron/crontabs/ann", "@daily backup.sh\n", 0o644);
    write(root, "var/spool/cron/crontabs/bob", "@daily /x\n", 0o600);
    let seen = all(&host);
    let owner = if fs::metadata(root).map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)).unwrap() == 0 {
        ""
    } else {
        ", bad-owner"
    };
    if owner.is_empty() {
        expect(
            &seen,
            &[
                ("/etc/cron.d/bad:1", "problems", "file-ignored"),
                ("/etc/cron.d/bad:2", "problems", "bad-schedule, no-program"),
                ("/etc/cron.d/nouser:1", "problems", "missing-user"),
                ("/etc/cron.d/nobody:1", "problems", "unknown-user"),
                ("/etc/cron.d/open:1", "enabled", "true"),
                ("/etc/cron.d/cut:1", "problems", "no-newline"),
                ("/etc/cron.d/dot.sh:1", "problems", "bad-name"),
                ("/etc/cron.d/x.dpkg-old:1", "problems", "left-behind"),
                ("/etc/cron.d/mode:1", "problems", "bad-mode"),
                ("/var/spool/cron/crontabs/ann:1", "problems", "bad-mode, no-program"),
                ("/var/spool/cron/crontabs/bob:1", "problems", "unknown-user"),
            ],
        );
    }
    expect(
        &seen,
        &[
            ("/etc/cron.d/bad:1", "enabled", "false"),
            ("/etc/cron.d/bad:1", "understood", "true"),
            ("/etc/cron.d/bad:2", "understood", "false"),
            ("/etc/cron.d/nouser:1", "enabled", "false"),
            ("/etc/cron.d/nouser:1", "user", "absent"),
            ("/etc/cron.d/nouser:1", "command", "/usr/bin/situation run --db x"),
            ("/etc/cron.d/secret:1", "when", "unknown…"),
            ("/etc/cron.d/gone:1", "program", "absent"),
            ("/var/spool/cron/crontabs/ann:1", "user", "ann"),
            ("/var/spool/cron/crontabs/ann:1", "enabled", "false"),
        ],
    );
    assert!(!format!("{seen:?}").contains("hunter2"));
}

#[test]
fn crons_differ_and_say_so() {
    let (root, host) = host();
    let root = root.path();
    debian(root);
    fs::remove_file(root.join("var/lib/dpkg/info/cron.list")).unwrap();
    write(root, "etc/cron.d/dot.sh", "* * * * * root /usr/bin/true\n", 0o644);
    write(root, "etc/cron.d/plain", "* * * * * root /usr/bin/true\n0~5 * * * * root /usr/bin/true\n", 0o644);
    write(root, "etc/cron.d/nouser", "* * * * * /usr/bin/true\n", 0o644);
    let seen = all(&host);
    expect(
        &seen,
        &[
            ("/etc/cron.d/dot.sh:1", "cron", "unknown…"),
            ("/etc/cron.d/dot.sh:1", "understood", "true"),
            ("/etc/cron.d/nouser:1", "enabled", "false"),
            ("/etc/cron.d/plain:2", "understood", "unknown…"),
        ],
    );
    if rustix::process::getuid().is_root() {
        expect(&seen, &[("/etc/cron.d/dot.sh:1", "enabled", "unknown (which cron…")]);
        chown(root.join("etc/cron.d/nouser"), Some(1), None).unwrap();
        expect(&all(&host), &[("/etc/cron.d/nouser:1", "problems", "bad-owner, missing-user")]);
    }
    write(root, "etc/sysconfig/crond", "", 0o644);
    expect(&all(&host), &[("/etc/cron.d/dot.sh:1", "cron", "cronie"), ("/etc/cron.d/nouser:1", "kind", "cron")]);
}

#[test]
fn timers_start_services() {
    let (root, host) = host();
    let root = root.path();
    let unit = |name: &str, text: &str| write(root, &format!("usr/lib/systemd/system/{name}"), text, 0o644);
    unit("clean.timer", "[Timer]\nOnCalendar=weekly\nOnCalendar=\nOnCalendar=daily\nOnBootSec=5min\n");
    unit("clean.service", "[Service]\nUser=app\nExecStart=-/usr/bin/clean --all --token=hunter2\n");
    unit("lost.timer", "[Timer]\nOnCalendar=daily\nUnit=nothing.service\n");
    unit("odd.timer", "[Timer]\nOnCalendar=every day\nOnCalendar=hourly\n[Install]\nWantedBy=timers.target\n");
    unit("odd.service", "[Service]\nDynamicUser=yes\nExecStart=/bin/sh -c '/srv/a; /srv/b'\n");
    unit("zone.timer", "[Timer]\nOnCalendar=daily Mars/Base\n");
    unit("zone.service", "[Service]\nExecStart=/bin/x\n");
    unit("many@.timer", "[Timer]\nOnCalendar=daily\n");
    fs::create_dir_all(root.join("etc/systemd/system/timers.target.wants")).unwrap();
    for name in ["clean.timer", "odd.timer"] {
        let to = root.join("etc/systemd/system/timers.target.wants").join(name);
        symlink(format!("/usr/lib/systemd/system/{name}"), to).unwrap();
    }
    let seen = all(&host);
    assert_eq!((seen.extent.clone(), seen.subjects.len()), (Extent::Complete, 4));
    expect(
        &seen,
        &[
            ("clean.timer", "when", "OnCalendar=daily, OnBootSec=5min"),
            ("clean.timer", "user", "app"),
            ("clean.timer", "command", "/usr/bin/clean --all --token=***"),
            ("clean.timer", "program", "/usr/bin/clean"),
            ("clean.timer", "enabled", "true"),
            ("clean.timer", "understood", "true"),
            ("lost.timer", "problems", "not-wanted, nothing-to-start"),
            ("odd.timer", "understood", "false"),
            ("odd.timer", "enabled", "true"),
            ("odd.timer", "user", "odd"),
            ("odd.timer", "programs", "/bin/sh, /srv/a, /srv/b"),
            ("zone.timer", "understood", "unknown…"),
        ],
    );
    fs::create_dir_all(root.join("usr/share/zoneinfo")).unwrap();
    expect(&all(&host), &[("zone.timer", "understood", "false")]);
}

#[test]
fn any_file_can_be_read() {
    let (root, host) = host();
    write(root.path(), "srv/tab", "5 4 * * * backup\n", 0o666);
    let seen = look(&host, "/srv/tab", "user");
    expect(
        &seen,
        &[("/srv/tab:1", "kind", "crontab"), ("/srv/tab:1", "user", "unknown…"), ("/srv/tab:1", "enabled", "true")],
    );
    assert!(matches!(look(&host, "/srv/none", "").extent, Extent::Absent(_)));
    write(root.path(), "srv/binary", "\0\0", 0o644);
    assert!(matches!(look(&host, "/srv/binary", "").extent, Extent::Failed(_)));
}

//! What harden reads in systemd's unit files against systemd itself: `systemd-analyze security` for what a service may, and the
//! manager's own test mode for the files that it takes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::harden::harden;
use crate::support::host::{NOBODY, Root, command_as};
use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        the_machines_own_services_may_what_systemd_says,
        the_files_that_systemd_takes_are_taken,
        what_a_unit_leaves_open_fails
    ]
}

/// Switches, by systemd's name and by ours.
const SWITCHES: [(&str, &str); 12] = [
    ("NoNewPrivileges", "no_new_privileges"),
    ("PrivateDevices", "private_devices"),
    ("PrivateTmp", "private_tmp"),
    ("ProtectClock", "protect_clock"),
    ("ProtectKernelLogs", "protect_kernel_logs"),
    ("ProtectKernelModules", "protect_kernel_modules"),
    ("ProtectKernelTunables", "protect_kernel_tunables"),
    ("ProtectControlGroups", "protect_control_groups"),
    ("RestrictSUIDSGID", "restrict_suid_sgid"),
    ("RestrictRealtime", "restrict_realtime"),
    ("LockPersonality", "lock_personality"),
    ("MemoryDenyWriteExecute", "memory_deny_write_execute"),
];
/// Capabilities that `systemd-analyze security` asks for one by one.
const CAPABILITIES: [&str; 2] = ["CAP_SYS_TIME", "CAP_SYS_PACCT"];

/// The units that a pattern matches, as facts have them.
fn units(root: Option<&Path>, pattern: &str) -> Vec<Value> {
    let folder = session().instance("rules");
    let text = format!(
        "id: own-units\ntitle: x\nseverity: low\nphase: pre\nwhy: x\nfix: \"{{subject}}\"\nrefs: {{ cwe: \"1\" }}\ncheck:\n  resource: unit\n  \
         with: {{ name: \"{pattern}\" }}\n  absent: not-applicable\n  expect: {{ name: {{ exists: true }} }}\n"
    );
    tools::write_file(&folder.join("own-units.yaml"), text, 0o644);
    let mut arguments = ["collect", "--rule", "own-units", "--rules"].map(std::ffi::OsString::from).to_vec();
    arguments.push(folder.into_os_string());
    if let Some(root) = root {
        arguments.extend(["--root".into(), root.into()]);
    }
    let facts = harden(arguments).run().expect_code(0).json();
    let queries = facts["queries"].as_array().expect("facts hold queries");
    let query = queries.iter().find(|query| query["resource"] == "unit").expect("units were asked for");
    assert!(query.get("failed").is_none() && query.get("partial").is_none(), "{query:.300}");
    query["subjects"].as_array().expect("subjects").clone()
}

/// Which protections systemd sees on; `None` when it cannot load the unit.
fn security(root: &Path, name: &str) -> Option<Vec<(String, bool)>> {
    let mut command = Command::new(tools::find("systemd-analyze"));
    command.args(["security", "--offline=yes", "--json=short"]).arg(format!("--root={}", root.display())).arg(name);
    let (output, _) = tools::run_within(&mut command, Duration::from_secs(30));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).ok()?;
    let of = |one: &Value| Some((one["json_field"].as_str()?.to_owned(), one["set"].as_bool()?));
    Some(all.iter().filter_map(of).collect())
}

/// What differs between systemd and harden on one unit.
fn differences(root: &Path, subject: &Value) -> Option<Vec<String>> {
    let (name, fields) = (subject["name"].as_str()?, &subject["fields"]);
    let said = security(root, name)?;
    let theirs = |wanted: &str| said.iter().find(|(name, _)| name == wanted).map(|(_, set)| *set);
    let mut wrong = Vec::new();
    for (setting, field) in SWITCHES {
        // Which words a version of systemd takes beside `yes` and `no` is not known to harden, and said so.
        let is_unsure = name == "reset.service" && setting == "PrivateTmp" && fields[field]["$unknown"].is_string();
        if !is_unsure && theirs(setting).is_some_and(|set| fields[field] != set) {
            wrong.push(format!("{name} {setting}: {:?}, harden {}", theirs(setting), fields[field]));
        }
    }
    for capability in CAPABILITIES {
        let has = fields["capability_bounding_set"].as_array()?.iter().any(|one| one == capability);
        let taken = theirs(&format!("CapabilityBoundingSet_{capability}"));
        if taken.is_some_and(|taken| taken == has) {
            wrong.push(format!("{name} {capability}: taken {taken:?}, harden has it {has}"));
        }
    }
    Some(wrong)
}

fn the_machines_own_services_may_what_systemd_says() {
    let all = units(None, "*.service");
    let plain =
        |subject: &&Value| subject["fields"]["masked"] == false && !subject["name"].as_str().unwrap().contains('@');
    let compared: Vec<_> =
        all.iter().filter(plain).take(60).filter_map(|subject| differences(Path::new("/"), subject)).collect();
    assert!(compared.len() >= 20, "only {} units were compared", compared.len());
    let wrong: Vec<String> = compared.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Units whose files lie in several directories and folders, with names of their own to tell which counted.
fn tree() -> Root {
    let root = Root::new();
    let (etc, run, lib) = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system");
    let user = |name: &str| format!("[Service]\nUser={name}\n");
    for name in ["plain", "a-b-c", "over", "reset", "shadow", "dynamic", "caps", "broken"] {
        root.file(
            &format!("{lib}/{name}.service"),
            format!(
                "[Service]\nExecStart=/bin/true\nPrivateTmp=no\n{}",
                user("main").trim_start_matches("[Service]\n")
            ),
            0o644,
        );
    }
    root.file(&format!("{etc}/over.service"), "[Service]\nExecStart=/bin/true\nUser=etc\n", 0o644);
    root.file(&format!("{lib}/a-b-c.service.d/10.conf"), user("lib-specific"), 0o644);
    root.file(&format!("{etc}/a-.service.d/10.conf"), user("etc-generic"), 0o644);
    root.file(&format!("{run}/a-b-.service.d/20.conf"), "[Service]\nNoNewPrivileges=yes\n", 0o644);
    root.file(&format!("{etc}/service.d/05.conf"), "[Service]\nProtectClock=yes\n", 0o644);
    root.file(&format!("{lib}/shadow.service.d/x.conf"), user("hidden"), 0o644);
    root.link(&format!("{etc}/shadow.service.d/x.conf"), "/dev/null");
    root.file(
        &format!("{etc}/reset.service.d/x.conf"),
        "[Service]\nUser=\nPrivateTmp=yes\nPrivateTmp=nonsense\nProtectKernelLogs = \\\n  yes\n",
        0o644,
    );
    root.file(
        &format!("{etc}/dynamic.service.d/x.conf"),
        "[Service]\nDynamicUser=yes\nNoNewPrivileges=no\nPrivateDevices=1\n",
        0o644,
    );
    root.file(
        &format!("{etc}/caps.service.d/x.conf"),
        "[Service]\nCapabilityBoundingSet=CAP_KILL CAP_SYS_TIME\n# x\nCapabilityBoundingSet=~CAP_KILL\n",
        0o644,
    );
    root.file(
        &format!("{etc}/caps.service.d/y.conf"),
        "[Service]\nProtectClock=yes\nCapabilityBoundingSet=CAP_SYS_PACCT\n",
        0o644,
    );
    root.file(
        &format!("{etc}/broken.service.d/x.conf"),
        "NoSection=1\n[Service\nUser=lost\n[Service]\nnonsense\nLockPersonality=on\n; c\n",
        0o644,
    );
    root.file(&format!("{etc}/other.service.d/x.conf"), user("alias"), 0o644);
    // Relative, so that it leads to the same file for systemd, whose root is another.
    root.link(&format!("{etc}/other.service"), &format!("../../..{lib}/plain.service"));
    root
}

/// The files and the user that the manager says in its test mode, which runs as an ordinary user.
fn dump(root: &Root, unit: &str) -> (String, Vec<String>, Option<String>) {
    let path = ["etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system"]
        .map(|dir| root.at(dir).display().to_string())
        .join(":");
    let mut command = command_as(NOBODY, Path::new("/lib/systemd/systemd"));
    command
        .args(["--user", "--test", &format!("--unit={unit}")])
        .env("SYSTEMD_UNIT_PATH", format!("{path}:"))
        .env("XDG_RUNTIME_DIR", "/tmp")
        .env("HOME", "/tmp");
    let (output, _) = tools::run_within(&mut command, Duration::from_secs(60));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = format!("-> Unit {unit}:");
    let lines = text
        .lines()
        .skip_while(|line| line.trim() != start)
        .skip(1)
        .take_while(|line| !line.trim_start().starts_with("-> Unit "));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    let inside = |path: &str| path.strip_prefix(&root.dir().display().to_string()).unwrap_or(path).to_owned();
    let all = |name: &str| {
        lines.iter().filter_map(|line| line.strip_prefix(name)).map(|path| inside(path.trim())).collect::<Vec<_>>()
    };
    let user = lines.iter().find_map(|line| line.strip_prefix("User: ")).map(str::to_owned);
    (all("Fragment Path:").concat(), all("DropIn Path:"), user)
}

fn the_files_that_systemd_takes_are_taken() {
    let root = tree();
    let mut compared = 0;
    for subject in units(Some(root.dir()), "*.service") {
        let (name, fields) = (subject["name"].as_str().unwrap(), &subject["fields"]);
        if let Some(wrong) = differences(root.dir(), &subject) {
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            compared += 1;
        }
        let (fragment, drop_ins, user) = dump(&root, name);
        if fragment.is_empty() {
            // The test mode shows a unit under one of its names.
            assert!(matches!(name, "other.service" | "plain.service"), "{name} was not loaded by systemd");
            continue;
        }
        let shown: Vec<&str> = fields["drop_ins"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        // systemd names those too that a link to /dev/null empties.
        let is_masked = |path: &str| fs::read_link(root.at(path)).is_ok_and(|to| to == Path::new("/dev/null"));
        let drop_ins: Vec<_> = drop_ins.into_iter().filter(|path| !is_masked(path)).collect();
        assert_eq!(shown, drop_ins, "{name}");
        let real = fs::canonicalize(root.at(fields["path"].as_str().unwrap()))
            .map(|path| path.file_name().map(ToOwned::to_owned));
        assert_eq!(real.ok().flatten().as_deref(), Path::new(&fragment).file_name(), "{name}");
        if fields["dynamic_user"] == false {
            assert_eq!(fields["user"].as_str().map(str::to_owned), user, "{name}");
        }
    }
    assert!(compared >= 8, "{compared}");
}

fn what_a_unit_leaves_open_fails() {
    let root = Root::new();
    root.file("/usr/lib/systemd/system/open.service", "[Service]\nExecStart=/bin/true\n", 0o644);
    root.file(
        "/usr/lib/systemd/system/closed.service",
        "[Service]\nExecStart=/bin/true\nDynamicUser=yes\nPrivateDevices=yes\nProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectControlGroups=yes\n\
         CapabilityBoundingSet=\nSystemCallFilter=@system-service\nSystemCallArchitectures=native\nRestrictAddressFamilies=AF_UNIX\nMemoryMax=1G\n",
        0o644,
    );
    for (unit, wanted) in [("open.service", "fail"), ("closed.service", "pass"), ("none.service", "fail")] {
        let input = format!("hardened_units={unit}");
        let arguments = ["check", "--profile", "units", "--input", &input, "--format", "json", "--root"]
            .map(std::ffi::OsString::from);
        let report = harden(arguments.into_iter().chain([root.dir().into()])).run().json();
        let findings = report["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), 12, "{findings:#?}");
        assert!(findings.iter().all(|finding| finding["status"] == wanted), "{unit}: {findings:#?}");
    }
}

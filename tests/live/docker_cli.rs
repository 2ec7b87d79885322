//! The program from end to end on Docker: what it prints, what it never prints, how it ends.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::containers::SECRET;
use crate::support::docker::{self, Dockerd, IMAGE};
use crate::support::harden::{Run, harden};
use crate::support::host::{self, Root};
use crate::support::session::session;
use crate::support::slow::{Answer, BadServer};
use crate::support::{shared, tools};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        hostile_names_never_reach_the_terminal,
        secrets_of_containers_are_nowhere,
        collected_facts_are_judged_to_the_same_bytes,
        exit_codes,
        a_daemon_that_was_named_and_is_not_seen_is_unknown,
        a_daemon_that_was_only_looked_for_is_not_applicable,
        an_interrupted_run_leaves_no_file,
        the_output_is_replaced_as_a_whole,
        nobody_listens_to_the_end,
        colours_and_width,
        containers_that_come_and_go_leave_no_unknowns,
        containers_in_every_state,
    ]
}

/// `harden <command> --docker <shared daemon>` with every rule about Docker and about variables.
fn on_docker(command: &str, more: &[&str]) -> Vec<String> {
    let (daemon, _) = shared::docker();
    let host = daemon.host();
    let root = nothing();
    let start = [command, "--docker", &host, "--root", &root, "--profile", "docker-strict", "--profile", "env"];
    start.iter().chain(more).map(|&word| word.to_owned()).collect()
}

/// A root without files, so that this machine's own are left out.
fn nothing() -> String {
    Root::new().dir().display().to_string()
}

/// Control characters other than the line break, and what turns text around or is not seen (Unicode's Cc, bidi and Cf).
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn expect_harmless(text: &str) {
    if let Some(line) = text.lines().find(|line| line.contains(is_hostile)) {
        panic!("raw control characters: {line:?}");
    }
}

fn hostile_names_never_reach_the_terminal() {
    let run = harden(on_docker("check", &["--verbose"])).run().expect_code(1);
    assert!(run.stdout.contains("hostile"), "the container is in the table");
    expect_harmless(&run.stdout);
    expect_harmless(&run.stderr);
    // JSON is looked at as well.
    expect_harmless(&harden(on_docker("check", &["--format", "json"])).run().expect_code(1).stdout);
    let facts = harden(on_docker("collect", &[])).run().expect_code(0);
    expect_harmless(&facts.stdout);
    assert!(facts.stdout.contains("eulav"), "the hostile label is a fact");
    // A directory of that name under a root, and a daemon's address.
    let root = Root::new();
    root.file("/home/\u{202e}\u{1b}[2Jx/.pgpass", "h:5432:d:u:p\n", 0o644);
    let arguments = ["check", "--root", &root.dir().display().to_string(), "--profile", "host", "--verbose"];
    let run = harden(arguments).run().expect_code(1);
    assert!(run.stdout.contains(".pgpass"), "{run:?}");
    expect_harmless(&run.stdout);
    let run = harden(["check", "--docker", "unix:///nowhere/\u{1b}[2J\u{202e}x", "--profile", "docker"]).run();
    expect_harmless(&run.stdout);
    expect_harmless(&run.stderr);
}

fn secrets_of_containers_are_nowhere() {
    let facts = harden(on_docker("collect", &[])).run().expect_code(0);
    assert!(facts.stdout.contains("API_TOKEN"), "its name is a fact");
    let table = harden(on_docker("check", &["--verbose"])).run();
    let report = harden(on_docker("check", &["--format", "json"])).run();
    for (what, run) in [("facts", &facts), ("table", &table), ("report", &report)] {
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains(SECRET), "a secret is in the {what}");
            // Nor the beginning of it, as a shortened value would be.
            assert!(!stream.contains(&SECRET[..10]), "a part of a secret is in the {what}");
        }
    }
    for stream in [&facts.stdout, &table.stdout, &report.stdout] {
        assert!(!stream.contains("changeme\""), "a placeholder is a secret too");
    }
}

fn collected_facts_are_judged_to_the_same_bytes() {
    let file = session().instance("facts").join("facts.json");
    let path = file.display().to_string();
    let run = harden(on_docker("collect", &["--output", &path])).run().expect_code(0);
    assert_eq!(run.stdout, "");
    let judge = |at: &str| {
        let arguments = ["check", "--facts", &path, "--at", at, "--format", "json", "--profile", "docker-strict"];
        harden(arguments.iter().chain(&["--profile", "env"])).run().expect_code(1)
    };
    let (first, second) = (judge("2031-02-03"), judge("2031-02-03"));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(first.json()["at"], "2031-02-03T00:00:00Z");
    // The verdicts are those of a live run, but for what time decides.
    let live = harden(on_docker("check", &["--format", "json"])).run().expect_code(1).json();
    let now = live["at"].as_str().expect("a time");
    let judged = judge(now).json();
    assert_eq!(verdicts(&live), verdicts(&judged));
    assert_ne!(verdicts(&first.json()), verdicts(&judged), "images are old by then");
    let broken = session().instance("facts").join("broken.json");
    let text = fs::read_to_string(&file).expect("read the facts");
    fs::write(&broken, text.get(..text.len() / 2).expect("ASCII")).expect("write half of them");
    harden(["check", "--facts", &broken.display().to_string()]).run().expect_code(2);
}

fn verdicts(report: &Value) -> BTreeMap<(String, String), String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    findings.map(|f| ((text(&f["rule"]), text(&f["subject"])), text(&f["status"]))).collect()
}

fn exit_codes() {
    let (daemon, _) = shared::docker();
    let host = daemon.host();
    let check = |more: &[&str]| harden(["check", "--docker", &host, "--format", "json"].iter().chain(more)).run();
    assert_eq!(check(&["--rule", "docker-daemon-seccomp"]).expect_code(0).json()["verdict"], "passed");
    assert_eq!(check(&["--rule", "docker-container-privileged"]).expect_code(1).json()["verdict"], "failed");
    let below = check(&["--rule", "docker-container-restart-policy", "--fail-on", "high"]).expect_code(0);
    assert_eq!(below.json()["verdict"], "passed");
    let missing = ["check", "--docker", "unix:///nowhere/docker.sock", "--format", "json", "--profile", "docker"];
    assert_eq!(harden(missing).run().expect_code(3).json()["verdict"], "inconclusive");
    harden(missing.iter().chain(&["--allow-unknown"])).run().expect_code(0);
    for wrong in [
        &["check", "--docker", "gopher://x"][..],
        &["check", "--nonsense"],
        &["check", "--profile", "no-such-profile"],
        &["check", "--rule", "no-such-rule"],
        &["check", "--at", "yesterday"],
        &["check", "--facts", "/nowhere/facts.json"],
        &["check", "--config", "/nowhere/harden.toml"],
        &["check", "--root", "/nowhere"],
        &["check", "--input", "no_such_input=1"],
        &["check", "--docker", "unix:///nowhere/d.sock", "--profile", "docker", "--output", "/nowhere/report"],
    ] {
        let run = harden(wrong).run().expect_code(2);
        assert_eq!(run.stdout, "", "{run:?}");
        assert!(!run.stderr.is_empty());
    }
}

/// Every finding is unknown and its reason contains the words.
#[track_caller]
fn expect_unknown(run: Run, words: &[&str]) {
    let run = run.expect_code(3);
    let report = run.json();
    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.is_empty());
    for finding in findings {
        let reason = finding["reason"].as_str().unwrap_or_default();
        assert_eq!(finding["status"], "unknown", "{finding}");
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    }
}

fn a_daemon_that_was_named_and_is_not_seen_is_unknown() {
    let (daemon, _) = shared::docker();
    let check = |url: &str| {
        harden(["check", "--docker", url, "--profile", "docker-strict", "--format", "json", "--timeout", "2"])
    };
    expect_unknown(check("unix:///nowhere/docker.sock").run(), &["no such socket"]);
    expect_unknown(check(&format!("tcp://127.0.0.1:{}", tools::free_port())).run(), &["refused"]);
    fs::set_permissions(daemon.socket(), fs::Permissions::from_mode(0o660)).expect("close the socket");
    let denied = check(&daemon.host()).user(host::NOBODY).run();
    expect_unknown(denied, &["permission denied", "root", "group docker"]);
    // The same by the variable alone.
    let arguments = ["check", "--profile", "docker-strict", "--format", "json"];
    let denied = harden(arguments).env("DOCKER_HOST", daemon.host()).user(host::NOBODY).run();
    expect_unknown(denied, &["permission denied", "root", "group docker"]);
    let table = harden(["check", "--profile", "docker-strict", "--docker", &daemon.host()]).user(host::NOBODY).run();
    assert!(table.expect_code(3).stdout.contains("group docker"), "the table names the grant");
    for answer in [Answer::Silence, Answer::Garbage, Answer::Endless, Answer::Drip, Answer::Close] {
        let server = BadServer::unix("d.sock", answer);
        let run = check(&format!("unix://{}", server.path().display())).run();
        assert!(run.took < Duration::from_secs(8), "{answer:?}: {run:?}");
        let words: &[&str] = match answer {
            Answer::Silence | Answer::Endless | Answer::Drip => &[],
            Answer::Garbage => &["no Docker daemon"],
            Answer::Close => &["connection"],
        };
        expect_unknown(run, words);
    }
}

fn a_daemon_that_was_only_looked_for_is_not_applicable() {
    let arguments = ["check", "--profile", "docker-strict", "--format", "json"];
    let run = harden(arguments).user(host::NOBODY).run().expect_code(0);
    let report = run.json();
    let statuses = report["findings"].as_array().expect("findings").iter().map(|finding| &finding["status"]);
    assert!(statuses.clone().count() > 40);
    assert!(statuses.into_iter().all(|status| status == "not_applicable"), "{run:?}");
    let docker = report["targets"].as_array().expect("targets").iter().find(|target| target["kind"] == "docker");
    assert_eq!(docker.expect("named, so that one sees that it was left out")["state"], "absent");
}

fn an_interrupted_run_leaves_no_file() {
    for (signal, leave) in [(Signal::INT, None), (Signal::TERM, None), (Signal::TERM, Some("an older report"))] {
        let server = BadServer::unix("d.sock", Answer::Silence);
        let folder = session().instance("out");
        let output = folder.join("report.json");
        if let Some(text) = leave {
            fs::write(&output, text).expect("write an older report");
        }
        let url = format!("unix://{}", server.path().display());
        let output = output.display().to_string();
        let run = harden(["check", "--docker", &url, "--profile", "docker", "--output", &output, "--timeout", "60"]);
        let mut child = run.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start harden");
        tools::wait_until("a client", Duration::from_secs(10), || server.clients() > 0, String::new);
        let started = Instant::now();
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("not zero");
        kill_process(pid, signal).expect("send a signal");
        let status = child.wait().expect("wait for harden");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert_ne!(status.code(), Some(0), "{status:?}");
        assert_ne!(status.code(), Some(1), "{status:?}");
        assert_ne!(status.code(), Some(3), "{status:?}");
        eprintln!("  {signal:?}: {status}");
        let left: Vec<_> = names_in(&folder);
        match leave {
            None => assert_eq!(left, Vec::<String>::new()),
            Some(text) => {
                assert_eq!(left, ["report.json"]);
                assert_eq!(fs::read_to_string(&output).expect("read the report"), text);
            }
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("list a folder").filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn the_output_is_replaced_as_a_whole() {
    let folder = session().instance("out");
    let output = folder.join("report.json");
    fs::write(&output, "an older report").expect("write an older report");
    let before = fs::File::open(&output).expect("open the older report");
    let path = output.display().to_string();
    let run = harden(on_docker("check", &["--format", "json", "--output", &path])).run().expect_code(1);
    assert_eq!(run.stdout, "", "all is in the file");
    assert!(run.stderr.contains("FAILED"), "the verdict is said all the same: {run:?}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&output).expect("read")).expect("JSON");
    assert_eq!(report["verdict"], "failed");
    assert_eq!(std::io::read_to_string(before).expect("read"), "an older report", "whoever has it open keeps it");
    assert_eq!(names_in(&folder), ["report.json"]);
    // A pipe or a device is written to as it is.
    let run = harden(on_docker("check", &["--format", "json", "--output", "/dev/stdout"])).run().expect_code(1);
    assert_eq!(run.json()["verdict"], "failed");
    // Who may not write there is told so.
    let closed = session().instance("out");
    let path = closed.join("report.json").display().to_string();
    let run = harden(["check", "--profile", "docker", "--output", &path]).user(host::NOBODY).run().expect_code(2);
    assert!(run.stderr.contains("ermission denied"), "{run:?}");
    assert_eq!(names_in(&closed), Vec::<String>::new());
}

/// As `harden … | head -1`.
fn nobody_listens_to_the_end() {
    for format in ["table", "json"] {
        let run = harden(on_docker("check", &["--verbose", "--format", format]));
        let mut child = run.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start harden");
        let mut reader = BufReader::with_capacity(1, child.stdout.take().expect("piped"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        drop(reader);
        let output = child.wait_with_output().expect("wait for harden");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*words), (Some(0), ""), "{format}");
    }
    let full = harden(on_docker("check", &[]));
    let device = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is full");
    let output = full.command().stdout(device).output().expect("run harden");
    assert_eq!(output.status.code(), Some(2), "what could not be written is no success: {output:?}");
}

/// Runs harden on a terminal of this many columns.
fn on_a_terminal(arguments: &[String], columns: u32, variables: &[(&str, &str)]) -> String {
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let program = harden(arguments).command().get_program().display().to_string();
    let script = format!("stty rows 24 cols {columns}; {program} {}", words.join(" "));
    let mut command = Command::new(tools::find("script"));
    command.args(["-qec", &script, "/dev/null"]).env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    command.env("SHELL", "/bin/sh").envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().expect("run script(1)");
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

fn colours_and_width() {
    let arguments = on_docker("check", &[]);
    let colourful = on_a_terminal(&arguments, 120, &[]);
    assert!(colourful.contains("\u{1b}["), "colours on a terminal");
    let plain = on_a_terminal(&arguments, 120, &[("NO_COLOR", "1")]);
    assert!(!plain.contains('\u{1b}'), "none with NO_COLOR");
    let piped = harden(&arguments).run();
    assert!(!piped.stdout.contains('\u{1b}'), "none in a pipe");
    let forced =
        harden(arguments.iter().chain(&["--color".to_owned(), "always".to_owned()])).env("NO_COLOR", "1").run();
    assert!(forced.stdout.contains("\u{1b}["), "always is always");
    let wide = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let narrow = on_a_terminal(&arguments, 60, &[("NO_COLOR", "1")]);
    eprintln!("  widest lines: {} at 120 columns, {} at 60", wide(&plain), wide(&narrow));
    assert!(wide(&narrow) < wide(&plain));
}

fn containers_that_come_and_go_leave_no_unknowns() {
    let daemon = Dockerd::start(&docker::Options::default());
    daemon.run(&["--name", "stays", "--network", "none", IMAGE]);
    let over = AtomicBool::new(false);
    let churn = |number: usize| {
        while !over.load(Ordering::Relaxed) {
            let name = format!("goes-{number}");
            daemon.docker(&["run", "--rm", "--name", &name, "--network", "none", IMAGE, "true"]);
        }
    };
    thread::scope(|scope| {
        for number in 0..2 {
            scope.spawn(move || churn(number));
        }
        for _ in 0..12 {
            let arguments = ["check", "--docker", &daemon.host(), "--profile", "docker", "--format", "json"];
            let run = harden(arguments).run();
            let report = run.json();
            let findings = report["findings"].as_array().expect("findings").iter();
            let unknown: Vec<_> = findings.filter(|finding| finding["status"] == "unknown").collect();
            // Also when this is about to end: the others wait for it.
            if !unknown.is_empty() {
                over.store(true, Ordering::Relaxed);
            }
            assert!(unknown.is_empty(), "{unknown:#?}");
        }
        over.store(true, Ordering::Relaxed);
    });
}

fn containers_in_every_state() {
    let daemon = Dockerd::start(&docker::Options::default());
    for (name, words) in [("paused", &["run", "-d"][..]), ("created", &["create"]), ("restarting", &["run", "-d"])] {
        let end: &[&str] = if name == "restarting" { &["--restart", "always", IMAGE, "false"] } else { &[IMAGE] };
        let start = ["--name", name, "--network", "none", "--privileged"];
        daemon.docker(&words.iter().chain(&start).chain(end).copied().collect::<Vec<_>>());
    }
    daemon.docker(&["pause", "paused"]);
    let state = || daemon.docker(&["inspect", "--format", "{{.State.Status}}", "restarting"]);
    tools::wait_until("a failure", Duration::from_secs(10), || state() == "restarting", state);
    let arguments = ["check", "--docker", &daemon.host(), "--profile", "docker-strict", "--format", "json"];
    let verdicts = verdicts(&harden(arguments).run().expect_code(1).json());
    let status = |rule: &str, name: &str| {
        let rule = format!("docker-container-{rule}");
        verdicts.get(&(rule, name.to_owned())).map_or("none", String::as_str).to_owned()
    };
    for name in ["paused", "created", "restarting"] {
        assert_eq!(status("privileged", name), "fail", "{name}");
    }
    assert_eq!(status("root", "paused"), "fail");
    assert_eq!(status("root", "created"), "none");
    let unknown = verdicts.iter().filter(|(_, status)| *status == "unknown").map(|((rule, _), _)| rule.as_str());
    assert_eq!(unknown.collect::<Vec<_>>(), ["docker-daemon-no-new-privileges"], "which this daemon does not tell");
}

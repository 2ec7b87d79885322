//! The guide does what it says. Its fenced blocks are files (` ```yaml rules/x.yaml `) and sessions (` ```console `),
//! played in an empty directory from top to bottom. In what a session shows, `…` stands for anything within a line, and
//! alone on a line for any lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A fenced block: what stands behind the fence, its text, and its first line.
struct Block<'t> {
    info: &'t str,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (i, line) in page.lines().enumerate() {
        match (open.take(), line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info, text: String::new(), line: i + 2 }),
            (None, None) => {}
            (Some(block), Some(rest)) => {
                assert!(rest.is_empty(), "line {}: a fence inside of a fence", i + 1);
                blocks.push(block);
            }
            (Some(mut block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
        }
    }
    assert!(open.is_none(), "the last fence is never closed");
    blocks
}

/// A command of a session with what it must show.
struct Step {
    command: String,
    shown: Vec<String>,
    line: usize,
}

fn steps(block: &Block<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (i, line) in block.text.lines().enumerate() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), shown: Vec::new(), line: block.line + i });
            }
            (None, Some(step)) => step.shown.push(line.to_owned()),
            (None, None) => panic!("line {}: a session begins with a command", block.line),
        }
    }
    steps
}

/// Words as a shell takes them apart: blanks and single quotes, nothing else.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (i, part) in command.split('\'').enumerate() {
        if i % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        assert!(!part.contains(['"', '$', '|', ';', '&', '\\', '*', '`']), "{command}: the test knows no such shell");
        let mut pieces = part.split(' ');
        words.last_mut().unwrap().push_str(pieces.next().unwrap());
        words.extend(pieces.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether what was shown is what the guide shows.
fn fits(expected: &[String], shown: &[&str]) -> bool {
    match (expected.split_first(), shown.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "…" => (0..=shown.len()).any(|skipped| fits(rest, &shown[skipped..])),
        (Some((first, rest)), Some((line, more))) => line_fits(first, line) && fits(rest, more),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    let mut pieces = expected.split('…');
    let first = pieces.next().unwrap();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The directory in which a guide is played.
struct Stage {
    folder: tempfile::TempDir,
    /// What the last command ended with, and whether the guide has said so.
    code: Option<(i32, bool)>,
    commands: usize,
}

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        assert!(!name.starts_with('/') && !name.contains(".."), "{name} leads out of the directory");
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A command that fails is followed by `echo $?`, so that a reader knows.
    fn settle(&mut self, line: usize) {
        if let Some((code, said)) = self.code.take() {
            assert!(said || code == 0, "line {line}: the command before ended with {code}, which is not told");
        }
    }

    fn play(&mut self, step: &Step) {
        let shown = if step.command == "echo $?" {
            let (code, said) = self.code.as_mut().unwrap();
            *said = true;
            format!("{code}\n")
        } else {
            self.settle(step.line);
            self.run(step)
        };
        let lines: Vec<_> = shown.lines().map(str::trim_end).collect();
        assert!(
            fits(&step.shown, &lines),
            "line {}: `{}` shows\n{shown}\nand not\n{}\n",
            step.line,
            step.command,
            step.shown.join("\n")
        );
    }

    fn run(&mut self, step: &Step) -> String {
        let mut words = words(&step.command);
        let into = words.iter().position(|word| word == ">").map(|at| words.split_off(at));
        let shown = match words[0].as_str() {
            "harden" => self.harden(&words[1..]),
            "chmod" => self.chmod(&words[1], &words[2]),
            other => panic!("line {}: the guide runs harden, and not {other}", step.line),
        };
        match into {
            Some(into) => {
                self.write(&into[1], &shown);
                String::new()
            }
            None => shown,
        }
    }

    /// What a terminal shows of a run in an empty environment.
    fn harden(&mut self, args: &[String]) -> String {
        let run = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        self.code = Some((run.status.code().unwrap(), false));
        self.commands += 1;
        String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap()
    }

    fn chmod(&self, mode: &str, name: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = u32::from_str_radix(mode, 8).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
        String::new()
    }
}

/// Plays a page and returns how many commands it ran.
fn play(page: &str) -> usize {
    let mut stage = Stage { folder: tempfile::tempdir().unwrap(), code: None, commands: 0 };
    for block in blocks(page) {
        match block.info.split_once(' ') {
            Some((_, name)) => stage.write(name, &block.text),
            None if block.info == "console" => steps(&block).iter().for_each(|step| stage.play(step)),
            None => {}
        }
    }
    stage.settle(page.lines().count());
    stage.commands
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn the_guide_does_what_it_says() {
    let page = fs::read_to_string(docs().join("write-your-first-rule.md")).unwrap();
    assert!(play(&page) >= 9);
}

#[test]
fn links_of_the_guide_lead_somewhere() {
    let page = fs::read_to_string(docs().join("write-your-first-rule.md")).unwrap();
    for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (path, section) = link.split_once('#').unwrap_or((link, ""));
        let target = fs::read_to_string(docs().join(path)).unwrap_or_else(|error| panic!("{link}: {error}"));
        let heading = |line: &str| line.strip_prefix("## ").is_some_and(|name| name.to_lowercase() == section);
        assert!(section.is_empty() || target.lines().any(heading), "{link}");
    }
}

#[test]
fn what_a_guide_leaves_out_is_anything() {
    let expected = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let shown = ["one", "two three", "four"];
    for text in ["…", "one\n…", "…\nfour", "one\ntwo …\nfour", "…\n…ree\n…", "one\n…\ntwo three\n…\nfour\n…"]
    {
        assert!(fits(&expected(text), &shown), "{text}");
    }
    for text in ["", "one", "one\n…\nthree\n…", "two …\nfour", "one\ntwo\n…", "…\nfour\nfive", "o…\n…x\nfour"]
    {
        assert!(!fits(&expected(text), &shown), "{text}");
    }
    assert!(line_fits("a…a", "aa") && !line_fits("a…a", "a"), "the pieces do not overlap");
}

#[test]
#[should_panic(expected = "shows")]
fn a_guide_that_shows_something_else_is_found_out() {
    play(
        "```console\n$ harden resources fiel\nerror: there is no resource `fiel`\n  help: did you mean `pg_role`?\n```\n",
    );
}

#[test]
#[should_panic(expected = "ended with 2, which is not told")]
fn a_guide_tells_how_a_command_ends() {
    play("```console\n$ harden resources fiel\n…\n```\n");
}

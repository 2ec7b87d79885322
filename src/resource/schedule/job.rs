//! A job as it was found, and the fields that are made of it.

use std::collections::{BTreeMap, BTreeSet};

use super::programs::Programs;
use super::{CRON, KIND, SCHEDULE};
use crate::facts::{Basis, Listing, Subject};
use crate::format::cron::Cron;
use crate::format::shell::{self, Token};
use crate::resource::process::arguments;
use crate::resource::sensitive;
use crate::value::types::word;
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Observed, Reason, Value};

pub(super) static PROBLEMS: Vocabulary = Vocabulary {
    name: "schedule_problem",
    words: &[
        "bad-schedule",
        "odd-schedule",
        "missing-user",
        "unknown-user",
        "no-command",
        "carriage-return",
        "no-program",
        "no-newline",
        "file-ignored",
        "bad-name",
        "left-behind",
        "bad-mode",
        "bad-owner",
        "hard-links",
        "not-executable",
        "nothing-to-start",
        "masked",
        "not-wanted",
        "suspended",
    ],
    ordered: false,
};

/// What is known of whether a job runs. `None` stands for what the reason says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) understood: Observed,
    pub(super) enabled: Observed,
    pub(super) problems: BTreeSet<&'static str>,
    /// Why there may be more of them.
    pub(super) doubt: Option<Reason>,
}

impl Outcome {
    /// What holds whichever of several programs reads the job.
    pub(super) fn common(outcomes: Vec<Outcome>, differ: &Reason) -> Outcome {
        let mut outcomes = outcomes.into_iter();
        let Some(mut common) = outcomes.next() else {
            let unknown = || Observed::Unknown(differ.clone());
            return Outcome {
                understood: unknown(),
                enabled: unknown(),
                problems: BTreeSet::new(),
                doubt: Some(differ.clone()),
            };
        };
        let agree = |one: &mut Observed, other: Observed| {
            if *one != other {
                *one = Observed::Unknown(differ.clone());
            }
        };
        for other in outcomes {
            agree(&mut common.understood, other.understood);
            agree(&mut common.enabled, other.enabled);
            if common.problems != other.problems {
                common.problems.retain(|problem| other.problems.contains(problem));
                common.doubt.get_or_insert_with(|| differ.clone());
            }
            common.doubt = common.doubt.or(other.doubt);
        }
        common
    }
}

/// The command of a job.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// For a shell.
    Shell(String),
    /// Words, of which the first is the program.
    Arguments(Vec<String>),
    /// A file by itself.
    File(String),
    None,
    Unseen(Reason),
}

/// A job as it was found.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) kind: &'static str,
    pub(super) subject: String,
    pub(super) origin: String,
    pub(super) path: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) name: Option<String>,
    pub(super) when: Observed,
    pub(super) outcome: Outcome,
    pub(super) user: Observed,
    pub(super) command: Command,
    pub(super) input: bool,
    pub(super) programs: Programs,
    pub(super) environment: Option<BTreeMap<String, String>>,
    /// `Err` where a table is read by a cron that was not found.
    pub(super) cron: Option<Result<Cron, Reason>>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) found: Vec<Job>,
    /// Places that exist, even if no job is there.
    pub(super) places: usize,
    more: Option<Reason>,
}

impl Jobs {
    /// There may be jobs that were not seen.
    pub(super) fn doubt(&mut self, reason: Reason) {
        self.more.get_or_insert(reason);
    }

    pub(super) fn listing(self, nothing: String) -> Listing {
        let subjects: Vec<Subject> = self.found.iter().map(subject).collect();
        match self.more {
            Some(reason) if subjects.is_empty() => Listing::failed(reason),
            Some(reason) => Listing::partial(subjects, reason),
            None if subjects.is_empty() && self.places == 0 => Listing::absent(nothing),
            None => Listing::complete(subjects),
        }
    }
}

fn subject(job: &Job) -> Subject {
    let mut subject = Subject::new(&SCHEDULE, job.subject.as_str(), job.origin.as_str(), Basis::Declared);
    let fields = &mut subject.fields;
    fields.set("kind", word(&KIND, job.kind));
    fields.set("path", Observed::from_option(job.path.as_deref()));
    fields.set("line", Observed::from_option(job.line.and_then(|line| i64::try_from(line).ok()).map(Value::Int)));
    fields.set("name", Observed::from_option(job.name.as_deref()));
    fields.set("when", job.when.clone());
    fields.set("understood", job.outcome.understood.clone());
    fields.set("enabled", job.outcome.enabled.clone());
    fields.set("user", job.user.clone());
    fields.set("input", job.input);
    let (command, secret) = match &job.command {
        Command::None => (Observed::Absent, false.into()),
        Command::Unseen(reason) => (Observed::Unknown(reason.clone()), Observed::Unknown(reason.clone())),
        Command::File(path) => (path.as_str().into(), false.into()),
        Command::Shell(text) => shown(shell_words(text)),
        Command::Arguments(words) => shown(vec![words.clone()]),
    };
    fields.set("command", command);
    fields.set("secret_in_command", secret);
    fields.set("program", job.programs.first());
    fields.set("programs", Value::List(job.programs.list()));
    fields.set("environment", environment(job.environment.as_ref()));
    fields.set(
        "cron",
        match &job.cron {
            None => Observed::Absent,
            Some(Err(reason)) => Observed::Unknown(reason.clone()),
            Some(Ok(Cron::Debian)) => word(&CRON, "debian").into(),
            Some(Ok(Cron::Cronie)) => word(&CRON, "cronie").into(),
        },
    );
    let mut problems = job.outcome.problems.clone();
    if job.programs.is_none_there() {
        problems.insert("no-program");
    }
    let items = problems.into_iter().map(|problem| word(&PROBLEMS, problem).into()).collect();
    fields.set("problems", Value::List(List { items, more: job.outcome.doubt.clone() }));
    subject
}

/// Each simple command of a text with the operator before it, as words without quotes.
fn shell_words(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    for token in shell::tokens(text) {
        match token {
            Token::Operator(operator) if operator.starts_with(['<', '>']) => {
                commands.last_mut().into_iter().for_each(|words| words.push(operator.clone()));
            }
            Token::Operator(operator) => {
                commands.push(vec![operator]);
                commands.push(Vec::new());
            }
            Token::Word(word) => commands.last_mut().into_iter().for_each(|words| words.push(word.text.clone())),
        }
    }
    commands
}

/// The commands without what may be a secret in them, and whether one gives a secret by its name.
fn shown(commands: Vec<Vec<String>>) -> (Observed, Observed) {
    let (mut text, mut gives) = (Vec::new(), false);
    for words in commands {
        let shown = arguments::redact(&words);
        gives |= shown.gives_secret;
        text.extend(shown.arguments);
    }
    let text = text.join(" ");
    (if text.is_empty() { Observed::Absent } else { text.into() }, gives.into())
}

fn environment(settings: Option<&BTreeMap<String, String>>) -> Observed {
    let Some(settings) = settings else { return Observed::Absent };
    let shown = settings.iter().map(|(name, value)| (name.as_str().into(), sensitive::show(name, value).into()));
    Value::Map(shown.collect()).into()
}

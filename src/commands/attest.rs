//! `harden attest`: a person's statement, written down; and all that were, with their state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::{output, setup};
use crate::attestation::{self, Entry};
use crate::cli::{Attest, Format, Selection};
use crate::diagnostic::closest;
use crate::error::Error;
use crate::rule::Rule;
use crate::rule::compile::Options;
use crate::rule::input::Inputs;
use crate::rule::library::RuleSet;
use crate::rule::manual::{Manual, Term};
use crate::value::text::{json_document, sanitize};
use crate::value::time;

/// Characters of a name, of evidence and of a scope.
const MAX_BY: usize = 200;
const MAX_EVIDENCE: usize = 4_000;
const MAX_SCOPE: usize = 1_000;

pub fn run(args: &Attest, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    let selection = Selection { profile: Vec::new(), rule: Vec::new(), sources: args.sources.clone() };
    let config = setup::config(&selection)?;
    let options = Options { inputs: &Inputs::new(), cases: false };
    let rules = setup::library(&config)?.compile(options).map_err(Error::Files)?;
    let path = setup::attestations_path(&config, args.attestations.as_deref());
    if args.list {
        let now = args.at.as_deref().map_or_else(|| Ok(time::now()), |text| setup::instant("at", text))?;
        let entries = attestation::load(&path).map_err(Error::Files)?;
        output::deliver(&list(&entries, &rules, now, args.format), None, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = time::now();
    let entry = entry(args, &rules, now)?;
    attestation::append(&path, &entry)?;
    let until = time::show(entry.until);
    let words = match entry.until <= now {
        true => format!("attested {}, which was over on {until} already: {}", entry.rule, path.display()),
        false => format!("attested {} until {until}: {}", entry.rule, path.display()),
    };
    writeln!(err, "{}", sanitize(&words)).map_err(Error::io("write what was done"))?;
    Ok(ExitCode::SUCCESS)
}

/// The entry that the arguments make, checked against what the rule asks.
fn entry(args: &Attest, rules: &RuleSet, now: i64) -> Result<Entry, Error> {
    let (rule, manual) = statement(args.rule.as_deref().unwrap_or_default(), rules)?;
    let by = text("by", args.by.as_deref().unwrap_or_default(), MAX_BY)?;
    let evidence = text("evidence", args.evidence.as_deref().unwrap_or_default(), MAX_EVIDENCE)?;
    let scope = args.scope.as_deref().map(|scope| text("scope", scope, MAX_SCOPE)).transpose()?;
    match (manual.bound_to(), &scope) {
        (Some(field), None) => {
            let error = Error::usage(format!("a statement of {} is bound to one {field}", rule.id));
            return Err(error.help("name it with --scope, as `harden check` shows it"));
        }
        (None, Some(_)) => {
            let error = Error::usage(format!("a statement of {} is bound to nothing", rule.id));
            return Err(error.help("leave --scope out"));
        }
        _ => {}
    }
    let on = args.on.as_deref().map_or(Ok(now), |text| setup::instant("on", text))?;
    if on > now {
        return Err(Error::usage("what is stated for the future is not so yet")
            .help("leave --on out, or name a day that is over"));
    }
    let most = on.saturating_add(manual.term.most());
    let until = match (args.until.as_deref(), &manual.term) {
        (Some(text), _) => setup::instant("until", text)?,
        (None, Term::For(_)) => most,
        (None, Term::UntilEvent(event)) => {
            let error =
                Error::usage(format!("a statement of {} ends with the next {event}, which harden cannot see", rule.id));
            return Err(
                error.help(format!("say with --until when you will look again, {} at the latest", time::show(most)))
            );
        }
    };
    if until <= on || until > most {
        let error = Error::usage(format!("a statement of {} holds for {}", rule.id, manual.term.show()));
        return Err(error.help(format!("write a --until after {} and not after {}", time::show(on), time::show(most))));
    }
    Ok(Entry { rule: rule.id.to_string(), by, on, until, evidence, scope, line: 0 })
}

/// The rule of this id, which a person attests.
fn statement<'r>(id: &str, rules: &'r RuleSet) -> Result<(&'r Rule, &'r Manual), Error> {
    let Some(rule) = rules.rules.iter().find(|rule| &*rule.id == id) else {
        let error = Error::usage(format!("there is no rule `{id}`"));
        return Err(match closest(id, rules.statements.iter().map(String::as_str)) {
            Some(hint) => error.help(format!("did you mean `{hint}`?")),
            None => error.help("`harden rules list --profile people` shows those that come with harden"),
        });
    };
    match rule.manual() {
        Some(manual) => Ok((rule, manual)),
        None => Err(Error::usage(format!("`{id}` is judged by looking, and nobody can attest it"))
            .help(format!("`harden rules show {id}` says what it looks at"))),
    }
}

/// A text of the statement: there, in one line, and nothing that looks like a secret.
fn text(name: &str, text: &str, most: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::usage(format!("--{name} is empty")));
    }
    if !matches!(sanitize(text), std::borrow::Cow::Borrowed(_)) {
        return Err(Error::usage(format!("--{name} holds a line break, or another character that is not shown")));
    }
    if text.chars().count() > most {
        return Err(Error::usage(format!("--{name} has more than {most} characters"))
            .help("keep it elsewhere, and name the place"));
    }
    if holds_secret(text) {
        let error = Error::usage(format!("--{name} looks as if it held a secret"));
        return Err(error.help("name where the evidence is kept; the file of attestations is read by others"));
    }
    Ok(text.to_owned())
}

/// A private key, or a URL with a password.
fn holds_secret(text: &str) -> bool {
    text.contains("PRIVATE KEY-----") || text.split_whitespace().any(|word| password(word).is_some())
}

/// The password of a URL.
fn password(word: &str) -> Option<&str> {
    let (_, rest) = word.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(password).filter(|password| !password.is_empty() && *password != "***")
}

/// What became of an entry by itself; whether something contradicts it shows when it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Attested,
    Expired,
    /// A later one counts in its place.
    Replaced,
    /// Stated for a time that is not yet.
    Future,
    /// No rule asks for it.
    Unasked,
}

impl Kept {
    fn as_str(self) -> &'static str {
        match self {
            Kept::Attested => "attested",
            Kept::Expired => "expired",
            Kept::Replaced => "replaced",
            Kept::Future => "future",
            Kept::Unasked => "unasked",
        }
    }
}

/// Every entry with its state and the time until which it holds, in the order of rules and times.
fn states<'e>(entries: &'e [Entry], rules: &RuleSet, now: i64) -> Vec<(&'e Entry, Kept, i64)> {
    let manual: BTreeMap<&str, &Manual> =
        rules.rules.iter().filter_map(|rule| Some((&*rule.id, rule.manual()?))).collect();
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| (&entry.rule, &entry.scope, entry.on, entry.until, &entry.by, &entry.evidence));
    let state = |(at, entry): (usize, &&'e Entry)| {
        let later = sorted.get(at + 1).filter(|other| other.on <= now);
        let replaced = later.is_some_and(|other| (&other.rule, &other.scope) == (&entry.rule, &entry.scope));
        let Some(manual) = manual.get(entry.rule.as_str()) else { return (*entry, Kept::Unasked, entry.until) };
        let until = entry.until.min(entry.on.saturating_add(manual.term.most()));
        let kept = match () {
            () if entry.on > now => Kept::Future,
            () if replaced => Kept::Replaced,
            () if until <= now => Kept::Expired,
            () => Kept::Attested,
        };
        (*entry, kept, until)
    };
    sorted.iter().enumerate().map(state).collect()
}

fn list(entries: &[Entry], rules: &RuleSet, now: i64, format: Format) -> String {
    let states = states(entries, rules, now);
    match format {
        Format::Json => {
            let entry = |(entry, state, until): &(&Entry, Kept, i64)| {
                json!({
                    "rule": entry.rule, "state": state.as_str(), "by": entry.by, "on": time::show(entry.on),
                    "until": time::show(*until), "evidence": entry.evidence, "scope": entry.scope, "line": entry.line,
                })
            };
            let attestations: Vec<_> = states.iter().map(entry).collect();
            json_document(&json!({
                "schema": "harden.attestations/v1", "at": time::show(now), "attestations": attestations,
            }))
        }
        Format::Table => {
            let mut text = String::new();
            for (entry, state, until) in &states {
                let scope = entry.scope.iter().map(|scope| format!("  for {scope}")).collect::<String>();
                let (on, until) = (time::show(entry.on), time::show(*until));
                let head = format!("{:9} {}{scope}", state.as_str(), entry.rule);
                let said = format!("by {} on {on}, until {until}: {}", entry.by, entry.evidence);
                let _ = writeln!(text, "{}\n          {}", sanitize(&head), sanitize(&said));
            }
            let s = if states.len() == 1 { "" } else { "s" };
            let _ = writeln!(text, "{} attestation{s}", states.len());
            text
        }
    }
}

//! `harden profiles`: which profiles there are, and what one of them selects, sets and overrides.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{output, setup};
use crate::cli::{Format, Profiles, Selection, Sources};
use crate::error::Error;
use crate::rule::compile::Options;
use crate::rule::input::{Input, InputValue, Inputs, how_to_set};
use crate::rule::library::{Library, RuleSet};
use crate::rule::profile::{Override, Profile, Selector};
use crate::rule::settings::Settings;
use crate::rule::{Phase, Rule, Severity};
use crate::value::text::{json_document, sanitize};

/// Characters of a value that a line shows; the JSON document has all of it.
const LONG: usize = 60;

pub fn run(args: &Profiles, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    let text = match args {
        Profiles::List { sources, format } => list(&selection(sources), *format)?,
        Profiles::Show { name, sources, format } => show(name, &selection(sources), *format, err)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

/// All rules of these sources, whatever profile selects them.
fn selection(sources: &Sources) -> Selection {
    Selection { profile: Vec::new(), rule: Vec::new(), sources: sources.clone() }
}

fn list(selection: &Selection, format: Format) -> Result<String, Error> {
    let library = setup::library(&setup::config(selection)?)?;
    let compiled = library.compile(Options { inputs: &Inputs::new(), cases: false }).map_err(Error::Files)?;
    let count = |profile: &Profile| compiled.rules.iter().filter(|rule| profile.selects(*rule)).count();
    let profiles: Vec<_> = library.profiles().iter().map(|profile| (profile, count(profile))).collect();
    match format {
        Format::Json => {
            let entry = |(profile, count): &(&Arc<Profile>, usize)| {
                json!({
                    "name": profile.name,
                    "title": profile.title,
                    "rules": count,
                    "extends": profile.extends,
                    "built_in": library.directory(profile).is_none(),
                    "file": &*profile.source.path,
                })
            };
            Ok(json_document(&profiles.iter().map(entry).collect::<Vec<_>>()))
        }
        Format::Table => {
            let mut text = String::new();
            let width = profiles.iter().map(|(profile, _)| profile.name.len()).max().unwrap_or(0);
            for (profile, count) in &profiles {
                let origin = match library.directory(profile) {
                    Some(_) => format!("  ({})", profile.source.path),
                    None => String::new(),
                };
                let (name, title) = (sanitize(&profile.name), sanitize(&profile.title));
                let _ = writeln!(text, "{name:width$}  {count:4} rules  {title}{}", sanitize(&origin));
            }
            let _ = writeln!(text, "{} profiles; `harden profiles show NAME` shows one", profiles.len());
            Ok(text)
        }
    }
}

fn show(name: &str, selection: &Selection, format: Format, err: &mut dyn Write) -> Result<String, Error> {
    let config = setup::config(selection)?;
    let library = setup::library(&config)?;
    let profile = setup::profile(&library, &config, name)?;
    let outside = setup::outside(&config, selection)?;
    let settings = Settings { profiles: std::slice::from_ref(&profile), outside: &outside };
    let mut compiled = library.compile_with(settings, false).map_err(Error::Files)?;
    setup::warn(&compiled, err)?;
    compiled.rules.retain(|rule| profile.selects(rule));
    Ok(match format {
        Format::Json => json_document(&document(&library, &profile, &compiled)),
        Format::Table => story(&library, &profile, &compiled),
    })
}

/// An input as the rules of a profile have it: its value with where that comes from, and the rules.
struct Setting<'r> {
    input: &'r Input,
    value: Option<&'r InputValue>,
    from: String,
    rules: Vec<&'r str>,
}

/// Every input of the rules, once for each value that it has.
fn settings(rules: &[Rule]) -> Vec<Setting<'_>> {
    let mut found: BTreeMap<(&str, Option<String>, String), Setting<'_>> = BTreeMap::new();
    for (rule, input) in rules.iter().flat_map(|rule| rule.inputs.iter().map(move |input| (rule, input))) {
        let (value, from) = match (&input.given, &input.default) {
            (Some(given), _) => (Some(&given.value), given.place()),
            (None, Some(default)) => (Some(default), "default".to_owned()),
            (None, None) => (None, "must be set".to_owned()),
        };
        let key = (input.name.as_str(), value.map(InputValue::show), from.clone());
        let setting = found.entry(key).or_insert_with(|| Setting { input, value, from, rules: Vec::new() });
        setting.rules.push(&rule.id);
    }
    found.into_values().collect()
}

/// Numbers of rules by a word.
type Counts = Vec<(&'static str, usize)>;

/// How many rules there are of each severity, worst first, and of each phase.
fn counts(rules: &[Rule]) -> (Counts, Counts) {
    let severity = |(name, severity): &(&'static str, Severity)| {
        (*name, rules.iter().filter(|rule| rule.severity == *severity).count())
    };
    let phase =
        |(name, phase): &(&'static str, Phase)| (*name, rules.iter().filter(|rule| rule.phase == *phase).count());
    (Severity::ALL.iter().rev().map(severity).collect(), Phase::ALL.iter().map(phase).collect())
}

/// The overrides of a profile and of those that it stands on, its own first.
fn overrides(profile: &Arc<Profile>) -> Vec<(&Profile, &Override)> {
    let lineage = profile.lineage().rev();
    lineage.flat_map(|one| one.overrides.iter().map(|stated| (one.as_ref(), stated))).collect()
}

fn document(library: &Library, profile: &Arc<Profile>, set: &RuleSet) -> Json {
    let (severities, phases) = counts(&set.rules);
    let map = |counts: Counts| {
        counts.into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect::<serde_json::Map<_, _>>()
    };
    let texts = |selectors: &[Selector]| selectors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let values = |value: &InputValue| match value {
        InputValue::One(text) => json!(text),
        InputValue::Many(items) => json!(items),
    };
    let stated = |(one, stated): (&Profile, &Override)| {
        let inputs = stated.inputs.iter().map(|(name, given)| (name.clone(), values(&given.value)));
        json!({
            "profile": one.name,
            "rule": stated.rule.text,
            "severity": stated.severity,
            "inputs": inputs.collect::<serde_json::Map<_, _>>(),
            "reason": stated.reason,
        })
    };
    let input = |setting: &Setting<'_>| {
        json!({
            "name": setting.input.name,
            "type": setting.input.word,
            "about": setting.input.about,
            "value": setting.value.map(values),
            "from": setting.from,
            "rules": setting.rules,
        })
    };
    let rule = |rule: &Rule| {
        json!({
            "id": rule.id,
            "title": rule.title,
            "severity": rule.severity,
            "phase": rule.phase,
            "overrides": rule.changes,
        })
    };
    json!({
        "name": profile.name,
        "title": profile.title,
        "about": profile.about,
        "built_in": library.directory(profile).is_none(),
        "file": &*profile.source.path,
        "extends": profile.extends,
        "selects": texts(&profile.rules),
        "excludes": texts(&profile.exclude),
        "severities": map(severities),
        "phases": map(phases),
        "inputs": settings(&set.rules).iter().map(input).collect::<Vec<_>>(),
        "overrides": overrides(profile).into_iter().map(stated).collect::<Vec<_>>(),
        "rules": set.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn story(library: &Library, profile: &Arc<Profile>, set: &RuleSet) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{}", sanitize(line));
    };
    line(&profile.name);
    line(&format!("  {}", profile.title));
    line("");
    line(&format!("  {}", profile.about));
    line("");
    if !profile.extends.is_empty() {
        line(&format!("extends   {}", profile.extends.join(", ")));
    }
    for (word, selectors) in [("selects   ", &profile.rules), ("without   ", &profile.exclude)] {
        for (i, selector) in selectors.iter().enumerate() {
            line(&format!("{}{selector}", if i == 0 { word } else { "          " }));
        }
    }
    let origin = if library.directory(profile).is_some() { "" } else { "built in, " };
    line(&format!("file      {origin}{}", profile.source.path));

    let settings = settings(&set.rules);
    if !settings.is_empty() {
        line("");
        line("Inputs");
    }
    for setting in &settings {
        let several = settings.iter().filter(|other| other.input.name == setting.input.name).count() > 1;
        input_lines(setting, several).iter().for_each(|one| line(one));
    }
    if let Some(unset) = settings.iter().find(|setting| setting.value.is_none()) {
        line(&format!("  One that must be set is set {}.", how_to_set(&unset.input.name)));
    }
    let overrides = overrides(profile);
    if !overrides.is_empty() {
        line("");
        line("Overrides");
    }
    for (one, stated) in overrides {
        line(&format!("  {}: {} ({})", stated.rule.text, what(stated), one.name));
        line(&format!("    {}", stated.reason));
    }

    let (severities, phases) = counts(&set.rules);
    let some = |counts: Counts| {
        let some = counts.into_iter().filter(|(_, count)| *count > 0);
        some.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    };
    line("");
    line(&format!("Rules: {} ({}; {})", set.rules.len(), some(severities), some(phases)));
    let width = set.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in &set.rules {
        let (severity, phase) = (rule.severity.as_str(), rule.phase.as_str());
        line(&format!("  {:width$}  {severity:8}  {phase:7}  {}", rule.id, rule.title));
    }
    text
}

/// What an override changes: `severity low, public_ports 80,443`.
fn what(stated: &Override) -> String {
    let severity = stated.severity.iter().map(|severity| format!("severity {}", severity.as_str()));
    let inputs = stated.inputs.iter().map(|(name, given)| format!("{name} {}", given.value.show()));
    severity.chain(inputs).collect::<Vec<_>>().join(", ")
}

fn input_lines(setting: &Setting<'_>, several: bool) -> Vec<String> {
    let Setting { input, value, from, rules } = setting;
    let value = value.map(|value| {
        let value = value.show();
        let cut = value.char_indices().nth(LONG).and_then(|(cut, _)| value.get(..cut));
        cut.map_or(value.clone(), |cut| format!("{cut}…"))
    });
    let mut lines = vec![match &value {
        Some(value) => format!("  {}: {value} ({from})", input.name),
        None => format!("  {}: must be set", input.name),
    }];
    lines.push(format!("    {}, {}", input.word, input.about));
    if several {
        lines.push(format!("    in {}", rules.join(", ")));
    }
    lines
}

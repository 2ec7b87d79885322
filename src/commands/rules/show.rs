//! `harden rules show`: the story of rules, or only what they will look at.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::sync::Arc;

use super::reads;
use crate::cli::{Format, Show};
use crate::commands::setup;
use crate::config::Config;
use crate::error::Error;
use crate::reference::story::{InputStory, Read, Story, asks};
use crate::render::page::Page;
use crate::render::{Color, width};
use crate::rule::Rule;
use crate::rule::library::{Library, RuleSet};
use crate::rule::profile::{Pattern, Profile};
use crate::rule::settings::Settings;
use crate::rule::words::{self, Words};
use crate::value::text::json_document;

pub(super) fn show(args: &Show, color: Color) -> Result<String, Error> {
    let config = setup::config(&args.selection)?;
    let library = setup::library(&config)?;
    let rules = rules(args, &config, &library)?;
    let page = Page::new(width(), color.decide(std::io::stdout().is_terminal()));
    if args.reads {
        let merged = reads::merge(&rules.rules, &by_profile(args, &config, &library)?);
        return Ok(match args.format {
            Format::Json => json_document(&merged),
            Format::Table => reads::text(&merged, page),
        });
    }
    let stories: Vec<_> = rules.rules.iter().map(|rule| Story::new(rule, library.profiles())).collect();
    Ok(match args.format {
        Format::Json => json_document(&stories),
        Format::Table => told(&stories, &rules, page),
    })
}

fn told(stories: &[Story<'_>], rules: &RuleSet, mut page: Page) -> String {
    for (i, story) in stories.iter().enumerate() {
        if i > 0 {
            page.blank();
        }
        tell(story, rules, &mut page);
    }
    page.finish()
}

/// Whether nothing but the user's own directories says which rules are meant.
fn is_about_directories(args: &Show, config: &Config) -> bool {
    args.ids.is_empty()
        && args.selection.rule.is_empty()
        && args.selection.profile.is_empty()
        && !config.rules.is_empty()
}

/// The rules that are asked for: by id from all there are; by profile; else those of the user's own directories.
fn rules(args: &Show, config: &Config, library: &Library) -> Result<RuleSet, Error> {
    let selection = &args.selection;
    let named: Vec<String> = args.ids.iter().chain(&selection.rule).cloned().collect();
    let own = is_about_directories(args, config);
    if named.is_empty() && !own && selection.profile.is_empty() && !args.reads {
        let error = Error::usage("no rule is named");
        return Err(error.help("name one by its id; `harden rules list` shows them"));
    }
    if named.is_empty() && !own {
        return setup::rules(config, selection, !args.reads);
    }
    // Profiles that are named do not narrow the choice, but what they set counts.
    let profiles = config.profiles.iter().map(|name| setup::profile(library, config, name));
    let mut set = compiled(args, config, library, &profiles.collect::<Result<Vec<_>, _>>()?)?;
    if own {
        set.rules.retain(|rule| set.own.contains(&*rule.id));
    }
    let pattern = |text: &String| {
        Pattern::new(text).map_err(|error| Error::usage(format!("`{text}` is no glob over rule ids: {error}")))
    };
    let patterns = named.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
    set.select(&[], &patterns).map_err(|message| Error::usage(message).help("`harden rules list` shows them"))?;
    if set.rules.is_empty() && brings_no_profile(library) {
        return Err(Error::usage("there are no rules in the directories that are named"));
    }
    Ok(set)
}

/// Whether no directory of the user's brings a profile, which could make built-in rules look at something else.
fn brings_no_profile(library: &Library) -> bool {
    library.profiles().iter().all(|profile| library.directory(profile).is_none())
}

fn compiled(args: &Show, config: &Config, library: &Library, profiles: &[Arc<Profile>]) -> Result<RuleSet, Error> {
    let outside = setup::outside(config, &args.selection)?;
    library.compile_with(Settings { profiles, outside: &outside }, !args.reads).map_err(Error::Files)
}

/// What the profiles of the user's directories make rules look at besides: their own rules, and built-in ones whose
/// inputs they set.
fn by_profile(args: &Show, config: &Config, library: &Library) -> Result<Vec<(String, Vec<Rule>)>, Error> {
    if !is_about_directories(args, config) {
        return Ok(Vec::new());
    }
    let own = library.profiles().iter().filter(|profile| library.directory(profile).is_some());
    own.map(|profile| {
        let mut set = compiled(args, config, library, std::slice::from_ref(profile))?;
        let is_set = |rule: &Rule| rule.inputs.iter().any(|input| input.given.is_some());
        let own = &set.own;
        set.rules.retain(|rule| profile.selects(rule) && (own.contains(&*rule.id) || is_set(rule)));
        Ok((profile.name.clone(), set.rules))
    })
    .collect()
}

/// Columns of the names beside which something stands, at least and at most.
const COLUMN: usize = 9;
const WIDE: usize = 22;
const CASE_COLUMN: usize = "not-applicable".len();

fn tell(story: &Story<'_>, rules: &RuleSet, page: &mut Page) {
    page.title(story.id, &format!("{}, {}", story.severity.as_str(), story.phase.as_str()));
    page.paragraph(1, story.title);
    page.heading("Why");
    page.paragraph(1, story.why);
    page.heading("How it is judged");
    story.judged.iter().for_each(|words| judged(words, 1, page));
    page.heading("What it looks at");
    looks(&story.reads, page);
    if !story.inputs.is_empty() {
        page.heading("Inputs");
        story.inputs.iter().for_each(|input| input_line(input, page));
    }
    if !story.cases.is_empty() {
        page.heading("Cases");
    }
    for case in &story.cases {
        let code = match case.outcome {
            "pass" => "32",
            "fail" => "31",
            "unknown" => "33",
            _ => "2",
        };
        let said = case.said.map(|said| format!("but with the inputs as they are set, the rule says {said}"));
        for (i, line) in case.facts.iter().chain(&said).enumerate() {
            let outcome = if i == 0 { case.outcome } else { "" };
            page.painted_entry(1, CASE_COLUMN, outcome, code, line);
        }
    }
    page.heading("Fix");
    page.paragraph(1, story.fix);
    page.heading("References");
    let column = column(story.refs.keys().map(String::as_str));
    for (name, items) in story.refs {
        page.entry(1, column, name, &items.join(", "));
    }
    page.heading("Where it belongs");
    if let Some(reason) = story.replaces_built_in {
        page.entry(1, COLUMN, "instead", &format!("of the built-in rule of this id: {reason}"));
    }
    story.overrides.iter().for_each(|change| page.entry(1, COLUMN, "override", change));
    if !story.tags.is_empty() {
        page.entry(1, COLUMN, "tags", &story.tags.join(", "));
    }
    let profiles = match story.profiles.as_slice() {
        [] => "none".to_owned(),
        profiles => profiles.join(", "),
    };
    let always = rules.always.contains(story.id);
    let judged = if always { "; judged whatever the profile, since its directory has none" } else { "" };
    page.entry(1, COLUMN, "profiles", &format!("{profiles}{judged}"));
    let file = if rules.own.contains(story.id) { story.file.to_owned() } else { format!("{} (built in)", story.file) };
    page.entry(1, COLUMN, "file", &file);
}

/// The outermost sentences are paragraphs, what they consist of are lists.
fn judged(words: &Words, level: usize, page: &mut Page) {
    page.paragraph(level, &words.text);
    words.parts.iter().for_each(|part| judged_part(part, level, page));
}

fn judged_part(words: &Words, level: usize, page: &mut Page) {
    page.item(level, &words.text);
    words.parts.iter().for_each(|part| judged_part(part, level + 1, page));
}

/// What is read of each resource: the queries, then the fields that count and the privilege.
fn looks(reads: &[Read], page: &mut Page) {
    let resources: BTreeSet<_> = reads.iter().map(|read| (&read.targets, read.resource)).collect();
    for (targets, resource) in resources {
        let of_it = || reads.iter().filter(|read| (&read.targets, read.resource) == (targets, resource));
        let targets: Vec<_> = targets.iter().map(|kind| kind.as_str()).collect();
        page.paragraph(1, &format!("{} on {}", words::code(resource), targets.join(" and ")));
        let mut fields: BTreeMap<&str, (BTreeSet<&str>, &str)> = BTreeMap::new();
        for read in of_it() {
            page.item(1, &asks(&read.with, &read.for_each));
            for field in &read.fields {
                fields.entry(field.name).or_insert((BTreeSet::new(), field.about)).0.insert(&field.ty);
            }
        }
        let column = column(fields.keys().copied());
        for (name, (types, about)) in fields {
            let types: Vec<_> = types.into_iter().collect();
            page.entry(2, column, name, format!("{about} [{}]", types.join(" or ")).trim_start());
        }
        for privilege in of_it().map(|read| read.privilege).take(1) {
            page.entry(2, column, "privilege", privilege);
        }
    }
}

/// The width of a column for these names.
fn column<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).clamp(COLUMN, WIDE)
}

fn input_line(input: &InputStory<'_>, page: &mut Page) {
    page.item(1, &format!("{}: {} [{}]", words::code(input.name), input.about, input.ty));
    let values = |items: &[String]| items.join(", ");
    match (&input.default, &input.example) {
        (Some(default), _) => page.entry(2, COLUMN, "default", &values(default)),
        (None, Some(example)) => page.entry(2, COLUMN, "example", &values(example)),
        (None, None) => {}
    }
    match &input.value {
        None => page.entry(2, COLUMN, "not set", "until it is, the rule is unknown; above stands the example"),
        Some(value) => {
            if let Some(place) = &input.given_by {
                page.entry(2, COLUMN, "set to", &format!("{}, by {place}", values(value)));
            }
        }
    }
    let by = format!(
        "`--input {0}=VALUE`, `{1}=VALUE` in the environment, `{0} = \"VALUE\"` under `[inputs]` in harden.toml, or `inputs:` of a profile",
        input.name, input.variable
    );
    page.entry(2, COLUMN, "to set it", &by);
}

//! `harden resources`: what rules can look at, and everything about one such kind of thing.

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use serde_json::json;

use super::{output, setup};
use crate::cli::{Format, Resources};
use crate::config::Config;
use crate::diagnostic::closest;
use crate::error::Error;
use crate::reference::about::{About, FieldAbout, MatcherAbout};
use crate::render::page::Page;
use crate::render::{Color, width};
use crate::resource::{ALL, Resource};
use crate::rule::compile::Options;
use crate::rule::input::Inputs;
use crate::value::text::json_document;

pub fn run(args: &Resources, color: Color, out: &mut dyn Write) -> Result<ExitCode, Error> {
    let page = Page::new(width(), color.decide(std::io::stdout().is_terminal()));
    let text = match &args.name {
        None => list(args.format, page),
        Some(name) => one(find(name)?, args.format, page)?,
    };
    output::deliver(&text, None, out)?;
    Ok(ExitCode::SUCCESS)
}

fn find(name: &str) -> Result<&'static Resource, Error> {
    let names = ALL.iter().map(|resource| resource.name);
    crate::resource::find(name).ok_or_else(|| {
        let error = Error::usage(format!("there is no resource `{name}`"));
        match closest(name, names.clone()) {
            Some(hint) => error.help(format!("did you mean `{hint}`?")),
            None => error.help(format!("there are: {}", names.collect::<Vec<_>>().join(", "))),
        }
    })
}

fn list(format: Format, mut page: Page) -> String {
    let all: Vec<_> = ALL.iter().map(|resource| About::new(resource, &[])).collect();
    match format {
        Format::Json => {
            let entry =
                |about: &About<'_>| json!({ "name": about.name, "about": about.about, "targets": about.targets });
            json_document(&all.iter().map(entry).collect::<Vec<_>>())
        }
        Format::Table => {
            let column = all.iter().map(|about| about.name.len()).max().unwrap_or(0);
            for about in &all {
                let targets: Vec<_> = about.targets.iter().map(|kind| kind.as_str()).collect();
                page.entry(0, column, about.name, &format!("{} [{}]", about.about, targets.join(", ")));
            }
            page.blank();
            page.paragraph(0, "`harden resources NAME` tells everything about one.");
            page.finish()
        }
    }
}

/// Columns of the names beside which something stands, at most.
const WIDE: usize = 22;

fn one(resource: &Resource, format: Format, mut page: Page) -> Result<String, Error> {
    let library = setup::library(&Config::default())?;
    let rules = library.compile(Options { inputs: &Inputs::new(), cases: false }).map_err(Error::Files)?;
    let about = About::new(resource, &rules.rules);
    if format == Format::Json {
        return Ok(json_document(&about));
    }
    page.title(about.name, "");
    page.paragraph(1, about.about);
    page.blank();
    page.entry(1, "read from".len(), "read from", &about.read_from);
    page.entry(1, "read from".len(), "privilege", about.privilege);
    page.paragraph(1, &format!("It {}.", about.absence()));
    if !about.parameters.is_empty() {
        page.heading("Parameters, under `with:`");
    }
    let column = column(about.parameters.iter().map(|param| param.name));
    for param in &about.parameters {
        let words = if param.words.is_empty() { String::new() } else { format!(": {}", param.words.join(", ")) };
        let required = if param.required { "required; " } else { "" };
        page.entry(1, column, param.name, &format!("{} [{required}{}{words}]", param.about, param.accepts));
    }
    page.heading("Fields, under `where:`, `expect:`, `require:` and `forbid:`");
    fields(&about.fields, &mut page);
    records(&about.fields, &mut page);
    matchers(&about, &mut page);
    page.heading("Rules that look at it");
    page.paragraph(1, &if about.rules.is_empty() { "none".to_owned() } else { about.rules.join(", ") });
    Ok(page.finish())
}

fn column<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).min(WIDE)
}

fn fields(table: &[FieldAbout], page: &mut Page) {
    let column = column(table.iter().map(|field| field.name));
    for field in table {
        let source = if field.source.is_empty() { String::new() } else { format!("; kept in {}", field.source) };
        page.entry(1, column, field.name, &format!("{} [{}{source}]", field.about, field.ty));
    }
}

/// The fields of records, below those that hold them.
fn records(table: &[FieldAbout], page: &mut Page) {
    for field in table.iter().filter(|field| !field.fields.is_empty()) {
        page.heading(&format!("Items of `{}`", field.name));
        fields(&field.fields, page);
        records(&field.fields, page);
    }
}

/// The matchers of each type, with an example of each.
fn matchers(about: &About<'_>, page: &mut Page) {
    page.heading("Matchers that fit, by type");
    for known in &about.matchers {
        page.paragraph(1, &known.ty);
        known.own().for_each(|matcher| holds(matcher, page));
    }
    for known in about.matchers.iter().take(1) {
        page.paragraph(1, "every type");
        known.common().for_each(|matcher| holds(matcher, page));
    }
}

fn holds(matcher: &MatcherAbout, page: &mut Page) {
    let example = format!("{}: {}", matcher.name, matcher.example);
    page.entry(2, WIDE, &example, matcher.about);
}

//! `harden record`: what was seen, scrubbed, for a bug report or for a rule's tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{check, output, setup, targets};
use crate::cli::{Record, RecordFormat, Selection, Targets};
use crate::error::Error;
use crate::facts::Facts;
use crate::record;
use crate::rule::Rule;
use crate::rule::compile::Options;
use crate::rule::input::Inputs;
use crate::rule::library::Library;
use crate::scrub::{Key, Known, changed, scrub};
use crate::value::time;

pub fn run(args: &Record, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
    if args.all_subjects && args.format == RecordFormat::Facts {
        return Err(Error::usage("`--all-subjects` is about cases")
            .help("facts hold every subject; for cases add --format cases"));
    }
    let recording = Recording {
        targets: &args.targets,
        selection: &args.selection,
        facts: args.facts.as_deref(),
        output: args.output.as_deref(),
    };
    match args.format {
        RecordFormat::Facts => recording.facts(out, err),
        RecordFormat::Cases => recording.cases(args.all_subjects, out, err),
    }
}

/// What is recorded, and where it goes.
pub(super) struct Recording<'a> {
    pub(super) targets: &'a Targets,
    pub(super) selection: &'a Selection,
    /// Facts that were collected before.
    pub(super) facts: Option<&'a Path>,
    pub(super) output: Option<&'a Path>,
}

impl Recording<'_> {
    /// Writes the scrubbed facts.
    pub(super) fn facts(&self, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
        let (_, facts) = self.scrubbed(&[], err)?;
        output::deliver(&facts.to_json(), self.output, out)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Writes what each rule saw as cases for its file.
    fn cases(&self, all_subjects: bool, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, Error> {
        // A case goes into the rule's own file, which names the same things.
        let own = setup::config(self.selection)?.rules;
        let (rules, facts) = self.scrubbed(&own, err)?;
        let mut text =
            "# Scrubbed observations: the cases of a rule belong under the `tests:` of its file.\n".to_owned();
        for rule in &rules {
            text.push_str(&format!("\n# {}\n{}", rule.id, record::cases(rule, &facts, all_subjects)));
        }
        output::deliver(&text, self.output, out)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The selected rules, and what they ask with everything replaced that could tell whose it is. What scrubbing changes
    /// is said. What the rules of `own` directories name themselves may stay.
    fn scrubbed(&self, own: &[PathBuf], err: &mut dyn Write) -> Result<(Vec<Rule>, Facts), Error> {
        let config = setup::config(self.selection)?;
        let rules = setup::rules(&config, self.selection, false)?.rules;
        let facts = match self.facts {
            Some(path) => {
                let facts = check::read_facts(path)?;
                // Who selects rules wants to show what these need.
                let selects = !self.selection.rule.is_empty() || !self.selection.profile.is_empty();
                if selects { record::asked(&rules, &facts) } else { facts }
            }
            None => targets::collect(&rules, self.targets, &config, time::now(), err)?,
        };
        let key = Key::random().ok_or_else(|| Error::usage("the system has no randomness"))?;
        let scrubbed = scrub(&facts, &known(own)?, &key);
        let changed = changed(&rules, &facts, &scrubbed);
        if !changed.is_empty() {
            let ids: Vec<&str> = changed.iter().map(|rule| &*rule.id).collect();
            let note = format!(
                "note: these rules say something else of the scrubbed facts, since they or their inputs name what was \
                 replaced: {}\n",
                ids.join(", ")
            );
            // The facts are scrubbed whether or not somebody reads the note.
            let _ = err.write_all(note.as_bytes());
        }
        Ok((rules, scrubbed))
    }
}

/// What may stay, by the rules that everybody has and those of `own` directories; not by what inputs were set to.
fn known(own: &[PathBuf]) -> Result<Known, Error> {
    let options = Options { inputs: &Inputs::new(), cases: false };
    let shipped = Library::load(own).and_then(|library| library.compile(options)).map_err(Error::Files)?;
    Ok(Known::new(&shipped.rules))
}

//! What is wrong with a file, shown with its line and a caret. All problems of all files are listed at once.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use crate::value::text::sanitize;

/// Problems that are shown of a run; a file of nothing but mistakes has too many to read.
const MOST: usize = 200;

/// One mistake at one place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the text.
    pub span: Range<usize>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Problem { span, message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Problem { help: Some(help.into()), ..self }
    }

    /// Adds "did you mean" when one of the candidates is close to what was written.
    #[must_use]
    pub fn suggest<'c>(self, written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Self {
        match closest(written, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// The candidate that a typing mistake away from `written`, if there is one.
pub fn closest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Characters of a word that somebody can have mistyped.
    const LONG: usize = 64;
    let length = written.chars().count();
    if length > LONG {
        return None;
    }
    let limit = 1 + length / 4;
    let scored = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// A text and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(path: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        Source { path: path.as_ref().into(), text: text.as_ref().into() }
    }

    /// The line, from 1, in which a byte stands.
    pub fn line(&self, byte: usize) -> usize {
        1 + self.text.bytes().take(byte).filter(|b| *b == b'\n').count()
    }
}

/// Problems with the texts they are in.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(Vec<(Source, Problem)>);

impl Diagnostics {
    pub fn add(&mut self, source: &Source, problems: impl IntoIterator<Item = Problem>) {
        self.0.extend(problems.into_iter().map(|problem| (source.clone(), problem)));
    }

    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// The same problems, each once.
    #[must_use]
    pub fn without_repeats(self) -> Self {
        let mut known = std::collections::HashSet::new();
        let key = |(source, problem): &(Source, Problem)| {
            (source.path.clone(), problem.span.clone(), problem.message.clone())
        };
        Diagnostics(self.0.into_iter().filter(|entry| known.insert(key(entry))).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter().map(|(_, problem)| problem)
    }

    /// Every problem with its line and caret, then their number.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width.max(20)).with_context_lines(1);
        let mut out = String::new();
        for (source, problem) in self.0.iter().take(MOST) {
            let shown = Shown::new(source, problem);
            if handler.render_report(&mut out, &shown).is_err() {
                out.push_str(&format!("{}: {}\n", shown.path, shown.message));
            }
        }
        if self.0.len() > MOST {
            out.push_str(&format!("… and {} more\n", self.0.len() - MOST));
        }
        let files: std::collections::BTreeSet<_> = self.0.iter().map(|(source, _)| &source.path).collect();
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        out.push_str(&format!(
            "{} problem{} in {} file{}\n",
            self.0.len(),
            plural(self.0.len()),
            files.len(),
            plural(files.len())
        ));
        out
    }
}

/// A problem as miette wants it: the lines around it, cut to what fits a screen, in which nothing draws.
struct Shown {
    path: String,
    text: String,
    /// The line of the whole text with which `text` begins, from 0.
    first_line: usize,
    /// The column at which the problem starts, in characters from 0.
    column: usize,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

/// Characters of a line that are shown; a file can be one line.
const LINE: usize = 200;

impl Shown {
    fn new(source: &Source, problem: &Problem) -> Self {
        let text = &*source.text;
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let (start, end) = (floor(problem.span.start), floor(problem.span.end));
        let (above, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let (lines_above, before) = above.rsplit_once('\n').map_or((None, above), |(lines, tail)| (Some(lines), tail));
        let line_rest = rest.lines().next().unwrap_or_default();
        let marked = line_rest.get(..end.saturating_sub(start).min(line_rest.len())).unwrap_or_default();
        let after = line_rest.get(marked.len()..).unwrap_or_default();
        let below = rest.split_once('\n').and_then(|(_, below)| below.lines().next());

        let mut shown = String::new();
        if let Some(line) = lines_above.map(|lines| lines.rsplit('\n').next().unwrap_or_default()) {
            shown.push_str(&clean(line, LINE));
            shown.push('\n');
        }
        let kept = before.char_indices().rev().take(LINE / 2).last().map_or(before.len(), |(i, _)| i);
        if kept > 0 {
            shown.push('…');
        }
        shown.push_str(&clean(before.get(kept..).unwrap_or_default(), LINE));
        let span_start = shown.len();
        shown.push_str(&clean(marked, LINE));
        let span = span_start..shown.len();
        shown.push_str(&clean(after, LINE / 2));
        shown.push('\n');
        if let Some(line) = below {
            shown.push_str(&clean(line, LINE));
            shown.push('\n');
        }
        Shown {
            path: sanitize(&source.path).into_owned(),
            text: shown,
            first_line: lines_above.map_or(0, |lines| lines.matches('\n').count()),
            column: before.chars().count(),
            span,
            message: sanitize(&problem.message).into_owned(),
            help: problem.help.as_deref().map(|help| sanitize(help).into_owned()),
        }
    }
}

/// A part of a line in which nothing draws, cut after `most` characters.
fn clean(part: &str, most: usize) -> String {
    let part = part.trim_end_matches('\r');
    match part.char_indices().nth(most) {
        Some((cut, _)) => format!("{}…", sanitize(part.get(..cut).unwrap_or_default())),
        None => sanitize(part).into_owned(),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = LabeledSpan::new(None, self.span.start, self.span.len());
        Some(Box::new(std::iter::once(span)))
    }
}

impl SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        // Without lines around it, it is the place itself that is asked for.
        let column = if before == 0 && after == 0 { self.column } else { contents.column() };
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.path.clone(),
            contents.data(),
            *contents.span(),
            self.first_line + contents.line(),
            column,
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_its_line_and_a_suggestion() {
        let source = Source::new("rules/x.yaml", "id: x\nseverty: high\n");
        let mut diagnostics = Diagnostics::default();
        diagnostics
            .add(&source, [Problem::new(6..13, "unknown key `severty`").suggest("severty", ["severity", "title"])]);
        let shown = diagnostics.render(false, 80);
        assert!(shown.contains("rules/x.yaml:2:1"), "{shown}");
        assert!(shown.contains("did you mean `severity`?"), "{shown}");
        assert!(shown.contains("1 problem in 1 file"), "{shown}");
    }

    #[test]
    fn places_count_characters_and_lines() {
        let source = Source::new("x", "größe: 1\r\n\r\nzwölf: drei\r\nend\r\n");
        let at = source.text.find("drei").unwrap();
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, [Problem::new(at..at + 4, "no number")]);
        let shown = diagnostics.render(false, 80);
        assert!(shown.contains("x:3:8"), "{shown}");
        assert!(shown.contains("3 │ zwölf: drei") && shown.contains("4 │ end"), "{shown}");
    }

    #[test]
    fn one_endless_line_and_endless_mistakes_are_cut() {
        let text = format!("{}\n", "[x, ".repeat(200_000));
        let source = Source::new("x", &text);
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, (0..20_000).map(|i| Problem::new(i * 4 + 1..text.len(), "bad")));
        let shown = diagnostics.render(false, 80);
        assert!(shown.len() < 400_000, "{}", shown.len());
        assert!(shown.contains("and 19800 more") && shown.contains("20000 problems"), "{}", shown.len());
        assert!(shown.contains("x:1:798"), "the last one shown");
    }

    #[test]
    fn hostile_text_and_places_outside_it_are_shown_safely() {
        let source = Source::new("x\u{1b}.yaml", "a\u{1b}[2J: \u{202e}b\n");
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, [Problem::new(2..900, "bad"), Problem::new(900..901, "worse \u{7}")]);
        let shown = diagnostics.render(false, 0);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && !shown.contains('\u{7}'), "{shown}");
    }
}

//! The report for a person: worst first, grouped by rule, and a last line that says the verdict in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::Style;
use crate::facts::Access;
use crate::report::{Entry, Outcome, Report, RuleEntry, Verdict};
use crate::rule::{Change, Severity};
use crate::value::text::sanitize;

/// Subjects of a rule that are shown unless everything is asked for.
const SHOWN: usize = 10;

pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    if !style.quiet {
        head(&mut out, report, style);
        let mut groups = groups(report, style);
        groups.sort_by(|a, b| (b.outcome.rank(), b.severity, a.rule).cmp(&(a.outcome.rank(), a.severity, b.rule)));
        for group in groups {
            group.write(&mut out, report, style);
        }
    }
    out.push_str(&last_line(report, style));
    out
}

/// What was audited, and what was not and why.
fn head(out: &mut String, report: &Report, style: Style) {
    let _ = writeln!(out, "harden {}   {}", report.harden, report.at);
    for target in &report.targets {
        let kind = target.kind.as_str();
        let name = if target.name == kind { kind.to_owned() } else { format!("{kind} {}", target.name) };
        let (verb, rest) = match &target.access {
            Access::Audited => ("audited", target.address.clone()),
            Access::Absent(why) => ("not audited", why.clone()),
            Access::Unreachable(why) => ("not reached", format!("{} ({why})", target.address)),
        };
        let painted = match target.access {
            Access::Audited => verb.to_owned(),
            Access::Absent(_) => style.dim(verb),
            Access::Unreachable(_) => style.paint(Outcome::Unknown, verb),
        };
        let _ = writeln!(out, "  {painted}  {}: {}", sanitize(&name), sanitize(&rest));
    }
    // Said whatever the outcome is: a pass is one of the rule as it was changed.
    for (id, rule) in &report.rules {
        for note in changes(rule) {
            let _ = writeln!(out, "  {}  {}: {}", style.dim("changed"), sanitize(id), sanitize(&note));
        }
    }
    out.push('\n');
}

/// What is not as the built-in rule says it, and who says so.
fn changes(rule: &RuleEntry) -> Vec<String> {
    let overrides = rule.overrides.iter().map(Change::show);
    let replaced = rule.replaces_built_in.iter();
    let replaced = replaced.map(|one| format!("{} replaces the built-in rule: {}", one.file, one.reason));
    overrides.chain(replaced).collect()
}

/// The findings of one rule that have the same outcome.
struct Group<'r> {
    rule: &'r str,
    severity: Severity,
    outcome: Outcome,
    entries: Vec<&'r Entry>,
}

fn groups(report: &Report, style: Style) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(&str, Outcome), Vec<&Entry>> = BTreeMap::new();
    for entry in &report.findings {
        let shown = match entry.status {
            Outcome::Fail | Outcome::Unknown => true,
            Outcome::Pass | Outcome::NotApplicable => style.verbose,
        };
        if shown {
            groups.entry((&entry.rule, entry.status)).or_default().push(entry);
        }
    }
    let severity = |entries: &[&Entry]| entries.first().map_or(Severity::Info, |entry| entry.severity);
    let groups = groups.into_iter();
    groups.map(|((rule, outcome), entries)| Group { rule, severity: severity(&entries), outcome, entries }).collect()
}

impl Outcome {
    fn rank(self) -> u8 {
        match self {
            Outcome::Fail => 3,
            Outcome::Unknown => 2,
            Outcome::Pass => 1,
            Outcome::NotApplicable => 0,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Outcome::Fail => "FAIL",
            Outcome::Unknown => "UNKNOWN",
            Outcome::Pass => "pass",
            Outcome::NotApplicable => "n/a",
        }
    }
}

impl Style {
    fn paint(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Fail => "31;1",
            Outcome::Unknown => "33;1",
            Outcome::Pass => "32",
            Outcome::NotApplicable => "2",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn dim(self, text: &str) -> String {
        if self.color { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Group<'_> {
    fn write(&self, out: &mut String, report: &Report, style: Style) {
        let title = report.rules.get(self.rule).map_or("", |rule| rule.title.as_str());
        let label = style.paint(self.outcome, self.outcome.label());
        let _ = writeln!(out, "{label} {}  {}", self.severity.as_str(), sanitize(self.rule));
        out.push_str(&indent(&table([[sanitize(title).into_owned()]], style.width)));
        for note in self.notes(report) {
            out.push_str(&indent(&table([[sanitize(&note).into_owned()]], style.width)));
        }
        let shown = if style.verbose { self.entries.len() } else { SHOWN.min(self.entries.len()) };
        let mut rows = Vec::new();
        for entry in self.entries.iter().take(shown) {
            rows.extend(rows_of(entry));
        }
        if !rows.is_empty() {
            out.push_str(&indent(&table(rows, style.width)));
        }
        if self.entries.len() > shown {
            let _ = writeln!(out, "    … and {} more (--verbose shows all)", self.entries.len() - shown);
        }
        for fix in self.fixes(shown) {
            out.push_str(&indent(&table([["fix:".to_owned(), fix]], style.width)));
        }
        out.push('\n');
    }

    fn notes(&self, report: &Report) -> Vec<String> {
        let changes = report.rules.get(self.rule).map(changes).unwrap_or_default();
        changes.into_iter().map(|change| format!("({change})")).collect()
    }

    /// Each different fix once, and few of them.
    fn fixes(&self, shown: usize) -> Vec<String> {
        let mut fixes: Vec<String> = Vec::new();
        for fix in self.entries.iter().take(shown).filter_map(|entry| entry.fix.as_deref()) {
            let fix = sanitize(fix).into_owned();
            if !fixes.contains(&fix) && fixes.len() < 3 {
                fixes.push(fix);
            }
        }
        fixes
    }
}

/// What, what was seen and expected, where: a line for each piece of evidence.
fn rows_of(entry: &Entry) -> Vec<[String; 3]> {
    let what =
        if entry.target == "host" { entry.subject.clone() } else { format!("{} @ {}", entry.subject, entry.target) };
    let what = sanitize(&what).into_owned();
    if let (Some(reason), Outcome::Unknown | Outcome::NotApplicable) = (&entry.reason, entry.status) {
        return vec![[what, sanitize(reason).into_owned(), String::new()]];
    }
    if entry.evidence.is_empty() {
        return vec![[what, String::new(), String::new()]];
    }
    let row = |(i, proof): (usize, &crate::report::Proof)| {
        let seen = format!("{}: {}, expected {}", proof.field, shorten(&proof.observed), shorten(&proof.expected));
        let origin = if proof.origin == entry.subject { String::new() } else { proof.origin.clone() };
        let what = if i == 0 { what.clone() } else { String::new() };
        [what, sanitize(&seen).into_owned(), sanitize(&origin).into_owned()]
    };
    entry.evidence.iter().enumerate().map(row).collect()
}

/// Long lists are cut where a person would stop reading; the JSON report has all of it.
fn shorten(text: &str) -> String {
    const LONG: usize = 300;
    if text.chars().count() <= LONG {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONG).collect::<String>())
}

fn table<const N: usize>(rows: impl IntoIterator<Item = [String; N]>, width: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width.saturating_sub(4).max(40)).unwrap_or(u16::MAX));
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {}\n", line.trim_end())).collect()
}

fn last_line(report: &Report, style: Style) -> String {
    let summary = &report.summary;
    let counts = format!(
        "{} failed, {} unknown, {} passed, {} not applicable",
        summary.fail, summary.unknown, summary.pass, summary.not_applicable
    );
    let judged = summary.fail + summary.unknown + summary.pass;
    let words = match report.verdict {
        Verdict::Failed => style.paint(Outcome::Fail, "FAILED"),
        Verdict::Inconclusive => style.paint(Outcome::Unknown, "INCONCLUSIVE"),
        Verdict::Passed => style.paint(Outcome::Pass, "PASSED"),
    };
    let sentence = match report.verdict {
        Verdict::Passed if judged == 0 => "nothing here is what these rules are about",
        Verdict::Passed if summary.fail + summary.unknown > 0 => "nothing that decides failed or was unseen",
        Verdict::Passed => "everything that was judged is as expected",
        Verdict::Failed => "this deployment is not hardened",
        Verdict::Inconclusive => "nothing that decides failed, but not everything could be seen",
    };
    let changed = match report.rules.values().filter(|rule| !changes(rule).is_empty()).count() {
        0 => String::new(),
        1 => "; 1 rule is not the built-in one".to_owned(),
        several => format!("; {several} rules are not the built-in ones"),
    };
    format!("{words}: {sentence} ({counts}{changed}).\n")
}

//! The report for a person: worst first, grouped by rule, and a last line that says the verdict in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::Style;
use crate::attestation::{State, Statements};
use crate::evaluate::PEOPLE;
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
        groups.sort_by(|a, b| (b.shown.rank(), b.severity, a.rule).cmp(&(a.shown.rank(), a.severity, b.rule)));
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
            Access::Unreachable(_) => style.paint(Shown::Unknown, verb),
        };
        let _ = writeln!(out, "  {painted}  {}: {}", sanitize(&name), sanitize(&rest));
    }
    // Said whatever the outcome is: a pass is one of the rule as it was changed.
    for (id, rule) in &report.rules {
        for note in changes(rule) {
            let _ = writeln!(out, "  {}  {}: {}", style.dim("changed"), sanitize(id), sanitize(&note));
        }
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "  {}  {}", style.paint(Shown::Unknown, "warning"), sanitize(warning));
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

/// What a finding is shown as: its status, or what became of a person's statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
    Attested,
    Missing,
    Expired,
    Contradicted,
}

/// The findings of one rule that are shown as the same.
struct Group<'r> {
    rule: &'r str,
    severity: Severity,
    shown: Shown,
    entries: Vec<&'r Entry>,
}

fn groups(report: &Report, style: Style) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(&str, Shown), Vec<&Entry>> = BTreeMap::new();
    for entry in &report.findings {
        let shown = Shown::of(entry);
        if style.verbose || !matches!(shown, Shown::Pass | Shown::NotApplicable) {
            groups.entry((&entry.rule, shown)).or_default().push(entry);
        }
    }
    let severity = |entries: &[&Entry]| entries.first().map_or(Severity::Info, |entry| entry.severity);
    let groups = groups.into_iter();
    groups.map(|((rule, shown), entries)| Group { rule, severity: severity(&entries), shown, entries }).collect()
}

impl Shown {
    fn of(entry: &Entry) -> Self {
        match (&entry.attestation, entry.status) {
            (Some(overlay), _) => match overlay.state {
                State::Attested => Shown::Attested,
                State::Missing => Shown::Missing,
                State::Expired => Shown::Expired,
                State::Contradicted => Shown::Contradicted,
            },
            (None, Outcome::Pass) => Shown::Pass,
            (None, Outcome::Fail) => Shown::Fail,
            (None, Outcome::Unknown) => Shown::Unknown,
            (None, Outcome::NotApplicable) => Shown::NotApplicable,
        }
    }

    /// Worst last; contradicted statements count as fails, expired and missing ones as unknown.
    fn rank(self) -> u8 {
        match self {
            Shown::Fail => 7,
            Shown::Contradicted => 6,
            Shown::Unknown => 5,
            Shown::Expired => 4,
            Shown::Missing => 3,
            Shown::Attested => 2,
            Shown::Pass => 1,
            Shown::NotApplicable => 0,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Shown::Fail => "FAIL",
            Shown::Contradicted => "CONTRADICTED",
            Shown::Unknown => "UNKNOWN",
            Shown::Expired => "EXPIRED",
            Shown::Missing => "MISSING",
            Shown::Attested => "attested",
            Shown::Pass => "pass",
            Shown::NotApplicable => "n/a",
        }
    }
}

impl Style {
    fn paint(self, shown: Shown, text: &str) -> String {
        let code = match shown {
            Shown::Fail | Shown::Contradicted => "31;1",
            Shown::Unknown | Shown::Expired | Shown::Missing => "33;1",
            Shown::Pass => "32",
            Shown::Attested => "36",
            Shown::NotApplicable => "2",
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
        let label = style.paint(self.shown, self.shown.label());
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
    let what = if ["host", PEOPLE].contains(&entry.target.as_str()) {
        entry.subject.clone()
    } else {
        format!("{} @ {}", entry.subject, entry.target)
    };
    let what = sanitize(&what).into_owned();
    if let (Some(reason), Outcome::Unknown | Outcome::NotApplicable) = (&entry.reason, entry.status) {
        let evidence = entry.attestation.as_ref().and_then(|overlay| overlay.evidence.as_deref());
        let evidence = evidence.map(|text| format!("evidence: {}", sanitize(&shorten(text)))).unwrap_or_default();
        return vec![[what, sanitize(reason).into_owned(), evidence]];
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
    let Statements { attested, expired, missing, contradicted } = summary.statements;
    let among = |parts: &[(usize, &str)]| {
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        if parts.is_empty() { parts } else { format!(" [{parts}]") }
    };
    let fails = among(&[(contradicted, "contradicted")]);
    let unknowns = among(&[(expired, "expired"), (missing, "missing")]);
    let stated = if attested > 0 { format!(", {attested} attested") } else { String::new() };
    let counts = format!(
        "{} failed{fails}, {} unknown{unknowns}, {} passed{stated}, {} not applicable",
        summary.fail, summary.unknown, summary.pass, summary.not_applicable
    );
    let judged = summary.fail + summary.unknown + summary.pass + attested;
    let words = match report.verdict {
        Verdict::Failed => style.paint(Shown::Fail, "FAILED"),
        Verdict::Inconclusive => style.paint(Shown::Unknown, "INCONCLUSIVE"),
        Verdict::Passed => style.paint(Shown::Pass, "PASSED"),
    };
    let sentence = match report.verdict {
        Verdict::Passed if judged == 0 => "nothing here is what these rules are about",
        Verdict::Passed if summary.fail + summary.unknown > 0 => "nothing that decides failed or was unseen",
        Verdict::Passed if attested > 0 => "what was judged is as expected, and people answer for the rest",
        Verdict::Passed => "everything that was judged is as expected",
        Verdict::Inconclusive if expired + missing == summary.unknown => {
            "nothing that decides failed, but not everything is attested"
        }
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

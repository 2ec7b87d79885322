//! What people see of a report when what was observed means harm or is far too much.

use harden::attestation::Attestations;
use harden::facts::{Access, Listing};
use harden::render::{Style, table};
use harden::report::{Gate, Report};
use harden::value::{Observed, Reason};
use proptest::prelude::*;
use serde_json::json;

use super::judging::{query, rule, subject, target, world};

const STYLE: Style = Style { color: false, width: 100, verbose: true, quiet: false };

const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}b\u{9b}31m\r\n\t\u{200b}\u{0}c";

fn draws(text: &str) -> bool {
    text.chars()
        .any(|c| c != '\n' && (c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')))
}

/// A report in which everything that can come from outside holds this text.
fn report(text: &str) -> Report {
    let seen =
        subject("file", text, &[("owner", text.into()), ("path", text.into()), ("group", Observed::unknown(text))]);
    let mut other = seen.clone();
    other.fields.set("owner", Observed::Unknown(Reason::new(text).with_grant(text)));
    let mut facts = world(vec![
        (query("host", "file", json!({ "path": "/a" })), Listing::complete(vec![seen, other])),
        (query("host", "file", json!({ "path": "/b" })), Listing::absent(text)),
        (query("host", "file", json!({ "path": "/c" })), Listing::failed(Reason::new(text).with_grant(text))),
    ]);
    facts.targets[0].address = text.to_owned();
    for access in [Access::Absent(text.to_owned()), Access::Unreachable(text.to_owned())] {
        facts.targets.push(target(text, facts.targets[1].kind, access));
    }
    let rules = ["/a", "/b", "/c"].map(|path| {
        let mut rule = rule(&format!(
            "{{ resource: file, with: {{ path: {path} }}, absent: fail, expect: {{ owner: root, group: root }} }}"
        ));
        rule.id = path.replace('/', "rule-").into();
        rule.title = text.to_owned();
        rule.fix = "mend {subject} of {owner} at {path}".to_owned();
        rule
    });
    Report::assemble(&rules, &facts, &Attestations::default(), 0, Gate::default())
}

#[test]
fn nothing_from_outside_draws() {
    let report = report(HOSTILE);
    for (verbose, width) in [(true, 20), (false, 40), (true, 80), (false, 200), (true, 0), (true, usize::MAX)] {
        let shown = table::render(&report, Style { verbose, width, ..STYLE });
        assert!(!draws(&shown), "{shown:?}");
        assert!(shown.contains("\\u{1b}[2J") || width < 80, "{shown}");
    }
    let json = report.to_json();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(!json.contains('\u{1b}'));
}

#[test]
fn lines_keep_to_the_width() {
    let report = report(&"word ".repeat(40));
    for width in [60, 80, 200] {
        let shown = table::render(&report, Style { width, ..STYLE });
        let body = shown.lines().filter(|line| line.starts_with("   "));
        let long: Vec<_> = body.filter(|line| line.chars().count() > width).collect();
        assert!(long.is_empty(), "{width}: {long:?}");
    }
}

#[test]
fn five_thousand_subjects() {
    let subjects = (0..5_000).map(|i| subject("file", &format!("/home/user{i}/x"), &[("owner", "bob".into())]));
    let listing = Listing::complete(subjects.collect());
    let facts = world(vec![(query("host", "file", json!({ "path": "/a" })), listing)]);
    let rule = rule("{ resource: file, with: { path: /a }, absent: fail, expect: { owner: root } }");
    let report = Report::assemble(&[rule], &facts, &Attestations::default(), 0, Gate::default());
    assert_eq!(report.summary.fail, 5_000);
    let started = std::time::Instant::now();
    let brief = table::render(&report, Style { verbose: false, ..STYLE });
    assert!(brief.contains("and 4990 more") && brief.lines().count() < 60, "{brief}");
    assert_eq!(table::render(&report, STYLE).matches("/home/user").count(), 5_000 + 3);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_shown_safely(text in "(?s).{0,60}", width in 0..120_usize, verbose: bool, color: bool) {
        let report = report(&text);
        let shown = table::render(&report, Style { color: false, width, verbose, quiet: false });
        prop_assert!(!draws(&shown), "{:?}", shown);
        table::render(&report, Style { color, width, verbose, quiet: true });
        prop_assert_eq!(serde_json::from_str::<Report>(&report.to_json()).unwrap(), report);
    }
}

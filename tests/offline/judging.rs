//! Small rules made for one suspicion each: ways in which what was not seen might pass, or a subject might get lost.

use harden::attestation::Attestations;
use harden::diagnostic::{Diagnostics, Source};
use harden::facts::{Access, Basis, Extent, Facts, Listing, Query, Subject, Target};
use harden::report::{Entry, Gate, Outcome, Report};
use harden::resource::{self, With};
use harden::rule::Rule;
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::target::Kind;
use harden::value::{List, Observed, Reason, Value};
use serde_json::json;

/// A rule with this check, and whatever else is written below it.
pub(crate) fn rule(check: &str) -> Rule {
    let text = format!(
        "id: x\ntitle: t\nseverity: high\nphase: pre\nwhy: w\nfix: \"mend {{subject}}\"\nrefs: {{ cwe: \"1\" }}\ncheck: {check}\n"
    );
    let source = Source::new("x.yaml", &text);
    compile(&source, "x", Options { inputs: &Inputs::new(), cases: true }).unwrap_or_else(|problems| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, problems);
        panic!("{}", diagnostics.render(false, 100))
    })
}

pub(crate) fn target(name: &str, kind: Kind, access: Access) -> Target {
    Target { name: name.to_owned(), kind, address: String::new(), access }
}

/// A world in which every kind of target was audited.
pub(crate) fn world(listings: Vec<(Query, Listing)>) -> Facts {
    let targets = Kind::ALL.map(|kind| target(kind.as_str(), kind, Access::Audited)).to_vec();
    Facts { started: 0, targets, listings: listings.into_iter().collect() }
}

pub(crate) fn query(target: &str, name: &str, with: serde_json::Value) -> Query {
    let with: With = serde_json::from_value(with).unwrap();
    Query::new(target, resource::find(name).unwrap().name, &with)
}

pub(crate) fn subject(resource: &str, name: &str, fields: &[(&str, Observed)]) -> Subject {
    let mut subject = Subject::new(resource::find(resource).unwrap(), name, name, Basis::Live);
    for (field, observed) in fields {
        subject.fields.set(field, observed.clone());
    }
    subject
}

pub(crate) fn judged(rule: Rule, facts: &Facts) -> Vec<Entry> {
    Report::assemble(&[rule], facts, &Attestations::default(), 0, Gate::default()).findings
}

fn outcomes(rule: Rule, facts: &Facts) -> Vec<Outcome> {
    judged(rule, facts).iter().map(|entry| entry.status).collect()
}

fn file(path: &str, owner: impl Into<Observed>) -> (Query, Listing) {
    let subject = subject("file", path, &[("path", path.into()), ("owner", owner.into())]);
    (query("host", "file", json!({ "path": path })), Listing::complete(vec![subject]))
}

fn denied() -> Observed {
    Observed::unknown("denied")
}

fn invalid() -> Observed {
    Observed::Known(Value::Invalid("?".into()))
}

const FILE: &str = "resource: file, with: { path: /a }, absent: not-applicable";

#[test]
fn an_invalid_value_passes_under_no_kind_of_not() {
    let facts = world(vec![file("/a", invalid())]);
    for check in [
        format!("{{ {FILE}, expect: {{ owner: {{ not: root }} }} }}"),
        format!("{{ {FILE}, expect: {{ not: {{ owner: root }} }} }}"),
        format!("{{ {FILE}, forbid: {{ owner: root }} }}"),
        format!("{{ not: {{ {FILE}, expect: {{ owner: root }} }} }}"),
        format!("{{ not: {{ {FILE}, require: {{ owner: root }} }} }}"),
        format!("{{ not: {{ not: {{ {FILE}, expect: {{ owner: root }} }} }} }}"),
        format!("{{ not: {{ any_of: [ {{ {FILE}, forbid: {{ owner: root }} }} ] }} }}"),
    ] {
        assert_eq!(outcomes(rule(&check), &facts), [Outcome::Fail], "{check}");
    }
    for check in [
        format!("{{ {FILE}, where: {{ owner: root }}, expect: {{ kind: file }} }}"),
        format!("{{ {FILE}, expect: {{ kind: file }} }}\nwhen: {{ {FILE}, expect: {{ owner: root }} }}"),
        format!("{{ {FILE}, expect: {{ kind: file }} }}\nwhen: {{ not: {{ {FILE}, expect: {{ owner: root }} }} }}"),
    ] {
        assert_eq!(outcomes(rule(&check), &facts), [Outcome::Unknown], "{check}");
    }
}

#[test]
fn an_invalid_list_passes_no_quantifier() {
    for matcher in
        ["{ every: root }", "{ none: root }", "{ not: { some: root } }", "{ not: { has: root } }", "{ count: 0 }"]
    {
        for seen in [invalid(), Observed::Known(Value::List(List { items: vec![invalid()], more: None }))] {
            let with = subject("file", "/a", &[("ancestors_writable_by", seen.clone())]);
            let facts = world(vec![(query("host", "file", json!({ "path": "/a" })), Listing::complete(vec![with]))]);
            let check = format!("{{ {FILE}, expect: {{ ancestors_writable_by: {matcher} }} }}");
            assert_eq!(outcomes(rule(&check), &facts), [Outcome::Fail], "{matcher} {seen:?}");
        }
    }
}

#[test]
fn require_counts_too() {
    let listing = |owners: &[Observed], extent: Extent| {
        let subjects = owners.iter().enumerate();
        let subjects = subjects.map(|(i, owner)| subject("file", &format!("/a{i}"), &[("owner", owner.clone())]));
        world(vec![(query("host", "file", json!({ "path": "/a" })), Listing { subjects: subjects.collect(), extent })])
    };
    let check = format!("{{ {FILE}, at_least: 2, require: {{ owner: root }} }}");
    let partial = || Extent::Partial(Reason::new("cut short"));
    for (owners, extent, expected) in [
        (vec!["root".into(), "bob".into()], Extent::Complete, Outcome::Pass),
        (vec!["root".into()], Extent::Complete, Outcome::Fail),
        (vec!["root".into()], partial(), Outcome::Unknown),
        (vec!["root".into(), denied()], partial(), Outcome::Pass),
        (vec!["bob".into(), denied()], Extent::Complete, Outcome::Unknown),
        (vec!["bob".into(), "eve".into()], partial(), Outcome::Unknown),
        (vec![], Extent::Complete, Outcome::Fail),
        (vec![], partial(), Outcome::Unknown),
        (vec![], Extent::Absent("nothing".into()), Outcome::Fail),
    ] {
        assert_eq!(outcomes(rule(&check), &listing(&owners, extent.clone())), [expected], "{owners:?} {extent:?}");
    }
}

#[test]
fn a_kind_of_target_that_the_facts_do_not_name_was_not_looked_for() {
    let mut facts = world(vec![]);
    facts.targets.clear();
    for check in [
        format!("{{ {FILE}, expect: {{ owner: root }} }}"),
        "{ resource: container, expect: { privileged: false } }".to_owned(),
        "{ resource: container, require: { privileged: false } }".to_owned(),
        "{ not: { resource: container, expect: { privileged: false } } }".to_owned(),
    ] {
        assert_eq!(outcomes(rule(&check), &facts), [Outcome::Unknown], "{check}");
    }
}

#[test]
fn a_list_of_owners_is_looked_up_on_every_kind_of_target() {
    let check = "{ resource: env, with: { of: [container, \"process:node\"], name: A, as: text }, absent: not-applicable, expect: { value: \"0\" } }";
    let env = |target: &str, of: &str, value: &str| {
        let subject = subject("env", &format!("A of {of}"), &[("value", value.into())]);
        (query(target, "env", json!({ "of": of, "name": "A", "as": "text" })), Listing::complete(vec![subject]))
    };
    let facts = world(vec![env("docker", "container", "0"), env("host", "process:node", "1")]);
    let found = judged(rule(check), &facts);
    let told: Vec<_> = found.iter().map(|e| (e.target.as_str(), e.subject.as_str(), e.status)).collect();
    assert_eq!(told, [("docker", "A of container", Outcome::Pass), ("host", "A of process:node", Outcome::Fail)]);
    let mut without = facts.clone();
    without.listings.retain(|query, _| query.target == "docker");
    assert!(outcomes(rule(check), &without).contains(&Outcome::Unknown), "what was not collected is unknown");
    let mut two = facts;
    two.targets.push(target("docker-2", Kind::Docker, Access::Unreachable("refused".to_owned())));
    let told = judged(rule(check), &two);
    assert_eq!(told.iter().filter(|entry| entry.target == "host").count(), 1, "once, however many daemons: {told:?}");
    assert!(told.iter().any(|entry| entry.status == Outcome::Unknown));
}

#[test]
fn what_an_each_could_not_see_is_unknown() {
    let check = "{ resource: file, with: { path: \"${key}\" }, absent: pass, expect: { owner: root }, each: { resource: certificate, with: { path: /c }, where: { self_signed: true }, pick: path, as: key } }";
    let certificate =
        |path: Observed, selected: Observed| subject("certificate", "c", &[("path", path), ("self_signed", selected)]);
    let list = |items: Vec<Observed>, more: Option<Reason>| Observed::Known(Value::List(List { items, more }));
    let facts = |subjects: Vec<Subject>, extent: Extent| {
        world(vec![
            (query("host", "certificate", json!({ "path": "/c" })), Listing { subjects, extent }),
            file("/k", "root"),
            (query("host", "file", json!({ "path": "/gone" })), Listing::absent("/gone")),
        ])
    };
    use Outcome::{NotApplicable, Pass, Unknown};
    for (subjects, extent, expected) in [
        (vec![certificate("/k".into(), true.into())], Extent::Complete, vec![Pass]),
        (vec![certificate("/k".into(), true.into())], Extent::Partial(Reason::new("cut")), vec![Unknown, Pass]),
        (vec![certificate("/k".into(), denied())], Extent::Complete, vec![Unknown]),
        (vec![certificate("/k".into(), invalid())], Extent::Complete, vec![Unknown]),
        (vec![certificate(denied(), true.into())], Extent::Complete, vec![Unknown]),
        (vec![certificate(invalid(), true.into())], Extent::Complete, vec![Unknown]),
        (vec![certificate(Observed::Absent, true.into())], Extent::Complete, vec![NotApplicable]),
        (vec![certificate("/k".into(), false.into())], Extent::Complete, vec![NotApplicable]),
        (vec![certificate("/gone".into(), true.into())], Extent::Complete, vec![Pass]),
        (vec![certificate("/not-collected".into(), true.into())], Extent::Complete, vec![Unknown]),
        (
            vec![certificate(list(vec!["/k".into(), denied()], None), true.into())],
            Extent::Complete,
            vec![Unknown, Pass],
        ),
        (
            vec![certificate(list(vec!["/k".into()], Some(Reason::new("cut"))), true.into())],
            Extent::Complete,
            vec![Unknown, Pass],
        ),
        (vec![], Extent::Failed(Reason::new("denied")), vec![Unknown]),
        (vec![], Extent::Absent("/c".into()), vec![NotApplicable]),
    ] {
        let mut said = outcomes(rule(check), &facts(subjects.clone(), extent.clone()));
        let mut wanted = expected;
        said.sort();
        wanted.sort();
        assert_eq!(said, wanted, "{subjects:?} {extent:?}");
    }
}

#[test]
fn what_was_picked_is_not_read_again_as_a_reference() {
    let check = "{ resource: file, with: { path: \"${b}\" }, absent: pass, expect: { owner: root }, each: { resource: file, with: { path: \"${a}\" }, pick: path, as: b, each: { resource: file, with: { path: /first }, pick: path, as: a } } }";
    let named = |asked: &str, path: &str| {
        let seen = subject("file", path, &[("path", path.into()), ("owner", "bob".into())]);
        (query("host", "file", json!({ "path": asked })), Listing::complete(vec![seen]))
    };
    let facts = world(vec![named("/first", "/${b}"), named("/${b}", "/${a}"), named("/${a}", "/${a}")]);
    assert_eq!(outcomes(rule(check), &facts), [Outcome::Fail]);
}

#[test]
fn targets_out_of_reach_and_combinations() {
    let host = format!("{{ {FILE}, expect: {{ owner: root }} }}");
    let docker = "{ resource: container, expect: { privileged: false } }";
    let mut facts = world(vec![file("/a", "bob")]);
    facts.targets[1].access = Access::Unreachable("refused".to_owned());
    assert_eq!(outcomes(rule(&format!("{{ any_of: [ {host}, {docker} ] }}")), &facts), [Outcome::Unknown]);
    assert_eq!(outcomes(rule(&format!("{{ all_of: [ {host}, {docker} ] }}")), &facts), [Outcome::Fail]);
    assert_eq!(outcomes(rule(&format!("{{ not: {docker} }}")), &facts), [Outcome::Unknown]);
    assert_eq!(outcomes(rule(&format!("{host}\nwhen: {docker}")), &facts), [Outcome::Unknown]);
    facts.targets[1].access = Access::Absent("no socket".to_owned());
    assert_eq!(outcomes(rule(&format!("{{ any_of: [ {host}, {docker} ] }}")), &facts), [Outcome::Fail]);
    assert_eq!(outcomes(rule(&format!("{{ any_of: [ {docker}, {docker} ] }}")), &facts), [Outcome::NotApplicable]);
    assert_eq!(outcomes(rule(&format!("{host}\nwhen: {docker}")), &facts), [Outcome::NotApplicable]);
}

#[test]
fn several_targets_of_a_kind_are_judged_each() {
    let seen =
        |privileged: bool| Listing::complete(vec![subject("container", "web", &[("privileged", privileged.into())])]);
    let mut facts = world(vec![
        (query("docker", "container", json!({})), seen(false)),
        (query("docker-2", "container", json!({})), seen(true)),
    ]);
    facts.targets.push(target("docker-2", Kind::Docker, Access::Audited));
    facts.targets.push(target("docker-3", Kind::Docker, Access::Unreachable("refused".to_owned())));
    let found = judged(rule("{ resource: container, expect: { privileged: false } }"), &facts);
    let told: Vec<_> = found.iter().map(|e| (e.target.as_str(), e.status)).collect();
    assert_eq!(told, [("docker", Outcome::Pass), ("docker-2", Outcome::Fail), ("docker-3", Outcome::Unknown)]);
}

#[test]
fn an_absence_passes_only_where_everything_was_seen() {
    let check = "{ resource: file, with: { path: [/a, /b] }, absent: pass, expect: { owner: root } }";
    let ask = |path: &str, listing: Listing| (query("host", "file", json!({ "path": path })), listing);
    let failed = || Listing::failed(Reason::new("denied"));
    for (a, b, expected) in [
        (Listing::absent("/a"), Listing::absent("/b"), vec![Outcome::Pass, Outcome::Pass]),
        (Listing::absent("/a"), failed(), vec![Outcome::Pass, Outcome::Unknown]),
        (Listing::partial(vec![], Reason::new("cut")), Listing::absent("/b"), vec![Outcome::Unknown, Outcome::Pass]),
        (Listing::complete(vec![]), failed(), vec![Outcome::Unknown]),
    ] {
        let facts = world(vec![ask("/a", a.clone()), ask("/b", b.clone())]);
        assert_eq!(outcomes(rule(check), &facts), expected, "{a:?} {b:?}");
        let merged = outcomes(rule(&format!("{{ all_of: [ {check} ] }}")), &facts);
        assert_eq!(merged == [Outcome::Pass], expected == [Outcome::Pass, Outcome::Pass], "{a:?} {b:?}");
    }
}

#[test]
fn subjects_that_look_alike_are_kept_and_their_order_does_not_show() {
    let listing = |owners: &[&str]| {
        let subjects = owners.iter().map(|owner| subject("file", "same", &[("owner", (*owner).into())])).collect();
        world(vec![(query("host", "file", json!({ "path": "/a" })), Listing::complete(subjects))])
    };
    let check = format!("{{ {FILE}, expect: {{ owner: root }} }}");
    let forth = judged(rule(&check), &listing(&["bob", "root", "bob", "eve"]));
    let back = judged(rule(&check), &listing(&["eve", "bob", "root", "bob"]));
    assert_eq!(forth, back);
    assert_eq!(forth.iter().filter(|entry| entry.status == Outcome::Fail).count(), 2);
    let many: Vec<String> = (0..500).map(|i| format!("/path/of/some/length/{i}")).collect();
    let subjects = many.iter().map(|path| subject("file", path, &[("owner", "bob".into())])).collect();
    let facts = world(vec![(query("host", "file", json!({ "path": "/a" })), Listing::complete(subjects))]);
    let merged = judged(rule(&format!("{{ {FILE}, require: {{ owner: root }} }}")), &facts);
    assert!(merged[0].subject.ends_with("more"), "{}", merged[0].subject);
}

#[test]
fn what_was_seen_is_not_read_again_as_a_placeholder() {
    let facts = world(vec![file("{owner}", "{path}"), file("/a", "{subject}")]);
    let mut rule = rule("{ resource: file, with: { path: [/a, \"{owner}\"] }, absent: fail, expect: { owner: root } }");
    rule.fix = "chown {subject} from {owner}; ${path} { {Nothing}".to_owned();
    let fixes: Vec<_> = judged(rule, &facts).into_iter().filter_map(|entry| entry.fix).collect();
    assert_eq!(
        fixes,
        ["chown /a from {subject}; ${path} { {Nothing}", "chown {owner} from {path}; ${path} { {Nothing}"]
    );
}

#[test]
fn a_fix_names_what_was_asked_for_where_that_is_missing() {
    let fix = "fix: Restore {path} and run `chown {owner} {path}`; it belongs to {owner}.";
    let rule = super::packs::rule("own-a", "").replace("fix: f", fix);
    let folder = super::packs::Folder::new(&[("pack/own-a.yaml", &rule)]);
    let report = folder.report("--rules pack --rule own-a");
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    let filled = "Restore /own-a and run `chown OWNER /own-a`; it belongs to its owner.";
    assert_eq!(finding.fix.as_deref(), Some(filled));
}

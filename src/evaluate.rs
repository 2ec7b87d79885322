//! The only place that decides a status. Pure: rules, facts and an instant in, findings out.
//!
//! The law it keeps: turning a known fact into an unknown one may change what a rule says only to unknown.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::facts::{Basis, Extent, Facts, Listing, Query, Subject};
use crate::finding::{Evidence, Finding, Seen, Statement, Status};
use crate::matcher::{Context, Expectation};
use crate::plan::{self, Targets};
use crate::resource::Field;
use crate::rule::input::how_to_set;
use crate::rule::manual::{Manual, Scope};
use crate::rule::{Body, Check, OnAbsent, Quantifier, QueryCheck, Rule};
use crate::truth::Truth;
use crate::value::{List, Observed, Reason, Value};

/// The target of what is not looked at anywhere: a person says it.
pub const PEOPLE: &str = "people";

/// Judges every rule on every combination of targets and hands each finding to `visit`, in the order of the rules.
pub fn evaluate<'f>(
    rules: impl IntoIterator<Item = &'f Rule>,
    facts: &'f Facts,
    now: i64,
    visit: &mut impl FnMut(Finding<'f>),
) {
    for rule in rules {
        for targets in plan::combinations(rule, &facts.targets) {
            let judge = Judge { rule, facts, now, targets };
            // A mistake in harden on one rule's facts is that rule's unknown, not everyone's silence.
            let judged = catch_unwind(AssertUnwindSafe(|| judge.run(visit)));
            if judged.is_err() {
                let reason = Reason::new("harden failed to judge this; please report it");
                visit(judge.whole(Judged::about("harden", Status::Unknown(reason))));
            }
        }
    }
}

/// What is said of one subject, before it is a finding of the rule.
#[derive(Debug, Clone)]
struct Judged<'f> {
    subject: Cow<'f, str>,
    /// The name of the target on which it was seen; `None` where it was not seen on one, or on several.
    target: Option<&'f str>,
    status: Status,
    basis: Option<Basis>,
    evidence: Vec<Evidence<'f>>,
    observed: Option<&'f Subject>,
    statement: Option<Statement>,
}

impl<'f> Judged<'f> {
    fn about(subject: impl Into<Cow<'f, str>>, status: Status) -> Self {
        let (subject, evidence) = (subject.into(), Vec::new());
        Judged { subject, target: None, status, basis: None, evidence, observed: None, statement: None }
    }
}

struct Judge<'f> {
    rule: &'f Rule,
    facts: &'f Facts,
    now: i64,
    targets: Targets<'f>,
}

impl<'f> Judge<'f> {
    fn run(&self, visit: &mut impl FnMut(Finding<'f>)) {
        if !self.rule.unset.is_empty() {
            return self.unset(visit);
        }
        if let Some(condition) = self.rule.when.as_ref().and_then(|when| self.condition(when)) {
            return visit(self.whole(self.or_stated(condition)));
        }
        match &self.rule.body {
            Body::Check(Check::Query(query)) => {
                self.query(query, Truth::False, &mut |judged| visit(self.whole(judged)));
            }
            Body::Check(check) => visit(self.whole(self.combined(check, Truth::False))),
            Body::Manual(manual) => self.manual(manual, &mut |judged| visit(self.whole(judged))),
        }
    }

    /// What is said of a rule that lacks inputs: each of them is named, with the ways to set it.
    fn unset(&self, visit: &mut impl FnMut(Finding<'f>)) {
        for name in &self.rule.unset {
            let about = self.rule.inputs.iter().find(|input| input.name == *name).map(|input| input.about.as_str());
            let what = about.map(|about| format!(" ({about})")).unwrap_or_default();
            let reason = Reason::new(format!("the input `{name}`{what} is not set; set it {}", how_to_set(name)));
            visit(self.whole(Judged::about(format!("input {name}"), Status::Unknown(reason))));
        }
    }

    fn whole(&self, judged: Judged<'f>) -> Finding<'f> {
        let target = judged.target.unwrap_or_else(|| {
            let selections = self.rule.selections();
            let kind = selections.last().and_then(|selection| plan::kinds(selection).into_iter().next());
            kind.map_or(PEOPLE, |kind| plan::of_kind(&self.targets, kind).map_or(kind.as_str(), |target| &target.name))
        });
        Finding {
            rule: self.rule,
            target: target.into(),
            subject: judged.subject,
            status: judged.status,
            basis: judged.basis,
            evidence: judged.evidence,
            observed: judged.observed,
            statement: judged.statement,
        }
    }

    /// What stands instead of the check's findings when the rule does not apply, or that cannot be told.
    fn condition(&self, when: &'f Check) -> Option<Judged<'f>> {
        let judged = self.combined(when, Truth::Unknown);
        let status = match judged.status {
            Status::Pass => return None,
            Status::Fail => Status::NotApplicable("its condition does not hold".into()),
            Status::Unknown(reason) => Status::Unknown(reason),
            Status::NotApplicable(why) => Status::NotApplicable(why),
        };
        Some(Judged { status, ..judged })
    }

    /// A check as one statement, its parts combined by Kleene's logic; parts that do not apply take no side. `invalid` is
    /// what a value counts as that its program would not understand.
    fn combined(&self, check: &'f Check, invalid: Truth) -> Judged<'f> {
        let combined = |part| self.combined(part, invalid);
        match check {
            Check::Query(query) => {
                let mut parts = Vec::new();
                self.query(query, invalid, &mut |judged| parts.push(judged));
                merge(parts, Status::weight)
            }
            Check::All(checks) => merge(checks.iter().map(combined).collect(), Status::weight),
            Check::Any(checks) => merge(checks.iter().map(combined).collect(), favour),
            Check::Not(part) => {
                let judged = self.combined(part, !invalid);
                let status = match judged.status {
                    Status::Pass => Status::Fail,
                    Status::Fail => Status::Pass,
                    Status::Unknown(reason) => Status::Unknown(reason),
                    Status::NotApplicable(why) => Status::NotApplicable(why),
                };
                Judged { status, ..judged }
            }
        }
    }

    fn query(&self, check: &'f QueryCheck, invalid: Truth, emit: &mut impl FnMut(Judged<'f>)) {
        match check.quantifier {
            Quantifier::Every => self.every(check, invalid, emit),
            Quantifier::Some => emit(self.some(check, invalid)),
        }
    }

    /// Every selected subject must hold: one judgement for each, and one for each place that was not seen.
    fn every(&self, check: &'f QueryCheck, invalid: Truth, emit: &mut impl FnMut(Judged<'f>)) {
        let mut tally = Tally::default();
        self.each_subject(check, invalid, &mut tally, emit);
        match tally.too_few(check) {
            // Whatever hides the others has been told where it was met.
            Some(_) if tally.doubt.is_some() => {}
            Some(too_few) => emit(too_few),
            None if !tally.emitted => emit(tally.nothing(check)),
            None => {}
        }
    }

    /// At least one selected subject must hold: one judgement in all.
    fn some(&self, check: &'f QueryCheck, invalid: Truth) -> Judged<'f> {
        let mut tally = Tally::default();
        let mut parts = Vec::new();
        self.each_subject(check, invalid, &mut tally, &mut |judged| parts.push(judged));
        let too_few = tally.too_few(check);
        if parts.is_empty() {
            return too_few.unwrap_or_else(|| tally.nothing(check));
        }
        let favoured = merge(parts, favour);
        merge(too_few.into_iter().chain([favoured]).collect(), Status::weight)
    }

    fn each_subject(
        &self,
        check: &'f QueryCheck,
        invalid: Truth,
        tally: &mut Tally,
        emit: &mut impl FnMut(Judged<'f>),
    ) {
        let selection = &check.selection;
        let expansion = plan::expand(selection, &self.targets, self.facts, self.now);
        tally.nothing = expansion.nothing;
        let mut emit = |tally: &mut Tally, judged: Judged<'f>| {
            tally.emitted = true;
            if let Status::Unknown(reason) = &judged.status {
                tally.doubt.get_or_insert_with(|| reason.clone());
            }
            emit(judged);
        };
        for doubt in expansion.unknown {
            let judged = Judged::about(selection.resource.name, Status::Unknown(doubt.reason));
            emit(tally, Judged { target: doubt.target, ..judged });
        }
        for query in expansion.pending {
            emit(tally, Judged::about(query.describe(), Status::Unknown(not_collected())));
        }
        for (query, _) in expansion.queries {
            let Some((query, listing)) = self.facts.listings.get_key_value(&query) else {
                emit(tally, Judged::about(query.describe(), Status::Unknown(not_collected())));
                continue;
            };
            let mut emit = |tally: &mut Tally, judged: Judged<'f>| {
                emit(tally, Judged { target: Some(&query.target), ..judged });
            };
            for subject in &listing.subjects {
                match plan::selected(selection, subject, self.now) {
                    Truth::False => {
                        tally.passed_over += 1;
                        continue;
                    }
                    Truth::True => tally.certain += 1,
                    Truth::Unknown => {}
                }
                emit(tally, self.subject(check, invalid, subject));
            }
            self.extent(check, query, listing, tally, &mut emit);
        }
    }

    /// What the listing's own extent adds to the judgements of its subjects.
    fn extent(
        &self,
        check: &'f QueryCheck,
        query: &Query,
        listing: &'f Listing,
        tally: &mut Tally,
        emit: &mut impl FnMut(&mut Tally, Judged<'f>),
    ) {
        match &listing.extent {
            Extent::Complete => {}
            Extent::Partial(reason) | Extent::Failed(reason) => {
                emit(tally, Judged::about(query.describe(), Status::Unknown(reason.clone())));
            }
            Extent::Absent(what) => {
                let status = match check.absent {
                    Some(OnAbsent::Pass) => Status::Pass,
                    Some(OnAbsent::Fail) => Status::Fail,
                    Some(OnAbsent::NotApplicable) | None => {
                        tally.nothing = Some(what.to_string());
                        return;
                    }
                };
                let expected = if status == Status::Fail { "present" } else { "absent" };
                let evidence =
                    vec![Evidence { field: "exists", expected, observed: Seen::Text("absent"), origin: (what, "") }];
                tally.certain += 1;
                emit(tally, Judged { evidence, ..Judged::about(query.describe(), status) });
            }
        }
    }

    fn subject(&self, check: &'f QueryCheck, invalid: Truth, subject: &'f Subject) -> Judged<'f> {
        let context = Context { now: self.now, invalid };
        let filter = check.selection.filter.as_ref();
        let (truth, doubtful) = match plan::selected(&check.selection, subject, self.now) {
            Truth::Unknown => (Truth::Unknown, filter),
            Truth::True | Truth::False => (check.expectation.judge(&subject.fields, context), None),
        };
        let expectation = doubtful.unwrap_or(&check.expectation);
        let context = if doubtful.is_some() { Context { invalid: Truth::Unknown, ..context } } else { context };
        let mut evidence = Vec::new();
        expectation.fields_that_are(truth, &subject.fields, context, &mut |index, expected| {
            if let (Some(field), Some(observed)) = (subject.fields.table.get(index), subject.fields.fields.get(index)) {
                let origin = place(subject, field);
                evidence.push(Evidence { field: field.name, expected, observed: Seen::Field(observed), origin });
            }
        });
        let status = match truth {
            Truth::True => Status::Pass,
            Truth::False => Status::Fail,
            Truth::Unknown => Status::Unknown(why_unknown(expectation, subject, &evidence)),
        };
        Judged {
            subject: Cow::Borrowed(&subject.name),
            target: None,
            status,
            basis: Some(subject.basis),
            evidence,
            observed: Some(subject),
            statement: None,
        }
    }

    /// What a person is asked: one statement, or one for each value that it is bound to.
    fn manual(&self, manual: &'f Manual, emit: &mut impl FnMut(Judged<'f>)) {
        match &manual.scope {
            None => emit(self.stated(format!("statement by {}", manual.who), None)),
            Some(scope) => self.scoped(scope, emit),
        }
    }

    fn stated(&self, subject: impl Into<Cow<'f, str>>, scope: Option<Box<str>>) -> Judged<'f> {
        let reason = Reason::new("only a person can tell, and attest it");
        let basis = Some(Basis::Declared);
        Judged { statement: Some(Statement { scope }), basis, ..Judged::about(subject, Status::Unknown(reason)) }
    }

    /// Whether a statement that is bound to nothing applies may be unseen: it can be attested all the same.
    fn or_stated(&self, condition: Judged<'f>) -> Judged<'f> {
        match (self.rule.manual(), &condition.status) {
            (Some(Manual { scope: None, .. }), Status::Unknown(_)) => {
                Judged { statement: Some(Statement { scope: None }), ..condition }
            }
            _ => condition,
        }
    }

    /// A statement for each value of what the scope picks; what was not seen of it can be attested by nobody.
    fn scoped(&self, scope: &'f Scope, emit: &mut impl FnMut(Judged<'f>)) {
        let (selection, resource) = (&scope.from, scope.from.resource.name);
        let expansion = plan::expand(selection, &self.targets, self.facts, self.now);
        let (mut nothing, asked) = (expansion.nothing, Cell::new(false));
        let mut emit = |target: Option<&'f str>, judged: Judged<'f>| {
            asked.set(true);
            emit(Judged { target, ..judged });
        };
        for doubt in expansion.unknown {
            emit(doubt.target, Judged::about(resource, Status::Unknown(doubt.reason)));
        }
        let queries = expansion.queries.into_iter().map(|(query, _)| query);
        for query in expansion.pending.into_iter().chain(queries) {
            let Some((query, listing)) = self.facts.listings.get_key_value(&query) else {
                emit(None, Judged::about(query.describe(), Status::Unknown(not_collected())));
                continue;
            };
            let target = Some(query.target.as_str());
            let mut values = BTreeMap::new();
            for subject in &listing.subjects {
                if plan::selected(selection, subject, self.now) == Truth::False {
                    continue;
                }
                match values_of(subject, scope.pick) {
                    Ok(found) => {
                        for value in found {
                            values.entry(value).or_insert(subject);
                        }
                    }
                    Err(reason) => {
                        emit(target, Judged::about(&*subject.name, Status::Unknown(reason)));
                    }
                }
            }
            for (value, subject) in values {
                let judged = self.stated(value.clone(), Some(value.into()));
                emit(target, Judged { basis: Some(subject.basis), observed: Some(subject), ..judged });
            }
            match &listing.extent {
                Extent::Complete => {}
                Extent::Partial(reason) | Extent::Failed(reason) => {
                    emit(target, Judged::about(query.describe(), Status::Unknown(reason.clone())));
                }
                Extent::Absent(what) => nothing = Some(what.to_string()),
            }
        }
        if !asked.get() {
            let why = nothing.unwrap_or_else(|| format!("there is no such {resource} that this could be said of"));
            emit(None, Judged::about(resource, Status::NotApplicable(why.into())));
        }
    }
}

/// The texts that a field of a subject holds, or why they could not be seen.
fn values_of(subject: &Subject, field: usize) -> Result<Vec<String>, Reason> {
    let one = |observed: &Observed| match observed {
        Observed::Known(Value::Invalid(_)) => Err(Reason::new("its program would not understand this value")),
        Observed::Known(Value::Text(text)) => Ok(Some(text.to_string())),
        Observed::Known(value) => Ok(Some(value.to_string())),
        Observed::Absent => Ok(None),
        Observed::Unknown(reason) => Err(reason.clone()),
    };
    match subject.fields.fields.get(field) {
        Some(Observed::Known(Value::List(List { more: Some(reason), .. }))) => Err(reason.clone()),
        Some(Observed::Known(Value::List(List { items, more: None }))) => {
            Ok(items.iter().map(one).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        Some(observed) => Ok(one(observed)?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// Where a field was seen. A resource that knows the place of each of its fields has them in a field `origins`.
fn place<'f>(subject: &'f Subject, field: &'f Field) -> (&'f str, &'f str) {
    match subject.fields.get("origins") {
        Some(Observed::Known(Value::Map(origins))) => match origins.get(field.name) {
            // A value that nothing sets has no place of its own.
            Some(Observed::Known(Value::Text(text))) if &**text == "default" => (&subject.origin, "default"),
            Some(Observed::Known(Value::Text(text))) => (text, field.source),
            Some(_) | None => (&subject.origin, field.source),
        },
        Some(_) | None => (&subject.origin, field.source),
    }
}

/// What `each_subject` noticed besides the judgements.
#[derive(Default)]
struct Tally {
    /// Subjects that count for sure.
    certain: usize,
    /// Subjects that the filter leaves out.
    passed_over: usize,
    emitted: bool,
    /// A reason why more might count.
    doubt: Option<Reason>,
    nothing: Option<String>,
}

impl Tally {
    /// What is said when fewer subjects are selected than the check asks for, or perhaps fewer.
    fn too_few<'f>(&self, check: &QueryCheck) -> Option<Judged<'f>> {
        if self.certain >= check.at_least {
            return None;
        }
        let resource = check.selection.resource.name;
        Some(match &self.doubt {
            Some(reason) => Judged::about(resource, Status::Unknown(reason.clone())),
            None => {
                let text = format!("{resource}: {} found, at least {} expected", self.certain, check.at_least);
                Judged::about(text, Status::Fail)
            }
        })
    }

    /// What is said when nothing is selected.
    fn nothing<'f>(self, check: &QueryCheck) -> Judged<'f> {
        let resource = check.selection.resource.name;
        let why = self.nothing.unwrap_or_else(|| match self.passed_over {
            0 => format!("there is no such {resource}"),
            1 => format!("there is one {resource}, which the rule is not about"),
            several => format!("there are {several} of {resource}, none of which the rule is about"),
        });
        Judged::about(resource, Status::NotApplicable(why.into()))
    }
}

/// How much a status weighs where one pass is enough: a pass decides, then an unknown, then a fail.
fn favour(status: &Status) -> u8 {
    match status {
        Status::NotApplicable(_) => 0,
        Status::Fail => 1,
        Status::Unknown(_) => 2,
        Status::Pass => 3,
    }
}

fn not_collected() -> Reason {
    Reason::new("the facts do not hold this").with_grant("collect them again with these rules")
}

/// The reason inside the first field that could not be judged.
fn why_unknown(expectation: &Expectation, subject: &Subject, evidence: &[Evidence<'_>]) -> Reason {
    let reasons = evidence.iter().find_map(|evidence| match evidence.observed {
        Seen::Field(observed) => first_reason(observed).map(|reason| (evidence.field, reason)),
        Seen::Text(_) => None,
    });
    match reasons {
        Some((field, Reason { text, grant })) => Reason { text: format!("{field}: {text}").into(), grant },
        None => {
            debug_assert!(
                !matches!(expectation, Expectation::Field { .. })
                    || subject.fields.fields.is_empty()
                    || evidence.len() < 2
            );
            Reason::new("its program would not understand this value")
        }
    }
}

fn first_reason(observed: &Observed) -> Option<Reason> {
    match observed {
        Observed::Unknown(reason) => Some(reason.clone()),
        Observed::Known(Value::List(List { items, more })) => {
            items.iter().find_map(first_reason).or_else(|| more.clone())
        }
        Observed::Known(Value::Record(record)) => record.fields.iter().find_map(first_reason),
        Observed::Known(Value::Map(map)) => map.values().find_map(first_reason),
        Observed::Known(_) | Observed::Absent => None,
    }
}

/// The judgement that decides, by weight, with the evidence and the subjects of those that say the same.
fn merge<'f>(parts: Vec<Judged<'f>>, weight: impl Fn(&Status) -> u8) -> Judged<'f> {
    let heaviest = parts.iter().map(|part| weight(&part.status)).max().unwrap_or(0);
    let mut deciding = parts.into_iter().filter(|part| weight(&part.status) == heaviest);
    let Some(mut merged) = deciding.next() else {
        return Judged::about("nothing", Status::NotApplicable("there is nothing to judge".into()));
    };
    let (mut last, mut unnamed) = (merged.subject.clone(), 0_usize);
    for part in deciding {
        if part.subject != last {
            merged.observed = None;
            last = part.subject.clone();
            if merged.subject.len() < 120 {
                merged.subject = format!("{}, {}", merged.subject, part.subject).into();
            } else {
                unnamed += 1;
            }
        }
        if part.target != merged.target {
            merged.target = None;
        }
        if part.basis == Some(Basis::Declared) {
            merged.basis = part.basis;
        }
        if merged.evidence.len() < 20 {
            merged.evidence.extend(part.evidence);
        }
    }
    if unnamed > 0 {
        merged.subject = format!("{} and {unnamed} more", merged.subject).into();
    }
    merged
}

//! The law of no false pass, over every shipped rule and generated facts: turning what was known into unknown may change
//! what a rule says only to unknown. And what follows from purity: no order of rules or subjects matters.

use std::collections::BTreeMap;

use harden::attestation::Attestations;
use harden::diagnostic::{Diagnostics, Source};
use harden::facts::{Basis, Extent, Facts, Listing, Query, Subject};
use harden::report::{Gate, Report};
use harden::resource::{self, Field};
use harden::rule::Rule;
use harden::rule::case::{CASE_NOW, Outcome};
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::rule::trial;
use harden::value::types::word;
use harden::value::{List, Net, Observed, Reason, Record, Secret, Type, Value, Version};
use proptest::prelude::*;

use super::corpus::rules;
use super::random_rules;

/// A small generator, so that one number describes a world (xorshift64*, Vigna 2016).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed | 1)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % sides.max(1)
    }

    pub(crate) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.roll(values.len())].clone()
    }
}

/// Values that the rules' own cases give to a field: near the boundaries that rules draw.
pub(crate) type Pool = BTreeMap<(&'static str, &'static str), Vec<Observed>>;

pub(crate) fn pool(rules: &[Rule]) -> Pool {
    let mut pool = Pool::new();
    for answer in rules.iter().flat_map(|rule| &rule.cases).flat_map(|case| &case.answers) {
        for subject in &answer.listing.subjects {
            for (field, observed) in subject.fields.table.iter().zip(&subject.fields.fields) {
                if !matches!(observed, Observed::Unknown(_)) {
                    pool.entry((answer.resource, field.name)).or_default().push(observed.clone());
                }
            }
        }
    }
    pool
}

pub(crate) fn value(ty: Type, as_type: Type, dice: &mut Dice) -> Value {
    let texts = ["", "root", "web", "ALL", "/etc/passwd", "0", "scram-sha-256", "reject", "latest", "*"];
    match ty {
        Type::Bool(_) => Value::Bool(dice.roll(2) == 0),
        Type::Integer => Value::Int(dice.pick(&[-1, 0, 1, 2, 22, 80, 443, 2048, 65_535])),
        Type::Size => Value::Size(dice.pick(&[0, 1, 4096, 1 << 30])),
        Type::Duration => Value::Duration(dice.pick(&[0, 60, 86_400])),
        Type::Time => Value::Time(CASE_NOW + dice.pick(&[-40_000_000, -1, 0, 1, 864_000, 40_000_000])),
        Type::Version => Value::Version(Version::parse(dice.pick(&["1.0", "15.3", "20.10.24"])).unwrap()),
        Type::Mode => Value::Mode(dice.pick(&[0, 0o400, 0o600, 0o640, 0o644, 0o666, 0o755, 0o1777, 0o4755])),
        Type::Net => Value::Net(Net::parse(dice.pick(&["*", "127.0.0.1", "10.0.0.1", "::1", "0.0.0.0/0"])).unwrap()),
        Type::Word(vocabulary) => word(vocabulary, dice.pick(vocabulary.words)),
        Type::Secret => Value::Secret(Secret {
            length: dice.pick(&[0, 8, 64]),
            entropy_bits: dice.pick(&[0, 40, 200]),
            placeholder: dice.roll(2) == 0,
            fingerprint: "f".to_owned(),
        }),
        Type::List(item) => {
            let items = (0..dice.roll(4)).map(|_| Observed::Known(value(*item, as_type, dice))).collect();
            Value::List(List { items, more: (dice.roll(8) == 0).then(|| Reason::new("cut short")) })
        }
        Type::Map(item) => {
            let entries =
                (0..dice.roll(3)).map(|i| (format!("key{i}").into(), Observed::Known(value(*item, as_type, dice))));
            Value::Map(entries.collect())
        }
        Type::Record(table) => Value::Record(record(table, as_type, dice, None, &Pool::new())),
        Type::As if matches!(as_type, Type::As) => Value::from(dice.pick(&texts)),
        Type::As => value(as_type, Type::Text, dice),
        Type::Text | Type::Url => Value::from(dice.pick(&texts)),
    }
}

fn record(table: &'static [Field], as_type: Type, dice: &mut Dice, of: Option<&'static str>, pool: &Pool) -> Record {
    let mut record = Record::new(table);
    for field in table {
        let known = of.and_then(|resource| pool.get(&(resource, field.name)));
        // Values of `as` fields differ by what `as` says, so that only this rule's own type fits.
        let pooled =
            known.filter(|_| !matches!(field.ty, Type::As) && dice.roll(3) > 0).map(|values| dice.pick(values));
        let observed = pooled.unwrap_or_else(|| match dice.roll(12) {
            0 => Observed::Absent,
            1 => Observed::unknown("denied"),
            2 if matches!(field.ty, Type::As) => Observed::Known(Value::Invalid("nonsense".into())),
            _ => Observed::Known(value(field.ty, as_type, dice)),
        });
        record.set(field.name, observed);
    }
    record
}

/// A world in which every query of the rule has a random answer.
pub(crate) fn world(rule: &Rule, pool: &Pool, seed: u64) -> Facts {
    let dice = std::cell::RefCell::new(Dice(seed | 1));
    trial::facts(rule, |query| listing(query, pool, &mut dice.borrow_mut()))
}

fn listing(query: &Query, pool: &Pool, dice: &mut Dice) -> Listing {
    let resource = resource::find(query.resource).unwrap();
    let with = query.with();
    match dice.roll(10) {
        0 => return Listing::absent("nothing"),
        1 => return Listing::failed(Reason::new("denied")),
        _ => {}
    }
    let as_type = resource.as_type(&with);
    let subject = |i: usize, dice: &mut Dice| {
        let mut subject = Subject::new(resource, format!("s{i}"), "world", Basis::Live);
        subject.fields = record(resource.fields, as_type, dice, Some(query.resource), pool);
        subject
    };
    let subjects = (0..dice.roll(4)).map(|i| subject(i, dice)).collect();
    match dice.roll(8) {
        0 => Listing::partial(subjects, Reason::new("cut short")),
        _ => Listing::complete(subjects),
    }
}

/// The same world with some of what was known made unknown.
fn blinded(facts: &Facts, seed: u64) -> Facts {
    let mut dice = Dice(seed | 1);
    let mut blind = facts.clone();
    for listing in blind.listings.values_mut() {
        match dice.roll(8) {
            0 => *listing = Listing::failed(Reason::new("blinded")),
            1 => {
                let keep = dice.roll(listing.subjects.len() + 1);
                listing.subjects.truncate(keep);
                listing.extent = match &listing.extent {
                    Extent::Failed(reason) => Extent::Failed(reason.clone()),
                    _ => Extent::Partial(Reason::new("blinded")),
                };
            }
            _ => {
                for subject in &mut listing.subjects {
                    blind_record(&mut subject.fields, &mut dice);
                }
            }
        }
    }
    blind
}

fn blind_record(record: &mut Record, dice: &mut Dice) {
    for observed in &mut record.fields {
        blind_field(observed, dice);
    }
}

fn blind_field(observed: &mut Observed, dice: &mut Dice) {
    if dice.roll(5) == 0 {
        *observed = Observed::unknown("blinded");
        return;
    }
    match observed {
        Observed::Known(Value::List(list)) => {
            list.items.iter_mut().for_each(|item| blind_field(item, dice));
            if dice.roll(6) == 0 {
                let keep = dice.roll(list.items.len() + 1);
                list.items.truncate(keep);
                list.more = Some(Reason::new("blinded"));
            }
        }
        Observed::Known(Value::Record(record)) => blind_record(record, dice),
        Observed::Known(Value::Map(map)) => map.values_mut().for_each(|item| blind_field(item, dice)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn making_known_facts_unknown_changes_a_verdict_only_to_unknown(world_seed: u64, blind_seed: u64) {
        let rules = rules();
        let pool = pool(rules);
        for (i, rule) in rules.iter().enumerate() {
            for round in 0..8 {
                let salt = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(round);
                let seeing = world(rule, &pool, world_seed ^ salt);
                let blind = blinded(&seeing, blind_seed ^ salt);
                let (before, after) = (trial::outcome(rule, &seeing), trial::outcome(rule, &blind));
                prop_assert!(
                    after == before || after == Outcome::Unknown,
                    "{}: {before:?} became {after:?}\nbefore:\n{}after:\n{}",
                    rule.id, trial::explain(rule, &seeing).join("\n"), trial::explain(rule, &blind).join("\n")
                );
            }
        }
    }

    #[test]
    fn neither_the_order_of_rules_nor_that_of_subjects_matters(seed: u64) {
        let pool = pool(rules());
        for rule in rules() {
            let facts = world(rule, &pool, seed);
            let mut turned = facts.clone();
            turned.listings.values_mut().for_each(|listing| listing.subjects.reverse());
            prop_assert_eq!(trial::outcome(rule, &facts), trial::outcome(rule, &turned));
        }
    }
}

fn random_rule(seed: u64) -> Rule {
    let text = random_rules::rule(&mut Dice(seed | 1));
    let source = Source::new("x.yaml", &text);
    compile(&source, "x", Options { inputs: &Inputs::new(), cases: true }).unwrap_or_else(|problems| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, problems);
        panic!("{}", diagnostics.render(false, 200))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_law_holds_for_rules_that_nobody_has_written(rule_seed: u64, world_seed: u64, blind_seed: u64) {
        let rule = random_rule(rule_seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for round in 0..6_u64 {
            let salt = round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let seeing = world(&rule, &Pool::new(), world_seed ^ salt);
            let blind = blinded(&seeing, blind_seed ^ salt);
            let (before, after) = (trial::outcome(&rule, &seeing), trial::outcome(&rule, &blind));
            prop_assert!(
                after == before || after == Outcome::Unknown,
                "{before:?} became {after:?}\n{}before:\n{}after:\n{}",
                rule.source.text, trial::explain(&rule, &seeing).join("\n"), trial::explain(&rule, &blind).join("\n")
            );
            let again = Facts::from_json(&seeing.to_json()).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&again, &seeing);
        }
    }
}

#[test]
fn a_blind_world_passes_nothing() {
    for rule in rules() {
        let facts = trial::facts(rule, |_| Listing::failed(Reason::new("denied")));
        assert_eq!(trial::outcome(rule, &facts), Outcome::Unknown, "{}", rule.id);
    }
}

#[test]
fn an_empty_world_passes_nothing_that_must_be_there() {
    for rule in rules() {
        let facts = trial::facts(rule, |_| Listing::complete(Vec::new()));
        assert_ne!(trial::outcome(rule, &facts), Outcome::Pass, "{}", rule.id);
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    let pool = pool(rules());
    for rule in rules() {
        let facts = world(rule, &pool, 42);
        let again = Facts::from_json(&facts.to_json()).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
        let report = |facts: &Facts| {
            Report::assemble(std::slice::from_ref(rule), facts, &Attestations::default(), CASE_NOW, Gate::default())
                .to_json()
        };
        assert_eq!(report(&facts), report(&again), "{}", rule.id);
    }
}

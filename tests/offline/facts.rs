//! Facts documents from anywhere: read in full or refused, and what is missing in one is never a pass.

use harden::attestation::Attestations;
use harden::facts::{Access, Basis, Extent, Facts, Listing, Subject};
use harden::report::{Gate, Outcome, Report};
use harden::resource;
use harden::rule::trial;
use harden::target::Kind;
use harden::value::types::word;
use harden::value::{List, Net, Observed, Reason, Record, Secret, Type, Value, Version};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::corpus::rules;
use super::judging::{query, target};

/// Values of a type at their extremes, as loaders may make them.
fn values(ty: Type) -> BoxedStrategy<Value> {
    let texts = prop_oneof![".{0,12}", Just("$unknown".to_owned()), Just("\u{1b}[2J\u{202e}\n".to_owned())];
    let plain: BoxedStrategy<Value> = match ty {
        Type::Bool(_) => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Integer => any::<i64>().prop_map(Value::Int).boxed(),
        Type::Duration => any::<i64>().prop_map(Value::Duration).boxed(),
        Type::Size => any::<u64>().prop_map(Value::Size).boxed(),
        Type::Time => prop_oneof![any::<i64>(), -400_000_000_000..400_000_000_000_i64, Just(253_402_300_799)]
            .prop_map(Value::Time)
            .boxed(),
        Type::Version => "v?[0-9]{1,4}(\\.[0-9]{1,4}){0,3}[-+ ~a-z(é]{0,5}"
            .prop_filter_map("no version", |text| Version::parse(&text).map(Value::Version))
            .boxed(),
        Type::Mode => (0..=0o7777_u32).prop_map(Value::Mode).boxed(),
        Type::Net => prop_oneof![
            any::<std::net::IpAddr>().prop_map(Net::from),
            Just(Net::from(std::net::IpAddr::from([0; 16]))),
            Just(Net::from(std::net::IpAddr::from([0; 4]))),
            prop::sample::select(vec!["", "*", "::", "[::]", "0.0.0.0", "localhost", "10.0.0.0/8", "fe80::/10"])
                .prop_map(|text| Net::parse(text).unwrap()),
        ]
        .prop_map(Value::Net)
        .boxed(),
        Type::Word(vocabulary) => {
            prop::sample::select(vocabulary.words).prop_map(move |text| word(vocabulary, text)).boxed()
        }
        Type::Secret => (any::<usize>(), any::<u32>(), any::<bool>(), ".{0,8}")
            .prop_map(|(length, entropy_bits, placeholder, fingerprint)| {
                Value::Secret(Secret { length, entropy_bits, placeholder, fingerprint })
            })
            .boxed(),
        Type::List(item) => (prop::collection::vec(observed(*item), 0..4), reasons())
            .prop_map(|(items, more)| Value::List(List { items, more }))
            .boxed(),
        Type::Map(item) => prop::collection::btree_map(
            prop_oneof![".{0,6}", Just("$unknown".to_owned()), Just("$$more".to_owned()), Just("$".to_owned())],
            observed(*item),
            0..4,
        )
        .prop_map(|map| Value::Map(map.into_iter().map(|(key, value)| (key.into(), value)).collect()))
        .boxed(),
        Type::Record(table) => record(table).prop_map(Value::Record).boxed(),
        Type::Text | Type::Url | Type::As => texts.clone().prop_map(Value::from).boxed(),
    };
    prop_oneof![9 => plain, 1 => texts.prop_map(|text| Value::Invalid(text.into()))].boxed()
}

fn reasons() -> impl Strategy<Value = Option<Reason>> + Clone {
    prop::option::of((".{0,8}", prop::option::of(".{0,8}")).prop_map(|(text, grant)| match grant {
        Some(grant) => Reason::new(text).with_grant(grant),
        None => Reason::new(text),
    }))
}

fn observed(ty: Type) -> BoxedStrategy<Observed> {
    prop_oneof![
        6 => values(ty).prop_map(Observed::Known),
        1 => Just(Observed::Absent),
        1 => reasons().prop_map(|reason| reason.map_or(Observed::Absent, Observed::Unknown)),
    ]
    .boxed()
}

fn record(table: &'static [resource::Field]) -> BoxedStrategy<Record> {
    let fields: Vec<_> = table.iter().map(|field| observed(field.ty)).collect();
    fields.prop_map(move |fields| Record { table, fields: fields.into() }).boxed()
}

fn documents() -> impl Strategy<Value = Facts> {
    let listing = prop::sample::select(resource::ALL).prop_flat_map(|resource| {
        let subject = (".{0,8}", ".{0,8}", record(resource.fields)).prop_map(|(name, origin, fields)| Subject {
            name: name.into(),
            origin: origin.into(),
            basis: Basis::Declared,
            fields,
        });
        let extent = reasons().prop_map(|reason| reason.map_or(Extent::Complete, Extent::Partial));
        (prop::collection::vec(subject, 0..2), extent, ".{0,6}").prop_map(move |(subjects, extent, parameter)| {
            // Without `as`, an environment's values are secrets.
            let with = if resource.params.iter().any(|param| param.name == "as") {
                json!({ "as": "text", "name": parameter })
            } else {
                json!({ "name": parameter })
            };
            (query("host", resource.name, with), Listing { subjects, extent })
        })
    });
    let targets = prop::collection::vec((".{0,6}", ".{0,6}", 0..3_usize), 0..3);
    (prop::collection::vec(listing, 0..3), targets, -377_000_000_000..253_000_000_000_i64).prop_map(
        |(listings, targets, started)| {
            let targets = targets.into_iter().map(|(name, why, state)| {
                let states = [Access::Audited, Access::Absent(why.clone()), Access::Unreachable(why)];
                target(&name, Kind::Docker, states.into_iter().nth(state).unwrap())
            });
            Facts { started, targets: targets.collect(), listings: listings.into_iter().collect() }
        },
    )
}

/// A change somewhere in a JSON document.
fn mutate(json: &mut Json, mut at: usize, with: &Json) -> bool {
    fn walk(json: &mut Json, at: &mut usize, with: &Json) -> bool {
        if *at == 0 {
            *json = with.clone();
            return true;
        }
        *at -= 1;
        match json {
            Json::Array(items) => items.iter_mut().any(|item| walk(item, at, with)),
            Json::Object(entries) => entries.values_mut().any(|item| walk(item, at, with)),
            _ => false,
        }
    }
    walk(json, &mut at, with)
}

fn assembled(facts: &Facts) -> Report {
    Report::assemble(rules(), facts, &Attestations::default(), 0, Gate::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_reads_back_as_it_was_written(facts in documents()) {
        let text = facts.to_json();
        let again = Facts::from_json(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&again, &facts);
        prop_assert_eq!(again.to_json(), text);
    }

    #[test]
    fn a_changed_document_is_judged_or_refused(facts in documents(), at in 0..60_usize, kind in 0..10_usize) {
        let noise = [
            json!(null), json!(1e300), json!(-1), json!(u64::MAX), json!("\u{1b}]0;x\u{7}"), json!([]), json!({}),
            json!({ "$unknown": 1 }), json!({ "$invalid": "x" }), json!([[[[{ "a": [{}] }]]]]),
        ];
        let mut json: Json = serde_json::from_str(&facts.to_json()).unwrap();
        mutate(&mut json, at, &noise[kind]);
        if let Ok(facts) = Facts::from_json(&json.to_string()) {
            Report::assemble(&rules()[..20], &facts, &Attestations::default(), 0, Gate::default());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        prop_assert!(Facts::from_json(&text).is_err());
    }
}

#[test]
fn what_is_no_facts_document_is_refused_with_its_reason() {
    let head = r#"{"schema":"harden.facts/v1","harden":"0","started":"2026-01-01T00:00:00Z","targets":[],"queries":["#;
    let entry = |rest: &str| format!(r#"{head}{{"target":"host","resource":"file","with":{{"path":"/a"}},{rest}}}]}}"#);
    let subject = |fields: &str| {
        entry(&format!(r#""subjects":[{{"name":"a","origin":"a","basis":"live","fields":{{{fields}}}}}]"#))
    };
    let twice = r#"{"target":"host","resource":"file","with":{},"subjects":[]}"#;
    for (text, part) in [
        (String::new(), "EOF"),
        ("[]".to_owned(), "invalid"),
        (
            r#"{"schema":"harden.facts/v2","harden":"0","started":"x","targets":[],"queries":[]}"#.to_owned(),
            "this harden reads",
        ),
        (
            r#"{"schema":"harden.facts/v1","harden":"0","started":"yesterday","targets":[],"queries":[]}"#.to_owned(),
            "started",
        ),
        (format!("{head}{twice},{twice}]}}"), "queries[1]: the same query"),
        (entry(r#""subjects":[],"absent":"a","failed":{"reason":"b"}"#), "only one of"),
        (entry(r#""subjects":[{"name":"a","origin":"a","basis":"live","fields":{}}],"absent":"a""#), "has no subjects"),
        (entry(r#""subjects":[],"more":1"#), "unknown field"),
        (entry(r#""subjects":NaN"#), "expected"),
        (subject(r#""mode":"640""#), "mode: expected an octal mode"),
        (subject(r#""mode":416"#), "mode: expected a mode"),
        (subject(r#""size":-1"#), "size"),
        (subject(r#""size":1e40"#), "size"),
        (subject(r#""size":NaN"#), "expected value"),
        (subject(r#""colour":"red""#), "unknown field `colour`"),
        (subject(r#""mode":"0666","mode":"0640""#), "the key `mode` is here twice"),
        (
            entry(r#""subjects":[{"name":"a","origin":"a","basis":"live","fields":{}}]"#).replace(
                "\"targets\":[]",
                r#""targets":[{"name":"host","kind":"host","address":"","state":"absent","why":"gone"}]"#,
            ),
            "`host` was not audited, and has subjects",
        ),
        (subject(r#""path":["a"]"#), "path: expected a text"),
        (entry("\"subjects\":[]").replace("\"file\"", "\"flie\""), "unknown resource `flie`"),
        (entry("\"subjects\":[]").replace("\"/a\"", &"[".repeat(10_000)), "recursion"),
        (subject(&format!(r#""path":{}"#, r#"{"a":"#.repeat(10_000))), "recursion"),
        (
            head.replace("\"targets\":[]", r#""targets":[{"name":"h","kind":"moon","address":"","state":"audited"}]"#),
            "moon",
        ),
    ] {
        let error = Facts::from_json(&text).expect_err(&text);
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn nothing_passes_on_what_a_document_leaves_out() {
    let empty = Facts::default();
    for entry in assembled(&empty).findings {
        assert_eq!(entry.status, Outcome::Unknown, "{entry:?}");
    }
    for rule in rules() {
        let mut facts = trial::facts(rule, |_| Listing::complete(Vec::new()));
        facts.listings.clear();
        for entry in
            Report::assemble(std::slice::from_ref(rule), &facts, &Attestations::default(), 0, Gate::default()).findings
        {
            assert_eq!(entry.status, Outcome::Unknown, "{entry:?}");
        }
    }
}

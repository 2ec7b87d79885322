//! Scrubbed facts: nothing of the site is in them, and every rule says of them what it said before.

use std::sync::LazyLock;

use harden::facts::{Access, Basis, Extent, Facts, Listing, Query, Subject, Target};
use harden::resource::{self, Field, With};
use harden::rule::Rule;
use harden::rule::case::CASE_NOW;
use harden::rule::compile::Options;
use harden::rule::input::Inputs;
use harden::rule::trial;
use harden::scrub::{Key, Known, changed, scrub};
use harden::target::Kind;
use harden::value::{List, Net, Observed, Reason, Record, Type, Value, Version};
use proptest::prelude::*;
use serde_json::json;

use super::corpus::rules;
use super::law;

/// What the program keeps: the words of the shipped rules as they are without inputs.
pub(crate) fn known() -> &'static Known {
    static KNOWN: LazyLock<Known> = LazyLock::new(|| {
        let inputs = Inputs::new();
        let options = Options { inputs: &inputs, cases: false };
        let library = harden::rule::library::Library::load(&[]).unwrap();
        Known::new(&library.compile(options).unwrap().rules)
    });
    &KNOWN
}

fn key() -> Key {
    Key::new(b"tests")
}

fn explain(rule: &Rule, facts: &Facts, scrubbed: &Facts) -> String {
    format!(
        "{}\nbefore:\n{}after:\n{}",
        rule.id,
        trial::explain(rule, facts).join("\n"),
        trial::explain(rule, scrubbed).join("\n")
    )
}

/// The documents in which a rule's own path is not asked for any more: a parameter that only an example gives.
pub(crate) fn asks_for_examples(rule: &Rule) -> bool {
    rule.inputs.iter().any(|input| input.default.is_none())
}

#[test]
fn every_case_of_every_rule_is_judged_as_before() {
    let mut wrong = Vec::new();
    for rule in rules().iter().filter(|rule| !asks_for_examples(rule)) {
        for case in &rule.cases {
            let facts = trial::case_facts(rule, case);
            let scrubbed = scrub(&facts, known(), &key());
            if !changed(std::slice::from_ref(rule), &facts, &scrubbed).is_empty() {
                wrong.push(explain(rule, &facts, &scrubbed));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_worlds_are_judged_as_before(seed: u64, key: [u8; 8]) {
        let pool = law::pool(rules());
        for rule in rules().iter().filter(|rule| !asks_for_examples(rule)) {
            let facts = law::world(rule, &pool, seed);
            let scrubbed = scrub(&facts, known(), &Key::new(&key));
            let changed = changed(std::slice::from_ref(rule), &facts, &scrubbed);
            prop_assert!(changed.is_empty(), "{}", explain(rule, &facts, &scrubbed));
        }
    }
}

/// Ways in which a name stands in a text.
const WAYS: [&str; 22] = [
    "NAME",
    "/srv/NAME/data",
    "/home/NAME/.ssh/authorized_keys",
    "/etc/NAME.d/NAME-server.conf:12",
    "postgres://NAME:***@db.NAME.internal:5432/NAME?sslmode=require&application_name=NAME",
    "host=NAME user=NAME dbname='NAME' password=***",
    "registry.NAME.com:5000/NAME/api:1.2-NAME@sha256:0123456789abcdef0123456789abcdef",
    "CN=NAME,OU=NAME GmbH,O=NAME\\, Inc.,C=DE",
    "dns:*.NAME.org",
    "NAME@NAME.example.net",
    "the role NAME cannot read \"NAME\" (NAME)",
    "host NAME +NAME NAME.lan scram-sha-256 map=NAME",
    "NAME_DB_PASSWORD",
    "com.NAME.team=NAME",
    "container:NAME, unit NAME.service; process NAME (pid 7)",
    "-DNAME=NAME --NAME=[NAME]",
    "http://x/?a=%41NAME%20NAME",
    "1.2.3-NAME+NAMEu1",
    "NAME\u{202e}NAME\tNAME\nNAME",
    "x NAME-10.20.30.40 NAME",
    "SHA256:ab+NAME/NAME=",
    "{\"a\": [\"NAME\"], 'b': `NAME`}",
];

/// Ways in which an address stands in a text.
const ADDRESSES: [&str; 12] = [
    "NAME",
    "[NAME]:5432",
    "tcp://[NAME]:2376",
    "no route to NAME, or to NAME.",
    "host=NAME port=5432",
    "NAME/24",
    "x-NAME-y",
    "ip:NAME",
    "http://user@[NAME]/NAME",
    "from=\"NAME,!NAME\"",
    "(NAME)",
    "NAME NAME",
];

/// What is planted in one document: names and addresses that nothing else has.
struct Planted {
    names: Vec<String>,
    addresses: Vec<String>,
    dice: std::cell::RefCell<law::Dice>,
}

impl Planted {
    fn new(seed: u64) -> Self {
        let mut dice = law::Dice::new(seed);
        let letters = |dice: &mut law::Dice| -> String {
            (0..4 + dice.roll(5)).map(|_| char::from(b'a' + u8::try_from(dice.roll(26)).unwrap())).collect()
        };
        let mut name = || {
            let word = format!("zq{}", letters(&mut dice));
            match dice.roll(8) {
                0 => format!("{word}-{}", letters(&mut dice)),
                1 => format!("{word}_{}", dice.roll(1000)),
                2 => word.to_ascii_uppercase(),
                3 => format!("{word}é"),
                4 => format!("{}{}", dice.roll(90), word),
                5 => format!("{word}.{}", dice.roll(1000)),
                _ => word,
            }
        };
        let names = (0..5).map(|_| name()).collect();
        let mut byte = || dice.roll(256);
        let addresses = vec![
            format!("10.{}.{}.{}", byte(), byte(), 2 + byte() % 250),
            format!("{}.{}.{}.{}", 20 + byte() % 70, byte(), byte(), 2 + byte() % 250),
            format!("2a0{:x}:{:x}::{:x}:{:x}", byte() % 16, 256 + byte(), 256 + byte(), 4096 + byte()),
            format!("fd{:02x}:{:x}::{:x}", byte(), 256 + byte(), 4096 + byte()),
            format!("fe80::{:x}:{:x}ff:fe{:02x}:{:x}", 256 + byte(), byte(), byte(), 4096 + byte()),
        ];
        // As harden writes them.
        let canonical = |text: String| text.parse::<std::net::IpAddr>().unwrap().to_string();
        Planted { names, addresses: addresses.into_iter().map(canonical).collect(), dice: dice.into() }
    }

    fn text(&self) -> String {
        let mut dice = self.dice.borrow_mut();
        if dice.roll(4) == 0 {
            let address = dice.pick(&self.addresses);
            return dice.pick(&ADDRESSES).replace("NAME", &address);
        }
        // Several names in one text.
        let way = dice.pick(&WAYS);
        let parts: Vec<&str> = way.split("NAME").collect();
        let mut text = parts[0].to_owned();
        for part in &parts[1..] {
            text += &dice.pick(&self.names);
            text += part;
        }
        text
    }

    fn reason(&self) -> Reason {
        Reason::new(self.text()).with_grant(self.text())
    }

    fn value(&self, ty: Type) -> Value {
        let roll = |sides| self.dice.borrow_mut().roll(sides);
        if roll(8) == 0 {
            return Value::Invalid(self.text().into());
        }
        match ty {
            Type::Text | Type::Url | Type::As => Value::from(self.text()),
            Type::Version => Value::Version(Version::parse(&format!("1.{}-{}", roll(90), self.text())).unwrap()),
            Type::Net => {
                let address = self.dice.borrow_mut().pick(&self.addresses);
                Value::Net(Net::parse(&format!("{address}{}", if roll(2) == 0 { "/30" } else { "" })).unwrap())
            }
            Type::List(item) => {
                let items = (0..roll(3)).map(|_| self.observed(*item)).collect();
                Value::List(List { items, more: (roll(3) == 0).then(|| self.reason()) })
            }
            Type::Map(item) => Value::Map((0..roll(3)).map(|_| (self.text().into(), self.observed(*item))).collect()),
            Type::Record(table) => Value::Record(self.record(table)),
            other => law::value(other, Type::Text, &mut self.dice.borrow_mut()),
        }
    }

    fn observed(&self, ty: Type) -> Observed {
        let state = self.dice.borrow_mut().roll(6);
        match state {
            0 => return Observed::Unknown(self.reason()),
            1 => return Observed::Absent,
            _ => {}
        }
        Observed::Known(self.value(ty))
    }

    fn record(&self, table: &'static [Field]) -> Record {
        Record { table, fields: table.iter().map(|field| self.observed(field.ty)).collect() }
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts { started: CASE_NOW, ..Facts::default() };
        for access in [Access::Audited, Access::Absent(self.text()), Access::Unreachable(self.text())] {
            facts.targets.push(Target { name: self.text(), kind: Kind::Docker, address: self.text(), access });
        }
        for resource in resource::ALL {
            let subject = |_| Subject {
                name: self.text().into(),
                origin: self.text().into(),
                basis: Basis::Live,
                fields: self.record(resource.fields),
            };
            let subjects = (0..3).map(subject).collect();
            let partial = self.dice.borrow_mut().roll(2) == 0;
            let extent = if partial { Extent::Partial(self.reason()) } else { Extent::Complete };
            let mut with: With =
                resource.params.iter().map(|param| (param.name.to_owned(), json!(self.text()))).collect();
            if with.contains_key("as") {
                with.insert("as".to_owned(), json!("text"));
            }
            with.insert("from".to_owned(), json!([{ "env": self.text(), "of": [self.text()] }]));
            facts.listings.insert(Query::new(self.text(), resource.name, &with), Listing { subjects, extent });
            facts.listings.insert(Query::new("host", resource.name, &with), Listing::absent(self.text()));
            facts.listings.insert(Query::new("docker", resource.name, &with), Listing::failed(self.reason()));
        }
        // What was not audited has no subjects.
        let Facts { targets, listings, .. } = &mut facts;
        let unseen = |name: &str| targets.iter().any(|it| it.name == name && !matches!(it.access, Access::Audited));
        listings.retain(|query, listing| listing.subjects.is_empty() || !unseen(&query.target));
        facts
    }
}

/// Whether the address stands in the text as one, not as a part of a longer one.
fn holds_address(text: &str, address: &str) -> bool {
    let part = |c: char| c.is_ascii_hexdigit() || c == ':';
    text.match_indices(address).any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap(), text.get(at + address.len()..).unwrap());
        !before.ends_with(part) && !before.ends_with("::") && !after.starts_with(|c: char| c.is_ascii_hexdigit())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_and_no_address_survives(seed: u64, key: [u8; 8]) {
        let planted = Planted::new(seed);
        let facts = planted.facts();
        let scrubbed = scrub(&facts, known(), &Key::new(&key));
        let text = scrubbed.to_json();
        let lower = text.to_lowercase();
        for name in &planted.names {
            let core = name.to_lowercase();
            let core = core.trim_matches(|c: char| !c.is_ascii_alphabetic());
            prop_assert!(!lower.contains(core), "{core} survives:\n{}", lines_with(&lower, core));
        }
        prop_assert!(!lower.contains("zq"), "a part of a name survives:\n{}", lines_with(&lower, "zq"));
        for address in &planted.addresses {
            prop_assert!(!holds_address(&text, address), "{address} survives:\n{}", lines_with(&text, address));
        }
        // It is a document, with as much in it.
        let again = Facts::from_json(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&again, &scrubbed);
        prop_assert_eq!(scrubbed.listings.len(), facts.listings.len());
    }
}

fn lines_with(text: &str, part: &str) -> String {
    text.lines().filter(|line| line.contains(part)).take(5).collect::<Vec<_>>().join("\n")
}

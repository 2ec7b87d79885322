//! What may stay: the words of [`super::words`], and what the shipped rules ask for and compare with.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::words;
use crate::matcher::{Expectation, Matcher, Test};
use crate::resource;
use crate::rule::{Check, Rule, Selection};
use crate::value::{List, Observed, Type, Value};

/// Words and texts that say nothing about whose machine it is.
#[derive(Debug, Default)]
pub struct Known {
    /// Texts that stay as a whole, wherever they stand: operands and parameters of rules.
    texts: HashSet<String>,
    /// Names that stay, in lower case.
    names: HashSet<String>,
    /// Words that stay in texts, in lower case.
    words: HashSet<String>,
    /// Those of them that regexes of rules look for, in lower case.
    judged: HashSet<String>,
    /// Words that stay in sentences, in lower case.
    prose: HashSet<String>,
    domains: HashSet<&'static str>,
}

impl Known {
    /// By the rules that ship with harden, compiled with no inputs but their own defaults: those of a site, and the values
    /// that it sets, name what is its own.
    pub fn new<'r>(shipped: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut known = Known::default();
        let lower = |texts: &[&str]| -> HashSet<String> {
            texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_ascii_lowercase).collect()
        };
        known.names = lower(words::NAMES);
        known.words = lower(words::WORDS);
        known.prose = lower(&[words::PROSE]);
        known.domains = words::DOMAINS.split_whitespace().collect();
        for resource in resource::ALL {
            known.add(resource.name);
            resource.params.iter().for_each(|param| known.add(param.name));
            resource.fields.iter().for_each(|field| known.vocabulary(field.ty));
        }
        // An example stands for what a site would set.
        for rule in shipped.into_iter().filter(|rule| rule.unset.is_empty()) {
            rule.selections().into_iter().for_each(|selection| known.selection(selection));
            rule.checks().for_each(|check| known.check(check));
        }
        known
    }

    /// Whether the text stays as it is, wherever it stands.
    pub(super) fn is_text(&self, text: &str) -> bool {
        self.texts.contains(text) || self.names.contains(&text.to_ascii_lowercase())
    }

    /// Whether a word of a text stays though something has it for its name: a rule looks for it.
    pub(super) fn is_judged(&self, word: &str) -> bool {
        self.judged.contains(&word.to_ascii_lowercase())
    }

    /// Whether a part of a text stays: letters and digits, no separators.
    pub(super) fn is_word(&self, part: &str) -> bool {
        let lower = part.to_ascii_lowercase();
        let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit());
        // `eth0`, `python3`, `libssl3`: the number of a thing that has a name.
        let numbered = stem.len() > 1 && lower.len() - stem.len() <= 3;
        let known = |word: &str| self.words.contains(word) || self.names.contains(word);
        known(&lower) || (numbered && known(stem)) || is_device(&lower) || is_version(&lower)
    }

    /// Whether a part of a sentence stays.
    pub(super) fn is_prose(&self, part: &str) -> bool {
        self.prose.contains(&part.to_ascii_lowercase()) || self.is_word(part)
    }

    /// Whether names of hosts end in this.
    pub(super) fn is_domain(&self, label: &str) -> bool {
        self.domains.contains(label.to_ascii_lowercase().as_str())
    }

    /// A text that stays as a whole, and its words with it.
    fn add(&mut self, text: &str) {
        self.texts.insert(text.to_owned());
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1);
        self.words.extend(words.map(str::to_ascii_lowercase));
    }

    fn vocabulary(&mut self, ty: Type) {
        match ty {
            Type::Word(vocabulary) => vocabulary.words.iter().for_each(|word| self.add(word)),
            Type::List(item) | Type::Map(item) => self.vocabulary(*item),
            Type::Record(fields) => fields.iter().for_each(|field| self.vocabulary(field.ty)),
            Type::Bool(_)
            | Type::Integer
            | Type::Size
            | Type::Duration
            | Type::Time
            | Type::Version
            | Type::Text
            | Type::Url
            | Type::Secret
            | Type::Mode
            | Type::Net
            | Type::As => {}
        }
    }

    fn selection(&mut self, selection: &Selection) {
        selection.with.values().for_each(|value| self.param(value));
        selection.filter.iter().for_each(|filter| self.expectation(filter));
    }

    fn param(&mut self, value: &Json) {
        match value {
            Json::String(text) => self.add(text),
            Json::Array(items) => items.iter().for_each(|item| self.param(item)),
            Json::Object(entries) => entries.values().for_each(|item| self.param(item)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn check(&mut self, check: &Check) {
        check.visit(&mut |query| self.expectation(&query.expectation));
    }

    fn expectation(&mut self, expectation: &Expectation) {
        match expectation {
            Expectation::Field { matcher, .. } => self.matcher(matcher),
            Expectation::All(parts) | Expectation::Any(parts) => parts.iter().for_each(|part| self.expectation(part)),
        }
    }

    fn matcher(&mut self, matcher: &Matcher) {
        match matcher {
            Matcher::Leaf { test, .. } => self.test(test),
            Matcher::All(parts) | Matcher::Any(parts) => parts.iter().for_each(|part| self.matcher(part)),
            Matcher::Every(item) | Matcher::Some(item) => self.matcher(item),
            Matcher::Key(key, value) => {
                self.add(key);
                self.matcher(value);
            }
            Matcher::Record(expectation) => self.expectation(expectation),
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Equals(value) | Test::Has(value) => self.operand(value),
            Test::In(values) => values.iter().for_each(|value| self.operand(value)),
            Test::Url(url) => url.hosts.iter().chain(&url.schemes).flatten().for_each(|text| self.add(text)),
            // A regex says what its text looks like, not what it is: it makes no word known, only important.
            Test::Matches(pattern) => {
                let words = pattern.text().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1);
                let words: Vec<String> = words.filter(|word| self.is_word(word)).map(str::to_ascii_lowercase).collect();
                self.judged.extend(words);
            }
            Test::AtLeast(_)
            | Test::AtMost(_)
            | Test::NotBefore(_)
            | Test::NotAfter(_)
            | Test::Within(_)
            | Test::Exists(_)
            | Test::Count { .. }
            | Test::Secret { .. } => {}
        }
    }

    fn operand(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.add(text),
            Value::List(List { items, .. }) => {
                for item in items {
                    if let Observed::Known(value) = item {
                        self.operand(value);
                    }
                }
            }
            Value::Bool(_)
            | Value::Int(_)
            | Value::Size(_)
            | Value::Duration(_)
            | Value::Time(_)
            | Value::Version(_)
            | Value::Secret(_)
            | Value::Mode(_)
            | Value::Net(_)
            | Value::Word(_)
            | Value::Map(_)
            | Value::Record(_)
            | Value::Invalid(_) => {}
        }
    }
}

/// `sda1`, `nvme0n1p2`, `xvdb`: block devices as the kernel numbers them.
fn is_device(word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let disk = ["sd", "hd", "vd", "xvd"].iter().find_map(|prefix| word.strip_prefix(prefix));
    let lettered = disk.is_some_and(|rest| {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
        (1..=2).contains(&(rest.len() - number.len())) && number.len() <= 3 && digits(number)
    });
    let nvme = word
        .strip_prefix("nvme")
        .is_some_and(|rest| rest.len() <= 8 && rest.split(['n', 'p']).all(|part| !part.is_empty() && digits(part)));
    lettered || nvme
}

/// `v2`, as in the name of an interface.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|rest| (1..=4).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit()))
}

//! Expectations and matchers: which matcher fits which type, and the words that evidence shows for it.

use super::places::{self, Part};
use super::reader::Reader;
use crate::diagnostic::{Problem, closest};
use crate::matcher::{Expectation, Matcher, Pattern, Test, UrlTest};
use crate::resource::{self, Field};
use crate::rule::matchers::{Name, fitting};
use crate::value::{List, Net, Observed, Type, Value, time};
use crate::yaml::{Kind, Node};

const COMBINATORS: [&str; 3] = ["all_of", "any_of", "not"];
/// Bytes of a regex as it is written.
const REGEX_TEXT: usize = 2048;
/// Regexes of a rule, so that what it takes to compile one is bounded too.
const MAX_REGEXES: usize = 64;

/// A matcher and how evidence words it.
type Worded = (Matcher, String);

impl Reader<'_> {
    /// A map of fields to matchers, with `all_of`, `any_of` and `not` over such maps.
    pub(super) fn expectation(
        &self,
        node: &Node,
        table: &'static [Field],
        as_type: Type,
        of: &str,
    ) -> Option<Expectation> {
        let Some(entries) = node.mapping() else {
            self.expected(node, &format!("fields of {of}, such as `{}: …`", table.first().map_or("field", |f| f.name)));
            return None;
        };
        if entries.is_empty() {
            self.expected(node, &format!("at least one field of {of}"));
            return None;
        }
        let mut parts = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match key.name.as_str() {
                "all_of" => parts.extend(self.expectations(value, table, as_type, of).map(Expectation::All)),
                "any_of" => parts.extend(self.expectations(value, table, as_type, of).map(Expectation::Any)),
                "not" => parts.extend(self.expectation(value, table, as_type, of).map(Expectation::negate)),
                name => match table.iter().position(|field| field.name == name) {
                    Some(index) => {
                        let declared = table.get(index).map_or(Type::As, |field| field.ty);
                        let ty = if matches!(declared, Type::As) { as_type } else { declared };
                        if matches!((declared, ty), (Type::As, Type::Text)) {
                            self.refuse_truth(value);
                        }
                        let outer = self.read_as.replace(matches!(declared, Type::As));
                        let (worded, inputs) = self.noting_inputs(|| self.matcher(value, ty));
                        self.read_as.set(outer);
                        let inputs = inputs.into_iter().map(String::into).collect();
                        parts.extend(worded.map(|(matcher, expected)| Expectation::Field {
                            index,
                            matcher,
                            expected: expected.into(),
                            inputs,
                        }));
                    }
                    None => {
                        let known = table.iter().map(|field| field.name).chain(COMBINATORS);
                        match places::elsewhere(Part::Fields)(name).or_else(|| parameter(of, name)) {
                            Some(help) => self.misplaced(&key.span, "field", name, of, help),
                            None => self.unknown_name(&key.span, "field", name, known, of),
                        }
                    }
                },
            }
        }
        match parts.len() {
            1 => parts.pop(),
            _ => Some(Expectation::All(parts)),
        }
    }

    /// Text that is compared with `true` is compared with these four letters, which is seldom meant.
    fn refuse_truth(&self, node: &Node) {
        let operand = node.get("equals").unwrap_or(node);
        if let Kind::Scalar { text, quoted: false } = &operand.kind
            && ["true", "false"].contains(&text.as_str())
        {
            let message = format!("this value is read as text, which `{text}` would be compared with letter by letter");
            let help = format!("add `as: bool` under `with:`; or write \"{text}\" if these letters are meant");
            self.report(Problem::new(operand.span.clone(), message).help(help));
        }
    }

    fn expectations(&self, node: &Node, table: &'static [Field], as_type: Type, of: &str) -> Option<Vec<Expectation>> {
        let items = self.alternatives(node)?;
        Some(items.iter().filter_map(|item| self.expectation(item, table, as_type, of)).collect())
    }

    fn alternatives<'n>(&self, node: &'n Node) -> Option<&'n [Node]> {
        match node.sequence() {
            Some(items) if !items.is_empty() => Some(items),
            Some(_) | None => {
                self.expected(node, "a list of alternatives");
                None
            }
        }
    }

    /// What is expected of one field: a value, or a map of matchers all of which must hold.
    pub(super) fn matcher(&self, node: &Node, ty: Type) -> Option<Worded> {
        if let Some(tag) = &node.tag {
            let help = match tag.as_str() {
                "absent" => "to expect that it is not there, write `{ exists: false }`",
                _ => "tags belong in a rule's tests",
            };
            self.report(Problem::new(node.span.clone(), format!("`!{tag}` cannot be expected")).help(help));
            return None;
        }
        let node = &*self.resolve(node);
        match &node.kind {
            Kind::Scalar { .. } => self.scalar_matcher(node, ty),
            Kind::Sequence(_) => match ty {
                Type::List(_) => self.named("equals", node, ty),
                _ => {
                    let problem = Problem::new(node.span.clone(), format!("this field is a {}, not a list", ty.name()));
                    self.report(problem.help("to allow several values, write `{ in: [ … ] }`"));
                    None
                }
            },
            Kind::Mapping(entries) if entries.is_empty() => {
                self.expected(node, "a value or a matcher");
                None
            }
            Kind::Mapping(entries) => {
                let mut all = Vec::with_capacity(entries.len());
                for (key, operand) in entries {
                    if Name::ALL.iter().any(|name| name.as_str() == key.name) {
                        all.extend(self.named(&key.name, operand, ty));
                    } else {
                        self.unknown_matcher(key, ty);
                    }
                }
                combine(all, " and ", Matcher::All)
            }
        }
    }

    fn unknown_matcher(&self, key: &crate::yaml::Key, ty: Type) {
        let name = key.name.as_str();
        let problem = Problem::new(key.span.clone(), format!("`{name}` is no matcher"));
        let names: Vec<&str> = fitting(ty).map(Name::as_str).collect();
        let negated =
            name.strip_prefix("not_").or_else(|| name.strip_prefix("no_")).filter(|rest| names.contains(rest));
        let help = match (negated, closest(name, names.iter().copied()), ty) {
            (Some(negated), ..) => format!("write `not: {{ {negated}: … }}`"),
            (None, Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, None, Type::Record(_)) => "this field is a record: put the fields under `key:`".to_owned(),
            (None, None, Type::List(_)) => {
                "this field is a list: say of which items, with `every:`, `some:` or `none:`".to_owned()
            }
            (None, None, Type::Map(_)) => format!("for what the map has under `{name}`, write `key: {{ {name}: … }}`"),
            (None, None, _) => format!("those that fit a {} are: {}", ty.name(), names.join(", ")),
        };
        self.report(problem.help(help));
    }

    fn scalar_matcher(&self, node: &Node, ty: Type) -> Option<Worded> {
        match ty {
            Type::List(_) => {
                let problem = Problem::new(node.span.clone(), format!("this field is a {}", ty.name()));
                let text = node.text().unwrap_or_default();
                self.report(problem.help(format!("did you mean `{{ has: {text} }}`?")));
                None
            }
            _ => self.named("equals", node, ty),
        }
    }

    fn named(&self, name: &str, operand: &Node, ty: Type) -> Option<Worded> {
        let operand = &*self.resolve(operand);
        match name {
            "not" => self.matcher(operand, ty).map(|(matcher, words)| (matcher.negate(), format!("not {words}"))),
            "all_of" | "any_of" => {
                let all: Vec<_> =
                    self.alternatives(operand)?.iter().filter_map(|item| self.matcher(item, ty)).collect();
                let (join, build): (_, fn(Vec<Matcher>) -> Matcher) =
                    if name == "all_of" { (" and ", Matcher::All) } else { (" or ", Matcher::Any) };
                combine(all, join, build)
            }
            "exists" => {
                let wanted = self.word(operand, &[("true", true), ("false", false)], "truth value")?;
                Some((Matcher::leaf(Test::Exists(wanted)), if wanted { "present" } else { "absent" }.to_owned()))
            }
            "equals" => self.equals(operand, ty),
            "in" => self.is_in(operand, ty),
            "at_least" | "at_most" => self.bound(name, operand, ty),
            "matches" => self.regex(operand, ty),
            "has" => self.has(operand, ty),
            "within" => self.within(operand, ty),
            "count" => self.count(operand, ty),
            "every" | "some" | "none" => self.items(name, operand, ty),
            "key" => self.key(operand, ty),
            "secret" => self.secret(operand, ty),
            "url" => self.url(operand, ty),
            _ => None,
        }
    }

    /// Notes that the matcher does not fit the field's type.
    fn misfit(&self, operand: &Node, matcher: &str, ty: Type) -> Option<Worded> {
        let problem = Problem::new(operand.span.clone(), format!("`{matcher}` does not fit a {}", ty.name()));
        let help = match ty {
            Type::List(_) => {
                "this field is a list: say of which items, with `every:`, `some:`, `none:`, `has:` or `count:`"
            }
            Type::Map(_) => "this field is a map: use `key:`, `every:`, `some:`, `none:`, `has:` or `count:`",
            Type::Secret => "a secret is judged by `secret:` or `exists:`; its value is never kept",
            Type::Mode | Type::Integer | Type::Size | Type::Duration | Type::Time | Type::Version => {
                "use `equals`, `in`, `at_least` or `at_most`"
            }
            Type::Net => "use `equals`, `in` or `within`",
            Type::Bool(_) => "write `true` or `false`",
            Type::Text | Type::Url | Type::As => "use `equals`, `in` or `matches`",
            Type::Word(vocabulary) if vocabulary.ordered => "use `equals`, `in`, `at_least` or `at_most`",
            Type::Word(_) => "its words have no order: use `equals` or `in`",
            Type::Record(_) => "put its fields under `every:`, `some:` or `none:` of the list",
        };
        let other = match self.read_as.get() {
            true => "; to read it as another type, write `as: text` or such under `with:`",
            false => "",
        };
        self.report(problem.help(format!("{help}{other}")));
        None
    }

    /// A single operand of the field's type.
    fn operand(&self, node: &Node, ty: Type) -> Option<Value> {
        let node = &*self.resolve(node);
        let Kind::Scalar { text, quoted } = &node.kind else {
            self.expected(node, &format!("a {}", ty.name()));
            return None;
        };
        if text.is_empty() && !quoted {
            self.report(
                Problem::new(node.span.clone(), format!("expected a {}, found nothing", ty.name()))
                    .help("write `\"\"` for empty text, `{ exists: false }` for none"),
            );
            return None;
        }
        let parsed = ty.parse(text);
        if let (Type::Mode, false) = (ty, quoted) {
            let digits = text.trim_start_matches("0o").trim_start_matches('0');
            let problem = Problem::new(node.span.clone(), "a mode is written in octal and in quotes");
            let meant = format!("0{digits:0>3}");
            self.report(match ty.parse(&meant) {
                Ok(_) => problem.help(format!("did you mean \"{meant}\"?")),
                Err(_) => problem.help("for example \"0640\""),
            });
            return None;
        }
        parsed
            .map_err(|expected| {
                let problem = Problem::new(node.span.clone(), format!("expected {expected}, found `{text}`"));
                self.report(match ty {
                    Type::Word(vocabulary) => problem.suggest(text, vocabulary.words.iter().copied()),
                    Type::Mode => problem.help("for example \"0640\""),
                    Type::Time | Type::Duration => problem.help(span_help(text, ty)),
                    _ => problem,
                });
            })
            .ok()
    }

    fn operands(&self, node: &Node, ty: Type) -> Option<Vec<Value>> {
        match node.sequence() {
            Some(items) if !items.is_empty() => Some(items.iter().filter_map(|item| self.operand(item, ty)).collect()),
            Some(_) | None => {
                self.expected(node, "a list of values");
                None
            }
        }
    }

    fn equals(&self, operand: &Node, ty: Type) -> Option<Worded> {
        let value = match ty {
            Type::Secret | Type::Map(_) | Type::Record(_) => return self.misfit(operand, "equals", ty),
            Type::List(item) => {
                let Some(items) = operand.sequence() else { return self.misfit(operand, "equals", ty) };
                let items = items.iter().filter_map(|node| self.operand(node, *item).map(Observed::Known)).collect();
                Value::List(List { items, more: None })
            }
            _ => self.operand(operand, ty)?,
        };
        let words = value.to_string();
        Some((Matcher::leaf(Test::Equals(value)), words))
    }

    fn is_in(&self, operand: &Node, ty: Type) -> Option<Worded> {
        match ty {
            Type::Secret | Type::Map(_) | Type::Record(_) | Type::List(_) => self.misfit(operand, "in", ty),
            _ => {
                let values = self.operands(operand, ty)?;
                let words = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Some((Matcher::leaf(Test::In(values)), format!("one of {words}")))
            }
        }
    }

    fn bound(&self, name: &str, operand: &Node, ty: Type) -> Option<Worded> {
        let lower = name == "at_least";
        let words = if lower { "at least" } else { "at most" };
        if !ty.is_ordered() {
            return self.misfit(operand, name, ty);
        }
        let relative = operand.text().and_then(time::parse_relative);
        if let (Type::Time, Some(offset)) = (ty, relative) {
            let test = if lower { Test::NotBefore(offset) } else { Test::NotAfter(offset) };
            return Some((Matcher::leaf(test), relative_words(lower, offset)));
        }
        let value = self.operand(operand, ty)?;
        let words = format!("{words} {value}");
        Some((Matcher::leaf(if lower { Test::AtLeast(value) } else { Test::AtMost(value) }), words))
    }

    fn regex(&self, operand: &Node, ty: Type) -> Option<Worded> {
        if !matches!(ty, Type::Text | Type::Url | Type::As) {
            return self.misfit(operand, "matches", ty);
        }
        let text = self.text(operand)?;
        self.regexes.set(self.regexes.get() + 1);
        if self.regexes.get() > MAX_REGEXES {
            let problem = Problem::new(operand.span.clone(), format!("more than {MAX_REGEXES} regular expressions"));
            self.report(problem.help("join them by `|`, or write several rules"));
            return None;
        }
        if text.len() > REGEX_TEXT {
            let message = format!("a regular expression of more than {REGEX_TEXT} bytes");
            self.report(Problem::new(operand.span.clone(), message));
            return None;
        }
        let mut pattern = Pattern::new(text);
        let built = match (self.budget, self.build_regexes) {
            (Some(_), _) => {
                let bound = pattern.bound();
                // One that is refused in the end took as much as the largest.
                let bytes = *bound.as_ref().unwrap_or(&Pattern::LARGEST);
                bound.map(|_| self.charge(&operand.span, |budget| budget.regexes(bytes)))
            }
            (None, true) => pattern.build().map(|_| true).map_err(str::to_owned),
            (None, false) => Ok(true),
        };
        if let Err(cause) = built {
            self.report(Problem::new(operand.span.clone(), format!("not a regular expression: {cause}")));
            return None;
        }
        Some((Matcher::leaf(Test::Matches(pattern)), format!("matching {text}")))
    }

    fn has(&self, operand: &Node, ty: Type) -> Option<Worded> {
        let item = match ty {
            Type::List(Type::Record(_)) => return self.misfit(operand, "has", ty),
            Type::List(item) => *item,
            Type::Map(_) => Type::Text,
            _ => return self.misfit(operand, "has", ty),
        };
        let value = self.operand(operand, item)?;
        let words = format!("having {value}");
        Some((Matcher::leaf(Test::Has(value)), words))
    }

    fn within(&self, operand: &Node, ty: Type) -> Option<Worded> {
        if !matches!(ty, Type::Net) {
            return self.misfit(operand, "within", ty);
        }
        let values = match operand.sequence() {
            Some(_) => self.operands(operand, ty)?,
            None => vec![self.operand(operand, ty)?],
        };
        let nets: Vec<Net> =
            values.into_iter().filter_map(|value| if let Value::Net(net) = value { Some(net) } else { None }).collect();
        let words = nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Some((Matcher::leaf(Test::Within(nets)), format!("within {words}")))
    }

    fn count(&self, operand: &Node, ty: Type) -> Option<Worded> {
        if !matches!(ty, Type::List(_) | Type::Map(_)) {
            return self.misfit(operand, "count", ty);
        }
        let (at_least, at_most) = if operand.text().is_some() {
            let exact = self.number(operand)?;
            (exact, exact)
        } else {
            let mut bounds = (0, usize::MAX);
            for (key, value) in self.keys(operand, &["at_least", "at_most"], "`count`") {
                match key.name.as_str() {
                    "at_least" => bounds.0 = self.number(value)?,
                    "at_most" => bounds.1 = self.number(value)?,
                    _ => {}
                }
            }
            bounds
        };
        let words = match (at_least, at_most) {
            (least, usize::MAX) => format!("at least {least} items"),
            (least, most) if least == most => format!("{least} items"),
            (least, most) => format!("between {least} and {most} items"),
        };
        Some((Matcher::leaf(Test::Count { at_least, at_most }), words))
    }

    fn items(&self, name: &str, operand: &Node, ty: Type) -> Option<Worded> {
        let (Type::List(item) | Type::Map(item)) = ty else { return self.misfit(operand, name, ty) };
        let (matcher, words) = match item {
            Type::Record(table) => {
                let expectation = self.expectation(operand, table, Type::Text, "its items")?;
                let words = expectation_words(&expectation, table);
                (Matcher::Record(Box::new(expectation)), words)
            }
            item => self.matcher(operand, *item)?,
        };
        Some(match name {
            "every" => (Matcher::Every(Box::new(matcher)), format!("every item {words}")),
            "some" => (Matcher::Some(Box::new(matcher)), format!("some item {words}")),
            _ => (Matcher::Every(Box::new(matcher.negate())), format!("no item {words}")),
        })
    }

    fn key(&self, operand: &Node, ty: Type) -> Option<Worded> {
        let Type::Map(item) = ty else { return self.misfit(operand, "key", ty) };
        let Some(entries) = operand.mapping() else {
            self.expected(operand, "keys with what is expected of them");
            return None;
        };
        let all = entries.iter().filter_map(|(key, value)| {
            let (matcher, words) = self.matcher(value, *item)?;
            Some((Matcher::Key(key.name.as_str().into(), Box::new(matcher)), format!("{} {words}", key.name)))
        });
        combine(all.collect(), " and ", Matcher::All)
    }

    fn secret(&self, operand: &Node, ty: Type) -> Option<Worded> {
        if !matches!(ty, Type::Secret) {
            return self.misfit(operand, "secret", ty);
        }
        let (mut min_length, mut min_entropy_bits, mut placeholder_allowed) = (0, 0, false);
        let mut words = Vec::new();
        for (key, value) in self.keys(operand, &["length", "entropy_bits", "placeholder"], "`secret`") {
            let value = &*self.resolve(value);
            match key.name.as_str() {
                "length" => {
                    min_length = self.number(value)?;
                    words.push(format!("at least {min_length} bytes"));
                }
                "entropy_bits" => {
                    min_entropy_bits = u32::try_from(self.number(value)?).unwrap_or(u32::MAX);
                    words.push(format!("at least {min_entropy_bits} bits of entropy"));
                }
                "placeholder" => {
                    placeholder_allowed = self.word(value, &[("true", true), ("false", false)], "truth value")?
                }
                _ => {}
            }
        }
        if !placeholder_allowed {
            words.push("not a placeholder".to_owned());
        }
        Some((Matcher::leaf(Test::Secret { min_length, min_entropy_bits, placeholder_allowed }), words.join(", ")))
    }

    fn url(&self, operand: &Node, ty: Type) -> Option<Worded> {
        if !matches!(ty, Type::Text | Type::Url) {
            return self.misfit(operand, "url", ty);
        }
        let mut test = UrlTest::default();
        let mut words = Vec::new();
        for (key, value) in self.keys(operand, &["scheme", "host", "port", "userinfo"], "`url`") {
            let value = &*self.resolve(value);
            let lower = || self.texts(value).iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
            match key.name.as_str() {
                "scheme" => test.schemes = Some(lower()),
                "host" => test.hosts = Some(lower()),
                "port" => {
                    let ports = lower().iter().map(|text| text.parse().ok()).collect::<Option<Vec<u16>>>();
                    if ports.is_none() {
                        self.expected(value, "port numbers");
                    }
                    test.ports = ports;
                }
                "userinfo" => test.userinfo = self.word(value, &[("true", true), ("false", false)], "truth value"),
                _ => {}
            }
            words.push(format!("{} {}", key.name, self.texts(value).join(" or ")));
        }
        Some((Matcher::leaf(Test::Url(test)), format!("a URL with {}", words.join(", "))))
    }
}

/// What to write for a span of time that was written in another way.
pub(super) fn span_help(text: &str, ty: Type) -> String {
    let text = text.trim_start_matches('+');
    let digits = text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().chars().next().unwrap_or('d');
    let meant = format!("{digits}{}", unit.to_ascii_lowercase());
    let meant = if time::parse_relative(&meant).is_some() { meant } else { "21d".to_owned() };
    match ty {
        Type::Time => format!("a bound may be relative to now: `{meant}` lies ahead, `now-{meant}` has passed"),
        _ => format!("did you mean `{meant}`?"),
    }
}

/// Where a parameter of a resource belongs that was written as a field.
fn parameter(resource: &str, name: &str) -> Option<String> {
    let params = resource::find(resource)?.params;
    params.iter().any(|param| param.name == name).then(|| format!("`{name}:` is a parameter: it belongs under `with:`"))
}

fn combine(mut all: Vec<Worded>, join: &str, build: fn(Vec<Matcher>) -> Matcher) -> Option<Worded> {
    if all.len() < 2 {
        return all.pop();
    }
    let (matchers, words): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    Some((build(matchers), words.join(join)))
}

fn relative_words(lower: bool, offset: i64) -> String {
    let side = if lower { "not before" } else { "not after" };
    let span = crate::value::duration::show(offset.saturating_abs());
    match offset {
        0 => format!("{side} now"),
        1.. => format!("{side} {span} from now"),
        _ => format!("{side} {span} ago"),
    }
}

/// The words of a record's expectation: `rw true and destination /etc`.
fn expectation_words(expectation: &Expectation, table: &'static [Field]) -> String {
    let join = |parts: &[Expectation], with: &str| {
        parts.iter().map(|part| expectation_words(part, table)).collect::<Vec<_>>().join(with)
    };
    match expectation {
        Expectation::Field { index, expected, .. } => {
            format!("{} {expected}", table.get(*index).map_or("", |field| field.name))
        }
        Expectation::All(parts) => join(parts, " and "),
        Expectation::Any(parts) => join(parts, " or "),
    }
}

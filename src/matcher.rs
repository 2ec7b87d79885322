//! Predicates on fields, compiled and ready to judge.
//!
//! Negation is pushed to the leaves when a matcher is built, so that each leaf knows whether it stands under a `not`:
//! a value that the program itself would not understand then fails either way, instead of passing its negation.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use crate::truth::Truth;
use crate::value::{List, Net, Observed, Record, Value, mode};

/// What judging depends on besides the value.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Seconds since the epoch.
    pub now: i64,
    /// What a value that its program would not understand counts as: false where it is judged, unknown where it selects.
    pub invalid: Truth,
}

/// A predicate on one observed field.
#[derive(Debug)]
pub enum Matcher {
    Leaf {
        test: Test,
        negated: bool,
    },
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    /// Every item of a list, or every value of a map.
    Every(Box<Matcher>),
    /// At least one of these.
    Some(Box<Matcher>),
    /// The value of a map's key.
    Key(Box<str>, Box<Matcher>),
    /// The fields of a record.
    Record(Box<Expectation>),
}

/// A test on a single value.
#[derive(Debug)]
pub enum Test {
    Equals(Value),
    In(Vec<Value>),
    AtLeast(Value),
    AtMost(Value),
    /// The moment, in seconds relative to now, that a time is not before.
    NotBefore(i64),
    /// The moment, in seconds relative to now, that a time is not after.
    NotAfter(i64),
    Matches(Pattern),
    Within(Vec<Net>),
    /// A list's item or a map's key.
    Has(Value),
    Exists(bool),
    /// Between these numbers of items, inclusive.
    Count {
        at_least: usize,
        at_most: usize,
    },
    Secret {
        min_length: usize,
        min_entropy_bits: u32,
        placeholder_allowed: bool,
    },
    Url(UrlTest),
}

/// Bytes of a compiled regex.
const REGEX_LIMIT: usize = 1 << 18;
/// The sizes that a stranger's regex is tried with, so that few bytes are charged for a small one.
const REGEX_SIZES: [usize; 3] = [1 << 14, 1 << 16, REGEX_LIMIT];

/// A regex, built when it is first needed: most runs need few of those that the rules hold.
#[derive(Debug)]
pub struct Pattern {
    text: Box<str>,
    /// Bytes that it may take, and as many again for what matching keeps, where that is bounded too.
    size: usize,
    bounded: bool,
    regex: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    /// Bytes of the largest regex that a stranger may have.
    pub(crate) const LARGEST: usize = REGEX_LIMIT;

    pub fn new(text: &str) -> Self {
        Pattern { text: text.into(), size: REGEX_LIMIT, bounded: false, regex: OnceLock::new() }
    }

    /// The regex as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The regex, bounded in size and depth; or what is wrong with it.
    pub fn build(&self) -> Result<&Regex, &str> {
        self.regex.get_or_init(|| self.compile(self.size)).as_ref().map_err(String::as_str)
    }

    /// Bounds what the regex takes when it is built and when it matches, and tells how many bytes that are; or what is
    /// wrong with it. It is not kept yet: of many rules few are needed.
    pub fn bound(&mut self) -> Result<usize, String> {
        self.bounded = true;
        let mut built = Err(String::new());
        for size in REGEX_SIZES {
            built = self.compile(size).map(|_| size);
            if built.is_ok() {
                self.size = size;
                break;
            }
        }
        built
    }

    fn compile(&self, size: usize) -> Result<Regex, String> {
        let mut builder = RegexBuilder::new(&self.text);
        builder.size_limit(size).nest_limit(50);
        if self.bounded {
            builder.dfa_size_limit(size);
        }
        builder.build().map_err(|error| {
            let cause = error.to_string();
            cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        })
    }
}

/// What a URL is asked.
#[derive(Debug, Default)]
pub struct UrlTest {
    pub schemes: Option<Vec<String>>,
    pub hosts: Option<Vec<String>>,
    pub ports: Option<Vec<u16>>,
    /// Whether a user or password may stand in it.
    pub userinfo: Option<bool>,
}

/// Which fields a subject must have and how, with the words for evidence.
#[derive(Debug)]
pub enum Expectation {
    Field {
        index: usize,
        matcher: Matcher,
        expected: Box<str>,
        /// Inputs that its operands were taken from.
        inputs: Box<[Box<str>]>,
    },
    All(Vec<Expectation>),
    Any(Vec<Expectation>),
}

impl Expectation {
    pub fn judge(&self, record: &Record, context: Context) -> Truth {
        match self {
            Expectation::Field { index, matcher, .. } => match record.fields.get(*index) {
                Some(observed) => matcher.judge(observed, context),
                None => Truth::Unknown,
            },
            Expectation::All(parts) => Truth::all(parts.iter().map(|part| part.judge(record, context))),
            Expectation::Any(parts) => Truth::any(parts.iter().map(|part| part.judge(record, context))),
        }
    }

    /// The fields that are as `wanted`, with what was expected of them.
    pub fn fields_that_are<'e>(
        &'e self,
        wanted: Truth,
        record: &Record,
        context: Context,
        visit: &mut impl FnMut(usize, &'e str),
    ) {
        match self {
            Expectation::Field { index, expected, .. } => {
                if self.judge(record, context) == wanted {
                    visit(*index, expected);
                }
            }
            Expectation::All(parts) | Expectation::Any(parts) => {
                for part in parts {
                    part.fields_that_are(wanted, record, context, visit);
                }
            }
        }
    }

    /// The opposite expectation.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Expectation::Field { index, matcher, expected, inputs } => {
                let expected = match expected.strip_prefix("not ") {
                    Some(inner) => inner.into(),
                    None => format!("not {expected}").into(),
                };
                Expectation::Field { index, matcher: matcher.negate(), expected, inputs }
            }
            Expectation::All(parts) => Expectation::Any(parts.into_iter().map(Expectation::negate).collect()),
            Expectation::Any(parts) => Expectation::All(parts.into_iter().map(Expectation::negate).collect()),
        }
    }
}

impl Matcher {
    pub fn leaf(test: Test) -> Self {
        Matcher::Leaf { test, negated: false }
    }

    /// The opposite matcher, negated down to its leaves.
    #[must_use]
    pub fn negate(self) -> Self {
        let each = |parts: Vec<Matcher>| parts.into_iter().map(Matcher::negate).collect();
        match self {
            Matcher::Leaf { test, negated } => Matcher::Leaf { test, negated: !negated },
            Matcher::All(parts) => Matcher::Any(each(parts)),
            Matcher::Any(parts) => Matcher::All(each(parts)),
            Matcher::Every(item) => Matcher::Some(Box::new(item.negate())),
            Matcher::Some(item) => Matcher::Every(Box::new(item.negate())),
            Matcher::Key(key, value) => Matcher::Key(key, Box::new(value.negate())),
            Matcher::Record(expectation) => Matcher::Record(Box::new(expectation.negate())),
        }
    }

    pub fn judge(&self, observed: &Observed, context: Context) -> Truth {
        match self {
            Matcher::Leaf { test, negated } => test.judge(observed, *negated, context),
            Matcher::All(parts) => Truth::all(parts.iter().map(|part| part.judge(observed, context))),
            Matcher::Any(parts) => Truth::any(parts.iter().map(|part| part.judge(observed, context))),
            // An invalid list holds no items of which anything could be said: it answers the same whichever way it is asked.
            Matcher::Every(_) if matches!(observed, Observed::Known(Value::Invalid(_))) => context.invalid,
            Matcher::Every(item) => !judge_some(observed, context, |seen| !item.judge(seen, context)),
            Matcher::Some(item) => judge_some(observed, context, |seen| item.judge(seen, context)),
            Matcher::Key(key, value) => match observed {
                Observed::Known(Value::Map(map)) => value.judge(map.get(key).unwrap_or(&Observed::Absent), context),
                Observed::Known(Value::Invalid(_)) => context.invalid,
                Observed::Unknown(_) => Truth::Unknown,
                Observed::Absent | Observed::Known(_) => value.judge(&Observed::Absent, context),
            },
            Matcher::Record(expectation) => match observed {
                Observed::Known(Value::Record(record)) => expectation.judge(record, context),
                Observed::Known(Value::Invalid(_)) => context.invalid,
                Observed::Unknown(_) => Truth::Unknown,
                Observed::Absent | Observed::Known(_) => Truth::False,
            },
        }
    }
}

/// Whether some item or value holds; a list that was cut short may still hold one.
fn judge_some(observed: &Observed, context: Context, holds: impl Fn(&Observed) -> Truth) -> Truth {
    match observed {
        Observed::Known(Value::List(list)) => {
            let unseen = list.more.iter().map(|_| Truth::Unknown);
            Truth::any(list.items.iter().map(holds).chain(unseen))
        }
        Observed::Known(Value::Map(map)) => Truth::any(map.values().map(holds)),
        Observed::Known(Value::Invalid(_)) => context.invalid,
        Observed::Unknown(_) => Truth::Unknown,
        Observed::Absent | Observed::Known(_) => Truth::False,
    }
}

impl Test {
    fn judge(&self, observed: &Observed, negated: bool, context: Context) -> Truth {
        let holds = match (self, observed) {
            (_, Observed::Unknown(_)) => return Truth::Unknown,
            (Test::Exists(wanted), Observed::Absent) => Truth::from(!*wanted),
            (Test::Exists(wanted), Observed::Known(_)) => Truth::from(*wanted),
            (_, Observed::Absent) => Truth::False,
            (_, Observed::Known(Value::Invalid(_))) => return context.invalid,
            (_, Observed::Known(value)) => {
                // The answer is turned at the end; what an invalid item makes of it must come out as the context says.
                let invalid = if negated { !context.invalid } else { context.invalid };
                self.holds(value, Context { invalid, ..context })
            }
        };
        if negated { !holds } else { holds }
    }

    fn holds(&self, value: &Value, context: Context) -> Truth {
        match (self, value) {
            (Test::Equals(Value::List(wanted)), Value::List(seen)) => same_members(wanted, seen, context.invalid),
            (Test::Equals(wanted), _) => Truth::from(equal(wanted, value)),
            (Test::In(words), _) => Truth::from(words.iter().any(|word| equal(word, value))),
            (Test::AtLeast(limit), _) => Truth::from(compare(value, limit).is_some_and(std::cmp::Ordering::is_ge)),
            (Test::AtMost(Value::Mode(limit)), Value::Mode(seen)) => Truth::from(mode::is_within(*seen, *limit)),
            (Test::AtMost(limit), _) => Truth::from(compare(value, limit).is_some_and(std::cmp::Ordering::is_le)),
            (Test::NotBefore(offset), Value::Time(time)) => Truth::from(*time >= context.now.saturating_add(*offset)),
            (Test::NotAfter(offset), Value::Time(time)) => Truth::from(*time <= context.now.saturating_add(*offset)),
            (Test::Matches(pattern), Value::Text(text)) => match pattern.build() {
                Ok(regex) => Truth::from(regex.is_match(text)),
                Err(_) => Truth::Unknown,
            },
            (Test::Within(nets), Value::Net(net)) => Truth::from(net.is_within(nets)),
            (Test::Has(item), Value::List(list)) => list_has(list, item, context.invalid),
            (Test::Has(Value::Text(key)), Value::Map(map)) => Truth::from(map.contains_key(key)),
            (Test::Count { at_least, at_most }, Value::List(list)) => count(list, *at_least, *at_most),
            (Test::Count { at_least, at_most }, Value::Map(map)) => {
                Truth::from((*at_least..=*at_most).contains(&map.len()))
            }
            (Test::Secret { min_length, min_entropy_bits, placeholder_allowed }, Value::Secret(secret)) => Truth::from(
                secret.length >= *min_length
                    && secret.entropy_bits >= *min_entropy_bits
                    && (*placeholder_allowed || !secret.placeholder),
            ),
            (Test::Url(test), Value::Text(text)) => Truth::from(test.holds(text)),
            (Test::Exists(wanted), _) => Truth::from(*wanted),
            // The compiler pairs tests with types; a pair that it does not make is not a match.
            _ => Truth::False,
        }
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Version(_), Value::Version(_)) => compare(a, b).is_some_and(std::cmp::Ordering::is_eq),
        (Value::Net(a), Value::Net(b)) => a.is_within(std::slice::from_ref(b)) && b.is_within(std::slice::from_ref(a)),
        _ => a == b,
    }
}

fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b))
        | (Value::Duration(a), Value::Duration(b))
        | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Size(a), Value::Size(b)) => Some(a.cmp(b)),
        (Value::Version(a), Value::Version(b)) => a.partial_cmp(b),
        (Value::Word(a), Value::Word(b)) => Some(a.rank().cmp(&b.rank())),
        // "At least 0640" for a mode: it grants all of these bits.
        (Value::Mode(a), Value::Mode(b)) => mode::is_within(*b, *a).then_some(std::cmp::Ordering::Greater),
        _ => None,
    }
}

fn list_has(list: &List, item: &Value, invalid: Truth) -> Truth {
    let seen = list.items.iter().map(|observed| match observed {
        Observed::Known(Value::Invalid(_)) => invalid,
        Observed::Known(value) => Truth::from(equal(value, item)),
        Observed::Absent => Truth::False,
        Observed::Unknown(_) => Truth::Unknown,
    });
    Truth::any(seen.chain(list.more.iter().map(|_| Truth::Unknown)))
}

/// Lists are equal when each has the members of the other; order and repetition say nothing.
fn same_members(wanted: &List, seen: &List, invalid: Truth) -> Truth {
    let all_wanted = wanted.items.iter().filter_map(|item| match item {
        Observed::Known(value) => Some(list_has(seen, value, invalid)),
        Observed::Absent | Observed::Unknown(_) => None,
    });
    let no_others = seen.items.iter().map(|item| match item {
        Observed::Known(Value::Invalid(_)) => invalid,
        Observed::Known(value) => list_has(wanted, value, invalid),
        Observed::Absent => Truth::True,
        Observed::Unknown(_) => Truth::Unknown,
    });
    Truth::all(all_wanted.chain(no_others).chain(seen.more.iter().map(|_| Truth::Unknown)))
}

fn count(list: &List, at_least: usize, at_most: usize) -> Truth {
    let seen = list.items.len();
    if list.more.is_none() {
        return Truth::from((at_least..=at_most).contains(&seen));
    }
    if seen > at_most {
        Truth::False
    } else if seen >= at_least && at_most == usize::MAX {
        Truth::True
    } else {
        Truth::Unknown
    }
}

impl UrlTest {
    fn holds(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let (host, port) = split_port(host_port);
        let scheme = scheme.to_ascii_lowercase();
        let port = match port {
            Some(text) => text.parse().ok(),
            None => default_port(&scheme),
        };
        let host = host.to_ascii_lowercase();
        self.schemes.as_ref().is_none_or(|allowed| allowed.contains(&scheme))
            && self.hosts.as_ref().is_none_or(|allowed| allowed.contains(&host))
            && self.ports.as_ref().is_none_or(|allowed| port.is_some_and(|port| allowed.contains(&port)))
            && self.userinfo.is_none_or(|wanted| wanted == userinfo.is_some())
    }
}

fn split_port(host_port: &str) -> (&str, Option<&str>) {
    match host_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (host_port, None),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "postgres" | "postgresql" => Some(5432),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Reason;
    use crate::value::vocabulary::SSLMODE;

    const CONTEXT: Context = Context { now: 1_000_000, invalid: Truth::False };

    fn judge(test: Test, observed: impl Into<Observed>) -> Truth {
        Matcher::leaf(test).judge(&observed.into(), CONTEXT)
    }

    fn unknown() -> Observed {
        Observed::unknown("denied")
    }

    fn list(items: Vec<Observed>, more: bool) -> Observed {
        let more = more.then(|| Reason::new("cut short"));
        Observed::Known(Value::List(List { items, more }))
    }

    #[test]
    fn absent_and_unknown_are_never_merged() {
        assert_eq!(judge(Test::Exists(false), Observed::Absent), Truth::True);
        assert_eq!(judge(Test::Exists(false), unknown()), Truth::Unknown);
        assert_eq!(judge(Test::Equals(true.into()), Observed::Absent), Truth::False);
        let negated = Matcher::leaf(Test::Equals(true.into())).negate();
        assert_eq!(negated.judge(&Observed::Absent, CONTEXT), Truth::True);
        assert_eq!(negated.judge(&unknown(), CONTEXT), Truth::Unknown);
    }

    #[test]
    fn what_its_program_does_not_understand_fails_also_under_not() {
        let invalid = Observed::Known(Value::Invalid("yes".into()));
        let build = || Matcher::All(vec![Matcher::leaf(Test::Equals(true.into()))]);
        assert_eq!(build().judge(&invalid, CONTEXT), Truth::False);
        assert_eq!(build().negate().judge(&invalid, CONTEXT), Truth::False);
        let selecting = Context { invalid: Truth::Unknown, ..CONTEXT };
        assert_eq!(build().negate().judge(&invalid, selecting), Truth::Unknown);
    }

    #[test]
    fn an_invalid_list_or_item_passes_neither_way() {
        let invalid = || Observed::Known(Value::Invalid("?".into()));
        let is_a = || Matcher::leaf(Test::Equals("a".into()));
        let wanted = || match list(vec!["a".into()], false) {
            Observed::Known(value) => Test::Equals(value),
            other => panic!("{other:?}"),
        };
        let matchers: [fn(Matcher) -> Matcher; 2] = [|m| m, Matcher::negate];
        for turn in matchers {
            for seen in [invalid(), list(vec![invalid()], false)] {
                let every = turn(Matcher::Every(Box::new(is_a())));
                let some = turn(Matcher::Some(Box::new(is_a())));
                let has = turn(Matcher::leaf(Test::Has("a".into())));
                let equals = turn(Matcher::leaf(wanted()));
                for matcher in [every, some, has, equals] {
                    assert_eq!(matcher.judge(&seen, CONTEXT), Truth::False, "{matcher:?} {seen:?}");
                    let selecting = Context { invalid: Truth::Unknown, ..CONTEXT };
                    assert_eq!(matcher.judge(&seen, selecting), Truth::Unknown, "{matcher:?} {seen:?}");
                }
            }
        }
        let differs = Matcher::leaf(wanted()).negate();
        assert_eq!(differs.judge(&list(vec!["c".into(), invalid()], false), CONTEXT), Truth::True);
    }

    #[test]
    fn modes_are_compared_as_bits() {
        assert_eq!(judge(Test::AtMost(Value::Mode(0o644)), Value::Mode(0o642)), Truth::False);
        assert_eq!(judge(Test::AtMost(Value::Mode(0o644)), Value::Mode(0o400)), Truth::True);
        assert_eq!(judge(Test::AtLeast(Value::Mode(0o1000)), Value::Mode(0o1777)), Truth::True);
        assert_eq!(judge(Test::AtLeast(Value::Mode(0o1000)), Value::Mode(0o777)), Truth::False);
    }

    #[test]
    fn ordered_words_and_relative_times() {
        let mode = |word| Value::Word(SSLMODE.word(word).unwrap());
        assert_eq!(judge(Test::AtLeast(mode("require")), mode("verify-full")), Truth::True);
        assert_eq!(judge(Test::AtLeast(mode("require")), mode("prefer")), Truth::False);
        assert_eq!(judge(Test::NotBefore(100), Value::Time(1_000_100)), Truth::True);
        assert_eq!(judge(Test::NotBefore(101), Value::Time(1_000_100)), Truth::False);
        assert_eq!(judge(Test::NotAfter(0), Value::Time(1_000_001)), Truth::False);
        assert_eq!(judge(Test::NotBefore(i64::MAX), Value::Time(0)), Truth::False);
    }

    #[test]
    fn a_list_cut_short_can_fail_and_cannot_pass() {
        let is_a = || Box::new(Matcher::leaf(Test::Equals("a".into())));
        let every = Matcher::Every(is_a());
        let some = Matcher::Some(is_a());
        assert_eq!(every.judge(&list(vec!["a".into()], true), CONTEXT), Truth::Unknown);
        assert_eq!(every.judge(&list(vec!["b".into()], true), CONTEXT), Truth::False);
        assert_eq!(every.judge(&list(vec!["a".into(), unknown()], false), CONTEXT), Truth::Unknown);
        assert_eq!(every.judge(&list(vec![], false), CONTEXT), Truth::True);
        assert_eq!(some.judge(&list(vec!["a".into()], true), CONTEXT), Truth::True);
        assert_eq!(some.judge(&list(vec!["b".into()], true), CONTEXT), Truth::Unknown);
        assert_eq!(some.judge(&list(vec![], false), CONTEXT), Truth::False);
        let at_most_one = || Test::Count { at_least: 0, at_most: 1 };
        assert_eq!(judge(at_most_one(), list(vec!["a".into()], true)), Truth::Unknown);
        assert_eq!(judge(at_most_one(), list(vec!["a".into(), "b".into()], true)), Truth::False);
        let at_least_one = Test::Count { at_least: 1, at_most: usize::MAX };
        assert_eq!(judge(at_least_one, list(vec!["a".into()], true)), Truth::True);
        assert_eq!(judge(Test::Has("a".into()), list(vec![unknown()], false)), Truth::Unknown);
    }

    #[test]
    fn lists_are_equal_by_their_members() {
        let wanted = || match list(vec!["a".into(), "b".into()], false) {
            Observed::Known(value) => Test::Equals(value),
            other => panic!("{other:?}"),
        };
        assert_eq!(judge(wanted(), list(vec!["b".into(), "a".into(), "a".into()], false)), Truth::True);
        assert_eq!(judge(wanted(), list(vec!["a".into()], false)), Truth::False);
        assert_eq!(judge(wanted(), list(vec!["a".into(), "b".into()], true)), Truth::Unknown);
        assert_eq!(judge(wanted(), list(vec!["c".into()], true)), Truth::False);
    }

    #[test]
    fn urls_by_their_parts() {
        let https = || Test::Url(UrlTest { schemes: Some(vec!["https".into()]), ..UrlTest::default() });
        assert_eq!(judge(https(), "HTTPS://example.org/x"), Truth::True);
        assert_eq!(judge(https(), "http://example.org"), Truth::False);
        assert_eq!(judge(https(), "example.org"), Truth::False);
        let host = Test::Url(UrlTest { hosts: Some(vec!["good.example".into()]), ..UrlTest::default() });
        assert_eq!(judge(host, "https://good.example@evil.example/"), Truth::False);
        let port = || Test::Url(UrlTest { ports: Some(vec![443]), ..UrlTest::default() });
        assert_eq!(judge(port(), "https://[::1]/"), Truth::True);
        assert_eq!(judge(port(), "https://[::1]:8443/"), Truth::False);
    }
}

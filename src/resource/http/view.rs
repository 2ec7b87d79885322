//! From an answer to the fields of `http`.

use std::collections::BTreeMap;

use super::fields::{COOKIES, DIRECTIVES, REDIRECTS, SCHEME};
use super::{HTTP, Hop, Subject, Trip, is_loopback};
use crate::facts::Basis;
use crate::format::lookup::{Format, Raw, lookup};
use crate::format::source::NoFiles;
use crate::http::content_security::{self, Policy, show_source};
use crate::http::cookie::{self, Cookie, PREFIX, SAME_SITE, Sender};
use crate::http::framing::{FRAMED_BY, framed_by};
use crate::http::page::{self, Kind};
use crate::http::permissions::{self, EMBEDDER_POLICY, OPENER_POLICY, RESOURCE_POLICY};
use crate::http::referrer::{self, REFERRER_POLICY};
use crate::http::{Headers, cache, date, disclosure, transport_security};
use crate::resource::{With, sensitive, text};
use crate::target::endpoint::Endpoint;
use crate::target::endpoint::http::Answer;
use crate::value::secret::Salt;
use crate::value::types::word;
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Observed, Reason, Record, Secret, Type, Value};

/// The subject for the answer at the end of the way.
pub(super) fn subject(endpoint: &Endpoint, name: &str, trip: &Trip, with: &With) -> Subject {
    let mut subject = Subject::new(&HTTP, name, endpoint.origin(), Basis::Live);
    let (Some(first), Some(last)) = (trip.hops.first(), trip.hops.last()) else { return subject };
    let fields = &mut subject.fields;
    way(fields, endpoint, trip, first, last);
    let headers = &last.answer.headers;
    fields.set("status", i64::from(last.answer.status));
    fields.set("http_version", last.answer.version);
    fields.set("document", document(trip, &last.answer));
    fields.set("content_type", Observed::from_option(page::mime_type(headers)));
    fields.set("headers", all(headers, endpoint.salt()));
    fields.set("repeated_headers", headers.repeated().into_iter().map(Value::from).collect::<Value>());
    fields.set("server_versions", disclosure::versions(headers).into_iter().map(Value::from).collect::<Value>());
    hsts(fields, headers, last.url.https, endpoint.address().ip().is_some());
    scripts(fields, &last.answer);
    policies(fields, headers);
    fields.set("cookies", Value::List(cookies(trip, endpoint.salt())));
    fields.set("body_size", body_size(&last.answer));
    fields.set("value", value(&last.answer, with, endpoint.salt()));
    fields.set("elapsed_ms", i64::try_from(last.answer.elapsed.as_millis()).unwrap_or(i64::MAX));
    let skew = headers.first("date").and_then(date::parse).map(|date| Value::Duration((date - last.answer.at).abs()));
    fields.set("clock_skew", Observed::from_option(skew));
    subject
}

/// How the answer was come by.
fn way(fields: &mut Record, endpoint: &Endpoint, trip: &Trip, first: &Hop, last: &Hop) {
    let scheme = |hop: &Hop| word(&SCHEME, if hop.url.https { "https" } else { "http" });
    fields.set("url", last.url.show());
    fields.set("scheme", scheme(last));
    fields.set("asked_scheme", scheme(first));
    fields.set("host_is_address", endpoint.address().ip().is_some());
    fields.set("loopback", is_loopback(endpoint));
    fields.set("verified", last.url.https && !endpoint.is_insecure());
    let followed = trip.hops.iter().take(trip.hops.len().saturating_sub(1)).map(|hop| {
        let record = Record::new(REDIRECTS).with("url", hop.url.show());
        Value::Record(record.with("status", i64::from(hop.answer.status)))
    });
    fields.set("redirects", followed.collect::<Value>());
    let (location, why) = match &trip.rest {
        Some((location, why)) => {
            let shown = Some(location.as_str()).filter(|location| !location.is_empty());
            let unread = || Observed::Known(Value::Invalid("a location that browsers would not go to".into()));
            (shown.map_or_else(unread, |shown| shown.into()), why.as_str().into())
        }
        None => (Observed::Absent, Observed::Absent),
    };
    fields.set("location", location);
    fields.set("not_followed", why);
}

/// A redirect and an answer without a body show nothing.
fn document(trip: &Trip, answer: &Answer) -> Observed {
    if trip.rest.is_some() || matches!(answer.status, 100..=199 | 204 | 205 | 304) {
        return false.into();
    }
    match page::kind(&answer.headers) {
        Kind::Page => true.into(),
        Kind::Other => false.into(),
        Kind::Guessed => match &answer.body {
            Ok(body) if body.is_empty() => false.into(),
            Ok(_) => true.into(),
            Err(reason) => Observed::Unknown(reason.clone()),
        },
    }
}

fn all(headers: &Headers, salt: &Salt) -> Value {
    let mut map = BTreeMap::new();
    for (name, _) in headers.iter().filter(|(name, _)| *name != "set-cookie") {
        let text = headers.get(name).unwrap_or_default();
        let seen = match name {
            // What stands in a query may be a secret.
            "location" | "content-location" | "refresh" | "link" => Observed::from(without_queries(&text)),
            "content-security-policy" | "content-security-policy-report-only" => shown_policy(&text).into(),
            name => sensitive::read(name, &text, Type::Text, salt),
        };
        map.insert(name.into(), seen);
    }
    Value::Map(map)
}

fn without_queries(text: &str) -> String {
    let words = text.split_inclusive(|c: char| " ,;<>".contains(c));
    let short = |word: &str| match word.split_once('?') {
        Some((front, query)) => {
            let end: String = query.chars().next_back().filter(|c| " ,;<>".contains(*c)).into_iter().collect();
            format!("{front}?***{end}")
        }
        None => word.to_owned(),
    };
    words.map(short).collect()
}

fn shown_policy(text: &str) -> String {
    let word = |word: &str| {
        let source = word.trim_end_matches([';', ',']);
        format!("{}{}", show_source(source), word.strip_prefix(source).unwrap_or_default())
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn hsts(fields: &mut Record, headers: &Headers, https: bool, is_address: bool) {
    let names = ["hsts_max_age", "hsts_include_subdomains", "hsts_preload", "hsts_ignored"];
    names.into_iter().for_each(|name| fields.set(name, Observed::Absent));
    match transport_security::read(headers) {
        None => {}
        Some(_) if !https => fields.set("hsts_ignored", "it was sent in the clear"),
        Some(_) if is_address => fields.set("hsts_ignored", "the host is an address"),
        Some(Err(why)) => fields.set("hsts_ignored", why),
        Some(Ok(hsts)) => {
            fields.set("hsts_max_age", Value::Duration(hsts.max_age));
            fields.set("hsts_include_subdomains", hsts.include_subdomains);
            fields.set("hsts_preload", hsts.preload);
        }
    }
}

/// A page can carry a policy of its own, which adds to those of the header: what these forbid is forbidden, and what they
/// let pass may be forbidden there.
fn scripts(fields: &mut Record, answer: &Answer) {
    let policies = content_security::read(&answer.headers);
    fields.set("csp", directives(&policies.enforced));
    fields.set("csp_report_only", directives(&policies.report_only));
    fields.set("framed_by", word(&FRAMED_BY, framed_by(&answer.headers, &policies.enforced)));
    let hidden = hidden_policy(answer);
    let unless_hidden = |open: bool, is_open: bool| match &hidden {
        Some(why) if open == is_open => Observed::Unknown(why.clone()),
        Some(_) | None => open.into(),
    };
    for (name, open) in [
        ("inline_scripts", policies.inline_scripts()),
        ("eval", policies.eval()),
        ("scripts_from_anywhere", policies.scripts_from_anywhere()),
    ] {
        fields.set(name, unless_hidden(open, true));
    }
    fields.set("plugins_limited", unless_hidden(policies.limits("object-src", Some("default-src")), false));
    fields.set("base_limited", unless_hidden(policies.limits("base-uri", None), false));
}

/// Why a policy in the page itself cannot be ruled out.
fn hidden_policy(answer: &Answer) -> Option<Reason> {
    if page::kind(&answer.headers) == Kind::Other {
        return None;
    }
    match &answer.body {
        Err(reason) => Some(reason.clone()),
        Ok(body) if page::mentions_policy(body) => {
            Some(Reason::new("the page may carry a policy in a meta element, which harden does not read"))
        }
        Ok(_) if answer.cut => {
            Some(Reason::new("the page is larger than 1 MiB, and a meta element may carry a policy"))
        }
        Ok(_) => None,
    }
}

fn directives(policies: &[Policy]) -> Value {
    let numbered = (1..).zip(policies);
    let all = numbered.flat_map(|(number, policy)| policy.directives.iter().map(move |directive| (number, directive)));
    let record = |(number, (name, sources)): (i64, &(String, Vec<String>))| {
        let sources = sources.iter().map(|source| Value::from(show_source(source))).collect::<Value>();
        let record = Record::new(DIRECTIVES).with("policy", number).with("directive", name.as_str());
        Value::Record(record.with("sources", sources))
    };
    all.map(record).collect()
}

fn policies(fields: &mut Record, headers: &Headers) {
    let known = |vocabulary: &'static Vocabulary, text: &str| Observed::Known(word(vocabulary, text));
    fields.set("nosniff", page::nosniff(headers));
    let referrer = referrer::read(headers).map_or(Observed::Absent, |text| known(&REFERRER_POLICY, text));
    fields.set("referrer_policy", referrer);
    let permissions = permissions::read(headers).ok().flatten().map(|features| {
        let feature = |(name, list): (String, Vec<String>)| {
            (name.into(), Observed::Known(list.into_iter().map(Value::from).collect::<Value>()))
        };
        Value::Map(features.into_iter().map(feature).collect())
    });
    fields.set("permissions_policy", Observed::from_option(permissions));
    fields.set("opener_policy", known(&OPENER_POLICY, permissions::opener_policy(headers)));
    fields.set("embedder_policy", known(&EMBEDDER_POLICY, permissions::embedder_policy(headers)));
    let resource = permissions::resource_policy(headers).map_or(Observed::Absent, |text| known(&RESOURCE_POLICY, text));
    fields.set("resource_policy", resource);
    let cache = cache::read(headers).map(|directives| {
        let directive = |(name, argument): (String, String)| (name.into(), Observed::from(argument));
        Value::Map(directives.into_iter().map(directive).collect())
    });
    fields.set("cache_control", Observed::from_option(cache));
}

/// The cookies of every step: a browser takes those of a redirect too.
fn cookies(trip: &Trip, salt: &Salt) -> List {
    let mut list = List::default();
    for hop in &trip.hops {
        let sender = Sender { host: &hop.url.host, https: hop.url.https, now: hop.answer.at };
        let (cookies, more) = cookie::read(&hop.answer.headers, sender);
        list.items.extend(cookies.iter().map(|cookie| Observed::Known(record(cookie, salt).into())));
        if more {
            list.more = Some(Reason::new(format!("an answer sets more than {} cookies", cookie::MAX_COOKIES)));
        }
    }
    list
}

fn record(cookie: &Cookie, salt: &Salt) -> Record {
    Record::new(COOKIES)
        .with("name", cookie.name.as_str())
        .with("value", Value::Secret(Secret::measure(cookie.value.as_bytes(), salt)))
        .with("login", cookie.is_login())
        .with("secure", cookie.secure)
        .with("http_only", cookie.http_only)
        .with("same_site", word(&SAME_SITE, cookie.same_site))
        .with("partitioned", cookie.partitioned)
        .with("domain", Observed::from_option(cookie.domain.as_deref()))
        .with("path", Observed::from_option(cookie.path.as_deref()))
        .with("lifetime", Observed::from_option(cookie.lifetime.map(Value::Duration)))
        .with("prefix", cookie.prefix.map_or(Observed::Absent, |prefix| word(&PREFIX, prefix).into()))
        .with("stored", cookie.refused.is_none())
        .with("refused", Observed::from_option(cookie.refused))
}

fn body_size(answer: &Answer) -> Observed {
    match &answer.body {
        Ok(_) if answer.cut => Observed::unknown("the body is larger than 1 MiB"),
        Ok(body) => Value::Size(u64::try_from(body.len()).unwrap_or(u64::MAX)).into(),
        Err(reason) => Observed::Unknown(reason.clone()),
    }
}

/// What the body has for the key, guarded like a setting of that name.
fn value(answer: &Answer, with: &With, salt: &Salt) -> Observed {
    let key = text(with, "json");
    if key.is_empty() {
        return Observed::unknown("the query names no key with `json`");
    }
    let body = match &answer.body {
        Ok(_) if answer.cut => return Observed::unknown("the body is larger than 1 MiB"),
        Ok(body) => body,
        Err(reason) => return Observed::Unknown(reason.clone()),
    };
    let (name, ty) = (key.replace('.', "_"), HTTP.as_type(with));
    match lookup((Format::Json, ty), "the body", body, key, &NoFiles) {
        Err(why) => Observed::unknown(format!("the body is not JSON that can be read: {why}")),
        Ok(None) => Observed::Absent,
        Ok(Some(found)) => match found.value {
            Ok(Raw::Text(text)) => sensitive::read(&name, &text, ty, salt),
            Ok(Raw::List(items)) => sensitive::read_list(&name, &items, ty, salt),
            Err(why) => Observed::unknown(why),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::http::location::Url;
    use crate::target::endpoint::{Address, Options};

    fn endpoint() -> Endpoint {
        let places = Arc::new(tokio::sync::Semaphore::new(1));
        let address = Address::parse("https://h.example/").unwrap();
        let salt = Arc::new(Salt::random().unwrap());
        Endpoint::new("e", address, Options::default(), Duration::from_secs(1), salt, places)
    }

    fn seen(headers: Headers, body: Result<Vec<u8>, Reason>) -> Record {
        let url = Url { https: true, host: "h.example".into(), port: 443, target: "/?q".into() };
        let elapsed = Duration::from_millis(3);
        let answer = Answer { status: 200, version: "HTTP/1.1", headers, body, cut: false, elapsed, at: 0 };
        let trip = Trip { hops: vec![Hop { url, answer }], rest: None };
        subject(&endpoint(), "GET", &trip, &With::new()).fields
    }

    #[test]
    fn what_may_be_a_secret_is_not_kept() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("x-auth-token", "hunter2-a"),
            ("location", "/x?code=hunter2-b&y"),
            ("link", "<https://h/?k=hunter2-c>; rel=next, </d?hunter2-d>"),
            ("set-cookie", "id=hunter2-e"),
            ("content-security-policy", "script-src 'nonce-hunter2'; report-uri https://r/?hunter2-f;"),
        ] {
            headers.push(name, value.as_bytes());
        }
        let fields = seen(headers, Ok(b"hunter2-g".to_vec()));
        let shown = format!("{fields:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let Some(Observed::Known(Value::Map(map))) = fields.get("headers") else { panic!("no headers") };
        assert_eq!(map["link"], Observed::from("<https://h/?***>; rel=next, </d?***>"));
        assert!(matches!(map["x-auth-token"], Observed::Unknown(_)));
    }

    #[test]
    fn a_page_that_was_not_read_may_have_a_policy_of_its_own() {
        let page = |policy: &[u8], body| {
            let mut headers = Headers::default();
            headers.push("content-type", b"text/html");
            headers.push("content-security-policy", policy);
            seen(headers, body)
        };
        let unread = || Err(Reason::new("late"));
        assert!(matches!(page(b"img-src *", unread()).get("inline_scripts"), Some(Observed::Unknown(_))));
        assert_eq!(page(b"default-src 'none'", unread()).get("inline_scripts"), Some(&Observed::from(false)));
        assert_eq!(page(b"img-src *", Ok(Vec::new())).get("inline_scripts"), Some(&Observed::from(true)));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            names in proptest::sample::subsequence(vec![
                "content-security-policy", "set-cookie", "location", "strict-transport-security", "permissions-policy",
                "content-type", "date", "cache-control", "x-frame-options", "server", "link",
            ], 0..11),
        ) {
            let mut headers = Headers::default();
            names.iter().for_each(|name| headers.push(name, &bytes));
            seen(headers, Ok(bytes));
        }
    }
}

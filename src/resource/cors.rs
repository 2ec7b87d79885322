//! `cors`: which other origins' pages may read a server's answers, tried with origins that are meant to and such that are
//! not, and decided as a browser decides it.

use std::collections::BTreeSet;

use super::http::{is_loopback, redirect, speaks_http};
use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::http::cors::{Credentials, Refusal, Wish, check, preflight, varies_by_origin};
use crate::http::headers::{Headers, NotTokens, is_token, tokens};
use crate::http::location::{Lead, Url};
use crate::http::origin::{KIND, Origin, strangers};
use crate::target::endpoint::Endpoint;
use crate::target::endpoint::http::{Answer, Client, Question, Verb};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::{Observed, Reason, Record, Type, Value};

/// Redirects that are followed for one origin.
const MAX_REDIRECTS: usize = 5;
/// Origins of the configuration; each has look-alikes, and each of those takes two requests.
const MAX_CONFIGURED: usize = 20;

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("origin", Type::Text, "Origin", "the origin of the page, as a browser sends it"),
    field(
        "kind",
        Type::Word(&KIND),
        "",
        "what it stands for: `configured` is one of the endpoint's `origins`; `stranger` a host that nobody can have; `null` sandboxed frames and local files; `local` what a developer's machine serves; the others are look-alikes of the server's own and the configured origins: that as the beginning of a longer host (`prefix`), as its end (`suffix`), with a dot that stands for any character (`dot`), a host below it (`subdomain`), or in the clear (`plain-http`)",
    ),
    field(
        "loopback",
        BOOL,
        "",
        "whether the server is this machine itself, and its neighbours' pages are no strangers",
    ),
    field("status", Type::Integer, "", "what a plain GET from there is answered with"),
    field(
        "allowed",
        BOOL,
        "Access-Control-Allow-Origin",
        "whether the page may read that answer when it was asked without credentials",
    ),
    field(
        "with_credentials",
        BOOL,
        "Access-Control-Allow-Credentials",
        "whether it may read it when the browser sent the visitor's cookies along",
    ),
    field("refused", Type::Text, "", "why it may not read it at all; absent when it may"),
    field("reflected", BOOL, "Access-Control-Allow-Origin", "whether the answer names just this origin"),
    field("allow_origin", Type::Text, "Access-Control-Allow-Origin", "what the answer says; absent without the field"),
    field(
        "allow_credentials",
        Type::Text,
        "Access-Control-Allow-Credentials",
        "what the answer says; absent without the field",
    ),
    field(
        "expose_headers",
        Type::List(&TEXT),
        "Access-Control-Expose-Headers",
        "header fields that the page may read beyond the harmless ones",
    ),
    field("vary_origin", BOOL, "Vary", "whether caches are told that the answer depends on the origin"),
    field(
        "depends_on_origin",
        BOOL,
        "Access-Control-Allow-Origin",
        "whether the origins that were tried, or none, get different values",
    ),
    field("preflight_status", Type::Integer, "", "what the question before another request (OPTIONS) is answered with"),
    field(
        "preflight_allowed",
        BOOL,
        "",
        "whether the browser then sends the page's request with `method` and `header`, without credentials",
    ),
    field("preflight_with_credentials", BOOL, "", "whether it does with the visitor's cookies"),
    field(
        "allow_methods",
        Type::List(&TEXT),
        "Access-Control-Allow-Methods",
        "the methods that the preflight's answer names",
    ),
    field("allow_headers", Type::List(&TEXT), "Access-Control-Allow-Headers", "the header fields that it names"),
];

pub(super) static CORS: Resource = Resource {
    name: "cors",
    about: "Which pages of other origins may read what an HTTP server answers, for each origin that is tried. harden sends no cookies, so a server that answers visitors who are logged in differently is not seen.",
    privilege: "a connection to the endpoint; no credentials but the headers that the configuration gives",
    params: &[
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "path and query to ask for, beginning with `/`; those of the endpoint's URL when not given",
        },
        Param {
            name: "method",
            accepts: Accepts::Text,
            required: false,
            about: "the method that the preflight asks about; PUT when not given. It is never sent itself",
        },
        Param {
            name: "header",
            accepts: Accepts::Text,
            required: false,
            about: "the header field that the preflight asks about; `content-type`, which JSON needs, when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Endpoint,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// What is asked of every origin.
struct Plan {
    url: Url,
    method: String,
    header: String,
}

impl Plan {
    fn new(client: &Client<'_>, with: &With) -> Result<Self, Reason> {
        let or =
            |name: &str, default: &str| Some(text(with, name)).filter(|t| !t.is_empty()).unwrap_or(default).to_owned();
        let path = text(with, "path");
        if !path.is_empty() && !path.starts_with('/') {
            return Err(Reason::new("the path does not begin with `/`"));
        }
        let plan = Plan {
            url: client.url(Some(path).filter(|path| !path.is_empty())),
            method: or("method", "PUT"),
            header: or("header", "content-type").to_ascii_lowercase(),
        };
        if !is_token(&plan.method) || !is_token(&plan.header) {
            return Err(Reason::new("the method or the header is no name that HTTP knows"));
        }
        Ok(plan)
    }
}

async fn observe(door: &Door, with: &With) -> Listing {
    let endpoint = match speaks_http(door) {
        Ok(endpoint) => endpoint,
        Err(listing) => return listing,
    };
    let mut client = Client::new(endpoint);
    let plan = match Plan::new(&client, with) {
        Ok(plan) => plan,
        Err(reason) => return Listing::failed(reason),
    };
    // Without an origin, to know whether the answer depends on it; and whether anybody answers at all.
    let bare = match client.ask(question(&plan.url, &[])).await {
        Ok(answer) => answer.headers.get("access-control-allow-origin"),
        Err(failure) => return Listing::failed(failure.reason),
    };
    let (origins, more) = origins(endpoint, &plan.url);
    let mut tries = Vec::new();
    // A server that was silent once is not asked a dozen times more.
    let (mut silent, mut silent_to_preflights) = (None, None);
    for (kind, origin) in origins {
        let simple = match &silent {
            None => simple(&mut client, &plan.url, &origin).await,
            Some(reason) => Err(Reason::clone(reason)),
        };
        silent = silent.or_else(|| simple.as_ref().err().cloned());
        let preflight = match silent.as_ref().or(silent_to_preflights.as_ref()) {
            None => ask_preflight(&mut client, &plan, &origin).await,
            Some(reason) => Err(reason.clone()),
        };
        silent_to_preflights = silent_to_preflights.or_else(|| preflight.as_ref().err().cloned());
        tries.push((kind, origin, Seen { simple, preflight }));
    }
    let depends = depends_on_origin(bare.as_deref(), &tries);
    let subjects = tries.iter().map(|(kind, origin, seen)| {
        let name = format!("{} from {origin}", plan.url.show());
        let mut subject = Subject::new(&CORS, name, endpoint.origin(), Basis::Live);
        subject.fields.set("loopback", is_loopback(endpoint));
        describe(&mut subject.fields, kind, origin, seen, &plan, &depends);
        subject
    });
    let subjects = subjects.collect();
    match more {
        None => Listing::complete(subjects),
        Some(reason) => Listing::partial(subjects, reason),
    }
}

fn question<'q>(url: &'q Url, headers: &'q [(&'q str, &'q str)]) -> Question<'q> {
    Question { verb: Verb::Get, url, headers, credentials: true }
}

/// The origins to try, each once: an origin that is meant to be admitted is not tried as a look-alike of another, and the
/// server's own is no other origin.
fn origins(endpoint: &Endpoint, url: &Url) -> (Vec<(&'static str, String)>, Option<Reason>) {
    let own = url.origin();
    let configured: Vec<Origin> = endpoint.origins().iter().filter_map(|text| Origin::parse(text).ok()).collect();
    let mut tried: BTreeSet<String> = [own.to_string()].into();
    let mut origins = Vec::new();
    let mut add = |kind: &'static str, origin: String| {
        if tried.insert(origin.clone()) {
            origins.push((kind, origin));
        }
    };
    configured.iter().take(MAX_CONFIGURED).for_each(|origin| add("configured", origin.to_string()));
    let meant: Vec<&Origin> = std::iter::once(&own).chain(configured.iter().take(MAX_CONFIGURED)).collect();
    strangers().into_iter().chain(meant.iter().flat_map(|origin| origin.look_alikes())).for_each(|(kind, origin)| {
        add(kind, origin);
    });
    let more = (configured.len() > MAX_CONFIGURED)
        .then(|| Reason::new(format!("more than {MAX_CONFIGURED} origins are configured")));
    (origins, more)
}

/// What one origin gets.
struct Seen {
    /// The answers to a plain GET and to what it was redirected to, the last one being what the page would read.
    simple: Result<Vec<(Url, Answer)>, Reason>,
    preflight: Result<Answer, Reason>,
}

async fn ask_preflight(client: &mut Client<'_>, plan: &Plan, origin: &str) -> Result<Answer, Reason> {
    let asked = [
        ("origin", origin),
        ("access-control-request-method", plan.method.as_str()),
        ("access-control-request-headers", plan.header.as_str()),
    ];
    // A preflight never has credentials.
    let question = Question { verb: Verb::Options, url: &plan.url, headers: &asked, credentials: false };
    client.ask(question).await.map_err(|failure| failure.reason)
}

/// A GET with an origin. A redirect is followed where the origin stays the same, which it does on the server's own
/// origin alone; elsewhere the last answer is the redirect.
async fn simple(client: &mut Client<'_>, url: &Url, origin: &str) -> Result<Vec<(Url, Answer)>, Reason> {
    let headers = [("origin", origin)];
    let mut answers: Vec<(Url, Answer)> = Vec::new();
    let mut next = Some(url.clone());
    while let Some(url) = next.take() {
        let answer = client.ask(question(&url, &headers)).await.map_err(|failure| failure.reason)?;
        let lead = redirect(&url, &answer);
        answers.push((url.clone(), answer));
        if let Some(Lead::To(to)) = lead
            && to.origin() == url.origin()
            && answers.len() <= MAX_REDIRECTS
        {
            next = Some(to);
        }
    }
    Ok(answers)
}

/// Whether what the fields say depends on who asks; unknown as long as all that was seen is the same.
fn depends_on_origin(bare: Option<&str>, tries: &[(&'static str, String, Seen)]) -> Observed {
    let mut unseen = None;
    for (_, _, seen) in tries {
        match &seen.simple {
            Ok(answers) => {
                let said = answers.first().and_then(|(_, answer)| answer.headers.get("access-control-allow-origin"));
                if said.as_deref() != bare {
                    return true.into();
                }
            }
            Err(reason) => unseen = Some(reason),
        }
    }
    unseen.map_or(false.into(), |reason| Observed::Unknown(reason.clone()))
}

fn describe(fields: &mut Record, kind: &str, origin: &str, seen: &Seen, plan: &Plan, depends: &Observed) {
    fields.set("origin", origin);
    fields.set("kind", word(&KIND, kind));
    fields.set("depends_on_origin", depends.clone());
    match &seen.simple {
        Ok(answers) => describe_simple(fields, origin, answers),
        Err(reason) => {
            for name in ["status", "allowed", "with_credentials", "refused", "reflected", "allow_origin"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
            for name in ["allow_credentials", "expose_headers", "vary_origin"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
        }
    }
    match &seen.preflight {
        Ok(answer) => describe_preflight(fields, origin, answer, plan),
        Err(reason) => {
            for name in ["preflight_status", "preflight_allowed", "preflight_with_credentials"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
            for name in ["allow_methods", "allow_headers"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
        }
    }
}

fn describe_simple(fields: &mut Record, origin: &str, answers: &[(Url, Answer)]) {
    let Some((url, last)) = answers.last() else { return };
    let headers = &last.headers;
    let said = headers.get("access-control-allow-origin");
    fields.set("status", i64::from(last.status));
    fields.set("reflected", said.as_deref() == Some(origin));
    fields.set("allow_origin", Observed::from_option(said));
    fields.set("allow_credentials", Observed::from_option(headers.get("access-control-allow-credentials")));
    fields.set("expose_headers", list(headers, "access-control-expose-headers"));
    fields.set("vary_origin", varies_by_origin(headers));
    // Every answer on the way has to let the page pass.
    let verdict = |credentials| answers.iter().try_for_each(|(_, answer)| check(origin, credentials, &answer.headers));
    let elsewhere = redirect(url, last).is_some();
    let readable = |verdict: Result<(), Refusal>| match verdict {
        Ok(()) if elsewhere => Observed::unknown("the answer redirects to another origin, whose answer decides"),
        verdict => verdict.is_ok().into(),
    };
    fields.set("allowed", readable(verdict(Credentials::Omit)));
    fields.set("with_credentials", readable(verdict(Credentials::Include)));
    fields.set("refused", Observed::from_option(verdict(Credentials::Omit).err().map(Refusal::as_str)));
}

fn describe_preflight(fields: &mut Record, origin: &str, answer: &Answer, plan: &Plan) {
    let headers = [plan.header.as_str()];
    let verdict = |credentials| {
        let wish = Wish { origin, credentials, method: &plan.method, headers: &headers };
        preflight(wish, answer.status, &answer.headers).is_ok()
    };
    fields.set("preflight_status", i64::from(answer.status));
    fields.set("preflight_allowed", verdict(Credentials::Omit));
    fields.set("preflight_with_credentials", verdict(Credentials::Include));
    fields.set("allow_methods", list(&answer.headers, "access-control-allow-methods"));
    fields.set("allow_headers", list(&answer.headers, "access-control-allow-headers"));
}

/// A list of tokens; absent without the field, and not valid when a browser could not read it.
fn list(headers: &Headers, name: &str) -> Observed {
    match tokens(headers, name) {
        Ok(None) => Observed::Absent,
        Ok(Some(items)) => items.into_iter().map(Value::from).collect::<Value>().into(),
        Err(NotTokens) => Value::Invalid(headers.get(name).unwrap_or_default().into()).into(),
    }
}

//! `http`: what a server answers to a request, as a browser understands it.

mod fields;
mod view;

use super::{Accepts, Param, Resource, With, text};
use crate::facts::{Listing, Subject};
use crate::http::location::{Lead, Url};
use crate::target::endpoint::http::{Answer, Client, Question, Verb};
use crate::target::endpoint::{Endpoint, Failure};
use crate::target::{Door, Kind};
use crate::value::Reason;

/// Redirects that are followed; browsers follow 20.
const MAX_REDIRECTS: usize = 10;

pub(super) static HTTP: Resource = Resource {
    name: "http",
    about: "What an HTTP server answers to a request, its header fields read as a browser reads them. Redirects are followed on the host that was named, never to another one.",
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
            accepts: Accepts::Words(Verb::WORDS),
            required: false,
            about: "the method, one of those that change nothing; GET when not given",
        },
        Param {
            name: "redirects",
            accepts: Accepts::Words(&["follow", "stop"]),
            required: false,
            about: "whether to go where a redirect leads, as long as it stays on the named host, and to describe what is there; `follow` when not given",
        },
        Param {
            name: "headers",
            accepts: Accepts::Words(&["send", "omit"]),
            required: false,
            about: "whether the header fields that the configuration gives, credentials among them, go along; `send` when not given",
        },
        Param {
            name: "json",
            accepts: Accepts::Text,
            required: false,
            about: "a key of the JSON body, its parts joined by dots (`database.status`, `nodes.0`), for the field `value`",
        },
        Param {
            name: "as",
            accepts: Accepts::As,
            required: false,
            about: "the type that `value` is read as; text when not given",
        },
    ],
    fields: fields::FIELDS,
    can_be_absent: true,
    target: |_| Kind::Endpoint,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// How a request goes.
#[derive(Debug, Clone, Copy)]
struct Way {
    verb: Verb,
    follow: bool,
    credentials: bool,
}

/// One step on the way to the answer that is described.
struct Hop {
    url: Url,
    answer: Answer,
}

/// The way of a request through redirects.
struct Trip {
    /// In the order in which they were asked; the last one is described.
    hops: Vec<Hop>,
    /// Where the last one leads, and why that was not asked.
    rest: Option<(String, String)>,
}

async fn observe(door: &Door, with: &With) -> Listing {
    let endpoint = match speaks_http(door) {
        Ok(endpoint) => endpoint,
        Err(listing) => return listing,
    };
    let (path, method) = (text(with, "path"), text(with, "method"));
    if !path.is_empty() && !path.starts_with('/') {
        return Listing::failed(Reason::new("the path does not begin with `/`"));
    }
    let verb = Verb::parse(if method.is_empty() { "GET" } else { method });
    let Some(verb) = verb else { return Listing::failed(Reason::new("there is no such method")) };
    let mut client = Client::new(endpoint);
    let first = client.url(Some(path).filter(|path| !path.is_empty()));
    let way = Way { verb, follow: text(with, "redirects") != "stop", credentials: text(with, "headers") != "omit" };
    match travel(&mut client, first.clone(), way).await {
        Ok(trip) => {
            let name = format!("{} {}", if method.is_empty() { "GET" } else { method }, first.show());
            Listing::complete(vec![view::subject(endpoint, &name, &trip, with)])
        }
        Err(failure) => Listing::failed(failure.reason),
    }
}

/// Whether the host is this machine, where nobody listens in and no stranger's page is served.
pub(super) fn is_loopback(endpoint: &Endpoint) -> bool {
    let address = endpoint.address();
    let host = address.host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost") || address.ip().is_some_and(|ip| ip.is_loopback())
}

/// The endpoint, if HTTP is spoken there.
pub(super) fn speaks_http(door: &Door) -> Result<&Endpoint, Listing> {
    let Door::Endpoint(endpoint) = door else {
        return Err(Listing::failed(Reason::new("HTTP is asked of an endpoint")));
    };
    if endpoint.address().scheme.is_http() {
        return Ok(endpoint);
    }
    Err(Listing::absent(format!("{} is no HTTP server", endpoint.address())))
}

/// Asks, and follows redirects. What was answered before a step that failed is not the answer, so the whole fails.
async fn travel(client: &mut Client<'_>, first: Url, way: Way) -> Result<Trip, Failure> {
    let mut trip = Trip { hops: Vec::new(), rest: None };
    let mut next = Some(first);
    while let Some(url) = next.take() {
        let answer =
            client.ask(Question { verb: way.verb, url: &url, headers: &[], credentials: way.credentials }).await?;
        let lead = redirect(&url, &answer);
        trip.hops.push(Hop { url, answer });
        match lead {
            None => {}
            Some(Lead::Nowhere(why)) => trip.rest = Some((String::new(), why.to_owned())),
            Some(Lead::To(url)) => match may_follow(client, &trip, &url, way) {
                Ok(()) => next = Some(url),
                Err(why) => trip.rest = Some((url.show(), why.to_owned())),
            },
        }
    }
    Ok(trip)
}

/// Where a redirect leads (Fetch, section 2.2.6: the statuses; section 2.2.5: Location).
pub(super) fn redirect(url: &Url, answer: &Answer) -> Option<Lead> {
    if ![301, 302, 303, 307, 308].contains(&answer.status) {
        return None;
    }
    let mut locations: Vec<&str> = answer.headers.all("location").collect();
    locations.dedup();
    match locations.as_slice() {
        [] => None,
        [one] => Some(url.lead(one)),
        _ => Some(Lead::Nowhere("it has several locations")),
    }
}

fn may_follow(client: &Client<'_>, trip: &Trip, url: &Url, way: Way) -> Result<(), &'static str> {
    if !way.follow {
        return Err("redirects are not followed here");
    }
    if !matches!(way.verb, Verb::Get | Verb::Head) {
        return Err("only GET and HEAD are repeated elsewhere");
    }
    if trip.hops.iter().any(|hop| hop.url == *url) {
        return Err("it leads back to where it came from");
    }
    if trip.hops.len() > MAX_REDIRECTS {
        return Err("there are too many redirects");
    }
    client.may_ask(url)
}

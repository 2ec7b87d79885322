//! `git_remote`: whether anybody may read a repository by HTTP, asked of an endpoint that the operator names.

use super::http::speaks_http;
use super::{Field, Resource, field};
use crate::facts::{Basis, Listing, Subject};
use crate::target::endpoint::http::{Answer, Client, Question, Verb};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type};

const BOOL: Type = Type::Bool(Dialect::Plain);
/// What a server of git's smart protocol answers with (gitprotocol-http(5)).
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

const FIELDS: &[Field] = &[
    field("url", Type::Url, "", "the repository, as the endpoint is named"),
    field("status", Type::Integer, "", "what the server answered to a request without credentials"),
    field(
        "anonymous_read",
        BOOL,
        "",
        "whether anybody may fetch: 200 with git's own content type is true; 401, 403 and 404 are false; a redirect, and every other answer, is unknown",
    ),
];

pub(super) static GIT_REMOTE: Resource = Resource {
    name: "git_remote",
    about: "A repository of git behind an endpoint, `https://git.example.org/team/repo.git`, as one who has no credentials meets it; an endpoint without a path is none. Remotes that a work tree names are not asked, only endpoints that the operator does.",
    privilege: "access to the endpoint over the network",
    params: &[],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Endpoint,
    observe: |door, _| Box::pin(observe(door)),
};

async fn observe(door: &Door) -> Listing {
    let endpoint = match speaks_http(door) {
        Ok(endpoint) => endpoint,
        Err(listing) => return listing,
    };
    let mut client = Client::new(endpoint);
    let own = client.url(None);
    let path = own.target.split('?').next().unwrap_or_default().trim_end_matches('/');
    if path.is_empty() {
        return Listing::absent("the endpoint's URL names no repository");
    }
    let url = client.url(Some(&format!("{path}/info/refs?service=git-upload-pack")));
    let question = Question { verb: Verb::Get, url: &url, headers: &[], credentials: false };
    let answer = match client.ask(question).await {
        Ok(answer) => answer,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let mut subject = Subject::new(&GIT_REMOTE, own.show(), url.show(), Basis::Live);
    subject.fields.set("url", own.show());
    subject.fields.set("status", i64::from(answer.status));
    subject.fields.set("anonymous_read", may_read(&answer));
    Listing::complete(vec![subject])
}

fn may_read(answer: &Answer) -> Observed {
    let kind = answer.headers.first("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match answer.status {
        200 if kind.eq_ignore_ascii_case(ADVERTISEMENT) => true.into(),
        200 => {
            Observed::unknown("the answer is no advertisement of git: perhaps a page to log in, or the old protocol")
        }
        401 | 403 | 404 => false.into(),
        301..=308 => Observed::Unknown(
            Reason::new("the server leads elsewhere, where harden does not follow")
                .with_grant("name the URL that it leads to as the endpoint"),
        ),
        status => Observed::unknown(format!("an answer of status {status} says nothing of it")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::headers::Headers;

    #[test]
    fn only_git_s_own_answer_is_public() {
        let said = |status: u16, kind: &str| {
            let mut headers = Headers::default();
            headers.push("Content-Type", kind.as_bytes());
            let answer = Answer {
                status,
                version: "HTTP/1.1",
                headers,
                body: Ok(Vec::new()),
                cut: false,
                elapsed: Duration::ZERO,
                at: 0,
            };
            match may_read(&answer) {
                Observed::Known(value) => value.to_string(),
                Observed::Unknown(_) | Observed::Absent => "unknown".to_owned(),
            }
        };
        for (status, kind, expected) in [
            (200, ADVERTISEMENT, "true"),
            (200, "application/x-git-upload-pack-advertisement; charset=x", "true"),
            (200, "text/html", "unknown"),
            (200, "text/plain", "unknown"),
            (401, "text/html", "false"),
            (403, "text/html", "false"),
            (404, "text/html", "false"),
            (302, "text/html", "unknown"),
            (500, ADVERTISEMENT, "unknown"),
        ] {
            assert_eq!(said(status, kind), expected, "{status} {kind}");
        }
    }
}

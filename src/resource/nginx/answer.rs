//! What a server or a location does with every request by itself: send it to https, send it elsewhere, refuse it, or
//! serve it. Only `return`, `rewrite` and `if` are followed, and only where their answer does not depend on the request.

use super::scope::Level;
use crate::format::nginx::{Block, Body, Directive};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason};

/// What happens to requests.
pub(super) static ANSWER: Vocabulary =
    Vocabulary { name: "nginx_answer", words: &["redirect-https", "redirect", "refuse", "serve"], ordered: false };

/// The same, from what harms least to what serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Refuse,
    Https,
    Redirect,
    Serve,
}

/// What a block's own directives do.
struct Decided {
    /// Answers that some requests get.
    sometimes: Vec<Answer>,
    /// The answer of all others.
    always: Option<Answer>,
    /// Why something else may happen before.
    doubt: Option<Reason>,
}

/// What happens to all requests that a server takes, or one of its locations. What stands at the level of the server comes
/// first, before a location is chosen.
pub(super) fn answer(server: &Level<'_>, location: Option<&Level<'_>>) -> Observed {
    let mut doubt = None;
    let mut sometimes = Vec::new();
    for level in std::iter::once(server).chain(location) {
        let decided = decide(level.block);
        doubt = doubt.or(decided.doubt).or_else(|| level.unseen.clone());
        sometimes.extend(decided.sometimes);
        if let Some(always) = decided.always {
            return said(&sometimes, always, doubt);
        }
    }
    if let Some(block) = root_location(server.block).filter(|_| location.is_none()) {
        let decided = decide(block);
        doubt = doubt.or(decided.doubt).or_else(|| block.unseen());
        sometimes.extend(decided.sometimes);
        return said(&sometimes, decided.always.unwrap_or(Answer::Serve), doubt);
    }
    said(&sometimes, Answer::Serve, doubt)
}

fn said(sometimes: &[Answer], always: Answer, doubt: Option<Reason>) -> Observed {
    if let Some(reason) = doubt {
        return Observed::Unknown(reason);
    }
    let worst = sometimes.iter().copied().chain([always]).max().unwrap_or(always);
    let word = match worst {
        Answer::Refuse => "refuse",
        Answer::Https => "redirect-https",
        Answer::Redirect => "redirect",
        Answer::Serve => "serve",
    };
    Observed::from_option(ANSWER.word(word))
}

/// The block of `location /`.
fn root_location(block: &Block) -> Option<&Block> {
    block.named("location").find_map(|one| {
        match (&one.args.iter().map(String::as_str).collect::<Vec<_>>()[..], &one.body) {
            (["/"] | ["^~", "/"], Body::Block(block)) => Some(block),
            _ => None,
        }
    })
}

fn decide(block: &Block) -> Decided {
    let mut decided = Decided { sometimes: Vec::new(), always: None, doubt: None };
    for directive in &block.directives {
        match (directive.name.as_str(), &directive.body) {
            ("return", _) => match returned(directive) {
                Ok(answer) => decided.always = Some(answer),
                Err(reason) => decided.doubt = Some(reason),
            },
            ("rewrite", _) => match rewritten(directive) {
                Some((true, answer)) => decided.always = Some(answer),
                Some((false, answer)) => decided.sometimes.push(answer),
                None => {}
            },
            ("if", Body::Block(inner)) => {
                let inner = decide(inner);
                decided.sometimes.extend(inner.sometimes);
                decided.doubt = decided.doubt.or(inner.doubt);
                match inner.always {
                    Some(answer) if is_without_tls(directive) => decided.always = Some(answer),
                    Some(answer) => decided.sometimes.push(answer),
                    None => {}
                }
            }
            (name, _) if is_program(name) => {
                let reason = Reason::new(format!("{} runs a program, which is not followed", directive.place));
                decided.doubt = decided.doubt.or(Some(reason));
            }
            _ => {}
        }
        if decided.always.is_some() {
            break;
        }
    }
    decided
}

/// Directives whose program can answer, or change where a request goes.
pub(super) fn is_program(name: &str) -> bool {
    name.contains("_by_lua") && !name.starts_with("init") && !name.starts_with("log")
        || matches!(name, "js_content" | "js_access" | "js_header_filter" | "js_body_filter" | "perl")
}

fn returned(directive: &Directive) -> Result<Answer, Reason> {
    let args: Vec<&str> = directive.args.iter().map(String::as_str).collect();
    let unclear = || Reason::new(format!("{}: where it sends to depends on variables", directive.place));
    match args.as_slice() {
        [url] if url.contains("://") || url.starts_with('$') => target(url).ok_or_else(unclear),
        ["301" | "302" | "303" | "307" | "308", url] => target(url).ok_or_else(unclear),
        [code, ..] if code.starts_with(['4', '5']) && code.len() == 3 => Ok(Answer::Refuse),
        _ => Ok(Answer::Serve),
    }
}

/// Where a redirect leads, unless a variable decides.
fn target(url: &str) -> Option<Answer> {
    let scheme = url.split("://").next().unwrap_or_default();
    match scheme {
        _ if url.to_ascii_lowercase().starts_with("https://") => Some(Answer::Https),
        "$scheme" => Some(Answer::Redirect),
        scheme if scheme.starts_with('$') => None,
        _ => Some(Answer::Redirect),
    }
}

/// Whether a rewrite that ends with a redirect takes every request, and where to.
fn rewritten(directive: &Directive) -> Option<(bool, Answer)> {
    let [pattern, to, flags @ ..] = directive.args.as_slice() else { return None };
    let redirects = flags.iter().any(|flag| flag == "redirect" || flag == "permanent");
    let absolute = ["http://", "https://", "$scheme"].iter().any(|start| to.starts_with(start));
    let everything = ["^", ".*", "(.*)", "^.*", "^(.*)", "^(.*)$", "^.*$", "^/", "^/(.*)", "^/(.*)$", "^/.*$"];
    let answer = target(to).filter(|_| redirects || absolute)?;
    Some((everything.contains(&pattern.as_str()), answer))
}

/// Whether the condition of an `if` holds for every request that came without TLS.
fn is_without_tls(directive: &Directive) -> bool {
    let text = directive.args.join(" ");
    let text: String =
        text.trim_start_matches('(').trim_end_matches(')').split_whitespace().collect::<Vec<_>>().join(" ");
    let parts: Vec<&str> = text.split(' ').collect();
    matches!(
        parts.as_slice(),
        ["$scheme", "=", "http"]
            | ["$scheme", "!=", "https"]
            | ["$https", "!=", "on"]
            | ["$https" | "$ssl_protocol", "="]
    )
}

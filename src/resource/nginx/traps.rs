//! What only the relation of several directives tells: whether hidden files are kept back, and whether an `alias` lets
//! out of its directory.

use super::scope::{Found, Level, Scope};
use crate::format::nginx::{Body, Directive};
use crate::value::Observed;

/// Whether a location of the server refuses every path with a hidden name in it (`location ~ /\. { deny all; }`). One that
/// leaves `/.well-known/` open (RFC 8615) counts.
pub(super) fn refuses_hidden(server: &Level<'_>) -> Observed {
    let mut doubt = server.unseen.clone();
    for one in server.named("location") {
        let [modifier, pattern] = one.args.as_slice() else { continue };
        let Body::Block(block) = &one.body else { continue };
        if !modifier.starts_with('~') || !is_hidden_name(pattern) {
            continue;
        }
        let denies = block.named("deny").any(|deny| deny.args.first().is_some_and(|who| who == "all"));
        let allows = block.named("allow").next().is_some();
        let refuses = |one: &Directive| one.args.first().is_some_and(|code| code.starts_with('4'));
        if (denies && !allows) || block.named("return").any(refuses) {
            return true.into();
        }
        doubt = doubt.or_else(|| block.unseen());
    }
    doubt.map_or(false.into(), Observed::Unknown)
}

/// Whether the regex finds every name that starts with a dot, but perhaps `.well-known`.
fn is_hidden_name(pattern: &str) -> bool {
    let rest = ["/\\.", "(^|/)\\.", "/[.]", "(?:^|/)\\."].iter().find_map(|start| pattern.strip_prefix(start));
    rest.is_some_and(|rest| {
        let rest = match rest.strip_prefix("(?!") {
            Some(exception) if exception.starts_with("well-known") || exception.starts_with("well\\-known") => {
                exception.split_once(')').map_or("", |(_, rest)| rest)
            }
            Some(_) => return false,
            None => rest,
        };
        ["", "*", ".*", ".+", "*$", ".*$", "[^/]*", "[^/]+"].contains(&rest)
    })
}

/// Whether `/prefix../` leads out of the directory that an `alias` names: the location is a prefix without a slash at its
/// end, and the alias has one. Absent without an `alias`.
pub(super) fn alias_escapes(scope: &Scope<'_>, directive: &Directive) -> Observed {
    let alias = match scope.own().nearest("alias") {
        Found::Set(found, _) => found.first().and_then(|one| one.args.first()).map(String::as_str).unwrap_or_default(),
        Found::Unset => return Observed::Absent,
        Found::Unseen(reason) => return Observed::Unknown(reason),
    };
    let prefix = match directive.args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["^~", prefix] => (*prefix).to_owned(),
        [prefix] => (*prefix).to_owned(),
        _ => return false.into(),
    };
    (!prefix.ends_with('/') && !prefix.starts_with('@') && alias.ends_with('/')).into()
}

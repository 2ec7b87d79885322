//! What of a directive's arguments is kept: they can hold passwords, tokens and keys.

use super::super::sensitive;
use crate::format::nginx::Directive;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Directives whose arguments are secrets by themselves.
const SECRET_DIRECTIVES: [&str; 4] =
    ["secure_link_md5", "secure_link_secret", "secure_link_hmac_secret", "session_cookie_secret"];
/// Headers that carry log-ins, beside those whose names say it.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Whether what is set under this name (a header, a variable, a parameter) is a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let plain = name.trim_matches(|c: char| matches!(c, '$' | '{' | '}' | '(' | ')' | '"'));
    let lower = plain.to_ascii_lowercase();
    let header = lower.strip_prefix("http_").unwrap_or(&lower).replace('_', "-");
    SECRET_HEADERS.contains(&header.as_str()) || sensitive::is_secret_name(plain)
}

/// The value of something with this name. A bare variable is a reference, which tells nothing.
pub(super) fn value(name: &str, text: &str) -> String {
    let reference = text.starts_with('$') && text.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_secret_name(name) && !reference && !text.is_empty() {
        true => HIDDEN.to_owned(),
        false => argument(text),
    }
}

/// One argument by itself.
fn argument(text: &str) -> String {
    if text.starts_with("data:") {
        // `ssl_certificate_key data:…` is the key itself.
        return format!("data:{HIDDEN}");
    }
    match text.split_once('=') {
        Some((name, value)) if is_secret_name(name) && !value.is_empty() => format!("{name}={HIDDEN}"),
        Some(_) | None => sensitive::show("", text),
    }
}

/// The arguments of a directive, with what may be a secret taken out.
pub(super) fn arguments(directive: &Directive) -> Vec<String> {
    let args = &directive.args;
    if SECRET_DIRECTIVES.contains(&directive.name.as_str()) {
        return args.iter().map(|_| HIDDEN.to_owned()).collect();
    }
    if directive.name == "return" {
        // Its text can be anything; a URL is where it sends to.
        let shown = |text: &String| match text.contains("://") || text.len() == 3 || text.starts_with('/') {
            true => argument(text),
            false => HIDDEN.to_owned(),
        };
        return args.iter().map(shown).collect();
    }
    let mut hidden = false;
    let mut shown = Vec::new();
    for arg in args {
        shown.push(if hidden { value("password", arg) } else { argument(arg) });
        hidden |= is_secret_name(arg);
    }
    shown
}

/// The arguments as one text, parts with blanks in quotes.
pub(super) fn line(directive: &Directive) -> String {
    let quoted = |text: &String| match text.is_empty() || text.contains([' ', '\t', '\n', ';', '{', '"']) {
        true => format!("\"{}\"", text.replace('"', "\\\"")),
        false => text.clone(),
    };
    arguments(directive).iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::format::nginx::{Body, Place};

    fn of(name: &str, args: &[&str]) -> String {
        let place = Place { file: Arc::from(Path::new("/x")), line: 1 };
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        line(&Directive { name: name.to_owned(), args, place, body: Body::None })
    }

    #[test]
    fn references_and_harmless_arguments_stay() {
        assert_eq!(
            of("proxy_set_header", &["Authorization", "$http_authorization"]),
            "Authorization $http_authorization"
        );
        assert_eq!(of("add_header", &["X-Frame-Options", "SAMEORIGIN", "always"]), "X-Frame-Options SAMEORIGIN always");
        assert_eq!(of("return", &["301", "https://$host$request_uri"]), "301 https://$host$request_uri");
        assert_eq!(of("log_format", &["main", "$remote_addr \"$request\""]), "main \"$remote_addr \\\"$request\\\"\"");
    }

    proptest! {
        #[test]
        fn secrets_do_not_stay(secret in "[a-z0-9]{12,20}") {
            let basic = format!("Basic {secret}");
            let url = format!("http://user:{secret}@host/");
            let data = format!("data:-----BEGIN {secret}");
            let pair = format!("DB_PASSWORD={secret}");
            for (name, args) in [
                ("proxy_set_header", vec!["Authorization", basic.as_str()]),
                ("proxy_set_header", vec!["X-Api-Key", secret.as_str()]),
                ("fastcgi_param", vec!["DB_PASSWORD", secret.as_str()]),
                ("set", vec!["$auth_token", secret.as_str()]),
                ("env", vec![pair.as_str()]),
                ("proxy_pass", vec![url.as_str()]),
                ("ssl_certificate_key", vec![data.as_str()]),
                ("secure_link_md5", vec!["$expires", secret.as_str()]),
                ("if", vec!["($http_x_api_key", "=", secret.as_str(), ")"]),
                ("if", vec!["($http_authorization", "!=", basic.as_str(), ")"]),
                ("return", vec!["200", secret.as_str()]),
            ] {
                let shown = of(name, &args);
                prop_assert!(!shown.contains(&secret), "{} {}", name, shown);
            }
        }
    }
}

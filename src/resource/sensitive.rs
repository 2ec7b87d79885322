//! The guard between values that programs are given and the facts: what may be a secret is never kept as text, whatever
//! type a rule asks for.

use crate::value::secret::Salt;
use crate::value::types::redact_userinfo;
use crate::value::{List, Observed, Reason, Secret, Type, Value};

/// Parts of names that stand for secrets, as upper-case words joined by `_`.
const SECRET_PARTS: [&str; 13] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASSCODE",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "PRIVATE",
    "CREDENTIAL",
    "PWD",
    "SALT",
    "BEARER",
];
const SECRET_ENDS: [&str; 12] = [
    "_KEY",
    "_PASS",
    "_PW",
    "_DSN",
    "_AUTH",
    "_COOKIE",
    "_WEBHOOK",
    "WEBHOOK_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "MONGODB_URI",
    "CONNECTION_STRING",
];
const SECRET_NAMES: [&str; 8] = ["KEY", "PASS", "PW", "PIN", "DSN", "AUTH", "JWT", "COOKIE"];
/// What a name ends in when it speaks about a secret without being one.
const HARMLESS_ENDS: [&str; 24] = [
    "_FILE",
    "_PATH",
    "_DIR",
    "_TTL",
    "_EXPIRY",
    "_EXPIRES",
    "_EXPIRATION",
    "_LIFETIME",
    "_LENGTH",
    "_MIN",
    "_MAX",
    "_ENABLED",
    "_DISABLED",
    "_REQUIRED",
    "_ALGORITHM",
    "_TYPE",
    "_NAME",
    "_ENCRYPTION",
    "_SECURE",
    "_ISSUER",
    "_AUDIENCE",
    "_HOSTS",
    "_DOMAIN",
    "_SAMESITE",
];
const HARMLESS_NAMES: [&str; 3] = ["PWD", "OLDPWD", "SECRETSPROVIDER"];

/// What a name speaks about when it allows that there is no secret.
const ALLOWED_EMPTY: &str = "ALLOW_EMPTY";

/// Whether a variable or a setting by this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = folded(name);
    if name.contains(ALLOWED_EMPTY) {
        return false;
    }
    if HARMLESS_NAMES.contains(&name.as_str()) || HARMLESS_ENDS.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    SECRET_NAMES.contains(&name.as_str())
        || SECRET_PARTS.iter().any(|part| name.contains(part))
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// `apiKey`, `api-key` and `API_KEY` are one name.
fn folded(name: &str) -> String {
    let mut folded = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower {
            folded.push('_');
        }
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        folded.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    }
    folded
}

/// Whether the value gives itself away: a private key, a connection string with a password.
pub(super) fn is_secret_text(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.contains("PRIVATE KEY-----")
        || ["password=", "passwd=", "pwd=", "secret=", "token=", "password ="].iter().any(|mark| lower.contains(mark))
}

/// Reads a program's own text for a field, as `ty`. Text of what is a secret by its name or its look is not kept.
pub(super) fn read(name: &str, text: &str, ty: Type, salt: &Salt) -> Observed {
    let by_name = is_secret_name(name);
    let secret = by_name || is_secret_text(text);
    match ty {
        Type::Secret => Observed::Known(Value::Secret(Secret::measure(text.as_bytes(), salt))),
        Type::Url => url(text, secret),
        Type::Text | Type::As | Type::List(_) if secret => withheld(by_name),
        Type::Text | Type::As => Observed::Known(redact(text).into()),
        Type::List(_) => Observed::Known(redact_items(ty.read_foreign(text, salt))),
        other => match other.read_foreign(text, salt) {
            Value::Invalid(_) if secret => Observed::Known(Value::Invalid("***".into())),
            Value::Invalid(text) => Observed::Known(Value::Invalid(redact(&text).into())),
            value => Observed::Known(value),
        },
    }
}

/// The same for a list of texts.
pub(super) fn read_list(name: &str, items: &[String], ty: Type, salt: &Salt) -> Observed {
    let Type::List(item) = ty else {
        return Observed::unknown("it is a list; read it `as: list`");
    };
    if is_secret_name(name) || items.iter().any(|text| is_secret_text(text)) {
        return withheld(is_secret_name(name));
    }
    Observed::Known(redact_items(items.iter().map(|text| item.read_foreign(text, salt)).collect()))
}

/// The text for a person: `***` for a secret.
pub(super) fn show(name: &str, text: &str) -> String {
    if is_secret_name(name) || is_secret_text(text) { "***".to_owned() } else { redact(text) }
}

/// Text with the password of a URL taken out, and the user too where it is as long as a token
/// (`https://ghp_…@github.com/`).
fn redact(text: &str) -> String {
    const TOKEN: usize = 20;
    let text = redact_userinfo(text);
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    match rest.split_once('@') {
        Some((user, host)) if user.len() >= TOKEN && !user.contains([':', '/']) => format!("{scheme}://***@{host}"),
        Some(_) | None => text,
    }
}

fn withheld(by_name: bool) -> Observed {
    let what = if by_name { "name" } else { "look" };
    Observed::Unknown(Reason::new(format!("its {what} says that it is a secret: judge it `as: secret`")))
}

/// A secret that is a URL keeps its place and its harmless parameters: user information, other parameters' values and
/// the fragment are taken out. What has no authority (`host=… password=…`) is no URL to cut up.
fn url(text: &str, secret: bool) -> Observed {
    if !secret {
        return Observed::Known(redact(text).into());
    }
    let Some((scheme, rest)) = text.split_once("://") else { return withheld(true) };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let user = if rest.contains('@') { "***@" } else { "" };
    let host = host.split('#').next().unwrap_or_default();
    let (place, query) = host.split_once('?').map_or((host, None), |(place, query)| (place, Some(query)));
    let parameter = |part: &str| match part.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}=***"),
        Some(_) => part.to_owned(),
        None => "***".to_owned(),
    };
    let query = query.map(|query| format!("?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")));
    Observed::Known(format!("{scheme}://{user}{place}{}", query.unwrap_or_default()).into())
}

fn redact_items(value: Value) -> Value {
    let Value::List(List { items, more }) = value else { return value };
    let items = items.into_iter().map(|item| match item {
        Observed::Known(Value::Text(text)) => Observed::Known(redact(&text).into()),
        other => other,
    });
    Value::List(List { items: items.collect(), more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::types::AS;
    use proptest::prelude::*;

    #[test]
    fn names_say_what_is_secret() {
        for name in [
            "DB_PASSWORD",
            "pgpassword",
            "apiKey",
            "api-key",
            "STRIPE_KEY",
            "DATABASE_URL",
            "JWT_SECRET",
            "x.auth.token",
            "SENTRY_DSN",
            "dbPass",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "POSTGRES_PASSWORD_FILE",
            "TOKEN_TTL",
            "KEYCLOAK_HOST",
            "sslmode",
            "MONKEY",
            "ssl_key_file",
            "PASSWORD_ENCRYPTION",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn urls_keep_their_place() {
        let salt = Salt::random().unwrap();
        let read = |name: &str, text: &str| read(name, text, Type::Url, &salt).to_string();
        assert_eq!(
            read("DATABASE_URL", "postgres://u:p@h/d?sslmode=require&password=x"),
            "postgres://***@h/d?sslmode=require&password=***"
        );
        assert_eq!(read("HOOK_TOKEN", "https://tok@h/"), "https://***@h/");
        assert_eq!(read("ORIGIN", "https://u:p@h/"), "https://u:***@h/");
        assert_eq!(read("REPO", "https://ghp_0123456789abcdefghij@h/"), "https://***@h/");
        assert_eq!(read("REPO", "ssh://git@h/"), "ssh://git@h/");
        assert!(read("DATABASE_URL", "host=h password=p").starts_with("unknown"));
    }

    proptest! {
        #[test]
        fn no_type_lets_a_named_secret_through(secret in "[g-zG-Z]{10,20}", which in 0..AS.len()) {
            let salt = Salt::random().unwrap();
            let (_, ty) = AS[which];
            for text in [secret.clone(), format!("{secret},b"), format!("postgres://u:{secret}@h"), format!("x password={secret}")] {
                let shown = format!("{:?}", read("APP_PASSWORD", &text, ty, &salt));
                prop_assert!(!shown.contains(&secret), "{}", shown);
                let shown = format!("{:?}", read_list("APP_PASSWORD", std::slice::from_ref(&text), ty, &salt));
                prop_assert!(!shown.contains(&secret), "{}", shown);
            }
            let shown = format!("{:?}", read("HOME", &format!("x password={secret}"), ty, &salt));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}

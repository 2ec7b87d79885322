//! Whether a page of another origin may read an answer: the CORS protocol of the Fetch standard (section 3.2) as a
//! browser carries it out, by the answer's fields alone.

use super::Headers;
use super::headers::{NotTokens, tokens};

/// Whether the page sends cookies and other credentials along (`credentials: "include"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    Omit,
    Include,
}

/// Why the browser keeps an answer from the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoAllowOrigin,
    /// It names another origin, several, or this one in another spelling.
    OtherOrigin,
    /// `*` is not for requests with credentials.
    Wildcard,
    NoAllowCredentials,
    /// A preflight has to be answered with a status from 200 to 299.
    Status,
    /// The list of methods or of header fields does not parse.
    Unreadable,
    Method,
    Header,
}

impl Refusal {
    /// A fragment that says so of the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::NoAllowOrigin => "it has no Access-Control-Allow-Origin",
            Refusal::OtherOrigin => "its Access-Control-Allow-Origin is not exactly this origin",
            Refusal::Wildcard => "its Access-Control-Allow-Origin is `*`, which does not cover credentials",
            Refusal::NoAllowCredentials => "its Access-Control-Allow-Credentials is not `true`",
            Refusal::Status => "the preflight is not answered with success",
            Refusal::Unreadable => "its lists of allowed methods and headers do not parse",
            Refusal::Method => "the method is not among the allowed ones",
            Refusal::Header => "the header is not among the allowed ones",
        }
    }
}

/// The *CORS check* (section 4.10). `origin` is as the Origin field has it.
///
/// # Errors
/// Why the page does not see the answer.
pub fn check(origin: &str, credentials: Credentials, answer: &Headers) -> Result<(), Refusal> {
    // Repeated fields are one value with a comma in it, which is the origin of nobody.
    let allowed = answer.get("access-control-allow-origin").ok_or(Refusal::NoAllowOrigin)?;
    if credentials == Credentials::Omit && allowed == "*" {
        return Ok(());
    }
    if allowed != origin {
        return Err(if allowed == "*" { Refusal::Wildcard } else { Refusal::OtherOrigin });
    }
    if credentials == Credentials::Omit {
        return Ok(());
    }
    // Byte for byte: `True` is something else.
    match answer.get("access-control-allow-credentials").as_deref() {
        Some("true") => Ok(()),
        Some(_) | None => Err(Refusal::NoAllowCredentials),
    }
}

/// What a page wants to send that needs a preflight.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub origin: &'a str,
    pub credentials: Credentials,
    /// As the browser sends it: it folds only the common ones to upper case.
    pub method: &'a str,
    /// Names of header fields that are not allowed to everybody.
    pub headers: &'a [&'a str],
}

/// The *CORS-preflight fetch* (section 4.8): whether the request itself may follow in some browser.
///
/// # Errors
/// Why it is not sent.
pub fn preflight(wish: Wish<'_>, status: u16, answer: &Headers) -> Result<(), Refusal> {
    check(wish.origin, wish.credentials, answer)?;
    if !(200..300).contains(&status) {
        return Err(Refusal::Status);
    }
    let unreadable = |_: NotTokens| Refusal::Unreadable;
    let methods = tokens(answer, "access-control-allow-methods").map_err(unreadable)?.unwrap_or_default();
    let headers = tokens(answer, "access-control-allow-headers").map_err(unreadable)?.unwrap_or_default();
    let anything = |list: &[String]| wish.credentials == Credentials::Omit && list.iter().any(|item| item == "*");
    let is_simple = ["GET", "HEAD", "POST"].contains(&wish.method);
    if !is_simple && !methods.iter().any(|method| method == wish.method) && !anything(&methods) {
        return Err(Refusal::Method);
    }
    // The standard leaves `authorization` out of what the wildcard covers. Chromium lets it pass with a warning, so a page
    // can send it, and that is what counts.
    let is_allowed = |name: &&str| headers.iter().any(|header| header.eq_ignore_ascii_case(name)) || anything(&headers);
    if wish.headers.iter().all(is_allowed) { Ok(()) } else { Err(Refusal::Header) }
}

/// Whether caches are told that the answer depends on who asks (RFC 9110, section 12.5.5).
pub fn varies_by_origin(answer: &Headers) -> bool {
    let varies = answer.get("vary").unwrap_or_default();
    varies.split(',').map(str::trim).any(|name| name == "*" || name.eq_ignore_ascii_case("origin"))
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::Credentials::{Include, Omit};
    use super::*;
    use proptest::prelude::*;

    const ME: &str = "https://app.example.com";

    #[test]
    fn the_check_of_the_standard() {
        let allow = "Access-Control-Allow-Origin";
        for (text, omit, include) in [
            (format!("{allow}: {ME}"), true, false),
            (format!("{allow}: {ME}\nAccess-Control-Allow-Credentials: true"), true, true),
            (format!("{allow}: {ME}\nAccess-Control-Allow-Credentials: True"), true, false),
            (
                format!(
                    "{allow}: {ME}\nAccess-Control-Allow-Credentials: true\nAccess-Control-Allow-Credentials: true"
                ),
                true,
                false,
            ),
            (format!("{allow}: *"), true, false),
            (format!("{allow}: *\nAccess-Control-Allow-Credentials: true"), true, false),
            (format!("{allow}: {ME}/"), false, false),
            (format!("{allow}: https://App.example.com"), false, false),
            (format!("{allow}: {ME}\n{allow}: {ME}"), false, false),
            (format!("{allow}: {ME}, https://other.example"), false, false),
            (format!("{allow}: *, *"), false, false),
            (format!("{allow}: null"), false, false),
            (format!("{allow}:"), false, false),
            (format!("{allow}: \"*\""), false, false),
            (format!("{allow}:   *  "), true, false),
            ("x: y".to_owned(), false, false),
        ] {
            let seen = headers(&text);
            assert_eq!((check(ME, Omit, &seen).is_ok(), check(ME, Include, &seen).is_ok()), (omit, include), "{text}");
        }
        let null = headers("Access-Control-Allow-Origin: null\nAccess-Control-Allow-Credentials: true");
        assert_eq!(check("null", Include, &null), Ok(()));
    }

    #[test]
    fn the_preflight_of_the_standard() {
        let base = format!("Access-Control-Allow-Origin: {ME}\nAccess-Control-Allow-Credentials: true\n");
        let ask = |credentials, method, names: &[&str], status, more: &str| {
            let wish = Wish { origin: ME, credentials, method, headers: names };
            preflight(wish, status, &headers(&format!("{base}{more}")))
        };
        let methods = "Access-Control-Allow-Methods: ";
        let names = "Access-Control-Allow-Headers: ";
        assert_eq!(ask(Omit, "POST", &[], 204, "x: y"), Ok(()), "POST needs no word");
        assert_eq!(ask(Omit, "PUT", &[], 204, "x: y"), Err(Refusal::Method));
        assert_eq!(ask(Omit, "PUT", &[], 204, &format!("{methods}GET, PUT")), Ok(()));
        assert_eq!(ask(Omit, "PUT", &[], 404, &format!("{methods}PUT")), Err(Refusal::Status));
        assert_eq!(ask(Omit, "PUT", &[], 301, &format!("{methods}PUT")), Err(Refusal::Status));
        assert_eq!(ask(Omit, "PUT", &[], 204, &format!("{methods}put")), Err(Refusal::Method), "methods have a case");
        assert_eq!(ask(Omit, "PUT", &[], 204, &format!("{methods}*")), Ok(()));
        assert_eq!(ask(Include, "PUT", &[], 204, &format!("{methods}*")), Err(Refusal::Method));
        assert_eq!(ask(Include, "PUT", &[], 204, &format!("{methods}PUT\n{methods}DELETE")), Ok(()));
        assert_eq!(ask(Omit, "PUT", &[], 204, &format!("{methods}PUT DELETE")), Err(Refusal::Unreadable));
        assert_eq!(ask(Omit, "POST", &["x-a"], 200, &format!("{names}X-A")), Ok(()), "headers have none");
        assert_eq!(ask(Omit, "POST", &["x-a", "x-b"], 200, &format!("{names}x-a")), Err(Refusal::Header));
        assert_eq!(ask(Omit, "POST", &["x-a"], 200, &format!("{names}*")), Ok(()));
        assert_eq!(ask(Include, "POST", &["x-a"], 200, &format!("{names}*")), Err(Refusal::Header));
        assert_eq!(ask(Omit, "POST", &["Authorization"], 200, &format!("{names}*")), Ok(()), "as Chromium does");
        assert_eq!(ask(Include, "POST", &["Authorization"], 200, &format!("{names}*")), Err(Refusal::Header));
        assert_eq!(ask(Omit, "POST", &["authorization"], 200, &format!("{names}*, Authorization")), Ok(()));
        assert_eq!(ask(Omit, "POST", &[], 200, &format!("{names}a b")), Err(Refusal::Unreadable));
    }

    #[test]
    fn caches_are_told() {
        assert!(varies_by_origin(&headers("Vary: Accept, ORIGIN")));
        assert!(varies_by_origin(&headers("Vary: *")));
        assert!(varies_by_origin(&headers("Vary: Accept\nVary: Origin")));
        assert!(!varies_by_origin(&headers("Vary: X-Origin")));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), status in any::<u16>()) {
            let mut answer = Headers::default();
            for name in ["origin", "methods", "headers", "credentials"] {
                answer.push(&format!("access-control-allow-{name}"), &bytes);
            }
            let wish = Wish { origin: ME, credentials: Omit, method: "PUT", headers: &["x"] };
            let _ = preflight(wish, status, &answer);
        }
    }
}

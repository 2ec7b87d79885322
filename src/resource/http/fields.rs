//! The field table of `http`.

use crate::http::cookie::{PREFIX, SAME_SITE};
use crate::http::framing::FRAMED_BY;
use crate::http::permissions::{EMBEDDER_POLICY, OPENER_POLICY, RESOURCE_POLICY};
use crate::http::referrer::REFERRER_POLICY;
use crate::resource::{Field, field};
use crate::value::Type;
use crate::value::types::Dialect;
use crate::value::vocabulary::Vocabulary;

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
static TEXTS: Type = Type::List(&TEXT);
static DIRECTIVE: Type = Type::Record(DIRECTIVES);
static COOKIE: Type = Type::Record(COOKIES);
static REDIRECT: Type = Type::Record(REDIRECTS);

/// The schemes of HTTP.
pub(super) static SCHEME: Vocabulary = Vocabulary { name: "http_scheme", words: &["http", "https"], ordered: true };

pub(super) const REDIRECTS: &[Field] = &[
    field("url", Type::Url, "", "what was asked; values of a query are left out"),
    field("status", Type::Integer, "", "what it answered"),
];

pub(super) const DIRECTIVES: &[Field] = &[
    field("policy", Type::Integer, "", "of which policy it is, from 1: each is enforced on its own"),
    field("directive", Type::Text, "", "its name in lower case: `script-src`"),
    field("sources", Type::List(&TEXT), "", "its sources or words"),
];

pub(super) const COOKIES: &[Field] = &[
    field("name", Type::Text, "", "the name"),
    field("value", Type::Secret, "", "what is known of the value"),
    field(
        "login",
        BOOL,
        "",
        "whether its name says that it keeps a visitor logged in: it speaks of a session, a token or a login, and not of forged requests",
    ),
    field("secure", BOOL, "Secure", "whether it is sent over TLS alone"),
    field("http_only", BOOL, "HttpOnly", "whether scripts cannot read it"),
    field(
        "same_site",
        Type::Word(&SAME_SITE),
        "SameSite",
        "to which requests of other sites it is added; `default` when it does not say, or not in a word that browsers know",
    ),
    field("partitioned", BOOL, "Partitioned", "whether each site that embeds the server has its own"),
    field("domain", Type::Text, "Domain", "the domain whose hosts all get it; absent when only this host does"),
    field("path", Type::Text, "Path", "the path that it says; absent when that of the request counts"),
    field(
        "lifetime",
        Type::Duration,
        "Max-Age, Expires",
        "how long it is kept, at most 400 days; 0 when it deletes; absent when it ends with the session",
    ),
    field("prefix", Type::Word(&PREFIX), "", "the promise in its name; absent without one"),
    field("stored", BOOL, "", "whether a browser takes it"),
    field("refused", Type::Text, "", "why a browser does not; absent when it does"),
];

pub(super) const FIELDS: &[Field] = &[
    field("url", Type::Url, "", "what answered in the end; values of a query are left out"),
    field("scheme", Type::Word(&SCHEME), "", "how it was asked in the end"),
    field("asked_scheme", Type::Word(&SCHEME), "", "how it was asked first"),
    field(
        "host_is_address",
        BOOL,
        "",
        "whether the host is an address instead of a name, for which browsers remember nothing",
    ),
    field("loopback", BOOL, "", "whether the host is this machine itself"),
    field(
        "verified",
        BOOL,
        "",
        "whether the server's certificate was verified; false where the endpoint is `insecure`, or without TLS",
    ),
    field("status", Type::Integer, "", "the status code"),
    field("http_version", Type::Text, "", "`HTTP/1.1` or `HTTP/1.0`; harden does not offer others"),
    field("redirects", Type::List(&REDIRECT), "Location", "the redirects that were followed"),
    field(
        "location",
        Type::Url,
        "Location",
        "where the answer redirects to, when that was not followed; absent when it is no redirect",
    ),
    field("not_followed", Type::Text, "", "why the redirect was not followed; absent when there is none"),
    field("document", BOOL, "Content-Type", "whether a browser shows the answer as a page that can run scripts"),
    field(
        "content_type",
        Type::Text,
        "Content-Type",
        "the type of the answer without parameters; absent when there is no valid one",
    ),
    field(
        "headers",
        Type::Map(&TEXT),
        "",
        "header fields by their names in lower case, `set-cookie` aside; repeated ones are joined by commas",
    ),
    field(
        "repeated_headers",
        Type::List(&TEXT),
        "",
        "names of header fields that came more than once, `set-cookie` aside",
    ),
    field(
        "server_versions",
        Type::List(&TEXT),
        "",
        "header fields that name the server's software with a version: `server: nginx/1.22.1`",
    ),
    field(
        "hsts_max_age",
        Type::Duration,
        "Strict-Transport-Security",
        "how long browsers ask over TLS alone; absent when there is no such field that they take",
    ),
    field(
        "hsts_include_subdomains",
        BOOL,
        "Strict-Transport-Security",
        "whether that covers all hosts below; absent as above",
    ),
    field(
        "hsts_preload",
        BOOL,
        "Strict-Transport-Security",
        "whether the host asks to be in the browsers' built-in list; absent as above",
    ),
    field(
        "hsts_ignored",
        Type::Text,
        "Strict-Transport-Security",
        "why browsers ignore the field; absent when they take it, or there is none",
    ),
    field(
        "csp",
        Type::List(&DIRECTIVE),
        "Content-Security-Policy",
        "the directives of the policies that are enforced; nonces are left out",
    ),
    field(
        "csp_report_only",
        Type::List(&DIRECTIVE),
        "Content-Security-Policy-Report-Only",
        "those that are only reported",
    ),
    field(
        "inline_scripts",
        BOOL,
        "Content-Security-Policy",
        "whether a script that is injected into the page's text runs",
    ),
    field("eval", BOOL, "Content-Security-Policy", "whether scripts can turn text into code"),
    field(
        "scripts_from_anywhere",
        BOOL,
        "Content-Security-Policy",
        "whether scripts load from every host, or from `data:`",
    ),
    field(
        "plugins_limited",
        BOOL,
        "Content-Security-Policy",
        "whether `object-src`, or `default-src` in its place, leaves out foreign hosts",
    ),
    field(
        "base_limited",
        BOOL,
        "Content-Security-Policy",
        "whether `base-uri` keeps injected text from moving the page's relative links",
    ),
    field("framed_by", Type::Word(&FRAMED_BY), "X-Frame-Options, frame-ancestors", "who may show the page in a frame"),
    field("nosniff", BOOL, "X-Content-Type-Options", "whether browsers keep to the type that is given"),
    field(
        "referrer_policy",
        Type::Word(&REFERRER_POLICY),
        "Referrer-Policy",
        "what of the page's address others learn; absent when the browser's own default counts",
    ),
    field(
        "permissions_policy",
        Type::Map(&TEXTS),
        "Permissions-Policy",
        "features of the browser and who may use them (`self`, `*`, origins; nobody when empty); absent without the field or when browsers ignore it",
    ),
    field(
        "opener_policy",
        Type::Word(&OPENER_POLICY),
        "Cross-Origin-Opener-Policy",
        "who keeps a handle on the page's window; `unsafe-none` without the field",
    ),
    field(
        "embedder_policy",
        Type::Word(&EMBEDDER_POLICY),
        "Cross-Origin-Embedder-Policy",
        "what the page embeds; `unsafe-none` without the field",
    ),
    field(
        "resource_policy",
        Type::Word(&RESOURCE_POLICY),
        "Cross-Origin-Resource-Policy",
        "who may embed the answer; absent when everybody may",
    ),
    field(
        "cache_control",
        Type::Map(&TEXT),
        "Cache-Control",
        "directives in lower case and their arguments; absent without the field",
    ),
    field("cookies", Type::List(&COOKIE), "Set-Cookie", "cookies of the answer and of the redirects before it"),
    field("body_size", Type::Size, "", "bytes of the body; unknown when it is larger than 1 MiB"),
    field(
        "value",
        Type::As,
        "",
        "what the JSON body has for the key that `json` names; absent when it has none, or null",
    ),
    field("elapsed_ms", Type::Integer, "", "milliseconds from the last request to the end of the header"),
    field(
        "clock_skew",
        Type::Duration,
        "Date",
        "how far the server's clock is from this machine's, either way; absent without a valid date",
    ),
];

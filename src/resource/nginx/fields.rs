//! The field table of `nginx`.

use super::answer::ANSWER;
use super::http::{ACCESS, HEADER, LIMIT, PASSED_HEADER};
use super::listen::LISTEN;
use super::logs::{ACCESS_LOG, ERROR_LOG};
use crate::resource::{Field, field};
use crate::value::Type;
use crate::value::types::Dialect;
use crate::value::vocabulary::{TLS_VERSION, Vocabulary};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);
static LISTENS: Type = Type::Record(LISTEN);
static HEADERS: Type = Type::Record(HEADER);
static PASSED_HEADERS: Type = Type::Record(PASSED_HEADER);
static ACCESSES: Type = Type::Record(ACCESS);
static LIMITS: Type = Type::Record(LIMIT);
static ACCESS_LOGS: Type = Type::Record(ACCESS_LOG);
static ERROR_LOGS: Type = Type::Record(ERROR_LOG);
static PROTOCOL: Type = Type::Word(&TLS_VERSION);
static NET: Type = Type::Net;

/// The places of a configuration.
pub(super) static PLACE: Vocabulary = Vocabulary {
    name: "nginx_place",
    words: &[
        "main",
        "events",
        "http",
        "server",
        "location",
        "if",
        "limit_except",
        "upstream",
        "stream",
        "stream_server",
        "mail",
        "mail_server",
    ],
    ordered: false,
};

pub(super) const FIELDS: &[Field] = &[
    field("kind", Type::Word(&PLACE), "", "which place it is"),
    field(
        "path",
        Type::Text,
        "",
        "what a location matches, with its modifier (`~ \\.php$`); the name of an upstream; the condition of an `if`, the methods of a `limit_except`",
    ),
    field(
        "server_names",
        TEXTS,
        "server_name",
        "names of the server; an item is unknown when a variable makes it; one empty name when none is given",
    ),
    field("sets", TEXTS, "", "the directives that stand in the block itself, each once"),
    field("origins", Type::Map(&TEXT), "", "where each field is set, as `file:line`; `default` when nothing sets it"),
    field(
        "directives",
        Type::Map(&TEXTS),
        "",
        "the directives that hold here, by name, with the arguments of each; unknown when a file could not be read",
    ),
    field("version", Type::Version, "", "nginx's version by its program file; of `main` only"),
    field("built_with", TEXTS, "", "what `nginx -V` lists, compiler and linker options left out; of `main` only"),
    field("modules", TEXTS, "load_module", "modules that are loaded; of `main` only"),
    field("user", Type::Text, "user", "the user of the workers; of `main` only"),
    field(
        "group",
        Type::Text,
        "user",
        "the group that `user` names; absent when it is that user's own; of `main` only",
    ),
    field("pid", Type::Text, "pid", "the file with the process id, relative ones below nginx's prefix; of `main` only"),
    field("working_directory", Type::Text, "working_directory", "where cores are dumped; of `main` only"),
    field("listen", Type::List(&LISTENS), "listen", "where the server listens; of its locations too"),
    field("tls", BOOL, "", "whether clients of this server speak TLS on any of its addresses; of its locations too"),
    field("plain", BOOL, "", "whether clients speak without TLS on any of its addresses; of its locations too"),
    field(
        "default_server",
        BOOL,
        "",
        "whether requests for names that no server has come here on any address; of its locations too",
    ),
    field("http2", BOOL, "", "whether HTTP/2 is spoken on any address; of its locations too"),
    field(
        "answer",
        Type::Word(&ANSWER),
        "",
        "what happens to every request here: `serve` unless `return`, `rewrite` and `if` send all of them to https, elsewhere, or refuse them; of servers and locations",
    ),
    field("ssl_certificate", TEXTS, "ssl_certificate", "files; unknown items come from elsewhere"),
    field("ssl_certificate_key", TEXTS, "ssl_certificate_key", "files; unknown items come from elsewhere"),
    field(
        "ssl_protocols",
        Type::List(&PROTOCOL),
        "ssl_protocols",
        "versions that are accepted; the handshake goes by those of the address's default server",
    ),
    field("ssl_ciphers", Type::Text, "ssl_ciphers", "OpenSSL's list, for TLS 1.2 and below"),
    field("ssl_prefer_server_ciphers", BOOL, "ssl_prefer_server_ciphers", ""),
    field("ssl_session_tickets", BOOL, "ssl_session_tickets", ""),
    field("ssl_session_cache", Type::Text, "ssl_session_cache", ""),
    field("ssl_session_timeout", Type::Duration, "ssl_session_timeout", ""),
    field("ssl_dhparam", Type::Text, "ssl_dhparam", "a file; absent when no finite-field Diffie-Hellman is offered"),
    field("ssl_ecdh_curve", Type::Text, "ssl_ecdh_curve", ""),
    field("ssl_stapling", BOOL, "ssl_stapling", ""),
    field("ssl_stapling_verify", BOOL, "ssl_stapling_verify", ""),
    field("ssl_early_data", BOOL, "ssl_early_data", ""),
    field(
        "ssl_reject_handshake",
        BOOL,
        "ssl_reject_handshake",
        "whether clients are turned away before any certificate",
    ),
    field("ssl_verify_client", Type::Text, "ssl_verify_client", "`on`, `off`, `optional` or `optional_no_ca`"),
    field("ssl_client_certificate", Type::Text, "ssl_client_certificate", "a file with the CAs of clients"),
    field("ssl_trusted_certificate", Type::Text, "ssl_trusted_certificate", "a file"),
    field("ssl_crl", Type::Text, "ssl_crl", "a file"),
    field("server_tokens", Type::Text, "server_tokens", "`on`, `off`, `build` or a text"),
    field("autoindex", BOOL, "autoindex", "whether directories are listed"),
    field("root", Type::Text, "root, alias", "the directory that files are served from"),
    field(
        "alias_escapes",
        BOOL,
        "alias",
        "whether requests get out of the directory of an `alias` by `..`; absent without one; of locations",
    ),
    field(
        "refuses_hidden",
        BOOL,
        "location",
        "whether a location refuses all names that start with a dot, but perhaps `.well-known`; of servers",
    ),
    field("internal", BOOL, "internal", "whether only nginx itself leads requests here"),
    field("disable_symlinks", Type::Text, "disable_symlinks", ""),
    field("dav_methods", TEXTS, "dav_methods", "methods of WebDAV that are allowed"),
    field("methods", TEXTS, "limit_except, if", "the methods that are not refused; absent when none is"),
    field(
        "headers",
        Type::List(&HEADERS),
        "add_header",
        "headers that are added to answers; a block with any has none of those above it",
    ),
    field("gzip", BOOL, "gzip", ""),
    field("ignore_invalid_headers", BOOL, "ignore_invalid_headers", ""),
    field("underscores_in_headers", BOOL, "underscores_in_headers", ""),
    field("merge_slashes", BOOL, "merge_slashes", ""),
    field("client_max_body_size", Type::Size, "client_max_body_size", "0 for any"),
    field(
        "client_body_buffer_size",
        Type::Size,
        "client_body_buffer_size",
        "nginx's default is that of 64-bit systems",
    ),
    field("client_header_buffer_size", Type::Size, "client_header_buffer_size", ""),
    field("large_client_header_buffers_number", Type::Integer, "large_client_header_buffers", ""),
    field(
        "large_client_header_buffers_size",
        Type::Size,
        "large_client_header_buffers",
        "of each, and so the longest line of a request",
    ),
    field(
        "client_body_timeout",
        Type::Duration,
        "client_body_timeout",
        "a part of a second counts as a whole one, as for all times",
    ),
    field("client_header_timeout", Type::Duration, "client_header_timeout", ""),
    field("send_timeout", Type::Duration, "send_timeout", ""),
    field("keepalive_timeout", Type::Duration, "keepalive_timeout", ""),
    field("proxy_read_timeout", Type::Duration, "proxy_read_timeout", ""),
    field("limit_req", Type::List(&LIMITS), "limit_req", "limits on the rate of requests"),
    field("limit_conn", Type::List(&LIMITS), "limit_conn", "limits on connections at a time"),
    field("access", Type::List(&ACCESSES), "allow, deny", "the rules in their order; the first that matches decides"),
    field("satisfy", Type::Text, "satisfy", "`all`, or `any` when one of address, password and subrequest is enough"),
    field("auth_basic", Type::Text, "auth_basic", "the realm of passwords; absent without"),
    field("auth_request", Type::Text, "auth_request", "where a subrequest asks for leave; absent without"),
    field("proxy_pass", Type::Url, "proxy_pass", "where requests are passed on to; absent when they are not"),
    field(
        "proxy_to",
        Type::List(&NET),
        "proxy_pass",
        "the addresses behind it, those of an `upstream` included; `localhost` for unix sockets, unknown for names",
    ),
    field(
        "proxy_set_header",
        Type::List(&PASSED_HEADERS),
        "proxy_set_header",
        "headers that the configuration passes on; a block with any has none of those above it",
    ),
    field("proxy_hide_header", TEXTS, "proxy_hide_header", "headers of the upstream that are kept back, in lower case"),
    field("proxy_cookie_flags", TEXTS, "proxy_cookie_flags", "flags that the upstream's cookies get"),
    field("proxy_buffering", BOOL, "proxy_buffering", ""),
    field("proxy_ssl_verify", BOOL, "proxy_ssl_verify", "whether the upstream's certificate is checked"),
    field("proxy_ssl_server_name", BOOL, "proxy_ssl_server_name", ""),
    field("proxy_ssl_trusted_certificate", Type::Text, "proxy_ssl_trusted_certificate", "a file"),
    field(
        "proxy_ssl_certificate",
        Type::Text,
        "proxy_ssl_certificate",
        "the file with which nginx shows the upstream who it is",
    ),
    field("proxy_ssl_certificate_key", Type::Text, "proxy_ssl_certificate_key", "a file"),
    field("upstream_servers", TEXTS, "server", "the addresses of an `upstream`, as written"),
    field("access_log", Type::List(&ACCESS_LOGS), "access_log", "where requests are logged; none for `off`"),
    field("error_log", Type::List(&ERROR_LOGS), "error_log", "where errors are logged"),
    field("scripts", TEXTS, "", "programs in Lua, JavaScript or Perl that take part here; what they do is not known"),
];

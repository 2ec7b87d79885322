//! The fields of HTTP: what a server or a location sends, limits, logs and passes on.

use super::answer::is_program;
use super::logs;
use super::reading::{Default, Reading, argument};
use super::redact;
use super::scope::{Found, Scope};
use crate::format::nginx::{Block, Body, Directive, flag, has_variable, size};
use crate::resource::{Field, field};
use crate::value::types::{Dialect, Type};
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Net, Observed, Reason, Record, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

/// Whether an address may come in.
static ACCESS_ACTION: Vocabulary = Vocabulary { name: "nginx_access", words: &["allow", "deny"], ordered: false };

pub(super) const HEADER: &[Field] = &[
    field("name", Type::Text, "", "in lower case"),
    field("value", Type::Text, "", "unknown where variables decide; `***` for a secret"),
    field("always", BOOL, "", "whether errors carry it too, not only 200, 201, 204, 206 and 3xx"),
];

pub(super) const PASSED_HEADER: &[Field] = &[
    field("name", Type::Text, "", "in lower case"),
    field("value", Type::Text, "", "with nginx's variables, such as `$scheme`; `***` for a secret"),
];

pub(super) const ACCESS: &[Field] = &[
    field("action", Type::Word(&ACCESS_ACTION), "", "what the rule does"),
    field("source", Type::Text, "", "an address, a network, `unix:` or `all`"),
];

pub(super) const LIMIT: &[Field] = &[
    field("zone", Type::Text, "", "the zone that counts"),
    field("key", Type::Text, "", "what is counted by: `$binary_remote_addr` for the client's address"),
    field("limit", Type::Text, "", "`10r/s` for requests, a number for connections"),
];

const FLAGS: [(&str, bool); 9] = [
    ("autoindex", false),
    ("gzip", false),
    ("ignore_invalid_headers", true),
    ("underscores_in_headers", false),
    ("merge_slashes", true),
    ("internal", false),
    ("proxy_ssl_verify", false),
    ("proxy_ssl_server_name", false),
    ("proxy_buffering", true),
];

/// Fills the fields that hold in any place of HTTP.
pub(super) fn fill(reading: &mut Reading<'_, '_>, http: &Block, program: &super::Program) {
    for (name, default) in FLAGS {
        match name {
            // It takes no argument.
            "internal" => reading.one(name, Default::Value(false.into()), |_| true.into()),
            _ => reading.flag(name, default),
        }
    }
    reading.text("server_tokens", Some("on"));
    limits(reading, http);
    headers(reading);
    proxy(reading);
    access(reading);
    logs::fill(reading, http, program);
    reading.one_from("root", reading.scope.nearest_of(&["root", "alias"]), Default::Absent, |one| {
        argument(one, |text| (!has_variable(text)).then(|| text.into()))
    });
    reading.text("disable_symlinks", Some("off"));
    let dav = |one: &Directive| one.args.iter().filter(|arg| *arg != "off").map(|arg| arg.as_str().into()).collect();
    reading.many("dav_methods", "dav_methods", |one| Vec::<Value>::into_iter(dav(one)).map(Observed::from).collect());
    reading.put("methods", methods(reading.scope));
    scripts(reading);
}

fn limits(reading: &mut Reading<'_, '_>, http: &Block) {
    reading.size("client_max_body_size", 1 << 20);
    // Two pages of memory, 16k on every 64-bit system.
    reading.size("client_body_buffer_size", 16 << 10);
    reading.size("client_header_buffer_size", 1 << 10);
    let buffers = "large_client_header_buffers";
    let number = |text: &str| text.parse().ok().map(Value::Int);
    let part = |one: &Directive, at: usize, read: &dyn Fn(&str) -> Option<Value>| {
        let text = one.args.get(at).map(String::as_str).unwrap_or_default();
        read(text).unwrap_or_else(|| Value::Invalid(text.into())).into()
    };
    let found = reading.scope.nearest(buffers);
    reading.one_from("large_client_header_buffers_number", found.clone(), Default::Value(Value::Int(4)), |one| {
        part(one, 0, &number)
    });
    reading.one_from("large_client_header_buffers_size", found, Default::Value(Value::Size(8 << 10)), |one| {
        part(one, 1, &|text| size(text).map(Value::Size))
    });
    for (name, default) in [
        ("client_body_timeout", 60),
        ("client_header_timeout", 60),
        ("send_timeout", 60),
        ("keepalive_timeout", 75),
        ("proxy_read_timeout", 60),
    ] {
        reading.time(name, default);
    }
    for (field, zones) in [("limit_req", "limit_req_zone"), ("limit_conn", "limit_conn_zone")] {
        reading.many(field, field, |one| vec![limit(one, zones, http)]);
    }
}

fn limit(directive: &Directive, zones: &str, http: &Block) -> Observed {
    let named = directive.args.iter().find_map(|arg| arg.strip_prefix("zone="));
    let zone = match named {
        Some(zone) => zone,
        None => directive.args.first().map(String::as_str).unwrap_or_default(),
    };
    let is_it = |one: &&Directive| {
        let mut zones = one.args.iter().filter_map(|arg| arg.strip_prefix("zone="));
        zones.any(|text| text.split(':').next() == Some(zone))
    };
    let defined = http.named(zones).find(is_it);
    let unseen = match http.unseen() {
        Some(reason) => Observed::Unknown(reason),
        None => Observed::unknown("its zone is not defined, which nginx refuses"),
    };
    let key = defined.and_then(|one| one.args.first()).map(|key| Observed::from(key.as_str()));
    let rate = defined.and_then(|one| one.args.iter().find_map(|arg| arg.strip_prefix("rate=")));
    let limit = if named.is_some() { rate } else { directive.args.get(1).map(String::as_str) };
    let record = Record::new(LIMIT)
        .with("zone", zone)
        .with("key", key.unwrap_or_else(|| unseen.clone()))
        .with("limit", limit.map_or(unseen, Observed::from));
    record.into()
}

fn headers(reading: &mut Reading<'_, '_>) {
    let read = |one: &Directive| {
        let [name, value, flags @ ..] = one.args.as_slice() else { return Vec::new() };
        // nginx leaves a header out whose value is empty.
        if value.is_empty() {
            return Vec::new();
        }
        let value = match has_variable(value) {
            true => Observed::unknown(format!("{}: variables decide its value", one.place)),
            false => redact::value(name, value).into(),
        };
        let always = flags.iter().any(|flag| flag == "always");
        let record = Record::new(HEADER).with("name", name.to_ascii_lowercase()).with("value", value);
        vec![record.with("always", always).into()]
    };
    reading.many("headers", "add_header", read);
    let others = reading.scope.levels().find_map(|level| {
        let sets = |one: &&Directive| {
            matches!(one.name.as_str(), "more_set_headers" | "more_clear_headers" | "add_header_inherit")
                || one.name.starts_with("header_filter_by_lua")
                || one.name == "js_header_filter"
        };
        level.block.directives.iter().find(sets)
    });
    if let Some(other) = others {
        let reason = Reason::new(format!("{}: `{}` changes the headers too", other.place, other.name));
        reading.doubt("headers", &reason);
    }
    let lower = |one: &Directive| one.args.iter().map(|name| name.to_ascii_lowercase().into()).collect();
    reading.many("proxy_hide_header", "proxy_hide_header", lower);
}

fn proxy(reading: &mut Reading<'_, '_>) {
    let read = |one: &Directive| {
        let [name, value, ..] = one.args.as_slice() else { return Vec::new() };
        let record = Record::new(PASSED_HEADER).with("name", name.to_ascii_lowercase());
        vec![record.with("value", redact::value(name, value)).into()]
    };
    reading.many("proxy_set_header", "proxy_set_header", read);
    for name in ["proxy_ssl_trusted_certificate", "proxy_ssl_certificate", "proxy_ssl_certificate_key"] {
        reading.file(name);
    }
    reading.many("proxy_cookie_flags", "proxy_cookie_flags", |one| vec![redact::line(one).into()]);
}

/// Where requests are passed on to, which nested locations do not inherit.
pub(super) fn proxy_pass(reading: &mut Reading<'_, '_>, own: &Scope<'_>, http: &Block) {
    match own.nearest("proxy_pass") {
        Found::Unseen(reason) => {
            reading.put("proxy_pass", Observed::Unknown(reason.clone()));
            reading.put("proxy_to", Observed::Unknown(reason));
        }
        Found::Unset => {}
        Found::Set(found, _) => {
            let Some(one) = found.first() else { return };
            let url = one.args.first().map(String::as_str).unwrap_or_default();
            reading.origin("proxy_pass", &one.place.to_string());
            reading.put("proxy_pass", Value::from(redact::value("", url)));
            reading.put("proxy_to", proxied(one, url, http));
        }
    }
}

/// The addresses behind a URL or behind the group of servers that it names.
fn proxied(directive: &Directive, url: &str, http: &Block) -> Observed {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if let Some(path) = rest.strip_prefix("unix:") {
        return Value::from_iter([address(&format!("unix:{path}"))]).into();
    }
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if has_variable(host) {
        return Observed::unknown(format!("{}: variables decide where it leads", directive.place));
    }
    let group = http.named("upstream").find(|one| one.args.first().is_some_and(|name| name == host));
    match group.map(|one| &one.body) {
        Some(Body::Block(block)) => {
            let items = block.named("server").filter_map(|one| one.args.first()).map(|text| address(text)).collect();
            Value::List(List { items, more: block.unseen() }).into()
        }
        _ => Value::from_iter([address(host)]).into(),
    }
}

/// An upstream server's address; a unix socket is on this machine.
fn address(text: &str) -> Observed {
    if text.starts_with("unix:") {
        return Observed::from_option(Net::parse("localhost").map(Value::Net));
    }
    let host = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => text.split(':').next().unwrap_or_default(),
    };
    match Net::parse(host) {
        Some(net) => Value::Net(net).into(),
        None => Observed::unknown(format!("`{host}` is a name, which nginx looks up")),
    }
}

fn access(reading: &mut Reading<'_, '_>) {
    let read = |one: &Directive| {
        let action = ACCESS_ACTION.word(&one.name);
        let source = one.args.first().map(String::as_str);
        let record = Record::new(ACCESS).with("action", Observed::from_option(action));
        vec![record.with("source", Observed::from_option(source)).into()]
    };
    reading.many_from("access", in_order(reading.scope.nearest_of(&["allow", "deny"]), reading.scope), read);
    reading.text("satisfy", Some("all"));
    for name in ["auth_basic", "auth_request"] {
        let off = |one: &Directive| match one.args.first().map(String::as_str) {
            Some("off") | None => Observed::Absent,
            Some(_) => Value::from(redact::arguments(one).join(" ")).into(),
        };
        reading.one(name, Default::Absent, off);
    }
}

/// The directives in the order of their block, the first that matches decides.
fn in_order<'t>(found: Found<'t>, scope: &Scope<'t>) -> Found<'t> {
    let Found::Set(found, more) = found else { return found };
    let level = scope.levels().find(|level| !level.named("allow").is_empty() || !level.named("deny").is_empty());
    let all =
        level.map(|level| level.block.directives.iter().filter(|one| found.iter().any(|two| std::ptr::eq(*two, *one))));
    match all {
        Some(all) => Found::Set(all.collect(), more),
        None => Found::Set(found, more),
    }
}

/// The methods that are not refused, by `limit_except` or by an `if` on `$request_method`; absent when none is.
fn methods(scope: &Scope<'_>) -> Observed {
    let mut levels = scope.levels();
    if let Some(own) = levels.next() {
        for one in own.named("limit_except") {
            let Body::Block(block) = &one.body else { continue };
            if let Some(reason) = block.unseen() {
                return Observed::Unknown(reason);
            }
            let refuses = block.named("deny").any(|deny| deny.args.first().is_some_and(|who| who == "all"));
            if refuses {
                // GET brings HEAD along.
                let mut methods = one.args.clone();
                if methods.iter().any(|method| method == "GET") && !methods.iter().any(|method| method == "HEAD") {
                    methods.push("HEAD".to_owned());
                }
                return methods.into_iter().collect::<Value>().into();
            }
        }
    }
    let mut doubt = None;
    for level in scope.levels() {
        for one in level.named("if") {
            let Body::Block(block) = &one.body else { continue };
            let text = one.args.join(" ");
            if !text.contains("$request_method") {
                continue;
            }
            let refused = block.named("return").any(|one| one.args.first().is_some_and(|code| code.starts_with('4')));
            match pattern(&text).filter(|_| refused) {
                Some(methods) => return methods.into_iter().collect::<Value>().into(),
                None => doubt = doubt.or(Some(Reason::new(format!("{}: a condition that is not followed", one.place)))),
            }
        }
        doubt = doubt.or_else(|| level.unseen.clone());
    }
    doubt.map_or(Observed::Absent, Observed::Unknown)
}

/// The methods of `($request_method !~ ^(GET|HEAD|POST)$)`.
fn pattern(text: &str) -> Option<Vec<String>> {
    let text = text.trim().strip_prefix('(')?.trim().strip_prefix("$request_method")?.trim();
    let text = text.strip_prefix("!~*").or_else(|| text.strip_prefix("!~"))?.trim();
    let text = text.strip_prefix("^(")?;
    let text = text.trim_end().strip_suffix(')').unwrap_or(text).trim_end();
    let inner = text.strip_suffix(")$").or_else(|| text.strip_suffix(')').and_then(|text| text.strip_suffix(")$")))?;
    let methods: Vec<String> = inner.split('|').map(str::to_owned).collect();
    methods.iter().all(|one| one.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(methods)
}

/// Programs that run for requests here; what they do is not followed.
fn scripts(reading: &mut Reading<'_, '_>) {
    let found = reading.scope.levels().flat_map(|level| &level.block.directives);
    let found = found.filter(|one| is_program(&one.name)).map(|one| format!("{} ({})", one.name, one.place));
    let items = found.map(Observed::from).collect();
    reading.put("scripts", Value::List(List { items, more: reading.scope.unseen() }));
}

/// The values of directives that this resource has no field for, by name.
pub(super) fn directives(scope: &Scope<'_>) -> Observed {
    if let Some(reason) = scope.unseen() {
        return Observed::Unknown(reason);
    }
    let mut all = std::collections::BTreeMap::new();
    for (depth, level) in scope.levels().enumerate() {
        for name in names(level.block) {
            if all.contains_key(name) || (depth > 0 && !is_inherited(name)) {
                continue;
            }
            let lines = level.named(name).iter().map(|one| Observed::from(redact::line(one)));
            all.insert(name.into(), Observed::Known(lines.collect()));
        }
    }
    Value::Map(all).into()
}

/// The names of a block's directives, those of blocks inside it left out.
pub(super) fn names(block: &Block) -> impl Iterator<Item = &str> {
    let plain = block.directives.iter().filter(|one| !matches!(one.body, Body::Block(_)));
    plain.map(|one| one.name.as_str())
}

/// Whether a directive holds in the blocks inside of its own.
fn is_inherited(name: &str) -> bool {
    !name.ends_with("_pass")
        && !matches!(
            name,
            "return"
                | "rewrite"
                | "set"
                | "break"
                | "try_files"
                | "stub_status"
                | "empty_gif"
                | "flv"
                | "mp4"
                | "perl"
                | "listen"
                | "server_name"
                | "load_module"
                | "env"
                | "log_format"
                | "limit_req_zone"
                | "limit_conn_zone"
                | "proxy_cache_path"
                | "auth_delay"
        )
        && !name.ends_with("_by_lua_block")
        && !name.ends_with("_by_lua_file")
}

/// A switch that also knows other words.
pub(super) fn is_off(directive: &Directive) -> bool {
    directive.args.first().is_some_and(|arg| flag(arg) == Some(false))
}

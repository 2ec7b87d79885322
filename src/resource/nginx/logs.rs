//! What is logged, and where to.

use super::Program;
use super::http::is_off;
use super::reading::{Default, Reading};
use super::scope::Found;
use crate::format::nginx::{Block, Directive, has_variable};
use crate::resource::{Field, field};
use crate::value::types::{Dialect, Type, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Record, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

/// How much is logged, the least first: each level holds those before it.
pub(super) static LOG_LEVEL: Vocabulary = Vocabulary {
    name: "nginx_log_level",
    words: &["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"],
    ordered: true,
};

pub(super) const ACCESS_LOG: &[Field] = &[
    field("target", Type::Text, "", "a file, or `syslog:…`; relative ones are below nginx's prefix"),
    field("syslog", BOOL, "", "whether it goes to syslog"),
    field("remote", BOOL, "", "whether that syslog is reached over the network"),
    field("format", Type::Text, "", "the name of the format"),
    field("variables", Type::Text, "", "what the format says"),
    field("conditional", BOOL, "", "whether `if=` leaves some requests out"),
];

pub(super) const ERROR_LOG: &[Field] = &[
    field("target", Type::Text, "", "a file, `stderr`, `syslog:…` or `memory:…`"),
    field("syslog", BOOL, "", "whether it goes to syslog"),
    field("remote", BOOL, "", "whether that syslog is reached over the network"),
    field("level", Type::Word(&LOG_LEVEL), "", "how much is logged: this level and those that are worse"),
];

/// The format that is there without being defined (nginx's `ngx_http_combined_fmt`).
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

/// Fills `access_log` and `error_log` in a place of HTTP.
pub(super) fn fill(reading: &mut Reading<'_, '_>, http: &Block, program: &Program) {
    match reading.scope.nearest("access_log") {
        Found::Unset => {
            let target = program.argument("--http-log-path").map_or_else(unset, Observed::from);
            let record = access_record(target, "combined", http, false);
            reading.default("access_log", Default::Value(Value::from_iter([record])));
        }
        found => reading.many_from("access_log", found, |one| access(one, http)),
    }
    errors(reading, program);
}

/// Fills `error_log` alone.
pub(super) fn errors(reading: &mut Reading<'_, '_>, program: &Program) {
    match reading.scope.nearest("error_log") {
        Found::Unset => {
            let target = program.argument("--error-log-path").map_or_else(unset, Observed::from);
            let record = error_record(target, "error");
            reading.default("error_log", Default::Value(Value::from_iter([record])));
        }
        found => reading.many_from("error_log", found, |one| {
            let target = one.args.first().map(String::as_str).unwrap_or_default();
            vec![error_record(target.into(), one.args.get(1).map_or("error", String::as_str)).into()]
        }),
    }
}

fn unset() -> Observed {
    Observed::unknown("its default was chosen when nginx was built")
}

fn access(directive: &Directive, http: &Block) -> Vec<Observed> {
    if is_off(directive) {
        return Vec::new();
    }
    let Some((target, options)) = directive.args.split_first() else { return Vec::new() };
    let format = options.first().filter(|option| !option.contains('=') && *option != "gzip");
    let format = format.map_or("combined", String::as_str);
    let conditional = options.iter().any(|option| option.starts_with("if="));
    let target = match has_variable(target) {
        true => Observed::unknown(format!("{}: variables decide where it goes", directive.place)),
        false => target.as_str().into(),
    };
    vec![access_record(target, format, http, conditional).into()]
}

fn access_record(target: Observed, format: &str, http: &Block, conditional: bool) -> Record {
    let defined = http.named("log_format").find(|one| one.args.first().is_some_and(|name| name == format));
    let variables = match (defined, http.unseen()) {
        (Some(one), _) => {
            let parts = one.args.iter().skip(1).filter(|arg| !arg.starts_with("escape="));
            parts.map(String::as_str).collect::<String>().into()
        }
        (None, _) if format == "combined" => COMBINED.into(),
        (None, Some(reason)) => Observed::Unknown(reason),
        (None, None) => Observed::unknown("its format is not defined, which nginx refuses"),
    };
    destination(Record::new(ACCESS_LOG), target)
        .with("format", format)
        .with("variables", variables)
        .with("conditional", conditional)
}

fn error_record(target: Observed, level: &str) -> Record {
    // `debug_core` and its like are parts of debug.
    let level = if level.starts_with("debug") { "debug" } else { level };
    destination(Record::new(ERROR_LOG), target).with("level", word(&LOG_LEVEL, level))
}

fn destination(record: Record, target: Observed) -> Record {
    let text = match &target {
        Observed::Known(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let of = |is: fn(&str) -> bool| match &text {
        Some(text) => Observed::from(is(text)),
        None => target.clone(),
    };
    let (syslog, remote) = (of(|text| text.starts_with("syslog:")), of(is_remote));
    record.with("target", target).with("syslog", syslog).with("remote", remote)
}

/// `syslog:server=unix:/dev/log` stays on the machine, and so do loopback addresses.
fn is_remote(target: &str) -> bool {
    let server =
        target.strip_prefix("syslog:").and_then(|rest| rest.split(',').find_map(|part| part.strip_prefix("server=")));
    server.is_some_and(|server| !["unix:", "127.", "localhost", "[::1]"].iter().any(|start| server.starts_with(start)))
}

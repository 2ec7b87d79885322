//! `openbao`: the configuration of OpenBao's server, stanza by stanza, with OpenBao's own defaults.

mod source;
mod stanza;

use std::cell::RefCell;

use super::files::{self, Content};
use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Extent, Listing, Subject};
use crate::target::manifest::Manifest;
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::vocabulary::TLS_VERSION;
use crate::value::{List, Net, Observed, Reason, Type, Value};
use source::{Held, Part, held};
use stanza::{Stanza, URL, url};

static TEXT: Type = Type::Text;
const BOOL: Type = Type::Bool(Dialect::Go);
/// The word for manifests in place of a path.
const MANIFEST: &str = "manifest";

const FIELDS: &[Field] = &[
    field(
        "stanza",
        Type::Text,
        "",
        "`listener`, `storage`, `seal`, `audit`, or `server` for what stands outside of all",
    ),
    field("type", Type::Text, "", "its type: `tcp`, `raft`, `static`, `file`; absent of a server"),
    field("label", Type::Text, "", "an audit device's path; absent of others"),
    field("address", Type::Text, "address", "where a listener listens; `127.0.0.1:8200` when it does not say"),
    field("host", Type::Net, "address", "the address in it; absent of sockets of the file system"),
    field("local", BOOL, "address", "whether a listener is reached from this machine alone"),
    field(
        "tls",
        BOOL,
        "tls_disable",
        "whether a listener speaks TLS: unless `tls_disable` is true in any of its spellings",
    ),
    field("tls_certificate", Type::Text, "tls_cert_file", "the certificate's file; absent where ACME gets one"),
    field("tls_key", Type::Text, "tls_key_file", "its key's file"),
    field(
        "tls_min_version",
        Type::Word(&TLS_VERSION),
        "tls_min_version",
        "the oldest version; TLS 1.2 when it does not say",
    ),
    field(
        "unauthenticated",
        Type::List(&TEXT),
        "",
        "what a listener tells or does without a token: `metrics`, `pprof`, `in-flight-requests`, `rekey`, `generate-root`",
    ),
    field(
        "cors_origins",
        Type::List(&TEXT),
        "cors_allowed_origins",
        "origins whose pages may read a listener's answers; none unless `cors_enabled`",
    ),
    field("api_address", Type::Url, "api_addr", "where a server tells clients to go; absent when it does not say"),
    field(
        "join_addresses",
        Type::List(&URL),
        "retry_join.leader_api_addr",
        "where storage of the type raft joins its cluster",
    ),
    field("raw_storage", BOOL, "raw_storage_endpoint", "whether a server shows its storage decrypted (`sys/raw`)"),
    field("introspection", BOOL, "introspection_endpoint", "whether a server shows its own internals"),
    field("audit_by_api", BOOL, "unsafe_allow_api_audit_creation", "whether audit devices are made by requests too"),
    field("audit_devices", Type::Integer, "audit", "how many audit devices a server's configuration declares"),
    field(
        "dev",
        BOOL,
        "server.dev.enabled",
        "whether the chart's values start a development server; absent elsewhere, where the command line says so",
    ),
    field(
        "key_sources",
        Type::List(&TEXT),
        "current_key",
        "where a seal of the type static has its keys from: `file`, `env`, or `inline` for one that stands there itself",
    ),
    field("key_files", Type::List(&TEXT), "current_key", "the files that these keys are in"),
    field("disabled", BOOL, "disabled", "whether a seal is only there to migrate away from"),
    field("log_raw", BOOL, "options.log_raw", "whether an audit device writes secrets as they are"),
    field("hmac_accessor", BOOL, "options.hmac_accessor", "whether it hashes the accessors of tokens"),
    field("file_path", Type::Text, "options.file_path", "where it writes to"),
];

pub(super) static OPENBAO: Resource = Resource {
    name: "openbao",
    about: "The configuration of OpenBao's server: one subject for each listener, storage, seal and audit device, and one, `server`, for the rest. HCL and JSON are read, and where the Helm chart keeps them: its values, and ConfigMaps. Files that one pattern matches are one configuration.",
    privilege: "read permission for the files",
    params: &[Param {
        name: "path",
        accepts: Accepts::Text,
        required: true,
        about: "the file or a pattern; `manifest` for the ConfigMaps of Kubernetes manifests that were named",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |with| if text(with, "path") == MANIFEST { Kind::Containers } else { Kind::Host },
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    match door {
        Door::Host(host) => {
            let pattern = text(with, "path").to_owned();
            let reading = host.run(move |host| {
                let parts = RefCell::new(Vec::new());
                let listing = files::list(host, &pattern, |_, path, bytes| read(&files::show(path), bytes, &parts));
                answer(parts.into_inner(), listing.extent, &pattern)
            });
            reading.await.unwrap_or_else(Listing::failed)
        }
        Door::Manifest(manifest) => declared(manifest).await,
        Door::Docker(_) => Listing::absent("a Docker daemon has no ConfigMaps"),
        Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            Listing::failed(Reason::new("OpenBao's configuration is read on a host or from manifests"))
        }
    }
}

fn read(path: &str, bytes: &[u8], parts: &RefCell<Vec<Part>>) -> Content {
    match held(path, bytes) {
        Ok(Held { parts: found, more }) => {
            parts.borrow_mut().extend(found);
            Content::Subjects(Vec::new(), more.map(Reason::new))
        }
        Err(why) => Content::Subjects(Vec::new(), Some(Reason::new(format!("{path}: {why}")))),
    }
}

async fn declared(manifest: &Manifest) -> Listing {
    let declared = match manifest.declared().await {
        Ok(declared) => declared,
        Err(reason) => return Listing::failed(reason),
    };
    let (mut parts, mut more) = (Vec::new(), declared.more.clone());
    let maps = declared.objects.iter().flatten().filter(|object| object.kind == "ConfigMap");
    for object in maps {
        let file = &object.root.place.file;
        match source::config_map(file, &object.root, "") {
            Ok(found) => parts.extend(found),
            Err(why) => drop(more.get_or_insert_with(|| Reason::new(format!("{file}: {why}")))),
        }
    }
    answer(parts, more.map_or(Extent::Complete, Extent::Partial), "the manifests")
}

/// The subjects of all parts. Where nothing was found for certain there is no OpenBao.
fn answer(parts: Vec<Part>, extent: Extent, place: &str) -> Listing {
    let (files, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.is_file);
    let mut subjects = Vec::new();
    let mut more = match extent {
        Extent::Complete => None,
        Extent::Absent(what) => return Listing::absent(what),
        Extent::Partial(reason) | Extent::Failed(reason) => Some(reason),
    };
    let groups = std::iter::once(files.as_slice()).chain(others.chunks(1)).filter(|group| !group.is_empty());
    for group in groups {
        configuration(group, &mut subjects, &mut more);
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("no configuration of OpenBao in {place}")),
        None => Listing::complete(subjects),
    }
}

/// One configuration, in one part or in several files.
fn configuration(parts: &[Part], subjects: &mut Vec<Subject>, more: &mut Option<Reason>) {
    let mut devices = 0_i64;
    let mut wholes = Vec::new();
    for part in parts {
        let Some(whole) = Stanza::whole(&part.root) else {
            more.get_or_insert_with(|| Reason::new(format!("{}: it is no configuration of OpenBao", part.name)));
            continue;
        };
        for (name, labels) in [
            ("listener", 1),
            ("storage", 1),
            ("backend", 1),
            ("ha_storage", 1),
            ("ha_backend", 1),
            ("seal", 1),
            ("kms", 1),
            ("audit", 2),
        ] {
            for found in whole.stanzas(name, labels) {
                match found {
                    Ok(stanza) => {
                        devices += i64::from(name == "audit");
                        subjects.push(subject(part, name, &stanza));
                    }
                    Err(reason) => drop(more.get_or_insert(reason)),
                }
            }
        }
        wholes.push((part, whole));
    }
    let hole = more.clone();
    if let Some((part, _)) = wholes.first() {
        subjects.push(server(part, &wholes, devices, hole));
    }
}

/// A subject all of whose fields are absent.
fn blank(part: &Part, stanza: &str, labels: &[String], origin: String) -> Subject {
    let name = [part.name.as_str(), stanza].into_iter().chain(labels.iter().map(String::as_str)).collect::<Vec<_>>();
    let mut subject = Subject::new(&OPENBAO, name.join(" "), origin, Basis::Declared);
    for field in subject.fields.fields.iter_mut() {
        *field = Observed::Absent;
    }
    subject.fields.set("stanza", stanza);
    subject
}

fn subject(part: &Part, name: &str, stanza: &Stanza<'_>) -> Subject {
    let shown = match name {
        "backend" | "ha_storage" | "ha_backend" => "storage",
        "kms" => "seal",
        other => other,
    };
    let mut subject = blank(part, shown, &stanza.labels, stanza.place.to_string());
    subject.fields.set("type", stanza.kind());
    match shown {
        "listener" => listener(&mut subject, stanza),
        "storage" => storage(&mut subject, stanza),
        "seal" => seal(&mut subject, stanza),
        _ => audit(&mut subject, stanza),
    }
    subject
}

fn listener(subject: &mut Subject, stanza: &Stanza<'_>) {
    let fields = &mut subject.fields;
    let is_tcp = stanza.kind() != "unix";
    let address = stanza.text_or("address", is_tcp.then_some("127.0.0.1:8200"));
    let (host, local) = match (&address, is_tcp) {
        (_, false) => (Observed::Absent, true.into()),
        (Observed::Known(Value::Text(text)), true) => reached(text),
        (other, true) => (other.clone(), other.clone()),
    };
    // Several listeners have nothing else to tell them apart by.
    if let Observed::Known(Value::Text(address)) = &address {
        subject.name = format!("{} {address}", subject.name).into();
    }
    fields.set("address", address);
    fields.set("host", host);
    fields.set("local", local);
    let tls = match stanza.bool("tls_disable", false) {
        Observed::Known(Value::Bool(off)) => (!off).into(),
        other => other,
    };
    fields.set("tls", tls);
    fields.set("tls_certificate", stanza.text_or("tls_cert_file", None));
    fields.set("tls_key", stanza.text_or("tls_key_file", None));
    fields.set("tls_min_version", stanza.tls_version("tls_min_version", "tls12"));
    fields.set("unauthenticated", Value::List(unauthenticated(stanza)));
    let origins = match stanza.bool("cors_enabled", false) {
        Observed::Known(Value::Bool(true)) => Observed::Known(Value::List(stanza.list("cors_allowed_origins"))),
        Observed::Known(Value::Bool(false)) => Observed::Known(Value::List(List::default())),
        other => other,
    };
    fields.set("cors_origins", origins);
}

/// The address of `host:port`, and whether it is this machine's own.
fn reached(address: &str) -> (Observed, Observed) {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    match Net::parse(host) {
        Some(net) => {
            let own = ["127.0.0.0/8", "::1"].iter().filter_map(|text| Net::parse(text)).collect::<Vec<_>>();
            let local = net.is_within(&own);
            (Observed::Known(Value::Net(net)), local.into())
        }
        None => {
            let why = Observed::unknown("its address is a name, which harden does not resolve");
            (why.clone(), why)
        }
    }
}

/// What a listener does for whoever has no token. What is on unless it is disabled was on before version 2.5.
fn unauthenticated(stanza: &Stanza<'_>) -> List {
    let mut list = List::default();
    let mut add = |name: &str, on: Observed| match on {
        Observed::Known(Value::Bool(true)) => list.items.push(name.into()),
        Observed::Known(Value::Bool(false)) => {}
        Observed::Unknown(why) => list.more = Some(why),
        Observed::Known(_) | Observed::Absent => {
            list.more = Some(Reason::new(format!("what allows {name} has no value that OpenBao would take")));
        }
    };
    for (block, key, name) in [
        ("telemetry", "unauthenticated_metrics_access", "metrics"),
        ("profiling", "unauthenticated_pprof_access", "pprof"),
        ("inflight_requests_logging", "unauthenticated_in_flight_requests_access", "in-flight-requests"),
    ] {
        for inner in stanza.stanzas(block, 0) {
            match inner {
                Ok(inner) => add(name, inner.bool(key, false)),
                Err(reason) => add(name, Observed::Unknown(reason)),
            }
        }
    }
    for (key, name) in
        [("disable_unauthed_rekey_endpoints", "rekey"), ("disable_unauthed_generate_root_endpoints", "generate-root")]
    {
        let on = match stanza.bool(key, true) {
            Observed::Known(Value::Bool(off)) => (!off).into(),
            other => other,
        };
        add(name, on);
    }
    list
}

fn storage(subject: &mut Subject, stanza: &Stanza<'_>) {
    let mut joins = List::default();
    for join in stanza.stanzas("retry_join", 0) {
        match join.and_then(|join| Ok(join.text("leader_api_addr")?.map(url))) {
            Ok(Some(address)) => joins.items.push(Observed::Known(address)),
            // One that finds its leaders by `auto_join` speaks TLS unless `auto_join_scheme` says otherwise.
            Ok(None) => {}
            Err(reason) => joins.more = Some(reason),
        }
    }
    subject.fields.set("join_addresses", Value::List(joins));
}

fn seal(subject: &mut Subject, stanza: &Stanza<'_>) {
    subject.fields.set("disabled", stanza.bool("disabled", false));
    if stanza.kind() != "static" {
        return;
    }
    let (mut sources, mut files) = (List::default(), List::default());
    for key in ["current_key", "previous_key"] {
        match stanza.text(key) {
            Ok(None) => {}
            Ok(Some(text)) => match (text.strip_prefix("file://"), text.starts_with("env://")) {
                (Some(path), _) => {
                    sources.items.push("file".into());
                    files.items.push(path.into());
                }
                (None, true) => sources.items.push("env".into()),
                (None, false) => sources.items.push("inline".into()),
            },
            Err(reason) => {
                sources.more = Some(reason.clone());
                files.more = Some(reason);
            }
        }
    }
    subject.fields.set("key_sources", Value::List(sources));
    subject.fields.set("key_files", Value::List(files));
}

fn audit(subject: &mut Subject, stanza: &Stanza<'_>) {
    let fields = &mut subject.fields;
    fields.set(
        "label",
        match stanza.labels.get(1) {
            Some(label) => label.as_str().into(),
            None => stanza.text_or("path", None),
        },
    );
    let options = stanza.stanzas("options", 0).into_iter().next();
    let (raw, accessor, path) = match options {
        Some(Ok(options)) => {
            (options.bool("log_raw", false), options.bool("hmac_accessor", true), options.text_or("file_path", None))
        }
        Some(Err(reason)) => {
            let unknown = Observed::Unknown(reason);
            (unknown.clone(), unknown.clone(), unknown)
        }
        None => (false.into(), true.into(), Observed::Absent),
    };
    fields.set("log_raw", raw);
    fields.set("hmac_accessor", accessor);
    fields.set("file_path", path);
}

/// What stands outside of all stanzas. Of several files a truth value counts where one of them says so, and the address
/// of the last.
fn server(part: &Part, wholes: &[(&Part, Stanza<'_>)], devices: i64, hole: Option<Reason>) -> Subject {
    let place = part.root.place.to_string();
    let mut subject = blank(part, "server", &[], place);
    let any = |names: &[&str]| {
        let mut all = Vec::new();
        for (_, whole) in wholes {
            all.extend(names.iter().filter(|name| whole.has(name)).map(|name| whole.bool(name, false)));
        }
        let on = all.iter().find(|one| **one == true.into());
        on.or_else(|| all.iter().find(|one| **one != false.into())).cloned().unwrap_or_else(|| false.into())
    };
    let unless_hidden = |seen: Observed, decided: bool| match (&hole, decided) {
        (Some(reason), false) => Observed::Unknown(reason.clone()),
        _ => seen,
    };
    for (field, names) in [
        ("raw_storage", &["raw_storage_endpoint", "enablerawendpoint"][..]),
        ("introspection", &["introspection_endpoint", "enableintrospectionendpoint"]),
        ("audit_by_api", &["unsafe_allow_api_audit_creation"]),
    ] {
        let seen = any(names);
        let on = seen == true.into();
        subject.fields.set(field, unless_hidden(seen, on));
    }
    let mut addresses = wholes.iter().rev().map(|(_, whole)| whole.url("api_addr"));
    let address = addresses.find(|address| *address != Observed::Absent).unwrap_or(Observed::Absent);
    subject.fields.set("api_address", unless_hidden(address, false));
    let by_api = subject.fields.get("audit_by_api") != Some(&false.into());
    let counted = match devices {
        0 if by_api => Observed::unknown("requests may have made audit devices, which only a token shows"),
        devices => Observed::Known(Value::Int(devices)),
    };
    subject.fields.set("audit_devices", unless_hidden(counted, false));
    subject.fields.set("dev", part.dev.map_or(Observed::Absent, Observed::from));
    subject
}

#[cfg(test)]
mod tests;

//! Where servers listen. The options of an address belong to its socket: what one server says of it holds for all
//! servers on the same address and port (`ngx_http_add_addresses`).

use std::collections::BTreeMap;

use super::scope::{Found, Scope};
use crate::format::nginx::{Directive, flag};
use crate::resource::{Field, field};
use crate::value::types::{Dialect, Type};
use crate::value::{List, Net, Observed, Reason, Record, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

pub(super) const LISTEN: &[Field] = &[
    field("address", Type::Net, "", "the address; `*` for every one; for a unix socket absent"),
    field("port", Type::Integer, "", "the port; absent for a unix socket"),
    field("socket", Type::Text, "", "the path of a unix socket; absent for others"),
    field(
        "tls",
        BOOL,
        "",
        "whether clients speak TLS there (`ssl` or `quic`), said by this or another server of the address",
    ),
    field(
        "default_server",
        BOOL,
        "",
        "whether requests for names that no server has come here: said so, or the first server of the address",
    ),
    field("http2", BOOL, "", "whether HTTP/2 is spoken there"),
    field("proxy_protocol", BOOL, "", "whether a proxy in front says whom it speaks for"),
];

/// One `listen` of one server.
#[derive(Debug, Clone)]
struct Listen {
    /// Equal for equal sockets.
    key: String,
    address: Observed,
    port: Observed,
    socket: Observed,
    options: Vec<String>,
}

/// All sockets of the servers of one kind.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// Of each server, in their order.
    servers: Vec<Vec<Listen>>,
    /// Options that any server gives a socket.
    options: BTreeMap<String, Vec<String>>,
    /// The server that is the first on a socket, or says that it is the default.
    defaults: BTreeMap<String, (usize, bool)>,
}

/// What a server's fields are made of.
pub(super) struct Seen {
    pub(super) listen: Observed,
    pub(super) tls: Observed,
    pub(super) plain: Observed,
    pub(super) default_server: Observed,
    pub(super) http2: Observed,
}

impl Sockets {
    /// Reads those of each server. Where there is no `listen`, HTTP has one of its own.
    pub(super) fn new(scopes: &[Scope<'_>], implied: bool) -> Self {
        let mut sockets = Sockets::default();
        for (index, scope) in scopes.iter().enumerate() {
            let listens: Vec<Listen> = match scope.own().nearest("listen") {
                Found::Set(found, _) => found.into_iter().flat_map(read).collect(),
                Found::Unset if implied => vec![implicit()],
                Found::Unset | Found::Unseen(_) => Vec::new(),
            };
            for listen in &listens {
                sockets.options.entry(listen.key.clone()).or_default().extend(listen.options.iter().cloned());
                let says = listen.has("default_server") || listen.has("default");
                let default = sockets.defaults.entry(listen.key.clone()).or_insert((index, says));
                if says && !default.1 {
                    *default = (index, true);
                }
            }
            sockets.servers.push(listens);
        }
        sockets
    }

    /// What is to be said of a server, by its place among them.
    pub(super) fn of(&self, index: usize, scope: &Scope<'_>) -> Seen {
        let listens = self.servers.get(index).map(Vec::as_slice).unwrap_or_default();
        // Another server in a file that was not read may say more of the same socket.
        let others = scope.outside().unseen();
        let own = scope.own().unseen();
        let on = |name| matches!(scope.nearest(name), Found::Set(found, _) if found.iter().all(|one| is_on(one)));
        let has = |listen: &Listen, wanted: &[&str]| -> Observed {
            let options = self.options.get(&listen.key).map(Vec::as_slice).unwrap_or_default();
            match (options.iter().any(|option| wanted.contains(&option.as_str())), &others) {
                (false, Some(reason)) => Observed::Unknown(reason.clone()),
                (found, _) => found.into(),
            }
        };
        let legacy = on("ssl");
        let record = |listen: &Listen| {
            let tls = if legacy { true.into() } else { has(listen, &["ssl", "quic"]) };
            let http2 = if on("http2") { true.into() } else { has(listen, &["http2"]) };
            let default_server = match (self.defaults.get(&listen.key), &others) {
                (Some((first, false)), Some(reason)) if *first == index => Observed::Unknown(reason.clone()),
                (Some((first, _)), _) => (*first == index).into(),
                (None, _) => Observed::unknown("not read"),
            };
            Record::new(LISTEN)
                .with("address", listen.address.clone())
                .with("port", listen.port.clone())
                .with("socket", listen.socket.clone())
                .with("tls", tls)
                .with("default_server", default_server)
                .with("http2", http2)
                .with("proxy_protocol", has(listen, &["proxy_protocol"]))
        };
        let records: Vec<Record> = listens.iter().map(record).collect();
        let any = |name: &str, wanted: bool| any(&records, name, wanted, own.as_ref());
        Seen {
            tls: any("tls", true),
            plain: any("tls", false),
            default_server: any("default_server", true),
            http2: any("http2", true),
            listen: match (own.clone(), records.is_empty()) {
                (Some(reason), true) => Observed::Unknown(reason),
                (more, _) => {
                    Value::List(List { items: records.into_iter().map(Observed::from).collect(), more }).into()
                }
            },
        }
    }

    /// The ports of a server, to name it by.
    pub(super) fn label(&self, index: usize) -> String {
        let listens = self.servers.get(index).map(Vec::as_slice).unwrap_or_default();
        let mut labels: Vec<String> = Vec::new();
        for listen in listens {
            let label = match (&listen.port, &listen.socket) {
                (Observed::Known(port), _) => port.to_string(),
                (_, Observed::Known(socket)) => format!("unix:{socket}"),
                _ => continue,
            };
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels.join(",")
    }
}

/// Whether a record has the field so; one that is unknown, or that was not read, may.
fn any(records: &[Record], name: &str, wanted: bool, more: Option<&Reason>) -> Observed {
    let mut doubt = more.cloned();
    for record in records {
        match record.get(name) {
            Some(Observed::Known(Value::Bool(known))) if *known == wanted => return true.into(),
            Some(Observed::Unknown(reason)) => doubt = Some(reason.clone()),
            _ => {}
        }
    }
    doubt.map_or(false.into(), Observed::Unknown)
}

fn is_on(directive: &Directive) -> bool {
    directive.args.first().and_then(|arg| flag(arg)) == Some(true)
}

impl Listen {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }
}

/// Without any `listen`, nginx listens on port 80 when root starts it, and on 8000 otherwise.
fn implicit() -> Listen {
    Listen {
        key: "0.0.0.0:80".to_owned(),
        address: Observed::from_option(Net::parse("0.0.0.0").map(Value::Net)),
        port: Observed::unknown("no `listen` is there: it is 80 when root starts nginx, and 8000 otherwise"),
        socket: Observed::Absent,
        options: Vec::new(),
    }
}

/// The sockets that a `listen` opens: one, or one for each port of a range.
fn read(directive: &Directive) -> Vec<Listen> {
    let Some((text, options)) = directive.args.split_first() else { return Vec::new() };
    let options = options.to_vec();
    if let Some(path) = text.strip_prefix("unix:") {
        let (key, socket) = (text.clone(), Observed::from(Value::from(path)));
        return vec![Listen { key, address: Observed::Absent, port: Observed::Absent, socket, options }];
    }
    let (host, port) = split(text);
    let address = match host {
        // `*` is the wildcard of IPv4 alone, `[::]` that of IPv6 alone unless `ipv6only=off`.
        "*" | "0.0.0.0" => Observed::from_option(Net::parse("0.0.0.0").map(Value::Net)),
        host => match Net::parse(host) {
            Some(net) => Value::Net(net).into(),
            None => Observed::unknown("it is a name, which nginx looks up when it starts"),
        },
    };
    let host = if host == "*" { "0.0.0.0" } else { host };
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let range = first.parse::<u16>().ok().zip(last.parse::<u16>().ok()).filter(|(first, last)| first <= last);
    let listen = |port: Option<u16>| Listen {
        key: format!("{host}:{}", port.map_or_else(|| "?".to_owned(), |port| port.to_string())),
        address: address.clone(),
        port: match port {
            Some(port) => Value::Int(i64::from(port)).into(),
            None => Observed::unknown("its port does not parse"),
        },
        socket: Observed::Absent,
        options: options.clone(),
    };
    match range {
        // A range is a socket for each port; their first and last stand for those between.
        Some((first, last)) if first < last => vec![listen(Some(first)), listen(Some(last))],
        Some((port, _)) => vec![listen(Some(port))],
        None => vec![listen(None)],
    }
}

/// `address:port`, `[address]:port`, `address` or `port`.
fn split(text: &str) -> (&str, &str) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').unwrap_or("80"));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => ("*", text),
        None => (text, "80"),
    }
}

//! `listen`: the sockets that take connections and packets from others, and who holds them.

mod holders;
mod namespaces;
mod table;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use crate::facts::{Basis, Listing, Subject};
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::IP_PROTOCOL;
use crate::value::{List, Net, Observed, Reason, Type, Value};
use holders::Holders;
use namespaces::Namespace;
use table::{REACH, Socket, TABLES, parse, reach};

/// Bytes of one table: a line has 150, and a busy server has 100,000 connections.
const MAX_BYTES: u64 = 64 << 20;
const BOOL: Type = Type::Bool(Dialect::Plain);

static TEXT: Type = Type::Text;
static INTEGER: Type = Type::Integer;

const FIELDS: &[Field] = &[
    field("protocol", Type::Word(&IP_PROTOCOL), "", "`tcp` or `udp`, over IPv4 as over IPv6"),
    field("address", Type::Net, "", "the address that it is bound to; `0.0.0.0` and `::` are every one"),
    field("port", Type::Integer, "", "the port that it is bound to"),
    field(
        "reach",
        Type::Word(&REACH),
        "",
        "who can reach that address, the fewest first: `loopback`, `private` (RFC 1918, RFC 4193, RFC 6598, link-local, local multicast), `public`, `every-address`; packet filters and what translates addresses before the host are not looked at, nor is a socket bound to one interface told apart",
    ),
    field(
        "ipv4",
        BOOL,
        "",
        "whether it takes IPv4; unknown for `::`, which does so unless IPV6_V6ONLY is set on it, and /proc does not say",
    ),
    field(
        "ephemeral",
        BOOL,
        "net.ipv4.ip_local_port_range",
        "whether the port is one of those that the kernel gives to clients: then a UDP socket is often a client's",
    ),
    field("user", Type::Text, "", "as whom the process made the socket; it may have become another user since"),
    field(
        "processes",
        Type::List(&TEXT),
        "",
        "the names of the processes that hold it; unknown when none is seen to: then it is the kernel's own (NFS, WireGuard) or of another PID namespace",
    ),
    field("pids", Type::List(&INTEGER), "", "the numbers of these processes"),
    field("users", Type::List(&TEXT), "", "the effective users of these processes"),
    field("units", Type::List(&TEXT), "", "the systemd units of these processes"),
    field("containers", Type::List(&TEXT), "", "the ids of the containers that these processes are in"),
    field(
        "forwards_to",
        Type::Text,
        "",
        "the address and port of the container that a process of the engine publishes here (docker-proxy, rootlesskit); absent when it is another process",
    ),
    field("own_namespace", BOOL, "", "whether it is in harden's own network namespace: on a host, the host's"),
    field(
        "namespace",
        Type::Text,
        "",
        "whose network namespace it is in: `own`, or `pid 812 (nginx)` by a process in it",
    ),
];

pub(super) static LISTEN: Resource = Resource {
    name: "listen",
    about: "A TCP socket that listens, or an unconnected UDP socket. Ports that a packet filter forwards without one (Docker without its userland proxy, Kubernetes services) are not sockets.",
    privilege: "any user for the sockets; root, or the user of each process, for who holds them and for other network namespaces",
    params: &[Param {
        name: "namespaces",
        accepts: Accepts::Words(&["own", "all"]),
        required: false,
        about: "`own` (when not given) for the network namespace that harden runs in, `all` for those of other processes too, such as containers",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("sockets are those of a host")) };
    if !host.is_live() {
        return Listing::absent("nothing listens in a root directory: its files are at rest");
    }
    let all = text(with, "namespaces") == "all";
    host.run(move |host| look(host, all)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, all: bool) -> Listing {
    let (mut namespaces, mut more) = (vec![Namespace::own()], None);
    if all {
        let others = namespaces::others(host);
        namespaces.extend(others.seen);
        more = others.more;
    }
    let holders = Holders::read(host);
    let range = ephemeral_range(host);
    let mut subjects = Vec::new();
    for namespace in namespaces {
        match sockets(host, &namespace) {
            Ok((sockets, trouble)) => {
                more = more.or(trouble);
                subjects.extend(merge(sockets).iter().map(|one| subject(host, &namespace, one, &holders, &range)));
            }
            Err(Trouble::Absent) if namespace.is_own() => {
                return Listing::failed(Reason::new("there is no /proc/net/tcp: /proc is not mounted"));
            }
            // The last process in it has ended.
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => more = more.or(Some(reason)),
        }
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

/// The sockets of a namespace, and why there may be more. A kernel without IPv6 has no tables for it.
fn sockets(host: &Host, namespace: &Namespace) -> Result<(Vec<Socket>, Option<Reason>), Trouble> {
    let (mut sockets, mut more) = (Vec::new(), None);
    for table in TABLES {
        let path = format!("{}/{}", namespace.folder(), table.name);
        let bytes = match host.read(Path::new(&path), MAX_BYTES) {
            Err(Trouble::Absent) if table.name != "tcp" => continue,
            other => other?,
        };
        let (seen, strange) = parse(&String::from_utf8_lossy(&bytes), table);
        sockets.extend(seen);
        if strange {
            more.get_or_insert_with(|| Reason::new(format!("cannot parse every line of {path}")));
        }
    }
    Ok((sockets, more))
}

/// Workers that share a port each have a socket of their own: one subject with several inodes.
fn merge(sockets: Vec<Socket>) -> Vec<(Socket, Vec<u64>)> {
    let mut merged: BTreeMap<_, (Socket, Vec<u64>)> = BTreeMap::new();
    for socket in sockets {
        let key = (socket.protocol, socket.port, socket.address, socket.uid);
        let inode = socket.inode;
        merged.entry(key).or_insert_with(|| (socket, Vec::new())).1.push(inode);
    }
    merged.into_values().collect()
}

/// The ports that clients get, first and last.
fn ephemeral_range(host: &Host) -> Result<(u16, u16), Reason> {
    let path = "/proc/sys/net/ipv4/ip_local_port_range";
    let unread = || Reason::new(format!("cannot read {path}"));
    let bytes = host.read(Path::new(path), 100).map_err(|_| unread())?;
    let text = String::from_utf8_lossy(&bytes);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok((first, last)),
        _ => Err(unread()),
    }
}

fn subject(
    host: &Host,
    namespace: &Namespace,
    (socket, inodes): &(Socket, Vec<u64>),
    holders: &Holders,
    range: &Result<(u16, u16), Reason>,
) -> Subject {
    let place = match socket.address {
        IpAddr::V4(v4) => format!("{v4}:{}", socket.port),
        IpAddr::V6(v6) => format!("[{v6}]:{}", socket.port),
    };
    let name = match namespace.is_own() {
        true => format!("{} {place}", socket.protocol),
        false => format!("{} {place} of {}", socket.protocol, namespace.name()),
    };
    let mut subject = Subject::new(&LISTEN, name, namespace.folder(), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("protocol", word(&IP_PROTOCOL, socket.protocol));
    fields.set("address", Value::Net(Net::from(socket.address)));
    fields.set("port", i64::from(socket.port));
    fields.set("reach", word(&REACH, reach(socket.address)));
    fields.set("ipv4", takes_ipv4(socket.address));
    fields.set(
        "ephemeral",
        match range {
            Ok((first, last)) => Observed::from((*first..=*last).contains(&socket.port)),
            Err(reason) => Observed::Unknown(reason.clone()),
        },
    );
    fields.set("user", host.user_name(socket.uid).map_or_else(Observed::Unknown, Observed::from));
    fields.set("own_namespace", namespace.is_own());
    fields.set("namespace", namespace.name());
    let held = holders.of(inodes);
    let list = |items: Result<Vec<Observed>, Reason>| match items {
        Ok(items) => Observed::Known(Value::List(List { items, more: holders.unseen().cloned() })),
        Err(reason) => Observed::Unknown(reason),
    };
    fields.set("processes", list(held.names()));
    fields.set("pids", list(held.pids()));
    fields.set("users", list(held.users(host)));
    fields.set("units", list(held.units()));
    fields.set("containers", list(held.containers()));
    fields.set("forwards_to", held.forwards_to());
    subject
}

fn takes_ipv4(address: IpAddr) -> Observed {
    match address {
        IpAddr::V4(_) => true.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => {
            Observed::unknown("/proc does not say whether IPV6_V6ONLY is set on the socket")
        }
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some().into(),
    }
}

#[cfg(test)]
mod tests;

//! From where an address that the daemon listens on can be reached.

use crate::manifest::Read;
use crate::value::{List, Net, Observed, Reason, Record, Value};

/// Where it is open beyond the host's own loopback. In a container that takes a published port, or the host's network.
pub(super) fn of(container: Option<&Record>, address: Result<&str, &Reason>) -> Observed {
    let address = match address {
        Ok(address) => address,
        Err(reason) => return Observed::Unknown(reason.clone()),
    };
    let Some((host, port)) = address.rsplit_once(':') else { return list(Vec::new(), None) };
    let host = host.trim_matches(['[', ']']);
    let local = host == "localhost" || is_loopback(host);
    if local {
        return list(Vec::new(), None);
    }
    let Some(container) = container else { return list(vec![address.into()], None) };
    match on_host_network(container) {
        Ok(true) => list(vec![address.into()], None),
        Ok(false) => published(container, port),
        Err(reason) => Observed::Unknown(reason),
    }
}

fn list(items: Vec<Observed>, more: Option<Reason>) -> Observed {
    Observed::Known(Value::List(List { items, more }))
}

fn on_host_network(container: &Record) -> Read<bool> {
    match container.get("host_network") {
        Some(Observed::Known(Value::Bool(host))) => Ok(*host),
        Some(Observed::Unknown(reason)) => Err(reason.clone()),
        _ => Ok(false),
    }
}

fn published(container: &Record, port: &str) -> Observed {
    let ports = match container.get("ports") {
        Some(Observed::Known(Value::List(ports))) => ports,
        Some(Observed::Unknown(reason)) => return Observed::Unknown(reason.clone()),
        _ => return list(Vec::new(), None),
    };
    list(ports.items.iter().filter_map(|item| open(item, port)).collect(), ports.more.clone())
}

/// The port as `0.0.0.0:8080->8081`, if it is this one and open.
fn open(item: &Observed, port: &str) -> Option<Observed> {
    let record = match item {
        Observed::Known(Value::Record(record)) => record,
        Observed::Unknown(reason) => return Some(Observed::Unknown(reason.clone())),
        _ => return None,
    };
    let text = |name: &str| record.get(name).filter(|seen| matches!(seen, Observed::Known(_))).map(ToString::to_string);
    let ip = text("host_ip").unwrap_or_default();
    if text("container_port").as_deref() != Some(port) || text("protocol").as_deref() == Some("udp") || is_loopback(&ip)
    {
        return None;
    }
    Some(format!("{ip}:{}->{port}", text("host_port").unwrap_or_else(|| "?".to_owned())).into())
}

fn is_loopback(host: &str) -> bool {
    let loopback: Vec<Net> = ["127.0.0.0/8", "::1"].into_iter().filter_map(Net::parse).collect();
    !host.is_empty() && Net::parse(host).is_some_and(|net| net.is_within(&loopback))
}

//! Published ports: `[[IP:][HOST]:]CONTAINER[/PROTOCOL]` with ranges, and the long form.

use super::Kind;
use crate::manifest::tree::Node;
use crate::manifest::{Port, Read};
use crate::value::Reason;

/// Ports that one entry may stand for.
const MAX_RANGE: u16 = 4096;

/// The ports of an entry. One that cannot be told is one unknown item.
pub(super) fn ports(entry: &Node) -> Vec<Read<Port>> {
    let read = match &entry.kind {
        Kind::Map(_) => long(entry),
        Kind::Text { text, quoted } => short(text, *quoted).ok_or_else(|| strange(entry)),
        Kind::Unknown(reason) => Err(reason.clone()),
        Kind::Null => return Vec::new(),
        Kind::List(_) => Err(strange(entry)),
    };
    match read {
        Ok(ports) => ports.into_iter().map(Ok).collect(),
        Err(reason) => vec![Err(reason)],
    }
}

fn strange(entry: &Node) -> Reason {
    Reason::new(format!("{}: this is no port that Compose understands", entry.place))
}

fn short(text: &str, quoted: bool) -> Option<Vec<Port>> {
    // A bare number is one to YAML: 0o17 and 017 are in base 8.
    let number = if quoted { None } else { crate::manifest::tree::integer(text) };
    let owned = number.map(|number| number.to_string());
    let text = owned.as_deref().unwrap_or(text);
    let (rest, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let (host, container) = match rest.rsplit_once(':') {
        Some((host, container)) => (Some(host), container),
        None => (None, rest),
    };
    let (host_ip, host_port) = match host {
        None => ("", ""),
        // Of IPv6 addresses the brackets are optional; the last colon is the port's.
        Some(host) => host.rsplit_once(':').unwrap_or(("", host)),
    };
    let host_ip = host_ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(host_ip);
    if !host_ip.is_empty() && host_ip.parse::<std::net::IpAddr>().is_err() {
        return None;
    }
    expand(host_ip, host_port, container, protocol)
}

fn long(entry: &Node) -> Read<Vec<Port>> {
    let target = entry.at("target").text()?.unwrap_or_default();
    let published = entry.at("published").text()?.unwrap_or_default();
    let host_ip = entry.at("host_ip").text()?.unwrap_or_default();
    let protocol = entry.at("protocol").text()?.unwrap_or("tcp");
    expand(host_ip, published, target, protocol).ok_or_else(|| strange(entry))
}

/// `8000-8010` as its first and last.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last - first < MAX_RANGE).then_some((first, last))
}

/// Ranges of one length belong together port by port; a range for one port lets the engine pick from it.
fn expand(host_ip: &str, host: &str, container: &str, protocol: &str) -> Option<Vec<Port>> {
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return None;
    }
    let (first, last) = range(container).filter(|(first, _)| *first > 0)?;
    let host = match host {
        "" | "0" => None,
        host => Some(range(host)?),
    };
    let one = |container_port: u16, host_port: Option<u16>| Port {
        host_ip: host_ip.to_owned(),
        host_port,
        container_port,
        protocol: protocol.clone(),
    };
    match host {
        None => Some((first..=last).map(|port| one(port, None)).collect()),
        Some((low, high)) if high - low == last - first => {
            Some((first..=last).zip(low..=high).map(|(port, host)| one(port, Some(host))).collect())
        }
        // Which one is picked is not known; the first stands for all, as in the daemon's own configuration.
        Some((low, _)) if first == last => Some(vec![one(first, Some(low))]),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |p: &Port| {
            let host = p.host_port.map_or("?".to_owned(), |port| port.to_string());
            format!("{}|{host}|{}/{}", p.host_ip, p.container_port, p.protocol)
        };
        short(text, true).unwrap_or_default().iter().map(show).collect()
    }

    /// The examples of the specification, "ports", short syntax.
    #[test]
    fn short_forms() {
        for (text, expected) in [
            ("3000", "|?|3000/tcp"),
            ("8000:8000", "|8000|8000/tcp"),
            ("127.0.0.1:8001:8001", "127.0.0.1|8001|8001/tcp"),
            ("127.0.0.1::80", "127.0.0.1|?|80/tcp"),
            ("6060:6060/udp", "|6060|6060/udp"),
            ("[::1]:6000:80", "::1|6000|80/tcp"),
            ("::1:6000:80", "::1|6000|80/tcp"),
            ("0.0.0.0:80:80", "0.0.0.0|80|80/tcp"),
            ("8000-9000:80", "|8000|80/tcp"),
        ] {
            assert_eq!(shown(text), [expected], "{text}");
        }
        assert_eq!(shown("9090-9091:8080-8081"), ["|9090|8080/tcp", "|9091|8081/tcp"]);
        assert_eq!(shown("3000-3002").len(), 3);
        for text in ["", "x", "80:x", "1:2:3:4", "70000", "80/xyz", "9-1", "1-3:1-2", "0", "host:80:80", "80.5"] {
            assert!(shown(text).is_empty(), "{text}");
        }
        assert_eq!(short("0120", false).unwrap()[0].container_port, 80, "YAML reads it in base 8");
    }

    proptest! {
        #[test]
        fn any_text_is_a_port_or_none(text in "[0-9:.\\[\\]/a-z-]{0,30}|\\PC*") {
            let _ = (short(&text, true), short(&text, false));
        }
    }
}

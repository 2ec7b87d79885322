//! The tables of sockets of a network namespace, `/proc/net/{tcp,tcp6,udp,udp6}` (proc_net(5)), and how far the address
//! of a socket reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::value::vocabulary::Vocabulary;

/// From whom a socket bound to an address takes packets, the fewest first.
pub(super) static REACH: Vocabulary =
    Vocabulary { name: "reach", words: &["loopback", "private", "public", "every-address"], ordered: true };

/// `TCP_LISTEN` and `TCP_CLOSE` of `include/net/tcp_states.h`; the second is how an unconnected UDP socket is shown.
const LISTENING: u8 = 0x0a;
const UNCONNECTED: u8 = 0x07;

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name below `/proc/net`.
    pub(super) name: &'static str,
    /// `tcp` or `udp`.
    pub(super) protocol: &'static str,
}

pub(super) const TABLES: [Table; 4] = [
    Table { name: "tcp", protocol: "tcp" },
    Table { name: "tcp6", protocol: "tcp" },
    Table { name: "udp", protocol: "udp" },
    Table { name: "udp6", protocol: "udp" },
];

/// A socket that takes what comes from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Socket {
    pub(super) protocol: &'static str,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// The user of the process when it made the socket.
    pub(super) uid: u32,
    pub(super) inode: u64,
}

/// The sockets of a table that take connections or packets from anybody, and whether a line could not be read.
pub(super) fn parse(text: &str, table: Table) -> (Vec<Socket>, bool) {
    let (mut sockets, mut strange) = (Vec::new(), false);
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        match read(line, table) {
            Some(socket) => sockets.extend(socket),
            None => strange = true,
        }
    }
    (sockets, strange)
}

/// `None` for what no kernel writes, `Some(None)` for a socket with a peer.
fn read(line: &str, table: Table) -> Option<Option<Socket>> {
    let mut columns = line.split_whitespace().skip(1);
    let (address, port) = end(columns.next()?)?;
    let (_, peer) = end(columns.next()?)?;
    let state = u8::from_str_radix(columns.next()?, 16).ok()?;
    let takes = match table.protocol {
        "tcp" => state == LISTENING,
        _ => state == UNCONNECTED && peer == 0,
    };
    // Queues, timer and retransmissions stand between.
    let uid = columns.nth(3)?.parse().ok()?;
    let inode = columns.nth(1)?.parse().ok()?;
    Some(takes.then_some(Socket { protocol: table.protocol, address, port, uid, inode }))
}

/// `0100007F:0016`: the words of the address as the machine keeps them, the port in hexadecimal.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes);
    if address.len() == 8 {
        return Some((Ipv4Addr::from(word(address)?).into(), port));
    }
    if address.len() != 32 {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    for at in (0..32).step_by(8) {
        bytes.extend(word(address.get(at..at + 8)?)?);
    }
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some((Ipv6Addr::from(bytes).into(), port))
}

/// The word of [`REACH`] for an address that a socket is bound to.
pub(super) fn reach(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => reach_v4(v4),
            None if v6.is_unspecified() => "every-address",
            None if v6.is_loopback() => "loopback",
            None if is_private_v6(v6) => "private",
            None => "public",
        },
    }
}

fn reach_v4(address: Ipv4Addr) -> &'static str {
    let [first, second, ..] = address.octets();
    if address.is_unspecified() {
        "every-address"
    } else if address.is_loopback() {
        "loopback"
    } else if address.is_private()
        || address.is_link_local()
        // RFC 6598: shared by the customers of one provider.
        || (first == 100 && (64..128).contains(&second))
        // RFC 5771, RFC 2365: for the local network, or a multicast domain of one organisation.
        || (first == 224 && second == 0)
        || first == 239
        || address.is_broadcast()
    {
        "private"
    } else {
        "public"
    }
}

/// RFC 4193 unique local, RFC 4291 link-local and the former site-local, multicast of less than global scope.
fn is_private_v6(address: Ipv6Addr) -> bool {
    let first = address.segments().first().copied().unwrap_or_default();
    let multicast = first & 0xff00 == 0xff00 && first & 0x000f < 0x000e;
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first & 0xffc0 == 0xfec0 || multicast
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TCP: Table = TABLES[0];
    const TCP6: Table = TABLES[1];
    const UDP: Table = TABLES[2];

    #[cfg(target_endian = "little")]
    #[test]
    fn the_lines_of_the_kernel_are_read() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let text = format!(
            "{head}   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 5555 1 0 100 0\n   \
             1: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000   101        0 5556 1 0 100 0\n"
        );
        let (sockets, strange) = parse(&text, TCP);
        let only = Socket { protocol: "tcp", address: Ipv4Addr::LOCALHOST.into(), port: 5432, uid: 101, inode: 5555 };
        assert_eq!((sockets, strange), (vec![only], false));
        let six = format!(
            "{head}   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7 1 0\n"
        );
        let (sockets, _) = parse(&six, TCP6);
        assert_eq!((sockets[0].address, sockets[0].port), (Ipv6Addr::LOCALHOST.into(), 80));
        let udp = format!(
            "{head}   9: 00000000:0035 00000000:0000 07 0:0 0:0 0 0 0 8 2 0 0\n   9: 0100007F:0035 0100007F:0036 01 0:0 0:0 0 0 0 9 2 0 0\n"
        );
        assert_eq!(parse(&udp, UDP).0.len(), 1);
        assert!(parse(&format!("{head}nonsense\n"), TCP).1, "a line that is not understood is told");
        assert_eq!(parse("", TCP), (vec![], false));
    }

    #[test]
    fn addresses_reach_as_far_as_their_networks() {
        for (address, expected) in [
            ("127.0.0.53", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("10.1.2.3", "private"),
            ("172.31.0.1", "private"),
            ("172.32.0.1", "public"),
            ("100.64.0.1", "private"),
            ("100.128.0.1", "public"),
            ("169.254.169.254", "private"),
            ("224.0.0.251", "private"),
            ("fe80::1", "private"),
            ("fd00::1", "private"),
            ("ff02::fb", "private"),
            ("2001:db8::1", "public"),
            ("8.8.8.8", "public"),
            ("0.0.0.0", "every-address"),
            ("::", "every-address"),
            ("::ffff:0.0.0.0", "every-address"),
        ] {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
            assert!(REACH.word(expected).is_some());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(sl\n)?([ 0-9A-F:]{0,120}\n|\\PC*\n)*") {
            for table in TABLES {
                let _ = parse(&text, table);
            }
        }
    }
}

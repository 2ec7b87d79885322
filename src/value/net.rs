//! Addresses and networks, and what programs write where an address belongs: `*`, an empty host, `localhost`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One or more networks that a piece of text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Net {
    /// Inclusive ranges over the IPv6 space, IPv4 as its v4-mapped part.
    ranges: Vec<(u128, u128)>,
    text: Box<str>,
}

const ALL_V6: (u128, u128) = (0, u128::MAX);

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn network(text: &str) -> Option<(u128, u128)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<u32>().ok().filter(|p| *p <= width)?,
        Some(_) => return None,
        None => width,
    };
    let mask = u128::MAX.checked_shr(128 - (width - prefix)).unwrap_or(0);
    let first = mapped(address) & !mask;
    Some((first, first | mask))
}

impl Net {
    /// An address, a network in CIDR form, or a word for every address (`*`, empty, `0.0.0.0`, `::`) or for this
    /// machine (`localhost`).
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let ranges = match bare {
            "" | "*" => vec![ALL_V6],
            // A socket bound to :: accepts IPv4 too unless told otherwise, so it stands for every address.
            "::" => vec![ALL_V6],
            "0.0.0.0" => vec![network("0.0.0.0/0")?],
            "localhost" => vec![network("127.0.0.0/8")?, network("::1")?],
            other => vec![network(other)?],
        };
        let text = if bare.is_empty() { "*" } else { text };
        Some(Net { ranges, text: text.into() })
    }

    /// Whether every address of this one lies in the union of the others.
    pub fn is_within(&self, others: &[Net]) -> bool {
        let mut union: Vec<(u128, u128)> = others.iter().flat_map(|net| net.ranges.iter().copied()).collect();
        union.sort_unstable();
        self.ranges.iter().all(|range| covers(&union, *range))
    }
}

/// `union` is sorted by first address.
fn covers(union: &[(u128, u128)], (first, last): (u128, u128)) -> bool {
    let mut next = first;
    for (start, end) in union {
        if *start > next {
            return false;
        }
        if *end >= last {
            return true;
        }
        if *end >= next {
            next = end.saturating_add(1);
        }
    }
    false
}

impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        let folded = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        // An unspecified address stands for every one, as it does where it is written.
        let ranges = match folded {
            IpAddr::V4(v4) if v4.is_unspecified() => vec![(mapped(folded), mapped(IpAddr::V4(Ipv4Addr::BROADCAST)))],
            IpAddr::V6(v6) if v6.is_unspecified() => vec![ALL_V6],
            IpAddr::V4(_) | IpAddr::V6(_) => vec![(mapped(folded), mapped(folded))],
        };
        Net { ranges, text: folded.to_string().into() }
    }
}

impl From<Ipv6Addr> for Net {
    fn from(address: Ipv6Addr) -> Self {
        IpAddr::V6(address).into()
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        Net::parse(text).unwrap()
    }

    #[test]
    fn within_is_containment_in_the_union() {
        let private = [net("10.0.0.0/8"), net("127.0.0.0/8"), net("::1")];
        assert!(net("10.1.2.3").is_within(&private));
        assert!(net("::ffff:10.1.2.3").is_within(&private), "v4-mapped addresses are IPv4");
        assert!(net("localhost").is_within(&private));
        assert!(!net("0.0.0.0").is_within(&private));
        assert!(!net("*").is_within(&private));
        assert!(!net("").is_within(&private));
        assert!(!net("[::]").is_within(&[net("0.0.0.0/0")]));
        assert!(net("10.0.0.0/8").is_within(&[net("10.0.0.0/9"), net("10.128.0.0/9")]));
        assert!(!net("0.0.0.0/0").is_within(&[net("0.0.0.0/1")]));
        assert!(net("*").is_within(&[net("::/0")]));
    }

    #[test]
    fn an_address_is_what_its_text_says() {
        for text in ["0.0.0.0", "::", "::ffff:0.0.0.0", "127.0.0.1", "::1", "255.255.255.255"] {
            let address = Net::from(text.parse::<IpAddr>().unwrap());
            assert_eq!(address, net(&address.to_string()), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "example.org", "1.2.3", "10.0.0.0/8/8"] {
            assert!(Net::parse(bad).is_none(), "{bad}");
        }
    }
}

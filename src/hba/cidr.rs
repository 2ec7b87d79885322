//! Addresses as `getaddrinfo(AI_NUMERICHOST)` reads them, with masks as PostgreSQL applies them
//! (`pg_sockaddr_cidr_mask` and `pg_range_sockaddr` of `ifaddr.c`). Apart because the C library's
//! forms (`10.1`, `0x7f.1`, octal) are not those of Rust's own parser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address. An IPv4-mapped IPv6 address is IPv6: the server listens with
    /// `IPV6_V6ONLY` and compares families before bits.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The greatest address, as a number.
    pub(crate) fn max(self) -> u128 {
        match self {
            Self::V4 => u128::from(u32::MAX),
            Self::V6 => u128::MAX,
        }
    }

    /// The address with this number.
    pub(crate) fn address(self, bits: u128) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(bits & self.max()).unwrap_or(u32::MAX))),
            Self::V6 => IpAddr::V6(Ipv6Addr::from(bits)),
        }
    }
}

/// An address as a number.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    }
}

/// A set of addresses: those that agree with `value` in every bit of `mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net {
    /// The family.
    pub family: Family,
    value: u128,
    mask: u128,
}

impl Net {
    /// From an address and a mask of the same family; `None` when the families differ.
    pub fn new(address: IpAddr, mask: IpAddr) -> Option<Self> {
        let family = Family::of(address);
        (family == Family::of(mask)).then(|| Self::from_bits(family, bits(address), bits(mask)))
    }

    /// From an address and a prefix length; `None` when it is too long.
    pub fn with_prefix(address: IpAddr, prefix: u32) -> Option<Self> {
        let family = Family::of(address);
        let width: u32 = if family == Family::V4 { 32 } else { 128 };
        let host = width_mask(width.checked_sub(prefix)?);
        Some(Self::from_bits(family, bits(address), family.max() & !host))
    }

    fn from_bits(family: Family, address: u128, mask: u128) -> Self {
        Self { family, value: address & mask, mask }
    }

    /// Whether it is every address of its family.
    pub fn is_everything(&self) -> bool {
        self.mask == 0
    }

    /// Whether the server's comparison accepts this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == self.family && bits(address) & self.mask == self.value
    }

    /// The set as closed intervals in ascending order, or `None` when a mask with holes makes more
    /// than `limit` of them.
    pub(crate) fn intervals(&self, limit: usize) -> Option<Vec<(u128, u128)>> {
        let free = self.family.max() & !self.mask;
        let low = width_mask(free.trailing_ones());
        let holes = free & !low;
        if holes.count_ones() >= usize::BITS || 1usize.checked_shl(holes.count_ones())? > limit {
            return None;
        }
        let mut all = Vec::new();
        let mut pick = 0u128;
        loop {
            let first = self.value | pick;
            all.push((first, first | low));
            // the next subset of `holes`, ascending
            pick = pick.wrapping_sub(holes) & holes;
            if pick == 0 {
                return Some(all);
            }
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.family.address(self.value))?;
        let free = self.family.max() & !self.mask;
        match free & free.wrapping_add(1) {
            0 => write!(f, "/{}", (self.mask).count_ones()),
            _ => write!(f, " {}", self.family.address(self.mask)),
        }
    }
}

fn width_mask(ones: u32) -> u128 {
    1u128.checked_shl(ones).map_or(u128::MAX, |bit| bit.wrapping_sub(1))
}

/// What a numeric-only look-up makes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numeric {
    /// An address.
    Is(IpAddr),
    /// Not an address: the server takes the word for a host name.
    Not,
    /// Depends on the interfaces of the server's machine.
    Depends,
}

/// `getaddrinfo` with `AI_NUMERICHOST`.
pub(crate) fn numeric(word: &str) -> Numeric {
    if word.contains(':') {
        return numeric_v6(word);
    }
    inet_aton(word).map_or(Numeric::Not, |a| Numeric::Is(IpAddr::V4(a)))
}

fn numeric_v6(word: &str) -> Numeric {
    let (address, zone) = match word.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (word, None),
    };
    let Ok(parsed) = address.parse::<Ipv6Addr>() else { return Numeric::Not };
    match zone {
        None => Numeric::Is(IpAddr::V6(parsed)),
        Some(z) if !z.is_empty() && z.bytes().all(|b| b.is_ascii_digit()) && z.parse::<u32>().is_ok() => {
            Numeric::Is(IpAddr::V6(parsed))
        }
        Some("") => Numeric::Not,
        Some(_)
            if parsed.is_unicast_link_local() || parsed.segments().first().is_some_and(|s| s & 0xff0f == 0xff02) =>
        {
            Numeric::Depends
        }
        Some(_) => Numeric::Not,
    }
}

/// The C library's `inet_aton` without trailing blanks: one to four parts, decimal, octal or hex,
/// the last part filling the rest.
fn inet_aton(word: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = word.split('.').map(aton_part).collect::<Option<_>>()?;
    let (last, head) = parts.split_last()?;
    if head.len() > 3 || head.iter().any(|p| *p > 255) {
        return None;
    }
    let rest = 32 - 8 * u32::try_from(head.len()).ok()?;
    if u64::from(*last) >> rest != 0 {
        return None;
    }
    let high = head.iter().fold(0u64, |sum, p| sum << 8 | u64::from(*p));
    u32::try_from(high << rest | u64::from(*last)).ok().map(Ipv4Addr::from)
}

fn aton_part(part: &str) -> Option<u32> {
    if !part.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// The number after the slash as `strtol` reads it: leading blanks and a sign are allowed.
pub(crate) fn prefix_length(word: &str) -> Option<u32> {
    let trimmed = word.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, trimmed.get(1..)?),
        Some(b'+') => (false, trimmed.get(1..)?),
        _ => (false, trimmed),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = digits.trim_start_matches('0');
    let value = if value.is_empty() { 0 } else { value.parse().ok()? };
    (!negative || value == 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_library_forms() {
        let is = |s: &str| Numeric::Is(s.parse().unwrap());
        assert_eq!(numeric("10.1"), is("10.0.0.1"));
        assert_eq!(numeric("0x7f.1"), is("127.0.0.1"));
        assert_eq!(numeric("010.0.0.1"), is("8.0.0.1"));
        assert_eq!(numeric("3232235521"), is("192.168.0.1"));
        assert_eq!(numeric("::1"), is("::1"));
        assert_eq!(numeric("fe80::1%2"), is("fe80::1"));
        assert_eq!(numeric("fe80::1%eth0"), Numeric::Depends);
        for not in ["", "1.2.3.4.5", "256.1.1.1", "08.1.1.1", "a.b", "1..2", ".example.com", "1.2.3.4 "] {
            assert_eq!(numeric(not), Numeric::Not, "{not}");
        }
    }

    #[test]
    fn masks_with_holes_are_intervals() {
        let net = Net::new("10.0.7.0".parse().unwrap(), "255.0.255.0".parse().unwrap()).unwrap();
        assert!(net.contains("10.200.7.9".parse().unwrap()));
        assert!(!net.contains("10.200.8.9".parse().unwrap()));
        let all = net.intervals(1000).unwrap();
        assert_eq!(all.len(), 256);
        assert!(all.is_sorted());
        assert!(net.intervals(255).is_none());
        assert_eq!(Net::with_prefix("10.1.2.3".parse().unwrap(), 8).unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(net.to_string(), "10.0.7.0 255.0.255.0");
        assert_eq!(Net::with_prefix("::".parse().unwrap(), 0).unwrap().intervals(1), Some(vec![(0, u128::MAX)]));
    }
}

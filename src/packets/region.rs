//! Sets of packets: boxes of protocol, ports, sources and interface, and what is left of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Boxes of one set; more are given up.
const MAX_BOXES: usize = 4_000;

/// An inclusive range.
pub type Range = (u128, u128);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
}

pub const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
pub const ALL_V4: Range = (0, u32::MAX as u128);
pub const ALL_V6: Range = (0, u128::MAX);
pub const ALL_PORTS: Range = (0, 65_535);

/// The interfaces that a packet may come in by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interfaces {
    /// Only these.
    In(BTreeSet<String>),
    /// Every one but these.
    NotIn(BTreeSet<String>),
}

impl Interfaces {
    pub fn all() -> Self {
        Interfaces::NotIn(BTreeSet::new())
    }

    fn and(&self, other: &Interfaces) -> Interfaces {
        use Interfaces::{In, NotIn};
        match (self, other) {
            (In(a), In(b)) => In(a & b),
            (In(a), NotIn(b)) | (NotIn(b), In(a)) => In(a - b),
            (NotIn(a), NotIn(b)) => NotIn(a | b),
        }
    }

    fn but(&self, other: &Interfaces) -> Interfaces {
        let complement = match other {
            Interfaces::In(names) => Interfaces::NotIn(names.clone()),
            Interfaces::NotIn(names) => Interfaces::In(names.clone()),
        };
        self.and(&complement)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Interfaces::In(names) if names.is_empty())
    }
}

/// The packets that a rule is about, as the rule says it: each part is a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub protocols: BTreeSet<Protocol>,
    pub ports: Vec<Range>,
    /// Sources by family.
    pub v4: Vec<Range>,
    pub v6: Vec<Range>,
    pub interfaces: Interfaces,
}

impl Shape {
    /// Every packet.
    pub fn all() -> Self {
        Shape {
            protocols: PROTOCOLS.into(),
            ports: vec![ALL_PORTS],
            v4: vec![ALL_V4],
            v6: vec![ALL_V6],
            interfaces: Interfaces::all(),
        }
    }

    /// None.
    pub fn none() -> Self {
        Shape { protocols: BTreeSet::new(), ..Shape::all() }
    }

    pub fn with_ports(&mut self, ports: &[Range], negated: bool) {
        let ports = if negated { complement(ports, ALL_PORTS) } else { ports.to_vec() };
        self.ports = meet(&self.ports, &ports);
    }

    /// Sources of either family; those of the other one are then none.
    pub fn with_sources(&mut self, v4: &[Range], v6: &[Range], negated: bool) {
        let flip = |own: &[Range], all: Range| if negated { complement(own, all) } else { own.to_vec() };
        self.v4 = meet(&self.v4, &flip(v4, ALL_V4));
        self.v6 = meet(&self.v6, &flip(v6, ALL_V6));
    }

    pub fn with_interfaces(&mut self, names: impl IntoIterator<Item = String>, negated: bool) {
        let names = names.into_iter().collect();
        let own = if negated { Interfaces::NotIn(names) } else { Interfaces::In(names) };
        self.interfaces = self.interfaces.and(&own);
    }

    pub fn with_protocols(&mut self, of: &[Protocol], negated: bool) {
        self.protocols.retain(|protocol| of.contains(protocol) != negated);
    }

    fn boxes(&self, v4: bool) -> impl Iterator<Item = Packets> + '_ {
        let sources = if v4 { &self.v4 } else { &self.v6 };
        self.protocols.iter().flat_map(move |protocol| {
            self.ports.iter().flat_map(move |ports| {
                sources.iter().map(move |source| Packets {
                    protocol: *protocol,
                    ports: *ports,
                    source: *source,
                    interfaces: self.interfaces.clone(),
                })
            })
        })
    }
}

/// A box of packets of one family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packets {
    pub protocol: Protocol,
    pub ports: Range,
    pub source: Range,
    pub interfaces: Interfaces,
}

impl Packets {
    fn and(&self, other: &Packets) -> Option<Packets> {
        let interfaces = self.interfaces.and(&other.interfaces);
        (self.protocol == other.protocol && !interfaces.is_empty()).then_some(())?;
        Some(Packets {
            protocol: self.protocol,
            ports: overlap(self.ports, other.ports)?,
            source: overlap(self.source, other.source)?,
            interfaces,
        })
    }

    /// What is left of this without `other`.
    fn without(&self, other: &Packets) -> Vec<Packets> {
        let Some(common) = self.and(other) else { return vec![self.clone()] };
        let mut left: Vec<Packets> =
            outside(self.ports, common.ports).into_iter().map(|ports| Packets { ports, ..self.clone() }).collect();
        let row = Packets { ports: common.ports, ..self.clone() };
        left.extend(outside(self.source, common.source).into_iter().map(|source| Packets { source, ..row.clone() }));
        let cell = Packets { source: common.source, ..row };
        let interfaces = self.interfaces.but(&other.interfaces);
        if !interfaces.is_empty() {
            left.push(Packets { interfaces, ..cell });
        }
        left
    }
}

/// Too many boxes: a rule set that nobody can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// A set of packets of one family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Region(pub Vec<Packets>);

impl Region {
    pub fn all(v4: bool) -> Self {
        Region(Shape::all().boxes(v4).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a shape takes of this.
    pub fn of_shape(&self, shape: &Shape, v4: bool) -> Result<Region, TooMany> {
        self.and(&Region(shape.boxes(v4).collect()))
    }

    pub fn and(&self, other: &Region) -> Result<Region, TooMany> {
        let mut common = Vec::new();
        for a in &self.0 {
            common.extend(other.0.iter().filter_map(|b| a.and(b)));
            bounded(&common)?;
        }
        Ok(Region(common))
    }

    pub fn without(&self, other: &Region) -> Result<Region, TooMany> {
        let mut left = self.0.clone();
        for taken in &other.0 {
            left = left.iter().flat_map(|one| one.without(taken)).collect();
            bounded(&left)?;
        }
        Ok(Region(left))
    }

    /// The boxes in order, those that touch made one.
    pub fn joined(self) -> Vec<Packets> {
        let Region(mut boxes) = self;
        boxes.sort_by(|a, b| {
            (a.protocol, a.ports, &a.interfaces, a.source).cmp(&(b.protocol, b.ports, &b.interfaces, b.source))
        });
        let sources = |last: &mut Packets, next: &Packets| {
            let same = (last.protocol, last.ports, &last.interfaces) == (next.protocol, next.ports, &next.interfaces);
            same && extend(&mut last.source, next.source)
        };
        let mut boxes = join(boxes, sources);
        boxes.sort_by(|a, b| {
            (a.protocol, a.source, &a.interfaces, a.ports).cmp(&(b.protocol, b.source, &b.interfaces, b.ports))
        });
        let ports = |last: &mut Packets, next: &Packets| {
            let same = (last.protocol, last.source, &last.interfaces) == (next.protocol, next.source, &next.interfaces);
            same && extend(&mut last.ports, next.ports)
        };
        let mut boxes = join(boxes, ports);
        boxes.sort();
        boxes
    }

    /// Both, without what is in this already.
    pub fn or(&self, other: &Region) -> Result<Region, TooMany> {
        let mut all = self.0.clone();
        all.extend(other.without(self)?.0);
        bounded(&all)?;
        Ok(Region(all))
    }
}

fn bounded(boxes: &[Packets]) -> Result<(), TooMany> {
    if boxes.len() > MAX_BOXES { Err(TooMany) } else { Ok(()) }
}

/// Each box joined to the one before it where `into` can do so.
fn join(boxes: Vec<Packets>, into: impl Fn(&mut Packets, &Packets) -> bool) -> Vec<Packets> {
    let mut joined: Vec<Packets> = Vec::with_capacity(boxes.len());
    for next in boxes {
        if !joined.last_mut().is_some_and(|last| into(last, &next)) {
            joined.push(next);
        }
    }
    joined
}

/// Makes a range longer by one that follows it at once.
fn extend(range: &mut Range, next: Range) -> bool {
    let follows = range.1.checked_add(1) == Some(next.0);
    if follows {
        range.1 = next.1;
    }
    follows
}

fn overlap(a: Range, b: Range) -> Option<Range> {
    let common = (a.0.max(b.0), a.1.min(b.1));
    (common.0 <= common.1).then_some(common)
}

/// The parts of `all` before and after `part`, which lies in it.
fn outside(all: Range, part: Range) -> Vec<Range> {
    let before = part.0.checked_sub(1).map(|end| (all.0, end));
    let after = part.1.checked_add(1).map(|start| (start, all.1));
    [before, after].into_iter().flatten().filter(|(start, end)| start <= end).collect()
}

fn meet(a: &[Range], b: &[Range]) -> Vec<Range> {
    a.iter().flat_map(|one| b.iter().filter_map(|other| overlap(*one, *other))).collect()
}

fn complement(ranges: &[Range], all: Range) -> Vec<Range> {
    let mut left = vec![all];
    for range in ranges {
        left = left
            .iter()
            .flat_map(|one| match overlap(*one, *range) {
                Some(common) => outside(*one, common),
                None => vec![*one],
            })
            .collect();
    }
    left
}

/// The addresses of `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1` or `10.0.0.1-10.0.0.9`, and whether they are IPv4.
pub fn addresses(text: &str) -> Option<(Range, bool)> {
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    };
    if let Some((first, last)) = text.split_once('-') {
        let ((first, v4), (last, same)) = (number(first.trim().parse().ok()?), number(last.trim().parse().ok()?));
        return (v4 == same && first <= last).then_some(((first, last), v4));
    }
    let (address, mask) = text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
    let (first, v4) = number(address.parse().ok()?);
    let width: u32 = if v4 { 32 } else { 128 };
    let length: u32 = match mask {
        None => width,
        Some(mask) => mask.parse().ok().or_else(|| mask_length(mask))?,
    };
    let free = width.checked_sub(length)?;
    let hosts = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
    Some(((first & !hosts, (first & !hosts) | hosts), v4))
}

/// The length of a mask in dots whose ones come first.
fn mask_length(mask: &str) -> Option<u32> {
    let bits = mask.parse::<Ipv4Addr>().ok()?.to_bits();
    (bits.leading_ones() + bits.trailing_zeros().min(32) >= 32 || bits == 0).then(|| bits.leading_ones())
}

/// A range of addresses as networks.
pub fn networks((first, last): Range, v4: bool) -> Vec<String> {
    let width: u32 = if v4 { 32 } else { 128 };
    let (mut shown, mut next) = (Vec::new(), Some(first));
    while let Some(start) = next.filter(|start| *start <= last) {
        let mut free = start.trailing_zeros().min(width);
        while free > 0
            && (free == 128 && (start, last) != (0, u128::MAX) || free < 128 && start + ((1_u128 << free) - 1) > last)
        {
            free -= 1;
        }
        let end = if free == 128 { u128::MAX } else { start + ((1_u128 << free) - 1) };
        let address = match v4 {
            true => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(start).unwrap_or(u32::MAX))),
            false => IpAddr::V6(Ipv6Addr::from_bits(start)),
        };
        shown.push(format!("{address}/{}", width - free));
        next = end.checked_add(1);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_and_back() {
        for (text, expected) in [
            ("10.0.0.0/8", &["10.0.0.0/8"][..]),
            ("10.1.2.3/8", &["10.0.0.0/8"]),
            ("10.0.0.0/255.0.0.0", &["10.0.0.0/8"]),
            ("10.0.0.1", &["10.0.0.1/32"]),
            ("10.0.0.1-10.0.0.4", &["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]),
            ("0.0.0.0/0", &["0.0.0.0/0"]),
            ("::/0", &["::/0"]),
            ("fe80::/10", &["fe80::/10"]),
            ("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["::1/128"]),
        ] {
            let (range, v4) = addresses(text).unwrap();
            assert_eq!(networks(range, v4)[..expected.len()], *expected, "{text}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "example.org", "10.0.0.2-10.0.0.1", "::1-10.0.0.1"] {
            assert_eq!(addresses(bad), None, "{bad}");
        }
    }

    fn packets() -> impl Strategy<Value = Packets> {
        let range = |max: u128| (0..=max, 0..=max).prop_map(|(a, b)| (a.min(b), a.max(b)));
        let names = proptest::collection::btree_set("[ab]", 0..3);
        let interfaces = (names, any::<bool>()).prop_map(|(names, is)| {
            if is && !names.is_empty() { Interfaces::In(names) } else { Interfaces::NotIn(names) }
        });
        (any::<bool>(), range(9), range(9), interfaces).prop_map(|(tcp, ports, source, interfaces)| Packets {
            protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
            ports,
            source,
            interfaces,
        })
    }

    fn has(region: &Region, protocol: Protocol, port: u128, source: u128, interface: &str) -> bool {
        let names = |of: &Interfaces| match of {
            Interfaces::In(names) => names.contains(interface),
            Interfaces::NotIn(names) => !names.contains(interface),
        };
        let within = |(first, last): Range, at: u128| first <= at && at <= last;
        region.0.iter().any(|one| {
            one.protocol == protocol && within(one.ports, port) && within(one.source, source) && names(&one.interfaces)
        })
    }

    proptest! {
        #[test]
        fn regions_are_sets(
            a in proptest::collection::vec(packets(), 0..4),
            b in proptest::collection::vec(packets(), 0..4),
            port in 0..10_u128,
            source in 0..10_u128,
            interface in "[abc]",
        ) {
            let (a, b) = (Region(a), Region(b));
            for protocol in PROTOCOLS {
                let (in_a, in_b) = (has(&a, protocol, port, source, &interface), has(&b, protocol, port, source, &interface));
                let check = |region: Region| has(&region, protocol, port, source, &interface);
                prop_assert_eq!(check(a.and(&b).unwrap()), in_a && in_b);
                prop_assert_eq!(check(a.without(&b).unwrap()), in_a && !in_b);
                prop_assert_eq!(check(a.or(&b).unwrap()), in_a || in_b);
                prop_assert_eq!(check(Region(a.without(&b).unwrap().joined())), in_a && !in_b);
            }
        }

        #[test]
        fn any_text_is_read(text in "[0-9a-f.:/-]{0,30}") {
            if let Some((range, v4)) = addresses(&text) {
                prop_assert!(!networks(range, v4).is_empty());
            }
        }
    }
}

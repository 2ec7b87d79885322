//! Addresses, replaced so that what rules judge by stays: two addresses share exactly as many leading bits after as they
//! did before, so that an address in a network stays in it (Xu et al., "Prefix-Preserving IP Address Anonymization",
//! 2002), and neither changes its class, loopback, private, link-local or public. Hexadecimal ids go the same way, so that
//! a short id still is the beginning of the long one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ring::hmac;

/// What the replacements of one run depend on. It is never written anywhere, so that they cannot be undone by trying.
pub struct Key(hmac::Key);

impl Key {
    /// A fresh key; `None` when the system has no randomness.
    pub fn random() -> Option<Self> {
        let rng = ring::rand::SystemRandom::new();
        hmac::Key::generate(hmac::HMAC_SHA256, &rng).ok().map(Key)
    }

    /// The same key for the same bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Key(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// A number that depends on everything that is given, and on the key.
    fn number(&self, round: u32, domain: u8, value: &[u8]) -> u8 {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&round.to_be_bytes());
        context.update(&[domain]);
        context.update(value);
        context.sign().as_ref().first().copied().unwrap_or(0)
    }
}

/// First address and prefix length of each class (the registries of special-purpose addresses, RFC 6890). One of full
/// length stays as it is.
const CLASSES_V4: [(u32, u32); 16] = [
    (0x7f00_0001, 32), // 127.0.0.1
    (0x7f00_0000, 8),  // loopback
    (0x0a00_0000, 8),  // private
    (0xac10_0000, 12),
    (0xc0a8_0000, 16),
    (0xa9fe_0000, 16), // link-local
    (0x6440_0000, 10), // shared by carriers
    (0xc000_0200, 24), // documentation
    (0xc633_6400, 24),
    (0xcb00_7100, 24),
    (0xc612_0000, 15), // benchmarks
    (0xc000_0000, 24), // protocol assignments
    (0xc058_6300, 24), // 6to4 relays
    (0xe000_0000, 4),  // multicast
    (0xf000_0000, 4),  // reserved; with it netmasks
    (0x0000_0000, 8),  // this network
];
const CLASSES_V6: [(u128, u32); 9] = [
    (0, 128), // unspecified
    (1, 128), // loopback
    (V4_MAPPED, 96),
    (0x0064_ff9b << 96, 96), // NAT64
    (0xfe80 << 112, 10),     // link-local
    (0xfc00 << 112, 7),      // private
    (0xff00 << 112, 8),      // multicast
    (0x2000 << 112, 3),      // public
    (0x2001_0db8 << 96, 32), // documentation
];
const V4_MAPPED: u128 = 0xffff << 32;

const V4: u8 = 4;
const V6: u8 = 6;
const HEX: u8 = 16;

/// Replaces addresses and ids, the same ones always by the same ones.
pub(super) struct Addresses<'k> {
    key: &'k Key,
    round: u32,
    replaced: BTreeMap<IpAddr, IpAddr>,
    /// What stands for an address or a network that could have become another one.
    given: BTreeSet<IpAddr>,
}

impl<'k> Addresses<'k> {
    /// Each round replaces differently.
    pub(super) fn new(key: &'k Key, round: u32) -> Self {
        Addresses { key, round, replaced: BTreeMap::new(), given: BTreeSet::new() }
    }

    /// Whether an address stands for one that is there itself: in a small network some must, by chance.
    pub(super) fn repeats(&self) -> bool {
        self.given.iter().any(|given| self.replaced.contains_key(given))
    }

    pub(super) fn address(&mut self, address: IpAddr) -> IpAddr {
        let width = if address.is_ipv4() { 32 } else { 128 };
        self.network(address, width)
    }

    /// The address of a network with a prefix of this many bits: what is zero behind them stays zero.
    pub(super) fn network(&mut self, address: IpAddr, prefix: u32) -> IpAddr {
        let whole = *self.replaced.entry(address).or_insert_with(|| turned(self.key, self.round, address));
        let replaced = match (address, whole) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mask = u32::MAX.checked_shr(prefix).unwrap_or(0);
                if from.to_bits() & mask == 0 { Ipv4Addr::from_bits(to.to_bits() & !mask).into() } else { whole }
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let mask = u128::MAX.checked_shr(prefix).unwrap_or(0);
                if from.to_bits() & mask == 0 { Ipv6Addr::from_bits(to.to_bits() & !mask).into() } else { whole }
            }
            _ => whole,
        };
        if turnable(address).any(|at| at < prefix) {
            self.given.insert(replaced);
        }
        replaced
    }

    /// Hexadecimal digits for hexadecimal digits, upper case where there is no other.
    pub(super) fn hex(&self, text: &str) -> String {
        let upper = text.bytes().any(|b| b.is_ascii_uppercase());
        let mut replaced = String::with_capacity(text.len());
        let mut before = Vec::with_capacity(text.len());
        for digit in text.chars().filter_map(|c| c.to_digit(16)) {
            let turned = (digit + u32::from(self.key.number(self.round, HEX, &before))) % 16;
            before.push(u8::try_from(digit).unwrap_or(0));
            let c = char::from_digit(turned, 16).unwrap_or('0');
            replaced.push(if upper { c.to_ascii_uppercase() } else { c });
        }
        replaced
    }
}

/// The address with some of its bits turned, each as those before it say.
fn turned(key: &Key, round: u32, address: IpAddr) -> IpAddr {
    let turns = |at: &u32, before: u128| {
        let value: Vec<u8> = at.to_be_bytes().into_iter().chain(before.to_be_bytes()).collect();
        key.number(round, if address.is_ipv4() { V4 } else { V6 }, &value) & 1 == 1
    };
    match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            let turned = turnable(address).filter(|at| turns(at, top(bits, *at).into()));
            Ipv4Addr::from_bits(turned.fold(bits, |bits, at| bits ^ (1 << (31 - at)))).into()
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped().map(|v4| turned(key, round, v4.into())) {
            Some(IpAddr::V4(v4)) => v4.to_ipv6_mapped().into(),
            Some(IpAddr::V6(_)) | None => {
                let bits = v6.to_bits();
                let turned = turnable(address).filter(|at| turns(at, top128(bits, *at)));
                Ipv6Addr::from_bits(turned.fold(bits, |bits, at| bits ^ (1 << (127 - at)))).into()
            }
        },
    }
}

/// The bits of an address, from its first, that may be turned: those for which no class lies on one side only.
fn turnable(address: IpAddr) -> Box<dyn Iterator<Item = u32>> {
    match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            let count = if is_fixed(v4) { 0 } else { 32 };
            let split = move |at: u32| CLASSES_V4.iter().any(|(block, len)| *len > at && top(bits ^ block, at) == 0);
            Box::new((0..count).filter(move |at| !split(*at)))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Box::new(turnable(v4.into()).map(|at| at + 96)),
            None => {
                let bits = v6.to_bits();
                let ones = bits.leading_ones();
                // A netmask, which pg_hba.conf may write in full.
                let count = if ones >= 16 && bits.trailing_zeros() + ones >= 128 { 0 } else { 128 };
                let split =
                    move |at: u32| CLASSES_V6.iter().any(|(block, len)| *len > at && top128(bits ^ block, at) == 0);
                Box::new((0..count).filter(move |at| !split(*at)))
            }
        },
    }
}

/// The leading bits, the others zero.
fn top(bits: u32, count: u32) -> u32 {
    bits & !u32::MAX.checked_shr(count).unwrap_or(0)
}

fn top128(bits: u128, count: u32) -> u128 {
    bits & !u128::MAX.checked_shr(count).unwrap_or(0)
}

/// Whether it means the same on every machine: this network, netmasks.
fn is_fixed(v4: Ipv4Addr) -> bool {
    v4.octets().first().is_some_and(|first| *first == 0 || *first >= 240)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Leading bits that two addresses of one family share.
    fn shared(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => panic!("{a} and {b} are of two families"),
        }
    }

    fn class(address: IpAddr) -> Vec<bool> {
        match address {
            IpAddr::V4(v4) => CLASSES_V4.iter().map(|(block, len)| top(v4.to_bits() ^ block, *len) == 0).collect(),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => class(v4.into()),
                None => CLASSES_V6.iter().map(|(block, len)| top128(v6.to_bits() ^ block, *len) == 0).collect(),
            },
        }
    }

    /// Addresses of every class, and such as are near one another.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        let v4 = (prop::sample::select(&CLASSES_V4[..]), any::<u32>())
            .prop_map(|((block, len), low)| Ipv4Addr::from_bits(block | low & u32::MAX.checked_shr(len).unwrap_or(0)));
        let v6 = (prop::sample::select(&CLASSES_V6[..]), any::<u128>())
            .prop_map(|((block, len), low)| Ipv6Addr::from_bits(block | low & u128::MAX.checked_shr(len).unwrap_or(0)));
        prop_oneof![v4.prop_map(IpAddr::V4), v6.prop_map(IpAddr::V6), any::<IpAddr>()]
    }

    proptest! {
        #[test]
        fn classes_stay_and_prefixes_are_shared_as_before(key: [u8; 8], a in addresses(), b in addresses()) {
            let key = Key::new(&key);
            let mut addresses = Addresses::new(&key, 0);
            let (c, d) = (addresses.address(a), addresses.address(b));
            prop_assert_eq!(class(a), class(c), "{} {}", a, c);
            prop_assert_eq!(a.is_loopback(), c.is_loopback());
            prop_assert_eq!(a.is_unspecified(), c.is_unspecified());
            prop_assert_eq!(a.is_ipv4(), c.is_ipv4());
            if a.is_ipv4() == b.is_ipv4() {
                prop_assert_eq!(shared(a, b), shared(c, d));
            }
        }

        #[test]
        fn an_address_stays_in_its_network(key: [u8; 8], address: Ipv4Addr, prefix in 0..=32_u32) {
            let key = Key::new(&key);
            let mut addresses = Addresses::new(&key, 0);
            let network = Ipv4Addr::from_bits(top(address.to_bits(), prefix));
            let (inside, around) = (addresses.address(address.into()), addresses.network(network.into(), prefix));
            prop_assert!(shared(inside, around) >= prefix, "{inside} {around}/{prefix}");
            let IpAddr::V4(around) = around else { panic!("another family") };
            prop_assert_eq!(top(around.to_bits(), prefix), around.to_bits());
        }
    }

    #[test]
    fn what_is_the_same_everywhere_stays() {
        let key = Key::random().unwrap();
        let mut addresses = Addresses::new(&key, 0);
        for text in
            ["127.0.0.1", "0.0.0.0", "255.255.255.0", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "ffff:ffff::"]
        {
            assert_eq!(addresses.address(v4(text)), v4(text));
        }
        assert_eq!(addresses.network(v4("10.0.0.0"), 8), v4("10.0.0.0"));
        let networks = ["172.16.0.0", "192.168.0.0"].map(v4);
        assert_eq!(addresses.network(networks[0], 12), networks[0]);
        assert_eq!(addresses.network(networks[1], 16), networks[1]);
    }

    #[test]
    fn others_do_not_stay() {
        let kept = (0..200_u32).filter(|i| {
            let key = Key::new(&i.to_be_bytes());
            let address = v4("10.20.30.40");
            Addresses::new(&key, 0).address(address) == address
        });
        assert_eq!(kept.count(), 0);
        let key = Key::new(b"k");
        let mut addresses = Addresses::new(&key, 0);
        assert!(!addresses.repeats());
        for i in 0..=255 {
            addresses.address(IpAddr::from([203, 0, 113, i]));
        }
        assert!(addresses.repeats(), "as many as there are must be one another");
    }

    #[test]
    fn a_short_id_begins_the_long_one() {
        let key = Key::new(b"k");
        let addresses = Addresses::new(&key, 0);
        let long = "f".repeat(32) + &"0123456789abcdef".repeat(2);
        let replaced = addresses.hex(&long);
        assert_eq!(replaced.len(), 64);
        assert_ne!(replaced, long);
        assert_eq!(addresses.hex(long.get(..12).unwrap()), replaced.get(..12).unwrap());
        assert_eq!(addresses.hex(&long.to_ascii_uppercase()), replaced.to_ascii_uppercase());
    }
}

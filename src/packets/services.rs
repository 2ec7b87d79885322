//! Names of ports, by services(5).

use std::collections::BTreeMap;

/// The names that rule sets use most, for roots without `/etc/services` (RFC 6335's registry).
const KNOWN: [(&str, u16); 22] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("http", 80),
    ("pop3", 110),
    ("sunrpc", 111),
    ("ntp", 123),
    ("imap2", 143),
    ("snmp", 161),
    ("https", 443),
    ("submission", 587),
    ("dhcpv6-client", 546),
    ("imaps", 993),
    ("pop3s", 995),
    ("mysql", 3306),
    ("postgresql", 5432),
    ("mdns", 5353),
];

/// The ports that names stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services(BTreeMap<String, u16>);

impl Default for Services {
    fn default() -> Self {
        Services::new("")
    }
}

impl Services {
    /// With the lines of `/etc/services`.
    pub fn new(text: &str) -> Self {
        let mut names: BTreeMap<String, u16> = KNOWN.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
            let Some(port) = port.split('/').next().and_then(|port| port.parse().ok()) else { continue };
            for name in std::iter::once(name).chain(words) {
                names.insert(name.to_owned(), port);
            }
        }
        Services(names)
    }

    /// A number or a name.
    pub fn port(&self, text: &str) -> Option<u128> {
        let number = text.parse::<u16>().ok();
        number.or_else(|| self.0.get(text).copied()).map(u128::from)
    }
}

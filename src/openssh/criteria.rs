//! When a block applies to a connection: `Match` and `Host` lines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::source::Side;
use crate::truth::Truth;

/// What is known of a connection. What is not given is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Connection {
    pub user: Option<String>,
    /// The user's groups.
    pub groups: Option<Vec<String>>,
    /// The client's host name as sshd finds it out; for ssh, the host after `HostName` was applied.
    pub host: Option<String>,
    /// For ssh: the host as it was typed.
    pub original: Option<String>,
    pub address: Option<String>,
    pub laddress: Option<String>,
    pub lport: Option<String>,
    pub rdomain: Option<String>,
    pub invalid_user: Option<bool>,
}

/// Why a line is refused; the program does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault(pub &'static str);

/// What a block asks, all of which must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criteria {
    all: Vec<Criterion>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Criterion {
    of: Of,
    negated: bool,
    patterns: String,
}

/// What a criterion looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Of {
    Everything,
    User,
    Group,
    Host,
    OriginalHost,
    Address,
    LocalAddress,
    LocalPort,
    RoutingDomain,
    InvalidUser,
    /// What only the running program tells: `exec`, `localuser`, `canonical`, `final`, `version`, `tagged` …
    Unknown,
}

const SERVER: &[(&str, Of)] = &[
    ("user", Of::User),
    ("group", Of::Group),
    ("host", Of::Host),
    ("address", Of::Address),
    ("localaddress", Of::LocalAddress),
    ("localport", Of::LocalPort),
    ("rdomain", Of::RoutingDomain),
    ("version", Of::Unknown),
];

const CLIENT: &[(&str, Of)] = &[
    ("host", Of::Host),
    ("originalhost", Of::OriginalHost),
    ("user", Of::User),
    ("localuser", Of::Unknown),
    ("localnetwork", Of::Unknown),
    ("exec", Of::Unknown),
    ("tagged", Of::Unknown),
    ("command", Of::Unknown),
    ("sessiontype", Of::Unknown),
    ("version", Of::Unknown),
];

impl Criteria {
    /// The arguments of a `Match` line.
    ///
    /// # Errors
    /// What the program refuses.
    pub(super) fn of_match(args: &[String], side: Side) -> Result<Self, Fault> {
        let mut all = Vec::new();
        let mut args = args.iter().peekable();
        while let Some(word) = args.next() {
            let (negated, word) = match (side, word.strip_prefix('!')) {
                (Side::Client, Some(word)) => (true, word),
                _ => (false, word.as_str()),
            };
            let mut add = |of: Of, patterns: &str| all.push(Criterion { of, negated, patterns: patterns.to_owned() });
            let lower = word.to_ascii_lowercase();
            match (lower.as_str(), side) {
                ("all", _) => {
                    add(Of::Everything, "");
                    continue;
                }
                ("invalid-user", Side::Server) => {
                    add(Of::InvalidUser, "");
                    continue;
                }
                ("canonical" | "final", Side::Client) => {
                    add(Of::Unknown, word);
                    continue;
                }
                _ => {}
            }
            let known = if side == Side::Server { SERVER } else { CLIENT };
            let (name, given) =
                lower.split_once('=').map_or((lower.as_str(), None), |(name, _)| (name, word.get(name.len() + 1..)));
            let Some((_, of)) = known.iter().find(|(known, _)| *known == name) else {
                return Err(Fault("a Match criterion that does not exist"));
            };
            let Some(patterns) = given.or_else(|| args.next().map(String::as_str)).filter(|text| !text.is_empty())
            else {
                return Err(Fault("a Match criterion without a value"));
            };
            if matches!(of, Of::Address | Of::LocalAddress) && addresses(None, patterns).is_err() {
                return Err(Fault("an address that does not fit its mask"));
            }
            if *of == Of::LocalPort && patterns.parse::<u16>().is_err() {
                return Err(Fault("a port that is no number"));
            }
            add(*of, patterns);
        }
        let everything = all.iter().any(|one| one.of == Of::Everything);
        if all.is_empty() {
            return Err(Fault("Match without a criterion"));
        }
        if everything && all.iter().filter(|one| one.of != Of::Unknown).count() > 1 {
            return Err(Fault("`all` beside other criteria"));
        }
        Ok(Criteria { all })
    }

    /// The patterns of a `Host` line: none of the negated ones and one of the others.
    pub(super) fn of_host(args: &[String]) -> Result<Self, Fault> {
        if args.is_empty() {
            return Err(Fault("Host without a pattern"));
        }
        let patterns = args.join(",");
        Ok(Criteria { all: vec![Criterion { of: Of::OriginalHost, negated: false, patterns }] })
    }

    /// Criteria that nobody can judge.
    pub(super) fn unknown(what: &str) -> Self {
        Criteria { all: vec![Criterion { of: Of::Unknown, negated: false, patterns: what.to_owned() }] }
    }

    pub fn is_everything(&self) -> bool {
        matches!(self.all.as_slice(), [Criterion { of: Of::Everything, negated: false, .. }])
    }

    /// What is asked, with its patterns.
    pub fn asks(&self) -> impl Iterator<Item = (Of, &str)> {
        self.all.iter().map(|one| (one.of, one.patterns.as_str()))
    }

    /// Whether the block applies.
    pub fn judge(&self, connection: &Connection) -> Truth {
        Truth::all(self.all.iter().map(|one| {
            let truth = one.judge(connection);
            if one.negated { !truth } else { truth }
        }))
    }
}

impl Criterion {
    fn judge(&self, connection: &Connection) -> Truth {
        let listed = |text: &Option<String>, lower: bool| match text {
            None => Truth::Unknown,
            Some(text) => Truth::from(in_list(text, &self.patterns, lower)),
        };
        match self.of {
            Of::Everything => Truth::True,
            Of::Unknown => Truth::Unknown,
            Of::User => listed(&connection.user, false),
            Of::Host => listed(&connection.host, true),
            Of::OriginalHost => listed(&connection.original, false),
            Of::RoutingDomain => listed(&connection.rdomain, false),
            Of::LocalPort => listed(&connection.lport, false),
            Of::InvalidUser => connection.invalid_user.map_or(Truth::Unknown, Truth::from),
            Of::Group => match &connection.groups {
                None => Truth::Unknown,
                Some(groups) => Truth::from(group_list(groups, &self.patterns)),
            },
            Of::Address => address_list(connection.address.as_deref(), &self.patterns),
            Of::LocalAddress => address_list(connection.laddress.as_deref(), &self.patterns),
        }
    }
}

/// `match_pattern_list`: one of the patterns, and none that begins with `!`.
pub(super) fn in_list(text: &str, patterns: &str, lower: bool) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
        let matches = if lower { wild(&pattern.to_lowercase(), text) } else { wild(pattern, text) };
        match (matches, negated) {
            (true, true) => return false,
            (matches, _) => found |= matches,
        }
    }
    found
}

/// `ga_match_pattern_list`: a negated pattern that any group matches decides.
fn group_list(groups: &[String], patterns: &str) -> bool {
    let mut found = false;
    for group in groups {
        for pattern in patterns.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) if wild(pattern, group) => return false,
                Some(_) => {}
                None => found |= wild(pattern, group),
            }
        }
    }
    found
}

fn address_list(address: Option<&str>, patterns: &str) -> Truth {
    match (address, addresses(address, patterns)) {
        (None, _) | (_, Err(())) => Truth::Unknown,
        (Some(_), Ok(found)) => Truth::from(found),
    }
}

/// `addr_match_list`: networks, addresses and patterns of their text. The error is a mask that its address does not fit.
fn addresses(address: Option<&str>, patterns: &str) -> Result<bool, ()> {
    let own = address.and_then(|address| address.parse().ok()).map(number);
    let (mut found, mut refused) = (false, false);
    for pattern in patterns.split(',') {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
        let matches = match network(pattern)? {
            Some(network) => {
                own.is_some_and(|(v4, own)| network.v4 == v4 && (network.first..=network.last).contains(&own))
            }
            None => address.is_some_and(|address| wild(&pattern.to_lowercase(), &address.to_lowercase())),
        };
        refused |= matches && negated;
        found |= matches && !negated;
    }
    Ok(found && !refused)
}

/// The addresses of a network, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) v4: bool,
    pub(super) first: u128,
    pub(super) last: u128,
}

fn number(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (true, u128::from(u32::from(address))),
        IpAddr::V6(address) => (false, u128::from(address)),
    }
}

/// The address of a number.
pub(super) fn address(v4: bool, number: u128) -> Option<String> {
    match v4 {
        true => u32::try_from(number).ok().map(|bits| Ipv4Addr::from(bits).to_string()),
        false => Some(Ipv6Addr::from(number).to_string()),
    }
}

/// A network; `None` for what is a pattern of text. Bits behind the mask are refused.
pub(super) fn network(text: &str) -> Result<Option<Network>, ()> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else {
        return if bits.is_some() { Err(()) } else { Ok(None) };
    };
    let (v4, first) = number(address);
    let width: u32 = if v4 { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.parse::<u32>().ok().filter(|bits| *bits <= width).ok_or(())?,
        None => width,
    };
    let mask = 1_u128.checked_shl(width - bits).map_or(u128::MAX, |size| size - 1);
    if first & mask != 0 { Err(()) } else { Ok(Some(Network { v4, first, last: first | mask })) }
}

/// `match_pattern`: `*` and `?`.
pub(super) fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some('*'), _) => {
                retry = Some((p, t));
                p += 1;
            }
            (Some('?'), _) => (p, t) = (p + 1, t + 1),
            (Some(a), Some(b)) if a == b => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, from)) => {
                    (p, t) = (star + 1, from + 1);
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

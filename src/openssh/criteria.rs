//! When a block applies to a connection: `Match` and `Host` lines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::source::Side;
use super::version::Release;
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
    /// For ssh: what `Host` lines are compared with: the host as it was typed, in the second reading as it is by then.
    pub aimed: Option<String>,
    /// For ssh: who runs it.
    pub local_user: Option<String>,
    /// For ssh: the tag that was given to it; empty for none.
    pub tag: Option<String>,
    /// For ssh: whether the files are read for the second time.
    pub second_reading: Option<bool>,
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
    patterns: Vec<String>,
}

/// What a criterion looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Of {
    Everything,
    User,
    Group,
    Host,
    OriginalHost,
    /// What a `Host` line asks, in these very letters.
    AimedHost,
    LocalUser,
    Tag,
    /// `canonical` and `final`: the files are read for the second time.
    SecondReading,
    Address,
    LocalAddress,
    LocalPort,
    RoutingDomain,
    InvalidUser,
    /// What only the running program tells: `exec`, `localnetwork`, `command`, `sessiontype`, `version`.
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
    ("localuser", Of::LocalUser),
    ("localnetwork", Of::Unknown),
    ("exec", Of::Unknown),
    ("tagged", Of::Tag),
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
            let mut add = |of: Of, patterns: &str| {
                let patterns = patterns.split(',').map(str::to_owned).collect();
                all.push(Criterion { of, negated, patterns });
            };
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
                    add(Of::SecondReading, &lower);
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
            let may_be_empty = ["tagged", "command"].contains(&name);
            let patterns = given.or_else(|| args.next().map(String::as_str));
            let Some(patterns) = patterns.filter(|text| may_be_empty || !text.is_empty()) else {
                return Err(Fault("a Match criterion without a value"));
            };
            let list: Vec<String> = patterns.split(',').map(str::to_owned).collect();
            if matches!(of, Of::Address | Of::LocalAddress) && addresses(None, &list).is_err() {
                return Err(Fault("an address that does not fit its mask"));
            }
            if *of == Of::LocalPort && patterns.parse::<u16>().is_err() {
                return Err(Fault("a port that is no number"));
            }
            add(*of, patterns);
        }
        if all.is_empty() {
            return Err(Fault("Match without a criterion"));
        }
        let everything = all.iter().position(|one| one.of == Of::Everything);
        // ssh takes one criterion in front of it, which `final all` is made for.
        let most_before = usize::from(side == Side::Client);
        if everything.is_some_and(|at| at > most_before || at + 1 < all.len()) {
            return Err(Fault("`all` beside other criteria"));
        }
        Ok(Criteria { all })
    }

    /// The patterns of a `Host` line: none of the negated ones and one of the others.
    pub(super) fn of_host(args: &[String]) -> Result<Self, Fault> {
        if args.iter().any(String::is_empty) {
            return Err(Fault("Host with an empty pattern"));
        }
        // A comma is a part of the pattern here.
        Ok(Criteria { all: vec![Criterion { of: Of::AimedHost, negated: false, patterns: args.to_vec() }] })
    }

    /// Criteria that nobody can judge.
    pub(super) fn unknown(what: &str) -> Self {
        Criteria { all: vec![Criterion { of: Of::Unknown, negated: false, patterns: vec![what.to_owned()] }] }
    }

    pub fn is_everything(&self) -> bool {
        matches!(self.all.as_slice(), [Criterion { of: Of::Everything, negated: false, .. }])
    }

    /// What is asked, with its patterns.
    pub fn asks(&self) -> impl Iterator<Item = (Of, &[String])> {
        self.all.iter().map(|one| (one.of, one.patterns.as_slice()))
    }

    /// Whether it asks for a second reading, which ssh then does: `final`, and before OpenSSH 10.1 `!final` too.
    pub(super) fn wants_second_reading(&self, release: Option<Release>) -> Truth {
        let finals = self
            .all
            .iter()
            .filter(|one| one.of == Of::SecondReading && one.patterns.iter().any(|word| word == "final"));
        Truth::any(finals.map(|one| match (one.negated, release) {
            (false, _) => Truth::True,
            (true, Some(release)) => Truth::from(release < (10, 1)),
            (true, None) => Truth::Unknown,
        }))
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
            Of::OriginalHost => listed(&connection.original, true),
            Of::AimedHost => listed(&connection.aimed, false),
            Of::LocalUser => listed(&connection.local_user, false),
            Of::Tag => match connection.tag.as_deref() {
                None => Truth::Unknown,
                Some("") => Truth::from(self.patterns.iter().all(String::is_empty)),
                Some(tag) => Truth::from(in_list(tag, &self.patterns, false)),
            },
            Of::SecondReading => connection.second_reading.map_or(Truth::Unknown, Truth::from),
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
pub(super) fn in_list(text: &str, patterns: &[String], lower: bool) -> bool {
    let text = if lower { text.to_lowercase() } else { text.to_owned() };
    let mut found = false;
    for pattern in patterns {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern.as_str()), |rest| (true, rest));
        let matches = if lower { wild(&pattern.to_lowercase(), &text) } else { wild(pattern, &text) };
        match (matches, negated) {
            (true, true) => return false,
            (matches, _) => found |= matches,
        }
    }
    found
}

/// `ga_match_pattern_list`: a negated pattern that any group matches decides.
fn group_list(groups: &[String], patterns: &[String]) -> bool {
    let mut found = false;
    for group in groups {
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(pattern) if wild(pattern, group) => return false,
                Some(_) => {}
                None => found |= wild(pattern, group),
            }
        }
    }
    found
}

fn address_list(address: Option<&str>, patterns: &[String]) -> Truth {
    match (address, addresses(address, patterns)) {
        (None, _) | (_, Err(())) => Truth::Unknown,
        (Some(_), Ok(found)) => Truth::from(found),
    }
}

/// `addr_match_list`: networks, addresses and patterns of their text. The error is a mask that its address does not fit.
fn addresses(address: Option<&str>, patterns: &[String]) -> Result<bool, ()> {
    let own = address.and_then(|address| address.parse().ok()).map(number);
    let (mut found, mut refused) = (false, false);
    for pattern in patterns {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern.as_str()), |rest| (true, rest));
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

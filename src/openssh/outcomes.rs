//! Every distinct outcome of a keyword, each with a connection that gets it.
//!
//! Connections are tried that stand for all others: the names that the blocks spell out and one that none does, the
//! addresses at the edges of their networks. Where a pattern stands for names that cannot be listed, or there are too
//! many to try, a block of which no connection was found is neither reported as reached nor as dead.

use std::collections::{BTreeMap, BTreeSet};

use super::criteria::{Connection, Of, address, network, wild};
use super::effective::{Chain, Possible, Setter};
use super::source::{Config, Side};

/// Connections that are tried for one keyword.
const MAX_TRIED: usize = 20_000;
/// Lines and blocks that are looked at for one keyword, over all connections.
const MAX_STEPS: usize = 40_000_000;

/// What some connections get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub possible: Possible,
    /// One of those connections, with what the blocks ask about.
    pub witness: Connection,
}

/// All outcomes, that of no block first.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    pub found: Vec<Outcome>,
    /// Blocks with lines of which no connection was found that gets them, though there may be one.
    pub unclear: Vec<usize>,
}

/// Where connections are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'s> {
    pub config: &'s Config,
    pub side: Side,
    /// They stand in place of all users, where a keyword is about some alone.
    pub users: Option<&'s [String]>,
    /// Who runs ssh, where that is known.
    pub local_user: Option<&'s str>,
    /// Keywords whose lines decide whether later blocks apply.
    pub deciding: &'s [&'s str],
}

impl Search<'_> {
    /// All outcomes of the lines that may count; `possible` tells that of one connection.
    pub fn all(&self, chain: &Chain, possible: impl Fn(&Connection) -> Possible) -> Outcomes {
        let config = self.config;
        let setters = chain.blocks.iter().chain(&chain.rest);
        let lines = setters.filter_map(|setter| match setter {
            Setter::Line(i) => config.lines.get(*i).and_then(|line| line.block),
            Setter::Gap(_) => None,
        });
        let blocks: BTreeSet<usize> = lines.collect();
        let around: Vec<usize> = blocks.iter().copied().chain(self.deciding_blocks(&blocks)).collect();
        let whole = Atoms::of(self, &around);
        let mut found: BTreeMap<Possible, Connection> = BTreeMap::new();
        let mut exact = whole.exact;
        let most = MAX_TRIED.min(MAX_STEPS / (config.lines.len() + config.blocks.len() + 1));
        if whole.count() <= most {
            whole.each(most, |connection| keep(&mut found, possible(&connection), connection));
        } else {
            exact = false;
            for block in blocks.iter().take(most) {
                let own = Atoms::of(self, &[*block]);
                let share = most / blocks.len() + 1;
                own.each(share, |connection| keep(&mut found, possible(&connection), connection));
            }
            if let Some(connection) = Atoms::of(self, &[]).fresh(&whole) {
                keep(&mut found, possible(&connection), connection);
            }
        }
        let reached: BTreeSet<usize> = found
            .keys()
            .flatten()
            .flatten()
            .filter_map(|setter| match setter {
                Setter::Line(i) => config.lines.get(*i).and_then(|line| line.block),
                Setter::Gap(_) => None,
            })
            .collect();
        let unclear = blocks.into_iter().filter(|block| !exact && !reached.contains(block)).collect();
        Outcomes { found: in_order(config, found), unclear }
    }

    /// Blocks whose lines decide whether these apply.
    fn deciding_blocks(&self, blocks: &BTreeSet<usize>) -> Vec<usize> {
        let asks = |of: Of| matches!(of, Of::Host | Of::User | Of::Tag);
        let mut around = blocks.iter().flat_map(|block| self.config.around(Some(*block)));
        if !around.any(|block| block.criteria.asks().any(|(of, _)| asks(of))) {
            return Vec::new();
        }
        let lines = self.config.lines.iter().filter(|line| self.deciding.contains(&line.keyword.as_str()));
        let deciding: BTreeSet<usize> = lines.filter_map(|line| line.block).collect();
        deciding.difference(blocks).copied().collect()
    }
}

/// What holds for no block first.
fn in_order(config: &Config, found: BTreeMap<Possible, Connection>) -> Vec<Outcome> {
    let mut found: Vec<Outcome> = found.into_iter().map(|(possible, witness)| Outcome { possible, witness }).collect();
    found.sort_by_key(|outcome| {
        let first = outcome.possible.first().and_then(|setters| setters.first().copied());
        let in_block =
            matches!(first, Some(Setter::Line(i)) if config.lines.get(i).is_some_and(|line| line.block.is_some()));
        (in_block, first)
    });
    found
}

/// The plainest connection is kept for each outcome: the first that was tried.
fn keep(found: &mut BTreeMap<Possible, Connection>, possible: Possible, connection: Connection) {
    found.entry(possible).or_insert(connection);
}

/// The parts of a connection on which a criterion depends. ssh's host and user follow from what was typed.
fn told_by(side: Side, of: Of) -> &'static [Of] {
    match (side, of) {
        (Side::Client, Of::Host | Of::OriginalHost | Of::AimedHost) => &[Of::OriginalHost],
        (Side::Client, Of::User) => &[Of::User, Of::LocalUser],
        (_, Of::Everything) => &[Of::Everything],
        (_, Of::User) => &[Of::User],
        (_, Of::Group) => &[Of::Group],
        (_, Of::Host) => &[Of::Host],
        (_, Of::OriginalHost) => &[Of::OriginalHost],
        (_, Of::AimedHost) => &[Of::AimedHost],
        (_, Of::LocalUser) => &[Of::LocalUser],
        (_, Of::Tag) => &[Of::Tag],
        (_, Of::Address) => &[Of::Address],
        (_, Of::LocalAddress) => &[Of::LocalAddress],
        (_, Of::LocalPort) => &[Of::LocalPort],
        (_, Of::RoutingDomain) => &[Of::RoutingDomain],
        (_, Of::InvalidUser) => &[Of::InvalidUser],
        (_, Of::SecondReading | Of::Unknown) => &[],
    }
}

/// Values of each part of a connection that stand for all others.
struct Atoms {
    parts: BTreeMap<Of, Vec<String>>,
    groups: Vec<Vec<String>>,
    /// Whether they surely do.
    exact: bool,
}

impl Atoms {
    fn of(search: &Search, blocks: &[usize]) -> Self {
        let mut asked: BTreeMap<Of, Vec<&str>> = BTreeMap::new();
        for block in blocks.iter().flat_map(|block| search.config.around(Some(*block))) {
            for (of, patterns) in block.criteria.asks() {
                for of in told_by(search.side, of) {
                    asked.entry(*of).or_default().extend(patterns.iter().map(String::as_str));
                }
            }
        }
        let mut atoms = Atoms { parts: BTreeMap::new(), groups: vec![Vec::new()], exact: true };
        for (of, patterns) in &asked {
            let values = match of {
                Of::Everything | Of::Unknown | Of::SecondReading => continue,
                Of::Group => {
                    atoms.add_groups(patterns);
                    continue;
                }
                Of::InvalidUser => vec!["no".to_owned(), "yes".to_owned()],
                Of::Address | Of::LocalAddress => atoms.addresses(patterns),
                Of::User if search.users.is_some() => search.users.map(<[String]>::to_vec).unwrap_or_default(),
                Of::LocalUser if search.local_user.is_some() => {
                    search.local_user.map(str::to_owned).into_iter().collect()
                }
                Of::User | Of::LocalUser => atoms.names(patterns, "somebody"),
                Of::Host | Of::OriginalHost | Of::AimedHost => {
                    let fresh = if search.side == Side::Server { "client.invalid" } else { "host.invalid" };
                    atoms.names(patterns, fresh)
                }
                Of::Tag => atoms.names(patterns, "tag"),
                Of::LocalPort => atoms.names(patterns, "22"),
                Of::RoutingDomain => atoms.names(patterns, "none"),
            };
            atoms.parts.insert(*of, values);
        }
        if search.side == Side::Client {
            for of in [Of::User, Of::Tag] {
                // Nothing was typed.
                atoms.parts.entry(of).and_modify(|values| values.push(String::new()));
            }
        }
        atoms
    }

    fn add_groups(&mut self, patterns: &[&str]) {
        let mut names = self.names(patterns, "users");
        names.pop();
        self.groups.extend(names.iter().map(|name| vec![name.clone()]));
        self.exact &= names.len() <= 2;
        if names.len() > 1 {
            self.groups.push(names);
        }
    }

    /// Names that patterns tell apart, the one that none of them means last.
    fn names(&mut self, patterns: &[&str], fresh: &str) -> Vec<String> {
        let patterns: BTreeSet<&str> = patterns.iter().map(|pattern| pattern.trim_start_matches('!')).collect();
        let mut names = BTreeSet::new();
        for pattern in patterns.iter().filter(|pattern| !pattern.is_empty() && **pattern != "*") {
            if pattern.contains(['*', '?']) {
                self.exact = false;
                names.insert(pattern.replace(['*', '?'], "x"));
                names.insert(pattern.replace('*', "").replace('?', "y"));
            } else {
                names.insert((*pattern).to_owned());
            }
        }
        let meant = |name: &str| patterns.iter().any(|pattern| *pattern != "*" && wild(pattern, name));
        let tries = (0..50).map(|i| match (i, fresh.parse::<u16>()) {
            (0, _) => fresh.to_owned(),
            (i, Ok(port)) => port.saturating_add(2000 + i).to_string(),
            (i, Err(_)) => format!("{i}{fresh}"),
        });
        let other = tries.into_iter().find(|name| !meant(name));
        let mut names: Vec<String> = names.into_iter().collect();
        names.extend(other);
        names
    }

    /// The edges of networks, inside and outside of them.
    fn addresses(&mut self, patterns: &[&str]) -> Vec<String> {
        let mut numbers: BTreeSet<(bool, u128)> = BTreeSet::new();
        let mut texts = Vec::new();
        for pattern in patterns.iter().map(|pattern| pattern.trim_start_matches('!')) {
            match network(pattern) {
                Ok(Some(network)) => {
                    let top = if network.v4 { u128::from(u32::MAX) } else { u128::MAX };
                    numbers.extend([(network.v4, network.first), (network.v4, network.last)]);
                    numbers.extend(network.first.checked_sub(1).map(|number| (network.v4, number)));
                    numbers.extend((network.last < top).then(|| (network.v4, network.last + 1)));
                }
                Ok(None) if pattern == "*" => {}
                Ok(None) | Err(()) => {
                    self.exact = false;
                    let tries = ["1", "1.1", "1.1.1", ":1", "::1"].map(|text| pattern.replace(['*', '?'], text));
                    texts.extend(tries.into_iter().filter(|text| text.parse::<std::net::IpAddr>().is_ok()));
                }
            }
        }
        texts.extend(numbers.into_iter().filter_map(|(v4, number)| address(v4, number)));
        texts.extend(["198.51.100.7".to_owned(), "2001:db8::7".to_owned()]);
        texts
    }

    fn count(&self) -> usize {
        let parts = self.parts.values().map(|values| values.len().max(1));
        parts.fold(self.groups.len(), usize::saturating_mul)
    }

    /// Tries every connection, but no more than `most`, the plainest parts first.
    fn each(&self, most: usize, mut visit: impl FnMut(Connection)) {
        let count = self.count().min(most);
        for groups in &self.groups {
            for number in 0..count / self.groups.len().max(1) {
                let mut rest = number;
                let mut connection = Connection::default();
                if self.groups.len() > 1 {
                    connection.groups = Some(groups.clone());
                }
                for (of, values) in &self.parts {
                    let value = values.iter().rev().nth(rest % values.len().max(1));
                    rest /= values.len().max(1);
                    connection.set(*of, value.cloned().unwrap_or_default());
                }
                visit(connection);
            }
        }
    }

    /// A connection that no pattern of `whole` means.
    fn fresh(&self, whole: &Atoms) -> Option<Connection> {
        let mut connection = Connection { groups: Some(Vec::new()), ..Connection::default() };
        for (of, values) in &whole.parts {
            connection.set(*of, values.last()?.clone());
        }
        Some(connection)
    }
}

impl Connection {
    fn set(&mut self, of: Of, value: String) {
        match of {
            Of::User => self.user = Some(value),
            Of::Host => self.host = Some(value),
            Of::OriginalHost | Of::AimedHost => self.original = Some(value),
            Of::LocalUser => self.local_user = Some(value),
            Of::Tag => self.tag = Some(value),
            Of::Address => self.address = Some(value),
            Of::LocalAddress => self.laddress = Some(value),
            Of::LocalPort => self.lport = Some(value),
            Of::RoutingDomain => self.rdomain = Some(value),
            Of::InvalidUser => self.invalid_user = Some(value == "yes"),
            Of::Everything | Of::Unknown | Of::Group | Of::SecondReading => {}
        }
    }

    /// What is said of it, as `sshd -T -C` takes it: `user=bob,addr=10.0.0.1`. Groups, which it finds out itself, are
    /// in brackets.
    pub fn show(&self) -> String {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let typed = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let parts = [
            part("user", &typed(&self.user)),
            part("host", &self.host.clone().or_else(|| self.original.clone())),
            part("addr", &self.address),
            part("laddr", &self.laddress),
            part("lport", &self.lport),
            part("rdomain", &self.rdomain.clone().filter(|domain| domain != "none")),
            part("tag", &typed(&self.tag)),
            part("localuser", &self.local_user),
        ];
        let mut shown = parts.into_iter().flatten().collect::<Vec<_>>().join(",");
        if let Some(groups) = self.groups.as_ref().filter(|groups| !groups.is_empty()) {
            shown = format!("{shown} [in group {}]", groups.join(", ")).trim_start().to_owned();
        }
        if self.invalid_user == Some(true) {
            shown = format!("{shown} [no such user]").trim_start().to_owned();
        }
        shown
    }
}

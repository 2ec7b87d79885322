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

/// `users` stands in place of all users, where a keyword is about some alone.
pub fn all(config: &Config, chain: &Chain, side: Side, users: Option<&[String]>) -> Outcomes {
    let setters = || chain.blocks.iter().chain(&chain.rest);
    let lines = setters().filter_map(|setter| match setter {
        Setter::Line(i) => config.lines.get(*i).map(|line| (*i, line.block)),
        Setter::Gap(_) => None,
    });
    let lines: Vec<(usize, Option<usize>)> = lines.collect();
    let blocks: BTreeSet<Option<usize>> = lines.iter().map(|(_, block)| *block).collect();
    let blocks: Vec<usize> = blocks.into_iter().flatten().collect();
    let whole = Atoms::of(config, &blocks, side, users);
    let mut found: BTreeMap<Possible, Connection> = BTreeMap::new();
    let mut exact = whole.exact;
    if whole.count() <= MAX_TRIED {
        whole.each(|connection| keep(&mut found, chain.possible(config, &connection), connection));
    } else {
        exact = false;
        for block in &blocks {
            let own = Atoms::of(config, &[*block], side, users);
            own.each(|connection| keep(&mut found, chain.possible(config, &connection), connection));
        }
        if let Some(connection) = Atoms::of(config, &[], side, users).fresh(&whole) {
            keep(&mut found, chain.possible(config, &connection), connection);
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
    let mut found: Vec<Outcome> = found.into_iter().map(|(possible, witness)| Outcome { possible, witness }).collect();
    found.sort_by_key(|outcome| {
        let first = outcome.possible.first().and_then(|setters| setters.first().copied());
        let in_block =
            matches!(first, Some(Setter::Line(i)) if config.lines.get(i).is_some_and(|line| line.block.is_some()));
        (in_block, first)
    });
    Outcomes { found, unclear }
}

/// The plainest connection is kept for each outcome: the first that was tried.
fn keep(found: &mut BTreeMap<Possible, Connection>, possible: Possible, connection: Connection) {
    found.entry(possible).or_insert(connection);
}

/// Values of each part of a connection that stand for all others.
struct Atoms {
    parts: BTreeMap<Of, Vec<String>>,
    groups: Vec<Vec<String>>,
    /// Whether they surely do.
    exact: bool,
}

impl Atoms {
    fn of(config: &Config, blocks: &[usize], side: Side, users: Option<&[String]>) -> Self {
        let mut asked: BTreeMap<Of, Vec<&str>> = BTreeMap::new();
        for block in blocks.iter().flat_map(|block| config.around(Some(*block))) {
            for (of, patterns) in block.criteria.asks() {
                asked.entry(of).or_default().extend(patterns.split(','));
            }
        }
        let mut atoms = Atoms { parts: BTreeMap::new(), groups: vec![Vec::new()], exact: true };
        for (of, patterns) in &asked {
            match of {
                Of::Everything | Of::Unknown => {}
                Of::InvalidUser => drop(atoms.parts.insert(*of, vec!["no".to_owned(), "yes".to_owned()])),
                Of::Address | Of::LocalAddress => {
                    let values = atoms.addresses(patterns);
                    atoms.parts.insert(*of, values);
                }
                Of::Group => {
                    let mut names = atoms.names(patterns, "users");
                    names.pop();
                    atoms.groups.extend(names.iter().map(|name| vec![name.clone()]));
                    if names.len() > 1 {
                        atoms.groups.push(names.clone());
                    }
                    atoms.exact &= names.len() <= 2;
                }
                Of::User if users.is_some() => {
                    atoms.parts.insert(*of, users.map(<[String]>::to_vec).unwrap_or_default());
                }
                Of::User => {
                    let values = atoms.names(patterns, "somebody");
                    atoms.parts.insert(*of, values);
                }
                Of::Host | Of::OriginalHost => {
                    let fresh = if side == Side::Server { "client.invalid" } else { "host.invalid" };
                    let values = atoms.names(patterns, fresh);
                    atoms.parts.insert(*of, values);
                }
                Of::LocalPort => {
                    let values = atoms.names(patterns, "22");
                    atoms.parts.insert(*of, values);
                }
                Of::RoutingDomain => {
                    let values = atoms.names(patterns, "none");
                    atoms.parts.insert(*of, values);
                }
            }
        }
        atoms
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

    /// Tries every connection, the plainest parts first.
    fn each(&self, mut visit: impl FnMut(Connection)) {
        let count = self.count().min(MAX_TRIED);
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
            Of::OriginalHost => self.original = Some(value),
            Of::Address => self.address = Some(value),
            Of::LocalAddress => self.laddress = Some(value),
            Of::LocalPort => self.lport = Some(value),
            Of::RoutingDomain => self.rdomain = Some(value),
            Of::InvalidUser => self.invalid_user = Some(value == "yes"),
            Of::Everything | Of::Unknown | Of::Group => {}
        }
    }

    /// What is said of it, as `sshd -T -C` takes it: `user=bob,addr=10.0.0.1`. Groups, which it finds out itself, are
    /// in brackets.
    pub fn show(&self) -> String {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let parts = [
            part("user", &self.user),
            part("host", &self.host.clone().or_else(|| self.original.clone())),
            part("addr", &self.address),
            part("laddr", &self.laddress),
            part("lport", &self.lport),
            part("rdomain", &self.rdomain.clone().filter(|domain| domain != "none")),
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

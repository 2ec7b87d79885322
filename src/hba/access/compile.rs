//! Entries as keys and intervals: what they match for certain, and what they may match.

use std::collections::HashMap;

use super::super::cidr::Family;
use super::super::decide::{Context, HOSTS, INTERFACES, MEMBERS, REGEX, ZONE, own_networks, same_outcome};
use super::super::types::{Address, ConnType, DbToken, Entry, Hba, RoleToken};
use super::names::{DbKey, Names, RoleKey};
use super::plane::Lists;
use super::spans::Span;

/// Intervals that a netmask with holes may make.
const MAX_INTERVALS: usize = 4096;
const HOLES: &str = "the netmask makes too many address ranges";

/// An entry, ready to be laid over a plane.
pub(super) struct Compiled {
    pub(super) conn: ConnType,
    pub(super) replication: bool,
    pub(super) certain: Fields,
    /// What it may match beyond that, and why that is not known.
    pub(super) perhaps: Option<(Fields, &'static str)>,
    /// The same for physical replication, which no database token makes uncertain.
    pub(super) perhaps_replication: Option<&'static str>,
    pub(super) outcome: u32,
}

/// Two lists and addresses per family.
#[derive(Clone)]
pub(super) struct Fields {
    pub(super) databases: Vec<DbKey>,
    pub(super) roles: Vec<RoleKey>,
    pub(super) lists: u32,
    pub(super) v4: Vec<Span>,
    pub(super) v6: Vec<Span>,
}

impl Fields {
    /// Everything.
    pub(super) fn all() -> Self {
        let (v4, v6) = (whole(Family::V4), whole(Family::V6));
        Self { databases: vec![DbKey::Any], roles: vec![RoleKey::Any], lists: u32::MAX, v4, v6 }
    }

    pub(super) fn lists(&self) -> Lists<'_> {
        Lists { databases: &self.databases, roles: &self.roles, id: self.lists }
    }
}

pub(super) fn whole(family: Family) -> Vec<Span> {
    vec![(0, family.max())]
}

/// Compiles all entries.
pub(super) struct Compiler<'a> {
    context: &'a Context<'a>,
    names: &'a mut Names,
    lists: HashMap<(Vec<DbKey>, Vec<RoleKey>), u32>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(context: &'a Context<'a>, names: &'a mut Names) -> Self {
        Self { context, names, lists: HashMap::new() }
    }

    pub(super) fn all(mut self, hba: &Hba) -> Vec<Compiled> {
        let mut outcomes: Vec<&Entry> = Vec::new();
        let mut all = Vec::with_capacity(hba.entries.len());
        for entry in &hba.entries {
            let mut compiled = self.entry(entry);
            if compiled.perhaps.is_some() || !outcomes.is_empty() {
                compiled.outcome = outcome(&mut outcomes, entry, compiled.perhaps.is_some());
            }
            all.push(compiled);
        }
        all
    }

    fn entry(&mut self, entry: &Entry) -> Compiled {
        let (mut databases, db_reason) = self.databases(entry);
        let (mut roles, role_reason) = self.roles(entry);
        let (v4, v6, address_reason) = self.addresses(&entry.address);
        let certain = Fields {
            lists: self.list_id(&databases, &roles),
            databases: databases.clone(),
            roles: roles.clone(),
            v4,
            v6,
        };
        let reason = address_reason.or(db_reason).or(role_reason);
        let perhaps = reason.map(|reason| {
            databases.extend(db_reason.map(|_| DbKey::Any));
            roles.extend(role_reason.map(|_| RoleKey::Any));
            let (v4, v6) = match address_reason {
                Some(_) => self.bounds(&entry.address),
                None => (certain.v4.clone(), certain.v6.clone()),
            };
            (Fields { lists: self.list_id(&databases, &roles), databases, roles, v4, v6 }, reason)
        });
        let replication = entry.databases.contains(&DbToken::Replication);
        let perhaps_replication = address_reason.or(role_reason).filter(|_| replication);
        Compiled { conn: entry.conn, replication, certain, perhaps, perhaps_replication, outcome: 0 }
    }

    fn list_id(&mut self, databases: &[DbKey], roles: &[RoleKey]) -> u32 {
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        *self.lists.entry((databases.to_vec(), roles.to_vec())).or_insert(next)
    }

    fn databases(&mut self, entry: &Entry) -> (Vec<DbKey>, Option<&'static str>) {
        let mut keys = Vec::new();
        let mut reason = None;
        for token in &entry.databases {
            match token {
                DbToken::All => keys.push(DbKey::Any),
                DbToken::SameUser => keys.push(DbKey::SameUser),
                DbToken::SameRole if self.names.roles_known => keys.push(DbKey::SameRole),
                DbToken::SameRole => reason = reason.or(Some(MEMBERS)),
                DbToken::Name(name) => keys.push(DbKey::Name(self.names.id(name))),
                DbToken::Regex(p) if p.is_universal() => keys.push(DbKey::Any),
                DbToken::Regex(p) if p.is_known() => keys.push(DbKey::Regex(self.names.pattern(p))),
                DbToken::Regex(_) => reason = reason.or(Some(REGEX)),
                DbToken::Replication | DbToken::NotUtf8 => {}
            }
        }
        normalise(&mut keys, DbKey::Any);
        (keys, reason)
    }

    fn roles(&mut self, entry: &Entry) -> (Vec<RoleKey>, Option<&'static str>) {
        let mut keys = Vec::new();
        let mut reason = None;
        for token in &entry.roles {
            match token {
                RoleToken::All => keys.push(RoleKey::Any),
                RoleToken::Name(name) => keys.push(RoleKey::Name(self.names.id(name))),
                RoleToken::Group(name) if self.names.roles_known => keys.push(RoleKey::Group(self.names.id(name))),
                RoleToken::Group(_) => reason = reason.or(Some(MEMBERS)),
                RoleToken::Regex(p) if p.is_universal() => keys.push(RoleKey::Any),
                RoleToken::Regex(p) if p.is_known() => keys.push(RoleKey::Regex(self.names.pattern(p))),
                RoleToken::Regex(_) => reason = reason.or(Some(REGEX)),
                RoleToken::NotUtf8 => {}
            }
        }
        normalise(&mut keys, RoleKey::Any);
        (keys, reason)
    }

    fn addresses(&self, address: &Address) -> (Vec<Span>, Vec<Span>, Option<&'static str>) {
        let nothing = |reason| (Vec::new(), Vec::new(), reason);
        match address {
            Address::None | Address::All => (whole(Family::V4), whole(Family::V6), None),
            Address::Net(net) => self.nets(std::slice::from_ref(net)).unwrap_or_else(|| nothing(Some(HOLES))),
            Address::SameHost | Address::SameNet => match own_networks(address, self.context) {
                Some(nets) => self.nets(&nets).unwrap_or_else(|| nothing(Some(HOLES))),
                None => nothing(Some(INTERFACES)),
            },
            Address::Host(name) if name.is_empty() => nothing(None),
            Address::Host(_) => nothing(Some(HOSTS)),
            Address::Undetermined => nothing(Some(ZONE)),
        }
    }

    fn nets(&self, nets: &[super::super::cidr::Net]) -> Option<(Vec<Span>, Vec<Span>, Option<&'static str>)> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            let spans = net.intervals(MAX_INTERVALS)?;
            match net.family {
                Family::V4 => v4.extend(spans),
                Family::V6 => v6.extend(spans),
            }
        }
        Some((v4, v6, None))
    }

    /// Where an address that is not known must lie.
    fn bounds(&self, address: &Address) -> (Vec<Span>, Vec<Span>) {
        match address {
            Address::Net(net) if net.family == Family::V4 => (whole(Family::V4), Vec::new()),
            Address::Net(_) => (Vec::new(), whole(Family::V6)),
            _ => (whole(Family::V4), whole(Family::V6)),
        }
    }
}

/// Sorted, once each, and nothing beside a key that is about everything.
fn normalise<K: Ord + Copy>(keys: &mut Vec<K>, any: K) {
    keys.sort_unstable();
    keys.dedup();
    if keys.contains(&any) {
        *keys = vec![any];
    }
}

/// The number of what an entry decides; 0 for what no uncertain entry decides.
fn outcome<'h>(outcomes: &mut Vec<&'h Entry>, entry: &'h Entry, add: bool) -> u32 {
    const MAX_OUTCOMES: usize = 64;
    if let Some(index) = outcomes.iter().position(|o| same_outcome(o, entry)) {
        return u32::try_from(index + 1).unwrap_or(0);
    }
    if add && outcomes.len() < MAX_OUTCOMES {
        outcomes.push(entry);
        return u32::try_from(outcomes.len()).unwrap_or(0);
    }
    match add {
        true => OTHER,
        false => 0,
    }
}

/// Uncertain entries whose outcome is not kept apart; never equal to that of a later entry.
pub(super) const OTHER: u32 = u32::MAX;

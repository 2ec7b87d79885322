//! What the entries so far have taken, for one transport, address family and kind of connection.
//!
//! A connection is a point (database, role, address). Taken addresses are kept per pair of field
//! keys, so that a point's fate needs only the few keys that its two names match; an entry with
//! long lists is kept once under its lists instead of under every pair of their members.

use std::collections::{HashMap, HashSet};

use super::compile::OTHER;
use super::names::{DbKey, RoleKey};
use super::spans::{Span, Spans};

/// Pairs of list members up to which an entry is kept under every pair.
const FEW_PAIRS: usize = 8;

/// The two lists of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) databases: &'a [DbKey],
    pub(super) roles: &'a [RoleKey],
    /// Equal for equal lists.
    pub(super) id: u32,
}

/// Addresses taken, by field keys.
#[derive(Debug, Default)]
pub(super) struct Cover {
    pairs: HashMap<(DbKey, RoleKey), Spans>,
    by_lists: HashMap<u32, Spans>,
    wide: Vec<Wide>,
    wide_ids: HashMap<u32, usize>,
    wide_by_db: HashMap<DbKey, Vec<usize>>,
    wide_by_role: HashMap<RoleKey, Vec<usize>>,
}

/// Entries that share two long lists.
#[derive(Debug)]
struct Wide {
    databases: HashSet<DbKey>,
    roles: HashSet<RoleKey>,
    spans: Spans,
}

impl Cover {
    /// Takes addresses for all pairs of an entry's lists.
    pub(super) fn insert(&mut self, lists: Lists, addresses: &[Span]) {
        let own = self.by_lists.entry(lists.id).or_default();
        addresses.iter().for_each(|a| own.insert(*a));
        if lists.databases.len().saturating_mul(lists.roles.len()) > FEW_PAIRS {
            let wide = self.wide_index(lists);
            if let Some(wide) = self.wide.get_mut(wide) {
                addresses.iter().for_each(|a| wide.spans.insert(*a));
            }
            return;
        }
        for db in lists.databases {
            for role in lists.roles {
                let spans = self.pairs.entry((*db, *role)).or_default();
                addresses.iter().for_each(|a| spans.insert(*a));
            }
        }
    }

    fn wide_index(&mut self, lists: Lists) -> usize {
        if let Some(index) = self.wide_ids.get(&lists.id) {
            return *index;
        }
        let index = self.wide.len();
        let databases: HashSet<DbKey> = lists.databases.iter().copied().collect();
        let roles: HashSet<RoleKey> = lists.roles.iter().copied().collect();
        lists.databases.iter().for_each(|d| self.wide_by_db.entry(*d).or_default().push(index));
        lists.roles.iter().for_each(|r| self.wide_by_role.entry(*r).or_default().push(index));
        self.wide.push(Wide { databases, roles, spans: Spans::default() });
        self.wide_ids.insert(lists.id, index);
        index
    }

    /// Whether entries with the very same lists took all of these addresses.
    pub(super) fn same_lists_cover(&self, id: u32, addresses: &[Span]) -> bool {
        self.by_lists.get(&id).is_some_and(|own| addresses.iter().all(|a| own.covers(*a)))
    }

    /// Adds the sets that hold for a point with these keys; `sure` asks for those of keys that
    /// certainly match, otherwise for those of keys that may.
    pub(super) fn collect<'a>(&'a self, point: &Point, sure: bool, sets: &mut Vec<&'a Spans>, steps: &mut u64) {
        for (db, db_sure) in &point.databases {
            for (role, role_sure) in &point.roles {
                if (*db_sure && *role_sure) != sure {
                    continue;
                }
                sets.extend(self.pairs.get(&(*db, *role)));
                self.collect_wide(*db, *role, sets, steps);
            }
        }
    }

    fn collect_wide<'a>(&'a self, db: DbKey, role: RoleKey, sets: &mut Vec<&'a Spans>, steps: &mut u64) {
        let (Some(by_db), Some(by_role)) = (self.wide_by_db.get(&db), self.wide_by_role.get(&role)) else { return };
        *steps += by_db.len().min(by_role.len()) as u64;
        if by_db.len() <= by_role.len() {
            let both = by_db.iter().filter_map(|i| self.wide.get(*i)).filter(|w| w.roles.contains(&role));
            sets.extend(both.map(|w| &w.spans));
        } else {
            let both = by_role.iter().filter_map(|i| self.wide.get(*i)).filter(|w| w.databases.contains(&db));
            sets.extend(both.map(|w| &w.spans));
        }
    }
}

/// The field keys that a database and a role match; false where that is not certain.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) databases: Vec<(DbKey, bool)>,
    pub(super) roles: Vec<(RoleKey, bool)>,
}

/// Everything taken in one plane.
#[derive(Debug, Default)]
pub(super) struct Plane {
    /// Decided by an earlier entry for certain.
    pub(super) certain: Cover,
    /// Perhaps decided by an earlier entry, by what it would decide.
    pub(super) perhaps: HashMap<u32, Cover>,
}

impl Plane {
    /// The sets that decide a point before an entry with this outcome could.
    pub(super) fn certain_sets(&self, point: &Point, steps: &mut u64) -> Vec<&Spans> {
        let mut sets = Vec::new();
        self.certain.collect(point, true, &mut sets, steps);
        *steps += 4;
        sets
    }

    /// The sets that may decide a point otherwise than this outcome would.
    pub(super) fn perhaps_sets(&self, point: &Point, outcome: u32, steps: &mut u64) -> Vec<&Spans> {
        let mut sets = Vec::new();
        self.certain.collect(point, false, &mut sets, steps);
        let mut others: Vec<_> = self.perhaps.iter().filter(|(o, _)| **o != outcome || outcome == OTHER).collect();
        others.sort_unstable_by_key(|(o, _)| **o);
        for (_, cover) in others {
            cover.collect(point, true, &mut sets, steps);
            cover.collect(point, false, &mut sets, steps);
            *steps += 4;
        }
        sets
    }
}

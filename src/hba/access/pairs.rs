//! The pairs of names to try for an entry, those taken least first.

use super::alike::Side;
use super::names::{DbKey, NameId, Names, RoleKey};

/// Pairs (database, role) of an entry; `complete` when no others can behave differently.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    databases: Vec<NameId>,
    roles: Vec<NameId>,
    /// Pairs of tokens that tie the database to the role.
    tied: Vec<(NameId, NameId)>,
    pub(super) complete: bool,
}

impl Pairs {
    pub(super) fn new(names: &Names, databases: &[DbKey], roles: &[RoleKey]) -> Self {
        let mut pairs = Self { complete: true, ..Self::default() };
        for key in databases {
            let (found, complete) = names.databases_for(*key);
            pairs.databases.extend(found);
            pairs.complete &= complete;
        }
        for key in roles {
            let (found, complete) = names.roles_for(*key);
            pairs.roles.extend(found);
            pairs.complete &= complete;
        }
        names.one_of_each(Side::Database, &mut pairs.databases);
        names.one_of_each(Side::Role, &mut pairs.roles);
        if databases.contains(&DbKey::SameUser) {
            pairs.same_user(names, roles);
        }
        if databases.contains(&DbKey::SameRole) {
            pairs.same_role(names, roles);
        }
        pairs
    }

    /// For physical replication: roles only.
    pub(super) fn replication(names: &Names, roles: &[RoleKey], database: NameId) -> Self {
        let mut pairs = Self::new(names, &[], roles);
        pairs.databases.push(database);
        pairs
    }

    fn same_user(&mut self, names: &Names, roles: &[RoleKey]) {
        let mut both = self.roles.clone();
        if roles.contains(&RoleKey::Any) && !names.roles.closed {
            both.extend(&names.databases.all);
            self.complete &= !names.databases.blurred;
        }
        both.retain(|id| names.usable(*id) && (!names.databases.closed || names.databases.known.contains(id)));
        self.tied.extend(both.into_iter().map(|id| (id, id)));
    }

    fn same_role(&mut self, names: &Names, roles: &[RoleKey]) {
        // each role has its own groups: for `all`, one cannot stand for its like
        let mut members: Vec<NameId> = match roles.contains(&RoleKey::Any) {
            true => names.roles.known.iter().copied().collect(),
            false => self.roles.clone(),
        };
        members.sort_unstable();
        members.dedup();
        for role in members {
            let groups = names.memberships(role).iter().copied();
            let exists =
                groups.filter(|g| names.usable(*g) && (!names.databases.closed || names.databases.known.contains(g)));
            self.tied.extend(exists.map(|g| (g, role)));
        }
    }

    /// All pairs whose role is, or is not, a superuser.
    pub(super) fn iter<'a>(
        &'a self,
        names: &'a Names,
        superuser: Option<bool>,
    ) -> impl Iterator<Item = (NameId, NameId)> + 'a {
        let fits = move |role: &NameId| superuser.is_none_or(|s| names.superusers.contains(role) == s);
        let crossed = self.roles.iter().copied().filter(fits).flat_map(|r| self.databases.iter().map(move |d| (*d, r)));
        crossed.chain(self.tied.iter().copied().filter(move |(_, r)| fits(r)))
    }
}

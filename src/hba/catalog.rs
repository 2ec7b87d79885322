//! What a live server knows about names: its roles with their memberships, and its databases.
//! Either can be missing, and then whatever depends on it is unknown.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A role of `pg_roles` with the roles that it is a direct member of (`pg_auth_members`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `rolname`.
    pub name: Arc<str>,
    /// `rolsuper`.
    pub superuser: bool,
    /// `rolcanlogin`; others are groups only and never a witness.
    pub login: bool,
    /// Direct memberships, with or without `INHERIT` and `SET`: `pg_hba.conf` counts them all.
    pub member_of: Vec<Arc<str>>,
}

/// Names that exist on the server.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    roles: Option<Vec<Role>>,
    by_name: HashMap<Arc<str>, usize>,
    databases: Option<Vec<Arc<str>>>,
}

impl Catalog {
    /// Nothing known: every name is possible and memberships are unknown.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// From complete lists; `None` for one that could not be read. Databases are those that allow
    /// connections.
    pub fn new(roles: Option<Vec<Role>>, databases: Option<Vec<Arc<str>>>) -> Self {
        let named = roles.iter().flatten().enumerate();
        let by_name = named.map(|(i, r)| (r.name.clone(), i)).collect();
        Self { roles, by_name, databases }
    }

    /// All roles, if known.
    pub fn roles(&self) -> Option<&[Role]> {
        self.roles.as_deref()
    }

    /// All databases, if known.
    pub fn databases(&self) -> Option<&[Arc<str>]> {
        self.databases.as_deref()
    }

    /// The role of this name, if roles are known and it exists.
    pub fn role(&self, name: &str) -> Option<&Role> {
        let index = *self.by_name.get(name)?;
        self.roles.as_ref()?.get(index)
    }

    /// Whether a role exists and is a member of a group, directly or not, itself included. A
    /// superuser is no member by being one. `None` when roles are not known.
    pub fn is_member(&self, role: &str, group: &str) -> Option<bool> {
        self.roles.as_ref()?;
        Some(self.role(group).is_some() && self.memberships(role).iter().any(|g| **g == *group))
    }

    /// Every existing role that this one is a member of, itself first.
    pub(crate) fn memberships(&self, role: &str) -> Vec<Arc<str>> {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found = Vec::new();
        let mut next: Vec<&str> = vec![role];
        while let Some(name) = next.pop() {
            let Some(role) = self.role(name).filter(|r| seen.insert(&r.name)) else { continue };
            found.push(role.name.clone());
            next.extend(role.member_of.iter().map(|g| &**g));
        }
        found
    }
}

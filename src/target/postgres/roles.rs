//! Roles, memberships and databases. What memberships lead to is worked out here, from one reading of the catalog.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Failure;
use super::session::{Row, Session};

/// A row of `pg_roles`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleRow {
    pub oid: i64,
    pub name: String,
    pub can_login: bool,
    pub superuser: bool,
    pub createdb: bool,
    pub createrole: bool,
    pub replication: bool,
    pub bypassrls: bool,
    pub inherit: bool,
    /// -1 without a limit.
    pub connection_limit: i64,
    /// Seconds since the epoch; absent when its password does not expire.
    pub valid_until: Option<i64>,
    /// `name=value`.
    pub settings: Vec<String>,
}

/// A row of `pg_database`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseRow {
    pub name: String,
    pub owner: String,
    pub allow_connections: bool,
    pub is_template: bool,
    /// -1 without a limit.
    pub connection_limit: i64,
    pub encoding: String,
    pub current: bool,
    pub public_connect: bool,
    pub public_temp: bool,
    pub public_create: bool,
}

/// The roles, who is a member of what, and the databases; by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    pub roles: BTreeMap<String, RoleRow>,
    /// The roles that each role was made a member of.
    pub memberships: BTreeMap<String, BTreeSet<String>>,
    pub databases: BTreeMap<String, DatabaseRow>,
}

const ROLES: &str = "SELECT oid, rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, \
    rolinherit, rolconnlimit, to_json(rolconfig) AS settings, \
    CASE WHEN isfinite(rolvaliduntil) THEN floor(extract(epoch FROM rolvaliduntil))::bigint \
         WHEN rolvaliduntil < now() THEN 0 END AS valid_until FROM pg_roles";
const MEMBERSHIPS: &str = "SELECT member.rolname AS member, role.rolname AS role FROM pg_auth_members AS of \
    JOIN pg_roles AS member ON member.oid = of.member JOIN pg_roles AS role ON role.oid = of.roleid";
const DATABASES: &str = "SELECT datname, pg_get_userbyid(datdba) AS owner, datallowconn, datistemplate, datconnlimit, \
    pg_encoding_to_char(encoding) AS encoding, datname = current_database() AS current, \
    has_database_privilege('public', oid, 'CONNECT') AS public_connect, \
    has_database_privilege('public', oid, 'TEMPORARY') AS public_temp, \
    has_database_privilege('public', oid, 'CREATE') AS public_create FROM pg_database";

pub(super) async fn read(session: &Session) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::default();
    for row in session.rows(ROLES).await? {
        let role = role(&row);
        catalog.roles.insert(role.name.clone(), role);
    }
    for row in session.rows(MEMBERSHIPS).await? {
        if let (Some(member), Some(role)) = (row.string("member"), row.string("role")) {
            catalog.memberships.entry(member).or_default().insert(role);
        }
    }
    for row in session.rows(DATABASES).await? {
        let database = database(&row);
        catalog.databases.insert(database.name.clone(), database);
    }
    Ok(catalog)
}

fn role(row: &Row) -> RoleRow {
    let is = |column| row.bool(column).unwrap_or_default();
    RoleRow {
        oid: row.int("oid").unwrap_or_default(),
        name: row.string("rolname").unwrap_or_default(),
        can_login: is("rolcanlogin"),
        superuser: is("rolsuper"),
        createdb: is("rolcreatedb"),
        createrole: is("rolcreaterole"),
        replication: is("rolreplication"),
        bypassrls: is("rolbypassrls"),
        inherit: is("rolinherit"),
        connection_limit: row.int("rolconnlimit").unwrap_or(-1),
        valid_until: row.int("valid_until"),
        settings: row.texts("settings"),
    }
}

fn database(row: &Row) -> DatabaseRow {
    let is = |column| row.bool(column).unwrap_or_default();
    DatabaseRow {
        name: row.string("datname").unwrap_or_default(),
        owner: row.string("owner").unwrap_or_default(),
        allow_connections: is("datallowconn"),
        is_template: is("datistemplate"),
        connection_limit: row.int("datconnlimit").unwrap_or(-1),
        encoding: row.string("encoding").unwrap_or_default(),
        current: is("current"),
        public_connect: is("public_connect"),
        public_temp: is("public_temp"),
        public_create: is("public_create"),
    }
}

impl Catalog {
    /// Every role that `role` is a member of, directly or not, without itself. Since version 16 a membership may be one
    /// that gives nothing (neither INHERIT nor SET nor ADMIN); it counts here, as it does for `+group` in pg_hba.conf.
    pub fn all_roles<'a>(&'a self, role: &str) -> BTreeSet<&'a str> {
        let above = |role: &str| self.memberships.get(role).into_iter().flatten().map(String::as_str);
        let mut open: Vec<&'a str> = above(role).collect();
        let mut found = BTreeSet::new();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(above(next));
            }
        }
        found.remove(role);
        found
    }

    /// The roles that were made members of `role`.
    pub fn members(&self, role: &str) -> Vec<&str> {
        let of_it = self.memberships.iter().filter(|(_, above)| above.contains(role));
        of_it.map(|(member, _)| member.as_str()).collect()
    }

    pub fn is_superuser(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_are_followed_to_their_end() {
        let pairs = [("a", "b"), ("b", "c"), ("c", "root"), ("x", "b"), ("c", "a")];
        let mut catalog = Catalog::default();
        for (member, role) in pairs {
            catalog.memberships.entry(member.into()).or_default().insert(role.into());
        }
        assert_eq!(catalog.all_roles("a").into_iter().collect::<Vec<_>>(), ["b", "c", "root"]);
        assert_eq!(catalog.members("b"), ["a", "x"]);
        assert!(catalog.all_roles("root").is_empty());
    }
}

//! The roles of a PostgreSQL server, from `pg_roles`, `pg_auth_members` and, where it may be read, `pg_authid`.

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::target::postgres::{Catalog, Failure, Postgres, RoleRow};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type, Value};
use std::collections::BTreeMap;

/// How a role's password is kept (manual, "Password Authentication").
pub(super) static PASSWORD_KIND: Vocabulary =
    Vocabulary { name: "password_kind", words: &["scram-sha-256", "md5", "none", "other"], ordered: false };

static TEXT: Type = Type::Text;
const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
    field("name", Type::Text, "rolname", "The role's name"),
    field("can_login", BOOL, "rolcanlogin", "Whether it may log in"),
    field("superuser", BOOL, "rolsuper", "Whether it is a superuser"),
    field(
        "can_become_superuser",
        BOOL,
        "pg_auth_members",
        "Whether it is a superuser or a member, directly or not, of a role that is",
    ),
    field("createdb", BOOL, "rolcreatedb", "Whether it may create databases"),
    field("createrole", BOOL, "rolcreaterole", "Whether it may create roles"),
    field("replication", BOOL, "rolreplication", "Whether it may replicate"),
    field("bypassrls", BOOL, "rolbypassrls", "Whether row security does not hold for it"),
    field(
        "inherit",
        BOOL,
        "rolinherit",
        "Whether it has the privileges of the roles that it is a member of without SET ROLE",
    ),
    field(
        "connection_limit",
        Type::Integer,
        "rolconnlimit",
        "Connections that it may have at once; absent without a limit",
    ),
    field("valid_until", Type::Time, "rolvaliduntil", "When its password expires; absent when never"),
    field("member_of", Type::List(&TEXT), "pg_auth_members", "The roles that it was made a member of"),
    field(
        "all_roles",
        Type::List(&TEXT),
        "pg_auth_members",
        "The roles that it is a member of, directly or not, itself left out",
    ),
    field("members", Type::List(&TEXT), "pg_auth_members", "The roles that were made members of it"),
    field(
        "password_kind",
        Type::Word(&PASSWORD_KIND),
        "pg_authid.rolpassword",
        "How its password is kept: scram-sha-256, md5, none, or other (a form that this harden does not know)",
    ),
    field("predefined", BOOL, "oid", "Whether it is one of PostgreSQL's own (`pg_…`)"),
    field("bootstrap", BOOL, "oid", "Whether it is the superuser that initdb made (oid 10), which cannot be demoted"),
    field("owns_databases", Type::List(&TEXT), "pg_database.datdba", "The databases that it owns"),
    field(
        "settings",
        Type::List(&TEXT),
        "pg_db_role_setting",
        "What ALTER ROLE … SET gave it in every database, as `name=value`; values that may be secrets are `***`",
    ),
];

const PARAMS: &[Param] = &[Param {
    name: "name",
    accepts: Accepts::Text,
    required: false,
    about: "Only roles whose name matches this glob (`*`, `?`); every role when not given",
}];

pub(super) static PG_ROLE: Resource = Resource {
    name: "pg_role",
    about: "A role of a PostgreSQL server",
    privilege: "any role; for password_kind SELECT (rolname, rolpassword, rolvaliduntil) on pg_authid",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Postgres,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// The superuser that initdb makes (`BOOTSTRAP_SUPERUSERID` in `pg_authid.dat`).
const BOOTSTRAP: i64 = 10;
/// Roles below are PostgreSQL's own (`FirstNormalObjectId` in `transam.h`).
const FIRST_NORMAL: i64 = 16_384;

/// The kinds of passwords are told by the server, so that no hash leaves it.
const KINDS: &str = "SELECT rolname, CASE WHEN rolpassword IS NULL THEN 'none' \
    WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' \
    WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5' ELSE 'other' END AS kind FROM pg_authid";

type Kinds = Result<BTreeMap<String, String>, Reason>;

async fn observe(door: &Door, with: &With) -> Listing {
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    let catalog = match postgres.catalog().await {
        Ok(catalog) => catalog,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let kinds = kinds(postgres).await.map_err(|failure| postgres.denied(&failure, postgres.passwords_grant()));
    let wanted = catalog.roles.values().filter(|role| pg::matches(text(with, "name"), &role.name));
    Listing::complete(wanted.map(|role| subject(role, catalog, &kinds)).collect())
}

async fn kinds(postgres: &Postgres) -> Result<BTreeMap<String, String>, Failure> {
    let rows = postgres.rows(KINDS).await?;
    Ok(rows.iter().filter_map(|row| Some((row.string("rolname")?, row.string("kind")?))).collect())
}

fn subject(role: &RoleRow, catalog: &Catalog, kinds: &Kinds) -> Subject {
    let all = catalog.all_roles(&role.name);
    let list = |names: Vec<&str>| Value::from_iter(names.into_iter().map(Value::from));
    let direct = catalog.memberships.get(&role.name).into_iter().flatten().map(String::as_str).collect();
    let owned = catalog.databases.values().filter(|database| database.owner == role.name);
    let can_become = role.superuser || all.iter().any(|above| catalog.is_superuser(above));
    let settings = role.settings.iter().map(|line| Value::from(pg::redacted_line(line)));
    let predefined = role.oid < FIRST_NORMAL && role.name.starts_with("pg_");
    let mut subject = Subject::new(&PG_ROLE, role.name.as_str(), "pg_roles", Basis::Live);
    let fields = &mut subject.fields;
    fields.set("name", Value::from(role.name.as_str()));
    fields.set("can_login", Value::Bool(role.can_login));
    fields.set("superuser", Value::Bool(role.superuser));
    fields.set("can_become_superuser", Value::Bool(can_become));
    fields.set("createdb", Value::Bool(role.createdb));
    fields.set("createrole", Value::Bool(role.createrole));
    fields.set("replication", Value::Bool(role.replication));
    fields.set("bypassrls", Value::Bool(role.bypassrls));
    fields.set("inherit", Value::Bool(role.inherit));
    fields.set("connection_limit", pg::limit(role.connection_limit));
    fields.set("valid_until", pg::time(role.valid_until));
    fields.set("member_of", list(direct));
    fields.set("all_roles", list(all.into_iter().collect()));
    fields.set("members", list(catalog.members(&role.name)));
    fields.set("password_kind", password_kind(&role.name, kinds));
    fields.set("predefined", Value::Bool(predefined));
    fields.set("bootstrap", Value::Bool(role.oid == BOOTSTRAP));
    fields.set("owns_databases", list(owned.map(|database| database.name.as_str()).collect()));
    fields.set("settings", Value::from_iter(settings));
    subject
}

fn password_kind(role: &str, kinds: &Kinds) -> Observed {
    match kinds {
        Ok(kinds) => match kinds.get(role) {
            Some(kind) => Observed::Known(word(&PASSWORD_KIND, kind)),
            None => Observed::unknown("the role was made while harden was reading"),
        },
        Err(reason) => Observed::Unknown(reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_set() {
        let role = RoleRow {
            name: "app".into(),
            connection_limit: -1,
            settings: vec!["app.token=x".into()],
            ..RoleRow::default()
        };
        let subject = subject(&role, &Catalog::default(), &Err(Reason::new("denied")));
        pg::assert_all_set(&subject);
        assert_eq!(subject.fields.get("connection_limit"), Some(&Observed::Absent));
        assert!(subject.fields.get("settings").is_some_and(|seen| seen.to_string() == "app.token=***"));
    }
}

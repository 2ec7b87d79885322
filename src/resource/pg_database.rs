//! The databases of a PostgreSQL server and what every role may do in them, from `pg_database` and its access lists.

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::target::postgres::{Catalog, DatabaseRow, Failure, Postgres};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
    field("name", Type::Text, "datname", "The database's name"),
    field("owner", Type::Text, "datdba", "The role that owns it"),
    field("owner_superuser", BOOL, "pg_roles.rolsuper", "Whether its owner is a superuser"),
    field("allow_connections", BOOL, "datallowconn", "Whether anybody can connect to it"),
    field("is_template", BOOL, "datistemplate", "Whether any role with CREATEDB may copy it"),
    field(
        "connection_limit",
        Type::Integer,
        "datconnlimit",
        "Connections that it takes at once; absent without a limit",
    ),
    field("encoding", Type::Text, "encoding", "Its character encoding: `UTF8`"),
    field("current", BOOL, "current_database()", "Whether it is the one that harden is connected to"),
    field("public_connect", BOOL, "datacl", "Whether PUBLIC, that is every role, has CONNECT"),
    field("public_temp", BOOL, "datacl", "Whether PUBLIC may create temporary tables"),
    field("public_create", BOOL, "datacl", "Whether PUBLIC may create schemas"),
    field(
        "public_create_in_public_schema",
        BOOL,
        "pg_namespace.nspacl",
        "Whether PUBLIC may create objects in the schema `public`; known for the current database only, absent without that schema",
    ),
];

const PARAMS: &[Param] = &[Param {
    name: "name",
    accepts: Accepts::Text,
    required: false,
    about: "Only databases whose name matches this glob (`*`, `?`); every database when not given",
}];

pub(super) static PG_DATABASE: Resource = Resource {
    name: "pg_database",
    about: "A database of a PostgreSQL server",
    privilege: "any role",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Postgres,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// No row when the database has no schema of that name.
const SCHEMA: &str =
    "SELECT has_schema_privilege('public', oid, 'CREATE') AS may FROM pg_namespace WHERE nspname = 'public'";

async fn observe(door: &Door, with: &With) -> Listing {
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    let catalog = match postgres.catalog().await {
        Ok(catalog) => catalog,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let in_schema = in_schema(postgres).await.map_err(|failure| failure.reason);
    let wanted = catalog.databases.values().filter(|database| pg::matches(text(with, "name"), &database.name));
    Listing::complete(wanted.map(|database| subject(database, catalog, &in_schema)).collect())
}

async fn in_schema(postgres: &Postgres) -> Result<Option<bool>, Failure> {
    Ok(postgres.rows(SCHEMA).await?.first().and_then(|row| row.bool("may")))
}

fn subject(database: &DatabaseRow, catalog: &Catalog, in_schema: &Result<Option<bool>, Reason>) -> Subject {
    let mut subject = Subject::new(&PG_DATABASE, database.name.as_str(), "pg_database", Basis::Live);
    let fields = &mut subject.fields;
    fields.set("name", Value::from(database.name.as_str()));
    fields.set("owner", Value::from(database.owner.as_str()));
    fields.set("owner_superuser", Value::Bool(catalog.is_superuser(&database.owner)));
    fields.set("allow_connections", Value::Bool(database.allow_connections));
    fields.set("is_template", Value::Bool(database.is_template));
    fields.set("connection_limit", pg::limit(database.connection_limit));
    fields.set("encoding", Value::from(database.encoding.as_str()));
    fields.set("current", Value::Bool(database.current));
    fields.set("public_connect", Value::Bool(database.public_connect));
    fields.set("public_temp", Value::Bool(database.public_temp));
    fields.set("public_create", Value::Bool(database.public_create));
    let in_schema = match in_schema {
        _ if !database.current => Observed::unknown("harden is connected to another database"),
        Ok(may) => Observed::from_option(*may),
        Err(reason) => Observed::Unknown(reason.clone()),
    };
    fields.set("public_create_in_public_schema", in_schema);
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_set() {
        let here = DatabaseRow { name: "app".into(), current: true, connection_limit: 3, ..DatabaseRow::default() };
        let subject_of = |database| subject(&database, &Catalog::default(), &Ok(Some(true)));
        let seen = subject_of(here.clone());
        pg::assert_all_set(&seen);
        assert_eq!(seen.fields.get("public_create_in_public_schema"), Some(&Observed::from(true)));
        let elsewhere = subject_of(DatabaseRow { current: false, ..here });
        assert!(matches!(elsewhere.fields.get("public_create_in_public_schema"), Some(Observed::Unknown(_))));
    }
}

//! `pg_privilege`: what one role may do with the database, its schemas, and the tables and sequences in them.
//!
//! The server itself is asked (`has_table_privilege` and its like), so that ownership, PUBLIC, memberships and predefined
//! roles count as they do for a query. A role may hold more than that: what it gets by `SET ROLE` is kept apart.

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::target::postgres::{Failure, Postgres, Row};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type, Value};

/// Objects of one answer; a database with more is listed in part.
const MAX_OBJECTS: usize = 20_000;
const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);

/// What privileges are held on (manual, "Privileges"), as far as they bear data.
static OBJECT: Vocabulary = Vocabulary {
    name: "object_kind",
    words: &["database", "schema", "table", "view", "materialized-view", "foreign-table", "sequence"],
    ordered: false,
};

const FIELDS: &[Field] = &[
    field("role", Type::Text, "rolname", "The role whose privileges these are"),
    field("kind", Type::Word(&OBJECT), "relkind", "What the object is; a partitioned table is a table"),
    field("schema", Type::Text, "nspname", "The schema that it is in, or itself; absent for the database"),
    field("name", Type::Text, "relname", "The object's name"),
    field("owner", Type::Text, "relowner", "The role that owns it"),
    field(
        "owned",
        BOOL,
        "relowner",
        "Whether the role owns it, or is a member of the role that does: an owner may alter and drop it and grant \
         itself everything; true for a superuser",
    ),
    field(
        "privileges",
        TEXTS,
        "has_table_privilege()",
        "What it may do in the session that it begins: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFERENCES`, \
         `TRIGGER`, `MAINTAIN` (since 17) of tables, `USAGE`, `SELECT`, `UPDATE` of sequences, `USAGE`, `CREATE` of \
         schemas, `CONNECT`, `CREATE`, `TEMPORARY` of the database; by ownership, grant, PUBLIC or an inherited role",
    ),
    field(
        "reachable",
        TEXTS,
        "pg_has_role()",
        "The same with all that it gets by `SET ROLE` to a role that it is a member of",
    ),
    field(
        "column_privileges",
        TEXTS,
        "has_any_column_privilege()",
        "What it may do with some columns (`SELECT`, `INSERT`, `UPDATE`, `REFERENCES`), those of the whole table included",
    ),
];

const PARAMS: &[Param] = &[
    Param { name: "role", accepts: Accepts::Text, required: true, about: "The role's exact name" },
    Param {
        name: "schema",
        accepts: Accepts::Text,
        required: false,
        about: "Only schemas whose name matches this glob (`*`, `?`), with what is in them, and the database; all but the \
                server's own when not given",
    },
    Param {
        name: "database",
        accepts: Accepts::Text,
        required: false,
        about: "The database that is meant: the answer is unknown when harden is connected to another; any when not given",
    },
];

pub(super) static PG_PRIVILEGE: Resource = Resource {
    name: "pg_privilege",
    about: "What a role may do with an object of the database that harden is connected to: the database itself, a schema, a table, a view or a sequence. Missing is a role or a schema that the server does not have.",
    privilege: "any role",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Postgres,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    let (role, schema, database) = (text(with, "role"), text(with, "schema"), text(with, "database"));
    let catalog = match postgres.catalog().await {
        Ok(catalog) => catalog,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let current = catalog.databases.values().find(|one| one.current).map(|one| one.name.as_str()).unwrap_or_default();
    if !database.is_empty() && database != current {
        let reason = Reason::new(format!(
            "harden is connected to the database {current}, and what a role may do in {database} is only seen there"
        ));
        return Listing::failed(reason.with_grant(format!("connect to it: dbname={database}")));
    }
    if !catalog.roles.contains_key(role) {
        return Listing::absent(format!("the server has no role {role}"));
    }
    let rows = match read(postgres, role).await {
        Ok(rows) => rows,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let wanted = |object: &&Object| match &object.schema {
        Some(name) => pg::matches(schema, name),
        None => true,
    };
    let objects: Vec<Object> = rows.iter().map(Object::of).collect();
    if !schema.is_empty() && !objects.iter().any(|object| object.schema.is_some() && wanted(&object)) {
        return Listing::absent(format!("the database {current} has no schema {schema}"));
    }
    let subjects = objects.iter().filter(wanted).map(|object| subject(role, object)).collect();
    if rows.len() >= MAX_OBJECTS {
        return Listing::partial(subjects, Reason::new(format!("the database has more than {MAX_OBJECTS} objects")));
    }
    Listing::complete(subjects)
}

/// Privileges of a kind of object, as an array of SQL.
fn array(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("ARRAY[{}]", words.join(", "))
}

async fn read(postgres: &Postgres, role: &str) -> Result<Vec<Row>, Failure> {
    let major = postgres.major().await?;
    let mut table = vec!["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
    if major >= 17 {
        table.push("MAINTAIN");
    }
    postgres.rows(&question(role, &table, if major >= 16 { "SET" } else { "MEMBER" })).await
}

/// One row for each object. `reach` are the role and those that it can become; of a superuser itself alone, since it needs
/// no other. The words that are asked come first in each row, so that the order of privileges is that of the manual.
fn question(role: &str, table: &[&str], becomes: &str) -> String {
    let held = |of: &str| {
        format!(
            "CASE o.kind WHEN 'database' THEN has_database_privilege({of}, o.oid, p) \
             WHEN 'schema' THEN has_schema_privilege({of}, o.oid, p) \
             WHEN 'sequence' THEN has_sequence_privilege({of}, o.oid, p) \
             ELSE has_table_privilege({of}, o.oid, p) END"
        )
    };
    let words = format!(
        "unnest(CASE o.kind WHEN 'database' THEN {} WHEN 'schema' THEN {} WHEN 'sequence' THEN {} ELSE {} END)",
        array(&["CONNECT", "CREATE", "TEMPORARY"]),
        array(&["USAGE", "CREATE"]),
        array(&["USAGE", "SELECT", "UPDATE"]),
        array(table),
    );
    let columns = array(&["SELECT", "INSERT", "UPDATE", "REFERENCES"]);
    format!(
        "WITH me AS (SELECT oid, rolsuper FROM pg_roles WHERE rolname = {role}), \
         reach AS (SELECT r.oid FROM pg_roles AS r, me \
             WHERE r.oid = me.oid OR (NOT me.rolsuper AND pg_has_role(me.oid, r.oid, '{becomes}'))), \
         o AS (SELECT 'database' AS kind, NULL::text AS schema, datname::text AS name, oid, datdba AS owner \
             FROM pg_database WHERE datname = current_database() \
           UNION ALL SELECT 'schema', nspname, nspname, oid, nspowner FROM pg_namespace WHERE {own} \
           UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized-view' \
                 WHEN 'f' THEN 'foreign-table' ELSE 'table' END, nspname, relname, c.oid, relowner \
             FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace \
             WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {own}) \
         SELECT o.kind, o.schema, o.name, pg_get_userbyid(o.owner) AS owner, \
           pg_has_role(me.oid, o.owner, 'USAGE') OR EXISTS (SELECT FROM reach WHERE reach.oid = o.owner) AS owned, \
           to_json(ARRAY(SELECT p FROM {words} AS p WHERE {mine})) AS privileges, \
           to_json(ARRAY(SELECT p FROM {words} AS p WHERE {mine} OR EXISTS (SELECT FROM reach WHERE {theirs}))) AS reachable, \
           to_json(ARRAY(SELECT p FROM unnest(CASE WHEN o.kind IN ('database', 'schema', 'sequence') \
             THEN ARRAY[]::text[] ELSE {columns} END) AS p WHERE has_any_column_privilege(me.oid, o.oid, p))) AS columns \
         FROM o, me ORDER BY o.schema NULLS FIRST, o.kind <> 'schema', o.name LIMIT {MAX_OBJECTS}",
        role = crate::target::postgres::literal(role),
        own = "nspname NOT IN ('information_schema') AND nspname NOT LIKE 'pg\\_%'",
        mine = held("me.oid"),
        theirs = held("reach.oid"),
    )
}

/// An object and what the role may do with it.
struct Object {
    kind: String,
    schema: Option<String>,
    name: String,
    owner: String,
    owned: Option<bool>,
    privileges: Vec<String>,
    reachable: Vec<String>,
    columns: Vec<String>,
}

impl Object {
    fn of(row: &Row) -> Self {
        Object {
            kind: row.string("kind").unwrap_or_default(),
            schema: row.string("schema"),
            name: row.string("name").unwrap_or_default(),
            owner: row.string("owner").unwrap_or_default(),
            owned: row.bool("owned"),
            privileges: row.texts("privileges"),
            reachable: row.texts("reachable"),
            columns: row.texts("columns"),
        }
    }
}

fn subject(role: &str, object: &Object) -> Subject {
    let name = match &object.schema {
        Some(schema) if object.kind != "schema" => format!("{schema}.{}", object.name),
        _ => object.name.clone(),
    };
    let list = |words: &[String]| words.iter().map(|word| Value::from(word.as_str())).collect::<Value>();
    let shown = format!("{role} on {} {name}", object.kind);
    let mut subject = Subject::new(&PG_PRIVILEGE, shown, "the server's catalog", Basis::Live);
    let fields = &mut subject.fields;
    fields.set("role", role);
    fields.set("kind", word(&OBJECT, &object.kind));
    fields.set("schema", Observed::from_option(object.schema.as_deref()));
    fields.set("name", object.name.as_str());
    fields.set("owner", object.owner.as_str());
    let owned = object.owned.map_or_else(|| Observed::unknown("the server does not say"), Observed::from);
    fields.set("owned", owned);
    fields.set("privileges", list(&object.privileges));
    fields.set("reachable", list(&object.reachable));
    fields.set("column_privileges", list(&object.columns));
    subject
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_field_is_set() {
        let object = Object {
            kind: "table".into(),
            schema: Some("situation".into()),
            name: "machines".into(),
            owner: "migrator".into(),
            owned: Some(false),
            privileges: vec!["SELECT".into()],
            reachable: vec!["SELECT".into()],
            columns: vec!["SELECT".into()],
        };
        let seen = subject("agent", &object);
        pg::assert_all_set(&seen);
        assert_eq!(&*seen.name, "agent on table situation.machines");
    }

    proptest! {
        #[test]
        fn a_question_is_one_statement(role in "\\PC*") {
            let sql = question(&role, &["SELECT"], "SET");
            prop_assert!(!sql.contains(';'));
        }
    }
}

//! What the catalog says of the table that a rule names: whether it is one, its columns, and what the role may read.

use std::collections::BTreeMap;

use super::Asked;
use crate::target::postgres::{Failure, Postgres, Row, identifier, literal};

/// How a column's values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Bool,
    Integer,
    Time,
    /// A type of PostgreSQL's own: only these are cast to text, since a cast of another type can be its owner's function.
    Text,
    Enum,
}

impl ColumnKind {
    /// The field that has its values.
    pub(super) fn field(self) -> &'static str {
        match self {
            ColumnKind::Bool => "bool",
            ColumnKind::Integer => "integer",
            ColumnKind::Time => "time",
            ColumnKind::Text | ColumnKind::Enum => "text",
        }
    }

    fn of(row: &Row) -> Option<Self> {
        let (own, kind) = (row.bool("own_type")?, row.text("type_kind")?);
        if kind == "e" {
            return Some(ColumnKind::Enum);
        }
        if !own || kind != "b" {
            return None;
        }
        Some(match row.text("type")? {
            "bool" => ColumnKind::Bool,
            "int2" | "int4" | "int8" => ColumnKind::Integer,
            "timestamptz" | "timestamp" | "date" => ColumnKind::Time,
            _ => ColumnKind::Text,
        })
    }
}

/// A column that the table has.
#[derive(Debug)]
pub(super) struct Column {
    /// `None` for a type that harden does not read.
    pub(super) kind: Option<ColumnKind>,
    pub(super) readable: bool,
}

/// The table that was found under the name.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Whether it is a table, ordinary or partitioned: reading a view runs whatever its owner put there.
    pub(super) is_table: bool,
    /// Whether row security hides rows from the role.
    pub(super) rows_hidden: bool,
    /// Whether the role may look into the schema.
    pub(super) schema_open: bool,
    pub(super) columns: BTreeMap<String, Column>,
}

impl Table {
    /// `None` when there is nothing by that name.
    pub(super) async fn find(postgres: &Postgres, asked: &Asked) -> Result<Option<Self>, Failure> {
        let rows = postgres.rows(&catalog_query(asked)).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let is = |column| first.bool(column) == Some(true);
        let columns = rows.iter().filter_map(|row| {
            let column = Column { kind: ColumnKind::of(row), readable: row.bool("readable") == Some(true) };
            Some((row.string("name")?, column))
        });
        Ok(Some(Table {
            is_table: is("is_table"),
            // What is not said counts as hidden.
            rows_hidden: first.bool("secured") != Some(false),
            schema_open: is("schema_open"),
            columns: columns.collect(),
        }))
    }

    pub(super) fn kind(&self, column: &str) -> Option<ColumnKind> {
        self.columns.get(column).and_then(|column| column.kind)
    }
}

fn catalog_query(asked: &Asked) -> String {
    format!(
        "SELECT c.relkind IN ('r', 'p') AS is_table, row_security_active(c.oid) AS secured, \
         has_schema_privilege(n.oid, 'USAGE') AS schema_open, a.attname AS name, t.typname AS type, \
         t.typtype AS type_kind, t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'pg_catalog') AS own_type, \
         has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_type AS t ON t.oid = a.atttypid \
         WHERE n.nspname = {} AND c.relname = {}",
        literal(&asked.schema),
        literal(&asked.table),
    )
}

/// The columns that the question reads.
pub(super) fn needed(asked: &Asked) -> Vec<&str> {
    let lists = [&asked.key, &asked.columns, &asked.secrets, &asked.only, &asked.per];
    let mut needed: Vec<&str> = lists.into_iter().flatten().chain(&asked.newest_by).map(String::as_str).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// What lets the role read these columns and no more.
pub(super) fn grant(asked: &Asked, postgres: &Postgres) -> String {
    let role = postgres.grantee();
    let columns: Vec<String> = needed(asked).into_iter().map(identifier).collect();
    let (schema, table) = (identifier(&asked.schema), identifier(&asked.table));
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ({}) ON {schema}.{table} TO {role}",
        columns.join(", ")
    )
}

//! `pg_row`: rows of a table, for rules about what an application keeps in its database: how old its tokens are, who its
//! administrators are.
//!
//! Rules name a table and columns; the one SELECT that is asked is made here (`question`), from names that the catalog has
//! and in quotes. Of a column that may hold a secret the server tells the form and the length, so that no value leaves it.

mod question;
mod table;

use std::collections::BTreeMap;

use super::{Accepts, Field, Param, Resource, SEPARATOR, With, field, sensitive, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::target::postgres::{Postgres, Row};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type, Value};
use question::{MAX_ROWS, MAX_TEXT};
use table::{ColumnKind, Table};

/// The form of a stored secret, as the server recognises it.
static FORM: Vocabulary = Vocabulary {
    name: "stored_form",
    words: &[
        "empty",
        "sha256-hex",
        "sha512-hex",
        "bcrypt",
        "argon2",
        "scrypt",
        "pbkdf2",
        "jwt",
        "https-url",
        "http-url",
        "other",
    ],
    ordered: false,
};

const BOOL: Type = Type::Bool(Dialect::Plain);
static BOOLS: Type = BOOL;
static TEXT: Type = Type::Text;
static INTEGER: Type = Type::Integer;
static TIME: Type = Type::Time;
static FORMS: Type = Type::Word(&FORM);

const FIELDS: &[Field] = &[
    field("database", Type::Text, "", "the database"),
    field("table", Type::Text, "", "the table, after its schema: `public.users`"),
    field("key", Type::Text, "", "what the columns of `key` hold, joined by `/`"),
    field(
        "text",
        Type::Map(&TEXT),
        "",
        "the columns that hold text, by their names; a NULL is absent, as in all of these",
    ),
    field("integer", Type::Map(&INTEGER), "", "the columns that hold whole numbers"),
    field("bool", Type::Map(&BOOLS), "", "the columns of type boolean"),
    field(
        "time",
        Type::Map(&TIME),
        "",
        "the columns that hold timestamps or dates; one without a time zone is read in that of harden's session, the server's own, as CURRENT_TIMESTAMP writes it",
    ),
    field(
        "form",
        Type::Map(&FORMS),
        "",
        "what the columns of `secrets` look like: a hash by its form, a URL by its scheme; `other` when like none of them",
    ),
    field("length", Type::Map(&INTEGER), "", "the bytes that the columns of `secrets` have"),
    field(
        "is_newest",
        BOOL,
        "",
        "whether no other row of its group is later in `newest_by`; absent without it, or when the row has no time there",
    ),
    field(
        "behind_newest",
        Type::Duration,
        "",
        "how much older than the newest of its group it is; absent like `is_newest`",
    ),
];

const PARAMS: &[Param] = &[
    param("table", true, "the table"),
    param("schema", false, "its schema; `public` when not given"),
    param("database", false, "its database; the one that harden is connected to when not given"),
    columns("key", true, "the columns that tell one row from another in findings"),
    columns("columns", false, "the columns that are judged"),
    columns("secrets", false, "columns of which no value may be kept: `form` and `length` tell what they look like"),
    columns("only", false, "only rows in which these columns of type boolean are true"),
    param("newest_by", false, "the column with the time by which rows are compared"),
    columns(
        "per",
        false,
        "the columns whose values make a group of rows, for `newest_by`; all rows are one when not given",
    ),
    Param {
        name: "rows",
        accepts: Accepts::Words(&["all", "newest"]),
        required: false,
        about: "`newest`: of each group the newest row alone; `all` when not given",
    },
];

const fn param(name: &'static str, required: bool, about: &'static str) -> Param {
    Param { name, accepts: Accepts::Text, required, about }
}

const fn columns(name: &'static str, required: bool, about: &'static str) -> Param {
    Param { name, accepts: Accepts::Texts, required, about }
}

pub(super) static PG_ROW: Resource = Resource {
    name: "pg_row",
    about: "A row of a table in a PostgreSQL database. At most 10,000 rows of a table are read, the first by `key`.",
    privilege: "USAGE on the schema and SELECT on the columns that are named",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Postgres,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// What a query asks for.
#[derive(Debug, Default)]
struct Asked {
    schema: String,
    table: String,
    key: Vec<String>,
    columns: Vec<String>,
    secrets: Vec<String>,
    only: Vec<String>,
    newest_by: Option<String>,
    per: Vec<String>,
    newest_alone: bool,
}

impl Asked {
    fn read(with: &With) -> Self {
        let given = |name| Some(text(with, name)).filter(|text| !text.is_empty()).map(str::to_owned);
        let list = |name: &str| -> Vec<String> {
            text(with, name).split(SEPARATOR).filter(|column| !column.is_empty()).map(str::to_owned).collect()
        };
        Asked {
            schema: given("schema").unwrap_or_else(|| "public".to_owned()),
            table: text(with, "table").to_owned(),
            key: list("key"),
            columns: list("columns"),
            secrets: list("secrets"),
            only: list("only"),
            newest_by: given("newest_by"),
            per: list("per"),
            newest_alone: text(with, "rows") == "newest",
        }
    }

    fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

async fn observe(door: &Door, with: &With) -> Listing {
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    read(postgres, &Asked::read(with), text(with, "database")).await.unwrap_or_else(|listing| *listing)
}

/// The listing; also what stands in its place, as the error.
async fn read(postgres: &Postgres, asked: &Asked, database: &str) -> Result<Listing, Box<Listing>> {
    let failed = |reason| Box::new(Listing::failed(reason));
    let database = current_database(postgres, database).await?;
    let table = Table::find(postgres, asked).await.map_err(|failure| failed(failure.reason))?;
    let Some(table) = table else {
        return Err(Box::new(Listing::absent(format!("the database {database} has no table {}", asked.name()))));
    };
    let question = question::build(asked, &table, postgres).map_err(failed)?;
    let rows = postgres.rows_of_table(&question).await;
    let rows = rows.map_err(|failure| failed(postgres.denied(&failure, table::grant(asked, postgres))))?;
    let subjects = rows.iter().take(MAX_ROWS).map(|row| subject(row, asked, &table, &database, postgres)).collect();
    Ok(if rows.len() > MAX_ROWS {
        Listing::partial(subjects, Reason::new(format!("{} has more than {MAX_ROWS} such rows", asked.name())))
    } else {
        Listing::complete(subjects)
    })
}

/// The database that harden is connected to, when it is the one that is wanted.
async fn current_database(postgres: &Postgres, wanted: &str) -> Result<String, Box<Listing>> {
    let failed = |reason| Box::new(Listing::failed(reason));
    let catalog = postgres.catalog().await.map_err(|failure| failed(failure.reason))?;
    let current = catalog.databases.values().find(|database| database.current);
    let current = current.map(|database| database.name.clone()).unwrap_or_default();
    if wanted.is_empty() || wanted == current {
        return Ok(current);
    }
    if !catalog.databases.contains_key(wanted) {
        return Err(Box::new(Listing::absent(format!("the server has no database {wanted}"))));
    }
    let reason = Reason::new(format!("harden is connected to the database {current}, not to {wanted}"));
    Err(failed(reason.with_grant(format!("name {wanted} in the connection string"))))
}

fn subject(row: &Row, asked: &Asked, table: &Table, database: &str, postgres: &Postgres) -> Subject {
    let key: Vec<String> = (0..asked.key.len()).map(|at| key_part(row, asked, at)).collect();
    let key = key.join("/");
    let mut maps: BTreeMap<&str, BTreeMap<Box<str>, Observed>> = BTreeMap::new();
    for (at, column) in asked.columns.iter().enumerate() {
        let Some(kind) = table.kind(column) else { continue };
        for (field, of) in [
            ("text", ColumnKind::Text),
            ("integer", ColumnKind::Integer),
            ("bool", ColumnKind::Bool),
            ("time", ColumnKind::Time),
        ] {
            let value = if kind == of || (of == ColumnKind::Text && kind == ColumnKind::Enum) {
                value(kind, column, row.text(&format!("v{at}")), postgres)
            } else {
                Observed::unknown(format!("it is in `{}`", kind.field()))
            };
            maps.entry(field).or_default().insert(column.as_str().into(), value);
        }
    }
    for (at, column) in asked.secrets.iter().enumerate() {
        let form = row.text(&format!("f{at}")).map_or(Observed::Absent, |text| Observed::Known(word(&FORM, text)));
        maps.entry("form").or_default().insert(column.as_str().into(), form);
        let length = Observed::from_option(row.int(&format!("l{at}")));
        maps.entry("length").or_default().insert(column.as_str().into(), length);
    }
    let name = format!("{} {key}", asked.table);
    let mut subject = Subject::new(&PG_ROW, name, asked.name(), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("database", Value::from(database));
    fields.set("table", Value::from(asked.name()));
    fields.set("key", Value::from(key));
    for field in ["text", "integer", "bool", "time", "form", "length"] {
        fields.set(field, Value::Map(maps.remove(field).unwrap_or_default()));
    }
    fields.set("is_newest", Observed::from_option(row.int("behind").map(|behind| behind == 0)));
    fields.set(
        "behind_newest",
        row.int("behind").map_or(Observed::Absent, |behind| Observed::Known(Value::Duration(behind))),
    );
    subject
}

/// What names the row; a secret by its column's name or its look does not.
fn key_part(row: &Row, asked: &Asked, at: usize) -> String {
    let column = asked.key.get(at).map(String::as_str).unwrap_or_default();
    sensitive::show(column, row.text(&format!("k{at}")).unwrap_or("NULL"))
}

fn value(kind: ColumnKind, column: &str, text: Option<&str>, postgres: &Postgres) -> Observed {
    let Some(text) = text else { return Observed::Absent };
    let unread = || Observed::unknown("the server's answer could not be read");
    match kind {
        ColumnKind::Bool => Observed::from(text == "t"),
        ColumnKind::Integer => text.parse().map_or_else(|_| unread(), |number: i64| Observed::from(number)),
        ColumnKind::Time if text == "infinity" => pg::time(Some(i64::MAX)),
        ColumnKind::Time => text.parse().map_or_else(|_| unread(), |seconds| pg::time(Some(seconds))),
        ColumnKind::Text if text.chars().count() > MAX_TEXT => {
            Observed::unknown(format!("it has more than {MAX_TEXT} characters"))
        }
        ColumnKind::Text | ColumnKind::Enum => sensitive::read(column, text, Type::Text, postgres.salt()),
    }
}

#[cfg(test)]
mod tests;

//! Who is connected to a PostgreSQL server at this moment, and how: `pg_stat_activity` with `pg_stat_ssl` and
//! `pg_stat_gssapi`.

use super::{Field, Resource, With, field};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::target::postgres::{Failure, Postgres, Row};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::TLS_VERSION;
use crate::value::{Net, Observed, Reason, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
    field("pid", Type::Integer, "pid", "The server process"),
    field("user", Type::Text, "usename", "The role that it logged in as"),
    field("database", Type::Text, "datname", "The database; absent for replication"),
    field("application", Type::Text, "application_name", "What the client calls itself; absent when it says nothing"),
    field("kind", Type::Text, "backend_type", "`client backend` or `walsender` (replication)"),
    field("own", BOOL, "pg_backend_pid()", "Whether it is harden's own"),
    field("local", BOOL, "client_addr", "Whether it came over the unix socket"),
    field("client", Type::Net, "client_addr", "The client's address; absent over the unix socket"),
    field("ssl", BOOL, "pg_stat_ssl.ssl", "Whether TLS encrypts it"),
    field("tls_version", Type::Word(&TLS_VERSION), "pg_stat_ssl.version", "The protocol; absent without TLS"),
    field("cipher", Type::Text, "pg_stat_ssl.cipher", "The cipher suite; absent without TLS"),
    field(
        "client_certificate",
        Type::Text,
        "pg_stat_ssl.client_dn",
        "The subject of the client's certificate; absent without one",
    ),
    field("gss_encrypted", BOOL, "pg_stat_gssapi.encrypted", "Whether GSSAPI encrypts it; absent on servers before 12"),
];

pub(super) static PG_SESSION: Resource = Resource {
    name: "pg_session",
    about: "A connection to a PostgreSQL server, as it is at this moment",
    privilege: "a role in pg_monitor (or pg_read_all_stats)",
    params: &[],
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Postgres,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, _: &With) -> Listing {
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    match read(postgres).await {
        Ok((subjects, true)) => Listing::complete(subjects),
        Ok((subjects, false)) => {
            let reason = Reason::new(format!("the role {} sees its own connections only", postgres.user()));
            Listing::partial(subjects, reason.with_grant(format!("GRANT pg_monitor TO {}", postgres.grantee())))
        }
        Err(failure) => Listing::failed(failure.reason),
    }
}

/// The connections, and whether the role sees all of them.
async fn read(postgres: &Postgres) -> Result<(Vec<Subject>, bool), Failure> {
    let gss = postgres.session().await?.is_since("12");
    let (column, join) =
        if gss { ("g.encrypted", "LEFT JOIN pg_stat_gssapi AS g ON g.pid = a.pid ") } else { ("NULL::boolean", "") };
    // The kind of other roles' connections is among what a plain role does not see, so that they fall out here.
    let sql = format!(
        "SELECT a.pid, a.usename, a.datname, a.application_name, a.backend_type, a.pid = pg_backend_pid() AS own, \
         host(a.client_addr) AS client, a.client_port, s.ssl, s.version, s.cipher, s.client_dn, {column} AS gss, \
         pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all \
         FROM pg_stat_activity AS a LEFT JOIN pg_stat_ssl AS s ON s.pid = a.pid {join}\
         WHERE a.backend_type IN ('client backend', 'walsender') ORDER BY a.backend_start, a.pid"
    );
    let rows = postgres.rows(&sql).await?;
    let sees_all = rows.iter().all(|row| row.bool("sees_all") == Some(true));
    Ok((rows.iter().map(subject).collect(), sees_all))
}

fn subject(row: &Row) -> Subject {
    let filled = |column| row.text(column).filter(|text| !text.is_empty());
    let or_absent = |column| Observed::from_option(filled(column));
    let known =
        |value: Option<Value>| value.map_or_else(|| Observed::unknown("the server does not say"), Observed::Known);
    // Over the unix socket the port is -1; both columns are NULL for what the role may not see.
    let local = row.int("client_port").map(|port| port == -1);
    let name = format!("{}@{}", filled("usename").unwrap_or("?"), filled("datname").unwrap_or("?"));
    let from = if local == Some(true) { "the unix socket" } else { filled("client").unwrap_or("an unknown address") };
    let mut subject = Subject::new(&PG_SESSION, format!("{name} from {from}"), "pg_stat_activity", Basis::Live);
    let fields = &mut subject.fields;
    fields.set("pid", known(row.int("pid").map(Value::Int)));
    fields.set("user", or_absent("usename"));
    fields.set("database", or_absent("datname"));
    fields.set("application", or_absent("application_name"));
    fields.set("kind", or_absent("backend_type"));
    fields.set("own", known(row.bool("own").map(Value::Bool)));
    fields.set("local", known(local.map(Value::Bool)));
    let address = filled("client").and_then(Net::parse).map(Value::Net);
    fields.set("client", if local == Some(true) { Observed::Absent } else { known(address) });
    fields.set("ssl", known(row.bool("ssl").map(Value::Bool)));
    fields.set("tls_version", filled("version").map_or(Observed::Absent, |text| word(&TLS_VERSION, text).into()));
    fields.set("cipher", or_absent("cipher"));
    fields.set("client_certificate", or_absent("client_dn"));
    fields.set("gss_encrypted", Observed::from_option(row.bool("gss")));
    subject
}

//! The answer of `harden dsn`: one serialisable document that holds no secret.

use super::client::Client;
use super::conninfo::Conninfo;
use super::effective::{CaSource, Transport, Verified, effective};
use super::error::{DsnError, Problem};
use super::fact::Fact;
use super::resolve::resolve;
use super::resolved::Resolved;
use super::sslmode::SslMode;
use super::surroundings::Surroundings;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a connection string says, and what it means for one client. Serialises the same for the same input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The client that was asked about.
    pub client: Client,
    /// The string, redacted, as a URI.
    pub dsn: String,
    /// The parameters that stand in the string, by libpq's keyword, as `PQconninfoParse` gives them; secrets as `***`.
    pub params: BTreeMap<String, String>,
    /// The servers, in the order in which they are tried.
    pub hosts: Vec<ExplainedHost>,
    /// What the client makes of it here.
    pub effective: ExplainedEffective,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedHost {
    /// Name, address or socket directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Numeric address that is used instead of looking the name up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostaddr: Option<String>,
    /// Port; null when what is written is no port, or may be part of a password.
    pub port: Option<u16>,
    /// TCP or unix socket.
    pub transport: Transport,
}

/// What the client will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedEffective {
    /// The mode that counts, in libpq's words.
    pub sslmode: Fact<SslMode>,
    /// What is verified.
    pub verified: Fact<Verified>,
    /// Against which authorities.
    pub ca_source: Fact<CaSource>,
    /// TCP, unix socket, or both.
    pub transport: Transport,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// Why the client would refuse.
    pub errors: Vec<Problem>,
}

/// Parses, resolves and judges `text` as `client` would.
///
/// # Errors
/// When the client refuses the string while it parses.
pub fn explain(text: &str, client: Client, around: &dyn Surroundings) -> Result<Explained, DsnError> {
    let conninfo = match client {
        Client::Libpq => Conninfo::parse_as(text, around.libpq_version())?,
        _ => Conninfo::parse_for(text, client)?,
    };
    let resolved = resolve(&conninfo, around, client);
    let effective = effective(&resolved, around);
    Ok(Explained {
        client,
        dsn: conninfo.to_string(),
        params: conninfo.params_redacted().into_iter().collect(),
        hosts: hosts(&resolved),
        effective: ExplainedEffective {
            sslmode: effective.sslmode,
            verified: effective.verified,
            ca_source: effective.ca_source,
            transport: effective.transport,
            notes: effective.notes,
            errors: effective.errors,
        },
    })
}

fn hosts(resolved: &Resolved) -> Vec<ExplainedHost> {
    let suspect = resolved.conninfo.suspect();
    let shown = |text: &Option<String>| text.as_ref().map(|text| if suspect { "***".to_owned() } else { text.clone() });
    resolved
        .hosts
        .iter()
        .map(|host| ExplainedHost {
            host: shown(&host.host),
            hostaddr: shown(&host.hostaddr),
            port: host.port.filter(|_| !suspect),
            transport: host.transport,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::dsn::Client;
    use crate::dsn::surroundings::fake::Fake;

    #[test]
    fn document() {
        let text =
            "postgres://agent:hunter2@db,db2:5433/app?sslmode=verify-full&sslrootcert=/ca.pem&sslpassword=hunter2";
        let around = Fake::default().file("/ca.pem", "-----BEGIN CERTIFICATE-----");
        let json = serde_json::to_string(&explain(text, Client::Libpq, &around).unwrap()).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"client":"libpq","dsn":"postgres://agent:***@db,db2:5433/app?sslmode=verify-full&sslpassword=***&sslrootcert=%2Fca.pem","#,
                r#""params":{"dbname":"app","host":"db,db2","password":"***","port":",5433","sslmode":"verify-full","sslpassword":"***","sslrootcert":"/ca.pem","user":"agent"},"#,
                r#""hosts":[{"host":"db","port":5432,"transport":"tcp"},{"host":"db2","port":5433,"transport":"tcp"}],"#,
                r#""effective":{"sslmode":"verify-full","verified":"chain-and-host","ca_source":{"file":"/ca.pem"},"transport":"tcp","notes":[],"errors":[]}}"#,
            )
        );
    }

    #[test]
    fn unknown_has_a_reason() {
        let json = serde_json::to_value(
            explain("host=h sslmode=require sslrootcert=ca.crt", Client::Libpq, &Fake::default()).unwrap(),
        )
        .unwrap();
        let reason = json.pointer("/effective/verified/unknown").and_then(|v| v.as_str()).unwrap();
        assert!(reason.contains("relative path"), "{reason}");
    }

    #[test]
    fn a_spilled_password_is_not_shown() {
        for text in ["postgres://u:hun/ter2@h/d", "postgres://u:x@hunter2@h/d", "postgres://u:123/hunter2@h/d"] {
            for client in Client::ALL {
                if let Ok(explained) = explain(text, client, &Fake::default()) {
                    let json = serde_json::to_string(&explained).unwrap();
                    assert!(!json.contains("ter2"), "{client} {json}");
                }
            }
        }
    }
}

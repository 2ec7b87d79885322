//! pgjdbc's form, `jdbc:postgresql://host:port/database?property=value`, as `Driver.parseURL` reads it: no user before
//! the host, `+` is a blank, property names are case-sensitive, and a property that nobody knows is ignored in silence.
//!
//! pgjdbc `org/postgresql/Driver.java`, `PGProperty.java`, `util/PGPropertyUtil.java`.

use super::builder::Builder;
use super::error::{DsnError, DsnErrorKind};
use super::percent::digit;

const PREFIX: &str = "jdbc:postgresql:";

/// pgjdbc's properties that stand for a keyword of libpq under another name.
const RENAMED: &[(&str, &str)] = &[
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDBNAME", "dbname"),
    ("ApplicationName", "application_name"),
    ("channelBinding", "channel_binding"),
    ("connectTimeout", "connect_timeout"),
    ("gssEncMode", "gssencmode"),
    ("kerberosServerName", "krbsrvname"),
    ("requireAuth", "require_auth"),
    ("sslNegotiation", "sslnegotiation"),
];

/// pgjdbc's other properties (those that libpq spells alike are left out).
const PROPERTIES: &[&str] = &[
    "adaptiveFetch",
    "adaptiveFetchMaximum",
    "adaptiveFetchMinimum",
    "allowEncodingChanges",
    "assumeMinServerVersion",
    "authenticationPluginClassName",
    "autosave",
    "binaryTransfer",
    "binaryTransferDisable",
    "binaryTransferEnable",
    "cancelSignalTimeout",
    "classLoaderStrategy",
    "cleanupSavepoints",
    "connectExecutor",
    "connectExecutorArg",
    "convertBooleanToNumeric",
    "currentSchema",
    "databaseMetadataCacheFields",
    "databaseMetadataCacheFieldsMiB",
    "defaultRowFetchSize",
    "disableColumnSanitiser",
    "escapeSyntaxCallMode",
    "flushCacheOnDdl",
    "groupStartupParameters",
    "gssResponseTimeout",
    "gssUseDefaultCreds",
    "hideUnprivilegedObjects",
    "hostRecheckSeconds",
    "jaasApplicationName",
    "jaasLogin",
    "loadBalanceHosts",
    "localSocketAddress",
    "loggerFile",
    "loggerLevel",
    "loginTimeout",
    "logServerErrorDetail",
    "logUnclosedConnections",
    "maxResultBuffer",
    "maxSendBufferSize",
    "preferQueryMode",
    "preparedStatementCacheQueries",
    "preparedStatementCacheSizeMiB",
    "prepareThreshold",
    "protocolVersion",
    "queryTimeout",
    "quoteReturningIdentifiers",
    "readOnly",
    "readOnlyMode",
    "receiveBufferSize",
    "reWriteBatchedInserts",
    "reWriteBatchedInsertsSize",
    "scramMaxIterations",
    "sendBufferSize",
    "socketFactory",
    "socketFactoryArg",
    "socketTimeout",
    "ssl",
    "sslfactory",
    "sslfactoryarg",
    "sslhostnameverifier",
    "sslpasswordcallback",
    "sslResponseTimeout",
    "sspiServiceClass",
    "stringtype",
    "targetServerType",
    "tcpKeepAlive",
    "tcpNoDelay",
    "unknownLength",
    "useSpnego",
    "xmlFactoryFactory",
];

/// Whether pgjdbc acts on a property of that name.
pub(super) fn is_property(name: &str) -> bool {
    PROPERTIES.contains(&name)
}

/// Reads a JDBC URL into `builder`.
pub(super) fn parse(text: &str, builder: &mut Builder) -> Result<(), DsnError> {
    let Some(rest) = text.strip_prefix(PREFIX) else {
        return Err(DsnError::new(DsnErrorKind::WrongForm("jdbc:postgresql:"), 0));
    };
    let (server, query) = rest.split_once('?').unwrap_or((rest, ""));
    if server.contains('@') || query.split('&').any(|token| token.contains('@') && !token.contains('=')) {
        builder.suspect();
    }
    server_part(server, builder)?;
    for token in query.split('&').filter(|token| !token.is_empty()) {
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        property(name, decode(value)?, builder)?;
    }
    Ok(())
}

fn server_part(server: &str, builder: &mut Builder) -> Result<(), DsnError> {
    if matches!(server, "//" | "///") {
        return Ok(());
    }
    let Some(server) = server.strip_prefix("//") else {
        if server.starts_with('/') {
            return Err(refused("a single / before the host"));
        }
        if !server.is_empty() {
            builder.push_taken("dbname", decode(server)?, false);
        }
        return Ok(());
    };
    let Some((hosts, dbname)) = server.split_once('/') else {
        return Err(refused("no / behind the host"));
    };
    if dbname.contains('/') {
        return Err(refused("a second / behind the host"));
    }
    if hosts.contains('@') {
        return Err(DsnError::hinted(
            DsnErrorKind::InvalidUrl("user and password before the host"),
            PREFIX.len() + 2,
            "write ?user=…&password=…",
        ));
    }
    if !dbname.is_empty() {
        builder.push_taken("dbname", decode(dbname)?, false);
    }
    addresses(hosts, builder)
}

fn addresses(list: &str, builder: &mut Builder) -> Result<(), DsnError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for address in list.split(',') {
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (address, "5432"),
        };
        if port.parse::<u16>().map_or(true, |port| port == 0) {
            return Err(refused("a port that is not between 1 and 65535"));
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        hosts.push(if bare.is_empty() { "localhost" } else { bare });
        ports.push(port);
    }
    builder.push_taken("host", hosts.join(","), false);
    builder.push_taken("port", ports.join(","), false);
    Ok(())
}

fn property(name: &str, value: String, builder: &mut Builder) -> Result<(), DsnError> {
    let renamed = RENAMED.iter().find(|(property, _)| *property == name).map(|(_, keyword)| *keyword);
    match renamed {
        Some(keyword) => {
            builder.push_taken(keyword, value, false);
            Ok(())
        }
        None => builder.push(name, value, 0),
    }
}

/// Java's `URLDecoder`.
fn decode(text: &str) -> Result<String, DsnError> {
    let mut bytes = text.bytes().enumerate();
    let mut out = Vec::with_capacity(text.len());
    while let Some((_, byte)) = bytes.next() {
        out.push(match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high * 16 + low,
                _ => return Err(DsnError::new(DsnErrorKind::PercentEncoding, 0)),
            },
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| DsnError::new(DsnErrorKind::NotUtf8, 0))
}

fn refused(why: &'static str) -> DsnError {
    DsnError::new(DsnErrorKind::InvalidUrl(why), PREFIX.len())
}

#[cfg(test)]
mod tests {
    use crate::dsn::{Client, Conninfo};

    fn get(text: &str, keyword: &str) -> Option<String> {
        Conninfo::parse_for(text, Client::Jdbc).ok()?.value(keyword).map(|v| v.expose().to_owned())
    }

    #[test]
    fn parts() {
        let text = "jdbc:postgresql://h1:1,[::1],:3/db?user=u&password=a+b%26&sslmode=REQUIRE&ssl";
        for (keyword, value) in
            [("host", "h1,::1,localhost"), ("port", "1,5432,3"), ("dbname", "db"), ("user", "u"), ("password", "a b&")]
        {
            assert_eq!(get(text, keyword).as_deref(), Some(value), "{keyword}");
        }
        assert_eq!(get("jdbc:postgresql:db", "dbname").as_deref(), Some("db"));
        assert!(Conninfo::parse_for("jdbc:postgresql:///", Client::Jdbc).is_ok());
    }

    #[test]
    fn refusals_and_redaction() {
        for text in [
            "jdbc:postgresql://h",
            "jdbc:postgresql://h/a/b",
            "jdbc:postgresql:/h",
            "jdbc:postgresql://u:p@h/d",
            "jdbc:postgresql://h:99999/d",
            "jdbc:postgresql://h/%zz",
            "jdbc:mysql://h/d",
        ] {
            assert!(Conninfo::parse_for(text, Client::Jdbc).is_err(), "{text}");
        }
        let shown = crate::dsn::redacted("jdbc:postgresql://h:1/d?user=u&password=hunter2&sslmode=verify-full");
        assert_eq!(shown, "jdbc:postgresql://h:1/d?user=u&password=***&sslmode=verify-full");
    }
}

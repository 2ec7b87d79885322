//! One tokenised line to an [`Entry`], with the checks of `parse_hba_line` in PostgreSQL's `hba.c`.
//! Messages never quote the line: a line broken in the wrong place can hold a secret anywhere.

use std::net::IpAddr;
use std::sync::Arc;

use super::cidr::{self, Net, Numeric};
use super::options::{self, Parsed};
use super::pattern::Pattern;
use super::redact;
use super::source::SourceLine;
use super::tokens::Token;
use super::types::{Address, ConnType, DbToken, Entry, Method, RoleToken, Server};

type Fields<'a> = std::slice::Iter<'a, Vec<Token>>;

/// The entry a line says, or why the server refuses it.
pub(crate) fn parse(line: &SourceLine, server: &Server) -> Result<Entry, String> {
    let mut fields = line.fields.iter();
    let conn = connection(&mut fields)?;
    let databases = list(&mut fields, "end of line before the database field")?;
    let databases = databases.iter().map(|t| database(t, server)).collect::<Result<_, _>>()?;
    let roles = list(&mut fields, "end of line before the user field")?;
    let roles = roles.iter().map(|t| role(t, server)).collect::<Result<_, _>>()?;
    let address = match conn {
        ConnType::Local => Address::None,
        _ => address(&mut fields)?,
    };
    let method = method(&mut fields, conn, server)?;
    let Parsed { client_cert, options } = options::parse(fields.flatten(), conn, method, server)?;
    Ok(Entry {
        file: line.file.clone(),
        line: line.number,
        text: redact::text(&line.raw, line.fields.iter().flatten()).into(),
        conn,
        databases,
        roles,
        address,
        method,
        client_cert,
        options,
    })
}

fn list<'a>(fields: &mut Fields<'a>, missing: &str) -> Result<&'a [Token], String> {
    fields.next().map(Vec::as_slice).ok_or_else(|| missing.to_owned())
}

fn single<'a>(fields: &mut Fields<'a>, missing: &str, many: &str) -> Result<&'a Token, String> {
    match list(fields, missing)? {
        [token] => Ok(token),
        _ => Err(many.to_owned()),
    }
}

fn connection(fields: &mut Fields) -> Result<ConnType, String> {
    let token = single(fields, "empty line", "more than one connection type")?;
    utf8(token).and_then(ConnType::from_word).ok_or_else(|| "invalid connection type".to_owned())
}

fn utf8(token: &Token) -> Option<&str> {
    std::str::from_utf8(&token.bytes).ok()
}

/// The expression of a `/regex` token; quotes make no difference to the server.
fn pattern(token: &Token, server: &Server) -> Result<Option<Arc<Pattern>>, String> {
    let Some(text) = token.bytes.strip_prefix(b"/").filter(|_| server.version >= 16) else { return Ok(None) };
    match Pattern::new(text) {
        Ok(pattern) => Ok(Some(Arc::new(pattern))),
        Err(_) => Err("invalid regular expression".to_owned()),
    }
}

fn database(token: &Token, server: &Server) -> Result<DbToken, String> {
    if let Some(pattern) = pattern(token, server)? {
        return Ok(DbToken::Regex(pattern));
    }
    let Some(word) = utf8(token) else { return Ok(DbToken::NotUtf8) };
    Ok(match word {
        "all" if !token.quoted => DbToken::All,
        "sameuser" if !token.quoted => DbToken::SameUser,
        "samerole" | "samegroup" if !token.quoted => DbToken::SameRole,
        "replication" if !token.quoted => DbToken::Replication,
        name => DbToken::Name(name.into()),
    })
}

fn role(token: &Token, server: &Server) -> Result<RoleToken, String> {
    if let Some(pattern) = pattern(token, server)? {
        return Ok(RoleToken::Regex(pattern));
    }
    let Some(word) = utf8(token) else { return Ok(RoleToken::NotUtf8) };
    Ok(match word.strip_prefix('+') {
        Some(group) if !token.quoted => RoleToken::Group(group.into()),
        _ if token.is_keyword("all") => RoleToken::All,
        _ => RoleToken::Name(word.into()),
    })
}

fn address(fields: &mut Fields) -> Result<Address, String> {
    let token = single(fields, "end of line before the address field", "more than one address")?;
    match utf8(token) {
        Some("all") if !token.quoted => Ok(Address::All),
        Some("samehost") if !token.quoted => Ok(Address::SameHost),
        Some("samenet") if !token.quoted => Ok(Address::SameNet),
        Some(word) => network(word, fields),
        None if token.bytes.contains(&b'/') => Err(HOST_AND_MASK.to_owned()),
        None => Ok(Address::Undetermined),
    }
}

const HOST_AND_MASK: &str = "a host name cannot have a mask";

fn network(word: &str, fields: &mut Fields) -> Result<Address, String> {
    match word.split_once('/') {
        Some((host, prefix)) => match cidr::numeric(host) {
            Numeric::Is(ip) => prefixed(ip, prefix),
            Numeric::Not => Err(HOST_AND_MASK.to_owned()),
            Numeric::Depends => Ok(Address::Undetermined),
        },
        None => match cidr::numeric(word) {
            Numeric::Is(ip) => masked(ip, fields),
            Numeric::Not => Ok(Address::Host(word.into())),
            Numeric::Depends => Ok(Address::Undetermined),
        },
    }
}

fn prefixed(ip: IpAddr, prefix: &str) -> Result<Address, String> {
    let prefix = cidr::prefix_length(prefix);
    let net = prefix.and_then(|p| Net::with_prefix(ip, p));
    net.map(Address::Net).ok_or_else(|| "invalid prefix length in the address".to_owned())
}

fn masked(ip: IpAddr, fields: &mut Fields) -> Result<Address, String> {
    let token = single(fields, "end of line before the netmask of the address", "more than one netmask")?;
    let Numeric::Is(mask) = utf8(token).map_or(Numeric::Not, cidr::numeric) else {
        return Err("invalid netmask".to_owned());
    };
    let net = Net::new(ip, mask);
    net.map(Address::Net).ok_or_else(|| "address and netmask are of different families".to_owned())
}

fn method(fields: &mut Fields, conn: ConnType, server: &Server) -> Result<Method, String> {
    let token = single(fields, "end of line before the authentication method", "more than one authentication method")?;
    let method = utf8(token).and_then(Method::from_word).filter(|m| *m != Method::Oauth || server.version >= 18);
    let method = method.ok_or_else(|| "invalid authentication method".to_owned())?;
    if !is_built(method, server) {
        return Err(format!("authentication method {} is not supported by this build", method.as_str()));
    }
    let method = match (conn, method) {
        (ConnType::Local, Method::Ident) => Method::Peer,
        (_, method) => method,
    };
    let refused = match (conn, method) {
        (ConnType::Local, Method::Gss) => Some("gss is not possible on local sockets"),
        (c, Method::Peer) if c != ConnType::Local => Some("peer is only possible on local sockets"),
        (c, Method::Cert) if c != ConnType::HostSsl => Some("cert is only possible on hostssl"),
        _ => None,
    };
    refused.map_or(Ok(method), |why| Err(why.to_owned()))
}

fn is_built(method: Method, server: &Server) -> bool {
    match method {
        Method::Gss => server.gss,
        Method::Sspi => server.sspi,
        Method::Pam => server.pam,
        Method::Bsd => server.bsd,
        Method::Ldap => server.ldap,
        Method::Trust | Method::Reject | Method::ScramSha256 | Method::Md5 | Method::Password => true,
        Method::Ident | Method::Peer | Method::Radius | Method::Cert | Method::Oauth => true,
    }
}

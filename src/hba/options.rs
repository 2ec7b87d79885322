//! The `name=value` options of an entry, with the checks of `parse_hba_auth_opt` and the mandatory
//! sets of `parse_hba_line` in PostgreSQL's `hba.c`.

use super::redact;
use super::tokens::Token;
use super::types::{ClientCert, ConnType, Method, Server};

/// What the options of one entry say.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) client_cert: ClientCert,
    pub(crate) options: Vec<(String, String)>,
}

/// What later checks ask about options seen so far.
#[derive(Default)]
struct Seen {
    names: Vec<&'static str>,
    servers: usize,
    lists: Vec<(&'static str, usize)>,
}

impl Seen {
    fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|n| self.has(n))
    }

    fn length(&self, name: &str) -> Option<usize> {
        self.lists.iter().rev().find(|(n, _)| *n == name).map(|(_, l)| *l)
    }
}

struct Context<'a> {
    conn: ConnType,
    method: Method,
    server: &'a Server,
}

/// Reads the remaining fields of a line.
pub(crate) fn parse<'a>(
    tokens: impl Iterator<Item = &'a Token>,
    conn: ConnType,
    method: Method,
    server: &Server,
) -> Result<Parsed, String> {
    let context = Context { conn, method, server };
    let mut parsed = Parsed::default();
    let mut seen = Seen::default();
    for token in tokens {
        let word = String::from_utf8_lossy(&token.bytes);
        let (name, value) = word.split_once('=').ok_or("an option is not in name=value form")?;
        let known = option(&context, name, value, &mut parsed.client_cert, &mut seen)?;
        seen.names.push(known);
        parsed.options.push((name.to_owned(), redact::value(name, value).into_owned()));
    }
    mandatory(&context, &seen)?;
    if method == Method::Cert {
        parsed.client_cert = ClientCert::VerifyFull;
    }
    Ok(parsed)
}

const FOR_METHODS: [(&str, &[Method], u32); 22] = [
    ("map", &[Method::Ident, Method::Peer, Method::Gss, Method::Sspi, Method::Cert, Method::Oauth], 0),
    ("pamservice", &[Method::Pam], 0),
    ("pam_use_hostname", &[Method::Pam], 0),
    ("ldapurl", &[Method::Ldap], 0),
    ("ldaptls", &[Method::Ldap], 0),
    ("ldapscheme", &[Method::Ldap], 0),
    ("ldapserver", &[Method::Ldap], 0),
    ("ldapport", &[Method::Ldap], 0),
    ("ldapbinddn", &[Method::Ldap], 0),
    ("ldapbindpasswd", &[Method::Ldap], 0),
    ("ldapsearchattribute", &[Method::Ldap], 0),
    ("ldapsearchfilter", &[Method::Ldap], 0),
    ("ldapbasedn", &[Method::Ldap], 0),
    ("ldapprefix", &[Method::Ldap], 0),
    ("ldapsuffix", &[Method::Ldap], 0),
    ("krb_realm", &[Method::Gss, Method::Sspi], 0),
    ("include_realm", &[Method::Gss, Method::Sspi], 0),
    ("compat_realm", &[Method::Sspi], 0),
    ("upn_username", &[Method::Sspi], 0),
    ("radiusservers", &[Method::Radius], 0),
    ("issuer", &[Method::Oauth], 18),
    ("scope", &[Method::Oauth], 18),
];

const MORE_FOR_METHODS: [(&str, &[Method], u32); 5] = [
    ("radiusports", &[Method::Radius], 0),
    ("radiussecrets", &[Method::Radius], 0),
    ("radiusidentifiers", &[Method::Radius], 0),
    ("validator", &[Method::Oauth], 18),
    ("delegate_ident_mapping", &[Method::Oauth], 18),
];

fn option(
    c: &Context,
    name: &str,
    value: &str,
    cert: &mut ClientCert,
    seen: &mut Seen,
) -> Result<&'static str, String> {
    match name {
        "clientcert" => {
            *cert = client_cert(c, value)?;
            return Ok("clientcert");
        }
        "clientname" if c.server.version >= 14 => {
            client_name(c, value)?;
            return Ok("clientname");
        }
        _ => {}
    }
    let all = FOR_METHODS.iter().chain(&MORE_FOR_METHODS);
    let mut known = all.filter(|(_, _, since)| c.server.version >= *since);
    let (known, methods, _) = known.find(|(n, _, _)| *n == name).ok_or("unrecognized option name")?;
    if !methods.contains(&c.method) {
        return Err(format!("option {known} is not valid for method {}", c.method.as_str()));
    }
    check_value(known, value, seen)?;
    Ok(known)
}

fn client_cert(c: &Context, value: &str) -> Result<ClientCert, String> {
    if c.conn != ConnType::HostSsl {
        return Err("clientcert is only possible on hostssl".to_owned());
    }
    let is_cert = c.method == Method::Cert;
    match value {
        "verify-full" => Ok(ClientCert::VerifyFull),
        "1" if c.server.version < 14 => Ok(ClientCert::VerifyCa),
        "verify-ca" if c.server.version < 14 => Ok(ClientCert::VerifyCa),
        "verify-ca" if !is_cert => Ok(ClientCert::VerifyCa),
        "0" | "no-verify" if c.server.version < 14 && !is_cert => Ok(ClientCert::None),
        "verify-ca" | "0" | "no-verify" if is_cert => {
            Err("clientcert cannot be weaker than verify-full with cert".to_owned())
        }
        _ => Err("invalid value for clientcert".to_owned()),
    }
}

fn client_name(c: &Context, value: &str) -> Result<(), String> {
    match value {
        _ if c.conn != ConnType::HostSsl => Err("clientname is only possible on hostssl".to_owned()),
        "CN" | "DN" => Ok(()),
        _ => Err("invalid value for clientname".to_owned()),
    }
}

fn check_value(name: &'static str, value: &str, seen: &mut Seen) -> Result<(), String> {
    match name {
        "ldapport" if atoi(value) == 0 => Err("invalid ldap port".to_owned()),
        "ldapurl" => ldap_url(value, seen),
        "radiusservers" | "radiusports" | "radiussecrets" | "radiusidentifiers" => radius_list(name, value, seen),
        _ => Ok(()),
    }
}

/// The C library's `atoi`, as far as telling zero from the rest; wraps as the server's does.
fn atoi(text: &str) -> i32 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (sign, text) = match text.as_bytes().first() {
        Some(b'-') => (-1i64, text.get(1..).unwrap_or("")),
        Some(b'+') => (1, text.get(1..).unwrap_or("")),
        _ => (1, text),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    let long = digits.fold(0i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d - b'0')));
    let low = (sign * long) as u64 & u64::from(u32::MAX);
    u32::try_from(low).unwrap_or(0) as i32
}

fn ldap_url(url: &str, seen: &mut Seen) -> Result<(), String> {
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("ldap://").or_else(|| lower.strip_prefix("ldaps://"));
    let rest = rest.ok_or("not an ldap:// or ldaps:// url")?;
    let (_, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut parts = path.split('?');
    for (name, part) in ["ldapbasedn", "ldapsearchattribute", "", "ldapsearchfilter"].into_iter().zip(&mut parts) {
        if !name.is_empty() && !part.is_empty() {
            seen.names.push(name);
        }
    }
    Ok(())
}

fn radius_list(name: &'static str, value: &str, seen: &mut Seen) -> Result<(), String> {
    let parts = guc_list(value).ok_or_else(|| format!("invalid list in {name}"))?;
    if name == "radiusports" && parts.iter().any(|p| atoi(p) == 0) {
        return Err("invalid radius port".to_owned());
    }
    if name == "radiusservers" {
        seen.servers = parts.len();
    }
    seen.lists.push((name, parts.len()));
    Ok(())
}

/// `SplitGUCList` with a comma: double quotes enclose, blanks around elements do not count, an
/// empty element is an error, an empty list is not.
fn guc_list(value: &str) -> Option<Vec<String>> {
    const BLANK: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];
    let mut rest = value.trim_start_matches(BLANK);
    let mut all = Vec::new();
    if rest.is_empty() {
        return Some(all);
    }
    loop {
        let (one, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_element(quoted)?,
            None => bare_element(rest, &BLANK)?,
        };
        all.push(one);
        rest = after.trim_start_matches(BLANK);
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start_matches(BLANK),
            None => return rest.is_empty().then_some(all),
        }
    }
}

fn quoted_element(text: &str) -> Option<(String, &str)> {
    let mut one = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        one.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                one.push('"');
                rest = more;
            }
            None => return Some((one, after)),
        }
    }
}

fn bare_element<'a>(text: &'a str, blank: &[char]) -> Option<(String, &'a str)> {
    let end = text.find(|c| c == ',' || blank.contains(&c)).unwrap_or(text.len());
    let (one, after) = text.split_at(end);
    (!one.is_empty()).then(|| (one.to_owned(), after))
}

fn mandatory(c: &Context, seen: &Seen) -> Result<(), String> {
    match c.method {
        Method::Ldap => ldap_set(seen),
        Method::Radius => radius_set(seen),
        Method::Oauth => oauth_set(seen),
        _ => Ok(()),
    }
}

fn ldap_set(seen: &Seen) -> Result<(), String> {
    let search = ["ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter"];
    let simple = seen.any(&["ldapprefix", "ldapsuffix"]);
    match () {
        () if simple && seen.any(&search) => Err("simple bind and search+bind options are mixed".to_owned()),
        () if !simple && !seen.has("ldapbasedn") => {
            Err("ldap needs one of ldapbasedn, ldapprefix and ldapsuffix".to_owned())
        }
        () if seen.has("ldapsearchattribute") && seen.has("ldapsearchfilter") => {
            Err("ldapsearchattribute and ldapsearchfilter exclude each other".to_owned())
        }
        () => Ok(()),
    }
}

fn radius_set(seen: &Seen) -> Result<(), String> {
    for name in ["radiusservers", "radiussecrets"] {
        if seen.length(name).unwrap_or(0) == 0 {
            return Err(format!("radius needs {name}"));
        }
    }
    for name in ["radiussecrets", "radiusports", "radiusidentifiers"] {
        let length = seen.length(name).unwrap_or(0);
        if length > 1 && length != seen.servers {
            return Err(format!("{name} has neither one element nor as many as radiusservers"));
        }
    }
    Ok(())
}

fn oauth_set(seen: &Seen) -> Result<(), String> {
    match () {
        () if !seen.has("scope") => Err("oauth needs scope".to_owned()),
        () if !seen.has("issuer") => Err("oauth needs issuer".to_owned()),
        () => Ok(()),
    }
}

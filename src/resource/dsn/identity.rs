//! The certificate that a client proves itself with: whose it is, and whether its key is beside it.

use std::path::Path;

use crate::resource::certificate::read_key;
use crate::resource::files::seen;
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason, Record, Value};
use crate::x509::{Certificate, Seen, key_matches, read_certificates};

/// Bytes of a certificate's file.
const MAX_BYTES: u64 = 1 << 20;

/// Sets what hangs on the files that the string names.
pub(super) fn set(fields: &mut Record, host: Option<&Host>, certificate: Option<&str>, key: Option<&str>) {
    let (matches, is_user) = match certificate.filter(|path| !path.is_empty()) {
        None => (Observed::Absent, Observed::Absent),
        Some(path) => match read(host, path) {
            Ok(certificate) => (of_key(&certificate, host, key), of_user(&certificate, fields.get("user"))),
            Err(observed) => (observed.clone(), observed),
        },
    };
    fields.set("client_key_matches", matches);
    fields.set("client_certificate_is_user", is_user);
}

/// A path that begins elsewhere than at the root depends on the directory in which the program is started.
fn at_root<'h>(host: Option<&'h Host>, path: &str) -> Result<&'h Host, Observed> {
    let host = host.ok_or_else(|| Observed::unknown("its files are not this host's"))?;
    if path.starts_with('/') {
        return Ok(host);
    }
    let reason = format!("where {path} is depends on the directory in which the program is started");
    Err(Observed::Unknown(Reason::new(reason).with_grant("write an absolute path")))
}

fn read(host: Option<&Host>, path: &str) -> Result<Certificate, Observed> {
    let bytes = at_root(host, path)?.read(Path::new(path), MAX_BYTES).map_err(|trouble| match trouble {
        Trouble::Absent => Observed::Absent,
        Trouble::Unseen(reason) => Observed::Unknown(reason),
    })?;
    let first = read_certificates(&bytes).certificates.into_iter().next();
    first.map(|entry| entry.certificate).ok_or_else(|| Observed::unknown(format!("{path} holds no certificate")))
}

fn of_key(certificate: &Certificate, host: Option<&Host>, key: Option<&str>) -> Observed {
    let Some(path) = key.filter(|path| !path.is_empty()) else { return Observed::Absent };
    match at_root(host, path).and_then(|host| read_key(host, path)) {
        Ok(key) => seen(key_matches(certificate, &key)),
        Err(observed) => observed,
    }
}

/// The server compares the common name with the role (manual, "Certificate Authentication").
fn of_user(certificate: &Certificate, user: Option<&Observed>) -> Observed {
    let user = match user {
        Some(Observed::Known(Value::Text(user))) => user.clone(),
        Some(Observed::Unknown(reason)) => return Observed::Unknown(reason.clone()),
        _ => return Observed::unknown("the string names no role"),
    };
    match &certificate.subject_cn {
        Seen::Known(name) => Observed::from(name.as_str() == &*user),
        Seen::Absent => Observed::from(false),
        Seen::Unknown(reason) => Observed::unknown(reason),
    }
}

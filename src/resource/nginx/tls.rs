//! The fields of TLS, of servers of HTTP, of streams and of mail alike.

use super::Program;
use super::reading::{Default, Reading, argument};
use crate::format::nginx::Directive;
use crate::value::types::word;
use crate::value::vocabulary::TLS_VERSION;
use crate::value::{Observed, Value};

const FLAGS: [(&str, bool); 6] = [
    ("ssl_prefer_server_ciphers", false),
    ("ssl_session_tickets", true),
    ("ssl_stapling", false),
    ("ssl_stapling_verify", false),
    ("ssl_early_data", false),
    ("ssl_reject_handshake", false),
];

pub(super) fn fill(reading: &mut Reading<'_, '_>, program: &Program) {
    for (name, default) in FLAGS {
        reading.flag(name, default);
    }
    let versions = |one: &Directive| {
        let items = one.args.iter().map(|arg| Observed::Known(word(&TLS_VERSION, arg)));
        Observed::Known(items.collect())
    };
    reading.one("ssl_protocols", default_protocols(program), versions);
    reading.text("ssl_ciphers", Some("HIGH:!aNULL:!MD5"));
    reading.text("ssl_ecdh_curve", Some("auto"));
    reading.text("ssl_verify_client", Some("off"));
    reading.text("ssl_session_cache", Some("none"));
    reading.one("ssl_session_timeout", Default::Value(Value::Duration(300)), |one| {
        argument(one, |text| crate::format::nginx::seconds(text).map(Value::Duration))
    });
    for name in ["ssl_dhparam", "ssl_client_certificate", "ssl_trusted_certificate", "ssl_crl"] {
        reading.file(name);
    }
    for name in ["ssl_certificate", "ssl_certificate_key"] {
        reading.files(name);
    }
}

/// The protocols of a server that names none: TLSv1.3 came with 1.23.4, TLSv1 and TLSv1.1 went with 1.27.3.
fn default_protocols(program: &Program) -> Default {
    let words: &[&str] = match (program.is_at_least("1.23.4"), program.is_at_least("1.27.3")) {
        (_, Ok(true)) => &["TLSv1.2", "TLSv1.3"],
        (Ok(true), Ok(false)) => &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        (Ok(false), Ok(false)) => &["TLSv1", "TLSv1.1", "TLSv1.2"],
        (Err(reason), _) | (_, Err(reason)) => {
            let text = format!("nothing sets it, and nginx's default depends on its version: {}", reason.text);
            return Default::Unknown(crate::value::Reason { text: text.into(), grant: reason.grant });
        }
    };
    Default::Value(words.iter().map(|text| Observed::Known(word(&TLS_VERSION, text))).collect())
}

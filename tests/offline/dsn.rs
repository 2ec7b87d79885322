//! No string makes the parsers panic, and no shown form contains the password.

use harden::dsn::{Client, Conninfo, Stat, Surroundings, explain, redacted};
use proptest::prelude::*;
use std::io;

/// A world in which every file has the same text.
struct World(Option<Vec<u8>>);

impl Surroundings for World {
    fn env(&self, name: &str) -> Option<String> {
        match (name, &self.0) {
            ("HOME" | "PGSERVICEFILE", _) | (_, None) => None,
            (_, Some(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        self.0.clone().ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }
    fn stat(&self, _: &str) -> io::Result<Stat> {
        self.0.as_ref().map(|_| Stat { regular: true, mode: 0o600 }).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn home(&self) -> Option<String> {
        Some("/home/op".into())
    }
    fn user(&self) -> Option<String> {
        None
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Everything that may be shown of a string, for every client.
fn all_shown(text: &str) -> String {
    let mut shown = redacted(text);
    match Conninfo::parse(text) {
        Ok(conninfo) => shown += &format!("{conninfo} {conninfo:?} {:?}", conninfo.params_redacted()),
        Err(error) => shown += &format!("{error} {error:?}"),
    }
    for client in Client::ALL {
        match explain(text, client, &World(None)) {
            Ok(explained) => shown += &format!("{} {explained:?}", serde_json::to_string(&explained).unwrap()),
            Err(error) => shown += &format!("{error} {error:?}"),
        }
    }
    shown
}

fn near_dsn() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("postgres://"),
        Just("jdbc:postgresql://"),
        Just("unix://"),
        Just("h"),
        Just(":"),
        Just("@"),
        Just("/"),
        Just("?"),
        Just("&"),
        Just("="),
        Just("["),
        Just("]"),
        Just("%"),
        Just("%2F"),
        Just("%ff"),
        Just("'"),
        Just("\\"),
        Just(" "),
        Just(","),
        Just("sslmode"),
        Just("host"),
        Just("service=s"),
        Just("sslrootcert="),
        Just("verify-full"),
        Just("é"),
        Just("\u{202e}"),
        Just("#"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in ".*", file in prop::collection::vec(any::<u8>(), 0..64)) {
        all_shown(&text);
        for client in Client::ALL {
            let _ = explain(&text, client, &World(Some(file.clone())));
        }
    }

    #[test]
    fn near_dsns_never_panic(text in near_dsn(), version in 9_u8..20) {
        all_shown(&text);
        let _ = Conninfo::parse_as(&text, version);
        let _ = explain(&text, Client::Libpq, &World(Some(b"[s]\nhost=a\n*:*:*:*:x".to_vec())));
    }

    #[test]
    fn a_parsed_string_shows_what_parses_again(text in near_dsn()) {
        if let Ok(conninfo) = Conninfo::parse(&text) && !conninfo.suspect() {
            let again = Conninfo::parse(&conninfo.to_string());
            prop_assert!(again.is_ok(), "{conninfo}");
        }
    }

    /// Nor is a part of a password that was left unencoded in a URI, wherever that part ended up.
    #[test]
    fn no_part_of_a_raw_password_is_shown(
        first in "[a-z]{9,12}", second in "[a-z]{9,12}", digits in "[0-9]{0,4}", between in "[@/:?#&=% \\[\\],]{1,3}",
    ) {
        let password = format!("{digits}{between}{first}{between}{second}");
        for text in [
            format!("postgres://agent:{password}@db:5432/app?sslmode=require"),
            format!("postgres://agent:{first}{between}{second}@db/app"),
            format!("host=db password={first}{between}{second}"),
            format!("jdbc:postgresql://agent:{password}@db:5432/app"),
        ] {
            let shown = all_shown(&text);
            prop_assert!(!shown.contains(&first) && !shown.contains(&second), "{text} is shown as {shown}");
        }
    }

    /// Whatever the password is and however badly it is quoted, it is shown nowhere.
    #[test]
    fn no_password_is_shown(password in "[!-~é ]{8,20}") {
        let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
        let encoded = percent(&password);
        for text in [
            format!("postgres://agent:{password}@db:5432/app?sslmode=require"),
            format!("postgres://agent:{encoded}@db:5432/app?sslmode=require"),
            format!("postgres://agent@db/app?password={password}"),
            format!("postgres://agent@db/app?sslmode=require&password={encoded}&sslpassword={encoded}"),
            format!("host=db user=agent password={password}"),
            format!("host=db user=agent password='{quoted}' sslpassword='{quoted}'"),
            format!("password='{quoted}"),
            format!("host=db oauth_client_secret='{quoted}' scram_client_key='{quoted}' scram_server_key='{quoted}'"),
            format!("jdbc:postgresql://db/app?user=agent&password={password}"),
            format!("jdbc:postgresql://agent:{password}@db/app"),
            format!("unix://agent:{password}@db/tmp/s"),
            format!("postgres://h/d?{password}"),
            password.clone(),
        ] {
            let shown = all_shown(&text);
            prop_assert!(!shown.contains(&password), "{text} is shown as {shown}");
        }
    }
}

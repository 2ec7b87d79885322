//! Shared test helpers, the traps of the grammar, and hostile input.

use std::collections::BTreeMap;
use std::io;

use proptest::prelude::*;

use super::*;

/// Files in memory; `secret` cannot be read.
#[derive(Default)]
pub(super) struct Memory(pub(super) BTreeMap<String, Vec<u8>>);

impl Memory {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(n, t)| ((*n).to_owned(), t.as_bytes().to_vec())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if path.ends_with("secret") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        if path.ends_with("secret.d") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let inside = self.0.keys().filter_map(|k| k.strip_prefix(path)?.strip_prefix('/'));
        let names: Vec<String> = inside.filter(|n| !n.contains('/')).map(str::to_owned).collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }
}

pub(super) fn parsed(text: &str, version: u32) -> Hba {
    parse("/d/pg_hba.conf", &Memory::of(&[("/d/pg_hba.conf", text)]), version)
}

fn ask(hba: &Hba, transport: Transport, database: &str, role: &str, address: &str) -> Decision {
    let database = match database {
        "<replication>" => Database::Replication,
        name => Database::Named(name.into()),
    };
    let question = Question { transport, database, role: role.into(), address: address.parse().ok() };
    decide(hba, &Context::declared(&Catalog::unknown()), &question)
}

fn line_of(hba: &Hba, decision: &Decision) -> Option<u32> {
    match decision {
        Decision::Allow { entry, .. } | Decision::Reject { entry } => Some(hba.entries[*entry].line),
        Decision::NoMatch | Decision::Unknown { .. } => None,
    }
}

#[test]
fn first_match_wins_and_a_late_reject_is_dead() {
    let hba = parsed("host all all 0.0.0.0/0 scram-sha-256\nhostnossl all all 0.0.0.0/0 reject\n", 15);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Plain, "a", "b", "192.0.2.1")), Some(1));
    let map = access(&hba, &Context::declared(&Catalog::unknown()));
    assert_eq!(map.dead, [Dead { entry: 1, unknown: None }]);
    // IPv6 is nobody's: no line is about it
    let v6 = map.classes.iter().filter(|c| c.family == Some(Family::V6) && !c.replication);
    assert!(v6.clone().count() > 0 && v6.clone().all(|c| c.decision == Decision::NoMatch));
}

#[test]
fn hostssl_alone_needs_no_reject() {
    let hba = parsed("hostssl all all all scram-sha-256\n", 15);
    assert_eq!(ask(&hba, Transport::Plain, "a", "b", "192.0.2.1"), Decision::NoMatch);
    assert_eq!(ask(&hba, Transport::Gss, "a", "b", "192.0.2.1"), Decision::NoMatch);
    let map = access(&hba, &Context::declared(&Catalog::unknown()));
    assert!(map.classes.iter().all(|c| c.transport == Transport::Tls || c.decision == Decision::NoMatch));
}

#[test]
fn hostnossl_is_about_gss_encryption_too() {
    let hba = parsed("hostnossl all all all reject\nhost all all all md5\n", 15);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Gss, "a", "b", "::1")), Some(1));
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "a", "b", "::1")), Some(2));
}

#[test]
fn replication_is_not_among_all() {
    let hba = parsed("host all all all trust\nhost replication rep all md5\n", 15);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "<replication>", "rep", "::1")), Some(2));
    assert_eq!(ask(&hba, Transport::Tls, "<replication>", "x", "::1"), Decision::NoMatch);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "replication", "rep", "::1")), Some(1));
}

#[test]
fn quotes_take_keywords_away() {
    let hba = parsed("host \"all\" all all trust\nhost all \"+g\" all md5\nhost \"replication\" x all md5\n", 15);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "all", "z", "::1")), Some(1));
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "db", "+g", "::1")), Some(2));
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "replication", "x", "::1")), Some(3));
}

#[test]
fn groups_need_the_catalog_and_do_not_hold_superusers() {
    let hba = parsed("host all +admins all trust\nhost all all all md5\n", 15);
    let unknown = ask(&hba, Transport::Tls, "d", "root", "::1");
    assert!(matches!(unknown, Decision::Unknown { entry: Some(0), .. }));
    let role = |name: &str, superuser, of: &[&str]| Role {
        name: name.into(),
        superuser,
        login: true,
        member_of: of.iter().map(|g| std::sync::Arc::from(*g)).collect(),
    };
    let roles = vec![
        role("root", true, &[]),
        role("ann", false, &["ops"]),
        role("ops", false, &["admins"]),
        role("admins", false, &[]),
    ];
    let catalog = Catalog::new(Some(roles), None);
    let as_role = |name: &str| {
        let question = Question {
            transport: Transport::Tls,
            database: Database::Named("d".into()),
            role: name.into(),
            address: "::1".parse().ok(),
        };
        line_of(&hba, &decide(&hba, &Context::declared(&catalog), &question))
    };
    assert_eq!((as_role("root"), as_role("ann"), as_role("admins")), (Some(2), Some(1), Some(1)));
}

#[test]
fn an_unknown_line_that_asks_the_same_does_not_matter() {
    let hba = parsed("host all +admins all md5\nhost all all all md5\n", 15);
    assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "d", "r", "::1")), Some(2));
}

#[test]
fn mapped_addresses_are_ipv6() {
    let hba = parsed("host all all 10.0.0.0/8 trust\n", 15);
    assert_eq!(ask(&hba, Transport::Tls, "d", "r", "::ffff:10.0.0.1"), Decision::NoMatch);
}

#[test]
fn errors_have_line_and_file_and_no_secret() {
    let text =
        "host all all 10.0.0.1 trust\n\nhost all all all ldap \\\n ldapbindpasswd=hunter2 oops\nlocal all all trust\n";
    let hba = parsed(text, 15);
    let lines: Vec<u32> = hba.errors.iter().map(|e| e.line).collect();
    assert_eq!(lines, [1, 3]);
    assert_eq!(hba.entries.len(), 1);
    assert!(!format!("{hba:?}").contains("hunter2"));
    let nothing = Catalog::unknown();
    let live = Context { live: true, ..Context::declared(&nothing) };
    let question = Question {
        transport: Transport::Local,
        database: Database::Named("d".into()),
        role: "r".into(),
        address: None,
    };
    assert!(matches!(decide(&hba, &live, &question), Decision::Unknown { .. }));
    assert!(access(&hba, &live).classes.iter().all(|c| matches!(c.decision, Decision::Unknown { .. })));
}

#[test]
fn secrets_are_masked_in_every_spelling() {
    let lines = [
        "host all all all ldap ldapbasedn=x ldapbindpasswd=hunter2 # hunter2",
        "host all all all ldap ldapbasedn=x \"ldapbindpasswd=hunter2 hunter2\"",
        "host all all all ldap ldapbasedn=x ldapbind\"passwd\"=\"hunter2\"\"hunter2\"",
        "host all all all ldap ldapbasedn=x,ldapbindpasswd=hunter2,map=hunter2",
        "host all all all ldap ldapurl=ldap://u:hunter2@h/dc=x",
        "host all all all radius radiusservers=127.0.0.1 radiussecrets=\"hunter2,hunter2\"",
        "host all all all radius radiusservers=127.0.0.1 @secrets",
    ];
    for line in lines {
        let files = Memory::of(&[("/d/pg_hba.conf", line), ("/d/secrets", "radiussecrets=hunter2")]);
        let hba = parse("/d/pg_hba.conf", &files, 16);
        let map = access(&hba, &Context::declared(&Catalog::unknown()));
        assert!(!format!("{hba:?}{map:?}").contains("hunter2"), "{line} {hba:?}");
        assert!(hba.entries.len() + hba.errors.len() == 1);
    }
    let row = ViewRow {
        conn_type: Some("host".into()),
        address: Some("all".into()),
        auth_method: Some("ldap".into()),
        options: Some(vec!["ldapbindpasswd=hunter2".into()]),
        ..ViewRow::default()
    };
    let hba = from_view(vec![row], "x", 15);
    assert_eq!((hba.entries.len(), hba.quoting_known), (1, false));
    assert!(!format!("{hba:?}").contains("hunter2"));
}

#[test]
fn unreadable_is_unknown_and_missing_is_an_error() {
    for (line, version) in [
        ("host @secret all all md5", 15),
        ("include secret", 16),
        ("include_if_exists secret", 16),
        ("include_dir secret.d", 16),
    ] {
        let hba = parsed(&format!("host a all all md5\n{line}\nhost all all all trust\n"), version);
        assert_eq!((hba.errors.len(), hba.entries.len()), (0, 2), "{line}");
        assert_eq!(hba.cut.as_ref().map(|c| (c.before, c.line)), Some((1, 2)));
        assert_eq!(line_of(&hba, &ask(&hba, Transport::Tls, "a", "r", "::1")), Some(1));
        assert!(matches!(ask(&hba, Transport::Tls, "b", "r", "::1"), Decision::Unknown { .. }));
    }
    for (line, version) in
        [("host @no all all md5", 15), ("include no", 16), ("include_dir no.d", 16), ("include x", 15)]
    {
        let hba = parsed(&format!("{line}\n"), version);
        assert_eq!((hba.errors.len(), hba.cut.is_some()), (1, false), "{line}");
    }
    assert_eq!(parsed("include_if_exists no\n", 16).errors, []);
    assert_eq!(parse("/no", &Memory::default(), 15).errors.len(), 1);
    assert_eq!(parse("/secret", &Memory::default(), 15).cut.map(|c| c.before), Some(0));
}

#[test]
fn loops_end() {
    let files = Memory::of(&[
        ("/h", "include h\ninclude h\ninclude h\n"),
        ("/l", "host @x all all md5\n"),
        ("/x", "@x\n@x\n@x @x\n"),
    ]);
    assert!(parse("/h", &files, 16).cut.is_some());
    for version in [13, 16] {
        let hba = parse("/l", &files, version);
        assert_eq!((hba.errors.len(), hba.cut.is_some()), (1, false), "{version}");
    }
}

#[test]
fn a_mark_or_a_nul_byte_is_seen() {
    assert_eq!(parsed("\u{feff}host all all all trust\n", 15).errors.len(), 1);
    let hba = parsed("host a all all md5\nhost b\0 all all md5\nhost all all all md5\n", 15);
    assert_eq!(hba.cut.map(|c| (c.before, c.line)), Some((1, 2)));
}

/// Files whose every name holds the same bytes.
struct Same(Vec<u8>);

impl Files for Same {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }
    fn list_dir(&self, _: &str) -> io::Result<Vec<String>> {
        Ok(vec!["a.conf".into(), "b.conf".into()])
    }
}

fn exercise(bytes: Vec<u8>, version: u32) {
    let hba = parse("d/f", &Same(bytes), version);
    let catalog = Catalog::unknown();
    let context = Context::declared(&catalog);
    for class in access(&hba, &context).classes {
        decide(&hba, &context, &class.question());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), version in 10u32..20) {
        exercise(bytes, version);
    }

    #[test]
    fn arbitrary_words_never_panic(
        words in prop::collection::vec(prop::sample::select(&[
            "host", "local", "all", " ", " ", "\n", "\n", "\t", "\r", ",", "\"", "\\\n", "@a", "/", "/[a-", "include", "include_dir", "10.0.0.0/", "8", "::/0",
            "md5", "ldap", "=", "ldapurl=", "\u{e9}", "\0", "#", "+", "samerole", "255.0.255.0", "0.0.0.255", "1.1.1.1", "trust",
        ][..]), 0..40),
        version in 13u32..19,
    ) {
        exercise(words.concat().into_bytes(), version);
    }

    #[test]
    fn arbitrary_rows_never_panic(fields in prop::collection::vec(".{0,12}", 8), line in any::<i32>(), version in 13u32..19) {
        let some = |i: usize| Some(fields[i].clone());
        let row = ViewRow {
            file_name: None, line_number: line, conn_type: Some("host".into()), database: Some(fields[..2].to_vec()), user_name: Some(fields[2..4].to_vec()),
            address: some(4), netmask: some(5), auth_method: Some("md5".into()), options: Some(fields[6..].to_vec()), error: None,
        };
        let hba = from_view(vec![row], "f", version);
        access(&hba, &Context::declared(&Catalog::unknown()));
    }
}

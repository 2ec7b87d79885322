use std::fs;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn ask(door: &Door, from: Json, ty: &str) -> Listing {
    let with = With::from([("from".to_owned(), from), ("as".to_owned(), json!(ty))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on(observe(door, &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn get(listing: &Listing, field: &str) -> String {
    let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    seen.fields.get(field).unwrap().to_string()
}

fn layers() -> Json {
    json!([
        { "env": "DB_SSLMODE", "of": "unit:app.service" },
        { "file": "/etc/app.json", "format": "json", "key": "database.sslmode" },
        { "default": "disable" },
    ])
}

#[test]
fn the_first_layer_that_has_a_value_wins() {
    let (root, host) = host();
    let at = |path: &str| root.path().join(path);
    let door = Door::Host(host);
    fs::create_dir_all(at("etc/systemd/system")).unwrap();
    let seen = ask(&door, layers(), "sslmode");
    assert_eq!(
        (get(&seen, "value"), get(&seen, "layer"), get(&seen, "is_default")),
        ("disable".into(), "default".into(), "true".into())
    );

    fs::write(at("etc/app.json"), "{\n \"database\": {\n  \"sslmode\": \"require\" } }").unwrap();
    let seen = ask(&door, layers(), "sslmode");
    assert_eq!((get(&seen, "value"), get(&seen, "origin")), ("require".into(), "/etc/app.json:3".into()));

    fs::write(at("etc/systemd/system/app.service"), "[Service]\nExecStart=/bin/app\n").unwrap();
    assert_eq!(get(&ask(&door, layers(), "sslmode"), "value"), "require", "a unit that does not set it is skipped");

    fs::write(at("etc/systemd/system/app.service"), "[Service]\nEnvironment=DB_SSLMODE=verify-full\n").unwrap();
    let seen = ask(&door, layers(), "sslmode");
    assert_eq!(get(&seen, "origin"), "unit app.service (/etc/systemd/system/app.service:2)");
    assert_eq!(get(&seen, "overridden"), "origin=/etc/app.json:3, value=require");
}

#[test]
fn a_layer_that_cannot_be_read_hides_those_below() {
    let (root, host) = host();
    let door = Door::Host(host);
    fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
    fs::write(root.path().join("etc/app.json"), "{ \"database\": ").unwrap();
    let seen = ask(&door, layers(), "sslmode");
    assert!(get(&seen, "value").starts_with("unknown") && get(&seen, "is_default").starts_with("unknown"));
    fs::write(root.path().join("etc/systemd/system/app.service"), "[Service]\nEnvironment=DB_SSLMODE=%i\n").unwrap();
    let seen = ask(&door, layers(), "sslmode");
    assert!(get(&seen, "value").starts_with("unknown"), "set, and unresolved");
    assert_eq!(get(&seen, "layer"), "env");
    assert!(get(&seen, "overridden").contains('…'));
}

#[test]
fn without_any_source_there_is_no_program() {
    let (_root, host) = host();
    let door = Door::Host(host);
    let from = json!([{ "file": "/etc/none", "format": "ini", "key": "a.b" }]);
    assert!(matches!(ask(&door, from, "text").extent, Extent::Absent(_)));
}

#[test]
fn secrets_are_kept_as_facts_only() {
    let (root, host) = host();
    fs::write(root.path().join("a.ini"), "[db]\npassword = tr0ub4dor3xyz\n").unwrap();
    fs::write(root.path().join("b.env"), "DB_PASSWORD=tr0ub4dor3xyz\n").unwrap();
    let door = Door::Host(host);
    let from = json!([
        { "env": "DB_PASSWORD", "of": "file:/b.env" },
        { "file": "/a.ini", "format": "ini", "key": "db.password" },
    ]);
    for (ty, _) in crate::value::types::AS {
        let listing = ask(&door, from.clone(), ty);
        assert!(!format!("{listing:?}").contains("tr0ub"), "{ty}");
    }
    assert!(get(&ask(&door, from, "secret"), "value").contains("13 bytes"));
}

#[test]
fn lists_are_lists_in_each_format() {
    let (root, host) = host();
    fs::write(root.path().join("a.yaml"), "origins:\n  - https://a\n  - https://b\n").unwrap();
    let door = Door::Host(host);
    let from = json!([{ "file": "/a.yaml", "format": "yaml", "key": "origins" }]);
    assert_eq!(get(&ask(&door, from.clone(), "list"), "value"), "https://a, https://b");
    assert!(get(&ask(&door, from, "text"), "value").starts_with("unknown"));
}

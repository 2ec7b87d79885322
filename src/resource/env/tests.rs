use std::fs;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn ask(door: &Door, of: &str, name: &str, ty: Option<&str>) -> Listing {
    let mut with = With::from([("of".to_owned(), json!(of)), ("name".to_owned(), json!(name))]);
    with.extend(ty.map(|ty| ("as".to_owned(), json!(ty))));
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

#[test]
fn a_dotenv_file_gives_what_it_sets_and_nothing_else() {
    let (root, host) = host();
    fs::write(
        root.path().join("app.env"),
        "FLAG=True\nDB_PASSWORD=tr0ub4dor3xyz\nREF=${X}\nURL=https://u:hunter2@h/\n",
    )
    .unwrap();
    let door = Door::Host(host);
    let of = "file:/app.env";
    assert_eq!(get(&ask(&door, of, "FLAG", Some("go-bool")), "value"), "true");
    assert_eq!(get(&ask(&door, of, "FLAG", Some("bool")), "value"), "True (not valid)");
    assert_eq!(get(&ask(&door, of, "URL", Some("url")), "value"), "https://u:***@h/");
    assert_eq!(get(&ask(&door, of, "DB_PASSWORD", None), "length"), "13");
    let unset = ask(&door, of, "NONE", Some("text"));
    assert_eq!((get(&unset, "present"), get(&unset, "value")), ("false".into(), "absent".into()));
    let reference = ask(&door, of, "REF", None);
    assert_eq!((get(&reference, "present"), get(&reference, "unresolved")), ("true".into(), "true".into()));
    assert!(get(&reference, "value").starts_with("unknown"));
    assert_eq!(ask(&door, of, "*R*", None).subjects.len(), 3);
    assert!(matches!(ask(&door, "file:/none", "A", None).extent, Extent::Absent(_)));
    assert!(matches!(ask(&door, "unit:none.service", "A", None).extent, Extent::Absent(_)));
    assert!(matches!(ask(&door, "process:x", "A", None).extent, Extent::Absent(_)));
    assert!(matches!(ask(&door, "what", "A", None).extent, Extent::Failed(_)));
    for (ty, _) in crate::value::types::AS {
        let shown = format!("{:?}", ask(&door, of, "*", Some(ty)));
        assert!(!shown.contains("tr0ub4dor") && !shown.contains("hunter2"), "{ty}: {shown}");
    }
}

#[test]
fn a_file_that_cannot_be_understood_is_unknown() {
    let (root, host) = host();
    fs::write(root.path().join("app.env"), "A='never closed").unwrap();
    let door = Door::Host(host);
    let listing = ask(&door, "file:/app.env", "A", None);
    assert!(get(&listing, "present").starts_with("unknown"), "{listing:?}");
    assert!(matches!(ask(&door, "file:/app.env", "*", None).extent, Extent::Partial(_)));
}

/// The one process that is certainly there, with a variable that it certainly has: this test.
#[test]
fn a_process_shows_what_it_was_started_with() {
    let comm = fs::read_to_string("/proc/self/comm").unwrap();
    let salt = std::sync::Arc::new(Salt::random().unwrap());
    let door = Door::Host(crate::target::host::Host::open(std::path::Path::new("/"), salt).unwrap());
    let listing = ask(&door, &format!("process:{}*", comm.trim()), "CARGO_PKG_NAME", Some("text"));
    let pid = format!("(pid {})", std::process::id());
    let own = listing.subjects.iter().find(|one| one.name.contains(&pid)).unwrap();
    let expected = std::env::var("CARGO_PKG_NAME").map_or("absent".to_owned(), |name| name);
    assert_eq!(own.fields.get("value").unwrap().to_string(), expected);
}

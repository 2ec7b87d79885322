use super::*;

fn with(entries: &[(&str, &str)]) -> With {
    entries.iter().map(|(name, value)| ((*name).to_owned(), serde_json::Value::from(*value))).collect()
}

#[test]
fn parameters_are_read() {
    let asked = Asked::read(&with(&[("table", "users"), ("key", "id, name")]));
    assert_eq!(asked.name(), "public.users");
    assert_eq!(asked.key, ["id", "name"]);
    assert!(asked.columns.is_empty() && !asked.newest_alone);
}

#[test]
fn every_column_that_is_used_is_needed_once() {
    let asked = Asked::read(&with(&[
        ("table", "t"),
        ("key", "id"),
        ("columns", "id, a"),
        ("secrets", "s"),
        ("only", "o"),
        ("newest_by", "n"),
        ("per", "p, a"),
    ]));
    assert_eq!(table::needed(&asked), ["a", "id", "n", "o", "p", "s"]);
}

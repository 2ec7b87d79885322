//! Reading fields out of the daemon's JSON without guessing: what has another shape than documented, or is not there
//! although it should be, is a reason and never a default.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::value::{List, Observed, Reason, Value};

/// What was read, or why it was not.
pub(super) type Read<T> = Result<T, Reason>;

/// A place in a document.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    path: String,
    json: Read<&'a Json>,
}

const NULL: &Json = &Json::Null;

/// A key that the API always writes: an answer without it is one that we do not understand.
pub(super) fn at<'a>(document: &'a Json, path: &str) -> At<'a> {
    let missing = || Reason::new(format!("{path} is not in the daemon's answer"));
    At { path: path.to_owned(), json: walk(document, path).and_then(|found| found.ok_or_else(missing)) }
}

/// A key that the API leaves out when it has nothing to say.
pub(super) fn maybe<'a>(document: &'a Json, path: &str) -> At<'a> {
    At { path: path.to_owned(), json: walk(document, path).map(|found| found.unwrap_or(NULL)) }
}

/// `None` when the key, or an object on the way to it, is missing.
fn walk<'a>(document: &'a Json, path: &str) -> Read<Option<&'a Json>> {
    let mut json = document;
    for key in path.split('.') {
        json = match json {
            Json::Object(object) => match object.get(key) {
                Some(json) => json,
                None => return Ok(None),
            },
            Json::Null => return Ok(None),
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => return Err(unexpected(path)),
        };
    }
    Ok(Some(json))
}

fn unexpected(path: &str) -> Reason {
    Reason::new(format!("unexpected shape of {path}"))
}

impl<'a> At<'a> {
    fn read<T>(self, shape: impl FnOnce(&'a Json) -> Option<T>) -> Read<T> {
        let path = self.path;
        self.json.and_then(|json| shape(json).ok_or_else(|| unexpected(&path)))
    }

    pub(super) fn bool(self) -> Read<bool> {
        self.read(Json::as_bool)
    }

    pub(super) fn int(self) -> Read<i64> {
        self.read(Json::as_i64)
    }

    pub(super) fn text(self) -> Read<&'a str> {
        self.read(Json::as_str)
    }

    /// That there is an object.
    pub(super) fn object(self) -> Read<()> {
        self.read(|json| json.is_object().then_some(()))
    }

    /// `None` for null.
    pub(super) fn optional<T>(self, shape: impl FnOnce(&'a Json) -> Option<T>) -> Read<Option<T>> {
        self.read(|json| if json.is_null() { Some(None) } else { shape(json).map(Some) })
    }

    /// `None` for null and for the empty text, by which the API says "nothing".
    pub(super) fn some_text(self) -> Read<Option<&'a str>> {
        Ok(self.optional(Json::as_str)?.filter(|text| !text.is_empty()))
    }

    /// None for null: Go writes an empty slice either way.
    pub(super) fn items(self) -> Read<&'a [Json]> {
        self.read(|json| if json.is_null() { Some(&[][..]) } else { json.as_array().map(Vec::as_slice) })
    }

    /// None for null.
    pub(super) fn entries(self) -> Read<Vec<(&'a str, &'a Json)>> {
        self.read(|json| match json {
            Json::Null => Some(Vec::new()),
            Json::Object(object) => Some(object.iter().map(|(key, value)| (key.as_str(), value)).collect()),
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
        })
    }

    /// The texts of a list, none for null. One item of another shape makes the whole list one that we do not understand.
    pub(super) fn texts(self) -> Read<Vec<&'a str>> {
        let path = self.path.clone();
        self.items()?.iter().map(|item| item.as_str().ok_or_else(|| unexpected(&path))).collect()
    }

    /// A map of texts, empty for null.
    pub(super) fn text_map(self) -> Read<Value> {
        let path = self.path.clone();
        let entry = |(key, value): (&str, &Json)| {
            let text = value.as_str().map(Observed::from).ok_or_else(|| unexpected(&path))?;
            Ok((key.into(), text))
        };
        self.entries()?.into_iter().map(entry).collect::<Read<BTreeMap<_, _>>>().map(Value::Map)
    }
}

/// What was read as a field's state.
pub(super) fn seen(read: Read<impl Into<Observed>>) -> Observed {
    read.map_or_else(Observed::Unknown, Into::into)
}

/// The same for what may be known not to be there.
pub(super) fn seen_or_absent(read: Read<Option<impl Into<Value>>>) -> Observed {
    read.map_or_else(Observed::Unknown, Observed::from_option)
}

/// A list of texts.
pub(super) fn seen_texts<T: Into<Value>>(read: Read<impl IntoIterator<Item = T>>) -> Observed {
    seen(read.map(|texts| texts.into_iter().map(|text| Observed::Known(text.into())).collect::<Value>()))
}

/// A list of what each item reads as.
pub(super) fn seen_items(read: Read<&[Json]>, item: impl Fn(&Json) -> Observed) -> Observed {
    seen(read.map(|items| Value::List(List { items: items.iter().map(item).collect(), more: None })))
}

/// A point in time as Go writes it; its zero, the year 1, means that there is none.
pub(super) fn seen_time(read: Read<Option<&str>>) -> Observed {
    let text = match read {
        Ok(Some(text)) if !text.starts_with("0001-01-01T") => text,
        Ok(_) => return Observed::Absent,
        Err(reason) => return Observed::Unknown(reason),
    };
    let time = crate::value::time::parse(text).map(|seconds| Observed::Known(Value::Time(seconds)));
    time.unwrap_or_else(|| Observed::unknown(format!("`{text}` is no timestamp")))
}

/// The names of `NAME=value` entries, sorted, each once.
pub(super) fn names_of_env(entries: Vec<&str>) -> Vec<&str> {
    let mut names: Vec<&str> =
        entries.into_iter().filter_map(|entry| entry.split_once('=').map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The user part of `user[:group]` as the engine resolves it: user 0, another number, or a name that only the image's
/// own passwd file explains (`None`).
pub(super) fn is_root_user(user: &str) -> Option<bool> {
    let user = user.split(':').next().unwrap_or_default().trim();
    match user {
        "" | "root" => Some(true),
        // Go's Atoi: leading zeros and a sign are allowed.
        name => name.parse::<i64>().ok().map(|uid| uid == 0),
    }
}

/// Whether the last health check that counts is one: `["NONE"]` switches an inherited one off.
pub(super) fn has_healthcheck(config: &Json, path: &str) -> Read<bool> {
    let test = maybe(config, path).texts()?;
    Ok(test.first().is_some_and(|first| *first != "NONE"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_null_and_misshapen_are_three_things() {
        let document = json!({ "A": { "B": null, "C": 1, "D": "x", "E": ["a", 1] } });
        assert_eq!(at(&document, "A.C").int(), Ok(1));
        assert!(at(&document, "A.X").bool().unwrap_err().text.contains("not in the daemon's answer"));
        assert!(at(&document, "A.B").bool().unwrap_err().text.contains("unexpected shape"));
        assert!(at(&document, "A.D.E").text().unwrap_err().text.contains("unexpected shape"));
        assert_eq!(at(&document, "A.B").texts(), Ok(vec![]));
        assert!(at(&document, "A.X").texts().is_err());
        assert_eq!(maybe(&document, "A.X.Y").texts(), Ok(vec![]));
        assert!(maybe(&document, "A.E").texts().is_err());
        assert!(maybe(&document, "A.C").some_text().is_err());
        assert_eq!(maybe(&document, "A.B").some_text(), Ok(None));
    }

    #[test]
    fn root_has_many_spellings() {
        for root in ["", "0", "root", "0:0", "root:app", "00", "+0", ":5"] {
            assert_eq!(is_root_user(root), Some(true), "{root}");
        }
        for other in ["1000", "1000:0", "65534", "1"] {
            assert_eq!(is_root_user(other), Some(false), "{other}");
        }
        assert_eq!(is_root_user("app"), None);
        assert_eq!(is_root_user("toor:0"), None);
    }

    #[test]
    fn times_that_are_none() {
        assert_eq!(seen_time(Ok(Some("0001-01-01T00:00:00Z"))), Observed::Absent);
        assert_eq!(seen_time(Ok(Some("2024-01-02T03:04:05.123456789Z"))), Observed::Known(Value::Time(1_704_164_645)));
        assert_eq!(seen_time(Ok(Some("2024-01-02T03:04:05.1+02:00"))), Observed::Known(Value::Time(1_704_157_445)));
        assert!(matches!(seen_time(Ok(Some("soon"))), Observed::Unknown(_)));
    }
}

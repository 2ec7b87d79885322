//! The stanzas of OpenBao's configuration, which HCL writes as blocks and JSON as objects of objects. Names are compared
//! without their case, as its decoder does.

use crate::format::node::{Kind, LABELS, Node, Place};
use crate::format::reference::references;
use crate::value::types::{Dialect, Type, word};
use crate::value::vocabulary::TLS_VERSION;
use crate::value::{List, Observed, Reason, Value};

/// A stanza: `listener "tcp" { … }`.
#[derive(Debug)]
pub(super) struct Stanza<'n> {
    /// Its type, and a name where it has one.
    pub(super) labels: Vec<String>,
    pub(super) place: &'n Place,
    body: &'n [(String, Node)],
}

/// The stanzas by a name. An `Err` stands for some that cannot be told.
pub(super) fn stanzas<'n>(body: &'n [(String, Node)], name: &str, labels: usize) -> Vec<Result<Stanza<'n>, Reason>> {
    let mut found = Vec::new();
    for (_, node) in body.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
        collect(node, Vec::new(), labels, &mut found);
    }
    found
}

fn collect<'n>(node: &'n Node, mut known: Vec<String>, wanted: usize, found: &mut Vec<Result<Stanza<'n>, Reason>>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect(item, known.clone(), wanted, found)),
        Kind::Map(body) => {
            known.extend(own_labels(body));
            if known.is_empty() {
                known.extend(typed(body));
            }
            if known.len() >= wanted || (wanted > 1 && known.len() + 1 == wanted && typed(body).is_some()) {
                found.push(Ok(Stanza { labels: known, place: &node.place, body }));
                return;
            }
            for (name, value) in body.iter().filter(|(name, _)| name != LABELS) {
                let labels = known.iter().chain([name]).cloned().collect();
                collect(value, labels, wanted, found);
            }
        }
        Kind::Unclear(why) => found.push(Err(Reason::new(format!("{}: {why}", node.place)))),
        Kind::Null => {}
        Kind::Text { .. } | Kind::Encrypted => {
            found.push(Err(Reason::new(format!("{}: this is no stanza", node.place))));
        }
    }
}

fn own_labels(body: &[(String, Node)]) -> Vec<String> {
    let labels = body.iter().find(|(name, _)| name == LABELS).map(|(_, node)| &node.kind);
    let Some(Kind::List(items)) = labels else { return Vec::new() };
    let text = |item: &Node| match &item.kind {
        Kind::Text { text, .. } => Some(text.clone()),
        _ => None,
    };
    items.iter().filter_map(text).collect()
}

/// `{ "type": "tcp", … }` in place of `{ "tcp": { … } }`.
fn typed(body: &[(String, Node)]) -> Option<String> {
    body.iter().find_map(|(name, node)| match &node.kind {
        Kind::Text { text, .. } if name.eq_ignore_ascii_case("type") => Some(text.clone()),
        _ => None,
    })
}

impl<'n> Stanza<'n> {
    /// The file itself.
    pub(super) fn whole(root: &'n Node) -> Option<Self> {
        match &root.kind {
            Kind::Map(body) => Some(Stanza { labels: Vec::new(), place: &root.place, body }),
            _ => None,
        }
    }

    /// Its type in lower case; empty where it has none.
    pub(super) fn kind(&self) -> String {
        self.labels.first().map(|label| label.to_lowercase()).unwrap_or_default()
    }

    pub(super) fn stanzas(&self, name: &str, labels: usize) -> Vec<Result<Stanza<'n>, Reason>> {
        stanzas(self.body, name, labels)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.body.iter().any(|(known, node)| known.eq_ignore_ascii_case(name) && node.kind != Kind::Null)
    }

    /// A single value; `None` when it is not set or empty, which is the same to OpenBao.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'n str>, Reason> {
        let mut found: Option<&'n str> = None;
        for (_, node) in self.body.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
            let unclear = |why: &str| Reason::new(format!("{}: {name}: {why}", node.place));
            match &node.kind {
                Kind::Null => {}
                Kind::Text { text, .. } => {
                    if let Some(of) = references(text).first() {
                        return Err(unclear(&format!(
                            "it refers to `{of}`, which only the program's surroundings tell"
                        )));
                    }
                    if found.is_some_and(|known| known != text) {
                        return Err(unclear("it is set to more than one value"));
                    }
                    found = Some(text);
                }
                Kind::Unclear(why) => return Err(unclear(why)),
                Kind::Encrypted | Kind::List(_) | Kind::Map(_) => return Err(unclear("it is no single value")),
            }
        }
        Ok(found.filter(|text| !text.is_empty()))
    }

    /// A truth value: a number is true unless it is 0, a text is read as Go reads it.
    pub(super) fn bool(&self, name: &str, default: bool) -> Observed {
        match self.text(name) {
            Err(why) => Observed::Unknown(why),
            Ok(None) => default.into(),
            Ok(Some(text)) => {
                match Dialect::Go.read(text).or_else(|| text.parse::<f64>().ok().map(|number| number != 0.0)) {
                    Some(value) => value.into(),
                    None => Observed::Known(Value::Invalid(text.into())),
                }
            }
        }
    }

    /// A text, or what counts without it.
    pub(super) fn text_or(&self, name: &str, default: Option<&str>) -> Observed {
        match self.text(name) {
            Err(why) => Observed::Unknown(why),
            Ok(text) => Observed::from_option(text.or(default)),
        }
    }

    pub(super) fn url(&self, name: &str) -> Observed {
        match self.text(name) {
            Err(why) => Observed::Unknown(why),
            Ok(text) => Observed::from_option(text.map(url)),
        }
    }

    /// `tls12` as the word that other programs have for it.
    pub(super) fn tls_version(&self, name: &str, default: &str) -> Observed {
        let text = match self.text(name) {
            Err(why) => return Observed::Unknown(why),
            Ok(text) => text.unwrap_or(default),
        };
        Observed::Known(match text {
            "tls10" => word(&TLS_VERSION, "TLSv1"),
            "tls11" => word(&TLS_VERSION, "TLSv1.1"),
            "tls12" => word(&TLS_VERSION, "TLSv1.2"),
            "tls13" => word(&TLS_VERSION, "TLSv1.3"),
            other => Value::Invalid(other.into()),
        })
    }

    /// The texts of a list, or of a text with commas.
    pub(super) fn list(&self, name: &str) -> List {
        let mut list = List::default();
        for (_, node) in self.body.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
            let items = match &node.kind {
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            };
            for item in items {
                match &item.kind {
                    Kind::Text { text, .. } if references(text).is_empty() => {
                        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                        list.items.extend(parts.map(Observed::from));
                    }
                    Kind::Null => {}
                    _ => list.items.push(Observed::unknown("it is computed, which harden does not do")),
                }
            }
        }
        list
    }
}

/// A URL without a password.
pub(super) fn url(text: &str) -> Value {
    Value::from(crate::value::types::redact_userinfo(text).as_str())
}

/// The type that [`url`] makes.
pub(super) static URL: Type = Type::Url;

//! The fields that say what a key is set to, for every resource that looks into files.

use crate::format::lookup::{self, Format, Raw};
use crate::format::node::{Kind, Node};
use crate::format::reference::references;
use crate::resource::sensitive;
use crate::value::secret::Salt;
use crate::value::{List, Observed, Record, Type, Value};

/// The fields that [`Reading::set`] sets.
const FIELDS: [&str; 6] = ["value", "values", "origin", "keys", "encrypted", "unresolved"];

/// How values are read.
pub(in crate::resource) struct Reading<'s> {
    pub format: Format,
    pub ty: Type,
    /// Whether `${NAME}` stands for itself.
    pub literal: bool,
    pub salt: &'s Salt,
}

/// Says that nothing sets the key.
pub(in crate::resource) fn set_absent(fields: &mut Record) {
    for name in FIELDS {
        fields.set(name, Observed::Absent);
    }
}

impl Reading<'_> {
    /// Says what `key` is set to: by `node`, the value that counts, among `all` that the key has.
    pub(in crate::resource) fn set(&self, fields: &mut Record, key: &str, node: &Node, all: &[Node]) {
        fields.set("value", self.value(key, node));
        fields.set("values", self.values(key, all));
        fields.set("origin", node.place.to_string());
        fields.set("encrypted", is_encrypted(node));
        fields.set("unresolved", self.unresolved(node));
        let names = node.names();
        let is_branch = matches!(node.kind, Kind::Map(_)) || !names.is_empty();
        fields.set("keys", if is_branch { Observed::Known(names.into_iter().collect()) } else { Observed::Absent });
    }

    /// The value as the rule's type.
    pub(in crate::resource) fn value(&self, key: &str, node: &Node) -> Observed {
        let name = key.replace('.', "_");
        match lookup::raw(node, (self.format, self.ty), self.literal) {
            None => Observed::Absent,
            Some(Err(why)) => Observed::unknown(why),
            Some(Ok(Raw::Text(text))) => sensitive::read(&name, &text, self.ty, self.salt),
            Some(Ok(Raw::List(items))) => sensitive::read_list(&name, &items, self.ty, self.salt),
        }
    }

    /// Every value as text.
    fn values(&self, key: &str, nodes: &[Node]) -> Value {
        let name = key.replace('.', "_");
        let items = nodes.iter().flat_map(|node| match &node.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![node],
        });
        let items = items.filter_map(|node| match &node.kind {
            Kind::Text { text, .. } => Some(sensitive::read(&name, text, Type::Text, self.salt)),
            Kind::Unclear(why) => Some(Observed::unknown(why)),
            Kind::Encrypted => Some(Observed::unknown("it is encrypted in the file")),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        });
        Value::List(List { items: items.collect(), more: None })
    }

    fn references(&self, text: &str) -> Vec<String> {
        if self.literal { Vec::new() } else { references(text) }
    }

    fn unresolved(&self, node: &Node) -> Observed {
        match &node.kind {
            Kind::Text { text, .. } => Observed::Known(self.references(text).into_iter().collect()),
            Kind::List(items) => {
                let names = items.iter().flat_map(|item| match &item.kind {
                    Kind::Text { text, .. } => self.references(text),
                    _ => Vec::new(),
                });
                Observed::Known(names.collect())
            }
            Kind::Unclear(why) => Observed::unknown(why),
            Kind::Null | Kind::Encrypted | Kind::Map(_) => Observed::Known(Value::List(List::default())),
        }
    }
}

/// SOPS keeps values as `ENC[AES256_GCM,…]`.
fn is_encrypted(node: &Node) -> Observed {
    match &node.kind {
        Kind::Encrypted => true.into(),
        Kind::Text { text, .. } => text.starts_with("ENC[").into(),
        Kind::Unclear(why) => Observed::unknown(why),
        Kind::Null | Kind::List(_) | Kind::Map(_) => false.into(),
    }
}

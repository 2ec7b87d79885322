//! The one table of a document: the same name is the same other name wherever it stands.

use std::collections::BTreeMap;

/// What a name is the name of, as far as the field tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Volume,
    Network,
    Host,
    Target,
    User,
    Group,
    Role,
    Database,
    /// Of anything else.
    Name,
}

impl Kind {
    pub(super) const ALL: [Kind; 10] = [
        Kind::Container,
        Kind::Volume,
        Kind::Network,
        Kind::Host,
        Kind::Target,
        Kind::User,
        Kind::Group,
        Kind::Role,
        Kind::Database,
        Kind::Name,
    ];

    /// What replacements begin with; a number follows.
    pub(super) fn stem(self) -> &'static str {
        match self {
            Kind::Container => "container",
            Kind::Volume => "volume",
            Kind::Network => "network",
            Kind::Host => "host",
            Kind::Target => "target",
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Role => "role",
            Kind::Database => "database",
            Kind::Name => "name",
        }
    }
}

/// What each name was replaced by.
#[derive(Debug, Default)]
pub(super) struct Names {
    replaced: BTreeMap<Box<str>, (Kind, Box<str>)>,
    /// How many there are of each kind.
    counts: BTreeMap<Kind, usize>,
}

impl Names {
    /// What the name was replaced by, if it was.
    pub(super) fn get(&self, original: &str) -> Option<&str> {
        self.replaced.get(original).map(|(_, replaced)| &**replaced)
    }

    /// The same, if it was met where a name stands, and not only as a word of a text.
    pub(super) fn get_name(&self, original: &str) -> Option<&str> {
        self.replaced.get(original).filter(|(kind, _)| *kind != Kind::Name).map(|(_, replaced)| &**replaced)
    }

    /// What the name is replaced by; `kind` counts where it is met for the first time.
    pub(super) fn replace(&mut self, original: &str, kind: Kind) -> String {
        if let Some(known) = self.get(original) {
            return known.to_owned();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let stem = kind.stem();
        let replaced = match kind {
            // RFC 2606 keeps this domain free for examples.
            Kind::Host if original.contains('.') => format!("{stem}-{count}.example"),
            // A part of a variable's name stays one.
            Kind::Name if is_shouted(original) => format!("{}_{count}", stem.to_ascii_uppercase()),
            _ => format!("{stem}-{count}"),
        };
        self.replaced.insert(original.into(), (kind, replaced.as_str().into()));
        replaced
    }
}

fn is_shouted(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_always_the_same_other_one() {
        let mut names = Names::default();
        assert_eq!(names.replace("acme", Kind::Role), "role-1");
        assert_eq!(names.replace("zeta", Kind::Role), "role-2");
        assert_eq!(names.replace("acme", Kind::Database), "role-1");
        assert_eq!(names.replace("db.acme.com", Kind::Host), "host-1.example");
        assert_eq!(names.replace("ACME", Kind::Name), "NAME_1");
        assert_eq!(names.get("acme"), Some("role-1"));
        assert_eq!(names.get("other"), None);
        assert_eq!((names.get_name("acme"), names.get_name("ACME")), (Some("role-1"), None));
    }
}

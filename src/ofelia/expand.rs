//! `${NAME}` and `${NAME:-default}` in INI files, which the daemon replaces by its own variables. A name that is not set,
//! or set to nothing, stays as it is written unless it has a default; `$NAME` without braces stands for itself.

use secrecy::ExposeSecret as _;

use crate::target::Environment;
use crate::value::Reason;

/// A value after its references were replaced. It may be a secret: nothing prints it.
#[derive(Clone)]
pub struct Expanded {
    /// The value, or why it cannot be told.
    pub text: Result<String, Reason>,
    /// Names that nothing sets, so that `${NAME}` itself is the value.
    pub undefined: Vec<String>,
    /// Names that it refers to.
    pub references: Vec<String>,
    /// Whether a part of it stands in the file: letters outside of references, or a default that is not empty.
    pub literal: bool,
}

/// Replaces the references in a value.
pub fn expand(text: &str, environment: &Environment) -> Expanded {
    let mut expanded =
        Expanded { text: Ok(String::new()), undefined: Vec::new(), references: Vec::new(), literal: false };
    let mut rest = text;
    while let Some((before, reference, after)) = next(rest) {
        expanded.push(before, true);
        expanded.refer(&reference, environment);
        rest = after;
    }
    expanded.push(rest, true);
    expanded
}

impl Expanded {
    fn push(&mut self, part: &str, literal: bool) {
        self.literal |= literal && !part.is_empty();
        if let Ok(text) = &mut self.text {
            text.push_str(part);
        }
    }

    fn refer(&mut self, reference: &Reference<'_>, environment: &Environment) {
        self.references.push(reference.name.to_owned());
        self.literal |= reference.default.is_some_and(|default| !default.is_empty());
        let set = match environment.variable(reference.name) {
            Ok(None) => None,
            Ok(Some(variable)) => match &variable.value {
                Ok(value) => Some(value.expose_secret()).filter(|value| !value.is_empty()),
                Err(reason) => return self.text = Err(reason.clone()),
            },
            Err(reason) => return self.text = Err(reason.clone()),
        };
        match (set, reference.default) {
            (Some(value), _) => self.push(value, false),
            (None, Some(default)) => self.push(default, false),
            (None, None) => {
                self.undefined.push(reference.name.to_owned());
                self.push(reference.whole, false);
            }
        }
    }
}

struct Reference<'t> {
    name: &'t str,
    default: Option<&'t str>,
    whole: &'t str,
}

/// The text before the next reference, the reference, and the text after it.
fn next(text: &str) -> Option<(&str, Reference<'_>, &str)> {
    for (at, _) in text.match_indices("${") {
        let (inside, after) = text.get(at + 2..)?.split_once('}')?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        if let (true, Some(before), Some(whole)) = (is_name, text.get(..at), text.get(at..at + inside.len() + 3)) {
            return Some((before, Reference { name, default, whole }, after));
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::facts::Basis;
    use crate::target::{Unseen, Variable};
    use proptest::prelude::*;
    use secrecy::SecretString;

    /// An environment with these variables, and perhaps others that nobody sees.
    pub(crate) fn environment(variables: &[(&str, &str)], unseen: bool) -> Environment {
        let variable = |(name, value): &(&str, &str)| Variable {
            name: (*name).into(),
            value: Ok(SecretString::from(*value)),
            origin: None,
        };
        let unseen = unseen.then(|| Unseen { name: None, reason: Reason::new("not seen") });
        Environment {
            owner: "container ofelia".into(),
            origin: "container ofelia".into(),
            basis: Basis::Declared,
            variables: Ok(variables.iter().map(variable).collect()),
            unseen: unseen.into_iter().collect(),
        }
    }

    #[test]
    fn references_are_replaced_as_the_daemon_does() {
        let environment = environment(&[("A", "x"), ("EMPTY", "")], false);
        let text = |text: &str| expand(text, &environment).text.unwrap();
        assert_eq!(text("${A}-${A:-y}"), "x-x");
        assert_eq!(text("${B:-y}${EMPTY:-z}"), "yz");
        assert_eq!(text("${B} $A ${1} ${A"), "${B} $A ${1} ${A");
        assert_eq!(text("$2a$12$abc"), "$2a$12$abc");
        assert_eq!(expand("${B}${EMPTY}", &environment).undefined, ["B", "EMPTY"]);
        assert!(!expand("${B:-}", &environment).literal && !expand("${A}${A}", &environment).literal);
        assert!(expand("${B:-hunter2}", &environment).literal && expand("x${A}", &environment).literal);
    }

    #[test]
    fn what_nobody_sees_is_unknown() {
        let environment = environment(&[("A", "x")], true);
        assert!(expand("${A}", &environment).text.is_ok());
        assert!(expand("a${B:-c}", &environment).text.is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[${}:\\-A1é_]{0,40}") {
            expand(&text, &environment(&[("A", "x")], false));
        }
    }
}

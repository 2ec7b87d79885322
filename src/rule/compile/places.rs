//! Which part of a rule a key belongs to, for an author who wrote it in another one.

use super::checks::{CHECK_KEYS, EACH_KEYS};
use super::manual::MANUAL_KEYS;
use super::rules::RULE_KEYS;

/// A part of a rule in which a key can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Rule,
    Check,
    Each,
    /// The fields under `where`, `expect`, `require` or `forbid`.
    Fields,
    /// Under `with`.
    Parameters,
    /// What a person is asked.
    Manual,
    /// What a statement is bound to.
    Scope,
}

/// Says of a key that the part does not know where it belongs, if it does anywhere.
pub(super) fn elsewhere(part: Part) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let is = |keys: &[&str]| keys.contains(&name);
        let place = match part {
            Part::Rule if is(&CHECK_KEYS) => "under `check:`",
            Part::Rule if is(&MANUAL_KEYS) => "under `manual:`",
            Part::Check | Part::Each if is(&["with", "where"]) => return None,
            Part::Check if is(&EACH_KEYS) => "under `each:`",
            Part::Check if is(&RULE_KEYS) => "at the top of the rule",
            Part::Each if is(&CHECK_KEYS) => "in the check, beside `each:`",
            Part::Fields if is(&CHECK_KEYS) => "in the check, beside `expect:`",
            Part::Parameters if is(&CHECK_KEYS) => "in the check, beside `with:`",
            Part::Manual if is(&["resource", "with", "each", "where", "pick"]) => "under `scope:`",
            Part::Manual | Part::Scope if is(&CHECK_KEYS) => "under `check:` of a rule that is judged by looking",
            Part::Manual | Part::Scope if is(&RULE_KEYS) => "at the top of the rule",
            Part::Rule | Part::Check | Part::Each | Part::Fields | Part::Parameters | Part::Manual | Part::Scope => {
                return None;
            }
        };
        Some(format!("`{name}:` belongs {place}"))
    }
}

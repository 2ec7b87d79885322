//! Inputs: the typed parameters of rules, and the values given to them.

use std::collections::BTreeMap;

use crate::value::Type;

/// A parameter that a rule declares.
#[derive(Debug, Clone)]
pub struct Input {
    pub name: String,
    pub ty: Type,
    pub about: String,
    /// Absent for an input that somebody must set.
    pub default: Option<InputValue>,
    /// Stands in for a required input where the rule is only checked or tested.
    pub example: Option<InputValue>,
    /// What it is set to: what was given, else the default.
    pub value: Option<InputValue>,
}

/// What an input is set to, as text; its type is checked where the rule is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputValue {
    One(String),
    Many(Vec<String>),
}

impl InputValue {
    /// Whether the value is one of type `ty`; the error says what is expected.
    pub fn check(&self, ty: Type) -> Result<(), String> {
        match (self, ty) {
            (InputValue::Many(items), Type::List(item)) => items.iter().try_for_each(|text| item.parse(text).map(drop)),
            (InputValue::One(text), Type::List(item)) => {
                text.split(',').try_for_each(|part| item.parse(part.trim()).map(drop))
            }
            (InputValue::One(text), ty) => ty.parse(text).map(drop),
            (InputValue::Many(_), ty) => Err(format!("a single {}", ty.name())),
        }
    }

    /// The items of a list, however it was written.
    pub fn items(&self) -> Vec<String> {
        match self {
            InputValue::Many(items) => items.clone(),
            InputValue::One(text) => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
        }
    }
}

/// Values by input name, from a profile, the configuration file or the command line.
pub type Inputs = BTreeMap<String, InputValue>;

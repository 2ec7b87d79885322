//! What is known, and what could not be found out. A small type of its own, so that "the file is not there" and "the
//! file could not be looked at" can never be mixed up.

use serde::Serialize;

/// A value, or the reason why nobody can tell. Serialises as the value itself, or as `{"unknown": reason}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fact<T> {
    /// Found out.
    Known(T),
    /// Not found out; `unknown` is the reason, a lowercase fragment.
    Unknown {
        /// The reason.
        unknown: String,
    },
}

impl<T> Fact<T> {
    /// An unknown with its reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { unknown: reason.into() }
    }

    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// The reason, if unknown.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { unknown } => Some(unknown),
        }
    }
}

//! What reading a field of a certificate or key came to.
//!
//! Apart from `Option` and `Result`, because "not there" and "could not be told" must never be merged.

/// A value that was read, is known not to be there, or could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// The value was read and understood.
    Known(T),
    /// The document is understood and does not hold the value.
    Absent,
    /// The value could not be told; the text says why, as a lowercase fragment.
    Unknown(String),
}

impl<T> Seen<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// The reason, when the value is unknown.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Unknown(reason) => Some(reason),
            Self::Absent | Self::Known(_) => None,
        }
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known(value) => Seen::Known(f(value)),
            Self::Absent => Seen::Absent,
            Self::Unknown(reason) => Seen::Unknown(reason),
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(reason.into())
    }
}

//! Kleene's strong three-valued logic.

/// The answer of a matcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    /// False if any is false, else unknown if any is unknown, else true. Stops at the first false.
    pub fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
        let mut all = Truth::True;
        for truth in truths {
            match truth {
                Truth::False => return Truth::False,
                Truth::Unknown => all = Truth::Unknown,
                Truth::True => {}
            }
        }
        all
    }

    /// True if any is true, else unknown if any is unknown, else false. Stops at the first true.
    pub fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
        !Truth::all(truths.into_iter().map(|truth| !truth))
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, False, True, Unknown};

    #[test]
    fn kleenes_tables() {
        let and = [
            (True, True, True),
            (True, False, False),
            (True, Unknown, Unknown),
            (False, True, False),
            (False, False, False),
            (False, Unknown, False),
            (Unknown, True, Unknown),
            (Unknown, False, False),
            (Unknown, Unknown, Unknown),
        ];
        for (a, b, expected) in and {
            assert_eq!(Truth::all([a, b]), expected, "{a:?} and {b:?}");
            assert_eq!(Truth::any([!a, !b]), !expected, "de Morgan of {a:?}, {b:?}");
        }
        assert_eq!(!Unknown, Unknown);
        assert_eq!((Truth::all([]), Truth::any([])), (True, False));
    }
}

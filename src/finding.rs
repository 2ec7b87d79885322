//! One rule on one subject: what it says, and on what evidence.

use std::borrow::Cow;

use crate::facts::{Basis, Subject};
use crate::rule::Rule;
use crate::value::{Observed, Reason};

/// The whole truth of a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Seen, and as expected.
    Pass,
    /// Seen, and not as expected.
    Fail,
    /// Not seen well enough to say.
    Unknown(Reason),
    /// There is nothing here that the rule is about.
    NotApplicable(Box<str>),
}

impl Status {
    /// How much it weighs where several findings are taken together: fail, unknown, pass, not applicable.
    pub fn weight(&self) -> u8 {
        match self {
            Status::NotApplicable(_) => 0,
            Status::Pass => 1,
            Status::Unknown(_) => 2,
            Status::Fail => 3,
        }
    }
}

/// A finding, borrowing from the rule and the facts it was made of.
#[derive(Debug, Clone)]
pub struct Finding<'f> {
    pub rule: &'f Rule,
    pub target: Cow<'f, str>,
    pub subject: Cow<'f, str>,
    pub status: Status,
    pub basis: Option<Basis>,
    pub evidence: Vec<Evidence<'f>>,
    /// The subject as observed, where the finding is about one.
    pub observed: Option<&'f Subject>,
    /// What a person can attest here, where nothing but that settles the finding.
    pub statement: Option<Statement>,
}

/// What a person is asked to attest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The value that the statement is bound to; none where there is one for everything.
    pub scope: Option<Box<str>>,
}

/// What was expected of a field and what was seen.
#[derive(Debug, Clone)]
pub struct Evidence<'f> {
    pub field: &'f str,
    pub expected: &'f str,
    pub observed: Seen<'f>,
    /// Where the subject was seen, and where in it the field is kept.
    pub origin: (&'f str, &'f str),
}

/// What evidence shows as observed.
#[derive(Debug, Clone)]
pub enum Seen<'f> {
    Field(&'f Observed),
    Text(&'f str),
}

impl std::fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Seen::Field(observed) => observed.fmt(f),
            Seen::Text(text) => f.write_str(text),
        }
    }
}

impl Evidence<'_> {
    pub fn origin(&self) -> String {
        let (place, source) = self.origin;
        if source.is_empty() { place.to_owned() } else { format!("{place} {source}") }
    }
}

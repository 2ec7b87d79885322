//! Statements that no machine can make: what a person attests, for how long, bound to what, and which rules contradict it.

use std::ops::Range;

use super::Selection;
use super::case::Answer;
use crate::value::duration;

/// The longest that a statement about an event may be taken for true without the event: whether it has happened is what
/// nobody here can see.
pub const EVENT_MOST: i64 = 365 * 86_400;

/// What a rule asks of a person, in place of a check.
#[derive(Debug)]
pub struct Manual {
    /// Who attests: a role, not a name.
    pub who: String,
    pub term: Term,
    /// What is recorded with the statement.
    pub evidence: String,
    /// Rules of which a fail contradicts the statement.
    pub contradicted_by: Vec<Contradiction>,
    /// What each statement is bound to; none where there is one statement for everything.
    pub scope: Option<Scope>,
    pub cases: Vec<StatementCase>,
}

/// How long a statement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Seconds from when it was made.
    For(i64),
    /// Until this happens next, and no longer than [`EVENT_MOST`].
    UntilEvent(String),
}

/// A rule of which a fail contradicts a statement, and where the rule's file names it.
#[derive(Debug, Clone)]
pub struct Contradiction {
    pub rule: String,
    pub(crate) span: Range<usize>,
}

/// What a statement is bound to: it holds for the value that it was made for, and for no other.
#[derive(Debug)]
pub struct Scope {
    pub from: Selection,
    /// Index of the field whose values are the subjects.
    pub pick: usize,
}

/// What is said of a statement, taken over all that it is bound to: the last of these that is said of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    NotApplicable,
    Attested,
    Unknown,
    Missing,
    Expired,
    Contradicted,
}

/// A case of a rule that a person attests, judged at the instant of all cases.
#[derive(Debug, Clone)]
pub struct StatementCase {
    pub expected: Said,
    /// The attestation that there is.
    pub given: Option<Given>,
    /// Rules that fail in the same run.
    pub fails: Vec<String>,
    pub answers: Vec<Answer>,
    pub span: Range<usize>,
}

/// An attestation as a case gives it; times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub on: i64,
    /// As far as the term goes where it does not say.
    pub until: Option<i64>,
    pub scope: Option<String>,
}

impl Term {
    /// The most that it allows, in seconds.
    pub fn most(&self) -> i64 {
        match self {
            Term::For(seconds) => *seconds,
            Term::UntilEvent(_) => EVENT_MOST,
        }
    }

    /// In words: `90d`; `until the next incident, 365d at most`.
    pub fn show(&self) -> String {
        match self {
            Term::For(seconds) => duration::show(*seconds),
            Term::UntilEvent(event) => format!("until the next {event}, {} at most", duration::show(EVENT_MOST)),
        }
    }
}

impl Manual {
    /// The name of the field that a statement is bound to.
    pub fn bound_to(&self) -> Option<&'static str> {
        let scope = self.scope.as_ref()?;
        scope.from.resource.fields.get(scope.pick).map(|field| field.name)
    }
}

impl Said {
    pub const ALL: [(&'static str, Said); 6] = [
        ("attested", Said::Attested),
        ("expired", Said::Expired),
        ("missing", Said::Missing),
        ("contradicted", Said::Contradicted),
        ("unknown", Said::Unknown),
        ("not-applicable", Said::NotApplicable),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Said::NotApplicable => "not-applicable",
            Said::Attested => "attested",
            Said::Unknown => "unknown",
            Said::Missing => "missing",
            Said::Expired => "expired",
            Said::Contradicted => "contradicted",
        }
    }
}

//! What proving one rule may take: somebody else may have written it, and its cases.

use std::cell::Cell;

use crate::rule::case::Case;
use crate::value::{List, Observed, Value};
use crate::yaml::Node;

/// Values of all variations, which are kept; each takes some hundred bytes. The most that a built-in rule takes is 1.2
/// million.
const KEPT: usize = 3_000_000;
/// Values that are looked at, every time that a case is judged counted. The most that a built-in rule takes is 0.7 million.
const JUDGED: usize = 30_000_000;
/// What compiling a value of a rule costs, in values that are looked at.
const COMPILED: usize = 10;

/// What has been spent.
#[derive(Debug, Default)]
pub(super) struct Effort {
    kept: Cell<usize>,
    judged: Cell<usize>,
}

impl Effort {
    /// Charges a variation of a case, and another one beside it; false when there is no more room.
    pub(super) fn keep(&self, case: &Case) -> bool {
        spend(&self.kept, 2 * size(case), KEPT)
    }

    /// Charges that a case is judged; false when enough was.
    pub(super) fn judge(&self, case: &Case) -> bool {
        spend(&self.judged, size(case), JUDGED)
    }

    /// Charges that a mutant is compiled; false when enough was done.
    pub(super) fn compile(&self, root: &Node) -> bool {
        spend(&self.judged, COMPILED * root.size(), JUDGED) && !self.is_exceeded()
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.kept.get() > KEPT || self.judged.get() > JUDGED
    }
}

fn spend(spent: &Cell<usize>, amount: usize, limit: usize) -> bool {
    spent.set(spent.get().saturating_add(amount));
    spent.get() <= limit
}

/// The values that a case holds.
fn size(case: &Case) -> usize {
    let subjects = case.answers.iter().flat_map(|answer| &answer.listing.subjects);
    1 + subjects.flat_map(|subject| &subject.fields.fields).map(values).sum::<usize>()
}

fn values(observed: &Observed) -> usize {
    1 + match observed {
        Observed::Known(Value::List(List { items, .. })) => items.iter().map(values).sum(),
        Observed::Known(Value::Map(entries)) => entries.values().map(values).sum(),
        Observed::Known(Value::Record(record)) => record.fields.iter().map(values).sum(),
        Observed::Known(_) | Observed::Absent | Observed::Unknown(_) => 0,
    }
}

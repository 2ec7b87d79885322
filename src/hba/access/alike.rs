//! Which names the file treats alike: those that the very same entries mention, with the same
//! groups and expressions. One of them stands for all.

use std::cell::RefCell;
use std::collections::HashMap;

use super::names::NameId;

/// The field a name stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Database,
    Role,
}

/// All that an entry can see of a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind {
    /// Entries that name it, ascending.
    pub(super) mentions: Vec<u32>,
    /// Mentioned groups that it is a member of.
    pub(super) groups: Vec<NameId>,
    /// Expressions that it matches, and whether certainly.
    pub(super) patterns: Vec<(u32, bool)>,
    pub(super) superuser: bool,
}

impl Kind {
    /// How much can be about it.
    pub(super) fn weight(&self) -> usize {
        self.mentions.len() + self.groups.len() + self.patterns.len()
    }
}

/// Mentions by name, and numbers for kinds.
#[derive(Debug, Default)]
pub(super) struct Alike {
    mentions: HashMap<(Side, NameId), Vec<u32>>,
    numbers: RefCell<HashMap<(Side, NameId), u32>>,
    kinds: RefCell<HashMap<Kind, u32>>,
}

impl Alike {
    /// Notes that an entry names it; entries come in ascending order.
    pub(super) fn mention(&mut self, side: Side, name: NameId, entry: u32) {
        let list = self.mentions.entry((side, name)).or_default();
        if list.last() != Some(&entry) {
            list.push(entry);
        }
    }

    pub(super) fn mentions(&self, side: Side, name: NameId) -> Vec<u32> {
        self.mentions.get(&(side, name)).cloned().unwrap_or_default()
    }

    /// Equal for names of one kind.
    pub(super) fn number(&self, side: Side, name: NameId, kind: impl FnOnce() -> Kind) -> u32 {
        if let Some(number) = self.numbers.borrow().get(&(side, name)) {
            return *number;
        }
        let mut kinds = self.kinds.borrow_mut();
        let next = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
        let number = *kinds.entry(kind()).or_insert(next);
        self.numbers.borrow_mut().insert((side, name), number);
        number
    }
}

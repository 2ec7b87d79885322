//! The blocks around a place, and which directive counts there: the one of the nearest block that has any. A directive
//! that can be repeated replaces all of those above, it is not added to them (nginx's `ngx_conf_merge_ptr_value`).

use std::collections::HashMap;
use std::rc::Rc;

use crate::format::nginx::{Block, Directive};
use crate::value::Reason;

/// A block with its directives by name.
#[derive(Debug)]
pub(super) struct Level<'t> {
    pub(super) block: &'t Block,
    named: HashMap<&'t str, Vec<&'t Directive>>,
    /// Why it may hold more.
    pub(super) unseen: Option<Reason>,
}

impl<'t> Level<'t> {
    pub(super) fn new(block: &'t Block) -> Rc<Self> {
        let mut named: HashMap<&str, Vec<&Directive>> = HashMap::new();
        for directive in &block.directives {
            named.entry(&directive.name).or_default().push(directive);
        }
        Rc::new(Level { block, named, unseen: block.unseen() })
    }

    pub(super) fn named(&self, name: &str) -> &[&'t Directive] {
        self.named.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What is set in a place.
#[derive(Debug, Clone)]
pub(super) enum Found<'t> {
    /// The directives of the nearest block that has any, and why that block may hold more of them.
    Set(Vec<&'t Directive>, Option<Reason>),
    /// No block around the place has one.
    Unset,
    /// A nearer block than any that has one could not be read as a whole.
    Unseen(Reason),
}

/// A place in the configuration: the blocks around it, the innermost last.
#[derive(Debug, Clone)]
pub(super) struct Scope<'t>(Vec<Rc<Level<'t>>>);

impl<'t> Scope<'t> {
    pub(super) fn new(level: Rc<Level<'t>>) -> Self {
        Scope(vec![level])
    }

    /// The place inside of this one.
    pub(super) fn inside(&self, block: &'t Block) -> Self {
        let mut levels = self.0.clone();
        levels.push(Level::new(block));
        Scope(levels)
    }

    /// The blocks, the innermost first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Rc<Level<'t>>> {
        self.0.iter().rev()
    }

    /// Only the innermost block: for directives that are not inherited.
    pub(super) fn own(&self) -> Self {
        Scope(self.0.last().cloned().into_iter().collect())
    }

    /// The place without its innermost block.
    pub(super) fn outside(&self) -> Self {
        let (_, outer) = self.0.split_last().map_or((None, [].as_slice()), |(last, outer)| (Some(last), outer));
        Scope(outer.to_vec())
    }

    /// The place without the outermost block.
    pub(super) fn below_main(&self) -> Self {
        Scope(self.0.iter().skip(1).cloned().collect())
    }

    /// What counts for the directives of these names, which exclude each other (`root` and `alias`).
    pub(super) fn nearest_of(&self, names: &[&str]) -> Found<'t> {
        for level in self.levels() {
            let found: Vec<_> = names.iter().flat_map(|name| level.named(name)).copied().collect();
            if !found.is_empty() {
                return Found::Set(found, level.unseen.clone());
            }
            if let Some(reason) = &level.unseen {
                return Found::Unseen(reason.clone());
            }
        }
        Found::Unset
    }

    pub(super) fn nearest(&self, name: &str) -> Found<'t> {
        self.nearest_of(&[name])
    }

    /// Why one of the blocks may hold more.
    pub(super) fn unseen(&self) -> Option<Reason> {
        self.levels().find_map(|level| level.unseen.clone())
    }
}

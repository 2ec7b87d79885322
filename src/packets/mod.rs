//! What a packet filter lets in: rule sets of nftables and iptables, decided as the kernel decides them, first match first.
//!
//! The question is always the same: which new connections of others reach this host, by protocol, port, source and
//! interface. A rule whose other conditions are understood (rates, flags, destinations) lets some packet through, or fails
//! to stop some; one that is not understood makes what it concerns doubtful. Nothing here opens a file.

pub mod iptables;
pub mod nftables;
pub mod region;
mod services;
mod walk;

pub use services::Services;
pub use walk::{Open, decide};

use region::Shape;

/// What a chain that is not left by a verdict does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Accept,
    Drop,
}

/// The addresses that a rule set is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
    Both,
}

impl Family {
    /// Whether a rule set of this family sees packets of `other`, which is one of the two.
    pub fn has(self, other: Family) -> bool {
        self == Family::Both || self == other
    }
}

/// Where a base chain hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Before it is known for whom a packet is: filters there stop what is for this host too.
    Before,
    Input,
    Forward,
    Output,
}

/// What a rule does with the packets that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Accept,
    /// Dropped or rejected.
    Drop,
    /// To another chain and back.
    Jump(String),
    /// To another chain for good.
    Goto(String),
    Return,
    /// Counted, logged, marked: it goes on.
    Next,
    /// Not understood.
    Unknown,
}

/// How well a rule's conditions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// The shape is all.
    Whole,
    /// More conditions, which some packet of a new connection meets and another does not.
    Some,
    /// More conditions that are not understood.
    Doubtful,
}

/// A rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The packets that it is about; empty when no new connection of others is among them.
    pub shape: Shape,
    pub sure: Sure,
    pub action: Action,
    pub line: usize,
}

/// A list of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub family: Family,
    /// Names of chains are looked up in their own table.
    pub table: String,
    /// `None` for a chain that is only jumped to.
    pub hook: Option<Hook>,
    pub policy: Policy,
    pub rules: Vec<Rule>,
}

/// Everything that a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSet {
    pub chains: Vec<Chain>,
    /// What could not be read, with its line, and may change what is open.
    pub troubles: Vec<(usize, String)>,
    /// Lines that lead packets elsewhere (`dnat`, `redirect`): which ports answer is then not these.
    pub translations: Vec<usize>,
}

impl RuleSet {
    /// What a hook does with packets of a family that no rule decides: the strictest chain there counts. `None` where no
    /// chain hangs, which lets everything through.
    pub fn policy(&self, hook: Hook, family: Family) -> Option<Policy> {
        let own = self.chains.iter().filter(|chain| chain.hook == Some(hook) && chain.family.has(family));
        own.map(Chain::effective_policy).reduce(|a, b| if a == Policy::Drop { a } else { b })
    }
}

impl Chain {
    /// Its policy, or what its first rule without conditions does.
    fn effective_policy(&self) -> Policy {
        let whole = self.rules.iter().filter(|rule| rule.sure == Sure::Whole && rule.shape == Shape::all());
        let mut decisions = whole.filter_map(|rule| match rule.action {
            Action::Accept => Some(Policy::Accept),
            Action::Drop => Some(Policy::Drop),
            _ => None,
        });
        decisions.next().unwrap_or(self.policy)
    }
}

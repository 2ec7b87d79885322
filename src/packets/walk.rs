//! First match: which packets a rule set accepts.

use super::region::{Packets, Region, TooMany};
use super::{Action, Chain, Family, Hook, Policy, RuleSet, Sure};

/// Chains that jump to each other; the kernel allows 16 for nftables.
const MAX_DEPTH: usize = 16;
/// Rules that are looked at, chains that are jumped to repeatedly counted each time.
const MAX_STEPS: usize = 20_000;

/// What others reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// Surely.
    pub certain: Vec<Packets>,
    /// Perhaps, as far as a rule that is not understood decides.
    pub doubtful: Vec<Packets>,
}

/// Why it could not be decided, in words.
type Failure = String;

/// The packets of new connections from others to this host that the rule set lets in. A packet has to pass every base chain
/// on its way.
pub fn decide(rules: &RuleSet, v4: bool) -> Result<Open, String> {
    let family = if v4 { Family::V4 } else { Family::V6 };
    let too_many = |TooMany| "its rules divide addresses and ports into too many parts".to_owned();
    let (mut certain, mut possible) = (Region::all(v4), Region::all(v4));
    for chain in rules.chains.iter().filter(|chain| matches!(chain.hook, Some(Hook::Input | Hook::Before))) {
        if !chain.family.has(family) {
            continue;
        }
        let mut walk = Walk {
            rules,
            v4,
            certain: Region::default(),
            doubtful: Region::default(),
            doubt: Region::default(),
            steps: 0,
        };
        let rest = walk.chain(chain, Region::all(v4), 0)?;
        if chain.policy == Policy::Accept {
            walk.accept(&rest).map_err(too_many)?;
        }
        let own = walk.certain.or(&walk.doubtful).map_err(too_many)?;
        certain = certain.and(&walk.certain).map_err(too_many)?;
        possible = possible.and(&own).map_err(too_many)?;
    }
    let doubtful = possible.without(&certain).map_err(too_many)?;
    Ok(Open { certain: certain.joined(), doubtful: doubtful.joined() })
}

struct Walk<'r> {
    rules: &'r RuleSet,
    v4: bool,
    certain: Region,
    doubtful: Region,
    /// What a rule that is not understood may have stopped before.
    doubt: Region,
    steps: usize,
}

impl<'r> Walk<'r> {
    fn accept(&mut self, packets: &Region) -> Result<(), TooMany> {
        self.certain = self.certain.or(&packets.without(&self.doubt)?)?;
        self.doubtful = self.doubtful.or(&packets.and(&self.doubt)?)?;
        Ok(())
    }

    /// What is left of the packets at the end of a chain; what it accepts is noted.
    fn chain(&mut self, chain: &Chain, mut packets: Region, depth: usize) -> Result<Region, Failure> {
        if depth > MAX_DEPTH {
            return Err(format!("chain {} is reached through more than {MAX_DEPTH} others", chain.name));
        }
        let too_many = |TooMany| "its rules divide addresses and ports into too many parts".to_owned();
        let mut returned = Region::default();
        for rule in &chain.rules {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(format!("more than {MAX_STEPS} rules to follow"));
            }
            let matched = packets.of_shape(&rule.shape, self.v4).map_err(too_many)?;
            if matched.is_empty() || rule.action == Action::Next {
                continue;
            }
            // A rule that is not understood: whatever it does, to all that it may match.
            if rule.sure == Sure::Doubtful || rule.action == Action::Unknown {
                if rule.action != Action::Drop {
                    self.doubtful = self.doubtful.or(&matched).map_err(too_many)?;
                }
                if rule.action != Action::Accept {
                    self.doubt = self.doubt.or(&matched).map_err(too_many)?;
                }
                continue;
            }
            let left = match &rule.action {
                Action::Accept => {
                    self.accept(&matched).map_err(too_many)?;
                    Region::default()
                }
                Action::Drop => Region::default(),
                Action::Return => {
                    returned = returned.or(&matched).map_err(too_many)?;
                    Region::default()
                }
                Action::Jump(name) | Action::Goto(name) => {
                    let next = self.find(chain, name)?;
                    let left = self.chain(next, matched.clone(), depth + 1)?;
                    match rule.action {
                        // What comes back from there meets the end of this chain.
                        Action::Goto(_) => {
                            returned = returned.or(&left).map_err(too_many)?;
                            Region::default()
                        }
                        _ => left,
                    }
                }
                Action::Next | Action::Unknown => matched.clone(),
            };
            if rule.sure == Sure::Whole {
                packets = packets.without(&matched).and_then(|rest| rest.or(&left)).map_err(too_many)?;
            }
        }
        packets.or(&returned).map_err(too_many)
    }

    fn find(&self, from: &Chain, name: &str) -> Result<&'r Chain, Failure> {
        let mut own = self.rules.chains.iter().filter(|chain| chain.table == from.table && chain.name == name);
        own.next().ok_or_else(|| format!("there is no chain {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::super::region::{ALL_V4, Protocol, Shape, networks};
    use super::*;

    fn rule(action: Action, sure: Sure, port: Option<u128>, source: Option<(u128, u128)>) -> Rule {
        let mut shape = Shape::all();
        if let Some(port) = port {
            shape.with_protocols(&[Protocol::Tcp], false);
            shape.with_ports(&[(port, port)], false);
        }
        if let Some(source) = source {
            shape.with_sources(&[source], &[], false);
        }
        Rule { shape, sure, action, line: 1 }
    }

    fn chain(name: &str, hook: Option<Hook>, policy: Policy, rules: Vec<Rule>) -> Chain {
        Chain { name: name.to_owned(), family: Family::Both, table: "t".to_owned(), hook, policy, rules }
    }

    fn shown(boxes: &[Packets]) -> Vec<String> {
        let show = |one: &Packets| {
            format!("{:?} {}-{} {}", one.protocol, one.ports.0, one.ports.1, networks(one.source, true).join(" "))
        };
        boxes.iter().map(show).collect()
    }

    fn open(chains: Vec<Chain>) -> (Vec<String>, Vec<String>) {
        let rules = RuleSet { chains, ..RuleSet::default() };
        let open = decide(&rules, true).unwrap();
        (shown(&open.certain), shown(&open.doubtful))
    }

    #[test]
    fn the_first_match_counts_and_the_policy_last() {
        let ten = (10 << 24, (11 << 24) - 1);
        let input = |policy, rules| chain("input", Some(Hook::Input), policy, rules);
        let (whole, some, doubtful) = (Sure::Whole, Sure::Some, Sure::Doubtful);
        let seen = open(vec![input(
            Policy::Drop,
            vec![
                rule(Action::Drop, whole, Some(22), Some(ten)),
                rule(Action::Accept, whole, Some(22), Some((9 << 24, (12 << 24) - 1))),
            ],
        )]);
        assert_eq!(seen.0, ["Tcp 22-22 9.0.0.0/8", "Tcp 22-22 11.0.0.0/8"]);
        // A rate lets some through, and stops not all.
        let seen = open(vec![input(
            Policy::Drop,
            vec![rule(Action::Drop, some, Some(22), None), rule(Action::Accept, some, Some(22), None)],
        )]);
        assert_eq!(seen, (vec!["Tcp 22-22 0.0.0.0/0".to_owned()], vec![]));
        // What is not understood decides nothing.
        let seen = open(vec![input(
            Policy::Drop,
            vec![
                rule(Action::Drop, doubtful, Some(22), None),
                rule(Action::Accept, whole, Some(22), None),
                rule(Action::Accept, doubtful, Some(80), None),
            ],
        )]);
        assert_eq!(seen, (vec![], vec!["Tcp 22-22 0.0.0.0/0".to_owned(), "Tcp 80-80 0.0.0.0/0".to_owned()]));
        assert_eq!(open(vec![]).0.len(), 2, "without a chain everything is open");
        assert_eq!(ALL_V4.0, 0);
    }

    #[test]
    fn chains_are_followed_and_all_of_a_hook_have_to_agree() {
        let jump = |name: &str| rule(Action::Jump(name.to_owned()), Sure::Whole, Some(22), None);
        let seen = open(vec![
            chain(
                "input",
                Some(Hook::Input),
                Policy::Drop,
                vec![jump("ssh"), rule(Action::Accept, Sure::Whole, Some(22), Some((0, 9)))],
            ),
            chain("ssh", None, Policy::Accept, vec![rule(Action::Return, Sure::Whole, None, Some((5, 5)))]),
        ]);
        assert_eq!(seen.0, ["Tcp 22-22 0.0.0.0/29 0.0.0.8/31"]);
        let two = |policy| {
            chain("first", Some(Hook::Before), policy, vec![rule(Action::Accept, Sure::Whole, Some(80), None)])
        };
        let second = chain("second", Some(Hook::Input), Policy::Accept, vec![]);
        assert_eq!(open(vec![two(Policy::Drop), second.clone()]).0, ["Tcp 80-80 0.0.0.0/0"]);
        let itself = chain("input", Some(Hook::Input), Policy::Accept, vec![jump("input")]);
        let rules = RuleSet { chains: vec![itself], ..RuleSet::default() };
        assert!(decide(&rules, true).is_err(), "a loop is not followed for ever");
        let nowhere = chain("input", Some(Hook::Input), Policy::Accept, vec![jump("nowhere")]);
        assert!(decide(&RuleSet { chains: vec![nowhere], ..RuleSet::default() }, true).is_err());
    }
}

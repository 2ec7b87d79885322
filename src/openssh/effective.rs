//! Which lines count for a connection.
//!
//! sshd reads its configuration once when it starts, without the `Match` blocks, and again for each connection, with
//! those blocks alone; what a block sets stands in place of what was set outside of blocks. ssh reads its files once.
//! In each of these passes the first line counts, apart from lists that lines add to and the few keywords whose last
//! line does.

use super::criteria::Connection;
use super::keyword::{Keyword, Kind};
use super::source::{Config, Side};
use super::version::Release;
use crate::truth::Truth;

/// Something that may set a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setter {
    /// A line, by its number in [`Config::lines`].
    Line(usize),
    /// A gap, by its number in [`Config::gaps`].
    Gap(usize),
}

/// What may set a keyword, in the order in which it is looked at.
#[derive(Debug, Clone)]
pub struct Chain {
    /// What is in blocks and comes before all else (sshd).
    pub blocks: Vec<Setter>,
    /// What is outside of blocks (sshd), or everything (ssh).
    pub rest: Vec<Setter>,
    adds: bool,
    /// ssh has keywords that count in blocks that do not apply, too.
    everywhere: bool,
    /// By the second reading ssh has a host name, which no line changes any more.
    once: bool,
}

/// What counts. Several when it could not be told which of them does.
pub type Possible = Vec<Vec<Setter>>;

impl Chain {
    /// `names` are the keyword's own and its aliases.
    pub fn of(config: &Config, side: Side, keyword: &Keyword, names: &[&str], release: Option<Release>) -> Self {
        let lines = config.lines.iter().enumerate().filter(|(_, line)| names.contains(&line.keyword.as_str()));
        let mut all: Vec<(usize, Setter)> = lines.map(|(i, _)| (2 * i + 1, Setter::Line(i))).collect();
        all.extend(config.gaps.iter().enumerate().map(|(i, gap)| (2 * gap.before, Setter::Gap(i))));
        all.sort_by_key(|(at, _)| *at);
        let adds = matches!(keyword.kind, Kind::Append | Kind::Each);
        let everywhere = side == Side::Client && ["streamlocalbindmask", "syslogfacility"].contains(&keyword.name);
        let mut chain =
            Chain { blocks: Vec::new(), rest: Vec::new(), adds, everywhere, once: keyword.name == "hostname" };
        for (_, setter) in all {
            let block = config.block_of(setter);
            // What holds for everybody is read in both passes.
            let outside = config.is_outside(block);
            let in_blocks = block.is_some() || matches!(setter, Setter::Gap(_));
            if side == Side::Server && in_blocks && keyword.in_match {
                chain.blocks.push(setter);
            }
            if side == Side::Client || outside {
                chain.rest.push(setter);
            }
        }
        if release.is_some_and(|release| release < keyword.last_before) || keyword.last_before.0 == u16::MAX {
            chain.blocks.reverse();
            chain.rest.reverse();
        }
        chain
    }

    /// What counts for a connection; nothing for the default.
    pub fn possible(&self, config: &Config, connection: &Connection) -> Possible {
        let judge = |setters: &[Setter]| -> Vec<_> {
            setters.iter().map(|setter| (*setter, config.judge(*setter, connection))).collect()
        };
        let mut judged = judge(&self.blocks);
        if !self.adds {
            judged.extend(judge(&self.rest));
            return first(&judged);
        }
        let outside = added(&judge(&self.rest));
        // What blocks add stands in place of what is outside, where there is any.
        let both = added(&judged).into_iter().flat_map(|lines| match lines.is_empty() {
            true => outside.clone(),
            false => vec![lines],
        });
        let mut both: Possible = both.collect();
        both.dedup();
        both
    }

    /// What counts of what is outside, where it is known which of them apply.
    pub(super) fn choose(&self, judged: &[(Setter, Truth)]) -> Possible {
        if self.adds { added(judged) } else { first(judged) }
    }

    pub(super) fn counts_once(&self) -> bool {
        self.once
    }

    pub(super) fn counts_everywhere(&self) -> bool {
        self.everywhere
    }
}

/// The first line that applies, and those before it that may.
fn first(judged: &[(Setter, Truth)]) -> Possible {
    let mut possible = Possible::new();
    for (setter, truth) in judged {
        let one = vec![*setter];
        match truth {
            Truth::False => {}
            Truth::Unknown if possible.contains(&one) => {}
            Truth::Unknown => possible.push(one),
            Truth::True => {
                possible.retain(|other| *other != one);
                possible.push(one);
                return possible;
            }
        }
    }
    possible.push(Vec::new());
    possible
}

/// The lines that add up: those that surely do, and the same with those that may.
fn added(judged: &[(Setter, Truth)]) -> Possible {
    let with = |wanted: fn(Truth) -> bool| {
        judged.iter().filter(|(_, truth)| wanted(*truth)).map(|(setter, _)| *setter).collect::<Vec<_>>()
    };
    let mut possible = vec![with(|truth| truth == Truth::True)];
    let perhaps = with(|truth| truth != Truth::False);
    if !possible.contains(&perhaps) {
        possible.push(perhaps);
    }
    possible
}

impl Config {
    pub(super) fn block_of(&self, setter: Setter) -> Option<usize> {
        match setter {
            Setter::Line(i) => self.lines.get(i).and_then(|line| line.block),
            Setter::Gap(i) => self.gaps.get(i).and_then(|gap| gap.block),
        }
    }

    /// Whether a block and those around it are for everybody.
    fn is_outside(&self, block: Option<usize>) -> bool {
        self.around(block).all(|block| block.criteria.is_everything())
    }

    /// A block and those around it.
    pub fn around(&self, block: Option<usize>) -> impl Iterator<Item = &super::source::Block> {
        std::iter::successors(block.and_then(|i| self.blocks.get(i)), |block| {
            block.parent.and_then(|i| self.blocks.get(i))
        })
    }

    /// Whether a setter is looked at for a connection, and sets something.
    fn judge(&self, setter: Setter, connection: &Connection) -> Truth {
        let applies = Truth::all(self.around(self.block_of(setter)).map(|block| block.criteria.judge(connection)));
        match (setter, applies) {
            (Setter::Gap(_), Truth::True) => Truth::Unknown,
            (_, applies) => applies,
        }
    }
}

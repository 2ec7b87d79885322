//! Names that a regular expression matches, as witnesses: a few ways through it, which take
//! each its own members of classes, branches and numbers of turns.

use std::sync::Arc;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

const MAX_BYTES: usize = 256;

/// Ways tried through an expression.
const WAYS: usize = 24;

/// Candidates; anchors are not looked at, so each is to be tried.
pub(super) fn of(text: &str) -> Vec<Arc<str>> {
    let parser = ParserBuilder::new().unicode(false).utf8(false).dot_matches_new_line(true).build().parse(text);
    let Ok(hir) = parser else { return Vec::new() };
    let mut all: Vec<Arc<str>> = Vec::new();
    for way in 0..WAYS {
        let mut walk = Walk { way, out: Vec::new() };
        walk.append(&hir);
        // where the end is open, a longer name is another name
        walk.out.extend_from_slice(if way % 4 == 3 { b"_x1" } else { b"" });
        let found = String::from_utf8(walk.out).ok().filter(|s| !s.is_empty() && s.len() <= MAX_BYTES);
        all.extend(found.map(Arc::from).filter(|s| !all.contains(s)));
    }
    all
}

/// One way through an expression: which member, branch and extra turn is taken.
struct Walk {
    way: usize,
    out: Vec<u8>,
}

impl Walk {
    fn append(&mut self, hir: &Hir) {
        if self.out.len() > MAX_BYTES {
            return;
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.extend_from_slice(&literal.0),
            HirKind::Class(class) => self.out.extend(pick(class, self.way)),
            HirKind::Capture(group) => self.append(&group.sub),
            HirKind::Repetition(loops) => {
                let extra = u32::try_from(self.way % 3).unwrap_or(0);
                let turns = loops.max.unwrap_or(u32::MAX).min(loops.min.saturating_add(extra));
                (0..turns.min(64)).for_each(|_| self.append(&loops.sub));
            }
            HirKind::Concat(parts) => parts.iter().for_each(|p| self.append(p)),
            HirKind::Alternation(ways) => {
                let chosen = ways.get(self.way.checked_rem(ways.len()).unwrap_or(0));
                chosen.iter().for_each(|w| self.append(w));
            }
        }
    }
}

/// The readable members of a class in turn.
fn pick(class: &Class, way: usize) -> Option<u8> {
    let holds = |byte: &u8| match class {
        Class::Bytes(c) => c.iter().any(|r| (r.start()..=r.end()).contains(byte)),
        Class::Unicode(c) => c.iter().any(|r| (r.start()..=r.end()).contains(&char::from(*byte))),
    };
    let members: Vec<u8> = (b'a'..=b'z').chain(b'0'..=b'9').chain(b' '..=b'~').filter(holds).collect();
    members.get(way.checked_rem(members.len())?).copied()
}

//! Sets of addresses as disjoint closed intervals of numbers.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

/// A closed interval.
pub(super) type Span = (u128, u128);

/// A growing union of intervals.
#[derive(Debug)]
pub(super) struct Spans {
    by_start: BTreeMap<u128, u128>,
    id: u64,
}

impl Default for Spans {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { by_start: BTreeMap::new(), id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Spans {
    /// Adds an interval, merging it with what it touches.
    pub(super) fn insert(&mut self, (mut start, mut end): Span) {
        if self.end_of(start).is_some_and(|e| e >= end) {
            return;
        }
        if let Some((&s, &e)) = self.by_start.range(..=start).next_back()
            && e >= start.saturating_sub(1)
        {
            start = s;
            end = end.max(e);
        }
        let swallowed: Vec<u128> = self.by_start.range(start..=end.saturating_add(1)).map(|(s, _)| *s).collect();
        for key in swallowed {
            end = end.max(self.by_start.remove(&key).unwrap_or(end));
        }
        self.by_start.insert(start, end);
    }

    /// The end of the interval that holds a point.
    pub(super) fn end_of(&self, point: u128) -> Option<u128> {
        let (_, end) = self.by_start.range(..=point).next_back()?;
        (*end >= point).then_some(*end)
    }

    /// Whether one interval holds all of another.
    pub(super) fn covers(&self, (start, end): Span) -> bool {
        self.end_of(start).is_some_and(|e| e >= end)
    }
}

/// The common part of two intervals.
pub(super) fn intersect(a: Span, b: Span) -> Option<Span> {
    let common = (a.0.max(b.0), a.1.min(b.1));
    (common.0 <= common.1).then_some(common)
}

/// How far each group of sets is known to cover, from a starting point on. Sets only grow, so what
/// was covered stays so.
#[derive(Debug, Default)]
pub(super) struct Progress(HashMap<(Vec<u64>, u128), u128>);

/// Steps after which a walk looks for, and leaves, a note of its progress.
const LONG: u64 = 32;

/// The first point of an interval that no set holds; `steps` counts the work.
pub(super) fn first_gap(sets: &[&Spans], span: Span, progress: &mut Progress, steps: &mut u64) -> Option<u128> {
    let mut point = span.0;
    for _ in 0..LONG {
        match walk(sets, point, span.1, steps) {
            Walk::Gap => return Some(point),
            Walk::Done => return None,
            Walk::On(next) => point = next,
        }
    }
    let mut ids: Vec<u64> = sets.iter().map(|s| s.id).collect();
    ids.sort_unstable();
    let noted = progress.0.entry((ids, span.0)).or_insert(point);
    point = point.max((*noted).min(span.1));
    loop {
        *noted = point.max(*noted);
        match walk(sets, point, span.1, steps) {
            Walk::Gap => return Some(point),
            Walk::Done => return None,
            Walk::On(next) => point = next,
        }
    }
}

enum Walk {
    Gap,
    Done,
    On(u128),
}

fn walk(sets: &[&Spans], point: u128, end: u128, steps: &mut u64) -> Walk {
    *steps += 1 + sets.len() as u64;
    match sets.iter().filter_map(|s| s.end_of(point)).max() {
        None => Walk::Gap,
        Some(covered) if covered >= end => Walk::Done,
        Some(covered) => Walk::On(covered.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_union_is_its_members(list in prop::collection::vec((0u8..64, 0u8..16), 0..30), a in 0u8..70, len in 0u8..20) {
            let mut spans = Spans::default();
            for (s, l) in &list {
                spans.insert((u128::from(*s), u128::from(s + l)));
            }
            let inside = |p: u128| list.iter().any(|(s, l)| (u128::from(*s)..=u128::from(s + l)).contains(&p));
            for p in 0..90 {
                prop_assert_eq!(spans.end_of(p).is_some(), inside(p));
            }
            let span = (u128::from(a), u128::from(a + len));
            let gap = first_gap(&[&spans], span, &mut Progress::default(), &mut 0);
            prop_assert_eq!(gap, (span.0..=span.1).find(|p| !inside(*p)));
            prop_assert_eq!(spans.covers(span), gap.is_none());
        }
    }

    #[test]
    fn progress_is_kept_across_growth() {
        let (mut evens, mut odds, mut progress) = (Spans::default(), Spans::default(), Progress::default());
        let mut first = |evens: &Spans, odds: &Spans| first_gap(&[evens, odds], (0, 1000), &mut progress, &mut 0);
        for i in 0..=400 {
            assert_eq!(first(&evens, &odds), Some(2 * i));
            evens.insert((2 * i, 2 * i));
            odds.insert((2 * i + 1, 2 * i + 1));
        }
        odds.insert((0, 1000));
        assert_eq!(first(&evens, &odds), None);
    }

    #[test]
    fn the_ends_of_the_number_line() {
        let mut spans = Spans::default();
        spans.insert((u128::MAX, u128::MAX));
        spans.insert((0, 0));
        spans.insert((1, u128::MAX - 1));
        assert!(spans.covers((0, u128::MAX)));
        assert_eq!(first_gap(&[&spans], (0, u128::MAX), &mut Progress::default(), &mut 0), None);
    }
}

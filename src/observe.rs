//! Asking the targets: wave after wave until the rules ask nothing new. Each query is read once, all of a wave
//! concurrently, each under its own time limit; one that fails or hangs makes its own subjects unknown and no others.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::facts::{Facts, Listing, Query};
use crate::plan;
use crate::resource;
use crate::rule::Rule;
use crate::target::Door;
use crate::value::Reason;

/// How many times references are followed.
const MAX_WAVES: usize = 8;
/// Queries under way at once.
const CONCURRENT: usize = 64;

/// How long looking may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub query: Duration,
    /// All queries together.
    pub total: Duration,
}

/// Adds to the facts what the rules ask of the open targets.
pub async fn observe(rules: &[Rule], doors: &BTreeMap<String, Door>, facts: &mut Facts, now: i64, limits: Limits) {
    let begun = Instant::now();
    for _ in 0..MAX_WAVES {
        let mut open = plan::open_queries(rules, facts, now);
        if open.is_empty() {
            return;
        }
        let room = plan::MAX_ASKED.saturating_sub(facts.listings.len());
        let beyond = open.iter().nth(room).cloned().map(|first| open.split_off(&first)).unwrap_or_default();
        let answers = stream::iter(open).map(|query| ask(query, doors, limits, begun)).buffer_unordered(CONCURRENT);
        let answers: Vec<(Query, Listing)> = answers.collect().await;
        facts.listings.extend(answers);
        if !beyond.is_empty() {
            let reason = Reason::new(format!("these rules ask more than {} queries", plan::MAX_ASKED));
            let reason = reason.with_grant("judge by fewer rules at a time: --rule, --profile");
            facts.listings.extend(beyond.into_iter().map(|query| (query, Listing::failed(reason.clone()))));
            return;
        }
    }
}

async fn ask(query: Query, doors: &BTreeMap<String, Door>, limits: Limits, begun: Instant) -> (Query, Listing) {
    let with = query.with();
    let left = limits.total.saturating_sub(begun.elapsed());
    let limit = limits.query.min(left);
    let too_late = || {
        let text = format!("not reached within the {} s that the whole audit may take", limits.total.as_secs());
        Listing::failed(Reason::new(text).with_grant("raise --total-timeout, or judge by fewer rules at a time"))
    };
    if left.is_zero() {
        return (query, too_late());
    }
    let listing = match (resource::find(query.resource), doors.get(&query.target)) {
        (Some(resource), Some(door)) => {
            let reading = AssertUnwindSafe((resource.observe)(door, &with)).catch_unwind();
            match tokio::time::timeout(limit, reading).await {
                Ok(Ok(listing)) => listing,
                Ok(Err(_)) => Listing::failed(Reason::new("harden failed to read this; please report it")),
                Err(_) if left < limits.query => too_late(),
                Err(_) => {
                    let text = format!("no answer within {} s", limit.as_secs());
                    Listing::failed(Reason::new(text).with_grant("raise --timeout, or see why it hangs"))
                }
            }
        }
        _ => Listing::failed(Reason::new(format!("the target {} is not open", query.target))),
    };
    (query, listing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Access, Extent, Target};
    use crate::rule::compile::Options;
    use crate::rule::input::Inputs;
    use crate::rule::library::Library;
    use crate::target::Kind;

    #[tokio::test]
    async fn what_the_whole_audit_has_no_time_for_is_unknown() {
        let library = Library::load(&[]).unwrap();
        let mut rules = library.compile(Options { inputs: &Inputs::new(), cases: false }).unwrap().rules;
        rules.retain(|rule| &*rule.id == "host-shadow-mode");
        let host = Target { name: "host".into(), kind: Kind::Host, address: "/".into(), access: Access::Audited };
        let mut facts = Facts { targets: vec![host], ..Facts::default() };
        let limits = Limits { query: Duration::from_secs(10), total: Duration::ZERO };
        observe(&rules, &BTreeMap::new(), &mut facts, 0, limits).await;
        assert!(!facts.listings.is_empty());
        for listing in facts.listings.values() {
            let Extent::Failed(reason) = &listing.extent else { panic!("{listing:?}") };
            assert!(reason.text.contains("not reached within the 0 s") && reason.grant.is_some(), "{reason:?}");
        }
    }
}

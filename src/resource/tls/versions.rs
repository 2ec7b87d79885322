//! Which versions a server speaks, and which cipher suites at each: many are offered, the one that the server chooses is taken
//! away, and it is asked again until it refuses.

use futures_util::future::join_all;

use super::probe::{Prober, Verdict};
use crate::tls::{Hello, Version, Wanted, offered};
use crate::value::Reason;

/// Suites in one hello. Some servers do not read longer ones.
const CHUNK: usize = 64;

/// What a server speaks at a version.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) version: Version,
    /// Every suite that it chose, in the order of its choices; empty when the version is refused or unknown.
    pub(super) suites: Vec<u16>,
    /// Why there may be more.
    pub(super) more: Option<Reason>,
}

impl Spoken {
    pub(super) fn is_accepted(&self) -> bool {
        !self.suites.is_empty()
    }
}

/// SSL 3 to TLS 1.3, each with its suites.
pub(super) async fn versions(prober: &Prober<'_>) -> Vec<Spoken> {
    join_all(Version::RECORDS.map(|version| speaks(prober, version))).await
}

async fn speaks(prober: &Prober<'_>, version: Version) -> Spoken {
    let suites = offered(version);
    // Where each question costs, hellos are as long as they may be.
    let chunk = if prober.is_sparing() { suites.len() } else { CHUNK };
    let mut chunks = suites.chunks(chunk.max(1));
    let mut spoken = match chunks.next() {
        Some(first) => eliminate(prober, version, first).await,
        None => Elimination::default(),
    };
    if !spoken.version_refused {
        for found in join_all(chunks.map(|chunk| eliminate(prober, version, chunk))).await {
            spoken.suites.extend(found.suites);
            spoken.more = spoken.more.or(found.more);
        }
    }
    Spoken { version, suites: spoken.suites, more: spoken.more }
}

#[derive(Debug, Default)]
struct Elimination {
    suites: Vec<u16>,
    more: Option<Reason>,
    version_refused: bool,
}

async fn eliminate(prober: &Prober<'_>, version: Version, suites: &[u16]) -> Elimination {
    let mut left = suites.to_vec();
    let mut found = Elimination::default();
    let name = prober.endpoint.sni();
    // Some servers want a share to be sent at TLS 1.3.
    let mut key_share = false;
    while !left.is_empty() {
        let hello = Hello { key_share, ..Hello::new(version, &left, name) };
        match prober.verdict(&hello, Wanted::Hello).await {
            Verdict::Yes(flight) => {
                prober.remember(&hello);
                let Some(chosen) = flight.hello.map(|hello| hello.suite) else { break };
                found.suites.push(chosen);
                left.retain(|suite| *suite != chosen);
            }
            Verdict::No { version: refused, .. } => {
                if version == Version::Tls13 && found.suites.is_empty() && !key_share && !refused {
                    key_share = true;
                    continue;
                }
                found.version_refused = refused && found.suites.is_empty();
                break;
            }
            Verdict::Unknown(reason) => {
                found.more = Some(reason);
                break;
            }
        }
    }
    found
}

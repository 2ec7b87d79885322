//! What the `certificate` resource asks an endpoint for.

use super::Stop;
use super::chains::chains;
use super::greet;
use super::probe::Prober;
use crate::target::endpoint::{Endpoint, Start};
use crate::value::Reason;

/// The chains that a server shows.
pub(in crate::resource) enum Served {
    /// DER, each with the server's own certificate first; and why there may be more.
    Chains(Vec<Vec<Vec<u8>>>, Option<Reason>),
    /// Why it shows none, for sure.
    None(String),
    Failed(Reason),
}

/// Asks for every chain.
pub(in crate::resource) async fn served(endpoint: &Endpoint) -> Served {
    if endpoint.address().scheme.start() == Start::Plain {
        return Served::None(format!("{} is plain HTTP, without TLS", endpoint.address()));
    }
    let prober = Prober::new(endpoint);
    match greet(&prober).await {
        Ok(()) => {}
        Err(Stop::NotOffered(how)) => return Served::None(format!("{}: {how}", endpoint.address())),
        Err(Stop::Failed(reason)) => return Served::Failed(reason),
    }
    let found = chains(&prober, endpoint.sni()).await;
    match (found.shown.is_empty(), found.more) {
        (true, Some(reason)) => Served::Failed(reason),
        (true, None) => Served::None(format!("{} shows no certificate", endpoint.address())),
        (false, more) => Served::Chains(found.shown.into_iter().map(|session| session.chain).collect(), more),
    }
}

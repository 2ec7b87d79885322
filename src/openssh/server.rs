//! sshd's settings: what counts for which connection.

use super::criteria::Connection;
use super::effective::Chain;
use super::keyword::Keyword;
use super::outcomes::{Outcomes, Search};
use super::setting::{Setting, judge};
use super::source::{Config, Side};
use super::version::Build;

/// Where names without a slash in front are looked up.
pub const DIRECTORY: &str = "/etc/ssh";

/// The lines that may set a keyword.
pub fn chain(config: &Config, keyword: &Keyword, build: &Build) -> Chain {
    Chain::of(config, Side::Server, keyword, &Side::Server.names(keyword), build.release())
}

/// Every distinct outcome of a keyword. `root` are the users that only root's settings are about.
pub fn outcomes(config: &Config, chain: &Chain, keyword: &Keyword, root: &[String]) -> Outcomes {
    let users = (keyword.name == "permitrootlogin").then_some(root);
    let search = Search { config, side: Side::Server, users, local_user: None, deciding: &[] };
    search.all(chain, |connection| chain.possible(config, connection))
}

/// What a keyword is for a connection.
pub fn setting(config: &Config, chain: &Chain, keyword: &Keyword, build: &Build, connection: &Connection) -> Setting {
    judge(config, Side::Server, keyword, build, &chain.possible(config, connection))
}

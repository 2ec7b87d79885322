//! sshd's settings: what counts for which connection.

use super::criteria::Connection;
use super::effective::{Chain, Possible, Setter};
use super::keyword::{Keyword, SERVER, SERVER_ALIASES, SERVER_IGNORED};
use super::outcomes::{self, Outcomes};
use super::source::{Config, Fault, Side};
use super::value::{self, Bad};
use super::version::Build;

/// Where names without a slash in front are looked up.
pub const DIRECTORY: &str = "/etc/ssh";

/// A setting as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The texts that it stands for; none where nothing is set and there is no default.
    pub value: Result<Vec<String>, Bad>,
    /// The lines that set it; none for the default. Several are one list, or what it may be.
    pub lines: Vec<usize>,
    /// Why it cannot be told which line counts.
    pub unclear: Option<String>,
}

/// The keyword by any of its names, in any case.
pub fn keyword(name: &str) -> Option<&'static Keyword> {
    let name = name.to_ascii_lowercase();
    let own = SERVER_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, own)| own);
    SERVER.iter().find(|keyword| keyword.name == own)
}

/// The names of a keyword, its own first.
fn names(keyword: &Keyword) -> Vec<&'static str> {
    let aliases = SERVER_ALIASES.iter().filter(|(_, own)| *own == keyword.name).map(|(alias, _)| *alias);
    std::iter::once(keyword.name).chain(aliases).collect()
}

/// The lines that may set a keyword.
pub fn chain(config: &Config, keyword: &Keyword, build: &Build) -> Chain {
    Chain::of(config, Side::Server, keyword, &names(keyword), build.release())
}

/// Every distinct outcome of a keyword. `root` are the users that only root's settings are about.
pub fn outcomes(config: &Config, chain: &Chain, keyword: &Keyword, root: &[String]) -> Outcomes {
    let users = (keyword.name == "permitrootlogin").then_some(root);
    outcomes::all(config, chain, Side::Server, users)
}

/// What a keyword is for a connection.
pub fn setting(config: &Config, chain: &Chain, keyword: &Keyword, build: &Build, connection: &Connection) -> Setting {
    judge(config, keyword, build, &chain.possible(config, connection))
}

/// What a keyword is when these lines count.
pub fn judge(config: &Config, keyword: &Keyword, build: &Build, possible: &Possible) -> Setting {
    let values = possible.iter().map(|setters| of_setters(config, keyword, build, setters));
    let values: Vec<_> = values.collect();
    let mut lines: Vec<usize> = possible
        .iter()
        .flatten()
        .filter_map(|setter| match setter {
            Setter::Line(i) => Some(*i),
            Setter::Gap(_) => None,
        })
        .collect();
    lines.dedup();
    let gap = possible.iter().flatten().find_map(|setter| match setter {
        Setter::Gap(i) => config.gaps.get(*i).map(|gap| format!("{}: {}", gap.place, gap.why)),
        Setter::Line(_) => None,
    });
    let unclear = gap.or_else(|| differ(&values).then(|| why_unclear(config, &lines)));
    let unclear = unclear.or_else(|| disagreement(config, keyword, build, &lines));
    let value = values.into_iter().next().unwrap_or(Ok(Vec::new()));
    Setting { value, lines, unclear }
}

fn differ(values: &[Result<Vec<String>, Bad>]) -> bool {
    values.windows(2).any(|pair| matches!(pair, [a, b] if a != b))
}

fn why_unclear(config: &Config, lines: &[usize]) -> String {
    let places = lines.iter().filter_map(|i| config.lines.get(*i)).filter(|line| line.block.is_some());
    let places: Vec<String> = places.take(3).map(|line| line.place.to_string()).collect();
    match places.is_empty() {
        true => "it could not be told which line counts".to_owned(),
        false => format!("whether the block around {} applies could not be told", places.join(", ")),
    }
}

/// Releases before 8.7 had two keywords where there is one now, and 10.1 changed which of several lines counts.
fn disagreement(config: &Config, keyword: &Keyword, build: &Build, lines: &[usize]) -> Option<String> {
    let set: Vec<&str> = config.lines.iter().map(|line| line.keyword.as_str()).collect();
    let release = build.release();
    let old = release.is_none_or(|release| release < (8, 7));
    let both = ["kbdinteractiveauthentication", "challengeresponseauthentication"];
    if keyword.name == both[0] && old && both.iter().all(|name| set.contains(name)) {
        return Some("it is set under two names, which OpenSSH before 8.7 took for two settings".to_owned());
    }
    let several = set.iter().filter(|name| **name == keyword.name).count() > 1;
    let depends = release.is_none() && keyword.last_before.0 > 0 && keyword.last_before.0 != u16::MAX;
    (several && depends && !lines.is_empty())
        .then(|| "which of its lines counts depends on the release of OpenSSH, which could not be told".to_owned())
}

fn of_setters(config: &Config, keyword: &Keyword, build: &Build, setters: &[Setter]) -> Result<Vec<String>, Bad> {
    let lines: Vec<_> = setters
        .iter()
        .filter_map(|setter| match setter {
            Setter::Line(i) => config.lines.get(*i),
            Setter::Gap(_) => None,
        })
        .collect();
    if lines.is_empty() {
        let text = keyword.default_text(build).map_err(Bad::Unknown)?;
        return Ok(text.map(|text| split(keyword, &text)).unwrap_or_default());
    }
    value::read(keyword, &lines, build)
}

/// The items of a default.
fn split(keyword: &Keyword, text: &str) -> Vec<String> {
    use super::keyword::Kind;
    match keyword.kind {
        Kind::Algorithms(_) => text.split(',').map(str::to_owned).collect(),
        Kind::Append | Kind::Line | Kind::Each => text.split(' ').map(str::to_owned).collect(),
        _ => vec![text.to_owned()],
    }
}

/// What sshd refuses: it does not start with such a file, and a running one goes on with what it has.
pub fn faults(config: &Config, build: &Build) -> Vec<Fault> {
    let mut faults = config.faults.clone();
    for line in &config.lines {
        let fault = |what: String| Fault { place: line.place.clone(), what };
        if SERVER_IGNORED.contains(&line.keyword.as_str()) {
            continue;
        }
        let Some(keyword) = keyword(&line.keyword) else {
            faults.push(fault(format!("`{}` is no keyword", line.keyword)));
            continue;
        };
        let in_block = config.around(line.block).any(|block| !block.criteria.is_everything());
        if in_block && !keyword.in_match {
            faults.push(fault(format!("`{}` is not allowed within a Match block", line.keyword)));
        }
        if build.release().is_some_and(|release| release < keyword.since) {
            faults.push(fault(format!("`{}` came with OpenSSH {}.{}", line.keyword, keyword.since.0, keyword.since.1)));
        }
        if let Err(Bad::Refused(_)) = value::read(keyword, &[line], build) {
            faults.push(fault(format!("the value of `{}` is not one that it takes", line.keyword)));
        }
    }
    faults.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
    faults
}

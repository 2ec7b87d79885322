//! ssh's settings: what counts for which host and user.
//!
//! ssh reads its files line by line, the user's before the system's, and whether a block applies depends on what lines
//! before it have set (`HostName`, `User`, `Tag`). Where a block asks for it (`Match final`), and where names are made
//! canonical, it reads them a second time, with what the first reading has set still in force.

use super::criteria::Connection;
use super::effective::{Chain, Possible, Setter};
use super::keyword::Keyword;
use super::outcomes::{Outcomes, Search};
use super::setting::{Setting, judge};
use super::source::{Config, Side};
use super::value::Bad;
use super::version::{Build, Release};
use crate::truth::Truth;

/// Keywords by which lines decide whether later blocks apply.
const DECIDING: [&str; 3] = ["hostname", "user", "tag"];

/// The lines that may set a keyword.
pub fn chain(config: &Config, keyword: &Keyword, build: &Build) -> Chain {
    Chain::of(config, Side::Client, keyword, &names(keyword), build.release())
}

/// The first of `ProxyJump` and `ProxyCommand` keeps the other from counting.
fn names(keyword: &Keyword) -> Vec<&'static str> {
    match keyword.name {
        "proxyjump" | "proxycommand" => vec!["proxyjump", "proxycommand"],
        _ => Side::Client.names(keyword),
    }
}

/// Every distinct outcome of a keyword. `local` is who runs ssh, where that is known.
pub fn outcomes(config: &Config, chain: &Chain, build: &Build, local: Option<&str>) -> Outcomes {
    let release = build.release();
    let search = Search { config, side: Side::Client, users: None, local_user: local, deciding: &DECIDING };
    search.all(chain, |connection| possible(config, chain, release, connection))
}

/// What a keyword is for a connection.
pub fn setting(config: &Config, chain: &Chain, keyword: &Keyword, build: &Build, connection: &Connection) -> Setting {
    of_possible(config, keyword, build, &possible(config, chain, build.release(), connection))
}

/// What a keyword is when these lines count.
pub fn of_possible(config: &Config, keyword: &Keyword, build: &Build, possible: &Possible) -> Setting {
    let mut setting = judge(config, Side::Client, keyword, build, possible);
    let by_other = |i: &usize| {
        config.lines.get(*i).is_some_and(|line| !Side::Client.names(keyword).contains(&line.keyword.as_str()))
    };
    if !setting.lines.is_empty() && setting.lines.iter().all(by_other) && setting.value.is_ok() {
        setting.value = Ok(vec!["none".to_owned()]);
    }
    if setting.lines.is_empty() && setting.unclear.is_none() {
        setting.value = setting.value.and_then(|value| dependent(config, keyword, build).map_or(Ok(value), Err));
    }
    setting
}

/// Defaults that depend on another setting.
fn dependent(config: &Config, keyword: &Keyword, build: &Build) -> Option<Bad> {
    let sets = |names: &[&str]| config.lines.iter().any(|line| names.contains(&line.keyword.as_str()));
    match keyword.name {
        "updatehostkeys" if sets(&["userknownhostsfile", "verifyhostkeydns"]) => {
            Some(Bad::Unknown("its default depends on UserKnownHostsFile and VerifyHostKeyDNS"))
        }
        "serveraliveinterval" if build.is_debians() && sets(&["batchmode"]) => {
            Some(Bad::Unknown("its default depends on BatchMode in Debian's builds"))
        }
        _ => None,
    }
}

/// The lines that count for a connection. `user` is the one that was typed, empty when none was.
pub fn possible(config: &Config, chain: &Chain, release: Option<Release>, connection: &Connection) -> Possible {
    let first = Reading::of(config, connection, None);
    let again = first.again(config, release);
    let second = (again != Truth::False).then(|| Reading::of(config, connection, Some(&first)));
    let mut setters: Vec<(Setter, Truth)> = first.judge(config, chain).collect();
    if let Some(second) = second.as_ref().filter(|_| !chain.counts_once()) {
        setters.extend(second.judge(config, chain).map(|(setter, truth)| (setter, Truth::all([truth, again]))));
    }
    chain.choose(&setters)
}

/// A text that lines set, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Unset,
    Set(String),
    Unclear,
}

impl State {
    fn known(&self) -> Option<Option<&str>> {
        match self {
            State::Unset => Some(None),
            State::Set(text) => Some(Some(text)),
            State::Unclear => None,
        }
    }
}

/// One reading of the files: which blocks apply, each by what was set before it.
struct Reading {
    blocks: Vec<Truth>,
    connection: Connection,
    host: State,
    user: State,
    tag: State,
    canonicalize: State,
}

impl Reading {
    fn of(config: &Config, connection: &Connection, first: Option<&Reading>) -> Self {
        let typed = |text: &Option<String>| match text.as_deref() {
            None | Some("") => State::Unset,
            Some(text) => State::Set(text.to_owned()),
        };
        let mut reading = Reading {
            blocks: Vec::with_capacity(config.blocks.len()),
            connection: Connection { second_reading: Some(first.is_some()), ..connection.clone() },
            host: first.map_or(State::Unset, |first| first.host_after(connection)),
            user: first.map_or_else(|| typed(&connection.user), |first| first.user.clone()),
            tag: first.map_or_else(|| typed(&connection.tag), |first| first.tag.clone()),
            canonicalize: first.map_or(State::Unset, |first| first.canonicalize.clone()),
        };
        let mut lines = config.lines.iter().enumerate().peekable();
        for (number, block) in config.blocks.iter().enumerate() {
            while let Some((i, line)) = lines.next_if(|(i, _)| *i < block.before) {
                reading.line(config, Setter::Line(i), line);
            }
            reading.gaps(config, block.before, number);
            let around = block.parent.and_then(|parent| reading.blocks.get(parent)).copied().unwrap_or(Truth::True);
            let truth = Truth::all([around, block.criteria.judge(&reading.seen())]);
            debug_assert_eq!(reading.blocks.len(), number);
            reading.blocks.push(truth);
        }
        for (i, line) in lines {
            reading.line(config, Setter::Line(i), line);
        }
        reading.gaps(config, config.lines.len(), config.blocks.len());
        reading
    }

    /// What could not be read may have set what nothing else has.
    fn gaps(&mut self, config: &Config, lines: usize, blocks: usize) {
        let before = |gap: &super::source::Gap| gap.before <= lines && gap.block.is_none_or(|block| block < blocks);
        let mut gaps = config.gaps.iter().enumerate().filter(|(_, gap)| before(gap));
        let applies = |(i, _): (usize, _)| self.truth(config, Setter::Gap(i)) != Truth::False;
        if gaps.any(applies) {
            for state in [&mut self.host, &mut self.user, &mut self.tag, &mut self.canonicalize] {
                if *state == State::Unset {
                    *state = State::Unclear;
                }
            }
        }
    }

    /// The connection as a block sees it at this place.
    fn seen(&self) -> Connection {
        let original = self.connection.original.clone();
        let host = self.host.known().and_then(|host| match host {
            None => original,
            Some(host) => original.map(|original| host.replace("%h", &original).replace("%%", "%")),
        });
        let user =
            self.user.known().and_then(|user| user.map(str::to_owned).or_else(|| self.connection.local_user.clone()));
        let aimed =
            if self.connection.second_reading == Some(true) { host.clone() } else { self.connection.original.clone() };
        let tag = self.tag.known().map(|tag| tag.unwrap_or_default().to_owned());
        Connection { host, aimed, user, tag, ..self.connection.clone() }
    }

    fn line(&mut self, config: &Config, setter: Setter, line: &super::source::Line) {
        let state = match line.keyword.as_str() {
            "hostname" => &self.host,
            "user" => &self.user,
            "tag" => &self.tag,
            "canonicalizehostname" => &self.canonicalize,
            _ => return,
        };
        let (State::Unset, Some(text)) = (state, line.args.first()) else { return };
        let new = match self.truth(config, setter) {
            Truth::False => return,
            Truth::True => State::Set(text.clone()),
            Truth::Unknown => State::Unclear,
        };
        match line.keyword.as_str() {
            "hostname" => self.host = new,
            "user" => self.user = new,
            "tag" => self.tag = new,
            _ => self.canonicalize = new,
        }
    }

    /// The host for the second reading: the one that the first has led to.
    fn host_after(&self, connection: &Connection) -> State {
        if self.canonical() != Truth::False {
            return State::Unclear;
        }
        let host = self.seen().host.or_else(|| connection.original.clone());
        match (&self.host, host) {
            (State::Unclear, _) | (_, None) => State::Unclear,
            (_, Some(host)) => State::Set(host.to_lowercase().replace('%', "%%")),
        }
    }

    /// Whether names are made canonical.
    fn canonical(&self) -> Truth {
        match &self.canonicalize {
            State::Unset => Truth::False,
            State::Set(text) => Truth::from(!["no", "false"].contains(&text.to_ascii_lowercase().as_str())),
            State::Unclear => Truth::Unknown,
        }
    }

    /// Whether the files are read again.
    fn again(&self, config: &Config, release: Option<Release>) -> Truth {
        let asked = config.blocks.iter().map(|block| block.criteria.wants_second_reading(release));
        Truth::any(asked.chain([self.canonical()]))
    }

    fn truth(&self, config: &Config, setter: Setter) -> Truth {
        config.block_of(setter).and_then(|block| self.blocks.get(block)).copied().unwrap_or(Truth::True)
    }

    fn judge<'r>(&'r self, config: &'r Config, chain: &'r Chain) -> impl Iterator<Item = (Setter, Truth)> + 'r {
        chain.rest.iter().map(|setter| match (setter, self.truth(config, *setter)) {
            (Setter::Gap(_), Truth::True) => (*setter, Truth::Unknown),
            (Setter::Line(_), _) if chain.counts_everywhere() => (*setter, Truth::True),
            (_, truth) => (*setter, truth),
        })
    }
}

//! What sshd's and ssh's settings have in common: keywords by their names, the value that lines which count stand for,
//! and what the program refuses.

use super::effective::{Possible, Setter};
use super::keyword::{CLIENT, CLIENT_ALIASES, CLIENT_IGNORED, Keyword, Kind, SERVER, SERVER_ALIASES, SERVER_IGNORED};
use super::source::{Config, Fault, Side};
use super::value::{self, Bad};
use super::version::Build;

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

impl Side {
    fn keywords(self) -> &'static [Keyword] {
        match self {
            Side::Server => SERVER,
            Side::Client => CLIENT,
        }
    }

    fn aliases(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Side::Server => SERVER_ALIASES,
            Side::Client => CLIENT_ALIASES,
        }
    }

    fn ignores(self, keyword: &str) -> bool {
        match self {
            Side::Server => SERVER_IGNORED.contains(&keyword),
            Side::Client => CLIENT_IGNORED.contains(&keyword),
        }
    }

    /// The keyword by any of its names, in any case.
    pub fn keyword(self, name: &str) -> Option<&'static Keyword> {
        let name = name.to_ascii_lowercase();
        let own = self.aliases().iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, own)| own);
        self.keywords().iter().find(|keyword| keyword.name == own)
    }

    /// The names of a keyword, its own first.
    pub(super) fn names(self, keyword: &Keyword) -> Vec<&'static str> {
        let aliases = self.aliases().iter().filter(|(_, own)| *own == keyword.name).map(|(alias, _)| *alias);
        std::iter::once(keyword.name).chain(aliases).collect()
    }
}

/// What a keyword is when these lines count.
pub fn judge(config: &Config, side: Side, keyword: &Keyword, build: &Build, possible: &Possible) -> Setting {
    let values: Vec<_> = possible.iter().map(|setters| of_setters(config, keyword, build, setters)).collect();
    let lines = possible.iter().flatten().filter_map(|setter| match setter {
        Setter::Line(i) => Some(*i),
        Setter::Gap(_) => None,
    });
    let mut lines: Vec<usize> = lines.collect();
    lines.dedup();
    let gap = possible.iter().flatten().find_map(|setter| match setter {
        Setter::Gap(i) => config.gaps.get(*i).map(|gap| format!("{}: {}", gap.place, gap.why)),
        Setter::Line(_) => None,
    });
    let unclear = gap.or_else(|| differ(&values).then(|| why_unclear(config, &lines)));
    let unclear = unclear.or_else(|| disagreement(config, side, keyword, build, &lines));
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
fn disagreement(config: &Config, side: Side, keyword: &Keyword, build: &Build, lines: &[usize]) -> Option<String> {
    let set: Vec<&str> = config.lines.iter().map(|line| line.keyword.as_str()).collect();
    let release = build.release();
    let old = release.is_none_or(|release| release < (8, 7));
    let both = ["kbdinteractiveauthentication", "challengeresponseauthentication"];
    if keyword.name == both[0] && old && both.iter().all(|name| set.contains(name)) {
        return Some("it is set under two names, which OpenSSH before 8.7 took for two settings".to_owned());
    }
    if side == Side::Client {
        return None;
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
    match keyword.kind {
        Kind::Algorithms(_) => text.split(',').map(str::to_owned).collect(),
        Kind::Append | Kind::Line | Kind::Each => text.split(' ').map(str::to_owned).collect(),
        _ => vec![text.to_owned()],
    }
}

/// What the program refuses: sshd does not start with such a file, and a running one goes on with what it has; ssh
/// connects nowhere.
pub fn faults(config: &Config, side: Side, build: &Build) -> Vec<Fault> {
    let mut faults = config.faults.clone();
    let unknown = IgnoredUnknown::of(config, side);
    for (i, line) in config.lines.iter().enumerate() {
        let fault = |what: String| Fault { place: line.place.clone(), what };
        if side.ignores(&line.keyword) {
            continue;
        }
        let Some(keyword) = side.keyword(&line.keyword) else {
            if !unknown.has(i, &line.keyword) {
                faults.push(fault(format!("`{}` is no keyword", line.keyword)));
            }
            continue;
        };
        let in_block = config.around(line.block).any(|block| !block.criteria.is_everything());
        if side == Side::Server && in_block && !keyword.in_match {
            faults.push(fault(format!("`{}` is not allowed within a Match block", line.keyword)));
        }
        let too_new = build.release().is_some_and(|release| release < keyword.since);
        if too_new && !unknown.has(i, &line.keyword) {
            faults.push(fault(format!("`{}` came with OpenSSH {}.{}", line.keyword, keyword.since.0, keyword.since.1)));
        }
        if let Err(Bad::Refused(_)) = value::read(keyword, &[line], build) {
            faults.push(fault(format!("the value of `{}` is not one that it takes", line.keyword)));
        }
    }
    faults.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
    faults
}

/// Keywords that ssh was told not to mind (`IgnoreUnknown`), from the line on that says so.
struct IgnoredUnknown<'c>(Option<(usize, Vec<&'c str>)>);

impl<'c> IgnoredUnknown<'c> {
    fn of(config: &'c Config, side: Side) -> Self {
        // Blocks are not looked at: a line too many that is taken is better than a good one that is refused.
        let said = config.lines.iter().enumerate().find(|(_, line)| line.keyword == "ignoreunknown");
        let patterns = said.and_then(|(at, line)| Some((at, line.args.first()?.split(',').collect())));
        IgnoredUnknown(patterns.filter(|_| side == Side::Client))
    }

    fn has(&self, line: usize, keyword: &str) -> bool {
        self.0.as_ref().is_some_and(|(at, patterns)| {
            line > *at && patterns.iter().any(|pattern| super::criteria::wild(&pattern.to_lowercase(), keyword))
        })
    }
}

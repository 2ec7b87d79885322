//! Where rule sets are: the files that packages of distributions load when the system starts.

use std::path::Path;

use crate::packets::{Family, RuleSet, Services, iptables, nftables};
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason};

/// Bytes of a file, and files that one includes.
const LIMIT: u64 = 8 << 20;
const MAX_INCLUDES: usize = 200;

const NFTABLES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
const IPTABLES: [&str; 2] = ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables"];
const IP6TABLES: [&str; 2] = ["/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"];
const UFW: &str = "/etc/ufw/ufw.conf";
const UFW_DEFAULTS: &str = "/etc/default/ufw";

/// A rule set and where it is from.
pub(super) struct Source {
    pub(super) backend: &'static str,
    pub(super) path: String,
    pub(super) enabled: Observed,
    pub(super) families: Family,
    pub(super) rules: RuleSet,
    /// The file and line of each line of the whole text.
    lines: Vec<String>,
}

impl Source {
    /// The file and line of a line.
    pub(super) fn place(&self, line: usize) -> String {
        line.checked_sub(1).and_then(|at| self.lines.get(at)).cloned().unwrap_or_else(|| self.path.clone())
    }
}

/// Every rule set that is there; with a path only that one.
pub(super) fn sources(host: &Host, path: &str, format: &str) -> Vec<Result<Source, Reason>> {
    let services = match text(host, "/etc/services") {
        Ok(Some(text)) => Services::new(&text),
        Ok(None) | Err(_) => Services::default(),
    };
    let of = |paths: &[&str], backend: &'static str| -> Vec<Result<Source, Reason>> {
        paths.iter().filter_map(|path| read(host, path, backend, &services).transpose()).collect()
    };
    match (path.is_empty(), format) {
        (true, _) => {
            let mut found = of(&NFTABLES, "nftables");
            found.extend(of(&IPTABLES, "iptables"));
            found.extend(of(&IP6TABLES, "ip6tables"));
            for six in [false, true] {
                found.extend(ufw(host, six, &services).transpose());
            }
            found
        }
        (false, "iptables") => of(&[path], "iptables"),
        (false, "ip6tables") => of(&[path], "ip6tables"),
        (false, _) => of(&[path], "nftables"),
    }
}

fn text(host: &Host, path: &str) -> Result<Option<String>, Reason> {
    match host.read(Path::new(path), LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Trouble::Absent) => Ok(None),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

/// Lines with their places.
#[derive(Default)]
struct Lines {
    text: String,
    places: Vec<String>,
}

impl Lines {
    fn push(&mut self, line: &str, place: String) {
        self.text.push_str(line);
        self.text.push('\n');
        self.places.push(place);
    }

    fn file(&mut self, path: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            self.push(line, format!("{path}:{}", index + 1));
        }
    }
}

fn read(host: &Host, path: &str, backend: &'static str, services: &Services) -> Result<Option<Source>, Reason> {
    let Some(text) = text(host, path)? else { return Ok(None) };
    let mut lines = Lines::default();
    let (families, rules, unit) = match backend {
        "nftables" => {
            let mut left = MAX_INCLUDES;
            include(host, path, &text, &mut lines, &mut left, 0);
            (Family::Both, nftables::parse(&lines.text, services), "nftables")
        }
        _ => {
            lines.file(path, &text);
            let family = if backend == "iptables" { Family::V4 } else { Family::V6 };
            (family, iptables::parse(&lines.text, family, services), "{netfilter-persistent,iptables,ip6tables}")
        }
    };
    let enabled = enabled(host, unit);
    Ok(Some(Source { backend, path: path.to_owned(), enabled, families, rules, lines: lines.places }))
}

/// Whether a unit is wanted by a target. Without systemd nobody knows.
fn enabled(host: &Host, unit: &str) -> Observed {
    if host.resolve(Path::new("/etc/systemd/system")).is_err() {
        return Observed::unknown("there is no systemd, and harden reads no other init system");
    }
    match host.find(&format!("/etc/systemd/system/*.{{wants,requires}}/{unit}.service")) {
        Ok(found) if !found.paths.is_empty() => true.into(),
        Ok(found) => found.more.map_or_else(|| false.into(), Observed::Unknown),
        Err(reason) => Observed::Unknown(reason),
    }
}

/// The text with its includes in their places (nft(8), "Including files"). What cannot be included stays a command that
/// is not followed.
fn include(host: &Host, path: &str, text: &str, lines: &mut Lines, left: &mut usize, depth: usize) {
    for (index, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", index + 1);
        let Some(pattern) = included(line) else {
            lines.push(line, place);
            continue;
        };
        let found = host.find(&pattern);
        let files = match found {
            Ok(found) if found.more.is_none() && depth < 8 && found.paths.len() <= *left => found.paths,
            Ok(_) | Err(_) => {
                lines.push(line, place);
                continue;
            }
        };
        if files.is_empty() && !crate::glob::is_pattern(&pattern) {
            lines.push(line, place.clone());
        }
        for file in files {
            *left = left.saturating_sub(1);
            let name = file.display().to_string();
            match self::text(host, &name) {
                Ok(Some(text)) => include(host, &name, &text, lines, left, depth + 1),
                Ok(None) | Err(_) => lines.push(&format!("include \"{name}\""), place.clone()),
            }
        }
    }
}

/// The pattern of an `include` line, absolute; others are looked for in /etc.
fn included(line: &str) -> Option<String> {
    let rest = line.trim().strip_prefix("include")?.trim();
    let pattern = rest.trim_end_matches(';').trim().trim_matches(['"', '\'']);
    let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
    (!pattern.is_empty() && !pattern.starts_with("./")).then_some(absolute)
}

/// What ufw loads: its own skeleton, and the files that it puts into it (ufw-framework(8)).
fn ufw(host: &Host, six: bool, services: &Services) -> Result<Option<Source>, Reason> {
    let Some(conf) = text(host, UFW)? else { return Ok(None) };
    let defaults = text(host, UFW_DEFAULTS)?.unwrap_or_default();
    let value = |of: &str, name: &str| {
        let mut lines = of.lines().filter_map(|line| line.trim().split_once('='));
        let own = lines.rfind(|(key, _)| *key == name);
        own.map(|(_, value)| value.trim_matches(['"', '\'']).to_ascii_lowercase()).unwrap_or_default()
    };
    if six && value(&defaults, "IPV6") != "yes" {
        return Ok(None);
    }
    let (digit, family) = if six { ("6", Family::V6) } else { ("", Family::V4) };
    let mut lines = Lines::default();
    let mut own = |line: String| lines.push(&line, UFW_DEFAULTS.to_owned());
    own("*filter".to_owned());
    for name in ["input", "output", "forward"] {
        let upper = name.to_ascii_uppercase();
        let policy = value(&defaults, &format!("DEFAULT_{upper}_POLICY"));
        let policy = if policy == "accept" { "ACCEPT" } else { "DROP" };
        own(format!(":{upper} {policy} [0:0]"));
        own(format!("-A {upper} -j ufw{digit}-before-{name}"));
        own(format!("-A {upper} -j ufw{digit}-after-{name}"));
        own(format!("-A ufw{digit}-skip-to-policy-{name} -j {policy}"));
        for chain in ["before", "after", "user"] {
            own(format!(":ufw{digit}-{chain}-{name} - [0:0]"));
        }
        own(format!(":ufw{digit}-user-limit - [0:0]"));
    }
    for chain in ["deny", "allow"] {
        own(format!(":ufw{digit}-logging-{chain} - [0:0]"));
    }
    for file in ["before", "after", "user"] {
        let path = format!("/etc/ufw/{file}{digit}.rules");
        match text(host, &path)? {
            Some(text) => lines.file(&path, &text),
            None => return Err(Reason::new(format!("{path} is missing"))),
        }
    }
    // ufw hangs the rules of its user behind those of the package.
    lines.push("*filter", UFW.to_owned());
    for name in ["input", "output", "forward"] {
        lines.push(&format!("-A ufw{digit}-before-{name} -j ufw{digit}-user-{name}"), UFW.to_owned());
    }
    let enabled = (value(&conf, "ENABLED") == "yes").into();
    let rules = iptables::parse(&lines.text, family, services);
    let path = format!("/etc/ufw/user{digit}.rules");
    Ok(Some(Source { backend: "ufw", path, enabled, families: family, rules, lines: lines.places }))
}

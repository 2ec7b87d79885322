//! What arguments stand for, spelt as `sshd -T` spells it.

use super::algorithms::assemble;
use super::criteria::wild;
use super::keyword::{Keyword, Kind};
use super::source::Line;
use super::version::Build;

/// Why a keyword's lines give no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// The program refuses it, and does not start; the text that it refuses.
    Refused(String),
    /// It cannot be told from here; a fragment.
    Unknown(&'static str),
}

/// The value that lines which count together stand for: one text, or several where the keyword is a list.
pub fn read(keyword: &Keyword, lines: &[&Line], build: &Build) -> Result<Vec<String>, Bad> {
    let refused = |line: &Line| Bad::Refused(line.rest.clone());
    match keyword.kind {
        Kind::Append if keyword.name == "sendenv" => Ok(sent(lines)),
        Kind::Append => Ok(lines.iter().flat_map(|line| line.args.clone()).collect()),
        Kind::Each => {
            let mut items: Vec<String> =
                lines.iter().map(|line| each(keyword, line).ok_or_else(|| refused(line))).collect::<Result<_, _>>()?;
            if ["identityfile", "certificatefile"].contains(&keyword.name) {
                let mut seen = std::collections::BTreeSet::new();
                items.retain(|item| seen.insert(item.clone()));
            }
            Ok(items)
        }
        Kind::Line => {
            let args = lines.first().map(|line| line.args.clone()).unwrap_or_default();
            Ok(match (keyword.name, args.as_slice()) {
                ("permitlisten", _) => args.into_iter().map(any_host).collect(),
                // One value is for both kinds of traffic.
                ("ipqos", [one]) => vec![one.clone(), one.clone()],
                _ => args,
            })
        }
        kind => {
            let Some(line) = lines.first() else { return Ok(Vec::new()) };
            if let Kind::Algorithms(list) = kind {
                let [setting] = line.args.as_slice() else { return Err(refused(line)) };
                let default = build.algorithms(list);
                return assemble(setting, default.as_deref()).map_err(Bad::Unknown);
            }
            one(kind, line).map(|text| vec![text]).ok_or_else(|| refused(line))
        }
    }
}

/// Names of variables; `-` in front takes those out that match.
fn sent(lines: &[&Line]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for arg in lines.iter().flat_map(|line| &line.args) {
        match arg.strip_prefix('-') {
            Some(pattern) => names.retain(|name| !wild(pattern, name)),
            None => names.push(arg.clone()),
        }
    }
    names
}

/// A bare port is one on any host.
fn any_host(listen: String) -> String {
    if listen.contains(':') || ["any", "none"].contains(&listen.as_str()) { listen } else { format!("*:{listen}") }
}

fn each(keyword: &Keyword, line: &Line) -> Option<String> {
    match keyword.name {
        "port" => one(Kind::Integer, line).filter(|port| (1..=65_535).contains(&port.parse().unwrap_or(0))),
        _ => Some(line.args.join(" ")).filter(|text| !text.is_empty()),
    }
}

fn one(kind: Kind, line: &Line) -> Option<String> {
    if matches!(kind, Kind::Rest) {
        return Some(line.rest.clone())
            .map(|text| if text.eq_ignore_ascii_case("none") { "none".into() } else { text });
    }
    if let Kind::Options(known) = kind {
        return options(known, &line.args);
    }
    if matches!(kind, Kind::Rekey) {
        return rekey(&line.args);
    }
    if matches!(kind, Kind::AgentKeys) {
        return agent_keys(&line.args);
    }
    let [word] = line.args.as_slice() else { return None };
    match kind {
        Kind::Words(words) => {
            let found = words.iter().find(|(spelt, _)| spelt.eq_ignore_ascii_case(word));
            found.map(|(_, meaning)| (*meaning).to_owned())
        }
        Kind::ExactWords(words) => meant(words, word),
        Kind::WordsOr(_) if word.is_empty() => None,
        Kind::WordsOr(words) => Some(meant(words, &word.to_ascii_lowercase()).unwrap_or_else(|| word.clone())),
        Kind::WordsOrSeconds(words) => meant(words, word).or_else(|| seconds(word).map(|seconds| seconds.to_string())),
        Kind::Upper(words) => {
            let word = if word.eq_ignore_ascii_case("DEBUG1") { "DEBUG" } else { word };
            words.iter().find(|known| known.eq_ignore_ascii_case(word)).map(|known| (*known).to_owned())
        }
        Kind::Integer => word.parse::<i32>().ok().filter(|number| *number >= 0).map(|number| number.to_string()),
        Kind::Seconds if word.eq_ignore_ascii_case("none") => Some("0".to_owned()),
        Kind::Seconds => seconds(word).map(|seconds| seconds.to_string()),
        Kind::Mask => u32::from_str_radix(word, 8).ok().filter(|mask| *mask <= 0o777).map(|mask| format!("0{mask:o}")),
        Kind::Startups => startups(word),
        Kind::Text if word.is_empty() => None,
        Kind::Text if word.eq_ignore_ascii_case("none") => Some("none".to_owned()),
        Kind::Text => Some(word.clone()),
        Kind::Rest
        | Kind::Algorithms(_)
        | Kind::Line
        | Kind::Append
        | Kind::Each
        | Kind::Rekey
        | Kind::AgentKeys
        | Kind::Options(_) => None,
    }
}

/// What a word stands for.
fn meant(words: &[(&str, &str)], word: &str) -> Option<String> {
    words.iter().find(|(spelt, _)| *spelt == word).map(|(_, meaning)| (*meaning).to_owned())
}

/// `yes`, `no`, `ask` or `confirm`, the last with a time behind it or not; or a time alone.
fn agent_keys(args: &[String]) -> Option<String> {
    const WORDS: &[(&str, &str)] =
        &[("yes", "yes"), ("true", "yes"), ("no", "no"), ("false", "no"), ("ask", "ask"), ("confirm", "confirm")];
    match args {
        [one] => meant(WORDS, &one.to_ascii_lowercase()).or_else(|| seconds(one).map(|seconds| seconds.to_string())),
        [word, time] if word.eq_ignore_ascii_case("confirm") => Some(format!("confirm {}", seconds(time)?)),
        _ => None,
    }
}

/// `convtime`: numbers with `s`, `m`, `h`, `d`, `w` behind them, or none for seconds.
pub fn seconds(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut number = String::new();
    if text.is_empty() {
        return None;
    }
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if !number.is_empty() {
        total = total.checked_add(number.parse().ok()?)?;
    }
    (total <= i64::from(i32::MAX)).then_some(total)
}

fn startups(text: &str) -> Option<String> {
    let numbers = text.split(':').map(|part| part.parse::<i32>().ok()).collect::<Option<Vec<_>>>()?;
    match numbers.as_slice() {
        [full] if *full > 0 => Some(format!("{full}:30:{full}")),
        [begin, rate, full] if *begin > 0 && begin <= full && (1..=100).contains(rate) => {
            Some(format!("{begin}:{rate}:{full}"))
        }
        _ => None,
    }
}

fn rekey(args: &[String]) -> Option<String> {
    let bytes = match args.first()?.as_str() {
        "default" | "none" => 0,
        text => {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let unit = match text.get(digits.len()..)?.to_ascii_uppercase().as_str() {
                "" | "B" => 0,
                "K" => 10,
                "M" => 20,
                "G" => 30,
                _ => return None,
            };
            let bytes = digits.parse::<u64>().ok()?.checked_mul(1 << unit)?;
            if bytes != 0 && bytes < 16 {
                return None;
            }
            bytes
        }
    };
    let interval = match args.get(1).map(String::as_str) {
        None | Some("none") => 0,
        Some(text) => seconds(text)?,
    };
    (args.len() <= 2).then(|| format!("{bytes} {interval}"))
}

fn options(known: &[&str], args: &[String]) -> Option<String> {
    let given = |word: &&&str| args.iter().any(|arg| arg.eq_ignore_ascii_case(word));
    let all_known = args
        .iter()
        .all(|arg| arg.eq_ignore_ascii_case("none") || known.iter().any(|word| arg.eq_ignore_ascii_case(word)));
    let set: Vec<&str> = known.iter().filter(given).copied().collect();
    all_known.then(|| if set.is_empty() { "none".to_owned() } else { set.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_and_sizes() {
        for (text, expected) in [
            ("90", Some(90)),
            ("1h30m", Some(5400)),
            ("2M", Some(120)),
            ("1w1d", Some(691_200)),
            ("", None),
            ("x", None),
            ("1y", None),
            ("-1", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        let rekey = |text: &str| super::rekey(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(rekey("512M 1h").as_deref(), Some("536870912 3600"));
        assert_eq!(rekey("default none").as_deref(), Some("0 0"));
        assert_eq!(rekey("1").as_deref(), None);
        assert_eq!(startups("10").as_deref(), Some("10:30:10"));
        assert_eq!(startups("10:30:60").as_deref(), Some("10:30:60"));
        assert_eq!(startups("10:101:60"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[0-9kKmMgshd:-]{0,24}") {
            let _ = (seconds(&text), startups(&text), rekey(std::slice::from_ref(&text)));
        }
    }
}

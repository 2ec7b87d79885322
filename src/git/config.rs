//! `.git/config` (git-config(1), "Syntax"): what harden asks of it.

/// The settings of a file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    settings: Vec<Setting>,
    /// It includes another file, which may set anything.
    pub includes: bool,
    /// The first line that git would refuse; git then does nothing in this repository.
    pub broken: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    section: String,
    subsection: String,
    key: String,
    value: String,
}

impl Config {
    pub fn parse(text: &str) -> Self {
        let mut config = Config::default();
        let (mut section, mut subsection) = (String::new(), String::new());
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let mut line = line.trim_start().to_owned();
            if let Some(header) = line.strip_prefix('[') {
                let Some((name, rest)) = read_header(header) else {
                    config.broken.get_or_insert(index + 1);
                    continue;
                };
                (section, subsection) = name;
                line = rest.trim_start().to_owned();
            }
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            // A backslash at the end goes on in the next line.
            while line.ends_with('\\') && !line.ends_with("\\\\") {
                line.pop();
                let Some((_, next)) = lines.next() else { break };
                line.push_str(next);
            }
            let (key, value) = line.split_once('=').map_or((line.as_str(), None), |(key, value)| (key, Some(value)));
            let key = key.trim().to_ascii_lowercase();
            let Some(value) = value.map_or_else(|| Some("true".to_owned()), read_value) else {
                config.broken.get_or_insert(index + 1);
                continue;
            };
            config.includes |= matches!(section.as_str(), "include" | "includeif");
            config.settings.push(Setting { section: section.clone(), subsection: subsection.clone(), key, value });
        }
        config
    }

    /// The last value of a setting.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let found =
            self.settings.iter().rfind(|one| one.section == section && one.subsection.is_empty() && one.key == key);
        found.map(|one| one.value.as_str())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, section: &str, key: &str) -> bool {
        self.get(section, key)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
    }

    /// Each remote's name with each of its URLs, those for pushing too.
    pub fn remotes(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_url = |one: &&Setting| one.section == "remote" && matches!(one.key.as_str(), "url" | "pushurl");
        self.settings.iter().filter(is_url).map(|one| (one.subsection.as_str(), one.value.as_str()))
    }
}

type Name = (String, String);

/// `section "subsection"]` and what follows it.
fn read_header(text: &str) -> Option<(Name, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')))?;
    let (section, rest) = text.split_at_checked(end)?;
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix(']') {
        let (section, subsection) = section.split_once('.').unwrap_or((section, ""));
        return Some(((section.to_ascii_lowercase(), subsection.to_ascii_lowercase()), rest));
    }
    let mut subsection = String::new();
    let mut chars = rest.strip_prefix('"')?.char_indices();
    loop {
        match chars.next()? {
            (_, '\\') => subsection.push(chars.next()?.1),
            (_, '"') => break,
            (_, c) => subsection.push(c),
        }
    }
    let rest = chars.as_str().strip_prefix(']')?;
    Some(((section.to_ascii_lowercase(), subsection), rest))
}

/// A value without quotes and comments; `None` for one that git refuses.
fn read_value(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut quoted = false;
    // Blanks at the end do not count.
    let mut kept = 0;
    let mut chars = text.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            '#' | ';' if !quoted => break,
            c => value.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    (!quoted).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn settings_of_a_repository() {
        let text = "[core]\n\tbare = false ; no\n\tHooksPath = \"/srv/a b\"\n[remote \"origin\"] url = https://u:p@h/x.git\n\tfetch = +x\n\
                    [Remote \"b\\\"\"]\npushurl=git@h:x # c\n[branch.Main]\nx\n";
        let config = Config::parse(text);
        assert_eq!((config.get("core", "bare"), config.get("core", "hookspath")), (Some("false"), Some("/srv/a b")));
        assert_eq!(config.remotes().collect::<Vec<_>>(), [("origin", "https://u:p@h/x.git"), ("b\"", "git@h:x")]);
        assert!(!config.includes && config.broken.is_none());
        assert!(Config::parse("[include]\npath = x\n").includes);
        assert_eq!(Config::parse("[core\nx = \"y\n").broken, Some(1));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([\\[\\]a-z\"=\\\\ #;\n.]|\\PC){0,80}") {
            let _ = Config::parse(&text).remotes().count();
        }
    }
}

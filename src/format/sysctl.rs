//! Files of kernel parameters, as systemd-sysctl reads them (sysctl.d(5), `src/sysctl/sysctl.c`).

use crate::glob::{Glob, is_pattern};

/// A line that sets a parameter, or keeps it out of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name as a path below `/proc/sys`, perhaps with wildcards.
    pub key: String,
    /// `None` for `-name`, which no pattern sets.
    pub value: Option<String>,
    pub line: usize,
}

/// The assignments of a file in order. Lines that are none are passed over, as systemd does with a warning.
pub fn parse(text: &str) -> Vec<Assignment> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';']));
    lines.filter_map(|(line, text)| assignment(line, text)).collect()
}

fn assignment(line: usize, text: &str) -> Option<Assignment> {
    match text.split_once('=') {
        Some((key, value)) => {
            // The dash says that a failure to set it is none.
            let key = path(key.strip_prefix('-').unwrap_or(key).trim());
            Some(Assignment { key, value: Some(value.trim().to_owned()), line })
        }
        None => text.strip_prefix('-').map(|key| Assignment { key: path(key.trim()), value: None, line }),
    }
}

/// The path of a parameter below `/proc/sys`. When the first separator is a slash the name is a path already; otherwise
/// dots and slashes change places, so that `net.ipv4.conf.eth0/100.forwarding` is the interface `eth0.100`.
pub fn path(name: &str) -> String {
    match name.find(['.', '/']).and_then(|at| name.get(at..)) {
        Some(rest) if rest.starts_with('.') => swap(name),
        Some(_) | None => name.trim_start_matches('/').to_owned(),
    }
}

/// The name with dots of what is at a path below `/proc/sys`.
pub fn name(path: &str) -> String {
    swap(path)
}

fn swap(text: &str) -> String {
    let swapped = text.chars().map(|c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    });
    swapped.collect()
}

/// The assignment that counts for a parameter after all files, in the order in which they are read: a name that is spelt
/// out goes before patterns, and of several the last one counts.
pub fn effective<'a, T>(all: &'a [(T, Assignment)], path: &str) -> Option<(&'a T, &'a Assignment)> {
    let exact = all.iter().rev().find(|(_, assignment)| assignment.key == path);
    if let Some((origin, assignment)) = exact {
        return assignment.value.is_some().then_some((origin, assignment));
    }
    let matching = |(_, assignment): &&(T, Assignment)| {
        assignment.value.is_some() && is_pattern(&assignment.key) && matches(&assignment.key, path)
    };
    // A pattern that is given again moves to its later place, so that the last one in the files wins here too.
    all.iter().rev().find(matching).map(|(origin, assignment)| (origin, assignment))
}

/// Whether a pattern matches a path, component by component (glob(7)).
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(&path).all(|(glob, part)| Glob::new(glob).matches(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_as_systemd_reads_them() {
        let text = "# c\n; c\n\n kernel.sysrq = 0 \n-net.ipv4.conf.eth0/1.forwarding=1\nnet/ipv4/ip_forward=\n-net.ipv4.conf.all.rp_filter\nnonsense\nkernel.core_pattern = |/bin/x %p=1\n";
        let seen: Vec<_> = parse(text).into_iter().map(|a| (a.key, a.value, a.line)).collect();
        let set = |key: &str, value: &str, line| (key.to_owned(), Some(value.to_owned()), line);
        assert_eq!(
            seen,
            [
                set("kernel/sysrq", "0", 4),
                set("net/ipv4/conf/eth0.1/forwarding", "1", 5),
                set("net/ipv4/ip_forward", "", 6),
                ("net/ipv4/conf/all/rp_filter".to_owned(), None, 7),
                set("kernel/core_pattern", "|/bin/x %p=1", 9),
            ]
        );
        assert_eq!(name("net/ipv4/conf/eth0.1/forwarding"), "net.ipv4.conf.eth0/1.forwarding");
    }

    #[test]
    fn names_go_before_patterns_and_later_before_earlier() {
        let text = "net.ipv4.conf.*.rp_filter=2\nnet.ipv4.conf.default.rp_filter=1\n-net.ipv4.conf.all.rp_filter\nkernel.sysrq=1\nkernel.sysrq=0\nnet.ipv4.conf.e*.rp_filter=0\n";
        let all: Vec<((), Assignment)> = parse(text).into_iter().map(|one| ((), one)).collect();
        let value = |name: &str| effective(&all, &path(name)).and_then(|(_, one)| one.value.as_deref());
        assert_eq!(value("net.ipv4.conf.lo.rp_filter"), Some("2"));
        assert_eq!(value("net.ipv4.conf.eth0.rp_filter"), Some("0"));
        assert_eq!(value("net.ipv4.conf.default.rp_filter"), Some("1"));
        assert_eq!(value("net.ipv4.conf.all.rp_filter"), None);
        assert_eq!(value("net.ipv4.conf.rp_filter"), None);
        assert_eq!(value("kernel.sysrq"), Some("0"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([-a-z.*/]{0,20}(=[ a-z0-9]*)?\n|\\PC*\n)*", name in "[a-z.*/\\[]{0,20}") {
            let all: Vec<((), Assignment)> = parse(&text).into_iter().map(|one| ((), one)).collect();
            let _ = effective(&all, &path(&name));
        }
    }
}

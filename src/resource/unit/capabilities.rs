//! Sets of capabilities as unit files write them, merged line by line (`config_parse_capability_set` of systemd).

/// Every capability that Linux knows (capability.h), by number.
const ALL: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// A set of them, a bit for each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) const EVERY: Set = Set((1 << ALL.len()) - 1);
    pub(super) const NONE: Set = Set(0);

    /// The set after one more line, where `initial` is the set of a unit without any. Names that are not known are left
    /// out, as systemd does.
    pub(super) fn with(self, line: &str, initial: Set) -> Set {
        let (inverted, line) = line.strip_prefix('~').map_or((false, line), |rest| (true, rest));
        let bit =
            |name: &str| ALL.iter().position(|known| known.eq_ignore_ascii_case(name)).map_or(0, |at| 1_u64 << at);
        let sum = line.split_whitespace().map(bit).fold(0, |sum, bit| sum | bit);
        let not = Set::EVERY.0 & !sum;
        match (sum == 0 || self == initial, inverted) {
            (true, true) => Set(not),
            (true, false) => Set(sum),
            (false, true) => Set(self.0 & not),
            (false, false) => Set(self.0 | sum),
        }
    }

    /// The set without these.
    pub(super) fn without(self, names: &[&str]) -> Set {
        let taken = ALL.iter().enumerate().filter(|(_, name)| names.contains(name)).map(|(at, _)| 1_u64 << at);
        Set(self.0 & !taken.fold(0, |sum, bit| sum | bit))
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        ALL.iter().enumerate().filter(|(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_merged_as_systemd_does() {
        let after = |lines: &[&str]| lines.iter().fold(Set::EVERY, |set, line| set.with(line, Set::EVERY)).names();
        assert_eq!(after(&["CAP_CHOWN cap_kill"]), ["CAP_CHOWN", "CAP_KILL"]);
        assert_eq!(after(&["CAP_CHOWN CAP_KILL", "~CAP_KILL"]), ["CAP_CHOWN"]);
        assert_eq!(after(&["CAP_CHOWN", "CAP_KILL"]), ["CAP_CHOWN", "CAP_KILL"]);
        assert_eq!(after(&["CAP_CHOWN", ""]), Vec::<&str>::new());
        assert_eq!(after(&["~CAP_CHOWN"]).len(), 40);
        assert_eq!(after(&["CAP_CHOWN", "~"]).len(), 41);
        assert_eq!(Set::EVERY.without(&["CAP_MKNOD"]).names().len(), 40);
    }
}

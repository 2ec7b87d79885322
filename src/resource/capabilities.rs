//! Names of Linux capabilities (capabilities(7)), upper case and without `CAP_`.

use crate::value::Value;

/// By their bit.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The names of the bits that are set; a bit that a later kernel gave a meaning is shown by its number.
pub(super) fn names(bits: u64) -> Value {
    let held = (0..64_usize).filter(|bit| bits >> bit & 1 == 1);
    let name = |bit: usize| NAMES.get(bit).map_or_else(|| format!("CAP_{bit}"), |name| (*name).to_owned());
    held.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_names() {
        assert_eq!(names(1 << 13 | 1 << 50).to_string(), "NET_RAW, CAP_50");
        assert_eq!(names(1 << 21).to_string(), "SYS_ADMIN");
        assert_eq!(names(0).to_string(), "none");
    }
}

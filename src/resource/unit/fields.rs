//! The field table of `unit`.

use crate::resource::{Field, field};
use crate::value::Type;
use crate::value::types::Dialect;
use crate::value::vocabulary::Vocabulary;

const BOOL: Type = Type::Bool(Dialect::Systemd);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);
static TEXT_LIST: Type = TEXTS;

/// `ProtectSystem=`, from nothing to everything.
pub(super) static PROTECT_SYSTEM: Vocabulary =
    Vocabulary { name: "protect_system", words: &["no", "yes", "full", "strict"], ordered: true };

/// `ProtectHome=`.
pub(super) static PROTECT_HOME: Vocabulary =
    Vocabulary { name: "protect_home", words: &["no", "read-only", "tmpfs", "yes"], ordered: false };

pub(super) const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the unit's name, as it was asked for or found"),
    field("path", Type::Text, "", "its file; that of its template for an instance"),
    field(
        "masked",
        BOOL,
        "",
        "whether its file is a link to /dev/null or empty, so that it cannot be started; it has no settings then",
    ),
    field("drop_ins", TEXTS, "", "the files beside it, in the order in which they take effect"),
    field(
        "enabled",
        BOOL,
        "",
        "whether a `.wants` or `.requires` folder pulls it in, under any of its names; sockets, timers and other units may start it too",
    ),
    field("wanted_by", TEXTS, "", "the units whose folders do so"),
    field("origins", Type::Map(&TEXT), "", "where each field is set, as `file:line`; `default` when nothing sets it"),
    field(
        "settings",
        Type::Map(&TEXT_LIST),
        "",
        "every setting as `Section.Name`, with its values after the last empty assignment; secrets are taken out",
    ),
    field("user", Type::Text, "User", "the account; absent for root, unknown with a specifier"),
    field("group", Type::Text, "Group", "absent for the user's own"),
    field("supplementary_groups", TEXTS, "SupplementaryGroups", ""),
    field(
        "dynamic_user",
        BOOL,
        "DynamicUser",
        "whether an account is made for each start; it brings other protections along, which the fields show",
    ),
    field("no_new_privileges", BOOL, "NoNewPrivileges", ""),
    field(
        "protect_system",
        Type::Word(&PROTECT_SYSTEM),
        "ProtectSystem",
        "which directories of the system are read-only",
    ),
    field("protect_home", Type::Word(&PROTECT_HOME), "ProtectHome", ""),
    field("private_tmp", BOOL, "PrivateTmp", ""),
    field("private_devices", BOOL, "PrivateDevices", ""),
    field("private_network", BOOL, "PrivateNetwork", ""),
    field("private_users", BOOL, "PrivateUsers", ""),
    field("protect_kernel_tunables", BOOL, "ProtectKernelTunables", ""),
    field("protect_kernel_modules", BOOL, "ProtectKernelModules", ""),
    field("protect_kernel_logs", BOOL, "ProtectKernelLogs", ""),
    field("protect_control_groups", BOOL, "ProtectControlGroups", ""),
    field("protect_clock", BOOL, "ProtectClock", ""),
    field("protect_hostname", BOOL, "ProtectHostname", ""),
    field("restrict_suid_sgid", BOOL, "RestrictSUIDSGID", ""),
    field("restrict_realtime", BOOL, "RestrictRealtime", ""),
    field("lock_personality", BOOL, "LockPersonality", ""),
    field("memory_deny_write_execute", BOOL, "MemoryDenyWriteExecute", ""),
    field("remove_ipc", BOOL, "RemoveIPC", ""),
    field("restrict_namespaces", Type::Text, "RestrictNamespaces", "as written; absent when nothing restricts them"),
    field(
        "capability_bounding_set",
        TEXTS,
        "CapabilityBoundingSet",
        "what is left of all capabilities, after all lines and what other settings take away",
    ),
    field("ambient_capabilities", TEXTS, "AmbientCapabilities", ""),
    field(
        "system_call_filter",
        TEXTS,
        "SystemCallFilter",
        "the words of all lines; one that starts with `~` makes it a list of what is refused",
    ),
    field("system_call_architectures", TEXTS, "SystemCallArchitectures", ""),
    field("restrict_address_families", TEXTS, "RestrictAddressFamilies", "the words of all lines"),
    field("umask", Type::Mode, "UMask", "bits that new files do not get"),
    field("exec_start", TEXTS, "ExecStart", "the commands with their prefixes; secrets are taken out"),
    field("environment_files", TEXTS, "EnvironmentFile", "with the `-` of those that may be missing"),
    field("read_write_paths", TEXTS, "ReadWritePaths", ""),
    field("read_only_paths", TEXTS, "ReadOnlyPaths", ""),
    field("inaccessible_paths", TEXTS, "InaccessiblePaths", ""),
    field("memory_max", Type::Text, "MemoryMax", "bytes, a share, or `infinity`, as written; absent when not set"),
    field(
        "tasks_max",
        Type::Text,
        "TasksMax",
        "a number, a share, or `infinity`, as written; absent when the manager's default counts",
    ),
    field("listen", TEXTS, "ListenStream, ListenDatagram", "what a socket listens on"),
];

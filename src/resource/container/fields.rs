//! The field table of `container`. Paths on the right are those of Docker's `GET /containers/{id}/json`.

use crate::manifest::SECCOMP;
use crate::resource::{Field, field};
use crate::value::types::{Dialect, Type};
use crate::value::vocabulary::Vocabulary;

const BOOL: Type = Type::Bool(Dialect::Plain);
const TEXTS: Type = Type::List(&Type::Text);
const TEXT_MAP: Type = Type::Map(&Type::Text);

/// What a mount is made of (`Mounts[].Type`).
pub(super) static MOUNT_KIND: Vocabulary =
    Vocabulary { name: "mount_kind", words: &["bind", "volume", "tmpfs", "npipe", "cluster", "image"], ordered: false };

pub(super) const MOUNT: &[Field] = &[
    field("type", Type::Word(&MOUNT_KIND), "Type", "bind, volume, tmpfs …"),
    field(
        "source",
        Type::Text,
        "Source",
        "path on the daemon's host, without `.`, `..` and doubled slashes, `/var/run` as `/run`; a relative one of a Compose file as written",
    ),
    field("destination", Type::Text, "Destination", "path in the container"),
    field("rw", BOOL, "RW", "whether the container may write to it"),
    field("propagation", Type::Text, "Propagation", "rprivate, rshared, rslave …; absent where it has no meaning"),
    field("name", Type::Text, "Name", "the volume's name; absent for other mounts"),
    field(
        "sensitive",
        BOOL,
        "Source",
        "whether the source is, contains or lies in a directory that belongs to the host (see `sensitive_mounts`)",
    ),
    field(
        "secret_mode",
        Type::Mode,
        "",
        "permission bits of the files that Kubernetes makes of a Secret (`defaultMode` and those of its items, 0644 by the API's default); absent for other mounts",
    ),
];

pub(super) const PORT: &[Field] = &[
    field("host_ip", Type::Net, "HostIp", "address on the host; `*` for every address"),
    field("host_port", Type::Integer, "HostPort", "absent when the daemon picks one and has not yet"),
    field("container_port", Type::Integer, "", "port in the container"),
    field("protocol", Type::Text, "", "tcp, udp or sctp"),
];

pub(super) const ULIMIT: &[Field] = &[
    field("name", Type::Text, "Name", "nofile, nproc …"),
    field("soft", Type::Integer, "Soft", "-1 is unlimited"),
    field("hard", Type::Integer, "Hard", "-1 is unlimited"),
];

pub(super) const DEVICE: &[Field] = &[
    field("host_path", Type::Text, "PathOnHost", "the device on the host"),
    field("container_path", Type::Text, "PathInContainer", "the device in the container"),
    field("permissions", Type::Text, "CgroupPermissions", "letters of r, w and m"),
];

pub(super) const FIELDS: &[Field] = &[
    // What it is.
    field(
        "name",
        Type::Text,
        "Name",
        "without the leading slash; the service of a Compose file; `[namespace/]kind/name/container` of a manifest",
    ),
    field("id", Type::Text, "Id", "64 hexadecimal digits; absent when it is only declared"),
    field(
        "image",
        Type::Text,
        "Config.Image",
        "the reference as it was given: `nginx` has no tag and means `nginx:latest`; the resource `image` has `floating_tag`; absent where a Compose file builds it and gives it no name",
    ),
    field("image_id", Type::Text, "Image", "`sha256:…` of the image it was made from; absent when it is only declared"),
    field("created", Type::Time, "Created", "absent when it is only declared"),
    field(
        "running",
        BOOL,
        "State.Running",
        "whether its first process runs; true while paused or restarting; of a declared one whether it is to run: not scaled to none, not suspended, in no profile that was not asked for",
    ),
    field(
        "status",
        Type::Text,
        "State.Status",
        "created, running, paused, restarting, removing, exited or dead; absent when it is only declared",
    ),
    field("labels", TEXT_MAP, "Config.Labels", "those of the image included, except of a declared one"),
    field(
        "env_names",
        TEXTS,
        "Config.Env",
        "names of its variables, those of the image included, except of a declared one; never values",
    ),
    // Who it is.
    field(
        "user",
        Type::Text,
        "Config.User",
        "`user[:group]` as configured, by the image if not by the container; `0` when neither says; unknown where a manifest leaves it to the image",
    ),
    field(
        "effective_uid",
        Type::Integer,
        "/proc/PID/status Uid",
        "effective user id of the first process as the host sees it; absent when it does not run",
    ),
    field(
        "root_in_container",
        BOOL,
        "/proc/PID/status Uid, else Config.User",
        "whether the first process is user 0 inside: by the process when harden can see it, else by the configured user",
    ),
    field(
        "userns_remapped",
        BOOL,
        "/proc/PID/uid_map, else HostConfig.UsernsMode",
        "whether user 0 inside is another user outside (userns-remap or a rootless daemon); unknown where a Compose file leaves it to the daemon",
    ),
    field("group_add", TEXTS, "HostConfig.GroupAdd", "additional groups"),
    // What it may do.
    field("privileged", BOOL, "HostConfig.Privileged", ""),
    field("cap_add", TEXTS, "HostConfig.CapAdd", "upper case, without `CAP_`; empty when nothing was added"),
    field(
        "cap_drop",
        TEXTS,
        "HostConfig.CapDrop",
        "upper case, without `CAP_`; `ALL` for all, also when Podman spells them out",
    ),
    field(
        "effective_capabilities",
        TEXTS,
        "/proc/PID/status CapEff",
        "what the first process holds now, without `CAP_`; absent when it does not run",
    ),
    field(
        "bounding_capabilities",
        TEXTS,
        "/proc/PID/status CapBnd",
        "what any process inside can ever hold, without `CAP_`; absent when it does not run",
    ),
    field("security_opt", TEXTS, "HostConfig.SecurityOpt", "as given; `label=disable` may be the daemon's own"),
    field(
        "no_new_privileges",
        BOOL,
        "HostConfig.SecurityOpt",
        "whether setuid programs gain nothing: by the option, the process, or the daemon's default; unknown where a Compose file leaves it to the daemon",
    ),
    field(
        "seccomp",
        Type::Word(&SECCOMP),
        "HostConfig.SecurityOpt",
        "unconfined, default or custom; absent where a Compose file leaves it to the engine, unknown where a manifest leaves it to the kubelet",
    ),
    field(
        "apparmor",
        Type::Text,
        "AppArmorProfile",
        "the profile or `unconfined`; absent when the daemon has no AppArmor, and where a manifest leaves it to the engine",
    ),
    field(
        "selinux_disabled",
        BOOL,
        "HostConfig.SecurityOpt",
        "whether `label=disable` was asked for; not when privileges or a host namespace alone imply it",
    ),
    field(
        "masked_paths",
        TEXTS,
        "HostConfig.MaskedPaths",
        "paths of /proc and /sys that are hidden; empty when privileged or `systempaths=unconfined`; unknown on Podman; of a declared one at least one of them, since the list is the engine's",
    ),
    field("readonly_paths", TEXTS, "HostConfig.ReadonlyPaths", "paths of /proc and /sys that are read-only"),
    field("sysctls", TEXT_MAP, "HostConfig.Sysctls", "kernel parameters set for it"),
    field("devices", Type::List(&Type::Record(DEVICE)), "HostConfig.Devices", "devices of the host given to it"),
    field("device_cgroup_rules", TEXTS, "HostConfig.DeviceCgroupRules", "classes of devices that it may open"),
    field(
        "device_requests",
        Type::Integer,
        "HostConfig.DeviceRequests",
        "number of requests for devices by a driver (GPUs)",
    ),
    // Which walls it has.
    field("pid_mode", Type::Text, "HostConfig.PidMode", "private, host or `container:<id>`"),
    field(
        "ipc_mode",
        Type::Text,
        "HostConfig.IpcMode",
        "private, shareable, host, none or `container:<id>`; absent where a manifest leaves it to the engine",
    ),
    field(
        "network_mode",
        Type::Text,
        "HostConfig.NetworkMode",
        "bridge, host, none, a network's name or `container:<id>`",
    ),
    field("uts_mode", Type::Text, "HostConfig.UTSMode", "private or host"),
    field("userns_mode", Type::Text, "HostConfig.UsernsMode", "`default` (as the daemon is set) or host"),
    field(
        "cgroupns_mode",
        Type::Text,
        "HostConfig.CgroupnsMode",
        "private or host; absent where a manifest leaves it to the engine",
    ),
    field("host_pid", BOOL, "HostConfig.PidMode", "sees and signals the host's processes"),
    field("host_ipc", BOOL, "HostConfig.IpcMode", "shares the host's shared memory"),
    field("host_network", BOOL, "HostConfig.NetworkMode", "has the host's interfaces and ports"),
    field("host_uts", BOOL, "HostConfig.UTSMode", "has the host's name"),
    field("host_userns", BOOL, "HostConfig.UsernsMode", "was taken out of the daemon's user namespace remapping"),
    field(
        "host_cgroupns",
        BOOL,
        "HostConfig.CgroupnsMode",
        "sees the host's control groups; absent where a manifest leaves it to the engine",
    ),
    field(
        "joins",
        TEXTS,
        "HostConfig",
        "containers whose pid, ipc or network namespace it shares, by id or name as given; services of a Compose file",
    ),
    field(
        "runtime",
        Type::Text,
        "HostConfig.Runtime",
        "runc, runsc, kata …; absent where a manifest leaves it to the engine",
    ),
    field("cgroup_parent", Type::Text, "HostConfig.CgroupParent", "absent when it is the daemon's default"),
    // What it may use up.
    field("memory", Type::Size, "HostConfig.Memory", "absent when unlimited"),
    field("memory_reservation", Type::Size, "HostConfig.MemoryReservation", "absent when none"),
    field(
        "memory_swap",
        Type::Size,
        "HostConfig.MemorySwap",
        "memory and swap together; absent when unlimited or left to the default",
    ),
    field("cpu_limited", BOOL, "HostConfig.NanoCpus", "by NanoCpus or CpuQuota; relative shares limit nothing"),
    field("pids_limit", Type::Integer, "HostConfig.PidsLimit", "absent when unlimited"),
    field(
        "ulimits",
        Type::List(&Type::Record(ULIMIT)),
        "HostConfig.Ulimits",
        "those given to it; the daemon's defaults are not among them",
    ),
    field("oom_kill_disable", BOOL, "HostConfig.OomKillDisable", ""),
    field(
        "oom_score_adj",
        Type::Integer,
        "HostConfig.OomScoreAdj",
        "-1000 to 1000; below 0 the host's other processes die first",
    ),
    field("restart_policy", Type::Text, "HostConfig.RestartPolicy.Name", "no, always, unless-stopped or on-failure"),
    field(
        "restart_retries",
        Type::Integer,
        "HostConfig.RestartPolicy.MaximumRetryCount",
        "0 is without end for on-failure",
    ),
    // What it sees of the host.
    field("readonly_rootfs", BOOL, "HostConfig.ReadonlyRootfs", ""),
    field("mounts", Type::List(&Type::Record(MOUNT)), "Mounts", "binds, volumes and others in effect"),
    field(
        "path_mount",
        Type::Word(&MOUNT_KIND),
        "Mounts",
        "what brings the path that was asked for (`path`); absent when it lies in the container's own layer, and goes with it, or none was asked for",
    ),
    field("path_writable", BOOL, "Mounts", "whether that mount may be written to; absent likewise"),
    field(
        "path_on_host",
        Type::Text,
        "Mounts",
        "which path of the host it is; absent likewise, and for what is kept in memory",
    ),
    field(
        "sensitive_mounts",
        TEXTS,
        "Mounts",
        "sources of bind mounts, also those made by way of a named volume, that hand out a part of the host. They are, contain or lie in: /bin /boot /dev /etc /lib \
         /lib32 /lib64 /proc /root /sbin /sys, the bin, sbin, lib and libexec directories of /usr and /usr/local, \
         /var/lib/{containerd,containers,docker,kubelet,systemd}, /var/spool/cron, \
         /run/{containerd,crio,dbus,docker,podman,secrets,systemd,udev}, an engine's socket; or are or contain /home, a home \
         directory, /run or /usr; or lie in a home's .ssh, .gnupg, .docker, .kube, .aws, .azure, .config, .local or .pgpass. \
         Not counted: /etc/hosts, /etc/localtime, /etc/resolv.conf, /etc/timezone, /etc/ssl/certs, /var/lib/kubelet/pods",
    ),
    field(
        "docker_socket_mounted",
        BOOL,
        "Mounts",
        "whether a mount brings the socket of docker, containerd, podman or cri-o, itself or in a directory; read-only protects nothing",
    ),
    field("volumes_from", TEXTS, "HostConfig.VolumesFrom", "containers whose volumes it has"),
    field("tmpfs", TEXT_MAP, "HostConfig.Tmpfs", "mount options by path, as given: `rw,noexec,nosuid,size=64m`"),
    field("shm_size", Type::Size, "HostConfig.ShmSize", "of /dev/shm; absent where a manifest leaves it to the engine"),
    // How it is reached.
    field(
        "ports",
        Type::List(&Type::Record(PORT)),
        "NetworkSettings.Ports",
        "published ports, in effect or as configured",
    ),
    field("published_on_all", TEXTS, "NetworkSettings.Ports", "ports published on every address, as `8080->80/tcp`"),
    field("publish_all", BOOL, "HostConfig.PublishAllPorts", "whether every exposed port is published (-P)"),
    field("networks", TEXTS, "NetworkSettings.Networks", "names of its networks"),
    field(
        "on_default_bridge",
        BOOL,
        "NetworkSettings.Networks",
        "whether it is on docker's default bridge, where all containers meet",
    ),
    field("links", TEXTS, "HostConfig.Links", "legacy links"),
    // How it is run.
    field(
        "log_driver",
        Type::Text,
        "HostConfig.LogConfig.Type",
        "json-file, local, journald, syslog, none …; absent where a manifest leaves it to the engine",
    ),
    field(
        "log_options",
        TEXT_MAP,
        "HostConfig.LogConfig.Config",
        "max-size, max-file …; a password in a URL is taken out",
    ),
    field(
        "healthcheck",
        BOOL,
        "Config.Healthcheck",
        "whether a health check runs, by the image or the container; unknown where a manifest leaves it to the image",
    ),
    field("health", Type::Text, "State.Health.Status", "starting, healthy or unhealthy; absent without a health check"),
    field(
        "init",
        BOOL,
        "HostConfig.Init",
        "whether an init reaps its zombies; absent when left to the daemon's default",
    ),
    field(
        "service_account_token",
        BOOL,
        "",
        "whether Kubernetes mounts the token of the pod's service account; absent outside of Kubernetes",
    ),
    field("auto_remove", BOOL, "HostConfig.AutoRemove", "whether it is removed when it ends (--rm)"),
];

//! Containers good and bad, by name: one for each thing that a rule about containers can see.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use super::docker::{Dockerd, IMAGE};
use super::registry::{PULLED, Registry};

/// How many `docker run` go on at once: the daemon waits for the kernel more than it computes.
const AT_ONCE: usize = 4;
/// A network without a way out.
pub(crate) const INTERNAL_NETWORK: &str = "internal";
/// What the container `env-secret` and an image hold, and no output may.
pub(crate) const SECRET: &str = "Zq7-not-to-be-seen-4421";
/// Images by what their Dockerfile says of users, variables and ports; nobody uses the last one.
const IMAGES: [(&str, &str); 6] = [
    ("local/root:1", "USER root"),
    ("local/app:1", "USER app"),
    ("local/app-number:1", "USER 1000:1000"),
    ("local/secret:1", "ENV DB_PASSWORD=Zq7-not-to-be-seen-4421"),
    ("local/shell:1", "EXPOSE 22"),
    ("local/unused:1", "USER 1000"),
];

/// One container: its name, and the words of `docker run` after it, image and command included.
struct Spec {
    name: &'static str,
    words: &'static [&'static str],
}

/// Everything that a rule can ask for, as an operator would write it.
const HARDENED: &[&str] = &[
    "--user",
    "1000:1000",
    "--read-only",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges:true",
    "--memory",
    "64m",
    "--memory-swap",
    "64m",
    "--cpus",
    "0.5",
    "--pids-limit",
    "64",
    "--ulimit",
    "nofile=512:512",
    "--network",
    INTERNAL_NETWORK,
    "--tmpfs",
    "/tmp:rw,noexec,nosuid,nodev,size=8m",
    "--restart",
    "on-failure:5",
    "--health-cmd",
    "true",
    "--health-interval",
    "1s",
    "--log-driver",
    "json-file",
    "--log-opt",
    "max-size=1m",
];

/// Text that turns around, clears the screen, sets the title, uses an eight-bit control, a wide and an invisible letter.
macro_rules! hostile_text {
    () => {
        "\u{202e}eulav\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}1m 漢\u{200b}"
    };
}
/// What the container `hostile` has in a label, a variable's name and a variable's value.
pub(crate) const HOSTILE: &str = hostile_text!();

const SPECS: &[Spec] = &[
    Spec { name: "plain", words: &[IMAGE] },
    Spec { name: "privileged", words: &["--privileged", IMAGE] },
    Spec { name: "root-by-image", words: &["local/root:1"] },
    Spec { name: "user-by-image", words: &["local/app:1"] },
    Spec { name: "user-by-image-number", words: &["local/app-number:1"] },
    Spec { name: "user-by-name", words: &["--user", "app", IMAGE] },
    Spec { name: "root-group", words: &["--user", "1000:0", IMAGE] },
    // Configured as root, running as 1000: what images with an entrypoint like PostgreSQL's do.
    Spec { name: "drops-root", words: &[IMAGE, "su", "app", "-c", "exec sleep 86400"] },
    Spec { name: "cap-add-sys-admin", words: &["--cap-add", "SYS_ADMIN", IMAGE] },
    Spec { name: "cap-drop-all-add-one", words: &["--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", IMAGE] },
    Spec { name: "docker-socket", words: &["-v", "/var/run/docker.sock:/var/run/docker.sock:ro", IMAGE] },
    Spec { name: "host-network", words: &["--network", "host", IMAGE] },
    Spec { name: "host-pid", words: &["--pid", "host", IMAGE] },
    Spec { name: "host-ipc", words: &["--ipc", "host", IMAGE] },
    Spec { name: "host-uts", words: &["--uts", "host", IMAGE] },
    Spec { name: "host-userns", words: &["--userns", "host", IMAGE] },
    Spec { name: "bind-etc", words: &["-v", "/etc:/host/etc:ro", IMAGE] },
    Spec { name: "bind-run", words: &["-v", "/run:/host/run:ro", IMAGE] },
    Spec { name: "bind-harmless", words: &["-v", "/usr/share/zoneinfo:/usr/share/zoneinfo:ro", IMAGE] },
    Spec { name: "bind-root", words: &["-v", "/:/host", IMAGE] },
    Spec { name: "bind-shared", words: &["-v", "/run/shared:/srv:rshared", IMAGE] },
    Spec { name: "device", words: &["--device", "/dev/null:/dev/other:rwm", IMAGE] },
    Spec { name: "device-cgroup-rule", words: &["--device-cgroup-rule", "b *:* rmw", IMAGE] },
    Spec { name: "seccomp-unconfined", words: &["--security-opt", "seccomp=unconfined", IMAGE] },
    Spec { name: "apparmor-unconfined", words: &["--security-opt", "apparmor=unconfined", IMAGE] },
    Spec { name: "published-everywhere", words: &["-p", "8080:80", IMAGE] },
    Spec { name: "published-on-loopback", words: &["-p", "127.0.0.1:8081:80", "-p", "127.0.0.1:8053:53/udp", IMAGE] },
    Spec { name: "published-by-default", words: &["--expose", "443", "-P", IMAGE] },
    Spec { name: "ulimit", words: &["--ulimit", "nofile=1024:4096", IMAGE] },
    Spec { name: "secret-placeholder", words: &["-e", "POSTGRES_PASSWORD=changeme", IMAGE] },
    Spec { name: "tls-verification-off", words: &["-e", "NODE_TLS_REJECT_UNAUTHORIZED=0", IMAGE] },
    Spec { name: "no-log", words: &["--log-driver", "none", IMAGE] },
    Spec { name: "env-secret", words: &["-e", "API_TOKEN=Zq7-not-to-be-seen-4421", IMAGE] },
    Spec { name: "secret-by-image", words: &["local/secret:1"] },
    Spec { name: "shell-by-image", words: &["local/shell:1"] },
    Spec { name: "cap-add-net-admin", words: &["--cap-add", "NET_ADMIN", IMAGE] },
    Spec { name: "device-allowed", words: &["--device", "/dev/net/tun", IMAGE] },
    Spec { name: "device-raw", words: &["--device", "/dev/kmsg:/dev/kmsg:r", IMAGE] },
    Spec { name: "group-add", words: &["--group-add", "42", IMAGE] },
    Spec {
        name: "unhealthy",
        words: &["--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1", IMAGE],
    },
    Spec { name: "systempaths-unconfined", words: &["--security-opt", "systempaths=unconfined", IMAGE] },
    Spec { name: "label-disable", words: &["--security-opt", "label=disable", IMAGE] },
    Spec { name: "no-oom-killer", words: &["--oom-kill-disable", "--memory", "32m", IMAGE] },
    Spec { name: "oom-score", words: &["--oom-score-adj", "-500", IMAGE] },
    Spec { name: "published-low", words: &["-p", "127.0.0.1:25:25", IMAGE] },
    Spec { name: "published-web", words: &["-p", "80:80", "-p", "443:443", IMAGE] },
    Spec { name: "published-ssh", words: &["-p", "127.0.0.1:2222:22", IMAGE] },
    Spec { name: "tmpfs-exec", words: &["--tmpfs", "/tmp:exec", IMAGE] },
    Spec { name: "ulimit-unlimited", words: &["--ulimit", "nproc=-1", IMAGE] },
    Spec { name: "always-restarting", words: &["--restart", "always", IMAGE] },
    Spec {
        name: "limits-by-quota",
        words: &["--cpu-period", "100000", "--cpu-quota", "50000", "--memory", "32m", IMAGE],
    },
    Spec { name: "tmpfs-default", words: &["--tmpfs", "/tmp", IMAGE] },
    Spec {
        name: "hostile",
        words: &[
            "--label",
            concat!("note=", hostile_text!()),
            "--label",
            "two\nlines=a\tb",
            "-e",
            concat!(hostile_text!(), "=", hostile_text!()),
            IMAGE,
        ],
    },
    Spec { name: "stopped", words: &[IMAGE, "true"] },
];

/// The set, running.
pub(crate) struct Containers {
    ids: BTreeMap<String, String>,
}

impl Containers {
    /// Starts the whole set, a few seconds; when this returns, `stopped` has ended and `hardened` is healthy.
    pub(crate) fn start(daemon: &Dockerd) -> Containers {
        for (image, instruction) in IMAGES {
            daemon.import(image, &[instruction, r#"CMD ["sleep", "86400"]"#]);
        }
        daemon.docker(&["network", "create", "--internal", INTERNAL_NETWORK]);
        let registry = Registry::start(daemon);
        for image in registry.images() {
            daemon.docker(&["pull", "--quiet", &image]);
        }
        let mut containers = Containers { ids: run_all(daemon, jobs(daemon, &registry)) };
        containers.lean_on_others(daemon);
        daemon.docker(&["wait", "stopped"]);
        await_health(daemon);
        containers
    }

    /// The full id of a container of the set.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.ids.get(name).unwrap_or_else(|| panic!("the set has no container {name}"))
    }

    /// Name and full id of every container, sorted by name.
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.ids
    }

    /// Those that share something of another one, which must be there first.
    fn lean_on_others(&mut self, daemon: &Dockerd) {
        let pid_and_network: &[&str] = &["--pid", "container:plain", "--network", "container:plain"];
        for (name, words) in [
            ("joins-plain", pid_and_network),
            ("linked", &["--link", "plain:db"]),
            ("volumes-from", &["--volumes-from", "bind-etc"]),
        ] {
            let words: Vec<&str> = ["--name", name].iter().chain(words).chain([&IMAGE]).copied().collect();
            self.ids.insert(name.to_owned(), daemon.run(&words));
        }
    }
}

/// Starts `count` more containers without options, named `crowd-<number>`, and gives their ids by name.
pub(crate) fn crowd(daemon: &Dockerd, count: usize) -> BTreeMap<String, String> {
    let job = |number| {
        let name = format!("crowd-{number}");
        (name.clone(), vec!["--name".to_owned(), name, IMAGE.to_owned()])
    };
    run_all(daemon, (0..count).map(job).collect())
}

/// Names and the words of `docker run` for each; gives the ids.
fn run_all(daemon: &Dockerd, jobs: Vec<(String, Vec<String>)>) -> BTreeMap<String, String> {
    let jobs = Mutex::new(jobs);
    let take = || jobs.lock().expect("no panic while taking a job").pop();
    let work = || {
        let mut ids = Vec::new();
        while let Some((name, words)) = take() {
            ids.push((name, daemon.run(&words)));
        }
        ids
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("every container starts")).collect()
    })
}

fn jobs(daemon: &Dockerd, registry: &Registry) -> Vec<(String, Vec<String>)> {
    let image_id = daemon.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let named = |name: &str, words: &[&str]| {
        let words = ["--name", name].iter().chain(words).map(|&word| word.to_owned()).collect();
        (name.to_owned(), words)
    };
    // By the image's digest: a name with one needs a registry.
    let hardened = HARDENED.iter().copied().chain([image_id.as_str()]).collect::<Vec<_>>();
    let group = format!("{}/elsewhere", daemon.control_group());
    let mut jobs: Vec<_> = SPECS.iter().map(|spec| named(spec.name, spec.words)).collect();
    jobs.push(named("hardened", &hardened));
    // Not where sockets of daemons usually are, but the one by which this daemon is asked.
    let socket = format!("{}:/engine", daemon.socket().display());
    jobs.push(named("own-socket", &["-v", &socket, IMAGE]));
    jobs.push(named("cgroup-parent", &["--cgroup-parent", &group, IMAGE]));
    jobs.extend(registry.images().iter().zip(PULLED).map(|(image, name)| named(name, &[image])));
    jobs
}

fn await_health(daemon: &Dockerd) {
    let health = || daemon.docker(&["inspect", "--format", "{{.State.Health.Status}}", "hardened", "unhealthy"]);
    let both = || health() == "healthy\nunhealthy";
    super::tools::wait_until("the health checks", std::time::Duration::from_secs(20), both, health);
}

//! A private Docker daemon.
//!
//! It runs in mount and network namespaces of its own. Network: two daemons in one namespace delete each other's bridge
//! and firewall chains, and a system's own daemon must not notice. Mount: what a daemon writes outside its folders
//! (`/run`, `/opt/containerd`, `/etc/docker`, the user that it makes for `userns-remap`) goes to memory, and no mount outlives it. `/run` being its own, the daemon
//! also serves `/run/docker.sock` there, so that containers can mount the very path that rules look for; it is a shared mount, as on a machine with systemd. Process numbers
//! are the machine's, so `/proc/<State.Pid>` is the container's process.
//!
//! A TCP listener is made out here and handed over as a systemd socket is, which joins the machine's loopback with the
//! daemon's namespace.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::pki::Pki;
use super::session::{component, session};
use super::sweep::{mark, sweep};
use super::tools;

/// Runs a shell in every container that names no command of its own.
pub(crate) const IMAGE: &str = "local/busybox:1";

/// `$1` is the folder with the OCI runtime; standard input may be a listener.
const LAUNCH: &str = r#"set -eu
ip link set lo up
for folder in /run /opt; do
    [ ! -d "$folder" ] || mount -n -t tmpfs tmpfs "$folder"
done
mount -n --make-shared /run
mkdir -p /run/etc/upper /run/etc/work
mount -n -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
PATH=$1:$PATH
shift
if [ -S /proc/self/fd/0 ]; then
    exec 3<&0 </dev/null
    export LISTEN_FDS=1 LISTEN_PID=$$
fi
exec "$@"
"#;

/// Stands before runc: where root lacks CAP_SYS_RESOURCE, as in a sandbox, no container may ask for it, for limits above
/// its own, or to be spared when memory ends. The daemon's own record of the container keeps what was asked.
const OCI_RUNTIME: &str = r#"#!/bin/sh
previous=
for word in "$@"; do
    case $previous in
        --bundle) file=$word/config.json ;;
        --process) file=$word ;;
        *) file= ;;
    esac
    [ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g
        s/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/; s/{"type":"RLIMIT_[A-Z]*","hard":18446744073709551615,"soft":[0-9]*}//' "$file"
    previous=$word
done
exec @RUNC@ "$@"
"#;

/// How the daemon is reached besides its unix socket.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tcp {
    #[default]
    No,
    /// Without TLS; the daemon warns about it in `/info`.
    Plain,
    /// With TLS, for clients with a certificate of the instance's CA.
    Tls,
}

#[derive(Default)]
pub(crate) struct Options {
    /// The content of `daemon.json`. Not with `hosts`, `exec-opts`, `cgroup-parent` or a path that the harness sets.
    pub(crate) daemon_json: Value,
    pub(crate) tcp: Tcp,
}

/// A running daemon; stopped with its containers when dropped.
pub(crate) struct Dockerd {
    dir: PathBuf,
    pki: Option<Pki>,
    port: Option<u16>,
    server: Child,
}

impl Dockerd {
    /// Starts a daemon and gives it [`IMAGE`]; one to two seconds.
    pub(crate) fn start(options: &Options) -> Dockerd {
        assert!(tools::is_root(), "a private Docker daemon needs root: run the live tests as root");
        let dir = session().instance("docker");
        let pki = (options.tcp == Tcp::Tls).then(|| issue_certificates(&dir));
        let listener =
            (options.tcp != Tcp::No).then(|| TcpListener::bind("127.0.0.1:0").expect("bind a loopback port"));
        let port = listener.as_ref().map(|listener| listener.local_addr().expect("bound").port());
        write_settings(&dir, &options.daemon_json);
        let server = launch(&dir, options.tcp, listener);
        let mut daemon = Dockerd { dir, pki, port, server };
        daemon.await_ready();
        daemon.import_image();
        daemon
    }

    /// The daemon's folder; its data are in `data`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The daemon's process.
    pub(crate) fn process(&self) -> u32 {
        // `unshare` and the shell behind it become the daemon.
        self.server.id()
    }

    /// The control group below which all of its containers lie.
    pub(crate) fn control_group(&self) -> String {
        format!("/{}", mark(&self.dir).trim_end_matches('/'))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    /// `DOCKER_HOST` for the unix socket.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// `DOCKER_HOST` for the TCP listener.
    pub(crate) fn tcp_host(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port.expect("the daemon was started with a TCP listener"))
    }

    /// `DOCKER_CERT_PATH`: a folder with `ca.pem`, `cert.pem` and `key.pem` for a client.
    pub(crate) fn cert_path(&self) -> PathBuf {
        assert!(self.pki.is_some(), "the daemon was started without TLS");
        self.dir.join("client")
    }

    /// The CA of a daemon with TLS.
    pub(crate) fn pki(&self) -> &Pki {
        self.pki.as_ref().expect("the daemon was started without TLS")
    }

    /// The `docker` command, for this daemon and without anything of the user's settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = component(tools::find("docker"), &self.dir);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DOCKER_") {
                command.env_remove(name);
            }
        }
        command.env("DOCKER_CONFIG", self.dir.join("cli")).env("DOCKER_HOST", self.host());
        command
    }

    /// What `docker <arguments>` prints.
    pub(crate) fn docker<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        tools::run(self.command().args(arguments.iter().map(AsRef::as_ref)))
    }

    /// Starts a container in the background and gives its id: `docker run -d <arguments>`.
    pub(crate) fn run<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        let arguments = arguments.iter().map(AsRef::as_ref);
        tools::run(self.command().args(["run", "-d"]).args(arguments))
    }

    /// Removes a container, running or not.
    pub(crate) fn remove(&self, container: &str) {
        self.docker(&["rm", "-f", "-v", container]);
    }

    /// What `docker inspect` says about one object.
    pub(crate) fn inspect(&self, object: &str) -> Value {
        let text = self.docker(&["inspect", object]);
        let list: Value = serde_json::from_str(&text).expect("docker inspect prints JSON");
        list.get(0).cloned().expect("docker inspect prints a list")
    }

    /// A new image from the root file system of [`IMAGE`], with Dockerfile instructions.
    pub(crate) fn import(&self, image: &str, instructions: &[&str]) {
        let mut tar = component(tools::find("tar"), &self.dir)
            .arg("-C")
            .arg(self.dir.join("rootfs"))
            .args(["-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .expect("start tar");
        let mut command = self.command();
        command.arg("import");
        for instruction in instructions {
            command.args(["--change", instruction]);
        }
        command.args(["-", image]).stdin(tar.stdout.take().expect("piped"));
        let output = command.output().expect("run docker import");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker import failed: {words}");
        assert!(tar.wait().expect("wait for tar").success(), "tar failed");
    }

    /// The end of the daemon's log.
    pub(crate) fn log(&self) -> String {
        tools::tail(&self.dir.join("log"))
    }

    fn await_ready(&mut self) {
        let log = self.dir.join("log");
        let mut ask = self.command();
        ask.args(["version", "--format", "{{.Server.Version}}"]);
        let server = &mut self.server;
        let ready = || {
            let ended = server.try_wait().expect("wait for dockerd");
            assert!(ended.is_none(), "dockerd has ended:\n{}", tools::tail(&log));
            tools::try_run(&mut ask).is_ok()
        };
        tools::wait_until("dockerd", Duration::from_secs(60), ready, || tools::tail(&log));
    }

    /// Busybox, two users, and nothing else.
    fn import_image(&self) {
        let root = self.dir.join("rootfs");
        for (folder, mode) in [("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("data", 0o777)] {
            tools::make_dir(&root.join(folder), mode);
        }
        let busybox = tools::find("busybox");
        fs::copy(&busybox, root.join("bin/busybox")).expect("copy busybox");
        for applet in tools::run(Command::new(&busybox).arg("--list")).lines().filter(|&applet| applet != "busybox") {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).expect("link an applet");
        }
        let passwd = "root:x:0:0:root:/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
        tools::write_file(&root.join("etc/passwd"), passwd, 0o644);
        tools::write_file(&root.join("etc/group"), "root:x:0:\napp:x:1000:\n", 0o644);
        self.import(IMAGE, &[r#"CMD ["sleep", "86400"]"#]);
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // Containers and daemon at once: an orderly stop waits ten seconds for each process that ignores SIGTERM.
        if let Err(left) = sweep(&self.dir) {
            eprintln!("dockerd left behind: {left}");
        }
        let _ = self.server.wait();
    }
}

/// A CA, the daemon's certificate, and a client's in the files that `DOCKER_CERT_PATH` wants.
fn issue_certificates(dir: &Path) -> Pki {
    let pki = Pki::create(&dir.join("pki"), "docker test CA");
    pki.issue_server("server");
    pki.issue_client("client");
    let client = dir.join("client");
    tools::make_dir(&client, 0o700);
    for (from, name) in [(pki.ca(), "ca.pem"), (pki.certificate("client"), "cert.pem"), (pki.key("client"), "key.pem")]
    {
        tools::write_file(&client.join(name), fs::read(from).expect("read what openssl wrote"), 0o600);
    }
    pki
}

fn write_settings(dir: &Path, daemon_json: &Value) {
    let text = if daemon_json.is_null() { "{}".to_owned() } else { daemon_json.to_string() };
    tools::write_file(&dir.join("daemon.json"), text, 0o644);
    let runc = tools::find("runc");
    tools::make_dir(&dir.join("oci"), 0o755);
    tools::make_dir(&dir.join("cli"), 0o755);
    tools::make_dir(&dir.join("tmp"), 0o700);
    tools::write_file(&dir.join("oci/runc"), OCI_RUNTIME.replace("@RUNC@", &runc.display().to_string()), 0o755);
}

fn launch(dir: &Path, tcp: Tcp, listener: Option<TcpListener>) -> Child {
    let log = fs::File::create(dir.join("log")).expect("create the daemon's log");
    let errors = log.try_clone().expect("duplicate the daemon's log");
    let mut command = component(tools::find("unshare"), dir);
    command.args(["--mount", "--net", "--", "bash", "-c", LAUNCH, "launch"]).arg(dir.join("oci"));
    command.arg(tools::find("dockerd"));
    // A containerd that answers late on a busy machine is told to write its stacks to the temporary folder.
    command.env("TMPDIR", dir.join("tmp"));
    for (flag, name) in [
        ("--config-file", "daemon.json"),
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "dockerd.pid"),
    ] {
        command.arg(flag).arg(dir.join(name));
    }
    // With control groups by file system, those of the containers lie below a name of ours, with systemd or without.
    command.args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent"]);
    command.arg(format!("/{}", mark(dir).trim_end_matches('/')));
    command.arg("-H").arg(format!("unix://{}", dir.join("docker.sock").display()));
    command.args(["-H", "unix:///run/docker.sock"]);
    match tcp {
        Tcp::No => {}
        // The second address is in the daemon's own namespace: it makes the daemon know that it serves plain TCP.
        Tcp::Plain => _ = command.args(["-H", "fd://", "-H", "tcp://127.0.0.1:2375", "--tls=false"]),
        Tcp::Tls => {
            command.args(["-H", "fd://", "--tlsverify"]);
            for (flag, name) in [("--tlscacert", "ca.crt"), ("--tlscert", "server.crt"), ("--tlskey", "server.key")] {
                command.arg(flag).arg(dir.join("pki").join(name));
            }
        }
    }
    if let Some(listener) = listener {
        command.stdin(OwnedFd::from(listener));
    }
    command.stdout(log).stderr(errors).spawn().expect("start dockerd")
}

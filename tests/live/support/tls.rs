//! Servers that speak TLS: nginx, MariaDB, `openssl s_server` and a JDK that still speaks SSL 3, each on a loopback port.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::pki::{Pki, Wanted};
use super::session::{component, session};
use super::sweep::sweep;
use super::tools;

const OLD_SERVER: &str = include_str!("OldServer.java");

/// A running server; stopped when dropped.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    pub(crate) dir: PathBuf,
    server: Child,
}

impl TlsServer {
    /// nginx with one TLS server, and these directives in it. It is one process: workers would outlive a master that is
    /// killed, and the sweep would not know them, since nginx writes over its environment.
    pub(crate) fn nginx(pki: &Pki, certificates: &[&str], directives: &str) -> TlsServer {
        let dir = session().instance("nginx");
        let port = tools::free_port();
        let shown: String = certificates
            .iter()
            .map(|name| {
                let (certificate, key) = (pki.certificate(name), pki.key(name));
                format!("ssl_certificate {}; ssl_certificate_key {};\n", certificate.display(), key.display())
            })
            .collect();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.display()))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {0}/pid; error_log {0}/log;\nevents {{}}\nhttp {{ access_log off;\n{temporary}\
             server {{ listen 127.0.0.1:{port} ssl; server_name localhost;\n{shown}{directives}\n}} }}\n",
            dir.display()
        );
        tools::write_file(&dir.join("nginx.conf"), text, 0o644);
        let mut command = component(tools::find("nginx"), &dir);
        command.arg("-c").arg(dir.join("nginx.conf")).arg("-p").arg(&dir);
        TlsServer::start(command, dir, port)
    }

    /// MariaDB with this certificate.
    pub(crate) fn mariadb(pki: &Pki, certificate: &str) -> TlsServer {
        TlsServer::mariadb_with(&[("ssl-cert", pki.certificate(certificate)), ("ssl-key", pki.key(certificate))])
    }

    /// MariaDB that speaks no TLS.
    pub(crate) fn mariadb_without_tls() -> TlsServer {
        TlsServer::mariadb_with(&[])
    }

    fn mariadb_with(tls: &[(&str, PathBuf)]) -> TlsServer {
        let dir = session().instance("maria");
        let port = tools::free_port();
        let data = dir.join("data");
        tools::make_dir(&data, 0o755);
        let root: &[&str] = if tools::is_root() { &["--user=root"] } else { &[] };
        tools::run(
            Command::new(tools::find("mariadb-install-db"))
                .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
                .args(root)
                .arg(format!("--datadir={}", data.display())),
        );
        let mut command = component(tools::find("mariadbd"), &dir);
        command.arg("--no-defaults").args(root).args(["--bind-address=127.0.0.1", "--skip-grant-tables"]);
        command.arg("--skip-networking=0").arg(format!("--port={port}"));
        let own = [("datadir", data), ("socket", dir.join("socket"))];
        for (option, path) in own.iter().chain(tls) {
            command.arg(format!("--{option}={}", path.display()));
        }
        TlsServer::start(command, dir, port)
    }

    /// A JDK in which nothing is disabled, at these protocols.
    pub(crate) fn java(pki: &Pki, certificate: &str, protocols: &str) -> TlsServer {
        let dir = session().instance("java");
        let port = tools::free_port();
        let store = dir.join("store.p12");
        tools::run(
            Command::new(tools::find("openssl"))
                .args(["pkcs12", "-export", "-passout", "pass:secret", "-name", "server", "-in"])
                .arg(pki.certificate(certificate))
                .arg("-inkey")
                .arg(pki.key(certificate))
                .arg("-out")
                .arg(&store),
        );
        tools::write_file(&dir.join("OldServer.java"), OLD_SERVER, 0o644);
        let mut command = component(java(), &dir);
        command.arg(dir.join("OldServer.java")).arg(port.to_string()).arg(store).arg(protocols);
        TlsServer::start(command, dir, port)
    }

    /// `openssl s_server` with this certificate and these arguments.
    pub(crate) fn openssl(pki: &Pki, certificate: &str, arguments: &[&str]) -> TlsServer {
        let dir = session().instance("openssl");
        let port = tools::free_port();
        let mut command = component(tools::find("openssl"), &dir);
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
        command.arg(pki.certificate(certificate)).arg("-key").arg(pki.key(certificate)).args(arguments);
        TlsServer::start(command, dir, port)
    }

    fn start(mut command: Command, dir: PathBuf, port: u16) -> TlsServer {
        let output = std::fs::File::create(dir.join("output")).expect("create a log");
        command.stdout(output.try_clone().expect("share a log")).stderr(output);
        let server = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        tools::wait_until("a TLS server", Duration::from_secs(60), ready, || tools::tail(&dir.join("output")));
        TlsServer { port, dir, server }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = sweep(&self.dir);
    }
}

/// Java 17, the last but one that still has SSL 3 and RC4 to switch on.
fn java() -> PathBuf {
    let installed = Path::new("/usr/lib/jvm/java-17-openjdk-amd64/bin/java");
    if tools::is_executable(installed) { installed.to_path_buf() } else { tools::find("java") }
}

/// A CA that issued `rsa` and `ec` for localhost, and what should not be served: `old`, `other`, `own`.
pub(crate) fn pki() -> Pki {
    let pki = Pki::create(&session().instance("tlspki"), "TLS test CA");
    let names = Some("DNS:localhost,IP:127.0.0.1");
    let rsa = Wanted { subject: "rsa", key: "rsa:2048", digest: "sha256", days: 90, names, self_signed: false };
    pki.issue_as("rsa", &rsa);
    pki.issue_server("ec");
    pki.issue_as("old", &Wanted { days: -1, ..rsa });
    pki.issue_as("other", &Wanted { names: Some("DNS:other.example"), key: "rsa:1024", digest: "sha1", ..rsa });
    pki.issue_as("own", &Wanted { self_signed: true, ..rsa });
    pki
}

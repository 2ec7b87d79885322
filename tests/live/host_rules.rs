//! The shipped rules about a host's files, log-in keys and certificates, on two trees made by the system's own tools: one
//! where everything is as it should be, and one where each rule finds what was planted for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::support::harden::harden;
use crate::support::host::Root;
use crate::support::pki::{Pki, Wanted};
use crate::support::session::session;
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        a_hardened_tree_fails_nothing_and_every_rule_has_passed,
        every_rule_fails_where_it_was_planted,
        what_is_not_planted_does_not_fail,
        declared_files,
        what_is_closed_to_an_ordinary_user_is_unknown,
        the_whole_default_profile,
    ]
}

/// Files of both trees: path, owner and group, mode when hardened and when weak.
const FILES: &[(&str, (u32, u32), u32, u32)] = &[
    ("/etc/audit/auditd.conf", ROOT, 0o640, 0o644),
    ("/var/log/auth.log", (0, ADM), 0o640, 0o644),
    ("/var/log/wtmp", (0, UTMP), 0o664, 0o666),
    ("/var/backups/db/orders.sql.gz", ROOT, 0o600, 0o644),
    ("/usr/bin/tool", ROOT, 0o755, 0o777),
    ("/boot/grub/grub.cfg", ROOT, 0o600, 0o666),
    ("/boot/grub2/user.cfg", ROOT, 0o600, 0o644),
    ("/var/lib/cloud/instances/i-1/user-data.txt", ROOT, 0o600, 0o644),
    ("/etc/cron.allow", ROOT, 0o640, 0o666),
    ("/etc/cron.hourly/job", ROOT, 0o755, 0o777),
    ("/etc/docker/certs.d/registry/ca.crt", ROOT, 0o644, 0o666),
    ("/etc/docker/certs.d/registry/client.key", ROOT, 0o600, 0o644),
    ("/etc/docker/tls/key.pem", ROOT, 0o600, 0o640),
    ("/srv/app/.env", (1000, 1000), 0o640, 0o644),
    ("/root/.bash_history", ROOT, 0o600, 0o644),
    ("/etc/init.d/service", ROOT, 0o755, 0o775),
    ("/etc/sysctl.d/99.conf", ROOT, 0o644, 0o664),
    ("/etc/kubernetes/admin.conf", ROOT, 0o600, 0o644),
    ("/etc/ld.so.conf", ROOT, 0o644, 0o646),
    ("/etc/mysql/debian.cnf", ROOT, 0o600, 0o644),
    ("/etc/hosts", ROOT, 0o644, 0o666),
    ("/etc/security/opasswd", ROOT, 0o600, 0o644),
    ("/etc/apt/sources.list.d/a.list", ROOT, 0o644, 0o664),
    ("/etc/pam.d/login", ROOT, 0o644, 0o666),
    ("/etc/passwd-", ROOT, 0o644, 0o664),
    ("/root/.pg_service.conf", ROOT, 0o600, 0o666),
    ("/home/ann/.pgpass", ANN, 0o600, 0o604),
    ("/etc/postgresql/15/main/postgresql.conf", (POSTGRES, POSTGRES), 0o644, 0o664),
    ("/etc/postgresql/15/main/pg_hba.conf", (POSTGRES, POSTGRES), 0o640, 0o644),
    ("/root/.aws/credentials", ROOT, 0o600, 0o644),
    ("/root/.bashrc", ROOT, 0o644, 0o666),
    ("/etc/logrotate.d/app", ROOT, 0o644, 0o666),
    ("/etc/shadow-", (0, SHADOW), 0o640, 0o644),
    ("/etc/profile.d/all.sh", ROOT, 0o644, 0o666),
    ("/etc/sudoers", ROOT, 0o440, 0o444),
    ("/etc/sudoers.d/ann", ROOT, 0o440, 0o460),
    ("/swapfile", ROOT, 0o600, 0o644),
    ("/etc/systemd/system/app.service", ROOT, 0o644, 0o666),
    ("/home/ann/.netrc", ANN, 0o600, 0o640),
    ("/var/spool/cron/crontabs/ann", (1000, CRONTAB), 0o600, 0o644),
    ("/home/ann/.bashrc", ANN, 0o644, 0o664),
    ("/etc/ssh/ssh_config", ROOT, 0o644, 0o666),
    ("/etc/ssh/sshd_config", ROOT, 0o644, 0o666),
    ("/etc/ssl/openssl.cnf", ROOT, 0o644, 0o666),
    ("/etc/hosts.equiv", ROOT, 0o600, 0o600),
    ("/etc/ld.so.preload", ROOT, 0o644, 0o644),
];
/// Directories, as [`FILES`].
const FOLDERS: &[(&str, (u32, u32), u32, u32)] = &[
    ("/tmp", ROOT, 0o1777, 0o777),
    ("/var/log", ROOT, 0o755, 0o777),
    ("/root", ROOT, 0o700, 0o755),
    ("/opt", ROOT, 0o755, 0o775),
    ("/home/ann", ANN, 0o750, 0o755),
    ("/home/bob", (1001, 1001), 0o750, 0o777),
    ("/home/ann/.ssh", ANN, 0o700, 0o755),
    ("/home/bob/.ssh", (1001, 1001), 0o700, 0o775),
    ("/root/.ssh", ROOT, 0o700, 0o700),
    ("/etc/docker", ROOT, 0o755, 0o777),
    ("/etc/cron.d", ROOT, 0o755, 0o777),
    ("/etc/sudoers.d", ROOT, 0o750, 0o770),
    ("/var/lib/docker", ROOT, 0o710, 0o755),
    ("/var/lib/postgresql/15/main", (POSTGRES, POSTGRES), 0o700, 0o755),
    ("/etc/letsencrypt/archive", ROOT, 0o700, 0o755),
];

const ROOT: (u32, u32) = (0, 0);
const ANN: (u32, u32) = (1000, 1000);
const ADM: u32 = 4;
const SHADOW: u32 = 42;
const UTMP: u32 = 43;
const POSTGRES: u32 = 101;
const CRONTAB: u32 = 102;
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:101::/var/lib/postgresql:/bin/bash\n\
    ann:x:1000:1000::/home/ann:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\n";
const GROUP: &str =
    "root:x:0:\nadm:x:4:\nshadow:x:42:\nutmp:x:43:\npostgres:x:101:\ncrontab:x:102:\nann:x:1000:\nbob:x:1001:\n";

/// Each rule, where it must fail in the weak tree, and the field that says why.
const PLANTED: &[(&str, &str, &str)] = &[
    ("host-audit-config-mode", "/etc/audit/auditd.conf", "mode"),
    ("host-auth-log-mode", "/var/log/auth.log", "mode"),
    ("host-backup-dumps-mode", "/var/backups/db/orders.sql.gz", "mode"),
    ("host-binaries-owner", "/usr/bin/owned", "owner"),
    ("host-binaries-writable", "/usr/bin/tool", "mode"),
    ("host-boot-config-writable", "/boot/grub/grub.cfg", "mode"),
    ("host-boot-password-hash-mode", "/boot/grub2/user.cfg", "mode"),
    ("host-cloud-init-user-data-mode", "/var/lib/cloud/instances/i-1/user-data.txt", "mode"),
    ("host-containerd-socket-mode", "/run/containerd/containerd.sock", "mode"),
    ("host-cron-allow-writable", "/etc/cron.allow", "mode"),
    ("host-cron-directories-writable", "/etc/cron.d", "mode"),
    ("host-cron-files-writable", "/etc/cron.hourly/job", "mode"),
    // Nobody may write to it, but anybody may put another in its place.
    ("host-cron-files-writable", "/etc/cron.d/sound", "ancestors_writable_by"),
    ("host-disk-device-mode", "/dev/sdz", "mode"),
    ("host-docker-config-directory", "/etc/docker", "mode"),
    ("host-docker-config-writable", "/etc/docker/daemon.json", "ancestors_writable_by"),
    ("host-docker-data-directory-mode", "/var/lib/docker", "mode"),
    ("host-docker-registry-certificates-writable", "/etc/docker/certs.d/registry/ca.crt", "mode"),
    ("host-docker-registry-key-mode", "/etc/docker/certs.d/registry/client.key", "mode"),
    ("host-docker-socket-mode", "/var/run/docker.sock", "mode"),
    ("host-docker-tls-key-mode", "/etc/docker/tls/key.pem", "mode"),
    ("host-dotenv-file-mode", "/srv/app/.env", "mode"),
    ("host-history-mode", "/root/.bash_history", "mode"),
    ("host-home-directories-writable", "/home/bob", "mode"),
    ("host-init-scripts-writable", "/etc/init.d/service", "mode"),
    ("host-kernel-config-writable", "/etc/sysctl.d/99.conf", "mode"),
    ("host-kubernetes-admin-config-mode", "/etc/kubernetes/admin.conf", "mode"),
    ("host-loader-config-writable", "/etc/ld.so.conf", "mode"),
    ("host-log-directory-mode", "/var/log", "mode"),
    ("host-login-records-mode", "/var/log/wtmp", "mode"),
    ("host-mysql-maintenance-credentials-mode", "/etc/mysql/debian.cnf", "mode"),
    ("host-name-resolution-writable", "/etc/hosts", "mode"),
    ("host-opasswd-mode", "/etc/security/opasswd", "mode"),
    ("host-package-sources-writable", "/etc/apt/sources.list.d/a.list", "mode"),
    ("host-pam-writable", "/etc/pam.d/login", "mode"),
    ("host-passwd-backup-mode", "/etc/passwd-", "mode"),
    ("host-passwd-mode", "/etc/passwd", "mode"),
    ("host-pg-service-file-writable", "/root/.pg_service.conf", "mode"),
    ("host-pgpass-file-mode", "/home/ann/.pgpass", "mode"),
    // Through a link into a directory that no pattern names.
    ("host-pgpass-file-mode", "/root/.pgpass", "mode"),
    ("host-postgres-config-writable", "/etc/postgresql/15/main/postgresql.conf", "mode"),
    ("host-postgres-data-directory-mode", "/var/lib/postgresql/15/main", "mode"),
    ("host-postgres-hba-file-mode", "/etc/postgresql/15/main/pg_hba.conf", "mode"),
    ("host-preload-empty", "/etc/ld.so.preload", "size"),
    ("host-root-credentials-mode", "/root/.aws/credentials", "mode"),
    ("host-root-dotfiles-writable", "/root/.bashrc", "mode"),
    ("host-root-home-mode", "/root", "mode"),
    ("host-root-hooks-writable", "/etc/logrotate.d/app", "mode"),
    ("host-shadow-backup-mode", "/etc/shadow-", "mode"),
    // Mode 0640 as it should be, and one more user may read it.
    ("host-shadow-mode", "/etc/shadow", "acl_extended"),
    ("host-shared-directories-sticky", "/tmp", "mode"),
    ("host-shell-startup-writable", "/etc/profile.d/all.sh", "mode"),
    ("host-sudoers-directory", "/etc/sudoers.d", "mode"),
    ("host-sudoers-readable", "/etc/sudoers", "mode"),
    ("host-sudoers-writable", "/etc/sudoers.d/ann", "mode"),
    ("host-swap-file-mode", "/swapfile", "mode"),
    ("host-system-directories-writable", "/opt", "mode"),
    ("host-units-writable", "/etc/systemd/system/app.service", "mode"),
    ("host-user-credentials-mode", "/home/ann/.netrc", "mode"),
    ("host-user-crontab-mode", "/var/spool/cron/crontabs/ann", "mode"),
    ("host-user-dotfiles-writable", "/home/ann/.bashrc", "mode"),
    ("ssh-authorized-key-no-dsa", "/home/ann/.ssh/authorized_keys:2", "key_type"),
    ("ssh-authorized-key-rsa-2048", "/home/ann/.ssh/authorized_keys:1", "key_bits"),
    ("ssh-authorized-keys-writable", "/home/ann/.ssh/authorized_keys", "mode"),
    ("ssh-client-config-writable", "/etc/ssh/ssh_config", "mode"),
    ("ssh-daemon-config-writable", "/etc/ssh/sshd_config", "mode"),
    ("ssh-directory-private", "/home/ann/.ssh", "mode"),
    ("ssh-directory-writable", "/home/bob/.ssh", "mode"),
    ("ssh-host-key-mode", "/etc/ssh/ssh_host_ed25519_key", "mode"),
    ("ssh-host-key-rsa-3072", "/etc/ssh/ssh_host_rsa_key", "key_bits"),
    ("ssh-host-key-strength", "/etc/ssh/ssh_host_dsa_key", "key_type"),
    ("ssh-host-public-key-writable", "/etc/ssh/ssh_host_ed25519_key.pub", "mode"),
    ("ssh-rhosts-absent", "/etc/hosts.equiv", "size"),
    ("ssh-root-authorized-keys-writable", "/root/.ssh/authorized_keys", "mode"),
    ("ssh-user-key-encrypted", "/home/ann/.ssh/id_ed25519", "encrypted"),
    ("ssh-user-key-mode", "/home/ann/.ssh/id_ed25519", "mode"),
    ("ssh-user-key-strength", "/home/bob/.ssh/id_rsa", "key_bits"),
    ("tls-certificate-development", "/etc/nginx/tls/development.crt", "subject"),
    ("tls-certificate-expiry-window", "/etc/nginx/tls/soon.crt", "not_after"),
    ("tls-certificate-file-writable", "/etc/nginx/tls/site.crt", "mode"),
    ("tls-certificate-key-strength", "/etc/nginx/tls/short.crt", "key_bits"),
    ("tls-certificate-names", "/etc/nginx/tls/nameless.crt", "san"),
    ("tls-certificate-self-signed", "/etc/nginx/tls/own.crt", "self_signed"),
    ("tls-certificate-signature-hash", "/etc/nginx/tls/sha1.crt", "signature_hash"),
    ("tls-certificate-valid-now", "/etc/nginx/tls/expired.crt", "not_after"),
    ("tls-key-in-bundle-mode", "/etc/haproxy/certs/site.pem", "mode"),
    ("tls-letsencrypt-chain-trusted", "/etc/letsencrypt/live/site/fullchain.pem", "chain_trusted"),
    ("tls-letsencrypt-key-matches", "/etc/letsencrypt/live/site/fullchain.pem", "key_matches"),
    // Either may be closed, so both are named.
    ("tls-letsencrypt-key-mode", "/etc/letsencrypt/archive/site/privkey1.pem, /etc/letsencrypt/archive", "mode"),
    ("tls-letsencrypt-renewed", "/etc/letsencrypt/live/site/fullchain.pem", "not_after"),
    ("tls-private-key-mode", "/etc/ssl/private/site.key", "mode"),
    ("tls-server-key-mode", "/etc/nginx/tls/site.key", "mode"),
    ("tls-trust-store-writable", "/etc/ssl/openssl.cnf", "mode"),
    ("tls-declared-chain-trusted", "/etc/app/expired.crt", "chain_trusted"),
    ("tls-declared-expiry-window", "/etc/app/soon.crt", "not_after"),
    ("tls-declared-host-matches", "/etc/app/expired.crt", "matches_host"),
    ("tls-declared-key-matches", "/etc/app/expired.crt", "key_matches"),
    ("tls-declared-key-mode", "/etc/app/server.key", "mode"),
    ("tls-declared-key-strength", "/etc/app/short.crt", "key_bits"),
    ("tls-declared-signature-hash", "/etc/app/sha1.crt", "signature_hash"),
    ("tls-declared-valid-now", "/etc/app/expired.crt", "not_after"),
];

/// Rules that have nothing to say about the hardened tree, and why.
const NOT_APPLICABLE_WHEN_HARDENED: &[(&str, &str)] = &[];

struct Trees {
    hardened: Root,
    weak: Root,
}

fn trees() -> &'static Trees {
    static TREES: LazyLock<Trees> = LazyLock::new(|| Trees { hardened: tree(false), weak: tree(true) });
    &TREES
}

fn tree(weak: bool) -> Root {
    let root = Root::new();
    let pick = |good: u32, bad: u32| if weak { bad } else { good };
    for &(path, (user, group), good, bad) in FOLDERS {
        root.folder(path, pick(good, bad)).owner(path, user, group);
    }
    for &(path, (user, group), good, bad) in FILES {
        root.file(path, "", pick(good, bad)).owner(path, user, group);
    }
    root.file("/etc/ssh/sshd_config", SSHD_CONFIG, pick(0o644, 0o666));
    root.file("/etc/passwd", PASSWD, pick(0o644, 0o646)).file("/etc/group", GROUP, 0o644);
    root.file("/etc/shadow", "root:*:1::::::\n", 0o640).owner("/etc/shadow", 0, SHADOW);
    root.file("/usr/bin/owned", "", 0o755).file("/etc/cron.d/sound", "", 0o644);
    root.file("/etc/docker/daemon.json", r#"{"tlskey": "/etc/docker/tls/key.pem"}"#, 0o644);
    root.link("/var/run", "/run");
    for (socket, good) in [("/run/docker.sock", 0o660), ("/run/containerd/containerd.sock", 0o660)] {
        root.socket(socket).mode(socket, pick(good, 0o666));
    }
    root.device("/dev/sdz", pick(0o660, 0o666));
    let elsewhere = "/srv/passwords/pgpass";
    root.file(elsewhere, "h:5432:d:u:p\n", pick(0o600, 0o644)).link("/root/.pgpass", elsewhere);
    if weak {
        root.owner("/usr/bin/owned", 1000, 0).acl("/etc/shadow", "u:1000:r");
        root.file("/etc/ld.so.preload", "/lib/evil.so\n", 0o644).file("/etc/hosts.equiv", "+\n", 0o600);
    }
    log_in_keys(&root, weak);
    certificates(&root, weak);
    root
}

/// A key pair by ssh-keygen at `path`, with the public key beside it.
fn ssh_key(root: &Root, path: &str, kind: &[&str], passphrase: &str, owner: (u32, u32), mode: u32) {
    let mut command = Command::new(tools::find("ssh-keygen"));
    command.args(["-q", "-N", passphrase, "-C", "test", "-f"]).arg(root.at(path)).arg("-t").args(kind);
    tools::run(&mut command);
    root.owner(path, owner.0, owner.1).mode(path, mode);
}

fn log_in_keys(root: &Root, weak: bool) {
    let pick = |good: u32, bad: u32| if weak { bad } else { good };
    let bits = |good: &'static str, bad: &'static str| if weak { bad } else { good };
    let passphrase = bits("five words that nobody knows", "");
    ssh_key(root, "/etc/ssh/ssh_host_ed25519_key", &["ed25519"], "", ROOT, pick(0o600, 0o644));
    root.mode("/etc/ssh/ssh_host_ed25519_key.pub", pick(0o644, 0o666));
    ssh_key(root, "/etc/ssh/ssh_host_rsa_key", &["rsa", "-b", bits("3072", "2048")], "", ROOT, 0o600);
    ssh_key(root, "/home/ann/.ssh/id_ed25519", &["ed25519"], passphrase, ANN, pick(0o600, 0o644));
    let bob = (1001, 1001);
    ssh_key(root, "/home/bob/.ssh/id_rsa", &["rsa", "-b", bits("3072", "1024")], passphrase, bob, 0o600);
    let public = |path: &str| fs::read_to_string(root.at(path)).expect("ssh-keygen wrote a public key");
    let mut keys = public("/home/bob/.ssh/id_rsa.pub");
    if weak {
        ssh_key(root, "/etc/ssh/ssh_host_dsa_key", &["dsa"], "", ROOT, 0o600);
        keys += &public("/etc/ssh/ssh_host_dsa_key.pub");
    } else {
        keys += &public("/home/ann/.ssh/id_ed25519.pub");
    }
    for (path, (user, group)) in [("/home/ann/.ssh/authorized_keys", ANN), ("/root/.ssh/authorized_keys", ROOT)] {
        root.file(path, &keys, pick(0o600, 0o664)).owner(path, user, group);
    }
}

const SOUND: Wanted = Wanted {
    subject: "www.harden.test",
    key: "rsa:2048",
    digest: "sha256",
    days: 89,
    names: Some("DNS:www.harden.test"),
    self_signed: false,
};

fn certificates(root: &Root, weak: bool) {
    let pick = |good: u32, bad: u32| if weak { bad } else { good };
    let pki = Pki::create(&session().instance("pki"), "a CA of the test");
    let read = |path: std::path::PathBuf| fs::read_to_string(path).expect("openssl wrote a file");
    pki.issue_as("site", &SOUND);
    let (site, site_key) = (read(pki.certificate("site")), read(pki.key("site")));
    let put = |folder: &str, name: &str| {
        root.file(&format!("{folder}/{name}.crt"), read(pki.certificate(name)), 0o644);
    };
    let another = Pki::create(&session().instance("pki"), "a CA that issued nothing");
    let trusted = read(if weak { another.ca() } else { pki.ca() });
    root.file("/etc/ssl/certs/ca-certificates.crt", trusted, 0o644);
    root.file("/etc/nginx/tls/site.crt", &site, pick(0o644, 0o777)).file(
        "/etc/nginx/tls/site.key",
        &site_key,
        pick(0o600, 0o640),
    );
    root.owner("/etc/nginx/tls/site.key", 0, if weak { 1000 } else { 0 });
    root.folder("/etc/ssl/private", 0o710).file("/etc/ssl/private/site.key", &site_key, pick(0o640, 0o644));
    root.file("/etc/haproxy/certs/site.pem", format!("{site}{site_key}"), pick(0o600, 0o644));
    root.file("/etc/app/server.key", &site_key, pick(0o600, 0o644));
    root.file("/etc/app/server.crt", &site, 0o644);
    let (live, archive) = ("/etc/letsencrypt/live/site", "/etc/letsencrypt/archive/site");
    root.folder("/etc/letsencrypt/live", pick(0o700, 0o755)).folder(live, 0o755);
    for name in ["fullchain", "privkey"] {
        root.link(&format!("{live}/{name}.pem"), &format!("../../archive/site/{name}1.pem"));
    }
    root.file(&format!("{archive}/privkey1.pem"), &site_key, pick(0o600, 0o644));
    if !weak {
        root.file(&format!("{archive}/fullchain1.pem"), &site, 0o644);
        return;
    }
    for (name, wanted) in [
        ("expired", Wanted { days: -1, ..SOUND }),
        ("soon", Wanted { days: 5, ..SOUND }),
        ("short", Wanted { key: "rsa:1024", ..SOUND }),
        ("nameless", Wanted { names: None, ..SOUND }),
        ("own", Wanted { self_signed: true, ..SOUND }),
        ("sha1", Wanted { digest: "sha1", ..SOUND }),
        ("development", Wanted { subject: "localhost", ..SOUND }),
    ] {
        pki.issue_as(name, &wanted);
        put("/etc/nginx/tls", name);
        put("/etc/app", name);
    }
    root.file(&format!("{archive}/fullchain1.pem"), read(pki.certificate("soon")), 0o644);
}

/// A finding: status and the fields of its evidence.
type Seen = BTreeMap<(String, String), (String, BTreeSet<String>)>;

fn check(root: &Root, arguments: &[&str]) -> Seen {
    let dir = root.dir().display().to_string();
    let run = harden(["check", "--root", &dir, "--format", "json"].iter().chain(arguments)).run();
    assert!(matches!(run.code, Some(0 | 1 | 3)), "{run:?}");
    let report = run.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = report["findings"].as_array().expect("findings").iter();
    let fields = |finding: &Value| {
        let evidence = finding["evidence"].as_array().expect("a list");
        evidence.iter().map(|proof| text(&proof["field"])).collect()
    };
    findings.map(|f| ((text(&f["rule"]), text(&f["subject"])), (text(&f["status"]), fields(f)))).collect()
}

/// Lists that are otherwise those of the program, which the tree has not.
const SSHD_CONFIG: &str = "Ciphers aes256-gcm@openssh.com\nMACs hmac-sha2-256-etm@openssh.com\n\
    KexAlgorithms curve25519-sha256\nHostKeyAlgorithms ssh-ed25519\nPubkeyAcceptedAlgorithms ssh-ed25519\n";

const PROFILES: [&str; 4] = ["--profile", "host", "--profile", "tls"];
const ENDPOINT: [&str; 2] = ["--profile", "tls-endpoint-files"];

fn declared(root: &Root, certificate: &str, host: &str) -> Seen {
    let (certificate, host) = (format!("tls_cert={certificate}"), format!("tls_host={host}"));
    let key = "tls_key=/etc/app/server.key";
    let inputs = ["--input", &certificate, "--input", key, "--input", &host];
    check(root, &[&ENDPOINT[..], &inputs].concat())
}

/// Every finding on the weak tree.
fn weak() -> &'static Seen {
    static SEEN: LazyLock<Seen> = LazyLock::new(|| {
        let root = &trees().weak;
        let mut seen = check(root, &PROFILES);
        for name in ["expired", "soon", "short", "sha1"] {
            seen.extend(declared(root, &format!("/etc/app/{name}.crt"), "other.harden.test"));
        }
        seen
    });
    &SEEN
}

fn hardened() -> &'static Seen {
    static SEEN: LazyLock<Seen> = LazyLock::new(|| {
        let root = &trees().hardened;
        let mut seen = check(root, &PROFILES);
        seen.extend(declared(root, "/etc/app/server.crt", "www.harden.test"));
        seen
    });
    &SEEN
}

/// The rules of these profiles; those about what sshd and ssh are told to do have suites of their own.
fn shipped() -> BTreeSet<String> {
    let arguments = ["rules", "list", "--format", "json"].iter().chain(&PROFILES).chain(&ENDPOINT);
    let rules = harden(arguments).run().expect_code(0).json();
    let ids = rules.as_array().expect("a list").iter().map(|rule| rule["id"].as_str().expect("an id"));
    let of_files = |id: &&str| {
        !(id.starts_with("ssh-daemon-") || id.starts_with("ssh-client-")) || id.ends_with("-config-writable")
    };
    ids.filter(of_files).map(str::to_owned).collect()
}

fn a_hardened_tree_fails_nothing_and_every_rule_has_passed() {
    let shipped = shipped();
    let of_files = || hardened().iter().filter(|((rule, _), _)| shipped.contains(rule));
    let bad: Vec<_> = of_files().filter(|(_, (status, _))| matches!(&**status, "fail" | "unknown")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let passed: BTreeSet<&str> =
        of_files().filter(|(_, (status, _))| status == "pass").map(|((rule, _), _)| rule.as_str()).collect();
    let silent: BTreeSet<&str> = shipped.iter().map(String::as_str).filter(|rule| !passed.contains(rule)).collect();
    assert_eq!(silent, NOT_APPLICABLE_WHEN_HARDENED.iter().map(|&(rule, _)| rule).collect::<BTreeSet<_>>());
}

fn every_rule_fails_where_it_was_planted() {
    let planted: BTreeSet<String> = PLANTED.iter().map(|(rule, ..)| (*rule).to_owned()).collect();
    assert_eq!(planted, shipped(), "every rule has its place");
    let mut missed = Vec::new();
    for &(rule, subject, field) in PLANTED {
        let found = weak().get(&(rule.to_owned(), subject.to_owned()));
        if !found.is_some_and(|(status, fields)| status == "fail" && fields.contains(field)) {
            let others: Vec<_> = weak().iter().filter(|((other, _), _)| other == rule).collect();
            missed.push(format!("{rule} on {subject} by {field}: {found:?} of {others:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Neighbours in the weak tree that are sound.
fn what_is_not_planted_does_not_fail() {
    for (rule, subject) in [
        ("host-binaries-owner", "/usr/bin/tool"),
        ("host-binaries-writable", "/usr/bin/owned"),
        ("host-home-directories-writable", "/home/ann"),
        ("host-passwd-mode", "/etc/group"),
        ("ssh-directory-writable", "/home/ann/.ssh"),
        ("ssh-host-key-mode", "/etc/ssh/ssh_host_rsa_key"),
        ("ssh-host-key-strength", "/etc/ssh/ssh_host_rsa_key"),
        ("ssh-user-key-strength", "/home/ann/.ssh/id_ed25519"),
        ("tls-certificate-valid-now", "/etc/nginx/tls/soon.crt"),
        ("tls-certificate-expiry-window", "/etc/nginx/tls/site.crt"),
        ("tls-certificate-key-strength", "/etc/nginx/tls/sha1.crt"),
        ("tls-certificate-self-signed", "/etc/nginx/tls/short.crt"),
        ("tls-certificate-signature-hash", "/etc/nginx/tls/short.crt"),
        ("tls-certificate-names", "/etc/nginx/tls/own.crt"),
    ] {
        let found = weak().get(&(rule.to_owned(), subject.to_owned()));
        assert!(found.is_some_and(|(status, _)| status == "pass"), "{rule} on {subject}: {found:?}");
    }
    // One that has ended is told so once.
    assert!(
        !weak().contains_key(&("tls-certificate-expiry-window".to_owned(), "/etc/nginx/tls/expired.crt".to_owned()))
    );
}

fn declared_files() {
    let root = &trees().hardened;
    // A certificate that is not there fails: it was declared.
    let seen = declared(root, "/etc/app/nowhere.crt", "www.harden.test");
    let status = |rule: &str| {
        let mut of = seen.iter().filter(|((other, _), _)| other == rule).map(|(_, (status, _))| status.as_str());
        (of.next(), of.next())
    };
    for rule in ["tls-declared-valid-now", "tls-declared-key-matches", "tls-declared-chain-trusted"] {
        assert_eq!(status(rule), (Some("fail"), None), "{rule}");
    }
    // Without its inputs the profile cannot be judged.
    let dir = root.dir().display().to_string();
    let run = harden(["check", "--root", &dir].iter().chain(&ENDPOINT)).run().expect_code(3);
    assert!(run.stdout.contains("--input tls_cert="), "it says how to set them: {run:?}");
}

/// What only root may look into is neither passed nor failed for somebody else.
fn what_is_closed_to_an_ordinary_user_is_unknown() {
    let root = &trees().hardened;
    let dir = root.dir().display().to_string();
    let arguments = ["check", "--root", &dir, "--format", "json"];
    let run = harden(arguments.iter().chain(&PROFILES)).user(crate::support::host::NOBODY).run().expect_code(3);
    let report = run.json();
    let of = |rule: &str| -> Vec<(&str, &str)> {
        let findings = report["findings"].as_array().expect("findings").iter().filter(|f| f["rule"] == rule);
        findings.map(|f| (f["status"].as_str().expect("text"), f["reason"].as_str().unwrap_or_default())).collect()
    };
    for rule in [
        "host-root-credentials-mode",
        "host-pgpass-file-mode",
        "ssh-user-key-mode",
        "ssh-authorized-key-rsa-2048",
        "ssh-host-key-strength",
        "tls-letsencrypt-key-matches",
        "tls-private-key-mode",
        "host-sudoers-writable",
    ] {
        let found = of(rule);
        assert!(found.iter().any(|(status, _)| *status == "unknown"), "{rule}: {found:?}");
        let unknown = found.iter().filter(|(status, _)| *status == "unknown");
        assert!(unknown.into_iter().all(|(_, reason)| reason.contains("permission denied")), "{rule}: {found:?}");
    }
    assert!(of("host-passwd-mode").iter().all(|(status, _)| *status == "pass"), "{:?}", of("host-passwd-mode"));
    let failed = report["findings"].as_array().expect("findings").iter().find(|f| f["status"] == "fail");
    assert!(failed.is_none(), "{failed:?}");
}

/// With the rules about other targets, none of which is there. PostgreSQL's files and ssh's leave to the programs, which
/// the tree does not have, what those decide; no table of cron says who runs the job of its cron.hourly.
fn the_whole_default_profile() {
    let seen = check(&trees().hardened, &[]);
    let left =
        |rule: &str| ["postgres-", "ssh-client-", "schedule-program-"].iter().any(|start| rule.starts_with(start));
    let judged = seen.iter().filter(|((rule, _), _)| !left(rule));
    let bad: Vec<_> = judged.filter(|(_, (status, _))| matches!(&**status, "fail" | "unknown")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

//! A private certification authority by the `openssl` command, so that what harden is tested with was not made by the
//! libraries that it is built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools;

/// A certificate that is wanted otherwise than the usual one.
pub(crate) struct Wanted<'a> {
    pub(crate) subject: &'a str,
    /// As `openssl req -newkey` takes it: `rsa:2048`.
    pub(crate) key: &'a str,
    pub(crate) digest: &'a str,
    /// From now; -1 for one that has ended.
    pub(crate) days: i32,
    pub(crate) names: Option<&'a str>,
    pub(crate) self_signed: bool,
}

/// A CA in a folder of its own, and what it has issued: `<name>.crt` and `<name>.key` (PEM, P-256, PKCS#8).
pub(crate) struct Pki {
    dir: PathBuf,
}

impl Pki {
    /// A new CA named `name`, valid for a day.
    pub(crate) fn create(dir: &Path, name: &str) -> Pki {
        tools::make_dir(dir, 0o755);
        let pki = Pki { dir: dir.to_path_buf() };
        pki.openssl(
            &["req", "-x509", "-out", "ca.crt", "-days", "1"],
            name,
            "ca.key",
            &["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
        );
        pki
    }

    /// The CA's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.crt"))
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }

    /// A server's certificate for `localhost`, `127.0.0.1` and `::1`.
    pub(crate) fn issue_server(&self, name: &str) {
        self.issue(name, "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n");
    }

    /// A client's certificate with the common name `name`.
    pub(crate) fn issue_client(&self, name: &str) {
        self.issue(name, "extendedKeyUsage=clientAuth\n");
    }

    /// A server's certificate as it is wanted.
    pub(crate) fn issue_as(&self, name: &str, wanted: &Wanted) {
        let (request, settings) = (format!("{name}.csr"), format!("{name}.ext"));
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let subject = format!("/CN={}", wanted.subject);
        let openssl = || {
            let mut command = Command::new(tools::find("openssl"));
            command.current_dir(&self.dir);
            command
        };
        let new_key = ["req", "-new", "-newkey", wanted.key, "-nodes", "-keyout", &key, "-out", &request];
        tools::run(openssl().args(new_key).args(["-subj", &subject]));
        let names = wanted.names.map(|names| format!("subjectAltName={names}\n")).unwrap_or_default();
        let extensions = format!("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n{names}");
        fs::write(self.dir.join(&settings), extensions).expect("write certificate extensions");
        let issuer: &[&str] = if wanted.self_signed {
            &["-signkey", &key]
        } else {
            &["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
        };
        let (digest, days) = (format!("-{}", wanted.digest), wanted.days.to_string());
        let signed = ["x509", "-req", "-in", &request, &digest, "-days", &days, "-extfile", &settings];
        tools::run(openssl().args(signed).args(issuer).args(["-out", &certificate]));
    }

    fn issue(&self, name: &str, extensions: &str) {
        let (request, settings) = (format!("{name}.csr"), format!("{name}.ext"));
        self.openssl(&["req", "-new", "-out", &request], name, &format!("{name}.key"), &[]);
        let extensions =
            format!("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n{extensions}");
        fs::write(self.dir.join(&settings), extensions).expect("write certificate extensions");
        tools::run(Command::new(tools::find("openssl")).current_dir(&self.dir).args([
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "1",
            "-extfile",
            &settings,
            "-out",
            &format!("{name}.crt"),
        ]));
    }

    /// `openssl req`, with a new key and a subject. Key files come out with mode 0600.
    fn openssl(&self, before: &[&str], common_name: &str, key: &str, after: &[&str]) {
        let subject = format!("/CN={common_name}");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key];
        tools::run(
            Command::new(tools::find("openssl"))
                .current_dir(&self.dir)
                .args(before)
                .args(key)
                .args(["-subj", &subject])
                .args(after),
        );
    }
}

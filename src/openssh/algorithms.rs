//! The algorithm lists that OpenSSH offers by default (its myproposal.h, built with OpenSSL), and lists that change them.

use super::version::Release;

/// What a list of algorithms is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithms {
    Ciphers,
    Macs,
    ServerKex,
    ClientKex,
    ClientCiphers,
    /// Of host keys and of users' keys.
    Keys,
    /// With which a certificate authority may sign.
    CaSignatures,
}

/// Key exchange, offered by sshd from the release on.
const SERVER_KEX: &[(Release, &str)] = &[
    (
        (7, 4),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1",
    ),
    (
        (8, 2),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (8, 9),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,sntrup761x25519-sha512@openssh.com,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (9, 0),
        "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (9, 9),
        "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (10, 0),
        "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521",
    ),
];

/// Key exchange, offered by ssh.
const CLIENT_KEX: &[(Release, &str)] = &[
    (
        (7, 4),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1",
    ),
    (
        (8, 0),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1",
    ),
    (
        (8, 2),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (8, 9),
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,sntrup761x25519-sha512@openssh.com,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (9, 0),
        "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (9, 9),
        "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
    (
        (10, 0),
        "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
    ),
];

/// Signatures of host keys and users' keys.
const KEYS: &[(Release, &str)] = &[
    (
        (7, 4),
        "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,ssh-rsa-cert-v01@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    ),
    (
        (7, 8),
        "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-rsa-cert-v01@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    ),
    (
        (8, 2),
        "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-rsa-cert-v01@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,ssh-ed25519,sk-ssh-ed25519@openssh.com,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    ),
    (
        (8, 5),
        "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-rsa-cert-v01@openssh.com,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    ),
    (
        (8, 8),
        "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256",
    ),
    (
        (10, 3),
        "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256",
    ),
];

/// Ciphers of sshd.
const CIPHERS: &[(Release, &str)] = &[
    (
        (7, 4),
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    ),
    (
        (10, 0),
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
    ),
];

/// Ciphers of ssh.
const CLIENT_CIPHERS: &[(Release, &str)] = &[
    (
        (7, 4),
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-cbc,aes192-cbc,aes256-cbc",
    ),
    (
        (7, 6),
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    ),
    (
        (10, 0),
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
    ),
];

/// Message authentication codes of both.
const MACS: &[(Release, &str)] = &[(
    (7, 4),
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1",
)];

/// Signatures of certificate authorities.
const CA_SIGNATURES: &[(Release, &str)] = &[
    (
        (7, 9),
        "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    ),
    (
        (8, 2),
        "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,ssh-ed25519,sk-ssh-ed25519@openssh.com,rsa-sha2-512,rsa-sha2-256",
    ),
    (
        (8, 5),
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256",
    ),
    (
        (10, 3),
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256",
    ),
];

impl Algorithms {
    /// The default list of a release; `None` where the release had none, or is not known.
    pub fn default_of(self, release: Release) -> Option<&'static str> {
        let lists = match self {
            Algorithms::Ciphers => CIPHERS,
            Algorithms::Macs => MACS,
            Algorithms::ServerKex => SERVER_KEX,
            Algorithms::ClientKex => CLIENT_KEX,
            Algorithms::ClientCiphers => CLIENT_CIPHERS,
            Algorithms::Keys => KEYS,
            Algorithms::CaSignatures => CA_SIGNATURES,
        };
        lists.iter().rev().find(|(since, _)| *since <= release).map(|(_, list)| *list)
    }

    /// Whether a list that stands in a program is one of these.
    pub(super) fn is_like(self, list: &str) -> bool {
        let first = list.split(',').next().unwrap_or_default();
        let has = |name: &str| list.split(',').any(|one| one == name);
        match self {
            Algorithms::Ciphers | Algorithms::ClientCiphers => has("aes256-ctr") || has("aes256-gcm@openssh.com"),
            Algorithms::Macs => has("hmac-sha2-256") || has("hmac-sha2-512-etm@openssh.com"),
            Algorithms::ServerKex | Algorithms::ClientKex => {
                has("curve25519-sha256") || has("ecdh-sha2-nistp256") || has("diffie-hellman-group16-sha512")
            }
            Algorithms::Keys => first.contains("-cert-") && (has("rsa-sha2-512") || has("ecdsa-sha2-nistp256")),
            Algorithms::CaSignatures => false,
        }
    }
}

/// The list that a setting stands for (`kex_assemble_names`): `+` adds at the end of the default, `^` puts in front of it,
/// `-` takes out of it what matches. The error is a fragment.
pub fn assemble(setting: &str, default: Option<&str>) -> Result<Vec<String>, &'static str> {
    let need = || default.map(names).ok_or("it changes a default list that depends on the release of OpenSSH");
    let (mode, given) = match setting.chars().next() {
        Some(mode @ ('+' | '-' | '^')) => (mode, setting.get(1..).unwrap_or_default()),
        _ => ('=', setting),
    };
    let list = names(given);
    if mode != '-' && list.iter().any(|name| name.contains(['*', '?', '!'])) {
        return Err("it has a pattern, which stands for what this build of OpenSSH knows");
    }
    let parts = match mode {
        '+' => vec![need()?, list],
        '^' => vec![list, need()?],
        '-' => {
            let kept = need()?.into_iter().filter(|name| !super::criteria::in_list(name, &list, false));
            vec![kept.collect()]
        }
        _ => vec![list],
    };
    let mut whole: Vec<String> = Vec::new();
    for name in parts.into_iter().flatten() {
        if !whole.contains(&name) {
            whole.push(name);
        }
    }
    Ok(whole)
}

fn names(list: &str) -> Vec<String> {
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_change_the_default() {
        let show = |setting: &str| assemble(setting, Some("a,b,c")).map(|list| list.join(","));
        assert_eq!(show("x,y").unwrap(), "x,y");
        assert_eq!(show("+x,a").unwrap(), "a,b,c,x");
        assert_eq!(show("^c,x").unwrap(), "c,x,a,b");
        assert_eq!(show("-b,x*").unwrap(), "a,c");
        assert_eq!(show("-*").unwrap(), "");
        assert!(show("+x*").is_err());
        assert!(assemble("-a", None).is_err());
        assert_eq!(assemble("x", None).unwrap(), ["x"]);
    }

    #[test]
    fn each_release_has_its_list() {
        assert!(!Algorithms::ServerKex.default_of((8, 2)).unwrap().contains("sha1"));
        assert!(Algorithms::ServerKex.default_of((8, 1)).unwrap().contains("group14-sha1"));
        assert!(Algorithms::ServerKex.default_of((10, 0)).unwrap().starts_with("mlkem768x25519-sha256"));
        assert_eq!(Algorithms::CaSignatures.default_of((7, 4)), None);
    }
}

//! OpenSSH keys: private key files (PROTOCOL.key), and public keys and `authorized_keys` lines (sshd(8)).

use data_encoding::{BASE64, BASE64_NOPAD};

use super::der;
use super::pem;
use super::public_key::KeyShape;
use super::seen::Seen;

/// A public key as SSH writes it (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPublicKey {
    /// The algorithm as written, such as `ssh-ed25519` or `ecdsa-sha2-nistp256`.
    pub algorithm: String,
    /// Kind (`rsa`, `dsa`, `ec`, `ed25519`), bits and curve.
    pub shape: KeyShape,
    /// `SHA256:` and base64 without padding, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

/// An OpenSSH private key file, as much as it tells without its passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPrivateKey {
    /// Whether a passphrase protects it (its cipher is not `none`).
    pub encrypted: bool,
    /// The public half, which is never encrypted.
    pub public: SshPublicKey,
}

/// One line of an `authorized_keys` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedKey {
    /// The options as written, such as `no-pty` or `from="10.0.0.0/8"`.
    pub options: Vec<String>,
    pub key: SshPublicKey,
    /// What follows the key; it may hold any character.
    pub comment: String,
}

/// Reads the first `OPENSSH PRIVATE KEY` block of `bytes`; `None` when there is no such block.
///
/// # Errors
/// A lowercase fragment that says what is malformed.
pub fn read_openssh_key(bytes: &[u8]) -> Option<Result<SshPrivateKey, String>> {
    let block = pem::blocks(bytes).into_iter().find(|block| block.label == "OPENSSH PRIVATE KEY")?;
    Some(match &block.body {
        Ok(body) => private_key(body).ok_or_else(|| "the OpenSSH key is malformed".to_owned()),
        Err(what) => Err((*what).to_owned()),
    })
}

fn private_key(body: &[u8]) -> Option<SshPrivateKey> {
    let mut fields = Fields(body.strip_prefix(b"openssh-key-v1\0")?);
    let cipher = fields.string()?;
    let _kdf = fields.string()?;
    let _kdf_options = fields.string()?;
    if fields.number()? == 0 {
        return None;
    }
    let public = public_key(fields.string()?)?;
    fields.string()?;
    Some(SshPrivateKey { encrypted: cipher != b"none", public })
}

/// Reads one line of an `authorized_keys` or `.pub` file; `None` for an empty line or a comment.
///
/// # Errors
/// A lowercase fragment that says what is malformed.
pub fn read_authorized_key(line: &str) -> Option<Result<AuthorizedKey, String>> {
    let line = line.trim_matches([' ', '\t', '\r', '\n']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    // As sshd does: a line is first taken to start with the key, and only then with options.
    if let Some((key, comment)) = key_and_comment(line) {
        return Some(Ok(AuthorizedKey { options: Vec::new(), key, comment }));
    }
    let (options, rest) = split_options(line)?;
    Some(match key_and_comment(rest) {
        Some((key, comment)) => Ok(AuthorizedKey { options, key, comment }),
        None => Err("no public key was found in the line".to_owned()),
    })
}

fn key_and_comment(text: &str) -> Option<(SshPublicKey, String)> {
    let (algorithm, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (blob, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let key = public_key(&BASE64.decode(blob.as_bytes()).ok()?)?;
    (key.algorithm == algorithm).then(|| (key, comment.trim_start_matches([' ', '\t']).to_owned()))
}

/// The comma-separated options before the first blank that is outside quotes, and what follows.
fn split_options(line: &str) -> Option<(Vec<String>, &str)> {
    let mut options = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for (index, c) in line.char_indices() {
        match c {
            ' ' | '\t' if !quoted => {
                let rest = line.get(index..)?.trim_start_matches([' ', '\t']);
                return Some((options, rest));
            }
            ',' if !quoted => {
                options.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        options.last_mut()?.push(c);
    }
    Some((options, ""))
}

/// Reads a public key blob.
fn public_key(blob: &[u8]) -> Option<SshPublicKey> {
    let mut fields = Fields(blob);
    let algorithm = std::str::from_utf8(fields.string()?).ok()?;
    if algorithm.is_empty() || !algorithm.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let shape = shape(algorithm, fields)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, blob);
    let fingerprint = format!("SHA256:{}", BASE64_NOPAD.encode(digest.as_ref()));
    Some(SshPublicKey { algorithm: algorithm.to_owned(), shape, fingerprint })
}

fn shape(algorithm: &str, mut fields: Fields<'_>) -> Option<KeyShape> {
    Some(match algorithm {
        "ssh-rsa" => {
            fields.string()?;
            strength("rsa", der::bit_length(fields.string()?), None)
        }
        "ssh-dss" => strength("dsa", der::bit_length(fields.string()?), None),
        "ssh-ed25519" | "sk-ssh-ed25519@openssh.com" => {
            (fields.string()?.len() == 32).then_some(())?;
            strength("ed25519", 256, None)
        }
        "ecdsa-sha2-nistp256" | "sk-ecdsa-sha2-nistp256@openssh.com" => strength("ec", 256, Some("P-256")),
        "ecdsa-sha2-nistp384" => strength("ec", 384, Some("P-384")),
        "ecdsa-sha2-nistp521" => strength("ec", 521, Some("P-521")),
        other => {
            let reason = format!("SSH key type {other} is not known");
            KeyShape {
                key_type: Seen::Unknown(reason.clone()),
                key_bits: Seen::Unknown(reason.clone()),
                curve: Seen::Unknown(reason),
            }
        }
    })
}

fn strength(key_type: &str, bits: u32, curve: Option<&str>) -> KeyShape {
    KeyShape {
        key_type: Seen::Known(key_type.to_owned()),
        key_bits: Seen::Known(bits),
        curve: curve.map_or(Seen::Absent, |curve| Seen::Known(curve.to_owned())),
    }
}

/// The length-prefixed fields of RFC 4251 5.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u32> {
        let (octets, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*octets))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (octets, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    #[test]
    fn lines() {
        assert_eq!(read_authorized_key("  # x"), None);
        assert_eq!(read_authorized_key("\t"), None);
        let plain = read_authorized_key(&format!("ssh-ed25519 {BLOB} me@here\r\n")).unwrap().unwrap();
        assert_eq!((plain.options.len(), plain.comment.as_str()), (0, "me@here"));
        assert_eq!(plain.key.shape.key_bits, Seen::Known(256));
        let line = format!("from=\"a, \\\"b\",no-pty ssh-ed25519  {BLOB}");
        let restricted = read_authorized_key(&line).unwrap().unwrap();
        assert_eq!(restricted.options, ["from=\"a, \\\"b\"", "no-pty"]);
        assert!(read_authorized_key("ssh-rsa AAAA").unwrap().is_err());
        assert!(read_authorized_key(&format!("ssh-rsa {BLOB}")).unwrap().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_input_ends(line: String, bytes: Vec<u8>) {
            let _ = read_authorized_key(&line);
            let _ = read_openssh_key(&bytes);
            let _ = public_key(&bytes);
            let _ = private_key(&[b"openssh-key-v1\0".as_slice(), &bytes].concat());
        }
    }
}

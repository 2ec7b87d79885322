//! Cipher suites: what their names say of them.

mod table;

use super::version::Version;
use table::TABLE;

/// A cipher suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub code: u16,
    /// The name that IANA gave to it; of a number without one, the number.
    pub name: String,
    /// How the key is agreed on: `RSA`, `DHE`, `ECDHE`, `DH`, `ECDH`, `PSK` …; `any` in TLS 1.3.
    pub kex: String,
    /// How the server proves who it is: `RSA`, `ECDSA`, `DSS`, `PSK`, `anon` …; `any` in TLS 1.3.
    pub auth: String,
    /// `AES_128`, `CHACHA20`, `3DES`, `RC4_40`, `NULL` …
    pub cipher: String,
    /// `GCM`, `CCM`, `CBC`, `stream` …; `none` without encryption.
    pub mode: &'static str,
    /// Bits of strength that the encryption is meant to have: 112 for 3DES, 0 for none.
    pub bits: u16,
    /// `AEAD`, or the hash of the HMAC.
    pub mac: String,
    pub forward_secrecy: bool,
    pub aead: bool,
    /// Weakened for export, 40 or 56 bits.
    pub export: bool,
}

impl Suite {
    pub fn is_null(&self) -> bool {
        self.bits == 0
    }

    /// Whether nobody proves who they are.
    pub fn is_anonymous(&self) -> bool {
        self.auth == "anon"
    }

    /// Bits of a block, for the block ciphers whose blocks are as small as 64 bits.
    pub fn has_small_blocks(&self) -> bool {
        ["3DES", "DES", "IDEA", "RC2", "MAGMA"].iter().any(|cipher| self.cipher.starts_with(cipher))
    }

    fn is_tls13(&self) -> bool {
        self.kex == "any"
    }

    /// Whether it can be spoken at this version: AEAD and the hashes of SHA-2 came with TLS 1.2, except those of RFC 5487.
    fn fits(&self, version: Version) -> bool {
        match version {
            Version::Ssl2 => false,
            Version::Tls13 => self.is_tls13(),
            Version::Tls12 => !self.is_tls13() && self.code != 0,
            Version::Ssl3 | Version::Tls10 | Version::Tls11 => {
                let newer = self.aead || (self.mac.starts_with("SHA2") || self.mac.starts_with("SHA38"));
                !self.is_tls13() && self.code != 0 && (!newer || (self.kex.contains("PSK") && !self.aead))
            }
        }
    }
}

/// What is known of a suite by its number.
pub fn suite(code: u16) -> Suite {
    let row = TABLE.iter().find(|(number, _)| *number == code);
    row.map_or_else(|| read(code, &format!("0x{code:04X}")), |(_, name)| read(code, name))
}

/// Every suite that has a name.
pub(super) fn every() -> impl Iterator<Item = Suite> {
    TABLE.iter().map(|(code, name)| read(*code, name))
}

/// The numbers of all suites that can be spoken at a version, common ones first, so that few questions find them.
pub fn offered(version: Version) -> Vec<u16> {
    let mut suites: Vec<Suite> = every().collect();
    suites.retain(|suite| suite.fits(version));
    suites.sort_by_key(|suite| (rank(suite), suite.code));
    suites.into_iter().map(|suite| suite.code).collect()
}

/// How seldom a suite is met on servers.
fn rank(suite: &Suite) -> u8 {
    let common = ["AES_128", "AES_256", "CHACHA20", "3DES", "RC4_128"].contains(&suite.cipher.as_str());
    let certified = ["RSA", "ECDSA"].contains(&suite.auth.as_str());
    let usual = ["RSA", "DHE", "ECDHE"].contains(&suite.kex.as_str());
    match (certified && usual, common && !suite.name.ends_with("_OLD")) {
        (true, true) => 0,
        (true, false) => 1,
        (false, _) if suite.is_anonymous() => 2,
        (false, _) => 3,
    }
}

fn read(code: u16, name: &str) -> Suite {
    let bare = name.strip_prefix("TLS_").or_else(|| name.strip_prefix("SSL_")).unwrap_or(name);
    let bare = bare.strip_suffix("_OLD").unwrap_or(bare);
    let (keys, protection) = bare.split_once("_WITH_").unwrap_or(("any", bare));
    let export = keys.contains("EXPORT");
    let keys = ["_EXPORT1024", "_EXPORT", "_FIPS"].iter().find_map(|end| keys.strip_suffix(end)).unwrap_or(keys);
    let (kex, auth) = exchange(keys);
    let forward_secrecy =
        keys == "any" || ["DHE", "ECDHE", "SRP", "ECCPWD", "CECPQ1"].iter().any(|kind| kex.starts_with(kind));
    let (cipher, mode, bits) = encryption(protection);
    let aead = ["GCM", "CCM", "CCM_8", "POLY1305", "MGM"].contains(&mode);
    let mac = if aead { "AEAD" } else { hash(protection) };
    Suite {
        code,
        name: name.to_owned(),
        kex: kex.to_owned(),
        auth: auth.to_owned(),
        cipher: cipher.to_owned(),
        mode: if mode == "POLY1305" { "stream" } else { mode },
        bits,
        mac: mac.to_owned(),
        forward_secrecy,
        aead,
        export,
    }
}

/// Key exchange and authentication. The keys of anonymous suites are ephemeral.
fn exchange(keys: &str) -> (&str, &str) {
    match keys {
        "any" => ("any", "any"),
        "DH_anon" => ("DHE", "anon"),
        "ECDH_anon" => ("ECDHE", "anon"),
        "RSA" => ("RSA", "RSA"),
        "PSK_DHE" => ("DHE_PSK", "PSK"),
        "PSK" | "DHE_PSK" | "ECDHE_PSK" => (keys, "PSK"),
        "RSA_PSK" => ("RSA_PSK", "RSA"),
        "SRP_SHA" => ("SRP", "SRP"),
        "SRP_SHA_RSA" => ("SRP", "RSA"),
        "SRP_SHA_DSS" => ("SRP", "DSS"),
        "KRB5" | "ECCPWD" | "NULL" => (keys, keys),
        _ if keys.starts_with("GOST") => (keys, "GOST"),
        _ => keys.split_once('_').unwrap_or((keys, keys)),
    }
}

/// Cipher, mode and bits of strength.
fn encryption(protection: &str) -> (&str, &'static str, u16) {
    const KINDS: [(&str, &str, &str, u16); 22] = [
        ("NULL", "NULL", "none", 0),
        ("SHA256", "NULL", "none", 0),
        ("SHA384", "NULL", "none", 0),
        ("RC4_40", "RC4_40", "stream", 40),
        ("RC4_56", "RC4_56", "stream", 56),
        ("RC4_128", "RC4_128", "stream", 128),
        ("RC2_CBC_40", "RC2_40", "CBC", 40),
        ("RC2_56", "RC2_56", "CBC", 56),
        ("DES40", "DES_40", "CBC", 40),
        ("DES_CBC_40", "DES_40", "CBC", 40),
        ("DES_CBC", "DES", "CBC", 56),
        ("3DES_EDE", "3DES", "CBC", 112),
        ("IDEA", "IDEA", "CBC", 128),
        ("SEED", "SEED", "CBC", 128),
        ("CHACHA20", "CHACHA20", "POLY1305", 256),
        ("28147_CNT", "28147", "stream", 256),
        ("KUZNYECHIK_CTR", "KUZNYECHIK", "CTR", 256),
        ("KUZNYECHIK_MGM", "KUZNYECHIK", "MGM", 256),
        ("MAGMA_CTR", "MAGMA", "CTR", 256),
        ("MAGMA_MGM", "MAGMA", "MGM", 256),
        ("SM4_GCM", "SM4", "GCM", 128),
        ("SM4_CCM", "SM4", "CCM", 128),
    ];
    if let Some((_, cipher, mode, bits)) = KINDS.iter().find(|(start, ..)| protection.starts_with(start)) {
        return (cipher, mode, *bits);
    }
    let modes = [("_GCM", "GCM"), ("_CCM_8", "CCM_8"), ("_CCM", "CCM"), ("_CBC", "CBC")];
    let found = modes.iter().find_map(|(text, mode)| Some((protection.split_once(text)?.0, *mode)));
    let (cipher, mode) = found.unwrap_or((protection, "unknown"));
    let bits = cipher.rsplit_once('_').and_then(|(_, bits)| bits.parse().ok()).unwrap_or(0);
    (cipher, mode, bits)
}

/// The hash at the end of a name: `SHA` is SHA-1.
fn hash(protection: &str) -> &str {
    match protection.rsplit('_').next().unwrap_or_default() {
        "SHA" => "SHA1",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: u16) -> String {
        let s = suite(code);
        let flags = [(s.forward_secrecy, " fs"), (s.aead, " aead"), (s.export, " export"), (s.is_anonymous(), " anon")];
        let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
        format!("{} {} {} {} {} {}{flags}", s.kex, s.auth, s.cipher, s.mode, s.bits, s.mac)
    }

    #[test]
    fn names_say_what_suites_are() {
        assert_eq!(shown(0xc02f), "ECDHE RSA AES_128 GCM 128 AEAD fs aead");
        assert_eq!(shown(0x1303), "any any CHACHA20 stream 256 AEAD fs aead");
        assert_eq!(shown(0x002f), "RSA RSA AES_128 CBC 128 SHA1");
        assert_eq!(shown(0x000a), "RSA RSA 3DES CBC 112 SHA1");
        assert_eq!(shown(0x0003), "RSA RSA RC4_40 stream 40 MD5 export");
        assert_eq!(shown(0x0019), "DHE anon DES_40 CBC 40 SHA1 fs export anon");
        assert_eq!(shown(0x0014), "DHE RSA DES_40 CBC 40 SHA1 fs export");
        assert_eq!(shown(0x003b), "RSA RSA NULL none 0 SHA256");
        assert_eq!(shown(0xc015), "ECDHE anon NULL none 0 SHA1 fs anon");
        assert_eq!(shown(0xc0a9), "PSK PSK AES_256 CCM_8 256 AEAD aead");
        assert_eq!(shown(0xc0ab), "DHE_PSK PSK AES_256 CCM_8 256 AEAD fs aead");
        assert_eq!(shown(0xc02d), "ECDH ECDSA AES_128 GCM 128 AEAD aead");
        assert_eq!(shown(0xc0b4), "any any NULL none 0 SHA256 fs");
        assert_eq!(shown(0xcc13), "ECDHE RSA CHACHA20 stream 256 AEAD fs aead");
        assert_eq!(shown(0xfeff), "RSA RSA 3DES CBC 112 SHA1");
        assert_eq!(shown(0x0063), "DHE DSS DES CBC 56 SHA1 fs export");
        assert_eq!(suite(0xeeee).name, "0xEEEE");
    }

    #[test]
    fn every_name_is_understood() {
        for (code, name) in TABLE {
            let suite = suite(*code);
            assert_ne!(suite.mode, "unknown", "{name}");
            let null = name.contains("NULL") || matches!(*code, 0xc0b4 | 0xc0b5);
            assert_eq!(suite.is_null(), null, "{name}");
            assert_eq!(suite.export, name.contains("EXPORT"), "{name}");
            assert_eq!(suite.is_anonymous(), name.contains("anon"), "{name}");
            assert_eq!(TABLE.iter().filter(|(number, other)| number == code || other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn versions_are_offered_what_they_can_speak() {
        assert_eq!(offered(Version::Tls13).len(), 9);
        assert!(!offered(Version::Tls12).contains(&0x1301) && !offered(Version::Tls12).contains(&0));
        assert!(offered(Version::Tls11).contains(&0x002f) && !offered(Version::Tls11).contains(&0xc02f));
        assert!(!offered(Version::Tls10).contains(&0x003c) && offered(Version::Tls10).contains(&0x00ae));
        assert!(offered(Version::Ssl3).contains(&0x0005));
        assert!(offered(Version::Ssl2).is_empty());
        assert_eq!(offered(Version::Tls12).iter().position(|code| *code == 0xc02f).map(|at| at < 48), Some(true));
    }
}

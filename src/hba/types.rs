//! The vocabulary of a parsed `pg_hba.conf`: what an entry says, as PostgreSQL's
//! `src/backend/libpq/hba.c` (13 to 18) understands it. Apart from the parser
//! because the live view builds the same values.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::cidr::Net;
use super::pattern::Pattern;

/// How files are reached; paths are the server's, absolute or relative to the
/// directory of the file that names them (already joined when passed here).
pub trait Files {
    /// The bytes of a file. `NotFound` means the server would not find it either;
    /// every other kind means that nothing is known about its contents.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The names (not paths) of a directory's entries that are not directories.
    fn list_dir(&self, path: &str) -> io::Result<Vec<String>>;
}

/// What the reading server can do; changes which lines are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Major version, 13 to 18; others are read as the nearest.
    pub version: u32,
    /// Built with GSSAPI.
    pub gss: bool,
    /// Built with SSPI (Windows only).
    pub sspi: bool,
    /// Built with PAM.
    pub pam: bool,
    /// Built with BSD authentication (OpenBSD only).
    pub bsd: bool,
    /// Built with LDAP.
    pub ldap: bool,
}

impl Server {
    /// A Linux distribution's build of this major version: GSSAPI, PAM and LDAP.
    pub fn new(version: u32) -> Self {
        Self { version, gss: true, sspi: false, pam: true, bsd: false, ldap: true }
    }
}

/// The first field: which transports an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConnType {
    /// Unix-domain socket.
    Local,
    /// TCP, encrypted or not.
    Host,
    /// TCP with TLS.
    HostSsl,
    /// TCP without TLS (GSSAPI-encrypted included).
    HostNoSsl,
    /// TCP with GSSAPI encryption.
    HostGssEnc,
    /// TCP without GSSAPI encryption (TLS included).
    HostNoGssEnc,
}

impl ConnType {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Host => "host",
            Self::HostSsl => "hostssl",
            Self::HostNoSsl => "hostnossl",
            Self::HostGssEnc => "hostgssenc",
            Self::HostNoGssEnc => "hostnogssenc",
        }
    }

    /// The type a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "local" => Self::Local,
            "host" => Self::Host,
            "hostssl" => Self::HostSsl,
            "hostnossl" => Self::HostNoSsl,
            "hostgssenc" => Self::HostGssEnc,
            "hostnogssenc" => Self::HostNoGssEnc,
            _ => return None,
        })
    }
}

/// One element of the database field.
#[derive(Debug, Clone, PartialEq)]
pub enum DbToken {
    /// `all`: every database, physical replication excepted.
    All,
    /// `sameuser`: the database named as the role.
    SameUser,
    /// `samerole` or `samegroup`: the database named as a role that the user is a member of.
    SameRole,
    /// `replication`: physical replication only.
    Replication,
    /// A database by name.
    Name(Arc<str>),
    /// `/regex` (16 and later).
    Regex(Arc<Pattern>),
    /// Bytes that are not UTF-8: equal to no name that can be asked about here.
    NotUtf8,
}

/// One element of the user field.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleToken {
    /// `all`.
    All,
    /// A role by name.
    Name(Arc<str>),
    /// `+group`: direct and indirect members of the role; superusers only if they are.
    Group(Arc<str>),
    /// `/regex` (16 and later).
    Regex(Arc<Pattern>),
    /// Bytes that are not UTF-8: equal to no name that can be asked about here.
    NotUtf8,
}

/// The address field.
#[derive(Debug, Clone, PartialEq)]
pub enum Address {
    /// No such field: a `local` entry.
    None,
    /// `all`: both families.
    All,
    /// `samehost`: any of the server's own addresses.
    SameHost,
    /// `samenet`: any address in a network that the server is attached to.
    SameNet,
    /// An address with its mask; the mask need not be contiguous.
    Net(Net),
    /// A host name, or `.suffix`.
    Host(Arc<str>),
    /// Cannot be told without the server's machine (an IPv6 zone by interface name).
    Undetermined,
}

/// The authentication method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are PostgreSQL's own words")]
pub enum Method {
    Trust,
    Reject,
    ScramSha256,
    Md5,
    Password,
    Gss,
    Sspi,
    Ident,
    Peer,
    Pam,
    Ldap,
    Radius,
    Cert,
    Bsd,
    Oauth,
}

impl Method {
    const WORDS: [(&'static str, Method); 15] = [
        ("trust", Method::Trust),
        ("reject", Method::Reject),
        ("scram-sha-256", Method::ScramSha256),
        ("md5", Method::Md5),
        ("password", Method::Password),
        ("gss", Method::Gss),
        ("sspi", Method::Sspi),
        ("ident", Method::Ident),
        ("peer", Method::Peer),
        ("pam", Method::Pam),
        ("ldap", Method::Ldap),
        ("radius", Method::Radius),
        ("cert", Method::Cert),
        ("bsd", Method::Bsd),
        ("oauth", Method::Oauth),
    ];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, m)| *m == self).map_or("", |(w, _)| w)
    }

    /// The method a word stands for, whatever the version or build.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(w, _)| *w == word).map(|(_, m)| *m)
    }
}

/// What the server demands of a client certificate before the method runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ClientCert {
    /// Nothing.
    #[default]
    None,
    /// One that chains to `ssl_ca_file`.
    VerifyCa,
    /// One that chains and whose name maps to the role.
    VerifyFull,
}

impl ClientCert {
    /// The option's value, `none` when unset.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// One valid line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The file it stands in.
    pub file: Arc<str>,
    /// Its first line, from 1.
    pub line: u32,
    /// The line as written, without its comment and with secrets as `***`.
    pub text: Arc<str>,
    /// Which transports.
    pub conn: ConnType,
    /// Which databases.
    pub databases: Vec<DbToken>,
    /// Which roles.
    pub roles: Vec<RoleToken>,
    /// Which client addresses.
    pub address: Address,
    /// What the client has to do.
    pub method: Method,
    /// What certificate it has to show first.
    pub client_cert: ClientCert,
    /// Options in the order given; secrets as `***`.
    pub options: Vec<(String, String)>,
}

impl Entry {
    /// Names in it are not UTF-8, so that no question here can ask for them.
    pub(crate) fn has_raw_names(&self) -> bool {
        self.databases.contains(&DbToken::NotUtf8) || self.roles.contains(&RoleToken::NotUtf8)
    }
}

/// A line that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HbaError {
    /// The file it stands in.
    pub file: Arc<str>,
    /// Its first line, from 1; 0 when the file itself is the trouble.
    pub line: u32,
    /// Why; never quotes the line, which may hold a secret.
    pub message: String,
}

impl fmt::Display for HbaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for HbaError {}

/// The point from which nothing is known, because something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Entries before this index are certain; those from it on may be preceded by others.
    pub before: usize,
    /// The file and line that names what could not be read.
    pub file: Arc<str>,
    /// From 1; 0 for the main file.
    pub line: u32,
    /// What was not read, and why.
    pub reason: String,
}

/// A whole configuration in the order the server scans it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hba {
    /// Valid entries, first match wins.
    pub entries: Vec<Entry>,
    /// Refused lines. With one of them the server refuses to start, and on reload keeps what it had.
    pub errors: Vec<HbaError>,
    /// Where knowledge ends, if it does.
    pub cut: Option<Cut>,
    /// False when built from the view, which drops quotes: `"all"` and `all` look alike there, and
    /// words that can be keywords were taken as keywords.
    pub quoting_known: bool,
}

/// One address of the server's machine with its netmask, as `getifaddrs` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub address: IpAddr,
    /// Its netmask, of the same family.
    pub netmask: IpAddr,
}

//! Who is let in how, for one connection: `check_hba` of PostgreSQL's `hba.c`, with "cannot be
//! told" carried through instead of guessed.

use std::net::IpAddr;
use std::sync::Arc;

use super::catalog::Catalog;
use super::cidr::Net;
use super::types::{Address, ConnType, DbToken, Entry, Hba, Interface, Method, RoleToken};

/// How a client reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Unix-domain socket.
    Local,
    /// TCP with TLS.
    Tls,
    /// TCP in the clear.
    Plain,
    /// TCP with GSSAPI encryption.
    Gss,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A database by name (logical replication included); empty means the role's name.
    Named(Arc<str>),
    /// Physical replication.
    Replication,
}

/// One connection attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// How.
    pub transport: Transport,
    /// To what.
    pub database: Database,
    /// As whom.
    pub role: Arc<str>,
    /// From where; not looked at for [`Transport::Local`]. `None`: from somewhere.
    pub address: Option<IpAddr>,
}

/// The answer; `entry` indexes [`Hba::entries`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Let in if the method succeeds.
    Allow {
        /// What the client has to do.
        method: Method,
        /// The line that says so.
        entry: usize,
    },
    /// Refused by a line.
    Reject {
        /// The line that says so.
        entry: usize,
    },
    /// No line is about it, which refuses it.
    NoMatch,
    /// Cannot be told.
    Unknown {
        /// Why.
        reason: String,
        /// The line that cannot be judged, if it is one.
        entry: Option<usize>,
    },
}

/// Answers whether a client address belongs to a host name or `.suffix` as the server would find
/// it (reverse and forward look-up); `None` when it cannot tell.
pub type Resolver<'a> = dyn Fn(&str, IpAddr) -> Option<bool> + 'a;

/// What is known besides the file.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Roles and databases.
    pub catalog: &'a Catalog,
    /// The server machine's addresses, needed for `samehost` and `samenet`.
    pub interfaces: Option<&'a [Interface]>,
    /// For host names; without it they are unknown.
    pub resolver: Option<&'a Resolver<'a>>,
    /// The question is about a running server: with an error in the file, it runs on older rules.
    pub live: bool,
}

impl<'a> Context<'a> {
    /// A file alone.
    pub fn declared(catalog: &'a Catalog) -> Self {
        Self { catalog, interfaces: None, resolver: None, live: false }
    }
}

/// Why a live server with a broken file cannot be judged by it.
pub(crate) const STALE: &str = "the file has errors; the server keeps the rules loaded before";
/// Longest name in bytes; the server cuts what a client sends.
pub(crate) const NAME_LIMIT: usize = 63;

/// Decides one connection; first match wins.
pub fn decide(hba: &Hba, context: &Context, question: &Question) -> Decision {
    if context.live && !hba.errors.is_empty() {
        return Decision::Unknown { reason: STALE.to_owned(), entry: None };
    }
    let mut pending: Vec<(usize, &'static str)> = Vec::new();
    for (index, entry) in hba.entries.iter().enumerate() {
        if let Some(cut) = hba.cut.as_ref().filter(|c| c.before == index) {
            return Decision::Unknown { reason: cut.reason.clone(), entry: None };
        }
        match matches(entry, context, question) {
            Known::No => {}
            Known::Unknown(reason) => pending.push((index, reason)),
            Known::Yes => return settle(hba, &pending, Some(index)),
        }
    }
    match &hba.cut {
        Some(cut) => Decision::Unknown { reason: cut.reason.clone(), entry: None },
        None => settle(hba, &pending, None),
    }
}

/// The final decision, unless an entry that may have matched before would have decided otherwise.
fn settle(hba: &Hba, pending: &[(usize, &'static str)], last: Option<usize>) -> Decision {
    let at = |index: usize| hba.entries.get(index);
    let last_entry = last.and_then(at);
    for (index, reason) in pending {
        let same = matches!((at(*index), last_entry), (Some(a), Some(b)) if same_outcome(a, b));
        if !same {
            return Decision::Unknown { reason: (*reason).to_owned(), entry: Some(*index) };
        }
    }
    match (last, last_entry) {
        (Some(entry), Some(e)) if e.method == Method::Reject => Decision::Reject { entry },
        (Some(entry), Some(e)) => Decision::Allow { method: e.method, entry },
        _ => Decision::NoMatch,
    }
}

/// Whether two entries ask the same of a client that they match.
pub(crate) fn same_outcome(a: &Entry, b: &Entry) -> bool {
    let same = a.method == b.method && a.client_cert == b.client_cert && a.options == b.options;
    same || (a.method == Method::Reject && b.method == Method::Reject)
}

/// Kleene's three values, the third with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
    Unknown(&'static str),
}

impl Known {
    fn of(value: Option<bool>, reason: &'static str) -> Self {
        match value {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown(reason),
        }
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(_) => match other() {
                Self::No => Self::No,
                _ => self,
            },
        }
    }

    fn any(values: impl Iterator<Item = Self>) -> Self {
        let mut result = Self::No;
        for value in values {
            match value {
                Self::Yes => return Self::Yes,
                Self::Unknown(_) if result == Self::No => result = value,
                Self::No | Self::Unknown(_) => {}
            }
        }
        result
    }
}

pub(crate) const MEMBERS: &str = "role memberships are not known";
pub(crate) const REGEX: &str = "the regular expression cannot be evaluated as PostgreSQL would";
pub(crate) const HOSTS: &str = "the host name is not resolved here";
pub(crate) const INTERFACES: &str = "the server's own addresses are not known";
pub(crate) const ZONE: &str = "the address depends on the server's interface names";
const NO_ADDRESS: &str = "the client's address is not given";

fn matches(entry: &Entry, context: &Context, question: &Question) -> Known {
    if !transport_matches(entry.conn, question.transport) {
        return Known::No;
    }
    address(&entry.address, context, question)
        .and(|| database(&entry.databases, context, question))
        .and(|| role(&entry.roles, context, &question.role))
}

/// `hostnossl` is about everything without TLS, GSSAPI encryption included, and `hostnogssenc`
/// about everything without that, TLS included.
pub(crate) fn transport_matches(conn: ConnType, transport: Transport) -> bool {
    match conn {
        ConnType::Local => transport == Transport::Local,
        _ if transport == Transport::Local => false,
        ConnType::Host => true,
        ConnType::HostSsl => transport == Transport::Tls,
        ConnType::HostNoSsl => transport != Transport::Tls,
        ConnType::HostGssEnc => transport == Transport::Gss,
        ConnType::HostNoGssEnc => transport != Transport::Gss,
    }
}

fn address(wanted: &Address, context: &Context, question: &Question) -> Known {
    if question.transport == Transport::Local || matches!(wanted, Address::All | Address::None) {
        return Known::Yes;
    }
    let Some(ip) = question.address else { return Known::Unknown(NO_ADDRESS) };
    match wanted {
        Address::All | Address::None => Known::Yes,
        Address::Net(net) => Known::of(Some(net.contains(ip)), ""),
        Address::SameHost | Address::SameNet => {
            let nets = own_networks(wanted, context);
            Known::of(nets.map(|nets| nets.iter().any(|n| n.contains(ip))), INTERFACES)
        }
        Address::Host(name) if name.is_empty() => Known::No,
        Address::Host(name) => Known::of(context.resolver.and_then(|r| r(name, ip)), HOSTS),
        Address::Undetermined => Known::Unknown(ZONE),
    }
}

/// The networks that `samehost` or `samenet` stands for, if the interfaces are known.
pub(crate) fn own_networks(wanted: &Address, context: &Context) -> Option<Vec<Net>> {
    let net = |i: &Interface| match wanted {
        Address::SameNet => Net::new(i.address, i.netmask),
        _ => Net::new(i.address, if i.address.is_ipv4() { [255; 4].into() } else { [255; 16].into() }),
    };
    Some(context.interfaces?.iter().filter_map(net).collect())
}

fn cut_name(name: &str) -> &[u8] {
    let bytes = name.as_bytes();
    bytes.get(..NAME_LIMIT).unwrap_or(bytes)
}

fn cut_str(name: &str) -> Option<&str> {
    std::str::from_utf8(cut_name(name)).ok()
}

fn database(tokens: &[DbToken], context: &Context, question: &Question) -> Known {
    let name = match &question.database {
        Database::Replication => {
            return Known::of(Some(tokens.contains(&DbToken::Replication)), "");
        }
        Database::Named(name) if name.is_empty() => &question.role,
        Database::Named(name) => name,
    };
    let role = cut_name(&question.role);
    Known::any(tokens.iter().map(|token| match token {
        DbToken::All => Known::Yes,
        DbToken::Replication | DbToken::NotUtf8 => Known::No,
        DbToken::SameUser => Known::of(Some(cut_name(name) == role), ""),
        DbToken::SameRole => member(context, &question.role, name),
        DbToken::Name(wanted) => Known::of(Some(wanted.as_bytes() == cut_name(name)), ""),
        DbToken::Regex(pattern) => Known::of(cut_str(name).and_then(|n| pattern.matches(n)), REGEX),
    }))
}

fn member(context: &Context, role: &str, group: &str) -> Known {
    let known = cut_str(role).zip(cut_str(group)).and_then(|(r, g)| context.catalog.is_member(r, g));
    Known::of(known, MEMBERS)
}

fn role(tokens: &[RoleToken], context: &Context, name: &str) -> Known {
    Known::any(tokens.iter().map(|token| match token {
        RoleToken::All => Known::Yes,
        RoleToken::NotUtf8 => Known::No,
        RoleToken::Name(wanted) => Known::of(Some(wanted.as_bytes() == cut_name(name)), ""),
        RoleToken::Group(group) => {
            let known = cut_str(name).and_then(|n| context.catalog.is_member(n, group));
            Known::of(known, MEMBERS)
        }
        RoleToken::Regex(pattern) => Known::of(cut_str(name).and_then(|n| pattern.matches(n)), REGEX),
    }))
}

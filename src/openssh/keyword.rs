//! What a keyword's arguments are, where it may stand, and what holds where nobody sets it.

use super::algorithms::Algorithms;
use super::version::{Build, KNOWN, Release};

mod client;

pub use client::{CLIENT, CLIENT_ALIASES, CLIENT_IGNORED};

/// How arguments are read, and which lines count when there are several.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One of these words in any case, and what each stands for.
    Words(&'static [(&'static str, &'static str)]),
    /// One of these words in any case, or a text.
    WordsOr(&'static [(&'static str, &'static str)]),
    /// One of these words in these very letters, or a time, kept in seconds.
    WordsOrSeconds(&'static [(&'static str, &'static str)]),
    /// Whether keys are given to the agent, and for how many seconds.
    AgentKeys,
    /// One of these words, in these very letters.
    ExactWords(&'static [(&'static str, &'static str)]),
    Integer,
    /// A time (`1h30m`), kept in seconds.
    Seconds,
    /// An octal number.
    Mask,
    /// One word.
    Text,
    /// All of the line, as it was written.
    Rest,
    Algorithms(Algorithms),
    /// The words of the first line that counts.
    Line,
    /// The words of all lines that count.
    Append,
    /// One value for each line.
    Each,
    /// `begin:rate:full`.
    Startups,
    /// Bytes, and seconds.
    Rekey,
    /// Upper-case names.
    Upper(&'static [&'static str]),
    /// `none`, or options in a set order.
    Options(&'static [&'static str]),
}

/// What holds where nobody sets it.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// Nothing.
    Nothing,
    Text(&'static str),
    /// From a release on.
    Since(&'static [(Release, &'static str)]),
    List(Algorithms),
    /// It depends on how the program was built.
    Build,
    /// Debian's builds, Ubuntu's among them, have another one.
    Distribution {
        debian: &'static str,
        others: &'static str,
    },
}

/// A keyword of a configuration.
#[derive(Debug)]
pub struct Keyword {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it may stand in a `Match` block.
    pub in_match: bool,
    /// The first release that has it, where that is later than the first one known.
    pub since: Release,
    /// In releases before this one the last line counts, not the first.
    pub last_before: Release,
    pub default: Default,
}

/// Keywords that a program takes and does nothing with.
pub type Ignored = &'static [&'static str];

impl Keyword {
    /// The default as text: `Ok(None)` when there is nothing. The error is why it is not known.
    pub fn default_text(&self, build: &Build) -> Result<Option<String>, &'static str> {
        let release = build.release();
        const UNKNOWN: &str = "its default depends on the release of OpenSSH, which could not be told";
        let within = |release: &Release| (KNOWN.0..=KNOWN.1).contains(release);
        if release.is_some_and(|release| !within(&release)) {
            return Err("the defaults of this release of OpenSSH are not known");
        }
        match (self.default, release) {
            (_, Some(release)) if release < self.since => Ok(None),
            // It holds for every release that has the keyword, and the others do not have it at all.
            (Default::Text(text), _) if release.is_some() || self.since <= KNOWN.0 => Ok(Some(text.to_owned())),
            (Default::Text(_), _) => Err(UNKNOWN),
            (Default::Nothing, _) => Ok(None),
            (Default::Build, _) => Err("its default depends on how OpenSSH was built"),
            (Default::Since(_) | Default::List(_) | Default::Distribution { .. }, None) => Err(UNKNOWN),
            (Default::Distribution { debian, others }, Some(_)) => {
                Ok(Some(if build.is_debians() { debian } else { others }.to_owned()))
            }
            (Default::Since(texts), Some(release)) => {
                let last = texts.iter().rev().find(|(since, _)| *since <= release);
                last.map(|(_, text)| Some((*text).to_owned())).ok_or(UNKNOWN)
            }
            (Default::List(list), Some(_)) => {
                build.algorithms(list).map(Some).ok_or("the default lists of this build of OpenSSH could not be told")
            }
        }
    }
}

const fn keyword(name: &'static str, in_match: bool, kind: Kind, default: Default) -> Keyword {
    Keyword { name, kind, in_match, since: KNOWN.0, last_before: (0, 0), default }
}

const fn since(release: Release, keyword: Keyword) -> Keyword {
    Keyword { since: release, ..keyword }
}

const fn last_before(release: Release, keyword: Keyword) -> Keyword {
    Keyword { last_before: release, ..keyword }
}

/// In every release.
const EVER: Release = (u16::MAX, 0);
const FLAG: Kind = Kind::Words(&[("yes", "yes"), ("no", "no")]);
const YES: Default = Default::Text("yes");
const NO: Default = Default::Text("no");
const NONE: Default = Default::Text("none");
const FORWARDING: Kind =
    Kind::Words(&[("yes", "yes"), ("all", "yes"), ("no", "no"), ("remote", "remote"), ("local", "local")]);
const LOG_LEVELS: Kind =
    Kind::Upper(&["QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"]);
const FACILITIES: Kind = Kind::Upper(&[
    "DAEMON", "USER", "AUTH", "AUTHPRIV", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6",
    "LOCAL7",
]);
const HOST_KEYS: Default = Default::Since(&[
    ((8, 0), "/etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ed25519_key"),
    (
        (10, 4),
        "/etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_mldsa44_ed25519_key",
    ),
]);

/// Keywords of sshd_config(5).
pub static SERVER: &[Keyword] = &[
    keyword("acceptenv", true, Kind::Append, Default::Nothing),
    keyword(
        "addressfamily",
        false,
        Kind::Words(&[("any", "any"), ("inet", "inet"), ("inet6", "inet6")]),
        Default::Text("any"),
    ),
    keyword("allowagentforwarding", true, FLAG, YES),
    keyword("allowgroups", true, Kind::Append, Default::Nothing),
    keyword("allowstreamlocalforwarding", true, FORWARDING, YES),
    keyword("allowtcpforwarding", true, FORWARDING, YES),
    keyword("allowusers", true, Kind::Append, Default::Nothing),
    keyword("authenticationmethods", true, Kind::Line, Default::Text("any")),
    keyword("authorizedkeyscommand", true, Kind::Rest, NONE),
    keyword("authorizedkeyscommanduser", true, Kind::Text, NONE),
    keyword("authorizedkeysfile", true, Kind::Line, Default::Text(".ssh/authorized_keys .ssh/authorized_keys2")),
    keyword("authorizedprincipalscommand", true, Kind::Rest, NONE),
    keyword("authorizedprincipalscommanduser", true, Kind::Text, NONE),
    keyword("authorizedprincipalsfile", true, Kind::Text, NONE),
    keyword("banner", true, Kind::Text, NONE),
    since(
        (7, 9),
        keyword(
            "casignaturealgorithms",
            true,
            Kind::Algorithms(Algorithms::CaSignatures),
            Default::List(Algorithms::CaSignatures),
        ),
    ),
    since((9, 2), keyword("channeltimeout", true, Kind::Line, NONE)),
    keyword("chrootdirectory", true, Kind::Text, NONE),
    keyword("ciphers", false, Kind::Algorithms(Algorithms::Ciphers), Default::List(Algorithms::Ciphers)),
    keyword("clientalivecountmax", true, Kind::Integer, Default::Text("3")),
    keyword("clientaliveinterval", true, Kind::Seconds, Default::Text("0")),
    keyword("compression", false, Kind::Words(&[("yes", "yes"), ("delayed", "yes"), ("no", "no")]), YES),
    keyword("denygroups", true, Kind::Append, Default::Nothing),
    keyword("denyusers", true, Kind::Append, Default::Nothing),
    keyword("disableforwarding", true, FLAG, NO),
    since((7, 6), keyword("exposeauthinfo", true, FLAG, NO)),
    last_before(
        EVER,
        keyword(
            "fingerprinthash",
            false,
            Kind::Upper(&["MD5", "SHA1", "SHA256", "SHA384", "SHA512"]),
            Default::Text("SHA256"),
        ),
    ),
    keyword("forcecommand", true, Kind::Rest, NONE),
    keyword(
        "gatewayports",
        true,
        Kind::Words(&[("clientspecified", "clientspecified"), ("yes", "yes"), ("no", "no")]),
        NO,
    ),
    keyword("gssapiauthentication", true, FLAG, NO),
    keyword("gssapicleanupcredentials", false, FLAG, YES),
    since((10, 3), keyword("gssapidelegatecredentials", false, FLAG, YES)),
    keyword("gssapistrictacceptorcheck", false, FLAG, YES),
    keyword("hostbasedacceptedalgorithms", true, Kind::Algorithms(Algorithms::Keys), Default::List(Algorithms::Keys)),
    keyword("hostbasedauthentication", true, FLAG, NO),
    keyword("hostbasedusesnamefrompacketonly", true, FLAG, NO),
    keyword("hostcertificate", false, Kind::Each, Default::Nothing),
    keyword("hostkey", false, Kind::Each, HOST_KEYS),
    keyword("hostkeyagent", false, Kind::Text, NONE),
    keyword("hostkeyalgorithms", false, Kind::Algorithms(Algorithms::Keys), Default::List(Algorithms::Keys)),
    keyword("ignorerhosts", true, Kind::Words(&[("yes", "yes"), ("no", "no"), ("shosts-only", "shosts-only")]), YES),
    keyword("ignoreuserknownhosts", false, FLAG, NO),
    // Debian keeps the default of releases before 7.8.
    last_before((10, 3), keyword("ipqos", true, Kind::Line, Default::Build)),
    keyword("kbdinteractiveauthentication", true, FLAG, YES),
    keyword("kerberosauthentication", true, FLAG, NO),
    keyword("kerberosgetafstoken", false, FLAG, NO),
    keyword("kerberosorlocalpasswd", false, FLAG, YES),
    keyword("kerberosticketcleanup", false, FLAG, YES),
    keyword("kexalgorithms", false, Kind::Algorithms(Algorithms::ServerKex), Default::List(Algorithms::ServerKex)),
    keyword("listenaddress", false, Kind::Each, Default::Text(":: 0.0.0.0")),
    keyword("logingracetime", false, Kind::Seconds, Default::Text("120")),
    keyword("loglevel", true, LOG_LEVELS, Default::Text("INFO")),
    since((8, 5), keyword("logverbose", true, Kind::Line, NONE)),
    keyword("macs", false, Kind::Algorithms(Algorithms::Macs), Default::List(Algorithms::Macs)),
    keyword("maxauthtries", true, Kind::Integer, Default::Text("6")),
    keyword("maxsessions", true, Kind::Integer, Default::Text("10")),
    last_before((10, 1), keyword("maxstartups", false, Kind::Startups, Default::Text("10:30:100"))),
    since((8, 6), keyword("modulifile", false, Kind::Text, Default::Build)),
    since((9, 8), keyword("pamservicename", true, Kind::Text, Default::Text("sshd"))),
    keyword("passwordauthentication", true, FLAG, YES),
    keyword("permitemptypasswords", true, FLAG, NO),
    since((7, 8), keyword("permitlisten", true, Kind::Line, Default::Text("any"))),
    keyword("permitopen", true, Kind::Line, Default::Text("any")),
    keyword(
        "permitrootlogin",
        true,
        Kind::Words(&[
            ("without-password", "prohibit-password"),
            ("prohibit-password", "prohibit-password"),
            ("forced-commands-only", "forced-commands-only"),
            ("yes", "yes"),
            ("no", "no"),
        ]),
        Default::Text("prohibit-password"),
    ),
    keyword("permittty", true, FLAG, YES),
    keyword(
        "permittunnel",
        true,
        Kind::ExactWords(&[
            ("no", "no"),
            ("yes", "yes"),
            ("point-to-point", "point-to-point"),
            ("ethernet", "ethernet"),
        ]),
        NO,
    ),
    keyword("permituserenvironment", false, Kind::Text, NO),
    keyword("permituserrc", true, FLAG, YES),
    since((8, 5), keyword("persourcemaxstartups", false, Kind::Text, NONE)),
    since((8, 5), last_before((10, 1), keyword("persourcenetblocksize", false, Kind::Text, Default::Text("32:128")))),
    since((9, 8), keyword("persourcepenalties", false, Kind::Append, YES)),
    since((9, 8), keyword("persourcepenaltyexemptlist", false, Kind::Text, NONE)),
    keyword("pidfile", false, Kind::Text, Default::Build),
    keyword("port", false, Kind::Each, Default::Text("22")),
    keyword("printlastlog", false, FLAG, YES),
    keyword("printmotd", false, FLAG, YES),
    keyword("pubkeyacceptedalgorithms", true, Kind::Algorithms(Algorithms::Keys), Default::List(Algorithms::Keys)),
    keyword("pubkeyauthentication", true, FLAG, YES),
    since((8, 2), keyword("pubkeyauthoptions", true, Kind::Options(&["touch-required", "verify-required"]), NONE)),
    since((7, 7), keyword("rdomain", true, Kind::Text, NONE)),
    since((9, 9), keyword("refuseconnection", true, FLAG, NO)),
    keyword("rekeylimit", true, Kind::Rekey, Default::Text("0 0")),
    since((9, 1), keyword("requiredrsasize", true, Kind::Integer, Default::Text("1024"))),
    keyword("revokedkeys", true, Kind::Line, NONE),
    since((8, 2), keyword("securitykeyprovider", false, Kind::Text, Default::Text("internal"))),
    since((7, 8), keyword("setenv", true, Kind::Line, Default::Nothing)),
    since((10, 0), keyword("sshdauthpath", false, Kind::Text, Default::Build)),
    since((9, 8), keyword("sshdsessionpath", false, Kind::Text, Default::Build)),
    last_before(EVER, keyword("streamlocalbindmask", true, Kind::Mask, Default::Text("0177"))),
    keyword("streamlocalbindunlink", true, FLAG, NO),
    keyword("strictmodes", false, FLAG, YES),
    keyword("subsystem", true, Kind::Each, Default::Nothing),
    keyword("syslogfacility", false, FACILITIES, Default::Text("AUTH")),
    keyword("tcpkeepalive", false, FLAG, YES),
    keyword("trustedusercakeys", true, Kind::Text, NONE),
    since((9, 2), keyword("unusedconnectiontimeout", true, Kind::Seconds, Default::Text("0"))),
    keyword("usedns", false, FLAG, NO),
    keyword("usepam", false, FLAG, NO),
    keyword("versionaddendum", false, Kind::Rest, NONE),
    keyword("x11displayoffset", true, Kind::Integer, Default::Text("10")),
    keyword("x11forwarding", true, FLAG, NO),
    keyword("x11uselocalhost", true, FLAG, YES),
    keyword("xauthlocation", false, Kind::Text, Default::Build),
    // Debian's and Fedora's builds have these too.
    keyword("debianbanner", false, FLAG, Default::Build),
    keyword("gssapikexalgorithms", false, Kind::Text, Default::Build),
    keyword("gssapikeyexchange", false, FLAG, NO),
    keyword("gssapistorecredentialsonrekey", false, FLAG, NO),
];

/// Other names of keywords.
pub static SERVER_ALIASES: &[(&str, &str)] = &[
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
    ("hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms"),
    ("hostdsakey", "hostkey"),
    ("keepalive", "tcpkeepalive"),
    ("pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
];

/// What sshd takes and ignores.
pub static SERVER_IGNORED: Ignored = &[
    "afstokenpassing",
    "authorizedkeysfile2",
    "checkmail",
    "keyregenerationinterval",
    "kerberostgtpassing",
    "pamauthenticationviakbdint",
    "protocol",
    "reversemappingcheck",
    "rhostsauthentication",
    "rhostsrsaauthentication",
    "rsaauthentication",
    "serverkeybits",
    "uselogin",
    "useprivilegeseparation",
    "verifyreversemapping",
];

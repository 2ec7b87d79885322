//! Why a connection string is refused. The texts never repeat the string: a piece that does not parse is, as often as
//! not, a piece of a password.

use std::fmt;

/// A connection string that does not parse: what, where, and what was probably meant.
///
/// `Display` is a lowercase fragment that fits after "failed to parse the connection string: ". It carries no text of
/// the string, except the name of an unknown keyword when that is a near miss of a real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DsnError {
    /// What is wrong.
    pub kind: DsnErrorKind,
    /// Byte offset in the string at which it is wrong.
    pub offset: usize,
    /// What was probably meant: a keyword, or a sentence.
    pub hint: Option<String>,
}

/// The ways in which a connection string can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsnErrorKind {
    /// Keyword/value form: a word without `=`. Also what any text is that is neither a URI nor keyword/value pairs.
    MissingEquals,
    /// Keyword/value form: a `'` that is never closed.
    UnterminatedQuote,
    /// A keyword that libpq does not know, named only when it resembles one that libpq knows.
    UnknownKeyword {
        /// The name as written, if it is safe to repeat.
        name: Option<String>,
    },
    /// A keyword that came with a later libpq than the one asked for.
    KeywordTooNew {
        /// The keyword.
        name: &'static str,
        /// The major version that brought it.
        since: u8,
    },
    /// URI: `%` without two hexadecimal digits behind it.
    PercentEncoding,
    /// URI: `%00`.
    PercentNul,
    /// URI: a blank in the middle of a part (refused since libpq 18; it must be `%20`).
    SpaceInUri,
    /// URI: `[` without `]`.
    BracketUnclosed,
    /// URI: `[]`.
    BracketEmpty,
    /// URI: something else than `:`, `/`, `?` or `,` behind `]`.
    AfterBracket,
    /// URI: a query parameter without `=`.
    QueryMissingEquals,
    /// URI: a query parameter with two `=`.
    QueryExtraEquals,
    /// A value that is not UTF-8 once decoded. libpq passes it on; harden does not judge it.
    NotUtf8,
    /// A NUL byte, which no C client would ever see.
    NulByte,
    /// A form that this client does not read; the text says which it reads.
    WrongForm(&'static str),
    /// A URL that the client's own URL parser refuses.
    InvalidUrl(&'static str),
}

impl DsnError {
    pub(super) fn new(kind: DsnErrorKind, offset: usize) -> Self {
        Self { kind, offset, hint: None }
    }

    pub(super) fn hinted(kind: DsnErrorKind, offset: usize, hint: impl Into<String>) -> Self {
        Self { kind, offset, hint: Some(hint.into()) }
    }
}

impl fmt::Display for DsnErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingEquals => f.write_str("a word without \"=\" (neither a URI nor keyword=value)"),
            Self::UnterminatedQuote => f.write_str("a quoted value is not closed"),
            Self::UnknownKeyword { name: Some(name) } => write!(f, "unknown keyword \"{name}\""),
            Self::UnknownKeyword { name: None } => {
                f.write_str("unknown keyword (not shown: it may be part of an unquoted password)")
            }
            Self::KeywordTooNew { name, since } => {
                write!(f, "keyword \"{name}\" is known since libpq {since} only")
            }
            Self::PercentEncoding => f.write_str("\"%\" is not followed by two hexadecimal digits"),
            Self::PercentNul => f.write_str("%00 is forbidden"),
            Self::SpaceInUri => f.write_str("a blank inside a part of the URI must be written %20"),
            Self::BracketUnclosed => f.write_str("\"[\" of an IPv6 address is not closed"),
            Self::BracketEmpty => f.write_str("the IPv6 address in brackets is empty"),
            Self::AfterBracket => f.write_str("only \":\", \"/\", \"?\" or \",\" may follow an IPv6 address"),
            Self::QueryMissingEquals => f.write_str("a query parameter without \"=\""),
            Self::QueryExtraEquals => f.write_str("a query parameter with a second \"=\" (write %3D)"),
            Self::NotUtf8 => f.write_str("a percent-encoded value is not UTF-8"),
            Self::NulByte => f.write_str("a NUL byte"),
            Self::WrongForm(reads) => write!(f, "not a form that this client reads ({reads})"),
            Self::InvalidUrl(why) => write!(f, "the client's URL parser refuses it: {why}"),
        }
    }
}

impl fmt::Display for DsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DsnError {}

/// A reason why the client would refuse to connect with a string that parses, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// What is wrong, a lowercase fragment without secrets.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

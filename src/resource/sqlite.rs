//! `sqlite`: what the header of a SQLite database says (SQLite, "Database File Format", 1.3). The rest is not read: no SQL
//! is run, and no lock is taken.

use super::files::{Content, each_start};
use super::{Accepts, Field, Param, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type, Value};

/// Bytes of the header.
const HEADER: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How changes are kept until they are part of the database.
static JOURNAL: Vocabulary = Vocabulary { name: "sqlite_journal", words: &["rollback", "wal"], ordered: false };

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file"),
    field(
        "is_sqlite",
        Type::Bool(Dialect::Plain),
        "bytes 0 to 15",
        "whether it begins as a SQLite 3 database does; an encrypted one does not. Unknown for an empty file, which SQLite takes for a new database",
    ),
    field(
        "journal",
        Type::Word(&JOURNAL),
        "bytes 18 and 19",
        "`wal` for a write-ahead log, `rollback` for a rollback journal of any kind; absent when it is no SQLite database",
    ),
    field(
        "tables_read",
        Type::Bool(Dialect::Plain),
        "",
        "whether harden looked into its tables; always unknown, for rules that have to say so",
    ),
    field("page_size", Type::Integer, "bytes 16 and 17", "bytes of a page; absent when it is no SQLite database"),
];

pub(super) static SQLITE: Resource = Resource {
    name: "sqlite",
    about: "A SQLite database by its header: whether it is one, and how it keeps its journal. Its tables are not read.",
    privilege: "read permission for the file",
    params: &[Param {
        name: "path",
        accepts: Accepts::Text,
        required: true,
        about: "the file, or a pattern as for the resource `file`",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(each_start(door, with, HEADER, header)),
};

fn header(path: &str, bytes: &[u8]) -> Content {
    Content::Subjects(vec![subject(path, bytes)], None)
}

fn subject(path: &str, bytes: &[u8]) -> Subject {
    let mut subject = Subject::new(&SQLITE, path, path, Basis::Live);
    subject.fields.set("path", Value::from(path));
    let header = Header::read(bytes);
    let unread = Reason::new("harden reads no table of a SQLite database");
    let grant = format!("ask `sqlite3 -readonly {path}` and attest what it answers, or keep the data in PostgreSQL");
    subject.fields.set("tables_read", Observed::Unknown(unread.with_grant(grant)));
    subject.fields.set("is_sqlite", header.is_sqlite);
    subject.fields.set("journal", header.journal);
    subject.fields.set("page_size", header.page_size);
    subject
}

/// What the header says, each field by itself.
struct Header {
    is_sqlite: Observed,
    journal: Observed,
    page_size: Observed,
}

impl Header {
    fn read(bytes: &[u8]) -> Self {
        let all = |observed: &Observed| Header {
            is_sqlite: observed.clone(),
            journal: observed.clone(),
            page_size: observed.clone(),
        };
        if bytes.is_empty() {
            return all(&Observed::unknown("it is empty: SQLite writes its header with the first table"));
        }
        if !bytes.starts_with(MAGIC) {
            return Header { is_sqlite: false.into(), ..all(&Observed::Absent) };
        }
        if bytes.len() < HEADER {
            return Header { is_sqlite: true.into(), ..all(&Observed::unknown("its header ends early")) };
        }
        Header { is_sqlite: true.into(), journal: journal(bytes), page_size: page_size(bytes) }
    }
}

/// The versions of writing and of reading: 1 for a rollback journal, 2 for a write-ahead log.
fn journal(bytes: &[u8]) -> Observed {
    match (bytes.get(18), bytes.get(19)) {
        (Some(2), Some(2)) => word(&JOURNAL, "wal").into(),
        (Some(1), Some(1)) => word(&JOURNAL, "rollback").into(),
        _ => Observed::unknown("its header has versions that this harden does not know"),
    }
}

/// Big-endian, with 1 for 65536.
fn page_size(bytes: &[u8]) -> Observed {
    match (bytes.get(16), bytes.get(17)) {
        (Some(0), Some(1)) => Observed::from(65_536_i64),
        (Some(high), Some(low)) => Observed::from(i64::from(u16::from_be_bytes([*high, *low]))),
        _ => Observed::unknown("its header ends early"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::target::host::tests::host;

    fn bytes(versions: u8, page: [u8; 2]) -> Vec<u8> {
        let mut all = MAGIC.to_vec();
        all.extend(page);
        all.extend([versions, versions]);
        all.resize(4096, 0);
        all
    }

    fn field(bytes: &[u8], name: &str) -> Observed {
        subject("/x.db", bytes).fields.get(name).unwrap().clone()
    }

    #[test]
    fn headers_are_read() {
        assert_eq!(field(&bytes(2, [0x10, 0]), "journal").to_string(), "wal");
        assert_eq!(field(&bytes(1, [0x10, 0]), "journal").to_string(), "rollback");
        assert!(matches!(field(&bytes(3, [0x10, 0]), "journal"), Observed::Unknown(_)));
        assert_eq!(field(&bytes(2, [0x10, 0]), "page_size"), Observed::from(4096_i64));
        assert_eq!(field(&bytes(2, [0, 1]), "page_size"), Observed::from(65_536_i64));
    }

    #[test]
    fn what_is_none_is_told_from_what_is_empty() {
        assert_eq!(field(b"PRAGMA", "is_sqlite"), Observed::from(false));
        assert_eq!(field(b"PRAGMA", "journal"), Observed::Absent);
        assert!(matches!(field(b"", "is_sqlite"), Observed::Unknown(_)));
        assert!(matches!(field(MAGIC, "journal"), Observed::Unknown(_)));
    }

    #[test]
    fn only_the_header_is_read() {
        let (root, host) = host();
        std::fs::write(root.path().join("a.db"), bytes(2, [0x10, 0])).unwrap();
        assert_eq!(host.read_start(Path::new("/a.db"), HEADER).unwrap(), bytes(2, [0x10, 0])[..HEADER]);
        assert_eq!(host.read_start(Path::new("/a.db"), 1 << 20).unwrap().len(), 4096);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), valid: bool) {
            let bytes = if valid { [MAGIC.as_slice(), &bytes].concat() } else { bytes };
            let _ = subject("/x", &bytes);
        }
    }
}

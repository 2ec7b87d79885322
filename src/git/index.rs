//! The index (gitformat-index(5)), versions 2 to 4: which paths are tracked.

use ring::digest;

/// Entries of an index; real ones of the largest repositories have fewer.
const MAX_ENTRIES: u32 = 2_000_000;
/// Bytes of a path (PATH_MAX of limits.h).
const MAX_PATH: usize = 4096;
/// Fixed bytes of an entry before the object's name.
const STAT: usize = 40;
const EXTENDED: u16 = 0x4000;
const NAME_LENGTH: u16 = 0x0fff;
const SKIP_WORKTREE: u16 = 0x4000;

/// Which names objects have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn length(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
        }
    }

    fn of(self, bytes: &[u8]) -> digest::Digest {
        digest::digest(
            match self {
                Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
                Hash::Sha256 => &digest::SHA256,
            },
            bytes,
        )
    }
}

/// What a tracked path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Symlink,
    /// A commit of another repository.
    Submodule,
    /// Of a sparse index: stands for all paths below it.
    Directory,
}

/// A tracked path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the top of the work tree; bytes, since git knows no encoding.
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Sparse checkout leaves it out of the work tree.
    pub skipped: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// Each path once, in the order of the file.
    pub entries: Vec<Entry>,
    /// Why there may be more: another file holds a part of them.
    pub more: Option<&'static str>,
}

/// Reads an index. The error is a fragment that fits after its path.
pub fn parse(bytes: &[u8], hash: Hash) -> Result<Index, String> {
    let body_end = bytes.len().checked_sub(hash.length()).ok_or("is too short for an index")?;
    let (body, sum) = bytes.split_at_checked(body_end).ok_or("is too short for an index")?;
    let mut reader = Reader { rest: body };
    if reader.take(4)? != b"DIRC" {
        return Err("is no index of git".to_owned());
    }
    let (version, count) = (reader.u32()?, reader.u32()?);
    if !(2..=4).contains(&version) {
        return Err(format!("is an index of version {version}, which harden does not know"));
    }
    // With `index.skipHash` there is none.
    if sum.iter().any(|byte| *byte != 0) && hash.of(body).as_ref() != sum {
        return Err("does not have the checksum that it says".to_owned());
    }
    if count > MAX_ENTRIES {
        return Err(format!("has more than {MAX_ENTRIES} entries"));
    }
    let mut index = Index::default();
    let (mut last, mut nameless, mut split) = (Vec::new(), false, false);
    for _ in 0..count {
        let entry = reader.entry(version, hash, &last)?;
        last.clone_from(&entry.path);
        // The other part of a split index has the name.
        if entry.path.is_empty() {
            nameless = true;
            continue;
        }
        if entry.kind == Kind::Directory {
            index.more = Some("it is a sparse index, which names directories in place of what is in them");
        }
        // A conflict has the same path several times.
        if index.entries.last().is_none_or(|before| before.path != entry.path) {
            index.entries.push(entry);
        }
    }
    while !reader.rest.is_empty() {
        let name = reader.take(4)?;
        if name == b"link" {
            split = true;
            index.more = Some("it is a split index, whose other part harden does not read");
        } else if name.first().is_some_and(u8::is_ascii_lowercase) && name != b"sdir" {
            index.more = Some("it has an extension that has to be understood, and is not");
        }
        let length = usize::try_from(reader.u32()?).map_err(|_| CUT)?;
        reader.take(length)?;
    }
    if nameless && !split {
        return Err("has a path that no file can have".to_owned());
    }
    Ok(index)
}

const CUT: &str = "ends in the middle of an entry";

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| CUT)?))
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| CUT)?))
    }

    fn entry(&mut self, version: u32, hash: Hash, last: &[u8]) -> Result<Entry, String> {
        let start = self.rest.len();
        let stat = self.take(STAT)?;
        let mode = stat.get(24..28).and_then(|mode| mode.try_into().ok()).map_or(0, u32::from_be_bytes);
        self.take(hash.length())?;
        let flags = self.u16()?;
        let more = if flags & EXTENDED == 0 || version == 2 { 0 } else { self.u16()? };
        let path = match version {
            4 => self.compressed(last)?,
            _ => self.padded(start, flags)?,
        };
        if path.len() > MAX_PATH {
            return Err("has a path that no file can have".to_owned());
        }
        let kind = match mode & 0o170_000 {
            0o120_000 => Kind::Symlink,
            0o160_000 => Kind::Submodule,
            0o040_000 => Kind::Directory,
            _ => Kind::File,
        };
        Ok(Entry { path, kind, skipped: more & SKIP_WORKTREE != 0 })
    }

    /// A path that ends in one to eight NUL bytes, so that entries have a multiple of eight.
    fn padded(&mut self, start: usize, flags: u16) -> Result<Vec<u8>, String> {
        let length = match usize::from(flags & NAME_LENGTH) {
            // Longer ones do not fit into the field.
            0xfff => self.rest.iter().position(|byte| *byte == 0).ok_or(CUT)?,
            length => length,
        };
        let path = self.take(length)?.to_vec();
        let used = start - self.rest.len();
        self.take(8 - used % 8)?;
        Ok(path)
    }

    /// How many bytes to take off the path before, and what to put there.
    fn compressed(&mut self, last: &[u8]) -> Result<Vec<u8>, String> {
        let strip = self.varint()?;
        let kept = last.len().checked_sub(strip).and_then(|length| last.get(..length)).ok_or(CUT)?;
        let length = self.rest.iter().position(|byte| *byte == 0).ok_or(CUT)?;
        let mut path = kept.to_vec();
        path.extend_from_slice(self.take(length)?);
        self.take(1)?;
        Ok(path)
    }

    /// A number as offsets of packs have it: each further byte adds one.
    fn varint(&mut self) -> Result<usize, String> {
        let mut value = 0_usize;
        loop {
            let byte = self.take(1)?.first().copied().ok_or(CUT)?;
            value = value.checked_mul(128).and_then(|value| value.checked_add(usize::from(byte & 0x7f))).ok_or(CUT)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            value = value.checked_add(1).ok_or(CUT)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(path: &str, mode: u32) -> Vec<u8> {
        let mut bytes = vec![0; 24];
        bytes.extend(mode.to_be_bytes());
        bytes.extend([0; 12 + 20]);
        bytes.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
        bytes.extend(path.as_bytes());
        bytes.extend(vec![0; 8 - bytes.len() % 8]);
        bytes
    }

    fn index(parts: &[Vec<u8>], after: &[u8]) -> Vec<u8> {
        let mut bytes = b"DIRC\0\0\0\x02".to_vec();
        bytes.extend(u32::try_from(parts.len()).unwrap().to_be_bytes());
        bytes.extend(parts.concat());
        bytes.extend(after);
        let sum = Hash::Sha1.of(&bytes);
        bytes.extend(sum.as_ref());
        bytes
    }

    #[test]
    fn paths_and_what_hides_some() {
        let parts = [entry("a", 0o100_644), entry("l", 0o120_000), entry("sub", 0o160_000)];
        let seen = parse(&index(&parts, b""), Hash::Sha1).unwrap();
        let kinds: Vec<_> = seen.entries.iter().map(|entry| (entry.path.as_slice(), entry.kind)).collect();
        assert_eq!(kinds, [(&b"a"[..], Kind::File), (b"l", Kind::Symlink), (b"sub", Kind::Submodule)]);
        assert_eq!(seen.more, None);
        assert!(parse(&index(&parts, b"link\0\0\0\0"), Hash::Sha1).unwrap().more.is_some());
        assert!(parse(&index(&parts, b"TREE\0\0\0\0"), Hash::Sha1).unwrap().more.is_none());
        let mut broken = index(&parts, b"");
        broken[60] ^= 1;
        assert!(parse(&broken, Hash::Sha1).unwrap_err().contains("checksum"));
        assert!(parse(b"DIRC", Hash::Sha1).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0_u8..6) {
            let _ = parse(&bytes, Hash::Sha1);
            let mut framed = vec![b'D', b'I', b'R', b'C', 0, 0, 0, version, 0, 0, 0, 2];
            framed.extend(&bytes);
            framed.extend([0; 20]);
            let _ = parse(&framed, Hash::Sha1);
        }
    }
}

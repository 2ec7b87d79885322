//! POSIX access control lists as the kernel hands them out: `system.posix_acl_access`, version 2 (the layout of
//! `include/uapi/linux/posix_acl_xattr.h`; meaning in acl(5)).

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::getxattr;
use rustix::io::Errno;

use crate::value::Reason;

const VERSION: u32 = 2;
/// The kernel's limit on an attribute's size.
const MAX_BYTES: usize = 65_536;

/// Whom an entry is for. Owner, owning group and others are in the mode already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    User(u32),
    Group(u32),
    Mask,
}

/// An entry beyond owner, group and others, as it was set: the mask limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub tag: Tag,
    /// `rwx` as the lowest three bits.
    pub permissions: u16,
}

impl Entry {
    /// What is granted once the mask was applied.
    pub fn effective(&self, entries: &[Entry]) -> u16 {
        let mask = entries.iter().find(|entry| entry.tag == Tag::Mask).map_or(7, |entry| entry.permissions);
        self.permissions & mask & 7
    }
}

/// The entries of the list that go beyond the mode; none for a file without one, or on a file system that has none.
/// An `O_PATH` descriptor cannot be asked itself, its name in `/proc` can: that needs no right to read the file.
pub fn read(fd: BorrowedFd<'_>) -> Result<Vec<Entry>, Reason> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let ask = |buffer: &mut [u8]| {
        let length = getxattr(path.as_str(), "system.posix_acl_access", &mut *buffer)?;
        Ok(parse(buffer.get(..length).unwrap_or_default()))
    };
    // Nearly every list is short, and most files have none.
    let short = ask(&mut [0_u8; 512]);
    let answer = if short == Err(Errno::RANGE) { ask(&mut vec![0_u8; MAX_BYTES]) } else { short };
    match answer {
        Ok(parsed) => parsed,
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(Errno::ACCESS | Errno::PERM) => {
            Err(Reason::new("permission denied for its access control list").with_grant("run as root"))
        }
        Err(Errno::NOENT) => Err(Reason::new("its access control list can only be read with /proc mounted")),
        Err(errno) => Err(Reason::new(format!("its access control list: {}", std::io::Error::from(errno)))),
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Reason> {
    let malformed = || Reason::new("its access control list is malformed");
    let (version, entries) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
    if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
        return Err(malformed());
    }
    let mut beyond = Vec::new();
    for entry in entries.chunks_exact(8) {
        let &[t0, t1, p0, p1, i0, i1, i2, i3] = entry else { return Err(malformed()) };
        let permissions = u16::from_le_bytes([p0, p1]);
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        let tag = match u16::from_le_bytes([t0, t1]) {
            0x01 | 0x04 | 0x20 => continue,
            0x02 => Tag::User(id),
            0x08 => Tag::Group(id),
            0x10 => Tag::Mask,
            _ => return Err(malformed()),
        };
        beyond.push(Entry { tag, permissions });
    }
    Ok(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            bytes.extend(tag.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&id.to_le_bytes()));
        }
        bytes
    }

    #[test]
    fn only_what_the_mode_does_not_say_is_kept() {
        let minimal = bytes(&[(1, 6, u32::MAX), (4, 4, u32::MAX), (0x20, 0, u32::MAX)]);
        assert_eq!(parse(&minimal), Ok(Vec::new()));
        let extended = bytes(&[(1, 6, 0), (2, 6, 1000), (4, 4, 0), (8, 7, 5), (0x10, 4, 0), (0x20, 0, 0)]);
        let entries = parse(&extended).unwrap();
        assert_eq!(entries[0], Entry { tag: Tag::User(1000), permissions: 6 });
        assert_eq!(entries[0].effective(&entries), 4, "the mask takes writing away");
        assert_eq!(entries.len(), 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}

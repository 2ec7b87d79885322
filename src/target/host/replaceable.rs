//! Who, beside root and the owner of a file, could put another in its place: whoever may write a directory on the way.

use super::{Found, Host, Passed, acl};
use crate::value::Reason;

const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHER_WRITE: u32 = 0o002;

impl Host {
    /// The directories on the way, those of followed links included, in which somebody other than root and the owner of
    /// what was found can replace the entry that was taken. They are: the directory's own owner, always; its group
    /// (unless root and the owner are all of it), the users and groups that its ACL names, and all others, where their
    /// bits let them write. In a sticky directory (`/tmp`) the bits help only those who own the entry, so that they do
    /// not count where the entry is root's or the owner's.
    pub fn replaceable_in<'f>(&self, found: &'f Found) -> Result<Vec<&'f Passed>, Reason> {
        let owner = found.stat.st_uid;
        let mut seen: Vec<&Passed> = Vec::new();
        for passed in found.passed.iter().map(AsRef::as_ref) {
            if seen.iter().all(|other| other.path != passed.path) && self.can_replace(passed, owner)? {
                seen.push(passed);
            }
        }
        Ok(seen)
    }

    fn can_replace(&self, passed: &Passed, owner: u32) -> Result<bool, Reason> {
        let stranger = |uid: u32| uid != 0 && uid != owner;
        let stat = &passed.stat;
        if stranger(stat.st_uid) {
            return Ok(true);
        }
        if stat.st_mode & STICKY != 0 && !stranger(passed.entry_uid) {
            return Ok(false);
        }
        if stat.st_mode & OTHER_WRITE != 0 {
            return Ok(true);
        }
        // With an ACL these bits are its mask: without them it lets nobody write either.
        if stat.st_mode & GROUP_WRITE == 0 {
            return Ok(false);
        }
        let entries = acl::read(passed.fd())?;
        let named = entries.iter().any(|entry| match entry.tag {
            acl::Tag::User(uid) => stranger(uid) && entry.effective(&entries) & 2 != 0,
            acl::Tag::Group(gid) => !self.is_private_group(gid, owner) && entry.effective(&entries) & 2 != 0,
            acl::Tag::Mask => false,
        });
        Ok(named || !self.is_private_group(stat.st_gid, owner))
    }
}

//! Reading numbers and length-prefixed parts, front to back. What is not there is `None`, never a panic.

/// What is left of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Cursor(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A big-endian number of up to four bytes.
    fn number(&mut self, bytes: usize) -> Option<u32> {
        let taken = self.take(bytes)?;
        Some(taken.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        u8::try_from(self.number(1)?).ok()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        u16::try_from(self.number(2)?).ok()
    }

    /// A part behind its length, which has so many bytes.
    pub(super) fn part(&mut self, length_bytes: usize) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number(length_bytes)?).ok()?;
        self.take(length)
    }
}

//! The trees of the built-in rules as bytes, made when harden is built: reading YAML again at every start would be most
//! of what a start costs. Shared with the build script, which writes what this reads.

use std::ops::Range;

use crate::yaml::{Key, Kind, Node};

/// Tags by their number; 0 is none.
pub(crate) const TAGS: [&str; 3] = ["unknown", "absent", "invalid"];
pub(crate) const PLAIN: u8 = 0;
pub(crate) const QUOTED: u8 = 1;
pub(crate) const SEQUENCE: u8 = 2;
pub(crate) const MAPPING: u8 = 3;

/// Reads a tree back; `None` when the bytes are no tree.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Node> {
    let mut rest = Rest(bytes);
    let node = rest.node()?;
    rest.0.is_empty().then_some(node)
}

struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        usize::try_from(u32::from_le_bytes(*number)).ok()
    }

    fn span(&mut self) -> Option<Range<usize>> {
        Some(self.number()?..self.number()?)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn node(&mut self) -> Option<Node> {
        let span = self.span()?;
        let tag = match self.byte()? {
            0 => None,
            number => Some((*TAGS.get(usize::from(number) - 1)?).to_owned()),
        };
        let kind = match self.byte()? {
            PLAIN => Kind::Scalar { text: self.text()?, quoted: false },
            QUOTED => Kind::Scalar { text: self.text()?, quoted: true },
            SEQUENCE => Kind::Sequence((0..self.number()?).map(|_| self.node()).collect::<Option<_>>()?),
            MAPPING => Kind::Mapping((0..self.number()?).map(|_| self.entry()).collect::<Option<_>>()?),
            _ => return None,
        };
        Some(Node { span, tag, kind })
    }

    fn entry(&mut self) -> Option<(Key, Node)> {
        let key = Key { span: self.span()?, name: self.text()? };
        Some((key, self.node()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::library::FILES;
    use super::*;
    use crate::yaml;

    #[test]
    fn packed_trees_are_the_texts_without_their_tests() {
        for (path, text, tree) in FILES {
            let mut root = yaml::parse(text).unwrap();
            if let Kind::Mapping(entries) = &mut root.kind {
                entries.retain(|(key, _)| key.name != "tests");
            }
            assert_eq!(format!("{root:?}"), format!("{:?}", unpack(tree).unwrap()), "{path}");
        }
    }

    #[test]
    fn torn_bytes_are_no_tree() {
        let (_, _, tree) = FILES.first().unwrap();
        for length in 0..tree.len() {
            assert!(unpack(&tree[..length]).is_none());
        }
    }
}

//! The PEM armor (RFC 7468, RFC 1421 headers) of certificate and key files, with line numbers.
//!
//! Apart from a crate's parser because a broken block must not hide the blocks after it, must be named by its line, and the
//! marks of an encrypted key must survive. What OpenSSL does not see as a block (an indented BEGIN, one behind a byte
//! order mark) is read all the same but said to be a fault.

use data_encoding::BASE64;
use zeroize::Zeroizing;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One `BEGIN` … `END` block.
pub(super) struct Block {
    /// The text between `BEGIN` and the dashes, such as `CERTIFICATE`.
    pub(super) label: String,
    /// The line of `BEGIN`, from 1.
    pub(super) line: usize,
    /// Whether RFC 1421 headers say that the body is encrypted (`Proc-Type: 4,ENCRYPTED`).
    pub(super) encrypted: bool,
    /// The decoded body, or why there is none.
    pub(super) body: Result<Zeroizing<Vec<u8>>, &'static str>,
    /// Why other programs overlook this block, when they do.
    pub(super) overlooked: Option<&'static str>,
}

impl Block {
    pub(super) fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// Whether the bytes hold anything like a PEM block.
pub(super) fn looks_like_pem(bytes: &[u8]) -> bool {
    bytes.split(|&b| b == b'\n').any(|line| trim_start(skip_bom(line)).starts_with(b"-----BEGIN"))
}

/// All blocks in order. Text outside blocks is legal and skipped.
pub(super) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let mut lines = bytes.split(|&b| b == b'\n').enumerate().map(|(index, line)| (index + 1, line)).peekable();
    let mut blocks = Vec::new();
    while let Some((number, line)) = lines.next() {
        let Some((label, overlooked)) = begin(number, line) else {
            continue;
        };
        let Some(label) = label else {
            blocks.push(broken(number, overlooked));
            continue;
        };
        let mut body = Body::new(label);
        // A BEGIN inside a block starts the next one: it is left for the outer loop.
        while let Some((_, line)) = lines.next_if(|(_, line)| !trim_start(line).starts_with(b"-----BEGIN")) {
            if body.take(line) {
                break;
            }
        }
        blocks.push(body.finish(number, overlooked));
    }
    blocks
}

fn broken(line: usize, overlooked: Option<&'static str>) -> Block {
    Block { label: String::new(), line, encrypted: false, body: Err("the BEGIN line is malformed"), overlooked }
}

type Begin = (Option<String>, Option<&'static str>);

/// The label of a BEGIN line and why others overlook it; `None` when it is no BEGIN line.
fn begin(number: usize, line: &[u8]) -> Option<Begin> {
    let unmarked = if number == 1 { skip_bom(line) } else { line };
    let text = trim_start(unmarked);
    let rest = text.strip_prefix(b"-----BEGIN")?;
    let overlooked = if unmarked.len() < line.len() {
        Some("a byte order mark stands before BEGIN, so that other programs overlook this block")
    } else if text.len() < line.len() {
        Some("white space stands before BEGIN, so that other programs overlook this block")
    } else {
        None
    };
    let label = rest.trim_ascii_end().strip_prefix(b" ").and_then(|rest| rest.strip_suffix(b"-----"));
    let label = label.filter(|label| label.len() <= 64 && label.iter().all(|b| matches!(b, b' '..=b'~')));
    Some((label.map(|label| String::from_utf8_lossy(label).into_owned()), overlooked))
}

/// The body of a block while its lines come in.
struct Body {
    label: String,
    text: Zeroizing<Vec<u8>>,
    encrypted: bool,
    in_header: bool,
    end: Option<bool>,
}

impl Body {
    fn new(label: String) -> Self {
        Self { label, text: Zeroizing::new(Vec::new()), encrypted: false, in_header: false, end: None }
    }

    /// Takes one line; true when it was the END line.
    fn take(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        if let Some(rest) = line.strip_prefix(b"-----END") {
            self.end =
                Some(rest.strip_prefix(b" ").and_then(|r| r.strip_suffix(b"-----")) == Some(self.label.as_bytes()));
            return true;
        }
        if self.text.is_empty() && (line.contains(&b':') || self.in_header) {
            // RFC 1421 headers end at an empty line; a folded value has no colon of its own.
            self.in_header = !line.is_empty();
            self.encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
            return false;
        }
        self.text.extend(line.iter().filter(|b| !b.is_ascii_whitespace()));
        false
    }

    fn finish(self, line: usize, overlooked: Option<&'static str>) -> Block {
        let body = match self.end {
            None => Err("the END line is missing"),
            Some(false) => Err("the END line does not match its BEGIN"),
            Some(true) if self.encrypted => Ok(Zeroizing::new(Vec::new())),
            Some(true) => decode(&self.text),
        };
        Block { label: self.label, line, encrypted: self.encrypted, body, overlooked }
    }
}

fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    if text.is_empty() {
        return Err("the block is empty");
    }
    BASE64.decode(text).map(Zeroizing::new).map_err(|_| "the base64 is broken")
}

fn skip_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line)
}

fn trim_start(line: &[u8]) -> &[u8] {
    line.trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (String, usize, Result<Vec<u8>, &'static str>);

    fn read(text: &str) -> Vec<Read> {
        blocks(text.as_bytes()).into_iter().map(|b| (b.label, b.line, b.body.map(|b| b.to_vec()))).collect()
    }

    #[test]
    fn blocks_between_text() {
        let text = "Subject: x\r\n-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\njunk\n-----BEGIN B-----\nAAE=\n-----END B-----";
        assert_eq!(read(text), [("A".into(), 2, Ok(vec![0, 1, 2])), ("B".into(), 6, Ok(vec![0, 1]))]);
    }

    #[test]
    fn faults_do_not_hide_later_blocks() {
        let text = "-----BEGIN A-----\nAA*C\n-----END A-----\n-----BEGIN A-----\nAAEC\n-----BEGIN B-----\nAAEC\n-----END A-----\n-----BEGIN B----\n-----BEGIN C-----\nAAEC\n-----END C-----\n";
        let found = read(text);
        assert_eq!(found.len(), 5);
        assert!(found[..4].iter().all(|(_, _, body)| body.is_err()));
        assert_eq!(found[4], ("C".into(), 10, Ok(vec![0, 1, 2])));
    }

    #[test]
    fn legacy_encryption_is_seen() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAEC\n-----END RSA PRIVATE KEY-----\n";
        assert!(blocks(text.as_bytes())[0].encrypted);
    }

    #[test]
    fn overlooked_blocks() {
        assert!(blocks(b"\xef\xbb\xbf-----BEGIN A-----\nAAEC\n-----END A-----\n")[0].overlooked.is_some());
        assert!(blocks(b"  -----BEGIN A-----\n  AAEC\n  -----END A-----\n")[0].overlooked.is_some());
        assert!(blocks(b"\xef\xbb\xbftext\n-----BEGIN A-----\nAAEC\n-----END A-----\n")[0].overlooked.is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            blocks(&bytes);
        }

        #[test]
        fn any_block_like_text_ends(text in "(-----(BEGIN|END) ?[AB]?-----|[ \n\r:]|AAEC|Proc-Type: 4,ENCRYPTED){0,40}") {
            blocks(text.as_bytes());
        }
    }
}

//! What a server sends in the clear after a ClientHello (RFC 5246, 7.4; RFC 8446, 4.1.3).

use super::cursor::Cursor;
use super::suites::suite;
use super::version::Version;

/// Bytes that a server may send before it has said what is waited for: long chains of long keys have 64 KiB.
const MAX_BYTES: usize = 256 << 10;
/// Bytes of a record's contents, with what encryption adds (RFC 5246, 6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2048;
/// The random of a HelloRetryRequest (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// How far to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To version, suite and extensions.
    Hello,
    /// To the group and the signature of the key exchange as well.
    KeyExchange,
    /// To the end of what a server says before it waits for the client.
    All,
}

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    pub version: Version,
    pub suite: u16,
    pub compression: u8,
    /// The group of TLS 1.3, chosen or asked for.
    pub group: Option<u16>,
    /// Whether it asks for another hello, with a share for its group.
    pub retry: bool,
    /// The numbers of its extensions.
    pub extensions: Vec<u16>,
    /// The protocol of ALPN.
    pub alpn: Option<Vec<u8>>,
}

/// What an ephemeral key exchange is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyExchange {
    /// The named group of ECDHE.
    pub group: Option<u16>,
    /// Bits of the prime of DHE.
    pub prime_bits: Option<u32>,
    /// How it is signed, at TLS 1.2.
    pub scheme: Option<u16>,
}

/// What was heard of a server.
#[derive(Debug, Clone, Default)]
pub struct Flight {
    received: usize,
    bytes: Vec<u8>,
    messages: Vec<u8>,
    pub hello: Option<ServerHello>,
    /// DER, the server's own first.
    pub certificates: Option<Vec<Vec<u8>>>,
    pub stapled: bool,
    pub key_exchange: Option<KeyExchange>,
    pub certificate_requested: bool,
    /// The server has said everything and waits.
    pub done: bool,
    /// Description of the alert that ended it.
    pub alert: Option<u8>,
}

/// Whether to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More,
    /// What was waited for is there, or an alert is.
    Enough,
    /// This is no TLS, or too much of it.
    Garbage,
}

impl Flight {
    /// Takes in what was received.
    pub fn push(&mut self, bytes: &[u8], wanted: Wanted) -> Progress {
        self.received = self.received.saturating_add(bytes.len());
        self.bytes.extend(bytes);
        if self.records().is_none() || self.read_messages().is_none() {
            return Progress::Garbage;
        }
        let enough = match wanted {
            Wanted::Hello => self.hello.is_some(),
            Wanted::KeyExchange => self.key_exchange.is_some() || self.done,
            Wanted::All => self.done,
        };
        // From here on TLS 1.3 is encrypted.
        let encrypted = self.hello.as_ref().is_some_and(|hello| hello.version == Version::Tls13);
        if enough || encrypted || self.alert.is_some() {
            Progress::Enough
        } else if self.received > MAX_BYTES {
            Progress::Garbage
        } else {
            Progress::More
        }
    }

    /// Moves whole records to where they belong. `None` for what is no TLS record.
    fn records(&mut self) -> Option<()> {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while self.alert.is_none() {
            let mut cursor = Cursor::new(rest);
            let Some(kind) = cursor.u8() else { break };
            if !(20..=23).contains(&kind) {
                return None;
            }
            let Some(version) = cursor.u16() else { break };
            if version >> 8 != 3 {
                return None;
            }
            let mut length = cursor;
            if length.u16().is_some_and(|length| usize::from(length) > MAX_RECORD) {
                return None;
            }
            let Some(contents) = cursor.part(2) else { break };
            match kind {
                21 => self.alert = alert(contents),
                22 => self.messages.extend(contents),
                _ => {}
            }
            rest = rest.get(5 + contents.len()..).unwrap_or_default();
        }
        self.bytes = rest.to_vec();
        Some(())
    }

    /// Reads whole messages. `None` for one that is not what it says.
    fn read_messages(&mut self) -> Option<()> {
        let messages = std::mem::take(&mut self.messages);
        let mut rest = messages.as_slice();
        let encrypted = |flight: &Flight| flight.hello.as_ref().is_some_and(|hello| hello.version == Version::Tls13);
        while !self.done && !encrypted(self) {
            let mut cursor = Cursor::new(rest);
            let Some(kind) = cursor.u8() else { break };
            if self.hello.is_none() && kind != 2 && kind != 0 {
                return None;
            }
            let Some(body) = cursor.part(3) else { break };
            self.message(kind, body)?;
            rest = rest.get(4 + body.len()..).unwrap_or_default();
        }
        self.messages = rest.to_vec();
        Some(())
    }

    fn message(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        match kind {
            2 => self.hello = Some(server_hello(body)?),
            11 => self.certificates = Some(certificates(body)?),
            12 => {
                let hello = self.hello.as_ref()?;
                self.key_exchange = Some(key_exchange(hello, body).unwrap_or_default());
            }
            13 => self.certificate_requested = true,
            14 => self.done = true,
            22 => self.stapled = body.len() > 4,
            _ => {}
        }
        Some(())
    }
}

/// The description of a fatal alert. A warning (RFC 6066, 3: of a name that the server does not know) ends nothing.
fn alert(contents: &[u8]) -> Option<u8> {
    let mut cursor = Cursor::new(contents);
    let (level, description) = (cursor.u8()?, cursor.u8()?);
    (level != 1 || description == 0).then_some(description)
}

fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut cursor = Cursor::new(body);
    let mut version = cursor.u16()?;
    let random = cursor.take(32)?;
    cursor.part(1)?;
    let (suite, compression) = (cursor.u16()?, cursor.u8()?);
    let retry = random == RETRY;
    let (mut group, mut extensions, mut alpn) = (None, Vec::new(), None);
    if !cursor.is_empty() {
        let mut all = Cursor::new(cursor.part(2)?);
        while !all.is_empty() {
            let (number, body) = (all.u16()?, all.part(2)?);
            extensions.push(number);
            let mut inner = Cursor::new(body);
            match number {
                16 => alpn = Cursor::new(inner.part(2)?).part(1).map(<[u8]>::to_vec),
                43 => version = inner.u16()?,
                51 => group = inner.u16(),
                _ => {}
            }
        }
    }
    let version = Version::from_wire(version)?;
    Some(ServerHello { version, suite, compression, group, retry, extensions, alpn })
}

fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut cursor = Cursor::new(body);
    let mut all = Cursor::new(cursor.part(3)?);
    let mut found = Vec::new();
    while !all.is_empty() {
        found.push(all.part(3)?.to_vec());
    }
    Some(found)
}

fn key_exchange(hello: &ServerHello, body: &[u8]) -> Option<KeyExchange> {
    let suite = suite(hello.suite);
    let mut cursor = Cursor::new(body);
    let mut found = KeyExchange::default();
    if suite.kex.ends_with("PSK") {
        cursor.part(2)?;
    }
    if suite.kex.starts_with("ECDHE") {
        // 3: a named curve.
        if cursor.u8()? != 3 {
            return None;
        }
        found.group = Some(cursor.u16()?);
        cursor.part(1)?;
    } else if suite.kex.starts_with("DHE") {
        let prime = cursor.part(2)?;
        found.prime_bits = Some(bits(prime));
        cursor.part(2)?;
        cursor.part(2)?;
    } else {
        return None;
    }
    if hello.version == Version::Tls12 && !suite.is_anonymous() && suite.auth != "PSK" {
        found.scheme = Some(cursor.u16()?);
    }
    Some(found)
}

/// Bits of a number, zeros in front left out.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let Some(first) = number.get(zeros) else { return 0 };
    let bytes = u32::try_from(number.len() - zeros).unwrap_or(u32::MAX);
    bytes.saturating_mul(8).saturating_sub(first.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3][..], &length, contents].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind][..], &length[1..], body].concat()
    }

    fn hello(suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.push(0);
        body.extend(suite.to_be_bytes());
        body.push(0);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        message(2, &body)
    }

    #[test]
    fn a_flight_of_tls_1_2_in_pieces() {
        let exchange = [&[3, 0, 0x1d, 2, 1, 1][..], &[8, 4, 0, 1, 0]].concat();
        let all = [
            hello(0xc02f, &[0, 23, 0, 0]),
            message(11, &[0, 0, 5, 0, 0, 2, 0x30, 0]),
            message(12, &exchange),
            message(14, &[]),
        ]
        .concat();
        let wire = [record(22, &all[..10]), record(22, &all[10..])].concat();
        let mut flight = Flight::default();
        for byte in &wire[..wire.len() - 1] {
            assert_eq!(flight.push(&[*byte], Wanted::All), Progress::More);
        }
        assert_eq!(flight.push(&wire[wire.len() - 1..], Wanted::All), Progress::Enough);
        assert_eq!(flight.certificates, Some(vec![vec![0x30, 0]]));
        let exchange = flight.key_exchange.unwrap();
        assert_eq!((exchange.group, exchange.scheme), (Some(0x1d), Some(0x0804)));
        assert_eq!(flight.hello.unwrap().extensions, [23]);
    }

    #[test]
    fn a_request_for_another_hello() {
        let mut wire = hello(0x1301, &[0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0x11, 0xec]);
        wire[6..38].copy_from_slice(&RETRY);
        let mut flight = Flight::default();
        assert_eq!(flight.push(&record(22, &wire), Wanted::All), Progress::Enough);
        let hello = flight.hello.unwrap();
        assert!(hello.retry && hello.version == Version::Tls13 && hello.group == Some(0x11ec));
    }

    #[test]
    fn alerts_warnings_and_what_is_no_tls() {
        let mut flight = Flight::default();
        assert_eq!(flight.push(&record(21, &[1, 112]), Wanted::Hello), Progress::More);
        assert_eq!(flight.push(&record(21, &[2, 40]), Wanted::Hello), Progress::Enough);
        assert_eq!(flight.alert, Some(40));
        assert_eq!(Flight::default().push(b"HTTP/1.1 400", Wanted::Hello), Progress::Garbage);
        assert_eq!(Flight::default().push(&[22, 3, 3, 0xff, 0xff], Wanted::Hello), Progress::Garbage);
        let endless = record(20, &[1; 16384]);
        let mut flight = Flight::default();
        let last = (0..20).map(|_| flight.push(&endless, Wanted::Hello)).last();
        assert_eq!(last, Some(Progress::Garbage));
    }

    #[test]
    fn primes_are_measured_without_zeros() {
        assert_eq!(bits(&[0, 0, 0x80, 0]), 16);
        assert_eq!(bits(&[0x7f]), 7);
        assert_eq!(bits(&[]), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in 0u8..30, suite: u16) {
            let mut flight = Flight::default();
            flight.push(&bytes, Wanted::All);
            let mut flight = Flight::default();
            flight.push(&record(22, &[hello(suite, &[]), message(kind, &bytes)].concat()), Wanted::All);
            let mut flight = Flight::default();
            flight.push(&record(22, &message(2, &bytes)), Wanted::All);
        }
    }
}

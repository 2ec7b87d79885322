//! How each protocol is asked to change to TLS: PostgreSQL (manual, "Message Flow"), MySQL (protocol documentation,
//! `SSLRequest`), SMTP (RFC 3207), IMAP (RFC 9051, 6.2.1), POP3 (RFC 2595, 4), LDAP (RFC 4511, 4.14).

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::address::Scheme;
use super::failure::{Failure, FailureKind};

/// Bytes that a server may send before TLS begins.
const MAX_BYTES: usize = 64 << 10;

/// Whether a connection is ready for a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    Ready,
    /// The server said that it does no TLS; how, as a fragment.
    Refused(String),
}

/// Asks for TLS in the protocol of the scheme.
pub(super) async fn upgrade(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    scheme: Scheme,
) -> Result<Upgrade, Failure> {
    let mut talk = Talk { stream, heard: Vec::new() };
    match scheme {
        Scheme::Postgres => talk.postgres().await,
        Scheme::Mysql => talk.mysql().await,
        Scheme::Smtp | Scheme::Submission => talk.smtp().await,
        Scheme::Imap => talk.imap().await,
        Scheme::Pop3 => talk.pop3().await,
        Scheme::Ldap => talk.ldap().await,
        Scheme::Http | Scheme::Https | Scheme::Tls | Scheme::Smtps | Scheme::Imaps | Scheme::Pop3s | Scheme::Ldaps => {
            Ok(Upgrade::Ready)
        }
    }
}

fn protocol(text: &str) -> Failure {
    Failure::new(FailureKind::Protocol, text)
}

fn refused(text: &str) -> Result<Upgrade, Failure> {
    Ok(Upgrade::Refused(text.to_owned()))
}

/// A conversation in the clear.
struct Talk<'s, S> {
    stream: &'s mut S,
    heard: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn say(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // What was sent before it was asked for would be taken for a part of TLS.
        if !self.heard.is_empty() {
            return Err(protocol("the server said more than it was asked"));
        }
        self.stream.write_all(bytes).await.map_err(|error| Failure::of(&error))
    }

    async fn hear(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 4096];
        let count = self.stream.read(&mut buffer).await.map_err(|error| Failure::of(&error))?;
        if count == 0 {
            return Err(Failure::new(FailureKind::Closed, "the connection was closed before TLS"));
        }
        self.heard.extend(buffer.iter().take(count));
        if self.heard.len() > MAX_BYTES { Err(protocol("the server says too much before TLS")) } else { Ok(()) }
    }

    async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        while self.heard.len() < count {
            self.hear().await?;
        }
        Ok(self.heard.drain(..count).collect())
    }

    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.hear().await?;
        }
    }

    async fn postgres(&mut self) -> Result<Upgrade, Failure> {
        self.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
        match self.bytes(1).await?.as_slice() {
            b"S" => Ok(Upgrade::Ready),
            b"N" => refused("the server does no TLS (it answered SSLRequest with N)"),
            b"E" => Err(protocol("the server answered SSLRequest with an error")),
            _ => Err(protocol("what answered does not speak PostgreSQL's protocol")),
        }
    }

    async fn mysql(&mut self) -> Result<Upgrade, Failure> {
        const SSL: u16 = 0x0800;
        let head = self.bytes(4).await?;
        let length = head.iter().take(3).rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
        if length > MAX_BYTES {
            return Err(protocol("what answered does not speak MySQL's protocol"));
        }
        let greeting = self.bytes(length).await?;
        match greeting.first() {
            Some(10) => {}
            Some(0xff) => return Err(Failure::new(FailureKind::Protocol, mysql_error(&greeting))),
            _ => return Err(protocol("what answered does not speak MySQL's protocol, version 10")),
        }
        // The version, ended by a zero, a thread's number, eight bytes of a challenge and a zero stand before.
        let version_end = greeting.iter().position(|byte| *byte == 0).unwrap_or(greeting.len());
        let low = greeting.get(version_end + 14..version_end + 16);
        let Some([low, high]) = low else { return Err(protocol("the server's greeting is cut short")) };
        if u16::from_le_bytes([*low, *high]) & SSL == 0 {
            return refused("the server does no TLS (its greeting lacks CLIENT_SSL)");
        }
        // CLIENT_LONG_PASSWORD, CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH; utf8.
        let mut request = vec![32, 0, 0, 1, 0x01, 0x8a, 0x08, 0, 0, 0, 0, 1, 33];
        request.resize(36, 0);
        self.say(&request).await?;
        Ok(Upgrade::Ready)
    }

    /// An answer of SMTP: its code, and its lines.
    async fn smtp_answer(&mut self) -> Result<(String, Vec<String>), Failure> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let code: String = line.chars().take(3).collect();
            if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
                return Err(protocol("what answered does not speak SMTP"));
            }
            let goes_on = line.chars().nth(3) == Some('-');
            lines.push(line.chars().skip(4).collect());
            if !goes_on {
                return Ok((code, lines));
            }
        }
    }

    async fn smtp(&mut self) -> Result<Upgrade, Failure> {
        let (code, _) = self.smtp_answer().await?;
        if code != "220" {
            return Err(protocol(&format!("the server greets with {code}: it takes no mail now")));
        }
        self.say(b"EHLO harden.invalid\r\n").await?;
        let (code, lines) = self.smtp_answer().await?;
        let offers = lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
        if code != "250" {
            return Err(protocol(&format!("the server answers EHLO with {code}")));
        }
        if !offers {
            return refused("the server does not offer STARTTLS");
        }
        self.say(b"STARTTLS\r\n").await?;
        match self.smtp_answer().await? {
            (code, _) if code == "220" => Ok(Upgrade::Ready),
            (code, _) => Err(protocol(&format!("the server offers STARTTLS and answers it with {code}"))),
        }
    }

    /// Lines of IMAP up to the one with this tag, and whether that says OK.
    async fn imap_answer(&mut self, tag: &str) -> Result<(bool, Vec<String>), Failure> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if let Some(rest) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                return Ok((rest.to_ascii_uppercase().starts_with("OK"), lines));
            }
            lines.push(line);
        }
    }

    async fn imap(&mut self) -> Result<Upgrade, Failure> {
        let greeting = self.line().await?.to_ascii_uppercase();
        if greeting.starts_with("* PREAUTH") {
            return refused("the server takes every client as logged in, and does no TLS after that");
        }
        if !greeting.starts_with("* OK") {
            return Err(protocol("what answered does not speak IMAP, or takes no client now"));
        }
        self.say(b"h1 CAPABILITY\r\n").await?;
        let (_, lines) = self.imap_answer("h1").await?;
        let words = lines.iter().flat_map(|line| line.split(' '));
        if !words.into_iter().any(|word| word.eq_ignore_ascii_case("STARTTLS")) {
            return refused("the server does not offer STARTTLS");
        }
        self.say(b"h2 STARTTLS\r\n").await?;
        match self.imap_answer("h2").await? {
            (true, _) => Ok(Upgrade::Ready),
            (false, _) => Err(protocol("the server offers STARTTLS and refuses it")),
        }
    }

    async fn pop3(&mut self) -> Result<Upgrade, Failure> {
        if !self.line().await?.starts_with("+OK") {
            return Err(protocol("what answered does not speak POP3, or takes no client now"));
        }
        self.say(b"STLS\r\n").await?;
        let answer = self.line().await?;
        match () {
            () if answer.starts_with("+OK") => Ok(Upgrade::Ready),
            () if answer.starts_with("-ERR") => refused("the server refuses STLS"),
            () => Err(protocol("what answered does not speak POP3")),
        }
    }

    async fn ldap(&mut self) -> Result<Upgrade, Failure> {
        const OID: &[u8] = b"1.3.6.1.4.1.1466.20037";
        let mut request = vec![0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22];
        request.extend(OID);
        self.say(&request).await?;
        let foreign = || protocol("what answered does not speak LDAP");
        let head = self.bytes(2).await?;
        let [0x30, short] = head.as_slice() else { return Err(foreign()) };
        let long = match short {
            0..=0x7f => Vec::new(),
            0x81..=0x84 => self.bytes(usize::from(short & 0x7f)).await?,
            _ => return Err(foreign()),
        };
        let length = if long.is_empty() {
            usize::from(*short)
        } else {
            long.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
        };
        if length > MAX_BYTES {
            return Err(foreign());
        }
        match ldap_result(&self.bytes(length).await?) {
            Some(0) => Ok(Upgrade::Ready),
            // busy and unavailable say nothing about TLS.
            Some(code @ (51 | 52)) => Err(protocol(&format!("the server answers StartTLS with result {code}"))),
            Some(code) => refused(&format!("the server refuses StartTLS (result {code})")),
            None => Err(foreign()),
        }
    }
}

/// The number of an error packet, and what it is about.
fn mysql_error(packet: &[u8]) -> String {
    let number = match packet {
        [_, low, high, ..] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    let meaning = match number {
        1040 => " (too many connections)",
        1129 => " (this host is blocked: too many connection errors; FLUSH HOSTS lifts it)",
        1130 => " (this host is not allowed to connect)",
        _ => "",
    };
    format!("the server refuses the connection with error {number}{meaning}")
}

/// The result code of an ExtendedResponse, whose message id is taken to be a small number.
fn ldap_result(message: &[u8]) -> Option<u8> {
    let after_id = match message {
        [2, length, rest @ ..] => rest.get(usize::from(*length)..)?,
        _ => return None,
    };
    let [0x78, length, rest @ ..] = after_id else { return None };
    let skipped = if *length > 0x80 { usize::from(length & 0x7f) } else { 0 };
    match rest.get(skipped..)? {
        [0x0a, 1, code, ..] => Some(*code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: std::time::Duration = std::time::Duration::from_millis(10);

    /// What becomes of a server that says these things, one after each thing that it hears.
    fn with(scheme: Scheme, says: &[&[u8]]) -> Result<Upgrade, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let greets = !matches!(scheme, Scheme::Postgres | Scheme::Ldap);
        runtime.block_on(async {
            let (mut client, mut server) = tokio::io::duplex(1 << 20);
            let answers = async {
                let mut buffer = [0; 4096];
                for (i, text) in says.iter().enumerate() {
                    if i > 0 || !greets {
                        // A client that has given up says nothing any more.
                        let heard = tokio::time::timeout(PATIENCE, server.read(&mut buffer)).await;
                        if heard.is_err() {
                            break;
                        }
                    }
                    let _ = server.write_all(text).await;
                }
                let _ = tokio::time::timeout(PATIENCE, server.read(&mut buffer)).await;
                drop(server);
            };
            tokio::join!(upgrade(&mut client, scheme), answers).0
        })
    }

    fn mysql(capabilities: u8) -> Vec<u8> {
        let mut packet = vec![10];
        packet.extend(b"11.4\0");
        packet.extend([0; 13]);
        packet.extend([0, capabilities, 33]);
        [&[u8::try_from(packet.len()).unwrap(), 0, 0, 0][..], &packet].concat()
    }

    #[test]
    fn servers_that_do_tls() {
        let ready = |scheme, says: &[&[u8]]| with(scheme, says) == Ok(Upgrade::Ready);
        assert!(ready(Scheme::Postgres, &[b"S"]));
        assert!(ready(Scheme::Mysql, &[&mysql(0x08)]));
        assert!(ready(Scheme::Smtp, &[b"220 hi\r\n", b"250-hi\r\n250-starttls\r\n250 OK\r\n", b"220 go\r\n"]));
        assert!(ready(Scheme::Imap, &[b"* OK\r\n", b"* CAPABILITY IMAP4 STARTTLS\r\nh1 OK\r\n", b"h2 OK\r\n"]));
        assert!(ready(Scheme::Pop3, &[b"+OK\r\n", b"+OK begin\r\n"]));
        assert!(ready(Scheme::Ldap, &[&[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]]));
    }

    #[test]
    fn servers_that_do_none_say_so() {
        let refuses = |scheme, says: &[&[u8]]| matches!(with(scheme, says), Ok(Upgrade::Refused(_)));
        assert!(refuses(Scheme::Postgres, &[b"N"]));
        assert!(refuses(Scheme::Mysql, &[&mysql(0)]));
        assert!(refuses(Scheme::Smtp, &[b"220 hi\r\n", b"250 hi\r\n"]));
        assert!(refuses(Scheme::Imap, &[b"* OK\r\n", b"* CAPABILITY IMAP4\r\nh1 OK\r\n"]));
        assert!(refuses(Scheme::Pop3, &[b"+OK\r\n", b"-ERR what\r\n"]));
        assert!(refuses(Scheme::Ldap, &[&[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 2, 4, 0, 4, 0]]));
    }

    #[test]
    fn what_is_neither_is_a_failure() {
        let fails = |scheme, says: &[&[u8]]| with(scheme, says).is_err();
        for scheme in [Scheme::Postgres, Scheme::Mysql, Scheme::Smtp, Scheme::Imap, Scheme::Pop3, Scheme::Ldap] {
            assert!(fails(scheme, &[b"HTTP/1.1 400 Bad Request\r\n\r\n"]), "{scheme}");
            assert!(fails(scheme, &[b""]), "{scheme}");
        }
        assert!(fails(Scheme::Smtp, &[b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"454 no\r\n"]));
        assert!(fails(Scheme::Smtp, &[b"554 no\r\n"]));
        assert!(fails(Scheme::Mysql, &[&[17, 0, 0, 0, 0xff, 0x69, 0x04]]));
        assert!(fails(Scheme::Ldap, &[&[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 52, 4, 0, 4, 0]]));
        let early = with(Scheme::Smtp, &[b"220 hi\r\n250 evil\r\n", b"250-x\r\n250 STARTTLS\r\n"]);
        assert_eq!(early.unwrap_err().to_string(), "the server said more than it was asked");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            ldap_result(&bytes);
            mysql_error(&bytes);
            for scheme in [Scheme::Postgres, Scheme::Mysql, Scheme::Smtp, Scheme::Imap, Scheme::Pop3, Scheme::Ldap] {
                let _ = with(scheme, &[&bytes, &bytes]);
            }
        }
    }
}

//! The server's name in a TLS greeting.

/// The longest greeting. Those with keys for the time after quantum computers have some 2 KiB.
pub(super) const MAX_HELLO: usize = 16 << 10;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const ENCRYPTED_HELLO: u16 = 0xfe0d;

/// What is wrong with a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// More bytes are needed.
    #[error("the TLS greeting is incomplete")]
    Incomplete,
    /// Not a TLS greeting.
    #[error("what follows is not TLS")]
    NotTls,
    /// No name of a server, or more than one.
    #[error("the TLS greeting names no host")]
    NoName,
    /// An inner greeting is encrypted, which could name anyone.
    #[error("the TLS greeting hides another one (ECH)")]
    Hidden,
    /// It names another host.
    #[error("the TLS greeting names another host")]
    OtherName,
}

/// The host that a client's greeting names, in lower case.
///
/// # Errors
/// [`HelloError::Incomplete`] as long as more bytes could make it one; otherwise what is wrong.
pub fn server_name(bytes: &[u8]) -> Result<String, HelloError> {
    let message = handshake(bytes)?;
    let mut hello = Reader(&message);
    // Version, random, session id, cipher suites, compression methods.
    hello.take(2 + 32)?;
    let session = hello.number(1)?;
    hello.take(session)?;
    let suites = hello.number(2)?;
    hello.take(suites)?;
    let compressions = hello.number(1)?;
    hello.take(compressions)?;
    let length = hello.number(2)?;
    let mut extensions = Reader(hello.take(length)?);
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let length = extensions.number(2)?;
        let body = extensions.take(length)?;
        if kind == usize::from(ENCRYPTED_HELLO) {
            return Err(HelloError::Hidden);
        }
        if kind == usize::from(SERVER_NAME) && name.replace(host_name(body)?).is_some() {
            return Err(HelloError::NoName);
        }
    }
    name.ok_or(HelloError::NoName)
}

/// The first handshake message, put together from its records.
fn handshake(bytes: &[u8]) -> Result<Vec<u8>, HelloError> {
    let mut rest = bytes;
    let mut message = Vec::new();
    loop {
        match rest.first() {
            None => return Err(HelloError::Incomplete),
            Some(&HANDSHAKE) => {}
            Some(_) => return Err(HelloError::NotTls),
        }
        if rest.get(1).is_some_and(|major| *major != 3) {
            return Err(HelloError::NotTls);
        }
        let header = rest.get(..5).ok_or(HelloError::Incomplete)?;
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if length == 0 {
            return Err(HelloError::NotTls);
        }
        message.extend_from_slice(rest.get(5..5 + length).ok_or(HelloError::Incomplete)?);
        rest = &rest[5 + length..];
        if message[0] != CLIENT_HELLO {
            return Err(HelloError::NotTls);
        }
        if let Some(&[_, a, b, c]) = message.first_chunk::<4>() {
            let wanted = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if wanted > MAX_HELLO {
                return Err(HelloError::NotTls);
            }
            if message.len() >= 4 + wanted {
                return Ok(message[4..4 + wanted].to_vec());
            }
        }
    }
}

/// A list of exactly one host name.
fn host_name(body: &[u8]) -> Result<String, HelloError> {
    let mut body = Reader(body);
    let length = body.number(2)?;
    let mut list = Reader(body.take(length)?);
    if list.number(1)? != usize::from(HOST_NAME) {
        return Err(HelloError::NoName);
    }
    let length = list.number(2)?;
    let name = list.take(length)?;
    if !list.0.is_empty() || !body.0.is_empty() {
        return Err(HelloError::NoName);
    }
    let name = std::str::from_utf8(name).map_err(|_| HelloError::NoName)?.to_ascii_lowercase();
    if super::request::is_name(&name) { Ok(name) } else { Err(HelloError::NoName) }
}

/// Inside a complete message a length that leads past its end is not a matter of waiting.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(HelloError::NotTls)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<usize, HelloError> {
        Ok(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn sized(bytes: usize, body: &[u8]) -> Vec<u8> {
        let mut out = (body.len() as u32).to_be_bytes()[4 - bytes..].to_vec();
        out.extend_from_slice(body);
        out
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &sized(2, body)].concat()
    }

    fn name_extension(name: &str) -> Vec<u8> {
        extension(SERVER_NAME, &sized(2, &[&[HOST_NAME][..], &sized(2, name.as_bytes())].concat()))
    }

    fn message(extensions: &[u8]) -> Vec<u8> {
        let body = [
            &[3, 3][..],
            &[7; 32],
            &sized(1, &[]),
            &sized(2, &[0x13, 1]),
            &sized(1, &[0]),
            &sized(2, extensions),
        ];
        [&[CLIENT_HELLO][..], &sized(3, &body.concat())].concat()
    }

    fn record(part: &[u8]) -> Vec<u8> {
        [&[HANDSHAKE, 3, 1][..], &sized(2, part)].concat()
    }

    /// A greeting as a client sends it.
    pub(crate) fn greeting(name: &str) -> Vec<u8> {
        record(&message(&[extension(10, &[0, 2, 0, 29]), name_extension(name)].concat()))
    }

    #[test]
    fn the_name_is_found_however_the_greeting_is_cut_into_records() {
        assert_eq!(server_name(&greeting("Example.com")), Ok("example.com".into()));
        let whole = message(&name_extension("a.example.com"));
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            let bytes = [record(first), record(second)].concat();
            assert_eq!(server_name(&bytes), Ok("a.example.com".into()), "cut at {cut}");
        }
    }

    #[test]
    fn a_part_of_a_greeting_is_incomplete() {
        let bytes = greeting("example.com");
        for end in 0..bytes.len() {
            assert_eq!(server_name(&bytes[..end]), Err(HelloError::Incomplete), "first {end} bytes");
        }
    }

    #[test]
    fn other_greetings_are_refused() {
        let cases = [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), HelloError::NotTls),
            (b"SSH-2.0-x\r\n".to_vec(), HelloError::NotTls),
            (record(&message(&extension(10, &[0]))), HelloError::NoName),
            (
                record(&message(&[name_extension("a.com"), name_extension("b.com")].concat())),
                HelloError::NoName,
            ),
            (
                record(&message(&[name_extension("a.com"), extension(ENCRYPTED_HELLO, &[1])].concat())),
                HelloError::Hidden,
            ),
            (greeting("a.com\0.b.com"), HelloError::NoName),
            (greeting("1.2.3.4"), HelloError::NoName),
            (greeting(""), HelloError::NoName),
            (record(&[2, 0, 0, 0]), HelloError::NotTls),
            (vec![HANDSHAKE, 3, 1, 0, 0], HelloError::NotTls),
            (record(&[CLIENT_HELLO, 255, 255, 255]), HelloError::NotTls),
        ];
        for (bytes, want) in cases {
            assert_eq!(server_name(&bytes), Err(want), "{bytes:?}");
        }
    }

    #[test]
    fn changed_greetings_never_panic() {
        let bytes = greeting("example.com");
        for at in 0..bytes.len() {
            for value in [0, 1, 127, 128, 255] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = server_name(&changed);
            }
        }
    }
}

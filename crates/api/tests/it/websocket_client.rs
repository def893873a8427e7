//! A client of RFC 6455 that does what it is told, wrong things too.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What the server sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    Json(Value),
    Close(u16),
    Ping,
    Gone,
}

impl Client {
    /// Opens a socket; the status of the answer if it is refused.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &str) -> Result<Self, u16> {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Small, so that a client that does not read is seen soon.
        socket.set_recv_buffer_size(64 << 10).expect("a size");
        let mut stream = socket.connect(address).await.expect("the server listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut buffer = Vec::new();
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            let read = timeout(PATIENCE, stream.read_buf(&mut buffer)).await.expect("in time").expect("open");
            assert!(read > 0, "the server said nothing");
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        buffer.drain(..end);
        if status == 101 { Ok(Self { stream, buffer }) } else { Err(status) }
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes()).await;
    }

    pub(crate) async fn json(&mut self, value: &Value) {
        self.text(&value.to_string()).await;
    }

    pub(crate) async fn frame(&mut self, head: u8, payload: &[u8]) {
        let mut frame = vec![head];
        match payload.len() {
            n @ 0..126 => frame.push(0x80 | u8::try_from(n).expect("small")),
            n @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(n).expect("small").to_be_bytes());
            }
            n => {
                frame.push(0x80 | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        // A mask of zeros changes nothing, and is one.
        frame.extend([0; 4]);
        frame.extend(payload);
        // The server may have closed already.
        let _ = self.stream.write_all(&frame).await;
    }

    /// The next frame of the server.
    pub(crate) async fn next(&mut self) -> Got {
        timeout(PATIENCE, self.read()).await.expect("the server says something in time")
    }

    /// The next frame if there is one before `limit`.
    pub(crate) async fn within(&mut self, limit: Duration) -> Option<Got> {
        timeout(limit, self.read()).await.ok()
    }

    async fn read(&mut self) -> Got {
        loop {
            if let Some((head, payload)) = self.take() {
                match head & 0x0f {
                    1 => return Got::Json(serde_json::from_slice(&payload).expect("frames are JSON")),
                    8 if payload.len() >= 2 => {
                        return Got::Close(u16::from_be_bytes([payload[0], payload[1]]));
                    }
                    8 => return Got::Close(0),
                    9 => return Got::Ping,
                    _ => continue,
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Got::Gone,
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, short) = (*self.buffer.first()?, usize::from(*self.buffer.get(1)?));
        let (length, start) = match short {
            126 => (usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?)).ok()?, 10),
            n => (n, 2),
        };
        let payload = self.buffer.get(start..start + length)?.to_vec();
        self.buffer.drain(..start + length);
        Some((head, payload))
    }
}

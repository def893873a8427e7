//! Just enough of HTTP/1.1 to ask a server on this machine as fast as it answers.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept.
pub(super) struct Talk {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// The cookie that it sets, as `name=value`.
    pub(super) cookie: Option<String>,
    /// Its body.
    pub(super) body: Vec<u8>,
}

impl Talk {
    pub(super) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends bytes that are a whole request, and reads the answer.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        let (head, status, cookie, length) = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                let status = head.split(' ').nth(1).context("a status")?.parse()?;
                let length = header(head, "content-length").map_or(Ok(0), str::parse)?;
                let cookie = header(head, "set-cookie").and_then(|set| set.split(';').next());
                break (end + 4, status, cookie.map(ToOwned::to_owned), length);
            }
            self.more().await?;
        };
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        let body = self.buffer[head..head + length].to_vec();
        self.buffer.drain(..head + length);
        Ok(Answer { status, cookie, body })
    }

    /// Asks with a token, and reads JSON; anything but a success is a failure.
    pub(super) async fn json(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let body = body.map(ToString::to_string);
        let answer = self.send(&request(method, path, token, body.as_deref())).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        serde_json::from_slice(&answer.body).with_context(|| format!("{method} {path}: {text}"))
    }

    /// What is left of the connection, for another protocol.
    pub(super) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.buffer)
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// The bytes of a request.
pub(super) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n");
    match body {
        None => head + "\r\n",
        Some(body) => {
            format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }
    }
    .into_bytes()
}

/// The value of a header; a switch of protocols, or an answer without content, has no length.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

//! Plain HTTP where TLS is spoken: a browser that was sent to `http://` finds its way, everybody else is told.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The first byte of every handshake: the record type of RFC 8446, 5.1.
const HANDSHAKE: u8 = 0x16;
/// The longest head that is read.
const MAX_HEAD: usize = 8 << 10;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
const REFUSED: &str = r#"{"type":"urn:aamas:problem:tls_required","title":"TLS required","status":400,"detail":"this port speaks TLS: the request came as plain HTTP and was not read","code":"tls_required","hint":"use https:// with the same host and port; what was sent went over the network unencrypted"}"#;

/// Whether what a client says first is a handshake. It stays to be read.
pub(crate) async fn begins_tls(socket: &TcpStream) -> bool {
    let mut first = [0];
    matches!(socket.peek(&mut first).await, Ok(1) if first[0] == HANDSHAKE)
}

/// Answers a request of plain HTTP, and ends the connection.
pub(crate) async fn turn_over(mut socket: TcpStream) {
    let answered = async {
        let mut head = Vec::with_capacity(1024);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD {
            if socket.read_buf(&mut head).await? == 0 {
                break;
            }
        }
        socket.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes()).await?;
        socket.shutdown().await
    };
    // Whoever goes away before the answer needs none.
    let _ = tokio::time::timeout(PATIENCE, answered).await;
}

fn answer(head: &str) -> String {
    match elsewhere(head) {
        Some(location) => format!(
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        ),
        None => format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{REFUSED}",
            REFUSED.len()
        ),
    }
}

/// The same address over TLS, of a request that only reads: what else was sent is not asked for a second time.
fn elsewhere(head: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    if !["GET", "HEAD"].contains(&method) || !target.starts_with('/') || !is_plain(target) {
        return None;
    }
    let host = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    (!host.is_empty() && host.bytes().all(is_host)).then(|| format!("https://{host}{target}"))
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn readers_are_sent_to_the_same_address_and_nobody_else() {
        for (head, want) in [
            (
                "GET /tasks?q=a HTTP/1.1\r\nHost: example.org:8443\r\n\r\n",
                Some("https://example.org:8443/tasks?q=a"),
            ),
            ("HEAD / HTTP/1.1\r\nhost:[::1]:8443\r\n\r\n", Some("https://[::1]:8443/")),
            ("POST /api/v1/session HTTP/1.1\r\nhost: example.org\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nhost: a\"><script>\r\n\r\n", None),
            ("GET http://elsewhere/ HTTP/1.1\r\nhost: example.org\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nx: y\r\n\r\nhost: in.the.body\r\n", None),
            ("SSH-2.0-OpenSSH_9\r\n", None),
            ("", None),
        ] {
            assert_eq!(elsewhere(head).as_deref(), want, "{head:?}");
        }
    }
}

//! One connection, from its request to its end.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::request::{self, Target};
use super::{HelloError, Refused, Shared, hello, is_public};

/// For the request, and again for the greeting.
const TALK_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// A connection on which nothing moves either way is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(300);
const CHUNK: usize = 32 << 10;

pub(super) async fn serve(mut client: UnixStream, shared: &Shared) -> Result<(), Refused> {
    let asked = timeout(TALK_LIMIT, read_request(&mut client)).await.unwrap_or(Err(Refused::Late));
    let opened = match asked {
        Ok((target, sent)) => open(&target, shared).await.map(|server| (target, sent, server)),
        Err(refused) => Err(refused),
    };
    let (target, mut sent, mut server) = match opened {
        Ok(opened) => opened,
        Err(refused) => {
            say(&mut client, &refused).await;
            return Err(refused);
        }
    };
    let lost = |_| Refused::Unreachable(target.host.clone());
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.map_err(lost)?;
    match timeout(TALK_LIMIT, read_greeting(&mut client, &mut sent, &target)).await {
        Ok(checked) => checked.map_err(|why| Refused::Greeting { host: target.host.clone(), why })?,
        Err(_) => return Err(Refused::Late),
    }
    shared.spend(sent.len())?;
    server.write_all(&sent).await.map_err(lost)?;
    pass(client, server, shared).await
}

/// Tells the client why not, so that its error says it.
async fn say(client: &mut UnixStream, refused: &Refused) {
    let body = format!("{refused}\n");
    let head =
        format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = client.write_all((head + &body).as_bytes()).await;
}

/// The request, and what came after it.
async fn read_request(client: &mut UnixStream) -> Result<(Target, Vec<u8>), Refused> {
    let mut head = Vec::new();
    loop {
        if let Some(end) = head.windows(4).position(|part| part == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            return Ok((request::parse(&head)?, rest));
        }
        if head.len() > request::MAX_REQUEST || !matches!(client.read_buf(&mut head).await, Ok(n) if n > 0) {
            return Err(Refused::NotConnect);
        }
    }
}

/// Resolves once, and connects to what it resolved.
async fn open(target: &Target, shared: &Shared) -> Result<TcpStream, Refused> {
    let rule = shared.options.allow.iter().find(|rule| rule.matches(target));
    let rule = rule.ok_or_else(|| Refused::NotAllowed(format!("{}:{}", target.host, target.port)))?;
    shared.spend(0)?;
    let addresses = resolve(target, &shared.options.fixed).await;
    let allowed: Vec<SocketAddr> =
        addresses.into_iter().filter(|a| rule.is_private() || is_public(a.ip())).collect();
    if allowed.is_empty() {
        return Err(Refused::NotPublic(target.host.clone()));
    }
    for address in allowed {
        if let Ok(Ok(server)) = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            let _ = server.set_nodelay(true);
            return Ok(server);
        }
    }
    Err(Refused::Unreachable(target.host.clone()))
}

async fn resolve(target: &Target, fixed: &[(String, IpAddr)]) -> Vec<SocketAddr> {
    let known = fixed.iter().filter(|(name, _)| *name == target.host);
    let known: Vec<SocketAddr> = known.map(|(_, ip)| SocketAddr::new(*ip, target.port)).collect();
    if !known.is_empty() {
        return known;
    }
    lookup_host((target.host.as_str(), target.port)).await.map(Iterator::collect).unwrap_or_default()
}

/// Reads until the greeting is whole and names the host that was asked for. Nothing has been passed on before.
async fn read_greeting(
    client: &mut UnixStream,
    sent: &mut Vec<u8>,
    target: &Target,
) -> Result<(), HelloError> {
    loop {
        match hello::server_name(sent) {
            Ok(name) if name == target.host => return Ok(()),
            Ok(_) => return Err(HelloError::OtherName),
            Err(HelloError::Incomplete) if sent.len() <= hello::MAX_HELLO => {}
            Err(why) => return Err(why),
        }
        if !matches!(client.read_buf(sent).await, Ok(n) if n > 0) {
            return Err(HelloError::Incomplete);
        }
    }
}

/// Both ways until both ends are through or nothing moves; at once when the budget is spent.
async fn pass(client: UnixStream, server: TcpStream, shared: &Shared) -> Result<(), Refused> {
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let up = one_way(client_read, server_write, shared);
    let down = one_way(server_read, client_write, shared);
    tokio::try_join!(up, down).map(drop)
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
) -> Result<(), Refused> {
    let mut buffer = vec![0; CHUNK];
    while let Ok(Ok(n)) = timeout(IDLE_LIMIT, from.read(&mut buffer)).await {
        if n == 0 {
            break;
        }
        shared.spend(n)?;
        if to.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
    Ok(())
}

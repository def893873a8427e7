//! Clients that watch a project over WebSockets, in a process of their own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::http::Talk;
use crate::library::open_many_files;

/// Whoever gets no frame for so long fails the measurement.
const PATIENCE: Duration = Duration::from_secs(30);

/// The process: `PORT TOKEN PROJECT CLIENTS EVENTS`. Says `ready` on stdout once all watch; then, when each has so many
/// events, one document with the times from commit to frame.
pub(crate) fn watch(arguments: &[String]) -> Result<()> {
    let [port, token, project, clients, events] = arguments else {
        anyhow::bail!("watchers PORT TOKEN PROJECT CLIENTS EVENTS");
    };
    let (port, clients, events) = (port.parse()?, clients.parse()?, events.parse()?);
    open_many_files(clients + 100)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(all(port, token, project, clients, events))
}

async fn all(port: u16, token: &str, project: &str, clients: usize, events: usize) -> Result<()> {
    let delays = Arc::new(Mutex::new(Vec::with_capacity(clients * events)));
    let ready = Arc::new(Barrier::new(clients + 1));
    let mut tasks = JoinSet::new();
    let mut talk = Talk::open(port).await?;
    for client in 0..clients {
        let ticket = talk.json("POST", "/api/v1/tickets", token, Some(&json!({}))).await?;
        let ticket = ticket["ticket"].as_str().context("a ticket")?.to_owned();
        let socket =
            Socket::open(port, project, &ticket).await.with_context(|| format!("client {client}"))?;
        let (delays, ready) = (delays.clone(), ready.clone());
        tasks.spawn(one(socket, events, ready, delays));
    }
    ready.wait().await;
    println!("ready");
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let mut delays = std::mem::take(&mut *delays.lock().unwrap_or_else(PoisonError::into_inner));
    delays.sort_by(f64::total_cmp);
    let at = |share: usize| delays.get(delays.len().saturating_sub(1) * share / 1000).copied();
    println!("{}", json!({ "frames": delays.len(), "p50": at(500), "p99": at(990), "most": delays.last() }));
    Ok(())
}

async fn one(
    mut socket: Socket,
    events: usize,
    ready: Arc<Barrier>,
    delays: Arc<Mutex<Vec<f64>>>,
) -> Result<()> {
    socket.text(&json!({ "type": "subscribe", "events": ["task.created"] }).to_string()).await?;
    let first: Value = serde_json::from_slice(&socket.next().await?)?;
    ensure!(first["type"] == "subscribed", "{first}");
    ready.wait().await;
    let mut own = Vec::with_capacity(events);
    while own.len() < events {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.context("no frame in time")??;
        let arrived = now()?;
        let text = std::str::from_utf8(&frame)?;
        if let Some(committed) = time_of(text) {
            own.push((arrived.as_secs_f64() - committed) * 1e3);
        }
    }
    delays.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the moments of two processes are compared")]
fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

/// When the event of a frame was committed, in seconds of the epoch; the parser of a whole document for each of twenty
/// thousand frames a second would be what is measured.
fn time_of(frame: &str) -> Option<f64> {
    let (_, rest) = frame.split_once("\"time\":\"")?;
    let (text, _) = rest.split_once('"')?;
    let time: domain::Timestamp = serde_json::from_value(Value::String(text.to_owned())).ok()?;
    let micros = u64::try_from(time.as_micros()).ok()?;
    Some(Duration::from_micros(micros).as_secs_f64())
}

/// One side of RFC 6455, as much of it as a client needs that only listens.
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Socket {
    async fn open(port: u16, project: &str, ticket: &str) -> Result<Self> {
        let mut talk = Talk::open(port).await?;
        let request = format!(
            "GET /ws/project/{project}/updates?token={ticket} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let answer = talk.send(request.as_bytes()).await?;
        ensure!(answer.status == 101, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let (stream, buffer) = talk.into_parts();
        Ok(Self { stream, buffer })
    }

    async fn text(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|n| *n < 126).context("a short text")?;
        // A mask of zeros changes nothing, and is one.
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The text of the next frame that has one.
    async fn next(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some((head, payload)) = self.take() {
                match head & 0x0f {
                    1 => return Ok(payload),
                    8 => anyhow::bail!("the server closed the socket: {payload:?}"),
                    _ => continue,
                }
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server went away");
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

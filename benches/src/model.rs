//! A model server in this process: Chat Completions over HTTP, with a fixed latency and a clock on every request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::turns::Turn;

/// One request as the server saw it.
#[derive(Debug)]
pub(crate) struct Request {
    /// When it had arrived whole.
    pub(crate) arrived: Instant,
    /// When its answer had been sent whole.
    pub(crate) answered: Instant,
    /// Its body.
    pub(crate) body: String,
}

/// A running server. It ends with this process.
pub(crate) struct ModelServer {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ModelServer {
    /// Answers the n-th request with the n-th turn, `latency` after it arrived.
    pub(crate) fn start(turns: Vec<Turn>, latency: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&requests);
        std::thread::spawn(move || {
            let turns = Arc::new(turns);
            for stream in listener.incoming().flatten() {
                let (turns, requests) = (Arc::clone(&turns), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, &turns, latency, &requests));
            }
        });
        Ok(Self { port, requests })
    }

    /// What goes into `OPENAI_BASE_URL`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// What was asked so far, in order.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().expect("no thread panicked"))
    }
}

/// Answers one connection until the client closes it.
fn serve(stream: TcpStream, turns: &[Turn], latency: Duration, requests: &Mutex<Vec<Request>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let (path, body) = read_request(&mut reader)?;
        let arrived = Instant::now();
        if !path.ends_with("/chat/completions") {
            writer.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").ok()?;
            continue;
        }
        let number = requests.lock().expect("no thread panicked").len();
        let Some(turn) = turns.get(number) else {
            writer.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").ok()?;
            continue;
        };
        let streamed = body.contains("\"stream\":true") || body.contains("\"stream\": true");
        let answer = turn.answer(number, streamed);
        let kind = if streamed { "text/event-stream" } else { "application/json" };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", answer.len());
        pause(latency);
        // recorded before it is sent: the client may end as soon as it has the last answer
        let mut seen = requests.lock().expect("no thread panicked");
        seen.push(Request { arrived, answered: Instant::now(), body });
        drop(seen);
        writer.write_all((head + &answer).as_bytes()).ok()?;
    }
}

/// Path and body of the next request; `None` at the end of the connection.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8_lossy(&body).into_owned()))
}

/// The model's thinking time.
fn pause(latency: Duration) {
    if !latency.is_zero() {
        let (_keep, never): (_, Receiver<()>) = mpsc::channel();
        let _ = never.recv_timeout(latency);
    }
}

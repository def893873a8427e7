//! Subscriptions over a WebSocket, by the protocol graphql-transport-ws.
//!
//! Queries and mutations go over HTTP, where each is judged with its own caller. A subscription ends when its caller may
//! not watch any more, and the socket with it.

use std::collections::HashMap;
use std::time::Duration;

use app::office::Origin;
use async_graphql::parser::types::OperationType;
use auth::Caller;
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::{BoxStream, SelectAll, once};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::context::Graph;
use super::http::{body_of, body_of_event, of_payload};
use super::subscription::Ended;
use super::{Graphql, error_of, judged, kind_of, refused};
use crate::ws::{MAX_FRAME, close, close_of, code};

/// The name of the protocol, to be chosen in the upgrade.
pub const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client has to say who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that said nothing for so long is asked whether it is there, …
const ASKED_AFTER: Duration = Duration::from_secs(60);
/// … and one that does not answer for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(120);
/// How long one write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Subscriptions of one socket.
const MAX_SUBSCRIPTIONS: usize = 20;

/// The codes of the protocol.
const INVALID_MESSAGE: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const NO_SUBPROTOCOL: u16 = 4406;
const INIT_TOO_LATE: u16 = 4408;
const SUBSCRIBER_EXISTS: u16 = 4409;
const TOO_MANY_INITS: u16 = 4429;

/// Finds the caller behind the `token` of the first message.
pub type Authenticate = Box<dyn Fn(Option<String>) -> BoxFuture<'static, Option<Caller>> + Send + Sync>;

/// What a stream says: the id of its subscription and the body; no body at its end.
type Said = (String, Option<Value>);
/// Why a socket is closed; nothing where the client is gone.
type Close = Option<(u16, &'static str)>;

/// A socket and what runs on it.
struct Session {
    graphql: Graphql,
    origin: Origin,
    caller: Option<Caller>,
    running: HashMap<String, AbortHandle>,
    streams: SelectAll<BoxStream<'static, Said>>,
    ended: Ended,
}

impl Graphql {
    /// Serves a socket until either side ends it. A caller that the upgrade named needs no `token`.
    pub async fn serve_socket(
        &self,
        mut socket: WebSocket,
        caller: Option<Caller>,
        origin: Origin,
        authenticate: Authenticate,
    ) {
        if socket.protocol().is_none() {
            return close(&mut socket, NO_SUBPROTOCOL, "Subprotocol not acceptable").await;
        }
        let mut session = Session {
            graphql: self.clone(),
            origin,
            caller: None,
            running: HashMap::new(),
            streams: SelectAll::new(),
            ended: Ended::default(),
        };
        if let Some((code, reason)) = session.serve(&mut socket, caller, authenticate).await {
            close(&mut socket, code, reason).await;
        }
    }
}

impl Session {
    async fn serve(
        &mut self,
        socket: &mut WebSocket,
        upgraded: Option<Caller>,
        authenticate: Authenticate,
    ) -> Close {
        let begun = Instant::now();
        let (mut heard, mut asked) = (begun, false);
        loop {
            let until = match (&self.caller, asked) {
                (None, _) => begun + INIT_TIMEOUT,
                (Some(_), false) => heard + ASKED_AFTER,
                (Some(_), true) => heard + GONE_AFTER,
            };
            tokio::select! {
                biased;
                frame = socket.recv() => {
                    (heard, asked) = (Instant::now(), false);
                    match frame {
                        None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                        Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME => {
                            return Some((code::TOO_BIG, "a message has at most 64 KB"));
                        }
                        Some(Ok(Message::Text(text))) => {
                            if let Err(close) = self.hear(socket, &text, &upgraded, &authenticate).await {
                                return close;
                            }
                        }
                        Some(Ok(Message::Binary(_))) => return Some((INVALID_MESSAGE, "messages are JSON texts")),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    }
                }
                Some((id, body)) = self.streams.next(), if !self.streams.is_empty() => {
                    if let Err(close) = self.tell(socket, id, body).await {
                        return close;
                    }
                }
                () = sleep_until(until) => {
                    if self.caller.is_none() {
                        return Some((INIT_TOO_LATE, "Connection initialisation timeout"));
                    }
                    if asked {
                        return Some((code::SILENT, "nothing was heard for two minutes"));
                    }
                    asked = true;
                    if send(socket, Message::Ping(Bytes::new())).await.is_err() {
                        return None;
                    }
                }
            }
        }
    }

    /// What a stream says goes to the client; the last word closes the socket if the caller may not watch any more.
    async fn tell(&mut self, socket: &mut WebSocket, id: String, body: Option<Value>) -> Result<(), Close> {
        let Some(body) = body else {
            return match self.running.remove(&id) {
                Some(_) => send(socket, message(&json!({ "id": id, "type": "complete" }))).await,
                None => Ok(()),
            };
        };
        send(socket, message(&json!({ "id": id, "type": "next", "payload": body }))).await?;
        self.ended.why().map_or(Ok(()), |end| Err(Some(close_of(end))))
    }

    async fn hear(
        &mut self,
        socket: &mut WebSocket,
        text: &Utf8Bytes,
        upgraded: &Option<Caller>,
        authenticate: &Authenticate,
    ) -> Result<(), Close> {
        let invalid = || Some((INVALID_MESSAGE, "the message is not one of graphql-transport-ws"));
        let mut frame: Value = serde_json::from_str(text).map_err(|_| invalid())?;
        let id = frame["id"].as_str().map(str::to_owned);
        match frame["type"].as_str() {
            Some("connection_init") => {
                if self.caller.is_some() {
                    return Err(Some((TOO_MANY_INITS, "Too many initialisation requests")));
                }
                let token = frame["payload"]["token"].as_str().map(str::to_owned);
                let caller = match (token, upgraded) {
                    (None, Some(caller)) => Some(caller.clone()),
                    (token, _) => authenticate(token).await,
                };
                // The protocol's own word for it.
                self.caller = Some(caller.ok_or(Some((FORBIDDEN, "Forbidden")))?);
                send(socket, message(&json!({ "type": "connection_ack" }))).await
            }
            Some("ping") => send(socket, message(&json!({ "type": "pong" }))).await,
            Some("pong") => Ok(()),
            Some("subscribe") => {
                let caller = self.caller.clone().ok_or(Some((UNAUTHORIZED, "Unauthorized")))?;
                let id = id.filter(|id| !id.is_empty() && id.len() <= 200).ok_or_else(invalid)?;
                if self.running.contains_key(&id) {
                    return Err(Some((SUBSCRIBER_EXISTS, "Subscriber already exists")));
                }
                match self.begin(&id, caller, frame["payload"].take()) {
                    Ok(()) => Ok(()),
                    Err(errors) => {
                        send(socket, message(&json!({ "id": id, "type": "error", "payload": errors }))).await
                    }
                }
            }
            Some("complete") => {
                let id = id.ok_or_else(invalid)?;
                if let Some(handle) = self.running.remove(&id) {
                    handle.abort();
                }
                Ok(())
            }
            _ => Err(invalid()),
        }
    }

    /// Begins a subscription; its errors if it is none.
    fn begin(&mut self, id: &str, caller: Caller, payload: Value) -> Result<(), Value> {
        let errors = |error| body_of(&refused(error))["errors"].take();
        if self.running.len() >= MAX_SUBSCRIPTIONS {
            let words = format!("a socket has at most {MAX_SUBSCRIPTIONS} subscriptions");
            return Err(errors(error_of("too_many_subscriptions", &words)));
        }
        let request = of_payload(payload).map_err(|words| errors(error_of("malformed_request", &words)))?;
        let mut request = judged(request, self.graphql.mode).map_err(errors)?;
        if kind_of(&mut request) != Some(OperationType::Subscription) {
            let words = "this socket takes subscriptions; send queries and mutations by POST /graphql";
            return Err(errors(error_of("not_a_subscription", words)));
        }
        let graph =
            Graph::new(self.graphql.platform.clone(), caller, self.origin.clone(), Default::default());
        let rounds = graph.rounds.clone();
        let request = request.data(graph).data(self.graphql.hub.clone()).data(self.ended.clone());
        let (handle, registration) = AbortHandle::new_pair();
        let own = id.to_owned();
        let events = rounds.drive_stream(self.graphql.schema.execute_stream(request));
        let bodies = events.map(move |response| (own.clone(), Some(body_of_event(response))));
        let last = id.to_owned();
        let stream = Abortable::new(bodies, registration).chain(once(async move { (last, None) }));
        self.running.insert(id.to_owned(), handle);
        self.streams.push(stream.boxed());
        Ok(())
    }
}

fn message(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Close> {
    match timeout(WRITE_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(None),
    }
}

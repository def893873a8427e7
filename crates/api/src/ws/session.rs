//! One socket, from the upgrade to its close.

use std::time::Duration;

use app::events::{End, Published, Subscription, Watcher};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::{Instant, sleep_until, timeout};

use super::MAX_FRAME;
use super::frames::{self, Incoming, Refused};
use super::glob::Globs;

/// A client that said nothing for so long is asked whether it is there, …
const ASKED_AFTER: Duration = Duration::from_secs(60);
/// … and one that does not answer for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(120);
/// How long one write may take before the client counts as gone: its buffers are full and it does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the client has to take note of the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames that are no JSON before the socket is closed.
const STRIKES: u32 = 3;

/// Codes of RFC 6455 and of docs/api.md.
pub(crate) mod code {
    pub(crate) const GOING_AWAY: u16 = 1001;
    pub(crate) const UNSUPPORTED: u16 = 1003;
    pub(crate) const POLICY: u16 = 1008;
    pub(crate) const TOO_BIG: u16 = 1009;
    pub(crate) const TRY_AGAIN: u16 = 1013;
    pub(crate) const SESSION_ENDED: u16 = 4401;
    pub(crate) const MEMBERSHIP_ENDED: u16 = 4403;
    pub(crate) const SILENT: u16 = 4408;
}

/// What a socket is closed with when its watcher ends.
pub(crate) fn close_of(end: End) -> (u16, &'static str) {
    match end {
        End::Session => (code::SESSION_ENDED, "the session ended"),
        End::Membership => (code::MEMBERSHIP_ENDED, "the membership ended"),
        End::Slow => (code::TRY_AGAIN, "events were not read fast enough; resume with last_event_id"),
        End::Stopped => (code::GOING_AWAY, "the server stops"),
    }
}

/// What a client wants to see.
struct Wanted {
    globs: Globs,
    events: Subscription,
}

/// Why a socket is closed; nothing where the client is gone.
type Close = Option<(u16, &'static str)>;

/// Serves a socket until either side ends it.
pub(super) async fn run(mut socket: WebSocket, mut watcher: Watcher) {
    if let Some((code, reason)) = serve(&mut socket, &mut watcher).await {
        close(&mut socket, code, reason).await;
    }
}

async fn serve(socket: &mut WebSocket, watcher: &mut Watcher) -> Close {
    let mut wanted: Option<Wanted> = None;
    let (mut heard, mut asked, mut strikes) = (Instant::now(), false, 0);
    loop {
        let until = heard + if asked { GONE_AFTER } else { ASKED_AFTER };
        tokio::select! {
            biased;
            end = watcher.ended() => return Some(close_of(end)),
            frame = socket.recv() => {
                (heard, asked) = (Instant::now(), false);
                let message = match frame {
                    Some(Ok(message)) => message,
                    Some(Err(error)) => return close_of_error(&error),
                    None => return None,
                };
                match message {
                    Message::Text(text) if text.len() > MAX_FRAME => {
                        return Some((code::TOO_BIG, "a frame has at most 64 KB"));
                    }
                    Message::Text(text) => {
                        if let Err(close) = answer(socket, watcher, &mut wanted, &mut strikes, &text).await {
                            return close;
                        }
                    }
                    Message::Binary(_) => return Some((code::UNSUPPORTED, "frames are JSON texts")),
                    Message::Close(_) => return None,
                    Message::Ping(_) | Message::Pong(_) => {}
                }
            }
            event = next(&mut wanted) => match event {
                Ok(event) => send(socket, frames::shared(event.frame.clone())).await?,
                Err(end) => return Some(close_of(end)),
            },
            () = sleep_until(until) => {
                if asked {
                    return Some((code::SILENT, "nothing was heard for two minutes"));
                }
                asked = true;
                send(socket, Message::Ping(axum::body::Bytes::new())).await?;
            }
        }
    }
}

/// The next event that is wanted; never, before something is. May be dropped at any time.
async fn next(wanted: &mut Option<Wanted>) -> Result<std::sync::Arc<Published>, End> {
    let Some(Wanted { globs, events }) = wanted else { return std::future::pending().await };
    loop {
        let event = events.next().await?;
        if globs.fit(event.topic()) {
            return Ok(event);
        }
    }
}

async fn answer(
    socket: &mut WebSocket,
    watcher: &Watcher,
    wanted: &mut Option<Wanted>,
    strikes: &mut u32,
    text: &str,
) -> Result<(), Close> {
    let message = match frames::parse(text) {
        Ok(Incoming::Ping) => frames::pong(),
        Ok(Incoming::Subscribe { globs, last }) => {
            let message = frames::subscribed(&globs);
            match (wanted.as_mut(), last) {
                // Other patterns alone lose nothing that is under way.
                (Some(wanted), None) => {
                    wanted.globs = globs;
                    message
                }
                (_, last) => match watcher.subscribe(last).await {
                    Ok(events) => {
                        *wanted = Some(Wanted { globs, events });
                        message
                    }
                    Err(refused) => frames::refusal(&refused),
                },
            }
        }
        Err(Refused::Wrong(code, message)) => frames::error(code, &message),
        Err(Refused::Malformed) => {
            *strikes += 1;
            if *strikes >= STRIKES {
                return Err(Some((code::POLICY, "frames are JSON objects")));
            }
            frames::error("malformed_json", "a frame is a JSON object")
        }
    };
    send(socket, message).await.ok_or(None)
}

/// Writes a frame; nothing when the client is gone.
async fn send(socket: &mut WebSocket, message: Message) -> Option<()> {
    timeout(WRITE_TIMEOUT, socket.send(message)).await.ok()?.ok()
}

/// A frame that is larger than what is read at all is the client's mistake, like one that is too large; after anything
/// else that goes wrong with a connection nobody is there to be told.
fn close_of_error(error: &axum::Error) -> Close {
    error.to_string().contains("too long").then_some((code::TOO_BIG, "a frame has at most 64 KB"))
}

/// Says why, and waits a moment for the client to say the same.
pub(crate) async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: axum::extract::ws::Utf8Bytes::from_static(reason) };
    if send(socket, Message::Close(Some(frame))).await.is_some() {
        let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
        // Whoever does not answer is cut off.
        let _ = timeout(CLOSE_TIMEOUT, rest).await;
    }
}

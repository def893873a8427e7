//! Frames of the socket: JSON objects with a `type`.

use app::AppError;
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use domain::EventId;
use serde_json::{Value, json};
use std::sync::Arc;

use super::glob::Globs;

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    Ping,
    Subscribe { globs: Globs, last: Option<EventId> },
}

/// Why a frame was refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refused {
    /// It is not JSON, or no object: whoever goes on like this is not one of our clients.
    Malformed,
    /// It is JSON, and wrong: code and message.
    Wrong(&'static str, String),
}

/// Reads a frame.
pub(super) fn parse(text: &str) -> Result<Incoming, Refused> {
    let frame: Value = serde_json::from_str(text).map_err(|_| Refused::Malformed)?;
    let frame = frame.as_object().ok_or(Refused::Malformed)?;
    let invalid = |message: &str| Refused::Wrong("invalid", message.to_owned());
    match frame.get("type").and_then(Value::as_str) {
        Some("ping") => Ok(Incoming::Ping),
        Some("subscribe") => {
            let events = match frame.get("events") {
                None | Some(Value::Null) => Vec::new(),
                Some(list) => serde_json::from_value(list.clone())
                    .map_err(|_| invalid("events is a list of patterns such as `task.*`"))?,
            };
            let globs = Globs::parse(events).map_err(|why| invalid(&format!("events: {why}")))?;
            let last = match frame.get("last_event_id") {
                None | Some(Value::Null) => None,
                Some(id) => Some(
                    id.as_str()
                        .and_then(|id| id.parse().ok())
                        .ok_or_else(|| invalid("last_event_id is the id of an event"))?,
                ),
            };
            Ok(Incoming::Subscribe { globs, last })
        }
        Some(_) => Err(Refused::Wrong("unknown_type", "a frame is of the type ping or subscribe".to_owned())),
        None => Err(invalid("a frame has a type")),
    }
}

pub(super) fn pong() -> Message {
    Message::Text(Utf8Bytes::from_static(r#"{"type":"pong"}"#))
}

pub(super) fn subscribed(globs: &Globs) -> Message {
    text(&json!({ "type": "subscribed", "events": globs.as_slice() }))
}

pub(super) fn error(code: &str, message: &str) -> Message {
    text(&json!({ "type": "error", "code": code, "message": message }))
}

/// The frame of what a use case refused.
pub(super) fn refusal(refused: &AppError) -> Message {
    match refused {
        AppError::Conflict { code, detail, hint } => error(code, &format!("{detail}; {hint}")),
        AppError::Denied { .. } => error("forbidden", "you may not read these events"),
        _ => error("internal", "the events can't be read just now; try again"),
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// A text that many clients get, without a copy for each.
pub(super) fn shared(frame: Arc<str>) -> Message {
    struct Shared(Arc<str>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    // It was a text before, and is one still.
    Message::Text(Utf8Bytes::try_from(Bytes::from_owner(Shared(frame))).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_or_refused_by_cause() {
        let wrong = |text: &str| match parse(text) {
            Err(Refused::Wrong(code, _)) => code,
            Err(Refused::Malformed) => "malformed",
            Ok(_) => "taken",
        };
        let cases = [
            ("", "malformed"),
            ("{", "malformed"),
            ("[]", "malformed"),
            ("{}", "invalid"),
            (r#"{"type":1}"#, "invalid"),
            (r#"{"type":"shout"}"#, "unknown_type"),
            (r#"{"type":"subscribe","events":"task.*"}"#, "invalid"),
            (r#"{"type":"subscribe","events":["a b"]}"#, "invalid"),
            (r#"{"type":"subscribe","last_event_id":"x"}"#, "invalid"),
            (r#"{"type":"subscribe"}"#, "taken"),
            (r#"{"type":"ping","more":1}"#, "taken"),
        ];
        for (text, want) in cases {
            assert_eq!(wrong(text), want, "{text}");
        }
    }

    #[test]
    fn a_shared_frame_is_its_text() {
        assert_eq!(shared(Arc::from("{\"ü\":1}")), Message::Text("{\"ü\":1}".into()));
    }
}

//! What a provider says when it says no.

use std::time::Duration;

use serde_json::Value;

use crate::error::ModelErrorKind;

/// The longest text of a provider that we repeat.
const MAX_MESSAGE_CHARS: usize = 500;

/// Who refused.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Host and port.
    pub(crate) endpoint: &'a str,
    pub(crate) model: &'a str,
    /// The key that was sent: never repeated, should the provider do so.
    pub(crate) key: Option<&'a str>,
}

/// The typed error of a status and a body.
pub(crate) fn from_status(
    asked: Asked<'_>,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> ModelErrorKind {
    let said = Said::from_body(body);
    let message = clean(&said.message, asked.key);
    let endpoint = asked.endpoint.to_owned();
    match status {
        _ if said.is_about_context() && matches!(status, 400 | 413 | 422 | 500) => {
            ModelErrorKind::ContextWindowExceeded { message }
        }
        402 => ModelErrorKind::QuotaExceeded { message },
        _ if said.is_about_quota() => ModelErrorKind::QuotaExceeded { message },
        300..=399 => ModelErrorKind::Redirected { endpoint, status },
        401 | 403 => ModelErrorKind::Unauthorized { endpoint, status, message },
        404 => ModelErrorKind::ModelNotFound { endpoint, model: asked.model.to_owned(), message },
        400 if said.code == "model_not_found" => {
            ModelErrorKind::ModelNotFound { endpoint, model: asked.model.to_owned(), message }
        }
        400 if said.code == "content_filter" => ModelErrorKind::ContentFilter { message },
        413 => ModelErrorKind::ContextWindowExceeded { message },
        429 => ModelErrorKind::RateLimited { retry_after, message },
        408 | 409 | 425 | 500 | 502..=504 | 506..=599 => {
            ModelErrorKind::Overloaded { status, retry_after, message }
        }
        _ => ModelErrorKind::BadRequest { status, message },
    }
}

/// The typed error of an error event inside a stream, which has no status of its own: the status is what the event's
/// type or code stands for.
pub(crate) fn from_event(asked: Asked<'_>, json: &[u8]) -> ModelErrorKind {
    let said = Said::from_body(json);
    let status = match said.kind.as_str() {
        "overloaded_error" => 529,
        "rate_limit_error" | "rate_limit_exceeded" => 429,
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "permission_error" => 403,
        "billing_error" => 402,
        "not_found_error" => 404,
        "request_too_large" => 413,
        _ => said.code.parse().ok().filter(|code| (400..600).contains(code)).unwrap_or(500),
    };
    from_status(asked, status, None, json)
}

/// A provider's text, fit to be shown: bounded, in one line, without control characters and without the key.
pub(crate) fn clean(text: &str, key: Option<&str>) -> String {
    let hidden;
    let text = match key.filter(|k| !k.is_empty() && text.contains(*k)) {
        Some(key) => {
            hidden = text.replace(key, "…");
            hidden.as_str()
        }
        None => text,
    };
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
        .filter(|w| !w.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().nth(MAX_MESSAGE_CHARS).is_some() {
            let short: String = line.chars().take(MAX_MESSAGE_CHARS).collect();
            return short + "…";
        }
    }
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

/// Characters that change how a terminal shows the others.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What an error body says, in any of the shapes in use.
#[derive(Default)]
struct Said {
    kind: String,
    code: String,
    message: String,
}

impl Said {
    fn from_body(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self { message: String::from_utf8_lossy(body).into_owned(), ..Self::default() };
        };
        // {"error": {…}}, {"error": "…"}, or the error itself; a list of one is known too.
        let outer = value.get(0).unwrap_or(&value);
        let error = outer.get("error").unwrap_or(outer);
        if let Value::String(message) = error {
            return Self { message: message.clone(), ..Self::default() };
        }
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = [text("message"), text("detail"), text("msg")].into_iter().find(|m| !m.is_empty());
        Self { kind: text("type"), code: text("code"), message: message.unwrap_or_else(|| error.to_string()) }
    }

    fn is_about_context(&self) -> bool {
        let codes = [
            "context_length_exceeded",
            "exceed_context_size_error",
            "request_too_large",
            "string_above_max_length",
        ];
        let phrases = [
            "prompt is too long",
            "maximum context length",
            "context length",
            "context window",
            "exceed context limit",
            "exceeds the available context size",
            "reduce the length of the messages",
        ];
        let message = self.message.to_lowercase();
        codes.contains(&self.code.as_str())
            || codes.contains(&self.kind.as_str())
            || phrases.iter().any(|phrase| message.contains(phrase))
    }

    fn is_about_quota(&self) -> bool {
        let words = ["insufficient_quota", "billing_error", "billing_hard_limit_reached"];
        words.contains(&self.code.as_str())
            || words.contains(&self.kind.as_str())
            || self.message.contains("credit balance is too low")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked { endpoint: "h:1", model: "m", key: Some("sk-canary") };

    fn code(status: u16, body: &str) -> &'static str {
        from_status(ASKED, status, None, body.as_bytes()).code()
    }

    #[test]
    fn each_refusal_has_its_kind() {
        for (status, body, want) in [
            (
                400,
                r#"{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                "model_context_exceeded",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 205351 tokens > 200000 maximum"}}"#,
                "model_context_exceeded",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
                "model_context_exceeded",
            ),
            (400, r#"{"error":{"message":"bad tool","type":"invalid_request_error"}}"#, "model_bad_request"),
            (
                400,
                r#"{"error":{"message":"Your credit balance is too low","type":"invalid_request_error"}}"#,
                "model_quota_exceeded",
            ),
            (401, r#"{"error":{"message":"no"}}"#, "model_key_refused"),
            (403, "<html>", "model_key_refused"),
            (404, r#"{"error":"model 'x' not found"}"#, "model_not_found"),
            (413, "", "model_context_exceeded"),
            (429, r#"{"error":{"message":"slow down"}}"#, "model_rate_limited"),
            (429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, "model_quota_exceeded"),
            (500, "", "model_overloaded"),
            (501, "", "model_bad_request"),
            (529, "", "model_overloaded"),
            (302, "", "model_redirected"),
            (418, "", "model_bad_request"),
        ] {
            assert_eq!(code(status, body), want, "{status} {body}");
        }
    }

    #[test]
    fn an_error_event_stands_for_a_status() {
        for (json, want) in [
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "model_overloaded",
            ),
            (r#"{"error":{"code":429,"message":"x"}}"#, "model_rate_limited"),
            (r#"{"error":{"message":"x","type":"authentication_error"}}"#, "model_key_refused"),
            (r#"{"error":{"message":"something"}}"#, "model_overloaded"),
        ] {
            assert_eq!(from_event(ASKED, json.as_bytes()).code(), want, "{json}");
        }
    }

    #[test]
    fn a_message_is_bounded_and_clean_and_keeps_no_key() {
        let message = format!("Incorrect key: sk-canary\u{1b}[2J\u{202e}\n{}", "long ".repeat(1000));
        let shown = clean(&message, ASKED.key);
        assert!(shown.starts_with("Incorrect key: … [2J long"), "{shown}");
        assert!(shown.chars().count() <= MAX_MESSAGE_CHARS + 1);
    }
}

//! Each way to fail has its own error.

use models::{Environment, Model, ModelErrorKind, ModelSpec, Phase, StopReason};
use testkit::model_answers::Says;
use testkit::model_server::{Behavior, Framing, ModelServer, Stop};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{
    BOTH, Format, KEY, Pauses, USED, ask, ask_server, environment, impatient, open, options, spec,
};

/// The code of the error after as many tries as there are.
async fn code(format: Format, behavior: Behavior) -> (&'static str, u32) {
    let (_server, outcome) = ask_server(format, vec![behavior; 6]).await;
    let error = outcome.expect_err("fails");
    assert!(!format!("{error:?} {error} {}", error.hint()).contains(KEY), "{error:?}");
    assert_eq!(error.exit_code(), 6);
    (error.code(), error.tries)
}

#[tokio::test]
async fn statuses() {
    let leaky = format!(r#"{{"error":{{"message":"bad key {KEY} \u001b[31m","type":"x"}}}}"#);
    let long = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
    for format in BOTH {
        for (status, body, want) in [
            (401, leaky.as_str(), ("model_key_refused", 1)),
            (403, "", ("model_key_refused", 1)),
            (404, "", ("model_not_found", 1)),
            (400, long, ("model_context_exceeded", 1)),
            (400, leaky.as_str(), ("model_bad_request", 1)),
            (422, "", ("model_bad_request", 1)),
            (402, "", ("model_quota_exceeded", 1)),
            (307, "", ("model_redirected", 1)),
            (429, "", ("model_rate_limited", 6)),
            (500, "<html>", ("model_overloaded", 6)),
            (502, "", ("model_overloaded", 6)),
            (503, "", ("model_overloaded", 6)),
            (529, "", ("model_overloaded", 6)),
        ] {
            assert_eq!(code(format, Behavior::status(status, &[], body)).await, want, "{format:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_provider_may_forbid_a_retry() {
    let behavior = Behavior::status(500, &[("x-should-retry", "false")], "");
    assert_eq!(code(Format::OpenAi, behavior).await, ("model_bad_request", 1));
}

#[tokio::test]
async fn answers_that_are_none() {
    for format in BOTH {
        for (content_type, body, want) in [
            ("application/json", "{\"a\":1}", "model_answer_garbled"),
            ("application/json", "{\"choices\":7,\"content\":7}", "model_answer_garbled"),
            ("application/json", "{nonsense}", "model_answer_garbled"),
            ("application/json", "no JSON", "model_answer_garbled"),
            ("text/html", "<html>sign in</html>", "model_answer_garbled"),
            ("text/event-stream", "data: {broken\n\n", "model_answer_garbled"),
            ("text/event-stream", "data: {\"type\":7,\"choices\":{}}\n\n", "model_answer_garbled"),
            ("text/event-stream", "data: \u{fffd}\n\n", "model_answer_garbled"),
            ("application/json", "", "model_answer_empty"),
        ] {
            let got = code(format, Behavior::raw(content_type, body)).await;
            assert_eq!(got, (want, 3), "{format:?} {content_type} {body}");
        }
        let text = match format {
            Format::OpenAi => &b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n"[..],
            Format::Anthropic => b"data: {\"type\":\"message_start\",\"message\":{\"model\":\"\xff\"}}\n\n",
        };
        let invalid_utf8 = Behavior::raw("text/event-stream", text);
        assert_eq!(code(format, invalid_utf8).await, ("model_answer_garbled", 3));
        assert_eq!(
            code(format, Behavior::raw("text/event-stream", ": hi\n\n")).await,
            ("model_stream_cut", 6)
        );
    }
}

#[tokio::test]
async fn empty_answers_and_nameless_calls() {
    for format in BOTH {
        for says in [Says::text(""), Says::text(" \n"), Says::text("").reasoning("only thought")] {
            for behavior in [Behavior::stream(says.clone()), Behavior::document(says)] {
                let (_server, outcome) = ask_server(format, vec![behavior; 3]).await;
                let error = outcome.expect_err("is empty");
                assert_eq!(error.kind, ModelErrorKind::EmptyAnswer);
                assert_eq!(error.billed.output_tokens, 3 * USED.output_tokens, "each was billed");
            }
        }
        let nameless = Behavior::stream(Says::text("x").call("c", "", "{}"));
        assert_eq!(code(format, nameless).await, ("model_answer_garbled", 3));
        // Cut short by its own limit, an answer may be empty: asking again would not help.
        let says = Says::text("").reasoning("long thought").stopping("length");
        let (_server, outcome) = ask_server(format, vec![Behavior::stream(says)]).await;
        assert_eq!(outcome.map(|r| r.stop), Ok(StopReason::MaxTokens));
    }
}

#[tokio::test]
async fn errors_inside_a_stream() {
    let openai = |json: &str| Behavior::raw("text/event-stream", format!("data: {json}\n\n"));
    let anthropic =
        |json: &str| Behavior::raw("text/event-stream", format!("event: error\ndata: {json}\n\n"));
    for (format, behavior, want) in [
        (Format::OpenAi, openai(r#"{"error":{"message":"x","code":502}}"#), ("model_overloaded", 6)),
        (
            Format::OpenAi,
            openai(r#"{"error":{"message":"x","type":"invalid_request_error"}}"#),
            ("model_bad_request", 1),
        ),
        (
            Format::OpenAi,
            Behavior::raw("application/json", r#"{"error":{"message":"x","code":429}}"#),
            ("model_rate_limited", 6),
        ),
        (
            Format::Anthropic,
            anthropic(r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#),
            ("model_overloaded", 6),
        ),
        (
            Format::Anthropic,
            anthropic(
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
            ),
            ("model_context_exceeded", 1),
        ),
        (
            Format::Anthropic,
            Behavior::raw(
                "application/json",
                r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#,
            ),
            ("model_overloaded", 6),
        ),
    ] {
        assert_eq!(code(format, behavior.clone()).await, want, "{behavior:?}");
    }
}

#[tokio::test]
async fn refusals_and_filters_are_billed_and_not_tried_again() {
    for (format, want) in [(Format::OpenAi, "model_content_filtered"), (Format::Anthropic, "model_refused")] {
        let says = Says::text("I can't").stopping("content_filter");
        let (_server, outcome) = ask_server(format, vec![Behavior::stream(says)]).await;
        let error = outcome.expect_err("is refused");
        assert_eq!((error.code(), error.tries, error.billed.input_tokens), (want, 1, USED.input_tokens));
    }
    let refusal = r#"{"choices":[{"index":0,"delta":{"refusal":"No, I won't."},"finish_reason":"stop"}]}"#;
    let (_server, outcome) =
        ask_server(Format::OpenAi, vec![Behavior::raw("text/event-stream", format!("data: {refusal}\n\n"))])
            .await;
    assert_eq!(
        outcome.expect_err("is refused").kind,
        ModelErrorKind::Refused { message: "No, I won't.".into() }
    );
}

#[tokio::test]
async fn silence_ends_in_a_time_out() {
    for format in BOTH {
        let says = || Behavior::stream(Says::text("a long text that hangs"));
        for (behavior, phase) in [
            (Behavior::hang(), Phase::FirstByte),
            (says().stopped(Stop::Hang(500)), Phase::NextByte),
            (says().framed(Framing::UntilClose).stopped(Stop::Hang(0)), Phase::NextByte),
        ] {
            let server = ModelServer::start(vec![behavior; 6]).await;
            let error = ask(&open(format, &server, impatient(&Pauses::default()))).await.expect_err("hangs");
            assert!(
                matches!(error.kind, ModelErrorKind::TimedOut { phase: p, .. } if p == phase),
                "{error:?}"
            );
            assert_eq!((error.code(), error.tries), ("model_timed_out", 6));
        }
    }
}

#[tokio::test]
async fn nobody_there() {
    for format in BOTH {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let pauses = Pauses::default();
        let model =
            Model::open(&spec(format), &environment(format, &url, Some(KEY)), options(&pauses)).unwrap();
        let error = ask(&model).await.expect_err("nobody is there");
        assert_eq!((error.code(), error.tries), ("model_unreachable", 6));
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert_eq!(pauses.lock().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn a_cancel_ends_a_call_at_once_and_says_what_it_used() {
    let hanging = Behavior::stream(Says::text("a text that hangs")).stopped(Stop::Hang(800));
    let server = ModelServer::start(vec![hanging]).await;
    let model = open(Format::Anthropic, &server, options(&Pauses::default()));
    let cancel = CancellationToken::new();
    let mut transcript = model.transcript();
    transcript.push_user("Hello");
    // The first text is shown after the usage has come.
    let mut on_delta = |_: models::Delta<'_>| cancel.cancel();
    let tools = crate::support::tools();
    let error = model
        .complete(crate::support::call(&transcript, &tools, 1), &mut on_delta, &cancel)
        .await
        .expect_err("is canceled");
    assert_eq!((error.code(), error.exit_code(), error.tries), ("canceled", 130, 1));
    assert_eq!((error.billed.input_tokens, error.billed.cached_tokens), (100, 60));
}

#[tokio::test]
async fn a_cancel_ends_a_pause_at_once() {
    let server = ModelServer::start(vec![Behavior::status(503, &[], "")]).await;
    let mut options = options(&Pauses::default());
    options.rim.sleep = std::sync::Arc::new(|_| Box::pin(std::future::pending()));
    let model = open(Format::OpenAi, &server, options);
    let cancel = CancellationToken::new();
    let mut transcript = model.transcript();
    transcript.push_user("Hello");
    let mut on_delta = |_: models::Delta<'_>| cancel.cancel();
    let outcome = model.complete(crate::support::call(&transcript, &[], 1), &mut on_delta, &cancel).await;
    assert_eq!(outcome.expect_err("is canceled").kind, ModelErrorKind::Canceled);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let open = |text: &str, set: &[(&str, &str)]| {
        let environment = Environment::from_lookup(|name| {
            set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        });
        Model::open(&ModelSpec::parse(text).unwrap(), &environment, options(&Pauses::default()))
            .map(|m| m.spec().to_string())
            .map_err(|e| (e.code(), e.exit_code()))
    };
    let missing = Err(("model_not_configured", 2));
    let unavailable = Err(("model_not_available", 2));
    assert_eq!(open("anthropic/x", &[]), missing);
    assert_eq!(open("openai-chat/x", &[]), missing);
    assert_eq!(open("openai-chat/x", &[("OPENAI_BASE_URL", "https://api.example.com/v1")]), missing);
    assert_eq!(
        open("openai-chat/x", &[("OPENAI_BASE_URL", "http://192.168.1.5:8080/v1")]),
        Ok("openai-chat/x".into())
    );
    assert_eq!(
        open("anthropic/x", &[("ANTHROPIC_BASE_URL", "http://localhost:1/v1/")]),
        Ok("anthropic/x".into())
    );
    assert_eq!(
        open("anthropic/x", &[("ANTHROPIC_BASE_URL", "localhost:1")]),
        Err(("model_endpoint_invalid", 2))
    );
    assert_eq!(open("anthropic/x", &[("ANTHROPIC_API_KEY", "a\u{1}b")]), Err(("model_endpoint_invalid", 2)));
    for text in ["openai/x", "gemini/x", "ollama/x", "gguf:/x", "acp:x", "offline"] {
        assert_eq!(open(text, &[("OPENAI_API_KEY", "k")]), unavailable, "{text}");
    }
    assert_eq!(open("script:/nonexistent", &[]), Err(("script_invalid", 2)));
}

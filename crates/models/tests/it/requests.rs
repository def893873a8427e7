//! What is sent.

use models::{Options, SendHeaders};
use serde_json::json;
use testkit::model_answers::Says;
use testkit::model_server::{Behavior, ModelServer, Recorded};

use crate::support::{BOTH, Format, KEY, Pauses, ask, ask_server, environment, options, spec};

async fn request(format: Format) -> Recorded {
    let (server, outcome) = ask_server(format, vec![Behavior::stream(Says::text("hi"))]).await;
    outcome.unwrap();
    server.requests().remove(0)
}

#[tokio::test]
async fn a_chat_completion() {
    let request = request(Format::OpenAi).await;
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let parameters = json!({"type":"object","properties":{"path":{"type":"string"}},"required":["path"]});
    let tool = |name: &str| json!({"type":"function","function":{"name":name,"description":"Does it.","parameters":parameters}});
    let want = json!({
        "model": "test-model",
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 1000,
        "tools": [tool("read_file"), tool("list_files")],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    });
    assert_eq!(request.json(), want);
}

#[tokio::test]
async fn a_message() {
    let request = request(Format::Anthropic).await;
    assert_eq!(request.path, "/v1/messages");
    assert_eq!(request.header("x-api-key"), Some(KEY));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    let schema = json!({"type":"object","properties":{"path":{"type":"string"}},"required":["path"]});
    let tool = |name: &str| json!({"name":name,"description":"Does it.","input_schema":schema});
    let want = json!({
        "model": "test-model",
        "max_tokens": 1000,
        "stream": true,
        "cache_control": {"type": "ephemeral"},
        "tools": [tool("read_file"), tool("list_files")],
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "Hello"}],
    });
    assert_eq!(request.json(), want);
}

#[tokio::test]
async fn each_call_says_whose_it_is() {
    for format in BOTH {
        let request = request(format).await;
        let headers = ["x-aamas-run", "x-aamas-role", "x-aamas-step", "x-aamas-attempt", "x-aamas-turn"];
        let want = ["run_0000000000000000000000000a", "builder", "s1", "1", "1"];
        assert_eq!(headers.map(|name| request.header(name)), want.map(Some));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert!(request.header("content-length").is_some(), "not in chunks");
    }
}

#[tokio::test]
async fn a_local_server_needs_no_key() {
    for format in BOTH {
        let server = ModelServer::start(vec![Behavior::stream(Says::text("hi"))]).await;
        let options = Options { headers: SendHeaders::Everywhere, ..options(&Pauses::default()) };
        let model =
            models::Model::open(&spec(format), &environment(format, &server.url(), None), options).unwrap();
        ask(&model).await.unwrap();
        let request = server.requests().remove(0);
        assert_eq!((request.header("authorization"), request.header("x-api-key")), (None, None));
    }
}

#[tokio::test]
async fn a_plain_endpoint_may_close_its_connections_as_it_likes() {
    let server = ModelServer::start(vec![Behavior::stream(Says::text("hi")); 3]).await;
    let model = crate::support::open(Format::OpenAi, &server, options(&Pauses::default()));
    for _ in 0..3 {
        assert_eq!(ask(&model).await.map(|r| r.tries), Ok(1));
    }
    assert_eq!(server.connections(), 3);
}

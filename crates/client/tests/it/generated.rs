//! What the generator writes.

use serde_json::{Value, json};

use crate::rich;

#[path = "../../examples/generate/generator/mod.rs"]
mod generator;

const RICH: &str = include_str!("rich.json");

/// Compares a generated file with what is committed.
fn check(path: &str, committed: &str, document: &str) {
    let now = generator::generate(document).expect("the document can be read");
    let differs = now.lines().zip(committed.lines()).position(|(a, b)| a != b);
    assert!(
        now == committed,
        "{path} is stale from line {} on: `cargo run -p client --example generate`",
        differs.unwrap_or(committed.lines().count().min(now.lines().count())) + 1
    );
}

#[test]
fn the_generated_client_is_what_its_document_says() {
    check(
        "src/generated.rs",
        include_str!("../../src/generated.rs"),
        include_str!("../../../../web/openapi.json"),
    );
}

#[test]
fn everything_that_a_schema_may_have_is_written_as_before() {
    check("tests/it/rich.rs", include_str!("rich.rs"), RICH);
}

#[test]
fn rich_documents_are_read_and_written_as_they_are() {
    let task = json!({
        "id": "task_1", "status": "from_the_future", "type": "fix", "priority": null, "labels": ["a"],
        "error": { "code": "no", "more": [1, 2] },
        "parent": {
            "id": "task_0", "status": "input_required", "type": "feature", "priority": "low", "labels": [],
            "error": null, "parent": null, "children": null, "place": { "line": 1 }, "counts": {},
            "anything": null, "due-date": null, "offset": null, "pair": null, "since": null
        },
        "children": [], "place": { "line": 7 }, "counts": { "turns": 3 }, "anything": { "x": null },
        "due-date": "2030-01-31T12:00:00Z", "offset": -4, "pair": ["a", 1.5], "since": "2030-01-31",
        "of_a_newer_server": true
    });
    let read: rich::Task = serde_json::from_value(task.clone()).expect("it fits");
    assert_eq!(read.status, rich::Status::Other("from_the_future".into()));
    assert_eq!(read.status.as_str(), "from_the_future");
    assert_eq!(read.parent.as_ref().expect("it has one").status, rich::Status::InputRequired);
    let mut expected = task;
    expected.as_object_mut().expect("an object").remove("of_a_newer_server");
    assert_eq!(serde_json::to_value(read).expect("JSON"), expected);
}

#[test]
fn unions_are_told_apart_by_their_words() {
    let read = |value: Value| serde_json::from_value::<rich::Entry>(value).expect("anything fits");
    let ended = read(json!({ "kind": "ended", "at": "now" }));
    assert!(matches!(&ended, rich::Entry::Ended(ended) if ended.at == "now"), "{ended:?}");
    assert!(matches!(read(json!({ "kind": "started", "at": "now" })), rich::Entry::Started(_)));
    assert!(matches!(read(json!("words")), rich::Entry::Text(_)));
    let unknown = json!({ "kind": "rewound", "seq": 4 });
    assert_eq!(read(unknown.clone()), rich::Entry::Other(unknown));
}

#[test]
fn what_is_not_known_is_refused_and_not_guessed() {
    let refused =
        |document: Value| generator::generate(&document.to_string()).expect_err("it can't be meant");
    let schema = |schema: Value| json!({ "paths": {}, "components": { "schemas": { "A": schema } } });
    let path = |operation: Value| json!({ "paths": { "/a/{id}": { "get": operation } } });
    let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
    let header = json!({ "name": "x", "in": "header", "required": true, "schema": {} });
    let two = json!({ "200": { "content": { "application/json": { "schema": { "type": "string" } } } }, "201": {} });
    let all = [
        schema(json!({ "$ref": "#/components/schemas/B" })),
        schema(json!({ "properties": { "a-b": {}, "a_b": {} } })),
        schema(json!(4)),
        path(json!({ "operationId": "get", "responses": {} })),
        path(json!({ "parameters": [id] })),
        path(json!({ "operationId": "get", "parameters": [id, header] })),
        path(json!({ "operationId": "get", "parameters": [id], "responses": two })),
        path(
            json!({ "operationId": "get", "parameters": [id], "requestBody": { "content": { "text/plain": {} } } }),
        ),
    ];
    assert_eq!(
        all.map(refused),
        [
            "A: nothing is at #/components/schemas/B",
            "A: two members are called a_b",
            "A: not a schema: 4",
            "get /a/{id}: id is not described",
            "get /a/{id}: it has no operationId",
            "get /a/{id}: a parameter in Some(\"header\")",
            "get /a/{id}: two different answers",
            "get /a/{id}: its body is no JSON",
        ]
    );
}

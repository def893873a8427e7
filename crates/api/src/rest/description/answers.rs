//! Every answer that an operation can give, with its headers.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{At, reference};

/// Refusals and failures: status, name, when.
const PROBLEMS: [(u16, &str, &str); 13] = [
    (400, "BadRequest", "The body is not JSON or broke off, or a header that has one value came twice."),
    (401, "Unauthorized", "Nobody knows who calls."),
    (
        403,
        "Forbidden",
        "The policies do not allow it, or a request with the session's cookie lacks `x-aamas-csrf`.",
    ),
    (404, "NotFound", "There is no such thing, or it is another organization's."),
    (
        409,
        "Conflict",
        "It is well formed, but does not fit what is there: a state, a name that is taken, the id of nothing.",
    ),
    (412, "PreconditionFailed", "It has changed since the version that `If-Match` names."),
    (413, "ContentTooLarge", "What is sent, or what is asked for, is too large."),
    (415, "UnsupportedMediaType", "The body is not `application/json`."),
    (422, "UnprocessableContent", "It is not what this description says; `errors` names the members."),
    (429, "TooManyRequests", "Too many requests or attempts in a short time."),
    (500, "InternalServerError", "A mistake of this server; nothing was changed."),
    (503, "ServiceUnavailable", "It took too long, or the store can't take it now; nothing was lost."),
    (304, "NotModified", "The caller has it already: `If-None-Match` names the present version."),
];

/// Reads without a version: parts of something that has one, or what is never the same twice.
const UNTAGGED: [&str; 11] = [
    "get_setup",
    "read_journal",
    "read_output",
    "list_run_gates",
    "list_pull_request_comments",
    "get_pull_request_diff",
    "get_plan",
    "get_operation",
    "export_run",
    "export_audit",
    "begin_sso",
];
/// Makes something without an address of its own.
const NOWHERE: [&str; 2] = ["comment_pull_request", "create_ticket"];
/// Reads that may find more than is shown at once, or that an engine has to make first.
const LARGE: [&str; 3] = ["read_output", "get_pull_request_diff", "export_run"];

pub(super) fn add(at: &At, operation: &mut Map<String, Value>) {
    // A browser goes there by itself, and every answer is a redirection.
    let is_page = at.id == "finish_sso";
    let mut found = statuses(at, operation);
    if is_page {
        found.retain(|status| [400, 422, 429, 500, 503].contains(status));
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.remove("default");
    for (status, response) in responses.iter_mut() {
        describe(at, status, response);
    }
    for (status, name, _) in PROBLEMS {
        if found.contains(&status) {
            responses.insert(status.to_string(), reference("responses", name));
        }
    }
    responses.sort_keys();
}

fn statuses(at: &At, operation: &Map<String, Value>) -> Vec<u16> {
    let is_open = operation.get("security").is_some_and(|s| s == &json!([{}]));
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has = |place: &str, fits: &dyn Fn(&str) -> bool| {
        parameters.iter().any(|p| p["in"] == place && p["name"].as_str().is_some_and(fits))
    };
    let names_things = has("path", &|_| true) || has("query", &|name| name.ends_with("_id"));
    let changes = at.method != Method::GET;
    let is_tagged = !changes && !UNTAGGED.contains(&at.id.as_str()) && at.id != "finish_sso";
    let mut all = vec![400, 422, 429, 500, 503];
    let mut when = |holds: bool, statuses: &[u16]| {
        if holds {
            all.extend_from_slice(statuses);
        }
    };
    when(!is_open, &[401, 403]);
    when(is_open && changes, &[401, 403]);
    when(names_things || at.id == "create_token" || at.id == "create_ticket", &[404]);
    when(at.id == "test_policy" || at.id == "explain_policies" || at.id == "move_session", &[404]);
    // Some of what is read is only a signed-in person's, or has a cursor of another list.
    let may_not_fit = ["begin_sso", "list_sessions"].contains(&at.id.as_str());
    when(changes || may_not_fit || has("query", &|name| name == "cursor"), &[409]);
    when(operation.contains_key("requestBody"), &[413, 415]);
    when(LARGE.contains(&at.id.as_str()), &[409, 413]);
    when(at.method == Method::PATCH, &[412]);
    when(is_tagged, &[304]);
    all
}

/// What a good answer is, and its headers.
fn describe(at: &At, status: &str, response: &mut Value) {
    let words = match status {
        "200" => "What was asked for.",
        "201" => "It was made.",
        "202" => "It takes longer: `Location` says where to ask what came of it.",
        "204" => "It is done.",
        _ => "",
    };
    if response["description"].as_str().is_none_or(str::is_empty) {
        response["description"] = words.into();
    }
    let mut headers = Map::new();
    headers.insert("X-Request-Id".into(), reference("headers", "RequestId"));
    let id = at.id.as_str();
    let is_tagged = match at.method {
        Method::GET => !UNTAGGED.contains(&id) && id != "finish_sso",
        Method::PATCH => id != "update_me",
        _ => false,
    };
    if status == "200" && is_tagged {
        headers.insert("ETag".into(), reference("headers", "ETag"));
    }
    if matches!(status, "201" | "202" | "303") && !NOWHERE.contains(&id) {
        headers.insert("Location".into(), reference("headers", "Location"));
    }
    response["headers"] = headers.into();
}

pub(super) fn add_components(api: &mut Value) {
    let header =
        |about: &str, schema: Value| json!({ "description": about, "required": true, "schema": schema });
    let seconds = json!({ "type": "integer", "minimum": 1 });
    api["components"]["headers"] = json!({
        "RequestId": header("An id to quote.", json!({ "type": "string", "pattern": "^req_[0-9a-f]{32}$" })),
        "ETag": header("The version of what is in the answer.", json!({ "type": "string", "pattern": "^\"[0-9]+-[0-9a-f]{16}\"$" })),
        "Location": header("Where it is.", json!({ "type": "string", "format": "uri-reference" })),
        "RetryAfter": header("Seconds to wait.", seconds.clone()),
        "WwwAuthenticate": header("How to say who calls.", json!({ "type": "string" })),
    });
    let mut responses = Map::new();
    for (status, name, when) in PROBLEMS {
        let mut headers = Map::new();
        headers.insert("X-Request-Id".into(), reference("headers", "RequestId"));
        match status {
            304 => drop(headers.insert("ETag".into(), reference("headers", "ETag"))),
            401 => drop(headers.insert("WWW-Authenticate".into(), reference("headers", "WwwAuthenticate"))),
            429 | 503 => drop(headers.insert("Retry-After".into(), reference("headers", "RetryAfter"))),
            _ => {}
        }
        let mut response = json!({ "description": when, "headers": headers });
        if status != 304 {
            let problem = json!({ "schema": reference("schemas", "Problem") });
            response["content"] = json!({ "application/problem+json": problem });
        }
        responses.insert(name.to_owned(), response);
    }
    api["components"]["responses"] = responses.into();
}

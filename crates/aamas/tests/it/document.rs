//! The run document, as the contract describes it: checked after every call.

use serde_json::Value;

use crate::process::Ran;
use crate::world::World;

/// Fields of the run document.
const FIELDS: &[&str] = &[
    "run_id",
    "task_id",
    "status",
    "model",
    "branch",
    "base_commit",
    "head_commit",
    "pull_request",
    "gates",
    "usage",
    "turns",
    "duration_ms",
    "sandbox",
    "report",
    "error",
];

/// Gates in their order.
const GATES: &[&str] = &["tests", "build", "lint", "format", "tests_kept", "secrets", "diff"];

/// What each status exits with.
const EXITS: &[(&str, &[i32])] = &[
    ("ready", &[0]),
    ("no_change", &[0]),
    ("gates_failed", &[3]),
    ("limit_reached", &[4]),
    ("needs_input", &[5]),
    ("failed", &[1, 6]),
    ("canceled", &[130]),
    ("interrupted", &[130]),
    ("queued", &[0]),
    ("running", &[0]),
    ("paused", &[0, 130]),
];

/// Checks stdout and stderr of a call against the contract, whatever the call was.
#[track_caller]
pub fn check_exit(world: &World, ran: &Ran) {
    let was_killed = ran.code >= 128 && ran.code != 130;
    if was_killed {
        return;
    }
    let document = ran.document();
    let started = ran.stderr.lines().position(is_started);
    match document.get("base_commit") {
        Some(_) => check(world, ran, &document),
        None => assert_eq!(started, None, "a run began and has no document: {ran}"),
    }
    if let Some(line) = started {
        assert_eq!(line, 0, "`run_… started` is not the first line on stderr: {ran}");
        let named = ran.stderr.lines().next().and_then(|l| l.split(' ').next());
        assert_eq!(document["run_id"].as_str(), named, "another run is named: {ran}");
    }
    if let Some(error) = document.get("error").filter(|e| !e.is_null()) {
        for field in ["code", "message", "hint"] {
            let text = error[field].as_str().unwrap_or_default();
            assert!(!text.trim().is_empty(), "an error without {field}: {ran}");
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n'),
                "control characters in {field}: {ran}"
            );
        }
    }
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

fn is_started(line: &str) -> bool {
    line.strip_suffix(" started").is_some_and(|id| is_id(id, "run"))
}

/// Whether a text is an id of that kind: the kind, and 26 characters of lower-case Crockford base32.
pub fn is_id(text: &str, kind: &str) -> bool {
    let crockford = |c: char| c.is_ascii_digit() || (c.is_ascii_lowercase() && !"ilou".contains(c));
    text.strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|id| id.len() == 26 && id.chars().all(crockford))
}

/// Checks a run document: fields, types, and that it is true of the repository.
#[track_caller]
pub fn check(world: &World, ran: &Ran, document: &Value) {
    for field in FIELDS {
        assert!(document.get(field).is_some(), "no field {field}: {ran}");
    }
    assert!(is_id(text(document, "run_id"), "run") && is_id(text(document, "task_id"), "task"), "{ran}");
    let status = text(document, "status");
    let exits =
        EXITS.iter().find(|(name, _)| *name == status).unwrap_or_else(|| panic!("status {status}: {ran}")).1;
    assert!(exits.contains(&ran.code), "{status} exits with {exits:?}: {ran}");
    let good = matches!(status, "ready" | "no_change" | "queued" | "running");
    assert_eq!(document["error"].is_null(), good, "{ran}");
    assert!(is_commit(text(document, "base_commit")), "{ran}");
    for count in ["turns", "duration_ms"] {
        assert!(document[count].is_u64(), "{count}: {ran}");
    }
    for tokens in ["input_tokens", "cached_tokens", "output_tokens"] {
        assert!(document["usage"][tokens].is_u64(), "{tokens}: {ran}");
    }
    let cost = &document["usage"]["cost_usd"];
    assert!(cost.is_number() || cost.is_null(), "{ran}");
    let sandbox = &document["sandbox"];
    assert!(sandbox.is_null() || ["S2", "S3"].contains(&sandbox.as_str().unwrap_or_default()), "{ran}");
    check_gates(ran, document);
    check_delivery(world, ran, document);
    if let Some(report) = document["report"].as_str() {
        assert!(std::path::Path::new(report).is_file(), "no report at {report}: {ran}");
    }
}

fn check_gates(ran: &Ran, document: &Value) {
    let gates = document["gates"].as_array().unwrap_or_else(|| panic!("no gates: {ran}"));
    for gate in gates {
        let verdict = text(gate, "verdict");
        assert!(["passed", "failed", "skipped", "error"].contains(&verdict), "{ran}");
        assert!(gate["summary"].is_string(), "{ran}");
    }
    if !gates.is_empty() {
        let names: Vec<_> = gates.iter().map(|g| text(g, "name")).collect();
        assert_eq!(names, GATES, "{ran}");
    }
    let good = |g: &Value| matches!(text(g, "verdict"), "passed" | "skipped");
    match text(document, "status") {
        "ready" => assert!(!gates.is_empty() && gates.iter().all(good), "ready with a refusal: {ran}"),
        "gates_failed" => assert!(!gates.iter().all(good), "gates_failed without a refusal: {ran}"),
        _ => {}
    }
}

fn check_delivery(world: &World, ran: &Ran, document: &Value) {
    let Some(branch) = document["branch"].as_str() else {
        assert!(document["head_commit"].is_null() && document["pull_request"].is_null(), "{ran}");
        assert_ne!(document["status"], "ready", "{ran}");
        return;
    };
    let head = text(document, "head_commit");
    let tail = &text(document, "run_id")[22..];
    assert!(branch.starts_with("aamas/") && branch.ends_with(&format!("-{tail}")), "{branch}: {ran}");
    assert_eq!(world.git(&["rev-parse", &format!("refs/heads/{branch}")]), head, "{ran}");
    let pull_request = &document["pull_request"];
    assert!(is_id(text(pull_request, "id"), "pr"), "{ran}");
    assert!(!text(pull_request, "title").is_empty() && !text(pull_request, "url").is_empty(), "{ran}");
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

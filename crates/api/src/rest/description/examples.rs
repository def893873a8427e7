//! Examples of what is sent, for those who read the description. A test sends them.

use serde_json::{Map, Value, json};

use super::At;

pub(super) fn add(at: &At, operation: &mut Map<String, Value>) {
    let Some(example) = of(&at.id) else { return };
    let content = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
    if let Some(json) = content.and_then(|content| content.get_mut("application/json")) {
        json["example"] = example;
    }
}

fn of(operation: &str) -> Option<Value> {
    Some(match operation {
        "create_project" => json!({
            "name": "Ledger", "repository_url": "/srv/git/ledger",
            "configuration": { "budget_usd": 5, "data_class": "confidential" },
        }),
        "create_task" => json!({
            "description": "Totals of invoices with a discount are off by a cent.\nRound once, at the end.",
            "type": "fix", "priority": "high", "budget_usd": 1.5,
        }),
        "update_task" => json!({ "priority": "critical" }),
        "steer_run" | "answer_run" => json!({ "message": "Keep the old names; other services read them." }),
        "reject_plan" => json!({ "message": "One step is enough for this." }),
        "edit_plan" => json!({
            "summary": "Round once, where the invoice is summed up.", "title": "Round totals once",
            "steps": [
                { "id": "round", "title": "Round in Invoice::total", "role": "developer", "acceptance": ["The failing test passes."] },
            ],
            "effort_hours": 0.5, "risks": ["Reports that were printed show other totals."],
        }),
        "comment_pull_request" => json!({ "body": "Why is this rounded twice?" }),
        "request_pull_request_changes" => json!({ "message": "Answer the open remarks." }),
        "register_agent" => json!({
            "name": "Ledger specialist", "type": "developer", "specialization": "backend", "capabilities": ["code_generation", "testing"],
        }),
        "create_token" => json!({ "name": "nightly build", "role": "ci", "expires_in_days": 30 }),
        "create_invitation" => json!({ "email": "grace@example.org", "role": "reviewer" }),
        "create_policy" => json!({
            "name": "Viewers export nothing",
            "text": "forbid (principal in Role::\"viewer\", action == Action::\"runs.export\", resource);",
        }),
        "test_policy" => json!({
            "text": "forbid(principal, action == Action::\"projects.delete\", resource);",
            "requests": [{ "action": "projects.delete" }],
        }),
        "explain_policies" => json!({ "action": "tasks.create", "principal": { "role": "developer" } }),
        _ => return None,
    })
}

//! Links: what can be done with what an answer names.

use serde_json::{Map, Value, json};

use super::At;

/// From which operation, with which answer; which member of it; to which operations, as which parameter.
const LINKS: [(&str, &str, &str, &str, &[&str]); 14] = [
    (
        "create_project",
        "201",
        "id",
        "project_id",
        &["get_project", "update_project", "create_task", "list_project_tasks", "list_project_agents"],
    ),
    (
        "list_projects",
        "200",
        "items/0/id",
        "project_id",
        &["get_project", "create_task", "list_project_tasks"],
    ),
    (
        "create_task",
        "201",
        "id",
        "task_id",
        &[
            "get_task",
            "update_task",
            "pause_task",
            "resume_task",
            "cancel_task",
            "retry_task",
            "list_task_runs",
        ],
    ),
    ("list_tasks", "200", "items/0/id", "task_id", &["get_task", "update_task", "list_task_runs"]),
    (
        "list_runs",
        "200",
        "items/0/id",
        "run_id",
        &[
            "get_run",
            "read_journal",
            "list_run_gates",
            "get_plan",
            "steer_run",
            "answer_run",
            "pause_run",
            "resume_run",
            "replay_run",
            "export_run",
            "fork_run",
            "approve_plan",
            "reject_plan",
        ],
    ),
    (
        "list_pull_requests",
        "200",
        "items/0/id",
        "pull_request_id",
        &[
            "get_pull_request",
            "get_pull_request_diff",
            "list_pull_request_comments",
            "comment_pull_request",
            "approve_pull_request",
            "request_pull_request_changes",
        ],
    ),
    ("list_artifacts", "200", "items/0/id", "artifact_id", &["get_artifact"]),
    ("register_agent", "201", "id", "agent_id", &["get_agent", "update_agent", "beat_agent"]),
    ("create_policy", "201", "id", "policy_id", &["get_policy", "update_policy", "remove_policy"]),
    ("create_token", "201", "id", "token_id", &["revoke_token"]),
    ("create_invitation", "201", "id", "invitation_id", &["revoke_invitation"]),
    ("list_receipts", "200", "items/0/id", "receipt_id", &["reevaluate_receipt"]),
    ("list_members", "200", "items/0/user_id", "user_id", &["get_member", "update_member"]),
    ("list_organizations", "200", "items/0/id", "organization_id", &["get_organization"]),
];

pub(super) fn add(at: &At, operation: &mut Map<String, Value>) {
    for (_, status, member, parameter, targets) in LINKS.iter().filter(|(from, ..)| *from == at.id) {
        let Some(response) = operation.get_mut("responses").and_then(|all| all.get_mut(*status)) else {
            continue;
        };
        let links: Map<String, Value> = targets
            .iter()
            .map(|to| {
                let link = json!({ "operationId": to, "parameters": { *parameter: format!("$response.body#/{member}") } });
                ((*to).to_owned(), link)
            })
            .collect();
        response["links"] = links.into();
    }
}

//! Local pull requests.

super::statements! {
    INSERT: "create a pull request" =
        "INSERT INTO pull_requests (tenant_id, pr_id, run_id, number, forge_number, title, state,
                                    created_at, updated_at, doc)
         VALUES ($1, $2, $3, (SELECT COALESCE(MAX(number), 0) + 1 FROM pull_requests WHERE tenant_id = $1),
                 $4, $5, $6, $7, $8, $9)";
    SAVE: "save a pull request" =
        "UPDATE pull_requests SET forge_number = $3, title = $4, state = $5, updated_at = $6, doc = $7
         WHERE tenant_id = $1 AND pr_id = $2";
    FIND: "find a pull request" =
        "SELECT pr_id, run_id, forge_number, title, state, created_at, updated_at, doc
         FROM pull_requests WHERE tenant_id = $1 AND pr_id = $2";
    OF_RUN: "find the pull requests of a run" =
        "SELECT pr_id, run_id, forge_number, title, state, created_at, updated_at, doc
         FROM pull_requests WHERE tenant_id = $1 AND run_id = $2 ORDER BY number DESC LIMIT $3";
    LIST: "list pull requests" =
        "SELECT pr_id, run_id, forge_number, title, state, created_at, updated_at, doc
         FROM pull_requests WHERE tenant_id = $1 ORDER BY number DESC LIMIT $2 OFFSET $3";
    PAGE: "list pull requests of all projects" =
        "SELECT p.pr_id, p.number, t.project_id FROM pull_requests p
         JOIN runs r ON r.tenant_id = p.tenant_id AND r.run_id = p.run_id
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE p.tenant_id = $1 AND p.number < $2 ORDER BY p.number DESC LIMIT $3";
    PAGE_OF_PROJECT: "list the pull requests of a project" =
        "SELECT p.pr_id, p.number, t.project_id FROM pull_requests p
         JOIN runs r ON r.tenant_id = p.tenant_id AND r.run_id = p.run_id
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE p.tenant_id = $1 AND t.project_id = $4 AND p.number < $2 ORDER BY p.number DESC LIMIT $3";
    LAST: "find the last pull request" =
        "SELECT pr_id FROM pull_requests WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1";
    BETWEEN: "find pull requests by the beginning of their id" =
        "SELECT pr_id FROM pull_requests WHERE tenant_id = $1 AND pr_id >= $2 AND pr_id <= $3
         ORDER BY pr_id LIMIT $4";
    ENDING: "find pull requests by the end of their id" =
        "SELECT pr_id FROM pull_requests WHERE tenant_id = $1 AND substr(pr_id, 12, 5) = $2 ORDER BY pr_id LIMIT $3";
}

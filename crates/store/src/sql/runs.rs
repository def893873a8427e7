//! Runs.

super::statements! {
    INSERT: "create a run" =
        "INSERT INTO runs (tenant_id, run_id, task_id, number, repo, model, state, branch, base_commit,
                           created_at, updated_at, fence, settings, document)
         VALUES ($1, $2, $3, (SELECT COALESCE(MAX(number), 0) + 1 FROM runs WHERE tenant_id = $1),
                 $4, $5, $6, $7, $8, $9, $10, 0, $11, $12)";
    SAVE: "save a run" =
        "UPDATE runs SET model = $4, state = $5, branch = $6, base_commit = $7, updated_at = $8, fence = $3,
                         settings = $9, document = $10
         WHERE tenant_id = $1 AND run_id = $2
           AND EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)";
    FIND: "find a run" =
        "SELECT run_id, task_id, repo, model, state, branch, base_commit, created_at, updated_at, settings, document
         FROM runs WHERE tenant_id = $1 AND run_id = $2";
    LAST: "find the last run" =
        "SELECT run_id FROM runs WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1";
    BETWEEN: "find runs by the beginning of their id" =
        "SELECT run_id FROM runs WHERE tenant_id = $1 AND run_id >= $2 AND run_id <= $3 ORDER BY run_id LIMIT $4";
    ENDING: "find runs by the end of their id" =
        "SELECT run_id FROM runs WHERE tenant_id = $1 AND substr(run_id, 12, 5) = $2 ORDER BY run_id LIMIT $3";
    LIST: "list runs" =
        "SELECT r.run_id, r.task_id, t.text, r.state, r.repo, r.branch, r.created_at, r.updated_at
         FROM runs r JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 ORDER BY r.number DESC LIMIT $2 OFFSET $3";
    LIST_OF_PROJECT: "list the runs of a project" =
        "SELECT r.run_id, r.number, t.project_id FROM runs r
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 AND r.number < $2 AND t.project_id = $4 ORDER BY r.number DESC LIMIT $3";
    LIST_OF_ALL: "list the runs of all projects" =
        "SELECT r.run_id, r.number, t.project_id FROM runs r
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 AND r.number < $2 ORDER BY r.number DESC LIMIT $3";
    SINCE: "list the runs since a moment" =
        "SELECT r.run_id, r.number, t.project_id FROM runs r
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 AND r.updated_at >= $2 AND r.number > $3 ORDER BY r.number LIMIT $4";
    STANDING: "list the runs that are not finished" =
        "SELECT r.run_id, r.number, t.project_id FROM runs r
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 AND r.state IN ('queued', 'running', 'interrupted') ORDER BY r.number LIMIT $2";
}

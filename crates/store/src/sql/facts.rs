//! What analytics, costs and the list of what waits for people are made of.

super::statements! {
    RUNS: "read the facts of runs" =
        "SELECT r.run_id, r.task_id, r.state, r.updated_at, t.project_id, t.assigned_agent, t.kind, t.state
         FROM runs r JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE r.tenant_id = $1 AND r.updated_at >= $2 ORDER BY r.number DESC LIMIT $3";
    RUN_DOCUMENT: "read the document of a run" =
        "SELECT document FROM runs WHERE tenant_id = $1 AND run_id = $2";
    PULL_REQUESTS: "read the facts of pull requests" =
        "SELECT p.pr_id, p.run_id, p.state, p.created_at, p.updated_at
         FROM pull_requests p JOIN runs r ON r.tenant_id = p.tenant_id AND r.run_id = p.run_id
         WHERE p.tenant_id = $1 AND (p.updated_at >= $2 OR r.updated_at >= $2) ORDER BY p.number DESC LIMIT $3";
    PULL_REQUEST_DOCUMENT: "read the document of a pull request" =
        "SELECT doc FROM pull_requests WHERE tenant_id = $1 AND pr_id = $2";
    SCORES: "read the scores of written files" =
        "SELECT run_id, MAX(created_at), CAST(SUM(quality_score) AS BIGINT), COUNT(*)
         FROM code_artifacts WHERE tenant_id = $1 AND created_at >= $2 AND quality_score IS NOT NULL
         GROUP BY run_id ORDER BY run_id DESC LIMIT $3";
    AGENTS: "read the facts of agents" =
        "SELECT agent_id, state FROM agents WHERE tenant_id = $1 AND state <> 'retired' ORDER BY number LIMIT $2";
    SAMPLES: "add measurements up" =
        "SELECT COUNT(*), CAST(SUM(value) AS BIGINT), MAX(at)
         FROM samples WHERE tenant_id = $1 AND metric = $2 AND at > $3 AND at <= $4";
    LAST_SAMPLE: "read the last measurement" =
        "SELECT value FROM samples WHERE tenant_id = $1 AND metric = $2 AND at > $3 AND at <= $4
         ORDER BY at DESC LIMIT 1";
    SPENT: "read what runs have spent" =
        "SELECT r.run_id, r.task_id, t.project_id, r.state, r.created_at, r.updated_at, b.calls, b.unpriced_calls, b.spent_nano_usd,
                b.input_tokens, b.cached_tokens, b.output_tokens
         FROM runs r JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         JOIN budgets b ON b.tenant_id = r.tenant_id AND b.run_id = r.run_id
         WHERE r.tenant_id = $1 AND r.updated_at >= $2 AND b.calls > 0 ORDER BY r.number DESC LIMIT $3";
    BILLED: "read the bills of a run" =
        "SELECT seq, branch, at, data_key, body FROM journal
         WHERE tenant_id = $1 AND run_id = $2 AND seq > $3
           AND kind IN ('created', 'begun', 'fell_back', 'model_answered', 'model_failed', 'agent_ended', 'compacted', 'spent')
         ORDER BY seq LIMIT $4";
    TASKS_FOR_PEOPLE: "find the tasks that wait for people" =
        "SELECT task_id FROM tasks
         WHERE tenant_id = $1 AND (state = 'input_required'
            OR (state = 'failed' AND wanted_at IS NULL AND updated_at >= $2)
            OR (state = 'paused' AND project_id IS NOT NULL)
            OR (state = 'submitted' AND assigned_agent IS NULL AND project_id IS NOT NULL))
         ORDER BY number DESC LIMIT $3";
    REVIEWS_FOR_PEOPLE: "find the pull requests that wait for people" =
        "SELECT p.pr_id, p.run_id, t.task_id, t.project_id, p.title, p.updated_at
         FROM pull_requests p JOIN runs r ON r.tenant_id = p.tenant_id AND r.run_id = p.run_id
         JOIN tasks t ON t.tenant_id = r.tenant_id AND t.task_id = r.task_id
         WHERE p.tenant_id = $1 AND p.state = 'open' AND t.state IN ('completed', 'failed', 'canceled')
         ORDER BY p.number DESC LIMIT $2";
    COUNT_RUNS: "count runs by state" =
        "SELECT state, COUNT(*) FROM runs WHERE tenant_id = $1 GROUP BY state";
    COUNT_AGENTS: "count agents by state" =
        "SELECT state, COUNT(*) FROM agents WHERE tenant_id = $1 GROUP BY state";
    COUNT_WANTED: "count the tasks that wait for an engine" =
        "SELECT COUNT(*), MIN(wanted_at) FROM tasks WHERE tenant_id = $1 AND wanted_at IS NOT NULL";
}

//! Tasks.

super::statements! {
    INSERT: "create a task" =
        "INSERT INTO tasks (tenant_id, task_id, number, text, kind, state, priority, created_at, updated_at, doc)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM tasks WHERE tenant_id = $1),
                 $3, $4, $5, $6, $7, $8, $9)";
    SAVE: "save a task" =
        "UPDATE tasks SET kind = $3, state = $4, priority = $5, updated_at = $6, doc = $7
         WHERE tenant_id = $1 AND task_id = $2";
    FIND: "find a task" =
        "SELECT task_id, text, kind, state, priority, created_at, updated_at, doc
         FROM tasks WHERE tenant_id = $1 AND task_id = $2";
    LIST: "list tasks" =
        "SELECT task_id, text, kind, state, priority, created_at, updated_at, doc
         FROM tasks WHERE tenant_id = $1 ORDER BY number DESC LIMIT $2";
}

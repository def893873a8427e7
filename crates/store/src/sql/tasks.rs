//! Tasks, and what each of them waits for.

super::statements! {
    INSERT: "create a task" =
        "INSERT INTO tasks (tenant_id, task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                            title, project_id, assigned_agent, due_at, wanted_at, version)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM tasks WHERE tenant_id = $1),
                 $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)";
    SAVE: "save a task" =
        "UPDATE tasks SET kind = $3, state = $4, priority = $5, updated_at = $6, doc = $7, title = $8,
                          project_id = $9, assigned_agent = $10, due_at = $11, wanted_at = $12,
                          version = version + 1
         WHERE tenant_id = $1 AND task_id = $2";
    FIND: "find a task" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND task_id = $2";
    LIST: "list tasks" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    LIST_UPWARDS: "list tasks, oldest first" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3";
    LIST_OF_PROJECT: "list the tasks of a project" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND project_id = $4 AND number < $2 ORDER BY number DESC LIMIT $3";
    LIST_OF_PROJECT_UPWARDS: "list the tasks of a project, oldest first" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND project_id = $4 AND number > $2 ORDER BY number LIMIT $3";
    WANTED: "find the tasks that an engine should work on" =
        "SELECT task_id, number, text, kind, state, priority, created_at, updated_at, doc,
                title, project_id, assigned_agent, due_at, wanted_at, version
         FROM tasks WHERE tenant_id = $1 AND wanted_at IS NOT NULL ORDER BY priority DESC, number LIMIT $2";
    DEPEND: "let a task wait for another" =
        "INSERT INTO task_dependencies (tenant_id, task_id, depends_on) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, task_id, depends_on) DO NOTHING";
    FORGET_DEPENDENCIES: "let a task wait for nothing" =
        "DELETE FROM task_dependencies WHERE tenant_id = $1 AND task_id = $2";
    DEPENDENCIES: "list what a task waits for" =
        "SELECT d.depends_on, t.state FROM task_dependencies d
         JOIN tasks t ON t.tenant_id = d.tenant_id AND t.task_id = d.depends_on
         WHERE d.tenant_id = $1 AND d.task_id = $2 ORDER BY d.depends_on";
    RUNS: "list the runs of a task" =
        "SELECT run_id FROM runs WHERE tenant_id = $1 AND task_id = $2 ORDER BY number DESC LIMIT $3";
    COUNT_BY_STATE: "count the tasks of a project by state" =
        "SELECT state, COUNT(*) FROM tasks WHERE tenant_id = $1 AND project_id = $2 GROUP BY state";
}

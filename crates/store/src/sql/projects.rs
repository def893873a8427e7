//! Projects.

super::statements! {
    INSERT: "create a project" =
        "INSERT INTO projects (tenant_id, project_id, number, name, repository_url, state, created_at, updated_at,
                               version, doc)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM projects WHERE tenant_id = $1),
                 $3, $4, $5, $6, $6, 1, $7)";
    SAVE: "save a project" =
        "UPDATE projects SET name = $3, repository_url = $4, state = $5, updated_at = $6, doc = $7,
                             version = version + 1
         WHERE tenant_id = $1 AND project_id = $2";
    FIND: "find a project" =
        "SELECT project_id, number, name, repository_url, state, created_at, updated_at, version, doc
         FROM projects WHERE tenant_id = $1 AND project_id = $2";
    LIST: "list projects" =
        "SELECT project_id, number, name, repository_url, state, created_at, updated_at, version, doc
         FROM projects WHERE tenant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    LIST_UPWARDS: "list projects, oldest first" =
        "SELECT project_id, number, name, repository_url, state, created_at, updated_at, version, doc
         FROM projects WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3";
    COUNT: "count projects" =
        "SELECT COUNT(*) FROM projects WHERE tenant_id = $1";
}

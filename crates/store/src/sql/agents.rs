//! The registry of agents.

super::statements! {
    INSERT: "register an agent" =
        "INSERT INTO agents (tenant_id, agent_id, number, name, kind, specialization, state, last_active,
                             created_at, updated_at, version, doc)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM agents WHERE tenant_id = $1),
                 $3, $4, $5, $6, $7, $8, $8, 1, $9)";
    SAVE: "save an agent" =
        "UPDATE agents SET name = $3, kind = $4, specialization = $5, state = $6, last_active = $7, updated_at = $8,
                           doc = $9, version = version + 1
         WHERE tenant_id = $1 AND agent_id = $2";
    BEAT: "note that an agent lives" =
        "UPDATE agents SET state = $3, last_active = $4 WHERE tenant_id = $1 AND agent_id = $2";
    FIND: "find an agent" =
        "SELECT agent_id, number, name, kind, specialization, state, last_active, created_at, updated_at, version, doc
         FROM agents WHERE tenant_id = $1 AND agent_id = $2";
    BY_NAME: "find an agent by its name" =
        "SELECT agent_id, number, name, kind, specialization, state, last_active, created_at, updated_at, version, doc
         FROM agents WHERE tenant_id = $1 AND name = $2";
    LIST: "list agents" =
        "SELECT agent_id, number, name, kind, specialization, state, last_active, created_at, updated_at, version, doc
         FROM agents WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3";
}

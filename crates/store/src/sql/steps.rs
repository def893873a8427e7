//! Steps of a plan and attempts at them.

super::statements! {
    SAVE: "save a step" =
        "INSERT INTO steps (tenant_id, run_id, step_id, ordinal, name, state, created_at, updated_at, doc)
         SELECT $1, $2, $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)
         ON CONFLICT (tenant_id, run_id, step_id) DO UPDATE
         SET ordinal = excluded.ordinal, name = excluded.name, state = excluded.state,
             updated_at = excluded.updated_at, doc = excluded.doc";
    LIST: "list the steps of a run" =
        "SELECT step_id, ordinal, name, state, created_at, updated_at, doc
         FROM steps WHERE tenant_id = $1 AND run_id = $2 ORDER BY ordinal, step_id LIMIT $3";
    SAVE_ATTEMPT: "save an attempt" =
        "INSERT INTO attempts (tenant_id, run_id, attempt_id, step_id, number, state, created_at, updated_at, doc)
         SELECT $1, $2, $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)
         ON CONFLICT (tenant_id, run_id, attempt_id) DO UPDATE
         SET state = excluded.state, updated_at = excluded.updated_at, doc = excluded.doc";
    LIST_ATTEMPTS: "list the attempts of a run" =
        "SELECT attempt_id, step_id, number, state, created_at, updated_at, doc
         FROM attempts WHERE tenant_id = $1 AND run_id = $2 ORDER BY number LIMIT $3";
}

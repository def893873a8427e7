//! What the engine was asked to do beside runs, and answers that are given again.

super::statements! {
    INSERT: "ask for an operation" =
        "INSERT INTO operations (tenant_id, operation_id, number, kind, subject, state, asked_by, request, result,
                                 created_at, updated_at)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM operations WHERE tenant_id = $1),
                 $3, $4, $5, $6, $7, $8, $9, $9)";
    SAVE: "save an operation" =
        "UPDATE operations SET state = $3, result = $4, updated_at = $5
         WHERE tenant_id = $1 AND operation_id = $2";
    TAKE: "take an operation" =
        "UPDATE operations SET state = 'running', updated_at = $3
         WHERE tenant_id = $1 AND operation_id = $2 AND state = 'queued'";
    FIND: "find an operation" =
        "SELECT operation_id, kind, subject, state, asked_by, request, result, created_at, updated_at
         FROM operations WHERE tenant_id = $1 AND operation_id = $2";
    OPEN: "list open operations" =
        "SELECT operation_id, kind, subject, state, asked_by, request, result, created_at, updated_at
         FROM operations WHERE tenant_id = $1 AND state IN ('queued', 'running') ORDER BY number LIMIT $2";
    REMEMBER: "remember an answer" =
        "INSERT INTO idempotency_keys (tenant_id, principal, key, request_hash, status, answer, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, principal, key) DO NOTHING";
    REMEMBERED: "find an answer that was given before" =
        "SELECT request_hash, status, answer, created_at
         FROM idempotency_keys WHERE tenant_id = $1 AND principal = $2 AND key = $3";
    FORGET: "forget old answers" =
        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND created_at < $2";
    FORGET_ONE: "forget an old answer" =
        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND principal = $2 AND key = $3";
}

//! The audit. There is no statement that changes or deletes an entry or a checkpoint, and triggers refuse one.
//!
//! An entry comes in only behind the head that its hash was made from, and the head follows in the same transaction.
//! `COALESCE($n, column)` is a condition that a null switches off.

super::statements! {
    APPEND: "append to the audit" =
        "INSERT INTO audit_entries (tenant_id, seq, at, actor_kind, actor_id, action, subject_kind, subject_id,
                                    outcome, prev_hash, hash, payload)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
         WHERE EXISTS (SELECT 1 FROM audit_head WHERE tenant_id = $1 AND seq = $13 AND hash = $10)";
    APPEND_FIRST: "begin the audit" =
        "INSERT INTO audit_entries (tenant_id, seq, at, actor_kind, actor_id, action, subject_kind, subject_id,
                                    outcome, prev_hash, hash, payload)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
         WHERE NOT EXISTS (SELECT 1 FROM audit_head WHERE tenant_id = $1)";
    ADD_HEAD: "begin the head of the audit" =
        "INSERT INTO audit_head (tenant_id, seq, hash, frontier) VALUES ($1, $2, $3, $4)";
    MOVE_HEAD: "move the head of the audit" =
        "UPDATE audit_head SET seq = $2, hash = $3, frontier = $4 WHERE tenant_id = $1 AND seq = $5 AND hash = $6";
    HEAD: "find the head of the audit" =
        "SELECT seq, hash, frontier FROM audit_head WHERE tenant_id = $1";
    ROWS: "read the audit" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries WHERE tenant_id = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4";
    OLDEST: "search the audit" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries
         WHERE tenant_id = $1 AND seq > $2
           AND actor_id = COALESCE($4, actor_id) AND action = COALESCE($5, action)
           AND subject_kind = COALESCE($6, subject_kind) AND subject_id = COALESCE($7, subject_id)
           AND outcome = COALESCE($8, outcome) AND at >= $9 AND at < $10
         ORDER BY seq LIMIT $3";
    NEWEST: "search the audit" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries
         WHERE tenant_id = $1 AND seq < $2
           AND actor_id = COALESCE($4, actor_id) AND action = COALESCE($5, action)
           AND subject_kind = COALESCE($6, subject_kind) AND subject_id = COALESCE($7, subject_id)
           AND outcome = COALESCE($8, outcome) AND at >= $9 AND at < $10
         ORDER BY seq DESC LIMIT $3";
    NEWEST_OF_ACTOR: "search the audit for an actor" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries
         WHERE tenant_id = $1 AND seq < $2
           AND actor_id = $4 AND action = COALESCE($5, action)
           AND subject_kind = COALESCE($6, subject_kind) AND subject_id = COALESCE($7, subject_id)
           AND outcome = COALESCE($8, outcome) AND at >= $9 AND at < $10
         ORDER BY seq DESC LIMIT $3";
    NEWEST_OF_SUBJECT: "search the audit for a subject" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries
         WHERE tenant_id = $1 AND seq < $2
           AND actor_id = COALESCE($4, actor_id) AND action = COALESCE($5, action)
           AND subject_kind = COALESCE($6, subject_kind) AND subject_id = $7
           AND outcome = COALESCE($8, outcome) AND at >= $9 AND at < $10
         ORDER BY seq DESC LIMIT $3";
    NEWEST_OF_ACTION: "search the audit for an action" =
        "SELECT seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload
         FROM audit_entries
         WHERE tenant_id = $1 AND seq < $2
           AND actor_id = COALESCE($4, actor_id) AND action = $5
           AND subject_kind = COALESCE($6, subject_kind) AND subject_id = COALESCE($7, subject_id)
           AND outcome = COALESCE($8, outcome) AND at >= $9 AND at < $10
         ORDER BY seq DESC LIMIT $3";
    RECEIPTS: "read receipts for the audit" =
        "SELECT number, receipt_id, at, principal, action, resource, decision, doc
         FROM receipts WHERE tenant_id = $1 AND number >= $2 ORDER BY number LIMIT $3";
    ADD_CHECKPOINT: "keep a checkpoint of the audit" =
        "INSERT INTO audit_checkpoints (tenant_id, size, note) VALUES ($1, $2, $3)";
    CHECKPOINTS: "read the checkpoints of the audit" =
        "SELECT size, note FROM audit_checkpoints WHERE tenant_id = $1 AND size >= $2 ORDER BY size LIMIT $3";
    LATEST_CHECKPOINT: "find the latest checkpoint of the audit" =
        "SELECT size, note FROM audit_checkpoints WHERE tenant_id = $1 ORDER BY size DESC LIMIT 1";
}

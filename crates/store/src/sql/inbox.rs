//! Messages of people to a run.

super::statements! {
    POST: "post a message to a run" =
        "INSERT INTO inbox (tenant_id, run_id, seq, message_key, kind, author, body, created_at)
         VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM inbox WHERE tenant_id = $1 AND run_id = $2),
                 $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, run_id, message_key) DO NOTHING
         RETURNING seq";
    BY_KEY: "find a message by its key" =
        "SELECT seq FROM inbox WHERE tenant_id = $1 AND run_id = $2 AND message_key = $3";
    PENDING: "read the pending messages of a run" =
        "SELECT seq, message_key, kind, author, body, created_at, taken_at
         FROM inbox WHERE tenant_id = $1 AND run_id = $2 AND taken_at IS NULL ORDER BY seq LIMIT $3";
    ALL_OF_RUN: "read the messages of a run" =
        "SELECT seq, message_key, kind, author, body, created_at, taken_at
         FROM inbox WHERE tenant_id = $1 AND run_id = $2 AND seq >= $3 ORDER BY seq LIMIT $4";
    ANY_PENDING: "look for a message to a run" =
        "SELECT seq FROM inbox WHERE tenant_id = $1 AND run_id = $2 AND taken_at IS NULL ORDER BY seq LIMIT 1";
    TAKE: "take a message to a run" =
        "UPDATE inbox SET taken_at = $5
         WHERE tenant_id = $1 AND run_id = $2 AND seq = $4 AND taken_at IS NULL
           AND EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)";
    TAKEN: "look whether a message was taken" =
        "SELECT i.taken_at,
                EXISTS (SELECT 1 FROM leases
                        WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)
         FROM inbox i WHERE i.tenant_id = $1 AND i.run_id = $2 AND i.seq = $4";
}

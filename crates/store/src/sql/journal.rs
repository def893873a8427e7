//! The journal. There is no statement that changes or deletes an entry, and triggers refuse one.

super::statements! {
    APPEND: "append to the journal" =
        "INSERT INTO journal (tenant_id, run_id, seq, branch, at, kind, taint, data_key, body, raw)
         SELECT $1, $2,
                (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal WHERE tenant_id = $1 AND run_id = $2),
                $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)
         RETURNING seq";
    ENTRIES: "read the journal" =
        "SELECT seq, branch, at, kind, taint, data_key, body, raw IS NOT NULL
         FROM journal WHERE tenant_id = $1 AND run_id = $2 AND seq >= $3 ORDER BY seq LIMIT $4";
    RAW: "read the raw bytes of a journal entry" =
        "SELECT raw FROM journal WHERE tenant_id = $1 AND run_id = $2 AND seq = $3";
    HEAD: "find the end of the journal" =
        "SELECT COALESCE(MAX(seq), 0) FROM journal WHERE tenant_id = $1 AND run_id = $2";
}

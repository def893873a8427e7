//! Policies of an organization, what they decided, and what was read.

super::statements! {
    INSERT: "create a policy" =
        "INSERT INTO policies (tenant_id, policy_id, name, text, enabled, created_at, updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 1)";
    SAVE: "save a policy" =
        "UPDATE policies SET name = $3, text = $4, enabled = $5, updated_at = $6, version = version + 1
         WHERE tenant_id = $1 AND policy_id = $2";
    REMOVE: "remove a policy" =
        "DELETE FROM policies WHERE tenant_id = $1 AND policy_id = $2";
    FIND: "find a policy" =
        "SELECT policy_id, name, text, enabled, created_at, updated_at, version
         FROM policies WHERE tenant_id = $1 AND policy_id = $2";
    LIST: "list the policies" =
        "SELECT policy_id, name, text, enabled, created_at, updated_at, version
         FROM policies WHERE tenant_id = $1 ORDER BY policy_id LIMIT $2";
    ADD_RECEIPT: "keep a receipt" =
        "INSERT INTO receipts (tenant_id, number, receipt_id, at, principal, action, resource, decision, doc)
         VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM receipts WHERE tenant_id = $1),
                 $2, $3, $4, $5, $6, $7, $8)";
    RECEIPTS: "list receipts" =
        "SELECT number, receipt_id, at, principal, action, resource, decision, doc
         FROM receipts WHERE tenant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    RECEIPT: "find a receipt" =
        "SELECT number, receipt_id, at, principal, action, resource, decision, doc
         FROM receipts WHERE tenant_id = $1 AND receipt_id = $2";
    COUNT_READS: "count reads" =
        "INSERT INTO read_counts (tenant_id, day, principal, action, reads) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, day, principal, action) DO UPDATE SET reads = read_counts.reads + excluded.reads";
    READS: "list how often things were read" =
        "SELECT day, principal, action, reads FROM read_counts
         WHERE tenant_id = $1 AND day >= $2 ORDER BY day DESC, principal, action LIMIT $3";
}

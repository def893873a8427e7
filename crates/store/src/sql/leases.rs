//! Leases of runs.

super::statements! {
    ACQUIRE: "take the lease of a run" =
        "INSERT INTO leases (tenant_id, run_id, fence, owner, renewed_at, valid_until)
         VALUES ($1, $2, 1, $3, $4, $5)
         ON CONFLICT (tenant_id, run_id) DO UPDATE
         SET fence = leases.fence + 1, owner = excluded.owner,
             renewed_at = excluded.renewed_at, valid_until = excluded.valid_until
         WHERE leases.owner IS NULL OR leases.valid_until <= $4 OR leases.fence = $6
         RETURNING fence";
    RENEW: "renew the lease of a run" =
        "UPDATE leases SET renewed_at = $4, valid_until = $5
         WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL";
    RELEASE: "release the lease of a run" =
        "UPDATE leases SET owner = NULL
         WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL";
    FIND: "find the lease of a run" =
        "SELECT fence, owner, renewed_at, valid_until FROM leases WHERE tenant_id = $1 AND run_id = $2";
}

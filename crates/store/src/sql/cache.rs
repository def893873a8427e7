//! What may be forgotten: baselines, probes.

super::statements! {
    PUT: "put into the cache" =
        "INSERT INTO cache (tenant_id, key, value, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value, created_at = excluded.created_at";
    GET: "look into the cache" =
        "SELECT value, created_at FROM cache WHERE tenant_id = $1 AND key = $2";
    REMOVE: "remove from the cache" =
        "DELETE FROM cache WHERE tenant_id = $1 AND key = $2";
    TRIM: "trim the cache" =
        "DELETE FROM cache WHERE tenant_id = $1 AND key NOT IN
           (SELECT key FROM cache WHERE tenant_id = $1 ORDER BY created_at DESC, key LIMIT $2)";
}

//! What a run may spend, and what it has spent.

super::statements! {
    OPEN: "set the budget of a run" =
        "INSERT INTO budgets (tenant_id, run_id, limit_nano_usd, spent_nano_usd, reserved_nano_usd, calls,
                              unpriced_calls, input_tokens, cached_tokens, cache_write_tokens, output_tokens)
         VALUES ($1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0)
         ON CONFLICT (tenant_id, run_id) DO UPDATE SET limit_nano_usd = excluded.limit_nano_usd";
    FIND: "read the budget of a run" =
        "SELECT limit_nano_usd, spent_nano_usd, reserved_nano_usd, calls, unpriced_calls,
                input_tokens, cached_tokens, cache_write_tokens, output_tokens
         FROM budgets WHERE tenant_id = $1 AND run_id = $2";
    RESERVE: "reserve a part of the budget" =
        "UPDATE budgets SET reserved_nano_usd = reserved_nano_usd + $4
         WHERE tenant_id = $1 AND run_id = $2
           AND (limit_nano_usd IS NULL OR spent_nano_usd + reserved_nano_usd + $4 <= limit_nano_usd)
           AND EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)";
    SPEND: "spend from the budget" =
        "UPDATE budgets
         SET spent_nano_usd = spent_nano_usd + $4,
             reserved_nano_usd = CASE WHEN reserved_nano_usd < $5 THEN 0 ELSE reserved_nano_usd - $5 END,
             calls = calls + 1,
             unpriced_calls = unpriced_calls + $6,
             input_tokens = input_tokens + $7,
             cached_tokens = cached_tokens + $8,
             cache_write_tokens = cache_write_tokens + $9,
             output_tokens = output_tokens + $10
         WHERE tenant_id = $1 AND run_id = $2
           AND EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)";
    FORFEIT: "count what is reserved as spent" =
        "UPDATE budgets SET spent_nano_usd = spent_nano_usd + reserved_nano_usd, reserved_nano_usd = 0
         WHERE tenant_id = $1 AND run_id = $2
           AND EXISTS (SELECT 1 FROM leases
                       WHERE tenant_id = $1 AND run_id = $2 AND fence = $3 AND owner IS NOT NULL)";
}

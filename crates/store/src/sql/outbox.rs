//! Events that wait to be sent.

super::statements! {
    APPEND: "append an event" =
        "INSERT INTO outbox (tenant_id, position, event_id, type, subject, data, created_at)
         VALUES ($1, (SELECT COALESCE(MAX(position), 0) + 1 FROM outbox WHERE tenant_id = $1), $2, $3, $4, $5, $6)";
    UNSENT: "read unsent events" =
        "SELECT position, event_id, type, subject, data, created_at
         FROM outbox WHERE tenant_id = $1 AND sent_at IS NULL ORDER BY position LIMIT $2";
    AFTER: "read events" =
        "SELECT position, event_id, type, subject, data, created_at
         FROM outbox WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3";
    POSITION: "find the place of an event" =
        "SELECT position FROM outbox WHERE tenant_id = $1 AND event_id = $2";
    END: "find the end of the outbox" =
        "SELECT COALESCE(MAX(position), 0) FROM outbox WHERE tenant_id = $1";
    MARK_SENT: "mark an event as sent" =
        "UPDATE outbox SET sent_at = $3 WHERE tenant_id = $1 AND position = $2 AND sent_at IS NULL";
    FORGET_SENT: "forget sent events" =
        "DELETE FROM outbox WHERE tenant_id = $1 AND sent_at IS NOT NULL AND sent_at < $2
           AND position < (SELECT MAX(position) FROM outbox WHERE tenant_id = $1)";
    FORGET_OLD: "forget old events" =
        "DELETE FROM outbox WHERE tenant_id = $1 AND created_at < $2
           AND position < (SELECT MAX(position) FROM outbox WHERE tenant_id = $1)";
}

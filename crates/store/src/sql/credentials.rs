//! What secrets stand for; only their digests are kept.

super::statements! {
    INSERT: "issue a credential" =
        "INSERT INTO credentials (tenant_id, digest, credential_id, kind, name, user_id, role, project_id,
                                  created_at, expires_at, last_used_at, ended_at, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, NULL, $11)";
    FIND: "find a credential" =
        "SELECT digest, credential_id, kind, name, user_id, role, project_id, created_at, expires_at, last_used_at,
                ended_at, doc
         FROM credentials WHERE tenant_id = $1 AND digest = $2";
    BY_ID: "find a credential by its id" =
        "SELECT digest, credential_id, kind, name, user_id, role, project_id, created_at, expires_at, last_used_at,
                ended_at, doc
         FROM credentials WHERE tenant_id = $1 AND credential_id = $2";
    OF_KIND: "list credentials" =
        "SELECT digest, credential_id, kind, name, user_id, role, project_id, created_at, expires_at, last_used_at,
                ended_at, doc
         FROM credentials WHERE tenant_id = $1 AND kind = $2 AND ended_at IS NULL ORDER BY credential_id DESC LIMIT $3";
    OF_USER: "list the credentials of a person" =
        "SELECT digest, credential_id, kind, name, user_id, role, project_id, created_at, expires_at, last_used_at,
                ended_at, doc
         FROM credentials WHERE tenant_id = $1 AND user_id = $2 AND kind = $3 AND ended_at IS NULL
         ORDER BY credential_id DESC LIMIT $4";
    USED: "note the use of a credential" =
        "UPDATE credentials SET last_used_at = $3 WHERE tenant_id = $1 AND digest = $2 AND ended_at IS NULL";
    END: "end a credential" =
        "UPDATE credentials SET ended_at = $3 WHERE tenant_id = $1 AND credential_id = $2 AND ended_at IS NULL";
    END_OF_USER: "end the credentials of a person" =
        "UPDATE credentials SET ended_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL";
    FORGET: "forget dead credentials" =
        "DELETE FROM credentials WHERE tenant_id = $1 AND (ended_at < $2 OR expires_at < $2)";
}

//! Objects (contents) and artifacts (what they are to a run).

super::statements! {
    OBJECT_SIZE: "find an object" =
        "SELECT size FROM objects WHERE tenant_id = $1 AND hash = $2";
    INSERT_OBJECT: "record an object" =
        "INSERT INTO objects (tenant_id, hash, size, created_at) VALUES ($1, $2, $3, $4)";
    STORED_BYTES: "count the bytes of all objects" =
        "SELECT object_bytes FROM storage WHERE tenant_id = $1";
    ADD_BYTES: "count the bytes of an object" =
        "INSERT INTO storage (tenant_id, object_bytes) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET object_bytes = storage.object_bytes + excluded.object_bytes";
    INSERT: "record an artifact" =
        "INSERT INTO artifacts (tenant_id, artifact_id, run_id, kind, name, hash, size, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND: "find an artifact" =
        "SELECT artifact_id, run_id, kind, name, hash, size, created_at
         FROM artifacts WHERE tenant_id = $1 AND artifact_id = $2";
    OF_RUN: "list the artifacts of a run" =
        "SELECT artifact_id, run_id, kind, name, hash, size, created_at
         FROM artifacts WHERE tenant_id = $1 AND run_id = $2 ORDER BY created_at, artifact_id LIMIT $3";
    ALL_OBJECTS: "list all objects" =
        "SELECT hash, size FROM objects WHERE tenant_id = $1 AND hash > $2 ORDER BY hash LIMIT $3";
}

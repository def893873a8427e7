//! Organizations, and the list of them that the installation keeps.

super::statements! {
    INSERT: "create an organization" =
        "INSERT INTO organizations (tenant_id, name, created_at, updated_at, version, doc)
         VALUES ($1, $2, $3, $3, 1, $4)";
    SAVE: "save an organization" =
        "UPDATE organizations SET name = $2, updated_at = $3, doc = $4, version = version + 1 WHERE tenant_id = $1";
    FIND: "find an organization" =
        "SELECT name, created_at, updated_at, version, doc FROM organizations WHERE tenant_id = $1";
    ENTER: "list an organization" =
        "INSERT INTO directory (tenant_id, organization_id, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, organization_id) DO NOTHING";
    DIRECTORY: "list all organizations" =
        "SELECT organization_id FROM directory WHERE tenant_id = $1 ORDER BY created_at, organization_id";
    SAMPLE: "record a measurement" =
        "INSERT INTO samples (tenant_id, metric, at, value) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, metric, at) DO UPDATE SET value = excluded.value";
    SAMPLES: "read measurements" =
        "SELECT at, value FROM samples WHERE tenant_id = $1 AND metric = $2 AND at >= $3 AND at < $4 ORDER BY at";
    FORGET_SAMPLES: "forget old measurements" =
        "DELETE FROM samples WHERE tenant_id = $1 AND at < $2";
}

//! Accounts of people, and the members of organizations.

super::statements! {
    INSERT: "create an account" =
        "INSERT INTO users (tenant_id, user_id, email, name, password_hash, created_at, updated_at, version, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 1, $7)";
    SAVE: "save an account" =
        "UPDATE users SET name = $3, password_hash = $4, updated_at = $5, doc = $6, version = version + 1
         WHERE tenant_id = $1 AND user_id = $2";
    FIND: "find an account" =
        "SELECT user_id, email, name, password_hash, created_at, updated_at, version, doc
         FROM users WHERE tenant_id = $1 AND user_id = $2";
    BY_EMAIL: "find an account by its address" =
        "SELECT user_id, email, name, password_hash, created_at, updated_at, version, doc
         FROM users WHERE tenant_id = $1 AND email = $2";
    ANY: "look for an account" =
        "SELECT user_id FROM users WHERE tenant_id = $1 LIMIT 1";
    LINK: "link an account to an identity" =
        "INSERT INTO identities (tenant_id, issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, issuer, subject) DO NOTHING";
    BY_IDENTITY: "find an account by an identity" =
        "SELECT user_id FROM identities WHERE tenant_id = $1 AND issuer = $2 AND subject = $3";
    AFFILIATE: "note the organization of a person" =
        "INSERT INTO affiliations (tenant_id, user_id, organization_id) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id, organization_id) DO NOTHING";
    LEAVE: "forget the organization of a person" =
        "DELETE FROM affiliations WHERE tenant_id = $1 AND user_id = $2 AND organization_id = $3";
    AFFILIATIONS: "list the organizations of a person" =
        "SELECT organization_id FROM affiliations WHERE tenant_id = $1 AND user_id = $2 ORDER BY organization_id";
    ADD_MEMBER: "add a member" =
        "INSERT INTO members (tenant_id, user_id, email, name, role, created_at, updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 1)";
    SAVE_MEMBER: "save a member" =
        "UPDATE members SET name = $3, role = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND user_id = $2";
    REMOVE_MEMBER: "remove a member" =
        "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2";
    MEMBER: "find a member" =
        "SELECT user_id, email, name, role, created_at, updated_at, version
         FROM members WHERE tenant_id = $1 AND user_id = $2";
    MEMBERS: "list the members" =
        "SELECT user_id, email, name, role, created_at, updated_at, version
         FROM members WHERE tenant_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
}

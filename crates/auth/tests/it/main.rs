//! The crate as its callers see it.

mod certified;
mod forge;
mod grid;
mod jwt;
mod oidc;
mod policy;
mod receipt;
mod schema;

use auth::policy::{Request, Resource};
use auth::{Action, Principal, Role};
use domain::{TenantId, Timestamp};

/// 2025-11-24T10:00:00Z, a Monday.
pub const NOW: Timestamp = Timestamp::from_micros(1_763_978_400_000_000);

/// A person.
pub fn user() -> Principal {
    Principal::User { id: "user_1".into(), name: "Ada".into(), email: "ada@example.org".into() }
}

/// An agent.
pub fn machine() -> Principal {
    Principal::Service { id: "token_1".into(), name: "builder".into(), kind: "agent".into() }
}

/// A plain question of a person with this role.
pub fn request(role: Role, action: Action, resource: Resource) -> Request {
    Request {
        tenant: TenantId::LOCAL,
        principal: if role.is_for_machines() { machine() } else { user() },
        role,
        project_scope: None,
        mfa: false,
        action,
        resource,
        at: NOW,
    }
}

//! Who calls: made once where a request comes in, and carried through every use case.

use domain::TenantId;
use serde::{Deserialize, Serialize};

use crate::role::Role;

/// A person or a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Principal {
    /// A person, by a session or by a token that belongs to them.
    User {
        /// Id of the user.
        id: String,
        /// Name as shown.
        name: String,
        /// E-mail address.
        email: String,
    },
    /// A machine: an agent, a pipeline, a service of a configured issuer.
    Service {
        /// Id of the token, the agent, or issuer and subject.
        id: String,
        /// Name as shown.
        name: String,
        /// What it is: `agent`, `ci`, `service`.
        kind: String,
    },
}

impl Principal {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::User { id, .. } | Self::Service { id, .. } => id,
        }
    }

    /// Its name as shown.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. } | Self::Service { name, .. } => name,
        }
    }

    /// Whether it is no person.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        matches!(self, Self::Service { .. })
    }
}

/// Who calls, for which organization, with what role. It holds ids of a session or token, never their secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organization; all reads and writes of the request are in it.
    pub tenant: TenantId,
    /// Who.
    pub principal: Principal,
    /// The role in that organization. A token's role is never above its owner's: the caller of this crate sees to it.
    pub role: Role,
    /// The one project that the token may touch; `None` when it is not so limited.
    pub project_scope: Option<String>,
    /// Whether the session began with a second factor.
    pub mfa: bool,
    /// Id of the session.
    pub session: Option<String>,
    /// Id of the token.
    pub token: Option<String>,
}

impl Caller {
    /// The organization.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who, as an id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.principal.id()
    }

    /// The person's id; `None` for a machine.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match &self.principal {
            Principal::User { id, .. } => Some(id),
            Principal::Service { .. } => None,
        }
    }
}

//! What is asked: who, what, on which thing, when.

use domain::{NanoUsd, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::caller::{Caller, Principal};
use crate::role::Role;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word in policies and on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// A kind of thing; its word is the entity type in policies.
    ResourceKind {
        /// The organization as a whole, and lists over it.
        Organization "Organization",
        /// A project, and lists within it.
        Project "Project",
        /// A task.
        Task "Task",
        /// A run.
        Run "Run",
        /// A plan.
        Plan "Plan",
        /// A pull request.
        PullRequest "PullRequest",
        /// An agent of the registry.
        Agent "Agent",
        /// A member.
        Member "Member",
        /// An invitation.
        Invitation "Invitation",
        /// An API token.
        Token "Token",
        /// An own policy.
        Policy "Policy",
        /// The audit trail.
        Audit "Audit",
        /// A decision's receipt.
        Receipt "Receipt",
        /// What a longer request came to.
        Operation "Operation",
        /// A session.
        Session "Session",
    }
}

words! {
    /// How far what is in it may be shown.
    DataClass {
        /// Everybody.
        Public "public",
        /// The organization.
        Internal "internal",
        /// Those who need it.
        Confidential "confidential",
        /// Those who are named.
        Restricted "restricted",
    }
}

words! {
    /// How much a mistake would cost.
    Risk {
        /// Little.
        Low "low",
        /// Some work.
        Medium "medium",
        /// Other people.
        High "high",
    }
}

impl ResourceKind {
    /// Kinds beside organization and project that an action applies to.
    #[must_use]
    pub fn of(action: Action) -> Option<Self> {
        match action.as_str().split('.').next().unwrap_or_default() {
            "tasks" => Some(Self::Task),
            "runs" => Some(Self::Run),
            "plans" => Some(Self::Plan),
            "pull_requests" => Some(Self::PullRequest),
            "agents" => Some(Self::Agent),
            "members" => Some(Self::Member),
            "invitations" => Some(Self::Invitation),
            "tokens" => Some(Self::Token),
            "policies" => Some(Self::Policy),
            "audit" => Some(Self::Audit),
            "receipts" => Some(Self::Receipt),
            "operations" => Some(Self::Operation),
            "sessions" => Some(Self::Session),
            _ => None,
        }
    }

    /// Whether `action` can be asked for a thing of this kind. All can be for the organization and for a project: that
    /// is how lists and creations are asked.
    #[must_use]
    pub fn takes(self, action: Action) -> bool {
        matches!(self, Self::Organization | Self::Project) || Self::of(action) == Some(self)
    }
}

/// The thing that is asked for, with what policies can see of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// What kind of thing.
    pub kind: ResourceKind,
    /// Its id; that of the organization or project for lists and for what is about to be made.
    pub id: String,
    /// The organization that it belongs to.
    pub tenant: TenantId,
    /// The project that it belongs to, if to one.
    pub project: Option<String>,
    /// Internal, unless the project says otherwise.
    pub data_class: DataClass,
    /// Low, unless an analysis says otherwise.
    pub risk: Risk,
    /// What it has cost or may cost.
    pub cost: NanoUsd,
    /// Whom it belongs to: who gave the task, whose session or token it is. `own` in policies is whether that is who asks.
    pub owner: Option<String>,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Of a member, an invitation or a token: the role that it has now.
    pub role: Option<Role>,
    /// Of a member, an invitation or a token: the role that it would get.
    pub gives: Option<Role>,
}

impl Resource {
    /// A thing with nothing special about it.
    #[must_use]
    pub fn new(kind: ResourceKind, id: impl Into<String>, tenant: TenantId) -> Self {
        Self {
            kind,
            id: id.into(),
            tenant,
            project: None,
            data_class: DataClass::Internal,
            risk: Risk::Low,
            cost: NanoUsd(0),
            owner: None,
            assignee: None,
            role: None,
            gives: None,
        }
    }

    /// The organization itself.
    #[must_use]
    pub fn organization(tenant: TenantId) -> Self {
        Self::new(ResourceKind::Organization, tenant.to_string(), tenant)
    }

    /// A project itself.
    #[must_use]
    pub fn project(id: impl Into<String>, tenant: TenantId) -> Self {
        Self::new(ResourceKind::Project, id, tenant)
    }

    /// The same thing as part of a project.
    #[must_use]
    pub fn in_project(self, project: impl Into<String>) -> Self {
        Self { project: Some(project.into()), ..self }
    }

    /// The same thing as somebody's.
    #[must_use]
    pub fn owned_by(self, owner: impl Into<String>) -> Self {
        Self { owner: Some(owner.into()), ..self }
    }
}

/// One question to the policies, with everything that the answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The organization of who asks.
    pub tenant: TenantId,
    /// Who asks.
    pub principal: Principal,
    /// Their role.
    pub role: Role,
    /// The one project that their token may touch.
    pub project_scope: Option<String>,
    /// Whether their session began with a second factor.
    pub mfa: bool,
    /// What they want to do.
    pub action: Action,
    /// On what.
    pub resource: Resource,
    /// When.
    pub at: Timestamp,
}

impl Request {
    /// The question whether `caller` may do `action` on `resource`.
    #[must_use]
    pub fn new(caller: &Caller, action: Action, resource: Resource, at: Timestamp) -> Self {
        Self {
            tenant: caller.tenant,
            principal: caller.principal.clone(),
            role: caller.role,
            project_scope: caller.project_scope.clone(),
            mfa: caller.mfa,
            action,
            resource,
            at,
        }
    }

    /// The same question at the beginning of its hour: policies see no more of the time.
    pub(super) fn within_hour(&self) -> Self {
        const HOUR_MICROS: i64 = 3_600_000_000;
        let hour = self.at.as_micros().div_euclid(HOUR_MICROS);
        Self { at: Timestamp::from_micros(hour.saturating_mul(HOUR_MICROS)), ..self.clone() }
    }

    /// Whether the thing belongs to who asks.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.resource.owner.as_deref() == Some(self.principal.id())
    }

    /// Whether a role would be given that can do more than that of who asks.
    #[must_use]
    pub fn gives_more(&self) -> bool {
        self.resource.gives.is_some_and(|role| !self.role.may_give(role))
    }
}

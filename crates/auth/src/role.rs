//! What somebody is in an organization. What a role may do stands in `policies/builtin.cedar`, not here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The role of a member or of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, owners included.
    Owner,
    /// Everything but what concerns owners.
    Admin,
    /// Projects, their agents, and pull requests up to the merge.
    Maintainer,
    /// Gives tasks, steers them, and reviews what others asked for.
    Developer,
    /// Reads and reviews.
    Reviewer,
    /// Reads.
    Viewer,
    /// Reads, audit trail, receipts and policies too.
    Auditor,
    /// A machine that works: heartbeat, reading, comments.
    Agent,
    /// A machine that gives tasks and reads what came of them.
    Ci,
}

impl Role {
    /// All roles, the most powerful first.
    pub const ALL: [Self; 9] = [
        Self::Owner,
        Self::Admin,
        Self::Maintainer,
        Self::Developer,
        Self::Reviewer,
        Self::Viewer,
        Self::Auditor,
        Self::Agent,
        Self::Ci,
    ];

    /// Its word on the wire, in the store, and in policies (`Role::"developer"`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Agent => "agent",
            Self::Ci => "ci",
        }
    }

    /// The role with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether only a machine has it.
    #[must_use]
    pub fn is_for_machines(self) -> bool {
        matches!(self, Self::Agent | Self::Ci)
    }

    /// Whether who has this role may give `other` away, to a member, an invitation or a token. Nobody gives what can do
    /// more than they can. (That they may manage members or tokens at all is another question.)
    #[must_use]
    pub fn may_give(self, other: Self) -> bool {
        use Role::{Admin, Agent, Auditor, Ci, Developer, Maintainer, Owner, Reviewer, Viewer};
        match self {
            Owner => true,
            Admin => other != Owner,
            Maintainer => matches!(other, Maintainer | Developer | Reviewer | Viewer | Agent | Ci),
            Developer => matches!(other, Developer | Reviewer | Viewer | Agent | Ci),
            Reviewer => matches!(other, Reviewer | Viewer),
            Auditor => matches!(other, Auditor | Viewer),
            Viewer => other == Viewer,
            Agent | Ci => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_survives_its_word() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).expect("a word"), role.as_str());
        }
        assert_eq!(Role::from_word("Owner"), None);
    }

    #[test]
    fn only_owners_make_owners() {
        let givers: Vec<_> = Role::ALL.into_iter().filter(|r| r.may_give(Role::Owner)).collect();
        assert_eq!(givers, [Role::Owner]);
    }
}

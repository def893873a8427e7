//! What can be asked for. Every use case names one of these, and policies name them by the same words.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($name:ident $word:literal $group:ident $doc:literal;)*) => {
        /// One thing that a caller may or may not do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Action {
            $(#[doc = $doc] #[serde(rename = $word)] $name,)*
        }

        impl Action {
            /// All actions, in the order of the grid of roles.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its word on the wire and in policies (`Action::"tasks.create"`).
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            fn group(self) -> Group {
                match self { $(Self::$name => Group::$group,)* }
            }
        }
    };
}

#[derive(PartialEq, Eq)]
enum Group {
    Read,
    PrivilegedRead,
    Write,
}

actions! {
    OrganizationRead "organization.read" Read "The organization itself.";
    OrganizationUpdate "organization.update" Write "Its name, its look, its settings.";
    ProjectsCreate "projects.create" Write "A new project.";
    ProjectsRead "projects.read" Read "A project, or the list of them.";
    ProjectsUpdate "projects.update" Write "A project's members.";
    ProjectsDelete "projects.delete" Write "Archives a project.";
    TasksCreate "tasks.create" Write "A new task, which may start at once.";
    TasksRead "tasks.read" Read "A task, or a list of them.";
    TasksUpdate "tasks.update" Write "A task's members.";
    TasksControl "tasks.control" Write "Pause, resume, cancel, retry.";
    RunsRead "runs.read" Read "A run: document, journal, outputs, gates, artifacts.";
    RunsControl "runs.control" Write "Pause, resume, cancel.";
    RunsSteer "runs.steer" Write "A message to it, or an answer.";
    RunsFork "runs.fork" Write "A new run from the middle of an old one.";
    RunsReplay "runs.replay" Write "Replays it and compares.";
    RunsExport "runs.export" Read "The run as one document.";
    PlansApprove "plans.approve" Write "Approves, rejects or edits a plan.";
    PullRequestsRead "pull_requests.read" Read "A pull request and its diff.";
    PullRequestsComment "pull_requests.comment" Write "A comment, or a request for changes.";
    PullRequestsApprove "pull_requests.approve" Write "An approval.";
    PullRequestsMerge "pull_requests.merge" Write "The merge.";
    PullRequestsClose "pull_requests.close" Write "Closes it unmerged.";
    AgentsRead "agents.read" Read "The registry of agents.";
    AgentsCreate "agents.create" Write "A new agent.";
    AgentsUpdate "agents.update" Write "An agent's members.";
    AgentsDelete "agents.delete" Write "Retires an agent.";
    AgentsHeartbeat "agents.heartbeat" Write "An agent says that it is alive.";
    MembersRead "members.read" PrivilegedRead "Who belongs to the organization.";
    MembersManage "members.manage" Write "Another role, or out.";
    InvitationsManage "invitations.manage" Write "Invites, lists and takes back.";
    TokensRead "tokens.read" PrivilegedRead "Tokens without their secrets.";
    TokensManage "tokens.manage" Write "A new token, or its end.";
    PoliciesRead "policies.read" PrivilegedRead "The organization's own policies.";
    PoliciesManage "policies.manage" Write "Writes, switches and removes them.";
    AuditRead "audit.read" PrivilegedRead "The audit trail.";
    AuditExport "audit.export" PrivilegedRead "The audit trail as a file.";
    AuditVerify "audit.verify" PrivilegedRead "Checks the audit trail's chain.";
    ReceiptsRead "receipts.read" PrivilegedRead "Decisions of policies.";
    CostRead "cost.read" Read "What was spent.";
    AnalyticsRead "analytics.read" Read "The panels.";
    ModelsRead "models.read" Read "Models and prices.";
    OperationsRead "operations.read" Read "What a longer request came to.";
    EventsRead "events.read" Read "The stream of events.";
    SessionsManage "sessions.manage" Write "One's own sessions.";
}

impl Action {
    /// The action with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == word)
    }

    /// Whether it changes nothing. A plain read that was allowed is counted, not receipted.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.group() != Group::Write
    }

    /// Whether it reads what itself protects others: members, tokens, policies, audit trail, receipts. Such a read
    /// leaves a receipt.
    #[must_use]
    pub fn is_privileged_read(self) -> bool {
        self.group() == Group::PrivilegedRead
    }

    /// The group of actions it belongs to in policies: `read`, `privileged_read` or `write`.
    #[must_use]
    pub fn group_name(self) -> &'static str {
        match self.group() {
            Group::Read => "read",
            Group::PrivilegedRead => "privileged_read",
            Group::Write => "write",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_survives_its_word() {
        for action in Action::ALL.iter().copied() {
            assert_eq!(Action::from_word(action.as_str()), Some(action));
            assert_eq!(serde_json::to_value(action).expect("a word"), action.as_str());
        }
    }
}

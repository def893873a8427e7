//! The shapes of texts and documents on the wire, for the description of the API alone: nothing here is ever made.
//!
//! Words come from the lists that the code itself parses by, so that the description can't name others. What other crates
//! write and the API hands on (journals, documents of runs, plans) is described here again, and a test holds one to the other.

mod document;
mod journal;
mod plan;
#[cfg(test)]
mod tests;

pub use document::{AttemptLine, Dollars, GateResult, PlanLine, PullRequestLine, RunDocument, UsageLine};
pub use journal::{
    Analysis, Block, Closing, CostForecast, Ending, Entry, LineComment, PlanItem, Review, RunLimits,
    RunOrigin, RunSettings, Span, TaskImage, TokenUsage, ToolMeaning,
};
pub use plan::{Plan, PlanStep};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{
    AnyOfBuilder, KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::operations;

/// Characters that no line of text may have: controls, and those that change how a line is read and are not seen.
const HIDDEN: &str = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff";
/// White space that a line may have between its characters.
const BLANK: &str = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
/// More hidden characters. They lie behind the sixteen bits that `\u` can say in every dialect, so that they stand here
/// as they are.
const TAGS: &str = "\u{e0000}-\u{e007f}";

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn line(max: usize) -> Object {
    let pattern = format!("^[^{HIDDEN}{TAGS}]*[^{BLANK}{HIDDEN}{TAGS}][^{HIDDEN}{TAGS}]*$");
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(pattern)).build()
}

fn words(all: impl IntoIterator<Item = &'static str>) -> Object {
    text().enum_values(Some(all)).build()
}

fn several(all: impl IntoIterator<Item = &'static str>) -> Object {
    let one = all.into_iter().collect::<Vec<_>>().join("|");
    text().pattern(Some(format!("^({one})(,({one}))*$"))).build()
}

fn id(kind: &str) -> Object {
    // 128 bits in groups of five: the first character holds only three of them.
    text().pattern(Some(format!("^{kind}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"))).build()
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $schema:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object: Object = $schema;
                RefOr::T(Schema::Object(object))
            }
        }

        impl ToSchema for $name {}
    )+};
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $id:ty),+ $(,)?) => {
        shapes!($($(#[$doc])* $name = id(<$id>::KIND)),+);
    };
}

ids! {
    /// Of an organization.
    OrganizationId = domain::TenantId,
    /// Of a project.
    ProjectId = domain::ProjectId,
    /// Of a task.
    TaskId = domain::TaskId,
    /// Of a run.
    RunId = domain::RunId,
    /// Of a pull request.
    PullRequestId = domain::PullRequestId,
    /// Of an agent.
    AgentId = domain::AgentId,
    /// Of a code artifact.
    ArtifactId = domain::ArtifactId,
    /// Of an operation.
    OperationId = domain::OperationId,
    /// Of an account.
    UserId = domain::UserId,
    /// Of a token, session or invitation.
    CredentialId = domain::CredentialId,
    /// Of a policy.
    PolicyId = domain::PolicyId,
    /// Of a receipt.
    ReceiptId = domain::ReceiptId,
    /// Of a comment.
    CommentId = domain::CommentId,
}

shapes! {
    /// A short word or two.
    Word = line(50),
    /// A name.
    Name = line(100),
    /// What a list is searched for.
    Search = text().pattern(Some(r"^[^\u0000]*$")).build(),
    /// Which sums of the cost.
    CostGroup = words(["model", "role", "day", "project", "task", "run"]),
    /// States of tasks with commas between them.
    TaskStatuses = several(domain::TaskState::ALL.iter().map(|s| s.as_str())),
    /// Types of tasks with commas between them.
    TaskTypes = several(domain::TaskKind::ALL.iter().map(|s| s.as_str())),
    /// States of runs with commas between them.
    RunStatuses = several(domain::RunState::ALL.iter().map(|s| s.as_str())),
    /// States of projects with commas between them.
    ProjectStatuses = several(domain::ProjectState::ALL.iter().map(|s| s.as_str())),
    /// States of agents with commas between them.
    AgentStatuses = several(domain::AgentState::ALL.iter().map(|s| s.as_str())),
    /// States of pull requests with commas between them.
    PullRequestStatuses = several(["draft", "open", "applied", "merged", "closed"]),
    /// A name, or nothing.
    NameOrNone = text().max_length(Some(100)).pattern(Some(format!("^$|^[^{HIDDEN}{TAGS}]*[^{BLANK}{HIDDEN}{TAGS}][^{HIDDEN}{TAGS}]*$"))).build(),
    /// A line for people.
    Title = line(200),
    /// A branch, tag or commit.
    Revision = text().min_length(Some(1)).max_length(Some(200))
        .pattern(Some(format!("^[^{BLANK}{HIDDEN}{TAGS}-][^{HIDDEN}{TAGS}]*$"))).build(),
    /// Words for people or models: not only white space.
    Words = text().min_length(Some(1)).max_length(Some(65_536)).pattern(Some(r"\S")).build(),
    /// What a task is about, with no NUL in it.
    Description = text().min_length(Some(1)).max_length(Some(crate::tasks::MAX_DESCRIPTION))
        .pattern(Some(format!(r"^[^\u0000]*[^{BLANK}\u0000-\u001f\u007f-\u009f][^\u0000]*$"))).build(),
    /// A directory of the server, or an address of git without a password in it.
    RepositoryUrl = text().min_length(Some(1)).max_length(Some(2_048)).pattern(Some(REPOSITORY)).build(),
    /// An e-mail address.
    EmailAddress = text().max_length(Some(254))
        .pattern(Some(format!("^[^@{BLANK}{HIDDEN}{TAGS}]+@[^@{BLANK}{HIDDEN}{TAGS}]+$"))).build(),
    /// An agent, or nothing: an empty text lets the matcher choose.
    AgentOrNone = text().pattern(Some("^$|^agent_[0-7][0-9a-hjkmnp-tv-z]{25}$")).build(),
    /// A color as `#rrggbb`, or nothing.
    Accent = text().max_length(Some(7)).pattern(Some("^$|^#[0-9a-fA-F]{6}$")).build(),
    /// A PNG, JPEG or WebP of at most 64 KB as a `data:` address, or nothing.
    Logo = text().max_length(Some(90_000))
        .pattern(Some("^$|^data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")).build(),

    /// Where a task stands.
    TaskStatus = words(domain::TaskState::ALL.iter().map(|s| s.as_str())),
    /// What kind of work a task is.
    TaskType = words(domain::TaskKind::ALL.iter().map(|s| s.as_str())),
    /// How urgent a task is.
    Priority = words(domain::Priority::ALL.iter().map(|s| s.as_str())),
    /// Where a run stands.
    RunStatus = words(domain::RunState::ALL.iter().map(|s| s.as_str())),
    /// Where a project stands.
    ProjectStatus = words(domain::ProjectState::ALL.iter().map(|s| s.as_str())),
    /// What a person can set a project to.
    ProjectStatusChange = words(["active", "archived"]),
    /// What an agent is for.
    AgentType = words(domain::AgentKind::ALL.iter().map(|s| s.as_str())),
    /// What an agent is doing.
    AgentStatus = words(domain::AgentState::ALL.iter().map(|s| s.as_str())),
    /// What a person can set an agent to.
    AgentStatusChange = words(["idle", "retired"]),
    /// Where a pull request stands.
    PullRequestStatus = words(["draft", "open", "applied", "merged", "closed"]),
    /// Where an operation stands.
    OperationStatus = words(domain::OperationState::ALL.iter().map(|s| s.as_str())),
    /// How far a text may be trusted.
    Taint = words(["trusted", "untrusted", "secret"]),
    /// A role of members.
    Role = words(auth::Role::ALL.into_iter().filter(|r| !r.is_for_machines()).map(auth::Role::as_str)),
    /// A role of members or of machines.
    TokenRole = words(auth::Role::ALL.into_iter().map(auth::Role::as_str)),
    /// What somebody can ask for.
    Action = words(auth::Action::ALL.iter().map(|a| a.as_str())),
    /// A kind of thing, as policies say it.
    ResourceType = words(auth::policy::ResourceKind::ALL.iter().map(|k| k.as_str())),
    /// How sensitive something is.
    DataClass = words(["public", "internal", "confidential", "restricted"]),
    /// How bad a mistake would be.
    Risk = words(["low", "medium", "high"]),
    /// What policies say.
    Decision = words(["allow", "deny"]),
    /// What became of an action.
    Outcome = words(["done", "denied", "failed"]),
    /// How long figures look back.
    Timeframe = words(insights::Timeframe::ALL.into_iter().map(insights::Timeframe::as_str)),
    /// A figure of the dashboard.
    MetricKey = words(insights::Metric::ALL.into_iter().map(insights::Metric::key)),
    /// What kind of thing a fact is.
    FactKind = words(["run", "task", "pull_request", "agent", "samples"]),
    /// What a need is.
    NeedKind = words(["question", "plan", "approval", "input", "review", "failed", "unassigned"]),
    /// What became of a file.
    FileStatus = words(["added", "modified", "deleted", "renamed"]),
    /// A gate.
    GateName = words(domain::GateName::ALL.into_iter().map(domain::GateName::as_str)),
    /// What a gate says.
    GateVerdict = words(["passed", "failed", "skipped", "error"]),
    /// A chair of the team.
    Seat = words(["planner", "architecture", "builder", "reviewer"]),
    /// How bad a remark is.
    Severity = words(["info", "minor", "major", "blocker"]),
    /// What a tool may do.
    Effect = words(["pure", "workspace", "keyed", "unknown"]),
}

/// A time in RFC 3339, or nothing: an empty text takes it away.
#[derive(Clone, Copy, Debug)]
pub struct DueDate;

impl PartialSchema for DueDate {
    fn schema() -> RefOr<Schema> {
        let time = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        AnyOfBuilder::new().item(time).item(text().max_length(Some(0))).into()
    }
}

impl ToSchema for DueDate {}

/// A trajectory in the Agent Trajectory Interchange Format.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Trajectory(pub BTreeMap<String, Value>);

/// A signed statement, in the Dead Simple Signing Envelope.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// The statement, in base64.
    pub payload: String,
    /// What it is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// By whom it is signed.
    pub signatures: Vec<BTreeMap<String, Value>>,
}

/// A day in UTC, or a time in RFC 3339 for the whole day that it lies in.
#[derive(Clone, Copy, Debug)]
pub struct Day;

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let format = |known| text().format(Some(SchemaFormat::KnownFormat(known)));
        AnyOfBuilder::new().item(format(KnownFormat::Date)).item(format(KnownFormat::DateTime)).into()
    }
}

impl ToSchema for Day {}

/// What is asked of the agents of a task beside its words: at most 64 KB of JSON.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Requirements {
    /// What they should be able to do.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Word>>, max_items = 20)]
    pub capabilities: Option<Vec<String>>,
    /// Whatever else agents should know.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// What is asked of the agents of a project: at most 64 KB of JSON. Of `capabilities`, a list of words, those are chosen who have one.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ProjectRequirements(pub BTreeMap<String, Value>);

/// What an operation came to, by its kind.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OperationResult {
    /// Of `project.prepare`.
    Prepared(operations::Prepared),
    /// Of `pull_request.merge`, `pull_request.apply` and `pull_request.close`.
    PullRequestChanged(operations::PullRequestChanged),
    /// Of `run.fork`.
    Forked(operations::Forked),
    /// Of `run.replay`.
    Replayed(operations::Replayed),
    /// Of `run.export`.
    Exported(operations::Exported),
    /// Of `run.cancel` and `run.rewind`.
    RunChanged(operations::RunChanged),
}

/// As `checked_repository` reads it: a path, or an address whose host has no name before it, but for SSH, and nothing behind
/// its path.
const REPOSITORY: &str = concat!(
    r"^(/([^\s\u0000-\u001f\u007f-\u009f]| )*|file:///([^\s\u0000-\u001f\u007f-\u009f]| )*",
    r"|(https?://|ssh://([^-:@/?#\s\u0000-\u001f\u007f-\u009f][^:@/?#\s\u0000-\u001f\u007f-\u009f]*@)?)",
    r"[^-@/?#\s\u0000-\u001f\u007f-\u009f][^@/?#\s\u0000-\u001f\u007f-\u009f]*",
    r"(/([^?#\s\u0000-\u001f\u007f-\u009f]| )*)?)$",
);

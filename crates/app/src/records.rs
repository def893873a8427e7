//! What the documents of rows hold: the parts of projects, tasks and agents that nothing is searched by.

use std::path::PathBuf;

use domain::{AgentId, Hours, RunError, RunId, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Document;

use crate::AppError;
use crate::lazy::Lazy;

/// What a project's row holds beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectDoc {
    /// Languages and frameworks; found when the repository was brought in, unless they were given.
    pub tech_stack: Vec<String>,
    /// What is asked of its agents.
    pub requirements: serde_json::Map<String, serde_json::Value>,
    /// Settings of its runs.
    pub configuration: ProjectConfiguration,
    /// What it is doing, or why it failed, in a sentence.
    pub status_detail: Option<String>,
    /// The repository on this server that its runs start from; set once it was brought in.
    pub checkout: Option<PathBuf>,
    /// The branch that is checked out there.
    pub default_branch: Option<String>,
    /// Its agents.
    pub agents: Vec<AgentId>,
    /// Who made it.
    pub created_by: String,
}

/// Settings of a project's runs. Members that are not given leave it to `aamas.toml` and the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectConfiguration {
    /// The model, as `SPEC` of the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::shapes::Title>)]
    pub model: Option<String>,
    /// What a run may cost, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, exclusive_maximum = 9e9)]
    pub budget_usd: Option<f64>,
    /// Answers of models in a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub max_turns: Option<u32>,
    /// The branch, tag or commit that runs start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::shapes::Revision>)]
    pub base: Option<String>,
    /// How sensitive its code is, for policies: `public`, `internal`, `confidential` or `restricted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::shapes::DataClass>)]
    pub data_class: Option<String>,
    /// Whether changes of protected paths and plans are approved beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
}

/// What a task's row holds beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskDoc {
    /// What is asked beside the words.
    pub requirements: serde_json::Map<String, serde_json::Value>,
    /// How it should be run.
    pub settings: TaskSettings,
    /// Who was found for it, and why.
    pub assignment: Assignment,
    /// What it was taken for.
    pub estimate: Estimate,
    /// Who asked.
    pub created_by: String,
    /// The person who asked, if it was one.
    pub created_by_user: Option<UserId>,
    /// Its last run.
    pub run: Option<RunId>,
    /// Why its last run came to nothing.
    pub error: Option<RunError>,
    /// Hours that it took in the end.
    pub actual_effort: Option<Hours>,
    /// How good the result is, 0 to 1: by gates and review.
    pub quality_score: Option<f64>,
    /// Whether a person holds it: no engine begins it until it is resumed.
    pub held: bool,
    /// Processes that died in its run, one after the other, since it last came further, stood still, or a person let it go on.
    pub deaths: u32,
    /// The last entry of its run's journal when the last of them died.
    pub died_at: u64,
}

/// How a task should be run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskSettings {
    /// The model, as `SPEC` of the contract.
    pub model: Option<String>,
    /// What the run may cost, in US dollars.
    pub budget_usd: Option<f64>,
    /// Answers of models in the run.
    pub max_turns: Option<u32>,
    /// One builder and the gates.
    pub solo: bool,
    /// Stop after the plan.
    pub plan_only: bool,
    /// The branch, tag or commit to start from.
    pub base: Option<String>,
    /// The finished run whose branch this follows.
    pub continues: Option<RunId>,
    /// Plans and changes of protected paths are approved beforehand.
    pub approve: bool,
}

/// Who was found for a task, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Assignment {
    /// Why this one, or why nobody, in a sentence.
    pub reason: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// Who was looked at, the best first.
    #[schema(value_type = Vec<Candidate>)]
    pub candidates: Lazy<Vec<Candidate>>,
}

impl Assignment {
    /// Whether it was looked for an agent, and none fitted.
    #[must_use]
    pub fn nobody_fits(&self) -> bool {
        self.reason.starts_with(NOBODY_FITS)
    }
}

/// How the reason begins where no agent fits.
pub(crate) const NOBODY_FITS: &str = "nobody fits: ";

/// An agent that was looked at for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Candidate {
    /// Which.
    #[schema(value_type = crate::shapes::AgentId)]
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// What speaks for and against it.
    pub reasons: Vec<String>,
}

/// What a task was taken for before it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// The middle of what it will take.
    pub effort: Hours,
    /// Eight of ten such tasks take at least this, …
    pub low: Hours,
    /// … and at most this.
    pub high: Hours,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Why.
    pub risk_reasons: Vec<String>,
    /// What it takes to do it.
    pub capabilities: Vec<String>,
}

/// What an agent's row holds beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentDoc {
    /// What it can do.
    pub capabilities: Vec<String>,
    /// The model that it has, as `SPEC` of the contract; empty: whatever the run has.
    pub model_version: String,
    /// Its projects.
    pub projects: Vec<domain::ProjectId>,
    /// What it works on.
    pub tasks: Vec<domain::TaskId>,
    /// What became of its work.
    pub record: TrackRecord,
    /// Whether the installation made it, with its organization.
    pub built_in: bool,
}

/// What became of an agent's work: sums over its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackRecord {
    /// Tasks that ended with a result.
    pub completed: u64,
    /// Tasks that ended without one.
    pub failed: u64,
    /// Answers of models.
    pub turns: u64,
    /// Milliseconds that runs took.
    pub busy_ms: u64,
    /// Runs that ended with an error of a model or of ours.
    pub errors: u64,
    /// What its runs cost, in nano-USD, where prices were known.
    pub cost_nano_usd: i64,
}

/// A document of a row, in either of its forms. `null` is a document with nothing in it.
pub trait Kept {
    /// Reads it.
    ///
    /// # Errors
    /// Why it is no `T`.
    fn read_as<T: DeserializeOwned>(&self) -> serde_json::Result<T>;
}

impl Kept for serde_json::Value {
    fn read_as<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        let nothing = Self::Object(serde_json::Map::new());
        T::deserialize(if self.is_null() { &nothing } else { self })
    }
}

impl Kept for Document {
    fn read_as<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        if self.as_str() == "null" { serde_json::from_str("{}") } else { self.read() }
    }
}

/// Reads the document of a row.
///
/// # Errors
/// [`AppError::Store`] when it is not what this version writes.
pub fn of_doc<T: DeserializeOwned>(what: &'static str, doc: &impl Kept) -> Result<T, AppError> {
    doc.read_as()
        .map_err(|e| store::StoreError::Malformed { what: format!("document of a {what}: {e}") }.into())
}

/// A document for its row.
#[must_use]
pub fn to_doc<T: Serialize>(value: &T) -> serde_json::Value {
    // Structs of strings, numbers and vectors have no way to fail.
    serde_json::to_value(value).unwrap_or_default()
}

//! Written by `cargo run -p client --example generate` from `openapi.json`. Change that, not this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `Ended` of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// `kind`.
    pub kind: EndedKind,
    /// `at`.
    pub at: String,
}

/// `EndedKind` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedKind {
    /// `ended`.
    #[serde(rename = "ended")]
    Ended,
}

impl EndedKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ended => "ended",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// As `Started`.
    Started(Box<Started>),
    /// As `Ended`.
    Ended(Box<Ended>),
    /// As `String`.
    Text(String),
    /// What this client does not know.
    Other(Value),
}

/// `Error` of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// `self`.
    #[serde(rename = "self")]
    pub self_: bool,
    /// `value`.
    pub value: Option<Value>,
}

/// `Failure` of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// `code`.
    pub code: String,
    /// Members that have no place of their own.
    #[serde(flatten)]
    pub additional_members: BTreeMap<String, Value>,
}

/// The same, said twice.
pub type Only = Failure;

/// `Started` of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// `kind`.
    pub kind: StartedKind,
    /// `at`.
    pub at: String,
}

/// `StartedKind` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartedKind {
    /// `started`.
    #[serde(rename = "started")]
    Started,
}

impl StartedKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Started => "started",
        }
    }
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// `submitted`.
    #[serde(rename = "submitted")]
    Submitted,
    /// `input_required`.
    #[serde(rename = "input_required")]
    InputRequired,
    /// `other`.
    #[serde(rename = "other")]
    Other3,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "submitted",
            Self::InputRequired => "input_required",
            Self::Other3 => "other",
            Self::Other(word) => word,
        }
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// `status`.
    pub status: Status,
    /// `type`.
    pub r#type: TaskType,
    /// `priority`.
    pub priority: Option<TaskPriority>,
    /// `labels`.
    pub labels: Vec<String>,
    /// `error`.
    pub error: Option<Failure>,
    /// `parent`.
    pub parent: Option<Box<Task>>,
    /// `children`.
    pub children: Option<Vec<Task>>,
    /// `place`.
    pub place: TaskPlace,
    /// `counts`.
    pub counts: BTreeMap<String, u64>,
    /// `anything`.
    pub anything: Option<Value>,
    /// `due-date`.
    #[serde(rename = "due-date")]
    pub due_date: Option<String>,
    /// `offset`.
    pub offset: Option<i64>,
    /// `since`.
    pub since: Option<String>,
    /// `pair`.
    pub pair: Option<Vec<Value>>,
}

/// `TaskId` of the API.
pub type TaskId = String;

/// `TaskPlace` of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskPlace {
    /// `line`.
    pub line: u32,
}

/// `TaskPriority` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPriority {
    /// `low`.
    #[serde(rename = "low")]
    Low,
    /// `high`.
    #[serde(rename = "high")]
    High,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl TaskPriority {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Other(word) => word,
        }
    }
}

/// `TaskType` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskType {
    /// `fix`.
    #[serde(rename = "fix")]
    Fix,
    /// `feature`.
    #[serde(rename = "feature")]
    Feature,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl TaskType {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Fix => "fix",
            Self::Feature => "feature",
            Self::Other(word) => word,
        }
    }
}

/// A task and its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskWithSecret {
    /// Members that it shares with others of its kind.
    #[serde(flatten)]
    pub failure_members: Failure,
    /// `failure`.
    pub failure: String,
}

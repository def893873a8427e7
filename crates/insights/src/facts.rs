//! What is known: rows of the store, as far as metrics are made of them.

use std::collections::BTreeMap;

use domain::{
    AgentId, AgentState, ProjectId, PullRequestId, RunId, RunState, TaskId, TaskKind, TaskState, Timestamp,
    Verdict,
};
use store::PullRequestState;

/// Everything that a dashboard is computed from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Runs that were saved within the period.
    pub runs: Vec<RunFact>,
    /// The tasks of these runs.
    pub tasks: Vec<TaskFact>,
    /// Pull requests that were opened within the period, and those of these runs.
    pub pull_requests: Vec<PullRequestFact>,
    /// Runs that wrote files within the period, with the scores of these.
    pub artifacts: Vec<ArtifactFact>,
    /// The registry of agents, without those that are retired.
    pub agents: Vec<AgentFact>,
    /// Measurements of the machine within the period.
    pub samples: Vec<SampleFact>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFact {
    /// Its id.
    pub id: RunId,
    /// Its task.
    pub task: TaskId,
    /// The project of that.
    pub project: Option<ProjectId>,
    /// The agent that the task was given to.
    pub agent: Option<AgentId>,
    /// Where it stands.
    pub state: RunState,
    /// When it was last saved: of a run that stands still, when it came to that.
    pub at: Timestamp,
    /// Answers of models.
    pub turns: u64,
    /// Milliseconds that processes spent on it.
    pub duration_ms: u64,
    /// Whether it wrote a commit to a branch.
    pub delivered: bool,
    /// What the gate `secrets` said; none: the run was not judged.
    pub secrets: Option<Verdict>,
}

/// A task that had a run within the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFact {
    /// Its id.
    pub id: TaskId,
    /// What sort of work it is.
    pub kind: Option<TaskKind>,
    /// Where it stands.
    pub state: TaskState,
    /// When its last run was last saved: of a task that is completed, when it was.
    pub at: Timestamp,
    /// Where the pull request of its last run stands; none: that run has none.
    pub change: Option<PullRequestState>,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestFact {
    /// Its id.
    pub id: PullRequestId,
    /// The run that made it.
    pub run: RunId,
    /// Where it stands.
    pub state: PullRequestState,
    /// When it was opened.
    pub opened: Timestamp,
    /// Lines added and removed.
    pub changed_lines: u64,
    /// Changed lines that tests ran, and those that could run; none where that was not measured.
    pub coverage: Option<(u64, u64)>,
    /// Findings of linters and formatters that were not there before; none where neither gate said anything.
    pub new_findings: Option<u64>,
}

/// The files of a run whose quality was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFact {
    /// The run that wrote them.
    pub run: RunId,
    /// When the last of them was written.
    pub at: Timestamp,
    /// The sum of their scores, in thousandths.
    pub quality_sum: i64,
    /// How many there are.
    pub files: u64,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFact {
    /// Its id.
    pub id: AgentId,
    /// What it is doing.
    pub state: AgentState,
}

/// What a machine has to share out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Time of its processors.
    Cpu,
    /// Memory.
    Memory,
    /// Time of its graphics processors.
    Gpu,
    /// Space on the disk that the data directory is on.
    Storage,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Gpu, Self::Storage];

    /// What its measurements are called in the store: thousandths of a percent of the whole machine.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_usage",
            Self::Memory => "memory_usage",
            Self::Gpu => "gpu_utilization",
            Self::Storage => "storage_usage",
        }
    }
}

/// Measurements of a resource within an hour or a day, in thousandths of a percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleFact {
    /// What was measured.
    pub resource: Resource,
    /// When it was measured last.
    pub at: Timestamp,
    /// The sum of the measurements.
    pub sum: i64,
    /// How many there are.
    pub count: u64,
    /// The last of them.
    pub last: i64,
}

/// The last run of each task.
#[must_use]
pub fn end_of_runs(runs: &[RunFact]) -> BTreeMap<TaskId, &RunFact> {
    let mut last: BTreeMap<TaskId, &RunFact> = BTreeMap::new();
    for run in runs {
        let known = last.entry(run.task).or_insert(run);
        // Ids of runs sort by age: the order of the list doesn't matter where two were saved at once.
        if (known.at, known.id) < (run.at, run.id) {
            *known = run;
        }
    }
    last
}

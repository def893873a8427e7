//! Rows as far as figures are made of them: many at once, without their documents.

use domain::{
    AgentId, AgentState, NanoUsd, ProjectId, PullRequestId, RunId, RunState, TaskId, TaskState, Timestamp,
};

use crate::error::StoreError;
use crate::journal::Seq;
use crate::pull_request::PullRequestState;
use crate::sql::facts as sql;
use crate::tenant::{TenantTx, values};

/// A run and its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskId,
    /// Where the run stands.
    pub state: RunState,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// The project of the task.
    pub project: Option<ProjectId>,
    /// The agent that the task was given to.
    pub agent: Option<AgentId>,
    /// The type of the task.
    pub task_kind: String,
    /// Where the task stands.
    pub task_state: TaskState,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestRow {
    /// Its id.
    pub id: PullRequestId,
    /// The run that made it.
    pub run: RunId,
    /// Where it stands.
    pub state: PullRequestState,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
}

/// The scores of the files that a run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreRow {
    /// The run.
    pub run: RunId,
    /// When the last of them was written.
    pub at: Timestamp,
    /// The sum of their qualities, in thousandths.
    pub quality_sum: i64,
    /// How many were measured.
    pub files: u64,
}

/// Measurements of a span, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSum {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: i64,
    /// When the last was made.
    pub at: Timestamp,
    /// The last of them.
    pub last: i64,
}

/// What a run has spent so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentRow {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskId,
    /// The project of that.
    pub project: Option<ProjectId>,
    /// Where the run stands.
    pub state: RunState,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Calls that it has paid for.
    pub calls: u64,
    /// How many of them had no known price.
    pub unpriced_calls: u64,
    /// What the others cost.
    pub spent: NanoUsd,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
}

/// An entry of a journal that tells who works or what was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BilledRow {
    /// Its number within the run.
    pub seq: Seq,
    /// The attempt; 0: the run as a whole.
    pub branch: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The entry; none where it is encrypted.
    pub body: Option<Vec<u8>>,
}

/// A pull request that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRow {
    /// The pull request.
    pub id: PullRequestId,
    /// The run that made it.
    pub run: RunId,
    /// The task of that.
    pub task: TaskId,
    /// The project of that.
    pub project: Option<ProjectId>,
    /// Its title.
    pub title: String,
    /// When it was last saved.
    pub updated_at: Timestamp,
}

impl TenantTx<'_> {
    /// The runs that were saved since a moment, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn run_rows(&self, since: Timestamp, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        self.query(sql::RUNS, values![since, limit], |row| {
            Ok(RunRow {
                run: row.take()?,
                task: row.take()?,
                state: row.take()?,
                updated_at: row.take()?,
                project: row.take()?,
                agent: row.take()?,
                task_kind: row.take()?,
                task_state: row.take()?,
            })
        })
    }

    /// The document of a run as its JSON text; none while it has not stood still.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn run_document_text(&self, run: RunId) -> Result<Option<String>, StoreError> {
        Ok(self.query_one(sql::RUN_DOCUMENT, values![run], |row| row.take())?.flatten())
    }

    /// The pull requests that were saved since a moment, and those of runs that were; newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_request_rows(&self, since: Timestamp, limit: u32) -> Result<Vec<PullRequestRow>, StoreError> {
        self.query(sql::PULL_REQUESTS, values![since, limit], |row| {
            Ok(PullRequestRow {
                id: row.take()?,
                run: row.take()?,
                state: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
            })
        })
    }

    /// The document of a pull request as its JSON text.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_request_document_text(&self, id: PullRequestId) -> Result<Option<String>, StoreError> {
        self.query_one(sql::PULL_REQUEST_DOCUMENT, values![id], |row| row.take())
    }

    /// The measured scores of files that were written since a moment, run by run, the newest run first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn score_rows(&self, since: Timestamp, limit: u32) -> Result<Vec<ScoreRow>, StoreError> {
        self.query(sql::SCORES, values![since, limit], |row| {
            Ok(ScoreRow { run: row.take()?, at: row.take()?, quality_sum: row.take()?, files: row.take()? })
        })
    }

    /// The agents that are not retired, with what they are doing.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn agent_states(&self, limit: u32) -> Result<Vec<(AgentId, AgentState)>, StoreError> {
        self.query(sql::AGENTS, values![limit], |row| Ok((row.take()?, row.take()?)))
    }

    /// The measurements after one moment up to another, added up; none where there is none.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn sample_sum(
        &self,
        metric: &str,
        after: Timestamp,
        to: Timestamp,
    ) -> Result<Option<SampleSum>, StoreError> {
        let sums = self.query_one(sql::SAMPLES, values![metric, after, to], |row| {
            let count: u64 = row.take()?;
            let (sum, at): (Option<i64>, Option<Timestamp>) = (row.take()?, row.take()?);
            Ok(sum.zip(at).map(|(sum, at)| (count, sum, at)))
        })?;
        let last = self.query_one(sql::LAST_SAMPLE, values![metric, after, to], |row| row.take())?;
        Ok(sums.flatten().zip(last).map(|((count, sum, at), last)| SampleSum { count, sum, at, last }))
    }

    /// What the runs have spent that were saved since a moment, newest first; runs that paid for nothing are left out.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn spent_rows(&self, since: Timestamp, limit: u32) -> Result<Vec<SpentRow>, StoreError> {
        self.query(sql::SPENT, values![since, limit], |row| {
            Ok(SpentRow {
                run: row.take()?,
                task: row.take()?,
                project: row.take()?,
                state: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
                calls: row.take()?,
                unpriced_calls: row.take()?,
                spent: row.take()?,
                input_tokens: row.take()?,
                cached_tokens: row.take()?,
                output_tokens: row.take()?,
            })
        })
    }

    /// The entries of a run behind `after` that tell who works or what was paid, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn billed_rows(&self, run: RunId, after: Seq, limit: u32) -> Result<Vec<BilledRow>, StoreError> {
        self.query(sql::BILLED, values![run, after, limit], |row| {
            let (seq, branch, at) = (row.take()?, row.take()?, row.take()?);
            let key: Option<[u8; 16]> = row.take()?;
            let body: Vec<u8> = row.take()?;
            Ok(BilledRow { seq, branch, at, body: key.is_none().then_some(body) })
        })
    }

    /// The tasks that ask a person something, failed since a moment and were not tried again, or fit nobody; newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn tasks_for_people(&self, failed_since: Timestamp, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.query(sql::TASKS_FOR_PEOPLE, values![failed_since, limit], |row| row.take())
    }

    /// The open pull requests whose tasks are over, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn reviews_for_people(&self, limit: u32) -> Result<Vec<ReviewRow>, StoreError> {
        self.query(sql::REVIEWS_FOR_PEOPLE, values![limit], |row| {
            Ok(ReviewRow {
                id: row.take()?,
                run: row.take()?,
                task: row.take()?,
                project: row.take()?,
                title: row.take()?,
                updated_at: row.take()?,
            })
        })
    }

    /// How many runs are in each state.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_runs(&self) -> Result<Vec<(RunState, u64)>, StoreError> {
        self.query(sql::COUNT_RUNS, [], |row| Ok((row.take()?, row.take()?)))
    }

    /// How many agents are in each state.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_agents(&self) -> Result<Vec<(AgentState, u64)>, StoreError> {
        self.query(sql::COUNT_AGENTS, [], |row| Ok((row.take()?, row.take()?)))
    }

    /// How many tasks wait for an engine, and since when the oldest does.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_wanted(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let counted = self.query_one(sql::COUNT_WANTED, [], |row| Ok((row.take()?, row.take()?)))?;
        Ok(counted.unwrap_or_default())
    }
}

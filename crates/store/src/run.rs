//! Runs: executions of tasks.

use std::path::{Path, PathBuf};

use domain::{ProjectId, RunId, RunState, TaskId, Timestamp};

use crate::error::StoreError;
use crate::found::{Found, IdPattern};
use crate::lease::Fence;
use crate::page::Page;
use crate::sql::{budgets, runs as sql};
use crate::tenant::{TenantTx, document, values};
use crate::tx::{Row, Value};

/// A run as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// The task that it executes.
    pub task: TaskId,
    /// The repository's top level.
    pub repo: PathBuf,
    /// The model's specification.
    pub model: String,
    /// Where it stands.
    pub state: RunState,
    /// Its branch, once there is one.
    pub branch: Option<String>,
    /// The commit that it started from, once known.
    pub base_commit: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// What it was started with.
    pub settings: serde_json::Value,
    /// Its final document, once it ended.
    pub document: Option<serde_json::Value>,
}

/// A line of the list of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The task that it executes.
    pub task_id: TaskId,
    /// The task's text.
    pub task: String,
    /// Where it stands.
    pub state: RunState,
    /// The repository's top level.
    pub repo: PathBuf,
    /// Its branch, once there is one.
    pub branch: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
}

impl TenantTx<'_> {
    /// Adds a run, with an unlimited budget.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]; [`StoreError::DanglingReference`] when there is no such task.
    pub fn insert_run(&mut self, run: &RunRecord) -> Result<(), StoreError> {
        let settings = document("run settings", &run.settings)?;
        let result = run.document.as_ref().map(|doc| document("run document", doc)).transpose()?;
        self.execute(
            sql::INSERT,
            values![
                run.id,
                run.task,
                run.repo.as_path(),
                run.model.as_str(),
                run.state,
                run.branch.as_deref(),
                run.base_commit.as_deref(),
                run.created_at,
                run.updated_at,
                settings,
                result
            ],
        )?;
        self.execute(budgets::OPEN, [run.id.into(), Value::Null])?;
        Ok(())
    }

    /// Saves a run, which only the holder of its lease may do. Task, repository and creation never change.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub fn save_run(&mut self, fence: Fence, run: &RunRecord) -> Result<(), StoreError> {
        let settings = document("run settings", &run.settings)?;
        let result = run.document.as_ref().map(|doc| document("run document", doc)).transpose()?;
        let (branch, base) = (run.branch.as_deref(), run.base_commit.as_deref());
        let values = values![run.model.as_str(), run.state, branch, base, run.updated_at, settings, result];
        self.execute_fenced(sql::SAVE, run.id, fence, values)
    }

    /// The run with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn run(&self, id: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The runs that `text` can mean: `last` (the newest), a whole id, a beginning of one (with or without
    /// `run_`), or its last eight characters, as in the name of its branch.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn find_run(&self, text: &str) -> Result<Found<RunId>, StoreError> {
        let pattern = IdPattern::parse(RunId::KIND, text);
        self.resolve(&pattern, sql::LAST, sql::BETWEEN, sql::ENDING)
    }

    /// The runs, newest first, `skip` of them left out.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn runs(&self, skip: u32, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        self.query(sql::LIST, values![limit, skip], |row| {
            Ok(RunSummary {
                id: row.take()?,
                task_id: row.take()?,
                task: row.take()?,
                state: row.take()?,
                repo: row.take()?,
                branch: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
            })
        })
    }
}

/// Where a run stands in the lists of its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// The run.
    pub run: RunId,
    /// Its place among the runs of its organization, from 1.
    pub number: u64,
    /// The project of its task.
    pub project: Option<ProjectId>,
}

impl TenantTx<'_> {
    /// The runs of the organization or of one project, newest first, before the one with this number.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn runs_before(
        &self,
        project: Option<ProjectId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RunPlace>, StoreError> {
        let bound = Page::Newest { before, limit }.bound();
        match project {
            None => self.query(sql::LIST_OF_ALL, values![bound, limit], read_place),
            Some(project) => self.query(sql::LIST_OF_PROJECT, values![bound, limit, project], read_place),
        }
    }

    /// The runs that were saved since a moment, oldest first, behind the one with this number.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn runs_since(&self, since: Timestamp, after: u64, limit: u32) -> Result<Vec<RunPlace>, StoreError> {
        self.query(sql::SINCE, values![since, after, limit], read_place)
    }

    /// The runs that are queued, running or interrupted, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn standing_runs(&self, limit: u32) -> Result<Vec<RunPlace>, StoreError> {
        self.query(sql::STANDING, values![limit], read_place)
    }
}

fn read_place(row: &mut Row<'_>) -> Result<RunPlace, StoreError> {
    Ok(RunPlace { run: row.take()?, number: row.take()?, project: row.take()? })
}

impl RunRecord {
    /// A run that was just asked for.
    #[must_use]
    pub fn queued(id: RunId, task: TaskId, repo: &Path, model: &str, now: Timestamp) -> Self {
        Self {
            id,
            task,
            repo: repo.to_owned(),
            model: model.to_owned(),
            state: RunState::Queued,
            branch: None,
            base_commit: None,
            created_at: now,
            updated_at: now,
            settings: serde_json::Value::Null,
            document: None,
        }
    }
}

fn read(row: &mut Row<'_>) -> Result<RunRecord, StoreError> {
    Ok(RunRecord {
        id: row.take()?,
        task: row.take()?,
        repo: row.take()?,
        model: row.take()?,
        state: row.take()?,
        branch: row.take()?,
        base_commit: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        settings: row.take()?,
        document: row.take()?,
    })
}

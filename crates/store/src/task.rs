//! Tasks: what was asked, and what each of them waits for.

use domain::{AgentId, ProjectId, RunId, TaskId, TaskState, Timestamp};

use crate::document::Document;
use crate::error::StoreError;
use crate::page::Page;
use crate::sql::tasks as sql;
use crate::tenant::{TenantTx, bounded, values, written};
use crate::tx::Row;

/// A task's text has at most 1 MB; the caller says so first, this is the last resort.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A task as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
    /// Its place among the tasks of its organization, from 1; given when it is added.
    pub number: u64,
    /// What was asked; never changes.
    pub text: String,
    /// The type of the task, such as `fix`.
    pub kind: String,
    /// Where it stands.
    pub state: TaskState,
    /// Higher goes first.
    pub priority: i64,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// What the layers above keep about it.
    pub doc: Document,
    /// A line for people; none where the text is one.
    pub title: Option<String>,
    /// The project that it belongs to; none for a task of the command line.
    pub project: Option<ProjectId>,
    /// The agent that it was given to.
    pub assigned_agent: Option<AgentId>,
    /// When it should be done.
    pub due_at: Option<Timestamp>,
    /// Since when an engine should work on it; none while nobody wants that.
    pub wanted_at: Option<Timestamp>,
    /// Counts its changes, from 1.
    pub version: u64,
}

impl TaskRecord {
    /// A task that was just asked: a `chore` of no project, that no engine should begin by itself.
    #[must_use]
    pub fn new(id: TaskId, text: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id,
            number: 0,
            text: text.into(),
            kind: "chore".to_owned(),
            state: TaskState::Submitted,
            priority: 0,
            created_at: now,
            updated_at: now,
            doc: Document::default(),
            title: None,
            project: None,
            assigned_agent: None,
            due_at: None,
            wanted_at: None,
            version: 1,
        }
    }
}

impl TenantTx<'_> {
    /// Adds a task; number and version are the store's to give.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_task(&mut self, task: &TaskRecord) -> Result<(), StoreError> {
        bounded("task text", task.text.len(), MAX_TEXT_BYTES)?;
        let doc = written("task document", &task.doc)?;
        let (text, kind) = (task.text.as_str(), task.kind.as_str());
        self.execute(
            sql::INSERT,
            values![
                task.id,
                text,
                kind,
                task.state,
                task.priority,
                task.created_at,
                task.updated_at,
                doc,
                task.title.as_deref(),
                task.project,
                task.assigned_agent,
                task.due_at,
                task.wanted_at
            ],
        )?;
        Ok(())
    }

    /// Saves everything about a task but its text and when it came; its version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_task(&mut self, task: &TaskRecord) -> Result<(), StoreError> {
        let doc = written("task document", &task.doc)?;
        let values = values![
            task.id,
            task.kind.as_str(),
            task.state,
            task.priority,
            task.updated_at,
            doc,
            task.title.as_deref(),
            task.project,
            task.assigned_agent,
            task.due_at,
            task.wanted_at
        ];
        match self.execute(sql::SAVE, values)? {
            0 => Err(StoreError::NotFound { what: "task", id: task.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The task with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn task(&self, id: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// A page of the tasks of the organization, or of one project.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn tasks(&self, project: Option<ProjectId>, page: Page) -> Result<Vec<TaskRecord>, StoreError> {
        let (from, limit) = (page.bound(), page.limit());
        match (project, page) {
            (None, Page::Newest { .. }) => self.query(sql::LIST, values![from, limit], read),
            (None, Page::Oldest { .. }) => self.query(sql::LIST_UPWARDS, values![from, limit], read),
            (Some(p), Page::Newest { .. }) => self.query(sql::LIST_OF_PROJECT, values![from, limit, p], read),
            (Some(p), Page::Oldest { .. }) => {
                self.query(sql::LIST_OF_PROJECT_UPWARDS, values![from, limit, p], read)
            }
        }
    }

    /// The tasks that an engine should work on, the most urgent first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn wanted_tasks(&self, limit: u32) -> Result<Vec<TaskRecord>, StoreError> {
        self.query(sql::WANTED, values![limit], read)
    }

    /// Lets a task wait for these tasks and no others. Circles are the caller's to refuse.
    ///
    /// # Errors
    /// [`StoreError::DanglingReference`] when there is no such task.
    pub fn set_dependencies(&mut self, task: TaskId, on: &[TaskId]) -> Result<(), StoreError> {
        self.execute(sql::FORGET_DEPENDENCIES, values![task])?;
        for other in on {
            self.execute(sql::DEPEND, values![task, *other])?;
        }
        Ok(())
    }

    /// What a task waits for, with where each of those stands.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn dependencies(&self, task: TaskId) -> Result<Vec<(TaskId, TaskState)>, StoreError> {
        self.query(sql::DEPENDENCIES, values![task], |row| Ok((row.take()?, row.take()?)))
    }

    /// The runs of a task, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn runs_of_task(&self, task: TaskId, limit: u32) -> Result<Vec<RunId>, StoreError> {
        self.query(sql::RUNS, values![task, limit], |row| row.take())
    }

    /// How many tasks of a project are in each state.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_tasks(&self, project: ProjectId) -> Result<Vec<(TaskState, u64)>, StoreError> {
        self.query(sql::COUNT_BY_STATE, values![project], |row| Ok((row.take()?, row.take()?)))
    }
}

fn read(row: &mut Row<'_>) -> Result<TaskRecord, StoreError> {
    Ok(TaskRecord {
        id: row.take()?,
        number: row.take()?,
        text: row.take()?,
        kind: row.take()?,
        state: row.take()?,
        priority: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        doc: row.take()?,
        title: row.take()?,
        project: row.take()?,
        assigned_agent: row.take()?,
        due_at: row.take()?,
        wanted_at: row.take()?,
        version: row.take()?,
    })
}

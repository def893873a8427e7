//! Tasks: what was asked.

use domain::{TaskId, TaskState, Timestamp};

use crate::error::StoreError;
use crate::sql::tasks as sql;
use crate::tenant::{TenantTx, bounded, document, values};
use crate::tx::Row;

/// A task's text has at most 1 MB; the caller says so first, this is the last resort.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A task as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
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
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Adds a task.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_task(&mut self, task: &TaskRecord) -> Result<(), StoreError> {
        bounded("task text", task.text.len(), MAX_TEXT_BYTES)?;
        let doc = document("task document", &task.doc)?;
        let (text, kind) = (task.text.as_str(), task.kind.as_str());
        self.execute(
            sql::INSERT,
            values![task.id, text, kind, task.state, task.priority, task.created_at, task.updated_at, doc],
        )?;
        Ok(())
    }

    /// Saves everything about a task but its text and when it came.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_task(&mut self, task: &TaskRecord) -> Result<(), StoreError> {
        let doc = document("task document", &task.doc)?;
        let values = values![task.id, task.kind.as_str(), task.state, task.priority, task.updated_at, doc];
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

    /// The newest tasks.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn tasks(&self, limit: u32) -> Result<Vec<TaskRecord>, StoreError> {
        self.query(sql::LIST, values![limit], read)
    }
}

fn read(row: &mut Row<'_>) -> Result<TaskRecord, StoreError> {
    Ok(TaskRecord {
        id: row.take()?,
        text: row.take()?,
        kind: row.take()?,
        state: row.take()?,
        priority: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        doc: row.take()?,
    })
}

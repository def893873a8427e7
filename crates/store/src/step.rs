//! Steps of a run's plan, and attempts at them.

use domain::{AttemptId, AttemptState, RunId, StepId, StepState, Timestamp};

use crate::error::StoreError;
use crate::lease::Fence;
use crate::sql::steps as sql;
use crate::tenant::{TenantTx, document, values};

/// More steps or attempts of one run are never read.
const MAX_LISTED: u32 = 10_000;

/// A step as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// Its id.
    pub id: StepId,
    /// Its place in the plan's list.
    pub ordinal: u32,
    /// What the plan calls it.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

/// An attempt as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// The step that it tries.
    pub step: StepId,
    /// Its number within the run: the `branch` of its journal entries.
    pub number: u32,
    /// Where it stands.
    pub state: AttemptState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Adds or saves a step of `run`.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub fn save_step(&mut self, run: RunId, fence: Fence, step: &StepRecord) -> Result<(), StoreError> {
        let doc = document("step document", &step.doc)?;
        let values = values![
            step.id,
            step.ordinal,
            step.name.as_str(),
            step.state,
            step.created_at,
            step.updated_at,
            doc
        ];
        self.execute_fenced(sql::SAVE, run, fence, values)
    }

    /// The steps of `run` in the order of its plan.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn steps(&self, run: RunId) -> Result<Vec<StepRecord>, StoreError> {
        self.query(sql::LIST, values![run, MAX_LISTED], |row| {
            Ok(StepRecord {
                id: row.take()?,
                ordinal: row.take()?,
                name: row.take()?,
                state: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
                doc: row.take()?,
            })
        })
    }

    /// Adds or saves an attempt at a step of `run`.
    ///
    /// # Errors
    /// [`StoreError::Fenced`]; [`StoreError::DanglingReference`] when there is no such step;
    /// [`StoreError::AlreadyExists`] when another attempt has its number.
    pub fn save_attempt(
        &mut self,
        run: RunId,
        fence: Fence,
        attempt: &AttemptRecord,
    ) -> Result<(), StoreError> {
        let doc = document("attempt document", &attempt.doc)?;
        let values = values![
            attempt.id,
            attempt.step,
            attempt.number,
            attempt.state,
            attempt.created_at,
            attempt.updated_at,
            doc
        ];
        self.execute_fenced(sql::SAVE_ATTEMPT, run, fence, values)
    }

    /// The attempts of `run` by their number.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn attempts(&self, run: RunId) -> Result<Vec<AttemptRecord>, StoreError> {
        self.query(sql::LIST_ATTEMPTS, values![run, MAX_LISTED], |row| {
            Ok(AttemptRecord {
                id: row.take()?,
                step: row.take()?,
                number: row.take()?,
                state: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
                doc: row.take()?,
            })
        })
    }
}

//! What the engine was asked to do beside runs, and answers that are given again for the same key.

use domain::{OperationId, OperationState, Timestamp};

use crate::error::StoreError;
use crate::sql::operations as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// An operation as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// What is to be done, as a word of the layer above.
    pub kind: String,
    /// The id of what it is done to.
    pub subject: String,
    /// How far it is.
    pub state: OperationState,
    /// Who asked.
    pub asked_by: String,
    /// What was asked.
    pub request: serde_json::Value,
    /// What it came to.
    pub result: serde_json::Value,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
}

/// An answer that is kept for its key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAnswer {
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// The status of HTTP.
    pub status: u32,
    /// Body and headers, as the layer above put them.
    pub answer: serde_json::Value,
    /// When it was given.
    pub created_at: Timestamp,
}

impl TenantTx<'_> {
    /// Asks for an operation.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_operation(&mut self, new: &OperationRecord) -> Result<(), StoreError> {
        let (request, result) = (document("operation", &new.request)?, document("result", &new.result)?);
        let (kind, subject, asked_by) = (new.kind.as_str(), new.subject.as_str(), new.asked_by.as_str());
        let values = values![new.id, kind, subject, new.state, asked_by, request, result, new.created_at];
        self.execute(sql::INSERT, values).map(drop)
    }

    /// Takes an operation that nobody has begun; whether it was still to be had.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn take_operation(&mut self, id: OperationId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.execute(sql::TAKE, values![id, now])? > 0)
    }

    /// Saves what an operation came to.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_operation(&mut self, operation: &OperationRecord) -> Result<(), StoreError> {
        let result = document("result", &operation.result)?;
        let values = values![operation.id, operation.state, result, operation.updated_at];
        match self.execute(sql::SAVE, values)? {
            0 => Err(StoreError::NotFound { what: "operation", id: operation.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The operation with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn operation(&self, id: OperationId) -> Result<Option<OperationRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The operations that came to nothing yet, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn open_operations(&self, limit: u32) -> Result<Vec<OperationRecord>, StoreError> {
        self.query(sql::OPEN, values![limit], read)
    }

    /// Keeps an answer for the key that its caller gave; the first one stays.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn remember_answer(
        &mut self,
        principal: &str,
        key: &str,
        kept: &KeptAnswer,
    ) -> Result<(), StoreError> {
        let answer = document("answer", &kept.answer)?;
        let hash = kept.request_hash.as_slice();
        self.execute(sql::REMEMBER, values![principal, key, hash, kept.status, answer, kept.created_at])
            .map(drop)
    }

    /// The answer that was given for a key.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn remembered_answer(&self, principal: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        self.query_one(sql::REMEMBERED, values![principal, key], |row| {
            Ok(KeptAnswer {
                request_hash: row.take()?,
                status: row.take()?,
                answer: row.take()?,
                created_at: row.take()?,
            })
        })
    }

    /// Forgets the answer that was given for a key.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_answer(&mut self, principal: &str, key: &str) -> Result<(), StoreError> {
        self.execute(sql::FORGET_ONE, values![principal, key]).map(drop)
    }

    /// Forgets the answers from before a moment.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_answers(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::FORGET, values![before])
    }
}

fn read(row: &mut Row<'_>) -> Result<OperationRecord, StoreError> {
    Ok(OperationRecord {
        id: row.take()?,
        kind: row.take()?,
        subject: row.take()?,
        state: row.take()?,
        asked_by: row.take()?,
        request: row.take()?,
        result: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

//! The inbox of a run: what people say to it, from any process, taken in order by whoever has the lease.
//!
//! A live process polls with [`TenantTx::has_message`] (one look into a partial index, which holds unread
//! messages only) or with [`ChangeWatch`](crate::ChangeWatch) (no look at all while nobody commits).

use domain::{RunId, Timestamp};

use crate::column::words;
use crate::error::StoreError;
use crate::lease::Fence;
use crate::sql::inbox as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// What a message wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Consider this from now on.
    Steer,
    /// This is the answer to the run's question.
    Answer,
    /// Stop at the next safe point.
    Pause,
    /// End.
    Cancel,
}

impl MessageKind {
    /// The word in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Steer => "steer",
            Self::Answer => "answer",
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Steer, Self::Answer, Self::Pause, Self::Cancel].into_iter().find(|kind| kind.as_str() == word)
    }
}

words!(MessageKind);

/// A message to be posted.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The sender's own key: a second message to the run with this key is the same message.
    pub key: String,
    /// What it wants.
    pub kind: MessageKind,
    /// Who sends it.
    pub author: String,
    /// What it says.
    pub body: serde_json::Value,
    /// When it is sent.
    pub at: Timestamp,
}

/// A message as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its number within the run, from 1.
    pub seq: u64,
    /// The sender's own key.
    pub key: String,
    /// What it wants.
    pub kind: MessageKind,
    /// Who sent it.
    pub author: String,
    /// What it says.
    pub body: serde_json::Value,
    /// When it was sent.
    pub at: Timestamp,
    /// When the run took it, if it did.
    pub taken_at: Option<Timestamp>,
}

/// Whether a message was still there to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// By this call.
    Now,
    /// By an earlier one: whatever it causes has been done or journaled.
    Before,
}

impl TenantTx<'_> {
    /// Posts a message to `run` and gives its number; that of the first one if the key was used before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such run.
    pub fn post_message(&mut self, run: RunId, message: &NewMessage) -> Result<u64, StoreError> {
        let body = document("message", &message.body)?;
        let key = message.key.as_str();
        let values = values![run, key, message.kind, message.author.as_str(), body, message.at];
        match self.returning(sql::POST, values, |row| row.take()) {
            Ok(Some(seq)) => Ok(seq),
            Ok(None) => {
                let first = self.query_one(sql::BY_KEY, values![run, key], |row| row.take())?;
                first.ok_or_else(|| StoreError::NotFound { what: "message", id: key.to_owned() })
            }
            Err(StoreError::DanglingReference { .. }) => {
                Err(StoreError::NotFound { what: "run", id: run.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether `run` has a message that it did not take yet. Costs one look into an index.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn has_message(&self, run: RunId) -> Result<bool, StoreError> {
        Ok(self.query_one(sql::ANY_PENDING, values![run], |row| row.take::<u64>())?.is_some())
    }

    /// The messages that `run` did not take yet, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pending_messages(&self, run: RunId, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.query(sql::PENDING, values![run, limit], read)
    }

    /// All messages to `run` from number `from` on.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn messages(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.query(sql::ALL_OF_RUN, values![run, from, limit], read)
    }

    /// Takes a message, in the same commit as what it causes.
    ///
    /// # Errors
    /// [`StoreError::Fenced`]; [`StoreError::NotFound`].
    pub fn take_message(
        &mut self,
        run: RunId,
        fence: Fence,
        seq: u64,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        if self.execute(sql::TAKE, values![run, fence, seq, now])? > 0 {
            return Ok(Taken::Now);
        }
        let found: Option<(Option<Timestamp>, bool)> =
            self.query_one(sql::TAKEN, values![run, fence, seq], |row| Ok((row.take()?, row.take()?)))?;
        match found {
            None => Err(StoreError::NotFound { what: "message", id: format!("{seq} of {run}") }),
            Some((_, false)) => Err(StoreError::Fenced { run, fence }),
            Some((_, true)) => Ok(Taken::Before),
        }
    }
}

fn read(row: &mut Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        seq: row.take()?,
        key: row.take()?,
        kind: row.take()?,
        author: row.take()?,
        body: row.take()?,
        at: row.take()?,
        taken_at: row.take()?,
    })
}

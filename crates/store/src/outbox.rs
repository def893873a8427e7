//! The outbox: events that commit with the change they tell of, and are sent later, at least once.

use domain::{EventId, Timestamp};

use crate::error::StoreError;
use crate::sql::outbox as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// An event to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Its id, by which receivers drop doubles.
    pub id: EventId,
    /// Its type, such as `dev.aamas.run.started`.
    pub kind: String,
    /// The id of what it tells of.
    pub subject: String,
    /// What it tells.
    pub data: serde_json::Value,
    /// When it happened.
    pub at: Timestamp,
}

/// An event with its place in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxEvent {
    /// Its place: the order in which events committed.
    pub position: u64,
    /// The event.
    pub event: NewEvent,
}

impl TenantTx<'_> {
    /// Adds an event to the outbox.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is an event with this id.
    pub fn append_event(&mut self, event: &NewEvent) -> Result<(), StoreError> {
        let data = document("event", &event.data)?;
        let (kind, subject) = (event.kind.as_str(), event.subject.as_str());
        self.execute(sql::APPEND, values![event.id, kind, subject, data, event.at])?;
        Ok(())
    }

    /// The oldest events that were not marked as sent.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn unsent_events(&self, limit: u32) -> Result<Vec<OutboxEvent>, StoreError> {
        self.query(sql::UNSENT, values![limit], read)
    }

    /// The events behind a place, sent or not, for readers that keep their own place.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn events_after(&self, position: u64, limit: u32) -> Result<Vec<OutboxEvent>, StoreError> {
        self.query(sql::AFTER, values![position, limit], read)
    }

    /// The place of an event that is still kept.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn event_position(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        self.query_one(sql::POSITION, values![id], |row| row.take())
    }

    /// The place of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn last_event_position(&self) -> Result<u64, StoreError> {
        Ok(self.query_one(sql::END, [], |row| row.take())?.unwrap_or(0))
    }

    /// Marks events as sent, once they are; those marked before are left alone.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn mark_sent(&mut self, positions: &[u64], now: Timestamp) -> Result<(), StoreError> {
        for position in positions {
            self.execute(sql::MARK_SENT, values![*position, now])?;
        }
        Ok(())
    }

    /// Deletes the events that were sent before a moment (all but the newest event, whose place must not be
    /// given again).
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_sent(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::FORGET_SENT, values![before])
    }

    /// Deletes the events from before a moment, sent or not (all but the newest), where every reader keeps its own place
    /// and nobody sends.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_events(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::FORGET_OLD, values![before])
    }
}

fn read(row: &mut Row<'_>) -> Result<OutboxEvent, StoreError> {
    Ok(OutboxEvent {
        position: row.take()?,
        event: NewEvent {
            id: row.take()?,
            kind: row.take()?,
            subject: row.take()?,
            data: row.take()?,
            at: row.take()?,
        },
    })
}

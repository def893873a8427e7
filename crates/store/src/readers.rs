//! Connections that only read: opened when first needed, bounded, kept for the next reader.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::connection::open_reader;
use crate::error::StoreError;

/// Readers at the same time; more wait. Each may take a page cache of 2 MB, and stays open: to open one costs more than
/// most reads.
const MAX_READERS: usize = 4;

/// The connections that read.
pub(crate) struct Readers {
    path: PathBuf,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    busy: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::default(), freed: Condvar::new() }
    }

    /// A connection, once it is this reader's turn.
    pub(crate) fn turn(&self) -> Result<Reader<'_>, StoreError> {
        let mut state = self
            .freed
            .wait_while(self.state(), |state| state.busy >= MAX_READERS)
            .unwrap_or_else(PoisonError::into_inner);
        state.busy += 1;
        let mut reader = Reader { readers: self, conn: state.idle.pop() };
        drop(state);
        if reader.conn.is_none() {
            reader.conn = Some(open_reader(&self.path)?);
        }
        Ok(reader)
    }

    /// A connection, if one is open and idle.
    pub(crate) fn idle(&self) -> Option<Reader<'_>> {
        let mut state = self.state();
        let conn = state.idle.pop()?;
        state.busy += 1;
        Some(Reader { readers: self, conn: Some(conn) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader at work; its connection is given back even when it panics.
pub(crate) struct Reader<'a> {
    readers: &'a Readers,
    /// None only until it is open.
    conn: Option<Connection>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("a reader that was given out has a connection")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state();
        state.busy -= 1;
        // One that is still within a transaction can't be used again.
        state.idle.extend(self.conn.take().filter(Connection::is_autocommit));
        drop(state);
        self.readers.freed.notify_one();
    }
}

//! Connections that only read: opened when first needed, bounded, kept for the next reader.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use crate::connection::open_reader;
use crate::error::StoreError;

/// Readers at the same time; more wait. Each may take a page cache of 2 MB.
const MAX_READERS: usize = 8;

/// Idle connections kept open.
const MAX_IDLE: usize = 2;

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

    /// Runs `read` with a connection of its own.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.take_turn();
        let _turn = Turn(self);
        let conn = match idle {
            Some(conn) => conn,
            None => open_reader(&self.path)?,
        };
        let result = read(&conn);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.idle.len() < MAX_IDLE && conn.is_autocommit() {
            state.idle.push(conn);
        }
        result
    }

    fn take_turn(&self) -> Option<Connection> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .freed
            .wait_while(state, |state| state.busy >= MAX_READERS)
            .unwrap_or_else(PoisonError::into_inner);
        state.busy += 1;
        state.idle.pop()
    }
}

/// One reader at work; given back even when its closure panics.
struct Turn<'a>(&'a Readers);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).busy -= 1;
        self.0.freed.notify_one();
    }
}

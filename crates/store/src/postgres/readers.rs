//! Connections that read: opened when first needed, bounded, kept for the next reader of whatever tenant.
//!
//! What a transaction was told of its tenant ends with it, so nothing of one tenant is left for the next.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use domain::TenantId;

use super::{Connection, Server};
use crate::error::StoreError;

/// Readers at the same time; more wait. The server has a process for each.
const MAX_READERS: usize = 8;

/// Idle connections kept open.
const MAX_IDLE: usize = 4;

pub(super) struct Readers {
    server: Arc<Server>,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    idle: Vec<Connection>,
    busy: usize,
}

impl Readers {
    /// `first` is a connection that is there already.
    pub(super) fn new(server: Arc<Server>, first: Connection) -> Self {
        Self { server, state: Mutex::new(State { idle: vec![first], busy: 0 }), freed: Condvar::new() }
    }

    /// Runs `look` in a transaction of its own.
    pub(super) fn with<T>(
        &self,
        tenant: TenantId,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.take_turn();
        let _turn = Turn(self);
        let connection = self.begin(tenant, idle)?;
        // A panic in `look` drops the connection, and its transaction with it.
        let result = look(&connection);
        if connection.roll_back().is_ok() {
            let mut state = self.lock();
            if state.idle.len() < MAX_IDLE {
                state.idle.push(connection);
            }
        }
        result
    }

    /// A connection that lay idle may have been ended meanwhile: then a new one takes its place.
    fn begin(&self, tenant: TenantId, idle: Option<Connection>) -> Result<Connection, StoreError> {
        if let Some(connection) = idle {
            match connection.begin_reading(tenant) {
                Ok(()) => return Ok(connection),
                Err(_) if connection.is_lost() => self.lock().idle.retain(|other| !other.is_lost()),
                Err(StoreError::Unreachable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let connection = self.server.connect()?;
        connection.begin_reading(tenant)?;
        Ok(connection)
    }

    fn take_turn(&self) -> Option<Connection> {
        let state = self.lock();
        let mut state = self
            .freed
            .wait_while(state, |state| state.busy >= MAX_READERS)
            .unwrap_or_else(PoisonError::into_inner);
        state.busy += 1;
        state.idle.pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader at work; given back even when its closure panics.
struct Turn<'a>(&'a Readers);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use domain::TenantId;

    use crate::error::StoreError;

    /// The connection is as if no tenant had ever used it.
    fn check(connection: &super::Connection) {
        let left = "SELECT current_setting('aamas.tenant_id'), current_user = session_user,
                           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())";
        let left = connection.ask("look", left).expect("a look");
        assert_eq!(left, [["", "t", "0"].map(|word| Some(word.to_owned()))]);
        let refused = connection.run("look", "SELECT aamas_tenant()");
        assert!(matches!(refused, Err(StoreError::Denied { .. })), "{refused:?}");
    }

    #[test]
    fn nothing_of_a_tenant_is_left_on_a_connection_on_postgres() {
        let (database, _scratch) = crate::postgres::migrated_scratch();
        let tenant = TenantId::from_bytes([1; 16]);
        let pid = |connection: &super::Connection| connection.ask_one("look", "SELECT pg_backend_pid()");
        let first = database.read(tenant, pid).expect("a look");
        let connection = database.readers.lock().idle.pop().expect("it was kept");
        assert_eq!(pid(&connection).expect("a look"), first, "the same one");
        check(&connection);
        connection.begin_writing(tenant).expect("a transaction");
        connection.commit("").expect("nothing to commit");
        check(&connection);
    }
}

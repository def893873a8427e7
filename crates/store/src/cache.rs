//! The cache: values that can be computed again, such as the test results of a base commit.

use domain::Timestamp;

use crate::error::StoreError;
use crate::sql::cache as sql;
use crate::tenant::{TenantTx, bounded, values};

/// The largest value.
const MAX_VALUE_BYTES: usize = 16 << 20;

/// A value of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The value.
    pub value: Vec<u8>,
    /// When it was put there.
    pub created_at: Timestamp,
}

impl TenantTx<'_> {
    /// Puts a value under `key`, in place of the one that was there. The key must name everything that the
    /// value depends on.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub fn cache_put(&mut self, key: &str, value: &[u8], now: Timestamp) -> Result<(), StoreError> {
        bounded("cache value", value.len(), MAX_VALUE_BYTES)?;
        self.execute(sql::PUT, values![key, value, now])?;
        Ok(())
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn cache_get(&self, key: &str) -> Result<Option<Cached>, StoreError> {
        self.query_one(sql::GET, values![key], |row| {
            Ok(Cached { value: row.take()?, created_at: row.take()? })
        })
    }

    /// Removes the value under `key`, if there is one.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn cache_remove(&mut self, key: &str) -> Result<(), StoreError> {
        self.execute(sql::REMOVE, values![key])?;
        Ok(())
    }

    /// Removes all but the `keep` newest values; how many went.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn cache_trim(&mut self, keep: u32) -> Result<usize, StoreError> {
        self.execute(sql::TRIM, values![keep])
    }
}

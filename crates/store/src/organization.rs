//! Organizations, the list of them, and what was measured of them.

use domain::{TenantId, Timestamp};

use crate::error::StoreError;
use crate::sql::organizations as sql;
use crate::tenant::{TenantTx, document, values};

/// An organization as stored; its id is the tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationRecord {
    /// Its name.
    pub name: String,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Makes this tenant an organization.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_organization(&mut self, new: &OrganizationRecord) -> Result<(), StoreError> {
        let doc = document("organization", &new.doc)?;
        self.execute(sql::INSERT, values![new.name.as_str(), new.created_at, doc]).map(drop)
    }

    /// Saves name and document; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_organization(&mut self, changed: &OrganizationRecord) -> Result<(), StoreError> {
        let doc = document("organization", &changed.doc)?;
        match self.execute(sql::SAVE, values![changed.name.as_str(), changed.updated_at, doc])? {
            0 => Err(StoreError::NotFound { what: "organization", id: self.tenant().to_string() }),
            _ => Ok(()),
        }
    }

    /// The organization that this tenant is, if it is one.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn organization(&self) -> Result<Option<OrganizationRecord>, StoreError> {
        self.query_one(sql::FIND, [], |row| {
            Ok(OrganizationRecord {
                name: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
                version: row.take()?,
                doc: row.take()?,
            })
        })
    }

    /// Enters an organization into the installation's list. Only in a transaction of [`TenantId::INSTALLATION`].
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn enter_organization(&mut self, id: TenantId, now: Timestamp) -> Result<(), StoreError> {
        self.execute(sql::ENTER, values![id, now]).map(drop)
    }

    /// The installation's list of organizations, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn directory(&self) -> Result<Vec<TenantId>, StoreError> {
        self.query(sql::DIRECTORY, [], |row| row.take())
    }

    /// Records a measurement, in thousandths of the metric's unit.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn add_sample(&mut self, metric: &str, at: Timestamp, value: i64) -> Result<(), StoreError> {
        self.execute(sql::SAMPLE, values![metric, at, value]).map(drop)
    }

    /// The measurements from one moment up to another, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn samples(
        &self,
        metric: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, i64)>, StoreError> {
        self.query(sql::SAMPLES, values![metric, from, to], |row| Ok((row.take()?, row.take()?)))
    }

    /// Deletes the measurements before a moment.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_samples(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::FORGET_SAMPLES, values![before])
    }
}

//! Artifacts: what came out of a run.

use domain::{ArtifactId, RunId, Timestamp};

use crate::error::StoreError;
use crate::objects::{ObjectHash, StoredObject};
use crate::sql::artifacts as sql;
use crate::tenant::{TenantTx, values};
use crate::tx::Row;

/// An artifact to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its id.
    pub id: ArtifactId,
    /// The run that made it.
    pub run: RunId,
    /// What it is, such as `report`.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Its content, which is on the disk already.
    pub object: StoredObject,
    /// When it was made.
    pub at: Timestamp,
}

/// An artifact as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// The run that made it.
    pub run: RunId,
    /// What it is.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// The hash of its content ([`Store::read_object`](crate::Store::read_object)).
    pub hash: ObjectHash,
    /// The size of its content.
    pub size_bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl TenantTx<'_> {
    /// Records an artifact. A content that the tenant has already counts nothing against its quota.
    ///
    /// # Errors
    /// [`StoreError::QuotaExceeded`]; [`StoreError::AlreadyExists`]; [`StoreError::DanglingReference`] when
    /// there is no such run; [`StoreError::NotFound`] when the content was put for another tenant.
    pub fn add_artifact(&mut self, artifact: &NewArtifact) -> Result<(), StoreError> {
        let StoredObject { tenant, hash, size } = artifact.object;
        if tenant != self.tenant() {
            return Err(StoreError::NotFound { what: "object", id: hash.to_string() });
        }
        self.record_object(hash, size, artifact.at)?;
        let (kind, name) = (artifact.kind.as_str(), artifact.name.as_str());
        self.execute(sql::INSERT, values![artifact.id, artifact.run, kind, name, &hash, size, artifact.at])?;
        Ok(())
    }

    /// The artifact with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn artifact(&self, id: ArtifactId) -> Result<Option<Artifact>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The artifacts of `run`, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn artifacts(&self, run: RunId, limit: u32) -> Result<Vec<Artifact>, StoreError> {
        self.query(sql::OF_RUN, values![run, limit], read)
    }

    /// How many bytes the tenant's artifacts have together, equal contents counted once.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn stored_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.query_one(sql::STORED_BYTES, [], |row| row.take())?.unwrap_or(0))
    }

    fn record_object(&mut self, hash: ObjectHash, size: u64, now: Timestamp) -> Result<(), StoreError> {
        if self.query_one(sql::OBJECT_SIZE, values![&hash], |row| row.take::<u64>())?.is_some() {
            return Ok(());
        }
        let quota_bytes = self.quota_bytes();
        if self.stored_bytes()?.saturating_add(size) > quota_bytes {
            return Err(StoreError::QuotaExceeded { wanted_bytes: size, quota_bytes });
        }
        self.execute(sql::INSERT_OBJECT, values![&hash, size, now])?;
        self.execute(sql::ADD_BYTES, values![size])?;
        Ok(())
    }
}

fn read(row: &mut Row<'_>) -> Result<Artifact, StoreError> {
    Ok(Artifact {
        id: row.take()?,
        run: row.take()?,
        kind: row.take()?,
        name: row.take()?,
        hash: row.take()?,
        size_bytes: row.take()?,
        created_at: row.take()?,
    })
}

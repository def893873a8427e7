//! Sessions, API tokens, invitations, links to sign in with, tickets: found by the digest of their secret.

use domain::{CredentialId, ProjectId, Timestamp, UserId};

use crate::error::StoreError;
use crate::sql::credentials as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// What a secret stands for. The secret itself is nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialRecord {
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// Its id, by which people speak of it.
    pub id: CredentialId,
    /// What it is, as a word of the layer above.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Whose it is; none for a machine's.
    pub user: Option<UserId>,
    /// The role that it carries by itself; a session has that of its member.
    pub role: Option<String>,
    /// The only project that it may touch.
    pub project: Option<ProjectId>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last noted to be used.
    pub last_used_at: Option<Timestamp>,
    /// When it was used up or revoked.
    pub ended_at: Option<Timestamp>,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl CredentialRecord {
    /// Whether it counts at this moment.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl TenantTx<'_> {
    /// Issues a credential.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_credential(&mut self, new: &CredentialRecord) -> Result<(), StoreError> {
        let doc = document("credential", &new.doc)?;
        let values = values![
            new.digest.as_slice(),
            new.id,
            new.kind.as_str(),
            new.name.as_str(),
            new.user,
            new.role.as_deref(),
            new.project,
            new.created_at,
            new.expires_at,
            doc
        ];
        self.execute(sql::INSERT, values).map(drop)
    }

    /// The credential whose secret has this digest, valid or not.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn credential(&self, digest: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        self.query_one(sql::FIND, values![digest.as_slice()], read)
    }

    /// The credential with this id, valid or not.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn credential_by_id(&self, id: CredentialId) -> Result<Option<CredentialRecord>, StoreError> {
        self.query_one(sql::BY_ID, values![id], read)
    }

    /// The credentials of a kind that were not ended, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn credentials(&self, kind: &str, limit: u32) -> Result<Vec<CredentialRecord>, StoreError> {
        self.query(sql::OF_KIND, values![kind, limit], read)
    }

    /// The credentials of a kind and a person that were not ended, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn credentials_of(
        &self,
        user: UserId,
        kind: &str,
        limit: u32,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        self.query(sql::OF_USER, values![user, kind, limit], read)
    }

    /// Notes that a credential was used.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn note_use(&mut self, digest: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
        self.execute(sql::USED, values![digest.as_slice(), now]).map(drop)
    }

    /// Ends a credential for good; whether it had not ended before.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn end_credential(&mut self, id: CredentialId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.execute(sql::END, values![id, now])? > 0)
    }

    /// Ends all credentials of a person.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn end_credentials_of(&mut self, user: UserId, now: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::END_OF_USER, values![user, now])
    }

    /// Deletes what ended or expired before a moment.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn forget_credentials(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.execute(sql::FORGET, values![before])
    }
}

fn read(row: &mut Row<'_>) -> Result<CredentialRecord, StoreError> {
    Ok(CredentialRecord {
        digest: row.take()?,
        id: row.take()?,
        kind: row.take()?,
        name: row.take()?,
        user: row.take()?,
        role: row.take()?,
        project: row.take()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        last_used_at: row.take()?,
        ended_at: row.take()?,
        doc: row.take()?,
    })
}

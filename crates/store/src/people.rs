//! Accounts of people (of the installation) and the members of an organization.

use domain::{TenantId, Timestamp, UserId};

use crate::error::StoreError;
use crate::sql::people as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// A person's account. It belongs to the installation: [`TenantId::INSTALLATION`].
#[derive(Clone, PartialEq)]
pub struct UserRecord {
    /// Its id.
    pub id: UserId,
    /// The address, in lower case; never changes.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The hash of the password in PHC form; none where single sign-on is the only way.
    pub password_hash: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl std::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Who.
    pub user: UserId,
    /// The address of the account.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The role, as a word of the layer above.
    pub role: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
}

impl TenantTx<'_> {
    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the address has one.
    pub fn insert_user(&mut self, user: &UserRecord) -> Result<(), StoreError> {
        let doc = document("account", &user.doc)?;
        let (email, name, hash) = (user.email.as_str(), user.name.as_str(), user.password_hash.as_deref());
        self.execute(sql::INSERT, values![user.id, email, name, hash, user.created_at, doc]).map(drop)
    }

    /// Saves name, password and document; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_user(&mut self, user: &UserRecord) -> Result<(), StoreError> {
        let doc = document("account", &user.doc)?;
        let (name, hash) = (user.name.as_str(), user.password_hash.as_deref());
        match self.execute(sql::SAVE, values![user.id, name, hash, user.updated_at, doc])? {
            0 => Err(StoreError::NotFound { what: "account", id: user.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The account with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read_user)
    }

    /// The account with this address (in lower case).
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn user_by_email(&self, email: &str) -> Result<Option<UserRecord>, StoreError> {
        self.query_one(sql::BY_EMAIL, values![email], read_user)
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn has_users(&self) -> Result<bool, StoreError> {
        Ok(self.query_one(sql::ANY, [], |row| row.take::<UserId>())?.is_some())
    }

    /// Links an account to who the person is to a provider of identities.
    ///
    /// # Errors
    /// [`StoreError::DanglingReference`] when there is no such account.
    pub fn link_identity(
        &mut self,
        issuer: &str,
        subject: &str,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(sql::LINK, values![issuer, subject, user, now]).map(drop)
    }

    /// The account of who a person is to a provider of identities.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn user_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<UserId>, StoreError> {
        self.query_one(sql::BY_IDENTITY, values![issuer, subject], |row| row.take())
    }

    /// Notes that a person belongs to an organization.
    ///
    /// # Errors
    /// [`StoreError::DanglingReference`] when there is no such account.
    pub fn affiliate(&mut self, user: UserId, organization: TenantId) -> Result<(), StoreError> {
        self.execute(sql::AFFILIATE, values![user, organization]).map(drop)
    }

    /// Notes that a person no longer belongs to an organization.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn leave(&mut self, user: UserId, organization: TenantId) -> Result<(), StoreError> {
        self.execute(sql::LEAVE, values![user, organization]).map(drop)
    }

    /// The organizations of a person.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn affiliations(&self, user: UserId) -> Result<Vec<TenantId>, StoreError> {
        self.query(sql::AFFILIATIONS, values![user], |row| row.take())
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_member(&mut self, member: &MemberRecord) -> Result<(), StoreError> {
        let (email, name, role) = (member.email.as_str(), member.name.as_str(), member.role.as_str());
        self.execute(sql::ADD_MEMBER, values![member.user, email, name, role, member.created_at]).map(drop)
    }

    /// Saves a member's name and role; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_member(&mut self, member: &MemberRecord) -> Result<(), StoreError> {
        let values = values![member.user, member.name.as_str(), member.role.as_str(), member.updated_at];
        match self.execute(sql::SAVE_MEMBER, values)? {
            0 => Err(StoreError::NotFound { what: "member", id: member.user.to_string() }),
            _ => Ok(()),
        }
    }

    /// Removes a member; whether there was one.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn remove_member(&mut self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.execute(sql::REMOVE_MEMBER, values![user])? > 0)
    }

    /// The member with this account.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn member(&self, user: UserId) -> Result<Option<MemberRecord>, StoreError> {
        self.query_one(sql::MEMBER, values![user], read_member)
    }

    /// The members behind one of them, in the order of their accounts.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn members(&self, after: Option<UserId>, limit: u32) -> Result<Vec<MemberRecord>, StoreError> {
        let after = after.unwrap_or(UserId::from_bytes([0; 16]));
        self.query(sql::MEMBERS, values![after, limit], read_member)
    }
}

fn read_user(row: &mut Row<'_>) -> Result<UserRecord, StoreError> {
    Ok(UserRecord {
        id: row.take()?,
        email: row.take()?,
        name: row.take()?,
        password_hash: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
        doc: row.take()?,
    })
}

fn read_member(row: &mut Row<'_>) -> Result<MemberRecord, StoreError> {
    Ok(MemberRecord {
        user: row.take()?,
        email: row.take()?,
        name: row.take()?,
        role: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
    })
}

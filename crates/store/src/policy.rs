//! Policies of an organization, receipts of their decisions, and counts of plain reads.

use domain::{PolicyId, ReceiptId, Timestamp};

use crate::error::StoreError;
use crate::page::Page;
use crate::sql::policies as sql;
use crate::tenant::{TenantTx, bounded, document, values};
use crate::tx::Row;

/// The longest text of a policy.
const MAX_POLICY_BYTES: usize = 64 << 10;

/// A policy as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Its id.
    pub id: PolicyId,
    /// A name that no other policy of the organization has.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Whether it counts.
    pub enabled: bool,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
}

/// A decision that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptRecord {
    /// Its place, from 1; given when it is added.
    pub number: u64,
    /// Its id.
    pub id: ReceiptId,
    /// When.
    pub at: Timestamp,
    /// Who asked, such as `user_…`.
    pub principal: String,
    /// For what.
    pub action: String,
    /// On what, such as `task_…`.
    pub resource: String,
    /// `allow` or `deny`.
    pub decision: String,
    /// Everything that it takes to decide it again.
    pub doc: serde_json::Value,
}

/// How often somebody read something on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCount {
    /// Days since the Unix epoch.
    pub day: i64,
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// How often.
    pub reads: u64,
}

impl TenantTx<'_> {
    /// Adds a policy.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is one of this name.
    pub fn insert_policy(&mut self, new: &PolicyRecord) -> Result<(), StoreError> {
        bounded("policy", new.text.len(), MAX_POLICY_BYTES)?;
        let (name, text) = (new.name.as_str(), new.text.as_str());
        self.execute(sql::INSERT, values![new.id, name, text, new.enabled, new.created_at]).map(drop)
    }

    /// Saves name, text and whether it counts; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::AlreadyExists`] when another one has this name.
    pub fn save_policy(&mut self, policy: &PolicyRecord) -> Result<(), StoreError> {
        bounded("policy", policy.text.len(), MAX_POLICY_BYTES)?;
        let (name, text) = (policy.name.as_str(), policy.text.as_str());
        match self.execute(sql::SAVE, values![policy.id, name, text, policy.enabled, policy.updated_at])? {
            0 => Err(StoreError::NotFound { what: "policy", id: policy.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// Removes a policy; whether there was one.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn remove_policy(&mut self, id: PolicyId) -> Result<bool, StoreError> {
        Ok(self.execute(sql::REMOVE, values![id])? > 0)
    }

    /// The policy with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn policy(&self, id: PolicyId) -> Result<Option<PolicyRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read_policy)
    }

    /// The policies, oldest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn policies(&self, limit: u32) -> Result<Vec<PolicyRecord>, StoreError> {
        self.query(sql::LIST, values![limit], read_policy)
    }

    /// Keeps a receipt.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn add_receipt(&mut self, new: &ReceiptRecord) -> Result<(), StoreError> {
        let doc = document("receipt", &new.doc)?;
        let (principal, action) = (new.principal.as_str(), new.action.as_str());
        let (resource, decision) = (new.resource.as_str(), new.decision.as_str());
        self.execute(sql::ADD_RECEIPT, values![new.id, new.at, principal, action, resource, decision, doc])
            .map(drop)
    }

    /// A page of receipts, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn receipts(&self, before: Option<u64>, limit: u32) -> Result<Vec<ReceiptRecord>, StoreError> {
        let page = Page::Newest { before, limit };
        self.query(sql::RECEIPTS, values![page.bound(), limit], read_receipt)
    }

    /// The receipt with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn receipt(&self, id: ReceiptId) -> Result<Option<ReceiptRecord>, StoreError> {
        self.query_one(sql::RECEIPT, values![id], read_receipt)
    }

    /// Adds to the counts of reads.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_reads(&mut self, count: &ReadCount) -> Result<(), StoreError> {
        let values = values![count.day, count.principal.as_str(), count.action.as_str(), count.reads];
        self.execute(sql::COUNT_READS, values).map(drop)
    }

    /// How often things were read since a day, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn read_counts(&self, since_day: i64, limit: u32) -> Result<Vec<ReadCount>, StoreError> {
        self.query(sql::READS, values![since_day, limit], |row| {
            Ok(ReadCount {
                day: row.take()?,
                principal: row.take()?,
                action: row.take()?,
                reads: row.take()?,
            })
        })
    }
}

fn read_policy(row: &mut Row<'_>) -> Result<PolicyRecord, StoreError> {
    Ok(PolicyRecord {
        id: row.take()?,
        name: row.take()?,
        text: row.take()?,
        enabled: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
    })
}

fn read_receipt(row: &mut Row<'_>) -> Result<ReceiptRecord, StoreError> {
    Ok(ReceiptRecord {
        number: row.take()?,
        id: row.take()?,
        at: row.take()?,
        principal: row.take()?,
        action: row.take()?,
        resource: row.take()?,
        decision: row.take()?,
        doc: row.take()?,
    })
}

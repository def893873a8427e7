//! The only SQL: journal, leases, tasks, runs, outbox, artifacts, migrations.
//!
//! A [`Store`] is one data directory, with its rows in SQLite there or in PostgreSQL. Everything is read and written through a [`TenantTx`], which the
//! closures given to [`Store::write`] and [`Store::read`] receive. A write that was answered is flushed to
//! the disk.

mod agent;
mod artifact;
mod audit;
mod block_on;
mod budget;
mod cache;
mod check;
mod code_artifact;
mod column;
mod connection;
mod credential;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub mod damage;
mod database;
mod directory;
mod document;
mod error;
mod facts;
pub mod fault;
mod found;
mod inbox;
mod job;
mod journal;
mod lease;
mod migrate;
mod objects;
mod operation;
mod organization;
mod outbox;
mod owner;
mod page;
mod people;
mod policy;
mod postgres;
mod project;
mod pull_request;
mod readers;
mod run;
mod sql;
mod sqlite_tx;
mod step;
mod store;
mod task;
mod tenant;
#[cfg(test)]
#[path = "../tests/it/server.rs"]
mod test_server;
mod tx;
mod writer;
mod writers;

pub use agent::AgentRecord;
pub use artifact::{Artifact, NewArtifact};
pub use audit::{AuditCheckpointRow, AuditFilter, AuditHeadRow, AuditRead, AuditReceiptRow, AuditRow};
pub use budget::{Budget, Spend};
pub use cache::Cached;
pub use check::CheckReport;
pub use code_artifact::CodeArtifactRecord;
pub use credential::CredentialRecord;
pub use database::ChangeWatch;
pub use document::Document;
pub use error::{DatabaseFailure, StoreError};
pub use facts::{BilledRow, PullRequestRow, ReviewRow, RunRow, SampleSum, ScoreRow, SpentRow};
pub use found::Found;
pub use inbox::{Message, MessageKind, NewMessage, Taken};
pub use journal::{DataKeyId, Entry, MAX_ENTRY_BYTES, NewEntry, Seq};
pub use lease::{Fence, HeldLease, Lease};
pub use objects::{ObjectHash, StoredObject};
pub use operation::{KeptAnswer, OperationRecord};
pub use organization::OrganizationRecord;
pub use outbox::{NewEvent, OutboxEvent};
pub use owner::Owner;
pub use page::Page;
pub use people::{MemberRecord, UserRecord};
pub use policy::{PolicyRecord, ReadCount, ReceiptRecord};
pub use project::ProjectRecord;
pub use pull_request::{PullRequestRecord, PullRequestState};
pub use run::{RunPlace, RunRecord, RunSummary};
pub use step::{AttemptRecord, StepRecord};
pub use store::{OpenOptions, Store};
pub use task::TaskRecord;
pub use tenant::{MAX_DOCUMENT_BYTES, TenantTx};

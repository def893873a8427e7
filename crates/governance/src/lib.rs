//! Audit: a hash chain per tenant, a Merkle tree with signed checkpoints, and a verifier that needs no server.
//!
//! Nothing here reads a database, a clock or a key file. [`append`] makes the next entry of a tenant from its
//! [`Head`]; `app` writes both in the transaction of what is audited. [`sign_checkpoint`] puts a signature under a
//! head. [`Verifier`] takes rows as they lie there, however damaged, and says which is the first bad one;
//! [`verify_export`] does so for an exported file alone. The formats are in `docs/evidence.md`.
//!
//! ```
//! # use domain::{TenantId, Timestamp};
//! # use governance::{Actor, Head, NewEntry, Outcome, ReceiptHead, Verifier, append};
//! let head = Head::empty(TenantId::LOCAL);
//! let new = NewEntry {
//!     at: Timestamp::from_micros(1),
//!     actor: Actor { kind: "user".into(), id: "user_1".into(), name: Some("Ada".into()) },
//!     action: "task.cancel".into(),
//!     subject: None,
//!     detail: serde_json::json!({"reason": "no longer needed"}),
//!     outcome: Outcome::Done,
//!     request_id: None,
//! };
//! let (row, head) = append(&head, &new, &ReceiptHead::default())?;
//! let mut verifier = Verifier::new(TenantId::LOCAL, &[], &[]);
//! verifier.entry(&row);
//! assert!(verifier.finish(Some(&head.to_row())).is_whole());
//! # Ok::<(), governance::AppendError>(())
//! ```

mod anchor;
mod canonical;
mod checkpoint;
mod entry;
mod export;
mod finding;
mod hash;
mod head;
mod import;
mod journal;
mod key;
mod merkle;
mod proof;
mod receipts;
mod verify;

pub use anchor::write_checkpoint;
pub use checkpoint::{
    Checkpoint, CheckpointRow, MAX_NOTE_BYTES, NoteError, NoteSignature, Previous, SignedCheckpoint,
    sign_checkpoint,
};
pub use entry::{
    Actor, AppendError, EntryRow, MAX_PAYLOAD_BYTES, NewEntry, Outcome, Payload, Subject, append, entry_hash,
};
pub use export::Exporter;
pub use finding::{Finding, FindingKind, MAX_FINDINGS, Report};
pub use hash::{Hash, HashError};
pub use head::{DamagedHead, Head, HeadRow};
pub use import::{ExportError, MAX_LINE_BYTES, verify_export};
pub use journal::{JournalDigest, JournalHead, JournalRow, NotJson, journal_digest};
pub use key::{KeyError, PublicKey, SigningKey};
pub use merkle::{Frontier, empty_root, leaf_hash, node_hash};
pub use proof::{consistency_ranges, inclusion_ranges, prove, verify_consistency, verify_inclusion};
pub use receipts::{ReceiptHead, ReceiptRow, ReceiptVerifier};
pub use verify::Verifier;

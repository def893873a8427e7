//! What a verification found.

use domain::TenantId;
use serde::Serialize;

use crate::hash::Hash;

/// Findings that a report lists; one is enough to act on.
pub const MAX_FINDINGS: usize = 100;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Entries are missing before others.
    Missing,
    /// An entry stands where it does not belong, or stands there twice.
    Order,
    /// A stored row or an exported line can't be read.
    Unreadable,
    /// An entry does not name the hash of the entry before it.
    Chain,
    /// The hash of an entry is not that of its payload, number and tenant.
    Hash,
    /// The payload of an entry is not one, or the columns beside it say something else.
    Content,
    /// The stored head is not where the log ends.
    Head,
    /// The log ends before a head or a checkpoint says it did.
    Truncated,
    /// The entries, sound among themselves, are not those that a checkpoint was signed over: they were rewritten.
    Rewritten,
    /// A checkpoint is not to be believed, is missing, or stands in the wrong place.
    Checkpoint,
    /// It belongs to another tenant.
    Tenant,
    /// The journal of a run is not the one that the entry of its end names.
    Journal,
    /// The receipts of decisions are not those that an entry names.
    Receipt,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The entry that it is about, or the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The size of the checkpoint that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// What is wrong, in a sentence.
    pub what: String,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose log.
    pub tenant: TenantId,
    /// How many entries were read.
    pub entries: u64,
    /// How many of the log's own checkpoints were read.
    pub checkpoints: u64,
    /// How many receipts of decisions were read: none in an export, which has none.
    pub receipts: u64,
    /// The number of the last receipt that an entry names: nothing protects those behind it.
    pub receipts_bound: u64,
    /// The root of the Merkle tree over the entries; none if some are missing or altered.
    pub root: Option<Hash>,
    /// The size of the largest checkpoint from outside that fits: up to there the log is what it was when that was
    /// signed, but for what the findings name, whatever could be done to the database. Behind it, and if there is none everywhere, only a change by
    /// somebody without the signing key, or a careless one, is found.
    pub anchored: Option<u64>,
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// How many more findings there were than are listed.
    pub more_findings: u64,
}

impl Report {
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            entries: 0,
            checkpoints: 0,
            receipts: 0,
            receipts_bound: 0,
            root: None,
            anchored: None,
            findings: Vec::new(),
            more_findings: 0,
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    /// The first bad record: the lowest number of an entry that a finding names.
    #[must_use]
    pub fn first_bad(&self) -> Option<u64> {
        self.findings.iter().filter_map(|finding| finding.seq).min()
    }

    /// Adds something that is wrong.
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }
}

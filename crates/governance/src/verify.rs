//! The verifier: takes a log as it lies there, row by row, and says what is wrong with it.
//!
//! It holds the right-hand edge of the tree and what the checkpoints say, never the log. Checkpoints come before
//! entries, because each is compared when the tree has its size.

use std::collections::BTreeMap;

use domain::TenantId;

use crate::checkpoint::{Checkpoint, CheckpointRow, Previous, SignedCheckpoint};
use crate::entry::{EntryRow, Payload, entry_hash};
use crate::finding::{Finding, FindingKind, Report};
use crate::hash::Hash;
use crate::head::{Head, HeadRow};
use crate::key::PublicKey;
use crate::merkle::{Frontier, leaf_hash};

/// A verification under way: [`Verifier::checkpoint`] for each of the log's own checkpoints by size, then
/// [`Verifier::entry`] for each entry by number, then [`Verifier::finish`].
#[derive(Debug)]
pub struct Verifier {
    tenant: TenantId,
    trusted: Vec<PublicKey>,
    /// Roots at sizes that were not reached yet.
    expected: BTreeMap<u64, Vec<Expected>>,
    /// Checkpoints from outside that were not seen among the log's own.
    outside: Vec<Previous>,
    /// The own checkpoint before; the outer `None` if it can't be read.
    previous: Option<Option<Previous>>,
    entries_began: bool,
    seq: u64,
    /// The hash of the last entry; `None` if it can't be known.
    hash: Option<Hash>,
    /// `None` once it can't be the tree that was signed.
    tree: Option<Frontier>,
    /// Where the last checkpoint fitted, and whether a bad entry was named since.
    fitted: u64,
    named: bool,
    report: Report,
}

#[derive(Debug)]
struct Expected {
    root: Hash,
    from: From,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Inside,
    Outside,
}

impl Verifier {
    /// A verification of `tenant`'s log against the checkpoints `outside`: texts that were kept where nobody who can
    /// write to the database can write. A checkpoint counts if a key of `trusted` signed it.
    #[must_use]
    pub fn new(tenant: TenantId, trusted: &[PublicKey], outside: &[&str]) -> Self {
        let mut verifier = Self {
            tenant,
            trusted: trusted.to_vec(),
            expected: BTreeMap::new(),
            outside: Vec::new(),
            previous: Some(None),
            entries_began: false,
            seq: 0,
            hash: Some(Hash::ZERO),
            tree: Some(Frontier::default()),
            fitted: 0,
            named: false,
            report: Report::new(tenant),
        };
        for text in outside {
            if let Some(checkpoint) = verifier.believe(text, From::Outside) {
                verifier.outside.push(Previous { size: checkpoint.size, hash: checkpoint.body_hash() });
            }
        }
        verifier
    }

    /// The log's next own checkpoint.
    pub fn checkpoint(&mut self, row: &CheckpointRow) {
        self.report.checkpoints += 1;
        let size = u64::try_from(row.size).ok();
        if self.entries_began {
            return self.bad_checkpoint(size, "a checkpoint stands behind entries".to_owned());
        }
        let Some(checkpoint) = self.believe(&row.note, From::Inside) else { return };
        let this = Previous { size: checkpoint.size, hash: checkpoint.body_hash() };
        if size != Some(this.size) {
            let what = format!("the checkpoint of {} entries is stored as one of {}", this.size, row.size);
            self.bad_checkpoint(Some(this.size), what);
        }
        if self.previous.is_some_and(|previous| previous != checkpoint.previous) {
            let what = match checkpoint.previous {
                Some(named) => format!("the checkpoint before is not that of {} entries", named.size),
                None => "it is no longer the first checkpoint".to_owned(),
            };
            self.bad_checkpoint(Some(this.size), what);
        }
        self.previous = Some(Some(this));
        self.outside.retain(|outside| *outside != this);
    }

    /// A checkpoint whose row can't be read.
    pub fn unreadable_checkpoint(&mut self, size: i64, what: &str) {
        self.report.checkpoints += 1;
        self.previous = None;
        self.bad_checkpoint(u64::try_from(size).ok(), format!("the checkpoint can't be read: {what}"));
    }

    /// The next entry; what it says, if it is sound in itself.
    pub fn entry(&mut self, row: &EntryRow) -> Option<Payload> {
        self.report.entries += 1;
        let seq = self.take_place(row.seq)?;
        let before = self.hash;
        let (prev, stored) = (Hash::from_slice(&row.prev_hash), Hash::from_slice(&row.hash));
        let computed = prev.map(|prev| entry_hash(self.tenant, seq, prev, &row.payload));
        let mut sound = None;
        if prev.is_none() || before.is_some_and(|hash| Some(hash) != prev) {
            self.bad_entry(FindingKind::Chain, seq, "it does not name the hash of the entry before it");
        } else if stored.is_none() || stored != computed {
            let what = "its hash is not that of its tenant, number and payload";
            self.bad_entry(FindingKind::Hash, seq, what);
        } else {
            match Payload::parse(&row.payload).map(|payload| (row.column_beside(&payload), payload)) {
                Ok((None, payload)) => sound = Some(payload),
                Ok((Some(column), _)) => {
                    let what = format!("its column {column} does not say what its payload says");
                    self.bad_entry(FindingKind::Content, seq, &what);
                }
                Err(what) => self.bad_entry(FindingKind::Content, seq, &format!("its payload is {what}")),
            }
        }
        self.step(stored);
        sound
    }

    /// An entry whose row can't be read.
    pub fn unreadable_entry(&mut self, seq: i64, what: &str) {
        self.report.entries += 1;
        let Some(seq) = self.take_place(seq) else { return };
        self.bad_entry(FindingKind::Unreadable, seq, &format!("it can't be read: {what}"));
        self.step(None);
    }

    /// Something about the log's form, such as a line of an export that is not one.
    pub(crate) fn bad_form(&mut self, what: String) {
        let seq = self.entries_began.then(|| self.seq.saturating_add(1));
        self.report.add(Finding { kind: FindingKind::Unreadable, seq, checkpoint: None, what });
    }

    /// The end of the log, as its head tells it.
    #[must_use]
    pub fn finish(mut self, head: Option<&HeadRow>) -> Report {
        self.begin_entries();
        self.check_head(head);
        for (size, expected) in self.expected.split_off(&self.seq.saturating_add(1)) {
            for Expected { from, .. } in expected {
                let what = format!(
                    "{} was signed over {size} entries, and the log ends with {}",
                    from.name(),
                    self.seq
                );
                self.truncated(Some(size), what);
            }
        }
        for Previous { size, .. } in std::mem::take(&mut self.outside) {
            let what = format!("the log has lost its own copy of the outside checkpoint of {size} entries");
            self.bad_checkpoint(Some(size), what);
        }
        self.report.root = self.tree.filter(|_| !self.named).map(|tree| tree.root());
        self.report
    }

    /// The checkpoint in a text, and its root to be compared, if it can be believed.
    fn believe(&mut self, text: &str, from: From) -> Option<Checkpoint> {
        let signed = match SignedCheckpoint::parse(text) {
            Ok(signed) => signed,
            Err(error) => {
                if from == From::Inside {
                    self.previous = None;
                }
                self.bad_checkpoint(None, format!("{} can't be read: {error}", from.name()));
                return None;
            }
        };
        let said = signed.unverified().clone();
        let size = Some(said.size);
        if said.tenant != self.tenant {
            let what = format!("{} is one of {}", from.name(), said.tenant);
            self.report.add(Finding { kind: FindingKind::Tenant, seq: None, checkpoint: size, what });
            return None;
        }
        if let Err(error) = signed.verify(&self.trusted) {
            self.bad_checkpoint(size, format!("{}: {error}", from.name()));
            // What is not believed still has its place among the others.
            return (from == From::Inside).then_some(said);
        }
        self.expected.entry(said.size).or_default().push(Expected { root: said.root, from });
        Some(said)
    }

    /// The number of a row, if it is the next or one behind it.
    fn take_place(&mut self, seq: i64) -> Option<u64> {
        self.begin_entries();
        let next = self.seq.saturating_add(1);
        let Some(seq) = u64::try_from(seq).ok().filter(|seq| *seq >= next) else {
            let what = if seq < 1 {
                format!("a row has the number {seq}, which no entry has")
            } else {
                format!("entry {seq} stands behind entry {}, or stands there twice", self.seq)
            };
            let seq = u64::try_from(seq).ok();
            self.named = true;
            self.report.add(Finding { kind: FindingKind::Order, seq, checkpoint: None, what });
            return None;
        };
        if seq > next {
            let what = if seq - 1 == next {
                "it is missing".to_owned()
            } else {
                format!("it and those up to entry {} are missing", seq - 1)
            };
            self.bad_entry(FindingKind::Missing, next, &what);
            (self.hash, self.tree) = (None, None);
        }
        self.seq = seq;
        Some(seq)
    }

    fn begin_entries(&mut self) {
        if !self.entries_began {
            self.entries_began = true;
            self.settle();
        }
    }

    /// Goes on behind an entry: with the hash that is stored, so that damage of one entry is not found in all others.
    fn step(&mut self, stored: Option<Hash>) {
        self.hash = stored;
        match (stored, &mut self.tree) {
            (Some(hash), Some(tree)) => tree.push(leaf_hash(&hash.0)),
            _ => self.tree = None,
        }
        self.settle();
    }

    /// Compares the checkpoints of the present size.
    fn settle(&mut self) {
        let Some(expected) = self.expected.remove(&self.seq) else { return };
        let Some(root) = self.tree.as_ref().map(Frontier::root) else { return };
        for Expected { root: signed, from } in expected {
            if signed == root {
                if from == From::Outside {
                    self.report.anchored = Some(self.seq);
                }
                self.fitted = self.seq;
                continue;
            }
            // A bad entry that was named explains it.
            if !self.named {
                let first = self.fitted.saturating_add(1).min(self.seq.max(1));
                let (seq, name) = (Some(first), from.name());
                let what = format!(
                    "entries {first} to {}, or some of them, are not those that {name} was signed over",
                    self.seq
                );
                let checkpoint = Some(self.seq);
                self.report.add(Finding { kind: FindingKind::Rewritten, seq, checkpoint, what });
            }
            self.tree = None;
        }
    }

    fn check_head(&mut self, head: Option<&HeadRow>) {
        let ends = self.seq;
        let what = match head {
            None if ends == 0 => return,
            None => "the log has no head".to_owned(),
            Some(row) if i128::from(row.seq) > i128::from(ends) => {
                let what = format!("the head tells of {} entries, and the log ends with {ends}", row.seq);
                return self.truncated(None, what);
            }
            Some(row) if i128::from(row.seq) < i128::from(ends) => {
                format!("the head tells of {} entries, and there are {ends}", row.seq)
            }
            Some(row) => match Head::from_row(self.tenant, Some(row)) {
                Err(_) => "the columns of the head do not belong together".to_owned(),
                Ok(head) if self.hash.is_some_and(|hash| hash != head.hash()) => {
                    "the head names another last entry".to_owned()
                }
                Ok(_) if self.tree.as_ref().is_some_and(|tree| tree.to_bytes() != row.frontier) => {
                    "the head has another Merkle tree".to_owned()
                }
                Ok(_) => return,
            },
        };
        self.report.add(Finding { kind: FindingKind::Head, seq: None, checkpoint: None, what });
    }

    fn bad_entry(&mut self, kind: FindingKind, seq: u64, what: &str) {
        self.named = true;
        let what = format!("entry {seq}: {what}");
        self.report.add(Finding { kind, seq: Some(seq), checkpoint: None, what });
    }

    fn bad_checkpoint(&mut self, size: Option<u64>, what: String) {
        self.report.add(Finding { kind: FindingKind::Checkpoint, seq: None, checkpoint: size, what });
    }

    fn truncated(&mut self, checkpoint: Option<u64>, what: String) {
        let seq = Some(self.seq.saturating_add(1));
        self.report.add(Finding { kind: FindingKind::Truncated, seq, checkpoint, what });
    }
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Inside => "the log's own checkpoint",
            Self::Outside => "the checkpoint from outside",
        }
    }
}

//! The journal of a run: append-only, numbered without gaps, written only under the run's lease.

use domain::{RunId, Taint, Timestamp};

use crate::error::StoreError;
use crate::lease::Fence;
use crate::sql::journal as sql;
use crate::tenant::{TenantTx, bounded, values};
use crate::tx::{Column, Raw, Scan, Value};

/// The largest body, and the largest raw bytes, of one entry. Larger contents are artifacts.
pub const MAX_ENTRY_BYTES: usize = 16 << 20;

/// What one call of [`TenantTx::entries`] reads at most, apart from a single entry that is larger.
const MAX_READ_BYTES: usize = 8 << 20;

/// The number of an entry within its run, from 1.
pub type Seq = u64;

/// The id of the key that a body is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataKeyId(pub [u8; 16]);

impl From<DataKeyId> for Value<'_> {
    fn from(key: DataKeyId) -> Self {
        Self::Id(key.0)
    }
}

impl Column for DataKeyId {
    fn read(raw: Raw<'_>) -> Option<Self> {
        Column::read(raw).map(Self)
    }
}

/// An entry to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The number of the attempt that it belongs to; 0 for the run as a whole.
    pub branch: u32,
    /// The clock when it was made.
    pub at: Timestamp,
    /// What it is, such as `tool.intended`.
    pub kind: String,
    /// How far its body may be trusted.
    pub taint: Taint,
    /// The key that body and raw bytes are encrypted with; `None` if they are not.
    pub data_key: Option<DataKeyId>,
    /// The entry itself, in the form of the layer that writes it.
    pub body: Vec<u8>,
    /// What a provider sent, byte for byte.
    pub raw: Option<Vec<u8>>,
}

/// An entry as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number within the run.
    pub seq: Seq,
    /// The number of the attempt that it belongs to; 0 for the run as a whole.
    pub branch: u32,
    /// The clock when it was made; may be earlier than that of the entry before.
    pub at: Timestamp,
    /// What it is.
    pub kind: String,
    /// How far its body may be trusted.
    pub taint: Taint,
    /// The key that body and raw bytes are encrypted with.
    pub data_key: Option<DataKeyId>,
    /// The entry itself.
    pub body: Vec<u8>,
    /// Whether there are raw bytes ([`TenantTx::raw_bytes`]).
    pub has_raw: bool,
}

impl TenantTx<'_> {
    /// Appends entries to the journal of `run` and gives their numbers.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when `fence` is not the token of the present lease; [`StoreError::TooLarge`].
    pub fn append(&mut self, run: RunId, fence: Fence, entries: &[NewEntry]) -> Result<Vec<Seq>, StoreError> {
        let fenced = || StoreError::Fenced { run, fence };
        let mut appended = Vec::with_capacity(entries.len());
        for entry in entries {
            bounded("journal entry", entry.body.len(), MAX_ENTRY_BYTES)?;
            bounded("raw journal entry", entry.raw.as_ref().map_or(0, Vec::len), MAX_ENTRY_BYTES)?;
            let values = values![
                run,
                fence,
                entry.branch,
                entry.at,
                entry.kind.as_str(),
                entry.taint,
                entry.data_key,
                entry.body.as_slice(),
                entry.raw.as_deref()
            ];
            appended.push(self.returning(sql::APPEND, values, |row| row.take())?.ok_or_else(fenced)?);
        }
        Ok(appended)
    }

    /// The entries of `run` from number `from` on: at most `limit`, and fewer when they are large. None at
    /// all means that there are no more.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn entries(&self, run: RunId, from: Seq, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        self.scan(sql::ENTRIES, values![run, from, limit], |row| {
            let entry = Entry {
                seq: row.take()?,
                branch: row.take()?,
                at: row.take()?,
                kind: row.take()?,
                taint: row.take()?,
                data_key: row.take()?,
                body: row.take()?,
                has_raw: row.take()?,
            };
            bytes += entry.body.len();
            if bytes > MAX_READ_BYTES && !entries.is_empty() {
                return Ok(Scan::Stop);
            }
            entries.push(entry);
            Ok(Scan::Go)
        })?;
        Ok(entries)
    }

    /// The raw bytes of an entry, if it has any.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn raw_bytes(&self, run: RunId, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.query_one(sql::RAW, values![run, seq], |row| row.take())?.flatten())
    }

    /// The number of the last entry of `run`; 0 if there is none.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn journal_head(&self, run: RunId) -> Result<Seq, StoreError> {
        Ok(self.query_one(sql::HEAD, values![run], |row| row.take())?.unwrap_or(0))
    }
}

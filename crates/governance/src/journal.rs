//! A run's journal in one hash: how model and tool calls come into the audit.
//!
//! The chain is the one of the attestation (docs/evidence.md), so that the entry `run.finished` of the audit and the
//! attestation of the change name the same journal.

use domain::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical;
use crate::hash::Hash;

/// What the chain over a journal begins with.
const SEED: &[u8] = b"aamas journal v1";

/// A row of a run's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalRow<'a> {
    /// Its number within the run.
    pub seq: u64,
    /// The number of its attempt; 0 for the run as a whole.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The entry, as JSON.
    pub body: &'a [u8],
}

/// Where a journal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalHead {
    /// How many entries it has.
    pub count: u64,
    /// The last link of the chain.
    pub sha256: Hash,
}

/// A row whose body is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of the journal is not JSON")]
pub struct NotJson {
    /// Its number.
    pub seq: u64,
}

/// The chain over a journal, row by row. Each link is the SHA-256 of the link before and of the canonical JSON of `seq`,
/// `attempt`, `at` and `entry`.
#[derive(Clone, Debug)]
pub struct JournalDigest {
    head: JournalHead,
}

impl Default for JournalDigest {
    fn default() -> Self {
        Self { head: JournalHead { count: 0, sha256: Hash(Sha256::digest(SEED).into()) } }
    }
}

impl JournalDigest {
    /// Adds the next row.
    ///
    /// # Errors
    /// [`NotJson`]; nothing was added then.
    pub fn push(&mut self, row: JournalRow<'_>) -> Result<(), NotJson> {
        let entry: Value = serde_json::from_slice(row.body).map_err(|_| NotJson { seq: row.seq })?;
        let line = json!({"seq": row.seq, "attempt": row.attempt, "at": row.at, "entry": entry});
        let link = Sha256::new().chain_update(self.head.sha256.0).chain_update(canonical(&line));
        self.head = JournalHead { count: self.head.count + 1, sha256: Hash(link.finalize().into()) };
        Ok(())
    }

    /// Where it stands.
    #[must_use]
    pub fn head(&self) -> &JournalHead {
        &self.head
    }
}

/// The head of a whole journal.
///
/// # Errors
/// [`NotJson`].
pub fn journal_digest<'a>(rows: impl IntoIterator<Item = JournalRow<'a>>) -> Result<JournalHead, NotJson> {
    let mut digest = JournalDigest::default();
    rows.into_iter().try_for_each(|row| digest.push(row))?;
    Ok(digest.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash was made with Python from the description in docs/evidence.md.
    #[test]
    fn the_chain_is_the_one_of_the_attestation() {
        let at = Timestamp::from_micros(1_763_875_131_000_042);
        let rows = [
            JournalRow { seq: 1, attempt: 0, at, body: br#"{"text": "caf\u00e9", "kind": "steered"}"# },
            JournalRow { seq: 2, attempt: 3, at, body: br#"{"b": 1, "a": [0.5]}"# },
        ];
        let head = journal_digest(rows).expect("JSON");
        assert_eq!(
            (head.count, head.sha256.to_string().as_str()),
            (2, "e1c18b1e23e64fad107e57b8b1aefd53b06eece4fbb2a0517ed4e03b7e5deff1")
        );
        let broken = JournalRow { seq: 3, attempt: 0, at, body: b"\xff" };
        assert_eq!(journal_digest([broken]), Err(NotJson { seq: 3 }));
        assert_ne!(journal_digest([rows[1], rows[0]]), Ok(head));
    }
}

//! A run's journal in one hash: how model and tool calls come into the audit.
//!
//! The chain is the one of the attestation (docs/evidence.md), so that the entry `run.finished` of the audit and the
//! attestation of the change name the same journal. A second chain is over the columns that stand beside the bodies in
//! the database, which the attestation does not know.

use domain::{Taint, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical;
use crate::hash::{Hash, hex};

/// What the chain over a journal begins with.
const SEED: &[u8] = b"aamas journal v1";

/// What the chain over the columns beside begins with.
const COLUMNS_SEED: &[u8] = b"aamas journal columns v1";

/// A row of a run's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalRow<'a> {
    /// Its number within the run.
    pub seq: u64,
    /// The number of its attempt; 0 for the run as a whole.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What kind of entry it is, as its column says.
    pub kind: &'a str,
    /// How far its body may be trusted.
    pub taint: Taint,
    /// The key that its body is encrypted with.
    pub data_key: Option<[u8; 16]>,
    /// Whether there are bytes of a provider beside it.
    pub has_raw: bool,
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
    /// The last link of the chain over the columns beside the bodies.
    pub columns_sha256: Hash,
}

/// A row whose body is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of the journal is not JSON")]
pub struct NotJson {
    /// Its number.
    pub seq: u64,
}

/// The chains over a journal, row by row. Each link is the SHA-256 of the link before and of the canonical JSON of `seq`,
/// `attempt`, `at` and `entry`; in the chain over the columns beside, of `seq`, `kind`, `taint`, `data_key` and `has_raw`.
#[derive(Clone, Debug)]
pub struct JournalDigest {
    head: JournalHead,
}

impl Default for JournalDigest {
    fn default() -> Self {
        let seed = |text: &[u8]| Hash(Sha256::digest(text).into());
        Self { head: JournalHead { count: 0, sha256: seed(SEED), columns_sha256: seed(COLUMNS_SEED) } }
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
        let columns = json!({
            "seq": row.seq, "kind": row.kind, "taint": row.taint, "data_key": row.data_key.map(|key| hex(&key)),
            "has_raw": row.has_raw,
        });
        let after = |link: Hash, value: &Value| {
            Hash(Sha256::new().chain_update(link.0).chain_update(canonical(value)).finalize().into())
        };
        self.head = JournalHead {
            count: self.head.count + 1,
            sha256: after(self.head.sha256, &line),
            columns_sha256: after(self.head.columns_sha256, &columns),
        };
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

    fn row(seq: u64, body: &[u8]) -> JournalRow<'_> {
        JournalRow {
            seq,
            attempt: 0,
            at: Timestamp::from_micros(1_763_875_131_000_042),
            kind: "steered",
            taint: Taint::Trusted,
            data_key: None,
            has_raw: false,
            body,
        }
    }

    /// The hash was made with Python from the description in docs/evidence.md.
    #[test]
    fn the_chain_is_the_one_of_the_attestation() {
        let rows = [
            JournalRow { attempt: 0, ..row(1, br#"{"text": "caf\u00e9", "kind": "steered"}"#) },
            JournalRow { attempt: 3, ..row(2, br#"{"b": 1, "a": [0.5]}"#) },
        ];
        let head = journal_digest(rows).expect("JSON");
        assert_eq!(
            (head.count, head.sha256.to_string().as_str()),
            (2, "e1c18b1e23e64fad107e57b8b1aefd53b06eece4fbb2a0517ed4e03b7e5deff1")
        );
        assert_eq!(journal_digest([row(3, b"\xff")]), Err(NotJson { seq: 3 }));
        assert_ne!(journal_digest([rows[1], rows[0]]), Ok(head));
    }

    #[test]
    fn the_columns_beside_a_body_are_in_a_chain_of_their_own() {
        let of = |row: JournalRow<'_>| journal_digest([row]).expect("JSON");
        let (whole, row) = (of(row(1, b"{}")), row(1, b"{}"));
        for other in [
            JournalRow { kind: "answered", ..row },
            JournalRow { taint: Taint::Untrusted, ..row },
            JournalRow { data_key: Some([0; 16]), ..row },
            JournalRow { has_raw: true, ..row },
        ] {
            let other = of(other);
            assert_eq!(other.sha256, whole.sha256, "the attestation's chain");
            assert_ne!(other.columns_sha256, whole.columns_sha256);
        }
    }
}

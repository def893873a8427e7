//! An entry: what happened, in canonical bytes, chained to the entry before.

use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical;
use crate::hash::Hash;
use crate::head::Head;
use crate::receipts::ReceiptHead;

/// The version of the payload and of what is hashed.
const VERSION: u8 = 1;

/// What the hash of an entry begins with, so that it is the hash of nothing else.
const DOMAIN: &[u8] = b"aamas audit entry\0";

/// The largest payload of an entry, in bytes. Contents of any size come in by their hash.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;

/// The longest word (kind, action), in bytes.
const MAX_WORD_BYTES: usize = 64;
/// The longest id or name, in bytes: an e-mail address has at most 254.
const MAX_NAME_BYTES: usize = 256;
/// How deep the detail may be nested; a reader of JSON takes 127 levels.
const MAX_DEPTH: usize = 32;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// What it is: `user`, `token`, `agent`, `system`, … (lower-case letters, digits and `.-_`).
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it was called then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What it is: `task`, `policy`, … (lower-case letters, digits and `.-_`).
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Denied,
    /// It was allowed and did not succeed.
    Failed,
}

impl Outcome {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// When. May be earlier than the entry before: a clock may jump back.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Did what, such as `task.create` (lower-case letters, digits and `.-_`).
    pub action: String,
    /// To what.
    pub subject: Option<Subject>,
    /// More about it: an object (or null for an empty one), without numbers that are not integers.
    pub detail: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// What the payload of an entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// Did what.
    pub action: String,
    /// Who.
    pub actor: Actor,
    /// When, in RFC 3339.
    pub at: String,
    /// More about it.
    pub detail: Map<String, Value>,
    /// How it ended.
    pub outcome: Outcome,
    /// The receipts of decisions that there were, by hash; none if there were none, or before releases bound them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts: Option<ReceiptHead>,
    /// The request that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// To what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The version: 1.
    pub v: u8,
}

impl Payload {
    /// What a stored payload says.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let payload: Self = serde_json::from_str(text).map_err(|e| format!("no entry: {e}"))?;
        if payload.v != VERSION {
            return Err(format!("version {}, and this release knows version {VERSION}", payload.v));
        }
        Ok(payload)
    }

    fn of(new: &NewEntry, receipts: &ReceiptHead) -> Result<Self, AppendError> {
        let detail = match &new.detail {
            Value::Object(detail) => detail.clone(),
            Value::Null => Map::new(),
            _ => return Err(AppendError::Detail("an object")),
        };
        Ok(Self {
            action: new.action.clone(),
            actor: new.actor.clone(),
            at: new.at.to_string(),
            detail,
            outcome: new.outcome,
            receipts: (receipts.count > 0).then(|| receipts.clone()),
            request_id: new.request_id.clone(),
            subject: new.subject.clone(),
            v: VERSION,
        })
    }
}

/// An entry as it is stored. The payload is what counts; the columns before it repeat parts of it for queries. When
/// it was read from a database, each of them may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its number, from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What kind of actor.
    pub actor_kind: String,
    /// Which one.
    pub actor_id: String,
    /// Did what.
    pub action: String,
    /// To what kind of thing; empty if to none.
    pub subject_kind: String,
    /// To which one; empty if to none.
    pub subject_id: String,
    /// How it ended.
    pub outcome: String,
    /// All of it, as canonical JSON: what is hashed, byte for byte.
    pub payload: String,
    /// The hash of the entry before; zeros before the first.
    pub prev_hash: Vec<u8>,
    /// The hash of this entry.
    pub hash: Vec<u8>,
}

/// Why nothing can be appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A kind or an action is no word.
    #[error("{what} of an audit entry is 1 to 64 lower-case letters, digits and `.-_`")]
    Word {
        /// Which.
        what: &'static str,
    },
    /// An id or a name can't be shown in a line.
    #[error("{what} of an audit entry is 1 to 256 bytes without control characters")]
    Name {
        /// Which.
        what: &'static str,
    },
    /// The time has no text in RFC 3339.
    #[error("the time of an audit entry lies outside the calendar")]
    Time,
    /// The detail has something that different programs write differently.
    #[error("the detail of an audit entry has to be {0}")]
    Detail(&'static str),
    /// It is too large.
    #[error("an audit entry has {size_bytes} bytes; at most {MAX_PAYLOAD_BYTES} are stored")]
    TooLarge {
        /// How large.
        size_bytes: usize,
    },
    /// There are no more numbers.
    #[error("the audit is full")]
    Full,
}

/// The row of what is to be recorded, and the head behind it. Both have to be stored in one transaction, and only if
/// the stored head is still `head`. `receipts` are those of decisions that there are by now.
///
/// # Errors
/// [`AppendError`] if `new` is not within the bounds.
pub fn append(head: &Head, new: &NewEntry, receipts: &ReceiptHead) -> Result<(EntryRow, Head), AppendError> {
    check(new)?;
    let payload = Payload::of(new, receipts)?;
    let text = serde_json::to_value(&payload).map_or_else(|_| String::new(), |value| canonical(&value));
    if text.is_empty() || text.len() > MAX_PAYLOAD_BYTES {
        return Err(AppendError::TooLarge { size_bytes: text.len() });
    }
    let seq = head.size().checked_add(1).ok_or(AppendError::Full)?;
    let number = i64::try_from(seq).map_err(|_| AppendError::Full)?;
    let hash = entry_hash(head.tenant(), seq, head.hash(), &text);
    let (subject_kind, subject_id) = payload.subject.map_or_else(Default::default, |s| (s.kind, s.id));
    let row = EntryRow {
        seq: number,
        at: new.at,
        actor_kind: payload.actor.kind,
        actor_id: payload.actor.id,
        action: payload.action,
        subject_kind,
        subject_id,
        outcome: payload.outcome.as_str().to_owned(),
        payload: text,
        prev_hash: head.hash().0.to_vec(),
        hash: hash.0.to_vec(),
    };
    Ok((row, head.after(hash)))
}

/// The hash of an entry. Everything before the payload has a fixed length, and the payload has its length before it, so
/// that neither tenant, number, order nor length can be changed:
///
/// `SHA-256("aamas audit entry" 00 || version (1 byte) || tenant (16) || number (8) || hash of the entry before (32) ||
/// length of the payload (8) || payload)`, numbers big-endian.
#[must_use]
pub fn entry_hash(tenant: TenantId, seq: u64, prev: Hash, payload: &str) -> Hash {
    let digest = Sha256::new()
        .chain_update(DOMAIN)
        .chain_update([VERSION])
        .chain_update(tenant.to_bytes())
        .chain_update(seq.to_be_bytes())
        .chain_update(prev.0)
        .chain_update((payload.len() as u64).to_be_bytes())
        .chain_update(payload.as_bytes());
    Hash(digest.finalize().into())
}

impl EntryRow {
    /// The first column that does not say what the payload says; `None` if all do.
    pub(crate) fn column_beside(&self, payload: &Payload) -> Option<&'static str> {
        let (kind, id) = payload.subject.as_ref().map_or(("", ""), |s| (&s.kind, &s.id));
        let columns = [
            ("at", self.at.to_string() == payload.at),
            ("actor_kind", self.actor_kind == payload.actor.kind),
            ("actor_id", self.actor_id == payload.actor.id),
            ("action", self.action == payload.action),
            ("subject_kind", self.subject_kind == kind),
            ("subject_id", self.subject_id == id),
            ("outcome", self.outcome == payload.outcome.as_str()),
        ];
        columns.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}

fn check(new: &NewEntry) -> Result<(), AppendError> {
    let subject = new.subject.as_ref();
    let words = [
        ("the kind of the actor", Some(&new.actor.kind)),
        ("the action", Some(&new.action)),
        ("the kind of the subject", subject.map(|s| &s.kind)),
    ];
    let names = [
        ("the id of the actor", Some(&new.actor.id)),
        ("the name of the actor", new.actor.name.as_ref()),
        ("the id of the subject", subject.map(|s| &s.id)),
        ("the request", new.request_id.as_ref()),
    ];
    if let Some((what, _)) = words.iter().find(|(_, word)| word.is_some_and(|word| !is_word(word))) {
        return Err(AppendError::Word { what });
    }
    if let Some((what, _)) = names.iter().find(|(_, name)| name.is_some_and(|name| !is_name(name))) {
        return Err(AppendError::Name { what });
    }
    if !new.at.to_string().ends_with('Z') {
        return Err(AppendError::Time);
    }
    check_detail(&new.detail, MAX_DEPTH)
}

fn is_word(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    (1..=MAX_WORD_BYTES).contains(&text.len()) && text.bytes().all(fits)
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn check_detail(value: &Value, depth: usize) -> Result<(), AppendError> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(AppendError::Detail("nested at most 32 levels deep"));
    };
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if number.is_f64() => {
            Err(AppendError::Detail("without numbers that are not integers"))
        }
        Value::Number(_) => Ok(()),
        Value::Array(items) => items.iter().try_for_each(|item| check_detail(item, below)),
        Value::Object(members) => members.values().try_for_each(|member| check_detail(member, below)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn new_entry() -> NewEntry {
        NewEntry {
            at: Timestamp::from_micros(1_763_875_131_000_042),
            actor: Actor { kind: "user".into(), id: "user_7".into(), name: Some("Ada Lovelace".into()) },
            action: "task.cancel".into(),
            subject: Some(Subject { kind: "task".into(), id: "task_9".into() }),
            detail: json!({"reason": "caf\u{e9}\n", "count": 3, "b": [true, null]}),
            outcome: Outcome::Done,
            request_id: Some("req-1".into()),
        }
    }

    /// The hash was made with Python's hashlib from the description alone: the format must never change.
    #[test]
    fn the_bytes_of_an_entry_are_those_that_are_documented() {
        let tenant = TenantId::from_bytes([7; 16]);
        let (row, head) =
            append(&Head::empty(tenant), &new_entry(), &ReceiptHead::default()).expect("within the bounds");
        let payload = concat!(
            r#"{"action":"task.cancel","actor":{"id":"user_7","kind":"user","name":"Ada Lovelace"},"#,
            r#""at":"2025-11-23T05:18:51.000042Z","detail":{"b":[true,null],"count":3,"reason":"café\n"},"#,
            r#""outcome":"done","request_id":"req-1","subject":{"id":"task_9","kind":"task"},"v":1}"#
        );
        assert_eq!(row.payload, payload);
        assert_eq!(
            head.hash().to_string(),
            "4d32cf37bb80d4f988a8a2177a5c6bf0fccbc144b46bbd85dd3db5a9238626e0"
        );
        let (second, _) = append(&head, &new_entry(), &ReceiptHead::default()).expect("within the bounds");
        assert_eq!((second.seq, &second.prev_hash), (2, &row.hash));
        assert_eq!(
            Hash::from_slice(&second.hash).map(|h| h.to_string()).as_deref(),
            Some("046d4a5edbef05cd74174bb8d2221f96e9e9d493f831dde000bc92b91e66e5bb")
        );
        let read = Payload::parse(payload).expect("our own text");
        assert_eq!(row.column_beside(&read), None);
        assert_eq!(serde_json::to_value(read).map(|v| canonical(&v)).expect("JSON"), payload);
    }

    #[test]
    fn tenant_number_order_and_length_are_in_the_hash() {
        let tenant = TenantId::LOCAL;
        let hashes = [
            entry_hash(tenant, 1, Hash::ZERO, "{}"),
            entry_hash(TenantId::from_bytes([1; 16]), 1, Hash::ZERO, "{}"),
            entry_hash(tenant, 2, Hash::ZERO, "{}"),
            entry_hash(tenant, 1, Hash([1; 32]), "{}"),
            entry_hash(tenant, 1, Hash::ZERO, "{} "),
            entry_hash(tenant, 1, Hash::ZERO, ""),
        ];
        let different: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(different.len(), hashes.len());
    }

    #[test]
    fn what_is_not_within_the_bounds_is_refused() {
        let deep = (0..40).fold(json!({}), |inner, _| json!({"a": inner}));
        let with = |change: &dyn Fn(&mut NewEntry)| {
            let mut new = new_entry();
            change(&mut new);
            append(&Head::empty(TenantId::LOCAL), &new, &ReceiptHead::default()).map(|_| ())
        };
        type Case<'a> = (&'a dyn Fn(&mut NewEntry), Result<(), AppendError>);
        let cases: [Case<'_>; 12] = [
            (&|_| {}, Ok(())),
            (&|n| n.detail = Value::Null, Ok(())),
            (&|n| n.action = "Task".into(), Err(AppendError::Word { what: "the action" })),
            (&|n| n.actor.kind = String::new(), Err(AppendError::Word { what: "the kind of the actor" })),
            (&|n| n.actor.id = "a\u{0}".into(), Err(AppendError::Name { what: "the id of the actor" })),
            (
                &|n| n.actor.name = Some("x".repeat(257)),
                Err(AppendError::Name { what: "the name of the actor" }),
            ),
            (&|n| n.request_id = Some("a\nb".into()), Err(AppendError::Name { what: "the request" })),
            (&|n| n.at = Timestamp::from_micros(i64::MAX), Err(AppendError::Time)),
            (&|n| n.detail = json!([1]), Err(AppendError::Detail("an object"))),
            (
                &|n| n.detail = json!({"a": [0.5]}),
                Err(AppendError::Detail("without numbers that are not integers")),
            ),
            (&|n| n.detail = deep.clone(), Err(AppendError::Detail("nested at most 32 levels deep"))),
            (
                &|n| n.detail = json!({"a": "x".repeat(70_000)}),
                Err(AppendError::TooLarge { size_bytes: 70_221 }),
            ),
        ];
        for (i, (change, want)) in cases.into_iter().enumerate() {
            assert_eq!(with(change), want, "case {i}");
        }
    }

    #[test]
    fn a_payload_of_another_version_or_with_more_members_is_not_believed() {
        let (row, _) = append(&Head::empty(TenantId::LOCAL), &new_entry(), &ReceiptHead::default())
            .expect("within the bounds");
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1", "\"v\":1,\"x\":1"),
            ("\"v\":1", "\"v\":1,\"v\":1"),
            ("\"done\"", "\"won\""),
            ("\"kind\":\"user\"", "\"kind\":\"user\",\"kind\":\"user\""),
        ] {
            let text = row.payload.replace(from, to);
            assert_ne!(text, row.payload);
            assert!(Payload::parse(&text).is_err(), "{text}");
        }
    }
}

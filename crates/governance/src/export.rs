//! The export: a log as JSON Lines, faithful to the rows, whatever state they are in.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::canonical::canonical;
use crate::checkpoint::CheckpointRow;
use crate::entry::{EntryRow, Payload};
use crate::hash::hex;
use crate::head::HeadRow;

/// What the first line says.
pub(crate) const FORMAT: &str = "aamas-audit/1";

/// A line of any type; which members it has depends on the type.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<i64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<i64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) prev_hash: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<Columns>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) frontier: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) what: Option<Cow<'a, str>>,
}

/// The columns beside the payload, when they don't say what it says.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    pub(crate) at_micros: i64,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: String,
    pub(crate) action: String,
    pub(crate) subject_kind: String,
    pub(crate) subject_id: String,
    pub(crate) outcome: String,
}

/// Writes a log line by line: checkpoints by size, entries by number, then the end.
pub struct Exporter<W> {
    out: W,
}

impl<W: Write> Exporter<W> {
    /// Begins the export of a tenant's log.
    ///
    /// # Errors
    /// Why `out` can't be written; so with all others.
    pub fn begin(out: W, tenant: TenantId) -> io::Result<Self> {
        let mut exporter = Self { out };
        let format = Some(Cow::Borrowed(FORMAT));
        exporter.line(&Line { kind: "header".into(), format, tenant: Some(tenant), ..Line::default() })?;
        Ok(exporter)
    }

    /// The next own checkpoint.
    ///
    /// # Errors
    /// As [`Exporter::begin`].
    pub fn checkpoint(&mut self, row: &CheckpointRow) -> io::Result<()> {
        let note = Some(row.note.as_str().into());
        self.line(&Line { kind: "checkpoint".into(), size: Some(row.size), note, ..Line::default() })
    }

    /// A checkpoint whose row can't be read.
    ///
    /// # Errors
    /// As [`Exporter::begin`].
    pub fn unreadable_checkpoint(&mut self, size: i64, what: &str) -> io::Result<()> {
        let kind = "unreadable_checkpoint".into();
        self.line(&Line { kind, size: Some(size), what: Some(what.into()), ..Line::default() })
    }

    /// The next entry.
    ///
    /// # Errors
    /// As [`Exporter::begin`].
    pub fn entry(&mut self, row: &EntryRow) -> io::Result<()> {
        let payload = raw(&row.payload)?;
        let agree = Payload::parse(&row.payload).is_ok_and(|payload| row.column_beside(&payload).is_none());
        self.line(&Line {
            kind: "entry".into(),
            seq: Some(row.seq),
            prev_hash: Some(hex(&row.prev_hash).into()),
            hash: Some(hex(&row.hash).into()),
            payload: Some(&payload),
            columns: (!agree).then(|| Columns::of(row)),
            ..Line::default()
        })
    }

    /// An entry whose row can't be read.
    ///
    /// # Errors
    /// As [`Exporter::begin`].
    pub fn unreadable_entry(&mut self, seq: i64, what: &str) -> io::Result<()> {
        let kind = "unreadable_entry".into();
        self.line(&Line { kind, seq: Some(seq), what: Some(what.into()), ..Line::default() })
    }

    /// The end, with the stored head; gives back what was written to, flushed.
    ///
    /// # Errors
    /// As [`Exporter::begin`].
    pub fn end(mut self, head: Option<&HeadRow>) -> io::Result<W> {
        self.line(&Line {
            kind: "end".into(),
            seq: head.map(|head| head.seq),
            hash: head.map(|head| hex(&head.hash).into()),
            frontier: head.map(|head| BASE64.encode(&head.frontier).into()),
            ..Line::default()
        })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}

impl Columns {
    fn of(row: &EntryRow) -> Self {
        Self {
            at_micros: row.at.as_micros(),
            actor_kind: row.actor_kind.clone(),
            actor_id: row.actor_id.clone(),
            action: row.action.clone(),
            subject_kind: row.subject_kind.clone(),
            subject_id: row.subject_id.clone(),
            outcome: row.outcome.clone(),
        }
    }
}

impl From<Payload> for Columns {
    fn from(payload: Payload) -> Self {
        let (subject_kind, subject_id) = payload.subject.map_or_else(Default::default, |s| (s.kind, s.id));
        // A time that is none becomes the epoch, which the payload then does not say.
        let at: Option<Timestamp> = serde_json::from_value(payload.at.into()).ok();
        Self {
            at_micros: at.map_or(0, Timestamp::as_micros),
            actor_kind: payload.actor.kind,
            actor_id: payload.actor.id,
            action: payload.action,
            subject_kind,
            subject_id,
            outcome: payload.outcome.as_str().to_owned(),
        }
    }
}

/// A payload as it stands if it is canonical JSON, so that people can read it; else as a text, so that no byte is lost.
fn raw(payload: &str) -> io::Result<Box<RawValue>> {
    let read: Option<serde_json::Value> = serde_json::from_str(payload).ok();
    let text = match read {
        Some(value) if value.is_object() && canonical(&value) == payload => payload.to_owned(),
        _ => serde_json::Value::from(payload).to_string(),
    };
    Ok(RawValue::from_string(text)?)
}

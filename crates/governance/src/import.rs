//! The verification of an exported file alone: no database, no server, no network.

use std::io::{self, BufRead, Read as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use domain::Timestamp;
use serde_json::value::RawValue;

use crate::checkpoint::CheckpointRow;
use crate::entry::{EntryRow, Payload};
use crate::export::{Columns, FORMAT, Line};
use crate::finding::Report;
use crate::hash::unhex;
use crate::head::HeadRow;
use crate::key::PublicKey;
use crate::verify::Verifier;

/// The longest line that is read, in bytes: a payload of the largest size in which each byte is escaped, and columns.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Why an export can't be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It can't be read to its end.
    #[error("cannot read the export")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("this is not an export of an audit: its first line is no header of {FORMAT}")]
    NotAnExport,
}

/// Verifies an export against the checkpoints `outside`, which are trusted as far as a key of `trusted` signed them.
///
/// # Errors
/// [`ExportError`]. Whatever else is wrong with the file is in the report.
pub fn verify_export(
    mut reader: impl BufRead,
    trusted: &[PublicKey],
    outside: &[&str],
) -> Result<Report, ExportError> {
    let mut buffer = Vec::new();
    read_line(&mut reader, &mut buffer)?;
    let header = serde_json::from_slice(trimmed(&buffer)).ok().and_then(|line: Line<'_>| {
        (line.kind == "header" && line.format.as_deref() == Some(FORMAT)).then_some(line.tenant).flatten()
    });
    let mut verifier = Verifier::new(header.ok_or(ExportError::NotAnExport)?, trusted, outside);
    let mut head = None;
    for number in 2u64.. {
        read_line(&mut reader, &mut buffer)?;
        if buffer.is_empty() {
            verifier.bad_form(format!("the export is cut off before line {number}"));
            break;
        }
        if buffer.len() > MAX_LINE_BYTES {
            verifier.bad_form(format!("line {number} is too long, and nothing behind it was read"));
            break;
        }
        if !buffer.ends_with(b"\n") {
            verifier.bad_form(format!("the export is cut off in line {number}"));
            break;
        }
        match take(trimmed(&buffer), &mut verifier) {
            Some(Step::Next) => {}
            Some(Step::End(found)) => {
                head = found;
                if !reader.fill_buf()?.is_empty() {
                    verifier.bad_form(format!("there is more behind the end in line {number}"));
                }
                break;
            }
            None => verifier.bad_form(format!("line {number} is not one of an export")),
        }
    }
    Ok(verifier.finish(head.as_ref()))
}

/// What a line asks for.
enum Step {
    Next,
    End(Option<HeadRow>),
}

/// Shows a line to the verifier; `None` if it is not one.
fn take(line: &[u8], verifier: &mut Verifier) -> Option<Step> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    match &*line.kind {
        "checkpoint" => {
            verifier.checkpoint(&CheckpointRow { size: line.size?, note: line.note?.into_owned() });
        }
        "unreadable_checkpoint" => verifier.unreadable_checkpoint(line.size?, &line.what?),
        "entry" => drop(verifier.entry(&entry(&line)?)),
        "unreadable_entry" => verifier.unreadable_entry(line.seq?, &line.what?),
        "end" => return Some(Step::End(head(&line)?)),
        _ => return None,
    }
    Some(Step::Next)
}

fn entry(line: &Line<'_>) -> Option<EntryRow> {
    let payload = text_of(line.payload?)?;
    let said = Payload::parse(&payload).ok();
    let columns = match (&line.columns, said) {
        (Some(columns), _) => columns.clone(),
        (None, Some(payload)) => Columns::from(payload),
        // It is the payload that will be found to be none.
        (None, None) => Columns::default(),
    };
    Some(EntryRow {
        seq: line.seq?,
        at: Timestamp::from_micros(columns.at_micros),
        actor_kind: columns.actor_kind,
        actor_id: columns.actor_id,
        action: columns.action,
        subject_kind: columns.subject_kind,
        subject_id: columns.subject_id,
        outcome: columns.outcome,
        payload,
        prev_hash: unhex(line.prev_hash.as_deref()?)?,
        hash: unhex(line.hash.as_deref()?)?,
    })
}

/// The head of an end line; the inner `None` if the log has none.
fn head(line: &Line<'_>) -> Option<Option<HeadRow>> {
    let (Some(seq), Some(hash), Some(frontier)) = (line.seq, &line.hash, &line.frontier) else {
        let none = line.seq.is_none() && line.hash.is_none() && line.frontier.is_none();
        return none.then_some(None);
    };
    Some(Some(HeadRow { seq, hash: unhex(hash)?, frontier: BASE64.decode(frontier.as_bytes()).ok()? }))
}

/// The bytes of a payload: an object as it stands, a text without its quotes.
fn text_of(payload: &RawValue) -> Option<String> {
    let text = payload.get();
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { Some(text.to_owned()) }
}

/// Reads a line with its end, or the beginning of one that is too long.
fn read_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    reader.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', buffer)?;
    Ok(())
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

//! The audit as people read it: entries, checkpoints, verification, export.

use auth::policy::Resource;
use auth::{Action, Caller};
use domain::{TenantId, Timestamp};
pub use governance::PublicKey;
use governance::{Finding, Payload, Report, SignedCheckpoint};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{AuditFilter, AuditRow, StoreError};

use crate::list::{Asked, Listed, Paging};
use crate::office::Origin;
use crate::{AppError, Platform, audit};

/// Checkpoints that are listed: with one an hour, those of some years.
const MAX_CHECKPOINTS: usize = 50_000;
/// Checkpoints read at a time.
const PAGE: u32 = 500;

/// An entry of the audit, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// Did what.
    pub action: String,
    /// To what.
    #[schema(required)]
    pub subject: Option<AuditSubject>,
    /// `done`, `denied` or `failed`.
    #[schema(value_type = crate::shapes::Outcome)]
    pub outcome: String,
    /// More about it.
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
    /// The request that asked for it.
    #[schema(required)]
    pub request_id: Option<String>,
    /// SHA-256 over it and the hash of the entry before, in hexadecimal.
    pub hash: String,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditActor {
    /// `user`, `agent`, `ci`, `service`, `system` or `anonymous`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it was called then.
    #[schema(required)]
    pub name: Option<String>,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditSubject {
    /// `task`, `member`, `policy`, …
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// A signed statement of where the log stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checkpoint {
    /// Its size as a text, which names it.
    pub id: String,
    /// How many entries the log had.
    pub seq: u64,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The root of the Merkle tree over the entries, in hexadecimal.
    pub hash: String,
    /// The key that signed, as signed notes name it: eight hexadecimal digits.
    pub key_id: String,
    /// The signed text, to be kept elsewhere.
    pub note: String,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verification {
    /// Whether nothing is wrong.
    pub valid: bool,
    /// Whose log.
    #[schema(value_type = crate::shapes::OrganizationId)]
    pub organization_id: TenantId,
    /// Entries that were read.
    pub entries: u64,
    /// Checkpoints that were read.
    pub checkpoints: u64,
    /// Receipts of decisions that were read.
    pub receipts: u64,
    /// The number of the last receipt that an entry names by hash: those behind it are not covered.
    pub receipts_bound: u64,
    /// The root of the Merkle tree over the entries, in hexadecimal; null if some are missing or altered.
    #[schema(required)]
    pub root: Option<String>,
    /// The size of the largest checkpoint from elsewhere that fits; null if none was given.
    #[schema(required)]
    pub anchored: Option<u64>,
    /// The first thing that is wrong.
    #[schema(required)]
    pub first_problem: Option<AuditProblem>,
    /// Everything that is wrong; at most 100.
    pub problems: Vec<AuditProblem>,
    /// How many more there are.
    pub more_problems: u64,
}

/// Something that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditProblem {
    /// The entry, or the first of several; of a checkpoint its size.
    #[schema(required)]
    pub seq: Option<u64>,
    /// The size of the checkpoint that it is about.
    #[schema(required)]
    pub checkpoint: Option<u64>,
    /// `missing`, `order`, `unreadable`, `chain`, `hash`, `content`, `head`, `truncated`, `rewritten`, `checkpoint`,
    /// `tenant`, `journal` or `receipt`.
    pub kind: String,
    /// What is wrong, in a sentence.
    pub what: String,
}

/// Which entries are listed.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// By this actor.
    pub actor: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// To this thing, by id; or `kind:id`; or `kind:`.
    pub subject: Option<String>,
    /// `done`, `denied` or `failed`.
    pub outcome: Option<String>,
    /// At this moment or later, in RFC 3339.
    pub since: Option<String>,
    /// Before this moment, in RFC 3339.
    pub until: Option<String>,
    /// Only entries behind the one with this number; oldest first, unless asked otherwise.
    pub after: Option<u64>,
}

/// Entries, newest first unless asked otherwise.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    filter: EntryFilter,
    paging: Paging,
) -> Result<Listed<AuditEntry>, AppError> {
    let after = filter.after;
    if after.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err(AppError::invalid("after", "it is the seq of an entry"));
    }
    let sort = paging.sort.or_else(|| after.map(|_| "created_at".to_owned()));
    let query = format!("audit {filter:?}");
    let asked = Asked::parse(&Paging { sort, ..paging }, &query)?;
    let wanted = parsed(filter)?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::AuditRead, Resource::organization(look.tx.tenant()))?;
            asked.collect(
                |page| {
                    let page = match page {
                        store::Page::Oldest { after: None, limit } => store::Page::Oldest { after, limit },
                        page => page,
                    };
                    let mut rows = look.tx.audit_entries(&wanted, page)?;
                    // Newest first, the list ends where `after` begins.
                    rows.retain(|row| after.is_none_or(|n| u64::try_from(row.seq).is_ok_and(|seq| seq > n)));
                    Ok(rows)
                },
                |row: &AuditRow| u64::try_from(row.seq).unwrap_or(0),
                |row| entry_of(row).map(Some),
            )
        })
        .await
}

fn parsed(filter: EntryFilter) -> Result<AuditFilter, AppError> {
    let (subject_kind, subject) = match filter.subject {
        Some(text) => match text.split_once(':') {
            Some((kind, "")) => (Some(kind.to_owned()), None),
            Some((kind, id)) => (Some(kind.to_owned()), Some(id.to_owned())),
            None => (None, Some(text)),
        },
        None => (None, None),
    };
    if filter.outcome.as_deref().is_some_and(|word| !["done", "denied", "failed"].contains(&word)) {
        return Err(AppError::invalid("outcome", "it is done, denied or failed"));
    }
    let moment = |field: &str, text: Option<String>| {
        text.map(|text| serde_json::from_value::<Timestamp>(Value::String(text)))
            .transpose()
            .map_err(|_| AppError::invalid(field, "it is not a time in RFC 3339"))
    };
    Ok(AuditFilter {
        actor: filter.actor,
        action: filter.action,
        subject_kind,
        subject,
        outcome: filter.outcome,
        since: moment("since", filter.since)?,
        until: moment("until", filter.until)?,
    })
}

fn entry_of(row: AuditRow) -> Result<AuditEntry, AppError> {
    let payload = Payload::parse(&row.payload)
        .map_err(|why| StoreError::Malformed { what: format!("audit entry {}: {why}", row.seq) })?;
    Ok(AuditEntry {
        seq: u64::try_from(row.seq).unwrap_or(0),
        at: row.at,
        actor: AuditActor { kind: payload.actor.kind, id: payload.actor.id, name: payload.actor.name },
        action: payload.action,
        subject: payload.subject.map(|subject| AuditSubject { kind: subject.kind, id: subject.id }),
        outcome: payload.outcome.as_str().to_owned(),
        detail: payload.detail,
        request_id: payload.request_id,
        hash: hex(&row.hash),
    })
}

/// Checkpoints, the newest first. Those that can't be read are left out here; a verification names them.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::Invalid`].
pub async fn checkpoints(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    paging: Paging,
) -> Result<Listed<Checkpoint>, AppError> {
    if paging.sort.as_deref().is_some_and(|sort| sort != "-created_at") {
        return Err(AppError::invalid("sort", "it is -created_at"));
    }
    let asked = Asked::parse(&paging, "checkpoints")?;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::AuditRead, Resource::organization(look.tx.tenant()))?;
            let (mut all, mut from) = (Vec::new(), Some(0));
            while let Some(start) = from.filter(|_| all.len() < MAX_CHECKPOINTS) {
                let page = look.tx.audit_checkpoints(start, PAGE)?;
                from = page.last().and_then(|last| last.number.checked_add(1));
                all.extend(page.into_iter().filter_map(|read| read.row.ok()));
            }
            let mut signed: Vec<_> =
                all.iter().filter_map(|row| SignedCheckpoint::parse(&row.note).ok()).collect();
            signed.reverse();
            asked.collect(
                |page| {
                    let (before, limit) = match page {
                        store::Page::Newest { before, limit } => (before, limit),
                        store::Page::Oldest { after, limit } => (after, limit),
                    };
                    let fits = |one: &&SignedCheckpoint| before.is_none_or(|b| one.unverified().size < b);
                    Ok(signed.iter().filter(fits).take(limit as usize).map(checkpoint_of).collect())
                },
                |one: &Checkpoint| one.seq,
                |one| Ok(Some(one)),
            )
        })
        .await
}

fn checkpoint_of(signed: &SignedCheckpoint) -> Checkpoint {
    let checkpoint = signed.unverified();
    let key = signed.signatures().first().map(|signature| hex(&signature.key_id));
    Checkpoint {
        id: checkpoint.size.to_string(),
        seq: checkpoint.size,
        at: checkpoint.at,
        hash: checkpoint.root.to_string(),
        key_id: key.unwrap_or_default(),
        note: signed.text(),
    }
}

/// Verifies the whole log against the keys that are trusted and checkpoints that were kept elsewhere.
///
/// # Errors
/// [`AppError::Denied`]. What is wrong with the log is no error but the answer.
pub async fn verify(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    trusted: Vec<PublicKey>,
    outside: Vec<String>,
) -> Result<Verification, AppError> {
    let report = platform
        .look(caller, origin, move |look| {
            look.may(Action::AuditVerify, Resource::organization(look.tx.tenant()))?;
            let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
            Ok(audit::verify(look.tx, &trusted, &outside)?)
        })
        .await?;
    Ok(verification_of(&report))
}

fn verification_of(report: &Report) -> Verification {
    let problem = |finding: &Finding| AuditProblem {
        seq: finding.seq.or(finding.checkpoint),
        checkpoint: finding.checkpoint,
        kind: serde_json::to_value(finding.kind)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default(),
        what: finding.what.clone(),
    };
    Verification {
        valid: report.is_whole(),
        organization_id: report.tenant,
        entries: report.entries,
        checkpoints: report.checkpoints,
        receipts: report.receipts,
        receipts_bound: report.receipts_bound,
        root: report.root.as_ref().map(ToString::to_string),
        anchored: report.anchored,
        first_problem: report.findings.first().map(problem),
        problems: report.findings.iter().map(problem).collect(),
        more_problems: report.more_findings,
    }
}

/// The whole log as a file of JSON lines, which `aamas audit verify` checks without the server.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn export(platform: &Platform, caller: &Caller, origin: &Origin) -> Result<Vec<u8>, AppError> {
    platform
        .look(caller, origin, |look| {
            look.may(Action::AuditExport, Resource::organization(look.tx.tenant()))?;
            Ok(audit::export(look.tx, Vec::new())?)
        })
        .await
}

/// Signs where the log of a tenant stands, for a loop in the background; none if it has not grown.
///
/// # Errors
/// Failures of the store; a damaged log.
pub async fn checkpoint(
    platform: &Platform,
    tenant: TenantId,
    key: PublicKey,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> Result<Option<SignedCheckpoint>, AppError> {
    let now = platform.now();
    platform
        .store()
        .transact(tenant, move |tx| Ok::<_, AppError>(audit::checkpoint(tx, now, key, sign)?))
        .await
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

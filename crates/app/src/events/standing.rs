//! Whether those who watch still may: looked at every few seconds, and at once when a membership, a session, a token or
//! a policy changes.

use std::collections::HashMap;
use std::time::Duration;

use auth::Caller;
use domain::{CredentialId, ProjectId, TenantId, Timestamp, UserId};
use store::{CredentialRecord, StoreError, TenantTx};

use super::{End, EventHub, allowed};
use crate::office::Origin;
use crate::{AppError, Platform, Settings};

/// What is looked at of those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Judge {
    /// Nothing.
    Nothing,
    /// Whether their credentials and memberships are still there.
    Standing,
    /// That, and what policies say.
    Policies,
}

impl Judge {
    /// What an event may have changed.
    pub(super) fn by(topic: &str) -> Self {
        match topic.split('.').next().unwrap_or_default() {
            "policy" => Self::Policies,
            "member" | "membership" | "session" | "token" | "user" | "organization" => Self::Standing,
            _ => Self::Nothing,
        }
    }
}

/// How long somebody watches by a token of another issuer, which nobody here can see the end of. Who comes back with a new
/// one goes on from the last event.
const UNSEEN: Duration = Duration::from_secs(15 * 60);

/// What is asked once for all who have it in common.
type Key = (String, Option<String>, ProjectId);

/// Ends what those who may not watch any more watch.
pub(super) async fn judge(hub: &EventHub, tenant: TenantId, what: Judge) -> Result<(), AppError> {
    if what == Judge::Nothing {
        return Ok(());
    }
    let platform = &hub.inner.platform;
    let (now, settings) = (platform.now(), platform.settings().clone());
    let mut asked: HashMap<Key, (Caller, Vec<u64>)> = HashMap::new();
    if let Some(stream) = hub.streams().get(&tenant) {
        for (key, watched) in &stream.watchers {
            let caller = &watched.caller;
            let credential = caller.session.is_some() || caller.token.is_some();
            if !credential && now.since(watched.since) > UNSEEN {
                watched.end.send_replace(Some(End::Session));
            }
            let credential = caller.session.clone().or_else(|| caller.token.clone());
            let of = (caller.id().to_owned(), credential, watched.project);
            asked.entry(of).or_insert_with(|| (caller.clone(), Vec::new())).1.push(*key);
        }
    }
    let callers: Vec<_> = asked.iter().map(|(key, (caller, _))| (key.clone(), caller.clone())).collect();
    let found: Vec<(Key, Caller, Standing)> = platform
        .store()
        .read(tenant, move |tx| {
            callers
                .into_iter()
                .map(|(key, caller)| {
                    let standing = standing_of(tx, &caller, now, &settings)?;
                    Ok((key, caller, standing))
                })
                .collect()
        })
        .await?;
    for (key, caller, standing) in found {
        let end = match standing {
            Standing::Ended(end) => Some(end),
            Standing::Same if what == Judge::Policies => still(platform, caller, key.2).await?,
            Standing::Same => None,
            Standing::Other(role) => still(platform, Caller { role, ..caller }, key.2).await?,
        };
        let keys = asked.remove(&key).map(|(_, keys)| keys).unwrap_or_default();
        if let (Some(end), Some(stream)) = (end, hub.streams().get(&tenant)) {
            for watched in keys.iter().filter_map(|key| stream.watchers.get(key)) {
                watched.end.send_replace(Some(end));
            }
        }
    }
    Ok(())
}

/// What a caller is now.
enum Standing {
    /// What it was.
    Same,
    /// It has another role, which policies decide about.
    Other(auth::Role),
    /// Nothing.
    Ended(End),
}

/// Whether policies let the caller go on.
async fn still(platform: &Platform, caller: Caller, project: ProjectId) -> Result<Option<End>, AppError> {
    match allowed(platform, &caller, &Origin::default(), project).await {
        Ok(_) => Ok(None),
        Err(AppError::Denied { .. } | AppError::NotFound { .. }) => Ok(Some(End::Membership)),
        Err(error) => Err(error),
    }
}

fn standing_of(
    tx: &TenantTx<'_>,
    caller: &Caller,
    now: Timestamp,
    settings: &Settings,
) -> Result<Standing, StoreError> {
    let id = caller.session.as_deref().or(caller.token.as_deref());
    let id = id.and_then(|text| text.parse::<CredentialId>().ok());
    let mut own = None;
    if let Some(id) = id {
        match behind(tx, id)? {
            Some(record) if is_alive(&record, now, settings) => own = Some(record),
            found => {
                let user = found.and_then(|record| record.user);
                let left = user.is_some_and(|user| matches!(tx.member(user), Ok(None)));
                return Ok(Standing::Ended(if left { End::Membership } else { End::Session }));
            }
        }
    }
    let user = own.as_ref().map_or_else(|| caller.user_id().and_then(|id| id.parse().ok()), |c| c.user);
    let Some(user): Option<UserId> = user else { return Ok(Standing::Same) };
    let Some(member) = tx.member(user)? else { return Ok(Standing::Ended(End::Membership)) };
    let Some(role) = auth::Role::from_word(&member.role) else {
        return Ok(Standing::Ended(End::Membership));
    };
    // A token's role may be below its member's; it is never above.
    let role = if role.may_give(caller.role) { caller.role } else { role };
    Ok(if role == caller.role { Standing::Same } else { Standing::Other(role) })
}

/// The credential that a ticket was had with; the credential itself if it is no ticket.
fn behind(tx: &TenantTx<'_>, id: CredentialId) -> Result<Option<CredentialRecord>, StoreError> {
    let Some(record) = tx.credential_by_id(id)? else { return Ok(None) };
    if record.kind != auth::token::TokenKind::Ticket.as_str() {
        return Ok(Some(record));
    }
    match record.doc["had_with"].as_str().and_then(|text| text.parse().ok()) {
        Some(parent) => tx.credential_by_id(parent),
        // Had with a token of another issuer.
        None => {
            let expires_at = Some(record.created_at.plus(UNSEEN));
            Ok(Some(CredentialRecord { ended_at: None, expires_at, ..record }))
        }
    }
}

fn is_alive(record: &CredentialRecord, now: Timestamp, settings: &Settings) -> bool {
    let idle = record.last_used_at.unwrap_or(record.created_at);
    let session = record.kind == auth::token::TokenKind::Session.as_str();
    record.is_valid(now) && !(session && now.since(idle) > settings.session_idle)
}

//! Answers that are given again: a key that a caller chose is claimed before the work, and keeps its answer for a day.

use std::time::Duration;

use auth::Caller;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::KeptAnswer;

use crate::records::{of_doc, to_doc};
use crate::{AppError, Platform};

/// How long an answer is given again.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A claim whose server died is free again after this; requests end long before.
const CLAIMED: Duration = Duration::from_secs(60);
/// The status of a claim that has no answer yet.
const NO_ANSWER: u32 = 0;

/// An answer of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The header of that name.
    pub content_type: Option<String>,
    /// The header of that name.
    pub location: Option<String>,
    /// The header of that name.
    pub etag: Option<String>,
}

/// What a claim of a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is new: do the work, then [`keep`] its answer or [`give_up`].
    Mine,
    /// The key was used for another request.
    Other,
    /// The same request is under way.
    Busy,
    /// The same request was answered.
    Answered(Box<Answer>),
}

/// Claims a key for a request with this hash.
///
/// # Errors
/// Failures of the store.
pub async fn claim(
    platform: &Platform,
    caller: &Caller,
    key: &str,
    hash: [u8; 32],
) -> Result<Claim, AppError> {
    let (who, key, now) = (caller.id().to_owned(), key.to_owned(), platform.now());
    platform
        .store()
        .transact(caller.tenant, move |tx| {
            if let Some(kept) = tx.remembered_answer(&who, &key)? {
                let age = now.since(kept.created_at);
                let free = if kept.status == NO_ANSWER { age > CLAIMED } else { age > KEPT };
                if !free {
                    return Ok(match kept.status {
                        _ if kept.request_hash != hash => Claim::Other,
                        NO_ANSWER => Claim::Busy,
                        _ => Claim::Answered(Box::new(of_doc("kept answer", &kept.answer)?)),
                    });
                }
                tx.forget_answer(&who, &key)?;
            }
            let claimed =
                KeptAnswer { request_hash: hash, status: NO_ANSWER, answer: json!({}), created_at: now };
            tx.remember_answer(&who, &key, &claimed)?;
            Ok::<_, AppError>(Claim::Mine)
        })
        .await
}

/// Keeps the answer to a request whose key was claimed.
///
/// # Errors
/// Failures of the store.
pub async fn keep(
    platform: &Platform,
    caller: &Caller,
    key: &str,
    hash: [u8; 32],
    answer: Answer,
) -> Result<(), AppError> {
    let (who, key, now) = (caller.id().to_owned(), key.to_owned(), platform.now());
    platform
        .store()
        .transact(caller.tenant, move |tx| {
            tx.forget_answer(&who, &key)?;
            let status = u32::from(answer.status);
            let kept = KeptAnswer { request_hash: hash, status, answer: to_doc(&answer), created_at: now };
            Ok::<_, AppError>(tx.remember_answer(&who, &key, &kept)?)
        })
        .await
}

/// Frees a key whose request came to nothing that should be given again.
///
/// # Errors
/// Failures of the store.
pub async fn give_up(platform: &Platform, caller: &Caller, key: &str) -> Result<(), AppError> {
    let (who, key) = (caller.id().to_owned(), key.to_owned());
    Ok(platform.store().write(caller.tenant, move |tx| tx.forget_answer(&who, &key)).await?)
}

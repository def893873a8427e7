//! What an account holds, and what people may be called.

use auth::totp::{self, TotpSecret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{MemberRecord, StoreError, TenantTx, UserRecord};

use crate::AppError;
use crate::projects::checked_line;
use crate::records::of_doc;

/// The longest name of a person or an organization, in characters.
pub(crate) const MAX_NAME: usize = 100;
/// The longest one in bytes: what an audit entry takes as an actor's name.
const MAX_NAME_BYTES: usize = 256;
/// The longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3, without its brackets).
const MAX_EMAIL_BYTES: usize = 254;

/// What an account's row holds beside its columns.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserDoc {
    /// The second factor, once it was confirmed.
    pub(crate) totp: Option<Factor>,
    /// The secret of a second factor that was begun and not confirmed, in base64.
    pub(crate) begun: Option<String>,
}

/// A second factor.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factor {
    /// Its secret, in base64.
    secret: String,
    /// The step of the last code that was taken: no code counts twice.
    last_step: u64,
    /// Digests of the recovery codes that are left, in base64.
    recovery: Vec<String>,
    /// Since when.
    since: Timestamp,
}

/// How a code was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By the app.
    App,
    /// By a recovery code, so many of which are left.
    Recovery { left: usize },
}

impl UserDoc {
    pub(crate) fn read(user: &UserRecord) -> Result<Self, AppError> {
        of_doc("account", &user.doc)
    }

    /// The secret that was begun.
    pub(crate) fn begun(&self) -> Option<TotpSecret> {
        self.begun.as_deref().and_then(secret_of)
    }
}

impl Factor {
    pub(crate) fn new(
        secret: &TotpSecret,
        last_step: u64,
        recovery: &[totp::RecoveryDigest],
        since: Timestamp,
    ) -> Self {
        let recovery = recovery.iter().map(|digest| STANDARD.encode(digest)).collect();
        Self { secret: encoded(secret), last_step, recovery, since }
    }

    /// Whether a code is right; it is used up then, and the document has to be saved in the transaction that read it.
    pub(crate) fn take(&mut self, code: &str, now: Timestamp) -> Result<Option<Proof>, AppError> {
        let unreadable = || StoreError::Malformed { what: "the second factor of an account".into() };
        let secret = secret_of(&self.secret).ok_or_else(unreadable)?;
        if let Some(step) = secret.verify(code, now, Some(self.last_step)) {
            self.last_step = step;
            return Ok(Some(Proof::App));
        }
        let digests: Option<Vec<_>> = self
            .recovery
            .iter()
            .map(|text| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()))
            .collect();
        let Some(place) = totp::find_recovery_code(code, &digests.ok_or_else(unreadable)?) else {
            return Ok(None);
        };
        self.recovery.remove(place);
        Ok(Some(Proof::Recovery { left: self.recovery.len() }))
    }
}

pub(crate) fn encoded(secret: &TotpSecret) -> String {
    STANDARD.encode(secret.to_bytes())
}

fn secret_of(text: &str) -> Option<TotpSecret> {
    let bytes = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(TotpSecret::from_bytes(bytes))
}

/// An e-mail address as accounts are found by: without white space around it, in lower case.
pub(crate) fn parse_email(text: &str) -> Result<String, &'static str> {
    let email = text.trim().to_lowercase();
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !c.is_control());
    match email.split_once('@') {
        _ if email.len() > MAX_EMAIL_BYTES => Err("it is too long"),
        Some((local, host)) if plain(local) && plain(host) && !host.contains('@') => {
            checked_line(&email, MAX_EMAIL_BYTES)
        }
        _ => Err("it is not an e-mail address"),
    }
}

/// The name of a person or an organization.
pub(crate) fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = checked_line(text, MAX_NAME)?;
    if name.len() > MAX_NAME_BYTES { Err("it is too long") } else { Ok(name) }
}

/// The member that an account becomes.
pub(crate) fn member_of(user: &UserRecord, role: auth::Role, now: Timestamp) -> MemberRecord {
    MemberRecord {
        user: user.id,
        email: user.email.clone(),
        name: user.name.clone(),
        role: role.as_str().to_owned(),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// A new account, not saved.
pub(crate) fn new_user(
    id: UserId,
    email: String,
    name: String,
    hash: Option<String>,
    now: Timestamp,
) -> UserRecord {
    UserRecord {
        id,
        email,
        name,
        password_hash: hash,
        created_at: now,
        updated_at: now,
        version: 1,
        doc: serde_json::json!({}),
    }
}

/// The members of an organization, page by page, until one of them answers.
pub(crate) fn find_member<T>(
    tx: &TenantTx<'_>,
    mut see: impl FnMut(&MemberRecord) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    const PAGE: u32 = 200;
    let mut after = None;
    loop {
        let page = tx.members(after, PAGE)?;
        if let Some(found) = page.iter().find_map(&mut see) {
            return Ok(Some(found));
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.user),
            _ => return Ok(None),
        }
    }
}

/// Whether the organization has an owner beside this member.
pub(crate) fn has_owner_beside(tx: &TenantTx<'_>, user: Option<UserId>) -> Result<bool, StoreError> {
    let owner =
        |m: &MemberRecord| (m.role == auth::Role::Owner.as_str() && Some(m.user) != user).then_some(());
    Ok(find_member(tx, owner)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_text_for_one_account() {
        for (text, want) in [
            (" Ada@Example.org ", Ok("ada@example.org")),
            ("a@b", Ok("a@b")),
            ("", Err("it is not an e-mail address")),
            ("@b", Err("it is not an e-mail address")),
            ("a@", Err("it is not an e-mail address")),
            ("a@b@c", Err("it is not an e-mail address")),
            ("a b@c", Err("it is not an e-mail address")),
            ("a\u{7}@c", Err("it is not an e-mail address")),
            ("a\u{200b}@c", Err("it has control or invisible characters")),
        ] {
            assert_eq!(parse_email(text), want.map(str::to_owned), "{text:?}");
        }
        assert_eq!(parse_email(&format!("{}@c", "x".repeat(253))), Err("it is too long"));
        assert_eq!(parse_name(&"\u{1d400}".repeat(65)), Err("it is too long"));
        assert_eq!(parse_name(" Ada L. "), Ok("Ada L.".to_owned()));
    }
}

//! Opaque secrets: API tokens, sessions, one-time links, invitations and tickets.
//!
//! `aamas_<kind>_<tenant>_<secret><check>`: three letters for the kind, the 26 characters of the tenant's id, 43 characters
//! (base64url) of 32 random bytes, and six that check the rest. So the tenant is known before anything is looked up, a typing
//! error is seen without a look-up, and scanners for leaked secrets recognize ours without asking:
//! `aamas_[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}_[A-Za-z0-9_-]{49}`, the last six being the beginning of the base64url of the
//! SHA-256 of what stands before them.
//!
//! Only the SHA-256 of the whole text is kept. With 256 random bits nothing slower is needed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Secret, TenantId};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Random bytes of a token.
pub const RANDOM_BYTES: usize = 32;

const PREFIX: &str = "aamas_";
const TENANT_CHARS: usize = 26;
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
/// `aamas_`, kind, `_`, tenant, `_`, secret, check.
const CHARS: usize = PREFIX.len() + 3 + 1 + TENANT_CHARS + 1 + SECRET_CHARS + CHECK_CHARS;

/// What a secret is for. One kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An API token.
    Api,
    /// A session, in the cookie.
    Session,
    /// A one-time sign-in link.
    Link,
    /// An invitation.
    Invitation,
    /// The short-lived ticket of a WebSocket.
    Ticket,
}

impl TokenKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Api, Self::Session, Self::Link, Self::Invitation, Self::Ticket];

    /// The three letters in the text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "pat",
            Self::Session => "ses",
            Self::Link => "lnk",
            Self::Invitation => "inv",
            Self::Ticket => "tkt",
        }
    }
}

/// SHA-256 of a secret's text: what is stored and looked up.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The bytes as stored.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The digest with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for TokenDigest {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// What can be said of a token without looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is for.
    pub kind: TokenKind,
    /// The organization that it belongs to, if it exists at all.
    pub tenant: TenantId,
    /// What to look up in that organization.
    pub digest: TokenDigest,
}

/// The text is no token. It says nothing about the text, which may be a secret mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with `aamas_`: perhaps a JWT.
    #[error("this is not a token of AAMAS")]
    Foreign,
    /// It begins like one, but its length, its alphabet or its check characters are wrong.
    #[error("this token is incomplete or mistyped")]
    Malformed,
}

/// A new secret and what to keep of it. The secret is shown once and never stored.
#[must_use]
pub fn mint(kind: TokenKind, tenant: TenantId, random: [u8; RANDOM_BYTES]) -> (Secret, TokenDigest) {
    let tenant = tenant.to_string();
    let tenant = &tenant[TenantId::KIND.len() + 1..];
    let mut text = format!("{PREFIX}{}_{tenant}_{}", kind.as_str(), URL_SAFE_NO_PAD.encode(random));
    text.push_str(&check_of(&text));
    let digest = digest_of(&text);
    (Secret::new(text), digest)
}

/// Takes a text apart.
///
/// # Errors
/// When it was not made by [`mint`].
pub fn parse(text: &str) -> Result<Token, TokenError> {
    if !text.starts_with(PREFIX) {
        return Err(TokenError::Foreign);
    }
    parse_ours(text).ok_or(TokenError::Malformed)
}

fn parse_ours(text: &str) -> Option<Token> {
    // From here on, cutting at any byte is cutting between characters.
    if text.len() != CHARS || !text.is_ascii() {
        return None;
    }
    let (body, check) = text.split_at(CHARS - CHECK_CHARS);
    if !bool::from(check.as_bytes().ct_eq(check_of(body).as_bytes())) {
        return None;
    }
    let (kind, rest) = body[PREFIX.len()..].split_at(3);
    let kind = TokenKind::ALL.into_iter().find(|k| k.as_str() == kind)?;
    let (tenant, secret) = rest.strip_prefix('_')?.split_at(TENANT_CHARS);
    let tenant = format!("{}_{tenant}", TenantId::KIND).parse().ok()?;
    let random = URL_SAFE_NO_PAD.decode(secret.strip_prefix('_')?).ok()?;
    (random.len() == RANDOM_BYTES).then(|| Token { kind, tenant, digest: digest_of(text) })
}

fn digest_of(text: &str) -> TokenDigest {
    TokenDigest(Sha256::digest(text.as_bytes()).into())
}

fn check_of(body: &str) -> String {
    let mut check = URL_SAFE_NO_PAD.encode(Sha256::digest(body.as_bytes()));
    check.truncate(CHECK_CHARS);
    check
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = TokenKind> {
        proptest::sample::select(TokenKind::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_minted_is_parsed(kind in kinds(), tenant in any::<[u8; 16]>(), random in any::<[u8; 32]>()) {
            let tenant = TenantId::from_bytes(tenant);
            let (secret, digest) = mint(kind, tenant, random);
            prop_assert_eq!(parse(secret.expose()), Ok(Token { kind, tenant, digest }));
            prop_assert_eq!(TokenDigest::from_bytes(digest.to_bytes()), digest);
        }

        #[test]
        fn no_changed_character_is_overlooked(random in any::<[u8; 32]>(), at in 0..CHARS, to in "[ -~]") {
            let (secret, _) = mint(TokenKind::Api, TenantId::LOCAL, random);
            let mut text = secret.expose().to_owned();
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            prop_assert!(parse(&text).is_err());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,100}", middle in "\\PC{86}") {
            let _ = parse(&text);
            let _ = parse(&format!("aamas_{text}"));
            let _ = parse(&format!("aamas_pat_{middle}"));
        }

        #[test]
        fn right_characters_alone_make_no_token(text in "aamas_pat_[0-7][0-9a-hjkmnp-tv-z]{25}_[A-Za-z0-9_-]{49}") {
            prop_assert_eq!(parse(&text), Err(TokenError::Malformed));
        }
    }

    #[test]
    fn the_format_does_not_change() {
        let (secret, digest) = mint(TokenKind::Api, TenantId::LOCAL, [0xfb; 32]);
        assert_eq!(
            secret.expose(),
            "aamas_pat_00000000000000000000000000_-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_sjkYiWF"
        );
        assert_eq!(format!("{digest:?} {secret:?}"), "TokenDigest(…) Secret(…)");
    }

    #[test]
    fn a_token_cut_or_lengthened_is_refused() {
        let (secret, _) = mint(TokenKind::Session, TenantId::LOCAL, [1; 32]);
        for text in [&secret.expose()[..CHARS - 1], &format!("{}a", secret.expose()), "aamas_", "aamas_pat"] {
            assert_eq!(parse(text), Err(TokenError::Malformed), "{text}");
        }
        assert_eq!(parse(&format!(" {}", secret.expose())), Err(TokenError::Foreign));
        assert_eq!(parse("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"), Err(TokenError::Foreign));
    }
}

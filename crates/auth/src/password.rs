//! Passwords: which are taken, and how they are kept.
//!
//! Argon2id with 19 MiB, two passes and one lane: the first of the equivalent settings of the OWASP Password Storage Cheat
//! Sheet. The rules follow NIST SP 800-63B section 3.1.1: a length and a list of the commonest, and no rules about
//! kinds of characters.

use std::fmt;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use subtle::ConstantTimeEq;

/// Fewest characters.
pub const MIN_CHARS: usize = 10;
/// Most characters; a bound for the work, far above any person's.
pub const MAX_CHARS: usize = 128;
/// Bytes of salt that [`hash`] takes.
pub const SALT_BYTES: usize = 16;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
/// Bounds for what a stored hash may ask for, so that a bad row costs no gigabytes.
const MAX_MEMORY_KIB: u32 = 1 << 18;
const MAX_PASSES: u32 = 16;

/// Commonest passwords of ten characters and more, and the stems that people build them from.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password as typed. It can't be printed or compared, and its memory is overwritten when it goes.
pub struct Password(String);

impl Password {
    /// Takes a password in, unchanged.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it may become somebody's password.
    ///
    /// # Errors
    /// The rule that it breaks, as a sentence for the person.
    pub fn check(&self, email: &str, organization: &str) -> Result<(), WeakPassword> {
        let length = self.0.chars().count();
        if length < MIN_CHARS {
            return Err(WeakPassword::TooShort);
        }
        if length > MAX_CHARS {
            return Err(WeakPassword::TooLong);
        }
        let lower = self.0.to_lowercase();
        let mut characters = lower.chars();
        let first = characters.next();
        if characters.all(|c| Some(c) == first) || is_common(&lower) {
            return Err(WeakPassword::Common);
        }
        let local = email.split('@').next().unwrap_or_default().to_lowercase();
        if says(&lower, &local) {
            return Err(WeakPassword::ContainsEmail);
        }
        if says(&lower, &organization.to_lowercase()) {
            return Err(WeakPassword::ContainsOrganization);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        let mut bytes = std::hint::black_box(std::mem::take(&mut self.0).into_bytes());
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`MIN_CHARS`].
    #[error("a password has at least {MIN_CHARS} characters")]
    TooShort,
    /// More than [`MAX_CHARS`].
    #[error("a password has at most {MAX_CHARS} characters")]
    TooLong,
    /// One of those that are tried first.
    #[error("this password is among the commonest; take several words that don't belong together")]
    Common,
    /// Contains what stands before the @.
    #[error("a password must not contain the name in your e-mail address")]
    ContainsEmail,
    /// Contains the organization's name.
    #[error("a password must not contain the name of the organization")]
    ContainsOrganization,
}

/// Why hashing or checking failed; never because the password is wrong.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The parameters or the memory were refused.
    #[error("cannot hash a password")]
    Hash(#[source] argon2::password_hash::Error),
    /// What is stored is no Argon2id hash within our bounds.
    #[error("the stored password hash cannot be read")]
    Stored,
}

/// The hash to store, as a PHC string. Takes about 20 ms; call it where blocking is allowed.
///
/// # Errors
/// When Argon2 refuses, which these parameters do not give it a reason for.
pub fn hash(password: &Password, salt: [u8; SALT_BYTES]) -> Result<String, PasswordError> {
    let argon2 = context(MEMORY_KIB, PASSES, LANES)?;
    let hash = argon2.hash_password_with_salt(password.0.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that was stored. Without a stored hash (nobody has this e-mail address) the answer is no,
/// after as much work as for a stored one, so that time doesn't tell who has an account.
///
/// # Errors
/// When the stored hash can't be read.
pub fn verify(password: &Password, stored: Option<&str>) -> Result<bool, PasswordError> {
    let Some(stored) = stored else {
        std::hint::black_box(hash(password, [0; SALT_BYTES])?);
        return Ok(false);
    };
    let stored = PasswordHash::new(stored).map_err(|_| PasswordError::Stored)?;
    let params = params_of(&stored).ok_or(PasswordError::Stored)?;
    let (Some(salt), Some(want)) = (stored.salt.as_ref(), stored.hash.as_ref()) else {
        return Err(PasswordError::Stored);
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let given = argon2.hash_password_with_salt(password.0.as_bytes(), salt).map_err(PasswordError::Hash)?;
    let given = given.hash.ok_or(PasswordError::Stored)?;
    Ok(given.as_bytes().ct_eq(want.as_bytes()).into())
}

/// Whether a stored hash was made with other parameters than today's: after the next good sign-in it is made again.
#[must_use]
pub fn needs_rehash(stored: &str) -> bool {
    let current = (MEMORY_KIB, PASSES, LANES);
    let params = PasswordHash::new(stored).ok().and_then(|hash| params_of(&hash));
    params.map(|p| (p.m_cost(), p.t_cost(), p.p_cost())) != Some(current)
}

fn context(memory_kib: u32, passes: u32, lanes: u32) -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(memory_kib, passes, lanes, Some(OUTPUT_BYTES))
        .map_err(|error| PasswordError::Hash(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The parameters of an Argon2id hash of the current version within our bounds.
fn params_of(stored: &PasswordHash) -> Option<Params> {
    let params = Params::try_from(stored).ok()?;
    let ours = stored.algorithm.as_str() == "argon2id"
        && stored.version.is_none_or(|version| version == u32::from(Version::V0x13));
    let bounded = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= 4;
    (ours && bounded).then_some(params)
}

/// Whether `lower` is in the list, or a word of the list with some digits and signs after it.
fn is_common(lower: &str) -> bool {
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    COMMON.lines().any(|common| common == lower || (!stem.is_empty() && common == stem))
}

/// Whether a name of at least four characters stands in the password; shorter ones stand in too many.
fn says(lower: &str, name: &str) -> bool {
    name.chars().count() >= 4 && lower.contains(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let stored = hash(&Password::new("correct horse battery"), [7; 16]).expect("hashes");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let check =
            |text: &str, stored: Option<&str>| verify(&Password::new(text), stored).expect("readable");
        assert!(check("correct horse battery", Some(&stored)));
        assert!(!check("correct horse battery ", Some(&stored)));
        assert!(!check("", Some(&stored)));
        assert!(!check("correct horse battery", None));
    }

    #[test]
    fn old_parameters_are_renewed_and_bad_rows_are_refused() {
        let now = hash(&Password::new("correct horse battery"), [7; 16]).expect("hashes");
        assert!(!needs_rehash(&now));
        let old = context(1024, 1, 1).expect("valid parameters");
        let old =
            old.hash_password_with_salt(b"correct horse battery", &[7; 16]).expect("hashes").to_string();
        assert!(needs_rehash(&old));
        assert!(verify(&Password::new("correct horse battery"), Some(&old)).expect("readable"));
        for bad in [
            "",
            "plain",
            "$argon2i$v=19$m=1024,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4000000,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=1024,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw",
        ] {
            assert!(matches!(verify(&Password::new("x"), Some(bad)), Err(PasswordError::Stored)), "{bad}");
            assert!(needs_rehash(bad), "{bad}");
        }
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        let cases = [
            ("123456789", Err(WeakPassword::TooShort)),
            ("äöüäöüäöü", Err(WeakPassword::TooShort)),
            ("äöüäöüäöüß", Ok(())),
            ("aaaaaaaaaaaa", Err(WeakPassword::Common)),
            ("1234567890", Err(WeakPassword::Common)),
            ("Password123!", Err(WeakPassword::Common)),
            ("qwertyuiop", Err(WeakPassword::Common)),
            ("my-annabel-2026", Err(WeakPassword::ContainsEmail)),
            ("welcome to EXAMPLE corp", Err(WeakPassword::ContainsOrganization)),
            ("four plain words here", Ok(())),
        ];
        for (text, want) in cases {
            assert_eq!(Password::new(text).check("Annabel@example.org", "Example Corp"), want, "{text}");
        }
        assert_eq!(Password::new("x".repeat(64) + &"y".repeat(64)).check("", ""), Ok(()));
        assert_eq!(Password::new("xy".repeat(65)).check("", ""), Err(WeakPassword::TooLong));
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(…)");
    }
}

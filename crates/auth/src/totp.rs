//! The second factor: one-time codes by RFC 6238, and recovery codes for the day the phone is gone.
//!
//! SHA-1, six digits, 30 seconds, one step of tolerance to each side: what every authenticator app understands
//! (RFC 6238 section 5.2 recommends the tolerance; SHA-1 as a MAC is unbroken, RFC 4226 appendix B.2).

use std::fmt;

use domain::{Secret, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Totp};

/// Random bytes of a TOTP secret: 160 bits, RFC 4226 section 4.
pub const SECRET_BYTES: usize = 20;
/// Random bytes for one set of recovery codes.
pub const RECOVERY_BYTES: usize = RECOVERY_CODES * RECOVERY_CODE_BYTES;
/// How many recovery codes a person gets.
pub const RECOVERY_CODES: usize = 10;

const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;
/// 80 bits a code: sixteen characters of base32.
const RECOVERY_CODE_BYTES: usize = 10;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that a person's app shares with the server.
#[derive(Clone)]
pub struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// The secret of these random bytes, or of those that were stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored (encrypted, where there is a key to do it with).
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SECRET_BYTES] {
        self.0
    }

    /// What a person types when they can't scan: 32 characters of base32.
    #[must_use]
    pub fn base32(&self) -> Secret {
        Secret::new(base32(&self.0))
    }

    /// What the QR code says: `otpauth://totp/…`. `issuer` is the server's name, `account` the e-mail address.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        // A colon would end the issuer inside the label.
        let (issuer, account) = (escape(&issuer.replace(':', " ")), escape(&account.replace(':', " ")));
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            base32(&self.0)
        ))
    }

    /// The step of the code, if it is right at `now` and later than `last_used`. The caller stores the step in the
    /// same transaction, so that a code is taken once (RFC 6238 section 5.2).
    #[must_use]
    pub fn verify(&self, code: &str, now: Timestamp, last_used: Option<u64>) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if code.len() != usize::from(DIGITS) || !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let seconds = u64::try_from(now.as_millis()).ok()? / 1000;
        // All three steps are computed and compared, whichever matches. The newest wins: should two steps have the same
        // code, the older one being used up must not refuse it.
        let totp = self.totp();
        let newest = seconds / STEP_SECONDS + 1;
        let matching = (newest.saturating_sub(2)..=newest).fold(None, |found, step| {
            let want = totp.generate(step * STEP_SECONDS).to_string();
            if bool::from(want.as_bytes().ct_eq(code.as_bytes())) { Some(step) } else { found }
        });
        matching.filter(|step| last_used.is_none_or(|last| *step > last))
    }

    /// The code at `now`, for clients and tests.
    #[must_use]
    pub fn code_at(&self, now: Timestamp) -> String {
        let seconds = u64::try_from(now.as_millis()).unwrap_or(0) / 1000;
        self.totp().generate(seconds).to_string()
    }

    fn totp(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP_SECONDS)
            .with_secret(self.0)
            .build_noncompliant() // compliant all the same: every value above is a constant of the RFC
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// SHA-256 of a recovery code. With 80 random bits nothing slower is needed.
pub type RecoveryDigest = [u8; 32];

/// Ten codes for the person (`XXXX-XXXX-XXXX-XXXX`, shown once) and their digests for the store.
#[must_use]
pub fn recovery_codes(random: &[u8; RECOVERY_BYTES]) -> (Vec<Secret>, Vec<RecoveryDigest>) {
    let codes: Vec<String> = random.chunks(RECOVERY_CODE_BYTES).map(base32).collect();
    let digests = codes.iter().map(|code| recovery_digest(code)).collect();
    (codes.iter().map(|code| Secret::new(grouped(code))).collect(), digests)
}

/// Which of the stored digests belongs to `code`; the caller removes it, so that it is taken once. Every one is
/// compared. Case, hyphens and spaces do not matter.
#[must_use]
pub fn find_recovery_code(code: &str, stored: &[RecoveryDigest]) -> Option<usize> {
    let code: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    if code.len() != RECOVERY_CODE_BYTES * 8 / 5 {
        return None;
    }
    let given = recovery_digest(&code);
    stored.iter().enumerate().fold(
        None,
        |found, (place, digest)| {
            if bool::from(digest.ct_eq(&given)) { Some(place) } else { found }
        },
    )
}

fn recovery_digest(code: &str) -> RecoveryDigest {
    Sha256::digest(format!("aamas recovery code {code}").as_bytes()).into()
}

fn grouped(code: &str) -> String {
    let mut grouped = String::new();
    for (place, character) in code.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    grouped
}

/// RFC 4648 base32 of whole groups of five bytes.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let value = group.iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
        for place in (0..8).rev() {
            text.push(char::from(BASE32[((value >> (5 * place)) & 31) as usize]));
        }
    }
    text
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(i64::try_from(seconds).expect("small") * 1_000_000)
    }

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(*b"12345678901234567890")
    }

    /// RFC 6238 appendix B, SHA-1, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_secret().code_at(at(seconds)), code);
            assert_eq!(rfc_secret().verify(code, at(seconds), None), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_taken_once_and_one_step_to_each_side() {
        let secret = rfc_secret();
        let code = secret.code_at(at(3000));
        let cases = [
            (2939, None, None),
            (2970, None, Some(100)),
            (3000, None, Some(100)),
            (3059, None, Some(100)),
            (3060, None, None),
            (3000, Some(99), Some(100)),
            (3000, Some(100), None),
            (3000, Some(101), None),
        ];
        for (now, last, want) in cases {
            assert_eq!(secret.verify(&code, at(now), last), want, "at {now}, last {last:?}");
        }
        assert_eq!(secret.verify(&format!("{} {}", &code[..3], &code[3..]), at(3000), None), Some(100));
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"] {
            assert_eq!(secret.verify(bad, at(3000), None), None, "{bad}");
        }
    }

    #[test]
    fn the_address_for_the_app_escapes_names() {
        assert_eq!(
            rfc_secret().uri("AAMAS: lab", "a+b@example.org").expose(),
            "otpauth://totp/AAMAS%20%20lab:a%2Bb%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=AAMAS%20%20lab&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", rfc_secret()), "TotpSecret(…)");
    }

    #[test]
    fn each_recovery_code_is_found_and_no_other() {
        let mut random = [0; RECOVERY_BYTES];
        random.iter_mut().zip(0u8..).for_each(|(byte, n)| *byte = n);
        let (codes, digests) = recovery_codes(&random);
        assert_eq!((codes.len(), codes[0].expose()), (RECOVERY_CODES, "AAAQ-EAYE-AUDA-OCAJ"));
        for (place, code) in codes.iter().enumerate() {
            let typed = code.expose().to_lowercase().replace('-', " ");
            assert_eq!(find_recovery_code(&typed, &digests), Some(place));
        }
        for bad in ["", "AAAQ", "AAAQ-EAYE-AUDA-OCAK", "AAAQ-EAYE-AUDA-OCAJ-AAAA"] {
            assert_eq!(find_recovery_code(bad, &digests), None, "{bad}");
        }
    }
}

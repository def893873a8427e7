//! Ed25519 keys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use crate::hash::{hex, unhex};

/// A key that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The private key is not one.
    #[error("this is not an Ed25519 private key in PKCS#8")]
    Private,
    /// The public key is not one.
    #[error("a public key is 64 lower-case hexadecimal digits")]
    Public,
}

/// A public key: 32 bytes, as text 64 lower-case hexadecimal digits (`keys/signing.pub`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// How a signature line names this key under `name` (C2SP signed-note): the first four bytes of
    /// `SHA-256(name || 0A || 01 || key)`; 01 stands for Ed25519.
    #[must_use]
    pub fn note_id(self, name: &str) -> [u8; 4] {
        let digest =
            Sha256::new().chain_update(name).chain_update([b'\n', 1]).chain_update(self.0).finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verify(self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self).ok_or(KeyError::Public)
    }
}

/// A private key in memory, for those who have one there: the installation's `keys/signing.key`. It is never shown.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of a PKCS#8 document.
    ///
    /// # Errors
    /// [`KeyError::Private`] if it is none.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map(Self).map_err(|_| KeyError::Private)
    }

    /// The key of 32 random bytes, which the caller draws.
    ///
    /// # Errors
    /// [`KeyError::Private`], should the library refuse the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyError::Private)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        // An Ed25519 key has 32 bytes; another would verify nothing.
        PublicKey(self.0.public_key().as_ref().try_into().unwrap_or([0; 32]))
    }

    /// Its signature over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, private)", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_signatures_are_those_of_rfc_8032() {
        // RFC 8032, section 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: PublicKey = seed.parse().expect("64 digits");
        let key = SigningKey::from_seed(&seed.0).expect("a seed");
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.public().to_string(), public);
        assert_eq!(public.parse(), Ok(key.public()));
        let signature = key.sign(b"");
        assert!(hex(&signature).starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065"));
        assert!(key.public().verify(b"", &signature));
        assert!(!key.public().verify(b"x", &signature) && !key.public().verify(b"", &signature[1..]));
        assert!(!format!("{key:?}").contains("9d61b1"));
        assert_eq!(SigningKey::from_pkcs8(b"no").map(|_| ()), Err(KeyError::Private));
        assert_eq!("D75A".parse::<PublicKey>(), Err(KeyError::Public));
    }

    /// The key of Go's checksum database, as it is published: `sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8`.
    #[test]
    fn the_id_of_a_key_is_that_of_signed_notes() {
        use base64::Engine as _;
        let bytes = base64::prelude::BASE64_STANDARD
            .decode("Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
            .expect("base64");
        let key = PublicKey(bytes[1..].try_into().expect("32 bytes"));
        assert_eq!(hex(&key.note_id("sum.golang.org")), "033de0ae");
    }
}

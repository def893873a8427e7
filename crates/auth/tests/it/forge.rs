//! Keys and tokens made here, good and bad.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// A private key and its public half.
pub struct Key {
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public half, as a JSON Web Key.
    pub public: Value,
}

impl Key {
    /// A key on P-256.
    pub fn ec(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pkcs8 = pair.to_pkcs8v1().expect("PKCS 8");
        Self::new(id, Algorithm::ES256, EncodingKey::from_ec_der(pkcs8.as_ref()))
    }

    /// An RSA key of 2048 bits.
    pub fn rsa(id: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pkcs8 = pair.as_der().expect("PKCS 8");
        // The library wants PKCS 1, which is what PKCS 8 holds behind a head of 26 bytes for this size.
        Self::new(id, Algorithm::RS256, EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]))
    }

    fn new(id: &str, algorithm: Algorithm, private: EncodingKey) -> Self {
        let mut public = Jwk::from_encoding_key(&private, algorithm).expect("a public key");
        public.common.key_id = Some(id.to_owned());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = serde_json::to_value(public).expect("JSON");
        Self { algorithm, private, public }
    }

    /// A token with this header (over `alg` and `kid` of the key) and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut full =
            json!({"alg": format!("{:?}", self.algorithm), "kid": self.public["kid"], "typ": "JWT"});
        let members = full.as_object_mut().expect("an object");
        for (name, value) in header.as_object().expect("an object") {
            if value.is_null() {
                members.remove(name)
            } else {
                members.insert(name.clone(), value.clone())
            };
        }
        let message = format!("{}.{}", part(&full), part(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, self.algorithm).expect("signs");
        format!("{message}.{signature}")
    }
}

/// A token signed with a secret that everybody knows.
pub fn sign_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signs");
    format!("{message}.{signature}")
}

/// A token without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", part(header), part(claims))
}

/// One part of a token.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

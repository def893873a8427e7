//! JWTs of configured issuers as bearer tokens: a pipeline or a service that another system vouches for.
//!
//! What is believed is the configuration, never the token: issuer, audience and algorithms are compared with it, keys come from
//! the issuer's key set alone (`jku`, `jwk` and `x5c` of a header are not looked at), and symmetric algorithms can't be
//! configured. RFC 8725 is the list that this follows. `exp` must be there; clocks may differ by [`LEEWAY_SECONDS`].

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fetch::{self, DocumentError, FetchError, HttpRequest, HttpResponse};
use crate::mapping::RoleMapping;
use crate::role::Role;

/// How far clocks may differ.
pub const LEEWAY_SECONDS: i64 = 60;
/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Keys older than this are fetched again.
const MAX_KEY_AGE_SECONDS: u64 = 3600;
/// An unknown key makes us fetch again, but not sooner than this after the last time: tokens are free to make up.
const MIN_REFETCH_SECONDS: u64 = 60;

/// A signature algorithm that can be allowed. There is none with a shared secret, and no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256.
    ES256,
    /// ECDSA on P-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl SignatureAlgorithm {
    fn library(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// Who may vouch for callers, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedIssuer {
    /// `iss`, exactly.
    pub issuer: String,
    /// What must be in `aud`: the name that the issuer knows this server by.
    pub audience: String,
    /// Address of the key set. Without one, the keys are those that the administrator gave.
    pub keys_url: Option<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// From its claims to a role.
    pub roles: RoleMapping,
}

/// An issuer's public keys as last seen. The caller keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerKeys {
    keys: JwkSet,
    fetched_at: Timestamp,
}

impl IssuerKeys {
    /// Keys that the administrator gave: a JSON Web Key Set (RFC 7517).
    ///
    /// # Errors
    /// When the text is no key set.
    pub fn fixed(json: &str, now: Timestamp) -> Result<Self, JwtError> {
        let keys = serde_json::from_str(json).map_err(|_| JwtError::KeySet)?;
        Ok(Self { keys, fetched_at: now })
    }

    /// Fetches the keys of an issuer.
    ///
    /// # Errors
    /// When it has no address for them, or that doesn't answer with a key set.
    pub async fn fetch<H, F>(http: &H, issuer: &TrustedIssuer, now: Timestamp) -> Result<Self, JwtError>
    where
        H: Fn(HttpRequest) -> F,
        F: Future<Output = Result<HttpResponse, FetchError>>,
    {
        let url = issuer.keys_url.as_deref().ok_or(JwtError::KeySet)?;
        Ok(Self { keys: fetch::document(http, url, None).await?, fetched_at: now })
    }

    fn age_seconds(&self, now: Timestamp) -> u64 {
        now.since(self.fetched_at).as_secs()
    }
}

/// What a token says that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who vouches.
    pub issuer: String,
    /// For whom; unique with the issuer.
    pub subject: String,
    /// `name`, or the subject.
    pub name: String,
    /// The role by the issuer's mapping.
    pub role: Role,
    /// When it ends.
    pub expires_at: Timestamp,
    /// All claims.
    pub claims: Value,
}

/// Why a token is not believed. It never quotes the token.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// Not three parts of base64url with JSON in them, or too long.
    #[error("this is not a JWT")]
    Malformed,
    /// `none`, a symmetric algorithm, or one that this issuer doesn't use.
    #[error("the token's algorithm is not allowed for its issuer")]
    Algorithm,
    /// It asks for an extension to be understood (`crit`), or is no access token by its `typ`.
    #[error("the token's header asks for something that is not supported")]
    Header,
    /// No key of the issuer has this id and fits the algorithm.
    #[error("the token was signed with a key that its issuer doesn't have")]
    UnknownKey,
    /// The signature is not of that key.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing, or not what it must be.
    #[error("the token's claim `{0}` is missing or not as it must be")]
    Claim(&'static str),
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// Before its beginning.
    #[error("the token is not valid yet")]
    TooEarly,
    /// In no group that has a role, and there is no default.
    #[error("the token's subject has no role here")]
    NoRole,
    /// What should be a key set is none.
    #[error("the issuer's keys are no key set (RFC 7517)")]
    KeySet,
    /// The keys couldn't be fetched.
    #[error("cannot fetch the issuer's keys")]
    Fetch(#[from] DocumentError),
}

/// The issuer that a token names, unverified: only to choose the configuration to verify it with.
#[must_use]
pub fn claimed_issuer(token: &str) -> Option<String> {
    let (_, claims) = unverified(token).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// Verifies a token by keys that the caller has.
///
/// # Errors
/// Why it is not believed.
pub fn verify(
    issuer: &TrustedIssuer,
    keys: &IssuerKeys,
    token: &str,
    now: Timestamp,
) -> Result<Verified, JwtError> {
    let (header, _) = unverified(token)?;
    let algorithm = algorithm_of(issuer, &header)?;
    let key = key_of(keys, &header, algorithm)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| JwtError::UnknownKey)?;
    if key.family() != family(algorithm) {
        return Err(JwtError::UnknownKey);
    }
    // The library checks the signature; the claims are checked below, by our time.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims =
        jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(|_| JwtError::Signature)?.claims;
    check_claims(issuer, claims, now)
}

/// Verifies a token, and fetches the issuer's keys where those at hand are too old or don't have the token's.
/// What was fetched is in `keys` afterwards.
///
/// # Errors
/// Why it is not believed, or that the keys couldn't be fetched.
pub async fn verify_with<H, F>(
    http: &H,
    issuer: &TrustedIssuer,
    keys: &mut Option<IssuerKeys>,
    token: &str,
    now: Timestamp,
) -> Result<Verified, JwtError>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = Result<HttpResponse, FetchError>>,
{
    if let Some(known) = keys.as_ref() {
        let age = known.age_seconds(now);
        let fetchable = issuer.keys_url.is_some();
        if !fetchable || age < MAX_KEY_AGE_SECONDS {
            let verified = verify(issuer, known, token, now);
            if !(fetchable && age >= MIN_REFETCH_SECONDS && matches!(verified, Err(JwtError::UnknownKey))) {
                return verified;
            }
        }
    }
    let fetched = IssuerKeys::fetch(http, issuer, now).await?;
    let verified = verify(issuer, &fetched, token, now);
    *keys = Some(fetched);
    verified
}

/// Header and claims, before anything is known of them.
fn unverified(token: &str) -> Result<(Value, Value), JwtError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwtError::Malformed);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts[..] else { return Err(JwtError::Malformed) };
    let read = |part: &str| -> Option<Value> {
        let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
        value.is_object().then_some(value)
    };
    read(header).zip(read(claims)).ok_or(JwtError::Malformed)
}

/// The one algorithm that both the header names and the configuration allows.
fn algorithm_of(issuer: &TrustedIssuer, header: &Value) -> Result<Algorithm, JwtError> {
    let kind = header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
    // RFC 9068 section 4, RFC 8725 section 3.11; plain tokens say `JWT` or nothing.
    let known = kind.as_deref().is_none_or(|typ| ["jwt", "at+jwt", "application/at+jwt"].contains(&typ));
    if !known || header.get("crit").is_some() {
        return Err(JwtError::Header);
    }
    let named = header.get("alg").cloned().unwrap_or_default();
    let named: SignatureAlgorithm = serde_json::from_value(named).map_err(|_| JwtError::Algorithm)?;
    if !issuer.algorithms.contains(&named) {
        return Err(JwtError::Algorithm);
    }
    Ok(named.library())
}

/// The key of this id; without an id, the only key that fits.
fn key_of<'a>(keys: &'a IssuerKeys, header: &Value, algorithm: Algorithm) -> Result<&'a Jwk, JwtError> {
    let id = header.get("kid").map(|kid| kid.as_str().ok_or(JwtError::UnknownKey)).transpose()?;
    let fits = |key: &&Jwk| {
        let signs = key.common.public_key_use.as_ref().is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
        let alg = key.common.key_algorithm.is_none_or(|alg| alg.to_string() == format!("{algorithm:?}"));
        let same_id = id.is_none_or(|id| key.common.key_id.as_deref() == Some(id));
        let same_family = DecodingKey::from_jwk(key).is_ok_and(|key| key.family() == family(algorithm));
        signs && alg && same_id && same_family
    };
    let mut fitting = keys.keys.keys.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(JwtError::UnknownKey),
    }
}

fn family(algorithm: Algorithm) -> AlgorithmFamily {
    let all = [AlgorithmFamily::Rsa, AlgorithmFamily::Ec, AlgorithmFamily::Ed];
    all.into_iter().find(|f| f.algorithms().contains(&algorithm)).unwrap_or(AlgorithmFamily::Hmac)
}

fn check_claims(issuer: &TrustedIssuer, claims: Value, now: Timestamp) -> Result<Verified, JwtError> {
    let text = |name: &'static str| -> Result<&str, JwtError> {
        claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(JwtError::Claim(name))
    };
    if text("iss")? != issuer.issuer {
        return Err(JwtError::Claim("iss"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(one)) => *one == issuer.audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(&issuer.audience)),
        _ => false,
    };
    if !for_us {
        return Err(JwtError::Claim("aud"));
    }
    let now_seconds = now.as_millis().div_euclid(1000);
    let expires = seconds(&claims, "exp")?.ok_or(JwtError::Claim("exp"))?;
    if now_seconds >= expires.saturating_add(LEEWAY_SECONDS) {
        return Err(JwtError::Expired);
    }
    for begins in ["nbf", "iat"] {
        if seconds(&claims, begins)?.is_some_and(|at| at > now_seconds.saturating_add(LEEWAY_SECONDS)) {
            return Err(JwtError::TooEarly);
        }
    }
    let subject = text("sub")?.to_owned();
    let role = issuer.roles.role(&issuer.roles.groups(&claims)).ok_or(JwtError::NoRole)?;
    Ok(Verified {
        issuer: issuer.issuer.clone(),
        name: text("name").unwrap_or(&subject).to_owned(),
        subject,
        role,
        expires_at: Timestamp::from_micros(expires.saturating_mul(1_000_000)),
        claims,
    })
}

/// A NumericDate (RFC 7519 section 2), whole seconds; a fraction is cut off.
fn seconds(claims: &Value, name: &'static str) -> Result<Option<i64>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_i64().or_else(|| {
        let number = value.as_f64()?.trunc();
        // Beyond this a float isn't exact, and no clock gets there.
        (number.abs() < 9e15).then_some(number as i64)
    });
    number.map(Some).ok_or(JwtError::Claim(name))
}

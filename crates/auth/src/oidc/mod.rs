//! Single sign-on: the code flow of OpenID Connect with PKCE, at any number of providers.
//!
//! [`begin`] gives the address to send the browser to, and what to remember (in a cookie or a row that only this browser leads
//! to). [`finish`] takes what the provider sent the browser back with, exchanges the code, and checks the ID token: signature by a
//! key of the provider, issuer, audience, `azp`, expiry, nonce. The provider is compared three times (which one was asked,
//! `iss` in the answer by RFC 9207, `iss` in the token), so that one provider can't answer for another. An e-mail address counts
//! only if the provider has verified it.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Secret, Timestamp};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClientAuthMethod, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::fetch::{self, DocumentError, FetchError, HttpRequest, HttpResponse};
use crate::mapping::RoleMapping;
use crate::role::Role;

mod types;

use types::{Client, IdTokenClaims, Metadata, Tokens};

/// Random bytes that [`begin`] takes: state, nonce and verifier, 32 each.
pub const RANDOM_BYTES: usize = 96;
/// How far clocks may differ.
pub const LEEWAY_SECONDS: i64 = 60;
/// How long somebody may take at the provider.
pub const MAX_PENDING_SECONDS: u64 = 15 * 60;
/// After this, what a provider says about itself is fetched again.
pub const MAX_DISCOVERED_SECONDS: u64 = 3600;

/// What ID tokens may be signed with: nothing with a shared secret, and never `none`.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider as the administrator configured it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Our id of it, in the address of the callback.
    pub id: String,
    /// Name on the button.
    pub name: String,
    /// The issuer, exactly as it names itself.
    pub issuer: String,
    /// The id that it gave us.
    pub client_id: String,
    /// The secret that it gave us; none for a public client.
    pub client_secret: Option<Secret>,
    /// Scopes beside `openid`: usually `email` and `profile`.
    pub scopes: Vec<String>,
    /// Audiences beside ours that an ID token may have.
    pub trusted_audiences: Vec<String>,
    /// From groups to a role.
    pub roles: RoleMapping,
}

/// What a provider says about itself, and its keys. The caller keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Discovered {
    metadata: Metadata,
    keys: CoreJsonWebKeySet,
    fetched_at: Timestamp,
}

/// A sign-in that has begun: to be remembered for this browser alone, until it comes back, and then forgotten.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    provider: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    verifier: String,
    begun_at: Timestamp,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// What the browser came back with: the query of the callback's address.
#[derive(Clone, Default, Deserialize)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// What we sent as `state`.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// Why not.
    pub error: Option<String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("iss", &self.iss).field("error", &self.error).finish_non_exhaustive()
    }
}

/// Somebody as a provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's issuer; with the subject it names the person for ever.
    pub issuer: String,
    /// The provider's id of the person.
    pub subject: String,
    /// E-mail address, verified by the provider.
    pub email: String,
    /// Name, or the e-mail address.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
    /// The role that the groups give; none: they give none, and there is no default.
    pub role: Option<Role>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// A document of the provider couldn't be had.
    #[error("cannot ask the identity provider")]
    Fetch(#[from] DocumentError),
    /// It calls itself something else than we do, or an address of it makes no sense.
    #[error("the identity provider's description of itself is wrong: {0}")]
    Discovery(String),
    /// It sent the browser back with an error, such as `access_denied`.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// The callback doesn't belong to this sign-in, or is incomplete.
    #[error("this answer does not belong to the sign-in that was begun")]
    State,
    /// Another provider answered than was asked.
    #[error("another identity provider answered than the one that was asked")]
    MixUp,
    /// It took too long.
    #[error("the sign-in took too long; begin again")]
    Expired,
    /// The code wasn't exchanged.
    #[error("the identity provider did not take the code: {0}")]
    Exchange(String),
    /// The ID token is missing or not to be believed.
    #[error("the identity provider's answer cannot be believed: {0}")]
    Token(String),
    /// No e-mail address, or not a verified one.
    #[error("the identity provider knows no verified e-mail address of this person")]
    Email,
}

impl Discovered {
    /// Whether it may still be used at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.fetched_at).as_secs() < MAX_DISCOVERED_SECONDS
    }
}

/// Asks a provider about itself (OpenID Connect Discovery 1.0) and for its keys.
///
/// # Errors
/// When it can't be reached, or its description is not of the issuer that was configured.
pub async fn discover<H, F>(http: &H, provider: &Provider, now: Timestamp) -> Result<Discovered, OidcError>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = Result<HttpResponse, FetchError>>,
{
    let url = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let metadata: Metadata = fetch::document(http, &url, None).await?;
    if metadata.issuer().as_str() != provider.issuer {
        return Err(OidcError::Discovery("its issuer is not the one that was configured".to_owned()));
    }
    fetch::secure(metadata.authorization_endpoint().as_str())?;
    let keys = fetch::document(http, metadata.jwks_uri().as_str(), None).await?;
    Ok(Discovered { metadata, keys, fetched_at: now })
}

/// Begins a sign-in: the address to send the browser to, and what to remember.
///
/// # Errors
/// When the callback's address is none.
pub fn begin(
    provider: &Provider,
    discovered: &Discovered,
    redirect_uri: &str,
    random: &[u8; RANDOM_BYTES],
    now: Timestamp,
) -> Result<(String, Pending), OidcError> {
    let [state, nonce, verifier] = [0, 32, 64].map(|at| URL_SAFE_NO_PAD.encode(&random[at..at + 32]));
    let pending = Pending {
        provider: provider.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state,
        nonce,
        verifier,
        begun_at: now,
    };
    let client = client(provider, discovered, redirect_uri)?;
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(pending.verifier.clone()));
    let (state, nonce) = (CsrfToken::new(pending.state.clone()), Nonce::new(pending.nonce.clone()));
    let (url, _, _) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
        .add_scopes(provider.scopes.iter().filter(|s| *s != "openid").cloned().map(Scope::new))
        .set_pkce_challenge(challenge)
        .url();
    Ok((url.to_string(), pending))
}

/// Ends a sign-in. If the ID token was signed with a key that is not known, the keys are fetched again, once;
/// `discovered` then has them.
///
/// # Errors
/// Why nobody is signed in. Nothing of it needs to be kept from the person but the sources, which are for the log.
pub async fn finish<H, F>(
    http: &H,
    provider: &Provider,
    discovered: &mut Discovered,
    pending: &Pending,
    callback: &Callback,
    now: Timestamp,
) -> Result<Person, OidcError>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = Result<HttpResponse, FetchError>>,
{
    let code = check_callback(provider, discovered, pending, callback, now)?;
    let tokens = exchange(http, provider, discovered, pending, code).await?;
    let id_token = tokens.id_token().ok_or_else(|| OidcError::Token("there is no ID token".to_owned()))?;
    let verified = believe(provider, discovered, pending, id_token, now);
    let claims = if matches!(verified, Err(Unbelievable::UnknownKey)) {
        discovered.keys = fetch::document(http, discovered.metadata.jwks_uri().as_str(), None).await?;
        believe(provider, discovered, pending, id_token, now)
    } else {
        verified
    };
    let claims = claims.map_err(|why| OidcError::Token(why.to_string()))?;
    let mut all =
        serde_json::to_value(claims).map_err(|_| OidcError::Token("unreadable claims".to_owned()))?;
    let complete = all.get("email").is_some() && provider.roles.is_answered_by(&all);
    if let (false, Some(url)) = (complete, discovered.metadata.userinfo_endpoint()) {
        let more: Value = fetch::document(http, url.as_str(), Some(tokens.access_token().secret())).await?;
        add_user_info(&mut all, more)?;
    }
    person(provider, &all)
}

/// The code, if the callback belongs to what was begun.
fn check_callback(
    provider: &Provider,
    discovered: &Discovered,
    pending: &Pending,
    callback: &Callback,
    now: Timestamp,
) -> Result<AuthorizationCode, OidcError> {
    let state = callback.state.as_deref().unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(pending.state.as_bytes())) {
        return Err(OidcError::State);
    }
    // RFC 9207 section 2.4: compared as texts, and required of who promises to send it.
    let promised = discovered.metadata.additional_metadata().authorization_response_iss_parameter_supported;
    let right_issuer = callback.iss.as_ref().map_or(!promised, |iss| *iss == provider.issuer);
    if !right_issuer || pending.provider != provider.id {
        return Err(OidcError::MixUp);
    }
    if now.since(pending.begun_at).as_secs() > MAX_PENDING_SECONDS {
        return Err(OidcError::Expired);
    }
    if let Some(error) = &callback.error {
        return Err(OidcError::Refused(word(error)));
    }
    callback.code.clone().map(AuthorizationCode::new).ok_or(OidcError::State)
}

async fn exchange<H, F>(
    http: &H,
    provider: &Provider,
    discovered: &Discovered,
    pending: &Pending,
    code: AuthorizationCode,
) -> Result<Tokens, OidcError>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = Result<HttpResponse, FetchError>>,
{
    let client = client(provider, discovered, &pending.redirect_uri)?;
    let endpoint = client.token_uri().map(|url| url.as_str().to_owned()).unwrap_or_default();
    fetch::secure(&endpoint)?;
    let request = client
        .exchange_code(code)
        .map_err(|_| OidcError::Discovery("it has no token endpoint".to_owned()))?
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));
    request.request_async(http).await.map_err(|error| match error {
        RequestTokenError::ServerResponse(answer) => OidcError::Exchange(word(answer.error().as_ref())),
        RequestTokenError::Request(source) => {
            OidcError::Fetch(DocumentError::Unreachable { url: endpoint, source })
        }
        // What was parsed has tokens in it.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            OidcError::Exchange("its answer is no token response".to_owned())
        }
    })
}

/// Why an ID token is not believed.
#[derive(Debug, thiserror::Error)]
enum Unbelievable {
    #[error("the ID token was signed with an unknown key")]
    UnknownKey,
    #[error("{0}")]
    Other(String),
}

/// The claims of an ID token that passes OpenID Connect Core 3.1.3.7.
fn believe<'a>(
    provider: &Provider,
    discovered: &Discovered,
    pending: &Pending,
    token: &'a types::IdToken,
    now: Timestamp,
) -> Result<&'a IdTokenClaims, Unbelievable> {
    let other = |why: &str| Unbelievable::Other(why.to_owned());
    let seconds = now.as_millis().div_euclid(1000);
    // The library compares `exp` with its clock: ours, set back by the leeway. Its type comes from what is parsed.
    let leeway = std::time::Duration::from_secs(LEEWAY_SECONDS.unsigned_abs());
    let set_back = Timestamp::from_micros(now.as_micros() - i64::try_from(leeway.as_micros()).unwrap_or(0));
    let clock = set_back.to_string().parse().map_err(|_| other("the time cannot be told"))?;
    let trusted = provider.trusted_audiences.clone();
    let client = client(provider, discovered, &pending.redirect_uri)
        .map_err(|e| Unbelievable::Other(e.to_string()))?;
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_other_audience_verifier_fn(move |audience| trusted.iter().any(|one| **audience == *one))
        .set_time_fn(move || clock)
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() > seconds + LEEWAY_SECONDS {
                Err("issued in the future".to_owned())
            } else {
                Ok(())
            }
        });
    let claims =
        token.claims(&verifier, &Nonce::new(pending.nonce.clone())).map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Unbelievable::UnknownKey
            }
            error => Unbelievable::Other(error.to_string()),
        })?;
    match claims.authorized_party() {
        Some(party) if **party != provider.client_id => Err(other("the ID token is for another party (azp)")),
        None if claims.audiences().len() > 1 => Err(other("the ID token has several audiences and no azp")),
        _ => Ok(claims),
    }
}

/// Adds what the provider says at its userinfo endpoint, if it speaks of the same person (OpenID Connect Core 5.3.4).
/// Claims of the ID token, which are signed, stay.
fn add_user_info(claims: &mut Value, more: Value) -> Result<(), OidcError> {
    let subject = more.get("sub").and_then(Value::as_str);
    if subject.is_none() || subject != claims.get("sub").and_then(Value::as_str) {
        return Err(OidcError::Token("its userinfo speaks of another person".to_owned()));
    }
    let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) else { return Ok(()) };
    // An address and whether it is verified belong together.
    let has_email = claims.contains_key("email");
    for (name, value) in more {
        if !(has_email && name == "email_verified") {
            claims.entry(name).or_insert(value);
        }
    }
    Ok(())
}

fn person(provider: &Provider, claims: &Value) -> Result<Person, OidcError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let email = text("email").filter(|email| email.contains('@')).ok_or(OidcError::Email)?;
    // Some providers send the text "true".
    let verified = claims.get("email_verified");
    if !(verified == Some(&Value::Bool(true)) || verified.and_then(Value::as_str) == Some("true")) {
        return Err(OidcError::Email);
    }
    let groups = provider.roles.groups(claims);
    let role = provider.roles.role(&groups);
    let subject = text("sub").ok_or_else(|| OidcError::Token("there is no subject".to_owned()))?;
    Ok(Person {
        issuer: provider.issuer.clone(),
        subject: subject.to_owned(),
        email: email.to_owned(),
        name: text("name").unwrap_or(email).to_owned(),
        groups,
        role,
    })
}

fn client(provider: &Provider, discovered: &Discovered, redirect_uri: &str) -> Result<Client, OidcError> {
    let metadata = discovered.metadata.clone().set_jwks(discovered.keys.clone());
    let redirect = RedirectUrl::new(redirect_uri.to_owned())
        .map_err(|_| OidcError::Discovery("the address of our callback is none".to_owned()))?;
    let methods = metadata.token_endpoint_auth_methods_supported();
    let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
    let secret = provider.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
    let id = ClientId::new(provider.client_id.clone());
    Ok(Client::from_provider_metadata(metadata, id, secret)
        .set_redirect_uri(redirect)
        .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody }))
}

/// An error code as text for people: the letters of RFC 6749 only, and not many.
fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).take(64).collect()
}

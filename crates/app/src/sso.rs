//! Single sign-on: people by OpenID Connect providers, services by JWTs of configured issuers.
//!
//! What a provider says about a person never takes over an account that was there before: an identity is known by issuer and
//! subject, and it is linked to an account by its (verified) e-mail address only where the administrator allows that.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use auth::fetch::{FetchError, HttpRequest, HttpResponse};
use auth::jwt::{self, IssuerKeys, JwtError, SignatureAlgorithm, TrustedIssuer};
use auth::mapping::RoleMapping;
use auth::oidc::{self, Callback, Discovered, OidcError, Pending, Person, Provider};
use auth::{Caller, Principal, Role};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Secret, TenantId, UserId};
use serde::Deserialize;
use serde_json::json;
use store::{MemberRecord, UserRecord};
use tokio::sync::Mutex;

use crate::account::{has_owner_beside, member_of, new_user, parse_email, parse_name};
use crate::entrance::{Entrance, Hand, NewSession, SignedIn, Visitor};
use crate::office::Origin;
use crate::sign_in::{enter, organizations_of};
use crate::{AppError, Platform};

/// The longest id or name of a service: what an audit entry takes.
const MAX_NAME_BYTES: usize = 256;

/// What a request to a provider comes to.
pub type Fetched = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send>>;
/// The network, as [`auth::fetch`] wants it: no redirects, a time limit, a bound on the answer.
pub type Fetch = Arc<dyn Fn(HttpRequest) -> Fetched + Send + Sync>;

/// Who else may say who somebody is: a file of the administrator.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// The address that browsers know this server by, such as `https://aamas.example.org`.
    pub public_url: String,
    /// Providers that people sign in at.
    pub providers: Vec<ProviderConfig>,
    /// Issuers whose tokens services call with.
    pub issuers: Vec<IssuerConfig>,
}

/// A provider that people sign in at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Our id of it: letters, digits and hyphens.
    pub id: String,
    /// The name on the button.
    pub name: String,
    /// Its issuer, exactly.
    pub issuer: String,
    /// The id that it gave us.
    pub client_id: String,
    /// The secret that it gave us.
    pub client_secret: Option<String>,
    /// Scopes beside `openid`.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// Audiences beside ours that a token may have.
    #[serde(default)]
    pub trusted_audiences: Vec<String>,
    /// The organization of the people that it knows; the first one if not given.
    pub organization: Option<TenantId>,
    /// Whether somebody without an account gets one, and becomes a member by `roles`.
    #[serde(default)]
    pub joins: bool,
    /// Whether somebody is taken for who has an account with the same verified e-mail address.
    #[serde(default)]
    pub links_by_email: bool,
    /// Whether the role of a person follows the groups with every sign-in, and not only the first; of owners it never does.
    /// For providers with `joins`.
    #[serde(default = "yes")]
    pub syncs_roles: bool,
    /// From groups to a role.
    #[serde(default)]
    pub roles: RoleMapping,
}

impl std::fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderConfig").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An issuer whose tokens services call with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// `iss`, exactly.
    pub issuer: String,
    /// What must be in `aud`.
    pub audience: String,
    /// Where its keys are.
    pub keys_url: Option<String>,
    /// Its keys (a JSON Web Key Set), if they are not fetched.
    pub keys: Option<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The organization of its services; the first one if not given.
    pub organization: Option<TenantId>,
    /// From claims to a role.
    pub roles: RoleMapping,
}

fn yes() -> bool {
    true
}

fn usual_scopes() -> Vec<String> {
    vec!["email".into(), "profile".into()]
}

/// A mistake in the administrator's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ProvidersError {
    /// Where.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Providers and issuers, checked, with what was learned of them.
pub(crate) struct Sso {
    public_url: String,
    providers: Vec<Known>,
    issuers: Vec<Trusted>,
    fetch: Fetch,
}

struct Known {
    provider: Provider,
    organization: TenantId,
    joins: bool,
    syncs_roles: bool,
    links_by_email: bool,
    discovered: Mutex<Option<Discovered>>,
}

struct Trusted {
    issuer: TrustedIssuer,
    organization: TenantId,
    keys: Mutex<Option<IssuerKeys>>,
}

impl Sso {
    pub(crate) fn new(platform: &Platform, file: Providers, fetch: Fetch) -> Result<Self, ProvidersError> {
        let public_url = file.public_url.trim_end_matches('/').to_owned();
        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let secure = public_url.starts_with("https://") || local.iter().any(|l| public_url.starts_with(l));
        if !file.providers.is_empty() && !secure {
            return Err(mistake("public_url", "it is neither https nor on this machine"));
        }
        let mut seen = HashMap::new();
        let mut providers = Vec::new();
        for config in file.providers {
            let place = format!("provider {}", config.id);
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if config.id.is_empty() || config.id.len() > 50 || !config.id.chars().all(plain) {
                return Err(mistake(&place, "its id has other characters than letters, digits and hyphens"));
            }
            if seen.insert(config.id.clone(), ()).is_some() {
                return Err(mistake(&place, "there are two of this id"));
            }
            let mapped = config.roles.roles.iter().map(|(_, role)| *role).chain(config.roles.default);
            if config.joins && mapped.into_iter().any(Role::is_for_machines) {
                return Err(mistake(&place, "people can't have the role of a machine"));
            }
            providers.push(Known::of(config));
        }
        let now = platform.now();
        let trusted = |config: IssuerConfig| {
            let place = format!("issuer {}", config.issuer);
            let keys = config.keys.as_deref().map(|json| IssuerKeys::fixed(json, now)).transpose();
            let keys = keys.map_err(|error| mistake(&place, &error.to_string()))?;
            if keys.is_some() == config.keys_url.is_some() {
                return Err(mistake(&place, "it needs either `keys` or `keys_url`"));
            }
            let issuer = TrustedIssuer {
                issuer: config.issuer,
                audience: config.audience,
                keys_url: config.keys_url,
                algorithms: config.algorithms,
                roles: config.roles,
            };
            let organization = config.organization.unwrap_or(TenantId::LOCAL);
            Ok(Trusted { issuer, organization, keys: Mutex::new(keys) })
        };
        let issuers = file.issuers.into_iter().map(trusted).collect::<Result<_, _>>()?;
        Ok(Self { public_url, providers, issuers, fetch })
    }

    /// Ids and names of the providers.
    pub(crate) fn buttons(&self) -> Vec<(String, String)> {
        self.providers.iter().map(|known| (known.provider.id.clone(), known.provider.name.clone())).collect()
    }

    fn provider(&self, id: &str) -> Result<&Known, AppError> {
        let found = self.providers.iter().find(|known| known.provider.id == id);
        found.ok_or_else(|| AppError::not_found("provider", id))
    }

    fn http(&self) -> impl Fn(HttpRequest) -> Fetched + Send + Sync + use<> {
        let fetch = self.fetch.clone();
        move |request| fetch(request)
    }
}

impl Known {
    fn of(config: ProviderConfig) -> Self {
        let provider = Provider {
            id: config.id,
            name: config.name,
            issuer: config.issuer,
            client_id: config.client_id,
            client_secret: config.client_secret.map(Secret::new),
            scopes: config.scopes,
            trusted_audiences: config.trusted_audiences,
            roles: config.roles,
        };
        Self {
            provider,
            organization: config.organization.unwrap_or(TenantId::LOCAL),
            joins: config.joins,
            syncs_roles: config.joins && config.syncs_roles,
            links_by_email: config.links_by_email,
            discovered: Mutex::new(None),
        }
    }

    /// What the provider says about itself, an hour old at most. Two who ask at once may both fetch it.
    async fn discovered(&self, sso: &Sso, platform: &Platform) -> Result<Discovered, AppError> {
        let now = platform.now();
        let known = self.discovered.lock().await.clone().filter(|known| known.is_fresh(now));
        if let Some(known) = known {
            return Ok(known);
        }
        let fetched = oidc::discover(&sso.http(), &self.provider, now).await;
        let fetched = fetched.map_err(|error| refusal(&self.provider.id, error))?;
        *self.discovered.lock().await = Some(fetched.clone());
        Ok(fetched)
    }
}

fn mistake(place: &str, what: &str) -> ProvidersError {
    ProvidersError { place: place.to_owned(), what: what.to_owned() }
}

/// A sign-in that has begun at a provider.
#[derive(Debug)]
pub struct BegunSignIn {
    /// Where to send the browser.
    pub url: String,
    /// What this browser alone has to bring back: for a cookie of [`oidc::MAX_PENDING_SECONDS`].
    pub pending: Secret,
}

/// Ids and names of the providers that people can sign in at.
#[must_use]
pub fn buttons(entrance: &Entrance) -> Vec<(String, String)> {
    entrance.sso().map(Sso::buttons).unwrap_or_default()
}

/// Begins a sign-in at a provider.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Conflict`] with the code `provider_failed`.
pub async fn begin(entrance: &Entrance, provider: &str) -> Result<BegunSignIn, AppError> {
    let (sso, known) = known(entrance, provider)?;
    let platform = entrance.platform();
    let discovered = known.discovered(sso, platform).await?;
    let mut random = [0; oidc::RANDOM_BYTES];
    random.chunks_mut(32).for_each(|chunk| chunk.copy_from_slice(&platform.random()[..chunk.len()]));
    let redirect = format!("{}/api/v1/session/sso/{provider}/callback", sso.public_url);
    let (url, pending) = oidc::begin(&known.provider, &discovered, &redirect, &random, platform.now())
        .map_err(|error| refusal(provider, error))?;
    let pending = serde_json::to_vec(&pending).unwrap_or_default();
    Ok(BegunSignIn { url, pending: Secret::new(URL_SAFE_NO_PAD.encode(pending)) })
}

/// Ends a sign-in at a provider, with what the browser came back with.
///
/// # Errors
/// [`AppError::Unauthenticated`] when the answer can't be believed; [`AppError::Conflict`] when the provider failed or refused, or
/// the person has no account here.
pub async fn finish(
    entrance: &Entrance,
    visitor: &Visitor,
    origin: &Origin,
    provider: &str,
    pending: &str,
    callback: &Callback,
) -> Result<SignedIn, AppError> {
    let (sso, known) = known(entrance, provider)?;
    let platform = entrance.platform();
    let pending: Pending = URL_SAFE_NO_PAD
        .decode(pending)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| refusal(provider, OidcError::State))?;
    let mut discovered = known.discovered(sso, platform).await?;
    let now = platform.now();
    let found = oidc::finish(&sso.http(), &known.provider, &mut discovered, &pending, callback, now).await;
    *known.discovered.lock().await = Some(discovered);
    let person = found.map_err(|error| refusal(provider, error))?;
    let user = account_of(platform, origin, known, &person).await?;
    let session = NewSession::new(platform, visitor, "single_sign_on", false);
    let mine = organizations_of(platform, user.id).await?;
    let wanted = Some(known.organization).filter(|organization| mine.contains(organization));
    enter(platform, origin, &user, wanted, session).await
}

fn known<'a>(entrance: &'a Entrance, provider: &str) -> Result<(&'a Sso, &'a Known), AppError> {
    let sso = entrance.sso().ok_or_else(|| AppError::not_found("provider", provider))?;
    Ok((sso, sso.provider(provider)?))
}

/// The account of who a provider vouches for.
///
/// The account, its identity and the note of its membership are one transaction of the installation; the member is one of the
/// organization. After a crash in between the person is noted and no member, and the next sign-in goes on; whoever was taken out
/// is not noted any more and stays out.
async fn account_of(
    platform: &Platform,
    origin: &Origin,
    known: &Known,
    person: &Person,
) -> Result<UserRecord, AppError> {
    let email = parse_email(&person.email).map_err(|_| no_account())?;
    // A name that we could not keep is left out.
    let name = parse_name(&person.name).unwrap_or_else(|_| email.clone());
    let tenant = known.organization;
    let owned = platform.store().read(tenant, |tx| has_owner_beside(tx, None)).await?;
    let (joins, links) = (known.joins && owned, known.links_by_email);
    let (issuer, subject) = (person.issuer.clone(), person.subject.clone());
    let (now, ids, has_role) = (platform.now(), platform.ids(), person.role.is_some());
    let user = platform
        .store()
        .transact(TenantId::INSTALLATION, move |tx| {
            if let Some(id) = tx.user_of_identity(&issuer, &subject)? {
                return tx.user(id)?.ok_or_else(no_account);
            }
            if !has_role {
                return Err(no_role());
            }
            let user = match tx.user_by_email(&email)? {
                Some(user) if links => user,
                Some(_) => {
                    return Err(AppError::Conflict {
                        code: "account_exists",
                        detail: "there is an account with this e-mail address".into(),
                        hint: "sign in with its password",
                    });
                }
                None if joins => {
                    let user = new_user(UserId::new(now, ids()), email, name, None, now);
                    tx.insert_user(&user)?;
                    tx.affiliate(user.id, tenant)?;
                    user
                }
                None => return Err(no_account()),
            };
            tx.link_identity(&issuer, &subject, user.id, now)?;
            Ok(user)
        })
        .await?;
    if joins && organizations_of(platform, user.id).await?.contains(&tenant) {
        let became = become_member(platform, origin, known, person.role, &user).await?;
        if became == Became::Another {
            platform.forget_callers();
        }
    }
    person.role.map(|_| user).ok_or_else(no_role)
}

/// What a sign-in changed about a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Became {
    /// Nothing.
    AsBefore,
    /// It is new, has another role, or lost its sessions.
    Another,
}

/// Makes somebody a member who is noted as one, or gives a member the role that the groups have now. Whose groups have none
/// any more is at the end of all sessions and tokens.
async fn become_member(
    platform: &Platform,
    origin: &Origin,
    known: &Known,
    role: Option<Role>,
    user: &UserRecord,
) -> Result<Became, AppError> {
    let (hand, user, provider) =
        (Hand::of_user(platform, origin, user), user.clone(), known.provider.id.clone());
    let syncs = known.syncs_roles;
    platform
        .store()
        .transact(known.organization, move |tx| {
            let subject = ("member", user.id.to_string());
            match (tx.member(user.id)?, role) {
                (None, None) => return Ok(Became::AsBefore),
                (None, Some(role)) => {
                    tx.insert_member(&member_of(&user, role, hand.now))?;
                    let data = json!({ "user_id": user.id, "role": role.as_str(), "provider": provider });
                    hand.did(tx, "member.added", subject, data)?;
                }
                (Some(member), _) if !syncs || member.role == Role::Owner.as_str() => {
                    return Ok(Became::AsBefore);
                }
                (Some(member), Some(role)) if member.role == role.as_str() => return Ok(Became::AsBefore),
                (Some(member), Some(role)) => {
                    let data = json!({
                        "user_id": user.id, "role": role.as_str(), "before": member.role, "provider": provider,
                    });
                    tx.save_member(&MemberRecord { role: role.as_str().to_owned(), updated_at: hand.now, ..member })?;
                    hand.did(tx, "member.updated", subject, data)?;
                }
                (Some(_), None) => {
                    let ended = tx.end_credentials_of(user.id, hand.now)?;
                    let data = json!({ "user_id": user.id, "credentials_ended": ended, "provider": provider });
                    hand.did(tx, "member.signed_out", subject, data)?;
                }
            }
            Ok(Became::Another)
        })
        .await
}

fn no_role() -> AppError {
    AppError::Conflict {
        code: "no_access",
        detail: "the groups of this person have no role here".into(),
        hint: "ask an administrator",
    }
}

fn no_account() -> AppError {
    AppError::Conflict {
        code: "no_account",
        detail: "this person has no account here".into(),
        hint: "ask somebody to invite you",
    }
}

/// What a person may know of a failure; the rest is for the log.
fn refusal(provider: &str, error: OidcError) -> AppError {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(next) = source {
        cause = format!("{cause}: {next}");
        source = next.source();
    }
    tracing::warn!(provider, error = cause, "a sign-in at a provider did not succeed");
    let (code, hint) = match &error {
        OidcError::State | OidcError::MixUp | OidcError::Expired | OidcError::Token(_) => {
            return AppError::Unauthenticated("the sign-in at the provider did not succeed; begin again");
        }
        OidcError::Fetch(_) | OidcError::Discovery(_) | OidcError::Exchange(_) => {
            ("provider_failed", "try again; the server's log says more")
        }
        OidcError::Refused(_) => ("provider_refused", "sign in there, and allow it"),
        OidcError::Email => ("no_access", "ask an administrator"),
    };
    AppError::Conflict { code, detail: error.to_string(), hint }
}

/// The service behind a JWT of a configured issuer.
///
/// # Errors
/// [`AppError::Unauthenticated`], the same for every cause that lies in the token.
pub async fn service_of(entrance: &Entrance, token: &str) -> Result<Caller, AppError> {
    let unknown = || AppError::Unauthenticated("the token is unknown, expired or revoked");
    let sso = entrance.sso().ok_or_else(unknown)?;
    let claimed = jwt::claimed_issuer(token).ok_or_else(unknown)?;
    let trusted = sso.issuers.iter().find(|one| one.issuer.issuer == claimed).ok_or_else(unknown)?;
    let known = trusted.keys.lock().await.clone();
    let (mut keys, now) = (known.clone(), entrance.platform().now());
    let verified = jwt::verify_with(&sso.http(), &trusted.issuer, &mut keys, token, now).await;
    if keys != known {
        *trusted.keys.lock().await = keys;
    }
    let verified = verified.map_err(|error| {
        if matches!(error, JwtError::Fetch(_) | JwtError::KeySet) {
            tracing::warn!(issuer = claimed, error = %error, "the keys of an issuer can't be had");
        }
        unknown()
    })?;
    let id = format!("{}#{}", verified.issuer, verified.subject);
    let fits = |text: &str| text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
    if !fits(&id) {
        return Err(unknown());
    }
    let name = if fits(&verified.name) { verified.name } else { verified.subject };
    Ok(Caller {
        tenant: trusted.organization,
        principal: Principal::Service { id, name, kind: "service".into() },
        role: verified.role,
        project_scope: None,
        mfa: false,
        session: None,
        token: None,
    })
}

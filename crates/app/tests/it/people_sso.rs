//! Single sign-on against a provider that signs for real, and services by its tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app::members;
use app::sso::{self, Fetch, Fetched, Providers};
use app::{AppError, Entrance, SignedIn};
use auth::Role;
use auth::fetch::{HttpRequest, HttpResponse};
use auth::oidc::Callback;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Clock;
use governance::SigningKey;
use serde_json::{Value, json};

use crate::people_support::{House, PASSWORD, at, kind, origin};

const ISSUER: &str = "https://id.example.org";

fn key() -> SigningKey {
    SigningKey::from_seed(&[11; 32]).expect("a seed")
}

fn key_set() -> Value {
    let x = URL_SAFE_NO_PAD.encode(key().public().0);
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "1", "x": x }] })
}

fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "EdDSA", "kid": "1", "typ": "JWT" })), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key().sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Makes one claim wrong.
type Spoil = fn(&mut Value);

/// What the provider will say about whoever signs in next.
#[derive(Clone, Default)]
struct Desk {
    claims: Arc<Mutex<Value>>,
}

impl Desk {
    fn fetch(&self) -> Fetch {
        let desk = self.clone();
        Arc::new(move |request: HttpRequest| -> Fetched {
            let body = match request.uri().path() {
                "/.well-known/openid-configuration" => json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "jwks_uri": format!("{ISSUER}/keys"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["EdDSA"],
                }),
                "/keys" => key_set(),
                "/token" => json!({
                    "access_token": "opaque",
                    "token_type": "Bearer",
                    "id_token": signed(&desk.claims.lock().expect("no panic").clone()),
                }),
                other => panic!("nobody should ask for {other}"),
            };
            let mut answer = HttpResponse::new(body.to_string().into_bytes());
            answer.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
            Box::pin(async move { Ok(answer) })
        })
    }
}

fn providers(joins: bool, links: bool) -> Providers {
    serde_json::from_value(json!({
        "public_url": "https://aamas.example.org",
        "providers": [{
            "id": "example", "name": "Example", "issuer": ISSUER, "client_id": "aamas", "client_secret": "hush",
            "joins": joins, "links_by_email": links,
            "roles": { "claim": "groups", "roles": [["devs", "developer"]], "default": "viewer" },
        }],
        "issuers": [{
            "issuer": ISSUER, "audience": "aamas", "keys": key_set().to_string(), "algorithms": ["EdDSA"],
            "roles": { "claim": "groups", "roles": [["robots", "ci"]], "default": null },
        }],
    }))
    .expect("a file")
}

fn door(house: &House, desk: &Desk, joins: bool, links: bool) -> Entrance {
    Entrance::with_providers(&house.platform, providers(joins, links), desk.fetch()).expect("a sound file")
}

fn query(url: &str) -> HashMap<String, String> {
    let (_, query) = url.split_once('?').expect("a query");
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect()
}

/// One way through the provider: `change` may spoil the claims.
async fn sign_in(
    house: &House,
    door: &Entrance,
    desk: &Desk,
    person: (&str, &str, &str),
    change: impl FnOnce(&mut Value),
) -> Result<SignedIn, AppError> {
    let begun = sso::begin(door, "example").await?;
    assert!(begun.url.starts_with(&format!("{ISSUER}/authorize?")), "{}", begun.url);
    let sent = query(&begun.url);
    let now = house.clock.now().as_millis() / 1000;
    let (subject, email, group) = person;
    let mut claims = json!({
        "iss": ISSUER, "aud": "aamas", "sub": subject, "email": email, "email_verified": true, "name": "Grace",
        "groups": [group], "iat": now, "exp": now + 300, "nonce": sent["nonce"],
    });
    change(&mut claims);
    *desk.claims.lock().expect("no panic") = claims;
    let callback =
        Callback { code: Some("code".into()), state: Some(sent["state"].clone()), ..Callback::default() };
    sso::finish(door, &at(1), &origin(), "example", begun.pending.expose(), &callback).await
}

#[tokio::test]
async fn a_new_person_joins_by_groups_and_stays_out_once_taken_out() {
    let (house, ada) = House::of_ada().await;
    let (desk, grace) = (Desk::default(), ("g-1", "Grace@Example.org", "devs"));
    let closed = door(&house, &desk, false, false);
    assert_eq!(kind(sign_in(&house, &closed, &desk, grace, |_| ()).await), "no_account");
    let open = door(&house, &desk, true, false);
    assert_eq!(sso::buttons(&open), [("example".to_owned(), "Example".to_owned())]);
    let first = sign_in(&house, &open, &desk, grace, |_| ()).await.expect("she may join");
    assert_eq!((first.caller.role, first.caller.principal.name()), (Role::Developer, "Grace"));
    let again = sign_in(&house, &open, &desk, grace, |_| ()).await.expect("she is known");
    assert_eq!(again.caller.id(), first.caller.id());
    assert_eq!(
        kind(house.sign_in("grace@example.org", PASSWORD, None, 1).await),
        "unauthenticated",
        "no password"
    );
    let id = first.caller.id().parse().expect("an account");
    assert_eq!(kind(members::remove(&house.platform, &ada.caller, &origin(), id, None).await), "ok");
    assert_eq!(kind(house.session(&again.secret).await), "unauthenticated");
    assert_eq!(kind(sign_in(&house, &open, &desk, grace, |_| ()).await), "no_organization");
}

#[tokio::test]
async fn a_role_follows_the_groups_with_every_sign_in() {
    let (house, _) = House::of_ada().await;
    let desk = Desk::default();
    let open = door(&house, &desk, true, false);
    let grace = |group| ("g-1", "grace@example.org", group);
    let as_role = async |group, want: Role| {
        let signed_in = sign_in(&house, &open, &desk, grace(group), |_| ()).await.expect("she may");
        assert_eq!(signed_in.caller.role, want, "{group}");
        signed_in
    };
    let before = as_role("devs", Role::Developer).await;
    as_role("others", Role::Viewer).await;
    let seen = house.session(&before.secret).await.expect("an open session");
    assert_eq!(seen.role, Role::Viewer, "a session has the role of its member");
    as_role("devs", Role::Developer).await;

    let mut strict = providers(true, false);
    strict.providers[0].roles.default = None;
    let strict = Entrance::with_providers(&house.platform, strict, desk.fetch()).expect("a sound file");
    assert_eq!(kind(sign_in(&house, &strict, &desk, grace("others"), |_| ()).await), "no_access");
    assert_eq!(kind(house.session(&before.secret).await), "unauthenticated", "open sessions ended with it");
    let new = ("n-1", "new@example.org", "others");
    assert_eq!(kind(sign_in(&house, &strict, &desk, new, |_| ()).await), "no_access");
    assert_eq!(kind(sign_in(&house, &open, &desk, grace("devs"), |_| ()).await), "ok");
}

#[tokio::test]
async fn an_account_is_taken_over_only_where_that_is_allowed() {
    let (house, ada) = House::of_ada().await;
    let (desk, hers) = (Desk::default(), ("a-1", "ada@example.org", "devs"));
    let strict = door(&house, &desk, true, false);
    assert_eq!(kind(sign_in(&house, &strict, &desk, hers, |_| ()).await), "account_exists");
    let trusting = door(&house, &desk, true, true);
    let unverified = sign_in(&house, &trusting, &desk, hers, |c| c["email_verified"] = false.into()).await;
    assert_eq!(kind(unverified), "no_access");
    let linked = sign_in(&house, &trusting, &desk, hers, |_| ()).await.expect("the same verified address");
    assert_eq!((linked.caller.id(), linked.caller.role), (ada.caller.id(), Role::Owner), "her role stays");
    // From here on she is known by issuer and subject, whatever the address.
    let moved = sign_in(&house, &strict, &desk, ("a-1", "countess@example.org", "x"), |_| ()).await;
    assert_eq!(moved.expect("known").caller.id(), ada.caller.id());
}

#[tokio::test]
async fn what_the_provider_did_not_say_is_not_believed() {
    let (house, _) = House::of_ada().await;
    let (desk, person) = (Desk::default(), ("g-1", "grace@example.org", "devs"));
    let open = door(&house, &desk, true, true);
    let spoils: [(&str, Spoil); 4] = [
        ("nonce", |c| c["nonce"] = "another".into()),
        ("aud", |c| c["aud"] = "another".into()),
        ("iss", |c| c["iss"] = "https://evil.example.org".into()),
        ("exp", |c| c["exp"] = 1.into()),
    ];
    for (what, spoil) in spoils {
        assert_eq!(kind(sign_in(&house, &open, &desk, person, spoil).await), "unauthenticated", "{what}");
    }
    let begun = sso::begin(&open, "example").await.expect("a provider");
    let other = sso::begin(&open, "example").await.expect("a provider");
    let callback = Callback {
        code: Some("code".into()),
        state: Some(query(&other.url)["state"].clone()),
        ..Callback::default()
    };
    for pending in [begun.pending.expose(), "", "bm9uc2Vuc2U"] {
        let done = sso::finish(&open, &at(1), &origin(), "example", pending, &callback).await;
        assert_eq!(kind(done), "unauthenticated", "another browser's sign-in");
    }
    assert_eq!(kind(sso::begin(&open, "nobody").await), "no provider");
    assert_eq!(kind(sso::begin(&house.entrance, "example").await), "no provider");
}

#[tokio::test]
async fn a_service_calls_by_a_token_of_its_issuer() {
    let (house, _) = House::of_ada().await;
    let door = door(&house, &Desk::default(), false, false);
    let now = house.clock.now().as_millis() / 1000;
    let claims = |group: &str, audience: &str, end: i64| json!({ "iss": ISSUER, "aud": audience, "sub": "build", "groups": [group], "exp": end });
    let good = signed(&claims("robots", "aamas", now + 60));
    let caller = sso::service_of(&door, &good).await.expect("it is believed");
    assert_eq!((caller.role, caller.principal.is_machine()), (Role::Ci, true));
    assert_eq!(caller.id(), "https://id.example.org#build");
    let mut forged = good.clone().into_bytes();
    let middle = good.find('.').expect("a dot") + 5;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    for (what, token) in [
        ("expired", signed(&claims("robots", "aamas", now - 120))),
        ("for another", signed(&claims("robots", "elsewhere", now + 60))),
        ("without a role", signed(&claims("people", "aamas", now + 60))),
        ("forged", String::from_utf8_lossy(&forged).into_owned()),
        ("no token", "nonsense".into()),
    ] {
        assert_eq!(kind(sso::service_of(&door, &token).await), "unauthenticated", "{what}");
    }
}

#[tokio::test]
async fn mistakes_of_the_administrator_are_named() {
    let house = House::new();
    let refused = |change: fn(&mut Providers)| {
        let mut file = providers(true, true);
        change(&mut file);
        let fetch = Desk::default().fetch();
        Entrance::with_providers(&house.platform, file, fetch).map(drop).expect_err("a mistake").to_string()
    };
    assert_eq!(
        refused(|f| f.public_url = "http://aamas.example.org".into()),
        "public_url: it is neither https nor on this machine"
    );
    assert_eq!(
        refused(|f| f.providers[0].id = "a/b".into()),
        "provider a/b: its id has other characters than letters, digits and hyphens"
    );
    assert_eq!(
        refused(|f| f.providers[0].roles.default = Some(Role::Ci)),
        "provider example: people can't have the role of a machine"
    );
    assert_eq!(
        refused(|f| f.issuers[0].keys = None),
        "issuer https://id.example.org: it needs either `keys` or `keys_url`"
    );
}

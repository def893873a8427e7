//! Single sign-on against a provider that is made up here, which can lie in every way.

use std::cell::{Cell, RefCell};

use auth::Role;
use auth::fetch::{FetchError, HttpRequest, HttpResponse};
use auth::mapping::RoleMapping;
use auth::oidc::{
    Callback, Discovered, OidcError, Pending, Person, Provider, RANDOM_BYTES, begin, discover, finish,
};
use domain::{Secret, Timestamp};
use serde_json::{Value, json};

use crate::NOW;
use crate::forge::{Key, sign_with_secret, unsigned};

const ISSUER: &str = "https://id.example.org/realm";
const CALLBACK: &str = "https://aamas.example/callback";
/// [`NOW`] in seconds.
const T: i64 = NOW.as_micros() / 1_000_000;

/// A provider as configured, whose groups `leads` and `staff` have roles.
pub fn provider(issuer: &str, secret: &str) -> Provider {
    Provider {
        id: "corp".into(),
        name: "Corporation".into(),
        issuer: issuer.into(),
        client_id: "aamas".into(),
        client_secret: Some(Secret::new(secret)),
        scopes: ["email", "profile", "groups"].map(Into::into).into(),
        trusted_audiences: vec!["trusted".into()],
        roles: RoleMapping {
            claim: Some("groups".into()),
            roles: vec![("leads".into(), Role::Maintainer), ("staff".into(), Role::Developer)],
            default: None,
        },
    }
}

/// What the made-up provider answers at its addresses.
struct Liar {
    metadata: Value,
    keys: Vec<Value>,
    id_token: RefCell<String>,
    userinfo: Value,
    asked: RefCell<Vec<String>>,
    token_status: Cell<u16>,
}

impl Liar {
    fn new(key: &Key) -> Self {
        let at = |path: &str| format!("{ISSUER}/{path}");
        Self {
            metadata: json!({
                "issuer": ISSUER, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
                "jwks_uri": at("keys"), "userinfo_endpoint": at("userinfo"), "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            keys: vec![key.public.clone()],
            id_token: RefCell::default(),
            userinfo: json!({}),
            asked: RefCell::default(),
            token_status: Cell::new(200),
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let path = request.uri().path().trim_start_matches("/realm/").to_owned();
        let (status, body) = match path.as_str() {
            ".well-known/openid-configuration" => (200, self.metadata.clone()),
            "keys" => (200, json!({"keys": self.keys})),
            "token" if self.token_status.get() != 200 => {
                (self.token_status.get(), json!({"error": "invalid_grant"}))
            }
            "token" => (
                200,
                json!({"access_token": "at", "token_type": "Bearer", "id_token": *self.id_token.borrow()}),
            ),
            "userinfo" if request.headers().get("authorization").is_some_and(|h| h == "Bearer at") => {
                (200, self.userinfo.clone())
            }
            _ => (404, json!({})),
        };
        self.asked.borrow_mut().push(path);
        let mut answer = HttpResponse::new(body.to_string().into_bytes());
        *answer.status_mut() = status.try_into().expect("a status");
        answer.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
        answer
    }

    async fn discovered(&self) -> Discovered {
        let http = |request: HttpRequest| {
            let a = self.answer(&request);
            async move { Ok::<_, FetchError>(a) }
        };
        discover(&http, &provider(ISSUER, "s"), NOW).await.expect("described")
    }

    /// Begins, has the provider sign what `token` makes of the nonce, and finishes.
    async fn sign_in(&self, token: impl Fn(&str) -> String) -> Result<Person, OidcError> {
        let mut discovered = self.discovered().await;
        let (pending, callback, nonce) = begun(&discovered);
        *self.id_token.borrow_mut() = token(&nonce);
        self.finish(&mut discovered, &pending, &callback, NOW).await
    }

    async fn finish(
        &self,
        discovered: &mut Discovered,
        pending: &Pending,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Person, OidcError> {
        let http = |request: HttpRequest| {
            let a = self.answer(&request);
            async move { Ok::<_, FetchError>(a) }
        };
        finish(&http, &provider(ISSUER, "s"), discovered, pending, callback, now).await
    }
}

/// A sign-in that has begun, the callback of an honest provider, and the nonce.
fn begun(discovered: &Discovered) -> (Pending, Callback, String) {
    let (url, pending) = begin(&provider(ISSUER, "s"), discovered, CALLBACK, &random(), NOW).expect("begins");
    let query = url.split_once('?').expect("a query").1;
    let value = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).expect(name).to_owned()
    };
    let callback = Callback {
        code: Some("code".into()),
        state: Some(value("state")),
        iss: Some(ISSUER.into()),
        error: None,
    };
    (pending, callback, value("nonce"))
}

/// Bytes that differ, for tests alone.
pub fn random() -> [u8; RANDOM_BYTES] {
    std::array::from_fn(|n| u8::try_from(n).expect("small"))
}

fn claims(nonce: &str, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "aamas", "sub": "ada", "exp": T + 300, "iat": T, "nonce": nonce, "name": "Ada",
        "email": "ada@example.org", "email_verified": true, "groups": ["staff", "leads"],
    });
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    claims
}

fn ada() -> Person {
    Person {
        issuer: ISSUER.into(),
        subject: "ada".into(),
        email: "ada@example.org".into(),
        name: "Ada".into(),
        groups: vec!["staff".into(), "leads".into()],
        role: Some(Role::Maintainer),
    }
}

#[tokio::test]
async fn the_browser_is_sent_with_state_nonce_and_challenge() {
    let discovered = Liar::new(&Key::ec("k")).discovered().await;
    let (url, pending) =
        begin(&provider(ISSUER, "s"), &discovered, CALLBACK, &random(), NOW).expect("begins");
    for part in [
        "response_type=code",
        "client_id=aamas",
        "code_challenge_method=S256",
        "scope=openid+email+profile+groups",
        "redirect_uri=https%3A%2F%2Faamas.example%2Fcallback",
        "state=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ] {
        assert!(url.starts_with(&format!("{ISSUER}/authorize?")) && url.contains(part), "{part} in {url}");
    }
    let kept = serde_json::to_string(&pending).expect("JSON");
    assert!(!url.contains("QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"), "the verifier stays here");
    assert!(kept.contains("QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"));
    assert_eq!(format!("{pending:?}"), "Pending { provider: \"corp\", .. }");
}

#[tokio::test]
async fn good_answers_sign_a_person_in() {
    let key = Key::ec("k");
    for changes in [
        json!({}),
        json!({"exp": T - 59, "iat": T + 59}),
        json!({"aud": ["aamas"], "azp": "aamas"}),
        json!({"aud": ["trusted", "aamas"], "azp": "aamas"}),
    ] {
        let person = Liar::new(&key).sign_in(|nonce| key.sign(&json!({}), &claims(nonce, &changes))).await;
        assert_eq!(person.expect("a good answer"), ada(), "{changes}");
    }
    // what the ID token lacks is asked for
    let userinfo = claims("", &json!({}));
    let liar = Liar { userinfo, ..Liar::new(&key) };
    let lacking = json!({"email": null, "email_verified": null, "groups": null});
    let person = liar.sign_in(|nonce| key.sign(&json!({}), &claims(nonce, &lacking))).await;
    assert_eq!(person.expect("a good answer"), ada());
}

#[tokio::test]
async fn lies_in_the_token_are_refused() {
    let (key, stranger) = (Key::ec("k"), Key::ec("k"));
    let says = |error: OidcError| format!("{error}");
    let claim_lies = [
        (json!({"iss": "https://evil.example"}), "expected `https://id.example.org/realm`"),
        (json!({"aud": "somebody"}), "must contain `aamas`"),
        (json!({"aud": ["aamas", "evil"], "azp": "aamas"}), "not a trusted audience"),
        (json!({"aud": ["aamas", "trusted"]}), "no azp"),
        (json!({"azp": "evil"}), "another party"),
        (json!({"exp": T - 60}), "expired"),
        (json!({"exp": null}), "no token response"),
        (json!({"iat": T + 61}), "future"),
        (json!({"nonce": "other"}), "nonce"),
        (json!({"nonce": null}), "nonce"),
        (json!({"email_verified": false}), "verified e-mail"),
        (json!({"email_verified": null}), "verified e-mail"),
        (json!({"email": "ada"}), "verified e-mail"),
    ];
    for (changes, want) in claim_lies {
        let person = Liar::new(&key).sign_in(|nonce| key.sign(&json!({}), &claims(nonce, &changes))).await;
        let error = person.map_err(says).expect_err("a lie");
        assert!(error.contains(want), "{changes}: {error}");
    }
    let honest = json!({});
    type Forge<'a> = &'a dyn Fn(&str) -> String;
    let token_lies: [(&str, Forge); 5] = [
        ("alg none", &|nonce| unsigned(&json!({"alg": "none"}), &claims(nonce, &honest))),
        ("the client secret as key", &|nonce| {
            sign_with_secret(b"s", &json!({"alg": "HS256"}), &claims(nonce, &honest))
        }),
        ("a stranger's key", &|nonce| stranger.sign(&json!({}), &claims(nonce, &honest))),
        ("an unknown key", &|nonce| key.sign(&json!({"kid": "x"}), &claims(nonce, &honest))),
        ("no token", &|_| String::new()),
    ];
    for (what, token) in token_lies {
        let error = Liar::new(&key).sign_in(token).await.expect_err(what);
        assert!(matches!(error, OidcError::Token(_) | OidcError::Exchange(_)), "{what}: {error}");
    }
    // userinfo about another person, or with an address that the ID token doesn't vouch for
    let lacking = json!({"email": null, "email_verified": null});
    let other = Liar { userinfo: claims("", &json!({"sub": "eve"})), ..Liar::new(&key) };
    let error = other
        .sign_in(|nonce| key.sign(&json!({}), &claims(nonce, &lacking)))
        .await
        .expect_err("another person");
    assert!(says(error).contains("another person"));
    let mixed = Liar { userinfo: claims("", &json!({})), ..Liar::new(&key) };
    let half = json!({"email_verified": null, "groups": null});
    let error = mixed
        .sign_in(|nonce| key.sign(&json!({}), &claims(nonce, &half)))
        .await
        .expect_err("half an address");
    assert!(matches!(error, OidcError::Email), "{error}");
}

#[tokio::test]
async fn a_callback_must_belong_to_the_sign_in() {
    let key = Key::ec("k");
    let liar = Liar::new(&key);
    let mut discovered = liar.discovered().await;
    let (pending, good, nonce) = begun(&discovered);
    *liar.id_token.borrow_mut() = key.sign(&json!({}), &claims(&nonce, &json!({})));
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        (Callback { state: None, ..good.clone() }, "State"),
        (Callback { state: some("x"), ..good.clone() }, "State"),
        (Callback { code: None, ..good.clone() }, "State"),
        (Callback { iss: some("https://evil.example"), ..good.clone() }, "MixUp"),
        (Callback { iss: None, ..good.clone() }, "MixUp"),
        (
            Callback { error: some("access_denied<script>"), ..good.clone() },
            "Refused(\"access_deniedscript\")",
        ),
        (Callback { state: None, error: some("access_denied"), ..good.clone() }, "State"),
    ];
    for (callback, want) in cases {
        let error = liar.finish(&mut discovered, &pending, &callback, NOW).await.expect_err(want);
        assert_eq!(format!("{error:?}"), want, "{callback:?}");
    }
    assert!(!liar.asked.borrow().contains(&"token".to_owned()), "no code was sent");
    let late = Timestamp::from_micros(NOW.as_micros() + 901_000_000);
    assert!(matches!(liar.finish(&mut discovered, &pending, &good, late).await, Err(OidcError::Expired)));
    liar.token_status.set(400);
    let error = liar.finish(&mut discovered, &pending, &good, NOW).await.expect_err("a used code");
    assert!(matches!(&error, OidcError::Exchange(word) if word == "invalid_grant"), "{error:?}");
    liar.token_status.set(200);
    // begun at another provider
    let kept = serde_json::to_string(&pending).expect("JSON").replace("\"corp\"", "\"other\"");
    let elsewhere: Pending = serde_json::from_str(&kept).expect("our own text");
    assert!(matches!(liar.finish(&mut discovered, &elsewhere, &good, NOW).await, Err(OidcError::MixUp)));
    assert_eq!(liar.finish(&mut discovered, &pending, &good, NOW).await.expect("good"), ada());
}

#[tokio::test]
async fn new_keys_of_a_provider_are_fetched_once() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let mut liar = Liar::new(&old);
    let kept = serde_json::to_string(&liar.discovered().await).expect("JSON");
    let mut discovered: Discovered = serde_json::from_str(&kept).expect("our own text");
    assert!(discovered.is_fresh(NOW) && !discovered.is_fresh(NOW.plus(std::time::Duration::from_secs(3600))));
    let (pending, callback, nonce) = begun(&discovered);
    liar.keys.push(new.public.clone());
    *liar.id_token.borrow_mut() = new.sign(&json!({}), &claims(&nonce, &json!({})));
    liar.asked.borrow_mut().clear();
    for asked in [&["token", "keys"][..], &["token", "keys", "token"][..]] {
        assert_eq!(liar.finish(&mut discovered, &pending, &callback, NOW).await.expect("good"), ada());
        assert_eq!(*liar.asked.borrow(), asked);
    }
}

#[tokio::test]
async fn a_provider_must_be_who_it_was_configured_to_be() {
    let key = Key::ec("k");
    for (member, value) in [
        ("issuer", json!("https://id.example.org")),
        ("authorization_endpoint", json!("http://id.example.org/authorize")),
        ("jwks_uri", json!("http://id.example.org/keys")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("issuer", Value::Null),
    ] {
        let mut liar = Liar::new(&key);
        liar.metadata[member] = value.clone();
        let http = |request: HttpRequest| {
            let a = liar.answer(&request);
            async move { Ok::<_, FetchError>(a) }
        };
        let error = discover(&http, &provider(ISSUER, "s"), NOW).await.expect_err(member);
        assert!(matches!(error, OidcError::Fetch(_) | OidcError::Discovery(_)), "{member} {value}: {error}");
    }
    let plain = |_: HttpRequest| async { Err::<HttpResponse, _>(FetchError("never asked".into())) };
    let insecure = provider("http://id.example.org", "s");
    assert!(matches!(discover(&plain, &insecure, NOW).await, Err(OidcError::Fetch(_))));
}

#[test]
fn a_server_can_wait_for_a_sign_in_on_any_thread() {
    fn on_any_thread<T: Send>(_: T) {}
    let key = Key::ec("k");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut discovered = runtime.block_on(async { Liar::new(&key).discovered().await });
    let (pending, callback, _) = begun(&discovered);
    let provider = provider(ISSUER, "s");
    on_any_thread(discover(&crate::certified::http, &provider, NOW));
    on_any_thread(finish(&crate::certified::http, &provider, &mut discovered, &pending, &callback, NOW));
}

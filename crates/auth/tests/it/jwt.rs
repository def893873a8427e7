//! Bearer tokens of configured issuers: what is believed, and all that is not.

use std::sync::atomic::{AtomicUsize, Ordering};

use auth::Role;
use auth::fetch::{FetchError, HttpRequest, HttpResponse};
use auth::jwt::{
    IssuerKeys, JwtError, SignatureAlgorithm, TrustedIssuer, claimed_issuer, verify, verify_with,
};
use auth::mapping::RoleMapping;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::NOW;
use crate::forge::{Key, part, sign_with_secret, unsigned};

/// [`NOW`] in seconds.
const T: i64 = NOW.as_micros() / 1_000_000;

fn issuer() -> TrustedIssuer {
    TrustedIssuer {
        issuer: "https://ci.example.org".into(),
        audience: "aamas".into(),
        keys_url: None,
        algorithms: vec![SignatureAlgorithm::RS256, SignatureAlgorithm::ES256],
        roles: RoleMapping {
            claim: Some("groups".into()),
            roles: vec![("builders".into(), Role::Ci)],
            default: None,
        },
    }
}

fn claims() -> Value {
    json!({"iss": "https://ci.example.org", "aud": "aamas", "sub": "job-7", "exp": T + 300, "iat": T, "groups": ["builders"]})
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        let members = claims.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    claims
}

fn keys(of: &[&Key]) -> IssuerKeys {
    let keys: Vec<_> = of.iter().map(|key| key.public.clone()).collect();
    IssuerKeys::fixed(&json!({"keys": keys}).to_string(), NOW).expect("a key set")
}

/// Short name of what comes out.
fn outcome(token: &str, keys: &IssuerKeys) -> String {
    match verify(&issuer(), keys, token, NOW) {
        Ok(verified) => format!("{} as {}", verified.subject, verified.role),
        Err(JwtError::Claim(name)) => format!("Claim({name})"),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn good_tokens_are_believed() {
    let (rsa, ec) = (Key::rsa("r"), Key::ec("e"));
    let both = keys(&[&rsa, &ec]);
    let token = rsa.sign(&json!({}), &claims());
    let verified = verify(&issuer(), &both, &token, NOW).expect("a good token");
    assert_eq!(
        (verified.issuer.as_str(), verified.name.as_str(), verified.role, verified.expires_at),
        ("https://ci.example.org", "job-7", Role::Ci, Timestamp::from_micros((T + 300) * 1_000_000))
    );
    assert_eq!(claimed_issuer(&token).as_deref(), Some("https://ci.example.org"));
    for token in [
        ec.sign(&json!({}), &claims()),
        ec.sign(&json!({"typ": "at+jwt"}), &claims()),
        ec.sign(&json!({"typ": null, "kid": null}), &claims()),
        ec.sign(&json!({}), &with(json!({"aud": ["other", "aamas"]}))),
        ec.sign(&json!({}), &with(json!({"exp": T - 59, "nbf": T + 60}))),
        ec.sign(&json!({}), &with(json!({"exp": T as f64 + 0.5}))),
    ] {
        assert_eq!(outcome(&token, &both), "job-7 as ci");
    }
}

#[test]
fn bad_tokens_are_refused() {
    let (rsa, ec, stranger) = (Key::rsa("r"), Key::ec("e"), Key::ec("e"));
    let both = keys(&[&rsa, &ec]);
    let good = ec.sign(&json!({}), &claims());
    let modulus = URL_SAFE_NO_PAD.decode(rsa.public["n"].as_str().expect("a modulus")).expect("base64url");
    let signed = |header: Value| ec.sign(&header, &claims());
    let claiming = |changes: Value| ec.sign(&json!({}), &with(changes));
    let cut = &good[..good.rfind('.').expect("dots") + 1];
    let other_claims = format!(
        "{}.{}.{}",
        good.split('.').next().expect("a header"),
        part(&with(json!({"sub": "root"}))),
        good.rsplit('.').next().expect("a signature")
    );
    let cases = [
        ("no signature, alg none", unsigned(&json!({"alg": "none"}), &claims()), "Algorithm"),
        ("alg None", unsigned(&json!({"alg": "None"}), &claims()), "Algorithm"),
        ("no alg", unsigned(&json!({}), &claims()), "Algorithm"),
        (
            "the public key as a secret",
            sign_with_secret(&modulus, &json!({"alg": "HS256", "kid": "r"}), &claims()),
            "Algorithm",
        ),
        (
            "the key's text as a secret",
            sign_with_secret(rsa.public.to_string().as_bytes(), &json!({"alg": "HS256"}), &claims()),
            "Algorithm",
        ),
        ("an algorithm not configured", signed(json!({"alg": "ES384"})), "Algorithm"),
        ("RS256 by a key on P-256", signed(json!({"alg": "RS256"})), "UnknownKey"),
        ("the other key's id", signed(json!({"kid": "r"})), "UnknownKey"),
        ("an unknown key", signed(json!({"kid": "x"})), "UnknownKey"),
        ("a path for an id", signed(json!({"kid": "../../dev/null"})), "UnknownKey"),
        ("an id that is no text", signed(json!({"kid": 7})), "UnknownKey"),
        (
            "its own key in the header",
            stranger.sign(&json!({"jwk": stranger.public}), &claims()),
            "Signature",
        ),
        ("the id of another's key", stranger.sign(&json!({}), &claims()), "Signature"),
        ("a critical extension", signed(json!({"crit": ["b64"], "b64": false})), "Header"),
        ("an ID token's sister", signed(json!({"typ": "logout+jwt"})), "Header"),
        ("no signature", cut.to_owned(), "Signature"),
        ("other claims", other_claims, "Signature"),
        ("another issuer", claiming(json!({"iss": "https://ci.example.org/"})), "Claim(iss)"),
        ("several issuers", claiming(json!({"iss": ["https://ci.example.org"]})), "Claim(iss)"),
        ("no issuer", claiming(json!({"iss": null})), "Claim(iss)"),
        ("another audience", claiming(json!({"aud": "aamas2"})), "Claim(aud)"),
        ("other audiences", claiming(json!({"aud": ["a", 7]})), "Claim(aud)"),
        ("no audience", claiming(json!({"aud": null})), "Claim(aud)"),
        ("no end", claiming(json!({"exp": null})), "Claim(exp)"),
        ("an end in words", claiming(json!({"exp": "never"})), "Claim(exp)"),
        ("an end without end", claiming(json!({"exp": 1e300})), "Claim(exp)"),
        ("expired", claiming(json!({"exp": T - 60})), "Expired"),
        ("expired long ago", claiming(json!({"exp": -1})), "Expired"),
        ("not yet", claiming(json!({"nbf": T + 61})), "TooEarly"),
        ("from the future", claiming(json!({"iat": T + 61})), "TooEarly"),
        ("a beginning in words", claiming(json!({"nbf": "now"})), "Claim(nbf)"),
        ("no subject", claiming(json!({"sub": ""})), "Claim(sub)"),
        ("no group", claiming(json!({"groups": ["others"]})), "NoRole"),
        ("two parts", "e30.e30".to_owned(), "Malformed"),
        ("four parts", format!("{good}.e30"), "Malformed"),
        ("padding", good.replacen('.', "=.", 1), "Malformed"),
        ("too long", claiming(json!({"pad": "x".repeat(20_000)})), "Malformed"),
        ("nothing", String::new(), "Malformed"),
    ];
    for (what, token, want) in cases {
        assert_eq!(outcome(&token, &both), want, "{what}");
    }
    // without an id, which of two keys it is can't be told
    let two = keys(&[&ec, &Key::ec("f")]);
    assert_eq!(outcome(&signed(json!({"kid": null})), &two), "UnknownKey");
    // keys with a shared secret, or for another use, are never taken
    let secret = json!({"keys": [{"kty": "oct", "kid": "e", "k": "AAAA"}]}).to_string();
    assert_eq!(outcome(&good, &IssuerKeys::fixed(&secret, NOW).expect("a key set")), "UnknownKey");
    let mut encryption = ec.public.clone();
    encryption["use"] = json!("enc");
    let encryption = json!({"keys": [encryption]}).to_string();
    assert_eq!(outcome(&good, &IssuerKeys::fixed(&encryption, NOW).expect("a key set")), "UnknownKey");
}

proptest! {
    #[test]
    fn no_text_makes_the_verifier_panic(text in "\\PC{0,60}", header in "\\PC{0,30}", body in "\\PC{0,30}") {
        let none = IssuerKeys::fixed("{\"keys\":[]}", NOW).expect("a key set");
        let encoded = format!("{}.{}.{text}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
        for token in [text, encoded] {
            prop_assert!(verify(&issuer(), &none, &token, NOW).is_err());
        }
    }
}

#[tokio::test]
async fn keys_are_fetched_when_they_are_missing_old_or_new() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let issuer = TrustedIssuer { keys_url: Some("https://ci.example.org/keys".into()), ..issuer() };
    let asked = AtomicUsize::new(0);
    let answer = json!({"keys": [old.public, new.public]}).to_string().into_bytes();
    let http = |request: HttpRequest| {
        assert_eq!(request.uri().to_string(), "https://ci.example.org/keys");
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = HttpResponse::new(answer.clone());
        async move { Ok::<_, FetchError>(answer) }
    };
    let later = |seconds: i64| Timestamp::from_micros(NOW.as_micros() + seconds * 1_000_000);
    let long = with(json!({"exp": T + 10_000}));
    let (good, made_up) = (new.sign(&json!({}), &long), new.sign(&json!({"kid": "x"}), &long));
    let mut known = Some(keys(&[&old]));
    // just fetched, so a token with an unknown key doesn't make us ask
    let cases = [
        (1, &good, "UnknownKey", 0),
        (61, &good, "job-7", 1),
        (62, &made_up, "UnknownKey", 1),
        (63, &good, "job-7", 1),
        (122, &made_up, "UnknownKey", 2),
        (122 + 3599, &good, "job-7", 2),
        (122 + 3600, &good, "job-7", 3),
    ];
    for (seconds, token, want, asks) in cases {
        let outcome = verify_with(&http, &issuer, &mut known, token, later(seconds)).await;
        let outcome = outcome.map_or_else(|error| format!("{error:?}"), |verified| verified.subject);
        assert_eq!((outcome.as_str(), asked.load(Ordering::SeqCst)), (want, asks), "after {seconds} s");
    }
    let mut none = None;
    assert!(verify_with(&http, &issuer, &mut none, &good, NOW).await.is_ok() && none.is_some());
    let down = |_: HttpRequest| async { Err::<HttpResponse, _>(FetchError("no route".into())) };
    assert!(matches!(verify_with(&down, &issuer, &mut None, &good, NOW).await, Err(JwtError::Fetch(_))));
}

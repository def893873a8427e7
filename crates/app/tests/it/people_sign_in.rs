//! First start, sign-in, second factor, sessions.

use std::time::Duration;

use app::me::{self, MeChange, PasswordChange};
use app::sessions;
use auth::Role;
use auth::totp::TotpSecret;
use domain::TenantId;

use crate::people_support::{House, PASSWORD, at, kind, origin};

#[tokio::test]
async fn the_first_start_is_ended_once_by_the_bearer_of_the_last_link() {
    let house = House::new();
    let state = app::setup::state(&house.platform).await.expect("readable");
    assert!(state.needed);
    let first = app::setup::setup_link(&house.platform).await.expect("writes").expect("no owner");
    let second = app::setup::setup_link(&house.platform).await.expect("writes").expect("no owner");
    assert_eq!(kind(house.set_up(first.secret.expose()).await), "unauthenticated", "a newer link was made");
    let ada = house.set_up(second.secret.expose()).await.expect("the newest link");
    assert_eq!(
        (ada.caller.role, ada.caller.tenant, ada.caller.principal.name()),
        (Role::Owner, TenantId::LOCAL, "Ada")
    );
    assert_eq!(house.session(&ada.secret).await.expect("a session"), ada.caller);
    assert!(!app::setup::state(&house.platform).await.expect("readable").needed);
    assert!(app::setup::setup_link(&house.platform).await.expect("readable").is_none());
    assert_eq!(kind(house.set_up(second.secret.expose()).await), "unauthenticated", "it is used up");
    let who = sessions::who(&house.platform, &ada.caller).await.expect("everybody may");
    assert_eq!(who.organization.name, "Analytical Engines");
    assert_eq!(who.user.map(|user| (user.email, user.totp)), Some(("ada@example.org".into(), false)));
    assert_eq!(who.permissions.len(), auth::Action::ALL.len(), "an owner may do everything");
}

#[tokio::test]
async fn a_first_start_that_broke_off_is_ended_by_the_same_request() {
    let house = House::new();
    let link = app::setup::setup_link(&house.platform).await.expect("writes").expect("no owner");
    // As a crash between the two transactions leaves it: an account that belongs to nothing.
    let now = domain::Clock::now(&*house.clock);
    let id = domain::UserId::new(now, [9; 10]);
    house
        .store
        .write(TenantId::INSTALLATION, move |tx| {
            tx.insert_user(&store::UserRecord {
                id,
                email: "ada@example.org".into(),
                name: "A".into(),
                password_hash: None,
                created_at: now,
                updated_at: now,
                version: 1,
                doc: serde_json::json!({}),
            })?;
            tx.affiliate(id, TenantId::LOCAL)
        })
        .await
        .expect("writes");
    assert!(app::setup::state(&house.platform).await.expect("readable").needed);
    let ada = house.set_up(link.secret.expose()).await.expect("it goes on");
    assert_eq!(ada.caller.user_id(), Some(id.to_string().as_str()));
    assert_eq!(kind(house.sign_in("ada@example.org", PASSWORD, None, 1).await), "ok");
}

#[tokio::test]
async fn a_setup_says_everything_that_is_wrong_and_keeps_the_link() {
    let house = House::new();
    let link = app::setup::setup_link(&house.platform).await.expect("writes").expect("no owner");
    let request = |email: &str, password: &str| app::setup::SetupRequest {
        link: link.secret.expose().to_owned(),
        organization_name: "Analytical Engines".into(),
        name: if email.is_empty() { String::new() } else { "Ada".into() },
        email: email.into(),
        password: password.into(),
    };
    for (email, password, want) in [
        ("", "short", "invalid name,email"),
        ("ada@example.org", "short", "invalid password"),
        ("ada@example.org", "analytical engines 1", "invalid password"),
        ("ada@example.org", PASSWORD, "ok"),
    ] {
        let done = app::setup::complete(&house.entrance, &at(1), &origin(), request(email, password)).await;
        assert_eq!(kind(done), want, "{email} {password}");
    }
}

#[tokio::test]
async fn whoever_guesses_waits_and_others_do_not() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "developer").await;
    for _ in 0..5 {
        assert_eq!(
            kind(house.sign_in("ada@example.org", "a wrong password", None, 66).await),
            "unauthenticated"
        );
    }
    let tries = [
        ("ada@example.org", PASSWORD, 66, "too many"),
        ("ada@example.org", PASSWORD, 1, "ok"),
        ("bob@example.org", PASSWORD, 66, "ok"),
        ("nobody@example.org", PASSWORD, 3, "unauthenticated"),
        ("not an address", PASSWORD, 3, "invalid email"),
    ];
    for (email, password, from, want) in tries {
        assert_eq!(kind(house.sign_in(email, password, None, from).await), want, "{email} from {from}");
    }
    house.clock.pass(Duration::from_secs(2));
    assert_eq!(kind(house.sign_in("ada@example.org", PASSWORD, None, 66).await), "ok");
    let refused = |audit: &[(String, String)]| {
        audit.iter().filter(|e| **e == ("session.refused".to_owned(), "failed".to_owned())).count()
    };
    assert_eq!(refused(&house.audit(bob.caller.tenant)), 5);
    assert_eq!(refused(&house.audit(TenantId::INSTALLATION)), 1, "of an account that there is not");
    assert!(!house.audit_text(TenantId::INSTALLATION).contains("nobody@"));
}

#[tokio::test]
async fn many_guesses_at_once_find_the_door_closed_by_the_first() {
    let (house, _) = House::of_ada().await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let entrance = house.entrance.clone();
        tries.spawn(async move {
            let new = app::sign_in::SignIn {
                email: "ada@example.org".into(),
                password: "a wrong password".into(),
                code: None,
                organization_id: None,
            };
            kind(app::sign_in::by_password(&entrance, &at(66), &origin(), new).await)
        });
    }
    let answers = tries.join_all().await;
    let looked_at = answers.iter().filter(|answer| *answer == "unauthenticated").count();
    assert!((5..=9).contains(&looked_at), "{looked_at} of 40: five are free, and four may be under way");
}

#[tokio::test]
async fn a_code_of_the_second_factor_counts_once() {
    let (house, ada) = House::of_ada().await;
    let begun = me::begin_totp(&house.platform, &ada.caller, &origin()).await.expect("none yet");
    let secret = secret_of(begun.secret.expose());
    let now = || domain::Clock::now(&*house.clock);
    let confirm = |code: String, caller: auth::Caller| {
        let entrance = house.entrance.clone();
        async move { me::confirm_totp(&entrance, &at(1), &caller, &origin(), code).await }
    };
    assert_eq!(kind(confirm("000000".into(), ada.caller.clone()).await), "invalid code");
    let confirmed = confirm(secret.code_at(now()), ada.caller.clone()).await.expect("a right code");
    assert!(confirmed.session.caller.mfa);
    assert_eq!(kind(house.session(&ada.secret).await), "unauthenticated", "the session has another secret");
    assert!(house.session(&confirmed.session.secret).await.expect("it goes on").mfa);

    house.clock.pass(Duration::from_secs(60));
    let code = secret.code_at(now());
    let recovery = confirmed.recovery_codes[3].expose().to_owned();
    for (code, want) in [
        (None, "totp_required"),
        (Some("000000"), "unauthenticated"),
        (Some(code.as_str()), "ok"),
        (Some(code.as_str()), "unauthenticated"),
        (Some(recovery.as_str()), "ok"),
        (Some(recovery.as_str()), "unauthenticated"),
    ] {
        assert_eq!(kind(house.sign_in("ada@example.org", PASSWORD, code, 1).await), want, "{code:?}");
    }
    assert_eq!(
        kind(house.sign_in("ada@example.org", "a wrong password", None, 1).await),
        "unauthenticated",
        "that there is a second factor is said to who knows the password"
    );
    let caller = confirmed.session.caller;
    for (password, want) in [("a wrong password", "invalid password"), (PASSWORD, "ok")] {
        let removed = me::remove_totp(&house.entrance, &at(7), &caller, &origin(), password.to_owned()).await;
        assert_eq!(kind(removed), want);
    }
    assert_eq!(kind(house.sign_in("ada@example.org", PASSWORD, None, 1).await), "ok");
    let audit = house.audit_text(TenantId::LOCAL);
    assert!(!audit.contains(begun.secret.expose()) && !audit.contains(&recovery));
}

/// The secret that a person would type into their app.
fn secret_of(base32: &str) -> TotpSecret {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = base32.chars().fold(String::new(), |bits, c| {
        bits + &format!("{:05b}", ALPHABET.find(c).expect("a letter of base32"))
    });
    let bytes: Vec<u8> =
        (0..20).map(|n| u8::from_str_radix(&bits[8 * n..8 * n + 8], 2).expect("bits")).collect();
    TotpSecret::from_bytes(bytes.try_into().expect("20 bytes"))
}

#[tokio::test]
async fn another_password_ends_the_other_sessions() {
    let (house, ada) = House::of_ada().await;
    let elsewhere = house.sign_in("ada@example.org", PASSWORD, None, 9).await.expect("right");
    assert_eq!(house.session(&elsewhere.secret).await.expect("it counts").id(), ada.caller.id());
    let change = |current: &str, new: &str| MeChange {
        name: Some("Ada L.".into()),
        password: Some(PasswordChange { current: current.into(), new: new.into() }),
    };
    for (current, new, want) in [
        ("a wrong password", "another plain sentence", "invalid password.current"),
        (PASSWORD, "short", "invalid password.new"),
    ] {
        let done = me::update(&house.entrance, &at(1), &ada.caller, &origin(), change(current, new)).await;
        assert_eq!(kind(done), want);
    }
    let new = "another plain sentence";
    let done = me::update(&house.entrance, &at(1), &ada.caller, &origin(), change(PASSWORD, new)).await;
    let mine = done.expect("right").expect("another secret");
    for (what, secret, want) in [
        ("elsewhere", &elsewhere.secret, "unauthenticated"),
        ("the old secret", &ada.secret, "unauthenticated"),
        ("the new secret", &mine.secret, "ok"),
    ] {
        assert_eq!(kind(house.session(secret).await), want, "{what}");
    }
    assert_eq!(house.session(&mine.secret).await.expect("it counts").principal.name(), "Ada L.");
    assert_eq!(kind(house.sign_in("ada@example.org", PASSWORD, None, 1).await), "unauthenticated");
    assert_eq!(kind(house.sign_in("ada@example.org", new, None, 1).await), "ok");
    assert!(!house.audit_text(TenantId::LOCAL).contains("plain sentence"));
}

#[tokio::test]
async fn sessions_are_listed_revoked_and_end_by_themselves() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "viewer").await;
    let other = house.sign_in("ada@example.org", PASSWORD, None, 9).await.expect("right");
    let lines = sessions::list(&house.platform, &ada.caller, &origin()).await.expect("one's own");
    let seen: Vec<_> = lines.iter().map(|line| (line.current, line.address.as_deref())).collect();
    assert_eq!(seen, [(false, Some("192.0.2.9")), (true, Some("192.0.2.1"))]);
    let bobs = bob.caller.session.as_deref().expect("a session").parse().expect("an id");
    assert_eq!(kind(sessions::revoke(&house.platform, &ada.caller, &origin(), bobs).await), "no session");
    let id = other.caller.session.as_deref().expect("a session").parse().expect("an id");
    assert_eq!(kind(house.session(&other.secret).await), "ok");
    assert_eq!(kind(sessions::revoke(&house.platform, &ada.caller, &origin(), id).await), "ok");
    assert_eq!(kind(house.session(&other.secret).await), "unauthenticated", "at once");
    assert_eq!(kind(sessions::sign_out(&house.platform, &bob.caller, &origin()).await), "ok");
    assert_eq!(kind(house.session(&bob.secret).await), "unauthenticated");
    house.clock.pass(Duration::from_secs(13 * 3600));
    // What was remembered of a caller lasts seconds of real time; another caller's change forgets it.
    house.sign_in("bob@example.org", PASSWORD, None, 1).await.expect("right");
    assert_eq!(kind(house.session(&ada.secret).await), "unauthenticated", "not used for half a day");
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let (house, ada) = House::of_ada().await;
    let day = Duration::from_secs(86_400);
    let make = |email: &'static str| app::sign_in::link_by_hand(&house.platform, TenantId::LOCAL, email, day);
    assert_eq!(kind(make("nobody@example.org").await), "no account");
    let link = make("ada@example.org").await.expect("a member");
    let sign_in = |link: String| {
        let entrance = house.entrance.clone();
        async move { app::sign_in::by_link(&entrance, &at(1), &origin(), &link).await }
    };
    let text = link.secret.expose().to_owned();
    let session = sign_in(text.clone()).await.expect("it counts");
    assert_eq!(session.caller.id(), ada.caller.id());
    assert_eq!(kind(sign_in(text).await), "unauthenticated");
    assert_eq!(kind(sign_in(session.secret.expose().to_owned()).await), "unauthenticated", "no link");
    let late = make("ada@example.org").await.expect("a member").secret.expose().to_owned();
    house.clock.pass(day);
    assert_eq!(kind(sign_in(late).await), "unauthenticated", "expired");
}

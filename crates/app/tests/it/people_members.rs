//! Members, invitations, tokens and organizations.

use app::list::Paging;
use app::organizations::{self, BrandingChange, NewOrganization, OrganizationChange};
use app::tokens::{self, NewToken};
use app::{invitations, members, sessions};
use auth::{Action, Caller, Role};
use domain::{TenantId, UserId};

use crate::people_support::{House, ORIGIN, PASSWORD, at, kind, origin};

fn id_of(caller: &Caller) -> UserId {
    caller.user_id().expect("a person").parse().expect("an account")
}

async fn names(house: &House, caller: &Caller) -> Vec<(String, Role)> {
    let listed =
        members::list(&house.platform, caller, &origin(), Paging::default()).await.expect("may read");
    listed.items.into_iter().map(|member| (member.name, member.role)).collect()
}

#[tokio::test]
async fn an_invitation_counts_once_and_makes_a_member() {
    let (house, ada) = House::of_ada().await;
    let link = house.invite(&ada.caller, "Bob@Example.org", "developer").await.expect("an owner may");
    for (name, password, want) in [
        (None, PASSWORD, "invalid name"),
        (Some("Bob"), "short", "invalid password"),
        (Some("Bob"), PASSWORD, "ok"),
        (Some("Bob"), PASSWORD, "unauthenticated"),
    ] {
        assert_eq!(kind(house.accept(&link, name, password).await), want, "{name:?} {password}");
    }
    assert_eq!(
        names(&house, &ada.caller).await,
        [("Ada".into(), Role::Owner), ("Bob".into(), Role::Developer)]
    );
    assert_eq!(kind(house.invite(&ada.caller, "bob@example.org", "viewer").await), "already_member");
    assert_eq!(kind(house.invite(&ada.caller, "c@example.org", "ci").await), "invalid role");
    assert_eq!(kind(house.invite(&ada.caller, "nobody", "viewer").await), "invalid email");
    let audit = house.audit_text(TenantId::LOCAL);
    assert!(audit.contains("invitation.created") && !audit.contains(&link));
}

#[tokio::test]
async fn an_invitation_is_taken_back_or_dies_with_the_right_to_make_it() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "admin").await;
    assert_eq!(kind(house.invite(&bob.caller, "c@example.org", "owner").await), "denied invitations.manage");
    let by_bob = house.invite(&bob.caller, "c@example.org", "admin").await.expect("an admin may");
    let by_ada = house.invite(&ada.caller, "d@example.org", "viewer").await.expect("an owner may");
    let open = invitations::list(&house.platform, &ada.caller, &origin()).await.expect("an owner may");
    assert_eq!(open.iter().map(|i| i.email.as_str()).collect::<Vec<_>>(), ["d@example.org", "c@example.org"]);
    let revoked = invitations::revoke(&house.platform, &ada.caller, &origin(), open[0].id).await;
    assert_eq!(kind(revoked), "ok");
    assert_eq!(kind(house.accept(&by_ada, Some("D"), PASSWORD).await), "unauthenticated");
    let change =
        members::change_role(&house.platform, &ada.caller, &ORIGIN, id_of(&bob.caller), "developer", None);
    assert_eq!(kind(change.await), "ok");
    assert_eq!(kind(house.accept(&by_bob, Some("C"), PASSWORD).await), "unauthenticated");
}

#[tokio::test]
async fn an_invited_person_who_has_an_account_shows_it() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "developer").await;
    let new = NewOrganization { name: "Second".into() };
    let second =
        organizations::create(&house.platform, &bob.caller, &origin(), new).await.expect("a person may");
    let there =
        sessions::move_to(&house.platform, &at(2), &bob.caller, &origin(), second.id).await.expect("his");
    assert_eq!((there.caller.tenant, there.caller.role), (second.id, Role::Owner));
    assert_eq!(kind(house.session(&bob.secret).await), "unauthenticated", "the session has moved");
    let link = house.invite(&there.caller, "ada@example.org", "viewer").await.expect("an owner may");
    let accept = |caller: Option<Caller>, password: Option<&'static str>| {
        let (entrance, link) = (house.entrance.clone(), link.clone());
        async move {
            let given = invitations::Acceptance {
                link,
                name: None,
                password: password.map(str::to_owned),
                code: None,
            };
            invitations::accept(&entrance, &at(1), caller.as_ref(), &origin(), given).await
        }
    };
    assert_eq!(kind(accept(None, None).await), "sign_in_required");
    assert_eq!(kind(accept(None, Some("a wrong password")).await), "unauthenticated");
    assert_eq!(kind(accept(Some(there.caller.clone()), None).await), "another_account");
    let ada_there = accept(Some(ada.caller.clone()), None).await.expect("it is hers");
    assert_eq!((ada_there.caller.tenant, ada_there.caller.role), (second.id, Role::Viewer));
    let mine = organizations::mine(&house.platform, &ada.caller, &origin()).await.expect("one's own");
    let mine: Vec<_> = mine.into_iter().map(|o| (o.name, o.role)).collect();
    assert_eq!(
        mine,
        [("Analytical Engines".into(), Some(Role::Owner)), ("Second".into(), Some(Role::Viewer))]
    );
}

#[tokio::test]
async fn a_role_counts_at_once_and_removal_ends_every_access_at_once() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "developer").await;
    let make = |role: &str| NewToken {
        name: format!("for {role}"),
        role: role.into(),
        project_id: None,
        expires_in_days: None,
    };
    let (_, own) =
        tokens::create(&house.platform, &bob.caller, &origin(), make("developer")).await.expect("his own");
    let (_, machine) =
        tokens::create(&house.platform, &bob.caller, &origin(), make("ci")).await.expect("a developer may");
    assert_eq!(house.token(&own).await.expect("it counts").role, Role::Developer);
    let caller = house.token(&machine).await.expect("it counts");
    assert!(caller.principal.is_machine() && caller.role == Role::Ci);

    let bobs = id_of(&bob.caller);
    let change =
        |role: &'static str| members::change_role(&house.platform, &ada.caller, &ORIGIN, bobs, role, None);
    assert_eq!(kind(change("viewer").await), "ok");
    assert_eq!(house.session(&bob.secret).await.expect("it goes on").role, Role::Viewer);
    assert_eq!(house.token(&own).await.expect("it goes on").role, Role::Viewer, "never above its owner");
    assert_eq!(kind(change("emperor").await), "invalid role");
    assert_eq!(kind(members::remove(&house.platform, &ada.caller, &origin(), bobs, None).await), "ok");
    for (what, result) in [
        ("session", house.session(&bob.secret).await),
        ("token", house.token(&own).await),
        ("machine's token", house.token(&machine).await),
    ] {
        assert_eq!(kind(result), "unauthenticated", "{what}");
    }
    assert_eq!(kind(house.sign_in("bob@example.org", PASSWORD, None, 1).await), "no_organization");
    assert_eq!(names(&house, &ada.caller).await, [("Ada".into(), Role::Owner)]);
    // And back: the account is there still.
    let link = house.invite(&ada.caller, "bob@example.org", "viewer").await.expect("an owner may");
    assert_eq!(kind(house.accept(&link, None, PASSWORD).await), "ok");
    assert_eq!(kind(house.session(&bob.secret).await), "unauthenticated", "what ended doesn't come back");
    assert_eq!(kind(house.token(&own).await), "unauthenticated", "what ended doesn't come back");
    assert_eq!(kind(house.sign_in("bob@example.org", PASSWORD, None, 1).await), "ok");
}

#[tokio::test]
async fn there_is_always_an_owner_and_only_owners_touch_owners() {
    let (house, ada) = House::of_ada().await;
    let admin = house.person(&ada.caller, "Admin", "admin").await;
    let owner = house.person(&ada.caller, "Owner", "owner").await;
    let (a, o, m) = (id_of(&ada.caller), id_of(&owner.caller), id_of(&admin.caller));
    let nobody = UserId::from_bytes([7; 16]);
    let cases: [(&Caller, UserId, Option<&str>, &str); 10] = [
        (&admin.caller, a, Some("viewer"), "denied members.manage"),
        (&admin.caller, a, None, "denied members.manage"),
        (&admin.caller, m, Some("owner"), "denied members.manage"),
        (&ada.caller, nobody, None, "no member"),
        (&ada.caller, nobody, Some("viewer"), "no member"),
        (&owner.caller, a, Some("admin"), "ok"),
        (&owner.caller, o, Some("admin"), "last_owner"),
        (&owner.caller, o, None, "last_owner"),
        (&owner.caller, m, Some("owner"), "ok"),
        (&owner.caller, o, Some("viewer"), "ok"),
    ];
    for (n, (caller, user, role, want)) in cases.into_iter().enumerate() {
        let result = match role {
            Some(role) => {
                let changed =
                    members::change_role(&house.platform, caller, &origin(), user, role, None).await;
                changed.map(drop)
            }
            None => members::remove(&house.platform, caller, &origin(), user, None).await,
        };
        assert_eq!(kind(result), want, "case {n}");
    }
    // The admin's own session has the role that it has now: owner.
    let admin = house.session(&admin.secret).await.expect("it goes on");
    assert_eq!(admin.role, Role::Owner);
    let stale = members::change_role(&house.platform, &admin, &origin(), o, "viewer", Some(99)).await;
    assert_eq!(kind(stale), "version");
}

#[tokio::test]
async fn tokens_have_bounds() {
    let (house, ada) = House::of_ada().await;
    let dev = house.person(&ada.caller, "Dev", "developer").await;
    let project = app::projects::create(
        &house.platform,
        &ada.caller,
        &origin(),
        app::projects::NewProject {
            name: "One".into(),
            repository_url: "https://example.org/one.git".into(),
            ..Default::default()
        },
    )
    .await
    .expect("an owner may");
    let elsewhere = domain::ProjectId::from_bytes([7; 16]).to_string();
    let new = |role: &str, project: Option<&str>, days: Option<u32>| NewToken {
        name: "a token".into(),
        role: role.into(),
        project_id: project.map(str::to_owned),
        expires_in_days: days,
    };
    let id = project.id.to_string();
    for (caller, asked, want) in [
        (&dev.caller, new("admin", None, None), "denied tokens.manage"),
        (&dev.caller, new("emperor", Some("x"), Some(0)), "invalid role,project_id,expires_in_days"),
        (&dev.caller, new("viewer", None, Some(366)), "invalid expires_in_days"),
        (&dev.caller, new("viewer", Some(&elsewhere), None), "no project"),
        (&dev.caller, new("viewer", Some(&id), Some(1)), "ok"),
        (&ada.caller, new("admin", None, Some(365)), "ok"),
    ] {
        assert_eq!(kind(tokens::create(&house.platform, caller, &origin(), asked).await), want);
    }
    let (token, secret) =
        tokens::create(&house.platform, &ada.caller, &origin(), new("admin", Some(&id), None))
            .await
            .expect("ok");
    let scoped = house.token(&secret).await.expect("it counts");
    for (asked, want) in
        [(new("viewer", None, None), "denied tokens.manage"), (new("viewer", Some(&id), None), "ok")]
    {
        let made = tokens::create(&house.platform, &scoped, &origin(), asked).await;
        assert_eq!(kind(made), want, "a token of one project makes tokens of that project");
    }
    assert_eq!(
        kind(members::list(&house.platform, &scoped, &origin(), Paging::default()).await),
        "denied members.read"
    );
    let count = |listed: app::list::Listed<tokens::Token>| listed.items.len();
    let list = |caller: Caller| {
        let platform = house.platform.clone();
        async move { tokens::list(&platform, &caller, &origin(), Paging::default()).await }
    };
    assert_eq!(list(ada.caller.clone()).await.map(count).expect("all"), 4);
    assert_eq!(list(dev.caller.clone()).await.map(count).expect("one's own"), 1);
    let denied = tokens::revoke(&house.platform, &dev.caller, &origin(), token.id).await;
    assert_eq!(kind(denied), "denied tokens.manage", "somebody else's");
    assert_eq!(kind(tokens::revoke(&house.platform, &ada.caller, &origin(), token.id).await), "ok");
    assert_eq!(kind(house.token(&secret).await), "unauthenticated");
    assert!(!house.audit_text(TenantId::LOCAL).contains(secret.expose()));
    // What concerns the account itself takes more than a token.
    let (_, own) = tokens::create(&house.platform, &dev.caller, &origin(), new("developer", None, None))
        .await
        .expect("ok");
    let by_token = house.token(&own).await.expect("it counts");
    assert_eq!(kind(app::me::begin_totp(&house.platform, &by_token, &origin()).await), "session_required");
}

#[tokio::test]
async fn what_belongs_to_another_organization_does_not_exist() {
    let (house, ada) = House::of_ada().await;
    let bob = house.person(&ada.caller, "Bob", "developer").await;
    let new = NewOrganization { name: "Second".into() };
    let second =
        organizations::create(&house.platform, &bob.caller, &origin(), new).await.expect("a person may");
    let there =
        sessions::move_to(&house.platform, &at(2), &bob.caller, &origin(), second.id).await.expect("his");
    let (caller, platform, origin) = (&there.caller, &house.platform, &origin());
    let link = house.invite(&ada.caller, "x@example.org", "viewer").await.expect("an owner may");
    let invitation = invitations::list(platform, &ada.caller, origin).await.expect("an owner may")[0].id;
    let new = NewToken { name: "t".into(), role: "ci".into(), project_id: None, expires_in_days: None };
    let (token, _) = tokens::create(platform, &ada.caller, origin, new).await.expect("an owner may");
    let policy = app::policies::NewPolicy {
        name: "p".into(),
        text: "forbid(principal, action == Action::\"projects.delete\", resource);".into(),
        enabled: None,
    };
    let policy = app::policies::create(platform, &ada.caller, origin, policy).await.expect("an owner may");
    let adas = id_of(&ada.caller);
    for (what, result) in [
        ("no organization", organizations::get(platform, caller, origin, TenantId::LOCAL).await.map(drop)),
        ("no member", members::get(platform, caller, origin, adas).await.map(drop)),
        ("no member", members::remove(platform, caller, origin, adas, None).await),
        ("no invitation", invitations::revoke(platform, caller, origin, invitation).await),
        ("no token", tokens::revoke(platform, caller, origin, token.id).await),
        ("no policy", app::policies::get(platform, caller, origin, policy.id).await.map(drop)),
        ("no policy", app::policies::remove(platform, caller, origin, policy.id, None).await),
        (
            "no organization",
            sessions::move_to(platform, &at(1), caller, origin, TenantId::from_bytes([8; 16]))
                .await
                .map(drop),
        ),
    ] {
        assert_eq!(kind(result), what);
    }
    let audit = app::audit_log::list(platform, caller, origin, Default::default(), Paging::default()).await;
    assert!(audit.expect("an owner may").items.iter().all(|entry| entry.action != "invitation.created"));
    drop(link);
}

#[tokio::test]
async fn an_organization_has_a_name_and_a_look() {
    let (house, ada) = House::of_ada().await;
    let viewer = house.person(&ada.caller, "Viewer", "viewer").await;
    let id = TenantId::LOCAL;
    let change = |accent: &str| OrganizationChange {
        name: Some("Engines".into()),
        branding: Some(BrandingChange { accent: Some(accent.into()), ..Default::default() }),
    };
    let update = |caller: Caller, change: OrganizationChange, expected: Option<u64>| {
        let platform = house.platform.clone();
        async move { organizations::update(&platform, &caller, &origin(), id, change, expected).await }
    };
    for (caller, accent, expected, want) in [
        (&viewer.caller, "#0b5d6e", None, "denied organization.update"),
        (&ada.caller, "#ffffff", None, "invalid branding.accent"),
        (&ada.caller, "#0b5d6e", Some(99), "version"),
        (&ada.caller, "#0b5d6e", None, "ok"),
    ] {
        assert_eq!(kind(update(caller.clone(), change(accent), expected).await), want, "{accent}");
    }
    let state = app::setup::state(&house.platform).await.expect("readable");
    assert_eq!(state.branding.accent.as_deref(), Some("#0b5d6e"));
    let seen = organizations::get(&house.platform, &viewer.caller, &origin(), id).await.expect("may read");
    assert_eq!((seen.name.as_str(), seen.branding.accent.as_deref()), ("Engines", Some("#0b5d6e")));
    let cleared = update(ada.caller.clone(), change(""), None).await.expect("an owner may");
    assert_eq!(cleared.branding.accent, None);
}

/// What each role may do with people, through the use cases themselves.
#[tokio::test]
async fn what_is_not_permitted_is_denied_for_every_role() {
    let (house, ada) = House::of_ada().await;
    let mut grid = String::new();
    for role in ["admin", "maintainer", "developer", "reviewer", "viewer", "auditor"] {
        let person = house.person(&ada.caller, role, role).await;
        let (platform, caller, origin) = (&house.platform, &person.caller, &origin());
        let reads = [
            kind(members::list(platform, caller, origin, Paging::default()).await),
            kind(invitations::list(platform, caller, origin).await),
            kind(app::policies::list(platform, caller, origin).await),
            kind(app::audit_log::verify(platform, caller, origin, vec![], vec![]).await),
            kind(app::receipts::list(platform, caller, origin, Default::default(), Paging::default()).await),
        ];
        let writes = [kind(house.invite(caller, "z@example.org", "viewer").await)];
        let cell = |answer: &String| if answer == "ok" { 'x' } else { '.' };
        let cells: String = reads.iter().chain(&writes).map(cell).collect();
        grid.push_str(&format!("{role} {cells}\n"));
        let who = sessions::who(platform, caller).await.expect("everybody may");
        assert_eq!(who.permissions.contains(&Action::MembersRead), cells.starts_with('x'), "{role}");
    }
    assert_eq!(
        grid,
        "admin xxxxxx\nmaintainer x.x...\ndeveloper x.....\nreviewer ......\nviewer ......\nauditor x.xxx.\n"
    );
}

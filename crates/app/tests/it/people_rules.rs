//! Policies, receipts and the audit as people read it.

use app::list::Paging;
use app::policies::{self, NewPolicy, PolicyChange, PolicyTrial, Question, Somebody, Thing};
use app::receipts::{self, ReceiptFilter};
use app::{audit_log, members};
use auth::Caller;
use domain::TenantId;

use crate::people_support::{House, ORIGIN, kind, origin};

const NO_TOKENS: &str =
    "forbid(\n  principal in Role::\"developer\",\n  action == Action::\"tokens.manage\",\n  resource\n);";

async fn create(
    house: &House,
    caller: &Caller,
    name: &str,
    text: &str,
) -> Result<policies::Policy, app::AppError> {
    let new = NewPolicy { name: name.into(), text: text.into(), enabled: None };
    policies::create(&house.platform, caller, &origin(), new).await
}

async fn make_token(house: &House, caller: &Caller) -> String {
    let new = app::tokens::NewToken {
        name: "t".into(),
        role: "viewer".into(),
        project_id: None,
        expires_in_days: None,
    };
    kind(app::tokens::create(&house.platform, caller, &origin(), new).await)
}

#[tokio::test]
async fn a_policy_with_a_mistake_is_refused_with_its_place() {
    let (house, ada) = House::of_ada().await;
    for (text, want) in [
        ("permit(principal,\n  action == Action::\"tasks.fly\",\n  resource);", "line 2, column"),
        ("permit(principal, action, resource)", "line 1, column"),
        ("forbid(principal, action, resource)\nwhen { resource.colour == \"red\" };", "line 2, column"),
        ("", "line 1, column 1: there is no policy in it"),
    ] {
        match create(&house, &ada.caller, "p", text).await {
            Err(app::AppError::Invalid(problems)) => {
                assert_eq!(problems[0].field, "text");
                assert!(problems[0].message.starts_with(want), "{}", problems[0].message);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let lock_out = "forbid(principal, action, resource);";
    assert_eq!(kind(create(&house, &ada.caller, "p", lock_out).await), "would_lock_out");
    assert_eq!(kind(create(&house, &ada.caller, "", NO_TOKENS).await), "invalid name");
}

#[tokio::test]
async fn a_policy_counts_from_the_next_request_on() {
    let (house, ada) = House::of_ada().await;
    let dev = house.person(&ada.caller, "Dev", "developer").await;
    assert_eq!(make_token(&house, &dev.caller).await, "ok");
    let policy = create(&house, &ada.caller, "No tokens", NO_TOKENS).await.expect("a sound policy");
    assert_eq!(make_token(&house, &dev.caller).await, "denied tokens.manage");
    assert_eq!(make_token(&house, &ada.caller).await, "ok");
    let change = |enabled| PolicyChange { enabled: Some(enabled), ..Default::default() };
    let update = |expected: Option<u64>| {
        policies::update(&house.platform, &ada.caller, &ORIGIN, policy.id, change(false), expected)
    };
    assert_eq!(kind(update(Some(policy.version + 1)).await), "version");
    assert_eq!(kind(update(Some(policy.version)).await), "ok");
    assert_eq!(make_token(&house, &dev.caller).await, "ok");
    assert_eq!(kind(policies::list(&house.platform, &dev.caller, &origin()).await), "denied policies.read");
    assert_eq!(kind(policies::remove(&house.platform, &ada.caller, &origin(), policy.id, None).await), "ok");
    assert_eq!(kind(policies::get(&house.platform, &ada.caller, &origin(), policy.id).await), "no policy");
}

#[tokio::test]
async fn a_dry_run_shows_what_of_the_past_would_change() {
    let (house, ada) = House::of_ada().await;
    let dev = house.person(&ada.caller, "Dev", "developer").await;
    assert_eq!(make_token(&house, &dev.caller).await, "ok");
    assert_eq!(make_token(&house, &ada.caller).await, "ok");
    let trial = |text: &str| PolicyTrial { text: text.into(), ..Default::default() };
    let report =
        policies::test(&house.platform, &ada.caller, &origin(), trial(NO_TOKENS)).await.expect("may");
    assert!(report.valid && report.requests >= 3, "{report:?}");
    let changed: Vec<_> = report
        .changed
        .iter()
        .map(|c| {
            (
                c.principal.as_str(),
                c.action.as_str(),
                c.before.as_str(),
                c.after.as_str(),
                c.reasons.join(","),
            )
        })
        .collect();
    assert_eq!(changed, [("Dev", "tokens.manage", "allow", "deny", "draft".to_owned())]);
    let broken = policies::test(&house.platform, &ada.caller, &origin(), trial("forbid(\n\nnobody);")).await;
    let broken = broken.expect("a mistake is an answer");
    assert_eq!((broken.valid, broken.errors[0].line), (false, 3));
    // Nothing was saved.
    assert_eq!(make_token(&house, &dev.caller).await, "ok");

    let ask = |role: &str| Question {
        action: "pull_requests.merge".into(),
        resource: Some(Thing { kind: "PullRequest".into(), risk: Some("high".into()), ..Default::default() }),
        principal: Some(Somebody { role: Some(role.into()), ..Default::default() }),
    };
    let text = "forbid(principal, action == Action::\"pull_requests.merge\", resource) when { resource.risk == \"high\" };";
    let asked = PolicyTrial { requests: Some(vec![ask("maintainer"), ask("viewer")]), ..trial(text) };
    let report = policies::test(&house.platform, &ada.caller, &origin(), asked).await.expect("may");
    assert_eq!((report.requests, report.changed.len()), (2, 1), "a viewer may not merge in any case");
    let nonsense = Question { action: "tasks.fly".into(), ..Default::default() };
    let asked = PolicyTrial { requests: Some(vec![nonsense]), ..trial(text) };
    assert_eq!(
        kind(policies::test(&house.platform, &ada.caller, &origin(), asked).await),
        "invalid requests[0].action"
    );
    let why =
        policies::explain(&house.platform, &ada.caller, &origin(), ask("developer")).await.expect("may");
    assert!(why.decision == "deny" && why.roles.contains(&auth::Role::Maintainer), "{why:?}");
}

#[tokio::test]
async fn a_receipt_is_decided_again() {
    const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
    let (house, ada) = House::of_ada().await;
    let viewer = house.person(&ada.caller, "Viewer", "viewer").await;
    let denied = members::list(&house.platform, &viewer.caller, &origin(), Paging::default()).await;
    assert_eq!(kind(denied), "denied members.read");
    let list = |decision: &str| {
        let filter = ReceiptFilter { decision: Some(decision.into()), ..Default::default() };
        receipts::list(&house.platform, &ada.caller, &ORIGIN, filter, Paging::default())
    };
    let found = list("deny").await.expect("an owner may").items;
    let seen: Vec<_> =
        found.iter().map(|r| (r.action.as_str(), r.decision.as_str(), r.reason.as_str())).collect();
    assert_eq!(seen, [("members.read", "deny", "nothing permits it")]);
    assert_eq!(kind(list("maybe").await), "invalid decision");
    let again = |id| receipts::reevaluate(&house.platform, &ada.caller, &ORIGIN, id);
    assert_eq!(again(found[0].id).await.expect("may").outcome, "same");
    let text = "permit(principal in Role::\"viewer\", action == Action::\"members.read\", resource);";
    create(&house, &ada.caller, "Viewers see members", text).await.expect("a sound policy");
    house.clock.pass(SECOND);
    let other = again(found[0].id).await.expect("may");
    assert_eq!(
        (other.outcome.as_str(), other.now.map(|v| v.decision).as_deref()),
        ("same", Some("allow")),
        "by the policies of its time, and by those of today"
    );
    let allowed = members::list(&house.platform, &viewer.caller, &origin(), Paging::default()).await;
    assert_eq!(kind(allowed), "ok");
    let allowed = list("allow").await.expect("an owner may").items;
    let read = allowed.iter().find(|r| r.action.as_str() == "members.read").expect("a privileged read");
    assert_eq!(again(read.id).await.expect("may").outcome, "same");
    let policy = policies::list(&house.platform, &ada.caller, &ORIGIN).await.expect("may").remove(0);
    house.clock.pass(SECOND);
    policies::remove(&house.platform, &ada.caller, &ORIGIN, policy.id, None).await.expect("it is there");
    let (then, now) = (again(read.id).await.expect("may"), again(found[0].id).await.expect("may"));
    let today = then.now.map(|v| v.decision);
    assert_eq!((then.outcome.as_str(), today.as_deref()), ("same", Some("deny")), "its policy is gone since");
    assert_eq!(now.outcome, "same");
}

#[tokio::test]
async fn the_audit_is_read_signed_verified_and_exported() {
    let (house, ada) = House::of_ada().await;
    let viewer = house.person(&ada.caller, "Viewer", "viewer").await;
    let (platform, caller) = (&house.platform, &ada.caller);
    let list = |filter: audit_log::EntryFilter, limit: Option<u32>, cursor: Option<String>| {
        audit_log::list(platform, caller, &ORIGIN, filter, Paging { limit, cursor, sort: None })
    };
    let all = list(Default::default(), None, None).await.expect("an owner may").items;
    let seqs: Vec<_> = all.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=all.len() as u64).rev().collect::<Vec<_>>());
    let behind = audit_log::EntryFilter { after: Some(2), ..Default::default() };
    let first = list(behind.clone(), Some(2), None).await.expect("may");
    assert_eq!(first.items.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4]);
    let second = list(behind, Some(2), first.next_cursor).await.expect("may");
    assert_eq!(second.items.iter().map(|e| e.seq).collect::<Vec<_>>(), [5, 6]);
    let of = |subject: &str| audit_log::EntryFilter { subject: Some(subject.into()), ..Default::default() };
    let viewers = format!("member:{}", viewer.caller.id());
    let found = list(of(&viewers), None, None).await.expect("may").items;
    assert_eq!(found.iter().map(|e| e.action.as_str()).collect::<Vec<_>>(), ["member.added"]);
    assert_eq!(found[0].request_id.as_deref(), Some("req_1"));
    let since = audit_log::EntryFilter { since: Some("yesterday".into()), ..Default::default() };
    assert_eq!(kind(list(since, None, None).await), "invalid since");

    let key = governance::SigningKey::from_seed(&[5; 32]).expect("a seed");
    let public = key.public();
    let signed =
        audit_log::checkpoint(platform, TenantId::LOCAL, public, move |bytes| Some(key.sign(bytes))).await;
    assert!(signed.expect("a sound log").is_some());
    let checkpoints =
        audit_log::checkpoints(platform, caller, &ORIGIN, Paging::default()).await.expect("may").items;
    let bound = all.len() as u64 + 1;
    assert_eq!(checkpoints.iter().map(|c| c.seq).collect::<Vec<_>>(), [bound], "one for the reads above");
    let note = checkpoints[0].note.clone();
    let verified = audit_log::verify(platform, caller, &ORIGIN, vec![public], vec![note]).await.expect("may");
    assert!(verified.valid && verified.checkpoints == 1, "{verified:?}");
    assert_eq!((verified.organization_id, verified.anchored), (TenantId::LOCAL, Some(bound)));
    assert!(verified.receipts > verified.receipts_bound, "the reads since then: {verified:?}");
    platform.save_read_counts().await.expect("the store is there");
    let later = audit_log::verify(platform, caller, &ORIGIN, vec![public], Vec::new()).await.expect("may");
    assert!(later.valid && later.receipts == later.receipts_bound, "{later:?}");
    assert_eq!(later.entries, bound + 1, "one entry for all of them");
    let exported = audit_log::export(platform, caller, &ORIGIN).await.expect("may");
    let report = governance::verify_export(exported.as_slice(), &[public], &[]).expect("an export");
    assert!(report.is_whole());
    assert_eq!(kind(audit_log::export(platform, &viewer.caller, &ORIGIN).await), "denied audit.export");
}

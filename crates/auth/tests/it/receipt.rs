//! Receipts can be checked without the server, and show when they were changed.

use auth::policy::{Engine, OwnPolicy, Receipt, Reevaluation, Resource, ResourceKind, reevaluate};
use auth::{Action, Role};
use domain::TenantId;

use crate::request;

fn own() -> Vec<OwnPolicy> {
    let policy = |id: &str, text: &str| OwnPolicy { id: id.into(), text: text.into() };
    vec![
        policy(
            "policy_1",
            "forbid (principal, action == Action::\"pull_requests.merge\", resource) unless { context.mfa };",
        ),
        policy("policy_2", "permit (principal, action == Action::\"audit.read\", resource);"),
    ]
}

fn receipt() -> Receipt {
    let engine = Engine::new(&own()).expect("valid policies");
    let resource = Resource::new(ResourceKind::PullRequest, "pr_1", TenantId::LOCAL).in_project("project_1");
    let request = request(Role::Owner, Action::PullRequestsMerge, resource);
    Receipt::new("receipt_1", &engine, &request, &engine.decide(&request)).expect("JSON can say it")
}

#[test]
fn a_receipt_survives_its_text_and_is_found_the_same() {
    let text = serde_json::to_string(&receipt()).expect("JSON");
    let read: Receipt = serde_json::from_str(&text).expect("our own text");
    assert_eq!(read, receipt());
    assert_eq!((read.decision, read.reasons.as_slice()), (false, &["policy_1".to_owned()][..]));
    let mut policies = own();
    assert_eq!(reevaluate(&read, &policies).expect("valid policies"), Reevaluation::Same);
    policies.reverse(); // the order in which rows come is nobody's business
    assert_eq!(reevaluate(&read, &policies).expect("valid policies"), Reevaluation::Same);
}

#[test]
fn a_changed_receipt_is_seen() {
    let changes: [fn(&mut Receipt); 7] = [
        |r| r.role = Role::Viewer,
        |r| r.principal = "user_2".into(),
        |r| r.resource = "PullRequest:pr_2".into(),
        |r| r.action = Action::TasksRead,
        |r| r.attributes = r.attributes.replace("\"mfa\":false", "\"mfa\":true"),
        |r| r.attributes.push(' '),
        |r| r.inputs_hash = "0".repeat(64),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut changed = receipt();
        change(&mut changed);
        assert_eq!(
            reevaluate(&changed, &own()).expect("valid policies"),
            Reevaluation::Altered,
            "change {n}"
        );
    }
    let mut lie = receipt();
    lie.decision = true;
    assert!(matches!(reevaluate(&lie, &own()), Ok(Reevaluation::Different(again)) if !again.allow));
    assert_eq!(reevaluate(&receipt(), &own()[..1]).expect("valid"), Reevaluation::OtherPolicies);
    let mut policies = own();
    policies[1].text.push('\n');
    assert_eq!(reevaluate(&receipt(), &policies).expect("valid"), Reevaluation::OtherPolicies);
}

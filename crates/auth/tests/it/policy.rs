//! Decisions: what built-in policies hold fast, and what own ones change.

use auth::policy::{DataClass, Engine, OwnPolicy, PolicyProblem, Request, Resource, ResourceKind, Risk};
use auth::{Action, Role};
use domain::{NanoUsd, TenantId, Timestamp};
use proptest::prelude::*;

use crate::{machine, request};

fn own(text: &str) -> Vec<OwnPolicy> {
    vec![OwnPolicy { id: "policy_1".into(), text: text.into() }]
}

fn engine(text: &str) -> Engine {
    Engine::new(&own(text)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn task() -> Resource {
    Resource::new(ResourceKind::Task, "task_1", TenantId::LOCAL).in_project("project_1")
}

fn pull_request() -> Resource {
    Resource::new(ResourceKind::PullRequest, "pr_1", TenantId::LOCAL)
        .in_project("project_1")
        .owned_by("user_9")
}

fn member(role: Role, gives: Role) -> Resource {
    let resource = Resource::new(ResourceKind::Member, "user_2", TenantId::LOCAL);
    Resource { role: Some(role), gives: Some(gives), ..resource }
}

/// Answer and reasons.
fn decide(engine: &Engine, request: &Request) -> (bool, Vec<String>) {
    let decision = engine.decide(request);
    assert_eq!(decision.errors, Vec::<String>::new());
    (decision.allow, decision.reasons)
}

#[test]
fn built_in_forbids_hold_against_any_own_policy() {
    let everything = engine("permit (principal, action, resource);");
    let merge = request(Role::Owner, Action::PullRequestsMerge, pull_request());
    let approve = request(Role::Maintainer, Action::PullRequestsApprove, pull_request());
    let read = request(Role::Owner, Action::TasksRead, task());
    let other = TenantId::from_bytes([9; 16]);
    let by_machine = |r: &Request| Request { principal: machine(), ..r.clone() };
    let scoped = |r: &Request, to: &str| Request { project_scope: Some(to.into()), ..r.clone() };
    let cases = [
        (by_machine(&merge), "builtin:machines-do-not-merge"),
        (by_machine(&approve), "builtin:machines-do-not-merge"),
        (Request { tenant: other, ..read.clone() }, "builtin:another-organization"),
        (scoped(&read, "project_2"), "builtin:project-scope"),
        (
            scoped(
                &request(Role::Owner, Action::TasksRead, Resource::organization(TenantId::LOCAL)),
                "project_1",
            ),
            "builtin:project-scope",
        ),
        (
            request(Role::Admin, Action::MembersManage, member(Role::Owner, Role::Viewer)),
            "builtin:owners-by-owners",
        ),
        (
            request(Role::Admin, Action::MembersManage, member(Role::Viewer, Role::Owner)),
            "builtin:no-more-than-own",
        ),
        (
            request(Role::Developer, Action::MembersManage, member(Role::Viewer, Role::Admin)),
            "builtin:no-more-than-own",
        ),
    ];
    for (request, by) in cases {
        assert_eq!(decide(&everything, &request), (false, vec![by.to_owned()]), "{request:?}");
    }
    for request in [merge, approve, scoped(&read, "project_1"), read] {
        assert!(decide(&everything, &request).0, "{request:?}");
    }
    // fields that contradict each other open nothing
    let in_scope = scoped(
        &request(
            Role::Owner,
            Action::ProjectsRead,
            Resource::project("project_2", TenantId::LOCAL).in_project("project_1"),
        ),
        "project_1",
    );
    assert_eq!(decide(&everything, &in_scope).1, ["builtin:project-scope"]);
    let elsewhere = Resource { tenant: other, ..Resource::organization(TenantId::LOCAL) };
    let elsewhere = request(Role::Owner, Action::ProjectsRead, elsewhere);
    assert_eq!(decide(&everything, &elsewhere).1, ["builtin:another-organization"]);
    let project = Resource::project("project_1", TenantId::LOCAL);
    let in_scope = Request {
        project_scope: Some("project_1".into()),
        ..request(Role::Owner, Action::TasksCreate, project)
    };
    assert!(decide(&everything, &in_scope).0);
    let demote = request(Role::Owner, Action::MembersManage, member(Role::Owner, Role::Viewer));
    assert!(decide(&everything, &demote).0);
}

#[test]
fn attributes_and_circumstances_reach_own_policies() {
    let restricted = Resource { data_class: DataClass::Restricted, ..task() };
    let risky = Resource { risk: Risk::High, cost: NanoUsd(7_000_000_000), ..pull_request() };
    let read = |resource| request(Role::Developer, Action::TasksRead, resource);
    let merge = request(Role::Owner, Action::PullRequestsMerge, risky);
    let assigned = Resource { assignee: Some("user_1".into()), ..pull_request() };
    let cases = [
        (
            r#"forbid (principal, action, resource) when { resource.data_class == "restricted" && !context.mfa };"#,
            read(restricted.clone()),
            false,
        ),
        (
            r#"forbid (principal, action, resource) when { resource.data_class == "restricted" && !context.mfa };"#,
            Request { mfa: true, ..read(restricted) },
            true,
        ),
        (
            r#"forbid (principal, action == Action::"pull_requests.merge", resource) when { resource.risk == "high" };"#,
            merge.clone(),
            false,
        ),
        ("forbid (principal, action, resource) when { resource.cost > 5000000000 };", merge.clone(), false),
        ("forbid (principal, action, resource) when { resource.cost > 9000000000 };", merge.clone(), true),
        (
            r#"forbid (principal, action in Action::"write", resource) unless { ["saturday", "sunday"].contains(context.weekday) };"#,
            merge.clone(),
            false,
        ),
        (
            r#"forbid (principal, action in Action::"write", resource) when { context.hour < 6 || context.hour > 20 };"#,
            merge.clone(),
            true,
        ),
        (
            r#"forbid (principal, action, resource) when { context.hour == 23 };"#,
            Request {
                at: Timestamp::from_micros(1_763_978_400_000_000 - 11 * 3_600_000_000),
                ..merge.clone()
            },
            false,
        ),
        (r#"forbid (principal, action, resource in Project::"project_1");"#, merge.clone(), false),
        (
            r#"forbid (principal is User, action, resource) when { principal.email like "*@example.org" };"#,
            merge.clone(),
            false,
        ),
        (
            r#"permit (principal in Role::"developer", action == Action::"pull_requests.merge", resource) when { resource.risk == "low" };"#,
            request(Role::Developer, Action::PullRequestsMerge, pull_request()),
            true,
        ),
        (
            r#"permit (principal == User::"user_1", action == Action::"audit.read", resource);"#,
            request(Role::Viewer, Action::AuditRead, Resource::organization(TenantId::LOCAL)),
            true,
        ),
        (
            r#"permit (principal, action == Action::"pull_requests.merge", resource) when { resource has assignee && resource.assignee == principal.id };"#,
            request(Role::Developer, Action::PullRequestsMerge, assigned),
            true,
        ),
    ];
    for (text, request, want) in cases {
        let (allow, reasons) = decide(&engine(text), &request);
        assert_eq!(allow, want, "{text}\n{reasons:?}");
        let decides = !want || request.role != Role::Owner && request.action != Action::TasksRead;
        assert_eq!(reasons == ["policy_1"], decides, "{text}\n{reasons:?}");
    }
}

#[test]
fn what_cannot_be_evaluated_denies() {
    let overflow = |effect: &str| {
        format!("{effect} (principal, action, resource) when {{ resource.cost * 9223372036854775807 > 1 }};")
    };
    let costly = Resource { cost: NanoUsd(i64::MAX), ..task() };
    let asked = request(Role::Owner, Action::TasksUpdate, costly.clone());
    let decision = engine(&overflow("forbid")).decide(&asked);
    assert!(!decision.allow && decision.errors.len() == 1, "{decision:?}");
    assert_eq!(decision.reasons, ["policy_1"]);
    // a permit that fails only doesn't permit
    let decision = engine(&overflow("permit")).decide(&asked);
    assert!(decision.allow && decision.errors.len() == 1, "{decision:?}");
    let decision = engine(&overflow("permit")).decide(&request(Role::Viewer, Action::TasksUpdate, costly));
    assert!(!decision.allow && decision.reasons.is_empty(), "{decision:?}");
    // an action that the thing doesn't have
    let decision = engine("permit (principal, action, resource);").decide(&request(
        Role::Owner,
        Action::MembersManage,
        task(),
    ));
    assert_eq!(
        (decision.allow, decision.errors),
        (false, vec!["members.manage does not apply to a Task".to_owned()])
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        ("permit (principal, action, resource)", 1, "unexpected end of input"),
        ("// a comment\npermit (principal, action, resorce);", 2, "resorce"),
        ("permit (principal, action,\n  resource)\nwhen { resource.colour == \"red\" };", 3, "colour"),
        ("permit (principal, action == Action::\"tasks.destroy\", resource);", 1, "tasks.destroy"),
        ("permit (principal == Person::\"a\", action, resource);", 1, "Person"),
        ("permit (principal, action, resource) when { resource.owner == \"a\" };", 1, "owner"),
        (
            "permit (principal, action, resource);\n\npermit (principal, action, resource) when { context.hour == \"9\" };",
            3,
            "compatible",
        ),
        ("permit (principal == ?principal, action, resource);", 1, "templates"),
        ("", 1, "no policy"),
    ];
    for (text, line, says) in cases {
        let errors = Engine::new(&own(text)).map(|_| ()).expect_err(text).0;
        let found = |p: &PolicyProblem| p.policy == "policy_1" && p.line == line && p.message.contains(says);
        assert!(errors.iter().any(found), "{text}\n{errors:#?}");
        assert!(errors.iter().all(|p| !p.message.contains("policy `policy0`")), "{errors:#?}");
    }
    let twice =
        [own("permit (principal, action, resource);"), own("permit (principal, action, resource);")].concat();
    assert!(Engine::new(&twice).is_err());
    let taken =
        [OwnPolicy { id: "builtin:owner".into(), text: "forbid (principal, action, resource);".into() }];
    assert!(Engine::new(&taken).is_err());
    let never = engine("permit (principal is Service, action, resource) when { principal is User };");
    assert_eq!(never.warnings().len(), 1, "{:?}", never.warnings());
}

#[test]
fn several_policies_of_one_text_are_told_apart() {
    let text =
        (0..12).map(|n| format!("forbid (principal, action, resource) when {{ resource.cost == {n} }};\n"));
    let engine = engine(&text.collect::<String>());
    let asked = request(Role::Owner, Action::TasksRead, Resource { cost: NanoUsd(10), ..task() });
    assert_eq!(decide(&engine, &asked), (false, vec!["policy_1#11".to_owned()]));
}

#[test]
fn an_explanation_names_what_applies_what_nearly_does_and_who_could() {
    let engine = engine(
        "@description(\"Merges only with a second factor\")\n\
         forbid (principal, action == Action::\"pull_requests.merge\", resource) unless { context.mfa };",
    );
    let by_admin = engine.explain(&request(Role::Admin, Action::PullRequestsMerge, pull_request()));
    assert_eq!(
        (by_admin.decision.allow, &by_admin.permits[..], &by_admin.forbids[..]),
        (false, &["builtin:admin".to_owned()][..], &["policy_1".to_owned()][..])
    );
    assert_eq!(by_admin.roles, []);
    let mfa = Request { mfa: true, ..request(Role::Developer, Action::PullRequestsMerge, pull_request()) };
    let by_developer = engine.explain(&mfa);
    assert_eq!(by_developer.roles, [Role::Owner, Role::Admin, Role::Maintainer]);
    assert!(
        !by_developer.decision.allow && by_developer.permits.is_empty() && by_developer.forbids.is_empty()
    );
    let nearly: Vec<_> = by_developer.nearly.iter().map(|n| (n.policy.as_str(), n.text.as_str())).collect();
    assert!(nearly.contains(&("policy_1", "Merges only with a second factor")), "{nearly:?}");
}

#[test]
fn a_dry_run_shows_old_and_new_and_changes_nothing() {
    let engine = engine("forbid (principal, action == Action::\"tasks.create\", resource);");
    let create = request(Role::Owner, Action::TasksCreate, Resource::organization(TenantId::LOCAL));
    let read = request(Role::Owner, Action::TasksRead, task());
    let policy = OwnPolicy {
        id: "policy_1".into(),
        text: "forbid (principal, action == Action::\"tasks.read\", resource);".into(),
    };
    let trials = engine.test(&policy, &[create.clone(), read]).expect("a valid policy");
    let answers: Vec<_> = trials.iter().map(|t| (t.old.allow, t.new.allow)).collect();
    assert_eq!(answers, [(false, true), (true, false)]);
    assert!(!engine.decide(&create).allow);
    assert!(engine.test(&OwnPolicy { text: "permit".into(), ..policy }, &[]).is_err());
}

#[test]
fn an_engine_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&engine("permit (principal, action, resource);"));
}

proptest! {
    // Each case parses schema and built-in policies anew.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = Engine::new(&own(&text));
        let _ = Engine::new(&own(&format!("permit (principal, action, resource) when {{ {text} }};")));
    }

    #[test]
    fn no_id_lets_a_machine_merge_or_leave_its_organization(
        id in "\\PC{0,30}", project in proptest::option::of("\\PC{0,20}"), role in proptest::sample::select(Role::ALL.to_vec()),
    ) {
        let engine = Engine::new(&own("permit (principal, action, resource);")).expect("valid");
        let thing = Resource { id, project, ..pull_request() };
        let merge = Request { principal: machine(), ..request(role, Action::PullRequestsMerge, thing.clone()) };
        prop_assert!(!engine.decide(&merge).allow);
        let elsewhere = Resource { tenant: TenantId::from_bytes([7; 16]), ..thing };
        prop_assert!(!engine.decide(&request(role, Action::PullRequestsRead, elsewhere)).allow);
    }
}

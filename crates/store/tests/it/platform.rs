//! Organizations, people, credentials, policies, projects, agents, operations: what goes in comes out, and stays in its
//! organization.

use domain::{
    AgentKind, AgentState, CredentialId, OperationState, PolicyId, ProjectId, ProjectState, TaskState,
    TenantId,
};
use serde_json::json;
use store::{
    AgentRecord, CodeArtifactRecord, CredentialRecord, KeptAnswer, MemberRecord, OperationRecord,
    OrganizationRecord, Page, PolicyRecord, ProjectRecord, ReadCount, ReceiptRecord, StoreError, TaskRecord,
    UserRecord,
};

use super::fixture::{Fixture, at, id, task};

fn project() -> ProjectRecord {
    ProjectRecord {
        id: id(),
        number: 1,
        name: "Ledger".into(),
        repository_url: "/srv/ledger".into(),
        state: ProjectState::Preparing,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        doc: json!({ "tech_stack": ["python"] }),
    }
}

fn agent() -> AgentRecord {
    AgentRecord {
        id: id(),
        number: 1,
        name: "Backend 1".into(),
        kind: AgentKind::Developer,
        specialization: "backend".into(),
        state: AgentState::Idle,
        last_active: at(1),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        doc: json!({ "capabilities": ["testing"] }),
    }
}

fn user() -> UserRecord {
    UserRecord {
        id: id(),
        email: "ada@example.org".into(),
        name: "Ada".into(),
        password_hash: None,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        doc: json!({}),
    }
}

fn credential(digest: u8) -> CredentialRecord {
    CredentialRecord {
        digest: [digest; 32],
        id: id(),
        kind: "pat".into(),
        name: "build".into(),
        user: None,
        role: Some("ci".into()),
        project: None,
        created_at: at(1),
        expires_at: Some(at(9)),
        last_used_at: None,
        ended_at: None,
        doc: json!({}),
    }
}

#[test]
fn a_project_comes_back_as_it_was_saved_and_counts_its_changes() {
    let f = Fixture::new();
    let mut project = project();
    let first = project.clone();
    f.write(move |tx| tx.insert_project(&first)).expect("a new project");
    assert_eq!(f.read(|tx| tx.project(project.id)).expect("a look"), Some(project.clone()));
    (project.state, project.version, project.updated_at) = (ProjectState::Active, 2, at(2));
    let saved = project.clone();
    f.write(move |tx| tx.save_project(&saved)).expect("a known project");
    assert_eq!(f.read(|tx| tx.projects(Page::newest(9))).expect("a look"), [project]);
    assert_eq!(f.read(|tx| tx.count_projects()).expect("a look"), 1);
}

#[test]
fn pages_go_on_where_the_last_one_ended_while_rows_come() {
    let f = Fixture::new();
    let add = |f: &Fixture| {
        f.write(|tx| tx.insert_project(&ProjectRecord { id: id(), ..project() })).expect("a new project");
    };
    (0..5).for_each(|_| add(&f));
    let page = Page::newest(2);
    let numbers = |page| {
        let found = f.read(|tx| tx.projects(page)).expect("a look");
        found.iter().map(|p| p.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(page), [5, 4]);
    add(&f);
    assert_eq!(numbers(page.behind(4)), [3, 2]);
    assert_eq!(numbers(Page::Oldest { after: Some(4), limit: 9 }), [5, 6]);
}

#[test]
fn tasks_are_found_by_project_by_wish_and_by_what_they_wait_for() {
    let f = Fixture::new();
    let (project, other): (ProjectId, ProjectId) = (id(), id());
    let make = |project: ProjectId, priority: i64, wanted: bool| {
        let task = TaskRecord {
            project: Some(project),
            priority,
            title: Some("Mend it".into()),
            wanted_at: wanted.then(|| at(3)),
            due_at: Some(at(8)),
            ..task()
        };
        let added = task.clone();
        f.write(move |tx| tx.insert_task(&added)).expect("a new task");
        task.id
    };
    let (low, high, held) = (make(project, 0, true), make(project, 3, true), make(other, 1, false));
    let ids = |tasks: Vec<TaskRecord>| tasks.iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(ids(f.read(|tx| tx.tasks(Some(project), Page::newest(9))).expect("a look")), [high, low]);
    assert_eq!(ids(f.read(|tx| tx.wanted_tasks(9)).expect("a look")), [high, low]);
    f.write(move |tx| tx.set_dependencies(low, &[high, held])).expect("known tasks");
    f.write(move |tx| tx.set_dependencies(low, &[held])).expect("known tasks");
    assert_eq!(f.read(|tx| tx.dependencies(low)).expect("a look"), [(held, TaskState::Submitted)]);
    assert_eq!(f.read(|tx| tx.count_tasks(project)).expect("a look"), [(TaskState::Submitted, 2)]);
    let dangling = f.write(move |tx| tx.set_dependencies(low, &[id()]));
    assert!(matches!(dangling, Err(StoreError::DanglingReference { .. })), "{dangling:?}");
}

#[test]
fn runs_and_pull_requests_are_found_by_project() {
    let f = Fixture::new();
    let (run, _) = f.held_run();
    let project: ProjectId = id();
    f.write(move |tx| {
        let task = tx.run(run)?.map(|r| r.task);
        let mut task = tx.task(task.expect("it has one"))?.expect("it is there");
        task.project = Some(project);
        tx.save_task(&task)
    })
    .expect("a known task");
    let of = |project| f.read(|tx| tx.runs_before(project, None, 9)).expect("a look").len();
    assert_eq!((of(Some(project)), of(Some(id())), of(None)), (1, 0, 1));
    assert_eq!(f.read(|tx| tx.pull_requests_before(Some(project), None, 9)).expect("a look"), []);
    assert_eq!(f.read(|tx| tx.standing_runs(9)).expect("a look").len(), 1);
    let artifact = CodeArtifactRecord {
        id: id(),
        number: 1,
        project,
        run,
        file_path: "src/ledger.py".into(),
        language: "python".into(),
        generated_by: "developer".into(),
        content: None,
        quality_score: Some(870),
        test_coverage: None,
        documentation_score: Some(500),
        created_at: at(2),
    };
    let (first, again) =
        (artifact.clone(), CodeArtifactRecord { quality_score: Some(900), ..artifact.clone() });
    f.write(move |tx| {
        tx.put_code_artifact(&first)?;
        tx.put_code_artifact(&again)
    })
    .expect("the run is there");
    let found = f.read(|tx| tx.code_artifacts(Some(project), None, 9)).expect("a look");
    assert_eq!(found, [CodeArtifactRecord { quality_score: Some(900), ..artifact }]);
}

#[test]
fn agents_have_names_of_their_own_and_a_beat_is_no_change() {
    let f = Fixture::new();
    let agent = agent();
    let (first, twin) = (agent.clone(), AgentRecord { id: id(), ..agent.clone() });
    f.write(move |tx| tx.insert_agent(&first)).expect("a new agent");
    let twin = f.write(move |tx| tx.insert_agent(&twin));
    assert!(matches!(twin, Err(StoreError::AlreadyExists { .. })), "{twin:?}");
    let key = agent.id;
    assert!(f.write(move |tx| tx.beat(key, AgentState::Working, at(7))).expect("a write"));
    let beaten = AgentRecord { state: AgentState::Working, last_active: at(7), ..agent.clone() };
    assert_eq!(f.read(|tx| tx.agents(0, 9)).expect("a look"), std::slice::from_ref(&beaten));
    assert_eq!(f.read(|tx| tx.agent_by_name("Backend 1")).expect("a look"), Some(beaten));
}

#[test]
fn accounts_and_members_are_kept_apart() {
    let f = Fixture::new();
    let user = user();
    let who = user.id;
    let organization: TenantId = id();
    let first = user.clone();
    f.store
        .write_blocking(TenantId::INSTALLATION, move |tx| {
            tx.insert_user(&first)?;
            tx.affiliate(who, organization)?;
            tx.link_identity("https://id.example.org", "42", who, at(1))?;
            tx.enter_organization(organization, at(1))
        })
        .expect("a new account");
    let look = |tenant| {
        f.store
            .read_blocking(tenant, |tx| {
                Ok((
                    tx.user_by_email("ada@example.org")?.is_some(),
                    tx.user_of_identity("https://id.example.org", "42")?,
                    tx.affiliations(who)?,
                    tx.directory()?,
                    tx.has_users()?,
                ))
            })
            .expect("a look")
    };
    assert_eq!(look(TenantId::INSTALLATION), (true, Some(who), vec![organization], vec![organization], true));
    assert_eq!(look(organization), (false, None, vec![], vec![], false));

    let member = MemberRecord {
        user: who,
        email: user.email.clone(),
        name: user.name.clone(),
        role: "developer".into(),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
    };
    let first = member.clone();
    f.write(move |tx| tx.insert_member(&first)).expect("a new member");
    assert_eq!(f.read(|tx| tx.members(None, 9)).expect("a look"), [member]);
    assert!(f.write(move |tx| tx.remove_member(who)).expect("a write"));
    assert_eq!(f.read(|tx| tx.member(who)).expect("a look"), None);
}

#[test]
fn a_credential_is_found_by_its_digest_until_it_ends() {
    let f = Fixture::new();
    let new = credential(1);
    let first = new.clone();
    f.write(move |tx| tx.insert_credential(&first)).expect("a new credential");
    let found = f.read(|tx| tx.credential(&[1; 32])).expect("a look").expect("it is there");
    assert_eq!(found, new);
    assert!(found.is_valid(at(8)) && !found.is_valid(at(9)));
    assert_eq!(f.read(|tx| tx.credential(&[2; 32])).expect("a look"), None);
    let key: CredentialId = new.id;
    assert!(f.write(move |tx| tx.end_credential(key, at(5))).expect("a write"));
    assert!(!f.write(move |tx| tx.end_credential(key, at(6))).expect("a write"), "it ends once");
    assert_eq!(f.read(|tx| tx.credentials("pat", 9)).expect("a look"), []);
    assert!(!f.read(|tx| tx.credential(&[1; 32])).expect("a look").expect("it is there").is_valid(at(5)));
    assert_eq!(f.write(|tx| tx.forget_credentials(at(9))).expect("a write"), 1);
}

#[test]
fn policies_receipts_and_reads_come_back() {
    let f = Fixture::new();
    let policy = PolicyRecord {
        id: id(),
        name: "no merges at night".into(),
        text: "forbid(principal, action, resource);".into(),
        enabled: true,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
    };
    let (first, key): (_, PolicyId) = (policy.clone(), policy.id);
    f.write(move |tx| tx.insert_policy(&first)).expect("a new policy");
    assert_eq!(f.read(|tx| tx.policies(9)).expect("a look"), [policy]);
    let receipt = ReceiptRecord {
        number: 1,
        id: id(),
        at: at(2),
        principal: "user_x".into(),
        action: "tasks.create".into(),
        resource: "project_y".into(),
        decision: "deny".into(),
        doc: json!({ "reasons": [] }),
    };
    let first = receipt.clone();
    f.write(move |tx| tx.add_receipt(&first)).expect("a new receipt");
    assert_eq!(f.read(|tx| tx.receipts(None, 9)).expect("a look"), [receipt]);
    let reads = ReadCount { day: 3, principal: "user_x".into(), action: "tasks.read".into(), reads: 2 };
    let twice = reads.clone();
    f.write(move |tx| {
        tx.count_reads(&twice)?;
        tx.count_reads(&twice)
    })
    .expect("a write");
    assert_eq!(f.read(|tx| tx.read_counts(3, 9)).expect("a look"), [ReadCount { reads: 4, ..reads }]);
    assert!(f.write(move |tx| tx.remove_policy(key)).expect("a write"));
}

#[test]
fn an_operation_is_taken_once_and_an_answer_is_kept_once() {
    let f = Fixture::new();
    let operation = OperationRecord {
        id: id(),
        kind: "merge".into(),
        subject: "pr_x".into(),
        state: OperationState::Queued,
        asked_by: "user_x".into(),
        request: json!({ "confirm": "Title" }),
        result: json!(null),
        created_at: at(1),
        updated_at: at(1),
    };
    let (first, key) = (operation.clone(), operation.id);
    f.write(move |tx| tx.insert_operation(&first)).expect("a new operation");
    assert!(f.write(move |tx| tx.take_operation(key, at(2))).expect("a write"));
    assert!(!f.write(move |tx| tx.take_operation(key, at(3))).expect("a write"));
    let done =
        OperationRecord { state: OperationState::Done, result: json!({ "merged": true }), ..operation };
    f.write(move |tx| tx.save_operation(&done)).expect("a known operation");
    assert_eq!(f.read(|tx| tx.open_operations(9)).expect("a look"), []);

    let kept =
        KeptAnswer { request_hash: [1; 32], status: 201, answer: json!({ "id": 1 }), created_at: at(1) };
    let (first, second) = (kept.clone(), KeptAnswer { status: 500, ..kept.clone() });
    f.write(move |tx| {
        tx.remember_answer("user_x", "k", &first)?;
        tx.remember_answer("user_x", "k", &second)
    })
    .expect("a write");
    assert_eq!(f.read(|tx| tx.remembered_answer("user_x", "k")).expect("a look"), Some(kept));
    assert_eq!(f.read(|tx| tx.remembered_answer("user_y", "k")).expect("a look"), None);
    assert_eq!(f.write(|tx| tx.forget_answers(at(2))).expect("a write"), 1);
}

#[test]
fn an_organization_counts_its_changes_and_its_measurements_have_an_age() {
    let f = Fixture::new();
    let mut organization = OrganizationRecord {
        name: "Acme".into(),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        doc: json!({}),
    };
    let first = organization.clone();
    f.write(move |tx| tx.insert_organization(&first)).expect("a new organization");
    (organization.name, organization.version, organization.updated_at) = ("Acme Ltd".into(), 2, at(2));
    let saved = organization.clone();
    f.write(move |tx| tx.save_organization(&saved)).expect("a known organization");
    assert_eq!(f.read(|tx| tx.organization()).expect("a look"), Some(organization));
    f.write(|tx| (1..=4).try_for_each(|n| tx.add_sample("cpu_usage", at(n), n * 1000))).expect("a write");
    assert_eq!(
        f.read(|tx| tx.samples("cpu_usage", at(2), at(4))).expect("a look"),
        [(at(2), 2000), (at(3), 3000)]
    );
    assert_eq!(f.write(|tx| tx.forget_samples(at(3))).expect("a write"), 2);
}

//! Analytics, costs, what waits for people, and vitals on a real store.

use std::collections::BTreeMap;

use app::analytics::{Analytics, FactsAsked, MetricView, dashboard, facts};
use app::costs::{Cost, CostAsked, cost};
use app::list::Paging;
use app::needs::needs_you;
use app::vitals::vitals;
use app::{AppError, Platform};
use auth::Role;
use domain::{AgentId, AgentKind, AgentState, ProjectId, RunState, TaskId, TaskState, TenantId, Timestamp};
use serde_json::{Value, json};
use store::{AgentRecord, PullRequestState, TaskRecord};

use crate::figures_fixture::{
    Fixture, HOUR, Happened, Left, NOON, OURS, before, caller, journal, origin, pull_request_document,
    run_document, ten_bytes,
};

/// Another organization.
fn theirs() -> TenantId {
    TenantId::from_bytes([9; 16])
}

async fn shown(platform: &Platform, tenant: TenantId, frame: &str) -> Analytics {
    let of = caller(tenant, Role::Viewer);
    let shown = dashboard(platform, &of, &origin(), &tenant.to_string(), Some(frame)).await;
    (*shown.expect("the caller's own organization")).clone()
}

fn metrics(analytics: &Analytics) -> BTreeMap<String, MetricView> {
    analytics.panels.iter().flat_map(|p| p.metrics.clone()).map(|m| (m.key.clone(), m)).collect()
}

fn numbers(analytics: &Analytics) -> Vec<(String, Option<f64>, Option<f64>, usize)> {
    let all = analytics.panels.iter().flat_map(|p| &p.metrics);
    all.map(|m| (m.key.clone(), m.value, m.previous, m.facts.count)).collect()
}

fn agent(state: AgentState, n: u8) -> AgentRecord {
    AgentRecord {
        id: AgentId::from_bytes([n; 16]),
        number: 0,
        name: format!("developer {n}"),
        kind: AgentKind::Developer,
        specialization: String::new(),
        state,
        last_active: before(1),
        created_at: before(900),
        updated_at: before(900),
        version: 1,
        doc: json!({}),
    }
}

fn refused() -> Left {
    let mut document = run_document("gates_failed");
    document["gates"][5]["verdict"] = json!("failed");
    Left {
        task_state: TaskState::Failed,
        state: RunState::GatesFailed,
        change: Some((PullRequestState::Draft, json!({"files": [], "gates": []}))),
        document,
        ..Left::ready(2, None)
    }
}

fn fill(f: &Fixture) {
    let project = f.project(OURS, "Invoices");
    f.write(OURS, move |tx| {
        let ready = Left::ready(1, Some(project));
        ready.put(tx)?;
        refused().put(tx)?;
        let merged = (PullRequestState::Merged, pull_request_document());
        Left { kind: "feature", hours_ago: 30, change: Some(merged), ..ready.clone() }.put(tx)?;
        Left { hours_ago: 2_000, ..ready }.put(tx)?;
        tx.insert_agent(&agent(AgentState::Working, 1))?;
        tx.insert_agent(&agent(AgentState::Retired, 2))
    });
    f.write(TenantId::INSTALLATION, |tx| {
        for (hours, value) in [(1, 40_000), (2, 20_000), (30, 10_000)] {
            tx.add_sample("cpu_usage", before(hours), value)?;
            tx.add_sample("storage_usage", before(hours), value)?;
        }
        Ok(())
    });
}

#[tokio::test]
async fn a_dashboard_says_what_the_rows_say() {
    let f = Fixture::new();
    fill(&f);
    let day = shown(&f.platform, OURS, "24h").await;
    let want = [
        ("active_agents", Some(1.0), Some(0.0), 1),
        ("tasks_completed_today", Some(1.0), Some(1.0), 1),
        ("average_response_time", Some(4.0), Some(4.0), 2),
        ("success_rate", Some(50.0), Some(100.0), 2),
        ("commits_per_day", Some(2.0), Some(1.0), 2),
        ("pull_requests_created", Some(2.0), Some(1.0), 2),
        ("bugs_fixed", Some(1.0), Some(0.0), 1),
        ("features_delivered", Some(0.0), Some(1.0), 0),
        ("code_quality_score", None, None, 0),
        ("test_coverage", Some(90.0), Some(90.0), 1),
        ("technical_debt_ratio", Some(0.0), Some(0.0), 1),
        ("security_score", Some(50.0), Some(100.0), 2),
        ("cpu_usage", Some(30.0), Some(10.0), 2),
        ("memory_usage", None, None, 0),
        ("gpu_utilization", None, None, 0),
        ("storage_usage", Some(40.0), Some(10.0), 1),
    ];
    let want: Vec<_> = want.map(|(key, value, previous, n)| (key.to_owned(), value, previous, n)).into();
    assert_eq!(numbers(&day), want);
    let month = metrics(&shown(&f.platform, OURS, "30d").await);
    assert_eq!(
        (month["features_delivered"].value, month["features_delivered"].series.len()),
        (Some(1.0), 31)
    );
    assert_eq!(month["bugs_fixed"].note.as_deref(), Some("0 merged or applied, 1 waiting for a review"));
}

#[tokio::test]
async fn every_number_opens_what_it_was_computed_from() {
    let f = Fixture::new();
    fill(&f);
    let viewer = caller(OURS, Role::Viewer);
    for frame in ["24h", "7d", "30d", "90d"] {
        let analytics = shown(&f.platform, OURS, frame).await;
        for metric in analytics.panels.iter().flat_map(|p| &p.metrics) {
            let query =
                metric.facts.query.strip_prefix(&format!("/api/v1/analytics/dashboard/{OURS}/facts?"));
            let asked: BTreeMap<_, _> =
                query.expect("it is ours").split('&').filter_map(|p| p.split_once('=')).collect();
            let asked = FactsAsked {
                metric: asked["metric"].to_owned(),
                timeframe: Some(asked["timeframe"].to_owned()),
                until: Some(asked["until"].to_owned()),
            };
            let (mut lines, mut paging) = (Vec::new(), Paging { limit: Some(1), ..Paging::default() });
            loop {
                let page = facts(&f.platform, &viewer, &origin(), &OURS.to_string(), &asked, &paging).await;
                let page = page.expect("the caller's own facts");
                lines.extend(page.items);
                let Some(cursor) = page.next_cursor else { break };
                paging.cursor = Some(cursor);
            }
            assert_eq!(lines.len(), metric.facts.count, "{frame} {}", metric.key);
            assert!(lines.iter().all(|l| l.kind == "samples" || l.title.is_some()), "{lines:?}");
            if metric.key == "pull_requests_created" {
                assert_eq!(lines.iter().map(|l| l.part as f64).sum::<f64>(), metric.value.expect("a count"));
            }
        }
    }
}

#[tokio::test]
async fn another_organization_is_not_there_and_has_no_part_in_a_number() {
    let f = Fixture::new();
    fill(&f);
    let empty = shown(&f.platform, theirs(), "90d").await;
    for metric in metrics(&empty).into_values().filter(|m| !m.key.ends_with("usage")) {
        assert_eq!((metric.value, metric.facts.count, metric.note.is_some()), (None, 0, true), "{metric:?}");
    }
    let ours = numbers(&shown(&f.platform, OURS, "24h").await);
    let project = f.project(theirs(), "Theirs");
    f.write(theirs(), move |tx| Left::ready(1, Some(project)).put(tx).map(drop));
    let again = Fixture::new();
    fill(&again);
    assert_eq!(numbers(&shown(&again.platform, OURS, "24h").await), ours);
    assert_eq!(metrics(&shown(&f.platform, theirs(), "24h").await)["bugs_fixed"].value, Some(1.0));

    let stranger = caller(theirs(), Role::Owner);
    for customer in [OURS.to_string(), "tenant_nothing".to_owned(), String::new()] {
        let looked = dashboard(&f.platform, &stranger, &origin(), &customer, None).await;
        assert!(matches!(looked, Err(AppError::NotFound { .. })), "{customer}: {looked:?}");
    }
    let agent = caller(OURS, Role::Agent);
    let spent = cost(
        &f.platform,
        &stranger,
        &origin(),
        CostAsked { project: Some(f.project(OURS, "Secret")), ..CostAsked::default() },
    )
    .await;
    assert!(matches!(spent, Err(AppError::NotFound { .. })), "{spent:?}");
    let bad = dashboard(&f.platform, &agent, &origin(), &OURS.to_string(), Some("1y")).await;
    assert!(matches!(bad, Err(AppError::Invalid(_))), "{bad:?}");
}

#[tokio::test]
async fn what_is_committed_shows_at_once() {
    let f = Fixture::new();
    f.write(OURS, |tx| Left::ready(1, None).put(tx).map(drop));
    let before_it = shown(&f.platform, OURS, "24h").await;
    f.set(NOON + HOUR / 60);
    assert_eq!(
        shown(&f.platform, OURS, "24h").await.to,
        before_it.to,
        "nothing was committed: it is given again"
    );
    f.write(OURS, |tx| {
        Left { hours_ago: 0, ..Left::ready(1, None) }.put(tx)?;
        let event = store::NewEvent {
            id: domain::EventId::new(before(0), ten_bytes()),
            kind: "dev.aamas.run.ended".to_owned(),
            subject: "run".to_owned(),
            data: json!({}),
            at: before(0),
        };
        tx.append_event(&event)
    });
    let after_it = shown(&f.platform, OURS, "24h").await;
    let commits = |a: &Analytics| metrics(a)["commits_per_day"].value;
    assert_eq!((commits(&before_it), commits(&after_it)), (Some(1.0), Some(2.0)));
}

fn usage(input: u64, output: u64) -> Value {
    json!({"input_tokens": input, "cached_tokens": 1, "cache_write_tokens": 0, "output_tokens": output, "reasoning_tokens": 0})
}

fn answered(branch: u32, hours_ago: i64, cost: Option<i64>) -> Happened {
    let entry = json!({"entry": "model_answered", "turn": 1, "blocks": [{"type": "text", "text": "x"}], "usage": usage(100, 10), "wasted": usage(5, 0), "cost": cost, "model": "claude", "wall_ms": 1});
    Happened { branch, at: before(hours_ago), entry, spent: Some((cost, 105)) }
}

fn plain(branch: u32, entry: Value) -> Happened {
    Happened { branch, at: before(80), entry, spent: None }
}

fn created(origin: Value) -> Happened {
    plain(
        0,
        json!({"entry": "created", "settings": {"model": "m/main", "role": "developer", "origin": origin, "task": "t"}}),
    )
}

fn begun(branch: u32, role: &str, model: &str) -> Happened {
    plain(
        branch,
        json!({"entry": "begun", "attempt": branch, "seat": "builder", "step": "s", "number": 1, "role": role, "model": model, "tree": "", "why": ""}),
    )
}

/// A run of two agents over two days, one of which falls back, and a fork of it.
fn spend(f: &Fixture) -> (ProjectId, TaskId) {
    let project = f.project(OURS, "Invoices");
    let task = f.write(OURS, move |tx| {
        let (task, run) = Left::ready(1, Some(project)).put(tx)?;
        let shared = || {
            vec![
                created(json!(null)),
                begun(1, "planner", "m/big"),
                answered(1, 40, Some(2_000_000_000)),
                begun(2, "developer", "m/small"),
                answered(2, 3, Some(500_000_000)),
            ]
        };
        let mut first = shared();
        first.push(plain(2, json!({"entry": "fell_back", "from": "m/small", "to": "m/big", "reason": "down"})));
        first.push(answered(2, 2, Some(250_000_000)));
        let failed = json!({"entry": "model_failed", "turn": 2, "error": {"code": "c", "message": "m", "hint": "h"}, "wasted": {}, "cost": 0});
        first.push(plain(2, failed));
        journal(tx, run, &first)?;
        let (_, fork) = Left::ready(1, None).put(tx)?;
        let mut second = shared();
        second[0] = created(json!({"forked": {"run": run, "seq": 5}}));
        second.iter_mut().for_each(|h| h.spent = None);
        second.push(Happened { at: before(1), ..answered(2, 1, None) });
        journal(tx, fork, &second)?;
        Ok(task)
    });
    (project, task)
}

fn lines(of: &[app::costs::CostLine]) -> Vec<(&str, Option<f64>, f64, u64, u64)> {
    of.iter().map(|l| (l.label.as_str(), l.cost_usd, l.known_cost_usd, l.calls, l.runs)).collect()
}

async fn spent(f: &Fixture, asked: CostAsked) -> Cost {
    cost(&f.platform, &caller(OURS, Role::Viewer), &origin(), asked).await.expect("a viewer reads costs")
}

#[tokio::test]
async fn costs_are_those_of_the_journals() {
    let f = Fixture::new();
    let (project, task) = spend(&f);
    let all = spent(&f, CostAsked::default()).await;
    assert_eq!((all.total_usd, all.known_usd, all.calls, all.runs), (None, 2.75, 4, 2));
    assert_eq!((all.unpriced_runs, all.unread_runs, all.input_tokens, all.cached_tokens), (1, 0, 420, 8));
    assert_eq!(lines(&all.by_model), [("m/big", Some(2.25), 2.25, 2, 1), ("m/small", None, 0.5, 2, 2)]);
    assert_eq!(lines(&all.by_role), [("planner", Some(2.0), 2.0, 1, 1), ("developer", None, 0.75, 3, 2)]);
    assert_eq!(
        lines(&all.by_project),
        [("Invoices", Some(2.75), 2.75, 3, 1), ("Command line", None, 0.0, 1, 1)]
    );
    let days: Vec<_> = all.by_day.iter().map(|d| (d.day.as_str(), d.cost_usd, d.calls)).collect();
    assert_eq!(days, [("2024-10-04", None, 3), ("2024-10-02", Some(2.0), 1)]);
    assert_eq!(all.by_task[0].key, task.to_string());
    assert_eq!(lines(&all.by_task)[0].0, "Round half up in invoices");
    let forecast = (&all.cost_forecast, &all.effort_forecast);
    assert_eq!((forecast.0.runs, forecast.0.within, forecast.1.runs, forecast.1.within), (2, 2, 2, 0));

    let today = spent(&f, CostAsked { since: Some("2024-10-04".to_owned()), ..CostAsked::default() }).await;
    assert_eq!(
        (today.known_usd, today.calls, today.since.as_str()),
        (0.75, 3, "2024-10-04T00:00:00.000000Z")
    );
    let asked = CostAsked { project: Some(project), group: Some("role".to_owned()), ..CostAsked::default() };
    let ours = spent(&f, asked).await;
    assert_eq!((ours.total_usd, ours.runs, ours.by_role.len(), ours.by_model.len()), (Some(2.75), 1, 2, 0));
}

#[tokio::test]
async fn a_call_that_came_since_is_in_the_next_answer() {
    let f = Fixture::new();
    let run = f.write(OURS, |tx| {
        let (_, run) = Left::ready(1, None).put(tx)?;
        journal(tx, run, &[created(json!(null)), answered(1, 2, Some(1_000_000_000))])?;
        Ok(run)
    });
    assert_eq!(spent(&f, CostAsked::default()).await.total_usd, Some(1.0));
    f.write(OURS, move |tx| journal(tx, run, &[answered(1, 1, Some(1_000_000_000))]));
    assert_eq!(spent(&f, CostAsked::default()).await.total_usd, Some(2.0));
}

/// A journal that this version can't read is not guessed at: its run counts as a whole, and says so.
#[tokio::test]
async fn a_journal_that_cannot_be_read_is_in_the_total_alone() {
    let f = Fixture::new();
    f.write(OURS, |tx| {
        let (_, run) = Left::ready(1, None).put(tx)?;
        let odd = json!({"entry": "begun", "of": "a later version"});
        journal(tx, run, &[created(json!(null)), plain(1, odd), answered(1, 2, Some(1_000_000_000))])?;
        let (_, run) = Left::ready(1, None).put(tx)?;
        journal(tx, run, &[created(json!(null)), answered(0, 2, Some(500_000_000))])
    });
    let all = spent(&f, CostAsked::default()).await;
    assert_eq!((all.total_usd, all.runs, all.unread_runs), (Some(1.5), 2, 1));
    assert_eq!(lines(&all.by_model), [("m/main", Some(0.5), 0.5, 1, 1)]);
    assert_eq!(all.by_run.iter().map(|l| l.known_cost_usd).collect::<Vec<_>>(), [1.0, 0.5]);
}

#[tokio::test]
async fn what_was_asked_wrongly_is_refused() {
    let f = Fixture::new();
    let cases = [
        CostAsked { since: Some("yesterday".to_owned()), ..CostAsked::default() },
        CostAsked { since: Some("2024-13-01".to_owned()), ..CostAsked::default() },
        CostAsked { group: Some("colour".to_owned()), ..CostAsked::default() },
    ];
    for asked in cases {
        let refused = cost(&f.platform, &caller(OURS, Role::Owner), &origin(), asked.clone()).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{asked:?}");
    }
}

#[tokio::test]
async fn people_see_what_waits_for_them() {
    let f = Fixture::new();
    let project = f.project(OURS, "Invoices");
    f.write(OURS, move |tx| {
        let waits = |hours_ago, code, message| Left {
            task_state: TaskState::InputRequired,
            state: RunState::NeedsInput,
            change: None,
            error: Some((code, message)),
            ..Left::ready(hours_ago, Some(project))
        };
        waits(1, "question", "Which rounding?").put(tx)?;
        waits(2, "plan_approval_required", "the plan waits").put(tx)?;
        waits(3, "approval_required", "it touches CI").put(tx)?;
        waits(4, "offline_needs_more", "it can't").put(tx)?;
        Left::ready(5, Some(project)).put(tx)?;
        let failed = |hours_ago| Left {
            task_state: TaskState::Failed,
            state: RunState::Failed,
            change: None,
            error: Some(("model_down", "it was down")),
            ..Left::ready(hours_ago, Some(project))
        };
        failed(6).put(tx)?;
        failed(24 * 8).put(tx)?;
        let merged = Some((PullRequestState::Merged, json!({})));
        Left { change: merged, ..Left::ready(7, Some(project)) }.put(tx)?;
        let working = Left { task_state: TaskState::Working, ..Left::ready(8, Some(project)) };
        working.put(tx)?;
        for (hours, held) in [(9, false), (10, true)] {
            tx.insert_task(&TaskRecord {
                project: Some(project),
                doc: json!({"assignment": {"reason": "nobody fits: no Go"}, "held": held}).into(),
                ..TaskRecord::new(TaskId::new(before(hours), ten_bytes()), "Write Go", before(hours))
            })?;
        }
        Ok(())
    });
    let needs = needs_you(&f.platform, &caller(OURS, Role::Viewer), &origin(), None).await.expect("a viewer");
    let seen: Vec<_> =
        needs.iter().map(|n| (n.kind.as_str(), n.detail.as_deref(), hours_since(n.since))).collect();
    let want = [
        ("question", Some("Which rounding?"), 1),
        ("plan", Some("the plan waits"), 2),
        ("approval", Some("it touches CI"), 3),
        ("input", Some("it can't"), 4),
        ("review", None, 5),
        ("failed", Some("it was down"), 6),
        ("unassigned", Some("nobody fits: no Go"), 9),
    ];
    assert_eq!(seen, want);
    assert!(needs.iter().all(|n| n.project_id == Some(project)));
    let other = Some(f.project(OURS, "Another"));
    let none = needs_you(&f.platform, &caller(OURS, Role::Viewer), &origin(), other).await.expect("a viewer");
    assert_eq!(none, []);
    let stranger = caller(theirs(), Role::Owner);
    assert_eq!(needs_you(&f.platform, &stranger, &origin(), None).await.expect("their own"), []);
}

fn hours_since(at: Timestamp) -> i64 {
    (NOON - at.as_micros()) / HOUR
}

#[tokio::test]
async fn vitals_are_of_all_organizations() {
    let f = Fixture::new();
    fill(&f);
    f.write(TenantId::INSTALLATION, |tx| tx.enter_organization(theirs(), before(9)));
    f.write(theirs(), |tx| {
        Left::ready(1, None).put(tx)?;
        let wanted = TaskRecord::new(TaskId::new(before(1), ten_bytes()), "Wait", before(1));
        tx.insert_task(&TaskRecord { wanted_at: Some(before(2)), ..wanted })
    });
    let vitals = vitals(&f.platform).await.expect("a look");
    let runs: Vec<_> = vitals.runs.iter().filter(|(_, n)| *n > 0).copied().collect();
    assert_eq!(runs, [(RunState::Ready, 4), (RunState::GatesFailed, 1)]);
    assert_eq!((vitals.runs.len(), vitals.agents.len()), (RunState::ALL.len(), AgentState::ALL.len()));
    let gauges = vitals.gauges();
    assert_eq!(gauges.len(), RunState::ALL.len() + AgentState::ALL.len() + 3);
    assert_eq!(gauges.iter().map(|g| g.value).sum::<u64>(), 5 + 2 + 2 + 1 + 7_200);
    assert_eq!((vitals.organizations, vitals.tasks_queued, vitals.oldest_wait_s), (2, 1, 7_200));
}

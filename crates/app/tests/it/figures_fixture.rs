//! A store with organizations, and runs as engines leave them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use app::office::Origin;
use app::records::{TaskDoc, to_doc};
use app::{Desk, Platform, Settings};
use auth::{Caller, Principal, Role};
use domain::{
    Clock, NanoUsd, ProjectId, PullRequestId, RunError, RunId, RunState, TaskId, TaskState, TenantId,
    Timestamp, Usage,
};
use serde_json::{Value, json};
use store::{
    Fence, NewEntry, OpenOptions, Owner, ProjectRecord, PullRequestRecord, PullRequestState, RunRecord,
    Spend, Store, StoreError, TaskRecord, TenantTx,
};
use tempfile::TempDir;

pub(crate) const OURS: TenantId = TenantId::LOCAL;
pub(crate) const HOUR: i64 = 3_600_000_000;

/// Noon of a day.
pub(crate) const NOON: i64 = (24 * 20_000 + 12) * HOUR;

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct Fixture {
    pub(crate) platform: Platform,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    _dir: TempDir,
}

fn count() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn ten_bytes() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&count().to_be_bytes());
    bytes
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
        let clock = Arc::new(ManualClock(AtomicI64::new(NOON)));
        let desk = Desk { store: store.clone(), tenant: OURS, clock: clock.clone(), random: ten_bytes };
        let platform = Platform::new(&desk, || [7; 32], Settings::default());
        Self { platform, store, clock, _dir: dir }
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce(&mut TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.write_blocking(tenant, work).expect("a good write")
    }

    pub(crate) fn set(&self, micros: i64) {
        self.clock.0.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn project(&self, tenant: TenantId, name: &str) -> ProjectId {
        let id = ProjectId::new(before(0), ten_bytes());
        let record = ProjectRecord {
            id,
            number: 0,
            name: name.to_owned(),
            repository_url: "/repo".to_owned(),
            state: domain::ProjectState::Active,
            created_at: before(2_000),
            updated_at: before(2_000),
            version: 1,
            doc: json!({}),
        };
        self.write(tenant, move |tx| tx.insert_project(&record));
        id
    }
}

/// So many hours before noon.
pub(crate) fn before(hours: i64) -> Timestamp {
    Timestamp::from_micros(NOON - hours * HOUR)
}

pub(crate) fn caller(tenant: TenantId, role: Role) -> Caller {
    Caller {
        tenant,
        principal: Principal::User {
            id: "user_1".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
        },
        role,
        project_scope: None,
        mfa: true,
        session: None,
        token: None,
    }
}

pub(crate) fn origin() -> Origin {
    Origin::default()
}

/// A run as an engine leaves it, with its task and, if it has one, its pull request.
#[derive(Clone)]
pub(crate) struct Left {
    pub(crate) kind: &'static str,
    pub(crate) task_state: TaskState,
    pub(crate) state: RunState,
    pub(crate) hours_ago: i64,
    pub(crate) project: Option<ProjectId>,
    pub(crate) document: Value,
    pub(crate) change: Option<(PullRequestState, Value)>,
    pub(crate) error: Option<(&'static str, &'static str)>,
}

impl Left {
    /// A ready fix whose pull request waits.
    pub(crate) fn ready(hours_ago: i64, project: Option<ProjectId>) -> Self {
        Self {
            kind: "fix",
            task_state: TaskState::Completed,
            state: RunState::Ready,
            hours_ago,
            project,
            document: run_document("ready"),
            change: Some((PullRequestState::Open, pull_request_document())),
            error: None,
        }
    }

    pub(crate) fn put(&self, tx: &mut TenantTx<'_>) -> Result<(TaskId, RunId), StoreError> {
        let at = before(self.hours_ago);
        let began = Timestamp::from_micros(at.as_micros() - HOUR / 4);
        let (task_id, run_id) = (TaskId::new(began, ten_bytes()), RunId::new(began, ten_bytes()));
        let doc = TaskDoc {
            run: Some(run_id),
            error: self.error.map(|(code, message)| RunError::new(code, message, "do it")),
            ..TaskDoc::default()
        };
        let task = TaskRecord {
            kind: self.kind.to_owned(),
            state: self.task_state,
            project: self.project,
            updated_at: at,
            doc: to_doc(&doc).into(),
            ..TaskRecord::new(task_id, "Round half up in invoices", began)
        };
        let run = RunRecord {
            state: self.state,
            updated_at: at,
            document: Some(self.document.clone()),
            ..RunRecord::queued(run_id, task_id, Path::new("/repo"), "offline", began)
        };
        tx.insert_task(&task)?;
        tx.insert_run(&run)?;
        if let Some((state, doc)) = &self.change {
            tx.insert_pull_request(&PullRequestRecord {
                id: PullRequestId::new(at, ten_bytes()),
                run: run_id,
                forge_number: None,
                title: "Round half up".to_owned(),
                state: *state,
                created_at: at,
                updated_at: at,
                doc: doc.clone(),
            })?;
        }
        Ok((task_id, run_id))
    }
}

/// As `engine::document` writes one.
pub(crate) fn run_document(status: &str) -> Value {
    let gates = ["tests", "build", "lint", "format", "tests_kept", "secrets", "diff"];
    let gates: Vec<_> = gates
        .iter()
        .map(|name| json!({"name": name, "verdict": "passed", "summary": "as it should be, with a line of words"}))
        .collect();
    json!({
        "run_id": "run_00000000000000000000000000", "task_id": "task_00000000000000000000000000", "status": status,
        "model": "offline", "branch": "aamas/fix", "base_commit": "1".repeat(40), "head_commit": "2".repeat(40),
        "pull_request": {"id": "pr_00000000000000000000000000", "title": "Round half up", "url": "file:///reports/run.html"},
        "gates": gates, "usage": {"input_tokens": 9_000, "cached_tokens": 10, "output_tokens": 800, "cost_usd": 0.4},
        "turns": 5, "duration_ms": 20_000, "sandbox": "S3", "report": "/reports/run.md", "error": null,
        "plan": {
            "summary": "words ".repeat(60), "title": "Round half up", "steps": [], "effort": 0.4, "risks": [],
            "analysis": {"kind": "fix", "effort": 0.5, "effort_low": 0.2, "effort_high": 1.0, "capabilities": [], "risk": "low", "reasons": []},
            "cost_usd": {"low": 0.1, "middle": 0.3, "high": 0.5}, "actual_cost_usd": 0.4, "actual_effort_hours": 2.0,
        },
        "attempts": [{"attempt": 1, "seat": "builder", "step": "build", "role": "developer", "model": "offline", "turns": 5, "state": "done"}],
    })
}

/// As `engine::deliver` writes one.
pub(crate) fn pull_request_document() -> Value {
    json!({
        "description": "words ".repeat(300),
        "files": [{"path": "src/invoice.py", "status": "modified", "added": 15, "removed": 5},
                  {"path": "logo.png", "status": "added", "added": null, "removed": null}],
        "gates": [
            {"name": "tests", "verdict": "passed", "summary": "212 of 212",
             "evidence": {"commands": ["pytest -q"], "changed_lines": {"covered": 9, "executable": 10, "ratio": 0.9,
                          "files": [{"path": "src/invoice.py", "covered": 9, "executable": 10, "uncovered": [40]}]}}},
            {"name": "lint", "verdict": "passed", "summary": "ruff", "evidence": {"commands": [{"name": "ruff", "findings": 0}], "new": []}},
            {"name": "secrets", "verdict": "passed", "summary": "none in 2 changed files", "evidence": {"findings": []}},
        ],
    })
}

/// A process that holds leases.
fn owner() -> Owner {
    let word = || "here".to_owned();
    Owner { host: word(), boot_id: word(), pid_namespace: word(), pid: 1, started_ticks: 1 }
}

/// What happened in a run, with what it was billed.
pub(crate) struct Happened {
    pub(crate) branch: u32,
    pub(crate) at: Timestamp,
    pub(crate) entry: Value,
    pub(crate) spent: Option<(Option<i64>, u64)>,
}

/// Puts entries into a run's journal, and what they cost into its budget.
pub(crate) fn journal(tx: &mut TenantTx<'_>, run: RunId, all: &[Happened]) -> Result<(), StoreError> {
    let at = before(0);
    let lease = tx.acquire_lease(run, &owner(), at, Duration::from_secs(9), |_| true)?;
    let fence: Fence = lease.fence;
    for one in all {
        let entry = NewEntry {
            branch: one.branch,
            at: one.at,
            kind: one.entry["entry"].as_str().unwrap_or_default().to_owned(),
            taint: domain::Taint::Trusted,
            data_key: None,
            body: one.entry.to_string().into_bytes(),
            raw: None,
        };
        tx.append(run, fence, &[entry])?;
        if let Some((cost, input_tokens)) = one.spent {
            let usage = Usage { input_tokens, ..Usage::default() };
            tx.spend(run, fence, &Spend { cost: cost.map(NanoUsd), usage, reserved: NanoUsd::ZERO })?;
        }
    }
    Ok(())
}

//! What all runs of a measurement share: the store, the model, and what a run is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use app::{Claim, Desk, NewRun};
use domain::{Clock, RunLimits, RunSettings, TenantId, Timestamp};
use models::{Environment, Limits, Model, ModelSpec, Options, ProviderLimits, Rim};
use serde_json::{Value, json};
use store::{OpenOptions, Store};
use tokio::task::JoinSet;

use super::hold::Hold;
use super::journal;

/// Threads that create runs side by side: as many as one commit of the store takes.
const CREATORS: usize = 64;

const TASK: &str = "Correct the area of a rectangle.";

/// The system's clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the rim of a benchmark")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// What all runs share. Clones share it too.
#[derive(Clone)]
pub(super) struct House {
    pub(super) desk: Desk,
    pub(super) model: Model,
    /// Where runs stop until they were measured.
    pub(super) hold: Option<Arc<Hold>>,
    settings: Arc<RunSettings>,
}

impl House {
    /// A new store in `dir`, and a model whose answers are `turns`.
    pub(super) fn scripted(dir: &Path, turns: &[Value]) -> Result<Self> {
        let file = dir.join("script.json");
        std::fs::write(&file, json!({ "roles": { "builder": turns } }).to_string())?;
        Self::open(dir, ModelSpec::Script(file), Environment::default(), Limits::default())
    }

    /// A new store in `dir`, and a model behind `base_url` that takes `calls` at once.
    pub(super) fn over_http(dir: &Path, base_url: &str, calls: usize) -> Result<Self> {
        let environment =
            Environment { openai_base_url: Some(base_url.to_owned()), ..Environment::default() };
        let limits = ProviderLimits { concurrent: Some(u32::try_from(calls)?), ..ProviderLimits::default() };
        let limits = Limits::new(BTreeMap::from([("openai-chat".to_owned(), limits)]));
        Self::open(dir, ModelSpec::parse("openai-chat/slow")?, environment, limits)
    }

    fn open(dir: &Path, spec: ModelSpec, environment: Environment, limits: Limits) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let rim = Rim::new(clock.clone(), || u64::from_le_bytes(random()));
        let model = Model::open(&spec, &environment, Options { limits, ..Options::new(rim) })?;
        let store = Store::open(&dir.join("data"), OpenOptions::default())?;
        let desk = Desk { store, tenant: TenantId::LOCAL, clock, random };
        Ok(Self { desk, model, hold: None, settings: Arc::new(settings(&spec.to_string())) })
    }

    /// Makes so many runs durable, side by side.
    pub(super) async fn create(&self, count: usize) -> Result<Vec<Claim>> {
        let mut creators = JoinSet::new();
        for place in 0..CREATORS.min(count) {
            let (desk, settings) = (self.desk.clone(), self.settings.clone());
            let share = count / CREATORS + usize::from(place < count % CREATORS);
            creators.spawn_blocking(move || {
                let new = || NewRun {
                    task: app::TaskOf::New,
                    settings: (*settings).clone(),
                    kind: "fix".to_owned(),
                    past: Vec::new(),
                    kept: Vec::new(),
                };
                (0..share).map(|_| app::create_run(&desk, new())).collect::<Result<Vec<_>, _>>()
            });
        }
        let mut claims = Vec::with_capacity(count);
        while let Some(created) = creators.join_next().await {
            claims.extend(created.context("a thread that creates runs")??);
        }
        anyhow::ensure!(claims.len() == count, "{} runs were created, not {count}", claims.len());
        journal::count_commits(count);
        Ok(claims)
    }

    /// What a run is asked.
    pub(super) fn settings(&self) -> &RunSettings {
        &self.settings
    }
}

/// A turn that calls the tool that does nothing.
pub(super) fn noop(number: u32) -> Value {
    json!({ "tool_calls": [{ "name": "noop", "arguments": { "n": number } }] })
}

/// A turn that asks a person.
pub(super) fn question() -> Value {
    json!({ "tool_calls": [{ "name": "ask_human", "arguments": { "question": "Which unit?" } }] })
}

/// The last turn.
pub(super) fn finish() -> Value {
    json!({ "tool_calls": [{ "name": "finish", "arguments": { "summary": "Done." } }] })
}

fn settings(model: &str) -> RunSettings {
    RunSettings {
        repo: PathBuf::from("nowhere"),
        task: TASK.to_owned(),
        model: model.to_owned(),
        role: "developer".to_owned(),
        roles: Vec::new(),
        team: Vec::new(),
        parallel: 0,
        plan_only: false,
        plan_approval: false,
        best_of: 0,
        model_given: true,
        routes: BTreeMap::new(),
        role_routes: BTreeMap::new(),
        fallback: Vec::new(),
        origin: None,
        images: Vec::new(),
        base_commit: "0".repeat(40),
        base_head: "0".repeat(40),
        target: None,
        limits: RunLimits::default(),
        yes: false,
        warnings: Vec::new(),
    }
}

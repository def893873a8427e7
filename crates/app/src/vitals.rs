//! What the whole installation has to do, in a handful of numbers: for the metrics that operators scrape.
//!
//! Labels are words of state machines only: what is exported does not grow with tenants, projects or runs.

use std::sync::Arc;

use domain::{AgentState, RunState, TenantId, Timestamp};
use store::StoreError;

use crate::Platform;

/// Numbers of all organizations together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Organizations.
    pub organizations: u64,
    /// Runs by state; every state, also those that no run is in.
    pub runs: Vec<(RunState, u64)>,
    /// Agents by state; every state.
    pub agents: Vec<(AgentState, u64)>,
    /// Tasks that wait for an engine.
    pub tasks_queued: u64,
    /// Seconds that the oldest of them has waited; 0 when none waits.
    pub oldest_wait_s: u64,
}

/// A number as operators scrape it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// Its `state` label, where it has one.
    pub state: Option<&'static str>,
    /// The number.
    pub value: u64,
}

impl Vitals {
    /// The numbers as gauges: one for each state of a run and of an agent, and three more. Always the same ones.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let plain = |name, help, value| Gauge { name, help, state: None, value };
        let runs = self.runs.iter().map(|(state, value)| Gauge {
            name: "aamas_runs",
            help: "Runs by state.",
            state: Some(state.as_str()),
            value: *value,
        });
        let agents = self.agents.iter().map(|(state, value)| Gauge {
            name: "aamas_agents",
            help: "Agents by state.",
            state: Some(state.as_str()),
            value: *value,
        });
        let others = [
            plain("aamas_organizations", "Organizations.", self.organizations),
            plain("aamas_tasks_queued", "Tasks that wait for an engine.", self.tasks_queued),
            plain(
                "aamas_oldest_queued_task_seconds",
                "How long the oldest task that waits for an engine has waited.",
                self.oldest_wait_s,
            ),
        ];
        runs.chain(agents).chain(others).collect()
    }
}

/// The numbers, at most five seconds old.
///
/// # Errors
/// Only failures of the storage.
pub async fn vitals(platform: &Platform) -> Result<Arc<Vitals>, StoreError> {
    if let Some(known) = platform.memory().vitals.get(&()) {
        return Ok(known);
    }
    let mut tenants = platform.store().read(TenantId::INSTALLATION, |tx| tx.directory()).await?;
    // The command line's own organization is in no list until somebody signs in.
    if !tenants.contains(&TenantId::LOCAL) {
        tenants.push(TenantId::LOCAL);
    }
    let mut sums = Vitals {
        organizations: tenants.len() as u64,
        runs: RunState::ALL.iter().map(|state| (*state, 0)).collect(),
        agents: AgentState::ALL.iter().map(|state| (*state, 0)).collect(),
        ..Vitals::default()
    };
    let mut oldest: Option<Timestamp> = None;
    for tenant in tenants {
        let (runs, agents, wanted) = platform
            .store()
            .read(tenant, |tx| Ok((tx.count_runs()?, tx.count_agents()?, tx.count_wanted()?)))
            .await?;
        add(&mut sums.runs, &runs);
        add(&mut sums.agents, &agents);
        sums.tasks_queued += wanted.0;
        oldest = match (oldest, wanted.1) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    sums.oldest_wait_s = oldest.map_or(0, |at| platform.now().since(at).as_secs());
    let vitals = Arc::new(sums);
    platform.memory().vitals.insert((), vitals.clone());
    Ok(vitals)
}

fn add<S: PartialEq>(sums: &mut [(S, u64)], more: &[(S, u64)]) {
    for (state, count) in more {
        if let Some((_, sum)) = sums.iter_mut().find(|(of, _)| of == state) {
            *sum += count;
        }
    }
}

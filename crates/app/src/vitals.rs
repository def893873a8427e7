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

//! What the use cases of the server share: the store, policies parsed once, callers that were known a moment ago, and a
//! bell that rings at each commit.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth::policy::{Engine as Policies, OwnPolicy};
use auth::{Action, Caller};
use domain::{Clock, ProjectId, TenantId, Timestamp};
use store::{ReadCount, Store, StoreError};
use tokio::sync::Notify;

use crate::facts::Memory;
use crate::tasks::KnownProject;
use crate::{AppError, Desk, audit_receipts};

/// How long a caller or a set of policies that another process changed may be remembered.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Callers and sets of policies that are remembered at most.
const MAX_REMEMBERED: u64 = 10_000;
/// Organizations whose policies are kept parsed, and for how long after their last use.
const MAX_PARSED: u64 = 200;
const PARSED_FOR: Duration = Duration::from_secs(600);
/// Own policies of an organization that are read; `auth` refuses more.
const MAX_POLICIES: u32 = 1_000;
/// A day in microseconds.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// Settings of the installation that use cases depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a session lasts without being used.
    pub session_idle: Duration,
    /// How long a session lasts at most.
    pub session_life: Duration,
    /// Tasks that wait for an engine, over all projects of an organization, at most.
    pub max_open_tasks: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(12 * 3600),
            session_life: Duration::from_secs(30 * 24 * 3600),
            max_open_tasks: 100_000,
        }
    }
}

/// What the use cases of the server share. Clones share it.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: fn() -> [u8; 10],
    random: fn() -> [u8; 32],
    settings: Settings,
    policies: moka::sync::Cache<TenantId, Arc<Policies>>,
    /// Those of organizations at work, should they have to be looked up again: to parse them takes milliseconds.
    parsed: moka::sync::Cache<TenantId, Arc<Policies>>,
    callers: moka::sync::Cache<[u8; 32], Caller>,
    projects: moka::sync::Cache<(TenantId, ProjectId), Arc<KnownProject>>,
    memory: Memory,
    reads: Mutex<HashMap<(TenantId, String, Action), u64>>,
    /// Organizations with receipts that no entry of the audit names yet.
    loose: Mutex<HashSet<TenantId>>,
    bell: Notify,
}

impl Platform {
    /// The use cases over the store of a desk. `random` gives bytes that nobody can guess.
    #[must_use]
    pub fn new(desk: &Desk, random: fn() -> [u8; 32], settings: Settings) -> Self {
        fn cache<K, V>() -> moka::sync::Cache<K, V>
        where
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        {
            moka::sync::Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED).build()
        }
        let inner = Inner {
            store: desk.store.clone(),
            clock: desk.clock.clone(),
            ids: desk.random,
            random,
            settings,
            policies: cache(),
            parsed: moka::sync::Cache::builder().max_capacity(MAX_PARSED).time_to_idle(PARSED_FOR).build(),
            callers: cache(),
            projects: cache(),
            memory: Memory::new(),
            reads: Mutex::default(),
            loose: Mutex::default(),
            bell: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The rows.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Settings of the installation.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The desk of an organization, for use cases of single runs.
    #[must_use]
    pub fn desk(&self, tenant: TenantId) -> Desk {
        Desk {
            store: self.inner.store.clone(),
            tenant,
            clock: self.inner.clock.clone(),
            random: self.inner.ids,
        }
    }

    /// What figures were made of a moment ago.
    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    pub(crate) fn random(&self) -> [u8; 32] {
        (self.inner.random)()
    }

    pub(crate) fn ids(&self) -> fn() -> [u8; 10] {
        self.inner.ids
    }

    /// Rings at each commit of this process's use cases, and at all others while somebody does
    /// [`ring_at_commits`](crate::events::ring_at_commits).
    #[must_use]
    pub fn bell(&self) -> &Notify {
        &self.inner.bell
    }

    /// Rings the bell: something was committed, here or in another process.
    pub fn ring(&self) {
        self.inner.bell.notify_waiters();
    }

    /// The policies of an organization, parsed once.
    pub(crate) async fn policies(&self, tenant: TenantId) -> Result<Arc<Policies>, AppError> {
        if let Some(known) = self.inner.policies.get(&tenant) {
            return Ok(known);
        }
        let own = self.store().glance(tenant, |tx| tx.policies(MAX_POLICIES)).await?;
        let own: Vec<_> = own
            .into_iter()
            .filter(|policy| policy.enabled)
            .map(|policy| OwnPolicy { id: policy.id.to_string(), text: policy.text })
            .collect();
        if let Some(parsed) = self.inner.parsed.get(&tenant).filter(|parsed| parsed.is_of(&own)) {
            self.inner.policies.insert(tenant, parsed.clone());
            return Ok(parsed);
        }
        // A policy that was accepted once and can't be read any more denies everything rather than being left out.
        let parsed = Policies::new(&own).map_err(|e| AppError::Policies(e.to_string()))?;
        let parsed = Arc::new(parsed);
        self.inner.parsed.insert(tenant, parsed.clone());
        self.inner.policies.insert(tenant, parsed.clone());
        Ok(parsed)
    }

    pub(crate) fn forget_policies(&self, tenant: TenantId) {
        self.inner.policies.invalidate(&tenant);
    }

    /// What is known of a project's tasks, a few seconds old.
    pub(crate) async fn known_of(
        &self,
        tenant: TenantId,
        project: ProjectId,
    ) -> Result<Arc<KnownProject>, AppError> {
        if let Some(known) = self.inner.projects.get(&(tenant, project)) {
            return Ok(known);
        }
        let known = self.store().read(tenant, move |tx| Ok(KnownProject::read(tx, project))).await??;
        let known = Arc::new(known);
        self.inner.projects.insert((tenant, project), known.clone());
        Ok(known)
    }

    pub(crate) fn known_caller(&self, digest: &[u8; 32]) -> Option<Caller> {
        self.inner.callers.get(digest)
    }

    pub(crate) fn remember_caller(&self, digest: [u8; 32], caller: Caller) {
        self.inner.callers.insert(digest, caller);
    }

    /// Whoever calls next is looked up again: a credential or a membership has changed.
    pub(crate) fn forget_callers(&self) {
        self.inner.callers.invalidate_all();
    }

    pub(crate) fn count_read(&self, caller: &Caller, action: Action) {
        let key = (caller.tenant, caller.id().to_owned(), action);
        let mut reads = self.inner.reads.lock().unwrap_or_else(PoisonError::into_inner);
        *reads.entry(key).or_default() += 1;
    }

    /// There are receipts that no entry of the audit names; unless one soon does, one of their own will.
    pub(crate) fn bind_receipts_later(&self, tenant: TenantId) {
        self.inner.loose.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
    }

    /// One entry of the audit for all receipts of an organization that none names yet, so that reads need none each.
    async fn bind_receipts(&self) {
        let loose = std::mem::take(&mut *self.inner.loose.lock().unwrap_or_else(PoisonError::into_inner));
        let now = self.now();
        for tenant in loose {
            let bound = self.store().transact(tenant, move |tx| audit_receipts::bind(tx, now)).await;
            if let Err(error) = bound {
                tracing::error!(error = %error, tenant = %tenant, "receipts are not bound to the audit");
                self.bind_receipts_later(tenant);
            }
        }
    }

    /// Writes what was gathered since the last time: counts of plain reads, and that receipts are there.
    ///
    /// # Errors
    /// Only failures of the store; the counts are kept for the next time then.
    pub async fn save_read_counts(&self) -> Result<(), StoreError> {
        self.bind_receipts().await;
        let counts = std::mem::take(&mut *self.inner.reads.lock().unwrap_or_else(PoisonError::into_inner));
        let day = self.now().as_micros().div_euclid(DAY_MICROS);
        let mut by_tenant: HashMap<TenantId, Vec<ReadCount>> = HashMap::new();
        for ((tenant, principal, action), reads) in counts {
            let count = ReadCount { day, principal, action: action.as_str().to_owned(), reads };
            by_tenant.entry(tenant).or_default().push(count);
        }
        let mut failed = None;
        for (tenant, counts) in by_tenant {
            let saved = counts.clone();
            let written =
                self.store().write(tenant, move |tx| saved.iter().try_for_each(|c| tx.count_reads(c))).await;
            if let Err(error) = written {
                let mut reads = self.inner.reads.lock().unwrap_or_else(PoisonError::into_inner);
                for count in counts {
                    if let Some(action) = Action::from_word(&count.action) {
                        *reads.entry((tenant, count.principal, action)).or_default() += count.reads;
                    }
                }
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

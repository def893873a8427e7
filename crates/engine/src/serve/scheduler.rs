//! The loop: what is wanted is begun, fairly and bounded; what ended makes room; what a dead process left goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use agents::StopRequest;
use app::Desk;
use domain::{AgentId, OperationId, RunError, TaskId, TenantId};
use store::{ChangeWatch, OperationRecord};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::fair::{Slots, Standing, choose};
use super::look::{self, InHand, Ready, Wanted};
use super::samples;
use super::start::Begun;
use super::{Doorbell, Options};
use crate::{Engine, EngineError, Stop};

/// The longest time between two looks, whatever was heard.
const LONGEST: Duration = Duration::from_secs(1);
/// A look rests so many times as long as it took: it never takes more than a fifth of a core.
const REST: u32 = 4;
/// How often the runs of dead processes are looked for, and the agents at work give a sign of life.
const TEND: Duration = Duration::from_secs(10);
/// How long an organization that asked for nothing more still counts as one that may.
const RECENT: Duration = Duration::from_secs(60);
/// Operations at once.
const OPERATIONS: usize = 8;
/// Repositories that are brought in at once: they wait for the network.
const PREPARATIONS: usize = 4;
/// Times that the machinery may fail a task before the task is failed.
const TRIES: u32 = 3;

/// The engine of a server, of all its organizations.
pub struct Scheduler {
    engine: Engine,
    options: Options,
    doorbell: Doorbell,
    runs: JoinSet<Ended>,
    in_hand: HashMap<TaskId, Held>,
    by_job: HashMap<Id, (TenantId, TaskId)>,
    operations: JoinSet<()>,
    operating: HashMap<Id, Operating>,
    tenancies: BTreeMap<TenantId, Tenancy>,
    failures: HashMap<TaskId, u32>,
    begun: u64,
    news: News,
}

/// How it hears of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// By a watch of its own.
    Watched,
    /// By its doorbell.
    Rung,
}

/// A task in the hands of this process.
struct Held {
    tenant: TenantId,
    agent: Option<AgentId>,
    stop: Stop,
}

/// An operation in the hands of this process.
struct Operating {
    tenant: TenantId,
    id: OperationId,
    lane: Lane,
}

/// What is not done side by side: git in one work tree. Everything else has a lane of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    PullRequests(TenantId),
    Preparation,
    Own,
}

/// What a job came to.
struct Ended {
    tenant: TenantId,
    task: TaskId,
    failed: Option<EngineError>,
}

#[derive(Default)]
struct Tenancy {
    served: u64,
    last_seen: Option<Instant>,
}

impl Scheduler {
    /// The engine role of a process, on the store of `engine`; whose desk's tenant does not matter.
    #[must_use]
    pub fn new(engine: Engine, options: Options) -> Self {
        Self {
            engine,
            options,
            doorbell: Doorbell::default(),
            runs: JoinSet::new(),
            in_hand: HashMap::new(),
            by_job: HashMap::new(),
            operations: JoinSet::new(),
            operating: HashMap::new(),
            tenancies: BTreeMap::new(),
            failures: HashMap::new(),
            begun: 0,
            news: News::Watched,
        }
    }

    /// Somebody in this process rings the doorbell at every commit, those of other processes too: it does not watch by
    /// itself.
    #[must_use]
    pub fn rung(self) -> Self {
        Self { news: News::Rung, ..self }
    }

    /// Rung by others in this process, it saves them the time until the next look.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.doorbell.clone()
    }

    /// Works until `stop` is canceled; then runs are stopped at a safe point, and go on after the next start.
    ///
    /// # Errors
    /// Only when the store can't be watched at all. Failures of single tasks are said in their rows.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let mut watch = match self.news {
            News::Watched => Some(self.engine.desk.store.watch()?),
            News::Rung => None,
        };
        let samples = samples::keep(self.engine.clone(), stop.child_token());
        let work = self.work(watch.as_mut(), &stop);
        let (result, ()) = tokio::join!(work, samples);
        self.end().await;
        result
    }

    async fn work(
        &mut self,
        mut watch: Option<&mut ChangeWatch>,
        stop: &CancellationToken,
    ) -> Result<(), EngineError> {
        let (mut tended, mut looked) = (None, None::<Instant>);
        let (mut news, mut rest) = (true, Duration::ZERO);
        while !stop.is_cancelled() {
            if tended.is_none_or(|at: Instant| at.elapsed() >= TEND) {
                self.tend().await;
                tended = Some(Instant::now());
            }
            news |= watch.as_mut().is_some_and(|watch| watch.changed().unwrap_or(true));
            if (news && looked.is_none_or(|at| at.elapsed() >= rest))
                || looked.is_none_or(|at| at.elapsed() >= LONGEST)
            {
                let began = Instant::now();
                if let Err(error) = self.round().await {
                    tracing::warn!(error = %crate::sentence(&error), "looking for work failed");
                }
                (news, rest) = (false, began.elapsed() * REST);
                looked = Some(Instant::now());
            }
            // What was heard waits until the last look has rested.
            let poll = match (&watch, news) {
                (None, false) => LONGEST,
                (None, true) | (Some(_), _) => self.options.poll.max(Duration::from_millis(1)),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(ended) = self.runs.join_next_with_id() => {
                    self.ended(ended);
                    news = true;
                }
                Some(ended) = self.operations.join_next_with_id() => {
                    self.operated(&ended);
                    news = true;
                }
                () = self.doorbell.heard() => news = true,
                () = tokio::time::sleep(poll) => {}
            }
        }
        Ok(())
    }

    /// Begins what can be begun.
    async fn round(&mut self) -> Result<(), EngineError> {
        let free = self.options.parallel_runs.saturating_sub(self.in_hand.len());
        let in_hand = self.in_hand();
        let desk = self.engine.desk.clone();
        let looking = move || -> Result<BTreeMap<TenantId, Wanted>, EngineError> {
            let mut all = BTreeMap::new();
            for tenant in look::tenants(&desk)? {
                // What one organization has in its rows must not keep the others waiting.
                match look::wanted(&Desk { tenant, ..desk.clone() }, &in_hand, free) {
                    Ok(wanted) => drop(all.insert(tenant, wanted)),
                    Err(error) => {
                        tracing::warn!(error = %crate::sentence(&error), "the tasks of {tenant} can't be read");
                    }
                }
            }
            Ok(all)
        };
        let mut all = crate::desk::blocking(looking).await?;
        self.operate(&mut all);
        for (tenant, wanted) in &all {
            let tenancy = self.tenancies.entry(*tenant).or_default();
            if !wanted.ready.is_empty() {
                tenancy.last_seen = Some(Instant::now());
            }
        }
        let slots =
            Slots { all: self.options.parallel_runs, per_tenant: self.options.parallel_runs_per_tenant };
        while let Some(tenant) = choose(&self.standing(&all), slots) {
            let Some(wanted) = all.get_mut(&tenant).filter(|w| !w.ready.is_empty()) else { break };
            let next = wanted.ready.remove(0);
            self.start(tenant, next);
        }
        Ok(())
    }

    fn in_hand(&self) -> InHand {
        InHand {
            tasks: self.in_hand.keys().copied().collect(),
            operations: self.operating.values().map(|o| o.id).collect(),
        }
    }

    fn standing(&self, all: &BTreeMap<TenantId, Wanted>) -> Vec<Standing> {
        let tenants: BTreeSet<_> = all.keys().chain(self.tenancies.keys()).copied().collect();
        let one = |tenant: TenantId| {
            let known = self.tenancies.get(&tenant);
            let running = self.in_hand.values().filter(|held| held.tenant == tenant).count();
            Standing {
                tenant,
                running,
                served: known.map_or(0, |t| t.served),
                waits: all.get(&tenant).is_some_and(|w| !w.ready.is_empty()),
                recent: known.and_then(|t| t.last_seen).is_some_and(|at| at.elapsed() < RECENT),
            }
        };
        tenants.into_iter().map(one).collect()
    }

    fn start(&mut self, tenant: TenantId, next: Ready) {
        self.begun += 1;
        let tenancy = self.tenancies.entry(tenant).or_default();
        (tenancy.served, tenancy.last_seen) = (self.begun, Some(Instant::now()));
        let (engine, stop, options) = (self.engine.of(tenant), Stop::new(), self.options.clone());
        let job = {
            let stop = stop.clone();
            async move {
                Ended { tenant, task: next.task, failed: carry_out(engine, next.task, stop, options).await }
            }
        };
        let span = tracing::info_span!("task", tenant.id = %tenant, task.id = %next.task);
        let job = self.runs.spawn(job.instrument(span));
        self.by_job.insert(job.id(), (tenant, next.task));
        self.in_hand.insert(next.task, Held { tenant, agent: next.agent, stop });
    }

    /// A job is over: it ended, or it panicked.
    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let (id, failed) = match ended {
            Ok((id, ended)) => {
                if ended.failed.is_none() {
                    self.failures.remove(&ended.task);
                }
                if let Some(error) = &ended.failed {
                    let (task, tenant) = (ended.task, ended.tenant);
                    tracing::warn!(
                        tenant.id = %tenant,
                        task.id = %task,
                        error = %crate::sentence(error),
                        "a run of {task} of {tenant} was lost"
                    );
                }
                (id, ended.failed.map(|error| error.as_run_error()))
            }
            Err(error) => {
                let task = self.by_job.get(&error.id()).map(|(_, task)| tracing::field::display(task));
                tracing::error!(task.id = task, %error, "a run was lost");
                (error.id(), Some(EngineError::Lost("the run").as_run_error()))
            }
        };
        let Some((tenant, task)) = self.by_job.remove(&id) else { return };
        self.in_hand.remove(&task);
        if let Some(tenancy) = self.tenancies.get_mut(&tenant) {
            tenancy.last_seen = Some(Instant::now());
        }
        if let Some(error) = failed {
            self.lost(tenant, task, &error);
        }
    }

    /// The machinery failed a task: it is tried again, but not for ever.
    fn lost(&mut self, tenant: TenantId, task: TaskId, error: &RunError) {
        let failures = self.failures.entry(task).or_default();
        *failures += 1;
        if *failures < TRIES {
            return;
        }
        self.failures.remove(&task);
        let desk = self.desk(tenant);
        let now = desk.now();
        let wanted = desk.store.write_blocking(tenant, move |tx| app::operations::want(tx, task, now));
        let failed =
            wanted.map_err(app::AppError::from).and_then(|_| app::work::fail_task(&desk, task, error));
        if let Err(error) = failed {
            tracing::warn!(task.id = %task, error = %crate::sentence(&error), "{task} can't be ended");
        }
    }

    /// Begins the operations that nobody has.
    fn operate(&mut self, all: &mut BTreeMap<TenantId, Wanted>) {
        for (tenant, wanted) in all {
            for operation in std::mem::take(&mut wanted.operations) {
                let lane = Lane::of(*tenant, &operation);
                let beside = |lane: Lane| self.operating.values().filter(|o| o.lane == lane).count();
                let room = match lane {
                    Lane::PullRequests(_) => beside(lane) == 0,
                    Lane::Preparation => beside(lane) < PREPARATIONS,
                    Lane::Own => true,
                };
                if !room || self.operating.len() >= OPERATIONS {
                    continue;
                }
                let (engine, options, id) = (self.engine.of(*tenant), self.options.clone(), operation.id);
                let job = self.operations.spawn(async move { engine.operate(id, &options).await });
                self.operating.insert(job.id(), Operating { tenant: *tenant, id, lane });
            }
        }
    }

    /// An operation is over; one that panicked is failed.
    fn operated(&mut self, ended: &Result<(Id, ()), JoinError>) {
        let job = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let (Some(Operating { tenant, id, .. }), Err(error)) = (self.operating.remove(&job), ended) else {
            return;
        };
        tracing::error!(%error, "an operation was lost");
        let lost = EngineError::Lost("the operation").as_run_error();
        if let Err(error) = app::operations::fail(&self.desk(tenant), id, &lost) {
            tracing::warn!(error = %crate::sentence(&error), "{id} can't be ended");
        }
    }

    fn desk(&self, tenant: TenantId) -> Desk {
        Desk { tenant, ..self.engine.desk.clone() }
    }

    /// What is done every few seconds: dead processes' runs are wanted again, and agents at work give a sign of life.
    async fn tend(&mut self) {
        let (own, in_hand) = (self.engine.desk.clone(), self.in_hand());
        let mut agents: BTreeMap<TenantId, Vec<AgentId>> = BTreeMap::new();
        for held in self.in_hand.values() {
            agents.entry(held.tenant).or_default().extend(held.agent);
        }
        let tending = move || -> Result<(), EngineError> {
            for tenant in look::tenants(&own)? {
                let desk = Desk { tenant, ..own.clone() };
                let recovered = look::recover(&desk, &in_hand)?;
                if recovered > 0 {
                    tracing::info!(recovered, "runs of a process that is dead go on");
                }
                if let Some(agents) = agents.remove(&tenant).filter(|a| !a.is_empty()) {
                    app::work::beat(&desk, agents)?;
                }
            }
            Ok(())
        };
        if let Err(error) = crate::desk::blocking(tending).await {
            tracing::warn!(error = %crate::sentence(&error), "looking after runs failed");
        }
    }

    /// Stops what is under way at a safe point, and waits for it, but not for ever.
    async fn end(mut self) {
        for held in self.in_hand.values() {
            held.stop.request(StopRequest::Interrupt);
        }
        let ending = async {
            while self.runs.join_next().await.is_some() {}
            while self.operations.join_next().await.is_some() {}
        };
        if tokio::time::timeout(self.options.grace, ending).await.is_err() {
            let left = self.runs.len() + self.operations.len();
            tracing::warn!(left, "what did not stop in time is taken up after the next start");
        }
    }
}

impl Lane {
    fn of(tenant: TenantId, operation: &OperationRecord) -> Self {
        match operation.kind.split_once('.').map_or("", |(noun, _)| noun) {
            "pull_request" => Self::PullRequests(tenant),
            "project" => Self::Preparation,
            _ => Self::Own,
        }
    }
}

/// Takes a task to where its run stands still; what failed is neither the task's nor a model's fault.
async fn carry_out(engine: Engine, task: TaskId, stop: Stop, options: Options) -> Option<EngineError> {
    let claim = match engine.begin(task, &options).await {
        Ok(Begun::Claimed(claim)) => claim,
        Ok(Begun::Nothing) => return None,
        Err(refusal) => {
            tracing::info!(error.code = refusal.error.code, "{task} can't begin");
            let desk = engine.desk.clone();
            let failing = move || Ok(app::work::fail_task(&desk, task, &refusal.error)?);
            return crate::desk::blocking(failing).await.err();
        }
    };
    let error = engine.execute(claim, &stop, &()).await.err()?;
    // Nobody has it any more: it is wanted again, here or elsewhere.
    let desk = engine.desk.clone();
    let handing = move || Ok(app::hand_on(&desk, claim)?);
    if let Err(error) = crate::desk::blocking(handing).await {
        let (run, error) = (claim.run, crate::sentence(&error));
        tracing::warn!(run.id = %run, error, "{run} is taken up when its lease has run out");
    }
    Some(error)
}

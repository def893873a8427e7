//! The driver: asks the pure turn loop what comes next, journals intents, lets the operations of different lanes go on
//! side by side, and journals what they came to.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use agents::next::RUN_LANE;
use agents::{Attempt, Op, Situation, StopRequest};
use domain::{Ending, Entry, NanoUsd, RunEvent, RunState, Seat, Usage};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gates::TargetRule;
use tokio::sync::mpsc;

use crate::ask::{Conversant, Whose};
use crate::journal::{Journal, RUN};
use crate::outside::Telling;
use crate::pictures;
use crate::shared::Shared;
use crate::stop::Stop;
use crate::team::{self, Brief};
use crate::worker::{Outcome, Stand, Worker};
use crate::{
    Engine, EngineError, Observer, RunDocument, analysis, choose, cleanup, compact, deliver, judge, merge,
    routing, tool_call,
};

/// What outside agents did that is not journaled yet: past this they wait.
const TOLD: usize = 64;

/// Takes a run to where it stands still, and gives its document.
///
/// # Errors
/// Only when the store itself fails or the lease was lost; everything else is an ending of the run.
pub(crate) async fn drive(
    engine: &Engine,
    journal: Journal,
    stop: &Stop,
    observer: &dyn Observer,
) -> Result<RunDocument, EngineError> {
    let settings = journal.settings()?.clone();
    let (told, telling) = mpsc::channel(TOLD);
    let outputs = journal.outputs();
    let shared = Arc::new(Shared::new(engine, journal.run(), settings, stop, observer, outputs, told));
    let mut driver = Driver {
        shared,
        journal,
        telling,
        workers: BTreeMap::new(),
        busy: BTreeSet::new(),
        running: FuturesUnordered::new(),
        broken: None,
    };
    let ending = driver.go().await?;
    driver.end(engine, ending).await
}

struct Driver<'a> {
    shared: Arc<Shared<'a>>,
    journal: Journal,
    /// What outside agents do while their lanes go on.
    telling: mpsc::Receiver<(u32, Entry)>,
    /// Attempts whose hands are free.
    workers: BTreeMap<u32, Worker>,
    /// Lanes in which an operation goes on.
    busy: BTreeSet<u32>,
    running: FuturesUnordered<Lane<'a>>,
    /// Why the run can't go on, while what is under way is cut short.
    broken: Option<Ending>,
}

type Lane<'a> = Pin<Box<dyn Future<Output = Landed> + Send + 'a>>;

/// An operation that ended.
struct Landed {
    lane: u32,
    worker: Option<Worker>,
    outcome: Result<Outcome, EngineError>,
}

impl<'a> Driver<'a> {
    async fn go(&mut self) -> Result<Ending, EngineError> {
        loop {
            self.journal.hear(self.shared.stop).await?;
            self.journal.announce(self.shared.observer);
            match self.begin().await {
                Ok(Some(ending)) => return Ok(ending),
                Ok(None) => {}
                Err(error) => self.break_off(error)?,
            }
            if let (Some(ending), true) = (&self.broken, self.running.is_empty()) {
                return Ok(ending.clone());
            }
            if self.running.is_empty() {
                continue;
            }
            let landed = tokio::select! {
                // What an agent did comes before what it came to.
                biased;
                Some((attempt, entry)) = self.telling.recv() => {
                    self.journal.record(attempt, entry, None);
                    self.journal.commit().await?;
                    None
                }
                landed = self.running.next() => landed,
                () = self.shared.stop.words() => None,
            };
            if let Some(landed) = landed
                && let Err(error) = self.land(landed).await
            {
                self.break_off(error)?;
            }
        }
    }

    /// Begins what can begin; an ending, if that is what comes next.
    async fn begin(&mut self) -> Result<Option<Ending>, EngineError> {
        if self.broken.is_some() {
            return Ok(None);
        }
        loop {
            let ops = self.next();
            if let [Op::End(ending)] = ops.as_slice() {
                return Ok(Some(ending.clone()));
            }
            let mut instant = false;
            for op in ops.iter().filter(|op| is_instant(op)) {
                self.act(op.clone()).await?;
                instant = true;
            }
            if !instant {
                let mut lanes = Vec::new();
                for op in ops {
                    lanes.extend(self.intend(op).await?);
                }
                if !lanes.is_empty() {
                    self.journal.commit().await?;
                    self.running.extend(lanes);
                }
                self.journal.announce(self.shared.observer);
                return Ok(None);
            }
            self.journal.announce(self.shared.observer);
        }
    }

    fn next(&self) -> Vec<Op> {
        let situation = Situation {
            since_last: self.journal.since_last(),
            stop: self.shared.stop.requested(),
            busy: &self.busy,
            window: &|spec| self.shared.window(spec),
        };
        self.journal.view().next(&situation)
    }

    /// An error that is not the store's is an ending: nothing is lost, and a resume goes on.
    fn break_off(&mut self, error: EngineError) -> Result<(), EngineError> {
        if error.is_fatal() {
            return Err(error);
        }
        // What failed while the run was being stopped failed because of that: a resume does it again.
        if self.shared.stop.requested().is_none() && self.broken.is_none() {
            self.broken = Some(match error {
                EngineError::Withheld(ending) => ending,
                error => Ending { state: RunState::Failed, error: Some(error.as_run_error()) },
            });
        }
        self.shared.halt.cancel();
        Ok(())
    }

    /// Carries out what takes no time of its own, or nobody else works beside.
    async fn act(&mut self, op: Op) -> Result<(), EngineError> {
        match op {
            Op::Analyze => {
                let analysis = analysis::analyze(&self.shared, self.journal.view()).await?;
                self.journal.record(RUN, Entry::Analyzed { analysis }, None);
            }
            Op::Begin { seat, step, number, role, tree } => {
                self.begin_attempt(seat, step, number, role, tree).await?;
            }
            Op::FallBack { attempt, to, reason } => {
                let from = self.attempt(attempt)?.model.clone();
                // The other one may need another sandbox, and reads the conversation anew.
                if let Some(desk) = self.workers.remove(&attempt).and_then(|worker| worker.desk) {
                    desk.close().await;
                }
                self.journal.record(attempt, Entry::FellBack { from, to, reason }, None);
                // Said only once it is durable: a resume must not ask the model that failed again.
                self.journal.commit().await?;
            }
            Op::SendBack { attempt, tree, what } => {
                let ground = self.shared.ground().await?;
                let text = team::returned(self.journal.view(), ground, what).await?;
                let entry = Entry::SentBack { tree, text, by: what.by().to_owned() };
                self.journal.record(attempt, entry, None);
            }
            Op::GiveUp { attempt, error } => self.journal.record(attempt, Entry::GaveUp { error }, None),
            Op::Deliver(delivery) => self.deliver(delivery).await?,
            Op::Redeliver => self.redeliver().await?,
            _ => {}
        }
        Ok(())
    }

    async fn begin_attempt(
        &mut self,
        seat: Seat,
        step: String,
        number: u32,
        role: String,
        tree: String,
    ) -> Result<(), EngineError> {
        let attempt = u32::try_from(self.journal.view().attempts.len()).unwrap_or(u32::MAX) + 1;
        let book = self.shared.book().await?;
        let role = book
            .get(&role)
            .cloned()
            .ok_or_else(|| EngineError::InvalidConfig(format!("there is no role file for {role:?}")))?;
        // A plan may name any role; who judges elsewhere can't build, so a developer has such a step.
        let role = match book.get("developer") {
            Some(developer) if role.seat != seat && seat == Seat::Builder => developer.clone(),
            _ => role,
        };
        let view = self.journal.view();
        let (model, why) = routing::model_for(&self.shared, view, seat, &role).await?;
        let fits = analysis::why_this_role(&self.shared, view, &step, &role).await?;
        let why = format!("{fits}; {why}");
        let entry = Entry::Begun {
            attempt,
            seat,
            step,
            number,
            role: role.name.clone(),
            model,
            tree,
            why,
            max_turns: role.max_turns,
            budget: role.budget,
        };
        let is_outside = matches!(&entry, Entry::Begun { model, .. } if model.starts_with("acp:"));
        self.journal.record(attempt, entry, None);
        self.workers.insert(attempt, Worker { attempt, role, is_outside, desk: None, talk: None });
        Ok(())
    }

    /// Journals an operation's intent, and gives what goes on then.
    async fn intend(&mut self, op: Op) -> Result<Option<Lane<'a>>, EngineError> {
        let shared = self.shared.clone();
        let lane = op.lane();
        let work: Lane<'a> = match op {
            Op::Prepare { attempt } => {
                let (mut worker, stand) = self.take(attempt).await?;
                let brief = Brief::of(self.journal.view(), self.attempt(attempt)?);
                Box::pin(async move {
                    let outcome = worker.prepare(&shared, &stand, brief).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::Restore { attempt, tree } => {
                let (mut worker, _) = self.take(attempt).await?;
                Box::pin(async move {
                    let outcome = worker.restore(&shared, tree).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::CallModel { attempt, turn } => return self.intend_call(attempt, turn).await,
            Op::RunTool { attempt, turn, index } => {
                let call = self.attempt(attempt)?.calls[index].clone();
                let effect = tool_call::effect(&call.name, &call.arguments);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                let (mut worker, stand) = self.take(attempt).await?;
                self.journal.record(attempt, Entry::ToolIntended { turn, index, effect }, None);
                Box::pin(async move {
                    let outcome = worker.run_tool(&shared, &stand, call, turn, index, effect).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::PromptAgent { attempt, turn } => {
                let telling = self.telling(attempt, turn)?;
                let entry = Entry::AgentIntended { turn, prompt: telling.prompt.clone() };
                let (mut worker, stand) = self.take(attempt).await?;
                self.journal.record(attempt, entry, None);
                Box::pin(async move {
                    let outcome = worker.prompt_agent(&shared, &stand, telling).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::Compact { attempt } => {
                self.open_talk(attempt).await?;
                let (heard, entries) =
                    (self.journal.conversation(attempt)?, self.shared.engine.history(shared.run)?);
                let talk = self.worker(attempt).await?.talk.as_ref().ok_or(EngineError::NoModel)?;
                let (tools_bytes, model) = (talk.tools_bytes(), talk.model());
                let a = self.attempt(attempt)?;
                let plan = compact::Plan::of(&shared, a, &entries, &heard, tools_bytes, model).await?;
                let entry = Entry::CompactIntended { turn: a.turns, number: a.compactions + 1 };
                let (worker, stand) = self.take(attempt).await?;
                self.journal.record(attempt, entry, None);
                Box::pin(async move {
                    let outcome = compact::compact(&shared, &stand, plan).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::Repair { attempt } => {
                let (mut worker, stand) = self.take(attempt).await?;
                self.journal.record(attempt, Entry::RepairIntended {}, None);
                Box::pin(async move {
                    let outcome = worker.repair(&shared, &stand).await;
                    Landed { lane, worker: Some(worker), outcome }
                })
            }
            Op::Merge(op) => Box::pin(async move {
                let merged = match shared.ground().await {
                    Ok(ground) => merge::merge(ground, op).await,
                    Err(error) => Err(error),
                };
                let outcome = merged.map(|entry| vec![(entry, None)]);
                Landed { lane, worker: None, outcome }
            }),
            Op::Judge { round, tree } => {
                self.journal.record(RUN, Entry::GatesIntended { round, tree: tree.clone() }, None);
                let left = self.journal.time_left();
                let every = self.journal.view().attempts.iter().any(Attempt::is_offline);
                let rule = if every { TargetRule::Every } else { TargetRule::One };
                Box::pin(async move {
                    let outcome = judge::gates(&shared, round, tree, rule, left).await;
                    Landed { lane, worker: None, outcome }
                })
            }
            Op::Choose => {
                let tries = self.journal.view().attempts.iter();
                let tries = tries.filter(|a| a.seat == Seat::Builder && a.is_done());
                let candidates = tries.map(|a| (a.number, a.tree.clone())).collect();
                let left = self.journal.time_left();
                Box::pin(async move {
                    let outcome = choose::choose(&shared, candidates, left).await;
                    Landed { lane, worker: None, outcome }
                })
            }
            other => return Err(EngineError::NotBuilt(format!("{other:?}"))),
        };
        self.busy.insert(lane);
        Ok(Some(work))
    }

    /// What an outside agent reads: its first message, or what came back to it; after a crash the same again.
    fn telling(&self, attempt: u32, turn: u32) -> Result<Telling, EngineError> {
        let a = self.attempt(attempt)?;
        let command = a.model.strip_prefix("acp:").unwrap_or_default().to_owned();
        let mut words = Vec::new();
        let mut so_far = None;
        if a.model_open && !a.told.is_empty() {
            words.push(a.told.clone());
        } else if turn == 1 {
            let prepared = a.prepared.as_ref().ok_or(EngineError::NoWorkspace)?;
            words.push(format!("{}\n\n{}", prepared.system, prepared.opening));
        }
        words.extend(a.pending.iter().cloned());
        if turn > 1 {
            so_far = Some(format!(
                "This goes on from your earlier work, which is in the checkout. You said of it: {}\nThe task was:\n{}",
                a.closing.summary,
                a.prepared.as_ref().map_or("", |p| p.opening.as_str())
            ));
        }
        let left = self.journal.view().budget_left(&self.busy).map(|(left, _)| left);
        Ok(Telling { turn, command, prompt: words.join("\n\n"), so_far, left })
    }

    /// A model call, with what it may cost held back; `None` while other calls hold back what is left of the budget.
    async fn intend_call(&mut self, attempt: u32, turn: u32) -> Result<Option<Lane<'a>>, EngineError> {
        match self.open_talk(attempt).await {
            Err(EngineError::Model(error)) => {
                // A server that does not come up is a model that failed: another one may take over.
                let (wasted, cost) = (Usage::default(), Some(NanoUsd::ZERO));
                let intent = Entry::ModelIntended { turn, reserved: None, request: String::new() };
                self.journal.record(attempt, intent, None);
                self.journal.record(attempt, Entry::ModelFailed { turn, error, wasted, cost }, None);
                return Ok(None);
            }
            opened => opened?,
        }
        let view = self.journal.view();
        let a = self.attempt(attempt)?;
        let whose = Whose::of(a, turn);
        let prompt = a.last_usage.input_tokens + a.last_usage.output_tokens + a.bytes_since as u64 / 3;
        let left = view.budget_left(&self.busy);
        let talk =
            self.workers.get_mut(&attempt).and_then(|w| w.talk.as_mut()).ok_or(EngineError::NoModel)?;
        let reserved = left.and(talk.highest_price(prompt));
        // A call alone may go over by its own price; beside others it waits until they have told theirs.
        if let (Some((left, held)), Some(wanted)) = (left, reserved)
            && wanted > left
            && held > NanoUsd::ZERO
        {
            return Ok(None);
        }
        let intent = |request| Entry::ModelIntended { turn, reserved, request };
        for said in self.journal.messages(attempt, &intent(String::new())) {
            talk.push(said.message, None);
        }
        let request = talk.digest(&whose, self.shared.run);
        self.journal.record(attempt, intent(request), None);
        let (mut worker, stand) = self.take(attempt).await?;
        self.busy.insert(attempt);
        let shared = self.shared.clone();
        Ok(Some(Box::pin(async move {
            let outcome = worker.call_model(&shared, &stand, whose).await;
            Landed { lane: attempt, worker: Some(worker), outcome }
        })))
    }

    /// The conversation of an attempt, rebuilt from the journal when this process has not held it.
    async fn open_talk(&mut self, attempt: u32) -> Result<(), EngineError> {
        let model = self.attempt(attempt)?.model.clone();
        let worker = self.worker(attempt).await?;
        if worker.talk.is_some() {
            return Ok(());
        }
        let shared = self.shared.clone();
        let opened = shared.open_model(&model).await?;
        let role = self.worker(attempt).await?.role.clone();
        let mut talk = Conversant::new(opened.ok_or(EngineError::NoModel)?, &role)?;
        talk.answers = shared.answers().await?;
        talk.images = pictures::shown_to(shared.engine, &shared.settings, self.attempt(attempt)?.seat)?;
        self.journal.commit().await?;
        for (said, raw) in self.journal.conversation(attempt)? {
            talk.push(said.message, raw.as_deref());
        }
        self.worker(attempt).await?.talk = Some(talk);
        Ok(())
    }

    fn attempt(&self, attempt: u32) -> Result<&Attempt, EngineError> {
        self.journal.view().attempt(attempt).ok_or(EngineError::Incomplete("an attempt"))
    }

    /// The hands of an attempt; a process that took the run over has to find them first.
    async fn worker(&mut self, attempt: u32) -> Result<&mut Worker, EngineError> {
        if !self.workers.contains_key(&attempt) {
            let (name, is_outside) =
                (self.attempt(attempt)?.role.clone(), self.attempt(attempt)?.is_outside());
            let role = self.shared.book().await?.get(&name).cloned();
            let role = role
                .ok_or_else(|| EngineError::InvalidConfig(format!("there is no role file for {name:?}")))?;
            self.workers.insert(attempt, Worker { attempt, role, is_outside, desk: None, talk: None });
        }
        self.workers.get_mut(&attempt).ok_or(EngineError::NoWorkspace)
    }

    /// Takes the hands of an attempt for an operation.
    async fn take(&mut self, attempt: u32) -> Result<(Worker, Stand), EngineError> {
        self.worker(attempt).await?;
        let stand = Stand { tree: self.attempt(attempt)?.tree.clone(), left: self.journal.time_left() };
        let worker = self.workers.remove(&attempt).ok_or(EngineError::NoWorkspace)?;
        Ok((worker, stand))
    }

    /// Journals what an operation came to.
    async fn land(&mut self, landed: Landed) -> Result<(), EngineError> {
        let Landed { lane, mut worker, outcome } = landed;
        self.busy.remove(&lane);
        let recorded = outcome.map(|entries| {
            for (entry, raw) in entries {
                if let Some(talk) = worker.as_mut().and_then(|w| w.talk.as_mut()) {
                    for said in self.journal.messages(lane, &entry) {
                        talk.push(said.message, raw.as_deref());
                    }
                }
                // What was shortened is told from its new beginning.
                let shortened = matches!(entry, Entry::Compacted { .. });
                if let (true, Some(worker)) = (shortened, worker.as_mut()) {
                    worker.talk = None;
                }
                self.journal.record(lane, entry, raw);
            }
        });
        if let Some(worker) = worker {
            self.put_away(worker).await;
        }
        self.journal.announce(self.shared.observer);
        recorded
    }

    /// An attempt that has said its last word gives its sandbox back, unless its work is likely to come back at once.
    async fn put_away(&mut self, mut worker: Worker) {
        let view = self.journal.view();
        let alone = view.plan.as_ref().is_some_and(|p| p.steps.len() == 1) && view.tries() == 1;
        let done = view
            .attempt(worker.attempt)
            .is_some_and(|a| a.gave_up.is_some() || (a.is_done() && !(alone && a.seat == Seat::Builder)));
        if !done {
            self.workers.insert(worker.attempt, worker);
            return;
        }
        if let Some(desk) = worker.desk.take() {
            desk.close().await;
        }
    }

    async fn deliver(&mut self, delivery: agents::Delivery) -> Result<(), EngineError> {
        let ground = self.shared.ground().await?;
        let protected = judge::protected_paths(ground, &delivery.tree).await?;
        let view = self.journal.view();
        let yes = view.yes || view.approval_of(&protected) == Some(true);
        if !protected.is_empty() && !yes {
            // A draft, too, is delivered only with approval; the run's own ending stands.
            return Err(EngineError::Withheld(delivery.ending));
        }
        let entry = deliver::intent(self.shared.engine, &self.journal, delivery)?;
        self.journal.record(RUN, entry, None);
        self.journal.commit().await?;
        self.redeliver().await
    }

    async fn redeliver(&mut self) -> Result<(), EngineError> {
        let ground = self.shared.ground().await?;
        let delivered = deliver::carry_out(self.shared.engine, &self.journal, ground).await?;
        self.journal.record(RUN, delivered.entry, None);
        self.journal.commit_with_pull_request(delivered.pull_request, delivered.files).await
    }

    async fn end(mut self, engine: &Engine, ending: Ending) -> Result<RunDocument, EngineError> {
        self.journal.record(RUN, Entry::Ended { ending: ending.clone() }, None);
        self.shared.halt.cancel();
        for worker in std::mem::take(&mut self.workers).into_values() {
            if let Some(desk) = worker.desk {
                desk.close().await;
            }
        }
        if let Some(ground) = self.shared.ground_if_open() {
            cleanup::after_run(ground, ending.state, self.journal.view()).await;
        }
        self.journal.end(engine, &ending, event_of(ending.state)).await
    }
}

/// Whether an operation is carried out at once, by the driver itself.
fn is_instant(op: &Op) -> bool {
    match op {
        Op::Analyze
        | Op::Begin { .. }
        | Op::FallBack { .. }
        | Op::SendBack { .. }
        | Op::GiveUp { .. }
        | Op::Deliver(_)
        | Op::Redeliver => true,
        Op::Prepare { .. }
        | Op::Restore { .. }
        | Op::CallModel { .. }
        | Op::PromptAgent { .. }
        | Op::RunTool { .. }
        | Op::Compact { .. }
        | Op::Repair { .. }
        | Op::Merge(_)
        | Op::Choose
        | Op::Judge { .. }
        | Op::End(_) => false,
    }
}

fn event_of(state: RunState) -> RunEvent {
    match state {
        RunState::Ready => RunEvent::Succeeded,
        RunState::NoChange => RunEvent::ChangedNothing,
        RunState::GatesFailed => RunEvent::GatesRefused,
        RunState::LimitReached => RunEvent::HitLimit,
        RunState::NeedsInput => RunEvent::AskedForInput,
        RunState::Paused => RunEvent::PauseRequested,
        RunState::Interrupted => RunEvent::Interrupted,
        RunState::Canceled => RunEvent::CancelRequested,
        RunState::Failed | RunState::Queued | RunState::Running => RunEvent::Failed,
    }
}

/// Which wish wins when there are several.
pub(crate) fn stronger(a: Option<StopRequest>, b: Option<StopRequest>) -> Option<StopRequest> {
    let rank = |s: Option<StopRequest>| match s {
        None => 0,
        Some(StopRequest::Pause) => 1,
        Some(StopRequest::Interrupt) => 2,
        Some(StopRequest::Cancel) => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

const _: () = assert!(RUN == RUN_LANE);

//! The driver: asks the pure turn loop what comes next, journals the intent, acts, journals the result.

use std::sync::Arc;
use std::time::Instant;

use agents::{Op, Role, Situation, StopRequest};
use domain::{Ending, Entry, RunError, RunEvent, RunState};
use sandbox::SandboxError;

use crate::ask::{Asked, Conversant, sentence};
use crate::baseline::Baselines;
use crate::desk::Desk;
use crate::journal::Journal;
use crate::stop::Stop;
use crate::tool_call::{self, Bench};
use crate::{Engine, EngineError, Observer, Progress, RunDocument, deliver, offline};

/// How often a workspace whose init process died is opened again for the same operation.
const REOPENINGS: u32 = 2;

/// Takes a run to where it stands still, and gives its document.
///
/// # Errors
/// Only when the store itself fails or the lease was lost; everything else is an ending of the run.
pub(crate) async fn drive(
    engine: &Engine,
    journal: Journal,
    model: Option<Conversant>,
    stop: &Stop,
    observer: &dyn Observer,
) -> Result<RunDocument, EngineError> {
    let role = Role::developer();
    let mut driver = Driver { engine, journal, model, stop, observer, role, desk: None, baselines: None };
    let ending = loop {
        driver.hear_people().await?;
        let op = driver.journal.view().next(driver.situation());
        if let Op::End(ending) = op {
            break ending;
        }
        match driver.act(op).await {
            Ok(()) => {}
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => match (driver.stop.requested(), driver.journal.view().next(driver.situation())) {
                // What failed while the run was being stopped failed because of that: a resume does it again.
                (Some(_), Op::End(ending)) => break ending,
                _ => break driver.ending_of(&error),
            },
        }
    };
    driver.end(ending).await
}

struct Driver<'a> {
    engine: &'a Engine,
    journal: Journal,
    model: Option<Conversant>,
    stop: &'a Stop,
    observer: &'a dyn Observer,
    role: Role,
    desk: Option<Desk>,
    baselines: Option<Arc<Baselines>>,
}

impl Driver<'_> {
    /// Words from people become entries; wishes to stop are seen by [`Driver::situation`].
    async fn hear_people(&mut self) -> Result<(), EngineError> {
        for (turn, raw) in self.journal.hear(self.stop).await? {
            if let Some(model) = &mut self.model {
                model.push(turn, raw.as_deref());
            }
        }
        self.journal.announce(self.observer);
        Ok(())
    }

    fn situation(&self) -> Situation {
        Situation {
            offline: self.model.is_none(),
            since_last: self.journal.since_last(),
            stop: self.stop.requested(),
        }
    }

    async fn act(&mut self, op: Op) -> Result<(), EngineError> {
        match op {
            Op::Prepare => self.prepare().await,
            Op::Restore { tree } => self.restore(tree).await,
            Op::CallModel { turn } => self.call_model(turn).await,
            Op::RunTool { turn, index } => self.run_tool(turn, index).await,
            Op::Repair => self.repair().await,
            Op::Judge { round, tree } => self.judge(round, tree).await,
            Op::Deliver(delivery) => self.deliver(delivery).await,
            Op::Redeliver => self.redeliver().await,
            Op::End(_) => Ok(()),
        }
    }

    /// Applies an entry; it becomes durable with the next commit.
    fn record(&mut self, entry: Entry, raw: Option<Vec<u8>>) {
        for (turn, raw) in self.journal.record(entry, raw) {
            if let Some(model) = &mut self.model {
                model.push(turn, raw.as_deref());
            }
        }
        self.journal.announce(self.observer);
    }

    async fn prepare(&mut self) -> Result<(), EngineError> {
        let settings = self.journal.settings()?.clone();
        let desk = Desk::open(self.engine, self.journal.run(), &settings, None).await?;
        let entry = desk.prepared(&self.role, &settings);
        self.desk = Some(desk);
        self.record(entry, None);
        self.begin_baseline().await
    }

    /// The workspace, opened again by a process that took the run over.
    async fn desk(&mut self) -> Result<&mut Desk, EngineError> {
        if self.desk.is_none() {
            let settings = self.journal.settings()?.clone();
            let tree = self.journal.view().tree.clone();
            let mut desk = Desk::open(self.engine, self.journal.run(), &settings, Some(&tree)).await?;
            for call in &self.journal.view().calls {
                if let Some((text, _)) = &call.result {
                    desk.rules.mark_shown(text);
                }
            }
            self.desk = Some(desk);
        }
        self.desk.as_mut().ok_or(EngineError::NoWorkspace)
    }

    /// Starts the tests of the base beside everything else.
    async fn begin_baseline(&mut self) -> Result<(), EngineError> {
        if self.baselines.is_none() {
            let stop = self.stop.token();
            let baselines = Baselines::begin(self.desk().await?, stop);
            self.baselines = Some(Arc::new(baselines));
        }
        Ok(())
    }

    async fn restore(&mut self, tree: String) -> Result<(), EngineError> {
        self.desk().await?.set_back(&tree).await?;
        self.record(Entry::Restored { tree }, None);
        Ok(())
    }

    async fn call_model(&mut self, turn: u32) -> Result<(), EngineError> {
        self.desk().await?;
        self.begin_baseline().await?;
        self.record(Entry::ModelIntended { turn }, None);
        self.journal.commit().await?;
        let cancel = self.stop.until_deadline(self.journal.time_left());
        let system = self.journal.view().prepared.as_ref().map(|p| p.system.clone()).unwrap_or_default();
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        match model.ask(&system, self.journal.run(), turn, self.observer, cancel.token()).await {
            Asked::Answered(entry, raw) => {
                tracing::debug!(turn, "model answered");
                self.record(entry, raw);
            }
            Asked::Failed(entry) => self.record(entry, None),
            Asked::Canceled => {}
        }
        Ok(())
    }

    async fn run_tool(&mut self, turn: u32, index: usize) -> Result<(), EngineError> {
        let call = self.journal.view().calls[index].clone();
        let effect = tool_call::effect(&call.name, &call.arguments);
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.record(Entry::ToolIntended { turn, index: number, effect }, None);
        self.journal.commit().await?;
        let began = Instant::now();
        let cancel = self.stop.until_deadline(self.journal.time_left());
        let mut reopened = 0;
        let ran = loop {
            let key = format!("{turn}-{index}");
            match self.try_tool(&call.name, &call.arguments, &key, cancel.token()).await {
                Err(EngineError::Sandbox(SandboxError::InitDied { .. })) if reopened < REOPENINGS => {
                    reopened += 1;
                    self.desk = None;
                    let tree = self.journal.view().tree.clone();
                    self.desk().await?.set_back(&tree).await?;
                }
                other => break other?,
            }
        };
        tracing::debug!(turn, index, "tool ran");
        if cancel.token().is_cancelled() {
            // Stopped in the middle: what it did is undone, and it runs again after a resume.
            let tree = self.journal.view().tree.clone();
            self.desk().await?.set_back(&tree).await?;
            self.record(Entry::Restored { tree }, None);
            return Ok(());
        }
        let before = self.journal.view().tree.clone();
        let tree = match effect {
            domain::EffectClass::Workspace => {
                Some(self.desk().await?.snapshot().await?).filter(|t| *t != before)
            }
            _ => None,
        };
        tracing::debug!(turn, index, "snapshot taken");
        let outputs = self.journal.keep_outputs(ran.outputs).await?;
        self.record(
            Entry::ToolFinished {
                turn,
                index: number,
                text: ran.text,
                is_error: ran.is_error,
                meaning: ran.meaning,
                tree,
                outputs,
                wall_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            },
            None,
        );
        Ok(())
    }

    async fn try_tool(
        &mut self,
        name: &str,
        arguments: &str,
        key: &str,
        cancel: &tokio_util::sync::CancellationToken,
    ) -> Result<tool_call::Ran, EngineError> {
        let observer = self.observer;
        let outputs = self.journal.outputs();
        let allowed = self.role.tools.clone();
        self.desk().await?;
        let desk = self.desk.as_mut().ok_or(EngineError::NoWorkspace)?;
        let mut rules = std::mem::take(&mut desk.rules);
        let bench =
            Bench { exec: desk.session(), plan: &desk.plan, limits: desk.limits, cancel, allowed: &allowed };
        let ran = bench
            .run(
                name,
                arguments,
                key,
                &mut rules,
                &mut |bytes| observer.observe(Progress::Output(bytes)),
                &|reference| outputs.read(reference),
            )
            .await;
        desk.rules = rules;
        Ok(ran?)
    }

    async fn repair(&mut self) -> Result<(), EngineError> {
        self.desk().await?;
        self.record(Entry::RepairIntended {}, None);
        self.journal.commit().await?;
        let task = self.journal.settings()?.task.clone();
        let cancel = self.stop.until_deadline(self.journal.time_left());
        let time_left = self.journal.time_left();
        let observer = self.observer;
        let desk = self.desk().await?;
        match offline::repair(desk, &task, time_left, cancel.token(), observer).await? {
            Some(entry) => self.record(entry, None),
            None => {
                let tree = self.journal.view().tree.clone();
                self.desk().await?.set_back(&tree).await?;
            }
        }
        Ok(())
    }

    async fn judge(&mut self, round: u32, tree: String) -> Result<(), EngineError> {
        self.desk().await?;
        self.begin_baseline().await?;
        self.record(Entry::GatesIntended { round, tree: tree.clone() }, None);
        self.journal.commit().await?;
        let settings = self.journal.settings()?.clone();
        let cancel = self.stop.until_deadline(self.journal.time_left());
        let baselines = self.baselines.clone().ok_or(EngineError::NoWorkspace)?;
        let base = tokio::select! {
            base = baselines.result() => base?,
            () = cancel.token().cancelled() => return Ok(()),
        };
        let base_tree = self.journal.base_tree()?;
        let offline = self.model.is_none();
        let desk = self.desk().await?;
        let judged = desk.judge(&settings, &base, &base_tree, &tree, offline, cancel.token()).await?;
        if cancel.token().is_cancelled() {
            return Ok(());
        }
        let protected = desk.protected(&base_tree, &tree).await?;
        self.record(Entry::GatesJudged { round, tree, results: judged, protected }, None);
        Ok(())
    }

    async fn deliver(&mut self, delivery: agents::Delivery) -> Result<(), EngineError> {
        let base_tree = self.journal.base_tree()?;
        let yes = self.journal.view().yes || self.journal.view().approved == Some(true);
        let protected = self.desk().await?.protected(&base_tree, &delivery.tree).await?;
        if !protected.is_empty() && !yes {
            // A draft, too, is delivered only with approval; the run's own ending stands.
            return Err(EngineError::Withheld(delivery.ending));
        }
        let entry = deliver::intent(self.engine, &self.journal, delivery)?;
        self.record(entry, None);
        self.journal.commit().await?;
        self.redeliver().await
    }

    async fn redeliver(&mut self) -> Result<(), EngineError> {
        self.desk().await?;
        let desk = self.desk.as_ref().ok_or(EngineError::NoWorkspace)?;
        let (entry, pull_request) = deliver::carry_out(self.engine, &self.journal, desk).await?;
        self.record(entry, None);
        self.journal.commit_with_pull_request(pull_request).await
    }

    /// An error that is not the store's is an ending: nothing is lost, and a resume goes on.
    fn ending_of(&self, error: &EngineError) -> Ending {
        if let EngineError::Withheld(ending) = error {
            return ending.clone();
        }
        let error = RunError::new(error.code(), sentence(error), error.hint());
        Ending { state: RunState::Failed, error: Some(error) }
    }

    async fn end(mut self, ending: Ending) -> Result<RunDocument, EngineError> {
        self.record(Entry::Ended { ending: ending.clone() }, None);
        self.baselines = None;
        if let Some(desk) = self.desk.take() {
            desk.close(ending.state, self.journal.view()).await;
        }
        self.journal.end(self.engine, &ending, event_of(ending.state)).await
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

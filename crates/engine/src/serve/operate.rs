//! What the API asks of an engine beside runs. Each can be done again after a crash: what is done already is found so.

use app::operations::{ExportFormat, Exported, Forked, Operation, PullRequestChanged, Replayed, RunChanged};
use domain::{ArtifactId, OperationId, PullRequestId, RunError, RunId, RunState};
use serde_json::Value;
use store::{MessageKind, NewArtifact, OperationRecord, PullRequestRecord, PullRequestState, RunRecord};

use super::Options;
use crate::desk::blocking;
use crate::service::app_refusal;
use crate::take::Onto;
use crate::{Engine, EngineError, ForkRequest, Point, Refusal};

impl Engine {
    /// Takes an operation to its end, whatever that is.
    pub(super) async fn operate(&self, id: OperationId, options: &Options) {
        let desk = self.desk.clone();
        let taken = blocking(move || Ok(app::operations::take(&desk, id)?)).await;
        let record = match taken {
            Ok(Some(record)) => record,
            Ok(None) => return,
            Err(error) => return tracing::warn!(error = %crate::sentence(&error), "{id} can't be taken"),
        };
        let result = match Operation::of(&record) {
            Ok(operation) => self.carry_out(&record, operation, options).await,
            Err(error) => Err(app_refusal(error)),
        };
        let desk = self.desk.clone();
        let saved = blocking(move || {
            let saved = match result {
                Ok(result) => app::operations::complete(&desk, id, &result),
                Err(refusal) => app::operations::fail(&desk, id, &refusal.error),
            };
            Ok(saved?)
        });
        if let Err(error) = saved.await {
            tracing::warn!(error = %crate::sentence(&error), "what {id} came to can't be saved");
        }
    }

    async fn carry_out(
        &self,
        record: &OperationRecord,
        operation: Operation,
        options: &Options,
    ) -> Result<Value, Refusal> {
        match operation {
            Operation::PrepareProject { project_id } => {
                value(&self.prepare_project(project_id, &options.repositories).await?)
            }
            Operation::MergePullRequest { pull_request_id, draft, by } => {
                let by = by.unwrap_or_else(|| record.asked_by.clone());
                let merge = move |engine: &Self, pr: &PullRequestRecord| {
                    engine.merge_pull_request(pr, Onto::Target, draft, &by)
                };
                self.change(pull_request_id, PullRequestState::Merged, merge).await
            }
            Operation::ApplyPullRequest { pull_request_id } => {
                self.change(pull_request_id, PullRequestState::Applied, Self::apply_pull_request).await
            }
            Operation::ClosePullRequest { pull_request_id } => {
                let close = |engine: &Self, pr: &PullRequestRecord| {
                    app::set_pull_request_state(&engine.desk, pr, PullRequestState::Closed)
                        .map_err(app_refusal)
                };
                self.change(pull_request_id, PullRequestState::Closed, close).await
            }
            Operation::ForkRun { run_id, turn, entry, message, model } => {
                if let Some(model) = &model {
                    self.may_use(model, options)?;
                }
                let at = point(turn, entry).unwrap_or(Point::Now);
                let request = ForkRequest { run: run_id.to_string(), at, model, message, yes: false };
                value(&self.fork_in_project(record, request).await?)
            }
            Operation::ReplayRun { run_id } => {
                let replay = self.replay(&self.row(run_id)?).await.map_err(Refusal::internal)?;
                value(&Replayed {
                    identical: replay.identical,
                    entries: replay.steps as u64,
                    requests: replay.requests as u64,
                    first_difference: replay.differs.and_then(|d| serde_json::to_value(d).ok()),
                    notes: replay.notes,
                })
            }
            Operation::ExportRun { run_id, format } => {
                let engine = self.clone();
                value(&off(move || engine.export(run_id, format)).await?)
            }
            Operation::CancelRun { run_id } => {
                let engine = self.clone();
                value(&off(move || engine.cancel(run_id)).await?)
            }
            Operation::RewindRun { run_id, turn, entry } => {
                let at = point(turn, entry).ok_or_else(|| {
                    Refusal::usage("usage", "to where is not said", "name a point with `turn` or `entry`")
                })?;
                let engine = self.clone();
                let (record, seq) = off(move || engine.rewind(&run_id.to_string(), at)).await?;
                value(&RunChanged { run_id: record.id, status: RunState::Interrupted, entry: Some(seq) })
            }
        }
    }

    /// Brings a pull request into a state; one that is there already stays.
    async fn change(
        &self,
        id: PullRequestId,
        to: PullRequestState,
        change: impl FnOnce(&Self, &PullRequestRecord) -> Result<PullRequestRecord, Refusal> + Send + 'static,
    ) -> Result<Value, Refusal> {
        let engine = self.clone();
        let changed = off(move || {
            let found = engine.desk.store.read_blocking(engine.desk.tenant, move |tx| tx.pull_request(id));
            let record =
                found.map_err(|e| app_refusal(e.into()))?.ok_or_else(|| not_found("pull request", id))?;
            if record.state == to { Ok(record) } else { change(&engine, &record) }
        });
        let record = changed.await?;
        value(&PullRequestChanged { pull_request_id: id, status: record.state.as_str().to_owned() })
    }

    /// Makes a fork, and gives it to whoever is free. What an earlier try has made already is not made again.
    async fn fork_in_project(
        &self,
        record: &OperationRecord,
        request: ForkRequest,
    ) -> Result<Forked, Refusal> {
        let made: Option<Forked> = serde_json::from_value(record.result.clone()).ok();
        if let Some(made) = made {
            // Its lease died with the process that made it: whoever looks for such runs takes it up.
            return Ok(made);
        }
        let claim = self.fork_for(Some(record.id), request).await?.claim;
        let desk = self.desk.clone();
        off(move || app::hand_on(&desk, claim).map_err(|e| Refusal::internal(EngineError::Store(e)))).await?;
        Ok(Forked { task_id: claim.task, run_id: claim.run })
    }

    fn export(&self, run: RunId, format: ExportFormat) -> Result<Exported, Refusal> {
        let record = self.row(run)?;
        let lines = |lines: Vec<Value>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let (bytes, media_type, ending) = match format {
            ExportFormat::Atif => {
                let trajectory = self.trajectory(run).map_err(Refusal::internal)?;
                (format!("{trajectory:#}\n").into_bytes(), "application/json", "atif.json")
            }
            ExportFormat::Json => {
                let journal = lines(self.journal_lines(run).map_err(Refusal::internal)?);
                (journal.into_bytes(), "application/x-ndjson", "journal.jsonl")
            }
            ExportFormat::Html => {
                let page = self.html_report(&record).map_err(Refusal::internal)?;
                (page.into_bytes(), "text/html; charset=utf-8", "html")
            }
            ExportFormat::Attestation => {
                let envelope = self.attestation(run).map_err(Refusal::internal)?.ok_or_else(|| {
                    let message = format!("{run} has no attestation: it delivered no change");
                    Refusal::usage("no_attestation", message, "only a run that delivered has one")
                })?;
                (envelope, "application/vnd.in-toto+json", "intoto.json")
            }
        };
        let (desk, size_bytes, file_name) = (&self.desk, bytes.len() as u64, format!("{run}.{ending}"));
        let stored = |e: store::StoreError| Refusal::internal(EngineError::Store(e));
        let object = desk.store.put_object(desk.tenant, bytes.as_slice()).map_err(stored)?;
        let (now, hash) = (desk.now(), object.hash().to_string());
        let id = ArtifactId::new(now, (desk.random)());
        let artifact =
            NewArtifact { id, run, kind: "export".to_owned(), name: file_name.clone(), object, at: now };
        desk.store.write_blocking(desk.tenant, move |tx| tx.add_artifact(&artifact)).map_err(stored)?;
        Ok(Exported {
            run_id: run,
            format,
            artifact_id: id,
            object: hash,
            media_type: media_type.to_owned(),
            file_name,
            size_bytes,
        })
    }

    fn cancel(&self, run: RunId) -> Result<RunChanged, Refusal> {
        let record = self.row(run)?;
        let status = if app::people::is_live(&self.desk, run).map_err(app_refusal)? {
            app::say(&self.desk, &record, MessageKind::Cancel, "").map_err(app_refusal)?;
            RunState::Running
        } else {
            if record.state != RunState::Canceled {
                self.cancel_idle(&record)?;
            }
            RunState::Canceled
        };
        Ok(RunChanged { run_id: run, status, entry: None })
    }

    fn row(&self, run: RunId) -> Result<RunRecord, Refusal> {
        let found = self.desk.store.read_blocking(self.desk.tenant, move |tx| tx.run(run));
        found.map_err(|e| app_refusal(e.into()))?.ok_or_else(|| not_found("run", run))
    }
}

fn point(turn: Option<u32>, entry: Option<u64>) -> Option<Point> {
    entry.map(Point::Entry).or(turn.map(Point::Turn))
}

pub(super) fn not_found(what: &str, id: impl std::fmt::Display) -> Refusal {
    Refusal::usage("not_found", format!("there is no {what} {id}"), "look at the list of them")
}

fn value(result: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(result).map_err(|e| Refusal {
        error: RunError::new("internal", format!("the result can't be written: {e}"), "ask again"),
        exit: 1,
    })
}

/// Runs work that blocks on the runtime's pool.
pub(super) async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::internal(EngineError::Lost("an operation")))?
}

//! Another way from an earlier point: a run forked, set back, or followed up.

use agents::View;
use app::{NewRun, TaskOf};
use domain::{Entry, OperationId, Origin, RunState, Timestamp};
use store::{NewEntry, RunRecord};

use crate::service::{Created, app_refusal};
use crate::{Engine, EngineError, Refusal};

/// Who the command line on a data directory acts for.
pub const LOCAL_PERSON: &str = "local";

/// Where in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// After so many turns, over all its attempts.
    Turn(u32),
    /// After the entry with this number.
    Entry(u64),
    /// Where it stands.
    Now,
}

/// A fork that is asked for.
pub struct ForkRequest {
    /// The run, as a person names it.
    pub run: String,
    /// From where.
    pub at: Point,
    /// Another model from there on.
    pub model: Option<String>,
    /// What is different from there on.
    pub message: Option<String>,
    /// Approvals given beforehand.
    pub yes: bool,
}

impl Engine {
    /// Makes a run of its own that shares another's past up to a point.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such run or point, or the model can't be had; nothing was written then.
    pub async fn fork(&self, request: ForkRequest) -> Result<Created, Refusal> {
        self.fork_for(None, request).await
    }

    /// The same for an operation, which notes in the same commit what was made.
    pub(crate) async fn fork_for(
        &self,
        asked: Option<OperationId>,
        request: ForkRequest,
    ) -> Result<Created, Refusal> {
        self.check_sandbox().await?;
        let engine = self.clone();
        tokio::task::spawn_blocking(move || engine.fork_blocking(asked, request))
            .await
            .map_err(|_| Refusal::internal(EngineError::Lost("forking the run")))?
    }

    fn fork_blocking(&self, asked: Option<OperationId>, request: ForkRequest) -> Result<Created, Refusal> {
        let origin = self.desk.find_run(&request.run).map_err(app_refusal)?;
        let seq = self.point(&origin, request.at)?;
        let history = self.history(origin.id).map_err(Refusal::internal)?;
        let shared: Vec<_> = history.into_iter().filter(|r| r.seq <= seq).collect();
        let view = View::of(&shared);
        let mut settings = view
            .settings
            .clone()
            .ok_or_else(|| Refusal::internal(EngineError::Incomplete("its first entry")))?;
        let spec = self.model_spec(Some(request.model.as_deref().unwrap_or(&view.model)))?;
        if request.model.is_some() {
            crate::pictures::check_seen(!settings.images.is_empty(), &[spec.to_string()])?;
        }
        settings.model_given |= request.model.is_some();
        settings.yes = request.yes;
        settings.limits = view.limits;
        let before = settings.origin.take().map(Box::new);
        settings.origin = Some(Origin::Forked { run: origin.id, seq, origin: before });
        let mut past = self.past(&origin, &shared).map_err(Refusal::internal)?;
        // As after a resume: failures are over, time stood still, and a model that was named takes over in all attempts.
        let (limits, model, yes) = (settings.limits, spec.to_string(), request.yes);
        let resumed = Entry::Resumed { limits, model, yes };
        past.push(app::claim::journal_entry(0, self.desk.now(), &resumed, None));
        if let Some(text) = request.message {
            past.push(app::claim::journal_entry(0, self.desk.now(), &Entry::Steered { text }, None));
        }
        let kind = if gates::is_fix(&settings.task) { "fix" } else { "change" }.to_owned();
        let warnings = Vec::new();
        let kept = crate::pictures::kept_again(self, &settings).map_err(Refusal::internal)?;
        let task = TaskOf::Like { task: origin.task, asked };
        let claim =
            app::create_run(&self.desk, NewRun { task, settings, kind, past, kept }).map_err(app_refusal)?;
        Ok(Created { claim, warnings })
    }

    /// The entries of the past as they were written, with the provider's bytes: but for the first one, and for what
    /// ended or delivered the other run.
    fn past(&self, origin: &RunRecord, shared: &[domain::Recorded]) -> Result<Vec<NewEntry>, EngineError> {
        let mut past = Vec::new();
        for recorded in shared.iter().skip(1) {
            let own = matches!(
                recorded.entry,
                Entry::DeliveryIntended { .. }
                    | Entry::Delivered { .. }
                    | Entry::Ended { .. }
                    | Entry::Created { .. }
                    | Entry::Rewound { .. }
            );
            if own {
                continue;
            }
            let (run, seq) = (origin.id, recorded.seq);
            let raw = self.desk.store.read_blocking(self.desk.tenant, move |tx| tx.raw_bytes(run, seq))?;
            past.push(app::claim::journal_entry(recorded.attempt, recorded.at, &recorded.entry, raw));
        }
        Ok(past)
    }

    /// Sets a run that stands still back to a point.
    ///
    /// # Errors
    /// A [`Refusal`] when it runs, is finished, or has no such point.
    pub fn rewind(&self, run: &str, at: Point) -> Result<(RunRecord, u64), Refusal> {
        let record = self.desk.find_run(run).map_err(app_refusal)?;
        if record.state.is_finished() {
            return Err(Refusal::usage(
                "not_possible",
                format!("{} is {} and stays as it is", record.id, record.state),
                format!("take another way with `aamas runs fork {} --turn N`", record.id),
            ));
        }
        let seq = self.point(&record, at)?;
        app::rewind_run(&self.desk, &record, seq).map_err(app_refusal)?;
        Ok((record, seq))
    }

    fn point(&self, run: &RunRecord, at: Point) -> Result<u64, Refusal> {
        let history = self.history(run.id).map_err(Refusal::internal)?;
        let last = history.last().map_or(0, |r| r.seq);
        let found = match at {
            Point::Now => Some(last),
            Point::Turn(turns) => agents::view::end_of_turn(&history, turns),
            Point::Entry(seq) => (1..=last).contains(&seq).then_some(seq),
        };
        found.ok_or_else(|| {
            let turns = View::of(&history).turns;
            Refusal::usage(
                "no_such_point",
                format!("{} has no such point: it has {turns} turns and {last} entries", run.id),
                "`aamas runs show RUN` has the turns, with --json the entries' numbers (`seq`)",
            )
        })
    }

    /// What a follow-up on a finished run starts from: the commit that it delivered, and what agents should know.
    ///
    /// # Errors
    /// A [`Refusal`] when it is not finished, was canceled, or delivered nothing.
    pub fn follow_up(&self, run: &str) -> Result<(RunRecord, String, Origin), Refusal> {
        let record = self.desk.find_run(run).map_err(app_refusal)?;
        let refuse = |message: String, hint: String| Err(Refusal::usage("not_possible", message, hint));
        if record.state == RunState::Canceled {
            return refuse(
                format!("{} was canceled", record.id),
                "start a new run with `aamas run`, from its branch with --base if it has one".into(),
            );
        }
        if !record.state.is_finished() {
            return refuse(
                format!("{} is {} and not finished", record.id, record.state),
                format!("go on with `aamas runs resume {}`, or steer it", record.id),
            );
        }
        let pull_request =
            crate::journal::read_pull_request(&self.desk, record.id).map_err(Refusal::internal)?;
        let Some(pull_request) = pull_request else {
            return refuse(
                format!("{} delivered nothing to follow up", record.id),
                "start a new run with `aamas run`".into(),
            );
        };
        let task = record.settings.get("task").and_then(|t| t.as_str()).unwrap_or_default();
        let mut words =
            format!("Its task was: {task}\n\nIts pull request says:\n{}", pull_request.description);
        let open: Vec<_> = pull_request.comments.iter().filter(|c| !c.resolved).collect();
        if !open.is_empty() {
            words.push_str("\n\nOpen comments of people on it:");
            for comment in open {
                let place = comment.place();
                words.push_str(&format!("\n- {place}{}", agents::prompt::printable(&comment.body)));
            }
        }
        let origin = Origin::Continues { run: record.id, words };
        Ok((record, pull_request.head_commit, origin))
    }

    /// Leaves a remark on a pull request.
    ///
    /// # Errors
    /// A [`Refusal`] when it is closed or the remark is empty.
    pub fn comment(
        &self,
        record: &store::PullRequestRecord,
        path: Option<String>,
        line: Option<u32>,
        body: &str,
    ) -> Result<store::PullRequestRecord, Refusal> {
        let mut pull_request = crate::pull_request_of(record).map_err(Refusal::internal)?;
        if body.trim().is_empty() {
            return Err(Refusal::usage("invalid_message", "the comment is empty", "say something"));
        }
        if let Some(path) = &path
            && !pull_request.files.iter().any(|f| f.path == *path)
        {
            let files: Vec<_> = pull_request.files.iter().map(|f| f.path.as_str()).collect();
            return Err(Refusal::usage(
                "not_found",
                format!("{} does not change {path}", record.id),
                format!("it changes {}", files.join(", ")),
            ));
        }
        let at: Timestamp = self.desk.now();
        let author = LOCAL_PERSON.to_owned();
        let body = body.to_owned();
        pull_request.comments.push(crate::pull_request::Comment {
            id: Some(domain::CommentId::new(self.desk.now(), (self.desk.random)())),
            author,
            path,
            line,
            body,
            at,
            resolved: false,
        });
        self.save_pull_request(record, &pull_request, "commented")
    }

    /// Notes that a person approves a pull request. What merges is a person's own act.
    ///
    /// # Errors
    /// A [`Refusal`] when it is a draft, or closed.
    pub fn approve(&self, record: &store::PullRequestRecord) -> Result<store::PullRequestRecord, Refusal> {
        let mut pull_request = crate::pull_request_of(record).map_err(Refusal::internal)?;
        if record.state != store::PullRequestState::Open {
            return Err(Refusal::usage(
                "not_possible",
                format!("{} is {}", record.id, record.state.as_str()),
                "only an open pull request can be approved; `aamas pr list` shows them",
            ));
        }
        let head = pull_request.head_commit.clone();
        pull_request.approvals.push(crate::pull_request::Approval {
            author: LOCAL_PERSON.into(),
            head_commit: head,
            at: self.desk.now(),
        });
        self.save_pull_request(record, &pull_request, "approved")
    }

    fn save_pull_request(
        &self,
        record: &store::PullRequestRecord,
        changed: &crate::PullRequest,
        done: &str,
    ) -> Result<store::PullRequestRecord, Refusal> {
        let doc = serde_json::to_value(changed).map_err(|source| {
            Refusal::internal(EngineError::Record { what: record.id.to_string(), source })
        })?;
        let saved = store::PullRequestRecord { doc, updated_at: self.desk.now(), ..record.clone() };
        app::pull_requests::save(&self.desk, &saved, done).map_err(app_refusal)?;
        Ok(saved)
    }

    /// Hands a run that was just created over to another process of this program.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    pub fn hand_over(&self, claim: app::Claim) -> Result<(), Refusal> {
        app::release(&self.desk, claim).map_err(|e| Refusal::internal(EngineError::Store(e)))
    }
}

//! What the commands ask of the engine: create, execute, resume, cancel, and what the machine gives the sandbox.

use std::path::PathBuf;

use agents::{RoleBook, View};
use app::{Claim, NewRun, TaskOf};
use domain::{Origin, RunError, RunId, RunLimits, RunSettings, RunState, Seat};
use models::ModelSpec;
use sandbox::mirror::Mirror;
use sandbox::objects::Mode;
use sandbox::repository::{Base, Repository, RepositoryError};
use sandbox::{Level, Probe, SessionOptions};
use store::{MessageKind, RunRecord};
use tracing::Instrument as _;

use crate::document::RunDocument;
use crate::drive::drive;
use crate::journal::Journal;
use crate::model_pool::named;
use crate::pictures::{self, TaskPicture};
use crate::project::ProjectConfig;
use crate::routing::{self, Routes};
use crate::watch::watch;
use crate::{Engine, EngineError, Observer, Refusal, Stop};

/// The role of a single builder.
pub(crate) const ROLE: &str = "developer";
/// Entries read at a time.
const PAGE: u32 = 256;

/// Limits given by the caller, over the defaults that they are handed.
pub type LimitsOver = Box<dyn FnOnce(RunLimits) -> RunLimits + Send>;

/// A run that is asked for.
pub struct RunRequest {
    /// The repository, or a directory in it.
    pub repo: PathBuf,
    /// The task.
    pub task: String,
    /// The model; `None`: what the environment has keys for.
    pub model: Option<String>,
    /// The commit to start from.
    pub base: String,
    /// Whether to start from a snapshot of the dirty tree.
    pub include_dirty: bool,
    /// Limits.
    pub limits: LimitsOver,
    /// Approvals given beforehand.
    pub yes: bool,
    /// One builder and the gates, without a team.
    pub solo: bool,
    /// Stop after the plan.
    pub plan_only: bool,
    /// Builders that try the same work side by side; 0 and 1 mean one.
    pub best_of: u32,
    /// What it follows.
    pub origin: Option<Origin>,
    /// Images of the task, for models that see.
    pub images: Vec<TaskPicture>,
}

/// A run that is durable now.
#[derive(Debug)]
pub struct Created {
    /// The run in the hands of this process.
    pub claim: Claim,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A run that should go on.
pub struct ResumeRequest {
    /// The run, as a person names it.
    pub run: String,
    /// Another model.
    pub model: Option<String>,
    /// Raised limits.
    pub limits: LimitsOver,
    /// Approval of what it asked approval for.
    pub yes: bool,
}

/// What a resume came to.
pub enum Resumed {
    /// The run stands as it stood.
    Document(Box<RunDocument>),
    /// It is in the hands of this process.
    Claimed(Claim),
}

impl Engine {
    /// Checks a request and makes its run durable.
    ///
    /// # Errors
    /// A [`Refusal`] with the contract's exit code; nothing was written then.
    pub async fn create(&self, request: RunRequest) -> Result<Created, Refusal> {
        self.create_of(TaskOf::New, request).await
    }

    /// The same for a task that there is already.
    pub(crate) async fn create_of(&self, task: TaskOf, request: RunRequest) -> Result<Created, Refusal> {
        self.check_sandbox().await?;
        let engine = self.clone();
        tokio::task::spawn_blocking(move || engine.create_blocking(task, request))
            .await
            .map_err(|_| Refusal::internal(EngineError::Lost("creating the run")))?
    }

    fn create_blocking(&self, task: TaskOf, request: RunRequest) -> Result<Created, Refusal> {
        tracing::debug!("sandbox known");
        let repository = Repository::discover(&request.repo).map_err(repository_refusal)?;
        let head = repository.resolve(&request.base).map_err(repository_refusal)?;
        mountable(&repository)?;
        let (dirty, checked) = std::thread::scope(|scope| {
            let dirty = scope.spawn(|| repository.dirty());
            let checked = self.checked(&repository, &head, &request);
            (dirty.join(), checked)
        });
        tracing::debug!("changes counted");
        let (config, book, routes) = checked?;
        let spec = routes.model.clone();
        let dirty = dirty
            .map_err(|_| Refusal::internal(EngineError::Lost("counting changes")))?
            .map_err(Refusal::internal)?;
        let mut warnings = book.warnings().to_vec();
        warnings.extend(routes.warnings.iter().cloned());
        let mut base = head.clone();
        if dirty.files() > 0 && request.include_dirty {
            let mirror = Mirror::open(&self.data_dir, &repository).map_err(Refusal::internal)?;
            mirror.fetch(&repository, &head).map_err(Refusal::internal)?;
            base = mirror
                .commit_dirty(&repository, &head, &repository.author(), "Work in progress")
                .map_err(Refusal::internal)?;
            warnings.push(format!("started from your tree with its {} changed files", dirty.files()));
        } else if dirty.files() > 0 {
            let files = dirty.files();
            warnings.push(format!(
                "your tree has {files} changed file{}; the run starts from the commit without {} (--include-dirty takes {} along)",
                plural(files, "s", ""),
                plural(files, "them", "it"),
                plural(files, "them", "it"),
            ));
        }
        warnings.extend(peculiarities(&repository, &base)?);
        let team = self.seats(&request, &spec);
        let limits = (request.limits)(project_limits(&config));
        if limits.budget.is_some() {
            warnings.extend(routes.all().iter().filter(|spec| !is_priced(spec)).map(|spec| {
                format!(
                    "the price of {spec} is not known, so the budget can't stop the run; turns and time do"
                )
            }));
        }
        pictures::check_seen(!request.images.is_empty(), &routes.all())?;
        let images = pictures::keep(&self.desk.store, self.desk.tenant, &request.images)?;
        if !images.is_empty() && spec.is_offline() {
            warnings.push("the offline engine does not look at images".into());
        }
        let target = match (&head.branch, &request.origin) {
            (Some(branch), _) => branch.strip_prefix("refs/heads/").map(str::to_owned),
            // What goes on from a change goes where that was to go.
            (None, Some(Origin::Continues { run, .. })) => self.target_of(*run)?,
            (None, _) => None,
        };
        let settings = RunSettings {
            repo: repository.top().to_owned(),
            task: request.task,
            model: spec.to_string(),
            role: ROLE.into(),
            roles: if team.contains(&Seat::Planner) {
                book.names().into_iter().map(str::to_owned).collect()
            } else {
                Vec::new()
            },
            team,
            parallel: config.team.parallel,
            plan_only: request.plan_only,
            plan_approval: config.plan.approval,
            best_of: request.best_of,
            model_given: routes.given,
            routes: routes.seats,
            role_routes: routes.roles,
            fallback: routes.fallback,
            origin: request.origin,
            images: images.iter().map(|(image, _)| image.clone()).collect(),
            base_commit: base.commit.to_string(),
            base_head: head.commit.to_string(),
            target,
            limits,
            yes: request.yes,
            warnings: warnings.clone(),
        };
        let kind = if gates::is_fix(&settings.task) { "fix" } else { "change" }.to_owned();
        let kept = images.into_iter().map(|(image, object)| pictures::artifact(image, object)).collect();
        let claim = app::create_run(&self.desk, NewRun { task, settings, kind, past: Vec::new(), kept })
            .map_err(app_refusal)?;
        Ok(Created { claim, warnings })
    }

    /// The branch that a run's change should go into.
    fn target_of(&self, run: RunId) -> Result<Option<String>, Refusal> {
        let found = self.desk.store.read_blocking(self.desk.tenant, |tx| tx.pull_request_of_run(run));
        let record = found.map_err(|e| app_refusal(e.into()))?;
        let pull_request = record.map(|record| crate::pull_request_of(&record)).transpose();
        Ok(pull_request.map_err(Refusal::internal)?.and_then(|p| p.target))
    }

    /// What the base says of the run: its `aamas.toml`, its roles, and the models that follow.
    fn checked(
        &self,
        repository: &Repository,
        head: &Base,
        request: &RunRequest,
    ) -> Result<(ProjectConfig, RoleBook, Routes), Refusal> {
        let config = config_of(repository, head)?;
        let book = role_book(repository, head)?;
        routing::check_roles(&config.models, &book)?;
        let routes = routing::fix(&self.pool, &config.models, request.model.as_deref(), request.solo)?;
        Ok((config, book, routes))
    }

    /// The seats beside the builders'. The offline engine works alone, and so does a script on those seats that it does
    /// not name.
    fn seats(&self, request: &RunRequest, spec: &ModelSpec) -> Vec<Seat> {
        if request.solo || spec.is_offline() || matches!(spec, ModelSpec::Acp(_)) {
            return Vec::new();
        }
        // Several tries at the whole work take the place of a plan.
        let all: &[Seat] = if request.best_of > 1 {
            &[Seat::Reviewer]
        } else {
            &[Seat::Planner, Seat::Architecture, Seat::Reviewer]
        };
        let scripted = self.pool.scripted_roles(spec);
        let named = |seat: &Seat| {
            scripted.as_ref().is_none_or(|roles| roles.iter().any(|r| r.as_str() == seat.as_str()))
        };
        all.iter().copied().filter(named).collect()
    }

    /// The model that a request means; refused here when it can't be had, so that no run begins in vain.
    pub(crate) fn model_spec(&self, given: Option<&str>) -> Result<ModelSpec, Refusal> {
        let spec = given.map_or_else(|| Ok(self.pool.default_spec()), named)?;
        self.pool.check(&spec)?;
        Ok(spec)
    }

    /// Takes a claimed run to where it stands still.
    ///
    /// # Errors
    /// Only when the store fails or the lease is lost.
    #[expect(
        clippy::disallowed_methods,
        reason = "its handle is kept, and aborted when the run stands still"
    )]
    pub async fn execute(
        &self,
        claim: Claim,
        stop: &Stop,
        observer: &dyn Observer,
    ) -> Result<RunDocument, EngineError> {
        let Claim { run, task, .. } = claim;
        let span = tracing::info_span!("run", run.id = %run, task.id = %task);
        let work = async {
            tracing::info!("{run} is at work on {task}");
            let journal = Journal::open(&self.desk, claim).await?;
            // Also when the run itself panics: nobody may keep its lease then.
            let watching = watch(self.desk.clone(), claim, stop.clone()).in_current_span();
            let _watcher = Aborted(tokio::spawn(watching));
            let document = drive(self, journal, stop, observer).await?;
            let error = document.error.as_ref().map(|error| error.code.as_str());
            tracing::info!(error.code = error, "{run} stands still: {}", document.status);
            Ok(document)
        };
        work.instrument(span).await
    }

    /// Takes a run up again, or gives its document when there is nothing to go on with.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such run, a living process has it, or its model can't be had.
    pub async fn resume(&self, request: ResumeRequest) -> Result<Resumed, Refusal> {
        self.check_sandbox().await?;
        let engine = self.clone();
        tokio::task::spawn_blocking(move || engine.resume_blocking(request))
            .await
            .map_err(|_| Refusal::internal(EngineError::Lost("resuming the run")))?
    }

    fn resume_blocking(&self, request: ResumeRequest) -> Result<Resumed, Refusal> {
        let run = self.desk.find_run(&request.run).map_err(app_refusal)?;
        if let Some(holder) = app::people::holder(&self.desk, run.id).map_err(app_refusal)? {
            return Err(Refusal::usage(
                "run_is_running",
                format!("{} is running in process {}", run.id, holder.owner.pid),
                format!(
                    "follow it with `aamas runs watch {0}`, or hold it with `aamas runs pause {0}`",
                    run.id
                ),
            ));
        }
        // What another process has done to it between these reads is in both, or refused by the claim.
        let view = View::of(&self.history(run.id).map_err(Refusal::internal)?);
        let run = self.run_row(run.id).map_err(Refusal::internal)?;
        let limits = (request.limits)(view.limits);
        let other_model = request.model.as_deref().is_some_and(|m| m != view.model);
        if !self.goes_on(&run, &view, limits, request.yes, other_model).map_err(Refusal::internal)? {
            if let Err(error) = crate::cleanup::orphan(self, &run) {
                tracing::warn!(error = %crate::sentence(&error), "clean-up of {} failed", run.id);
            }
            return Ok(Resumed::Document(Box::new(self.document_of(&run).map_err(Refusal::internal)?)));
        }
        let spec = self.model_spec(Some(request.model.as_deref().unwrap_or(&view.model)))?;
        if let (true, Some(settings)) = (other_model, &view.settings) {
            pictures::check_seen(!settings.images.is_empty(), &[spec.to_string()])?;
        }
        let claim =
            app::claim_run(&self.desk, &run, limits, &spec.to_string(), request.yes).map_err(app_refusal)?;
        Ok(Resumed::Claimed(claim))
    }

    /// Whether something has changed since a run stood still.
    fn goes_on(
        &self,
        run: &RunRecord,
        view: &View,
        limits: RunLimits,
        yes: bool,
        other_model: bool,
    ) -> Result<bool, EngineError> {
        let id = run.id;
        let said =
            self.desk.store.read_blocking(self.desk.tenant, move |tx| tx.pending_messages(id, PAGE))?;
        let heard = |kind| said.iter().any(|m| m.kind == kind);
        let code = view.ended.as_ref().and_then(|e| e.error.as_ref()).map_or("", |e| e.code.as_str());
        Ok(match run.state {
            state if state.is_finished() => false,
            RunState::LimitReached => {
                other_model || heard(MessageKind::Steer) || raised(code, view.limits, limits)
            }
            RunState::NeedsInput => match code {
                "question" => heard(MessageKind::Answer),
                "approval_required" | "plan_approval_required" => yes || heard(MessageKind::Answer),
                _ => other_model || heard(MessageKind::Steer),
            },
            _ => true,
        })
    }

    /// Ends a run that no living process has.
    ///
    /// # Errors
    /// A [`Refusal`] when it is finished or running.
    pub fn cancel_idle(&self, run: &RunRecord) -> Result<(), Refusal> {
        let mut document = self.document_of(run).map_err(Refusal::internal)?;
        document.status = RunState::Canceled;
        document.error =
            Some(RunError::new("canceled", "the run was canceled", "start a new one with `aamas run`"));
        let value = serde_json::to_value(&document).unwrap_or_default();
        app::cancel_idle_run(&self.desk, run, value).map_err(app_refusal)
    }

    /// What the machine gives the sandbox, probed by doing; cached per boot, kernel, user and binary.
    ///
    /// # Errors
    /// When the probe itself can't run.
    pub async fn probe(&self) -> Result<Probe, sandbox::SandboxError> {
        Probe::load_or_run(&self.data_dir, &SessionOptions::new(&self.host.launcher)).await
    }

    pub(crate) async fn check_sandbox(&self) -> Result<(), Refusal> {
        let unavailable = |error: sandbox::SandboxError| {
            let hint = match &error {
                sandbox::SandboxError::Unavailable { fix, .. } if !fix.is_empty() => fix.clone(),
                _ => "`aamas doctor` shows what is missing".to_owned(),
            };
            Refusal { error: RunError::new("sandbox_unavailable", crate::sentence(&error), hint), exit: 1 }
        };
        self.probe().await.and_then(|probe| probe.require(Level::S2)).map_err(unavailable)
    }
}

/// A task of ours that goes when this does.
struct Aborted(tokio::task::JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The workspace appears at the checkout's own path, which must not be one of the sandbox's own directories.
pub(crate) fn mountable(repository: &Repository) -> Result<(), Refusal> {
    let top = repository.top();
    match ["/usr", "/etc", "/dev", "/proc", "/sys", "/run"].iter().find(|taken| top.starts_with(taken)) {
        Some(taken) => Err(Refusal::usage(
            "unsupported_repository",
            format!("{} lies below {taken}, which the sandbox has a view of its own of", top.display()),
            "move or clone it to another directory, such as one below your home",
        )),
        None => Ok(()),
    }
}

/// Whether the price of a model is known; what costs nothing is.
fn is_priced(spec: &str) -> bool {
    let one = domain::Usage { input_tokens: 1, output_tokens: 1, ..domain::Usage::default() };
    let parsed = ModelSpec::parse(spec);
    !matches!(parsed, Ok(ModelSpec::Provider { .. })) || models::price(spec, &one).is_some()
}

fn project_limits(config: &ProjectConfig) -> RunLimits {
    let defaults = RunLimits::default();
    RunLimits {
        max_turns: config.limits.max_turns.unwrap_or(defaults.max_turns),
        budget: config.limits.budget_usd.and_then(domain::NanoUsd::from_usd),
        timeout: config.limits.timeout_s.map_or(defaults.timeout, std::time::Duration::from_secs),
        ..defaults
    }
}

pub(crate) fn config_of(repository: &Repository, base: &Base) -> Result<ProjectConfig, Refusal> {
    let objects = repository.objects().map_err(Refusal::internal)?;
    let Some(entry) = objects.entry_at(base.tree, b"aamas.toml").map_err(Refusal::internal)? else {
        return Ok(ProjectConfig::default());
    };
    let invalid =
        |message: String| Refusal::usage("invalid_config", message, "mend aamas.toml and commit it");
    if !matches!(entry.mode, Mode::File | Mode::Executable) {
        return Err(invalid("aamas.toml is not a regular file".into()));
    }
    let text = String::from_utf8(objects.blob(entry.id).map_err(Refusal::internal)?)
        .map_err(|_| invalid("aamas.toml is not UTF-8 text".into()))?;
    gates::Config::parse(&text).map_err(|e| invalid(e.to_string()))?;
    ProjectConfig::parse(&text).map_err(invalid)
}

/// Reads the role files of a base, so that a mistake in one is refused before there is a run.
pub(crate) fn role_book(repository: &Repository, base: &Base) -> Result<RoleBook, Refusal> {
    let objects = repository.objects().map_err(Refusal::internal)?;
    let mut files = Vec::new();
    for dir in crate::shared::ROLE_DIRS {
        let path = dir.trim_end_matches('/');
        let Some(entry) = objects.entry_at(base.tree, path.as_bytes()).map_err(Refusal::internal)? else {
            continue;
        };
        if entry.mode != Mode::Tree {
            continue;
        }
        for file in objects.tree(entry.id).map_err(Refusal::internal)? {
            if matches!(file.mode, Mode::File | Mode::Executable) {
                let text = objects.blob(file.id).map_err(Refusal::internal)?;
                let name = format!("{path}/{}", String::from_utf8_lossy(&file.name));
                files.push((name, String::from_utf8_lossy(&text).into_owned()));
            }
        }
    }
    RoleBook::built_in()
        .add_files(files)
        .map_err(|e| Refusal::usage("invalid_config", e.to_string(), "mend the file and commit it"))
}

fn peculiarities(repository: &Repository, base: &Base) -> Result<Vec<String>, Refusal> {
    // A snapshot of a dirty tree is in the mirror only; its commit has the same submodules.
    let Ok(found) = repository.peculiarities(base) else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    if !found.submodules.is_empty() {
        let names: Vec<_> =
            found.submodules.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect();
        warnings
            .push(format!("submodules are filled from local objects, or left empty: {}", names.join(", ")));
    }
    if found.lfs {
        warnings.push("files of Git LFS are pointers in the workspace".into());
    }
    Ok(warnings)
}

fn raised(code: &str, before: RunLimits, now: RunLimits) -> bool {
    match code {
        "turn_limit" => now.max_turns > before.max_turns,
        "budget_limit" => now.budget.is_none_or(|b| before.budget.is_some_and(|o| b > o)),
        "time_limit" => now.timeout > before.timeout,
        "token_limit" => now.max_tokens > before.max_tokens,
        _ => false,
    }
}

fn plural<'a>(n: usize, many: &'a str, one: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

pub(crate) fn repository_refusal(error: RepositoryError) -> Refusal {
    let (code, hint) = match &error {
        RepositoryError::NotARepository(_) => {
            ("not_a_repository", "go to a git repository, or name one with --repo")
        }
        RepositoryError::Bare(_) => ("bare_repository", "clone it, and work on the clone"),
        RepositoryError::NoCommits(_) => ("no_commits", "commit something first"),
        RepositoryError::UnknownBase { .. } => {
            ("unknown_base", "name a branch, tag or commit of this repository with --base")
        }
        RepositoryError::Unsupported { .. } => ("unsupported_repository", "see the cause above"),
        RepositoryError::Failed(_) => ("git_failed", "check the repository with `git fsck`"),
    };
    let exit = if matches!(error, RepositoryError::Failed(_)) { 1 } else { 2 };
    Refusal { error: RunError::new(code, crate::sentence(&error), hint), exit }
}

pub(crate) fn app_refusal(error: app::AppError) -> Refusal {
    let message = crate::sentence(&error);
    match &error {
        app::AppError::NotFound { .. } => {
            Refusal::usage("not_found", message, "`aamas runs list` shows what there is")
        }
        app::AppError::Ambiguous { .. } => Refusal::usage("ambiguous", message, "give more of the id"),
        app::AppError::Illegal(_) => Refusal::usage("not_possible", message, "see `aamas runs show RUN`"),
        app::AppError::Changed(_) => {
            Refusal::usage("run_is_running", message, "look again with `aamas runs list`")
        }
        app::AppError::Store(store::StoreError::LeaseHeld { .. }) => {
            Refusal::usage("run_is_running", message, "follow it with `aamas runs watch RUN`")
        }
        _ => Refusal::internal(error),
    }
}

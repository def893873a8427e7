//! Workspaces in use: the repository, its mirror, what the base says; and for each attempt a session with snapshots.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agents::ProjectRules;
use domain::{RunId, RunSettings};
use gates::{Config, Plan};
use sandbox::broker::{Broker, Mount};
use sandbox::checkout::owner_for;
use sandbox::layers::{Layers, WarmKey};
use sandbox::mirror::Mirror;
use sandbox::objects::Oid;
use sandbox::repository::{Base as BaseCommit, Repository};
use sandbox::snapshot::{Layering, Snapshotter};
use sandbox::toolchains::{Caller, Toolchains};
use sandbox::workspace::{Request, Workspace};
use sandbox::{Identity, Limits, SandboxError, Session, SessionOptions};
use tokio::sync::OnceCell;

use crate::base::Base;
use crate::live::Live;
use crate::project::{ProjectConfig, WorkspaceMode};
use crate::{Engine, EngineError, setup};

/// An attempt's workspace in use.
pub(crate) struct Desk {
    pub(crate) ground: Arc<Ground>,
    /// The project's rules for agents, with those already shown.
    pub(crate) rules: ProjectRules,
    live: Live,
    versions: Arc<Mutex<Versions>>,
    layers: Vec<String>,
}

/// What every workspace of a run stands on.
pub(crate) struct Ground {
    pub(crate) engine: Engine,
    pub(crate) run: RunId,
    pub(crate) repository: Repository,
    pub(crate) mirror: Mirror,
    pub(crate) commit: BaseCommit,
    pub(crate) base: Base,
    pub(crate) toolchains: Toolchains,
    pub(crate) now: SystemTime,
    pub(crate) config: ProjectConfig,
    /// Bounds of commands.
    pub(crate) limits: Limits,
    found: OnceCell<Found>,
    overlay: bool,
}

/// What the base says about how it is checked.
pub(crate) struct Found {
    /// How tests and checks are run here.
    pub(crate) plan: Plan,
    /// `[gates]` of `aamas.toml`.
    pub(crate) gates: Config,
    /// The project's rules for agents.
    pub(crate) rules: ProjectRules,
}

/// A workspace with its snapshots.
pub(crate) struct Versions {
    pub(crate) workspace: Workspace,
    pub(crate) snapshotter: Snapshotter,
}

impl Desk {
    /// Opens the workspace of an attempt at `tree`; `None` is the base. Whatever the directories hold is set to it.
    pub(crate) async fn open(
        ground: &Arc<Ground>,
        attempt: u32,
        tree: Option<&str>,
        mounts: Vec<Mount>,
    ) -> Result<Self, EngineError> {
        let warm = setup::warm(ground, &ground.config).await?;
        let key = ground.warm_key(&ground.config);
        let name = workspace_name(ground.run, attempt);
        let tree = tree.filter(|t| !t.is_empty()).map(parse_oid).transpose()?;
        let versions = blocking({
            let (ground, mode) = (ground.clone(), ground.config.workspace.mode);
            move || ground.workspace(&name, mode, warm.then_some(&key), tree)
        })
        .await?;
        tracing::debug!("workspace prepared");
        let plan = versions.workspace.plan().clone();
        let (live, found) = tokio::join!(ground.session(&plan, &ground.config, mounts), ground.found());
        let (live, found) = (live?, found?);
        tracing::debug!(suites = found.plan.suites.len(), "session started, gates detected");
        let mut layers = ground.layers(&versions.workspace, warm);
        for changed in versions.workspace.changed_dependencies() {
            layers.push(format!(
                "{} changed in your checkout after the run began; the run keeps its own view",
                changed.display()
            ));
        }
        Ok(Self {
            rules: found.rules.clone(),
            live,
            versions: Arc::new(Mutex::new(versions)),
            layers,
            ground: ground.clone(),
        })
    }

    /// Level of the sandbox in force.
    pub(crate) fn level(&self) -> &'static str {
        self.live.session().level().name()
    }

    /// Model endpoints that are seen inside.
    pub(crate) fn mounts(&self) -> &[Mount] {
        self.live.mounts()
    }

    /// The way out, if there is one.
    pub(crate) fn broker(&self) -> Option<Arc<Broker>> {
        self.live.broker()
    }

    /// What dependencies and set-up the workspace has, in words.
    pub(crate) fn layers(&self) -> Vec<String> {
        self.layers.clone()
    }

    pub(crate) fn session(&self) -> &Session {
        self.live.session()
    }

    /// Paths of the base's files.
    pub(crate) fn files(&self) -> Vec<String> {
        self.ground.base.files().to_vec()
    }

    /// The tree of the workspace as it is now, durable in the mirror.
    pub(crate) async fn snapshot(&self) -> Result<String, EngineError> {
        let versions = self.versions.clone();
        blocking(move || {
            let mut versions = lock(&versions);
            Ok(versions.snapshotter.take()?.tree.to_string())
        })
        .await
    }

    /// Sets all that is not ignored back to a tree.
    pub(crate) async fn set_back(&self, tree: &str) -> Result<(), EngineError> {
        let (versions, tree) = (self.versions.clone(), parse_oid(tree)?);
        blocking(move || {
            let mut versions = lock(&versions);
            let Versions { workspace, snapshotter } = &mut *versions;
            workspace.restore(snapshotter, tree)?;
            Ok(())
        })
        .await
    }

    /// Ends the session; the directories stay until the run is finished.
    pub(crate) async fn close(self) {
        self.live.close().await;
    }
}

/// A workspace and sandbox for one measurement, which nothing of a run reaches.
pub(crate) struct Fresh {
    live: Live,
    versions: Versions,
}

impl Fresh {
    /// The base, or `tree`, in directories called `name`.
    pub(crate) async fn open(
        ground: &Arc<Ground>,
        config: &ProjectConfig,
        name: &str,
        tree: Option<Oid>,
    ) -> Result<Self, EngineError> {
        let warm = setup::command(&ground.base, config).map(|_| ground.warm_key(config));
        let versions = blocking({
            let (ground, name, mode) = (ground.clone(), name.to_owned(), config.workspace.mode);
            move || {
                // What a killed process began to measure is of no use: a measurement begins with nothing.
                let dir = sandbox::workspace::run_dir(&ground.engine.data_dir, &name);
                sandbox::layers::remove_tree(&dir).map_err(|source| EngineError::Host {
                    doing: format!("remove {}", dir.display()),
                    source,
                })?;
                ground.workspace(&name, mode, warm.as_ref(), tree)
            }
        })
        .await?;
        let live = ground.session(versions.workspace.plan(), config, Vec::new()).await?;
        Ok(Self { live, versions })
    }

    pub(crate) fn session(&self) -> &Session {
        self.live.session()
    }

    /// Ends the sandbox and removes the directories.
    pub(crate) async fn close(self) -> Result<(), EngineError> {
        self.live.close().await;
        let versions = self.versions;
        blocking(move || {
            let dir = versions.workspace.dir().to_owned();
            drop(versions);
            sandbox::layers::remove_tree(&dir)
                .map_err(|source| EngineError::Host { doing: format!("remove {}", dir.display()), source })
        })
        .await
    }
}

impl Ground {
    /// Reads the base of a run and brings it into the mirror.
    pub(crate) async fn open(
        engine: &Engine,
        run: RunId,
        settings: &RunSettings,
    ) -> Result<Arc<Self>, EngineError> {
        let overlay = engine.probe().await?.overlay;
        let (engine, settings) = (engine.clone(), settings.clone());
        let ground = blocking(move || Self::open_blocking(&engine, run, &settings, overlay)).await?;
        tracing::debug!(files = ground.base.files().len(), "base read");
        Ok(Arc::new(ground))
    }

    fn open_blocking(
        engine: &Engine,
        run: RunId,
        settings: &RunSettings,
        overlay: bool,
    ) -> Result<Self, EngineError> {
        let repository = Repository::discover(&settings.repo).map_err(repository_error)?;
        let mirror = Mirror::open(&engine.data_dir, &repository)?;
        let id = parse_oid(&settings.base_commit)?;
        let commit = match repository.resolve(&settings.base_commit) {
            Ok(commit) => {
                mirror.fetch(&repository, &commit)?;
                commit
            }
            // A snapshot of the user's dirty tree is in the mirror only.
            Err(_) => {
                let head = mirror.commit(id)?;
                BaseCommit { commit: id, tree: head.tree, branch: None, committed_s: head.committed_s }
            }
        };
        let base = Base::read(mirror.objects().clone(), commit.tree)?;
        let config = base.text("aamas.toml").map(|t| ProjectConfig::parse(&t)).transpose();
        let config = config.map_err(invalid_config)?.unwrap_or_default();
        let agents = std::iter::once(&settings.model).chain(settings.routes.values().flatten());
        let programs = agents.filter_map(|model| crate::outside::program_dirs(model, &engine.host.variables));
        let toolchains = Toolchains::of(&Caller {
            env: engine.host.variables.clone(),
            read: config.sandbox.read.iter().cloned().chain(programs.flatten()).collect(),
            checkout: repository.top().to_owned(),
        });
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_micros(u64::try_from(engine.desk.now().as_micros()).unwrap_or(0));
        Ok(Self {
            engine: engine.clone(),
            run,
            repository,
            mirror,
            commit,
            base,
            toolchains,
            now,
            limits: command_limits(&config),
            config,
            found: OnceCell::new(),
            overlay,
        })
    }

    /// What the base says about how it is checked; found once.
    pub(crate) async fn found(self: &Arc<Self>) -> Result<&Found, EngineError> {
        self.found
            .get_or_try_init(|| {
                let ground = self.clone();
                blocking(move || {
                    let gates = ground.gates_config()?;
                    Ok(Found { plan: ground.gates_plan(&gates), rules: ground.base.rules(), gates })
                })
            })
            .await
    }

    /// The same, if it was found.
    pub(crate) fn found_if_known(&self) -> Option<&Found> {
        self.found.get()
    }

    fn gates_config(&self) -> Result<Config, EngineError> {
        let config = self.base.text("aamas.toml").map(|t| Config::parse(&t)).transpose();
        Ok(config.map_err(|e| invalid_config(e.to_string()))?.unwrap_or_default())
    }

    fn gates_plan(&self, config: &Config) -> Plan {
        let tree = gates::Tree::new(self.base.files().iter().cloned(), |path| self.base.text(path));
        gates::detect(&tree, config)
    }

    /// What a set-up's result depends on.
    pub(crate) fn warm_key(&self, config: &ProjectConfig) -> WarmKey {
        let command = setup::command(&self.base, config).unwrap_or_default();
        let path = self.toolchains.env.iter().map(|(k, v)| format!("{k}={v}\n")).collect::<String>();
        WarmKey::new(&self.commit, &command, &path)
    }

    /// Makes or takes up the directories of a workspace.
    pub(crate) fn workspace(
        &self,
        name: &str,
        mode: WorkspaceMode,
        warm: Option<&WarmKey>,
        tree: Option<Oid>,
    ) -> Result<Versions, EngineError> {
        let owner = owner_for(Identity::of_commands());
        let layers = Layers::new(&self.mirror, owner);
        let author = self.repository.author();
        let base_layer = layers.base(&self.repository, &self.commit, self.now)?;
        let overlay = mode == WorkspaceMode::Overlay && self.overlay;
        let request = Request {
            data_dir: &self.engine.data_dir,
            run: name,
            repository: &self.repository,
            mirror: &self.mirror,
            base: &self.commit,
            base_layer,
            warm: warm.and_then(|key| layers.find_warm(key)),
            layering: if overlay { Layering::Overlay } else { Layering::Plain },
            owner,
            author: &author,
            toolchains: &self.toolchains,
        };
        let mut workspace = Workspace::prepare(request, self.now)?;
        let mut snapshotter = workspace.snapshotter(&self.mirror)?;
        if let Some(tree) = tree {
            workspace.restore(&mut snapshotter, tree)?;
        }
        Ok(Versions { workspace, snapshotter })
    }

    /// Starts a sandbox on a plan.
    pub(crate) async fn session(
        &self,
        plan: &sandbox::MountPlan,
        config: &ProjectConfig,
        mounts: Vec<Mount>,
    ) -> Result<Live, EngineError> {
        let mut plan = plan.clone();
        for name in &config.sandbox.env {
            if let Some(value) = self.engine.host.variables.get(name) {
                plan.env.push((name.clone(), value.clone()));
            }
        }
        let mut options = SessionOptions::new(&self.engine.host.launcher);
        options.ptrace = config.sandbox.ptrace;
        Ok(Live::start(plan, options, &config.sandbox, mounts, &self.engine.data_dir).await?)
    }

    fn layers(&self, workspace: &Workspace, warm: bool) -> Vec<String> {
        let mut layers: Vec<_> = workspace
            .dependencies()
            .iter()
            .map(|d| format!("your {} (copy-on-write)", d.display()))
            .collect();
        if warm {
            layers.push("set-up (cached)".into());
        }
        layers
    }
}

/// The private ref of the mirror that keeps what a run made.
pub(crate) fn kept_ref(run: RunId) -> String {
    format!("runs/{run}/result")
}

/// The private ref of the mirror that keeps what an attempt made.
pub(crate) fn attempt_ref(run: RunId, attempt: u32) -> String {
    format!("runs/{run}/{attempt}")
}

/// The name of an attempt's directories.
pub(crate) fn workspace_name(run: RunId, attempt: u32) -> String {
    format!("{run}-{attempt}")
}

/// Bounds of commands: the defaults, and what the project says.
pub(crate) fn command_limits(config: &ProjectConfig) -> Limits {
    let defaults = Limits::default();
    Limits {
        memory_bytes: config.sandbox.memory_mb.map_or(defaults.memory_bytes, |mb| mb << 20),
        processes: config.sandbox.processes.unwrap_or(defaults.processes),
        disk_bytes: config.sandbox.disk_mb.map_or(defaults.disk_bytes, |mb| mb << 20),
        ..defaults
    }
}

/// Runs work that blocks on the runtime's pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let span = tracing::Span::current();
    let work = move || span.in_scope(work);
    tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Lost("work on the workspace"))?
}

pub(crate) fn parse_oid(text: &str) -> Result<Oid, EngineError> {
    text.parse().map_err(|_| EngineError::Incomplete("a readable object id"))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic in the middle of a snapshot leaves caches behind that are compared with the disk again.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn repository_error(error: sandbox::repository::RepositoryError) -> EngineError {
    match error {
        sandbox::repository::RepositoryError::Failed(error) => EngineError::Sandbox(error),
        other => {
            EngineError::Sandbox(SandboxError::Git { command: "open".into(), message: other.to_string() })
        }
    }
}

fn invalid_config(message: String) -> EngineError {
    EngineError::InvalidConfig(message)
}

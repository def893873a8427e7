//! A run's workspace in use: the repository, its mirror, the sandbox session, snapshots, and what the base says.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agents::prompt::{self, Surroundings};
use agents::{ProjectRules, Role, View};
use domain::{Entry, RunId, RunSettings, RunState};
use gates::{Config, Plan};
use sandbox::checkout::owner_for;
use sandbox::layers::{Layers, WarmKey};
use sandbox::mirror::Mirror;
use sandbox::objects::Oid;
use sandbox::repository::{Base as BaseCommit, Repository};
use sandbox::snapshot::{Layering, Snapshotter};
use sandbox::toolchains::{Caller, Toolchains};
use sandbox::workspace::{Request, Workspace};
use sandbox::{Identity, Limits, SandboxError, Session, SessionOptions};

use crate::base::Base;
use crate::live::Live;
use crate::project::{ProjectConfig, WorkspaceMode};
use crate::{Engine, EngineError, cleanup, setup};

/// What a run's directories hold and how to reach them.
pub(crate) struct Desk {
    pub(crate) ground: Arc<Ground>,
    /// How tests and checks are run here.
    pub(crate) plan: Plan,
    /// The project's rules for agents.
    pub(crate) rules: ProjectRules,
    /// Bounds of commands.
    pub(crate) limits: Limits,
    pub(crate) gates: Config,
    pub(crate) config: ProjectConfig,
    run: RunId,
    live: Live,
    versions: Arc<Mutex<Versions>>,
    layers: Vec<String>,
}

/// What every workspace of a run stands on.
pub(crate) struct Ground {
    pub(crate) engine: Engine,
    pub(crate) repository: Repository,
    pub(crate) mirror: Mirror,
    pub(crate) commit: BaseCommit,
    pub(crate) base: Base,
    pub(crate) toolchains: Toolchains,
    pub(crate) now: SystemTime,
    overlay: bool,
}

/// A workspace with its snapshots.
pub(crate) struct Versions {
    pub(crate) workspace: Workspace,
    pub(crate) snapshotter: Snapshotter,
}

impl Desk {
    /// Opens a run's workspace, and sets it back to `tree` when a process takes a run over.
    pub(crate) async fn open(
        engine: &Engine,
        run: RunId,
        settings: &RunSettings,
        tree: Option<&str>,
    ) -> Result<Self, EngineError> {
        let overlay = engine.probe().await?.overlay;
        let ground = Arc::new(
            blocking({
                let (engine, settings) = (engine.clone(), settings.clone());
                move || Ground::open(&engine, &settings, overlay)
            })
            .await?,
        );
        tracing::debug!(files = ground.base.files().len(), "base read");
        let config = ground.config()?;
        let warm = setup::warm(&ground, &config).await?;
        let key = ground.warm_key(&config);
        let name = run.to_string();
        let tree = tree.map(parse_oid).transpose()?;
        let versions = blocking({
            let (ground, mode) = (ground.clone(), config.workspace.mode);
            move || ground.workspace(&name, mode, warm.then_some(&key), tree)
        })
        .await?;
        tracing::debug!("workspace prepared");
        let detected = blocking({
            let ground = ground.clone();
            move || {
                let gates = ground.gates_config()?;
                Ok((ground.gates_plan(&gates), gates, ground.base.rules()))
            }
        });
        let (live, detected) = tokio::join!(ground.session(versions.workspace.plan(), &config), detected);
        let (live, (plan, gates, rules)) = (live?, detected?);
        tracing::debug!(suites = plan.suites.len(), "session started, gates detected");
        let mut layers = ground.layers(&versions.workspace, warm);
        for changed in versions.workspace.changed_dependencies() {
            layers.push(format!(
                "{} changed in your checkout after the run began; the run keeps its own view",
                changed.display()
            ));
        }
        Ok(Self {
            plan,
            rules,
            limits: command_limits(&config),
            gates,
            config,
            run,
            live,
            versions: Arc::new(Mutex::new(versions)),
            layers,
            ground,
        })
    }

    /// The entry that says that the workspace stands.
    pub(crate) fn prepared(&self, role: &Role, settings: &RunSettings) -> Entry {
        let around = Surroundings {
            root_entries: self.ground.base.root_entries(),
            test_command: self.plan.suites.first().map(gates::Suite::label),
        };
        Entry::Prepared {
            base_tree: self.ground.commit.tree.to_string(),
            sandbox: self.live.session().level().name().to_owned(),
            layers: self.layers.clone(),
            system: prompt::system(role),
            opening: prompt::opening(&self.rules, &around, &settings.task),
        }
    }

    pub(crate) fn session(&self) -> &Session {
        self.live.session()
    }

    pub(crate) fn run(&self) -> RunId {
        self.run
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

    /// Ends the session; a finished run's directories go once a ref keeps what was in them. What can't be removed now is
    /// found by the next clean-up: nothing of the run depends on it.
    pub(crate) async fn close(self, state: RunState, view: &View) {
        self.live.close().await;
        let versions = Arc::into_inner(self.versions);
        let (ground, run, view) = (self.ground, self.run, view.clone());
        let tidied = blocking(move || {
            if let (true, Some(versions)) = (state.is_finished(), versions) {
                if view.has_change() {
                    cleanup::keep(&ground.mirror, run, &view)?;
                }
                let versions = versions.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                versions.workspace.discard(&ground.mirror, &kept_ref(run))?;
            }
            cleanup::after_run(&ground, run)
        });
        if let Err(error) = tidied.await {
            tracing::warn!(error = %crate::sentence(&error), "clean-up after {run} failed");
        }
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
        let live = ground.session(versions.workspace.plan(), config).await?;
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
    fn open(engine: &Engine, settings: &RunSettings, overlay: bool) -> Result<Self, EngineError> {
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
        let toolchains = Toolchains::of(&Caller {
            env: engine.host.variables.clone(),
            read: config.sandbox.read.clone(),
            checkout: repository.top().to_owned(),
        });
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_micros(u64::try_from(engine.desk.now().as_micros()).unwrap_or(0));
        Ok(Self { engine: engine.clone(), repository, mirror, commit, base, toolchains, now, overlay })
    }

    pub(crate) fn config(&self) -> Result<ProjectConfig, EngineError> {
        let config = self.base.text("aamas.toml").map(|t| ProjectConfig::parse(&t)).transpose();
        Ok(config.map_err(invalid_config)?.unwrap_or_default())
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
    ) -> Result<Live, EngineError> {
        let mut plan = plan.clone();
        for name in &config.sandbox.env {
            if let Some(value) = self.engine.host.variables.get(name) {
                plan.env.push((name.clone(), value.clone()));
            }
        }
        let mut options = SessionOptions::new(&self.engine.host.launcher);
        options.ptrace = config.sandbox.ptrace;
        Ok(Live::start(plan, options, &config.sandbox, &self.engine.data_dir).await?)
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
    format!("runs/{run}")
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
    tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Lost("work on the workspace"))?
}

pub(crate) fn parse_oid(text: &str) -> Result<Oid, EngineError> {
    text.parse().map_err(|_| EngineError::Incomplete("a readable object id"))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic in the middle of a snapshot leaves caches behind that are compared with the disk again.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn repository_error(error: sandbox::repository::RepositoryError) -> EngineError {
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

//! A run's workspace: its own directories over shared layers, and the plan by which they are mounted.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::SandboxError;
use crate::checkout::{self, Owner, file_time, make_owned_dir};
use crate::dependencies::{self, Dependency};
use crate::durable::make_dirs;
use crate::layers::{Layer, boot_id, remove_tree};
use crate::mirror::Mirror;
use crate::objects::Oid;
use crate::plan::{GitDir, Layered, MountPlan, View};
use crate::repository::{Author, Base, Repository};
use crate::snapshot::{Layering, Scope, Snapshotter};
use crate::throwaway_git;
use crate::toolchains::Toolchains;

/// Where the mirror's objects are seen inside, read-only.
pub(crate) const OBJECTS_AT: &str = "/run/aamas/objects";

/// What a workspace is made of.
pub struct Request<'a> {
    /// The data directory.
    pub data_dir: &'a Path,
    /// The run's id: the name of its directory.
    pub run: &'a str,
    /// The user's repository.
    pub repository: &'a Repository,
    /// Its mirror, which holds the base.
    pub mirror: &'a Mirror,
    /// Where work starts.
    pub base: &'a Base,
    /// The base's checkout.
    pub base_layer: Layer,
    /// What the set-up command left, when there is one.
    pub warm: Option<Layer>,
    /// Whether overlayfs can be had; [`Layering::Plain`] copies the base.
    pub layering: Layering,
    /// Whom layers belong to.
    pub owner: Owner,
    /// Who commits inside.
    pub author: &'a Author,
    /// What of the caller's machine is readable inside.
    pub toolchains: &'a Toolchains,
}

/// A run's workspace, ready to be mounted. While the value lives its layers can't be evicted.
pub struct Workspace {
    dir: PathBuf,
    plan: MountPlan,
    scope: Scope,
    base: Base,
    torn: bool,
    dependencies: Vec<Dependency>,
    _layers: Vec<Layer>,
}

/// Whether what a run has made is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is gone.
    Yes,
    /// It differs from what the ref keeps: nothing was removed. The tree that it holds is in the mirror.
    NotKept {
        /// What the workspace holds.
        tree: Oid,
    },
}

impl Workspace {
    /// Makes a run's directories, or takes up those of a run that was interrupted.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn prepare(request: Request<'_>, now: SystemTime) -> Result<Self, SandboxError> {
        let dir = run_dir(request.data_dir, request.run);
        let preparing = |e| SandboxError::host(format!("prepare the workspace {}", dir.display()), e);
        let existed = dir.exists();
        let resumed = fs::read_to_string(dir.join("boot")).ok();
        if resumed.is_none() {
            remove_tree(&dir).map_err(preparing)?;
            make_dirs(&dir).map_err(preparing)?;
        }
        let torn = existed && resumed.as_ref().is_none_or(|boot| *boot != boot_id());
        if torn {
            remove_tree(&dir.join("git")).map_err(preparing)?;
        }
        let mut making = Making { dir: &dir, request: &request, dependencies: Vec::new() };
        let workspace = making.workspace(now)?;
        let views = making.views().map_err(preparing)?;
        let caches = making.caches().map_err(preparing)?;
        let git_dir = making.git_dir()?;
        let scope = making.scope(&views);
        making.mount_points(&scope, &views).map_err(preparing)?;
        let dependencies = making.dependencies;
        if resumed.is_none() {
            // Last, because its presence says that the rest is there.
            fs::write(dir.join("boot"), boot_id()).map_err(preparing)?;
        }
        let plan = MountPlan {
            root: request.repository.top().to_owned(),
            workspace,
            git_dir: Some(git_dir),
            views,
            readable: request.toolchains.readable.clone(),
            caches,
            env: request.toolchains.env.clone(),
            broker: None,
        };
        let layers = std::iter::once(request.base_layer).chain(request.warm).collect();
        Ok(Self { plan, scope, base: request.base.clone(), torn, dependencies, dir, _layers: layers })
    }

    /// How to mount it.
    #[must_use]
    pub fn plan(&self) -> &MountPlan {
        &self.plan
    }

    /// Where work started.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The run's own directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Dependency folders of the user's that are seen inside, relative to the top.
    #[must_use]
    pub fn dependencies(&self) -> Vec<&Path> {
        self.dependencies.iter().map(|d| d.path.as_path()).collect()
    }

    /// Which of them the user has changed since the workspace was prepared, as far as their own directory shows it.
    #[must_use]
    pub fn changed_dependencies(&self) -> Vec<&Path> {
        self.dependencies.iter().filter(|d| d.has_changed()).map(|d| d.path.as_path()).collect()
    }

    /// Begins to take snapshots of it.
    ///
    /// # Errors
    /// If the mirror can't be opened.
    pub fn snapshotter(&self, mirror: &Mirror) -> Result<Snapshotter, SandboxError> {
        Snapshotter::new(self.scope.clone(), mirror)
    }

    /// Sets an interrupted workspace back to its last snapshot: what is ignored is kept after the death of a process, and
    /// given up after a power loss, which may have torn it.
    ///
    /// # Errors
    /// If something can't be read or written.
    pub fn restore(&mut self, snapshotter: &mut Snapshotter, tree: Oid) -> Result<Restored, SandboxError> {
        if !self.torn {
            snapshotter.restore(tree)?;
            return Ok(Restored::InPlace);
        }
        self.rebuild(snapshotter, tree)?;
        Ok(Restored::FromScratch)
    }

    /// Empties the workspace and makes it show `tree`.
    ///
    /// # Errors
    /// If something can't be removed or written.
    pub fn rebuild(&mut self, snapshotter: &mut Snapshotter, tree: Oid) -> Result<(), SandboxError> {
        let rebuilding = |e| SandboxError::host(format!("rebuild the workspace {}", self.dir.display()), e);
        if let Layered::Overlay { work, .. } = &self.plan.workspace {
            remove_tree(work).and_then(|()| make_owned_dir(work, self.scope.owner)).map_err(rebuilding)?;
        }
        for view in self.plan.views.iter().chain(&self.plan.caches) {
            for part in [&view.upper, &view.work] {
                remove_tree(part)
                    .and_then(|()| make_owned_dir(part, self.scope.owner))
                    .map_err(rebuilding)?;
            }
        }
        for dependency in &self.dependencies {
            dependency.hide_what_is_stale(&self.plan, &self.scope).map_err(rebuilding)?;
        }
        snapshotter.rebuild(tree)?;
        fs::write(self.dir.join("boot"), boot_id()).map_err(rebuilding)?;
        self.torn = false;
        Ok(())
    }

    /// Removes the run's directories, if the mirror's private ref `kept` holds a commit or tree equal to what is in them.
    ///
    /// # Errors
    /// If it can't be told, or something can't be removed.
    pub fn discard(self, mirror: &Mirror, kept: &str) -> Result<Discarded, SandboxError> {
        let tree = self.snapshotter(mirror)?.take()?.tree;
        let kept = mirror.read_ref(kept)?.map(|id| mirror.commit(id).map_or(id, |commit| commit.tree));
        if kept != Some(tree) && tree != self.base.tree {
            return Ok(Discarded::NotKept { tree });
        }
        remove_tree(&self.dir)
            .map_err(|e| SandboxError::host(format!("remove {}", self.dir.display()), e))?;
        Ok(Discarded::Yes)
    }
}

/// How a workspace came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// What is ignored is as it was.
    InPlace,
    /// What was ignored is gone: set-up runs again.
    FromScratch,
}

/// The directory of a run's workspace.
#[must_use]
pub fn run_dir(data_dir: &Path, run: &str) -> PathBuf {
    data_dir.join("workspaces").join(run)
}

/// A workspace in the making.
struct Making<'m, 'r> {
    dir: &'m Path,
    request: &'m Request<'r>,
    dependencies: Vec<Dependency>,
}

impl Making<'_, '_> {
    fn workspace(&self, now: SystemTime) -> Result<Layered, SandboxError> {
        let request = self.request;
        let preparing = |e| SandboxError::host("prepare the workspace's layers", e);
        match request.layering {
            Layering::Overlay => {
                let (upper, work) = self.upper_and_work(&self.dir.join("changes")).map_err(preparing)?;
                Ok(Layered::Overlay { lower: self.lower(), upper, work })
            }
            Layering::Plain => {
                let files = self.dir.join("files");
                if !files.exists() {
                    let fresh = self.dir.join("files.new");
                    remove_tree(&fresh)
                        .and_then(|()| make_owned_dir(&fresh, request.owner))
                        .map_err(preparing)?;
                    let objects = request.mirror.objects();
                    let mut plan = checkout::list(objects, request.base.tree)?;
                    checkout::write(
                        objects,
                        &mut plan,
                        &fresh,
                        request.owner,
                        file_time(request.base.committed_s, now),
                    )?;
                    make_owned_dir(&fresh.join(".git"), request.owner).map_err(preparing)?;
                    fs::rename(&fresh, &files).map_err(preparing)?;
                }
                Ok(Layered::Plain(files))
            }
        }
    }

    fn lower(&self) -> Vec<PathBuf> {
        self.request.warm.iter().map(Layer::files).chain([self.request.base_layer.files()]).collect()
    }

    /// The user's dependency folders, unless a set-up command has made the run's own.
    fn views(&mut self) -> io::Result<Vec<View>> {
        if self.request.warm.is_some() {
            return Ok(Vec::new());
        }
        let top = self.request.repository.top();
        let mut views = Vec::new();
        for dependency in dependencies::find(
            top,
            &self.request.base_layer.dependency_places(),
            &self.request.base_layer.files(),
        ) {
            let (upper, work) = self.upper_and_work(&self.dir.join(format!("views/{}", views.len())))?;
            let view = View { at: top.join(&dependency.path), lower: dependency.source.clone(), upper, work };
            dependency.hide_stale_in(&view, &self.request.base_layer.files(), self.request.owner)?;
            views.push(view);
            self.dependencies.push(dependency);
        }
        Ok(views)
    }

    fn caches(&self) -> io::Result<Vec<View>> {
        let mut views = Vec::new();
        for cache in &self.request.toolchains.caches {
            let (upper, work) = self.upper_and_work(&self.dir.join(format!("caches/{}", views.len())))?;
            views.push(View { at: cache.clone(), lower: cache.clone(), upper, work });
        }
        Ok(views)
    }

    fn upper_and_work(&self, parent: &Path) -> io::Result<(PathBuf, PathBuf)> {
        make_dirs(parent)?;
        let (upper, work) = (parent.join("upper"), parent.join("work"));
        for dir in [&upper, &work] {
            if !dir.exists() {
                make_owned_dir(dir, self.request.owner)?;
            }
        }
        Ok((upper, work))
    }

    fn git_dir(&self) -> Result<GitDir, SandboxError> {
        let dir = self.dir.join("git");
        let request = self.request;
        if !dir.join("HEAD").exists() {
            let making = |e| SandboxError::host(format!("make the git directory {}", dir.display()), e);
            remove_tree(&dir).map_err(making)?;
            let parts = throwaway_git::Parts {
                head: request.base.commit,
                index: &request.base_layer.index(),
                author: request.author,
                excludes: &request.repository.excludes(request.toolchains.ignore_file.as_deref()),
                alternates: OBJECTS_AT,
                shallow: &request.mirror.git_dir().join("shallow"),
            };
            throwaway_git::make(&dir, &parts, request.owner).map_err(making)?;
        }
        Ok(GitDir {
            dir,
            objects: request.mirror.objects().dir().to_owned(),
            objects_at: PathBuf::from(OBJECTS_AT),
        })
    }

    fn scope(&self, views: &[View]) -> Scope {
        use std::os::unix::ffi::OsStrExt;
        let top = self.request.repository.top();
        let hidden =
            views.iter().filter_map(|v| Some(v.at.strip_prefix(top).ok()?.as_os_str().as_bytes().to_vec()));
        let (dir, lower) = match self.request.layering {
            Layering::Overlay => (self.dir.join("changes/upper"), self.lower()),
            Layering::Plain => (self.dir.join("files"), Vec::new()),
        };
        Scope {
            dir,
            layering: self.request.layering,
            lower,
            base: self.request.base.tree,
            excludes: self.request.repository.excludes(self.request.toolchains.ignore_file.as_deref()),
            hidden: hidden.collect::<BTreeSet<_>>(),
            owner: self.request.owner,
        }
    }

    /// Directories that views are mounted on.
    fn mount_points(&self, scope: &Scope, views: &[View]) -> io::Result<()> {
        for view in views {
            let Ok(relative) = view.at.strip_prefix(self.request.repository.top()) else { continue };
            let mut path = scope.dir.clone();
            for name in relative.components() {
                path.push(name);
                if !path.exists() {
                    make_owned_dir(&path, scope.owner)?;
                }
            }
        }
        Ok(())
    }
}

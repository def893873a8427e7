//! The set-up command's own workspace, whose changes become a warm layer.

use std::path::Path;

use crate::SandboxError;
use crate::checkout::{Owner, make_owned_dir};
use crate::durable::make_dirs;
use crate::layers::{Layer, Layers, WarmKey, remove_tree};
use crate::mirror::Mirror;
use crate::plan::{GitDir, Layered, MountPlan, View};
use crate::repository::{Author, Base, Repository};
use crate::throwaway_git;
use crate::toolchains::Toolchains;
use crate::workspace::OBJECTS_AT;

/// What set-up runs on.
pub struct SetupRequest<'a> {
    /// The user's repository.
    pub repository: &'a Repository,
    /// Its mirror.
    pub mirror: &'a Mirror,
    /// Where work starts.
    pub base: &'a Base,
    /// The base's checkout.
    pub base_layer: &'a Layer,
    /// Whom layers belong to.
    pub owner: Owner,
    /// Who would commit inside.
    pub author: &'a Author,
    /// What of the caller's machine is readable inside.
    pub toolchains: &'a Toolchains,
}

/// The warm layer of `key`, made by `run` when it is missing: it gets the plan of a workspace of its own, in which it runs
/// the set-up command. What the command changes stays in the layer, except in package caches.
///
/// # Errors
/// What `run` says; nothing is kept then, and the next call tries again.
pub fn warm_layer<E: From<SandboxError>>(
    request: &SetupRequest<'_>,
    key: &WarmKey,
    run: impl FnOnce(&MountPlan) -> Result<(), E>,
) -> Result<Layer, E> {
    Layers::new(request.mirror, request.owner).warm(key, |upper| {
        let beside = upper.parent().expect("a layer's files lie in the layer").join("setup");
        run(&plan(request, upper, &beside)?)?;
        remove_tree(&beside).map_err(|e| SandboxError::host("clean up after the set-up command", e))?;
        Ok(())
    })
}

fn plan(request: &SetupRequest<'_>, upper: &Path, beside: &Path) -> Result<MountPlan, SandboxError> {
    let preparing = |e| SandboxError::host("prepare the set-up command's workspace", e);
    let (work, git) = (upper.with_file_name("work"), beside.join("git"));
    make_dirs(beside).map_err(preparing)?;
    make_owned_dir(&work, request.owner).map_err(preparing)?;
    let parts = throwaway_git::Parts {
        head: request.base.commit,
        index: &request.base_layer.index(),
        author: request.author,
        excludes: &request.repository.excludes(request.toolchains.ignore_file.as_deref()),
        alternates: OBJECTS_AT,
        shallow: &request.mirror.git_dir().join("shallow"),
    };
    throwaway_git::make(&git, &parts, request.owner).map_err(preparing)?;
    let mut caches = Vec::new();
    for (n, cache) in request.toolchains.caches.iter().enumerate() {
        let part = |name: &str| beside.join(format!("caches/{n}/{name}"));
        make_dirs(&beside.join(format!("caches/{n}"))).map_err(preparing)?;
        for name in ["upper", "work"] {
            make_owned_dir(&part(name), request.owner).map_err(preparing)?;
        }
        caches.push(View {
            at: cache.clone(),
            lower: cache.clone(),
            upper: part("upper"),
            work: part("work"),
        });
    }
    Ok(MountPlan {
        root: request.repository.top().to_owned(),
        workspace: Layered::Overlay {
            lower: vec![request.base_layer.files()],
            upper: upper.to_owned(),
            work,
        },
        git_dir: Some(GitDir {
            dir: git,
            objects: request.mirror.objects().dir().to_owned(),
            objects_at: OBJECTS_AT.into(),
        }),
        views: Vec::new(),
        readable: request.toolchains.readable.clone(),
        caches,
        env: request.toolchains.env.clone(),
        broker: None,
    })
}

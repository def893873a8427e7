//! What earlier processes left behind: measurement views of the dead, and layers beyond the quota. Nothing of a run is
//! touched here; its own directories go only when a ref keeps what is in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents::View;
use domain::{RunId, RunState};
use sandbox::checkout::owner_for;
use sandbox::layers::{Layers, remove_tree};
use sandbox::mirror::{Commit, Mirror};
use sandbox::repository::Repository;
use sandbox::{Identity, SandboxError};
use store::RunRecord;

use crate::desk::{Ground, attempt_ref, blocking, kept_ref, parse_oid};
use crate::{Engine, EngineError};

/// What base checkouts and set-ups of a repository may take together, in bytes.
const LAYER_QUOTA: u64 = 20 << 30;

/// Tidies up after a run that this process had: its directories, when it is finished, and what earlier processes left.
/// What can't be removed now is found by the next clean-up: nothing depends on it.
pub(crate) async fn after_run(ground: &Arc<Ground>, state: RunState, view: &View) {
    let (ground, view) = (ground.clone(), view.clone());
    let run = ground.run;
    let tidied = blocking(move || {
        if state.is_finished() {
            keep(&ground.mirror, run, &view)?;
            remove_workspaces(&ground.engine, run)?;
        }
        others(&ground, run)
    });
    if let Err(error) = tidied.await {
        tracing::warn!(error = %crate::sentence(&error), "clean-up after {run} failed");
    }
}

fn others(ground: &Ground, own: RunId) -> Result<(), EngineError> {
    let engine = &ground.engine;
    remove_measurements(engine, own)?;
    let mut runs = BTreeSet::new();
    for entry in std::fs::read_dir(engine.data_dir.join("workspaces")).into_iter().flatten().flatten() {
        runs.extend(owner_of(&entry.file_name().to_string_lossy()).filter(|run| *run != own));
    }
    for run in runs {
        let row = engine.desk.store.read_blocking(engine.desk.tenant, move |tx| tx.run(run))?;
        if let Some(row) = row.filter(|row| row.repo == ground.repository.top()) {
            finished_run(engine, &ground.mirror, &row)?;
        }
    }
    Layers::new(&ground.mirror, owner_for(Identity::of_commands())).evict(LAYER_QUOTA)?;
    Ok(())
}

/// Removes what the process of a finished run could not remove itself.
pub(crate) fn orphan(engine: &Engine, row: &RunRecord) -> Result<(), EngineError> {
    remove_measurements(engine, row.id)?;
    if workspaces(engine, row.id).is_empty() {
        return Ok(());
    }
    let Ok(repository) = Repository::discover(&row.repo) else { return Ok(()) };
    finished_run(engine, &Mirror::open(&engine.data_dir, &repository)?, row)
}

/// Removes measurement views of `own`, and of the organization's runs that no living process has: nothing of a run is in
/// them. Those of other organizations are not ours to judge: their leases can't be seen from here.
fn remove_measurements(engine: &Engine, own: RunId) -> Result<(), EngineError> {
    for entry in std::fs::read_dir(engine.data_dir.join("workspaces")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(run) = measured_by(&name)
            && (run == own || (is_known(engine, run)? && !app::people::is_live(&engine.desk, run)?))
        {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn is_known(engine: &Engine, run: RunId) -> Result<bool, EngineError> {
    Ok(engine.desk.store.read_blocking(engine.desk.tenant, move |tx| tx.run(run))?.is_some())
}

/// Removes the directories of a finished run that nobody has, once refs keep its last snapshots.
fn finished_run(engine: &Engine, mirror: &Mirror, row: &RunRecord) -> Result<(), EngineError> {
    if !row.state.is_finished() || app::people::is_live(&engine.desk, row.id)? {
        return Ok(());
    }
    keep(mirror, row.id, &View::of(&engine.history(row.id)?))?;
    remove_workspaces(engine, row.id)
}

/// Makes sure that private refs of the mirror keep the last snapshot of a run and of each of its attempts.
fn keep(mirror: &Mirror, run: RunId, view: &View) -> Result<(), EngineError> {
    let Some(settings) = &view.settings else { return Ok(()) };
    let trees = view.attempts.iter().map(|a| (attempt_ref(run, a.number), a.tree.clone()));
    for (name, tree) in trees.chain([(kept_ref(run), view.tree())]) {
        if !tree.is_empty() && tree != view.base_tree {
            keep_tree(mirror, &name, &tree, run, &settings.base_commit)?;
        }
    }
    Ok(())
}

fn keep_tree(mirror: &Mirror, name: &str, tree: &str, run: RunId, base: &str) -> Result<(), EngineError> {
    let tree = parse_oid(tree)?;
    let kept = mirror.read_ref(name)?;
    if kept.is_some_and(|id| mirror.commit(id).is_ok_and(|commit| commit.tree == tree)) {
        return Ok(());
    }
    let author = sandbox::repository::Author {
        name: "AAMAS".into(),
        email: "snapshot@aamas.invalid".into(),
        configured: true,
    };
    let message = format!("Last snapshot of {run}");
    let parents = vec![parse_oid(base)?];
    let commit = mirror.write_commit(&Commit { tree, parents, author, at_s: 0, message })?;
    mirror.write_ref(name, commit)?;
    Ok(())
}

/// Directories of a run's attempts.
fn workspaces(engine: &Engine, run: RunId) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(engine.data_dir.join("workspaces")).into_iter().flatten().flatten();
    entries
        .filter(|entry| owner_of(&entry.file_name().to_string_lossy()) == Some(run))
        .map(|entry| entry.path())
        .collect()
}

fn remove_workspaces(engine: &Engine, run: RunId) -> Result<(), EngineError> {
    workspaces(engine, run).iter().try_for_each(|dir| remove(dir))
}

fn remove(dir: &Path) -> Result<(), EngineError> {
    let removing = |e| SandboxError::host(format!("remove {}", dir.display()), e);
    Ok(remove_tree(dir).map_err(removing)?)
}

/// The run that a measurement view belongs to; `None` for the directory of a run itself.
fn measured_by(name: &str) -> Option<RunId> {
    name.strip_suffix("-gates").or_else(|| name.strip_suffix("-base"))?.parse().ok()
}

/// The run that the directory of an attempt belongs to.
fn owner_of(name: &str) -> Option<RunId> {
    let (run, attempt) = name.rsplit_once('-')?;
    attempt.parse::<u32>().ok()?;
    run.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_measurement_views_are_anybodys() {
        let run = RunId::from_bytes([7; 16]);
        assert_eq!(measured_by(&format!("{run}-gates")), Some(run));
        assert_eq!(measured_by(&format!("{run}-base")), Some(run));
        assert_eq!(measured_by(&run.to_string()), None);
        assert_eq!(measured_by("x-base"), None);
        assert_eq!(owner_of(&format!("{run}-12")), Some(run));
        assert_eq!(owner_of(&format!("{run}-base")), None);
    }
}

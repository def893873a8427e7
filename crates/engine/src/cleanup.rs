//! What earlier processes left behind: measurement views of the dead, and layers beyond the quota. Nothing of a run is
//! touched here; its own directories go only when a ref keeps what is in them.

use std::path::Path;

use agents::View;
use domain::RunId;
use sandbox::checkout::owner_for;
use sandbox::layers::{Layers, remove_tree};
use sandbox::mirror::{Commit, Mirror};
use sandbox::repository::Repository;
use sandbox::workspace::run_dir;
use sandbox::{Identity, SandboxError};
use store::RunRecord;

use crate::desk::{Ground, kept_ref, parse_oid};
use crate::{Engine, EngineError};

/// What base checkouts and set-ups of a repository may take together, in bytes.
const LAYER_QUOTA: u64 = 20 << 30;

/// Tidies up after `own`, which has closed its measurement views.
pub(crate) fn after_run(ground: &Ground, own: RunId) -> Result<(), EngineError> {
    let engine = &ground.engine;
    remove_measurements(engine, own)?;
    for entry in std::fs::read_dir(engine.data_dir.join("workspaces")).into_iter().flatten().flatten() {
        if let Ok(run) = entry.file_name().to_string_lossy().parse::<RunId>() {
            let row = engine.desk.store.read_blocking(engine.desk.tenant, move |tx| tx.run(run))?;
            if let Some(row) = row.filter(|row| row.repo == ground.repository.top()) {
                finished_run(engine, &ground.mirror, &row)?;
            }
        }
    }
    Layers::new(&ground.mirror, owner_for(Identity::of_commands())).evict(LAYER_QUOTA)?;
    Ok(())
}

/// Removes what the process of a finished run could not remove itself.
pub(crate) fn orphan(engine: &Engine, row: &RunRecord) -> Result<(), EngineError> {
    remove_measurements(engine, row.id)?;
    if !run_dir(&engine.data_dir, &row.id.to_string()).exists() {
        return Ok(());
    }
    let Ok(repository) = Repository::discover(&row.repo) else { return Ok(()) };
    finished_run(engine, &Mirror::open(&engine.data_dir, &repository)?, row)
}

/// Removes measurement views of `own`, and of runs that no living process has: nothing of a run is in them.
fn remove_measurements(engine: &Engine, own: RunId) -> Result<(), EngineError> {
    for entry in std::fs::read_dir(engine.data_dir.join("workspaces")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(run) = measured_by(&name)
            && (run == own || !app::people::is_live(&engine.desk, run)?)
        {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes the directories of a finished run that nobody has, once a ref keeps its last snapshot.
fn finished_run(engine: &Engine, mirror: &Mirror, row: &RunRecord) -> Result<(), EngineError> {
    let dir = run_dir(&engine.data_dir, &row.id.to_string());
    if !row.state.is_finished() || !dir.exists() || app::people::is_live(&engine.desk, row.id)? {
        return Ok(());
    }
    let view = View::of(engine.history(row.id)?.iter().map(|(at, entry)| (*at, entry)));
    if view.has_change() {
        keep(mirror, row.id, &view)?;
    }
    remove(&dir)
}

/// Makes sure that a private ref of the mirror keeps a run's last snapshot.
pub(crate) fn keep(mirror: &Mirror, run: RunId, view: &View) -> Result<(), EngineError> {
    let name = kept_ref(run);
    let tree = parse_oid(&view.tree)?;
    let kept = mirror.read_ref(&name)?;
    if kept.is_some_and(|id| mirror.commit(id).is_ok_and(|commit| commit.tree == tree)) {
        return Ok(());
    }
    let settings = view.settings.as_ref().ok_or(EngineError::Incomplete("its first entry"))?;
    let author = sandbox::repository::Author {
        name: "AAMAS".into(),
        email: "snapshot@aamas.invalid".into(),
        configured: true,
    };
    let message = format!("Last snapshot of {run}");
    let parents = vec![parse_oid(&settings.base_commit)?];
    let commit = mirror.write_commit(&Commit { tree, parents, author, at_s: 0, message })?;
    mirror.write_ref(&name, commit)?;
    Ok(())
}

fn remove(dir: &Path) -> Result<(), EngineError> {
    let removing = |e| SandboxError::host(format!("remove {}", dir.display()), e);
    Ok(remove_tree(dir).map_err(removing)?)
}

/// The run that a measurement view belongs to; `None` for the directory of a run itself.
fn measured_by(name: &str) -> Option<RunId> {
    name.strip_suffix("-gates").or_else(|| name.strip_suffix("-base"))?.parse().ok()
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
    }
}

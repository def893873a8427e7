//! What earlier processes left behind: measurement views of the dead, and layers beyond the quota. Nothing of a run is
//! touched here; its own directories go only when a ref keeps what is in them.

use std::path::Path;

use sandbox::checkout::owner_for;
use sandbox::layers::{Layers, remove_tree};
use sandbox::{Identity, SandboxError};

use crate::desk::Ground;

/// What base checkouts and set-ups of a repository may take together, in bytes.
const LAYER_QUOTA: u64 = 20 << 30;

/// Tidies up after a run.
pub(crate) fn after_run(ground: &Ground) -> Result<(), SandboxError> {
    remove_orphans(&ground.engine.data_dir.join("workspaces"))
        .map_err(|e| SandboxError::host("remove what dead processes left", e))?;
    Layers::new(&ground.mirror, owner_for(Identity::of_commands())).evict(LAYER_QUOTA).map(drop)
}

fn remove_orphans(dir: &Path) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(pid) = name.to_str().and_then(measured_by)
            && !Path::new("/proc").join(pid.to_string()).exists()
        {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// The process that a measurement view belongs to; `None` for the directory of a run.
fn measured_by(name: &str) -> Option<u32> {
    let (rest, pid) = name.rsplit_once('-')?;
    let measurement = rest.ends_with("-gates") || rest.ends_with("-base");
    if measurement { pid.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_measurement_views_are_anybodys() {
        assert_eq!(measured_by("run_01k-gates-17"), Some(17));
        assert_eq!(measured_by("5681cca-base-4"), Some(4));
        assert_eq!(measured_by("run_01k"), None);
        assert_eq!(measured_by("run_01k-17"), None);
    }
}

//! `write_file`.

use std::path::Path;

use sandbox::beneath::Refusal;

use crate::arguments::WriteFile;
use crate::paths::{Access, Workspace, show};

pub(super) fn run(root: &Path, arguments: &WriteFile) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let path = workspace.path(&arguments.path, Access::Write)?;
    let shown = show(&path);
    let is_new = match workspace.files().metadata(&path) {
        Ok(_) => false,
        Err(error) if error.reason == Refusal::NotFound => true,
        Err(error) => return Err(workspace.refusal(&path, &error)),
    };
    if is_new {
        make_parents(&workspace, &path)?;
    }
    let content = arguments.content.as_bytes();
    workspace.files().write(&path, content).map_err(|error| workspace.refusal(&path, &error))?;
    let lines = arguments.content.lines().count();
    Ok(format!("{shown}: {} with {lines} lines", if is_new { "created" } else { "overwritten" }))
}

/// Makes the directories that a new file lies in.
pub(super) fn make_parents(workspace: &Workspace, path: &Path) -> Result<(), String> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => {
            workspace.files().create_dir_all(parent).map_err(|error| workspace.refusal(parent, &error))
        }
        None => Ok(()),
    }
}

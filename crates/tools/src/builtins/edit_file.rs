//! `edit_file`.

use std::path::Path;

use code::edit::{EditError, Edited, Occurrences, replace};

use super::{MAX_EDITED_BYTES, quoted};
use crate::arguments::EditFile;
use crate::paths::{Access, Workspace, show};

/// Places that are named after an edit.
const MAX_PLACES: usize = 10;

pub(super) fn run(root: &Path, arguments: &EditFile) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let path = workspace.path(&arguments.path, Access::Write)?;
    let source =
        workspace.files().read(&path, MAX_EDITED_BYTES).map_err(|error| workspace.refusal(&path, &error))?;
    let which = if arguments.replace_all { Occurrences::All } else { Occurrences::Only };
    let (old, new) = (arguments.old_text.as_bytes(), arguments.new_text.as_bytes());
    let edited = replace(&source, old, new, which).map_err(|error| refusal(&path, &error))?;
    workspace.files().write(&path, &edited.source).map_err(|error| workspace.refusal(&path, &error))?;
    Ok(format!("{}: {}", show(&path), summary(&edited)))
}

fn summary(edited: &Edited) -> String {
    let places: Vec<String> = edited.places.iter().take(MAX_PLACES).map(usize::to_string).collect();
    let more = if edited.places.len() > MAX_PLACES { ", …" } else { "" };
    let count = match edited.places.len() {
        1 => "replaced".to_owned(),
        count => format!("replaced {count} times"),
    };
    let (removed, added) = (edited.removed_lines, edited.added_lines);
    format!("{count} at line {}{more} (-{removed} +{added} lines)", places.join(", "))
}

fn refusal(path: &Path, error: &EditError) -> String {
    let shown = show(path);
    match error {
        EditError::Empty => format!("{shown}: {error}; write_file makes a new file"),
        EditError::Same => format!("{shown}: {error}; nothing to change"),
        EditError::Ambiguous { .. } => {
            format!("{shown}: {error}; quote more lines around it, or set replace_all. Nothing was changed.")
        }
        EditError::NotFound { nearest, .. } => {
            format!(
                "{shown}: {error}. Nothing was changed.{}",
                nearest.as_ref().map(quoted).unwrap_or_default()
            )
        }
    }
}
